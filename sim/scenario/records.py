"""What a scenario is, once resolved: plain frozen records the model and the experiment read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import Problem
from sim.interventions import CatalogueEntry, OwnEntry, ShockType
from sim.region import Region
from sim.world.outcomes import OUTCOME_NAMES

_DOCUMENTATION: Any = {
    "name": True,
    "text": True,
    "family": True,
    "evidence": True,
    "status": True,
    "requesters": True,
    "cost": True,
    "channels": {"__all__": {"evidence": True, "text": True}},
}
"""Parts of a catalogue entry that cannot change a result (the cost of a programme is stored with it)."""
_LABELLED: Any = {**_DOCUMENTATION, "row": True, "key": True}
"""The same of an intervention of one's own, whose row and key are labels."""
_SHOCK_DOCUMENTATION: Any = {
    "name": True,
    "text": True,
    "evidence": True,
    "rate_per_year": True,
    "rate_basis": True,
    "rate_scope": True,
    "channels": {"__all__": {"evidence": True, "text": True, "low": True, "high": True}},
}


FIELDS = ("civic_space", "credibility", "energy", "oversight")
"""Fields of a state that no outcome records; conditions may look at them too."""
INDICATORS: tuple[str, ...] = (*OUTCOME_NAMES, *FIELDS)


