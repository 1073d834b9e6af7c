"""Read a region folder: ``region.toml`` and every table; each problem carries its file, line and column."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.errors import Problem, label, nearest, short
from sim.region.files import read_text
from sim.region.schema import HEADER_FILE, SHAPES, TABLES, VARIABLES, Header, Remark, Schema, described
from sim.region.slips import date_hint, number_hint, written

MAX_PROBLEMS = 200
_SEPARATORS = {";": "semicolons", "\t": "tabs"}
_WHAT = {
    "missing": "is missing",
    "extra_forbidden": "unknown key",
    "literal_error": "is not one of the allowed values",
    "string_pattern_mismatch": "is not a key",
    "string_too_long": "is too long",
    "string_too_short": "is empty",
    "too_short": "is empty",
    "greater_than_equal": "is out of range",
    "less_than_equal": "is out of range",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
}
"""What is wrong, by pydantic's kind of error; other kinds are our own and say it themselves."""


@dataclass
class Table:
    """The good rows of one file, and where they stand; ``damaged`` when some were lost."""

    file: str
    rows: list[Any] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    source_lines: list[str] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    damaged: bool = False

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __getitem__(self, column: str) -> list[Any]:
        return [getattr(row, column) for row in self.rows]

    def problem(self, number: int, column: str, what: str, *, allowed: str = "", hint: str = "") -> Problem:
        """Return a problem at a good row."""
        got = short(getattr(self.rows[number], column))
        return self.at(self.lines[number], column, what, got=got, allowed=allowed, hint=hint)

    def at(self, line: int, column: str, what: str, *, got: str = "", allowed: str = "", hint: str = "") -> Problem:
        """Return a problem at a line."""
        position = self.position(line, self.header.index(column)) if column in self.header else None
        return Problem(what, self.file, line, position, column, got, allowed, hint)

    def position(self, line: int, index: int) -> int:
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


@dataclass
class Tables:
    """A folder as read: the header (None when unusable) and every table, empty when absent."""

    folder: Path
    header: Header | None
    tables: dict[str, Table]
    header_text: str

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
    return Tables(folder, header, {name: read_table(folder, name, TABLES[name], problems) for name in TABLES}, text)


def content_hash(header: Header, tables: Tables) -> str:
    """sha256 of everything that can change a result: no names, sources, order or number formats."""
    identity = (
        header.key,
        header.default_year,
        header.price_year,
        header.small_community,
        sorted(set(header.protected)),
        header.border_factor,
        header.distance_km,
        sorted(header.bounds),
        sorted(header.communities),
    )
    digest = hashlib.sha256(repr(identity).encode())
    for name, schema in TABLES.items():
        columns = [column for column in schema.columns if not schema.marks(column, Remark)]
        rows = sorted(repr(tuple(getattr(row, column) for column in columns)) for row in tables[name])
        digest.update("\n".join((f"\n[{name}]", *rows)).encode())
    return digest.hexdigest()


# --- the header -----------------------------------------------------------------------------------


def _header_problem(text: str, key: str, what: str, **said: Any) -> Problem:
    *_, last = key.split(".")
    match = re.search(rf"^[ \t]*\[?[ \t]*\"?({re.escape(last)})\"?[ \t]*[=\]]", text, re.MULTILINE)
    if match is None:
        return Problem(what, HEADER_FILE, key=key, **said)
    start = match.start(1)
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    return Problem(what, HEADER_FILE, line, column, key, **said)


def _read_header(text: str, problems: list[Problem]) -> Header | None:
    """Return the header, or None when it is unusable; every problem is added to ``problems``."""
    try:
        return Header.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+), column (\d+)", str(error))
        line, column = map(int, place.groups()) if place else (None, None)
        what = f"is not valid TOML: {str(error).split(' (at')[0]}"
        problems.append(Problem(what, HEADER_FILE, line, column, hint='write key = value, and texts in "quotes"'))
    except RecursionError:
        problems.append(Problem("nested too deeply", HEADER_FILE))
    except ValidationError as error:
        problems += [_header_fault(text, item) for item in error.errors(include_url=False)]
    return None


def _header_fault(text: str, item: Any) -> Problem:
    """Translate one of pydantic's errors about the header."""
    path = [label(part) for part in item["loc"] if isinstance(part, str) and part != "[key]"]
    known = list(VARIABLES) if path[0] == "bounds" else list(described(Header))
    what, allowed = _fault(described(Header).get(path[0], {}), item)
    got = hint = ""
    if item["type"] == "extra_forbidden":
        allowed, hint = ", ".join(known), nearest(path[-1], known)
    elif item["type"] == "missing":
        allowed, hint = "", "every state variable needs fixed bounds" if len(path) > 1 else ""
    else:
        got = short(item["input"])
    return _header_problem(text, ".".join(path), what, got=got, allowed=allowed, hint=hint)


