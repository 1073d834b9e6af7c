"""Slow fields, monthly: each moves towards a logit target built from the deviations of its drivers.

    X* = logistic(logit X0 + sum_j b_j (driver_j - reference_j) + effects);   X += (1 - 2^(-1 / half-life)) (X* - X)

Bounded, at rest when nothing deviates. All targets are computed from last month's fields, then all fields move:
the order of the equations cannot matter. One arrow per driver; zeroing a coefficient kills exactly its pathway.
"""

import numpy as np

from sim.kernels.compiling import inner_kernel, kernel
from sim.kernels.elementary import exp, log, logistic, logit, saturate
from sim.kernels.neighbourhood import weighted_row
from sim.types import (
    ARMED_DEATHS,
    CAPACITY,
    CIVIC_SPACE,
    COMMUNAL_DEATHS,
    CORRUPTION,
    CREDIBILITY,
    INCIDENTS,
    OVERSIGHT,
    REFORM_ECONOMIC,
    REFORM_POLITICAL,
    REFORM_SECURITY,
)

NO_DISPUTE = 0.02
"""Level between states without a dispute: a shock can open one."""


@inner_kernel
def target(anchor, push):
    """Where a field is heading: its own level moved by a push on the logit scale."""
    return logistic(logit(anchor) + push)


@kernel
def summaries(geography, fields, tallies, out):
    """Write what the targets need from people and neighbours.

    ``out.incidents`` (n_d,) incidents per 100,000 a month here and near by; ``out.deaths`` (n_d,) deaths per
    100,000 a month; ``out.group_deaths`` (n_g,) the same of a group; ``out.tension`` (n_s,), ``out.crime`` (n_s,)
    means over residents; ``out.youth`` (n_d,) unemployment of the young x grievance; ``out.fighters`` (n_d,) share.
    """
    n_d = out.deaths.size
    month, in_arms, cell_people = tallies.month, tallies.fighters, geography.cell_people
    cell_group, district_cells = geography.cell_group, geography.district_cells
    cell_tension, legitimacy, unemployment = fields.tension, fields.legitimacy, fields.unemployment
    out.group_deaths[:] = 0.0
    out.tension[:] = 0.0
    out.crime[:] = 0.0
    for d in range(n_d):
        s = geography.district_state[d]
        people = geography.district_people[d]
        incidents = 0
        deaths = 0
        fighters = 0
        tension = 0.0
        youth = 0.0
        for c in range(district_cells[d], district_cells[d + 1]):
            dead = month[COMMUNAL_DEATHS, c] + month[ARMED_DEATHS, c]
            incidents += month[INCIDENTS, c]
            deaths += dead
            fighters += in_arms[c]
            if dead > 0:
                out.group_deaths[cell_group[c]] += dead
            tension += cell_people[c] * cell_tension[c]
            rate = min(fields.youth_ratio[s] * unemployment[c], 0.95)
            youth += cell_people[c] * rate * (1.0 - legitimacy[c])
        out.raw_incidents[d] = 100000.0 * incidents / people
        out.deaths[d] = 100000.0 * deaths / people
        out.fighters[d] = fighters / people
        out.district_tension[d] = tension / people
        out.youth[d] = youth / people
        out.tension[s] += tension
        out.crime[s] += people * fields.crime[d]
    for d in range(n_d):
        out.incidents[d] = weighted_row(
            geography.near_start, geography.near_district, geography.near_weight, out.raw_incidents, d
        )
    for g in range(out.group_deaths.size):
        out.group_deaths[g] = 100000.0 * out.group_deaths[g] / geography.group_people[g]
    for s in range(out.tension.size):
        out.tension[s] = out.tension[s] / geography.state_people[s]
        out.crime[s] = out.crime[s] / geography.state_people[s]


@kernel
def worst_dispute(dispute, s):
    """Worst dispute of a state with any other; `NO_DISPUTE` if there is none."""
    worst = NO_DISPUTE
    for other in range(dispute.shape[0]):
        if other != s:
            worst = max(worst, dispute[s, other])
    return worst


