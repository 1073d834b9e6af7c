"""Every parameter changes something: perturb each one where its mechanism is switched on, and look at what is recorded.

A parameter that nothing reads, or that is read and never acts, fails here. The baseline solve is kept: a difference
comes through the mechanism itself, not through the intercepts, except for the two targets that the solve is for.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pytest

from sim.agents.base import Situation
from sim.model.month import StabilityModel
from sim.parameters import CATALOGUE, Parameter, parameters
from sim.population import synthesise
from sim.region import Region, find_region, load_region
from sim.scenario import Scenario, load_scenario
from sim.types import Array
from sim.world.geography import build_geography
from sim.world.presence import standing_missions
from sim.world.start import build_fields
from sim.world.world import Setting, prepare
from tests.test_institutions import AGENTS, N, Stub, calm, proposal, running

CITIZENS = 640
SEEDS = range(8)
"""Runs tried in turn: a rare choice (a group forms, a mission leaves) may turn in only one of them."""
EXCEPTIONS: dict[str, str] = {}
"""Parameters that change nothing, each with the reason. There is none."""


@dataclass(frozen=True)
class Case:
    """A small world in which some mechanisms are on: mode, months, text of its scenario, parameters.

    ``levers`` are pulled everywhere for the whole run, ``expulsion`` is the policy towards the second community.
    """

    mode: str
    months: int
    text: str = ""
    parameters: tuple[tuple[str, float], ...] = ()
    levers: tuple[tuple[str, float], ...] = ()
    expulsion: float = 0.0


RESTLESS = (
    ("quiet_participation", 3e-4), ("violent_share", 0.1), ("incident_rate", 0.1), ("lethal_share", 0.4),
    ("communal_tail", 2.0), ("spark_rate", 0.2), ("focal_rate", 6.0), ("cascade_share", 1e-3),
    ("state_spread", 0.4), ("half_peer", 0.005), ("flight_deaths", 0.05),
)  # fmt: skip
WARLIKE = (
    ("group_hazard", 0.15), ("recruitment", 0.005), ("fighter_cap", 0.05), ("armed_event_rate", 0.01),
    ("settle_rate", 0.04), ("relapse_rate", 1.0), ("armed_tail", 2.0), ("armed_cap", 500.0),
    ("quiet_participation", 3e-4), ("violent_share", 0.1), ("incident_rate", 0.1), ("lethal_share", 0.4),
    ("flight_deaths", 0.05), ("council_veto", 0.1), ("spark_rate", 0.2), ("observation_noise", 0.15),
)  # fmt: skip
DIPLOMATIC = (
    *RESTLESS, ("mandate_deaths", 5.0), ("council_veto", 0.9), ("mission_on", 0.4), ("mission_off", 0.39),
    ("credibility_gain", 0.04),
)  # fmt: skip
DECADES = (
    ("group_hazard", 0.05), ("recruitment", 0.005), ("fighter_cap", 0.05), ("armed_event_rate", 0.005),
    ("settle_rate", 0.05), ("relapse_rate", 0.5),
)  # fmt: skip
UNREST = """
shocks:
  rumour: {type: rumour, targets: {states: [AAA], communities: [amber]}, at: 2024-03, magnitude: 1.5}
  campaign: {type: nationalist_campaign, at: 2024-02, magnitude: 2.0}
  layoffs: {type: mass_layoffs, at: 2024-01, magnitude: 1.0}
  rivalry: {type: power_rivalry, at: 2024-02, magnitude: 1.0}
  neglect: {type: cyber_neglect, at: 2024-01}
  energy: {type: energy_cutoff, at: 2024-03, magnitude: 2.0}
  attack: {type: cyber_attack, at: 2024-02, magnitude: 2.0}
  fall: {type: government_collapse, targets: {states: [AAA]}, at: 2024-02}
  arms: {type: arms_inflow, targets: {states: [BBB]}, at: 2024-02}
interventions:
  police: {type: I2, targets: {states: [AAA]}, start: 2024-01, intensity: 1.0, approval: none}
  troops: {type: I11, targets: {states: [AAA]}, start: 2024-01, troops: 300, approval: none}
  borders: {type: I17, targets: {states: [AAA]}, start: 2024-01, intensity: 1.0, approval: none}
  integration: {type: I31, start: 2024-01, intensity: 1.0, approval: none}
"""
WAR = """
shocks:
  arms: {type: arms_inflow, at: 2024-01, magnitude: 2.0}
  campaign: {type: nationalist_campaign, at: 2024-01, magnitude: 1.0}
