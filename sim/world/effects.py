"""Effects on levers: how doses of programmes and shocks become this month's effective values.

Each *channel* of an active source pulls one lever at some places. Its level rises towards the source's dose with
the channel's lag and decays with its half-life after the end; the pull is level x size x absorption at the place.
All pulls on a lever add up on its log or logit scale, and the sum is capped. Sums are rebuilt from zero every
month in a canonical order of channels, so the order in a file cannot matter and no base value is overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.kernels.compiling import kernel
from sim.kernels.elementary import exp, logistic, logit
from sim.types import CAPACITY, CIVIC_SPACE, CORRUPTION, OVERSIGHT, SLOW_FIELDS, Array, Fields, Geography, Inputs
from sim.world.levers import LEVER_BY_NAME, LEVERS
from sim.world.rates import decay, keep

ABSORPTION = ("capacity", "integrity", "civic_space", "access", "standards")
CONDITIONS = (
    "always", "secure", "insecure", "low_oversight", "active_war", "post_war", "state_war", "irregular_war", "mined",
    "dialogue", "scripted",
)  # fmt: skip
EXPOSURES = ("cyber", "energy", "hazard", "accident")
FACTORS = ABSORPTION + CONDITIONS + EXPOSURES
"""Factors that scale a pull state by state: what the receiver absorbs, the scope condition of the channel, and (for
shocks) how exposed the state is, as a multiple of its exposure at the start."""
CAPPED = ("level", "rate", "log_odds")


def dose_response(dose: float, curve: float) -> float:
    """Saturating dose, s(x) = (1 - e^(-curve x)) / (1 - e^(-curve)): 0 at 0, exactly 1 at 1."""
    if dose <= 0.0:
        return 0.0
    if dose == 1.0:
        return 1.0
    return float((1.0 - exp(-curve * dose)) / (1.0 - exp(-curve)))


@dataclass(frozen=True, eq=False)
class Pull:
    """One channel of one source, ready to act.

    ``places`` indexes places of the lever's scope and ``weights`` holds size x share of the place reached, both
    (k,); ``states`` (k,) the state whose absorption counts; ``factors`` (m,) indexes `FACTORS`. ``lag`` and
    ``halflife`` in months, 0 for at once.
    """

    lever: str
    places: Array
    weights: Array
    states: Array
    factors: Array
    lag: float
    halflife: float

    def next_level(self, level: float, dose: float) -> float:
        """Advance the level by one month towards the dose: up with the lag, down with the half-life."""
        if dose >= level:
            return level + (decay(self.lag) if self.lag > 0.0 else 1.0) * (dose - level)
        return dose + (keep(self.halflife) if self.halflife > 0.0 else 0.0) * (level - dose)


def lever_sizes(geography: Geography) -> dict[str, int]:
    """Number of places of each lever scope."""
    n_s = geography.state_uid.size
    return {
        "cell": geography.cell_uid.size,
        "district": geography.district_uid.size,
        "group": geography.group_uid.size,
        "state": n_s,
        "dyad": n_s * n_s,
    }


@kernel
def _add(total, places, weights, states, factors, factor_table, level):  # type: ignore[no-untyped-def]
    """Add one pull to the sums of its lever."""
    for k in range(places.size):
        pull = level * weights[k]
        for f in factors:
            pull = pull * factor_table[f, states[k]]
        total[places[k]] += pull


@kernel
def _cap(total, cap):  # type: ignore[no-untyped-def]
    for i in range(total.size):
        total[i] = min(max(total[i], -cap), cap)


@kernel
def _multiplier(total, out):  # type: ignore[no-untyped-def]
    for i in range(total.size):
        out[i] = exp(total[i]) if total[i] != 0.0 else 1.0


def at_once(pull: Pull) -> bool:
    """Whether a shock's pull is added to a field once: it has no half-life of its own, the field has."""
    return LEVER_BY_NAME[pull.lever].kind == "level" and pull.halflife == 0.0


@kernel
def _displace(values, push):  # type: ignore[no-untyped-def]
    """Move values in (0, 1) by a push on the logit scale; no push, not a bit of change."""
    for i in range(values.size):
        if push[i] != 0.0:
            values[i] = logistic(logit(values[i]) + push[i])


