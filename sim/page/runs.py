"""Simulate outside the server process: two processes that stay loaded, each recording one scenario as it runs.

A `FrameRecorder` reads the model after every month and sends `RunPart` objects of up to 24 months; recording changes no
number. The `Pool` takes jobs, drops the ones that a newer job replaces, and caches finished runs.
"""

from __future__ import annotations

import json
import multiprocessing
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.experiment.tables import pool_region
from sim.types import ACTIVE, ARMED_DEATHS, COMMUNAL_DEATHS, INCIDENTS, NEW_DISPLACED
from sim.world.outcomes import OUTCOME_NAMES

if TYPE_CHECKING:
    from sim.model.month import StabilityModel
    from sim.scenario import Scenario

F8 = NDArray[np.float64]
Line = tuple[int, str, str, str]
"""Month, who, what, why."""

KEPT = 12
"""Finished runs in the cache, for all sessions together: at most about 60 MB."""
MONTHS_PER_PART = 24
"""The first two years are shown while the rest still runs."""


@dataclass(frozen=True)
class MapOutcome:
    """An outcome of districts that the map can show."""

    name: str
    label: str
    unit: str


MAP_OUTCOMES = (
    MapOutcome("tension", "Tension", "0 to 1"),
    MapOutcome("participants", "Protest participation", "person-weeks per 10,000 residents"),
    MapOutcome("incidents", "Communal incidents", "events"),
    MapOutcome("deaths", "Deaths, communal and armed", "persons"),
    MapOutcome("new_displaced", "Newly displaced", "persons"),
)


@dataclass(frozen=True)
class RunPart:
    """Some months of one run.

    ``series`` (months, 1 + n_states, n_outcomes), the region first; ``districts`` (months, n_map_outcomes,
    n_districts); ``lines`` of the log; ``text`` the same as JSON for the browser, in five digits.
    """

    first: int
    series: F8
    districts: F8
    lines: tuple[Line, ...]
    last: bool
    text: str


class FrameRecorder:
    """Reads a model after every month and hands over parts; reading changes nothing.

    Parameters
    ----------
    months : int
        Length of the run.
    hand_over : callable
        Takes each `RunPart` as soon as it is complete.
    """

    def __init__(self, months: int, hand_over: Callable[[RunPart], None]) -> None:
        self.months, self.hand_over = months, hand_over
        self.first = 0
        self.read = 0
        self.districts: list[F8] = []
        self.reported: dict[str, int] = {}
        self.lines: list[Line] = []

    def __call__(self, model: StabilityModel) -> None:
        """Read the month that just ended."""
        self.districts.append(district_values(model))
        self.lines += [(one.month, one.agent, one.what, one.why) for one in model.decisions[self.read :]]
        self.read = len(model.decisions)
        for delivery in model.programmes.deliveries:
            new = delivery.history[self.reported.get(delivery.key, 0) :]
            self.lines += [(month, "programme", f"{delivery.key}: {_STATUS[status]}", "") for month, status in new]
            self.reported[delivery.key] = len(delivery.history)
        if model.month == self.months or model.month - self.first == MONTHS_PER_PART:
            self._finish_part(model)

    def _finish_part(self, model: StabilityModel) -> None:
        states = model.world.recorder.series[self.first : model.month]
        series = np.concatenate([pool_region(states)[:, None, :], states], axis=1)
        districts, lines = np.array(self.districts), tuple(sorted(self.lines, key=lambda line: line[0]))
        last = model.month == self.months
        content = {
            "first": self.first,
            "months": len(series),
            "last": last,
            "series": {name: rounded(series[:, :, index], 5).tolist() for index, name in enumerate(OUTCOME_NAMES)},
            "districts": {
                outcome.name: rounded(districts[:, index], 3).tolist() for index, outcome in enumerate(MAP_OUTCOMES)
            },
            "lines": lines,
        }
        text = json.dumps(content, separators=(",", ":"), allow_nan=False)
        self.hand_over(RunPart(self.first, series, districts, lines, last, text))
        self.first, self.districts, self.lines = model.month, [], []


_STATUS = {
    "planned": "is planned",
    "proposed": "waits for approval",
    "deploying": "approved, on its way",
    "running": "starts",
    "ended": "ends",
    "refused": "refused, nothing is delivered or spent",
}


def district_values(model: StabilityModel) -> F8:
    """Return the `MAP_OUTCOMES` of the latest month, (n_map_outcomes, n_districts)."""
    world, geography = model.world, model.setting.geography
    month, people = world.tallies.month, geography.district_people
    active, incidents, communal, armed, fled, tension = (
        np.bincount(geography.cell_district, weights=weights, minlength=people.size)
        for weights in (
            *(month[row] for row in (ACTIVE, INCIDENTS, COMMUNAL_DEATHS, ARMED_DEATHS, NEW_DISPLACED)),
            world.fields.tension * geography.cell_people,
        )
    )
    return np.array([tension / people, 1e4 * active / people, incidents, communal + armed, fled])


