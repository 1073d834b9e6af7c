"""Record a run as frames: region and states by month, districts by month, decisions in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.experiment.tables import pool_region
from sim.types import ACTIVE, ARMED_DEATHS, COMMUNAL_DEATHS, INCIDENTS, NEW_DISPLACED
from sim.world.outcomes import OUTCOME_NAMES

if TYPE_CHECKING:
    from sim.model.month import StabilityModel

F8 = NDArray[np.float64]
Line = tuple[int, str, str, str]
"""Month, who, what, why."""

MONTHS_PER_PART = 24
"""The first two years are shown while the rest still runs."""


@dataclass(frozen=True)
class Measure:
    """What the map can show: one number a district and month."""

    name: str
    label: str
    unit: str


MEASURES = (
    Measure("tension", "Tension", "0 to 1"),
    Measure("participants", "Protest participation", "person-weeks per 10,000 residents"),
    Measure("incidents", "Communal incidents", "events"),
    Measure("deaths", "Deaths, communal and armed", "persons"),
    Measure("new_displaced", "Newly displaced", "persons"),
)


@dataclass(frozen=True)
class Part:
    """Some months of one world.

    ``series`` (months, 1 + n_states, n_outcomes), the region first; ``districts`` (months, n_measures,
    n_districts); ``lines`` of the log; ``text`` the same as JSON for the browser, in five digits.
    """

    first: int
    series: F8
    districts: F8
    lines: tuple[Line, ...]
    last: bool
    text: str


class FrameRecorder:
    """Reads a model after every month and hands over parts; reading changes nothing.

    Parameters
    ----------
    months : int
        Length of the run.
    hand_over : callable
        Takes each `Part` as soon as it is complete.
    """

    def __init__(self, months: int, hand_over: Callable[[Part], None]) -> None:
        self.months, self.hand_over = months, hand_over
        self.first = 0
        self.told = 0
        self.districts: list[F8] = []
        self.histories: dict[str, int] = {}
        self.lines: list[Line] = []

    def __call__(self, model: StabilityModel) -> None:
        """Read the month that just ended."""
        self.districts.append(district_values(model))
        self.lines += [(one.month, one.agent, one.what, one.why) for one in model.decisions[self.told :]]
        self.told = len(model.decisions)
        for delivery in model.programmes.deliveries:
            seen = self.histories.get(delivery.key, 0)
            self.lines += [(month, "programme", f"{delivery.key}: {_STATUS[status]}", "")
                           for month, status in delivery.history[seen:]]  # fmt: skip
            self.histories[delivery.key] = len(delivery.history)
        if model.month == self.months or model.month - self.first == MONTHS_PER_PART:
            self._hand_over(model)

    def _hand_over(self, model: StabilityModel) -> None:
        states = model.world.recorder.series[self.first : model.month]
        series = np.concatenate([pool_region(states)[:, None, :], states], axis=1)
        districts, lines = np.array(self.districts), tuple(sorted(self.lines, key=lambda line: line[0]))
        last = model.month == self.months
        text = as_json(self.first, series, districts, lines, last)
        self.hand_over(Part(self.first, series, districts, lines, last, text))
        self.first, self.districts, self.lines = model.month, [], []


_STATUS = {
    "planned": "is planned",
    "proposed": "waits for approval",
    "deploying": "approved, on its way",
    "running": "starts",
    "ended": "ends",
    "refused": "refused, nothing is delivered or spent",
}


def district_values(model: StabilityModel) -> F8:
    """Return what the map shows of the latest month, (n_measures, n_districts)."""
    world, geography = model.world, model.setting.geography
    month, people = world.tallies.month, geography.district_people
    count = people.size
    active, incidents, communal, armed, fled = (
        np.bincount(geography.cell_district, weights=month[row], minlength=count)
        for row in (ACTIVE, INCIDENTS, COMMUNAL_DEATHS, ARMED_DEATHS, NEW_DISPLACED)
    )
    tension = np.bincount(
        geography.cell_district, weights=world.fields.tension * geography.cell_people, minlength=count
    )
    return np.array([tension / people, 1e4 * active / people, incidents, communal + armed, fled])


def as_json(first: int, series: F8, districts: F8, lines: tuple[Line, ...], last: bool) -> str:
    """Write a part for the browser: a table a outcome and a table a measure, in few digits."""
    content: dict[str, Any] = {
        "first": first,
        "months": len(series),
        "last": last,
        "series": {name: rounded(series[:, :, index], 5).tolist() for index, name in enumerate(OUTCOME_NAMES)},
        "districts": {measure.name: rounded(districts[:, index], 3).tolist() for index, measure in enumerate(MEASURES)},
        "lines": lines,
    }
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def rounded(values: F8, digits: int) -> F8:
    """Round to significant digits."""
    size = np.floor(np.log10(np.abs(values), out=np.zeros_like(values), where=values != 0))
    scale = 10.0 ** (digits - 1 - size)
    result: F8 = np.rint(values * scale) / scale
    return result
