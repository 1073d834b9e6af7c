"""What a scenario file can say: conditions that switch, packages, budgets, own interventions, drawn shocks, theories."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import InputError
from sim.experiment.experiment_file import load_experiment
from sim.interventions import CatalogueEntry
from sim.kernels.elementary import logistic, logit
from sim.model.month import StabilityModel
from sim.model.programmes import REQUEST, STOP, SWITCH_OFF, Watch, affordable
from sim.model.shocks import happening
from sim.parameters import CATALOGUE, parameters
from sim.parameters.theories import THEORIES
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.scenario import (
    Programme,
    Scenario,
    differences,
    load_scenario,
    load_template,
    resolved,
    resolved_yaml,
)
from sim.scenario.records import INDICATORS, Condition, Trigger, own_entries
from sim.scenario.schema import DefinitionFile
from sim.world.geography import build_geography
from sim.world.outcomes import OUTCOME_INDEX
from sim.world.world import Setting, prepare

HEAD = "format: 1\ntitle: A case\nregion: twin_valleys\nstart: 2024-01\nmonths: 12\n"
RADIO = """\
define:
  radio:
    name: Radio that villages make together
    provider: civil_society
    approval: none
    dose: {unit: share of villages}
    cost: {meur_per_year: 2, per: programme}
    channels:
      - {lever: tension, size: -0.4, low: -0.8, high: 0.0, lag_months: 1}
      - {lever: dispute_conversion, size: -0.05}
"""


def load(folder: Path, body: str, set_: tuple[str, ...] = ()) -> Scenario:
    path = folder / "case.yaml"
    path.write_text(HEAD + body, encoding="utf-8")
    return load_scenario(path, set_)


@pytest.fixture(scope="module")
def setting() -> Setting:
    region = load_region(find_region("twin_valleys"), 2024)
    return prepare(region, synthesise(region, 2_000))


def run(scenario: Scenario, setting: Setting, seed: int = 1) -> tuple[StabilityModel, list[list[float]]]:
    """Run a scenario; return the model, and what each programme had spent after each month, in the model's order."""
    model, spent = StabilityModel(scenario, setting, seed), []
    while model.month < scenario.months:
        model.step()
        spent.append([one.spent for one in model.programmes.deliveries])
    return model, spent


# --- conditions ---


@cache
def programme() -> Programme:
    return load_scenario("police_capacity").interventions[0]


def watch(when: Trigger | None, stop_when: Condition | None = None, start: int = 0) -> Watch:
    return Watch(replace(programme(), when=when, stop_when=stop_when, start=start))


def orders(watched: Watch, values: list[float]) -> list[tuple[int, str]]:
    """Months in which something is done about a programme, while its indicator takes these values."""
    looks = ((month, watched.look(month, lambda *_, value=value: value)) for month, value in enumerate(values))
    return [(month, order[0]) for month, order in looks if order is not None]


ABOVE = Trigger("tension", 0.6, None, 2, "region", until=0.4, delay_months=1, dwell_months=3)


def test_a_condition_switches_on_off_and_on_again() -> None:
    values = [0.7, 0.7, 0.5, 0.5, 0.3, 0.3, 0.3, 0.7, 0.7, 0.7, 0.7]
    assert orders(watch(ABOVE), values) == [(2, REQUEST), (5, SWITCH_OFF), (9, REQUEST)]
    assert orders(watch(replace(ABOVE, delay_months=0)), values)[0] == (1, REQUEST)
    assert orders(watch(replace(ABOVE, until=None)), values) == [(2, REQUEST)]
    mirrored = Trigger("stability", None, -0.6, 2, "region", until=-0.4, delay_months=1, dwell_months=3)
    assert orders(watch(mirrored), [-value for value in values]) == orders(watch(ABOVE), values)


