"""The commands as functions: load a scenario, run it, compare it with others; results as pandas tables."""

from sim.api.check import Checked, check
from sim.api.comparison import compare
from sim.api.folder import default_folder
from sim.api.listing import catalogue
from sim.api.results import Comparison, RunResults, RunsFailedError
from sim.api.single import rerun, run
from sim.scenario import load_scenario

__all__ = [
    "Checked",
    "Comparison",
    "RunResults",
    "RunsFailedError",
    "catalogue",
    "check",
    "compare",
    "default_folder",
    "load_scenario",
    "rerun",
    "run",
]
