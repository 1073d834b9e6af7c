"""Turn checked tables into the arrays of a region at one year."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sim.region.cells import merge_small, rake
from sim.region.read import Table, Tables
from sim.region.records import F8, I4, I8, U8, Mission, Region
from sim.region.schema import UNCERTAIN_QUALITIES
from sim.region.variables import VARIABLES

OLD_YEARS = 5


def build_region(tables: Tables, year: int) -> Region:
    """Build the region at a year from tables that passed every check."""
    header = tables.header
    assert header is not None
    notes: list[str] = []
    states = _sorted_table(tables["states.csv"], "state")
    state_index = {key: index for index, key in enumerate(states["state"])}
    values = _values(tables, states["state"], year, notes)

    districts = _sorted_table(tables["districts.csv"], "state", "district")
    census = merge_small(tables, header)
    cells = [
        (state, district, community)
        for state, district in zip(districts["state"], districts["district"], strict=True)
        for community in census[district]
    ]
    counts = [census[district][community] for _, district, community in cells]
    population = _rake_states(cells, counts, states["state"], values["population"])
    district_index = {key: index for index, key in enumerate(districts["district"])}
    cell_district = [district_index[district] for _, district, _ in cells]

    communities = sorted(header.communities)
    community_index = {key: index for index, key in enumerate(communities)}
    groups = sorted({(state, community) for state, _, community in cells})
    group_index = {key: index for index, key in enumerate(groups)}
    cell_group = [group_index[state, community] for state, _, community in cells]
    _note_censuses(districts, year, notes)

    war_deaths, memory_years = _war_memory(tables["war_memory.csv"], cells, year)
    kin = _kin(tables["kin_ties.csv"], group_index)
    borders = _pairs(
        zip(
            *(tables["borders.csv"].columns[name] for name in ("state_a", "state_b", "border_km")),
            strict=True,
        ),
        state_index,
    )
    disputes = _pairs(_disputes(tables["disputes.csv"], year), state_index)
    return Region(
        key=header.key,
        title=header.title,
        year=year,
        folder=tables.folder,
        sha256=tables.sha256,
        price_year=header.price_year,
        border_factor=header.border_factor,
        distance_km=header.distance_km,
        states=tuple(states["state"]),
        state_names=tuple(states["name"]),
        state_uid=_uids(states["state"]),
        state_lat=_f8(states["lat"]),
        state_lon=_f8(states["lon"]),
        communities=tuple(communities),
        community_names=tuple(header.communities[key] for key in communities),
        districts=tuple(districts["district"]),
        district_names=tuple(districts["name"]),
        district_uid=_uids(f"{s}/{d}" for s, d in zip(districts["state"], districts["district"], strict=True)),
        district_state=_i4([state_index[state] for state in districts["state"]]),
        district_lat=_f8(districts["lat"]),
        district_lon=_f8(districts["lon"]),
        district_population=_totals(cell_district, population, len(district_index)),
        district_cells=_i4([0, *np.cumsum([len(census[district]) for district in districts["district"]])]),
        cell_uid=_uids("/".join(cell) for cell in cells),
        cell_district=_i4(cell_district),
        cell_community=_i4([community_index[community] for _, _, community in cells]),
        cell_group=_i4(cell_group),
        cell_population=_i8(population),
        group_uid=_uids("/".join(group) for group in groups),
        group_state=_i4([state_index[state] for state, _ in groups]),
        group_community=_i4([community_index[community] for _, community in groups]),
        group_population=_totals(cell_group, population, len(groups)),
        values=values,
        exclusion=_exclusion(tables["power_status.csv"], groups, year, notes),
        kin_group_a=_i4([a for a, _, _ in kin]),
        kin_group_b=_i4([b for _, b, _ in kin]),
        kin_strength=_f8([strength for _, _, strength in kin]),
        border_a=_i4([a for a, _, _ in borders]),
        border_b=_i4([b for _, b, _ in borders]),
        border_km=_f8([km for _, _, km in borders]),
        dispute_a=_i4([a for a, _, _ in disputes]),
        dispute_b=_i4([b for _, b, _ in disputes]),
        dispute_level=_f8([level for _, _, level in disputes]),
        war_deaths_per_1000=war_deaths,
        memory_years=memory_years,
        displaced=_displaced(tables["displaced.csv"], states["state"], year),
        missions=_missions(tables, state_index),
        milestones=_milestones(tables["milestones.csv"]),
        bounds=dict(header.bounds),
        notes=tuple(notes),
    )


# --- small tools ----------------------------------------------------------------------------------


def _freeze(array: Any) -> Any:
    array.flags.writeable = False
    return array


def _f8(items: Sequence[float]) -> F8:
    return _freeze(np.array(items, dtype=np.float64))  # type: ignore[no-any-return]


def _i4(items: Sequence[int]) -> I4:
    return _freeze(np.array(items, dtype=np.int32))  # type: ignore[no-any-return]


def _i8(items: Sequence[int]) -> I8:
    return _freeze(np.array(items, dtype=np.int64))  # type: ignore[no-any-return]


def _uids(keys: Iterable[str]) -> U8:
    """Stable 64-bit names of keys: blake2b, little-endian."""
    numbers = [int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") for key in keys]
    return _freeze(np.array(numbers, dtype=np.uint64))  # type: ignore[no-any-return]


def _totals(index: Sequence[int], persons: Sequence[int], size: int) -> I8:
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, np.asarray(index), np.asarray(persons, dtype=np.int64))
    return _freeze(total)  # type: ignore[no-any-return]


def _sorted_table(table: Table, *keys: str) -> dict[str, list[Any]]:
    order = sorted(range(len(table)), key=lambda row: tuple(table.columns[key][row] for key in keys))
    return {name: [column[row] for row in order] for name, column in table.columns.items()}


def _latest(rows: Iterable[tuple[Any, int, Any]], year: int) -> dict[Any, tuple[int, Any]]:
    """By key the row of the latest year at or before ``year``, else of the nearest later."""
    best: dict[Any, tuple[int, Any]] = {}
    for key, known, value in rows:
        old = best.get(key)
        if old is None or (known <= year and (old[0] < known or old[0] > year)) or (year < known < old[0]):
            best[key] = (known, value)
    return best


# --- people ---------------------------------------------------------------------------------------


def _rake_states(cells: list[tuple[str, str, str]], counts: list[int], states: list[str], totals: F8) -> list[int]:
    """Scale the cells of each state to its population; cells are sorted by state."""
    population: list[int] = []
    for state, total in zip(states, totals.tolist(), strict=True):
        own = [count for (of, _, _), count in zip(cells, counts, strict=True) if of == state]
        population += rake(own, round(total))
    return population


def _note_censuses(districts: dict[str, list[Any]], year: int, notes: list[str]) -> None:
    censuses = sorted(
        {
            (state, census)
            for state, census in zip(districts["state"], districts["census_year"], strict=True)
            if abs(census - year) > OLD_YEARS
        }
    )
    if censuses:
        named = ", ".join(f"{state} {census}" for state, census in censuses)
        notes.append(f"composition of communities in {year} is that of another year's census: {named}")


def _values(tables: Tables, states: list[str], year: int, notes: list[str]) -> dict[str, F8]:
    rows: list[tuple[tuple[str, str], int, tuple[float, str]]] = []
    for file in ("state_values.csv", "state_values_vdem.csv"):
        columns = tables[file].columns
        keys = zip(columns["variable"], columns["state"], strict=True)
        rows += zip(keys, columns["year"], zip(columns["value"], columns["quality"], strict=True), strict=True)
    best = _latest(rows, year)
    values: dict[str, F8] = {}
    late: list[str] = []
    old: list[str] = []
    rough: list[str] = []
    for name in VARIABLES:
        found = {state: best[name, state] for state in states}
        values[name] = _f8([value for _, (value, _) in found.values()])
        late += [f"{name} {state} {known}" for state, (known, _) in found.items() if known > year]
        uncertain = [state for state, (_, (_, quality)) in found.items() if quality in UNCERTAIN_QUALITIES]
        if uncertain:
            rough.append(name if len(uncertain) == len(states) else f"{name} ({', '.join(uncertain)})")
        old += [
            f"{name} {state} {known}"
            for state, (known, (_, quality)) in found.items()
            if year - known > OLD_YEARS and quality not in (*UNCERTAIN_QUALITIES, "invented")
        ]
    for text, items in (
        ("later value used", late),
        (f"value more than {OLD_YEARS} years old", old),
        ("approximate or assumed", rough),
    ):
        if items:
            notes.append(f"{text} in {year}: {', '.join(items)}")
    return values


def _exclusion(table: Table, groups: list[tuple[str, str]], year: int, notes: list[str]) -> F8:
    columns = table.columns
    keys = zip(columns["state"], columns["community"], strict=True)
    best = _latest(zip(keys, columns["year"], columns["status"], strict=True), year)
    late = [
        f"{state}/{community} {best[state, community][0]}"
        for state, community in groups
        if best[state, community][0] > year
    ]
    if late:
        notes.append(f"later power status used in {year}: {', '.join(late)}")
    return _f8([best[group][1] for group in groups])


# --- ties, disputes, memory -----------------------------------------------------------------------


def _kin(table: Table, group_index: dict[tuple[str, str], int]) -> list[tuple[int, int, float]]:
    columns = table.columns
    ties = []
    for community, a, b, strength in zip(
        *(columns[name] for name in ("community", "kin_state", "host_state", "strength")), strict=True
    ):
        one, two = group_index.get((a, community)), group_index.get((b, community))
        if one is not None and two is not None and strength > 0:
            ties += [(one, two, strength), (two, one, strength)]
    return sorted(ties)


def _pairs(rows: Iterable[tuple[Any, ...]], state_index: dict[str, int]) -> list[tuple[int, int, float]]:
    """Pairs of states by index, a < b, sorted."""
    return sorted(
        (min(state_index[a], state_index[b]), max(state_index[a], state_index[b]), value) for a, b, value in rows
    )


def _disputes(table: Table, year: int) -> list[tuple[str, str, float]]:
    """Disputes open at a year: the latest row at or before it, none before the first row."""
    columns = table.columns
    pairs = [(min(a, b), max(a, b)) for a, b in zip(columns["state_a"], columns["state_b"], strict=True)]
    rows = zip(pairs, columns["year"], columns["level"], strict=True)
    best = _latest((row for row in rows if row[1] <= year), year)
    return [(a, b, level) for (a, b), (_, level) in best.items() if level > 0]


def _war_memory(table: Table, cells: list[tuple[str, str, str]], year: int) -> tuple[F8, F8]:
    """War deaths per 1,000 before the year and years since the latest war, by cell.

    Rows of a district and of its state add up; a war still going on counts by the share of its years gone by.
    """
    deaths: dict[str, float] = {}
    ended: dict[str, int] = {}
    columns = (table.columns[name] for name in ("place", "from_year", "to_year", "deaths_per_1000"))
    for place, first, last, rate in sorted(zip(*columns, strict=True)):
        if first < year:
            gone = min(year, last + 1)
            deaths[place] = deaths.get(place, 0.0) + rate * (gone - first) / (last + 1 - first)
            ended[place] = max(ended.get(place, 0), gone)
    rates, years = [], []
    for state, district, _ in cells:
        rates.append(deaths.get(state, 0.0) + deaths.get(district, 0.0))
        latest = max(ended.get(state, 0), ended.get(district, 0))
        years.append(float(year - latest) if latest else float("nan"))
    return _f8(rates), _f8(years)


def _displaced(table: Table, states: list[str], year: int) -> I8:
    columns = table.columns
    rows = zip(columns["state"], columns["year"], columns["displaced"], strict=True)
    best = _latest((row for row in rows if row[1] <= year), year)
    return _i8([best[state][1] if state in best else 0 for state in states])


def _missions(tables: Tables, state_index: dict[str, int]) -> tuple[Mission, ...]:
    columns = tables["mission_strength.csv"].columns
    strength: dict[str, dict[int, int]] = {}
    for key, year, persons in sorted(zip(columns["mission"], columns["year"], columns["persons"], strict=True)):
        strength.setdefault(key, {})[year] = persons
    missions = _sorted_table(tables["missions.csv"], "mission")
    names = ("mission", "name", "organisation", "state", "kind", "mandate", "start", "end")
    return tuple(
        Mission(key, name, organisation, state_index[state], kind, mandate, start, end, strength[key])
        for key, name, organisation, state, kind, mandate, start, end in zip(
            *(missions[name] for name in names), strict=True
        )
    )


def _milestones(table: Table) -> tuple[tuple[str, str, int], ...]:
    columns = table.columns
    return tuple(sorted(zip(columns["state"], columns["milestone"], columns["year"], strict=True)))
