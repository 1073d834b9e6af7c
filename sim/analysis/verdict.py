"""An interval in words, the same words everywhere."""

from __future__ import annotations

import math

NOT_ENOUGH = "not enough replications to tell"
SAME = "the same in every pair"
ONE_PAIR = "one pair: no interval"
OPEN = "depends on parameters that are not known well enough"
SMALL = 0.01
"""Share of the baseline below which a difference is called small whatever its certainty."""


def is_small(effect: float, base: float) -> bool:
    """Tell whether a difference is under a hundredth of the baseline, however certain."""
    return base > 0 and abs(effect) < SMALL * base


def verdict(effect: float, low: float, high: float, better: str) -> str:
    """Say what a difference and its 95 % interval show.

    Parameters
    ----------
    effect, low, high : float
        Mean paired difference and its interval.
    better : str
        "lower", "higher" or "none".

    Returns
    -------
    str
        "better", "worse" ("more", "less" where neither is better), or why nothing can be said.
    """
    if math.isnan(low) or math.isnan(high):
        return ONE_PAIR
    if effect == low == high == 0:
        return SAME
    if low <= 0 <= high:
        return NOT_ENOUGH
    if better == "none":
        return "more" if effect > 0 else "less"
    return "better" if (effect > 0) == (better == "higher") else "worse"
