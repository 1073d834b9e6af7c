"""The shape of a scenario file, and how its paths and values are shown in messages."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

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

from sim.errors import Problem
from sim.interventions.schema import Absorption, Approval, Channel, Evidence, Provider, Quantity, Scope, Status, Text
from sim.region import slips
from sim.scenario.text import Mark, Node

FORMAT = 1
MAX_RATE = 12.0
"""Shocks a year: at most about one a month can be drawn."""
KEY_RULE = "lower-case letters, digits and underscores, a letter first, at most 64"
DATE_RULE = f"a month such as 2024-01, from {slips.FIRST_YEAR}-01 to {slips.LAST_YEAR}-12"

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Date = Annotated[str, StringConstraints(pattern=r"^(?:19[5-9][0-9]|20[0-9][0-9])-(?:0[1-9]|1[0-2])$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]


class Strict(BaseModel):
    """Frozen; unknown keys refused; no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _rate(value: Any) -> Any:
    """Let a rate a year or the word catalogue pass; ValueError for anything else."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None or value == "catalogue" or (number and 0 <= value <= MAX_RATE):
        return value
    raise ValueError("is neither a rate nor the word catalogue")


Rate = Annotated[
    Any,
    BeforeValidator(_rate),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": MAX_RATE}, {"const": "catalogue"}, {"type": "null"}]}
    ),
]


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


class ConditionFile(Strict):
    """A condition: an indicator, as it was last month, above or below a level for some months."""

    indicator: Name | None = Field(default=None, description="Name of a recorded outcome or a field, such as tension")
    above: float | None = Field(default=None, description="Level the indicator must exceed, in its unit")
    below: float | None = Field(default=None, description="Level the indicator must stay under, in its unit")
    for_months: int | None = Field(
        default=None, ge=1, le=120, description="Months the condition must hold; 1 unless given"
    )
    in_: Name | None = Field(default=None, alias="in", description="A state code, or region")


class TriggerFile(ConditionFile):
    """A condition that starts a programme and, with a second level, switches it off and on again."""

    until_below: float | None = Field(
        default=None, description="With above: level under which the programme is switched off again"
    )
    until_above: float | None = Field(
        default=None, description="With below: level above which the programme is switched off again"
    )
    delay_months: int | None = Field(
        default=None, ge=0, le=120, description="Months between the condition being met and the request; 0 unless given"
    )
    dwell_months: int | None = Field(
        default=None, ge=1, le=240, description="Months between two switches, at least; 6 unless given"
    )


class ProgrammeFile(Strict):
    """One intervention as a scenario runs it. Anything left out comes from the catalogue."""

    type: Name | None = Field(default=None, description="Row or key of the catalogue, such as I2 or police_capacity")
    provider: Provider | None = Field(default=None, description="Who runs it; as in the catalogue unless given")
    targets: TargetsFile | None = Field(default=None, description="Where it acts; everywhere unless given")
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
    approval: Approval | None = Field(default=None, description="Who must agree; as in the catalogue unless given")
    when: TriggerFile | None = Field(default=None, description="Start only once this holds")
    stop_when: ConditionFile | None = Field(default=None, description="End for good once this holds")


class PackageFile(Strict):
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
    interventions: dict[Key, ProgrammeFile | None] | None = Field(
        default=None, max_length=100, description="The members, each under a label of its own"
    )


class BudgetFile(Strict):
    """A ceiling on what several programmes together may spend."""

    meur_per_year: float | None = Field(
        default=None, ge=0, le=100_000, description="Ceiling, million euro a year; a twelfth of it each month"
    )
    members: list[Name] | None = Field(
        default=None, max_length=500, description="Labels of interventions and packages that share it"
    )


class DoseFile(Strict):
    """What intensity 1 of an intervention of one's own means."""

    unit: Text | None = Field(default=None, description="What the dose counts, in words")
    full: float | None = Field(default=None, gt=0, description="Units at intensity 1; 1 unless given")
    quantity: Quantity | None = Field(default=None, description="Key a programme must give, for head counts")


