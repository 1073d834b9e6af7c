"""Does violence expand to neighbours, or move there? Join counts against permutations (Schutte and Weidmann 2011).

Political Geography 30(3): 143-152. A newly violent place next to one that was violent and still is: expansion.
Next to one that was violent and no longer is: relocation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

B = NDArray[np.bool_]


@dataclass(frozen=True)
class Spread:
    """Joins observed, their mean over permutations, and one-sided p-values."""

    expansion: int
    relocation: int
    expected_expansion: float
    expected_relocation: float
    p_expansion: float
    p_relocation: float


def joins(before: B, now: B, near: B) -> tuple[int, int]:
    """Count joins of one step: new places next to lasting ones, and next to those that fell quiet."""
    new = now & ~before
    return int(near[new][:, before & now].sum()), int(near[new][:, before & ~now].sum())


def spread(violent: B, near: B, permutations: int = 499, seed: int = 1) -> Spread:
    """Test expansion and relocation of one episode.

    Each permutation hands the new violence of a month to places drawn among all that were quiet, so where the old
    violence is, lasts and ends is kept.

    Parameters
    ----------
    violent : (n_months, n_places) bool
    near : (n_places, n_places) bool, symmetric, False on the diagonal
    """
    rng = np.random.default_rng(seed)
    expansion = relocation = 0
    many = np.zeros((permutations, 2))
    for before, now in zip(violent[:-1], violent[1:], strict=True):
        new = int((now & ~before).sum())
        if new == 0 or not before.any():
            continue
        one, other = joins(before, now, near)
        expansion += one
        relocation += other
        to_lasting = near[:, before & now].sum(axis=1)
        to_ended = near[:, before & ~now].sum(axis=1)
        quiet = np.flatnonzero(~before)
        for k in range(permutations):
            drawn = rng.choice(quiet, new, replace=False)
            many[k, 0] += to_lasting[drawn].sum()
            many[k, 1] += to_ended[drawn].sum()
    p = [(1 + int((many[:, k] >= seen).sum())) / (permutations + 1) for k, seen in enumerate((expansion, relocation))]
    return Spread(expansion, relocation, float(many[:, 0].mean()), float(many[:, 1].mean()), p[0], p[1])


def neighbours(lat: NDArray[np.float64], lon: NDArray[np.float64], km: float) -> B:
    """Places whose centres are at most so many kilometres apart, (n, n) bool without the diagonal."""
    across = np.cos(np.radians((lat[:, None] + lat[None, :]) / 2))
    gap = 111.32 * np.hypot(lat[:, None] - lat[None, :], (lon[:, None] - lon[None, :]) * across)
    out: B = (gap <= km) & ~np.eye(lat.size, dtype=bool)
    return out
