"""List what scenarios can use and what runs record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from sim.api.levers import levers
from sim.errors import InputError, Problem, nearest
from sim.interventions import catalogue as read
from sim.interventions.words import role
from sim.parameters import CATALOGUE
from sim.parameters.theories import THEORIES
from sim.scenario import shipped_scenarios
from sim.scenario.layers import find_scenario
from sim.scenario.text import parse
from sim.world.outcomes import OUTCOMES


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
