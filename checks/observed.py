"""What sources recorded, and what they would have recorded of a run: observed tables and the observation model.

The tables of a folder are in the format of ``docs/hindcast.md``. Protest comes from crowds and deaths from the armed
track; they are never added up (riots such as March 2004 are in neither source).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from sim.errors import InputError, Problem, nearest
from sim.kernels.draws import uniform
from sim.model.month import StabilityModel
from sim.region.read import Table, read_table
from sim.region.schema import EMPTY, NUMBER, WHOLE, Key, Month, Row, Schema, StateCodes, Text
from sim.world.outcomes import OUTCOME_INDEX

F8 = NDArray[np.float64]
FOLDER = Path(__file__).parent / "observed"
"""The tables shipped with the package: 1989-2010, from open sources."""
CROWD = 50
"""Smallest crowd that counts as a protest in the source."""
HALF_SEEN = 3000.0
"""Size at which half of all protests enter the source [A]."""
UCDP_DEATHS = 25
"""Deaths in a calendar year from which the source counts a conflict."""
REPORTED = np.uint64(200)
"""Stream of the draws that decide what is reported, outside those of the model."""

_Count = Annotated[Annotated[float, Field(ge=0, le=1e9), NUMBER] | None, EMPTY]
_Number = Annotated[Annotated[int, Field(ge=0, le=1e6), WHOLE] | None, EMPTY]


class _MonthRow(Row):
    state: StateCodes
    month: Month
    source: Text


class _DeathsRow(_MonthRow):
    deaths: _Count


class _ProtestsRow(_MonthRow):
    events: _Number
    violent: _Number
    participants: _Count


class _SizesRow(_MonthRow):
    at_least: Annotated[int, Field(ge=0, le=1e8), WHOLE]
    events: Annotated[int, Field(ge=1, le=1e6), WHOLE]


class _DisplacedRow(_MonthRow):
    displaced: _Count


class _EpisodeRow(Row):
    episode: Key
    state: StateCodes
    start: Month
    end: Month
    deaths_low: _Count
    deaths_high: _Count
    participants: _Count
    sites: _Count
    displaced: _Count
    source: Text


TABLES: dict[str, Schema] = {
    "deaths.csv": Schema(_DeathsRow, ("state", "month")),
    "protests.csv": Schema(_ProtestsRow, ("state", "month")),
    "protest_sizes.csv": Schema(_SizesRow, ("state", "month", "at_least")),
    "displaced.csv": Schema(_DisplacedRow, ("state", "month")),
    "episodes.csv": Schema(_EpisodeRow, ("episode",)),
}
MONTHLY = {"protests": ("protests.csv", "events"), "deaths": ("deaths.csv", "deaths"),
           "displaced": ("displaced.csv", "displaced")}  # fmt: skip
"""Outcomes that are scored: the table and the column of each."""


@dataclass(frozen=True, eq=False)
class Grid:
    """One outcome by month and unit: ``values`` (months, n_units) with NaN for missing.

    ``first`` is the first month, counted as year * 12 + month - 1. A unit is a state or several counted together,
    such as ``SRB+XKX``.
    """

    outcome: str
    units: tuple[str, ...]
    first: int
    values: F8

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which cells are not missing."""
        return np.isfinite(self.values)


@dataclass(frozen=True, eq=False)
class Observed:
    """The tables of a folder as frames; ``month`` (and ``start``, ``end``) count months from year 0."""

    folder: Path
    tables: dict[str, pd.DataFrame]

    def grid(self, outcome: str, first: int, last: int, units: tuple[str, ...] = ()) -> Grid:
        """One of `MONTHLY` from month ``first`` to month ``last``; a state-month without a row is missing.

        ``units`` are those wanted, all with a row in these months by default.
        """
        file, column = MONTHLY[outcome]
        frame = self.tables[file]
        frame = frame[(frame["month"] >= first) & (frame["month"] <= last)]
        units = units or tuple(sorted(frame["state"].unique()))
        frame = frame[frame["state"].isin(units)]
        values = np.full((last - first + 1, len(units)), np.nan)
        index = {unit: k for k, unit in enumerate(units)}
        values[frame["month"].to_numpy() - first, [index[unit] for unit in frame["state"]]] = frame[column]
        return Grid(outcome, units, first, values)


def month_number(year: int, month: int) -> int:
    """Months since January of year 0."""
    return 12 * year + month - 1


def month_text(number: int) -> str:
    """A month as 1998-01."""
    return f"{number // 12}-{number % 12 + 1:02d}"


def read_observed(folder: Path | None = None) -> Observed:
    """Read a folder of observed tables; without one, those shipped with the package.

    Any of the files may be absent; what is there is checked in full.

    Raises
    ------
    InputError
        With file, line and column of every problem; also when the folder holds none of the tables.
    """
    folder = folder or FOLDER
    names = ", ".join(TABLES)
    if not folder.is_dir():
        raise InputError(Problem("is not a folder", file=str(folder), allowed=f"a folder with {names}"))
    strange = sorted(path.name for path in folder.iterdir() if path.suffix == ".csv" and path.name not in TABLES)
    problems = [Problem("unknown table", file=name, allowed=names, hint=nearest(name, TABLES)) for name in strange]
    tables = {}
    for name, schema in TABLES.items():
        read = read_table(folder, name, schema, problems)
        _check_rows(read, schema, problems)
        tables[name] = _frame(read, schema)
    if problems:
        raise InputError(problems)
    if not any(len(tables[file]) for file, _ in MONTHLY.values()):
        wanted = " or ".join(file for file, _ in MONTHLY.values())
        raise InputError(Problem("holds no observed outcome", file=str(folder), allowed=f"at least {wanted}"))
    return Observed(folder, tables)


