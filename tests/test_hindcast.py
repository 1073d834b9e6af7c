"""The hindcast: observed tables, the observation model, scores with known answers, baselines, missing values."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import integrate, stats
from typer.testing import CliRunner

from checks import observed, scores
from checks import run as checks_run
from checks.figures import page_figures
from checks.hindcast import HindcastOptions, HindcastSettings, results, settings_of
from checks.hindcast.bank import BEFORE, CONDITIONS, CandidateRuns, candidates, trigger_months
from checks.hindcast.forecast import (
    BASELINES,
    CLIMATOLOGY,
    LAST,
    MEAN,
    MODEL,
    REGRESSION,
    Fold,
    Known,
    forecast,
    forecasts,
    history,
    kept,
    known,
    last_values,
    later_part,
    one_episode_out,
    one_state_out,
    regression,
    score,
    state_years,
)
from checks.lab import Lab, Valley, run, valley_model
from checks.observed import (
    FOLDER,
    by_unit,
    counted_deaths,
    detection,
    month_number,
    month_text,
    read_observed,
    record,
)
from sim.cli import app
from sim.errors import InputError

START, END = month_number(1998, 1), month_number(2010, 12)

# --- observed tables


def test_the_shipped_tables_hold_what_their_sources_say() -> None:
    tables = read_observed()
    deaths = tables.grid("deaths", START, END)
    total = dict(zip(deaths.units, deaths.values.sum(axis=0), strict=True))
    assert total["XKX"] == pytest.approx(1446 + 2153, abs=0.1)
    assert total["MKD"] == pytest.approx(6 + 3 + 72, abs=0.1)
    assert total["BIH"] == total["MNE"] == 0.0
    assert month_text(deaths.first) == "1998-01"
    assert deaths.values.shape == (156, 7)
    frame = tables.tables["deaths.csv"]
    bosnia = frame[(frame["state"] == "BIH") & (frame["month"] >= month_number(1992, 5))]["deaths"].sum()
    assert bosnia == pytest.approx(62_715, rel=0.01), "the events of the source start four days earlier"
    displaced = tables.grid("displaced", START, END)
    assert "SRB+XKX" in displaced.units
    assert np.nanmax(displaced.values[:, displaced.units.index("SRB+XKX")]) == 267_500


def test_missing_protest_is_missing_and_not_zero() -> None:
    protests = read_observed().grid("protests", START, END)
    gone = np.isnan(protests.values)
    here = {unit: k for k, unit in enumerate(protests.units)}
    for year in (2003, 2004, 2005, 2006):
        months = slice(12 * (year - 1998), 12 * (year - 1998) + 12)
        assert gone[months, [here["SRB"]]].all()
        assert gone[months, [here["MNE"]]].all()
        assert not gone[months, [here["MKD"]]].any()
    march_2004 = month_number(2004, 3) - START
    assert gone[march_2004, here["XKX"]]
    assert not gone[month_number(1999, 6) - START, here["XKX"]]
    assert gone[month_number(1999, 7) - START : month_number(2007, 12) - START + 1, here["XKX"]].all()
    sizes = read_observed().tables["protest_sizes.csv"]
    events = read_observed().tables["protests.csv"]["events"].sum()
    assert sizes["events"].sum() == events - 1, "one protest has no size"


def test_a_state_month_without_a_row_is_missing(tmp_path: Path) -> None:
    (tmp_path / "deaths.csv").write_text("state,month,deaths,source\nAAA,2001-02,3,x\nBBB,2001-03,,not known\n")
    grid = read_observed(tmp_path).grid("deaths", month_number(2001, 1), month_number(2001, 3))
    assert grid.units == ("AAA", "BBB")
    np.testing.assert_array_equal(grid.values, [[np.nan, np.nan], [3.0, np.nan], [np.nan, np.nan]])


def test_every_missing_value_says_why() -> None:
    for name, frame in read_observed().tables.items():
        if name in ("episodes.csv", "protest_sizes.csv"):
            continue
        value = {"deaths.csv": "deaths", "protests.csv": "events", "displaced.csv": "displaced"}[name]
        assert frame.loc[frame[value].isna(), "source"].str.startswith("missing: ").all()
        assert not frame.loc[frame[value].notna(), "source"].str.startswith("missing").any()


GOOD = "state,month,deaths,source\n"
BAD = {
    "no rows of any outcome": ("deaths.csv", "", "column is missing"),
    "wrong column": ("deaths.csv", "state,month,death,source\n", "deaths.csv:1:13: death: unknown column"),
    "a day instead of a month": ("deaths.csv", GOOD + "BIH,2001-02-03,1,x\n", "deaths.csv:2:5: month: is not a month"),
    "month 13": ("deaths.csv", GOOD + "BIH,2001-13,1,x\n", "deaths.csv:2:5: month: is not a month"),
    "below zero": ("deaths.csv", GOOD + "BIH,2001-02,-1,x\n", "deaths.csv:2:13: deaths: is out of range"),
    "a word for missing": ("deaths.csv", GOOD + "BIH,2001-02,NA,x\n", "deaths.csv:2:13: deaths: must be a number"),
    "infinite": ("deaths.csv", GOOD + "BIH,2001-02,1e999,x\n", "deaths.csv:2:13: deaths: must be a finite number"),
    "half an event": ("protests.csv", "state,month,events,violent,participants,source\nBIH,2001-02,1.5,,,x\n",
                      "protests.csv:2:13: events: must be a whole number"),
    "no source": ("deaths.csv", GOOD + "BIH,2001-02,1,\n", "deaths.csv:2:15: source: is empty"),
    "lower case state": ("deaths.csv", GOOD + "bih,2001-02,1,x\n", "deaths.csv:2:1: state: is not a key"),
    "twice": ("deaths.csv", GOOD + "BIH,2001-02,1,x\nBIH,2001-02,2,x\n",
              "deaths.csv:3:1: state: row stands twice, first in line 2"),
    "alone and together": ("displaced.csv", "state,month,displaced,source\nSRB,2001-12,1,x\nSRB+XKX,2001-12,2,x\n",
                           "displaced.csv:3:1: state: SRB is counted in SRB as well in this month"),
    "too many fields": ("deaths.csv", GOOD + "BIH,2001-02,1,000,x\n", "deaths.csv:2:1: wrong number of fields"),
    "semicolons": ("deaths.csv", "state;month;deaths;source\n", "deaths.csv:1:1: is separated by something else"),
    "not text": ("deaths.csv", "\x00\xff", "deaths.csv"),
    "an episode backwards": (
        "episodes.csv",
        "episode,state,start,end,deaths_low,deaths_high,participants,sites,displaced,source\na,BIH,2001-02,2001-01,,,,,,x\n",
        "episodes.csv:2:15: end: ends before it starts"),
    "unknown table": ("death.csv", GOOD, "death.csv: unknown table"),
    "only headings": ("deaths.csv", GOOD, "holds no observed outcome"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_with_their_place(case: str, tmp_path: Path) -> None:
    name, text, message = BAD[case]
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError) as caught:
        read_observed(tmp_path)
    assert message in str(caught.value)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        read_observed(tmp_path / "nowhere")


def test_all_problems_of_a_folder_are_listed_at_once(tmp_path: Path) -> None:
    (tmp_path / "deaths.csv").write_text(GOOD + "bih,2001-02,-1,x\n")
    (tmp_path / "displaced.csv").write_text("state,month,displaced,source\nBIH,2001-2,5,x\n")
    with pytest.raises(InputError) as caught:
        read_observed(tmp_path)
    assert len(caught.value.problems) == 3


# --- the observation model


def test_detection_has_its_known_values() -> None:
    assert detection(3000) == 0.5
    assert detection(49) == 0.0
    assert detection(50) == pytest.approx(1 / 3601)
    assert detection(30_000) == pytest.approx(100 / 101)
    assert (np.diff(detection(np.arange(50, 5000))) > 0).all()


def _as_if_run(crowds: np.ndarray, seed: int = 7) -> SimpleNamespace:
    """The few fields of a finished model that the observation model reads; two states of two districts."""
    months = crowds.shape[0] // 4
    series = np.zeros((months, 2, len(observed.OUTCOME_INDEX)))
    log = np.zeros((3, *crowds.shape), np.int64)
    log[0] = crowds
    geography = SimpleNamespace(district_uid=np.arange(11, 15, dtype=np.uint64), district_state=np.array([0, 0, 1, 1]))
    world = SimpleNamespace(
        month=months,
        seed=np.uint64(seed),
        tallies=SimpleNamespace(round_log=log),
        recorder=SimpleNamespace(series=series),
    )
    setting = SimpleNamespace(region=SimpleNamespace(states=("AAA", "BBB"), n_states=2), geography=geography)
    return SimpleNamespace(world=world, setting=setting, spec=SimpleNamespace(start_year=2000, start_month=1))


def test_large_crowds_are_reported_where_and_when_they_were() -> None:
    crowds = np.zeros((12, 4), np.int64)
    crowds[5, 3] = 10_000_000
    crowds[6, 0] = 49
    made = record(_as_if_run(crowds))
    assert made.protests.tolist() == [[0, 0], [0, 1], [0, 0]]
    assert made.crowds.tolist() == [[1, 1, 10_000_000]]
    assert made.first == month_number(2000, 1)


def test_the_share_reported_is_the_detection_curve_and_repeats() -> None:
    crowds = np.full((4 * 600, 4), 1500, np.int64)
    model = _as_if_run(crowds)
    made = record(model)
    share = made.protests.sum() / crowds.size
    chance = float(detection(1500))
    assert abs(share - chance) < 4 * np.sqrt(chance * (1 - chance) / crowds.size)
    np.testing.assert_array_equal(made.crowds, record(model).crowds)
    assert not np.array_equal(made.protests, record(_as_if_run(crowds, seed=8)).protests)


def test_only_states_that_reach_25_deaths_in_a_calendar_year_have_recorded_deaths() -> None:
    deaths = np.zeros((24, 3))
    deaths[0, 0] = 3
    deaths[14, 0] = 25
    deaths[[11, 12], 1] = 13, 12  # 25 in a row, but over the turn of the year
    deaths[3, 2] = 24
    made = counted_deaths(deaths, month_number(2000, 1))
    np.testing.assert_array_equal(made[:, 0], deaths[:, 0])
    assert made[:, 1:].sum() == 0
    shifted = counted_deaths(deaths, month_number(2000, 7))
    np.testing.assert_array_equal(shifted[:, 1], deaths[:, 1])


def test_states_counted_together_are_summed() -> None:
    values = np.arange(12.0).reshape(2, 2, 3)
    made = by_unit(values, ("AAA", "BBB", "CCC"), ("BBB", "AAA+CCC"))
    np.testing.assert_array_equal(made[..., 0], values[..., 1])
    np.testing.assert_array_equal(made[..., 1], values[..., 0] + values[..., 2])


def test_a_run_is_recorded_and_watching_changes_nothing() -> None:
    model = run(valley_model(Valley(months=12), 0))
    before = model.world.recorder.series.copy()
    made = record(model)
    np.testing.assert_array_equal(before, model.world.recorder.series)
    assert made.protests.shape == (12, 2)
    log = model.world.tallies.round_log[0]
    assert made.crowds.shape[0] <= (log >= 50).sum()
    assert all(size in log for size in made.crowds[:, 2])
    blind = valley_model(Valley(months=12), 0)
    blind.world.tallies = blind.world.tallies._replace(round_log=np.zeros((3, 0, log.shape[1]), np.int64))
    with pytest.raises(ValueError, match="did not log"):
        record(run(blind))


def test_months_read_as_written() -> None:
    assert month_text(month_number(1999, 12)) == "1999-12"
    assert month_text(month_number(1999, 12) + 1) == "2000-01"
    assert FOLDER.is_dir()


# --- scores


def test_crps_is_the_integral_that_defines_it() -> None:
    ensemble = np.array([0.0, 1.0, 1.0, 4.0, 7.5])
    for happened in (-1.0, 1.0, 3.3, 9.0):
        whole = integrate.quad(
            lambda z, y=happened: ((ensemble <= z).mean() - (y <= z)) ** 2,
            -2,
            10,
            points=[*ensemble, happened],
            limit=200,
        )[0]
        assert scores.crps(ensemble, np.array(happened)) == pytest.approx(whole, abs=1e-6)


def test_crps_of_many_normal_members_is_that_of_the_normal() -> None:
    levels = (np.arange(4000) + 0.5) / 4000
    ensemble, y = stats.norm.ppf(levels), np.array(0.7)
    closed = 0.7 * (2 * stats.norm.cdf(0.7) - 1) + 2 * stats.norm.pdf(0.7) - 1 / math.sqrt(math.pi)
    assert scores.crps(ensemble, y) == pytest.approx(closed, abs=1e-3)
    assert scores.crps(np.array([3.0]), np.array(5.0)) == 2.0


def test_the_fair_score_does_not_favour_large_ensembles() -> None:
    rng = np.random.default_rng(1)
    y = rng.poisson(2.0, 4000).astype(float)
    small, large = (scores.crps(rng.poisson(2.0, (m, y.size)).astype(float), y, fair=True).mean() for m in (2, 40))
    assert small == pytest.approx(large, abs=0.05)
    assert scores.crps(rng.poisson(2.0, (2, y.size)).astype(float), y).mean() > large + 0.2
    with pytest.raises(ValueError, match="two members"):
        scores.crps(np.zeros((1, 3)), np.zeros(3), fair=True)


def test_brier_log_and_chance_by_hand() -> None:
    p = scores.chance(np.array([[0.0, 0.0], [0.0, 2.0], [0.0, 3.0], [1.0, 1.0]]))
    np.testing.assert_allclose(p, [0.25, 0.75])
    assert scores.chance(np.zeros((9, 1)))[0] == scores.SURE
    assert scores.chance(np.ones((9, 1)))[0] == 1 - scores.SURE
    event = np.array([1.0, np.nan])
    np.testing.assert_allclose(scores.brier(p, event), [0.5625, np.nan])
    np.testing.assert_allclose(scores.log_score(p, event), [math.log(4), np.nan])
    np.testing.assert_allclose(scores.log_score(p, np.array([0.0, 0.0])), [-math.log(0.75), math.log(4)])


def test_auroc_and_average_precision_by_hand() -> None:
    p = np.array([0.9, 0.8, 0.8, 0.1, 0.5])
    event = np.array([1.0, 1.0, 0.0, 0.0, np.nan])
    assert scores.auroc(p, event) == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    # at 0.9: precision 1, half recalled; at 0.8: precision 2/3, all recalled
    assert scores.average_precision(p, event) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    for nothing in (np.zeros(3), np.array([np.nan, 0.0, 0.0])):
        assert math.isnan(scores.auroc(np.arange(3.0), nothing))
        assert math.isnan(scores.average_precision(np.arange(3.0), nothing))
    assert math.isnan(scores.auroc(np.arange(2.0), np.ones(2)))


def test_a_perfect_forecaster_of_counts_has_a_uniform_pit_and_nominal_coverage() -> None:
    rng = np.random.default_rng(2)
    mean = rng.choice([0.05, 0.5, 3.0], 20_000)
    happened, ensemble = rng.poisson(mean).astype(float), rng.poisson(mean, (60, mean.size)).astype(float)
    made = scores.pit(ensemble, happened, rng)
    assert stats.kstest(made, "uniform").pvalue > 1e-3
    assert scores.coverage(made, 0.9) == pytest.approx(0.9, abs=0.01)
    assert scores.coverage(made, 0.5) == pytest.approx(0.5, abs=0.015)
    assert scores.misplaced(made) < 0.02
    narrow = scores.pit(np.round(ensemble.mean(axis=0)) + np.zeros_like(ensemble), happened, rng)
    assert scores.coverage(narrow, 0.9) < 0.85
    assert scores.misplaced(narrow) > 0.1
    assert np.isnan(scores.pit(ensemble[:, :1], np.array([np.nan]), rng)).all()


def test_reliability_puts_chances_beside_shares() -> None:
    p, event = np.array([0.01, 0.01, 0.3, 0.3, 0.3]), np.array([0.0, np.nan, 1.0, 0.0, 0.0])
    assert scores.reliability(p, event) == [(0.01, 0.0, 1), (pytest.approx(0.3), pytest.approx(1 / 3), 3)]


def test_skill_by_hand_and_missing_scores_count_on_neither_side() -> None:
    rng = np.random.default_rng(3)
    theirs = rng.random((60, 3)) + 0.5
    ours = 0.75 * theirs
    ours[5, 1], theirs[7, 2] = np.nan, np.nan
    made = scores.skill(ours, theirs)
    assert made.value == pytest.approx(0.25)
    assert made.low == pytest.approx(0.25)
    assert made.high == pytest.approx(0.25)
    noisy = scores.skill(ours + rng.normal(0, 0.3, ours.shape), theirs)
    assert noisy.low < noisy.value < noisy.high
    assert math.isnan(scores.skill(ours, np.zeros_like(ours)).value)
    assert math.isnan(scores.skill(np.full((4, 2), np.nan), np.ones((4, 2))).value)
    assert math.isnan(scores.skill(np.ones((6, 1)), np.ones((6, 1))).low), "one block has no interval"


@pytest.mark.extra
def test_scores_agree_with_scoringrules() -> None:
    scoringrules = pytest.importorskip("scoringrules", reason="needs scoringrules")
    rng = np.random.default_rng(4)
    ensemble, happened = rng.gamma(1.0, 2.0, (25, 40)), rng.gamma(1.0, 2.0, 40)
    theirs = scoringrules.crps_ensemble(happened, ensemble, m_axis=0, estimator="nrg")
    np.testing.assert_allclose(scores.crps(ensemble, happened), theirs, rtol=1e-12, atol=1e-12)
    fair = scoringrules.crps_ensemble(happened, ensemble, m_axis=0, estimator="fair")
    np.testing.assert_allclose(scores.crps(ensemble, happened, fair=True), fair, rtol=1e-12, atol=1e-12)
    p, event = rng.random(50), (rng.random(50) < 0.3).astype(float)
    np.testing.assert_allclose(scores.brier(p, event), scoringrules.brier_score(event, p))


# --- designs and baselines


def test_folds_hold_out_what_their_names_say() -> None:
    units = ("AAA", "BBB+CCC")
    later = later_part(6, 10)[0].held_out(10, units)
    assert not later[:6].any()
    assert later[6:].all()
    assert Fold("CCC", 0, 9, ("CCC",)).held_out(10, units).tolist() == [[False, True]] * 10
    assert [fold.name for fold in one_state_out(("AAA", "BBB"), 10)] == ["AAA", "BBB"]
    episodes = read_observed().tables["episodes.csv"]
    folds = {fold.states: fold for fold in one_episode_out(episodes, START, 156)}
    assert (folds[("MKD",)].start, folds[("MKD",)].end) == (36, 46)
    assert ("ALB", "MKD") in folds
    assert one_episode_out(episodes, month_number(2006, 1), 24) == []


def _known(values: list[list[float]], before: int = 0) -> Known:
    table = np.array(values, float)
    return Known(table, before, np.ones((table.shape[1], table.shape[1])) - np.eye(table.shape[1]))


def test_baselines_have_their_known_forms() -> None:
    nan = np.nan
    what = _known([[4, 0], [2, 0], [0, 6], [nan, nan], [nan, nan]])
    ahead = np.zeros((5, 2), bool)
    ahead[3:] = True
    assert forecast(CLIMATOLOGY, what, ahead).mean() == pytest.approx(2.0, abs=0.05)
    last = forecast(LAST, what, ahead)
    assert last[:, [0, 2]].max() == 0.0, "the last value of the first state is 0"
    assert last[:, [1, 3]].mean() == pytest.approx(6.0, abs=0.05)
    mean = forecast(MEAN, what, ahead)
    assert mean.mean(axis=0) == pytest.approx(2.0, abs=0.05)
    assert mean.var(axis=0) == pytest.approx(2.0, abs=0.2)


def test_a_state_without_a_past_of_its_own_is_given_climatology() -> None:
    what = _known([[1, np.nan], [3, np.nan], [5, np.nan]])
    other = np.array([[False, True]] * 3)
    for name in (LAST, MEAN):
        np.testing.assert_array_equal(forecast(name, what, other), forecast(CLIMATOLOGY, what, other))


def test_the_months_before_the_window_are_history_but_not_learned_from() -> None:
    what = _known([[7.0], [1.0], [1.0]], before=1)
    assert last_values(what)[:, 0].tolist() == [7.0, 1.0]
    assert forecast(CLIMATOLOGY, what, np.ones((2, 1), bool)).max() == 1.0


def test_history_halves_in_six_months_and_returns_to_the_mean_without_news() -> None:
    values = np.full((40, 1), np.nan)
    values[0] = 8.0
    made = history(values, 2.0)[:, 0]
    assert made[0] == 2.0
    assert made[1] == pytest.approx((8 + 2) / 2)
    assert made[7] == pytest.approx((0.5 * 8 + 2) / 1.5)
    assert made[39] == pytest.approx(2.0, abs=0.1)


def test_the_regression_finds_persistence_and_triggers() -> None:
    rng = np.random.default_rng(5)
    level = np.repeat(rng.choice([0.1, 4.0], (10, 3)), 24, axis=0)
    what = Known(rng.poisson(level).astype(float), 0, np.zeros((3, 3)))
    mean, spread = regression(what)
    assert mean[level == 4.0].mean() > 5 * mean[level == 0.1].mean()
    assert spread < 2.0
    flag = (rng.random((240, 3)) < 0.3).astype(float)
    driven = Known(rng.poisson(0.2 + 3 * flag).astype(float), 0, np.zeros((3, 3)), flag)
    mean, _ = regression(driven)
    assert mean[flag == 1].mean() == pytest.approx(3.2, rel=0.2)
    assert mean[flag == 0].mean() == pytest.approx(0.2, rel=0.4)
    cells = np.ones((240, 3), bool)
    assert forecast(REGRESSION, driven, cells).mean() == pytest.approx(driven.values.mean(), rel=0.1)


# --- the whole, on a bank of made-up runs

VALLEYS = """\
format: 1
region: twin_valleys
start: 2000-01
months: 72
shocks:
  rumour: {type: rumour, targets: {states: [BBB]}, at: 2003-02}