@inner_kernel
def tension_targets(geography, fields, inputs, out, p):
    """Where tension is heading in every cell."""
    cell_district, cell_group, cell_state = geography.cell_district, geography.cell_group, geography.cell_state
    kin_start, kin_group, kin_weight = geography.kin_start, geography.kin_group, geography.kin_weight
    peer_start, peer_cell, peer_weight = geography.peer_start, geography.peer_cell, geography.peer_weight
    incidents, incidents_ref, deaths = out.incidents, fields.incidents_ref, out.felt_deaths
    influence, legitimacy, media_ref = fields.influence, fields.legitimacy, out.media_ref
    exclusion, exclusion_ref, repression = fields.exclusion, out.exclusion_ref, inputs.repression
    shift, change = inputs.shift_tension, out.tension_change
    mix = geography.mix
    tension_0, memory, memory_ref, goal = fields.tension_0, fields.memory, fields.memory_ref, out.cell_tension
    for g in range(deaths.size):
        deaths[g] = out.group_deaths[g] * (1.0 - p.kin_shield * inputs.shield[geography.group_state[g]])
    disputed = np.empty(influence.size)
    for s in range(disputed.size):
        disputed[s] = worst_dispute(fields.dispute, s) - out.dispute_ref[s]
    for c in range(goal.size):
        d = cell_district[c]
        g = cell_group[c]
        s = cell_state[c]
        violence = saturate(incidents[d], p.incidents_half) - incidents_ref[d]
        kin = saturate(weighted_row(kin_start, kin_group, kin_weight, deaths, g), p.kin_deaths_half)
        media = influence[s] * max(0.0, 0.7 - legitimacy[c]) - media_ref[c]
        near = weighted_row(peer_start, peer_cell, peer_weight, change, c)
        push = p.tension_incidents * violence + p.tension_kin * kin
        push += p.tension_media * media + p.tension_exclusion * (exclusion[g] - exclusion_ref[g])
        push += p.tension_repression * repression[g] + p.tension_dispute * disputed[s]
        push += p.tension_spill * near + shift[c]
        push += p.tension_contact * saturate(mix[c], p.mix_half) * (push - shift[c])
        own = tension_0[c] + p.memory_tension * (memory[c] - memory_ref[c])
        goal[c] = target(min(max(own, 0.02), 0.98), push)


@inner_kernel
def trust_and_work_targets(geography, fields, inputs, out, p):
    """Where legitimacy and unemployment are heading in every cell."""
    cell_district, cell_group, cell_state = geography.cell_district, geography.cell_group, geography.cell_state
    incidents, incidents_ref, deaths = out.incidents, fields.incidents_ref, out.deaths
    slow, ref, repression = fields.slow, fields.slow_ref, inputs.repression
    influence, influence_ref, crime, crime_ref = fields.influence, out.influence_ref, fields.crime, out.crime_ref
    legitimacy_0, unemployment, unemployment_0 = fields.legitimacy_0, fields.unemployment, fields.unemployment_0
    shift_legitimacy, shift_unemployment = inputs.shift_legitimacy, inputs.shift_unemployment
    trust, work = out.cell_legitimacy, out.cell_unemployment
    for c in range(trust.size):
        d = cell_district[c]
        s = cell_state[c]
        violence = saturate(incidents[d], p.incidents_half) - incidents_ref[d]
        push = p.legitimacy_reform * (slow[REFORM_POLITICAL, s] - ref[REFORM_POLITICAL, s])
        push -= p.legitimacy_corruption * (slow[CORRUPTION, s] - ref[CORRUPTION, s])
        push += p.legitimacy_capacity * (slow[CAPACITY, s] - ref[CAPACITY, s])
        push -= p.legitimacy_repression * repression[cell_group[c]] + p.legitimacy_incidents * violence
        push -= p.legitimacy_influence * (influence[s] - influence_ref[s])
        push -= p.legitimacy_outage * inputs.outage[s]
        push -= p.legitimacy_unemployment * (unemployment[c] - unemployment_0[c])
        trust[c] = target(legitimacy_0[c], push + shift_legitimacy[c])
        push = p.unemployment_violence * saturate(deaths[d], p.flight_half)
        push += p.unemployment_crime * (crime[d] - crime_ref[d])
        work[c] = target(unemployment_0[c], push + shift_unemployment[c])


