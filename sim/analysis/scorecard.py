"""A scorecard of the three focus areas: what changed in each, outcome by outcome.

Security reform, political stability and economic development are the areas by which the commitment is evaluated (row
W9 of the requirements). No number is made of an area: outcomes that go different ways must stay visible.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from sim.analysis.tables import REGION, WHOLE_RUN
from sim.analysis.verdict import is_small, verdict_of
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES


@dataclass(frozen=True)
class Area:
    """One focus area: its key, title, objective as the source states it, and the outcomes read for it."""

    key: str
    title: str
    objective: str
    outcomes: tuple[str, ...]


AREAS = (
    Area(
        "security_reform",
        "Security reform",
        "Modernizing defence frameworks",
        ("reform_security", "capacity", "crime", "extremism", "cyber", "armed_deaths"),
    ),
    Area(
        "political_stability",
        "Political stability",
        "Encouraging democratic processes",
        ("reform_political", "legitimacy", "trust", "corruption", "tension", "dispute", "incidents", "influence"),
    ),
    Area(
        "economic_development",
        "Economic development",
        "Supporting enduring economic growth",
        ("reform_economic", "unemployment", "youth_unemployment"),
    ),
)
"""Which outcome is read for which area is our choice; every outcome stands in one area at most.

Military posturing is in none: modernisation pulls it as a lever, so that it would score the input and not its consequences.
"""

SCORECARD_COLUMNS = [
    "scenario", "area", "outcome", "label", "unit", "better", "baseline_mean", "effect", "ci_low", "ci_high", "n",
    "in_words", "small",
]  # fmt: skip


def scorecard(effects: pd.DataFrame) -> pd.DataFrame:
    """Group the effects of each scenario on the region over the whole run by focus area.

    Parameters
    ----------
    effects : DataFrame
        As `paired_effects` returns it.

    Returns
    -------
    DataFrame
        `SCORECARD_COLUMNS`: a row per scenario, area and outcome, in the order of `AREAS`. ``effect`` with its 95 %
        interval is in the unit of the outcome, ``in_words`` the verdict on its direction, ``small`` whether the effect
        is under a hundredth of the baseline however certain.
    """
    chosen = (effects["scope"] == REGION) & (effects["window"] == WHOLE_RUN) & (effects["contrast"] == "difference")
    found = {(row["scenario"], row["outcome"]): row for row in effects[chosen].to_dict("records")}
    made = []
    for scenario in dict.fromkeys(scenario for scenario, _ in found):
        for area in AREAS:
            for item in (OUTCOMES[OUTCOME_INDEX[name]] for name in area.outcomes if (scenario, name) in found):
                row = found[scenario, item.name]
                shown = {"area": area.key, "label": item.label, "better": item.better, "unit": item.unit}
                small = is_small(row["effect"], row["baseline_mean"])
                made.append(row | shown | {"in_words": verdict_of(row, item.better), "small": small})
    return pd.DataFrame(made, columns=SCORECARD_COLUMNS)
