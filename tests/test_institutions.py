"""Institutions: short rules with thresholds, dwell, delay and budget. Rules are tested without a world."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mesa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sim.model.month
from sim.agents.armed_group import ArmedGroup
from sim.agents.base import (
    Action,
    Activity,
    Approve,
    Institution,
    Refuse,
    SetArms,
    SetDose,
    SetHotSpots,
    SetPosture,
    SetWeight,
    Situation,
    Switch,
)
from sim.agents.civil_society import CivilSociety
from sim.agents.crime_network import CrimeNetwork
from sim.agents.eu import EuropeanUnion
from sim.agents.external_power import ExternalPower
from sim.agents.nato import Nato
from sim.agents.regional import RegionalBody
from sim.agents.state import REPRESS, State
from sim.agents.un import UnitedNations
from sim.model.month import RunResult, StabilityModel
from sim.model.run import simulate
from sim.parameters import CATALOGUE
from sim.parameters import parameters as make_parameters
from sim.population import Population, synthesise
from sim.region import Region, find_region, load_region
from sim.scenario import Scenario, load_scenario
from sim.world.levers import LEVER_BY_NAME
from sim.world.outcomes import OUTCOME_INDEX, OUTCOME_NAMES
from sim.world.world import Setting, prepare

# A world small enough to write down ---------------------------------------------------------------------

N = 3
SEED = 20_260_101
CALM_LEVELS = {
    "population": 1e6,
    "tension": 0.2,
    "legitimacy": 0.6,
    "unemployment": 0.1,
    "youth_unemployment": 0.25,
    "crime": 0.3,
    "influence": 0.3,
    "capacity": 0.6,
    "corruption": 0.5,
    "reform_security": 0.5,
    "reform_political": 0.45,
    "reform_economic": 0.5,
    "dispute": 0.3,
    "civic_space": 0.7,
    "credibility": 0.5,
}


def calm(**levels: float) -> Situation:
    """Three states of two communities, and nothing happens; ``levels`` replace outcomes of all states."""
    names = [*OUTCOME_NAMES, "civic_space", "credibility"]
    known = CALM_LEVELS | levels
    return Situation(
        month=0,
        states=("AAA", "BBB", "CCC"),
        outcomes={name: [known.get(name, 0.0)] * N for name in names},
        fighters=[0] * 6,
        group_deaths=[0] * 6,
        exclusion=[0.02, 0.35] * N,
        arms=[0.0] * 6,
        at_war=[False] * N,
        dispute=[[0.0, 0.3, 0.1], [0.3, 0.0, 0.1], [0.1, 0.1, 0.0]],
        after_war=[False] * N,
        posture=[0] * 6,
        alignment=[0.5, 0.6, 0.9],
        district_tension=[known["tension"]] * 12,
        district_legitimacy=[known["legitimacy"]] * 12,
        district_youth_unemployment=[known["youth_unemployment"]] * 12,
    )


def with_outcome(picture: Situation, name: str, state: int, value: float) -> Situation:
    """The same picture with one outcome of one state changed."""
    row = list(picture.outcomes[name])
    row[state] = value
    return replace(picture, outcomes={**picture.outcomes, name: row})


class Stub(mesa.Model):  # type: ignore[misc]
    """What an institution asks of a model, and nothing else."""

    def __init__(self, milestones: tuple[tuple[str, str, int], ...] = (), **parameters: float) -> None:
        super().__init__(rng=0)
        self.month = 0
        self.situation = calm()
        self.information = [1.0] * N
        self.opened: list[tuple[str, float, tuple[int, ...]]] = []
        self.paces: list[tuple[float, float]] = []
        self.world = SimpleNamespace(seed=np.uint64(1))
        self.levers: dict[str, float] = {}
        self.group_tension = [0.2] * 6
        self.forces_against = [1000.0] * 6
        self.mission_dose = [0.0] * N
        self.kin_states: list[tuple[int, ...]] = [()] * 6
        self.patrons: list[list[int]] = [[1]] * 2 + [[0]] * 4
        region = SimpleNamespace(
            n_states=N,
            states=("AAA", "BBB", "CCC"),
            year=2024,
            milestones=milestones,
            district_state=[0] * 4 + [1] * 4 + [2] * 4,
            district_population=[50_000, 250_000, 350_000, 350_000] * 3,
            group_state=[0, 0, 1, 1, 2, 2],
            communities=("amber", "teal"),
            group_community=[0, 1] * 3,
            group_population=[800_000, 200_000] * 3,
            border_a=np.array([0, 1]),
            border_b=np.array([1, 2]),
            values={"civil_society": [0.5] * N, "hazard": [0.4] * N},
        )
        geography = SimpleNamespace(state_people=[1e6] * N, group_state=region.group_state)
        self.setting = SimpleNamespace(
            region=region,
            geography=geography,
            parameters=make_parameters(parameters),
            solve=SimpleNamespace(tension=0.2),
        )

    def open_handle(
        self,
        lever: str,
        size: float,
        states: Iterable[int],
        lag: float,
        halflife: float,
        communities: Any = None,
    ) -> int:
        assert lever in LEVER_BY_NAME
        self.opened.append((lever, size, tuple(states)))
        self.paces.append((lag, halflife))
        return len(self.opened) - 1

    def lever(self, name: str, state: int) -> float:
        return self.levers.get(name, 0.0)


def decide(agent: Institution, picture: Situation, month: int) -> list[Action]:
    """One month of one agent."""
    agent.model.month = month
    return agent.decide(replace(picture, month=month))


def drive(agent: Institution, picture: Situation, months: int, start: int = 0) -> list[tuple[int, Action]]:
    """Show an agent the same picture for months, but for the postures it sets; return what it did."""
    done = []
    for month in range(start, start + months):
        for action in decide(agent, picture, month):
            done.append((month, action))
            if isinstance(action, SetPosture):
                posture = list(picture.posture)
                posture[action.group] = action.level
                picture = replace(picture, posture=posture)
    return done


def said(actions: Iterable[tuple[int, Action]]) -> list[str]:
    """What the log would hold."""
    return [action.what for _, action in actions if action.what]


def doses(agent: Institution, lever: str) -> dict[tuple[int, ...], float]:
    """Doses of an agent's handles on a lever, by states."""
    opened = agent.model.opened
    return {opened[h][2]: dose for h, dose in agent.doses.items() if opened[h][0] == lever and dose != 0.0}


def proposal(approval: str, shares: tuple[float, ...] = (1.0, 0.0, 0.0), **more: Any) -> Activity:
    """A programme that waits since month 0."""
    known: dict[str, Any] = {
        "uid": 7,
        "key": "plan",
        "row": "I2",
        "status": "proposed",
        "since": 0,
        "left": None,
        "approval": approval,
        "persons": False,
        "meur_per_year": 10.0,
        "shares": shares,
    }
    return Activity(**(known | more))


def running(uid: int, row: str, meur: float, shares: tuple[float, ...] = (1.0, 0.0, 0.0), **more: Any) -> Activity:
    """A programme that runs."""
    return proposal("none", shares, uid=uid, row=row, meur_per_year=meur, status="running", **more)


