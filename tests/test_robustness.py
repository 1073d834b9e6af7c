"""Robustness: splits of variance, sensitivity, boxes and tipping values against worlds whose answer is known."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from sim.analysis import (
    discover,
    holds_summary,
    holds_under,
    morris,
    point_means,
    regret,
    run_differences,
    satisficing,
    sobol,
    tip_by_bisection,
    tipping,
    variance_split,
)
from sim.analysis.discovery import local_line, quasi_p
from sim.errors import InputError
from tests.long.statistics import null_bank, null_rates


def runs_of(values: np.ndarray, scenario="a", outcome="incidents", theory=None) -> pd.DataFrame:
    """Runs of one scenario from an array (n_points, n_replications)."""
    points, replications = values.shape
    frame = pd.DataFrame(
        {
            "scenario": scenario,
            "point": np.repeat(np.arange(points), replications),
            "replication": np.tile(np.arange(replications), points),
            "status": "done",
            outcome: values.ravel(),
        }
    )
    return frame if theory is None else frame.assign(theory=np.repeat(np.asarray(theory), replications))


# --- variance -------------------------------------------------------------------------------------


def world(draw, points=60, replications=8, sd=(3.0, 4.0, 0.0), theories=1):
    """Values whose variance by seed, parameters and theory is known; random draws are shared across points."""
    shared, own = draw.normal(0, sd[0] * 0.6, replications), draw.normal(0, sd[0] * 0.8, (points, replications))
    theory = np.repeat(np.arange(theories), points // theories)
    centre = np.linspace(-1, 1, theories) if theories > 1 else np.zeros(1)
    offset = centre * sd[2] / max(centre.std(), 1e-12)
    values = draw.normal(0, sd[1], points)[:, None] + shared + own + offset[theory][:, None]
    return runs_of(values, theory=theory)


def test_variance_is_split_as_it_was_made():
    draw = np.random.default_rng(1)
    tables = [variance_split(world(draw, 90, 8, (3.0, 4.0, 5.0), 3), ["incidents"], "theory") for _ in range(30)]
    mean = pd.concat(tables).groupby("source")["variance"].mean()
    assert mean["seed"] == pytest.approx(9, rel=0.2)
    assert mean["parameters"] == pytest.approx(16, rel=0.1)
    assert mean["theory"] == pytest.approx(25, rel=0.1)
    assert tables[0]["share"].sum() == pytest.approx(1)
    assert list(tables[0]["theories"]) == [3, 3, 3]


def test_sampling_error_alone_does_not_pass_as_parameters_or_theory():
    draw = np.random.default_rng(2)
    split = pd.concat(
        [variance_split(world(draw, 40, 4, (3.0, 0.0, 0.0), 2), ["incidents"], "theory") for _ in range(30)]
    )
    means = split.groupby("source")["share"].mean()
    assert means["seed"] > 0.9
    assert means["theory"] < 0.05


def test_intervals_of_shares_cover_the_truth():
    draw = np.random.default_rng(3)
    hits = 0
    for _ in range(100):
        row = variance_split(world(draw, 60, 10), ["incidents"]).set_index("source").loc["parameters"]
        hits += row["share_low"] <= 16 / 25 <= row["share_high"]
    assert hits >= 88


def test_an_unfinished_sweep_counts_only_what_is_balanced():
    draw = np.random.default_rng(4)
    whole = world(draw, 30, 5)
    cut = whole.drop(whole[(whole["replication"] == 4) & (whole["point"] > 9)].index)
    full = whole[whole["replication"] < 4]
    pd.testing.assert_frame_equal(variance_split(cut, ["incidents"]), variance_split(full, ["incidents"]))
    with pytest.raises(InputError, match="two replications"):
        variance_split(whole[whole["replication"] == 0], ["incidents"])


# --- sensitivity ----------------------------------------------------------------------------------


def ishigami_design(n=1024, second=True):
    salib = pytest.importorskip("SALib")
    assert salib
    from SALib.sample import sobol as sampler

    names = ["parameters.x1", "parameters.x2", "parameters.x3"]
    problem = {"num_vars": 3, "names": names, "bounds": [[-np.pi, np.pi]] * 3}
    points = pd.DataFrame(sampler.sample(problem, n, calc_second_order=second, seed=5), columns=names)
    points.insert(0, "point", np.arange(len(points)))
    design = {
        "kind": "sobol",
        "second_order": second,
        "factors": [{"key": k, "low": -np.pi, "high": np.pi} for k in names],
    }
    return points, design


def ishigami(points: pd.DataFrame) -> pd.Series:
    x1, x2, x3 = (points[name].to_numpy() for name in points.columns[1:])
    return pd.Series(np.sin(x1) + 7 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1), index=points["point"])


ISHIGAMI = {"parameters.x1": (0.3139, 0.5576), "parameters.x2": (0.4424, 0.4424), "parameters.x3": (0.0, 0.2437)}
"""First-order and total indices of the Ishigami function with a = 7, b = 0.1, by hand."""


@pytest.mark.extra
def test_sobol_indices_of_the_ishigami_function():
    points, design = ishigami_design()
    table, pairs = sobol(points, ishigami(points), design)
    found = table.set_index("factor")
    for name, (first, total) in ISHIGAMI.items():
        assert found.loc[name, "first"] == pytest.approx(first, abs=0.06)
        assert found.loc[name, "total"] == pytest.approx(total, abs=0.06)
        assert found.loc[name, "total_low"] < total < found.loc[name, "total_high"]
    second = pairs.set_index(["factor", "other"])["second"]
    assert second["parameters.x1", "parameters.x3"] == pytest.approx(0.2437, abs=0.08)
    assert second["parameters.x1", "parameters.x2"] == pytest.approx(0, abs=0.08)


@pytest.mark.extra
def test_sobol_uses_what_is_complete_of_a_half_finished_sweep():
    points, design = ishigami_design(512, second=False)
    values = ishigami(points)
    half, _ = sobol(points, values.iloc[: 5 * 256 + 3], design)
    assert set(half["n"]) == {256}
    alone, _ = sobol(points.iloc[: 5 * 256], values.iloc[: 5 * 256], design)
    pd.testing.assert_frame_equal(half, alone)
    with pytest.raises(InputError, match="only 1 of 512 blocks"):
        sobol(points, values.iloc[:5], design)
    with pytest.raises(InputError, match="not this kind of design"):
        sobol(points.iloc[:7], values, design)


@pytest.mark.extra
def test_sobol_of_a_constant_has_no_answer():
    points, design = ishigami_design(8, second=True)
    table, pairs = sobol(points, ishigami(points) * 0, design)
    assert table["first"].isna().all()
    assert pairs.empty


@pytest.mark.extra
def test_morris_screens_a_linear_function_exactly():
    pytest.importorskip("SALib")
    from SALib.sample import morris as sampler

    names = ["a", "b", "c"]
    bounds = [[0.0, 10.0], [-1.0, 1.0], [5.0, 6.0]]
    drawn = sampler.sample({"num_vars": 3, "names": names, "bounds": bounds}, 20, num_levels=4, seed=1)
    points = pd.DataFrame(drawn, columns=names)
    points.insert(0, "point", np.arange(len(points)))
    values = pd.Series(2 * points["a"] - 3 * points["b"], index=points["point"])
    design = {"kind": "morris", "num_levels": 4}
    table = morris(points, values, design).set_index("factor")
    assert list(table.index) == ["a", "b", "c"]
    np.testing.assert_allclose(table["mu"], [20, -6, 0], atol=1e-9)
    np.testing.assert_allclose(table["mu_star"], [20, 6, 0], atol=1e-9)
    np.testing.assert_allclose(table["sigma"], 0, atol=1e-9)
    missing = morris(points, values.drop(5), design)
    assert set(missing["n"]) == {19}


@pytest.mark.extra
def test_morris_effects_are_over_the_range_of_probability_whatever_the_distribution():
    pytest.importorskip("SALib")
    from SALib.sample import morris as sampler

    unit = sampler.sample({"num_vars": 2, "names": ["a", "b"], "bounds": [[0, 1]] * 2}, 30, num_levels=4, seed=2)
    points = pd.DataFrame({"point": np.arange(len(unit)), "a": np.exp(5 * unit[:, 0]), "b": unit[:, 1]})
    values = pd.Series(6 * unit[:, 0] + unit[:, 1], index=points["point"])
    table = morris(points, values, {"num_levels": 4}).set_index("factor")
    words = points.assign(b=points["b"].map({0: "w", 1 / 3: "x", 2 / 3: "y", 1: "z"}))
    pd.testing.assert_frame_equal(morris(words, values, {"num_levels": 4}).set_index("factor"), table)
    np.testing.assert_allclose(table.loc[["a", "b"], "mu_star"], [6, 1], atol=1e-9)


@pytest.mark.extra
def test_a_missing_library_is_said_plainly(monkeypatch):
    points, design = ishigami_design(8)
    monkeypatch.setitem(sys.modules, "SALib.analyze.sobol", None)
    with pytest.raises(InputError, match=r"SALib is not installed; it comes with: pip install 'stabsim\[explore\]'"):
        sobol(points, ishigami(points), design)


# --- boxes ----------------------------------------------------------------------------------------


def sampled(n=600, seed=8) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(draw.random((n, 4)), columns=["peer", "police", "memory", "noise"])
    frame.insert(0, "point", np.arange(n))
    return frame


@pytest.mark.extra
def test_prim_finds_the_box_in_which_it_fails():
    pytest.importorskip("ema_workbench")
    points = sampled()
    draw = np.random.default_rng(0)
    inside = (points["peer"] > 0.6) & (points["police"] < 0.5)
    fails = pd.Series(np.where(inside, draw.random(600) < 0.95, draw.random(600) < 0.03), index=points["point"])
    table = discover(points, fails)
    first = table[table["box"] == 1].set_index("factor")
    assert set(first.index) == {"peer", "police"}
    assert first.loc["peer", "low"] == pytest.approx(0.6, abs=0.06)
    assert first.loc["police", "high"] == pytest.approx(0.5, abs=0.06)
    assert first["coverage"].iloc[0] > 0.8
    assert first["density"].iloc[0] > 0.85
    assert (first["qp"] < 1e-6).all()
    assert first.loc["police", "in_words"].startswith("police below 0.")
    assert first.loc["peer", "in_words"].startswith("peer above 0.")


@pytest.mark.extra
def test_prim_finds_no_box_in_noise_or_when_everything_fails():
    pytest.importorskip("ema_workbench")
    points = sampled(200)
    everything = pd.Series(np.ones(200, bool), index=points["point"])
    assert discover(points, everything).empty
    assert discover(points, ~everything).empty
    wide = []
    for seed in range(10):
        noise = pd.Series(np.random.default_rng(seed).random(200) < 0.3, index=points["point"])
        table = discover(points, noise, boxes=1)
        wide.append(table.empty or table["density"].iloc[0] < 0.75)
    assert sum(wide) >= 9


def test_prim_refuses_words_and_too_few_points():
    points = sampled(30)
    fails = pd.Series(points["peer"].to_numpy() > 0.5, index=points["point"])
    with pytest.raises(InputError, match="leave out theory"):
        discover(points.assign(theory="x"), fails)
    with pytest.raises(InputError, match="10 points are too few"):
        discover(points, fails.iloc[:10])


def test_quasi_p_by_hand():
    x = pd.DataFrame({"a": [0.1, 0.2, 0.3, 0.6, 0.7, 0.8]})
    bad = np.array([True, True, True, False, False, False])
    assert quasi_p(x, bad, {"a": (0.0, 0.5)}, "a") == pytest.approx(0.5**3)


# --- tipping --------------------------------------------------------------------------------------


def test_a_local_line_gives_back_a_line():
    x = np.linspace(0, 1, 30) ** 2
    np.testing.assert_allclose(local_line(x, 3 * x - 1, np.array([0.0, 0.4, 1.0])), [-1, 0.2, 2])


def test_tipping_value_of_one_assumption_and_none_of_the_other():
    points = sampled(300)[["point", "peer", "noise"]]
    draw = np.random.default_rng(2)
    values = pd.Series(points["peer"].to_numpy() - 0.35 + draw.normal(0, 0.2, 300), index=points["point"])
    table = tipping(points, values, "lower").set_index("factor")
    row = table.loc["peer"]
    assert row["ci_low"] < 0.35 < row["ci_high"]
    assert row["value"] == pytest.approx(0.35, abs=0.05)
    assert (row["below"], row["above"]) == ("better", "worse")
    assert row["in_words"].startswith("better below peer = 0.3")
    shifted = tipping(points, values + 1, "lower").set_index("factor").loc["peer"]
    assert np.isnan(shifted["value"])
    assert shifted["in_words"] == "no flip in the range: worse throughout"


def test_bisection_closes_in_until_noise_hides_the_sign():
    draw = np.random.default_rng(6)
    asked = []

    def difference(value):
        asked.append(value)
        return value - 3.3 + draw.normal(0, 0.4, 40)

    table = tip_by_bisection(difference, 0.0, 10.0, "lower", steps=12)
    last = table.iloc[-1]
    assert last["bracket_low"] <= 3.3 <= last["bracket_high"]
    assert last["bracket_high"] - last["bracket_low"] < 1
    assert len(asked) < 12
    never = tip_by_bisection(lambda value: np.full(5, 1.0 + value), 0.0, 1.0, "lower")
    assert never[["bracket_low", "bracket_high"]].isna().all().all()
    assert list(never["in_words"]) == ["worse", "worse"]


# --- across points --------------------------------------------------------------------------------


def two_packages() -> pd.DataFrame:
    """``a`` the baseline; ``b`` saves 3 in points 0 to 3 and costs 3 in point 4; ``c`` saves 1 everywhere."""
    draw = np.random.default_rng(9)
    base = 20 + draw.normal(0, 2, (5, 6))
    saved = np.array([3.0, 3, 3, 3, -3])[:, None] + draw.normal(0, 0.3, (5, 6))
    parts = [runs_of(base), runs_of(base - saved, "b"), runs_of(base - 1 + draw.normal(0, 0.3, (5, 6)), "c")]
    return pd.concat(parts, ignore_index=True)


def test_holds_under_k_of_n_theories():
    table = holds_under(two_packages(), "a", "incidents")
    assert list(table[table["scenario"] == "b"]["in_words"]) == ["better"] * 4 + ["worse"]
    summary = holds_summary(table).set_index("scenario")
    assert summary.loc["b", "in_words"] == "holds under 4 of 5 theories, reversed under 1"
    assert summary.loc["c", "in_words"] == "holds under 5 of 5 theories"


def test_regret_and_satisficing_by_hand():
    values = pd.DataFrame(
        {
            "scenario": ["a", "b"] * 3,
            "point": [0, 0, 1, 1, 2, 2],
            "value": [10.0, 7.0, 10.0, 9.0, 10.0, 16.0],
        }
    )
    table = regret(values, "lower").set_index("scenario")
    assert list(table.index) == ["a", "b"]
    assert (table.loc["a", "worst_regret"], table.loc["a", "worst_point"], table.loc["a", "best_in"]) == (3, 0, 1)
    assert (table.loc["b", "worst_regret"], table.loc["b", "worst_point"], table.loc["b", "best_in"]) == (6, 2, 2)
    assert table.loc["a", "mean_regret"] == pytest.approx(4 / 3)
    good = satisficing(values, 9.5, "lower").set_index("scenario")
    assert (good.loc["a", "holds_in"], good.loc["b", "holds_in"], good.loc["b", "points"]) == (0, 2, 3)
    assert good.loc["b", "share_low"] < 2 / 3 < good.loc["b", "share_high"]
    with pytest.raises(InputError, match="no regret"):
        regret(values.iloc[[0, 3]], "lower")


def test_differences_of_runs_and_means_of_points():
    runs = two_packages()
    runs.loc[0, "status"] = "failed"
    gaps = run_differences(runs, "a", ["incidents"])
    assert len(gaps) == 2 * 29
    assert set(gaps["scenario"]) == {"b", "c"}
    means = point_means(gaps, "incidents")
    assert means.query("scenario == 'b' and point == 4")["value"].item() == pytest.approx(3, abs=0.5)
    assert means.query("scenario == 'b' and point == 0")["n"].item() == 5


# --- null comparisons -----------------------------------------------------------------------------


def test_the_model_against_itself_gives_no_more_findings_than_chance(tmp_path):
    bank = null_bank(120, tmp_path / "bank", months=3)
    rates = null_rates(bank, comparisons=40, pairs=12)
    assert rates["tests"] > 400
    assert rates["rate"] <= 0.08
    assert rates["intervals"] == rates["rate"]
    assert rates["holm"] <= 0.2
