"""One round of turning out for blocks of citizens: who comes, who is violent, who is arrested.

Passes over a block (draws, probabilities, counts), not one loop over citizens: the first two vectorise, the
third touches only citizens of whom somebody may come. Once a month the most willing citizen of every block is found;
where even the block's luckiest could hardly come, probabilities are computed for the few whose draw is high enough.
Nothing changes but the time it takes: who is passed over would have drawn exactly zero.
"""

import numpy as np
from numba import prange

from sim.kernels import draws
from sim.kernels.compiling import inner_kernel, kernel, threaded_kernel
from sim.kernels.mobilisation import choice, fill_probabilities, fill_uniforms, persons_of, turnout_probability
from sim.types import NEW_DETAINED

BUFFER = 2048 + 4


SPARSE = 0.6
"""Share of draws below which nobody of a block can come, from which probabilities are computed one by one."""
MARGIN = 1e-6
"""Added to the bound on motives, far above their rounding error."""


def _tops(citizens, tallies, cells, b_risk, workers):
    """Write the highest motive of each block, fearless in row 0 and in full fear of arrest in row 1.

    A maximum of lines in the fear is convex, so that in between the chord is a bound.
    """
    blocks, hardship, risk, stance = citizens.blocks, citizens.hardship, citizens.risk_aversion, citizens.stance
    grief, tops = cells.grief, tallies.block_top
    for worker in prange(workers):
        for b in range(worker, blocks.shape[0], workers):
            anger = grief[blocks[b, 0]]
            bold = -1e9
            wary = -1e9
            for i in range(blocks[b, 1], blocks[b, 2]):
                motive = anger * hardship[i] + np.float64(stance[i])
                bold = max(bold, motive)
                wary = max(wary, motive - b_risk * np.float64(risk[i]))
            tops[0, b] = bold
            tops[1, b] = wary


find_tops = kernel(_tops)
find_tops_threaded = threaded_kernel(_tops)


@inner_kernel
def _conduct(came, p_violent, arrest, seed, tick, uid, index, p):
    """How many of those of one citizen who came are violent, and how many are arrested."""
    w0, w1, w2, _ = draws.words(seed, draws.CONDUCT, tick, uid, index)
    rough = draws.binomial(draws.unit32(w0), came, p_violent)
    arrested = draws.binomial(draws.unit32(w1), came - rough, p.detain_peaceful * arrest)
    return rough, arrested + draws.binomial(draws.unit32(w2), rough, p.detain_violent * arrest)


def _pass(commit, geography, citizens, tallies, cells, seed, tick, p, scratch):
    """Count who turns out in all blocks whose cell is in ``cells.todo``; with ``commit`` also violence and arrests.

    Workers take blocks in turn, each with its own scratch. Arrays are taken out of their records once: inside the
    loop every reference to a record would be counted again.
    """
    blocks, cell_start = citizens.blocks, citizens.cell_start
    cell_weight, cell_extra = citizens.cell_weight, citizens.cell_extra
    hardship, risk, stance, tops = citizens.hardship, citizens.risk_aversion, citizens.stance, tallies.block_top
    detained, displaced, in_arms, dead = citizens.detained, citizens.displaced, citizens.in_arms, citizens.dead
    block_active, block_violent, block_detained = tallies.block_active, tallies.block_violent, tallies.block_detained
    todo, untouched, uids = cells.todo, cells.untouched, geography.cell_uid
    drive, grief, fear = cells.drive, cells.grief, cells.fear
    violent_share, arrest = cells.violent, cells.arrest
    workers = scratch.shape[0]
    for worker in prange(workers):
        u = scratch[worker, 0]
        probability = scratch[worker, 1]
        for b in range(worker, blocks.shape[0], workers):
            c = blocks[b, 0]
            if not todo[c]:
                continue
            first = blocks[b, 1]
            last = blocks[b, 2]
            offset = first - cell_start[c]
            fill_uniforms(u, last - first, seed, draws.TURN_OUT, tick, uids[c], offset)
            top = drive[c] + tops[0, b] + (tops[1, b] - tops[0, b]) * arrest[c] + MARGIN
            nobody = 1.0 - (cell_weight[c] + 1) * (p.turnout_cap * choice(top))
            sparse = nobody > SPARSE
            if not sparse:
                fill_probabilities(
                    probability[: last - first], hardship[first:last], risk[first:last], stance[first:last],
                    drive[c], grief[c], fear[c], p.turnout_cap,
                )  # fmt: skip
            active = 0
            violent = 0
            arrests = 0
            for i in range(last - first):
                if sparse:
                    if u[i] < nobody:
                        continue
                    k = first + i
                    probability[i] = turnout_probability(
                        hardship[k], risk[k], stance[k], drive[c], grief[c], fear[c], p.turnout_cap
                    )
                if u[i] < 1.0 - (cell_weight[c] + 1) * probability[i]:
                    continue
                persons = persons_of(cell_weight[c], cell_extra[c], cell_start[c + 1] - cell_start[c], offset + i)
                if not untouched[c]:
                    k = first + i
                    persons -= np.int64(detained[k]) + np.int64(displaced[k]) + np.int64(in_arms[k]) + np.int64(dead[k])
                came = draws.binomial(u[i], persons, probability[i])
                active += came
                if commit and came > 0:
                    rough, held = _conduct(came, violent_share[c], arrest[c], seed, tick, uids[c], offset + i, p)
                    violent += rough
                    arrests += held
                    detained[first + i] += detained.dtype.type(held)
            block_active[b] = active
            if commit:
                block_violent[b] = violent
                block_detained[b] = arrests


crowd_pass = kernel(_pass)
crowd_pass_threaded = threaded_kernel(_pass)


@inner_kernel
def collect_active(citizens, tallies, cells):
    """Sum the turn-out of blocks into cells, for cells marked in ``cells.todo``."""
    blocks, counted, todo, block_active = citizens.blocks, tallies.round_active, cells.todo, tallies.block_active
    for c in range(todo.size):
        if todo[c]:
            counted[c] = 0
    for b in range(blocks.shape[0]):
        c = blocks[b, 0]
        if todo[c]:
            counted[c] += block_active[b]


@inner_kernel
def collect_conduct(citizens, tallies):
    """Sum violence and arrests of blocks into cells."""
    blocks, rough, detained, month = citizens.blocks, tallies.round_violent, tallies.detained, tallies.month
    block_violent, block_detained = tallies.block_violent, tallies.block_detained
    rough[:] = 0
    for b in range(blocks.shape[0]):
        c = blocks[b, 0]
        rough[c] += block_violent[b]
        detained[c] += block_detained[b]
        month[NEW_DETAINED, c] += block_detained[b]
