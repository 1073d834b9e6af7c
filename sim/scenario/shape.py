"""Check the shape of a file, and turn what pydantic finds into problems a user can act on."""

from __future__ import annotations

import re
import types
from contextvars import ContextVar
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError

from sim.errors import Problem, nearest
from sim.parameters import CATALOGUE as PARAMETERS
from sim.region import slips
from sim.scenario.fields import unit_of
from sim.scenario.names import type_hint
from sim.scenario.schema import DATE_RULE, FORMAT, KEY_RULE, MAX_RATE, ScenarioFile, dotted, problem_at, shown
from sim.scenario.text import Node
from sim.world.levers import LEVER_BY_NAME

MAX_PROBLEMS = 200
"""Of one file; a file with more is not read on."""


_checked: ContextVar[type[BaseModel]] = ContextVar("checked", default=ScenarioFile)
"""The schema that is checked now: what every message below looks names and limits up in."""


def check_shape(root: Node, model: type[BaseModel] = ScenarioFile) -> tuple[list[Problem], list[tuple[Any, ...]]]:
    """Check a tree against a file schema; return every violation, and the paths of what is bad."""
    before = _checked.set(model)
    try:
        model.model_validate(root.plain())
    except ValidationError as error:
        found = error.errors(include_url=False)
        return [_problem(root, item) for item in found[:MAX_PROBLEMS]], [_path(item) for item in found]
    finally:
        _checked.reset(before)
    return [], []


def _path(item: Any) -> tuple[Any, ...]:
    """Return where an error is; pydantic adds ``[key]`` to the path of a key that is not usable."""
    return tuple(item["loc"][:-1] if _is_bad_key(item) else item["loc"])


def _is_bad_key(item: Any) -> bool:
    return len(item["loc"]) > 1 and item["loc"][-1] == "[key]" and item["type"] != "extra_forbidden"


_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "finite_number": "a finite number",
}
_LIMITS = ("greater_than_equal", "less_than_equal", "greater_than", "less_than")


def _problem(root: Node, item: Any) -> Problem:
    """Translate one pydantic error."""
    path, kind, value = _path(item), item["type"], item["input"]
    on_key = kind == "extra_forbidden" or _is_bad_key(item)
    if kind == "extra_forbidden":
        what, said = "unknown key", _unknown(path)
    elif on_key and kind in ("string_pattern_mismatch", "string_type"):
        slug = slips.slug(str(path[-1]))
        what, said = "is not usable as a name", {"allowed": KEY_RULE, "hint": f"write {slug}" if slug else ""}
    else:
        what, said = _bad_value(path, kind, value, item)
        if kind != "missing":
            said["got"] = shown(value)
    return problem_at(root, path, what, on_key=on_key, **said)


def _unknown(path: tuple[Any, ...]) -> dict[str, str]:
    """Say which keys there are, and the likely one or the place where this one belongs."""
    names, key = _names(path[:-1]), str(path[-1])
    meant = slips.synonym(key, names) or next((name for name in names if name.startswith(f"{key}_")), "")
    hint = f"did you mean {meant!r}?" if meant else ""
    if key in slips.COMMAND_OPTIONS and len(path) == 1:
        hint = f"not part of a scenario: give --{key} to run or compare"
    elif key.casefold() in ("end", "until", "stop") and "months" in names:
        hint = "write the length instead: months"
    elif not meant:
        hint = _belongs(path[:-1], key, names) or nearest(key, names)
    return {"allowed": ", ".join(names), "hint": hint}


def _belongs(path: tuple[Any, ...], key: str, names: list[str]) -> str:
    """Say where a key belongs that is right elsewhere."""
    if key in PARAMETERS:
        return "it belongs under parameters, on the first level of the file"
    for name in names:
        if key in _names((*path, name)):
            return f"it belongs under {name}"
        if not path and key in _names((name, "any")):
            return f"it belongs to one of the {name}, inside its braces or below its name"
    return "it belongs on the first level of the file" if path and key in _names(()) else ""


