"""Scorecard: effects on the three focus areas side by side, every outcome with its interval and direction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from sim.analysis.scorecard import AREAS
from sim.analysis.verdict import HOLLOW, HOLLOW_DRAWN, NOT_ENOUGH, OPEN, SAME, SMALL
from sim.plots.effects import SHAPES
from sim.plots.style import BLUE, GREY, ORANGE, PALE, Note, new_page, shorten, styled, wrap

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
        effect, low, high = (
            100.0 * float(row[key]) / base if base else np.nan for key in ("effect", "ci_low", "ci_high")
        )
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
            11.5,
            0.6 + len(keys) * (0.45 + 0.19 * tallest),
            "Scorecard of the three focus areas, region",
            note.text(BAND.format(hollow=HOLLOW_DRAWN if note.drawn else HOLLOW)),
            _legend(bool(note.drawn)),
        )
        grid = page.body.subplots(len(keys), len(AREAS), sharex="col", squeeze=False)
        for line, key in enumerate(keys):
            own = table[table["scenario"] == key]
            for column, area in enumerate(AREAS):
                axes = grid[line][column]
                draw_area(own[own["area"] == area.key], axes)
                said = f"{area.title}\n" if line == 0 else ""
                axes.set_title(said + _count(own[own["area"] == area.key]), fontsize=8)
                if line == len(keys) - 1:
                    axes.set_xlabel("per cent of the baseline")
            name = "\n".join(wrap(shorten(titles[key], 44, 2), 22))
            grid[line][0].annotate(
                name, (0, 0.5), (-112, 0), "axes fraction", "offset points",
                ha="right", va="center", fontsize=8.5, fontweight="bold", annotation_clip=False,
            )  # fmt: skip
        for axes in grid[0]:
            _ticks(axes)
    return page.figure


def _label(row: Mapping[Any, Any]) -> str:
    arrow = {"lower": "\N{DOWNWARDS ARROW}", "higher": "\N{UPWARDS ARROW}"}.get(str(row["better"]), "")
    return f"{row['label']} {arrow}".rstrip()


def _ticks(axes: Any) -> None:
    """Round numbers on both sides of the band, as far as the data of the whole column go."""
    low, high = axes.get_xlim()
    reach = max(abs(low), abs(high), 2.0)
    sides = [value for value in (1, 10, 100, 1000) if value <= reach]
    low, high = min(low, -1.5), max(high, 1.5)
    axes.set_xlim(low, high)
    shown = [value for value in (*(-side for side in reversed(sides)), 0, *sides) if low <= value <= high]
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\N{MINUS SIGN}")))


def _count(rows: pd.DataFrame) -> str:
    """Count the directions within an area: a summary that hides none of them."""
    words = rows["in_words"].tolist()
    same, clear = words.count(SAME), [word for word in words if word in MARKS]
    said = f"{clear.count('better')} better, {clear.count('worse')} worse, {len(words) - len(clear) - same} unclear"
    return f"{said}, {same} the same" if same else said


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
