"""The armed track: organised groups of a community against a state; recruits, events, deaths, exits.

Citizens who riot never end a war, nor make one: armed groups have their own fighters, arms and events
(D2, S6, P2, P10a). Whether a group attacks is its agent's decision (`sim.agents`).
"""

import numpy as np

from sim.kernels import draws
from sim.kernels.compiling import inner_kernel, kernel
from sim.kernels.elementary import exp, saturate
from sim.kernels.mobilisation import free_persons, unemployed_share
from sim.kernels.movement import citizen_persons, deal, kill_civilians
from sim.kernels.neighbourhood import weighted_row
from sim.kernels.violence import event_block, pareto_size, pick_victim
from sim.types import ARMED_DEATHS, ARMED_EVENTS, EXITS, FIGHTER_DEATHS, RECRUITS


@inner_kernel
def recruit_cell(c, rate, geography, citizens, tallies, cells, seed, tick, p):
    """Recruits of one cell: Binomial(free, 1 - exp(-rate x own factors)) for each citizen."""
    first = citizens.cell_start[c]
    n = citizens.cell_start[c + 1] - first
    for i in range(first, first + n):
        young = citizens.young[i]
        rank = cells.rate_young[c] if young else cells.rate_other[c]
        unemployed = unemployed_share(citizens.labour_rank[i], rank, n)
        own = p.b_recruit_unemployment * unemployed + (p.b_recruit_youth if young else 0.0)
        u = draws.citizen_uniform(seed, draws.RECRUIT, tick, geography.cell_uid[c], i - first)
        free = free_persons(citizens, i, citizen_persons(citizens, c, i))
        joined = draws.binomial(u, free, 1.0 - exp(-rate * exp(own)))
        if joined > 0:
            citizens.in_arms[i] += citizens.in_arms.dtype.type(joined)
            tallies.fighters[c] += joined
            tallies.month[RECRUITS, c] += joined


@inner_kernel
def armed_event(c, k, geography, citizens, mood, tallies, lethality, seed, tick, p):
    """Deaths of one armed event: fighters of the cell, and civilians of one community of the district."""
    w0, w1, w2, w3 = draws.words(seed, draws.ARMED_SIZE, tick, geography.cell_uid[c], k)
    size = pareto_size(draws.unit32(w0), p.armed_tail, p.armed_cap)
    size = int(size * lethality + draws.unit32(w3))
    fighters = draws.binomial(draws.unit32(w1), size, p.armed_fighter_share)
    n = citizens.cell_start[c + 1] - citizens.cell_start[c]
    start = int(draws.uniform(seed, draws.DEAL_FIGHTERS, tick, geography.cell_uid[c], k) * n)
    lost = deal(citizens, citizens.dead, False, citizens.in_arms, c, min(fighters, tallies.fighters[c]), start)
    tallies.fighters[c] -= lost
    tallies.dead[c] += lost
    tallies.month[FIGHTER_DEATHS, c] += lost
    tallies.month[ARMED_DEATHS, c] += lost
    d = geography.cell_district[c]
    victim = pick_victim(geography, d, -1, draws.unit32(w2))
    block = event_block(geography, c, k)
    killed = kill_civilians(
        geography, citizens, mood, tallies, victim, size - fighters, seed, draws.DEAL_ARMED, tick, block
    )
    tallies.month[ARMED_DEATHS, victim] += killed
    tallies.group_deaths[geography.cell_group[c]] += lost + killed


@inner_kernel
def leave_cell(c, geography, citizens, tallies, seed, tick, chance):
    """Exits from arms: Binomial(in arms, chance) for each citizen."""
    first = citizens.cell_start[c]
    for i in range(first, citizens.cell_start[c + 1]):
        held = int(citizens.in_arms[i])
        if held == 0:
            continue
        u = draws.uniform(seed, draws.EXIT, tick, geography.cell_uid[c], i - first)
        left = draws.binomial(u, held, chance)
        if left > 0:
            citizens.in_arms[i] -= citizens.in_arms.dtype.type(left)
            tallies.fighters[c] -= left
            tallies.month[EXITS, c] += left


@kernel
def quiet(arms, fighters):
    """No group has arms, and nobody is in arms."""
    for g in range(arms.size):
        if arms[g] > 0.0:
            return False
    for c in range(fighters.size):
        if fighters[c] > 0:
            return False
    return True


@inner_kernel
def recruitment_rate(c, geography, fields, inputs, p, solve):
    """Recruitment of a cell per round at full room: arms x exp(tension, exclusion, repression, extremism)."""
    g = geography.cell_group[c]
    pull = p.b_recruit_tension * (fields.tension[c] - solve.tension)
    pull += p.b_recruit_exclusion * (fields.exclusion[g] - 0.3)
    pull += p.b_recruit_repression * inputs.repression[g]
    pull += p.b_recruit_extremism * (fields.extremism[geography.cell_district[c]] - solve.extremism)
    return p.recruitment * inputs.arms[g] * exp(pull) * inputs.recruitment[c]


@inner_kernel
def reach(c, geography, mood, armed_share, p):
    """How far an armed group reaches a cell: all of its seat, elsewhere as far as neighbours are in arms."""
    if mood.seat[geography.cell_group[c]] == c:
        return 1.0
    near = weighted_row(geography.peer_start, geography.peer_cell, geography.peer_weight, armed_share, c)
    return saturate(near, p.recruit_half)


@inner_kernel
def armed_round(geography, citizens, fields, inputs, mood, tallies, cells, seed, tick, p, rates, solve):
    """Exits and recruitment of the round everywhere, then armed events everywhere."""
    if quiet(inputs.arms, tallies.fighters):
        return
    armed_share = np.empty(tallies.fighters.size)
    for c in range(armed_share.size):
        armed_share[c] = tallies.fighters[c] / geography.cell_people[c]
    for c in range(tallies.fighters.size):
        g = geography.cell_group[c]
        if tallies.fighters[c] > 0:
            leave_cell(c, geography, citizens, tallies, seed, tick, min(rates.exits * inputs.exits[c], 1.0))
        room = 1.0 - tallies.fighters[c] / (p.fighter_cap * geography.cell_people[c])
        if inputs.arms[g] > 0.0 and room > 0.0:
            room = room * reach(c, geography, mood, armed_share, p)
            if room == 0.0:
                continue
            rate = recruitment_rate(c, geography, fields, inputs, p, solve) * room
            recruit_cell(c, rate, geography, citizens, tallies, cells, seed, tick, p)
    for c in range(tallies.fighters.size):
        g = geography.cell_group[c]
        if inputs.attack[g] <= 0.0 or tallies.fighters[c] == 0:
            continue
        posture = inputs.posture[geography.cell_state[c]]
        mean = p.armed_event_rate * tallies.fighters[c] * posture * inputs.combat[geography.cell_district[c]]
        mean = mean * inputs.attack[g]
        events = draws.poisson(draws.uniform(seed, draws.ARMED_EVENT, tick, geography.cell_uid[c], 0), mean)
        tallies.month[ARMED_EVENTS, c] += events
        for k in range(events):
            armed_event(c, k, geography, citizens, mood, tallies, inputs.lethality[c], seed, tick, p)