class CostFile(Strict):
    """What an intervention of one's own costs at full dose."""

    meur_per_year: float | None = Field(default=None, ge=0, le=100_000, description="Million euro a year at full dose")
    per: Literal["programme", "million_residents"] | None = Field(
        default=None, description="For a programme, or for a million residents of its targets, unless given"
    )
    price_year: int | None = Field(default=None, ge=1990, le=2100, description="Year of the prices; 2024 unless given")
    basis: Text | None = Field(default=None, description="Where the cost comes from; assumption unless given")


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


class DefinitionFile(Strict):
    """An intervention of one's own: what the catalogue says of its interventions, said in the file."""

    name: Text | None = Field(default=None, description="Name for people")
    provider: Provider | None = Field(default=None, description="Who runs it")
    approval: Approval | None = Field(default=None, description="Who must agree")
    requesters: list[Provider] | None = Field(
        default=None, min_length=1, max_length=10, description="Who may ask for it; the provider unless given"
    )
    dose: DoseFile | None = Field(default=None, description="What intensity 1 means")
    cost: CostFile | None = Field(default=None, description="What the full dose costs")
    scope: Scope | None = Field(default=None, description="What it is usually aimed at: a hint; state unless given")
    dialogue: bool | None = Field(
        default=None, description="Whether it brings the sides to one table while it runs; false unless given"
    )
    absorption: list[Absorption] | None = Field(
        default=None, max_length=4, description="What of the receiving state scales every channel"
    )
    scale: float | None = Field(default=None, ge=0, le=10, description="Multiplies all sizes; 1 unless given")
    channels: list[ChannelFile] | None = Field(
        default=None, min_length=1, max_length=50, description="The levers it moves"
    )
    status: Status | None = Field(default=None, description="What the sizes rest on; assumption unless given")
    evidence: Evidence | None = Field(default=None, description="Rows of the evidence table, or assumption")
    text: Text | None = Field(default=None, description="What it is, in words")

    @field_validator("name", "text")
    @classmethod
    def _printable(cls, text: str | None, info: Any) -> str | None:
        return printable(text, lines=info.field_name == "text")


class ShockFile(Strict):
    """One shock as a scenario schedules it, or draws it."""

    type: Name | None = Field(default=None, description="Key of a shock, such as rumour")
    targets: TargetsFile | None = Field(default=None, description="Where it hits; everywhere unless given")
    at: Date | None = Field(default=None, description="Month the shock hits")
    rate: Rate = Field(
        default=None,
        description="Instead of at: months are drawn at this many a year in a state, or at the catalogue's",
    )
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
    posture: Literal["restrain", "police", "repress", "war"] | None = Field(
        default=None, description="Posture of the state's forces to the communities, for shocks of type posture"
    )
    level: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Exclusion from power, 0 in government to 1, for shocks of type power_change",
    )


class ScenarioFile(Strict):
    """A scenario file. ``null`` clears an inherited value."""

    format: Literal[1] | None = None
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
    institutions: Literal["scripted", "adaptive"] | None = Field(
        default=None, description="Whether institutions keep to the file or also decide by themselves"
    )
    effects: Literal["central", "drawn"] | None = Field(
        default=None,
        description="Whether measures have the catalogue's central sizes, or sizes drawn by run from their ranges",
    )
    interventions: dict[Key, ProgrammeFile | None] | None = Field(
        default=None, max_length=500, description="Measures, each under a label of your own"
    )
    shocks: dict[Key, ShockFile | None] | None = Field(
        default=None, max_length=500, description="Events from outside, each under a label of your own"
    )
    parameters: dict[Key, float | None] | None = Field(
        default=None, max_length=1000, description="Overrides of catalogue parameters"
    )

    define: dict[Key, DefinitionFile | None] | None = Field(
        default=None, max_length=100, description="Interventions of your own, each under the type it is used by"
    )
    packages: dict[Key, PackageFile | None] | None = Field(
        default=None, max_length=100, description="Programmes that belong together, each package under a label"
    )
    budgets: dict[Key, BudgetFile | None] | None = Field(
        default=None, max_length=100, description="Ceilings that programmes share, each under a label"
    )
    theories: dict[Key, Name | None] | None = Field(
        default=None, max_length=20, description="Which of rival theories the model follows"
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
