"""``page``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from sim.cli.command import app, examples
from sim.errors import InputError


@app.command(epilog=examples("page", "page --port 0 --no-open"))
def page(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8642,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
) -> int:
    """Open the interactive page: a scenario beside its baseline, month by month. It is for this machine only."""
    if find_spec("shiny") is None or find_spec("uvicorn") is None:
        raise InputError("page: its parts are not installed; run: pip install 'stabsim[web]'")
    from sim.cli.output import complain, print_lines
    from sim.page.app import serve

    stopped_by = serve(port, not no_open, print_lines)
    complain("stopped")
    return 128 + stopped_by if stopped_by else 0
