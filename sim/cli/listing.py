"""``catalogue``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sim.cli.command import app
from sim.cli.output import cell, print_lines, print_table


@app.command()
def catalogue(
    kind: Annotated[
        str, typer.Argument(help="interventions, parameters, outcomes, shocks or scenarios.")
    ] = "interventions",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List what scenarios can use and what runs record."""
    if kind == "scenarios":
        from sim.scenario import shipped_scenarios

        print_lines(json.dumps(shipped_scenarios(), indent=1) if as_json else "\n".join(shipped_scenarios()))
        return
    from sim import api

    table = api.catalogue(kind)
    if as_json:
        typer.echo(table.to_json(orient="records", indent=1, force_ascii=False))
        return
    hidden = {
        "text",
        "source",
        "evidence",
        "per",
        "price_year",
        "pool",
        "headline",
        "full_dose",
        "levers",
        "approval",
    }
    print_table(
        f"{len(table)} {kind} (everything: --json)",
        [(name, "left") for name in table.columns if name not in hidden],
        [[cell(row[name]) for name in table.columns if name not in hidden] for _, row in table.iterrows()],
    )
