"""Read an experiment file: which scenarios run at which points how often. Every problem is listed at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.errors import InputError, Problem, nearest
from sim.experiment.design import Design
from sim.experiment.ensemble import CENTRAL
from sim.experiment.factors import Factor
from sim.experiment.factors_file import FactorReader
from sim.experiment.file_schema import ExperimentFile
from sim.experiment.until import Until
from sim.parameters import CATALOGUE as PARAMETERS
from sim.region.files import shipped_studies
from sim.scenario import Template, load_template, shipped_scenarios
from sim.scenario.schema import problem_at, shown
from sim.scenario.shape import check_shape
from sim.scenario.text import Node, parse, read_source
from sim.world.outcomes import OUTCOME_NAMES

FILE = "experiment.yaml"
SUFFIXES = ("", ".yaml", ".yml")

USED: dict[str, set[str]] = {
    "grid": {"levels"},
    "list": set(),
    "lhs": {"points"},
    "random": {"points"},
    "sobol": {"points", "second_order"},
    "morris": {"trajectories", "levels"},
    "scenarios": set(),
}
"""Keys each kind of design reads beside ``kind`` and ``seed``."""


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
            known = PARAMETERS.get(factor.key.removeprefix("parameters."))
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
    text = source.text
    parsed = parse(text, str(path))
    if parsed.root is None or not isinstance(parsed.root.value, dict):
        empty = Problem("is not an experiment", file=str(path), line=1, column=1, allowed="a mapping with format: 1")
        return None, parsed.problems or [empty]
    problems = [*parsed.problems, *check_shape(parsed.root, ExperimentFile)[0]]
    if problems:
        return None, problems
    reader = _Reader(path, text, parsed.root, ExperimentFile.model_validate(parsed.root.plain()))
    made = reader.read()
    return (None if reader.problems else made), reader.problems


@dataclass
class _Reader:
    """Holds what one reading needs; collects problems instead of stopping at the first."""

    path: Path
    text: str
    root: Node
    spec: ExperimentFile
    problems: list[Problem] = field(default_factory=list)

    def note(self, path: tuple[Any, ...], what: str, **said: Any) -> None:
        """Collect a problem at a value or, where nothing stands, at the mapping that lacks it."""
        self.problems.append(problem_at(self.root, path, what, **said))

    def read(self) -> Experiment | None:
        spec = self.spec
        for name, example in (("format", "format: 1"), ("scenarios", "such as [baseline_2024]"), ("design", "")):
            if getattr(spec, name) is None:
                self.note((name,), "is missing", allowed=example or "such as {kind: lhs, points: 64}")
        templates = self._templates()
        baseline = self._baseline(templates)
        complete = len(templates) == len(spec.scenarios or ())
        factors = FactorReader(self.root, spec, templates if complete else None, self.problems).read()
        design = self._design(factors)
        replications, until = self._replications(templates)
        if self.problems or design is None:
            return None
        marks = {factor.key: self._mark(factor) for factor in factors}
        return Experiment(
            key=(self.path.absolute().parent.name if self.path.name == FILE else self.path.stem) or "experiment",
            title=spec.title or self.path.stem,
            question=(spec.question or "").strip(),
            expected=(spec.expected or "").strip(),
            templates=tuple(item.with_marks(marks) for item in templates),
            baseline=baseline,
            design=design,
            factors=tuple(factors),
            constants=dict(spec.constants or {}),
            replications=replications,
            until=until,
            citizens=self._citizens(),
            seed=1 if spec.seed is None else spec.seed,
            parameters=spec.parameters or CENTRAL,
            text=self.text,
        )

    def _templates(self) -> list[Template]:
        """Load every scenario with the constants; all their problems are collected."""
        constants = self.root.value.get("constants")
        values = dict(constants.value) if constants is not None and isinstance(constants.value, dict) else {}
        made: list[Template] = []
        for index, name in enumerate(self.spec.scenarios or ()):
            file = self._scenario_file(name)
            if file is None:
                self.note(
                    ("scenarios", index),
                    "there is no such scenario",
                    got=shown(name),
                    allowed="a file beside this one, or a shipped scenario",
                    hint=nearest(name, [*(p.stem for p in self.path.parent.glob("*.yaml")), *shipped_scenarios()]),
                )
                continue
            try:
                template = load_template(file, values)
            except InputError as error:
                self.problems += [problem for problem in error.problems if problem not in self.problems]
                continue
            if any(other.key == template.key for other in made):
                self.note(("scenarios", index), "is given twice", got=shown(name))
            self._check_pairing(index, template, made)
            made.append(template)
        return made

    def _check_pairing(self, index: int, template: Template, before: list[Template]) -> None:
        """Runs are paired over scenarios: all begin alike and last as long."""
        for first in before[:1]:
            for name in ("region", "start_year", "start_month", "months"):
                mine, theirs = getattr(template.base, name), getattr(first.base, name)
                if mine != theirs:
                    self.note(
                        ("scenarios", index),
                        f"has another {name.split('_')[0]} than {first.key}, so that runs cannot be paired",
                        got=template.base.date(0) if name.startswith("start") else str(mine),
                        allowed=first.base.date(0) if name.startswith("start") else str(theirs),
                    )
                    return

    def _scenario_file(self, name: str) -> Path | None:
        """Return the file a scenario's name means: beside this file, else shipped; never anywhere else."""
        if Path(name).name != name:
            return None
        beside = (self.path.parent / f"{name}{suffix}" for suffix in SUFFIXES)
        found = next((file for file in beside if file.is_file()), None)
        return found or (Path(name) if name in shipped_scenarios() else None)

    def _baseline(self, templates: list[Template]) -> str:
        names = list(self.spec.scenarios or ())
        wanted = self.spec.baseline
        if wanted is not None and names and wanted not in names:
            self.note(
                ("baseline",),
                "is not one of the scenarios",
                got=shown(wanted),
                allowed=", ".join(names),
                hint=nearest(wanted, names),
            )
        index = names.index(wanted) if wanted in names else 0
        return templates[index].key if len(templates) == len(names) and templates else ""

    def _design(self, factors: list[Factor]) -> Design | None:
        spec = self.spec.design
        if spec is None:
            return None
        kind = spec.kind
        if kind is None:
            self.note(("design", "kind"), "is missing", allowed=", ".join(USED))
            return None
        for name in ("points", "trajectories", "levels", "second_order"):
            if getattr(spec, name) is not None and name not in USED[kind]:
                self.note(
                    ("design", name),
                    f"a {kind} design has no {name}",
                    on_key=True,
                    allowed=", ".join(sorted({"kind", "seed", *USED[kind]})),
                )
        size = {"morris": "trajectories"}.get(kind, "points")
        if size in USED[kind] and getattr(spec, size) is None:
            self.note(("design", size), "is missing", allowed=f"such as {size}: {64 if size == 'points' else 10}")
        if kind == "sobol" and spec.points is not None and spec.points & (spec.points - 1):
            self.note(("design", "points"), "is not a power of 2", got=str(spec.points), allowed="such as 64 or 128")
        if kind == "morris" and spec.levels is not None and spec.levels % 2:
            self.note(("design", "levels"), "must be even", got=str(spec.levels), allowed="such as 4")
        listed = self.spec.points or ()
        if (kind == "list") != bool(listed):
            what = "is missing: a list design needs its points" if kind == "list" else f"a {kind} design has no points"
            self.note(("points",), what, on_key=True, allowed="one mapping from key to value a point, with kind: list")
        given = bool(self.spec.uncertainties or self.spec.levers)
        if kind in ("list", "scenarios") and given:
            where = "uncertainties" if self.spec.uncertainties else "levers"
            self.note((where,), f"a {kind} design takes no factors", on_key=True)
        elif kind not in ("list", "scenarios") and not given:
            self.note(("design", "kind"), f"a {kind} design needs uncertainties or levers", got=kind)
        return Design(
            kind=kind,
            size=getattr(spec, size) or 0,
            seed=1 if spec.seed is None else spec.seed,
            levels=spec.levels or 4,
            second_order=bool(spec.second_order),
            listed=tuple(dict(point) for point in listed),
        )

    def _replications(self, templates: list[Template]) -> tuple[int, Until | None]:
        spec = self.spec.until
        if self.spec.replications is not None and spec is not None:
            self.note(("until",), "stands beside replications", on_key=True, allowed="one of the two")
        if spec is None:
            return self.spec.replications or 1, None
        for name in ("outcome", "width", "at_most"):
            if getattr(spec, name) is None:
                self.note(("until", name), "is missing")
        if spec.outcome is not None and spec.outcome not in OUTCOME_NAMES:
            self.note(
                ("until", "outcome"),
                "no outcome is called that",
                got=shown(spec.outcome),
                allowed="see: stabsim catalogue outcomes",
                hint=nearest(spec.outcome, OUTCOME_NAMES),
            )
        least, most = spec.at_least or 16, spec.at_most or 0
        if spec.at_most is not None and most < least:
            self.note(("until", "at_most"), "is less than at_least", got=str(most), allowed=f"{least} or more")
        contrast = spec.contrast or "difference"
        if contrast == "difference" and len(self.spec.scenarios or ()) < 2:
            self.note(
                ("until",), "a difference needs a baseline and another scenario", allowed="contrast: mean for one"
            )
        if templates and spec.scope not in (None, "region"):
            from sim.region import find_region, load_region

            base = templates[0].base
            states = load_region(find_region(base.region), base.start_year).states
            if spec.scope not in states:
                self.note(
                    ("until", "scope"),
                    "the region has no such state",
                    got=shown(spec.scope),
                    allowed=", ".join(("region", *states)),
                    hint=nearest(str(spec.scope), states),
                )
        rule = Until(
            outcome=spec.outcome or "",
            scope=spec.scope or "region",
            contrast=contrast,
            width=spec.width or 0.0,
            at_least=least,
            at_most=most,
            step=spec.step or least,
        )
        return most, rule

    def _citizens(self) -> int | str:
        value = self.spec.citizens
        if value is None:
            return 20_000
        if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
            return value  # type: ignore[no-any-return]
        self.note(("citizens",), "is not a number of citizens", got=shown(value), allowed="a whole number, or all")
        return 1

    def _mark(self, factor: Factor) -> Any:
        """Return where a factor stands, for messages about the values it takes."""
        for path in (
            ("uncertainties", factor.key.removeprefix("parameters.")),
            ("levers", factor.key),
            ("points", 0, factor.key),
            ("uncertainties", "all"),
        ):
            key, value = self.root.find(path)
            if key != self.root.find(path[:-1])[0]:
                return value
        return self.root.mark
