"""Communities of states: which may take up arms, their kin, and what they live with this month."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from sim.agents.armed_group import ArmedGroup
from sim.types import Array, Geography
from sim.world.presence import TROOPS
from sim.world.world import World

if TYPE_CHECKING:
    from sim.model.month import StabilityModel

SMALLEST_GROUP = 20_000
"""Residents from which a community of a state is followed as a possible home of an armed group."""


def armed_groups(model: StabilityModel) -> list[ArmedGroup]:
    """Make the armed groups of a model: of the larger communities, and of those that the script arms."""
    region, scripted = model.setting.region, model.script.named()
    groups = []
    for group in range(region.n_groups):
        community = region.communities[region.group_community[group]]
        large = community != "other" and region.group_population[group] >= SMALLEST_GROUP
        if large or group in scripted:
            state = region.states[region.group_state[group]]
            name = f"armed group ({community}, {state})"
            groups.append(ArmedGroup(model, name, int(region.group_uid[group]), group))
    return groups


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
