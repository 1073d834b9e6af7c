"""Places: cells (a community in a district), districts, groups (a community in a state), states, disputes."""

from __future__ import annotations

from math import floor, sqrt
from typing import Any

from sim.kernels import draws
from sim.types import SLOW_FIELDS

from .arithmetic import (
    add_up,
    clip,
    exp,
    log,
    logistic,
    logit,
    normal_quantile,
    poisson,
    saturate,
    share_kept,
    share_lost,
)

FLOWS = (
    "active", "violent", "incidents", "communal_deaths", "armed_events", "armed_deaths", "new_detained",
    "released", "new_displaced", "returned", "recruits", "exits", "fighter_deaths",
)  # fmt: skip
"""What is counted by cell and month: persons, or events."""


class Field:
    """A slow field of one place: its value, its own level (home), and the target of this month."""

    def __init__(self, value: float, home: float) -> None:
        self.value = value
        self.home = home
        self.at_start = value
        self.target = value

    def head_for(self, push: float, home: float | None = None) -> None:
        """Set the target: the own level moved by a push on the logit scale."""
        self.target = logistic(logit(self.home if home is None else home) + push)

    def move(self, rate: float) -> None:
        """Go a share of the way to the target."""
        self.value += rate * (self.target - self.value)

    @property
    def change(self) -> float:
        """How far the value is from where it was when the run began."""
        return self.value - self.at_start


class Pace:
    """What half-lives and yearly rates mean for one round (a quarter of a month) or one month."""

    def __init__(self, p: Any) -> None:
        # Per round.
        self.fatigue = share_lost(p.fatigue_halflife)
        self.mood_keep = p.district_noise_memory
        self.mood_step = p.district_noise * sqrt(1.0 - self.mood_keep * self.mood_keep)
        self.climate_keep = share_kept(4 * p.climate_halflife)
        self.climate_step = p.climate * sqrt(1.0 - self.climate_keep * self.climate_keep)
        self.spark_keep = share_kept(p.spark_halflife)
        self.focal_keep = share_kept(p.focal_halflife)
        self.focal_round = p.focal_rate / 48
        self.reprisal = share_lost(p.reprisal_halflife)
        self.fear = share_lost(4)
        self.release = share_lost(4 * p.detention_halflife)
        self.returning = share_lost(4 * p.return_halflife)
        self.exits = share_lost(4 * p.exit_halflife)
        # Per month.
        self.tension = share_lost(p.tension_halflife)
        self.legitimacy = share_lost(p.legitimacy_halflife)
        self.usual = share_lost(p.loss_halflife)
        self.exclusion = share_lost(p.exclusion_halflife)
        self.unemployment = share_lost(p.unemployment_halflife)
        self.influence = share_lost(p.influence_halflife)
        self.extremism = share_lost(p.extremism_halflife)
        self.crime = share_lost(p.crime_halflife)
        self.exposure = share_lost(p.exposure_halflife)
        self.institution = share_lost(p.institution_halflife)
        self.anchor = share_lost(12 * p.anchor_halflife)
        self.dispute = share_lost(p.dispute_halflife)
        self.memory = share_lost(12 * p.memory_halflife)


NO_DISPUTE = 0.02
"""Level between states without a dispute."""


