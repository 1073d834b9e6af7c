"""The commands as functions: load a scenario, run it, compare it with others; results as pandas tables."""

from sim.api.compact import compact
from sim.api.comparison import compare, comparison_size
from sim.api.folder import default_folder
from sim.api.inspect import Verification, status, verify
from sim.api.listing import catalogue
from sim.api.opened import read_results
from sim.api.report import read_study, report
from sim.api.results import Comparison, RunResults, RunsFailedError, SweepResults, scan
from sim.api.setup import Settings
from sim.api.single import Rerun, rerun, run
from sim.api.sweep import Preview, preview, sweep
from sim.api.why import Why, why
from sim.scenario import load_scenario

__all__ = [
    "Comparison",
    "Preview",
    "Rerun",
    "RunResults",
    "RunsFailedError",
    "Settings",
    "SweepResults",
    "Verification",
    "Why",
    "catalogue",
    "compact",
    "compare",
    "comparison_size",
    "default_folder",
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
