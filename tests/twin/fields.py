"""The slow fields, once a month: all targets from the fields as they are, then all fields move."""

from __future__ import annotations

from typing import Any

from .arithmetic import add_up, clip, exp, log, saturate
from .places import Cell, Dispute, District, State


def take_stock(model: Any) -> None:
    """Sum up people and neighbours: what the targets need to know of the month."""
    for group in model.groups:
        dead = sum(deaths(cell) for cell in group.cells)
        group.deaths = 100000.0 * dead / group.people
    for district in model.districts:
        cells, people = district.cells, district.people
        district.incidents_here = 100000.0 * sum(cell.month["incidents"] for cell in cells) / people
        district.deaths = 100000.0 * sum(deaths(cell) for cell in cells) / people
        district.tension = add_up(cell.people * cell.tension.value for cell in cells) / people
        district.youth = add_up(aggrieved_youth(cell) for cell in cells) / people
    for district in model.districts:
        district.incidents_near = add_up(weight * other.incidents_here for other, weight in district.near)
    for state in model.states:
        # Each district is summed over its cells first: the order of additions matters to the last bit.
        totals = [add_up(cell.people * cell.tension.value for cell in d.cells) for d in state.districts]
        state.tension = add_up(totals) / state.people
        state.crime = add_up(d.people * d.crime.value for d in state.districts) / state.people


def deaths(cell: Cell) -> int:
    """Deaths of the month in a cell, communal and armed."""
    return cell.month["communal_deaths"] + cell.month["armed_deaths"]


def aggrieved_youth(cell: Cell) -> float:
    """Residents x unemployment of the young x lack of legitimacy."""
    rate = min(cell.state.youth_ratio * cell.unemployment.value, 0.95)
    return cell.people * rate * (1.0 - cell.legitimacy.value)


def media_reach(cell: Cell) -> float:
    """How far external media find an audience: where legitimacy is below 0.7."""
    return cell.state.influence.value * max(0.0, 0.7 - cell.legitimacy.value)


def find_references(model: Any) -> None:
    """Remember the state of the region at the start: deviations from it are what drives the fields."""
    take_stock(model)
    for state in model.states:
        state.dispute_at_start = state.worst_dispute()
        state.tension_at_start = state.tension
        state.crime_at_start = state.crime
    for district in model.districts:
        district.tension_at_start = district.tension
        district.youth_at_start = district.youth
    for cell in model.cells:
        cell.media_at_start = media_reach(cell)


def move_fields(model: Any) -> None:
    """Advance all slow fields by one month."""
    p, pace, inputs = model.p, model.pace, model.inputs
    take_stock(model)
    for cell in model.cells:
        aim_tension(cell, inputs, p)
        aim_legitimacy(cell, inputs, p)
        aim_unemployment(cell, inputs, p)
    for district in model.districts:
        aim_district(district, inputs, p)
    for state in model.states:
        aim_state(state, inputs, p)
    for group in model.groups:
        group.exclusion.head_for(inputs.shift_exclusion[group.index])
    for dispute in model.disputes:
        aim_dispute(dispute, model.groups, inputs, p)
    for cell in model.cells:
        cell.tension.move(pace.tension)
        get_used(cell, pace)
        cell.legitimacy.move(pace.legitimacy)
        cell.unemployment.move(pace.unemployment)
        remember(cell, pace)
    for district in model.districts:
        district.extremism.move(pace.extremism)
        district.crime.move(pace.crime)
    for group in model.groups:
        group.exclusion.move(pace.exclusion)
    for dispute in model.disputes:
        dispute.level.move(pace.dispute)
    for state in model.states:
        state.influence.move(pace.influence)
        state.cyber.move(pace.exposure)
        state.energy.move(pace.exposure)
        for field in state.slow.values():
            field.move(pace.institution)
            field.home += pace.anchor * (field.value - field.home)


def violence_felt(cell: Cell, p: Any) -> float:
    """Incidents here and near by, saturated, against what is usual."""
    return saturate(cell.district.incidents_near, p.incidents_half) - cell.district.incidents_expected


def felt_deaths(group: Any, inputs: Any, p: Any) -> float:
    """Deaths of a group as its kin elsewhere feel them: robust troops where it lives stop part of it."""
    return group.deaths * (1.0 - p.kin_shield * inputs.shield[group.state.index])


def aim_tension(cell: Cell, inputs: Any, p: Any) -> None:
    """Tension: incidents, deaths of kin, media, exclusion, repression, disputes, tension near by."""
    g, s, i = cell.group, cell.state, cell.index
    kin = add_up(weight * felt_deaths(other, inputs, p) for other, weight in g.kin)
    near = add_up(weight * (peer.tension.value - peer.tension.home) for peer, weight in cell.peers)
    push = p.tension_incidents * violence_felt(cell, p) + p.tension_kin * saturate(kin, p.kin_deaths_half)
    media = media_reach(cell) - cell.media_at_start
    push += p.tension_media * media + p.tension_exclusion * g.exclusion.change
    disputed = s.worst_dispute() - s.dispute_at_start
    push += p.tension_repression * inputs.repression[g.index] + p.tension_dispute * disputed
    push += p.tension_spill * near + inputs.shift_tension[i]
    push += p.tension_contact * cell.contact * (push - inputs.shift_tension[i])
    home = cell.tension.home + p.memory_tension * (cell.memory - cell.memory_expected)
    cell.tension.head_for(push, clip(home, 0.02, 0.98))


