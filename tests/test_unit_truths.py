"""Unit truths U1 to U3: the mobilisation functions, in the worlds they come from, do what is known of them.

Every seed is fixed. The windows are those of the evidence table, section 6; the worlds are in `epstein`.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from checks import epstein
from checks.epstein import MODEL_2, RUN_2, Rules
from sim.kernels.mobilisation import COLLAPSE, FLOOR, LITERAL, arrest_probability, choice, grievance

RUNS_1 = 10
RUNS_2 = 40


# --- by hand ----------------------------------------------------------------------------------------


def test_one_citizen_and_one_officer_by_hand() -> None:
    assert grievance(0.8, 0.75) == pytest.approx(0.2)
    assert grievance(0.8, 1.0) == 0.0
    for form in (FLOOR, LITERAL):
        assert arrest_probability(0.0, 2.3, 1.0, 0.35, form) == 0.0
        assert arrest_probability(1.0, 2.3, 1.0, 0.35, form) == pytest.approx(1.0 - math.exp(-2.3))
    assert arrest_probability(0.99, 2.3, 1.0, 0.35, FLOOR) == 0.0
    assert arrest_probability(2.99, 2.3, 1.0, 0.35, FLOOR) == pytest.approx(1.0 - math.exp(-4.6))
    assert arrest_probability(0.5, 2.3, 1.0, 0.35, LITERAL) == pytest.approx(1.0 - math.exp(-1.15))
    assert arrest_probability(1.0, 2.3, 1.0, 0.35, COLLAPSE) == pytest.approx(1.0 - math.exp(-1.15))
    weak = 1.0 / (1.0 + 4.0 ** (1.0 / 0.35))
    assert arrest_probability(0.25, 2.3, 1.0, 0.35, COLLAPSE) == pytest.approx(1.0 - math.exp(-0.575 * weak))


def test_choice_tends_to_a_hard_threshold() -> None:
    assert choice(0.0) == 0.5
    assert choice(epstein.SHARP * 1e-6) == 1.0
    assert choice(-epstein.SHARP * 1e-6) < 1e-300
    assert choice(-1.0) == pytest.approx(1.0 / (1.0 + math.e))


# --- U1 ---------------------------------------------------------------------------------------------


def crowd(sd: float, citizens: int = 100_000, sharpness: float = epstein.SHARP) -> float:
    thresholds = np.empty(citizens)
    epstein.normal_thresholds(0.25, sd, thresholds)
    return epstein.joined(thresholds, sharpness, 5000)


def test_u1_a_crowd_jumps_when_thresholds_spread_a_little_more() -> None:
    assert crowd(0.122) == pytest.approx(0.055, abs=0.005)
    assert crowd(0.123) > 0.99


@pytest.mark.parametrize("sd", [0.1, 0.12, 0.122, 0.123, 0.125])
def test_u1_agrees_with_the_fixed_point_of_the_distribution(sd: float) -> None:
    share = 0.0
    for _ in range(5000):
        share = 0.5 * (1.0 + math.erf((share - 0.25) / (sd * math.sqrt(2.0))))
    assert crowd(sd) == pytest.approx(share, abs=1e-4)


def test_u1_survives_a_steep_but_soft_choice() -> None:
    """Logistic noise of scale 1e-3 widens a spread of 0.122 by 1e-4 of itself only."""
    assert crowd(0.122, sharpness=1e3) == pytest.approx(0.055, abs=0.005)
    assert crowd(0.123, sharpness=1e3) > 0.99


# --- the grid itself --------------------------------------------------------------------------------


def test_discs_hold_the_right_sites() -> None:
    assert epstein.disc(1.7).shape == (1600, 9)
    assert epstein.disc(7.0).shape == (1600, 149)
    view = epstein.disc(7.0)
    assert (view[:, 0] == np.arange(1600)).all()
    sees = np.zeros((1600, 1600), bool)
    np.put_along_axis(sees, view.astype(np.int64), True, axis=1)
    assert (sees == sees.T).all()
    assert (sees.sum(axis=1) == 149).all()


@pytest.mark.parametrize(("rules", "vision"), [(RUN_2, 7.0), (MODEL_2, 1.7)], ids=["rebellion", "two groups"])
def test_the_books_of_the_grid_are_right(rules: Rules, vision: float) -> None:
    seed = np.uint64(5)
    agents, grid, near = epstein.nobody(vision)
    n = epstein.populate(seed, rules, agents, grid, near)
    assert n == 1120 + 64
    for tick in range(60):
        n = epstein.advance(n, seed, tick, rules, agents, grid, near)
        here = agents[:n]
        on = here["site"] >= 0
        assert (grid["who"][here["site"][on]] == np.flatnonzero(on)).all()
        assert (grid["what"] != epstein.FREE).sum() == on.sum()
        assert set(here["state"][~on]) <= {epstein.JAILED}
        for what, seen in ((epstein.ACTIVE, "actives"), (epstein.OFFICER, "officers")):
            assert (grid[seen] == (grid["what"][near] == what).sum(axis=1)).all()
        if rules.groups == 1:
            assert n == 1120 + 64
    assert (here["group"] == epstein.POLICE).sum() == 64


# --- U2 ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rebellions() -> dict[int, list[np.ndarray]]:
    """Actives by tick in ten runs of 1,000 ticks, for the floored and the literal ratio."""
    return {
        form: [epstein.rebellion(seed, RUN_2._replace(form=form), 1000) for seed in range(RUNS_1)]
        for form in (FLOOR, LITERAL)
    }


def test_outbursts_are_maximal_runs_above_fifty() -> None:
    first, total = epstein.outbursts(np.array([60, 70, 50, 51, 3, 50, 90]))
    assert first.tolist() == [0, 3, 6]
    assert total.tolist() == [130, 51, 90]
    assert epstein.outbursts(np.array([0, 50, 10]))[0].size == 0


def test_u2_the_floored_ratio_gives_punctuated_equilibrium(rebellions: dict[int, list[np.ndarray]]) -> None:
    bursts = [epstein.outbursts(active) for active in rebellions[FLOOR]]
    assert 25 <= np.mean([first.size for first, _ in bursts]) <= 45
    assert 550 <= np.mean(np.concatenate([total for _, total in bursts])) <= 1050
    assert 0.55 <= np.mean([(active < 10).mean() for active in rebellions[FLOOR]]) <= 0.75


def test_u2_the_ratio_as_printed_gives_none(rebellions: dict[int, list[np.ndarray]]) -> None:
    assert max(epstein.outbursts(active)[0].size for active in rebellions[LITERAL]) <= 2
    assert max(active.max() for active in rebellions[LITERAL]) < 50


def test_a_run_is_a_function_of_its_seed(rebellions: dict[int, list[np.ndarray]]) -> None:
    assert (epstein.rebellion(3, RUN_2, 200) == rebellions[FLOOR][3][:200]).all()
    assert (rebellions[FLOOR][0] != rebellions[FLOOR][1]).any()


# --- U3 ---------------------------------------------------------------------------------------------


def waits(density: float, runs: int = RUNS_2, **changes: object) -> np.ndarray:
    """Ticks until one of two groups is gone; every run gets there."""
    rules = MODEL_2._replace(police_density=density, **changes)
    ticks = np.array([epstein.elimination(seed, rules, 10_000) for seed in range(runs)])
    assert (ticks > 0).all()
    return ticks


@pytest.fixture(scope="module")
def waiting() -> dict[float, np.ndarray]:
    return {density: waits(density) for density in (0.0, 0.04, 0.1)}


def test_u3_without_peacekeepers_one_group_is_eliminated(waiting: dict[float, np.ndarray]) -> None:
    assert (waiting[0.0] <= 300).mean() >= 0.95


def test_u3_peacekeepers_delay_and_spread_elimination(waiting: dict[float, np.ndarray]) -> None:
    none, some, many = (waiting[density] for density in (0.0, 0.04, 0.1))
    assert none.mean() < some.mean() < many.mean()
    assert none.std(ddof=1) < some.std(ddof=1) < many.std(ddof=1)
    assert 1.5 <= many.mean() / none.mean() <= 4.0


def test_u3_either_group_may_win() -> None:
    rules = MODEL_2._replace(police_density=0.0)
    gone = [int(np.argmin(epstein.record(seed, rules, 1000, 1.7)[-1, :2])) for seed in range(20)]
    assert 3 <= sum(gone) <= 17


def test_u3_delay_is_short_if_the_willing_count_as_active(waiting: dict[float, np.ndarray]) -> None:
    """The other reading of the paper: those with nobody to kill fill the jails and embolden each other."""
    ratio = waits(0.1, willing_is_active=True).mean() / waiting[0.0].mean()
    assert 1.0 < ratio < 1.7
    assert ratio < waiting[0.1].mean() / waiting[0.0].mean() - 0.5


def test_u3_tolerance_keeps_the_peace() -> None:
    """At L = 0.9 nobody's grievance exceeds the threshold, so both groups last without any peacekeeper."""
    assert epstein.elimination(0, MODEL_2._replace(legitimacy=0.9, police_density=0.0), 300) == -1
