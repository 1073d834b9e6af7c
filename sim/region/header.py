"""Read ``region.toml``, the header of a region folder."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass

from sim.errors import Problem, label, nearest, short
from sim.region.parse import PATTERNS, BadField, parse_text
from sim.region.schema import HEADER_FILE, HEADER_KEYS
from sim.region.variables import VARIABLES

_PROTECTED = re.compile(r"([A-Z][A-Z0-9]{2})/([a-z][a-z0-9_]*)")


@dataclass(frozen=True)
class Header:
    """What ``region.toml`` says."""

    key: str
    title: str
    default_year: int
    price_year: int
    small_community: int
    protected: frozenset[tuple[str, str]]
    border_factor: float
    distance_km: float
    bounds: dict[str, tuple[float, float]]
    communities: dict[str, str]
    licences: dict[str, str]


def header_problem(text: str, key: str, what: str, *, got: str = "", allowed: str = "", hint: str = "") -> Problem:
    """A problem in region.toml, placed at the line that sets the key."""
    *_, last = key.split(".")
    match = re.search(rf"^[ \t]*\[?[ \t]*\"?({re.escape(last)})\"?[ \t]*[=\]]", text, re.MULTILINE)
    if match is None:
        return Problem(what, HEADER_FILE, None, None, key, got, allowed, hint)
    start = match.start(1)
    line = text.count("\n", 0, start) + 1
    return Problem(what, HEADER_FILE, line, start - text.rfind("\n", 0, start), key, got, allowed, hint)


def read_header(text: str, problems: list[Problem]) -> Header | None:
    """Return the header, or None when it is unusable; every problem is added to ``problems``."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+), column (\d+)", str(error))
        problems.append(
            Problem(
                f"is not valid TOML: {str(error).split(' (at')[0]}",
                HEADER_FILE,
                int(place[1]) if place else None,
                int(place[2]) if place else None,
                hint='write key = value, and texts in "quotes"',
            )
        )
        return None
    except RecursionError:
        problems.append(Problem("nested too deeply", HEADER_FILE))
        return None
    before = len(problems)

    def report(key: str, what: str, **details: str) -> None:
        problems.append(header_problem(text, key, what, **details))

    for key in data:
        if key not in HEADER_KEYS:
            report(label(key), "unknown key", allowed=", ".join(HEADER_KEYS), hint=nearest(key, HEADER_KEYS))
    for key, known in HEADER_KEYS.items():
        if key not in data:
            report(key, "is missing")
        else:
            _check_header_value(key, data[key], known.kind, known.lo, known.hi, report)
    if len(problems) == before:
        bounds = _bounds(data["bounds"], report)
        protected = _protected(data["protected"], report)
        names = _texts("communities", data["communities"], report)
        licences = _texts("licences", data["licences"], report)
        for slug in names:
            if not PATTERNS["community"][0].fullmatch(slug):
                report(f"communities.{label(slug)}", "not a key", allowed=PATTERNS["community"][1])
    if len(problems) > before:
        return None
    return Header(
        data["key"],
        data["title"],
        data["default_year"],
        data["price_year"],
        data["small_community"],
        protected,
        float(data["border_factor"]),
        float(data["distance_km"]),
        bounds,
        names,
        licences,
    )


def _check_header_value(key: str, value: object, kind: str, lo: float, hi: float, report: Callable[..., None]) -> None:
    """Report a header value of the wrong kind or range."""
    got = short(value)
    if kind in ("integer", "number"):
        right = isinstance(value, int) if kind == "integer" else isinstance(value, int | float)
        if not right or isinstance(value, bool) or not lo <= value <= hi:  # type: ignore[operator]
            word = "a whole number" if kind == "integer" else "a number"
            report(key, "not usable", got=got, allowed=f"{word} from {lo:g} to {hi:g}" if lo < hi else f"{lo:g}")
    elif kind == "key":
        if not isinstance(value, str) or not PATTERNS["key"][0].fullmatch(value) or len(value) > 80:
            report(key, "not a key", got=got, allowed=PATTERNS["key"][1])
    elif kind == "text":
        _text(key, value, report)
    elif not isinstance(value, list if kind == "list" else dict):
        report(key, f"not a {kind}", got=got)


def _text(key: str, value: object, report: Callable[..., None]) -> None:
    try:
        if not isinstance(value, str):
            raise BadField("not a text")
        parse_text(value)
    except BadField as bad:
        report(key, bad.what, got=short(value), allowed=bad.allowed)


def _texts(key: str, table: dict[str, object], report: Callable[..., None]) -> dict[str, str]:
    for name, value in table.items():
        _text(f"{key}.{label(name)}", value, report)
    if not table:
        report(key, "is empty")
    return {name: str(value) for name, value in table.items()}


def _bounds(table: dict[str, object], report: Callable[..., None]) -> dict[str, tuple[float, float]]:
    bounds = {}
    for name, value in table.items():
        if name not in VARIABLES:
            report(
                f"bounds.{label(name)}",
                "unknown variable",
                allowed=", ".join(VARIABLES),
                hint=nearest(name, VARIABLES),
            )
            continue
        numbers = (
            [x for x in value if isinstance(x, int | float) and math.isfinite(x)] if isinstance(value, list) else []
        )
        if len(numbers) != 2 or len(value) != 2 or not numbers[0] < numbers[1]:  # type: ignore[arg-type]
            report(f"bounds.{name}", "not bounds", got=short(value), allowed="[lo, hi] with lo below hi")
            continue
        bounds[name] = (float(numbers[0]), float(numbers[1]))
    for name in VARIABLES:
        if name not in table:
            report(f"bounds.{name}", "is missing", hint="every state variable needs fixed bounds")
    return {name: bounds[name] for name in VARIABLES if name in bounds}


def _protected(entries: list[object], report: Callable[..., None]) -> frozenset[tuple[str, str]]:
    protected = set()
    for entry in entries:
        match = _PROTECTED.fullmatch(entry) if isinstance(entry, str) else None
        if match is None:
            report("protected", "not a group", got=short(entry), allowed="state and community such as XKX/serb")
        else:
            protected.add((match[1], match[2]))
    return frozenset(protected)
