"""Estimates with their intervals, tests, corrections for many comparisons, and how many replications a question needs.

Every function works along the first axis of an array: the pairs, or whatever else counts as one observation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

RESAMPLES = 999
SEED = 20_240_101
"""Seed of all resampling: the same table gives the same interval."""
LEAST = 1e-6
"""Keeps the correction for skewness from changing its sign where one value dominates all others."""
BLOCK = 512
"""Columns resampled at once, to keep memory flat."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value with its 95 % interval and standard error; arrays of one shape."""

    value: F8
    low: F8
    high: F8
    error: F8


def mean_estimate(differences: F8) -> Estimate:
    """Estimate a mean with Student's t interval.

    Pairs that all agree give an interval of no width (``[0, 0]`` when nothing differs); one pair gives none
    (NaN).

    Parameters
    ----------
    differences : (n_pairs, ...) float64

    Returns
    -------
    Estimate of shape (...)
    """
    n = differences.shape[0]
    mean = differences.mean(axis=0)
    if n < 2:
        nothing = np.full_like(mean, np.nan)
        return Estimate(mean, nothing, nothing, nothing)
    return _student(differences, mean, differences.std(axis=0, ddof=1) / np.sqrt(n), n - 1)


def _student(differences: F8, mean: F8, error: F8, freedom: int) -> Estimate:
    """Student's t interval; no width where all differences agree."""
    same = (differences == differences[0]).all(axis=0)
    mean, error = np.where(same, differences[0], mean), np.where(same, 0.0, error)
    half = stats.t.ppf(0.975, freedom) * error
    return Estimate(mean, mean - half, mean + half, error)


def crossed_estimate(differences: F8, points: I8 | None, replications: I8) -> tuple[Estimate, F8]:
    """Estimate a mean over design points and replications that have the same random draws at every point.

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
    if n_replications == 1:
        estimate = _student(differences, mean, np.sqrt(by_point), n_points - 1)
        return estimate, np.where(estimate.error == 0, 0.0, np.nan)
    single = (off**2).sum(axis=0) / len(off) ** 2
    total = np.maximum(by_point + by_replication - single, np.maximum(by_point, by_replication))
    estimate = _student(differences, mean, np.sqrt(total), min(n_points, n_replications) - 1)
    return estimate, np.where((differences == differences[0]).all(axis=0), 0.0, np.sqrt(by_replication))


def _cluster_variance(off: F8, labels: I8) -> F8:
    """Variance of a mean whose errors agree within clusters."""
    _, codes = np.unique(labels, return_inverse=True)
    sums = np.zeros((codes.max() + 1, *off.shape[1:]))
    np.add.at(sums, codes, off)
    count = len(sums)
    variance: F8 = (sums**2).sum(axis=0) / len(off) ** 2 * count / max(count - 1, 1)
    return variance


def ratio_estimate(treated: F8, reference: F8) -> Estimate:
    """Estimate a ratio of sums, sum(treated) / sum(reference), with a jackknife interval on the log scale.

    Undefined (NaN) where the reference sums to zero or less. Where the treated sum is zero, or one pair
    carries everything on either side, the interval is [0, inf]: the data do not bound the ratio.

    Parameters
    ----------
    treated, reference : (n_pairs, ...) float64, at least 0

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
        half = stats.t.ppf(0.975, n - 1) * error
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


def probability_estimate(treated: F8, reference: F8) -> Estimate:
    """Estimate the difference in the probability that anything happens at all, from pairs.

    The interval adds half a pair to each cell of the two-by-two table (Agresti and Min 2005), which keeps its coverage
    for rare events. Where every pair is exactly equal it is [0, 0].

    Parameters
    ----------
    treated, reference : (n_pairs, ...) float64
        Counts; anything above zero counts as having happened.

    Returns
    -------
    Estimate of shape (...)
    """
    n, (gained, lost) = treated.shape[0], _changed(treated, reference)
    centre = (gained - lost) / (n + 2)
    error = np.sqrt((gained + lost + 1) - (gained - lost) ** 2 / (n + 2)) / (n + 2)
    half = stats.norm.ppf(0.975) * error
    same = (treated == reference).all(axis=0)
    low, high, error = (np.where(same, 0.0, bound) for bound in (centre - half, centre + half, error))
    return Estimate((gained - lost) / n, np.maximum(low, -1.0), np.minimum(high, 1.0), error)


def _changed(treated: F8, reference: F8) -> tuple[I8, I8]:
    """Count the pairs in which something happened in the treated run only, and in the reference only."""
    after, before = treated > 0, reference > 0
    return (after & ~before).sum(axis=0), (~after & before).sum(axis=0)


