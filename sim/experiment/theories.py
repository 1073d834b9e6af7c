"""Scenarios again under rival theories: one variant for each stance that a scenario does not follow as it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.errors import InputError, Problem, nearest
from sim.parameters.theories import THEORIES, Stance, stances

if TYPE_CHECKING:
    from sim.scenario import Scenario

ALL = "all"


@dataclass(frozen=True)
class Variant:
    """The scenario ``scenario`` under one stance of one theory, all else as it is; ``key`` names it in every table."""

    key: str
    scenario: str
    theory: str
    stance: str


def chosen_theories(choice: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the theories of a choice, in the order of the catalogue.

    Parameters
    ----------
    choice : str or sequence of str, optional
        Names, as a sequence or with commas between; ``all``; None or nothing for none.

    Raises
    ------
    InputError
        With every name that is not a theory.
    """
    named = choice.split(",") if isinstance(choice, str) else list(choice or ())
    names = [name.strip() for name in named]
    allowed = [*THEORIES, ALL]
    problems = [
        Problem("no theory is called that", key="theories", got=name, allowed=", ".join(allowed), hint=hint)
        for name in names
        if name not in allowed
        for hint in [nearest(name, allowed)]
    ]
    if problems:
        raise InputError(problems)
    return tuple(name for name in THEORIES if name in names or ALL in names)


def under_theories(scenarios: Sequence[Scenario], theories: Sequence[str]) -> Iterator[tuple[Variant, Scenario]]:
    """Yield every scenario under each stance of each theory, one theory at a time.

    What a scenario follows as it is, is left out: it would be the same runs again.

    Raises
    ------
    InputError
        If a scenario sets a parameter that a stance would set: the scenario's own value would win, and the stance
        would be one in name only.
    """
    problems = []
    for theory in (THEORIES[name] for name in theories):
        for stance in theory.stances:
            for scenario in scenarios:
                if scenario.theories.get(theory.key, theory.stances[0].key) == stance.key:
                    continue
                own = _own(scenario)
                problems += [
                    _masked(scenario.key, theory.key, name)
                    for name in stance.parameters
                    if name in own and _masked(scenario.key, theory.key, name) not in problems
                ]
                variant = Variant(f"{scenario.key}@{theory.key}={stance.key}", scenario.key, theory.key, stance.key)
                yield variant, _following(scenario, variant, own, stance)
    if problems:
        raise InputError(problems)


def _own(scenario: Scenario) -> dict[str, float]:
    """Return the parameters that a scenario sets itself, not through its theories."""
    by_theory = stances(scenario.theories)
    return {name: value for name, value in scenario.parameters.items() if by_theory.get(name) != value}


def _following(scenario: Scenario, variant: Variant, own: dict[str, float], stance: Stance) -> Scenario:
    theories = dict(sorted({**scenario.theories, variant.theory: stance.key}.items()))
    return dataclasses.replace(
        scenario,
        key=variant.key,
        title=f"{scenario.title or scenario.key} ({variant.theory}: {variant.stance})",
        theories=theories,
        parameters=dict(sorted({**stances(theories), **own}.items())),
        warnings=(),
    )


def _masked(scenario: str, theory: str, parameter: str) -> Problem:
    return Problem(
        f"is set by the scenario itself, so the theory {theory} could not act",
        key=f"{scenario}.parameters.{parameter}",
        hint=f"leave it out, or leave {theory} out of --theories",
    )
