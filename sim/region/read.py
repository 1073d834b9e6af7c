"""Read the tables of a region folder; every problem carries its file, line and column."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.errors import Problem, label, nearest, short
from sim.region.files import read_text
from sim.region.header import Header, header_problem, read_header
from sim.region.parse import BadField, parser
from sim.region.schema import HEADER_FILE, TABLES, Schema

MAX_PROBLEMS = 200
_SEPARATORS = {";": "semicolons", "\t": "tabs"}


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
        return header_problem(self.header_text, key, what, got=got, allowed=allowed, hint=hint)


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
        header = read_header(text, problems)
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
    parsers = {column.name: parser(column) for column in schema.columns}
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
            except BadField as bad:
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