class State:
    """A state with its institutions."""

    def __init__(self, index: int, uid: Any, people: float) -> None:
        self.index, self.uid, self.people = index, uid, people
        self.districts: list[District] = []
        self.neighbours: list[tuple[State, float]] = []
        self.disputes: list[Dispute] = []
        self.focal = 0.0
        self.peak = 0.0
        self.youth_ratio = self.labour_share = self.youth_share = 0.0
        self.influence = self.cyber = self.energy = Field(0.5, 0.5)
        self.slow: dict[str, Field] = dict.fromkeys(SLOW_FIELDS, Field(0.5, 0.5))
        self.tension = self.tension_at_start = 0.0
        self.crime = self.crime_at_start = 0.0
        self.dispute_at_start = 0.0

    def focus(self, sampler: Any, tick: int, p: Any, pace: Pace) -> None:
        """State-wide events fade; a new one (an election, a scandal) may come."""
        self.focal = self.focal * pace.focal_keep
        u, v = sampler.two_of_place(draws.FOCAL, tick, self.uid)
        if poisson(u, pace.focal_round) > 0:
            self.focal = max(self.focal, min(-p.focal_size * log(v), 8.0))

    def worst_dispute(self) -> float:
        """Worst dispute with any other state."""
        return max((dispute.level.value for dispute in self.disputes), default=NO_DISPUTE)


class Dispute:
    """What stands between two states."""

    def __init__(self, one: State, other: State, level: Field) -> None:
        self.one, self.other, self.level = one, other, level


class Group:
    """A community in a state."""

    def __init__(self, index: int, uid: Any, people: float, state: State) -> None:
        self.index, self.uid, self.people, self.state = index, uid, people, state
        self.cells: list[Cell] = []
        self.kin: list[tuple[Group, float]] = []
        self.climate = 0.0
        self.exclusion = Field(0.5, 0.5)
        self.turnout = 0.0
        self.deaths = 0.0
        self.deaths_by_own_group = 0
        self.seat: Cell | None = None

    def start(self, sampler: Any, p: Any) -> None:
        """Draw the first climate from its stationary spread, and the seat of a possible armed group."""
        self.climate = p.climate * normal_quantile(sampler.of_place(draws.CLIMATE, draws.BEFORE, self.uid))
        self.seat = self.settle(sampler.of_place(draws.SEAT, draws.BEFORE, self.uid))

    def settle(self, u: float) -> Cell:
        """Where its armed group would gather first: a cell with probability by residents."""
        below = 0.0
        for cell in self.cells:
            below += cell.people
            if below > u * self.people:
                return cell
        return self.cells[-1]

    def drift(self, sampler: Any, tick: int, pace: Pace) -> None:
        """The slow political climate moves."""
        z = normal_quantile(sampler.of_place(draws.CLIMATE, tick, self.uid))
        self.climate = pace.climate_keep * self.climate + pace.climate_step * z

    def count_turnout(self) -> None:
        """Share of the group's residents who turned out last."""
        self.turnout = add_up(cell.turnout * cell.people for cell in self.cells) / self.people


