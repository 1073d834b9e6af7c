"""Figures of checks: the pattern as simulated, each measured value beside its target range, and all trials in one figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from checks.panels import PANELS, legend_of, panel_heights
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
    shorten,
    small_png,
    styled,
    tidy_values,
    wrap,
)

if TYPE_CHECKING:
    from checks.records import Chart, CheckResult, ResultRow

LOOKS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "lw": 2.2, "ls": "-"},
    {"color": ORANGE, "lw": 1.7, "ls": (0, (5, 1.5))},
    {"color": GREEN, "lw": 1.4, "ls": (0, (2, 1.5))},
    {"color": RED, "lw": 1.1, "ls": "-"},
)
"""Lines by order: thinner and differently broken, so that those that lie on each other are all seen."""
RANGE_COLUMNS = ("x", "low", "high", "recorded", "least", "most")
SHAPES = ("o", "s", "^", "D")
LEAST_ROWS = 3
"""Room is left below fewer rows, so that one does not fill the figure."""
MOST_COLUMNS = 3
"""More named bars than this lie, so that their names have room."""
RECORDED = Line2D([], [], ls="", marker="D", mfc="white", mec=INK, ms=4.5, mew=1.1, label="recorded")
VERDICT_COLOURS = {"pass": BLUE, "fail": RED, "inconclusive": GREY, "not run": GREY, "not testable yet": GREY}


def draw_picture(picture: Chart, axes: Any) -> Any:
    """Draw the pattern that a fact is about.

    Parameters
    ----------
    picture : Chart
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
            _label_powers(axis)
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
        drawn = "steps-post" if kind == "steps" else "default"
        axes.plot(xs, ys, **look, marker=few, ms=3, drawstyle=drawn, label=name)


def _draw_ranges(picture: Chart, axes: Any) -> Any:
    """Simulated middle and range of each statistic, what was recorded, and the target range where there is one."""
    columns = picture.columns
    names = [str(name) for name in columns["series"]]
    numbers = [v for name in ("x", "low", "high", "recorded") for v in columns[name] if v is not None]
    left, right = min(numbers), max(numbers)
    pad = 1.5 if picture.log_x else 0.04 * (right - left)
    left, right = (left / pad, right * pad) if picture.log_x else (left - pad, right + pad)
    for k in range(len(names)):
        x, low, high, recorded, least, most = (columns[name][k] for name in RANGE_COLUMNS)
        if least is not None or most is not None:
            ends = (left if least is None else least, right if most is None else most)
            axes.barh(k, ends[1] - ends[0], left=ends[0], height=0.76, color=PALE, lw=0, zorder=0)
        axes.plot([low, high], [k, k], color=BLUE, lw=2.2, solid_capstyle="butt")
        axes.plot([x], [k], "o", color=BLUE, ms=4.5)
        if recorded is not None:
            axes.plot([recorded], [k], "D", mfc="white", mec=INK, ms=4.5, mew=1.1)
    if picture.log_x:
        axes.set_xscale("log")
        _label_powers(axes.xaxis)
    else:
        tidy_values(axes.xaxis)
    axes.set_xlim(left, right)
    axes.set_yticks(range(len(names)), ["\n".join(wrap(name, 34)) for name in names], fontsize=7)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel(picture.x_label)
    return axes


def _label_powers(axis: Any) -> None:
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    axis.set_minor_locator(NullLocator())


