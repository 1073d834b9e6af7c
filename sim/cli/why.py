"""``why``: where the difference between two scenarios comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.command import app, examples
from sim.cli.options import Citizens, Months, Out, Overrides, Seed, Threads, Workers, citizens_number
from sim.cli.output import print_table, progress_shown, say
from sim.cli.runs import ending, warn
from sim.wording import number

if TYPE_CHECKING:
    from sim.api.why import Why


@app.command(
    epilog=examples(
        "why baseline_2024 police_capacity --by channel",
        "why baseline_2024 package_economy --synergies --replications 8",
        "why baseline_2024 way_forward --outcome tension --scope XKX",
    )
)
def why(
    first: Annotated[
        str, typer.Argument(metavar="A", help="The scenario to start from: a file, or the name of a shipped one.")
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="The scenario to explain.")],
    outcome: Annotated[
        str, typer.Option(metavar="OUTCOME", help="The outcome to tell about; the tables hold all.")
    ] = "incidents",
    scope: Annotated[str, typer.Option(metavar="PLACE", help="region, or a state code.")] = "region",
    by: Annotated[str, typer.Option(metavar="programme|family|provider|channel", help="What is a part.")] = "programme",
    method: Annotated[
        str,
        typer.Option(
            metavar="shapley|sampled|ordered", help="shapley: at most eight parts; by default where possible."
        ),
    ] = "",
    order: Annotated[
        str, typer.Option(metavar="PART,PART", help="Parts in the order they are put in place (ordered).")
    ] = "",
    permutations: Annotated[int, typer.Option(help="Orders drawn by sampled.")] = 24,
    synergies: Annotated[
        bool, typer.Option("--synergies", help="Also tell what each pair of parts does together.")
    ] = False,
    replications: Annotated[int, typer.Option(help="Histories of each world.")] = 16,
    seed: Seed = 1,
    citizens: Citizens = "20000",
    months: Months = None,
    threads: Threads = 1,
    workers: Workers = None,
    set_: Overrides = None,
    out: Out = None,
) -> int:
    """Tell where the difference between two scenarios comes from."""
    from sim import api
    from sim.api.why import why_folder

    settings: dict[str, Any] = {
        "seed": seed,
        "replications": replications,
        "citizens": citizens_number(citizens),
        "months": months,
        "set_": set_ or [],
        "threads": threads,
        "workers": workers,
    }
    asked: dict[str, Any] = {
        "by": by,
        "method": method,
        "order": [name.strip() for name in order.split(",") if name.strip()],
        "permutations": permutations,
        "synergies": synergies,
    }
    folder = out or why_folder(first, second, api.Settings(**settings), **asked)
    with progress_shown() as progress:
        results = api.why(
            first, second, **settings, **asked, outcome=outcome, scope=scope, out=folder, progress=progress
        )
    warn(results)
    _print(results, outcome, scope)
    return ending(results)


def _print(results: Why, outcome: str, scope: str) -> None:
    from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

    item = OUTCOMES[OUTCOME_INDEX[outcome]]
    rows = results.why[(results.why["outcome"] == outcome) & (results.why["scope"] == scope)]
    first, second = (scenario.title or scenario.key for scenario in results.scenarios)
    print_table(
        f"Why {second} differs from {first}: {item.label}, {item.unit}, {scope}, whole run, {rows['n'].iloc[0]} pairs",
        [
            ("part", "left"),
            ("share", "right"),
            ("95 % interval", "right"),
            ("of the total", "right"),
            ("alone", "right"),
            ("added last", "right"),
            ("in words", "left"),
        ],
        [_row(row) for _, row in rows.iterrows()],
    )
    _print_synergy(results, outcome, scope)
    say(results.paragraph(outcome, scope))


def _row(row: Any) -> list[str]:
    return [
        str(row["group"]),
        number(row["share"]),
        f"{number(row['ci_low'])} to {number(row['ci_high'])}" if row["ci_low"] == row["ci_low"] else "",
        f"{row['fraction']:.0%}" if row["fraction"] == row["fraction"] else "",
        number(row["alone"]),
        number(row["last"]),
        str(row["in_words"]),
    ]


def _print_synergy(results: Why, outcome: str, scope: str) -> None:
    if results.synergy.empty:
        return
    rows = results.synergy
    rows = rows[(rows["outcome"] == outcome) & (rows["scope"] == scope)]
    rows = rows.reindex(rows["synergy"].abs().sort_values(ascending=False, kind="stable").index)
    print_table(
        "Together, beyond the sum of each alone",
        [("first", "left"), ("second", "left"), ("synergy", "right"), ("95 % interval", "right"), ("in words", "left")],
        [
            [
                str(row["first"]),
                str(row["second"]),
                number(row["synergy"]),
                f"{number(row['ci_low'])} to {number(row['ci_high'])}" if row["ci_low"] == row["ci_low"] else "",
                str(row["in_words"]),
            ]
            for _, row in rows.iterrows()
        ],
    )
