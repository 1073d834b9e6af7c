"""Turn one field of a table into a value: keys, numbers, months, choices, texts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from sim.region import slips
from sim.region.schema import LATEST_YEAR, STATUSES, Column
from sim.region.variables import VARIABLES

MAX_TEXT = 1000
PATTERNS = {
    "state": (re.compile(r"[A-Z][A-Z0-9]{2}"), "three capitals or digits such as BIH"),
    "district": (
        re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"),
        "ASCII letters, digits and hyphens such as BIH-banja-luka",
    ),
    "community": (re.compile(r"[a-z][a-z0-9_]*"), "lower-case letters, digits and underscores such as serb"),
    "mission": (re.compile(r"[A-Z][A-Z0-9_]*"), "capitals, digits and underscores such as KFOR"),
    "key": (re.compile(r"[a-z][a-z0-9_]*"), "lower-case letters, digits and underscores"),
}
PATTERNS["states"] = (
    re.compile(r"[A-Z][A-Z0-9]{2}(?:\+[A-Z][A-Z0-9]{2})*"),
    "three capitals or digits such as BIH, or several counted together such as SRB+XKX",
)
PATTERNS["place"] = (re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"), "a state or a district")
_INTEGER = re.compile(r"-?[0-9]{1,12}")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class BadField(ValueError):
    """A field that cannot be used: what is wrong, what is allowed, the names it may have meant, or a hint."""

    def __init__(self, what: str, allowed: str = "", names: tuple[str, ...] = (), hint: str = "") -> None:
        self.what, self.allowed, self.names, self.hint = what, allowed, names, hint
        super().__init__(what)


def parser(column: Column) -> Callable[[str], Any]:
    """Return the function that turns a field into a value or raises `BadField`; an empty field may be None."""
    parse = _parser_of_kind(column)
    return (lambda raw: parse(raw) if raw.strip() else None) if column.empty else parse


def _parser_of_kind(column: Column) -> Callable[[str], Any]:
    kind = column.kind.removeprefix("new_")
    if kind in PATTERNS:
        return _parse_key(*PATTERNS[kind])
    if kind == "integer":
        return _parse_integer(column)
    if kind == "number":
        return _parse_number(column)
    if kind == "month":
        return _parse_month
    if kind == "choice":
        return _parse_choice(column.choices)
    return {"text": parse_text, "variable": _parse_choice(tuple(VARIABLES)), "status": _parse_status}[kind]


def _parse_key(pattern: re.Pattern[str], allowed: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if len(raw) > 80 or not pattern.fullmatch(raw):
            raise BadField("not a key" if raw else "is empty", allowed)
        return raw

    return parse


def _parse_integer(column: Column) -> Callable[[str], int]:
    allowed = f"a whole number from {column.lo:,.0f} to {column.hi:,.0f}".replace(",", "" if column.hi < 1e4 else ",")

    def parse(raw: str) -> int:
        if not _INTEGER.fullmatch(raw.strip()):
            raise BadField("not a whole number" if raw.strip() else "is empty", allowed, hint=_tip(raw, whole=True))
        value = int(raw)
        if not column.lo <= value <= column.hi:
            raise BadField("out of range", allowed)
        return value

    return parse


def _parse_number(column: Column) -> Callable[[str], float]:
    allowed = "a number" if math.isinf(column.lo) else f"a number from {column.lo:g} to {column.hi:g}"

    def parse(raw: str) -> float:
        if not _NUMBER.fullmatch(raw.strip()):
            raise BadField("not a number" if raw.strip() else "is empty", allowed, hint=_tip(raw))
        value = float(raw) + 0.0
        if not math.isfinite(value) or not column.lo <= value <= column.hi:
            raise BadField("out of range", allowed)
        return value

    return parse


def _tip(raw: str, *, whole: bool = False) -> str:
    """Return a tip for text that should be a number."""
    return slips.number_hint(raw.strip(), whole=whole, share=False)


def _parse_month(raw: str) -> tuple[int, int]:
    match = _MONTH.fullmatch(raw.strip())
    if not match or int(match[1]) > LATEST_YEAR:
        what = "not a month" if raw.strip() else "is empty"
        raise BadField(what, "YYYY-MM such as 1999-06", hint=slips.date_hint(raw.strip()))
    return int(match[1]), int(match[2])


def _parse_choice(choices: tuple[str, ...]) -> Callable[[str], str]:
    known = frozenset(choices)

    def parse(raw: str) -> str:
        if raw not in known:
            raise BadField("unknown value" if raw else "is empty", ", ".join(choices), choices)
        return raw

    return parse


def _parse_status(raw: str) -> float:
    allowed = ", ".join(f"{status:g}" for status in STATUSES)
    if not _NUMBER.fullmatch(raw.strip()) or float(raw) not in STATUSES:
        raise BadField("not a power status", allowed)
    return float(raw) + 0.0


def parse_text(raw: str) -> str:
    """Return a text as it is, or raise `BadField`."""
    if not raw.strip():
        raise BadField("is empty")
    if len(raw) > MAX_TEXT:
        raise BadField("text is too long", f"at most {MAX_TEXT} characters")
    if _CONTROL.search(raw):
        raise BadField("text holds control characters")
    return raw
