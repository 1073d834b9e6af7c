"""What runs a scenario once. Experiments see only the `Engine` protocol; `ModelEngine` is the model itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.errors import RunError

if TYPE_CHECKING:
    from sim.population import Population
    from sim.region import Region
    from sim.scenario import Scenario


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


@dataclass(frozen=True)
class ModelEngine:
    """The model itself, with a population of ``citizens`` and ``threads`` kernel threads."""

    citizens: int | str
    region_hash: str
    threads: int = 1

    def layout(self, scenario: Scenario) -> Layout:
        """Name the axes of the scenario's region."""
        return self._inputs(scenario).layout

    def simulate(self, scenario: Scenario, seed: int) -> Any:
        """Run the scenario once."""
        from sim.model.run import simulate

        inputs = self._inputs(scenario)
        return simulate(scenario, inputs.region, inputs.population, seed, threads=self.threads)

    def _inputs(self, scenario: Scenario) -> Inputs:
        return load_inputs(str(scenario.region), scenario.start_year, self.citizens, self.region_hash)


class Inputs(NamedTuple):
    """What the model needs beside the scenario."""

    region: Region
    population: Population
    layout: Layout


@lru_cache(maxsize=2)
def load_inputs(region: str, year: int, citizens: int | str, region_hash: str = "") -> Inputs:
    """Load a region as it was in a year, and make its citizens; the process keeps the two used last.

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
    district = [int(index) for index in loaded.cell_district]
    layout = Layout(
        states=tuple(loaded.states),
        cell_state=tuple(loaded.states[int(loaded.district_state[index])] for index in district),
        cell_district=tuple(loaded.districts[index] for index in district),
        cell_community=tuple(loaded.communities[int(index)] for index in loaded.cell_community),
    )
    return Inputs(loaded, synthesise(loaded, citizens), layout)


def package_file(path: str) -> str:
    """Shorten a source path to the part inside the package, so that messages name no machine."""
    parts = Path(path).parts
    return "/".join(parts[parts.index("sim") :]) if "sim" in parts else parts[-1]
