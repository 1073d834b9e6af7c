"""The measurement code finds known answers in made-up data: a wrong estimator would not."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import special, stats

from sim.validation import hawkes, intervals, regression, spread, tails
from sim.validation.records import Result, Value, Window, judged, read_result, table, untestable


def power_law(rng: np.random.Generator, exponent: float, start: int, n: int) -> np.ndarray:
    """Whole numbers with density x^-exponent from ``start`` on, by inversion of the zeta distribution."""
    values = np.arange(start, 2_000_000)
    shares = np.cumsum(values ** -float(exponent)) / special.zeta(exponent, start)
    return values[np.searchsorted(shares, rng.random(n) * shares[-1])].astype(float)


# --- tails


@pytest.mark.parametrize("exponent", [1.6, 2.5])
def test_the_exponent_of_a_power_law_is_found(exponent: float) -> None:
    sizes = power_law(np.random.default_rng(1), exponent, 1, 4000)
    tail = tails.fit_tail(sizes)
    assert tail.exponent == pytest.approx(exponent, abs=4 * tail.error + 0.02)
    assert tail.start <= 3
    z, p = tails.compare(sizes, tail, "exponential")
    assert z > 5
    assert p < 1e-6


def test_a_power_law_that_starts_late_is_found() -> None:
    rng = np.random.default_rng(2)
    sizes = np.concatenate([rng.integers(1, 20, 1500), power_law(rng, 2.2, 20, 1500)]).astype(float)
    tail = tails.fit_tail(sizes)
    assert 12 <= tail.start <= 40
    assert tail.exponent == pytest.approx(2.2, abs=0.2)


def test_exponential_sizes_are_not_taken_for_a_power_law() -> None:
    sizes = np.random.default_rng(3).geometric(0.05, 3000).astype(float)
    z, p = tails.compare(sizes, tails.Tail(tails.exponent(sizes, 1), 1, 0.1, 3000, 0.0), "exponential")
    assert z < -5
    assert p < 1e-6
    assert tails.exponential_against_lognormal(sizes, 1)[0] < 0


def test_a_lognormal_beats_both_where_it_is_true() -> None:
    sizes = np.ceil(np.exp(np.random.default_rng(4).normal(2.0, 1.2, 3000)))
    tail = tails.Tail(tails.exponent(sizes, 1), 1, 0.1, 3000, 0.0)
    assert tails.compare(sizes, tail, "lognormal")[0] < -5
    assert tails.exponential_against_lognormal(sizes, 1)[0] > 5


def test_too_few_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        tails.fit_tail(np.ones(5))


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
    made = hawkes.fit_hawkes(series)
    assert made.branching == pytest.approx(branching, abs=0.08)
    assert made.excited == (branching > 0)
    if branching:
        assert made.half == pytest.approx(math.log(0.5) / math.log(decay), rel=0.5)


# --- spread in space


def ring(n: int) -> np.ndarray:
    near = np.zeros((n, n), bool)
    near[np.arange(n), (np.arange(n) + 1) % n] = True
    return near | near.T


def test_a_growing_patch_expands_and_does_not_relocate() -> None:
    violent = np.array([[abs(i - 20) <= t for i in range(40)] for t in range(6)])
    made = spread.spread(violent, ring(40), 199)
    assert made.p_expansion < 0.05
    assert made.p_relocation > 0.5


def test_a_wandering_patch_relocates_and_does_not_expand() -> None:
    violent = np.array([[i in (t, t + 20) for i in range(40)] for t in range(12)])
    made = spread.spread(violent, ring(40), 199)
    assert made.p_relocation < 0.05
    assert made.p_expansion == 1.0


def test_violence_that_strikes_anywhere_does_neither() -> None:
    violent = np.random.default_rng(6).random((30, 60)) < 0.15
    made = spread.spread(violent, ring(60), 199)
    assert made.p_expansion > 0.05
    assert made.p_relocation > 0.05


def test_neighbours_are_those_within_reach() -> None:
    near = spread.neighbours(np.array([0.0, 0.0, 0.0]), np.array([0.0, 0.3, 0.9]), 40.0)
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
    gap = intervals.difference_of_proportions(56, 70, 48, 80)
    assert (gap.low, gap.high) == (pytest.approx(0.0524, abs=1e-3), pytest.approx(0.3339, abs=1e-3))
    ratio = intervals.ratio_of_proportions(20, 100, 10, 100)
    assert ratio.value == pytest.approx(2.0)
    assert (ratio.low, ratio.high) == (pytest.approx(0.987, abs=0.01), pytest.approx(4.05, abs=0.02))


def test_poisson_regression_finds_a_hump() -> None:
    rng = np.random.default_rng(8)
    x = rng.random(4000)
    exposure = rng.uniform(1.0, 5.0, 4000)
    counts = rng.poisson(exposure * np.exp(-1.0 + 4.0 * x - 5.0 * x**2))
    made = regression.poisson_fit(counts.astype(float), np.column_stack([x, x**2]), exposure)
    assert made == pytest.approx([-1.0, 4.0, -5.0], abs=0.5)
    assert np.isnan(regression.poisson_fit(np.zeros(4), np.ones((4, 1)), np.ones(4))).all()


def test_bootstrap_of_a_mean_agrees_with_theory() -> None:
    values = np.random.default_rng(9).normal(5.0, 2.0, 200).tolist()
    made = intervals.bootstrap(lambda units: float(np.mean(units)), values)
    half = stats.t.ppf(0.975, 199) * np.std(values, ddof=1) / math.sqrt(200)
    assert made.high - made.low == pytest.approx(2 * half, rel=0.2)


# --- verdicts


def test_the_estimate_decides_and_the_interval_is_remarked_on() -> None:
    window = Window(1.3, 5.0)
    assert judged("x", Value(2.0, 1.5, 3.0), window).verdict == "pass"
    assert "beyond" in judged("x", Value(2.0, 1.0, 3.0), window).note
    assert judged("x", Value(1.2, 1.0, 1.4), window).verdict == "fail"
    assert "into" in judged("x", Value(1.2, 1.0, 1.4), window).note
    assert judged("x", Value(float("nan")), window).verdict == "fail"
    assert not Window(0.0, 1.0, strict=True).holds(0.0)


def test_one_failing_row_fails_the_fact_and_results_survive_json() -> None:
    rows = (judged("a", Value(1.0), Window(0.0, 2.0)), judged("b", Value(3.0), Window(0.0, 2.0)))
    made = Result("SF0", "t", "s", rows=rows)
    assert made.verdict == "fail"
    assert read_result(json.loads(json.dumps(made.content()))) == made
    open_row = untestable("c", Window(0.0, 1.0), "no such mechanism")
    assert Result("SF0", "t", "s", rows=(rows[0], open_row)).verdict == "pass"
    assert Result("SF0", "t", "s", rows=(open_row,)).verdict == "not testable yet"
    assert table({"a": ([1.0], [2.0])}) == {"series": ["a"], "x": [1.0], "y": [2.0]}