def displace(fields: Fields, pushes: dict[str, Array]) -> None:
    """Add pushes, by lever, to the logits of the fields, once."""
    for name, push in pushes.items():
        if name in SLOW_FIELDS:
            _displace(fields.slow[SLOW_FIELDS.index(name)], push)
        elif name == "dispute":
            _displace(fields.dispute.reshape(-1), push)
        else:
            _displace(getattr(fields, name), push)


class LeverSums:
    """This month's sum of effects on every lever, one array per lever."""

    def __init__(self, geography: Geography, cap: float) -> None:
        sizes = lever_sizes(geography)
        self.cap = cap
        self.totals: dict[str, Array] = {lever.name: np.zeros(sizes[lever.scope]) for lever in LEVERS}
        self._touched: set[str] = set()

    def rebuild(self, pulls: list[tuple[Pull, float]], factor_table: Array) -> None:
        """Sum (pull, level) pairs, given in canonical order, onto zeroed levers; levels of 0 add nothing."""
        for name in self._touched:
            self.totals[name][:] = 0.0
        self._touched = {pull.lever for pull, level in pulls if level != 0.0}
        for pull, level in pulls:
            if level != 0.0:
                _add(self.totals[pull.lever], pull.places, pull.weights, pull.states, pull.factors, factor_table, level)
        for name in self._touched:
            if LEVER_BY_NAME[name].kind in CAPPED:
                _cap(self.totals[name], self.cap)

    def touched(self) -> dict[str, Array]:
        """Sums of the levers that anything pulls this month, by lever, in alphabetical order."""
        return {name: self.totals[name] for name in sorted(self._touched)}

    def compose(self, inputs: Inputs) -> None:
        """Write multipliers and logit shifts into the month's inputs."""
        t = self.totals
        _multiplier(t["dispute_conversion"], inputs.conversion)
        _multiplier(t["lethality"], inputs.lethality)
        _multiplier(t["recruitment"], inputs.recruitment)
        _multiplier(t["exits"], inputs.exits)
        _multiplier(t["return"], inputs.returning)
        inputs.mobilisation[:] = t["mobilisation"]
        inputs.violence[:] = t["violence"]
        inputs.shift_tension[:] = t["tension"]
        inputs.shift_legitimacy[:] = t["legitimacy"]
        inputs.shift_unemployment[:] = t["unemployment"]
        inputs.shift_exclusion[:] = t["exclusion"]
        inputs.shift_extremism[:] = t["extremism"]
        inputs.shift_crime[:] = t["crime"]
        inputs.shift_influence[:] = t["influence"]
        inputs.shift_cyber[:] = t["cyber"]
        inputs.shift_energy[:] = t["energy"]
        for f, name in enumerate(SLOW_FIELDS):
            inputs.shift_slow[f] = t[name]
        n = inputs.enforcement.size
        inputs.shift_dispute[:] = t["dispute"].reshape(n, n)
        np.clip(t["enforcement"], 0.0, 1.0, out=inputs.enforcement)
        np.clip(t["outage"], 0.0, 1.0, out=inputs.outage)


def exposures(fields: Fields, start: Fields, totals: dict[str, Array]) -> dict[str, Array]:
    """How exposed each state is to shocks, as a multiple of its exposure at the start; 1 where nothing was done.

    Cyber and energy exposure are fields; rounding keeps a field at rest at exactly 1. ``totals`` are last month's
    sums of effects.
    """
    return {
        "cyber": np.round(fields.cyber / start.cyber, 9),
        "energy": np.round(fields.energy / start.energy, 9),
        "hazard": multipliers(totals["hazard_damage"]),
        "accident": multipliers(totals["accident_damage"]),
    }


def multipliers(total: Array) -> Array:
    """Multipliers of a rate from its sums of effects; exactly 1 where there is none."""
    out = np.ones_like(total)
    _multiplier(total, out)
    return out


def factor_table(fields: Fields, at_war: Array, after_war: Array, others: Mapping[str, Array] | None = None) -> Array:
    """Absorption, scope conditions and exposures by state, (n_factors, n_s), from the present fields.

    ``at_war`` and ``after_war`` (n_s,) are 1 where an armed episode is active, or ended in the last ten years.
    ``others`` gives further factors (``state_war``, ``mined``, `exposures` ...); one that is left out is 0 if it
    is a condition, and 1 if not.
    """
    slow, given = fields.slow, others or {}
    none, full = np.zeros_like(at_war), np.ones_like(at_war)
    state_war = given.get("state_war", none)
    rows: dict[str, Array] = {
        "capacity": slow[CAPACITY],
        "integrity": 1.0 - slow[CORRUPTION],
        "civic_space": slow[CIVIC_SPACE],
        "always": full,
        "secure": 1.0 - at_war,
        "insecure": at_war,
        "low_oversight": 1.0 - slow[OVERSIGHT],
        "active_war": at_war,
        "post_war": after_war,
        "irregular_war": at_war * (1.0 - state_war),
    }
    rows = {name: none if name in CONDITIONS else full for name in FACTORS} | dict(given) | rows
    return np.stack([rows[name] for name in FACTORS])


