"""The schema of a scenario file: its keys, types, limits, units and defaults; and the same as JSON Schema for editors.

A key that is left out, or ``null``, has the default below, or what the catalogue or the scenario says of it.
"""

from __future__ import annotations

import types
import unicodedata
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from sim.interventions import PATTERN_OPTIONS, QUANTITIES, CatalogueEntry, ShockType, catalogue
from sim.interventions.schema import Absorption, Approval, Channel, Evidence, Provider, Quantity, Scope, Status, Text
from sim.parameters import CATALOGUE as PARAMETERS
from sim.parameters.theories import THEORIES
from sim.region import slips
from sim.region.schema import DIALECT, region_schema
from sim.scenario.records import FIELDS
from sim.scenario.text import KeyPath
from sim.world.levers import LEVERS
from sim.world.outcomes import OUTCOMES

FORMAT = 1
MAX_RATE = 12.0
"""Shocks a year: at most about one a month can be drawn."""
KEY_RULE = "lower-case letters, digits and underscores, a letter first, at most 64"
DATE_RULE = f"a month such as 2024-01, from {slips.FIRST_YEAR}-01 to {slips.LAST_YEAR}-12"
LABELLED = {
    "interventions": "type",
    "shocks": "type",
    "define": "channels",
    "packages": "interventions",
    "budgets": "members",
}
"""Sections of things under labels of one's own, and the key without which there is no new one."""
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


# Keys ----------------------------------------------------------------------------------------------------------------


class Strict(BaseModel):
    """Frozen; unknown keys refused; no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Part(Strict):
    """A part of a scenario file: what is ``null`` is as if it were left out."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        names = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: value for key, value in given.items() if value is not None or key not in names}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> Any:
        made = handler(core)
        part = handler.resolve_ref_schema(made)
        part.pop("title", None)
        for name, key in part["properties"].items():
            key.pop("title", None)
            if key.get("default", "") is None:
                del key["default"]
            if {"type": "null"} not in key.get("anyOf", []):
                notes = {note: key.pop(note) for note in ("description", "default") if note in key}
                part["properties"][name] = key = {"anyOf": [dict(key), {"type": "null"}], **notes}
            for choice in key["anyOf"]:
                if "patternProperties" in choice:
                    choice["additionalProperties"] = False
            if name in UNITS:
                key["unit"] = UNITS[name]
        return made


def printable(text: str | None, *, lines: bool) -> str | None:
    """Return a text for readers as it is; ValueError for a character that cannot be printed."""
    for char in text or "":
        if char == "\n" and lines:
            continue
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
            raise ValueError(f"has a character that cannot be printed (U+{ord(char):04X})")
    return text


