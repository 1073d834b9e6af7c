"""NATO: answers proposals, sends missions where its picture is alarming, advances or holds accession."""

from __future__ import annotations

from math import fsum

from sim.agents.base import Action, Announce, Approve, Institution, Refuse, Situation, Switch

STAGES = ("none", "partnership", "action plan", "invited", "member")
MILESTONES = {"pfp": 1, "map": 2, "nato": 4}
MEMBER = 4
BLOCS = {"close": 0.5, "wary": 0.75, "reluctant": 1.0}
"""Blocs of Allies, and how strongly division weighs with each against the least willing."""
COERCION = "I14"


class Nato(Institution):
    """Allies who must agree, a pool of troops, and an accession path.

    Division and the disputed status of a place decide what the Allies approve; without division they
    approve every proposal once it has waited ``approval_delay`` months, so that scripted scenarios run as
    written. Troops take ``force_generation`` months more. An air campaign only a scenario proposes; in adaptive runs the Allies hold it until it
    is the last resort.
    Source: docs/model.md; A2, W2, W4, W5; P12d.
    """

    def prepare(self) -> None:
        """One alarm, one mission and one accession path for each state."""
        p = self.p
        region = self.model.setting.region
        every = range(region.n_states)
        self.people = [float(n) for n in self.model.setting.geography.state_people]
        self.communities: list[list[tuple[int, float]]] = [[] for s in every]
        for g, s in enumerate(region.group_state):
            self.communities[s].append((g, float(region.group_population[g])))
        self.troops = [self.handle("troops", 1.0, [s], halflife=p.mission_halflife) for s in every]
        self.alarm = [
            Switch(p.mission_on, p.mission_off, p.mission_wait, p.mission_dwell + p.force_generation) for s in every
        ]
        self.deaths: list[list[float]] = [[] for s in every]
        self.vetoed = [False for s in every]
        self.promised = [0.0 for s in every]
        self.due: list[float | None] = [None for s in every]
        self.ask_again = [0 for s in every]
        self.stage = [0 for s in every]
        for state, milestone, year in region.milestones:
            if year <= region.year and milestone in MILESTONES:
                s = region.states.index(state)
                self.stage[s] = max(self.stage[s], MILESTONES[milestone])
        self.first_stage = list(self.stage)
        self.stepped = [0 for s in every]
        self.on_track = [Switch(0.0, -p.accession_slack, p.accession_wait, p.accession_dwell) for s in every]
        gains = (p.accession_size, p.accession_lag, p.accession_halflife)
        self.standards = [self.handle("reform_security", gains[0], [s], *gains[1:]) for s in every]
        self.prospect = [self.handle("credibility", gains[0], [s], *gains[1:]) for s in every]

    # Proposals of a scenario -------------------------------------------------------------------------------

    def answer(self, picture: Situation) -> list[Action]:
        """Approve once a proposal has waited, unless the least willing bloc of Allies says no."""
        p = self.p
        actions: list[Action] = []
        for one in picture.proposals("allies"):
            if picture.month - one.since < int(self.stretched("approval_time", p.approval_delay, one.states()) + 0.5):
                continue
            if one.row == COERCION and not picture.scripted and not self.last_resort(picture, one.states()):
                continue
            bloc, will = self.least_willing(picture, one.states())
            if will > 0.0:
                delay = self.stretched("nato_delay", p.force_generation, one.states()) if one.persons else 0.0
                actions.append(Approve(f"approves {one.key}", "all Allies agree", one.uid, delay))
            else:
                actions.append(Refuse(f"refuses {one.key}", f"{bloc} Allies do not agree", one.uid))
        return actions

    def last_resort(self, picture: Situation, states: list[int]) -> bool:
        """In one of the states there is war, killing or flight goes on, and the Council has refused a mandate."""
        return any(
            picture.at_war[s]
            and self.vetoed[s]
            and (
                fsum(self.deaths[s]) >= self.p.coercion_deaths
                or picture.outcomes["displaced"][s] >= self.p.coercion_flight * self.people[s]
            )
            for s in states
        )

    def remember(self, picture: Situation) -> None:
        """Keep a year of deaths, and where a mandate was refused, until the war there is over."""
        seen = picture.outcomes
        refused = {s for kind, s in picture.news if kind == "no mandate"}
        for s, past in enumerate(self.deaths):
            self.deaths[s] = [*past[-11:], seen["communal_deaths"][s] + seen["armed_deaths"][s]]
            self.vetoed[s] = (self.vetoed[s] or s in refused) and picture.at_war[s]

    def least_willing(self, picture: Situation, states: list[int]) -> tuple[str, float]:
        """The least willing bloc, and its will: positive without division, whatever the dispute."""
        p = self.p
        weight = picture.division * (p.allies_dispute + picture.worst_dispute(states)) * p.allies_division
        wills = {bloc: p.allies_will - share * weight for bloc, share in BLOCS.items()}
        bloc = min(wills, key=lambda name: wills[name])
        return bloc, wills[bloc]

    # Missions and accession, in adaptive runs --------------------------------------------------------------

    def decide(self, picture: Situation) -> list[Action]:
        """A mission where there is alarm, and the next stage for those who meet the standards."""
        self.remember(picture)
        actions: list[Action] = []
        for s in range(len(picture.states)):
            actions += self.mission(picture, s)
            actions += self.accession(picture, s)
        return actions

    def unrest(self, picture: Situation, s: int) -> float:
        """Observed tension, or crowds on the same scale."""
        p = self.p
        crowd = picture.outcomes["peak_participation"][s] / p.mission_crowd
        return float(max(picture.outcomes["tension"][s], min(crowd, p.mission_crowd_most) * p.mission_on))

    def alarm_level(self, picture: Situation, s: int) -> float:
        """Unrest, or 1 while an armed episode is active."""
        return 1.0 if picture.at_war[s] else self.unrest(picture, s)

    def mission(self, picture: Situation, s: int) -> list[Action]:
        """Ask for a mission, deploy it when its forces are ready, withdraw it when the alarm is over."""
        name, month = picture.states[s], picture.month
        turned = self.alarm[s].see(self.alarm_level(picture, s), month)
        if turned and not self.alarm[s].active:
            what = f"withdraws its mission from {name}" if self.promised[s] else ""
            self.promised[s], self.due[s] = 0.0, None
            return self.dose(self.troops[s], 0.0, what, "the alarm is over")
        if self.alarm[s].active and self.promised[s] == 0.0 and month >= self.ask_again[s]:
            return self.request(picture, s)
        due = self.due[s]
        if due is not None and month >= due:
            self.due[s] = None
            what = f"deploys {self.promised[s]:.0f} troops to {name}"
            return self.dose(self.troops[s], self.promised[s], what, "forces are ready")
        return []

    def request(self, picture: Situation, s: int) -> list[Action]:
        """Ask the Allies for a mission of a size that fits need and pool."""
        p = self.p
        self.ask_again[s] = picture.month + p.mission_again
        bloc, will = self.least_willing(picture, [s])
        if will <= 0.0:
            return [Action(f"sends no mission to {picture.states[s]}", f"{bloc} Allies do not agree")]
        size = min(self.wanted(picture, s), p.mission_pool - fsum(self.promised))
        if size < p.mission_least:
            return []  # enough troops are there, or none are left
        self.promised[s] = float(int(size + 0.5))
        self.due[s] = picture.month + self.stretched("nato_delay", p.force_generation, [s])
        why = f"alarm {self.alarm_level(picture, s):.2f}"
        return [Action(f"plans a mission of {size:.0f} troops in {picture.states[s]}", why)]

    def wanted(self, picture: Situation, s: int) -> float:
        """Troops still missing: a full dose for those in need, less the troops who are there.

        In need are residents in proportion to unrest, or the communities in arms if they are more.
        """
        p = self.p
        share = min(max((self.unrest(picture, s) - p.mission_off) / (1.0 - p.mission_off), 0.0), 1.0)
        in_arms = sum(people for g, people in self.communities[s] if picture.fighters[g] > 0)
        people = max(share * self.people[s], in_arms)
        return float(p.mission_full * people / 1000.0 - picture.outcomes["troops"][s])

    def accession(self, picture: Situation, s: int) -> list[Action]:
        """Next stage when standards are met for long enough; hold, with a part of the prospect, on regress."""
        if self.first_stage[s] == MEMBER:
            return []
        turned = self.on_track[s].see(self.merit(picture, s), picture.month)
        name, track = picture.states[s], self.on_track[s].active
        actions: list[Action] = []
        if track and self.stage[s] < MEMBER and picture.month - self.stepped[s] >= self.p.accession_stage:
            self.stage[s] += 1
            self.stepped[s] = picture.month
            actions.append(Announce(f"{name}: {STAGES[self.stage[s]]}", "standards met for a year", "accession", s))
        elif turned and not track and self.stage[s] < MEMBER:
            actions.append(Action(f"holds the accession of {name}", "standards no longer met"))
        gained = self.stage[s] - self.first_stage[s]
        prospect = float(gained) if track or self.stage[s] == MEMBER else self.p.accession_held * gained
        return [*actions, *self.dose(self.standards[s], prospect), *self.dose(self.prospect[s], prospect)]

    def merit(self, picture: Situation, s: int) -> float:
        """The least of security reform, political reform, freedom from disputes and peace, over its standard."""
        p = self.p
        security = picture.outcomes["reform_security"][s] - p.accession_security
        political = picture.outcomes["reform_political"][s] - p.accession_political
        return float(
            min(security, political, p.accession_dispute - picture.worst_dispute([s]), 0.5 - picture.at_war[s])
        )
