"""One task: run a batch, store its tables, report what happened. A run that fails becomes a row."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sim.errors import RunError, SimError
from sim.experiment.folder import ResultsFolder
from sim.experiment.plan import RunSpec, Source, batch_key, resolve_run
from sim.experiment.tables import SCHEMAS, Failure, places_table, run_row, runs_table, series_table
from sim.experiment.watchdog import Watchdog
from sim.experiment.world import Engine, package_file
from sim.model.identity import model_hash
from sim.world.outcomes import OUTCOME_NAMES, PLACE_OUTCOMES

if TYPE_CHECKING:
    from sim.scenario import Scenario

Outcome = tuple[pa.Table, pa.Table, "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"]


class WorkerError(SimError):
    """A worker that must not be trusted with any run."""


@dataclass(frozen=True)
class Task:
    """A batch and all that is needed to run it anywhere, and nothing of the other runs.

    ``changes`` are the values that each run sets, ``draws`` the parameters that its replication draws, in the order of
    ``runs``. ``limit`` is the longest a run may
    take, in seconds; ``stop`` ends the batch with its first failed run. ``model`` is the model's hash that the
    worker must have, empty for any.
    """

    runs: tuple[RunSpec, ...]
    changes: tuple[Mapping[str, Any], ...]
    scenarios: Mapping[str, Scenario]
    sources: Mapping[str, Source]
    engine: Engine
    store: ResultsFolder
    draws: tuple[Mapping[str, float], ...] = ()
    limit: float | None = None
    stop: bool = False
    model: str = ""

    def draw(self, number: int) -> Mapping[str, float]:
        """Return what the replication of a run draws."""
        return self.draws[number] if self.draws else {}


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


@dataclass
class _Batch:
    """Rows and tables of the runs carried out so far."""

    task: Task
    rows: list[dict[str, object]] = field(default_factory=list)
    series: list[pa.Table] = field(default_factory=lambda: [SCHEMAS["series"].empty_table()])
    places: list[pa.Table] = field(default_factory=lambda: [SCHEMAS["places"].empty_table()])

    def add(self, outcome: Outcome | Failure) -> None:
        """Count the next run of the task."""
        if not isinstance(outcome, Failure):
            self.series.append(outcome[0])
            self.places.append(outcome[1])
        number = len(self.rows)
        drawn = {f"parameters.{name}": value for name, value in self.task.draw(number).items()}
        self.rows.append(run_row(self.task.runs[number], {**drawn, **self.task.changes[number]}, outcome))

    def store(self) -> None:
        """Write what there is."""
        tables = {"runs": runs_table(self.rows), "series": _joined(self.series), "places": _joined(self.places)}
        self.task.store.write_batch(tables)

    def report(self, run_seconds: float = 0.0, store_seconds: float = 0.0) -> Report:
        """Say what was done."""
        failures = tuple(_told(row) for row in self.rows if row["status"] == "failed")
        done = len(self.rows) - len(failures)
        return Report(done, failures, len(self.rows), run_seconds, store_seconds, platform.node())


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
    watchdog = None if task.limit is None else Watchdog(task.limit, lambda: _expired(batch))
    run_seconds = store_seconds = 0.0
    for number in range(len(task.runs)):
        started = time.perf_counter()
        if watchdog:
            watchdog.begin()
        result = _run(task, number)
        if watchdog:
            watchdog.end()
        between = time.perf_counter()
        batch.add(result if isinstance(result, Failure) else _record(task, task.runs[number], *result))
        run_seconds += between - started
        store_seconds += time.perf_counter() - between
        if task.stop and batch.rows[-1]["status"] == "failed":
            break
    if watchdog:
        watchdog.close()
    started = time.perf_counter()
    batch.store()
    store_seconds += time.perf_counter() - started
    return batch.report(run_seconds, store_seconds)


def stored_part(task: Task) -> Report | None:
    """Report what a worker stored of a task before it was lost; None when nothing."""
    for taken in range(len(task.runs), 0, -1):
        key = batch_key(task.runs[:taken])
        if task.store.good(key):
            rows = task.store.rows(key)
            failures = tuple(_told(row) for row in rows if row["status"] == "failed")
            return Report(taken - len(failures), failures, taken)
    return None


def store_lost(task: Task, why: str) -> Report:
    """Record that the process of a run died each time it was tried, the last time as ``why`` says."""
    batch = _Batch(task)
    for _ in task.runs:
        batch.add(Failure("worker", f"{why}; each time this run was tried: killed, out of memory, or a crash"))
    batch.store()
    return batch.report()


def _expired(batch: _Batch) -> None:
    """Record that a run did not end, with the finished ones of its batch."""
    limit = batch.task.limit
    batch.add(Failure("timeout", f"no end after {limit:g} seconds, the limit set by --timeout"))
    batch.store()


def _told(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: row[name] for name in ("run", "scenario", "point", "replication", "stage", "error")}


def _run(task: Task, number: int) -> tuple[Scenario, object] | Failure:
    run = task.runs[number]
    stage = "load"
    try:
        source = task.sources.get(run.scenario)
        scenario = resolve_run(task.scenarios[run.scenario], source, task.changes[number], task.draw(number))
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
        expected = (scenario.months, len(layout.states), len(OUTCOME_NAMES))
        if series.shape != expected:
            raise RunError("record", f"series has shape {series.shape}, expected {expected}")
        cells = (-(-scenario.months // 12), len(layout.cell_district), len(PLACE_OUTCOMES))
        if places.shape != cells:
            raise RunError("record", f"places has shape {places.shape}, expected {cells}")
        if not np.isfinite(series).all():
            month, state, column = (int(index[0]) for index in np.nonzero(~np.isfinite(series)))
            raise RunError(
                "record", f"{OUTCOME_NAMES[column]} is not a number in month {month}, {layout.states[state]}"
            )
        monthly = series_table(run, series, layout, scenario.start_year, scenario.start_month)
        return monthly, places_table(run, places, layout), series
    except Exception as error:  # a result the tables cannot hold is a failed run, not a lost batch
        return Failure("record", _describe(error))


def _joined(tables: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _describe(error: BaseException) -> str:
    """Say what happened and where in the program, in one line."""
    if isinstance(error, SimError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({package_file(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
