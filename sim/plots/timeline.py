"""Difference from the baseline over time, with the interval of the mean inside the range of single pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.plots.panels import small_multiples
from sim.plots.style import (
    BLUE,
    GREY,
    Note,
    axis_label,
    month_dates,
    styled,
    tidy_dates,
    tidy_values,
)

MEAN, INTERVAL, SPREAD = "Mean difference", "95 % interval of the mean", "5–95 % of single pairs"
BAND = "Dark band: 95 % interval of the mean paired difference; light band with dotted ends: 5th to 95th percentile of the pairs."
DARK, LIGHT, EDGE = 0.55, 0.18, 0.8


def legend_handles(colour: str = BLUE) -> list[Any]:
    """Legend of every figure with both bands."""
    return [
        Line2D([], [], color=colour, lw=1.6, label=MEAN),
        Patch(facecolor=colour, alpha=DARK, label=INTERVAL),
        spread_handle(SPREAD, colour),
    ]


def spread_handle(label: str, colour: str = BLUE) -> Any:
    """Legend entry of the light band."""
    return Patch(facecolor=to_rgba(colour, LIGHT), edgecolor=colour, ls=":", lw=EDGE, label=label)


def draw_bands(rows: pd.DataFrame, x: Sequence[Any], axes: Any, colour: str) -> None:
    """Draw interval and spread of ``effect`` over ``x``, each seen whichever is the wider."""
    axes.fill_between(x, rows["spread_low"], rows["spread_high"], color=colour, alpha=LIGHT, lw=0)
    axes.fill_between(x, rows["ci_low"], rows["ci_high"], color=colour, alpha=DARK, lw=0)
    for end in ("spread_low", "spread_high"):
        axes.plot(x, rows[end], color=colour, lw=EDGE, ls=":")


def draw_difference(table: pd.DataFrame, axes: Any, start: tuple[int, int], colour: str = BLUE) -> Any:
    """Draw one scenario's difference in one outcome.

    Parameters
    ----------
    table : DataFrame
        Rows of ``difference_over_time`` for one scenario, outcome and scope.
    axes : matplotlib Axes
    start : (year, month)
        Calendar month of month 0.
    colour : str

    Returns
    -------
    matplotlib Axes
    """
    rows = table.sort_values("month")
    dates = month_dates(rows["month"].tolist(), *start)
    axes.axhline(0, color=GREY, lw=0.8, zorder=1)
    draw_bands(rows, dates, axes, colour)
    axes.plot(dates, rows["effect"], color=colour, lw=1.6)
    axes.margins(x=0.01)
    return axes


def timeline_figure(
    table: pd.DataFrame,
    outcome: str,
    label: str,
    note: Note,
    titles: Mapping[str, str],
    start: tuple[int, int],
) -> Figure:
    """One panel per scenario on a shared scale, for one outcome in the region.

    Parameters
    ----------
    table : DataFrame
        From ``difference_over_time``.
    outcome, label : str
        Column and display name of the outcome.
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, in the order of the panels.
    start : (year, month)
        Calendar month of month 0.
    """
    rows = table[(table["outcome"] == outcome) & (table["scope"] == "region")]
    keys = [key for key in titles if (rows["scenario"] == key).any()]
    cumulative = bool(rows["cumulative"].iloc[0])
    kind = "Cumulative difference" if cumulative else "Difference"
    with styled():
        heading = f"{label}: {kind.lower()} from the baseline"
        page, panels = small_multiples(
            [titles[key] for key in keys], heading, note.text(BAND), legend_handles(), lines=3
        )
        for key, axes in zip(keys, panels, strict=True):
            draw_difference(rows[rows["scenario"] == key], axes, start)
            tidy_dates(axes.xaxis, 6 if len(keys) < 3 else 4)
            tidy_values(axes.yaxis)
        page.body.supylabel(axis_label(kind, str(rows["unit"].iloc[0])), fontsize=8.5)
    return page.figure
