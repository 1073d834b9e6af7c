"""What a scenario fixes of a conflict, by month and group (a community in a state): scripted, never chosen.

War posture, expulsion and the dates of an uprising or a ceasefire are conditions of a history, not decisions of
the model's institutions. Months that the script leaves open stay with the rules of `sim.agents`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.types import Array

POSTURES = ("restrain", "police", "repress", "war")
"""Postures of a state's forces to a community, by level."""
UPRISING_ARMS = 0.3
"""Arms of an armed group that a scenario calls up at magnitude 1: those with which a group forms by itself."""
BOUNDS = (0.02, 0.98)
"""Range in which exclusion is kept, as at the start of a run."""


class GroupOrder(NamedTuple):
    """What a scenario fixes of an armed group in one month: arms at least, a rising, the chance of a ceasefire."""

    arms: float = 0.0
    rises: bool = False
    ceasefire: float = 0.0


FREE = GroupOrder()
"""A group of which the scenario says nothing."""


class Order(NamedTuple):
    """One scripted shock: its pattern, the groups it names, its month, and what its pattern needs."""

    pattern: str
    groups: Array
    at: int
    magnitude: float
    months: int = 1
    posture: str = "restrain"
    level: float = 0.0


@dataclass(frozen=True, eq=False)
class Script:
    """Orders laid out by month and group; every array is (months, n_groups).

    ``posture`` level, or -1 where the state is free; ``expulsion`` in [0, 1]; ``arms`` an armed group has at least,
    0 where it is free; ``ceasefire`` probability of accepting one; ``power`` exclusion given to a community, NaN
    where it is left as it is, with ``weight`` the share of the way it goes there. ``rises`` marks the months in which
    an uprising begins.
    """

    posture: Array
    expulsion: Array
    arms: Array
    rises: Array
    ceasefire: Array
    power: Array
    weight: Array
    empty: bool

    def exclusion(self, month: int, present: Array) -> Array:
        """Exclusion after this month's changes of power, (n_groups,), from what it was before."""
        goal = np.clip(self.power[month], *BOUNDS)
        return np.where(np.isnan(goal), present, present + self.weight[month] * (goal - present))

    def orders(self, month: int) -> dict[int, GroupOrder]:
        """What is fixed this month, by the number of the group."""
        if self.empty:
            return {}
        arms, rises, peace = self.arms[month], self.rises[month], self.ceasefire[month]
        named = np.flatnonzero((arms > 0.0) | rises | (peace > 0.0)).tolist()
        return {g: GroupOrder(float(arms[g]), bool(rises[g]), float(peace[g])) for g in named}

    def named(self) -> set[int]:
        """Groups that an uprising arms at some time."""
        return set(np.flatnonzero(self.arms.any(axis=0)).tolist())


def write_script(orders: list[Order], months: int, n_groups: int) -> Script:
    """Lay orders out by month and group; an order of magnitude 0 leaves no trace.

    Where orders overlap the stronger holds; of two changes of power in one month, the one to the higher level.
    """
    shape = (months, n_groups)
    posture, rises = np.full(shape, -1, np.int64), np.zeros(shape, np.bool_)
    power = np.full(shape, np.nan)
    expulsion, arms, ceasefire, weight = (np.zeros(shape) for _ in range(4))
    acting = [order for order in orders if order.magnitude > 0.0 and order.at < months]
    for order in acting:
        span = np.ix_(range(order.at, min(order.at + order.months, months)), order.groups)
        if order.pattern == "posture":
            posture[span] = np.maximum(posture[span], POSTURES.index(order.posture))
        elif order.pattern == "expulsion":
            expulsion[span] = np.maximum(expulsion[span], order.magnitude)
        elif order.pattern == "uprising":
            rises[order.at, order.groups] = True
            arms[span] = np.maximum(arms[span], min(UPRISING_ARMS * order.magnitude, 1.0))
        elif order.pattern == "ceasefire":
            ceasefire[span] = np.maximum(ceasefire[span], order.magnitude)
        elif order.pattern == "power":
            higher = ~(power[span] >= order.level)
            power[span] = np.where(higher, order.level, power[span])
            weight[span] = np.where(higher, order.magnitude, weight[span])
    return Script(posture, expulsion, arms, rises, ceasefire, power, weight, not acting)
