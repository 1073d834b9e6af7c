"""Draws from an ensemble, and the matching of parameters to history."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from checks.calibration.history import (
    NAMES,
    RIOT,
    History,
    Target,
    history_of_record,
    summarise,
    target_of_record,
)
from checks.calibration.procedure import Match, distances, fit, loosest, sample, width
from checks.calibration.runs import COLUMNS, QUANTITIES, RunBank, point
from checks.lab import Lab
from checks.observed import read_observed
from sim import api
from sim.analysis.effects import nested
from sim.errors import InputError
from sim.experiment import build_plan, execute, read_ensemble
from sim.experiment.folder import ResultsFolder
from sim.experiment.plan import TOGETHER, Ensemble, choose
from sim.parameters import CATALOGUE, parameters
from sim.scenario import load_scenario
from sim.world.start import state_offsets
from tests.experiment_fakes import FakeEngine, FakeScenario, FakeSource, RealNamesEngine

RATES = Ensemble(("b_peer",), tuple((2.1 + 0.1 * number,) for number in range(12)))


def write(path: Path, ensemble: Ensemble) -> Path:
    path.write_text(ensemble.text(), encoding="utf-8")
    return path


def plan_of(ensemble: Ensemble | None, *scenarios: FakeScenario, points=({},), replications=6, seed=1):
    scenarios = scenarios or (FakeScenario("calm"), FakeScenario("busy", parameters={"tension": 0.1}))
    return build_plan(
        scenarios,
        base_seed=seed,
        replications=replications,
        citizens=1000,
        region_hash="region",
        model="model",
        points=points,
        templates={item.key: FakeSource(item) for item in scenarios},
        ensemble=ensemble,
    )


def draw_of(plan, run):
    return plan.draw(run.scenario, run.point, run.replication)


def test_every_scenario_draws_the_same_point_whatever_the_number_of_replications():
    few, many = plan_of(RATES, replications=4), plan_of(RATES, replications=40)
    drawn = {(run.scenario, run.replication): draw_of(many, run) for run in many.runs}
    assert all(drawn["calm", r] == drawn["busy", r] for r in range(40))
    assert all(draw_of(few, run) == drawn[run.scenario, run.replication] for run in few.runs)
    assert [run.run for run in few.runs] == [run.run for run in many.runs[: len(few.runs)]]
    numbers = [RATES.number(1, r) for r in range(24)]
    assert numbers[0::2] == numbers[1::2]
    assert sorted(numbers[0::2]) == list(range(12))
    assert numbers[0::2] != [RATES.number(2, r) for r in range(0, 24, TOGETHER)]


def test_what_a_scenario_or_a_point_sets_itself_wins_over_the_draw():
    own = FakeScenario("own", parameters={"b_peer": 9.0})
    assert all(not draw_of(plan_of(RATES, own), run) for run in plan_of(RATES, own).runs)
    swept = plan_of(RATES, points=({"parameters.b_peer": 1.0}, {}))
    assert [bool(draw_of(swept, run)) for run in swept.runs[:4]] == [False, False, True, True]


def test_run_ids_change_with_the_ensemble_even_where_the_values_are_the_same():
    longer = Ensemble(RATES.names, (*RATES.rows, (2.0,)))
    own = FakeScenario("own", parameters={"b_peer": 9.0})
    ids = {plan_of(ensemble, own, replications=1).runs[0].run for ensemble in (None, RATES, longer)}
    assert len(ids) == 3
    assert plan_of(None).runs[0].run == plan_of(None).runs[0].run


def test_draws_reach_the_engine_and_the_stored_rows(tmp_path: Path):
    rates = Ensemble(("rate",), ((0.0,), (20.0,)))
    plan, store = plan_of(rates, replications=4), ResultsFolder(tmp_path)
    store.prepare()
    execute(plan, store, FakeEngine())
    rows = store.runs().to_pylist()
    for row in rows:
        rate = rates.values(rates.number(1, row["replication"]))["rate"]
        assert json.loads(row["parameters"])["parameters.rate"] == rate
        assert (row["incidents"] > 0) == (rate > 0)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path / "points.csv", RATES)


def compare(out: Path, table: Path | str, workers: int = 1, replications: int = 8) -> api.Comparison:
    return api.compare(
        ["police_capacity"], baseline="baseline_2024", replications=replications, months=12, workers=workers,
        out=out, figures=False, engine=RealNamesEngine(), parameters=table,
    )  # fmt: skip


def test_comparison_with_draws_is_the_same_on_any_workers_resumed_and_run_alone(tmp_path: Path, table: Path):
    first, second = compare(tmp_path / "a", table), compare(tmp_path / "b", table, workers=2)
    stores = [ResultsFolder(one.folder) for one in (first, second)]
    assert stores[0].content_hash("series") == stores[1].content_hash("series")
    assert (tmp_path / "a" / "effects.csv").read_bytes() == (tmp_path / "b" / "effects.csv").read_bytes()
    batch = stores[0].batches()[0]
    stores[0].file("runs", batch).unlink()
    assert compare(tmp_path / "a", table).tally.reused < 16
    assert stores[0].content_hash("series") == stores[1].content_hash("series")
    table.unlink()  # the folder holds all that is needed
    for run in second.runs["run"].iloc[[0, 5]]:
        assert api.rerun(run, second.folder, engine=RealNamesEngine()).same
    assert api.status(second.folder).changed == ()
    assert api.verify(second.folder).good


def test_a_folder_of_another_ensemble_is_refused(tmp_path: Path, table: Path):
    compare(tmp_path / "a", table)
    write(table, Ensemble(RATES.names, RATES.rows[:6]))
    with pytest.raises(InputError, match="other scenarios, settings or sources"):
        compare(tmp_path / "a", table)
    with pytest.raises(InputError, match="other scenarios, settings or sources"):
        compare(tmp_path / "a", "central")


def test_intervals_hold_parameters_and_the_sampling_error_does_not(tmp_path: Path, table: Path):
    drawn = compare(tmp_path / "a", table, replications=16).headline().set_index("outcome")
    assert (drawn["ci_high"] - drawn["ci_low"] >= 0).all()
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert manifest["ensemble"] == {"sha256": RATES.sha256, "points": 12, "together": TOGETHER}


def test_zero_intensity_differs_by_exactly_nothing_under_draws(tmp_path: Path):
    points = Ensemble(("b_peer", "state_spread", "state_draw"), ((2.2, 0.5, 3.0), (3.0, 0.2, 7.0)))
    base = load_scenario("baseline_2024", ["region=twin_valleys"])
    idle = load_scenario(
        "baseline_2024",
        [
            "region=twin_valleys",
            "interventions.idle={type: I2, targets: {states: [AAA]}, start: 2024-02, intensity: 0}",
        ],
    )
    result = api.compare(
        [replace(idle, key="idle")], baseline=base, replications=4, citizens=600, months=4, workers=1,
        figures=False, parameters=write(tmp_path / "p.csv", points),
    )  # fmt: skip
    differences = result.effects[result.effects["contrast"] == "difference"]
    assert (differences[["effect", "ci_low", "ci_high", "mc_error"]] == 0).all(axis=None)
    peers = {json.loads(text)["parameters.b_peer"] for text in result.runs["parameters"]}
    assert peers == {2.2, 3.0}


def made_up(effect_of_point, error: float, points: int = 400, seed: int = 5):
    """Effects of points that are known, seen through random draws; and what became of them."""
    rng = np.random.default_rng(seed)
    theta = np.repeat(effect_of_point(rng, points), TOGETHER)
    n = len(theta)
    values = theta + rng.normal(0, error, n)
    return nested(values[:, None], np.repeat(np.arange(points), TOGETHER)), values


def test_sampling_error_and_parameters_are_taken_apart_as_they_were_put_in():
    made, values = made_up(lambda rng, n: rng.normal(1.0, 2.0, n), error=3.0)
    assert made.error.item() == pytest.approx(3.0 / np.sqrt(len(values)), rel=0.1)
    assert not made.apart.item()  # 4 against 9 in two halves: parameters make less than half of it
    wide, _ = made_up(lambda rng, n: rng.normal(1.0, 4.0, n), error=3.0)
    assert wide.apart.item()
    calm, values = made_up(lambda rng, n: np.full(n, 1.0), error=3.0)
    assert calm.error.item() == pytest.approx(3.0 / np.sqrt(len(values)), rel=0.1)
    assert not calm.apart.item()


def test_nested_by_hand():
    made = nested(np.array([[1.0], [3.0], [5.0], [7.0]]), np.array([4, 4, 9, 9]))
    assert made.error.item() == pytest.approx(np.sqrt(2.0 / 4))  # within: 2 on 2 degrees of freedom
    assert not made.apart.item()  # 16 between on 2 within is 8, below the 95 % point of F on 1 and 2 degrees of freedom
    assert nested(np.zeros((3, 1)), np.array([0, 0, 0])) is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "wrong number of parameter sets"),
        ("b_peer\n", "wrong number of parameter sets"),
        ("b_peeer\n2\n", "did you mean 'b_peer'"),
        ("b_peer,b_peer\n2,2\n", "each once"),
        ("b_peer\n2,3\n", "one number for every column"),
        ("b_peer\n2\nnan\n", ":3"),
        ("climate_halflife\n0.001\n", "0.25 to 120"),
    ],
)
def test_bad_tables_of_points_are_refused(tmp_path: Path, text: str, what: str):
    path = tmp_path / "points.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=what):
        read_ensemble(path)


def test_a_choice_that_is_none_is_refused():
    with pytest.raises(InputError, match="ensemble, central"):
        choose("ensembel", drawn=True)
    assert choose("central", drawn=True) is None
    assert choose(None, drawn=False) is None


def test_state_offsets_are_keyed_by_state_and_draw():
    uids = np.array([5, 9, 2], np.uint64)
    first = state_offsets(uids, 0.5, 3.0)
    assert np.array_equal(state_offsets(uids[::-1], 0.5, 3.0), first[::-1])
    assert not np.array_equal(state_offsets(uids, 0.5, 4.0), first)
    assert np.array_equal(state_offsets(uids, 0.0, 3.0), np.zeros(3))
    many = np.concatenate([state_offsets(uids, 0.5, float(draw)) for draw in range(700)])
    assert many.std() == pytest.approx(0.5, rel=0.06)
    assert abs(many.mean()) < 0.04


# --- matching and statistics ----------------------------------------------------------------------

ONE = Target(("protests", "zeros"), np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([0.01, 0.01]))


def toy(shares, seed: int):
    """Two statistics that know two of three parameters, with random draws; the others are noise."""
    rng = np.random.default_rng(seed)
    x = 2 * np.asarray(shares) - 1
    made = rng.normal(0, 1, (len(x), len(NAMES)))
    made[:, NAMES.index("protests")] = 3 * x[:, 0] + x[:, 1] ** 2 + rng.normal(0, 0.1, len(x))
    made[:, NAMES.index("zeros")] = 2 * x[:, 1] + rng.normal(0, 0.1, len(x))
    return made


def matched(truth, waves: int = 3):
    """Match a toy history whose parameters are known."""
    x = 2 * np.array(truth) - 1
    ranges = np.array([[3 * x[0] + x[1] ** 2] * 2, [2 * x[1]] * 2])
    match = Match(replace(ONE, ranges=ranges))
    widths = []
    for wave in range(waves):
        shares = sample(match, 120, 3, wave).shares
        match = loosest(match.target, (*match.emulators, fit(shares, toy(shares, wave))), 3, 50 + wave)
        widths.append(width(sample(match, 200, 3, 99).shares))
    return match, np.array(widths)


@pytest.mark.parametrize("truth", [(0.3, 0.6, 0.5), (0.7, 0.25, 0.9)])
def test_matching_finds_the_parameters_that_history_knows_and_not_the_one_it_does_not(truth):
    match, widths = matched(truth)
    assert match.order == 1
    assert match.keeps(np.array([truth]))[0]
    assert (widths[-1][:2] < 0.45).all()
    assert widths[-1][2] > 0.8
    left = sample(match, 200, 3, 99).shares
    assert np.abs(left[:, :2].mean(axis=0) - truth[:2]).max() < 0.06
    far = np.array([[0.9 - 0.6 * (truth[0] > 0.5), truth[1], 0.5]])
    assert not match.keeps(far)[0]


def test_a_target_that_no_point_meets_is_judged_by_a_later_implausibility():
    shares = sample(Match(ONE), 120, 3, 0).shares
    impossible = replace(ONE, ranges=np.array([[50.0, 50.0], [0.0, 0.0]]))
    assert loosest(impossible, (fit(shares, toy(shares, 0)),), 3, 1).order == 2


def test_target_ranges_count_from_their_ends_and_too_few_runs_are_refused():
    shares = sample(Match(ONE), 120, 3, 0).shares
    emulator = fit(shares, toy(shares, 0))
    wide = replace(ONE, ranges=np.array([[-9.0, 9.0], [-9.0, 9.0]]))
    assert (distances(emulator, wide, shares) == 0).all()
    with pytest.raises(ValueError, match="too few"):
        fit(shares[:12], toy(shares[:12], 0))


def test_implausibility_counts_observation_and_discrepancy_beside_random_draws():
    shares = sample(Match(ONE), 120, 3, 0).shares
    emulator = fit(shares, toy(shares, 0))
    mean, variance = (made[:, ONE.columns] for made in emulator.predict(shares))
    for error in (0.0, 0.01, 4.0):
        found = distances(emulator, replace(ONE, variances=np.array([error, error])), shares)
        assert np.allclose(found, np.abs(mean) / np.sqrt(variance + error), atol=1e-12)


def test_points_that_fill_what_is_left_are_the_same_every_time_and_say_their_share():
    match, _ = matched((0.3, 0.6, 0.5), waves=1)
    first, second = sample(match, 50, 3, 7), sample(match, 50, 3, 7)
    assert np.array_equal(first.shares, second.shares)
    assert 0.0 < first.share < 0.5
    assert match.keeps(first.shares).all()


def empty_history() -> History:
    zeros = np.zeros((156, 7))
    return History(zeros, zeros.copy(), zeros.copy(), np.array([]), 0.0, (0.0, 0.0, 0.0), 0.0, 0.0)


def numbers_of(history: History) -> dict[str, float]:
    return dict(zip(NAMES, summarise(history).tolist(), strict=True))


def test_statistics_of_a_history_made_by_hand():
    history = empty_history()
    history.protests[0:2, 0] = 4.0  # two months in Albania, eight protests, one month violent
    history.violent[0, 0] = 1.0
    history.protests[100:, 4] = np.nan  # Montenegro unknown later
    history.violent[100:, 4] = np.nan
    history.deaths[0, 6], history.deaths[1, 6] = 100.0, 300.0
    history.deaths[12 * 3, 3] = 70.0
    history.deaths[12 * 5, 1] = 9.0
    found = numbers_of(replace(history, sizes=np.array([60.0, 1500.0]), displaced=999.0, riot=(9.0, 1.0, 0.0)))
    assert found["protests"] == pytest.approx(np.log(9))
    assert found["protest_spread"] == pytest.approx(np.std([np.log(9), 0, 0, 0, 0, 0, 0]))
    assert found["zeros"] == pytest.approx(1 - 2 / (6 * 156 + 100))
    assert found["violent"] == 0.5
    assert found["sizes"] == pytest.approx((np.log10(50) + 3) / 2)
    assert found["memory"] == pytest.approx(0.5, abs=0.02)
    assert found["xkx_deaths"] == pytest.approx(np.log(401))
    assert found["xkx_peak"] == pytest.approx(np.log(301))
    assert found["months_deaths"] == pytest.approx(np.log(5))
    assert found["mkd_deaths"] == pytest.approx(np.log(71))
    assert found["later_deaths"] == pytest.approx(np.log(10))
    assert found["displaced"] == pytest.approx(np.log(1000))
    assert found["riot_people"] == pytest.approx(np.log(10))
    assert all(np.isfinite(summarise(empty_history())))


def test_statistics_of_the_record():
    found = numbers_of(history_of_record(read_observed()))
    assert np.exp(found["protests"]) - 1 == pytest.approx(124, abs=1)
    assert np.exp(found["xkx_deaths"]) - 1 == pytest.approx(3599, abs=1)
    assert np.exp(found["mkd_deaths"]) - 1 == pytest.approx(72, abs=1)
    assert np.exp(found["riot_sites"]) - 1 == pytest.approx(33)
    assert found["later_deaths"] == 0.0
    unknown = [name for name, value in found.items() if np.isnan(value)]
    assert unknown == ["unprompted", "turnout"]


def test_leaving_an_episode_out_takes_its_statistics_out():
    target = target_of_record(summarise(history_of_record(read_observed())))
    left = target.without(RIOT)
    assert set(target.names) - set(left.names) == {"riot_people", "riot_sites", "riot_deaths"}
    assert len(left.ranges) == len(left.variances) == len(left.names)


def test_points_keep_ratios_and_stay_in_the_ranges_of_the_catalogue():
    low, high = point(np.zeros(7), 3), point(np.ones(7), 3)
    assert set(low) == set(COLUMNS)
    assert low["state_draw"] == 3.0
    for values in (low, high):
        assert values["climate"] / values["district_noise"] == pytest.approx(
            CATALOGUE["climate"].default / CATALOGUE["district_noise"].default, rel=1e-5
        )
        parameters(values)
        for one in QUANTITIES:
            assert CATALOGUE[one.name].low <= values[one.name] <= CATALOGUE[one.name].high


def test_the_bank_runs_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls: list[int] = []

    def fake(shares, number: int, citizens: int) -> list[float]:
        calls.append(number)
        return [number + sum(shares)] * len(NAMES)

    monkeypatch.setattr("checks.calibration.runs.simulated", fake)
    bank, shares = RunBank(tmp_path, 9_000), np.random.default_rng(1).random((45, 7))
    first = bank.run(Lab(), shares, 0)
    assert calls == list(range(45))
    next(tmp_path.glob("*.json")).unlink()
    assert np.array_equal(bank.run(Lab(), shares, 0), first)
    assert len(calls) in (45 + 20, 45 + 5)
    assert not np.array_equal(bank.run(Lab(), shares, 100), first)
