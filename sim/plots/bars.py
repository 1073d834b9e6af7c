"""Bars of what matters: tornado of assumptions, attribution of a difference, probability of being best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from sim.plots.style import (
    GREEN,
    GREY,
    INK,
    PALE,
    Note,
    averaged,
    direction_colour,
    new_page,
    number_text,
    shorten,
    styled,
    tidy_values,
)

TORNADO = (
    "Bars: the outcome's difference with one assumption at the low or high end of its range, all else at its default, where the "
    "dark line stands."
)
SWEPT = (
    "Bars: mean over the points in the lowest and in the highest fifth (or level) of each factor, "
    "all other factors varying; the line is the mean of all points."
)
SHAPLEY = "Bars: share of the difference attributed to each part; the bars add up to the total."
LOW_END, HIGH_END = "#9AD7C5", GREEN
"""Pale to strong as low to high; blue and orange are left for better and worse."""
BEST = "Bars: probability, over resampled replications, that the scenario is the best of those shown."
ROW = 0.30
TOTAL = "(total)"


def draw_tornado(table: pd.DataFrame, axes: Any, centre: float) -> Any:
    """Draw bars from the default's outcome to that at either end, the widest on top.

    Parameters
    ----------
    table : DataFrame
        ``label, at_low, at_high`` (outcome at the low and the high end), a row an assumption; optional
        ``range`` (text such as ``1.5 to 6``).
    axes : matplotlib Axes
    centre : float
        Outcome with every assumption at its default.

    Returns
    -------
    matplotlib Axes
    """
    width = (table[["at_low", "at_high"]].max(axis=1) - table[["at_low", "at_high"]].min(axis=1)).abs()
    rows = table.assign(width=width).sort_values("width", ascending=False, kind="stable")
    for place, (low, high) in enumerate(zip(rows["at_low"], rows["at_high"], strict=True)):
        axes.barh(place, low - centre, left=centre, height=0.62, color=LOW_END)
        axes.barh(place, high - centre, left=centre, height=0.62, color=HIGH_END)
    axes.axvline(centre, color=INK, lw=0.9)
    axes.axvline(0, color=GREY, lw=0.9, ls=(0, (4, 3)))
    ranges = rows["range"] if "range" in rows else [""] * len(rows)
    _rows(axes, [_labelled(*pair) for pair in zip(rows["label"], ranges, strict=True)])
    return axes


def tornado_figure(
    table: pd.DataFrame, centre: float, label: str, axis: str, note: Note, title: str, band: str = TORNADO
) -> Figure:
    """Which assumptions move one outcome of one scenario most.

    Parameters
    ----------
    table, centre
        As for ``draw_tornado``; the fifteen widest are shown.
    label, axis : str
        Name of the outcome, and what the axis shows with its unit.
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    band : str
        What the bars are, for the caption.
    """
    width = (table["at_high"] - table["at_low"]).abs()
    shown = table.loc[width.sort_values(ascending=False, kind="stable").index[:15]]
    legend = [
        Patch(color=LOW_END, label="at the low end"),
        Patch(color=HIGH_END, label="at the high end"),
        Line2D([], [], color=GREY, lw=0.9, ls=(0, (4, 3)), label="zero"),
    ]
    with styled():
        heading = f"{label}: what the assumptions change, {shorten(title, 60, 1)}"
        page = new_page(7.0, 0.9 + ROW * 1.35 * len(shown), heading, note.text(band), legend)
        axes = page.body.subplots()
        draw_tornado(shown, axes, centre)
        _across(axes, axis)
    return page.figure


def draw_attribution(table: pd.DataFrame, axes: Any, better: str = "none") -> Any:
    """Draw the parts of a difference as bars around zero, the largest on top.

    Parameters
    ----------
    table : DataFrame
        ``group, share, ci_low, ci_high``, a row a part, in the unit of the outcome.
    axes : matplotlib Axes
    better : str
        "lower", "higher" or "none": a part in the better direction is blue, in the other one orange.

    Returns
    -------
    matplotlib Axes
    """
    rows = table.reindex(table["share"].abs().sort_values(ascending=False, kind="stable").index)
    for place, row in enumerate(rows.to_dict("records")):
        share = float(row["share"])
        axes.barh(place, share, height=0.6, color=direction_colour(share, better), zorder=2)
        _whisker(axes, row["ci_low"], row["ci_high"], place)
    axes.axvline(0, color=GREY, lw=0.8)
    _rows(axes, [_labelled(group) for group in rows["group"]])
    return axes


def attribution_figure(
    table: pd.DataFrame, label: str, unit: str, better: str, method: str, note: Note, title: str
) -> Figure:
    """Where the difference between two scenarios comes from.

    Parameters
    ----------
    table : DataFrame
        As for ``draw_attribution``, for one outcome, scope and window; the row ``(total)`` goes to the caption.
    label, unit, better : str
        Name and unit of the outcome, and its better direction: "lower", "higher" or "none".
    method : str
        How the parts were separated, a sentence for the caption.
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    """
    parts = table[table["group"] != TOTAL]
    total = number_text(float(parts["share"].sum()))
    meant = {"lower": (" (better)", " (worse)"), "higher": (" (worse)", " (better)")}.get(better, ("", ""))
    legend = [
        Patch(color=direction_colour(-1, better), label=f"lowers the outcome{meant[0]}"),
        Patch(color=direction_colour(1, better), label=f"raises the outcome{meant[1]}"),
        Line2D([], [], color=INK, lw=1.2, label="95 % interval"),
    ]
    if better == "none":
        legend = legend[2:]
    with styled():
        heading = f"{label}: where the difference comes from, {shorten(title, 60, 1)}"
        caption = note.text(f"{SHAPLEY} Total: {total} {unit}. {method}".strip(), averaged)
        page = new_page(7.0, 0.9 + ROW * 1.35 * len(parts), heading, caption, legend)
        axes = page.body.subplots()
        draw_attribution(parts, axes, better)
        _across(axes, f"Part of the difference, {unit}")
    return page.figure


def draw_ranking(table: pd.DataFrame, axes: Any, titles: Mapping[str, str]) -> Any:
    """Draw the probability of being best, the most probable on top, each bar with its number.

    Parameters
    ----------
    table : DataFrame
        ``scenario, p_best``, a row a scenario.
    axes : matplotlib Axes
    titles : mapping
        Scenario key to display title.

    Returns
    -------
    matplotlib Axes
    """
    rows = table.sort_values("p_best", ascending=False, kind="stable")
    for place, chance in enumerate(rows["p_best"]):
        axes.barh(place, chance, height=0.6, color=GREEN, zorder=2)
        axes.annotate(
            _percent(chance), (chance, place), (4, 0), textcoords="offset points", va="center", fontsize=8, zorder=3
        )
    axes.set_xlim(0, 1.16)
    _rows(axes, [_labelled(titles.get(key, key)) for key in rows["scenario"]])
    return axes


def ranking_figure(table: pd.DataFrame, label: str, better: str, note: Note, titles: Mapping[str, str]) -> Figure:
    """Which scenario is best at one outcome, with its probability.

    Parameters
    ----------
    table : DataFrame
        As for ``draw_ranking``.
    label : str
        Name of the outcome.
    better : str
        "lower" or "higher".
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, the baseline included.
    """
    with styled():
        heading = f"{label}: probability of being the best ({better} is better), luck only"
        page = new_page(7.0, 0.9 + ROW * 1.35 * len(table), heading, note.text(BEST, averaged))
        axes = page.body.subplots()
        draw_ranking(table, axes, titles)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "25 %", "50 %", "75 %", "100 %"])
        axes.set_xlabel("Probability of being the best")
    return page.figure


def draw_sensitivity(table: pd.DataFrame, axes: Any) -> Any:
    """Draw a sensitivity index with its interval, the largest on top.

    Parameters
    ----------
    table : DataFrame
        ``factor, index, low, high``, a row a factor.
    axes : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    rows = table.sort_values("index", ascending=False, kind="stable")
    for place, (value, low, high) in enumerate(zip(rows["index"], rows["low"], rows["high"], strict=True)):
        axes.barh(place, value, height=0.6, color=GREEN, zorder=2)
        _whisker(axes, low, high, place)
    axes.axvline(0, color=GREY, lw=0.8)
    _rows(axes, [_labelled(factor) for factor in rows["factor"]])
    return axes


