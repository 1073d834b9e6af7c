"""What one scenario does by itself: small multiples of outcomes over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.plots.style import (
    GREEN,
    Note,
    grid_shape,
    month_dates,
    new_page,
    styled,
    tidy_dates,
    tidy_values,
    wrap,
)

BAND = "Line: mean of the runs; band: 5th to 95th percentile of the runs in each month."


def draw_history(table: pd.DataFrame, axes: Any, start: tuple[int, int], colour: str = GREEN) -> Any:
    """Draw one outcome over time.

    Parameters
    ----------
    table : DataFrame
        Rows of ``over_time`` for one outcome and scope.
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
    axes.fill_between(dates, rows["low"], rows["high"], color=colour, alpha=0.25, lw=0)
    axes.plot(dates, rows["mean"], color=colour, lw=1.3)
    axes.margins(x=0.01)
    return axes


def baseline_figure(
    table: pd.DataFrame,
    outcomes: Sequence[tuple[str, str, str, str]],
    note: Note,
    title: str,
    start: tuple[int, int],
) -> Figure:
    """One panel per outcome, for the region.

    Parameters
    ----------
    table : DataFrame
        From ``over_time``.
    outcomes : sequence of (name, label, unit, better)
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    start : (year, month)
        Calendar month of month 0.
    """
    rows = table[table["scope"] == "region"]
    n_rows, n_columns = grid_shape(len(outcomes))
    legend = [
        Line2D([], [], color=GREEN, lw=1.3, label="Mean of the runs"),
        Patch(facecolor=GREEN, alpha=0.25, label="5–95 % of the runs"),
    ]
    with styled():
        page = new_page(
            0.4 + 2.45 * n_columns,
            0.6 + 1.65 * n_rows,
            f"The region month by month: {title}",
            note.text(BAND),
            legend,
        )
        grid = page.body.subplots(n_rows, n_columns, squeeze=False)
        for position, axes in enumerate(grid.flat):
            if position >= len(outcomes):
                axes.remove()
                continue
            name, label, unit, _ = outcomes[position]
            draw_history(rows[rows["outcome"] == name], axes, start)
            axes.set_title("\n".join(wrap(label, 30)))
            axes.set_ylabel("\n".join(wrap(unit, 22)), fontsize=7.5)
            _from_zero(axes)
            tidy_dates(axes.xaxis, 5)
            tidy_values(axes.yaxis, 4)
    return page.figure


def _from_zero(axes: Any) -> None:
    """Start at zero unless that would flatten what there is to see; never show a negative count."""
    low, high = axes.dataLim.y0, axes.dataLim.y1
    if low >= 0 and low < 0.6 * high:
        axes.set_ylim(0, high * 1.05)
    elif low == high == 0:
        axes.set_ylim(0, 1)
