"""Carry out trials: replicate until precise enough, estimate in the unit of the study, judge by the target range; and tune.

Recorded outcomes of paired runs go in, a value in the published unit comes out. Tuning finds the scale of an intervention at
which its own row comes out at the published value; nothing else is moved. The same replications and random draws are used at
every scale, so that the response is smooth. The root is bracketed by doubling, then found by bisection with secant steps on
the logarithm of the scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from checks import intervals
from checks.lab import Lab
from checks.records import OWN, Chart, Measurement, ResultRow, TargetRange, Value, judged, measured_only, table
from checks.trials.schema import CONTROL, RATIOS, ROWS, Endpoint, Trial, digest
from checks.trials.testbed import DRAW_PAIRS, SCOPES, arm_run
from sim.analysis.statistics import mean_estimate, ratio_estimate
from sim.interventions.catalogue import TUNED, TunedScale, read_tuned, tuned_scales, write_tuned
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

FIRST, LEAST, QUICKER = 48, 16, 12
"""Replications of the first look, fewest of a quick run, and how many times fewer it has."""
STALE = 0.05
"""Distance of a tuned log ratio from its target, beyond two standard errors, at which the scale is out of date."""
F8 = NDArray[np.float64]
Runs = dict[str, F8]


def replicate(trial: Trial, lab: Lab, measures: tuple[Endpoint, ...], scale: float | None = None) -> Runs:
    """Run all arms that the measures compare, twice as often each time, until all are precise or the cap is reached.

    Returns
    -------
    By arm, (n, n_outcomes, months, 2) float64.
    """
    arms = sorted({arm for measure in measures for arm in (measure.arm, measure.over)})
    most = lab.size(trial.replications, max(LEAST, trial.replications // QUICKER))
    done, wanted = 0, min(FIRST, most)
    runs: dict[str, list[Any]] = {arm: [] for arm in arms}
    while True:
        jobs = [(trial, arm, r, scale) for arm in arms for r in range(done, wanted)]
        made = lab.map(arm_run, jobs)
        for k, arm in enumerate(arms):
            runs[arm] += made[k * (wanted - done) : (k + 1) * (wanted - done)]
        done = wanted
        stacked = {arm: np.stack(one) for arm, one in runs.items()}
        judging = [measure for measure in measures if measure.window is not None]
        if done >= most or all(precise(one, estimate(trial, one, stacked)) for one in judging):
            return stacked
        wanted = min(2 * done, most)


def carry_out(trial: Trial, lab: Lab) -> Measurement:
    """Measure a trial with the scales of the catalogue."""
    runs = replicate(trial, lab, tuple(trial.measures))
    n = len(runs[trial.own.arm])
    made = [(measure, estimate(trial, measure, runs)) for measure in trial.measures]
    rows = [row_of(trial, measure, found) for measure, found in made]
    rows += [
        ResultRow(what, "as published", OWN, "not testable yet", note=missing, status="judged")
        for what, missing in trial.not_testable.items()
    ]
    study = trial.study
    arms = "; ".join(f"{name}: {arm.text}" for name, arm in trial.arms.items())
    failing = any(row.verdict == "fail" for row in rows)
    return Measurement(
        tuple(rows),
        f"Twin Valleys, {n} replications of {trial.world.months} months for each arm; {SCOPES[trial.world.scope].text}",
        f"Studied: {study.unit}; {study.dose}; {study.horizon}.{f' {study.text}' if study.text else ''} Arms: {arms}.",
        _picture(trial, runs),
        suspected=(trial.suspected or "nothing yet") if failing else "",
    )


def row_of(trial: Trial, measure: Endpoint, found: TrialEstimate) -> ResultRow:
    """One line of the table: tuned if it was fitted to this range, else judged; too few replications are said."""
    what = measure.what if measure.part in ("own", "other") else f"{measure.what} ({measure.part})"
    if measure.window is None:
        return measured_only(what, found.value, measure.unit, measure.note or "")
    target = TargetRange(measure.window.low, measure.window.high, measure.unit, measure.window.basis)
    row = judged(what, found.value, target, measure.note or "")
    if not precise(measure, found) and not _settled(found.value, target):
        error = "s.e.(ln ratio)" if measure.estimator in RATIOS else "s.e."
        said = f"more replications needed: {error} is {found.error:.2f}"
        row = replace(row, verdict="inconclusive", note=_joined(said, measure.note))
    scale = tuned_scales().get(trial.intervention or "") if measure is trial.own else None
    if scale is None or scale.row != trial.row:
        return replace(row, status="judged")
    if scale.scale is None:
        said = f"no scale up to 10 reaches {scale.target:g}: {scale.reached:.2f} at most"
        return replace(row, status="judged", note=_joined(said, row.note))
    off = math.log(found.value.value / scale.target) if found.value.value > 0 else math.inf
    if abs(off) > max(2.0 * found.error, STALE):
        row = replace(
            row, note=_joined(f"the model moved since it was tuned to {scale.target:g}: tune again", row.note)
        )
    return replace(row, status="tuned")


def _joined(*parts: str | None) -> str:
    return "; ".join(part for part in parts if part)


def _settled(value: Value, target: TargetRange) -> bool:
    """Whether the whole interval lies in the target range, or the whole of it beyond one end."""
    low, high = value.low, value.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return False
    below = target.low is not None and high < target.low
    above = target.high is not None and low > target.high
    return below or above or (target.holds(low) and target.holds(high))


def _picture(trial: Trial, runs: Runs) -> Chart:
    """The row's own outcome in the treated state over time, a mean of each arm, by quarter."""
    own = trial.own
    of = trial.outcomes.index(own.outcome)
    parts: dict[str, tuple[Any, Any]] = {}
    for arm in [CONTROL, *trial.arms]:
        if arm in runs and len(parts) < 4:
            series = runs[arm][:, of, :, 0]
            if own.estimator == "hr":
                series = np.maximum.accumulate(series > 0, axis=1).astype(float)
            quarters = [series[:, k : k + 3].mean() for k in range(0, series.shape[1], 3)]
            parts[arm.replace("_", " ")] = ([k / 12 for k in range(0, series.shape[1], 3)], quarters)
    return Chart("year", _label(own), table(parts))