def test_a_request_that_is_switched_off_in_time_is_not_made() -> None:
    late = replace(ABOVE, for_months=1, delay_months=3, dwell_months=1)
    assert orders(watch(late), [0.7, 0.3, 0.3, 0.3, 0.3]) == [(1, SWITCH_OFF)]


@settings(deadline=None, max_examples=60)
@given(st.floats(0, 1), st.integers(1, 6), st.integers(1, 8))
def test_a_constant_indicator_never_switches_back(value: float, wait: int, dwell: int) -> None:
    always = replace(ABOVE, for_months=wait, dwell_months=dwell)
    assert len(orders(watch(always), [value] * 40)) <= 1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1), max_size=60), st.integers(1, 12))
def test_two_switches_are_a_dwell_apart(values: list[float], dwell: int) -> None:
    quick = replace(ABOVE, for_months=1, delay_months=0, dwell_months=dwell)
    months = [month for month, _ in orders(watch(quick), values)]
    assert all(later - earlier >= dwell for earlier, later in zip(months, months[1:], strict=False))


def test_a_stop_is_for_good_and_counts_from_the_start_month() -> None:
    stop = Condition("corruption", 0.5, None, 2, "region")
    values = [0.6, 0.6, 0.6, 0.4, 0.6, 0.6, 0.6]
    assert orders(watch(None, stop, start=2), values) == [(2, REQUEST), (5, STOP)]
    assert orders(watch(None, stop), [0.6] * 5) == [(0, REQUEST), (1, STOP)]
    assert orders(watch(None, replace(stop, for_months=1)), [0.6] * 5) == [(0, STOP)]


@pytest.mark.parametrize("indicator", ["tension", "stability", "oversight", "civic_space", "cost"])
def test_a_condition_may_look_at_outcomes_the_index_and_fields(
    indicator: str, tmp_path: Path, setting: Setting
) -> None:
    assert indicator in INDICATORS
    for where in ("region", "AAA"):
        when = f"{{indicator: {indicator}, above: -1, in: {where}}}"
        case = load(tmp_path, f"interventions: {{a: {{type: I2, approval: none, when: {when}}}}}\n")
        model = StabilityModel(replace(case, months=2), setting, 1)
        assert np.isfinite(model.indicator(indicator, where))
        model.step()
        assert model.programmes.deliveries[0].status == "running"


def test_a_switched_programme_spends_while_it_runs_and_starts_again(tmp_path: Path, setting: Setting) -> None:
    when = "{indicator: cost, below: 0.05, until_above: 0.05, dwell_months: 2}"
    case = load(tmp_path, f"interventions: {{a: {{type: I2, approval: none, meur_per_year: 12, when: {when}}}}}\n")
    _, spent = run(case, setting)
    monthly = np.diff([0.0, *(row[0] for row in spent)])
    assert set(monthly.tolist()) == {0.0, 1.0}
    # Its own spending of last month is what switches it off: on for the dwell, off for the dwell, on again.
    assert monthly.tolist() == [1.0, 1.0, 0.0, 0.0] * 3


def test_what_was_approved_once_deploys_anew_without_asking(tmp_path: Path, setting: Setting) -> None:
    when = "{indicator: cost, below: 0.05, until_above: 0.05, dwell_months: 2}"
    case = load(tmp_path, f"interventions: {{a: {{type: I2, approval: host, meur_per_year: 12, when: {when}}}}}\n")
    model, _ = run(case, setting)
    states = [status for _, status in model.programmes.deliveries[0].history]
    assert states.count("proposed") == 1
    assert states.count("running") > 1


def test_nothing_is_spent_after_a_stop(tmp_path: Path, setting: Setting) -> None:
    stop = "{indicator: cost, above: 0.5, for_months: 3}"
    case = load(tmp_path, f"interventions: {{a: {{type: I2, approval: none, meur_per_year: 12, stop_when: {stop}}}}}\n")
    model, spent = run(case, setting)
    assert [row[0] for row in spent] == [1.0, 2.0, 3.0] + [3.0] * 9
    assert model.programmes.deliveries[0].status == "ended"
    assert any(decision.what == "stops a" and "cost above 0.5" in decision.why for decision in model.decisions)


