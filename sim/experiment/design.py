"""Designs: how many points there are, and what they are. Same design, same seed: same points."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError, Problem
from sim.experiment.factors import Factor
from sim.experiment.points import Points

F8 = NDArray[np.float64]

KINDS: dict[str, str] = {
    "grid": "every combination of the factors' values",
    "list": "the points written in the file",
    "lhs": "a Latin hypercube: each factor's range is covered evenly",
    "sobol": "Saltelli's sample, for Sobol indices",
    "morris": "trajectories that change one factor at a time, for screening many",
    "random": "independent draws",
    "scenarios": "the scenarios as they are, no factor",
}


@dataclass(frozen=True)
class Design:
    """How points are chosen; ``size`` is points of lhs, random and sobol, trajectories of morris."""

    kind: str
    size: int = 0
    seed: int = 1
    levels: int = 4
    second_order: bool = False
    listed: tuple[Mapping[str, Any], ...] = ()

    def described(self, factors: Sequence[Factor]) -> dict[str, Any]:
        """Return the design as it stands in the manifest."""
        made: dict[str, Any] = {"kind": self.kind, "seed": self.seed}
        if self.kind == "sobol":
            made |= {"size": self.size, "second_order": self.second_order}
        if self.kind == "morris":
            made |= {"trajectories": self.size, "num_levels": self.levels}
        return made | {"factors": [factor.described() for factor in factors]}


def count(design: Design, factors: Sequence[Factor]) -> int:
    """Count the points without making them, so that a bomb is refused before it grows."""
    d = len(factors)
    if design.kind == "grid":
        found = 1
        for factor in factors:
            found *= len(factor.levels) or factor.steps or 2
        return found
    return {
        "scenarios": 1,
        "list": len(design.listed),
        "sobol": design.size * ((2 * d if design.second_order else d) + 2),
        "morris": design.size * (d + 1),
    }.get(design.kind, design.size)


def sample(design: Design, factors: Sequence[Factor]) -> Points:
    """Make the points.

    Raises
    ------
    InputError
        If the design needs SALib and it is not installed.
    """
    if design.kind == "scenarios":
        return Points({})
    if design.kind == "list":
        return Points({factor.key: [point[factor.key] for point in design.listed] for factor in factors})
    if design.kind == "grid":
        rows = list(itertools.product(*(factor.grid() for factor in factors)))
        return Points({factor.key: [row[index] for row in rows] for index, factor in enumerate(factors)})
    shares = _SAMPLERS[design.kind](design, factors)
    return Points({factor.key: factor.values(shares[:, index]) for index, factor in enumerate(factors)})


def unit_problem(keys: Sequence[str]) -> dict[str, Any]:
    """Describe the unit cube to SALib: it sees shares of probability, whatever the distributions."""
    return {"num_vars": len(keys), "names": list(keys), "bounds": [[0.0, 1.0]] * len(keys)}


def _lhs(design: Design, factors: Sequence[Factor]) -> F8:
    from scipy.stats import qmc

    return np.asarray(qmc.LatinHypercube(len(factors), rng=np.random.default_rng(design.seed)).random(design.size))


def _random(design: Design, factors: Sequence[Factor]) -> F8:
    return np.random.default_rng(design.seed).random((design.size, len(factors)))


def _sobol(design: Design, factors: Sequence[Factor]) -> F8:
    return _from_salib("sobol", design, factors, calc_second_order=design.second_order)


def _morris(design: Design, factors: Sequence[Factor]) -> F8:
    return _from_salib("morris", design, factors, num_levels=design.levels)


def _from_salib(kind: str, design: Design, factors: Sequence[Factor], **options: Any) -> F8:
    module = _salib(f"SALib.sample.{kind}")
    problem = unit_problem([factor.key for factor in factors])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(module.sample(problem, design.size, seed=design.seed, **options))


def _salib(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise InputError(
            Problem(
                "this design needs SALib, which is not installed", key="design.kind", hint="install stabsim[explore]"
            )
        ) from None


_SAMPLERS: dict[str, Callable[[Design, Sequence[Factor]], F8]] = {
    "lhs": _lhs,
    "random": _random,
    "sobol": _sobol,
    "morris": _morris,
}
