"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.errors import InputError, Problem

Seed = Annotated[int, typer.Option(help="Seed of the experiment.")]

Citizens = Annotated[str, typer.Option(metavar="N|all", help="Number of simulated citizens, or all: every inhabitant.")]

Months = Annotated[int | None, typer.Option(help="Length of the run, instead of the scenario's.")]

Threads = Annotated[int, typer.Option(help="Kernel threads of each run.")]

Workers = Annotated[int | None, typer.Option(help="Processes side by side; as many as processors by default.")]

Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the scenario; may be repeated."),
]

Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the results; one below results/ by default.")]

Parameters = Annotated[
    str | None,
    typer.Option(
        metavar="ensemble|central|FILE",
        help="Where replications take their parameters from: the calibrated ensemble, the central values, or a table "
        "of points (CSV). compare draws from the ensemble, run does not, unless told.",
    ),
]

Theories = Annotated[
    str | None,
    typer.Option(
        metavar="all|NAME,NAME",
        help="Run the comparison again under each stance of these rival theories, and say which conclusions hold "
        "under how many. all: every theory.",
    ),
]

Force = Annotated[
    bool, typer.Option("--force", help="Start even what is estimated not to fit into memory, or to take days.")
]


def citizens_number(text: str) -> int | str:
    """Read ``--citizens``: a number, with or without separators, or ``all``."""
    plain = text.replace("_", "").replace(",", "")
    if text == "all":
        return text
    if not (plain.isascii() and plain.lstrip("-").isdigit() and len(plain) <= 12):
        raise InputError(Problem("not a number of citizens", key="citizens", got=text[:40], allowed="a number, or all"))
    return int(plain)
