"""Run worlds outside the server: processes that stay warm, one for each world, and forget superseded wishes."""

from __future__ import annotations

import multiprocessing
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from sim.page.frames import FrameRecorder, Part

if TYPE_CHECKING:
    from sim.scenario import Scenario

KEPT = 12
"""Finished runs kept for every window together: at most about 60 MB."""

Listener = Callable[["Job", "Part | str"], None]
"""Told every part of a job in a thread of the pool; text instead of a part says why it failed."""


@dataclass(frozen=True)
class Job:
    """A world someone wants to see. A later job with the same ``owner`` and ``world`` replaces it."""

    number: int
    owner: str
    world: str
    scenario: Scenario
    seed: int
    citizens: int

    @property
    def content(self) -> tuple[str, int, int]:
        """What the result depends on."""
        return self.scenario.content_hash(), self.seed, self.citizens


class Pool:
    """Two processes, for two worlds at once; results of the latest runs are kept."""

    def __init__(self, size: int = 2) -> None:
        self.workers = [_Worker(self) for _ in range(size)]
        self.waiting: OrderedDict[tuple[str, str], tuple[Job, Listener]] = OrderedDict()
        self.kept: OrderedDict[tuple[str, int, int], list[Part]] = OrderedDict()
        self.changed = threading.Condition()
        self.closed = False

    def start(self) -> None:
        """Start the processes; they load the model while the page opens."""
        for worker in self.workers:
            worker.thread.start()

    def close(self) -> None:
        """End the processes now."""
        with self.changed:
            self.closed = True
            self.waiting.clear()
            self.changed.notify_all()
        for worker in self.workers:
            worker.end()

    def submit(self, job: Job, listener: Listener) -> None:
        """Show a world as soon as possible; a kept result is handed over at once."""
        with self.changed:
            kept = self.kept.get(job.content)
            if kept is not None:
                self.kept.move_to_end(job.content)
            else:
                self.waiting[job.owner, job.world] = job, listener
                for worker in self.workers:
                    worker.supersede(job)
                self.changed.notify_all()
        for part in kept or ():
            listener(job, part)

    def forget(self, owner: str) -> None:
        """Drop what a closed window wanted."""
        with self.changed:
            for key in [key for key in self.waiting if key[0] == owner]:
                del self.waiting[key]

    def next(self) -> tuple[Job, Listener] | None:
        """Wait for a job; None when the pool closes."""
        with self.changed:
            while not self.waiting and not self.closed:
                self.changed.wait()
            if self.closed:
                return None
            return self.waiting.popitem(last=False)[1]

    def keep(self, job: Job, parts: list[Part]) -> None:
        """Remember a finished run."""
        with self.changed:
            self.kept[job.content] = parts
            while len(self.kept) > KEPT:
                self.kept.popitem(last=False)


class _Worker:
    """A process, and the thread that feeds it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.job: Job | None = None
        self.process: Any = None
        self.pipe: Connection | None = None
        self.sending = threading.Lock()
        self.thread = threading.Thread(target=self._feed, daemon=True, name="page-worker")

    def supersede(self, newer: Job) -> None:
        """Tell the process to drop its job if a newer one replaces it."""
        job = self.job
        if job and (job.owner, job.world) == (newer.owner, newer.world) and self.pipe is not None:
            self._send("stop", job.number)

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def _feed(self) -> None:
        self._start()
        while (wanted := self.pool.next()) is not None:
            self.job, listener = wanted
            try:
                self._run(self.job, listener)
            except (EOFError, OSError):
                if self.pool.closed:
                    return
                listener(self.job, "the process that ran this world died; it was started again")
                self._start()
            self.job = None

    def _run(self, job: Job, listener: Listener) -> None:
        assert self.pipe is not None
        with self.sending:
            self.pipe.send(("run", job))
        parts: list[Part] = []
        while True:
            number, answer = self.pipe.recv()
            if number != job.number:
                continue
            if answer is None:  # superseded
                return
            listener(job, answer)
            if isinstance(answer, str):
                return
            parts.append(answer)
            if answer.last:
                self.pool.keep(job, parts)
                return

    def _send(self, *message: Any) -> None:
        try:
            if self.pipe is not None:
                with self.sending:
                    self.pipe.send(message)
        except OSError:
            return  # the process died; its thread notices

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve_worlds, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()


class _Superseded(Exception):
    """Somebody wants something newer."""


def serve_worlds(pipe: Connection) -> None:
    """Be a worker process: run what the pipe asks for until it closes."""
    from sim.experiment.pools import start_worker

    start_worker()
    import sim.model.run  # noqa: F401 - load the model before the first wish

    while True:
        try:
            kind, job = pipe.recv()
        except EOFError:
            return
        if kind == "run":
            _serve(pipe, job)


def _serve(pipe: Connection, job: Job) -> None:
    def hand_over(part: Part) -> None:
        pipe.send((job.number, part))

    recorder = FrameRecorder(job.scenario.months, hand_over)

    def observe(model: Any) -> None:
        while pipe.poll():  # before the month is handed over: after the last part the next wish may be on its way
            kind, number = pipe.recv()
            if kind == "stop" and number == job.number:
                raise _Superseded
        recorder(model)

    try:
        run_world(job.scenario, job.seed, job.citizens, observe)
    except _Superseded:
        pipe.send((job.number, None))
    except Exception as error:  # a world that cannot run is told to the window that wanted it
        pipe.send((job.number, f"{type(error).__name__}: {error}"))


def run_world(scenario: Scenario, seed: int, citizens: int, observe: Callable[[Any], None]) -> Any:
    """Run a scenario as replication 0 of an experiment with this seed.

    Returns
    -------
    RunResult
    """
    from sim.experiment import run_seed
    from sim.model.run import simulate

    region, population = _home(str(scenario.region), scenario.start_year, citizens)
    return simulate(scenario, region, population, run_seed(seed, 0), observe=observe)


@lru_cache(maxsize=2)
def _home(region: str, year: int, citizens: int) -> Any:
    from sim.population import synthesise
    from sim.region import find_region, load_region

    loaded = load_region(find_region(region), year)
    return loaded, synthesise(loaded, citizens)
