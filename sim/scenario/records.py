"""What a scenario is, once resolved: plain frozen records the model and the experiment read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from sim.errors import Problem
from sim.interventions import CatalogueEntry, ShockType

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
_SHOCK_DOCUMENTATION: Any = {
    "name": True,
    "text": True,
    "evidence": True,
    "rate_per_year": True,
    "rate_basis": True,
    "channels": {"__all__": {"evidence": True, "text": True, "low": True, "high": True}},
}


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
        return {
            "states": list(self.states),
            "districts": list(self.districts),
            "communities": list(self.communities),
        }


@dataclass(frozen=True)
class Trigger:
    """Start a programme once ``indicator`` in ``where`` was above or below a level for ``for_months`` months.

    ``indicator`` is a recorded outcome; ``where`` a state code or ``region``; exactly one of ``above`` and
    ``below`` is a number.
    """

    indicator: str
    above: float | None
    below: float | None
    for_months: int
    where: str

    def content(self) -> dict[str, Any]:
        """Return what identifies this trigger."""
        return {
            "indicator": self.indicator,
            "above": self.above,
            "below": self.below,
            "for_months": self.for_months,
            "where": self.where,
        }


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

    def content(self) -> dict[str, Any]:
        """Return all that can change a result, without the label."""
        return {
            "entry": self.entry.model_dump(mode="json", exclude=_DOCUMENTATION),
            "provider": self.provider,
            "targets": self.targets.content(),
            "start": self.start,
            "months": self.months,
            "intensity": self.intensity,
            "quantity": self.quantity,
            "meur_per_year": self.meur_per_year,
            "approval": self.approval,
            "when": self.when.content() if self.when else None,
        }

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
    """One scheduled shock; ``at`` in months after the start, ``week`` the quarter of that month (0 to 3).

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

    def content(self) -> dict[str, Any]:
        """Return all that can change a result, without the label."""
        return {
            "entry": self.entry.model_dump(mode="json", exclude=_SHOCK_DOCUMENTATION),
            "targets": self.targets.content(),
            "at": self.at,
            "week": self.week,
            "magnitude": self.magnitude,
            "options": self.options,
        }

    @property
    def uid(self) -> int:
        """64-bit identity made of the content, for keyed draws: the label does not enter."""
        return _uid(self.content())


@dataclass(frozen=True)
class Scenario:
    """A resolved scenario: nothing is left to look up.

    ``interventions`` and ``shocks`` stand in the order of their content, so neither labels nor the order of
    keys in a file can change a result. ``region`` is the name of a shipped region or the path of a folder.
    ``warnings``, ``origins`` (dotted key to the place that set it) and ``files`` (sha256 of every file read)
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
        return {
            "region": PurePath(self.region).name,
            "start": [self.start_year, self.start_month],
            "months": self.months,
            "institutions": self.institutions,
            "interventions": [item.content() for item in self.interventions],
            "shocks": [item.content() for item in self.shocks],
            "parameters": self.parameters,
        }

    def content_hash(self) -> str:
        """Return the sha256 of the canonical content, in hexadecimal."""
        return hashlib.sha256(canonical(self.content()).encode()).hexdigest()

    def date(self, month: int) -> str:
        """Return the calendar month ``month`` months after the start, such as ``2025-01``."""
        years, months = divmod(self.start_month - 1 + month, 12)
        return f"{self.start_year + years:04d}-{months + 1:02d}"


def _uid(content: dict[str, Any]) -> int:
    return int.from_bytes(hashlib.blake2b(canonical(content).encode(), digest_size=8).digest(), "little")
