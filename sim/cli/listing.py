"""``catalogue``."""

from __future__ import annotations

import textwrap
from typing import Annotated, Any

import typer

from sim.cli.command import app, examples
from sim.cli.output import cell, print_lines, print_table
from sim.errors import InputError, Problem, nearest


@app.command(
    epilog=examples(
        "catalogue interventions",
        "catalogue interventions I2",
        "catalogue levers tension",
        "catalogue parameters --json",
    )
)
def catalogue(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="interventions, levers, shocks, parameters, theories, outcomes or scenarios."
        ),
    ] = "interventions",
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One of them in full, such as I2, police_capacity, tension or b_tension."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List what scenarios can use and what runs record. NAME shows one entry in full."""
    from sim import api

    table = api.catalogue(kind)
    if name is not None:
        _one(kind, name, table, as_json)
    elif as_json:
        typer.echo(table.to_json(orient="records", indent=1, force_ascii=False))
    elif kind == "interventions":
        _families(table)
    else:
        columns = [column for column in table.columns if column not in HIDDEN.get(kind, ())]
        count = table["name"].nunique() if kind == "theories" else len(table)
        print_table(
            f"{count} {kind} (one in full: stabsim catalogue {kind} NAME; everything: --json)",
            [column.replace("_", " ") for column in columns],
            [[cell(row[column]) for column in columns] for _, row in table.iterrows()],
        )


HIDDEN = {
    "levers": ("kind", "shocks"),
    "shocks": ("levers", "evidence", "text", "rate_basis"),
    "parameters": ("family", "source"),
    "theories": ("question", "source"),
    "outcomes": ("pool", "headline", "text"),
    "scenarios": ("description",),
}
"""Columns that are left to the full view, by catalogue."""


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
            ["", "key", "what", "by", "needs", "cost", "status", "evidence", "beware"],
            [
                [row["row"], row["key"], row["name"], row["provider"], row["approval"],
                 f"{row['meur_per_year']:g}" + ("*" if row["per"] == "programme" else " "),
                 row["status"], row["evidence"], row["mind"]]
                for row in rows
            ],
            right=["cost"],
        )  # fmt: skip


def _one(kind: str, name: str, table: Any, as_json: bool) -> None:
    """Print one row in full."""
    keys = [column for column in ("row", "key", "name") if column in table.columns and kind != "interventions"]
    if kind == "interventions":
        keys = ["row", "key"]
    found = table[(table[keys] == name).any(axis=1)]
    if found.empty:
        hint = nearest(name, [str(row[key]) for _, row in table.iterrows() for key in keys])
        raise InputError(Problem(f"no such entry of {kind}", key="catalogue", got=name, hint=hint))
    if kind == "interventions":
        from sim.interventions import catalogue as read

        entry = read().interventions[found.iloc[0]["row"]]
        print_lines(entry.model_dump_json(indent=1) if as_json else card(entry))
    elif as_json:
        entry = found if kind == "theories" else found.iloc[0]
        typer.echo(entry.to_json(indent=1, force_ascii=False, **({"orient": "records"} if kind == "theories" else {})))
    elif kind == "levers":
        print_lines(lever_card(name))
    else:
        print_lines("\n\n".join("\n".join(_facts(dict(row))) for _, row in found.iterrows()))


def _facts(row: dict[str, Any]) -> list[str]:
    """What a row holds, a line or more for each column that is not empty."""
    width = max(map(len, row)) + 1
    told = {column.replace("_", " ") + ":": cell(value) for column, value in row.items()}
    return [line for word, what in told.items() if what for line in _wrapped(what, f"{word:<{width}} ")]


MARKS = {"effect": "", "null": "  [NULL]", "harm": "  [HARM]", "side effect": "  [SIDE EFFECT]"}


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
        size = published(channel.lever, channel.size, channel.low, channel.high)
        lines += ["", f"  {LEVER_BY_NAME[channel.lever].text} ({channel.lever}): {size}{MARKS[role(channel)]}"]
        lines += _wrapped(f"{timing(channel)}. {channel.evidence}: {meaning(channel)}", "    ")
    quantity = f", {entry.dose.quantity}: {entry.dose.full:g}" if entry.dose.quantity else ""
    lines += ["", "In a scenario file:", f"  interventions: {{mine: {{type: {entry.key}{quantity}, months: 36}}}}"]
    return "\n".join(lines)


def lever_card(name: str) -> str:
    """One lever as a person would want to read it who writes an intervention."""
    from sim.api.listing import ADDS, PLACES, SIZES, bounds, hit_by, pulled_by
    from sim.interventions.words import published, role
    from sim.world.levers import LEVER_BY_NAME

    lever = LEVER_BY_NAME[name]
    lines = [f"{name}  {lever.text}", ""]
    for word, what in (
        ("one value per", PLACES[lever.scope]),
        ("kind", f"{lever.kind}: {ADDS[lever.kind]}"),
        ("bounds", bounds(lever)),
        ("from a source", SIZES[lever.kind]),
    ):
        lines += _wrapped(what, f"{word + ':':<14} ")
    pulls = [(entry.key, channel, entry.factor(channel)) for entry, channel in pulled_by(name)]
    hits = [(shock.key, channel, 1.0) for shock, channel in hit_by(name)]
    for title, users in (
        ("Interventions that pull it, at full dose, with the 5-95 % range:", pulls),
        ("Shocks that hit it, at magnitude 1:", hits),
    ):
        rows = []
        for key, channel, scale in users:
            size = published(name, channel.size, channel.low, channel.high)
            tuned = f", times {scale:.3g} (tuned)" if scale != 1.0 else ""
            rows.append(f"  {key}: size {channel.size:g}: {size}{tuned}{MARKS[role(channel)]}")
        lines += ["", title, *(rows or ["  none"])]
    lines += [
        "",
        "In an intervention of your own (docs/scenario-files.md):",
        f"  channels: [{{lever: {name}, size: {EXAMPLE[lever.kind]}}}]",
    ]
    return "\n".join(lines)


EXAMPLE = {"level": "-0.1", "rate": "-0.1", "log_odds": "-0.1", "share": "0.1", "persons": "1"}
"""A size of each kind of lever, to start from."""


def _wrapped(text: str, head: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=head, subsequent_indent=" " * len(head))
