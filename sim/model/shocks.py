"""The shocks of one run: when they hit, how they fade, how rumours spread, and what they fix of a conflict."""

from __future__ import annotations

import numpy as np

from sim.interventions import SCRIPTED
from sim.scenario import Scenario, Shock, target_cells
from sim.scenario.drawn import happening
from sim.world.effects import Pull, Pulls, Reach, make_pull, multipliers
from sim.world.script import Order
from sim.world.world import Setting, World

ROUND_SHARES = (1.0, 0.5)
"""A rumour's strength in its first and second round."""


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
        """Put rumours into their two rounds, full and then half; the second may fall into the next month."""
        size = world.setting.parameters.rumour_size
        believed = multipliers(world.levers.totals["rumours"])
        for shock, source in self.all:
            if shock.entry.pattern != "rumour":
                continue
            first = 4 * shock.at + shock.week
            for lapse, share in enumerate(ROUND_SHARES):
                quarter = first + lapse - 4 * world.month
                if 0 <= quarter < 4:
                    for pull in source.pulls:
                        strength = size * shock.magnitude * share
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


def scripted_orders(spec: Scenario, setting: Setting) -> list[Order]:
    """What the scenario fixes of a conflict, by groups."""
    orders = []
    for shock in spec.shocks:
        if shock.entry.pattern in SCRIPTED:
            groups = np.unique(setting.geography.cell_group[target_cells(setting.region, shock.targets)])
            orders.append(Order(shock.entry.pattern, groups, shock.at, shock.magnitude, **shock.options))
    return orders


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
