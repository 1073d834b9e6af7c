"""The compiled world and the twin side by side: the world's arrays, made again from the twin's objects."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim import types

from .places import FLOWS

Pictures = dict[str, Any]


def of_world(world: Any) -> Pictures:
    """Copies of everything that a run changes, by name."""
    out: Pictures = {f"fields.{name}": array for name, array in world.fields._asdict().items()}
    out |= {f"mood.{name}": array for name, array in world.mood._asdict().items()}
    out |= {f"citizens.{name}": getattr(world.citizens, name) for name in COUNTS}
    out |= {f"round.{name}": getattr(world.cells, name) for name in (*ROUND, "excited")}
    out |= {f"targets.{name}": getattr(world.targets, name) for name in SUMMARIES}
    tallies = world.tallies._asdict()
    out |= {f"tallies.{name}": array for name, array in tallies.items() if not name.startswith("block_")}
    out["tallies.round_log"] = world.tallies.round_log[:, : 4 * world.month]
    out["rates"] = np.array(world.setting.rates)
    return {name: np.array(array) for name, array in out.items()}


COUNTS = ("detained", "displaced", "in_arms", "dead")
STOCKS = ("detained", "displaced", "fighters", "dead")
ROUND = {
    "drive": "drive",
    "grief": "anger",
    "fear": "fear_of_arrest",
    "violent": "p_violent",
    "arrest": "p_arrest",
    "rate_young": "unemployed_young",
    "rate_other": "unemployed_other",
}
"""Names of `sim.types.CellRound`, and of the twin's cells."""
SUMMARIES = (
    "incidents", "raw_incidents", "deaths", "district_tension", "youth", "group_deaths", "tension", "crime",
    "influence_ref", "media_ref", "dispute_ref", "exclusion_ref", "state_tension_ref", "state_crime_ref",
    "crime_ref", "district_tension_ref", "youth_ref",
)  # fmt: skip


def of_twin(twin: Any) -> Pictures:
    """The same from the twin, in the world's order and shapes."""
    out = {f"fields.{name}": value for name, value in fields(twin).items()}
    out |= {f"mood.{name}": value for name, value in mood(twin).items()}
    people = [citizen for cell in twin.cells for citizen in cell.citizens]
    out |= {f"citizens.{name}": [getattr(citizen, name) for citizen in people] for name in COUNTS}
    out |= {f"round.{name}": value for name, value in of_the_round(twin).items()}
    out |= {f"targets.{name}": value for name, value in stock(twin).items()}
    out |= {f"tallies.{name}": value for name, value in tallies(twin).items()}
    out["rates"] = [getattr(twin.pace, name) for name in types.Rates._fields]
    return {name: np.array(value) for name, value in out.items()}


def fields(twin: Any) -> Pictures:
    """Slow fields."""
    out: Pictures = {}
    for places, names in (
        (twin.cells, ("tension", "legitimacy", "unemployment")),
        (twin.groups, ("exclusion",)),
        (twin.districts, ("extremism", "crime")),
        (twin.states, ("influence", "cyber", "energy")),
    ):
        for name in names:
            out[name] = [getattr(place, name).value for place in places]
            out[f"{name}_0"] = [getattr(place, name).home for place in places]
    out["legitimacy_usual"] = [cell.usual_legitimacy for cell in twin.cells]
    out["memory"] = [cell.memory for cell in twin.cells]
    out["memory_ref"] = [cell.memory_expected for cell in twin.cells]
    slow = [[state.slow[name] for state in twin.states] for name in types.SLOW_FIELDS]
    out["slow"] = [[field.value for field in row] for row in slow]
    out["slow_0"] = [[field.home for field in row] for row in slow]
    out["slow_ref"] = [[field.at_start for field in row] for row in slow]
    n = len(twin.states)
    for name, part in (("dispute", "value"), ("dispute_0", "home")):
        matrix = np.zeros((n, n))
        for dispute in twin.disputes:
            a, b = dispute.one.index, dispute.other.index
            matrix[a, b] = matrix[b, a] = getattr(dispute.level, part)
        out[name] = matrix
    out["incidents_ref"] = [district.incidents_expected for district in twin.districts]
    out["youth_ratio"] = [state.youth_ratio for state in twin.states]
    return out