class District:
    """A district with its police, its mood and the communities that live in it."""

    def __init__(self, index: int, uid: Any, people: float, state: State) -> None:
        self.index, self.uid, self.people, self.state = index, uid, people, state
        self.cells: list[Cell] = []
        self.near: list[tuple[District, float]] = []
        self.extremism = self.crime = Field(0.5, 0.5)
        self.mood = self.spark = 0.0
        self.fatigue = 0.0
        self.reprisal = 0.0
        self.events = 0
        self.p_arrest = 0.0
        self.excited = False
        self.incidents_expected = 0.0
        self.incidents_here = self.incidents_near = self.deaths = 0.0
        self.tension = self.tension_at_start = 0.0
        self.youth = self.youth_at_start = 0.0
        self.log: list[list[int]] = []

    def loudness(self, p: Any) -> float:
        """Small districts have louder moods."""
        return clip(sqrt(sqrt(p.noise_residents / self.people)), 0.5, 1.5)

    def start(self, sampler: Any, p: Any) -> None:
        """Draw the first mood from its stationary spread."""
        z = normal_quantile(sampler.of_place(draws.DISTRICT_NOISE, draws.BEFORE, self.uid))
        self.mood = p.district_noise * self.loudness(p) * z

    def change_mood(self, sampler: Any, tick: int, p: Any, pace: Pace) -> None:
        """The mood of the weeks moves; local sparks fade and new ones come."""
        z = normal_quantile(sampler.of_place(draws.DISTRICT_NOISE, tick, self.uid))
        self.mood = pace.mood_keep * self.mood + pace.mood_step * self.loudness(p) * z
        self.spark = self.spark * pace.spark_keep
        u, v = sampler.two_of_place(draws.SPARK, tick, self.uid)
        sparks = poisson(u, p.spark_rate * self.people / 100000.0)
        if sparks > 0:
            largest = -p.spark_size * log(1.0 - exp(log(v) / sparks))
            reached = min(1.0, p.spark_catchment / self.people)
            self.spark = max(self.spark, log(1.0 + reached * (exp(min(largest, 12.0)) - 1.0)))

    def crowd(self) -> float:
        """Persons who turned out last."""
        return add_up(cell.turnout * cell.people for cell in self.cells)

    def is_excited(self, shock: list[float], p: Any) -> bool:
        """Whether contagion runs within the round: a rumour arrived, or a crowd is out already."""
        rumour = any(shock[cell.index] != 0.0 for cell in self.cells)
        return rumour or self.crowd() > p.cascade_share * self.people

    def deter(self, officers: float, p: Any) -> None:
        """Perceived probability of arrest; it collapses where a crowd outnumbers the police."""
        ratio = officers / (self.crowd() / self.people + p.active_floor)
        form = ("collapse", "floor", "literal")[int(p.arrest_form)]
        if ratio <= 0.0:
            self.p_arrest = 0.0
        elif form == "floor":
            self.p_arrest = 1.0 - exp(-p.arrest_k * floor(ratio))
        elif form == "literal":
            self.p_arrest = 1.0 - exp(-p.arrest_k * ratio)
        else:
            kept = logistic(log(ratio / p.arrest_ratio) / p.arrest_width)
            self.p_arrest = 1.0 - exp(-p.arrest_k * ratio * kept)

    def fighters(self) -> float:
        """Fighters per resident."""
        return sum(cell.fighters for cell in self.cells) / self.people

    def tire(self, crowd: int, pace: Pace) -> None:
        """Fatigue follows turn-out."""
        self.fatigue += pace.fatigue * (crowd / self.people - self.fatigue)

    def owe_reprisal(self, incidents: int, answered: float) -> None:
        """Incidents of this round are to be answered here; some of the older ones were."""
        self.reprisal += incidents - answered

    def victim(self, u: float, actor: Cell | None) -> Cell:
        """A cell other than the actor's, with probability by residents; the actor's if it is alone."""
        others = [cell for cell in self.cells if cell is not actor]
        if not others:
            return self.cells[0]
        target = u * add_up(cell.people for cell in others)
        below = 0.0
        for cell in others:
            below += cell.people
            if below > target:
                return cell
        return others[-1]


