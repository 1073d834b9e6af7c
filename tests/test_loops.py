"""Feedback: no loop of the slow fields runs away, bursts end, and nothing sits at a bound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.kernels.fields import update_fields
from sim.parameters import CATALOGUE
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.world.presence import standing_missions
from sim.world.start import NODES, WEIGHTS, expected_turnout, population_mean, violent_probability
from sim.world.world import Setting, World, _calm_world, prepare

DRAWS = 100
STEP = 1e-4
MOVING = ("tension", "legitimacy", "unemployment", "exclusion", "extremism", "crime", "influence", "slow")


def setting(name: str, citizens: int, overrides: dict[str, float] | None = None) -> Setting:
    region = load_region(find_region(name), 2024)
    return prepare(region, synthesise(region, citizens), overrides)


def drawn(seed: int) -> dict[str, float]:
    """One draw of every field parameter from its plausible range."""
    rng = np.random.default_rng(seed)
    family = [p for p in CATALOGUE.values() if p.family == "fields"]
    return {p.name: float(rng.uniform(p.low, p.high)) for p in family}


def next_month(world: World, values: Any) -> Any:
    """Fields one month after ``values``, when nothing happens between people."""
    split = 0
    for name in MOVING:
        array = getattr(world.fields, name)
        array[...] = values[split : split + array.size].reshape(array.shape)
        split += array.size
    for name in ("tension", "exclusion"):
        getattr(world.fields, f"{name}_0")[...] = getattr(world.setting.fields, f"{name}_0")
    world.fields.slow_0[...] = world.setting.fields.slow_0
    s = world.setting
    update_fields(s.geography, world.fields, world.inputs, world.tallies, world.targets, s.record, s.rates)
    return flat(world)


def flat(world: World) -> Any:
    return np.concatenate([getattr(world.fields, name).ravel() for name in MOVING])


def spectral_radius(made: Setting) -> float:
    """Largest modulus of the eigenvalues of the monthly map of the fields at baseline."""
    world = World(made, 1, 1)
    world.set_inputs()
    start = flat(world).copy()
    base = next_month(world, start).copy()
    jacobian = np.empty((start.size, start.size))
    for k in range(start.size):
        moved = start.copy()
        moved[k] += STEP
        jacobian[:, k] = (next_month(world, moved) - base) / STEP
    return float(np.abs(np.linalg.eigvals(jacobian)).max())


def halved_in(radius: float) -> float:
    """Months in which the slowest mode halves."""
    return float(np.log(0.5) / np.log(radius))


def test_loops_of_the_fields_die_out() -> None:
    """Loops lengthen the memory of the slowest field, but in 99 % of prior draws not beyond twice its own half-life."""
    slow = ("exclusion_halflife", "institution_halflife", "legitimacy_halflife")
    stretched = []
    for seed in range(DRAWS):
        values = drawn(seed)
        radius = spectral_radius(setting("twin_valleys", 128, values))
        assert radius < 1.0
        stretched.append(halved_in(radius) / max(values[name] for name in slow))
    assert np.mean(np.array(stretched) <= 2.0) >= 0.99
    assert halved_in(spectral_radius(setting("twin_valleys", 128))) <= 1.2 * 60.0


def test_a_runaway_loop_would_be_seen() -> None:
    wild = {"corruption_crime": 9.0, "crime_corruption": 9.0}
    assert spectral_radius(setting("twin_valleys", 128, wild)) > 1.0


def test_people_get_used_to_a_loss_at_its_half_life() -> None:
    """At rest nothing counts as lost; a loss is felt in full at first and by half after ``loss_halflife``."""
    world = World(setting("twin_valleys", 128), 12, 1)
    world.set_inputs()
    fields, s = world.fields, world.setting
    assert np.array_equal(fields.legitimacy, fields.legitimacy_usual)
    for level in (fields.legitimacy, fields.legitimacy_0):
        level -= 0.1
    lost = [fields.legitimacy_usual - fields.legitimacy]
    for _ in range(int(s.parameters.loss_halflife)):
        update_fields(s.geography, fields, world.inputs, world.tallies, world.targets, s.record, s.rates)
        lost.append(fields.legitimacy_usual - fields.legitimacy)
    assert lost[0] == pytest.approx(0.1)
    assert lost[-1] == pytest.approx(0.05, abs=0.01)


@pytest.fixture(scope="module")
def balkans() -> Setting:
    return setting("western_balkans", 9_000)


def turnout_after_pulse(made: Setting, seed: int, pulse: float) -> Any:
    """Persons out by round over eight months, with a pulse of log-odds on everybody in the very first round."""
    world = World(made, 8, seed, log_rounds=True)
    world.standing = standing_missions(made.region, 2024, 1, 0.1)
    world.inputs.shock[0] = pulse
    for _ in range(8):
        world.set_inputs()
        world.advance()
    return world.tallies.round_log[0].sum(axis=1)


def test_a_burst_halves_within_eight_rounds(balkans: Setting) -> None:
    with_pulse = np.mean([turnout_after_pulse(balkans, seed, 4.0) for seed in range(8)], axis=0)
    without = np.mean([turnout_after_pulse(balkans, seed, 0.0) for seed in range(8)], axis=0)
    excess = with_pulse - without
    assert excess[0] > 10 * without[0]
    assert excess[8] < 0.5 * excess[0]
    assert abs(excess[16:].mean()) < 0.5 * without.mean()


def test_no_field_sits_at_a_bound(balkans: Setting) -> None:
    world = World(balkans, 36, 5)
    world.standing = standing_missions(balkans.region, 2024, 1, 0.1)
    near = total = 0
    for _ in range(36):
        world.set_inputs()
        world.advance()
        for name in ("tension", "legitimacy", "unemployment", "extremism", "crime", "influence"):
            values = getattr(world.fields, name)
            near += int(((values < 0.01) | (values > 0.99)).sum())
            total += values.size
    assert near <= 0.01 * total


def test_the_baseline_is_solved_for_any_parameters() -> None:
    """Quiet turn-out and violent share come out as asked for, at the ends of all bounds and between."""
    region = load_region(find_region("twin_valleys"), 2024)
    people = synthesise(region, 512)
    crowd = [p for p in CATALOGUE.values() if p.family == "mobilisation" or p.name == "violent_share"]
    assert {"quiet_participation", "turnout_cap", "b_grievance"} <= {p.name for p in crowd}
    rng = np.random.default_rng(3)
    for _ in range(60):
        values = {p.name: float(rng.choice([p.low, p.high, rng.uniform(p.low, p.high)])) for p in crowd}
        values["arrest_form"] = 0.0
        made = prepare(region, people, values)
        calm = _calm_world(region, made.geography, made.fields, made.record)
        turnout = expected_turnout(made.solve.alpha, made.solve.tension, made.geography, made.fields, calm[0].officers,
                                   calm[1], made.record, NODES, WEIGHTS)  # fmt: skip
        mean = float(population_mean(turnout, made.geography.cell_people))
        assert mean == pytest.approx(made.parameters.quiet_participation, rel=1e-5)
        rough = violent_probability(made.solve.nu, made.solve.tension, made.solve.extremism, made.geography, made.fields,
                                    calm[0].riot, made.record)  # fmt: skip
        share = float(population_mean(rough, turnout * made.geography.cell_people))
        assert share == pytest.approx(made.parameters.violent_share, rel=1e-5)
