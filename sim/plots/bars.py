"""Bars, the largest on top: the best scenario, the parts of a difference, and the factors an outcome depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.plots.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    Note,
    Sheet,
    halo,
    name_rows,
    new_sheet,
    number_text,
    shorten,
    styled,
    tidy_values,
)

SWEPT = (
    "Bars: mean over the points in the lowest and in the highest fifth (or level) of each factor, "
    "all other factors varying; the line is the mean of all points."
)
SHAPLEY = "Bars: share of the difference attributed to each part; the bars add up to the total."
LOW_END, HIGH_END = "#9AD7C5", GREEN
"""Pale to strong as low to high; blue and orange are left for better and worse."""
BEST = "Bars: probability, over resampled replications, that the scenario is the best of those shown."
ROW = 0.405
MOST_BARS = 15
TOTAL = "(total)"
DASHED = (0, (4, 3))


def _bar_sheet(bars: int, heading: str, caption: str, legend: Sequence[Any] = ()) -> tuple[Sheet, Any]:
    sheet = new_sheet(7.0, 0.9 + ROW * bars, heading, caption, legend)
    return sheet, sheet.body.subplots()


def _finish(axes: Any, names: Iterable[str], label: str) -> None:
    name_rows(axes, names, grid="x")
    axes.set_xlabel(shorten(label, 60, 2))
    axes.margins(x=0.06)
    tidy_values(axes.xaxis, 6)


def _whisker(axes: Any, low: float, high: float, place: float) -> None:
    """An interval that is seen on a bar and beside it."""
    axes.plot([low, high], [place, place], color=INK, lw=1.2, zorder=3, path_effects=halo(2.6))


@styled()
def ranking_figure(table: pd.DataFrame, label: str, better: str, note: Note, titles: Mapping[str, str]) -> Figure:
    """Which scenario is best at one outcome, with its probability.

    Parameters
    ----------
    table : DataFrame
        ``scenario, p_best``, a row a scenario.
    label : str
        Name of the outcome.
    better : str
        "lower" or "higher".
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, the baseline included.
    """
    rows = table.sort_values("p_best", ascending=False, kind="stable")
    heading = f"{label}: probability of being the best ({better} is better), sampling error only"
    sheet, axes = _bar_sheet(len(rows), heading, note.text(BEST, averaged=True))
    for place, chance in enumerate(rows["p_best"]):
        axes.barh(place, chance, height=0.6, color=GREEN, zorder=2)
        # A probability by resampling is never certain.
        words = "under 1 %" if chance < 0.005 else "over 99 %" if chance > 0.995 else f"{100 * chance:.0f} %"
        axes.annotate(words, (chance, place), (4, 0), textcoords="offset points", va="center", fontsize=8, zorder=3)
    name_rows(axes, (shorten(titles.get(key, key), 34, 2) for key in rows["scenario"]), grid="x")
    axes.set_xlim(0, 1.16)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlabel("Probability of being the best")
    return sheet.figure


@styled()
def attribution_figure(
    table: pd.DataFrame, label: str, unit: str, better: str, method: str, note: Note, title: str
) -> Figure:
    """Where the difference between two scenarios comes from.

    Parameters
    ----------
    table : DataFrame
        ``group, share, ci_low, ci_high``, a row a part, in the unit of the outcome, for one outcome, scope and window; the
        row ``(total)`` goes to the caption.
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
    rows = parts.reindex(parts["share"].abs().sort_values(ascending=False, kind="stable").index)
    below, above = {"lower": (BLUE, ORANGE), "higher": (ORANGE, BLUE)}.get(better, (INK, INK))
    meant = {BLUE: " (better)", ORANGE: " (worse)"}
    legend: list[Any] = [Line2D([], [], color=INK, lw=1.2, label="95 % interval")]
    if better != "none":
        directions = ((below, "lowers"), (above, "raises"))
        legend = [*(Patch(color=c, label=f"{verb} the outcome{meant[c]}") for c, verb in directions), *legend]
    heading = f"{label}: where the difference comes from, {shorten(title, 60, 1)}"
    total = number_text(float(parts["share"].sum()))
    caption = note.text(f"{SHAPLEY} Total: {total} {unit}. {method}".strip(), averaged=True)
    sheet, axes = _bar_sheet(len(rows), heading, caption, legend)
    for place, row in enumerate(rows.to_dict("records")):
        axes.barh(place, row["share"], height=0.6, color=above if row["share"] > 0 else below, zorder=2)
        _whisker(axes, row["ci_low"], row["ci_high"], place)
    axes.axvline(0, color=GREY, lw=0.8)
    _finish(axes, (shorten(group, 34, 2) for group in rows["group"]), f"Part of the difference, {unit}")
    return sheet.figure


@styled()
def tornado_figure(table: pd.DataFrame, centre: float, label: str, axis: str, note: Note, title: str) -> Figure:
    """Which factors move one outcome of one scenario most, from the low to the high end of each.

    Parameters
    ----------
    table : DataFrame
        ``label, at_low, at_high`` (outcome at the low and the high end), a row a factor; the `MOST_BARS` widest are shown.
    centre : float
        Mean outcome over all points.
    label, axis : str
        Name of the outcome, and what the axis shows with its unit.
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    """
    width = (table["at_high"] - table["at_low"]).abs()
    rows = table.loc[width.sort_values(ascending=False, kind="stable").index[:MOST_BARS]]
    legend = [
        Patch(color=LOW_END, label="at the low end"),
        Patch(color=HIGH_END, label="at the high end"),
        Line2D([], [], color=GREY, lw=0.9, ls=DASHED, label="zero"),
    ]
    heading = f"{label}: what it depends on, {shorten(title, 60, 1)}"
    sheet, axes = _bar_sheet(len(rows), heading, note.text(SWEPT), legend)
    for place, row in enumerate(rows.to_dict("records")):
        axes.barh(place, row["at_low"] - centre, left=centre, height=0.62, color=LOW_END)
        axes.barh(place, row["at_high"] - centre, left=centre, height=0.62, color=HIGH_END)
    axes.axvline(centre, color=INK, lw=0.9)
    axes.axvline(0, color=GREY, lw=0.9, ls=DASHED)
    _finish(axes, (shorten(name, 34, 2) for name in rows["label"]), axis)
    return sheet.figure


@styled()
def sensitivity_figure(table: pd.DataFrame, label: str, index: str, note: Note) -> Figure:
    """Sensitivity indices of the factors: Sobol or Morris.

    Parameters
    ----------
    table : DataFrame
        ``factor, index, low, high``, a row a factor; the `MOST_BARS` largest are shown.
    label : str
        Name of the outcome.
    index : str
        What the bar is, such as "total Sobol index".
    note : Note
        Provenance.
    """
    rows = table.sort_values("index", ascending=False, kind="stable").head(MOST_BARS)
    sheet, axes = _bar_sheet(len(rows), f"{label}: sensitivity", note.text(f"Bars: {index}; line: 95 % interval."))
    for place, row in enumerate(rows.to_dict("records")):
        axes.barh(place, row["index"], height=0.6, color=GREEN, zorder=2)
        _whisker(axes, row["low"], row["high"], place)
    axes.axvline(0, color=GREY, lw=0.8)
    _finish(axes, (shorten(factor, 34, 2) for factor in rows["factor"]), index[:1].upper() + index[1:])
    return sheet.figure
