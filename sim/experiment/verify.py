"""Find every damaged, foreign or missing file of an experiment's folder; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sim.experiment.files import TEMPORARY, StoreError, file_sha256
from sim.experiment.store import BATCH_NAME, MANIFEST, OWN, Store
from sim.experiment.tables import TABLES

WRITTEN_AFTER = frozenset(
    {"effects.csv", "over_time.csv", "districts.csv", "cost_effectiveness.csv", "figures", "report.html"}
)
"""What a folder may hold besides, before its checksums are recorded."""


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


def find_damage(store: Store) -> Iterator[Finding]:
    """Read every byte of a folder and yield what is wrong with it.

    Tables are held against the checksums of their batch and the digests of their runs; all other files against
    the checksums recorded when the experiment ended, if it did.
    """
    yield from _manifest(store)
    yield from _tables(store)
    yield from _others(store)


def _manifest(store: Store) -> Iterator[Finding]:
    try:
        if not store.manifest():
            yield Finding("missing", MANIFEST, "the same command makes it again")
    except StoreError:
        yield Finding("damaged", MANIFEST, "cannot be read; the same command makes it again")


def _tables(store: Store) -> Iterator[Finding]:
    keys = store.names()
    seen: dict[str, str] = {}
    for key in keys:
        if fault := store.fault(key):
            file, _, what = fault.removeprefix(f"{store.folder}/").partition(": ")
            yield Finding("missing" if what == "missing" else "damaged", file, what)
            continue
        yield from _digests(store, key)
        for run in store.statuses(key):
            if run in seen:
                yield Finding("foreign", f"runs/{key}.parquet", f"run {run} is in runs/{seen[run]}.parquet too")
            seen[run] = key
    for table in TABLES:
        for path in sorted((store.folder / table).rglob("*")):
            name = path.relative_to(store.folder).as_posix()
            if path.match(TEMPORARY):
                yield Finding("leftover", name, "a process was killed while it wrote this")
            elif path.suffix != ".parquet" or path.parent.name != table or not BATCH_NAME.fullmatch(path.stem):
                yield Finding("foreign", name, "no batch has this name")
            elif table != "runs" and path.stem not in keys:
                yield Finding("leftover", name, "its batch was never finished, or its file in runs/ is lost")


def _digests(store: Store, key: str) -> Iterator[Finding]:
    """Compute the digest of every run again."""
    rows = {row["run"]: row for row in store.rows(key) if row["status"] == "done"}
    for table in ("series", "places"):
        found = dict(store.digests(table, [key]))
        for run, row in rows.items():
            if found.get(run) != row[f"{table}_sha256"]:
                yield Finding("damaged", f"{table}/{key}.parquet", f"run {run} has other rows than were recorded")
        for run in found.keys() - rows.keys():
            yield Finding("foreign", f"{table}/{key}.parquet", f"holds run {run}, which its batch does not")


def _others(store: Store) -> Iterator[Finding]:
    recorded = store.seals()
    present = set(store.other_files())
    for path in sorted(store.folder.glob(TEMPORARY)):
        yield Finding("leftover", path.name, "a process was killed while it wrote this")
    if recorded is None:
        for name in sorted(present):
            if Path(name).parts[0] not in OWN | WRITTEN_AFTER:
                yield Finding("foreign", name, "not a file of this program")
        return
    for name, expected in sorted(recorded.items()):
        if name not in present:
            yield Finding("missing", name, "was there when the experiment ended")
        elif file_sha256(store.folder / name) != expected:
            yield Finding("damaged", name, "its checksum is not the one recorded")
    for name in sorted(present - recorded.keys()):
        yield Finding("foreign", name, "was not there when the experiment ended")
