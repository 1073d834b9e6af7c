"""The shocks of one run: when they hit, how they fade, how rumours spread, and what they script of a conflict.

Each draw of a shock that has a rate is a function of the run's seed, the type of shock, the state and the month alone:
the same in every scenario of an experiment, whatever else is in the file, and what happens at a rate also happens at
any higher one.

War posture, expulsion and the dates of an uprising or a ceasefire are conditions of a history, not decisions of the
model's institutions: a scenario scripts them, by month and group (a community in a state). Months that the script
leaves open stay with the rules of `sim.agents`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sim.agents.base import GroupOrder
from sim.interventions import SCRIPTED
from sim.kernels.draws import SHOCK, uniform_pair
from sim.kernels.elementary import exp
from sim.region import Region
from sim.scenario import Scenario, Shock, target_cells
from sim.scenario.records import drawn_in
from sim.types import Array
from sim.world.effects import Pull, Pulls, Reach, make_pull, multipliers
from sim.world.world import Setting, World

WEEKS = 4
REGION_UID = np.uint64(0)
"""Identity of the region in the draws of shocks that hit it as a whole."""
POSTURES = ("restrain", "police", "repress", "war")
"""Postures of a state's forces to a community, by level."""
BOUNDS = (0.02, 0.98)
"""Range in which exclusion is kept, as at the start of a run."""


class Shocks:
    """All shocks of one run, those drawn included: ``all`` pairs each with what it pulls on."""

    def __init__(self, spec: Scenario, setting: Setting, seed: int) -> None:
        happen = happening(spec.shocks, setting.region, setting.geography.state_uid, spec.months, seed)
        self.all = [(shock, _source(shock, setting)) for shock in happen]

    def due(self, month: int) -> list[Shock]:
        """Shocks that hit this month."""
        return [shock for shock, _ in self.all if shock.at == month]

    def fire(self, month: int) -> list[tuple[Pull, float]]:
        """Let older shocks fade and those due hit; return what is added to fields once. A rumour waits for its round."""
        impulses: list[tuple[Pull, float]] = []
        for shock, source in self.all:
            source.move()
            if shock.at == month and shock.entry.pattern == "impulse":
                source.jump(shock.magnitude)
                impulses += source.impulses(shock.magnitude)
        return impulses

    def spread_rumours(self, world: World) -> None:
        """Put rumours into their two rounds, full and then weaker; the second may fall into the next month."""
        p = world.setting.parameters
        believed = multipliers(world.levers.totals["rumours"])
        for shock, source in self.all:
            if shock.entry.pattern != "rumour":
                continue
            first = 4 * shock.at + shock.week
            for lapse, share in enumerate((1.0, p.rumour_second)):
                quarter = first + lapse - 4 * world.month
                if 0 <= quarter < 4:
                    for pull in source.pulls:
                        strength = p.rumour_size * shock.magnitude * share
                        world.inputs.shock[quarter, pull.places] += strength * pull.weights * believed[pull.places]

    def division(self, month: int) -> float:
        """How divided the Allies are this month, 0 to 1."""
        return max((_division(shock, month) for shock, _ in self.all), default=0.0)

    def mission_shares(self, month: int) -> dict[str, float]:
        """Share of each standing mission that is still there, of those that leave."""
        shares: dict[str, float] = {}
        for shock, _ in self.all:
            if shock.entry.pattern == "mission" and month >= shock.at:
                done = min((month - shock.at + 1) / shock.options["months"], 1.0)
                left = 1.0 - done * (1.0 - shock.options["remaining"]) * min(shock.magnitude, 1.0)
                key = shock.options["mission"]
                shares[key] = min(shares.get(key, 1.0), left)
        return shares

    def sources(self) -> list[Pulls]:
        """What pulls on levers."""
        return [source for _, source in self.all]


def _source(shock: Shock, setting: Setting) -> Pulls:
    """What a shock pulls on."""
    cells = Reach(np.flatnonzero(target_cells(setting.region, shock.targets)))
    g = setting.geography
    exposed = (shock.entry.exposure,) if shock.entry.exposure else ()
    return Pulls([make_pull(c.lever, c.size, cells, g, 0.0, c.halflife_months, exposed) for c in shock.entry.channels])


def _division(shock: Shock, month: int) -> float:
    """How divided the Allies are by one shock this month."""
    if shock.entry.pattern != "division" or not shock.at <= month < shock.at + shock.options["months"]:
        return 0.0
    return float(shock.magnitude)


def happening(shocks: Iterable[Shock], region: Region, state_uid: Array, months: int, seed: int) -> Iterator[Shock]:
    """Yield scheduled shocks: those that are scheduled as they are, of the others one for each time it happens.

    Parameters
    ----------
    state_uid : Array
        Identities of the region's states, (n_s,) uint64.
    """
    for shock in shocks:
        if shock.rate is None:
            yield shock
            continue
        uids = dict(zip(region.states, state_uid, strict=True))
        parts = drawn_in(shock, region)
        for month in range(months):
            for place, targets in parts.items():
                week = falls(shock.type, shock.rate, uids.get(place, REGION_UID), month, seed)
                if week is not None:
                    yield replace(shock, targets=targets, at=month, week=week, rate=None)


def falls(kind: str, rate: float, uid: np.uint64, month: int, seed: int) -> int | None:
    """Return the quarter of a month in which a shock of this yearly rate falls, or None."""
    block = int.from_bytes(hashlib.blake2b(kind.encode(), digest_size=4).digest(), "little")
    whether, when = uniform_pair(np.uint64(seed), SHOCK, month, uid, block)
    return int(WEEKS * when) if whether < 1.0 - exp(-rate / 12.0) else None


def scripted_orders(spec: Scenario, setting: Setting) -> list[Order]:
    """What the scenario fixes of a conflict, by groups."""
    orders = []
    for shock in spec.shocks:
        if shock.entry.pattern in SCRIPTED:
            groups = np.unique(setting.geography.cell_group[target_cells(setting.region, shock.targets)])
            orders.append(Order(shock.entry.pattern, groups, shock.at, shock.magnitude, **shock.options))
    return orders


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


def write_script(orders: list[Order], months: int, n_groups: int, arms_at_full: float) -> Script:
    """Lay orders out by month and group; an order of magnitude 0 leaves no trace.

    ``arms_at_full`` are the arms of a group called up at magnitude 1. Where orders overlap the stronger holds; of two changes of power in one month, the one to the higher level.
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
            arms[span] = np.maximum(arms[span], min(arms_at_full * order.magnitude, 1.0))
        elif order.pattern == "ceasefire":
            ceasefire[span] = np.maximum(ceasefire[span], order.magnitude)
        elif order.pattern == "power":
            higher = ~(power[span] >= order.level)
            power[span] = np.where(higher, order.level, power[span])
            weight[span] = np.where(higher, order.magnitude, weight[span])
    return Script(posture, expulsion, arms, rises, ceasefire, power, weight, not acting)
