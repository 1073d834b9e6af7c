"""Half-lives and yearly rates to per-round and per-month values: the one place."""

from __future__ import annotations

from math import sqrt
from typing import Any

from sim.kernels.elementary import exp
from sim.types import Rates

ROUNDS_PER_MONTH = 4
ROUNDS_PER_YEAR = 48
_LN2 = 0.69314718055994530942


def decay(halflife: float) -> float:
    """Share lost in one step: 1 - 2^(-1 / halflife), half-life in steps."""
    return float(1.0 - exp(-_LN2 / halflife))


def keep(halflife: float) -> float:
    """Share kept in one step, 2^(-1 / halflife)."""
    return float(exp(-_LN2 / halflife))


def rates(parameters: Any) -> Rates:
    """Convert the parameters of a run."""
    p = parameters
    rounds = ROUNDS_PER_MONTH
    climate_keep = keep(p.climate_halflife * rounds)
    mood_keep = p.district_noise_memory
    return Rates(
        fatigue=decay(p.fatigue_halflife),
        mood_keep=mood_keep,
        mood_step=p.district_noise * sqrt(1.0 - mood_keep * mood_keep),
        climate_keep=climate_keep,
        climate_step=p.climate * sqrt(1.0 - climate_keep * climate_keep),
        spark_keep=keep(p.spark_halflife),
        focal_keep=keep(p.focal_halflife),
        focal_round=p.focal_rate / ROUNDS_PER_YEAR,
        reprisal=decay(p.reprisal_halflife),
        fear=decay(rounds),
        release=decay(p.detention_halflife * rounds),
        returning=decay(p.return_halflife * rounds),
        exits=decay(p.exit_halflife * rounds),
        tension=decay(p.tension_halflife),
        legitimacy=decay(p.legitimacy_halflife),
        usual=decay(p.loss_halflife),
        exclusion=decay(p.exclusion_halflife),
        unemployment=decay(p.unemployment_halflife),
        influence=decay(p.influence_halflife),
        extremism=decay(p.extremism_halflife),
        crime=decay(p.crime_halflife),
        exposure=decay(p.exposure_halflife),
        institution=decay(p.institution_halflife),
        anchor=decay(12.0 * p.anchor_halflife),
        dispute=decay(p.dispute_halflife),
        memory=decay(12.0 * p.memory_halflife),
    )