def _rate(value: Any) -> Any:
    """Let a rate a year or the word catalogue pass; ValueError for anything else."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None or value == "catalogue" or (number and 0 <= value <= MAX_RATE):
        return value
    raise ValueError("is neither a rate nor the word catalogue")


Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Date = Annotated[str, StringConstraints(pattern=r"^(?:19[5-9][0-9]|20[0-9][0-9])-(?:0[1-9]|1[0-2])$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Rate = Annotated[
    Any,
    BeforeValidator(_rate),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": MAX_RATE}, {"const": "catalogue"}, {"type": "null"}]}
    ),
]


class TargetsFile(Part):
    """Where a programme or shock acts: all listed states and districts, within the listed communities."""

    states: list[Name] | None = Field(default=None, max_length=200, description="State codes such as XKX")
    districts: list[Name] | None = Field(default=None, max_length=5000, description="District keys of the region")
    communities: list[Name] | None = Field(default=None, max_length=200, description="Community keys such as albanian")


class ConditionFile(Part):
    """A condition: an indicator, as it was last month, above or below a level for some months."""

    indicator: Name | None = Field(default=None, description="Name of a recorded outcome or a field, such as tension")
    above: float | None = Field(default=None, description="Level the indicator must exceed, in its unit")
    below: float | None = Field(default=None, description="Level the indicator must stay under, in its unit")
    for_months: int = Field(default=1, ge=1, le=120, description="Months the condition must hold")
    in_: Name = Field(default="region", alias="in", description="A state code, or region")


class TriggerFile(ConditionFile):
    """A condition that starts a programme and, with a second level, switches it off and on again."""

    until_below: float | None = Field(
        default=None, description="With above: level under which the programme is switched off again"
    )
    until_above: float | None = Field(
        default=None, description="With below: level above which the programme is switched off again"
    )
    delay_months: int = Field(
        default=0, ge=0, le=120, description="Months between the condition being met and the request"
    )
    dwell_months: int = Field(default=6, ge=1, le=240, description="Months between two switches, at least")


class ProgrammeFile(Part):
    """One intervention as a scenario runs it. Anything left out comes from the catalogue."""

    type: Name | None = Field(default=None, description="Row or key of the catalogue, such as I2 or police_capacity")
    provider: Provider | None = Field(default=None, description="Who runs it; as in the catalogue unless given")
    targets: TargetsFile | None = Field(default=None, description="Where it acts; everywhere unless given")
    start: Date | None = Field(default=None, description="Month of the request; the scenario's start unless given")
    months: int | None = Field(default=None, ge=1, le=1200, description="Length; until the end unless given")
    intensity: float = Field(default=1.0, ge=0, le=1, description="1 is the full dose of the catalogue")
    troops: int | None = Field(default=None, ge=0, le=500_000, description="Soldiers, over all targets together")
    police_officers: int | None = Field(
        default=None, ge=0, le=500_000, description="Police officers, over all targets together"
    )
    monitors: int | None = Field(
        default=None, ge=0, le=500_000, description="Unarmed monitors, over all targets together"
    )
    meur_per_year: float | None = Field(
        default=None, ge=0, le=100_000, description="Cost, million euro of the catalogue's price year"
    )
    approval: Approval | None = Field(default=None, description="Who must agree; as in the catalogue unless given")
    when: TriggerFile | None = Field(default=None, description="Start only once this holds")
    stop_when: ConditionFile | None = Field(default=None, description="End for good once this holds")


class PackageFile(Part):
    """Programmes under one name. What is said here holds for each member that does not say it itself."""

    intensity: float | None = Field(
        default=None, ge=0, le=1, description="Multiplies the intensity and any stated cost of each member"
    )
    provider: Provider | None = Field(default=None, description="Who runs the members")
    targets: TargetsFile | None = Field(default=None, description="Where the members act")
    start: Date | None = Field(default=None, description="Month of the request")
    months: int | None = Field(default=None, ge=1, le=1200, description="Length of each member")
    approval: Approval | None = Field(default=None, description="Who must agree")
    when: TriggerFile | None = Field(default=None, description="Members start only once this holds")
    stop_when: ConditionFile | None = Field(default=None, description="Members end for good once this holds")
    interventions: dict[Key, ProgrammeFile | None] = Field(
        default={}, max_length=100, description="The members, each under a label of its own"
    )


class BudgetFile(Part):
    """A ceiling on what several programmes together may spend."""

    meur_per_year: float | None = Field(
        default=None, ge=0, le=100_000, description="Ceiling, million euro a year; a twelfth of it each month"
    )
    members: list[Name] | None = Field(
        default=None, max_length=500, description="Labels of interventions and packages that share it"
    )


class DoseFile(Part):
    """What intensity 1 of an intervention of one's own means."""

    unit: Text | None = Field(default=None, description="What the dose counts, in words")
    full: float = Field(default=1.0, gt=0, description="Units at intensity 1")
    quantity: Quantity | None = Field(default=None, description="Key a programme must give, for head counts")


class CostFile(Part):
    """What an intervention of one's own costs at full dose."""

    meur_per_year: float | None = Field(default=None, ge=0, le=100_000, description="Million euro a year at full dose")
    per: Literal["programme", "million_residents"] = Field(
        default="million_residents", description="For a programme, or for a million residents of its targets"
    )
    price_year: int = Field(default=2024, ge=1990, le=2100, description="Year of the prices")
    basis: Text = Field(default="assumption", description="Where the cost comes from")


class ChannelFile(Channel):
    """One lever that an intervention of one's own moves; without low and high the size is fixed."""

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _fixed_without_range(cls, given: Any) -> Any:
        if not isinstance(given, dict) or {"low", "high"} & set(given):
            return given
        size = given.get("size")
        end = size if isinstance(size, int | float) else 0.0
        return {"distribution": "fixed", **given, "low": end, "high": end}


class DefinitionFile(Part):
    """An intervention of one's own: what the catalogue says of its interventions, said in the file."""

    name: Text | None = Field(default=None, description="Name for people")
    provider: Provider | None = Field(default=None, description="Who runs it")
    approval: Approval | None = Field(default=None, description="Who must agree")
    requesters: list[Provider] | None = Field(
        default=None, min_length=1, max_length=10, description="Who may ask for it; the provider unless given"
    )
    dose: DoseFile | None = Field(default=None, description="What intensity 1 means")
    cost: CostFile | None = Field(default=None, description="What the full dose costs")
    scope: Scope = Field(default="state", description="What it is usually aimed at: a hint")
    dialogue: bool = Field(default=False, description="Whether it brings the sides to one table while it runs")
    absorption: list[Absorption] | None = Field(
        default=None, max_length=4, description="What of the receiving state scales every channel"
    )
    scale: float = Field(default=1.0, ge=0, le=10, description="Multiplies all sizes")
    channels: list[ChannelFile] | None = Field(
        default=None, min_length=1, max_length=50, description="The levers it moves"
    )
    status: Status = Field(default="assumption", description="What the sizes rest on")
    evidence: Evidence = Field(default="assumption", description="Rows of the evidence table, or assumption")
    text: Text | None = Field(default=None, description="What it is, in words")

    @field_validator("name", "text")
    @classmethod
    def _printable(cls, text: str | None, info: Any) -> str | None:
        return printable(text, lines=info.field_name == "text")


