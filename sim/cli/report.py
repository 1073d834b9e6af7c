"""``report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.command import app, examples
from sim.cli.output import complain, say


@app.command(epilog=examples("report results/jobs", "report results/jobs --out jobs.html"))
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run, a comparison or a sweep.")],
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
