"""What happens when: outcomes month by month, differences from the baseline over time, and the order in which they appear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.plots.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MINUS,
    ORANGE,
    Note,
    axis_label,
    fair_range,
    fold,
    month_dates,
    name_rows,
    new_sheet,
    shorten,
    small_multiples,
    styled,
    tidy_dates,
    tidy_values,
)
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES, Outcome

BANDS = "Dark band: 95 % interval of the mean paired difference; light band with dotted ends: 5th to 95th percentile of the pairs."
DARK, LIGHT, EDGE = 0.55, 0.18, 0.8
HISTORY = "Line: mean of the runs; band: 5th to 95th percentile of the runs in each month."
CHAIN = (
    "Triangle: the first of three months in which the mean paired difference of an outcome is clear and more than a "
    "ten-thousandth of the baseline. Number: the largest difference after that, and its share of the baseline; without a "
    "unit on the outcome's own scale. {paths}"
    "Temporal order is not causation. The index and its groups, below, are made of the rows above."
)
PATHS = "Line: the difference from month to month, each on its own scale; running totals for counts. "
ROW, TALL_ROW = 0.27, 0.4
MOST_LINKS = 18
COMPOSITES = ("stability", "pressure", "weakness", "coping_gap")
"""Made of other rows: they move with their parts, so they stand below the chain and are no link of it."""


def band_legend(spread: str = "5–95 % of single pairs") -> list[Any]:
    """Legend of a figure with a mean, its interval, and a spread."""
    return [
        Line2D([], [], color=BLUE, lw=1.6, label="Mean difference"),
        Patch(facecolor=BLUE, alpha=DARK, label="95 % interval of the mean"),
        Patch(facecolor=to_rgba(BLUE, LIGHT), edgecolor=BLUE, ls=":", lw=EDGE, label=spread),
    ]


def draw_bands(rows: pd.DataFrame, x: Sequence[Any], axes: Any, **line: Any) -> None:
    """Draw ``effect`` over ``x`` with its interval and its spread, each seen whichever is the wider."""
    axes.fill_between(x, rows["spread_low"], rows["spread_high"], color=BLUE, alpha=LIGHT, lw=0)
    axes.fill_between(x, rows["ci_low"], rows["ci_high"], color=BLUE, alpha=DARK, lw=0)
    for end in ("spread_low", "spread_high"):
        axes.plot(x, rows[end], color=BLUE, lw=EDGE, ls=":")
    axes.plot(x, rows["effect"], color=BLUE, lw=1.6, **line)


@styled()
def timeline_figure(
    table: pd.DataFrame, outcome: Outcome, note: Note, titles: Mapping[str, str], start: tuple[int, int]
) -> Figure:
    """Difference from the baseline over time: one panel per scenario on a shared scale, for one outcome in the region.

    Parameters
    ----------
    table : DataFrame
        From ``difference_over_time``.
    outcome : Outcome
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, in the order of the panels.
    start : (year, month)
        Calendar month of month 0.
    """
    rows = table[(table["outcome"] == outcome.name) & (table["scope"] == "region")].sort_values("month")
    keys = [key for key in titles if (rows["scenario"] == key).any()]
    kind = "Cumulative difference" if bool(rows["cumulative"].iloc[0]) else "Difference"
    heading = f"{outcome.label}: {kind.lower()} from the baseline"
    heads = [titles[key] for key in keys]
    sheet, panels = small_multiples(heads, heading, note.text(BANDS), band_legend(), lines=3)
    for key, axes in zip(keys, panels, strict=True):
        own = rows[rows["scenario"] == key]
        axes.axhline(0, color=GREY, lw=0.8, zorder=1)
        draw_bands(own, month_dates(own["month"].tolist(), *start), axes)
        axes.margins(x=0.01)
        tidy_dates(axes.xaxis, 6 if len(keys) < 3 else 4)
        tidy_values(axes.yaxis)
    sheet.body.supylabel(axis_label(kind, str(rows["unit"].iloc[0])), fontsize=8.5)
    return sheet.figure


@styled()
def baseline_figure(
    table: pd.DataFrame, outcomes: Sequence[Outcome], note: Note, title: str, start: tuple[int, int]
) -> Figure:
    """One scenario by itself: one panel per outcome, for the region.

    Parameters
    ----------
    table : DataFrame
        From ``over_time``.
    outcomes : sequence of Outcome
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    start : (year, month)
        Calendar month of month 0.
    """
    rows = table[table["scope"] == "region"].sort_values("month")
    legend = [
        Line2D([], [], color=GREEN, lw=1.3, label="Mean of the runs"),
        Patch(facecolor=GREEN, alpha=0.25, label="5–95 % of the runs"),
    ]
    heads, heading = [item.label for item in outcomes], f"The region month by month: {title}"
    sheet, panels = small_multiples(heads, heading, note.text(HISTORY), legend, share_x=False, share_y=False, low=1.65)
    for item, axes in zip(outcomes, panels, strict=True):
        own = rows[rows["outcome"] == item.name]
        dates: Any = month_dates(own["month"].tolist(), *start)
        axes.fill_between(dates, own["low"], own["high"], color=GREEN, alpha=0.25, lw=0)
        axes.plot(dates, own["mean"], color=GREEN, lw=1.3)
        axes.margins(x=0.01)
        axes.set_ylabel(fold(item.unit, 22), fontsize=7.5)
        fair_range(axes)
        tidy_dates(axes.xaxis, 5)
        tidy_values(axes.yaxis, 4)
    return sheet.figure


@styled()
def chain_figure(table: pd.DataFrame, note: Note, title: str, over_time: pd.DataFrame | None = None) -> Figure:
    """Which outcomes moved under one scenario, when, in what order and by how much.

    Parameters
    ----------
    table : DataFrame
        Order table of one scenario and scope; the first `MOST_LINKS` rows with a month are shown.
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    over_time : DataFrame, optional
        From ``difference_over_time``, for the same scenario and scope: adds each difference over time.
    """
    paths: dict[str, Any] = {}
    if over_time is not None:
        ordered = over_time.sort_values("month").groupby("outcome")["effect"]
        paths = {str(name): path.to_numpy(dtype=float) for name, path in ordered}
    moved = table[table["month"].notna()].assign(composite=table["outcome"].isin(COMPOSITES))
    moved = moved.sort_values(["composite", "month", "label"], kind="stable").head(MOST_LINKS)
    legend = [
        Line2D([], [], ls="", marker="v", ms=6, mfc="white", mec=INK, label="falls"),
        Line2D([], [], ls="", marker="^", ms=6, mfc="white", mec=INK, label="rises"),
        Patch(color=BLUE, label="better"),
        Patch(color=ORANGE, label="worse"),
        Patch(color=INK, label="neither"),
    ]
    height = 1.0 + (TALL_ROW if paths else ROW) * len(moved)
    caption = note.text(CHAIN.format(paths=PATHS if paths else ""), averaged=True)
    sheet = new_sheet(7.5, height, f"What moved first: {shorten(title, 70, 1)}", caption, legend)
    axes = sheet.body.subplots()
    links = moved[~moved["composite"]]["month"].to_numpy(dtype=float)
    end = max([float(moved["month"].max()), 5.0, *(len(path) - 1.0 for path in paths.values())])
    axes.step(links, range(len(links)), where="pre", color=GREY, lw=0.9, zorder=1)
    for place, row in enumerate(moved.to_dict("records")):
        item, change = OUTCOMES[OUTCOME_INDEX[row["outcome"]]], float(row["effect_peak"])
        colour = INK
        if item.better != "none":
            colour = BLUE if (change > 0) == (item.better == "higher") else ORANGE
        if paths:
            _draw_path(axes, place, paths[row["outcome"]], colour)
        axes.plot([row["month"]], [place], marker="v" if change < 0 else "^", ms=6, color=colour, zorder=3)
        words = _size_in_words(change, item.unit, float(row["share_peak"]))
        axes.text(end * 1.03, place, words, va="center", fontsize=7.5, backgroundcolor="white")
    name_rows(axes, (shorten(str(label), 34, 1) for label in moved["label"]))
    axes.set_xlim(-0.5, end * 1.42)
    step = next((step for step in (1, 3, 6, 12, 24, 36, 60) if end / step <= 7), 120)
    axes.set_xticks(range(0, int(end) + 1, step))
    axes.spines["bottom"].set_bounds(-0.5, end)
    axes.set_xlabel("Months since the start", x=0.35)
    return sheet.figure


def _draw_path(axes: Any, place: int, path: Any, colour: str) -> None:
    """One difference over time inside its row: its largest value is 0.42 of a row high, rises point upwards."""
    largest = np.abs(path).max()
    line = place - 0.42 * path / (largest or 1.0)
    axes.fill_between(range(len(path)), place, line, color=colour, alpha=0.25, lw=0, zorder=2)
    axes.plot(range(len(path)), line, color=colour, lw=0.8, zorder=2)


def _size_in_words(size: float, unit: str, share: float) -> str:
    """A difference with its unit unless that is a scale and, where the baseline is not zero, its share of it."""

    def signed(value: float) -> str:
        if abs(value) >= 1000:
            return f"{value:+,.0f}".replace("-", MINUS)
        return np.format_float_positional(value, 2, fractional=False, sign=True, trim="-").replace("-", MINUS)

    unit = "" if unit.startswith(("0 to", "share", "days", "steps")) else f" {unit}"
    part = f"  ({signed(100.0 * share)} %)" if share == share and abs(share) < 100.0 else ""
    return signed(size) + unit + part
