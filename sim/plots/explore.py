"""What the outcome of a sweep depends on: along each factor, over two factors at once, and where a scenario fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from sim.plots.over_time import band_legend, draw_bands
from sim.plots.style import (
    BLUE,
    DIVERGING,
    GREY,
    INK,
    ORANGE,
    PALE,
    Note,
    colour_bar,
    colour_limit,
    fold,
    new_sheet,
    number_text,
    shorten,
    small_multiples,
    styled,
    tidy_values,
)

ALONG = (
    "Dots: mean over the points at a level, or over a fifth of the points, all other factors varying. "
    "Dark band: 95 % interval of that mean; light band with dotted ends: 5th to 95th percentile of the points."
)
CELLS = "Cells: mean paired difference. A cross: the 95 % interval includes zero, not distinguishable from zero."
BOX = "Box: the ranges that hold most of the failures (PRIM). Coverage: share of all failures inside; density: share of the box that fails."
MOST_FACTORS, MOST_RANGES, MOST_POINTS, MOST_TICKS = 8, 6, 2000, 8


@styled()
def factors_figure(
    table: pd.DataFrame, factors: Sequence[str], label: str, axis: str, note: Note, title: str
) -> Figure:
    """One panel per factor of a sweep, all on one scale; the first `MOST_FACTORS` factors are shown.

    Parameters
    ----------
    table : DataFrame
        ``factor, dose, effect, ci_low, ci_high, spread_low, spread_high`` from ``by_factor`` for one scenario.
    factors : sequence of str
        Factors in the order of the panels.
    label : str
        Name of the outcome.
    axis : str
        What the vertical axis shows, with its unit.
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    """
    shown = list(factors)[:MOST_FACTORS]
    heading, legend = f"{label} along each factor: {shorten(title, 70, 1)}", band_legend("5–95 % of the points")
    sheet, panels = small_multiples([""] * len(shown), heading, note.text(ALONG), legend, share_x=False, low=2.1)
    for factor, axes in zip(shown, panels, strict=True):
        rows = table[table["factor"] == factor].sort_values("dose")
        if rows["spread_low"].min() <= 0:
            axes.axhline(0, color=GREY, lw=0.8, zorder=1)
        draw_bands(rows, rows["dose"].astype(float).tolist(), axes, marker="o", ms=3.5)
        axes.margins(x=0.03)
        axes.set_xlabel(shorten(factor, 34, 2), fontsize=7.5)
        tidy_values(axes.xaxis, 4)
        tidy_values(axes.yaxis)
    sheet.body.supylabel(fold(axis, 40), fontsize=8.5)
    return sheet.figure


@styled()
def heat_figure(table: pd.DataFrame, label: str, unit: str, dose: str, timing: str, note: Note, title: str) -> Figure:
    """Effects over two factors of a sweep as coloured cells, for one scenario and outcome.

    Parameters
    ----------
    table : DataFrame
        ``dose, timing, effect, ci_low, ci_high``, a row a cell; ``timing`` in any sortable form.
    label, unit : str
        Name and unit of the outcome.
    dose, timing : str
        Labels of the vertical and the horizontal axis, with units.
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    """
    cells = table.pivot_table(index="dose", columns="timing", values="effect", sort=True)
    unclear = table.assign(unclear=~((table["ci_low"] > 0) | (table["ci_high"] < 0)))
    unknown = unclear.pivot_table(index="dose", columns="timing", values="unclear", aggfunc="max", sort=True)
    doses, timings = cells.shape
    width = min(9.5, max(5.6, 2.0 + 0.62 * timings))
    sheet = new_sheet(width, 1.5 + 0.32 * max(doses, 4), f"{label} by dose and start: {title}", note.text(CELLS))
    axes, limit = sheet.body.subplots(), colour_limit(table["effect"])
    numbers = np.ma.masked_invalid(cells.to_numpy(dtype=float))
    axes.imshow(numbers, cmap=DIVERGING, norm=Normalize(-limit, limit), origin="lower", aspect="auto")
    rows, columns = np.nonzero(unknown.reindex_like(cells).to_numpy() == 1)
    axes.plot(columns, rows, ls="", marker="x", ms=5, mew=0.9, color=INK)
    axes.set_yticks(range(doses), [number_text(float(dose)) for dose in cells.index])
    few = range(0, timings, -(-timings // MOST_TICKS))
    axes.set_xticks(few, [shorten(str(cells.columns[place]), 9, 1) for place in few])
    axes.set_xticks(np.arange(-0.5, timings), minor=True)
    axes.set_yticks(np.arange(-0.5, doses), minor=True)
    axes.grid(which="minor", color="white", lw=1.2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(shorten(timing, int(width * 9), 1))
    axes.set_ylabel(fold(shorten(dose, 48, 1), 24))
    colour_bar(sheet, axes, limit, table["effect"], fold(f"Difference, {unit}", 28), aspect=22)
    return sheet.figure


@styled()
def box_figure(points: pd.DataFrame, table: pd.DataFrame, question: str, note: Note) -> Figure:
    """Where the scenario fails: ranges of the restricted factors, and the runs over the first two.

    Parameters
    ----------
    points : DataFrame
        Factors and ``fails`` (bool), a row a design point; at most `MOST_POINTS` are drawn.
    table : DataFrame
        ``factor, low, high, range_low, range_high, coverage, density`` from ``discover`` for one box, the most telling factor
        first; at most `MOST_RANGES` are drawn.
    question : str
        What counts as failing, for the title.
    note : Note
        Provenance.
    """
    rows = table.head(MOST_RANGES)
    first = rows.iloc[0]
    legend = [
        Line2D([], [], ls="", marker="x", color=ORANGE, label="fails"),
        Line2D([], [], ls="", marker="o", mfc="white", mec=BLUE, label="does not fail"),
        Patch(fill=False, ec=INK, label="the box"),
        Patch(color=ORANGE, label="its range of a factor"),
        Patch(color=PALE, label="all that was tried"),
    ]
    shares = f"Coverage {100 * first['coverage']:.0f} %, density {100 * first['density']:.0f} %."
    panels = min(len(rows), 2)
    size = (8.6, max(1.4 + 0.42 * len(rows), 3.2)) if panels == 2 else (6.0, 1.4)
    sheet = new_sheet(*size, question, note.text(f"{BOX} {shares}"), legend if panels == 2 else legend[3:])
    axes = sheet.body.subplots(1, panels, squeeze=False)[0]
    _draw_ranges(rows, axes[0])
    if panels == 2:
        _draw_box(points.head(MOST_POINTS), axes[1], rows.head(2))
    return sheet.figure


def _draw_ranges(table: pd.DataFrame, axes: Any) -> None:
    """Draw each restricted factor as a bar within its whole range, with the limits as numbers."""
    for place, row in enumerate(table.to_dict("records")):
        width = (row["range_high"] - row["range_low"]) or 1.0
        low, high = ((row[name] - row["range_low"]) / width for name in ("low", "high"))
        axes.barh(place, 1.0, height=0.34, color=PALE)
        axes.barh(place, high - low, left=low, height=0.34, color=ORANGE)
        text = f"{number_text(row['low'])} to {number_text(row['high'])}"
        axes.text(0.5 * (low + high), place - 0.24, text, ha="center", va="bottom", fontsize=7.5)
    axes.set_yticks(range(len(table)), [shorten(str(name), 34, 2) for name in table["factor"]])
    axes.set_ylim(len(table) - 0.45, -0.75)
    axes.set_xlim(-0.12, 1.12)
    axes.set_xticks([0, 1], ["lowest tried", "highest tried"])
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)


def _draw_box(points: pd.DataFrame, axes: Any, box: pd.DataFrame) -> None:
    """Draw the runs over the two factors of a box, failures told apart, and the box."""
    across, up = (str(name) for name in box["factor"])
    good, bad = points[~points["fails"]], points[points["fails"]]
    axes.plot(good[across], good[up], ls="", marker="o", ms=3.0, mfc="white", mec=BLUE, mew=0.8, zorder=2)
    axes.plot(bad[across], bad[up], ls="", marker="x", ms=4.0, mew=1.1, color=ORANGE, zorder=3)
    (left, right), (bottom, top) = box[["low", "high"]].to_numpy(dtype=float)
    axes.add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, ec=INK, lw=1.4, zorder=4))
    axes.set_xlabel(shorten(across, 40, 2))
    axes.set_ylabel(shorten(up, 32, 2))
    axes.margins(0.04)
    axes.grid(color=PALE, lw=0.4)
    axes.spines[["left", "bottom"]].set_color(GREY)
    tidy_values(axes.xaxis, 5)
    tidy_values(axes.yaxis, 5)
