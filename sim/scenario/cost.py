"""What the catalogue would charge for a programme."""

from __future__ import annotations

from sim.interventions import CatalogueEntry
from sim.region import Region
from sim.scenario.places import target_cells
from sim.scenario.records import Targets


def catalogue_cost(
    entry: CatalogueEntry, targets: Targets, intensity: float, quantity: dict[str, int], region: Region | None
) -> float:
    """Return the catalogue's cost of a programme, million euro a year, for the people its targets cover."""
    cost = entry.cost.meur_per_year * intensity
    if entry.dose.quantity is not None:
        cost *= quantity[entry.dose.quantity] / entry.dose.full
    if entry.cost.per == "million_residents" and region is not None:
        cost *= int(region.cell_population[target_cells(region, targets)].sum()) / 1e6
    return round(cost, 6)