def _label(own: Endpoint) -> str:
    """What the picture of a row shows, with its unit."""
    item = OUTCOMES[OUTCOME_INDEX[own.outcome]]
    if own.estimator == "hr":
        return f"share of runs that had any: {item.label.lower()}"
    scale = "scale " if item.unit.startswith("0 to") and item.kind != "flow" else ""
    unit = f"{scale}{item.unit}{' a month' if item.kind == 'flow' else ''}"
    return f"{item.label} ({unit}), mean of runs"


# --- estimators

UNIFORM_SD = 0.289
"""S.d. of a trait that is uniform in (0, 1): the unit of a standardised effect."""
PRECISE = 0.10
"""Standard error of the log of a ratio at which a trial has replicated enough."""
PART_OF_WINDOW = 8.0
"""A difference has replicated enough when its standard error is below this part of its target range."""


@dataclass(frozen=True)
class TrialEstimate:
    """A value with its interval, and its standard error: of the logarithm for ratios."""

    value: Value
    error: float


def estimate(trial: Trial, measure: Endpoint, runs: Mapping[str, F8]) -> TrialEstimate:
    """Estimate one endpoint.

    Parameters
    ----------
    trial : Trial
    measure : Endpoint
    runs : mapping
        By arm, (n, n_outcomes, months, 2) float64, replication r of all arms with the same random draws.
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


def ratio(treated: F8, over: F8) -> TrialEstimate:
    """Ratio of sums with the jackknife over pairs."""
    made = ratio_estimate(treated, over)
    value = float(made.value)
    error = float(made.error) / value if value > 0 else math.nan
    return TrialEstimate(Value(value, float(made.low), float(made.high)), error)


def difference(treated: F8, over: F8) -> TrialEstimate:
    """Mean difference of pairs with Student's t."""
    made = mean_estimate(treated - over)
    return TrialEstimate(Value(float(made.value), float(made.low), float(made.high)), float(made.error))


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


def hazard_ratio(treated: F8, over: F8) -> TrialEstimate:
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


