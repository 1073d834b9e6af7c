"""Check that the tables of a region fit together."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from sim.errors import Problem, label, nearest, short
from sim.region.build import build_region
from sim.region.cells import MIN_PERSONS, merge_small
from sim.region.files import read_text
from sim.region.header import Header
from sim.region.outlines import parse_outlines
from sim.region.read import MAX_PROBLEMS, Table, Tables, read_tables
from sim.region.schema import DOCUMENTS, HEADER_FILE, OTHER, OTHER_FILES, OUTLINES_FILE, TABLES
from sim.region.variables import VARIABLES

YEARS_AHEAD = 25
FAR_DEGREES = 15


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
        region = build_region(tables, tables.header.default_year)
        warnings += [Problem(note, file=str(folder)) for note in region.notes]
    return errors, warnings


def read_and_check(folder: Path) -> tuple[Tables | None, list[Problem], list[Problem]]:
    """Read a folder and check it: tables (None without a folder), errors, warnings."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        return None, [Problem(f"is not a folder that can be read: {error.strerror}", file=label(str(folder)))], []
    errors: list[Problem] = []
    warnings: list[Problem] = []
    tables = read_tables(folder, errors)
    check_tables(tables, errors, warnings)
    _check_files(tables, names, errors, warnings)
    if len(errors) > MAX_PROBLEMS:
        more = len(errors) - MAX_PROBLEMS
        errors = [*errors[:MAX_PROBLEMS], Problem(f"and {more:,} more problems")]
    errors, warnings = (
        [replace(problem, file=str(folder / problem.file)) for problem in found] for found in (errors, warnings)
    )
    return tables, errors, warnings


def check_tables(tables: Tables, errors: list[Problem], warnings: list[Problem]) -> None:
    """Append every problem between the tables of a folder to ``errors`` and ``warnings``."""
    for name, schema in TABLES.items():
        _check_unique(tables[name], schema.unique, errors)
    _check_references(tables, errors)
    _check_pairs(tables, errors)
    _check_values(tables, errors, warnings)
    _check_periods(tables, errors)
    if tables.header is not None:
        _check_people(tables, tables.header, errors, warnings)
        problem = check_year(tables, tables.header.default_year)
        if problem is not None:
            errors.append(tables.header_problem("default_year", problem.what, allowed=problem.allowed))
    _check_neighbours(tables, warnings)
    _check_positions(tables, warnings)


def check_year(tables: Tables, year: int) -> Problem | None:
    """Return the problem of a year before the first value or 25 years after the last or the default year."""
    known = tables["state_values.csv"].columns["year"]
    if not known:
        return None
    first, last = min(known), max(known)
    if tables.header is not None and tables.header.default_year >= first:
        last = max(last, tables.header.default_year)
    if first <= year <= last + YEARS_AHEAD:
        return None
    what, allowed = "the region has no values near this year", f"{first} to {last + YEARS_AHEAD}"
    return Problem(what, label(tables.folder.name), key="year", got=str(year), allowed=allowed)


def _check_unique(table: Table, unique: tuple[str, ...], errors: list[Problem]) -> None:
    seen: dict[tuple[object, ...], int] = {}
    keys = zip(*(table.columns[column] for column in unique), strict=True)
    for row, key in enumerate(keys):
        if key in seen:
            errors.append(
                Problem(
                    "row stands twice",
                    table.file,
                    table.lines[row],
                    1,
                    "/".join(map(str, key)),
                    hint=f"first in line {seen[key]}",
                )
            )
        else:
            seen[key] = table.lines[row]


def _check_references(tables: Tables, errors: list[Problem]) -> None:
    states = set(tables["states.csv"].columns["state"])
    districts = set(tables["districts.csv"].columns["district"])
    known: dict[str, tuple[set[str], bool]] = {
        "state": (states, tables["states.csv"].damaged),
        "district": (districts, tables["districts.csv"].damaged),
        "mission": (set(tables["missions.csv"].columns["mission"]), tables["missions.csv"].damaged),
        "place": (states | districts, tables["states.csv"].damaged or tables["districts.csv"].damaged),
        "community": (set(tables.header.communities) if tables.header else set(), tables.header is None),
    }
    for name, schema in TABLES.items():
        table = tables[name]
        for column in schema.columns:
            allowed, unknown = known.get(column.kind, (set(), True))
            if unknown or len(errors) > MAX_PROBLEMS:
                continue
            strangers = Counter(value for value in table.columns[column.name] if value not in allowed)
            listed = ", ".join(sorted(allowed)) if len(allowed) <= 12 else f"one of {len(allowed)} in the tables"
            for value, count in strangers.items():
                again = f", in {count} rows" if count > 1 else ""
                errors.append(
                    table.problem(
                        table.columns[column.name].index(value),
                        column.name,
                        f"unknown {column.kind}{again}",
                        allowed=listed,
                        hint=nearest(value, allowed) if len(errors) < MAX_PROBLEMS else "",
                    )
                )
    if tables.header is not None and not tables["states.csv"].damaged:
        for state, community in sorted(tables.header.protected):
            for value, allowed in ((state, states), (community, set(tables.header.communities))):
                if value not in allowed:
                    errors.append(
                        tables.header_problem(
                            "protected",
                            "unknown group",
                            got=f"{state}/{community}",
                            hint=nearest(value, allowed),
                        )
                    )


