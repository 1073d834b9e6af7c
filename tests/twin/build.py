"""Build the twin's objects from the arrays of a `Setting`: the same people in the same places."""

from __future__ import annotations

from typing import Any

from sim.types import SLOW_FIELDS

from .arithmetic import saturate
from .places import Cell, Dispute, District, Field, Group, State


def build(model: Any, setting: Any, citizen_class: Any) -> None:
    """Give ``model`` its states, groups, districts, cells, disputes and citizens."""
    g, f = setting.geography, setting.fields
    model.states = [State(i, uid, people) for i, uid, people in zip_lists(g.state_uid, g.state_people)]
    model.groups = [
        Group(i, uid, people, model.states[g.group_state[i]])
        for i, uid, people in zip_lists(g.group_uid, g.group_people)
    ]
    model.districts = [
        District(i, uid, people, model.states[g.district_state[i]])
        for i, uid, people in zip_lists(g.district_uid, g.district_people)
    ]
    model.cells = [
        Cell(i, uid, people, model.districts[g.cell_district[i]], model.groups[g.cell_group[i]])
        for i, uid, people in zip_lists(g.cell_uid, g.cell_people)
    ]
    link(model, g)
    fill_states(model, setting)
    fill_places(model, f, g, model.p)
    populate(model, setting.population, citizen_class)


def zip_lists(uid: Any, people: Any) -> Any:
    """Position, identity (uint64, as the draws want it) and residents (float) of each place."""
    return zip(range(uid.size), uid, people.tolist(), strict=True)


def rows(start: Any, index: Any, weight: Any, places: list[Any]) -> list[list[tuple[Any, float]]]:
    """Rows of a table of weights as lists of (place, weight)."""
    pairs = [(places[i], w) for i, w in zip(index.tolist(), weight.tolist(), strict=True)]
    return [pairs[first:last] for first, last in zip(start[:-1].tolist(), start[1:].tolist(), strict=True)]


def link(model: Any, g: Any) -> None:
    """Who belongs to what, and who is near, kin or neighbour to whom."""
    for district in model.districts:
        district.state.districts.append(district)
    for cell in model.cells:
        cell.district.cells.append(cell)
        cell.group.cells.append(cell)
    for cell, row in zip(model.cells, rows(g.peer_start, g.peer_cell, g.peer_weight, model.cells), strict=True):
        cell.peers = row
    near = rows(g.near_start, g.near_district, g.near_weight, model.districts)
    for district, row in zip(model.districts, near, strict=True):
        district.near = row
    for group, row in zip(model.groups, rows(g.kin_start, g.kin_group, g.kin_weight, model.groups), strict=True):
        group.kin = row
    borders = rows(g.border_start, g.border_state, g.border_weight, model.states)
    for state, row in zip(model.states, borders, strict=True):
        state.neighbours = row


def fill_states(model: Any, setting: Any) -> None:
    """Institutions, labour markets and disputes."""
    f = setting.fields
    for s, state in enumerate(model.states):
        state.youth_ratio = float(f.youth_ratio[s])
        state.labour_share = float(setting.labour_share[s])
        state.youth_share = float(setting.youth_share[s])
        state.influence = field(f.influence, f.influence_0, s)
        state.cyber = field(f.cyber, f.cyber_0, s)
        state.energy = field(f.energy, f.energy_0, s)
        state.slow = {name: field(f.slow[k], f.slow_0[k], s) for k, name in enumerate(SLOW_FIELDS)}
        for k, name in enumerate(SLOW_FIELDS):
            state.slow[name].at_start = float(f.slow_ref[k, s])
    model.disputes = []
    for a, one in enumerate(model.states):
        for b in range(a + 1, len(model.states)):
            dispute = Dispute(one, model.states[b], field(f.dispute[a], f.dispute_0[a], b))
            one.disputes.append(dispute)
            model.states[b].disputes.append(dispute)
            model.disputes.append(dispute)


def fill_places(model: Any, f: Any, g: Any, p: Any) -> None:
    """Fields of groups, districts and cells."""
    for i, group in enumerate(model.groups):
        group.exclusion = field(f.exclusion, f.exclusion_0, i)
    for i, district in enumerate(model.districts):
        district.extremism = field(f.extremism, f.extremism_0, i)
        district.crime = field(f.crime, f.crime_0, i)
        district.fatigue = p.quiet_participation
        district.incidents_expected = float(f.incidents_ref[i])
    for i, cell in enumerate(model.cells):
        cell.tension = field(f.tension, f.tension_0, i)
        cell.legitimacy = field(f.legitimacy, f.legitimacy_0, i)
        cell.unemployment = field(f.unemployment, f.unemployment_0, i)
        cell.usual_legitimacy = float(f.legitimacy_usual[i])
        cell.memory = float(f.memory[i])
        cell.memory_expected = float(f.memory_ref[i])
        cell.contact = saturate(float(g.mix[i]), p.mix_half)
        cell.turnout = p.quiet_participation


def field(value: Any, home: Any, i: int) -> Field:
    """A field of place i."""
    return Field(float(value[i]), float(home[i]))


def populate(model: Any, population: Any, citizen_class: Any) -> None:
    """Make the citizens, cell by cell."""
    q = population
    traits = list(
        zip(
            q.hardship.tolist(),
            q.risk_aversion.tolist(),
            q.threshold.tolist(),
            q.labour_rank.tolist(),
            q.young.tolist(),
            strict=True,
        )
    )
    starts = q.cell_start.tolist()
    for cell in model.cells:
        weight, extra = int(q.cell_weight[cell.index]), int(q.cell_extra[cell.index])
        own = traits[starts[cell.index] : starts[cell.index + 1]]
        cell.citizens = [
            citizen_class(model, cell, i, weight + (i + 1) * extra // len(own) - i * extra // len(own), trait)
            for i, trait in enumerate(own)
        ]
