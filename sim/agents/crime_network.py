"""A crime network of one state: bribes where it has grown, arms where tension has risen."""

from __future__ import annotations

from sim.agents.base import Action, Host, Institution, Situation, Switch

GROWN, SHRUNK = 0.05, 0.02
"""Crime above its start level at which bribes start and stop."""
FULL_GROWTH = 0.3
"""Crime above its start level at which bribes are in full."""
TENSE, CALM = 0.1, 0.05
"""Tension above its start level at which arms sales start and stop."""


class CrimeNetwork(Institution):
    """Bribes in proportion to how far it has grown, and sells arms when tension is high.

    It is part of the problem, not of the response, so it acts in scripted runs too; at the levels of the
    start it does nothing. How the flow shifts to neighbours under enforcement is in the field of
    organised crime.
    Source: docs/model.md; A9, R6; S17, P9j.
    """

    reactive = False

    def __init__(self, model: Host, name: str, state: int) -> None:
        self.state = state
        super().__init__(model, name)

    def prepare(self) -> None:
        """Remember the start."""
        p = self.model.setting.parameters
        start = self.model.situation.outcomes
        self.start_crime = start["crime"][self.state]
        self.start_tension = start["tension"][self.state]
        self.bribing = Switch(GROWN, SHRUNK, wait=2, dwell=6.0)
        self.selling = Switch(TENSE, CALM, wait=2, dwell=6.0)
        self.bribes = self.handle("corruption", p.bribes_size, [self.state], lag=3.0, halflife=6.0)
        self.sales = self.handle("arms_inflow", p.arms_sales, [self.state], lag=1.0, halflife=3.0)

    def watched(self) -> tuple[str, ...]:
        """It knows its own ground."""
        return ()

    def decide(self, picture: Situation) -> list[Action]:
        """Bribe when grown, sell when tense."""
        growth = picture.outcomes["crime"][self.state] - self.start_crime
        heat = picture.outcomes["tension"][self.state] - self.start_tension
        bribed = self.bribing.see(growth, picture.month)
        sold = self.selling.see(heat, picture.month)
        if not (bribed or sold or self.bribing.active):
            return []
        share = min(max(growth / FULL_GROWTH, 0.0), 1.0) if self.bribing.active else 0.0
        what = ("bribes officials" if self.bribing.active else "stops bribes") if bribed else ""
        actions = self.dose(self.bribes, share, what, f"organised crime {growth:+.2f} since the start")
        if sold:
            verb = "sells arms" if self.selling.active else "stops selling arms"
            actions += self.dose(self.sales, float(self.selling.active), verb, f"tension {heat:+.2f} since the start")
        return actions