def _fault(said: dict[str, Any], item: Any) -> tuple[str, str]:
    """Say what is wrong and what is allowed, from an error and the JSON Schema of the field."""
    context = item.get("ctx", {})
    what, allowed = _WHAT.get(item["type"], item["msg"]), context.get("allowed", "")
    said = next((part for part in said.get("anyOf", []) if "minimum" in part), said)
    if "pattern" in context:
        allowed = SHAPES[context["pattern"]]
    elif item["type"] == "string_too_long":
        allowed = f"at most {context['max_length']} characters"
    elif "minimum" in said:
        lo, hi = written(said["minimum"]), written(said["maximum"])
        allowed = f"{lo} to {hi}" if lo != hi else lo
    elif "enum" in said or "anyOf" in said:
        allowed = ", ".join(_options(said))
    return what, allowed


def _options(said: dict[str, Any]) -> list[str]:
    """Values that a column may hold, when they are few."""
    values = said.get("enum") or [option["const"] for option in said.get("anyOf", []) if "const" in option]
    return [value if isinstance(value, str) else f"{value:g}" for value in values]


# --- tables ---------------------------------------------------------------------------------------


def read_table(folder: Path, name: str, schema: Schema, problems: list[Problem]) -> Table:
    """Read one table by its schema: good rows only; every problem is added to ``problems``."""
    table = Table(name)
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
        table.header = [label(title.strip()) for title in next(reader, [])]
        problems += _title_problems(table, schema)
        if len(problems) == before:
            _read_rows(reader, table, schema, problems)
    except csv.Error as error:
        what = f"is not a table of comma-separated values: {error}"
        problems.append(Problem(what, name, reader.line_num, 1))
    table.damaged = len(problems) > before
    return table


def _title_problems(table: Table, schema: Schema) -> list[Problem]:
    """Problems of the first line of a table, which names the columns."""
    other = next((mark for mark in _SEPARATORS if mark in "".join(table.header[:1])), "")
    if other and len(table.header) == 1:
        what, hint = "is separated by something else than commas", "save the table as CSV with commas"
        return [Problem(what, table.file, 1, 1, "", _SEPARATORS[other], "commas", hint)]
    found: list[Problem] = []
    for index, title in enumerate(table.header):
        at = table.position(1, index)
        if title not in schema.columns:
            free = [name for name in schema.columns if name not in table.header]
            allowed, hint = ", ".join(schema.columns), nearest(title, free)
            found.append(Problem("unknown column", table.file, 1, at, title, "", allowed, hint))
        elif title in table.header[:index]:
            found.append(Problem("column stands twice", table.file, 1, at, title))
    missing = [name for name in schema.columns if name not in table.header]
    return found + [Problem("column is missing", table.file, 1, 1, name) for name in missing]


def _read_rows(reader: Any, table: Table, schema: Schema, problems: list[Problem]) -> None:
    most, width = len(problems) + MAX_PROBLEMS, len(table.header)
    for fields in reader:
        line = reader.line_num
        if len(problems) >= most:
            problems.append(Problem("too many problems; the rest of the file was not read", table.file, line, 1))
            return
        if not fields:
            continue
        if len(fields) != width:
            hint = "a comma ends a field: decimals take a point, a text with a comma stands in double quotes"
            got, hint = str(len(fields)), hint if len(fields) > width else ""
            problems.append(Problem("wrong number of fields", table.file, line, 1, "", got, str(width), hint))
            continue
        texts = dict(zip(table.header, fields, strict=True))
        try:
            table.rows.append(schema.row.model_validate(texts))
            table.lines.append(line)
        except ValidationError as error:
            found = sorted(error.errors(include_url=False), key=lambda item: table.header.index(str(item["loc"][0])))
            problems += [_field_problem(table, schema, line, texts, item) for item in found]


def _field_problem(table: Table, schema: Schema, line: int, texts: dict[str, str], item: Any) -> Problem:
    """Translate one of pydantic's errors about a row."""
    column = str(item["loc"][0])
    raw, said = texts[column], described(schema.row)[column]
    what, allowed = _fault(said, item)
    hint = ""
    if not raw.strip():
        what = "is empty"
    elif item["type"] in ("number", "whole"):
        share = said.get("maximum") == 1 or texts.get("unit") == "share"
        hint = number_hint(raw.strip(), whole=item["type"] == "whole", share=share, months=False)
    elif item["type"] == "month":
        hint = date_hint(raw.strip())
    elif item["type"] == "literal_error":
        hint = nearest(raw, _options(said))
    return table.at(line, column, what, got=short(raw), allowed=allowed, hint=hint)