"""


@pytest.fixture
def asked(tmp_path: Path) -> HindcastOptions:
    rng = np.random.default_rng(6)
    folder = tmp_path / "observed"
    folder.mkdir()
    months = [month_text(month_number(2000, 1) + k) for k in range(60)]
    events = rng.poisson(np.where(np.arange(60) % 10 < 3, 2.0, 0.2)[:, None] * np.array([1.0, 0.5]))
    rows = [f"{s},{m},{events[k, u]},,,made up" for u, s in enumerate(("AAA", "BBB")) for k, m in enumerate(months)]
    rows[5] = f"AAA,{months[5]},,,,missing: made up"
    (folder / "protests.csv").write_text("\n".join(["state,month,events,violent,participants,source", *rows]) + "\n")
    dead = [
        f"{s},{m},{40 if s == 'BBB' and 38 <= k < 44 else 0},made up"
        for s in ("AAA", "BBB")
        for k, m in enumerate(months)
    ]
    (folder / "deaths.csv").write_text("\n".join(["state,month,deaths,source", *dead]) + "\n")
    (folder / "episodes.csv").write_text(
        "episode,state,start,end,deaths_low,deaths_high,participants,sites,displaced,source\n"
        "war,BBB,2003-03,2003-08,,,,,,made up\n"
    )
    (tmp_path / "valleys.yaml").write_text(VALLEYS)
    return HindcastOptions("2000-01", "2004-12", "2003-01", str(folder), str(tmp_path / "valleys.yaml"))


def _bank(settings: HindcastSettings, perfect: int = 0) -> CandidateRuns:
    """Six candidates of five runs: one knows the truth but for random draws, the others are wild; equal under both conditions."""
    rng = np.random.default_rng(7)
    grids = {name: settings.observed.grid(name, settings.first, settings.last) for name in ("protests", "deaths")}
    longer = {name: settings.observed.grid(name, settings.first - BEFORE, settings.last) for name in grids}
    values = {}
    for name, grid in grids.items():
        truth = np.nan_to_num(grid.values, nan=1.0)
        runs = rng.poisson(20.0, (6, 5, *truth.shape)).astype(float)
        runs[perfect] = rng.poisson(truth + 0.02, (5, *truth.shape))
        values[name] = runs
    draws = tuple((("quiet_participation", 1e-5 * (k + 1)),) for k in range(6))
    triggers = np.zeros((BEFORE + settings.months, 2))
    return CandidateRuns(
        settings,
        ("AAA", "BBB"),
        draws,
        grids,
        longer,
        (values, values),
        triggers,
        np.array([[0.0, 1.0], [1.0, 0.0]]),
        ("rumour",),
    )


def test_the_candidates_that_fit_what_may_be_learned_from_are_kept(asked: HindcastOptions) -> None:
    for perfect in (0, 4):
        bank = _bank(settings_of(asked), perfect)
        fold = later_part(36, 60)[0]
        assert perfect in kept(bank, 0, {name: fold.held_out(60, grid.units) for name, grid in bank.grids.items()})


def test_what_is_held_out_is_never_seen(asked: HindcastOptions) -> None:
    bank = _bank(settings_of(asked))
    fold = later_part(36, 60)[0]
    held = {name: fold.held_out(60, grid.units) for name, grid in bank.grids.items()}
    before = [known(bank, "deaths", held["deaths"], True), kept(bank, 0, held).tolist()]
    bank.grids["deaths"].values[36:] = 999.0
    bank.longer["deaths"].values[BEFORE + 36 :] = 999.0
    after = [known(bank, "deaths", held["deaths"], True), kept(bank, 0, held).tolist()]
    np.testing.assert_array_equal(before[0].values, after[0].values)
    assert before[1] == after[1]
    assert np.isnan(after[0].values[BEFORE + 36 :]).all()


def test_no_forecast_changes_with_what_it_is_scored_on(asked: HindcastOptions) -> None:
    fold, made = later_part(36, 60)[0], []
    for happened in (None, 999.0):
        bank = _bank(settings_of(asked))
        if happened is not None:
            for name in bank.grids:
                bank.grids[name].values[36:] = bank.longer[name].values[BEFORE + 36 :] = happened
        cells = fold.held_out(60, bank.grids["deaths"].units)
        made.append(forecasts(bank, "deaths", 0, fold, cells))
    for name in (MODEL, *BASELINES):
        np.testing.assert_array_equal(made[0][name], made[1][name])


def test_scores_stand_where_something_was_held_out_and_known(asked: HindcastOptions) -> None:
    bank = _bank(settings_of(asked))
    made = score(bank, "protests", 0, one_state_out(("AAA", "BBB"), 60))
    assert set(made.crps) == {MODEL, *BASELINES}
    gone = np.isnan(bank.grids["protests"].values)
    assert gone.sum() == 1
    for table in (*made.crps.values(), *made.brier.values(), *made.log.values(), made.pit):
        np.testing.assert_array_equal(np.isnan(table), gone)
    later = score(bank, "protests", 0, later_part(36, 60))
    assert np.isnan(later.crps[MODEL][:36]).all()


def test_incidence_is_by_calendar_year_and_calm_by_the_year_before(asked: HindcastOptions) -> None:
    bank = _bank(settings_of(asked))
    years = {(y.state, y.year): y for y in state_years(bank, 0, one_state_out(("AAA", "BBB"), 60))}
    assert [key for key, y in years.items() if y.event] == [("BBB", 2003)]
    assert years["BBB", 2003].calm
    assert not years["BBB", 2004].calm
    assert not years["AAA", 2000].calm, "the year before is not known"


def test_a_hindcast_of_other_years_and_tables_is_stored_and_drawn(
    asked: HindcastOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "fill", lambda lab, settings: _bank(settings))
    made = checks_run.check("hindcast", asked=asked, workers=1, out=tmp_path / "out", figures=False)
    found = {one.key: one for one in made.results}
    assert found["HR1"].verdict == "not run"
    rows = {row.what: row for row in found["HP1"].rows}
    for baseline in BASELINES:
        for condition in CONDITIONS:
            assert rows[f"CRPS skill against {baseline}, {condition}"].verdict in ("pass", "fail")
    assert all("Given the triggers" in one.simulated for key, one in found.items() if key != "HR1")
    assert all("rumour" in one.simulated for key, one in found.items() if key != "HR1")
    lost = [row.what for row in found["HP1"].rows if row.verdict == "fail"]
    assert bool(lost) == ("Baselines win" in found["HP1"].suspected)
    assert (tmp_path / "out" / "hindcast.csv").is_file()
    for path in page_figures("hindcast", [found[key] for key in ("H0", "HP1", "HP2", "HP3")], tmp_path):
        assert 0 < path.stat().st_size < 120_000


def test_areas_are_undefined_where_nothing_happened(asked: HindcastOptions) -> None:
    text = Path(asked.observed or "", "deaths.csv").read_text().replace(",40,", ",0,")
    Path(asked.observed or "", "deaths.csv").write_text(text)
    settings = settings_of(asked)
    with Lab() as lab:
        lab.once("hindcast settings", lambda: settings)
        lab.once(f"hindcast {settings.key}", lambda: _bank(settings))
        whether = next(fact for fact in results.hindcast_facts(lambda: settings) if fact.key == "HD2")
        rows = whether.measure(lab).rows
    assert all(row.verdict == "not run" for row in rows)
    area = next(row for row in rows if row.what.startswith("AUROC"))
    assert area.value is None
    assert area.note == "undefined: 0 events in 48 state-months"


def test_triggers_stand_where_and_when_they_run() -> None:
    from sim.region import find_region, load_region
    from sim.scenario import load_scenario

    spec = load_scenario("history_1998_2010")
    region = load_region(find_region(spec.region), 1998)
    made = trigger_months(spec, region, START, END)
    here = {state: k for k, state in enumerate(region.states)}
    assert made[month_number(2004, 3) - START, here["XKX"]] == 1
    assert made[month_number(2001, 4) - START, here["MKD"]] == 1
    assert made[month_number(2007, 4) - START].sum() == 0
    assert made[:, here["ALB"]].sum() == 0


def test_candidates_start_with_the_parameters_as_they_are() -> None:
    draws = candidates(settings_of(HindcastOptions()), 8)
    assert draws[0] == ()
    assert len(set(draws)) == 8
    assert draws == candidates(settings_of(HindcastOptions()), 8)


# --- what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--from", "1998"],
            "--from: not a month; got '1998'; allowed YYYY-MM such as 1998-01 (add the month, as in 1998-01)",
        ),
        (["--from", "1990-01"], "does not lie within the scenario; got 1990-01 to 2010-12; allowed 1998-01 to 2010-12"),
        (["--to", "2014-12"], "give a scenario that covers it with --scenario"),
        (["--from", "2009-06"], "the window is too short; got 2009-06 to 2010-12; allowed 24 months or more"),
        (["--split", "2010-06"], "--split: leaves too little on one side; got 2010-06; allowed 1999-01 to 2010-01"),
        (["--observed", "nowhere"], "nowhere: is not a folder"),
        (["--scenario", "history_1998"], "history_1998_2010"),
        (["--parameters", "nowhere.csv"], "nowhere.csv: cannot be read: "),
        (["--scenario", "baseline_2024", "--from", "2024-01", "--to", "2027-12"], "hold no known value in the window"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(options: list[str], message: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["check", "hindcast", *options, "--out", str(tmp_path / "no")])
    assert isinstance(done.exception, InputError)
    assert done.exception.exit_code == 2
    assert message in str(done.exception)
    assert not (tmp_path / "no").exists()


def test_options_of_a_hindcast_are_refused_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="options of hindcast"):
        checks_run.check("facts", asked=HindcastOptions(split="2004-01"), out=tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_states_of_another_region_and_bad_parameters_are_refused(asked: HindcastOptions, tmp_path: Path) -> None:
    folder = Path(asked.observed or "")
    with (folder / "deaths.csv").open("a") as file:
        file.write("AAB,2001-02,1,x\n")
    with pytest.raises(InputError, match=r"deaths\.csv: AAB: not a state of the scenario's region; allowed AAA, BBB"):
        settings_of(asked)
    table = tmp_path / "draws.csv"
    for text, message in (
        ("recruitmen\n0.1\n", "did you mean 'recruitment'"),
        ("recruitment\n0.0001\n5\n", "draws.csv:3"),
        ("recruitment\nmany\n", "draws.csv:2: is not a parameter set: one number for every column"),
        ("recruitment\n", "wrong number of"),
    ):
        table.write_text(text)
        with pytest.raises(InputError, match=message):
            settings_of(HindcastOptions(parameters=str(table)))
    table.write_text("recruitment,climate\n0.0001,0.7\n")
    assert settings_of(HindcastOptions(parameters=str(table))).draws == ((("recruitment", 0.0001), ("climate", 0.7)),)
