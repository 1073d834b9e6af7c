"""From a merged tree to a resolved scenario: names against the region and the catalogue, dates into months.

The public door stands first: load a scenario, check a file, or keep one as a template whose values a design changes
before it is resolved. Below, one section of the file after the other is resolved; everything wrong is collected, and
listed at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.errors import Problem, RegionError, ScenarioError
from sim.interventions import (
    PATTERN_OPTIONS,
    QUANTITIES,
    SCRIPTED,
    SHARES,
    CatalogueEntry,
    OwnEntry,
    ShockType,
    catalogue,
)
from sim.parameters import CATALOGUE as PARAMETERS
from sim.parameters.theories import THEORIES, stances
from sim.region import Region, find_region, load_region
from sim.region.files import is_file
from sim.region.slips import written
from sim.scenario.hints import MAX_PROBLEMS, Kind, entries, meant, mission_hint, near, place_hint, type_hint
from sim.scenario.layers import SET, Expanded, Layers, expand, find_scenario, laid_over, read_layers
from sim.scenario.records import (
    INDICATORS,
    Budget,
    Condition,
    Programme,
    Scenario,
    Shock,
    Targets,
    Trigger,
    catalogue_cost,
)
from sim.scenario.schema import (
    LABELLED,
    BudgetFile,
    ConditionFile,
    DefinitionFile,
    ProgrammeFile,
    ScenarioFile,
    ShockFile,
    TargetsFile,
    TriggerFile,
)
from sim.scenario.text import KeyPath, Mark, Node, dotted, node_of, problem_at, shown
from sim.scenario.warn import warn

RegionCache = dict[tuple[Path, int], Region]
"""Regions already loaded, by folder and year."""
_REGIONS: RegionCache = {}
"""Regions of templates that came to a worker process, kept for its next tasks."""


def load_scenario(path_or_name: str | Path, set_: Sequence[str] = (), regions: RegionCache | None = None) -> Scenario:
    """Load a scenario file or a shipped scenario.

    Parameters
    ----------
    path_or_name : str or Path
        A file, or the name of a shipped scenario such as ``baseline_2024``.
    set_ : sequence of str
        Overrides such as ``interventions.police.intensity=0.5``; they win over the file and its parents.
    regions : dict, optional
        Regions already loaded; hand the same one over when loading many scenarios.

    Returns
    -------
    Scenario
        Resolved; its ``warnings`` hold what is allowed but worth a second look.

    Raises
    ------
    ScenarioError
        With every problem of every file read.
    """
    path = find_scenario(path_or_name)
    scenario, problems = _resolved(_key(path), read_layers(path, set_), {} if regions is None else regions)
    if scenario is None:
        raise ScenarioError(problems)
    return scenario


def validate_file(
    path: str | Path, set_: Sequence[str] = (), regions: RegionCache | None = None
) -> tuple[list[Problem], list[Problem]]:
    """Check a scenario file without raising, with the parameters of `load_scenario`.

    Returns
    -------
    tuple of two lists of Problem
        What is wrong (empty when the file can be used) and what is worth a second look.
    """
    try:
        return [], list(load_scenario(path, set_, regions).warnings)
    except ScenarioError as error:
        return error.problems, []


def _key(path: Path) -> str:
    """Return the file's name as a key: letters, digits, dot, dash and underscore."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem).lstrip(".-") or "scenario"


