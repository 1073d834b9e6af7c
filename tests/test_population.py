"""Population: everybody counts once, traits are spread evenly, only the region and the number matter."""

from __future__ import annotations

import csv
import dataclasses
import io
import random
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from sim.errors import InputError
from sim.kernels.mobilisation import persons_of, unemployed_share
from sim.kernels.rounds import labour
from sim.population import BLOCK, MINIMUM_PER_CELL, Population, minimum_citizens, synthesise
from sim.region import Region, find_region, load_region

TWIN = find_region("twin_valleys")
NUMBERS = (None, 9_001, 20_000, 65_537, 200_000)
"""Citizens of the Western Balkans; None stands for the fewest possible."""


@pytest.fixture(scope="module")
def balkans() -> Region:
    return load_region(find_region("western_balkans"))


@pytest.fixture(scope="module")
def valleys() -> Region:
    return load_region(TWIN)


@pytest.fixture(scope="module", params=NUMBERS, ids=str)
def people(request: pytest.FixtureRequest, balkans: Region) -> Population:
    return synthesise(balkans, request.param or minimum_citizens(balkans))


def counts(people: Population) -> np.ndarray:
    """Citizens per cell."""
    return np.diff(people.cell_start)


def within_cells(trait: np.ndarray, people: Population) -> float:
    """Mean over persons of what a trait is above the mean of its cell's citizens."""
    means = np.add.reduceat(trait.astype(float), people.cell_start[:-1]) / counts(people)
    return float(np.average(trait - np.repeat(means, counts(people)), weights=people.weights))


def citizen_state(people: Population, region: Region) -> np.ndarray:
    return np.repeat(region.district_state[region.cell_district], counts(people))


def assert_same(one: Population, two: Population) -> None:
    for field in dataclasses.fields(Population):
        first, second = getattr(one, field.name), getattr(two, field.name)
        if isinstance(first, np.ndarray):
            assert first.dtype == second.dtype
            assert first.tobytes() == second.tobytes(), field.name
        else:
            assert first == second


# --- who there is -----------------------------------------------------------------------------------


def test_number_of_citizens_is_the_number_asked_for(people: Population, balkans: Region) -> None:
    assert people.citizens in {minimum_citizens(balkans), *NUMBERS}
    assert people.cell_start[0] == 0
    assert people.cell_start[-1] == people.citizens
    for trait in ("hardship", "risk_aversion", "threshold", "labour_rank", "young"):
        assert getattr(people, trait).size == people.citizens


def test_weights_add_up_to_the_cell_populations(people: Population, balkans: Region) -> None:
    per_cell = np.add.reduceat(people.weights, people.cell_start[:-1])
    assert (per_cell == balkans.cell_population).all()
    assert people.persons == balkans.cell_population.sum() == balkans.values["population"].sum()
    assert (people.cell_extra < counts(people)).all()
    assert people.cell_weight.min() >= 1
    assert people.heaviest == people.weights.max()


def test_citizens_who_stand_for_one_more_stand_evenly_apart(people: Population) -> None:
    """As the kernels see it; and a cell is as poor, wary and hesitant in persons as in citizens."""
    c = np.argsort(-people.cell_extra)[:20]
    for cell in c.tolist():
        first, last = people.cell_start[cell : cell + 2].tolist()
        weight, extra = int(people.cell_weight[cell]), int(people.cell_extra[cell])
        seen = [persons_of(weight, extra, last - first, i) for i in range(last - first)]
        assert people.weights[first:last].tolist() == seen
    for trait in (people.hardship, people.risk_aversion, people.labour_rank):
        assert within_cells(trait, people) == pytest.approx(0.0, abs=1e-3)


def test_every_cell_has_its_eight_citizens(people: Population, balkans: Region) -> None:
    assert (counts(people) >= np.minimum(balkans.cell_population, MINIMUM_PER_CELL)).all()
    assert (counts(people) <= balkans.cell_population).all()


def test_larger_communities_have_more_citizens(people: Population, balkans: Region) -> None:
    by_size = counts(people)[np.argsort(balkans.cell_population, kind="stable")]
    assert np.diff(by_size).min() >= -1


def test_blocks_hold_every_citizen_once(people: Population) -> None:
    cell, first, last = people.blocks.T
    assert (first[1:] == last[:-1]).all()
    assert (first[0], last[-1]) == (0, people.citizens)
    assert ((last - first > 0) & (last - first <= BLOCK)).all()
    assert ((first - people.cell_start[cell]) % 4 == 0).all()
    assert (last <= people.cell_start[cell + 1]).all()


@settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(citizens=st.integers(128, 284_000))
def test_any_number_works(valleys: Region, citizens: int) -> None:
    people = synthesise(valleys, citizens)
    assert people.citizens == citizens == people.cell_start[-1]
    assert people.weights.sum() == 284_000
    assert counts(people).min() >= MINIMUM_PER_CELL