def _check_pairs(tables: Tables, errors: list[Problem]) -> None:
    """Two different states in each pair, and each pair once whatever its direction."""
    for name, first, second, more in (
        ("borders.csv", "state_a", "state_b", ""),
        ("disputes.csv", "state_a", "state_b", "year"),
        ("kin_ties.csv", "kin_state", "host_state", "community"),
    ):
        table = tables[name]
        seen: dict[tuple[object, ...], int] = {}
        for row, (a, b) in enumerate(zip(table.columns[first], table.columns[second], strict=True)):
            if a == b:
                errors.append(table.problem(row, second, "a state cannot be paired with itself"))
            key = (min(a, b), max(a, b), table.columns[more][row] if more else "")
            line = seen.setdefault(key, table.lines[row])
            if line != table.lines[row] and table.columns[first][row] != _first_of(table, first, line):
                errors.append(
                    table.problem(row, first, "pair stands twice", hint=f"the other way round in line {line}")
                )


def _first_of(table: Table, column: str, line: int) -> object:
    return table.columns[column][table.lines.index(line)]


def _check_values(tables: Tables, errors: list[Problem], warnings: list[Problem]) -> None:
    files = ("state_values.csv", "state_values_vdem.csv")
    have: set[tuple[str, str]] = set()
    seen: dict[tuple[str, str, int], str] = {}
    bounds = tables.header.bounds if tables.header else {}
    for file in files:
        table = tables[file]
        columns = (table.columns[name] for name in ("state", "variable", "year", "value", "unit"))
        for row, (state, name, year, value, unit) in enumerate(zip(*columns, strict=True)):
            variable = VARIABLES[name]
            have.add((state, name))
            if seen.setdefault((state, name, year), file) != file:
                errors.append(table.problem(row, "variable", "also in state_values.csv for this state and year"))
            if unit != variable.unit:
                errors.append(table.problem(row, "unit", f"wrong unit of {name}", allowed=variable.unit))
            elif not variable.lo <= value <= variable.hi:
                errors.append(
                    table.problem(row, "value", f"{name} out of range", allowed=f"{variable.lo:g} to {variable.hi:g}")
                )
            elif name in bounds and not bounds[name][0] <= value <= bounds[name][1]:
                lo, hi = bounds[name]
                warnings.append(
                    table.problem(
                        row,
                        "value",
                        f"{name} lies outside its bounds and counts as the nearest",
                        allowed=f"{lo:g} to {hi:g}",
                    )
                )
    if any(tables[file].damaged for file in files):
        return
    for state in sorted(set(tables["states.csv"].columns["state"])):
        missing = [name for name in VARIABLES if (state, name) not in have]
        if len(missing) == len(VARIABLES):
            missing = ["any variable"]
        errors += [Problem(f"no value of {name} for any year", files[0], key=state) for name in missing]


def _check_periods(tables: Tables, errors: list[Problem]) -> None:
    wars = tables["war_memory.csv"]
    for row in range(len(wars)):
        if wars.columns["from_year"][row] > wars.columns["to_year"][row]:
            errors.append(wars.problem(row, "to_year", "ends before it starts"))
    missions = tables["missions.csv"]
    counted = set(tables["mission_strength.csv"].columns["mission"])
    for row, key in enumerate(missions.columns["mission"]):
        start, end = missions.columns["start"][row], missions.columns["end"][row]
        if end is not None and end < start:
            errors.append(missions.problem(row, "end", "ends before it starts"))
        if key not in counted and not tables["mission_strength.csv"].damaged:
            errors.append(missions.problem(row, "mission", "no strength in mission_strength.csv"))


