"""Print a resolved scenario as a file that loads to the same scenario, with where each value came from."""

from __future__ import annotations

import json
from typing import Any

from sim.interventions import QUANTITIES
from sim.scenario.records import Programme, Scenario, Shock, Targets
from sim.scenario.schema import FORMAT

WIDTH = 60


def resolved(scenario: Scenario) -> dict[str, Any]:
    """Return the resolved scenario in the shape of a scenario file; nothing is inherited any more."""
    return {
        "format": FORMAT,
        "title": scenario.title,
        "description": scenario.description,
        "region": scenario.region,
        "start": scenario.date(0),
        "months": scenario.months,
        "institutions": scenario.institutions,
        "interventions": {
            item.key: _programme(item, scenario) for item in sorted(scenario.interventions, key=lambda item: item.key)
        },
        "shocks": {item.key: _shock(item, scenario) for item in sorted(scenario.shocks, key=lambda item: item.key)},
        "parameters": dict(scenario.parameters),
    }


def resolved_yaml(scenario: Scenario, *, explain: bool = False) -> str:
    """Return the resolved scenario as YAML; with ``explain`` every line says where its value came from."""
    lines: list[str] = []
    _write(resolved(scenario), (), scenario.origins if explain else None, lines)
    return "\n".join(lines) + "\n"


def as_yaml(content: dict[str, Any]) -> str:
    """Return content in the shape of a scenario file as YAML, line by line like `resolved_yaml`."""
    lines: list[str] = []
    _write(content, (), None, lines)
    return "\n".join(lines) + "\n"


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
        when = item.when.content()
        when["in"] = when.pop("where")
        made["when"] = {name: value for name, value in when.items() if value is not None}
    return made


def _shock(item: Shock, scenario: Scenario) -> dict[str, Any]:
    made: dict[str, Any] = {"type": item.type}
    if _targets(item.targets):
        made["targets"] = _targets(item.targets)
    return {
        **made,
        "at": scenario.date(item.at),
        "week": item.week,
        "magnitude": item.magnitude,
        **item.options,
    }


def _write(mapping: dict[str, Any], path: tuple[str, ...], origins: dict[str, str] | None, lines: list[str]) -> None:
    """Append a mapping as block YAML; scalars and lists are written as JSON, which YAML 1.2 contains."""
    indent = "  " * len(path)
    for key, value in mapping.items():
        inner = (*path, key)
        if isinstance(value, dict) and value:
            lines.append(f"{indent}{key}:")
            _write(value, inner, origins, lines)
            continue
        line = f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}"
        if origins is not None:
            line = f"{line:<{WIDTH}}  # {_origin('.'.join(inner), value, origins)}"
        lines.append(line)


def _origin(key: str, value: Any, origins: dict[str, str]) -> str:
    """Return where a value came from: a file and line, ``--set``, or the default."""
    if key in origins:
        return origins[key]
    items = sorted({origin for name, origin in origins.items() if name.startswith(f"{key}[")})
    if items:
        return ", ".join(items)
    last = key.rsplit(".", 1)[-1]
    if last in ("provider", "approval", "meur_per_year"):
        return "catalogue"
    return "default"
