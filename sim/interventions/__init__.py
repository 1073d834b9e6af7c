"""Interventions and shocks: what each is made of, read from the catalogue's data files."""

from sim.interventions.catalogue import Catalogue, catalogue, read_catalogue
from sim.interventions.schema import (
    APPROVALS,
    PATTERN_OPTIONS,
    PROVIDERS,
    QUANTITIES,
    SCRIPTED,
    SHARES,
    CatalogueEntry,
    Channel,
    Cost,
    Dose,
    OwnEntry,
    ShockChannel,
    ShockType,
)

__all__ = [
    "APPROVALS",
    "PATTERN_OPTIONS",
    "PROVIDERS",
    "QUANTITIES",
    "SCRIPTED",
    "SHARES",
    "Catalogue",
    "CatalogueEntry",
    "Channel",
    "Cost",
    "Dose",
    "OwnEntry",
    "ShockChannel",
    "ShockType",
    "catalogue",
    "read_catalogue",
]
