"""One run from beginning to end, with nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from mesa import Model

from sim.model.month import RunResult, StabilityModel
from sim.population import Population
from sim.region import Region, load_region
from sim.scenario import Scenario
from sim.world.world import Setting, prepare


def simulate(
    scenario: Scenario,
    region: Region,
    population: Population,
    seed: int,
    *,
    threads: int = 1,
    setting: Setting | None = None,
    observe: Callable[[StabilityModel], None] | None = None,
) -> RunResult:
    """Run one scenario once.

    Parameters
    ----------
    region : Region
        At the scenario's start year.
    seed : int
        64-bit run seed. The same seed in two scenarios gives the same luck to the same citizens and places.
    setting : Setting, optional
        A prepared setting to reuse; by default one is prepared and kept for the process.
    observe : callable, optional
        Called with the model after every month, to read it. What it raises ends the run.
    """
    if setting is None:
        setting = shared_setting(region, population, tuple(sorted(scenario.parameters.items())))
    model = StabilityModel(scenario, setting, seed, threads=threads)
    try:
        return model.run(observe)
    finally:
        _forget(model)


@lru_cache(maxsize=4)
def shared_setting(region: Region, population: Population, overrides: tuple[tuple[str, float], ...]) -> Setting:
    """Build the setting of a region, population and parameter set once per process."""
    home = load_region(region.folder)
    reference = None if home.year == region.year else home
    return prepare(region, population, dict(overrides), reference)


def _forget(model: Model) -> None:
    """Drop all that a finished model holds.

    A model and its agents refer to each other: emptying it lets its arrays go now, not at some later
    collection.
    """
    vars(model).clear()
