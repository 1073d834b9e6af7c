"""What a difference shows, in words: the same words and the same reasons in tables, figures, reports and on screen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NOT_ENOUGH = "not enough replications to tell"
SAME = "the same in every pair"
ONE_PAIR = "one pair: no interval"
OPEN = "direction depends on the parameters"
CLEAR = ("better", "worse", "more", "less")
UNTOLD = (NOT_ENOUGH, ONE_PAIR, OPEN)
SMALL = 0.01
"""Share of the baseline below which a difference is called small whatever its certainty."""

HOLLOW = "Hollow: the interval includes zero, not enough replications to tell."
HOLLOW_DRAWN = (
    "Filled: the direction is told. Hollow circle: not enough replications to tell it, because of luck. "
    "Hollow square: it depends on the parameters, and more replications will not tell it."
)
"""What marks in figures mean, with central and with drawn parameters."""


def is_small(effect: float, base: float) -> bool:
    """Tell whether a difference is under a hundredth of the baseline, however certain."""
    return base > 0 and abs(effect) < SMALL * base


def verdict(effect: float, low: float, high: float, better: str, told: bool = True, apart: bool = False) -> str:
    """Say what a difference and its 95 % interval show.

    Parameters
    ----------
    effect, low, high : float
        Mean paired difference and its interval.
    better : str
        "lower", "higher" or "none".
    told, apart : bool
        Where parameters are drawn (see `sim.analysis.draws.Signs`): whether the points have one direction, and whether
        parameters rather than luck set them apart.

    Returns
    -------
    str
        "better", "worse" ("more", "less" where neither is better), or why nothing can be said.
    """
    if math.isnan(low) or math.isnan(high):
        return ONE_PAIR
    if effect == low == high == 0:
        return SAME
    if low <= 0 <= high or not told:
        return OPEN if apart else NOT_ENOUGH
    return direction(effect, better)


def direction(effect: float, better: str) -> str:
    """Name the direction of a difference that is not zero."""
    if better == "none":
        return "more" if effect > 0 else "less"
    return "better" if (effect > 0) == (better == "higher") else "worse"


def verdict_of(row: Mapping[Any, Any], better: str) -> str:
    """Return the stored verdict of a row of effects; from its interval where none is stored."""
    stored = row.get("in_words")
    if isinstance(stored, str) and stored:
        return stored
    return verdict(float(row["effect"]), float(row["ci_low"]), float(row["ci_high"]), better)


def is_drawn(row: Mapping[Any, Any]) -> bool:
    """Tell whether a row of effects is over several points of drawn parameters."""
    return float(row.get("draws", math.nan)) > 1


def per_cent(row: Mapping[Any, Any]) -> tuple[float, float] | None:
    """What the parameters allow of a count, in per cent of each point's baseline, to two digits; None where it is none."""
    low, high = (float(f"{100 * float(row.get(name, math.nan)) - 100:.2g}") for name in ("ratio_low", "ratio_high"))
    return None if math.isnan(low) or math.isnan(high) else (low, high)


def points_in_words(row: Mapping[Any, Any], better: str) -> str:
    """Say at how many parameter points an effect goes which way: "29 better, 1 worse, 2 the same"."""
    up, down, points = (int(row[name]) for name in ("draws_up", "draws_down", "draws"))
    counts = {direction(1.0, better): up, direction(-1.0, better): down}
    most = sorted(counts, key=lambda name: -counts[name])
    parts = [f"{counts[name]} {name}" for name in most if counts[name]]
    same = points - up - down
    return ", ".join([*parts, *([f"{same} the same"] if same else [])])