AGENTS: dict[str, Callable[[Stub], Institution]] = {
    "armed group": lambda model: ArmedGroup(model, "armed group", 5, 1),
    "state": lambda model: State(model, "government (AAA)", 0),
    "nato": lambda model: Nato(model, "NATO"),
    "un": lambda model: UnitedNations(model, "United Nations"),
    "eu": lambda model: EuropeanUnion(model, "European Union"),
    "regional": lambda model: RegionalBody(model, "regional body"),
    "civil society": lambda model: CivilSociety(model, "civil society (AAA)", 0),
    "external power": lambda model: ExternalPower(model, "external power"),
    "crime network": lambda model: CrimeNetwork(model, "crime network (AAA)", 0),
}
WAR = replace(
    calm(tension=0.7, armed_deaths=20.0, crime=0.5),
    at_war=[True, False, False],
    fighters=[0, 500, 0, 0, 0, 0],
    group_deaths=[0, 20, 0, 0, 0, 0],
    alignment=[0.9, 0.5, 0.1],
)

# Every agent ----------------------------------------------------------------------------------------------


def test_every_agent_of_the_roster_is_tested_here() -> None:
    model = StabilityModel(replace(load_scenario("baseline_2024"), region="twin_valleys"), world()[2], SEED)
    assert {type(agent) for agent in model.institutions} == {type(make(Stub())) for make in AGENTS.values()}


FORMING = {"group_hazard": 1.0, "lever_cap": 5.0}
CHOICES: dict[str, tuple[dict[str, float], Situation, str, Situation, str]] = {
    "armed group": (FORMING, calm(), "", replace(calm(), exclusion=[0.02, 0.98] * N, dispute=[[0.9] * N] * N),
                    "an armed group forms"),
    "state": ({}, calm(credibility=0.8), "reforms", with_outcome(WAR, "credibility", 0, 0.2), "hardens to policing, teal"),
    "nato": ({}, calm(reform_security=0.7, reform_political=0.6), "CCC: partnership", WAR, "plans a mission of 4000 troops in AAA"),
    "un": ({}, calm(), "", WAR, "mediates in AAA"),
    "eu": ({}, calm(), "", calm(reform_political=0.3), "warns AAA"),
    "regional": ({}, with_outcome(calm(), "crime", 0, 0.6), "starts joint patrols, AAA and BBB",
                 with_outcome(calm(), "crime", 2, 0.6), "starts joint patrols, BBB and CCC"),
    "civil society": ({}, calm(), "voices fair policing and jobs", WAR, "voices dialogue and jobs"),
    "external power": ({}, calm(), "pushes in AAA and BBB", WAR, "pushes in BBB and CCC"),
    "crime network": ({}, calm(), "", WAR, "sells arms"),
}  # fmt: skip
"""By agent: parameters, one picture and what is said only there, another picture and what is said only there."""


@pytest.mark.parametrize("name", AGENTS)
def test_two_pictures_two_choices(name: str) -> None:
    """Each agent is asked the same in the same months, with the same draws: only the picture differs."""
    parameters, one, only_one, other, only_other = CHOICES[name]
    told = [set(said(drive(AGENTS[name](Stub(**parameters)), picture, 14))) for picture in (one, other)]
    assert (only_one in told[0]) == bool(only_one), told[0]
    assert only_one not in told[1]
    assert only_other in told[1], told[1]
    assert only_other not in told[0]


def near(**levels: float) -> Situation:
    """A picture of the first state only; the others are calm."""
    picture = calm()
    for name, value in levels.items():
        picture = with_outcome(picture, name, 0, value)
    return picture


def disputed(level: float) -> Situation:
    """The first two states in a dispute of a level."""
    return replace(calm(), dispute=[[0.0, level, 0.1], [level, 0.0, 0.1], [0.1, 0.1, 0.0]])


Level = Callable[[float], Situation]
THRESHOLDS: list[tuple[str, str, Level, float, float]] = [
    ("state", "arms against", disputed, 0.69, 0.71),
    (
        "state",
        "arms against",
        lambda gain: replace(calm(influence=0.3 + gain), dispute=disputed(0.5).dispute),
        0.19,
        0.21,
    ),
    (
        "state",
        "arms against",
        lambda arms: replace(calm(arming=arms), dispute=disputed(0.65).dispute),
        0.49,
        0.51,
    ),
    ("state", "peacekeepers offered", lambda x: near(capacity=x), 0.49, 0.51),
    ("state", "takes back reform", lambda x: near(credibility=0.02, corruption=x), 0.44, 0.53),
    ("state", "hardens", lambda x: replace(WAR, group_deaths=[0, int(x)] * N), 5, 6),
    ("state", "concedes", lambda x: replace(calm(), exclusion=[0.02, x] * N), 0.09, 0.11),
    ("nato", "plans a mission", lambda x: near(tension=x), 0.54, 0.56),
    ("nato", "plans a mission", lambda x: near(peak_participation=x), 0.0049, 0.0051),
    ("nato", "partnership", lambda x: near(reform_security=x, reform_political=0.6), 0.54, 0.56),
    ("nato", "partnership", lambda x: near(reform_security=0.6, reform_political=x), 0.49, 0.51),
    ("un", "gets a mandate", lambda x: near(influence=0.0, communal_deaths=x), 2.0, 2.2),
    ("un", "mediates", lambda x: replace(calm(), at_war=[bool(x)] * N), 0, 1),
    ("eu", "warns AAA", lambda x: near(reform_political=0.45 - 3.0 * x), 0.029, 0.031),
    ("regional", "starts joint patrols", lambda x: near(crime=x), 0.44, 0.46),
    ("regional", "opens monitoring", lambda x: calm(capacity=x), 0.49, 0.51),
    ("civil society", "is heard", lambda x: near(civic_space=x), 0.39, 0.41),
    ("external power", "lies low", lambda x: replace(calm(), news=(("accession", 0), ("accession", 1)) * int(x)), 0, 1),
    ("external power", "supports those who fight", lambda x: replace(calm(), at_war=[bool(x)] * N), 0, 1),
    ("crime network", "bribes officials", lambda x: near(crime=x), 0.34, 0.36),
    ("crime network", "sells arms", lambda x: near(tension=x), 0.29, 0.31),
]


def with_small_draws(name: str, **parameters: float) -> Institution:
    """An agent whose chances always come up."""
    agent = AGENTS[name](Stub(**parameters))
    agent.uniform_draw = lambda number: 1e-9  # type: ignore[method-assign]
    return agent


@pytest.mark.parametrize(("name", "words", "picture", "below", "above"), THRESHOLDS)
def test_choices_have_thresholds(name: str, words: str, picture: Level, below: float, above: float) -> None:
    """Just below its threshold a choice is never made in two years, just above it is."""
    veto = {"council_veto": 0.0} if name == "un" else {}
    assert not any(words in what for what in said(drive(with_small_draws(name, **veto), picture(below), 24)))
    assert any(words in what for what in said(drive(with_small_draws(name, **veto), picture(above), 24)))


DWELLS: list[tuple[str, Situation, str, Situation, str, int]] = [
    ("state", disputed(0.8), "arms against", calm(), "stops arming", 24),
    ("state", calm(credibility=0.8), "reforms", calm(credibility=0.2), "stalls reform", 12),
    ("state", calm(), "peacekeepers offered", calm(capacity=0.3), "peacekeepers withdrawn", 24),
    ("nato", near(tension=0.8), "plans a mission", calm(), "withdraws its mission", 15),
    ("un", near(influence=0.0, communal_deaths=30.0), "gets a mandate", calm(influence=0.0), "closes its mission", 18),
    ("regional", calm(), "opens monitoring", calm(capacity=0.3), "closes monitoring", 12),
    ("regional", calm(crime=0.6), "starts joint patrols, AAA", calm(), "ends joint patrols, AAA", 24),
    ("civil society", calm(), "is heard", calm(civic_space=0.1), "is no longer heard", 12),
    ("external power", calm(), "pushes in AAA and BBB", WAR, "pushes in BBB and CCC", 12),
    ("crime network", calm(tension=0.4), "sells arms", calm(), "stops selling arms", 6),
    ("crime network", calm(crime=0.5), "bribes officials", calm(), "stops bribes", 6),
]  # fmt: skip


