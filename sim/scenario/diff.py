"""What two scenarios really differ in, after everything is resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from sim.parameters import CATALOGUE as PARAMETERS
from sim.region import find_region, load_region
from sim.scenario.explain import origin_of, resolved
from sim.scenario.fields import unit_of
from sim.scenario.records import Programme, Scenario, Shock, canonical

Item = Programme | Shock
Pair = tuple[Item | None, Item | None]
Tree = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """One value of a difference, and where it came from; ``value`` None: not set, or nothing there (no origin)."""

    value: Any = None
    origin: str = ""


@dataclass(frozen=True)
class Difference:
    """One key that differs, with its unit (empty for names).

    A programme or shock that stands on one side alone is one difference, whose value is a mapping. Two under different
    labels share a key such as ``interventions.police/officers.intensity``.
    """

    key: str
    unit: str
    a: Side
    b: Side


@dataclass(frozen=True)
class Differences:
    """All that differs: ``same`` if both are the same simulation, ``found`` what changes it, ``words`` what does not.

    Without differences two scenarios may still not be the same: one writes out what the other leaves at its default.
    """

    same: bool
    found: tuple[Difference, ...]
    words: tuple[Difference, ...]


def differences(a: Scenario, b: Scenario) -> Differences:
    """Compare two resolved scenarios.

    Programmes and shocks are compared by what they do: labels and order do not count. What is not alike is compared
    key by key with what has the same label, else with the only one of the same type; the rest stands alone.

    Raises
    ------
    RegionError
        If the region of either cannot be read any more.
    """
    trees = resolved(a), resolved(b)
    alike = _same_region(a, b)
    found = [] if alike else [_difference("region", a, b, a.region, b.region)]
    found += _flat(trees, ("start", "months", "institutions", "effects"), a, b)
    for section in ("define", "budgets"):
        found += _section(section, trees, a, b)
    for section in ("interventions", "shocks"):
        for one, other in _pairs(getattr(a, section), getattr(b, section), trees, section):
            found += _item(section, one, other, trees, a, b)
    found += _section("theories", trees, a, b)
    for name in sorted({*a.parameters, *b.parameters}):
        default = PARAMETERS[name].default
        values = a.parameters.get(name, default), b.parameters.get(name, default)
        if values[0] != values[1]:
            found.append(_difference(f"parameters.{name}", a, b, *values))
    same = alike and a.content_hash() == b.content_hash()
    return Differences(same, tuple(found), tuple(_flat(trees, ("title", "description"), a, b)))


def _same_region(a: Scenario, b: Scenario) -> bool:
    """Tell whether two scenarios have the same region: a folder's name, and all its tables."""
    if a.region == b.region:
        return True
    tables = [load_region(find_region(item.region), item.start_year).sha256 for item in (a, b)]
    return PurePath(a.region).name == PurePath(b.region).name and tables[0] == tables[1]


def _difference(key: str, a: Scenario, b: Scenario, one: Any, other: Any) -> Difference:
    return Difference(key, unit_of(key), Side(one, origin_of(a, key).text), Side(other, origin_of(b, key).text))


def _flat(trees: tuple[Tree, Tree], keys: tuple[str, ...], a: Scenario, b: Scenario) -> list[Difference]:
    return [_difference(key, a, b, *(tree[key] for tree in trees)) for key in keys if trees[0][key] != trees[1][key]]


def _section(section: str, trees: tuple[Tree, Tree], a: Scenario, b: Scenario) -> list[Difference]:
    """Return the differences of definitions, budgets or theories, value by value; nothing where one has none."""
    sides = [dict(_leaves(tree.get(section, {}), f"{section}.")) for tree in trees]
    return [
        _difference(key, a, b, *(side.get(key) for side in sides))
        for key in dict.fromkeys((*sides[0], *sides[1]))
        if sides[0].get(key) != sides[1].get(key)
    ]


def _pairs(ones: tuple[Item, ...], others: tuple[Item, ...], trees: tuple[Tree, Tree], section: str) -> Iterator[Pair]:
    """Yield what belongs together and is not alike, then what stands alone."""
    left, right = (sorted(items, key=lambda item: item.key) for items in (ones, others))
    written = [
        {item.key: canonical(tree[section][item.key]) for item in items}
        for tree, items in zip(trees, (left, right), strict=True)
    ]
    for alike in (
        lambda one, other: written[0][one.key] == written[1][other.key],
        lambda one, other: canonical(one.content()) == canonical(other.content()),
    ):
        for one, other in _matched(left, right, alike):
            left.remove(one)
            right.remove(other)
    types = [[item.type for item in items] for items in (left, right)]
    for close in (
        lambda one, other: one.key == other.key,
        lambda one, other: one.type == other.type and all(found.count(one.type) == 1 for found in types),
    ):
        for one, other in _matched(left, right, close):
            left.remove(one)
            right.remove(other)
            yield one, other
    yield from ((one, None) for one in left)
    yield from ((None, other) for other in right)


def _matched(left: list[Item], right: list[Item], fits: Callable[[Item, Item], bool]) -> list[tuple[Item, Item]]:
    """Pair items off, first come first served."""
    free, found = list(right), []
    for one in left:
        other = next((item for item in free if fits(one, item)), None)
        if other is not None:
            free.remove(other)
            found.append((one, other))
    return found


def _item(
    section: str, one: Item | None, other: Item | None, trees: tuple[Tree, Tree], a: Scenario, b: Scenario
) -> list[Difference]:
    """Return the differences of a pair key by key, or one for an item that stands alone."""
    sides = [
        {} if item is None else dict(_leaves(tree[section][item.key]))
        for item, tree in zip((one, other), trees, strict=True)
    ]
    if one is None or other is None:
        item = one or other
        assert item is not None
        whole = {"name": item.entry.name, **trees[0 if one else 1][section][item.key]}
        origin = origin_of(a if one else b, f"{section}.{item.key}.type").text
        told = (Side(whole, origin), Side()) if one else (Side(), Side(whole, origin))
        return [Difference(f"{section}.{item.key}", "", *told)]
    label = one.key if one.key == other.key else f"{one.key}/{other.key}"
    return [
        Difference(
            f"{section}.{label}.{key}",
            unit_of(f"{section}.{label}.{key}"),
            *(
                Side(side[key], origin_of(scenario, f"{section}.{item.key}.{key}").text)
                if key in side
                else Side(None, "default")
                for side, item, scenario in zip(sides, (one, other), (a, b), strict=True)
            ),
        )
        for key in dict.fromkeys((*sides[0], *sides[1]))
        if sides[0].get(key) != sides[1].get(key)
    ]


def _leaves(tree: Tree, path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from _leaves({f"{key}[{place}]": item for place, item in enumerate(value)}, path)
        else:
            yield f"{path}{key}", value
