"""Who is in the region: one agent for each institution that acts in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.agents.base import Institution
from sim.agents.civil_society import CivilSociety
from sim.agents.crime_network import CrimeNetwork
from sim.agents.eu import EuropeanUnion
from sim.agents.external_power import ExternalPower
from sim.agents.nato import Nato
from sim.agents.regional import RegionalBody
from sim.agents.state import State
from sim.agents.un import UnitedNations

if TYPE_CHECKING:
    from sim.model import StabilityModel


def institutions(model: StabilityModel) -> list[Institution]:
    """Make the institutions of a model, in a fixed order that no result depends on.

    To add one, append it here: a second external power is ``ExternalPower(model, "another power")``.
    """
    codes = model.setting.region.states
    return [
        *model.armed_groups,
        *(CrimeNetwork(model, f"crime network ({code})", s) for s, code in enumerate(codes)),
        *(State(model, f"government ({code})", s) for s, code in enumerate(codes)),
        Nato(model, "NATO"),
        UnitedNations(model, "United Nations"),
        EuropeanUnion(model, "European Union"),
        RegionalBody(model, "regional body"),
        *(CivilSociety(model, f"civil society ({code})", s) for s, code in enumerate(codes)),
        ExternalPower(model, "external power"),
    ]
