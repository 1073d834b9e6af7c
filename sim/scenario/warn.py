"""What is allowed but worth a second look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import Problem
from sim.parameters import CATALOGUE as PARAMETERS
from sim.region import Region
from sim.region.slips import written
from sim.scenario.records import FIELDS, Condition, Programme, Scenario, Shock, catalogue_cost, drawn_in, target_cells
from sim.scenario.text import KeyPath, shown
from sim.world.levers import LEVER_BY_NAME
from sim.world.outcomes import OUTCOMES

COST_RATIO = 3.0
"""A cost that many times the catalogue's, or less than its inverse, is worth a second look."""
MAX_SHOWN = 5
Cells = dict[str, NDArray[np.bool_]]
"""Which cells each programme or shock acts on, by its label."""
Say = Callable[..., Problem]
"""Makes a problem of a path, what is odd about it, and what was got, is allowed or may be done."""
_BOUNDED = {item.name for item in OUTCOMES if item.unit == "0 to 1" or item.unit.startswith("share")} | {*FIELDS}


def warn(scenario: Scenario, region: Region, say: Say) -> Iterator[Problem]:
    """Yield warnings about a resolved scenario."""
    for name, value in scenario.parameters.items():
        known = PARAMETERS[name]
        if not known.low <= value <= known.high:
            allowed = f"{known.low:g} to {known.high:g} {known.unit}"
            yield say(("parameters", name), "is outside its evidence range", got=written(value), allowed=allowed)
    programmes = sorted(scenario.interventions, key=lambda item: item.key)
    shocks = sorted(scenario.shocks, key=lambda item: item.key)
    cells = {item.key: target_cells(region, item.targets) for item in programmes}
    struck = {item.key: target_cells(region, item.targets) for item in shocks}
    for programme in programmes:
        path = ("interventions", programme.key)
        yield from _targets(path, programme, region, cells[programme.key], say)
        yield from _time(path, programme, scenario, say)
        yield from _dose(path, programme, region, say)
        for part, condition in (("when", programme.when), ("stop_when", programme.stop_when)):
            if condition is not None:
                yield from _condition((*path, part), condition, programme.start, scenario, say)
    for shock in shocks:
        yield from _targets(("shocks", shock.key), shock, region, struck[shock.key], say)
        yield from _shock(("shocks", shock.key), shock, scenario, region, say)
    months = scenario.months
    what = "may count twice: the same intervention acts on the same places in the same months"
    for label, others in _again([one for one in programmes if one.intensity > 0], _same_programme, cells, months):
        yield say(("interventions", label), what, got=f"{label} and {_some(others)}")
    what = "may count twice: the same shock hits the same places in the same week"
    for label, others in _again(shocks, _same_shock, struck, months):
        yield say(("shocks", label), what, got=f"{label} and {_some(others)}")
    yield from _capped(scenario, region, cells, say)


def _targets(
    path: KeyPath, item: Programme | Shock, region: Region, cells: NDArray[np.bool_], say: Say
) -> Iterator[Problem]:
    """Yield targets where nobody lives, and districts of a state that is listed as a whole."""
    targets = item.targets
    if int(region.cell_population[cells].sum()) == 0:
        hint = "no member of these communities is counted in these places" if targets.communities else ""
        yield say((*path, "targets"), "nobody lives there", hint=hint)
    states = dict(zip(region.districts, region.district_state, strict=True))
    again = [name for name in targets.districts if targets.states and region.states[states[name]] in targets.states]
    if again:
        what, hint = "lie in a state that is listed as a whole", "leave the state out to act on the districts only"
        yield say((*path, "targets", "districts"), what, got=_some(again), hint=hint)


def _time(path: KeyPath, item: Programme, scenario: Scenario, say: Say) -> Iterator[Problem]:
    """Yield a start or an end after the end of the run, and a length too short to be felt."""
    last = f"up to {scenario.date(scenario.months - 1)}"
    end = item.start + (item.months or 0)
    if item.start >= scenario.months:
        got = scenario.date(item.start)
        yield say((*path, "start"), "starts after the end and does nothing", got=got, allowed=last)
    elif end > scenario.months:
        hint = f"the last {end - scenario.months} months are not simulated"
        got = scenario.date(end - 1)
        yield say((*path, "months"), "ends after the horizon", got=got, allowed=last, hint=hint)
    lag = min(channel.lag_months for channel in item.entry.channels)
    if item.months is not None and item.months < lag:
        what, hint = "ends before half of any effect is reached", f"half of the effect takes {lag:g} months or more"
        yield say((*path, "months"), what, got=f"{item.months} months", hint=hint)


