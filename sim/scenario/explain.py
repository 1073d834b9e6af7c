"""A resolved scenario in words and files: as YAML that loads to the same scenario, with where each value came from;
what two scenarios differ in; and the files of a new study.
"""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from sim.errors import InputError, Problem
from sim.interventions import QUANTITIES, CatalogueEntry
from sim.parameters import CATALOGUE as PARAMETERS
from sim.parameters.theories import stances
from sim.region import find_region, load_region
from sim.region.files import shipped_root, shipped_studies
from sim.scenario.records import Condition, Programme, Scenario, Shock, Targets, canonical
from sim.scenario.schema import FORMAT, unit_of
from sim.scenario.text import scalar

WIDTH = 80
CLOSE = 48
Line = tuple[str, str, str]
"""A line of a file, and the two parts of the comment beside it: where the value came from, and what it is."""
_BARE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?: [A-Za-z0-9_.-]+)*\Z")
_FROM_CATALOGUE = ("provider", "approval", "meur_per_year")


@dataclass(frozen=True)
class Origin:
    """Where a value came from: a file and line or ``--set`` (``written``), or ``catalogue`` or ``default``."""

    text: str
    written: bool


def origin_of(scenario: Scenario, key: str) -> Origin:
    """Return where the value at a dotted key of a resolved scenario came from."""
    if key in scenario.origins:
        return Origin(scenario.origins[key], True)
    items = dict.fromkeys(origin for name, origin in scenario.origins.items() if name.startswith(f"{key}["))
    if items:
        return Origin(", ".join(items), True)
    section, *label, last = ["", *key.split(".")][-3:]
    if section == "interventions" and last in _FROM_CATALOGUE:
        own = any([item.key] == label and item.own for item in scenario.interventions)
        return Origin("define" if own else "catalogue", False)
    return Origin("default", False)


def resolved(scenario: Scenario) -> dict[str, Any]:
    """Return the resolved scenario in the shape of a scenario file; nothing is inherited any more."""
    own = {item.type: item.entry for item in scenario.interventions if item.own}
    budgets = {one.key: {"meur_per_year": one.meur_per_year, "members": list(one.members)} for one in scenario.budgets}
    optional = {
        "define": {key: _definition(own[key]) for key in sorted(own)},
        "budgets": budgets,
        "theories": dict(scenario.theories),
    }
    return {
        "format": FORMAT,
        "title": scenario.title,
        "description": scenario.description,
        "region": scenario.region,
        "start": scenario.date(0),
        "months": scenario.months,
        "institutions": scenario.institutions,
        "effects": scenario.effects,
        **{name: content for name, content in optional.items() if content},
        "interventions": {
            item.key: _programme(item, scenario) for item in sorted(scenario.interventions, key=lambda item: item.key)
        },
        "shocks": {item.key: _shock(item, scenario) for item in sorted(scenario.shocks, key=lambda item: item.key)},
        "parameters": {
            name: value for name, value in scenario.parameters.items() if stances(scenario.theories).get(name) != value
        },
    }


def resolved_yaml(scenario: Scenario, *, explain: bool = False, evidence: bool = False) -> str:
    """Return the resolved scenario as YAML that loads to the same scenario.

    Parameters
    ----------
    scenario : Scenario
        Resolved.
    explain : bool
        Say beside every value where it came from, and its unit.
    evidence : bool
        With ``explain``: also what each programme, shock and parameter rests on, and the parameters that are
        not set, as comments.
    """
    if not explain:
        return as_yaml(resolved(scenario))
    legend = [
        f"# {scenario.key}, as it runs; this text loads as a scenario of its own. Beside each value stands what set it:",
        "# a file and line, --set, the catalogue of interventions, or default: what holds unless it is set.",
    ]
    made = [*legend, *_aligned([*_lines(resolved(scenario), (), scenario)])]
    if evidence:
        made += [*_evidence(scenario), *_defaults(scenario)]
    return "".join(f"{line}\n" for line in made)


