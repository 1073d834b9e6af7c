"""Rival theories as named switches: each stance sets parameters of one mechanism and nothing else.

The first stance of a theory is the default of the model; it sets no parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stance:
    """One answer to the question of a theory: the parameters it sets, and where it comes from."""

    key: str
    text: str
    source: str
    parameters: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Theory:
    """A question on which the literature is divided, with its answers; the first is the default."""

    key: str
    question: str
    stances: tuple[Stance, ...]

    def stance(self, key: str) -> Stance | None:
        """Return the stance of this name, or None."""
        return next((stance for stance in self.stances if stance.key == key), None)


_THEORIES = (
    Theory(
        "arrest",
        "How does the risk of arrest fall as a crowd grows?",
        (
            Stance("smooth", "Deterrence collapses smoothly once a crowd outnumbers the police.", "M7"),
            Stance("floor", "The ratio of officers to active persons is rounded down.", "M1", {"arrest_form": 1.0}),
            Stance("literal", "As printed by Epstein: no collapse.", "M1", {"arrest_form": 2.0}),
        ),
    ),
    Theory(
        "motive",
        "Why do people turn out and take up arms: grievance or opportunity?",
        (
            Stance("both", "Grievance and opportunity both count.", "M7, S6, S10, S11"),
            Stance(
                "grievance",
                "Grievance alone: risk of arrest, unemployment and youth have no effect.",
                "S6",
                {"b_risk": 0.0, "b_unemployment": 0.0, "b_recruit_unemployment": 0.0, "b_recruit_youth": 0.0},
            ),
            Stance(
                "opportunity",
                "Opportunity alone: grievance and exclusion from power have no effect.",
                "S10, S11",
                {"b_grievance": 0.0, "b_exclusion": 0.0, "b_recruit_exclusion": 0.0},
            ),
        ),
    ),
    Theory(
        "contact",
        "Does living close to other communities weaken or strengthen the drivers of tension?",
        (
            Stance("none", "Neither: drivers move tension equally far everywhere.", "assumption"),
            Stance(
                "contact",
                "Contact: where communities live mixed, drivers move tension half as much.",
                "P11d, assumption",
                {"tension_contact": -0.5},
            ),
            Stance(
                "threat",
                "Threat: where communities live mixed, drivers move tension 50 % more.",
                "P11e, assumption",
                {"tension_contact": 0.5},
            ),
        ),
    ),
    Theory(
        "reaction",
        "Do external powers react to enlargement and exercises? This matters in adaptive runs only.",
        (
            Stance("on", "They do more where they have influence to lose.", "W8, assumption"),
            Stance(
                "off",
                "They do not react and exert no pressure.",
                "assumption",
                {"reaction_size": 0.0, "spoiler_size": 0.0, "cyber_pressure": 0.0},
            ),
        ),
    ),
    Theory(
        "published_effects",
        "Are the effects of programmes as large as published?",
        (
            Stance("full", "Effects have the sizes of the catalogue.", "rows of the catalogue"),
            Stance(
                "half", "Half of these sizes: published effects are too large.", "assumption", {"effect_shrink": 0.5}
            ),
        ),
    ),
)

THEORIES: dict[str, Theory] = {theory.key: theory for theory in _THEORIES}


def stances(chosen: Mapping[str, str]) -> dict[str, float]:
    """Return the parameters that chosen stances set, by theory; names that do not exist set nothing."""
    made: dict[str, float] = {}
    for name, key in chosen.items():
        stance = THEORIES[name].stance(key) if name in THEORIES else None
        made |= stance.parameters if stance is not None else {}
    return made
