"""Sixteen summary statistics (the first as two numbers) of a history, observed or simulated, by one function.

Counts and sizes are taken in logarithms, so that a statistic twice too large and one half as large are as far off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checks.observed import Observed, month_number, record
from sim.model.month import StabilityModel

F8 = NDArray[np.float64]
FIRST, LAST = month_number(1998, 1), month_number(2010, 12)
WAR = slice(month_number(1998, 1) - FIRST, month_number(1999, 12) - FIRST + 1)
AFTER = month_number(2002, 1) - FIRST
SIZES = (50.0, 100.0, 1000.0, 2000.0, 5000.0, 10000.0)
"""Lower ends of the source's classes of size."""
VIOLENT = 0.05
"""Violent share of those out in a state and month from which its protest counts as violent [A]; the source has its own."""
SITE = 200
"""Persons of a crowd that counts as a site of a riot."""
STATES = ("ALB", "BIH", "HRV", "MKD", "MNE", "SRB", "XKX")


@dataclass(frozen=True, eq=False)
class History:
    """What statistics are made from; what the sources do not hold is NaN.

    ``protests`` (months, 7) reported events, ``violent`` (months, 7) 1 where a protest of the month was violent,
    ``deaths`` (months, 7) of the armed track; ``sizes`` (n,) of reported crowds; ``displaced`` persons from Kosovo at
    most in 1999; ``riot`` participants, sites and deaths of March 2004; ``unprompted`` most communal incidents in Kosovo
    in a round from 2000 on outside that month; ``turnout`` share of residents out in a round, mean of the last five years.
    """

    protests: F8
    violent: F8
    deaths: F8
    sizes: F8
    displaced: float
    riot: tuple[float, float, float]
    unprompted: float = float("nan")
    turnout: float = float("nan")


NAMES = (
    "protests",
    "protest_spread",
    "dispersion",
    "zeros",
    "sizes",
    "violent",
    "memory",
    "xkx_deaths",
    "xkx_peak",
    "months_deaths",
    "mkd_deaths",
    "later_deaths",
    "displaced",
    "riot_people",
    "riot_sites",
    "riot_deaths",
    "unprompted",
    "turnout",
)
"""Names of the numbers; ``turnout`` is no statistic of history but tells worlds that boil over."""


def summarise(history: History) -> F8:
    """Compute the numbers of a history, in the order of `NAMES`; NaN where they cannot be known."""
    counts, deaths = history.protests, history.deaths
    by_state = np.nansum(counts, axis=0)
    at = {state: k for k, state in enumerate(STATES)}
    kosovo, macedonia = deaths[:, at["XKX"]], deaths[:, at["MKD"]]
    known = counts[np.isfinite(counts)]
    mean = max(float(known.mean()), 1e-3)
    return np.array(
        [
            np.log(by_state.sum() + 1.0),
            np.log(by_state + 1.0).std(),
            np.log((known.var() + 0.01) / mean),
            (known == 0).mean(),
            _size(history.sizes),
            _violent(history),
            _memory(counts),
            np.log(kosovo[WAR].sum() + 1.0),
            np.log(kosovo[WAR].max() + 1.0),
            np.log((deaths > 0).sum() + 1.0),
            np.log(macedonia[_year(2001)].sum() + 1.0),
            np.log(deaths[AFTER:].sum() + 1.0),
            np.log(history.displaced + 1.0),
            *(np.log(value + 1.0) for value in history.riot),
            np.log(history.unprompted + 1.0),
            np.log(history.turnout + 1e-6),
        ]
    )


def _year(year: int) -> slice:
    first = month_number(year, 1) - FIRST
    return slice(first, first + 12)


def _size(sizes: F8) -> float:
    """Mean of the log10 class of reported crowds; the smallest class where there are none."""
    if not len(sizes):
        return float(np.log10(SIZES[0]))
    return float(np.log10(np.array(SIZES))[np.searchsorted(SIZES, sizes, side="right") - 1].mean())


