"""Forest plot: every scenario's effect on every outcome, interval and spread side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sim.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    Note,
    Page,
    direction_colour,
    new_page,
    shorten,
    styled,
    tidy_values,
    wrap,
)

BAND = (
    "Thick bar: 95 % interval of the mean paired difference over the whole run; "
    "thin bar: 5th to 95th percentile of the pairs. "
    "Hollow: the interval includes zero, not enough replications to tell."
)
LABEL_WIDTH = 26


def draw_forest(table: pd.DataFrame, axes: Any, keys: Sequence[str], better: str = "none") -> Any:
    """Draw one outcome's effects, a row per scenario from the top.

    Parameters
    ----------
    table : DataFrame
        Rows of the effects table for one outcome, scope, window and contrast.
    axes : matplotlib Axes
    keys : sequence of str
        Scenarios in order from the top.
    better : str
        "lower", "higher" or "none": a clear effect is blue in the better direction, orange in the other one.

    Returns
    -------
    matplotlib Axes
    """
    axes.axvline(0, color=GREY, lw=0.8, zorder=1)
    for place, key in enumerate(keys):
        rows = table[table["scenario"] == key]
        if rows.empty:
            continue
        row = rows.iloc[0]
        low, high, effect = float(row["ci_low"]), float(row["ci_high"]), float(row["effect"])
        clear = bool(np.isfinite([low, high]).all()) and not low <= 0 <= high
        colour = direction_colour(effect, better) if clear else GREY
        shape = "D" if low == high == 0 else "o"
        axes.plot([row["spread_low"], row["spread_high"]], [place, place], color=colour, lw=1.0, alpha=0.6, zorder=2)
        axes.plot([low, high], [place, place], color=colour, lw=4.0, solid_capstyle="butt", alpha=0.8, zorder=3)
        axes.plot([effect], [place], shape, ms=5.0, mec=colour, mfc=colour if clear else "white", mew=1.3, zorder=4)
    axes.set_ylim(len(keys) - 0.4, -0.6)
    axes.set_yticks(range(len(keys)))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=PALE, lw=0.5)
    axes.set_axisbelow(True)
    axes.margins(x=0.08)
    return axes


def forest_figure(
    table: pd.DataFrame, outcomes: Sequence[tuple[str, str, str, str]], note: Note, titles: Mapping[str, str]
) -> Figure:
    """One panel per outcome, scenarios as rows, for the region over the whole run.

    Parameters
    ----------
    table : DataFrame
        Effects table.
    outcomes : sequence of (name, label, unit, better)
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, from the top.
    """
    rows = table[(table["scope"] == "region") & (table["window"] == "whole run") & (table["contrast"] == "difference")]
    keys = [key for key in titles if (rows["scenario"] == key).any()]
    names = [shorten(titles[key], LABEL_WIDTH, 2) for key in keys]
    with styled():
        heading = "Effects over the whole run, region"
        page, panels = effect_panels(outcomes, names, heading, note.text(BAND), forest_legend())
        for (name, _, _, better), axes in panels:
            draw_forest(rows[rows["outcome"] == name], axes, keys, better)
            axes.set_yticks(range(len(keys)), names)
    return page.figure


Panel = tuple[tuple[str, str, str, str], Any]
"""An outcome as (name, label, unit, better), and the axes its effects are drawn on."""


def effect_panels(
    outcomes: Sequence[tuple[str, str, str, str]],
    names: Sequence[str],
    heading: str,
    caption: str,
    legend: Sequence[Any],
    left: float = 2.0,
) -> tuple[Page, Iterator[Panel]]:
    """Open a page with one panel per outcome and room for so many named rows in each, ``left`` inches for the names.

    The panels come one by one; each is labelled once its effects are drawn.
    """
    columns = min(4, len(outcomes))
    n_rows = -(-len(outcomes) // columns)
    step = 0.36 if any("\n" in name for name in names) else 0.26
    size = (left + 2.05 * columns, 0.5 + n_rows * (1.0 + step * len(names)))
    page = new_page(*size, heading, caption, legend)
    return page, _panels(page, outcomes, n_rows, columns)


def _panels(page: Page, outcomes: Sequence[tuple[str, str, str, str]], n_rows: int, columns: int) -> Iterator[Panel]:
    grid = list(page.body.subplots(n_rows, columns, sharey=True, squeeze=False).flat)
    for axes in grid[len(outcomes) :]:
        axes.remove()
    for outcome, axes in zip(outcomes, grid, strict=False):
        yield outcome, axes
        _, label, unit, better = outcome
        axes.set_title("\n".join(wrap(label, 24)))
        axes.set_xlabel("\n".join(wrap(_direction(unit, better), 30)), fontsize=7.5)
        tidy_values(axes.xaxis, 3)
        axes.spines["left"].set_visible(False)


def _direction(unit: str, better: str) -> str:
    words = {"lower": "lower is better", "higher": "higher is better"}.get(better, "")
    return f"{unit}; {words}" if words else unit


def forest_legend() -> list[Any]:
    """Legend of every figure that draws effects as rows."""
    bar: dict[str, Any] = {"marker": "o", "ms": 5.0, "lw": 4.0, "mew": 1.3}
    return [
        Line2D([], [], color=BLUE, label="better", **bar),
        Line2D([], [], color=ORANGE, label="worse", **bar),
        Line2D([], [], color=INK, label="changed, neither better nor worse", **bar),
        Line2D([], [], color=GREY, mfc="white", label="not enough to tell", **bar),
        Line2D([], [], color=GREY, mfc="white", marker="D", ms=5.0, ls="", label="same in every pair"),
        Line2D([], [], color=GREY, lw=1.0, label="5–95 % of single pairs"),
    ]
