"""The one catalogue of parameters: default, unit, plausible range and source of each.

Documentation, the page, sweeps and the command line are all generated from it. Sources name rows of the
evidence table in the documentation (M7, S6, P11h ...), ``derived`` for arithmetic on data, or ``assumption``.
Rates are per year or per round as the unit says and half-lives in months or rounds; they are converted to
probabilities in one place (`sim.world.rates`).
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from sim.errors import ParameterError, Problem


@dataclass(frozen=True)
class Parameter:
    """One parameter. ``low`` and ``high`` bound its plausible range; ``hard_low`` and ``hard_high`` what the
    model accepts at all."""

    name: str
    default: float
    unit: str
    low: float
    high: float
    source: str
    text: str
    hard_low: float
    hard_high: float
    family: str


def _family(family: str, rows: list[tuple[Any, ...]]) -> list[Parameter]:
    """Rows are (name, default, unit, low, high, source, text[, hard_low, hard_high])."""
    made = []
    for name, default, unit, low, high, source, text, *hard in rows:
        hard_low, hard_high = hard if hard else (0.0, max(10.0 * high, 1.0))
        made.append(Parameter(name, default, unit, low, high, source, text, hard_low, hard_high, family))
    return made


# fmt: off
_ROWS: list[Parameter] = [
    *_family("mobilisation", [
        ("quiet_participation", 3e-05, "share of residents a round", 1e-05, 0.0003, "SF2, tuned by hand",
         "Expected turn-out in a round without sparks, focal events or shocks; the baseline solve meets it", 1e-07, 0.05),
        ("turnout_cap", 0.15, "share of residents", 0.08, 0.25, "assumption",
         "Share of residents who could turn out at all", 0.001, 1.0),
        ("b_grievance", 3.0, "log-odds", 1.5, 6.0, "assumption", "Slope on grievance, hardship x (1 - legitimacy)"),
        ("b_loss", 6.0, "log-odds per unit", 0.0, 12.0, "M2, SF3, tuned by hand",
         "Slope on a loss, hardship x (the legitimacy that people are used to - legitimacy), where that is positive", 0.0, 60.0),
        ("loss_halflife", 3.0, "months", 1.0, 12.0, "assumption",
         "Half-life with which people get used to another legitimacy", 0.1, 600.0),
        ("b_risk", 2.5, "log-odds", 1.5, 5.0, "assumption",
         "Slope on perceived risk, risk aversion x arrest probability"),
        ("b_threshold", 0.5, "log-odds per s.d.", 0.2, 0.8, "M8", "Slope on the personal threshold"),
        ("b_unemployment", 0.5, "log-odds", 0.0, 1.5, "S11", "Unemployed against employed, turning out to protest"),
        ("b_exclusion", 0.9, "log-odds", 0.4, 1.6, "S6", "Excluded (1) against included (0) community"),
        ("b_tension", 2.0, "log-odds per unit", 1.0, 5.0, "assumption", "Slope of turn-out on tension"),
        ("b_peer", 2.6, "log-odds", 2.0, 3.8, "M10, SF12, tuned by hand", "Contagion from the own community near by"),
        ("half_peer", 0.01, "share of residents", 0.005, 0.02, "M10",
         "Turn-out near by at half of its contagion", 1e-05, 1.0),
        ("b_kin", 0.5, "log-odds", 0.0, 1.0, "M10, S12", "Contagion from kin in other states"),
        ("half_kin", 0.003, "share of residents", 0.001, 0.01, "S12",
         "Kin turn-out at half of its contagion", 1e-05, 1.0),
        ("b_fatigue", 6.0, "log-odds", 3.0, 8.0, "SF2, assumption",
         "Fatigue after recent turn-out; ends every burst", 0.0, 20.0),
        ("fatigue_halflife", 8.0, "rounds", 4.0, 13.0, "SF2, assumption", "Half-life of fatigue", 0.25, 200.0),
        ("arrest_k", 2.3, "1", 1.5, 3.5, "evidence 1.1", "Constant of the perceived arrest probability"),
        ("arrest_ratio", 1.0, "officers per active person", 0.5, 1.5, "M7",
         "Ratio below which deterrence collapses", 0.001, 10.0),
        ("arrest_width", 0.35, "log ratio", 0.2, 0.6, "M7", "Width of the collapse of deterrence", 0.02, 5.0),
        ("arrest_form", 0.0, "0 collapse, 1 floor, 2 literal", 0.0, 2.0, "M1, M7",
         "Form of the arrest ratio (a rival theory): smooth collapse, floor of the ratio, or as printed by Epstein", 0.0, 2.0),
        ("active_floor", 0.0002, "share of residents", 5e-05, 0.001, "assumption",
         "Smallest crowd, per resident, that deterrence is measured against", 1e-06, 0.1),
        ("district_noise", 0.8, "log-odds", 0.5, 1.3, "SF2", "S.d. of weekly mood in a district of 150,000"),
        ("district_noise_memory", 0.8, "1", 0.5, 0.9, "SF2",
         "Autocorrelation of that mood from round to round", 0.0, 0.99),
        ("climate", 0.7, "log-odds", 0.3, 1.2, "SF2", "S.d. of the slow political climate of a community in a state"),
        ("climate_halflife", 6.0, "months", 3.0, 12.0, "assumption", "Half-life of the climate", 0.25, 120.0),
        ("state_spread", 0.0, "log-odds", 0.0, 0.8, "calibrate, assumption",
         "S.d. of what sets states apart in turning out and no driver explains; drawn by state, not centred", 0.0, 5.0),
        ("state_draw", 0.0, "number", 0.0, 0.0, "assumption",
         "Which draw of these differences; whole", 0.0, 16777215.0),
        ("spark_rate", 0.01, "per 100,000 residents a round", 0.003, 0.03, "derived",
         "Local sparks: incidents of police, work or local politics that draw a crowd"),
        ("spark_size", 1.2, "log-odds, mean", 0.8, 1.5, "SF2, tuned by hand",
         "Mean size of a spark; exponential sizes in a logistic tail give Pareto crowds of exponent 1 + 1/size"),
        ("spark_catchment", 50000.0, "persons", 20000.0, 150000.0, "assumption",
         "Residents whom a spark reaches", 100.0, 10000000.0),
        ("spark_halflife", 1.0, "rounds", 0.5, 2.0, "assumption", "Half-life of a spark", 0.1, 50.0),
        ("focal_rate", 1.5, "per state a year", 0.5, 3.0, "assumption",
         "State-wide focal events that are not communal: elections, scandals, price rises"),
        ("focal_size", 1.3, "log-odds, mean", 0.5, 2.0, "SF2, tuned by hand", "Mean size of a focal event"),
        ("focal_halflife", 2.0, "rounds", 1.0, 6.0, "assumption", "Half-life of a focal event", 0.1, 50.0),
        ("burst", 1.7, "1", 1.5, 10.0, "derived",
         "Mean turn-out as a multiple of quiet turn-out, measured in the baseline; used for the reference of incidents"),
        ("crowd", 50.0, "persons", 50.0, 50.0, "Mass Mobilization data",
         "Smallest crowd counted as a protest event", 1.0, 1000000.0),
        ("cascade_share", 0.002, "share of residents", 0.001, 0.005, "D12",
         "Turn-out in a district above which contagion runs through three sub-rounds within the round", 1e-05, 1.0),
    ]),
    *_family("conduct", [
        ("violent_share", 0.015, "share of those active", 0.01, 0.1, "SF12, tuned by hand",
         "Violent share of a crowd at baseline; the baseline solve meets it", 0.0001, 0.9),
        ("b_violence_tension", 4.0, "log-odds per unit", 1.0, 6.0, "assumption", "Slope of violent conduct on tension"),
        ("b_violence_extremism", 1.5, "log-odds per unit", 0.0, 3.0, "assumption",
         "Slope of violent conduct on extremism"),
        ("b_violence_armed", 2.0, "log-odds", 0.0, 3.0, "D10", "Armed fighters in the district"),
        ("b_violence_repression", 1.0, "log-odds", 0.0, 3.0, "M13", "Backlash against repression"),
        ("b_violence_riot", 1.0, "log-odds", 0.0, 3.0, "P7", "Riot-trained units in the district"),
        ("rumour_size", 1.0, "times the catalogue's", 0.8, 1.45, "calibrate, D12",
         "Size of every rumour, against that of the catalogue of shocks", 0.0, 10.0),
        ("b_violence_shock", 0.65, "log-odds per log-odds", 0.0, 0.8, "SF12, tuned by hand",
         "How far a rumour that brings a community out also makes it violent"),
        ("detain_peaceful", 0.003, "per active person a round", 0.001, 0.015, "assumption",
         "Arrest of a peaceful person"),
        ("detain_violent", 0.05, "per violent person a round", 0.015, 0.15, "assumption",
         "Arrest of a violent person", 0.0, 1.0),
        ("detention_halflife", 1.0, "months", 0.5, 6.0, "assumption", "Half-life of detention", 0.05, 240.0),
        ("incident_rate", 0.01, "per violent person", 0.003, 0.03, "D12, derived",
         "Communal incidents per violent person where the other community lives close by"),
        ("mix_half", 0.1, "share of residents", 0.05, 0.2, "assumption",
         "Share of other communities at half of the contact", 0.001, 1.0),
        ("branching", 0.4, "1", 0.3, 0.6, "D3", "Incidents that one incident brings about by reprisal at full tension", 0.0, 0.9),
        ("reprisal_halflife", 1.3, "rounds", 0.5, 2.6, "D3", "Half-life of the readiness for reprisal", 0.1, 20.0),
        ("lethal_share", 0.2, "share of incidents", 0.05, 0.4, "SF12, tuned by hand",
         "Communal incidents with a death", 0.0, 1.0),
        ("communal_tail", 2.5, "1", 2.0, 3.2, "D2", "Exponent of deaths per lethal communal incident", 1.3, 6.0),
        ("communal_cap", 50.0, "deaths", 20.0, 200.0, "assumption", "Largest communal incident", 1.0, 100000.0),
        ("flight_deaths", 0.002, "per round", 0.0005, 0.01, "UNHCR", "Flight at full fear of death"),
        ("flight_half", 5.0, "deaths per 100,000", 2.0, 15.0, "assumption",
         "Recent deaths at half of that fear", 0.01, 10000.0),
        ("flight_expulsion", 0.06, "per round", 0.02, 0.1, "UNHCR, 1999", "Flight under a full policy of expulsion"),
        ("return_halflife", 12.0, "months", 1.0, 60.0, "UNHCR", "Half-life of displacement once safe", 0.25, 1200.0),
        ("protracted_halflife", 20.0, "years", 10.0, 50.0, "UNHCR",
         "Half-life of displacement older than the run", 0.5, 1000.0),
    ]),
    *_family("armed", [
        ("recruitment", 0.0003, "per round", 5e-05, 0.001, "calibrate, assumption",
         "Recruitment at full arms and reference drivers"),
        ("recruit_half", 0.001, "share of the community near by", 0.0003, 0.01, "D4, SF6, assumption",
         "Share in arms near by at which recruitment away from the seat of an armed group is half of that at it", 1e-06, 1.0),
        ("fighter_cap", 0.02, "share of community", 0.01, 0.05, "assumption",
         "Most of a community ever in arms", 0.0001, 1.0),
        ("b_recruit_tension", 2.0, "log rate per unit", 0.0, 3.0, "S6", "Recruitment on tension"),
        ("b_recruit_exclusion", 0.9, "log rate per unit", 0.0, 1.6, "S6", "Recruitment on exclusion"),
        ("b_recruit_repression", 1.0, "log rate per unit", 0.0, 3.0, "M13", "Recruitment on repression"),
        ("b_recruit_extremism", 1.0, "log rate per unit", 0.0, 3.0, "assumption", "Recruitment on extremism"),
        ("b_recruit_unemployment", 0.25, "log rate", 0.0, 0.5, "P10a",
         "Recruitment of the unemployed against the employed"),
        ("b_recruit_youth", 0.7, "log rate", 0.0, 1.4, "S10", "Recruitment of the young (15-24) against others"),
        ("armed_event_rate", 0.0004, "per fighter a round", 0.0001, 0.002, "calibrate, assumption",
         "Armed events per fighter"),
        ("armed_tail", 2.3, "1", 2.0, 3.2, "D2", "Exponent of deaths per armed event", 1.3, 6.0),
        ("armed_cap", 2000.0, "deaths", 500.0, 5000.0, "assumption", "Largest armed event", 1.0, 1000000.0),
        ("armed_fighter_share", 0.35, "share of deaths", 0.2, 0.6, "assumption",
         "Fighters among those killed", 0.0, 1.0),
        ("exit_halflife", 18.0, "months", 6.0, 36.0, "assumption",
         "Half-life of service in an armed group", 0.25, 600.0),
        ("mission_combat", 0.8, "log rate", 0.1, 1.4, "P2", "Fall of armed violence at a full dose of robust troops"),
        ("mission_communal", 0.29, "log rate", 0.0, 0.7, "P7",
         "Fall of communal violence at a full dose of international police"),
        ("mission_full", 8.0, "troops per 1,000 residents", 4.0, 25.0, "P2", "Full dose of troops", 0.1, 1000.0),
        ("mission_police_full", 0.5, "police per 1,000 residents", 0.2, 2.0, "P3",
         "Full dose of international police", 0.01, 100.0),
        ("police_capacity", 1.0, "log rate per unit", 0.3, 2.0, "assumption",
         "Effective police strength on state capacity"),
        ("troop_riot_role", 0.3, "officers per troop", 0.0, 0.6, "assumption",
         "A soldier's part of a police officer in a riot", 0.0, 1.0),
        ("group_hazard", 0.002, "per year", 0.0005, 0.01, "SF1, S1",
         "Formation of an armed group at reference drivers"),
        ("b_group_tension", 3.0, "log rate per unit", 1.0, 5.0, "assumption", "Formation on tension"),
        ("b_group_exclusion", 0.9, "log rate per unit", 0.4, 1.6, "S6", "Formation on exclusion"),
        ("b_group_dispute", 0.588, "log rate", 0.18, 1.1, "S20", "Formation under a territorial dispute"),
        ("b_group_kin", 0.531, "log rate", 0.18, 0.92, "S12",
         "Formation with kin at war near by and no peacekeepers there"),
        ("b_group_capacity", 0.916, "log rate", 0.3, 1.5, "S2", "Fall of formation with state capacity"),
        ("settle_rate", 0.03, "per month", 0.01, 0.1, "D11", "Hazard that an episode is settled, first year"),
        ("settle_shape", 0.7, "1", 0.5, 0.95, "D11", "Weibull shape of that hazard", 0.1, 3.0),
        ("settle_crime", 1.2, "log rate per unit", 0.0, 3.0, "S17", "Fall of that hazard with organised crime since the start"),
        ("relapse_rate", 0.086, "per year", 0.05, 0.12, "S13, derived",
         "Relapse hazard just after a ceasefire; falling with its half-life it adds up to 40 % in ten years"),
        ("relapse_halflife", 6.0, "years", 3.0, 12.0, "S13", "Half-life of the relapse hazard", 0.1, 200.0),
        ("relapse_presence", 0.916, "log rate", 0.16, 1.9, "P1", "Fall of relapse at a full dose of robust troops"),
    ]),
    *_family("fields", [
        ("tension_halflife", 6.0, "months", 3.0, 12.0, "assumption", "Half-life of tension", 0.25, 600.0),
        ("tension_incidents", 2.0, "logit", 1.0, 3.0, "M12, W6", "Tension on incidents here and near by"),
        ("incidents_half", 2.0, "per 100,000 a month", 1.0, 5.0, "assumption",
         "Incidents at half of their effect", 0.01, 10000.0),
        ("tension_kin", 1.0, "logit", 0.3, 2.0, "S12", "Tension on deaths among kin in other states"),
        ("kin_deaths_half", 5.0, "per 100,000 a month", 2.0, 15.0, "assumption",
         "Kin deaths at half of their effect", 0.01, 10000.0),
        ("kin_shield", 0.85, "share", 0.5, 1.0, "P8",
         "Part of that spill-over which a full dose of robust troops stops", 0.0, 1.0),
        ("tension_media", 1.0, "logit per unit", 0.3, 2.0, "M14, M16",
         "Tension on external media where legitimacy is low"),
        ("tension_exclusion", 0.5, "logit per unit", 0.2, 1.0, "S6", "Tension on exclusion"),
        ("tension_repression", 1.0, "logit per unit", 0.0, 2.0, "M13", "Tension on repression"),
        ("tension_dispute", 0.5, "logit per unit", 0.2, 1.0, "S20", "Tension on disputes of the state"),
        ("tension_spill", 0.5, "logit per unit", 0.0, 1.0, "W6, M12", "Tension of the own community near by"),
        ("tension_contact", 0.0, "share", -0.5, 0.5, "P11d, P11e, assumption",
         "How much further drivers move tension where communities live mixed (threat), or less far (contact)", -1.0, 1.0),
        ("legitimacy_halflife", 24.0, "months", 6.0, 60.0, "M11", "Half-life of legitimacy", 0.25, 600.0),
        ("legitimacy_reform", 1.0, "logit per unit", 0.3, 2.0, "P9a, P12b", "Legitimacy on political reform"),
        ("legitimacy_corruption", 1.0, "logit per unit", 0.3, 2.0, "S16", "Fall of legitimacy with corruption"),
        ("legitimacy_capacity", 0.5, "logit per unit", 0.1, 1.0, "P9a", "Legitimacy on state capacity"),
        ("legitimacy_repression", 1.0, "logit per unit", 0.0, 2.0, "M11", "Fall of legitimacy with repression"),
        ("legitimacy_incidents", 0.5, "logit", 0.1, 1.0, "M11", "Fall of legitimacy with communal incidents"),
        ("legitimacy_influence", 0.5, "logit per unit", 0.1, 1.0, "M14", "Fall of legitimacy with external influence"),
        ("legitimacy_outage", 0.2, "logit", 0.0, 0.8, "S19", "Fall of legitimacy while critical services are down"),
        ("legitimacy_unemployment", 1.0, "logit per unit", 0.0, 2.0, "S21", "Fall of legitimacy where work is lost"),
        ("exclusion_halflife", 60.0, "months", 24.0, 120.0, "S6", "Half-life of exclusion", 0.25, 1200.0),
        ("unemployment_halflife", 12.0, "months", 6.0, 24.0, "assumption", "Half-life of unemployment", 0.25, 600.0),
        ("unemployment_violence", 1.0, "logit", 0.3, 2.0, "assumption", "Unemployment on recent deaths"),
        ("unemployment_crime", 0.2, "logit per unit", 0.0, 0.5, "assumption", "Unemployment on organised crime"),
        ("influence_halflife", 9.0, "months", 4.0, 18.0, "assumption", "Half-life of external influence", 0.25, 600.0),
        ("influence_tension", 0.5, "logit per unit", 0.1, 1.0, "M14", "External influence on grievance to exploit"),
        ("influence_reform", 0.5, "logit per unit", 0.1, 1.0, "assumption",
         "Fall of external influence with political reform"),
        ("influence_energy", 0.5, "logit per unit", 0.0, 1.0, "assumption", "External influence on energy dependence"),
        ("extremism_halflife", 12.0, "months", 6.0, 36.0, "assumption", "Half-life of extremism", 0.25, 600.0),
        ("extremism_tension", 0.5, "logit per unit", 0.1, 1.0, "assumption", "Extremism on tension"),
        ("extremism_youth", 0.5, "logit per unit", 0.1, 1.0, "assumption", "Extremism on aggrieved unemployed youth"),
        ("extremism_influence", 0.3, "logit per unit", 0.0, 0.6, "assumption", "Extremism on external influence"),
        ("extremism_crime", 0.3, "logit per unit", 0.0, 0.6, "source documents, assumption",
         "Extremism on the money of organised crime"),
        ("crime_halflife", 18.0, "months", 9.0, 36.0, "assumption", "Half-life of organised crime", 0.25, 600.0),
        ("crime_corruption", 1.0, "logit per unit", 0.3, 2.0, "S17", "Crime on corruption"),
        ("crime_capacity", 0.5, "logit per unit", 0.1, 1.0, "S17", "Fall of crime with state capacity"),
        ("crime_enforcement", 0.8, "logit", 0.0, 1.6, "P9j", "Fall of crime with full border enforcement"),
        ("crime_shift", 0.4, "share", 0.1, 0.8, "P9j",
         "Part of the suppressed flow that shifts to neighbours", 0.0, 1.0),
        ("crime_fighters", 0.5, "logit", 0.0, 1.0, "S17", "Crime on smuggling fighters"),
        ("exposure_halflife", 24.0, "months", 12.0, 60.0, "assumption",
         "Half-life of cyber and energy exposure", 0.25, 600.0),
        ("institution_halflife", 36.0, "months", 18.0, 72.0, "assumption",
         "Half-life of capacity, corruption, reform, civic space and oversight", 0.25, 1200.0),
        ("capacity_reform", 0.5, "logit per unit", 0.1, 1.0, "P9a", "Capacity on security reform"),
        ("capacity_corruption", 0.5, "logit per unit", 0.1, 1.0, "S16", "Fall of capacity with corruption"),
        ("corruption_crime", 0.7, "logit per unit", 0.2, 1.2, "S17", "Corruption on organised crime"),
        ("corruption_reform", 0.7, "logit per unit", 0.2, 1.2, "P12b", "Fall of corruption with political reform"),
        ("corruption_civic", 0.3, "logit per unit", 0.0, 0.6, "assumption", "Fall of corruption with civic space"),
        ("reform_credibility", 0.7, "logit per unit", 0.2, 1.2, "P12b", "Reform on the credibility of integration"),
        ("reform_influence", 0.4, "logit per unit", 0.1, 0.8, "W8", "Fall of reform with external influence"),
        ("anchor_halflife", 20.0, "years", 10.0, 50.0, "assumption",
         "Half-life with which institutions' own levels follow what was reached, so that reform partly sticks", 0.5, 1000000.0),
        ("dispute_halflife", 18.0, "months", 9.0, 36.0, "assumption",
         "Half-life of a dispute between states", 0.25, 600.0),
        ("dispute_deaths", 0.5, "logit", 0.1, 1.0, "S20", "Dispute on deaths among kin across the border"),
        ("memory_halflife", 20.0, "years", 10.0, 50.0, "M18", "Half-life of war memory", 0.5, 1000.0),
        ("memory_tension", 0.05, "level per log unit", 0.02, 0.12, "M18",
         "Tension's own level on war memory, log(1 + deaths per 1,000)", 0.0, 0.3),
        ("effect_shrink", 1.0, "1", 0.3, 1.0, "assumption",
         "Factor on the sizes of all interventions but nulls and head counts: below 1 for published effects that exaggerate", 0.0, 2.0),
        ("lever_cap", 1.386, "log or logit", 0.7, 2.1, "assumption",
         "Cap on the sum of effects on one lever", 0.01, 10.0),
    ]),
    *_family("institutions", [
        ("observation_noise", 0.05, "level", 0.02, 0.15, "assumption",
         "S.d. of an institution's picture of a level", 0.0, 1.0),
        ("monitor_information", 0.3, "share", 0.0, 0.6, "assumption",
         "Share of observation noise removed by one monitor per 10,000 residents", 0.0, 1.0),
        ("police_reserve", 0.3, "share", 0.1, 0.5, "assumption", "Police whom a state can move to hot spots", 0.0, 1.0),
        ("reaction_halflife", 9.0, "months", 4.0, 18.0, "W8, assumption",
         "Half-life of an external power's reaction", 0.25, 240.0),
        ("reaction_size", 0.4, "logit", 0.0, 0.8, "W8, assumption", "Push of an external power that steps up"),
        ("spoiler_size", 0.405, "log rate", 0.095, 0.916, "S18",
         "Fall of the hazard of a settlement where an external power supports those who fight"),
        ("cyber_pressure", 0.05, "share", 0.0, 0.15, "S19, assumption",
         "Services down under the full push of an external power, where all are exposed"),
        ("force_generation", 3.0, "months", 0.0, 12.0, "assumption",
         "NATO's delay from approval to deployment", 0.0, 60.0),
        ("council_delay", 6.0, "months", 2.0, 12.0, "source documents",
         "UN's delay from mandate to deployment", 0.0, 60.0),
        ("approval_delay", 6.0, "months", 1.0, 12.0, "assumption",
         "Months a proposal waits for the Allies' approval", 0.0, 60.0),
        ("host_delay", 3.0, "months", 0.0, 12.0, "assumption",
         "Months a proposal waits for the consent of its hosts", 0.0, 60.0),
        ("mission_on", 0.55, "level", 0.4, 0.7, "assumption",
         "Observed tension at which NATO asks for a mission", 0.0, 1.0),
        ("mission_off", 0.4, "level", 0.25, 0.5, "assumption",
         "Observed tension below which a mission may leave", 0.0, 1.0),
        ("mission_crowd", 0.005, "share of residents", 0.002, 0.01, "M7, assumption",
         "Turn-out in one round that alarms NATO as much as that tension", 1e-05, 1.0),
        ("mission_dwell", 12.0, "months", 6.0, 24.0, "assumption", "Shortest time between two decisions on a mission"),
        ("mission_pool", 15000.0, "troops", 5000.0, 40000.0, "assumption",
         "Troops that the Allies can have in new missions", 0.0, 1000000.0),
        ("accession_security", 0.55, "level", 0.45, 0.7, "assumption",
         "Security reform from which accession advances", 0.0, 1.0),
        ("accession_political", 0.5, "level", 0.4, 0.7, "assumption",
         "Political reform from which accession advances", 0.0, 1.0),
        ("council_veto", 0.8, "probability", 0.4, 1.0, "assumption",
         "Veto in the Council over a state fully aligned with, and under full influence of, the external power", 0.0, 1.0),
        ("council_means", 0.6, "share", 0.3, 1.0, "source documents",
         "Means that a UN mandate gets of what it asks for", 0.0, 1.0),
        ("mandate_deaths", 25.0, "deaths in 12 months", 10.0, 100.0, "D1, assumption",
         "Deaths from which the UN seeks a mandate", 0.0, 1000000.0),
        ("credibility_gain", 0.02, "level a month", 0.0, 0.04, "P12b, assumption",
         "Rise of the EU's promise after a real step", 0.0, 0.5),
        ("credibility_loss", 0.01, "level a month", 0.0, 0.02, "P12b, assumption",
         "Fall of the EU's promise without one", 0.0, 0.5),
        ("funds_size", 0.15, "logit", 0.0, 0.3, "P12b, assumption",
         "EU funds on economic reform, twice what was paid at the start"),
        ("reform_incentive", 1.6, "1", 0.8, 2.4, "P12b, assumption",
         "Gain from membership to a state with no reform yet"),
        ("reform_veto", 0.45, "1", 0.2, 0.8, "P12b, assumption", "Cost of reform to those who profit from corruption"),
        ("concession_size", 1.0, "logit", 0.5, 1.5, "S6, assumption",
         "Fall of exclusion after a concession, about one level"),
        ("distrust_influence", 1.0, "level per unit", 0.0, 2.0, "P9c, assumption",
         "Distrust of a rival on what an external power has gained there"),
        ("distrust_arming", 0.1, "level", 0.0, 0.3, "P9c, assumption", "Distrust of a rival that arms in full"),
        ("arming_size", 0.15, "logit", 0.0, 0.3, "P9c, assumption", "Dispute on one side's arming"),
        ("forum_share", 0.3, "share", 0.1, 0.5, "source documents, assumption",
         "Programme weight that voiced needs can move", 0.0, 1.0),
        ("bribes_size", 0.15, "logit", 0.0, 0.3, "S17, assumption",
         "Corruption on the bribes of a crime network that grew"),
        ("arms_sales", 0.3, "share of full supply a month", 0.0, 0.6, "S17, assumption",
         "Arms sold by a crime network when tension is high", 0.0, 1.0),
    ]),
]
# fmt: on

CATALOGUE: dict[str, Parameter] = {parameter.name: parameter for parameter in _ROWS}

Parameters = namedtuple("Parameters", list(CATALOGUE))  # type: ignore[misc]
"""Values of all parameters for one run, floats, in catalogue order; for Python. Kernels take `as_record`."""


def as_record(values: Any) -> Any:
    """Return the same values as one NumPy record: a kernel gets one pointer instead of one argument a parameter.

    Every kernel compiles in a fraction of the time; the numbers are the same.
    """
    return np.rec.array([tuple(values)], dtype=[(name, np.float64) for name in CATALOGUE])[0]


def parameters(overrides: Mapping[str, float] | None = None) -> Any:
    """Return `Parameters` with defaults replaced by ``overrides``.

    Raises
    ------
    ParameterError
        For every unknown name and every value outside the bounds the model accepts, all at once.
    """
    overrides = overrides or {}
    problems = []
    for name, value in overrides.items():
        if name not in CATALOGUE:
            near = get_close_matches(name, CATALOGUE, n=1)
            hint = f"did you mean {near[0]}?" if near else "see: stabsim catalogue parameters"
            problems.append(Problem("unknown parameter", key=f"parameters.{name}", hint=hint))
            continue
        known = CATALOGUE[name]
        if not known.hard_low <= value <= known.hard_high:
            allowed = f"{known.hard_low:g} to {known.hard_high:g} {known.unit}"
            problems.append(Problem("out of bounds", key=f"parameters.{name}", got=f"{value:g}", allowed=allowed))
    if problems:
        raise ParameterError(problems)
    return Parameters(*(float(overrides.get(name, known.default)) for name, known in CATALOGUE.items()))
