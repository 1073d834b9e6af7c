"""The programmes of one run: set up, approved or refused, requested and ended, weighed, paid for and delivered."""

from __future__ import annotations

from math import fsum

import numpy as np

from sim.agents.base import Approve, Refuse, SetWeight
from sim.interventions.delivery import PROPOSED, RUNNING, Delivery, affordable, programme_source
from sim.interventions.sizes import channel_sizes
from sim.scenario import Programme, Scenario, Watch, target_cells
from sim.scenario.watch import REQUEST, Read
from sim.types import Array
from sim.world.effects import Pulls
from sim.world.world import Setting


class Programmes:
    """All programmes of one run, in the order of the scenario.

    ``funds`` lists the ceilings of shared budgets (million euro a year) with the numbers of the programmes that
    share each; ``hosts`` holds, by programme, the states whose consent is still out.
    """

    def __init__(self, spec: Scenario, setting: Setting, seed: np.uint64) -> None:
        self.n_states = setting.region.n_states
        self.deliveries = [_delivery(programme, spec, setting, seed) for programme in spec.interventions]
        self.watches = [Watch(programme) for programme in spec.interventions]
        self.hosts = {one.uid: set(np.flatnonzero(one.states).tolist()) for one in self.deliveries}
        self.weight_changes: dict[int, dict[int, float]] = {}
        places = {one.key: number for number, one in enumerate(self.deliveries)}
        self.funds = [(one.meur_per_year, [places[key] for key in one.members]) for one in spec.budgets]

    # What institutions decide ------------------------------------------------------------------------------

    def waiting(self) -> bool:
        """Whether a proposal waits for an answer."""
        return any(one.status == PROPOSED for one in self.deliveries)

    def approve(self, action: Approve, month: int) -> None:
        """Approve a proposal: at the word of one, or of the last of its hosts."""
        proposal = self._proposal(action.uid)
        waiting = self.hosts[action.uid]
        if action.host is not None:
            waiting.discard(action.host)
        if proposal is not None and (action.host is None or not waiting):
            proposal.approve(month, action.delay)

    def refuse(self, action: Refuse, month: int) -> None:
        """Refuse a proposal; the word of one is enough."""
        proposal = self._proposal(action.uid)
        if proposal is not None:
            proposal.refuse(month)

    def set_weight(self, agent: int, action: SetWeight) -> None:
        """Change the weight of a programme by what all institutions wish, added in a canonical order."""
        changes = self.weight_changes.setdefault(action.uid, {})
        changes[agent] = action.change
        for delivery in self.deliveries:
            if delivery.uid == action.uid:
                delivery.weight = 1.0 + fsum(changes[one] for one in sorted(changes))

    def _proposal(self, uid: int) -> Delivery | None:
        """The proposal of this identity, unless another institution closed it this month."""
        for delivery in self.deliveries:
            if delivery.uid == uid and delivery.status == PROPOSED:
                return delivery
        return None

    # What the month brings ---------------------------------------------------------------------------------

    def steer(self, month: int, read: Read) -> list[tuple[str, str]]:
        """Request or end programmes as their conditions say; return what was done and why, where there is a reason."""
        told = []
        for watch, delivery in zip(self.watches, self.deliveries, strict=True):
            order = watch.look(month, read)
            if order is None:
                continue
            what, why = order
            if what == REQUEST:
                delivery.request(month)
            else:
                delivery.end(month)
            if why:
                told.append((f"{what} {delivery.key}", why))
        return told

    def deliver(self, month: int) -> Array:
        """Advance and deliver; return what is spent this month by state, (n_s,) million euro."""
        for delivery in self.deliveries:
            delivery.advance(month)
        cost = np.zeros(self.n_states)
        for delivery, share in zip(self.deliveries, self._shares(), strict=True):
            cost += delivery.deliver(share) * delivery.states
        return cost

    def _shares(self) -> list[float]:
        """Share of dose and cost that each programme can have this month under the ceilings of shared budgets."""
        shares = [1.0] * len(self.deliveries)
        for ceiling, members in self.funds:
            share = affordable([self.deliveries[number].wish for number in members], ceiling)
            for number in members:
                shares[number] = share
        return shares

    def sources(self) -> list[Pulls]:
        """What pulls on levers."""
        return [one.source for one in self.deliveries]

    def dialogue(self) -> Array:
        """1 for every state in which a programme brings the sides to one table, (n_s,)."""
        out = np.zeros(self.n_states)
        for delivery in self.deliveries:
            if delivery.entry.dialogue and delivery.status == RUNNING:
                out[delivery.states > 0.0] = 1.0
        return out


def _delivery(programme: Programme, spec: Scenario, setting: Setting, seed: np.uint64) -> Delivery:
    """Set up the delivery of one programme."""
    region, g = setting.region, setting.geography
    cells = np.flatnonzero(target_cells(region, programme.targets))
    people = np.bincount(g.cell_state[cells], weights=g.cell_people[cells], minlength=region.n_states)
    drawn, shrink = spec.effects == "drawn", setting.parameters.effect_shrink
    sizes = channel_sizes(programme.entry, seed, drawn=drawn, shrink=shrink)
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