@inner_kernel
def district_targets(geography, fields, inputs, out, p):
    """Targets of extremism and organised crime."""
    slow = fields.slow
    ref = fields.slow_ref
    for d in range(out.district_crime.size):
        s = geography.district_state[d]
        push = p.extremism_tension * (out.district_tension[d] - out.district_tension_ref[d])
        push += p.extremism_youth * (out.youth[d] - out.youth_ref[d])
        push += p.extremism_influence * (fields.influence[s] - out.influence_ref[s])
        push += p.extremism_crime * (fields.crime[d] - out.crime_ref[d])
        out.district_extremism[d] = target(fields.extremism_0[d], push + inputs.shift_extremism[d])
        beyond = weighted_row(
            geography.border_start, geography.border_state, geography.border_weight, inputs.enforcement, s
        )
        push = p.crime_corruption * (slow[CORRUPTION, s] - ref[CORRUPTION, s])
        push -= p.crime_capacity * (slow[CAPACITY, s] - ref[CAPACITY, s])
        push -= p.crime_enforcement * (inputs.enforcement[s] - p.crime_shift * beyond)
        push += p.crime_fighters * saturate(out.fighters[d], 1e-3)
        out.district_crime[d] = target(fields.crime_0[d], push + inputs.shift_crime[d])


@inner_kernel
def state_pushes(fields, out, s, p):
    """Pushes on the slow institutions of one state, in the order of `SLOW_FIELDS`, into ``out.push``."""
    change = fields.slow[:, s] - fields.slow_ref[:, s]
    influence = fields.influence[s] - out.influence_ref[s]
    reform = p.reform_credibility * change[CREDIBILITY] - p.reform_influence * influence
    out.push[CAPACITY] = p.capacity_reform * change[REFORM_SECURITY] - p.capacity_corruption * change[CORRUPTION]
    out.push[CORRUPTION] = p.corruption_crime * (out.crime[s] - out.state_crime_ref[s])
    out.push[CORRUPTION] -= p.corruption_reform * change[REFORM_POLITICAL] + p.corruption_civic * change[CIVIC_SPACE]
    out.push[REFORM_SECURITY] = reform
    out.push[REFORM_POLITICAL] = reform
    out.push[REFORM_ECONOMIC] = reform
    out.push[CIVIC_SPACE] = 0.0
    out.push[OVERSIGHT] = 0.0
    out.push[CREDIBILITY] = 0.0


@inner_kernel
def state_targets(fields, inputs, out, p):
    """Targets of external influence, exposures and slow institutions."""
    for s in range(out.tension.size):
        push = p.influence_tension * (out.tension[s] - out.state_tension_ref[s])
        push -= p.influence_reform * (fields.slow[REFORM_POLITICAL, s] - fields.slow_ref[REFORM_POLITICAL, s])
        push += p.influence_energy * (fields.energy[s] - out.energy_ref[s])
        out.state_influence[s] = target(fields.influence_0[s], push + inputs.shift_influence[s])
        out.state_cyber[s] = target(fields.cyber_0[s], inputs.shift_cyber[s])
        out.state_energy[s] = target(fields.energy_0[s], inputs.shift_energy[s])
        state_pushes(fields, out, s, p)
        for f in range(out.push.size):
            out.slow[f, s] = target(fields.slow_0[f, s], out.push[f] + inputs.shift_slow[f, s])


@inner_kernel
def move(values, targets, rate):
    """Move every value towards its target by a share of the distance."""
    for i in range(values.size):
        values[i] += rate * (targets[i] - values[i])


