"""Where the data put each slow field at the start: its own level, or anchor.

Indices are read on the fixed scale of the region file, the same for all years, and mapped to 0.05 .. 0.95. The
combinations are assumptions (`docs/model.md` lists them); every input has a source in the region's tables.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernels.elementary import log
from sim.kernels.fields import NO_DISPUTE
from sim.region import Region
from sim.types import SLOW_FIELDS, Fields, Geography
from sim.world.rates import keep

F8 = NDArray[np.float64]

CREDIBILITY_BY_STAGE = {"none": 0.2, "applicant": 0.3, "candidate": 0.4, "negotiating": 0.5, "member": 0.9}


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
    ranks = list(CREDIBILITY_BY_STAGE)
    stage = ["none"] * region.n_states
    for state, milestone, year in region.milestones:
        reached = order.get(milestone)
        if reached is None or year > region.year:
            continue
        index = region.states.index(state)
        stage[index] = max(stage[index], reached, key=ranks.index)
    return stage


def institutions(region: Region) -> F8:
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
        "credibility": np.array([CREDIBILITY_BY_STAGE[stage] for stage in integration_stage(region)]),
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
    slow = institutions(region)
    dispute = disputes(region)
    contact = geography.mix / (geography.mix + p.mix_half)
    memory = war_memory(region, p.memory_halflife)
    tension = np.clip(0.12 + 0.45 * contact * geography.salience + p.memory_tension * memory, 0.03, 0.95)
    excluded = np.clip(region.exclusion, 0.02, 0.98)
    trust = mean(scaled(region, "rule_of_law"), scaled(region, "polyarchy"))[cell_state]
    legitimacy = np.clip(trust - 0.2 * excluded[geography.cell_group], 0.05, 0.95)
    unemployment = np.clip(region.values["unemployment"][cell_state], 0.01, 0.9)
    youth_ratio = region.values["youth_unemployment"] / region.values["unemployment"]
    media = mean(
        1.0 - region.values["alignment_west"], region.values["external_energy"], region.values["external_media"]
    )
    influence = 0.05 + 0.9 * media
    extremism = np.clip(0.08 + 0.1 * region.values["youth_unemployment"][geography.district_state], 0.02, 0.95)
    crime = mean(slow[1], 1.0 - slow[0])[geography.district_state]
    cyber = np.clip(0.2 + 0.5 * region.values["internet"] * (1.0 - slow[0]), 0.02, 0.98)
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
