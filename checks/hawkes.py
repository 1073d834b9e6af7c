"""Self-excitation of counts in equal bins: an expectation with a memory of earlier counts, by maximum likelihood.

The background may vary over months. With a constant one its variation would be taken for excitation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, signal

F8 = NDArray[np.float64]
GAP, REACH = 4, 8
"""Bins left out around each bin, and s.d. of the weights of those beyond, from which the background is read."""


@dataclass(frozen=True)
class Hawkes:
    """Branching ratio (offspring per event), memory: bins until half and until 90 % of the offspring have come."""

    branching: float
    half: float
    memory: float
    log_likelihood: float
    poisson: float

    @property
    def excited(self) -> bool:
        """Whether self-excitation beats a constant rate at the 5 % level (likelihood ratio, two more parameters)."""
        return 2.0 * (self.log_likelihood - self.poisson) > 5.99


def expected(counts: F8, background: F8 | float, branching: float, decay: float) -> F8:
    """Expected counts along the last axis: background + branching x sum over s >= 1 of (1 - decay) decay^(s - 1) counts(t - s)."""
    kernel_sum = signal.lfilter([0.0, 1.0 - decay], [1.0, -decay], counts)
    out: F8 = background + branching * kernel_sum
    return out


def around(counts: F8) -> F8:
    """Mean count in the months before and after each bin, the nearest `GAP` bins left out, (n_series, n_bins).

    Offspring come within the gap, so what is left shows the background as it was at the time.
    """
    lags = np.arange(-3 * REACH, 3 * REACH + 1)
    weights = np.where(np.abs(lags) > GAP, np.exp(-0.5 * (lags / REACH) ** 2), 0.0)
    inside = slice(3 * REACH, 3 * REACH + counts.shape[1])
    seen = np.convolve(np.ones(counts.shape[1]), weights)[inside]
    out: F8 = np.array([np.convolve(one, weights)[inside] for one in counts]).reshape(counts.shape) / seen
    return out


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

    def log_likelihood(branching: float, decay: float, share: float) -> float:
        background = (1.0 - branching) * (share * near + (1.0 - share) * usual)
        rate = expected(counts, background, branching, decay)
        silent = (1.0 - branching) * (1.0 - share) * quiet
        return float((counts[hit] * np.log(np.maximum(rate[hit], 1e-12))).sum() - rate.sum()) - silent

    def loss(theta: F8) -> float:
        branching, decay, share = (_logistic(x) for x in theta)
        return -log_likelihood(branching, decay, 0.0 if steady else share)

    starts = [(-2.0, -1.0, -1.0), (0.0, 0.0, 1.0), (0.0, 2.0, -3.0)]
    best = min((optimize.minimize(loss, np.array(s), method="Nelder-Mead") for s in starts), key=lambda made: made.fun)
    branching, decay, share = (_logistic(x) for x in best.x)
    half = math.log(0.5) / math.log(decay)
    memory = math.log(0.1) / math.log(decay)
    return Hawkes(branching, half, memory, -float(best.fun), log_likelihood(0.0, 0.5, 0.0 if steady else share))


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(x, -12.0), 12.0)))