@dataclass(frozen=True, eq=False)
class Template:
    """A scenario as it is written, whose values design points change before it is resolved.

    A value changes what follows from it: a cost that the file leaves to the catalogue moves with the intensity.
    ``root`` is the merged tree that ``base`` was resolved from; ``marks`` says where each key that points set stands
    in a file, for messages. Small enough to send to a worker.
    """

    base: Scenario
    root: Node
    marks: Mapping[str, Mark] = field(default_factory=dict, repr=False)
    regions: RegionCache = field(default_factory=dict, repr=False)

    @property
    def key(self) -> str:
        """The scenario's key."""
        return self.base.key

    def has(self, key: str) -> bool:
        """Tell whether a dotted key can act here."""
        return acts_in(self.root, key)

    def with_marks(self, marks: Mapping[str, Mark]) -> Template:
        """Return the template with places for the keys that points set."""
        return replace(self, marks=dict(marks))

    def at(self, point: Mapping[str, Any]) -> Scenario:
        """Resolve the scenario with a point's values; keys that cannot act here are passed over.

        Parameters
        ----------
        point : mapping
            Dotted key, as in ``--set``, to a number, a text or a list of texts.

        Raises
        ------
        ScenarioError
            With everything wrong with the values.
        """
        plain = {key.removeprefix("parameters."): value for key, value in point.items() if _needs_no_check(key, value)}
        others = {
            key: node_of(value, self.marks.get(key, Mark("")))
            for key, value in point.items()
            if not _needs_no_check(key, value) and self.has(key)
        }
        scenario = self.base
        if others:
            made, problems = _resolved(self.key, laid_over(self.root, others, self.base.files), self.regions)
            if made is None:
                raise ScenarioError(problems)
            scenario = made
        if plain:
            merged = {**scenario.parameters, **{name: float(value) + 0.0 for name, value in plain.items()}}
            scenario = replace(scenario, parameters=dict(sorted(merged.items())))
        return scenario

    def written(self) -> dict[str, Any]:
        """Return the tree as plain values; with the key it makes the same template again."""
        return {**self.root.plain(), "region": self.base.region}

    def __getstate__(self) -> dict[str, Any]:
        return {"base": self.base, "root": self.root, "marks": self.marks}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in {**state, "regions": _REGIONS}.items():
            object.__setattr__(self, name, value)


def load_template(path_or_name: str | Path, constants: Mapping[str, Node] | None = None) -> Template:
    """Load a scenario file or a shipped scenario, to be changed by points.

    Parameters
    ----------
    path_or_name : str or Path
        As in `load_scenario`.
    constants : mapping, optional
        Values that hold in every point, each a node with its place; keys that cannot act here are passed over.

    Raises
    ------
    ScenarioError
        With every problem of every file read.
    """
    path = find_scenario(path_or_name)
    layers = read_layers(path)
    if layers.root is not None and constants:
        root = layers.root
        over = laid_over(root, {key: node for key, node in constants.items() if acts_in(root, key)}, layers.files)
        layers = replace(over, problems=[*layers.problems, *over.problems], complete=layers.complete)
    return _template(_key(path), layers)


def template_of(key: str, written: Mapping[str, Any]) -> Template:
    """Make a template again out of what `Template.written` returned."""
    return _template(key, Layers(node_of(dict(written), Mark(key)), []))


def _template(key: str, layers: Layers) -> Template:
    regions: RegionCache = {}
    scenario, problems = _resolved(key, layers, regions)
    if scenario is None or layers.root is None:
        raise ScenarioError(problems)
    return Template(scenario, layers.root, regions=regions)


def acts_in(root: Node, key: str) -> bool:
    """Tell whether a dotted key can act in a merged tree: one of a programme or shock that is not there cannot."""
    first, *rest = key.split(".")
    if first not in LABELLED or not rest:
        return True
    item = root.items(first).get(rest[0])
    if item is None or item.value is None:
        return False
    return first != "packages" or rest[1:2] != ["interventions"] or acts_in(item, ".".join(rest[1:]))


def _needs_no_check(key: str, value: Any) -> bool:
    """Tell whether a value is that of a parameter, within its bounds."""
    known = PARAMETERS.get(key.removeprefix("parameters.")) if key.startswith("parameters.") else None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return known is not None and number and known.hard_low <= value <= known.hard_high


def _resolved(key: str, layers: Layers, regions: RegionCache) -> tuple[Scenario | None, list[Problem]]:
    """Resolve merged layers; no scenario when anything is wrong. Problems stand in the order of their places."""
    problems, scenario = list(layers.problems), None
    if layers.root is not None:
        resolver = _Resolver(key, layers, expand(layers.root), regions)
        scenario = resolver.scenario()
        problems += resolver.problems
    files = list(dict.fromkeys(problem.file for problem in problems))
    problems.sort(key=lambda one: (files.index(one.file), one.line or 0, one.column or 0))
    if len(problems) >= MAX_PROBLEMS:
        what, hint = "has too many problems to list them all", "mend these and check again"
        problems = [*problems[:MAX_PROBLEMS], Problem(what, file=problems[0].file, hint=hint)]
    return (None if problems else scenario), problems


# The sections of a file ----------------------------------------------------------------------------------------------

