"""What the month's effects are made of besides doses: standing pulls of institutions, and factors of states."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from sim.region import Region
from sim.types import REFORM_POLITICAL, REFORM_SECURITY, Array, Geography
from sim.world.effects import Pulls, Reach, exposures, factor_table, make_pull
from sim.world.levers import LEVER_BY_NAME
from sim.world.world import WAR, World


class Handles:
    """Standing pulls of institutions on levers, by number; each is built when first used, so unused ones cost nothing."""

    def __init__(self, region: Region, geography: Geography) -> None:
        self.region = region
        self.geography = geography
        self.promised: list[partial[Pulls]] = []
        self.open: dict[int, Pulls] = {}

    def promise(self, lever: str, size: float, states: Sequence[int], lag: float, halflife: float,
                communities: Sequence[int] | None = None) -> int:  # fmt: skip
        """Promise a pull on a lever for some states (and communities); return its number."""
        if lever not in LEVER_BY_NAME:
            raise ValueError(f"no lever is called {lever}")
        self.promised.append(partial(self._build, lever, size, tuple(states), lag, halflife, communities))
        return len(self.promised) - 1

    def set_dose(self, number: int, dose: float) -> None:
        """Let a handle move towards a dose."""
        if number not in self.open:
            self.open[number] = self.promised[number]()
        self.open[number].set_dose(dose)

    def move(self) -> None:
        """Advance by a month."""
        for source in self.open.values():
            source.move()

    def sources(self) -> list[Pulls]:
        """What pulls on levers, by number of the handle."""
        return [self.open[number] for number in sorted(self.open)]

    def _build(self, lever: str, size: float, states: Sequence[int], lag: float, halflife: float,
               communities: Sequence[int] | None) -> Pulls:  # fmt: skip
        mask = np.isin(self.geography.cell_state, list(states))
        if communities is not None:
            mask &= np.isin(self.region.cell_community, list(communities))
        return Pulls([make_pull(lever, size, Reach(np.flatnonzero(mask)), self.geography, lag, halflife)])


def factors(world: World, at_war: Array, after_war: Array, dialogue: Array, *, adaptive: bool) -> Array:
    """Absorption, conditions and exposures of every state, (n_factors, n_s), from last month.

    ``at_war``, ``after_war`` and ``dialogue`` (n_s,) are 1 where an armed episode is active, under ceasefire, or
    where a programme brings the sides to one table.
    """
    setting, slow = world.setting, world.fields.slow
    p, n_s = setting.parameters, setting.region.n_states
    met = np.minimum(slow[REFORM_SECURITY] / p.accession_security, slow[REFORM_POLITICAL] / p.accession_political)
    others = {
        "access": 1.0 - p.war_access * at_war,
        "standards": np.minimum(met, 1.0),
        "state_war": _state_war(world),
        "mined": np.minimum(setting.region.values["mined_share"] / p.mined_full, 1.0),
        "dialogue": dialogue,
        "scripted": np.full(n_s, float(not adaptive)),
        **exposures(world.fields, setting.fields, world.levers.totals),
    }
    return factor_table(world.fields, at_war, after_war, others)


def _state_war(world: World) -> Array:
    """1 for every state whose posture to a community is war."""
    out = np.zeros(world.setting.region.n_states)
    out[world.setting.geography.group_state[world.postures() >= WAR]] = 1.0
    return out
