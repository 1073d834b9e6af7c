"""Effects whose replications draw parameters: luck and parameters told apart, because draws are shared by several.

Replications with the same drawn point differ by luck alone; what their means differ by beyond that is due to the
parameters. More replications narrow the first, not the second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sim.analysis.pairs import Pairs
from sim.analysis.statistics import Estimate, crossed_estimate, mean_estimate

F8 = NDArray[np.float64]
FEWEST = 3.0
"""Degrees of freedom below which an interval would say nothing; so chosen that coverage stays near 95 %."""


@dataclass(frozen=True, eq=False)
class Nested:
    """A mean over draws and luck; arrays of shape (...).

    ``between`` is the variance that parameters make, ``luck`` the standard error from finitely many replications
    alone, ``error`` the standard error of the effect under parameters as uncertain as the draws, with its degrees of
    ``freedom``.
    """

    mean: F8
    between: F8
    luck: F8
    error: F8
    freedom: F8


def nested(values: F8, draws: NDArray[np.int64]) -> Nested | None:
    """Take luck and parameters apart (one-way analysis of variance); None if no draw is shared, or there is one.

    Parameters
    ----------
    values : (n_pairs, ...) float64
    draws : (n_pairs,) int64
        Which point each pair drew.

    Notes
    -----
    Source: Searle, Casella and McCulloch 1992, Variance Components, section 3.6 (unbalanced, negative variances set
    to zero). The error adds the variance between parameters in full: it does not shrink with more draws, because the
    true parameters are one of them and not their mean.
    """
    labels, codes, counts = np.unique(draws, return_inverse=True, return_counts=True)
    n, k = len(draws), len(labels)
    if k < 2 or n == k:
        return None
    shape = (k, *([1] * (values.ndim - 1)))
    sums = np.zeros((k, *values.shape[1:]))
    np.add.at(sums, codes, values)
    means, mean = sums / counts.reshape(shape), values.mean(axis=0)
    inside = ((values - means[codes]) ** 2).sum(axis=0) / (n - k)
    outside = (counts.reshape(shape) * (means - mean) ** 2).sum(axis=0) / (k - 1)
    size = (n - (counts**2).sum() / n) / (k - 1)
    between = np.maximum(outside - inside, 0.0) / size
    share = (1 + (counts**2).sum() / n**2) / size
    variance = between * share * size + inside / n
    same = (values == values[0]).all(axis=0)
    return Nested(
        np.where(same, values[0], mean),
        np.where(same, 0.0, between),
        np.where(same, 0.0, np.sqrt(inside / n)),
        np.where(same, 0.0, np.sqrt(variance)),
        _freedom(variance, (share * outside, k - 1), ((share - 1 / n) * inside, n - k), between > 0),
    )


def _freedom(variance: F8, first: tuple[F8, int], second: tuple[F8, int], drawn: NDArray[np.bool_]) -> F8:
    """Satterthwaite's degrees of freedom of a difference of two mean squares, from `FEWEST` to those of the draws."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = variance**2 / (first[0] ** 2 / first[1] + second[0] ** 2 / second[1])
    most = float(first[1])
    return np.where(drawn & np.isfinite(found), np.clip(found, min(FEWEST, most), most), most)


def estimate_of(values: F8, pairs: Pairs) -> Estimate:
    """Estimate the mean over the pairs; the interval includes the uncertainty of parameters where they were drawn."""
    made = None if pairs.draws is None else nested(values, pairs.draws)
    return mean_estimate(values) if made is None else interval_of(made)


def estimate_and_luck(differences: F8, pairs: Pairs) -> tuple[Estimate, F8]:
    """Estimate a mean effect; also the standard error from finitely many replications alone."""
    made = None if pairs.draws is None or swept(pairs) else nested(differences, pairs.draws)
    if made is None:
        return crossed_estimate(differences, pairs.points, pairs.replications)
    return interval_of(made), made.luck


def interval_of(made: Nested, level: float = 0.95) -> Estimate:
    """Interval of Student's t."""
    half = stats.t.ppf(0.5 + level / 2, made.freedom) * made.error
    return Estimate(made.mean, made.mean - half, made.mean + half, made.error)


def swept(pairs: Pairs) -> bool:
    """Whether the pairs are of several design points."""
    return pairs.points is not None and len(np.unique(pairs.points)) > 1


def ratio_of_draws(treated: F8, reference: F8, plain: Estimate, draws: NDArray[np.int64]) -> tuple[Estimate, F8]:
    """Widen the interval of a ratio of sums by the parameters; also its standard error from replications alone.

    The log of the ratio is taken as linear in each pair (delta method); ``plain`` is the estimate from luck alone,
    and stays where it has no bounds.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        pulls = treated / treated.mean(axis=0) - reference / reference.mean(axis=0)
    made = nested(np.nan_to_num(pulls), draws)
    known = np.isfinite(plain.high) & (plain.high > plain.low)
    if made is None:
        return plain, plain.error
    half = stats.t.ppf(0.975, made.freedom) * made.error
    low, high = plain.value * np.exp(-half), plain.value * np.exp(half)
    wide = Estimate(
        plain.value,
        np.where(known, low, plain.low),
        np.where(known, high, plain.high),
        np.where(known, plain.value * made.error, plain.error),
    )
    return wide, np.where(known, plain.value * made.luck, plain.error)


def probability_of_draws(treated: F8, reference: F8, plain: Estimate, draws: NDArray[np.int64]) -> tuple[Estimate, F8]:
    """Widen the interval of a difference in probabilities where parameters make it wider than luck alone does."""
    made = nested((treated > 0).astype(float) - (reference > 0), draws)
    if made is None:
        return plain, plain.error
    wide = interval_of(made)
    low = np.maximum(np.minimum(plain.low, wide.low), -1.0)
    high = np.minimum(np.maximum(plain.high, wide.high), 1.0)
    return Estimate(plain.value, low, high, np.maximum(plain.error, wide.error)), plain.error


def nested_p(made: Nested) -> F8:
    """Two-sided p of the mean against zero, parameters included; NaN where every pair is exactly equal."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.asarray(2 * stats.t.sf(np.abs(made.mean) / made.error, made.freedom), np.float64)
    return np.where(made.error > 0, p, np.where(made.mean == 0, np.nan, 0.0))


def nested_bound(made: Nested, level: float = 0.95) -> F8:
    """Smallest X for which "no difference larger than X" is shown, parameters included."""
    bound: F8 = np.abs(made.mean) + stats.t.ppf(level, made.freedom) * made.error
    return bound


def nested_need(made: Nested, n: int, level: float = 0.95, power: float = 0.8) -> F8:
    """Pairs needed to tell the mean from zero; NaN where parameters alone leave the sign open, or it is zero."""
    reach = (stats.norm.ppf(0.5 + level / 2) + stats.norm.ppf(power)) ** 2
    left = made.mean**2 - reach * made.between
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.ceil(reach * (made.error**2 - made.between) * n / left)
    return np.where(left > 0, np.maximum(needed, 4.0), np.nan)


def left_open(made: Nested) -> NDArray[np.bool_]:
    """Where luck alone would tell the sign and parameters do not."""
    t = stats.t.ppf(0.975, made.freedom)
    size = np.abs(made.mean)
    return (size > t * made.luck) & (size <= t * made.error)