class ShockFile(Part):
    """One shock as a scenario schedules it, or draws it."""

    type: Name | None = Field(default=None, description="Key of a shock, such as rumour")
    targets: TargetsFile | None = Field(default=None, description="Where it hits; everywhere unless given")
    at: Date | None = Field(default=None, description="Month the shock hits")
    rate: Rate = Field(
        default=None,
        description="Instead of at: months are drawn at this many a year in a state, or at the catalogue's",
    )
    week: int = Field(default=0, ge=0, le=3, description="Quarter of the month, 0 to 3")
    magnitude: float = Field(default=1.0, ge=0, le=5, description="Multiplies the sizes of the catalogue")
    mission: Name | None = Field(default=None, description="Key of a standing mission, for shocks on missions")
    months: int = Field(default=12, ge=1, le=600, description="Length, for shocks that take time")
    remaining: float = Field(default=0.0, ge=0, le=1, description="Share of the mission that stays")
    posture: Literal["restrain", "police", "repress", "war"] | None = Field(
        default=None, description="Posture of the state's forces to the communities, for shocks of type posture"
    )
    level: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Exclusion from power, 0 in government to 1, for shocks of type power_change",
    )


class ScenarioFile(Part):
    """A scenario file. ``null`` clears an inherited value."""

    format: Annotated[Literal[1] | None, WithJsonSchema({"const": FORMAT})] = Field(
        default=None, description="Version of the format of this file"
    )
    title: Name | None = Field(default=None, description="Name for people; the file's name unless given")
    description: Annotated[str, StringConstraints(max_length=4000)] | None = Field(
        default=None, description="What the scenario is about; changes no result"
    )
    extends: Name | None = Field(default=None, description="A scenario beside this file, or a shipped one")
    region: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Name of a shipped region, or a region folder"
    )
    start: Date | None = Field(default=None, description="First month")
    months: int | None = Field(default=None, ge=1, le=1200, description="Length of the run")
    institutions: Literal["scripted", "adaptive"] = Field(
        default="scripted", description="Whether institutions keep to the file or also decide by themselves"
    )
    effects: Literal["central", "drawn"] = Field(
        default="central",
        description="Whether interventions have the catalogue's central sizes, or sizes drawn by run from their ranges",
    )
    interventions: dict[Key, ProgrammeFile | None] = Field(
        default={}, max_length=500, description="Programmes, each under a label of your own"
    )
    shocks: dict[Key, ShockFile | None] = Field(
        default={}, max_length=500, description="Events from outside, each under a label of your own"
    )
    parameters: dict[Key, float | None] = Field(
        default={}, max_length=1000, description="Overrides of catalogue parameters"
    )

    define: dict[Key, DefinitionFile | None] = Field(
        default={}, max_length=100, description="Interventions of your own, each under the type it is used by"
    )
    packages: dict[Key, PackageFile | None] = Field(
        default={}, max_length=100, description="Programmes that belong together, each package under a label"
    )
    budgets: dict[Key, BudgetFile | None] = Field(
        default={}, max_length=100, description="Ceilings that programmes share, each under a label"
    )
    theories: dict[Key, Name | None] = Field(
        default={}, max_length=20, description="Which of rival theories the model follows"
    )

    @field_validator("format", mode="before")
    @classmethod
    def _whole(cls, number: Any) -> Any:
        if number is not None and type(number) is not int:
            raise ValueError("must be a whole number")
        return number

    @field_validator("title", "description")
    @classmethod
    def _printable(cls, text: str | None, info: Any) -> str | None:
        return printable(text, lines=info.field_name == "description")


def field_at(path: KeyPath, model: type[BaseModel] = ScenarioFile) -> tuple[Any, list[Any]]:
    """Return the declared type (None: no such key) and the constraints at a path of a file schema."""
    kind: Any = model
    limits: list[Any] = []
    for part in path:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = next((f for n, f in kind.model_fields.items() if part in (n, f.alias)), None)
            if field is None:
                return None, []
            kind, limits = _inner(field.annotation), list(field.metadata)
        elif get_origin(kind) in (dict, list):
            kind, limits = _inner(get_args(kind)[-1]), []
    return kind, limits


