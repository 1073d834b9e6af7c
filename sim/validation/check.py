"""Carry out a list of facts, keep what is done, and give the results one form."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from sim import __version__
from sim.errors import InputError, Problem, nearest
from sim.experiment import model_hash
from sim.validation.calibration.findings import CALIBRATION
from sim.validation.docking import DOCKING
from sim.validation.facts import FACTS, Fact
from sim.validation.hindcast import Asked, Settings, hindcast_facts, settings_of
from sim.validation.lab import Lab
from sim.validation.records import Result, read_result
from sim.validation.trials import TRIALS

FORMAT = 1
HINDCAST = hindcast_facts(lambda: settings_of(Asked()))
KINDS: dict[str, tuple[Fact, ...]] = {
    "facts": FACTS,
    "docking": DOCKING,
    "trials": TRIALS,
    "hindcast": HINDCAST,
    "calibration": CALIBRATION,
}
NO_MEASUREMENT = ("page.py", "standing.py", "check.py")
COLUMNS = ("fact", "title", "what", "value", "low", "high", "unit", "window", "basis", "verdict", "note", "status")


def chosen(kind: str, only: Sequence[str], settings: Settings | None = None) -> tuple[Fact, ...]:
    """The facts of a kind, or those named; unknown names are refused, all at once.

    ``settings`` of a hindcast replace its defaults.
    """
    facts = hindcast_facts(lambda: settings, settings.key) if settings is not None else KINDS[kind]
    if not only:
        return facts
    names = {fact.key.lower(): fact.key for fact in facts}
    unknown = [name for name in only if name.lower() not in names]
    if unknown:
        allowed = ", ".join(names.values())
        raise InputError(
            [
                Problem("there is no such check", key="--only", got=name, allowed=allowed, hint=nearest(name, list(names.values())))
                for name in unknown
            ]
        )  # fmt: skip
    wanted = {names[name.lower()] for name in only}
    return tuple(fact for fact in facts if fact.key in wanted)


def sources_hash() -> str:
    """Hash of model and measurements together: a stored finding is reused only while neither has changed."""
    digest = hashlib.sha256(model_hash().encode())
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".yaml", ".csv") and path.name not in NO_MEASUREMENT:
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def measure(fact: Fact, lab: Lab) -> Result:
    """Measure one fact."""
    started = time.perf_counter()
    made = fact.measure(lab)
    return Result(
        fact.key, fact.title, fact.source, made.rows, made.simulated, made.method, made.picture, made.suspected,
        made.tried, time.perf_counter() - started,
    )  # fmt: skip


def check(
    facts: Sequence[Fact], lab: Lab, folder: Path | None = None, said: Callable[[Result], None] | None = None
) -> list[Result]:
    """Measure facts one after the other; what is in ``folder`` from the same sources is read instead."""
    identity = f"{sources_hash()}{' quick' if lab.quick else ''}"
    results = []
    for fact in facts:
        kept = folder / f"{fact.key}.json" if folder is not None else None
        here = f"{identity} {fact.settings}".rstrip()
        result = _kept(kept, here) or measure(fact, lab)
        if kept is not None and not kept.exists():
            _write(kept, {"identity": here, "result": result.content()})
        if said is not None:
            said(result)
        results.append(result)
    return results


def _kept(path: Path | None, identity: str) -> Result | None:
    if path is None or not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["identity"] == identity:
            return read_result(stored["result"])
    except (ValueError, KeyError, TypeError):
        pass
    path.unlink()
    return None


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def stored_form(kind: str, results: Sequence[Result], quick: bool) -> dict[str, Any]:
    """What is kept of a check: no dates, times or machines."""
    return {
        "format": FORMAT,
        "kind": kind,
        "version": __version__,
        "model": model_hash(),
        "quick": quick,
        "results": [result.content() for result in results],
    }


def write_stored(path: Path, kind: str, results: Sequence[Result], quick: bool) -> None:
    """Write a check's results as JSON."""
    _write(path, stored_form(kind, results, quick))


def named(kind: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    """What `write_stored` takes, from stored results; titles and sources of facts are those of the code.

    Raises
    ------
    InputError
        If the results are of another model: they would be published under a wrong name.
    """
    if stored["kind"] != kind or stored["model"] != model_hash():
        raise InputError(f"these results of {kind} are of another version of the model: run the check again")
    facts = {fact.key: fact for fact in KINDS[kind]}
    results = [read_result(one) for one in stored["results"]]
    made = [replace(one, title=facts[one.key].title, source=facts[one.key].source) for one in results]
    return {"kind": kind, "results": made, "quick": stored["quick"]}


def frame(results: Sequence[Result]) -> pd.DataFrame:
    """One line for every row of every fact, in the order of `COLUMNS`."""
    lines = [
        (r.key, r.title, row.what, row.value, row.low, row.high, row.unit, row.window, row.basis, row.verdict, row.note,
         row.status)
        for r in results
        for row in r.rows
    ]  # fmt: skip
    return pd.DataFrame(lines, columns=list(COLUMNS))
