"""Cost-effectiveness plane: what it costs beside what it averts, with how sure both are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from sim.plots.panels import small_multiples
from sim.plots.style import BLUE, GREY, INK, Note, averaged, shorten, styled, tidy_values

BAND = (
    "Cloud: mean differences in resampled pairs; dot: the mean of all pairs. "
    "Right of the upright line harm is averted; left of it there is more harm."
)


def draw_plane(table: pd.DataFrame, axes: Any, colour: str = BLUE) -> Any:
    """Draw one scenario's cloud and its estimate.

    Parameters
    ----------
    table : DataFrame
        ``draw, averted, cost`` from ``cost_plane``; draw 0 is the estimate.
    axes : matplotlib Axes
    colour : str

    Returns
    -------
    matplotlib Axes
    """
    cloud, dot = table[table["draw"] != 0], table[table["draw"] == 0]
    axes.axhline(0, color=GREY, lw=0.8, zorder=1)
    axes.axvline(0, color=GREY, lw=0.8, zorder=1)
    axes.plot(
        cloud["averted"], cloud["cost"], ls="", marker=".", ms=2.2, mec="none", color=colour, alpha=0.35, zorder=2
    )
    axes.plot(
        dot["averted"],
        dot["cost"],
        ls="",
        marker="o",
        ms=6,
        color=INK,
        zorder=3,
        path_effects=[withStroke(linewidth=2.0, foreground="white")],
    )
    axes.margins(0.12)
    return axes


def plane_figure(table: pd.DataFrame, label: str, unit: str, note: Note, titles: Mapping[str, str]) -> Figure:
    """One panel per scenario on shared scales.

    Parameters
    ----------
    table : DataFrame
        From ``cost_plane`` for one outcome and scope; at most 400 draws of each scenario are drawn.
    label, unit : str
        Name and unit of the harm.
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, in the order of the panels.
    """
    keys = [key for key in titles if (table["scenario"] == key).any()]
    with styled():
        heading = f"{label} averted, and what it costs"
        page, panels = small_multiples([titles[key] for key in keys], heading, note.text(BAND, averaged))
        for key, axes in zip(keys, panels, strict=True):
            draw_plane(table[(table["scenario"] == key) & (table["draw"] <= 400)], axes)
            tidy_values(axes.xaxis, 4)
            tidy_values(axes.yaxis, 5)
        page.body.supxlabel(shorten(f"Averted, {unit}", 60, 1), fontsize=8.5)
        page.body.supylabel("Extra cost, million euro of 2024", fontsize=8.5)
    return page.figure
