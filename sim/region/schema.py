"""The files of a region folder: keys of the header, tables, columns, and what each may hold."""

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


class HeaderKey(NamedTuple):
    """One key of ``region.toml``: its kind, the range of a number, what it means."""

    kind: str
    text: str
    lo: float = 0
    hi: float = 0


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

HEADER_KEYS: dict[str, HeaderKey] = {
    "format": HeaderKey("integer", "Version of the format of this folder", 1, 1),
    "key": HeaderKey("key", "Name of the region in scenario files"),
    "title": HeaderKey("text", "Name of the region for people"),
    "default_year": HeaderKey("integer", "Year that counts as today; the baseline is solved in it", 1800, 2200),
    "price_year": HeaderKey("integer", "Year whose prices the euros of costs are in", 1800, 2200),
    "small_community": HeaderKey(
        "integer", "Persons below which a community of a district joins the cell 'other'", 0, 1_000_000
    ),
    "protected": HeaderKey("list", "Groups kept however small, as state/community such as XKX/serb"),
    "border_factor": HeaderKey("number", "Factor on the influence of neighbours across a state border", 0, 1),
    "distance_km": HeaderKey(
        "number", "Distance over which the influence of a neighbour falls by a factor e, km", 0.1, 10_000
    ),
    "bounds": HeaderKey("table", "Ends of the scale of each state variable as [low, high], fixed for all years"),
    "communities": HeaderKey("table", "Key of each community and its name for people"),
    "licences": HeaderKey("table", "Licence of each table, or of all"),
}

TABLE_TEXT = {
    "states.csv": "One row a state",
    "state_values.csv": "One row a value of a state variable from a year on",
    "state_values_vdem.csv": "The same for values under another licence",
    "districts.csv": "One row a district",
    "communities.csv": "Persons of a community in a district",
    "borders.csv": "Two states with a common border",
    "kin_ties.csv": "Ties of a community in a host state with a kin state",
    "power_status.csv": "Exclusion of a community from power in a state from a year on",
    "disputes.csv": "Disputes between two states from a year on",
    "missions.csv": "International missions, one state each",
    "mission_strength.csv": "Persons of a mission from a year on",
    "war_memory.csv": "War deaths of a state or district in a period",
    "displaced.csv": "Persons displaced inside a state",
    "milestones.csv": "Steps of a state towards NATO and the EU",
}

COLUMN_TEXT = {
    "state": "Code of a state: three capitals or digits such as BIH",
    "state_a": "Code of one state of a pair; the order does not matter",
    "state_b": "Code of the other state of a pair",
    "kin_state": "Code of the state where the community is at home",
    "host_state": "Code of the state where it lives as well",
    "district": "Key of a district: ASCII letters, digits and hyphens",
    "community": "Key of a community, as in [communities] of region.toml",
    "mission": "Key of a mission: capitals, digits and underscores",
    "place": "Code of a state or key of a district",
    "name": "Name for people; changes no result",
    "lat": "Latitude of the centre, degrees north",
    "lon": "Longitude of the centre, degrees east",
    "year": "Year from which the row holds, until the next row of its kind",
    "census_year": "Year of the census that counted the communities",
    "variable": "Name of a state variable",
    "value": "Value in the unit of the variable",
    "unit": "Unit of the variable, for the reader; must be the right one",
    "persons": "Persons",
    "border_km": "Length of the common border, km",
    "strength": "Strength of the tie, 0 to 1",
    "status": "Exclusion from power: 0 none, 0.15, 0.35, 0.7, 1 full",
    "reason": "Why the status was coded so",
    "level": "Level of the dispute, 0 to 1",
    "kind": "Kind: of a mission troops, police or observers; of a dispute a word of your own",
    "organisation": "Who leads the mission",
    "mandate": "What the mission may do: robust, limited or observer",
    "start": "First month, as 1999-06",
    "end": "Last month; empty while it lasts",
    "deaths_per_1000": "War deaths per 1,000 residents",
    "from_year": "First year of the war",
    "to_year": "Last year of the war",
    "displaced": "Persons displaced inside the state",
    "milestone": "Step: pfp, map, nato, saa, app, cand, neg or eu",
    "source": "Where the row comes from",
    "quality": "How well the row is known",
}
