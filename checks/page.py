"""The page ``docs/validation.md``, made from the stored results by the template ``page.md.jinja``."""

from __future__ import annotations

import math
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from checks.stored import results, stored, stored_status
from sim.interventions.catalogue import tuned_scales
from sim.status import outcome

KINDS = ("facts", "docking", "trials", "calibration", "hindcast")


def page() -> str:
    """Write the page: tables, pictures, what fails and why, what is not claimed."""
    made = {kind: results(kind) for kind in KINDS}
    model = stored("facts")["model"][:12]
    loader = FileSystemLoader(Path(__file__).parent)
    template = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True).get_template(
        "page.md.jinja"
    )
    return template.render(
        **made,
        status=outcome(stored_status()),
        model=f"`{model or 'unknown'}`",
        scales=list(tuned_scales().values()),
        missing=", ".join(kind for kind in KINDS[2:] if not made[kind]).capitalize(),
        inf=math.inf,
    )
