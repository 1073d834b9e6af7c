"""Levers: the only inputs through which interventions and shocks change the state of the model.

No intervention writes an outcome. A channel of an intervention names one lever; the effects of all active
sources are added on it, on a scale where reductions and harms are both possible, and the sum is capped
(`docs/model.md`). Effective values are computed every month from base values and these sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal["cell", "district", "group", "state", "dyad"]
Kind = Literal["level", "rate", "log_odds", "share", "persons"]


@dataclass(frozen=True)
class Lever:
    """One handle.

    ``scope`` is the kind of place it has a value for (a *cell* is a community in a district, a *group* a
    community in a state, a *dyad* a pair of states). ``kind`` says how effects add: ``level`` a logit shift
    of the target of a field, ``rate`` the log of a multiplier, ``log_odds`` a term of a citizen's choice,
    ``share`` a plain share in [0, 1], ``persons`` a head count.
    """

    name: str
    scope: Scope
    kind: Kind
    text: str


LEVERS: tuple[Lever, ...] = (
    Lever("tension", "cell", "level", "Tension between communities"),
    Lever("legitimacy", "cell", "level", "Legitimacy of institutions among a community"),
    Lever("unemployment", "cell", "level", "Unemployment of a community in a district"),
    Lever("mobilisation", "cell", "log_odds", "Readiness to turn out"),
    Lever("violence", "cell", "log_odds", "Readiness of those who turned out to use violence"),
    Lever("dispute_conversion", "cell", "rate", "Local disputes that turn into a violent incident"),
    Lever("rumours", "cell", "rate", "Turn-out of a community after a rumour"),
    Lever("recruitment", "cell", "rate", "Recruitment into armed groups"),
    Lever("exits", "cell", "rate", "Fighters who leave armed groups"),
    Lever("lethality", "cell", "rate", "Deaths per violent event, communal and armed"),
    Lever("return", "cell", "rate", "Return of the displaced"),
    Lever("police", "district", "rate", "Effective police strength"),
    Lever("riot_control", "district", "share", "Share of a district covered by riot-trained units"),
    Lever("extremism", "district", "level", "Violent extremism"),
    Lever("crime", "district", "level", "Organised crime"),
    Lever("enforcement", "state", "share", "Border enforcement; part of the flow shifts to neighbours"),
    Lever("influence", "state", "level", "External influence"),
    Lever("capacity", "state", "level", "State capacity"),
    Lever("corruption", "state", "level", "Corruption"),
    Lever("reform_security", "state", "level", "Security-sector reform"),
    Lever("reform_political", "state", "level", "Political reform"),
    Lever("reform_economic", "state", "level", "Economic reform"),
    Lever("cyber", "state", "level", "Exposure of critical infrastructure to cyber attack"),
    Lever("energy", "state", "level", "Energy dependence"),
    Lever("outage", "state", "share", "Critical services that are down"),
    Lever("arming", "state", "share", "Military posturing: forces readied against a rival, share of full effort"),
    Lever("civic_space", "state", "level", "Civic space"),
    Lever("oversight", "state", "level", "Civilian oversight of the use of force"),
    Lever("information", "state", "share", "Early warning: share of observation noise removed"),
    Lever("credibility", "state", "level", "Credibility of the integration perspective"),
    Lever("group_formation", "state", "rate", "Formation of new armed groups"),
    Lever("arms_inflow", "state", "share", "Arms reaching potential armed groups, share of full supply a month"),
    Lever("settlement", "state", "rate", "Hazard that an armed episode is settled"),
    Lever("relapse", "state", "rate", "Hazard that an armed group breaks a ceasefire"),
    Lever("hazard_damage", "state", "rate", "Damage done by earthquakes and other natural hazards"),
    Lever("accident_damage", "state", "rate", "Damage done by chemical, biological or radiological incidents"),
    Lever("approval_time", "state", "rate", "Delay of proposals by the Allies' approval"),
    Lever("nato_delay", "state", "rate", "NATO's delay from approval to deployment"),
    Lever("un_delay", "state", "rate", "UN's delay from mandate to deployment"),
    Lever("un_means", "state", "share", "Additional means of UN missions, beyond what a mandate usually gets"),
    Lever("contribution", "state", "share", "Peacekeepers that a state can offer to UN missions elsewhere"),
    Lever("mandate", "state", "share", "Share of weakly mandated troops who may act as under a robust mandate"),
    Lever("troops", "state", "persons", "International troops present beyond the standing missions"),
    Lever("mission_police", "state", "persons", "International police present beyond the standing missions"),
    Lever("observers", "state", "persons", "International monitors beyond the standing missions"),
    Lever("exclusion", "group", "level", "Exclusion of a community from power"),
    Lever("dispute", "dyad", "level", "Severity of disputes between two states"),
)

LEVER_BY_NAME: dict[str, Lever] = {lever.name: lever for lever in LEVERS}