def aim_legitimacy(cell: Cell, inputs: Any, p: Any) -> None:
    """Legitimacy: reform and capacity; less corruption, repression, incidents, influence, outage, lost work."""
    s, repression = cell.state, inputs.repression[cell.group.index]
    push = p.legitimacy_reform * s.slow["reform_political"].change
    push -= p.legitimacy_corruption * s.slow["corruption"].change
    push += p.legitimacy_capacity * s.slow["capacity"].change
    push -= p.legitimacy_repression * repression + p.legitimacy_incidents * violence_felt(cell, p)
    push -= p.legitimacy_influence * s.influence.change
    push -= p.legitimacy_outage * inputs.outage[s.index]
    push -= p.legitimacy_unemployment * cell.unemployment.change
    cell.legitimacy.head_for(push + inputs.shift_legitimacy[cell.index])


def aim_unemployment(cell: Cell, inputs: Any, p: Any) -> None:
    """Unemployment rises with deaths and organised crime."""
    d = cell.district
    push = p.unemployment_violence * saturate(d.deaths, p.flight_half)
    push += p.unemployment_crime * d.crime.change
    cell.unemployment.head_for(push + inputs.shift_unemployment[cell.index])


def aim_district(district: District, inputs: Any, p: Any) -> None:
    """Extremism: tension, aggrieved youth, influence, money of crime. Crime: weak states, open borders, fighters."""
    s = district.state
    push = p.extremism_tension * (district.tension - district.tension_at_start)
    push += p.extremism_youth * (district.youth - district.youth_at_start)
    push += p.extremism_influence * s.influence.change
    push += p.extremism_crime * district.crime.change
    district.extremism.head_for(push + inputs.shift_extremism[district.index])
    beyond = add_up(weight * inputs.enforcement[other.index] for other, weight in s.neighbours)
    push = p.crime_corruption * s.slow["corruption"].change
    push -= p.crime_capacity * s.slow["capacity"].change
    push -= p.crime_enforcement * (inputs.enforcement[s.index] - p.crime_shift * beyond)
    push += p.crime_fighters * saturate(district.fighters(), 1e-3)
    district.crime.head_for(push + inputs.shift_crime[district.index])


def aim_state(state: State, inputs: Any, p: Any) -> None:
    """External influence exploits tension; institutions depend on each other, on crime and on credibility."""
    i, slow = state.index, state.slow
    push = p.influence_tension * (state.tension - state.tension_at_start)
    push -= p.influence_reform * slow["reform_political"].change
    push += p.influence_energy * state.energy.change
    state.influence.head_for(push + inputs.shift_influence[i])
    state.cyber.head_for(inputs.shift_cyber[i])
    state.energy.head_for(inputs.shift_energy[i])
    reform = p.reform_credibility * slow["credibility"].change - p.reform_influence * state.influence.change
    watched = p.corruption_reform * slow["reform_political"].change
    watched += p.corruption_civic * slow["civic_space"].change
    corruption = p.corruption_crime * (state.crime - state.crime_at_start) - watched
    bribed = p.capacity_corruption * slow["corruption"].change
    pushes = {
        "capacity": p.capacity_reform * slow["reform_security"].change - bribed,
        "corruption": corruption,
        "reform_security": reform,
        "reform_political": reform,
        "reform_economic": reform,
    }
    for row, (name, field) in enumerate(slow.items()):
        field.head_for(pushes.get(name, 0.0) + inputs.shift_slow[row][i])


def aim_dispute(dispute: Dispute, groups: list[Any], inputs: Any, p: Any) -> None:
    """A dispute rises with deaths among kin across the border, on both sides."""
    one, other = dispute.one, dispute.other
    dead = 0.0
    for group in groups:
        across = {one.index: other, other.index: one}.get(group.state.index)
        for kin, weight in group.kin:
            if kin.state is across:
                dead += weight * kin.deaths
    push = p.dispute_deaths * saturate(dead, p.kin_deaths_half)
    dispute.level.head_for(push + inputs.shift_dispute[one.index][other.index])


def get_used(cell: Cell, pace: Any) -> None:
    """People get used to the legitimacy of the month."""
    cell.usual_legitimacy += pace.usual * (cell.legitimacy.value - cell.usual_legitimacy)


def remember(cell: Cell, pace: Any) -> None:
    """War memory, log(1 + deaths per 1,000), fades and takes in the deaths of the month."""
    cell.memory = cell.memory * (1.0 - pace.memory)
    dead = deaths(cell)
    if dead > 0:
        cell.memory = log(exp(cell.memory) + 1000.0 * dead / cell.people)
    cell.memory_expected = cell.memory_expected * (1.0 - pace.memory)
