"""Attribution: shares that add up, known games, and the model's worlds between two scenarios."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from sim.analysis import (
    TOTAL,
    attribute,
    attribution_table,
    coalitions,
    difference_over_time,
    first_moves,
    monthly_table,
    pair_coalitions,
    synergy,
)
from sim.analysis.attribution import ORDERED, SAMPLED, SHAPLEY, orders, why_paragraph
from sim.api.why import between, question, why
from sim.errors import InputError
from sim.parameters.theories import stances
from sim.scenario import load_scenario, resolved_yaml
from sim.scenario.records import Budget
from sim.settings import Settings
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES
from tests.experiment_fakes import FakeEngine, FakeScenario
from tests.test_analysis import series

GROUPS = ("a", "b", "c", "d")


def game(seed=0, n=12, groups=GROUPS, whole=False):
    """A value with a random number for every set of groups, one column, and the sets that were asked for."""
    draw = np.random.default_rng(seed)
    known: dict[frozenset[str], np.ndarray] = {}
    for inside in coalitions(groups, SHAPLEY) if len(groups) <= 8 else []:
        values = draw.integers(-50, 50, (n, 2)) if whole else draw.normal(0, 3, (n, 2))
        known[inside] = values.astype(float)
    return known


def brute(known, groups):
    """Mean contribution over every order: the definition."""
    shares = {group: [] for group in groups}
    for order in permutations(groups):
        for place, group in enumerate(order):
            shares[group].append(known[frozenset(order[: place + 1])] - known[frozenset(order[:place])])
    return np.stack([np.mean(shares[group], axis=0) for group in groups])


# --- shares ---------------------------------------------------------------------------------------


def test_exact_shares_follow_the_definition_and_add_up_in_every_replication():
    known = game()
    found = attribute(GROUPS, known.__getitem__)
    assert found.method == SHAPLEY
    np.testing.assert_allclose(found.shares, brute(known, GROUPS), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.shares.sum(axis=0), found.total, rtol=0, atol=1e-12)
    assert not found.sampling_error.any()


@pytest.mark.parametrize("method", [SHAPLEY, SAMPLED, ORDERED])
def test_shares_of_whole_numbers_add_up_exactly(method):
    known = game(whole=True)
    found = attribute(GROUPS, known.__getitem__, method=method, permutations=8)
    np.testing.assert_allclose(found.shares.sum(axis=0), found.total, rtol=0, atol=1e-11)
    if method == ORDERED:
        assert (found.shares.sum(axis=0) == found.total).all()
        assert (found.shares[0] == known[frozenset("a")] - known[frozenset()]).all()


def test_an_additive_game_gives_back_its_parts_whatever_the_method():
    weights = dict(zip("abcdefghij", range(10), strict=True))
    noise = np.random.default_rng(1).normal(0, 1, (6, 1))

    def value(inside):
        return noise + sum(weights[group] for group in inside)

    for method in (SAMPLED, ORDERED):
        found = attribute(tuple(weights), value, method=method)
        np.testing.assert_allclose(found.shares[:, :, 0], np.repeat(np.arange(10.0)[:, None], 6, 1), atol=1e-12)
        np.testing.assert_allclose(found.sampling_error, 0, atol=1e-12)


def test_sampled_shares_come_with_an_error_that_holds():
    names = tuple("abcdefgh")
    draw = np.random.default_rng(3)
    table = {inside: draw.normal(0, 1, (1, 1)) + len(inside) for inside in coalitions(names, SHAPLEY)}
    exact = attribute(names, table.__getitem__).shares[:, 0, 0]
    inside = 0
    for seed in range(40):
        found = attribute(names, table.__getitem__, method=SAMPLED, permutations=60, seed=seed)
        inside += (np.abs(found.shares[:, 0, 0] - exact) < 2.05 * found.sampling_error[:, 0]).sum()
    assert 0.90 <= inside / (40 * 8) <= 0.99


def test_the_worlds_that_will_be_asked_for_are_known_beforehand():
    for method in (SHAPLEY, SAMPLED, ORDERED):
        known = game(groups=GROUPS)
        listed = coalitions(GROUPS, method, 6)
        asked = set()

        def value(inside, known=known, asked=asked):
            asked.add(inside)
            return known[inside]

        attribute(GROUPS, value, method=method, permutations=6)
        assert asked == set(listed)
        assert len(listed) == len(asked)
        assert listed[:2] == [frozenset(), frozenset(GROUPS)]
    assert len(coalitions(GROUPS, SHAPLEY)) == 16
    drawn = orders(GROUPS, SAMPLED, 6)
    assert all(one == other[::-1] for one, other in zip(drawn[0::2], drawn[1::2], strict=True))


def test_exact_shares_are_refused_beyond_eight_groups_and_nothing_has_no_shares():
    with pytest.raises(ValueError, match="at most 8"):
        attribute(tuple("abcdefghi"), game().__getitem__, method=SHAPLEY)
    with pytest.raises(ValueError, match="nothing to share"):
        attribute((), {frozenset(): np.zeros((2, 1))}.__getitem__)
    with pytest.raises(ValueError, match="allowed shapley, sampled, ordered"):
        attribute(GROUPS, game().__getitem__, method="magic")


def columns(*names):
    return pd.DataFrame({"outcome": names, "scope": "region", "better": ["lower", "none"][: len(names)]})


def test_the_table_ends_with_the_total_and_counts_both_errors():
    known = game()
    found = attribute(GROUPS, known.__getitem__, method=SAMPLED, permutations=6)
    table = attribution_table(found, columns("incidents", "participants"))
    one = table[table["outcome"] == "incidents"]
    assert list(one["group"]) == [*GROUPS, TOTAL]
    assert one["share"].iloc[:-1].sum() == pytest.approx(one["share"].iloc[-1])
    first = one.iloc[0]
    exact = attribution_table(
        replace(found, sampling_error=found.sampling_error * 0), columns("incidents", "participants")
    )
    assert first["ci_high"] - first["ci_low"] > exact["ci_high"].iloc[0] - exact["ci_low"].iloc[0]
    assert first["alone"] == pytest.approx((known[frozenset("a")] - known[frozenset()]).mean(axis=0)[0])
    assert first["last"] == pytest.approx((known[frozenset(GROUPS)] - known[frozenset("bcd")]).mean(axis=0)[0])


def test_synergy_is_what_two_do_beyond_the_sum():
    draw = np.random.default_rng(5)
    noise = draw.normal(0, 1, (30, 1))

    def value(inside):
        both = -4.0 if {"a", "b"} <= inside else 0.0
        worse = 3.0 if {"a", "c"} <= inside else 0.0
        return noise - 2.0 * len(inside) + both + worse + draw.normal(0, 0.1, (30, 1)) * bool(inside)

    table = synergy("abc", value, columns("incidents")).set_index(["first", "second"])
    assert table.loc[("a", "b"), "synergy"] == pytest.approx(-4, abs=0.15)
    assert list(table["in_words"])[:2] == ["helps", "hinders"]
    assert table.loc[("a", "b"), "together"] == pytest.approx(-8, abs=0.1)
    assert pair_coalitions("abc")[0] == frozenset()
    assert len(pair_coalitions("abc")) == 7
    exact = synergy("ab", lambda inside: noise - len(inside), columns("incidents"))
    assert exact["synergy"].abs().max() < 1e-12


# --- order ----------------------------------------------------------------------------------------


def moved(shift):
    draw = np.random.default_rng(4)
    runs = {}
    for r in range(20):
        base = {"tension": 0.4 + draw.normal(0, 0.02, (24, 2)), "incidents": draw.poisson(3, (24, 2)).astype(float)}
        runs["a", r] = base
        later = {name: values.copy() for name, values in base.items()}
        later["tension"][8:] -= shift
        later["incidents"][14:] += draw.poisson(2, (10, 2))
        runs["b", r] = later
    monthly = monthly_table([series(runs)])
    return first_moves(difference_over_time(monthly, "a"), monthly, "a").set_index("outcome")


def test_the_order_of_moves_is_found():
    table = moved(0.05)
    assert (table.loc["tension", "month"], table.loc["tension", "order"]) == (8, 1)
    assert 14 <= table.loc["incidents", "month"] <= 15
    assert table.loc["incidents", "order"] == 2
    assert np.isnan(table.loc["legitimacy", "month"])
    assert table.loc["tension", "effect_end"] == pytest.approx(-0.05)
    assert table.loc["tension", "standardised_end"] < -1


def test_a_certain_but_tiny_difference_is_no_move():
    assert np.isnan(moved(1e-5).loc["tension", "month"])


# --- the paragraph --------------------------------------------------------------------------------


def told(total, parts, outcome="incidents"):
    unit = OUTCOMES[OUTCOME_INDEX[outcome]].unit
    better = pd.DataFrame({"outcome": [outcome], "unit": [unit], "scope": ["region"], "better": ["lower"]})
    draw = np.random.default_rng(1)
    noise = draw.normal(0, 0.1, (16, 1)) if total else np.zeros((16, 1))

    def value(inside):
        return sum((parts[name] for name in inside), np.zeros((16, 1))) * (1 + noise)

    found = attribution_table(attribute(tuple(parts), value), better)
    return why_paragraph(found, pd.DataFrame(), outcome, "region", ("Calm", "Package"))


def test_the_paragraph_says_what_the_numbers_say():
    text = told(True, {"police": np.full((16, 1), -8.0), "jobs": np.full((16, 1), -3.0), "noise": np.zeros((16, 1))})
    assert text.startswith("Over 16 pairs, Package lowers communal incidents in the region by 1")
    assert ", better." in text
    assert "It comes from police (" in text
    assert " and jobs (" in text
    assert "1 part changed nothing in any pair." in text
    assert "nearly add up" in text
    against = told(True, {"police": np.full((16, 1), -8.0), "jobs": np.full((16, 1), 3.0)})
    assert "In the other direction: jobs (" in against
    scale = told(True, {"police": np.full((16, 1), -0.00004)}, "tension")
    assert "tension in the region by 0.0000" in scale
    assert " on the scale 0 to 1 against Calm" in scale
    same = told(False, {"police": np.zeros((16, 1))})
    assert same == "Over 16 pairs, Package and Calm give exactly the same communal incidents in the region."


def test_the_paragraph_hedges_where_noise_hides_the_difference():
    noise = np.random.default_rng(2).normal(0, 5, (16, 1))
    text = told(True, {"police": noise - noise.mean() + 0.2})
    assert "not distinguishable from zero" in text
    assert "candidates, not" in text


# --- worlds ---------------------------------------------------------------------------------------


def twin(name, **changes):
    return replace(load_scenario(name), region="twin_valleys", **changes)


@pytest.fixture(scope="module")
def ends():
    """A calm twin_valleys, and the same with three programmes, a shock, a parameter and adaptive institutions."""
    calm = twin("baseline_2024", months=6, key="calm", title="Calm")
    package = load_scenario("way_forward")
    chosen = tuple(
        replace(item, start=0, targets=replace(item.targets, states=()))
        for item in package.interventions
        if item.key in ("police", "jobs", "dialogue")
    )
    whole = replace(
        calm, key="package", title="Package", interventions=chosen, parameters={"b_peer": 2.5}, institutions="adaptive"
    )
    return calm, whole


def test_every_difference_is_a_group_and_all_together_make_the_second_scenario(ends):
    calm, whole = ends
    found = between(calm, whole)
    assert set(found.groups) == {"police", "jobs", "dialogue", "parameter b_peer", "adaptive institutions"}
    assert found.world(frozenset()) is calm
    assert found.world(frozenset(found.groups)) is whole
    # put in place one after the other, the last step before the whole plus the last group is the whole
    for group in found.groups:
        rest = found.world(frozenset(found.groups) - {group})
        again = between(rest, whole)
        assert again.groups == (group,)
    only = found.world(frozenset({"police"}))
    assert [item.key for item in only.interventions] == ["police"]
    assert (only.institutions, only.parameters, only.title) == (calm.institutions, {}, "only police")
    assert len({found.world(inside).content_hash() for inside in coalitions(found.groups, SHAPLEY)}) == 32


def test_channels_families_and_actors_can_be_groups(ends):
    calm, whole = ends
    bare = replace(whole, parameters={}, institutions=calm.institutions)
    channels = between(calm, bare, "channel")
    levers = {c.lever for item in bare.interventions for c in item.entry.channels}
    assert set(channels.groups) == levers
    one = channels.world(frozenset({"police"}))
    assert {c.lever for item in one.interventions for c in item.entry.channels} == {"police"}
    assert set(between(calm, bare, "family").groups) == {item.entry.family for item in bare.interventions}
    assert set(between(calm, bare, "provider").groups) == {item.provider for item in bare.interventions}


def test_changed_and_removed_programmes_count_too(ends):
    calm, whole = ends
    first = replace(whole, key="first")
    police = next(item for item in whole.interventions if item.key == "police")
    others = tuple(item for item in whole.interventions if item.key not in ("police", "jobs"))
    second = replace(whole, key="second", interventions=(*others, replace(police, intensity=0.1)))
    found = between(first, second)
    assert set(found.groups) == {"police", "jobs"}
    assert {item.key for item in found.world(frozenset({"jobs"})).interventions} == {"police", "dialogue"}
    changed = found.world(frozenset({"police"}))
    assert next(item for item in changed.interventions if item.key == "police").intensity == 0.1


def test_shared_budgets_drawn_effects_and_theories_go_with_their_worlds(ends, tmp_path):
    """A world that lacks a member of a budget still loads, and what theories set is there part by part."""
    calm, whole = ends
    chosen = {"motive": "opportunity"}
    first = replace(calm, theories=chosen, parameters=stances(chosen))
    fund = Budget("fund", 5.0, ("jobs", "police"))
    second = replace(
        first, key="second", title="Second", interventions=whole.interventions, effects="drawn", budgets=(fund,)
    )
    found = between(first, second)
    assert set(found.groups) == {"police", "jobs", "dialogue", "drawn effects", "shared budgets"}
    for inside in coalitions(found.groups, SHAPLEY):
        world = found.world(inside)
        file = tmp_path / f"{world.key}.yaml"
        file.write_text(resolved_yaml(world), encoding="utf-8")
        assert load_scenario(file).content_hash() == world.content_hash()
        members = {"jobs", "police"} & inside if "shared budgets" in inside else set()
        assert {member for budget in world.budgets for member in budget.members} == members
        assert world.effects == ("drawn" if "drawn effects" in inside else "central")
    renamed = replace(
        second,
        effects="central",
        interventions=tuple(replace(item, key=f"my_{item.key}") for item in whole.interventions),
        budgets=(Budget("fund", 2.0, ("my_jobs", "my_police")),),
    )
    (group,) = between(replace(second, effects="central"), renamed).groups
    assert group == "shared budgets"


def test_bad_questions_are_refused_clearly(ends):
    calm, whole = ends
    with pytest.raises(InputError, match="do not differ"):
        between(calm, replace(calm, key="other"))
    with pytest.raises(InputError, match="by: no such grouping; got wizard; allowed programme, family"):
        between(calm, whole, "wizard")
    with pytest.raises(InputError, match="order: is not one of the parts; got nobody"):
        between(calm, whole, order=["nobody"])
    with pytest.raises(InputError, match="must be even"):
        question(calm, whole, Settings(method=SAMPLED, permutations=5))
    with pytest.raises(InputError, match="no such method; got magic"):
        question(calm, whole, Settings(method="magic"))
    forward = load_scenario("way_forward")
    with pytest.raises(InputError, match="11 parts; allowed at most 8"):
        question(load_scenario("baseline_2024"), forward, Settings(method=SHAPLEY))
    assert question(load_scenario("baseline_2024"), forward, Settings()).method == SAMPLED


class Additive(FakeEngine):
    """Incidents fall by 1 a month for police, 2 for jobs, and 3 more together; a fake that knows the answer."""

    def simulate(self, scenario, seed):
        result = super().simulate(FakeScenario(scenario.key, months=scenario.months), seed)
        names = {item.key for item in scenario.interventions}
        saved = 1.0 * ("police" in names) + 2.0 * ("jobs" in names) + 3.0 * ({"police", "jobs"} <= names)
        result.series[:, 0, OUTCOME_INDEX["incidents"]] += 100 - saved
        return result


def test_why_shares_out_a_known_difference(ends, tmp_path):
    calm, whole = ends
    bare = replace(whole, parameters={}, institutions=calm.institutions)
    result = why(calm, bare, replications=3, citizens=640, workers=1, out=tmp_path / "why", figures=False,
                 synergies=True, engine=Additive())  # fmt: skip
    rows = result.why.query("outcome == 'incidents' and scope == 'region'").set_index("group")["share"]
    assert dict(rows.round(9)) == {"dialogue": 0.0, "jobs": -21.0, "police": -15.0, TOTAL: -36.0}
    pair = result.synergy.query("outcome == 'incidents' and scope == 'region'")
    pair = pair[pair[["first", "second"]].isin(["police", "jobs"]).all(axis=1)]
    assert pair["synergy"].item() == -18
    assert pair["in_words"].item() == "helps"
    assert "It comes from jobs (-21, 58 %) and police (-15, 42 %)." in result.paragraph("incidents")
    assert "reinforce each other" in result.paragraph("incidents")
    stored = json.loads((tmp_path / "why" / "why.json").read_text())
    assert stored["worlds"]["calm"] == []
    assert len(stored["worlds"]) == 8
    assert (tmp_path / "why" / "why.csv").is_file()
    again = why(calm, bare, replications=3, citizens=640, workers=1, out=tmp_path / "why", figures=False,
                synergies=True, engine=Additive())  # fmt: skip
    assert again.tally.reused == again.tally.total == 24
    pd.testing.assert_frame_equal(again.why, result.why)


def test_why_with_the_model_adds_up_and_draws(ends, tmp_path):
    calm, whole = ends
    one = tuple(item for item in whole.interventions if item.key != "dialogue")
    result = why(calm, replace(whole, interventions=one, parameters={}), replications=4, citizens=640, workers=1,
                 out=tmp_path / "why")  # fmt: skip
    assert set(result.between.groups) == {"police", "jobs", "adaptive institutions"}
    shares = result.why[result.why["group"] != TOTAL].groupby(["outcome", "scope"])["share"].sum()
    total = result.why[result.why["group"] == TOTAL].set_index(["outcome", "scope"])["share"]
    np.testing.assert_allclose(shares.loc[total.index], total, rtol=1e-9, atol=1e-9)
    assert abs(total["cost", "region"]) > 0
    assert {path.suffix for path in result.figures} == {".png", ".svg"}
    assert result.figures[0].is_file()


def test_a_programme_of_zero_intensity_has_a_share_of_exactly_zero(ends, tmp_path):
    calm, whole = ends
    chosen = tuple(
        replace(item, intensity=0.0) if item.key == "jobs" else item
        for item in whole.interventions
        if item.key != "dialogue"
    )
    second = replace(whole, interventions=chosen, parameters={}, institutions=calm.institutions)
    result = why(calm, second, replications=2, citizens=640, workers=1, figures=False)
    rows = result.why[result.why["group"] == "jobs"]
    assert not rows[["share", "ci_low", "ci_high", "alone", "last"]].to_numpy().any()
    assert set(rows["in_words"]) == {"the same in every pair"}
