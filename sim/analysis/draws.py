"""Effects whose replications draw parameters: luck, what the parameters allow, and the direction, told apart.

Replications that drew the same point differ by luck alone; points differ by parameters as well. A point is one
observation: every interval and test here counts points, so that neither few points nor skewed effects pass as knowledge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sim.analysis.intervals import bootstrap_mean, share_interval
from sim.analysis.pairs import Pairs
from sim.analysis.statistics import Estimate, crossed_estimate, mean_estimate, spread
from sim.analysis.verdict import verdict

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
LEVEL = 0.05
"""Two-sided level of the test of the direction."""
FEWEST = 6
"""Points below which no test of signs can reject: two times one half to the power of five is above the level."""
AGREE = 0.9
"""Share of the points with a change that must go one way where parameters, and not luck, set them apart."""


@dataclass(frozen=True, eq=False)
class Nested:
    """A mean over points and luck; arrays of shape (...).

    ``between`` is the variance that parameters make, ``luck`` the standard error from finitely many replications alone,
    ``apart`` whether the means of points vary more by parameters than by luck.
    """

    mean: F8
    between: F8
    luck: F8
    apart: NDArray[np.bool_]


def nested(values: F8, draws: I8) -> Nested | None:
    """Take luck and parameters apart (one-way analysis of variance); None if no draw is shared, or there is one.

    Parameters
    ----------
    values : (n_pairs, ...) float64
    draws : (n_pairs,) int64
        Which point each pair drew.

    Notes
    -----
    Source: Searle, Casella and McCulloch 1992, Variance Components, section 3.6 (unbalanced, negative variances set
    to zero). ``apart`` is a mean square between points above twice that within, so that parameters make more than half
    of what the means of points differ by, and above what luck alone reaches in one case of twenty.
    """
    labels, codes, counts = np.unique(draws, return_inverse=True, return_counts=True)
    n, k = len(draws), len(labels)
    if k < 2 or n == k:
        return None
    shape = (k, *([1] * (values.ndim - 1)))
    means, mean = _sums(values, codes, k) / counts.reshape(shape), values.mean(axis=0)
    inside = ((values - means[codes]) ** 2).sum(axis=0) / (n - k)
    outside = (counts.reshape(shape) * (means - mean) ** 2).sum(axis=0) / (k - 1)
    size = (n - (counts**2).sum() / n) / (k - 1)
    same = (values == values[0]).all(axis=0)
    return Nested(
        np.where(same, values[0], mean),
        np.where(same, 0.0, np.maximum(outside - inside, 0.0) / size),
        np.where(same, 0.0, np.sqrt(inside / n)),
        ~same & (outside > max(2.0, float(stats.f.ppf(1 - LEVEL, k - 1, n - k))) * inside),
    )


def _sums(values: F8, codes: NDArray[np.intp], k: int) -> F8:
    sums = np.zeros((k, *values.shape[1:]))
    np.add.at(sums, codes, values)
    return sums


def by_point(values: F8, draws: I8) -> tuple[F8, F8]:
    """Reduce pairs to points: the mean at each, and what each adds to the mean of all pairs.

    Returns
    -------
    means, parts : (n_points, ...) float64
        ``parts`` average to the mean of the pairs also where points have unequal numbers of them; else they are equal.
    """
    labels, codes, counts = np.unique(draws, return_inverse=True, return_counts=True)
    sums = _sums(values, codes, len(labels))
    shape = (len(labels), *([1] * (values.ndim - 1)))
    return sums / counts.reshape(shape), sums * (len(labels) / len(draws))


def drawn(pairs: Pairs) -> I8 | None:
    """Which point each pair drew; None where all had the central values, and over the design points of a sweep."""
    return None if pairs.points is not None and len(np.unique(pairs.points)) > 1 else pairs.draws


def estimate_of(values: F8, pairs: Pairs) -> Estimate:
    """Estimate the mean over the pairs; points are what counts where parameters were drawn."""
    draws = drawn(pairs)
    return mean_estimate(values) if draws is None else over_points(values, draws)


def over_points(values: F8, draws: I8) -> Estimate:
    """Estimate a mean with points as observations.

    From `FEWEST` points on by an expanded bootstrap, whose ends follow the skewness and stay on the side of zero where
    every point is; below that by Student's t. One point tells luck only.
    """
    _, parts = by_point(values, draws)
    if len(parts) < 2:
        return mean_estimate(values)
    plain = mean_estimate(parts)
    if len(parts) >= FEWEST:
        plain = Estimate(plain.value, *bootstrap_mean(parts, expanded=True), plain.error)
    even = (parts == parts[0]).all(axis=0) & ~(values == values[0]).all(axis=0)
    if not even.any():
        return plain
    luck = mean_estimate(values)
    return Estimate(
        plain.value,
        np.where(even, luck.low, plain.low),
        np.where(even, luck.high, plain.high),
        np.where(even, luck.error, plain.error),
    )


def estimate_and_luck(differences: F8, pairs: Pairs) -> tuple[Estimate, F8]:
    """Estimate a mean effect; also the standard error from finitely many replications alone."""
    draws = drawn(pairs)
    if draws is None:
        return crossed_estimate(differences, pairs.points, pairs.replications)
    estimate, made = over_points(differences, draws), nested(differences, draws)
    return estimate, estimate.error if made is None else made.luck


@dataclass(frozen=True, eq=False)
class Signs:
    """In which direction points go; arrays of shape (...).

    ``up`` and ``down`` count the points whose mean effect is above and below zero, the other of ``points`` do not
    change. ``p`` is that of the exact test of signs, ``apart`` whether parameters rather than luck set the directions of
    points apart, ``even`` where all pairs are exactly equal and there is nothing to test.
    """

    points: int
    up: F8
    down: F8
    p: F8
    apart: NDArray[np.bool_]
    even: NDArray[np.bool_]

    def told(self, effect: F8) -> NDArray[np.bool_]:
        """Where the direction of ``effect`` is that of the points.

        The test of signs rejects at `LEVEL`, most points go the way of the mean, and where parameters set points apart
        at least `AGREE` of those with a change go that way.
        """
        along, against = np.where(effect > 0, self.up, self.down), np.where(effect > 0, self.down, self.up)
        firm = ~self.apart | (along >= AGREE * (along + against))
        return self.even | ((self.p < LEVEL) & (along > against) & firm)


def signs(values: F8, draws: I8) -> Signs:
    """Count the directions of points, and test whether they are no more than the toss of a coin.

    The test is about the typical point. It needs no assumption about the shape of effects: there is no such test for a
    mean (Bahadur and Savage 1956), and effects on counts are skewed over points because the level of the count is.
    Points without a change do not take part.
    """
    means, _ = by_point(values, draws)
    up, down = (means > 0).sum(axis=0).astype(float), (means < 0).sum(axis=0).astype(float)
    p = np.minimum(1.0, 2 * stats.binom.cdf(np.minimum(up, down), up + down, 0.5))
    made = nested(np.sign(values), draws)
    nowhere = np.zeros(values.shape[1:], dtype=bool)
    return Signs(
        len(means),
        up,
        down,
        np.where(up + down == 0, np.nan, p),
        nowhere if made is None else made.apart,
        (values == values[0]).all(axis=0),
    )


def signs_of(values: F8, pairs: Pairs) -> Signs | None:
    """Count the directions of points; None where there are none to count."""
    draws = drawn(pairs)
    return None if draws is None else signs(values, draws)


def verdicts(estimate: Estimate, better: NDArray[np.str_], found: Signs | None) -> NDArray[np.object_]:
    """Say of each effect what it shows; ``better`` (n_outcomes,) broadcasts along the last axis.

    Returns
    -------
    (...) text, of the shape of the estimate
    """
    shape = estimate.value.shape
    told = np.ones(shape, dtype=bool) if found is None else found.told(estimate.value)
    apart = np.zeros(shape, dtype=bool) if found is None else found.apart
    directions = np.broadcast_to(better, shape)
    rows = zip(*(part.ravel().tolist() for part in (estimate.value, estimate.low, estimate.high, directions, told, apart)), strict=True)  # fmt: skip
    return np.array([verdict(*row) for row in rows], dtype=object).reshape(shape)


def allowed(values: F8, draws: I8, found: Signs, effect: F8) -> dict[str, F8]:
    """What the parameters allow: columns ``draws`` to ``median_high`` of the table of effects."""
    means, _ = by_point(values, draws)
    low, high = spread(means)
    along = np.where(effect > 0, found.up, found.down)
    share_low, share_high = share_interval(along, found.up + found.down)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = along / (found.up + found.down)
    median_low, median_high = median_interval(means)
    return {
        "draws": np.full(effect.shape, float(len(means))),
        "draws_low": low,
        "draws_high": high,
        "draws_up": found.up,
        "draws_down": found.down,
        "same_sign": share,
        "same_low": share_low,
        "same_high": share_high,
        "median": np.median(means, axis=0),
        "median_low": median_low,
        "median_high": median_high,
    }


def median_interval(values: F8) -> tuple[F8, F8]:
    """Interval of a median from order statistics: at least 95 %, whatever the shape; NaN below `FEWEST` values.

    Notes
    -----
    Source: Conover 1999, Practical Nonparametric Statistics, section 3.2.
    """
    n = len(values)
    if n < FEWEST:
        nothing = np.full(values.shape[1:], np.nan)
        return nothing, nothing
    rank = int(stats.binom.ppf(LEVEL / 2, n, 0.5))
    rank -= stats.binom.cdf(rank, n, 0.5) > LEVEL / 2
    ordered = np.sort(values, axis=0)
    return ordered[rank], ordered[n - 1 - rank]


def luck_of_ratio(treated: F8, reference: F8, plain: Estimate, draws: I8) -> F8:
    """Standard error of a ratio of sums from finitely many replications alone (delta method on the log scale)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        pulls = treated / treated.mean(axis=0) - reference / reference.mean(axis=0)
    made = nested(np.nan_to_num(pulls), draws)
    return plain.error if made is None else np.where(np.isfinite(plain.error), plain.value * made.luck, plain.error)


def ratios_of_points(treated: F8, reference: F8, draws: I8) -> tuple[F8, F8]:
    """5th and 95th percentile over points of the ratio at each; points without any in the baseline take no part."""
    top, bottom = by_point(treated, draws)[0], by_point(reference, draws)[0]
    ratio = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=ratio, where=bottom > 0)
    known = np.isfinite(ratio).any(axis=0)
    ratio[:, ~known] = 0.0
    low, high = np.nanquantile(ratio, [0.05, 0.95], axis=0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def probability_of_draws(treated: F8, reference: F8, plain: Estimate, draws: I8) -> Estimate:
    """Widen the interval of a difference in probabilities where points make it wider than luck alone does."""
    wide = mean_estimate(by_point((treated > 0).astype(float) - (reference > 0), draws)[1])
    low = np.maximum(np.fmin(plain.low, wide.low), -1.0)
    high = np.minimum(np.fmax(plain.high, wide.high), 1.0)
    return Estimate(plain.value, low, high, plain.error)
