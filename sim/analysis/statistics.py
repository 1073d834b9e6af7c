"""Estimators of paired comparisons, along the first axis of an array (the pairs)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

F8 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value with its 95 % interval and standard error; arrays of one shape."""

    value: F8
    low: F8
    high: F8
    error: F8


def mean_estimate(differences: F8, level: float = 0.95) -> Estimate:
    """Estimate a mean with Student's t interval.

    Pairs that all agree give an interval of no width (``[0, 0]`` when nothing differs); one pair gives none
    (NaN).

    Parameters
    ----------
    differences : (n_pairs, ...) float64
    level : float
        Confidence level.

    Returns
    -------
    Estimate of shape (...)
    """
    n = differences.shape[0]
    mean = differences.mean(axis=0)
    if n < 2:
        nothing = np.full_like(mean, np.nan)
        return Estimate(mean, nothing, nothing, nothing)
    error = differences.std(axis=0, ddof=1) / np.sqrt(n)
    same = (differences == differences[0]).all(axis=0)
    mean, error = np.where(same, differences[0], mean), np.where(same, 0.0, error)
    half = stats.t.ppf(0.5 + level / 2, n - 1) * error
    return Estimate(mean, mean - half, mean + half, error)


def crossed_estimate(
    differences: F8, points: NDArray[np.int64] | None, replications: NDArray[np.int64]
) -> tuple[Estimate, F8]:
    """Estimate a mean over design points and replications that share luck across points.

    The interval counts both sources: variances by point and by replication add up, less what both hold
    (two-way clusters). Without points, or with one, it is that of ``mean_estimate``.

    Parameters
    ----------
    differences : (n_pairs, ...) float64
    points, replications : (n_pairs,) int64
        Of each pair; ``points`` None outside sweeps.

    Returns
    -------
    Estimate of shape (...), and the standard error from finitely many replications alone

    Notes
    -----
    Source: Cameron, Gelbach and Miller 2011, Robust inference with multi-way clustering.
    """
    if points is None or len(np.unique(points)) == 1:
        estimate = mean_estimate(differences)
        return estimate, estimate.error
    mean = differences.mean(axis=0)
    off = differences - mean
    n_points, n_replications = len(np.unique(points)), len(np.unique(replications))
    by_point, by_replication = _cluster_variance(off, points), _cluster_variance(off, replications)
    total = by_point
    if n_replications > 1:
        single = (off**2).sum(axis=0) / len(off) ** 2
        total = np.maximum(by_point + by_replication - single, np.maximum(by_point, by_replication))
    error = np.sqrt(total)
    same = (differences == differences[0]).all(axis=0)
    mean, error = np.where(same, differences[0], mean), np.where(same, 0.0, error)
    freedom = min(n_points, n_replications if n_replications > 1 else n_points) - 1
    half = stats.t.ppf(0.975, freedom) * error
    luck = np.sqrt(by_replication) if n_replications > 1 else np.full_like(error, np.nan)
    return Estimate(mean, mean - half, mean + half, error), np.where(same, 0.0, luck)


def _cluster_variance(off: F8, labels: NDArray[np.int64]) -> F8:
    """Variance of a mean whose errors agree within clusters."""
    _, codes = np.unique(labels, return_inverse=True)
    sums = np.zeros((codes.max() + 1, *off.shape[1:]))
    np.add.at(sums, codes, off)
    count = len(sums)
    variance: F8 = (sums**2).sum(axis=0) / len(off) ** 2 * count / max(count - 1, 1)
    return variance


