"""A state: police where it is tense, postures, concessions, reform, arms, and consent to offers."""

from __future__ import annotations

from dataclasses import replace
from math import fsum

from sim.agents.base import (
    Action,
    Announce,
    Approve,
    Host,
    Institution,
    Refuse,
    SetHotSpots,
    SetPosture,
    Situation,
    Switch,
)
from sim.kernels.elementary import logistic

RESTRAIN, POLICE, REPRESS, WAR = 0, 1, 2, 3
POSTURES = ("restraint", "policing", "repression", "war")


class State(Institution):
    """A government with a police reserve, communities to include or repress, and a neighbour to fear.

    It never chooses war: ``highest_posture`` is to repress, and only a subclass or a scenario goes further.
    Source: docs/model.md; A1, A10, R4, W5; S6, M11, M13, P9c, P12b.
    """

    highest_posture = REPRESS

    def __init__(self, model: Host, name: str, state: int) -> None:
        self.state = state
        super().__init__(model, name)

    def prepare(self) -> None:
        """Know its districts, communities and rival, and open its handles."""
        region, p, start = self.model.setting.region, self.p, self.model.situation
        self.districts = [d for d, s in enumerate(region.district_state) if s == self.state]
        self.people = [float(region.district_population[d]) for d in self.districts]
        self.hot: set[int] = set()
        self.thought: list[float] = []
        self.reviewed: int | None = None
        self.groups = [g for g, s in enumerate(region.group_state) if s == self.state]
        self.names = {g: region.communities[region.group_community[g]] for g in self.groups}
        self.hot_months = dict.fromkeys(self.groups, 0)
        self.calm_months = dict.fromkeys(self.groups, 0)
        self.inclusion = {
            g: self.handle(
                "exclusion", -p.concession_size, [self.state], p.concession_lag, 0.0, [int(region.group_community[g])]
            )
            for g in self.groups
        }
        self.included: set[int] = set()
        self.year_of_deaths: list[float] = []
        self.reforms = [self.handle(name, 1.0, [self.state]) for name in ("reform_political", "reform_security")]
        self.reforming = Switch(0.0, -p.reform_stop, dwell=p.reform_dwell)
        self.reversing = Switch(p.reform_reverse, p.reform_reverse - p.reform_resume, dwell=p.reform_dwell)
        row = start.dispute[self.state]
        self.rival = max(range(len(row)), key=lambda other: row[other])
        self.rival_influence = start.outcomes["influence"][self.rival]
        on = max(p.arming_on, row[self.rival] + p.arming_growth)
        off = max(p.arming_off, row[self.rival] + p.arming_rest)
        self.arming = Switch(on, off, p.arming_wait, p.arming_dwell)
        self.forces = self.handle("arming", 1.0, [self.state], p.arming_lag, p.arming_halflife)
        self.weapons = self.handle("dispute", p.arming_size, [self.state, self.rival], p.arming_lag, p.arming_halflife)
        self.offering = Switch(p.offer_on, p.offer_off, dwell=p.offer_dwell)

    # Proposals of a scenario -------------------------------------------------------------------------------

    def answer(self, picture: Situation) -> list[Action]:
        """Consent as a host once a proposal has waited; in adaptive runs, one close to a rival declines."""
        delay = int(self.p.host_delay + 0.5)
        actions: list[Action] = []
        for one in picture.proposals("host"):
            if one.shares[self.state] <= 0.0 or picture.month - one.since < delay:
                continue
            pull = picture.foreign_pull([self.state])
            if picture.scripted or pull < self.p.consent_pull:
                actions.append(Approve(f"consents to {one.key}", "as a host", one.uid, 0.0, self.state))
            else:
                actions.append(Refuse(f"declines {one.key}", f"pull of the external power {pull:.2f}", one.uid))
        return actions

    # Adaptive runs -----------------------------------------------------------------------------------------

    def observe(self, situation: Situation) -> Situation:
        """See its own districts with noise too, in the months when it looks at them."""
        picture = super().observe(situation)
        if not self.review_due(situation.month):
            return picture
        blur = 1.0 - self.model.information[self.state]
        seen = list(situation.district_tension)
        for number, d in enumerate(self.districts):
            seen[d] += blur * self.noise(1000 + number)
        return replace(picture, district_tension=seen)

    def decide(self, picture: Situation) -> list[Action]:
        """Six short rules."""
        self.year_of_deaths = [*self.year_of_deaths[-11:], self.deaths_per_100k(picture)]
        return [
            *self.place_police(picture),
            *self.set_postures(picture),
            *self.concede(picture),
            *self.reform(picture),
            *self.arm(picture),
            *self.offer(picture),
        ]

    def deaths_per_100k(self, picture: Situation) -> float:
        """Deaths last month per 100,000 residents."""
        seen = picture.outcomes
        dead = seen["communal_deaths"][self.state] + seen["armed_deaths"][self.state]
        return 100_000.0 * dead / seen["population"][self.state]

    def review_due(self, month: int) -> bool:
        """Whether it is time to look at the police again."""
        return self.reviewed is None or month - self.reviewed >= self.p.police_review

    def place_police(self, picture: Situation) -> list[Action]:
        """Move the reserve to the tensest districts, up to a share of residents; the mean stays the same."""
        if not self.review_due(picture.month):
            return []
        self.reviewed = picture.month
        p = self.p
        seen = [picture.district_tension[d] for d in self.districts]
        self.thought = [t + p.hot_memory * (new - t) for t, new in zip(self.thought or seen, seen, strict=True)]
        tension = self.thought
        order = sorted(range(len(tension)), key=lambda i: (-tension[i] - p.hot_inertia * (i in self.hot), i))
        everybody, reached = fsum(self.people), 0.0
        hot: set[int] = set()
        for i in order:
            if hot and reached + self.people[i] > p.hot_share * everybody:
                break
            hot.add(i)
            reached += self.people[i]
        if len(hot - self.hot) <= p.hot_moving * len(hot):
            return []
        self.hot = hot
        reserve = p.police_reserve
        base, extra = 1.0 - reserve, reserve * everybody / reached
        strength = tuple(base + extra if i in hot else base for i in range(len(tension)))
        return [SetHotSpots(f"moves police to {len(hot)} districts", "highest observed tension", self.state, strength)]

    def set_postures(self, picture: Situation) -> list[Action]:
        """Harder to a community after some months of attacks by its fighters, softer after calm months."""
        p = self.p
        actions: list[Action] = []
        for g in self.groups:
            level = picture.posture[g]
            threat = picture.group_deaths[g] >= 2 * p.threat_deaths and picture.fighters[g] >= 2 * p.threat_fighters
            calm = picture.group_deaths[g] < p.threat_deaths
            self.hot_months[g] = self.hot_months[g] + 1 if threat else 0
            self.calm_months[g] = self.calm_months[g] + 1 if calm else 0
            if self.hot_months[g] >= p.harden_months and level < self.highest_posture:
                self.hot_months[g] = 0
                actions.append(
                    SetPosture(
                        f"hardens to {POSTURES[level + 1]}, {self.names[g]}", "an armed group attacks", g, level + 1
                    )
                )
            elif self.calm_months[g] >= p.soften_months and level > RESTRAIN:
                self.calm_months[g] = 0
                actions.append(
                    SetPosture(f"softens to {POSTURES[level - 1]}, {self.names[g]}", "calm months", g, level - 1)
                )
        return actions

    def concession_chance(self, picture: Situation) -> float:
        """Yearly probability: pressure, cost of violence and a norm of inclusion, against outbidding."""
        p, seen, s = self.p, picture.outcomes, self.state
        pressure = min(seen["peak_participation"][s] / p.concession_crowd, 1.0)
        cost = min(fsum(self.year_of_deaths) / p.concession_deaths, 1.0)
        return float(
            logistic(
                p.concession_base
                + p.concession_pressure * pressure
                + p.concession_cost * cost
                + p.concession_norm * seen["civic_space"][s]
                - p.concession_outbidding * seen["tension"][s]
            )
        )

    def concede(self, picture: Situation) -> list[Action]:
        """Once a year, perhaps include the most excluded community; not one that it represses."""
        open_cases = [
            g for g in self.groups
            if picture.exclusion[g] > self.p.concession_excluded and g not in self.included and picture.posture[g] < REPRESS
        ]  # fmt: skip
        if picture.month % 12 != 11 or not open_cases or self.uniform_draw(500) >= self.concession_chance(picture):
            return []
        g = max(open_cases, key=lambda case: (picture.exclusion[case], -case))
        self.included.add(g)
        why = f"probability {self.concession_chance(picture):.2f} a year"
        return self.dose(self.inclusion[g], 1.0, f"concedes a share of power, {self.names[g]}", why)

    def reform_effort(self, picture: Situation) -> float:
        """Credibility times what is still to gain, less what it costs those who profit from corruption."""
        p, seen, s = self.p, picture.outcomes, self.state
        incentive = p.reform_incentive * (1.0 - seen["reform_political"][s])
        return float(seen["credibility"][s] * incentive - p.reform_veto * seen["corruption"][s])

    def reform(self, picture: Situation) -> list[Action]:
        """Advance with effort, stall below zero, go back when the cost clearly wins."""
        effort = self.reform_effort(picture)
        turned = self.reforming.see(effort, picture.month)
        turned = self.reversing.see(-effort, picture.month) or turned
        dose, what = 0.0, "stalls reform"
        if self.reversing.active:
            dose, what = min(effort + self.p.reform_reverse, 0.0), "takes back reform"
        elif self.reforming.active:
            dose, what = max(effort, 0.0), "reforms"
        first, second = self.reforms
        said = [Action(what, f"effort {effort:+.2f}")] if turned else []
        return [*said, *self.dose(first, dose), *self.dose(second, dose)]

    def distrust(self, picture: Situation) -> float:
        """Of the rival, 1 - trust: their dispute, its arms, and what an external power has gained over there."""
        p, seen = self.p, picture.outcomes
        gained = max(seen["influence"][self.rival] - self.rival_influence, 0.0)
        feared = p.distrust_influence * gained + p.distrust_arming * seen["arming"][self.rival]
        return float(picture.dispute[self.state][self.rival] + feared)

    def arm(self, picture: Situation) -> list[Action]:
        """Arm against the rival once distrust is high and higher than at the start."""
        distrust = self.distrust(picture)
        if self.rival == self.state or not self.arming.see(distrust, picture.month):
            return []
        verb = "arms against" if self.arming.active else "stops arming against"
        rival, dose = picture.states[self.rival], float(self.arming.active)
        said = self.dose(self.forces, dose, f"{verb} {rival}", f"distrust {distrust:.2f}")
        return [*said, *self.dose(self.weapons, dose)]

    def offer(self, picture: Situation) -> list[Action]:
        """Offer peacekeepers while it has the capacity."""
        capacity = picture.outcomes["capacity"][self.state]
        if not self.offering.see(capacity, picture.month):
            return []
        kind = "peacekeepers offered" if self.offering.active else "peacekeepers withdrawn"
        return [Announce(kind, f"capacity {capacity:.2f}", kind, self.state)]
