"""SF6: whether the violence of an episode expands to neighbours, or moves away."""

from __future__ import annotations

from typing import Any

import numpy as np

from checks import intervals
from checks.facts.unquiet import simulated, unquiet_runs
from checks.lab import Lab
from checks.records import OWN, Finding, Picture, Value, Window, judged, measured_only, table
from checks.spread import Spread, neighbours, spread
from sim.region import find_region, load_region

NEAR_KM = 30.0
FEWEST = 8
"""New places next to which there could be a join, from which an episode is tested."""
MOST = 60


def tested(episode: dict[str, Any], near: np.ndarray) -> Spread | None:
    """Join counts of one episode among the districts of the community; None if too little happened."""
    places = sorted(set(episode["districts"]))
    index = {d: k for k, d in enumerate(places)}
    violent = np.zeros((episode["months"], len(places)), bool)
    for month, district, _ in episode["where"]:
        violent[month, index[district]] = True
    new = int((violent[1:] & ~violent[:-1]).sum())
    if new < FEWEST or len(places) < 6:
        return None
    made = spread(violent, near[np.ix_(places, places)], 199)
    return made if made.expected_expansion > 0 and made.expected_relocation > 0 else None


def expansion(lab: Lab) -> Finding:
    """Share of episodes with significant expansion and relocation; districts within 30 km are neighbours.

    The places drawn in permutations are the districts where the community of the group lives, so that living
    together is not taken for spreading.
    """
    runs = unquiet_runs(lab)
    region = load_region(find_region("western_balkans"), 2024)
    near = neighbours(region.district_lat, region.district_lon, NEAR_KM)
    episodes = [episode for run in runs for episode in run["episodes"]]
    made = [one for episode in episodes if (one := tested(episode, near)) is not None][:MOST]
    n = len(made)
    grew = intervals.proportion(sum(one.p_expansion < 0.05 for one in made), n)
    moved = intervals.proportion(sum(one.p_relocation < 0.05 for one in made), n)
    pooled = sum(one.expansion for one in made) / max(sum(one.expected_expansion for one in made), 1e-9)
    elsewhere = sum(one.relocation for one in made) / max(sum(one.expected_relocation for one in made), 1e-9)
    rows = (
        judged("Episodes with significant expansion (p < 0.05)", grew, Window(0.5, None, "", OWN), f"{n} episodes"),
        judged("Episodes with significant relocation", moved, Window(None, 0.5, "", OWN)),
        measured_only("Expansion joins over expected, all episodes", Value(pooled), ""),
        measured_only("Relocation joins over expected, all episodes", Value(elsewhere), ""),
    )
    order = np.arange(1, n + 1) / max(n, 1)
    parts = {
        "expansion": (np.sort([one.p_expansion for one in made]), order),
        "relocation": (np.sort([one.p_relocation for one in made]), order),
    }
    picture = Picture("p-value of an episode", "share of episodes below", table(parts), kind="steps")
    return Finding(
        rows,
        simulated(len(runs)),
        "Join counts by month against 199 permutations among the quiet districts of the community.",
        picture,
        suspected="Events are few: of 31 district-months with violence in the median episode 28 are new, so hardly any place "
        "is still violent when its neighbour becomes so, and a test of one episode has little power. Neither fighters nor "
        "attacks move between districts.",
        tried="Neighbours by distance; permutations within the community's districts. Recruitment from a seat outwards "
        "(recruit_half): pooled joins 1.57 times the expected instead of 1.41, significant in 17 % of episodes instead of "
        "10 %; with recruit_half 0.003 2.2 times and 12 %, in windows of half a year 32 %, but a quarter of the violence.",
    )
