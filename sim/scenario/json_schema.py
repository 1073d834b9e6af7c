"""JSON Schema of scenario files, from the same types and catalogues that check them; editors complete with it.

Beside the standard keywords a property carries ``unit``, and a parameter its evidence range as ``plausible`` and
its ``source``: annotations, which validators pass over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel

from sim.interventions import PATTERN_OPTIONS, QUANTITIES, CatalogueEntry, ShockType, catalogue
from sim.parameters import CATALOGUE as PARAMETERS
from sim.parameters.catalogue import Parameter
from sim.parameters.theories import THEORIES, Theory
from sim.region.schema import DIALECT, region_schema
from sim.scenario.fields import DEFAULTS, UNITS
from sim.scenario.layers import LABELLED
from sim.scenario.records import FIELDS
from sim.scenario.schema import FORMAT, ScenarioFile
from sim.world.levers import LEVERS
from sim.world.outcomes import OUTCOMES

_WITHOUT_TARGETS = ("mission", "division")


def json_schema(kind: str = "scenario") -> dict[str, Any]:
    """Return the JSON Schema of a ``scenario`` file, a ``region``, or a catalogue ``intervention`` or ``shock``."""
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "scenario": scenario_schema,
        "region": region_schema,
        "intervention": lambda: _catalogue_schema(CatalogueEntry),
        "shock": lambda: _catalogue_schema(ShockType),
    }
    if kind not in makers:
        raise ValueError(f"no schema is called {kind}; allowed {', '.join(makers)}")
    return makers[kind]()


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file: what it refuses, ``stabsim validate`` refuses too."""
    schema = ScenarioFile.model_json_schema(by_alias=True)
    parts = schema["$defs"]
    for name, part in ((ScenarioFile.__name__, schema), *parts.items()):
        part.pop("title", None)
        _annotate(name, part["properties"])
    for labelled in (schema["properties"], parts["PackageFile"]["properties"]):
        for name in (*LABELLED, "theories"):
            if name in labelled:
                labelled[name]["anyOf"][0]["additionalProperties"] = False
    programme, shock = parts["ProgrammeFile"], parts["ShockFile"]
    entries = catalogue().interventions.values()
    programme["properties"]["type"] |= _choice(
        (name, _told(entry)) for entry in entries for name in (entry.row, entry.key)
    )
    own = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$", "description": "One that the file defines"}
    programme["properties"]["type"]["anyOf"].append(own)
    programme["allOf"] = [
        _only([name for entry in entries if entry.dose.quantity == wanted for name in (entry.row, entry.key)], others)
        for wanted in (None, *QUANTITIES)
        for others in [[name for name in QUANTITIES if name != wanted]]
    ]
    shocks = catalogue().shocks.values()
    shock["properties"]["type"] |= _choice((entry.key, f"{entry.name}. {entry.text}") for entry in shocks)
    shock["allOf"] = [
        _only([entry.key for entry in shocks if entry.pattern == pattern], _foreign(pattern))
        for pattern in PATTERN_OPTIONS
    ]
    indicators = [(item.name, f"{item.label}, {item.unit}. {item.text}") for item in OUTCOMES]
    indicators += [(name, "Field of a state, 0 to 1, that is not recorded") for name in FIELDS]
    for part in ("TriggerFile", "ConditionFile"):
        parts[part]["properties"]["indicator"] |= _choice(indicators)
    parts["ChannelFile"]["properties"]["lever"] |= {
        "anyOf": [{"const": lever.name, "description": lever.text} for lever in LEVERS]
    }
    schema["properties"]["theories"]["anyOf"][0] = {
        "type": "object",
        "properties": {theory.key: _stances(theory) for theory in THEORIES.values()},
        "additionalProperties": False,
    }
    schema["properties"]["parameters"] = {
        "description": schema["properties"]["parameters"]["description"],
        "type": ["object", "null"],
        "properties": {name: _parameter(item) for name, item in PARAMETERS.items()},
        "additionalProperties": False,
    }
    schema["properties"]["format"] = {"description": "Version of the format of this file", "const": FORMAT}
    schema["required"] = ["format"]
    return {"$schema": DIALECT, **schema, "title": "stabsim scenario"}


def _stances(theory: Theory) -> dict[str, Any]:
    choice = _choice((stance.key, f"{stance.text} Source: {stance.source}.") for stance in theory.stances)
    return {"description": theory.question, "default": theory.stances[0].key, **choice}


def _catalogue_schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"$schema": DIALECT, **model.model_json_schema()}


def _annotate(part: str, properties: dict[str, Any]) -> None:
    """Give each property its unit and the value that holds when it is left out, and drop generated titles."""
    for name, property_ in properties.items():
        property_.pop("title", None)
        property_.pop("default", None)
        if (part, name) in DEFAULTS:
            property_["default"] = DEFAULTS[part, name]
        if name in UNITS:
            property_["unit"] = UNITS[name]


def _choice(options: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the property of a name from a list, each with its description; null clears it."""
    return {"anyOf": [*({"const": name, "description": text} for name, text in options), {"type": "null"}]}


def _only(types: list[str], others: list[str]) -> dict[str, Any]:
    """Refuse keys that belong to other types."""
    return {
        "if": {"properties": {"type": {"enum": types}}, "required": ["type"]},
        "then": {"properties": {name: {"type": "null"} for name in others}},
    }


def _foreign(pattern: str) -> list[str]:
    options = dict.fromkeys(name for names in PATTERN_OPTIONS.values() for name in names)
    foreign = [name for name in options if name not in PATTERN_OPTIONS[pattern]]
    return [*foreign, "targets"] if pattern in _WITHOUT_TARGETS else foreign


def _told(entry: CatalogueEntry) -> str:
    per = "a million residents of the targets" if entry.cost.per == "million_residents" else "a programme"
    return (
        f"{entry.row} {entry.key}: {entry.name}. Full dose: {entry.dose.full:g} {entry.dose.unit}. "
        f"Cost at full dose: {entry.cost.meur_per_year:g} million euro of {entry.cost.price_year} a year for {per}. "
        f"Evidence: {entry.status}, {entry.evidence}."
    )


def _parameter(item: Parameter) -> dict[str, Any]:
    return {
        "description": f"{item.text} [{item.unit}]. Plausible {item.low:g} to {item.high:g}. Source: {item.source}",
        "type": ["number", "null"],
        "minimum": item.hard_low,
        "maximum": item.hard_high,
        "default": item.default,
        "unit": item.unit,
        "plausible": [item.low, item.high],
        "source": item.source,
    }
