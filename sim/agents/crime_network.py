"""A crime network of one state: bribes where it has grown, arms where tension has risen."""

from __future__ import annotations

from sim.agents.base import Action, Host, Institution, Situation, Switch


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
        p = self.p
        start = self.model.situation.outcomes
        self.start_crime = start["crime"][self.state]
        self.start_tension = start["tension"][self.state]
        self.bribing = Switch(p.bribes_on, p.bribes_off, p.network_wait, p.network_dwell)
        self.selling = Switch(p.sales_on, p.sales_off, p.network_wait, p.network_dwell)
        self.bribes = self.handle("corruption", p.bribes_size, [self.state], p.bribes_lag, p.bribes_halflife)
        self.sales = self.handle("arms_inflow", p.arms_sales, [self.state], p.sales_lag, p.sales_halflife)

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
        share = min(max(growth / self.p.bribes_full, 0.0), 1.0) if self.bribing.active else 0.0
        what = ("bribes officials" if self.bribing.active else "stops bribes") if bribed else ""
        actions = self.dose(self.bribes, share, what, f"organised crime {growth:+.2f} since the start")
        if sold:
            verb = "sells arms" if self.selling.active else "stops selling arms"
            actions += self.dose(self.sales, float(self.selling.active), verb, f"tension {heat:+.2f} since the start")
        return actions
