"""Regional bodies: monitoring, a yearly exercise, and border enforcement where both sides join."""

from __future__ import annotations

from sim.agents.base import Action, Announce, Approve, Institution, Refuse, Situation, Switch


class RegionalBody(Institution):
    """A platform that works once enough of the states contribute.

    Proposals that need contributors are approved at once when there are enough, and refused otherwise.
    Source: docs/model.md; A5, I6, I7, I17; P9d, P9j.
    """

    def prepare(self) -> None:
        """Handles of the platform and of every border."""
        region, p = self.model.setting.region, self.p
        every = list(range(region.n_states))
        self.platform = Switch(0.0, -p.regional_slack, dwell=p.regional_dwell)
        self.monitors = self.handle("information", p.monitoring_size, every, p.monitoring_lag)
        self.standards = [
            self.handle("reform_security", p.regional_reform, [s], p.regional_lag, p.regional_halflife) for s in every
        ]
        self.exercise = self.handle("dispute", -p.exercise_size, every, halflife=p.exercise_halflife)
        self.borders = list(zip(region.border_a.tolist(), region.border_b.tolist(), strict=True))
        self.patrols = [
            self.handle("enforcement", p.patrol_size, pair, p.patrol_lag, p.patrol_lag) for pair in self.borders
        ]
        self.patrolling = [Switch(p.patrol_on, p.patrol_off, p.patrol_wait, p.patrol_dwell) for pair in self.borders]
        self.last_exercise = 0

    def watched(self) -> tuple[str, ...]:
        """Its members tell it what it needs."""
        return ()

    def contributors(self, picture: Situation) -> list[int]:
        """States able to contribute."""
        return [s for s, capacity in enumerate(picture.outcomes["capacity"]) if capacity > self.p.regional_able]

    def answer(self, picture: Situation) -> list[Action]:
        """Approve what has enough contributors."""
        actions: list[Action] = []
        for one in picture.proposals("contributors"):
            states = self.contributors(picture)
            if len(states) > self.p.regional_quorum * len(picture.states):
                actions.append(Approve(f"approves {one.key}", f"{len(states)} states contribute", one.uid))
            else:
                actions.append(Refuse(f"refuses {one.key}", f"only {len(states)} states contribute", one.uid))
        return actions

    def decide(self, picture: Situation) -> list[Action]:
        """Monitor, share standards of reform and exercise while the platform stands; patrol borders that both join."""
        states = self.contributors(picture)
        actions: list[Action] = []
        if self.platform.see(len(states) - self.p.regional_quorum * len(picture.states), picture.month):
            verb = "opens" if self.platform.active else "closes"
            actions += self.dose(
                self.monitors,
                float(self.platform.active),
                f"{verb} monitoring",
                f"{len(states)} states contribute",
            )
        for s, standard in enumerate(self.standards):
            actions += self.dose(standard, float(self.platform.active and s in states))
        actions += self.train(picture, states)
        for number, pair in enumerate(self.borders):
            actions += self.patrol(picture, number, pair)
        return actions

    def train(self, picture: Situation, states: list[int]) -> list[Action]:
        """One exercise a year; everybody hears of it."""
        if not self.platform.active or picture.month - self.last_exercise < self.p.exercise_every:
            return self.dose(self.exercise, 0.0)
        self.last_exercise = picture.month
        heard: list[Action] = [Announce(kind="exercise", state=s) for s in states]
        return [
            *self.dose(self.exercise, 1.0, "holds its yearly exercise", f"{len(states)} states take part"),
            *heard,
        ]

    def patrol(self, picture: Situation, number: int, pair: tuple[int, int]) -> list[Action]:
        """Joint patrols where crime is high on one side, both are able, and no open dispute divides them."""
        a, b = pair
        seen = picture.outcomes
        joined = (
            min(seen["capacity"][a], seen["capacity"][b]) > self.p.regional_able
            and picture.dispute[a][b] < self.p.patrol_dispute
        )
        crime = max(seen["crime"][a], seen["crime"][b]) if joined else 0.0
        if not self.patrolling[number].see(crime, picture.month):
            return []
        active = self.patrolling[number].active
        what = f"{'starts' if active else 'ends'} joint patrols, {picture.states[a]} and {picture.states[b]}"
        return self.dose(self.patrols[number], float(active), what, f"organised crime {crime:.2f}")
