"""SF3: the same loss of legitimacy, at once or in twelve steps."""

from __future__ import annotations

import numpy as np

from sim.validation import intervals
from sim.validation.lab import Lab
from sim.validation.records import OWN, Finding, Picture, Window, judged, measured_only, table
from sim.validation.worlds import model_of

LOSS = 0.2
"""The fall in Epstein's experiment, from 0.9 to 0.7."""
START, RAMP, WATCH = 6, 12, 6
"""Months before the change, of the ramp, and after the full loss."""
SPIKE = 10.0
"""Weekly turn-out over the median of the months before."""


def loss_run(steps: int, replication: int) -> tuple[bool, bool, float]:
    """Lower legitimacy, its own level too, by equal steps a month.

    Returns
    -------
    (spike within six months of the full loss, spike at any time from the start of the change to month 24,
    largest weekly turn-out over the median before)
    """
    model = model_of("baseline_2024", 20_000, replication, START + RAMP + WATCH)
    fields = model.world.fields
    while model.month < model.spec.months:
        if START <= model.month < START + steps:
            for level in (fields.legitimacy, fields.legitimacy_0):
                np.clip(level - LOSS / steps, 0.02, 0.98, out=level)
        model.step()
    weekly = model.world.tallies.round_log[0].sum(axis=1)
    usual = float(np.median(weekly[: 4 * START]))
    full = START + max(steps - 1, 0)
    after = weekly[4 * full : 4 * (full + WATCH)] / usual
    ever = weekly[4 * START :] / usual
    return bool(after.max() > SPIKE), bool(ever.max() > SPIKE), float(after.max())


def sudden_against_gradual(lab: Lab) -> Finding:
    """Probability of a spike in the six months from the full loss: equal time at equal legitimacy in both arms."""
    runs = lab.size(200, 24)
    made = lab.map(loss_run, [(steps, r) for steps in (1, RAMP, 0) for r in range(runs)])
    jump, ramp, none = made[:runs], made[runs : 2 * runs], made[2 * runs :]
    a, b = sum(one[0] for one in jump), sum(one[0] for one in ramp)
    difference = intervals.difference_of_proportions(a, runs, b, runs)
    rows = (
        judged("P(spike | jump)", intervals.proportion(a, runs), Window(0.0, None, strict=True)),
        judged(
            "P(spike | jump) - P(spike | ramp), lower end of its interval",
            intervals.Value(difference.low, difference.value, difference.high),
            Window(0.0, None, strict=True),
        ),
        judged("P(spike | jump) / P(spike | ramp)", intervals.ratio_of_proportions(a, runs, b, runs), Window(1.3, 5.0, "", OWN)),
        measured_only(
            "The same ratio, anywhere in the 18 months from the start of the change",
            intervals.ratio_of_proportions(sum(o[1] for o in jump), runs, sum(o[1] for o in ramp), runs),
            "", "the jump spends longer at the low level",
        ),
        measured_only("P(spike), no loss", intervals.proportion(sum(o[0] for o in none), runs), ""),
    )  # fmt: skip
    parts = {
        name: (np.sort([one[2] for one in arm]), 1 - np.arange(runs) / runs)
        for name, arm in (("jump", jump), ("ramp", ramp), ("no loss", none))
    }
    picture = Picture("peak over usual weekly turn-out", "share of runs above", table(parts), "steps", log_x=True)
    return Finding(
        rows,
        f"baseline_2024, {runs} replications in each of three arms, 24 months; legitimacy lowered by {LOSS} everywhere",
        f"A spike is a week with more than {SPIKE:g} times the median turn-out of the first six months.",
        picture,
        suspected="Citizens answer the level of legitimacy. Nothing in the choice compares it with what they were used "
        "to, and fatigue follows turn-out, which the ramp hardly raises.",
        tried="Equal exposure (main rows) and equal calendar time (last row but one).",
    )
