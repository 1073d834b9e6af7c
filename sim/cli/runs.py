"""``run`` and ``compare``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.command import app, examples
from sim.cli.options import (
    Citizens,
    Force,
    Months,
    Out,
    Overrides,
    Parameters,
    Seed,
    Theories,
    Threads,
    Workers,
    citizens_number,
)
from sim.cli.output import Verbosity, complain, print_table, progress_shown, say
from sim.errors import InputError
from sim.wording import duration, number

if TYPE_CHECKING:
    from sim.api import Comparison, RunResults

EXIT_FAILED_RUNS = 3


@app.command(
    epilog=examples(
        "run baseline_2024 --months 24",
        "run police_capacity --replications 64 --set interventions.police.intensity=1",
        "run --id 0123456789abcdef0123 --from results/compare-baseline_2024-police_capacity",
    )
)
def run(
    scenario: Annotated[
        str | None, typer.Argument(metavar="SCENARIO", help="A scenario file, or the name of a shipped scenario.")
    ] = None,
    seed: Seed = 1,
    replications: Annotated[int, typer.Option(help="Independent histories.")] = 1,
    citizens: Citizens = "20000",
    months: Months = None,
    threads: Threads = 1,
    workers: Workers = None,
    set_: Overrides = None,
    out: Out = None,
    parameters: Parameters = None,
    force: Force = False,
    identity: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Run one stored run again, alone; needs --from.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Folder of the stored experiment.")
    ] = None,
) -> int:
    """Run one scenario: a table of outcomes by state, and figures."""
    if identity is not None or source is not None:
        if identity is None or source is None or scenario is not None:
            raise InputError("run: --id and --from belong together and take no scenario")
        return _rerun(identity, source)
    if scenario is None:
        raise InputError("run: which scenario? Give a file or a name from: stabsim catalogue scenarios")
    from sim import api

    people = citizens_number(citizens)
    settings: dict[str, Any] = {
        "seed": seed,
        "replications": replications,
        "citizens": people,
        "months": months,
        "set_": set_ or [],
        "parameters": parameters,
        "threads": threads,
        "workers": workers,
        "force": force,
    }
    folder = out or api.default_folder("run", [scenario], api.Settings(**settings))
    with progress_shown() as progress:
        results = api.run(scenario, **settings, out=folder, progress=progress)
    warn(results)
    _print_run(results)
    return ending(results)


@app.command(
    epilog=examples(
        "compare baseline_2024 police_capacity",
        "compare baseline_2024 dialogue_forums job_creation --replications 16 --months 36 --out results/mine",
        "compare baseline_2024 job_creation --theories all",
    )
)
def compare(
    scenarios: Annotated[
        list[str], typer.Argument(metavar="SCENARIO", help="Scenario files, or names of shipped scenarios.")
    ],
    baseline: Annotated[
        str | None,
        typer.Option(metavar="SCENARIO", help="What the others are compared with; the first scenario by default."),
    ] = None,
    replications: Annotated[int, typer.Option(help="Pairs of histories for each scenario.")] = 64,
    seed: Seed = 1,
    citizens: Citizens = "20000",
    months: Months = None,
    threads: Threads = 1,
    workers: Workers = None,
    set_: Overrides = None,
    out: Out = None,
    parameters: Parameters = None,
    theories: Theories = None,
    force: Force = False,
) -> int:
    """Compare scenarios with a baseline: paired effects, a report."""
    from sim import api

    people = citizens_number(citizens)
    settings: dict[str, Any] = {
        "seed": seed,
        "replications": replications,
        "citizens": people,
        "months": months,
        "set_": set_ or [],
        "parameters": parameters,
        "theories": theories,
        "threads": threads,
        "workers": workers,
        "force": force,
    }
    everything = scenarios if baseline is None else [baseline, *scenarios]
    folder = out or api.default_folder("compare", everything, api.Settings(**settings))
    if theories:
        say(api.comparison_size(everything, api.Settings(**settings)))
    with progress_shown() as progress:
        results = api.compare(scenarios, baseline=baseline, **settings, out=folder, progress=progress)
    warn(results)
    _print_comparison(results)
    _print_theories(results)
    return ending(results)


def _rerun(identity: str, source: Path) -> int:
    from sim import api

    again = api.rerun(identity, source)
    typer.echo(again.series.to_csv(index=False, lineterminator="\n"), nl=False)
    if again.same is None:
        complain("this time it did not fail; sweep --retry, or run and compare as given, store it")
    elif again.same:
        _note("the same as stored, byte for byte")
    else:
        complain("NOT the same as stored: other libraries, another processor, or a defect; see: stabsim status")
        return 1
    return 0


def _note(message: str) -> None:
    """Print beside a table that goes to a file, unless quiet."""
    if not Verbosity.quiet:
        complain(message)


def warn(results: Any) -> None:
    """Print what the scenarios' files hold that is worth a second look."""
    if Verbosity.quiet:
        return
    said = (str(problem) for scenario in results.scenarios for problem in scenario.warnings)
    for problem in dict.fromkeys(said):  # what both inherit or are given is said once
        complain(f"warning: {problem}")


def _print_run(results: RunResults) -> None:
    from sim.world.outcomes import OUTCOMES

    table, spec = results.headline(), results.scenarios[0]
    labels = {item.name: (item.label, item.unit) for item in OUTCOMES}
    many = results.tally.done
    of = "one history" if many == 1 else f"mean of {many} histories"
    rows = [[*labels[str(name)], *(number(float(value)) for value in table.loc[name])] for name in table.index]
    print_table(
        f"{spec.title or spec.key}: {spec.months} months from {spec.date(0)}, {of}",
        [("outcome", "left"), ("unit", "left"), *((str(scope), "right") for scope in table.columns)],
        rows,
    )
    if many == 1:
        say("One history shows what can happen, not what is likely: --replications 64 shows the range.")


