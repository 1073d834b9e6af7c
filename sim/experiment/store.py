"""The folder of an experiment: batches of results and a manifest.

::

    DIR/manifest.json    versions, seed, resolved scenarios, hosts, times
    DIR/codebook.csv     name, unit, kind of every column
    DIR/log.jsonl        what happened when, a line an event
    DIR/checksums.sha256 of every file but the tables, once all is done
    DIR/runs/*.parquet   one row a run; written last, so a batch with no file here does not count
    DIR/series/*.parquet DIR/places/*.parquet

A file appears under its name only when it is complete and on disk. The ``runs`` file of a batch carries the
checksums of all three, and a batch is named after its runs; so everything that is not there, not whole or not
ours is found from the files alone.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim.errors import InputError, Problem
from sim.experiment.files import TEMPORARY, StoreError, file_sha256, parquet_bytes, write_bytes
from sim.experiment.lock import LOCK, locked
from sim.experiment.log import LOG
from sim.experiment.plan import key_of
from sim.experiment.tables import CODEBOOK, SCHEMAS, TABLES, codebook, combined_digest, content_digest

MANIFEST = "manifest.json"
CHECKSUMS = "checksums.sha256"
FORMAT = 1
TOGETHER = 200
"""Small tables joined at a time: each costs far more memory than its rows."""

BATCH_NAME = re.compile(r"[0-9a-f]{16}")
_INPUTS = ("scenarios", "experiment.yaml", "points.csv", "ensemble.csv")
OWN = frozenset({*TABLES, LOCK, LOG, MANIFEST, CHECKSUMS, "codebook.csv", *_INPUTS})
"""What a folder may hold before its manifest is there."""


@dataclass(frozen=True)
class Store:
    """Reads and writes one experiment's folder. Holds nothing but the path: cheap to send to a worker."""

    folder: Path

    def prepare(self) -> None:
        """Create the folder, or accept one that is empty or already holds results of this program.

        Results without a manifest are accepted: everything in it can be made again.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            names = {path.name for path in self.folder.iterdir() if not path.match(TEMPORARY)}
            if names - OWN and MANIFEST not in names and not self.batches():
                raise InputError(
                    Problem(
                        "the folder holds something else; nothing was written",
                        file=str(self.folder),
                        hint="choose another with --out",
                    )
                )
            for table in TABLES:
                (self.folder / table).mkdir(exist_ok=True)
            probe = self.folder / f".probe.{os.getpid()}.tmp"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise InputError(
                Problem(
                    f"cannot write results there: {error.strerror or error}",
                    file=str(self.folder),
                    hint="choose another folder with --out",
                )
            ) from None

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Hold the folder; a second live owner gets FolderBusyError, a dead one has let go."""
        return locked(self.folder)

    def path(self, table: str, key: str) -> Path:
        """Return where a batch keeps one of its tables."""
        return self.folder / table / f"{key}.parquet"

    def write_batch(self, tables: Mapping[str, pa.Table]) -> str:
        """Write a batch under the name of its runs: series and places first, ``runs`` last, which makes it count."""
        key = key_of(tables["runs"]["run"].to_pylist())
        sums = {"runs_sha256": _rows_sha256(tables["runs"])}
        for name in ("series", "places"):
            content = parquet_bytes(tables[name])
            sums[f"{name}_bytes"] = str(content.size)
            sums[f"{name}_sha256"] = hashlib.sha256(content).hexdigest()
            write_bytes(self.path(name, key), content)
        write_bytes(self.path("runs", key), parquet_bytes(tables["runs"].replace_schema_metadata(sums)))
        return key

    def good(self, key: str) -> bool:
        """Tell quickly whether a batch is complete: three files, each as long as it was written."""
        try:
            sums = pq.read_schema(self.path("runs", key)).metadata or {}
            return all(
                self.path(name, key).stat().st_size == int(sums[f"{name}_bytes".encode()])
                for name in ("series", "places")
            )
        except (OSError, pa.ArrowException, KeyError):
            return False

    def fault(self, key: str) -> str:
        """Say what is wrong with a batch, every byte read; empty when nothing is."""
        path = self.path("runs", key)
        try:
            runs = _read_whole(path)
            sums = {name.decode(): value.decode() for name, value in (runs.schema.metadata or {}).items()}
            if not runs.schema.equals(SCHEMAS["runs"]) or sums.get("runs_sha256") != _rows_sha256(runs):
                return f"{path}: damaged: its rows are not those that were written"
            if key != key_of(runs["run"].to_pylist()):
                return f"{path}: not this batch: the name does not fit its runs"
            for name in ("series", "places"):
                path = self.path(name, key)
                if file_sha256(path) != sums[f"{name}_sha256"]:
                    return f"{path}: damaged: its checksum is not the one recorded"
        except FileNotFoundError:
            return f"{path}: missing"
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            return f"{path}: damaged: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        return ""

    def names(self) -> list[str]:
        """List the names of all batches that have a ``runs`` file, whole or not."""
        found = (path.stem for path in (self.folder / "runs").glob("*.parquet"))
        return sorted(stem for stem in found if BATCH_NAME.fullmatch(stem))

    def batches(self) -> list[str]:
        """List the complete batches."""
        return [key for key in self.names() if self.good(key)]

    def statuses(self, key: str) -> dict[str, str]:
        """Map the runs of one batch to their status, done or failed."""
        table = pq.read_table(self.path("runs", key), columns=["run", "status"])
        return dict(zip(table["run"].to_pylist(), table["status"].to_pylist(), strict=True))

    def rows(self, key: str) -> list[dict[str, Any]]:
        """Return the rows of one batch in ``runs``."""
        found: list[dict[str, Any]] = pq.read_table(self.path("runs", key)).to_pylist()
        return found

    def row(self, run: str) -> dict[str, Any] | None:
        """Return the row of one run in ``runs``; None when it is not stored."""
        for table in self.read("runs"):
            found: list[dict[str, Any]] = table.filter(pc.field("run") == run).to_pylist()
            if found:
                return found[0]
        return None

    def finished(self) -> dict[str, str]:
        """Map the id of every stored run to its status, done or failed."""
        status: dict[str, str] = {}
        for key in self.batches():
            status.update(self.statuses(key))
        return status

    def read(
        self, table: str, columns: Sequence[str] | None = None, keys: Sequence[str] | None = None
    ) -> Iterator[pa.Table]:
        """Yield one table batch by batch, all or those named, so that memory does not grow with the experiment."""
        for key in self.batches() if keys is None else keys:
            try:
                yield _read_whole(self.path(table, key), columns)
            except (OSError, pa.ArrowException) as error:
                raise StoreError(f"{self.path(table, key)}: damaged: {error}") from None

    def runs(self) -> pa.Table:
        """Return the whole ``runs`` table in order of scenario, point and replication."""
        tables = [SCHEMAS["runs"].empty_table()]
        for table in self.read("runs"):
            tables.append(table.replace_schema_metadata())
            if len(tables) > TOGETHER:
                tables = [pa.concat_tables(tables).combine_chunks()]
        whole = pa.concat_tables(tables)
        return whole.sort_by([("scenario", "ascending"), ("point", "ascending"), ("replication", "ascending")])

    def recorded_hash(self, table: str) -> str:
        """Return the hash of ``series`` or ``places`` from the digests taken when the runs were stored."""
        column = f"{table}_sha256"
        pairs: list[tuple[str, str]] = []
        for runs in self.read("runs", ["run", "status", column]):
            done = runs.filter(pc.field("status") == "done")
            pairs += zip(done["run"].to_pylist(), done[column].to_pylist(), strict=True)
        return combined_digest(pairs)

    def content_hash(self, table: str) -> str:
        """Return the hash of ``series`` or ``places`` computed again from the stored rows.

        Rows count sorted by run, then month or window, then state or place, columns in schema order; the
        encoding, the batches and the order of the files do not matter.
        """
        return combined_digest(self.digests(table))

    def digests(self, table: str, keys: Sequence[str] | None = None) -> Iterator[tuple[str, str]]:
        """Yield each stored run, of all batches or those named, with the digest of its rows in a table."""
        order = ("month", "state") if table == "series" else ("window", "state", "district", "community")
        for batch in self.read(table, keys=keys):
            for run in batch["run"].unique().to_pylist():
                rows = batch.filter(pc.equal(batch["run"], run))
                plain = pa.table({name: _text(rows[name]) for name in order})
                yield (
                    run,
                    content_digest(rows.take(pc.sort_indices(plain, [(name, "ascending") for name in order]))),
                )

    def repair(self) -> dict[str, str]:
        """Read every byte; leave only whole batches, each run once; return ``finished()``.

        What is damaged or incomplete goes, to be run again.
        """
        self.remove_temporaries()
        whole = [key for key in self.names() if not self.fault(key)]
        kept = set(whole)
        for table in TABLES:
            for path in (self.folder / table).glob("*.parquet"):
                if BATCH_NAME.fullmatch(path.stem) and path.stem not in kept:
                    path.unlink(missing_ok=True)
        return self.settle(whole)

    def settle(self, keys: Sequence[str] | None = None) -> dict[str, str]:
        """Leave each run once in all complete batches, or in those named; return ``finished()``.

        A run is stored twice when a worker outlived its sweep: the copy that failed goes, or either.
        """
        whole = {key: self.statuses(key) for key in (self.batches() if keys is None else keys)}
        owner: dict[str, str] = {}
        for key, statuses in whole.items():
            for run, status in statuses.items():
                if run not in owner or (status == "done" and whole[owner[run]][run] == "failed"):
                    owner[run] = key
        kept = {key: {run for run in statuses if owner[run] == key} for key, statuses in whole.items()}
        for key in sorted(kept, key=lambda key: len(kept[key])):  # what goes wholly goes first: its name may be needed
            if len(kept[key]) < len(whole[key]):
                self.rewrite(key, kept[key])
        return {run: whole[key][run] for run, key in owner.items()}

    def rewrite(self, key: str, keep: Collection[str]) -> None:
        """Replace a batch by one with some of its runs."""
        if keep:
            tables = {name: pq.read_table(self.path(name, key)) for name in TABLES}
            wanted = pc.field("run").isin(sorted(keep))
            self.write_batch({name: table.filter(wanted) for name, table in tables.items()})
        for name in TABLES:
            self.path(name, key).unlink()

    def remove_temporaries(self) -> None:
        """Remove what a killed process was writing."""
        for folder in (self.folder, *(self.folder / table for table in TABLES)):
            for left in folder.glob(TEMPORARY):
                left.unlink(missing_ok=True)

    def manifest(self) -> dict[str, Any]:
        """Read the manifest; an absent one is empty."""
        try:
            with (self.folder / MANIFEST).open(encoding="utf-8") as handle:
                content = json.load(handle)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.folder / MANIFEST}: cannot be read: {error}") from None
        if not isinstance(content, dict):
            raise StoreError(f"{self.folder / MANIFEST}: not a manifest")
        return content

    def write_manifest(self, content: Mapping[str, Any]) -> None:
        """Replace the manifest in one step."""
        text = json.dumps({"format": FORMAT, **content}, indent=1, ensure_ascii=False, sort_keys=False)
        self.write_file(MANIFEST, text + "\n")

    def write_codebook(self, factors: Sequence[Mapping[str, object]] = ()) -> None:
        """Write what every column means, the factors of a design included."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([CODEBOOK, *codebook(factors)])
        self.write_file("codebook.csv", text.getvalue())

    def write_file(self, name: str, text: str) -> None:
        """Put a text file into the folder in one step; ``name`` is relative to it."""
        path = self.folder / name
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path.parent}: cannot be written: {error.strerror or error}") from None
        write_bytes(path, text.encode())

    def other_files(self) -> list[str]:
        """List the files of the folder that are neither tables nor lock, log, checksums or temporary."""
        left_out = {LOCK, LOG, CHECKSUMS}
        names = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return sorted(
            name.as_posix()
            for name in names
            if name.parts[0] not in TABLES and str(name) not in left_out and not name.match(TEMPORARY)
        )

    def seal(self) -> None:
        """Record the checksum of every file but the tables, as ``sha256sum`` does; call when all are written."""
        lines = [f"{file_sha256(self.folder / name)}  {name}\n" for name in self.other_files()]
        self.write_file(CHECKSUMS, "".join(lines))

    def seal_file(self, path: Path) -> None:
        """Record the checksum of one file that joined a sealed folder; elsewhere, and before the seal, do nothing."""
        recorded = self.seals()
        if recorded is None or not path.resolve().is_relative_to(self.folder.resolve()):
            return
        recorded[path.resolve().relative_to(self.folder.resolve()).as_posix()] = file_sha256(path)
        self.write_file(CHECKSUMS, "".join(f"{recorded[name]}  {name}\n" for name in sorted(recorded)))

    def seals(self) -> dict[str, str] | None:
        """Return recorded checksums by file name; None when none were recorded. A line that is none is left out."""
        try:
            lines = (self.folder / CHECKSUMS).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        return {name: digest for digest, _, name in (line.partition("  ") for line in lines) if name}

    def unseal(self) -> None:
        """Forget the checksums: files are about to change."""
        with contextlib.suppress(OSError):
            (self.folder / CHECKSUMS).unlink()


def _read_whole(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read(columns=columns)


def _rows_sha256(runs: pa.Table) -> str:
    """Hash rows of ``runs``; numbers as their shortest text, which is exact."""
    return hashlib.sha256(json.dumps(runs.to_pylist()).encode()).hexdigest()


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
