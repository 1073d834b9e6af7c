"""``status`` and ``verify``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.command import app, examples
from sim.cli.output import complain, print_lines, print_table, say

if TYPE_CHECKING:
    from sim.experiment.status import Status

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder of run, compare or sweep.")]

AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]


@app.command(epilog=examples("status results/jobs", "status results/jobs --json"))
def status(folder: Folder, as_json: AsJson = False) -> None:
    """Tell what is done, missing and failed. Also why something would be run again."""
    from sim import api

    found = api.status(folder)
    if as_json:
        print_lines(json.dumps(_plain(asdict(found) | {"missing": found.missing}), indent=1, ensure_ascii=False))
    else:
        _print_status(found)


@app.command(epilog=examples("verify results/jobs"))
def verify(folder: Folder, as_json: AsJson = False) -> int:
    """Read every byte; name every damaged, foreign or missing file. Changes nothing."""
    from sim import api

    found = api.verify(folder)
    if as_json:
        print_lines(json.dumps(_plain(asdict(found) | {"good": found.good}), indent=1, ensure_ascii=False))
        return 0 if found.good else 1
    for item in found.findings:
        (complain if item.bad else say)(f"{item.kind}: {found.folder / item.file}: {item.what}")
    if found.missing:
        say(f"{found.missing} runs are not stored yet")
    bad = sum(item.bad for item in found.findings)
    if bad:
        complain(f"{bad} found; damaged batches are run again by the command that made the folder")
        return 1
    say(f"{found.runs} runs read back, nothing damaged, foreign or missing")
    return 0


def _print_status(found: Status) -> None:
    say(f"{found.folder}: {found.kind}, {found.state}{f' by {found.owner}' if found.owner else ''}")
    planned = "an unknown number" if found.planned is None else f"{found.planned:,}"
    missing = "" if found.missing is None else f", {found.missing:,} missing"
    say(f"{found.done:,} of {planned} runs done, {found.failed:,} failed{missing}")
    if found.failures:
        print_table(
            "Failed runs",
            [("runs", "right"), ("stage", "left"), ("reason", "left"), ("again, alone", "left")],
            [[str(group.runs), group.stage, group.error, group.reproduce] for group in found.failures],
        )
    if found.incomplete:
        say(f"{len(found.incomplete)} incomplete batches do not count and are run again: {', '.join(found.incomplete)}")
    for note in found.notes:
        say(note)
    if found.changed:
        say("Changed since these runs were made, so that none of them fits the same command any more:")
        for what in found.changed:
            say(f"  {what}")
        say("The same command refuses this folder; give it another one with --out.")
    elif found.missing:
        say("The same command continues and runs what is missing.")
    if found.versions:
        say(f"Other versions than then, which make no run invalid: {'; '.join(found.versions)}")


def _plain(value: Any) -> Any:
    """Paths as text, so that JSON can hold them."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
