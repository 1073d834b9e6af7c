"""Load a region: find its folder, read it, check that its tables fit together, and build it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from sim.errors import Problem, RegionError, label, nearest, short
from sim.region.build import MIN_PERSONS, build_region, merge_small
from sim.region.files import is_file, shipped_root
from sim.region.read import MAX_PROBLEMS, Table, Tables, read_tables
from sim.region.records import OUTLINES_FILE, Region, read_outlines
from sim.region.schema import (
    DOCUMENTS,
    HEADER_FILE,
    OTHER,
    OTHER_FILES,
    TABLES,
    VARIABLES,
    Header,
    Refers,
)

YEARS_AHEAD = 25
FAR_DEGREES = 15
_VALUES = ("state_values.csv", "state_values_vdem.csv")


def load_region(folder: Path, year: int | None = None) -> Region:
    """Read, check and build a region.

    Parameters
    ----------
    folder : Path
        The folder of tables.
    year : int, optional
        The year whose values are wanted; the region's default year when absent.

    Returns
    -------
    Region
        Read-only arrays in canonical order.

    Raises
    ------
    RegionError
        If anything in the folder is wrong; every problem is listed with file, line and column.
    """
    tables, errors, _ = read_and_check(Path(folder))
    if tables is None or errors or tables.header is None:
        raise RegionError(errors)
    year = tables.header.default_year if year is None else year
    problem = check_year(tables, year)
    if problem is not None:
        raise RegionError(problem)
    return build_region(tables, tables.header, year)


def check_region(folder: Path) -> tuple[list[Problem], list[Problem]]:
    """Check a region folder.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    errors : list of Problem
        Why the folder cannot be used; empty when it can.
    warnings : list of Problem
        What is suspicious, and what is approximate in the default year.
    """
    folder = Path(folder)
    tables, errors, warnings = read_and_check(folder)
    if tables is not None and tables.header is not None and not errors:
        region = build_region(tables, tables.header, tables.header.default_year)
        warnings += [Problem(note, file=str(folder)) for note in region.notes]
    return errors, warnings


def find_region(name: str | Path) -> Path:
    """Find a region by the name of a shipped one or by path.

    Parameters
    ----------
    name : str or Path
        Such as ``western_balkans``, or the path of a folder that holds a ``region.toml``.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    RegionError
        If there is none; the message names the nearest shipped region.
    """
    root = shipped_root() / "regions"
    text = str(name)
    candidates = [Path(text)]
    if re.fullmatch(r"[A-Za-z0-9_]{1,80}", text):
        candidates.insert(0, root / text)
    for folder in candidates:
        if is_file(folder / HEADER_FILE):
            return folder
    shipped = sorted(folder.name for folder in root.glob("*") if (folder / HEADER_FILE).is_file())
    allowed = f"{', '.join(shipped)} or a folder with a {HEADER_FILE}"
    raise RegionError(
        Problem("no such region", key="region", got=short(text), allowed=allowed, hint=nearest(text, shipped))
    )


def read_and_check(folder: Path) -> tuple[Tables | None, list[Problem], list[Problem]]:
    """Read a folder and check it: tables (None without a folder), errors, warnings."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        return None, [Problem(f"is not a folder that can be read: {error.strerror}", file=label(str(folder)))], []
    errors: list[Problem] = []
    tables = read_tables(folder, errors)
    errors += islice(_errors(tables, names), MAX_PROBLEMS)
    warnings = list(_warnings(tables, names))
    if len(errors) > MAX_PROBLEMS:
        errors = [*errors[:MAX_PROBLEMS], Problem("and more problems")]
    errors, warnings = (
        [replace(problem, file=str(folder / problem.file)) for problem in found] for found in (errors, warnings)
    )
    return tables, errors, warnings


def check_year(tables: Tables, year: int) -> Problem | None:
    """Return the problem of a year before the first value or 25 years after the last or the default year."""
    known = tables["state_values.csv"]["year"]
    if not known:
        return None
    first, last = min(known), max(known)
    if tables.header is not None and tables.header.default_year >= first:
        last = max(last, tables.header.default_year)
    if first <= year <= last + YEARS_AHEAD:
        return None
    what, allowed = "the region has no values near this year", f"{first} to {last + YEARS_AHEAD}"
    return Problem(what, label(tables.folder.name), key="year", got=str(year), allowed=allowed)


def _groups(tables: Tables, header: Header) -> set[tuple[str, str]] | None:
    """Communities by state that have a cell; None when a table that tells so lost rows."""
    if any(tables[name].damaged for name in ("states.csv", "districts.csv", "communities.csv")):
        return None
    cells = merge_small(tables, header)
    return {(row.state, community) for row in tables["districts.csv"] for community in cells.get(row.district, {})}


# --- errors ---------------------------------------------------------------------------------------


