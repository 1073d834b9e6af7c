"""Scripted conflict, and the histories that ship as scenarios: they run, and their triggers do what they say."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from sim.analysis import AREAS, scorecard
from sim.errors import ScenarioError
from sim.model.month import RunResult, StabilityModel
from sim.model.shocks import Order, write_script
from sim.plots.effects import scorecard_figure
from sim.plots.style import Note
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.scenario import Scenario, load_scenario
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES
from sim.world.world import Setting, prepare

CITIZENS = 8_904
WHO = "targets: {states: [BBB], communities: [amber]}"
BASE = """\
format: 1
region: twin_valleys
start: 2024-01
months: 18
parameters: {recruitment: 0.001, armed_event_rate: 0.002, fighter_cap: 0.05}
"""
SCRIPTS = {
    "uprising": f"{{type: uprising, {WHO}, at: 2024-05, months: 8}}",
    "posture": f"{{type: posture, {WHO}, at: 2024-05, months: 8, posture: repress}}",
    "expulsion": f"{{type: expulsion, {WHO}, at: 2024-05, months: 3}}",
    "ceasefire": f"{{type: ceasefire, {WHO}, at: 2024-08}}",
    "power_change": f"{{type: power_change, {WHO}, at: 2024-05, level: 0.9}}",
}
FIGHT = f"  fight: {{type: uprising, {WHO}, at: 2024-02, months: 16}}\n"


@lru_cache(maxsize=8)
def setting_of(region: str, year: int, citizens: int, parameters: tuple[tuple[str, float], ...]) -> Setting:
    folder = find_region(region)
    there, home = load_region(folder, year), load_region(folder)
    return prepare(there, synthesise(there, citizens), dict(parameters), None if there.year == home.year else home)


def model_of(spec: Scenario, seed: int = 1, citizens: int = CITIZENS) -> StabilityModel:
    parameters = tuple(sorted(spec.parameters.items()))
    return StabilityModel(spec, setting_of(spec.region, spec.start_year, citizens, parameters), seed)


def written(tmp_path: Any, shocks: str) -> Scenario:
    path = tmp_path / "case.yaml"
    path.write_text(BASE + (f"shocks:\n{shocks}" if shocks else ""), encoding="utf-8")
    return load_scenario(path)


def valley(tmp_path: Any, shocks: str = "", seed: int = 1) -> RunResult:
    return model_of(written(tmp_path, shocks), seed, 2_000).run()


def outcome(result: RunResult, name: str, state: int) -> Any:
    return result.series[:, state, OUTCOME_INDEX[name]]


# Scripted conflict -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_script_of_magnitude_zero_changes_nothing(tmp_path: Any, kind: str) -> None:
    nothing = SCRIPTS[kind][:-1] + ", magnitude: 0}"
    plain, scripted = valley(tmp_path, FIGHT), valley(tmp_path, f"{FIGHT}  it: {nothing}\n")
    assert np.array_equal(plain.series, scripted.series)
    assert np.array_equal(plain.places, scripted.places)


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_script_changes_something_and_nothing_before_its_month(tmp_path: Any, kind: str) -> None:
    before = "" if kind == "uprising" else FIGHT
    plain, scripted = valley(tmp_path, before), valley(tmp_path, f"{before}  it: {SCRIPTS[kind]}\n")
    month = 7 if kind == "ceasefire" else 4
    assert np.array_equal(plain.series[:month], scripted.series[:month])
    assert not np.array_equal(plain.series[month:], scripted.series[month:])


def test_an_uprising_arms_a_group_that_then_fights(tmp_path: Any) -> None:
    quiet, risen = valley(tmp_path), valley(tmp_path, f"  it: {SCRIPTS['uprising']}\n")
    assert outcome(quiet, "armed_deaths", 1).sum() == 0
    assert outcome(risen, "armed_deaths", 1).sum() > 0
    assert outcome(risen, "armed_deaths", 0).sum() == 0
    assert any(one.what == "takes up arms" and one.month == 4 for one in risen.decisions)


def test_an_uprising_keeps_its_arms_and_makes_no_peace_in_its_months(tmp_path: Any) -> None:
    spec = written(tmp_path, FIGHT)
    for seed in range(1, 6):
        model = model_of(spec, seed, 2_000)
        (group,) = (one for one in model.armed_groups if one.group in model.script.named())
        while model.month < 16:
            model.step()
            if model.month > 1:
                assert group.status == "active"
                assert model.world.arms[group.group] >= 0.3


def test_a_harder_posture_raises_armed_deaths(tmp_path: Any) -> None:
    deaths = {}
    for posture in ("restrain", "police", "repress", "war"):
        held = f"  held: {{type: posture, {WHO}, at: 2024-02, months: 16, posture: {posture}}}\n"
        runs = [valley(tmp_path, FIGHT + held, seed) for seed in range(1, 4)]
        deaths[posture] = sum(outcome(run, "armed_deaths", 1).sum() for run in runs)
    assert deaths["restrain"] < deaths["police"] < deaths["repress"] < deaths["war"]


def test_expulsion_drives_out_the_community_named_and_no_other(tmp_path: Any) -> None:
    model = model_of(written(tmp_path, f"  it: {SCRIPTS['expulsion']}\n"), citizens=2_000)
    plain = model_of(written(tmp_path, ""), citizens=2_000)
    while model.month < 7:
        model.step()
        plain.step()
    gone = model.world.tallies.displaced - plain.world.tallies.displaced
    g, region = model.setting.geography, model.setting.region
    named = (region.cell_community == region.communities.index("amber")) & (g.cell_state == 1)
    rate = model.setting.parameters.flight_expulsion
    share = gone[named].sum() / g.cell_people[named].sum()
    assert share == pytest.approx(1.0 - np.exp(-12 * rate), rel=0.05)
    assert gone[~named].sum() == 0


def test_a_ceasefire_ends_the_fighting_and_lets_forces_rest(tmp_path: Any) -> None:
    more = f"  war: {{type: posture, {WHO}, at: 2024-02, months: 16, posture: war}}\n"
    more += f"  out: {{type: expulsion, {WHO}, at: 2024-02, months: 16, magnitude: 0.2}}\n"
    model = model_of(written(tmp_path, f"{FIGHT}{more}  peace: {SCRIPTS['ceasefire']}\n"), citizens=2_000)
    (group,) = (one for one in model.armed_groups if one.group in model.script.named())
    while model.month < 8:
        model.step()
        peace = model.month == 8
        assert (group.status == "ceasefire") is peace
        if model.month > 1:
            assert model.world.ordered[group.group] == (-1 if peace else 3)
            assert model.world.expulsion[group.group] == (0.0 if peace else 0.2)
    assert model.world.tallies.group_deaths[group.group] == 0


def test_a_change_of_power_moves_exclusion_at_once_and_for_good(tmp_path: Any) -> None:
    half = SCRIPTS["power_change"][:-1] + ", magnitude: 0.5}"
    model = model_of(written(tmp_path, f"  it: {half}\n"), citizens=2_000)
    region = model.setting.region
    group = next(
        g for g in range(region.n_groups)
        if region.group_state[g] == 1 and region.communities[region.group_community[g]] == "amber"
    )  # fmt: skip
    for _ in range(6):
        model.step()
    assert model.world.fields.exclusion[group] == pytest.approx(0.5 * 0.35 + 0.5 * 0.9, abs=1e-12)
    assert model.world.fields.exclusion_0[group] == pytest.approx(0.5 * 0.35 + 0.5 * 0.9, abs=1e-12)


def test_where_orders_overlap_the_stronger_holds() -> None:
    group = np.array([1])
    orders = [
        Order("posture", group, 0, 1.0, 4, "police"),
        Order("posture", group, 2, 1.0, 9, "war"),
        Order("power", group, 1, 0.5, level=0.7),
        Order("power", group, 1, 1.0, level=0.2),
        Order("uprising", group, 9, 1.0, 4),
    ]
    for made in (write_script(orders, 6, 3, 0.3), write_script(orders[::-1], 6, 3, 0.3)):
        assert made.posture[:, 1].tolist() == [1, 1, 3, 3, 3, 3]
        assert (made.posture[:, [0, 2]] == -1).all()
        assert made.power[1, 1] == 0.7
        assert made.weight[1, 1] == 0.5
        assert not made.arms.any()
    assert write_script(orders[4:], 6, 3, 0.3).empty


WRONG = {
    "type: uprising, at: 2024-03": "names states",
    "type: uprising, at: 2024-03, targets: {states: [BBB]}": "names communities",
    f"type: posture, at: 2024-03, {WHO}": "posture: is missing",
    f"type: posture, at: 2024-03, {WHO}, posture: police, magnitude: 0.5": "taken or not",
    f"type: posture, at: 2024-03, {WHO}, posture: attack": "not one of the allowed values",
    f"type: power_change, at: 2024-03, {WHO}": "level: is missing",
    f"type: expulsion, at: 2024-03, {WHO}, magnitude: 1.5": "is too large",
    f"type: ceasefire, at: 2024-03, {WHO}, months: 3": "has no months",
    f"type: uprising, at: 2024-03, {WHO}, level: 0.5": "has no level",
}


@pytest.mark.parametrize("shock", WRONG)
def test_a_script_that_says_too_little_or_too_much_is_refused(tmp_path: Any, shock: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        written(tmp_path, f"  it: {{{shock}}}\n")
    assert WRONG[shock] in str(raised.value)
    assert "case.yaml:7" in str(raised.value)


# Histories -------------------------------------------------------------------------------------------------------


def test_the_wars_of_1998_to_2001_have_the_size_of_the_record() -> None:
    """Given the triggers: UCDP counts 1,446 and 2,153 in Kosovo, 72 (at most 230) in North Macedonia; within a few."""
    spec = load_scenario("history_1998_2010", ["months=48"])
    kosovo, macedonia = [], []
    for seed in range(1, 4):
        result = model_of(spec, seed).run()
        states = setting_of(spec.region, 1998, CITIZENS, ()).region.states
        deaths = outcome(result, "armed_deaths", states.index("XKX"))
        assert deaths[0] == 0, "nothing before the first trigger"
        kosovo.append(deaths[:24].sum())
        macedonia.append(outcome(result, "armed_deaths", states.index("MKD"))[36:48].sum())
        assert 500_000 < outcome(result, "displaced", states.index("XKX"))[:24].max() < 1_500_000
    assert 1_000 < np.mean(kosovo) < 10_000
    assert 15 < np.mean(macedonia) < 300


PAIRS = {
    "kosovo_1999_without_mission": ("kosovo_1998_2001", 24, "1999-06"),
    "kosovo_1999_without_campaign": ("kosovo_1998_2001", 24, "1999-03"),
    "region_2008": ("region_2007", 12, "2008-02"),
    "science_for_peace_2014": ("region_2014", 6, "2014-01"),
    "accessions_2017_2020": ("region_2016", 6, "2016-01"),
    "engagements_2023": ("region_2023", 12, "2023-06"),
}
"""A history or a counterfactual, what it is judged against, months run here, and its first event."""


@pytest.mark.parametrize("name", PAIRS)
def test_a_history_differs_from_its_counterfactual_from_its_first_event_on(name: str) -> None:
    against, months, first = PAIRS[name]
    one, other = (load_scenario(key, [f"months={months}"]) for key in (name, against))
    assert (one.region, one.start_year, one.start_month) == (other.region, other.start_year, other.start_month)
    assert load_scenario(name).months == load_scenario(against).months
    month = next(m for m in range(months) if one.date(m) == first)
    ours, theirs = model_of(one).run().series, model_of(other).run().series
    assert np.array_equal(ours[:month], theirs[:month])
    money = OUTCOME_INDEX["cost"]
    assert not np.array_equal(np.delete(ours[month:], money, 2), np.delete(theirs[month:], money, 2))


def test_without_campaign_and_agreement_the_war_goes_on() -> None:
    """The agreement ends it in June 1999 in every run; without it only where the group makes peace by itself."""
    spec = [load_scenario(name, ["months=20"]) for name in ("kosovo_1998_2001", "kosovo_1999_without_campaign")]
    states = setting_of(spec[0].region, 1998, CITIZENS, ()).region.states
    later = [
        [outcome(model_of(one, seed).run(), "armed_deaths", states.index("XKX"))[17:].sum() for seed in range(1, 5)]
        for one in spec
    ]
    assert sum(later[0]) == 0
    assert sum(later[1]) > 100


def test_a_war_is_felt_by_kin_next_door() -> None:
    """Spill-over: without the uprising in Kosovo tension of its kin in Albania stays lower."""
    without = [f"shocks.kosovo_{name}.magnitude=0" for name in ("uprising", "repression", "war", "expulsion")]
    war, peace = (
        model_of(load_scenario("kosovo_1998_2001", ["months=18", *overrides])).run() for overrides in ([], without)
    )
    states = setting_of("western_balkans", 1998, CITIZENS, ()).region.states
    tension = [outcome(run, "tension", states.index("ALB"))[-1] for run in (war, peace)]
    assert tension[0] > tension[1] + 0.01


# Packages and their scorecard ------------------------------------------------------------------------------------

PACKAGES = (
    "package_cooperation", "package_economy", "package_exchange", "package_assistance", "package_diplomacy",
    "package_culture", "package_integration", "package_governance",
)  # fmt: skip


def test_packages_alone_add_up_to_the_way_forward() -> None:
    together = sorted(str(one.content()) for one in load_scenario("way_forward").interventions)
    alone = sorted(str(one.content()) for name in PACKAGES for one in load_scenario(name).interventions)
    assert alone == together


def effects_of(values: dict[str, tuple[float, float, float, float]]) -> pd.DataFrame:
    rows = [
        {"scenario": "ours", "outcome": name, "scope": scope, "window": window, "contrast": "difference",
         "baseline_mean": base, "effect": effect, "ci_low": low, "ci_high": high, "n": 8}
        for name, (base, effect, low, high) in values.items()
        for scope, window in (("region", "whole run"), ("region", "final year"), ("XKX", "whole run"))
    ]  # fmt: skip
    return pd.DataFrame(rows)


VALUES = {
    "unemployment": (0.2, -0.01, -0.012, -0.008),
    "reform_economic": (0.5, -0.02, -0.03, -0.01),
    "youth_unemployment": (0.3, 0.01, -0.01, 0.03),
    "tension": (0.2, 0.001, 0.0005, 0.0015),
    "reform_security": (0.5, 0.0, 0.0, 0.0),
    "population": (1e6, 5.0, 4.0, 6.0),
}


def test_the_scorecard_groups_effects_by_area_and_adds_nothing_up() -> None:
    card = scorecard(effects_of(VALUES)).set_index("outcome")
    assert card["area"].to_dict() == {
        "reform_security": "security_reform",
        "tension": "political_stability",
        "reform_economic": "economic_development",
        "unemployment": "economic_development",
        "youth_unemployment": "economic_development",
    }
    assert card["in_words"].to_dict() == {
        "reform_security": "the same in every pair",
        "tension": "worse",
        "reform_economic": "worse",
        "unemployment": "better",
        "youth_unemployment": "not enough replications to tell",
    }
    assert card["small"].to_dict() == {
        "reform_security": True, "tension": True, "reform_economic": False, "unemployment": False,
        "youth_unemployment": False,
    }  # fmt: skip
    assert (card["effect"] == pd.Series({name: VALUES[name][1] for name in card.index})).all()


def test_areas_share_no_outcome_and_know_them_all() -> None:
    named = [name for area in AREAS for name in area.outcomes]
    assert len(set(named)) == len(named)
    assert set(named) <= set(OUTCOME_INDEX)
    assert all(OUTCOMES[OUTCOME_INDEX[name]].better != "none" for name in named)


def test_the_figure_counts_directions_in_every_area() -> None:
    figure = scorecard_figure(scorecard(effects_of(VALUES)), Note("ours", 8, 1, "0", 100, "base"), {"ours": "Ours"})
    titles = [axes.get_title(loc="left") for axes in figure.findobj(Axes) if axes.get_title(loc="left")]
    assert titles == [
        "Security reform\n0 better, 0 worse, 0 unclear, 1 the same",
        "Political stability\n0 better, 1 worse (1 small), 0 unclear",
        "Economic development\n1 better, 1 worse, 1 unclear",
    ]
