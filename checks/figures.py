"""Figures of facts: the pattern as simulated, and each measured value beside its window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from checks.hindcast.figures import KINDS, draw_panels, legend_of, panel_heights
from sim.plots.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    RED,
    fair_range,
    new_sheet,
    png_bytes,
    save_figure,
    small_png,
    styled,
    tidy_values,
    wrap,
)

if TYPE_CHECKING:
    from checks.records import Picture, Result, Row

LOOKS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "lw": 2.2, "ls": "-"},
    {"color": ORANGE, "lw": 1.7, "ls": (0, (5, 1.5))},
    {"color": GREEN, "lw": 1.4, "ls": (0, (2, 1.5))},
    {"color": RED, "lw": 1.1, "ls": "-"},
)
"""Lines by order: thinner and differently broken, so that those that lie on each other are all seen."""
SHAPES = ("o", "s", "^", "D")
LEAST_ROWS = 3
"""Room is left below fewer rows, so that one does not fill the figure."""
MOST_COLUMNS = 3
"""More named bars than this lie, so that their names have room."""
RECORDED = Line2D([], [], ls="", marker="D", mfc="white", mec=INK, ms=4.5, mew=1.1, label="recorded")
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
    if picture.kind == "ranges":
        return _draw_ranges(picture, axes)
    series, x, y = (list(picture.columns[name]) for name in ("series", "x", "y"))
    names = list(dict.fromkeys(series))
    lying = False
    if picture.kind == "bars":
        named = len(names) == len(x) > 1
        lying = named and len(names) > MOST_COLUMNS
        _draw_bars(names if named else None, x, y, lying, axes)
    else:
        for k, name in enumerate(names):
            rows = [(a, b) for a, b, s in zip(x, y, series, strict=True) if s == name]
            _draw_series(picture.kind, name, k, len(names), rows, axes)
    if picture.log_x:
        axes.set_xscale("log")
    if picture.log_y:
        axes.set_yscale("log")
    elif picture.kind in ("line", "points"):
        fair_range(axes)
    for wanted, axis in ((picture.log_x, axes.xaxis), (picture.log_y, axes.yaxis)):
        if wanted:
            axis.set_major_formatter(_plain_powers)
            axis.set_minor_locator(NullLocator())
        elif not (picture.kind == "bars" and axis is (axes.yaxis if lying else axes.xaxis)):
            tidy_values(axis)
    across, up = (picture.y_label, picture.x_label) if lying else (picture.x_label, picture.y_label)
    axes.set_xlabel("\n".join(wrap(across, 52)))
    axes.set_ylabel("\n".join(wrap(up, 26)))
    if len(names) > 1 and picture.kind != "bars":
        axes.legend(fontsize=7)
    return axes


def _draw_bars(names: Sequence[str] | None, x: Sequence[float], y: Sequence[float], lying: bool, axes: Any) -> None:
    if lying:
        axes.barh(x, y, color=BLUE, height=0.7)
        axes.set_yticks(x, names)
        axes.invert_yaxis()
        return
    axes.bar(x, y, color=BLUE, width=0.7)
    axes.set_xticks(x, ["\n".join(wrap(name, 14)) for name in names] if names is not None else None)


def _draw_series(kind: str, name: str, k: int, among: int, rows: Sequence[tuple[float, float]], axes: Any) -> None:
    """One line or cloud; what is named ``equal`` is there to compare with."""
    xs, ys = zip(*rows, strict=True)
    if name == "equal":
        axes.plot(xs, ys, lw=1.0, color=GREY, label=name)
    elif kind == "points":
        look = LOOKS[k % len(LOOKS)]
        axes.plot(xs, ys, SHAPES[k % len(SHAPES)], ms=3.5, color=look["color"], alpha=0.7, label=name)
    else:
        look = LOOKS[k % len(LOOKS)] if among > 1 else {"color": BLUE, "lw": 1.2}
        few = "o" if len(rows) < 15 and kind == "line" else None
        axes.plot(
            xs, ys, **look, marker=few, ms=3, drawstyle="steps-post" if kind == "steps" else "default", label=name
        )


def _draw_ranges(picture: Picture, axes: Any) -> Any:
    """Simulated middle and range of each statistic, what was recorded, and the window where there is one."""
    columns = picture.columns
    names = [str(name) for name in columns["series"]]
    numbers = [v for name in ("x", "low", "high", "recorded") for v in columns[name] if v is not None]
    left, right = min(numbers), max(numbers)
    pad = 1.5 if picture.log_x else 0.04 * (right - left)
    left, right = (left / pad, right * pad) if picture.log_x else (left - pad, right + pad)
    for k in range(len(names)):
        x, low, high, recorded, least, most = (
            columns[name][k] for name in ("x", "low", "high", "recorded", "least", "most")
        )
        if least is not None or most is not None:
            ends = (left if least is None else least, right if most is None else most)
            axes.barh(k, ends[1] - ends[0], left=ends[0], height=0.76, color=PALE, lw=0, zorder=0)
        axes.plot([low, high], [k, k], color=BLUE, lw=2.2, solid_capstyle="butt")
        axes.plot([x], [k], "o", color=BLUE, ms=4.5)
        if recorded is not None:
            axes.plot([recorded], [k], "D", mfc="white", mec=INK, ms=4.5, mew=1.1)
    if picture.log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(_plain_powers)
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        tidy_values(axes.xaxis)
    axes.set_xlim(left, right)
    axes.set_yticks(range(len(names)), ["\n".join(wrap(name, 34)) for name in names], fontsize=7)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel(picture.x_label)
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
    title = row.what + (f", {row.unit}" if row.unit and row.unit not in row.what else "")
    axes.set_title("\n".join(wrap(title, 62)), fontsize=7.5)
    return axes


def fact_figure(result: Result, status: str) -> Figure:
    """The pattern on the left (if the fact has one), its rows on the right; panels of the hindcast fill the figure."""
    rows = [row for row in result.rows if row.value is not None and math.isfinite(row.value)]
    height = max(2.6, 0.74 * len(rows) + 0.4)
    caption = f"{result.simulated}. {result.method} Source of the fact: {result.source}. Status: {status}."
    if result.picture is not None and result.picture.kind in KINDS:
        return _panel_figure(result, caption)
    recorded = [RECORDED] if result.picture is not None and result.picture.kind == "ranges" else []
    with styled():
        page = new_sheet(8.0, height, f"{result.key}. {result.title}", caption, _legend() + recorded)
        grid = page.body.add_gridspec(max(len(rows), LEAST_ROWS), 2, width_ratios=[1.0, 1.15])
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
        page = new_sheet(8.0, height, f"{result.key}. {result.title}", caption, legend_of(result.picture))
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
    from sim.status import status

    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for result in results:
        if result.picture is not None or any(row.value is not None for row in result.rows):
            written += save_figure(fact_figure(result, status()), folder / result.key)
    return written


def page_figure(result: Result, folder: Path) -> Path:
    """Write a small picture for the page of documentation, one PNG: the pattern, and the verdict under it."""
    assert result.picture is not None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.key}.png"
    picture = result.picture
    verdict = "shown, not judged" if result.verdict == "not run" else result.verdict
    caption = f"Verdict of this version: {verdict}. Numbers with their intervals are in the table."
    if picture.kind not in KINDS:
        caption += f" Simulated: {result.simulated}."
    with styled():
        legend, height = _small_legend(picture), _small_height(picture)
        page = new_sheet(
            7.2 if picture.kind in KINDS else 5.6, height, f"{result.key}. {result.title}", caption, legend
        )
        if picture.kind in KINDS:
            draw_panels(picture, page.body)
        else:
            draw_picture(picture, page.body.subplots())
    path.write_bytes(small_png(png_bytes(page.figure, dpi=110)))
    return path


def _small_height(picture: Picture) -> float:
    if picture.kind in KINDS:
        return panel_heights(picture) + 0.5
    return 0.9 + 0.27 * len(picture.columns["series"]) if picture.kind == "ranges" else 2.6


def _small_legend(picture: Picture) -> list[Any]:
    if picture.kind in KINDS:
        return legend_of(picture)
    if picture.kind != "ranges":
        return []
    made: list[Any] = [
        Line2D([], [], color=BLUE, marker="o", lw=2.2, ms=4.5, label="simulated: median, 5 to 95 %"),
        RECORDED,
    ]
    windows = any(value is not None for value in picture.columns["most"])
    return [*made, Patch(color=PALE, label="window")] if windows else made
