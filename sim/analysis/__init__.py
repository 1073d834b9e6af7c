"""Analysis: tables in, tables out. Nothing here runs the model, except through a function handed in, or draws figures."""

from sim.analysis.attribution import (
    TOTAL,
    attribute,
    attribution_table,
    coalitions,
    method_for,
    pair_coalitions,
    synergy,
)
from sim.analysis.discovery import discover, tip_by_bisection, tipping
from sim.analysis.effects import EFFECT_COLUMNS, headline_effects, paired_effects
from sim.analysis.places import (
    OUTCOMES_BY_PLACE,
    community_effects,
    community_totals,
    district_effects,
    district_totals,
)
from sim.analysis.ranking import (
    acceptability,
    cost_effectiveness,
    cost_plane,
    point_means,
    ranking,
    rankings,
    regret,
    run_differences,
    satisficing,
)
from sim.analysis.scorecard import AREAS, scorecard
from sim.analysis.sensitivity import morris, sobol, variance_split
from sim.analysis.statistics import bootstrap_mean, pairs_for_width
from sim.analysis.tables import REGION, WHOLE_RUN, monthly_table, window_table, write_csv
from sim.analysis.theories import holds_count, holds_summary, holds_under, theory_effects
from sim.analysis.timeline import Threshold, difference_over_time, first_moves, lead_time, over_time, thresholds

__all__ = [
    "AREAS", "EFFECT_COLUMNS", "OUTCOMES_BY_PLACE", "REGION", "TOTAL", "WHOLE_RUN", "Threshold", "acceptability",
    "attribute", "attribution_table", "bootstrap_mean", "coalitions", "community_effects", "community_totals",
    "cost_effectiveness", "cost_plane", "difference_over_time", "discover", "district_effects", "district_totals",
    "first_moves", "headline_effects", "holds_count", "holds_summary", "holds_under", "lead_time", "method_for",
    "monthly_table", "morris", "over_time", "pair_coalitions", "paired_effects", "pairs_for_width", "point_means",
    "ranking", "rankings", "regret", "run_differences", "satisficing", "scorecard", "sobol", "synergy", "theory_effects",
    "thresholds", "tip_by_bisection", "tipping", "variance_split", "window_table", "write_csv",
]  # fmt: skip
