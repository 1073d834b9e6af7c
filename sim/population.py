"""Synthesis of super-individuals from a region's tables.

Citizen i of a cell (a community in a district) stands for a whole number of persons; the weights of a cell add
up to its population (Scheffer et al. 1995, super-individuals). The population is a function of the region and
the number of citizens only, never of the run seed, so that every run of an experiment has the same people.

Traits are stratified, not drawn independently: each trait visits every one of the n quantile midpoints of its
cell exactly once, in the order of a rank-1 lattice with its own step and offset. A cell of eight citizens
therefore has the right mean of every trait, and the joint spread is even.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.kernels.compiling import kernel
from sim.kernels.draws import WEIGHTS, uniform
from sim.kernels.elementary import exp, normal_quantile

if TYPE_CHECKING:
    from sim.region import Region

MINIMUM_PER_CELL = 8
BLOCK = 2048
"""Citizens that a kernel takes at a time; a multiple of 4, so that draws keep their lanes."""

ROOT_TWO_PI = 0.3989422804014327
"""1 / sqrt(2 pi), the density of a standard normal at 0."""

# Fractional parts of the inverse powers of the root of x^5 = x + 1: steps of an even four-dimensional lattice.
_RATIO = 1.1673039782614187
_STEPS = tuple(_RATIO**-power for power in (1, 2, 3, 4))


@dataclass(frozen=True, eq=False)
class Population:
    """Citizens sorted by cell; static for the whole run.

    ``cell_start`` (n_cells + 1,) int64 offsets; ``cell_weight`` (n_cells,) int64 persons a citizen stands for
    and ``cell_extra`` (n_cells,) int64 how many citizens, evenly apart in the cell, stand for one more.
    ``hardship``, ``risk_aversion`` (n,) float32 in (0, 1); ``threshold`` (n,) float32 in standard deviations;
    ``labour_rank`` (n,) float32 in (0, 1): a citizen is unemployed as far as the rank lies below the rate;
    ``young`` (n,) bool, aged 15-24. ``blocks`` (n_blocks, 3) int64: cell, first and last citizen of a block.
    """

    citizens: int
    persons: int
    cell_start: NDArray[np.int64]
    cell_weight: NDArray[np.int64]
    cell_extra: NDArray[np.int64]
    hardship: NDArray[np.float32]
    risk_aversion: NDArray[np.float32]
    threshold: NDArray[np.float32]
    labour_rank: NDArray[np.float32]
    young: NDArray[np.bool_]
    blocks: NDArray[np.int64]

    @property
    def weights(self) -> NDArray[np.int64]:
        """Persons that each citizen stands for, (n,): those of a cell's ``extra`` stand evenly apart."""
        n = np.diff(self.cell_start)
        number = np.arange(self.citizens) - np.repeat(self.cell_start[:-1], n)
        size, extra = np.repeat(n, n), np.repeat(self.cell_extra, n)
        weights: NDArray[np.int64] = (
            np.repeat(self.cell_weight, n) + (number + 1) * extra // size - number * extra // size
        )
        return weights

    @property
    def heaviest(self) -> int:
        """Most persons that one citizen stands for."""
        return int((self.cell_weight + (self.cell_extra > 0)).max())


def minimum_citizens(region: Region) -> int:
    """Fewest citizens a region can be simulated with: eight a cell, or all its residents where fewer."""
    return int(np.minimum(region.cell_population, MINIMUM_PER_CELL).sum())


