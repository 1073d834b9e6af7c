"""An armed or extremist group of a community in a state: latent until it forms, then it fights."""

from __future__ import annotations

from sim.agents.base import FREE, Action, Host, Institution, SetArms, Situation
from sim.kernels.draws import GROUP, uniform
from sim.kernels.elementary import exp, log

LATENT, ACTIVE, CEASEFIRE, SETTLED = "latent", "active", "ceasefire", "settled"
AT_PEACE = (CEASEFIRE, SETTLED)
ONSET_DEATHS = 25
LN2 = 0.6931471805599453


class ArmedGroup(Institution):
    """Forms at a hazard, recruits while armed, attacks when strong enough, accepts a ceasefire, may relapse.

    Armed groups follow this rule in scripted runs too: they are part of the conflict, not of the response
    to it. ``relapsed`` is the last month in which it broke a ceasefire, -1 before.
    Source: S1, S6, S12, S13, S17, S20, D11, P1.
    """

    reactive = False

    def __init__(self, model: Host, name: str, uid: int, group: int) -> None:
        self.group = group
        self.state = int(model.setting.geography.group_state[group])
        super().__init__(model, name, uid)

    def prepare(self) -> None:
        """Start latent, without arms."""
        self.status = LATENT
        self.since = 0
        self.arms = 0.0
        self.deaths: list[int] = []
        self.onset_counted = False
        self.relapsed = -1
        self.highest_chance = self.highest_hazard() / 12.0
        self.start_crime = self.model.situation.outcomes["crime"][self.state]

    def watched(self) -> tuple[str, ...]:
        """Nothing that it needs is hidden from it."""
        return ()

    def decide(self, picture: Situation) -> list[Action]:
        """One of four short rules, by status."""
        order = picture.orders.get(self.group, FREE)
        if self.status != ACTIVE and order.rises:
            self.enter(ACTIVE, picture.month)
            self.arms = order.arms
            return [SetArms("takes up arms", "scripted by the scenario", self.group, self.arms, 0.0)]
        if self.status == LATENT:
            return self.while_latent(picture)
        self.deaths = [*self.deaths[-11:], picture.group_deaths[self.group]]
        if self.status == ACTIVE:
            return self.while_active(picture)
        return self.after_war(picture)

    def while_latent(self, picture: Situation) -> list[Action]:
        """Form with the yearly hazard of `formation_hazard`."""
        draw = self.chance(0)
        if draw >= self.highest_chance or draw >= self.formation_hazard(picture) / 12.0:
            return []
        self.enter(ACTIVE, picture.month)
        self.arms = self.p.group_arms
        return [SetArms("an armed group forms", "grievance, exclusion and opportunity", self.group, self.arms, 0.0)]

    def formation_hazard(self, picture: Situation) -> float:
        """Yearly hazard of forming: tension, exclusion, a dispute, kin at war near by, less capacity."""
        p = self.p
        seen = picture.outcomes
        push = p.b_group_tension * (self.model.group_tension[self.group] - self.model.setting.solve.tension)
        push += p.b_group_exclusion * picture.exclusion[self.group]
        push += p.b_group_dispute * self.dispute(picture)
        push += p.b_group_kin * self.kin_at_war(picture)
        push -= p.b_group_capacity * (seen["capacity"][self.state] - 0.5)
        return float(p.group_hazard * exp(push + self.model.lever("group_formation", self.state)))

    def highest_hazard(self) -> float:
        """Bound of `formation_hazard`, with every driver at its worst: most months need no closer look."""
        p = self.p
        push = p.b_group_tension * (1.0 - self.model.setting.solve.tension) + p.b_group_exclusion
        push += p.b_group_dispute + p.b_group_kin + 0.5 * p.b_group_capacity
        return float(1.001 * p.group_hazard * exp(push + p.lever_cap))

    def dispute(self, picture: Situation) -> float:
        """Worst dispute between the state and the states of the community's kin, 0 where there is none."""
        return max((picture.dispute[self.state][one] for one in self.model.patrons[self.group]), default=0.0)

    def kin_at_war(self, picture: Situation) -> float:
        """1 if kin fight in another state where no strong mission stands, else 0."""
        for other in self.model.kin_states[self.group]:
            if picture.at_war[other] and self.model.mission_dose[other] < self.p.kin_mission:
                return 1.0
        return 0.0

    def while_active(self, picture: Situation) -> list[Action]:
        """Keep up arms; attack when strong enough for the forces there; accept a ceasefire at a hazard.

        While a scenario holds the group up it neither dissolves nor makes peace, unless the scenario says so.
        """
        p = self.p
        order = picture.orders.get(self.group, FREE)
        if self.chance(3) < order.ceasefire:
            return self.make_peace(picture, "scripted by the scenario")
        months = max(picture.month - self.since, 1)
        pace = exp((p.settle_shape - 1.0) * log(months / 12.0)) if months > 12 else 1.0
        crime = picture.outcomes["crime"][self.state] - self.start_crime
        hazard = p.settle_rate * pace * exp(self.model.lever("settlement", self.state) - p.settle_crime * crime)
        if self.spent(picture):
            hazard = p.settle_spent * hazard
        if order.arms == 0.0 and self.faded(picture):
            self.enter(LATENT, picture.month)
            self.arms = 0.0
            return [SetArms("dissolves", "too few ever joined", self.group, 0.0, 0.0)]
        if order.arms == 0.0 and self.chance(1) < 1.0 - exp(-hazard):
            return self.make_peace(picture, "losses, weariness or a settlement")
        inflow = p.arms_base + p.arms_supply * self.model.lever("arms_inflow", self.state)
        seizure = p.arms_seized * picture.outcomes["capacity"][self.state]
        self.arms = min(
            max(self.arms + inflow * (1.0 - self.arms) - seizure * self.arms, p.arms_least, order.arms), 1.0
        )
        attack = 1.0 if self.strong_enough(picture) else 0.0
        return [SetArms("", "", self.group, self.arms, attack)]

    def make_peace(self, picture: Situation, why: str) -> list[Action]:
        """Accept a ceasefire and lay down arms."""
        self.enter(CEASEFIRE, picture.month)
        self.arms = 0.0
        return [SetArms("accepts a ceasefire", why, self.group, 0.0, 0.0)]

    def strong_enough(self, picture: Situation) -> bool:
        """Enough fighters to act, and enough for the officers and soldiers that it faces."""
        fighters, faced = picture.fighters[self.group], self.model.forces_against[self.group]
        return bool(fighters >= self.p.group_least and self.p.attack_forces * fighters >= faced)

    def spent(self, picture: Situation) -> bool:
        """The fighting of half a year cost more lives, of all sides, than the group has fighters left."""
        return bool(sum(self.deaths[-6:]) > max(picture.fighters[self.group], self.p.group_least))

    def faded(self, picture: Situation) -> bool:
        """Whether it was too small to act for too long."""
        months, fighters = picture.month - self.since, picture.fighters[self.group]
        return bool(months > self.p.group_fade and fighters < self.p.group_least)

    def after_war(self, picture: Situation) -> list[Action]:
        """Relapse at a falling hazard that robust missions lower; settled after quiet years."""
        p = self.p
        months = picture.month - self.since
        if self.status == CEASEFIRE and months >= p.settled_after:
            self.status = SETTLED
        hazard = p.relapse_rate * exp(-LN2 * months / (12.0 * p.relapse_halflife))
        hazard = hazard * exp(
            self.model.lever("relapse", self.state) - p.relapse_presence * self.model.mission_dose[self.state]
        )
        if self.chance(2) >= hazard / 12.0:
            return []
        self.enter(ACTIVE, picture.month)
        self.relapsed = picture.month
        self.arms = self.p.group_arms
        return [SetArms("takes up arms again", "the peace did not hold", self.group, self.arms, 0.0)]

    def enter(self, status: str, month: int) -> None:
        """Change status; a new episode counts its own onset."""
        if status == ACTIVE:
            self.deaths = []
            self.onset_counted = False
        self.status = status
        self.since = month

    def onset(self, deaths: int) -> bool:
        """Whether this month's deaths make the episode reach 25 within twelve months, once per episode."""
        if self.onset_counted or self.status == LATENT or sum(self.deaths[-11:]) + deaths < ONSET_DEATHS:
            return False
        self.onset_counted = True
        return True

    def fighting(self, deaths: int) -> bool:
        """Whether the group is at war: active, with a death this month or in the eleven before."""
        return self.status == ACTIVE and sum(self.deaths[-11:]) + deaths > 0

    def chance(self, number: int) -> float:
        """A keyed uniform of this group and month."""
        return float(uniform(self.model.world.seed, GROUP, self.model.month, self.uid, number))
