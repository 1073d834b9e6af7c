"""How kernels are compiled: one decorator, and a cache that cannot go stale.

Numba's disk cache looks only at the file of the function itself; after an edit of a callee in another file it
would return old code, and after an edit of a constant elsewhere the old number. The cache folder is therefore named by a
hash of every kernel source and of the files whose constants kernels take in.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numba


def _cache_root() -> Path:
    base = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "stabsim"
    home = os.environ.get("HOME")
    if home and os.access(home, os.W_OK):
        return Path(home) / ".cache" / "stabsim"
    return Path(tempfile.gettempdir()) / f"stabsim-{os.getuid()}"


def compiled_from() -> list[Path]:
    """Sources that compiled code depends on, apart from the file of a kernel elsewhere."""
    package = Path(__file__).parents[1]
    elsewhere = ("types.py", "world/levers.py", "world/outcomes.py")
    return [*sorted(Path(__file__).parent.glob("*.py")), *(package / name for name in elsewhere)]


def _sources_hash() -> str:
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=8)
    for path in compiled_from():
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


numba.config.CACHE_DIR = str(_cache_root() / f"kernels-{_sources_hash()}")

kernel = numba.njit(cache=True, nogil=True, error_model="numpy")
"""Compile for one thread."""

inner_kernel = numba.njit(cache=True, nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""Compile for calls from other kernels only; without an entry from Python it compiles in half the time."""

inlined_kernel = numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
"""Compile into the caller whatever its size: a loop with a call in it does not vectorise."""

threaded_kernel = numba.njit(cache=True, nogil=True, error_model="numpy", parallel=True)
"""Compile with ``prange`` over blocks of citizens; must give the same bytes as `kernel`."""
