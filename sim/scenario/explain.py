"""Print a resolved scenario as a file that loads to the same scenario, with where each value came from."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sim.interventions import QUANTITIES
from sim.parameters import CATALOGUE as PARAMETERS
from sim.parameters.theories import stances
from sim.scenario.fields import unit_of
from sim.scenario.own import defined
from sim.scenario.records import Condition, Programme, Scenario, Shock, Targets
from sim.scenario.schema import FORMAT
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
    budgets = {one.key: {"meur_per_year": one.meur_per_year, "members": list(one.members)} for one in scenario.budgets}
    optional = {"define": defined(scenario), "budgets": budgets, "theories": dict(scenario.theories)}
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
    lines: list[Line] = []
    _write(resolved(scenario), (), scenario, lines)
    made = [*_legend(scenario), *_aligned(lines)]
    if evidence:
        made += [*_evidence(scenario), *_defaults(scenario)]
    return "".join(f"{line}\n" for line in made)


def as_yaml(content: dict[str, Any]) -> str:
    """Return content in the shape of a scenario file as YAML, line by line like `resolved_yaml`."""
    lines: list[Line] = []
    _write(content, (), None, lines)
    return "".join(f"{text}\n" for text, _, _ in lines)


def _targets(targets: Targets) -> dict[str, Any]:
    return {name: keys for name, keys in targets.content().items() if keys}


def _programme(item: Programme, scenario: Scenario) -> dict[str, Any]:
    made: dict[str, Any] = {"type": item.type, "provider": item.provider}
    if _targets(item.targets):
        made["targets"] = _targets(item.targets)
    made["start"] = scenario.date(item.start)
    if item.months is not None:
        made["months"] = item.months
    made["intensity"] = item.intensity
    made |= {name: item.quantity[name] for name in QUANTITIES if name in item.quantity}
    made |= {"meur_per_year": item.meur_per_year, "approval": item.approval}
    if item.when is not None:
        made["when"] = _condition(item.when)
    if item.stop_when is not None:
        made["stop_when"] = _condition(item.stop_when)
    return made


def _condition(item: Condition) -> dict[str, Any]:
    """Return a condition as a file would say it, without what it leaves open."""
    made = item.content()
    made["in"] = made.pop("where")
    if "until" in made:
        made["until_below" if item.above is not None else "until_above"] = made.pop("until")
    return {name: value for name, value in made.items() if value is not None}


def _shock(item: Shock, scenario: Scenario) -> dict[str, Any]:
    made: dict[str, Any] = {"type": item.type}
    if _targets(item.targets):
        made["targets"] = _targets(item.targets)
    dated = {"at": scenario.date(item.at), "week": item.week}
    return {
        **made,
        **({"rate": item.rate} if item.rate is not None else dated),
        "magnitude": item.magnitude,
        **item.options,
    }


def _write(mapping: dict[str, Any], path: tuple[str, ...], told: Scenario | None, lines: list[Line]) -> None:
    """Append a mapping as block YAML."""
    indent = "  " * len(path)
    for key, value in mapping.items():
        inner = (*path, key)
        if isinstance(value, dict) and value:
            lines.append((f"{indent}{key}:", "", _name(inner, told)))
            _write(value, inner, told, lines)
            continue
        first, *more = _value(value, f"{indent}{key}: ", indent)
        lines.append((first, *(_comment(".".join(inner), value, told) if told is not None else ("", ""))))
        lines += [(line, "", "") for line in more]


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


def _legend(scenario: Scenario) -> list[str]:
    return [
        f"# {scenario.key}, as it runs; this text loads as a scenario of its own. Beside each value stands what set it:",
        "# a file and line, --set, the catalogue of interventions, or default: what holds when nobody sets it.",
    ]


def _name(path: tuple[str, ...], told: Scenario | None) -> str:
    """Return what a programme or shock is called, for the line of its label."""
    if told is None or len(path) != 2 or path[0] not in ("interventions", "shocks"):
        return ""
    items: tuple[Programme | Shock, ...] = told.interventions if path[0] == "interventions" else told.shocks
    return next((item.entry.name for item in items if item.key == path[1]), "")


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
