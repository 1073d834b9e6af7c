"""The design of a sweep: what is varied (factors), at which points, and when replications end.

A `Factor` turns a share of probability into a value. A `Design` says which points there are; `sample` makes them,
always the same for the same design and seed. `Points` keeps them and writes ``points.csv``; `Until` is the rule by
which sequential replications end.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError, Problem

F8 = NDArray[np.float64]

POINTS = "points.csv"

DIGITS = 10
"""Significant digits of a sampled value: points are the same on every processor, and short in tables."""


@dataclass(frozen=True)
class Factor:
    """One thing a design varies.

    ``key`` is the override key it sets, ``role`` uncertainty or lever. Either ``levels`` holds its values, all
    equally likely, or ``low`` and ``high`` a range with a ``distribution``: ``peak`` is the mode of a triangular or
    the mean of a normal one, ``sd`` the latter's standard deviation before it is cut off at the range's ends.
    ``whole`` rounds to whole numbers; ``steps`` is the number of levels a grid gives a range.
    """

    key: str
    role: Literal["uncertainty", "lever"]
    low: float | None = None
    high: float | None = None
    distribution: str = ""
    levels: tuple[Any, ...] = ()
    peak: float | None = None
    sd: float | None = None
    whole: bool = False
    steps: int | None = None
    unit: str = ""

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that bound all others: every level, or both ends of the range."""
        return self.levels or tuple(self.values(np.array([0.0, 1.0])))

    def grid(self) -> list[Any]:
        """Return the values of a grid: the levels, or evenly likely steps from one end of the range to the other."""
        return list(self.levels) if self.levels else self.values(np.linspace(0.0, 1.0, self.steps or 2))

    def values(self, share: F8) -> list[Any]:
        """Turn shares of probability into values.

        Parameters
        ----------
        share : (n,) float64, 0 to 1

        Returns
        -------
        list of n values
            Numbers in `DIGITS` significant digits, or levels.
        """
        if self.levels:
            place = np.minimum((share * len(self.levels)).astype(int), len(self.levels) - 1)
            return [self.levels[index] for index in place]
        low, high = cast(float, self.low), cast(float, self.high)
        if self.whole:
            return [int(value) for value in np.minimum(low + share * (high - low + 1) // 1, high)]
        found = np.clip(self._quantile(share, low, high), low, high)
        return [float(f"{value:.{DIGITS}g}") for value in found]

    def _quantile(self, share: F8, low: float, high: float) -> F8:
        if self.distribution == "loguniform":
            return np.asarray(low * (high / low) ** share)
        if self.distribution == "uniform":
            return np.asarray(low + share * (high - low))
        from scipy.stats import triang, truncnorm

        peak = cast(float, self.peak)
        if self.distribution == "triangular":
            return np.asarray(triang.ppf(share, (peak - low) / (high - low), low, high - low))
        sd = cast(float, self.sd)
        return np.asarray(truncnorm.ppf(share, (low - peak) / sd, (high - peak) / sd, peak, sd))

    def described(self) -> dict[str, Any]:
        """Return the factor as it stands in the manifest."""
        names = ("key", "low", "high", "distribution", "levels", "unit", "role", "peak", "sd", "whole")
        return {name: getattr(self, name) for name in names} | {"levels": list(self.levels) or None}


@dataclass(frozen=True)
class Design:
    """How points are chosen.

    ``kind`` is grid (every combination of the factors' values), list (the points written in the file), lhs (a Latin
    hypercube), random, sobol (Saltelli's sample), morris (trajectories that change one factor at a time) or
    scenarios (no factor). ``size`` is points of lhs, random and sobol, trajectories of morris.
    """

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
    """Count the points without making them, so that a design that is too large is refused before it uses memory."""
    d = len(factors)
    return {
        "scenarios": 1,
        "list": len(design.listed),
        "grid": math.prod(len(factor.levels) or factor.steps or 2 for factor in factors),
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
    shares = _shares(design, [factor.key for factor in factors])
    return Points({factor.key: factor.values(shares[:, index]) for index, factor in enumerate(factors)})


def _shares(design: Design, keys: list[str]) -> F8:
    """Draw points in the unit cube: shares of probability, whatever the distributions of the factors."""
    generator = np.random.default_rng(design.seed)
    if design.kind == "random":
        return generator.random((design.size, len(keys)))
    if design.kind == "lhs":
        from scipy.stats import qmc

        return np.asarray(qmc.LatinHypercube(len(keys), rng=generator).random(design.size))
    try:
        method = import_module(f"SALib.sample.{design.kind}")
    except ImportError:
        what = "this design needs SALib, which is not installed"
        raise InputError(Problem(what, key="design.kind", hint="install stabsim[explore]")) from None
    cube = {"num_vars": len(keys), "names": keys, "bounds": [[0.0, 1.0]] * len(keys)}
    options = {"calc_second_order": design.second_order} if design.kind == "sobol" else {"num_levels": design.levels}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(method.sample(cube, design.size, seed=design.seed, **options))


class Points(Sequence[Mapping[str, Any]]):
    """Design points, stored by column: numbers take 8 bytes each.

    Parameters
    ----------
    columns : mapping
        Override key to as many values as there are points. No column: one point that changes nothing.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self.columns: dict[str, Any] = {
            key: np.array(values, np.float64) if {type(value) for value in values} == {float} else list(values)
            for key, values in columns.items()
        }
        self.length = len(next(iter(columns.values()))) if columns else 1

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: Any) -> Any:
        """Return one point (key to value), or a list of them for a slice; IndexError out of range."""
        if isinstance(number, slice):
            return [self[index] for index in range(*number.indices(self.length))]
        if not -self.length <= number < self.length:
            raise IndexError(number)
        found = {key: values[number] for key, values in self.columns.items()}
        return {key: float(value) if isinstance(value, np.floating) else value for key, value in found.items()}

    def text(self) -> str:
        """Write ``points.csv``: column ``point``, then one column a factor; a list of texts as JSON."""
        made = io.StringIO()
        writer = csv.writer(made, lineterminator="\n")
        writer.writerow(["point", *self.columns])
        writer.writerows([number, *map(cell, point.values())] for number, point in enumerate(self))
        return made.getvalue()


def cell(value: Any) -> str:
    """Write a value for ``points.csv``."""
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_points(folder: Path, factors: Sequence[Mapping[str, Any]]) -> Points:
    """Read the points of a stored sweep back, exactly.

    Parameters
    ----------
    folder : Path
        Holds ``points.csv``.
    factors : sequence of mapping
        As in the manifest's design: they say what each column holds.

    Raises
    ------
    InputError
        If the file is not there or does not fit the factors.
    """
    path = folder / POINTS

    def values(factor: Mapping[str, Any], texts: Sequence[str]) -> list[Any]:
        if factor["levels"] is not None:
            known = {cell(level): level for level in factor["levels"]}
            return [known[text] for text in texts]
        return [int(text) if factor["whole"] else float(text) for text in texts]

    try:
        with path.open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(Problem(f"cannot be read: {error}", file=str(path))) from None
    if head != ["point", *(str(factor["key"]) for factor in factors)]:
        raise InputError(Problem("does not hold the factors of this sweep", file=str(path), line=1))
    try:
        columns = list(zip(*rows, strict=True))[1:] if rows else []
        return Points({str(f["key"]): values(f, texts) for f, texts in zip(factors, columns, strict=True)})
    except (KeyError, ValueError) as error:
        raise InputError(Problem(f"does not fit the factors of this sweep: {error}", file=str(path))) from None


@dataclass(frozen=True)
class Until:
    """When sequential replications end: a 95 % interval is narrow enough at every point.

    ``at_least`` replications come first, then ``step`` more at a time, ``at_most`` in all. After each batch the
    95 % t interval of ``outcome`` in ``scope`` over the whole run is taken at every point: of each scenario's
    mean, or of each scenario's paired ``difference`` from the baseline. Replications end when the widest of these
    intervals is no wider than ``width``.
    """

    outcome: str
    scope: str
    contrast: str
    width: float
    at_least: int
    at_most: int
    step: int

    def rounds(self) -> Iterator[int]:
        """Yield the number of replications at each look."""
        yield from range(self.at_least, self.at_most, self.step)
        yield self.at_most

    def described(self) -> dict[str, Any]:
        """Return the rule as it stands in the manifest."""
        return asdict(self)
