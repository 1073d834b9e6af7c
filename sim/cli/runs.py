"""The commands that run something: ``run``, ``compare``, ``why``, ``sweep`` and ``page``; what they print."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.command import app, examples
from sim.cli.options import takes_settings
from sim.cli.output import Verbosity, cell, complain, print_lines, print_table, progress_shown, say
from sim.errors import InputError
from sim.settings import Settings
from sim.wording import duration, number

if TYPE_CHECKING:
    from sim.api import Comparison, Preview, RunResults, SweepResults, Why
    from sim.api.prepare import Setup
    from sim.api.results import Results

EXIT_FAILED_RUNS = 3
RESULTS = Path("results")
FEW = 8
"""Levels a factor may have to get a table of its own."""
SHOWN = ("participants", "incidents", "communal_deaths", "armed_deaths", "tension", "legitimacy", "stability", "cost")
"""Outcomes in the tables by level; all others are in the stored tables."""


@app.command(
    epilog=examples(
        "run baseline_2024 --months 24",
        "run police_capacity --replications 64 --set interventions.police.intensity=1",
        "run --id 0123456789abcdef0123 --from results/compare-baseline_2024-police_capacity",
    )
)
@takes_settings
def run(
    scenario: Annotated[
        str | None, typer.Argument(metavar="SCENARIO", help="A scenario file, or the name of a shipped scenario.")
    ] = None,
    *,
    settings: Settings,
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

    with progress_shown() as progress:
        results = api.run(scenario, settings, below=RESULTS, announce=_announce, progress=progress)
    _print_run(results)
    return _ending(results)


@app.command(
    epilog=examples(
        "compare baseline_2024 police_capacity",
        "compare baseline_2024 dialogue_forums job_creation --replications 16 --months 36 --out results/mine",
        "compare baseline_2024 job_creation --theories all",
    )
)
@takes_settings
def compare(
    scenarios: Annotated[
        list[str], typer.Argument(metavar="SCENARIO", help="Scenario files, or names of shipped scenarios.")
    ],
    *,
    settings: Settings,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="SCENARIO", help="What the others are compared with; the first scenario by default."),
    ] = None,
) -> int:
    """Compare scenarios with a baseline: paired effects, a report."""
    from sim import api

    with progress_shown() as progress:
        results = api.compare(
            scenarios, settings, baseline=baseline, below=RESULTS, announce=_announce, progress=progress
        )
    _print_comparison(results)
    _print_theories(results)
    return _ending(results)


@app.command(
    epilog=examples(
        "why baseline_2024 police_capacity --by channel",
        "why baseline_2024 package_economy --synergies --replications 8",
        "why baseline_2024 way_forward --outcome tension --scope XKX",
    )
)
@takes_settings
def why(
    first: Annotated[
        str, typer.Argument(metavar="A", help="The scenario to start from: a file, or the name of a shipped one.")
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="The scenario to explain.")],
    *,
    settings: Settings,
) -> int:
    """Attribute the difference between two scenarios to its parts."""
    from sim import api

    with progress_shown() as progress:
        results = api.why(first, second, settings, below=RESULTS, announce=_announce, progress=progress)
    _print_why(results, settings.outcome, settings.scope)
    return _ending(results)


@app.command(
    epilog=examples(
        "sweep jobs_dialogue_policing --dry-run",
        "sweep jobs_dialogue_policing --out results/jobs",
        "sweep jobs_dialogue_policing --out results/jobs --retry",
    )
)
@takes_settings
def sweep(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="EXPERIMENT",
            help="An experiment file, a folder with experiment.yaml, or a shipped experiment's name.",
        ),
    ],
    *,
    settings: Settings,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on a Dask cluster, such as tcp://host:8786.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate size and time from a short run; write nothing.")
    ] = False,
) -> int:
    """Carry out an experiment file: many points, many runs. The same command continues."""
    from sim import api

    if cluster is not None and settings.workers is not None:
        raise InputError("sweep: --workers and --cluster exclude each other")
    if dry_run:
        _print_preview(api.preview(experiment, settings, announce=_announce))
        return 0
    place: dict[str, Any] = {}
    if cluster is not None:
        from sim.experiment import dask_pool

        pool, count = dask_pool(cluster)
        place = {"workers": count, "pool": pool}
    with progress_shown() as progress:
        results = api.sweep(experiment, settings, below=RESULTS, progress=progress, announce=_announce, **place)
    _print_sweep(results)
    code = _ending(results)
    return EXIT_FAILED_RUNS if results.tally.stopped else code


@app.command(epilog=examples("page", "page --port 0 --no-open"))
def page(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8642,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
) -> int:
    """Open the interactive page: a scenario beside its baseline. It is for this machine only."""
    if find_spec("shiny") is None or find_spec("uvicorn") is None:
        raise InputError("page: its parts are not installed; run: pip install 'stabsim[web]'")
    from sim.page.app import serve

    stopped_by = serve(port, not no_open, print_lines)
    complain("stopped")
    return 128 + stopped_by if stopped_by else 0


# --- what they print ------------------------------------------------------------------------------------


def _announce(setup: Setup) -> None:
    """Print warnings about the input and, where variants multiply the runs, how many there are."""
    if not Verbosity.quiet:
        for problem in setup.warnings:
            complain(f"warning: {problem}")
    if setup.variants:
        say(str(setup))


def _rerun(identity: str, source: Path) -> int:
    from sim import api

    again = api.rerun(identity, source)
    typer.echo(again.series.to_csv(index=False, lineterminator="\n"), nl=False)
    if again.same is None:
        complain("this time it did not fail; sweep --retry, or run and compare as given, store it")
    elif not again.same:
        complain("NOT the same as stored: other libraries, another processor, or a defect; see: stabsim status")
        return 1
    elif not Verbosity.quiet:
        complain("the same as stored, byte for byte")
    return 0


def _interval(row: Any, low: str = "ci_low", high: str = "ci_high") -> str:
    """Write an interval; empty where there is none."""
    return f"{number(row[low])} to {number(row[high])}" if row[low] == row[low] else ""


def _titles(results: Results) -> dict[str, str]:
    return {scenario.key: scenario.title or scenario.key for scenario in results.scenarios}


def _print_run(results: RunResults) -> None:
    from sim.world.outcomes import OUTCOMES

    table, spec = results.headline(), results.scenarios[0]
    labels = {item.name: [item.label, item.unit] for item in OUTCOMES}
    runs, scopes = results.tally.done, [str(scope) for scope in table.columns]
    print_table(
        f"{spec.title or spec.key}: {spec.months} months from {spec.date(0)}, "
        + ("one run" if runs == 1 else f"mean of {runs} runs"),
        ["outcome", "unit", *scopes],
        [[*labels[str(name)], *(number(float(value)) for value in table.loc[name])] for name in table.index],
        right=scopes,
    )
    if runs == 1:
        say("One run shows what can happen, not what is likely: --replications 64 shows the range.")


def _print_comparison(results: Comparison) -> None:
    from sim.analysis.verdict import CLEAR, is_drawn
    from sim.world.outcomes import OUTCOMES

    items, titles = {item.name: item for item in OUTCOMES}, _titles(results)
    headline = results.headline()
    short = headline["scenario"].nunique() > 4
    drawn = any(is_drawn(row) for row in headline.to_dict("records"))
    middle = _MIDDLE_DRAWN if drawn else _MIDDLE
    groups = dict(list(headline.groupby("scenario")))
    for key in (key for key in titles if key in groups):
        rows = groups[key]
        shown = rows[rows["in_words"].isin(CLEAR)] if short else rows
        print_table(
            f"{titles[key]}, compared with {titles[results.baseline]}: region, whole run, {rows['n'].iloc[0]} pairs"
            + (f", {int(rows['draws'].max())} parameter sets" if drawn else ""),
            ["outcome", "unit", "baseline", "difference", *middle, "in words"],
            [_effect_row(row, items[str(row["outcome"])], drawn) for row in shown.to_dict("records")],
            right=["baseline", "difference", *middle],
        )
        if len(shown) < len(rows):
            counts = rows[~rows["in_words"].isin(CLEAR)]["in_words"].value_counts(sort=False)
            say(f"Other outcomes: {', '.join(f'{count} {words}' for words, count in counts.items())}.\n")
    for line in _HOW_DRAWN if drawn else ():
        say(line)


_MIDDLE = ("95 % interval of the mean", "5-95 % of pairs")
_MIDDLE_DRAWN = ("sampling error", "5-95 % of parameter sets", "in %", "parameter sets")
_HOW_DRAWN = (
    "sampling error: standard error of the difference from having few runs; more replications narrow it.",
    "5-95 % of parameter sets: range of the difference over parameter sets; more replications do not narrow it. "
    "in %: the same for counts, in per cent of the baseline of each set.",
    "parameter sets: how many go which way. Intervals of the mean are in effects.csv.",
)


def _effect_row(row: Mapping[Any, Any], item: Any, drawn: bool) -> list[str]:
    from sim.analysis.verdict import CLEAR, is_small, per_cent, sets_in_words

    if drawn:
        share = per_cent(row)
        in_per_cent = f"{number(share[0])} to {number(share[1])}" if share else ""
        allowed = _interval(row, "draws_low", "draws_high")
        middle = [number(row["mc_error"]), allowed, in_per_cent, sets_in_words(row, item.better)]
    else:
        middle = [_interval(row), _interval(row, "spread_low", "spread_high")]
    words = str(row["in_words"])
    small = words in CLEAR and is_small(row["effect"], row["baseline_mean"])
    return [
        item.label,
        item.unit,
        number(row["baseline_mean"]),
        number(row["effect"]),
        *middle,
        f"{words}, under 1 %" if small else words,
    ]


def _print_theories(results: Comparison) -> None:
    """Say which conclusions hold under how many stances of rival theories."""
    from sim.world.outcomes import OUTCOMES

    if results.holds.empty:
        return
    labels, titles = {item.name: item.label for item in OUTCOMES}, _titles(results)
    groups = dict(list(results.holds.groupby("scenario")))
    for key in (key for key in titles if key in groups):
        rows = groups[key]
        clear = rows[rows["reversed"] + rows["holds"] > 0]
        if len(clear):
            print_table(
                f"{titles[key]} under rival theories: {rows['stances'].max()} stances, the model as it is among them",
                ["outcome", "as it is", "under rival theories", "not under"],
                [
                    [labels[row["outcome"]], row["conclusion"], row["in_words"], row["fails_under"]]
                    for row in clear.to_dict("records")
                ],
            )
        everywhere = int((clear["holds"] == clear["stances"]).sum())
        say(
            f"{titles[key]}: {len(clear)} of {len(rows)} headline outcomes differ clearly with the model as it is; "
            f"{everywhere} of these conclusions hold under every stance."
        )


def _print_why(results: Why, outcome: str, scope: str) -> None:
    from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

    def chosen(table: Any) -> Any:
        return table[(table["outcome"] == outcome) & (table["scope"] == scope)]

    item, rows = OUTCOMES[OUTCOME_INDEX[outcome]], chosen(results.why)
    first, second = _titles(results).values()
    print_table(
        f"Why {second} differs from {first}: {item.label}, {item.unit}, {scope}, whole run, {rows['n'].iloc[0]} pairs",
        ["part", "share", "95 % interval", "of the total", "alone", "added last", "in words"],
        [
            [
                str(row["group"]),
                number(row["share"]),
                _interval(row),
                f"{row['fraction']:.0%}" if row["fraction"] == row["fraction"] else "",
                number(row["alone"]),
                number(row["last"]),
                str(row["in_words"]),
            ]
            for _, row in rows.iterrows()
        ],
        right=["share", "95 % interval", "of the total", "alone", "added last"],
    )
    if not results.synergy.empty:
        rows = chosen(results.synergy)
        rows = rows.reindex(rows["synergy"].abs().sort_values(ascending=False, kind="stable").index)
        print_table(
            "Joint effect of two parts, beyond the sum of each alone",
            ["first", "second", "synergy", "95 % interval", "in words"],
            [
                [str(row["first"]), str(row["second"]), number(row["synergy"]), _interval(row), str(row["in_words"])]
                for _, row in rows.iterrows()
            ],
            right=["synergy", "95 % interval"],
        )
    say(results.paragraph(outcome, scope))


def _print_preview(found: Preview) -> None:
    say(f"{found.title}: {found.kind} design")
    if found.factors:
        print_table(
            f"{len(found.factors)} factors",
            ["factor", "role", "varies", "unit", "acts"],
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

    labels = {item.name: [item.label, item.unit] for item in OUTCOMES}
    table = results.headline()
    for scenario in results.scenarios:
        rows = table[table["scenario"] == scenario.key]
        if not len(rows):
            continue
        print_table(
            f"{scenario.title or scenario.key}: region, whole run, {rows['runs'].iloc[0]:,} runs at "
            f"{len(results.points):,} points, {results.replications:,} replications each",
            ["outcome", "unit", "mean", "5-95 % of runs"],
            [
                [*labels[row["outcome"]], number(row["mean"]), _interval(row, "low", "high")]
                for _, row in rows.iterrows()
            ],
            right=["mean", "5-95 % of runs"],
        )
    if results.design["kind"] not in ("sobol", "morris"):
        for factor in results.design["factors"]:
            if factor["levels"] and 1 < len(factor["levels"]) <= FEW and factor["role"] == "lever":
                _print_levels(results, factor)
    if results.sequential:
        say(_sequential(results.sequential))


def _print_levels(results: SweepResults, factor: Any) -> None:
    from sim.world.outcomes import OUTCOMES

    labels = {item.name: item.label for item in OUTCOMES}
    key = str(factor["key"])
    table = results.by_level(key)
    table = table[table["scenario"].isin(factor["acts_in"])]
    print_table(
        f"Means by {key}, over all other factors",
        ["scenario", key.rsplit(".", 1)[-1], *(labels[name] for name in SHOWN)],
        [
            [str(row["scenario"]), cell(row[key]), *(number(float(row[name])) for name in SHOWN)]
            for _, row in table.iterrows()
        ],
        right=[labels[name] for name in SHOWN],
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


def _ending(results: Any) -> int:
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