@pytest.mark.parametrize(("name", "one", "first", "other", "second", "dwell"), DWELLS)
def test_choices_last_through_their_dwell(
    name: str, one: Situation, first: str, other: Situation, second: str, dwell: int
) -> None:
    """The picture turns the month after the choice; the choice turns exactly when its dwell is over."""
    agent = AGENTS[name](Stub())
    chosen = next(month for month in range(24) if any(first in what for what in said(drive(agent, one, 1, month))))
    later = drive(agent, other, 60, start=chosen + 1)
    turned = [month for month, action in later if second in action.what]
    assert turned[0] == chosen + dwell


def test_what_has_a_table_covers_every_agent() -> None:
    """The armed group and the European Union have rules without a switch; tests of their own are below."""
    assert set(CHOICES) == set(AGENTS)
    assert set(AGENTS) - {name for name, *_ in THRESHOLDS} == {"armed group"}
    assert set(AGENTS) - {name for name, *_ in DWELLS} == {"armed group", "eu"}


@pytest.mark.parametrize(
    ("name", "lever", "most", "parameters"),
    [
        ("nato", "troops", 3000.0, {"mission_pool": 3000.0}),
        ("un", "mission_police", 0.6 * 0.5 * 1000.0 * N, {"council_veto": 0.0}),
        ("un", "troops", 0.6 * 2.0 * 1000.0 * N, {"council_veto": 0.0}),
        ("eu", "reform_economic", 1.0 * N, {}),
        ("external power", "influence", CATALOGUE["power_resources"].default, {}),
    ],
)
def test_means_are_limited(name: str, lever: str, most: float, parameters: dict[str, float]) -> None:
    """Everything at once, everywhere, for six years: doses reach their limit and never pass it."""
    agent = AGENTS[name](Stub(**parameters))
    everywhere = replace(
        calm(tension=0.9, communal_deaths=30.0, influence=0.3, credibility=0.9, capacity=0.9, corruption=0.1),
        news=tuple(("accession", s) for s in range(N)),
    )
    sums = []
    for month in range(72):
        decide(agent, everywhere, month)
        sums.append(sum(doses(agent, lever).values()))
    assert max(sums) == pytest.approx(most, rel=0.02)
    assert max(sums) <= most + 0.05


def test_armed_group_attacks_only_when_strong_enough() -> None:
    group = AGENTS["armed group"](Stub(group_hazard=1.0, lever_cap=5.0))
    group.enter("active", 0)
    group.chance = lambda number: 0.99  # type: ignore[method-assign]
    weak, strong = decide(group, replace(WAR, fighters=[0, 5, 0, 0, 0, 0]), 1), decide(group, WAR, 2)
    assert [action.attack for action in weak + strong if isinstance(action, SetArms)] == [0.0, 1.0]


def test_organised_crime_puts_off_a_settlement() -> None:
    """S17: fewer draws bring peace to a group that contraband feeds, more to one that it fails."""
    peace = []
    for crime in (0.1, 0.3, 0.9):
        peace.append(0)
        for value in np.linspace(0.001, 0.1, 100):
            group = AGENTS["armed group"](Stub(settle_crime=2.0))
            group.enter("active", 0)
            group.chance = lambda number, value=value: value  # type: ignore[method-assign]
            told = said(drive(group, replace(WAR, outcomes={**WAR.outcomes, "crime": [crime] * N}), 1, start=1))
            peace[-1] += "accepts a ceasefire" in told
    assert 100 > peace[0] > peace[1] > peace[2] > 0


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_bound_of_formation_holds(level: float) -> None:
    """The early bound of the hazard never cuts off a hazard that is possible."""
    model = Stub()
    group = ArmedGroup(model, "armed group", 5, 1)
    model.group_tension, model.kin_states = [level] * 6, [(2,)] * 6
    model.levers["group_formation"] = model.setting.parameters.lever_cap * level
    picture = replace(
        calm(dispute=level, capacity=1.0 - level),
        exclusion=[level] * 6,
        at_war=[False, False, True],
        dispute=[[level] * N] * N,
    )
    assert group.formation_hazard(picture) <= group.highest_hazard()


@pytest.mark.parametrize("name", [name for name in AGENTS if name != "armed group"])
@pytest.mark.parametrize("picture", [calm(), WAR, calm(tension=0.5, crime=0.4)], ids=["calm", "war", "middling"])
def test_a_constant_picture_causes_no_switching(name: str, picture: Situation) -> None:
    """After ten years of the same, another ten bring nothing but the yearly exercise."""
    agent = AGENTS[name](Stub())
    later = [(month, action) for month, action in drive(agent, picture, 240) if month >= 120]
    assert [what for what in said(later) if "exercise" not in what] == []


@pytest.mark.parametrize("name", AGENTS)
def test_every_dose_is_bounded(name: str) -> None:
    agent = AGENTS[name](Stub())
    for month in range(0, 120, 10):
        drive(agent, WAR if month % 20 else calm(), 10, start=month)
        for handle, dose in agent.doses.items():
            lever, size, _ = agent.model.opened[handle]
            if LEVER_BY_NAME[lever].kind != "persons":
                assert abs(size * dose) <= 2.5, (name, lever)


# Switches -------------------------------------------------------------------------------------------------


def turns(switch: Switch, values: Iterable[float]) -> list[int]:
    """Months in which a switch turned."""
    return [month for month, value in enumerate(values) if switch.see(value, month)]


@given(value=st.floats(0, 1), on=st.floats(0.3, 0.7), gap=st.floats(0, 0.2), wait=st.integers(1, 4))
def test_a_constant_turns_a_switch_at_most_once(value: float, on: float, gap: float, wait: int) -> None:
    assert len(turns(Switch(on, on - gap, wait, dwell=1.0), [value] * 50)) <= 1


@given(
    values=st.lists(st.floats(0, 1), min_size=60, max_size=60),
    dwell=st.integers(1, 24),
    wait=st.integers(1, 4),
)
def test_a_switch_turns_at_most_once_per_dwell(values: list[float], dwell: int, wait: int) -> None:
    when = turns(Switch(0.6, 0.4, wait, float(dwell)), values)
    assert all(later - earlier >= dwell for earlier, later in zip(when, when[1:], strict=False))


def test_a_switch_waits_and_has_two_thresholds() -> None:
    assert turns(Switch(0.6, 0.4, wait=2, dwell=3), [0.7, 0.5, 0.7, 0.7, 0.5, 0.5, 0.5, 0.3, 0.3]) == [3, 8]


# External power and regional bodies -----------------------------------------------------------------------


def test_an_external_power_presses_networks_as_far_as_they_are_exposed() -> None:
    agent = AGENTS["external power"](Stub())
    decide(agent, near(cyber=0.8), 1)
    pushed, pressed = doses(agent, "influence"), doses(agent, "outage")
    assert pushed.keys() == {(0,), (1,)}
    assert pressed == {(0,): pytest.approx(0.8 * pushed[0,])}