# --- packages ---

PACKAGE = """\
packages:
  jobs:
    intensity: 0.5
    start: 2024-03
    targets: {states: [AAA]}
    when: {indicator: tension, above: 0.9}
    interventions:
      police: {type: I2, intensity: 0.8, meur_per_year: 3}
      forums: {type: I28, start: 2024-05, targets: {states: [BBB]}}
"""


def test_a_package_is_its_members_with_the_common_keys(tmp_path: Path) -> None:
    case = load(tmp_path, PACKAGE)
    members = {item.key: item for item in case.interventions}
    police, forums = members["jobs_police"], members["jobs_forums"]
    assert (police.intensity, police.meur_per_year, police.start, police.targets.states) == (0.4, 1.5, 2, ("AAA",))
    assert (forums.intensity, forums.start, forums.targets.states) == (0.5, 4, ("BBB",))
    assert police.when is not None
    assert police.when == forums.when
    alone = load(
        tmp_path,
        "interventions:\n"
        "  a: {type: I2, intensity: 0.4, meur_per_year: 1.5, start: 2024-03, targets: {states: [AAA]},"
        " when: {indicator: tension, above: 0.9}}\n"
        "  b: {type: I28, intensity: 0.5, start: 2024-05, targets: {states: [BBB]},"
        " when: {indicator: tension, above: 0.9}}\n",
    )
    assert alone.content_hash() == case.content_hash()


def test_a_package_can_be_swept_overridden_extended_and_cleared(tmp_path: Path) -> None:
    load(tmp_path, PACKAGE)
    template = load_template(tmp_path / "case.yaml")
    at = template.at({"packages.jobs.intensity": 1.0})
    assert {item.key: item.intensity for item in at.interventions} == {"jobs_police": 0.8, "jobs_forums": 1.0}
    assert template.has("packages.jobs.interventions.police.intensity")
    assert not template.has("packages.jobs.interventions.other.intensity")
    assert not template.has("packages.other.intensity")
    (tmp_path / "child.yaml").write_text("format: 1\nextends: case\npackages: {jobs: {intensity: 0}}\n")
    child = load_scenario(tmp_path / "child.yaml")
    assert {item.dose for item in child.interventions} == {0.0}
    assert load_scenario(tmp_path / "child.yaml", ["packages.jobs="]).interventions == ()


# --- budgets ---


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=8), st.floats(0, 1e5))
def test_shared_spending_never_exceeds_the_ceiling(wishes: list[float], ceiling: float) -> None:
    share = affordable(wishes, ceiling)
    assert 0.0 <= share <= 1.0
    assert sum(Fraction(share * wish) for wish in wishes) <= Fraction(ceiling / 12.0)
    if sum(map(Fraction, wishes)) <= Fraction(ceiling / 12.0):
        assert share == 1.0


def test_programmes_of_a_budget_are_scaled_down_together(tmp_path: Path, setting: Setting) -> None:
    body = (
        "interventions:\n"
        "  a: {type: I2, approval: none, meur_per_year: 7, months: 6}\n"
        "  b: {type: I28, approval: none, meur_per_year: 4, start: 2024-04}\n"
        "  c: {type: I15, approval: none, meur_per_year: 9}\n"
    )
    free, _ = run(load(tmp_path, body), setting)
    held, spent = run(load(tmp_path, body + "budgets: {fund: {meur_per_year: 8, members: [a, b]}}\n"), setting)
    place = {one.key: number for number, one in enumerate(held.programmes.deliveries)}
    monthly = np.diff(np.array([[0.0] * 3, *spent]), axis=0)
    together = monthly[:, place["a"]] + monthly[:, place["b"]]
    assert np.all(together <= 8 / 12 + 1e-12)
    assert together[4] == pytest.approx(8 / 12, rel=1e-12)
    assert monthly[4, place["a"]] / monthly[4, place["b"]] == pytest.approx(7 / 4)
    assert monthly[2, place["a"]] == pytest.approx(7 / 12)
    assert np.allclose(monthly[:, place["c"]], 9 / 12)
    assert not np.array_equal(free.world.fields.tension, held.world.fields.tension)


