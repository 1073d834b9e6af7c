"""The file of a virtual trial: one row of evidence, the conditions of its studies, its arms, and what is measured.

Every problem of a file is listed at once, with line, column and what is allowed.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from sim.errors import InputError, Problem, nearest
from sim.interventions import catalogue
from sim.parameters import CATALOGUE as PARAMETERS
from sim.scenario.hints import check_shape
from sim.scenario.schema import Strict
from sim.scenario.text import Node, parse, problem_at, read_source, shown
from sim.world.outcomes import OUTCOME_NAMES

ROWS = Path(__file__).parent / "rows"
CONTROL = "control"
RATIOS = ("irr", "hr")
"""Estimators on a log scale; the others are differences and shares."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[PS]\d{1,2}[a-k]?(-I\d{1,2})?$")]
Scope = Literal["post_war", "active_war", "calm_local", "cohort", "region_2024"]
Estimator = Literal["irr", "hr", "pp", "sd", "displaced", "p_harm"]
Part = Literal["own", "total", "decay", "scope", "spill", "side effect", "harm", "dose", "other"]
Place = Literal["treated", "neighbour", "region"]
Basis = Literal["E", "A"]


class PublishedStudy(Strict):
    """The studies as published: where, on what unit, how much of it, how long."""

    source: Text
    unit: Text
    dose: Text
    horizon: Text
    text: Text | None = None


class TestBed(Strict):
    """Where the trial takes place: the invented symmetric region under the scope condition of the studies."""

    scope: Scope
    months: int = Field(ge=1, le=240)
    citizens: int = Field(default=2_000, ge=200, le=100_000)
    posture: Literal["restrain", "police", "repress", "war"] = "restrain"
    parameters: dict[str, float] = Field(default_factory=dict)


class Arm(Strict):
    """What one arm gets and the control does not: a programme as in a scenario file, or a standing mission.

    ``sizes: drawn`` draws every channel from its range in the catalogue, one draw for eight replications.
    """

    text: Text
    programme: dict[str, Any] | None = None
    mission: Literal["none", "robust", "limited", "observers", "police"] = "none"
    sizes: Literal["catalogue", "drawn"] = "catalogue"

    @model_validator(mode="after")
    def _does_something(self) -> Arm:
        if self.programme is None and self.mission == "none":
            raise ValueError("an arm needs a programme or a mission")
        if self.sizes == "drawn" and self.programme is None:
            raise ValueError("only a programme has sizes to draw")
        return self


class Bounds(Strict):
    """Published target range (basis E) or our own (A); None is open."""

    low: float | None = None
    high: float | None = None
    basis: Basis

    @model_validator(mode="after")
    def _ordered(self) -> Bounds:
        if self.low is None and self.high is None:
            raise ValueError("a target range needs a low or a high end")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("must hold: low < high")
        return self


class Endpoint(Strict):
    """One number of the trial, read from recorded outcomes.

    ``estimator``: ``irr`` ratio of sums, ``hr`` ratio of hazards of the first month with any, ``pp`` difference in
    percentage points, ``sd`` difference over 0.289 (the s.d. of a uniform trait), ``displaced`` rise next door over
    fall in the treated state, ``p_harm`` share of draws in which there is more of it. ``months`` first and last,
    from 1. ``value`` is the published centre.
    """

    what: Text
    part: Part
    estimator: Estimator
    outcome: str
    arm: Slug
    over: Slug = CONTROL
    place: Place = "treated"
    months: tuple[int, int]
    value: float | None = None
    window: Bounds | None = None
    note: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _months_are_a_pair(cls, content: Any) -> Any:
        if isinstance(content, dict) and isinstance(content.get("months"), list):
            return {**content, "months": tuple(content["months"])}
        return content

    @property
    def unit(self) -> str:
        """Published unit."""
        return {"irr": "IRR", "hr": "HR", "pp": "pp", "sd": "s.d.", "displaced": "share", "p_harm": "P"}[self.estimator]


