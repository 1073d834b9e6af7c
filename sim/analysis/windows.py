"""From the ``series`` table to totals and means: states into the region, months into windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from sim.experiment.tables import pool_region, reduce_months
from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES

REGION = "region"
WHOLE_RUN = "whole run"
FINAL = "final"
PEAK = "peak"
IS_HIGHER_BETTER = np.array([item.better == "higher" for item in OUTCOMES])

RUN_KEYS = ("scenario", "point", "replication")
"""What identifies a run; only tables of sweeps have a ``point``."""
KEYS = ["scenario", "replication", "scope"]

F8 = NDArray[np.float64]
Part = tuple[pd.DataFrame, F8]
"""Keys of some rows, and their outcomes (n_rows, n_outcomes)."""


@dataclass(frozen=True, eq=False)
class Cube:
    """One part of the ``series`` table as an array.

    ``runs`` holds one column a key of a run (scenario, point in a sweep, replication), each of length n_runs;
    ``data`` (n_runs, n_months, n_scopes, n_outcomes) float64, the region first, then the states.
    """

    runs: dict[str, NDArray[Any]]
    scopes: tuple[str, ...]
    data: NDArray[np.float64]


def window_table(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Reduce monthly outcomes to windows: totals of flows, means of levels, the last value of stocks.

    Windows are the whole run; for a run of more than a year each of its years ("year 1" is its first twelve
    months); and, for a run of more than a month, ``final``, its last month, and ``peak``, its worst month: the
    highest value, or the lowest where higher is better. Scopes are the region (sums, or population-weighted means, as each outcome declares) and
    every state.

    Parameters
    ----------
    parts : iterable of DataFrame
        The ``series`` table in any number of parts, each holding whole runs; only one is in memory at a time.

    Returns
    -------
    DataFrame
        ``scenario, replication, scope, window`` (text as categories) and one column an outcome; ``point`` after
        ``scenario`` where the parts have it.
    """
    return _stack([_windows(cube) for cube in map(read_cube, parts) if cube is not None], [*KEYS, "window"])


def monthly_table(parts: Iterable[pd.DataFrame], scopes: Sequence[str] = (REGION,)) -> pd.DataFrame:
    """Keep the months, for the region and any states named.

    Returns
    -------
    DataFrame
        ``scenario, replication, scope, month`` and one column an outcome; ``point`` as in ``window_table``.
    """
    return _stack([_months(cube, scopes) for cube in map(read_cube, parts) if cube is not None], [*KEYS, "month"])


def read_cube(part: pd.DataFrame) -> Cube | None:
    """Arrange a part of the ``series`` table by run, month and scope; None if it has no rows."""
    if part.empty:
        return None
    identity = [name for name in RUN_KEYS if name in part.columns]
    order = [*identity, "month", "state"]
    frame = part.astype({"scenario": str, "state": str}).sort_values(order, kind="stable")
    states = tuple(sorted(frame["state"].unique()))
    months = int(frame["month"].max()) + 1
    heads = frame.iloc[:: months * len(states)]
    runs = len(frame[identity].drop_duplicates())
    if len(frame) != runs * months * len(states):
        raise ValueError("series: some months or states of a run are missing")
    values = frame[list(OUTCOME_NAMES)].to_numpy(np.float64).reshape(runs, months, len(states), -1)
    region = pool_region(values)[:, :, None, :]
    return Cube(
        runs={name: heads[name].to_numpy(str if name == "scenario" else np.int64) for name in identity},
        scopes=(REGION, *states),
        data=np.concatenate([region, values], axis=2),
    )


def windows_of(months: int) -> dict[str, slice]:
    """Name the windows of a run of so many months."""
    years = -(-months // 12)
    named = {f"year {year + 1}": slice(12 * year, min(12 * year + 12, months)) for year in range(years)}
    return {WHOLE_RUN: slice(0, months)} | (named if years > 1 else {})


def _windows(cube: Cube) -> Part:
    by_month = np.moveaxis(cube.data, 1, 0)
    reduced = {name: reduce_months(by_month[window]) for name, window in windows_of(len(by_month)).items()}
    if len(by_month) > 1:
        worst = np.where(IS_HIGHER_BETTER, by_month.min(axis=0), by_month.max(axis=0))
        reduced |= {FINAL: by_month[-1], PEAK: worst}
    runs, scopes = cube.data.shape[0], np.array(cube.scopes)
    values = np.stack(list(reduced.values()), axis=2)
    inner = {"scope": np.repeat(scopes, len(reduced)), "window": np.tile(np.array(list(reduced)), len(scopes))}
    return _part(cube, values.reshape(runs, len(scopes) * len(reduced), -1), inner)


def _months(cube: Cube, scopes: Sequence[str]) -> Part:
    chosen = [cube.scopes.index(scope) for scope in scopes]
    runs, months = cube.data.shape[:2]
    values = np.moveaxis(cube.data[:, :, chosen], 1, 2).reshape(runs, len(chosen) * months, -1)
    inner = {"scope": np.repeat(np.array(scopes), months), "month": np.tile(np.arange(months), len(chosen))}
    return _part(cube, values, inner)


def _part(cube: Cube, values: F8, inner: dict[str, NDArray[Any]]) -> Part:
    """One row a run and inner key; keys outermost first."""
    rows = values.shape[1]
    outer = {name: np.repeat(column, rows) for name, column in cube.runs.items()}
    keys = pd.DataFrame(outer | {name: np.tile(column, len(values)) for name, column in inner.items()})
    texts = [name for name in keys.columns if name in ("scenario", "scope", "window")]
    return keys.astype(dict.fromkeys(texts, "category")), values.reshape(len(keys), -1)


def _stack(parts: list[Part], keys: Sequence[str]) -> pd.DataFrame:
    """Join parts in the order of their keys; every value is copied once, and each part goes when it was."""
    if not parts:
        return pd.DataFrame(columns=[*keys, *OUTCOME_NAMES])
    heads = _joined([head for head, _ in parts])
    position = np.empty(len(heads), np.int64)
    plain = heads.astype({name: str for name in heads.columns if isinstance(heads[name].dtype, pd.CategoricalDtype)})
    position[plain.sort_values(list(heads.columns), kind="stable").index] = np.arange(len(heads))
    values = np.empty((len(OUTCOME_NAMES), len(heads)))
    start = 0
    parts.reverse()
    while parts:
        head, block = parts.pop()
        values[:, position[start : start + len(head)]] = block.T
        start += len(head)
    ordered = heads.iloc[np.argsort(position)].reset_index(drop=True)
    body = pd.DataFrame(values.T, columns=list(OUTCOME_NAMES), copy=False)
    return pd.concat([ordered, body], axis=1)


def _joined(heads: list[pd.DataFrame]) -> pd.DataFrame:
    """Join the keys of parts; text stays coded."""
    texts = [name for name in heads[0].columns if isinstance(heads[0][name].dtype, pd.CategoricalDtype)]
    for name in texts:
        whole = union_categoricals([head[name] for head in heads], sort_categories=True)
        kind = whole.dtype
        heads = [head.assign(**{name: head[name].astype(kind)}) for head in heads]
    return pd.concat(heads, ignore_index=True)