def draw_row(row: ResultRow, axes: Any) -> Any:
    """Draw one measured value with its interval over its target range; each row has a scale of its own.

    Parameters
    ----------
    row : ResultRow
        With a value; the target range is shaded, an open end runs to the edge.
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
        ends = [max(row.low, left), min(row.high, right)]
        axes.plot(ends, [0, 0], color=colour, lw=3, alpha=0.5, solid_capstyle="butt")
    axes.plot([row.value], [0], "o" if row.verdict != "fail" else "X", color=colour, ms=6, mec=INK, mew=0.4)
    axes.set_xlim(left, right)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    tidy_values(axes.xaxis, 4)
    title = row.what + (f", {row.unit}" if row.unit and row.unit not in row.what else "")
    axes.set_title("\n".join(wrap(title, 62)), fontsize=7.5)
    return axes


def fact_figure(result: CheckResult, status: str) -> Figure:
    """The pattern on the left (if the fact has one), its rows on the right; panels of the hindcast fill the figure."""
    picture, title = result.picture, f"{result.key}. {result.title}"
    caption = f"{result.simulated}. {result.method} Source of the fact: {result.source}. Status: {status}."
    with styled():
        if picture is not None and picture.kind in PANELS:
            page = new_sheet(8.0, panel_heights(picture) + 0.6, title, caption, legend_of(picture))
            PANELS[picture.kind](picture, page.body)
            return page.figure
        rows = [row for row in result.rows if row.value is not None and math.isfinite(row.value)]
        legend: list[Any] = [
            Patch(color=PALE, label="target range"),
            Line2D([], [], color=BLUE, marker="o", lw=3, ms=5, label="in the range"),
            Line2D([], [], color=RED, marker="X", lw=3, ms=5, label="outside"),
            Line2D([], [], color=GREY, marker="o", lw=3, ms=5, label="shown, not judged"),
        ]
        if picture is not None and picture.kind == "ranges":
            legend.append(RECORDED)
        page = new_sheet(8.0, max(2.6, 0.74 * len(rows) + 0.4), title, caption, legend)
        grid = page.body.add_gridspec(max(len(rows), LEAST_ROWS), 2, width_ratios=[1.0, 1.15])
        if picture is not None:
            draw_picture(picture, page.body.add_subplot(grid[:, 0]))
        for k, row in enumerate(rows):
            draw_row(row, page.body.add_subplot(grid[k, 1] if picture is not None else grid[k, :]))
    return page.figure


def write_figures(kind: str, results: Sequence[CheckResult], folder: Path) -> list[Path]:
    """Write one figure for each fact that measured anything, and the forest plot of trials, PNG and SVG."""
    from sim.status import status

    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for result in results:
        if result.picture is not None or any(row.value is not None for row in result.rows):
            written += save_figure(fact_figure(result, status()), folder / result.key)
    if kind == "trials" and ratio_rows(results):
        written += save_figure(forest_figure(results, f"Status: {status()}."), folder / "forest")
    return written


def page_figures(kind: str, results: Sequence[CheckResult], folder: Path) -> list[Path]:
    """Write the small pictures of the page of documentation, PNG: one for each fact with a pattern, and the forest plot."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {result.key: page_figure(result) for result in results if result.picture is not None}
    if kind == "trials" and results:
        rows = [row for _, row in ratio_rows(results)]
        outside = sum(row.verdict == "fail" for row in rows)
        made["trials"] = forest_figure(results, f"Of {len(rows)} rows of this version {outside} lie outside.")
    for name, figure in made.items():
        (folder / f"{name}.png").write_bytes(small_png(png_bytes(figure, dpi=110)))
    return [folder / f"{name}.png" for name in made]


def page_figure(result: CheckResult) -> Figure:
    """A small figure: the pattern, and the verdict under it."""
    assert result.picture is not None
    picture, title = result.picture, f"{result.key}. {result.title}"
    verdict = "shown, not judged" if result.verdict == "not run" else result.verdict
    caption = f"Verdict of this version: {verdict}. Numbers with their intervals are in the table."
    with styled():
        if picture.kind in PANELS:
            page = new_sheet(7.2, panel_heights(picture) + 0.5, title, caption, legend_of(picture))
            PANELS[picture.kind](picture, page.body)
            return page.figure
        legend: list[Any] = []
        height = 2.6
        if picture.kind == "ranges":
            height = 0.9 + 0.27 * len(picture.columns["series"])
            label = "simulated: median, 5 to 95 %"
            legend = [Line2D([], [], color=BLUE, marker="o", lw=2.2, ms=4.5, label=label), RECORDED]
            if any(value is not None for value in picture.columns["most"]):
                legend.append(Patch(color=PALE, label="target range"))
        page = new_sheet(5.6, height, title, f"{caption} Simulated: {result.simulated}.", legend)
        draw_picture(picture, page.body.subplots())
    return page.figure