def test_an_external_power_prolongs_wars_only_where_it_pushes_and_only_while_it_is_not_exposed() -> None:
    agent = AGENTS["external power"](Stub())
    everywhere = replace(calm(), at_war=[True] * N)
    drive(agent, everywhere, 3)
    assert doses(agent, "settlement") == {(0,): 1.0, (1,): 1.0}
    assert all(size < 0.0 for lever, size, _ in agent.model.opened if lever == "settlement")
    provoked = replace(everywhere, news=tuple(("accession", s) for s in range(N)))
    exposed = next(month for month in range(3, 60) if "lies low" in said(drive(agent, provoked, 1, start=month)))
    assert doses(agent, "settlement") == {}
    assert exposed > 12


def test_the_reform_platform_serves_those_who_contribute() -> None:
    """SEESAC's platform: standards for states that take part, while more than half of them do."""
    agent = AGENTS["regional"](Stub())
    decide(agent, with_outcome(calm(), "capacity", 2, 0.4), 1)
    assert doses(agent, "reform_security") == {(0,): 1.0, (1,): 1.0}
    assert not doses(AGENTS["regional"](Stub()), "reform_security")
    drive(agent, calm(capacity=0.3), 24, start=2)
    assert doses(agent, "reform_security") == {}


# NATO -----------------------------------------------------------------------------------------------------


def answers(agent: Institution, picture: Situation, *waiting: Activity, months: int = 24) -> list[tuple[int, Action]]:
    """Answers to proposals that wait since month 0, until the first one comes."""
    for month in range(1, months):
        agent.model.month = month
        given_now = agent.answer(replace(picture, month=month, activities=waiting))
        if given_now:
            return [(month, action) for action in given_now]
    return []


KILLING = with_outcome(WAR, "armed_deaths", 0, 60.0)
FLIGHT = with_outcome(with_outcome(WAR, "armed_deaths", 0, 0.0), "displaced", 0, 60_000.0)
REFUSED = (("no mandate", 0),)


@pytest.mark.parametrize(
    ("picture", "news", "expected"),
    [
        (KILLING, REFUSED, "approves plan"),
        (FLIGHT, REFUSED, "approves plan"),
        (KILLING, (), ""),  # the Council was not asked, or gave a mandate
        (WAR, REFUSED, ""),  # a war, but few die and few flee
        (replace(KILLING, at_war=[False] * N), REFUSED, ""),
        (replace(KILLING, division=1.0, dispute=[[0.9] * N] * N), REFUSED, "refuses plan"),
    ],
)
def test_an_air_campaign_is_the_last_resort(
    picture: Situation, news: tuple[tuple[str, int], ...], expected: str
) -> None:
    """Adaptive: it waits for killing or flight in a war and a mandate refused; then the least willing Allies decide."""
    agent = AGENTS["nato"](Stub())
    campaign = proposal("allies", row="I14")
    drive(agent, replace(WAR, outcomes=picture.outcomes, at_war=picture.at_war, news=news), 12)
    assert [action.what for _, action in answers(agent, picture, campaign)] == [expected] * bool(expected)
    on_paper = answers(AGENTS["nato"](Stub()), replace(calm(), scripted=True), campaign)
    assert [action.what for _, action in on_paper] == ["approves plan"]


@pytest.mark.parametrize("scripted", [True, False])
@pytest.mark.parametrize("dispute", [0.0, 0.9])
def test_undivided_allies_approve_after_the_delay(scripted: bool, dispute: float) -> None:
    picture = replace(calm(), scripted=scripted, dispute=[[0.0, dispute, 0.0], [dispute, 0.0, 0.0], [0.0] * 3])
    ((month, action),) = answers(AGENTS["nato"](Stub(approval_delay=5.0)), picture, proposal("allies"))
    assert month == 5
    assert isinstance(action, Approve)
    assert (action.uid, action.delay) == (7, 0.0)


def test_troops_wait_for_force_generation() -> None:
    ((_, action),) = answers(AGENTS["nato"](Stub(force_generation=4.0)), calm(), proposal("allies", persons=True))
    assert isinstance(action, Approve)
    assert action.delay == 4.0


def test_divided_allies_refuse_and_disputed_status_divides_more() -> None:
    def verdict(division: float, dispute: float) -> type[Action]:
        rows = [[0.0, dispute, 0.0], [dispute, 0.0, 0.0], [0.0] * 3]
        picture = replace(calm(), division=division, dispute=rows)
        return type(answers(AGENTS["nato"](Stub()), picture, proposal("allies"))[0][1])

    assert verdict(1.0, 0.0) is Refuse
    assert verdict(0.5, 0.9) is Refuse
    assert verdict(0.5, 0.2) is Approve


def test_the_least_willing_bloc_decides() -> None:
    bloc, will = Nato(Stub(), "NATO").least_willing(replace(calm(), division=0.6), [0])
    assert bloc == "reluctant"
    assert will == pytest.approx(0.5 - 0.6 * 0.8)


def test_nato_leaves_other_approvals_alone() -> None:
    others = [proposal(kind) for kind in ("council", "host", "contributors")]
    assert answers(AGENTS["nato"](Stub()), calm(), *others) == []


def test_a_mission_is_planned_after_two_months_and_comes_after_force_generation() -> None:
    agent = AGENTS["nato"](Stub())
    tense = with_outcome(calm(), "tension", 0, 0.7)
    done = drive(agent, tense, 6)
    assert [month for month, action in done if "plans" in action.what] == [1]
    assert [(month, action.dose) for month, action in done if isinstance(action, SetDose)] == [(4, 4000.0)]
    assert said(drive(AGENTS["nato"](Stub()), with_outcome(calm(), "tension", 0, 0.54), 12)) == []


def test_one_month_of_crowds_is_not_enough() -> None:
    agent, crowd = AGENTS["nato"](Stub()), with_outcome(calm(), "peak_participation", 0, 0.02)
    assert said(drive(agent, crowd, 1) + drive(agent, calm(), 3, start=1)) == []
    assert "plans" in said(drive(agent, crowd, 2, start=4))[0]


def test_a_mission_stays_through_its_dwell_and_leaves_below_the_lower_threshold() -> None:
    agent = AGENTS["nato"](Stub(mission_dwell=12.0, force_generation=3.0))
    drive(agent, with_outcome(calm(), "tension", 0, 0.7), 6)
    between = drive(agent, with_outcome(calm(), "tension", 0, 0.5), 30, start=6)
    assert said(between) == []
    after = drive(agent, calm(), 4, start=36)
    assert said(after) == ["withdraws its mission from AAA"]
    hasty = AGENTS["nato"](Stub(mission_dwell=12.0, force_generation=3.0))
    drive(hasty, with_outcome(calm(), "tension", 0, 0.7), 4)
    left = [month for month, action in drive(hasty, calm(), 30, start=4) if "withdraws" in action.what]
    assert left == [16]


def test_missions_never_exceed_the_pool() -> None:
    agent = AGENTS["nato"](Stub(mission_pool=6000.0))
    drive(agent, calm(tension=0.9), 24)
    assert 0.0 < sum(doses(agent, "troops").values()) <= 6000.0


def test_divided_allies_send_nobody_and_ask_again() -> None:
    agent = AGENTS["nato"](Stub())
    tense = replace(with_outcome(calm(), "tension", 0, 0.8), division=1.0)
    assert said(drive(agent, tense, 8)) == ["sends no mission to AAA"] * 2
    assert said(drive(agent, replace(tense, division=0.0), 12, start=8))[0].startswith("plans a mission")


