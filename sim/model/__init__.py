"""The model: a region of institutions, places and citizens under one scenario. `sim.model.month` tells its month."""

from sim.model.month import RunResult, StabilityModel
from sim.model.run import simulate

__all__ = ["RunResult", "StabilityModel", "simulate"]