def _print_comparison(results: Comparison) -> None:
    from sim.analysis.verdict import CLEAR, is_drawn
    from sim.world.outcomes import OUTCOMES

    items = {item.name: item for item in OUTCOMES}
    headline = results.headline()
    titles = {scenario.key: scenario.title or scenario.key for scenario in results.scenarios}
    short = headline["scenario"].nunique() > 4
    drawn = any(is_drawn(row) for row in headline.to_dict("records"))
    middle = _MIDDLE_DRAWN if drawn else _MIDDLE
    groups = dict(list(headline.groupby("scenario")))
    for key in (key for key in titles if key in groups):
        rows = groups[key]
        told = rows[rows["in_words"].isin(CLEAR)] if short else rows
        print_table(
            f"{titles[key]}, compared with {titles[results.baseline]}: region, whole run, {rows['n'].iloc[0]} pairs"
            + (f", {int(rows['draws'].max())} parameter sets" if drawn else ""),
            [
                ("outcome", "left"),
                ("unit", "left"),
                ("baseline", "right"),
                ("difference", "right"),
                *((name, "right") for name in middle),
                ("in words", "left"),
            ],
            [_effect_row(row, items[str(row["outcome"])], drawn) for row in told.to_dict("records")],
        )
        if len(told) < len(rows):
            counts = rows[~rows["in_words"].isin(CLEAR)]["in_words"].value_counts(sort=False)
            say(f"Other outcomes: {', '.join(f'{count} {words}' for words, count in counts.items())}.\n")
    if drawn:
        for line in _HOW_DRAWN:
            say(line)


def _print_theories(results: Comparison) -> None:
    """Say which conclusions hold under how many stances of rival theories."""
    from sim.world.outcomes import OUTCOMES

    if results.holds.empty:
        return
    labels = {item.name: item.label for item in OUTCOMES}
    titles = {scenario.key: scenario.title or scenario.key for scenario in results.scenarios}
    groups = dict(list(results.holds.groupby("scenario")))
    for key in (key for key in titles if key in groups):
        rows = groups[key]
        told = rows[rows["reversed"] + rows["holds"] > 0]
        if len(told):
            print_table(
                f"{titles[key]} under rival theories: {rows['stances'].max()} stances, the model as it is among them",
                [("outcome", "left"), ("as it is", "left"), ("under rival theories", "left"), ("not under", "left")],
                [
                    [labels[row["outcome"]], row["conclusion"], row["in_words"], row["fails_under"]]
                    for row in told.to_dict("records")
                ],
            )
        everywhere = int((told["holds"] == told["stances"]).sum())
        say(
            f"{titles[key]}: {len(told)} of {len(rows)} headline outcomes differ clearly with the model as it is; "
            f"{everywhere} of these conclusions hold under every stance."
        )


_MIDDLE = ("95 % interval of the mean", "5-95 % of pairs")
_MIDDLE_DRAWN = ("sampling error", "5-95 % of parameter sets", "in %", "parameter sets")
_HOW_DRAWN = (
    "sampling error: standard error of the difference from having few runs; more replications narrow it.",
    "5-95 % of parameter sets: range of the difference over parameter sets; more replications do not narrow it. "
    "in %: the same for counts, in per cent of the baseline of each set.",
    "parameter sets: how many go which way. Intervals of the mean are in effects.csv.",
)


def _effect_row(row: Mapping[Any, Any], item: Any, drawn: bool) -> list[str]:
    from sim.analysis.verdict import CLEAR, is_small

    words = str(row["in_words"])
    small = words in CLEAR and is_small(row["effect"], row["baseline_mean"])
    return [
        item.label,
        item.unit,
        number(row["baseline_mean"]),
        number(row["effect"]),
        *(_of_points(row, item.better) if drawn else _of_pairs(row)),
        f"{words}, under 1 %" if small else words,
    ]


def _of_pairs(row: Mapping[Any, Any]) -> list[str]:
    known = row["ci_low"] == row["ci_low"]
    return [
        f"{number(row['ci_low'])} to {number(row['ci_high'])}" if known else "",
        f"{number(row['spread_low'])} to {number(row['spread_high'])}",
    ]


def _of_points(row: Mapping[Any, Any], better: str) -> list[str]:
    """Write sampling error, the range over parameter sets, and how many of them go which way."""
    from sim.analysis.verdict import per_cent, sets_in_words

    allowed = f"{number(row['draws_low'])} to {number(row['draws_high'])}"
    share = per_cent(row)
    shown = f"{number(share[0])} to {number(share[1])}" if share else ""
    return [number(row["mc_error"]), allowed, shown, sets_in_words(row, better)]


def ending(results: Any) -> int:
    """Say where to look and what failed; return the exit code."""
    tally = results.tally
    if Verbosity.verbose:
        share = tally.store_seconds / max(tally.run_seconds + tally.store_seconds, 1e-9)
        say(
            f"{tally.done} runs in {duration(tally.elapsed)} ({tally.reused} were there already), "
            f"storing took {share:.1%} of the work"
        )
    from sim.status import status

    say(f"{status()}. The numbers follow from the assumptions of scenario and catalogue.")
    say(f"Tables and figures: {results.folder}")
    if getattr(results, "report", None):
        say(f"Report: {results.report}")
    if not tally.failed:
        return 0
    first = results.runs[results.runs["status"] == "failed"].iloc[0]
    complain(f"{tally.failed} of {tally.total} runs failed; the first: {first['stage']}: {first['error']}")
    complain(f"again, alone: {str(first['reproduce']).replace('DIR', str(results.folder))}")
    return EXIT_FAILED_RUNS