def test_all_is_one_citizen_per_inhabitant(valleys: Region) -> None:
    people = synthesise(valleys, "all")
    assert people.citizens == people.persons == int(valleys.cell_population.sum())
    assert (counts(people) == valleys.cell_population).all()
    assert (people.cell_weight == 1).all()
    assert (people.cell_extra == 0).all()
    assert people.heaviest == 1
    assert_same(people, synthesise(valleys, people.persons))
    assert_same(people, synthesise(valleys, 10**9))


@pytest.mark.parametrize("citizens", [-5, 0, 1, None])
def test_too_few_are_refused_with_the_number(balkans: Region, citizens: int | None) -> None:
    least = minimum_citizens(balkans)
    few = least - 1 if citizens is None else citizens
    with pytest.raises(InputError) as caught:
        synthesise(balkans, few)
    text = str(caught.value)
    assert f"{least:,}" in text
    assert str(few) in text
    assert "citizens" in text
    assert synthesise(balkans, least).citizens == least


def test_the_least_is_eight_a_cell(balkans: Region, valleys: Region) -> None:
    assert minimum_citizens(valleys) == 8 * 16
    assert minimum_citizens(balkans) == 8 * balkans.cell_population.size
    assert 8_000 < minimum_citizens(balkans) < 10_000


# --- what they are like -----------------------------------------------------------------------------


def test_every_trait_visits_every_stratum_of_its_cell_once(people: Population) -> None:
    for first, last in zip(people.cell_start[:-1], people.cell_start[1:], strict=True):
        n = int(last - first)
        midpoints = (np.arange(n) + 0.5) / n
        for trait in (people.hardship, people.risk_aversion, people.labour_rank):
            assert (np.sort(trait[first:last]) == midpoints.astype(np.float32)).all()
        edges = norm.ppf(np.arange(n + 1) / n)
        expected = -n * np.diff(norm.pdf(edges))
        assert np.sort(people.threshold[first:last]) == pytest.approx(expected, abs=1e-6)


def test_means_and_spreads_are_those_of_the_distributions(people: Population) -> None:
    for trait in (people.hardship, people.risk_aversion, people.labour_rank):
        assert trait.mean(dtype=float) == pytest.approx(0.5, abs=1e-6)
        assert 0.0 < trait.min() < trait.max() < 1.0
    assert people.threshold.mean(dtype=float) == pytest.approx(0.0, abs=1e-6)
    assert 0.85 < people.threshold.std(dtype=float) < 1.0


def test_traits_are_not_linked_over_the_region(people: Population) -> None:
    traits = [people.hardship, people.risk_aversion, people.threshold, people.labour_rank, people.young]
    links = np.corrcoef(np.array(traits, float)) - np.eye(len(traits))
    assert np.abs(links).max() < 0.03


def test_traits_of_a_cell_answer_like_a_larger_crowd(balkans: Region) -> None:
    """What stratifying is for: a cell's turn-out is nearer its expectation than with independent traits."""
    people = synthesise(balkans, 20_000)
    rng = np.random.default_rng(1)

    def answer(hardship: np.ndarray, risk: np.ndarray, threshold: np.ndarray) -> np.ndarray:
        return 1.0 / (1.0 + np.exp(9.0 - 2.0 * hardship + 3.2 * risk + 0.5 * threshold))

    def spread(hardship: np.ndarray, risk: np.ndarray, threshold: np.ndarray) -> float:
        sums = np.add.reduceat(answer(hardship, risk, threshold), people.cell_start[:-1])
        return float(np.log(sums / counts(people) / expected).std())

    expected = answer(rng.random(10**6), rng.random(10**6), rng.normal(size=10**6)).mean()
    stratified = spread(people.hardship, people.risk_aversion, people.threshold)
    n = people.citizens
    assert stratified < 0.6 * spread(rng.random(n), rng.random(n), rng.normal(size=n))


def test_youth_share_of_a_cell_is_the_nearest_possible(people: Population, balkans: Region) -> None:
    share = balkans.values["youth_share"][balkans.district_state[balkans.cell_district]]
    young = np.add.reduceat(people.young.astype(int), people.cell_start[:-1])
    assert (np.abs(young / counts(people) - share) <= 0.5 / counts(people) + 1e-12).all()


def test_youth_share_of_a_state_is_that_of_the_table(balkans: Region, valleys: Region) -> None:
    for region, citizens, tolerance in (
        (balkans, 20_000, 0.006),
        (balkans, 200_000, 0.002),
        (valleys, 20_000, 0.0005),
    ):
        people = synthesise(region, citizens)
        state = citizen_state(people, region)
        young = np.bincount(state, people.weights * people.young) / np.bincount(state, people.weights)
        assert young == pytest.approx(region.values["youth_share"], abs=tolerance)


