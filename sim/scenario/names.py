"""Which entry of the catalogue a name was meant for."""

from __future__ import annotations

import re
from typing import Any, Literal

from sim.errors import nearest
from sim.interventions import catalogue
from sim.parameters import CATALOGUE as PARAMETERS
from sim.region.slips import fold

Kind = Literal["intervention", "shock"]


def entries(kind: Kind) -> dict[str, Any]:
    """Return the catalogue's interventions by row, or its shocks by key."""
    return dict(catalogue().interventions if kind == "intervention" else catalogue().shocks)


def type_hint(name: str, kind: Kind) -> str:
    """Return a tip for a type that is in no catalogue under this name."""
    word = fold(name)
    other: Kind = "shock" if kind == "intervention" else "intervention"
    row = re.fullmatch(r"i?0*([0-9]{1,2})", word)
    if kind == "intervention" and row and f"I{row[1]}" in entries(kind):
        return f"write I{row[1]}"
    if row:
        return "the catalogue has no such row"
    for key, entry in entries(kind).items():
        if word in (fold(key), fold(entry.key), fold(entry.name)):
            return f"write {entry.key}"
    for key, entry in entries(other).items():
        if word in (fold(key), fold(entry.key), fold(entry.name)):
            return f"that is one of the {other}s: list it under {other}s"
    keys = [entry.key for entry in entries(kind).values()]
    return nearest(name, [*keys, *entries(kind)]) or _within(word, kind)


def _within(word: str, kind: Kind) -> str:
    """Return a tip naming up to three entries whose key or name holds the word."""
    found = [entry.key for entry in entries(kind).values() if len(word) >= 4 and word in fold(entry.key + entry.name)]
    return f"did you mean {' or '.join(map(repr, found[:3]))}?" if found else ""


def parameter_hint(name: str) -> str:
    """Return a tip for a parameter that does not exist."""
    close = nearest(name, PARAMETERS)
    if close:
        return close
    word = fold(name)
    found = [key for key, item in sorted(PARAMETERS.items()) if len(word) >= 4 and word in fold(key + item.text)]
    return f"did you mean {' or '.join(map(repr, found[:3]))}?" if found else ""