def mood(twin: Any) -> Pictures:
    """Noise and recent memory."""
    return {
        "district": [district.mood for district in twin.districts],
        "spark": [district.spark for district in twin.districts],
        "focal": [state.focal for state in twin.states],
        "climate": [group.climate for group in twin.groups],
        "active_share": [cell.turnout for cell in twin.cells],
        "fatigue": [district.fatigue for district in twin.districts],
        "reprisal": [district.reprisal for district in twin.districts],
        "fear": [cell.fear for cell in twin.cells],
    }


def of_the_round(twin: Any) -> Pictures:
    """What citizens of a cell shared in the last round."""
    out = {name: [getattr(cell, own) for cell in twin.cells] for name, own in ROUND.items()}
    out["excited"] = [district.excited for district in twin.districts]
    return out


def stock(twin: Any) -> Pictures:
    """Summaries of the month, and the references of the start."""
    d, s = twin.districts, twin.states
    return {
        "incidents": [district.incidents_near for district in d],
        "raw_incidents": [district.incidents_here for district in d],
        "deaths": [district.deaths for district in d],
        "district_tension": [district.tension for district in d],
        "youth": [district.youth for district in d],
        "group_deaths": [group.deaths for group in twin.groups],
        "tension": [state.tension for state in s],
        "crime": [state.crime for state in s],
        "influence_ref": [state.influence.at_start for state in s],
        "media_ref": [cell.media_at_start for cell in twin.cells],
        "dispute_ref": [state.dispute_at_start for state in s],
        "exclusion_ref": [group.exclusion.at_start for group in twin.groups],
        "state_tension_ref": [state.tension_at_start for state in s],
        "state_crime_ref": [state.crime_at_start for state in s],
        "crime_ref": [district.crime.at_start for district in d],
        "district_tension_ref": [district.tension_at_start for district in d],
        "youth_ref": [district.youth_at_start for district in d],
    }


def tallies(twin: Any) -> Pictures:
    """Counts by place."""
    month = np.zeros((len(FLOWS), len(twin.cells)), np.int64)
    for name in FLOWS:
        month[getattr(types, name.upper())] = [cell.month[name] for cell in twin.cells]
    log = np.array([district.log for district in twin.districts], np.int64)
    return {
        "month": month,
        "round_active": [cell.active for cell in twin.cells],
        "round_violent": [cell.violent for cell in twin.cells],
        **{name: [getattr(cell, name) for cell in twin.cells] for name in STOCKS},
        "district_events": [district.events for district in twin.districts],
        "state_peak": [state.peak for state in twin.states],
        "group_deaths": [group.deaths_by_own_group for group in twin.groups],
        "round_log": log.reshape(len(twin.districts), -1, 3).transpose(2, 1, 0),
    }


def differences(world: Pictures, twin: Pictures) -> list[str]:
    """Names of all that is not equal, floats to the last bit, with the first place where they differ."""
    out = [f"{name}: only in one of the two" for name in sorted(world.keys() ^ twin.keys())]
    for name in world.keys() & twin.keys():
        a, b = world[name], twin[name]
        if a.shape != b.shape:
            out.append(f"{name}: shape {a.shape} in the world, {b.shape} in the twin")
        elif not np.array_equal(a, b):  # nan is not equal to itself: it would show
            places = np.argwhere(a != b)
            first = tuple(places[0].tolist())
            values = f"{a[first]!r} in the world, {b[first]!r} in the twin"
            out.append(f"{name}{list(first)}: {values}; {len(places)} in all")
    return sorted(out)
