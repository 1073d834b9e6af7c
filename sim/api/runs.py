"""Run one scenario, compare several, or carry out an experiment; `rerun` makes one stored run again.

Each function plans once, runs in the folder of results what is missing there, and returns a view of that folder. All take
`Settings`, or its fields as keywords.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.analysis import REGION, monthly_table, over_time, write_csv
from sim.analysis.statistics import mean_estimate
from sim.api.prepare import RunsFailedError, ScenarioLike, Setup, acts_in, prepare, prepare_sweep
from sim.api.results import Comparison, RunResults, SweepResults
from sim.api.tables import HISTORY, comparison_tables
from sim.errors import InputError, Problem
from sim.experiment import (
    Engine,
    ModelEngine,
    ResultsFolder,
    Tally,
    Until,
    execute,
    load_experiment,
    local_pool,
    with_replications,
)
from sim.experiment.design import cell
from sim.experiment.files import parquet_bytes
from sim.experiment.tables import places_table, series_table
from sim.settings import Settings
from sim.world.outcomes import OUTCOMES

KEYS = ["scenario", "point", "replication"]
PROBE_MONTHS = 12


def run(scenario: ScenarioLike, settings: Settings | None = None, **keywords: Any) -> RunResults:
    """Run one scenario.

    Parameters
    ----------
    scenario : Scenario, path or shipped name
    settings, keywords
        `Settings`, or its fields. Without ``out`` or ``below`` results live as long as the returned object.
    """
    setup = prepare("run", [scenario], Settings.of("run", settings, **keywords))
    with setup.opened() as folder:
        tally = setup.execute(folder)
        history = over_time(monthly_table(folder.frames("series")), setup.plan.scenarios[0].key)
        figures: tuple[Path, ...] = ()
        if setup.settings.figures:
            from sim.api.reporting import draw_run

            figures = draw_run(folder, history)
        setup.finish(folder, tally)
        return folder.handed_over(
            RunResults(folder.path, setup.plan.scenarios, tally, history=history, figures=figures)
        )


def compare(
    scenarios: Sequence[ScenarioLike],
    settings: Settings | None = None,
    *,
    baseline: ScenarioLike | None = None,
    **keywords: Any,
) -> Comparison:
    """Compare scenarios with a baseline, replication by replication with the same random draws.

    Writes ``effects.csv``, ``cost_effectiveness.csv``, ``districts.csv``, ``over_time.csv``,
    ``codebook.csv``, figures and ``report.html`` beside the stored runs. The same call in the same folder runs only
    what is missing.

    Parameters
    ----------
    scenarios : sequence of Scenario, path or shipped name
        At least one besides the baseline.
    settings, keywords
        `Settings`, or its fields. ``set_`` applies to every scenario, the baseline included. With an ensemble of
        parameters, replication r has the same parameter set in every scenario, and intervals include the uncertainty of
        parameters. With ``theories`` (`sim.parameters.theories`) the comparison runs again under each of their stances,
        one at a time, with the same random draws: ``theories.csv`` has the effects, ``holds.csv`` under how many stances
        each conclusion holds, and the variants' runs are stored as scenarios named ``scenario@theory=stance``.
    baseline : Scenario, path or shipped name, optional
        What the others are compared with; the first scenario by default.
    """
    everything = list(scenarios) if baseline is None else [baseline, *scenarios]
    setup = prepare("compare", everything, Settings.of("compare", settings, **keywords))
    base, *others = setup.scenarios
    if not others:
        raise InputError("compare: give at least two different scenarios, or a baseline and another one")
    with setup.opened() as folder:
        tally = setup.execute(folder)
        tables = comparison_tables(folder, base.key, base.months)
        if tables["effects"].empty:
            raise RunsFailedError("no scenario has a finished run that pairs with one of the baseline")
        written = {name: table for name, table in tables.items() if name != HISTORY}
        for name, table in written.items():
            write_csv(table, folder.path / f"{name}.csv")
        pictures: list[Any] = []
        if setup.settings.figures:
            from sim.api.reporting import draw_comparison

            pictures = draw_comparison(folder, tables, setup.region)
        setup.finish(folder, tally)
        files: tuple[Path, ...] = ()
        page: Path | None = None
        if setup.settings.figures:
            from sim.api.reporting import publish

            files, page = publish(folder, tables, pictures)
        return folder.handed_over(
            Comparison(folder.path, setup.scenarios, tally, baseline=base.key, figures=files, report=page, **written)
        )


@dataclass(frozen=True, eq=False)
class Rerun:
    """One stored run, run again: its ``series``, and whether both tables are the stored ones, byte for byte.

    ``same`` is None where there is nothing to compare with, because the stored run failed.
    """

    series: pd.DataFrame
    same: bool | None


def rerun(identity: str, source: Path | str, *, engine: Engine | None = None) -> Rerun:
    """Run one run of a stored experiment again, alone.

    Parameters
    ----------
    identity : str
        Run id, from the ``runs`` table.
    source : path
        Folder of a run, a comparison or a sweep.
    engine : Engine, optional
        Something else that runs scenarios; the model by default.

    Returns
    -------
    Rerun

    Raises
    ------
    InputError
        If the folder has no such run, or what it depends on changed since.
    RunsFailedError
        If the run fails.
    """
    stored = ResultsFolder(Path(source))
    manifest, before = stored.recorded, stored.row(identity)
    if before is None:
        raise InputError(Problem("no such run is stored there", file=str(source), got=f"run {identity[:40]}"))
    plan = stored.plan(
        before["scenario"], stored.point(before["parameters"]), before["replication"] + 1, before["point"]
    )
    if plan.runs[-1].run != identity:
        raise InputError(
            f"run {identity} cannot be recreated, this changed since: {'; '.join(stored.changes()) or 'its design point'}"
        )
    with tempfile.TemporaryDirectory(prefix="stabsim-") as scratch:
        alone = ResultsFolder(Path(scratch))
        alone.prepare()
        execute(
            replace(plan, runs=plan.runs[-1:]),
            alone,
            engine or ModelEngine(manifest["citizens"], plan.region_hash),
            pool=local_pool(1, isolated=before["stage"] == "worker"),
        )
        row = alone.row(identity)
        assert row is not None
        if row["status"] == "failed":
            again = " again" if before["status"] == "failed" else ", although the stored one did not"
            raise RunsFailedError(f"run {identity} fails{again}: {row['stage']}: {row['error']}")
        same = None
        if before["status"] == "done":
            same = all(row[name] == before[name] for name in ("series_sha256", "places_sha256"))
        return Rerun(alone.frame("series"), same)


# --- sweeps ---------------------------------------------------------------------------------------------


def sweep(experiment: str | Path, settings: Settings | None = None, **keywords: Any) -> SweepResults:
    """Carry out an experiment; the same call in the same folder runs only what is missing.

    Parameters
    ----------
    experiment : str or Path
        An experiment file, a folder that holds ``experiment.yaml``, or the name of a shipped experiment.
    settings, keywords
        `Settings`, or its fields; scenarios, seed, replications and citizens are the experiment's. Without ``out`` or
        ``below`` results live as long as the returned object.

    Raises
    ------
    InputError
        With everything wrong with the experiment, before anything is written.
    """
    settings = Settings.of("sweep", settings, **keywords)
    read = load_experiment(experiment)
    setup = prepare_sweep(read, settings)
    whole = setup.plan
    with setup.opened() as folder:
        tally = Tally()
        rounds: list[dict[str, Any]] = []
        for count in read.until.rounds() if read.until else (read.replications,):
            setup.plan = with_replications(whole, count)
            tally = _together(tally, setup.execute(folder), first=not rounds)
            if read.until is None or tally.stopped:
                break
            width = widest(folder, read.until, read.baseline, count)
            rounds.append({"replications": count, "width": width if np.isfinite(width) else None})
            setup.described["sequential"] = {**read.until.described(), "rounds": rounds}
            if width <= read.until.width:
                break
        setup.finish(folder, tally)
        return folder.handed_over(
            SweepResults(
                folder.path,
                setup.plan.scenarios,
                tally,
                baseline=read.baseline,
                design=setup.described["design"],
                replications=setup.plan.replications,
                sequential=setup.described.get("sequential", {}),
            )
        )


def widest(folder: ResultsFolder, rule: Until, baseline: str, replications: int) -> float:
    """Return the width of the widest 95 % interval that a stopping rule checks, over all scenarios and points.

    Only the first ``replications`` of each point count, and of those the finished ones: a folder that already
    holds more gives the same answer. Infinite where a point has fewer than two.
    """
    values = outcome_of_runs(folder, rule.outcome, rule.scope)
    values = values[values["replication"] < replications]
    if rule.contrast == "difference":
        base = values[values["scenario"] == baseline].set_index(KEYS[1:])["value"]
        others = values[values["scenario"] != baseline].join(base.rename("base"), on=KEYS[1:], how="inner")
        values = others.assign(value=others["value"] - others["base"])
    widths = [_width(group["value"].to_numpy(np.float64)) for _, group in values.groupby(KEYS[:2], sort=True)]
    return max(widths, default=float("inf"))


def outcome_of_runs(folder: ResultsFolder, outcome: str, scope: str) -> pd.DataFrame:
    """Read one outcome over the whole run, of every finished run.

    Returns
    -------
    DataFrame
        ``scenario``, ``point``, ``replication`` and ``value``, in that order of rows.
    """
    columns = ["run", *KEYS, "status", outcome]
    runs = pd.concat([part.to_pandas() for part in folder.read("runs", columns)], ignore_index=True)
    runs = runs[runs["status"] == "done"]
    if scope == REGION:
        found = runs.rename(columns={outcome: "value"})
    else:
        kind = next(item.kind for item in OUTCOMES if item.name == outcome)
        how = {"flow": "sum", "stock": "last", "level": "mean"}[kind]
        read = []
        for part in folder.read("series", ["run", "month", "state", outcome]):
            frame = part.to_pandas()
            frame = frame[frame["state"] == scope].astype({"run": str, outcome: np.float64})
            read.append(frame.sort_values("month").groupby("run")[outcome].agg(how))
        found = runs.join(pd.concat(read).rename("value"), on="run")
    table: pd.DataFrame = found[[*KEYS, "value"]].sort_values(KEYS, ignore_index=True)
    return table


def _width(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    if len(values) < 2:
        return float("inf")
    found = mean_estimate(values)
    return float(found.high - found.low)


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


def preview(experiment: str | Path, settings: Settings | None = None, **keywords: Any) -> Preview:
    """Check an experiment and measure what it would take; nothing is written. Takes the settings of ``sweep``.

    A run of a year at the first point is timed, after one of a month that prepares the machine.
    """
    read = load_experiment(experiment)
    setup = prepare_sweep(read, replace(Settings.of("sweep", settings, **keywords), force=True))
    setup.announce()
    plan = setup.plan
    rounds = tuple(read.until.rounds()) if read.until else (read.replications,)
    runs = len(plan.points) * len(plan.scenarios) * rounds[0]
    seconds, stored = _probe(setup)
    factors = []
    for factor in read.factors:
        there = acts_in(read, factor)
        values = ", ".join(cell(value) for value in factor.levels[:6]) + (", ..." if len(factor.levels) > 6 else "")
        factors.append(
            {
                "key": factor.key,
                "role": factor.role,
                "varies": values if factor.levels else f"{factor.low:g} to {factor.high:g}, {factor.distribution}",
                "unit": factor.unit,
                "acts": "everywhere" if len(there) == len(read.templates) else f"in {', '.join(there)} only",
            }
        )
    return Preview(
        title=read.title,
        kind=read.design.kind,
        scenarios=tuple(item.key for item in plan.scenarios),
        factors=tuple(factors),
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
    """Time a short run; return the seconds and bytes that a whole run takes."""
    plan, engine = setup.plan, setup.engine
    spec = plan.runs[0]
    whole = plan.templates[spec.scenario].at(plan.points[spec.point]) if plan.points[0] else plan.scenarios[0]
    short = replace(whole, months=min(PROBE_MONTHS, whole.months))
    engine.simulate(replace(whole, months=1), spec.seed)
    started = time.perf_counter()
    result = engine.simulate(short, spec.seed)
    share = whole.months / short.months
    seconds = (time.perf_counter() - started) * share
    layout = engine.layout(plan.scenarios[0])
    series = series_table(spec, np.asarray(result.series, np.float64), layout, whole.start_year, whole.start_month)
    places = places_table(spec, np.asarray(result.places, np.float64), layout)
    return seconds, float(parquet_bytes(series).size + parquet_bytes(places).size) * share
