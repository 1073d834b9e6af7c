"""Resolve the stances of rival theories and the parameters that a scenario sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.errors import nearest
from sim.parameters import CATALOGUE as PARAMETERS
from sim.parameters.theories import THEORIES
from sim.region.slips import written
from sim.scenario.names import parameter_hint
from sim.scenario.schema import shown

if TYPE_CHECKING:
    from sim.scenario.resolve import Resolver


def chosen_theories(resolver: Resolver) -> dict[str, str]:
    """Return the chosen stances by theory, those that are the model's own left out."""
    made = {}
    for name, chosen in sorted((resolver.spec.theories or {}).items()):
        theory = THEORIES.get(name)
        if theory is None:
            allowed, hint = ", ".join(THEORIES), nearest(name, THEORIES)
            resolver.note(("theories", name), "no theory is called that", on_key=True, allowed=allowed, hint=hint)
        elif chosen is not None:
            known = [stance.key for stance in theory.stances]
            if chosen not in known:
                hint = nearest(chosen, known)
                what, allowed = f"is no stance of the theory {name}", ", ".join(known)
                resolver.note(("theories", name), what, got=shown(chosen), allowed=allowed, hint=hint)
            made[name] = chosen
    return made


def chosen_parameters(resolver: Resolver) -> dict[str, float]:
    """Return the overrides, sorted by name, within the bounds the model accepts."""
    made: dict[str, float] = {}
    for name, value in sorted((resolver.spec.parameters or {}).items()):
        path = ("parameters", name)
        if name not in PARAMETERS:
            resolver.note(
                path,
                "no parameter is called that",
                on_key=True,
                allowed=f"one of {len(PARAMETERS)}: see stabsim catalogue parameters",
                hint=parameter_hint(name),
            )
        elif value is not None:
            known = PARAMETERS[name]
            if not known.hard_low <= value <= known.hard_high:
                resolver.note(
                    path,
                    "is outside what the model accepts",
                    got=written(value),
                    allowed=f"{known.hard_low:g} to {known.hard_high:g} {known.unit}",
                )
            made[name] = float(value) + 0.0
    return made
