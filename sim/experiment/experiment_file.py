"""Experiment files: which scenarios run at which design points how often.

`ExperimentFile` is the shape of a file. A reader turns a file of the right shape into an `Experiment`: it loads the
scenarios, makes the factors, sets the bounding values of each factor in every scenario, and collects every problem
with its place, so that nothing runs before the whole file is known to be right.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from sim.errors import InputError, Problem, nearest
from sim.experiment.design import Design, Factor, Until
from sim.experiment.plan import CENTRAL
from sim.parameters import CATALOGUE as PARAMETERS
from sim.region.files import shipped_studies
from sim.scenario import Template, load_template, shipped_scenarios
from sim.scenario.hints import check_shape
from sim.scenario.schema import Name, Strict, field_at, printable, unit_of
from sim.scenario.text import Node, parse, problem_at, read_source, shown
from sim.world.outcomes import OUTCOME_NAMES

FILE = "experiment.yaml"
SUFFIXES = ("", ".yaml", ".yml")

PREFIX = "parameters."
ALL = "all"
LEVERS = (
    "interventions", "shocks", "months", "institutions", "effects", "define", "packages", "budgets", "theories",
)  # fmt: skip
"""What a lever's key starts with: the rest of a scenario must be alike for runs to be paired."""

WIDE = 10.0
"""A range that spans more than this factor is sampled on the logarithm unless the file says otherwise."""

CHOICES: dict[str, tuple[float, ...]] = {"arrest_form": (0.0, 1.0, 2.0)}
"""Parameters whose numbers name rival forms; they take these values and none between."""

# --- the shape of a file -------------------------------------------------------------------------------

Kind = Literal["grid", "list", "lhs", "sobol", "morris", "random", "scenarios"]
Text = Annotated[str, StringConstraints(max_length=4000)]


class _Section(Strict):
    """A mapping in which a key without a value counts as left out."""

    @model_validator(mode="before")
    @classmethod
    def _given(cls, content: Any) -> Any:
        if isinstance(content, dict):
            return {key: value for key, value in content.items() if value is not None}
        return {} if content is None else content


class FactorFile(_Section):
    """What varies: the values it may take, or a range. Of a catalogue parameter, anything may be left out."""

    values: list[Any] | None = Field(None, min_length=1, max_length=1000, description="Values, all equally likely")
    low: float | None = Field(None, description="Lower end of a range")
    high: float | None = Field(None, description="Upper end of a range")
    distribution: Literal["uniform", "loguniform", "triangular", "normal"] | None = Field(
        None, description="Over the range; loguniform where it spans more than a factor of 10 above 0, else uniform"
    )
    mode: float | None = Field(None, description="Peak of a triangular distribution; the default value")
    mean: float | None = Field(None, description="Of a normal distribution cut off at low and high")
    sd: float | None = Field(None, gt=0, description="Of a normal distribution; a quarter of the range")
    levels: int | None = Field(None, ge=2, le=1000, description="Steps of the range in a grid")


class DesignFile(_Section):
    """How the points are chosen."""

    kind: Kind
    points: int | None = Field(
        None, ge=1, le=10_000_000, description="Points of lhs and random; base sample of sobol, a power of 2"
    )
    trajectories: int | None = Field(None, ge=2, le=100_000, description="Of morris")
    levels: int | None = Field(None, ge=2, le=100, description="Of morris, even, 4 unless given; of a grid")
    second_order: bool = Field(False, description="Of sobol: also interactions, at twice the points")
    seed: int = Field(1, ge=0, le=2**32 - 1, description="Of the design")


class UntilFile(_Section):
    """Replicate until a 95 % interval is narrow enough everywhere."""

    outcome: Name = Field(
        description="Name of a recorded outcome, over the whole run", json_schema_extra={"enum": [*OUTCOME_NAMES]}
    )
    scope: Name = Field("region", description="region, or a state code")
    contrast: Literal["mean", "difference"] = Field(
        "difference", description="Of the mean, or of the paired difference from the baseline"
    )
    width: float = Field(gt=0, description="Widest interval allowed, in the outcome's unit")
    at_least: int = Field(16, ge=2, le=100_000, description="Replications before the first look")
    at_most: int = Field(ge=2, le=100_000, description="Replications after which it ends")
    step: int | None = Field(None, ge=1, le=100_000, description="Replications added between looks; at_least")


