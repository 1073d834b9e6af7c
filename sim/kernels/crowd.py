"""One round of turning out for blocks of citizens: who comes, who is violent, who is arrested.

Passes over a block (draws, probabilities, counts), not one loop over citizens: the first two vectorise, the
third touches only citizens of whom somebody may come.
"""

import numpy as np
from numba import prange

from sim.kernels import draws
from sim.kernels.compiling import kernel, threaded_kernel
from sim.kernels.mobilisation import fill_probabilities, fill_uniforms, free_persons

BUFFER = 2048 + 4


@kernel
def _block(b, commit, geography, citizens, tallies, cells, seed, tick, p, buffer_u, buffer_p):
    """Count those of block ``b`` who turn out; with ``commit`` also violence and arrests, which are kept."""
    cell = citizens.blocks[b, 0]
    first = citizens.blocks[b, 1]
    last = citizens.blocks[b, 2]
    count = last - first
    offset = first - citizens.cell_start[cell]
    n = citizens.cell_start[cell + 1] - citizens.cell_start[cell]
    uid = geography.cell_uid[cell]
    u = buffer_u[: count + 4]
    probability = buffer_p[:count]
    fill_uniforms(u, count, seed, draws.TURN_OUT, tick, uid, offset)
    fill_probabilities(
        probability,
        citizens.hardship[first:last],
        citizens.risk_aversion[first:last],
        citizens.threshold[first:last],
        citizens.labour_rank[first:last],
        citizens.young[first:last],
        n,
        cells.drive[cell],
        cells.grief[cell],
        cells.fear[cell],
        (cells.rate_young[cell], cells.rate_other[cell]),
        p,
    )
    weight = citizens.cell_weight[cell]
    extra = citizens.cell_extra[cell]
    untouched = cells.untouched[cell]
    p_violent = cells.violent[cell]
    arrest = cells.arrest[cell]
    active = 0
    violent = 0
    detained = 0
    for i in range(count):
        persons = weight + (1 if offset + i < extra else 0)
        if u[i] < 1.0 - persons * probability[i]:
            continue
        if not untouched:
            persons = free_persons(citizens, first + i, persons)
        came = draws.binomial(u[i], persons, probability[i])
        if came == 0:
            continue
        active += came
        if not commit:
            continue
        w0, w1, w2, _ = draws.words(seed, draws.CONDUCT, tick, uid, offset + i)
        rough = draws.binomial(draws.unit32(w0), came, p_violent)
        arrested = draws.binomial(draws.unit32(w1), came - rough, p.detain_peaceful * arrest)
        arrested += draws.binomial(draws.unit32(w2), rough, p.detain_violent * arrest)
        violent += rough
        if arrested > 0:
            detained += arrested
            citizens.detained[first + i] += citizens.detained.dtype.type(arrested)
    tallies.block_active[b] = active
    if commit:
        tallies.block_violent[b] = violent
        tallies.block_detained[b] = detained


def _pass(commit, geography, citizens, tallies, cells, seed, tick, p, scratch):
    """All blocks whose cell is marked in ``cells.todo``; workers take blocks in turn, each with its own scratch."""
    workers = scratch.shape[0]
    n_blocks = citizens.blocks.shape[0]
    for worker in prange(workers):
        for b in range(worker, n_blocks, workers):
            if cells.todo[citizens.blocks[b, 0]]:
                _block(
                    b, commit, geography, citizens, tallies, cells, seed, tick, p, scratch[worker, 0], scratch[worker, 1]
                )


crowd_pass = kernel(_pass)
crowd_pass_threaded = threaded_kernel(_pass)


@kernel
def collect_active(citizens, tallies, cells):
    """Sum the turn-out of blocks into cells, for cells marked in ``cells.todo``."""
    for c in range(cells.todo.size):
        if cells.todo[c]:
            tallies.round_active[c] = 0
    for b in range(citizens.blocks.shape[0]):
        c = citizens.blocks[b, 0]
        if cells.todo[c]:
            tallies.round_active[c] += tallies.block_active[b]


@kernel
def collect_conduct(citizens, tallies):
    """Sum violence and arrests of blocks into cells."""
    for c in range(tallies.round_violent.size):
        tallies.round_violent[c] = 0
    for b in range(citizens.blocks.shape[0]):
        c = citizens.blocks[b, 0]
        tallies.round_violent[c] += tallies.block_violent[b]
        if tallies.block_detained[b] > 0:
            tallies.detained[c] += tallies.block_detained[b]
            tallies.month[6, c] += tallies.block_detained[b]
