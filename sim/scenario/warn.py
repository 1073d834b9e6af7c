"""What is allowed but worth a second look."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp

import numpy as np

from sim.errors import Problem
from sim.parameters import CATALOGUE as PARAMETERS
from sim.region import Region
from sim.scenario.places import target_cells
from sim.scenario.records import Programme, Scenario, Shock
from sim.scenario.schema import problem_at, shown
from sim.scenario.text import Node
from sim.world.levers import LEVER_BY_NAME


def warn(scenario: Scenario, region: Region, root: Node) -> Iterator[Problem]:
    """Yield warnings about a resolved scenario."""
    for name, value in scenario.parameters.items():
        known = PARAMETERS[name]
        if not known.low <= value <= known.high:
            yield problem_at(
                root,
                ("parameters", name),
                "is outside its evidence range",
                got=shown(value),
                allowed=f"{known.low:g} to {known.high:g} {known.unit}",
            )
    for programme in sorted(scenario.interventions, key=lambda item: item.key):
        yield from _programme(programme, scenario, region, root)
    for shock in sorted(scenario.shocks, key=lambda item: item.key):
        yield from _shock(shock, scenario, region, root)
    yield from _double(scenario, region, root)
    yield from _capped(scenario, region, root)


def _programme(item: Programme, scenario: Scenario, region: Region, root: Node) -> Iterator[Problem]:
    path = ("interventions", item.key)
    yield from _targets(path, item, region, root)
    if item.start >= scenario.months:
        yield problem_at(root, path, "starts after the end and does nothing", got=scenario.date(item.start))
    elif item.months is not None and item.start + item.months > scenario.months:
        yield problem_at(
            root,
            path,
            "ends after the horizon",
            got=scenario.date(item.start + item.months - 1),
            allowed=f"up to {scenario.date(scenario.months - 1)}",
        )
    full = item.entry.dose
    if full.quantity is not None and item.quantity[full.quantity] > full.full:
        yield problem_at(
            root,
            (*path, full.quantity),
            "the dose saturates",
            got=shown(item.quantity[full.quantity]),
            allowed=f"{full.full:g} is the full dose",
        )
    if item.intensity == 0 and item.meur_per_year > 0:
        yield problem_at(root, path, "has a cost but intensity 0; it spends nothing")


def _shock(item: Shock, scenario: Scenario, region: Region, root: Node) -> Iterator[Problem]:
    path = ("shocks", item.key)
    yield from _targets(path, item, region, root)
    if item.at >= scenario.months:
        yield problem_at(root, path, "hits after the end and does nothing", got=scenario.date(item.at))


def _targets(path: tuple[str, ...], item: Programme | Shock, region: Region, root: Node) -> Iterator[Problem]:
    targets = item.targets
    if int(region.cell_population[target_cells(region, targets)].sum()) == 0:
        yield problem_at(root, (*path, "targets"), "nobody lives there")
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
                got=", ".join(again[:5]),
                hint="leave the state out to act on the districts only",
            )


def _overlap(a: Programme, b: Programme, months: int) -> bool:
    ends = [item.start + item.months if item.months is not None else months for item in (a, b)]
    return max(a.start, b.start) < min(*ends, months)


def _double(scenario: Scenario, region: Region, root: Node) -> Iterator[Problem]:
    """Yield pairs that are the same intervention in the same places and months."""
    items = sorted((item for item in scenario.interventions if item.intensity > 0), key=lambda item: item.key)
    for index, a in enumerate(items):
        for b in items[index + 1 :]:
            if (
                a.type == b.type
                and _overlap(a, b, scenario.months)
                and np.any(target_cells(region, a.targets) & target_cells(region, b.targets))
            ):
                yield problem_at(
                    root,
                    ("interventions", b.key),
                    "may count twice: the same intervention acts on the same places in the same months",
                    got=f"{a.key} and {b.key}",
                )


def _capped(scenario: Scenario, region: Region, root: Node) -> Iterator[Problem]:
    """Yield levers that all programmes of one state together would push beyond the cap."""
    cap = scenario.parameters.get("lever_cap", PARAMETERS["lever_cap"].default)
    items = [
        (
            item,
            {
                region.states[s]
                for s in np.unique(region.district_state[region.cell_district[target_cells(region, item.targets)]])
            },
        )
        for item in scenario.interventions
    ]
    sums: dict[str, float] = {}
    for state in region.states:
        for at in sorted({item.start for item, _ in items}):
            now: dict[str, float] = {}
            for item, states in items:
                ends = scenario.months if item.months is None else item.start + item.months
                if state in states and item.start <= at < ends:
                    for channel in item.entry.channels:
                        if LEVER_BY_NAME[channel.lever].kind in (
                            "rate",
                            "level",
                            "log_odds",
                        ) and channel.when in (None, "always"):
                            size = channel.size * item.entry.scale * saturation(item.dose)
                            now[channel.lever] = now.get(channel.lever, 0.0) + size
            for lever, total in now.items():
                if abs(total) > abs(sums.get(lever, 0.0)):
                    sums[lever] = total
    for lever, total in sorted(sums.items()):
        if abs(total) > cap:
            yield problem_at(
                root,
                ("interventions",),
                f"together they push {lever} beyond its cap",
                got=f"{total:.2f}",
                allowed=f"-{cap:g} to {cap:g}",
            )


def saturation(dose: float) -> float:
    """Return the share of the full effect at a dose in [0, 1]: (1 - e^(-3 x)) / (1 - e^(-3))."""
    return (1.0 - exp(-3.0 * dose)) / (1.0 - exp(-3.0))
