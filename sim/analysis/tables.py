"""From stored results to tables that can be compared, and from tables to files.

The ``series`` table is reduced in two directions: states into the region, months into windows. Each run of a scenario is
then paired with the run of the baseline that has the same random draws (same replication, and same design point in a
sweep): every comparison in this package starts from such pairs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from sim.errors import InputError
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
POINT = 1 << 32
"""Pairs in sweeps agree in point and replication; one number holds both."""
FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n")

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
Part = tuple[pd.DataFrame, F8]
"""Keys of some rows, and their outcomes (n_rows, n_outcomes)."""


def window_table(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Reduce monthly outcomes to windows: totals of flows, means of levels, the last value of stocks.

    Windows are the whole run; for a run of more than a year each of its years ("year 1" is its first twelve
    months); and, for a run of more than a month, ``final``, its last month, and ``peak``, its worst month: the
    highest value, or the lowest where higher is better. Scopes are the region (sums, or population-weighted means, as
    each outcome declares) and every state.

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


@dataclass(frozen=True, eq=False)
class Cube:
    """One part of the ``series`` table as an array.

    ``runs`` holds one column a key of a run (scenario, point in a sweep, replication), each of length n_runs;
    ``data`` (n_runs, n_months, n_scopes, n_outcomes) float64, the region first, then the states.
    """

    runs: dict[str, NDArray[Any]]
    scopes: tuple[str, ...]
    data: F8


def read_cube(part: pd.DataFrame) -> Cube | None:
    """Arrange a part of the ``series`` table by run, month and scope; None if it has no rows."""
    if part.empty:
        return None
    identity = [name for name in RUN_KEYS if name in part.columns]
    frame = part.astype({"scenario": str, "state": str}).sort_values([*identity, "month", "state"], kind="stable")
    states = tuple(sorted(frame["state"].unique()))
    months = int(frame["month"].max()) + 1
    heads = frame.iloc[:: months * len(states)]
    runs = len(frame[identity].drop_duplicates())
    if len(frame) != runs * months * len(states):
        raise ValueError("series: some months or states of a run are missing")
    values = frame[list(OUTCOME_NAMES)].to_numpy(np.float64).reshape(runs, months, len(states), -1)
    return Cube(
        runs={name: heads[name].to_numpy(str if name == "scenario" else np.int64) for name in identity},
        scopes=(REGION, *states),
        data=np.concatenate([pool_region(values)[:, :, None, :], values], axis=2),
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
    scopes, values = np.array(cube.scopes), np.stack(list(reduced.values()), axis=2)
    inner = {"scope": np.repeat(scopes, len(reduced)), "window": np.tile(np.array(list(reduced)), len(scopes))}
    return _part(cube, values, inner)


def _months(cube: Cube, scopes: Sequence[str]) -> Part:
    chosen, months = [cube.scopes.index(scope) for scope in scopes], cube.data.shape[1]
    inner = {"scope": np.repeat(np.array(scopes), months), "month": np.tile(np.arange(months), len(chosen))}
    return _part(cube, np.moveaxis(cube.data[:, :, chosen], 1, 2), inner)


def _part(cube: Cube, values: F8, inner: dict[str, NDArray[Any]]) -> Part:
    """One row a run and inner key, from values (n_runs, n_scopes, n_windows or n_months, n_outcomes)."""
    runs, rows = len(values), values.shape[1] * values.shape[2]
    outer = {name: np.repeat(column, rows) for name, column in cube.runs.items()}
    keys = pd.DataFrame(outer | {name: np.tile(column, runs) for name, column in inner.items()})
    texts = [name for name in keys.columns if name in ("scenario", "scope", "window")]
    return keys.astype(dict.fromkeys(texts, "category")), values.reshape(len(keys), -1)


def _stack(parts: list[Part], keys: Sequence[str]) -> pd.DataFrame:
    """Join parts in the order of their keys; every value is copied once, and each part is freed after it is copied."""
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
    return pd.concat([ordered, pd.DataFrame(values.T, columns=list(OUTCOME_NAMES), copy=False)], axis=1)


def _joined(heads: list[pd.DataFrame]) -> pd.DataFrame:
    """Join the keys of parts; text stays coded."""
    for name in [name for name in heads[0].columns if isinstance(heads[0][name].dtype, pd.CategoricalDtype)]:
        kind = union_categoricals([head[name] for head in heads], sort_categories=True).dtype
        heads = [head.assign(**{name: head[name].astype(kind)}) for head in heads]
    return pd.concat(heads, ignore_index=True)


@dataclass(frozen=True, eq=False)
class Pairs:
    """A scenario's runs beside the baseline's, same replication on the same row.

    ``treated`` and ``reference`` (n_pairs, n_rows, n_columns) float64; ``rows`` holds the n_rows keys.
    ``points`` and ``replications`` (n_pairs,) say which design point (None outside sweeps) and replication, ``draws``
    which parameter set was drawn (None where all had the central one).
    """

    scenario: str
    rows: pd.DataFrame
    treated: F8
    reference: F8
    points: I8 | None
    replications: I8
    draws: I8 | None = None

    @property
    def n(self) -> int:
        """Number of pairs."""
        return int(self.treated.shape[0])


def paired(table: pd.DataFrame, baseline: str, keys: Sequence[str], columns: Sequence[str]) -> Iterator[Pairs]:
    """Pair every scenario with the baseline by replication (and point); what either lacks is left out.

    Parameters
    ----------
    table : DataFrame
        ``scenario``, ``replication``, ``point`` in sweeps, ``draw`` where parameters are drawn, the ``keys`` (the same
        rows in every run) and the ``columns``.
    baseline : str
        Key of the reference scenario.
    keys, columns : sequence of str
        What identifies a row within a run; what is compared.

    Yields
    ------
    Pairs
        One per scenario other than the baseline that has at least one pair, in order of first appearance.
    """
    order = list(dict.fromkeys(table["scenario"]))
    if baseline not in order:
        raise InputError(f"baseline {baseline}: it has no finished run to compare with")
    rows, base_identity, base_values = _runs(table, baseline, keys, columns)
    drawn = None
    if "draw" in table.columns:
        drawn = table.drop_duplicates("replication").set_index("replication")["draw"]
    for name in order:
        if name == baseline:
            continue
        own_rows, identity, values = _runs(table, name, keys, columns)
        if not own_rows.equals(rows):
            raise InputError(f"scenario {name}: covers other months, states or districts than the baseline")
        shared, mine, theirs = np.intersect1d(identity, base_identity, return_indices=True)
        if len(shared):
            points = shared // POINT if "point" in table.columns else None
            number = shared % POINT
            draws = None if drawn is None else drawn.reindex(number).to_numpy(np.int64)
            yield Pairs(str(name), rows, _taken(values, mine), _taken(base_values, theirs), points, number, draws)


def _runs(
    table: pd.DataFrame, scenario: object, keys: Sequence[str], columns: Sequence[str]
) -> tuple[pd.DataFrame, I8, F8]:
    """Keys of the rows of one scenario, what identifies its runs, and their values (n_runs, n_rows, n_columns)."""
    heads = table.loc[table["scenario"] == scenario, [c for c in ("point", "replication", *keys) if c in table.columns]]
    texts = [name for name in keys if not pd.api.types.is_numeric_dtype(heads[name])]
    heads = heads.astype(dict.fromkeys(texts, str)).sort_values(list(heads.columns), kind="stable")
    identity = heads["replication"].to_numpy(np.int64)
    if "point" in heads:
        identity = identity + heads["point"].to_numpy(np.int64) * POINT
    distinct = np.unique(identity)
    n_rows = len(heads) // len(distinct)
    if len(heads) != n_rows * len(distinct):
        raise InputError(f"scenario {scenario}: its runs do not cover the same rows")
    where = table.index.get_indexer(heads.index)
    values = np.empty((len(where), len(columns)))
    for number, name in enumerate(columns):
        values[:, number] = table[name].to_numpy()[where]
    rows = heads[list(keys)].iloc[:n_rows].reset_index(drop=True)
    return rows, distinct, values.reshape(len(distinct), n_rows, len(columns))


def _taken(values: F8, chosen: NDArray[np.intp]) -> F8:
    """Pick runs, without a copy where all are picked in order."""
    return values if np.array_equal(chosen, np.arange(len(values))) else values[chosen]


def finished(runs: pd.DataFrame) -> pd.DataFrame:
    """Keep the finished runs of a ``runs`` table; ``scenario`` becomes plain text."""
    done = runs[runs["status"] == "done"] if "status" in runs else runs
    return done.astype({"scenario": str})


def plain_text(value: object) -> str:
    """Make text safe as a cell: no control characters, a quote before what a spreadsheet would run."""
    text = "".join(character if character.isprintable() else " " for character in str(value))
    return f"'{text}" if str(value).startswith(FORMULA_START) or text.lstrip().startswith(FORMULA_START) else text


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as UTF-8 CSV in one step; text cells cannot become formulas; numbers keep nine digits."""
    safe = table.copy()
    for name in safe.columns:
        if not (pd.api.types.is_numeric_dtype(safe[name]) or pd.api.types.is_bool_dtype(safe[name])):
            safe[name] = safe[name].map(plain_text)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    safe.to_csv(temporary, index=False, float_format="%.9g", lineterminator="\n", encoding="utf-8")
    temporary.replace(path)