class Trial(Strict):
    """One virtual trial. The first measure is the row's own; only it may be tuned on, and only if ``tune``.

    ``replications`` is the most of a full run; a quick one has a twelfth.
    """

    format: Literal[1]
    row: Key
    title: Text
    intervention: str | None = None
    tune: bool = False
    kappa: float | None = Field(default=None, gt=0, le=1)
    replications: int = Field(default=384, ge=16, le=10_000)
    study: PublishedStudy
    world: TestBed
    arms: dict[Slug, Arm] = Field(min_length=1)
    measures: list[Endpoint] = Field(min_length=1)
    not_testable: dict[str, Text] = Field(default_factory=dict)
    suspected: Text | None = None

    @property
    def own(self) -> Endpoint:
        """The measure of the row itself."""
        return self.measures[0]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Recorded outcomes that the measures read, sorted."""
        return tuple(sorted({measure.outcome for measure in self.measures}))

    @property
    def target(self) -> float:
        """Published centre of the row's own measure, its logarithm shrunk by ``kappa`` where that is set."""
        assert self.own.value is not None
        return float(self.own.value ** (1.0 if self.kappa is None else self.kappa))


def read_trial(path: Path) -> Trial:
    """Read one file.

    Raises
    ------
    InputError
        With every problem of the file.
    """
    source = read_source(path)
    if isinstance(source, Problem):
        raise InputError(source)
    parsed = parse(source.text, str(path))
    if parsed.root is None or not isinstance(parsed.root.value, dict):
        empty = Problem("is not a trial", file=str(path), line=1, column=1, allowed="a mapping with format: 1")
        raise InputError(parsed.problems or [empty])
    problems = [*parsed.problems, *check_shape(parsed.root, Trial)[0]]
    if problems:
        raise InputError(problems)
    trial = Trial.model_validate(parsed.root.plain())
    problems = list(_slips(trial, parsed.root, path))
    if problems:
        raise InputError(problems)
    return trial


def _slips(trial: Trial, root: Node, path: Path) -> list[Problem]:
    """What a shape cannot say: names that must exist, months within the horizon, what tuning needs."""
    found = []

    def note(place: tuple[Any, ...], what: str, got: str = "", allowed: str = "", hint: str = "") -> None:
        found.append(problem_at(root, place, what, got=got, allowed=allowed, hint=hint))

    def known(place: tuple[Any, ...], name: str, names: list[str], what: str) -> None:
        if name not in names:
            note(place, what, got=shown(name), allowed=", ".join(names[:12]), hint=nearest(name, names))

    if trial.row != path.stem:
        note(("row",), "is not the name of the file", got=shown(trial.row), allowed=path.stem)
    if trial.intervention is not None:
        known(("intervention",), trial.intervention, list(catalogue().interventions), "there is no such intervention")
    for name in trial.world.parameters:
        known(("world", "parameters", name), name, list(PARAMETERS), "there is no such parameter")
    for k, measure in enumerate(trial.measures):
        at = ("measures", k)
        known((*at, "arm"), measure.arm, list(trial.arms), "there is no such arm")
        known((*at, "over"), measure.over, [CONTROL, *trial.arms], "there is no such arm")
        known((*at, "outcome"), measure.outcome, list(OUTCOME_NAMES), "is not a recorded outcome")
        first, last = measure.months
        if not 1 <= first <= last <= trial.world.months:
            note((*at, "months"), "must lie within the trial", allowed=f"1 to {trial.world.months}, first before last")
        if measure.estimator == "p_harm" and measure.arm in trial.arms and trial.arms[measure.arm].sizes != "drawn":
            note((*at, "estimator"), "needs an arm with drawn sizes", got=shown("p_harm"))
    if trial.own.window is None:
        note(("measures", 0), "the first measure needs the published target range")
    if trial.tune and (trial.intervention is None or trial.own.value is None or trial.own.estimator not in RATIOS):
        note(("tune",), "needs an intervention and, in the first measure, a published ratio with its value")
    return found


def digest(path: Path) -> str:
    """Hash of a trial's file, without its line endings: what a tuned scale was found with."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:16]


def canonical(programme: dict[str, Any] | None) -> str:
    """A programme as text, for caches and for ``--set``; empty for none."""
    return json.dumps(programme, sort_keys=True) if programme else ""


@cache
def trials() -> tuple[Trial, ...]:
    """All shipped trials, in the order of their rows.

    Raises
    ------
    InputError
        With every problem of every file.
    """
    made, problems = [], []
    for path in sorted(ROWS.glob("*.yaml"), key=_order):
        try:
            made.append(read_trial(path))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return tuple(made)


def _order(path: Path) -> tuple[int, str]:
    number = "".join(character for character in path.stem.partition("-")[0] if character.isdigit())
    return int(number), path.stem
