"""What facts measure with: many runs on a few processes, shared between facts, with progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Any

from sim.experiment import Progress
from sim.experiment.pools import start_worker

ProgressCallback = Callable[[Progress], None]


class Lab:
    """Runs tasks over jobs; ``quick`` asks for fewer of them, ``replications`` for just so many; what
    should outlive the process is kept in ``folder``.

    Tasks are functions of a module, jobs tuples of plain arguments, results come in the order of jobs, so nothing
    depends on the number of workers. Worker processes start with the first task and end with the ``with`` block.
    """

    def __init__(
        self,
        *,
        quick: bool = False,
        workers: int = 1,
        progress: ProgressCallback | None = None,
        replications: int | None = None,
        folder: Path | None = None,
    ) -> None:
        self.quick = quick
        self.folder = folder
        self.replications = replications
        self.workers = workers
        self.progress = progress
        self._pool: Executor | None = None
        self._kept: dict[str, Any] = {}

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)
            self._pool = None

    def size(self, full: int, quick: int) -> int:
        """How many replications: ``full``, or ``quick`` when asked to be quick, or what was asked for."""
        return self.replications or (quick if self.quick else full)

    def map(self, task: Callable[..., Any], jobs: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Run a task for every job."""
        work = list(jobs)
        started = time.monotonic()
        if self.workers <= 1:
            results = (task(*job) for job in work)
        else:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(self.workers, get_context("spawn"), start_worker)
            results = self._pool.map(task, *zip(*work, strict=True), chunksize=1)  # type: ignore[assignment]
        made = []
        for result in results:
            made.append(result)
            self._announce(len(made), len(work), time.monotonic() - started)
        return made

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Runs that several facts share, made when first asked for."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def _announce(self, done: int, total: int, seconds: float) -> None:
        if self.progress is not None:
            rate = done / seconds if seconds > 0 else 0.0
            self.progress(Progress(done, total, 0, rate, (total - done) / rate if rate else None))
