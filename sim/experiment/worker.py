"""One task: run a batch, store its tables, report what happened. A run that fails becomes a row."""

from __future__ import annotations

import os
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sim.errors import RunError, SimError
from sim.experiment.plan import RunSpec, Source, batch_key, resolve_run
from sim.experiment.store import Store
from sim.experiment.tables import SCHEMAS, Failure, places_table, run_row, runs_table, series_table
from sim.experiment.world import Engine, package_file
from sim.world.outcomes import OUTCOME_NAMES, PLACE_OUTCOMES

if TYPE_CHECKING:
    from sim.scenario import Scenario

Outcome = tuple[pa.Table, pa.Table, "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"]


@dataclass(frozen=True)
class Task:
    """A batch and all that is needed to run it anywhere; ``changes`` are the values each of its runs sets."""

    runs: tuple[RunSpec, ...]
    changes: tuple[Mapping[str, Any], ...]
    scenarios: Mapping[str, Scenario]
    sources: Mapping[str, Source]
    engine: Engine
    store: Store

    @property
    def key(self) -> str:
        """The batch's name."""
        return batch_key(self.runs)


@dataclass(frozen=True)
class Report:
    """What a task did: runs done and failed, seconds running and seconds storing, where."""

    done: int
    failed: int
    run_seconds: float
    store_seconds: float
    host: str = ""


def run_task(task: Task) -> Report:
    """Run a batch and store it."""
    rows: list[dict[str, object]] = []
    series, places = [SCHEMAS["series"].empty_table()], [SCHEMAS["places"].empty_table()]
    run_seconds = store_seconds = 0.0
    for run, changes in zip(task.runs, task.changes, strict=True):
        started = time.perf_counter()
        arrays = _run(task, run, changes)
        between = time.perf_counter()
        outcome = arrays if isinstance(arrays, Failure) else _record(task, run, arrays)
        if not isinstance(outcome, Failure):
            series.append(outcome[0])
            places.append(outcome[1])
        rows.append(run_row(run, changes, outcome))
        run_seconds += between - started
        store_seconds += time.perf_counter() - between
    started = time.perf_counter()
    _store(task, rows, series, places)
    store_seconds += time.perf_counter() - started
    failed = sum(row["status"] == "failed" for row in rows)
    return Report(len(rows) - failed, failed, run_seconds, store_seconds, platform.node())


def store_lost(task: Task) -> Report:
    """Record that the process of a run died each time it was tried."""
    failure = Failure("worker", "the worker process died (killed, or out of memory) each time this run was tried")
    rows = [run_row(run, changes, failure) for run, changes in zip(task.runs, task.changes, strict=True)]
    _store(task, rows, [SCHEMAS["series"].empty_table()], [SCHEMAS["places"].empty_table()])
    return Report(0, len(rows), 0.0, 0.0)


def _run(task: Task, run: RunSpec, changes: Mapping[str, Any]) -> tuple[Scenario, object] | Failure:
    stage = "load"
    try:
        scenario = resolve_run(task.scenarios[run.scenario], task.sources.get(run.scenario), changes)
        task.engine.layout(scenario)
        stage = "simulate"
        return scenario, task.engine.simulate(scenario, run.seed)
    except RunError as error:
        return Failure(error.stage, _describe(error))
    except Exception as error:  # whatever went wrong belongs to this run alone
        return Failure(stage, _describe(error))


def _record(task: Task, run: RunSpec, arrays: tuple[Scenario, object]) -> Outcome | Failure:
    scenario, result = arrays
    try:
        layout = task.engine.layout(scenario)
        series = np.asarray(result.series, dtype=np.float64)  # type: ignore[attr-defined]
        places = np.asarray(result.places, dtype=np.float64)  # type: ignore[attr-defined]
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


def _store(task: Task, rows: list[dict[str, object]], series: list[pa.Table], places: list[pa.Table]) -> None:
    tables = {"runs": runs_table(rows), "series": _joined(series), "places": _joined(places)}
    task.store.write_batch(task.key, tables)


def _joined(tables: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _describe(error: BaseException) -> str:
    """Say what happened and where in the program, in one line."""
    if isinstance(error, SimError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({package_file(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def start_worker() -> None:
    """Prepare a worker process: leave Ctrl-C to the parent, end when the parent is gone."""
    import multiprocessing
    from multiprocessing.connection import wait

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def end_with_parent() -> None:
        wait([parent.sentinel])
        sys.stdout.flush()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
