"""The seven quantities that are calibrated, their prior ranges, and the parameters each of them sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.parameters import CATALOGUE

F8 = NDArray[np.float64]


@dataclass(frozen=True)
class Quantity:
    """One calibrated quantity: a catalogue parameter with its prior, flat between ``low`` and ``high``.

    ``log``: flat in the logarithm. ``moves`` names a second parameter that keeps its ratio to the first.
    """

    name: str
    label: str
    low: float
    high: float
    log: bool = False
    moves: str = ""

    def value(self, share: float) -> float:
        """Place in the prior range, 0 to 1, as a value."""
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return float(self.low + (self.high - self.low) * share)


def _range(name: str) -> tuple[float, float]:
    return CATALOGUE[name].low, CATALOGUE[name].high


QUANTITIES = (
    Quantity("quiet_participation", "quiet turn-out", *_range("quiet_participation"), log=True),
    Quantity("district_noise", "noise", *_range("district_noise"), moves="climate"),
    Quantity("b_tension", "slope on tension", 1.0, 3.0, moves="b_violence_tension"),
    Quantity("recruitment", "recruitment", *_range("recruitment"), log=True),
    Quantity("armed_event_rate", "armed events", *_range("armed_event_rate"), log=True),
    Quantity("state_spread", "state spread", *_range("state_spread")),
    Quantity("rumour_size", "rumour size", *_range("rumour_size")),
)
NAMES = tuple(one.name for one in QUANTITIES)
COLUMNS = tuple(name for one in QUANTITIES for name in (one.name, one.moves) if name) + ("state_draw",)
"""Parameters that a point sets."""


def point(shares: F8, draw: int) -> dict[str, float]:
    """Parameters of one point, six significant digits.

    Parameters
    ----------
    shares : (7,) float64
        Places in the prior ranges.
    draw : int
        Which draw of the state offsets belongs to the point.
    """
    made: dict[str, float] = {}
    for one, share in zip(QUANTITIES, shares, strict=True):
        value = float(f"{one.value(share):.6g}")
        made[one.name] = value
        if one.moves:
            ratio = CATALOGUE[one.moves].default / CATALOGUE[one.name].default
            made[one.moves] = float(f"{value * ratio:.6g}")
    return {**made, "state_draw": float(draw)}


def row(values: Mapping[str, float]) -> tuple[float, ...]:
    """Values of a point in the order of `COLUMNS`."""
    return tuple(values[name] for name in COLUMNS)
