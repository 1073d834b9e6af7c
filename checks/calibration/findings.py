"""What the calibration says, as rows and pictures: fit, what was learned, coverage, episodes left out."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from checks import intervals
from checks.calibration import procedure
from checks.calibration.history import EPISODES, STATISTICS
from checks.calibration.procedure import Calibration, calibrate, width
from checks.calibration.runs import QUANTITIES
from checks.lab import Lab
from checks.records import (
    OWN,
    Chart,
    Fact,
    Measurement,
    ResultRow,
    TargetRange,
    Value,
    judged,
    measured_only,
    ranges,
    table,
)

F8 = NDArray[np.float64]
INFORMED = 0.8
"""Width after against width before, above which history says nothing about a parameter."""
LEAST = 0.5
"""Where a number of nothing stands on a log scale."""
BANK = Path("results") / "calibration" / "bank"
METHOD = (
    "History matching in three waves on single runs of history_1998_2010; statistics of runs as sources record them."
)


def calibrated(lab: Lab) -> Calibration:
    """The calibration, carried out once for all findings."""
    made: Calibration = lab.once("calibration", lambda: calibrate(lab, lab.folder or BANK))
    return made


def _simulated(made: Calibration) -> str:
    runs = sum(len(wave.shares) for wave in made.waves)
    return f"{runs} runs in {len(made.waves)} waves and {len(made.checked)} at points kept, {procedure.CITIZENS:,} citizens"


def space_left(lab: Lab) -> Measurement:
    """How much of the prior is left, by which implausibility, and what is hardest to meet."""
    made = calibrated(lab)
    rows = [judged("Rank of the implausibility that decides", Value(made.match.order), TargetRange(1, 3, "", OWN))]
    rows += [
        measured_only(f"Prior left after wave {number}", Value(100 * wave.share), "%")
        for number, wave in enumerate(made.waves[1:], start=1)
    ]
    rows.append(measured_only("Prior left at the end", Value(100 * made.kept.share), "%"))
    rows.append(measured_only("Points kept", Value(len(made.kept.shares)), "points"))
    rows += [
        measured_only(f"Median implausibility: {STATISTICS[name].label}", Value(off))
        for name, off in procedure.worst(made)[:4]
    ]
    shares = made.kept.shares
    order = made.match.order
    rank = "largest implausibility" if order == 1 else f"implausibility of rank {order}"
    names = [one.label for one in QUANTITIES[:2]]
    wide = {" and ".join(names): (shares[:, 0], shares[:, 1])}
    picture = Chart(f"{names[0]}, place in its prior", f"{names[1]}, place in its prior", table(wide), "points")
    return Measurement(
        tuple(rows), _simulated(made), f"{METHOD} Points are kept whose {rank} is 3 at most, on a scale on which 95 % of histories stay below 3 at their own parameters.", picture,
        "mechanisms that the statistics of the last rows are about; see the fit",
    )  # fmt: skip


def fit_of_statistics(lab: Lab) -> Measurement:
    """Each statistic: runs at points kept, against what was recorded and twice its error and discrepancy."""
    made = calibrated(lab)
    target = made.match.target
    rows: list[ResultRow] = []
    low, middle, high = np.quantile(made.checked, [0.05, 0.5, 0.95], axis=0)
    spread = np.sqrt(target.variances)
    for k, kind in enumerate(STATISTICS.values()):
        low_end = None if target.ranges[k, 0] < -20 else target.ranges[k, 0] - 2 * spread[k]
        met = TargetRange(low_end, target.ranges[k, 1] + 2 * spread[k], "", OWN)
        recorded = made.observed[k]
        note = f"recorded {recorded:.3g}" if np.isfinite(recorded) else "not recorded as a number"
        rows.append(judged(kind.label[0].upper() + kind.label[1:], Value(middle[k], low[k], high[k]), met, note))
    centre = np.clip(middle, target.ranges[:, 0], target.ranges[:, 1])
    centre = np.where(np.isfinite(made.observed), made.observed, centre)
    ends = (target.ranges - centre[:, None]) / spread[:, None] + np.array([-2.0, 2.0])
    ends[target.ranges[:, 0] < -20, 0] = np.nan
    off = [(values - centre) / spread for values in (middle, low, high, made.observed)]
    lines = {kind.label: [*(one[k] for one in off), *ends[k]] for k, kind in enumerate(STATISTICS.values())}
    picture = Chart("away from the record, in s.d. of error and discrepancy", "", ranges(lines), "ranges")
    return Measurement(
        tuple(rows), _simulated(made),
        f"{METHOD} Value: median of runs at points kept, with their 5 and 95 % points; target range: the record, or what is known of "
        "it, with twice the s.d. of error and discrepancy.",
        picture, "see the facts that fail: the same mechanisms",
    )  # fmt: skip


def learned(lab: Lab) -> Measurement:
    """Width of each parameter after the match against before."""
    made = calibrated(lab)
    after = width(made.kept.shares)
    low, middle, high = np.quantile(made.kept.shares, [0.05, 0.5, 0.95], axis=0)
    rows = []
    for k, one in enumerate(QUANTITIES):
        ends = [one.value(float(share[k])) for share in (low, middle, high)]
        word = "not informed by data" if after[k] > INFORMED else "informed"
        rows.append(measured_only(f"{one.label[0].upper()}{one.label[1:]} ({one.name})", Value(*(ends[1], ends[0], ends[2])), "", f"width {after[k]:.2f} of the prior's: {word}"))  # fmt: skip
    parts = {one.label: (np.array([k + 1.0]), after[k : k + 1]) for k, one in enumerate(QUANTITIES)}
    picture = Chart("", "width after against before (above 0.8: not informed)", table(parts), "bars")
    return Measurement(
        tuple(rows),
        _simulated(made),
        f"{METHOD} Value: median of the points kept, with their 5 and 95 % points.",
        picture,
    )


def synthetic(lab: Lab) -> Measurement:
    """Histories of which the parameters are known, matched in the same way from the same bank of runs."""
    made = calibrated(lab)
    found = procedure.coverage(made)
    n = found.inside.size
    share = intervals.proportion(int(found.inside.sum()), n)
    rows = [
        judged("Parameters inside the central 90 % of what is left", share.percent(), TargetRange(80.0, 100.0, "%", OWN)),
        judged("Truths that are kept", intervals.proportion(int(found.plausible.sum()), len(found.plausible)).percent(),
               TargetRange(80.0, 100.0, "%", OWN)),
    ]  # fmt: skip
    for k, one in enumerate(QUANTITIES):
        inside = int(found.inside[:, k].sum())
        note = f"mean width {found.widths[:, k].mean():.2f} of the prior's"
        rows.append(measured_only(f"{one.label}: inside", Value(inside), f"of {len(found.inside)}", note))
    parts = {
        one.label: (np.array([k + 1.0]), found.widths[:, k].mean(keepdims=True)) for k, one in enumerate(QUANTITIES)
    }
    return Measurement(
        tuple(rows), f"{len(found.inside)} runs of the last wave taken as the record, their bank matched anew",
        "The model is right here by construction, so there is no discrepancy. Parameters of one history are not independent "
        "of each other, so the interval is too narrow.",
        Chart("", "mean width after against before", table(parts), "bars"),
        "emulators too rough, or points that fill what is left unevenly",
    )  # fmt: skip


def episode_left_out(lab: Lab, episode: str) -> Measurement:
    """What the other episodes say of one that the match has not seen."""
    made = calibrated(lab)
    predicted = procedure.left_out(made, episode)
    rows, lines = [], {}
    for k, kind in enumerate(STATISTICS.values()):
        if kind.episode == episode:
            low, middle, high = np.quantile(predicted[:, k], [0.05, 0.5, 0.95])
            note = f"predicted median {middle:.3g}; recorded value beside the 5 to 95 % of predictions"
            rows.append(
                judged(
                    kind.label[0].upper() + kind.label[1:],
                    Value(made.observed[k]),
                    TargetRange(low, high, "", OWN),
                    note,
                )
            )
            numbers = np.maximum(np.expm1([middle, low, high, made.observed[k]]), LEAST)
            lines[kind.label.removesuffix(" (ln)")] = [*numbers, np.nan, np.nan]
    return Measurement(
        tuple(rows), f"{len(predicted)} points matched without {episode}, emulated with the random draws of one history",
        "First wave only; statistics of the episode take no part in the match. One episode is one case: no claim of skill.",
        Chart(f"number (log scale; {LEAST:g}: none)", "", ranges(lines), "ranges", log_x=True),
        "the episode was driven by what the model holds fixed",
    )  # fmt: skip


SOURCE = "UCDP, Mass Mobilization, UNHCR, public record; 1998-2010"
CALIBRATION: tuple[Fact, ...] = (
    Fact("C1", "What is left of the prior", SOURCE, space_left),
    Fact("C2", "Fit of the statistics", SOURCE, fit_of_statistics),
    Fact("C3", "What history says about each parameter", SOURCE, learned),
    Fact("C4", "Coverage on synthetic histories", "runs of the model", synthetic),
    *(
        Fact(f"C{number}", f"Left out: {episode}", SOURCE, partial(episode_left_out, episode=episode))
        for number, episode in enumerate(EPISODES, start=5)
    ),
)