def test_only_communities_in_arms_count_in_a_small_war() -> None:
    agent = Nato(Stub(), "NATO")
    assert agent.wanted(replace(calm(), at_war=[True, False, False], fighters=[0, 50, 0, 0, 0, 0]), 0) == pytest.approx(
        1600
    )


def test_accession_advances_by_stages_and_holds_on_regress() -> None:
    agent = AGENTS["nato"](Stub(milestones=(("AAA", "map", 2010), ("CCC", "nato", 2009))))
    good = calm(reform_security=0.7, reform_political=0.6)
    done = drive(agent, good, 13)
    assert [(m, a.what) for m, a in done if a.what] == [(12, "AAA: invited"), (12, "BBB: partnership")]
    back = drive(agent, calm(reform_security=0.4), 12, start=13)
    assert said(back) == ["holds the accession of AAA", "holds the accession of BBB"]
    assert doses(agent, "credibility") == {(0,): 0.5, (1,): 0.5}
    disputed = replace(good, dispute=[[0.0, 0.9, 0.0], [0.9, 0.0, 0.0], [0.0] * 3])
    assert said(drive(AGENTS["nato"](Stub()), disputed, 30)) == ["CCC: partnership", "CCC: action plan"]


# United Nations -------------------------------------------------------------------------------------------


def test_a_veto_depends_on_alignment_and_influence() -> None:
    far, near = (
        replace(calm(influence=1.0), alignment=[1.0] * 3),
        replace(calm(influence=1.0), alignment=[0.0] * 3),
    )
    agent = UnitedNations(Stub(council_veto=1.0), "United Nations")
    assert agent.veto_chance(far, [0]) == 0.0
    assert agent.veto_chance(near, [0]) == 1.0
    assert agent.veto_chance(replace(calm(influence=0.5), alignment=[0.8, 0.2, 0.5]), [0, 1]) == pytest.approx(0.4)
    ((month, granted),) = answers(AGENTS["un"](Stub(council_delay=6.0)), far, proposal("council"))
    assert (month, type(granted), granted.delay) == (1, Approve, 6.0)  # type: ignore[attr-defined]
    ((_, vetoed),) = answers(AGENTS["un"](Stub(council_veto=1.0)), near, proposal("council"))
    assert isinstance(vetoed, Refuse)


def test_the_same_place_and_month_meet_the_same_council() -> None:
    picture = replace(calm(influence=0.7), alignment=[0.2] * 3)
    one, other = AGENTS["un"](Stub()), AGENTS["un"](Stub())
    for month in range(40):
        one.model.month = other.model.month = month
        assert one.vetoed(picture, [1]) == other.vetoed(picture, [1, 2])


DEADLY = with_outcome(calm(influence=0.0), "communal_deaths", 0, 10.0)


def test_a_mandate_needs_deaths_and_half_a_year() -> None:
    agent = AGENTS["un"](Stub())
    done = drive(agent, DEADLY, 12)
    assert [(m, a.what) for m, a in done if a.what] == [
        (2, "gets a mandate for AAA"),
        (8, "deploys to AAA, with troops"),
    ]
    police = make_parameters().mission_police_full * 0.6 * 1000.0
    assert doses(agent, "mission_police") == {(0,): police}
    assert said(drive(AGENTS["un"](Stub()), with_outcome(calm(), "communal_deaths", 0, 2.0), 30)) == []


def test_a_vetoed_mandate_is_asked_for_again() -> None:
    agent = AGENTS["un"](Stub(council_veto=1.0))
    done = drive(agent, replace(with_outcome(DEADLY, "influence", 0, 1.0), alignment=[0.0] * 3), 10)
    assert [(m, a.what) for m, a in done if a.what] == [
        (2, "gets no mandate for AAA"),
        (8, "gets no mandate for AAA"),
    ]


def test_contributors_raise_means_but_not_for_their_own_state() -> None:
    agent = UnitedNations(Stub(), "United Nations")
    agent.count(replace(calm(), news=(("peacekeepers offered", 0), ("peacekeepers offered", 1))))
    assert agent.means(2) == pytest.approx(0.64)
    assert agent.means(0) == pytest.approx(0.62)
    agent.count(replace(calm(), news=(("peacekeepers withdrawn", 1),)))
    assert agent.means(2) == pytest.approx(0.62)


def test_mediation_while_people_fight() -> None:
    agent = AGENTS["un"](Stub())
    fighting = replace(calm(), at_war=[False, True, False])
    drive(agent, fighting, 2)
    assert doses(agent, "settlement") == {(1,): 1.0}
    assert ("settlement", CATALOGUE["mediation_size"].default, (1,)) in agent.model.opened
    drive(agent, calm(), 4, start=2)
    assert doses(agent, "settlement") == {}


def test_a_mission_closes_after_its_dwell_once_calm() -> None:
    agent = AGENTS["un"](Stub())
    drive(agent, DEADLY, 6)
    closed = [month for month, action in drive(agent, calm(influence=0.0), 40, start=6) if "closes" in action.what]
    assert closed == [20]
    assert doses(agent, "mission_police") == {}


# State ----------------------------------------------------------------------------------------------------


def test_hosts_consent_after_the_delay_and_only_where_they_are_targeted() -> None:
    agent = AGENTS["state"](Stub(host_delay=3.0))
    ((month, action),) = answers(agent, replace(calm(), scripted=True), proposal("host", (0.5, 0.5, 0.0)))
    assert (month, type(action), action.host) == (3, Approve, 0)  # type: ignore[attr-defined]
    assert answers(agent, calm(), proposal("host", (0.0, 1.0, 0.0))) == []


def test_a_host_close_to_the_external_power_declines_unless_scripted() -> None:
    close = replace(calm(influence=0.9), alignment=[0.1] * 3)
    assert isinstance(answers(AGENTS["state"](Stub()), close, proposal("host"))[0][1], Refuse)
    assert isinstance(answers(AGENTS["state"](Stub()), replace(close, scripted=True), proposal("host"))[0][1], Approve)


def test_police_move_to_the_tensest_tenth_and_the_mean_stays() -> None:
    agent = State(Stub(police_reserve=0.3), "government (AAA)", 0)
    picture = replace(calm(), district_tension=[0.5, 0.2, 0.2, 0.2, *[0.2] * 8])
    (move,) = [action for action in decide(agent, picture, 0) if isinstance(action, SetHotSpots)]
    assert move.state == 0
    assert np.average(move.multipliers, weights=agent.people) == pytest.approx(1.0)
    assert max(move.multipliers) == move.multipliers[0] > 1.0
    assert set(move.multipliers[1:]) == {0.7}
    nearly = replace(calm(), district_tension=[0.5, 0.52, 0.2, 0.2, *[0.2] * 8])
    assert not any(isinstance(action, SetHotSpots) for _, action in drive(agent, nearly, 30, start=1))


def posture_after(agent: Institution, picture: Situation, months: int, start: int, level: int) -> int:
    """Posture to the second community after months in which the model carries out what the state decides."""
    for month in range(start, start + months):
        for action in decide(agent, replace(picture, posture=[0, level, 0, 0, 0, 0]), month):
            if isinstance(action, SetPosture):
                assert abs(action.level - level) == 1
                level = action.level
    return level


