"""``catalogue``."""

from __future__ import annotations

import json
import textwrap
from typing import Annotated, Any

import typer

from sim.cli.command import app
from sim.cli.output import cell, print_lines, print_table
from sim.errors import InputError, Problem, nearest


@app.command()
def catalogue(
    kind: Annotated[
        str, typer.Argument(help="interventions, parameters, outcomes, shocks or scenarios.")
    ] = "interventions",
    name: Annotated[
        str | None, typer.Argument(help="One of them in full, such as I2, police_capacity or b_tension.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List what scenarios can use and what runs record, or show one of them in full."""
    if kind == "scenarios":
        from sim.scenario import shipped_scenarios

        print_lines(json.dumps(shipped_scenarios(), indent=1) if as_json else "\n".join(shipped_scenarios()))
        return
    from sim import api

    table = api.catalogue(kind)
    if name is not None:
        _one(kind, name, table, as_json)
    elif as_json:
        typer.echo(table.to_json(orient="records", indent=1, force_ascii=False))
    elif kind == "interventions":
        _families(table)
    else:
        print_table(
            f"{len(table)} {kind} (one in full: stabsim catalogue {kind} NAME; everything: --json)",
            [(column, "left") for column in table.columns if column not in HIDDEN],
            [[cell(row[column]) for column in table.columns if column not in HIDDEN] for _, row in table.iterrows()],
        )


HIDDEN = ("text", "source", "evidence", "pool", "headline", "levers", "rate_basis")
"""Columns that are left to the full view."""


def _families(table: Any) -> None:
    """Print the interventions family by family."""
    from sim.interventions.words import FAMILIES

    print_lines(f"{len(table)} interventions. One in full: stabsim catalogue interventions I2; everything: --json.")
    print_lines(
        "Cost: million euro a year at full dose, per million residents unless marked *, which is for all of it."
    )
    for family, title in FAMILIES.items():
        rows = [row for _, row in table.iterrows() if row["family"] == family]
        print_table(
            title,
            [("", "left"), ("key", "left"), ("what", "left"), ("by", "left"), ("needs", "left"), ("cost", "right"),
             ("status", "left"), ("evidence", "left"), ("beware", "left")],
            [
                [row["row"], row["key"], row["name"], row["provider"], row["approval"],
                 f"{row['meur_per_year']:g}" + ("*" if row["per"] == "programme" else " "),
                 row["status"], row["evidence"], row["mind"]]
                for row in rows
            ],
        )  # fmt: skip


def _one(kind: str, name: str, table: Any, as_json: bool) -> None:
    """Print one row in full."""
    keys = [column for column in ("row", "key", "name") if column in table.columns and kind != "interventions"]
    if kind == "interventions":
        keys = ["row", "key"]
    found = [row for _, row in table.iterrows() if name in [row[key] for key in keys]]
    if not found:
        hint = nearest(name, [str(row[key]) for _, row in table.iterrows() for key in keys])
        raise InputError(Problem(f"no such entry of {kind}", key="catalogue", got=name, hint=hint))
    if kind == "interventions":
        from sim.interventions import catalogue as read

        entry = read().interventions[found[0]["row"]]
        print_lines(entry.model_dump_json(indent=1) if as_json else card(entry))
    elif as_json:
        typer.echo(found[0].to_json(indent=1, force_ascii=False))
    else:
        print_lines("\n".join(f"{column + ':':<10} {cell(found[0][column])}" for column in table.columns))


def card(entry: Any) -> str:
    """One intervention as a person would want to read it."""
    from sim.interventions.words import facts, meaning, published, role, timing
    from sim.world.levers import LEVER_BY_NAME

    lines = [f"{entry.row}  {entry.name}  ({entry.key})", "", *_wrapped(entry.text.strip(), ""), ""]
    for word, what in facts(entry):
        lines += _wrapped(what, f"{word + ':':<18} ")
    lines += [
        "",
        "What it does at full dose, with the 5-95 % range (points are of 100, at mid-scale; unemployment: at 12 %):",
    ]
    for channel in entry.channels:
        mark = {"effect": "", "null": "  [NULL]", "harm": "  [HARM]", "side effect": "  [SIDE EFFECT]"}[role(channel)]
        size = published(channel.lever, channel.size, channel.low, channel.high)
        lines += ["", f"  {LEVER_BY_NAME[channel.lever].text} ({channel.lever}): {size}{mark}"]
        lines += _wrapped(f"{timing(channel)}. {channel.evidence}: {meaning(channel)}", "    ")
    quantity = f", {entry.dose.quantity}: {entry.dose.full:g}" if entry.dose.quantity else ""
    lines += ["", "In a scenario file:", f"  interventions: {{mine: {{type: {entry.key}{quantity}, months: 36}}}}"]
    return "\n".join(lines)


def _wrapped(text: str, head: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=head, subsequent_indent=" " * len(head))
