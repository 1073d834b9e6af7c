"""Scores of probabilistic forecasts: an ensemble is an array (n_members, ...), what happened is (...), NaN is missing.

Lower is better for CRPS, Brier and log score. Scores of missing values are NaN and enter no mean.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from checks.records import Value

F8 = NDArray[np.float64]
SURE = 0.005
"""Chances are kept this far from 0 and 1: no forecaster of rare events is that sure, and one miss is not infinite."""
BLOCK = 12
"""Months that are drawn together in intervals of skill."""


def crps(ensemble: F8, happened: F8, *, fair: bool = False) -> F8:
    """Continuous ranked probability score: mean |x - y| less half the mean |x - x'| (Gneiting and Raftery 2007).

    ``fair`` divides by m (m - 1) instead of m^2: what an endless ensemble would score on average (Ferro 2014).
    """
    m = ensemble.shape[0]
    if fair and m < 2:
        raise ValueError("the fair score needs two members")
    ranks = (2.0 * np.arange(1, m + 1) - m - 1).reshape(-1, *[1] * happened.ndim)
    pairs = 2.0 * (ranks * np.sort(ensemble, axis=0)).sum(axis=0)
    apart = pairs / (m * (m - 1) if fair else m * m)
    return np.asarray(np.abs(ensemble - happened).mean(axis=0) - apart / 2.0)


def chance(ensemble: F8, above: float = 0.0) -> F8:
    """Chance of more than ``above``: the share of members, kept off 0 and 1 by `SURE`."""
    return np.asarray(np.clip((ensemble > above).mean(axis=0), SURE, 1.0 - SURE), np.float64)


def brier(p: F8, event: F8) -> F8:
    """Brier score: (p - event)^2, ``event`` 0, 1 or NaN."""
    return (p - event) ** 2


def log_score(p: F8, event: F8) -> F8:
    """Log score in nats: minus the log of the chance given to what happened."""
    return np.asarray(np.where(np.isnan(event), np.nan, -np.log(np.where(event > 0.5, p, 1.0 - p))))


def auroc(p: F8, event: F8) -> float:
    """Chance that an event was given more than a non-event, ties half; NaN without events or non-events."""
    p, event = _known(p, event)
    hit, miss = p[event > 0.5], p[event <= 0.5]
    if not (hit.size and miss.size):
        return float("nan")
    return float(stats.mannwhitneyu(hit, miss, method="asymptotic").statistic / (hit.size * miss.size))


def average_precision(p: F8, event: F8) -> float:
    """Area under precision and recall as the step sum over distinct chances; NaN without events."""
    p, event = _known(p, event)
    if event.sum() == 0:
        return float("nan")
    levels = np.unique(p)[::-1]
    recalled = np.array([event[p >= level].sum() for level in levels])
    precision = recalled / np.array([(p >= level).sum() for level in levels])
    return float((np.diff(recalled, prepend=0.0) * precision).sum() / event.sum())


def _known(p: F8, event: F8) -> tuple[F8, F8]:
    there = ~np.isnan(event)
    return np.broadcast_to(p, event.shape)[there], event[there]


def pit(ensemble: F8, happened: F8, rng: np.random.Generator) -> F8:
    """Probability integral transform, drawn between the shares below and up to y, so that it is uniform for counts.

    With m members the ranks 0 ... m are spread evenly over (0, 1) (Czado, Gneiting and Held 2009).
    """
    below = (ensemble < happened).sum(axis=0)
    upto = (ensemble <= happened).sum(axis=0) + 1.0
    made = (below + rng.random(happened.shape) * (upto - below)) / (ensemble.shape[0] + 1)
    return np.asarray(np.where(np.isnan(happened), np.nan, made))


def coverage(transformed: F8, share: float) -> float:
    """Share of known values whose PIT lies in the central interval of that probability."""
    known = transformed[~np.isnan(transformed)]
    return float((np.abs(known - 0.5) <= share / 2).mean()) if known.size else float("nan")


def misplaced(transformed: F8, bins: int = 10) -> float:
    """Share of a PIT histogram that would have to move to make it flat; 0 is calibrated."""
    known = transformed[~np.isnan(transformed)]
    shares = np.histogram(known, bins, (0.0, 1.0))[0] / max(known.size, 1)
    return float(np.abs(shares - 1.0 / bins).sum() / 2)


def reliability(p: F8, event: F8, edges: tuple[float, ...] = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0)) -> list[tuple[float, float, int]]:  # fmt: skip
    """Mean chance, observed share and number of cases by bin of chance; empty bins are left out."""
    p, event = _known(p, event)
    where = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, len(edges) - 2)
    return [
        (float(p[where == k].mean()), float(event[where == k].mean()), int((where == k).sum()))
        for k in range(len(edges) - 1)
        if (where == k).any()
    ]


def skill(model: F8, baseline: F8, draws: int = 1000) -> Value:
    """1 - mean score of the model / mean score of the baseline, with a block bootstrap over months.

    Parameters
    ----------
    model, baseline : (months, ...) scores of the same cases; NaN where missing

    Returns
    -------
    Value
        The interval draws blocks of `BLOCK` months, end joined to start, all states of a month together (Künsch 1989).
        NaN if nothing is known or the baseline is perfect.
    """
    both = ~(np.isnan(model) | np.isnan(baseline))
    sums = [np.where(both, one, 0.0).reshape(one.shape[0], -1).sum(axis=1) for one in (model, baseline)]
    months = np.flatnonzero(both.reshape(both.shape[0], -1).any(axis=1))
    if months.size == 0 or sums[1].sum() <= 0.0:
        return Value(float("nan"))
    ours, theirs = sums[0][months], sums[1][months]
    value = 1.0 - ours.sum() / theirs.sum()
    n, block = months.size, min(BLOCK, months.size)
    starts = np.random.default_rng(1).integers(0, n, (draws, -(-n // block)))
    picks: Any = ((starts[:, :, None] + np.arange(block)) % n).reshape(draws, -1)[:, :n]
    below = theirs[picks].sum(axis=1)
    drawn = 1.0 - ours[picks].sum(axis=1)[below > 0] / below[below > 0]
    if n <= block or drawn.size < draws // 2:
        return Value(float(value))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Value(float(value), float(low), float(high))
