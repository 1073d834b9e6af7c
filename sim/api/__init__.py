"""The commands as functions: load a scenario, run it, compare it with others; results as pandas tables."""

from sim.api.comparison import compare
from sim.api.folder import default_folder
from sim.api.listing import catalogue
from sim.api.report import read_study, report
from sim.api.results import Comparison, RunResults, RunsFailedError
from sim.api.single import rerun, run
from sim.api.why import Why, why
from sim.scenario import load_scenario

__all__ = [
    "Comparison",
    "RunResults",
    "RunsFailedError",
    "Why",
    "catalogue",
    "compare",
    "default_folder",
    "load_scenario",
    "read_study",
    "report",
    "rerun",
    "run",
    "why",
]
