"""How far this version is validated: the words under every figure, from the last full check of the stylised facts."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from sim.model.identity import model_hash

FILE = Path(__file__).with_name("status.json")
"""Written when the results of a full check are published; the checks themselves are a package of their own."""


@lru_cache(maxsize=1)
def recorded() -> dict[str, Any]:
    """Return what the last published check found.

    Returns
    -------
    dict
        ``model``, the hash of the model that was checked; ``quick``, whether it was a reduced run; ``facts``, the
        number of facts; ``judged``, those with a verdict; ``passed``, those that passed.
    """
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def status(model: str = "") -> str:
    """Say in a few words how far a model is validated.

    Parameters
    ----------
    model : str
        Hash of the model that made the numbers, as in a manifest; this very model by default.

    Returns
    -------
    str
        "Illustrative" and why, unless a full check of all facts on the sources of that model passed.
    """
    found = recorded()
    words = outcome(found)
    if found["facts"] and found["model"] != (model or model_hash()):
        words = "illustrative: this version of the model has not been checked against facts"
    return words[0].upper() + words[1:]


def outcome(found: dict[str, Any]) -> str:
    """Say how a check of the facts ended, whatever has changed since; ``found`` as `recorded` returns it."""
    judged, passed = found["judged"], found["passed"]
    if not judged or found["quick"]:
        return "illustrative: facts not checked"
    if passed < found["facts"]:
        left = found["facts"] - judged
        more = f", {left} not measured yet" if left else ""
        return f"illustrative: passes {passed} of {judged} facts{more}"
    return f"passes all {passed} facts; no forecast"
