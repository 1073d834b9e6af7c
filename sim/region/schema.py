"""The tables of a region folder: files, columns and what each column may hold."""

from __future__ import annotations

from typing import NamedTuple

EARLIEST_YEAR, LATEST_YEAR = 1800, 2200
QUALITIES = ("dataset", "web_page", "recalled_checked", "derived", "approximate", "assumption", "invented")
UNCERTAIN_QUALITIES = ("approximate", "assumption")
STATUSES = (0.0, 0.15, 0.35, 0.7, 1.0)
OTHER = "other"


class Column(NamedTuple):
    """One column. ``hashed`` is False for what cannot change a result: names, sources, remarks."""

    name: str
    kind: str
    lo: float = float("-inf")
    hi: float = float("inf")
    choices: tuple[str, ...] = ()
    hashed: bool = True
    empty: bool = False


class Schema(NamedTuple):
    """One table: its columns, which of them identify a row, and whether the file must be there."""

    columns: tuple[Column, ...]
    unique: tuple[str, ...]
    required: bool = False


_PROVENANCE = (
    Column("source", "text", hashed=False),
    Column("quality", "choice", choices=QUALITIES, hashed=False),
)
_NAME = Column("name", "text", hashed=False)
_PLACE = (Column("lat", "number", -90, 90), Column("lon", "number", -180, 180))
_PAIR = (Column("state_a", "state"), Column("state_b", "state"))
_YEAR = Column("year", "integer", EARLIEST_YEAR, LATEST_YEAR)


def _table(*columns: Column, unique: str, required: bool = False) -> Schema:
    return Schema((*columns, *_PROVENANCE), tuple(unique.split()), required)


_VALUES = (
    Column("state", "state"),
    _YEAR,
    Column("variable", "variable"),
    Column("value", "number"),
    Column("unit", "text", hashed=False),
)

TABLES: dict[str, Schema] = {
    "states.csv": _table(Column("state", "new_state"), _NAME, *_PLACE, unique="state", required=True),
    "state_values.csv": _table(*_VALUES, unique="state variable year", required=True),
    "state_values_vdem.csv": _table(*_VALUES, unique="state variable year"),
    "districts.csv": _table(
        Column("district", "new_district"),
        Column("state", "state"),
        _NAME,
        *_PLACE,
        Column("census_year", "integer", EARLIEST_YEAR, LATEST_YEAR),
        unique="district",
        required=True,
    ),
    "communities.csv": _table(
        Column("district", "district"),
        Column("community", "community"),
        Column("persons", "integer", 0, 1e9),
        unique="district community",
        required=True,
    ),
    "borders.csv": _table(*_PAIR, Column("border_km", "number", 0, 1e5), unique="state_a state_b", required=True),
    "kin_ties.csv": _table(
        Column("community", "community"),
        Column("kin_state", "state"),
        Column("host_state", "state"),
        Column("strength", "number", 0, 1),
        unique="community kin_state host_state",
    ),
    "power_status.csv": _table(
        Column("state", "state"),
        Column("community", "community"),
        _YEAR,
        Column("status", "status"),
        Column("reason", "text", hashed=False),
        unique="state community year",
        required=True,
    ),
    "disputes.csv": _table(
        *_PAIR,
        _YEAR,
        Column("level", "number", 0, 1),
        Column("kind", "text", hashed=False),
        unique="state_a state_b year",
    ),
    "missions.csv": _table(
        Column("mission", "new_mission"),
        _NAME,
        Column("organisation", "text", hashed=False),
        Column("state", "state"),
        Column("kind", "choice", choices=("troops", "police", "observers")),
        Column("mandate", "choice", choices=("robust", "limited", "observer")),
        Column("start", "month"),
        Column("end", "month", empty=True),
        unique="mission",
    ),
    "mission_strength.csv": _table(
        Column("mission", "mission"),
        _YEAR,
        Column("persons", "integer", 0, 1e7),
        unique="mission year",
    ),
    "war_memory.csv": _table(
        Column("place", "place"),
        Column("deaths_per_1000", "number", 0, 1000),
        Column("from_year", "integer", EARLIEST_YEAR, LATEST_YEAR),
        Column("to_year", "integer", EARLIEST_YEAR, LATEST_YEAR),
        unique="place from_year to_year",
    ),
    "displaced.csv": _table(
        Column("state", "state"),
        _YEAR,
        Column("displaced", "integer", 0, 1e9),
        unique="state year",
    ),
    "milestones.csv": _table(
        Column("state", "state"),
        Column("milestone", "key"),
        _YEAR,
        unique="state milestone",
    ),
}

HEADER_FILE = "region.toml"
OUTLINES_FILE = "outlines.geojson"
DOCUMENTS = ("SOURCES.md", "LICENCE.md")
OTHER_FILES = (HEADER_FILE, OUTLINES_FILE, "baseline.toml", *DOCUMENTS)
