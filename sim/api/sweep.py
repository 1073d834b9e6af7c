"""Carry out an experiment file, round by round, or say what it would take."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sim.api.folder import ExperimentFolder, free_folder
from sim.api.results import SweepResults
from sim.api.rounds import widest
from sim.api.setup import ProgressCallback, Setup, prepare_sweep
from sim.experiment import (
    Engine,
    Experiment,
    Factor,
    OnError,
    RunSpec,
    Tally,
    load_experiment,
    with_replications,
)
from sim.experiment.design import POINTS, Points, cell
from sim.experiment.files import parquet_bytes
from sim.experiment.tables import places_table, series_table

PROBE_MONTHS = 12


def sweep(
    experiment: str | Path,
    *,
    out: Path | str | None = None,
    below: Path | str | None = None,
    workers: int | None = None,
    threads: int = 1,
    pool: Callable[[], Executor] | None = None,
    on_error: OnError = "continue",
    retry_failed: bool = False,
    timeout: float | None = None,
    force: bool = False,
    progress: ProgressCallback | None = None,
    engine: Engine | None = None,
) -> SweepResults:
    """Carry out an experiment; the same call in the same folder runs only what is missing.

    Parameters
    ----------
    experiment : str or Path
        An experiment file, a folder that holds ``experiment.yaml``, or the name of a shipped experiment.
    out : path, optional
        Folder of the results; without one they live as long as the returned object.
    below : path, optional
        Instead of ``out``: a folder in there, named after the experiment; another experiment's is left alone.
    workers, threads : int
        Processes side by side (default: as many as fit); kernel threads of a run.
    pool : callable, optional
        Makes an executor that runs ``workers`` batches at once, instead of processes on this machine.
    on_error : "stop" or "continue"
        Whether the first failed run ends the sweep.
    retry_failed : bool
        Run again what is stored as failed.
    timeout : float, optional
        The longest a run may take, in seconds.
    force : bool
        Start even what would not fit or would take too long.
    progress : callable, optional
        Told after every batch.
    engine : Engine, optional
        Something else that runs scenarios; the model by default.

    Returns
    -------
    SweepResults

    Raises
    ------
    InputError
        With everything wrong with the experiment, before anything is written.
    """
    read = load_experiment(experiment)
    setup = prepare_sweep(read, threads, workers, engine, elsewhere=pool is not None, force=force)
    if out is None and below is not None:
        out = free_folder(f"sweep-{read.key[:60]}", setup.plan, Path(below))
    with ExperimentFolder(
        out, setup, "sweep", read.baseline, described=_described(read), files=_files(read, setup)
    ) as folder:
        tally = Tally()
        rounds: list[dict[str, Any]] = []
        for count in read.until.rounds() if read.until else (read.replications,):
            folder.setup = replace(setup, plan=with_replications(setup.plan, count))
            done = folder.execute(progress, pool=pool, retry_failed=retry_failed, on_error=on_error, timeout=timeout)
            tally = _together(tally, done, first=not rounds)
            if read.until is None or tally.stopped:
                break
            width = widest(folder.path, read.until, read.baseline, count)
            rounds.append({"replications": count, "width": width if np.isfinite(width) else None})
            folder.described["sequential"] = {**read.until.described(), "rounds": rounds}
            if width <= read.until.width:
                break
        folder.finish(tally)
        return folder.handed_over(
            SweepResults(
                folder.path,
                setup.plan.scenarios,
                tally,
                baseline=read.baseline,
                design=folder.described["design"],
                replications=folder.setup.plan.replications,
                sequential=folder.described.get("sequential", {}),
            )
        )


@dataclass(frozen=True)
class Preview:
    """What an experiment would take. ``rounds`` holds the replications after each round, one if they are fixed.

    ``seconds_a_run`` was measured with a short run now; ``seconds``, ``disk_bytes`` and ``memory_bytes`` follow
    from it for the first round, and ``most`` for all rounds there may be (times as much).
    """

    title: str
    kind: str
    scenarios: tuple[str, ...]
    factors: tuple[dict[str, str], ...]
    points: int
    runs: int
    rounds: tuple[int, ...]
    workers: int
    seconds_a_run: float
    seconds: float
    disk_bytes: float
    memory_bytes: float

    @property
    def most(self) -> float:
        """All rounds against the first."""
        return self.rounds[-1] / self.rounds[0]


def preview(
    experiment: str | Path, *, workers: int | None = None, threads: int = 1, engine: Engine | None = None
) -> Preview:
    """Check an experiment and measure what it would take; nothing is written.

    A run of a year at the first point is timed, after one of a month that prepares the machine.
    """
    read = load_experiment(experiment)
    setup = prepare_sweep(read, threads, workers, engine, force=True)
    plan = setup.plan
    rounds = tuple(read.until.rounds()) if read.until else (read.replications,)
    runs = len(plan.points) * len(plan.scenarios) * rounds[0]
    seconds, stored = _probe(setup)
    return Preview(
        title=read.title,
        kind=read.design.kind,
        scenarios=tuple(item.key for item in plan.scenarios),
        factors=tuple(_shown(read, factor) for factor in read.factors),
        points=len(plan.points),
        runs=runs,
        rounds=rounds,
        workers=setup.workers,
        seconds_a_run=seconds,
        seconds=runs * seconds / setup.workers,
        disk_bytes=runs * stored,
        memory_bytes=setup.size.memory,
    )


def _probe(setup: Setup) -> tuple[float, float]:
    """Time a short run; return seconds and bytes a whole run takes."""
    plan, engine = setup.plan, setup.engine
    spec = plan.runs[0]
    whole = plan.templates[spec.scenario].at(plan.points[spec.point]) if plan.points[0] else plan.scenarios[0]
    short = replace(whole, months=min(PROBE_MONTHS, whole.months))
    engine.simulate(replace(whole, months=1), spec.seed)
    started = time.perf_counter()
    result = engine.simulate(short, spec.seed)
    seconds = (time.perf_counter() - started) * whole.months / short.months
    return seconds, _stored_bytes(setup, spec, result) * whole.months / short.months


def _stored_bytes(setup: Setup, spec: RunSpec, result: Any) -> float:
    base = setup.plan.scenarios[0]
    layout = setup.engine.layout(base)
    series = series_table(spec, np.asarray(result.series, np.float64), layout, base.start_year, base.start_month)
    places = places_table(spec, np.asarray(result.places, np.float64), layout)
    return float(parquet_bytes(series).size + parquet_bytes(places).size)


def _shown(read: Experiment, factor: Factor) -> dict[str, str]:
    """Say in words what a factor does."""
    there = _acts_in(read, factor)
    values = ", ".join(cell(value) for value in factor.levels[:6]) + (", ..." if len(factor.levels) > 6 else "")
    return {
        "key": factor.key,
        "role": factor.role,
        "varies": values if factor.levels else f"{factor.low:g} to {factor.high:g}, {factor.distribution}",
        "unit": factor.unit,
        "acts": "everywhere" if len(there) == len(read.templates) else f"in {', '.join(there)} only",
    }


def _acts_in(read: Experiment, factor: Factor) -> list[str]:
    return [template.key for template in read.templates if template.has(factor.key)]


def _described(read: Experiment) -> dict[str, Any]:
    """What the manifest says of the experiment."""
    design = read.design.described(read.factors)
    for entry, factor in zip(design["factors"], read.factors, strict=True):
        entry["acts_in"] = _acts_in(read, factor)
    made: dict[str, Any] = {
        "title": read.title,
        "question": read.question,
        "expected": read.expected,
        "design": design,
        "constants": dict(read.constants),
    }
    return made | ({"sequential": read.until.described()} if read.until else {})


def _files(read: Experiment, setup: Setup) -> dict[str, str]:
    points = setup.plan.points
    return {"experiment.yaml": read.text} | ({POINTS: points.text()} if isinstance(points, Points) else {})


def _together(before: Tally, now: Tally, *, first: bool) -> Tally:
    """Add a round to what the session did so far; counts are of the whole plan already."""
    return replace(
        now,
        reused=now.reused if first else before.reused,
        lost=before.lost + now.lost,
        run_seconds=before.run_seconds + now.run_seconds,
        store_seconds=before.store_seconds + now.store_seconds,
        elapsed=before.elapsed + now.elapsed,
        hosts=before.hosts | now.hosts,
    )