def jackknife(log_statistic: Callable[[F8], float], parts: F8) -> TrialEstimate:
    """Exponential of a smooth function of column sums, its error from leaving out one row at a time."""
    n, total = parts.shape[0], parts.sum(axis=0)
    if (parts[:, : parts.shape[1] // 2] == parts[:, parts.shape[1] // 2 :]).all() and total.min() > 0:
        return TrialEstimate(Value(1.0, 1.0, 1.0), 0.0)
    centre = log_statistic(total)
    left = np.array([log_statistic(total - part) for part in parts])
    if not math.isfinite(centre) or not np.isfinite(left).all() or n < 2:
        events = total[0], total[parts.shape[1] // 2]
        value = math.exp(centre) if math.isfinite(centre) else (0.0 if events[0] == 0 < events[1] else math.nan)
        return TrialEstimate(Value(value), math.nan)
    error = math.sqrt((n - 1) / n * float(((left - left.mean()) ** 2).sum()))
    half = float(stats.t.ppf(0.975, n - 1)) * error
    return TrialEstimate(Value(math.exp(centre), math.exp(centre - half), math.exp(centre + half)), error)


def displaced(treated: F8, over: F8) -> TrialEstimate:
    """Rise next door over fall in the treated state, (n, 2) each, treated state first; jackknife by pairs."""
    gap = treated - over
    fall, rise = -gap[:, 0], gap[:, 1]
    n, down, up = len(fall), float(fall.sum()), float(rise.sum())
    if down <= 0:
        return TrialEstimate(Value(math.nan), math.nan)
    left = (up - rise) / (down - fall)
    error = math.sqrt((n - 1) / n * float(((left - left.mean()) ** 2).sum())) if n > 1 else math.nan
    half = float(stats.t.ppf(0.975, max(n - 1, 1))) * error
    return TrialEstimate(Value(up / down, up / down - half, up / down + half), error)


def chance_of_more(treated: F8, over: F8) -> TrialEstimate:
    """Share of draws in which there is more of it than without, with Wilson's interval."""
    made = intervals.proportion(int((treated > over).sum()), len(treated))
    return TrialEstimate(made, (made.high - made.low) / 4.0)


def precise(measure: Endpoint, made: TrialEstimate) -> bool:
    """The power rule: s.e.(ln ratio) below 0.10, or below an eighth of the target range for a difference or a share."""
    if not math.isfinite(made.error):
        return False
    if measure.estimator in RATIOS:
        return made.error < PRECISE
    if measure.window is None or measure.window.low is None or measure.window.high is None:
        return True
    return made.error < (measure.window.high - measure.window.low) / PART_OF_WINDOW


# --- tuning

LARGEST, SMALLEST = 10.0, 1 / 64
CLOSE = 0.01
"""Distance of the log ratio from its target at which the search ends."""
STEPS = 12
Response = Callable[[float], tuple[float, float]]
"""Log ratio and its standard error at a scale."""


@dataclass(frozen=True)
class Root:
    """Scale with its 95 % interval, and the log ratio there; None where the target is not reachable up to `LARGEST`."""

    scale: float | None
    low: float | None
    high: float | None
    reached: float


def solve(response: Response, target: float) -> Root:
    """Find the scale whose log ratio is ``target``; at scale 0 the log ratio is 0, by construction.

    Raises
    ------
    ValueError
        If the response at some scale is not a number: too few events.
    """
    seen: dict[float, tuple[float, float]] = {}

    def gap(scale: float) -> float:
        """Below 0 while the effect is weaker than published."""
        if scale not in seen:
            seen[scale] = response(scale)
        value = seen[scale][0]
        if math.isnan(value):
            raise ValueError(f"no ratio at scale {scale:g}: too few events")
        return value / target - 1.0

    close = CLOSE / abs(target)
    low = high = 1.0
    while gap(high) < -close and high < LARGEST:
        low, high = high, min(2.0 * high, LARGEST)
    if gap(high) < -close:
        return Root(None, None, None, seen[high][0])
    while gap(low) > close and low > SMALLEST:
        high, low = low, low / 2.0
    scale = high if abs(gap(high)) <= abs(gap(low)) else low
    for _ in range(STEPS):
        if abs(gap(scale)) <= close or gap(low) > 0:
            break
        share = -gap(low) / (gap(high) - gap(low)) if math.isfinite(gap(high)) else 0.5
        step = min(max(share, 0.1), 0.9)
        scale = round(low * (high / low) ** step, 4)
        low, high = (scale, high) if gap(scale) < 0 else (low, scale)
    slope = _slope(seen, scale)
    value, error = seen[scale]
    if slope == 0 or not math.isfinite(error):
        return Root(scale, None, None, value)
    half = 1.959964 * error / abs(slope)
    bounds = (max(scale * math.exp(-half), 0.0), min(scale * math.exp(half), LARGEST))
    return Root(scale, round(bounds[0], 4), round(bounds[1], 4), value)


def _slope(seen: dict[float, tuple[float, float]], scale: float) -> float:
    """Change of the log ratio for one unit of the log scale, between the two scales nearest to the root."""
    others = sorted((abs(math.log(one / scale)), one) for one in seen if abs(math.log(one / scale)) > 0.01)
    if not others:
        return seen[scale][0]
    one = others[0][1]
    return (seen[one][0] - seen[scale][0]) / math.log(one / scale)


def tune(trial: Trial, lab: Lab) -> TunedScale:
    """Tune one trial; the number of replications is that at which scale 1 is precise, at most the cap."""
    assert trial.intervention is not None
    own = trial.own
    runs = replicate(trial, lab, (own,), 1.0)
    n = len(runs[own.arm])

    def response(scale: float) -> tuple[float, float]:
        if scale != 1.0:
            made = lab.map(arm_run, [(trial, own.arm, r, scale) for r in range(n)])
            runs[own.arm] = np.stack(made)
        found = estimate(trial, own, runs)
        return (math.log(found.value.value) if found.value.value > 0 else -math.inf), found.error

    root = solve(response, math.log(trial.target))
    return TunedScale(
        trial.intervention, trial.row, root.scale, root.low, root.high, round(trial.target, 4),
        float(f"{math.exp(root.reached):.4g}"), n, digest(ROWS / f"{trial.row}.yaml"),
    )  # fmt: skip


def tune_all(
    trials: tuple[Trial, ...], lab: Lab, path: Path = TUNED, said: Callable[[TunedScale], None] | None = None
) -> None:
    """Tune the trials that ask for it and write each into the table as it is found; other lines stay."""
    made = read_tuned(path)
    for trial in trials:
        if trial.tune:
            found = tune(trial, lab)
            made[found.intervention] = found
            write_tuned(path, made.values())
            if said is not None:
                said(found)