def sensitivity_figure(table: pd.DataFrame, label: str, index: str, note: Note) -> Figure:
    """Which factors the outcome answers to: Sobol or Morris.

    Parameters
    ----------
    table : DataFrame
        As for ``draw_sensitivity``; the fifteen largest are shown.
    label : str
        Name of the outcome.
    index : str
        What the bar is, such as "total Sobol index".
    note : Note
        Provenance.
    """
    shown = table.sort_values("index", ascending=False, kind="stable").head(15)
    with styled():
        caption = note.text(f"Bars: {index}; line: 95 % interval.")
        page = new_page(7.0, 0.9 + ROW * 1.35 * len(shown), f"{label}: what it answers to", caption)
        axes = page.body.subplots()
        draw_sensitivity(shown, axes)
        _across(axes, index[:1].upper() + index[1:])
    return page.figure


def _whisker(axes: Any, low: float, high: float, place: float) -> None:
    """An interval that is seen on a bar and beside it."""
    halo = [withStroke(linewidth=2.6, foreground="white")]
    axes.plot([low, high], [place, place], color=INK, lw=1.2, zorder=3, path_effects=halo)


def _percent(chance: float) -> str:
    """A probability by resampling; never certain."""
    if chance < 0.005:
        return "under 1 %"
    return "over 99 %" if chance > 0.995 else f"{100 * chance:.0f} %"


def _labelled(label: str, values: str = "") -> str:
    """Return a name on at most two lines, or a name above its range."""
    return f"{shorten(label, 34, 1)}\n{shorten(values, 34, 1)}" if values else shorten(label, 34, 2)


def _rows(axes: Any, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=PALE, lw=0.5)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)


def _across(axes: Any, label: str) -> None:
    axes.set_xlabel(shorten(label, 60, 2))
    axes.margins(x=0.06)
    tidy_values(axes.xaxis, 6)
