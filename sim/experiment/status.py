"""Where a folder of results stands, and whether it can be trusted; nothing is changed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.errors import InputError
from sim.experiment.files import TEMPORARY, StoreError, file_sha256, holder
from sim.experiment.folder import BATCH_NAME, MANIFEST, OWN, ResultsFolder
from sim.experiment.tables import TABLES

WRITTEN_AFTER = frozenset(
    {"effects.csv", "over_time.csv", "districts.csv", "cost_effectiveness.csv", "figures", "report.html"}
)
"""What a folder may hold besides, before its checksums are recorded."""


@dataclass(frozen=True)
class FailureGroup:
    """Failed runs that ended alike: where, how, how many, and how to repeat one of them."""

    stage: str
    error: str
    runs: int
    reproduce: str


@dataclass(frozen=True)
class Status:
    """What is done, missing and failed.

    ``state`` is running, complete, failed, interrupted or unknown (no manifest). ``planned`` is None when nothing
    says how many runs there are to be. ``incomplete`` names batches whose files do not fit together; they do not
    count, and are run again. ``changed`` lists what has changed since the runs were made: with any of it, none of
    the stored runs fits the same command any more. ``versions`` lists libraries that changed, which alone make
    no run invalid.
    """

    folder: Path
    kind: str
    state: str
    owner: str
    planned: int | None
    done: int
    failed: int
    failures: tuple[FailureGroup, ...] = ()
    incomplete: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    @property
    def missing(self) -> int | None:
        """Runs that are neither done nor failed."""
        return None if self.planned is None else max(0, self.planned - self.done - self.failed)


@dataclass(frozen=True)
class Finding:
    """One file that is not as it should be: ``kind`` is damaged, missing, foreign or leftover.

    A leftover is what a killed process was writing: it counts for nothing and the next session removes it.
    """

    kind: str
    file: str
    what: str

    @property
    def bad(self) -> bool:
        """Whether something is wrong with the results."""
        return self.kind != "leftover"


@dataclass(frozen=True)
class Verification:
    """What is wrong with a folder: ``findings``, of ``runs`` stored runs and ``missing`` ones not stored yet."""

    folder: Path
    findings: tuple[Finding, ...]
    runs: int
    missing: int | None

    @property
    def good(self) -> bool:
        """Whether everything that is there is whole and belongs there."""
        return not any(item.bad for item in self.findings)


def status(folder: Path | str) -> Status:
    """Tell what of an experiment is done, missing and failed, and what changed since.

    Parameters
    ----------
    folder : path
        A folder of ``run``, ``compare`` or ``sweep``.

    Raises
    ------
    InputError
        If the folder holds no results.
    """
    results = ResultsFolder.existing(folder)
    notes: list[str] = []
    manifest: dict[str, Any] = {}
    try:
        manifest = results.manifest()
        if not manifest:
            notes.append(f"{MANIFEST} is missing; the same command makes it again")
    except StoreError as error:
        notes.append(f"{error}; the same command makes it again")
    keys = results.batches()
    counts: Counter[str] = Counter()
    groups: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        counts.update(results.statuses(key).values())
        if counts["failed"] > sum(len(found) for found in groups.values()):
            for row in results.rows(key):
                if row["status"] == "failed":
                    groups.setdefault((row["stage"], row["error"]), []).append(row["reproduce"])
    failures = [
        FailureGroup(stage, error, len(found), found[0].replace("DIR", str(results.path)))
        for (stage, error), found in sorted(groups.items(), key=lambda item: -len(item[1]))
    ]
    owner = holder(results.path)
    state = str(manifest.get("status", "unknown"))
    if owner or state == "running":
        state = "running" if owner else "interrupted"
    return Status(
        folder=results.path,
        kind=str(manifest.get("kind", "unknown")),
        state=state,
        owner=owner,
        planned=manifest.get("planned"),
        done=counts["done"],
        failed=counts["failed"],
        failures=tuple(failures),
        incomplete=tuple(key for key in results.names() if key not in set(keys)),
        notes=tuple(notes),
        changed=tuple(results.changes()) if manifest.get("scenarios") else (),
        versions=tuple(results.version_changes()) if manifest else (),
    )


def verify(folder: Path | str) -> Verification:
    """Find every damaged, foreign or missing file of an experiment; every byte is read.

    Tables are checked against the checksums of their batch, the digests of their runs and the plan of the experiment;
    all other files against the checksums recorded when the experiment ended, if it did.

    Parameters
    ----------
    folder : path
        A folder of ``run``, ``compare`` or ``sweep``.

    Raises
    ------
    InputError
        If the folder holds no results.
    """
    results = ResultsFolder.existing(folder)
    findings = [*_manifest(results), *_tables(results), *_others(results)]
    damaged = {item.file for item in findings}
    findings += [item for item in _foreign_batches(results) if item.file not in damaged]
    stored = results.finished()
    try:
        planned = results.manifest().get("planned")
    except StoreError:
        planned = None
    missing = None if planned is None else max(0, planned - len(stored))
    return Verification(results.path, tuple(findings), len(stored), missing)


def _manifest(results: ResultsFolder) -> Iterator[Finding]:
    try:
        if not results.manifest():
            yield Finding("missing", MANIFEST, "the same command makes it again")
    except StoreError:
        yield Finding("damaged", MANIFEST, "cannot be read; the same command makes it again")


def _tables(results: ResultsFolder) -> Iterator[Finding]:
    keys = results.names()
    seen: dict[str, str] = {}
    for key in keys:
        if fault := results.fault(key):
            file, _, what = fault.removeprefix(f"{results.path}/").partition(": ")
            yield Finding("missing" if what == "missing" else "damaged", file, what)
            continue
        yield from _digests(results, key)
        for run in results.statuses(key):
            if run in seen:
                yield Finding("foreign", f"runs/{key}.parquet", f"run {run} is in runs/{seen[run]}.parquet too")
            seen[run] = key
    for table in TABLES:
        for path in sorted((results.path / table).rglob("*")):
            name = path.relative_to(results.path).as_posix()
            if path.match(TEMPORARY):
                yield Finding("leftover", name, "a process was killed while it wrote this")
            elif path.suffix != ".parquet" or path.parent.name != table or not BATCH_NAME.fullmatch(path.stem):
                yield Finding("foreign", name, "no batch has this name")
            elif table != "runs" and path.stem not in keys:
                yield Finding("leftover", name, "its batch was never finished, or its file in runs/ is lost")


def _digests(results: ResultsFolder, key: str) -> Iterator[Finding]:
    """Compute the digest of every run again."""
    rows = {row["run"]: row for row in results.rows(key) if row["status"] == "done"}
    for table in ("series", "places"):
        found = dict(results.digests(table, [key]))
        for run, row in rows.items():
            if found.get(run) != row[f"{table}_sha256"]:
                yield Finding("damaged", f"{table}/{key}.parquet", f"run {run} has other rows than were recorded")
        for run in found.keys() - rows.keys():
            yield Finding("foreign", f"{table}/{key}.parquet", f"holds run {run}, which its batch does not")


def _others(results: ResultsFolder) -> Iterator[Finding]:
    recorded = results.seals()
    present = set(results.other_files())
    for path in sorted(results.path.glob(TEMPORARY)):
        yield Finding("leftover", path.name, "a process was killed while it wrote this")
    if recorded is None:
        for name in sorted(present):
            if Path(name).parts[0] not in OWN | WRITTEN_AFTER:
                yield Finding("foreign", name, "not a file of this program")
        return
    for name, expected in sorted(recorded.items()):
        if name not in present:
            yield Finding("missing", name, "was there when the experiment ended")
        elif file_sha256(results.path / name) != expected:
            yield Finding("damaged", name, "its checksum is not the one recorded")
    for name in sorted(present - recorded.keys()):
        yield Finding("foreign", name, "was not there when the experiment ended")


def _foreign_batches(results: ResultsFolder) -> Iterator[Finding]:
    """Find whole batches of another experiment by making their ids again; impossible once something has changed."""
    try:
        if results.changes():
            return
    except InputError:
        return
    own = {entry["key"] for entry in results.recorded["scenarios"]}
    rows: dict[tuple[str, str, int], list[tuple[int, str, str]]] = defaultdict(list)
    for key in results.batches():
        for row in results.rows(key):
            point = json.dumps(results.point(row["parameters"]))
            rows[row["scenario"], point, row["point"]].append((row["replication"], row["run"], key))
    for (scenario, point, number), found in rows.items():
        most = max(replication for replication, _, _ in found)
        plan = results.plan(scenario, json.loads(point), most + 1, number) if scenario in own else None
        known = {run.run for run in plan.runs} if plan else set()
        for _, run, key in found:
            if run not in known:
                yield Finding("foreign", f"runs/{key}.parquet", f"run {run} is not one of this experiment")
