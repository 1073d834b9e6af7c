"""Self-excitation of counts in equal bins: an expectation with a memory of earlier counts, by maximum likelihood."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, signal

F8 = NDArray[np.float64]


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


def expected(counts: F8, background: float, branching: float, decay: float) -> F8:
    """Expected counts: background + branching x sum over s >= 1 of (1 - decay) decay^(s - 1) counts(t - s)."""
    kernel_sum = signal.lfilter([0.0, 1.0 - decay], [1.0, -decay], counts)
    out: F8 = background + branching * kernel_sum
    return out


def fit_hawkes(series: Sequence[F8]) -> Hawkes:
    """Fit one branching ratio and one memory to several series, each with its own background.

    The background of a series follows from the others: with stationary counts it is (1 - branching) x mean.

    Parameters
    ----------
    series : sequence of (n_bins,) counts
        Places or runs; those without an event carry nothing and are left out.
    """
    used = [np.asarray(one, np.float64) for one in series if np.sum(one) > 0]

    def log_likelihood(branching: float, decay: float) -> float:
        total = 0.0
        for one in used:
            rate = expected(one, (1.0 - branching) * float(one.mean()), branching, decay)
            total += float((one * np.log(np.maximum(rate, 1e-12)) - rate).sum())
        return total

    def loss(theta: F8) -> float:
        return -log_likelihood(_logistic(theta[0]), _logistic(theta[1]))

    starts = [(-2.0, -1.0), (0.0, 0.0), (0.0, 2.0)]
    best = min((optimize.minimize(loss, np.array(s), method="Nelder-Mead") for s in starts), key=lambda made: made.fun)
    branching, decay = _logistic(best.x[0]), _logistic(best.x[1])
    half = math.log(0.5) / math.log(decay)
    memory = math.log(0.1) / math.log(decay)
    return Hawkes(branching, half, memory, -float(best.fun), log_likelihood(0.0, 0.5))


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(x, -12.0), 12.0)))
