"""One round of turning out for blocks of citizens: who comes, who is violent, who is arrested.

Passes over a block (draws, who may come, their probabilities, counts), not one loop over citizens: the first two go
through all of a block and do little, the others do more for the few. Once a month the most willing citizen of every
block is found; whoever's draw is too low even with that citizen's probability is passed over. Nothing changes but
the time it takes: who is passed over would have drawn exactly zero.
"""

import numpy as np
from numba import prange

from sim.kernels import draws
from sim.kernels.compiling import inner_kernel, kernel, threaded_kernel
from sim.kernels.mobilisation import choice, fill_probabilities, fill_stances, persons_of
from sim.types import NEW_DETAINED, CrowdParameters

BUFFER = 2048

STEP = 2.0**-16
"""Steps of log-odds in which motives are bounded: the maximum of whole numbers vectorises, that of floats does not."""
MARGIN = 2 * STEP
"""Added to the bound on motives: one step for cutting off, the other far above their rounding error."""


@kernel
def crowd_parameters(p):
    """Take the few parameters of the passes over citizens out of the long record."""
    return CrowdParameters(
        p.turnout_cap, p.detain_peaceful, p.detain_violent, p.b_risk, p.b_unemployment, p.b_threshold
    )


@kernel
def highest_motives(hardship, risk, stance, grief, b_risk):
    """Highest motive in a block without fear of arrest, and in full fear, each cut off to a whole step (log-odds)."""
    bold = np.int32(-(2**31))
    wary = np.int32(-(2**31))
    for i in range(stance.size):
        motive = grief * hardship[i] + np.float64(stance[i])
        bold = max(bold, np.int32(motive / STEP))
        wary = max(wary, np.int32((motive - b_risk * np.float64(risk[i])) / STEP))
    return bold * STEP, wary * STEP


def _month(citizens, tallies, cells, p, workers):
    """Set the stances of all citizens for the month, and note the highest motive of each block.

    ``block_top`` holds it fearless in row 0 and in full fear of arrest in row 1. A maximum of lines in the fear is
    convex, so that in between the chord is a bound. Blocks are handed on as views: only of indices that count up
    from zero does the compiler know that they are not counted from the end.
    """
    blocks, cell_start = citizens.blocks, citizens.cell_start
    hardship, risk, stances = citizens.hardship, citizens.risk_aversion, citizens.stance
    threshold, labour_rank, young = citizens.threshold, citizens.labour_rank, citizens.young
    grief, rate_young, rate_other, tops = cells.grief, cells.rate_young, cells.rate_other, tallies.block_top
    for worker in prange(workers):
        for b in range(worker, blocks.shape[0], workers):
            c = blocks[b, 0]
            first = blocks[b, 1]
            last = blocks[b, 2]
            stance = stances[first:last]
            fill_stances(
                stance, threshold[first:last], labour_rank[first:last], young[first:last],
                cell_start[c + 1] - cell_start[c], rate_young[c], rate_other[c], p.b_unemployment, p.b_threshold,
            )  # fmt: skip
            bold, wary = highest_motives(hardship[first:last], risk[first:last], stance, grief[c], p.b_risk)
            tops[0, b] = bold
            tops[1, b] = wary


start_crowd_month = kernel(_month)
start_crowd_month_threaded = threaded_kernel(_month)


@inner_kernel
def _chosen_by_draw(chosen, words, count, limit):
    """List the citizens of a block whose words reach ``limit``; no branch, so that the processor need not guess."""
    found = 0
    for i in range(count):
        chosen[found] = i
        found += np.int64(words[i] >= limit)
    return found


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
    workers = scratch.words.shape[0]
    for worker in prange(workers):
        words = scratch.words[worker]
        chosen = scratch.chosen[worker]
        probability = scratch.probability[worker]
        for b in range(worker, blocks.shape[0], workers):
            c = blocks[b, 0]
            if not todo[c]:
                continue
            first = blocks[b, 1]
            count = blocks[b, 2] - first
            offset = first - cell_start[c]
            heaviest = cell_weight[c] + 1
            draws.fill_words(words, count, seed, draws.TURN_OUT, tick, uids[c], offset)
            top = drive[c] + tops[0, b] + (tops[1, b] - tops[0, b]) * arrest[c] + MARGIN
            nobody = max(1.0 - heaviest * (p.turnout_cap * choice(top)), 0.0)
            found = _chosen_by_draw(chosen, words, count, np.uint32(nobody * (2.0**32 - 1.0)))
            fill_probabilities(
                probability, chosen, found, first, hardship, risk, stance, drive[c], grief[c], fear[c], p.turnout_cap
            )
            active = 0
            violent = 0
            arrests = 0
            for j in range(found):
                u = draws.unit32(words[chosen[j]])
                if u < 1.0 - heaviest * probability[j]:
                    continue
                i = offset + chosen[j]
                k = first + chosen[j]
                persons = persons_of(cell_weight[c], cell_extra[c], cell_start[c + 1] - cell_start[c], i)
                if not untouched[c]:
                    persons -= np.int64(detained[k]) + np.int64(displaced[k]) + np.int64(in_arms[k]) + np.int64(dead[k])
                came = draws.binomial(u, persons, probability[j])
                active += came
                if commit and came > 0:
                    rough, held = _conduct(came, violent_share[c], arrest[c], seed, tick, uids[c], i, p)
                    violent += rough
                    arrests += held
                    detained[k] += detained.dtype.type(held)
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
