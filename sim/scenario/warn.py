"""What is allowed but worth a second look."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp

import numpy as np
from numpy.typing import NDArray

from sim.errors import Problem
from sim.parameters import CATALOGUE as PARAMETERS
from sim.region import Region
from sim.region.slips import written
from sim.scenario.cost import catalogue_cost
from sim.scenario.places import drawn_in, target_cells
from sim.scenario.records import FIELDS, Condition, Programme, Scenario, Shock
from sim.scenario.schema import problem_at, shown
from sim.scenario.text import Node
from sim.world.levers import LEVER_BY_NAME
from sim.world.outcomes import OUTCOMES

COST_RATIO = 3.0
"""A cost that many times the catalogue's, or less than its inverse, is worth a second look."""
MAX_SHOWN = 5
Cells = dict[str, NDArray[np.bool_]]


def warn(scenario: Scenario, region: Region, root: Node) -> Iterator[Problem]:
    """Yield warnings about a resolved scenario."""
    for name, value in scenario.parameters.items():
        known = PARAMETERS[name]
        if not known.low <= value <= known.high:
            yield problem_at(
                root,
                ("parameters", name),
                "is outside its evidence range",
                got=written(value),
                allowed=f"{known.low:g} to {known.high:g} {known.unit}",
            )
    programmes = sorted(scenario.interventions, key=lambda item: item.key)
    shocks = sorted(scenario.shocks, key=lambda item: item.key)
    cells = {item.key: target_cells(region, item.targets) for item in programmes}
    struck = {item.key: target_cells(region, item.targets) for item in shocks}
    for programme in programmes:
        yield from _programme(programme, scenario, region, root, cells[programme.key])
    for shock in shocks:
        yield from _shock(shock, scenario, region, root, struck[shock.key])
    yield from _double(programmes, scenario.months, root, cells)
    yield from _twice(shocks, root, struck)
    yield from _capped(scenario, region, root, cells)


def _programme(
    item: Programme, scenario: Scenario, region: Region, root: Node, cells: NDArray[np.bool_]
) -> Iterator[Problem]:
    path = ("interventions", item.key)
    yield from _targets(path, item, region, root, cells)
    last = f"up to {scenario.date(scenario.months - 1)}"
    if item.start >= scenario.months:
        got = scenario.date(item.start)
        yield problem_at(root, (*path, "start"), "starts after the end and does nothing", got=got, allowed=last)
    elif item.months is not None and item.start + item.months > scenario.months:
        yield problem_at(
            root,
            (*path, "months"),
            "ends after the horizon",
            got=scenario.date(item.start + item.months - 1),
            allowed=last,
            hint=f"the last {item.start + item.months - scenario.months} months are not simulated",
        )
    yield from _dose(path, item, root)
    yield from _cost(path, item, region, root)
    yield from _trigger(path, item, scenario, root)


def _dose(path: tuple[str, ...], item: Programme, root: Node) -> Iterator[Problem]:
    """Yield doses beyond the full one, of nothing, or too short to be felt."""
    full = item.entry.dose
    if full.quantity is not None and item.quantity[full.quantity] > full.full:
        yield problem_at(
            root,
            (*path, full.quantity),
            "the dose saturates",
            got=shown(item.quantity[full.quantity]),
            allowed=f"{full.full:g} is the full dose",
            hint="beyond it persons and cost grow, other effects do not",
        )
    if item.intensity == 0 and item.meur_per_year > 0:
        yield problem_at(root, path, "has a cost but intensity 0; it spends nothing")
    if full.quantity is not None and item.quantity[full.quantity] == 0 and item.intensity > 0:
        yield problem_at(root, (*path, full.quantity), f"0 {full.quantity.replace('_', ' ')} do nothing")
    lag = min(channel.lag_months for channel in item.entry.channels)
    if item.months is not None and item.months < lag:
        yield problem_at(
            root,
            (*path, "months"),
            "ends before half of any effect is reached",
            got=f"{item.months} months",
            hint=f"half of the effect takes {lag:g} months or more",
        )


def _cost(path: tuple[str, ...], item: Programme, region: Region, root: Node) -> Iterator[Problem]:
    usual = catalogue_cost(item.entry, item.targets, item.intensity, item.quantity, region)
    if usual > 0 and not usual / COST_RATIO <= item.meur_per_year <= usual * COST_RATIO:
        yield problem_at(
            root,
            (*path, "meur_per_year"),
            "is far from the catalogue's cost",
            got=written(item.meur_per_year),
            allowed=f"about {usual:.3g} million euro a year for this dose and these targets",
        )


_BOUNDED = {item.name for item in OUTCOMES if item.unit == "0 to 1" or item.unit.startswith("share")} | {*FIELDS}


def _trigger(path: tuple[str, ...], item: Programme, scenario: Scenario, root: Node) -> Iterator[Problem]:
    """Yield what is odd about the conditions of a programme."""
    for part in ("when", "stop_when"):
        if getattr(item, part) is not None:
            yield from _condition((*path, part), getattr(item, part), item, scenario, root)


def _condition(
    path: tuple[str, ...], trigger: Condition, item: Programme, scenario: Scenario, root: Node
) -> Iterator[Problem]:
    """Yield a condition that can never hold, or always does."""
    name, level = ("above", trigger.above) if trigger.above is not None else ("below", trigger.below)
    if level is not None and trigger.indicator in _BOUNDED and not 0 < level < 1:
        never = (level >= 1) == (name == "above")
        got = f"{name} {level:g}"
        what = "can never hold" if never else "always holds"
        yield problem_at(root, (*path, name), what, got=got, allowed=f"{trigger.indicator} lies between 0 and 1")
    elif level is not None and level < 0:
        what = "always holds" if name == "above" else "can never hold"
        yield problem_at(root, (*path, name), what, got=f"{name} {level:g}", allowed="outcomes are 0 or more")
    if item.start + trigger.for_months > scenario.months:
        got = f"{trigger.for_months} months from {scenario.date(item.start)}"
        yield problem_at(root, (*path, "for_months"), "cannot be met before the end", got=got)


