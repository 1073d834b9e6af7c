"""Analysis: tables in, tables out. Nothing here runs the model or draws."""

from sim.analysis.cost import cost_effectiveness
from sim.analysis.effects import EFFECT_COLUMNS, paired_effects
from sim.analysis.places import PLACE_MEASURES, district_effects, district_totals
from sim.analysis.tables import plain_text, write_csv
from sim.analysis.timeline import difference_over_time, over_time
from sim.analysis.verdict import verdict
from sim.analysis.windows import REGION, WHOLE_RUN, monthly_table, window_table

__all__ = [
    "EFFECT_COLUMNS",
    "PLACE_MEASURES",
    "REGION",
    "WHOLE_RUN",
    "cost_effectiveness",
    "difference_over_time",
    "district_effects",
    "district_totals",
    "monthly_table",
    "over_time",
    "paired_effects",
    "plain_text",
    "verdict",
    "window_table",
    "write_csv",
]
