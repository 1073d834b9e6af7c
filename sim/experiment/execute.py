"""Carry out a plan: submit what has no good file, survive what dies, keep memory flat."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from sim.errors import RunError
from sim.experiment.plan import Plan, RunSpec, batch_size, batches
from sim.experiment.store import Store
from sim.experiment.worker import Report, Task, run_task, start_worker, store_lost
from sim.experiment.world import Engine

TRIES_ALONE = 2
BREAKS_WITHOUT_RESULT = 6


@dataclass(frozen=True)
class Progress:
    """Where an experiment stands.

    ``rate`` is runs a second in this session, ``eta`` seconds left (None: unknown).
    """

    done: int
    total: int
    failed: int
    rate: float
    eta: float | None


@dataclass
class Tally:
    """What a session did.

    ``reused`` runs were stored before it began; ``done`` and ``failed`` count those too.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    reused: int = 0
    rebuilt: int = 0
    run_seconds: float = 0.0
    store_seconds: float = 0.0
    elapsed: float = 0.0
    hosts: set[str] = field(default_factory=set)

    def add(self, report: Report) -> None:
        """Count a finished batch."""
        self.done += report.done
        self.failed += report.failed
        self.run_seconds += report.run_seconds
        self.store_seconds += report.store_seconds
        if report.host:
            self.hosts.add(report.host)

    def progress(self) -> Progress:
        """Say where the experiment stands."""
        finished = self.done + self.failed
        rate = (finished - self.reused) / self.elapsed if self.elapsed > 0 else 0.0
        return Progress(finished, self.total, self.failed, rate, (self.total - finished) / rate if rate > 0 else None)


