"""History matching: rule out, wave by wave, the points whose emulated statistics are implausibly far from the target.

An emulator is a quadratic regression of each statistic on the parameters, fitted to single runs; its residual variance
holds the luck of one history (the observed one is as lucky) and the emulator's own lack of fit.

Source: Craig, Goldstein, Seheult and Smith 1997, Pressure matching for hydrocarbon reservoirs; Vernon, Goldstein and
Bower 2010, Galaxy formation: a Bayesian uncertainty analysis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from checks.calibration.targets import Target

F8 = NDArray[np.float64]
CUT = 3.0
"""Implausibility beyond which a point is ruled out: three standard deviations hold 95 % of any unimodal distribution
(Pukelsheim 1994). Where the worst of all statistics goes beyond that by luck alone, implausibility is scaled down."""
TRUE = 0.95
"""Share of histories that their own parameters must survive."""
BLOCK = 2**14
BLOCKS = 16
"""Candidates are looked at in blocks, so many at most: a space smaller than one in 260,000 counts as empty."""


@dataclass(frozen=True, eq=False)
class Emulator:
    """Quadratic regression of all statistics.

    ``weights`` (n_terms, n), ``residual`` variances (n,), ``spread`` (n_terms, n_terms); ``luck`` (n_runs, n) how far each
    run lies from what the others predict at its point, in standard deviations.
    """

    weights: F8
    residual: F8
    spread: F8
    luck: F8

    def limit(self, columns: NDArray[np.int64], order: int) -> float:
        """Implausibility of rank ``order`` that a history stays below at its own parameters, 3 at least."""
        found = np.sort(self.luck[:, columns], axis=1)
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
    luck = np.abs(off) / np.sqrt(residual * np.maximum(own, 0.02) + 1e-12)
    return Emulator(weights, residual, np.asarray(spread, np.float64), luck)


def distances(emulator: Emulator, target: Target, shares: F8) -> F8:
    """Implausibility of every point by every statistic of the target, (n_points, n)."""
    mean, variance = (values[:, target.columns] for values in emulator.predict(shares))
    low, high = target.windows.T
    off = np.maximum(np.maximum(low - mean, mean - high), 0.0)
    return np.asarray(off / np.sqrt(variance + target.variances), np.float64)


@dataclass(frozen=True, eq=False)
class Match:
    """Emulators of the waves so far and what they are held against; ``order`` 1 judges by the largest implausibility,
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
    """Points of the prior that are not ruled out: ``shares`` (n, n_parameters), the ``share`` of the prior that they are
    (an estimate), and how many candidates were ``tried``."""

    shares: F8
    share: float
    tried: int


def sample(match: Match, wanted: int, parameters: int, seed: int) -> Space:
    """Take the first ``wanted`` points of a scrambled Sobol sequence that are not ruled out: they fill what is left."""
    draw: Any = qmc.Sobol(parameters, seed=seed)
    found: list[F8] = []
    tried = count = 0
    for _ in range(BLOCKS):
        candidates = draw.random(BLOCK)
        kept = candidates[match.keeps(candidates)] if match.emulators else candidates
        found.append(kept)
        tried, count = tried + len(candidates), count + len(kept)
        if count >= wanted:
            break
    return Space(np.concatenate(found)[:wanted], count / tried, tried)


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
