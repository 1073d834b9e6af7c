"""History matching: rule out, in three waves of runs, the points whose emulated statistics are implausibly far from the record.

An emulator is a quadratic regression of each statistic on the parameters, fitted to single runs; its residual variance holds
the random draws of one history (those of the observed one are as random) and the emulator's own lack of fit.

Source: Craig, Goldstein, Seheult and Smith 1997, Pressure matching for hydrocarbon reservoirs; Vernon, Goldstein and
Bower 2010, Galaxy formation: a Bayesian uncertainty analysis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from checks.calibration.history import Target, history_of_record, summarise, target_of_record, target_of_run
from checks.calibration.runs import COLUMNS, QUANTITIES, RunBank, point
from checks.lab import Lab
from checks.observed import read_observed
from sim.experiment import Ensemble

F8 = NDArray[np.float64]
CUT = 3.0
"""Implausibility beyond which a point is ruled out: three standard deviations hold 95 % of any unimodal distribution
(Pukelsheim 1994). Where the worst of all statistics goes beyond that by random draws alone, implausibility is scaled down."""
TRUE = 0.95
"""Share of histories that their own parameters must survive."""
BLOCK = 2**14
BLOCKS = 16
"""Candidates are looked at in blocks, so many at most: a space smaller than one in 260,000 counts as empty."""


@dataclass(frozen=True, eq=False)
class Emulator:
    """Quadratic regression of all statistics.

    ``weights`` (n_terms, n), ``residual`` variances (n,), ``spread`` (n_terms, n_terms); ``off`` (n_runs, n) how far each
    run lies from what the others predict at its point, in standard deviations.
    """

    weights: F8
    residual: F8
    spread: F8
    off: F8

    def limit(self, columns: NDArray[np.int64], order: int) -> float:
        """Implausibility of rank ``order`` that a history stays below at its own parameters, 3 at least."""
        found = np.sort(self.off[:, columns], axis=1)
        return max(CUT, float(np.quantile(found[:, -min(order, found.shape[1])], TRUE)))

    def predict(self, shares: F8) -> tuple[F8, F8]:
        """Mean and variance of one history, (n_points, n) each, at places (n_points, n_parameters) in the prior."""
        terms = quadratic(shares)
        leverage = np.einsum("ij,jk,ik->i", terms, self.spread, terms)
        return terms @ self.weights, self.residual * (1.0 + leverage[:, None])


def quadratic(shares: F8) -> F8:
    """Terms of a quadratic: one, the parameters from -1 to 1, their squares and products."""
    x = 2.0 * np.asarray(shares, np.float64) - 1.0
    left, right = np.triu_indices(x.shape[1])
    return np.concatenate([np.ones((len(x), 1)), x, x[:, left] * x[:, right]], axis=1)


def fit(shares: F8, numbers: F8) -> Emulator:
    """Fit an emulator to runs: places (n_runs, n_parameters) and their statistics (n_runs, n_statistics)."""
    terms = quadratic(shares)
    n, k = terms.shape
    if n < k + 10:
        raise ValueError(f"{n} runs are too few for {k} terms")
    spread = np.linalg.pinv(terms.T @ terms)
    weights = spread @ terms.T @ numbers
    off = numbers - terms @ weights
    residual = (off**2).sum(axis=0) / (n - k)
    own = 1.0 - np.einsum("ij,jk,ik->i", terms, spread, terms)[:, None]
    relative = np.abs(off) / np.sqrt(residual * np.maximum(own, 0.02) + 1e-12)
    return Emulator(weights, residual, np.asarray(spread, np.float64), relative)


def distances(emulator: Emulator, target: Target, shares: F8) -> F8:
    """Implausibility of every point by every statistic of the target, (n_points, n)."""
    mean, variance = (values[:, target.columns] for values in emulator.predict(shares))
    low, high = target.ranges.T
    off = np.maximum(np.maximum(low - mean, mean - high), 0.0)
    return np.asarray(off / np.sqrt(variance + target.variances), np.float64)


@dataclass(frozen=True, eq=False)
class Match:
    """Emulators of the waves so far and the target they are compared with; ``order`` 1 judges by the largest implausibility,
    2 by the second largest, and so on."""

    target: Target
    emulators: tuple[Emulator, ...] = ()
    order: int = 1

    def implausibility(self, shares: F8) -> F8:
        """Implausibility of each point, (n_points,), the most that any wave finds."""
        worst = np.zeros(len(shares))
        for emulator in self.emulators:
            found = np.sort(distances(emulator, self.target, shares), axis=1)
            scale = CUT / emulator.limit(self.target.columns, self.order)
            worst = np.maximum(worst, scale * found[:, -min(self.order, found.shape[1])])
        return worst

    def keeps(self, shares: F8) -> NDArray[np.bool_]:
        """Which points are not ruled out."""
        return self.implausibility(shares) <= CUT


@dataclass(frozen=True, eq=False)
class Space:
    """Points of the prior that are not ruled out, (n, n_parameters), and the share of the prior that they are (an estimate)."""

    shares: F8
    share: float


def sample(match: Match, wanted: int, parameters: int, seed: int) -> Space:
    """Take the first ``wanted`` points of a scrambled Sobol sequence that are not ruled out: they fill what is left."""
    draw: Any = qmc.Sobol(parameters, seed=seed)
    found: list[F8] = []
    looked_at = count = 0
    for _ in range(BLOCKS):
        candidates = draw.random(BLOCK)
        kept = candidates[match.keeps(candidates)] if match.emulators else candidates
        found.append(kept)
        looked_at, count = looked_at + len(candidates), count + len(kept)
        if count >= wanted:
            break
    return Space(np.concatenate(found)[:wanted], count / looked_at)


def loosest(target: Target, emulators: Sequence[Emulator], parameters: int, seed: int, least: int = 20) -> Match:
    """Judge by the largest implausibility; where that leaves no space, by the second largest, and so on.

    The order is part of the finding: beyond 3 the model does not meet the target, whatever its parameters.
    """
    for order in range(1, len(target.names)):
        match = Match(target, tuple(emulators), order)
        if len(sample(match, least, parameters, seed).shares) >= least:
            return match
    return Match(target, tuple(emulators), len(target.names))


def width(shares: F8) -> F8:
    """Width of the central 90 % of each parameter against that of the prior, (n_parameters,)."""
    low, high = np.quantile(shares, [0.05, 0.95], axis=0)
    return np.asarray((high - low) / 0.9, np.float64)


# --- the waves, what is left of the prior after them, and how far that can be trusted

WAVES, KEPT, CHECKED = (500, 400, 400), 500, 200
QUICK_WAVES, QUICK_KEPT, QUICK_CHECKED = (60, 20, 20), 40, 20
CITIZENS = 9_000
SEED = 11
"""Seed of designs; wave w uses SEED + w."""
TRUTHS = 10
ENOUGH = 72
"""Runs for an emulator, twice its terms."""
N = len(QUANTITIES)


@dataclass(frozen=True, eq=False)
class Wave:
    """Points of a wave, the numbers of their runs, and the share of the prior that they fill."""

    shares: F8
    numbers: F8
    share: float


@dataclass(frozen=True, eq=False)
class Calibration:
    """What came of it: ``observed`` numbers, the waves, the final match, the points kept and runs at some of them."""

    observed: F8
    waves: tuple[Wave, ...]
    match: Match
    kept: Space
    checked: F8

    @property
    def ensemble(self) -> Ensemble:
        """The table that ships."""
        points = (point(shares, number) for number, shares in enumerate(self.kept.shares))
        return Ensemble(COLUMNS, tuple(tuple(values[name] for name in COLUMNS) for values in points))


def calibrate(lab: Lab, folder: Path) -> Calibration:
    """Carry out the waves and keep the points that no wave rules out; runs in ``folder`` are used again."""
    observed = summarise(history_of_record(read_observed()))
    target = target_of_record(observed)
    sizes = QUICK_WAVES if lab.quick else WAVES
    wanted, some = (QUICK_KEPT, QUICK_CHECKED) if lab.quick else (KEPT, CHECKED)
    bank = RunBank(folder, CITIZENS)
    waves: list[Wave] = []
    match = Match(target)
    for number, size in enumerate(sizes):
        space = sample(match, size, N, SEED + number)
        first = sum(len(wave.shares) for wave in waves)
        waves.append(Wave(space.shares, bank.run(lab, space.shares, first), space.share))
        match = loosest(target, emulators(waves, match), N, SEED + number + 1)
    kept = sample(match, wanted, N, SEED + len(sizes))
    checked = bank.run(lab, kept.shares[:some], sum(sizes))
    return Calibration(observed, tuple(waves), match, kept, checked)


def emulators(waves: Sequence[Wave], before: Match) -> tuple[Emulator, ...]:
    """Emulators of all waves: the latest is fitted to its own runs and to earlier ones that are not ruled out yet.

    Where these are fewer than `ENOUGH`, all earlier runs are taken.
    """
    shares = np.concatenate([wave.shares for wave in waves])
    numbers = np.concatenate([wave.numbers for wave in waves])
    if before.emulators:
        kept = before.keeps(shares)
        if kept.sum() >= ENOUGH:
            shares, numbers = shares[kept], numbers[kept]
    return (*before.emulators, fit(shares, numbers))


def rematch(made: Calibration, target: Target, seed: int, wanted: int = 300) -> tuple[Match, Space]:
    """Match the same bank of runs to another target."""
    match = loosest(target, made.match.emulators, N, seed)
    return match, sample(match, wanted, N, seed)


@dataclass(frozen=True, eq=False)
class Coverage:
    """Matching of simulated histories whose parameters are known: ``inside`` (n, 7) whether the central 90 % of what is
    left holds the parameter, ``plausible`` (n,) whether the truth itself was kept, ``widths`` (n, 7)."""

    inside: NDArray[np.bool_]
    plausible: NDArray[np.bool_]
    widths: F8


def coverage(made: Calibration, truths: int = TRUTHS) -> Coverage:
    """Treat runs of the last wave, evenly chosen, as the record, and match to each."""
    last = made.waves[-1]
    chosen = np.linspace(0, len(last.shares) - 1, truths).astype(int)
    inside, plausible, widths = [], [], []
    for number, k in enumerate(chosen):
        match, left = rematch(made, target_of_run(last.numbers[k]), SEED + 100 + number)
        low, high = np.quantile(left.shares, [0.05, 0.95], axis=0)
        inside.append((low <= last.shares[k]) & (last.shares[k] <= high))
        plausible.append(bool(match.keeps(last.shares[k : k + 1])[0]))
        widths.append(width(left.shares))
    return Coverage(np.array(inside), np.array(plausible), np.array(widths))


def left_out(made: Calibration, episode: str, draws: int = 300) -> F8:
    """Statistics (draws, n) that the other episodes predict: points they leave, emulated with the random draws of one history.

    The emulator is fitted to the first wave, which no wave of matching has looked at.
    """
    first = made.waves[0]
    wide = fit(first.shares, first.numbers)
    match = loosest(made.match.target.without(episode), (wide,), N, SEED + 50)
    points = sample(match, draws, N, SEED + 51).shares
    mean, _ = wide.predict(points)
    residuals = first.numbers - wide.predict(first.shares)[0]
    chosen = np.arange(len(points)) * 7919 % len(residuals)
    return np.asarray(mean + residuals[chosen], np.float64)


def worst(made: Calibration) -> list[tuple[str, float]]:
    """Statistics of the target by their median implausibility over the points kept, the worst first."""
    off = distances(made.match.emulators[-1], made.match.target, made.kept.shares)
    found = zip(made.match.target.names, np.median(off, axis=0).tolist(), strict=True)
    return sorted(found, key=lambda item: -item[1])
