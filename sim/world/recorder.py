"""Record outcomes and the stability index: read-only, so that an observer changes nothing."""

from __future__ import annotations

import numpy as np

from sim.kernels.compiling import kernel
from sim.kernels.elementary import exp, log
from sim.kernels.fields import worst_dispute
from sim.types import (
    ACTIVE,
    ARMED_DEATHS,
    ARMED_EVENTS,
    CAPACITY,
    COMMUNAL_DEATHS,
    CORRUPTION,
    INCIDENTS,
    NEW_DETAINED,
    NEW_DISPLACED,
    REFORM_ECONOMIC,
    REFORM_POLITICAL,
    REFORM_SECURITY,
    RETURNED,
    SLOW_FIELDS,
    VIOLENT,
    Array,
)
from sim.world.outcomes import OUTCOME_INDEX, OUTCOME_NAMES, OUTCOMES, PLACE_OUTCOMES

FLOWS = {
    "participants": ACTIVE,
    "violent_participants": VIOLENT,
    "incidents": INCIDENTS,
    "communal_deaths": COMMUNAL_DEATHS,
    "armed_events": ARMED_EVENTS,
    "armed_deaths": ARMED_DEATHS,
    "new_displaced": NEW_DISPLACED,
    "returned": RETURNED,
    "new_detained": NEW_DETAINED,
}
_I = {name: np.int64(index) for name, index in OUTCOME_INDEX.items()}
FLOW_ROWS = np.array(list(FLOWS.values()), np.int64)
FLOW_COLUMNS = np.array([OUTCOME_INDEX[name] for name in FLOWS], np.int64)
POPULATION, EVENTS, PEAK, UNSAFE = (
    _I[n] for n in ("population", "protest_events", "peak_participation", "unsafe_person_months")
)
FIGHTERS, DISPLACED, DETAINED = (_I[n] for n in ("fighters", "displaced", "detained"))
TENSION, LEGITIMACY, TRUST, EXCLUSION = (_I[n] for n in ("tension", "legitimacy", "trust", "exclusion"))
UNEMPLOYMENT, YOUTH, EXTREMISM, CRIME = (_I[n] for n in ("unemployment", "youth_unemployment", "extremism", "crime"))
INFLUENCE, CYBER, DISPUTE = (_I[n] for n in ("influence", "cyber", "dispute"))
SLOW_ROWS = np.array([CAPACITY, CORRUPTION, REFORM_SECURITY, REFORM_POLITICAL, REFORM_ECONOMIC], np.int64)
SLOW_COLUMNS = np.array([OUTCOME_INDEX[SLOW_FIELDS[row]] for row in SLOW_ROWS], np.int64)
STATE_CAPACITY, CORRUPT, SECURE, DEMOCRATIC = (
    _I[n] for n in ("capacity", "corruption", "reform_security", "reform_political")
)
STABILITY, PRESSURE, WEAKNESS, COPING = (_I[n] for n in ("stability", "pressure", "weakness", "coping_gap"))

UNSAFE_INCIDENTS = 1e-4
"""Incidents per resident in a month from which a district counts as unsafe."""

