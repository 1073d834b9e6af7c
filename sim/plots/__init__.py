"""Figures: table and axes in, axes out. The only place that draws; figures are made without any display."""

from sim.plots.bars import (
    attribution_figure,
    draw_attribution,
    draw_ranking,
    draw_sensitivity,
    draw_tornado,
    ranking_figure,
    sensitivity_figure,
    tornado_figure,
)
from sim.plots.baseline import baseline_figure, draw_history
from sim.plots.costs import draw_plane, plane_figure
from sim.plots.discovery import box_figure, draw_box, draw_ranges
from sim.plots.dose import dose_figure, draw_dose, draw_heat, factors_figure, heat_figure
from sim.plots.effects import draw_forest, forest_figure
from sim.plots.maps import draw_map, map_figure
from sim.plots.order import chain_figure, draw_chain, draw_lead, lead_figure
from sim.plots.scorecard import draw_area, scorecard_figure
from sim.plots.sets import Geography, Picture, comparison_set, draw, files, run_set
from sim.plots.setting import draw_setting, setting_figure
from sim.plots.states import states_figure, states_over_time_figure
from sim.plots.style import Note, described, png_bytes, save_figure, small_png, styled
from sim.plots.theories import theories_figure
from sim.plots.timeline import draw_difference, timeline_figure

__all__ = [
    "Geography",
    "Note",
    "Picture",
    "attribution_figure",
    "baseline_figure",
    "box_figure",
    "chain_figure",
    "comparison_set",
    "described",
    "dose_figure",
    "draw",
    "draw_area",
    "draw_attribution",
    "draw_box",
    "draw_chain",
    "draw_difference",
    "draw_dose",
    "draw_forest",
    "draw_heat",
    "draw_history",
    "draw_lead",
    "draw_map",
    "draw_plane",
    "draw_ranges",
    "draw_ranking",
    "draw_sensitivity",
    "draw_setting",
    "draw_tornado",
    "factors_figure",
    "files",
    "forest_figure",
    "heat_figure",
    "lead_figure",
    "map_figure",
    "plane_figure",
    "png_bytes",
    "ranking_figure",
    "run_set",
    "save_figure",
    "scorecard_figure",
    "sensitivity_figure",
    "setting_figure",
    "small_png",
    "states_figure",
    "states_over_time_figure",
    "styled",
    "theories_figure",
    "timeline_figure",
    "tornado_figure",
]
