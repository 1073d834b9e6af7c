"""How a programme runs: request, approval, deployment, delivery, end; what it spends, and what it pulls.

A programme of dose zero makes no request, holds no place in a queue and spends nothing. Its start is the month of
the request; delivery follows approval and deployment (``approval: none`` delivers at once). One that was ended may
be requested again: what was approved once needs no second approval, but deploys anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import nextafter

import numpy as np

from sim.interventions.schema import CatalogueEntry
from sim.types import Array, Geography
from sim.world.effects import Pulls, Reach, dose_response, make_pull
from sim.world.levers import LEVER_BY_NAME

PLANNED, PROPOSED, DEPLOYING, RUNNING, ENDED, REFUSED = (
    "planned",
    "proposed",
    "deploying",
    "running",
    "ended",
    "refused",
)


def programme_source(
    entry: CatalogueEntry, cells: Array, heads: float, geography: Geography, sizes: Sequence[float] | None = None
) -> Pulls:
    """Return the pulls of a catalogue entry on the cells it targets; ``heads`` persons for levers that count them.

    ``sizes`` replace the central sizes of its channels (`sim.interventions.sizes`).
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


@dataclass(eq=False)
class Delivery:
    """The life of one programme in one run.

    ``dose`` in [0, 1] moves ordinary channels through the saturating dose response, ``share`` in [0, 1] the
    channels that count persons; ``start``, ``months`` as in the scenario; ``meur_per_year`` at this dose;
    ``states`` share of the cost by state, (n_s,); ``agreed`` months of deployment once approved.
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
    def wish(self) -> float:
        """What it would spend this month if no ceiling held it back, million euro."""
        return self.weight * self.meur_per_year / 12.0 if self.status == RUNNING else 0.0

    def deliver(self, share: float = 1.0) -> float:
        """Act this month, at a share of dose and cost; return what is spent, million euro."""
        running = self.status == RUNNING
        full = dose_response(self.dose * self.weight * share) if running else 0.0
        heads = self.share * self.weight * share if running else 0.0
        self.source.doses = [
            heads if LEVER_BY_NAME[pull.lever].kind == "persons" else full for pull in self.source.pulls
        ]
        self.source.move()
        cost = share * self.wish
        self.spent += cost
        return cost


def affordable(wishes: Sequence[float], ceiling: float) -> float:
    """Return the share, at most 1, at which programmes together stay within a twelfth of a yearly ceiling.

    Exact: the sum of the products of share and wish, as real numbers, never exceeds that twelfth.
    """
    most = Fraction(ceiling / 12.0)
    total = sum(map(Fraction, wishes))
    if total <= most:
        return 1.0
    share = float(most / total)
    while sum(Fraction(share * wish) for wish in wishes) > most:
        share = nextafter(share, 0.0)
    return share