def test_a_ceiling_that_does_not_bind_changes_nothing(tmp_path: Path, setting: Setting) -> None:
    body = "interventions: {a: {type: I2, approval: none, meur_per_year: 7}}\n"
    free, _ = run(load(tmp_path, body), setting)
    held, _ = run(load(tmp_path, body + "budgets: {fund: {meur_per_year: 7, members: [a]}}\n"), setting)
    assert np.array_equal(free.world.recorder.series, held.world.recorder.series)


# --- interventions of one's own ---


def test_a_definition_acts_like_an_entry_of_the_catalogue(tmp_path: Path, setting: Setting) -> None:
    case = load(tmp_path, RADIO + "interventions: {a: {type: radio}}\n")
    (programme,) = case.interventions
    assert (programme.type, programme.meur_per_year, programme.approval, programme.own) == ("radio", 2.0, "none", True)
    assert programme.entry.channels[1].distribution == "fixed"
    with_radio, _ = run(case, setting)
    without, _ = run(load(tmp_path, ""), setting)
    assert with_radio.world.fields.tension.mean() < without.world.fields.tension.mean()


def test_a_definition_counts_and_its_name_does_not(tmp_path: Path) -> None:
    body = RADIO + "interventions: {a: {type: radio}}\n"
    case = load(tmp_path, body)
    renamed = load(tmp_path, body.replace("radio", "broadcast").replace("Radio that", "Radio which"))
    assert renamed.content_hash() == case.content_hash()
    changed = load(tmp_path, body, ("define.radio.scale=0.5",))
    assert changed.content_hash() != case.content_hash()
    assert [item.key for item in differences(case, changed).found] == ["define.radio.scale"]


def test_definitions_follow_the_catalogue() -> None:
    assert set(DefinitionFile.model_fields) == set(CatalogueEntry.model_fields) - {"row", "key", "family", "tuned_on"}


def test_what_is_stored_still_says_what_a_definition_rests_on(tmp_path: Path) -> None:
    case = load(tmp_path, RADIO + "interventions: {a: {type: radio}}\n")
    assert own_entries([resolved(case)]) == {"radio": case.interventions[0].entry}


# --- shocks ---


def test_an_impulse_is_added_to_the_field_once(tmp_path: Path, setting: Setting) -> None:
    shock = "shocks: {s: {type: economic_crisis, at: 2024-02, magnitude: %s, targets: {states: [AAA]}}}\n"
    calm = StabilityModel(load(tmp_path, ""), setting, 1)
    none = StabilityModel(load(tmp_path, shock % 0), setting, 1)
    hit = StabilityModel(load(tmp_path, shock % 1), setting, 1)
    for model in (calm, none, hit):
        model.step()
    before = calm.world.fields.unemployment.copy()
    (size,) = (c.size for c in hit.spec.shocks[0].entry.channels if c.lever == "unemployment")
    hit._fire_shocks()
    here = setting.geography.cell_state == 0
    expected = [logistic(logit(value) + size) for value in before[here]]
    assert hit.world.fields.unemployment[here].tolist() == expected
    assert np.array_equal(hit.world.fields.unemployment[~here], before[~here])
    hit.world.fields.unemployment[:] = before
    for model in (calm, none, hit):
        model.step()
        model.step()
    assert np.array_equal(calm.world.recorder.series, none.world.recorder.series)


