"""What a region folder holds: the state variables, the keys of ``region.toml``, and the rows of every table.

One class describes each file and checks it; the JSON Schema is made of the same classes.
"""

from __future__ import annotations

import re
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    create_model,
)
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticCustomError

from sim.region.records import OUTLINES_FILE

DIALECT = "https://json-schema.org/draft/2020-12/schema"
HEADER_FILE = "region.toml"
DOCUMENTS = ("SOURCES.md", "LICENCE.md")
OTHER_FILES = (HEADER_FILE, OUTLINES_FILE, "baseline.toml", *DOCUMENTS)
OTHER = "other"
"""Community that the small communities of a district join."""
UNCERTAIN_QUALITIES = ("approximate", "assumption")
STATUSES = (0.0, 0.15, 0.35, 0.7, 1.0)


# --- state variables ------------------------------------------------------------------------------


class Variable(NamedTuple):
    """One state variable.

    ``lo`` and ``hi`` are physical limits: a value outside them is an error. The anchors of slow fields use
    the narrower ``[bounds]`` of the region file, fixed for all years.
    """

    name: str
    unit: str
    lo: float
    hi: float
    text: str


_ALL = (
    Variable("population", "persons", 1, 2e9, "Residents; the districts are scaled to this total"),
    Variable("unemployment", "share", 0, 1, "Unemployed, share of the labour force"),
    Variable("youth_unemployment", "share", 0, 1, "Unemployed aged 15-24, share of their labour force"),
    Variable("labour_force_share", "share", 0, 1, "Labour force, share of residents"),
    Variable("youth_share", "share", 0, 1, "Residents aged 15-24, share of residents"),
    Variable("gdp_pc_usd", "USD", 0, 1e6, "Gross domestic product per head, current US dollars"),
    Variable("poverty", "share", 0, 1, "Residents below the national poverty line"),
    Variable("remittances_gdp", "share", 0, 1, "Remittances received, share of GDP"),
    Variable("milex_gdp", "share", 0, 1, "Military expenditure, share of GDP"),
    Variable("military_personnel", "persons", 0, 1e8, "Armed forces, persons"),
    Variable("police_per_1000", "per 1000", 0, 100, "Police officers per 1,000 residents"),
    Variable("pol_stability", "score", -5, 5, "Political stability and absence of violence, WGI scale"),
    Variable("internet", "share", 0, 1, "Users of the internet, share of residents"),
    Variable("alignment_west", "index", 0, 1, "Alignment with NATO and EU by membership status"),
    Variable("external_energy", "share", 0, 1, "Dependence of the energy supply on one external supplier"),
    Variable("external_media", "index", 0, 1, "Reach of the state media of external powers"),
    Variable("mined_share", "share", 0, 1, "Land suspected to be mined, share of the area"),
    Variable("hazard", "index", 0, 1, "Exposure to earthquakes, floods and fires"),
    Variable("civil_society", "index", 0, 1, "Strength of civil-society organisations"),
    Variable("polyarchy", "index", 0, 1, "Electoral democracy, V-Dem v2x_polyarchy"),
    Variable("libdem", "index", 0, 1, "Liberal democracy, V-Dem v2x_libdem"),
    Variable("rule_of_law", "index", 0, 1, "Rule of law, V-Dem v2x_rule"),
    Variable("corruption", "index", 0, 1, "Political corruption, V-Dem v2x_corr; higher is more corrupt"),
    Variable("civil_society_participation", "index", 0, 1, "Civil society participation, V-Dem v2x_cspart"),
    Variable("core_civil_society", "index", 0, 1, "Core civil society, V-Dem v2xcs_ccsi"),
    Variable("physical_integrity", "index", 0, 1, "Freedom from political killing and torture, V-Dem v2x_clphy"),
    Variable("territory_control", "share", 0, 1, "Territory under state authority, V-Dem v2svstterr / 100"),
    Variable("anti_system", "score", -5, 5, "Anti-system movements, V-Dem v2csantimv"),
    Variable("freedom_of_expression", "index", 0, 1, "Freedom of expression, V-Dem v2x_freexp_altinf"),
    Variable("judicial_constraints", "index", 0, 1, "Judicial constraints on the executive, V-Dem v2x_jucon"),
)

