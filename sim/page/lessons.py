"""Three guided lessons: texts, the worlds they open, and the claims that tests check with the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sim.page.state import State, edited, shipped_state


@dataclass(frozen=True)
class Step:
    """One step: what to read, what to look at, and what differs from the lesson's first world."""

    text: str
    look: str
    outcome: str
    scope: str
    month: int | None
    seed: int
    edits: dict[str, Any]


@dataclass(frozen=True)
class Lesson:
    """A lesson of about ``minutes`` minutes."""

    key: str
    title: str
    minutes: int
    question: str
    scenario: str
    baseline: str
    base_edits: dict[str, Any]
    steps: tuple[Step, ...]

    def state(self, step: int) -> State:
        """What the window shows at a step."""
        state = replace(shipped_state(self.scenario), baseline=self.baseline, seed=self.steps[step].seed)
        for path, value in {**self.base_edits, **self.steps[step].edits}.items():
            state = edited(state, path, value)
        return state

    def plain(self) -> dict[str, Any]:
        """The lesson for the browser."""
        steps = [
            {"text": step.text, "look": step.look, "outcome": step.outcome, "scope": step.scope, "month": step.month}
            for step in self.steps
        ]
        return {
            "key": self.key,
            "title": self.title,
            "minutes": self.minutes,
            "question": self.question,
            "steps": steps,
        }


@cache
def read_lessons() -> tuple[Lesson, ...]:
    """Read the lessons; they ship with the page."""
    rows: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(
        (Path(__file__).parent / "lessons.yaml").read_text(encoding="utf-8")
    )
    made = []
    for row in rows:
        steps = tuple(
            Step(step["text"].strip(), step["look"].strip(), step["outcome"], step.get("scope", "region"),
                 step.get("month"), step.get("seed", 1), step.get("edits") or {})
            for step in row.pop("steps")
        )  # fmt: skip
        made.append(Lesson(**{"base_edits": {}, **row}, steps=steps))
    return tuple(made)


LESSONS = read_lessons()