def _errors(tables: Tables, names: list[str]) -> Iterator[Problem]:
    """Every reason why the tables of a folder do not fit together."""
    for name, schema in TABLES.items():
        yield from _twice(tables[name], schema.unique)
    yield from _strangers(tables)
    yield from _pairs(tables)
    yield from _values(tables)
    yield from _periods(tables)
    if tables.header is not None:
        yield from _people(tables, tables.header)
        problem = check_year(tables, tables.header.default_year)
        if problem is not None:
            yield tables.header_problem("default_year", problem.what, allowed=problem.allowed)
    if OUTLINES_FILE in names:
        outlines = read_outlines(tables.folder, sorted(tables["states.csv"]["state"]))
        if isinstance(outlines, Problem):
            yield outlines


def _twice(table: Table, unique: tuple[str, ...]) -> Iterator[Problem]:
    seen: dict[tuple[object, ...], int] = {}
    for line, row in zip(table.lines, table, strict=True):
        key = tuple(getattr(row, column) for column in unique)
        if seen.setdefault(key, line) != line:
            name, hint = "/".join(map(str, key)), f"first in line {seen[key]}"
            yield Problem("row stands twice", table.file, line, 1, name, hint=hint)


def _strangers(tables: Tables) -> Iterator[Problem]:
    """Keys that stand in no table where they should."""
    header = tables.header
    homes = {"state": "states.csv", "district": "districts.csv", "mission": "missions.csv"}
    known = {kind: set(tables[file][kind]) for kind, file in homes.items() if not tables[file].damaged}
    if "state" in known and "district" in known:
        known["place"] = known["state"] | known["district"]
    if header is not None:
        known["community"] = set(header.communities)
    for name, schema in TABLES.items():
        for column in schema.columns:
            for kind in (mark.to for mark in schema.marks(column, Refers) if mark.to in known):
                yield from _strangers_of(tables[name], column, kind, known[kind])
    for state, community in sorted(set(header.protected)) if header is not None and "state" in known else ():
        for kind, value in (("state", state), ("community", community)):
            if value not in known[kind]:
                got, hint = f"{state}/{community}", nearest(value, known[kind])
                yield tables.header_problem("protected", "unknown group", got=got, hint=hint)


def _strangers_of(table: Table, column: str, kind: str, known: set[str]) -> Iterator[Problem]:
    """Unknown keys of a column, each said once."""
    values = table[column]
    allowed = ", ".join(sorted(known)) if len(known) <= 12 else f"one of {len(known)} in the tables"
    for value, count in Counter(value for value in values if value not in known).items():
        what = f"unknown {kind}" + (f", in {count} rows" if count > 1 else "")
        yield table.problem(values.index(value), column, what, allowed=allowed, hint=nearest(value, known))


def _pairs(tables: Tables) -> Iterator[Problem]:
    """Two different states in each pair, and each pair once whatever its direction."""
    for name, first, second, more in (
        ("borders.csv", "state_a", "state_b", "state_a"),
        ("disputes.csv", "state_a", "state_b", "year"),
        ("kin_ties.csv", "kin_state", "host_state", "community"),
    ):
        table = tables[name]
        seen: dict[tuple[object, ...], tuple[str, int]] = {}
        for number, (a, b, own) in enumerate(zip(table[first], table[second], table[more], strict=True)):
            if a == b:
                yield table.problem(number, second, "a state cannot be paired with itself")
            key = (min(a, b), max(a, b), own if more != first else "")
            start, line = seen.setdefault(key, (a, table.lines[number]))
            if start != a:
                yield table.problem(number, first, "pair stands twice", hint=f"the other way round in line {line}")


def _values(tables: Tables) -> Iterator[Problem]:
    """Values with another unit or out of range, told twice, or missing."""
    seen: dict[tuple[str, str, int], str] = {}
    for table in map(tables.__getitem__, _VALUES):
        for number, row in enumerate(table):
            variable = VARIABLES[row.variable]
            if seen.setdefault((row.state, row.variable, row.year), table.file) != table.file:
                yield table.problem(number, "variable", "also in state_values.csv for this state and year")
            if row.unit != variable.unit:
                yield table.problem(number, "unit", f"wrong unit of {row.variable}", allowed=variable.unit)
            elif not variable.lo <= row.value <= variable.hi:
                allowed = f"{variable.lo:g} to {variable.hi:g}"
                yield table.problem(number, "value", f"{row.variable} out of range", allowed=allowed)
    if any(tables[file].damaged for file in _VALUES):
        return
    have = {(state, name) for state, name, _ in seen}
    for state in sorted(set(tables["states.csv"]["state"])):
        missing = [name for name in VARIABLES if (state, name) not in have]
        if len(missing) == len(VARIABLES):
            missing = ["any variable"]
        for name in missing:
            yield Problem(f"no value of {name} for any year", _VALUES[0], key=state)


