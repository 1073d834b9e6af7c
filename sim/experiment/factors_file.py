"""Read the factors of an experiment file, and try the ends of each in the scenarios before anything runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from sim.errors import InputError, Problem, nearest
from sim.experiment.factors import CHOICES, WIDE, Factor
from sim.experiment.file_schema import ExperimentFile, FactorFile
from sim.parameters import CATALOGUE as PARAMETERS
from sim.scenario import Template
from sim.scenario.schema import field_at, unit_of
from sim.scenario.text import Node, problem_at, shown

PREFIX = "parameters."
ALL = "all"
LEVERS = (
    "interventions", "shocks", "months", "institutions", "effects", "define", "packages", "budgets", "theories",
)  # fmt: skip
"""What a lever's key starts with: the rest of a scenario must be alike for runs to be paired."""

_PATH = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*\Z")


@dataclass
class FactorReader:
    """Turns the sections of a file into factors; problems are added to ``problems``.

    ``templates`` are None when a scenario could not be loaded: then nothing is tried in them.
    """

    root: Node
    spec: ExperimentFile
    templates: Sequence[Template] | None
    problems: list[Problem]

    def read(self) -> list[Factor]:
        """Return the factors, uncertainties first, in the order of the file."""
        found = [*self._uncertainties(), *self._levers(), *self._listed()]
        self._no_clash([factor.key for factor in found], self.spec.constants or {})
        for key in self.spec.constants or {}:
            self._known(("constants", key), key)
        for factor, path in zip(found, self._places(found), strict=True):
            self._try(factor, path)
        return found

    def _note(self, path: tuple[Any, ...], what: str, **said: Any) -> None:
        self.problems.append(problem_at(self.root, path, what, **said))

    def _uncertainties(self) -> list[Factor]:
        given = dict(self.spec.uncertainties or {})
        every = ALL in given
        if every and given[ALL] not in (None, FactorFile()):
            self._note(("uncertainties", ALL), "takes no range of its own", allowed=f"{ALL}: {{}}")
        given.pop(ALL, None)
        for name in given:
            if name not in PARAMETERS:
                bare = name.removeprefix(PREFIX)
                hint = f"write {bare}" if bare in PARAMETERS else nearest(name, PARAMETERS)
                self._note(
                    ("uncertainties", name),
                    "no parameter is called that",
                    on_key=True,
                    allowed="see: stabsim catalogue parameters",
                    hint=hint,
                )
        names = [name for name, known in PARAMETERS.items() if known.low < known.high] if every else []
        names = [*names, *(name for name in given if name in PARAMETERS and name not in names)]
        made = (self._parameter(name, given.get(name) or FactorFile()) for name in names)
        return [factor for factor in made if factor is not None]

    def _parameter(self, name: str, spec: FactorFile) -> Factor | None:
        known, path = PARAMETERS[name], ("uncertainties", name)
        if spec == FactorFile() and name in CHOICES:
            return Factor(PREFIX + name, "uncertainty", levels=CHOICES[name], unit=known.unit)
        if spec.values is None:
            low = known.low if spec.low is None else spec.low
            high = known.high if spec.high is None else spec.high
            spec = spec.model_copy(update={"low": low, "high": high})
        return self._factor(path, PREFIX + name, spec, known.default)

    def _levers(self) -> list[Factor]:
        made = []
        for key, spec in (self.spec.levers or {}).items():
            path = ("levers", key)
            if key.startswith(PREFIX):
                self._note(path, "is a parameter", on_key=True, hint="write it under uncertainties")
            elif self._known(path, key):
                made.append(self._factor(path, key, spec, None))
        return [factor for factor in made if factor is not None]

    def _listed(self) -> list[Factor]:
        """Return a factor for each key of the listed points; its levels are the values the points give it."""
        rows = self.spec.points or []
        keys = list(rows[0]) if rows else []
        for index, row in enumerate(rows[1:], 1):
            for key in [*(key for key in keys if key not in row), *(key for key in row if key not in keys)]:
                what = "is missing" if key in keys else "is not in the first point"
                self._note(("points", index, key), what, on_key=True, allowed="the same keys in every point")
        made = []
        for key in keys:
            if self._known(("points", 0, key), key):
                values = [row[key] for row in rows if key in row]
                levels = tuple(value for index, value in enumerate(values) if value not in values[:index])
                role = "uncertainty" if key.startswith(PREFIX) else "lever"
                made.append(Factor(key, role, levels=levels, unit=unit_of(key)))  # type: ignore[arg-type]
        return made

    def _known(self, path: tuple[Any, ...], key: str) -> bool:
        """Check that a key names something a scenario has."""
        first = key.split(".")[0]
        if not _PATH.match(key) or first not in (*LEVERS, "parameters") or field_at(tuple(key.split(".")))[0] is None:
            self._note(
                path,
                "is not something that can be set here",
                on_key=True,
                allowed="such as interventions.police.intensity, shocks.rumour.at, parameters.b_peer or months",
                hint=_near(key),
            )
            return False
        if self.templates and not any(item.has(key) for item in self.templates):
            section, name = key.split(".")[:2]
            there = [name for item in self.templates for name in _labels(item, section)]
            self._note(
                path,
                f"no scenario of this experiment has {name} under {section}",
                on_key=True,
                allowed=", ".join(dict.fromkeys(there)) or "none has any",
                hint=nearest(name, there),
            )
            return False
        return True

    def _factor(self, path: tuple[Any, ...], key: str, spec: FactorFile, default: float | None) -> Factor | None:
        before = len(self.problems)
        role: Any = "uncertainty" if key.startswith(PREFIX) else "lever"
        if spec.values is not None:
            for name in ("low", "high", "distribution", "mode", "mean", "sd", "levels"):
                if getattr(spec, name) is not None:
                    self._note((*path, name), "stands beside values", on_key=True, allowed="values, or a range")
            for index, value in enumerate(spec.values):
                if value in spec.values[:index]:
                    self._note((*path, "values", index), "is given twice", got=shown(value))
            return Factor(key, role, levels=tuple(spec.values), unit=unit_of(key))
        if spec.low is None or spec.high is None:
            self._note(path, "needs values, or low and high")
            return None
        low, high = spec.low, spec.high
        if low >= high:
            self._note(path, "its range is empty", got=f"{low:g} to {high:g}", allowed="low below high")
            return None
        kind = spec.distribution or ("loguniform" if low > 0 and high / low > WIDE else "uniform")
        peak, sd = self._shape(path, spec, kind, default)
        if kind == "loguniform" and low <= 0:
            self._note((*path, "low"), "must be above 0 on a logarithm", got=f"{low:g}")
        whole = field_at(tuple(key.split(".")))[0] is int
        if whole and (low != int(low) or high != int(high)):
            self._note(path, "must be whole numbers", got=f"{low:g} to {high:g}")
        if whole and kind != "uniform":
            if spec.distribution is not None:
                self._note((*path, "distribution"), "whole numbers are uniform", got=kind)
            kind = "uniform"
        steps = spec.levels or (self.spec.design.levels if self.spec.design else None)
        if self.spec.design and self.spec.design.kind == "grid" and steps is None:
            self._note(path, "a grid needs values, or levels for a range", allowed="such as levels: 5")
        made = Factor(key, role, low, high, kind, (), peak, sd, whole, steps, unit_of(key))
        return made if len(self.problems) == before else None

    def _shape(
        self, path: tuple[Any, ...], spec: FactorFile, kind: str, default: float | None
    ) -> tuple[float | None, float | None]:
        """Return the peak and the standard deviation of a distribution that has them."""
        assert spec.low is not None
        assert spec.high is not None
        takes = {"triangular": ("mode",), "normal": ("mean", "sd")}.get(kind, ())
        for name in ("mode", "mean", "sd"):
            if getattr(spec, name) is not None and name not in takes:
                self._note((*path, name), f"a {kind} distribution has no {name}", on_key=True)
        if not takes:
            return None, None
        middle = default if default is not None and spec.low <= default <= spec.high else (spec.low + spec.high) / 2
        given = spec.mode if kind == "triangular" else spec.mean
        if given is not None and not spec.low <= given <= spec.high:
            self._note((*path, takes[0]), "lies outside the range", got=f"{given:g}")
        spread = None if kind == "triangular" else spec.sd or (spec.high - spec.low) / 4
        return (middle if given is None else given), spread

    def _no_clash(self, keys: Sequence[str], constants: Any) -> None:
        """Refuse two settings of one value."""
        everything = [*keys, *constants]
        for index, key in enumerate(everything):
            for other in everything[:index]:
                if f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}."):
                    where = "constants" if key in constants else "levers"
                    self._note((where, key), "is set twice", on_key=True, hint=f"also by {other}")

    def _places(self, factors: Sequence[Factor]) -> list[tuple[Any, ...]]:
        """Return where each factor stands in the file."""
        if self.spec.points:
            return [("points", 0, factor.key) for factor in factors]
        names = [
            ("uncertainties", factor.key.removeprefix(PREFIX))
            if factor.role == "uncertainty"
            else ("levers", factor.key)
            for factor in factors
        ]
        return [path if self.root.find(path)[0] != self.root.mark else path[:1] for path in names]

    def _try(self, factor: Factor, path: tuple[Any, ...]) -> None:
        """Set each value that bounds the others in every scenario; what a scenario refuses is said once."""
        _, mark = self.root.find(path)
        for template in self.templates or ():
            for value in factor.ends:
                try:
                    template.with_marks({factor.key: mark}).at({factor.key: value})
                except InputError as error:
                    new = [problem for problem in error.problems if problem not in self.problems]
                    self.problems += new


def _labels(template: Template, section: str) -> list[str]:
    node = template.root.value.get(section)
    return list(node.value) if node is not None and isinstance(node.value, dict) else []


def _near(key: str) -> str:
    """Return the nearest right name of the first part of a key that is wrong."""
    parts = key.split(".")
    if parts[0] not in (*LEVERS, "parameters"):
        return nearest(parts[0], (*LEVERS, "parameters"))
    for depth in range(1, len(parts)):
        kind, _ = field_at(tuple(parts[:depth]))
        if isinstance(kind, type) and issubclass(kind, BaseModel) and parts[depth] not in kind.model_fields:
            return nearest(parts[depth], kind.model_fields)
    return ""
