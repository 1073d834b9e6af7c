"""Carry out a trial: replicate until it is precise enough, then judge every measure by its window."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checks.lab import Lab
from checks.records import OWN, Finding, Picture, Row, Value, Window, judged, measured_only, table
from checks.trials.measure import Estimate, estimate, precise
from checks.trials.schema import CONTROL, RATIOS, Measure, Trial
from checks.trials.world import SCOPES, arm_run
from sim.interventions.catalogue import tuned_scales
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

FIRST, LEAST, QUICKER = 48, 16, 12
"""Replications of the first look, fewest of a quick run, and how many times fewer it has."""
STALE = 0.05
"""Distance of a tuned log ratio from its target, beyond two standard errors, at which the scale is out of date."""
F8 = NDArray[np.float64]
Runs = dict[str, F8]


def replicate(trial: Trial, lab: Lab, measures: tuple[Measure, ...], scale: float | None = None) -> Runs:
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


def carry_out(trial: Trial, lab: Lab) -> Finding:
    """Measure a trial with the scales of the catalogue."""
    runs = replicate(trial, lab, tuple(trial.measures))
    n = len(runs[trial.own.arm])
    made = [(measure, estimate(trial, measure, runs)) for measure in trial.measures]
    rows = [row_of(trial, measure, found) for measure, found in made]
    rows += [
        Row(what, "as published", OWN, "not testable yet", note=missing, status="judged")
        for what, missing in trial.not_testable.items()
    ]
    failing = any(row.verdict == "fail" for row in rows)
    return Finding(
        tuple(rows),
        f"Twin Valleys, {n} replications of {trial.world.months} months for each arm; {SCOPES[trial.world.scope].text}",
        _method(trial),
        _picture(trial, runs),
        suspected=(trial.suspected or "nothing yet") if failing else "",
        tried=(trial.tried or "nothing yet") if failing else "",
    )


def row_of(trial: Trial, measure: Measure, found: Estimate) -> Row:
    """One line of the table: tuned if it was fitted to this window, else judged; too few replications are said."""
    what = measure.what if measure.part in ("own", "other") else f"{measure.what} ({measure.part})"
    if measure.window is None:
        return measured_only(what, found.value, measure.unit, measure.note or "")
    window = Window(measure.window.low, measure.window.high, measure.unit, measure.window.basis)
    row = judged(what, found.value, window, measure.note or "")
    if not precise(measure, found) and not _settled(found.value, window):
        error = "s.e.(ln ratio)" if measure.estimator in RATIOS else "s.e."
        said = f"more replications needed: {error} is {found.error:.2f}"
        row = replace(row, verdict="inconclusive", note="; ".join(part for part in (said, measure.note) if part))
    if measure is not trial.own:
        return replace(row, status="judged")
    scale = tuned_scales().get(trial.intervention or "")
    if scale is None or scale.row != trial.row:
        return replace(row, status="judged")
    if scale.scale is None:
        said = f"no scale up to 10 reaches {scale.target:g}: {scale.reached:.2f} at most"
        return replace(row, status="judged", note="; ".join(part for part in (said, row.note) if part))
    off = math.log(found.value.value / scale.target) if found.value.value > 0 else math.inf
    if abs(off) > max(2.0 * found.error, STALE):
        said = f"the model moved since it was tuned to {scale.target:g}: tune again"
        row = replace(row, note="; ".join(part for part in (said, row.note) if part))
    return replace(row, status="tuned")


def _settled(value: Value, window: Window) -> bool:
    """Whether the whole interval lies in the window, or the whole of it beyond one end."""
    low, high = value.low, value.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return False
    below = window.low is not None and high < window.low
    above = window.high is not None and low > window.high
    return below or above or (window.holds(low) and window.holds(high))


def _method(trial: Trial) -> str:
    study = trial.study
    text = f"Studied: {study.unit}; {study.dose}; {study.horizon}."
    arms = "; ".join(f"{name}: {arm.text}" for name, arm in trial.arms.items())
    extra = f" {study.text}" if study.text else ""
    return f"{text}{extra} Arms: {arms}."


def _picture(trial: Trial, runs: Runs) -> Picture:
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
    return Picture("year", _label(own), table(parts))


def _label(own: Measure) -> str:
    """What the picture of a row shows, with its unit."""
    item = OUTCOMES[OUTCOME_INDEX[own.outcome]]
    if own.estimator == "hr":
        return f"share of runs that had any: {item.label.lower()}"
    unit = (
        f"{item.unit} a month"
        if item.kind == "flow"
        else f"scale {item.unit}"
        if item.unit.startswith("0 to")
        else item.unit
    )
    return f"{item.label} ({unit}), mean of runs"