def test_an_impulse_relaxes_with_the_half_life_of_the_field(tmp_path: Path, setting: Setting) -> None:
    body = "shocks: {s: {type: economic_crisis, at: 2024-01, targets: {states: [AAA]}}}\n"
    calm, _ = run(load(tmp_path, ""), setting)
    hit, _ = run(load(tmp_path, body), setting)
    column = OUTCOME_INDEX["unemployment"]
    gap = hit.world.recorder.series[:, 0, column] - calm.world.recorder.series[:, 0, column]
    kept = 2.0 ** (-1.0 / CATALOGUE["unemployment_halflife"].default)
    assert gap[0] > 0.01
    assert gap[1:] / gap[:-1] == pytest.approx(np.full(gap.size - 1, kept), rel=0.02)


def drawn(body: str, folder: Path, setting: Setting, seed: int = 3, months: int = 240) -> list[tuple[Any, ...]]:
    shocks = load(folder, body).shocks
    found = happening(shocks, setting.region, setting.geography.state_uid, months, seed)
    return sorted((shock.type, shock.at, shock.targets.states, shock.week) for shock in found)


def test_drawn_shocks_are_the_same_whatever_else_is_in_the_file(tmp_path: Path, setting: Setting) -> None:
    quakes = "  a: {type: earthquake, rate: 0.5}\n"
    alone = drawn(f"shocks:\n{quakes}", tmp_path, setting)
    more = drawn(
        f"shocks:\n  z: {{type: rumour, rate: 2}}\n  b: {{type: rumour, at: 2024-02}}\n{quakes}", tmp_path, setting
    )
    assert alone == [item for item in more if item[0] == "earthquake"]
    in_one = drawn("shocks: {other: {type: earthquake, rate: 0.5, targets: {states: [BBB]}}}\n", tmp_path, setting)
    assert in_one == [item for item in alone if item[2] == ("BBB",)]
    assert {week for *_, week in more} == {0, 1, 2, 3}
    assert drawn(f"shocks:\n{quakes}", tmp_path, setting, seed=4) != alone


def test_drawn_shocks_come_at_their_rate_and_more_at_a_higher_one(tmp_path: Path, setting: Setting) -> None:
    low = drawn("shocks: {a: {type: earthquake, rate: 0.5}}\n", tmp_path, setting, months=12_000)
    high = drawn("shocks: {a: {type: earthquake, rate: 1.0}}\n", tmp_path, setting, months=12_000)
    assert set(low) <= set(high)
    expected = 2 * 12_000 * (1.0 - np.exp(-0.5 / 12.0))
    assert abs(len(low) - expected) < 4.0 * np.sqrt(expected)
    assert drawn("shocks: {a: {type: earthquake, rate: 0}}\n", tmp_path, setting) == []
    (shock,) = load(tmp_path, "shocks: {a: {type: earthquake, rate: catalogue}}\n").shocks
    assert shock.rate == shock.entry.rate_per_year


def test_a_shock_on_the_region_is_drawn_once_for_it(tmp_path: Path, setting: Setting) -> None:
    found = drawn("shocks: {a: {type: war_elsewhere, rate: 1}}\n", tmp_path, setting, months=600)
    assert len(found) == len({at for _, at, _, _ in found}) > 0
    assert {states for _, _, states, _ in found} == {()}


def test_what_was_seen_once_in_the_region_comes_about_once_in_it(tmp_path: Path) -> None:
    """The catalogue's rates are per state: looted depots, once in seven states and 35 years, are no seven of them."""
    region = load_region(find_region("western_balkans"), 2024)
    state_uid = build_geography(region, parameters()).state_uid
    both = "shocks: {a: {type: arms_inflow, rate: catalogue}, b: {type: assassination, rate: catalogue}}\n"
    spec = load(tmp_path, both, ("region=western_balkans",))
    assert [shock.rate for shock in spec.shocks] == [pytest.approx(1 / (7 * 35), rel=0.05)] * 2
    found = sum(1 for _ in happening(spec.shocks[:1], region, state_uid, 40 * 35 * 12, 1))
    assert 0.6 < found / 40 < 1.4


