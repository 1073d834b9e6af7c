"""Compare scenarios with a baseline, pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sim.analysis import write_csv
from sim.api.folder import ExperimentFolder
from sim.api.results import Comparison, RunsFailedError
from sim.api.setup import ProgressCallback, ScenarioLike, Settings, prepare
from sim.api.tables import HISTORY, comparison_tables
from sim.errors import InputError
from sim.experiment import Engine


def compare(
    scenarios: Sequence[ScenarioLike],
    *,
    baseline: ScenarioLike | None = None,
    replications: int = 64,
    seed: int = 1,
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
    theories: str | Sequence[str] | None = None,
) -> Comparison:
    """Compare scenarios with a baseline, replication by replication in the same luck.

    Writes ``effects.csv``, ``cost_effectiveness.csv``, ``districts.csv``, ``over_time.csv``,
    ``codebook.csv``, figures and ``report.html`` beside the stored runs. The same call in the same folder runs only what is
    missing.

    Parameters
    ----------
    scenarios : sequence of Scenario, path or shipped name
        At least one besides the baseline.
    baseline : Scenario, path or shipped name, optional
        What the others are compared with; the first scenario by default.
    replications, seed, citizens, months, threads, workers, set_, out, figures, progress, engine, force
        As in ``run``; ``set_`` applies to every scenario, the baseline included.
    parameters : "ensemble", "central" or path, optional
        As in ``run``, but the calibrated ensemble is the default once there is one: replication r has the same point in
        every scenario, and intervals include the uncertainty of parameters.
    theories : "all", names with commas between, or sequence of str, optional
        Rival theories (`sim.parameters.theories`). The comparison runs again under each of their stances, one at a time,
        in the same luck; ``theories.csv`` has the effects, ``holds.csv`` under how many stances each conclusion holds.
        The variants' runs are stored as scenarios named ``scenario@theory=stance``.

    Returns
    -------
    Comparison
    """
    everything = list(scenarios) if baseline is None else [baseline, *scenarios]
    settings = Settings(
        seed=seed,
        replications=replications,
        citizens=citizens,
        months=months,
        set_=set_,
        parameters=parameters,
        drawn=True,
        theories=theories,
        threads=threads,
        workers=workers,
        engine=engine,
        force=force,
    )
    setup = prepare(everything, settings)
    base, *others = setup.scenarios
    if not others:
        raise InputError("compare: give at least two different scenarios, or a baseline and another one")
    described = {"theories": [asdict(variant) for variant in setup.variants]} if setup.variants else {}
    with ExperimentFolder(out, setup, "compare", base.key, described=described) as folder:
        tally = folder.execute(progress)
        tables = comparison_tables(folder.path, base.key, base.months)
        if tables["effects"].empty:
            raise RunsFailedError("no scenario has a finished run that pairs with one of the baseline")
        written = {name: table for name, table in tables.items() if name != HISTORY}
        for name, table in written.items():
            write_csv(table, folder.path / f"{name}.csv")
        pictures: list[Any] = []
        if figures:
            from sim.api.reporting import draw_comparison

            pictures = draw_comparison(folder.path, tables, setup.region)
        folder.finish(tally)
        files: tuple[Path, ...] = ()
        page: Path | None = None
        if figures:
            from sim.api.reporting import publish

            files, page = publish(folder.path, tables, pictures)
        return folder.handed_over(
            Comparison(
                folder.path,
                setup.scenarios,
                tally,
                baseline=base.key,
                figures=files,
                report=page,
                **written,
            )
        )


def comparison_size(scenarios: Sequence[ScenarioLike], settings: Settings) -> str:
    """Say what a comparison would take, the baseline among the scenarios; nothing runs, nothing is written."""
    setup = prepare(scenarios, replace(settings, drawn=True))
    given, runs = len(setup.scenarios), len(setup.plan.runs)
    also = f" and {len(setup.variants)} variants under rival theories" if setup.variants else ""
    return f"{given} scenarios{also}, {setup.plan.replications:,} replications: {runs:,} runs, {setup.size}."