def test_postures_harden_after_two_months_never_to_war_and_soften_after_six() -> None:
    agent = AGENTS["state"](Stub())
    assert posture_after(agent, WAR, 1, 0, 0) == 0
    assert posture_after(agent, WAR, 1, 1, 0) == 1
    level = posture_after(agent, WAR, 30, 2, 1)
    assert level == REPRESS
    assert posture_after(agent, calm(), 5, 32, level) == REPRESS
    assert posture_after(agent, calm(), 1, 37, level) == REPRESS - 1
    assert posture_after(agent, calm(), 30, 38, REPRESS - 1) == 0
    small = replace(WAR, fighters=[0, 60, 0, 0, 0, 0])
    assert posture_after(AGENTS["state"](Stub()), small, 12, 0, 0) == 0


def test_concessions_are_likelier_under_pressure_and_rarer_under_outbidding() -> None:
    agent = State(Stub(), "government (AAA)", 0)
    quiet = agent.concession_chance(calm())
    assert agent.concession_chance(calm(peak_participation=0.02)) > quiet
    assert agent.concession_chance(calm(civic_space=0.2)) < quiet
    assert agent.concession_chance(calm(tension=0.7)) < quiet
    agent.year_of_deaths = [1.0] * 12
    assert agent.concession_chance(calm()) > quiet


def test_a_concession_is_yearly_once_for_a_community_and_not_while_it_is_repressed() -> None:
    agent = State(Stub(), "government (AAA)", 0)
    agent.uniform_draw = lambda number: 0.0  # type: ignore[method-assign]
    repressed = replace(WAR, posture=[0, REPRESS, 0, 0, 0, 0])
    assert not any("concedes" in what for what in said(drive(agent, repressed, 24)))
    done = drive(agent, calm(), 60, start=24)
    assert [month for month, action in done if "concedes" in action.what] == [35]
    assert doses(agent, "exclusion") == {(0,): 1.0}


def test_reform_advances_stalls_and_goes_back() -> None:
    agent = AGENTS["state"](Stub())
    drive(agent, calm(credibility=0.8), 3)
    assert doses(agent, "reform_political")[(0,)] > 0.2
    assert "stalls reform" in said(drive(agent, calm(credibility=0.2), 14, start=3))
    assert doses(agent, "reform_political") == {}
    assert "takes back reform" in said(drive(agent, calm(credibility=0.02, corruption=0.9), 14, start=17))
    assert doses(agent, "reform_security")[(0,)] < -0.1


def test_states_arm_when_the_dispute_is_open_and_worse_than_at_the_start() -> None:
    worse = replace(calm(), dispute=[[0.0, 0.8, 0.1], [0.8, 0.0, 0.1], [0.1, 0.1, 0.0]])
    agent = AGENTS["state"](Stub())
    assert "arms against BBB" in said(drive(agent, worse, 3))
    assert doses(agent, "dispute") == {(0, 1): 1.0}
    old = Stub()
    old.situation = worse
    assert "arms against BBB" not in said(drive(State(old, "government (AAA)", 0), worse, 12))


def test_able_states_offer_peacekeepers() -> None:
    assert "peacekeepers offered" in said(drive(AGENTS["state"](Stub()), calm(capacity=0.6), 2))
    assert "peacekeepers offered" not in said(drive(AGENTS["state"](Stub()), calm(capacity=0.4), 2))


# European Union, regional body ----------------------------------------------------------------------------


def test_the_promise_rises_after_a_step_and_fades_without_one() -> None:
    agent = EuropeanUnion(Stub(), "European Union")
    drive(agent, calm(), 10)
    assert agent.promise[0] == pytest.approx(0.4)
    drive(agent, replace(calm(), news=(("accession", 0),)), 1, start=10)
    drive(agent, calm(), 4, start=11)
    assert agent.promise[:2] == [pytest.approx(0.5), pytest.approx(0.35)]
    drive(agent, calm(), 300, start=15)
    assert agent.promise[0] == 0.1
    drive(agent, replace(calm(), news=(("accession", 0),)), 100, start=315)
    assert agent.promise[0] == 0.9


def test_members_are_left_alone() -> None:
    agent = AGENTS["eu"](Stub(milestones=(("BBB", "eu", 2013),)))
    drive(agent, calm(reform_political=0.3), 24)
    assert (1,) not in doses(agent, "credibility")
    assert (0,) in doses(agent, "credibility")


def test_funds_follow_merit_and_two_reversals_cost_them() -> None:
    agent = AGENTS["eu"](Stub())
    assert doses(agent, "reform_economic") == {}
    drive(agent, with_outcome(calm(), "credibility", 0, 0.75), 1)
    assert doses(agent, "reform_economic") == {(0,): pytest.approx(0.5)}
    first = drive(agent, calm(reform_political=0.3), 1, start=1)
    assert said(first) == ["warns AAA", "warns BBB", "warns CCC"]
    second = drive(agent, calm(reform_political=0.1), 1, start=2)
    assert said(second)[0] == "withdraws funds from AAA"
    assert doses(agent, "reform_economic")[(0,)] == -1.0
    early = drive(agent, replace(calm(reform_political=0.1), news=(("accession", 0),)), 1, start=12)
    late = drive(agent, replace(calm(reform_political=0.1), news=(("accession", 0),)), 1, start=40)
    assert (said(early), said(late)) == ([], ["restores funds to AAA"])


def test_contributors_approve_only_when_most_states_can() -> None:
    few = with_outcome(with_outcome(calm(), "capacity", 0, 0.4), "capacity", 1, 0.4)
    assert isinstance(answers(AGENTS["regional"](Stub()), calm(), proposal("contributors"))[0][1], Approve)
    assert isinstance(answers(AGENTS["regional"](Stub()), few, proposal("contributors"))[0][1], Refuse)


def test_borders_are_patrolled_only_where_both_sides_join() -> None:
    agent = AGENTS["regional"](Stub())
    drive(agent, with_outcome(calm(crime=0.6), "capacity", 0, 0.4), 3)
    assert doses(agent, "enforcement") == {(1, 2): 1.0}
    quarrel = replace(calm(crime=0.6), dispute=[[0.0, 0.8, 0.1], [0.8, 0.0, 0.8], [0.1, 0.8, 0.0]])
    assert doses(AGENTS["regional"](Stub()), "enforcement") == {}
    agent = AGENTS["regional"](Stub())
    drive(agent, quarrel, 3)
    assert doses(agent, "enforcement") == {}


def test_one_exercise_a_year_that_everybody_hears_of() -> None:
    agent = AGENTS["regional"](Stub())
    done = drive(agent, calm(), 37)
    assert [month for month, action in done if "exercise" in action.what] == [12, 24, 36]
    assert sum(getattr(action, "kind", "") == "exercise" for _, action in done) == 9


# Civil society --------------------------------------------------------------------------------------------


def moved(agent: Institution, *activities: Activity) -> dict[int, float]:
    """Change of weight by programme."""
    picture = replace(calm(youth_unemployment=0.44, legitimacy=0.25), activities=activities)
    return {a.uid: a.change for a in decide(agent, picture, 0) if isinstance(a, SetWeight)}


def test_programmes_move_towards_voiced_needs_and_no_euro_is_lost() -> None:
    programmes = [
        running(1, "I27", 10.0),
        running(2, "I23", 20.0, (0.5, 0.5, 0.0)),
        running(3, "I6", 4.0, (0.25, 0.75, 0.0)),
    ]
    changes = moved(AGENTS["civil society"](Stub()), *programmes)
    assert changes[1] == pytest.approx(-0.3)
    assert changes[3] == pytest.approx(-0.3 * 0.25)
    assert changes[2] > 0.0
    assert sum(changes[one.uid] * one.meur_per_year for one in programmes) == pytest.approx(0.0, abs=1e-12)


