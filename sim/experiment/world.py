"""What runs one scenario once: the model behind a narrow face, so that experiments can do without it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.errors import RunError

if TYPE_CHECKING:
    from sim.population import Population
    from sim.region import Region
    from sim.scenario import Scenario

    World = tuple[Region, Population, "Layout"]


@dataclass(frozen=True, eq=False)
class Layout:
    """Names along the axes of a run's arrays.

    ``states`` are the columns of ``series``; ``cell_state``, ``cell_district`` and ``cell_community`` (all
    of length n_cells) name the cells of ``places`` in canonical order.
    """

    states: tuple[str, ...]
    cell_state: tuple[str, ...]
    cell_district: tuple[str, ...]
    cell_community: tuple[str, ...]


class Result(Protocol):
    """What a run gives back.

    ``series`` (months, n_states, n_outcomes), ``places`` (windows, n_cells, n_place).
    """

    @property
    def series(self) -> NDArray[np.float64]:
        """Outcomes by month and state."""

    @property
    def places(self) -> NDArray[np.float64]:
        """Place outcomes by year of the run and cell."""


class Engine(Protocol):
    """Runs a scenario. Must be picklable; anything heavy is loaded once per process."""

    def layout(self, scenario: Scenario) -> Layout:
        """Name the axes."""

    def simulate(self, scenario: Scenario, seed: int) -> Result:
        """Run once."""


@lru_cache(maxsize=2)
def load_world(region: str, year: int, citizens: int | str, region_hash: str = "") -> World:
    """Load a region as it was in a year, and make its citizens; the two latest are kept for the life of the process.

    Raises
    ------
    RunError
        If a hash is given and the region is no longer the one the experiment was planned with.
    """
    from sim.population import synthesise
    from sim.region import find_region, load_region

    loaded = load_region(find_region(region), year)
    if region_hash and loaded.sha256 != region_hash:
        raise RunError("load", f"region {region}: its tables changed since the experiment was planned")
    return loaded, synthesise(loaded, citizens), layout_of(loaded)


def layout_of(region: Region) -> Layout:
    """Read the axis names off a region."""
    district = [int(index) for index in region.cell_district]
    return Layout(
        states=tuple(region.states),
        cell_state=tuple(region.states[int(region.district_state[index])] for index in district),
        cell_district=tuple(region.districts[index] for index in district),
        cell_community=tuple(region.communities[int(index)] for index in region.cell_community),
    )


@dataclass(frozen=True)
class ModelEngine:
    """The model itself, with a population of ``citizens`` and ``threads`` kernel threads."""

    citizens: int | str
    region_hash: str
    threads: int = 1

    def layout(self, scenario: Scenario) -> Layout:
        """Name the axes of the scenario's region."""
        return self._world(scenario)[2]

    def simulate(self, scenario: Scenario, seed: int) -> Any:
        """Run the scenario once."""
        from sim.model.run import simulate

        region, population, _ = self._world(scenario)
        return simulate(scenario, region, population, seed, threads=self.threads)

    def _world(self, scenario: Scenario) -> World:
        return load_world(str(scenario.region), scenario.start_year, self.citizens, self.region_hash)


def package_file(path: str) -> str:
    """Shorten a source path to the part inside the package, so that messages name no machine."""
    parts = Path(path).parts
    return "/".join(parts[parts.index("sim") :]) if "sim" in parts else parts[-1]
