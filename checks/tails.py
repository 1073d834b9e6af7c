"""Power-law tails of whole-number sizes, and whether another tail fits better (Clauset, Shalizi and Newman 2009).

SIAM Review 51(4): 661-703, doi 10.1137/070710111; the test of Vuong 1989 in its appendix C.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

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


def distance(sizes: F8, start: int, a: float) -> float:
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
    best: Tail | None = None
    for start in starts:
        tail = sizes[sizes >= start]
        a = exponent(tail, start)
        gap = distance(tail, start, a)
        if best is None or gap < best.distance:
            best = Tail(a, start, (a - 1.0) / np.sqrt(tail.size), tail.size, gap)
    assert best is not None
    return best


def compare(sizes: F8, tail: Tail, other: str) -> tuple[float, float]:
    """Vuong's test of the power law against ``exponential`` or ``lognormal`` on the same tail.

    Returns
    -------
    (z, p)
        z > 0 favours the power law; p two-sided, small when the two can be told apart.
    """
    x = np.asarray(sizes, np.float64)
    x = x[x >= tail.start]
    power = -tail.exponent * np.log(x) - np.log(special.zeta(tail.exponent, tail.start))
    rival = _exponential(x, tail.start) if other == "exponential" else _lognormal(x, tail.start)
    gain = power - rival
    spread = gain.std()
    if spread == 0.0:
        return 0.0, 1.0
    z = float(gain.sum() / (np.sqrt(x.size) * spread))
    return z, float(2.0 * stats.norm.sf(abs(z)))


def exponential_against_lognormal(sizes: F8, start: int) -> tuple[float, float]:
    """Vuong's test of the lognormal against the exponential; z > 0 favours the lognormal."""
    x = np.asarray(sizes, np.float64)
    x = x[x >= start]
    gain = _lognormal(x, start) - _exponential(x, start)
    spread = gain.std()
    if spread == 0.0:
        return 0.0, 1.0
    z = float(gain.sum() / (np.sqrt(x.size) * spread))
    return z, float(2.0 * stats.norm.sf(abs(z)))


def _exponential(x: F8, start: int) -> F8:
    """Log likelihood of each size under a geometric tail (the exponential on whole numbers)."""
    rate = np.log1p(1.0 / max(float(x.mean()) - start, 1e-9))
    out: F8 = np.log1p(-np.exp(-rate)) - rate * (x - start)
    return out


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
    best = None
    for first in ((logs.mean(), np.log(logs.std() + 0.1)), (0.0, 0.5), (-5.0, 1.0)):
        made = optimize.minimize(loss, np.array(first, np.float64), method="Nelder-Mead")
        if best is None or made.fun < best.fun:
            best = made
    assert best is not None
    return each(best.x)
