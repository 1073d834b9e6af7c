"""What runs a scenario once. Experiments see only the `Engine` protocol; `ModelEngine` is the model itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

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
        region, _ = self._people(scenario)
        district = [int(index) for index in region.cell_district]
        return Layout(
            states=tuple(region.states),
            cell_state=tuple(region.states[int(region.district_state[index])] for index in district),
            cell_district=tuple(region.districts[index] for index in district),
            cell_community=tuple(region.communities[int(index)] for index in region.cell_community),
        )

    def simulate(self, scenario: Scenario, seed: int) -> Any:
        """Run the scenario once."""
        from sim.model.run import simulate

        return simulate(scenario, *self._people(scenario), seed, threads=self.threads)

    def _people(self, scenario: Scenario) -> tuple[Region, Population]:
        """Load region and citizens; a RunError if the tables are no longer those the experiment was planned with."""
        from sim.model.run import load_people

        region, population = load_people(str(scenario.region), scenario.start_year, self.citizens)
        if region.sha256 != self.region_hash:
            raise RunError("load", f"region {scenario.region}: its tables changed since the experiment was planned")
        return region, population


def package_file(path: str) -> str:
    """Shorten a source path to the part inside the package, so that messages name no machine."""
    parts = Path(path).parts
    return "/".join(parts[parts.index("sim") :]) if "sim" in parts else parts[-1]
