"""The programmes of one run, from the conditions that start them and the sizes of their effects to what they pull and cost.

A programme is requested in its month, or when its condition is met (`Watch`); it is approved or refused, deploys,
delivers and ends (`Delivery`). Its start is the month of the request; delivery follows approval and deployment
(``approval: none`` delivers at once). One that was ended may be requested again: what was approved once needs no
second approval, but deploys anew. A programme of dose zero makes no request, holds no place in a queue and spends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import fsum, inf, nextafter
from typing import Any

import numpy as np

from sim.agents.base import Approve, Refuse, SetWeight, Switch
from sim.interventions.schema import CatalogueEntry
from sim.kernels.draws import EFFECT, uniform
from sim.scenario import Condition, Programme, Scenario, Trigger, target_cells
from sim.types import Array, Geography, stable_uid
from sim.world.effects import Pulls, Reach, dose_response, make_pull
from sim.world.levers import LEVER_BY_NAME
from sim.world.world import Setting

PLANNED, PROPOSED, DEPLOYING, RUNNING, ENDED, REFUSED = (
    "planned",
    "proposed",
    "deploying",
    "running",
    "ended",
    "refused",
)
REQUEST, SWITCH_OFF, STOP = "requests", "switches off", "stops"
Read = Callable[[str, str], float]
"""An indicator in a place (a state code, or ``region``), as it was last month."""


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
        """Change the weight of a programme by the changes of all institutions, added in a canonical order."""
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
            share = affordable([self.deliveries[number].full_cost for number in members], ceiling)
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
        curve=setting.parameters.dose_curve,
    )


class Watch:
    """The conditions of one programme in one run.

    Before the programme's start month nothing is looked at. Without a condition it is requested in that month.
    """

    def __init__(self, programme: Programme) -> None:
        self.start = programme.start
        self.when = programme.when
        self.stop_when = programme.stop_when
        self.starting = None if programme.when is None else _switch(programme.when)
        self.stopping = None if programme.stop_when is None else _switch(programme.stop_when)
        self.due = programme.start if programme.when is None else None
        self.over = False

    def look(self, month: int, read: Read) -> tuple[str, str] | None:
        """Take in a month; return what is done (`REQUEST`, `SWITCH_OFF` or `STOP`) and why, or None."""
        if month < self.start or self.over:
            return None
        if self.stop_when is not None and self._turned(self.stopping, self.stop_when, month, read):
            self.over = True
            return STOP, self.stop_when.words
        if self.when is not None and self._turned(self.starting, self.when, month, read):
            assert self.starting is not None
            self.due = month + self.when.delay_months if self.starting.active else None
            if not self.starting.active:
                return SWITCH_OFF, f"no longer {self.when.words}"
        if self.due is not None and month >= self.due:
            self.due = None
            return REQUEST, "" if self.when is None else self.when.words
        return None

    @staticmethod
    def _turned(switch: Switch | None, condition: Condition, month: int, read: Read) -> bool:
        sign = 1.0 if condition.above is not None else -1.0
        return switch is not None and switch.see(sign * read(condition.indicator, condition.where), month)


def _switch(condition: Condition) -> Switch:
    """Return the switch of a condition; one below a level works on the negative of its indicator."""
    level = condition.above if condition.above is not None else -float(condition.below or 0.0)
    if isinstance(condition, Trigger) and condition.until is not None:
        until = condition.until if condition.above is not None else -condition.until
        return Switch(level, until, condition.for_months, condition.dwell_months)
    return Switch(level, -inf, condition.for_months, 0.0)


@dataclass(eq=False)
class Delivery:
    """The life of one programme in one run.

    ``dose`` in [0, 1] moves ordinary channels through the saturating dose response, ``share`` in [0, 1] the
    channels that count persons; ``start``, ``months`` as in the scenario; ``meur_per_year`` at this dose;
    ``states`` share of the cost by state, (n_s,); ``agreed`` months of deployment once approved; ``curve`` of the
    dose response.
    """

    key: str
    uid: int
    entry: CatalogueEntry
    source: Pulls
    dose: float
    share: float
    start: int
    months: int | None
    meur_per_year: float
    approval: str
    states: Array
    curve: float
    status: str = PLANNED
    since: int = 0
    ready: int = 0
    spent: float = 0.0
    weight: float = 1.0
    agreed: float | None = None
    history: list[tuple[int, str]] = field(default_factory=list)

    def enter(self, status: str, month: int) -> None:
        """Change status and remember when."""
        self.status = status
        self.since = month
        self.history.append((month, status))

    def request(self, month: int) -> None:
        """Ask for approval, or start at once where none is needed; deploy anew where it was given before."""
        if self.dose <= 0.0 or self.status not in (PLANNED, ENDED):
            return
        if self.agreed is not None:
            self.approve(month, self.agreed)
        else:
            self.enter(RUNNING if self.approval == "none" else PROPOSED, month)

    def approve(self, month: int, delay: float) -> None:
        """Deploy, to be ready after ``delay`` months."""
        self.agreed = delay
        self.enter(DEPLOYING, month)
        self.ready = month + max(int(delay + 0.5), 0)

    def refuse(self, month: int) -> None:
        """Close the proposal."""
        self.enter(REFUSED, month)

    def end(self, month: int) -> None:
        """End, also while it waits or deploys; a refusal stands."""
        if self.status not in (ENDED, REFUSED):
            self.enter(ENDED, month)

    def advance(self, month: int) -> None:
        """Move on to ``month``: ready forces start, what has lasted its months ends."""
        if self.status == DEPLOYING and month >= self.ready:
            self.enter(RUNNING, month)
        if self.status == RUNNING and self.months is not None and month >= self.since + self.months:
            self.enter(ENDED, month)

    @property
    def full_cost(self) -> float:
        """Spending of this month without a ceiling, million euro."""
        return self.weight * self.meur_per_year / 12.0 if self.status == RUNNING else 0.0

    def deliver(self, share: float = 1.0) -> float:
        """Act this month, at a share of dose and cost; return what is spent, million euro."""
        running = self.status == RUNNING
        full = dose_response(self.dose * self.weight * share, self.curve) if running else 0.0
        heads = self.share * self.weight * share if running else 0.0
        self.source.doses = [
            heads if LEVER_BY_NAME[pull.lever].kind == "persons" else full for pull in self.source.pulls
        ]
        self.source.move()
        cost = share * self.full_cost
        self.spent += cost
        return cost


def affordable(costs: Sequence[float], ceiling: float) -> float:
    """Return the share, at most 1, at which programmes together stay within a twelfth of a yearly ceiling.

    Exact: the sum of the products of share and cost, as real numbers, never exceeds that twelfth.
    """
    most = Fraction(ceiling / 12.0)
    total = sum(map(Fraction, costs))
    if total <= most:
        return 1.0
    share = float(most / total)
    while sum(Fraction(share * cost) for cost in costs) > most:
        share = nextafter(share, 0.0)
    return share


def programme_source(
    entry: CatalogueEntry, cells: Array, heads: float, geography: Geography, sizes: Sequence[float] | None = None
) -> Pulls:
    """Return the pulls of a catalogue entry on the cells it targets; ``heads`` persons for levers that count them.

    ``sizes`` replace the central sizes of its channels (`channel_sizes`).
    """
    reach = Reach(cells)
    pulls = []
    alone = singled_out(cells, geography)
    for channel, central in zip(entry.channels, sizes or [c.size for c in entry.channels], strict=True):
        if channel.when == "singled_out" and not alone:
            continue
        persons = LEVER_BY_NAME[channel.lever].kind == "persons"
        size = entry.factor(channel) * central * (heads if persons else 1.0)
        factors: tuple[str, ...] = () if persons else entry.absorption
        if channel.when not in (None, "singled_out"):
            factors = (*factors, channel.when)
        pulls.append(
            make_pull(channel.lever, size, reach, geography, channel.lag_months, channel.halflife_months, factors)
        )
    return Pulls(pulls)


def singled_out(cells: Array, geography: Geography) -> bool:
    """Whether cells leave out a community of a district that they reach."""
    reached = np.isin(geography.cell_district, geography.cell_district[cells])
    return bool(reached.sum() > cells.size)


def channel_sizes(entry: CatalogueEntry, seed: Any, *, drawn: bool, shrink: float) -> list[float]:
    """Return the size of every channel of an entry in one run.

    Parameters
    ----------
    seed : uint64
        The run's seed. A draw is keyed by seed, entry and channel, and by nothing else: the same replication of
        every scenario meets the same sizes, at every place and dose.
    drawn : bool
        Draw from the distribution of each channel (False: its central size).
    shrink : float
        Multiplies all sizes but those of nulls (they are not exaggerated) and of head counts.

    Notes
    -----
    Draws: stream ``EFFECT``, one per channel, before the run.
    """
    sizes = []
    met: dict[str, int] = {}
    for channel in entry.channels:
        number = met[channel.lever] = met.get(channel.lever, -1) + 1
        size = channel.size
        if drawn:
            uid = np.uint64(stable_uid(f"{entry.key} {channel.lever}"))
            size = channel.quantile(float(uniform(seed, EFFECT, 0, uid, number)))
        kept = channel.size == 0.0 or LEVER_BY_NAME[channel.lever].kind == "persons"
        sizes.append(size if kept else shrink * size)
    return sizes
