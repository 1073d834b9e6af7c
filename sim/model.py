"""The model: one step is one month, told as a list of phases.

Shocks, observe, decide, act, effective values, the core (four rounds of people, then the fields), record.
Institutions are Mesa agents and drive the month; people and places are arrays (`sim.world`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from math import fsum
from typing import Any

import numpy as np
from mesa import Model

from sim.agents.armed_group import AT_PEACE, CEASEFIRE, ArmedGroup
from sim.agents.base import (
    Action,
    Activity,
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
from sim.agents.roster import institutions
from sim.interventions import SCRIPTED
from sim.interventions.delivery import DEPLOYING, PROPOSED, RUNNING, Delivery, affordable, programme_source
from sim.interventions.sizes import channel_sizes
from sim.population import Population
from sim.region import Region, load_region
from sim.scenario import Scenario, Shock, Watch, target_cells
from sim.scenario.drawn import happening
from sim.scenario.watch import REQUEST
from sim.types import CIVIC_SPACE, CREDIBILITY, OVERSIGHT, REFORM_POLITICAL, REFORM_SECURITY, Array
from sim.world.effects import MINED, Pull, Reach, Source, exposures, factor_table, make_pull, multipliers
from sim.world.geography import patron_states
from sim.world.levers import LEVER_BY_NAME
from sim.world.outcomes import OUTCOME_INDEX, OUTCOME_NAMES, OUTCOMES
from sim.world.presence import clear_mandates, standing_missions
from sim.world.script import Order, write_script
from sim.world.world import WAR, Setting, World, prepare

SMALLEST_GROUP = 20_000
"""Residents from which a community of a state is followed as a possible home of an armed group."""
ROUND_SHARES = (1.0, 0.5)
"""A rumour's strength in its first and second round."""
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
        self.spec = spec
        self.adaptive = spec.institutions == "adaptive"
        self.setting = setting
        self.world = World(setting, spec.months, seed, threads=threads, log_rounds=log_rounds)
        self.month = 0
        self.decisions: list[Decision] = []
        self.handles: list[partial[Source]] = []
        self.open_handles: dict[int, Source] = {}
        self.weight_changes: dict[int, dict[int, float]] = {}
        self.news: list[tuple[str, int]] = []
        region = setting.region
        n_s = region.n_states
        self.mission_dose = [0.0] * n_s
        self.information = [0.0] * n_s
        self.division = 0.0
        self.group_tension = [0.0] * region.n_groups
        self.forces_against = [0.0] * region.n_groups
        self.at_war = np.zeros(n_s)
        self.after_war = np.zeros(n_s)
        self.kin_states = self._kin_states()
        self.patrons = [list(states) for states in patron_states(region)]
        self.alignment: list[float] = region.values["alignment_west"].tolist()
        self.deliveries = [self._delivery(programme) for programme in spec.interventions]
        self.hosts = {one.uid: set(np.flatnonzero(one.states).tolist()) for one in self.deliveries}
        shocks = happening(spec.shocks, region, setting.geography.state_uid, spec.months, seed)
        self.shocks = [(shock, self._shock_source(shock)) for shock in shocks]
        self.script = write_script(self._orders(), spec.months, region.n_groups)
        self.watches = [Watch(programme) for programme in spec.interventions]
        self.funds = self._funds()
        self.situation = self._situation()
        self.armed_groups = self._armed_groups()
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
        self._spread_rumours()
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
            spent={delivery.key: delivery.spent for delivery in self.deliveries},
        )

    # Phases ------------------------------------------------------------------------------------------------

    def _read_region(self) -> None:
        """Read the arrays once, in bulk, into plain Python."""
        world, g = self.world, self.setting.geography
        date = self.spec.start_month - 1 + self.month
        year, month, shares = self.spec.start_year + date // 12, date % 12 + 1, self._mission_shares()
        region = self.setting.region
        standing = standing_missions(region, year, month, shares) if shares else _missions(region, year, month)
        world.standing = clear_mandates(standing, world.levers.totals["mandate"])
        self.situation = self._situation()
        if self.month == 0 or any(group.status != "latent" for group in self.armed_groups):
            self._read_forces()
        troops = world.standing[0] + np.maximum(world.levers.totals["troops"], 0.0)
        dose = 1000.0 * troops / g.state_people / self.setting.parameters.mission_full
        self.mission_dose = np.minimum(dose, 1.0).tolist()
        self.information = self._information()
        self.group_tension = self._group_means(world.fields.tension)

    def _information(self) -> list[float]:
        """Share of observation noise removed in each state: by programmes and by monitors on the ground."""
        levers, world = self.world.levers.totals, self.world
        monitors = np.maximum(world.standing[2] + levers["observers"], 0.0)
        per_state = np.minimum(1e4 * monitors / self.setting.geography.state_people, 1.0)
        seen = levers["information"] + self.setting.parameters.monitor_information * per_state
        return np.clip(seen, 0.0, 1.0).tolist()  # type: ignore[no-any-return]

    def _fire_shocks(self) -> None:
        """Let older shocks fade and those due this month hit; a rumour waits for its round."""
        impulses: list[tuple[Pull, float]] = []
        for shock, source in self.shocks:
            source.move()
            if shock.at == self.month and shock.entry.pattern == "impulse":
                source.jump(shock.magnitude)
                impulses += source.impulses(shock.magnitude)
            if shock.at == self.month:
                self._log("region", shock.entry.name, shock.key)
        if impulses:
            self.world.strike(impulses, self._factors())
        self.division = max((self._division(shock) for shock, _ in self.shocks), default=0.0)

    def _decide(self) -> list[tuple[Institution, Action]]:
        """Every institution answers, observes and decides; nobody sees another's choice of this month."""
        actions: list[tuple[Institution, Action]] = []
        if any(delivery.status == PROPOSED for delivery in self.deliveries):
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
                self._set_dose(action)
            elif isinstance(action, SetArms):
                self.world.arms[action.group] = action.arms
                self.world.attack[action.group] = action.attack
            elif isinstance(action, SetPosture):
                self.world.posture[action.group] = action.level
            elif isinstance(action, SetHotSpots):
                here = self.setting.geography.district_state == action.state
                self.world.hot_spots[here] = action.multipliers
            elif isinstance(action, Approve):
                self._approve(action)
            elif isinstance(action, Refuse):
                self._refuse(action)
            elif isinstance(action, SetWeight):
                self._set_weight(int(agent.uid), action)
            elif isinstance(action, Announce):
                self.news.append((action.kind, action.state))
            if action.what:
                self._log(agent.name, action.what, action.why)

    def _set_dose(self, action: SetDose) -> None:
        """Move a handle towards a dose; it is built when first used, so that unused ones cost nothing."""
        if action.handle not in self.open_handles:
            self.open_handles[action.handle] = self.handles[action.handle]()
        self.open_handles[action.handle].set_dose(action.dose)

    def _approve(self, action: Approve) -> None:
        """Approve a proposal: at the word of one, or of the last of its hosts."""
        proposal = self._proposal(action.uid)
        waiting = self.hosts[action.uid]
        if action.host is not None:
            waiting.discard(action.host)
        if proposal is not None and (action.host is None or not waiting):
            proposal.approve(self.month, action.delay)

    def _refuse(self, action: Refuse) -> None:
        """Refuse a proposal; the word of one is enough."""
        proposal = self._proposal(action.uid)
        if proposal is not None:
            proposal.refuse(self.month)

    def _set_weight(self, agent: int, action: SetWeight) -> None:
        """Change the weight of a programme by what all institutions wish, added in a canonical order."""
        changes = self.weight_changes.setdefault(action.uid, {})
        changes[agent] = action.change
        for delivery in self.deliveries:
            if delivery.uid == action.uid:
                delivery.weight = 1.0 + fsum(changes[one] for one in sorted(changes))

    def _deliver(self) -> Array:
        """Advance programmes; return what is spent this month by state, million euro."""
        for watch, delivery in zip(self.watches, self.deliveries, strict=True):
            self._steer(watch, delivery)
            delivery.advance(self.month)
        shares = self._shares()
        cost = np.zeros(self.setting.region.n_states)
        for delivery, share in zip(self.deliveries, shares, strict=True):
            cost += delivery.deliver(share) * delivery.states
        for source in self.open_handles.values():
            source.move()
        return cost

    def _steer(self, watch: Watch, delivery: Delivery) -> None:
        """Request or end a programme, as its conditions say."""
        order = watch.look(self.month, self.indicator)
        if order is None:
            return
        what, why = order
        if what == REQUEST:
            delivery.request(self.month)
        else:
            delivery.end(self.month)
        if why:
            self._log("scenario", f"{what} {delivery.key}", why)

    def _shares(self) -> list[float]:
        """Share of dose and cost that each programme can have this month under the ceilings of shared budgets."""
        shares = [1.0] * len(self.deliveries)
        for ceiling, members in self.funds:
            share = affordable([self.deliveries[number].wish for number in members], ceiling)
            for number in members:
                shares[number] = share
        return shares

    def _rebuild_effects(self) -> None:
        """Sum all active pulls onto the levers, from zero, in canonical order."""
        sources = [delivery.source for delivery in self.deliveries]
        sources += [source for _, source in self.shocks]
        sources += [self.open_handles[number] for number in sorted(self.open_handles)]
        pulls = [acting for source in sources for acting in source.acting()]
        self.world.levers.rebuild(pulls, self._factors() if pulls else np.zeros((0, 0)))

    def _factors(self) -> Array:
        """Absorption, conditions and exposures of every state, from last month."""
        world, setting, p = self.world, self.setting, self.setting.parameters
        slow = world.fields.slow
        met = np.minimum(slow[REFORM_SECURITY] / p.accession_security, slow[REFORM_POLITICAL] / p.accession_political)
        others = {
            "standards": np.minimum(met, 1.0),
            "state_war": self._state_war(),
            "mined": np.minimum(setting.region.values["mined_share"] / MINED, 1.0),
            "dialogue": self._dialogue(),
            "scripted": np.full(setting.region.n_states, float(not self.adaptive)),
            **exposures(world.fields, setting.fields, world.levers.totals),
        }
        return factor_table(world.fields, self.at_war, self.after_war, others)

    def _state_war(self) -> Array:
        """1 for every state whose posture to a community is war."""
        out = np.zeros(self.setting.region.n_states)
        out[self.setting.geography.group_state[self.world.postures() >= WAR]] = 1.0
        return out

    def _dialogue(self) -> Array:
        """1 for every state in which a programme brings the sides to one table."""
        out = np.zeros(self.setting.region.n_states)
        for delivery in self.deliveries:
            if delivery.entry.dialogue and delivery.status == RUNNING:
                out[delivery.states > 0.0] = 1.0
        return out

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

    def _spread_rumours(self) -> None:
        """Put rumours into their two rounds, full and then half; the second may fall into the next month."""
        size = self.setting.parameters.rumour_size
        believed = multipliers(self.world.levers.totals["rumours"])
        for shock, source in self.shocks:
            if shock.entry.pattern != "rumour":
                continue
            first = 4 * shock.at + shock.week
            for lapse, share in enumerate(ROUND_SHARES):
                quarter = first + lapse - 4 * self.month
                if 0 <= quarter < 4:
                    for pull in source.pulls:
                        strength = size * shock.magnitude * share
                        self.world.inputs.shock[quarter, pull.places] += strength * pull.weights * believed[pull.places]

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
        self.at_war = self._marked(lambda group: group.fighting(deaths[group.group]))
        self.after_war = self._marked(lambda group: group.status == CEASEFIRE)

    def indicator(self, name: str, where: str) -> float:
        """An outcome or a field of last month, in a state (by its code) or the ``region``."""
        if where == "region":
            return self._region_value(name)
        return self.situation.outcomes[name][self.situation.states.index(where)]

    # Services for institutions -----------------------------------------------------------------------------

    def lever(self, name: str, state: int) -> float:
        """Last month's sum of effects on a lever of a state."""
        return float(self.world.levers.totals[name][state])

    def proposals(self, approval: str) -> list[Delivery]:
        """Proposals that wait for an approval (``allies``, ``council``, ``host``, ``contributors``)."""
        return [one for one in self.deliveries if one.status == PROPOSED and one.approval == approval]

    def open_handle(self, lever: str, size: float, states: Sequence[int], lag: float, halflife: float,
                    communities: Sequence[int] | None = None) -> int:  # fmt: skip
        """Promise a standing pull to an institution (see `Institution.handle`)."""
        if lever not in LEVER_BY_NAME:
            raise ValueError(f"no lever is called {lever}")
        self.handles.append(partial(self._handle, lever, size, tuple(states), lag, halflife, communities))
        return len(self.handles) - 1

    def _handle(self, lever: str, size: float, states: Sequence[int], lag: float, halflife: float,
                communities: Sequence[int] | None) -> Source:  # fmt: skip
        g = self.setting.geography
        mask = np.isin(g.cell_state, list(states))
        if communities is not None:
            mask &= np.isin(self.setting.region.cell_community, list(communities))
        return Source([make_pull(lever, size, Reach(np.flatnonzero(mask)), g, lag, halflife)])

    # Helpers -----------------------------------------------------------------------------------------------

    def _situation(self) -> Situation:
        world, region = self.world, self.setting.region
        columns = world.recorder.series[max(self.month - 1, 0)].T.tolist() if self.month else self._start_columns()
        outcomes = dict(zip(OUTCOME_NAMES, columns, strict=True))
        outcomes["civic_space"] = world.fields.slow[CIVIC_SPACE].tolist()
        outcomes["credibility"] = world.fields.slow[CREDIBILITY].tolist()
        outcomes["oversight"] = world.fields.slow[OVERSIGHT].tolist()
        outcomes["energy"] = world.fields.energy.tolist()
        return Situation(
            month=self.month,
            states=region.states,
            outcomes=outcomes,
            fighters=self._group_sums(world.tallies.fighters),
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
            activities=self._activities(),
            news=tuple(self.news),
            orders=self.script.orders(self.month) if self.month < self.spec.months else {},
            **(self._districts() if self.adaptive else {}),
        )

    def _activities(self) -> tuple[Activity, ...]:
        """Programmes as institutions know them; a scripted run needs them only while a proposal waits."""
        known = (PROPOSED, DEPLOYING, RUNNING) if self.adaptive else (PROPOSED,)
        return tuple(
            Activity(
                uid=one.uid,
                key=one.key,
                row=one.entry.row,
                status=one.status,
                since=one.since,
                left=self._months_left(one),
                approval=one.approval,
                persons=any(LEVER_BY_NAME[pull.lever].kind == "persons" for pull in one.source.pulls),
                meur_per_year=one.meur_per_year,
                shares=tuple(one.states.tolist()),
            )
            for one in self.deliveries
            if one.status in known
        )

    def _months_left(self, delivery: Delivery) -> int | None:
        """Months that a running programme still has, this one included; None until the end."""
        if delivery.months is None or delivery.status != RUNNING:
            return None
        return delivery.since + delivery.months - self.month

    def _districts(self) -> dict[str, list[float]]:
        """Means over residents of every district, in bulk."""
        g, fields = self.setting.geography, self.world.fields
        youth = np.minimum(fields.youth_ratio[g.cell_state] * fields.unemployment, 0.95)
        levels = {"tension": fields.tension, "legitimacy": fields.legitimacy, "youth_unemployment": youth}
        return {
            f"district_{name}": (
                np.bincount(g.cell_district, weights=level * g.cell_people, minlength=g.district_people.size)
                / g.district_people
            ).tolist()
            for name, level in levels.items()
        }

    def _start_columns(self) -> list[list[float]]:
        """Outcomes before the first month: levels as the data put them, no flows."""
        from sim.world.recorder import record_month

        row = np.zeros((self.setting.region.n_states, len(OUTCOMES)))
        world = self.world
        record_month(row, self.setting.geography, world.fields, world.tallies, world.protracted)
        return row.T.tolist()  # type: ignore[no-any-return]

    def _group_sums(self, cells: Array) -> list[int]:
        if not cells.any():
            return [0] * self.setting.region.n_groups
        totals = np.zeros(self.setting.region.n_groups, np.int64)
        np.add.at(totals, self.setting.geography.cell_group, cells)
        return totals.tolist()  # type: ignore[no-any-return]

    def _group_means(self, cells: Array) -> list[float]:
        g = self.setting.geography
        totals = np.bincount(g.cell_group, weights=cells * g.cell_people, minlength=g.group_people.size)
        return (totals / g.group_people).tolist()  # type: ignore[no-any-return]

    def _read_forces(self) -> None:
        """Officers and soldiers that each group would face where its community lives."""
        g, inputs = self.setting.geography, self.world.inputs
        officers = np.bincount(
            g.cell_group,
            weights=inputs.officers[g.cell_district] * g.cell_people,
            minlength=g.group_people.size,
        )
        soldiers = (self.world.standing[0] + self.world.levers.totals["troops"])[g.group_state]
        self.forces_against = (officers + soldiers * g.group_people / g.state_people[g.group_state]).tolist()

    def _kin_states(self) -> list[tuple[int, ...]]:
        g = self.setting.geography
        return [
            tuple(sorted({int(g.group_state[k]) for k in g.kin_group[g.kin_start[i] : g.kin_start[i + 1]]}))
            for i in range(g.group_people.size)
        ]

    def _armed_groups(self) -> list[ArmedGroup]:
        region = self.setting.region
        groups = []
        scripted = self.script.named()
        for group in range(region.n_groups):
            community = region.communities[region.group_community[group]]
            large = community != "other" and region.group_population[group] >= SMALLEST_GROUP
            if large or group in scripted:
                state = region.states[region.group_state[group]]
                name = f"armed group ({community}, {state})"
                groups.append(ArmedGroup(self, name, int(region.group_uid[group]), group))
        return groups

    def _marked(self, condition: Callable[[ArmedGroup], bool]) -> Array:
        """1 for every state with an armed group that meets a condition, else 0."""
        out = np.zeros(self.setting.region.n_states)
        for group in self.armed_groups:
            if condition(group):
                out[group.state] = 1.0
        return out

    def _delivery(self, programme: Any) -> Delivery:
        region, g = self.setting.region, self.setting.geography
        cells = np.flatnonzero(target_cells(region, programme.targets))
        people = np.bincount(g.cell_state[cells], weights=g.cell_people[cells], minlength=region.n_states)
        drawn, shrink = self.spec.effects == "drawn", self.setting.parameters.effect_shrink
        sizes = channel_sizes(programme.entry, self.world.seed, drawn=drawn, shrink=shrink)
        return Delivery(
            key=programme.key,
            uid=programme.uid,
            entry=programme.entry,
            source=programme_source(programme.entry, cells, float(sum(programme.quantity.values())), g, sizes),
            dose=programme.dose,
            share=programme.intensity,
            start=programme.start,
            months=programme.months,
            meur_per_year=programme.meur_per_year,
            approval=programme.approval,
            states=people / people.sum(),
        )

    def _funds(self) -> list[tuple[float, list[int]]]:
        """Ceilings of shared budgets, with the numbers of the programmes that share them."""
        places = {one.key: number for number, one in enumerate(self.deliveries)}
        return [(one.meur_per_year, [places[key] for key in one.members]) for one in self.spec.budgets]

    def _shock_source(self, shock: Shock) -> Source:
        cells = Reach(np.flatnonzero(target_cells(self.setting.region, shock.targets)))
        g = self.setting.geography
        exposed = (shock.entry.exposure,) if shock.entry.exposure else ()
        return Source(
            [make_pull(c.lever, c.size, cells, g, 0.0, c.halflife_months, exposed) for c in shock.entry.channels]
        )

    def _orders(self) -> list[Order]:
        """What the scenario fixes of a conflict, by groups."""
        region, g = self.setting.region, self.setting.geography
        orders = []
        for shock in self.spec.shocks:
            if shock.entry.pattern in SCRIPTED:
                groups = np.unique(g.cell_group[target_cells(region, shock.targets)])
                orders.append(Order(shock.entry.pattern, groups, shock.at, shock.magnitude, **shock.options))
        return orders

    def _mission_shares(self) -> dict[str, float]:
        """Share of each standing mission that is still there."""
        shares: dict[str, float] = {}
        for shock, _ in self.shocks:
            if shock.entry.pattern == "mission" and self.month >= shock.at:
                done = min((self.month - shock.at + 1) / shock.options["months"], 1.0)
                left = 1.0 - done * (1.0 - shock.options["remaining"]) * min(shock.magnitude, 1.0)
                key = shock.options["mission"]
                shares[key] = min(shares.get(key, 1.0), left)
        return shares

    def _division(self, shock: Shock) -> float:
        """How divided the Allies are by one shock this month."""
        if shock.entry.pattern != "division" or not shock.at <= self.month < shock.at + shock.options["months"]:
            return 0.0
        return float(shock.magnitude)

    def _region_value(self, indicator: str) -> float:
        """An outcome of last month for the whole region."""
        values = self.situation.outcomes[indicator]
        if indicator in OUTCOME_INDEX and OUTCOMES[OUTCOME_INDEX[indicator]].pool == "sum":
            return fsum(values)
        people: list[float] = self.setting.geography.state_people.tolist()
        return fsum(n * v for n, v in zip(people, values, strict=True)) / fsum(people)

    def _proposal(self, uid: int) -> Delivery | None:
        """The proposal of this identity, unless another institution closed it this month."""
        for delivery in self.deliveries:
            if delivery.uid == uid and delivery.status == PROPOSED:
                return delivery
        return None

    def _log(self, agent: str, what: str, why: str) -> None:
        self.decisions.append(Decision(self.month, agent, what, why))