def test_deployments_and_programmes_that_end_are_not_touched() -> None:
    agent = AGENTS["civil society"](Stub())
    assert (
        moved(
            agent,
            running(1, "I11", 10.0, persons=True),
            running(2, "I23", 20.0),
            running(3, "I27", 5.0, left=0),
        )
        == {}
    )
    small = moved(AGENTS["civil society"](Stub()), running(1, "I27", 1000.0), running(2, "I23", 1.0))
    assert small[2] == pytest.approx(1.0)
    assert small[1] == pytest.approx(-0.001)


def test_nobody_listens_without_reach_or_civic_space() -> None:
    agent = CivilSociety(Stub(), "civil society (AAA)", 0)
    agent.trust = 0.1
    assert moved(agent, running(1, "I27", 10.0), running(2, "I23", 20.0)) == {}
    assert doses(agent, "information") == {}
    heard = AGENTS["civil society"](Stub())
    moved(heard)
    assert doses(heard, "information") == {(0,): pytest.approx(0.35)}


def test_trust_grows_with_needs_served_and_falls_with_repression() -> None:
    agent = CivilSociety(Stub(), "civil society (AAA)", 0)
    moved(agent, running(2, "I23", 20.0))
    served = replace(calm(youth_unemployment=0.44), activities=(running(2, "I23", 20.0),))
    drive(agent, served, 5, start=1)
    assert agent.trust == pytest.approx(0.55)
    drive(agent, replace(calm(), posture=[0, REPRESS, 0, 0, 0, 0]), 10, start=6)
    assert agent.trust == pytest.approx(0.35)


def test_needs_change_only_when_clearly_beaten() -> None:
    agent = CivilSociety(Stub(), "civil society (AAA)", 0)
    drive(agent, calm(), 1)
    before = agent.voiced
    assert "dialogue" not in before
    half = replace(calm(), district_tension=[0.6, 0.6, 0.6, *[0.2] * 9])
    assert sum(agent.people[:3]) > 0.5 * sum(agent.people)
    agent.people = [50_000.0, 250_000.0, 214_000.0, 486_000.0]
    drive(agent, half, 12, start=1)
    assert agent.voiced == before, "51.4 against 48.6 % of residents is no clear win"
    agent.people = [50_000.0, 250_000.0, 350_000.0, 350_000.0]
    drive(agent, half, 7, start=13)
    assert "dialogue" in agent.voiced


def test_every_district_reports_two_needs_and_the_state_voices_what_most_residents_ask_for() -> None:
    agent = CivilSociety(Stub(), "civil society (AAA)", 0)
    picture = replace(
        calm(legitimacy=0.8, youth_unemployment=0.1, tension=0.1),
        district_youth_unemployment=[0.1, 0.4, 0.1, 0.4, *[0.9] * 8],
        district_tension=[0.1, 0.1, 0.6, 0.6, *[0.9] * 8],
    )
    needs = agent.needs(picture)
    assert needs["jobs"] == pytest.approx(0.6)
    assert needs["dialogue"] == pytest.approx(0.7)
    assert needs["hazards"] == pytest.approx(0.65)
    assert needs["fair policing"] == 0.0
    drive(agent, picture, 1)
    assert agent.voiced == ("dialogue", "hazards")


# External power, crime network ----------------------------------------------------------------------------


def test_it_pushes_two_states_and_keeps_to_its_resources() -> None:
    agent = AGENTS["external power"](Stub())
    drive(agent, calm(), 1)
    assert set(doses(agent, "influence")) == {(0,), (1,)}
    everywhere = tuple((kind, s) for kind in ("accession", "exercise") for s in range(N))
    for month in range(1, 40):
        decide(agent, replace(calm(), news=everywhere), month)
        assert sum(doses(agent, "influence").values()) <= CATALOGUE["power_resources"].default + 0.05


def test_it_steps_up_after_enlargement_and_calms_down_by_half_in_nine_months() -> None:
    agent = ExternalPower(Stub(reaction_halflife=9.0), "external power")
    drive(agent, replace(calm(), news=(("accession", 2),)), 1)
    first = doses(agent, "influence")[(2,)]
    drive(agent, calm(), 9, start=1)
    assert first == pytest.approx(0.75)
    assert doses(agent, "influence")[(2,)] == pytest.approx(0.375, abs=0.02)
    near = AGENTS["external power"](Stub())
    drive(near, replace(calm(), activities=(running(1, "I6", 1.0, (0.0, 0.0, 1.0)),)), 1)
    assert (2,) in doses(near, "influence")


def test_exposure_has_a_cost() -> None:
    agent = AGENTS["external power"](Stub())
    provoked = replace(calm(), news=tuple(("accession", s) for s in range(N)))
    log = drive(agent, provoked, 36)
    assert said(log).count("lies low") == 1
    assert sum(doses(agent, "influence").values()) <= 0.25 * CATALOGUE["power_resources"].default + 0.05
    assert "is active again" in said(drive(agent, calm(), 60, start=36))


def test_a_crime_network_does_nothing_at_the_start_level() -> None:
    agent = AGENTS["crime network"](Stub())
    assert drive(agent, calm(), 60) == []
    assert not agent.reactive


def test_bribes_where_it_grew_and_arms_where_it_is_tense() -> None:
    agent = AGENTS["crime network"](Stub())
    assert said(drive(agent, calm(crime=0.45, tension=0.35), 3)) == ["bribes officials", "sells arms"]
    assert doses(agent, "corruption") == {(0,): pytest.approx(0.5)}
    assert doses(agent, "arms_inflow") == {(0,): 1.0}
    assert said(drive(agent, calm(), 12, start=3)) == ["stops bribes", "stops selling arms"]
    assert doses(agent, "corruption") == doses(agent, "arms_inflow") == {}


# In a world -----------------------------------------------------------------------------------------------


@lru_cache
def world(region: str = "twin_valleys", citizens: int = 640) -> tuple[Region, Population, Setting]:
    loaded = load_region(find_region(region), 2024)
    people = synthesise(loaded, citizens)
    return loaded, people, prepare(loaded, people)


def spec(folder: Path, text: str = "", months: int = 24, mode: str = "adaptive") -> Scenario:
    path = folder / "case.yaml"
    head = f"format: 1\ntitle: case\nregion: twin_valleys\nstart: 2024-01\nmonths: {months}\n"
    path.write_text(f"{head}institutions: {mode}\n{text}")
    return load_scenario(path)


def run(scenario: Scenario, seed: int = SEED) -> RunResult:
    region, people, setting = world()
    return simulate(scenario, region, people, seed, setting=setting if not scenario.parameters else None)


def digest(result: RunResult) -> str:
    return hashlib.sha256(result.series.tobytes() + result.places.tobytes()).hexdigest()


TURMOIL = """
shocks:
  rumour: {type: rumour, targets: {states: [AAA], communities: [amber]}, at: 2024-03, magnitude: 1.4}
  arms: {type: arms_inflow, at: 2024-02}
  status: {type: status_declaration, at: 2024-05}
"""
PACKAGE = """
interventions:
  jobs: {type: I23, start: 2024-02, months: 12, intensity: 0.5, meur_per_year: 9}
  culture: {type: I27, start: 2024-02, intensity: 0.5, meur_per_year: 4}
  awareness: {type: I25, targets: {states: [AAA]}, start: 2024-04, intensity: 0.5, meur_per_year: 6}
  police: {type: I2, start: 2024-06, intensity: 0.5, meur_per_year: 5, approval: none}
"""