PRESSURE_BOUNDS = {
    "tension": (0.1, 0.7), "youth_unemployment": (0.10, 0.45), "influence": (0.1, 0.8), "extremism": (0.05, 0.5),
    "crime": (0.1, 0.7), "cyber": (0.1, 0.8), "dispute": (0.0, 1.0), "memory": (0.0, 3.0),
}  # fmt: skip
WEAKNESS_BOUNDS = {"1 - political reform": (0.2, 0.9), "corruption": (0.2, 0.85), "exclusion": (0.0, 0.4)}
COPING_BOUNDS = {"1 - capacity": (0.1, 0.8), "1 - legitimacy": (0.2, 0.8), "1 - security reform": (0.1, 0.9)}
_BOUNDS = np.array([*PRESSURE_BOUNDS.values(), *WEAKNESS_BOUNDS.values(), *COPING_BOUNDS.values()])
(
    BY_TENSION, BY_YOUTH, BY_INFLUENCE, BY_EXTREMISM, BY_CRIME, BY_CYBER, BY_DISPUTE, BY_MEMORY,
    BY_POLITICS, BY_CORRUPTION, BY_EXCLUSION, BY_CAPACITY, BY_LEGITIMACY, BY_SECURITY,
) = range(len(_BOUNDS))  # fmt: skip
"""Rows of `_BOUNDS`: the components of the index."""
(
    PLACE_PERSON_ROUNDS, PLACE_PARTICIPANTS, PLACE_INCIDENTS, PLACE_DEATHS, PLACE_NEW_DISPLACED, PLACE_NEW_DETAINED,
    PLACE_TENSION, PLACE_LEGITIMACY, PLACE_UNEMPLOYMENT,
) = range(len(PLACE_OUTCOMES))  # fmt: skip
"""Columns of `PLACE_OUTCOMES`; levels from tension on."""


@kernel
def _scaled(value, row):  # type: ignore[no-untyped-def]
    low = _BOUNDS[row, 0]
    return min(max((value - low) / (_BOUNDS[row, 1] - low), 0.0), 1.0)


@kernel
def _index(row, memory, exclusion):  # type: ignore[no-untyped-def]
    """Write the stability index and its groups from a state's row of outcomes (`docs/model.md`)."""
    pressure = _scaled(row[TENSION], BY_TENSION) + _scaled(row[YOUTH], BY_YOUTH)
    pressure = pressure + _scaled(row[INFLUENCE], BY_INFLUENCE) + _scaled(row[EXTREMISM], BY_EXTREMISM)
    more = _scaled(row[CRIME], BY_CRIME) + _scaled(row[CYBER], BY_CYBER)
    pressure += more + _scaled(row[DISPUTE], BY_DISPUTE) + _scaled(memory, BY_MEMORY)
    weakness = _scaled(1.0 - row[DEMOCRATIC], BY_POLITICS) + _scaled(row[CORRUPT], BY_CORRUPTION)
    weakness += _scaled(exclusion, BY_EXCLUSION)
    coping = _scaled(1.0 - row[STATE_CAPACITY], BY_CAPACITY) + _scaled(1.0 - row[LEGITIMACY], BY_LEGITIMACY)
    coping += _scaled(1.0 - row[SECURE], BY_SECURITY)
    pressure = min(max(pressure / 8.0, 0.02), 0.98)
    weakness = min(max(weakness / 3.0, 0.02), 0.98)
    coping = min(max(coping / 3.0, 0.02), 0.98)
    row[PRESSURE] = pressure
    row[WEAKNESS] = weakness
    row[COPING] = coping
    row[STABILITY] = 100.0 * exp(log((1.0 - pressure) * (1.0 - weakness) * (1.0 - coping)) / 3.0)


