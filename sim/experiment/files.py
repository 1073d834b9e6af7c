"""The files of a folder of results: written whole or not at all, one writer at a time, with a log.

`write_bytes` writes under a temporary name in the same folder, syncs, and renames. `locked` holds a folder for one process;
the system releases the lock when that process ends. `Log` appends what happened, a JSON object a line.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import SimError

TEMPORARY = ".*.tmp"
"""Pattern of the names that files have while they are written."""
LOCK, LOG = ".lock", "log.jsonl"
TRIES, PAUSE = 4, 0.1
"""``holder`` takes the lock for an instant to see whether it is free: a command that starts just then tries again."""


class StoreError(SimError):
    """Results that cannot be written or read back."""


class FolderBusyError(SimError):
    """Another live process is writing into the folder."""

    exit_code = 4


def write_bytes(path: Path, content: Any) -> None:
    """Put a file in place in one step, on disk before it has its name.

    Raises
    ------
    StoreError
        If the disk is full or the folder cannot be written; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        try:
            with temporary.open("wb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from None


def parquet_bytes(table: pa.Table) -> pa.Buffer:
    """Encode a table: zstd, floats split by byte, a checksum on every page."""
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
    return buffer.getvalue()


def file_sha256(path: Path) -> str:
    """Hash a file's bytes, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder; a second live owner gets FolderBusyError, a dead one has let go."""
    with (folder / LOCK).open("a+", encoding="utf-8") as handle:
        for left in reversed(range(TRIES)):
            if _take(handle, exclusive=True):
                break
            if not left:
                raise FolderBusyError(
                    f"{folder}: in use by {_owner(handle) or 'another process'}; wait for it or choose another --out"
                )
            time.sleep(PAUSE)
        with contextlib.suppress(OSError):  # a full disk: the lock holds, only its owner stays unnamed
            handle.truncate(0)
            handle.write(f"process {os.getpid()} on {socket.gethostname()}")
            handle.flush()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                handle.truncate(0)


def holder(folder: Path) -> str:
    """Say which live process holds a folder; empty when none does. Changes nothing."""
    try:
        with (folder / LOCK).open(encoding="utf-8") as handle:
            return "" if _take(handle, exclusive=False) else _owner(handle) or "another process"
    except OSError:
        return ""


def _owner(handle: IO[str]) -> str:
    handle.seek(0)
    return handle.read(200).strip()


def _take(handle: IO[str], *, exclusive: bool) -> bool:
    try:
        import fcntl
    except ImportError:  # not a POSIX system: no lock to take
        return True
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Log:
    """Appends events. A log that cannot be written costs a line, never a run."""

    folder: Path

    def write(self, event: str, **details: object) -> None:
        """Append one event with its time; events are start, batch, failure, lost, stop and finish."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": event, **details}, ensure_ascii=False) + "\n"
        with contextlib.suppress(OSError), (self.folder / LOG).open("ab+") as handle:
            if handle.tell() and not _ends_a_line(handle):
                line = "\n" + line  # the writer before was killed in the middle of one
            handle.write(line.encode())


def _ends_a_line(handle: IO[bytes]) -> bool:
    handle.seek(-1, 2)
    return handle.read(1) == b"\n"


def _sync_folder(folder: Path) -> None:
    """Make a rename durable where the system lets a folder be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
