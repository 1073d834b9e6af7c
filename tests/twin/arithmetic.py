"""Elementary functions and counting draws on plain Python floats and integers, in a fixed order.

The same order as the compiled core, so that results are equal to the last bit. Floats are added one by one,
never with `sum`, which from Python 3.12 on compensates for rounding and would give other last bits.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from math import factorial, floor, frexp, ldexp, sqrt

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
LN2 = 0.69314718055994530942
_, _, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13 = (1.0 / factorial(k) for k in range(14))
LOG_SERIES = tuple(2.0 / odd for odd in range(23, 1, -2))
NEGLIGIBLE = 2.0**-44


def add_up(terms: Iterable[float]) -> float:
    """Sum from left to right."""
    total = 0.0
    for term in terms:
        total += term
    return total


def single(x: float) -> float:
    """The nearest number that fits in 32 bits, as which traits and stances are stored."""
    rounded: float = struct.unpack("f", struct.pack("f", x))[0]
    return rounded


def exp(x: float) -> float:
    """e^x by its series to x^13 / 13! after taking out a power of two; x is clipped to [-700, 700]."""
    x = -700.0 if x < -700.0 else 700.0 if x > 700.0 else x
    k = floor(x * LOG2_E + 0.5)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    p = (((((C13 * r + C12) * r + C11) * r + C10) * r + C9) * r + C8) * r + C7
    p = ((((((p * r + C6) * r + C5) * r + C4) * r + C3) * r + C2) * r + 1.0) * r + 1.0
    return ldexp(p, k)


def log(x: float) -> float:
    """Natural logarithm of x > 0 by the series of 2 artanh((m - 1) / (m + 1)), x = m 2^k."""
    m, k = frexp(x)
    m, k = 2.0 * m, k - 1
    if m > 1.4142135623730951:
        m, k = 0.5 * m, k + 1
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    p = LOG_SERIES[0]
    for term in LOG_SERIES[1:]:
        p = p * q + term
    return k * LN2_HIGH + (2.0 * s + (s * q * p + k * LN2_LOW))


def logistic(x: float) -> float:
    """Probability from log-odds."""
    return 1.0 / (1.0 + exp(-x))


def logit(p: float) -> float:
    """Log-odds from a probability."""
    return log(p / (1.0 - p))


def saturate(x: float, half: float) -> float:
    """Share of its full effect that x has; one half at ``half``."""
    return x / (x + half)


def clip(x: float, low: float, high: float) -> float:
    """x, but at least ``low`` and at most ``high``."""
    return min(max(x, low), high)


def polynomial(x: float, coefficients: tuple[float, ...]) -> float:
    """Polynomial by Horner's rule, highest power first."""
    value = coefficients[0]
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


# Wichura 1988, algorithm AS 241 (PPND16): numerator and denominator in the centre, shoulders and tails.
CENTRE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
SHOULDER = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip


def normal_quantile(p: float) -> float:
    """Quantile of the standard normal."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * polynomial(r, CENTRE[0]) / polynomial(r, CENTRE[1])
    r = sqrt(-log(p if q < 0.0 else 1.0 - p))
    r, (above, below) = (r - 1.6, SHOULDER) if r <= 5.0 else (r - 5.0, TAIL)
    z = polynomial(r, above) / polynomial(r, below)
    return -z if q < 0.0 else z


def share_kept(halflife: float) -> float:
    """Share left after one step of something with this half-life in steps."""
    return exp(-LN2 / halflife)


def share_lost(halflife: float) -> float:
    """Share gone after one step."""
    return 1.0 - exp(-LN2 / halflife)


def binomial(u: float, n: int, p: float) -> int:
    """How many of n do what each does with probability p, by inversion of one uniform u.

    Exactly 0 for u < 1 - n p. Otherwise terms are measured against the likeliest number (the mode) and those
    below 2^-44 of it are left out.
    """
    if n <= 0 or p <= 0.0 or u < 1.0 - n * p:
        return 0
    if p >= 1.0 or n == 1:
        return n
    odds = p / (1.0 - p)
    mode = min(int((n + 1) * p), n)

    def fewer(k: int) -> float:
        return k / ((n - k + 1) * odds)

    def more(k: int) -> float:
        return ((n - k) * odds) / (k + 1)

    return invert(u, mode, n, fewer, more)


def poisson(u: float, mean: float) -> int:
    """Number of events of a given mean, by inversion of one uniform u; exactly 0 for u < 1 - mean."""
    if mean <= 0.0 or u < 1.0 - mean:
        return 0
    return invert(u, int(mean), None, lambda k: k / mean, lambda k: mean / (k + 1))


def invert(u, mode, top, fewer, more):  # type: ignore[no-untyped-def]
    """Smallest number whose cumulated probability exceeds u.

    ``fewer(k)`` is P(k - 1) / P(k), ``more(k)`` is P(k + 1) / P(k), ``top`` the largest number or None.
    """
    total, term, k = 1.0, 1.0, mode
    while k > 0 and term > NEGLIGIBLE:
        term = term * fewer(k)
        total += term
        k -= 1
    lowest, lowest_term = k, term
    term, k = 1.0, mode
    while (top is None or k < top) and term > NEGLIGIBLE:
        term = term * more(k)
        total += term
        k += 1
    highest = k
    k, term = lowest, lowest_term
    below = term
    while below <= u * total and k < highest:
        term = term * more(k)
        below += term
        k += 1
    return k
