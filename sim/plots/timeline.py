"""Difference from the baseline over time, with the interval of the mean inside the range of single pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.plots.style import (
    BLUE,
    GREY,
    Note,
    axis_label,
    grid_shape,
    month_dates,
    new_page,
    shorten,
    styled,
    tidy_dates,
    tidy_values,
)

MEAN, INTERVAL, SPREAD = "Mean difference", "95 % interval of the mean", "5–95 % of single pairs"
BAND = "Dark band: 95 % interval of the mean paired difference; light band: 5th to 95th percentile of the pairs."
DARK, LIGHT = 0.55, 0.18


def legend_handles(colour: str = BLUE) -> list[Any]:
    """Legend of every figure with both bands."""
    return [
        Line2D([], [], color=colour, lw=1.6, label=MEAN),
        Patch(facecolor=colour, alpha=DARK, label=INTERVAL),
        Patch(facecolor=colour, alpha=LIGHT, label=SPREAD),
    ]


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
    axes.fill_between(dates, rows["spread_low"], rows["spread_high"], color=colour, alpha=LIGHT, lw=0, label=SPREAD)
    axes.fill_between(dates, rows["ci_low"], rows["ci_high"], color=colour, alpha=DARK, lw=0, label=INTERVAL)
    axes.plot(dates, rows["effect"], color=colour, lw=1.6, label=MEAN)
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
    n_rows, n_columns = grid_shape(len(keys))
    cumulative = bool(rows["cumulative"].iloc[0])
    kind = "Cumulative difference" if cumulative else "Difference"
    panel = {1: 7.0, 2: 4.2, 3: 3.0}.get(n_columns, 2.6)
    with styled():
        page = new_page(
            0.5 + panel * n_columns,
            0.9 + (2.9 if n_columns == 1 else 2.1) * n_rows,
            f"{label}: {kind.lower()} from the baseline",
            note.text(BAND),
            legend_handles(),
        )
        grid = page.body.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        for position, axes in enumerate(grid.flat):
            if position >= len(keys):
                axes.remove()
                continue
            draw_difference(rows[rows["scenario"] == keys[position]], axes, start)
            axes.set_title(shorten(titles[keys[position]], int(panel * 10.5), 3))
            axes.tick_params(labelbottom=position + n_columns >= len(keys))
            tidy_dates(axes.xaxis, 6 if n_columns < 3 else 4)
            tidy_values(axes.yaxis)
        page.body.supylabel(axis_label(kind, str(rows["unit"].iloc[0])), fontsize=8.5)
    return page.figure
