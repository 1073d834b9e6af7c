"""The command ``stabsim check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.command import examples
from sim.cli.options import Out, Workers
from sim.cli.output import print_table, progress_shown, say
from sim.wording import number

if TYPE_CHECKING:
    from checks.records import CheckResult


EXAMPLES = examples(
    "check facts --quick", "check facts --only SF4,SF5", "check hindcast --from 1998-01 --to 2010-12 --split 2004-01"
)


def register(app: typer.Typer) -> None:
    """Add the command to ``stabsim``; called by way of the entry point ``stabsim.commands``."""
    app.command(epilog=EXAMPLES)(check)


def check(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="facts, docking (other people's models), trials (published studies, repeated in the model), hindcast "
            "(forecasts of the past) or calibration (what history says about parameters).",
        ),
    ] = "facts",
    quick: Annotated[
        bool, typer.Option("--quick", help="A tenth of the replications: to see whether something broke.")
    ] = False,
    only: Annotated[str | None, typer.Option(metavar="KEY,KEY", help="Single checks, such as SF4,SF5.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="MONTH", help="Hindcast: first month, such as 1998-01.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="MONTH", help="Hindcast: last month.")] = None,
    split: Annotated[
        str | None, typer.Option(metavar="MONTH", help="Hindcast: first month of the part that is scored.")
    ] = None,
    observed: Annotated[str | None, typer.Option(metavar="DIR", help="Hindcast: folder of observed tables.")] = None,
    scenario: Annotated[
        str | None, typer.Option(metavar="SCENARIO", help="Hindcast: scenario that covers these months.")
    ] = None,
    parameters: Annotated[
        str | None, typer.Option(metavar="FILE", help="Hindcast: CSV table of candidate parameters.")
    ] = None,
    workers: Workers = None,
    out: Out = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> int:
    """Compare the model with facts or the past. Prints the validation targets and whether each is met, with figures."""
    from checks.hindcast import HindcastOptions
    from checks.run import check as carry_out

    asked = HindcastOptions(first, last, split, observed, scenario, parameters)
    names = [name.strip() for name in only.split(",") if name.strip()] if only else []
    with progress_shown() as progress:
        made = carry_out(
            kind, quick=quick, only=names, workers=workers, out=out, asked=asked, progress=progress, said=_say
        )
    if as_json:
        typer.echo((made.path / f"{kind}.json").read_text(encoding="utf-8"), nl=False)
        return 0
    _print(made.results, kind.capitalize())
    if kind == "hindcast":
        say(made.results[0].simulated)
    say(f"figures, table and JSON: {made.path}")
    return 0


def _say(result: CheckResult) -> None:
    from sim.cli.output import Verbosity, complain

    if not Verbosity.quiet:
        complain(f"{result.key}: {result.verdict} ({result.seconds:.0f} s)")


def _print(results: tuple[CheckResult, ...], title: str) -> None:
    columns = ["", "measured", "value", "95 % interval", "target range", "", "verdict"]
    tuned = any(row.status for result in results for row in result.rows)
    columns += ["status"] if tuned else []
    lines = [
        [
            result.key if k == 0 else "",
            row.what,
            "" if row.value is None else f"{number(row.value)} {row.unit}".strip(),
            "" if row.low is None or row.high is None else f"{number(row.low)} to {number(row.high)}",
            row.window,
            row.basis,
            row.verdict,
            *([row.status] if tuned else []),
        ]
        for result in results
        for k, row in enumerate(result.rows)
    ]
    heading = f"{title} (E: target range from evidence, A: our own choice)"
    print_table(heading, columns, lines, right=["value", "95 % interval"])
    for result in results:
        for row in result.rows:
            if row.verdict in ("not testable yet", "inconclusive") or (row.value is None and row.note):
                say(f"{result.key} {row.what}: {row.note}")
        if result.verdict == "fail" and result.suspected:
            say(f"{result.key} fails; suspected: {result.suspected}")
    verdicts = [result.verdict for result in results]
    counts = [
        f"{verdicts.count(v)} {v}"
        for v in ("pass", "fail", "inconclusive", "not testable yet", "not run")
        if v in verdicts
    ]
    say(", ".join(counts))
