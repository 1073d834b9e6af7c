"""What the keys of a scenario file are measured in: one list for explanations, differences and the schema."""

from __future__ import annotations

from sim.parameters import CATALOGUE as PARAMETERS

UNITS = {
    "start": "month",
    "at": "month",
    "months": "months",
    "for_months": "months",
    "delay_months": "months",
    "dwell_months": "months",
    "lag_months": "months",
    "halflife_months": "months",
    "rate": "a year",
    "week": "quarter of the month",
    "intensity": "share of the full dose",
    "magnitude": "times the size of the catalogue",
    "remaining": "share of the mission",
    "level": "exclusion",
    "troops": "soldiers",
    "police_officers": "officers",
    "monitors": "monitors",
    "meur_per_year": "million euro a year",
}
"""Units of the keys that hold a quantity; parameters have theirs in the catalogue."""


def unit_of(key: str) -> str:
    """Return the unit of a dotted key such as ``interventions.police.intensity``; nothing for a name."""
    first, _, last = key.rpartition(".")
    if first == "parameters":
        return PARAMETERS[last].unit if last in PARAMETERS else ""
    return UNITS.get(last, "")


DEFAULTS = {
    ("ScenarioFile", "institutions"): "scripted",
    ("ScenarioFile", "effects"): "central",
    ("ProgrammeFile", "intensity"): 1.0,
    ("ConditionFile", "for_months"): 1,
    ("ConditionFile", "in"): "region",
    ("TriggerFile", "for_months"): 1,
    ("TriggerFile", "in"): "region",
    ("TriggerFile", "delay_months"): 0,
    ("TriggerFile", "dwell_months"): 6,
    ("DoseFile", "full"): 1.0,
    ("CostFile", "per"): "million_residents",
    ("CostFile", "price_year"): 2024,
    ("CostFile", "basis"): "assumption",
    ("DefinitionFile", "scale"): 1.0,
    ("DefinitionFile", "status"): "assumption",
    ("DefinitionFile", "evidence"): "assumption",
    ("ShockFile", "week"): 0,
    ("ShockFile", "magnitude"): 1.0,
    ("ShockFile", "months"): 12,
    ("ShockFile", "remaining"): 0.0,
}
"""What holds when a key is left out, by the part of a file it stands in; the catalogue fills in the rest."""
