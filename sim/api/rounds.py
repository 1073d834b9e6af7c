"""Sequential replications: after each round, how wide the interval is that must become narrow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from sim.analysis import REGION
from sim.analysis.statistics import mean_estimate
from sim.experiment import Store, Until
from sim.world.outcomes import OUTCOMES

KEYS = ["scenario", "point", "replication"]


def widest(folder: Path, rule: Until, baseline: str, replications: int) -> float:
    """Return the width of the widest 95 % interval the rule looks at, over all scenarios and points.

    Only the first ``replications`` histories count, and of those the finished ones: a folder that already
    holds more gives the same answer. Infinite where a point has fewer than two.
    """
    values = outcome_of_runs(folder, rule.outcome, rule.scope)
    values = values[values["replication"] < replications]
    if rule.contrast == "difference":
        base = values[values["scenario"] == baseline].set_index(KEYS[1:])["value"]
        others = values[values["scenario"] != baseline].join(base.rename("base"), on=KEYS[1:], how="inner")
        values = others.assign(value=others["value"] - others["base"])
    widths = [_width(group["value"].to_numpy(np.float64)) for _, group in values.groupby(KEYS[:2], sort=True)]
    return max(widths, default=float("inf"))


def outcome_of_runs(folder: Path, outcome: str, scope: str) -> pd.DataFrame:
    """Read one outcome over the whole run, of every finished run.

    Returns
    -------
    DataFrame
        ``scenario``, ``point``, ``replication`` and ``value``, in that order of rows.
    """
    store = Store(folder)
    columns = ["run", *KEYS, "status", outcome]
    runs = pd.concat([part.to_pandas() for part in store.read("runs", columns)], ignore_index=True)
    runs = runs[runs["status"] == "done"]
    if scope == REGION:
        found = runs.rename(columns={outcome: "value"})
    else:
        kind = next(item.kind for item in OUTCOMES if item.name == outcome)
        how = {"flow": "sum", "stock": "last", "level": "mean"}[kind]
        read = []
        for part in store.read("series", ["run", "month", "state", outcome]):
            frame = part.to_pandas()
            frame = frame[frame["state"] == scope].astype({"run": str, outcome: np.float64})
            read.append(frame.sort_values("month").groupby("run")[outcome].agg(how))
        found = runs.join(pd.concat(read).rename("value"), on="run")
    table: pd.DataFrame = found[[*KEYS, "value"]].sort_values(KEYS, ignore_index=True)
    return table


def _width(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    if len(values) < 2:
        return float("inf")
    found = mean_estimate(values)
    return float(found.high - found.low)
