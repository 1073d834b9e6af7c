"""The shape of an experiment file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from sim.parameters import CATALOGUE as PARAMETERS
from sim.scenario.schema import Name, Strict, printable
from sim.world.outcomes import OUTCOME_NAMES

Kind = Literal["grid", "list", "lhs", "sobol", "morris", "random", "scenarios"]
Distribution = Literal["uniform", "loguniform", "triangular", "normal"]
Contrast = Literal["mean", "difference"]
Text = Annotated[str, StringConstraints(max_length=4000)]

MAX_SEED = 2**63 - 1


class FactorFile(Strict):
    """What varies: the values it may take, or a range. Of a catalogue parameter, anything may be left out."""

    values: list[Any] | None = Field(default=None, min_length=1, max_length=1000, description="Values, all as likely")
    low: float | None = Field(default=None, description="Lower end of a range")
    high: float | None = Field(default=None, description="Upper end of a range")
    distribution: Distribution | None = Field(
        default=None,
        description="Over the range; loguniform where it spans more than a factor of 10 above 0, else uniform",
    )
    mode: float | None = Field(default=None, description="Peak of a triangular distribution; the default value")
    mean: float | None = Field(default=None, description="Of a normal distribution cut off at low and high")
    sd: float | None = Field(default=None, gt=0, description="Of a normal distribution; a quarter of the range")
    levels: int | None = Field(default=None, ge=2, le=1000, description="Steps of the range in a grid")


class DesignFile(Strict):
    """How the points are chosen."""

    kind: Kind | None = None
    points: int | None = Field(
        default=None, ge=1, le=10_000_000, description="Points of lhs and random; base sample of sobol, a power of 2"
    )
    trajectories: int | None = Field(default=None, ge=2, le=100_000, description="Of morris")
    levels: int | None = Field(default=None, ge=2, le=100, description="Of morris, even, 4 unless given; of a grid")
    second_order: bool | None = Field(default=None, description="Of sobol: also interactions, at twice the points")
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1, description="Of the design; 1 unless given")


class UntilFile(Strict):
    """Replicate until a 95 % interval is narrow enough everywhere."""

    outcome: Name | None = Field(default=None, description="Name of a recorded outcome, over the whole run")
    scope: Name | None = Field(default=None, description="region, or a state code; region unless given")
    contrast: Contrast | None = Field(
        default=None, description="Of the mean, or of the paired difference from the baseline; difference unless given"
    )
    width: float | None = Field(default=None, gt=0, description="Widest interval allowed, in the outcome's unit")
    at_least: int | None = Field(default=None, ge=2, le=100_000, description="Replications before the first look")
    at_most: int | None = Field(default=None, ge=2, le=100_000, description="Replications after which it ends")
    step: int | None = Field(default=None, ge=1, le=100_000, description="Replications added between looks")


class ExperimentFile(Strict):
    """An experiment file: which scenarios run at which points how often."""

    format: Literal[1] | None = None
    title: Name | None = None
    question: Text | None = Field(default=None, description="What the experiment is to answer, one sentence")
    expected: Text | None = Field(default=None, description="What is expected, written before it runs")
    scenarios: list[Name] | None = Field(
        default=None, min_length=1, max_length=100, description="Files beside this one, or shipped scenarios"
    )
    baseline: Name | None = Field(default=None, description="One of the scenarios; the first unless given")
    design: DesignFile | None = None
    uncertainties: dict[Name, FactorFile | None] | None = Field(
        default=None, max_length=1000, description="Catalogue parameters; all: every one of them"
    )
    levers: dict[Name, FactorFile] | None = Field(
        default=None, max_length=200, description="Values of scenarios, by dotted key, as in --set"
    )
    points: list[dict[Name, Any]] | None = Field(
        default=None, min_length=1, max_length=10_000, description="Of a list: one mapping from key to value a point"
    )
    constants: dict[Name, Any] | None = Field(default=None, max_length=1000, description="Set in every scenario")
    replications: int | None = Field(default=None, ge=1, le=100_000, description="Histories of each point")
    until: UntilFile | None = Field(default=None, description="Instead of replications")
    citizens: Any = Field(default=None, description="A number, or all; 20000 unless given")
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED, description="Of the histories; 1 unless given")
    parameters: Literal["central", "ensemble"] | None = Field(
        default=None,
        description="Whether replications draw the parameters that are not varied from the calibrated ensemble",
    )

    @field_validator("title", "question", "expected")
    @classmethod
    def _printable(cls, text: str | None, info: Any) -> str | None:
        return printable(text, lines=info.field_name != "title")


def experiment_schema() -> dict[str, Any]:
    """Return the JSON Schema of experiment files, for editors."""
    schema = ExperimentFile.model_json_schema()
    parts, own = schema["$defs"], schema["properties"]
    parts["UntilFile"]["properties"]["outcome"]["enum"] = [*OUTCOME_NAMES, None]
    own["uncertainties"]["anyOf"][0]["propertyNames"] = {"enum": ["all", *PARAMETERS]}
    own["citizens"] |= {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "all"}]}
    schema["title"] = "stabsim experiment"
    schema["required"] = ["format", "scenarios", "design"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
