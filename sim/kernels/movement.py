"""Release from detention, flight from danger, return, and the dealing of losses to citizens."""

import numpy as np

from sim.kernels import draws
from sim.kernels.compiling import inner_kernel, kernel
from sim.kernels.elementary import exp, saturate
from sim.kernels.mobilisation import free_persons, persons_of
from sim.types import NEW_DISPLACED, RELEASED, RETURNED

STRETCH = 64
"""Citizens who are looked over at a time for whom something has been counted."""


@inner_kernel
def citizen_persons(citizens, cell, i):
    """Persons whom citizen i (absolute position) of a cell stands for, alive or not."""
    first = citizens.cell_start[cell]
    n = citizens.cell_start[cell + 1] - first
    return persons_of(citizens.cell_weight[cell], citizens.cell_extra[cell], n, i - first)


@inner_kernel
def deal(citizens, counts, pool_is_free, pool, cell, wanted, start):
    """Take ``wanted`` persons of a cell, citizen after citizen from ``start`` round, and add them to ``counts``.

    They come from the free if ``pool_is_free``, else from ``pool`` (a count such as ``in_arms``), which falls.
    Never more are taken than are there. Returns how many were.
    """
    first = citizens.cell_start[cell]
    n = citizens.cell_start[cell + 1] - first
    left = wanted
    for step in range(n):
        if left == 0:
            break
        i = first + (start + step) % n
        if pool_is_free:
            there = free_persons(citizens, i, citizen_persons(citizens, cell, i))
        else:
            there = int(pool[i])
        take = min(left, there)
        if take > 0:
            counts[i] += counts.dtype.type(take)
            if not pool_is_free:
                pool[i] -= pool.dtype.type(take)
            left -= take
    return wanted - left


@inner_kernel
def kill_civilians(geography, citizens, mood, tallies, cell, deaths, seed, stream, tick, block):
    """Deal civilian deaths to free residents of a cell, and raise its fear. Returns how many died."""
    n = citizens.cell_start[cell + 1] - citizens.cell_start[cell]
    start = int(draws.uniform(seed, stream, tick, geography.cell_uid[cell], block) * n)
    died = deal(citizens, citizens.dead, True, citizens.dead, cell, deaths, start)
    tallies.dead[cell] += died
    mood.fear[cell] += 100000.0 * died / geography.district_people[geography.cell_district[cell]]
    return died


@kernel
def next_above_zero(counts, first, last):
    """Position of the first count above zero from ``first`` on, or ``last``; empty stretches are passed over whole."""
    while first + STRETCH <= last:
        found = 0
        for k in range(STRETCH):
            found |= np.int64(counts[np.uint64(first + k)])
        if found:
            break
        first += STRETCH
    while first < last and counts[first] == 0:
        first += 1
    return first


@inner_kernel
def release(geography, citizens, tallies, seed, tick, rates):
    """Release from detention: Binomial(detained, 1 - 2^(-round / half-life)) for each citizen."""
    for c in range(tallies.detained.size):
        if tallies.detained[c] == 0:
            continue
        first = citizens.cell_start[c]
        last = citizens.cell_start[c + 1]
        i = next_above_zero(citizens.detained, first, last)
        while i < last:
            u = draws.citizen_uniform(seed, draws.RELEASE, tick, geography.cell_uid[c], i - first)
            freed = draws.binomial(u, int(citizens.detained[i]), rates.release)
            if freed > 0:
                citizens.detained[i] -= citizens.detained.dtype.type(freed)
                tallies.detained[c] -= freed
                tallies.month[RELEASED, c] += freed
            i = next_above_zero(citizens.detained, i + 1, last)


@inner_kernel
def flight_and_return(geography, citizens, inputs, mood, tallies, seed, tick, p, rates):
    """Flight from recent deaths and expulsion; return of the displaced where it is safe."""
    for c in range(mood.fear.size):
        if mood.fear[c] == 0.0 and tallies.displaced[c] == 0 and inputs.expulsion[geography.cell_group[c]] == 0.0:
            continue
        danger = saturate(mood.fear[c], p.flight_half)
        hazard = p.flight_deaths * danger + p.flight_expulsion * inputs.expulsion[geography.cell_group[c]]
        leaving = 1.0 - exp(-hazard) if hazard > 0.0 else 0.0
        safe = (1.0 - danger) * (1.0 - inputs.expulsion[geography.cell_group[c]])
        coming = min(rates.returning * safe * inputs.returning[c], 1.0)
        mood.fear[c] = mood.fear[c] * (1.0 - rates.fear)
        if leaving == 0.0 and tallies.displaced[c] == 0:
            continue
        first = citizens.cell_start[c]
        for i in range(first, citizens.cell_start[c + 1]):
            u, v = draws.uniform_pair(seed, draws.FLIGHT, tick, geography.cell_uid[c], i - first)
            back = draws.binomial(v, int(citizens.displaced[i]), coming)
            gone = draws.binomial(u, free_persons(citizens, i, citizen_persons(citizens, c, i)), leaving)
            if back > 0:
                citizens.displaced[i] -= citizens.displaced.dtype.type(back)
                tallies.displaced[c] -= back
                tallies.month[RETURNED, c] += back
            if gone > 0:
                citizens.displaced[i] += citizens.displaced.dtype.type(gone)
                tallies.displaced[c] += gone
                tallies.month[NEW_DISPLACED, c] += gone
