"""Communal violence: incidents between communities, reprisals, deaths with a heavy tail.

Source: D2 (event sizes), D3 (self-excitation), D12 (March 2004). Armed groups are another track (`armed`).
"""

import numpy as np

from sim.kernels import draws
from sim.kernels.compiling import kernel
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


@kernel
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
def communal_round(geography, citizens, inputs, mood, tallies, seed, tick, p, rates):
    """Incidents of the round from violent crowds and reprisals, and their victims."""
    for d in range(mood.reprisal.size):
        first = geography.district_cells[d]
        last = geography.district_cells[d + 1]
        answered = rates.reprisal * mood.reprisal[d]
        rough = 0
        for c in range(first, last):
            rough += tallies.round_violent[c]
        if rough == 0 and answered == 0.0:
            continue
        exposed = 0.0
        for c in range(first, last):
            exposed += geography.cell_people[c] * saturate(geography.mix[c], p.mix_half)
        incidents_here = 0
        deaths_here = 0
        for c in range(first, last):
            contact = saturate(geography.mix[c], p.mix_half)
            mean = p.incident_rate * tallies.round_violent[c] * contact * inputs.conversion[c] * inputs.communal[d]
            if answered > 0.0 and exposed > 0.0:
                mean += p.branching * answered * inputs.conversion[c] * geography.cell_people[c] * contact / exposed
            if mean <= 0.0:
                continue
            incidents = draws.poisson(draws.uniform(seed, draws.INCIDENT, tick, geography.cell_uid[c], 0), mean)
            if incidents == 0:
                continue
            incidents_here += incidents
            tallies.month[INCIDENTS, c] += incidents
            for k in range(incidents):
                w0, w1, w2, w3 = draws.words(seed, draws.INCIDENT_SIZE, tick, geography.cell_uid[c], k)
                if draws.unit32(w0) >= p.lethal_share * inputs.lethality[c] * inputs.communal[d]:
                    continue
                size = pareto_size(draws.unit32(w1), p.communal_tail, p.communal_cap)
                victim = pick_victim(geography, d, c, draws.unit32(w2))
                died = kill_civilians(geography, citizens, mood, tallies, victim, size, seed, tick, event_block(geography, c, k))
                tallies.month[COMMUNAL_DEATHS, victim] += died
                deaths_here += died
        mood.reprisal[d] += incidents_here - answered
        if tallies.round_log.shape[1] > tick:
            tallies.round_log[1, tick, d] = incidents_here
            tallies.round_log[2, tick, d] = deaths_here
