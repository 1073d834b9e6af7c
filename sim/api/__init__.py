"""The commands as functions: load a scenario, run it, compare it with others; results as pandas tables."""

from typing import Any

from sim.api.listing import catalogue
from sim.api.prepare import RunsFailedError
from sim.api.results import Comparison, RunResults, SweepResults, compact, read_results, scan
from sim.api.runs import Preview, Rerun, compare, preview, rerun, run, sweep
from sim.api.why import Why, why
from sim.experiment.status import Status, Verification, status, verify
from sim.scenario import load_scenario
from sim.settings import Settings

__all__ = [
    "Comparison",
    "Preview",
    "Rerun",
    "RunResults",
    "RunsFailedError",
    "Settings",
    "Status",
    "SweepResults",
    "Verification",
    "Why",
    "catalogue",
    "compact",
    "compare",
    "load_scenario",
    "preview",
    "read_results",
    "read_study",
    "report",
    "rerun",
    "run",
    "scan",
    "status",
    "sweep",
    "verify",
    "why",
]


def __getattr__(name: str) -> Any:
    """Import what draws, and with it matplotlib, when it is first asked for."""
    if name in ("read_study", "report"):
        from sim.api import reporting

        return getattr(reporting, name)
    raise AttributeError(f"module 'sim.api' has no attribute {name!r}")
