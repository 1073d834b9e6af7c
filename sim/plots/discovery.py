"""PRIM box: where in the space of assumptions a package fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from sim.plots.style import BLUE, GREY, INK, ORANGE, PALE, Note, new_page, number_text, shorten, styled, tidy_values

BAND = "Box: the ranges that hold most of the failures (PRIM). Coverage: share of all failures inside; density: share of the box that fails."
ROW = 0.42


def draw_ranges(table: pd.DataFrame, axes: Any) -> Any:
    """Draw each restricted factor as a bar within its whole range, with the limits as numbers.

    Parameters
    ----------
    table : DataFrame
        ``factor, low, high, range_low, range_high`` from ``discover``, a row a factor.
    axes : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
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
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    return axes


def draw_box(points: pd.DataFrame, axes: Any, names: Sequence[str], box: pd.DataFrame) -> Any:
    """Draw the runs over two factors, failures told apart, and the box.

    Parameters
    ----------
    points : DataFrame
        The two factors and ``fails`` (bool), a row a design point.
    axes : matplotlib Axes
    names : (2,) str
        The factors across and up.
    box : DataFrame
        Rows of ``discover`` for the two factors.

    Returns
    -------
    matplotlib Axes
    """
    across, up = names
    good, bad = points[~points["fails"]], points[points["fails"]]
    axes.plot(good[across], good[up], ls="", marker="o", ms=3.0, mfc="white", mec=BLUE, mew=0.8, zorder=2)
    axes.plot(bad[across], bad[up], ls="", marker="x", ms=4.0, mew=1.1, color=ORANGE, zorder=3)
    limits = box.set_index("factor")
    (left, right), (bottom, top) = limits.loc[[across, up], ["low", "high"]].to_numpy(dtype=float)
    frame = Rectangle((left, bottom), right - left, top - bottom, fill=False, ec=INK, lw=1.4, zorder=4)
    axes.add_patch(frame)
    axes.set_xlabel(shorten(across, 40, 2))
    axes.set_ylabel(shorten(up, 32, 2))
    axes.margins(0.04)
    tidy_values(axes.xaxis, 5)
    tidy_values(axes.yaxis, 5)
    return axes


def box_figure(points: pd.DataFrame, table: pd.DataFrame, question: str, note: Note) -> Figure:
    """Where the package fails: ranges of the restricted factors, and the runs over the first two.

    Parameters
    ----------
    points : DataFrame
        Factors and ``fails`` (bool), a row a design point; at most 2,000 are drawn.
    table : DataFrame
        Rows of ``discover`` for one box, the most telling factor first.
    question : str
        What counts as failing, for the title.
    note : Note
        Provenance.
    """
    rows = table.head(6)
    first = rows.iloc[0]
    two = [str(name) for name in rows["factor"].head(2)]
    legend = [
        Line2D([], [], ls="", marker="x", color=ORANGE, label="fails"),
        Line2D([], [], ls="", marker="o", mfc="white", mec=BLUE, label="does not fail"),
        Patch(fill=False, ec=INK, label="the box"),
        Patch(color=ORANGE, label="its range of a factor"),
        Patch(color=PALE, label="all that was tried"),
    ]
    shares = f"Coverage {100 * first['coverage']:.0f} %, density {100 * first['density']:.0f} %."
    with styled():
        height = max(1.4 + ROW * len(rows), 3.2)
        page = new_page(8.6 if len(two) == 2 else 5.0, height, question, note.text(f"{BAND} {shares}"), legend)
        panels = page.body.subplots(1, len(two), squeeze=False)[0]
        draw_ranges(rows, panels[0])
        if len(two) == 2:
            draw_box(points.head(2000), panels[1], two, rows)
            panels[1].grid(color=PALE, lw=0.4)
            panels[1].spines[["left", "bottom"]].set_color(GREY)
    return page.figure
