"""Run one scenario, or one stored run again."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from sim.analysis import monthly_table, over_time
from sim.api.folder import ExperimentFolder
from sim.api.results import RunResults, RunsFailedError, parts, whole_table
from sim.api.setup import ProgressCallback, ScenarioLike, Settings, prepare
from sim.api.stored import StoredExperiment
from sim.errors import InputError, Problem
from sim.experiment import Engine, ModelEngine, Store, execute, local_pool


def run(
    scenario: ScenarioLike,
    *,
    seed: int = 1,
    replications: int = 1,
    citizens: int | str = 20_000,
    months: int | None = None,
    threads: int = 1,
    workers: int | None = None,
    set_: Sequence[str] = (),
    out: Path | str | None = None,
    figures: bool = True,
    progress: ProgressCallback | None = None,
    engine: Engine | None = None,
    force: bool = False,
    parameters: str | Path | None = None,
) -> RunResults:
    """Run one scenario.

    Parameters
    ----------
    scenario : Scenario, path or shipped name
    seed : int
        Seed of the experiment; replication r uses ``run_seed(seed, r)``.
    replications : int
        Independent histories.
    citizens : int or "all"
        Super-individuals, or one per inhabitant.
    months : int, optional
        Shorten or lengthen the scenario.
    threads, workers : int
        Kernel threads of a run; processes side by side (default: as many as there are processors).
    set_ : sequence of str
        Overrides such as ``interventions.police.intensity=0.5``.
    out : path, optional
        Folder of the results; without one they live as long as the returned object.
    figures : bool
        Draw figures into ``out/figures``.
    progress : callable, optional
        Told after every batch.
    engine : Engine, optional
        Something else that runs scenarios; the model by default.
    force : bool
        Start even what is estimated not to fit into memory or on disk, or to take days.
    parameters : "central", "ensemble" or path, optional
        Whether all replications have the central values (default), or each draws a point from the calibrated
        ensemble, or from a table of points. What the scenario sets itself stays.

    Returns
    -------
    RunResults
    """
    settings = Settings(
        seed=seed,
        replications=replications,
        citizens=citizens,
        months=months,
        set_=set_,
        parameters=parameters,
        threads=threads,
        workers=workers,
        engine=engine,
        force=force,
    )
    setup = prepare([scenario], settings)
    with ExperimentFolder(out, setup, "run") as folder:
        tally = folder.execute(progress)
        spec = setup.plan.scenarios[0]
        history = over_time(monthly_table(parts(folder.path, "series")), spec.key)
        drawn: tuple[Path, ...] = ()
        if figures:
            from sim.api.reporting import draw_run

            drawn = draw_run(folder.path, history)
        folder.finish(tally)
        return folder.handed_over(RunResults(folder.path, setup.plan.scenarios, tally, history=history, figures=drawn))


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
    stored = StoredExperiment(Path(source))
    manifest, before = stored.manifest, Store(stored.folder).row(identity)
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
        store = Store(Path(scratch))
        store.prepare()
        execute(
            replace(plan, runs=plan.runs[-1:]),
            store,
            engine or ModelEngine(manifest["citizens"], plan.region_hash),
            pool=local_pool(1, isolated=before["stage"] == "worker"),
        )
        row = store.row(identity)
        assert row is not None
        if row["status"] == "failed":
            raise RunsFailedError(f"run {identity} fails{_again(before)}: {row['stage']}: {row['error']}")
        same = None
        if before["status"] == "done":
            same = all(row[name] == before[name] for name in ("series_sha256", "places_sha256"))
        return Rerun(whole_table(Path(scratch), "series"), same)


def _again(before: dict[str, Any]) -> str:
    return " again" if before["status"] == "failed" else ", although the stored one did not"
