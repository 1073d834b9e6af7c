"""Order in time: which fields moved first, and how early a warning comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sim.plots.style import BLUE, GREY, MINUS, ORANGE, PALE, Note, new_page, number_text, shorten, styled, tidy_values

CHAIN = (
    "Dot: the first of three months in which the mean paired difference of an outcome is clear and more than a "
    "ten-thousandth of the baseline; number: the difference at the end. The order suggests a cause, and proves none."
)
LEAD = "Dot: median months from the warning to the episode; bar: 5th to 95th percentile. Beside it: episodes warned of, and false alarms."
ROW = 0.27
MOST = 18


def draw_chain(table: pd.DataFrame, axes: Any) -> Any:
    """Draw when each outcome first moved, the earliest on top, joined in order.

    Parameters
    ----------
    table : DataFrame
        ``label, month, effect_end`` from the order table of one scenario and scope; rows without a month are
        left out by the caller.
    axes : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    rows = table.sort_values(["month", "label"], kind="stable")
    months, places = rows["month"].to_numpy(dtype=float), range(len(rows))
    axes.step(months, places, where="pre", color=GREY, lw=0.9, zorder=1)
    for place, (month, end) in enumerate(zip(months, rows["effect_end"], strict=True)):
        colour = BLUE if end < 0 else ORANGE
        axes.plot([month], [place], marker="v" if end < 0 else "^", ms=6, color=colour, zorder=2)
        axes.annotate(
            _size(float(end)),
            (month, place),
            (7, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            bbox={"fc": "white", "ec": "none", "pad": 0.6},
            zorder=3,
        )
    axes.set_yticks(places, [shorten(str(label), 34, 1) for label in rows["label"]])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-0.5, max(months.max() * 1.14, 6.0))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=PALE, lw=0.5)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    return axes


def _size(value: float) -> str:
    """Write a difference with its sign in two or three digits, never in powers of ten."""
    whole = (
        f"{value:+,.0f}"
        if abs(value) >= 1000
        else f"{np.format_float_positional(value, 2, fractional=False, sign=True, trim='-')}"
    )
    return whole.replace("-", MINUS)


def chain_figure(table: pd.DataFrame, note: Note, title: str) -> Figure:
    """Order in which outcomes moved under one scenario.

    Parameters
    ----------
    table : DataFrame
        Order table of one scenario and scope; the first eighteen are shown.
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    """
    moved = table[table["month"].notna()].sort_values(["month", "label"], kind="stable").head(MOST)
    legend = [
        Line2D([], [], ls="", marker="v", ms=6, color=BLUE, label="falls"),
        Line2D([], [], ls="", marker="^", ms=6, color=ORANGE, label="rises"),
    ]
    with styled():
        heading = f"What moved first: {shorten(title, 70, 1)}"
        page = new_page(7.0, 1.0 + ROW * len(moved), heading, note.text(CHAIN), legend)
        axes = page.body.subplots()
        draw_chain(moved, axes)
        axes.set_xlabel("Months since the start")
        tidy_values(axes.xaxis, 7)
    return page.figure


def draw_lead(table: pd.DataFrame, axes: Any, labels: Mapping[str, str]) -> Any:
    """Draw lead times by indicator and level, the longest median on top.

    Parameters
    ----------
    table : DataFrame
        ``indicator, level, hit_rate, false_share, lead_median, lead_low, lead_high`` from ``lead_time``.
    axes : matplotlib Axes
    labels : mapping
        Indicator to display name.

    Returns
    -------
    matplotlib Axes
    """
    rows = table.sort_values(["lead_median", "indicator"], ascending=[False, True], kind="stable")
    end = float(rows["lead_high"].max()) if rows["lead_high"].notna().any() else 1.0
    for place, row in enumerate(rows.to_dict("records")):
        axes.plot(
            [row["lead_low"], row["lead_high"]], [place, place], color=BLUE, lw=4, alpha=0.45, solid_capstyle="butt"
        )
        axes.plot([row["lead_median"]], [place], "o", ms=5.5, color=BLUE)
        words = f"{row['hit_rate']:.0%} warned, {row['false_share']:.0%} of alarms false"
        axes.text(end * 1.04, place, words, va="center", fontsize=7.5)
    names = [
        f"{shorten(labels.get(i, i), 26, 1)} ({number_text(v)})"
        for i, v in zip(rows["indicator"], rows["level"], strict=True)
    ]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, end * 1.75)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=PALE, lw=0.5)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    return axes


def lead_figure(table: pd.DataFrame, note: Note, labels: Mapping[str, str], episode: str) -> Figure:
    """How early each warning indicator comes before an episode.

    Parameters
    ----------
    table : DataFrame
        From ``lead_time``, rows with at least one hit.
    note : Note
        Provenance.
    labels : mapping
        Indicator to display name.
    episode : str
        What is warned of.
    """
    rows = table[table["lead_median"].notna()]
    with styled():
        heading = f"How early a warning comes before {shorten(episode, 50, 1)}"
        page = new_page(8.0, 1.0 + 0.36 * len(rows), heading, note.text(LEAD))
        axes = page.body.subplots()
        draw_lead(rows, axes, labels)
        axes.set_xlabel("Months from warning to episode")
        ticks = [tick for tick in (0, 3, 6, 12, 18, 24, 36, 48, 60) if tick <= rows["lead_high"].max() * 1.02]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
    return page.figure
