"""What a difference shows, in words: the same words in tables, figures, reports and on screen."""

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

HOLLOW = "Hollow: not distinguishable from zero, not enough replications to tell."
HOLLOW_DRAWN = (
    "Filled: the direction is clear. Hollow circle: not enough replications to tell it. "
    "Hollow square: it depends on the parameters; more replications will not change that."
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
        Where parameters are drawn (see `sim.analysis.effects.Signs`): whether the parameter sets have one direction, and
        whether parameters rather than sampling error set them apart.

    Returns
    -------
    str
        "better", "worse" ("more", "less" where neither is better), or the reason why neither is shown.
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
    """Tell whether a row of effects is over several parameter sets."""
    return float(row.get("draws", math.nan)) > 1


def per_cent(row: Mapping[Any, Any]) -> tuple[float, float] | None:
    """Range of a count over parameter sets, in per cent of each set's baseline, to two digits; None where it has none."""
    low, high = (float(f"{100 * float(row.get(name, math.nan)) - 100:.2g}") for name in ("ratio_low", "ratio_high"))
    return None if math.isnan(low) or math.isnan(high) else (low, high)


def sets_in_words(row: Mapping[Any, Any], better: str) -> str:
    """Say in how many parameter sets an effect goes which way: "29 better, 1 worse, 2 the same"."""
    up, down, sets = (int(row[name]) for name in ("draws_up", "draws_down", "draws"))
    ways = sorted([(up, direction(1.0, better)), (down, direction(-1.0, better))], key=lambda way: -way[0])
    return ", ".join(f"{count} {words}" for count, words in [*ways, (sets - up - down, "the same")] if count)
