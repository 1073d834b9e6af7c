"""The statistics themselves: coverage of intervals where the truth is known, and null comparisons of the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from scipy import stats

from sim import api
from sim.analysis import REGION, WHOLE_RUN, bootstrap_mean, paired_effects
from sim.analysis.statistics import mean_estimate, probability_estimate, ratio_estimate
from sim.scenario import load_scenario
from tests.long.studies import Check

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
SHAPES: dict[str, tuple[Draw, float]] = {
    "normal": (lambda draw, shape: draw.normal(0.3, 1, shape), 0.3),
    "difference of counts": (lambda draw, shape: draw.poisson(1.0, shape) - draw.poisson(1.5, shape) + 0.0, -0.5),
    "skewed": (lambda draw, shape: draw.gamma(0.5, 2.0, shape), 1.0),
    "rare and heavy": (
        lambda draw, shape: draw.lognormal(0, 1, shape) * (draw.random(shape) < 0.2),
        0.2 * float(np.exp(0.5)),
    ),
}
"""Paired differences, and their true mean."""


def coverage(experiments: int) -> list[Check]:
    """Share of 95 % intervals that hold the truth, by shape of the differences and number of pairs."""
    checks = []
    for n in (16, 64, 256):
        for name, (make, truth) in SHAPES.items():
            values = make(np.random.default_rng(n), (n, experiments))
            plain = mean_estimate(values)
            boot = bootstrap_mean(values)
            least = 0.94 if name in ("normal", "difference of counts") else 0.75 if n == 16 else 0.85
            for method, low, high in (("t", plain.low, plain.high), ("BCa", *boot)):
                held = float(((low <= truth) & (high >= truth)).mean())
                slack = 0.03 if method == "BCa" and n == 16 else 0.01
                checks.append(
                    Check(
                        f"coverage, {method}, {n} pairs, {name}",
                        f"{held:.3f}",
                        f"at least {least - slack:.2f}",
                        held >= least - slack,
                    )
                )
    return checks + _others(experiments)


def _others(experiments: int) -> list[Check]:
    """Coverage of ratios and of differences in probability."""
    draw = np.random.default_rng(3)
    shared = draw.gamma(2.0, 0.5, (64, experiments))
    ratio = ratio_estimate(draw.poisson(7 * shared) + 0.0, draw.poisson(10 * shared) + 0.0)
    held = [("ratio of sums, 64 pairs", float(((ratio.low <= 0.7) & (ratio.high >= 0.7)).mean()))]
    treated, reference = ((draw.random((64, experiments)) < p).astype(float) for p in (0.04, 0.08))
    chance = probability_estimate(treated, reference)
    held.append(
        ("probability of a rare event, 64 pairs", float(((chance.low <= -0.04) & (chance.high >= -0.04)).mean()))
    )
    return [Check(f"coverage, {name}", f"{value:.3f}", "0.93 to 0.99", 0.93 <= value <= 0.99) for name, value in held]


def null_bank(runs: int, folder: Path, months: int = 6, citizens: int = 640) -> pd.DataFrame:
    """Run one scenario of the small region with independent seeds; windows of the stored runs."""
    spec = replace(load_scenario("baseline_2024"), region="twin_valleys", months=months)
    result = api.run(spec, replications=runs, citizens=citizens, workers=1, out=folder, figures=False)
    return result.windows[(result.windows["window"] == WHOLE_RUN) & (result.windows["scope"] == REGION)]


def null_rates(bank: pd.DataFrame, comparisons: int, pairs: int, seed: int = 1) -> dict[str, float]:
    """Compare halves of random draws from a bank of unrelated runs: no effect can be real.

    Returns the share of tests with p below 0.05 (all, and for the outcome with most), the share of intervals that
    exclude zero, and the share of comparisons with any finding after Holm's correction.
    """
    draw = np.random.default_rng(seed)
    tables = []
    for number in range(comparisons):
        chosen = bank.iloc[draw.choice(len(bank), 2 * pairs, replace=False)]
        halves = chosen.assign(scenario=np.repeat(["null", "other"], pairs), replication=np.tile(np.arange(pairs), 2))
        tables.append(paired_effects(halves, "null").assign(comparison=number))
    rows = pd.concat(tables, ignore_index=True)
    rows = rows[(rows["contrast"] == "difference") & rows["p_value"].notna()]
    false = rows["p_value"] < 0.05
    outside = (rows["ci_low"] > 0) | (rows["ci_high"] < 0)
    return {
        "tests": float(len(rows)),
        "rate": float(false.mean()),
        "intervals": float(outside.mean()),
        "most": float(false.groupby(rows["outcome"]).mean().max()),
        "holm": float((rows["p_holm"] < 0.05).groupby(rows["comparison"]).any().mean()),
    }


def nulls(runs: int, comparisons: int, pairs: int = 16) -> list[Check]:
    """False findings among comparisons in which nothing differs, from a stored bank of runs of the model."""
    with TemporaryDirectory() as scratch:
        rates = null_rates(null_bank(runs, Path(scratch) / "bank"), comparisons, pairs)
    most = float(stats.binom.ppf(0.999, comparisons, 0.05)) / comparisons
    tests = f"{comparisons} null comparisons, {int(rates['tests'])} tests"
    return [
        Check(f"{tests}: p below 0.05", f"{rates['rate']:.3f}", "at most 0.06", rates["rate"] <= 0.06),
        Check("null comparisons: intervals without zero", f"{rates['intervals']:.3f}", "at most 0.06",
              rates["intervals"] <= 0.06),
        Check("null comparisons: the outcome with most", f"{rates['most']:.3f}", f"at most {most:.3f}",
              rates["most"] <= most),
        Check("null comparisons: any finding after Holm", f"{rates['holm']:.3f}", f"at most {most:.3f}",
              rates["holm"] <= most),
    ]  # fmt: skip
