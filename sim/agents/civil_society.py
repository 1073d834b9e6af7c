"""Civil society of one state: voices needs, moves programmes towards them, and warns early."""

from __future__ import annotations

from math import fsum

from sim.agents.base import Action, Activity, Host, Institution, SetWeight, Situation, Switch

ROWS_OF_NEED = {
    "jobs": ("I23", "I24"),
    "fair policing": ("I2", "I4", "I15"),
    "dialogue": ("I3", "I25", "I26", "I27", "I28"),
    "hazards": ("I19", "I20", "I21", "I22"),
}
"""Programmes of the catalogue that serve each need."""
REPRESS = 2


def scaled(value: float, low: float, high: float) -> float:
    """Put a value on a scale from 0 at low to 1 at high."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


class CivilSociety(Institution):
    """Organisations of one state: a stock of trust that is their reach, a forum, and eyes on the ground.

    What the forum voices moves ``forum_share`` of the money that other programmes spend here to those
    that serve the needs; deployments of persons are not touched, and no euro is added or lost.
    Source: docs/model.md; A6, W3, W4; I28, P11h.
    """

    def __init__(self, model: Host, name: str, state: int) -> None:
        self.state = state
        super().__init__(model, name)

    def prepare(self) -> None:
        """Start from the strength that the data give."""
        values = self.model.setting.region.values
        self.trust = float(values["civil_society"][self.state])
        self.hazard = float(values["hazard"][self.state])
        region = self.model.setting.region
        self.groups = [g for g, s in enumerate(region.group_state) if s == self.state]
        self.districts = [d for d, s in enumerate(region.district_state) if s == self.state]
        self.people = [float(region.district_population[d]) for d in self.districts]
        self.voiced: tuple[str, ...] = ()
        self.reviewed: int | None = None
        self.forum = Switch(self.p.forum_on, self.p.forum_off, dwell=self.p.forum_dwell)
        self.warning = self.handle("information", self.p.warning_size, [self.state], self.p.warning_lag)
        self.changes: dict[int, float] = {}

    def watched(self) -> tuple[str, ...]:
        """It lives there."""
        return ()

    def decide(self, picture: Situation) -> list[Action]:
        """Voice needs; while it is heard, move programmes towards them and warn early."""
        self.keep_trust(picture)
        voice = self.trust * picture.outcomes["civic_space"][self.state]
        actions = self.report(picture)
        if self.forum.see(voice, picture.month):
            what = "is heard" if self.forum.active else "is no longer heard"
            actions.append(Action(what, f"reach x civic space {voice:.2f}"))
        actions += self.dose(self.warning, min(voice, 1.0) if self.forum.active else 0.0)
        return [*actions, *self.redirect(picture)]

    def keep_trust(self, picture: Situation) -> None:
        """Gain trust where voiced needs are served, lose it under repression."""
        served = any(self.serves(one) for one in self.local(picture))
        repressed = any(picture.posture[g] >= REPRESS for g in self.groups)
        self.trust = min(max(self.trust + self.p.reach_gain * served - self.p.reach_loss * repressed, 0.0), 1.0)

    def unmet(self, picture: Situation, d: int) -> dict[str, float]:
        """How far each need of a district goes unmet, 0 to 1."""
        p = self.p
        return {
            "jobs": scaled(picture.district_youth_unemployment[d], p.need_jobs_low, p.need_jobs_high),
            "fair policing": scaled(1.0 - picture.district_legitimacy[d], p.need_policing_low, p.need_policing_high),
            "dialogue": scaled(picture.district_tension[d], p.need_dialogue_low, p.need_dialogue_high),
            "hazards": p.need_hazard * self.hazard,
        }

    def needs(self, picture: Situation) -> dict[str, float]:
        """Share of residents whose district has each need among its greatest."""
        asking: dict[str, list[float]] = {need: [] for need in ROWS_OF_NEED}
        for d, people in zip(self.districts, self.people, strict=True):
            unmet = self.unmet(picture, d)
            for need in sorted(unmet, key=lambda need: (-unmet[need], need))[: int(self.p.needs_voiced)]:
                if unmet[need] > 0.0:
                    asking[need].append(people)
        return {need: fsum(people) / fsum(self.people) for need, people in asking.items()}

    def report(self, picture: Situation) -> list[Action]:
        """Voice what most residents ask for; a need already voiced keeps its place unless clearly beaten."""
        if self.reviewed is not None and picture.month - self.reviewed < self.p.forum_review:
            return []
        self.reviewed = picture.month
        needs = self.needs(picture)
        order = sorted(needs, key=lambda need: (-needs[need] - self.p.need_inertia * (need in self.voiced), need))
        voiced = tuple(sorted(order[: int(self.p.needs_voiced)]))
        if voiced == self.voiced:
            return []
        self.voiced = voiced
        return [
            Action(
                f"voices {' and '.join(voiced)}",
                ", ".join(f"{need}: {needs[need]:.0%} of residents" for need in voiced),
            )
        ]

    def local(self, picture: Situation) -> list[Activity]:
        """Programmes that will still run here this month, spend money, and send nobody."""
        return [
            one for one in picture.activities
            if one.status == "running" and one.left != 0 and one.shares[self.state] > 0.0
            and one.meur_per_year > 0.0 and not one.persons
        ]  # fmt: skip

    def serves(self, one: Activity) -> bool:
        """Whether a programme serves a voiced need."""
        return any(one.row in ROWS_OF_NEED[need] for need in self.voiced)

    def redirect(self, picture: Situation) -> list[Action]:
        """Change weights where the wanted change is new; the changes add up to no money."""
        changes = self.wanted_changes(self.local(picture)) if self.forum.active else {}
        actions: list[Action] = []
        for uid in sorted({*changes, *self.changes}):
            change = changes.get(uid, 0.0)
            if change != self.changes.get(uid, 0.0):
                actions.append(SetWeight(uid=uid, change=change))
        if actions and changes:
            actions.append(Action("redirects programmes", f"towards {' and '.join(self.voiced)}"))
        self.changes = changes
        return actions

    def wanted_changes(self, local: list[Activity]) -> dict[int, float]:
        """Change of weight by programme: money moves from those that serve no voiced need to the others."""
        serving = [one for one in local if self.serves(one)]
        others = [one for one in local if not self.serves(one)]
        here = fsum(one.meur_per_year * one.shares[self.state] for one in others)
        there = fsum(one.meur_per_year * one.shares[self.state] for one in serving)
        moved = min(self.p.forum_share * here, self.p.forum_growth * there)
        if moved <= 0.0:
            return {}
        taken = {one.uid: -moved / here * one.shares[self.state] for one in others}
        return taken | {one.uid: moved / there * one.shares[self.state] for one in serving}