interventions:
  troops: {type: I11, targets: {states: [BBB]}, start: 2024-06, months: 30, troops: 400, approval: none}
"""
INSTITUTIONS = """
shocks:
  campaign: {type: nationalist_campaign, at: 2024-12, magnitude: 2.0}
  status: {type: status_declaration, at: 2025-04, magnitude: 1.0}
  rivalry: {type: power_rivalry, targets: {states: [AAA]}, at: 2025-01, magnitude: 1.0}
  rumour: {type: rumour, targets: {states: [AAA], communities: [amber]}, at: 2024-10, week: 3, magnitude: 1.0}
interventions:
  a: {type: I2, targets: {states: [AAA]}, start: 2024-04, months: 3, intensity: 0.3, approval: council}
  b: {type: I2, targets: {states: [AAA]}, start: 2025-02, months: 3, intensity: 0.3, approval: council}
  c: {type: I2, targets: {states: [AAA]}, start: 2025-05, months: 3, intensity: 0.3, approval: council}
  d: {type: I2, targets: {states: [AAA]}, start: 2025-07, months: 3, intensity: 0.3, approval: council}

  jobs: {type: I23, start: 2024-02, months: 12, intensity: 0.5, meur_per_year: 9}
  culture: {type: I27, start: 2024-02, intensity: 0.5, meur_per_year: 4}
  forces: {type: I1, start: 2024-02, intensity: 0.5}
  troops: {type: I11, targets: {states: [AAA]}, start: 2024-02, months: 6, troops: 500}
  police: {type: I2, start: 2024-06, intensity: 0.5, meur_per_year: 5}
"""
ALARM = """
shocks:
  campaign: {type: nationalist_campaign, at: 2024-03, magnitude: 1.5}
"""
HISTORY = """
shocks:
  rising: {type: uprising, targets: {states: [BBB], communities: [amber]}, at: 2024-01, months: 30}
  war: {type: posture, targets: {states: [BBB], communities: [amber]}, at: 2024-02, months: 28, posture: war}
interventions:
  mines: {type: I19, start: 2024-01, intensity: 1.0, approval: none}
