"""The hindcast: observed tables, the observation model, scores with known answers, baselines, missing values."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sim.errors import InputError
from sim.validation import observed
from sim.validation.observed import (
    FOLDER,
    by_unit,
    counted_deaths,
    detection,
    month_number,
    month_text,
    read_observed,
    record,
)
from sim.validation.worlds import Valley, run, valley_model

START, END = month_number(1998, 1), month_number(2010, 12)

# --- observed tables


def test_the_shipped_tables_hold_what_their_sources_say() -> None:
    tables = read_observed()
    deaths = tables.grid("deaths", START, END)
    total = dict(zip(deaths.units, deaths.values.sum(axis=0), strict=True))
    assert total["XKX"] == pytest.approx(1446 + 2153, abs=0.1)
    assert total["MKD"] == pytest.approx(6 + 3 + 72, abs=0.1)
    assert total["BIH"] == total["MNE"] == 0.0
    assert deaths.months[0] == "1998-01"
    assert deaths.values.shape == (156, 7)
    may_1992 = month_number(1992, 5)
    bosnia = tables.tables["deaths.csv"].query("state == 'BIH' and month >= @may_1992")["deaths"].sum()
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
    "a day instead of a month": ("deaths.csv", GOOD + "BIH,2001-02-03,1,x\n", "deaths.csv:2:5: month: not a month"),
    "month 13": ("deaths.csv", GOOD + "BIH,2001-13,1,x\n", "deaths.csv:2:5: month: not a month"),
    "below zero": ("deaths.csv", GOOD + "BIH,2001-02,-1,x\n", "deaths.csv:2:13: deaths: out of range"),
    "a word for missing": ("deaths.csv", GOOD + "BIH,2001-02,NA,x\n", "deaths.csv:2:13: deaths: not a number"),
    "infinite": ("deaths.csv", GOOD + "BIH,2001-02,1e999,x\n", "deaths.csv:2:13: deaths: out of range"),
    "half an event": ("protests.csv", "state,month,events,violent,participants,source\nBIH,2001-02,1.5,,,x\n",
                      "protests.csv:2:13: events: not a whole number"),
    "no source": ("deaths.csv", GOOD + "BIH,2001-02,1,\n", "deaths.csv:2:15: source: is empty"),
    "lower case state": ("deaths.csv", GOOD + "bih,2001-02,1,x\n", "deaths.csv:2:1: state: not a key"),
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
    assert made.participants[1, 1] == 10_000_000
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