def _violent(history: History) -> float:
    """Share of the state-months with a protest in which one was violent; 0 where there was none."""
    there = history.protests > 0
    return float(history.violent[there].mean()) if there.any() else 0.0


def _memory(counts: F8) -> float:
    """Correlation of neighbouring months within states, pooled; 0 where nothing varies."""
    off = counts - np.nanmean(counts, axis=0)
    both = off[1:] * off[:-1]
    return float(np.nansum(both) / max(np.nansum(off**2), 1e-9))


def of_record(observed: Observed) -> History:
    """The history that sources recorded."""
    grid = observed.grid("protests", FIRST, LAST)
    order = [grid.units.index(state) for state in STATES]
    protests = grid.values[:, order]
    violent = np.where(np.isfinite(protests), 0.0, np.nan)
    frame = observed.tables["protests.csv"]
    for state, month, number in zip(frame["state"], frame["month"], frame["violent"], strict=True):
        if FIRST <= month <= LAST and number > 0:
            violent[month - FIRST, STATES.index(state)] = 1.0
    deaths = observed.grid("deaths", FIRST, LAST)
    classes = observed.tables["protest_sizes.csv"]
    classes = classes[classes["month"].between(FIRST, LAST)]
    riot = _episode(observed, "march_2004", ("participants", "sites", "deaths_low", "deaths_high"))
    return History(
        protests,
        violent,
        deaths.values[:, [deaths.units.index(state) for state in STATES]],
        np.repeat(classes["at_least"].to_numpy(float), classes["events"].to_numpy(int)),
        _episode(observed, "kosovo_1998_1999", ("displaced",))[0],
        (riot[0], riot[1], (riot[2] + riot[3]) / 2),
    )


def _episode(observed: Observed, episode: str, names: tuple[str, ...]) -> list[float]:
    """Numbers recorded of one episode."""
    frame = observed.tables["episodes.csv"]
    return [float(value) for value in frame.loc[frame["episode"] == episode, list(names)].to_numpy()[0]]


def of_run(model: StabilityModel, missing: NDArray[np.bool_]) -> History:
    """The history that sources would have recorded of a finished run that logged its rounds.

    ``missing`` (months, 7) is True where the source has no protest data; it is taken out of the run as well.
    """
    from sim.world.outcomes import OUTCOME_INDEX

    recorded = record(model)
    region, world = model.setting.region, model.world
    order = [recorded.states.index(state) for state in STATES]
    series = world.recorder.series[: model.spec.months]
    crowds, violent = (series[:, order, OUTCOME_INDEX[name]] for name in ("participants", "violent_participants"))
    rough = violent > VIOLENT * crowds
    here = np.flatnonzero(region.district_state == region.states.index("XKX"))
    crowd, incidents, killed = (world.tallies.round_log[k][:, here] for k in range(3))
    month = 4 * (month_number(2004, 3) - FIRST)
    peak = month + int(crowd[month : month + 4].sum(axis=1).argmax())
    others = np.r_[4 * (month_number(2000, 1) - FIRST) : month, month + 8 : incidents.shape[0]]
    exodus = series[_year(1999), order[STATES.index("XKX")], OUTCOME_INDEX["displaced"]]
    people = series[-60:, :, OUTCOME_INDEX["population"]].sum(axis=1)
    out = series[-60:, :, OUTCOME_INDEX["participants"]].sum(axis=1) / 4
    kept = ~missing[recorded.crowds[:, 0], np.argsort(order)[recorded.crowds[:, 1]]]
    return History(
        np.where(missing, np.nan, recorded.protests[:, order]),
        np.where(missing, np.nan, rough),
        recorded.deaths[:, order],
        recorded.crowds[kept, 2].astype(float),
        float(exodus.max()),
        (
            float(crowd[peak].sum()),
            float((crowd[peak] >= SITE).sum()),
            float(killed[month : month + 8].sum()),
        ),
        float(incidents[others].sum(axis=1).max()),
        float((out / people).mean()),
    )
