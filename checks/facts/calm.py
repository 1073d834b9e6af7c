"""SF1 and SF2: ten-year baselines of the shipped region, with their rounds logged."""

from __future__ import annotations

from typing import Any

import numpy as np

from checks import intervals
from checks.lab import Lab
from checks.records import OWN, Finding, Picture, Value, Window, judged, table
from checks.worlds import finished
from sim.world.outcomes import OUTCOME_INDEX

CITIZENS = 20_000
YEARS, STATES = 10, 7
CROWD = 50
DRIFTING = ("tension", "legitimacy", "unemployment", "extremism", "crime", "influence")


def calm_run(replication: int, citizens: int = CITIZENS) -> dict[str, Any]:
    """Statistics of one ten-year baseline.

    ``incidents`` (n, 4) rows of round, district, incidents and deaths, where there was an incident.
    """
    model = finished("baseline_2024", citizens, replication)
    log = model.world.tallies.round_log
    total = log[0].sum(axis=1)
    series = model.world.recorder.series

    def column(name: str) -> Any:
        return series[:, :, OUTCOME_INDEX[name]]

    where = np.argwhere(log[1] > 0)
    hits = np.column_stack([where, log[1][tuple(where.T)], log[2][tuple(where.T)]])
    return {
        "empty": float((log[0] < CROWD).mean()),
        "peak": float(total.max() / np.median(total)),
        "spread": float(total.std() / total.mean()),
        "onsets": float(column("onset").sum()),
        "participants": float(column("participants").sum()),
        "incidents": float(column("incidents").sum()),
        "deaths": float(column("communal_deaths").sum()),
        "weekly": total.tolist() if replication == 0 else [],
        "hits": hits.tolist(),
        **{f"drift {n}": float(column(n)[-1].mean() - column(n)[0].mean()) for n in DRIFTING},
    }


def calm_runs(lab: Lab) -> list[dict[str, Any]]:
    """The baselines that SF1, SF2, SF4, SF5 and SF7 share."""
    made: list[dict[str, Any]] = lab.once("calm", lambda: lab.map(calm_run, [(r,) for r in range(lab.size(60, 8))]))
    return made


def simulated(runs: int) -> str:
    """What the baselines are, in words."""
    return f"baseline_2024, {runs} replications of 120 months, {CITIZENS:,} citizens"


def base_rate(lab: Lab) -> Finding:
    """Onsets of a 25-death episode per state and year, over all replications, with Garwood's interval."""
    runs = calm_runs(lab)
    rate = intervals.poisson_rate(int(sum(run["onsets"] for run in runs)), len(runs) * YEARS * STATES)
    per_hundred = Value(100 * rate.value, 100 * rate.low, 100 * rate.high)
    row = judged("Onsets per 100 state-years", per_hundred, Window(0.0, 2.15, "per 100 state-years", strict=True))
    counts = np.bincount([int(run["onsets"]) for run in runs])
    picture = Picture(
        "onsets in ten years, all states",
        "replications",
        table({"baseline": (range(counts.size), counts.tolist())}),
        kind="bars",
    )
    return Finding((row,), simulated(len(runs)), "Exact interval of a Poisson rate over state-years.", picture)


def bursts(lab: Lab) -> Finding:
    """Turn-out by district and round (a quarter month): how much is empty, how far the peaks stand out."""
    runs = calm_runs(lab)
    empty = intervals.mean([100 * run["empty"] for run in runs])
    rows = (
        judged("District-weeks without a crowd of 50", empty, Window(60.0, None, "%", OWN)),
        judged(
            "Peak over median weekly turn-out, median run",
            intervals.bootstrap(lambda units: float(np.median(units)), [run["peak"] for run in runs]),
            Window(10.0, None, "", OWN),
        ),
        judged(
            "S.d. over mean of weekly turn-out, median run",
            intervals.bootstrap(lambda units: float(np.median(units)), [run["spread"] for run in runs]),
            Window(1.5, None, "", OWN, strict=True),
        ),
    )
    weekly = runs[0]["weekly"]
    years = [week / 48 for week in range(len(weekly))]
    picture = Picture("year", "persons turning out in a week", table({"replication 0": (years, weekly)}), log_y=True)
    return Finding(rows, simulated(len(runs)), "A week is a round of a quarter month.", picture)
