"""Intervals by resampling, tests, and how many replications a question needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

F8 = NDArray[np.float64]

RESAMPLES = 999
SEED = 20_240_101
"""Seed of all resampling: the same table gives the same interval."""
LEAST = 1e-6
"""Keeps the correction for skewness from turning round where one value carries everything."""
BLOCK = 512
"""Columns resampled at once, to keep memory flat."""


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
    values: F8,
    level: float = 0.95,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    corrected: bool = True,
    expanded: bool = False,
) -> tuple[F8, F8]:
    """Interval of a mean by resampling along the first axis.

    Bias-corrected and accelerated (BCa), or plain percentiles with ``corrected=False``. Values that all agree
    give an interval of no width; one value gives none (NaN).

    Parameters
    ----------
    values : (n, ...) float64
    level : float
        Confidence level.
    resamples, seed : int
        Number of resamples, and the seed of the resampling.
    corrected : bool
        BCa; else percentiles.
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
    """
    n, shape = values.shape[0], values.shape[1:]
    flat = values.reshape(n, -1)
    low, high = np.full(flat.shape[1], np.nan), np.full(flat.shape[1], np.nan)
    if n > 1:
        weights = resample_weights(n, resamples, seed)
        ends = [0.5 - level / 2, 0.5 + level / 2]
        z = np.asarray(np.sqrt(n / (n - 1)) * stats.t.ppf(ends, n - 1) if expanded else stats.norm.ppf(ends))
        varied = np.flatnonzero((flat != flat[0]).any(axis=0))
        low, high = flat[0].copy(), flat[0].copy()
        for start in range(0, len(varied), BLOCK):
            block = varied[start : start + BLOCK]
            low[block], high[block] = _interval(flat[:, block], weights, z[:, None], corrected)
    return low.reshape(shape), high.reshape(shape)


def _interval(values: F8, weights: F8, z: F8, corrected: bool) -> tuple[F8, F8]:
    centred = values - values.mean(axis=0)
    drawn = np.sort(weights @ centred, axis=0)
    count = drawn.shape[0]
    if corrected:
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


def changed_p(treated: F8, reference: F8) -> F8:
    """Exact two-sided p of McNemar's test: pairs in which it happened in one world only; NaN if none.

    Parameters
    ----------
    treated, reference : (n_pairs, ...) float64
        Counts; anything above zero counts as having happened.

    Returns
    -------
    (...) float64
    """
    gained = ((treated > 0) & ~(reference > 0)).sum(axis=0)
    lost = (~(treated > 0) & (reference > 0)).sum(axis=0)
    p = np.minimum(1.0, 2 * stats.binom.cdf(np.minimum(gained, lost), gained + lost, 0.5))
    return np.where(gained + lost == 0, np.nan, p)


def no_more_than(differences: F8, level: float = 0.95) -> F8:
    """Smallest X for which "no difference larger than X" is shown: two one-sided tests at ``1 - level``.

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
    half = stats.t.ppf(level, n - 1) * differences.std(axis=0, ddof=1) / np.sqrt(n)
    bound: F8 = np.abs(differences.mean(axis=0)) + half
    return bound


def variance_saved(treated: F8, reference: F8) -> F8:
    """Share of the variance of a difference that pairing removed; NaN where nothing varies.

    0.9 means that unpaired worlds would need ten times the runs; below zero pairing did harm.
    """
    if treated.shape[0] < 2:
        return np.full(treated.shape[1:], np.nan)
    apart = treated.var(axis=0, ddof=1) + reference.var(axis=0, ddof=1)
    together = (treated - reference).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        saved: F8 = np.where(apart > 0, 1 - together / apart, np.nan)
    return saved


def pairs_to_tell(differences: F8, level: float = 0.95, power: float = 0.8) -> F8:
    """Pairs needed so that an effect of this size and spread is told from zero with probability ``power``.

    NaN where the effect is exactly zero or there is one pair; at least 2.
    """
    n = differences.shape[0]
    if n < 2:
        return np.full(differences.shape[1:], np.nan)
    reach = stats.norm.ppf(0.5 + level / 2) + stats.norm.ppf(power)
    mean, spread = differences.mean(axis=0), differences.std(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.ceil((reach * spread / mean) ** 2)
    return np.where(mean == 0, np.nan, np.maximum(needed, 2.0))


def pairs_for_width(mc_error: float, n: int, half_width: float, level: float = 0.95) -> int:
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
    spread = mc_error * np.sqrt(n)
    needed = max(2, int(np.ceil((stats.norm.ppf(0.5 + level / 2) * spread / half_width) ** 2)))
    while stats.t.ppf(0.5 + level / 2, needed - 1) * spread / np.sqrt(needed) > half_width:
        needed = max(needed + 1, int(needed * 1.02))
    return needed


def share_interval(hits: F8, n: F8, level: float = 0.95) -> tuple[F8, F8]:
    """Wilson's interval of a share; NaN where there are no cases.

    Notes
    -----
    Source: Wilson 1927; Brown, Cai and DasGupta 2001.
    """
    hits, n = np.asarray(hits, float), np.asarray(n, float)
    z = stats.norm.ppf(0.5 + level / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = hits / n
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        low, high = np.where(hits == 0, 0.0, centre - half), np.where(hits == n, 1.0, centre + half)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)
