"""SF3: the same loss of legitimacy, at once or in twelve steps."""

from __future__ import annotations

import numpy as np

from checks import intervals
from checks.lab import Lab
from checks.records import OWN, Finding, Picture, Value, Window, judged, measured_only, table
from checks.worlds import model_of
from sim.analysis.statistics import probability_estimate

LOSS = 0.2
"""The fall in Epstein's experiment, from 0.9 to 0.7."""
START, RAMP, WATCH = 6, 12, 6
"""Months before the change, of the ramp, and after the full loss."""
SPIKE = 10.0
"""Weekly turn-out over the median of the months before."""


FULL = START + RAMP - 1
"""Month in which the whole loss is reached, in both arms: the six months after it share their luck."""
ARMS = ("jump", "ramp", "no loss")


def loss_run(arm: str, replication: int) -> tuple[bool, bool, float]:
    """Lower legitimacy, and its own level, at once in month 17 or by equal steps from month 6 to 17.

    Returns
    -------
    (spike within six months of the full loss, spike at any time from month 6, largest weekly turn-out of those six
    months over the median of the first six)
    """
    model = model_of("baseline_2024", 20_000, replication, FULL + WATCH)
    fields = model.world.fields
    steps = {"jump": range(FULL, FULL + 1), "ramp": range(START, FULL + 1), "no loss": range(0)}[arm]
    while model.month < model.spec.months:
        if model.month in steps:
            for level in (fields.legitimacy, fields.legitimacy_0):
                np.clip(level - LOSS / len(steps), 0.02, 0.98, out=level)
        model.step()
    weekly = model.world.tallies.round_log[0].sum(axis=1)
    usual = float(np.median(weekly[: 4 * START]))
    after, ever = weekly[4 * FULL :] / usual, weekly[4 * START :] / usual
    return bool(after.max() > SPIKE), bool(ever.max() > SPIKE), float(after.max())


def sudden_against_gradual(lab: Lab) -> Finding:
    """Probability of a spike in the six months from the full loss, the same months and the same luck in both arms."""
    runs, few = lab.size(200, 16), lab.size(60, 8)
    made = lab.map(loss_run, [(arm, r) for arm, n in zip(ARMS, (runs, runs, few), strict=True) for r in range(n)])
    jump, ramp, none = made[:runs], made[runs : 2 * runs], made[2 * runs :]
    a, b = sum(one[0] for one in jump), sum(one[0] for one in ramp)
    spikes = np.array([[float(one[0]) for one in arm] for arm in (jump, ramp)])
    paired = probability_estimate(spikes[0], spikes[1])
    rows = (
        judged(
            "P(spike | jump) - P(spike | ramp), lower end of its interval",
            Value(float(paired.low), float(paired.value), float(paired.high)),
            Window(0.0, None, strict=True),
            f"difference {float(paired.value):+.3f}; {a} and {b} spikes in {runs} pairs",
        ),
        judged(
            "P(spike | jump) / P(spike | ramp)",
            intervals.ratio_of_proportions(a, runs, b, runs),
            Window(1.3, 5.0, "", OWN),
        ),
        measured_only(
            "The same ratio from month 6 on",
            intervals.ratio_of_proportions(sum(o[1] for o in jump), runs, sum(o[1] for o in ramp), runs),
            "",
            "the ramp spends longer at a lowered level",
        ),
        measured_only("P(spike), no loss", intervals.proportion(sum(o[0] for o in none), few), ""),
    )
    parts = {
        name: (np.sort([one[2] for one in arm]), 1 - np.arange(len(arm)) / len(arm))
        for name, arm in zip(ARMS, (jump, ramp, none), strict=True)
    }
    picture = Picture("peak over usual weekly turn-out", "share of runs above", table(parts), "steps", log_x=True)
    return Finding(
        rows,
        f"baseline_2024, {runs} pairs ({few} replications without a loss), {FULL + WATCH} months; legitimacy lowered by "
        f"{LOSS} everywhere",
        f"A spike is a week with more than {SPIKE:g} times the median turn-out of the first six months.",
        picture,
        suspected="The gap to what people are used to closes too fast, or weighs too little (b_loss, loss_halflife).",
        tried="The level of legitimacy alone: 57 spikes in either arm of 200 pairs. A loss against an adapting level "
        "(b_loss 6, half-life 3 months): 21 against 14 in 60 pairs; 10: 32 against 15. 6 was kept, so this is a fit. Only "
        "a loss within months counts: programmes that wear legitimacy down over its half-life hardly add to it.",
    )
