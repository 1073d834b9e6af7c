"""Figures: a table in, a figure out. The only package that draws; no display is needed."""

from sim.plots.bars import attribution_figure, sensitivity_figure, tornado_figure
from sim.plots.effects import forest_figure
from sim.plots.explore import box_figure, factors_figure, heat_figure
from sim.plots.over_time import chain_figure
from sim.plots.sets import MapData, Picture, comparison_set, draw, files, run_set
from sim.plots.style import Note

__all__ = [
    "MapData",
    "Note",
    "Picture",
    "attribution_figure",
    "box_figure",
    "chain_figure",
    "comparison_set",
    "draw",
    "factors_figure",
    "files",
    "forest_figure",
    "heat_figure",
    "run_set",
    "sensitivity_figure",
    "tornado_figure",
]
