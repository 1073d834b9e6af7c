"""State by state: small multiples of the difference over time, and of the effects of every scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sim.plots.effects import LABEL_WIDTH, any_drawn, draw_forest, forest_band, forest_legend
from sim.plots.panels import small_multiples
from sim.plots.style import (
    Note,
    axis_label,
    new_page,
    shorten,
    styled,
    tidy_dates,
    tidy_values,
)
from sim.plots.timeline import BAND, draw_difference, legend_handles

OWN_SCALE = "Each state on its own scale: compare shapes, not lengths. Names imply no position on status."


def states_over_time_figure(
    table: pd.DataFrame, label: str, note: Note, names: Mapping[str, str], start: tuple[int, int], title: str
) -> Figure:
    """One panel per state for one scenario and outcome, each on its own scale.

    Parameters
    ----------
    table : DataFrame
        Rows of ``difference_over_time`` for one scenario and outcome, states as scopes.
    label : str
        Name of the outcome.
    note : Note
        Provenance.
    names : mapping
        State to display name, in the order of the panels.
    start : (year, month)
        Calendar month of month 0.
    title : str
        Display title of the scenario.
    """
    keys = [state for state in names if (table["scope"] == state).any()]
    kind = "Cumulative difference" if bool(table["cumulative"].iloc[0]) else "Difference"
    with styled():
        heading = f"{label} by state: {shorten(title, 80, 1)}"
        caption = note.text(f"{BAND} {OWN_SCALE}")
        page, panels = small_multiples([names[key] for key in keys], heading, caption, legend_handles(), share_y=False)
        for key, axes in zip(keys, panels, strict=True):
            draw_difference(table[table["scope"] == key], axes, start)
            tidy_dates(axes.xaxis, 4)
            tidy_values(axes.yaxis, 4)
        page.body.supylabel(axis_label(kind, str(table["unit"].iloc[0])), fontsize=8.5)
    return page.figure


def states_figure(
    table: pd.DataFrame,
    outcome: tuple[str, str, str, str],
    note: Note,
    titles: Mapping[str, str],
    names: Mapping[str, str],
) -> Figure:
    """One panel per state, scenarios as rows, for one outcome over the whole run.

    Parameters
    ----------
    table : DataFrame
        Effects table.
    outcome : (name, label, unit, better)
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, from the top.
    names : mapping
        State to display name, in the order of the panels.
    """
    name, label, unit, better = outcome
    chosen = (table["outcome"] == name) & (table["window"] == "whole run") & (table["contrast"] == "difference")
    rows = table[chosen]
    states = [state for state in names if (rows["scope"] == state).any()]
    keys = [key for key in titles if (rows["scenario"] == key).any()]
    labels = [shorten(titles[key], LABEL_WIDTH, 2) for key in keys]
    columns = min(4, len(states))
    n_rows = -(-len(states) // columns)
    step = 0.36 if any("\n" in text for text in labels) else 0.26
    words = {"lower": "lower is better", "higher": "higher is better"}.get(better, "")
    drawn = any_drawn(rows)
    with styled():
        page = new_page(
            2.0 + 2.05 * columns,
            0.5 + n_rows * (0.9 + step * len(keys)),
            f"{label} by state, whole run",
            note.text(f"{forest_band(drawn)} {OWN_SCALE}"),
            forest_legend(drawn),
        )
        grid: Any = page.body.subplots(n_rows, columns, sharey=True, squeeze=False)
        for position, axes in enumerate(grid.flat):
            if position >= len(states):
                axes.remove()
                continue
            draw_forest(rows[rows["scope"] == states[position]], axes, keys, better)
            axes.set_yticks(range(len(keys)), labels)
            axes.set_title(shorten(names[states[position]], 24, 2))
            tidy_values(axes.xaxis, 3)
            axes.spines["left"].set_visible(False)
        page.body.supxlabel(
            shorten(axis_label("Difference", unit) + (f"; {words}" if words else ""), 90, 1), fontsize=8
        )
    return page.figure
