"""List what scenarios can use and what runs record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from sim.errors import InputError, Problem
from sim.interventions import catalogue as read
from sim.interventions.words import role
from sim.parameters import CATALOGUE
from sim.world.outcomes import OUTCOMES


def catalogue(kind: str = "interventions") -> pd.DataFrame:
    """List what scenarios can use and what runs record.

    Parameters
    ----------
    kind : str
        ``interventions``, ``parameters``, ``outcomes`` or ``shocks``.
    """
    makers: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "interventions": _interventions,
        "parameters": _parameters,
        "outcomes": _outcomes,
        "shocks": _shocks,
    }
    if kind not in makers:
        raise InputError(Problem("no such catalogue", key="catalogue", got=kind, allowed=", ".join(makers)))
    return pd.DataFrame(makers[kind]())


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
