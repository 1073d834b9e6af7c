"""The start of a run: the level of every slow field, and what makes the reference year a stationary state.

*Anchors.* The data put each slow field at its own level. Indices are read on the fixed scale of the region file, the
same for all years, and mapped to 0.05 .. 0.95. The combinations are assumptions (`docs/model.md` lists them); every
input has a source in the region's tables.

*Baseline solve.* One global intercept ``alpha`` makes the expected turn-out of a quiet round (moods and climate
integrated, no sparks, focal events or shocks) equal ``quiet_participation``; one global ``nu`` makes the expected
violent share equal ``violent_share``. Nothing else is fitted: an intercept per district would erase structural risk.
The solve depends on the region's reference year and the parameters, never on the number of citizens or the run seed,
and is rounded to 1e-6. Runs that start in other years keep the solve of the reference year.

*Offsets.* Differences between states in turning out that no driver explains are drawn once for a parameter set, then
fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.kernels import draws
from sim.kernels.compiling import kernel
from sim.kernels.elementary import exp, log, logistic, logit, normal_quantile, saturate
from sim.kernels.fields import NO_DISPUTE
from sim.kernels.mobilisation import arrest_probability
from sim.types import CAPACITY, CORRUPTION, SLOW_FIELDS, Array, Fields, Geography, Solve
from sim.world.rates import keep

if TYPE_CHECKING:
    from sim.region import Region

F8 = NDArray[np.float64]

STAGES = ("none", "applicant", "candidate", "negotiating", "member")
"""Stages of integration into the European Union, in order."""

POINTS = 48
"""Lattice points over traits, and moods, in a cell."""
GUESS = -9.0
STEPS = 60

# Gauss-Hermite nodes and weights for a standard normal, seven points.
NODES = np.array([-3.7504397177257425, -2.3667594107345415, -1.1544053947399682, 0.0,
                  1.1544053947399682, 2.3667594107345415, 3.7504397177257425])  # fmt: skip
WEIGHTS = np.array([0.00054826885597222, 0.03075712396758651, 0.24012317860501272, 0.45714285714285713,
                    0.24012317860501272, 0.03075712396758651, 0.00054826885597222])  # fmt: skip

KEY = np.uint64(0)
"""In place of a run seed: the offsets belong to the parameters, so that every run with them has the same."""


# --- anchors -------------------------------------------------------------------------------------


def scaled(region: Region, variable: str) -> F8:
    """A state variable on the region's fixed scale, 0.05 to 0.95."""
    low, high = region.bounds[variable]
    share = (region.values[variable] - low) / (high - low)
    out: F8 = 0.05 + 0.9 * np.clip(share, 0.0, 1.0)
    return out


def mean(*parts: F8) -> F8:
    """Mean of arrays, added in the order given."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total / float(len(parts))


def disputes(region: Region) -> F8:
    """Severity of disputes between states, (n_states, n_states) symmetric, `NO_DISPUTE` where there is none."""
    out = np.full((region.n_states, region.n_states), NO_DISPUTE)
    np.fill_diagonal(out, 0.0)
    level = np.clip(region.dispute_level, NO_DISPUTE, 0.98)
    out[region.dispute_a, region.dispute_b] = level
    out[region.dispute_b, region.dispute_a] = level
    return out


def integration_stage(region: Region) -> list[str]:
    """Stage of EU integration of each state at the region's year, from the milestones."""
    order = {"saa": "applicant", "app": "applicant", "cand": "candidate", "neg": "negotiating", "eu": "member"}
    stage = ["none"] * region.n_states
    for state, milestone, year in region.milestones:
        reached = order.get(milestone)
        if reached is None or year > region.year:
            continue
        index = region.states.index(state)
        stage[index] = max(stage[index], reached, key=STAGES.index)
    return stage


def institutions(region: Region, p: Any) -> F8:
    """Anchors of the slow institutions, (n_slow, n_states), in the order of `SLOW_FIELDS`."""
    rule = scaled(region, "rule_of_law")
    polyarchy = scaled(region, "polyarchy")
    judges = scaled(region, "judicial_constraints")
    wealth = scaled(region, "gdp_pc_usd")
    anchors = {
        "capacity": mean(scaled(region, "territory_control"), rule, scaled(region, "pol_stability")),
        "corruption": scaled(region, "corruption"),
        "reform_security": mean(rule, scaled(region, "physical_integrity"), scaled(region, "alignment_west")),
        "reform_political": mean(polyarchy, judges),
        "reform_economic": mean(wealth, 1.0 - scaled(region, "unemployment")),
        "civic_space": mean(scaled(region, "core_civil_society"), scaled(region, "freedom_of_expression")),
        "oversight": mean(judges, scaled(region, "libdem")),
        "credibility": np.array([getattr(p, f"credibility_{stage}") for stage in integration_stage(region)]),
    }
    out: F8 = np.clip(np.stack([anchors[name] for name in SLOW_FIELDS]), 0.02, 0.98)
    return out