"""
CASES = {
    "history": Case("scripted", 30, HISTORY, WARLIKE),
    "unrest": Case("scripted", 18, UNREST, RESTLESS, (("energy", 0.5), ("civic_space", 0.5), ("exclusion", -0.5))),
    "war": Case("adaptive", 60, WAR, WARLIKE, expulsion=0.2),
    "institutions": Case("adaptive", 48, INSTITUTIONS, DIPLOMATIC, (("observers", 60.0),)),
    "alarm": Case("adaptive", 48, ALARM, (("mission_on", 0.3), ("mission_off", 0.25), ("mission_full", 25.0))),
    "decades": Case("scripted", 240, "", DECADES),
}
BY_FAMILY = {
    "mobilisation": "unrest", "conduct": "unrest", "armed": "war", "fields": "unrest", "institutions": "institutions",
}  # fmt: skip
ELSEWHERE: dict[str, str] = {
    **dict.fromkeys(("b_violence_armed", "b_violence_repression", "flight_expulsion"), "war"),
    **dict.fromkeys(("tension_repression", "legitimacy_repression", "kin_shield", "crime_fighters"), "war"),
    **dict.fromkeys(("police_capacity", "troop_riot_role"), "unrest"),
    **dict.fromkeys(("bribes_size", "arms_sales", "mission_pool", "spoiler_size"), "war"),
    **dict.fromkeys((name for name in CATALOGUE if name.startswith("b_group_")), "decades"),
    "mission_dwell": "alarm",
    **dict.fromkeys(("posture_war", "war_access", "mined_full"), "history"),
    **dict.fromkeys(("settle_shape", "relapse_halflife"), "decades"),
}
"""Parameters whose mechanism another case switches on."""
SOLVED = ("violent_share",)
"""Targets of the baseline solve: they act through the intercepts, so here the solve is done again."""
VALUES = {
    "hot_moving": 1.0,
    "arms_least": 0.5,
    "crowd": 200.0,
    "mission_pool": 1000.0,
    "mission_crowd": 0.002,
    "reform_incentive": 2.4,
    "state_draw": 7.0,
}
"""Perturbed values where neither end of the plausible range is a change."""


@lru_cache
def scenario(folder: Path, name: str) -> Scenario:
    case = CASES[name]
    path = folder / f"{name}.yaml"
    head = f"format: 1\ntitle: {name}\nregion: twin_valleys\nstart: 2024-01\nmonths: {case.months}\n"
    path.write_text(f"{head}institutions: {case.mode}\n{case.text}")
    return load_scenario(path)


@lru_cache
def setting(name: str) -> Setting:
    """The invented region, with some displaced persons of an older war."""
    plain = load_region(find_region("twin_valleys"), 2024)
    region = replace(plain, displaced=np.array([500, 100]))
    return prepare(region, synthesise(region, CITIZENS), dict(CASES[name].parameters))


def recorded(spec: Scenario, made: Setting, seed: int) -> Array:
    """All that one run records, and its fields at the end."""
    model = StabilityModel(spec, made, seed)
    case = CASES[spec.key]
    for lever, size in case.levers:
        number = model.open_handle(lever, size, range(made.region.n_states), 0.0, 0.0)
        model.handles.set_dose(number, 1.0)
    model.world.expulsion[1] = case.expulsion
    while model.month < spec.months:
        model.step()
    fields = [np.ravel(field) for field in model.world.fields]
    return np.concatenate([model.world.recorder.series.ravel(), model.world.recorder.places.ravel(), *fields])


@cache
def as_it_is(folder: Path, name: str, seed: int) -> Array:
    return recorded(scenario(folder, name), setting(name), seed)


def perturbed(known: Parameter, present: float) -> float:
    """The end of the plausible range that is farther from the present value."""
    return VALUES.get(known.name, max(known.low, known.high, key=lambda end: abs(end - present)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cases")


def restless(seed: int, months: int) -> Iterator[Situation]:
    """Months of anything: levels that wander over their whole range, wars that begin and end, proposals and news."""
    rng = np.random.default_rng(seed)
    names = list(calm().outcomes)
    at = {name: rng.uniform(0.0, 1.0, N) for name in names}
    war, dispute = np.zeros(N, bool), rng.uniform(0.0, 1.0, (N, N))
    districts = rng.uniform(0.0, 1.0, (3, 12))
    fighters = np.zeros(2 * N)
    for month in range(months):
        if month % (16, 5, 16)[seed % 3] == 0:  # where everything drifts to for a while
            goal = {name: rng.uniform(0.0, 1.0, N) for name in names}
            war, peace = rng.uniform(size=N) < 0.5, rng.uniform(size=N) < 0.5
            dispute, posture = rng.uniform(0.0, 1.0, (N, N)), rng.integers(0, 4, 2 * N)
        pace = 0.25 if month % 48 < 32 else 0.02
        at = {name: at[name] + pace * (goal[name] - at[name]) for name in names}
        districts = np.clip(districts + rng.normal(0.0, 0.15, districts.shape), 0.0, 1.0)
        fighters = np.where(np.repeat(war, 2), 0.9 * fighters + rng.uniform(0.0, 60.0, 2 * N), 0.7 * fighters)
        quiet = 0.01 if month % 96 < 48 else 1.0
        scale = {"population": 1e6, "displaced": 1e5, "troops": 8e3}
        scale |= {"armed_deaths": 60.0 * quiet, "communal_deaths": 10.0 * quiet}
        outcomes = {name: (value * scale.get(name, 1.0)).tolist() for name, value in at.items()}
        outcomes["peak_participation"] = (0.02 * at["peak_participation"]).tolist()
        waiting = [
            proposal(approval, uid=20 + k, since=month - 12, row=row, shares=(1.0, 0.0, 0.0), persons=True)
            for k, (approval, row) in enumerate(
                [("allies", "I14"), ("allies", "I11"), ("council", "I12"), ("host", "I2"), ("contributors", "I7")]
            )
        ]
        begun = [
            running(40 + k, row, 5.0 + k, since=month - (k % 2)) for k, row in enumerate(("I23", "I2", "I3", "I6"))
        ]
        news = [
            (kind, int(rng.integers(N))) for kind in ("no mandate", "accession", "exercise", "peacekeepers offered")
        ]
        yield replace(
            calm(), month=month, outcomes=outcomes, fighters=fighters.astype(int).tolist(),
            group_deaths=(fighters * rng.uniform(0.0, 0.3, 2 * N)).astype(int).tolist(),
            exclusion=rng.uniform(0.0, 1.0, 2 * N).tolist(), at_war=war.tolist(), after_war=(peace & ~war).tolist(),
            dispute=dispute.tolist(), posture=posture.tolist(), division=float(rng.uniform()), activities=(*waiting, *begun),
            district_tension=districts[0].tolist(), district_legitimacy=districts[1].tolist(),
            district_youth_unemployment=districts[2].tolist(),
            news=tuple(news[k] for k in range(4) if rng.uniform() < (0.3, 0.3, 0.02)[seed % 3]),
        )  # fmt: skip


@cache
def restless_years(seed: int) -> tuple[Situation, ...]:
    return tuple(restless(seed, 240))


def behaviour(agent: str, seed: int, name: str = "", value: float = 0.0) -> Iterator[list[object]]:
    """All that an institution opens, then what it answers and decides, month by month, in twenty restless years."""
    model = Stub(
        group_hazard=(0.02, 0.2)[seed % 2], relapse_rate=(1.0, 0.02)[seed % 2], **({name: value} if name else {})
    )
    model.situation = replace(calm(), dispute=((0.3, 0.72)[seed % 2] * (1 - np.eye(N))).tolist())
    model.kin_states, model.mission_dose = [(1,)] * 6, [0.4] * N
    model.levers = {"arms_inflow": 0.5}
    made = AGENTS[agent](model)
    yield [*model.opened, *model.paces]
    for picture in restless_years(seed):
        model.month, model.situation = picture.month, picture
        model.forces_against = [20.0 * max(picture.fighters)] * 6
        yield [*made.answer(picture), *made.decide(picture), vars(made).get("arms"), vars(made).get("status")]


@cache
def ordinary(agent: str, seed: int) -> tuple[list[object], ...]:
    return tuple(behaviour(agent, seed))


RULES = [
    *(name for name, known in CATALOGUE.items() if known.family == "rules"),
    "group_arms", "group_least", "group_fade", "kin_mission", "settle_spent", "arms_base", "arms_supply", "arms_seized",
    "arms_least", "attack_forces", "settled_after",
]  # fmt: skip


READERS = {
    name: [key for key, make in AGENTS.items() if f"p.{name}" in inspect.getsource(type(make(Stub())))] or list(AGENTS)
    for name in RULES
}
"""The institutions whose rules read each parameter; all, where it is read in what they share."""


@pytest.mark.parametrize("name", RULES)
def test_every_rule_changes_what_an_institution_does(name: str) -> None:
    known = CATALOGUE[name]
    ends = [VALUES[name]] if name in VALUES else [end for end in (known.low, known.high) if end != known.default]
    cases = ((agent, seed, end) for seed in range(8) for agent in READERS[name] for end in ends)
    assert any(
        changed != usual
        for agent, seed, end in cases
        for changed, usual in zip(behaviour(agent, seed, name, end), ordinary(agent, seed), strict=True)
    )


@lru_cache
def region_of(year: int) -> Region:
    return load_region(find_region("western_balkans"), year)


def at_the_start(year: int, **values: float) -> list[bytes]:
    """Neighbourhoods, fields and missions of a region before the first month."""
    region, p = region_of(year), parameters(values)
    geography = build_geography(region, p)
    missions = standing_missions(region, year, 12, p.mandate_limited)
    return [
        np.ascontiguousarray(array).tobytes() for array in (*geography, *build_fields(region, geography, p), missions)
    ]


AT_THE_START = [*(name for name, known in CATALOGUE.items() if known.family == "start"), "mandate_limited"]


@pytest.mark.parametrize("name", AT_THE_START)
def test_every_level_at_the_start_follows_its_parameter(name: str) -> None:
    value = perturbed(CATALOGUE[name], CATALOGUE[name].default)
    assert any(at_the_start(year, **{name: value}) != at_the_start(year) for year in (2002, 2012, 2024))


IN_A_WORLD = [name for name in CATALOGUE if name not in {*RULES, *AT_THE_START, *EXCEPTIONS}]


@pytest.mark.parametrize("name", IN_A_WORLD)
def test_every_parameter_changes_something(folder: Path, name: str) -> None:
    where = ELSEWHERE.get(name, BY_FAMILY[CATALOGUE[name].family])
    base = setting(where)
    values = dict(CASES[where].parameters)
    present = values.get(name, CATALOGUE[name].default)
    values[name] = perturbed(CATALOGUE[name], present)
    assert values[name] != present
    solve = None if name in SOLVED else base.solve
    made = prepare(base.region, base.population, values, solve=solve)
    spec = scenario(folder, where)
    assert any(not np.array_equal(recorded(spec, made, seed), as_it_is(folder, where, seed)) for seed in SEEDS)


def test_exceptions_are_parameters() -> None:
    assert set(EXCEPTIONS) <= set(CATALOGUE)
    assert set(ELSEWHERE) <= set(CATALOGUE)
    assert set(ELSEWHERE.values()) <= set(CASES)
