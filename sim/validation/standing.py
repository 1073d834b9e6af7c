"""The word under every figure, derived from the last full run that is stored with the package."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from sim.experiment import model_hash
from sim.validation.records import Result, read_result

FOLDER = Path(__file__).parent / "results"


@lru_cache(maxsize=4)
def stored(kind: str = "facts") -> dict[str, Any]:
    """The stored results of a kind of check; an empty list of results if there are none."""
    path = FOLDER / f"{kind}.json"
    if not path.is_file():
        return {"kind": kind, "model": "", "quick": True, "results": []}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def results(kind: str = "facts") -> list[Result]:
    """The stored results as records."""
    return [read_result(one) for one in stored(kind)["results"]]


def status(model: str = "") -> str:
    """Say in a few words how far a model has been checked.

    Parameters
    ----------
    model : str
        Hash of the model that made the numbers, as in a manifest; this very model by default.

    Returns
    -------
    str
        "Illustrative" and why, unless a full run of all facts on the sources of that model passed.
    """
    words = last_run()
    if stored()["results"] and stored()["model"] != (model or model_hash()):
        words = "illustrative: this version of the model has not been checked against facts"
    return words[0].upper() + words[1:]


def last_run() -> str:
    """Say how the last full run ended, whatever has changed since; what the page about that run says."""
    made = results()
    tested = [one for one in made if one.verdict in ("pass", "fail")]
    if not tested or stored()["quick"]:
        return "illustrative: facts not checked"
    passed = sum(one.verdict == "pass" for one in tested)
    if passed < len(tested) or len(tested) < len(made):
        left = len(made) - len(tested)
        more = f", {left} not measured yet" if left else ""
        return f"illustrative: passes {passed} of {len(tested)} facts{more}"
    return f"passes all {passed} facts; no forecast"