_NEEDED = {"start": "2024-01", "months": "120", "region": "western_balkans"}
_NEEDED_OF_OWN = {
    "name": "a name for people",
    "provider": "who runs it, such as civil_society",
    "approval": "who must agree, such as none",
    "dose": "what intensity 1 means, such as {unit: share of villages}",
    "cost": "such as {meur_per_year: 2, per: programme}",
    "channels": "a list such as [{lever: tension, size: -0.1, lag_months: 6, halflife_months: 12}]",
}
_ONE = {"states": "state", "districts": "district", "communities": "community"}
_DRAWABLE = ("impulse", "rumour")
"""Patterns of shocks that may be drawn."""
_MEMBERS = "labels of interventions or packages of this scenario"


class _EnoughError(Exception):
    """Too many problems to go on."""


class _Resolver:
    """Resolves the sections of one file; collects problems instead of stopping at the first."""

    def __init__(self, key: str, layers: Layers, packages: Expanded, regions: RegionCache) -> None:
        guessed = {found for problem in layers.problems if (found := meant(problem))}
        self.key = key
        self.files = layers.files
        self.root = packages.root
        self.spec = ScenarioFile.model_validate(packages.root.plain())
        self.packages = packages
        self.damaged = {problem.key for problem in layers.problems if problem.key} | guessed
        self.complete = layers.complete and "extends" not in guessed
        self.regions = regions
        self.problems = list(packages.problems)
        self.own: dict[str, OwnEntry] = {}
        self.region: Region | None = None
        self.start = _year_month(self.spec.start) if self.spec.start else None

    def problem(self, path: KeyPath, what: str, *, at: str = "", **said: Any) -> Problem:
        """Return a problem at a path of the tree, under the key of the file."""
        return problem_at(self.root, path, what, at=at or dotted(self.packages.written(path)), **said)

    def note(self, path: KeyPath, what: str, **said: Any) -> None:
        """Collect a problem, unless that very value was already complained about.

        Nothing is called missing when a parent that might hold it could not be read.
        """
        if what == "is missing" and not self.complete:
            return
        as_written = self.packages.written(path)
        whole = f"{dotted(as_written)}["
        lost = any(dotted(as_written[:depth]) in self.damaged for depth in range(1, len(as_written) + 1))
        if not lost and not any(key.startswith(whole) for key in self.damaged):
            self.problems.append(self.problem(path, what, **said))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _EnoughError

    def scenario(self) -> Scenario | None:
        """Return the scenario, or None when there are problems."""
        try:
            return self._scenario()
        except _EnoughError:
            return None

    def _scenario(self) -> Scenario | None:
        spec = self.spec
        for name, example in _NEEDED.items():
            if getattr(spec, name) is None:
                self.note((name,), "is missing", allowed=f"{name}: {example}, or extends: a scenario that has it")
        region_name = self.load_region()
        for key, definition in _given(spec.define):
            self.define(key, definition)
        programmes = [self.programme(key, item) for key, item in _given(spec.interventions)]
        shocks = [self.shock(key, item) for key, item in _given(spec.shocks)]
        theories = self.theories()
        parameters = {**stances(theories), **self.parameters()}
        taken: dict[str, str] = {}
        budgets = [self.budget(key, item, taken) for key, item in _given(spec.budgets)]
        if self.problems or self.damaged or self.start is None or self.region is None or spec.months is None:
            return None
        scenario = Scenario(
            key=self.key,
            title=spec.title or self.key,
            description=spec.description or "",
            region=region_name,
            start_year=self.start[0],
            start_month=self.start[1],
            months=spec.months,
            institutions=spec.institutions,
            interventions=tuple(one for one in programmes if one is not None),
            shocks=tuple(one for one in shocks if one is not None),
            parameters=dict(sorted(parameters.items())),
            effects=spec.effects,
            budgets=tuple(sorted(budgets, key=lambda one: one.key)),
            theories=theories,
            origins=_origins(self.root),
            files=self.files,
        )
        object.__setattr__(scenario, "warnings", tuple(warn(scenario, self.region, self.problem)))
        return scenario

    # The region, and what is looked up in it

    def load_region(self) -> str:
        """Load the region the file names; return how the scenario shall name it."""
        name = self.spec.region
        if name is None or self.start is None:
            return ""
        written_in = self.root.find(("region",))[1].file
        folder = Path() if written_in.startswith(SET) else Path(written_in).parent
        try:
            place = _region_folder(name, folder)
        except RegionError as error:
            (problem,) = error.problems
            self.note(("region",), problem.what, got=shown(name), allowed=problem.allowed, hint=problem.hint)
            return ""
        where = (place, self.start[0])
        try:
            if where not in self.regions:
                self.regions[where] = load_region(*where)
            self.region = self.regions[where]
        except RegionError as error:
            if all(problem.key == "year" for problem in error.problems):
                for problem in error.problems:
                    self.note(("start",), problem.what, got=problem.got, allowed=problem.allowed)
                return ""
            hint = "its files are listed below"
            self.note(("region",), "cannot be used", got=shown(name), hint=hint)
            self.problems += error.problems
            return ""
        try:
            return name if find_region(name).resolve() == place else str(place)
        except RegionError:
            return str(place)

    def targets(self, path: KeyPath, spec: TargetsFile | None) -> Targets:
        """Check every target against the region."""
        if spec is None:
            return Targets()
        made = []
        for name in ("states", "districts", "communities"):
            given: list[str] | None = getattr(spec, name)
            if given is not None and not given:
                self.note((*path, name), "is empty", allowed=f"at least one, or leave {name} out for all")
            for index, item in enumerate(given or []):
                if item in (given or [])[:index]:
                    self.note((*path, name, index), "is given twice", got=shown(item))
                self.check_place((*path, name, index), item, name)
            made.append(tuple(sorted(given or ())))
        return Targets(*made)

    def check_place(self, path: KeyPath, item: str, kind: str, also: tuple[str, ...] = ()) -> None:
        """Complain about a state, district or community the region does not have."""
        known: tuple[str, ...] = getattr(self.region, kind) if self.region is not None else (item,)
        if item not in known and self.region is not None:
            allowed = ", ".join((*also, *known)) if len(known) <= 30 else f"one of {len(known)} {kind} of the region"
            hint = place_hint(item, kind, self.region, only=bool(also))
            self.note(path, f"the region has no such {_ONE[kind]}", got=shown(item), allowed=allowed, hint=hint)

    def month_of(self, path: KeyPath, date: str | None) -> int:
        """Return months from the scenario's start to a date; complain when it lies before."""
        if date is None or self.start is None:
            return 0
        year, month = _year_month(date)
        after = (year - self.start[0]) * 12 + month - self.start[1]
        if after < 0:
            self.note(path, "lies before the scenario starts", got=date, allowed=f"{self.spec.start} or later")
        return after

    def type_of(self, path: KeyPath, name: str | None, what: Kind) -> Any:
        """Return the catalogue's entry for a type, or that of the file."""
        allowed = f"one of {len(entries(what))}: see stabsim catalogue {what}s"
        if name is None:
            items: dict[str, Any] = getattr(self.spec, f"{what}s")
            typed = [key for key, item in _given(items) if item.type is not None]
            hint = near(path[-1], typed) or type_hint(path[-1], what)
            self.note((*path, "type"), "is missing", allowed=allowed, hint=hint)
            return None
        own = self.own if what == "intervention" else {}
        entry = catalogue().intervention(name) if what == "intervention" else catalogue().shocks.get(name)
        entry = own.get(name) or entry
        if entry is None and not (what == "intervention" and name in self.spec.define):
            hint = near(name, own) or type_hint(name, what)
            self.note((*path, "type"), f"no {what} is called that", got=shown(name), allowed=allowed, hint=hint)
        return entry

    # Interventions of the file's own

    def define(self, key: str, spec: DefinitionFile) -> None:
        """Take in one definition as an entry of the catalogue, after complaining about what is missing or wrong."""
        path = ("define", key)
        if catalogue().intervention(key) is not None:
            self.note(path, "is a type of the catalogue", on_key=True, hint="another name for one of your own")
        missing: dict[KeyPath, str] = {
            (name,): allowed for name, allowed in _NEEDED_OF_OWN.items() if getattr(spec, name) is None
        }
        if spec.dose is not None and spec.dose.unit is None:
            missing["dose", "unit"] = "what the dose counts"
        if spec.cost is not None and spec.cost.meur_per_year is None:
            missing["cost", "meur_per_year"] = "0 to 100000"
        for names, allowed in missing.items():
            self.note((*path, *names), "is missing", allowed=allowed)
        if missing:
            return
        said = {"requesters": [spec.provider], "text": "Defined in the scenario."}
        content = {**said, **spec.model_dump(exclude_none=True), "row": key, "key": key}
        try:
            self.own[key] = OwnEntry.model_validate(content)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                self.note((*path, *item["loc"]), str(item.get("ctx", {}).get("error", item["msg"])))

    # Programmes, their conditions and budgets

    def programme(self, key: str, spec: ProgrammeFile) -> Programme | None:
        """Return one programme, or None where its type is unknown."""
        path = ("interventions", key)
        entry: CatalogueEntry | None = self.type_of(path, spec.type, "intervention")
        targets = self.targets((*path, "targets"), spec.targets)
        start = self.month_of((*path, "start"), spec.start)
        stop_when = self.condition((*path, "stop_when"), spec.stop_when)
        when = self.trigger((*path, "when"), spec.when)
        if entry is None:
            return None
        quantity = self.quantity(path, spec, entry)
        usual = catalogue_cost(entry, targets, spec.intensity, quantity, self.region)
        return Programme(
            key=key,
            type=entry.row,
            entry=entry,
            provider=spec.provider or entry.provider,
            targets=targets,
            start=start,
            months=spec.months,
            intensity=spec.intensity,
            quantity=quantity,
            meur_per_year=usual if spec.meur_per_year is None else spec.meur_per_year,
            approval=spec.approval or entry.approval,
            when=when,
            stop_when=stop_when,
        )

    def quantity(self, path: KeyPath, spec: ProgrammeFile, entry: CatalogueEntry) -> dict[str, int]:
        """Return the head counts of a programme: exactly the one its type calls for."""
        wanted = entry.dose.quantity
        for name in QUANTITIES:
            if name != wanted and getattr(spec, name) is not None:
                what = f"{entry.row} ({entry.key}) has no {name}"
                self.note((*path, name), what, on_key=True, allowed=wanted or "intensity")
        if wanted is None:
            return {}
        count = getattr(spec, wanted)
        if count is None:
            self.note((*path, wanted), "is missing", allowed=f"such as {wanted}: 1000")
        return {wanted: count or 0}

    def condition(self, path: KeyPath, spec: ConditionFile | None) -> Condition | None:
        """Return the condition that ends a programme; complain about what does not exist, and no level or two."""
        if spec is None:
            return None
        if spec.indicator is None:
            self.note((*path, "indicator"), "is missing", allowed="the name of an outcome, such as tension")
        elif spec.indicator not in INDICATORS:
            allowed = f"one of {len(INDICATORS)}: see stabsim catalogue outcomes"
            hint = near(spec.indicator, INDICATORS)
            what = "no outcome is called that"
            self.note((*path, "indicator"), what, got=shown(spec.indicator), allowed=allowed, hint=hint)
        if (spec.above is None) == (spec.below is None):
            got, hint = ("neither", "such as above: 0.5") if spec.above is None else ("both", "keep one of them")
            self.note(path, "needs one of above and below", got=got, hint=hint)
        if spec.in_ != "region":
            self.check_place((*path, "in"), spec.in_, "states", also=("region",))
        return Condition(spec.indicator or "", spec.above, spec.below, spec.for_months, spec.in_)

    def trigger(self, path: KeyPath, spec: TriggerFile | None) -> Trigger | None:
        """Return the condition that starts a programme and may switch it off, at a level on its other side."""
        condition = self.condition(path, spec)
        if spec is None or condition is None:
            return None
        levels = (("above", "until_below", "until_above"), ("below", "until_above", "until_below"))
        for name, on, off in levels:
            level, second = getattr(spec, name), getattr(spec, on)
            if level is None:
                continue
            if getattr(spec, off) is not None and spec.above != spec.below:
                self.note((*path, off), f"does not go with {name}", on_key=True, allowed=on)
            if second is not None and (second > level if name == "above" else second < level):
                what, bound = f"lies {name} the level that switches on", "at most" if name == "above" else "at least"
                self.note((*path, on), what, got=written(second), allowed=f"{bound} {written(level)}")
        until_name = "until_below" if spec.above is not None else "until_above"
        until = getattr(spec, until_name)
        if until is None and "dwell_months" in spec.model_fields_set:
            what = "needs a level that switches off"
            self.note((*path, "dwell_months"), what, on_key=True, allowed=f"beside it {until_name}")
        return Trigger(**vars(condition), until=until, delay_months=spec.delay_months, dwell_months=spec.dwell_months)

    def budget(self, key: str, spec: BudgetFile, taken: dict[str, str]) -> Budget:
        """Return one shared ceiling, with packages replaced by their members; ``taken`` says whose budget is whose."""
        path = ("budgets", key)
        if spec.meur_per_year is None:
            self.note((*path, "meur_per_year"), "is missing", allowed="0 to 100000, million euro a year")
        if not spec.members:
            self.note((*path, "members"), "is missing" if spec.members is None else "is empty", allowed=_MEMBERS)
        programmes = [label for label, _ in _given(self.spec.interventions)]
        known = [*programmes, *self.packages.members]
        members: list[str] = []
        for index, name in enumerate(spec.members or []):
            at = (*path, "members", index)
            found = self.packages.members.get(name) or [name] * (name in programmes)
            if not found:
                allowed = _MEMBERS if len(known) > 30 else ", ".join(known) or _MEMBERS
                what = "there is no such member"
                self.note(at, what, got=shown(name), allowed=allowed, hint=near(name, known))
            for label in found:
                if label in taken:
                    where = "twice in this budget" if taken[label] == key else f"also in the budget {taken[label]}"
                    self.note(at, f"is {where}", got=shown(label), hint="a programme belongs to one budget")
                taken[label] = key
            members += found
        return Budget(key, spec.meur_per_year or 0.0, tuple(sorted(members)))

    # Shocks

    def shock(self, key: str, spec: ShockFile) -> Shock | None:
        """Return one shock, or None where its type is unknown."""
        path = ("shocks", key)
        entry: ShockType | None = self.type_of(path, spec.type, "shock")
        targets = self.targets((*path, "targets"), spec.targets)
        if spec.at is None and spec.rate is None and dotted((*path, "rate")) not in self.damaged:
            self.note((*path, "at"), "is missing", allowed="a month such as 2025-03")
        at = self.month_of((*path, "at"), spec.at)
        if entry is None:
            return None
        if entry.pattern in ("mission", "division") and spec.targets is not None:
            self.note((*path, "targets"), f"a shock of type {entry.key} has no targets", on_key=True)
        if entry.pattern in SCRIPTED:
            self.check_scripted(path, entry, targets, spec.magnitude)
        return Shock(
            key=key,
            type=entry.key,
            entry=entry,
            targets=targets,
            at=at,
            week=spec.week,
            magnitude=spec.magnitude,
            options=self.options(path, spec, entry),
            rate=self.rate(path, spec, entry),
        )

    def rate(self, path: KeyPath, spec: ShockFile, entry: ShockType) -> float | None:
        """Return the yearly rate of a drawn shock: the one given, or the catalogue's."""
        if spec.rate is None:
            return None
        if entry.pattern not in _DRAWABLE:
            what = f"a shock of type {entry.key} cannot be drawn"
            self.note((*path, "rate"), what, on_key=True, allowed="at, the month it hits")
        for name in ("at", "week"):
            if name in spec.model_fields_set:
                self.note((*path, name), "does not go with rate: a drawn shock has no date", on_key=True)
        if spec.rate != "catalogue":
            return float(spec.rate) + 0.0
        if entry.rate_per_year is None:
            what = f"the catalogue has no rate for {entry.key}"
            self.note((*path, "rate"), what, allowed="a number of shocks a year")
        return entry.rate_per_year

    def options(self, path: KeyPath, spec: ShockFile, entry: ShockType) -> dict[str, Any]:
        """Return the options of a shock: those of its pattern, no others."""
        known = PATTERN_OPTIONS[entry.pattern]
        for name in ("mission", "months", "remaining", "posture", "level"):
            if name not in known and name in spec.model_fields_set:
                what = f"a shock of type {entry.key} has no {name}"
                self.note((*path, name), what, on_key=True, allowed=", ".join(known))
        for name, example in (("posture", "police"), ("level", "0.35")):
            if name in known and getattr(spec, name) is None:
                self.note((*path, name), "is missing", allowed=f"such as {name}: {example}")
        mission = {"mission": self.mission((*path, "mission"), spec)} if "mission" in known else {}
        return {**{name: getattr(spec, name) for name in known}, **mission}

    def check_scripted(self, path: KeyPath, entry: ShockType, targets: Targets, magnitude: float) -> None:
        """Check a shock that fixes a part of a conflict: it names communities of states, as a whole."""
        for name, example in (("states", "[XKX]"), ("communities", "[albanian]")):
            if not getattr(targets, name):
                what = f"a shock of type {entry.key} names {name}"
                self.note((*path, "targets"), what, got="none", allowed=f"such as {name}: {example}")
        if targets.districts:
            what = f"a shock of type {entry.key} acts on communities of states, not on districts"
            self.note((*path, "targets", "districts"), what, on_key=True)
        at, got = (*path, "magnitude"), written(magnitude)
        if entry.pattern == "posture" and magnitude not in (0.0, 1.0):
            self.note(at, "a posture is taken or not", got=got, allowed="0 or 1")
        elif entry.pattern in SHARES and magnitude > 1.0:
            self.note(at, "is too large", got=got, allowed=f"0 to 1 for {entry.key}")

    def mission(self, path: KeyPath, spec: ShockFile) -> str:
        """Return the key of a standing mission."""
        missions = self.region.missions if self.region else ()
        standing = [item.key for item in missions if spec.at is None or item.persons(*_year_month(spec.at)) > 0]
        allowed = ", ".join(standing)
        if spec.mission is None:
            self.note(path, "is missing", allowed=allowed)
            return ""
        got = shown(spec.mission)
        found = [mission for mission in missions if mission.key.casefold() == spec.mission.casefold()]
        if self.region is not None and not found:
            hint = mission_hint(spec.mission, [item for item in missions if item.key in standing])
            self.note(path, "the region has no such mission", got=got, allowed=allowed, hint=hint)
        elif found and found[0].key not in standing:
            self.note(path, f"the mission does not stand in {spec.at}", got=got, allowed=allowed)
        return found[0].key if found else spec.mission

    # Theories and parameters

    def theories(self) -> dict[str, str]:
        """Return the chosen stances by theory, those that are the model's own left out."""
        made = {}
        for name, chosen in sorted(self.spec.theories.items()):
            theory = THEORIES.get(name)
            if theory is None:
                allowed, hint = ", ".join(THEORIES), near(name, THEORIES)
                self.note(("theories", name), "no theory is called that", on_key=True, allowed=allowed, hint=hint)
            elif chosen is not None:
                known = [stance.key for stance in theory.stances]
                if chosen not in known:
                    what, hint = f"is no stance of the theory {name}", near(chosen, known)
                    self.note(("theories", name), what, got=shown(chosen), allowed=", ".join(known), hint=hint)
                made[name] = chosen
        return made

    def parameters(self) -> dict[str, float]:
        """Return the overrides, sorted by name, within the bounds the model accepts."""
        for name, value in sorted(self.spec.parameters.items()):
            path, known = ("parameters", name), PARAMETERS.get(name)
            if known is None:
                allowed = f"one of {len(PARAMETERS)}: see stabsim catalogue parameters"
                what, hint = "no parameter is called that", near(name, PARAMETERS)
                self.note(path, what, on_key=True, allowed=allowed, hint=hint)
            elif value is not None and not known.hard_low <= value <= known.hard_high:
                allowed = f"{known.hard_low:g} to {known.hard_high:g} {known.unit}"
                self.note(path, "is outside what the model accepts", got=written(value), allowed=allowed)
        return dict(sorted(_given(self.spec.parameters)))


def _given(section: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Yield the labels and items of a section, without those that are cleared."""
    return [(key, item) for key, item in section.items() if item is not None]


def _year_month(date: str) -> tuple[int, int]:
    return int(date[:4]), int(date[5:7])


def _region_folder(name: str, folder: Path) -> Path:
    """Return the folder of a region: below or beside the file that names it, shipped, or a path."""
    for path in (folder / "regions" / name, folder / name):
        if is_file(path / "region.toml"):
            return path.resolve()
    return find_region(name).resolve()


def _origins(root: Node) -> dict[str, str]:
    """Return where every value of a merged tree was written, by dotted key."""
    found: dict[str, str] = {}
    stack: list[tuple[KeyPath, Node]] = [((), root)]
    while stack:
        path, node = stack.pop()
        if isinstance(node.value, dict):
            stack += [((*path, key), child) for key, child in node.value.items()]
        elif node.value is not None:
            mark = node.mark
            name = Path(mark.file).name if mark.line is not None else mark.file.split(" ")[0]
            found[dotted(path)] = f"{name}:{mark.line}" if mark.line is not None else name
    return dict(sorted(found.items()))
