"""Resolve a merged file into a `Scenario`: names against the region and the catalogue, dates into months."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.errors import Problem, RegionError
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
from sim.region import Mission, Region, find_region, load_region
from sim.region.files import is_file
from sim.region.read import nearest
from sim.region.slips import fold, written
from sim.scenario.conditions import condition, trigger
from sim.scenario.cost import catalogue_cost
from sim.scenario.names import Kind, entries, parameter_hint, type_hint
from sim.scenario.own import definitions
from sim.scenario.packages import Expanded
from sim.scenario.places import place_hint
from sim.scenario.records import Budget, Programme, Scenario, Shock, Targets
from sim.scenario.schema import (
    ProgrammeFile,
    ScenarioFile,
    ShockFile,
    TargetsFile,
    dotted,
    problem_at,
    shown,
)
from sim.scenario.shape import MAX_PROBLEMS
from sim.scenario.text import Node
from sim.scenario.warn import warn

KeyPath = tuple[Any, ...]
RegionCache = dict[tuple[Path, int], Region]
SHOCK_MONTHS = 12


class _Enough(Exception):
    """So much is wrong that looking further helps nobody."""


@dataclass
class Resolver:
    """Holds what one resolution needs; collects problems instead of stopping at the first."""

    key: str
    root: Node
    spec: ScenarioFile
    packages: Expanded
    damaged: frozenset[str]
    complete: bool
    regions: RegionCache
    problems: list[Problem] = field(default_factory=list)
    own: dict[str, OwnEntry] = field(default_factory=dict)
    region: Region | None = None
    start: tuple[int, int] | None = None

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
            at = said.pop("at", "") or dotted(as_written)
            self.problems.append(problem_at(self.root, path, what, at=at, **said))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Enough

    def resolve(self, files: dict[str, str]) -> Scenario | None:
        """Return the scenario, or None when there are problems; ``files`` are those it was read from."""
        try:
            return self._resolve(files)
        except _Enough:
            return None

    def _resolve(self, files: dict[str, str]) -> Scenario | None:
        """Return the scenario, or None when there are problems; ``files`` are those it was read from."""
        spec = self.spec
        for name, example in (
            ("start", "2024-01"),
            ("months", "120"),
            ("region", "western_balkans"),
        ):
            if getattr(spec, name) is None:
                self.note((name,), "is missing", allowed=f"{name}: {example}, or extends: a scenario that has it")
        self.start = _month(spec.start) if spec.start else None
        region_name = self._load_region()
        self.own = definitions(self)
        programmes = [
            made
            for key, item in (spec.interventions or {}).items()
            if item is not None
            for made in [self._programme(key, item)]
            if made is not None
        ]
        shocks = [
            made
            for key, shock in (spec.shocks or {}).items()
            if shock is not None
            for made in [self._shock(key, shock)]
            if made is not None
        ]
        theories = self._theories()
        parameters = {**stances(theories), **self._parameters()}
        budgets = self._budgets()
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
            institutions=spec.institutions or "scripted",
            interventions=tuple(programmes),
            shocks=tuple(shocks),
            parameters=dict(sorted(parameters.items())),
            effects=spec.effects or "central",
            budgets=budgets,
            theories=theories,
            origins=origins(self.root),
            files=files,
        )
        object.__setattr__(scenario, "warnings", tuple(map(self.packages.told, warn(scenario, self.region, self.root))))
        return scenario

    def _load_region(self) -> str:
        """Load the region the file names; return how the scenario shall name it."""
        name = self.spec.region
        if name is None or self.start is None:
            return ""
        written = self.root.find(("region",))[1].file
        folder = Path() if written.startswith("--set") else Path(written).parent
        try:
            place = _region_folder(name, folder)
        except RegionError as error:
            (problem,) = error.problems
            self.note(("region",), problem.what, got=shown(name), allowed=problem.allowed, hint=problem.hint)
            return ""
        try:
            where = (place, self.start[0])
            if where not in self.regions:
                self.regions[where] = load_region(*where)
            self.region = self.regions[where]
        except RegionError as error:
            self._note_region(name, error.problems)
            return ""
        try:
            return name if find_region(name).resolve() == place else str(place)
        except RegionError:
            return str(place)

    def _note_region(self, name: str, problems: list[Problem]) -> None:
        """Collect what is wrong with the region: a year without values, or its own files."""
        if all(problem.key == "year" for problem in problems):
            for problem in problems:
                self.note(("start",), problem.what, got=problem.got, allowed=problem.allowed)
            return
        hint = "its files are listed below" if problems else ""
        self.note(("region",), "cannot be used", got=shown(name), hint=hint)
        self.problems += problems

    def _month_of(self, path: KeyPath, date: str | None) -> int:
        """Return months from the scenario's start to a date; complain when it lies before."""
        if date is None or self.start is None:
            return 0
        year, month = _month(date)
        after = (year - self.start[0]) * 12 + month - self.start[1]
        if after < 0:
            self.note(path, "lies before the scenario starts", got=date, allowed=f"{self.spec.start} or later")
        return after

    def _programme(self, key: str, spec: ProgrammeFile) -> Programme | None:
        path = ("interventions", key)
        entry: CatalogueEntry | None = self._type(path, spec.type, "intervention", self.spec.interventions or {})
        targets = self._targets((*path, "targets"), spec.targets)
        start = self._month_of((*path, "start"), spec.start)
        stop_when = condition(self, (*path, "stop_when"), spec.stop_when)
        when = trigger(self, (*path, "when"), spec.when)
        if entry is None:
            return None
        quantity = self._quantity(path, spec, entry)
        intensity = 1.0 if spec.intensity is None else float(spec.intensity) + 0.0
        cost = spec.meur_per_year
        return Programme(
            key=key,
            type=entry.row,
            entry=entry,
            provider=spec.provider or entry.provider,
            targets=targets,
            start=start,
            months=spec.months,
            intensity=intensity,
            quantity=quantity,
            meur_per_year=(
                catalogue_cost(entry, targets, intensity, quantity, self.region) if cost is None else float(cost) + 0.0
            ),
            approval=spec.approval or entry.approval,
            when=when,
            stop_when=stop_when,
        )

    def _type(self, path: KeyPath, name: str | None, what: Kind, siblings: dict[str, Any]) -> Any:
        """Return the catalogue's entry for a type."""
        if name is None:
            typed = [key for key, item in siblings.items() if item is not None and item.type is not None]
            self.note(
                (*path, "type"),
                "is missing",
                allowed=f"one of {len(entries(what))}: see stabsim catalogue {what}s",
                hint=nearest(path[-1], typed) or type_hint(path[-1], what),
            )
            return None
        if what == "intervention":
            entry: Any = self.own.get(name) or catalogue().intervention(name)
        else:
            entry = catalogue().shocks.get(name)
        if entry is None and name in (self.spec.define or {}) and what == "intervention":
            return None
        if entry is None:
            self.note(
                (*path, "type"),
                f"no {what} is called that",
                got=shown(name),
                allowed=f"one of {len(entries(what))}: see stabsim catalogue {what}s",
                hint=self._own_hint(name, what) or type_hint(name, what),
            )
        return entry

    def _own_hint(self, name: str, what: Kind) -> str:
        """Return a tip for a type that was meant to be one the file defines."""
        return nearest(name, self.own) if what == "intervention" else ""

    def _targets(self, path: KeyPath, spec: TargetsFile | None) -> Targets:
        """Check every target against the region."""
        if spec is None:
            return Targets()
        for name in ("states", "districts", "communities"):
            given: list[str] | None = getattr(spec, name)
            if given is not None and not given:
                self.note((*path, name), "is empty", allowed=f"at least one, or leave {name} out for all")
            for index, item in enumerate(given or []):
                if item in (given or [])[:index]:
                    self.note((*path, name, index), "is given twice", got=shown(item))
                if self.region is not None:
                    self.known((*path, name, index), item, name, self.region)
        return Targets(
            tuple(sorted(spec.states or ())),
            tuple(sorted(spec.districts or ())),
            tuple(sorted(spec.communities or ())),
        )

    def known(self, path: KeyPath, item: str, kind: str, region: Region, also: tuple[str, ...] = ()) -> None:
        """Complain about a state, district or community the region does not have."""
        known: tuple[str, ...] = getattr(region, kind)
        if item not in known:
            allowed = ", ".join((*also, *known)) if len(known) <= 30 else f"one of {len(known)} {kind} of the region"
            hint = place_hint(item, kind, region)
            self.note(path, f"the region has no such {_ONE[kind]}", got=shown(item), allowed=allowed, hint=hint)

    def _quantity(self, path: KeyPath, spec: ProgrammeFile, entry: CatalogueEntry) -> dict[str, int]:
        """Return the head counts of a programme: exactly the one its type calls for."""
        wanted = entry.dose.quantity
        for name in QUANTITIES:
            if name != wanted and getattr(spec, name) is not None:
                self.note(
                    (*path, name),
                    f"{entry.row} ({entry.key}) has no {name}",
                    on_key=True,
                    allowed=wanted or "intensity",
                )
        if wanted is None:
            return {}
        count = getattr(spec, wanted)
        if count is None:
            self.note((*path, wanted), "is missing", allowed=f"such as {wanted}: 1000")
        return {wanted: count or 0}

    def _shock(self, key: str, spec: ShockFile) -> Shock | None:
        path = ("shocks", key)
        entry: ShockType | None = self._type(path, spec.type, "shock", self.spec.shocks or {})
        targets = self._targets((*path, "targets"), spec.targets)
        if spec.at is None and spec.rate is None and dotted((*path, "rate")) not in self.damaged:
            self.note((*path, "at"), "is missing", allowed="a month such as 2025-03")
        at = self._month_of((*path, "at"), spec.at)
        if entry is None:
            return None
        if entry.pattern in ("mission", "division") and spec.targets is not None:
            self.note((*path, "targets"), f"a shock of type {entry.key} has no targets", on_key=True)
        magnitude = 1.0 if spec.magnitude is None else float(spec.magnitude) + 0.0
        if entry.pattern in SCRIPTED:
            self._scripted(path, entry, targets, magnitude)
        return Shock(
            key=key,
            type=entry.key,
            entry=entry,
            targets=targets,
            at=at,
            week=spec.week or 0,
            magnitude=magnitude,
            options=self._options(path, spec, entry),
            rate=self._rate(path, spec, entry),
        )

    def _rate(self, path: KeyPath, spec: ShockFile, entry: ShockType) -> float | None:
        """Return the yearly rate of a drawn shock: the one given, or the catalogue's."""
        if spec.rate is None:
            return None
        if entry.pattern not in DRAWABLE:
            what = f"a shock of type {entry.key} cannot be drawn"
            self.note((*path, "rate"), what, on_key=True, allowed="at, the month it hits")
        for name in ("at", "week"):
            if getattr(spec, name) is not None:
                self.note((*path, name), "does not go with rate: a drawn shock has no date", on_key=True)
        if spec.rate != "catalogue":
            return float(spec.rate) + 0.0
        if entry.rate_per_year is None:
            what = f"the catalogue has no rate for {entry.key}"
            self.note((*path, "rate"), what, allowed="a number of shocks a year")
        return entry.rate_per_year

    def _theories(self) -> dict[str, str]:
        """Return the chosen stances by theory, those that are the model's own left out."""
        made = {}
        for name, chosen in sorted((self.spec.theories or {}).items()):
            theory = THEORIES.get(name)
            if theory is None:
                allowed, hint = ", ".join(THEORIES), nearest(name, THEORIES)
                self.note(("theories", name), "no theory is called that", on_key=True, allowed=allowed, hint=hint)
            elif chosen is not None:
                known = [stance.key for stance in theory.stances]
                if chosen not in known:
                    hint = nearest(chosen, known)
                    what, allowed = f"is no stance of the theory {name}", ", ".join(known)
                    self.note(("theories", name), what, got=shown(chosen), allowed=allowed, hint=hint)
                made[name] = chosen
        return made

    def _budgets(self) -> tuple[Budget, ...]:
        """Return the shared ceilings, with packages replaced by their members."""
        made, taken = [], dict[str, str]()
        for key, spec in (self.spec.budgets or {}).items():
            if spec is None:
                continue
            path = ("budgets", key)
            if spec.meur_per_year is None:
                self.note((*path, "meur_per_year"), "is missing", allowed="0 to 100000, million euro a year")
            if not spec.members:
                self.note((*path, "members"), "is missing" if spec.members is None else "is empty", allowed=_MEMBERS)
            members: list[str] = []
            for index, name in enumerate(spec.members or []):
                members += self._members((*path, "members", index), name, key, taken)
            made.append(Budget(key, float(spec.meur_per_year or 0.0) + 0.0, tuple(sorted(members))))
        return tuple(sorted(made, key=lambda one: one.key))

    def _members(self, path: KeyPath, name: str, budget: str, taken: dict[str, str]) -> list[str]:
        """Return the programmes that one member of a budget stands for."""
        programmes = [key for key, item in (self.spec.interventions or {}).items() if item is not None]
        found = self.packages.members.get(name) or ([name] if name in programmes else [])
        if not found:
            known = [*programmes, *self.packages.members]
            allowed = _MEMBERS if len(known) > 30 else ", ".join(known) or _MEMBERS
            self.note(path, "there is no such member", got=shown(name), allowed=allowed, hint=nearest(name, known))
        for key in found:
            if key in taken:
                where = "twice in this budget" if taken[key] == budget else f"also in the budget {taken[key]}"
                self.note(path, f"is {where}", got=shown(key), hint="a programme belongs to one budget")
            taken[key] = budget
        return found

    def _options(self, path: KeyPath, spec: ShockFile, entry: ShockType) -> dict[str, Any]:
        """Return the options of a shock: those of its pattern, no others."""
        known = PATTERN_OPTIONS[entry.pattern]
        for name in ("mission", "months", "remaining", "posture", "level"):
            if name not in known and getattr(spec, name) is not None:
                self.note(
                    (*path, name),
                    f"a shock of type {entry.key} has no {name}",
                    on_key=True,
                    allowed=", ".join(known),
                )
        options: dict[str, Any] = {}
        if "mission" in known:
            options["mission"] = self._mission((*path, "mission"), spec)
            options["remaining"] = 0.0 if spec.remaining is None else float(spec.remaining) + 0.0
        if "months" in known:
            options["months"] = SHOCK_MONTHS if spec.months is None else spec.months
        for name, example in (("posture", "police"), ("level", "0.35")):
            if name in known:
                given = getattr(spec, name)
                if given is None:
                    self.note((*path, name), "is missing", allowed=f"such as {name}: {example}")
                options[name] = given if given is None or name == "posture" else float(given) + 0.0
        return options

    def _scripted(self, path: KeyPath, entry: ShockType, targets: Targets, magnitude: float) -> None:
        """Check a shock that fixes a part of a conflict: it names communities of states, as a whole."""
        for name, example in (("states", "[XKX]"), ("communities", "[albanian]")):
            if not getattr(targets, name):
                what = f"a shock of type {entry.key} names {name}"
                self.note((*path, "targets"), what, got="none", allowed=f"such as {name}: {example}")
        if targets.districts:
            what = f"a shock of type {entry.key} acts on communities of states, not on districts"
            self.note((*path, "targets", "districts"), what, on_key=True)
        if entry.pattern == "posture" and magnitude not in (0.0, 1.0):
            self.note((*path, "magnitude"), "a posture is taken or not", got=written(magnitude), allowed="0 or 1")
        elif entry.pattern in SHARES and magnitude > 1.0:
            self.note((*path, "magnitude"), "is too large", got=written(magnitude), allowed=f"0 to 1 for {entry.key}")

    def _mission(self, path: KeyPath, spec: ShockFile) -> str:
        """Return the key of a standing mission."""
        missions = self.region.missions if self.region else ()
        standing = [item.key for item in missions if spec.at is None or item.persons(*_month(spec.at)) > 0]
        if spec.mission is None:
            self.note(path, "is missing", allowed=", ".join(standing))
            return ""
        if self.region is None:
            return spec.mission
        found = [mission for mission in missions if mission.key.casefold() == spec.mission.casefold()]
        if not found:
            self.note(
                path,
                "the region has no such mission",
                got=shown(spec.mission),
                allowed=", ".join(standing),
                hint=_mission_hint(spec.mission, missions),
            )
            return spec.mission
        if spec.at is not None and not any(mission.persons(*_month(spec.at)) > 0 for mission in found):
            self.note(
                path,
                f"the mission does not stand in {spec.at}",
                got=shown(spec.mission),
                allowed=", ".join(standing),
            )
        return found[0].key

    def _parameters(self) -> dict[str, float]:
        """Return the overrides, sorted by name, within the bounds the model accepts."""
        made: dict[str, float] = {}
        for name, value in sorted((self.spec.parameters or {}).items()):
            path = ("parameters", name)
            if name not in PARAMETERS:
                self.note(
                    path,
                    "no parameter is called that",
                    on_key=True,
                    allowed=f"one of {len(PARAMETERS)}: see stabsim catalogue parameters",
                    hint=parameter_hint(name),
                )
            elif value is not None:
                known = PARAMETERS[name]
                if not known.hard_low <= value <= known.hard_high:
                    self.note(
                        path,
                        "is outside what the model accepts",
                        got=written(value),
                        allowed=f"{known.hard_low:g} to {known.hard_high:g} {known.unit}",
                    )
                made[name] = float(value) + 0.0
        return made


def _region_folder(name: str, folder: Path) -> Path:
    """Return the folder of a region: below or beside the file that names it, shipped, or a path."""
    for path in (folder / "regions" / name, folder / name):
        if is_file(path / "region.toml"):
            return path.resolve()
    return find_region(name).resolve()


def _mission_hint(name: str, missions: tuple[Mission, ...]) -> str:
    word = fold(name)
    found = [mission.key for mission in missions if word and word in (fold(mission.key), fold(mission.name))]
    found = found or [mission.key for mission in missions if len(word) >= 4 and word in fold(mission.key)]
    return f"write {found[0]}" if len(found) == 1 else nearest(name, [mission.key for mission in missions])


DRAWABLE = ("impulse", "rumour")
"""Patterns of shocks that may be drawn."""
_MEMBERS = "labels of interventions or packages of this scenario"
_ONE = {"states": "state", "districts": "district", "communities": "community"}


def origins(root: Node) -> dict[str, str]:
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


def _month(date: str) -> tuple[int, int]:
    return int(date[:4]), int(date[5:7])
