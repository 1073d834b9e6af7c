"""Under which assumptions a package fails: ranges that hold most failures (PRIM), and values at which a ranking flips."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sim.analysis.sensitivity import explore_library
from sim.analysis.statistics import SEED, mean_estimate
from sim.analysis.verdict import verdict
from sim.errors import InputError

BOX_COLUMNS = [
    "box", "factor", "low", "high", "range_low", "range_high", "qp", "coverage", "density", "mass", "cases", "points",
    "base_rate", "in_words",
]  # fmt: skip
TIPPING_COLUMNS = [
    "factor", "value", "ci_low", "ci_high", "flips_in", "below", "above", "range_low", "range_high", "n", "in_words",
]  # fmt: skip
SIGNIFICANT = 0.05
"""Highest chance of a limit that is kept."""
PEEL = 0.05
"""Share of points peeled off at a step, and smallest share in a box."""
FEWEST = 20
SPAN = 0.6
"""Share of the points that a local fit sees."""
GRID = 41
RESAMPLES = 199
USUAL = 0.5
"""Share of resamples with a flip from which a flip is reported."""

F8 = NDArray[np.float64]
Mask = NDArray[np.bool_]
Limits = dict[str, tuple[float, float]]


def discover(points: pd.DataFrame, fails: pd.Series[bool], *, boxes: int = 3) -> pd.DataFrame:
    """Find ranges of factors in which a package mostly fails.

    From each peeling trajectory the box with the best balance of coverage and density is kept (their
    harmonic mean); limits that chance would explain (quasi-p above 0.05) are dropped, the least certain
    first. The next box is sought among the points outside.

    Parameters
    ----------
    points : DataFrame
        ``point``, then one numeric column a factor.
    fails : Series of bool
        By point; points that are missing are left out.
    boxes : int
        At most so many.

    Returns
    -------
    DataFrame with ``BOX_COLUMNS``, one row a box and limited factor
        ``qp`` quasi-p of the limit; ``coverage`` share of all failures inside; ``density`` share of failures
        among the points inside; ``mass`` share of points inside; ``cases`` failures inside. No rows: no box is
        denser than chance.

    Notes
    -----
    Source: Friedman and Fisher 1999; Bryant and Lempert 2010 (quasi-p). Boxes are chosen for their
    density, which is therefore optimistic: check it on points that were not used.
    """
    names = [str(name) for name in points.columns if name != "point"]
    text = [name for name in names if not pd.api.types.is_numeric_dtype(points[name])]
    if text:
        raise InputError(f"boxes need numbers; leave out {', '.join(text)}")
    known = points[points["point"].isin(fails.index)]
    bad = fails.reindex(known["point"]).to_numpy(bool)
    x = known[names].astype(np.float64).reset_index(drop=True)
    if len(x) < FEWEST:
        raise InputError(f"{len(x)} points are too few to look for boxes; {FEWEST} are needed")
    rows: list[dict[str, object]] = []
    rest = np.ones(len(x), dtype=bool)
    for number in range(1, boxes + 1):
        limits = _box(x[rest].reset_index(drop=True), bad[rest])
        if not limits:
            break
        inside = rest & _inside(x, limits)
        shared = {
            "coverage": bad[inside].sum() / bad.sum(),
            "density": bad[inside].mean(),
            "mass": inside.mean(),
            "cases": int(bad[inside].sum()),
            "points": len(x),
            "base_rate": bad.mean(),
        }
        found: list[dict[str, object]] = []
        for name, (low, high) in limits.items():
            least, most = float(x[name].min()), float(x[name].max())
            words = f"{name} from {low:.3g} to {high:.3g}"
            if low <= least or high >= most:
                words = f"{name} below {high:.3g}" if low <= least else f"{name} above {low:.3g}"
            ends = {"low": max(low, least), "high": min(high, most), "range_low": least, "range_high": most}
            chance = quasi_p(x[rest], bad[rest], limits, name)
            found.append({"box": number, "factor": name, **ends, "qp": chance, **shared, "in_words": words})
        rows += sorted(found, key=lambda row: (row["qp"], row["factor"]))
        rest &= ~inside
    return pd.DataFrame(rows, columns=BOX_COLUMNS)


def _box(x: pd.DataFrame, bad: Mask) -> Limits:
    """Limits of the best box, without those that chance explains; empty if there is none."""
    if bad.sum() < 2 or bad.all() or len(x) < FEWEST:
        return {}
    prim = explore_library("ema_workbench.analysis.prim").Prim
    # releases before 3.0 want a least density; any box does here, because one is chosen from the trajectory
    least = {"threshold": float(bad.mean())} if "threshold" in inspect.signature(prim).parameters else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("EMA").setLevel(logging.ERROR)
        trajectory = prim(x, bad, peel_alpha=PEEL, mass_min=PEEL, **least).find_box()
    best, kept = 0.0, Limits()
    for box in trajectory.box_lims:
        limits = _limits(x, box)
        inside = _inside(x, limits)
        covered, dense = bad[inside].sum() / bad.sum(), bad[inside].mean() if inside.any() else 0.0
        balance = 2 * covered * dense / (covered + dense) if covered + dense else 0.0
        if balance > best:
            best, kept = balance, limits
    while kept:
        chance = {name: quasi_p(x, bad, kept, name) for name in kept}
        worst = max(chance, key=lambda name: chance[name])
        if chance[worst] <= SIGNIFICANT:
            break
        del kept[worst]
    return kept


def _limits(x: pd.DataFrame, box: pd.DataFrame) -> Limits:
    """Factors that a box cuts, with their limits; an uncut side reaches to the end of the range."""
    made = {}
    for name in x.columns:
        low, high = float(box[name].iloc[0]), float(box[name].iloc[1])
        if low > x[name].min() or high < x[name].max():
            made[str(name)] = (low, high)
    return made


def _inside(x: pd.DataFrame, limits: Limits) -> Mask:
    inside = np.ones(len(x), dtype=bool)
    for name, (low, high) in limits.items():
        inside &= x[name].between(low, high).to_numpy()
    return inside


def quasi_p(x: pd.DataFrame, bad: Mask, limits: Limits, name: str) -> float:
    """Chance of a box as dense as this one if the limit of one factor meant nothing."""
    inside = _inside(x, limits)
    without = _inside(x, {key: value for key, value in limits.items() if key != name})
    return float(stats.binom.sf(int(bad[inside].sum()) - 1, int(inside.sum()), float(bad[without].mean())))


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
        below, above = ("better" if end > 0 else "worse" if end < 0 else "the same" for end in (fitted[0], fitted[-1]))
        low, high = np.nan, np.nan
        if np.isfinite(value) and often >= USUAL:
            low, high = np.nanquantile(flips, [0.025, 0.975])
            words = f"{below} below {name} = {value:.3g} ({low:.3g} to {high:.3g}), {above} above"
        else:
            value = np.nan
            words = "no clear flip in the range; more points may show one"
            if often < 0.05:
                words = f"no flip in the range: {below} throughout"
        rows.append(
            {
                "factor": name,
                "value": value,
                "ci_low": low,
                "ci_high": high,
                "flips_in": often,
                "below": below,
                "above": above,
                "range_low": x.min(),
                "range_high": x.max(),
                "n": len(x),
                "in_words": words,
            }
        )
    return pd.DataFrame(rows, columns=TIPPING_COLUMNS)


def local_line(x: F8, y: F8, at: F8) -> F8:
    """Local linear regression with tricube weights over the nearest `SPAN` of the points.

    Parameters
    ----------
    x, y : (n,) float64
    at : (m,) float64

    Returns
    -------
    (m,) float64
    """
    distance = np.abs(at[:, None] - x)
    near = max(3, int(np.ceil(SPAN * len(x))))
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
    """Narrow down the value at which a package stops being better, by running the values it asks for.

    Stops where the difference is no longer distinguishable from zero: with so many replications the tipping value
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
        numbers = {"value": value, "effect": effect, "ci_low": below, "ci_high": above, "n": len(pairs)}
        rows.append(numbers | {"in_words": words, "bracket_low": np.nan, "bracket_high": np.nan})
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
