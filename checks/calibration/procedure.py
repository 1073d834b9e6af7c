"""The procedure: three waves of runs, what is left of the prior after them, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from checks.calibration import statistics, targets
from checks.calibration.bank import Bank
from checks.calibration.matching import CUT, Emulator, Match, Space, distances, fit, loosest, sample, width
from checks.calibration.quantities import COLUMNS, QUANTITIES, point, row
from checks.lab import Lab
from checks.observed import read_observed
from sim.experiment import Ensemble

F8 = NDArray[np.float64]
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
        return Ensemble(COLUMNS, tuple(row(values) for values in points))

    @property
    def runs(self) -> tuple[F8, F8]:
        """Places and numbers of all runs of the waves."""
        return np.concatenate([w.shares for w in self.waves]), np.concatenate([w.numbers for w in self.waves])


def calibrate(lab: Lab, folder: Path) -> Calibration:
    """Carry out the waves and keep the points that no wave rules out; runs in ``folder`` are used again."""
    observed = statistics.summarise(statistics.of_record(read_observed()))
    target = targets.of_history(observed)
    sizes = QUICK_WAVES if lab.quick else WAVES
    wanted, some = (QUICK_KEPT, QUICK_CHECKED) if lab.quick else (KEPT, CHECKED)
    bank = Bank(folder, CITIZENS)
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


def rematch(made: Calibration, target: targets.Target, seed: int, wanted: int = 300) -> tuple[Match, Space]:
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
        match, left = rematch(made, targets.of_run(last.numbers[k]), SEED + 100 + number)
        low, high = np.quantile(left.shares, [0.05, 0.95], axis=0)
        inside.append((low <= last.shares[k]) & (last.shares[k] <= high))
        plausible.append(bool(match.keeps(last.shares[k : k + 1])[0]))
        widths.append(width(left.shares))
    return Coverage(np.array(inside), np.array(plausible), np.array(widths))


def left_out(made: Calibration, episode: str, draws: int = 300) -> F8:
    """Statistics (draws, n) that the other episodes predict: points they leave, emulated with the luck of one history.

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


__all__ = ["CUT", "Calibration", "Coverage", "Wave", "calibrate", "coverage", "left_out", "rematch", "worst"]