@dataclass(frozen=True, eq=False)
class Reach:
    """Cells that a source reaches, with the share of each (1 unless the source is spread thin)."""

    cells: Array

    def pull_places(self, scope: str, geography: Geography) -> tuple[Array, Array, Array]:
        """Places of a lever's scope, the share of each that is reached, and the state of each.

        A district, group or state is reached as far as its residents are; a dyad is reached if both its states
        are, or, when the source reaches a single state, every dyad of that state.
        """
        people = geography.cell_people
        if scope == "cell":
            return self.cells, np.ones(self.cells.size), geography.cell_state[self.cells]
        owner, total, state = {
            "district": (geography.cell_district, geography.district_people, geography.district_state),
            "group": (geography.cell_group, geography.group_people, geography.group_state),
            "state": (geography.cell_state, geography.state_people, np.arange(geography.state_people.size)),
            "dyad": (geography.cell_state, geography.state_people, np.arange(geography.state_people.size)),
        }[scope]
        reached = np.zeros(total.size)
        for cell in self.cells.tolist():
            reached[owner[cell]] += people[cell]
        places = np.flatnonzero(reached > 0.0)
        if scope != "dyad":
            return places, np.minimum(reached[places] / total[places], 1.0), state[places]
        n = total.size
        partners = places if places.size > 1 else np.arange(n)
        pairs = [(a, b) for a in places.tolist() for b in partners.tolist() if a != b]
        both = sorted({(a, b) for a, b in pairs} | {(b, a) for a, b in pairs})
        index = np.array([a * n + b for a, b in both], np.int64)
        return index, np.ones(index.size), np.array([a for a, _ in both], np.int64)


def make_pull(
    lever: str,
    size: float,
    reach: Reach,
    geography: Geography,
    lag: float,
    halflife: float,
    factors: tuple[str, ...] = (),
) -> Pull:
    """Build the pull of one channel on one lever for the cells reached.

    ``size`` is the effect at full dose; for a lever that counts persons it is a head count for all places together,
    shared out by residents reached.
    """
    places, shares, states = reach.pull_places(LEVER_BY_NAME[lever].scope, geography)
    if LEVER_BY_NAME[lever].kind == "persons":
        residents = shares * geography.state_people[places]
        total = 0.0
        for count in residents.tolist():
            total += count
        shares = residents / total
    known = np.array([FACTORS.index(name) for name in factors if name != "always"], np.int64)
    return Pull(lever, places.astype(np.int64), size * shares, states.astype(np.int64), known, lag, halflife)


class Pulls:
    """Something that acts on levers: its pulls, their present levels, and the dose they move towards."""

    def __init__(self, pulls: list[Pull]) -> None:
        self.pulls = pulls
        self.levels = [0.0] * len(pulls)
        self.doses = [0.0] * len(pulls)

    def set_dose(self, dose: float) -> None:
        """Give all pulls one dose."""
        self.doses = [dose] * len(self.pulls)

    def jump(self, level: float) -> None:
        """Put levels at a value at once, to decay from there (a shock); not of those in `impulses`."""
        self.levels = [0.0 if at_once(pull) else level for pull in self.pulls]

    def impulses(self, level: float) -> list[tuple[Pull, float]]:
        """Pulls that a shock adds to a field once: the field relaxes by itself."""
        return [(pull, level) for pull in self.pulls if at_once(pull)]

    def move(self) -> None:
        """Advance every level by one month towards its dose."""
        self.levels = [
            pull.next_level(level, dose) if level != 0.0 or dose != 0.0 else 0.0
            for pull, level, dose in zip(self.pulls, self.levels, self.doses, strict=True)
        ]

    def acting(self) -> list[tuple[Pull, float]]:
        """Pulls that act this month."""
        return [(pull, level) for pull, level in zip(self.pulls, self.levels, strict=True) if level != 0.0]
