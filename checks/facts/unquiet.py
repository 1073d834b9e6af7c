"""The shipped region with armed groups that form twenty times as often: enough episodes to measure their shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from checks.lab import Lab
from checks.worlds import model_of, run
from sim.agents.armed_group import LATENT
from sim.model.month import StabilityModel
from sim.types import ARMED_DEATHS, ARMED_EVENTS

HAZARD = 0.04
"""Formation of groups a year; the default is 0.002. What happens once a group exists does not depend on it."""
MONTHS = 120
Episode = dict[str, Any]


def unquiet_run(replication: int) -> dict[str, Any]:
    """Episodes of one ten-year run, and the deaths of armed events.

    ``episodes``: state, deaths, months, ``where`` rows of (month of the episode, district, events) and the districts
    of the community. ``sizes``: deaths in cell-months with exactly one armed event of one group.
    """
    model = model_of("baseline_2024", 20_000, replication, MONTHS, (("group_hazard", HAZARD),))
    g = model.setting.geography
    open_episodes: dict[int, Episode] = {}
    done: list[Episode] = []
    sizes: list[int] = []

    def watch(model: StabilityModel) -> None:
        month = model.world.tallies.month
        events, deaths = month[ARMED_EVENTS], model.world.tallies.group_deaths
        _note_sizes(month, g, sizes)
        for group in model.armed_groups:
            known = open_episodes.get(group.group)
            if group.status == LATENT or group.status != "active":
                if known is not None:
                    done.append(open_episodes.pop(group.group))
                continue
            if known is None:
                cells = np.flatnonzero(g.cell_group == group.group)
                known = {
                    "group": group.group, "state": group.state, "deaths": 0, "months": 0, "where": [],
                    "districts": g.cell_district[cells].tolist(), "ended": True,
                }  # fmt: skip
                open_episodes[group.group] = known
            known["deaths"] += int(deaths[group.group])
            for cell in np.flatnonzero((g.cell_group == group.group) & (events > 0)).tolist():
                known["where"].append((known["months"], int(g.cell_district[cell]), int(events[cell])))
            known["months"] += 1

    run(model, watch)
    for left in open_episodes.values():
        left["ended"] = False
        done.append(left)
    return {"episodes": done, "sizes": sizes}


def _note_sizes(month: Any, g: Any, sizes: list[int]) -> None:
    """Deaths of districts in which one armed event happened this month, and no more."""
    n_d = g.district_people.size
    events = np.bincount(g.cell_district, month[ARMED_EVENTS], n_d)
    deaths = np.bincount(g.cell_district, month[ARMED_DEATHS], n_d)
    sizes.extend(int(n) for n in deaths[(events == 1) & (deaths > 0)])


def unquiet_runs(lab: Lab) -> list[dict[str, Any]]:
    """The runs that SF4, SF6 and SF7 share."""
    made: list[dict[str, Any]] = lab.once(
        "unquiet", lambda: lab.map(unquiet_run, [(r,) for r in range(lab.size(40, 4))])
    )
    return made


def simulated(runs: int) -> str:
    """What these runs are, in words."""
    return (
        f"baseline_2024 with group_hazard = {HAZARD:g} (20 times the default), {runs} replications of {MONTHS} months"
    )
