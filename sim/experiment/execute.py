"""Carry out a plan: submit the runs that have no good file, repeat those whose worker died, keep memory flat."""

from __future__ import annotations

import os
import platform
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from typing import Literal

from sim.errors import RunError
from sim.experiment.engine import Engine, ModelEngine
from sim.experiment.files import Log
from sim.experiment.folder import Progress, ResultsFolder, Tally
from sim.experiment.plan import Plan, RunSpec
from sim.experiment.pools import PoolError, SerialExecutor, WorkerDiedError, local_pool
from sim.experiment.worker import Report, Task, run_task, store_lost, stored_part

TRIES_ALONE = 2
BREAKS_WITHOUT_RESULT = 6

OnError = Literal["stop", "continue"]


def execute(
    plan: Plan,
    store: ResultsFolder,
    engine: Engine,
    *,
    workers: int = 1,
    pool: Callable[[], Executor] | None = None,
    progress: Callable[[Progress], None] | None = None,
    retry_failed: bool = False,
    on_error: OnError = "continue",
    timeout: float | None = None,
) -> Tally:
    """Run whatever part of a plan has no good file yet.

    The same call continues an interrupted experiment. The runs of a worker that is killed are tried again one at
    a time, and one that dies twice alone is stored as failed.

    Parameters
    ----------
    plan : Plan
        All runs.
    store : Store
        A prepared folder, locked by the caller.
    engine : Engine
        What runs a scenario.
    workers : int
        Tasks at once.
    pool : callable, optional
        Makes an executor, any of ``concurrent.futures``; a local one by default. Called again when it breaks.
    progress : callable, optional
        Called after every batch.
    retry_failed : bool
        Also run again what is stored as failed.
    on_error : "stop" or "continue"
        Whether the first failed run, a stored one too, ends the session; what is finished is kept.
    timeout : float, optional
        The longest a run may take, in seconds. One that takes longer is stored as failed, its worker ended.

    Returns
    -------
    Tally

    Raises
    ------
    StoreError
        If results cannot be written; what is finished is kept.
    PoolError
        If workers of this machine cannot see the engine.
    """
    alone = workers == 1 and timeout is None
    if pool is None and not alone and type(engine).__module__ == "__main__":
        raise PoolError(
            f"workers cannot see {type(engine).__name__}, which the script itself defines: "
            "put it into a module of its own, or use one worker"
        )
    make = pool or local_pool(workers, isolated=timeout is not None)
    return _Session(plan, store, engine, workers, make, progress, on_error == "stop", timeout).run(retry_failed)


