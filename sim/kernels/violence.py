"""Communal violence: incidents between communities, reprisals, deaths with a heavy tail.

Source: D2 (event sizes), D3 (self-excitation), D12 (March 2004). Armed groups are another track (`armed`).
"""

import numpy as np

from sim.kernels import draws
from sim.kernels.compiling import inner_kernel, kernel
from sim.kernels.elementary import exp, log, saturate
from sim.kernels.movement import kill_civilians
from sim.types import COMMUNAL_DEATHS, INCIDENTS

UID_PART = np.uint64(0xFFFFF)


@kernel
def pareto_size(u, exponent, cap):
    """A discrete Pareto size, floor(u^(-1 / (exponent - 1))), at least 1 and at most ``cap``."""
    return int(min(np.floor(exp(-log(u) / (exponent - 1.0))), cap))


@kernel
def event_block(geography, actor, k):
    """Block of the draws for event ``k`` of a cell, from its uid, not its position."""
    return (np.int64(geography.cell_uid[actor] & UID_PART) << 12) + (k & 4095)


@inner_kernel
def pick_victim(geography, d, actor, u):
    """A cell of the district other than ``actor``, with probability by residents; ``actor`` itself if alone."""
    first = geography.district_cells[d]
    last = geography.district_cells[d + 1]
    others = 0.0
    for c in range(first, last):
        if c != actor:
            others += geography.cell_people[c]
    target = u * others
    below = 0.0
    chosen = actor
    for c in range(first, last):
        if c == actor:
            continue
        chosen = c
        below += geography.cell_people[c]
        if below > target:
            break
    return chosen


@kernel
def district_is_calm(rough, first, last):
    """Nobody violent in the cells of a district."""
    for c in range(first, last):
        if rough[c] > 0:
            return False
    return True


@inner_kernel
def incident_deaths(c, d, incidents, geography, citizens, inputs, mood, tallies, seed, tick, p):
    """Deal the deaths of a cell's incidents to the other communities of the district; returns how many died."""
    deaths = 0
    for k in range(incidents):
        w0, w1, w2, _ = draws.words(seed, draws.INCIDENT_SIZE, tick, geography.cell_uid[c], k)
        if draws.unit32(w0) >= p.lethal_share * inputs.lethality[c]:
            continue
        size = pareto_size(draws.unit32(w1), p.communal_tail, p.communal_cap)
        victim = pick_victim(geography, d, c, draws.unit32(w2))
        block = event_block(geography, c, k)
        died = kill_civilians(geography, citizens, mood, tallies, victim, size, seed, draws.DEAL, tick, block)
        tallies.month[COMMUNAL_DEATHS, victim] += died
        deaths += died
    return deaths


@inner_kernel
def communal_round(geography, citizens, fields, inputs, mood, tallies, seed, tick, p, rates):
    """Incidents of the round from violent crowds and from reprisals, the more of them the tenser, and their victims."""
    reprisal, rough, district_cells = mood.reprisal, tallies.round_violent, geography.district_cells
    people, mix, uids, round_log = geography.cell_people, geography.mix, geography.cell_uid, tallies.round_log
    tension = fields.tension
    for d in range(reprisal.size):
        first = district_cells[d]
        last = district_cells[d + 1]
        answered = rates.reprisal * reprisal[d]
        if answered == 0.0 and district_is_calm(rough, first, last):
            continue
        exposed = 0.0
        for c in range(first, last):
            exposed += people[c] * saturate(mix[c], p.mix_half)
        incidents_here = 0
        deaths_here = 0
        for c in range(first, last):
            contact = saturate(mix[c], p.mix_half)
            mean = p.incident_rate * rough[c] * contact
            if answered > 0.0 and exposed > 0.0:
                mean += p.branching * tension[c] * answered * people[c] * contact / exposed
            mean = mean * inputs.conversion[c] * inputs.communal[d]
            incidents = draws.poisson(draws.uniform(seed, draws.INCIDENT, tick, uids[c], 0), mean)
            if incidents > 0:
                incidents_here += incidents
                tallies.month[INCIDENTS, c] += incidents
                deaths_here += incident_deaths(
                    c, d, incidents, geography, citizens, inputs, mood, tallies, seed, tick, p
                )
        reprisal[d] += incidents_here - answered
        if round_log.shape[1] > tick:
            round_log[1, tick, d] = incidents_here
            round_log[2, tick, d] = deaths_here