@lru_cache(maxsize=1024)
def _missions(region: Region, year: int, month: int) -> Array:
    """Standing missions of a month in which none is withdrawn."""
    return standing_missions(region, year, month)


@lru_cache(maxsize=4)
def _shared(region: Region, population: Population, overrides: tuple[tuple[str, float], ...]) -> Setting:
    """Build the setting of a region, population and parameter set once per process."""
    home = load_region(region.folder)
    reference = None if home.year == region.year else home
    return prepare(region, population, dict(overrides), reference)


def simulate(
    scenario: Scenario,
    region: Region,
    population: Population,
    seed: int,
    *,
    threads: int = 1,
    setting: Setting | None = None,
    observe: Callable[[StabilityModel], None] | None = None,
) -> RunResult:
    """Run one scenario once.

    Parameters
    ----------
    region : Region
        At the scenario's start year.
    seed : int
        64-bit run seed. The same seed in two scenarios gives the same luck to the same citizens and places.
    setting : Setting, optional
        A prepared setting to reuse; by default one is prepared and kept for the process.
    observe : callable, optional
        Called with the model after every month, to read it. What it raises ends the run.
    """
    if setting is None:
        setting = _shared(region, population, tuple(sorted(scenario.parameters.items())))
    model = StabilityModel(scenario, setting, seed, threads=threads)
    try:
        return model.run(observe)
    finally:
        _forget(model)


def _forget(model: Model) -> None:
    """Drop all that a finished model holds.

    A model and its agents refer to each other: emptying it lets its arrays go now, not at some later
    collection.
    """
    vars(model).clear()
