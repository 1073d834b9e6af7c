"""Statistics of patterns in conflict data: heavy tails, self-excitation, spread in space, regression of counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, signal, special, stats

# --- tails: power laws of whole numbers, and whether another tail fits better
#
# Clauset, Shalizi and Newman 2009, SIAM Review 51(4): 661-703, doi 10.1137/070710111; the test of Vuong 1989 in appendix C.


F8 = NDArray[np.float64]


@dataclass(frozen=True)
class Tail:
    """A fitted tail: density exponent, where it starts, its standard error, how many sizes are in it, KS distance."""

    exponent: float
    start: int
    error: float
    n: int
    distance: float


def exponent(sizes: F8, start: int) -> float:
    """Maximum-likelihood exponent of p(x) ~ x^-a on whole numbers from ``start`` on."""
    logs = float(np.log(sizes).sum())

    def loss(a: float) -> float:
        return sizes.size * float(np.log(special.zeta(a, start))) + a * logs

    return float(optimize.minimize_scalar(loss, bounds=(1.01, 8.0), method="bounded").x)


def ks_distance(sizes: F8, start: int, a: float) -> float:
    """Largest gap between the observed and the fitted cumulative shares."""
    values, counts = np.unique(sizes, return_counts=True)
    observed = np.cumsum(counts) / sizes.size
    fitted = 1.0 - special.zeta(a, values + 1.0) / special.zeta(a, start)
    return float(np.abs(observed - fitted).max())


def fit_tail(sizes: F8, smallest: int = 30) -> Tail:
    """Fit a power law to the tail, with the start that makes fit and data closest.

    Parameters
    ----------
    sizes : (n,) whole numbers, at least 1
    smallest : int
        Sizes that must stay in the tail.
    """
    sizes = np.sort(np.asarray(sizes, np.float64))
    if sizes.size < smallest:
        raise ValueError(f"{sizes.size} sizes are too few to fit a tail")
    starts = [int(x) for x in np.unique(sizes) if (sizes >= x).sum() >= smallest]
    if len(starts) > 60:
        starts = sorted({int(x) for x in np.geomspace(starts[0], starts[-1], 60)})
    fits = []
    for start in starts:
        tail = sizes[sizes >= start]
        a = exponent(tail, start)
        fits.append(Tail(a, start, (a - 1.0) / np.sqrt(tail.size), tail.size, ks_distance(tail, start, a)))
    return min(fits, key=lambda fit: fit.distance)


def compare(sizes: F8, tail: Tail, first: str, second: str) -> tuple[float, float]:
    """Vuong's test of two kinds of tail on the same sizes: ``power law``, ``lognormal`` or ``exponential``.

    Returns
    -------
    (z, p)
        z > 0 favours the first; p two-sided, small when the two can be told apart.
    """
    x = np.asarray(sizes, np.float64)
    x = x[x >= tail.start]
    gain = _log_likelihood(first, x, tail) - _log_likelihood(second, x, tail)
    spread = gain.std()
    if spread == 0.0:
        return 0.0, 1.0
    z = float(gain.sum() / (np.sqrt(x.size) * spread))
    return z, float(2.0 * stats.norm.sf(abs(z)))


def _log_likelihood(kind: str, x: F8, tail: Tail) -> F8:
    """Log likelihood of each size; the exponential on whole numbers is a geometric tail."""
    if kind == "power law":
        return np.asarray(-tail.exponent * np.log(x) - np.log(special.zeta(tail.exponent, tail.start)))
    if kind == "exponential":
        rate = np.log1p(1.0 / max(float(x.mean()) - tail.start, 1e-9))
        return np.asarray(np.log1p(-np.exp(-rate)) - rate * (x - tail.start))
    return _lognormal(x, tail.start)


def _lognormal(x: F8, start: int) -> F8:
    """Log likelihood of each size under a rounded lognormal cut off below ``start``."""

    def each(theta: F8) -> F8:
        mean, spread = theta[0], np.exp(theta[1])
        upper = stats.norm.logsf((np.log(x - 0.5) - mean) / spread)
        lower = stats.norm.logsf((np.log(x + 0.5) - mean) / spread)
        inside = upper + np.log(-np.expm1(np.minimum(lower - upper, -1e-12)))
        out: F8 = inside - stats.norm.logsf((np.log(start - 0.5) - mean) / spread)
        return out

    def loss(theta: F8) -> float:
        return -float(each(theta).sum())

    logs = np.log(x)
    starts = ((logs.mean(), np.log(logs.std() + 0.1)), (0.0, 0.5), (-5.0, 1.0))
    fits = [optimize.minimize(loss, np.array(start, np.float64), method="Nelder-Mead") for start in starts]
    return each(min(fits, key=lambda fit: fit.fun).x)


# --- self-excitation of counts in equal bins, by maximum likelihood
#
# The expectation has a memory of earlier counts. The background may vary over months: with a constant one its variation would
# be taken for excitation.


GAP, REACH = 4, 8
"""Bins left out around each bin, and s.d. of the weights of those beyond, from which the background is read."""


@dataclass(frozen=True)
class Hawkes:
    """Branching ratio (offspring per event), memory: bins until half and until 90 % of the offspring have come."""

    branching: float
    half: float
    memory: float


def expected(counts: F8, background: F8 | float, branching: float, decay: float) -> F8:
    """Expected counts along the last axis: background + branching x sum over s >= 1 of (1 - decay) decay^(s - 1) counts(t - s)."""
    return np.asarray(background + branching * signal.lfilter([0.0, 1.0 - decay], [1.0, -decay], counts))


def around(counts: F8) -> F8:
    """Mean count in the months before and after each bin, the nearest `GAP` bins left out, (n_series, n_bins).

    Offspring come within the gap, so what is left shows the background as it was at the time.
    """
    lags = np.arange(-3 * REACH, 3 * REACH + 1)
    weights = np.where(np.abs(lags) > GAP, np.exp(-0.5 * (lags / REACH) ** 2), 0.0)
    inside = slice(3 * REACH, 3 * REACH + counts.shape[1])
    seen = np.convolve(np.ones(counts.shape[1]), weights)[inside]
    return np.asarray(np.array([np.convolve(one, weights)[inside] for one in counts]).reshape(counts.shape) / seen)


def fit_hawkes(series: Sequence[F8] | F8, means: Sequence[float] | F8 | None = None, steady: bool = False) -> Hawkes:
    """Fit one branching ratio and one memory to several series of one length, each with its own background.

    With stationary counts the background is (1 - branching) x mean count. It may vary over months, as in Lewis et al.
    (2012): the mean count is a share of `around`, and the rest the mean of the whole series; the share is fitted too.

    Parameters
    ----------
    series : sequence of (n_bins,) counts
        Places or runs.
    means : sequence of float, optional
        Usual counts by bin of each series, from elsewhere. Without them the own mean is taken; of series with a
        few events only those with a cluster are then full enough to tell, and branching comes out too high.
    steady : bool
        Keep each background constant. Right for a memory much longer than `GAP`, which `around` would swallow.
    """
    every = np.stack([np.asarray(one, np.float64) for one in series])
    usual = every.mean(axis=1) if means is None else np.asarray(means, np.float64)
    some = every.sum(axis=1) > 0
    quiet = float(usual[~some].sum() * every.shape[1])
    counts, usual = every[some], usual[some, None]
    near = np.zeros_like(counts) if steady else around(counts)
    hit = counts > 0

    def loss(theta: F8) -> float:
        branching, decay, share = (_logistic(x) for x in theta)
        share = 0.0 if steady else share
        rate = expected(counts, (1.0 - branching) * (share * near + (1.0 - share) * usual), branching, decay)
        silent = (1.0 - branching) * (1.0 - share) * quiet
        return -(float((counts[hit] * np.log(np.maximum(rate[hit], 1e-12))).sum() - rate.sum()) - silent)

    starts = [(-2.0, -1.0, -1.0), (0.0, 0.0, 1.0), (0.0, 2.0, -3.0)]
    best = min((optimize.minimize(loss, np.array(s), method="Nelder-Mead") for s in starts), key=lambda made: made.fun)
    branching, decay, _ = (_logistic(x) for x in best.x)
    return Hawkes(branching, math.log(0.5) / math.log(decay), math.log(0.1) / math.log(decay))


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(x, -12.0), 12.0)))


# --- spread: does violence expand to neighbours, or move there?
#
# Join counts against permutations (Schutte and Weidmann 2011, Political Geography 30(3): 143-152). A newly violent place next
# to one that was violent and still is: expansion. Next to one that was violent and no longer is: relocation.


B = NDArray[np.bool_]


@dataclass(frozen=True)
class Spread:
    """Joins observed, their mean over permutations, and one-sided p-values."""

    expansion: int
    relocation: int
    expected_expansion: float
    expected_relocation: float
    p_expansion: float
    p_relocation: float


def joins(before: B, now: B, near: B) -> tuple[int, int]:
    """Count joins of one step: new places next to lasting ones, and next to those that fell quiet."""
    new = now & ~before
    return int(near[new][:, before & now].sum()), int(near[new][:, before & ~now].sum())


def spread(violent: B, near: B, permutations: int = 499, seed: int = 1) -> Spread:
    """Test expansion and relocation of one episode.

    Each permutation hands the new violence of a month to places drawn among all that were quiet, so where the old
    violence is, lasts and ends is kept.

    Parameters
    ----------
    violent : (n_months, n_places) bool
    near : (n_places, n_places) bool, symmetric, False on the diagonal
    """
    rng = np.random.default_rng(seed)
    expansion = relocation = 0
    many = np.zeros((permutations, 2))
    for before, now in zip(violent[:-1], violent[1:], strict=True):
        new = int((now & ~before).sum())
        if new == 0 or not before.any():
            continue
        one, other = joins(before, now, near)
        expansion += one
        relocation += other
        to_lasting = near[:, before & now].sum(axis=1)
        to_ended = near[:, before & ~now].sum(axis=1)
        quiet = np.flatnonzero(~before)
        for k in range(permutations):
            drawn = rng.choice(quiet, new, replace=False)
            many[k, 0] += to_lasting[drawn].sum()
            many[k, 1] += to_ended[drawn].sum()
    p = [(1 + int((many[:, k] >= seen).sum())) / (permutations + 1) for k, seen in enumerate((expansion, relocation))]
    return Spread(expansion, relocation, float(many[:, 0].mean()), float(many[:, 1].mean()), p[0], p[1])


def neighbours(lat: F8, lon: F8, km: float) -> B:
    """Places whose centres are at most so many kilometres apart, (n, n) bool without the diagonal."""
    across = np.cos(np.radians((lat[:, None] + lat[None, :]) / 2))
    gap = 111.32 * np.hypot(lat[:, None] - lat[None, :], (lon[:, None] - lon[None, :]) * across)
    return np.asarray((gap <= km) & ~np.eye(lat.size, dtype=bool))


# --- Poisson regression by iteratively reweighted least squares


def poisson_fit(counts: F8, covariates: F8, exposure: F8) -> F8:
    """Coefficients of log E[counts] = log exposure + b0 + covariates b.

    Parameters
    ----------
    counts : (n,)
    covariates : (n, k)
    exposure : (n,), above 0

    Returns
    -------
    (k + 1,) float64, the constant first; NaN if there is no event or it does not converge.
    """
    x = np.column_stack([np.ones(counts.size), covariates])
    if counts.sum() <= 0:
        return np.full(x.shape[1], np.nan)
    b = np.zeros(x.shape[1])
    b[0] = np.log(counts.sum() / exposure.sum())
    for _ in range(100):
        mean = exposure * np.exp(np.clip(x @ b, -50.0, 50.0))
        information = x.T @ (x * mean[:, None])
        try:
            step = np.linalg.solve(information, x.T @ (counts - mean))
        except np.linalg.LinAlgError:
            return np.full(x.shape[1], np.nan)
        b = b + np.clip(step, -3.0, 3.0)
        if np.abs(step).max() < 1e-8:
            return np.asarray(b)
    return np.full(x.shape[1], np.nan)
