"""One citizen: a Mesa agent who stands for a whole number of persons of one community in one district."""

from __future__ import annotations

from typing import Any

import mesa

from .arithmetic import binomial, clip, exp, logistic, single


class Citizen(mesa.Agent):
    """A number of like persons.

    Traits for life: ``hardship`` and ``risk_aversion`` in (0, 1), ``threshold`` in standard deviations,
    ``labour_rank`` in (0, 1), ``young`` (15 to 24). Counts of persons who are not free to act: ``detained``,
    ``displaced``, ``in_arms``, ``dead``. This round: ``active`` turned out, ``violent`` among them.
    """

    def __init__(self, model: Any, cell: Any, number: int, persons: int, traits: tuple[Any, ...]) -> None:
        super().__init__(model)
        self.cell = cell
        self.number = number
        self.persons = persons
        self.hardship, self.risk_aversion, self.threshold, self.labour_rank, self.young = traits
        self.unemployed = self.stance = 0.0
        self.detained = self.displaced = self.in_arms = self.dead = 0
        self.active = self.violent = 0

    @property
    def free(self) -> int:
        """Persons alive, at liberty, at home and unarmed."""
        return self.persons - (self.detained + self.displaced + self.in_arms + self.dead)

    # Each month.

    def begin_month(self) -> None:
        """Find or lose work, and take a stance: what is the citizen's own in the motive (log-odds)."""
        p = self.model.p
        self.find_work()
        self.stance = single(p.b_unemployment * self.unemployed - p.b_threshold * self.threshold)

    def find_work(self) -> None:
        """Be out of work as far as the labour rank lies below the unemployed share of one's age."""
        rate = self.cell.unemployed_young if self.young else self.cell.unemployed_other
        self.unemployed = clip((rate - self.labour_rank) * len(self.cell.citizens) + 0.5, 0.0, 1.0)

    # Each round.

    def grievance(self) -> float:
        """Hardship, felt the more the less legitimate institutions are (log-odds)."""
        return self.cell.anger * self.hardship

    def perceived_risk(self) -> float:
        """Probability of arrest, felt the more the more averse to risk one is (log-odds)."""
        return self.cell.fear_of_arrest * self.risk_aversion

    def motive(self) -> float:
        """Net motive to turn out (log-odds): what the cell shares, what hurts, what deters, the stance."""
        return self.cell.drive + self.grievance() - self.perceived_risk() + self.stance

    def turn_out(self, u: float) -> int:
        """Choose: of the free persons, how many turn out this round."""
        self.active = binomial(u, self.free, self.model.p.turnout_cap * logistic(self.motive()))
        return self.active

    def conduct(self, u: tuple[float, ...]) -> None:
        """Some of those who turned out are violent; some of both kinds are arrested."""
        p, cell = self.model.p, self.cell
        self.violent = binomial(u[0], self.active, cell.p_violent)
        peaceful = self.active - self.violent
        arrested = binomial(u[1], peaceful, p.detain_peaceful * cell.p_arrest)
        arrested += binomial(u[2], self.violent, p.detain_violent * cell.p_arrest)
        self.detained += arrested
        cell.detained += arrested
        cell.month["new_detained"] += arrested

    def be_released(self, u: float, chance: float) -> None:
        """Some of the detained come home."""
        freed = binomial(u, self.detained, chance)
        self.detained -= freed
        self.cell.detained -= freed
        self.cell.month["released"] += freed

    def flee_or_return(self, u: float, v: float, leaving: float, coming: float) -> None:
        """Some of the displaced come back; some of those who were free before that flee."""
        back = binomial(v, self.displaced, coming)
        gone = binomial(u, self.free, leaving)
        self.displaced += gone - back
        self.cell.displaced += gone - back
        self.cell.month["returned"] += back
        self.cell.month["new_displaced"] += gone

    def join_arms(self, u: float, rate: float) -> None:
        """Some of the free join an armed group, more of the young and of the unemployed."""
        p = self.model.p
        own = p.b_recruit_unemployment * self.unemployed + (p.b_recruit_youth if self.young else 0.0)
        joined = binomial(u, self.free, 1.0 - exp(-rate * exp(own)))
        self.in_arms += joined
        self.cell.fighters += joined
        self.cell.month["recruits"] += joined

    def leave_arms(self, u: float, chance: float) -> None:
        """Some of those in arms go home."""
        left = binomial(u, self.in_arms, chance)
        self.in_arms -= left
        self.cell.fighters -= left
        self.cell.month["exits"] += left

    def die(self, persons: int, in_arms: bool) -> None:
        """Lose persons, fighters or free residents."""
        self.dead += persons
        self.cell.dead += persons
        if in_arms:
            self.in_arms -= persons
            self.cell.fighters -= persons
