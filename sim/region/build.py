"""Turn checked tables into the arrays of a region at one year."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.region.read import Table, Tables, content_hash
from sim.region.records import F8, I8, U8, Mission, Region
from sim.region.schema import OTHER, UNCERTAIN_QUALITIES, VARIABLES, Header
from sim.types import stable_uid

OLD_YEARS = 5
MIN_PERSONS = 8
"""A cell holds at least this many persons: with one citizen per person it still has 8 citizens."""


def build_region(tables: Tables, header: Header, year: int) -> Region:
    """Build the region at a year from tables that passed every check."""
    notes: list[str] = []
    states = sorted(tables["states.csv"], key=lambda row: row.state)
    keys = [row.state for row in states]
    state_index = {key: index for index, key in enumerate(keys)}
    values = _values(tables, keys, year, notes)

    districts = sorted(tables["districts.csv"], key=lambda row: (row.state, row.district))
    census = merge_small(tables, header)
    cells = [(row.state, row.district, community) for row in districts for community in census[row.district]]
    population: list[int] = []
    for state, total in zip(keys, values["population"].tolist(), strict=True):
        own = [census[district][community] for of, district, community in cells if of == state]
        population += rake(own, round(total))
    district_index = {row.district: index for index, row in enumerate(districts)}
    cell_district = [district_index[district] for _, district, _ in cells]

    communities = sorted(header.communities)
    community_index = {key: index for index, key in enumerate(communities)}
    groups = sorted({(state, community) for state, _, community in cells})
    group_index = {key: index for index, key in enumerate(groups)}
    cell_group = [group_index[state, community] for state, _, community in cells]
    censuses = sorted({(row.state, row.census_year) for row in districts if abs(row.census_year - year) > OLD_YEARS})
    if censuses:
        named = ", ".join(f"{state} {census_year}" for state, census_year in censuses)
        notes.append(f"composition of communities in {year} is that of another year's census: {named}")

    war_deaths, memory_years = _war_memory(tables["war_memory.csv"], cells, year)
    kin = _kin(tables["kin_ties.csv"], group_index)
    borders = _pairs(((row.state_a, row.state_b, row.border_km) for row in tables["borders.csv"]), state_index)
    disputes = _pairs(_disputes(tables["disputes.csv"], year), state_index)
    displaced = _latest(
        ((row.state, row.year, row.displaced) for row in tables["displaced.csv"] if row.year <= year), year
    )
    return Region(
        key=header.key,
        title=header.title,
        year=year,
        folder=tables.folder,
        sha256=content_hash(header, tables),
        price_year=header.price_year,
        border_factor=float(header.border_factor),
        distance_km=float(header.distance_km),
        states=tuple(keys),
        state_names=tuple(row.name for row in states),
        state_uid=_uids(keys),
        state_lat=_f8([row.lat for row in states]),
        state_lon=_f8([row.lon for row in states]),
        communities=tuple(communities),
        community_names=tuple(header.communities[key] for key in communities),
        districts=tuple(row.district for row in districts),
        district_names=tuple(row.name for row in districts),
        district_uid=_uids(f"{row.state}/{row.district}" for row in districts),
        district_state=_i4([state_index[row.state] for row in districts]),
        district_lat=_f8([row.lat for row in districts]),
        district_lon=_f8([row.lon for row in districts]),
        district_population=_totals(cell_district, population, len(district_index)),
        district_cells=_i4([0, *np.cumsum([len(census[row.district]) for row in districts])]),
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
        displaced=_i8([displaced[state][1] if state in displaced else 0 for state in keys]),
        missions=_missions(tables, state_index),
        milestones=tuple(sorted((row.state, row.milestone, row.year) for row in tables["milestones.csv"])),
        bounds=dict(header.bounds),
        notes=tuple(notes),
    )


# --- cells ----------------------------------------------------------------------------------------


def merge_small(tables: Tables, header: Header) -> dict[str, dict[str, int]]:
    """Join the small communities of each district into its cell ``other``.

    A community is kept when it has ``small_community`` persons or more in the census, is protected, or is
    the largest of its district; fewer than `MIN_PERSONS` are never kept, and a smaller cell ``other`` joins
    the largest community. Census counts decide, so the cells are the same in every year.

    Returns
    -------
    dict of str to dict of str to int
        Persons counted in the census by district and community, keys sorted; no district without people.
    """
    state_of = {row.district: row.state for row in tables["districts.csv"]}
    counts: dict[str, dict[str, int]] = {}
    for row in tables["communities.csv"]:
        if row.persons:
            counts.setdefault(row.district, {})[row.community] = row.persons
    cells: dict[str, dict[str, int]] = {}
    for district, counted in sorted(counts.items()):
        largest = min(counted, key=lambda community: (-counted[community], community))
        joined: dict[str, int] = {}
        for community, persons in counted.items():
            protected = (state_of.get(district, ""), community) in header.protected
            kept = persons >= (MIN_PERSONS if protected else header.small_community) or community == largest
            target = community if kept else OTHER
            joined[target] = joined.get(target, 0) + persons
        if OTHER in joined and joined[OTHER] < MIN_PERSONS and largest != OTHER:
            joined[largest] += joined.pop(OTHER)
        cells[district] = dict(sorted(joined.items()))
    return cells


def rake(counts: Sequence[int], total: int, least: int = MIN_PERSONS) -> list[int]:
    """Scale whole counts to a whole total by largest remainders, with a least count each.

    Parameters
    ----------
    counts : sequence of int, persons
        Positive counts.
    total : int, persons
        The total wanted, at least ``least * len(counts)``.
    least : int, persons
        What each entry gets at least; the largest entry gives.

    Returns
    -------
    list of int, persons
        Counts that sum to ``total``; ties go to the earlier entry. Exact integer arithmetic.
    """
    whole = sum(counts)
    scaled = [count * total // whole for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda index: (-(counts[index] * total % whole), index))
    for index in by_remainder[: total - sum(scaled)]:
        scaled[index] += 1
    for index in range(len(scaled)):
        while scaled[index] < least:
            richest = max(range(len(scaled)), key=lambda other: (scaled[other], -other))
            given = min(least - scaled[index], scaled[richest] - least)
            scaled[index] += given
            scaled[richest] -= given
    return scaled


# --- values and ties ------------------------------------------------------------------------------


def _freeze(items: Any, dtype: Any) -> NDArray[Any]:
    array = np.array(items, dtype=dtype)
    array.flags.writeable = False
    return array


_f8, _i4, _i8 = (partial(_freeze, dtype=dtype) for dtype in (np.float64, np.int32, np.int64))


def _uids(keys: Iterable[str]) -> U8:
    """Stable 64-bit names of keys."""
    return _freeze([stable_uid(key) for key in keys], np.uint64)


def _totals(index: Sequence[int], persons: Sequence[int], size: int) -> I8:
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, np.asarray(index), np.asarray(persons, dtype=np.int64))
    return _freeze(total, np.int64)


def _latest(rows: Iterable[tuple[Any, int, Any]], year: int) -> dict[Any, tuple[int, Any]]:
    """By key the year and value of the latest row at or before ``year``, else of the nearest later."""
    best: dict[Any, tuple[int, Any]] = {}
    for key, known, value in rows:
        old = best.get(key)
        if old is None or (known <= year and (old[0] < known or old[0] > year)) or (year < known < old[0]):
            best[key] = (known, value)
    return best


def _values(tables: Tables, states: list[str], year: int, notes: list[str]) -> dict[str, F8]:
    rows = (*tables["state_values.csv"], *tables["state_values_vdem.csv"])
    best = _latest((((row.variable, row.state), row.year, row) for row in rows), year)
    values: dict[str, F8] = {}
    late: list[str] = []
    old: list[str] = []
    rough: list[str] = []
    for name in VARIABLES:
        found = [best[name, state][1] for state in states]
        values[name] = _f8([row.value for row in found])
        late += [f"{name} {row.state} {row.year}" for row in found if row.year > year]
        uncertain = [row.state for row in found if row.quality in UNCERTAIN_QUALITIES]
        if uncertain:
            rough.append(name if len(uncertain) == len(states) else f"{name} ({', '.join(uncertain)})")
        old += [
            f"{name} {row.state} {row.year}"
            for row in found
            if year - row.year > OLD_YEARS and row.quality not in (*UNCERTAIN_QUALITIES, "invented")
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
    best = _latest((((row.state, row.community), row.year, row.status) for row in table), year)
    late = [f"{state}/{name} {best[state, name][0]}" for state, name in groups if best[state, name][0] > year]
    if late:
        notes.append(f"later power status used in {year}: {', '.join(late)}")
    return _f8([best[group][1] for group in groups])


def _kin(table: Table, group_index: dict[tuple[str, str], int]) -> list[tuple[int, int, float]]:
    """Ties between groups that have a cell, in both directions."""
    ties = []
    for row in table:
        one = group_index.get((row.kin_state, row.community))
        two = group_index.get((row.host_state, row.community))
        if one is not None and two is not None and row.strength > 0:
            ties += [(one, two, row.strength), (two, one, row.strength)]
    return sorted(ties)


def _pairs(rows: Iterable[tuple[str, str, float]], state_index: dict[str, int]) -> list[tuple[int, int, float]]:
    """Pairs of states by index, a < b, sorted."""
    return sorted(
        (min(state_index[a], state_index[b]), max(state_index[a], state_index[b]), value) for a, b, value in rows
    )


def _disputes(table: Table, year: int) -> list[tuple[str, str, float]]:
    """Disputes open at a year: the latest row at or before it, none before the first row."""
    past = (row for row in table if row.year <= year)
    best = _latest(((tuple(sorted((row.state_a, row.state_b))), row.year, row.level) for row in past), year)
    return [(a, b, level) for (a, b), (_, level) in best.items() if level > 0]


def _war_memory(table: Table, cells: list[tuple[str, str, str]], year: int) -> tuple[F8, F8]:
    """War deaths per 1,000 before the year and years since the latest war, by cell.

    Rows of a district and of its state add up; a war still going on counts by the share of its years gone by.
    """
    deaths: dict[str, float] = {}
    ended: dict[str, int] = {}
    for place, first, last, rate in sorted((r.place, r.from_year, r.to_year, r.deaths_per_1000) for r in table):
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


def _missions(tables: Tables, state_index: dict[str, int]) -> tuple[Mission, ...]:
    strength: dict[str, dict[int, int]] = {}
    for row in sorted(tables["mission_strength.csv"], key=lambda row: (row.mission, row.year)):
        strength.setdefault(row.mission, {})[row.year] = row.persons
    return tuple(
        Mission(
            row.mission,
            row.name,
            row.organisation,
            state_index[row.state],
            row.kind,
            row.mandate,
            row.start,
            row.end,
            strength[row.mission],
        )
        for row in sorted(tables["missions.csv"], key=lambda row: row.mission)
    )
