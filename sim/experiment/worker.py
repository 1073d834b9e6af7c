"""What one task does in a worker: run a batch, store its tables, report. A run that fails becomes a row.

`run_task` is what executors call. With a time limit, a timer ends the process of a run that does not end,
because nothing else stops a loop in compiled code.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sim.errors import RunError, SimError
from sim.experiment.engine import Engine
from sim.experiment.folder import ResultsFolder
from sim.experiment.plan import RunSpec, key_of, resolve_run
from sim.experiment.tables import SCHEMAS, Failure, places_table, run_row, runs_table, series_table
from sim.model.identity import model_hash
from sim.world.outcomes import OUTCOME_NAMES, PLACE_OUTCOMES

if TYPE_CHECKING:
    from sim.scenario import Scenario, Template

EXIT_TIMEOUT = 75

Outcome = tuple[pa.Table, pa.Table, "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"]


class WorkerError(SimError):
    """A worker that must not be trusted with any run."""


@dataclass(frozen=True)
class Task:
    """A batch and all that is needed to run it anywhere, and nothing of the other runs.

    ``points`` are the values that each run sets, ``draws`` the parameters that its replication draws, in the order
    of ``runs``. ``limit`` is the longest a run may take, in seconds; ``stop`` ends the batch with its first failed
    run. ``model`` is the model's hash that the worker must have, empty for any.
    """

    runs: tuple[RunSpec, ...]
    points: tuple[Mapping[str, Any], ...]
    draws: tuple[Mapping[str, float], ...]
    scenarios: Mapping[str, Scenario]
    templates: Mapping[str, Template]
    engine: Engine
    store: ResultsFolder
    limit: float | None = None
    stop: bool = False
    model: str = ""


@dataclass(frozen=True)
class Report:
    """What a task did: runs done, rows of runs that failed, seconds running and seconds storing, where.

    ``taken`` is how many of its runs the task carried out, from the first: the others are still to do.
    """

    done: int
    failures: tuple[Mapping[str, Any], ...]
    taken: int
    run_seconds: float = 0.0
    store_seconds: float = 0.0
    host: str = ""


def run_task(task: Task) -> Report:
    """Run a batch and store it.

    Raises
    ------
    WorkerError
        If this process would run other sources than the experiment was planned with.
    StoreError
        If the batch cannot be written.
    """
    if task.model and model_hash() != task.model:
        raise WorkerError(
            f"a worker on {platform.node()} runs other sources than this experiment was planned with: were they edited?"
        )
    if (stored := stored_part(task)) is not None:
        return stored  # an executor that tries a task again after its worker died
    batch = _Batch(task)

    def expired() -> None:
        batch.add(Failure("timeout", f"no end after {task.limit:g} seconds, the limit set by --timeout"))
        batch.store()

    run_seconds = store_seconds = 0.0
    for number in range(len(task.runs)):
        started = time.perf_counter()
        with _time_limit(task.limit, expired):
            result = _run(task, number)
        between = time.perf_counter()
        batch.add(result if isinstance(result, Failure) else _record(task, task.runs[number], *result))
        run_seconds += between - started
        store_seconds += time.perf_counter() - between
        if task.stop and batch.rows[-1]["status"] == "failed":
            break
    started = time.perf_counter()
    batch.store()
    store_seconds += time.perf_counter() - started
    return _report(batch.rows, run_seconds, store_seconds, platform.node())


def stored_part(task: Task) -> Report | None:
    """Report what a worker stored of a task before it was lost; None when nothing."""
    for taken in range(len(task.runs), 0, -1):
        key = key_of([run.run for run in task.runs[:taken]])
        if task.store.good(key):
            return _report(task.store.rows(key))
    return None


def store_lost(task: Task, why: str) -> Report:
    """Record that the process of a run died each time it was tried, the last time as ``why`` says."""
    batch = _Batch(task)
    for _ in task.runs:
        batch.add(Failure("worker", f"{why}; each time this run was tried: killed, out of memory, or a crash"))
    batch.store()
    return _report(batch.rows, host=platform.node())


def _report(rows: list[dict[str, Any]], run_seconds: float = 0.0, store_seconds: float = 0.0, host: str = "") -> Report:
    told = ("run", "scenario", "point", "replication", "stage", "error")
    failures = tuple({name: row[name] for name in told} for row in rows if row["status"] == "failed")
    return Report(len(rows) - len(failures), failures, len(rows), run_seconds, store_seconds, host)


@dataclass
class _Batch:
    """Rows and tables of the runs carried out so far."""

    task: Task
    rows: list[dict[str, Any]] = field(default_factory=list)
    series: list[pa.Table] = field(default_factory=lambda: [SCHEMAS["series"].empty_table()])
    places: list[pa.Table] = field(default_factory=lambda: [SCHEMAS["places"].empty_table()])

    def add(self, outcome: Outcome | Failure) -> None:
        """Count the next run of the task."""
        if not isinstance(outcome, Failure):
            self.series.append(outcome[0])
            self.places.append(outcome[1])
        number = len(self.rows)
        drawn = {f"parameters.{name}": value for name, value in self.task.draws[number].items()}
        self.rows.append(run_row(self.task.runs[number], {**drawn, **self.task.points[number]}, outcome))

    def store(self) -> None:
        """Write what there is."""
        joined = {
            name: pa.concat_tables(tables).unify_dictionaries().combine_chunks()
            for name, tables in (("series", self.series), ("places", self.places))
        }
        self.task.store.write_batch({"runs": runs_table(self.rows), **joined})


def _run(task: Task, number: int) -> tuple[Scenario, object] | Failure:
    run = task.runs[number]
    stage = "load"
    try:
        template = task.templates.get(run.scenario)
        scenario = resolve_run(task.scenarios[run.scenario], template, task.points[number], task.draws[number])
        task.engine.layout(scenario)
        stage = "simulate"
        return scenario, task.engine.simulate(scenario, run.seed)
    except RunError as error:
        return Failure(error.stage, _describe(error))
    except Exception as error:  # whatever went wrong belongs to this run alone
        return Failure(stage, _describe(error))


def _record(task: Task, run: RunSpec, scenario: Scenario, result: Any) -> Outcome | Failure:
    try:
        layout = task.engine.layout(scenario)
        series = np.asarray(result.series, dtype=np.float64)
        places = np.asarray(result.places, dtype=np.float64)
        for name, array, expected in (
            ("series", series, (scenario.months, len(layout.states), len(OUTCOME_NAMES))),
            ("places", places, (-(-scenario.months // 12), len(layout.cell_district), len(PLACE_OUTCOMES))),
        ):
            if array.shape != expected:
                raise RunError("record", f"{name} has shape {array.shape}, expected {expected}")
        if not np.isfinite(series).all():
            month, state, column = (int(index[0]) for index in np.nonzero(~np.isfinite(series)))
            raise RunError(
                "record", f"{OUTCOME_NAMES[column]} is not a number in month {month}, {layout.states[state]}"
            )
        monthly = series_table(run, series, layout, scenario.start_year, scenario.start_month)
        return monthly, places_table(run, places, layout), series
    except Exception as error:  # a result the tables cannot hold is a failed run, not a lost batch
        return Failure("record", _describe(error))


def _describe(error: BaseException) -> str:
    """Say in one line what happened and where in the program, without a path of this machine."""
    if isinstance(error, SimError):
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    parts = Path(frame.filename).parts
    file = "/".join(parts[parts.index("sim") :]) if "sim" in parts else parts[-1]
    return f"{type(error).__name__}: {error} ({file}:{frame.lineno})"


@contextlib.contextmanager
def _time_limit(seconds: float | None, expired: Callable[[], None]) -> Iterator[None]:
    """Call ``expired`` and end the process if the block takes longer; None for no limit."""
    if seconds is None:
        yield
        return
    lock, over = threading.Lock(), False

    def end() -> None:
        with lock:  # held until the process ends, so that the block is not left meanwhile
            if not over:
                try:
                    expired()
                finally:
                    os._exit(EXIT_TIMEOUT)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over = True
        timer.cancel()
