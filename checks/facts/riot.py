"""SF12: the rumour of March 2004 against the same world without it."""

from __future__ import annotations

import numpy as np

from checks import intervals
from checks.lab import Lab
from checks.records import OWN, Finding, Picture, Value, Window, judged, table
from checks.worlds import finished

CROWD = 200
"""Persons of a crowd that counts as a riot site."""
WEEK = 4 * 8 + 2
"""Round of 17 March 2004, counted from July 2003."""
YEARS = 1.5


def rumour_run(name: str, replication: int) -> dict[str, float]:
    """What happened in Kosovo in the week of 17 March 2004, and at most in any other."""
    model = finished(name, 20_000, replication)
    region = model.setting.region
    here = np.flatnonzero(region.district_state == region.states.index("XKX"))
    people = float(region.district_population[here].sum())
    log = model.world.tallies.round_log[:, :, here]
    return {
        "share": float(log[0, WEEK].sum() / people),
        "sites": float((log[0, WEEK] >= CROWD).sum()),
        "deaths": float(log[2, WEEK : WEEK + 2].sum()),
        "participants": float(log[0, WEEK].sum()),
        "incidents": float(log[1].sum(axis=1).max()),
        "peak": float(log[0].sum(axis=1).max() / people),
    }


def march_2004(lab: Lab) -> Finding:
    """Share of runs with a riot of that size, deaths per participant, and such violence without the rumour."""
    runs = lab.size(80, 12)
    names = ("rumour_march_2004", "kosovo_2004")
    made = lab.map(rumour_run, [(name, r) for r in range(runs) for name in names])
    told, calm = made[0::2], made[1::2]
    hits = sum(one["sites"] >= 20 and 0.01 <= one["share"] <= 0.05 for one in told)
    share = intervals.proportion(hits, runs)
    deaths = intervals.ratio_of_sums([one["deaths"] for one in told], [one["participants"] for one in told])
    riots = sum(one["incidents"] >= 20 for one in calm)
    rate = intervals.poisson_rate(riots, YEARS * runs)
    rows = (
        judged("Runs with 20 sites and 1-5 % of residents out", _percent(share), Window(5.0, None, "%", OWN)),
        judged("Deaths per participant", deaths, Window(1e-4, 1e-3)),
        judged("Years with such violence without a rumour", _percent(rate), Window(None, 1.0, "%", OWN)),
    )
    points = {
        "with the rumour": ([100 * one["share"] for one in told], [one["sites"] for one in told]),
        "without": ([max(100 * one["share"], 1e-4) for one in calm], [one["sites"] for one in calm]),
    }
    picture = Picture(
        "residents out in the week of 17 March 2004, %", "sites (crowds of 200)", table(points), "points", log_x=True
    )
    return Finding(
        rows,
        f"rumour_march_2004 and kosovo_2004, {runs} replications each of 18 months",
        "Kosovo by district in the week of the rumour; without it, a week with 20 incidents or more counts.",
        picture,
    )


def _percent(value: Value) -> Value:
    return Value(100 * value.value, 100 * value.low, 100 * value.high)
