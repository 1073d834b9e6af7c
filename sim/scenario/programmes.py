"""Resolve programmes and the budgets they share: types, targets, dates, head counts and money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.errors import nearest
from sim.interventions import QUANTITIES, CatalogueEntry
from sim.scenario.conditions import condition, trigger
from sim.scenario.cost import catalogue_cost
from sim.scenario.packages import KeyPath
from sim.scenario.records import Budget, Programme
from sim.scenario.schema import ProgrammeFile, shown

if TYPE_CHECKING:
    from sim.scenario.resolve import Resolver

_MEMBERS = "labels of interventions or packages of this scenario"


def programme(resolver: Resolver, key: str, spec: ProgrammeFile) -> Programme | None:
    """Return one programme, or None where its type is unknown."""
    path = ("interventions", key)
    entry: CatalogueEntry | None = resolver.type_of(path, spec.type, "intervention", resolver.spec.interventions or {})
    targets = resolver.targets((*path, "targets"), spec.targets)
    start = resolver.month_of((*path, "start"), spec.start)
    stop_when = condition(resolver, (*path, "stop_when"), spec.stop_when)
    when = trigger(resolver, (*path, "when"), spec.when)
    if entry is None:
        return None
    quantity = _quantity(resolver, path, spec, entry)
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
            catalogue_cost(entry, targets, intensity, quantity, resolver.region) if cost is None else float(cost) + 0.0
        ),
        approval=spec.approval or entry.approval,
        when=when,
        stop_when=stop_when,
    )


def _quantity(resolver: Resolver, path: KeyPath, spec: ProgrammeFile, entry: CatalogueEntry) -> dict[str, int]:
    """Return the head counts of a programme: exactly the one its type calls for."""
    wanted = entry.dose.quantity
    for name in QUANTITIES:
        if name != wanted and getattr(spec, name) is not None:
            resolver.note(
                (*path, name),
                f"{entry.row} ({entry.key}) has no {name}",
                on_key=True,
                allowed=wanted or "intensity",
            )
    if wanted is None:
        return {}
    count = getattr(spec, wanted)
    if count is None:
        resolver.note((*path, wanted), "is missing", allowed=f"such as {wanted}: 1000")
    return {wanted: count or 0}


def budgets(resolver: Resolver) -> tuple[Budget, ...]:
    """Return the shared ceilings, with packages replaced by their members."""
    made, taken = [], dict[str, str]()
    for key, spec in (resolver.spec.budgets or {}).items():
        if spec is None:
            continue
        path = ("budgets", key)
        if spec.meur_per_year is None:
            resolver.note((*path, "meur_per_year"), "is missing", allowed="0 to 100000, million euro a year")
        if not spec.members:
            resolver.note((*path, "members"), "is missing" if spec.members is None else "is empty", allowed=_MEMBERS)
        members: list[str] = []
        for index, name in enumerate(spec.members or []):
            members += _members(resolver, (*path, "members", index), name, key, taken)
        made.append(Budget(key, float(spec.meur_per_year or 0.0) + 0.0, tuple(sorted(members))))
    return tuple(sorted(made, key=lambda one: one.key))


def _members(resolver: Resolver, path: KeyPath, name: str, budget: str, taken: dict[str, str]) -> list[str]:
    """Return the programmes that one member of a budget stands for."""
    programmes = [key for key, item in (resolver.spec.interventions or {}).items() if item is not None]
    found = resolver.packages.members.get(name) or ([name] if name in programmes else [])
    if not found:
        known = [*programmes, *resolver.packages.members]
        allowed = _MEMBERS if len(known) > 30 else ", ".join(known) or _MEMBERS
        resolver.note(path, "there is no such member", got=shown(name), allowed=allowed, hint=nearest(name, known))
    for key in found:
        if key in taken:
            where = "twice in this budget" if taken[key] == budget else f"also in the budget {taken[key]}"
            resolver.note(path, f"is {where}", got=shown(key), hint="a programme belongs to one budget")
        taken[key] = budget
    return found