def as_yaml(content: dict[str, Any]) -> str:
    """Return content in the shape of a scenario file as YAML, line by line like `resolved_yaml`."""
    return "".join(f"{text}\n" for text, _, _ in _lines(content, (), None))


def _definition(entry: CatalogueEntry) -> dict[str, Any]:
    content = entry.model_dump(mode="json", exclude_none=True, exclude={"row", "key", "family"})
    return {name: value for name, value in content.items() if value not in ([], "")}


def _targets(targets: Targets) -> dict[str, Any] | None:
    return {name: keys for name, keys in targets.content().items() if keys} or None


def _programme(item: Programme, scenario: Scenario) -> dict[str, Any]:
    made = {
        "type": item.type,
        "provider": item.provider,
        "targets": _targets(item.targets),
        "start": scenario.date(item.start),
        "months": item.months,
        "intensity": item.intensity,
        **{name: item.quantity.get(name) for name in QUANTITIES},
        "meur_per_year": item.meur_per_year,
        "approval": item.approval,
        "when": None if item.when is None else _condition(item.when),
        "stop_when": None if item.stop_when is None else _condition(item.stop_when),
    }
    return {name: value for name, value in made.items() if value is not None}


def _condition(item: Condition) -> dict[str, Any]:
    """Return a condition as a file would say it, without what it leaves open."""
    made = item.content()
    made["in"] = made.pop("where")
    if "until" in made:
        made["until_below" if item.above is not None else "until_above"] = made.pop("until")
    return {name: value for name, value in made.items() if value is not None}


def _shock(item: Shock, scenario: Scenario) -> dict[str, Any]:
    dated = {"at": scenario.date(item.at), "week": item.week}
    made = {
        "type": item.type,
        "targets": _targets(item.targets),
        **(dated if item.rate is None else {"rate": item.rate}),
        "magnitude": item.magnitude,
        **item.options,
    }
    return {name: value for name, value in made.items() if value is not None}


def _lines(mapping: dict[str, Any], path: tuple[str, ...], told: Scenario | None) -> Iterator[Line]:
    """Yield a mapping as block YAML; with a scenario, comments beside its values."""
    indent = "  " * len(path)
    for key, value in mapping.items():
        inner = (*path, key)
        if isinstance(value, dict) and value:
            yield f"{indent}{key}:", "", _name(inner, told)
            yield from _lines(value, inner, told)
            continue
        first, *more = _value(value, f"{indent}{key}: ", indent)
        yield (first, *(_comment(".".join(inner), value, told) if told is not None else ("", "")))
        yield from ((line, "", "") for line in more)


