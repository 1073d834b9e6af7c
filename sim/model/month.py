"""The model: one step is one month, told as a list of phases.

Shocks, observe, decide, act, effective values, the core (four rounds of people, then the fields), record.
Institutions are Mesa agents and drive the month; people and places are arrays (`sim.world`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from mesa import Model

from sim.agents.armed_group import AT_PEACE, CEASEFIRE
from sim.agents.base import (
    Action,
    Announce,
    Approve,
    Decision,
    Institution,
    Refuse,
    SetArms,
    SetDose,
    SetHotSpots,
    SetPosture,
    SetWeight,
    Situation,
)
from sim.agents.roster import armed_groups, institutions
from sim.model.effects import Handles, factors
from sim.model.programmes import Programmes
from sim.model.shocks import Shocks, scripted_orders, write_script
from sim.model.situation import (
    activities,
    district_means,
    forces_against,
    group_means,
    group_sums,
    information,
    kin_states,
    last_outcomes,
    mission_dose,
    missions,
    read_indicator,
    states_with,
)
from sim.scenario import Scenario
from sim.types import Array
from sim.world.geography import patron_states
from sim.world.outcomes import OUTCOME_INDEX
from sim.world.presence import clear_mandates
from sim.world.world import Setting, World

COST = OUTCOME_INDEX["cost"]
ONSET = OUTCOME_INDEX["onset"]
RELAPSES = OUTCOME_INDEX["relapses"]


@dataclass(frozen=True, eq=False)
class RunResult:
    """What one run recorded.

    ``series`` (months, n_states, n_outcomes) in the order of `OUTCOMES`; ``places`` (windows of twelve
    months, n_cells, n_place); ``decisions`` of institutions in words; ``spent`` million euro by
    programme.
    """

    series: Array
    places: Array
    decisions: tuple[Decision, ...]
    spent: dict[str, float]


class StabilityModel(Model):  # type: ignore[misc]
    """A region of institutions, places and citizens under one scenario.

    Parameters
    ----------
    spec : Scenario
    setting : Setting
        What runs of the same region, population and parameters share.
    seed : int
        64-bit run seed; everything drawn is a function of it.
    threads : int
        Kernel threads; any number gives the same bytes.
    """

    def __init__(
        self, spec: Scenario, setting: Setting, seed: int, *, threads: int = 1, log_rounds: bool = False
    ) -> None:
        super().__init__(rng=0)
        region, geography = setting.region, setting.geography
        self.spec = spec
        self.adaptive = spec.institutions == "adaptive"
        self.setting = setting
        self.world = World(setting, spec.months, seed, threads=threads, log_rounds=log_rounds)
        self.month = 0
        self.decisions: list[Decision] = []
        self.news: list[tuple[str, int]] = []
        self.mission_dose = [0.0] * region.n_states
        self.information = [0.0] * region.n_states
        self.division = 0.0
        self.group_tension = [0.0] * region.n_groups
        self.forces_against = [0.0] * region.n_groups
        self.at_war = np.zeros(region.n_states)
        self.after_war = np.zeros(region.n_states)
        self.kin_states = kin_states(geography)
        self.patrons = [list(states) for states in patron_states(region)]
        self.alignment: list[float] = region.values["alignment_west"].tolist()
        self.programmes = Programmes(spec, setting, self.world.seed)
        self.shocks = Shocks(spec, setting, seed)
        self.script = write_script(
            scripted_orders(spec, setting), spec.months, region.n_groups, setting.parameters.group_arms
        )
        self.handles = Handles(region, geography)
        self.situation = self._picture()
        self.armed_groups = armed_groups(self, self.script.named())
        self.institutions: list[Institution] = institutions(self)

    # The month ---------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Advance one month."""
        self._fire_shocks()
        self._read_region()
        actions = self._decide()
        self._act(actions)
        cost = self._deliver()
        self._follow_script()
        self._rebuild_effects()
        self.world.set_inputs()
        self.shocks.spread_rumours(self.world)
        self.world.advance()
        self._record(cost)
        self.month += 1

    def run(self, observe: Callable[[StabilityModel], None] | None = None) -> RunResult:
        """Run to the horizon; ``observe``, called after every month, may read everything and changes nothing."""
        while self.month < self.spec.months:
            self.step()
            if observe is not None:
                observe(self)
        self.world.recorder.close()
        return RunResult(
            series=self.world.recorder.series,
            places=self.world.recorder.places,
            decisions=tuple(self.decisions),
            spent={delivery.key: delivery.spent for delivery in self.programmes.deliveries},
        )

    # Phases ------------------------------------------------------------------------------------------------

    def _fire_shocks(self) -> None:
        """Let older shocks fade and those due this month hit."""
        impulses = self.shocks.fire(self.month)
        for shock in self.shocks.due(self.month):
            self._log("region", shock.entry.name, shock.key)
        if impulses:
            self.world.strike(impulses, self._factors())
        self.division = self.shocks.division(self.month)

    def _read_region(self) -> None:
        """Read the arrays once, in bulk, into plain Python."""
        world = self.world
        limited, shares = self.setting.parameters.mandate_limited, self.shocks.mission_shares(self.month)
        standing = missions(self.setting.region, self.spec, self.month, limited, shares)
        world.standing = clear_mandates(standing, world.levers.totals["mandate"])
        self.situation = self._picture()
        if self.month == 0 or any(group.status != "latent" for group in self.armed_groups):
            self.forces_against = forces_against(world)
        self.mission_dose = mission_dose(world)
        self.information = information(world)
        self.group_tension = group_means(self.setting.geography, world.fields.tension)

    def _decide(self) -> list[tuple[Institution, Action]]:
        """Every institution answers, observes and decides; none sees another's choice of this month."""
        actions: list[tuple[Institution, Action]] = []
        if self.programmes.waiting():
            actions += [(agent, action) for agent in self.institutions for action in agent.answer(self.situation)]
        for agent in self.institutions:
            if self.adaptive or not agent.reactive:
                actions += [(agent, action) for action in agent.step()]
        return actions

    def _act(self, actions: Iterable[tuple[Institution, Action]]) -> None:
        """Carry out what was decided, and log it."""
        self.news = []
        for agent, action in actions:
            if isinstance(action, SetDose):
                self.handles.set_dose(action.handle, action.dose)
            elif isinstance(action, SetArms):
                self.world.arms[action.group] = action.arms
                self.world.attack[action.group] = action.attack
            elif isinstance(action, SetPosture):
                self.world.posture[action.group] = action.level
            elif isinstance(action, SetHotSpots):
                here = self.setting.geography.district_state == action.state
                self.world.hot_spots[here] = action.multipliers
            elif isinstance(action, Approve):
                self.programmes.approve(action, self.month)
            elif isinstance(action, Refuse):
                self.programmes.refuse(action, self.month)
            elif isinstance(action, SetWeight):
                self.programmes.set_weight(int(agent.uid), action)
            elif isinstance(action, Announce):
                self.news.append((action.kind, action.state))
            if action.what:
                self._log(agent.name, action.what, action.why)

    def _deliver(self) -> Array:
        """Advance programmes and handles; return what is spent this month by state, million euro."""
        for what, why in self.programmes.steer(self.month, self.indicator):
            self._log("scenario", what, why)
        cost = self.programmes.deliver(self.month)
        self.handles.move()
        return cost

    def _follow_script(self) -> None:
        """Put what the scenario fixes of this month into the world; forces rest where a ceasefire holds."""
        if self.script.empty:
            return
        world, month = self.world, self.month
        world.ordered[:] = self.script.posture[month]
        world.expulsion[:] = self.script.expulsion[month]
        for group in self.armed_groups:
            if group.status in AT_PEACE:
                world.ordered[group.group] = -1
                world.expulsion[group.group] = 0.0
        for level in (world.fields.exclusion, world.fields.exclusion_0):
            level[:] = self.script.exclusion(month, level)

    def _rebuild_effects(self) -> None:
        """Sum all active pulls onto the levers, from zero, in canonical order."""
        sources = self.programmes.sources() + self.shocks.sources() + self.handles.sources()
        pulls = [acting for source in sources for acting in source.acting()]
        self.world.levers.rebuild(pulls, self._factors() if pulls else np.zeros((0, 0)))

    def _record(self, cost: Array) -> None:
        """Add to the recorded month what institutions know: spending, onsets and broken ceasefires."""
        row = self.world.recorder.series[self.month]
        row[:, COST] = cost
        row[:, [ONSET, RELAPSES]] = 0.0
        deaths = self.world.tallies.group_deaths.tolist()
        for group in self.armed_groups:
            if group.status != "latent" and group.onset(deaths[group.group]):
                row[group.state, ONSET] += 1.0
            if group.relapsed == self.month:
                row[group.state, RELAPSES] += 1.0
        n_states = self.setting.region.n_states
        self.at_war = states_with((one for one in self.armed_groups if one.fighting(deaths[one.group])), n_states)
        self.after_war = states_with((one for one in self.armed_groups if one.status == CEASEFIRE), n_states)

    def _picture(self) -> Situation:
        """The region as it truly is, after last month."""
        world = self.world
        return Situation(
            month=self.month,
            states=self.setting.region.states,
            outcomes=last_outcomes(world),
            fighters=group_sums(self.setting.geography, world.tallies.fighters),
            group_deaths=world.tallies.group_deaths.tolist(),
            exclusion=world.fields.exclusion.tolist(),
            arms=world.arms.tolist(),
            at_war=(self.at_war > 0.0).tolist(),
            dispute=world.fields.dispute.tolist(),
            after_war=(self.after_war > 0.0).tolist(),
            posture=world.posture.tolist(),
            alignment=self.alignment,
            division=self.division,
            scripted=not self.adaptive,
            activities=activities(self.programmes.deliveries, self.month, adaptive=self.adaptive),
            news=tuple(self.news),
            orders=self.script.orders(self.month) if self.month < self.spec.months else {},
            **(district_means(world) if self.adaptive else {}),
        )

    # Services for institutions and conditions --------------------------------------------------------------

    def indicator(self, name: str, where: str) -> float:
        """An outcome or a field of last month, in a state (by its code) or the ``region``."""
        return read_indicator(self.situation, self.setting.geography.state_people, name, where)

    def lever(self, name: str, state: int) -> float:
        """Last month's sum of effects on a lever of a state."""
        return float(self.world.levers.totals[name][state])

    def open_handle(self, lever: str, size: float, states: Sequence[int], lag: float, halflife: float,
                    communities: Sequence[int] | None = None) -> int:  # fmt: skip
        """Promise a standing pull to an institution (see `Institution.handle`)."""
        return self.handles.promise(lever, size, states, lag, halflife, communities)

    # Helpers -----------------------------------------------------------------------------------------------

    def _factors(self) -> Array:
        """Absorption, conditions and exposures of every state, from last month."""
        dialogue = self.programmes.dialogue()
        return factors(self.world, self.at_war, self.after_war, dialogue, adaptive=self.adaptive)

    def _log(self, agent: str, what: str, why: str) -> None:
        self.decisions.append(Decision(self.month, agent, what, why))