class SerialExecutor(Executor):
    """Runs each task at once in this process: the same code path with one worker."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run now; the future is already finished."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # handed on through the future, like any executor does
            future.set_exception(error)
        return future


def local_pool(workers: int) -> Callable[[], Executor]:
    """Make a factory of executors on this machine: in process for one worker, spawned processes for more."""
    if workers == 1:
        return SerialExecutor
    context = multiprocessing.get_context("spawn")
    return lambda: ProcessPoolExecutor(workers, mp_context=context, initializer=start_worker)


def execute(
    plan: Plan,
    store: Store,
    engine: Engine,
    *,
    workers: int = 1,
    pool: Callable[[], Executor] | None = None,
    progress: Callable[[Progress], None] | None = None,
    retry_failed: bool = False,
) -> Tally:
    """Run whatever part of a plan has no good file yet.

    The same call continues an interrupted experiment. A worker that is killed costs a rebuilt pool: the runs
    it may have taken down are tried again one at a time, and one that dies twice alone is stored as failed.

    Parameters
    ----------
    plan : Plan
        All runs.
    store : Store
        A prepared folder.
    engine : Engine
        What runs a scenario.
    workers : int
        Tasks at once.
    pool : callable, optional
        Makes an executor; the local one by default. Called again when an executor breaks.
    progress : callable, optional
        Told after every batch.
    retry_failed : bool
        Also run again what is stored as failed.

    Returns
    -------
    Tally
    """
    return _Session(plan, store, engine, workers, pool or local_pool(workers), progress).run(retry_failed)


class _Session:
    """One call of ``execute``: queues, the pool and the tally."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        engine: Engine,
        workers: int,
        pool: Callable[[], Executor],
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.plan, self.store, self.engine, self.workers = plan, store, engine, workers
        self.make_pool, self.callback = pool, progress
        self.scenarios = {scenario.key: scenario for scenario in plan.scenarios}
        self.queue: deque[Task] = deque()
        self.suspects: deque[Task] = deque()
        self.running: dict[Future[Report], Task] = {}
        self.deaths: Counter[str] = Counter()
        self.breaks = 0
        self.tally = Tally(total=len(plan.runs))
        self.started = time.monotonic()

    def run(self, retry_failed: bool) -> Tally:
        self.store.clean()
        stored = self.store.finished()
        keep = {run: status for run, status in stored.items() if not (retry_failed and status == "failed")}
        todo = [run for run in self.plan.runs if run.run not in keep]
        kept = [keep[run.run] for run in self.plan.runs if run.run in keep]
        self.tally.reused = len(kept)
        self.tally.failed = kept.count("failed")
        self.tally.done = len(kept) - self.tally.failed
        if retry_failed:
            self._drop_failed(stored)
        size = batch_size(len(todo), self.workers, self.plan.citizens)
        self.queue.extend(self._task(runs) for runs in batches(todo, size))
        self._announce()
        if self.queue:
            self._loop()
        self.tally.elapsed = time.monotonic() - self.started
        return self.tally

    def _drop_failed(self, stored: dict[str, str]) -> None:
        """Forget failed rows by writing their batches again without them."""
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        if "failed" not in stored.values():
            return
        for key in self.store.batches():
            runs = pq.read_table(self.store.path("runs", key))
            if "failed" in runs["status"].to_pylist():
                rest = {name: pq.read_table(self.store.path(name, key)) for name in ("series", "places")}
                self.store.write_batch(key, {"runs": runs.filter(pc.equal(runs["status"], "done")), **rest})

    def _loop(self) -> None:
        executor = self.make_pool()
        try:
            while self.queue or self.suspects or self.running:
                self._submit(executor)
                finished, _ = wait(self.running, return_when=FIRST_COMPLETED)
                if self._collect(finished):
                    _stop(executor)
                    executor = self._rebuild()
                self._announce()
        finally:
            _stop(executor)
            self.store.clean()

    def _submit(self, executor: Executor) -> None:
        """Keep the workers busy; a suspect runs with nobody beside it, so that a death names its cause."""
        while True:
            if self.suspects:
                if self.running:
                    return
                task = self.suspects.popleft()
            elif self.queue and len(self.running) < self.workers + 1:
                task = self.queue.popleft()
            else:
                return
            try:
                self.running[executor.submit(run_task, task)] = task
            except BrokenExecutor:
                future: Future[Report] = Future()
                future.set_exception(BrokenExecutor("the pool is broken"))
                self.running[future] = task
                return
            if self.deaths and task.runs[0].run in self.deaths:
                return
            if isinstance(executor, SerialExecutor):
                return

    def _collect(self, finished: set[Future[Report]]) -> bool:
        """Count finished batches; True when the pool broke."""
        broken = False
        for future in finished:
            task = self.running.pop(future)
            try:
                self.tally.add(future.result())
                self.breaks = 0
            except BrokenExecutor:
                self._suspect(task)
                broken = True
        if broken:
            for task in self.running.values():
                self._suspect(task)
            self.running.clear()
        return broken

    def _suspect(self, task: Task) -> None:
        """Queue the runs of a lost batch to be tried alone, unless it was stored before its worker died."""
        if self.store.good(task.key):
            failed = list(_statuses(self.store, task.key)).count("failed")
            self.tally.add(Report(len(task.runs) - failed, failed, 0.0, 0.0))
            return
        for run in task.runs:
            alone = run.run in self.deaths
            self.deaths[run.run] += 1
            lost = self._task([run])
            if alone and self.deaths[run.run] > TRIES_ALONE:
                self.tally.add(store_lost(lost))
            else:
                self.suspects.append(lost)

    def _rebuild(self) -> Executor:
        self.breaks += 1
        self.tally.rebuilt += 1
        if self.breaks >= BREAKS_WITHOUT_RESULT:
            raise RunError("worker", "worker processes die as soon as they start; try --workers 1 to see why")
        return self.make_pool()

    def _task(self, runs: Sequence[RunSpec]) -> Task:
        changes = tuple(self.plan.changes(run) for run in runs)
        return Task(tuple(runs), changes, self.scenarios, self.plan.sources, self.engine, self.store)

    def _announce(self) -> None:
        self.tally.elapsed = time.monotonic() - self.started
        if self.callback is not None:
            self.callback(self.tally.progress())


def _statuses(store: Store, key: str) -> list[str]:
    import pyarrow.parquet as pq

    return list(pq.read_table(store.path("runs", key), columns=["status"])["status"].to_pylist())


def _stop(executor: Executor) -> None:
    """End an executor now: nothing new starts, local processes that still work are terminated."""
    processes = list((getattr(executor, "_processes", None) or {}).values())
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        if process.is_alive():
            process.terminate()
    for process in processes:
        process.join(5)


def available_workers() -> int:
    """Count the processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
