"""A history in eighteen numbers: what was recorded, what sources would have recorded of a run, and what must be met.

Sixteen summary statistics (the first as two numbers) and one that tells runs that boil over, by one function for both. Counts
and sizes are taken in logarithms, so that a statistic twice too large and one half as large are as far off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checks.observed import Observed, month_number, record
from sim.model.month import StabilityModel
from sim.world.outcomes import OUTCOME_INDEX

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


def summarise(history: History) -> F8:
    """Compute the numbers of a history, in the order of `STATISTICS`; NaN where they cannot be known."""
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
            float(history.violent[counts > 0].mean()) if (counts > 0).any() else 0.0,
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


def _memory(counts: F8) -> float:
    """Correlation of neighbouring months within states, pooled; 0 where nothing varies."""
    off = counts - np.nanmean(counts, axis=0)
    both = off[1:] * off[:-1]
    return float(np.nansum(both) / max(np.nansum(off**2), 1e-9))


def history_of_record(observed: Observed) -> History:
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


def history_of_run(model: StabilityModel, missing: NDArray[np.bool_]) -> History:
    """The history that sources would have recorded of a finished run that logged its rounds.

    ``missing`` (months, 7) is True where the source has no protest data; it is taken out of the run as well.
    """
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
        (float(crowd[peak].sum()), float((crowd[peak] >= SITE).sum()), float(killed[month : month + 8].sum())),
        float(incidents[others].sum(axis=1).max()),
        float((out / people).mean()),
    )


# --- what the statistics have to meet, and how far off they may be by error alone


XKX, MKD, RIOT = "XKX 1998-99", "MKD 2001", "March 2004"
EPISODES = (XKX, MKD, RIOT)


@dataclass(frozen=True)
class Statistic:
    """One statistic: its label, s.d. of the error of observation and of the model's discrepancy, in its own unit.

    ``window`` is what must be met where there is more (or less) known than one number; ``episode`` it belongs to. Errors
    and target ranges are our own choice unless the source gives one.
    """

    label: str
    observed: float
    model: float
    window: tuple[float, float] | None = None
    episode: str = ""


def _logs(low: float, high: float) -> tuple[float, float]:
    return float(np.log(low + 1.0)), float(np.log(high + 1.0))


STATISTICS: dict[str, Statistic] = {
    "protests": Statistic("protests, number (ln)", 0.1, 0.3),
    "protest_spread": Statistic("protests, spread between states (s.d. of ln)", 0.1, 0.2),
    "dispersion": Statistic("protests, variance over mean (ln)", 0.1, 0.4),
    "zeros": Statistic("state-months without a protest, share", 0.01, 0.03),
    "sizes": Statistic("size of protests, class (log10)", 0.1, 0.3),
    "violent": Statistic("state-months of protest with violence, share", 0.05, 0.15),
    "memory": Statistic("protests, autocorrelation of months", 0.05, 0.15),
    "xkx_deaths": Statistic("deaths in Kosovo 1998-99 (ln)", 0.1, 0.3, _logs(2960, 8648), XKX),
    "xkx_peak": Statistic("deaths in Kosovo, largest month (ln)", 0.2, 0.4, None, XKX),
    "months_deaths": Statistic("state-months with deaths (ln)", 0.1, 0.3, None, XKX),
    "mkd_deaths": Statistic("deaths in North Macedonia 2001 (ln)", 0.1, 0.4, _logs(50, 230), MKD),
    "later_deaths": Statistic("deaths of armed conflict from 2002 (ln)", 0.1, 0.5, _logs(0, 24)),
    "displaced": Statistic("displaced from Kosovo, most in 1999 (ln)", 0.1, 0.2, None, XKX),
    "riot_people": Statistic("March 2004, participants (ln)", 0.3, 0.4, None, RIOT),
    "riot_sites": Statistic("March 2004, sites (ln)", 0.2, 0.3, None, RIOT),
    "riot_deaths": Statistic("March 2004, deaths (ln)", 0.1, 0.5, _logs(19, 28), RIOT),
    "unprompted": Statistic("communal incidents in a round without a rumour, most (ln)", 0.1, 0.5, _logs(0, 19)),
    "turnout": Statistic("turn-out in a round, mean of five years (ln)", 0.0, 0.3, (-30.0, float(np.log(0.005)))),
}
NAMES = tuple(STATISTICS)


@dataclass(frozen=True, eq=False)
class Target:
    """Target ranges (n, 2) and variances (n,) of error and discrepancy of the statistics that count; ``names`` says which."""

    names: tuple[str, ...]
    ranges: F8
    variances: F8

    @property
    def columns(self) -> NDArray[np.int64]:
        """Where the statistics stand among all."""
        return np.array([NAMES.index(name) for name in self.names], np.int64)

    def without(self, episode: str) -> Target:
        """The target that knows nothing of an episode."""
        kept = [k for k, name in enumerate(self.names) if STATISTICS[name].episode != episode]
        return Target(tuple(self.names[k] for k in kept), self.ranges[kept], self.variances[kept])


def target_of_record(numbers: F8) -> Target:
    """The target that the observed statistics (n,) set, with their error and discrepancy."""
    made = [kind.window or (number, number) for kind, number in zip(STATISTICS.values(), numbers, strict=True)]
    return Target(NAMES, np.array(made), np.array([kind.observed**2 + kind.model**2 for kind in STATISTICS.values()]))


def target_of_run(numbers: F8) -> Target:
    """The target that a simulated history (n,) sets: the model is right, and its sources as exact as they are."""
    return Target(
        NAMES, np.stack([numbers, numbers], axis=1), np.array([kind.observed**2 for kind in STATISTICS.values()])
    )
