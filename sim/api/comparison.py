"""Compare scenarios with a baseline, pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.analysis import write_csv
from sim.api.folder import ExperimentFolder
from sim.api.results import Comparison, RunsFailedError
from sim.api.setup import ProgressCallback, ScenarioLike, prepare
from sim.api.tables import HISTORY, comparison_tables, geography
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
) -> Comparison:
    """Compare scenarios with a baseline, replication by replication in the same luck.

    Writes ``effects.csv``, ``cost_effectiveness.csv``, ``districts.csv``, ``over_time.csv``,
    ``codebook.csv`` and figures beside the stored runs. The same call in the same folder runs only what is
    missing.

    Parameters
    ----------
    scenarios : sequence of Scenario, path or shipped name
        At least one besides the baseline.
    baseline : Scenario, path or shipped name, optional
        What the others are compared with; the first scenario by default.
    replications, seed, citizens, months, threads, workers, set_, out, figures, progress, engine
        As in ``run``; ``set_`` applies to every scenario, the baseline included.

    Returns
    -------
    Comparison
    """
    everything = list(scenarios) if baseline is None else [baseline, *scenarios]
    setup = prepare(everything, seed, replications, citizens, months, threads, workers, set_, engine)
    base, *others = setup.plan.scenarios
    if not others:
        raise InputError("compare: give at least two different scenarios, or a baseline and another one")
    with ExperimentFolder(out, setup, "compare", base.key) as folder:
        tally = folder.execute(progress)
        tables = comparison_tables(folder.path, base.key, base.months)
        history = tables.pop(HISTORY)
        if tables["effects"].empty:
            raise RunsFailedError("no scenario has a finished run that pairs with one of the baseline")
        for name, table in tables.items():
            write_csv(table, folder.path / f"{name}.csv")
        files: list[Path] = []
        if figures:
            from sim.plots import Geography, comparison_figures, run_figures

            start, titles = (
                (base.start_year, base.start_month),
                {item.key: item.title or item.key for item in others},
            )
            target = folder.path / "figures"
            files = comparison_figures(
                target,
                tables["effects"],
                tables["over_time"],
                tables["districts"],
                setup.note(others, base),
                titles,
                start,
                Geography(*geography(setup.region)),
            )
            files += run_figures(target, history, setup.note([base]), base.title or base.key, start)
        folder.finish(tally)
        return folder.handed_over(
            Comparison(
                folder.path,
                setup.plan.scenarios,
                tally,
                baseline=base.key,
                figures=tuple(files),
                **tables,
            )
        )
