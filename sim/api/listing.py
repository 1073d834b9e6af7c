"""List what scenarios can use and what runs record; levers also in words: unit, bounds, and what moves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import exp
from typing import Any

import pandas as pd

from sim.errors import InputError, Problem, nearest
from sim.interventions import CatalogueEntry, Channel, ShockType
from sim.interventions import catalogue as read
from sim.interventions.schema import ShockChannel
from sim.interventions.words import role
from sim.parameters import CATALOGUE
from sim.parameters.theories import THEORIES
from sim.scenario import shipped_scenarios
from sim.scenario.layers import find_scenario
from sim.scenario.text import parse
from sim.world.effects import CAPPED
from sim.world.levers import LEVERS, Lever
from sim.world.outcomes import OUTCOMES

PLACES = {
    "cell": "community in a district",
    "district": "district",
    "group": "community in a state",
    "state": "state",
    "dyad": "pair of states",
}
"""What a lever has one value for, by its scope."""
UNITS = {
    "level": "logit shift",
    "rate": "log of a ratio",
    "log_odds": "log-odds",
    "share": "share",
    "persons": "persons",
}
"""Unit of a size, by kind of lever."""
ADDS = {
    "level": "logit shift of the target of a field; adds up, capped",
    "rate": "log of a multiplier; adds up, capped",
    "log_odds": "term of a citizen's choice in log-odds; adds up, capped",
    "share": "plain share; adds up",
    "persons": "head count; adds up",
}
"""How effects add, by kind of lever."""
SIZES = {
    "level": "a change c of a field at level x is c / (x (1 - x)): 0.01 at one half is 0.04",
    "rate": "a ratio r is ln r: 0.75 is -0.288",
    "log_odds": "an odds ratio o is ln o: 1.1 is 0.095",
    "share": "the share itself: 0.1 is a tenth",
    "persons": "1 is one for each person sent; the dose needs quantity: troops, police_officers or monitors",
}
"""How a published size becomes one of a channel, by kind of lever."""


def catalogue(kind: str = "interventions") -> pd.DataFrame:
    """List what scenarios can use and what runs record.

    Parameters
    ----------
    kind : str
        One of `KINDS`.

    Returns
    -------
    pandas.DataFrame, a row an entry (of theories: a row a stance)

    Raises
    ------
    InputError
        If there is no such catalogue.
    """
    if kind not in KINDS:
        hint = nearest(kind, KINDS)
        raise InputError(Problem("no such catalogue", key="catalogue", got=kind, allowed=", ".join(KINDS), hint=hint))
    return pd.DataFrame(KINDS[kind]())


def _interventions() -> list[dict[str, Any]]:
    return [
        {
            "row": entry.row,
            "key": entry.key,
            "name": entry.name,
            "family": entry.family,
            "provider": entry.provider,
            "approval": entry.approval,
            "requesters": ", ".join(entry.requesters),
            "scope": entry.scope,
            "full_dose": f"{entry.dose.full:g} {entry.dose.unit}",
            "meur_per_year": entry.cost.meur_per_year,
            "per": entry.cost.per,
            "price_year": entry.cost.price_year,
            "basis": entry.cost.basis,
            "levers": ", ".join(dict.fromkeys(channel.lever for channel in entry.channels)),
            "status": entry.status,
            "mind": ", ".join(sorted({role(channel) for channel in entry.channels} - {"effect"})),
            "evidence": entry.evidence,
            "text": entry.text,
        }
        for entry in read().interventions.values()
    ]


def _shocks() -> list[dict[str, Any]]:
    return [
        {
            "key": entry.key,
            "name": entry.name,
            "pattern": entry.pattern,
            "rate_per_year": entry.rate_per_year,
            "rate_scope": None if entry.rate_per_year is None else entry.rate_scope,
            "rate_basis": entry.rate_basis,
            "levers": ", ".join(dict.fromkeys(channel.lever for channel in entry.channels)),
            "evidence": entry.evidence,
            "text": entry.text,
        }
        for entry in read().shocks.values()
    ]


def _parameters() -> list[dict[str, Any]]:
    return [
        {
            "name": item.name,
            "default": item.default,
            "unit": item.unit,
            "low": item.low,
            "high": item.high,
            "family": item.family,
            "source": item.source,
            "text": item.text,
        }
        for item in CATALOGUE.values()
    ]


def _outcomes() -> list[dict[str, Any]]:
    return [
        {
            "name": item.name,
            "label": item.label,
            "unit": item.unit,
            "kind": item.kind,
            "pool": item.pool,
            "better": item.better,
            "headline": item.headline,
            "text": item.text,
        }
        for item in OUTCOMES
    ]


def _theories() -> list[dict[str, Any]]:
    return [
        {
            "name": theory.key,
            "question": theory.question,
            "stance": stance.key,
            "default": "yes" if stance is theory.stances[0] else "",
            "sets": ", ".join(f"{name} {value:g}" for name, value in stance.parameters.items()),
            "source": stance.source,
            "text": stance.text,
        }
        for theory in THEORIES.values()
        for stance in theory.stances
    ]


def _scenarios() -> list[dict[str, Any]]:
    return [{"name": name, **_words(name)} for name in shipped_scenarios()]


def _words(name: str) -> dict[str, str]:
    """What a shipped scenario says of itself."""
    path = find_scenario(name)
    root = parse(path.read_text(encoding="utf-8"), path.name).root
    said = root.plain() if root is not None else {}
    return {key: " ".join(str(said.get(key) or "").split()) for key in ("title", "extends", "description")}


def levers() -> list[dict[str, Any]]:
    """List every lever with its unit, its bounds and what pulls it, by row of the catalogue."""
    cap = CATALOGUE["lever_cap"].default
    return [
        {
            "name": lever.name,
            "moves": lever.text,
            "one_value_per": PLACES[lever.scope],
            "kind": lever.kind,
            "unit": UNITS[lever.kind],
            "low": -cap if lever.kind in CAPPED else None,
            "high": cap if lever.kind in CAPPED else None,
            "interventions": ", ".join(dict.fromkeys(entry.row for entry, _ in pulled_by(lever.name))),
            "shocks": ", ".join(dict.fromkeys(shock.key for shock, _ in hit_by(lever.name))),
        }
        for lever in LEVERS
    ]


def pulled_by(name: str) -> Iterator[tuple[CatalogueEntry, Channel]]:
    """Yield the interventions of the catalogue that pull a lever, once for each channel."""
    for entry in read().interventions.values():
        yield from ((entry, channel) for channel in entry.channels if channel.lever == name)


def hit_by(name: str) -> Iterator[tuple[ShockType, ShockChannel]]:
    """Yield the shocks of the catalogue that hit a lever, once for each channel."""
    for shock in read().shocks.values():
        yield from ((shock, channel) for channel in shock.channels if channel.lever == name)


def bounds(lever: Lever) -> str:
    """How far the sum of all effects on a lever may go, in words."""
    cap = CATALOGUE["lever_cap"].default
    if lever.kind == "persons":
        return "no cap; together with standing missions never below 0"
    if lever.kind not in CAPPED:
        return "no cap on the sum; what it feeds stays in its own range"
    what = {"rate": "the rate x", "log_odds": "odds x", "level": "odds of the level x"}[lever.kind]
    return f"the sum of all effects stays within -{cap:g} and {cap:g} ({what}{exp(-cap):.2g} to x{exp(cap):.2g})"


KINDS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "interventions": _interventions,
    "levers": levers,
    "shocks": _shocks,
    "parameters": _parameters,
    "theories": _theories,
    "outcomes": _outcomes,
    "scenarios": _scenarios,
}
"""What there is to list: the function that lists each."""