def _shock(item: Shock, scenario: Scenario, region: Region, root: Node, cells: NDArray[np.bool_]) -> Iterator[Problem]:
    path = ("shocks", item.key)
    yield from _targets(path, item, region, root, cells)
    if item.rate is not None and item.rate * scenario.months * len(drawn_in(item, region)) < 1.2:
        expected = item.rate * scenario.months / 12.0
        what = "is so rare that most runs will not see it"
        yield problem_at(root, (*path, "rate"), what, got=f"{expected:.2g} expected in a state over the run")
    if item.rate is None and item.at >= scenario.months:
        last = f"up to {scenario.date(scenario.months - 1)}"
        what = "hits after the end and does nothing"
        yield problem_at(root, (*path, "at"), what, got=scenario.date(item.at), allowed=last)
    if item.magnitude == 0:
        yield problem_at(root, (*path, "magnitude"), "has magnitude 0 and does nothing")
    if item.options.get("remaining") == 1:
        yield problem_at(root, (*path, "remaining"), "leaves the whole mission in place and does nothing")


def _targets(
    path: tuple[str, ...], item: Programme | Shock, region: Region, root: Node, cells: NDArray[np.bool_]
) -> Iterator[Problem]:
    targets = item.targets
    if int(region.cell_population[cells].sum()) == 0:
        hint = "no member of these communities is counted in these places" if targets.communities else ""
        yield problem_at(root, (*path, "targets"), "nobody lives there", hint=hint)
    if targets.states:
        inside = {
            region.districts[d]
            for d in range(region.n_districts)
            if region.states[region.district_state[d]] in targets.states
        }
        again = [district for district in targets.districts if district in inside]
        if again:
            yield problem_at(
                root,
                (*path, "targets", "districts"),
                "lie in a state that is listed as a whole",
                got=_some(again),
                hint="leave the state out to act on the districts only",
            )


def _some(names: list[str]) -> str:
    """Return the first few of many names."""
    rest = len(names) - MAX_SHOWN
    return ", ".join(names[:MAX_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _overlap(a: Programme, b: Programme, months: int) -> bool:
    ends = [item.start + item.months if item.months is not None else months for item in (a, b)]
    return max(a.start, b.start) < min(*ends, months)


def _double(programmes: list[Programme], months: int, root: Node, cells: Cells) -> Iterator[Problem]:
    """Yield programmes that repeat an earlier one: the same intervention, places and months."""
    items = [item for item in programmes if item.intensity > 0]
    for index, b in enumerate(items):
        same = [
            a.key
            for a in items[:index]
            if a.type == b.type and _overlap(a, b, months) and np.any(cells[a.key] & cells[b.key])
        ]
        if same:
            yield problem_at(
                root,
                ("interventions", b.key),
                "may count twice: the same intervention acts on the same places in the same months",
                got=f"{b.key} and {_some(same)}",
            )


def _twice(shocks: list[Shock], root: Node, cells: Cells) -> Iterator[Problem]:
    """Yield shocks that repeat an earlier one: the same type, week and places."""
    for index, b in enumerate(shocks):
        same = [
            a.key
            for a in shocks[:index]
            if (a.type, a.at, a.week, a.rate, a.options) == (b.type, b.at, b.week, b.rate, b.options)
            and np.any(cells[a.key] & cells[b.key])
        ]
        if same:
            what = "may count twice: the same shock hits the same places in the same week"
            yield problem_at(root, ("shocks", b.key), what, got=f"{b.key} and {_some(same)}")


def _capped(scenario: Scenario, region: Region, root: Node, cells: Cells) -> Iterator[Problem]:
    """Yield levers that all programmes of one state together would push beyond the cap.

    Sizes are as published: a tuned scale makes up for what is not absorbed, which is not known here.
    """
    cap = scenario.parameters.get("lever_cap", PARAMETERS["lever_cap"].default)
    months = scenario.months
    sums: dict[str, NDArray[np.float64]] = {}
    for item in scenario.interventions:
        states = np.unique(region.district_state[region.cell_district[cells[item.key]]])
        end = months if item.months is None else min(months, item.start + item.months)
        for channel in item.entry.channels:
            kind = LEVER_BY_NAME[channel.lever].kind
            if kind in ("rate", "level", "log_odds") and channel.when in (None, "always"):
                total = sums.setdefault(channel.lever, np.zeros((region.n_states, months)))
                total[states, item.start : end] += channel.size * saturation(item.dose)
    for lever, total in sorted(sums.items()):
        largest = float(total.flat[np.argmax(np.abs(total))])
        if abs(largest) > cap:
            yield problem_at(
                root,
                ("interventions",),
                f"together they push {lever} beyond its cap",
                got=f"{largest:.2f}",
                allowed=f"-{cap:g} to {cap:g}",
                hint="what is beyond the cap has no effect",
            )


def saturation(dose: float) -> float:
    """Return the share of the full effect at a dose in [0, 1]: (1 - e^(-3 x)) / (1 - e^(-3))."""
    return (1.0 - exp(-3.0 * dose)) / (1.0 - exp(-3.0))
