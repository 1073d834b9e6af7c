"""Resolve shocks: dates or yearly rates, the options of each pattern, scripted conflict, standing missions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.errors import nearest
from sim.interventions import PATTERN_OPTIONS, SCRIPTED, SHARES, ShockType
from sim.region import Mission
from sim.region.slips import fold, written
from sim.scenario.packages import KeyPath
from sim.scenario.records import Shock, Targets
from sim.scenario.schema import ShockFile, dotted, shown

if TYPE_CHECKING:
    from sim.scenario.resolve import Resolver

SHOCK_MONTHS = 12
"""Months that a lasting shock lasts, unless a file says otherwise."""
DRAWABLE = ("impulse", "rumour")
"""Patterns of shocks that may be drawn."""


def shock(resolver: Resolver, key: str, spec: ShockFile) -> Shock | None:
    """Return one shock, or None where its type is unknown."""
    path = ("shocks", key)
    entry: ShockType | None = resolver.type_of(path, spec.type, "shock", resolver.spec.shocks or {})
    targets = resolver.targets((*path, "targets"), spec.targets)
    if spec.at is None and spec.rate is None and dotted((*path, "rate")) not in resolver.damaged:
        resolver.note((*path, "at"), "is missing", allowed="a month such as 2025-03")
    at = resolver.month_of((*path, "at"), spec.at)
    if entry is None:
        return None
    if entry.pattern in ("mission", "division") and spec.targets is not None:
        resolver.note((*path, "targets"), f"a shock of type {entry.key} has no targets", on_key=True)
    magnitude = 1.0 if spec.magnitude is None else float(spec.magnitude) + 0.0
    if entry.pattern in SCRIPTED:
        _check_scripted(resolver, path, entry, targets, magnitude)
    return Shock(
        key=key,
        type=entry.key,
        entry=entry,
        targets=targets,
        at=at,
        week=spec.week or 0,
        magnitude=magnitude,
        options=_options(resolver, path, spec, entry),
        rate=_rate(resolver, path, spec, entry),
    )


def _rate(resolver: Resolver, path: KeyPath, spec: ShockFile, entry: ShockType) -> float | None:
    """Return the yearly rate of a drawn shock: the one given, or the catalogue's."""
    if spec.rate is None:
        return None
    if entry.pattern not in DRAWABLE:
        what = f"a shock of type {entry.key} cannot be drawn"
        resolver.note((*path, "rate"), what, on_key=True, allowed="at, the month it hits")
    for name in ("at", "week"):
        if getattr(spec, name) is not None:
            resolver.note((*path, name), "does not go with rate: a drawn shock has no date", on_key=True)
    if spec.rate != "catalogue":
        return float(spec.rate) + 0.0
    if entry.rate_per_year is None:
        what = f"the catalogue has no rate for {entry.key}"
        resolver.note((*path, "rate"), what, allowed="a number of shocks a year")
    return entry.rate_per_year


def _options(resolver: Resolver, path: KeyPath, spec: ShockFile, entry: ShockType) -> dict[str, Any]:
    """Return the options of a shock: those of its pattern, no others."""
    known = PATTERN_OPTIONS[entry.pattern]
    for name in ("mission", "months", "remaining", "posture", "level"):
        if name not in known and getattr(spec, name) is not None:
            resolver.note(
                (*path, name),
                f"a shock of type {entry.key} has no {name}",
                on_key=True,
                allowed=", ".join(known),
            )
    options: dict[str, Any] = {}
    if "mission" in known:
        options["mission"] = _mission(resolver, (*path, "mission"), spec)
        options["remaining"] = 0.0 if spec.remaining is None else float(spec.remaining) + 0.0
    if "months" in known:
        options["months"] = SHOCK_MONTHS if spec.months is None else spec.months
    for name, example in (("posture", "police"), ("level", "0.35")):
        if name in known:
            given = getattr(spec, name)
            if given is None:
                resolver.note((*path, name), "is missing", allowed=f"such as {name}: {example}")
            options[name] = given if given is None or name == "posture" else float(given) + 0.0
    return options


def _check_scripted(resolver: Resolver, path: KeyPath, entry: ShockType, targets: Targets, magnitude: float) -> None:
    """Check a shock that fixes a part of a conflict: it names communities of states, as a whole."""
    for name, example in (("states", "[XKX]"), ("communities", "[albanian]")):
        if not getattr(targets, name):
            what = f"a shock of type {entry.key} names {name}"
            resolver.note((*path, "targets"), what, got="none", allowed=f"such as {name}: {example}")
    if targets.districts:
        what = f"a shock of type {entry.key} acts on communities of states, not on districts"
        resolver.note((*path, "targets", "districts"), what, on_key=True)
    if entry.pattern == "posture" and magnitude not in (0.0, 1.0):
        resolver.note((*path, "magnitude"), "a posture is taken or not", got=written(magnitude), allowed="0 or 1")
    elif entry.pattern in SHARES and magnitude > 1.0:
        resolver.note((*path, "magnitude"), "is too large", got=written(magnitude), allowed=f"0 to 1 for {entry.key}")


def _mission(resolver: Resolver, path: KeyPath, spec: ShockFile) -> str:
    """Return the key of a standing mission."""
    missions = resolver.region.missions if resolver.region else ()
    standing = [item.key for item in missions if spec.at is None or item.persons(*year_month(spec.at)) > 0]
    if spec.mission is None:
        resolver.note(path, "is missing", allowed=", ".join(standing))
        return ""
    if resolver.region is None:
        return spec.mission
    found = [mission for mission in missions if mission.key.casefold() == spec.mission.casefold()]
    if not found:
        resolver.note(
            path,
            "the region has no such mission",
            got=shown(spec.mission),
            allowed=", ".join(standing),
            hint=_mission_hint(spec.mission, missions),
        )
        return spec.mission
    if spec.at is not None and not any(mission.persons(*year_month(spec.at)) > 0 for mission in found):
        resolver.note(
            path,
            f"the mission does not stand in {spec.at}",
            got=shown(spec.mission),
            allowed=", ".join(standing),
        )
    return found[0].key


def _mission_hint(name: str, missions: tuple[Mission, ...]) -> str:
    """Return a tip for the name of a mission that does not exist."""
    word = fold(name)
    found = [mission.key for mission in missions if word and word in (fold(mission.key), fold(mission.name))]
    found = found or [mission.key for mission in missions if len(word) >= 4 and word in fold(mission.key)]
    return f"write {found[0]}" if len(found) == 1 else nearest(name, [mission.key for mission in missions])


def year_month(date: str) -> tuple[int, int]:
    """Return the year and month of a date such as 2025-03."""
    return int(date[:4]), int(date[5:7])
