"""Where an experiment's folder stands, read from its files; nothing is changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.experiment.files import StoreError
from sim.experiment.lock import holder
from sim.experiment.store import MANIFEST, Store


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
    count, and are run again. ``changed`` says what is not as it was when the runs were made: with any of it, none of
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


def read_status(store: Store) -> Status:
    """Read where a folder stands, as far as its files alone tell."""
    notes: list[str] = []
    manifest: dict[str, Any] = {}
    try:
        manifest = store.manifest()
        if not manifest:
            notes.append(f"{MANIFEST} is missing; the same command makes it again")
    except StoreError as error:
        notes.append(f"{error}; the same command makes it again")
    owner = holder(store.folder)
    keys = store.batches()
    statuses: Counter[str] = Counter()
    groups: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        statuses.update(store.statuses(key).values())
        if statuses["failed"] > sum(len(found) for found in groups.values()):
            for row in store.rows(key):
                if row["status"] == "failed":
                    groups.setdefault((row["stage"], row["error"]), []).append(row["reproduce"])
    failures = [
        FailureGroup(stage, error, len(found), found[0].replace("DIR", str(store.folder)))
        for (stage, error), found in sorted(groups.items(), key=lambda item: -len(item[1]))
    ]
    state = str(manifest.get("status", "unknown"))
    if owner or state == "running":
        state = "running" if owner else "interrupted"
    return Status(
        folder=store.folder,
        kind=str(manifest.get("kind", "unknown")),
        state=state,
        owner=owner,
        planned=manifest.get("planned"),
        done=statuses["done"],
        failed=statuses["failed"],
        failures=tuple(failures),
        incomplete=tuple(key for key in store.names() if key not in set(keys)),
        notes=tuple(notes),
    )
