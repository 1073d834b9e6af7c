"""Forest plot of the virtual trials: every judged row beside its published window, on a scale common to its unit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from sim.plots.style import BLUE, GREY, INK, PALE, RED, new_sheet, png_bytes, save_figure, shorten, small_png, styled

if TYPE_CHECKING:
    from checks.records import Result, Row

RATIO_UNITS = ("IRR", "HR")
TICKS = (0.125, 0.25, 0.5, 1.0, 2.0)
LEFT, RIGHT = 0.12, 2.0
COLOURS = {"pass": BLUE, "fail": RED, "inconclusive": GREY}
MARKS = {"pass": "o", "fail": "X", "inconclusive": "D"}


def ratio_rows(results: Sequence[Result]) -> list[tuple[str, Row]]:
    """Key and row of every judged ratio that has a value, in the order of the results."""
    return [
        (result.key, row)
        for result in results
        for row in result.rows
        if row.unit in RATIO_UNITS and row.verdict in COLOURS and row.value is not None and row.value > 0
    ]


def draw_forest(rows: Sequence[tuple[str, Row]], axes: Any) -> Any:
    """Draw ratios on one log axis: window as a band, simulated value with its 95 % interval, tuned rows hollow.

    Parameters
    ----------
    rows : sequence of (key, Row)
    axes : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    for k, (_, row) in enumerate(rows):
        low, high = row.bounds
        left, right = max(low or LEFT, LEFT), min(RIGHT if high is None else high, RIGHT)
        axes.barh(k, right - left, left=left, height=0.72, color=PALE, lw=0, zorder=0)
        colour = COLOURS[row.verdict]
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
    axes.set_yticks(
        range(len(rows)), [shorten(f"{key}  {row.what}, {row.unit}", 72, 1) for key, row in rows], fontsize=6.5
    )
    axes.tick_params(axis="y", length=0)
    previous = ""
    for k, (key, _) in enumerate(rows):
        if previous and key != previous:
            axes.axhline(k - 0.5, color=GREY, lw=0.4)
        previous = key
    axes.set_xlabel("ratio, with the intervention over without (log scale)")
    return axes


def _legend() -> list[Any]:
    def mark(colour: str, shape: str, label: str, face: str | None = None) -> Line2D:
        return Line2D([], [], color=colour, marker=shape, lw=1.6, ms=5, mfc=face or colour, label=label)

    return [
        Patch(color=PALE, label="published window, or our own"),
        mark(BLUE, "o", "in the window"),
        mark(RED, "X", "outside"),
        mark(GREY, "D", "too few replications"),
        mark(BLUE, "o", "tuned on this row (hollow)", "white"),
    ]


def forest_figure(results: Sequence[Result], said: str) -> Figure:
    """All judged ratios of the trials in one figure, with legend and caption; ``said`` ends the caption."""
    rows = ratio_rows(results)
    caption = (
        "Virtual trials in an invented region under the conditions of the studies. IRR: ratio of rates; HR: ratio of hazards. "
        "Line: 95 % interval of the simulated ratio, where wider than its mark. Differences (percentage points, s.d.) and "
        f"shares are in the table. A value beyond the axis stands at its edge. {said}"
    )
    with styled():
        heading = "Virtual trials: published window and simulated ratio"
        page = new_sheet(8.0, 0.19 * len(rows) + 0.9, heading, caption, _legend())
        draw_forest(rows, page.body.add_subplot())
    return page.figure


def trial_figures(results: Sequence[Result], folder: Path) -> list[Path]:
    """Write the forest plot, PNG and SVG, if there is a ratio to draw."""
    from sim.status import status

    if not ratio_rows(results):
        return []
    folder.mkdir(parents=True, exist_ok=True)
    return list(save_figure(forest_figure(results, f"Status: {status()}."), folder / "forest"))


def forest_page(results: Sequence[Result], folder: Path) -> Path:
    """Write the forest plot for the page of documentation, one PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "trials.png"
    outside = sum(row.verdict == "fail" for _, row in ratio_rows(results))
    said = f"Of {len(ratio_rows(results))} rows of this version {outside} lie outside."
    path.write_bytes(small_png(png_bytes(forest_figure(results, said), dpi=110)))
    return path
