"""Analysis: tables in, tables out. Nothing here runs the model, except through a function handed in, or draws."""

from sim.analysis.attribution import (
    TOTAL,
    Attribution,
    attribute,
    attribution_table,
    coalitions,
    method_for,
    pair_coalitions,
    synergy,
)
from sim.analysis.cost import acceptability, cost_effectiveness, cost_plane
from sim.analysis.discovery import discover
from sim.analysis.effects import EFFECT_COLUMNS, headline_effects, paired_effects
from sim.analysis.intervals import bootstrap_mean, pairs_for_width
from sim.analysis.multiplicity import with_corrections
from sim.analysis.order import first_moves
from sim.analysis.places import (
    PLACE_MEASURES,
    community_effects,
    community_totals,
    district_effects,
    district_totals,
)
from sim.analysis.ranking import (
    holds_summary,
    holds_under,
    point_means,
    ranking,
    rankings,
    regret,
    run_differences,
    satisficing,
)
from sim.analysis.scorecard import AREAS, scorecard
from sim.analysis.sensitivity import morris, sobol
from sim.analysis.tables import plain_text, write_csv
from sim.analysis.theories import holds_count, theory_effects
from sim.analysis.thresholds import Threshold, thresholds
from sim.analysis.timeline import difference_over_time, over_time
from sim.analysis.tipping import tip_by_bisection, tipping
from sim.analysis.variance import variance_split
from sim.analysis.verdict import verdict
from sim.analysis.warning import lead_time
from sim.analysis.windows import FINAL, PEAK, REGION, WHOLE_RUN, monthly_table, window_table

__all__ = [
    "AREAS",
    "EFFECT_COLUMNS",
    "FINAL",
    "PEAK",
    "PLACE_MEASURES",
    "REGION",
    "TOTAL",
    "WHOLE_RUN",
    "Attribution",
    "Threshold",
    "acceptability",
    "attribute",
    "attribution_table",
    "bootstrap_mean",
    "coalitions",
    "community_effects",
    "community_totals",
    "cost_effectiveness",
    "cost_plane",
    "difference_over_time",
    "discover",
    "district_effects",
    "district_totals",
    "first_moves",
    "headline_effects",
    "holds_count",
    "holds_summary",
    "holds_under",
    "lead_time",
    "method_for",
    "monthly_table",
    "morris",
    "over_time",
    "pair_coalitions",
    "paired_effects",
    "pairs_for_width",
    "plain_text",
    "point_means",
    "ranking",
    "rankings",
    "regret",
    "run_differences",
    "satisficing",
    "scorecard",
    "sobol",
    "synergy",
    "theory_effects",
    "thresholds",
    "tip_by_bisection",
    "tipping",
    "variance_split",
    "verdict",
    "window_table",
    "with_corrections",
    "write_csv",
]