# --- virtual trials

RATIO_UNITS = ("IRR", "HR")
TICKS = (0.125, 0.25, 0.5, 1.0, 2.0)
LEFT, RIGHT = 0.12, 2.0
MARKS = {"pass": "o", "fail": "X", "inconclusive": "D"}


def ratio_rows(results: Sequence[CheckResult]) -> list[tuple[str, ResultRow]]:
    """Key and row of every judged ratio that has a value, in the order of the results."""
    return [
        (result.key, row)
        for result in results
        for row in result.rows
        if row.unit in RATIO_UNITS and row.verdict in MARKS and row.value is not None and row.value > 0
    ]


def draw_forest(rows: Sequence[tuple[str, ResultRow]], axes: Any) -> Any:
    """Draw ratios on one log axis: target range as a band, simulated value with its 95 % interval, tuned rows hollow.

    Parameters
    ----------
    rows : sequence of (key, ResultRow)
    axes : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    for k, (_, row) in enumerate(rows):
        low, high = row.bounds
        left, right = max(low or LEFT, LEFT), min(RIGHT if high is None else high, RIGHT)
        axes.barh(k, right - left, left=left, height=0.72, color=PALE, lw=0, zorder=0)
        colour = VERDICT_COLOURS[row.verdict]
        assert row.value is not None
        if row.low is not None and row.high is not None and row.high > 0:
            ends = [min(max(end, LEFT), RIGHT) for end in (row.low, row.high)]
            axes.plot(ends, [k, k], color=colour, lw=1.6, solid_capstyle="butt")
        face = "white" if row.status == "tuned" else colour
        value = min(max(row.value, LEFT), RIGHT)
        axes.plot([value], [k], MARKS[row.verdict], ms=5, color=colour, mfc=face, mec=colour, mew=1.2)
    axes.axvline(1.0, color=INK, lw=0.6, zorder=0.5)
    axes.set_xscale("log")
    axes.set_xlim(LEFT, RIGHT)
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    names = [shorten(f"{key}  {row.what}, {row.unit}", 72, 1) for key, row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=6.5)
    axes.tick_params(axis="y", length=0)
    for k in range(1, len(rows)):
        if rows[k][0] != rows[k - 1][0]:
            axes.axhline(k - 0.5, color=GREY, lw=0.4)
    axes.set_xlabel("ratio, with the intervention over without (log scale)")
    return axes


def forest_figure(results: Sequence[CheckResult], said: str) -> Figure:
    """All judged ratios of the trials in one figure, with legend and caption; ``said`` ends the caption."""
    rows = ratio_rows(results)
    caption = (
        "Virtual trials in an invented region under the conditions of the studies. IRR: ratio of rates; HR: ratio of hazards. "
        "Line: 95 % interval of the simulated ratio, where wider than its mark. Differences (percentage points, s.d.) and "
        f"shares are in the table. A value beyond the axis stands at its edge. {said}"
    )

    def mark(colour: str, shape: str, label: str, face: str | None = None) -> Line2D:
        return Line2D([], [], color=colour, marker=shape, lw=1.6, ms=5, mfc=face or colour, label=label)

    with styled():
        legend = [
            Patch(color=PALE, label="published range, or our own"),
            mark(BLUE, "o", "in the range"),
            mark(RED, "X", "outside"),
            mark(GREY, "D", "too few replications"),
            mark(BLUE, "o", "tuned on this row (hollow)", "white"),
        ]
        heading = "Virtual trials: published range and simulated ratio"
        page = new_sheet(8.0, 0.19 * len(rows) + 0.9, heading, caption, legend)
        draw_forest(rows, page.body.add_subplot())
    return page.figure
