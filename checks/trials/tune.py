"""Find the scale of an intervention at which its own row comes out at the published value; nothing else is moved.

The same replications and luck at every scale, so that the response is smooth. The root is bracketed by doubling, then
found by bisection with secant steps on the logarithm of the scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from checks.lab import Lab
from checks.trials.carry import replicate
from checks.trials.measure import estimate
from checks.trials.schema import ROWS, Trial, digest
from checks.trials.world import arm_run
from sim.interventions.catalogue import TUNED, TunedScale, read_tuned, write_tuned

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
