"""One process at a time writes into a folder; the lock dies with its owner."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sim.errors import SimError

LOCK = ".lock"
TRIES, PAUSE = 4, 0.1
"""``holder`` has the lock for an instant to see whether it is free: a sweep that starts just then tries again."""


class FolderBusyError(SimError):
    """Another live process is writing into the folder."""

    exit_code = 4


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