def _check_rows(table: Table, schema: Schema, problems: list[Problem]) -> None:
    """No row twice, no state counted both alone and with others in a month, no episode that ends before it starts."""
    seen: dict[tuple[Any, ...], int] = {}
    for row, key in enumerate(zip(*(table[name] for name in schema.unique), strict=True)):
        if key in seen:
            line = table.lines[seen[key]]
            problems.append(table.problem(row, schema.unique[0], f"row stands twice, first in line {line}"))
        seen.setdefault(key, row)
    if "end" in schema.columns:
        for row, (start, end) in enumerate(zip(table["start"], table["end"], strict=True)):
            if end < start:
                problems.append(table.problem(row, "end", "ends before it starts"))
        return
    owners: dict[tuple[Any, str], str] = {}
    for row, (unit, month) in enumerate(zip(table["state"], table["month"], strict=True)):
        for state in unit.split("+"):
            if owners.setdefault((month, state), unit) != unit:
                what = f"{state} is counted in {owners[month, state]} as well in this month"
                problems.append(table.problem(row, "state", what))


def _frame(table: Table, schema: Schema) -> pd.DataFrame:
    made = pd.DataFrame({name: table[name] for name in schema.columns})
    for name in schema.columns:
        if name in ("month", "start", "end"):
            made[name] = np.array([month_number(*value) for value in made[name]], np.int64)
        elif name not in ("state", "episode", "source"):
            made[name] = made[name].astype(np.float64)
    return made


# --- the observation model ------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Recorded:
    """What sources would have recorded of one run, (months, n_states) each.

    ``protests`` reported crowds of 50 and more, ``deaths`` of the armed track, ``displaced`` persons at the end of the month. ``crowds`` (n, 3): month, state and persons of every reported crowd.
    """

    states: tuple[str, ...]
    first: int
    protests: F8
    deaths: F8
    displaced: F8
    crowds: NDArray[np.int64]


def detection(persons: Any) -> Any:
    """Chance that a crowd of so many persons enters the source: 1 / (1 + (3000 / n)^2), 0 under 50 persons."""
    n = np.asarray(persons, np.float64)
    return np.where(n >= CROWD, 1.0 / (1.0 + (HALF_SEEN / np.maximum(n, 1.0)) ** 2), 0.0)


def record(model: StabilityModel) -> Recorded:
    """Say what sources would have recorded of a finished run that logged its rounds.

    A crowd is the turn-out of a district in a round. Whether it is reported is drawn with the run's seed, the round and the
    district as key, so the same run always gives the same record.
    """
    world, region = model.world, model.setting.region
    months = world.month
    crowds = world.tallies.round_log[0, : 4 * months]
    if crowds.shape[0] < 4 * months:
        raise ValueError("the run did not log its rounds")
    reported = _reported(crowds, world.seed, model.setting.geography)
    protests = np.zeros((months, region.n_states))
    np.add.at(protests, (reported[:, 0], reported[:, 1]), 1.0)
    first = month_number(model.spec.start_year, model.spec.start_month)
    series = world.recorder.series[:months]
    deaths = counted_deaths(series[:, :, OUTCOME_INDEX["armed_deaths"]], first)
    displaced = series[:, :, OUTCOME_INDEX["displaced"]].astype(np.float64)
    return Recorded(tuple(region.states), first, protests, deaths, displaced, reported)


def _reported(crowds: Any, seed: Any, geography: Any) -> NDArray[np.int64]:
    """Month, state and persons of reported crowds, from turn-out by round and district."""
    large = np.argwhere(crowds >= CROWD)
    size = crowds[tuple(large.T)]
    chance = detection(size)
    reported = np.array([uniform(seed, REPORTED, tick, geography.district_uid[d], 0) for tick, d in large]) < chance
    seen = large[reported]
    return np.column_stack([seen[:, 0] // 4, geography.district_state[seen[:, 1]], size[reported]]).astype(np.int64)


def counted_deaths(deaths: F8, first: int) -> F8:
    """Deaths (months, n_states) of states that reached 25 in some calendar year; the others are not in the source.

    The source's rule is by conflict; here a state is one conflict. A year cut by the first or last month counts as it is.
    """
    years = (first + np.arange(deaths.shape[0])) // 12
    totals = np.array([deaths[years == year].sum(axis=0) for year in np.unique(years)])
    return np.asarray(deaths * (totals.max(axis=0) >= UCDP_DEATHS), np.float64)


def by_unit(values: F8, states: Sequence[str], units: Sequence[str]) -> F8:
    """Sum (..., n_states) over the states of each unit: (..., n_units)."""
    index = {state: k for k, state in enumerate(states)}
    return np.stack([values[..., [index[s] for s in unit.split("+")]].sum(axis=-1) for unit in units], axis=-1)
