"""Forest plot: every scenario's effect on every outcome, interval and spread side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sim.analysis.verdict import CLEAR, HOLLOW, HOLLOW_DRAWN, NOT_ENOUGH, OPEN, SAME, is_drawn, is_small, verdict_of
from sim.plots.style import BLUE, GREY, INK, ORANGE, PALE, Note, Page, new_page, shorten, styled, tidy_values, wrap

THICK = "Thick bar: 95 % interval of the mean paired difference over the whole run; "
COLOURS = {"better": BLUE, "worse": ORANGE, "more": INK, "less": INK}
SHAPES = {SAME: "D", OPEN: "s"}
FULL, TINY = 5.0, 2.2
"""Size of a mark, and of one whose effect is under a hundredth of the baseline, however certain."""
LABEL_WIDTH = 26


def draw_forest(table: pd.DataFrame, axes: Any, keys: Sequence[str], better: str = "none") -> Any:
    """Draw one outcome's effects, a row per scenario from the top.

    Parameters
    ----------
    table : DataFrame
        Rows of the effects table for one outcome, scope, window and contrast.
    axes : matplotlib Axes
    keys : sequence of str
        Scenarios in order from the top.
    better : str
        "lower", "higher" or "none": a clear effect is blue in the better direction, orange in the other one.

    Returns
    -------
    matplotlib Axes

    Notes
    -----
    The verdict decides the mark: ``in_words``, or the interval where a table has none. The thin bar is what the
    parameters allow where they were drawn (``draws_low``, ``draws_high``), else the range of single pairs.
    """
    axes.axvline(0, color=GREY, lw=0.8, zorder=1)
    for place, key in enumerate(keys):
        rows = table[table["scenario"] == key]
        if rows.empty:
            continue
        row = rows.iloc[0].to_dict()
        low, high, effect = float(row["ci_low"]), float(row["ci_high"]), float(row["effect"])
        words = verdict_of(row, better)
        clear = words in CLEAR
        size = TINY if clear and is_small(effect, float(row.get("baseline_mean", 0.0))) else FULL
        colour = COLOURS.get(words, GREY)
        shape = SHAPES.get(words, "o")
        thin = [row[f"draws_{end}" if is_drawn(row) else f"spread_{end}"] for end in ("low", "high")]
        axes.plot(thin, [place, place], color=colour, lw=1.0, alpha=0.6, zorder=2)
        axes.plot([low, high], [place, place], color=colour, lw=4.0, solid_capstyle="butt", alpha=0.8, zorder=3)
        axes.plot([effect], [place], shape, ms=size, mec=colour, mfc=colour if clear else "white", mew=1.3, zorder=4)
    axes.set_ylim(len(keys) - 0.4, -0.6)
    axes.set_yticks(range(len(keys)))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=PALE, lw=0.5)
    axes.set_axisbelow(True)
    axes.margins(x=0.08)
    return axes


def forest_figure(
    table: pd.DataFrame, outcomes: Sequence[tuple[str, str, str, str]], note: Note, titles: Mapping[str, str]
) -> Figure:
    """One panel per outcome, scenarios as rows, for the region over the whole run.

    Parameters
    ----------
    table : DataFrame
        Effects table.
    outcomes : sequence of (name, label, unit, better)
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, from the top.
    """
    rows = table[(table["scope"] == "region") & (table["window"] == "whole run") & (table["contrast"] == "difference")]
    keys = [key for key in titles if (rows["scenario"] == key).any()]
    names = [shorten(titles[key], LABEL_WIDTH, 2) for key in keys]
    with styled():
        heading = "Effects over the whole run, region"
        drawn = any_drawn(rows)
        page, panels = effect_panels(outcomes, names, heading, note.text(forest_band(drawn)), forest_legend(drawn))
        for (name, _, _, better), axes in panels:
            draw_forest(rows[rows["outcome"] == name], axes, keys, better)
            axes.set_yticks(range(len(keys)), names)
    return page.figure


Panel = tuple[tuple[str, str, str, str], Any]
"""An outcome as (name, label, unit, better), and the axes its effects are drawn on."""


def effect_panels(
    outcomes: Sequence[tuple[str, str, str, str]],
    names: Sequence[str],
    heading: str,
    caption: str,
    legend: Sequence[Any],
    left: float = 2.0,
) -> tuple[Page, Iterator[Panel]]:
    """Open a page with one panel per outcome and room for so many named rows in each, ``left`` inches for the names.

    The panels come one by one; each is labelled once its effects are drawn.
    """
    columns = min(4, len(outcomes))
    n_rows = -(-len(outcomes) // columns)
    step = 0.36 if any("\n" in name for name in names) else 0.26
    size = (left + 2.05 * columns, 0.5 + n_rows * (1.0 + step * len(names)))
    page = new_page(*size, heading, caption, legend)
    return page, _panels(page, outcomes, n_rows, columns)


def _panels(page: Page, outcomes: Sequence[tuple[str, str, str, str]], n_rows: int, columns: int) -> Iterator[Panel]:
    grid = list(page.body.subplots(n_rows, columns, sharey=True, squeeze=False).flat)
    for axes in grid[len(outcomes) :]:
        axes.remove()
    for outcome, axes in zip(outcomes, grid, strict=False):
        yield outcome, axes
        _, label, unit, better = outcome
        axes.set_title("\n".join(wrap(label, 24)))
        axes.set_xlabel("\n".join(wrap(_direction(unit, better), 30)), fontsize=7.5)
        tidy_values(axes.xaxis, 3)
        axes.spines["left"].set_visible(False)


def any_drawn(rows: pd.DataFrame) -> bool:
    """Tell whether effects are over several points of drawn parameters."""
    return any(is_drawn(row) for row in rows.to_dict("records"))


def forest_band(drawn: bool) -> str:
    """Say what bars and marks mean."""
    if not drawn:
        return f"{THICK}thin bar: 5th to 95th percentile of the pairs. {HOLLOW}"
    return (
        f"{THICK}thin bar: what the parameters allow, 5th to 95th percentile of the points (each with the luck of its few "
        f"replications). {HOLLOW_DRAWN}"
    )


def _direction(unit: str, better: str) -> str:
    words = {"lower": "lower is better", "higher": "higher is better"}.get(better, "")
    return f"{unit}; {words}" if words else unit


def forest_legend(drawn: bool = False) -> list[Any]:
    """Legend of every figure that draws effects as rows; the thin bar comes last."""
    bar: dict[str, Any] = {"marker": "o", "ms": FULL, "lw": 4.0, "mew": 1.3}
    open_: dict[str, Any] = bar | {"marker": SHAPES[OPEN]}
    return [
        Line2D([], [], color=BLUE, label="better", **bar),
        Line2D([], [], color=ORANGE, label="worse", **bar),
        Line2D([], [], color=INK, label="changed, neither better nor worse", **bar),
        Line2D([], [], color=GREY, mfc="white", label=NOT_ENOUGH, **bar),
        *([Line2D([], [], color=GREY, mfc="white", label=OPEN, **open_)] if drawn else []),
        Line2D([], [], color=GREY, mfc="white", marker="D", ms=FULL, ls="", label=SAME),
        Line2D([], [], color=INK, marker="o", ms=TINY, ls="", label="small mark: under 1 % of the baseline"),
        Line2D([], [], color=GREY, lw=1.0, label="5–95 % of parameter points" if drawn else "5–95 % of single pairs"),
    ]
