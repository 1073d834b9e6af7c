"""Figures: table and axes in, axes out. The only place that draws; figures are made without any display."""

from sim.plots.baseline import baseline_figure, draw_history
from sim.plots.effects import draw_forest, forest_figure
from sim.plots.maps import draw_map, map_figure
from sim.plots.sets import Geography, comparison_figures, run_figures
from sim.plots.style import Note, save_figure, styled
from sim.plots.timeline import draw_difference, timeline_figure

__all__ = [
    "Geography",
    "Note",
    "baseline_figure",
    "comparison_figures",
    "draw_difference",
    "draw_forest",
    "draw_history",
    "draw_map",
    "forest_figure",
    "map_figure",
    "run_figures",
    "save_figure",
    "styled",
    "timeline_figure",
]
