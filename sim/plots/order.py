"""Order in time: which fields moved first, and how early a warning comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.plots.style import (
    BLUE,
    GREY,
    INK,
    MINUS,
    ORANGE,
    PALE,
    Note,
    averaged,
    direction_colour,
    new_page,
    number_text,
    shorten,
    styled,
)
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

CHAIN = (
    "Triangle: the first of three months in which the mean paired difference of an outcome is clear and more than a "
    "ten-thousandth of the baseline. Number: the largest difference after that, and its share of the baseline; without a "
    "unit on the outcome's own scale. {paths}"
    "The order suggests a cause, and proves none. The index and its groups, below, are made of the rows above."
)
PATHS = "Line: the difference from month to month, each on its own scale; running totals for counts. "
LEAD = "Dot: median months from the warning to the episode; bar: middle half of the leads (quartiles). Beside it: episodes warned of, and false alarms."
ROW, TALL_ROW = 0.27, 0.4
MOST = 18
MONITORS = ("stability", "pressure", "weakness", "coping_gap")
"""Composites of other rows: they move with their parts, so they stand below the chain and are no link of it."""


def draw_chain(table: pd.DataFrame, axes: Any, paths: Mapping[str, Any] | None = None) -> Any:
    """Draw when each outcome first moved, the earliest on top, joined in order, and how large it became.

    The stability index and its groups are composites: they come last and are not joined.

    Parameters
    ----------
    table : DataFrame
        ``outcome, label, month, effect_peak, share_peak`` from the order table of one scenario and scope; rows
        without a month are left out by the caller.
    axes : matplotlib Axes
    paths : mapping, optional
        Outcome to its difference by month, (n_months,), drawn in its row.

    Returns
    -------
    matplotlib Axes
    """
    rows = _in_order(table)
    months, places = rows["month"].to_numpy(dtype=float), range(len(rows))
    links = int((~rows["outcome"].isin(MONITORS)).sum())
    end = max([months.max(), 5.0, *(len(path) - 1.0 for path in (paths or {}).values())])
    axes.step(months[:links], places[:links], where="pre", color=GREY, lw=0.9, zorder=1)
    for place, row in enumerate(rows.to_dict("records")):
        item = OUTCOMES[OUTCOME_INDEX[row["outcome"]]]
        colour = direction_colour(row["effect_peak"], item.better)
        if paths:
            _draw_path(axes, place, np.asarray(paths[row["outcome"]], dtype=float), colour)
        axes.plot([row["month"]], [place], marker="v" if row["effect_peak"] < 0 else "^", ms=6, color=colour, zorder=3)
        words = _words(row["effect_peak"], item.unit, row["share_peak"])
        axes.text(end * 1.03, place, words, va="center", fontsize=7.5, backgroundcolor="white")
    axes.set_yticks(places, [shorten(str(label), 34, 1) for label in rows["label"]])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-0.5, end * 1.42)
    axes.set_xticks(_months(end))
    axes.spines["bottom"].set_bounds(-0.5, end)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=PALE, lw=0.5)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    return axes


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """The links of the chain by month, then the composites."""
    composite = table["outcome"].isin(MONITORS)
    return table.assign(composite=composite).sort_values(["composite", "month", "label"], kind="stable")


def _draw_path(axes: Any, place: int, path: Any, colour: str) -> None:
    """One difference over time inside its row: its largest value is 0.42 of a row high, rises point upwards."""
    largest = np.abs(path).max()
    line = place - 0.42 * path / largest if largest > 0.0 else np.full(len(path), float(place))
    axes.fill_between(range(len(path)), place, line, color=colour, alpha=0.25, lw=0, zorder=2)
    axes.plot(range(len(path)), line, color=colour, lw=0.8, zorder=2)


def _months(end: float) -> list[int]:
    """Ticks at whole years, or parts of one, of which there are at most eight."""
    step = next((step for step in (1, 3, 6, 12, 24, 36, 60) if end / step <= 7), 120)
    return list(range(0, int(end) + 1, step))


def _words(size: float, unit: str, share: float) -> str:
    """A difference with its unit unless that is a scale and, where the baseline is not zero, its share of it."""
    unit = "" if unit.startswith(("0 to", "share", "days", "steps")) else f" {unit}"
    part = f"  ({_size(100.0 * share)} %)" if share == share and abs(share) < 100.0 else ""
    return _size(float(size)) + unit + part


def _size(value: float) -> str:
    """Write a difference with its sign in two or three digits, never in powers of ten."""
    whole = (
        f"{value:+,.0f}"
        if abs(value) >= 1000
        else f"{np.format_float_positional(value, 2, fractional=False, sign=True, trim='-')}"
    )
    return whole.replace("-", MINUS)


def chain_figure(table: pd.DataFrame, note: Note, title: str, over_time: pd.DataFrame | None = None) -> Figure:
    """Which outcomes moved under one scenario, when, in what order and by how much.

    Parameters
    ----------
    table : DataFrame
        Order table of one scenario and scope; the first eighteen are shown.
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    over_time : DataFrame, optional
        From ``difference_over_time``, for the same scenario and scope: adds each difference over time.
    """
    paths = None
    if over_time is not None:
        ordered = over_time.sort_values("month").groupby("outcome")["effect"]
        paths = {str(name): path.to_numpy() for name, path in ordered}
    moved = _in_order(table[table["month"].notna()]).head(MOST)
    legend = [
        Line2D([], [], ls="", marker="v", ms=6, mfc="white", mec=INK, label="falls"),
        Line2D([], [], ls="", marker="^", ms=6, mfc="white", mec=INK, label="rises"),
        Patch(color=BLUE, label="better"),
        Patch(color=ORANGE, label="worse"),
        Patch(color=INK, label="neither"),
    ]
    with styled():
        heading = f"What moved first: {shorten(title, 70, 1)}"
        row = TALL_ROW if paths else ROW
        caption = CHAIN.format(paths=PATHS if paths else "")
        page = new_page(7.5, 1.0 + row * len(moved), heading, note.text(caption, averaged), legend)
        axes = page.body.subplots()
        draw_chain(moved, axes, paths)
        axes.set_xlabel("Months since the start", x=0.35)
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
        words = f"{100 * row['hit_rate']:.0f} % warned, {100 * row['false_share']:.0f} % of alarms false"
        axes.text(end * 1.04, place, words, va="center", fontsize=7.5, backgroundcolor="white")
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
        axes.spines["bottom"].set_bounds(0, rows["lead_high"].max())
        axes.set_xlabel("Months from warning to episode", x=0.3)
        ticks = [tick for tick in (0, 3, 6, 12, 18, 24, 36, 48, 60) if tick <= rows["lead_high"].max() * 1.02]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
    return page.figure
