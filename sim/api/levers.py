"""Levers in words: what one is a value of, the unit of a size on it, and how far the sum of all effects may go."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp
from typing import Any

from sim.interventions import CatalogueEntry, Channel, ShockType
from sim.interventions import catalogue as read
from sim.interventions.schema import ShockChannel
from sim.parameters import CATALOGUE
from sim.world.effects import CAPPED
from sim.world.levers import LEVERS, Lever

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
