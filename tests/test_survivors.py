"""Tests that planted bugs called for: each of these mistakes went unnoticed before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from checks.lab import FOLDER, Valley, minority, run, valley_model
from sim.agents.armed_group import CEASEFIRE, SETTLED
from sim.experiment import build_plan
from sim.experiment.plan import resolve_run
from sim.kernels.fields import update_fields
from sim.parameters.theories import THEORIES
from sim.scenario import load_scenario
from sim.types import CORRUPTION, OVERSIGHT
from sim.world.effects import FACTORS, Pulls, Reach, factor_table, make_pull
from sim.world.outcomes import OUTCOME_INDEX
from sim.world.world import WAR


def test_replications_share_random_draws_across_scenarios_and_points() -> None:
    """Bug ``own-draws``: seeds that differ by design point would unpair every sweep."""
    scenarios = [load_scenario(FOLDER / f"{name}.yaml") for name in ("valleys", "valleys_jobs")]
    plan = build_plan(
        scenarios,
        base_seed=1,
        replications=3,
        citizens=1000,
        region_hash="r",
        points=({}, {"b_peer": 2.0}, {"b_peer": 3.0}),
        model="m",
    )
    seeds = {(run.replication, run.seed) for run in plan.runs}
    assert len(plan.runs) == 18
    assert len(seeds) == 3
    assert len({seed for _, seed in seeds}) == 3


def test_capable_states_have_fewer_armed_groups() -> None:
    """Bug ``capacity-breeds-rebels``."""
    model = valley_model(Valley(months=12), 0)
    group, picture = minority(model, "AAA"), model.situation

    def hazard(capacity: float) -> float:
        outcomes = {**picture.outcomes, "capacity": [capacity] * 2}
        return group.formation_hazard(replace(picture, outcomes=outcomes))

    assert hazard(0.7) < hazard(0.5) < hazard(0.3)


def test_robust_missions_keep_the_peace() -> None:
    """Bug ``peace-is-dangerous``: at a random draw between the two hazards, war comes back only where nobody stands."""
    returned = {}
    for mission in ("none", "robust"):
        model = valley_model(Valley(mission=mission, months=12), 0)
        model.step()
        group = minority(model, "BBB")
        group.enter(CEASEFIRE, model.month)
        group.chance = lambda number: 0.003  # type: ignore[method-assign]
        returned[mission] = bool(group.after_war(replace(model.situation, month=model.month)))
    assert returned == {"none": True, "robust": False}


def test_kin_at_war_count_where_no_mission_stands() -> None:
    """Bug ``kin-shield-reversed``."""
    model = valley_model(Valley(months=12), 0)
    group = minority(model, "AAA")
    at_war = replace(model.situation, at_war=[False, True])
    felt = []
    for dose in (0.0, 1.0):
        model.mission_dose = [0.0, dose]
        felt.append(group.kin_at_war(at_war))
    assert felt == [1.0, 0.0]
    assert group.kin_at_war(replace(model.situation, at_war=[False, False])) == 0.0


def test_oversight_restrains_repression() -> None:
    """Bug ``oversight-represses``; the twin takes repression from the world, so it cannot see it."""
    world = valley_model(Valley(months=12), 0).world
    world.posture[0] = WAR
    felt = []
    for oversight in (0.2, 0.8):
        world.fields.slow[OVERSIGHT] = oversight
        world.set_inputs()
        felt.append(float(world.inputs.repression[0]))
    assert felt == pytest.approx([0.8, 0.2])


def test_a_programme_runs_its_months_and_spends_a_year_in_a_year() -> None:
    """Bugs ``a-month-too-long`` and ``a-year-each-month``."""
    model = run(valley_model(Valley(file="valleys_dialogue", months=15), 0))
    programme = model.programmes.deliveries[0]
    assert programme.history == [(0, "running"), (12, "ended")]
    assert programme.meur_per_year > 0
    assert programme.spent == pytest.approx(programme.meur_per_year)
    spent = model.world.recorder.series[:, :, OUTCOME_INDEX["cost"]].sum(axis=1)
    assert (spent > 0).tolist() == [True] * 12 + [False] * 3


def test_effects_are_absorbed_by_integrity_and_reach_by_residents_once() -> None:
    """Bugs ``absorbed-by-corruption`` and ``weight-twice``."""
    setting = valley_model(Valley(months=12), 0).setting
    g, fields = setting.geography, setting.fields
    slow = fields.slow.copy()
    slow[CORRUPTION] = (0.2, 0.7)  # the valleys have 0.5, which would show nothing
    absorbed = factor_table(fields._replace(slow=slow), np.zeros(2), np.zeros(2))[FACTORS.index("integrity")]
    assert absorbed == pytest.approx([0.8, 0.3])
    cells = np.flatnonzero(g.cell_district == 0)
    pull = make_pull("capacity", 2.0, Reach(cells), g, 0.0, 0.0)
    assert pull.weights == pytest.approx([2.0 * 30_000 / 142_000])


def test_a_dose_saturates_once() -> None:
    """Bug ``saturated-twice``: half a dose gives (1 - e^-1.5) / (1 - e^-3) of the effect, also if a ceiling halves it."""
    for dose, share in ((0.5, 1.0), (1.0, 0.5)):
        programme = valley_model(Valley(file="valleys_dialogue", months=12), 0).programmes.deliveries[0]
        programme.dose = dose
        programme.request(0)
        programme.deliver(share)
        assert programme.source.doses == pytest.approx([0.8175744761936437] * len(programme.source.pulls))


def test_a_shock_displaces_a_field_or_pushes_its_target_and_never_both() -> None:
    """Bug ``shock-twice``."""
    g = valley_model(Valley(months=12), 0).setting.geography
    once, pressing = (make_pull("tension", 0.5, Reach(np.arange(2)), g, 0.0, halflife) for halflife in (0.0, 6.0))
    source = Pulls([once, pressing])
    source.jump(0.8)
    assert source.impulses(0.8) == [(once, 0.8)]
    assert source.acting() == [(pressing, 0.8)]


def test_a_peace_is_settled_after_ten_years_and_not_before() -> None:
    """Bug ``settled-at-once``."""
    model = valley_model(Valley(months=12), 0)
    group = minority(model, "BBB")
    group.chance = lambda number: 0.999  # type: ignore[method-assign]
    group.enter(CEASEFIRE, 0)
    found = []
    for month in (1, 119, 120):
        group.after_war(replace(model.situation, month=month))
        found.append(group.status)
    assert found == [CEASEFIRE, CEASEFIRE, SETTLED]


def test_a_scenario_may_fix_a_softer_posture_than_the_state_would_take() -> None:
    """Bug ``script-only-hardens``."""
    world = valley_model(Valley(months=12), 0).world
    world.posture[:3] = WAR
    world.ordered[:3] = (-1, 0, 1)
    assert world.postures()[:3].tolist() == [WAR, 0, 1]


def test_contact_calms_what_stirs_tension_and_threat_feeds_it() -> None:
    """Bug ``contact-is-threat``: a year of repression under each stance."""
    risen = {}
    for stance in THEORIES["contact"].stances:
        model = valley_model(Valley(parameters=tuple(sorted(stance.parameters.items())), months=12), 0)
        world, s = model.world, model.setting
        world.set_inputs()
        world.inputs.repression[:] = 0.5
        for _ in range(12):
            update_fields(s.geography, world.fields, world.inputs, world.tallies, world.targets, s.record, s.rates)
        risen[stance.key] = float((world.fields.tension - s.fields.tension).mean())
    assert 0.0 < risen["contact"] < risen["none"] < risen["threat"]


def test_what_a_scenario_sets_lies_over_a_draw() -> None:
    """Bug ``draws-win``; a plan leaves out of a draw what is set, so that only this function could tell."""
    scenario = replace(load_scenario("baseline_2024"), parameters={"b_peer": 9.0})
    resolved = resolve_run(scenario, None, {}, {"b_peer": 1.0, "b_kin": 2.0})
    assert resolved.parameters == {"b_kin": 2.0, "b_peer": 9.0}
