"""Find the files that ship with the package, and read files of unknown origin: plain, of a sane size, UTF-8."""

from __future__ import annotations

import codecs
import os
import re
import stat
from pathlib import Path

from sim.errors import Problem

MAX_BYTES = 20_000_000
_FLAGS = ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
_KNOWN_STARTS = (
    (b"PK\x03\x04", "this is a Word, Excel or zip file"),
    (b"\xd0\xcf\x11\xe0", "this is an old Word or Excel file"),
    (b"%PDF", "this is a PDF file"),
    (b"\x89PNG", "this is a picture"),
    (b"\x1f\x8b", "this is a compressed file"),
    (b"PAR1", "this is a table of results"),
)


def shipped_root() -> Path:
    """Return the folder that holds the shipped scenarios.

    Returns
    -------
    Path
        ``sim/_scenarios`` of an installed wheel, else ``scenarios`` beside the package of a checkout.
    """
    return _shipped("scenarios")


def shipped_studies() -> Path:
    """Return the folder that holds the shipped experiments, found in the same way.

    Returns
    -------
    Path
        ``sim/_experiments`` of an installed wheel, else ``experiments`` beside the package of a checkout.
    """
    return _shipped("experiments")


def _shipped(name: str) -> Path:
    package = Path(__file__).resolve().parent.parent
    installed = package / f"_{name}"
    return installed if installed.is_dir() else package.parent / name


def is_file(path: Path) -> bool:
    """Say whether a path leads to a file; False for a path no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_bytes(path: Path, most: int, shown: str) -> bytes | Problem:
    """Read a regular file.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        The largest size read, in bytes.
    shown : str
        The file's name in messages.

    Returns
    -------
    bytes or Problem
        The content, or why it is not read. Links, folders, pipes, devices and larger files are refused.
    """
    flags = os.O_RDONLY
    for name in _FLAGS:
        flags |= getattr(os, name, 0)
    try:
        if path.is_symlink():
            hint = "put a copy of the file here"
            return Problem("is a symbolic link", file=shown, allowed="a regular file", hint=hint)
        handle = os.open(path, flags)
    except FileNotFoundError:
        return Problem("does not exist", file=shown)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Problem(f"cannot be read: {reason}", file=shown)
    try:
        return _unfit(os.fstat(handle), most, shown) or _read_all(handle, most, shown)
    except OSError as error:
        return Problem(f"cannot be read: {error.strerror}", file=shown)
    finally:
        os.close(handle)


def _unfit(status: os.stat_result, most: int, shown: str) -> Problem | None:
    """Say why an open file is not read: only regular files of a sane size are."""
    if not stat.S_ISREG(status.st_mode):
        what = "is a folder" if stat.S_ISDIR(status.st_mode) else "is a pipe, socket or device"
        return Problem(what, file=shown, allowed="a regular file")
    return _too_large(status.st_size, most, shown) if status.st_size > most else None


def _too_large(size: int, most: int, shown: str) -> Problem:
    return Problem("is too large", file=shown, got=f"{size:,} bytes", allowed=f"at most {most:,} bytes")


def _read_all(handle: int, most: int, shown: str) -> bytes | Problem:
    """Read at most one byte more than the limit; the file may have grown."""
    parts: list[bytes] = []
    size = 0
    while size <= most and (part := os.read(handle, most + 1 - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts) if size <= most else _too_large(size, most, shown)


def decode(data: bytes, shown: str) -> str | Problem:
    """Return UTF-8 text without its byte order mark, or where it is not UTF-8."""
    known = next((what for start, what in _KNOWN_STARTS if data.startswith(start)), "")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        if not known:
            return data.decode()
        wrong = 0
    except UnicodeDecodeError as error:
        wrong = error.start
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    hint = known or ("this looks like UTF-16; save the file as UTF-8" if utf16 else "save the file as UTF-8")
    line, column = position(data[:wrong].decode(errors="replace"))
    return Problem("is not UTF-8 text", shown, line, column, got=f"byte 0x{data[wrong]:02x}", hint=hint)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text as editors and YAML 1.2 count them."""
    return re.split(r"\r\n|\r|\n", text)


def position(before: str) -> tuple[int, int]:
    """Return the line and column, from 1, of what follows a text."""
    lines = lines_of(before)
    return len(lines), len(lines[-1]) + 1


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
    data = read_bytes(folder / name, MAX_BYTES, name)
    if isinstance(data, Problem):
        return data
    text = decode(data, name)
    return text if isinstance(text, Problem) else text.replace("\r\n", "\n").replace("\r", "\n")
