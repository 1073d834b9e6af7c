"""Files that are whole or absent: temporary name in the same folder, fsync, rename. Tables as Parquet bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import SimError

TEMPORARY = ".*.tmp"
"""Pattern of the names that files have while they are written."""


class StoreError(SimError):
    """Results that cannot be written or read back."""


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


def _sync_folder(folder: Path) -> None:
    """Make a rename durable where the system lets a folder be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
