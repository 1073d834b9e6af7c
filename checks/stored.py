"""Results of full checks that are stored with the package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from checks.records import CheckResult, read_result

FOLDER = Path(__file__).parent / "results"


@lru_cache(maxsize=8)
def stored(kind: str = "facts") -> dict[str, Any]:
    """The stored results of a kind of check; an empty list of results if there are none."""
    path = FOLDER / f"{kind}.json"
    if not path.is_file():
        return {"kind": kind, "model": "", "quick": True, "results": []}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def results(kind: str = "facts") -> list[CheckResult]:
    """The stored results as records."""
    return [read_result(one) for one in stored(kind)["results"]]


def status_of(model: str, quick: bool, facts: Sequence[CheckResult]) -> dict[str, Any]:
    """What `sim.status` needs of a check of the facts: the content of its ``status.json``."""
    judged = [one for one in facts if one.verdict in ("pass", "fail")]
    return {
        "model": model,
        "quick": quick,
        "facts": len(facts),
        "judged": len(judged),
        "passed": sum(one.verdict == "pass" for one in judged),
    }


def stored_status() -> dict[str, Any]:
    """The same, of the stored results."""
    return status_of(stored()["model"], stored()["quick"], results())
