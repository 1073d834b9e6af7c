"""The codebook of state variables: what a region must know about each state."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """One state variable.

    ``lo`` and ``hi`` are physical limits: a value outside them is an error. The anchors of slow fields use
    the narrower ``[bounds]`` of the region file, fixed for all years.
    """

    name: str
    unit: str
    lo: float
    hi: float
    text: str


_ALL = (
    Variable("population", "persons", 1, 2e9, "Residents; the districts are scaled to this total"),
    Variable("unemployment", "share", 0, 1, "Unemployed, share of the labour force"),
    Variable("youth_unemployment", "share", 0, 1, "Unemployed aged 15-24, share of their labour force"),
    Variable("labour_force_share", "share", 0, 1, "Labour force, share of residents"),
    Variable("youth_share", "share", 0, 1, "Residents aged 15-24, share of residents"),
    Variable("gdp_pc_usd", "USD", 0, 1e6, "Gross domestic product per head, current US dollars"),
    Variable("poverty", "share", 0, 1, "Residents below the national poverty line"),
    Variable("remittances_gdp", "share", 0, 1, "Remittances received, share of GDP"),
    Variable("milex_gdp", "share", 0, 1, "Military expenditure, share of GDP"),
    Variable("military_personnel", "persons", 0, 1e8, "Armed forces, persons"),
    Variable("police_per_1000", "per 1000", 0, 100, "Police officers per 1,000 residents"),
    Variable("pol_stability", "score", -5, 5, "Political stability and absence of violence, WGI scale"),
    Variable("internet", "share", 0, 1, "Users of the internet, share of residents"),
    Variable("alignment_west", "index", 0, 1, "Alignment with NATO and EU by membership status"),
    Variable("external_energy", "share", 0, 1, "Dependence of the energy supply on one external supplier"),
    Variable("external_media", "index", 0, 1, "Reach of the state media of external powers"),
    Variable("mined_share", "share", 0, 1, "Land suspected to be mined, share of the area"),
    Variable("hazard", "index", 0, 1, "Exposure to earthquakes, floods and fires"),
    Variable("civil_society", "index", 0, 1, "Strength of civil-society organisations"),
    Variable("polyarchy", "index", 0, 1, "Electoral democracy, V-Dem v2x_polyarchy"),
    Variable("libdem", "index", 0, 1, "Liberal democracy, V-Dem v2x_libdem"),
    Variable("rule_of_law", "index", 0, 1, "Rule of law, V-Dem v2x_rule"),
    Variable("corruption", "index", 0, 1, "Political corruption, V-Dem v2x_corr; higher is more corrupt"),
    Variable("civil_society_participation", "index", 0, 1, "Civil society participation, V-Dem v2x_cspart"),
    Variable("core_civil_society", "index", 0, 1, "Core civil society, V-Dem v2xcs_ccsi"),
    Variable("physical_integrity", "index", 0, 1, "Freedom from political killing and torture, V-Dem v2x_clphy"),
    Variable("territory_control", "share", 0, 1, "Territory under state authority, V-Dem v2svstterr / 100"),
    Variable("anti_system", "score", -5, 5, "Anti-system movements, V-Dem v2csantimv"),
    Variable("freedom_of_expression", "index", 0, 1, "Freedom of expression, V-Dem v2x_freexp_altinf"),
    Variable("judicial_constraints", "index", 0, 1, "Judicial constraints on the executive, V-Dem v2x_jucon"),
)

VARIABLES: dict[str, Variable] = {variable.name: variable for variable in _ALL}
"""Every region states each of these for each of its states, for one year at least."""
