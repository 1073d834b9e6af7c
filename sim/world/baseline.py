"""The baseline solve: what makes the reference year a stationary state.

One global intercept ``alpha`` makes the expected turn-out of a quiet round (moods and climate integrated, no
sparks, focal events or shocks) equal ``quiet_participation``; one global ``nu`` makes the expected violent share
equal ``violent_share``. Nothing else is fitted: an intercept per district would erase structural risk. The solve
depends on the region's reference year and the parameters, never on the number of citizens or the run seed, and is
rounded to 1e-6. Histories that start in other years keep the solve of the reference year.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sim.kernels.compiling import kernel
from sim.kernels.elementary import exp, logistic, logit, normal_quantile, saturate
from sim.kernels.mobilisation import arrest_probability
from sim.types import Array, Fields, Geography, Solve

POINTS = 48
"""Lattice points over traits, and moods, in a cell."""
GUESS = -9.0
STEPS = 60

# Gauss-Hermite nodes and weights for a standard normal, seven points.
NODES = np.array([-3.7504397177257425, -2.3667594107345415, -1.1544053947399682, 0.0,
                  1.1544053947399682, 2.3667594107345415, 3.7504397177257425])  # fmt: skip
WEIGHTS = np.array([0.00054826885597222, 0.03075712396758651, 0.24012317860501272, 0.45714285714285713,
                    0.24012317860501272, 0.03075712396758651, 0.00054826885597222])  # fmt: skip


@kernel
def expected_turnout(alpha, tension, geography, fields, officers, unemployed_share, p, nodes, weights):  # type: ignore[no-untyped-def]
    """Expected turn-out per resident of each cell in a quiet round, (n_c,); ``unemployed_share`` (n_c,) of residents."""
    out = np.zeros(geography.cell_people.size)
    form = int(p.arrest_form)
    workless = exp(-p.b_unemployment)
    for c in range(out.size):
        d = geography.cell_district[c]
        ratio = officers[d] / (p.quiet_participation + p.active_floor)
        fear = p.b_risk * arrest_probability(ratio, p.arrest_k, p.arrest_ratio, p.arrest_width, form)
        scale = min(max(np.sqrt(np.sqrt(150000.0 / geography.district_people[d])), 0.5), 1.5)
        mood = np.sqrt((p.district_noise * scale) ** 2 + p.climate**2)
        drive = alpha + p.b_exclusion * fields.exclusion[geography.cell_group[c]]
        drive += p.b_tension * (fields.tension[c] - tension)
        grief = p.b_grievance * (1.0 - fields.legitimacy[c])
        unemployed = unemployed_share[c]
        total = 0.0
        for i in range(POINTS):
            hardship = (i + 0.5) / POINTS
            risk = ((i * 19) % POINTS + 0.5) / POINTS
            threshold = normal_quantile(((i * 29 + 7) % POINTS + 0.5) / POINTS)
            motive = drive + grief * hardship - fear * risk - p.b_threshold * threshold
            for k in range(nodes.size):
                against = exp(-(motive + mood * nodes[k]))
                idle = 1.0 / (1.0 + against)
                out_of_work = 1.0 / (1.0 + against * workless)
                total += weights[k] * (idle + unemployed * (out_of_work - idle))
        out[c] = p.turnout_cap * total / POINTS
    return out


@kernel
def population_mean(values, people):  # type: ignore[no-untyped-def]
    """Mean over residents in canonical order."""
    total = 0.0
    everybody = 0.0
    for i in range(values.size):
        total += people[i] * values[i]
        everybody += people[i]
    return total / everybody


@kernel
def violent_probability(nu, tension, extremism, geography, fields, riot, p):  # type: ignore[no-untyped-def]
    """Probability that an active person of each cell is violent, without shocks, fighters or repression; (n_c,)."""
    out = np.empty(geography.cell_people.size)
    for c in range(out.size):
        d = geography.cell_district[c]
        rough = nu + p.b_violence_tension * (fields.tension[c] - tension)
        rough += p.b_violence_extremism * (fields.extremism[d] - extremism)
        out[c] = logistic(rough - p.b_violence_riot * riot[d])
    return out


def _solve(share: Callable[[float], float], wanted: float, guess: float) -> float:
    """Where ``share``, a mean of logistic functions, is ``wanted``; to 1e-6.

    In log-odds such a mean is nearly straight, so that the secant rule needs about five steps.
    """

    def gap(x: float) -> float:
        return float(logit(share(x)) - logit(wanted))

    a, b = guess, guess + 0.5
    gap_a, gap_b = gap(a), gap(b)
    for _ in range(STEPS):
        if abs(b - a) < 1e-9 or gap_b == gap_a:
            return round(b, 6)
        step = min(max(gap_b * (b - a) / (gap_b - gap_a), -10.0), 10.0)
        a, gap_a, b = b, gap_b, b - step
        gap_b = gap(b)
    raise ArithmeticError(f"the baseline solve found no intercept for a share of {wanted}")


def solve_baseline(
    geography: Geography, fields: Fields, officers: Array, riot: Array, unemployed: Array, parameters: Any
) -> Solve:
    """Solve ``alpha`` and ``nu`` for fields at their anchors. ``officers`` per resident and ``riot`` (n_d,)."""
    p = parameters
    people = geography.cell_people
    tension = round(float(population_mean(fields.tension, people)), 6)
    extremism = round(float(population_mean(fields.extremism, geography.district_people)), 6)

    def turnout(alpha: float) -> Array:
        return expected_turnout(alpha, tension, geography, fields, officers, unemployed, p, NODES, WEIGHTS)

    def willing(alpha: float) -> float:
        return float(population_mean(turnout(alpha), people) / p.turnout_cap)

    alpha = _solve(willing, p.quiet_participation / p.turnout_cap, GUESS)
    crowd = turnout(alpha) * people

    def violent(nu: float) -> float:
        share = violent_probability(nu, tension, extremism, geography, fields, riot, p)
        return float(population_mean(share, crowd))

    nu = _solve(violent, p.violent_share, float(logit(p.violent_share)))
    return Solve(alpha=alpha, nu=nu, tension=tension, extremism=extremism)


@kernel
def expected_incidents(turnout, violent, geography, tension, p, communal, burst):  # type: ignore[no-untyped-def]
    """Saturated expected incidents per 100,000 a month near each district, the reference of tension; (n_d,).

    ``tension`` (n_c,) scales reprisals; ``burst`` is the ratio of mean to quiet turn-out: sparks and focal events carry most of a calm year's incidents.
    """
    n_d = geography.district_people.size
    raw = np.zeros(n_d)
    exposed = np.zeros(n_d)
    tense = np.zeros(n_d)
    out = np.zeros(n_d)
    for c in range(turnout.size):
        d = geography.cell_district[c]
        contact = saturate(geography.mix[c], p.mix_half)
        rough = turnout[c] * geography.cell_people[c] * violent[c]
        raw[d] += 4.0 * burst * p.incident_rate * rough * contact * communal[d]
        exposed[d] += geography.cell_people[c] * contact
        tense[d] += geography.cell_people[c] * contact * tension[c]
    for d in range(n_d):
        answered = p.branching * communal[d] * tense[d] / exposed[d] if exposed[d] > 0.0 else 0.0
        raw[d] = 100000.0 * raw[d] / geography.district_people[d] / (1.0 - answered)
    for d in range(n_d):
        near = 0.0
        for k in range(geography.near_start[d], geography.near_start[d + 1]):
            near += geography.near_weight[k] * raw[geography.near_district[k]]
        out[d] = saturate(near, p.incidents_half)
    return out
