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
        The text with ``\\n`` line ends, or why it cannot be read. Links, folders, devices and files above
        20 MB are refused.
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
    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            return Problem("is not a plain file", file=name)
        if status.st_size > MAX_BYTES:
            return Problem("file is too large", file=name, got=f"{status.st_size:,} bytes",
                           allowed=f"at most {MAX_BYTES:,}")
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        return Problem("file is too large", file=name, allowed=f"at most {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Problem("is not UTF-8 text", file=name, line=line, hint="save the file as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")