def _dose(path: KeyPath, item: Programme, region: Region, say: Say) -> Iterator[Problem]:
    """Yield doses beyond the full one or of nothing, and costs that do not go with the dose."""
    name, full = item.entry.dose.quantity, item.entry.dose.full
    if name is not None and item.quantity[name] > full:
        hint = "beyond it persons and cost grow, other effects do not"
        allowed = f"{full:g} is the full dose"
        yield say((*path, name), "the dose saturates", got=shown(item.quantity[name]), allowed=allowed, hint=hint)
    if item.intensity == 0 and item.meur_per_year > 0:
        yield say(path, "has a cost but intensity 0; it spends nothing")
    if name is not None and item.quantity[name] == 0 and item.intensity > 0:
        yield say((*path, name), f"0 {name.replace('_', ' ')} do nothing")
    usual = catalogue_cost(item.entry, item.targets, item.intensity, item.quantity, region)
    if usual > 0 and not usual / COST_RATIO <= item.meur_per_year <= usual * COST_RATIO:
        what, got = "is far from the catalogue's cost", written(item.meur_per_year)
        allowed = f"about {usual:.3g} million euro a year for this dose and these targets"
        yield say((*path, "meur_per_year"), what, got=got, allowed=allowed)


def _condition(path: KeyPath, condition: Condition, start: int, scenario: Scenario, say: Say) -> Iterator[Problem]:
    """Yield a condition that can never hold, or always does."""
    name, level = ("above", condition.above) if condition.above is not None else ("below", condition.below)
    assert level is not None
    bounded = condition.indicator in _BOUNDED
    if (bounded and not 0 < level < 1) or level < 0:
        high = bounded and level >= 1
        what = "can never hold" if high == (name == "above") else "always holds"
        allowed = f"{condition.indicator} lies between 0 and 1" if bounded else "outcomes are 0 or more"
        yield say((*path, name), what, got=f"{name} {level:g}", allowed=allowed)
    if start + condition.for_months > scenario.months:
        got = f"{condition.for_months} months from {scenario.date(start)}"
        yield say((*path, "for_months"), "cannot be met before the end", got=got)


def _shock(path: KeyPath, item: Shock, scenario: Scenario, region: Region, say: Say) -> Iterator[Problem]:
    """Yield shocks that hardly any run will see, that come too late, or that do nothing."""
    if item.rate is not None and item.rate * scenario.months * len(drawn_in(item, region)) < 1.2:
        got = f"{item.rate * scenario.months / 12.0:.2g} expected in a state over the run"
        yield say((*path, "rate"), "is so rare that most runs will not see it", got=got)
    if item.rate is None and item.at >= scenario.months:
        got, last = scenario.date(item.at), f"up to {scenario.date(scenario.months - 1)}"
        yield say((*path, "at"), "hits after the end and does nothing", got=got, allowed=last)
    if item.magnitude == 0:
        yield say((*path, "magnitude"), "has magnitude 0 and does nothing")
    if item.options.get("remaining") == 1:
        yield say((*path, "remaining"), "leaves the whole mission in place and does nothing")


def _some(names: list[str]) -> str:
    """Return the first few of many names."""
    rest = len(names) - MAX_SHOWN
    return ", ".join(names[:MAX_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _again(
    items: list[Any], same: Callable[[Any, Any, int], bool], cells: Cells, months: int
) -> Iterator[tuple[str, list[str]]]:
    """Yield the label of what repeats earlier items in the same places, with theirs."""
    for index, b in enumerate(items):
        others = [a.key for a in items[:index] if same(a, b, months) and np.any(cells[a.key] & cells[b.key])]
        if others:
            yield b.key, others


def _same_programme(a: Programme, b: Programme, months: int) -> bool:
    ends = [months if item.months is None else item.start + item.months for item in (a, b)]
    return a.type == b.type and max(a.start, b.start) < min(*ends, months)


def _same_shock(a: Shock, b: Shock, _: int) -> bool:
    return (a.type, a.at, a.week, a.rate, a.options) == (b.type, b.at, b.week, b.rate, b.options)


def _capped(scenario: Scenario, region: Region, cells: Cells, say: Say) -> Iterator[Problem]:
    """Yield levers that all programmes of one state together would push beyond the cap.

    Sizes are as published: a tuned scale makes up for what is not absorbed, which is not known here.
    """
    cap = scenario.parameters.get("lever_cap", PARAMETERS["lever_cap"].default)
    months = scenario.months
    sums: dict[str, NDArray[np.float64]] = {}
    for item in scenario.interventions:
        states = np.unique(region.district_state[region.cell_district[cells[item.key]]])
        end = months if item.months is None else min(months, item.start + item.months)
        saturated = (1.0 - exp(-3.0 * item.dose)) / (1.0 - exp(-3.0))
        for channel in item.entry.channels:
            kind = LEVER_BY_NAME[channel.lever].kind
            if kind in ("rate", "level", "log_odds") and channel.when in (None, "always"):
                total = sums.setdefault(channel.lever, np.zeros((region.n_states, months)))
                total[states, item.start : end] += channel.size * saturated
    for lever, total in sorted(sums.items()):
        largest = float(total.flat[np.argmax(np.abs(total))])
        if abs(largest) > cap:
            what, hint = f"together they push {lever} beyond its cap", "what is beyond the cap has no effect"
            got, allowed = f"{largest:.2f}", f"-{cap:g} to {cap:g}"
            yield say(("interventions",), what, got=got, allowed=allowed, hint=hint)