def canonical(content: Any) -> str:
    """Return content as canonical JSON: sorted keys, no spaces, finite numbers, round-trip floats."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Targets:
    """Where something acts: the listed states and districts together, within the listed communities.

    Sorted tuples of keys; no states and no districts means every place, no communities means everyone.
    """

    states: tuple[str, ...] = ()
    districts: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()

    def content(self) -> dict[str, Any]:
        """Return what identifies these targets."""
        return {name: list(getattr(self, name)) for name in ("states", "districts", "communities")}


@dataclass(frozen=True)
class Condition:
    """``indicator`` in ``where``, as it was last month, above or below a level for ``for_months`` months running.

    ``indicator`` is one of `INDICATORS`; ``where`` a state code or ``region``; exactly one of ``above`` and
    ``below`` is a number.
    """

    indicator: str
    above: float | None
    below: float | None
    for_months: int
    where: str

    def content(self) -> dict[str, Any]:
        """Return what identifies this condition."""
        names = ("indicator", "above", "below", "for_months", "where")
        return {name: getattr(self, name) for name in names}

    @property
    def words(self) -> str:
        """The condition as a reader would say it."""
        level = f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"
        months = f" for {self.for_months} months" if self.for_months > 1 else ""
        return f"{self.indicator} {level}{months} in {self.where}"


@dataclass(frozen=True)
class Trigger(Condition):
    """A condition that starts a programme, ``delay_months`` after it was met.

    With ``until``, the level on the other side at which the programme is switched off, it starts again whenever
    the condition is met again; two switches are ``dwell_months`` apart or more.
    """

    until: float | None = None
    delay_months: int = 0
    dwell_months: int = 6

    def content(self) -> dict[str, Any]:
        """Return what identifies this trigger; what is as without these keys is left out."""
        delay = {"delay_months": self.delay_months} if self.delay_months else {}
        switch = {"until": self.until, "dwell_months": self.dwell_months} if self.repeats else {}
        return {**super().content(), **delay, **switch}

    @property
    def repeats(self) -> bool:
        """Whether it also switches off."""
        return self.until is not None


@dataclass(frozen=True)
class Programme:
    """One intervention of a scenario.

    ``type`` is the catalogue row, ``start`` the month of the request counted from the scenario's start (with
    a trigger: the first month it may start), ``months`` its length (None: until the end). ``quantity`` holds
    head counts such as ``{"troops": 3000}`` over all targets together. ``key`` is a label and nothing else.
    """

    key: str
    type: str
    entry: CatalogueEntry
    provider: str
    targets: Targets
    start: int
    months: int | None
    intensity: float
    quantity: dict[str, int]
    meur_per_year: float
    approval: str
    when: Trigger | None = None
    stop_when: Condition | None = None

    def content(self) -> dict[str, Any]:
        """Return all that can change a result, without the label."""
        plain = ("provider", "start", "months", "intensity", "quantity", "meur_per_year", "approval")
        made = {
            "entry": self.entry.model_dump(mode="json", exclude=_LABELLED if self.own else _DOCUMENTATION),
            "targets": self.targets.content(),
            "when": self.when.content() if self.when else None,
            **{name: getattr(self, name) for name in plain},
        }
        return made if self.stop_when is None else {**made, "stop_when": self.stop_when.content()}

    @property
    def own(self) -> bool:
        """Whether the scenario defines the intervention itself."""
        return isinstance(self.entry, OwnEntry)

    @property
    def dose(self) -> float:
        """Dose in [0, 1] of channels that are not head counts: intensity, times quantity over full dose."""
        full = self.entry.dose
        if full.quantity is None:
            return self.intensity
        return self.intensity * min(1.0, self.quantity[full.quantity] / full.full)

    @property
    def uid(self) -> int:
        """64-bit identity made of the content, for keyed draws: the label does not enter."""
        return _uid(self.content())


@dataclass(frozen=True)
class Shock:
    """One shock; ``at`` in months after the start, ``week`` the quarter of that month (0 to 3).

    With ``rate`` its months and weeks are drawn instead (`sim.model.shocks`), at so many a year in each state.

    ``options`` by pattern: ``mission`` (key), ``months`` and ``remaining`` of a mission shock, ``months`` of
    a division, ``months``, ``posture`` and ``level`` of those that script a conflict. ``key`` is a label and nothing else.
    """

    key: str
    type: str
    entry: ShockType
    targets: Targets
    at: int
    week: int
    magnitude: float
    options: dict[str, Any]
    rate: float | None = None

    def content(self) -> dict[str, Any]:
        """Return all that can change a result, without the label."""
        made = {
            "entry": self.entry.model_dump(mode="json", exclude=_SHOCK_DOCUMENTATION),
            "targets": self.targets.content(),
            **{name: getattr(self, name) for name in ("at", "week", "magnitude", "options")},
        }
        return made if self.rate is None else {**made, "rate": self.rate, "rate_scope": self.entry.rate_scope}

    @property
    def uid(self) -> int:
        """64-bit identity made of the content, for keyed draws: the label does not enter."""
        return _uid(self.content())


@dataclass(frozen=True)
class Budget:
    """A ceiling that programmes share, million euro a year; ``members`` are sorted labels of programmes."""

    key: str
    meur_per_year: float
    members: tuple[str, ...]


@dataclass(frozen=True)
class Scenario:
    """A resolved scenario: nothing is left to look up.

    ``interventions`` and ``shocks`` stand in the order of their content, so neither labels nor the order of
    keys in a file can change a result. ``effects`` is ``central`` or ``drawn``: whether interventions have the central
    sizes of the catalogue, or sizes drawn by run from their distributions. ``region`` is the name of a shipped
    region or the path of a folder. ``budgets`` are ceilings that programmes share. ``theories`` says which stances
    were chosen: words only, what they set is among the ``parameters``. ``warnings``, ``origins`` (dotted key to the
    place that set it) and ``files`` (sha256 of every file read)
    take no part in comparisons.
    """

    key: str
    title: str
    description: str
    region: str
    start_year: int
    start_month: int
    months: int
    institutions: str
    interventions: tuple[Programme, ...] = ()
    shocks: tuple[Shock, ...] = ()
    parameters: dict[str, float] = field(default_factory=dict)
    effects: str = "central"
    budgets: tuple[Budget, ...] = ()
    theories: dict[str, str] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = field(default=(), compare=False, repr=False)
    origins: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    files: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Put programmes and shocks in the order of their content; labels only order equals."""
        for name in ("interventions", "shocks"):
            items = sorted(getattr(self, name), key=lambda item: (canonical(item.content()), item.key))
            object.__setattr__(self, name, tuple(items))

    def content(self) -> dict[str, Any]:
        """Return all that can change a result: no key, title, description or labels."""
        made = {
            "region": PurePath(self.region).name,
            "start": [self.start_year, self.start_month],
            "months": self.months,
            "institutions": self.institutions,
            "effects": self.effects,
            "interventions": [item.content() for item in self.interventions],
            "shocks": [item.content() for item in self.shocks],
            "parameters": self.parameters,
        }
        return {**made, "budgets": self._shared()} if self.budgets else made

    def _shared(self) -> list[Any]:
        """Return what identifies the budgets: ceilings, and the places of their members among the programmes."""
        places = {item.key: place for place, item in enumerate(self.interventions)}
        return sorted([one.meur_per_year, sorted(places[key] for key in one.members)] for one in self.budgets)

    def content_hash(self) -> str:
        """Return the sha256 of the canonical content, in hexadecimal."""
        return hashlib.sha256(canonical(self.content()).encode()).hexdigest()

    def date(self, month: int) -> str:
        """Return the calendar month ``month`` months after the start, such as ``2025-01``."""
        years, months = divmod(self.start_month - 1 + month, 12)
        return f"{self.start_year + years:04d}-{months + 1:02d}"


