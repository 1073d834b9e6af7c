"""Resolve a merged file into a `Scenario`: names against the region and the catalogue, dates into months.

What belongs to one section has a module of its own: `programmes`, `shocks`, `parameters`, `conditions`, `own`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.errors import Problem, RegionError, nearest
from sim.interventions import OwnEntry, catalogue
from sim.parameters.theories import stances
from sim.region import Region, find_region, load_region
from sim.region.files import is_file
from sim.scenario.names import Kind, entries, type_hint
from sim.scenario.own import definitions
from sim.scenario.packages import Expanded, KeyPath
from sim.scenario.parameters import chosen_parameters, chosen_theories
from sim.scenario.places import place_hint
from sim.scenario.programmes import budgets, programme
from sim.scenario.records import Scenario, Targets
from sim.scenario.schema import ScenarioFile, TargetsFile, dotted, problem_at, shown
from sim.scenario.shape import MAX_PROBLEMS
from sim.scenario.shocks import shock, year_month
from sim.scenario.text import Node
from sim.scenario.warn import warn

RegionCache = dict[tuple[Path, int], Region]
_ONE = {"states": "state", "districts": "district", "communities": "community"}


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
        self.start = year_month(spec.start) if spec.start else None
        region_name = self._load_region()
        self.own = definitions(self)
        programmes = [
            programme(self, key, item) for key, item in (spec.interventions or {}).items() if item is not None
        ]
        shocks = [shock(self, key, item) for key, item in (spec.shocks or {}).items() if item is not None]
        theories = chosen_theories(self)
        parameters = {**stances(theories), **chosen_parameters(self)}
        shared = budgets(self)
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
            interventions=tuple(one for one in programmes if one is not None),
            shocks=tuple(one for one in shocks if one is not None),
            parameters=dict(sorted(parameters.items())),
            effects=spec.effects or "central",
            budgets=shared,
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

    def month_of(self, path: KeyPath, date: str | None) -> int:
        """Return months from the scenario's start to a date; complain when it lies before."""
        if date is None or self.start is None:
            return 0
        year, month = year_month(date)
        after = (year - self.start[0]) * 12 + month - self.start[1]
        if after < 0:
            self.note(path, "lies before the scenario starts", got=date, allowed=f"{self.spec.start} or later")
        return after

    def type_of(self, path: KeyPath, name: str | None, what: Kind, siblings: dict[str, Any]) -> Any:
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

    def targets(self, path: KeyPath, spec: TargetsFile | None) -> Targets:
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


def _region_folder(name: str, folder: Path) -> Path:
    """Return the folder of a region: below or beside the file that names it, shipped, or a path."""
    for path in (folder / "regions" / name, folder / name):
        if is_file(path / "region.toml"):
            return path.resolve()
    return find_region(name).resolve()


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