def ratio_estimate(treated: F8, reference: F8, level: float = 0.95) -> Estimate:
    """Estimate a ratio of sums, sum(treated) / sum(reference), with a jackknife interval on the log scale.

    Undefined (NaN) where the reference sums to zero or less. Where the treated sum is zero, or one pair
    carries everything on either side, the interval is [0, inf]: the data do not bound the ratio.

    Parameters
    ----------
    treated, reference : (n_pairs, ...) float64, at least 0
    level : float
        Confidence level.

    Returns
    -------
    Estimate of shape (...); ``error`` is on the scale of the ratio.

    Notes
    -----
    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 11 (jackknife standard
    error).
    """
    n = treated.shape[0]
    top, bottom = treated.sum(axis=0), reference.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(bottom > 0, top / bottom, np.nan)
        if n < 2:
            nothing = np.full_like(ratio, np.nan)
            return Estimate(ratio, nothing, nothing, nothing)
        logs = np.log((top - treated) / (bottom - reference))
        error = np.sqrt((n - 1) / n * ((logs - logs.mean(axis=0)) ** 2).sum(axis=0))
        half = stats.t.ppf(0.5 + level / 2, n - 1) * error
        low, high = ratio * np.exp(-half), ratio * np.exp(half)
    same = (treated == reference).all(axis=0) & (bottom > 0)
    unbounded = (bottom > 0) & ~np.isfinite(half) & ~same
    low = np.where(same, 1.0, np.where(unbounded, 0.0, low))
    high = np.where(same, 1.0, np.where(unbounded, np.inf, high))
    scaled = np.where(same, 0.0, np.where(unbounded, np.nan, ratio * error))
    return Estimate(np.where(same, 1.0, ratio), low, high, scaled)


def ratio_p(estimate: Estimate, n: int) -> F8:
    """Two-sided p of a ratio against one, from its jackknife error on the log scale; NaN where it has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p: F8 = 2 * stats.t.sf(np.abs(np.log(estimate.value)) * estimate.value / estimate.error, max(n - 1, 1))
    return np.where(estimate.error > 0, p, np.nan)


def probability_estimate(treated: F8, reference: F8, level: float = 0.95) -> Estimate:
    """Estimate the difference in the probability that anything happens at all, from pairs.

    The interval adds half a pair to each cell of the two-by-two table (Agresti and Min 2005), which keeps it
    honest for rare events. Where every pair is exactly equal it is [0, 0].

    Parameters
    ----------
    treated, reference : (n_pairs, ...) float64
        Counts; anything above zero counts as having happened.
    level : float
        Confidence level.

    Returns
    -------
    Estimate of shape (...)
    """
    n = treated.shape[0]
    gained = ((treated > 0) & ~(reference > 0)).sum(axis=0)
    lost = (~(treated > 0) & (reference > 0)).sum(axis=0)
    value = (gained - lost) / n
    centre = (gained - lost) / (n + 2)
    spread = np.sqrt((gained + lost + 1) - (gained - lost) ** 2 / (n + 2)) / (n + 2)
    half = stats.norm.ppf(0.5 + level / 2) * spread
    same = (treated == reference).all(axis=0)
    wide = [np.where(same, 0.0, bound) for bound in (centre - half, centre + half, spread)]
    return Estimate(value, np.maximum(wide[0], -1.0), np.minimum(wide[1], 1.0), wide[2])


def share_better(differences: F8, better: NDArray[np.str_]) -> F8:
    """Share of pairs in which the treated world has the better value; ties count half.

    Parameters
    ----------
    differences : (n_pairs, ..., n_outcomes) float64
    better : (n_outcomes,) text
        "lower", "higher", or "none" where the question has no meaning (gives NaN).

    Returns
    -------
    (..., n_outcomes) float64
    """
    sign = np.where(better == "higher", 1.0, -1.0)
    wins = (differences * sign > 0).mean(axis=0) + 0.5 * (differences == 0).mean(axis=0)
    return np.where(better == "none", np.nan, wins)


def spread(differences: F8) -> tuple[F8, F8]:
    """5th and 95th percentile of the pairs: what one pair may show, not how sure the mean is."""
    low, high = np.quantile(differences, [0.05, 0.95], axis=0)
    return low, high