def meant(problem: Problem) -> str:
    """Return the dotted key an unknown key most likely stood for, or nothing."""
    guess = re.fullmatch(r"did you mean '([a-z_]+)'\?", problem.hint)
    if problem.what != "unknown key" or guess is None:
        return ""
    parent, dot, _ = problem.key.rpartition(".")
    return f"{parent}{dot}{guess[1]}"


def _bad_value(path: tuple[Any, ...], kind: str, value: Any, item: Any) -> tuple[str, dict[str, str]]:
    """Say what is wrong with a value, what is allowed, and how to mend it."""
    field = str(path[-1]) if path else ""
    if kind in _TYPES and _is_date(path):
        return "is not a month", {"allowed": DATE_RULE, "hint": slips.date_hint(value)}
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}", {"allowed": _range(path), "hint": _type_hint(path, kind, value)}
    if kind == "literal_error":
        options = [str(option) for option in _options(path)]
        hint = nearest(str(value), options) if not isinstance(value, list | dict) else slips.text_hint(value)
        return "is not one of the allowed values", {"allowed": ", ".join(options), "hint": hint}
    if kind == "missing":
        return "is missing", {"allowed": _range(path)}
    if kind == "string_pattern_mismatch" and field == "evidence":
        return "names no rows of the evidence", {"allowed": "assumption, or rows such as P11d, S6"}
    if kind == "string_pattern_mismatch":
        return "is not a month", {"allowed": DATE_RULE, "hint": slips.date_hint(value)}
    if kind in _LIMITS:
        hint = slips.range_hint(value, share=_is_share(path), field=field)
        return "is out of range", {"allowed": _range(path), "hint": hint}
    if kind in ("too_long", "string_too_long"):
        unit = "characters" if kind.startswith("string") else "items"
        return "is too long", {"allowed": f"at most {item['ctx']['max_length']} {unit}"}
    if kind == "string_too_short":
        return "is empty", {"allowed": "a text, or leave the key out"}
    if kind == "value_error" and field == "lever":
        allowed = f"one of {len(LEVER_BY_NAME)}: see docs/interventions.md, or stabsim schema scenario"
        return "no lever is called that", {"allowed": allowed, "hint": nearest(str(value), LEVER_BY_NAME)}
    if kind == "value_error" and field == "rate":
        allowed = f"0 to {_number(MAX_RATE)} a year, or catalogue"
        hint = ""
        if isinstance(value, str):
            hint = nearest(value, ["catalogue"]) or slips.number_hint(value, whole=False, share=False, months=False)
        return str(item["ctx"]["error"]), {"allowed": allowed, "hint": hint}
    if kind == "value_error":
        return str(item["ctx"]["error"]), {"allowed": str(FORMAT)} if field == "format" else {}
    return item["msg"], {}


def _type_hint(path: tuple[Any, ...], kind: str, value: Any) -> str:
    """Return a tip for a value of the wrong type."""
    if kind.startswith(("int", "float")):
        months = str(path[-1]) in ("months", "for_months")
        return slips.number_hint(value, whole=kind.startswith("int"), share=_is_share(path), months=months)
    if kind == "string_type":
        return _text_hint(path, value)
    if kind == "list_type":
        return _list_hint(path, value)
    return _mapping_hint(path, value)


_ONE_ONLY = {
    "type": "one type each: write the second one below a name of its own",
    "extends": "one parent only; a parent may itself extend another",
    "region": "one region only; a region may hold many states",
}


def _text_hint(path: tuple[Any, ...], value: Any) -> str:
    if path[-1] == "type" and isinstance(value, int) and path[0] == "interventions":
        return type_hint(str(value), "intervention")
    if isinstance(value, list) and len(value) > 1 and path[-1] in _ONE_ONLY:
        return _ONE_ONLY[path[-1]]
    return slips.text_hint(value)


def _list_hint(path: tuple[Any, ...], value: Any) -> str:
    if not isinstance(value, str):
        return ""
    if value.casefold() in ("all", "any", "*", "everyone", "everywhere"):
        return f"for all, leave {path[-1]} out"
    return f"write [{', '.join(value.replace(',', ' ').split())}]" if len(value) <= 60 else ""


