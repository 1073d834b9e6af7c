"""Effects over drawn parameters: sampling error, what the parameters allow, and the direction, against answers that are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim import api
from sim.analysis import headline_effects, paired_effects
from sim.analysis.effects import by_set, median_interval, over_sets, signs, verdicts
from sim.analysis.statistics import bootstrap_mean, mean_estimate, share_interval
from sim.analysis.verdict import NOT_ENOUGH, OPEN, SAME, sets_in_words, verdict
from sim.cli.runs import _effect_row
from sim.plots.effects import draw_forest, forest_band, forest_legend
from sim.plots.style import new_sheet, styled
from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES
from tests.experiment_fakes import RealNamesEngine

MANY = 1500
"""Made-up experiments a question; shares then have a standard error of about 0.006 near 5 %."""
LOWER = np.array(["lower"] * MANY)
F8 = np.ndarray


def twice(values: F8) -> F8:
    """Two replications at each point that random draws do not set apart."""
    return np.repeat(values, 2, axis=0)


def said(values: F8, points: int) -> pd.Series:
    """Share of each verdict among experiments, of shape (2 * points, experiments)."""
    draws = np.repeat(np.arange(points), 2)
    words = verdicts(over_sets(values, draws), LOWER, signs(values, draws))
    return pd.Series(words).value_counts(normalize=True).reindex(["better", "worse", NOT_ENOUGH, OPEN, SAME]).fillna(0)


def sign(rng: np.random.Generator, shape: tuple[int, int], share: float = 0.5) -> F8:
    return np.where(rng.random(shape) < share, 1.0, -1.0)


Made = Callable[[np.random.Generator, int], F8]
NULLS: dict[str, Made] = {
    "random draws, normal": lambda rng, k: rng.normal(size=(2 * k, MANY)),
    "random draws, lognormal with a random sign": lambda rng, k: (
        rng.lognormal(0, 1.5, (2 * k, MANY)) * sign(rng, (2 * k, MANY))
    ),
    "random draws, counts": lambda rng, k: (rng.poisson(0.3, (2 * k, MANY)) - rng.poisson(0.3, (2 * k, MANY))).astype(
        float
    ),
    "random draws, skewed round a mean of nothing": lambda rng, k: rng.lognormal(0, 1, (2 * k, MANY)) - np.exp(0.5),
    "points, lognormal with a random sign": lambda rng, k: twice(
        rng.lognormal(0, 1.5, (k, MANY)) * sign(rng, (k, MANY))
    ),
    "points, skewed round a median of nothing": lambda rng, k: twice(rng.lognormal(0, 1, (k, MANY)) - 1),
    "points and random draws": lambda rng, k: (
        twice(rng.lognormal(0, 1, (k, MANY)) * sign(rng, (k, MANY))) + rng.normal(size=(2 * k, MANY))
    ),
}


@pytest.mark.parametrize("points", [8, 32])
@pytest.mark.parametrize("name", list(NULLS))
def test_where_there_is_no_direction_at_most_one_in_twenty_gets_one(name: str, points: int) -> None:
    rng = np.random.default_rng(points)
    values = NULLS[name](rng, points)
    found = said(values, points)
    assert found["better"] + found["worse"] <= 0.065
    p = signs(values, np.repeat(np.arange(points), 2)).p
    if "mean of nothing" not in name:  # there the typical point does have a direction
        assert np.nanmean(p < 0.05) <= 0.05


def test_the_test_of_signs_is_as_sharp_as_its_level_allows() -> None:
    """With 32 points the exact test rejects at 9 against 23 or clearer: 2 x P(X <= 9) = 0.0201."""
    values = NULLS["random draws, lognormal with a random sign"](np.random.default_rng(1), 32)
    p = signs(values, np.repeat(np.arange(32), 2)).p
    assert np.mean(p < 0.05) == pytest.approx(0.0201, abs=0.012)


def test_pairs_are_no_points() -> None:
    """The mistake that the rule guards against: pairs of a point counted one by one find directions that are not there."""
    values = NULLS["points, lognormal with a random sign"](np.random.default_rng(2), 32)
    right, wrong = (np.mean(signs(values, draws).p < 0.05) for draws in (np.repeat(np.arange(32), 2), np.arange(64)))
    assert right < 0.05 < 0.1 < wrong


def test_points_that_share_a_sign_tell_it_however_skewed_they_are() -> None:
    values = -twice(np.random.default_rng(3).lognormal(0, 2.5, (32, MANY)))
    plain = mean_estimate(by_set(values, np.repeat(np.arange(32), 2))[0])
    assert np.mean((plain.low <= 0) & (plain.high >= 0)) > 0.3  # Student's t crosses zero
    assert said(values, 32)["better"] == 1.0


def test_the_reason_is_the_one_that_applies() -> None:
    rng = np.random.default_rng(4)
    noise = said(rng.normal(size=(64, MANY)), 32)
    assert noise[NOT_ENOUGH] > 0.9
    assert noise[OPEN] < 0.06
    apart = said(twice(sign(rng, (32, MANY)) * rng.lognormal(0, 1, (32, MANY))), 32)
    assert apart[OPEN] > 0.95
    mixed = said(-twice(sign(rng, (32, MANY), 0.8) * rng.lognormal(0, 0.5, (32, MANY))), 32)
    assert mixed[OPEN] > 0.85  # one point of five goes the other way
    nearly = said(-twice(sign(rng, (32, MANY), 0.98) * rng.lognormal(0, 0.5, (32, MANY))), 32)
    assert nearly["better"] > 0.95
    noisy = said(rng.normal(-0.6, 1, (64, MANY)), 32)  # random draws alone send single points the other way
    assert noisy["better"] > 0.8
    assert noisy[OPEN] < 0.06


@pytest.mark.parametrize(
    ("make", "truth", "least"),
    [
        (lambda rng: rng.normal(1, 2, (32, MANY)), 1.0, 0.93),
        (lambda rng: rng.lognormal(0, 1, (32, MANY)), np.exp(0.5), 0.88),
        (lambda rng: rng.lognormal(0, 1, (32, MANY)) * sign(rng, (32, MANY), 0.8), 0.6 * np.exp(0.5), 0.87),
        (lambda rng: rng.gamma(0.5, size=(32, MANY)), 0.5, 0.91),
    ],
)
def test_intervals_of_the_mean_hold_it(make: Callable[[np.random.Generator], F8], truth: float, least: float) -> None:
    values = make(np.random.default_rng(5))
    made = over_sets(twice(values), np.repeat(np.arange(32), 2))
    assert least <= np.mean((made.low <= truth) & (truth <= made.high)) <= 0.97


@pytest.mark.parametrize("points", [6, 7, 32])
def test_the_interval_of_the_median_holds_it_whatever_the_shape(points: int) -> None:
    """The median of lognormal effects of which four in five are below zero is minus their 37.5th percentile."""
    rng = np.random.default_rng(6)
    values = -rng.lognormal(0, 1, (points, 4 * MANY)) * sign(rng, (points, 4 * MANY), 0.8)
    low, high = median_interval(values)
    assert np.mean((low <= -0.7270) & (high >= -0.7270)) + 0.006 >= 0.95
    assert np.isnan(median_interval(values[:5])[0]).all()


def test_the_share_of_points_is_held_by_its_interval() -> None:
    rng = np.random.default_rng(7)
    values = twice(sign(rng, (32, MANY), 0.9))
    found = signs(values, np.repeat(np.arange(32), 2))
    low, high = share_interval(found.up, found.up + found.down)
    assert 0.93 <= np.mean((low <= 0.9) & (high >= 0.9)) <= 0.985


def test_the_expanded_bootstrap_is_wider_and_turns_nowhere() -> None:
    values = np.array([[0.0], [0.0], [0.0], [0.0], [0.0], [9.0]])
    low, high = bootstrap_mean(values, expanded=True)
    plain_low, plain_high = bootstrap_mean(values)
    assert 0 <= low.item() <= plain_low.item() <= 1.5 <= plain_high.item() <= high.item() <= 9


def test_points_by_hand() -> None:
    values = np.array([[1.0, 0.0], [3.0, 0.0], [-1.0, 0.0], [-5.0, 0.0], [0.0, 0.0]])
    draws = np.array([7, 7, 2, 2, 4])
    means, parts = by_set(values, draws)
    assert means[:, 0].tolist() == [-3.0, 0.0, 2.0]
    assert parts.mean(axis=0).tolist() == pytest.approx(values.mean(axis=0).tolist())
    found = signs(values, draws)
    assert (len(means), found.up[0], found.down[0], found.p[0]) == (3, 1, 1, 1.0)
    assert np.isnan(found.p[1])
    words = verdicts(over_sets(values, draws), np.array(["lower", "lower"]), found)
    assert words.tolist() == [OPEN, SAME]  # one point up and one down, each in both of its pairs


def test_opposite_pairs_at_every_point_are_not_the_same() -> None:
    values = np.array([[1.0], [-1.0]] * 8)
    draws = np.repeat(np.arange(8), 2)
    made = over_sets(values, draws)
    assert made.low.item() < 0 < made.high.item()
    assert verdicts(made, np.array(["lower"]), signs(values, draws)).tolist() == [NOT_ENOUGH]


def windows(effect: F8, points: int) -> pd.DataFrame:
    """Two scenarios whose incidents differ by ``effect``, (2 * points,), on baselines that differ by point."""
    level = 10.0 * (1 + np.arange(points).repeat(2))
    frames = []
    for scenario, values in (("base", level), ("ours", level + effect)):
        zeros = dict.fromkeys(OUTCOME_NAMES, 0.0)
        frame = pd.DataFrame({"scenario": scenario, "replication": np.arange(2 * points), "scope": "region"})
        frames.append(
            frame.assign(window="whole run", draw=np.arange(points).repeat(2), **(zeros | {"incidents": values}))
        )  # type: ignore[arg-type]
    return pd.concat(frames, ignore_index=True)


def test_the_table_says_what_the_parameters_allow() -> None:
    """At every point a tenth less: counts differ by the level of the point, the ratio does not."""
    points = 20
    table = paired_effects(windows(-(1.0 + np.arange(points).repeat(2)), points), "base")
    row = headline_effects(table).set_index("outcome").loc["incidents"]
    assert (row["effect"], row["draws"], row["draws_up"], row["draws_down"]) == (-10.5, 20, 0, 20)
    assert (row["draws_low"], row["draws_high"]) == pytest.approx((-19.05, -1.95))
    assert (row["ratio_low"], row["ratio_high"]) == pytest.approx((0.9, 0.9))
    assert (row["same_sign"], row["median"]) == (1.0, -10.5)
    assert row["same_low"] == pytest.approx(share_interval(np.array(20.0), np.array(20.0))[0])
    assert row["median_low"] == -15.0  # sixth of twenty: P(X <= 5) = 0.0207
    assert row["median_high"] == -6.0
    assert row["mc_error"] == 0.0
    assert row["in_words"] == "better"
    assert row["p_value"] == pytest.approx(2 * 0.5**20)
    assert list(table.columns[:13]) == [
        "scenario", "outcome", "unit", "scope", "window", "contrast", "baseline_mean", "effect", "ci_low", "ci_high",
        "p_superior", "n", "mc_error",
    ]  # fmt: skip


def test_without_draws_nothing_is_said_about_parameters() -> None:
    table = paired_effects(windows(-np.ones(16), 8).drop(columns="draw"), "base")
    assert table.loc[:, "draws":"median_high"].isna().all(axis=None)  # type: ignore[misc]
    assert headline_effects(table).set_index("outcome").loc["incidents", "in_words"] == "better"


def row_of(**more: object) -> dict[str, object]:
    plain = {"scenario": "ours", "effect": -2.0, "baseline_mean": 100.0, "ci_low": -3.0, "ci_high": -1.0, "mc_error": 0.5,
             "spread_low": -9.0, "spread_high": 9.0, "draws": 32.0, "draws_low": -6.0, "draws_high": -0.5, "draws_up": 1.0,
             "draws_down": 29.0, "ratio_low": 0.5, "ratio_high": 0.75, "in_words": "better"}  # fmt: skip
    return plain | more


def test_words_for_points_and_for_the_row_on_screen() -> None:
    assert sets_in_words(row_of(), "lower") == "29 better, 1 worse, 2 the same"
    assert sets_in_words(row_of(draws_up=0.0, draws_down=32.0), "none") == "32 less"
    assert sets_in_words(row_of(draws_up=0.0, draws_down=0.0), "lower") == "32 the same"
    item = next(item for item in OUTCOMES if item.name == "incidents")
    cells = _effect_row(row_of(), item, drawn=True)
    assert cells[4:] == ["0.5", "-6 to -0.5", "-50 to -25", "29 better, 1 worse, 2 the same", "better"]
    assert verdict(-2, -3, -1, "lower", told=False, apart=True) == OPEN
    assert verdict(-2, -3, -1, "lower", told=False) == NOT_ENOUGH
    assert verdict(-2, -3, 1, "lower", apart=True) == OPEN


def test_marks_name_the_reason() -> None:
    words = ["better", NOT_ENOUGH, OPEN, SAME]
    rows = pd.DataFrame([row_of(scenario=word, in_words=word) for word in words])
    with styled():
        axes = new_sheet(4, 3, "t", "c").body.subplots()
        draw_forest(rows, axes, dict.fromkeys(words, ""), "lower")
    dots = [line for line in axes.lines if line.get_marker() in ("o", "D", "s")]
    assert [dot.get_marker() for dot in dots] == ["o", "o", "s", "D"]
    assert [dot.get_markerfacecolor() for dot in dots] == ["#0072B2", "white", "white", "white"]
    thin = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 1.0]
    assert all(list(ends) == [-6.0, -0.5] for ends in thin)
    labels = [line.get_label() for line in forest_legend(drawn=True)]
    assert OPEN in labels
    assert OPEN not in [line.get_label() for line in forest_legend()]
    assert "not enough replications" in forest_band(False)
    assert "depends on the parameters" in forest_band(True)


def test_a_comparison_is_read_back_as_it_was_made(tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text("b_peer\n" + "".join(f"{2.1 + 0.1 * number:.1f}\n" for number in range(8)), encoding="utf-8")
    made = api.compare(
        ["police_capacity"], baseline="baseline_2024", replications=16, months=12, workers=1, out=tmp_path / "out",
        figures=False, engine=RealNamesEngine(), parameters=points, theories="arrest",
    )  # fmt: skip
    back = api.read_results(tmp_path / "out")
    assert isinstance(back, api.Comparison)
    for name in ("effects", "scorecard", "theories", "holds", "ranking", "communities", "thresholds", "districts"):
        ours, theirs = getattr(made, name), getattr(back, name)
        assert len(theirs), name
        pd.testing.assert_frame_equal(theirs, ours.reset_index(drop=True), check_dtype=False, rtol=1e-7)
    assert made.effects["draws"].max() == 8
    assert back.headline()["in_words"].tolist() == made.headline()["in_words"].tolist()
