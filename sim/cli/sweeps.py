"""``sweep`` and ``compact``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.command import app, examples
from sim.cli.options import Out, Threads, Workers
from sim.cli.output import Verbosity, cell, complain, print_table, progress_shown, say
from sim.cli.runs import EXIT_FAILED_RUNS, ending
from sim.errors import InputError, Problem
from sim.wording import duration, number

if TYPE_CHECKING:
    from sim.api import Preview, SweepResults

RESULTS = Path("results")

FEW = 8
"""Levels a factor may have to get a table of its own."""


@app.command(
    epilog=examples(
        "sweep jobs_dialogue_policing --dry-run",
        "sweep jobs_dialogue_policing --out results/jobs",
        "sweep jobs_dialogue_policing --out results/jobs --retry",
    )
)
def sweep(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="EXPERIMENT",
            help="An experiment file, a folder with experiment.yaml, or a shipped experiment's name.",
        ),
    ],
    out: Out = None,
    workers: Workers = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on a Dask cluster, such as tcp://host:8786.")
    ] = None,
    threads: Threads = 1,
    on_error: Annotated[
        str, typer.Option(metavar="stop|continue", help="Whether the first failed run ends the sweep.")
    ] = "continue",
    retry: Annotated[bool, typer.Option("--retry", help="Run again what is stored as failed.")] = False,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="The longest a run may take.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Start even what would not fit or would take days.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take, after a short run; write nothing.")
    ] = False,
) -> int:
    """Carry out an experiment file: many points, many runs. The same command continues."""
    from sim import api

    if on_error not in ("stop", "continue"):
        raise InputError(Problem("is not a choice", key="--on-error", got=on_error[:40], allowed="stop, continue"))
    if cluster is not None and workers is not None:
        raise InputError("sweep: --workers and --cluster exclude each other")
    _warn(experiment)
    if dry_run:
        _print_preview(api.preview(experiment, workers=workers, threads=threads))
        return 0
    place: dict[str, Any] = {"workers": workers}
    if cluster is not None:
        from sim.experiment import dask_pool

        pool, count = dask_pool(cluster)
        place = {"workers": count, "pool": pool}
    with progress_shown() as progress:
        results = api.sweep(
            experiment,
            out=out,
            below=RESULTS,
            threads=threads,
            on_error="stop" if on_error == "stop" else "continue",
            retry_failed=retry,
            timeout=timeout,
            force=force,
            progress=progress,
            **place,
        )
    _print_sweep(results)
    code = ending(results)
    return EXIT_FAILED_RUNS if results.tally.stopped else code


@app.command(epilog=examples("compact results/jobs --to shared/jobs"))
def compact(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of run, compare or sweep.")],
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write; DIR-compact by default.")] = None,
) -> None:
    """Write one Parquet file for each table. Runs get a column for each factor; DIR stays as it is."""
    from sim import api

    target = to or folder.with_name(f"{folder.resolve().name}-compact")
    for path in api.compact(folder, target):
        say(f"wrote {path}")


def _warn(experiment: str) -> None:
    """Check the file, and print what is worth a second look."""
    from sim.experiment import load_experiment

    for problem in load_experiment(experiment).warnings:
        if not Verbosity.quiet:
            complain(f"warning: {problem}")


def _print_preview(found: Preview) -> None:
    say(f"{found.title}: {found.kind} design")
    if found.factors:
        print_table(
            f"{len(found.factors)} factors",
            [(name, "left") for name in ("factor", "role", "varies", "unit", "acts")],
            [[row[name] for name in ("key", "role", "varies", "unit", "acts")] for row in found.factors[:40]],
        )
        if len(found.factors) > 40:
            say(f"and {len(found.factors) - 40} more factors")
    say(
        f"{found.points:,} points x {len(found.scenarios)} scenarios ({', '.join(found.scenarios)}) x "
        f"{found.rounds[0]:,} replications = {found.runs:,} runs"
    )
    say(f"One run takes about {found.seconds_a_run:.2g} s on this machine (measured now, at the first point).")
    say(
        f"All take about {duration(found.seconds)} with {found.workers} worker(s), "
        f"{_size(found.disk_bytes)} on disk and {_size(found.memory_bytes)} of memory."
    )
    if len(found.rounds) > 1:
        say(
            f"That is the first round; there may be {len(found.rounds)}, up to {found.rounds[-1]:,} replications: "
            f"{duration(found.seconds * found.most)}, {_size(found.disk_bytes * found.most)} on disk."
        )
    say("Nothing was written.")


def _print_sweep(results: SweepResults) -> None:
    from sim.world.outcomes import OUTCOMES

    items = {item.name: item for item in OUTCOMES}
    table = results.headline()
    for scenario in results.scenarios:
        rows = table[table["scenario"] == scenario.key]
        if not len(rows):
            continue
        print_table(
            f"{scenario.title or scenario.key}: region, whole run, {rows['runs'].iloc[0]:,} runs at "
            f"{len(results.points):,} points, {results.replications:,} replications each",
            [("outcome", "left"), ("unit", "left"), ("mean", "right"), ("5-95 % of runs", "right")],
            [
                [
                    items[row["outcome"]].label,
                    items[row["outcome"]].unit,
                    number(row["mean"]),
                    f"{number(row['low'])} to {number(row['high'])}",
                ]
                for _, row in rows.iterrows()
            ],
        )
    if results.design["kind"] not in ("sobol", "morris"):
        for factor in results.design["factors"]:
            if factor["levels"] and 1 < len(factor["levels"]) <= FEW and factor["role"] == "lever":
                _print_levels(results, factor)
    if results.sequential:
        say(_sequential(results.sequential))


SHOWN = ("participants", "incidents", "communal_deaths", "armed_deaths", "tension", "legitimacy", "stability", "cost")
"""Outcomes in the tables by level; all others are in the stored tables."""


def _print_levels(results: SweepResults, factor: Any) -> None:
    from sim.world.outcomes import OUTCOMES

    labels = {item.name: item.label for item in OUTCOMES}
    key = str(factor["key"])
    table = results.by_level(key)
    table = table[table["scenario"].isin(factor["acts_in"])]
    print_table(
        f"Means by {key}, over all other factors",
        [("scenario", "left"), (key.rsplit(".", 1)[-1], "left"), *((labels[name], "right") for name in SHOWN)],
        [
            [str(row["scenario"]), cell(row[key]), *(number(float(row[name])) for name in SHOWN)]
            for _, row in table.iterrows()
        ],
    )


def _sequential(rule: Any) -> str:
    last = rule["rounds"][-1]
    reached = last["width"] is not None and last["width"] <= rule["width"]
    what = f"{rule['contrast']} of {rule['outcome']} in {rule['scope']}"
    width = "no interval" if last["width"] is None else f"widest 95 % interval {number(last['width'])}"
    ended = "narrow enough" if reached else "the most allowed"
    return (
        f"{last['replications']:,} replications, {ended}: {what}, {width}, wanted {number(rule['width'])}. "
        "Intervals read after such stopping are a little too narrow."
    )


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
