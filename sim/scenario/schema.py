"""The shape of a scenario file, and turning what pydantic finds into problems a user can act on."""

from __future__ import annotations

import types
import unicodedata
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from sim.errors import Problem
from sim.interventions import catalogue
from sim.interventions.schema import Approval, Provider
from sim.region.read import nearest
from sim.scenario.text import Mark, Node
from sim.world.outcomes import OUTCOME_NAMES

FORMAT = 1
KEY_RULE = "lower-case letters, digits and underscores, a letter first, at most 64"
DATE_RULE = "a month such as 2024-01"

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Date = Annotated[str, StringConstraints(pattern=r"^(?:19[5-9]\d|20\d\d)-(?:0[1-9]|1[0-2])$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]
_RULES = {r"^[a-z][a-z0-9_]{0,63}$": KEY_RULE, r"^(?:19[5-9]\d|20\d\d)-(?:0[1-9]|1[0-2])$": DATE_RULE}


class Strict(BaseModel):
    """Frozen; unknown keys refused; no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def printable(text: str | None, *, lines: bool) -> str | None:
    """Return a text for readers as it is; ValueError for a character that cannot be printed."""
    for char in text or "":
        if char == "\n" and lines:
            continue
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
            raise ValueError(f"has a character that cannot be printed (U+{ord(char):04X})")
    return text


class TargetsFile(Strict):
    """Where a programme or shock acts: all listed states and districts, within the listed communities."""

    states: list[Name] | None = Field(default=None, max_length=200, description="State codes such as XKX")
    districts: list[Name] | None = Field(default=None, max_length=5000, description="District keys of the region")
    communities: list[Name] | None = Field(default=None, max_length=200, description="Community keys such as albanian")


class TriggerFile(Strict):
    """A condition that starts a programme: an outcome above or below a level for some months."""

    indicator: Name | None = Field(default=None, description="Name of a recorded outcome, such as tension")
    above: float | None = None
    below: float | None = None
    for_months: int | None = Field(
        default=None, ge=1, le=120, description="Months the condition must hold; 1 unless given"
    )
    in_: Name | None = Field(default=None, alias="in", description="A state code, or region")


class ProgrammeFile(Strict):
    """One intervention as a scenario runs it. Anything left out comes from the catalogue."""

    type: Name | None = Field(default=None, description="Row or key of the catalogue, such as I2 or police_capacity")
    provider: Provider | None = None
    targets: TargetsFile | None = None
    start: Date | None = Field(default=None, description="Month of the request; the scenario's start unless given")
    months: int | None = Field(default=None, ge=1, le=1200, description="Length; until the end unless given")
    intensity: float | None = Field(
        default=None, ge=0, le=1, description="1 is the full dose of the catalogue; 1 unless given"
    )
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
    approval: Approval | None = None
    when: TriggerFile | None = None


class ShockFile(Strict):
    """One shock as a scenario schedules it."""

    type: Name | None = Field(default=None, description="Key of a shock, such as rumour")
    targets: TargetsFile | None = None
    at: Date | None = Field(default=None, description="Month the shock hits")
    week: int | None = Field(default=None, ge=0, le=3, description="Quarter of the month, 0 to 3; 0 unless given")
    magnitude: float | None = Field(
        default=None, ge=0, le=5, description="Multiplies the sizes of the catalogue; 1 unless given"
    )
    mission: Name | None = Field(default=None, description="Key of a standing mission, for shocks on missions")
    months: int | None = Field(
        default=None, ge=1, le=600, description="Length, for shocks that take time; 12 unless given"
    )
    remaining: float | None = Field(
        default=None, ge=0, le=1, description="Share of the mission that stays; 0 unless given"
    )


class ScenarioFile(Strict):
    """A scenario file. ``null`` clears an inherited value."""

    format: Literal[1] | None = None
    title: Name | None = None
    description: Annotated[str, StringConstraints(max_length=4000)] | None = None
    extends: Name | None = Field(default=None, description="A scenario beside this file, or a shipped one")
    region: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Name of a shipped region, or a region folder"
    )
    start: Date | None = Field(default=None, description="First month")
    months: int | None = Field(default=None, ge=1, le=1200, description="Length of the run")
    institutions: Literal["scripted", "adaptive"] | None = None
    interventions: dict[Key, ProgrammeFile | None] | None = Field(default=None, max_length=500)
    shocks: dict[Key, ShockFile | None] | None = Field(default=None, max_length=500)
    parameters: dict[Key, float | None] | None = Field(default=None, max_length=1000)

    @field_validator("title", "description")
    @classmethod
    def _printable(cls, text: str | None, info: Any) -> str | None:
        return printable(text, lines=info.field_name == "description")


def check_shape(root: Node, model: type[BaseModel] = ScenarioFile) -> tuple[list[Problem], list[tuple[Any, ...]]]:
    """Check a tree against a file schema; return every violation, and the paths of what is bad."""
    try:
        model.model_validate(root.plain())
    except ValidationError as error:
        found = error.errors(include_url=False)
        return [_problem(root, item, model) for item in found], [_path(item) for item in found]
    return [], []


def _path(item: Any) -> tuple[Any, ...]:
    return tuple(part for part in item["loc"] if part != "[key]")


def shown(value: Any) -> str:
    """Return a value as a short one-line text."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def dotted(path: tuple[Any, ...]) -> str:
    """Return a path as text: ``interventions.a.targets.states[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def problem_at(
    root: Node, path: tuple[Any, ...], what: str, *, on_key: bool = False, at: str = "", **said: str
) -> Problem:
    """Return a problem placed at the value (or key) at ``path``; ``at`` is the key shown, if not the path."""
    key, value = root.find(path)
    mark: Mark = key if on_key else value
    return Problem(what, file=mark.file, line=mark.line, column=mark.column, key=at or dotted(path), **said)


_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "finite_number": "a finite number",
}


def _problem(root: Node, item: Any, model: type[BaseModel]) -> Problem:
    """Translate one pydantic error."""
    loc, kind, value = tuple(item["loc"]), item["type"], item["input"]
    on_key = kind == "extra_forbidden" or loc[-1:] == ("[key]",)
    path = _path(item)
    said = {"got": shown(value), "allowed": "", "hint": ""}
    if kind == "extra_forbidden":
        names = _names(path[:-1], model)
        what, said["got"], said["allowed"] = "unknown key", "", ", ".join(names)
        longer = next((name for name in names if name.startswith(f"{path[-1]}_")), "")
        said["hint"] = nearest(longer or str(path[-1]), names)
    elif kind in _TYPES:
        what, said["allowed"] = f"must be {_TYPES[kind]}", _range(path, model)
        if kind.startswith("int") and isinstance(value, str) and value.replace("_", "").replace(",", "").isdigit():
            said["hint"] = "write digits only"
    elif kind == "literal_error":
        options = [str(option) for option in _options(path, model)]
        what, said["allowed"], said["hint"] = (
            "is not one of the allowed values",
            ", ".join(options),
            nearest(str(value), options),
        )
    elif kind == "string_pattern_mismatch":
        what, said["allowed"] = "is not written as it should be", _RULES.get(item["ctx"]["pattern"], "")
    elif kind in ("greater_than_equal", "less_than_equal", "greater_than", "less_than"):
        what, said["allowed"] = "is out of range", _range(path, model)
    elif kind in ("too_long", "string_too_long"):
        what, said["allowed"] = "is too long", f"at most {item['ctx']['max_length']}"
    elif kind == "string_too_short":
        what = "is empty"
    elif kind == "value_error":
        what = str(item["ctx"]["error"])
    else:
        what = item["msg"]
    return problem_at(root, path, what, on_key=on_key, **said)


def _inner(annotation: Any) -> Any:
    """Return the type inside Optional and Annotated."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
        else:
            return annotation


def field_at(path: tuple[Any, ...], model: type[BaseModel] = ScenarioFile) -> tuple[Any, list[Any]]:
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


def _names(path: tuple[Any, ...], model: type[BaseModel]) -> list[str]:
    kind, _ = field_at(path, model)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [field.alias or name for name, field in kind.model_fields.items()]
    return []


def _options(path: tuple[Any, ...], model: type[BaseModel]) -> tuple[Any, ...]:
    kind, _ = field_at(path, model)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _range(path: tuple[Any, ...], model: type[BaseModel]) -> str:
    """Return the allowed range of a number as text."""
    low = high = None
    for limit in field_at(path, model)[1]:
        low = limit.ge if isinstance(limit, Ge) else limit.gt if isinstance(limit, Gt) else low
        high = limit.le if isinstance(limit, Le) else limit.lt if isinstance(limit, Lt) else high
        if isinstance(limit, MaxLen):
            return f"at most {limit.max_length}"
    if low is None and high is None:
        return ""
    return f"{low} to {high}" if high is not None else f"{low} or more"


def json_schema(kind: str = "scenario") -> dict[str, Any]:
    """Return the JSON Schema of a ``scenario`` file, or of a catalogue ``intervention`` or ``shock``.

    Editors use it to complete and check files while they are written.
    """
    from sim.interventions.schema import CatalogueEntry, ShockType

    if kind in ("intervention", "shock"):
        model: type[BaseModel] = CatalogueEntry if kind == "intervention" else ShockType
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    if kind != "scenario":
        raise ValueError(f"no schema is called {kind}; allowed scenario, intervention, shock")
    schema = ScenarioFile.model_json_schema(by_alias=True)
    parts = schema["$defs"]
    parts["ProgrammeFile"]["properties"]["type"]["enum"] = [*catalogue().names(), None]
    parts["ShockFile"]["properties"]["type"]["enum"] = [*catalogue().shocks, None]
    parts["TriggerFile"]["properties"]["indicator"]["enum"] = [*OUTCOME_NAMES, None]
    schema["title"] = "stabsim scenario"
    schema["required"] = ["format"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
