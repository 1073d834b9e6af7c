"""Figures of facts: the pattern as simulated, and each measured value beside its window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from sim.plots.hindcast import KINDS, draw_panels, legend_of, panel_heights
from sim.plots.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    RED,
    new_page,
    png_bytes,
    save_figure,
    small_png,
    styled,
    tidy_values,
    wrap,
)

if TYPE_CHECKING:
    from sim.validation.records import Picture, Result, Row

COLOURS = (BLUE, ORANGE, GREEN, RED)
VERDICT_COLOURS = {"pass": BLUE, "fail": RED, "inconclusive": GREY, "not run": GREY, "not testable yet": GREY}


def draw_picture(picture: Picture, axes: Any) -> Any:
    """Draw the pattern that a fact is about.

    Parameters
    ----------
    picture : Picture
        Columns ``series``, ``x``, ``y``.
    axes : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    series, x, y = (list(picture.columns[name]) for name in ("series", "x", "y"))
    names = list(dict.fromkeys(series))
    if picture.kind == "bars":
        named = len(names) == len(x) > 1
        axes.bar(x, y, color=BLUE, width=0.7)
        if named:
            axes.set_xticks(x, ["\n".join(wrap(name, 14)) for name in names])
        else:
            axes.set_xticks(x)
    for k, name in enumerate(names if picture.kind != "bars" else []):
        xs = [a for a, s in zip(x, series, strict=True) if s == name]
        ys = [b for b, s in zip(y, series, strict=True) if s == name]
        colour = COLOURS[k % len(COLOURS)]
        if picture.kind == "points" and name != "equal":
            axes.plot(xs, ys, "o", ms=3, color=colour, alpha=0.7, label=name)
        else:
            style = "steps-post" if picture.kind == "steps" else "default"
            axes.plot(xs, ys, lw=1.0, color=GREY if name == "equal" else colour, drawstyle=style, label=name)
    if picture.log_x:
        axes.set_xscale("log")
    if picture.log_y:
        axes.set_yscale("log")
    for wanted, axis in ((picture.log_x, axes.xaxis), (picture.log_y, axes.yaxis)):
        if wanted:
            axis.set_major_formatter(_plain_powers)
            axis.set_minor_locator(NullLocator())
        elif not (picture.kind == "bars" and axis is axes.xaxis):
            tidy_values(axis)
    axes.set_xlabel(picture.x_label)
    axes.set_ylabel("\n".join(wrap(picture.y_label, 28)))
    if len(names) > 1 and picture.kind != "bars":
        axes.legend(fontsize=7)
    return axes


def _plain_powers(value: float, _: object = None) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def draw_row(row: Row, axes: Any) -> Any:
    """Draw one measured value with its interval over its window; each row has a scale of its own.

    Parameters
    ----------
    row : Row
        With a value; the window is shaded, an open end runs to the edge.
    axes : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    assert row.value is not None
    low, high = row.bounds
    points = [v for v in (row.value, row.low, row.high, low, high) if v is not None and math.isfinite(v)]
    left, right = min(points), max(points)
    pad = 0.15 * (right - left) or 0.15 * max(abs(right), 1e-9)
    left, right = left - pad, right + pad
    if low is not None or high is not None:
        axes.axvspan(left if low is None else low, right if high is None else high, color=PALE, lw=0, zorder=0)
    colour = VERDICT_COLOURS[row.verdict]
    if row.low is not None and row.high is not None:
        axes.plot(
            [max(row.low, left), min(row.high, right)], [0, 0], color=colour, lw=3, alpha=0.5, solid_capstyle="butt"
        )
    axes.plot([row.value], [0], "o" if row.verdict != "fail" else "X", color=colour, ms=6, mec=INK, mew=0.4)
    axes.set_xlim(left, right)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    tidy_values(axes.xaxis, 4)
    title = row.what + (f", {row.unit}" if row.unit else "")
    axes.set_title("\n".join(wrap(title, 62)), fontsize=7.5)
    return axes


def fact_figure(result: Result, status: str) -> Figure:
    """The pattern on the left (if the fact has one), its rows on the right; panels of the hindcast fill the figure."""
    rows = [row for row in result.rows if row.value is not None and math.isfinite(row.value)]
    height = max(2.4, 0.62 * len(rows) + 0.4)
    caption = f"{result.simulated}. {result.method} Source of the fact: {result.source}. Status: {status}."
    if result.picture is not None and result.picture.kind in KINDS:
        return _panel_figure(result, caption)
    with styled():
        page = new_page(8.0, height, f"{result.key}. {result.title}", caption, _legend())
        grid = page.body.add_gridspec(max(len(rows), 1), 2, width_ratios=[1.0, 1.15])
        if result.picture is not None:
            draw_picture(result.picture, page.body.add_subplot(grid[:, 0]))
        for k, row in enumerate(rows):
            place = grid[k, 1] if result.picture is not None else grid[k, :]
            draw_row(row, page.body.add_subplot(place))
    return page.figure


def _panel_figure(result: Result, caption: str) -> Figure:
    assert result.picture is not None
    with styled():
        height = panel_heights(result.picture) + 0.6
        page = new_page(8.0, height, f"{result.key}. {result.title}", caption, legend_of(result.picture))
        draw_panels(result.picture, page.body)
    return page.figure


def _legend() -> list[Any]:
    return [
        Patch(color=PALE, label="window"),
        Line2D([], [], color=BLUE, marker="o", lw=3, ms=5, label="in the window"),
        Line2D([], [], color=RED, marker="X", lw=3, ms=5, label="outside"),
        Line2D([], [], color=GREY, marker="o", lw=3, ms=5, label="shown, not judged"),
    ]


def fact_figures(results: Sequence[Result], folder: Path) -> list[Path]:
    """Write one figure a fact that measured anything, PNG and SVG."""
    from sim.validation.standing import status

    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for result in results:
        if result.picture is not None or any(row.value is not None for row in result.rows):
            written += save_figure(fact_figure(result, status()), folder / result.key)
    return written


def page_figure(result: Result, folder: Path) -> Path:
    """Write a small picture for the page of documentation, one PNG below 60 kB."""
    assert result.picture is not None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.key}.png"
    with styled():
        panels = result.picture.kind in KINDS
        size = (7.2, panel_heights(result.picture) + 1.0) if panels else (5.2, 2.9)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        if panels:
            draw_panels(result.picture, figure)
            figure.legend(handles=legend_of(result.picture), loc="outside upper right", ncols=4, fontsize=7)
        else:
            draw_picture(result.picture, figure.add_subplot())
        title = "\n".join(wrap(f"{result.key}. {result.title}", 58))
        figure.suptitle(title, x=0.02, ha="left", fontsize=9, fontweight="bold")
    path.write_bytes(small_png(png_bytes(figure, dpi=110)) if panels else png_bytes(figure, dpi=110))
    return path