def _check_people(tables: Tables, header: Header, errors: list[Problem], warnings: list[Problem]) -> None:
    """People in every district, a power status for every group, room for every cell."""
    districts, communities = tables["districts.csv"], tables["communities.csv"]
    if any(tables[name].damaged for name in ("states.csv", "districts.csv", "communities.csv")):
        return
    state_of = dict(zip(districts.columns["district"], districts.columns["state"], strict=True))
    cells = merge_small(tables, header)
    for row, district in enumerate(districts.columns["district"]):
        if district not in cells:
            errors.append(districts.problem(row, "district", "district has no people in communities.csv"))
    for row, state in enumerate(tables["states.csv"].columns["state"]):
        if state not in state_of.values():
            errors.append(tables["states.csv"].problem(row, "state", "state has no district"))
    if OTHER not in header.communities:
        columns = zip(
            communities.columns["district"],
            communities.columns["community"],
            communities.columns["persons"],
            strict=True,
        )
        for row, (district, community, persons) in enumerate(columns):
            if persons and community not in cells.get(district, {community: 0}):
                errors.append(
                    communities.problem(
                        row,
                        "community",
                        f"under {header.small_community} persons and no community '{OTHER}' to join",
                        hint=f"add {OTHER!r} to [communities] of {HEADER_FILE} or protect it",
                    )
                )
    groups = {
        (state_of[district], community) for district, own in cells.items() if district in state_of for community in own
    }
    status = tables["power_status.csv"]
    if not status.damaged:
        coded = set(zip(status.columns["state"], status.columns["community"], strict=True))
        errors += [
            Problem("no power status for any year", status.file, key=f"{state}/{community}")
            for state, community in sorted(groups - coded)
            if community in header.communities
        ]
    _check_totals(tables, cells, state_of, errors)
    ties = tables["kin_ties.csv"]
    for row, community in enumerate(ties.columns["community"]):
        for column in ("kin_state", "host_state"):
            if (ties.columns[column][row], community) not in groups:
                warnings.append(
                    ties.problem(row, column, f"no group of {short(community)} here: the tie has no effect")
                )


def _check_totals(
    tables: Tables, cells: dict[str, dict[str, int]], state_of: dict[str, str], errors: list[Problem]
) -> None:
    needed: dict[str, int] = {}
    for district, own in cells.items():
        if district in state_of:
            needed[state_of[district]] = needed.get(state_of[district], 0) + MIN_PERSONS * len(own)
    values = tables["state_values.csv"]
    for row, (state, name) in enumerate(zip(values.columns["state"], values.columns["variable"], strict=True)):
        if name == "population" and values.columns["value"][row] < needed.get(state, 0):
            errors.append(
                values.problem(
                    row,
                    "value",
                    f"fewer than {MIN_PERSONS} persons a cell",
                    allowed=f"at least {needed[state]}",
                )
            )


def _check_neighbours(tables: Tables, warnings: list[Problem]) -> None:
    states, borders = tables["states.csv"], tables["borders.csv"]
    if states.damaged or borders.damaged or len(states) < 2:
        return
    linked = {*borders.columns["state_a"], *borders.columns["state_b"]}
    for row, state in enumerate(states.columns["state"]):
        if state not in linked:
            warnings.append(states.problem(row, "state", "state borders no other state of the region"))


def _check_positions(tables: Tables, warnings: list[Problem]) -> None:
    """A district far from its state is most likely a latitude and longitude trading places."""
    states, districts = tables["states.csv"].columns, tables["districts.csv"]
    centres = dict(zip(states["state"], zip(states["lat"], states["lon"], strict=True), strict=True))
    for row, state in enumerate(districts.columns["state"]):
        lat, lon = districts.columns["lat"][row], districts.columns["lon"][row]
        centre = centres.get(state, (lat, lon))
        if abs(lat - centre[0]) > FAR_DEGREES or abs(lon - centre[1]) > 2 * FAR_DEGREES:
            hint = "are latitude and longitude the right way round?"
            warnings.append(districts.problem(row, "lat", f"far from the centre of {state}", hint=hint))


def _check_files(tables: Tables, names: list[str], errors: list[Problem], warnings: list[Problem]) -> None:
    for name in names:
        if name not in TABLES and name not in OTHER_FILES and not name.startswith("."):
            missing = [known for known in (*TABLES, *OTHER_FILES) if known not in names]
            warnings.append(
                Problem(
                    "file is not part of a region and is not read",
                    file=label(name),
                    hint=nearest(name, missing),
                )
            )
    warnings += [
        Problem("file is missing: say where the values come from", file=name) for name in DOCUMENTS if name not in names
    ]
    if OUTLINES_FILE in names:
        text = read_text(tables.folder, OUTLINES_FILE)
        outlines = (
            text if isinstance(text, Problem) else parse_outlines(text, sorted(tables["states.csv"].columns["state"]))
        )
        if isinstance(outlines, Problem):
            errors.append(outlines)