def test_adaptive_runs_are_repeatable_and_differ_from_scripted(tmp_path: Path) -> None:
    adaptive = run(spec(tmp_path, TURMOIL))
    again = run(spec(tmp_path, TURMOIL))
    assert digest(adaptive) == digest(again)
    assert adaptive.decisions == again.decisions
    assert digest(adaptive) != digest(run(spec(tmp_path, TURMOIL, mode="scripted")))
    assert digest(adaptive) != digest(run(spec(tmp_path, TURMOIL), SEED + 1))


def test_scripted_runs_do_not_notice_the_institutions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = spec(tmp_path, TURMOIL + PACKAGE, mode="scripted")
    full = run(scenario)
    roster = sim.model.month.institutions
    monkeypatch.setattr(sim.model.month, "institutions", lambda model: [a for a in roster(model) if not a.reactive])
    assert digest(run(scenario)) == digest(full)


@pytest.mark.parametrize("mode", ["scripted", "adaptive"])
def test_an_idle_institution_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    class Idle(Institution):
        reactive = False

        def prepare(self) -> None:
            self.handle("tension", 1.0, [0])
            self.seen: list[int] = []

        def decide(self, picture: Situation) -> list[Action]:
            self.seen.append(picture.month)
            return self.dose(0, 0.0)

    scenario = spec(tmp_path, TURMOIL + PACKAGE, mode=mode)
    plain = run(scenario)
    roster = sim.model.month.institutions
    made: list[Idle] = []

    def larger(model: StabilityModel) -> list[Institution]:
        made.append(Idle(model, "idle"))
        return [made[-1], *roster(model)]

    monkeypatch.setattr(sim.model.month, "institutions", larger)
    assert digest(run(scenario)) == digest(plain)
    assert made[0].seen == list(range(24))


APPROVALS = """
interventions:
  forces: {type: I1, start: 2024-02, intensity: 0.5}
  troops: {type: I11, targets: {states: [AAA]}, start: 2024-02, months: 6, troops: 500}
  police: {type: I2, start: 2024-02, intensity: 0.5}
"""


def histories(scenario: Scenario) -> dict[str, list[tuple[int, str]]]:
    """Each programme's history by key."""
    region, people, setting = world()
    model = StabilityModel(scenario, setting, SEED)
    while model.month < scenario.months:
        model.step()
    return {one.key: one.history for one in model.programmes.deliveries}


def test_scripted_approvals_come_on_time(tmp_path: Path) -> None:
    """Allies after 6 months, troops 3 later, hosts after 3, counted from the request in month 1."""
    told = histories(spec(tmp_path, APPROVALS, mode="scripted"))
    assert told["forces"] == [(1, "proposed"), (7, "deploying"), (7, "running")]
    assert told["troops"] == [(1, "proposed"), (7, "deploying"), (10, "running"), (16, "ended")]
    assert told["police"] == [(1, "proposed"), (4, "deploying"), (4, "running")]


def test_divided_allies_refuse_in_a_run(tmp_path: Path) -> None:
    split = "shocks:\n  split: {type: alliance_division, at: 2024-08, months: 2}\n"
    told = histories(spec(tmp_path, APPROVALS + split, mode="scripted"))
    assert told["forces"] == told["troops"] == [(1, "proposed"), (7, "refused")]
    healed = histories(spec(tmp_path, APPROVALS + split.replace("2024-08", "2024-06"), mode="scripted"))
    assert healed["forces"][1] == (7, "deploying")


def test_all_hosts_must_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = State.answer

    def stubborn(self: State, picture: Situation) -> list[Action]:
        if self.state == 0:
            return answer(self, picture)
        return [Refuse("declines", "no", one.uid) for one in picture.proposals("host") if picture.month == 8]

    monkeypatch.setattr(State, "answer", stubborn)
    told = histories(spec(tmp_path, APPROVALS, mode="scripted"))
    assert told["police"] == [(1, "proposed"), (8, "refused")]


def test_weights_conserve_the_budget_every_month(tmp_path: Path) -> None:
    """Programmes start and end while forums redirect them; what is spent is what was planned."""
    scenario = spec(tmp_path, PACKAGE, months=20)
    _, _, setting = world()
    model = StabilityModel(scenario, setting, SEED)
    changed = False
    while model.month < scenario.months:
        model.step()
        active = [one for one in model.programmes.deliveries if one.status == "running"]
        planned = sum(one.meur_per_year for one in active) / 12.0
        assert model.world.recorder.series[model.month - 1, :, OUTCOME_INDEX["cost"]].sum() == pytest.approx(planned)
        changed = changed or any(one.weight != 1.0 for one in active)
    assert changed


def test_the_log_reads_like_sentences(tmp_path: Path) -> None:
    result = run(spec(tmp_path, TURMOIL + PACKAGE, months=36))
    assert len(result.decisions) > 20
    for one in result.decisions:
        assert one.agent
        assert one.what
        assert one.why
        assert len(one.what) < 80
        assert "{" not in one.what + one.why
    agents = {one.agent.split(" (")[0] for one in result.decisions}
    assert {"government", "NATO", "regional body", "civil society", "external power"} <= agents


@pytest.mark.parametrize("seed", range(4))
def test_ten_adaptive_years_are_stable(tmp_path: Path, seed: int) -> None:
    """No runaway, and nobody reverses a choice more often than dwell times allow."""
    result = run(spec(tmp_path, TURMOIL, months=120), seed)
    levels = [OUTCOME_INDEX[n] for n in ("tension", "crime", "corruption", "influence", "capacity", "reform_political")]
    assert result.series[-12:][:, :, levels].min() > 0.01
    assert result.series[-12:][:, :, levels].max() < 0.9
    drift = np.abs(result.series[-12:][:, :, levels].mean(0) - result.series[0][:, levels]).max()
    assert drift < 0.2
    for verb in (
        "withdraws its mission",
        "closes its mission",
        "stalls reform",
        "is no longer heard",
        "lies low",
    ):
        counts: dict[str, int] = {}
        for one in result.decisions:
            if verb in one.what:
                counts[one.agent + one.what] = counts.get(one.agent + one.what, 0) + 1
        assert max(counts.values(), default=0) <= 5, verb


def test_monitors_sharpen_the_picture(tmp_path: Path) -> None:
    """International monitors on the ground remove noise for everybody, up to ``monitor_information``."""
    _, _, setting = world()
    model = StabilityModel(spec(tmp_path), setting, SEED)
    model.step()
    assert model.information == [0.0, 0.0]
    model.world.levers.totals["observers"][0] = 1e6
    model.step()
    assert model.information[0] >= setting.parameters.monitor_information > 0.0
    assert model.information[1] < model.information[0]


def test_noise_falls_with_information() -> None:
    model = Stub(observation_noise=0.05)
    agent = Nato(model, "NATO")
    model.information = [0.0, 0.5, 1.0]
    errors = []
    for month in range(400):
        model.month = month
        errors.append(np.array(agent.observe(calm()).outcomes["tension"]) - 0.2)
    blind, half, clear = np.std(errors, axis=0)
    assert blind == pytest.approx(0.05, rel=0.15)
    assert half == pytest.approx(0.025, rel=0.15)
    assert clear == 0.0