@dataclass
class _Session:
    """One call of ``execute``: queues, the pool and the tally."""

    plan: Plan
    store: ResultsFolder
    engine: Engine
    workers: int
    make_pool: Callable[[], Executor]
    progress: Callable[[Progress], None] | None
    stop: bool
    limit: float | None
    queue: deque[Sequence[RunSpec]] = field(default_factory=deque)
    suspects: deque[Sequence[RunSpec]] = field(default_factory=deque)
    running: dict[Future[Report], Task] = field(default_factory=dict)
    deaths: Counter[str] = field(default_factory=Counter)
    breaks: int = 0
    tally: Tally = field(default_factory=Tally)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.store = ResultsFolder(self.store.path.resolve())  # workers may have another working folder
        self.log = Log(self.store.path)

    def run(self, retry_failed: bool) -> Tally:
        stored = self.store.repair()
        if retry_failed and "failed" in stored.values():
            self._drop_failed()
            stored = {run: status for run, status in stored.items() if status != "failed"}
        todo = [run for run in self.plan.runs if run.run not in stored]
        kept = [stored[run.run] for run in self.plan.runs if run.run in stored]
        failed = kept.count("failed")
        self.tally = Tally(len(self.plan.runs), len(kept) - failed, failed, len(kept), stopped=self.stop and failed > 0)
        self.log.write(
            "start",
            runs=self.tally.total,
            done=self.tally.done,
            failed=failed,
            workers=self.workers,
            process=os.getpid(),
            host=platform.node(),
            model=self.plan.model_hash,
        )
        size = batch_size(len(todo), self.workers, self.plan.citizens)
        self.queue.extend(todo[first : first + size] for first in range(0, len(todo), size))
        self._announce()
        if self.queue and not self.tally.stopped:
            self._loop()
            self.store.settle()  # a worker of an earlier session may have stored its batch only now
        self.tally.elapsed = time.monotonic() - self.started
        event = "stop" if self.tally.stopped else "finish"
        self.log.write(event, done=self.tally.done, failed=self.tally.failed, seconds=round(self.tally.elapsed, 3))
        return self.tally

    def _drop_failed(self) -> None:
        """Remove the rows of failed runs from the store."""
        for key in self.store.batches():
            statuses = self.store.statuses(key)
            if "failed" in statuses.values():
                self.store.rewrite(key, [run for run, status in statuses.items() if status == "done"])

    def _loop(self) -> None:
        executor = self.make_pool()
        try:
            while self._submit(executor):
                finished, _ = wait(self.running, return_when=FIRST_COMPLETED)
                if self._collect(finished):
                    _end(executor)
                    executor = self._rebuild()
                self._announce()
                if self.tally.stopped:
                    break
        except BaseException as error:
            self.log.write("stop", why=str(error) or type(error).__name__, done=self.tally.done)
            raise
        finally:
            _end(executor)
            self.store.remove_temporaries()

    def _submit(self, executor: Executor) -> bool:
        """Keep the workers busy; False when nothing is left to do or to wait for.

        Where one crash ends the whole pool, a run whose worker died before is repeated alone: if the pool breaks
        again, that run is the cause.
        """
        alone = not getattr(executor, "isolates", False)
        room = 1 if isinstance(executor, SerialExecutor) else self.workers + 1
        while len(self.running) < room:
            if self.suspects and not (alone and self.running):
                runs = self.suspects.popleft()
            elif self.queue and not self.suspects:
                runs = self.queue.popleft()
            else:
                break
            task = self._task(runs)
            try:
                future = executor.submit(run_task, task)
            except BrokenExecutor as error:
                future = Future()
                future.set_exception(BrokenExecutor(str(error)))
                room = 0
            self.running[future] = task
            if alone and runs[0].run in self.deaths:
                break
        return bool(self.running)

    def _collect(self, finished: set[Future[Report]]) -> bool:
        """Count finished batches; True when the whole pool broke."""
        broken = False
        for future in finished:
            task = self.running.pop(future)
            try:
                self._add(task, future.result())
            except BrokenExecutor as error:
                self._lost(task, str(error))
                broken = broken or not isinstance(error, WorkerDiedError)
        if broken:
            for task in self.running.values():
                self._lost(task, "with the pool")
            self.running.clear()
        return broken

    def _add(self, task: Task, report: Report) -> None:
        """Count what a task did, and queue what it left."""
        self.breaks = 0
        self.tally.done += report.done
        self.tally.failed += len(report.failures)
        self.tally.run_seconds += report.run_seconds
        self.tally.store_seconds += report.store_seconds
        if report.host:
            self.tally.hosts.add(report.host)
        self.log.write(
            "batch",
            done=report.done,
            failed=len(report.failures),
            host=report.host,
            seconds=round(report.run_seconds, 3),
        )
        for row in report.failures:
            self.log.write("failure", **row)
        if report.failures and self.stop:
            self.tally.stopped = True
        if report.taken < len(task.runs):
            self.queue.appendleft(task.runs[report.taken :])

    def _lost(self, task: Task, why: str) -> None:
        """Count what the worker stored before it died; if it stored nothing, queue its runs to be repeated alone."""
        if (report := stored_part(task)) is not None:
            self._add(task, report)
            return
        self.tally.lost += 1
        self.log.write("lost", runs=[run.run for run in task.runs], why=why)
        if len(task.runs) == 1:
            self.deaths[task.runs[0].run] += 1
        for run in task.runs:
            if self.deaths[run.run] >= TRIES_ALONE:
                self._add(task, store_lost(task, why))
            else:
                self.deaths.setdefault(run.run, 0)
                self.suspects.append([run])

    def _rebuild(self) -> Executor:
        self.breaks += 1
        if self.breaks >= BREAKS_WITHOUT_RESULT:
            raise RunError("worker", "worker processes die as soon as they start; try --workers 1 to see why")
        return self.make_pool()

    def _task(self, runs: Sequence[RunSpec]) -> Task:
        plan = self.plan
        keys = {run.scenario for run in runs}
        return Task(
            runs=tuple(runs),
            points=tuple(plan.points[run.point] for run in runs),
            draws=tuple(plan.draw(run.scenario, run.point, run.replication) for run in runs),
            scenarios={scenario.key: scenario for scenario in plan.scenarios if scenario.key in keys},
            templates={key: template for key, template in plan.templates.items() if key in keys},
            engine=self.engine,
            store=self.store,
            limit=self.limit,
            stop=self.stop,
            model=plan.model_hash if isinstance(self.engine, ModelEngine) else "",
        )

    def _announce(self) -> None:
        self.tally.elapsed = time.monotonic() - self.started
        if self.progress is not None:
            self.progress(self.tally.progress())


def batch_size(runs: int, workers: int, citizens: int | str) -> int:
    """Choose how many runs one task holds: few enough to see progress, enough to make storing cheap."""
    if citizens == "all" or (isinstance(citizens, int) and citizens > 200_000):
        return 1
    return max(1, min(8, runs // (4 * workers)))


def _end(executor: Executor) -> None:
    """End an executor now: nothing new starts, its processes on this machine end."""
    processes = list((getattr(executor, "_processes", None) or {}).values())
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()
    for process in processes:
        process.join(5)