def _inner(annotation: Any) -> Any:
    """Return the type inside Optional and Annotated."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
        else:
            return annotation


def names_at(path: KeyPath, model: type[BaseModel] = ScenarioFile) -> list[str]:
    """Return the keys that a mapping at a path of a file schema may have."""
    kind, _ = field_at(path, model)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [field.alias or name for name, field in kind.model_fields.items()]
    return []


# JSON Schema ---------------------------------------------------------------------------------------------------------


def json_schema(kind: str = "scenario") -> dict[str, Any]:
    """Return the JSON Schema of a ``scenario`` file, a ``region``, or a catalogue ``intervention`` or ``shock``."""
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "scenario": scenario_schema,
        "region": region_schema,
        "intervention": lambda: {"$schema": DIALECT, **CatalogueEntry.model_json_schema()},
        "shock": lambda: {"$schema": DIALECT, **ShockType.model_json_schema()},
    }
    if kind not in makers:
        raise ValueError(f"no schema is called {kind}; allowed {', '.join(makers)}")
    return makers[kind]()


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file: what it refuses, ``stabsim validate`` refuses too.

    It is pydantic's, with the names of the catalogues added. Beside the standard keywords a property carries its
    ``unit``, and a parameter its evidence range as ``plausible`` and its ``source``: notes that validators ignore.
    """
    schema = ScenarioFile.model_json_schema(by_alias=True)
    keys, parts = schema["properties"], schema["$defs"]
    entries = catalogue().interventions.values()
    shocks = catalogue().shocks.values()
    programme, shock = parts["ProgrammeFile"], parts["ShockFile"]
    own = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$", "description": "One that the file defines"}
    types_ = _choice((name, _describe(entry)) for entry in entries for name in (entry.row, entry.key))
    programme["properties"]["type"] |= {"anyOf": [*types_["anyOf"], own]}
    programme["allOf"] = [
        _only(
            [name for entry in entries if entry.dose.quantity == wanted for name in (entry.row, entry.key)],
            [name for name in QUANTITIES if name != wanted],
        )
        for wanted in (None, *QUANTITIES)
    ]
    shock["properties"]["type"] |= _choice((entry.key, f"{entry.name}. {entry.text}") for entry in shocks)
    options = dict.fromkeys(name for names in PATTERN_OPTIONS.values() for name in names)
    shock["allOf"] = [
        _only(
            [entry.key for entry in shocks if entry.pattern == pattern],
            [*(name for name in options if name not in known), *["targets"] * (pattern in ("mission", "division"))],
        )
        for pattern, known in PATTERN_OPTIONS.items()
    ]
    indicators = [(item.name, f"{item.label}, {item.unit}. {item.text}") for item in OUTCOMES]
    indicators += [(name, "Field of a state, 0 to 1, that is not recorded") for name in FIELDS]
    for part in ("TriggerFile", "ConditionFile"):
        parts[part]["properties"]["indicator"] |= _choice(indicators)
    levers = [{"const": lever.name, "description": lever.text} for lever in LEVERS]
    parts["ChannelFile"]["properties"]["lever"] |= {"anyOf": levers}
    theories = {
        theory.key: {
            "description": theory.question,
            "default": theory.stances[0].key,
            **_choice((stance.key, f"{stance.text} Source: {stance.source}.") for stance in theory.stances),
        }
        for theory in THEORIES.values()
    }
    parameters = {
        item.name: {
            "description": f"{item.text} [{item.unit}]. Plausible {item.low:g} to {item.high:g}. Source: {item.source}",
            "type": ["number", "null"],
            "minimum": item.hard_low,
            "maximum": item.hard_high,
            "default": item.default,
            "unit": item.unit,
            "plausible": [item.low, item.high],
            "source": item.source,
        }
        for item in PARAMETERS.values()
    }
    for name, known in (("theories", theories), ("parameters", parameters)):
        keys[name]["anyOf"][0] = {"type": "object", "properties": known, "additionalProperties": False}
    keys["format"] = {"description": keys["format"]["description"], "const": FORMAT}
    return {"$schema": DIALECT, **schema, "required": ["format"], "title": "stabsim scenario"}


def _choice(options: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the property of a name from a list, each with its description; null clears it."""
    return {"anyOf": [*({"const": name, "description": text} for name, text in options), {"type": "null"}]}


def _only(types_: list[str], others: list[str]) -> dict[str, Any]:
    """Refuse keys that belong to other types."""
    return {
        "if": {"properties": {"type": {"enum": types_}}, "required": ["type"]},
        "then": {"properties": {name: {"type": "null"} for name in others}},
    }


def _describe(entry: CatalogueEntry) -> str:
    per = "a million residents of the targets" if entry.cost.per == "million_residents" else "a programme"
    return (
        f"{entry.row} {entry.key}: {entry.name}. Full dose: {entry.dose.full:g} {entry.dose.unit}. "
        f"Cost at full dose: {entry.cost.meur_per_year:g} million euro of {entry.cost.price_year} a year for {per}. "
        f"Evidence: {entry.status}, {entry.evidence}."
    )
