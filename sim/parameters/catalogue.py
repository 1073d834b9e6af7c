"""The one catalogue of parameters: default, unit, plausible range and source of each.

Documentation, the page, sweeps and the command line are all generated from it. Sources name rows of the
evidence table in the documentation (M7, S6, P11h ...), ``derived`` for arithmetic on data, or ``assumption``.
Rates are per year or per round as the unit says and half-lives in months or rounds; they are converted to
probabilities in one place (`sim.world.rates`).
"""

from __future__ import annotations

import csv
from collections import namedtuple
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import ParameterError, Problem


@dataclass(frozen=True)
class Parameter:
    """One parameter. ``low`` and ``high`` bound its plausible range; ``hard_low`` and ``hard_high`` what the
    model accepts at all."""

    name: str
    default: float
    unit: str
    low: float
    high: float
    source: str
    text: str
    hard_low: float
    hard_high: float
    family: str


def _read(path: Path) -> Iterator[Parameter]:
    """Yield the rows of the table."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            numbers = {name: float(row[name]) for name in ("default", "low", "high", "hard_low", "hard_high")}
            yield Parameter(**{**row, **numbers})  # type: ignore[arg-type]


CATALOGUE: dict[str, Parameter] = {one.name: one for one in _read(Path(__file__).with_name("catalogue.csv"))}
"""All parameters by name, in the order of the table ``catalogue.csv``."""

Parameters = namedtuple("Parameters", list(CATALOGUE))  # type: ignore[misc]
"""Values of all parameters for one run, floats, in catalogue order; for Python. Kernels take `as_record`."""


def as_record(values: Any) -> Any:
    """Return the same values as one NumPy record: a kernel gets one pointer instead of one argument a parameter.

    Every kernel compiles in a fraction of the time; the numbers are the same.
    """
    return np.rec.array([tuple(values)], dtype=[(name, np.float64) for name in CATALOGUE])[0]


def parameters(overrides: Mapping[str, float] | None = None) -> Any:
    """Return `Parameters` with defaults replaced by ``overrides``.

    Raises
    ------
    ParameterError
        For every unknown name and every value outside the bounds the model accepts, all at once.
    """
    overrides = overrides or {}
    problems = []
    for name, value in overrides.items():
        if name not in CATALOGUE:
            near = get_close_matches(name, CATALOGUE, n=1)
            hint = f"did you mean {near[0]}?" if near else "see: stabsim catalogue parameters"
            problems.append(Problem("unknown parameter", key=f"parameters.{name}", hint=hint))
            continue
        known = CATALOGUE[name]
        if not known.hard_low <= value <= known.hard_high:
            allowed = f"{known.hard_low:g} to {known.hard_high:g} {known.unit}"
            problems.append(Problem("out of bounds", key=f"parameters.{name}", got=f"{value:g}", allowed=allowed))
    if problems:
        raise ParameterError(problems)
    return Parameters(*(float(overrides.get(name, known.default)) for name, known in CATALOGUE.items()))
