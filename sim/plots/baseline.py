"""What one scenario does by itself: small multiples of outcomes over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.plots.panels import small_multiples
from sim.plots.style import (
    GREEN,
    Note,
    fair_range,
    month_dates,
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
    legend = [
        Line2D([], [], color=GREEN, lw=1.3, label="Mean of the runs"),
        Patch(facecolor=GREEN, alpha=0.25, label="5–95 % of the runs"),
    ]
    with styled():
        page, panels = small_multiples(
            [label for _, label, _, _ in outcomes],
            f"The region month by month: {title}",
            note.text(BAND),
            legend,
            share_x=False,
            share_y=False,
            low=1.65,
        )
        for (name, _, unit, _), axes in zip(outcomes, panels, strict=True):
            draw_history(rows[rows["outcome"] == name], axes, start)
            axes.set_ylabel("\n".join(wrap(unit, 22)), fontsize=7.5)
            fair_range(axes)
            tidy_dates(axes.xaxis, 5)
            tidy_values(axes.yaxis, 4)
    return page.figure
