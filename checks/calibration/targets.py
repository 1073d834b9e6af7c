"""What the statistics have to meet: the observed numbers or windows, and how far off they may be by error alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checks.calibration.statistics import NAMES

F8 = NDArray[np.float64]
XKX, MKD, RIOT = "XKX 1998-99", "MKD 2001", "March 2004"
EPISODES = (XKX, MKD, RIOT)


@dataclass(frozen=True)
class Kind:
    """One statistic: its label, s.d. of the error of observation and of the model's discrepancy, in its own unit.

    ``window`` is what must be met where there is more (or less) known than one number; ``episode`` it belongs to. Errors
    and windows are our own choice unless the source gives a range.
    """

    label: str
    observed: float
    model: float
    window: tuple[float, float] | None = None
    episode: str = ""


def _logs(low: float, high: float) -> tuple[float, float]:
    return float(np.log(low + 1.0)), float(np.log(high + 1.0))


KINDS: dict[str, Kind] = {
    "protests": Kind("protests, number (ln)", 0.1, 0.3),
    "protest_spread": Kind("protests, spread between states (s.d. of ln)", 0.1, 0.2),
    "dispersion": Kind("protests, variance over mean (ln)", 0.1, 0.4),
    "zeros": Kind("state-months without a protest, share", 0.01, 0.03),
    "sizes": Kind("size of protests, class (log10)", 0.1, 0.3),
    "violent": Kind("state-months of protest with violence, share", 0.05, 0.15),
    "memory": Kind("protests, autocorrelation of months", 0.05, 0.15),
    "xkx_deaths": Kind("deaths in Kosovo 1998-99 (ln)", 0.1, 0.3, _logs(2960, 8648), XKX),
    "xkx_peak": Kind("deaths in Kosovo, largest month (ln)", 0.2, 0.4, None, XKX),
    "months_deaths": Kind("state-months with deaths (ln)", 0.1, 0.3, None, XKX),
    "mkd_deaths": Kind("deaths in North Macedonia 2001 (ln)", 0.1, 0.4, _logs(50, 230), MKD),
    "later_deaths": Kind("deaths of armed conflict from 2002 (ln)", 0.1, 0.5, _logs(0, 24)),
    "displaced": Kind("displaced from Kosovo, most in 1999 (ln)", 0.1, 0.2, None, XKX),
    "riot_people": Kind("March 2004, participants (ln)", 0.3, 0.4, None, RIOT),
    "riot_sites": Kind("March 2004, sites (ln)", 0.2, 0.3, None, RIOT),
    "riot_deaths": Kind("March 2004, deaths (ln)", 0.1, 0.5, _logs(19, 28), RIOT),
    "unprompted": Kind("communal incidents in a round without a rumour, most (ln)", 0.1, 0.5, _logs(0, 19)),
    "turnout": Kind("turn-out in a round, mean of five years (ln)", 0.0, 0.3, (-30.0, float(np.log(0.005)))),
}
assert tuple(KINDS) == NAMES


@dataclass(frozen=True, eq=False)
class Target:
    """Windows (n, 2) and variances (n,) of error and discrepancy of the statistics that count; ``names`` says which."""

    names: tuple[str, ...]
    windows: F8
    variances: F8

    @property
    def columns(self) -> NDArray[np.int64]:
        """Where the statistics stand among all."""
        return np.array([NAMES.index(name) for name in self.names], np.int64)

    def without(self, episode: str) -> Target:
        """The target that knows nothing of an episode."""
        kept = [k for k, name in enumerate(self.names) if KINDS[name].episode != episode]
        return Target(tuple(self.names[k] for k in kept), self.windows[kept], self.variances[kept])


def of_history(numbers: F8) -> Target:
    """The target that the observed statistics (n,) set, with their error and discrepancy."""
    made = [kind.window or (number, number) for kind, number in zip(KINDS.values(), numbers, strict=True)]
    return Target(NAMES, np.array(made), np.array([kind.observed**2 + kind.model**2 for kind in KINDS.values()]))


def of_run(numbers: F8) -> Target:
    """The target that a simulated history (n,) sets: the model is right, and its sources as exact as they are."""
    return Target(NAMES, np.stack([numbers, numbers], axis=1), np.array([kind.observed**2 for kind in KINDS.values()]))
