"""Turning out: grievance, perceived risk, contagion, fatigue, and a logistic choice.

The rule is Epstein's (2002) with the corrections of evidence rows M1 and M7: deterrence collapses when a crowd
outnumbers the police. All citizens choose at once from last round's state.
"""

import numpy as np

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
def unemployed_share(labour_rank, rate, n):
    """Share of a citizen's persons who are unemployed: those whose rank among ``n`` citizens lies below the rate."""
    return min(max((rate - labour_rank) * n + 0.5, 0.0), 1.0)


@kernel
def fill_stances(stance, threshold, labour_rank, young, n, rate_young, rate_other, b_unemployment, b_threshold):
    """Write what is each citizen's own in the choice to turn out, for one month (float32 log-odds).

    The arrays are of citizens of one cell of ``n``; the rates are unemployed shares of its residents, by age.
    """
    for i in range(stance.size):
        unemployed = unemployed_share(labour_rank[i], rate_young if young[i] else rate_other, n)
        stance[i] = b_unemployment * unemployed - b_threshold * np.float64(threshold[i])


@kernel
def turnout_probability(hardship, risk, stance, drive, grief, fear, cap):
    """Probability that a citizen turns out.

    ``drive`` is all that the cell's citizens share (log-odds), ``grief`` = b_grievance (1 - L) per unit of
    hardship, ``fear`` = b_risk P per unit of risk aversion, ``stance`` the citizen's own, ``cap`` the share of
    residents who could turn out at all.
    """
    return cap * choice(drive + grief * hardship - fear * risk + stance)


@kernel
def fill_probabilities(buffer, chosen, count, first, hardship, risk, stance, drive, grief, fear, cap):
    """Write the probability of turning out of the ``count`` citizens whose numbers after ``first`` are in ``chosen``."""
    for j in range(count):
        i = first + chosen[j]
        buffer[j] = turnout_probability(hardship[i], risk[i], stance[i], drive, grief, fear, cap)


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
