"""The model: one step is one month, four rounds of what people do and then the slow fields."""

from __future__ import annotations

from math import floor
from typing import Any

import mesa

from sim.kernels import draws
from sim.types import Inputs

from .arithmetic import binomial, exp, log, poisson, saturate
from .build import build
from .citizen import Citizen
from .fields import find_references, move_fields
from .places import Cell, District, Pace
from .sampler import Sampler

SUB_ROUNDS = 3


def heavy_tailed(u: float, exponent: float, cap: float) -> int:
    """Deaths of one event: a discrete Pareto number, at least 1 and at most ``cap``."""
    return int(min(floor(exp(-log(u) / (exponent - 1.0))), cap))


def event_number(cell: Cell, k: int) -> int:
    """Number of event ``k`` of an actor, for the draw of its victims; from the uid, not the position."""
    return ((int(cell.uid) & 0xFFFFF) << 12) + (k & 4095)


class TwinModel(mesa.Model):
    """The region, its people and its fields, one object each.

    Parameters
    ----------
    setting : sim.world.world.Setting
        Region, population, parameters and the baseline solve.
    sampler : Sampler
        Where uniforms come from.
    """

    def __init__(self, setting: Any, sampler: Sampler) -> None:
        super().__init__(rng=0)
        self.p = setting.parameters
        self.solve = setting.solve
        self.sampler = sampler
        self.pace = Pace(self.p)
        self.month = 0
        self.quarter = 0
        self.inputs: Inputs | None = None
        build(self, setting, Citizen)
        for place in (*self.districts, *self.groups):
            place.start(sampler, self.p)
        find_references(self)
        # Mesa before 3.4.2 counts each model's agents in a dictionary that keeps the model alive for ever.
        getattr(mesa.Agent, "_ids", {}).pop(self, None)

    def receive(self, inputs: Any) -> None:
        """Take the month's inputs: officers, shocks, arms, attacks, and what interventions do."""
        self.inputs = Inputs(*(array.tolist() for array in inputs))

    @property
    def tick(self) -> int:
        """Number of the round since the start."""
        return 4 * self.month + self.quarter

    def step(self) -> None:
        """Advance one month."""
        self.begin_month()
        for quarter in range(4):
            self.quarter = quarter
            self.change_weather()
            self.turn_out()
            self.count_crowds()
            for district in self.districts:
                self.communal_violence(district)
            for cell in self.cells:
                cell.armed_share = cell.fighters / cell.people
            for cell in self.cells:
                self.leave_and_join_arms(cell)
            for cell in self.cells:
                self.attack(cell)
            self.release()
            self.flee_and_return()
        move_fields(self)
        self.month += 1

    def begin_month(self) -> None:
        """Forget last month's counts; share out work; let citizens take their stance."""
        for cell in self.cells:
            cell.month = dict.fromkeys(cell.month, 0)
            cell.share_out_work()
            for citizen in cell.citizens:
                citizen.begin_month()
        for district in self.districts:
            district.events = 0
        for group in self.groups:
            group.deaths_by_own_group = 0
        for state in self.states:
            state.peak = 0.0

    # The parts of a round, in their order.

    def change_weather(self) -> None:
        """Noise that does not average out over people: moods, sparks, focal events, climates."""
        for district in self.districts:
            district.change_mood(self.sampler, self.tick, self.p, self.pace)
        for state in self.states:
            state.focus(self.sampler, self.tick, self.p, self.pace)
        for group in self.groups:
            group.drift(self.sampler, self.tick, self.pace)

    def turn_out(self) -> None:
        """All choose at once from last round's state; in excited districts three times more, same sampler."""
        shock = self.inputs.shock[self.quarter]
        for district in self.districts:
            district.excited = district.is_excited(shock, self.p)
        self.look_around(self.cells)
        excited = [cell for cell in self.cells if cell.district.excited]
        for cell in self.cells:
            self.gather(cell)
        if excited:
            for _ in range(SUB_ROUNDS):
                for cell in excited:
                    cell.turnout = cell.active / cell.people
                self.look_around(excited)
                for cell in excited:
                    self.gather(cell)
        for cell in self.cells:
            self.conduct(cell)
            cell.turnout = cell.active / cell.people

    def look_around(self, cells: list[Cell]) -> None:
        """Show the citizens of some cells who was out last, and how strong the police are against that."""
        for group in self.groups:
            group.count_turnout()
        for district in self.districts:
            district.deter(self.inputs.officers[district.index], self.p)
        for cell in cells:
            cell.look_around(self.quarter, self.inputs, self.solve, self.p)

    def gather(self, cell: Cell) -> None:
        """Let every citizen of a cell choose."""
        cell.active = 0
        for citizen, u in zip(cell.citizens, self.sampler.turn_out(cell, self.tick), strict=True):
            cell.active += citizen.turn_out(u)

    def conduct(self, cell: Cell) -> None:
        """Violence and arrests among those who turned out."""
        cell.violent = 0
        if cell.active > 0:
            for citizen in cell.citizens:
                if citizen.active > 0:
                    citizen.conduct(self.sampler.conduct(citizen, self.tick))
                    cell.violent += citizen.violent
        cell.month["active"] += cell.active
        cell.month["violent"] += cell.violent

    def count_crowds(self) -> None:
        """Protest events, fatigue, and the largest turn-out of the month."""
        for state in self.states:
            everybody = 0
            for district in state.districts:
                crowd = sum(cell.active for cell in district.cells)
                everybody += crowd
                if crowd >= self.p.crowd:
                    district.events += 1
                district.tire(crowd, self.pace)
                district.log.append([crowd, 0, 0])
            state.peak = max(state.peak, everybody / state.people)

    def communal_violence(self, district: District) -> None:
        """Incidents from violent crowds and from reprisals, and their victims in the other communities."""
        p, inputs = self.p, self.inputs
        answered = self.pace.reprisal * district.reprisal
        exposed = add_exposed(district)
        calming = inputs.communal[district.index]
        incidents_here = deaths_here = 0
        for cell in district.cells:
            mean = p.incident_rate * cell.violent * cell.contact
            if answered > 0.0 and exposed > 0.0:
                mean += p.branching * cell.tension.value * answered * cell.people * cell.contact / exposed
            mean = mean * inputs.conversion[cell.index] * calming
            incidents = poisson(self.sampler.of_place(draws.INCIDENT, self.tick, cell.uid), mean)
            incidents_here += incidents
            cell.month["incidents"] += incidents
            for k in range(incidents):
                u = self.sampler.of_event(draws.INCIDENT_SIZE, self.tick, cell.uid, k)
                if u[0] < p.lethal_share * inputs.lethality[cell.index]:
                    size = heavy_tailed(u[1], p.communal_tail, p.communal_cap)
                    victim = district.victim(u[2], cell)
                    number = event_number(cell, k)
                    died = victim.lose_civilians(size, self.sampler, draws.DEAL, self.tick, number)
                    victim.month["communal_deaths"] += died
                    deaths_here += died
        district.owe_reprisal(incidents_here, answered)
        district.log[-1][1:] = [incidents_here, deaths_here]

    def leave_and_join_arms(self, cell: Cell) -> None:
        """Exits from and recruits to the armed group of a cell."""
        p, inputs, g = self.p, self.inputs, cell.group
        arms = inputs.arms[g.index]
        if cell.fighters > 0:
            leaving = min(self.pace.exits * inputs.exits[cell.index], 1.0)
            for citizen, u in zip(cell.citizens, self.sampler.leave(cell, self.tick), strict=True):
                citizen.leave_arms(u, leaving)
        room = 1.0 - cell.fighters / (p.fighter_cap * cell.people)
        if arms > 0.0 and room > 0.0:
            pull = p.b_recruit_tension * (cell.tension.value - self.solve.tension)
            pull += p.b_recruit_exclusion * (g.exclusion.value - 0.3)
            pull += p.b_recruit_repression * inputs.repression[g.index]
            pull += p.b_recruit_extremism * (cell.district.extremism.value - self.solve.extremism)
            reached = room * cell.reach_of_arms(p)
            rate = p.recruitment * arms * exp(pull) * inputs.recruitment[cell.index] * reached
            for citizen, u in zip(cell.citizens, self.sampler.recruit(cell, self.tick), strict=True):
                citizen.join_arms(u, rate)

    def attack(self, cell: Cell) -> None:
        """Armed events of the group of a cell, if it attacks."""
        p, inputs = self.p, self.inputs
        attack = inputs.attack[cell.group.index]
        if attack > 0.0 and cell.fighters > 0:
            fierce = inputs.posture[cell.state.index]
            held_back = inputs.combat[cell.district.index]
            mean = p.armed_event_rate * cell.fighters * fierce * held_back * attack
            events = poisson(self.sampler.of_place(draws.ARMED_EVENT, self.tick, cell.uid), mean)
            cell.month["armed_events"] += events
            for k in range(events):
                self.armed_event(cell, k)

    def armed_event(self, cell: Cell, k: int) -> None:
        """One attack or battle: fighters of the cell die, and civilians of one community of the district."""
        p = self.p
        u = self.sampler.of_event(draws.ARMED_SIZE, self.tick, cell.uid, k)
        size = heavy_tailed(u[0], p.armed_tail, p.armed_cap)
        size = int(size * self.inputs.lethality[cell.index] + u[3])
        fighters = binomial(u[1], size, p.armed_fighter_share)
        lost = cell.lose_fighters(min(fighters, cell.fighters), self.sampler, self.tick, k)
        cell.month["fighter_deaths"] += lost
        cell.month["armed_deaths"] += lost
        victim = cell.district.victim(u[2], None)
        number = event_number(cell, k)
        killed = victim.lose_civilians(size - fighters, self.sampler, draws.DEAL_ARMED, self.tick, number)
        victim.month["armed_deaths"] += killed
        cell.group.deaths_by_own_group += lost + killed

    def release(self) -> None:
        """Let some of the detained go."""
        for cell in self.cells:
            if cell.detained > 0:
                for citizen, u in zip(cell.citizens, self.sampler.release(cell, self.tick), strict=True):
                    citizen.be_released(u, self.pace.release)

    def flee_and_return(self) -> None:
        """Flight from recent deaths and from expulsion; return of the displaced where it is safe."""
        p, inputs = self.p, self.inputs
        for cell in self.cells:
            danger = saturate(cell.fear, p.flight_half)
            hazard = p.flight_deaths * danger + p.flight_expulsion * inputs.expulsion[cell.group.index]
            leaving = 1.0 - exp(-hazard)
            safe = (1.0 - danger) * (1.0 - inputs.expulsion[cell.group.index])
            coming = min(self.pace.returning * safe * inputs.returning[cell.index], 1.0)
            cell.fear = cell.fear * (1.0 - self.pace.fear)
            if hazard > 0.0 or cell.displaced > 0:
                for citizen, (u, v) in zip(cell.citizens, self.sampler.flight(cell, self.tick), strict=True):
                    citizen.flee_or_return(u, v, leaving, coming)


def add_exposed(district: District) -> float:
    """Residents of a district, weighted by how far they live among others."""
    exposed = 0.0
    for cell in district.cells:
        exposed += cell.people * cell.contact
    return exposed
