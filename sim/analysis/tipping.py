"""At which value of an assumption the ranking of two packages flips."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.intervals import SEED
from sim.analysis.statistics import mean_estimate
from sim.analysis.verdict import verdict

F8 = NDArray[np.float64]

TIPPING_COLUMNS = [
    "factor",
    "value",
    "ci_low",
    "ci_high",
    "flips_in",
    "below",
    "above",
    "range_low",
    "range_high",
    "n",
    "in_words",
]
SPAN = 0.6
"""Share of the points that a local fit sees."""
GRID = 41
RESAMPLES = 199
USUAL = 0.5
"""Share of resamples with a flip from which a flip is reported."""


def tipping(points: pd.DataFrame, differences: pd.Series[float], better: str) -> pd.DataFrame:
    """Find where the paired difference between two packages changes its sign, factor by factor.

    A local line (tricube weights over the nearest 60 % of points) is fitted to the difference against each
    factor, the others varying as they do in the design; the flip is where it crosses zero (the crossing with the
    steepest slope if there are several). The interval is from resampled points.

    Parameters
    ----------
    points : DataFrame
        ``point``, then one numeric column a factor.
    differences : Series
        Package less reference, mean over replications, by point.
    better : str
        "lower" or "higher".

    Returns
    -------
    DataFrame with ``TIPPING_COLUMNS``
        ``value`` and its interval, empty where there is no flip within the range; ``flips_in`` share of resamples
        with a flip; ``below`` and ``above`` the verdict at the lower and upper end of the range.

    Notes
    -----
    Source: Cleveland 1979 for the local fit.
    """
    known = points[points["point"].isin(differences.index)]
    y = np.asarray(differences.reindex(known["point"]), np.float64)
    sign = 1.0 if better == "higher" else -1.0
    rows = []
    for name in (str(column) for column in known.columns if column != "point"):
        if not pd.api.types.is_numeric_dtype(known[name]) or known[name].nunique() < 3:
            continue
        x = known[name].to_numpy(np.float64)
        grid = np.linspace(x.min(), x.max(), GRID)
        fitted = local_line(x, sign * y, grid)
        draw = np.random.default_rng(SEED)
        found = []
        for _ in range(RESAMPLES):
            chosen = draw.integers(0, len(x), len(x))
            found.append(_crossing(grid, local_line(x[chosen], sign * y[chosen], grid)))
        flips = np.array(found)
        often = float(np.isfinite(flips).mean())
        value = _crossing(grid, fitted)
        told = bool(np.isfinite(value) and often >= USUAL)
        low, high = np.nanquantile(flips, [0.025, 0.975]) if told else (np.nan, np.nan)
        ends = ["better" if end > 0 else "worse" if end < 0 else "the same" for end in (fitted[0], fitted[-1])]
        rows.append(
            {
                "factor": name,
                "value": value if told else np.nan,
                "ci_low": low,
                "ci_high": high,
                "flips_in": often,
                "below": ends[0],
                "above": ends[1],
                "range_low": x.min(),
                "range_high": x.max(),
                "n": len(x),
                "in_words": _words(name, value, float(low), float(high), ends) if told else _never(often, ends),
            }
        )
    return pd.DataFrame(rows, columns=TIPPING_COLUMNS)


def _words(name: str, value: float, low: float, high: float, ends: list[str]) -> str:
    return f"{ends[0]} below {name} = {value:.3g} ({low:.3g} to {high:.3g}), {ends[1]} above"


def _never(often: float, ends: list[str]) -> str:
    if often < 0.05:
        return f"no flip in the range: {ends[0]} throughout"
    return "no clear flip in the range; more points may show one"


def local_line(x: F8, y: F8, at: F8, span: float = SPAN) -> F8:
    """Local linear regression with tricube weights.

    Parameters
    ----------
    x, y : (n,) float64
    at : (m,) float64
    span : float
        Share of the points each fit sees.

    Returns
    -------
    (m,) float64
    """
    distance = np.abs(at[:, None] - x)
    near = max(3, int(np.ceil(span * len(x))))
    width = np.partition(distance, near - 1, axis=1)[:, near - 1 : near]
    reach = np.maximum(width, 1e-9 * max(float(np.ptp(x)), 1e-300)) * 1.000001
    weight = np.clip(1 - (distance / reach) ** 3, 0, None) ** 3
    total = weight.sum(axis=1)
    centre_x, centre_y = weight @ x / total, weight @ y / total
    offset = x - centre_x[:, None]
    spread = (weight * offset**2).sum(axis=1)
    slope = np.divide((weight * offset * y).sum(axis=1), spread, out=np.zeros_like(spread), where=spread > 0)
    fitted: F8 = centre_y + slope * (at - centre_x)
    return fitted


def _crossing(grid: F8, fitted: F8) -> float:
    """Where a curve crosses zero, the steepest crossing first; NaN if it never does."""
    change = np.flatnonzero(fitted[:-1] * fitted[1:] < 0)
    if not len(change):
        return float("nan")
    steep = change[np.abs(fitted[change + 1] - fitted[change]).argmax()]
    low, high = fitted[steep], fitted[steep + 1]
    return float(grid[steep] - low * (grid[steep + 1] - grid[steep]) / (high - low))


def tip_by_bisection(
    difference: Callable[[float], F8], low: float, high: float, better: str, *, steps: int = 8
) -> pd.DataFrame:
    """Close in on the value at which a package stops being better, by running what is asked for.

    Stops where the difference can no longer be told from zero: with so many replications the tipping value
    is known no better than the bracket.

    Parameters
    ----------
    difference : callable
        From a value of the assumption to paired differences (n_pairs,).
    low, high : float
        Ends of the range.
    better : str
        "lower" or "higher".
    steps : int
        Halvings at most.

    Returns
    -------
    DataFrame
        One row a value tried: ``value, effect, ci_low, ci_high, n, in_words, bracket_low, bracket_high``; the
        last row holds the final bracket, empty where both ends say the same.
    """
    rows: list[dict[str, object]] = []

    def tried(value: float) -> str:
        pairs = difference(value)
        estimate = mean_estimate(pairs)
        effect, below, above = float(estimate.value), float(estimate.low), float(estimate.high)
        words = verdict(effect, below, above, better)
        rows.append({"value": value, "effect": effect, "ci_low": below, "ci_high": above, "n": len(pairs),
                     "in_words": words, "bracket_low": np.nan, "bracket_high": np.nan})  # fmt: skip
        return words

    first, last = tried(low), tried(high)
    if {first, last} == {"better", "worse"}:
        for _ in range(steps):
            rows[-1] |= {"bracket_low": low, "bracket_high": high}
            middle = (low + high) / 2
            words = tried(middle)
            if words not in ("better", "worse"):
                break
            low, high = (middle, high) if words == first else (low, middle)
        rows[-1] |= {"bracket_low": low, "bracket_high": high}
    return pd.DataFrame(rows)