@kernel
def record_month(series, geography, fields, tallies, protracted):  # type: ignore[no-untyped-def]
    """Write one month's outcomes by state into ``series`` (n_s, n_outcomes); troops and cost are left alone.

    ``protracted`` (n_s,) persons displaced before the run and not yet home.
    """
    n_s = series.shape[0]
    series[:, :STABILITY] = 0.0
    low = np.ones(n_s)
    high = np.zeros(n_s)
    memory = np.zeros(n_s)
    excluded = np.zeros(n_s)
    group_trust = np.zeros(geography.group_people.size)
    for d in range(geography.district_people.size):
        s = geography.district_state[d]
        row = series[s]
        people = geography.district_people[d]
        share = people / geography.state_people[s]
        dead = 0
        incidents = 0
        for c in range(geography.district_cells[d], geography.district_cells[d + 1]):
            for k in range(FLOW_ROWS.size):
                row[FLOW_COLUMNS[k]] += tallies.month[FLOW_ROWS[k], c]
            dead += tallies.month[COMMUNAL_DEATHS, c] + tallies.month[ARMED_DEATHS, c]
            incidents += tallies.month[INCIDENTS, c]
            residents = geography.cell_people[c]
            weight = residents / geography.state_people[s]
            row[POPULATION] += residents - tallies.dead[c]
            row[FIGHTERS] += tallies.fighters[c]
            row[DISPLACED] += tallies.displaced[c]
            row[DETAINED] += tallies.detained[c]
            row[TENSION] += weight * fields.tension[c]
            row[LEGITIMACY] += weight * fields.legitimacy[c]
            row[UNEMPLOYMENT] += weight * fields.unemployment[c]
            row[YOUTH] += weight * min(fields.youth_ratio[s] * fields.unemployment[c], 0.95)
            memory[s] += weight * fields.memory[c]
            group_trust[geography.cell_group[c]] += residents * fields.legitimacy[c]
        row[EVENTS] += tallies.district_events[d]
        row[EXTREMISM] += share * fields.extremism[d]
        row[CRIME] += share * fields.crime[d]
        if dead > 0 or incidents >= UNSAFE_INCIDENTS * people:
            row[UNSAFE] += people
    for g in range(group_trust.size):
        s = geography.group_state[g]
        share = geography.group_people[g] / geography.state_people[s]
        series[s, EXCLUSION] += share * fields.exclusion[g]
        excluded[s] += share * fields.exclusion[g]
        if share >= 0.01:
            mean = group_trust[g] / geography.group_people[g]
            low[s] = min(low[s], mean)
            high[s] = max(high[s], mean)
    for s in range(n_s):
        row = series[s]
        row[PEAK] = tallies.state_peak[s]
        row[DISPLACED] += protracted[s]
        row[TRUST] = row[LEGITIMACY] - max(high[s] - low[s], 0.0)
        row[INFLUENCE] = fields.influence[s]
        row[CYBER] = fields.cyber[s]
        row[DISPUTE] = worst_dispute(fields.dispute, s)
        for k in range(SLOW_ROWS.size):
            row[SLOW_COLUMNS[k]] = fields.slow[SLOW_ROWS[k], s]
        _index(row, memory[s], excluded[s])


@kernel
def record_places(places, people, fields, tallies):  # type: ignore[no-untyped-def]
    """Add one month to a window's outcomes by cell, (n_c, n_place): flows are summed, levels too (divide later)."""
    for c in range(places.shape[0]):
        places[c, PLACE_PERSON_ROUNDS] += 4.0 * people[c]
        places[c, PLACE_PARTICIPANTS] += tallies.month[ACTIVE, c]
        places[c, PLACE_INCIDENTS] += tallies.month[INCIDENTS, c]
        places[c, PLACE_DEATHS] += tallies.month[COMMUNAL_DEATHS, c] + tallies.month[ARMED_DEATHS, c]
        places[c, PLACE_NEW_DISPLACED] += tallies.month[NEW_DISPLACED, c]
        places[c, PLACE_NEW_DETAINED] += tallies.month[NEW_DETAINED, c]
        places[c, PLACE_TENSION] += fields.tension[c]
        places[c, PLACE_LEGITIMACY] += fields.legitimacy[c]
        places[c, PLACE_UNEMPLOYMENT] += fields.unemployment[c]


class Recorder:
    """Preallocated tables of one run: ``series`` (months, n_s, n_outcomes), ``places`` (windows, n_c, n_place)."""

    WINDOW = 12

    def __init__(self, months: int, n_states: int, n_cells: int) -> None:
        self.series: Array = np.zeros((months, n_states, len(OUTCOMES)))
        windows = -(-months // self.WINDOW)
        self.places: Array = np.zeros((windows, n_cells, len(PLACE_OUTCOMES)))

    def close(self) -> None:
        """Turn the sums of levels in ``places`` into means over the window's months."""
        for window in range(self.places.shape[0]):
            months = min(self.WINDOW, self.series.shape[0] - window * self.WINDOW)
            self.places[window, :, PLACE_TENSION:] /= months


assert OUTCOME_NAMES.index("cost") > STABILITY
