"""What a stored experiment holds, and whether it can be trusted; nothing is changed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sim.api.stored import StoredExperiment, no_results
from sim.errors import InputError
from sim.experiment import Store
from sim.experiment.status import Status, read_status
from sim.experiment.verify import Finding, find_damage


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

    Returns
    -------
    Status

    Raises
    ------
    InputError
        If the folder holds no results.
    """
    store = _store(folder)
    found = read_status(store)
    try:
        stored = StoredExperiment(store.folder)
        return replace(found, changed=tuple(stored.changes()), versions=tuple(stored.version_changes()))
    except InputError:  # no manifest: the notes say so
        return found


def verify(folder: Path | str) -> Verification:
    """Find every damaged, foreign or missing file of an experiment; every byte is read.

    Parameters
    ----------
    folder : path
        A folder of ``run``, ``compare`` or ``sweep``.

    Returns
    -------
    Verification

    Raises
    ------
    InputError
        If the folder holds no results.
    """
    store = _store(folder)
    findings = list(find_damage(store))
    damaged = {item.file for item in findings}
    findings += [item for item in _foreign_batches(store) if item.file not in damaged]
    now = read_status(store)
    return Verification(store.folder, tuple(findings), now.done + now.failed, now.missing)


def _store(folder: Path | str) -> Store:
    store = Store(Path(folder))
    if not (store.folder / "runs").is_dir():
        raise InputError(no_results(store.folder))
    return store


def _foreign_batches(store: Store) -> Iterator[Finding]:
    """Find whole batches of another experiment by making their ids again; if something changed, nobody can tell."""
    stored = StoredExperiment(store.folder)
    try:
        if stored.changes():
            return
    except InputError:
        return
    own = {entry["key"] for entry in stored.manifest["scenarios"]}
    rows: dict[tuple[str, str, int], list[tuple[int, str, str]]] = defaultdict(list)
    for key in store.batches():
        for row in store.rows(key):
            point = json.dumps(stored.point(row["parameters"]))
            rows[row["scenario"], point, row["point"]].append((row["replication"], row["run"], key))
    for (scenario, point, number), found in rows.items():
        most = max(replication for replication, _, _ in found)
        plan = stored.plan(scenario, json.loads(point), most + 1, number) if scenario in own else None
        known = {run.run for run in plan.runs} if plan else set()
        for _, run, key in found:
            if run not in known:
                yield Finding("foreign", f"runs/{key}.parquet", f"run {run} is not one of this experiment")
