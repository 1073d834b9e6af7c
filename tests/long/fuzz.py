"""A hundred thousand mutated files on two processes: no traceback, no hang, nothing written, every place right."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.fuzzing import Failure, trial
from tests.long.studies import WORKERS, Check

BATCH = 500


def batch(first: int, count: int) -> list[Failure]:
    """Try mutations ``first`` to ``first + count - 1`` in a folder of their own."""
    regions: dict[Any, Any] = {}
    found: list[Failure] = []
    for number in range(first, first + count):
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            failure = trial(number, Path(folder), regions)
        if failure is not None:
            found.append(failure)
    return found


def _batches(mutations: int) -> Iterator[list[Failure]]:
    starts = range(0, mutations, BATCH)
    counts = [min(BATCH, mutations - start) for start in starts]
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        yield from pool.map(batch, starts, counts)


def fuzz(mutations: int) -> list[Check]:
    """Try so many mutations; print progress and every failure as it is found."""
    started = time.monotonic()
    done = failed = 0
    for found in _batches(mutations):
        done = min(done + BATCH, mutations)
        failed += len(found)
        for failure in found:
            print(failure, file=sys.stderr, flush=True)
        seconds = time.monotonic() - started
        if done % (10 * BATCH) == 0 or done == mutations:
            print(
                f"{done:,} of {mutations:,} mutations, {failed} failures, {seconds:.0f} s", file=sys.stderr, flush=True
            )
    name = f"Fuzzing: {mutations:,} mutated files in {time.monotonic() - started:.0f} s"
    return [Check(name, f"{failed} failures", "0", failed == 0)]
