"""An external power: pushes where states are tense, unaligned and weak; reacts to enlargement, exercises."""

from __future__ import annotations

from math import fsum

from sim.agents.base import Action, Institution, Situation, Switch
from sim.world.rates import keep

BEGINS = {"I14": "accession", "I30": "accession"}
"""Programmes that provoke it when they begin, as much as an accession stage: an air campaign, an accession path."""
RUNS = {"I6": "exercise"}
"""Programmes that provoke it as long as they run."""


class ExternalPower(Institution):
    """Media and money through external influence, pressure on networks, and support to spoilers of a peace.

    Targets are the states with most (tension + 1 - alignment) x weakness. After an accession stage or an
    exercise it steps up there, with half-life ``reaction_halflife``. Resources are limited: much pushing
    exposes it, and once exposed it keeps a part of its push until that is forgotten.
    Source: docs/model.md; A8, W8; M14, S18, S19.
    """

    def prepare(self) -> None:
        """A push for each state; no target yet."""
        p = self.p
        every = range(self.model.setting.region.n_states)
        self.provocations = {"accession": p.power_accession, "exercise": p.power_exercise}
        self.push = [self.handle("influence", p.reaction_size, [s], p.push_lag, p.push_halflife) for s in every]
        self.outages = [self.handle("outage", p.cyber_pressure, [s], p.push_lag, p.outage_halflife) for s in every]
        self.spoilers = [
            self.handle("settlement", -p.spoiler_size, [s], p.spoiler_lag, p.spoiler_halflife) for s in every
        ]
        self.kept = keep(p.reaction_halflife)
        self.reaction = [0.0 for s in every]
        self.targets: list[int] = []
        self.reviewed: int | None = None
        self.pushed = 0.0
        self.exposure = 0.0
        self.lying_low = Switch(p.exposure_on, p.exposure_off, dwell=p.exposure_dwell)

    def decide(self, picture: Situation) -> list[Action]:
        """Choose targets once a year, step up where provoked, lie low once exposed."""
        p = self.p
        actions = self.choose(picture)
        self.react(picture)
        wanted = [
            p.power_base * (s in self.targets) + (1.0 - p.power_base) * heat for s, heat in enumerate(self.reaction)
        ]
        self.exposure += p.exposure_pace * (self.pushed / p.power_resources - self.exposure)
        if self.lying_low.see(self.exposure, picture.month):
            what = "lies low" if self.lying_low.active else "is active again"
            actions.append(Action(what, f"exposure {self.exposure:.2f}"))
        scale = p.power_resources / max(fsum(wanted), p.power_resources)
        scale *= p.exposure_push if self.lying_low.active else 1.0
        doses = [scale * dose if scale * dose > p.dose_step else 0.0 for dose in wanted]
        self.pushed = fsum(doses)
        for s, dose in enumerate(doses):
            actions += self.dose(self.push[s], dose)
            actions += self.dose(self.outages[s], dose * picture.outcomes["cyber"][s])
            actions += self.spoil(picture, s, dose > 0.0 and not self.lying_low.active)
        return actions

    def spoil(self, picture: Situation, s: int, present: bool) -> list[Action]:
        """Support those who fight where it pushes, so that they settle later; stop when it lies low."""
        helps = float(present and picture.at_war[s])
        if helps == self.doses.get(self.spoilers[s], 0.0):
            return []
        verb = "supports" if helps else "no longer supports"
        return self.dose(self.spoilers[s], helps, f"{verb} those who fight in {picture.states[s]}", "a war to prolong")

    def opening(self, picture: Situation, s: int) -> float:
        """(tension + 1 - alignment) x weakness; a present target keeps its place unless clearly beaten."""
        grievance = picture.outcomes["tension"][s] + 1.0 - picture.alignment[s]
        return float(grievance * (1.0 - picture.outcomes["capacity"][s]) + self.p.power_inertia * (s in self.targets))

    def choose(self, picture: Situation) -> list[Action]:
        """Review the targets once a year."""
        if self.reviewed is not None and picture.month - self.reviewed < self.p.power_review:
            return []
        self.reviewed = picture.month
        order = sorted(range(len(picture.states)), key=lambda s: (-self.opening(picture, s), picture.states[s]))
        targets = sorted(order[: int(self.p.power_targets)])
        if targets == self.targets:
            return []
        self.targets = targets
        names = " and ".join(picture.states[s] for s in targets)
        return [Action(f"pushes in {names}", "most tense, least aligned, weakest")]

    def react(self, picture: Situation) -> None:
        """Let old reactions fade; step up where a stage was reached, and near an exercise."""
        self.reaction = [self.kept * heat for heat in self.reaction]
        for kind, s in picture.news:
            self.reaction[s] = max(self.reaction[s], self.provocations.get(kind, 0.0))
        for one in picture.activities:
            provoking = RUNS | (BEGINS if picture.month - one.since <= 1 else {})
            if one.status == "running" and one.row in provoking:
                for s in one.states():
                    self.reaction[s] = max(self.reaction[s], self.provocations[provoking[one.row]])