def rounded(values: F8, digits: int) -> F8:
    """Round to significant digits."""
    size = np.floor(np.log10(np.abs(values), out=np.zeros_like(values), where=values != 0))
    scale = 10.0 ** (digits - 1 - size)
    result: F8 = np.rint(values * scale) / scale
    return result


@dataclass(frozen=True)
class Job:
    """A run to show. A later job with the same ``owner`` and ``role`` (baseline or scenario) replaces it."""

    number: int
    owner: str
    role: str
    scenario: Scenario
    seed: int
    citizens: int

    @property
    def content(self) -> tuple[str, int, int]:
        """What the result depends on."""
        return self.scenario.content_hash(), self.seed, self.citizens


Listener = Callable[[Job, RunPart | str], None]
"""Called with every part of a job in a thread of the pool; a text instead of a part is the reason why it failed."""


class Pool:
    """Worker processes, the jobs that wait for them, and the cache of finished runs."""

    def __init__(self, size: int = 2) -> None:
        self.workers = [_Worker(self) for _ in range(size)]
        self.waiting: OrderedDict[tuple[str, str], tuple[Job, Listener]] = OrderedDict()
        self.kept: OrderedDict[tuple[str, int, int], list[RunPart]] = OrderedDict()
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
            if worker.process is not None:
                worker.process.terminate()

    def submit(self, job: Job, listener: Listener) -> None:
        """Run a job as soon as possible; hand over a cached result at once."""
        with self.changed:
            kept = self.kept.get(job.content)
            if kept is not None:
                self.kept.move_to_end(job.content)
            else:
                self.waiting[job.owner, job.role] = job, listener
                for worker in self.workers:
                    if worker.job is not None and (worker.job.owner, worker.job.role) == (job.owner, job.role):
                        worker.superseded.value = worker.job.number
                self.changed.notify_all()
        for part in kept or ():
            listener(job, part)

    def forget(self, owner: str) -> None:
        """Drop the waiting jobs of a closed session."""
        with self.changed:
            for key in [key for key in self.waiting if key[0] == owner]:
                del self.waiting[key]

    def next(self) -> tuple[Job, Listener] | None:
        """Wait for a job; None when the pool closes."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting or self.closed)
            return None if self.closed else self.waiting.popitem(last=False)[1]

    def keep(self, job: Job, parts: list[RunPart]) -> None:
        """Cache a finished run."""
        with self.changed:
            self.kept[job.content] = parts
            while len(self.kept) > KEPT:
                self.kept.popitem(last=False)


class _Worker:
    """A process, and the thread that gives it jobs and passes on its answers."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.job: Job | None = None
        self.process: Any = None
        self.superseded = multiprocessing.get_context("spawn").Value("q", 0, lock=False)
        """Number of the job to stop; the process reads it after every month."""
        self.thread = threading.Thread(target=self._serve, daemon=True, name="page-worker")

    def _serve(self) -> None:
        self._start()
        while (waiting := self.pool.next()) is not None:
            self.job, listener = waiting
            try:
                self._run(self.job, listener)
            except (EOFError, OSError):
                if self.pool.closed:
                    return
                listener(self.job, "the process of this run died; a new one was started")
                self._start()
            self.job = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=worker_main, args=(theirs, self.superseded), daemon=True)
        self.process.start()
        theirs.close()

    def _run(self, job: Job, listener: Listener) -> None:
        self.pipe.send(job)
        parts: list[RunPart] = []
        while (answer := self.pipe.recv()) is not None:  # None: superseded
            listener(job, answer)
            if isinstance(answer, str):
                return
            parts.append(answer)
            if answer.last:
                self.pool.keep(job, parts)
                return


class _Superseded(Exception):
    """A newer job replaces the one that runs."""


def worker_main(pipe: Connection, superseded: Any) -> None:
    """Worker main loop: run the jobs that come through the pipe until it closes."""
    from sim.experiment.pools import start_worker

    start_worker()
    import sim.model.run  # noqa: F401 - load the model before the first job

    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        recorder = FrameRecorder(job.scenario.months, pipe.send)

        def observe(model: StabilityModel, job: Job = job, recorder: FrameRecorder = recorder) -> None:
            if superseded.value == job.number:
                raise _Superseded
            recorder(model)

        try:
            run_scenario(job.scenario, job.seed, job.citizens, observe)
        except _Superseded:
            pipe.send(None)
        except Exception as error:  # a run that fails is reported to the session that asked for it
            pipe.send(f"{type(error).__name__}: {error}")


def run_scenario(scenario: Scenario, seed: int, citizens: int, observe: Callable[[StabilityModel], None]) -> Any:
    """Run a scenario as replication 0 of an experiment with this seed.

    Returns
    -------
    RunResult
    """
    from sim.experiment import run_seed
    from sim.model.run import load_people, simulate

    region, population = load_people(str(scenario.region), scenario.start_year, citizens)
    return simulate(scenario, region, population, run_seed(seed, 0), observe=observe)