VARIABLES: dict[str, Variable] = {variable.name: variable for variable in _ALL}
"""Every region states each of these for each of its states, for one year at least."""


# --- values ---------------------------------------------------------------------------------------

_STATE, _COMMUNITY = "[A-Z][A-Z0-9]{2}", "[a-z][a-z0-9_]*"
_HYPHENATED = "^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*$"
_MONTH = "[0-9]{4}-(0[1-9]|1[0-2])"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LONGEST_KEY = 80
SHAPES = {
    f"^{_STATE}$": "three capitals or digits such as BIH",
    rf"^{_STATE}(?:\+{_STATE})*$": "three capitals or digits such as BIH, or several counted together such as SRB+XKX",
    f"^{_STATE}/{_COMMUNITY}$": "state and community such as XKX/serb",
    f"^{_COMMUNITY}$": "lower-case letters, digits and underscores such as serb",
    _HYPHENATED: "ASCII letters, digits and hyphens such as BIH-banja-luka",
    "^[A-Z][A-Z0-9_]*$": "capitals, digits and underscores such as KFOR",
    f"^{_MONTH}$": "YYYY-MM such as 1999-06",
}
"""What the patterns of keys and months mean, for messages."""


def _number(raw: str) -> float:
    if not re.fullmatch(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?", raw.strip()):
        raise PydanticCustomError("number", "must be a number")
    return float(raw) + 0.0


def _whole(raw: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,12}", raw.strip()):
        raise PydanticCustomError("whole", "must be a whole number")
    return int(raw)


def _month(raw: str) -> tuple[int, int]:
    if not re.fullmatch(_MONTH, raw.strip()) or not int(raw.strip()[:4]) <= 2200:
        raise PydanticCustomError("month", "is not a month", {"allowed": SHAPES[f"^{_MONTH}$"]})
    return int(raw.strip()[:4]), int(raw.strip()[5:])


def _status(value: float) -> float:
    if value not in STATUSES:
        raise PydanticCustomError("status", "is not one of the allowed values")
    return value


def _line(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("empty", "is empty")
    if _CONTROL.search(text):
        raise PydanticCustomError("control", "holds control characters")
    return text


def _ends(value: Any) -> tuple[float, float]:
    numbers = value if isinstance(value, list) and {type(part) for part in value} <= {int, float} else []
    if len(numbers) != 2 or not all(map(isfinite, numbers)) or not numbers[0] < numbers[1]:
        raise PydanticCustomError("ends", "is not a pair of bounds", {"allowed": "[lo, hi] with lo below hi"})
    return float(numbers[0]), float(numbers[1])


def _group(value: Any) -> tuple[str, str]:
    if not isinstance(value, str) or not re.fullmatch(f"{_STATE}/{_COMMUNITY}", value):
        raise PydanticCustomError("group", "is not a group", {"allowed": SHAPES[f"^{_STATE}/{_COMMUNITY}$"]})
    state, _, community = value.partition("/")
    return state, community


class Refers(NamedTuple):
    """Marks a column whose keys stand in another table: ``state``, ``district``, ``place``, ``community``, ``mission``."""

    to: str


class Remark:
    """Marks a column that cannot change a result: names, sources, remarks."""


NUMBER, WHOLE = BeforeValidator(_number), BeforeValidator(_whole)
EMPTY = BeforeValidator(lambda raw: raw if raw.strip() else None)
"""Lets a field be empty, whose type is then ``... | None``."""

Text = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_line), Remark()]
StateCode = Annotated[
    str, Field(pattern=f"^{_STATE}$", description="Code of a state: three capitals or digits such as BIH")
]
StateCodes = Annotated[str, Field(pattern=rf"^{_STATE}(?:\+{_STATE})*$")]
Key = Annotated[str, Field(pattern=f"^{_COMMUNITY}$", max_length=_LONGEST_KEY)]
Month = Annotated[
    tuple[int, int], BeforeValidator(_month), WithJsonSchema({"type": "string", "pattern": f"^{_MONTH}$"})
]
_Ends = Annotated[
    tuple[float, float],
    BeforeValidator(_ends),
    WithJsonSchema({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
]
_Group = Annotated[
    tuple[str, str],
    BeforeValidator(_group),
    WithJsonSchema({"type": "string", "pattern": f"^{_STATE}/{_COMMUNITY}$"}),
]
_District = Annotated[
    str,
    Field(
        pattern=_HYPHENATED,
        max_length=_LONGEST_KEY,
        description="Key of a district: ASCII letters, digits and hyphens",
    ),
]
_Mission = Annotated[
    str,
    Field(
        pattern="^[A-Z][A-Z0-9_]*$",
        max_length=_LONGEST_KEY,
        description="Key of a mission: capitals, digits and underscores",
    ),
]
_Community = Annotated[
    Key, Field(description="Key of a community, as in [communities] of region.toml"), Refers("community")
]
_State = Annotated[StateCode, Refers("state")]
_Name = Annotated[Text, Field(description="Name for people; changes no result")]
_Latitude = Annotated[float, Field(ge=-90, le=90, description="Latitude of the centre, degrees north"), NUMBER]
_Longitude = Annotated[float, Field(ge=-180, le=180, description="Longitude of the centre, degrees east"), NUMBER]
_Strength = Annotated[float, Field(ge=0, le=1), NUMBER]
_AnyYear = Annotated[int, Field(ge=1800, le=2200), WHOLE]
_Year = Annotated[_AnyYear, Field(description="Year from which the row holds, until the next row of its kind")]
_Persons = Annotated[int, Field(ge=0, le=1_000_000_000, description="Persons"), WHOLE]
_OneOf = WithJsonSchema(
    {
        "anyOf": [
            {"const": item.name, "description": f"{item.text}; {item.lo:g} to {item.hi:g} {item.unit}"} for item in _ALL
        ]
    }
)
if TYPE_CHECKING:
    _VariableName = str
else:
    _VariableName = Annotated[Literal[tuple(VARIABLES)], _OneOf]


# --- region.toml ----------------------------------------------------------------------------------

_HEADER = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
_Bounds: Any = create_model(  # type: ignore[call-overload]
    "Bounds",
    __config__=_HEADER,
    **{
        item.name: (
            _Ends,
            Field(description=item.text, json_schema_extra={"unit": item.unit, "limits": [item.lo, item.hi]}),
        )
        for item in _ALL
    },
)


class Header(BaseModel):
    """What ``region.toml`` says."""

    model_config = _HEADER

    format: int = Field(ge=1, le=1, description="Version of the format of this folder")
    key: Key = Field(description="Name of the region in scenario files")
    title: Text = Field(description="Name of the region for people")
    default_year: int = Field(ge=1800, le=2200, description="Year that counts as today; the baseline is solved in it")
    price_year: int = Field(ge=1800, le=2200, description="Year whose prices the euros of costs are in")
    small_community: int = Field(
        ge=0, le=1_000_000, description="Persons below which a community of a district joins the cell 'other'"
    )
    protected: list[_Group] = Field(description="Groups kept however small, as state/community such as XKX/serb")
    border_factor: float = Field(ge=0, le=1, description="Factor on the influence of neighbours across a state border")
    distance_km: float = Field(
        ge=0.1, le=10_000, description="Distance over which the influence of a neighbour falls by a factor e, km"
    )
    bounds: _Bounds = Field(description="Ends of the scale of each state variable as [low, high], fixed for all years")
    communities: dict[Key, Text] = Field(
        min_length=1,
        description="Key of each community and its name for people",
        json_schema_extra={"additionalProperties": False},
    )
    licences: dict[str, Text] = Field(min_length=1, description="Licence of each table, or of all")


# --- tables ---------------------------------------------------------------------------------------


class Row(BaseModel):
    """One row of a table of comma-separated values; every field is read from text."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Sourced(Row):
    source: Text = Field(description="Where the row comes from")
    quality: Annotated[
        Literal["dataset", "web_page", "recalled_checked", "derived", "approximate", "assumption", "invented"],
        Remark(),
    ] = Field(description="How well the row is known")


class StateRow(_Sourced):
    """One row a state."""

    state: StateCode
    name: _Name
    lat: _Latitude
    lon: _Longitude


class ValueRow(_Sourced):
    """One row a value of a state variable from a year on; the tables differ in their licence only."""

    state: _State
    year: _Year
    variable: _VariableName = Field(description="Name of a state variable")
    value: Annotated[float, NUMBER] = Field(description="Value in the unit of the variable")
    unit: Text = Field(description="Unit of the variable, for the reader; must be the right one")


class DistrictRow(_Sourced):
    """One row a district."""

    district: _District
    state: _State
    name: _Name
    lat: _Latitude
    lon: _Longitude
    census_year: _AnyYear = Field(description="Year of the census that counted the communities")


class CommunityRow(_Sourced):
    """Persons of a community in a district."""

    district: Annotated[_District, Refers("district")]
    community: _Community
    persons: _Persons


class _PairRow(_Sourced):
    state_a: _State = Field(description="Code of one state of a pair; the order does not matter")
    state_b: _State = Field(description="Code of the other state of a pair")


class BorderRow(_PairRow):
    """Two states with a common border."""

    border_km: Annotated[float, NUMBER] = Field(ge=0, le=100_000, description="Length of the common border, km")


class KinRow(_Sourced):
    """Ties of a community in a host state with a kin state."""

    community: _Community
    kin_state: _State = Field(description="Code of the state where the community is at home")
    host_state: _State = Field(description="Code of the state where it lives as well")
    strength: _Strength = Field(description="Strength of the tie, 0 to 1")


class PowerRow(_Sourced):
    """Exclusion of a community from power in a state from a year on."""

    state: _State
    community: _Community
    year: _Year
    status: Annotated[float, NUMBER, AfterValidator(_status), WithJsonSchema({"enum": list(STATUSES)})] = Field(
        description="Exclusion from power: 0 none, 0.15, 0.35, 0.7, 1 full"
    )
    reason: Text = Field(description="Why the status was coded so")


class DisputeRow(_PairRow):
    """Disputes between two states from a year on."""

    year: _Year
    level: _Strength = Field(description="Level of the dispute, 0 to 1")
    kind: Text = Field(description="Kind of the dispute, in a word of your own")


class MissionRow(_Sourced):
    """International missions, one state each."""

    mission: _Mission
    name: _Name
    organisation: Text = Field(description="Who leads the mission")
    state: _State
    kind: Literal["troops", "police", "observers"] = Field(description="Kind of the mission")
    mandate: Literal["robust", "limited", "observer"] = Field(description="What the mission may do")
    start: Month = Field(description="First month, as 1999-06")
    end: Annotated[
        Month | None,
        EMPTY,
        WithJsonSchema({"type": "string", "pattern": f"^({_MONTH})?$"}),
    ] = Field(description="Last month; empty while it lasts")


class MissionStrengthRow(_Sourced):
    """Persons of a mission from a year on."""

    mission: Annotated[_Mission, Refers("mission")]
    year: _Year
    persons: Annotated[int, Field(ge=0, le=10_000_000, description="Persons"), WHOLE]


class WarRow(_Sourced):
    """War deaths of a state or district in a period."""

    place: Annotated[str, Field(pattern=_HYPHENATED, max_length=_LONGEST_KEY), Refers("place")] = Field(
        description="Code of a state or key of a district"
    )
    deaths_per_1000: Annotated[float, NUMBER] = Field(ge=0, le=1000, description="War deaths per 1,000 residents")
    from_year: _AnyYear = Field(description="First year of the war")
    to_year: _AnyYear = Field(description="Last year of the war")


class DisplacedRow(_Sourced):
    """Persons displaced inside a state."""

    state: _State
    year: _Year
    displaced: _Persons = Field(description="Persons displaced inside the state")


class MilestoneRow(_Sourced):
    """Steps of a state towards NATO and the EU."""

    state: _State
    milestone: Key = Field(description="Step: pfp, map, nato, saa, app, cand, neg or eu")
    year: _Year


class Schema(NamedTuple):
    """One table: what its rows hold, which columns identify a row, and whether the file must be there."""

    row: type[Row]
    unique: tuple[str, ...]
    required: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, where a row comes from last."""
        return tuple(sorted(self.row.model_fields, key=lambda name: name in ("source", "quality")))

    def marks(self, column: str, mark: type) -> list[Any]:
        """Marks of a kind that a column bears, `Refers` or `Remark`."""
        return [one for one in self.row.model_fields[column].metadata if isinstance(one, mark)]


TABLES: dict[str, Schema] = {
    "states.csv": Schema(StateRow, ("state",), required=True),
    "state_values.csv": Schema(ValueRow, ("state", "variable", "year"), required=True),
    "state_values_vdem.csv": Schema(ValueRow, ("state", "variable", "year")),
    "districts.csv": Schema(DistrictRow, ("district",), required=True),
    "communities.csv": Schema(CommunityRow, ("district", "community"), required=True),
    "borders.csv": Schema(BorderRow, ("state_a", "state_b"), required=True),
    "kin_ties.csv": Schema(KinRow, ("community", "kin_state", "host_state")),
    "power_status.csv": Schema(PowerRow, ("state", "community", "year"), required=True),
    "disputes.csv": Schema(DisputeRow, ("state_a", "state_b", "year")),
    "missions.csv": Schema(MissionRow, ("mission",)),
    "mission_strength.csv": Schema(MissionStrengthRow, ("mission", "year")),
    "war_memory.csv": Schema(WarRow, ("place", "from_year", "to_year")),
    "displaced.csv": Schema(DisplacedRow, ("state", "year")),
    "milestones.csv": Schema(MilestoneRow, ("state", "milestone")),
}


# --- JSON Schema ----------------------------------------------------------------------------------


class _Untitled(GenerateJsonSchema):
    """Leaves out titles that would only repeat names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@cache
def described(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of each field of a model, by name."""
    properties: dict[str, Any] = model.model_json_schema(schema_generator=_Untitled)["properties"]
    return properties


def region_schema() -> dict[str, Any]:
    """Return the JSON Schema of a region folder: the root describes ``region.toml``, ``$defs`` every table.

    A table is a list of rows; ``key`` names the columns that identify a row, ``needed`` says whether the file must
    be there.
    """
    header = Header.model_json_schema(schema_generator=_Untitled)
    tables = {
        name: {
            "type": "array",
            "key": list(table.unique),
            "needed": table.required,
            "items": table.row.model_json_schema(schema_generator=_Untitled)
            | {
                "properties": {column: described(table.row)[column] for column in table.columns},
                "required": list(table.columns),
            },
        }
        for name, table in TABLES.items()
    }
    about = "region.toml of a region folder; each table of the folder stands in $defs, as a list of rows"
    return {
        "$schema": DIALECT,
        **header,
        "title": "stabsim region",
        "description": about,
        "$defs": header["$defs"] | tables,
    }