class ExperimentFile(_Section):
    """An experiment file: which scenarios run at which points how often."""

    model_config = ConfigDict(title="stabsim experiment")

    format: Literal[1]
    title: Name | None = None
    question: Text = Field("", description="What the experiment is to answer, one sentence")
    expected: Text = Field("", description="What is expected, written before it runs")
    scenarios: list[Name] = Field(
        min_length=1, max_length=100, description="Files beside this one, or shipped scenarios"
    )
    baseline: Name | None = Field(None, description="One of the scenarios; the first unless given")
    design: DesignFile
    uncertainties: dict[Name, FactorFile] = Field(
        {},
        max_length=1000,
        description="Catalogue parameters; all: every one of them",
        json_schema_extra={"propertyNames": {"enum": [ALL, *PARAMETERS]}},
    )
    levers: dict[Name, FactorFile] = Field(
        {}, max_length=200, description="Values of scenarios, by dotted key, as in --set"
    )
    points: list[dict[Name, Any]] = Field(
        [], max_length=10_000, description="Of a list: one mapping from key to value a point"
    )
    constants: dict[Name, Any] = Field({}, max_length=1000, description="Set in every scenario")
    replications: int | None = Field(None, ge=1, le=100_000, description="Replications of each point; 1 unless given")
    until: UntilFile | None = Field(None, description="Instead of replications")
    citizens: Any = Field(
        20_000,
        description="A number, or all",
        json_schema_extra={"anyOf": [{"type": "integer", "minimum": 1}, {"const": "all"}]},
    )
    seed: int = Field(1, ge=0, le=2**63 - 1, description="Of the replications")
    parameters: Literal["central", "ensemble"] = Field(
        CENTRAL, description="Whether replications draw the parameters that are not varied from the calibrated ensemble"
    )

    @field_validator("title", "question", "expected")
    @classmethod
    def _printable(cls, text: str | None, info: Any) -> str | None:
        return printable(text, lines=info.field_name != "title")


