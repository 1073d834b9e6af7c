"""Who is in the region: one agent for each institution that acts in it."""

from __future__ import annotations

from sim.agents.armed_group import ArmedGroup
from sim.agents.base import Host, Institution
from sim.agents.civil_society import CivilSociety
from sim.agents.crime_network import CrimeNetwork
from sim.agents.eu import EuropeanUnion
from sim.agents.external_power import ExternalPower
from sim.agents.nato import Nato
from sim.agents.regional import RegionalBody
from sim.agents.state import State
from sim.agents.un import UnitedNations


def armed_groups(model: Host, scripted: set[int]) -> list[ArmedGroup]:
    """Make the armed groups of a model: of the larger communities, and of those (``scripted``) that the scenario arms."""
    region = model.setting.region
    groups = []
    for group in range(region.n_groups):
        community = region.communities[region.group_community[group]]
        large = community != "other" and region.group_population[group] >= model.setting.parameters.group_residents
        if large or group in scripted:
            state = region.states[region.group_state[group]]
            name = f"armed group ({community}, {state})"
            groups.append(ArmedGroup(model, name, int(region.group_uid[group]), group))
    return groups


def institutions(model: Host) -> list[Institution]:
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