def _value(value: Any, start: str, indent: str) -> list[str]:
    """Return the lines of a key and its value; long lists and plain long texts are folded."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        pairs = (", ".join(f"{key}: {_scalar(inner)}" for key, inner in item.items()) for item in value)
        return [start.rstrip(), *(f"{indent}  - {{{text}}}" for text in pairs)]
    if isinstance(value, list):
        text = f"[{', '.join(_scalar(item) for item in value)}]"
    else:
        text = _scalar(value)
    if len(start) + len(text) <= WIDTH:
        return [start + text]
    if isinstance(value, list):
        return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=f"{indent}  ", **_WHOLE)
    if isinstance(value, str) and value == " ".join(value.split()) and value.isprintable():
        inner = f"{indent}  "
        return [f"{start}>-", *textwrap.wrap(value, WIDTH, initial_indent=inner, subsequent_indent=inner, **_WHOLE)]
    return [start + text]


_WHOLE: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def _scalar(value: Any) -> str:
    """Return a scalar: a plain word where YAML reads it back as that very text, else JSON, which YAML contains."""
    if isinstance(value, str) and _BARE.match(value) and _reads_as_text(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _reads_as_text(value: str) -> bool:
    try:
        return bool(scalar(value) == value)
    except ValueError:
        return False


def _aligned(lines: Sequence[Line]) -> list[str]:
    """Put comments below each other, in two columns; a long line pushes its own comment out."""
    told = [line for line in lines if any(line[1:]) and len(line[0]) <= CLOSE]
    widths = [max((len(line[part]) for line in told), default=0) for part in (0, 1)]
    made = []
    for text, origin, note in lines:
        comment = f"{origin:<{widths[1]}}  {note}" if origin else note
        made.append(f"{text:<{widths[0]}}  # {comment}".rstrip() if origin or note else text)
    return made


def _name(path: tuple[str, ...], told: Scenario | None) -> str:
    """Return what a programme or shock is called, for the line of its label."""
    if told is None or len(path) != 2 or path[0] not in ("interventions", "shocks"):
        return ""
    return next((item.entry.name for item in getattr(told, path[0]) if item.key == path[1]), "")


def _comment(key: str, value: Any, told: Scenario) -> tuple[str, str]:
    """Return where a value came from, and its unit."""
    origin, unit = origin_of(told, key), unit_of(key)
    section, _, name = key.partition(".")
    if section == "parameters" and name:
        known = PARAMETERS[name]
        return origin.text, f"{unit}; default {known.default:g}, plausible {known.low:g} to {known.high:g}"
    if section == "theories" and name:
        sets = stances({name: value})
        return origin.text, f"sets {', '.join(f'{one} {to:g}' for one, to in sets.items())}" if sets else ""
    if name.endswith(".meur_per_year") and not origin.written:
        return origin.text, f"{unit}, for this dose and these targets"
    return origin.text, "" if unit in ("month", key.rsplit(".", 1)[-1]) else unit


def _evidence(scenario: Scenario) -> list[str]:
    """Say what each programme, shock and parameter that is set rests on."""
    lines = [
        (f"# {item.key}", item.entry.evidence, f"{item.entry.status}; cost: {item.entry.cost.basis}")
        for item in sorted(scenario.interventions, key=lambda item: item.key)
    ]
    lines += [(f"# {item.key}", item.entry.evidence, "") for item in sorted(scenario.shocks, key=lambda item: item.key)]
    lines += [(f"# {name}", PARAMETERS[name].source, "") for name in scenario.parameters]
    return ["#", "# What it rests on (rows of docs/evidence.md):", *_aligned(lines)] if lines else []


def _defaults(scenario: Scenario) -> list[str]:
    """List the parameters that are not set, as comments."""
    lines = [
        (f"# {item.name}: {item.default:g}", item.source, f"{item.unit}; plausible {item.low:g} to {item.high:g}")
        for item in PARAMETERS.values()
        if item.name not in scenario.parameters
    ]
    return ["#", f"# The other {len(lines)} parameters, at their defaults:", *_aligned(lines)]


# Differences --------------------------------------------------------------------------------------------------------

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


# A new study -----------------------------------------------------------------------------------------------------------

_STUDY = Path(__file__).parent / "study"
_STUDY_FILES = ("README.md", "baseline.yaml", "measure.yaml", "measure_and_shock.yaml")
"""The files of a new study, the first to be read first."""


def new_study(folder: str | Path) -> list[Path]:
    """Write a small study into a new or empty folder: a page that says what to run, and commented scenarios.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        If the folder holds anything already.
    """
    folder = _empty(Path(folder))
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copyfile(_STUDY / name, folder / name)) for name in _STUDY_FILES]


def copy_examples(folder: str | Path) -> list[Path]:
    """Copy the shipped scenarios, regions and experiments into a new or empty folder.

    Returns
    -------
    list of Path
        What stands in the folder afterwards: scenario files and the folders of regions and experiments.

    Raises
    ------
    InputError
        If the folder holds anything already.
    """
    folder = _empty(Path(folder))
    for source, target in ((shipped_root(), folder), (shipped_studies(), folder / "experiments")):
        ignored = shutil.ignore_patterns("__pycache__", ".*", "*.tmp")
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignored)
    return sorted(folder.iterdir())


def _empty(folder: Path) -> Path:
    """Return the folder if nothing would be overwritten in it."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(Problem("is not a folder", file=str(folder)))
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(Problem("is not empty", file=str(folder), allowed="a new or an empty folder"))
    return folder
