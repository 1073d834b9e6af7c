"""When does it fail: boxes of assumptions that hold most failures (PRIM)."""

from __future__ import annotations

import inspect
import logging
import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sim.analysis.sensitivity import explore_library
from sim.errors import InputError

BOX_COLUMNS = [
    "box",
    "factor",
    "low",
    "high",
    "range_low",
    "range_high",
    "qp",
    "coverage",
    "density",
    "mass",
    "cases",
    "points",
    "base_rate",
    "in_words",
]
SIGNIFICANT = 0.05
BOXES = 3
FEWEST = 20

Mask = NDArray[np.bool_]
Limits = dict[str, tuple[float, float]]


def discover(
    points: pd.DataFrame,
    fails: pd.Series[bool],
    *,
    boxes: int = BOXES,
    peel: float = 0.05,
    smallest: float = 0.05,
) -> pd.DataFrame:
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
    peel, smallest : float
        Share peeled off at a step, and smallest share of points in a box.

    Returns
    -------
    DataFrame with ``BOX_COLUMNS``, one row a box and limited factor
        ``qp`` quasi-p of the limit; ``coverage`` share of all failures inside; ``density`` share of failures
        among the points inside; ``mass`` share of points inside; ``cases`` failures inside. No rows: no box is
        denser than chance.

    Notes
    -----
    Source: Friedman and Fisher 1999; Bryant and Lempert 2010 (quasi-p). Boxes are found by looking, so their
    density is optimistic: check it on points that were not used.
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
        limits = _box(x, bad, rest, peel, smallest)
        if not limits:
            break
        inside = rest & _inside(x, limits)
        rows.extend(_described(number, x, bad, rest, inside, limits))
        rest &= ~inside
    return pd.DataFrame(rows, columns=BOX_COLUMNS)


def _box(x: pd.DataFrame, bad: Mask, rest: Mask, peel: float, smallest: float) -> Limits:
    """Limits of the best box among the points that are left; empty if there is none."""
    if bad[rest].sum() < 2 or bad[rest].all() or rest.sum() < FEWEST:
        return {}
    prim = explore_library("ema_workbench.analysis.prim")
    own, target = x[rest].reset_index(drop=True), bad[rest]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("EMA").setLevel(logging.ERROR)
        found = prim.Prim(own, target, peel_alpha=peel, mass_min=smallest, **_threshold(prim.Prim, target)).find_box()
    best: tuple[float, Limits] = (0.0, {})
    for box in found.box_lims:
        limits = _limits(own, box)
        inside = _inside(own, limits)
        covered, dense = target[inside].sum() / target.sum(), target[inside].mean() if inside.any() else 0.0
        balance = 2 * covered * dense / (covered + dense) if covered + dense else 0.0
        if balance > best[0]:
            best = (balance, limits)
    return _pruned(own, target, best[1])


def _threshold(prim: Any, target: Mask) -> dict[str, float]:
    """Releases before 3.0 want a least density; any box does here, because one is chosen from the trajectory."""
    return {"threshold": float(target.mean())} if "threshold" in inspect.signature(prim).parameters else {}


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


def _pruned(x: pd.DataFrame, bad: Mask, limits: Limits) -> Limits:
    """Drop limits that chance explains, the least certain first."""
    kept = dict(limits)
    while kept:
        chance = {name: quasi_p(x, bad, kept, name) for name in kept}
        worst = max(chance, key=lambda name: chance[name])
        if chance[worst] <= SIGNIFICANT:
            break
        del kept[worst]
    return kept


def quasi_p(x: pd.DataFrame, bad: Mask, limits: Limits, name: str) -> float:
    """Chance of a box as dense as this one if the limit of one factor meant nothing."""
    inside = _inside(x, limits)
    without = _inside(x, {key: value for key, value in limits.items() if key != name})
    return float(stats.binom.sf(int(bad[inside].sum()) - 1, int(inside.sum()), float(bad[without].mean())))


def _described(
    number: int, x: pd.DataFrame, bad: Mask, rest: Mask, inside: Mask, limits: Limits
) -> list[dict[str, object]]:
    shared = {
        "coverage": bad[inside].sum() / bad.sum(),
        "density": bad[inside].mean(),
        "mass": inside.mean(),
        "cases": int(bad[inside].sum()),
        "points": len(x),
        "base_rate": bad.mean(),
    }
    own = x[rest]
    rows = []
    for name, (low, high) in limits.items():
        ends = float(x[name].min()), float(x[name].max())
        rows.append(
            {
                "box": number,
                "factor": name,
                "low": max(low, ends[0]),
                "high": min(high, ends[1]),
                "range_low": ends[0],
                "range_high": ends[1],
                "qp": quasi_p(own, bad[rest], limits, name),
                **shared,
                "in_words": _words(name, low, high, *ends),
            }
        )
    return sorted(rows, key=lambda row: (row["qp"], row["factor"]))


def _words(name: str, low: float, high: float, least: float, most: float) -> str:
    if low <= least:
        return f"{name} below {high:.3g}"
    return f"{name} above {low:.3g}" if high >= most else f"{name} from {low:.3g} to {high:.3g}"