def test_a_shock_that_hardly_a_run_will_see_is_warned_of(tmp_path: Path) -> None:
    """Fewer than one in ten runs, counted over the states it is drawn in, or the region."""
    for kind, rate, targets, rare in (
        ("earthquake", 0.05, "", False),
        ("earthquake", 0.05, ", targets: {states: [BBB]}", True),
        ("war_elsewhere", 0.05, "", True),
    ):
        spec = load(tmp_path, f"shocks: {{a: {{type: {kind}, rate: {rate}{targets}}}}}\n", ("months=13",))
        assert any("so rare" in str(problem) for problem in spec.warnings) == rare


# --- theories ---


def test_stances_set_parameters_and_the_first_sets_none(tmp_path: Path) -> None:
    for theory in THEORIES.values():
        assert theory.stances[0].parameters == {}
        assert all(stance.parameters and stance.source for stance in theory.stances[1:])
        for stance in theory.stances:
            chosen = load(tmp_path, f'theories: {{{theory.key}: "{stance.key}"}}\n')
            assert chosen.parameters == stance.parameters
            assert (chosen.content_hash() == load(tmp_path, "").content_hash()) == (not stance.parameters)
    assert load(tmp_path, "theories: {arrest: floor}\nparameters: {arrest_form: 2}\n").parameters == {
        "arrest_form": 2.0
    }


def test_theories_and_packages_can_be_points_of_an_experiment(tmp_path: Path) -> None:
    load(tmp_path, PACKAGE)
    (tmp_path / "experiment.yaml").write_text(
        "format: 1\ntitle: Rivals\nquestion: Does it hold?\nscenarios: [case]\ndesign: {kind: list}\npoints:\n"
        "  - {theories.motive: both, packages.jobs.intensity: 0}\n"
        "  - {theories.motive: grievance, packages.jobs.intensity: 1}\nreplications: 2\ncitizens: 1000\n",
        encoding="utf-8",
    )
    assert [factor.key for factor in load_experiment(tmp_path).factors] == [
        "theories.motive",
        "packages.jobs.intensity",
    ]
    (tmp_path / "experiment.yaml").write_text(
        (tmp_path / "experiment.yaml").read_text(encoding="utf-8").replace("grievance", "greivance"), encoding="utf-8"
    )
    with pytest.raises(InputError, match="is no stance of the theory motive"):
        load_experiment(tmp_path)


# --- what is stored loads again ---


@pytest.mark.parametrize(
    "body",
    [
        RADIO + "interventions: {a: {type: radio, stop_when: {indicator: corruption, above: 0.9, in: AAA}}}\n",
        PACKAGE + "budgets: {fund: {meur_per_year: 2, members: [jobs]}}\n",
        "shocks: {a: {type: earthquake, rate: catalogue}, b: {type: rumour, rate: 0.3, targets: {states: [AAA]}}}\n",
        "theories: {arrest: literal, motive: grievance, published_effects: half}\nparameters: {b_risk: 1}\n",
        "interventions: {a: {type: I2, when: {indicator: stability, below: 50, until_above: 60, dwell_months: 9}}}\n",
    ],
)
@pytest.mark.parametrize("explain", [False, True])
def test_a_resolved_file_loads_to_the_same(body: str, explain: bool, tmp_path: Path) -> None:
    case = load(tmp_path, body)
    (tmp_path / "again.yaml").write_text(resolved_yaml(case, explain=explain), encoding="utf-8")
    again = load_scenario(tmp_path / "again.yaml")
    assert again.content_hash() == case.content_hash()
    assert resolved_yaml(again) == resolved_yaml(case)
    assert differences(again, case).same
    assert differences(again, case).found == ()


def test_a_member_of_a_package_is_complained_about_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, PACKAGE.replace("type: I28", "type: I280"))
    (problem,) = caught.value.problems
    assert (problem.key, problem.line) == ("packages.jobs.interventions.forums.type", 14)
