"""Turning out: grievance, perceived risk, contagion, fatigue, and a logistic choice.

The rule is Epstein's (2002) with the corrections of evidence rows M1 and M7: deterrence collapses when a crowd
outnumbers the police. All citizens choose at once from last round's state.
"""

import numpy as np

from sim.kernels import draws
from sim.kernels.compiling import kernel
from sim.kernels.elementary import exp, log, logistic

COLLAPSE, FLOOR, LITERAL = 0, 1, 2
"""Forms of the arrest ratio: smooth collapse (Lemos, Lopes and Coelho 2015), floor (as NetLogo Rebellion), as printed."""


@kernel
def grievance(hardship, legitimacy):
    """Grievance = hardship x (1 - legitimacy), in [0, 1]. Source: Epstein 2002, eq. 1."""
    return hardship * (1.0 - legitimacy)


@kernel
def arrest_probability(ratio, k, critical_ratio, width, form):
    """Perceived probability of arrest, 1 - exp(-k ratio C).

    Parameters
    ----------
    ratio : float >= 0
        Officers per active person, self or floor included.
    k : float
        2.3 makes it 0.9 at one officer per active person.
    critical_ratio, width : float
        Where and how sharply (in log ratio) deterrence collapses; used by the `COLLAPSE` form only.
    form : int
        `COLLAPSE`: C = 1 / (1 + (critical / ratio)^(1 / width)); `FLOOR`: the ratio is rounded down;
        `LITERAL`: C = 1.

    Notes
    -----
    Source: Epstein 2002, eq. 2; M1 and M7.
    """
    if ratio <= 0.0:
        return 0.0
    if form == FLOOR:
        return 1.0 - exp(-k * np.floor(ratio))
    if form == LITERAL:
        return 1.0 - exp(-k * ratio)
    collapse = logistic(log(ratio / critical_ratio) / width)
    return 1.0 - exp(-k * ratio * collapse)


@kernel
def choice(net_motive):
    """Probability of acting on a net motive in log-odds; a hard threshold is its limit for large motives."""
    return logistic(net_motive)


@kernel
def fill_uniforms(buffer, count, seed, stream, tick, uid, first):
    """Write the 32-bit uniforms of ``count`` citizens from number ``first`` (a multiple of 4) of a cell."""
    for block in range((count + 3) // 4):
        w0, w1, w2, w3 = draws.words(seed, stream, tick, uid, (first >> 2) + block)
        buffer[4 * block] = draws.unit32(w0)
        buffer[4 * block + 1] = draws.unit32(w1)
        buffer[4 * block + 2] = draws.unit32(w2)
        buffer[4 * block + 3] = draws.unit32(w3)


@kernel
def unemployed_share(labour_rank, rate, n):
    """Share of a citizen's persons who are unemployed: those whose rank among ``n`` citizens lies below the rate."""
    return min(max((rate - labour_rank) * n + 0.5, 0.0), 1.0)


@kernel
def set_stances(stance, threshold, labour_rank, young, cell_start, rate_young, rate_other, p):
    """Write what is each citizen's own in the choice to turn out, for one month (float32 log-odds).

    ``rate_young`` and ``rate_other`` (n_c,) are the unemployed shares of residents, by age.
    """
    for c in range(rate_young.size):
        n = cell_start[c + 1] - cell_start[c]
        young_rate = rate_young[c]
        other_rate = rate_other[c]
        for i in range(cell_start[c], cell_start[c + 1]):
            unemployed = unemployed_share(labour_rank[i], young_rate if young[i] else other_rate, n)
            stance[i] = p.b_unemployment * unemployed - p.b_threshold * np.float64(threshold[i])


@kernel
def turnout_probability(hardship, risk, stance, drive, grief, fear, cap):
    """Probability that a citizen turns out.

    ``drive`` is all that the cell's citizens share (log-odds), ``grief`` = b_grievance (1 - L) per unit of
    hardship, ``fear`` = b_risk P per unit of risk aversion, ``stance`` the citizen's own, ``cap`` the share of
    residents who could turn out at all.
    """
    return cap * choice(drive + grief * hardship - fear * risk + stance)


@kernel
def fill_probabilities(buffer, hardship, risk, stance, drive, grief, fear, cap):
    """Write the probability of turning out of every citizen of a block."""
    for i in range(buffer.size):
        buffer[i] = turnout_probability(hardship[i], risk[i], stance[i], drive, grief, fear, cap)


@kernel
def persons_of(weight, extra, n, i):
    """Persons whom citizen ``i`` of the ``n`` of a cell stands for: ``weight``, and one more for ``extra`` of them.

    Those stand evenly apart. Were they the first of a cell, which is in the order of hardship, its people would be
    milder than they are.
    """
    return weight + ((i + 1) * extra) // n - (i * extra) // n


@kernel
def free_persons(citizens, i, weight):
    """Persons of citizen i who are alive, at liberty, at home and unarmed."""
    taken = np.int64(citizens.detained[i]) + np.int64(citizens.displaced[i])
    return weight - (taken + np.int64(citizens.in_arms[i]) + np.int64(citizens.dead[i]))
