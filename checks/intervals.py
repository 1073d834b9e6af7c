"""Intervals of 95 % for proportions, rates and ratios of rates; standard forms, named."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from checks.records import Value
from sim.analysis.statistics import mean_estimate, ratio_estimate

F8 = NDArray[np.float64]


def proportion(hits: int, n: int) -> Value:
    """A share with Wilson's interval."""
    if n == 0:
        return Value(float("nan"))
    interval = stats.binomtest(hits, n).proportion_ci(method="wilson")
    return Value(hits / n, float(interval.low), float(interval.high))


def ratio_of_proportions(a: int, b: int, n: int) -> Value:
    """(a / n) / (b / n) with Katz's log interval; no bounds when a count is 0."""
    if b == 0:
        return Value(math.nan)
    if a == 0:
        return Value(0.0)
    risk = stats.contingency.relative_risk(a, n, b, n)
    interval = risk.confidence_interval()
    return Value(float(risk.relative_risk), float(interval.low), float(interval.high))


def poisson_rate(events: int, exposure: float) -> Value:
    """Events per unit of exposure with Garwood's exact interval."""
    low = stats.chi2.ppf(0.025, 2 * events) / 2 if events else 0.0
    high = stats.chi2.ppf(0.975, 2 * events + 2) / 2
    return Value(events / exposure, float(low) / exposure, float(high) / exposure)


def hazard_ratio(a: int, time_a: float, b: int, time_b: float) -> Value:
    """Ratio of two constant hazards, events a in time_a over b in time_b, exact conditional interval.

    Given a + b, a is binomial with probability rho time_a / (rho time_a + time_b) (Clopper and Pearson 1934).
    """
    if b == 0 or a + b == 0:
        return Value(float("inf") if a else float("nan"))
    interval = stats.binomtest(a, a + b).proportion_ci(method="exact")
    scale = time_b / time_a
    low = float(interval.low) / (1 - float(interval.low)) * scale
    high = float(interval.high) / (1 - float(interval.high)) * scale if interval.high < 1 else float("inf")
    return Value(a / b * scale, low, high)


def bootstrap(statistic: Callable[[Any], float], units: Sequence[Any], draws: int = 400) -> Value:
    """A statistic of independent units with a percentile interval over resamples; NaN resamples are dropped."""
    value = statistic(units)
    rng = np.random.default_rng(1)
    picks = rng.integers(0, len(units), (draws, len(units)))
    again = np.array([statistic([units[i] for i in row]) for row in picks])
    again = again[np.isfinite(again)]
    if again.size < draws // 2:
        return Value(value)
    low, high = np.quantile(again, [0.025, 0.975])
    return Value(value, float(low), float(high))


def mean(values: Sequence[float]) -> Value:
    """A mean with Student's t interval."""
    made = mean_estimate(np.asarray(values, np.float64))
    return Value(float(made.value), float(made.low), float(made.high))


def ratio_of_sums(treated: Sequence[float], reference: Sequence[float]) -> Value:
    """Sum over sum of pairs, with the jackknife interval of `sim.analysis.statistics`."""
    made = ratio_estimate(np.asarray(treated, np.float64), np.asarray(reference, np.float64))
    return Value(float(made.value), float(made.low), float(made.high))