class Cell:
    """The members of one community who live in one district."""

    def __init__(self, index: int, uid: Any, people: float, district: District, group: Group) -> None:
        self.index, self.uid, self.people = index, uid, people
        self.district, self.group, self.state = district, group, district.state
        self.citizens: list[Any] = []
        self.peers: list[tuple[Cell, float]] = []
        self.contact = 0.0
        self.tension = self.legitimacy = self.unemployment = Field(0.5, 0.5)
        self.memory = self.memory_expected = 0.0
        self.usual_legitimacy = 0.5
        self.armed_share = 0.0
        self.media_at_start = 0.0
        # Of the month.
        self.unemployed_young = self.unemployed_other = 0.0
        self.month = dict.fromkeys(FLOWS, 0)
        # Of the round: what its citizens share, and what they did.
        self.drive = self.anger = self.fear_of_arrest = self.p_arrest = self.p_violent = 0.0
        self.active = self.violent = 0
        self.turnout = 0.0
        self.fear = 0.0
        # Persons at the moment.
        self.detained = self.displaced = self.fighters = self.dead = 0

    def share_out_work(self) -> None:
        """Unemployed share of residents, young and other, from the unemployment rate of the labour force.

        The young are half as likely as others to be in the labour force, and when they are, ``youth_ratio``
        times as likely as all to be out of work; the others make up the rest.
        """
        s = self.state
        rate = self.unemployment.value
        active_young = s.labour_share / (2.0 - s.youth_share)
        active_other = 2.0 * active_young
        self.unemployed_young = min(s.youth_ratio * rate, 0.95) * active_young
        rest = rate * s.labour_share - s.youth_share * self.unemployed_young
        self.unemployed_other = clip(rest / (1.0 - s.youth_share), 0.0, active_other)

    def look_around(self, quarter: int, inputs: Any, solve: Any, p: Any) -> None:
        """What the citizens of the cell share: the common part of the motive, risk, and tempers."""
        d, g, s, i = self.district, self.group, self.state, self.index

        def contagion(share: float, half: float, slope: float) -> float:
            return slope * (saturate(share, half) - saturate(p.quiet_participation, half))

        peers = add_up(weight * peer.turnout for peer, weight in self.peers)
        kin = add_up(weight * group.turnout for group, weight in g.kin)
        shock = inputs.shock[quarter][i]
        excess = self.tension.value - solve.tension
        drive = solve.alpha + p.b_exclusion * g.exclusion.value
        drive += p.b_tension * excess
        drive += contagion(peers, p.half_peer, p.b_peer)
        drive += contagion(kin, p.half_kin, p.b_kin)
        drive -= contagion(d.fatigue, p.half_peer, p.b_fatigue)
        drive += d.mood + g.climate + d.spark + s.focal
        self.drive = drive + inputs.mobilisation[i] + shock
        lost = max(self.usual_legitimacy - self.legitimacy.value, 0.0)
        self.anger = p.b_grievance * (1.0 - self.legitimacy.value) + p.b_loss * lost
        self.fear_of_arrest = p.b_risk * d.p_arrest
        self.p_arrest = d.p_arrest
        rough = solve.nu + p.b_violence_tension * excess
        fighters = saturate(d.fighters(), 1e-3)
        rough += p.b_violence_extremism * (d.extremism.value - solve.extremism) + p.b_violence_armed * fighters
        repression, riot_units = inputs.repression[g.index], inputs.riot[d.index]
        rough += p.b_violence_repression * repression - p.b_violence_riot * riot_units
        self.p_violent = logistic(rough + inputs.violence[i] + p.b_violence_shock * shock)

    def reach_of_arms(self, p: Any) -> float:
        """How far the armed group reaches here: all of its seat, elsewhere as far as neighbours are in arms."""
        if self.group.seat is self:
            return 1.0
        near = add_up(weight * peer.armed_share for peer, weight in self.peers)
        return saturate(near, p.recruit_half)

    def deal_deaths(self, deaths: int, first: int, in_arms: bool) -> int:
        """Deal deaths to citizens in turn from the ``first``, never more than are there; return how many."""
        left = deaths
        n = len(self.citizens)
        for step in range(n):
            citizen = self.citizens[(first + step) % n]
            taken = min(left, citizen.in_arms if in_arms else citizen.free)
            if taken > 0:
                citizen.die(taken, in_arms)
                left -= taken
        return deaths - left

    def lose_civilians(self, deaths: int, sampler: Any, stream: Any, tick: int, block: int) -> int:
        """Deal civilian deaths and raise fear; return how many died."""
        first = int(sampler.of_place(stream, tick, self.uid, block) * len(self.citizens))
        died = self.deal_deaths(deaths, first, in_arms=False)
        self.fear += 100000.0 * died / self.district.people
        return died

    def lose_fighters(self, deaths: int, sampler: Any, tick: int, event: int) -> int:
        """Deal deaths of fighters; return how many died."""
        first = int(sampler.of_place(draws.DEAL_FIGHTERS, tick, self.uid, event) * len(self.citizens))
        return self.deal_deaths(deaths, first, in_arms=True)
