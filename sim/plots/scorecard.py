"""Scorecard: effects on the three focus areas side by side, every outcome with its interval and direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from sim.analysis.scorecard import AREAS
from sim.analysis.verdict import HOLLOW, HOLLOW_DRAWN, NOT_ENOUGH, OPEN, SAME, SMALL
from sim.plots.effects import SHAPES
from sim.plots.style import BLUE, GREY, ORANGE, PALE, Note, new_page, shorten, styled

BAND = (
    "Change of the regional mean over the whole run in per cent of the baseline, with the 95 % interval of the mean. "
    "{hollow} Grey band: under 1 %, small however certain; "
    "the scale is linear inside it and logarithmic outside. No area has a total: look at its outcomes."
)
MARKS = {"better": BLUE, "worse": ORANGE}
MOST = 10
"""Scenarios in one figure; the table holds all."""


def draw_area(rows: pd.DataFrame, axes: Any) -> Any:
    """Draw the outcomes of one area for one scenario, from the top.

    Parameters
    ----------
    rows : DataFrame
        Rows of the scorecard of one scenario and area.
    axes : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    axes.axvspan(-100 * SMALL, 100 * SMALL, color=PALE, alpha=0.5, lw=0, zorder=0)
    axes.axvline(0, color=GREY, lw=0.8, zorder=1)
    axes.set_xscale("symlog", linthresh=100 * SMALL, linscale=0.6)
    for place, row in enumerate(rows.to_dict("records")):
        base = abs(float(row["baseline_mean"]))
        effect, low, high = (_percent(float(row[key]), base) for key in ("effect", "ci_low", "ci_high"))
        colour = MARKS.get(str(row["in_words"]), GREY)
        clear = str(row["in_words"]) in MARKS
        axes.plot([low, high], [place, place], color=colour, lw=3.5, solid_capstyle="butt", alpha=0.8, zorder=3)
        axes.plot(
            [effect],
            [place],
            SHAPES.get(str(row["in_words"]), "o"),
            ms=4.5,
            mec=colour,
            mfc=colour if clear else "white",
            mew=1.2,
            zorder=4,
        )
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [_label(row) for row in rows.to_dict("records")])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=PALE, lw=0.5)
    axes.set_axisbelow(True)
    axes.margins(x=0.08)
    axes.spines["left"].set_visible(False)
    return axes


def scorecard_figure(table: pd.DataFrame, note: Note, titles: Mapping[str, str]) -> Figure:
    """One row of panels per scenario, one column per focus area; columns share their scale.

    Parameters
    ----------
    table : DataFrame
        As `scorecard` returns it.
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, from the top; at most `MOST` are drawn.
    """
    keys = [key for key in titles if (table["scenario"] == key).any()][:MOST]
    tallest = max(len(area.outcomes) for area in AREAS)
    with styled():
        page = new_page(
            10.2,
            0.6 + len(keys) * (0.62 + 0.19 * tallest),
            "Scorecard of the three focus areas, region",
            note.text(BAND.format(hollow=HOLLOW_DRAWN if note.drawn else HOLLOW)),
            _legend(bool(note.drawn)),
        )
        grid = page.body.subplots(len(keys), len(AREAS), squeeze=False)
        for line, key in enumerate(keys):
            own = table[table["scenario"] == key]
            for column, area in enumerate(AREAS):
                axes = grid[line][column]
                draw_area(own[own["area"] == area.key], axes)
                axes.set_title(f"{area.title}\n{_count(own[own['area'] == area.key])}", fontsize=8, x=-0.4)
                if line == len(keys) - 1:
                    axes.set_xlabel("per cent of the baseline")
            name = grid[line][0].annotate(
                shorten(titles[key], 90, 1), (0.012, 1), (0, 29), ("subfigure fraction", "axes fraction"), "offset points",
                fontsize=9, fontweight="bold", annotation_clip=False,
            )  # fmt: skip
            name.set_in_layout(False)
            grid[line][0].add_artist(_room(grid[line][0]))
        for column in grid.T:
            _ticks(column)
    return page.figure


def _percent(change: float, base: float) -> float:
    """Per cent of the baseline; NaN where there is a change from nothing."""
    if not base:
        return 0.0 if change == 0 else np.nan
    return 100.0 * change / base


def _room(axes: Any) -> Any:
    """Nothing, as high as the name of a scenario and the title of its first panel: the layout keeps it free."""
    return Rectangle((0, 1), 0.01, 0.37, transform=axes.transAxes, clip_on=False, fill=False, lw=0)


def _label(row: Mapping[Any, Any]) -> str:
    arrow = {"lower": "\N{DOWNWARDS ARROW}", "higher": "\N{UPWARDS ARROW}"}.get(str(row["better"]), "")
    return f"{row['label']} {arrow}".rstrip()


def _ticks(column: Sequence[Any]) -> None:
    """One scale for a column, round numbers on both sides of the band, as far as its data go."""
    low, high = (end(axes.get_xlim()[k] for axes in column) for k, end in enumerate((min, max)))
    reach = max(abs(low), abs(high), 2.0)
    sides = [value for value in (1, 10, 100, 1000) if value <= reach]
    low, high = min(low, -1.5), max(high, 1.5)
    shown = [value for value in (*(-side for side in reversed(sides)), 0, *sides) if low <= value <= high]
    for axes in column:
        axes.set_xlim(low, high)
        axes.xaxis.set_major_locator(FixedLocator(shown))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\N{MINUS SIGN}")))
        axes.tick_params(labelbottom=axes is column[-1])


def _count(rows: pd.DataFrame) -> str:
    """Count the directions within an area, and how many of them are small: a summary that hides none of them."""
    said = []
    for word in MARKS:
        its = rows[rows["in_words"] == word]
        small = int(its["small"].sum())
        said.append(f"{len(its)} {word}" + (f" ({small} small)" if small else ""))
    same = int((rows["in_words"] == SAME).sum())
    said.append(f"{int((~rows['in_words'].isin([*MARKS, SAME])).sum())} unclear")
    return ", ".join([*said, f"{same} the same"] if same else said)


def _legend(drawn: bool) -> list[Any]:
    bar: dict[str, Any] = {"marker": "o", "ms": 4.5, "lw": 3.5, "mew": 1.2}
    return [
        Line2D([], [], color=BLUE, label="better", **bar),
        Line2D([], [], color=ORANGE, label="worse", **bar),
        Line2D([], [], color=GREY, mfc="white", label=NOT_ENOUGH, **bar),
        *([Line2D([], [], color=GREY, mfc="white", label=OPEN, **(bar | {"marker": "s"}))] if drawn else []),
        Line2D([], [], color=GREY, mfc="white", marker=SHAPES[SAME], ms=4.5, ls="", label=SAME),
        Line2D([], [], ls="", label="arrow: the direction that is better"),
    ]