def _periods(tables: Tables) -> Iterator[Problem]:
    wars, missions, strength = tables["war_memory.csv"], tables["missions.csv"], tables["mission_strength.csv"]
    for number, row in enumerate(wars):
        if row.from_year > row.to_year:
            yield wars.problem(number, "to_year", "ends before it starts")
    counted = set(strength["mission"])
    for number, row in enumerate(missions):
        if row.end is not None and row.end < row.start:
            yield missions.problem(number, "end", "ends before it starts")
        if row.mission not in counted and not strength.damaged:
            yield missions.problem(number, "mission", "no strength in mission_strength.csv")


def _people(tables: Tables, header: Header) -> Iterator[Problem]:
    """People in every district, a power status for every group, room for every cell."""
    groups = _groups(tables, header)
    if groups is None:
        return
    states, districts, communities = tables["states.csv"], tables["districts.csv"], tables["communities.csv"]
    cells = merge_small(tables, header)
    needed: dict[str, int] = {}
    for number, row in enumerate(districts):
        if row.district not in cells:
            yield districts.problem(number, "district", "district has no people in communities.csv")
        needed[row.state] = needed.get(row.state, 0) + MIN_PERSONS * len(cells.get(row.district, ()))
    for number, row in enumerate(states):
        if row.state not in needed:
            yield states.problem(number, "state", "state has no district")
    for number, row in enumerate(communities if OTHER not in header.communities else ()):
        if row.persons and row.community not in cells[row.district]:
            what = f"under {header.small_community} persons and no community '{OTHER}' to join"
            hint = f"add {OTHER!r} to [communities] of {HEADER_FILE} or protect it"
            yield communities.problem(number, "community", what, hint=hint)
    status = tables["power_status.csv"]
    if not status.damaged:
        for state, community in sorted(groups - {(row.state, row.community) for row in status}):
            if community in header.communities:
                yield Problem("no power status for any year", status.file, key=f"{state}/{community}")
    values = tables["state_values.csv"]
    for number, row in enumerate(values):
        if row.variable == "population" and row.value < needed.get(row.state, 0):
            what, allowed = f"fewer than {MIN_PERSONS} persons a cell", f"at least {needed[row.state]}"
            yield values.problem(number, "value", what, allowed=allowed)


# --- warnings -------------------------------------------------------------------------------------


def _warnings(tables: Tables, names: list[str]) -> Iterator[Problem]:
    """What can be used and is suspicious."""
    header, ties = tables.header, tables["kin_ties.csv"]
    for table in map(tables.__getitem__, _VALUES if header is not None else ()):
        bounds = dict(header.bounds)  # type: ignore[union-attr]
        for number, row in enumerate(table):
            variable, (lo, hi) = VARIABLES[row.variable], bounds[row.variable]
            if row.unit == variable.unit and variable.lo <= row.value <= variable.hi and not lo <= row.value <= hi:
                what = f"{row.variable} lies outside its bounds and counts as the nearest"
                yield table.problem(number, "value", what, allowed=f"{lo:g} to {hi:g}")
    groups = _groups(tables, header) if header is not None else None
    for number, row in enumerate(ties if groups is not None else ()):
        for column in ("kin_state", "host_state"):
            if (getattr(row, column), row.community) not in (groups or ()):
                what = f"no group of {short(row.community)} here: the tie has no effect"
                yield ties.problem(number, column, what)
    yield from _odd_places(tables)
    for name in names:
        if name not in TABLES and name not in OTHER_FILES and not name.startswith("."):
            missing = [known for known in (*TABLES, *OTHER_FILES) if known not in names]
            what = "file is not part of a region and is not read"
            yield Problem(what, file=label(name), hint=nearest(name, missing))
    for name in DOCUMENTS:
        if name not in names:
            yield Problem("file is missing: say where the values come from", file=name)


def _odd_places(tables: Tables) -> Iterator[Problem]:
    """States without a neighbour, and districts far from their state."""
    states, borders, districts = tables["states.csv"], tables["borders.csv"], tables["districts.csv"]
    if not states.damaged and not borders.damaged and len(states.rows) > 1:
        linked = {*borders["state_a"], *borders["state_b"]}
        for number, row in enumerate(states):
            if row.state not in linked:
                yield states.problem(number, "state", "state borders no other state of the region")
    centres = {row.state: row for row in states}
    for number, row in enumerate(districts):
        centre = centres.get(row.state, row)
        if abs(row.lat - centre.lat) > FAR_DEGREES or abs(row.lon - centre.lon) > 2 * FAR_DEGREES:
            hint = "are latitude and longitude the right way round?"
            yield districts.problem(number, "lat", f"far from the centre of {row.state}", hint=hint)
