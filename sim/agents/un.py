"""The United Nations: mandates that can be vetoed, means that fall short of them, and mediation."""

from __future__ import annotations

from math import fsum

from sim.agents.base import Action, Announce, Approve, Institution, Refuse, Situation, Switch


class UnitedNations(Institution):
    """A Council that may veto, and a mission of police and observers that needs half a year to arrive.

    The veto is a draw by month and place, so that proposals of any size for the same place meet the same
    Council. A scenario that must not depend on it writes ``approval: none``.
    Source: docs/model.md; A3, I12, I29, I33; P3, P5, P7, P12a.
    """

    def prepare(self) -> None:
        """One mandate for each state."""
        p = self.p
        every = range(self.model.setting.region.n_states)
        self.people = [float(n) for n in self.model.setting.geography.state_people]
        self.police = [self.handle("mission_police", 1.0, [s], halflife=p.un_halflife) for s in every]
        self.troops = [self.handle("troops", 1.0, [s], halflife=p.un_halflife) for s in every]
        self.observers = [self.handle("observers", 1.0, [s], halflife=p.un_halflife) for s in every]
        self.mediators = [self.handle("settlement", p.mediation_size, [s], p.mediation_lag) for s in every]
        self.deaths: list[list[float]] = [[] for s in every]
        self.all_deaths = [0.0 for s in every]
        close = p.mandate_calm * p.mandate_deaths
        self.case = [Switch(p.mandate_deaths, close, dwell=p.mandate_dwell + p.council_delay) for s in every]
        self.mediating = [Switch(0.5, 0.5, dwell=p.mediation_dwell) for s in every]
        self.due: list[float | None] = [None for s in every]
        self.mandate = [False for s in every]
        self.ask_again = [0 for s in every]
        self.contributors: set[int] = set()

    # Proposals of a scenario -------------------------------------------------------------------------------

    def answer(self, picture: Situation) -> list[Action]:
        """Put a proposal to the Council: a veto, or a mandate that deploys in ``council_delay`` months."""
        p = self.p
        actions: list[Action] = []
        for one in picture.proposals("council"):
            if self.vetoed(picture, one.states()):
                actions.append(Refuse(f"does not mandate {one.key}", "a veto in the Council", one.uid))
            else:
                delay = self.stretched("un_delay", p.council_delay, one.states())
                actions.append(Approve(f"mandates {one.key}", "no veto in the Council", one.uid, delay))
        return actions

    def veto_chance(self, picture: Situation, states: list[int]) -> float:
        """Veto most likely over the state closest to, and most reached by, the external power."""
        return float(self.p.council_veto * picture.foreign_pull(states))

    def vetoed(self, picture: Situation, states: list[int]) -> bool:
        """Draw the veto of this month for these states."""
        return self.uniform_draw(10_000 + min(states)) < self.veto_chance(picture, states)

    # Mandates and mediation, in adaptive runs --------------------------------------------------------------

    def decide(self, picture: Situation) -> list[Action]:
        """A mandate where people die or a ceasefire must be kept; mediation where they fight."""
        self.count(picture)
        actions: list[Action] = []
        for s in range(len(picture.states)):
            actions += self.mission(picture, s)
            if self.mediating[s].see(float(picture.at_war[s]), picture.month):
                verb = "mediates" if self.mediating[s].active else "ends mediation"
                dose = float(self.mediating[s].active)
                actions += self.dose(self.mediators[s], dose, f"{verb} in {picture.states[s]}", "an armed episode")
        return actions

    def count(self, picture: Situation) -> None:
        """Remember a year of deaths, and who offers peacekeepers."""
        seen = picture.outcomes
        for s, past in enumerate(self.deaths):
            dead = seen["communal_deaths"][s] + seen["armed_deaths"][s]
            self.deaths[s] = [*past[-11:], dead]
            self.all_deaths[s] += dead
        for kind, s in picture.news:
            if kind == "peacekeepers offered":
                self.contributors.add(s)
            elif kind == "peacekeepers withdrawn":
                self.contributors.discard(s)

    def need(self, picture: Situation, s: int) -> float:
        """Deaths of twelve months; a ceasefire after a real episode keeps the case open."""
        limit = float(self.p.mandate_deaths)
        keeps = picture.after_war[s] and self.all_deaths[s] > limit
        return max(fsum(self.deaths[s]), self.p.mandate_ceasefire * limit if keeps else 0.0)

    def mission(self, picture: Situation, s: int) -> list[Action]:
        """Seek a mandate, deploy it half a year later, close it after a year without need."""
        name, month = picture.states[s], picture.month
        turned = self.case[s].see(self.need(picture, s), month)
        if turned and not self.case[s].active:
            what = f"closes its mission in {name}" if self.mandate[s] else ""
            self.due[s], self.mandate[s] = None, False
            return self.deploy(s, 0.0, False, what, "a year of calm")
        if self.case[s].active and not self.mandate[s] and month >= self.ask_again[s]:
            return self.ask(picture, s)
        due = self.due[s]
        if due is not None and month >= due:
            self.due[s] = None
            means, robust = self.means(s), picture.foreign_pull([s]) < self.p.consent_pull
            what = f"deploys to {name}, {'with' if robust else 'without'} troops"
            return self.deploy(s, means, robust, what, f"mandate, with {means:.2f} of the means asked for")
        return []

    def ask(self, picture: Situation, s: int) -> list[Action]:
        """Ask the Council for a mandate."""
        self.ask_again[s] = picture.month + self.p.mandate_again
        name = picture.states[s]
        if self.vetoed(picture, [s]):
            return [Announce(f"gets no mandate for {name}", "a veto in the Council", "no mandate", s)]
        self.mandate[s] = True
        self.due[s] = picture.month + self.stretched("un_delay", self.p.council_delay, [s])
        return [Action(f"gets a mandate for {name}", f"{self.need(picture, s):.0f} deaths in twelve months")]

    def means(self, s: int) -> float:
        """Share of what is asked for that arrives: contributors of the region, other than the host, help.

        So do programmes that prepare a state to contribute, and those that give missions more means.
        """
        lever = self.model.lever
        others = len(self.contributors - {s})
        trained = fsum(lever("contribution", one) for one in range(len(self.people)) if one != s)
        means = self.p.council_means + lever("un_means", s) + self.p.un_contribution * (others + trained)
        return float(min(max(means, 0.0), 1.0))

    def deploy(self, s: int, means: float, robust: bool, what: str, why: str) -> list[Action]:
        """Set police, observers and, with consent, troops; what observers see is in everybody's picture."""
        thousands = means * self.people[s] / 1000.0
        police = self.p.mission_police_full * thousands
        return [
            *self.dose(self.police[s], float(int(police)), what, why),
            *self.dose(self.troops[s], float(int(self.p.un_troops * thousands)) if robust else 0.0),
            *self.dose(self.observers[s], float(int(self.p.un_observers * thousands))),
        ]
