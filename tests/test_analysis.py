"""Estimators against known answers: by hand, by theory, or by coverage over many synthetic experiments."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sim.analysis import (
    EFFECT_COLUMNS,
    OUTCOMES_BY_PLACE,
    REGION,
    WHOLE_RUN,
    Threshold,
    acceptability,
    bootstrap_mean,
    community_effects,
    community_totals,
    cost_effectiveness,
    cost_plane,
    difference_over_time,
    district_effects,
    district_totals,
    lead_time,
    monthly_table,
    over_time,
    paired_effects,
    pairs_for_width,
    ranking,
    thresholds,
    window_table,
    write_csv,
)
from sim.analysis.ranking import HARM, NO_COST, UNCLEAR
from sim.analysis.statistics import (
    changed_p,
    crossed_estimate,
    false_discovery,
    holm,
    mean_estimate,
    no_more_than,
    paired_p,
    pairs_to_tell,
    probability_estimate,
    ratio_estimate,
    resample_weights,
    share_better,
    share_interval,
    spread,
    variance_saved,
    with_corrections,
)
from sim.analysis.tables import plain_text, windows_of
from sim.analysis.timeline import first_month
from sim.analysis.verdict import verdict
from sim.errors import InputError
from sim.world.outcomes import OUTCOME_NAMES, PLACE_OUTCOMES


def series(runs: dict[tuple[str, int], dict[str, object]], months: int = 24, states=("AAA", "BBB")) -> pd.DataFrame:
    """Build a series table; each value is a number, or an array (months, states)."""
    frames = []
    for (scenario, replication), given in runs.items():
        values = {"population": np.array([1000.0, 3000.0])[: len(states)]} | given
        frame = pd.DataFrame(
            {
                "run": f"{scenario}{replication}",
                "scenario": scenario,
                "replication": replication,
                "month": np.repeat(np.arange(months), len(states)),
                "state": np.tile(states, months),
            }
        )
        for name in OUTCOME_NAMES:
            value = np.broadcast_to(np.asarray(values.get(name, 0.0), float), (months, len(states)))
            frame[name] = value.ravel()
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def effect(table: pd.DataFrame, outcome: str, contrast="difference", scope=REGION, window=WHOLE_RUN, scenario="b"):
    rows = table.query(
        "outcome == @outcome and contrast == @contrast and scope == @scope"
        " and window == @window and scenario == @scenario"
    )
    assert len(rows) == 1
    return rows.iloc[0]


# --- estimators -----------------------------------------------------------------------------------


def test_mean_estimate_by_hand():
    estimate = mean_estimate(np.array([[1.0], [2.0], [3.0], [6.0]]))
    assert estimate.value == pytest.approx(3.0)
    assert estimate.error == pytest.approx(np.sqrt(14 / 3) / 2)
    half = 3.182446305 * np.sqrt(14 / 3) / 2  # t(0.975, 3)
    assert estimate.low == pytest.approx(3 - half)
    assert estimate.high == pytest.approx(3 + half)


def test_mean_estimate_of_equal_pairs_and_of_one_pair():
    same = mean_estimate(np.full((7, 2), [0.0, 0.1]))
    assert list(same.value) == list(same.low) == list(same.high) == [0.0, 0.1]
    alone = mean_estimate(np.array([[2.0]]))
    assert alone.value == 2
    assert np.isnan([alone.low, alone.high, alone.error]).all()


@pytest.mark.parametrize("n", [8, 64])
def test_mean_interval_covers_the_truth(n):
    draw = np.random.default_rng(7)
    pairs = draw.normal(0.3, 1.0, (n, 4000))
    estimate = mean_estimate(pairs)
    coverage = ((estimate.low <= 0.3) & (estimate.high >= 0.3)).mean()
    assert coverage == pytest.approx(0.95, abs=0.015)
    assert np.mean(estimate.error) == pytest.approx(1 / np.sqrt(n), rel=0.05)


def test_ratio_is_of_sums_and_covers_the_truth():
    draw = np.random.default_rng(3)
    shared = draw.gamma(2.0, 0.5, (64, 3000))  # shared by both worlds of a pair
    reference, treated = draw.poisson(10 * shared).astype(float), draw.poisson(7 * shared).astype(float)
    estimate = ratio_estimate(treated, reference)
    np.testing.assert_allclose(estimate.value, treated.sum(axis=0) / reference.sum(axis=0))
    coverage = ((estimate.low <= 0.7) & (estimate.high >= 0.7)).mean()
    assert coverage == pytest.approx(0.95, abs=0.015)
    with np.errstate(divide="ignore", invalid="ignore"):
        naive = (treated / reference)[:, reference.min(axis=0) > 0].mean()
    assert abs(np.median(estimate.value) - 0.7) < 0.01 < abs(naive - 0.7)


def test_ratio_at_its_edges():
    zero, some = np.zeros((4, 1)), np.array([[1.0], [2.0], [3.0], [4.0]])
    assert np.isnan(ratio_estimate(some, zero).value).all()
    gone = ratio_estimate(zero, some)
    assert (gone.value[0], gone.low[0], gone.high[0]) == (0.0, 0.0, np.inf)
    same = ratio_estimate(some, some)
    assert (same.value[0], same.low[0], same.high[0], same.error[0]) == (1.0, 1.0, 1.0, 0.0)
    lone = ratio_estimate(some, np.array([[0.0], [0.0], [0.0], [9.0]]))
    assert (lone.low[0], lone.high[0]) == (0.0, np.inf)


def test_probability_interval_covers_rare_events_and_is_zero_for_equal_pairs():
    draw = np.random.default_rng(5)
    uniform = draw.random((64, 4000))
    reference, treated = (uniform < 0.08).astype(float), (draw.random((64, 4000)) < 0.04).astype(float)
    estimate = probability_estimate(treated, reference)
    assert estimate.value.mean() == pytest.approx(-0.04, abs=0.005)
    assert ((estimate.low <= -0.04) & (estimate.high >= -0.04)).mean() >= 0.94
    same = probability_estimate(reference, reference)
    assert not same.value.any()
    assert not same.low.any()
    assert not same.high.any()


def test_share_better_counts_ties_half_and_knows_the_direction():
    differences = np.array([[-1.0, -1.0, -1.0], [0.0, 0.0, 0.0], [2.0, 2.0, 2.0], [3.0, 3.0, 3.0]])
    lower, higher, none = share_better(differences, np.array(["lower", "higher", "none"]))
    assert lower == (1 + 0.5) / 4
    assert higher == (2 + 0.5) / 4
    assert np.isnan(none)
    assert share_better(np.zeros((5, 1)), np.array(["lower"])) == 0.5


def test_spread_is_of_pairs_and_not_of_the_mean():
    low, high = spread(np.arange(101.0)[:, None])
    assert (low[0], high[0]) == (5.0, 95.0)


# --- windows --------------------------------------------------------------------------------------


def test_windows_follow_the_kind_and_pool_of_each_outcome():
    months = np.arange(18)[:, None]
    table = window_table(
        [
            series(
                {
                    ("a", 0): {
                        "incidents": np.hstack([months, months * 0 + 1]),
                        "displaced": np.hstack([months, months]),
                        "tension": np.hstack([months * 0 + 0.2, months * 0 + 0.6]),
                    }
                },
                months=18,
            )
        ]
    )
    rows = table.set_index(["scope", "window"])
    assert list(dict.fromkeys(table["window"])) == ["final", "peak", WHOLE_RUN, "year 1", "year 2"]
    assert rows.loc[(REGION, "final"), "incidents"] == 18
    assert rows.loc[("AAA", "peak"), "incidents"] == 17
    assert rows.loc[("AAA", "peak"), "tension"] == pytest.approx(0.2)
    assert rows.loc[("AAA", WHOLE_RUN), "incidents"] == 153
    assert rows.loc[(REGION, WHOLE_RUN), "incidents"] == 171
    assert rows.loc[("AAA", "year 2"), "incidents"] == sum(range(12, 18))
    assert rows.loc[(REGION, "year 1"), "displaced"] == 22
    assert rows.loc[(REGION, WHOLE_RUN), "tension"] == pytest.approx(0.25 * 0.2 + 0.75 * 0.6)
    assert windows_of(12) == {WHOLE_RUN: slice(0, 12)}


def test_windows_do_not_depend_on_parts_or_row_order():
    draw = np.random.default_rng(0)
    runs = {(name, r): {"incidents": draw.poisson(3, (24, 2))} for name in "ab" for r in range(3)}
    whole = window_table([series(runs)])
    parts = [series({key: value}) for key, value in reversed(runs.items())]
    shuffled = [part.sample(frac=1, random_state=1) for part in parts]
    pd.testing.assert_frame_equal(window_table(shuffled), whole)
    assert window_table([]).empty


def test_a_series_with_a_hole_is_refused():
    with pytest.raises(ValueError, match="missing"):
        window_table([series({("a", 0): {}}).drop(index=5)])


# --- effects --------------------------------------------------------------------------------------


def test_effects_have_the_agreed_columns_and_known_values():
    runs = {}
    for r, (before, after) in enumerate([(5.0, 3.0), (4.0, 4.0), (6.0, 3.0), (5.0, 4.0)]):
        runs["a", r] = {"incidents": np.array([before, 0.0])}
        runs["b", r] = {"incidents": np.array([after, 0.0]), "tension": 0.1 * r}
    table = paired_effects(window_table([series(runs)]), "a")
    assert list(table.columns) == EFFECT_COLUMNS
    assert EFFECT_COLUMNS[:15] == [
        "scenario",
        "outcome",
        "unit",
        "scope",
        "window",
        "contrast",
        "baseline_mean",
        "effect",
        "ci_low",
        "ci_high",
        "p_superior",
        "n",
        "mc_error",
        "spread_low",
        "spread_high",
    ]
    row = effect(table, "incidents")
    assert (row["baseline_mean"], row["effect"], row["n"]) == (120.0, 24 * -1.5, 4)
    assert row["p_superior"] == (3 + 0.5) / 4
    assert row["mc_error"] == pytest.approx(24 * np.std([-2, 0, -3, -1], ddof=1) / 2)
    assert row["unit"] == "events"
    ratio = effect(table, "incidents", "ratio")
    assert (ratio["effect"], ratio["unit"]) == (pytest.approx(14 / 20), "ratio")
    assert effect(table, "incidents", scope="BBB")["effect"] == 0
    assert effect(table, "tension")["effect"] == pytest.approx(0.15)
    assert "ratio" not in set(table.query("outcome == 'tension'")["contrast"])
    assert set(table["scope"]) == {REGION, "AAA", "BBB"}
    assert set(table["scenario"]) == {"b"}


def test_no_difference_is_exactly_zero_with_an_interval_of_no_width():
    draw = np.random.default_rng(2)
    runs = {}
    for r in range(6):
        shared = {"incidents": draw.poisson(2, (24, 2)), "tension": draw.random((24, 2))}
        runs["a", r], runs["b", r] = shared, shared
    table = paired_effects(window_table([series(runs)]), "a").query("contrast == 'difference'")
    assert not table[["effect", "ci_low", "ci_high", "mc_error", "spread_low", "spread_high"]].to_numpy().any()
    assert set(table["p_superior"].dropna()) == {0.5}


def test_rare_outcomes_also_report_the_probability_of_any():
    runs = {}
    for r in range(20):
        runs["a", r] = {"onset": np.eye(24, 2) * (r == 0)}
        runs["b", r] = {"onset": np.zeros((24, 2))}
    table = paired_effects(window_table([series(runs)]), "a")
    row = effect(table, "onset", "probability")
    assert (row["effect"], row["baseline_mean"], row["unit"]) == (-0.05, 0.05, "probability")
    assert row["ci_low"] < -0.05 < row["ci_high"]
    assert "probability" not in set(table.query("outcome == 'armed_deaths'")["contrast"])


def test_only_replications_that_both_have_are_paired():
    runs = {("a", r): {"incidents": float(r)} for r in (0, 1, 3)} | {
        ("b", r): {"incidents": r + 1.0} for r in (1, 2, 3)
    }
    row = effect(paired_effects(window_table([series(runs)]), "a"), "incidents")
    assert (row["n"], row["effect"], row["ci_low"], row["ci_high"]) == (2, 48, 48, 48)


def test_a_baseline_without_runs_is_refused():
    with pytest.raises(InputError, match="no finished run"):
        paired_effects(window_table([series({("b", 0): {}})]), "a")


# --- over time ------------------------------------------------------------------------------------


def test_differences_over_time_cumulate_flows_only():
    runs = {}
    for r in range(5):
        runs["a", r] = {"incidents": 1.0, "tension": 0.5}
        runs["b", r] = {"incidents": 2.0, "tension": 0.5 + 0.01 * r}
    table = difference_over_time(monthly_table([series(runs)], [REGION, "AAA"]), "a")
    incidents = table.query("outcome == 'incidents' and scope == 'AAA'").sort_values("month")
    assert list(incidents["effect"]) == list(range(1, 25))
    assert incidents["cumulative"].all()
    tension = table.query("outcome == 'tension' and scope == 'region'")
    np.testing.assert_allclose(tension["effect"], 0.02)
    assert (tension["spread_low"] < tension["ci_low"] + 0.02).all()
    assert not tension["cumulative"].any()


def test_one_scenario_over_time():
    runs = {("a", r): {"incidents": np.array([r, 2 * r])} for r in range(21)}
    table = over_time(monthly_table([series(runs)]), "a").query("outcome == 'incidents'")
    assert set(table["mean"]) == {30.0}
    assert set(table["low"]) == {3.0}
    assert set(table["high"]) == {57.0}


# --- places ---------------------------------------------------------------------------------------


def places(scenario: str, replication: int, incidents: float, tension: tuple[float, float]) -> pd.DataFrame:
    """Two districts, two communities of 1,000 and 3,000 persons, eighteen months."""
    rows = []
    for window, months in ((0, 12), (1, 6)):
        for district in ("d1", "d2"):
            for community, persons, level in (("x", 1000, tension[0]), ("y", 3000, tension[1])):
                rows.append(
                    {
                        "scenario": scenario,
                        "replication": replication,
                        "window": window,
                        "state": "AAA",
                        "district": district,
                        "community": community,
                        "person_rounds": 4 * months * persons,
                        "incidents": incidents * months if district == "d1" else 0.0,
                        "tension": level,
                    }
                )
    return pd.DataFrame(rows).assign(**{name: 0.0 for name in PLACE_OUTCOMES if name not in rows[0]})


def test_district_effects_are_rates_and_weighted_means():
    parts = [places("a", r, 1.0, (0.2, 0.6)) for r in range(3)] + [places("b", r, 0.5, (0.2, 0.2)) for r in range(3)]
    table = district_effects(district_totals(parts, months=18), "a")
    row = table.query("outcome == 'incidents' and district == 'd1'").iloc[0]
    assert row["persons"] == 4000
    assert row["baseline_mean"] == pytest.approx(2 * 18 / (4000 * 1.5) * 100_000)
    assert row["effect"] == pytest.approx(-row["baseline_mean"] / 2)
    assert table.query("outcome == 'incidents' and district == 'd2'")["effect"].iloc[0] == 0
    tension = table.query("outcome == 'tension' and district == 'd2'").iloc[0]
    assert tension["baseline_mean"] == pytest.approx(0.5)
    assert tension["effect"] == pytest.approx(-0.3)


def test_every_place_column_has_a_measure():
    assert {measure.name for measure in OUTCOMES_BY_PLACE} == set(PLACE_OUTCOMES) - {"person_rounds"}


def test_empty_districts_have_no_rate_and_no_nan():
    part = places("a", 0, 0.0, (0.2, 0.6)).assign(person_rounds=0.0, tension=np.nan)
    totals = district_totals([part], months=18)
    assert not totals[[measure.name for measure in OUTCOMES_BY_PLACE]].to_numpy().any()


# --- cost -----------------------------------------------------------------------------------------


def cost_table(averted, cost=2.0):
    draw = np.random.default_rng(4)
    runs = {}
    for r, saved in enumerate(averted):
        base = 100 + draw.integers(0, 20)
        runs["a", r] = {"incidents": np.array([base, 0.0])}
        runs["b", r] = {"incidents": np.array([base - saved, 0.0]), "cost": np.array([cost, 0.0])}
    windows = window_table([series(runs)])
    table = cost_effectiveness(windows[windows["window"] == WHOLE_RUN], "a")
    return table.query("outcome == 'incidents' and scope == 'region'").iloc[0]


def test_cost_per_unit_averted_and_its_interval():
    draw = np.random.default_rng(6)
    row = cost_table(draw.normal(10, 2, 64))
    assert row["cost_per_unit"] == pytest.approx(row["cost"] / row["averted"])
    assert row["ci_low"] < 0.2 < row["ci_high"]
    assert row["ci_high"] - row["ci_low"] < 0.05
    assert row["note"] == ""


@pytest.mark.parametrize(
    ("averted", "cost", "note"),
    [
        ((5.0, -5.0, 4.0, -4.0), 2.0, UNCLEAR),
        ((-5.0, -6.0, -4.0, -5.5), 2.0, HARM),
        ((5.0, 6.0, 4.0, 5.5), 0.0, NO_COST),
        ((0.0, 0.0, 0.0), 2.0, UNCLEAR),
        ((5.0,), 2.0, UNCLEAR),
    ],
)
def test_there_is_no_price_without_a_clear_benefit(averted, cost, note):
    row = cost_table(averted, cost)
    assert row["note"] == note
    assert np.isnan(row["cost_per_unit"])


# --- intervals ------------------------------------------------------------------------------------


def test_bootstrap_is_seeded_and_agrees_with_theory_for_plain_data():
    draw = np.random.default_rng(1)
    values = draw.normal(2.0, 1.0, (100, 40))
    low, high = bootstrap_mean(values)
    again = bootstrap_mean(values)
    assert (low == again[0]).all()
    assert (high == again[1]).all()
    estimate = mean_estimate(values)
    np.testing.assert_allclose(high - low, estimate.high - estimate.low, rtol=0.15)
    same = bootstrap_mean(np.full((7, 2), [0.0, 0.1]))
    assert list(same[0]) == list(same[1]) == [0.0, 0.1]
    assert np.isnan(bootstrap_mean(np.ones((1, 2)))).all()


def test_bca_against_scipy():
    draw = np.random.default_rng(2)
    values = draw.gamma(0.8, 2.0, 60)
    low, high = bootstrap_mean(values[:, None], resamples=9999)
    known = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=9999, rng=np.random.default_rng(3))
    assert low[0] == pytest.approx(known.confidence_interval.low, rel=0.02)
    assert high[0] == pytest.approx(known.confidence_interval.high, rel=0.02)


def test_bca_leans_to_the_long_tail_and_covers_it_better_than_percentiles():
    draw = np.random.default_rng(5)
    values = draw.lognormal(0.0, 1.0, (30, 3000))
    truth = np.exp(0.5)
    intervals = bootstrap_mean(values), np.quantile(resample_weights(30) @ values, [0.025, 0.975], axis=0)
    corrected, plain = (np.mean((low <= truth) & (high >= truth)) for low, high in intervals)
    assert corrected > plain + 0.01
    assert corrected > 0.86


def test_equivalence_bound_is_where_two_one_sided_tests_turn():
    draw = np.random.default_rng(3)
    values = draw.normal(0.1, 1.0, (80, 1))
    bound = no_more_than(values)[0]
    for margin, shown in ((bound * 1.001, True), (bound * 0.999, False)):
        above = stats.ttest_1samp(values[:, 0], -margin, alternative="greater").pvalue
        below = stats.ttest_1samp(values[:, 0], margin, alternative="less").pvalue
        assert bool(max(above, below) < 0.05) is shown


def test_equivalence_is_claimed_wrongly_in_at_most_one_in_twenty():
    draw = np.random.default_rng(4)
    values = draw.normal(0.5, 1.0, (40, 4000))
    assert (no_more_than(values) < 0.5).mean() <= 0.055


def test_exact_p_of_pairs_that_changed():
    treated, reference = np.array([[1.0]] * 8 + [[0.0]] * 12), np.array([[0.0]] * 8 + [[1.0]] * 2 + [[0.0]] * 10)
    assert changed_p(treated, reference)[0] == pytest.approx(stats.binomtest(2, 10, 0.5).pvalue)
    assert np.isnan(changed_p(reference, reference)[0])


def test_p_of_pairs_and_what_has_none():
    values = np.random.default_rng(6).normal(0.3, 1, (25, 3))
    np.testing.assert_allclose(paired_p(values), stats.ttest_1samp(values, 0).pvalue)
    assert np.isnan(paired_p(np.zeros((5, 1)))[0])
    assert paired_p(np.ones((5, 1)))[0] == 0
    assert np.isnan(paired_p(np.ones((1, 1)))[0])


def test_pairs_to_tell_and_pairs_for_a_width():
    draw = np.random.default_rng(7)
    sample = draw.normal(0.5, 1.0, (400, 1))
    sample = (sample - sample.mean()) / sample.std(ddof=1) + 0.5
    needed = int(pairs_to_tell(sample)[0])
    told = stats.ttest_1samp(draw.normal(0.5, 1.0, (needed, 4000)), 0).pvalue < 0.05
    assert told.mean() == pytest.approx(0.8, abs=0.03)
    assert np.isnan(pairs_to_tell(np.zeros((5, 1)))[0])
    spread = 2.0
    n = pairs_for_width(spread / np.sqrt(10), 10, 0.25)
    assert stats.t.ppf(0.975, n - 1) * spread / np.sqrt(n) <= 0.25
    assert stats.t.ppf(0.975, n - 2) * spread / np.sqrt(n - 1) > 0.25 * 0.98
    with pytest.raises(ValueError, match="above 0"):
        pairs_for_width(1.0, 10, 0.0)


def test_variance_saved_by_pairing():
    draw = np.random.default_rng(8)
    shared = draw.normal(0, 3, (4000, 1))
    treated, reference = shared + draw.normal(0, 1, (4000, 1)), shared + draw.normal(0, 1, (4000, 1))
    assert variance_saved(treated, reference)[0] == pytest.approx(0.9, abs=0.01)
    assert np.isnan(variance_saved(np.ones((5, 1)), np.zeros((5, 1)))[0])


def test_corrections_by_hand_and_in_families():
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(holm(p), [0.03, np.nan, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(false_discovery(p), [0.02, np.nan, 0.04, 0.04, 0.02])
    table = pd.DataFrame({"family": ["x", "x", "y"], "p_value": [0.01, 0.04, 0.04]})
    assert list(with_corrections(table, ["family"])["p_holm"]) == [0.02, 0.04, 0.04]


def test_wilson_interval_of_a_share():
    low, high = share_interval(np.array([0.0, 5.0, 10.0, 0.0]), np.array([10.0, 10.0, 10.0, 0.0]))
    known = [stats.binomtest(k, 10).proportion_ci(method="wilson") for k in (0, 5, 10)]
    np.testing.assert_allclose(low[:3], [ci.low for ci in known], atol=1e-12)
    np.testing.assert_allclose(high[:3], [ci.high for ci in known], atol=1e-12)
    assert np.isnan([low[3], high[3]]).all()


def test_intervals_over_points_and_replications_cover_the_truth():
    draw = np.random.default_rng(9)
    points, replications = (index.ravel() for index in np.mgrid[:12, :12])
    shape = (12, 12, 1500)
    values = draw.normal(0, 1, (12, 1, 1500)) + draw.normal(0, 1, (1, 12, 1500)) + draw.normal(0, 1, shape)
    estimate, error = crossed_estimate(values.reshape(144, 1500), points, replications)
    assert ((estimate.low <= 0) & (estimate.high >= 0)).mean() == pytest.approx(0.95, abs=0.025)
    naive = mean_estimate(values.reshape(144, 1500))
    assert ((naive.low <= 0) & (naive.high >= 0)).mean() < 0.7
    assert np.mean(error**2) == pytest.approx(1 / 12 + 1 / 144, rel=0.1)


def test_no_more_false_findings_than_the_nominal_rate_where_nothing_differs():
    draw = np.random.default_rng(11)
    shape = (16, 4000)
    worlds = {
        "counts": lambda: draw.poisson(2, shape),
        "rare": lambda: draw.random(shape) < 0.1,
        "heavy": lambda: draw.pareto(1.5, shape) * (draw.random(shape) < 0.3),
        "level": lambda: draw.normal(0.4, 0.05, shape),
    }
    for make in worlds.values():
        treated, reference = make().astype(float), make().astype(float)
        assert np.nanmean(paired_p(treated - reference) < 0.05) <= 0.06
        assert np.nanmean(changed_p(treated, reference) < 0.05) <= 0.05


def test_p_values_and_intervals_of_a_table_agree():
    draw = np.random.default_rng(11)
    runs = {(name, r): {"incidents": draw.poisson(2, (24, 2)), "tension": draw.normal(0.4, 0.05, (24, 2))}
            for name in ("a", "b", "c") for r in range(8)}  # fmt: skip
    table = paired_effects(window_table([series(runs)]), "a")
    tested = table[table["p_value"].notna() & (table["contrast"] == "difference")]
    outside = (tested["ci_low"] > 0) | (tested["ci_high"] < 0)
    assert (outside == (tested["p_value"] < 0.05)).all()
    assert (tested["p_holm"] >= tested["q_fdr"]).all()
    assert (tested["q_fdr"] >= tested["p_value"]).all()
    untested = table[table["p_value"].isna() & (table["contrast"] == "difference")]
    assert set(untested["in_words"]) == {"the same in every pair"}
    assert (tested["no_more_than"] >= tested["effect"].abs()).all()


# --- design points --------------------------------------------------------------------------------


def test_pairs_of_a_sweep_agree_in_point_and_replication():
    draw = np.random.default_rng(13)
    frames = []
    for point in range(4):
        runs = {}
        for r in range(5):
            base = draw.poisson(5, (12, 2)).astype(float)
            runs["a", r], runs["b", r] = {"incidents": base}, {"incidents": base - 1.0 * point}
        frames.append(series(runs, 12).assign(point=point))
    windows = window_table(frames)
    assert list(windows.columns[:3]) == ["scenario", "point", "replication"]
    row = effect(paired_effects(windows, "a"), "incidents")
    assert row["n"] == 20
    assert row["effect"] == pytest.approx(-24 * 1.5)
    assert row["mc_error"] == pytest.approx(0, abs=1e-9)  # replications agree; points do not
    half = stats.t.ppf(0.975, 3) * np.std([0, 24, 48, 72], ddof=1) / 2
    assert row["ci_high"] - row["effect"] == pytest.approx(half)
    assert np.isnan(row["p_value"])
    assert not monthly_table(frames).duplicated(["scenario", "point", "replication", "scope", "month"]).any()


# --- thresholds -----------------------------------------------------------------------------------


def test_time_to_threshold_counts_runs_that_never_get_there():
    levels = (Threshold("armed_deaths", 10), Threshold("legitimacy", 0.3, "falls"))
    never, early, late = np.zeros((24, 2)), np.zeros((24, 2)), np.zeros((24, 2))
    early[4, 0], late[9, 0] = 10, 12
    runs = {}
    for r, (before, after) in enumerate([(early, late), (early, never), (late, never), (never, never)]):
        runs["a", r] = {"armed_deaths": before, "legitimacy": 0.5}
        runs["b", r] = {"armed_deaths": after, "legitimacy": 0.5}
    table = thresholds(monthly_table([series(runs)]), "a", levels).set_index("outcome")
    row = table.loc["armed_deaths"]
    assert (row["baseline_reached"], row["reached"], row["horizon"]) == (0.75, 0.25, 24)
    assert row["effect"] == pytest.approx(np.mean([9 - 4, 24 - 4, 24 - 9, 0]))
    assert row["baseline_median"] == pytest.approx((4 + 9) / 2)
    assert np.isnan(row["median"])
    assert row["p_superior"] == (3 + 0.5) / 4
    assert table.loc["legitimacy", "in_words"] == "the same in every pair"
    clear = {(name, r): {"armed_deaths": early if name == "a" else late} for name in "ab" for r in range(4)}
    words = thresholds(monthly_table([series(clear)]), "a", levels[:1])["in_words"]
    assert list(words) == ["better"]
    assert np.isinf(first_month(never[None, :, :1].repeat(len(OUTCOME_NAMES), 2), levels[0])).all()


# --- ranking --------------------------------------------------------------------------------------


def ranked(gap, n=20):
    draw = np.random.default_rng(12)
    runs = {}
    for r in range(n):
        shared = draw.poisson(10)
        for place, name in enumerate("abc"):
            noise = draw.normal(0, 1, (24, 1))
            runs[name, r] = {"incidents": np.hstack([shared - gap * place + noise, noise * 0])}
    return ranking(window_table([series(runs)]), "incidents").set_index("scenario")


def test_ranking_knows_the_best_and_says_when_it_cannot():
    table = ranked(1.0)
    assert list(table.index) == ["c", "b", "a"]
    assert list(table["rank"]) == [1, 2, 3]
    assert table.loc["c", "p_best"] == 1
    assert table.loc["c", "loss"] == 0
    assert table.loc["a", "loss"] == pytest.approx(48, abs=4)
    assert list(table["in_words"]) == ["best", "not best", "not best"]
    unsure = ranked(0.0)
    assert unsure["p_best"].sum() == pytest.approx(1)
    assert "not enough replications to tell" in set(unsure["in_words"])
    assert (unsure["rank_high"] - unsure["rank_low"]).max() >= 1


def test_ranking_refuses_outcomes_without_a_better_direction():
    with pytest.raises(InputError, match="participants: has no better direction"):
        ranking(window_table([series({("a", 0): {}})]), "participants")


# --- cost: plane and acceptability ----------------------------------------------------------------


def priced():
    draw = np.random.default_rng(4)
    runs = {}
    for r in range(30):
        base = 100 + draw.integers(0, 20)
        runs["a", r] = {"incidents": np.array([base, 0.0])}
        runs["cheap", r] = {"incidents": np.array([base - draw.normal(5, 3), 0.0]), "cost": np.array([1.0, 0.0])}
        runs["dear", r] = {"incidents": np.array([base - draw.normal(10, 3), 0.0]), "cost": np.array([9.0, 0.0])}
    return window_table([series(runs)])


def test_acceptability_follows_what_a_unit_is_worth():
    windows = priced()
    table = acceptability(windows, "a", "incidents", willing=[0.0, 0.1, 1.0, 5.0]).set_index(["willing", "scenario"])
    assert table.loc[(0.0, "a"), "p_best"] == 1
    assert table.loc[(1.0, "cheap"), "p_best"] > 0.95
    assert table.loc[(5.0, "dear"), "p_best"] > 0.95
    assert table.loc[(0.1, "cheap"), "p_worth"] == 0
    assert (table.loc[(slice(None), "a"), "p_worth"] == 0.5).all()
    np.testing.assert_allclose(table.groupby("willing")["p_best"].sum(), 1)
    with pytest.raises(InputError, match="tension: has no price"):
        acceptability(windows, "a", "tension")


def test_cost_plane_scatters_around_the_estimate():
    table = cost_plane(priced(), "a", "incidents", draws=50).query("scenario == 'dear'")
    assert list(table["draw"]) == list(range(51))
    centre = table.iloc[0]
    assert (centre["averted"], centre["cost"]) == (pytest.approx(240, abs=20), pytest.approx(216))
    assert table["averted"].mean() == pytest.approx(centre["averted"], abs=5)


# --- for whom -------------------------------------------------------------------------------------


def test_effects_by_community_in_states_and_everywhere():
    parts = [
        places(name, r, rate, (0.2 + 0.01 * r, 0.6))
        for r in range(6)
        for name, rate in (("a", 4.0), ("b", 4.0 - 0.1 * r))
    ]
    totals = community_totals(parts, months=18)
    table = community_effects(totals, "a")
    assert set(table["state"]) == {*parts[0]["state"], "region"}
    everywhere = table.query("state == 'region' and outcome == 'incidents'")
    assert (everywhere["effect"] < 0).any()
    assert set(table["in_words"]) <= {
        "better",
        "worse",
        "more",
        "less",
        "not enough replications to tell",
        "the same in every pair",
    }
    whole = totals[totals["state"] == "region"].groupby(["scenario", "replication"])["persons"].sum()
    split = totals[totals["state"] != "region"].groupby(["scenario", "replication"])["persons"].sum()
    np.testing.assert_allclose(whole, split)


# --- early warning --------------------------------------------------------------------------------


def warned(on_from, episode_at, months=36, off_at=None):
    path, events = np.full((months, 2), 0.2), np.zeros((months, 2))
    if on_from is not None:
        path[on_from:off_at, 0] = 0.8
    if episode_at is not None:
        events[episode_at, 0] = 1
    return {"tension": path, "onset": events}


def test_lead_times_hits_and_false_alarms_by_hand():
    runs = {
        ("a", 0): warned(10, 16),  # hit, six months ahead
        ("a", 1): warned(2, 20),  # an alarm that lasts: the look-back limits the lead
        ("a", 2): warned(None, 15),  # missed
        ("a", 3): warned(5, None, off_at=7),  # false
        ("a", 4): warned(34, None),  # too late to tell
    }
    table = lead_time(monthly_table([series(runs, 36)], ["AAA", "BBB"]), "tension", [0.5, 0.9])
    row = table.iloc[0]
    assert (row["episodes"], row["hits"]) == (3, 2)
    assert row["hit_rate"] == pytest.approx(2 / 3)
    assert row["lead_median"] == pytest.approx((6 + 12) / 2)
    assert (row["alarms"], row["false_alarms"]) == (3, 1)
    assert row["in_words"].endswith("too few episodes to rely on")
    assert row["hit_low"] < 2 / 3 < row["hit_high"]
    none = table.iloc[1]
    assert (none["hits"], none["alarms"]) == (0, 0)
    with pytest.raises(InputError, match="troops: has no bad side"):
        lead_time(monthly_table([series(runs, 36)], ["AAA"]), "troops", [1.0])


def test_an_episode_counts_once_while_it_lasts():
    events = np.zeros((36, 2))
    events[[12, 13, 20, 33], 0] = 1
    runs = {("a", 0): {"tension": np.full((36, 2), 0.2), "onset": events}}
    table = lead_time(monthly_table([series(runs, 36)], ["AAA"]), "tension", [0.5])
    assert table["episodes"].item() == 2


# --- words and files ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "better", "words"),
    [
        ((-2.0, -3.0, -1.0), "lower", "better"),
        ((-2.0, -3.0, -1.0), "higher", "worse"),
        ((2.0, 1.0, 3.0), "none", "more"),
        ((-2.0, -5.0, 1.0), "lower", "not enough replications to tell"),
        ((0.0, 0.0, 0.0), "lower", "the same in every pair"),
        ((1.0, np.nan, np.nan), "lower", "one pair: no interval"),
        ((2.0, 2.0, 2.0), "higher", "better"),
    ],
)
def test_verdicts(numbers, better, words):
    assert verdict(*numbers, better) == words


def test_csv_cells_cannot_become_formulas(tmp_path):
    nasty = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", 'a,b"c', "Čačak", "line\nbreak", "  =1"]
    write_csv(pd.DataFrame({"name": nasty, "value": np.linspace(-1, 1, len(nasty))}), tmp_path / "t.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "t.csv").read_text(encoding="utf-8"))))[1:]
    assert not [name for name, _ in rows if name.lstrip().startswith(("=", "+", "-", "@"))]
    assert rows[7][0] == "Čačak"
    assert rows[6][0] == 'a,b"c'
    assert float(rows[0][1]) == -1.0
    assert plain_text("plain") == "plain"
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
