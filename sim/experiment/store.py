"""The folder of an experiment: batches of results, a manifest, and a lock that dies with its owner.

::

    DIR/manifest.json    versions, seed, resolved scenarios, hosts, times
    DIR/codebook.csv     name, unit, kind of every column
    DIR/runs/*.parquet   one row a run; written last, so a batch with no file here does not count
    DIR/series/*.parquet DIR/places/*.parquet

A file appears under its name only when it is complete and on disk: temporary name in the same folder, fsync,
rename.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim.errors import InputError, Problem, SimError
from sim.experiment.tables import SCHEMAS, TABLES, combined_digest, content_digest
from sim.world.outcomes import OUTCOMES

MANIFEST = "manifest.json"
FORMAT = 1


class StoreError(SimError):
    """Results that cannot be written or read back."""


class FolderBusyError(SimError):
    """Another live process is writing into the folder."""

    exit_code = 4


@dataclass(frozen=True)
class Store:
    """Reads and writes one experiment's folder. Holds nothing but the path: cheap to send to a worker."""

    folder: Path

    def prepare(self) -> None:
        """Create the folder, or accept one that is empty or already holds results of this program."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            content = {path.name for path in self.folder.iterdir()} - {".lock"}
            if content and not (self.folder / MANIFEST).is_file():
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

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder; a second live owner gets FolderBusyError, a dead one has let go."""
        try:
            import fcntl
        except ImportError:  # not a POSIX system: no lock to take
            yield
            return
        with (self.folder / ".lock").open("a+", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                handle.seek(0)
                owner = handle.read().strip() or "another process"
                raise FolderBusyError(
                    f"{self.folder}: in use by {owner}; wait for it or choose another --out"
                ) from None
            handle.truncate(0)
            handle.write(f"process {os.getpid()} on {socket.gethostname()}")
            handle.flush()
            try:
                yield
            finally:
                handle.truncate(0)

    def path(self, table: str, key: str) -> Path:
        """Return where a batch keeps one of its tables."""
        return self.folder / table / f"{key}.parquet"

    def write_batch(self, key: str, tables: Mapping[str, pa.Table]) -> None:
        """Write a batch: series and places first, ``runs`` last, which makes it count."""
        rows = {f"{name}_rows": str(tables[name].num_rows) for name in ("series", "places")}
        for name in ("series", "places", "runs"):
            table = tables[name]
            if name == "runs":
                table = table.replace_schema_metadata(rows)
            self._write_parquet(self.path(name, key), table)

    def good(self, key: str) -> bool:
        """Tell whether a batch is complete: three readable files with as many rows as were written."""
        try:
            written = pq.read_schema(self.path("runs", key)).metadata or {}
            return all(
                pq.read_metadata(self.path(name, key)).num_rows == int(written[f"{name}_rows".encode()])
                for name in ("series", "places")
            )
        except (OSError, pa.ArrowInvalid, KeyError):
            return False

    def batches(self) -> list[str]:
        """List the complete batches."""
        return [key for key in sorted(path.stem for path in (self.folder / "runs").glob("*.parquet")) if self.good(key)]

    def finished(self) -> dict[str, str]:
        """Map the id of every stored run to its status, done or failed."""
        status: dict[str, str] = {}
        for key in self.batches():
            table = pq.read_table(self.path("runs", key), columns=["run", "status"])
            status.update(zip(table["run"].to_pylist(), table["status"].to_pylist(), strict=True))
        return status

    def read(self, table: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Yield one table batch by batch, so that memory does not grow with the experiment."""
        for key in self.batches():
            try:
                with pq.ParquetFile(self.path(table, key), page_checksum_verification=True) as file:
                    yield file.read(columns=columns)
            except (OSError, pa.ArrowException) as error:
                raise StoreError(f"{self.path(table, key)}: damaged: {error}") from None

    def runs(self) -> pa.Table:
        """Return the whole ``runs`` table in order of scenario, point and replication."""
        tables = list(self.read("runs"))
        whole = pa.concat_tables(tables) if tables else SCHEMAS["runs"].empty_table()
        return whole.sort_by([("scenario", "ascending"), ("point", "ascending"), ("replication", "ascending")])

    def recorded_hash(self, table: str) -> str:
        """Return the hash of ``series`` or ``places`` from the digests taken when the runs were stored."""
        runs = self.runs().filter(pc.field("status") == "done")
        return combined_digest(zip(runs["run"].to_pylist(), runs[f"{table}_sha256"].to_pylist(), strict=True))

    def content_hash(self, table: str) -> str:
        """Return the hash of ``series`` or ``places`` computed again from the stored rows.

        Rows count sorted by run, then month or window, then state or place, columns in schema order; the
        encoding, the batches and the order of the files do not matter.
        """
        return combined_digest(self.digests(table))

    def digests(self, table: str) -> Iterator[tuple[str, str]]:
        """Yield each stored run with the digest of its rows in ``series`` or ``places``."""
        order = ("month", "state") if table == "series" else ("window", "state", "district", "community")
        for batch in self.read(table):
            for run in batch["run"].unique().to_pylist():
                rows = batch.filter(pc.equal(batch["run"], run))
                plain = pa.table({name: _text(rows[name]) for name in order})
                yield (
                    run,
                    content_digest(rows.take(pc.sort_indices(plain, [(name, "ascending") for name in order]))),
                )

    def clean(self) -> None:
        """Remove temporary files and tables of batches that never became complete."""
        for table in TABLES:
            for left in (self.folder / table).glob(".*.tmp"):
                left.unlink(missing_ok=True)
        complete = set(self.batches())
        for table in TABLES:
            for path in (self.folder / table).glob("*.parquet"):
                if path.stem not in complete:
                    path.unlink(missing_ok=True)

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
        self._write_bytes(self.folder / MANIFEST, (text + "\n").encode())

    def write_codebook(self) -> None:
        """Write what every outcome column means."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["name", "label", "unit", "kind", "states_combine_by", "better", "text"])
        for item in OUTCOMES:
            writer.writerow([item.name, item.label, item.unit, item.kind, item.pool, item.better, item.text])
        self._write_bytes(self.folder / "codebook.csv", text.getvalue().encode())

    def _write_parquet(self, path: Path, table: pa.Table) -> None:
        labels = [entry.name for entry in table.schema if pa.types.is_dictionary(entry.type)]
        floats = {entry.name: "BYTE_STREAM_SPLIT" for entry in table.schema if pa.types.is_floating(entry.type)}
        buffer = pa.BufferOutputStream()
        pq.write_table(
            table,
            buffer,
            compression="zstd",
            compression_level=1,
            use_dictionary=labels,
            column_encoding=floats,
            write_statistics=False,
            write_page_checksum=True,
        )
        self._write_bytes(path, buffer.getvalue())

    def _write_bytes(self, path: Path, content: Any) -> None:
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from None


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _sync_folder(folder: Path) -> None:
    """Make a rename durable where the system lets a folder be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
