"""Read the tables of a region folder; every problem carries its file, line and column."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import math
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.errors import Problem
from sim.region import slips
from sim.region.files import read_text
from sim.region.schema import HEADER_FILE, HEADER_KEYS, LATEST_YEAR, STATUSES, TABLES, Column, Schema
from sim.region.variables import VARIABLES

MAX_TEXT = 1000
_SEPARATORS = {";": "semicolons", "\t": "tabs"}
MAX_PROBLEMS = 200
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
_PROTECTED = re.compile(r"([A-Z][A-Z0-9]{2})/([a-z][a-z0-9_]*)")


class _Bad(ValueError):
    """A field that cannot be used: what is wrong, what is allowed, the names it may have meant, or a hint."""

    def __init__(self, what: str, allowed: str = "", names: tuple[str, ...] = (), hint: str = "") -> None:
        self.what, self.allowed, self.names, self.hint = what, allowed, names, hint
        super().__init__(what)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint "did you mean ...?" for a name, or nothing when none is close."""
    table = {candidate.casefold(): candidate for candidate in sorted(known)}
    close = difflib.get_close_matches(name.casefold(), list(table), n=1, cutoff=0.6)
    return f"did you mean {table[close[0]]!r}?" if close else ""


def short(value: object) -> str:
    """Return a value as short, printable text for a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def label(name: str) -> str:
    """Return a name from outside as short, printable text."""
    return name[:80] if name[:80].isprintable() else ascii(name[:80])


@dataclass
class Table:
    """The good rows of one file, by column, and where they stand."""

    file: str
    columns: dict[str, list[Any]]
    lines: list[int] = field(default_factory=list)
    source_lines: list[str] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    damaged: bool = False

    def __len__(self) -> int:
        return len(self.lines)

    def problem(self, row: int, column: str, what: str, *, allowed: str = "", hint: str = "") -> Problem:
        """Return a problem at a good row."""
        got = short(self.columns[column][row])
        return self.at(self.lines[row], column, what, got=got, allowed=allowed, hint=hint)

    def at(self, line: int, column: str, what: str, *, got: str = "", allowed: str = "", hint: str = "") -> Problem:
        """Return a problem at a line."""
        position = self._position(line, self.header.index(column)) if column in self.header else None
        return Problem(what, self.file, line, position, column, got, allowed, hint)

    def _position(self, line: int, index: int) -> int:
        """First character of the index-th field of a line, from 1."""
        quoted, commas = False, 0
        for position, character in enumerate(self.source_lines[line - 1], start=1):
            if commas == index:
                return position
            if character == '"':
                quoted = not quoted
            elif character == "," and not quoted:
                commas += 1
        return len(self.source_lines[line - 1]) + 1


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


@dataclass
class Tables:
    """A folder as read: the header (None when unusable) and every table, empty when absent."""

    folder: Path
    header: Header | None
    tables: dict[str, Table]
    header_text: str
    sha256: str

    def __getitem__(self, file: str) -> Table:
        return self.tables[file]

    def header_problem(self, key: str, what: str, *, got: str = "", allowed: str = "", hint: str = "") -> Problem:
        """Return a problem in the header, at the line of the last part of a dotted key."""
        return _header_problem(self.header_text, key, what, got=got, allowed=allowed, hint=hint)


def read_tables(folder: Path, problems: list[Problem]) -> Tables:
    """Read all tables of a folder.

    Parameters
    ----------
    folder : Path
        A region folder.
    problems : list of Problem
        Receives every problem found.

    Returns
    -------
    Tables
        Only rows without a problem; a table that lost rows is marked ``damaged``.
    """
    text = read_text(folder, HEADER_FILE)
    header = None
    if isinstance(text, Problem):
        problems.append(text)
        text = ""
    else:
        header = _read_header(text, problems)
    tables = {name: read_table(folder, name, schema, problems) for name, schema in TABLES.items()}
    return Tables(folder, header, tables, text, _digest(header, tables) if header else "")


# --- tables ---------------------------------------------------------------------------------------


def read_table(folder: Path, name: str, schema: Schema, problems: list[Problem]) -> Table:
    """Read one table by its schema: good rows only; every problem is added to ``problems``."""
    table = Table(name, {column.name: [] for column in schema.columns})
    path = folder / name
    if not schema.required and not path.exists() and not path.is_symlink():
        return table
    text = read_text(folder, name)
    if isinstance(text, Problem):
        problems.append(text)
        table.damaged = True
        return table
    table.source_lines = text.split("\n")
    before = len(problems)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        _read_rows(reader, table, schema, problems)
    except csv.Error as error:
        line = reader.line_num
        problems.append(Problem(f"is not a table of comma-separated values: {error}", name, line, 1))
    table.damaged = len(problems) > before
    return table


def _read_rows(reader: Any, table: Table, schema: Schema, problems: list[Problem]) -> None:
    before = len(problems)
    table.header = [label(title.strip()) for title in next(reader, [])]
    _check_titles(table, schema, problems)
    if len(problems) > before:
        return
    parsers = {column.name: _parser(column) for column in schema.columns}
    plan = [(title, parsers[title], table.columns[title]) for title in table.header]
    width = len(plan)
    for fields in reader:
        line = reader.line_num
        if len(problems) - before >= MAX_PROBLEMS:
            problems.append(Problem("too many problems; the rest of the file was not read", table.file, line, 1))
            return
        if not fields:
            continue
        if len(fields) != width:
            hint = "a text that holds a comma stands in double quotes" if len(fields) > width else ""
            got, allowed = str(len(fields)), str(width)
            problems.append(Problem("wrong number of fields", table.file, line, 1, "", got, allowed, hint))
            continue
        row: list[Any] = []
        for (title, parse, _), raw in zip(plan, fields, strict=True):
            try:
                row.append(parse(raw))
            except _Bad as bad:
                hint = bad.hint or nearest(raw, bad.names)
                problems.append(table.at(line, title, bad.what, got=short(raw), allowed=bad.allowed, hint=hint))
        if len(row) == width:
            table.lines.append(line)
            for (_, _, values), value in zip(plan, row, strict=True):
                values.append(value)


def _check_titles(table: Table, schema: Schema, problems: list[Problem]) -> None:
    wanted = [column.name for column in schema.columns]
    other = next((mark for mark in _SEPARATORS if mark in "".join(table.header[:1])), "")
    if other and len(table.header) == 1:
        hint = "save the table as CSV with commas"
        got, allowed = _SEPARATORS[other], "commas"
        problems.append(Problem("is separated by something else than commas", table.file, 1, 1, "", got, allowed, hint))
        return
    for index, title in enumerate(table.header):
        if title not in wanted:
            free = [name for name in wanted if name not in table.header]
            problems.append(
                Problem(
                    "unknown column",
                    table.file,
                    1,
                    table._position(1, index),
                    title,
                    "",
                    ", ".join(wanted),
                    nearest(title, free),
                )
            )
        elif title in table.header[:index]:
            problems.append(Problem("column stands twice", table.file, 1, table._position(1, index), title))
    problems += [Problem("column is missing", table.file, 1, 1, name) for name in wanted if name not in table.header]


def _parser(column: Column) -> Callable[[str], Any]:
    """Return the function that turns a field into a value or raises `_Bad`; an empty field may be None."""
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
    return {"text": _parse_text, "variable": _parse_choice(tuple(VARIABLES)), "status": _parse_status}[kind]


def _parse_key(pattern: re.Pattern[str], allowed: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if len(raw) > 80 or not pattern.fullmatch(raw):
            raise _Bad("not a key" if raw else "is empty", allowed)
        return raw

    return parse


def _parse_integer(column: Column) -> Callable[[str], int]:
    allowed = f"a whole number from {column.lo:,.0f} to {column.hi:,.0f}".replace(",", "" if column.hi < 1e4 else ",")

    def parse(raw: str) -> int:
        if not _INTEGER.fullmatch(raw.strip()):
            raise _Bad("not a whole number" if raw.strip() else "is empty", allowed, hint=_tip(raw, whole=True))
        value = int(raw)
        if not column.lo <= value <= column.hi:
            raise _Bad("out of range", allowed)
        return value

    return parse


def _parse_number(column: Column) -> Callable[[str], float]:
    allowed = "a number" if math.isinf(column.lo) else f"a number from {column.lo:g} to {column.hi:g}"

    def parse(raw: str) -> float:
        if not _NUMBER.fullmatch(raw.strip()):
            raise _Bad("not a number" if raw.strip() else "is empty", allowed, hint=_tip(raw))
        value = float(raw) + 0.0
        if not math.isfinite(value) or not column.lo <= value <= column.hi:
            raise _Bad("out of range", allowed)
        return value

    return parse


def _tip(raw: str, *, whole: bool = False) -> str:
    """Return a tip for text that should be a number; tables hold shares, no percentages."""
    return slips.number_hint(raw.strip(), whole=whole, share=True, months=False)


def _parse_month(raw: str) -> tuple[int, int]:
    match = _MONTH.fullmatch(raw.strip())
    if not match or int(match[1]) > LATEST_YEAR:
        what = "not a month" if raw.strip() else "is empty"
        raise _Bad(what, "YYYY-MM such as 1999-06", hint=slips.date_hint(raw.strip()))
    return int(match[1]), int(match[2])


def _parse_choice(choices: tuple[str, ...]) -> Callable[[str], str]:
    known = frozenset(choices)

    def parse(raw: str) -> str:
        if raw not in known:
            raise _Bad("unknown value" if raw else "is empty", ", ".join(choices), choices)
        return raw

    return parse


def _parse_status(raw: str) -> float:
    allowed = ", ".join(f"{status:g}" for status in STATUSES)
    if not _NUMBER.fullmatch(raw.strip()) or float(raw) not in STATUSES:
        raise _Bad("not a power status", allowed)
    return float(raw) + 0.0


def _parse_text(raw: str) -> str:
    if not raw.strip():
        raise _Bad("is empty")
    if len(raw) > MAX_TEXT:
        raise _Bad("text is too long", f"at most {MAX_TEXT} characters")
    if _CONTROL.search(raw):
        raise _Bad("text holds control characters")
    return raw


# --- header ---------------------------------------------------------------------------------------


def _header_problem(text: str, key: str, what: str, *, got: str = "", allowed: str = "", hint: str = "") -> Problem:
    """A problem in region.toml, placed at the line that sets the key."""
    *_, last = key.split(".")
    match = re.search(rf"^[ \t]*\[?[ \t]*\"?({re.escape(last)})\"?[ \t]*[=\]]", text, re.MULTILINE)
    if match is None:
        return Problem(what, HEADER_FILE, None, None, key, got, allowed, hint)
    start = match.start(1)
    line = text.count("\n", 0, start) + 1
    return Problem(what, HEADER_FILE, line, start - text.rfind("\n", 0, start), key, got, allowed, hint)


def _read_header(text: str, problems: list[Problem]) -> Header | None:
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
        problems.append(_header_problem(text, key, what, **details))

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
            raise _Bad("not a text")
        _parse_text(value)
    except _Bad as bad:
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


# --- identity -------------------------------------------------------------------------------------


def _digest(header: Header, tables: dict[str, Table]) -> str:
    """sha256 of everything that can change a result: no names, sources, order or number formats."""
    identity = (
        header.key,
        header.default_year,
        header.price_year,
        header.small_community,
        sorted(header.protected),
        header.border_factor,
        header.distance_km,
        sorted(header.bounds.items()),
        sorted(header.communities),
    )
    digest = hashlib.sha256(repr(identity).encode())
    for name, schema in TABLES.items():
        columns = [column.name for column in schema.columns if column.hashed]
        rows = sorted(map(repr, zip(*(tables[name].columns[column] for column in columns), strict=True)))
        digest.update("\n".join((f"\n[{name}]", *rows)).encode())
    return digest.hexdigest()
