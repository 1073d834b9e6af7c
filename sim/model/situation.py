"""What institutions can see: the region at the start of a month, read once and in bulk into plain Python."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import fsum

import numpy as np

from sim.agents.armed_group import ArmedGroup
from sim.agents.base import Activity, Situation
from sim.model.programmes import DEPLOYING, PROPOSED, RUNNING, Delivery
from sim.region import Region
from sim.scenario import Scenario
from sim.types import CIVIC_SPACE, CREDIBILITY, OVERSIGHT, Array, Geography
from sim.world.levers import LEVER_BY_NAME
from sim.world.outcomes import OUTCOME_INDEX, OUTCOME_NAMES, OUTCOMES
from sim.world.presence import OBSERVERS, TROOPS, standing_missions
from sim.world.recorder import record_month
from sim.world.world import World


def read_indicator(situation: Situation, state_people: Array, name: str, where: str) -> float:
    """An outcome or a field of last month, in a state (by its code) or the ``region``."""
    values = situation.outcomes[name]
    if where != "region":
        return values[situation.states.index(where)]
    if name in OUTCOME_INDEX and OUTCOMES[OUTCOME_INDEX[name]].pool == "sum":
        return fsum(values)
    people: list[float] = state_people.tolist()
    return fsum(n * v for n, v in zip(people, values, strict=True)) / fsum(people)


def information(world: World) -> list[float]:
    """Share of observation noise removed in each state: by programmes and by monitors on the ground."""
    levers, setting = world.levers.totals, world.setting
    monitors = np.maximum(world.standing[OBSERVERS] + levers["observers"], 0.0)
    per_state = np.minimum(1e4 * monitors / setting.geography.state_people, 1.0)
    seen = levers["information"] + setting.parameters.monitor_information * per_state
    return np.clip(seen, 0.0, 1.0).tolist()  # type: ignore[no-any-return]


def mission_dose(world: World) -> list[float]:
    """Troops in each state as a share of a full mission, at most 1."""
    setting = world.setting
    troops = world.standing[TROOPS] + np.maximum(world.levers.totals["troops"], 0.0)
    dose = 1000.0 * troops / setting.geography.state_people / setting.parameters.mission_full
    return np.minimum(dose, 1.0).tolist()  # type: ignore[no-any-return]


def missions(region: Region, spec: Scenario, month: int, limited: float, shares: dict[str, float]) -> Array:
    """Standing missions in a month of a run, (4, n_s) persons; ``shares`` is what is left of those that leave."""
    date = spec.start_month - 1 + month
    year, month = spec.start_year + date // 12, date % 12 + 1
    if shares:
        return standing_missions(region, year, month, limited, shares)
    return _all_missions(region, year, month, limited)


@lru_cache(maxsize=1024)
def _all_missions(region: Region, year: int, month: int, limited: float) -> Array:
    """Standing missions of a month in which none is withdrawn."""
    return standing_missions(region, year, month, limited)


def last_outcomes(world: World) -> dict[str, list[float]]:
    """Last month's outcomes and some levels, by state; before the first month, levels as the data put them, no flows."""
    row = world.recorder.series[max(world.month - 1, 0)]
    if world.month == 0:
        row = np.zeros_like(row)
        record_month(row, world.setting.geography, world.fields, world.tallies, world.protracted)
    outcomes = dict(zip(OUTCOME_NAMES, row.T.tolist(), strict=True))
    outcomes["civic_space"] = world.fields.slow[CIVIC_SPACE].tolist()
    outcomes["credibility"] = world.fields.slow[CREDIBILITY].tolist()
    outcomes["oversight"] = world.fields.slow[OVERSIGHT].tolist()
    outcomes["energy"] = world.fields.energy.tolist()
    return outcomes


def activities(deliveries: list[Delivery], month: int, *, adaptive: bool) -> tuple[Activity, ...]:
    """Programmes as institutions know them; a scripted run needs them only while a proposal waits."""
    known = (PROPOSED, DEPLOYING, RUNNING) if adaptive else (PROPOSED,)
    return tuple(
        Activity(
            uid=one.uid,
            key=one.key,
            row=one.entry.row,
            status=one.status,
            since=one.since,
            left=_months_left(one, month),
            approval=one.approval,
            persons=any(LEVER_BY_NAME[pull.lever].kind == "persons" for pull in one.source.pulls),
            meur_per_year=one.meur_per_year,
            shares=tuple(one.states.tolist()),
        )
        for one in deliveries
        if one.status in known
    )


def _months_left(delivery: Delivery, month: int) -> int | None:
    """Months that a running programme still has, this one included; None until the end."""
    if delivery.months is None or delivery.status != RUNNING:
        return None
    return delivery.since + delivery.months - month


def district_means(world: World) -> dict[str, list[float]]:
    """Means over residents of every district, in bulk."""
    g, fields = world.setting.geography, world.fields
    youth = np.minimum(fields.youth_ratio[g.cell_state] * fields.unemployment, 0.95)
    levels = {"tension": fields.tension, "legitimacy": fields.legitimacy, "youth_unemployment": youth}
    return {
        f"district_{name}": (
            np.bincount(g.cell_district, weights=level * g.cell_people, minlength=g.district_people.size)
            / g.district_people
        ).tolist()
        for name, level in levels.items()
    }


def kin_states(g: Geography) -> list[tuple[int, ...]]:
    """Other states in which each group has kin."""
    return [
        tuple(sorted({int(g.group_state[k]) for k in g.kin_group[g.kin_start[i] : g.kin_start[i + 1]]}))
        for i in range(g.group_people.size)
    ]


def states_with(groups: Iterable[ArmedGroup], n_states: int) -> Array:
    """1 for every state with one of some armed groups, else 0, (n_s,)."""
    out = np.zeros(n_states)
    for group in groups:
        out[group.state] = 1.0
    return out


def group_sums(g: Geography, cells: Array) -> list[int]:
    """Sums of whole numbers over the cells of each group."""
    totals = np.zeros(g.group_people.size, np.int64)
    if cells.any():
        np.add.at(totals, g.cell_group, cells)
    return totals.tolist()  # type: ignore[no-any-return]


def group_means(g: Geography, cells: Array) -> list[float]:
    """Means over the residents of each group."""
    totals = np.bincount(g.cell_group, weights=cells * g.cell_people, minlength=g.group_people.size)
    return (totals / g.group_people).tolist()  # type: ignore[no-any-return]


def forces_against(world: World) -> list[float]:
    """Officers and soldiers that each group would face where its community lives."""
    g = world.setting.geography
    officers = np.bincount(
        g.cell_group,
        weights=world.inputs.officers[g.cell_district] * g.cell_people,
        minlength=g.group_people.size,
    )
    soldiers = (world.standing[TROOPS] + world.levers.totals["troops"])[g.group_state]
    return (officers + soldiers * g.group_people / g.state_people[g.group_state]).tolist()  # type: ignore[no-any-return]