@pytest.mark.parametrize("rate", [0.0, 0.013, 0.07, 0.2, 0.55, 1.0])
def test_unemployed_share_of_a_cell_is_its_rate(people: Population, rate: float) -> None:
    """With one rate for all ages: exactly, but for citizens who stand for one person more than others."""
    n = np.repeat(counts(people), counts(people))
    share = np.array([unemployed_share(rank, rate, size) for rank, size in zip(people.labour_rank, n, strict=True)])
    assert ((share >= 0.0) & (share <= 1.0)).all()
    per_cell = np.add.reduceat(share, people.cell_start[:-1])
    assert per_cell == pytest.approx(rate * counts(people), abs=1e-3)
    in_persons = np.add.reduceat(share * people.weights, people.cell_start[:-1])
    slack = np.minimum(people.cell_extra, counts(people) - people.cell_extra)
    assert (np.abs(in_persons - rate * np.add.reduceat(people.weights, people.cell_start[:-1])) <= slack + 0.5).all()


def rates_by_age(region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Unemployed shares of residents, young and other, of each cell, by the model's own rule."""
    cell_state = region.district_state[region.cell_district]
    values = region.values
    cells = SimpleNamespace(rate_young=np.zeros(cell_state.size), rate_other=np.zeros(cell_state.size))
    fields = SimpleNamespace(
        unemployment=values["unemployment"][cell_state],
        youth_ratio=values["youth_unemployment"] / values["unemployment"],
    )
    rule = getattr(labour, "py_func", labour)
    rule(
        SimpleNamespace(cell_state=cell_state),
        fields,
        cells,
        values["labour_force_share"],
        values["youth_share"],
    )
    return cells.rate_young, cells.rate_other


@pytest.mark.parametrize(
    ("name", "citizens", "tolerance"),
    [("balkans", 20_000, 0.05), ("balkans", 200_000, 0.015), ("valleys", 20_000, 0.01)],
)
def test_unemployed_share_of_a_state_is_that_of_the_table(
    name: str, citizens: int, tolerance: float, request: pytest.FixtureRequest
) -> None:
    region = request.getfixturevalue(name)
    people = synthesise(region, citizens)
    n = np.repeat(counts(people), counts(people))
    young, other = (np.repeat(rate, counts(people)) for rate in rates_by_age(region))
    share = np.clip((np.where(people.young, young, other) - people.labour_rank) * n + 0.5, 0.0, 1.0)
    state = citizen_state(people, region)
    unemployed = np.bincount(state, share * people.weights) / np.bincount(state, people.weights)
    expected = region.values["unemployment"] * region.values["labour_force_share"]
    assert unemployed == pytest.approx(expected, rel=tolerance)


# --- what must not matter ---------------------------------------------------------------------------


def test_synthesis_repeats_itself(people: Population, balkans: Region) -> None:
    assert_same(people, synthesise(balkans, people.citizens))


@pytest.mark.parametrize("citizens", [128, 3001, 20_000])
def test_order_of_rows_does_not_matter(citizens: int, valleys: Region, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TWIN, tmp_path / TWIN.name))
    shuffle = random.Random(4)
    changed = 0
    for path in folder.glob("*.csv"):
        header, *body = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
        rows = shuffle.sample(body, len(body))
        changed += rows != body
        stream = io.StringIO(newline="")
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])
        path.write_text(stream.getvalue(), encoding="utf-8")
    assert changed >= 4
    assert_same(synthesise(valleys, citizens), synthesise(load_region(folder), citizens))


def test_citizens_of_a_cell_depend_on_their_cell_and_its_number_only(valleys: Region) -> None:
    """The same cells among other cells, at one citizen per inhabitant, so that their number is the same."""
    people = synthesise(valleys, "all")
    kept = np.flatnonzero(valleys.district_state[valleys.cell_district] == 0)
    assert 0 < kept.size < valleys.cell_population.size
    part = dataclasses.replace(
        valleys,
        cell_district=valleys.cell_district[kept],
        cell_community=valleys.cell_community[kept],
        cell_population=valleys.cell_population[kept],
        cell_uid=valleys.cell_uid[kept],
        cell_group=valleys.cell_group[kept],
    )
    alone = synthesise(part, "all")
    for new, old in enumerate(kept):
        here = slice(alone.cell_start[new], alone.cell_start[new + 1])
        there = slice(people.cell_start[old], people.cell_start[old + 1])
        for trait in ("hardship", "risk_aversion", "threshold", "labour_rank", "young"):
            assert (getattr(alone, trait)[here] == getattr(people, trait)[there]).all()


def test_cells_of_the_same_size_are_not_copies_of_each_other(balkans: Region) -> None:
    people = synthesise(balkans, minimum_citizens(balkans))
    orders = {people.risk_aversion[first : first + 8].tobytes() for first in people.cell_start[:-1]}
    assert len(orders) == 8
