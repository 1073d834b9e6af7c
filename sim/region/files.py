"""Read files of unknown origin: plain, of a sane size, UTF-8, and nothing else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sim.errors import Problem

MAX_BYTES = 20_000_000


def read_text(folder: Path, name: str) -> str | Problem:
    """Read one file of a folder.

    Parameters
    ----------
    folder : Path
        The folder; the file must lie directly in it.
    name : str
        The name of the file.

    Returns
    -------
    str or Problem
        The text with line feeds as line ends, or why it cannot be read. Links, folders, devices and files
        above 20 MB are refused.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    path = folder / name
    if path.is_symlink():
        return Problem("is a link to another file", file=name, hint="put a copy of the file here")
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        return Problem("file is missing", file=name)
    except OSError as error:
        return Problem(f"cannot be read: {error.strerror}", file=name)
    try:
        problem = _check_status(os.fstat(handle), name)
        data = b"" if problem else _read_all(handle)
    except OSError as error:
        problem = Problem(f"cannot be read: {error.strerror}", file=name)
    finally:
        os.close(handle)
    if problem:
        return problem
    if len(data) > MAX_BYTES:
        return Problem("file is too large", file=name, allowed=f"at most {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Problem("is not UTF-8 text", file=name, line=line, hint="save the file as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _check_status(status: os.stat_result, name: str) -> Problem | None:
    """Only plain files of a sane size are read."""
    if not stat.S_ISREG(status.st_mode):
        return Problem("is not a plain file", file=name)
    if status.st_size > MAX_BYTES:
        got = f"{status.st_size:,} bytes"
        return Problem("file is too large", file=name, got=got, allowed=f"at most {MAX_BYTES:,} bytes")
    return None


def _read_all(handle: int) -> bytes:
    """At most one byte more than the limit."""
    parts: list[bytes] = []
    size = 0
    while size <= MAX_BYTES and (part := os.read(handle, MAX_BYTES + 1 - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)
