"""Run one scenario, or one stored run again."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sim.analysis import monthly_table, over_time
from sim.api.folder import ExperimentFolder
from sim.api.results import RunResults, RunsFailedError, parts, whole_table
from sim.api.setup import ProgressCallback, ScenarioLike, prepare
from sim.errors import InputError, Problem
from sim.experiment import Engine, Store, adjusted, execute
from sim.scenario import load_scenario


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

    Returns
    -------
    RunResults
    """
    setup = prepare([scenario], seed, replications, citizens, months, threads, workers, set_, engine)
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


def rerun(identity: str, source: Path | str, *, progress: ProgressCallback | None = None) -> pd.DataFrame:
    """Run one run of a stored experiment again, alone, and return its series.

    Parameters
    ----------
    identity : str
        Run id, from the ``runs`` table.
    source : path
        Folder of the experiment.

    Returns
    -------
    DataFrame
        Outcomes by month and state.
    """
    folder = Path(source)
    manifest = Store(folder).manifest()
    if not manifest:
        raise InputError(Problem("holds no results of this program", file=str(folder)))
    scenarios = [load_scenario(folder / "scenarios" / f"{entry['key']}.yaml") for entry in manifest["scenarios"]]
    setup = prepare(
        scenarios, manifest["base_seed"], manifest["replications"], manifest["citizens"], None, 1, 1, (), None
    )
    if all(spec.run != identity for spec in setup.plan.runs):
        raise InputError(
            f"run {identity}: not one of this folder's, or the model, a scenario or the region changed since"
        )
    plan = adjusted(setup.plan, runs=tuple(spec for spec in setup.plan.runs if spec.run == identity))
    with tempfile.TemporaryDirectory(prefix="stabsim-") as scratch:
        store = Store(Path(scratch))
        store.prepare()
        execute(plan, store, setup.engine, progress=progress)
        row = store.runs().to_pylist()[0]
        if row["status"] == "failed":
            raise RunsFailedError(f"run {identity} fails again: {row['stage']}: {row['error']}")
        return whole_table(Path(scratch), "series")