def experiment_schema() -> dict[str, Any]:
    """Return the JSON Schema of experiment files, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ExperimentFile.model_json_schema()}


# --- an experiment -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Experiment:
    """An experiment as its file says it; scenarios are loaded, points not yet made.

    ``replications`` is the fixed number, or the most there may be when ``until`` says how they end. ``text`` is
    the file as it was read.
    """

    key: str
    title: str
    question: str
    expected: str
    templates: tuple[Template, ...]
    baseline: str
    design: Design
    factors: tuple[Factor, ...]
    constants: Mapping[str, Any]
    replications: int
    until: Until | None
    citizens: int | str
    seed: int
    parameters: str
    text: str

    @property
    def warnings(self) -> list[Problem]:
        """What is allowed but worth a second look: in the scenarios, and ranges wider than the evidence."""
        found = list(dict.fromkeys(problem for template in self.templates for problem in template.base.warnings))
        for factor in self.factors:
            known = PARAMETERS.get(factor.key.removeprefix(PREFIX))
            if known is not None and not all(known.low <= value <= known.high for value in factor.ends):
                got = f"{min(factor.ends):g} to {max(factor.ends):g}"
                allowed = f"{known.low:g} to {known.high:g} {known.unit}"
                what = "is varied beyond its evidence range"
                found.append(Problem(what, file=FILE, key=factor.key, got=got, allowed=allowed))
        return found


def shipped_experiments() -> list[str]:
    """Return the names of the shipped experiments."""
    return sorted(path.parent.name for path in shipped_studies().glob(f"*/{FILE}"))


def find_experiment(name: str | Path) -> Path:
    """Return the file of a path, a folder that holds ``experiment.yaml``, or a shipped name."""
    path = Path(name)
    if path.is_dir():
        return path / FILE
    if not path.exists() and str(name) in shipped_experiments():
        return shipped_studies() / str(name) / FILE
    return path


def load_experiment(path_or_name: str | Path) -> Experiment:
    """Load an experiment file.

    Parameters
    ----------
    path_or_name : str or Path
        A file, a folder that holds ``experiment.yaml``, or the name of a shipped experiment.

    Returns
    -------
    Experiment

    Raises
    ------
    InputError
        With every problem of the file and of its scenarios.
    """
    experiment, problems = _load(find_experiment(path_or_name))
    if experiment is None:
        raise InputError(problems)
    return experiment


def validate_experiment(path: str | Path) -> tuple[list[Problem], list[Problem]]:
    """Return everything wrong with an experiment file, and what is worth a second look."""
    experiment, problems = _load(find_experiment(path))
    return problems, experiment.warnings if experiment else []


def _load(path: Path) -> tuple[Experiment | None, list[Problem]]:
    source = read_source(path)
    if isinstance(source, Problem):
        if source.what == "does not exist":
            hint = nearest(path.parent.name if path.name == FILE else path.stem, shipped_experiments())
            if path.stem in shipped_scenarios():
                hint = "that is a scenario: stabsim run, or compare"
            source = Problem("does not exist", file=str(path), hint=hint)
        return None, [source]
    parsed = parse(source.text, str(path))
    if parsed.root is None or not isinstance(parsed.root.value, dict):
        empty = Problem("is not an experiment", file=str(path), line=1, column=1, allowed="a mapping with format: 1")
        return None, parsed.problems or [empty]
    problems = [*parsed.problems, *check_shape(parsed.root, ExperimentFile)[0]]
    if problems:
        return None, problems
    reader = _Reader(path, source.text, parsed.root, ExperimentFile.model_validate(parsed.root.plain()))
    made = reader.read()
    return (None if reader.problems else made), reader.problems


# --- from a file of the right shape to an experiment ---------------------------------------------------

USED: dict[str, set[str]] = {kind: set() for kind in get_args(Kind)} | {
    "grid": {"levels"},
    "lhs": {"points"},
    "random": {"points"},
    "sobol": {"points", "second_order"},
    "morris": {"trajectories", "levels"},
}
"""Keys each kind of design reads beside ``kind`` and ``seed``."""

_PATH = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*\Z")

KeyPath = tuple[Any, ...]
"""Keys and indices that lead to a value of the file."""


@dataclass
class _Reader:
    """The state of one reading; problems are collected, so that all are reported at once.

    ``templates`` stays empty when a scenario could not be loaded: then nothing is tried in them.
    """

    path: Path
    text: str
    root: Node
    spec: ExperimentFile
    problems: list[Problem] = field(default_factory=list)
    templates: list[Template] = field(default_factory=list)
    factors: dict[KeyPath, Factor] = field(default_factory=dict)

    def note(self, place: KeyPath, what: str, **said: Any) -> None:
        """Collect a problem at a value or, where nothing stands, at the mapping that lacks it."""
        self.problems.append(problem_at(self.root, place, what, **said))

    def read(self) -> Experiment:
        spec = self.spec
        loaded = self._load_scenarios()
        if len(loaded) == len(spec.scenarios):
            self.templates = loaded
        self._uncertainties()
        self._levers()
        self._listed()
        self._check_clashes()
        for key in spec.constants:
            self._known(("constants", key), key)
        marks = {factor.key: self.root.find(place)[1] for place, factor in self.factors.items()}
        self.templates = [template.with_marks(marks) for template in self.templates]
        self._try_factors()
        replications, until = self._replications()
        citizens = spec.citizens
        if citizens != "all" and (not isinstance(citizens, int) or isinstance(citizens, bool) or citizens < 1):
            allowed = "a whole number, or all"
            self.note(("citizens",), "is not a number of citizens", got=shown(citizens), allowed=allowed)
        return Experiment(
            key=(self.path.absolute().parent.name if self.path.name == FILE else self.path.stem) or "experiment",
            title=spec.title or self.path.stem,
            question=spec.question.strip(),
            expected=spec.expected.strip(),
            templates=tuple(self.templates),
            baseline=self._baseline(),
            design=self._design(),
            factors=tuple(self.factors.values()),
            constants=dict(spec.constants),
            replications=replications,
            until=until,
            citizens=citizens,
            seed=spec.seed,
            parameters=spec.parameters,
            text=self.text,
        )

    def _load_scenarios(self) -> list[Template]:
        """Load every scenario with the constants: a file beside this one, else a shipped one, never anywhere else."""
        node = self.root.value.get("constants")
        constants = dict(node.value) if self.spec.constants else {}
        made: list[Template] = []
        for index, name in enumerate(self.spec.scenarios):
            place = ("scenarios", index)
            beside = (self.path.parent / f"{name}{suffix}" for suffix in SUFFIXES)
            file = next((file for file in beside if file.is_file()), Path(name))
            if Path(name).name != name or (file == Path(name) and name not in shipped_scenarios()):
                self.note(
                    place,
                    "there is no such scenario",
                    got=shown(name),
                    allowed="a file beside this one, or a shipped scenario",
                    hint=nearest(name, [*(p.stem for p in self.path.parent.glob("*.yaml")), *shipped_scenarios()]),
                )
                continue
            try:
                template = load_template(file, constants)
            except InputError as error:
                self.problems += [problem for problem in error.problems if problem not in self.problems]
                continue
            if any(other.key == template.key for other in made):
                self.note(place, "is given twice", got=shown(name))
            made.append(template)
            first = made[0]
            for what, mine, theirs in (
                ("region", template.base.region, first.base.region),
                ("start", template.base.date(0), first.base.date(0)),
                ("months", template.base.months, first.base.months),
            ):
                if mine != theirs:
                    what = f"has another {what} than {first.key}, so that runs cannot be paired"
                    self.note(place, what, got=str(mine), allowed=str(theirs))
                    break
        return made

    def _baseline(self) -> str:
        names, wanted = self.spec.scenarios, self.spec.baseline
        if wanted is not None and wanted not in names:
            what, hint = "is not one of the scenarios", nearest(wanted, names)
            self.note(("baseline",), what, got=shown(wanted), allowed=", ".join(names), hint=hint)
        index = names.index(wanted) if wanted in names else 0
        return self.templates[index].key if self.templates else ""

    def _design(self) -> Design:
        spec = self.spec.design
        kind, listed, varied = spec.kind, self.spec.points, self.spec.uncertainties or self.spec.levers
        used = {"kind", "seed", *USED[kind]}
        for name in DesignFile.model_fields:
            if name in spec.model_fields_set - used:
                what = f"a {kind} design has no {name}"
                self.note(("design", name), what, on_key=True, allowed=", ".join(sorted(used)))
        size, example = ("trajectories", 10) if kind == "morris" else ("points", 64)
        if size in USED[kind] and getattr(spec, size) is None:
            self.note(("design", size), "is missing", allowed=f"such as {size}: {example}")
        if kind == "sobol" and spec.points is not None and spec.points & (spec.points - 1):
            self.note(("design", "points"), "is not a power of 2", got=str(spec.points), allowed="such as 64 or 128")
        if kind == "morris" and spec.levels is not None and spec.levels % 2:
            self.note(("design", "levels"), "must be even", got=str(spec.levels), allowed="such as 4")
        if (kind == "list") != bool(listed):
            what = "is missing: a list design needs its points" if kind == "list" else f"a {kind} design has no points"
            self.note(("points",), what, on_key=True, allowed="one mapping from key to value a point, with kind: list")
        if kind in ("list", "scenarios") and varied:
            where = "uncertainties" if self.spec.uncertainties else "levers"
            self.note((where,), f"a {kind} design takes no factors", on_key=True)
        elif kind not in ("list", "scenarios") and not varied:
            self.note(("design", "kind"), f"a {kind} design needs uncertainties or levers", got=kind)
        return Design(
            kind=kind,
            size=getattr(spec, size) or 0,
            seed=spec.seed,
            levels=spec.levels or 4,
            second_order=spec.second_order,
            listed=tuple(dict(point) for point in listed),
        )

    def _replications(self) -> tuple[int, Until | None]:
        spec, fixed = self.spec.until, self.spec.replications
        if spec is None:
            return fixed or 1, None
        if fixed is not None:
            self.note(("until",), "stands beside replications", on_key=True, allowed="one of the two")
        if spec.outcome not in OUTCOME_NAMES:
            self.note(
                ("until", "outcome"),
                "no outcome is called that",
                got=shown(spec.outcome),
                allowed="see: stabsim catalogue outcomes",
                hint=nearest(spec.outcome, OUTCOME_NAMES),
            )
        if spec.at_most < spec.at_least:
            allowed = f"{spec.at_least} or more"
            self.note(("until", "at_most"), "is less than at_least", got=str(spec.at_most), allowed=allowed)
        if spec.contrast == "difference" and len(self.spec.scenarios) < 2:
            what = "a difference needs a baseline and another scenario"
            self.note(("until",), what, allowed="contrast: mean for one")
        if self.templates and spec.scope != "region":
            from sim.region import find_region, load_region

            base = self.templates[0].base
            states = load_region(find_region(base.region), base.start_year).states
            if spec.scope not in states:
                self.note(
                    ("until", "scope"),
                    "the region has no such state",
                    got=shown(spec.scope),
                    allowed=", ".join(("region", *states)),
                    hint=nearest(spec.scope, states),
                )
        return spec.at_most, Until(**spec.model_dump() | {"step": spec.step or spec.at_least})

    # factors

    def _uncertainties(self) -> None:
        given = dict(self.spec.uncertainties)
        every = given.pop(ALL, None)
        if every not in (None, FactorFile()):
            self.note(("uncertainties", ALL), "takes no range of its own", allowed=f"{ALL}: {{}}")
        for name in given:
            if name not in PARAMETERS:
                bare = name.removeprefix(PREFIX)
                self.note(
                    ("uncertainties", name),
                    "no parameter is called that",
                    on_key=True,
                    allowed="see: stabsim catalogue parameters",
                    hint=f"write {bare}" if bare in PARAMETERS else nearest(name, PARAMETERS),
                )
        names = [name for name, known in PARAMETERS.items() if every and known.low < known.high]
        for name in dict.fromkeys((*names, *(name for name in given if name in PARAMETERS))):
            known, spec = PARAMETERS[name], given.get(name, FactorFile())
            if spec == FactorFile() and name in CHOICES:
                spec = FactorFile(values=list(CHOICES[name]))
            elif spec.values is None:
                low = known.low if spec.low is None else spec.low
                high = known.high if spec.high is None else spec.high
                spec = spec.model_copy(update={"low": low, "high": high})
            self._factor(("uncertainties", name), PREFIX + name, spec, known.default)

    def _levers(self) -> None:
        for key, spec in self.spec.levers.items():
            if key.startswith(PREFIX):
                self.note(("levers", key), "is a parameter", on_key=True, hint="write it under uncertainties")
            elif self._known(("levers", key), key):
                self._factor(("levers", key), key, spec, None)

    def _listed(self) -> None:
        """Make a factor of each key of the listed points; its levels are the values the points give it."""
        rows = self.spec.points
        keys = list(rows[0]) if rows else []
        for index, row in enumerate(rows[1:], 1):
            for key in [*(key for key in keys if key not in row), *(key for key in row if key not in keys)]:
                what = "is missing" if key in keys else "is not in the first point"
                self.note(("points", index, key), what, on_key=True, allowed="the same keys in every point")
        for key in keys:
            if self._known(("points", 0, key), key):
                values = [row[key] for row in rows if key in row]
                levels = tuple(value for index, value in enumerate(values) if value not in values[:index])
                self.factors["points", 0, key] = Factor(key, _role(key), levels=levels, unit=unit_of(key))

    def _factor(self, place: KeyPath, key: str, spec: FactorFile, default: float | None) -> None:
        """Make the factor of one entry, unless something is wrong with it."""
        before = len(self.problems)
        if spec.values is not None:
            for name in FactorFile.model_fields:
                if name != "values" and getattr(spec, name) is not None:
                    self.note((*place, name), "stands beside values", on_key=True, allowed="values, or a range")
            for index, value in enumerate(spec.values):
                if value in spec.values[:index]:
                    self.note((*place, "values", index), "is given twice", got=shown(value))
            self.factors[place] = Factor(key, _role(key), levels=tuple(spec.values), unit=unit_of(key))
            return
        low, high = spec.low, spec.high
        if low is None or high is None:
            self.note(place, "needs values, or low and high")
            return
        if low >= high:
            self.note(place, "its range is empty", got=f"{low:g} to {high:g}", allowed="low below high")
            return
        kind = spec.distribution or ("loguniform" if low > 0 and high / low > WIDE else "uniform")
        peak_name = {"triangular": "mode", "normal": "mean"}.get(kind, "")
        takes = {peak_name, "sd"} if kind == "normal" else {peak_name}
        for name in ("mode", "mean", "sd"):
            if getattr(spec, name) is not None and name not in takes:
                self.note((*place, name), f"a {kind} distribution has no {name}", on_key=True)
        peak = sd = None
        if peak_name:
            peak = getattr(spec, peak_name)
            if peak is None:
                peak = default if default is not None and low <= default <= high else (low + high) / 2
            elif not low <= peak <= high:
                self.note((*place, peak_name), "lies outside the range", got=f"{peak:g}")
        if kind == "normal":
            sd = spec.sd or (high - low) / 4
        if kind == "loguniform" and low <= 0:
            self.note((*place, "low"), "must be above 0 on a logarithm", got=f"{low:g}")
        whole = field_at(tuple(key.split(".")))[0] is int
        if whole and (low != int(low) or high != int(high)):
            self.note(place, "must be whole numbers", got=f"{low:g} to {high:g}")
        if whole and kind != "uniform":
            if spec.distribution is not None:
                self.note((*place, "distribution"), "whole numbers are uniform", got=kind)
            kind = "uniform"
        design = self.spec.design
        steps = spec.levels or design.levels
        if design.kind == "grid" and steps is None:
            self.note(place, "a grid needs values, or levels for a range", allowed="such as levels: 5")
        if len(self.problems) == before:
            self.factors[place] = Factor(key, _role(key), low, high, kind, (), peak, sd, whole, steps, unit_of(key))

    def _known(self, place: KeyPath, key: str) -> bool:
        """Check that a key names something a scenario has."""
        first, *rest = key.split(".")
        if not _PATH.match(key) or first not in (*LEVERS, "parameters") or field_at((first, *rest))[0] is None:
            self.note(
                place,
                "is not something that can be set here",
                on_key=True,
                allowed="such as interventions.police.intensity, shocks.rumour.at, parameters.b_peer or months",
                hint=_near(first, rest),
            )
            return False
        if self.templates and not any(template.has(key) for template in self.templates):
            sections = (template.root.value.get(first) for template in self.templates)
            there = [
                name for node in sections if node is not None and isinstance(node.value, dict) for name in node.value
            ]
            self.note(
                place,
                f"no scenario of this experiment has {rest[0]} under {first}",
                on_key=True,
                allowed=", ".join(dict.fromkeys(there)) or "none has any",
                hint=nearest(rest[0], there),
            )
            return False
        return True

    def _check_clashes(self) -> None:
        """Refuse two settings of one value."""
        everything = [*(factor.key for factor in self.factors.values()), *self.spec.constants]
        for index, key in enumerate(everything):
            for other in everything[:index]:
                if f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}."):
                    where = "constants" if key in self.spec.constants else "levers"
                    self.note((where, key), "is set twice", on_key=True, hint=f"also by {other}")

    def _try_factors(self) -> None:
        """Set each value that bounds the others in every scenario; what a scenario refuses is reported once."""
        for factor, template in itertools.product(self.factors.values(), self.templates):
            for value in factor.ends:
                try:
                    template.at({factor.key: value})
                except InputError as error:
                    self.problems += [problem for problem in error.problems if problem not in self.problems]


def _role(key: str) -> Literal["uncertainty", "lever"]:
    return "uncertainty" if key.startswith(PREFIX) else "lever"


def _near(first: str, rest: list[str]) -> str:
    """Return the nearest right name of the first part of a key that is wrong."""
    if first not in (*LEVERS, "parameters"):
        return nearest(first, (*LEVERS, "parameters"))
    for depth, name in enumerate(rest):
        kind, _ = field_at((first, *rest[:depth]))
        if isinstance(kind, type) and issubclass(kind, BaseModel) and name not in kind.model_fields:
            return nearest(name, kind.model_fields)
    return ""
