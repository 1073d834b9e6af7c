"""Estimators of trials: recorded outcomes of paired worlds in, a value in the published unit out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from checks import intervals
from checks.records import Value
from checks.trials.schema import RATIOS, Measure, Trial
from checks.trials.world import DRAW_PAIRS
from sim.analysis.statistics import mean_estimate, ratio_estimate

F8 = NDArray[np.float64]
UNIFORM_SD = 0.289
"""S.d. of a trait that is uniform in (0, 1): the unit of a standardised effect."""
PRECISE = 0.10
"""Standard error of the log of a ratio at which a trial has replicated enough."""
PART_OF_WINDOW = 8.0
"""A difference has replicated enough when its standard error is below this part of its window."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval, and its standard error: of the logarithm for ratios."""

    value: Value
    error: float


def estimate(trial: Trial, measure: Measure, runs: Mapping[str, F8]) -> Estimate:
    """Estimate one measure.

    Parameters
    ----------
    trial : Trial
    measure : Measure
    runs : mapping
        By arm, (n, n_outcomes, months, 2) float64, replication r of all arms with the same luck.
    """
    of = trial.outcomes.index(measure.outcome)
    treated, over = (runs[arm][:, of] for arm in (measure.arm, measure.over))
    first, last = measure.months
    window = slice(first - 1, last)
    if measure.estimator == "hr":
        place = {"treated": slice(0, 1), "neighbour": slice(1, 2), "region": slice(0, 2)}[measure.place]
        return hazard_ratio(*(spells(made[:, :, place].sum(axis=2), first, last) for made in (treated, over)))
    a, b = (made[:, window].sum(axis=1) for made in (treated, over))
    if any(arm in trial.arms and trial.arms[arm].sizes == "drawn" for arm in (measure.arm, measure.over)):
        a, b = by_draw(a), by_draw(b)
    if measure.estimator == "displaced":
        return displaced(a, b)
    here = {"treated": lambda x: x[:, 0], "neighbour": lambda x: x[:, 1], "region": lambda x: x.sum(axis=1)}
    mine, theirs = (here[measure.place](made) for made in (a, b))
    if measure.estimator == "irr":
        return ratio(mine, theirs)
    if measure.estimator == "p_harm":
        return chance_of_more(mine, theirs)
    months, states = last - first + 1, 2 if measure.place == "region" else 1
    of_each = min(DRAW_PAIRS, len(treated)) if len(a) < len(treated) else 1
    per = (100.0 if measure.estimator == "pp" else 1.0 / UNIFORM_SD) / (months * states * of_each)
    return difference(per * mine, per * theirs)


def by_draw(sums: F8) -> F8:
    """Add up the replications of each draw of sizes; a draw that is not complete is left out unless it is the only one."""
    size = min(DRAW_PAIRS, sums.shape[0])
    whole = sums.shape[0] // size
    made: F8 = sums[: whole * size].reshape(whole, size, *sums.shape[1:]).sum(axis=1)
    return made


def ratio(treated: F8, over: F8) -> Estimate:
    """Ratio of sums with the jackknife over pairs."""
    made = ratio_estimate(treated, over)
    value = float(made.value)
    error = float(made.error) / value if value > 0 else math.nan
    return Estimate(Value(value, float(made.low), float(made.high)), error)


def difference(treated: F8, over: F8) -> Estimate:
    """Mean difference of pairs with Student's t."""
    made = mean_estimate(treated - over)
    return Estimate(Value(float(made.value), float(made.low), float(made.high)), float(made.error))


def spells(counts: F8, first: int, last: int) -> F8:
    """Times to the first month with any, among those without any before ``first``.

    Parameters
    ----------
    counts : (n, months)
    first, last : int
        Months of the window, from 1.

    Returns
    -------
    (n, 2) float64: events (0 or 1) and months at risk; both 0 for those not at risk
    """
    found = counts > 0
    before = found[:, : first - 1].any(axis=1)
    inside = found[:, first - 1 : last]
    event = inside.any(axis=1)
    months = np.where(event, inside.argmax(axis=1) + 1, inside.shape[1])
    return np.column_stack([event & ~before, np.where(before, 0, months)]).astype(float)


def hazard_ratio(treated: F8, over: F8) -> Estimate:
    """Ratio of constant hazards, events over time at risk, with the jackknife over pairs on the log scale.

    Parameters
    ----------
    treated, over : (n, 2) float64
        As `spells` returns them.
    """
    return jackknife(
        lambda t: float(np.log(t[0] / t[1]) - np.log(t[2] / t[3])) if t.min() > 0 else math.nan,
        np.column_stack([treated, over]),
    )


def jackknife(log_statistic: Callable[[F8], float], parts: F8) -> Estimate:
    """Exponential of a smooth function of column sums, its error from leaving out one row at a time."""
    n, total = parts.shape[0], parts.sum(axis=0)
    if (parts[:, : parts.shape[1] // 2] == parts[:, parts.shape[1] // 2 :]).all() and total.min() > 0:
        return Estimate(Value(1.0, 1.0, 1.0), 0.0)
    centre = log_statistic(total)
    left = np.array([log_statistic(total - part) for part in parts])
    if not math.isfinite(centre) or not np.isfinite(left).all() or n < 2:
        events = total[0], total[parts.shape[1] // 2]
        value = math.exp(centre) if math.isfinite(centre) else (0.0 if events[0] == 0 < events[1] else math.nan)
        return Estimate(Value(value), math.nan)
    error = math.sqrt((n - 1) / n * float(((left - left.mean()) ** 2).sum()))
    half = float(stats.t.ppf(0.975, n - 1)) * error
    return Estimate(Value(math.exp(centre), math.exp(centre - half), math.exp(centre + half)), error)


def displaced(treated: F8, over: F8) -> Estimate:
    """Rise next door over fall in the treated state, (n, 2) each, treated state first; jackknife by pairs."""
    gap = treated - over
    fall, rise = -gap[:, 0], gap[:, 1]
    n, down, up = len(fall), float(fall.sum()), float(rise.sum())
    if down <= 0:
        return Estimate(Value(math.nan), math.nan)
    left = (up - rise) / (down - fall)
    error = math.sqrt((n - 1) / n * float(((left - left.mean()) ** 2).sum())) if n > 1 else math.nan
    half = float(stats.t.ppf(0.975, max(n - 1, 1))) * error
    return Estimate(Value(up / down, up / down - half, up / down + half), error)


def chance_of_more(treated: F8, over: F8) -> Estimate:
    """Share of draws in which there is more of it than without, with Wilson's interval."""
    made = intervals.proportion(int((treated > over).sum()), len(treated))
    return Estimate(made, (made.high - made.low) / 4.0)


def precise(measure: Measure, made: Estimate) -> bool:
    """The power rule: s.e.(ln ratio) below 0.10, or below an eighth of the window for a difference or a share."""
    if not math.isfinite(made.error):
        return False
    if measure.estimator in RATIOS:
        return made.error < PRECISE
    if measure.window is None or measure.window.low is None or measure.window.high is None:
        return True
    return made.error < (measure.window.high - measure.window.low) / PART_OF_WINDOW