def share_better(differences: F8, better: NDArray[np.str_]) -> F8:
    """Share of pairs in which the treated run has the better value; ties count half.

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
    """5th and 95th percentile of the pairs: the range of single pairs, not the uncertainty of their mean."""
    low, high = np.quantile(differences, [0.05, 0.95], axis=0)
    return low, high


def share_interval(hits: F8, n: F8) -> tuple[F8, F8]:
    """Wilson's 95 % interval of a share; NaN where there are no cases.

    Notes
    -----
    Source: Wilson 1927; Brown, Cai and DasGupta 2001.
    """
    hits, n = np.asarray(hits, float), np.asarray(n, float)
    z = stats.norm.ppf(0.975)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = hits / n
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        low, high = np.where(hits == 0, 0.0, centre - half), np.where(hits == n, 1.0, centre + half)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def resample_weights(n: int, resamples: int = RESAMPLES, seed: int = SEED) -> F8:
    """Draw how often each of ``n`` pairs is in each resample, as weights that sum to one.

    Returns
    -------
    (resamples, n) float64
    """
    draw = np.random.default_rng(seed)
    weights: F8 = draw.multinomial(n, np.full(n, 1 / n), size=resamples) / n
    return weights


def bootstrap_mean(
    values: F8, *, resamples: int = RESAMPLES, seed: int = SEED, expanded: bool = False
) -> tuple[F8, F8]:
    """95 % interval of a mean by resampling along the first axis, bias-corrected and accelerated (BCa).

    Values that all agree give an interval of no width; one value gives none (NaN).

    Parameters
    ----------
    values : (n, ...) float64
    resamples, seed : int
        Number of resamples, and the seed of the resampling.
    expanded : bool
        Take the quantiles of Student's t and the unbiased standard deviation in place of the normal ones, which few
        values need.

    Returns
    -------
    low, high : (...) float64

    Notes
    -----
    Source: Efron 1987, Better bootstrap confidence intervals; the acceleration of a mean is its skewness
    divided by six. Hesterberg 2015, What Teachers Should Know About the Bootstrap, section 5.3 (expanded).
    ``scipy.stats.bootstrap`` is not used: it has no expanded interval, gives NaN where all values agree, and resamples
    one column at a time in another order.
    """
    n, shape = values.shape[0], values.shape[1:]
    flat = values.reshape(n, -1)
    low, high = np.full(flat.shape[1], np.nan), np.full(flat.shape[1], np.nan)
    if n > 1:
        weights = resample_weights(n, resamples, seed)
        ends = [0.025, 0.975]
        z = np.asarray(np.sqrt(n / (n - 1)) * stats.t.ppf(ends, n - 1) if expanded else stats.norm.ppf(ends))
        varied = np.flatnonzero((flat != flat[0]).any(axis=0))
        low, high = flat[0].copy(), flat[0].copy()
        for start in range(0, len(varied), BLOCK):
            block = varied[start : start + BLOCK]
            low[block], high[block] = _accelerated(flat[:, block], weights, z[:, None])
    return low.reshape(shape), high.reshape(shape)


def _accelerated(values: F8, weights: F8, z: F8) -> tuple[F8, F8]:
    centred = values - values.mean(axis=0)
    drawn = np.sort(weights @ centred, axis=0)
    count = drawn.shape[0]
    below = ((drawn < 0).sum(axis=0) + 0.5 * (drawn == 0).sum(axis=0)) / count
    bias = stats.norm.ppf(np.clip(below, 0.5 / count, 1 - 0.5 / count))
    acceleration = (centred**3).sum(axis=0) / (6 * (centred**2).sum(axis=0) ** 1.5)
    z = bias + (bias + z) / np.maximum(1 - acceleration * (bias + z), LEAST)
    position = np.clip(np.rint(stats.norm.cdf(z) * (count + 1)).astype(int) - 1, 0, count - 1)
    low, high = values.mean(axis=0) + np.take_along_axis(drawn, position, axis=0)
    return low, high


def paired_p(differences: F8) -> F8:
    """Two-sided p of Student's paired t; NaN where every pair is exactly equal, or there is one pair.

    Parameters
    ----------
    differences : (n_pairs, ...) float64

    Returns
    -------
    (...) float64
    """
    n = differences.shape[0]
    if n < 2:
        return np.full(differences.shape[1:], np.nan)
    error = differences.std(axis=0, ddof=1) / np.sqrt(n)
    constant = (differences == differences[0]).all(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        p: F8 = 2 * stats.t.sf(np.abs(differences.mean(axis=0)) / error, n - 1)
    return np.where(constant, np.where(differences[0] == 0, np.nan, 0.0), p)


def sign_p(up: F8 | I8, down: F8 | I8) -> F8:
    """Exact two-sided p of as many changes up as down; NaN where there are none."""
    p = np.minimum(1.0, 2 * stats.binom.cdf(np.minimum(up, down), up + down, 0.5))
    return np.where(up + down == 0, np.nan, p)


def changed_p(treated: F8, reference: F8) -> F8:
    """Exact two-sided p of McNemar's test: pairs in which it happened in one run only; NaN if none.

    Parameters
    ----------
    treated, reference : (n_pairs, ...) float64
        Counts; anything above zero counts as having happened.

    Returns
    -------
    (...) float64
    """
    return sign_p(*_changed(treated, reference))


def holm(p: F8) -> F8:
    """Holm's correction: the chance of any false finding stays below the level.

    Parameters
    ----------
    p : (n,) float64
        NaN entries take no part.

    Returns
    -------
    (n,) float64
    """
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    result = np.full(len(p), np.nan)
    result[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0)
    return result


def false_discovery(p: F8) -> F8:
    """Benjamini-Hochberg: the expected share of false findings among those below a level stays below it.

    Parameters
    ----------
    p : (n,) float64
        NaN entries take no part.

    Returns
    -------
    (n,) float64
    """
    known, result = ~np.isnan(p), np.full(len(p), np.nan)
    if known.any():
        result[known] = stats.false_discovery_control(p[known])
    return result


def with_corrections(table: pd.DataFrame, family: Sequence[str]) -> pd.DataFrame:
    """Add ``p_holm`` and ``q_fdr`` to a table with ``p_value``, corrected among rows that agree in ``family``."""
    groups = table.groupby(list(family), sort=False)["p_value"]
    return table.assign(
        p_holm=groups.transform(lambda p: holm(p.to_numpy(np.float64))),
        q_fdr=groups.transform(lambda p: false_discovery(p.to_numpy(np.float64))),
    )


def no_more_than(differences: F8) -> F8:
    """Smallest X for which "no difference larger than X" is shown at 5 %, by two one-sided tests.

    Parameters
    ----------
    differences : (n_pairs, ...) float64

    Returns
    -------
    (...) float64, in the unit of the differences; NaN for one pair

    Notes
    -----
    Source: Schuirmann 1987: equivalence within X holds when the interval of level 1 - 2 alpha lies in [-X, X].
    """
    n = differences.shape[0]
    if n < 2:
        return np.full(differences.shape[1:], np.nan)
    half = stats.t.ppf(0.95, n - 1) * differences.std(axis=0, ddof=1) / np.sqrt(n)
    bound: F8 = np.abs(differences.mean(axis=0)) + half
    return bound


def variance_saved(treated: F8, reference: F8) -> F8:
    """Share of the variance of a difference that pairing removed; NaN where nothing varies.

    0.9 means that unpaired runs would have to be ten times as many; below zero pairing made it worse.
    """
    if treated.shape[0] < 2:
        return np.full(treated.shape[1:], np.nan)
    apart = treated.var(axis=0, ddof=1) + reference.var(axis=0, ddof=1)
    together = (treated - reference).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        saved: F8 = np.where(apart > 0, 1 - together / apart, np.nan)
    return saved


def pairs_to_tell(differences: F8) -> F8:
    """Pairs needed so that an effect of this size and spread is distinguished from zero four times in five.

    NaN where the effect is exactly zero or there is one pair; at least 2.
    """
    n = differences.shape[0]
    if n < 2:
        return np.full(differences.shape[1:], np.nan)
    reach = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    mean, deviation = differences.mean(axis=0), differences.std(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.ceil((reach * deviation / mean) ** 2)
    return np.where(mean == 0, np.nan, np.maximum(needed, 2.0))


def pairs_for_width(mc_error: float, n: int, half_width: float) -> int:
    """Pairs needed for a 95 % interval of ``half_width`` on each side, from the error seen with ``n`` pairs.

    Parameters
    ----------
    mc_error : float
        Standard error with ``n`` pairs (column ``mc_error``).
    n : int
        Pairs so far.
    half_width : float, above 0
        Wanted, in the unit of the effect.
    """
    if half_width <= 0:
        raise ValueError("half_width must be above 0")
    deviation = mc_error * np.sqrt(n)
    needed = max(2, int(np.ceil((stats.norm.ppf(0.975) * deviation / half_width) ** 2)))
    while stats.t.ppf(0.975, needed - 1) * deviation / np.sqrt(needed) > half_width:
        needed = max(needed + 1, int(needed * 1.02))
    return needed