@inner_kernel
def move_disputes(geography, fields, inputs, out, p, rates):
    """Disputes between states move with deaths among kin across the border and with effects."""
    n = fields.dispute.shape[0]
    for a in range(n):
        for b in range(a + 1, n):
            kin = 0.0
            for g in range(out.group_deaths.size):
                home = geography.group_state[g]
                if home != a and home != b:
                    continue
                for k in range(geography.kin_start[g], geography.kin_start[g + 1]):
                    if geography.group_state[geography.kin_group[k]] == a + b - home:
                        kin += geography.kin_weight[k] * out.group_deaths[geography.kin_group[k]]
            push = p.dispute_deaths * saturate(kin, p.kin_deaths_half) + inputs.shift_dispute[a, b]
            value = fields.dispute[a, b]
            value += rates.dispute * (target(fields.dispute_0[a, b], push) - value)
            fields.dispute[a, b] = value
            fields.dispute[b, a] = value


@inner_kernel
def update_memory(geography, fields, tallies, rates):
    """War memory decays, and takes in the deaths of the month: log(1 + deaths per 1,000)."""
    for c in range(fields.memory.size):
        dead = tallies.month[COMMUNAL_DEATHS, c] + tallies.month[ARMED_DEATHS, c]
        value = fields.memory[c] * (1.0 - rates.memory)
        if dead > 0:
            value = log(exp(value) + 1000.0 * dead / geography.cell_people[c])
        fields.memory_ref[c] = fields.memory_ref[c] * (1.0 - rates.memory)
        fields.memory[c] = value


@kernel
def update_fields(geography, fields, inputs, tallies, out, p, rates):
    """Advance all slow fields by one month."""
    summaries(geography, fields, tallies, out)
    for c in range(out.tension_change.size):
        out.tension_change[c] = fields.tension[c] - fields.tension_0[c]
    tension_targets(geography, fields, inputs, out, p)
    trust_and_work_targets(geography, fields, inputs, out, p)
    district_targets(geography, fields, inputs, out, p)
    state_targets(fields, inputs, out, p)
    move_disputes(geography, fields, inputs, out, p, rates)
    move(fields.legitimacy_usual, fields.legitimacy, rates.usual)
    move(fields.tension, out.cell_tension, rates.tension)
    move(fields.legitimacy, out.cell_legitimacy, rates.legitimacy)
    move(fields.unemployment, out.cell_unemployment, rates.unemployment)
    move(fields.extremism, out.district_extremism, rates.extremism)
    move(fields.crime, out.district_crime, rates.crime)
    move(fields.influence, out.state_influence, rates.influence)
    move(fields.cyber, out.state_cyber, rates.exposure)
    move(fields.energy, out.state_energy, rates.exposure)
    for f in range(fields.slow.shape[0]):
        move(fields.slow[f], out.slow[f], rates.institution)
        move(fields.slow_0[f], fields.slow[f], rates.anchor)
    for g in range(fields.exclusion.size):
        goal = target(fields.exclusion_0[g], inputs.shift_exclusion[g])
        fields.exclusion[g] += rates.exclusion * (goal - fields.exclusion[g])
    update_memory(geography, fields, tallies, rates)


@kernel
def fill_targets(out, geography, fields):
    """Set the references of the targets to the present state of the fields (called once, at the start)."""
    for s in range(out.influence_ref.size):
        out.influence_ref[s] = fields.influence[s]
        out.energy_ref[s] = fields.energy[s]
        out.dispute_ref[s] = worst_dispute(fields.dispute, s)
        out.state_tension_ref[s] = out.tension[s]
        out.state_crime_ref[s] = out.crime[s]
    for c in range(out.media_ref.size):
        s = geography.cell_state[c]
        out.media_ref[c] = fields.influence[s] * max(0.0, 0.7 - fields.legitimacy[c])
    for g in range(out.exclusion_ref.size):
        out.exclusion_ref[g] = fields.exclusion[g]
    for d in range(out.crime_ref.size):
        out.crime_ref[d] = fields.crime[d]
        out.district_tension_ref[d] = out.district_tension[d]
        out.youth_ref[d] = out.youth[d]
