"""The commands that read a folder of results: ``status``, ``verify``, ``compact`` and ``report``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.command import app, examples
from sim.cli.options import AsJson, StoredFolder
from sim.cli.output import complain, print_lines, print_table, say

if TYPE_CHECKING:
    from sim.api import Status


@app.command(epilog=examples("status results/jobs", "status results/jobs --json"))
def status(folder: StoredFolder, as_json: AsJson = False) -> None:
    """Tell what is done, missing and failed. Also why something would be run again."""
    from sim import api

    found = api.status(folder)
    if as_json:
        print_lines(json.dumps(asdict(found) | {"missing": found.missing}, indent=1, ensure_ascii=False, default=str))
    else:
        _print_status(found)


@app.command(epilog=examples("verify results/jobs"))
def verify(folder: StoredFolder, as_json: AsJson = False) -> int:
    """Read every byte; name every damaged, foreign or missing file. Changes nothing."""
    from sim import api

    found = api.verify(folder)
    if as_json:
        print_lines(json.dumps(asdict(found) | {"good": found.good}, indent=1, ensure_ascii=False, default=str))
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


@app.command(epilog=examples("compact results/jobs --to shared/jobs"))
def compact(
    folder: StoredFolder,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write; DIR-compact by default.")] = None,
) -> None:
    """Write one Parquet file for each table. Runs get a column for each factor; DIR stays as it is."""
    from sim import api

    target = to or folder.with_name(f"{folder.resolve().name}-compact")
    for path in api.compact(folder, target):
        say(f"wrote {path}")


@app.command(epilog=examples("report results/jobs", "report results/jobs --out jobs.html"))
def report(
    folder: StoredFolder,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write; DIR/report.html by default.")
    ] = None,
) -> None:
    """Write one self-contained HTML file from stored results. Nothing is run again."""
    from sim import api

    study = api.read_study(folder)
    path = api.report(folder, out=out)
    if study.unfinished:
        complain(f"unfinished: {study.done:,} of {study.total:,} runs are stored, and the report says so")
    if study.failed:
        complain(f"{study.failed:,} of {study.total:,} runs failed and are left out")
    say(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")


def _print_status(found: Status) -> None:
    say(f"{found.folder}: {found.kind}, {found.state}{f' by {found.owner}' if found.owner else ''}")
    planned = "an unknown number" if found.planned is None else f"{found.planned:,}"
    missing = "" if found.missing is None else f", {found.missing:,} missing"
    say(f"{found.done:,} of {planned} runs done, {found.failed:,} failed{missing}")
    if found.failures:
        print_table(
            "Failed runs",
            ["runs", "stage", "reason", "again, alone"],
            [[str(group.runs), group.stage, group.error, group.reproduce] for group in found.failures],
            right=["runs"],
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
