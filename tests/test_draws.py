"""Keyed draws: the published generator, fit for its use, inverted and transformed without surprises.

Every key is fixed, so no test here can fail by chance; a statistic must be worse than one in 100,000 to fail.
"""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sim.kernels import draws, elementary
from sim.kernels.compiling import kernel
from sim.kernels.mobilisation import (
    COLLAPSE,
    FLOOR,
    LITERAL,
    arrest_probability,
    fill_probabilities,
    fill_stances,
)
from sim.parameters import as_record, parameters
from sim.region import find_region, load_region

ALPHA = 1e-5
U64 = np.uint64
TOP = 2**32 - 1
reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=300)


# --- the generator ----------------------------------------------------------------------------------

PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0)


@pytest.mark.parametrize(
    ("given_words", "expected"),
    [
        ((0,) * 6, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((TOP,) * 6, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (PI, (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_published_known_answers(given_words: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Random123 `kat_vectors`, philox4x32-10: four words of counter, two of key."""
    assert tuple(int(word) for word in draws.philox(*(U64(word) for word in given_words))) == expected


def philox_in_whole_numbers(counter: list[int], key: list[int]) -> tuple[int, ...]:
    """The algorithm of Salmon et al. 2011 in Python's whole numbers."""
    for _ in range(10):
        high_0, low_0 = divmod(0xD2511F53 * counter[0], 2**32)
        high_1, low_1 = divmod(0xCD9E8D57 * counter[2], 2**32)
        counter = [high_1 ^ counter[1] ^ key[0], low_1, high_0 ^ counter[3] ^ key[1], low_0]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return tuple(counter)


words32 = st.integers(0, TOP)
words64 = st.integers(0, 2**64 - 1)


@reproducible
@given(words64, st.integers(0, 255), st.integers(0, 2**24 - 1), words64, words32)
def test_words_are_philox_of_the_documented_counter(seed: int, stream: int, tick: int, uid: int, block: int) -> None:
    counter = [block, stream << 24 | tick, uid & TOP, uid >> 32]
    expected = philox_in_whole_numbers(counter, [seed & TOP, seed >> 32])
    assert tuple(int(word) for word in draws.words(U64(seed), U64(stream), tick, U64(uid), block)) == expected


def test_uniforms_are_inside_zero_and_one() -> None:
    assert draws.unit32(U64(0)) == 2.0**-33
    assert draws.unit32(U64(TOP)) == 1.0 - 2.0**-33
    assert draws.unit52(U64(0), U64(0)) == 2.0**-53
    assert draws.unit52(U64(TOP), U64(TOP)) < 1.0
    assert draws.unit52(U64(2**31), U64(0)) == pytest.approx(0.5, abs=2.0**-52)


GENERATOR_CONSTANTS = {
    "MULTIPLIER_0", "MULTIPLIER_1", "WEYL_0", "WEYL_1", "MASK32", "SHIFT32", "SHIFT24", "SHIFT12", "SHIFT20",
}  # fmt: skip


def test_streams_are_distinct_and_fit_the_counter() -> None:
    streams = {
        name: int(value)
        for name, value in vars(draws).items()
        if isinstance(value, np.uint64) and name not in GENERATOR_CONSTANTS
    }
    assert len(streams) >= 20
    assert len(set(streams.values())) == len(streams)
    assert all(0 < value < 256 for value in streams.values())
    assert 0 < draws.BEFORE < 2**24


# --- no state ---------------------------------------------------------------------------------------

KEYS = [(seed, stream, tick, uid) for seed in (1, 2**63) for stream in (1, 2) for tick in (0, 7) for uid in (3, 2**40)]


def one_word(key: tuple[int, int, int, int]) -> tuple[int, ...]:
    seed, stream, tick, uid = key
    return tuple(int(word) for word in draws.words(U64(seed), U64(stream), tick, U64(uid), 5))


def test_order_and_number_of_calls_do_not_matter() -> None:
    forward = {key: one_word(key) for key in KEYS}
    backward = {key: one_word(key) for key in reversed(KEYS)}
    assert forward == backward
    assert len(set(forward.values())) == len(KEYS)
    for key in KEYS[::3]:
        for _ in range(7):
            one_word((9, 9, 9, 9))
        assert one_word(key) == forward[key]


def test_threads_do_not_matter() -> None:
    alone = axis_words(0, 50_000, "uid")
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: axis_words(0, 50_000, "uid"), range(8)))
    assert all((words == alone).all() for words in together)


def test_a_citizen_has_the_same_draws_in_any_block_and_alone() -> None:
    seed, uid = U64(99), U64(0xFEDCBA9876543210)
    alone = [draws.citizen_uniform(seed, draws.TURN_OUT, 12, uid, i) for i in range(300)]
    words = np.empty(300, np.uint32)
    for first in (0, 4, 32, 100):
        for count in range(1, 301 - first):  # a vectorised loop has a main part and remainders: every length counts
            draws.fill_words(words, count, seed, draws.TURN_OUT, 12, uid, first)
            assert ((words[:count] + 0.5) * 2.0**-32).tolist() == alone[first : first + count]


# --- a statistical battery on the way draws are used ------------------------------------------------

AXES = ("seed", "stream", "tick", "uid", "block")


@kernel
def fill_words(out, seed, stream, tick, uid, block, steps, period):
    """Words along one axis, four a row; ``steps`` says which input grows by one each row.

    After ``period`` rows the walk starts again from its beginning, with the next block (or tick).
    """
    for i in range(out.shape[0]):
        lap = i // period
        k = i % period
        w = draws.words(
            seed + np.uint64(k * steps[0]),
            stream + np.uint64(k * steps[1]),
            tick + k * steps[2] + lap * steps[4],
            uid + np.uint64(k * steps[3]),
            block + k * steps[4] + lap * (1 - steps[4]),
        )
        for lane in range(4):
            out[i, lane] = w[lane]


def axis_words(start: int, rows: int, axis: str) -> np.ndarray:
    """``rows`` x 4 words as uint32 along an axis, from the plain small numbers a user is likely to give."""
    out = np.empty((rows, 4), np.uint64)
    steps = np.array([axis == name for name in AXES], np.int64)
    period = 256 if axis == "stream" else 2**20
    stream = U64(0) if axis == "stream" else draws.TURN_OUT
    fill_words(out, U64(start), stream, start, U64(start), start, steps, period)
    return out.astype(np.uint32)


@pytest.fixture(scope="module", params=AXES)
def table(request: pytest.FixtureRequest) -> np.ndarray:
    return axis_words(1, 2**17, request.param)


def is_plausible(statistic: float, freedom: float) -> bool:
    """Neither too large nor too small for a chi-square variate."""
    return ALPHA < stats.chi2.sf(statistic, freedom) < 1.0 - ALPHA


def is_uniform(counts: np.ndarray) -> bool:
    expected = counts.sum() / counts.size
    assert expected >= 16
    return is_plausible(float(((counts - expected) ** 2).sum() / expected), counts.size - 1)


def are_standard_normal(z: np.ndarray) -> bool:
    return is_plausible(float((z**2).sum()), z.size)


def test_leading_and_trailing_bits_are_uniform(table: np.ndarray) -> None:
    for lane in range(4):
        assert is_uniform(np.bincount(table[:, lane] >> 20, minlength=4096))
        assert is_uniform(np.bincount(table[:, lane] & 4095, minlength=4096))


def test_every_bit_is_balanced(table: np.ndarray) -> None:
    bits = (table[:, :, None] >> np.arange(32, dtype=np.uint32)) & 1
    ones = bits.sum(axis=0).ravel()
    assert are_standard_normal((ones - len(table) / 2) / math.sqrt(len(table) / 4))
    total = (ones.sum() - bits.size / 2) / math.sqrt(bits.size / 4)
    assert abs(total) < stats.norm.isf(ALPHA)


def test_runs_of_bits_have_the_right_number(table: np.ndarray) -> None:
    """Runs along the axis in every bit position: changes between neighbours are fair coins."""
    changes = ((table[1:, :, None] ^ table[:-1, :, None]) >> np.arange(32, dtype=np.uint32)) & 1
    z = (changes.sum(axis=0) - len(changes) / 2) / math.sqrt(len(changes) / 4)
    assert are_standard_normal(z.ravel())


def correlation(one: np.ndarray, two: np.ndarray) -> float:
    """Correlation of two columns of words as a standard normal variate."""
    x = (one + 0.5) * 2.0**-32 - 0.5
    y = (two + 0.5) * 2.0**-32 - 0.5
    return float((x * y).mean() * 12.0 * math.sqrt(x.size))


def test_neighbours_along_an_axis_are_uncorrelated(table: np.ndarray) -> None:
    z = [correlation(table[lag:, i], table[:-lag, j]) for lag in range(1, 9) for i in range(4) for j in range(4)]
    assert are_standard_normal(np.array(z))


def test_lanes_are_uncorrelated(table: np.ndarray) -> None:
    z = [correlation(table[:, i], table[:, j]) for i in range(4) for j in range(i)]
    assert are_standard_normal(np.array(z))


def test_pairs_of_neighbours_fill_the_square(table: np.ndarray) -> None:
    flat = table[:, 0] >> 26
    assert is_uniform(np.bincount(flat[0::2].astype(int) * 64 + flat[1::2], minlength=4096))
    lanes = (table[:, 0] >> 26).astype(int) * 64 + (table[:, 1] >> 26)
    assert is_uniform(np.bincount(lanes, minlength=4096))


def test_gaps_between_runs_up_are_right(table: np.ndarray) -> None:
    """Ups and downs along the axis: their number has mean (2n - 1) / 3 and variance (16n - 29) / 90."""
    for lane in range(4):
        rising = table[1:, lane] > table[:-1, lane]
        runs = 1 + int((rising[1:] != rising[:-1]).sum())
        n = len(table)
        assert abs(runs - (2 * n - 1) / 3) < stats.norm.isf(ALPHA) * math.sqrt((16 * n - 29) / 90)


def test_words_collide_as_often_as_chance_has_it(table: np.ndarray) -> None:
    words = np.sort(table.ravel())
    expected = words.size**2 / 2 / 2**32
    collisions = int((words[1:] == words[:-1]).sum())
    assert ALPHA < stats.poisson.cdf(collisions, expected) < 1.0 - ALPHA


def test_birthday_spacings(table: np.ndarray) -> None:
    """4,096 birthdays in a year of 2^32 days: equal spacings are Poisson with mean n^3 / (4 m) = 4."""
    years = table.ravel()[: 4096 * 128].reshape(128, 4096)
    spacings = np.sort(np.diff(np.sort(years, axis=1), axis=1), axis=1)
    equal = int((spacings[:, 1:] == spacings[:, :-1]).sum())
    assert ALPHA < stats.poisson.cdf(equal, 4.0 * 128) < 1.0 - ALPHA


def test_outputs_of_different_keys_are_different(table: np.ndarray) -> None:
    assert len(np.unique(table, axis=0)) == len(table)


def test_one_changed_input_bit_changes_half_the_output_bits() -> None:
    rng = np.random.default_rng(3)
    widths = {"seed": 64, "stream": 8, "tick": 24, "uid": 64, "block": 32}
    z = []
    for name, width in widths.items():
        for bit in range(width):
            flips = 0
            for _ in range(40):
                key = {axis: int(rng.integers(0, 2**w, dtype=np.uint64)) for axis, w in widths.items()}
                other = {**key, name: key[name] ^ (1 << bit)}
                one, two = (
                    draws.words(U64(k["seed"]), U64(k["stream"]), k["tick"], U64(k["uid"]), k["block"])
                    for k in (key, other)
                )
                flips += sum((int(a) ^ int(b)).bit_count() for a, b in zip(one, two, strict=True))
            z.append((flips - 40 * 64) / math.sqrt(40 * 32))
    assert are_standard_normal(np.array(z))
    assert np.abs(z).max() < 5.0


@kernel
def fill_cells(out, seed, stream, tick, uids):
    """Uniforms of the citizens (columns) of cells (rows)."""
    words = np.empty(out.shape[1] + 3, np.uint32)
    for c in range(out.shape[0]):
        draws.fill_words(words, out.shape[1], seed, stream, tick, uids[c], 0)
        for i in range(out.shape[1]):
            out[c, i] = draws.unit32(words[i])


@pytest.fixture(scope="module")
def cell_uids() -> np.ndarray:
    return load_region(find_region("western_balkans")).cell_uid


def cells(seed: int, stream: np.uint64, tick: int, uids: np.ndarray, citizens: int = 256) -> np.ndarray:
    out = np.empty((uids.size, citizens))
    fill_cells(out, U64(seed), stream, tick, uids)
    return out


def row_correlations(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Row by row, as standard normal variates."""
    return ((one - 0.5) * (two - 0.5)).mean(axis=1) * 12.0 * math.sqrt(one.shape[1])


def test_cells_of_the_region_are_independent(cell_uids: np.ndarray) -> None:
    now = cells(2024, draws.TURN_OUT, 100, cell_uids)
    others = {
        "the next cell": np.roll(now, 1, axis=0),
        "the next round": cells(2024, draws.TURN_OUT, 101, cell_uids),
        "another decision": cells(2024, draws.CONDUCT, 100, cell_uids),
        "the next seed": cells(2025, draws.TURN_OUT, 100, cell_uids),
        "the next citizen": np.roll(now, 1, axis=1),
    }
    for what, other in others.items():
        assert are_standard_normal(row_correlations(now, other)), what
        square = (now * 32).astype(int) * 32 + (other * 32).astype(int)
        assert is_uniform(np.bincount(square.ravel(), minlength=1024)), what


def test_cells_with_neighbouring_uids_are_independent() -> None:
    now = cells(7, draws.TURN_OUT, 0, np.arange(2000, dtype=np.uint64))
    assert are_standard_normal(row_correlations(now[1:], now[:-1]))
    assert is_uniform(np.histogram(now, 1024, (0.0, 1.0))[0])


def test_sums_over_the_smallest_cells_vary_as_they_should(cell_uids: np.ndarray) -> None:
    """Sums of 8 citizens' uniforms over many rounds: variance 8 / 12, and the sum over all cells likewise."""
    sums = np.array([cells(5, draws.TURN_OUT, t, cell_uids, 8).sum(axis=1) for t in range(400)])
    assert abs(sums.mean() - 4.0) < 4.5 * math.sqrt(8 / 12 / sums.size)
    assert sums.var() == pytest.approx(8 / 12, rel=4.5 * math.sqrt(2 / sums.size))
    total = (sums.sum(axis=1) - 4.0 * cell_uids.size) / math.sqrt(8 / 12 * cell_uids.size)
    assert are_standard_normal(total)
    assert stats.kstest(total, "norm").pvalue > ALPHA
    assert abs(np.corrcoef(total[1:], total[:-1])[0, 1]) < 4.5 / math.sqrt(total.size)


def test_rare_events_are_as_rare_as_they_should_be(cell_uids: np.ndarray) -> None:
    """The fast path of `binomial` looks at the upper tail only."""
    counts = np.zeros(3)
    tails = np.array([1e-2, 1e-4, 1e-5])
    draws_made = 0
    for tick in range(20):
        u = cells(11, draws.TURN_OUT, tick, cell_uids, 512)
        counts += (u[None] >= 1.0 - tails[:, None, None]).sum(axis=(1, 2))
        draws_made += u.size
    for count, tail in zip(counts, tails, strict=True):
        assert ALPHA < stats.binom.cdf(count, draws_made, tail) < 1.0 - ALPHA


# --- binomial and Poisson by inversion --------------------------------------------------------------

SIZES = (1, 2, 3, 5, 8, 10, 33, 100, 1000, 12_345, 100_000, 1_000_000)
CHANCES = (1e-9, 1e-7, 1e-5, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999, 1.0 - 1e-5, 1.0 - 1e-9, 1.0)
MEANS = (1e-9, 1e-6, 1e-3, 0.1, 0.5, 1.0, 2.5, 10.0, 100.0, 1234.5, 1e5, 1e6)
EDGE = 1e-12
"""How far from a step of the distribution function a uniform may be taken for one on the other side."""


@kernel
def binomials(us, n, p):
    out = np.empty(us.size, np.int64)
    for i in range(us.size):
        out[i] = draws.binomial(us[i], n, p)
    return out


@kernel
def binomials_along(u, n, ps):
    out = np.empty(ps.size, np.int64)
    for i in range(ps.size):
        out[i] = draws.binomial(u, n, ps[i])
    return out


@kernel
def poissons(us, mean):
    out = np.empty(us.size, np.int64)
    for i in range(us.size):
        out[i] = draws.poisson(us[i], mean)
    return out


@kernel
def poissons_along(u, means):
    out = np.empty(means.size, np.int64)
    for i in range(means.size):
        out[i] = draws.poisson(u, means[i])
    return out


def unit(word: int) -> float:
    return (word + 0.5) / 2**32


def uniforms() -> np.ndarray:
    """300 32-bit uniforms in order, both ends and both tails among them."""
    rng = np.random.default_rng(12)
    middle = rng.integers(0, 2**32, 200)
    low = (2.0 ** rng.uniform(0, 31, 50)).astype(np.int64)
    words = np.concatenate([[0, 1, TOP - 1, TOP], middle, low[:48], TOP - low[:48]])
    return np.sort((words + 0.5) / 2**32)


def assert_quantiles(k: np.ndarray, u: np.ndarray, law: object) -> None:
    """Check P(K < k) <= u <= P(K <= k), and the very quantile of scipy wherever no step is within `EDGE`."""
    below, at_most = law.cdf(k - 1), law.cdf(k)
    assert (below <= u + EDGE).all()
    assert (at_most >= u - EDGE).all()
    clear = (np.abs(below - u) > EDGE) & (np.abs(at_most - u) > EDGE)
    assert (k[clear] == law.ppf(u[clear])).all()
    assert clear.mean() > 0.9 or law.var() < 1e-6


@pytest.mark.parametrize("n", SIZES)
def test_binomial_is_the_quantile(n: int) -> None:
    u = uniforms()
    for p in CHANCES:
        k = binomials(u, n, p)
        assert (k >= 0).all()
        assert (k <= n).all()
        assert (np.diff(k) >= 0).all()
        assert_quantiles(k, u, stats.binom(n, p))


@pytest.mark.parametrize("mean", MEANS)
def test_poisson_is_the_quantile(mean: float) -> None:
    k = poissons(uniforms(), mean)
    assert (np.diff(k) >= 0).all()
    assert_quantiles(k, uniforms(), stats.poisson(mean))


def test_binomial_at_its_limits() -> None:
    for u in uniforms():
        assert draws.binomial(u, 0, 0.5) == 0
        assert draws.binomial(u, -3, 0.5) == 0
        assert draws.binomial(u, 10, 0.0) == 0
        assert draws.binomial(u, 10, -1e-3) == 0
        assert draws.binomial(u, 10, 1.0) == 10
        assert draws.binomial(u, 10, 1.5) == 10
        assert draws.binomial(u, 10**6, 1e-320) == 0
        assert draws.binomial(u, 1000, np.nextafter(1.0, 0.0)) == 1000
        assert draws.poisson(u, 0.0) == 0
        assert draws.poisson(u, -1.0) == 0


@reproducible
@given(words32, st.integers(1, 10**6), st.floats(1e-12, 1.0))
def test_binomial_is_exactly_zero_on_the_fast_path(word: int, n: int, p: float) -> None:
    """Nobody acts while u < 1 - n p, and a hair below the true probability of nobody nobody does either."""
    u = unit(word)
    nobody = math.exp(n * math.log1p(-p)) if p < 1.0 else 0.0
    if u < 1.0 - n * p:
        assert draws.binomial(u, n, p) == 0
        assert 1.0 - n * p <= nobody + 1e-15
    if u < nobody * (1.0 - 1e-9) - 1e-15:
        assert draws.binomial(u, n, p) == 0
    elif u > nobody * (1.0 + 1e-9) + 1e-15:
        assert draws.binomial(u, n, p) >= 1


@reproducible
@given(words32, words32, st.integers(1, 10**6), st.floats(0.0, 1.0))
def test_binomial_is_monotone_in_the_uniform(one: int, two: int, n: int, p: float) -> None:
    low, high = binomials(np.sort([unit(one), unit(two)]), n, p)
    assert 0 <= low <= high <= n


def assert_ordered(u: float, low: int, low_law: object, high: int, high_law: object) -> None:
    """Check low <= high, unless the uniform lies so near a step that rounding decides on which side."""
    if low > high:
        assert min(abs(low_law.cdf(low - 1) - u), abs(high_law.cdf(high) - u)) < EDGE


@reproducible
@given(words32, st.integers(1, 10**6), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_binomial_is_monotone_in_the_chance(word: int, n: int, one: float, two: float) -> None:
    u, p = unit(word), sorted((one, two))
    low, high = binomials_along(u, n, np.array(p))
    assert 0 <= low <= n
    assert 0 <= high <= n
    assert_ordered(u, low, stats.binom(n, p[0]), high, stats.binom(n, p[1]))


@pytest.mark.parametrize("n", [1, 2, 8, 100, 2_000, 100_000, 1_000_000])
def test_binomial_is_monotone_in_small_chances(n: int) -> None:
    chances = np.exp(np.linspace(math.log(1e-9), math.log(0.3 if n < 10**5 else 1e-3), 3000))
    for u in uniforms()[::7]:
        assert (np.diff(binomials_along(u, n, chances)) >= 0).all()


@reproducible
@given(st.integers(0, 2**53 - 2), st.floats(1e-9, 1e5), st.floats(0.0, 1.0))
def test_poisson_is_monotone_in_the_mean(word: int, mean: float, growth: float) -> None:
    u = (word + 0.5) / 2**53
    more = mean * (1.0 + growth)
    low, high = poissons_along(u, np.array([mean, more]))
    assert_ordered(u, low, stats.poisson(mean), high, stats.poisson(more))


@reproducible
@given(words32, words32, st.floats(1e-9, 1e5))
def test_poisson_is_monotone_in_the_uniform(one: int, two: int, mean: float) -> None:
    low, high = poissons(np.sort([unit(one), unit(two)]), mean)
    assert 0 <= low <= high


@reproducible
@given(words32, st.floats(1e-12, 3.0))
def test_poisson_is_exactly_zero_on_the_fast_path(word: int, mean: float) -> None:
    u = unit(word)
    k = draws.poisson(u, mean)
    assert k == 0 or u >= 1.0 - mean
    assert k == 0 or u > math.exp(-mean) * (1.0 - 1e-12)


def test_totals_do_not_depend_on_how_many_persons_a_citizen_stands_for() -> None:
    """100,000 persons as citizens of 1, 40 or 5,000 persons: the same mean and variance of the total."""
    p, persons, rounds = 0.002, 100_000, 300
    for weight in (1, 40, 5000):
        count = persons // weight
        totals = []
        for tick in range(rounds):
            u = cells(3, draws.TURN_OUT, tick, np.array([weight], np.uint64), count)[0]
            totals.append(binomials(u, weight, p).sum())
        expected = persons * p
        assert np.mean(totals) == pytest.approx(expected, abs=4.5 * math.sqrt(expected / rounds))
        assert np.var(totals) == pytest.approx(expected * (1 - p), rel=4.5 * math.sqrt(2 / rounds))


# --- exponential, logarithm and friends -------------------------------------------------------------


def relative_error(value: float, exact: Decimal) -> float:
    return float(abs(Decimal(float(value)) / exact - 1))


@pytest.fixture(autouse=True)
def _fifty_digits() -> object:
    with localcontext() as context:
        context.prec = 60
        yield


def test_exp_is_within_its_stated_error() -> None:
    rng = np.random.default_rng(21)
    xs = [*rng.uniform(-700, 700, 2000), *rng.uniform(-2, 2, 2000), *rng.normal(0, 1e-6, 300), -700.0, 700.0]
    assert max(relative_error(elementary.exp(x), Decimal(float(x)).exp()) for x in xs) < 5e-16
    assert elementary.exp(0.0) == 1.0


def test_exp_is_clipped() -> None:
    top, bottom = elementary.exp(700.0), elementary.exp(-700.0)
    for x in (700.0001, 1e9, math.inf):
        assert elementary.exp(x) == top
        assert elementary.exp(-x) == bottom
    assert 0.0 < bottom < top < math.inf


def test_log_is_within_its_stated_error() -> None:
    rng = np.random.default_rng(22)
    xs = [
        *np.exp(rng.uniform(-708, 709, 1500)), *rng.uniform(0.5, 2, 1500), *(1 + rng.normal(0, 1e-3, 500)),
        *(1 + rng.normal(0, 1e-9, 300)), np.nextafter(1, 0), np.nextafter(1, 2), 2**0.5, 0.5**0.5,
        sys.float_info.min, sys.float_info.max, 2.0**-54, 1.0 - 2.0**-53,
    ]  # fmt: skip
    assert max(relative_error(elementary.log(x), Decimal(float(x)).ln()) for x in xs) < 5e-16
    assert elementary.log(1.0) == 0.0


def test_logistic_is_within_a_few_last_places_and_inside_zero_and_one() -> None:
    rng = np.random.default_rng(23)
    for x in [*rng.uniform(-700, 700, 1000), *rng.uniform(-20, 20, 1000), 0.0]:
        exact = 1 / (1 + Decimal(-float(x)).exp())
        assert relative_error(elementary.logistic(x), exact) < 1e-15
    for x in (-1e300, -701.0, 701.0, 1e300):
        assert 0.0 < elementary.logistic(x) <= 1.0
    assert elementary.logistic(0.0) == 0.5


def test_logit_undoes_logistic() -> None:
    for x in np.linspace(-30.0, 15.0, 400):
        assert elementary.logit(elementary.logistic(x)) == pytest.approx(x, abs=1e-8, rel=1e-12)


SQRT_TWO_PI = Decimal(
    "2.50662827463100050241576528481104525300698674060993831662992357634229365460784197494659583837805726611600997266"
)


def density(x: Decimal) -> Decimal:
    return (-x * x / 2).exp() / SQRT_TWO_PI


def probability(x: Decimal) -> Decimal:
    """Standard normal distribution function, 1/2 + density x (x + x^3/3 + x^5/15 + ...)."""
    term = total = x
    k = 1
    while abs(term) > Decimal(10) ** -58:
        k += 2
        term = term * x * x / k
        total += term
    return Decimal("0.5") + density(x) * total


def exact_quantile(p: float, start: float) -> Decimal:
    x = Decimal(float(start))
    for _ in range(3):
        x -= (probability(x) - Decimal(float(p))) / density(x)
    return x


def test_normal_quantile_is_within_its_stated_error() -> None:
    rng = np.random.default_rng(24)
    ps = [
        *rng.uniform(0, 1, 200), *rng.uniform(0.075, 0.925, 300), *10.0 ** rng.uniform(-16.2, -1.2, 200),
        *(1 - 10.0 ** rng.uniform(-15.5, -1.2, 200)), 2.0**-54, 2.0**-33, 1 - 2.0**-33, 1 - 2.0**-53, 1e-20,
        math.exp(-25), 0.075, 0.925,
    ]  # fmt: skip
    for p in ps:
        z = elementary.normal_quantile(p)
        assert relative_error(z, exact_quantile(p, z)) < 1e-15, p
    assert elementary.normal_quantile(0.5) == 0.0


def test_normal_quantile_is_symmetric() -> None:
    for p in np.arange(1, 2**12) / 2**12:
        assert elementary.normal_quantile(1.0 - p) == pytest.approx(-elementary.normal_quantile(p), rel=2e-15)


@kernel
def falls_of_exp(x, step, count):
    falls = 0
    last = elementary.exp(x)
    for _ in range(count):
        x = np.nextafter(x, np.inf) if step == 0.0 else x + step
        value = elementary.exp(x)
        falls += value < last
        last = value
    return falls


@kernel
def falls_of_log(x, factor, count):
    falls = 0
    last = elementary.log(x)
    for _ in range(count):
        x = np.nextafter(x, np.inf) if factor == 1.0 else x * factor
        value = elementary.log(x)
        falls += value < last
        last = value
    return falls


@kernel
def falls_of_quantile(word, count):
    falls = 0
    last = elementary.normal_quantile((word + 0.5) * draws.TWO_POW_M32)
    for k in range(1, count):
        value = elementary.normal_quantile((word + k + 0.5) * draws.TWO_POW_M32)
        falls += value < last
        last = value
    return falls


def test_exp_and_log_never_fall() -> None:
    """From one float to the next, at the seams of the argument reduction and elsewhere, and over all."""
    for start in (-3.3, 0.1, 0.5 * math.log(2.0), 1.5 * math.log(2.0), 5.0, 300.0):
        assert falls_of_exp(start * (1.0 - 1e-11), 0.0, 300_000) == 0
    assert falls_of_exp(-720.0, 1e-3, 1_440_000) == 0
    for start in (0.1, 0.5**0.5, 2.0**0.5, 1.0, 2.0, 1e5):
        assert falls_of_log(start * (1.0 - 1e-11), 1.0, 300_000) == 0
    assert falls_of_log(1e-300, 1.001, 1_380_000) == 0


def test_normal_quantile_never_falls_from_one_uniform_to_the_next() -> None:
    """Over 32-bit uniforms: both ends, the seams at 0.075 and 0.925, the middle."""
    for start in (
        0,
        int(0.075 * 2**32) - 10**5,
        2**31 - 10**5,
        int(0.925 * 2**32) - 10**5,
        2**32 - 2 * 10**5,
    ):
        assert falls_of_quantile(start, 2 * 10**5) == 0


# --- compiled or not --------------------------------------------------------------------------------


def batch() -> dict[str, str]:
    """Fingerprints of many results of each function, whatever compiles them."""
    rng = np.random.default_rng(31)
    keys = rng.integers(0, 2**64, (200, 2), dtype=np.uint64)
    ticks = rng.integers(0, 2**24, 200)
    out: dict[str, list[float]] = {name: [] for name in ("words", "units", "citizens")}
    for (seed, uid), tick in zip(keys, ticks, strict=True):
        words = draws.words(seed, draws.SPARK, tick, uid, 2**32 - 1)
        out["words"] += [float(word) for word in words]
        out["units"] += [draws.uniform(seed, draws.SPARK, tick, uid, 3)]
        out["units"] += list(draws.uniform_pair(seed, draws.SPARK, tick, uid, 3))
        out["citizens"] += [draws.citizen_uniform(seed, draws.TURN_OUT, tick, uid, k) for k in range(5)]
    us = rng.uniform(size=150)
    out["binomial"] = [draws.binomial(u, n, p) for u in us for n in (1, 7, 900) for p in (1e-4, 0.2, 0.97)]
    out["poisson"] = [draws.poisson(u, mean) for u in us for mean in (1e-3, 0.8, 6.0, 300.0)]
    xs = rng.normal(0.0, 60.0, 400)
    out["exp"] = [elementary.exp(x) for x in (*xs, -800.0, 800.0, 0.0)]
    out["log"] = [elementary.log(elementary.exp(x)) for x in xs] + [elementary.log(u) for u in us]
    out["logistic"] = [elementary.logistic(x / 10.0) for x in xs] + [elementary.logit(u) for u in us]
    out["quantile"] = [elementary.normal_quantile(u) for u in (*us, 1e-14, 1.0 - 1e-14, 1e-3)]
    out["arrest"] = [
        arrest_probability(ratio, 2.3, 1.0, 0.35, form)
        for ratio in (0.0, *np.exp(xs / 30.0))
        for form in (COLLAPSE, FLOOR, LITERAL)
    ]
    return {name: fingerprint(np.array(values, np.float64)) for name, values in out.items()}


def crowd_batch() -> dict[str, str]:
    """The same for the passes over citizens, whose traits are float32.

    The coefficients are no powers of two: with the defaults of one half, float32 products happen to be exact.
    """
    rng = np.random.default_rng(32)
    n = 800
    hardship, risk, threshold, labour = rng.uniform(0.001, 0.999, (4, n)).astype(np.float32)
    young = rng.uniform(size=n) < 0.2
    stance = np.empty(n, np.float32)
    p = as_record(parameters({"b_threshold": 0.37, "b_unemployment": 0.61}))
    rates = rng.uniform(0.02, 0.3, (2, 2))
    for c, cell in enumerate((slice(0, 300), slice(300, n))):
        fill_stances(
            stance[cell], threshold[cell], labour[cell], young[cell], cell.stop - cell.start, rates[0, c], rates[1, c],
            p.b_unemployment, p.b_threshold,
        )  # fmt: skip
    chance = np.empty(n)
    drive, grief, fear = rng.uniform(1.0, 5.0, 3)
    everybody = np.arange(n, dtype=np.int32)
    fill_probabilities(chance, everybody, n, 0, hardship, risk, stance, -drive, grief, fear, 0.15)
    return {"stance": fingerprint(stance), "chance": fingerprint(chance)}


def fingerprint(values: np.ndarray) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()


def interpreted(function: str) -> str:
    """What a batch gives in a process that compiles nothing, with warnings as errors."""
    code = f"import numba, tests.test_draws as t; assert numba.config.DISABLE_JIT; print(t.{function}())"
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_draws_and_elementary_functions_are_the_same_without_compilation() -> None:
    assert interpreted("batch") == str(batch())


def test_crowd_passes_are_the_same_without_compilation() -> None:
    assert interpreted("crowd_batch") == str(crowd_batch())