_LINES = {
    "interventions": "name: {type: ...}",
    "shocks": "name: {type: ...}",
    "parameters": "b_peer: 2.5",
    "packages": "name: {interventions: {a: {type: ...}}}",
    "budgets": "name: {meur_per_year: 50, members: [a, b]}",
    "define": "a_type: {name: ..., channels: [...]}",
    "theories": "arrest: floor",
}
"""What one line of each section looks like."""


def _mapping_hint(path: tuple[Any, ...], value: Any) -> str:
    """Return a tip for a value where keys and values are wanted."""
    last = path[-1] if path else ""
    if last in _LINES and len(path) == 1:
        line = _LINES[last]
        return f"below it, one line each without a dash: {line}"
    if last == "targets":
        names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        codes = ", ".join(str(name) for name in names[:8] if isinstance(name, str))
        return f"write {{states: [{codes}]}}" if codes and len(codes) <= 60 else ""
    if last in ("when", "stop_when"):
        return "write {indicator: tension, above: 0.5}"
    if len(path) == 2 and path[0] not in ("interventions", "shocks"):
        _, _, example = _LINES.get(path[0], "").partition(" ")
        return f"such as {example}" if example else ""
    if len(path) == 2:
        kind = (
            value if isinstance(value, str) and len(value) <= 60 else "I2" if path[0] == "interventions" else "rumour"
        )
        return f"such as {{type: {kind}}}"
    return ""


def _is_share(path: tuple[Any, ...]) -> bool:
    """Say whether a number lies between 0 and 1 by nature."""
    return _bounds(path) == (0, 1)


def _is_date(path: tuple[Any, ...]) -> bool:
    return path[-1:] in (("start",), ("at",))


def _inner(annotation: Any) -> Any:
    """Return the type inside Optional and Annotated."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
        else:
            return annotation


def field_at(path: tuple[Any, ...]) -> tuple[Any, list[Any]]:
    """Return the declared type (None: no such key) and the constraints at a path of the file schema."""
    kind: Any = _checked.get()
    limits: list[Any] = []
    for part in path:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = next((f for n, f in kind.model_fields.items() if part in (n, f.alias)), None)
            if field is None:
                return None, []
            kind, limits = _inner(field.annotation), list(field.metadata)
        elif get_origin(kind) in (dict, list):
            kind, limits = _inner(get_args(kind)[-1]), []
    return kind, limits


def _names(path: tuple[Any, ...]) -> list[str]:
    kind, _ = field_at(path)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [field.alias or name for name, field in kind.model_fields.items()]
    return []


def _options(path: tuple[Any, ...]) -> tuple[Any, ...]:
    kind, _ = field_at(path)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _bounds(path: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return the least and the largest number allowed at a path, None where there is no limit."""
    if len(path) == 2 and path[0] == "parameters" and path[1] in PARAMETERS:
        known = PARAMETERS[path[1]]
        return known.hard_low, known.hard_high
    low = high = None
    for limit in field_at(path)[1]:
        low = limit.ge if isinstance(limit, Ge) else limit.gt if isinstance(limit, Gt) else low
        high = limit.le if isinstance(limit, Le) else limit.lt if isinstance(limit, Lt) else high
    return low, high


def _range(path: tuple[Any, ...]) -> str:
    """Return what a value at a path may be, as text."""
    low, high = _bounds(path)
    if low is None and high is None:
        return ""
    above = any(isinstance(limit, Gt) for limit in field_at(path)[1])
    least = f"above {_number(low)}" if above else f"{_number(low)} or more"
    span = f"{_number(low)} to {_number(high)}" if high is not None else least
    unit = unit_of(dotted(path))
    return f"{span}, {unit}" if " " in unit else f"{span} {unit}".rstrip()


def _number(value: float) -> str:
    return slips.written(value) if abs(value) < 1e6 else f"{value:g}"
