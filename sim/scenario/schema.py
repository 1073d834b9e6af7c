"""The shape of a scenario file, and how its paths and values are shown in messages."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from sim.errors import Problem
from sim.interventions.schema import Approval, Provider
from sim.region import slips
from sim.scenario.text import Mark, Node

FORMAT = 1
KEY_RULE = "lower-case letters, digits and underscores, a letter first, at most 64"
DATE_RULE = f"a month such as 2024-01, from {slips.FIRST_YEAR}-01 to {slips.LAST_YEAR}-12"

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Date = Annotated[str, StringConstraints(pattern=r"^(?:19[5-9][0-9]|20[0-9][0-9])-(?:0[1-9]|1[0-2])$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]


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
    above: float | None = Field(default=None, description="Level the outcome must exceed, in its unit")
    below: float | None = Field(default=None, description="Level the outcome must stay under, in its unit")
    for_months: int | None = Field(
        default=None, ge=1, le=120, description="Months the condition must hold; 1 unless given"
    )
    in_: Name | None = Field(default=None, alias="in", description="A state code, or region")


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


class ShockFile(Strict):
    """One shock as a scenario schedules it."""

    type: Name | None = Field(default=None, description="Key of a shock, such as rumour")
    targets: TargetsFile | None = Field(default=None, description="Where it hits; everywhere unless given")
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
    interventions: dict[Key, ProgrammeFile | None] | None = Field(
        default=None, max_length=500, description="Measures, each under a label of your own"
    )
    shocks: dict[Key, ShockFile | None] | None = Field(
        default=None, max_length=500, description="Events from outside, each under a label of your own"
    )
    parameters: dict[Key, float | None] | None = Field(
        default=None, max_length=1000, description="Overrides of catalogue parameters"
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
