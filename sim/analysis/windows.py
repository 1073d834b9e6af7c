"""From the ``series`` table to totals and means: states into the region, months into windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.experiment.summary import pool_region, reduce_months
from sim.world.outcomes import OUTCOME_NAMES

REGION = "region"
WHOLE_RUN = "whole run"

KEYS = ["scenario", "replication", "scope"]


@dataclass(frozen=True, eq=False)
class Cube:
    """One part of the ``series`` table as an array.

    ``data`` (n_runs, n_months, n_scopes, n_outcomes) float64, the region first, then the states.
    """

    scenarios: NDArray[np.str_]
    replications: NDArray[np.int64]
    scopes: tuple[str, ...]
    data: NDArray[np.float64]


def window_table(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Reduce monthly outcomes to windows: totals of flows, means of levels, the last value of stocks.

    Windows are the whole run and, for a run of more than a year, each of its years ("year 1" is its first
    twelve months). Scopes are the region (sums, or population-weighted means, as each outcome declares) and
    every state.

    Parameters
    ----------
    parts : iterable of DataFrame
        The ``series`` table in any number of parts, each holding whole runs; only one is in memory at a time.

    Returns
    -------
    DataFrame
        ``scenario, replication, scope, window`` and one column an outcome.
    """
    return _stack([_windows(cube) for cube in map(read_cube, parts) if cube is not None], [*KEYS, "window"])


def monthly_table(parts: Iterable[pd.DataFrame], scopes: Sequence[str] = (REGION,)) -> pd.DataFrame:
    """Keep the months, for the region and any states named.

    Returns
    -------
    DataFrame
        ``scenario, replication, scope, month`` and one column an outcome.
    """
    return _stack([_months(cube, scopes) for cube in map(read_cube, parts) if cube is not None], [*KEYS, "month"])


def read_cube(part: pd.DataFrame) -> Cube | None:
    """Arrange a part of the ``series`` table by run, month and scope; None if it has no rows."""
    if part.empty:
        return None
    order = ["scenario", "replication", "month", "state"]
    frame = part.astype({"scenario": str, "state": str}).sort_values(order, kind="stable")
    states = tuple(sorted(frame["state"].unique()))
    months = int(frame["month"].max()) + 1
    heads = frame.iloc[:: months * len(states)]
    runs = len(frame[["scenario", "replication"]].drop_duplicates())
    if len(frame) != runs * months * len(states):
        raise ValueError("series: some months or states of a run are missing")
    values = frame[list(OUTCOME_NAMES)].to_numpy(np.float64).reshape(runs, months, len(states), -1)
    region = pool_region(values)[:, :, None, :]
    return Cube(
        scenarios=heads["scenario"].to_numpy(str),
        replications=heads["replication"].to_numpy(np.int64),
        scopes=(REGION, *states),
        data=np.concatenate([region, values], axis=2),
    )


def windows_of(months: int) -> dict[str, slice]:
    """Name the windows of a run of so many months."""
    years = -(-months // 12)
    named = {f"year {year + 1}": slice(12 * year, min(12 * year + 12, months)) for year in range(years)}
    return {WHOLE_RUN: slice(0, months)} | (named if years > 1 else {})


def _windows(cube: Cube) -> pd.DataFrame:
    by_month = np.moveaxis(cube.data, 1, 0)
    frames = []
    for name, window in windows_of(cube.data.shape[1]).items():
        frame = _frame(cube, reduce_months(by_month[window]), cube.scopes)
        frame.insert(3, "window", name)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _months(cube: Cube, scopes: Sequence[str]) -> pd.DataFrame:
    chosen = [cube.scopes.index(scope) for scope in scopes]
    runs, months, n_scopes = *cube.data.shape[:2], len(chosen)
    flat = cube.data[:, :, chosen].reshape(runs, months * n_scopes, -1)
    frame = _frame(cube, flat, tuple(np.tile(np.array(scopes), months)))
    frame.insert(3, "month", np.tile(np.repeat(np.arange(months), n_scopes), runs))
    return frame


def _frame(cube: Cube, values: NDArray[np.float64], scopes: tuple[str, ...]) -> pd.DataFrame:
    runs, n_scopes, _ = values.shape
    frame = pd.DataFrame(values.reshape(runs * n_scopes, -1), columns=list(OUTCOME_NAMES))
    frame.insert(0, "scenario", np.repeat(cube.scenarios, n_scopes))
    frame.insert(1, "replication", np.repeat(cube.replications, n_scopes))
    frame.insert(2, "scope", np.tile(np.array(scopes), runs))
    return frame


def _stack(frames: list[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    if not frames:
        return pd.DataFrame(columns=[*keys, *OUTCOME_NAMES])
    return pd.concat(frames, ignore_index=True).sort_values(keys, kind="stable", ignore_index=True)
