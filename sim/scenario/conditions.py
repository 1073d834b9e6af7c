"""Resolve conditions: indicators by name, levels that fit each other, and what can never hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.errors import nearest
from sim.region.slips import written
from sim.scenario.records import INDICATORS, Condition, Trigger
from sim.scenario.schema import ConditionFile, TriggerFile, shown

if TYPE_CHECKING:
    from sim.scenario.resolve import Resolver

DWELL = 6
"""Months between two switches of a programme, unless a file says otherwise."""


def condition(resolver: Resolver, path: tuple[Any, ...], spec: ConditionFile | None) -> Condition | None:
    """Return the condition that ends a programme."""
    if spec is None:
        return None
    _check(resolver, path, spec)
    return Condition(*_parts(spec))


def trigger(resolver: Resolver, path: tuple[Any, ...], spec: TriggerFile | None) -> Trigger | None:
    """Return the condition that starts a programme and may switch it off."""
    if spec is None:
        return None
    _check(resolver, path, spec)
    _check_until(resolver, path, spec)
    until = spec.until_below if spec.above is not None else spec.until_above
    if until is None and spec.dwell_months is not None:
        other = "until_below" if spec.above is not None else "until_above"
        resolver.note(
            (*path, "dwell_months"), "needs a level that switches off", on_key=True, allowed=f"beside it {other}"
        )
    dwell = DWELL if spec.dwell_months is None else spec.dwell_months
    return Trigger(*_parts(spec), _float(until), spec.delay_months or 0, dwell)


def _parts(spec: ConditionFile) -> tuple[str, float | None, float | None, int, str]:
    return spec.indicator or "", _float(spec.above), _float(spec.below), spec.for_months or 1, spec.in_ or "region"


def _check(resolver: Resolver, path: tuple[Any, ...], spec: ConditionFile) -> None:
    """Complain about an indicator or a place that does not exist, and about no level or two."""
    if spec.indicator is None:
        resolver.note((*path, "indicator"), "is missing", allowed="the name of an outcome, such as tension")
    elif spec.indicator not in INDICATORS:
        resolver.note(
            (*path, "indicator"),
            "no outcome is called that",
            got=shown(spec.indicator),
            allowed=f"one of {len(INDICATORS)}: see stabsim catalogue outcomes",
            hint=nearest(spec.indicator, INDICATORS),
        )
    if (spec.above is None) == (spec.below is None):
        got, hint = ("neither", "such as above: 0.5") if spec.above is None else ("both", "keep one of them")
        resolver.note(path, "needs one of above and below", got=got, hint=hint)
    if spec.in_ not in (None, "region") and resolver.region is not None:
        resolver.known((*path, "in"), str(spec.in_), "states", resolver.region, also=("region",))


def _check_until(resolver: Resolver, path: tuple[Any, ...], spec: TriggerFile) -> None:
    """Complain about a level of switching off that does not belong to the one of switching on."""
    for name, on, off in (("above", "until_below", "until_above"), ("below", "until_above", "until_below")):
        level, second = getattr(spec, name), getattr(spec, on)
        if level is None:
            continue
        if getattr(spec, off) is not None and spec.above != spec.below:
            resolver.note((*path, off), f"does not go with {name}", on_key=True, allowed=on)
        beyond = second is not None and (second > level if name == "above" else second < level)
        if beyond:
            what = f"lies {name} the level that switches on"
            bound = "at most" if name == "above" else "at least"
            resolver.note((*path, on), what, got=written(second), allowed=f"{bound} {written(level)}")


def _float(value: float | None) -> float | None:
    return None if value is None else float(value) + 0.0
