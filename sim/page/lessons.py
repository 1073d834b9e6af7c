"""Guided lessons: texts, and the scenarios they open. Tests check what they claim with the model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sim.page.state import PageState, edited, shipped_state


@dataclass(frozen=True)
class Step:
    """One step: what to read, what to look at, and its edits of the lesson's scenario."""

    text: str
    look: str
    outcome: str
    scope: str = "region"
    month: int | None = None
    seed: int = 1
    edits: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lesson:
    """A lesson of about ``minutes`` minutes; ``edits`` hold in every step."""

    key: str
    title: str
    minutes: int
    question: str
    scenario: str
    baseline: str
    steps: tuple[Step, ...]
    edits: dict[str, Any] = field(default_factory=dict)

    def state(self, number: int) -> PageState:
        """What the page shows at a step."""
        step = self.steps[number]
        state = replace(shipped_state(self.scenario), baseline=self.baseline, seed=step.seed)
        for path, value in {**self.edits, **step.edits}.items():
            state = edited(state, path, value)
        return state


LESSONS = tuple(
    Lesson(**{**row, "steps": tuple(Step(**step) for step in row["steps"])})
    for row in YAML(typ="safe", pure=True).load(Path(__file__).with_name("lessons.yaml").read_text(encoding="utf-8"))
)
