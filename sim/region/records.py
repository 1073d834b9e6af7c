"""What a region is, once read: plain arrays in canonical order, and the outlines of its states for maps."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import Problem, RegionError
from sim.region.files import read_text

OUTLINES_FILE = "outlines.geojson"

F8 = NDArray[np.float64]
I4 = NDArray[np.int32]
I8 = NDArray[np.int64]
U8 = NDArray[np.uint64]

Ring = list[tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Mission:
    """An international mission in one state (a mission in several states is one record for each).

    ``state`` indexes `Region.states`; ``kind`` is ``troops``, ``police`` or ``observers``; ``mandate`` is
    ``robust``, ``limited`` or ``observer``; ``start`` and ``end`` are (year, month) of the first and last
    month; ``strength`` is persons by year, with gaps.
    """

    key: str
    name: str
    organisation: str
    state: int
    kind: str
    mandate: str
    start: tuple[int, int]
    end: tuple[int, int] | None
    strength: dict[int, int]

    def persons(self, year: int, month: int) -> int:
        """Return the strength in a month: latest year at or before it, else nearest later; 0 outside."""
        if (year, month) < self.start or (self.end is not None and (year, month) > self.end):
            return 0
        earlier = [known for known in self.strength if known <= year]
        return self.strength[max(earlier) if earlier else min(self.strength)]


@dataclass(frozen=True, eq=False)
class Region:
    """A region at one year. Arrays are read-only and sorted by key, whatever the order of the tables.

    Cells (a community in a district) are sorted by state, district key and community key; groups (a community
    in a state) by state and community key. ``sha256`` covers the content of all tables for all years except
    display names, sources and outlines, so it names the folder and not the year.
    """

    key: str
    title: str
    year: int
    folder: Path
    sha256: str
    price_year: int
    border_factor: float
    distance_km: float

    states: tuple[str, ...]
    state_names: tuple[str, ...]
    state_uid: U8
    state_lat: F8
    state_lon: F8

    communities: tuple[str, ...]
    community_names: tuple[str, ...]

    districts: tuple[str, ...]
    district_names: tuple[str, ...]
    district_uid: U8
    district_state: I4
    district_lat: F8
    district_lon: F8
    district_population: I8
    district_cells: I4
    """(n_districts + 1,) offsets: cells of district d are ``[district_cells[d], district_cells[d + 1])``."""

    cell_uid: U8
    cell_district: I4
    cell_community: I4
    cell_group: I4
    cell_population: I8

    group_uid: U8
    group_state: I4
    group_community: I4
    group_population: I8

    values: dict[str, F8]
    """State variables at the year: latest row at or before it, else nearest later (then in ``notes``)."""
    exclusion: F8
    """(n_groups,) exclusion from power: 0, 0.15, 0.35, 0.7 or 1."""
    kin_group_a: I4
    kin_group_b: I4
    kin_strength: F8
    """Kin ties between groups of different states, each listed in both directions."""
    border_a: I4
    border_b: I4
    border_km: F8
    dispute_a: I4
    dispute_b: I4
    dispute_level: F8
    war_deaths_per_1000: F8
    """(n_cells,) war deaths before the start of the year, per 1,000 residents."""
    memory_years: F8
    """(n_cells,) years from the end of the latest war to the start of the year; nan where there was none."""
    displaced: I8
    """(n_states,) persons living displaced inside the state at the start of the year."""
    missions: tuple[Mission, ...]
    milestones: tuple[tuple[str, str, int], ...]
    bounds: dict[str, tuple[float, float]]
    notes: tuple[str, ...]

    @property
    def n_states(self) -> int:
        """Number of states."""
        return len(self.states)

    @property
    def n_districts(self) -> int:
        """Number of districts."""
        return len(self.districts)

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.cell_uid)

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.group_uid)

    def outlines(self) -> dict[str, list[Ring]]:
        """Read the outlines of the states, for maps only.

        Returns
        -------
        dict of str to list of rings
            Outer rings as (lon, lat) in degrees by state; empty when the region has no outlines.
        """
        if not (self.folder / OUTLINES_FILE).exists():
            return {}
        found = read_outlines(self.folder, self.states)
        if isinstance(found, Problem):
            raise RegionError(found)
        return found


def read_outlines(folder: Path, states: Sequence[str]) -> dict[str, list[Ring]] | Problem:
    """Read the outlines of a folder: GeoJSON features with a property ``state`` and a Polygon or MultiPolygon each."""
    text = read_text(folder, OUTLINES_FILE)
    if isinstance(text, Problem):
        return text
    rings: dict[str, list[Ring]] = {}
    try:
        for feature in json.loads(text)["features"]:
            rings.setdefault(str(feature["properties"]["state"]), []).extend(_rings(feature["geometry"]))
    except json.JSONDecodeError as error:
        return Problem(error.msg, file=OUTLINES_FILE, line=error.lineno, column=error.colno)
    except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        return Problem(
            f"not GeoJSON as expected: {type(error).__name__} {error}"[:200],
            file=OUTLINES_FILE,
            allowed="features with a property 'state' and a Polygon or MultiPolygon",
        )
    unknown = sorted(set(rings) - set(states))
    if unknown:
        return Problem("unknown state", file=OUTLINES_FILE, got=unknown[0][:40], allowed=", ".join(states))
    return {state: rings[state] for state in states if state in rings}


def _rings(geometry: dict[str, Any]) -> list[Ring]:
    """Outer rings of one geometry."""
    if geometry["type"] not in ("Polygon", "MultiPolygon"):
        raise ValueError(str(geometry["type"])[:40])
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    rings = [[(float(point[0]), float(point[1])) for point in polygon[0]] for polygon in polygons]
    if not all(math.isfinite(value) for ring in rings for point in ring for value in point):
        raise ValueError("coordinates must be finite")
    return rings