def war_memory(region: Region, halflife_years: float) -> F8:
    """Memory of war, log(1 + deaths per 1,000 residents), halved every ``halflife_years`` since; (n_cells,)."""
    out = np.zeros(region.n_cells)
    for cell, (deaths, years) in enumerate(
        zip(region.war_deaths_per_1000.tolist(), region.memory_years.tolist(), strict=True)
    ):
        if deaths > 0.0 and years == years:
            out[cell] = log(1.0 + deaths) * (keep(halflife_years / years) if years > 0.0 else 1.0)
    return out


def build_fields(region: Region, geography: Geography, parameters: Any) -> Fields:
    """Return the slow fields at the start, each at its anchor; `Fields.incidents_ref` is left at zero."""
    p = parameters
    cell_state = geography.cell_state
    slow = institutions(region, p)
    dispute = disputes(region)
    contact = geography.mix / (geography.mix + p.mix_half)
    memory = war_memory(region, p.memory_halflife)
    tension = np.clip(
        p.tension_start + p.tension_salience * contact * geography.salience + p.memory_tension * memory, 0.03, 0.95
    )
    excluded = np.clip(region.exclusion, 0.02, 0.98)
    trust = mean(scaled(region, "rule_of_law"), scaled(region, "polyarchy"))[cell_state]
    legitimacy = np.clip(trust - p.legitimacy_excluded * excluded[geography.cell_group], 0.05, 0.95)
    unemployment = np.clip(region.values["unemployment"][cell_state], 0.01, 0.9)
    youth_ratio = region.values["youth_unemployment"] / region.values["unemployment"]
    media = mean(
        1.0 - region.values["alignment_west"], region.values["external_energy"], region.values["external_media"]
    )
    influence = 0.05 + 0.9 * media
    workless = region.values["youth_unemployment"][geography.district_state]
    extremism = np.clip(p.extremism_start + p.extremism_workless * workless, 0.02, 0.95)
    crime = mean(slow[CORRUPTION], 1.0 - slow[CAPACITY])[geography.district_state]
    cyber = np.clip(p.cyber_start + p.cyber_internet * region.values["internet"] * (1.0 - slow[CAPACITY]), 0.02, 0.98)
    energy = np.clip(region.values["external_energy"], 0.02, 0.98)
    return Fields(
        tension=tension,
        tension_0=tension.copy(),
        legitimacy=legitimacy,
        legitimacy_0=legitimacy.copy(),
        legitimacy_usual=legitimacy.copy(),
        unemployment=unemployment,
        unemployment_0=unemployment.copy(),
        memory=memory,
        memory_ref=memory.copy(),
        exclusion=excluded,
        exclusion_0=excluded.copy(),
        extremism=extremism,
        extremism_0=extremism.copy(),
        crime=crime,
        crime_0=crime.copy(),
        influence=influence,
        influence_0=influence.copy(),
        slow=slow,
        slow_0=slow.copy(),
        slow_ref=slow.copy(),
        cyber=cyber,
        cyber_0=cyber.copy(),
        energy=energy,
        energy_0=energy.copy(),
        dispute=dispute,
        dispute_0=dispute.copy(),
        incidents_ref=np.zeros(region.n_districts),
        youth_ratio=youth_ratio,
    )


# --- the baseline solve --------------------------------------------------------------------------


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
        scale = min(max(np.sqrt(np.sqrt(p.noise_residents / geography.district_people[d])), 0.5), 1.5)
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


# --- offsets of states ---------------------------------------------------------------------------


def state_offsets(uids: Array, spread: float, draw: float) -> Array:
    """Draw each state's offset, not centred: normal with s.d. ``spread``.

    Parameters
    ----------
    uids : (n_s,) uint64
        Identities of states; the same state has the same offset in any region file and any year.
    spread : float
        Log-odds; 0 gives zeros.
    draw : float
        Number of the draw, 0 to 2**24 - 1, whole.

    Returns
    -------
    (n_s,) float64, log-odds
    """
    if spread == 0.0:
        return np.zeros(uids.size)
    drawn = [normal_quantile(draws.uniform(KEY, draws.STATE, np.uint64(draw), uid, 0)) for uid in uids]
    return spread * np.array(drawn)


def odds(offset: Array) -> Array:
    """Factor on turn-out of small crowds, where log-odds and log shares are the same."""
    return np.array([exp(value) for value in offset])
