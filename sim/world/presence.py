"""Security presence in every district: police, standing missions, and what deployments add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.kernels.compiling import kernel
from sim.kernels.elementary import exp
from sim.types import CAPACITY, Array

if TYPE_CHECKING:
    from sim.region import Region

KINDS = ("troops", "police", "observers")
"""Kinds of missions, in the order of the rows of ``standing``."""
TROOPS, POLICE, OBSERVERS, WEAK_TROOPS = range(4)
"""Rows of ``standing``: the last holds troops whose mandate does not let them act on combat."""


def standing_missions(
    region: Region, year: int, month: int, limited: float, shares: dict[str, float] | None = None
) -> Array:
    """International presence by kind and state in a month, (4, n_s) persons.

    Rows: troops weighted by mandate, police, observers, and the rest of the troops, who are present without acting
    on combat. Under a robust mandate all troops act on combat, under a limited one a part (``limited``; P5, P7: a weak
    force in an active war changes little), as observers none. ``shares`` scales single missions (a withdrawal leaves a share below 1).
    """
    weights = {"robust": 1.0, "limited": limited, "observer": 0.0}
    out = np.zeros((4, region.n_states))
    for mission in sorted(region.missions, key=lambda m: (m.key, m.state)):
        persons = float(mission.persons(year, month)) * (shares or {}).get(mission.key, 1.0)
        row = KINDS.index(mission.kind)
        if row == TROOPS:
            weight = weights[mission.mandate]
            out[TROOPS, mission.state] += weight * persons
            out[WEAK_TROOPS, mission.state] += (1.0 - weight) * persons
        else:
            out[row, mission.state] += persons
    return out


def clear_mandates(standing: Array, share: Array) -> Array:
    """Let a share, (n_s,) in [0, 1], of the troops without a robust mandate act as if they had one."""
    if not share.any():
        return standing
    moved = np.clip(share, 0.0, 1.0) * standing[WEAK_TROOPS]
    out = standing.copy()
    out[TROOPS] += moved
    out[WEAK_TROOPS] -= moved
    return out


@kernel
def set_presence(  # type: ignore[no-untyped-def]
    inputs, geography, slow, slow_ref, police, hot_spots, standing, troops, officers_abroad, lever_police, lever_riot, p
):
    """Write officers, riot units and the effects of missions of every district into the month's inputs.

    ``police`` (n_s,) officers per resident; ``hot_spots`` (n_d,) multiplier of a district's share of them (mean 1
    over residents); ``standing`` (4, n_s) persons; ``troops`` and ``officers_abroad`` (n_s,) persons on top.
    """
    for d in range(inputs.officers.size):
        s = geography.district_state[d]
        people = geography.state_people[s]
        soldiers = max(standing[TROOPS, s] + troops[s], 0.0)
        everybody = max(soldiers + standing[WEAK_TROOPS, s], 0.0)
        abroad = max(standing[POLICE, s] + officers_abroad[s], 0.0)
        strength = lever_police[d] + p.police_capacity * (slow[CAPACITY, s] - slow_ref[CAPACITY, s])
        home = police[s] * hot_spots[d] * (exp(strength) if strength != 0.0 else 1.0)
        inputs.officers[d] = home + (p.troop_riot_role * everybody + abroad) / people
        dose = min(1000.0 * soldiers / people / p.mission_full, 1.0)
        police_dose = min(1000.0 * abroad / people / p.mission_police_full, 1.0)
        inputs.combat[d] = exp(-p.mission_combat * dose)
        inputs.communal[d] = exp(-p.mission_communal * police_dose)
        inputs.shield[s] = dose
        inputs.riot[d] = min(max(lever_riot[d], 0.0), 1.0)


def officers_per_resident(region: Region) -> Any:
    """Police officers per resident of each state."""
    return region.values["police_per_1000"] / 1000.0