def allot(region: Region, citizens: int) -> NDArray[np.int64]:
    """Citizens per cell: at least the minimum, at most the residents, else in proportion (largest remainder)."""
    people = region.cell_population
    floor = np.minimum(people, MINIMUM_PER_CELL)
    count = floor.copy()
    room = people - floor
    left = citizens - int(count.sum())
    while left > 0:
        open_cells = np.flatnonzero(room > 0)
        total = int(people[open_cells].sum())
        ideal = citizens * people[open_cells] // max(int(people.sum()), 1)
        wanted = np.maximum(ideal - count[open_cells], 0)
        if int(wanted.sum()) == 0:
            wanted = np.maximum(left * people[open_cells] // total, 1)
        if int(wanted.sum()) > left:
            wanted = _scale_down(wanted, left, region.cell_uid[open_cells])
        given = np.minimum(wanted, room[open_cells])
        count[open_cells] += given
        room[open_cells] -= given
        left -= int(given.sum())
    return count


def _scale_down(wanted: NDArray[np.int64], total: int, uid: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Integers in proportion to ``wanted`` that add up to ``total``; ties go by uid, not by position."""
    scaled = wanted * total // int(wanted.sum())
    remainder = wanted * total % int(wanted.sum())
    order = np.lexsort((uid, -remainder))
    scaled[order[: total - int(scaled.sum())]] += 1
    return np.minimum(scaled, wanted)


def lattice_steps(n: int) -> list[int]:
    """Steps of the traits through the n quantiles of a cell: no common factor with n.

    Distinct, and not mirror images of each other, where n allows.
    """
    steps: list[int] = []
    for fraction in _STEPS:
        first = max(1, int(fraction * n))
        wrapped = [step % n or 1 for step in range(first, first + n)]
        usable = [step for step in wrapped if gcd(step, n) == 1] or [1]
        taken = {1, n - 1, *steps, *(n - step for step in steps)}
        apart = [step for step in usable if step not in taken] or [step for step in usable if step not in (1, *steps)]
        steps.append((apart or usable)[0])
    return steps


@kernel
def normal_strata(n):  # type: ignore[no-untyped-def]
    """Mean of a standard normal in each of ``n`` equally likely strata, (n,).

    A midpoint would cut the tails, and with them some of the few who are the first to turn out.
    """
    means = np.empty(n)
    below = 0.0
    for k in range(n):
        above = 0.0
        if k + 1 < n:
            quantile = normal_quantile((k + 1) / n)
            above = ROOT_TWO_PI * exp(-0.5 * quantile * quantile)
        means[k] = n * (below - above)
        below = above
    return means


@kernel
def _fill_cell(hardship, risk, threshold, labour, young, steps, offsets, youth_share):  # type: ignore[no-untyped-def]
    """Write the traits of one cell; the arrays are views of its citizens."""
    n = hardship.size
    strata = normal_strata(n)
    for i in range(n):
        hardship[i] = (i + 0.5) / n
        risk[i] = ((i * steps[0] + offsets[0]) % n + 0.5) / n
        threshold[i] = strata[(i * steps[1] + offsets[1]) % n]
        labour[i] = ((i * steps[2] + offsets[2]) % n + 0.5) / n
        young[i] = ((i * steps[3] + offsets[3]) % n + 0.5) / n < youth_share


def synthesise(region: Region, citizens: int | str = 20_000) -> Population:
    """Make the citizens of a region.

    Parameters
    ----------
    region : Region
    citizens : int or "all"
        Number of citizens; "all" (or any number at or above the population) makes one per inhabitant.

    Raises
    ------
    InputError
        If there are fewer citizens than the cells of the region need; the message names the number.
    """
    persons = int(region.cell_population.sum())
    wanted = persons if citizens == "all" else min(int(citizens), persons)
    least = minimum_citizens(region)
    if wanted < least:
        raise InputError(f"citizens: too few for {region.title}; got {wanted}; allowed at least {least:,} or 'all'")
    count = allot(region, wanted)
    start = np.concatenate(([0], np.cumsum(count))).astype(np.int64)
    made = Population(
        citizens=wanted,
        persons=persons,
        cell_start=start,
        cell_weight=region.cell_population // count,
        cell_extra=region.cell_population % count,
        hardship=np.empty(wanted, np.float32),
        risk_aversion=np.empty(wanted, np.float32),
        threshold=np.empty(wanted, np.float32),
        labour_rank=np.empty(wanted, np.float32),
        young=np.empty(wanted, np.bool_),
        blocks=_blocks(start),
    )
    youth_share = region.values["youth_share"][region.district_state[region.cell_district]]
    for cell, n in enumerate(count.tolist()):
        steps = np.array(lattice_steps(n), np.int64)
        uid = region.cell_uid[cell]
        offsets = np.array([int(uniform(uid, WEIGHTS, 0, uid, k) * n) for k in range(len(_STEPS))], np.int64)
        here = slice(start[cell], start[cell + 1])
        _fill_cell(
            made.hardship[here], made.risk_aversion[here], made.threshold[here], made.labour_rank[here],
            made.young[here], steps, offsets, youth_share[cell],
        )  # fmt: skip
    return made


def _blocks(cell_start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Blocks of at most `BLOCK` citizens of one cell each."""
    rows = [
        (cell, first, min(first + BLOCK, int(cell_start[cell + 1])))
        for cell in range(cell_start.size - 1)
        for first in range(int(cell_start[cell]), int(cell_start[cell + 1]), BLOCK)
    ]
    return np.array(rows, np.int64)
