"""Rival theories as named switches: each stance is a set of parameters, so that it changes a mechanism and no more.

The first stance of a theory is what the model follows unless a scenario says otherwise; it sets nothing.
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
            Stance("literal", "As Epstein printed it: no collapse at all.", "M1", {"arrest_form": 2.0}),
        ),
    ),
    Theory(
        "motive",
        "What brings people out and into arms: grievance, or opportunity?",
        (
            Stance("both", "Grievance and opportunity both count.", "M7, S6, S10, S11"),
            Stance(
                "grievance",
                "Grievance alone: neither the risk of arrest nor the lack of work or youth makes a difference.",
                "S6",
                {"b_risk": 0.0, "b_unemployment": 0.0, "b_recruit_unemployment": 0.0, "b_recruit_youth": 0.0},
            ),
            Stance(
                "opportunity",
                "Opportunity alone: neither grievance nor exclusion from power makes a difference.",
                "S10, S11",
                {"b_grievance": 0.0, "b_exclusion": 0.0, "b_recruit_exclusion": 0.0},
            ),
        ),
    ),
    Theory(
        "contact",
        "Does living close to other communities calm what stirs tension, or feed it?",
        (
            Stance("none", "Neither: only its own drivers move the tension of a place.", "assumption"),
            Stance(
                "contact",
                "Contact: where communities live mixed, drivers move tension half as far.",
                "P11d, assumption",
                {"tension_contact": -0.5},
            ),
            Stance(
                "threat",
                "Threat: where communities live mixed, drivers move tension half as far again.",
                "P11e, assumption",
                {"tension_contact": 0.5},
            ),
        ),
    ),
    Theory(
        "reaction",
        "Do external powers answer enlargement and exercises? Felt in adaptive runs.",
        (
            Stance("on", "They step up where they have influence to lose.", "W8, assumption"),
            Stance(
                "off",
                "They push nowhere, whatever happens.",
                "assumption",
                {"reaction_size": 0.0, "spoiler_size": 0.0, "cyber_pressure": 0.0},
            ),
        ),
    ),
    Theory(
        "published_effects",
        "Do programmes work as well as published?",
        (
            Stance("full", "Effects as the catalogue has them.", "rows of the catalogue"),
            Stance("half", "Half of it: published effects are too large.", "assumption", {"effect_shrink": 0.5}),
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
