"""The measurement code finds known answers in made-up data: a wrong estimator would not."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import signal, special, stats
from typer.testing import CliRunner

from checks import docking, epstein, intervals, patterns, run, stored
from checks.facts import FACTS
from checks.lab import Lab, Valley, keep_fighting, keep_out, minority, valley, valley_model
from checks.page import page
from checks.records import (
    Chart,
    CheckResult,
    Fact,
    Measurement,
    TargetRange,
    Value,
    judged,
    measured_only,
    read_result,
    table,
    untestable,
)
from sim import status
from sim.agents.armed_group import ACTIVE
from sim.cli import app
from sim.errors import InputError
from sim.world.outcomes import OUTCOME_INDEX
from sim.world.presence import standing_missions

ROOT = Path(__file__).parents[1]


def power_law(rng: np.random.Generator, exponent: float, start: int, n: int) -> np.ndarray:
    """Whole numbers with density x^-exponent from ``start`` on, by inversion of the zeta distribution."""
    values = np.arange(start, 2_000_000)
    shares = np.cumsum(values ** -float(exponent)) / special.zeta(exponent, start)
    return values[np.searchsorted(shares, rng.random(n) * shares[-1])].astype(float)


# --- tails


@pytest.mark.parametrize("exponent", [1.6, 2.5])
def test_the_exponent_of_a_power_law_is_found(exponent: float) -> None:
    sizes = power_law(np.random.default_rng(1), exponent, 1, 4000)
    tail = patterns.fit_tail(sizes)
    assert tail.exponent == pytest.approx(exponent, abs=4 * tail.error + 0.02)
    assert tail.start <= 3
    z, p = patterns.compare(sizes, tail, "power law", "exponential")
    assert z > 5
    assert p < 1e-6


def test_a_power_law_that_starts_late_is_found() -> None:
    rng = np.random.default_rng(2)
    sizes = np.concatenate([rng.integers(1, 20, 1500), power_law(rng, 2.2, 20, 1500)]).astype(float)
    tail = patterns.fit_tail(sizes)
    assert 12 <= tail.start <= 40
    assert tail.exponent == pytest.approx(2.2, abs=0.2)


def test_exponential_sizes_are_not_taken_for_a_power_law() -> None:
    sizes = np.random.default_rng(3).geometric(0.05, 3000).astype(float)
    tail = patterns.Tail(patterns.exponent(sizes, 1), 1, 0.1, 3000, 0.0)
    z, p = patterns.compare(sizes, tail, "power law", "exponential")
    assert z < -5
    assert p < 1e-6
    assert patterns.compare(sizes, tail, "lognormal", "exponential")[0] < 0


def test_a_lognormal_beats_both_where_it_is_true() -> None:
    sizes = np.ceil(np.exp(np.random.default_rng(4).normal(2.0, 1.2, 3000)))
    tail = patterns.Tail(patterns.exponent(sizes, 1), 1, 0.1, 3000, 0.0)
    assert patterns.compare(sizes, tail, "power law", "lognormal")[0] < -5
    assert patterns.compare(sizes, tail, "lognormal", "exponential")[0] > 5


def test_too_few_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        patterns.fit_tail(np.ones(5))


# --- self-excitation


def excited(rng: np.random.Generator, branching: float, decay: float, background: float, n: int) -> np.ndarray:
    counts = np.zeros(n)
    memory = 0.0
    for t in range(n):
        counts[t] = rng.poisson(background + branching * (1 - decay) * memory)
        memory = decay * memory + counts[t]
    return counts


@pytest.mark.parametrize(("branching", "decay"), [(0.45, 0.5), (0.3, 0.8), (0.0, 0.5)])
def test_branching_and_memory_are_found(branching: float, decay: float) -> None:
    rng = np.random.default_rng(5)
    series = [excited(rng, branching, decay, 0.4 * (1 + k), 800) for k in range(6)]
    made = patterns.fit_hawkes(series, steady=True)
    assert made.branching == pytest.approx(branching, abs=0.08)
    if branching:
        assert made.half == pytest.approx(math.log(0.5) / math.log(decay), rel=0.5)


def drifting(rng: np.random.Generator, branching: float, n: int) -> np.ndarray:
    """A history whose background drifts: log-normal, s.d. 0.7, half-life six months of bins."""
    keep = 0.5 ** (1 / 24)
    steps = rng.normal(0.0, 0.7 * math.sqrt(1 - keep**2), n)
    steps[0] = rng.normal(0.0, 0.7)
    drift = signal.lfilter([1.0], [1.0, -keep], steps)
    counts = np.zeros(n)
    memory = 0.0
    for t in range(n):
        counts[t] = rng.poisson(0.4 * (1 - branching) * math.exp(drift[t]) + branching * 0.4 * memory)
        memory = 0.6 * memory + counts[t]
    return counts


@pytest.mark.parametrize("branching", [0.3, 0.45])
def test_a_background_that_drifts_is_not_taken_for_excitation(branching: float) -> None:
    rng = np.random.default_rng(7)
    made = patterns.fit_hawkes([drifting(rng, branching, 240) for _ in range(80)])
    assert made.branching == pytest.approx(branching, abs=0.12)


def test_places_with_few_events_are_judged_on_all_their_histories() -> None:
    """Histories picked for their many events hold clusters; usual counts from elsewhere and all histories do not."""
    rng = np.random.default_rng(8)
    every, memory = np.zeros((480, 4000)), np.zeros(4000)
    for counts in every:
        counts[:] = rng.poisson(0.7 * 0.3 / 480 + 0.3 * 0.4 * memory)
        memory = 0.6 * memory + counts
    picked = patterns.fit_hawkes([one for one in every.T if one.sum() >= 3], steady=True)
    made = patterns.fit_hawkes(every.T, np.full(4000, every.mean()), steady=True)
    assert picked.branching > 0.45
    assert made.branching == pytest.approx(0.3, abs=0.08)


# --- spread in space


def ring(n: int) -> np.ndarray:
    near = np.zeros((n, n), bool)
    near[np.arange(n), (np.arange(n) + 1) % n] = True
    return near | near.T


def test_a_growing_patch_expands_and_does_not_relocate() -> None:
    violent = np.array([[abs(i - 20) <= t for i in range(40)] for t in range(6)])
    made = patterns.spread(violent, ring(40), 199)
    assert made.p_expansion < 0.05
    assert made.p_relocation > 0.5


def test_a_wandering_patch_relocates_and_does_not_expand() -> None:
    violent = np.array([[i in (t, t + 20) for i in range(40)] for t in range(12)])
    made = patterns.spread(violent, ring(40), 199)
    assert made.p_relocation < 0.05
    assert made.p_expansion == 1.0


def test_violence_that_strikes_anywhere_does_neither() -> None:
    violent = np.random.default_rng(6).random((30, 60)) < 0.15
    made = patterns.spread(violent, ring(60), 199)
    assert made.p_expansion > 0.05
    assert made.p_relocation > 0.05


def test_neighbours_are_those_within_reach() -> None:
    near = patterns.neighbours(np.array([0.0, 0.0, 0.0]), np.array([0.0, 0.3, 0.9]), 40.0)
    assert near.tolist() == [[False, True, False], [True, False, False], [False, False, False]]


# --- rates, ratios, regression


def test_hazard_ratio_counts_exposure() -> None:
    made = intervals.hazard_ratio(30, 100.0, 30, 300.0)
    assert made.value == pytest.approx(3.0)
    assert made.low < 3.0 < made.high
    assert made.low == pytest.approx(1.76, abs=0.1)
    assert intervals.hazard_ratio(0, 10.0, 5, 10.0).value == 0.0


def test_hazard_ratio_covers_the_truth() -> None:
    rng = np.random.default_rng(7)
    inside = 0
    for _ in range(300):
        made = intervals.hazard_ratio(rng.poisson(40), 100.0, max(rng.poisson(20), 1), 100.0)
        inside += made.low <= 2.0 <= made.high
    assert inside >= 0.93 * 300


def test_rates_and_shares_have_known_intervals() -> None:
    made = intervals.poisson_rate(0, 138.0)
    assert (made.value, made.low) == (0.0, 0.0)
    assert made.high == pytest.approx(3.689 / 138, rel=1e-3)
    share = intervals.proportion(10, 100)
    assert (share.low, share.high) == (pytest.approx(0.0552, abs=1e-3), pytest.approx(0.1744, abs=1e-3))
    ratio = intervals.ratio_of_proportions(20, 10, 100)
    assert ratio.value == pytest.approx(2.0)
    assert (ratio.low, ratio.high) == (pytest.approx(0.987, abs=0.01), pytest.approx(4.05, abs=0.02))


def test_poisson_regression_finds_a_hump() -> None:
    rng = np.random.default_rng(8)
    x = rng.random(4000)
    exposure = rng.uniform(1.0, 5.0, 4000)
    counts = rng.poisson(exposure * np.exp(-1.0 + 4.0 * x - 5.0 * x**2))
    made = patterns.poisson_fit(counts.astype(float), np.column_stack([x, x**2]), exposure)
    assert made == pytest.approx([-1.0, 4.0, -5.0], abs=0.5)
    assert np.isnan(patterns.poisson_fit(np.zeros(4), np.ones((4, 1)), np.ones(4))).all()


def test_bootstrap_of_a_mean_agrees_with_theory() -> None:
    values = np.random.default_rng(9).normal(5.0, 2.0, 200).tolist()
    made = intervals.bootstrap(lambda units: float(np.mean(units)), values)
    half = stats.t.ppf(0.975, 199) * np.std(values, ddof=1) / math.sqrt(200)
    assert made.high - made.low == pytest.approx(2 * half, rel=0.2)


# --- verdicts


def test_the_estimate_decides_and_the_interval_is_remarked_on() -> None:
    target = TargetRange(1.3, 5.0)
    assert judged("x", Value(2.0, 1.5, 3.0), target).verdict == "pass"
    assert "beyond" in judged("x", Value(2.0, 1.0, 3.0), target).note
    assert judged("x", Value(1.2, 1.0, 1.4), target).verdict == "fail"
    assert "into" in judged("x", Value(1.2, 1.0, 1.4), target).note
    assert judged("x", Value(float("nan")), target).verdict == "fail"
    assert not TargetRange(0.0, 1.0, strict=True).holds(0.0)


def test_one_failing_row_fails_the_fact_and_results_survive_json() -> None:
    rows = (judged("a", Value(1.0), TargetRange(0.0, 2.0)), judged("b", Value(3.0), TargetRange(0.0, 2.0)))
    made = CheckResult("SF0", "t", "s", rows=rows)
    assert made.verdict == "fail"
    assert read_result(json.loads(json.dumps(made.content()))) == made
    open_row = untestable("c", TargetRange(0.0, 1.0), "no such mechanism")
    assert CheckResult("SF0", "t", "s", rows=(rows[0], open_row)).verdict == "pass"
    assert CheckResult("SF0", "t", "s", rows=(open_row,)).verdict == "not testable yet"
    assert table({"a": ([1.0], [2.0])}) == {"series": ["a"], "x": [1.0], "y": [2.0]}


# --- regions with a condition


def test_a_valley_differs_from_the_plain_one_in_its_condition_only() -> None:
    _, plain = valley(Valley(months=12))
    _, excluded = valley(Valley(status=0.7, months=12))
    _, kept = valley(Valley(mission="robust", months=12))
    assert sorted(set(plain.region.exclusion)) == [0.0, 0.35]
    assert sorted(set(excluded.region.exclusion)) == [0.0, 0.7]
    assert plain.solve == excluded.solve == kept.solve
    assert [m.persons(2024, 1) for m in kept.region.missions] == [1136]
    assert not plain.region.missions


def test_a_weak_mandate_counts_a_tenth_on_combat() -> None:
    rows = {}
    for mission in ("robust", "limited", "observers"):
        region = valley(Valley(mission=mission, months=12))[1].region
        rows[mission] = standing_missions(region, 2024, 1, 0.1)[:, region.states.index("BBB")].tolist()
    assert rows["robust"] == [1136.0, 0.0, 0.0, 0.0]
    assert rows["limited"] == pytest.approx([113.6, 0.0, 0.0, 1022.4])
    assert rows["observers"] == [0.0, 0.0, 1136.0, 0.0]


def test_a_held_war_is_fought_and_a_held_peace_is_not() -> None:
    def events(fight: bool) -> tuple[float, str]:
        world = Valley(parameters=(("armed_event_rate", 0.01), ("recruitment", 0.01), ("group_hazard", 1.0)), months=12)
        model = valley_model(world, 0)
        for group in model.armed_groups:
            keep_out(group)
        if fight:
            keep_fighting(minority(model, "BBB"))
        for _ in range(12):
            model.step()
        return float(model.world.recorder.series[:, :, OUTCOME_INDEX["armed_events"]].sum()), minority(
            model, "BBB"
        ).status

    assert events(False) == (0.0, "latent")
    fought, state = events(True)
    assert fought > 0
    assert state == ACTIVE


# --- docking


def test_the_grid_keeps_its_books_with_the_rules_of_mesa() -> None:
    rules = docking.DOCKED
    agents, grid, near = epstein.nobody(4.0, diamond=True)
    assert near.shape == (1600, 41)
    key = np.uint64(3)
    n = start = epstein.populate(key, rules, agents, grid, near)
    jailed = 0
    for tick in range(30):
        n = epstein.advance(n, key, tick, rules, agents, grid, near)
        here = agents[:n]
        assert n == start
        assert (here["site"] >= 0).all()
        assert (grid["who"][here["site"]] == np.arange(n)).all()
        assert (grid["actives"] == (grid["what"][near] == epstein.ACTIVE).sum(axis=1)).all()
        jailed += int((here["state"] == epstein.JAILED).sum())
    assert jailed > 0


def test_the_expected_turnout_is_the_mean_of_the_choice() -> None:
    """With no slope at all everybody turns out with the same probability, cap x logistic(alpha)."""
    flat = tuple(
        (name, 0.0) for name in ("b_grievance", "b_risk", "b_threshold", "b_unemployment", "b_exclusion", "b_tension")
    )
    model = valley_model(Valley(parameters=(*docking.WITHOUT_CONTAGION, *flat), months=1), 0)
    p, solve = model.setting.parameters, model.setting.solve
    expected = p.turnout_cap / (1 + math.exp(-solve.alpha))
    assert docking.expected_turnout(model) == pytest.approx(np.full(8, expected), rel=1e-9)


# --- the command and its results


def fake(value: float) -> Fact:
    def measure(lab: Lab) -> Measurement:
        calls.append(lab.size(100, 10))
        picture = Chart("x", "y", table({"a": ([1.0, 2.0, 3.0], [1.0, 4.0, 9.0]), "b": ([1.0, 2.0], [2.0, 2.0])}))
        rows = (
            judged("A share", Value(value, value - 0.1, value + 0.1), TargetRange(0.0, 1.0, "%")),
            measured_only("Another", Value(2.0), ""),
            untestable("A third", TargetRange(0.0, None), "no such mechanism"),
        )
        return Measurement(rows, "nothing", "By hand.", picture, suspected="this")

    calls: list[int] = []
    measure.calls = calls  # type: ignore[attr-defined]
    return Fact(f"F{value:g}", "A made-up fact", "nobody", measure)


def test_a_check_is_stored_drawn_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = fake(0.5), fake(3.0)
    monkeypatch.setitem(run.KINDS, "facts", (good, bad))
    made = run.check("facts", workers=1, out=tmp_path)
    assert [result.verdict for result in made.results] == ["pass", "fail"]
    assert list(made.table.columns) == list(run.COLUMNS)
    assert len(made.table) == 6
    assert {path.suffix for path in (tmp_path / "figures").iterdir()} == {".png", ".svg"}
    stored = (tmp_path / "facts.json").read_bytes()
    again = run.check("facts", workers=1, out=tmp_path)
    assert again.results == made.results
    assert (tmp_path / "facts.json").read_bytes() == stored
    assert good.measure.calls == bad.measure.calls == [100]
    run.check("facts", workers=1, out=tmp_path, quick=True, only=["f3"], figures=False)
    assert bad.measure.calls == [100, 10]
    (tmp_path / "parts" / "F0.5.json").write_text("{", encoding="utf-8")
    run.check("facts", workers=1, out=tmp_path, only=["F0.5"], figures=False)
    assert good.measure.calls == [100, 100]


def test_the_command_prints_failures_and_ends_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(run.KINDS, "facts", (fake(3.0),))
    monkeypatch.setattr("checks.figures.write_figures", lambda kind, results, folder: [])
    done = CliRunner().invoke(app, ["check", "facts", "--out", str(tmp_path), "--workers", "1"])
    assert done.exit_code == 0
    assert "fail" in done.output
    assert "suspected: this" in done.output
    assert "no such mechanism" in done.output
    done = CliRunner().invoke(app, ["check", "--out", str(tmp_path), "--workers", "1", "--json"])
    assert json.loads(done.stdout)["results"][0]["key"] == "F3"


def test_unknown_names_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="SF99.*allowed.*U1") as caught:
        run.check("facts", only=["SF99", "SF1", "nonsense"], out=tmp_path / "no")
    assert len(caught.value.problems) == 2
    with pytest.raises(InputError, match="got fact; allowed facts, docking.*did you mean 'facts'"):
        run.check("fact", out=tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_a_lab_gives_results_in_the_order_of_jobs() -> None:
    seen = []
    with Lab(workers=1, quick=True, progress=lambda step: seen.append((step.done, step.total))) as lab:
        assert lab.map(max, [(1, 2), (5, 3)]) == [2, 5]
        assert lab.once("x", lambda: 7) == lab.once("x", lambda: 8) == 7
        assert lab.size(100, 10) == 10
    assert seen == [(1, 2), (2, 2)]
    assert Lab(replications=3).size(100, 10) == 3


def test_every_fact_of_the_table_is_there_once() -> None:
    assert [fact.key for fact in FACTS] == ["U1", "U2", "U3", *(f"SF{k}" for k in range(1, 14))]


# --- what is stored and published


def test_status_follows_from_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(verdicts: list[float | None], model: str = "this", quick: bool = False) -> str:
        made = []
        for k, value in enumerate(verdicts):
            row = (
                untestable("a", TargetRange(0, 1), "")
                if value is None
                else judged("a", Value(value), TargetRange(0, 1))
            )
            made.append(CheckResult(f"SF{k}", "", "", rows=(row,)))
        monkeypatch.setattr(status, "recorded", lambda: stored.status_of(model, quick, made))
        monkeypatch.setattr(status, "model_hash", lambda: "this")
        return status.status()

    assert said([]) == "Illustrative: facts not checked"
    assert said([0.5], quick=True) == "Illustrative: facts not checked"
    assert said([0.5, 2.0, None]) == "Illustrative: passes 1 of 2 facts, 1 not measured yet"
    assert said([0.5, 0.5]) == "Passes all 2 facts; no forecast"
    assert (
        said([0.5, 0.5], model="that") == "Illustrative: this version of the model has not been checked against facts"
    )


def test_the_page_is_what_the_generator_makes_of_the_stored_results() -> None:
    made = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    assert made == page(), "run: python -m tests.long publish"
    for result in [*stored.results("facts"), *stored.results("docking")]:
        assert f"### {result.key} {result.title}" in made
        if result.picture is not None:
            image = ROOT / "docs" / "images" / "validation" / f"{result.key}.png"
            assert 0 < image.stat().st_size < 60_000


def test_the_status_under_figures_is_that_of_the_stored_results() -> None:
    assert status.recorded() == stored.stored_status(), "run: python -m tests.long publish"


def test_the_simulation_runs_without_the_checks(tmp_path: Path) -> None:
    """A copy of `sim` alone imports all that it has; only the command looks for other packages, by entry points."""
    shutil.copytree(ROOT / "sim", tmp_path / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    names = [
        ".".join(path.relative_to(tmp_path).with_suffix("").parts)
        for path in sorted((tmp_path / "sim").rglob("*.py"))
        if path.name not in ("__init__.py", "__main__.py") and not {"cli", "page"} & {*path.parts}
    ]
    code = f"import sys, importlib; [importlib.import_module(n) for n in {names}]; print('checks' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.strip() == "False"


def test_stored_results_are_of_a_full_run_of_every_fact() -> None:
    assert [one.key for one in stored.results("facts")] == [fact.key for fact in FACTS]
    assert [one.key for one in stored.results("docking")] == [fact.key for fact in docking.DOCKING]
    assert not stored.stored("facts")["quick"]
    assert not stored.stored("docking")["quick"]


def test_what_must_pass_passes() -> None:
    verdicts = {one.key: one.verdict for one in [*stored.results("facts"), *stored.results("docking")]}
    assert {verdicts[key] for key in ("U1", "U2", "U3", "SF1", "SF2", "SF12")} == {"pass"}
    assert {verdicts[f"dock-{name}"] for name in ("mesa", "published", "granovetter", "mean-field")} == {"pass"}


def test_every_failure_says_what_is_suspected() -> None:
    for one in stored.results("facts"):
        if one.verdict == "fail":
            assert one.suspected
