"""One run from beginning to end, with nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from mesa import Model

from sim.model.month import RunResult, StabilityModel
from sim.population import Population, synthesise
from sim.region import Region, find_region, load_region
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
        64-bit run seed. The same seed in two scenarios gives the same random draws to the same citizens and places.
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


@lru_cache(maxsize=2)
def load_people(region: str, year: int, citizens: int | str) -> tuple[Region, Population]:
    """Load a region as it was in a year and make its citizens; the process keeps the two used last.

    Parameters
    ----------
    region : str
        Name of a shipped region, or path of a folder.
    citizens : int or "all"
    """
    loaded = load_region(find_region(region), year)
    return loaded, synthesise(loaded, citizens)


def make_setting(region: Region, population: Population, parameters: Mapping[str, float]) -> Setting:
    """Prepare what runs share; the baseline is solved at the region's reference year, whatever the year of the region."""
    home = load_region(region.folder)
    return prepare(region, population, dict(parameters), None if home.year == region.year else home)


@lru_cache(maxsize=4)
def shared_setting(region: Region, population: Population, parameters: tuple[tuple[str, float], ...]) -> Setting:
    """The setting of a region, population and parameter set, made once per process."""
    return make_setting(region, population, dict(parameters))


def _forget(model: Model) -> None:
    """Drop all that a finished model holds.

    A model and its agents refer to each other: emptying it lets its arrays go now, not at some later
    collection.
    """
    vars(model).clear()
