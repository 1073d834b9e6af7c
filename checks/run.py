"""Check the model against facts and other models: measure, keep what is done, write tables, figures and JSON."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from checks.calibration.findings import CALIBRATION
from checks.docking import DOCKING
from checks.facts import FACTS
from checks.hindcast import HindcastOptions, HindcastSettings, hindcast_facts, settings_of
from checks.lab import Lab, ProgressCallback
from checks.records import CheckResult, Fact, read_result
from checks.stored import FOLDER, results, stored, stored_status
from checks.trials import TRIALS
from sim import __version__
from sim.analysis import write_csv
from sim.errors import InputError, Problem, nearest
from sim.experiment import available_workers
from sim.model.identity import model_hash
from sim.status import FILE as STATUS

FORMAT = 1
HINDCAST = hindcast_facts(lambda: settings_of(HindcastOptions()))
KINDS: dict[str, tuple[Fact, ...]] = {
    "facts": FACTS,
    "docking": DOCKING,
    "trials": TRIALS,
    "hindcast": HINDCAST,
    "calibration": CALIBRATION,
}
NO_MEASUREMENT = ("page.py", "stored.py", "run.py", "command.py", "figures.py", "panels.py")
COLUMNS = ("fact", "title", "what", "value", "low", "high", "unit", "window", "basis", "verdict", "note", "status")


@dataclass(frozen=True, eq=False)
class Checked:
    """What a check found: the folder, the results, and one line for each measured row."""

    path: Path
    kind: str
    results: tuple[CheckResult, ...]
    table: pd.DataFrame


def check(
    kind: str = "facts",
    *,
    quick: bool = False,
    only: Sequence[str] = (),
    workers: int | None = None,
    out: Path | str | None = None,
    figures: bool = True,
    asked: HindcastOptions | None = None,
    progress: ProgressCallback | None = None,
    said: Callable[[CheckResult], None] | None = None,
) -> Checked:
    """Measure facts and judge each by its target range; failures are results, not errors.

    Writes ``<kind>.json``, ``<kind>.csv`` and one figure a fact. The same call in the same folder measures only what
    is missing, while neither the model nor the checks have changed.

    Parameters
    ----------
    kind : "facts", "docking", "trials", "calibration" or "hindcast"
    quick : bool
        A tenth of the replications: to see whether something broke, not to judge.
    only : sequence of str
        Keys of single facts, such as ``SF4``.
    workers : int, optional
        Processes; as many as processors by default.
    asked : HindcastOptions, optional
        Months, split, observed tables, scenario and parameters of a hindcast (`checks.hindcast`).
    said : callable, optional
        Called with every result as it comes.

    Raises
    ------
    InputError
        For an unknown kind or key, and for what a hindcast cannot use.
    """
    if kind not in KINDS:
        hint = nearest(kind, KINDS)
        raise InputError(Problem("no such check", key="check", got=kind, allowed=", ".join(KINDS), hint=hint))
    if asked not in (None, HindcastOptions()) and kind != "hindcast":
        options = "--from, --to, --split, --observed, --scenario and --parameters"
        raise InputError(f"check: {options} are options of hindcast")
    facts = chosen(kind, only, settings_of(asked or HindcastOptions()) if kind == "hindcast" else None)
    folder = Path(out) if out is not None else Path("results") / f"check_{kind}{'_quick' if quick else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    with Lab(quick=quick, workers=workers or available_workers(), progress=progress, folder=folder / "bank") as lab:
        results = carry_out(facts, lab, folder / "parts", said)
    table = frame(results)
    write_stored(folder / f"{kind}.json", kind, results, quick)
    write_csv(table, folder / f"{kind}.csv")
    if figures:
        from checks.figures import write_figures

        write_figures(kind, results, folder / "figures")
    return Checked(folder, kind, tuple(results), table)


def publish(folder: Path | None, root: Path) -> list[Path]:
    """Make the last full run the one that the package and its page speak of.

    Copies the JSON of every kind that ``folder`` holds (None: keeps what is stored), redraws the small figures of the page and
    writes ``docs/validation.md`` under ``root``, the repository.
    """
    from checks.figures import page_figures
    from checks.page import page

    written = []
    for kind in KINDS:
        source = folder / f"{kind}.json" if folder is not None else None
        if source is not None and source.is_file():
            write_stored(FOLDER / f"{kind}.json", **named(kind, json.loads(source.read_text(encoding="utf-8"))))
            written.append(FOLDER / f"{kind}.json")
    stored.cache_clear()
    _write(STATUS, stored_status())
    written.append(STATUS)
    images = root / "docs" / "images" / "validation"
    for kind in KINDS:
        written += page_figures(kind, results(kind), images)
    target = root / "docs" / "validation.md"
    target.write_text(page(), encoding="utf-8")
    return [*written, target]


def chosen(kind: str, only: Sequence[str], settings: HindcastSettings | None = None) -> tuple[Fact, ...]:
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
        hints = {name: nearest(name, list(names.values())) for name in unknown}
        problem = partial(Problem, "there is no such check", key="--only", allowed=allowed)
        raise InputError([problem(got=name, hint=hint) for name, hint in hints.items()])
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


def carry_out(
    facts: Sequence[Fact], lab: Lab, folder: Path | None = None, said: Callable[[CheckResult], None] | None = None
) -> list[CheckResult]:
    """Measure facts one after the other; what is in ``folder`` from the same sources is read instead."""
    identity = f"{sources_hash()}{' quick' if lab.quick else ''}"
    results = []
    for fact in facts:
        kept = folder / f"{fact.key}.json" if folder is not None else None
        here = f"{identity} {fact.settings}".rstrip()
        result = _kept(kept, here)
        if result is None:
            started = time.perf_counter()
            found = fact.measure(lab)
            seconds = time.perf_counter() - started
            result = CheckResult(fact.key, fact.title, fact.source, **vars(found), seconds=seconds)
        if kept is not None and not kept.exists():
            _write(kept, {"identity": here, "result": result.content()})
        if said is not None:
            said(result)
        results.append(result)
    return results


def _kept(path: Path | None, identity: str) -> CheckResult | None:
    if path is None or not path.is_file():
        return None
    with suppress(ValueError, KeyError, TypeError):  # a damaged file is measured again
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["identity"] == identity:
            return read_result(stored["result"])
    path.unlink()
    return None


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def write_stored(path: Path, kind: str, results: Sequence[CheckResult], quick: bool) -> None:
    """Write a check's results as JSON, without dates, times or machines."""
    content = [result.content() for result in results]
    head = {"format": FORMAT, "kind": kind, "version": __version__, "model": model_hash(), "quick": quick}
    _write(path, {**head, "results": content})


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


def frame(results: Sequence[CheckResult]) -> pd.DataFrame:
    """One line for every row of every fact, in the order of `COLUMNS`."""
    lines = [{**vars(row), "fact": result.key, "title": result.title} for result in results for row in result.rows]
    return pd.DataFrame(lines, columns=list(COLUMNS))
