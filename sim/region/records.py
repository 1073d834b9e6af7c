"""What a region is, once read: plain arrays in canonical order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
        from sim.region.outlines import read_outlines

        return read_outlines(self.folder, self.states)
