"""Read and check a region: a folder of tables, never code."""

from sim.region.check import check_region, find_region, load_region
from sim.region.files import shipped_root
from sim.region.records import Mission, Region
from sim.region.schema import VARIABLES, Variable

__all__ = [
    "VARIABLES",
    "Mission",
    "Region",
    "Variable",
    "check_region",
    "find_region",
    "load_region",
    "shipped_root",
]
