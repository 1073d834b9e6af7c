"""Interventions that a scenario defines itself: checked as the catalogue's are, and listed as a file would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sim.interventions import CatalogueEntry, OwnEntry, catalogue
from sim.scenario.records import Scenario
from sim.scenario.schema import DefinitionFile

if TYPE_CHECKING:
    from sim.scenario.resolve import Resolver

PRICE_YEAR = 2024
NEEDED = {
    "name": "a name for people",
    "provider": "who runs it, such as civil_society",
    "approval": "who must agree, such as none",
    "dose": "what intensity 1 means, such as {unit: share of villages}",
    "cost": "such as {meur_per_year: 2, per: programme}",
    "channels": "a list such as [{lever: tension, size: -0.1, lag_months: 6, halflife_months: 12}]",
}
_OWN_ONLY = ("row", "key", "family")
_DEFAULT_TEXT = "Defined in the scenario."


def definitions(resolver: Resolver) -> dict[str, OwnEntry]:
    """Return the interventions a file defines, by the type they are used by."""
    made = {}
    for key, spec in (resolver.spec.define or {}).items():
        if spec is None:
            continue
        path = ("define", key)
        if catalogue().intervention(key) is not None:
            resolver.note(path, "is a type of the catalogue", on_key=True, hint="another name for one of your own")
        entry = _entry(resolver, path, key, spec)
        if entry is not None:
            made[key] = entry
    return made


def _entry(resolver: Resolver, path: tuple[str, ...], key: str, spec: DefinitionFile) -> OwnEntry | None:
    """Return one definition as an entry of the catalogue, after complaining about what is missing or does not fit."""
    missing = [name for name in NEEDED if getattr(spec, name) is None]
    for name in missing:
        resolver.note((*path, name), "is missing", allowed=NEEDED[name])
    for part, name, allowed in (("dose", "unit", "what the dose counts"), ("cost", "meur_per_year", "0 to 100000")):
        given = getattr(spec, part)
        if given is not None and getattr(given, name) is None:
            missing.append(name)
            resolver.note((*path, part, name), "is missing", allowed=allowed)
    if missing:
        return None
    content = spec.model_dump(exclude_none=True)
    content = {
        "requesters": [content["provider"]],
        "status": "assumption",
        "evidence": "assumption",
        "text": _DEFAULT_TEXT,
        **content,
        "row": key,
        "key": key,
        "dose": {"full": 1.0, **content["dose"]},
        "cost": {"price_year": PRICE_YEAR, "basis": "assumption", **content["cost"]},
    }
    try:
        return OwnEntry.model_validate(content)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            reason = item.get("ctx", {}).get("error", item["msg"])
            resolver.note((*path, *item["loc"]), str(reason))
        return None


def defined(scenario: Scenario) -> dict[str, Any]:
    """Return the interventions of one's own that a scenario uses, in the shape of a scenario file."""
    entries = {item.type: item.entry for item in scenario.interventions if item.own}
    return {key: _written(entries[key]) for key in sorted(entries)}


def _written(entry: CatalogueEntry) -> dict[str, Any]:
    content = entry.model_dump(mode="json", exclude_none=True)
    return {name: value for name, value in content.items() if name not in _OWN_ONLY and value not in ([], "")}