def _uid(content: dict[str, Any]) -> int:
    return int.from_bytes(hashlib.blake2b(canonical(content).encode(), digest_size=8).digest(), "little")


# Where they act, and what they cost ----------------------------------------------------------------------------------


def target_cells(region: Region, targets: Targets) -> NDArray[np.bool_]:
    """Return which cells of a region targets cover, as (n_cells,) bool."""
    cells = np.ones(region.n_cells, dtype=np.bool_)
    if targets.states or targets.districts:
        states = np.isin(region.states, targets.states)
        districts = np.isin(region.districts, targets.districts) | states[region.district_state]
        cells &= districts[region.cell_district]
    if targets.communities:
        cells &= np.isin(region.communities, targets.communities)[region.cell_community]
    return cells


def drawn_in(shock: Shock, region: Region) -> dict[str, Targets]:
    """Return the places in which a shock is drawn, with its targets there: each state it is for, or the region."""
    if shock.entry.rate_scope == "region":
        return {"region": shock.targets}
    return {state: part for state in region.states if (part := within(shock.targets, state, region)) is not None}


def within(targets: Targets, state: str, region: Region) -> Targets | None:
    """Return the part of targets that lies in a state; None if they leave it out."""
    if state in targets.states or not (targets.states or targets.districts):
        return Targets((state,), (), targets.communities)
    number = region.states.index(state)
    inside = tuple(
        name for name in targets.districts if int(region.district_state[region.districts.index(name)]) == number
    )
    return Targets((), inside, targets.communities) if inside else None


def catalogue_cost(
    entry: CatalogueEntry, targets: Targets, intensity: float, quantity: Mapping[str, int], region: Region | None
) -> float:
    """Return the catalogue's cost of a programme, million euro a year, for the people its targets cover."""
    cost = entry.cost.meur_per_year * intensity
    if entry.dose.quantity is not None:
        cost *= quantity[entry.dose.quantity] / entry.dose.full
    if entry.cost.per == "million_residents" and region is not None:
        cost *= int(region.cell_population[target_cells(region, targets)].sum()) / 1e6
    return round(cost, 6)


def own_entries(resolved: Iterable[Mapping[str, Any]]) -> dict[str, CatalogueEntry]:
    """Return the interventions that resolved scenarios, as stored, define themselves, by type."""
    return {
        key: OwnEntry.model_validate({**content, "row": key, "key": key})
        for spec in resolved
        for key, content in spec.get("define", {}).items()
    }
