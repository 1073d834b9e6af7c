"""The European Union: how credible membership is, and funds that follow reform."""

from __future__ import annotations

from sim.agents.base import Action, Institution, Situation
from sim.kernels.elementary import logit

EU_MILESTONES = ("saa", "app", "cand", "neg", "eu")


class EuropeanUnion(Institution):
    """A promise that rises after real steps and fades without, and money that follows merit.

    The promise is what the Union says; what is believed follows it with the half-life of institutions.
    Funds are counted from what was paid at the start, so nothing changes while nothing changes. Members
    are left alone.
    Source: docs/model.md; A4, W5; P12b.
    """

    def prepare(self) -> None:
        """Read each state's way to membership, and what it gets at the start."""
        region = self.model.setting.region
        p = self.p
        start = self.model.situation
        every = range(region.n_states)
        self.last_step = [-int(p.eu_memory) - 1 for s in every]
        self.members: set[int] = set()
        for state, milestone, year in region.milestones:
            if year <= region.year and milestone in EU_MILESTONES:
                s = region.states.index(state)
                self.last_step[s] = max(self.last_step[s], 12 * (year - region.year))
                if milestone == "eu":
                    self.members.add(s)
        self.first_promise = list(start.outcomes["credibility"])
        self.promise = list(self.first_promise)
        self.best = [self.reform(start, s) for s in every]
        self.first_merit = [self.merit(start, s) for s in every]
        self.reversals = [0 for s in every]
        self.withdrawn: list[int | None] = [None for s in every]
        self.credibility = [self.handle("credibility", 1.0, [s]) for s in every]
        self.rules = [self.handle("reform_economic", p.funds_size, [s], p.funds_lag, p.funds_halflife) for s in every]
        self.jobs = [
            self.handle("unemployment", -p.funds_jobs * p.funds_size, [s], p.funds_lag, p.funds_halflife) for s in every
        ]

    def watched(self) -> tuple[str, ...]:
        """The record of reform is public."""
        return ()

    def decide(self, picture: Situation) -> list[Action]:
        """Judge the record of every candidate, then set promise and funds."""
        actions: list[Action] = []
        for s in range(len(picture.states)):
            if s not in self.members:
                actions += [*self.judge(picture, s), *self.promote(picture, s), *self.pay(picture, s)]
        return actions

    def reform(self, picture: Situation, s: int) -> float:
        """Mean of political, security and economic reform."""
        seen = picture.outcomes
        return (seen["reform_political"][s] + seen["reform_security"][s] + seen["reform_economic"][s]) / 3.0

    def merit(self, picture: Situation, s: int) -> float:
        """What funds are in proportion to: credibility, capacity, and what is not lost to corruption."""
        seen = picture.outcomes
        return seen["credibility"][s] * seen["capacity"][s] * (1.0 - seen["corruption"][s])

    def judge(self, picture: Situation, s: int) -> list[Action]:
        """Count real steps and reversals; repeated reversals cost the funds, a later step restores them."""
        level, name = self.reform(picture, s), picture.states[s]
        accession = ("accession", s) in picture.news
        if level > self.best[s] + self.p.eu_step or accession:
            self.best[s] = max(level, self.best[s])
            self.last_step[s] = picture.month
            gone = self.withdrawn[s]
            if gone is not None and picture.month - gone >= self.p.eu_memory:
                self.withdrawn[s], self.reversals[s] = None, 0
                return [Action(f"restores funds to {name}", "reform moves again")]
        elif level < self.best[s] - self.p.eu_reversal:
            self.best[s] = level
            self.reversals[s] += 1
            if self.reversals[s] == int(self.p.eu_reversals):
                self.withdrawn[s] = picture.month
                return [Action(f"withdraws funds from {name}", "reform went back again")]
            return [Action(f"warns {name}", "reform went back")]
        return []

    def promote(self, picture: Situation, s: int) -> list[Action]:
        """Raise the promise for some time after a real step, lower it otherwise, within its bounds."""
        p = self.p
        recent = picture.month - self.last_step[s] <= p.eu_memory
        change = p.credibility_gain if recent else -p.credibility_loss
        self.promise[s] = min(max(self.promise[s] + change, p.eu_promise_low), p.eu_promise_high)
        return self.dose(self.credibility[s], float(logit(self.promise[s]) - logit(self.first_promise[s])))

    def pay(self, picture: Situation, s: int) -> list[Action]:
        """Pay in proportion to merit, up to a multiple of what was paid at the start; nothing while withdrawn."""
        share = 0.0 if self.withdrawn[s] is not None else self.merit(picture, s) / self.first_merit[s]
        dose = min(share, self.p.funds_most) - 1.0
        return [*self.dose(self.rules[s], dose), *self.dose(self.jobs[s], dose)]
