"""What each scenario changes: effects by outcome, by state and by theory, the scorecard, and the cost of harm averted.

An effect is a mark with two bars: thick for the 95 % interval of the mean difference, thin for the range of single pairs or,
where parameters are drawn, of parameter sets. The verdict (`sim.analysis.verdict`) decides colour and shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from sim.analysis.scorecard import AREAS
from sim.analysis.theories import DEFAULT
from sim.analysis.verdict import (
    CLEAR,
    HOLLOW,
    HOLLOW_DRAWN,
    NOT_ENOUGH,
    OPEN,
    SAME,
    SMALL,
    is_drawn,
    is_small,
    verdict_of,
)
from sim.plots.style import (
    BETTER,
    BLUE,
    GREY,
    INK,
    MINUS,
    ORANGE,
    PALE,
    Note,
    Sheet,
    axis_label,
    fold,
    halo,
    name_rows,
    new_sheet,
    panel_grid,
    shorten,
    small_multiples,
    styled,
    tidy_values,
)
from sim.world.outcomes import Outcome

THICK = "Thick bar: 95 % interval of the mean paired difference over the whole run; "
COLOURS = {"better": BLUE, "worse": ORANGE, "more": INK, "less": INK}
SHAPES = {SAME: "D", OPEN: "s"}
FULL, TINY = 5.0, 2.2
"""Size of a mark, and of one whose effect is under a hundredth of the baseline, however certain."""
LABEL_WIDTH, STANCE_WIDTH = 26, 40
OWN_SCALE = "Each state has its own scale: compare shapes, not lengths. Names imply no position on status."
THEORIES = (
    "Dot and bar: mean paired difference and its 95 % interval over the whole run, baseline and scenario both under the "
    "stance. Hollow: not distinguishable from zero. Shaded row and dashed line: the model as it is. "
    "Unchanged: no number of either run differs from the model as it is, so the stance is not tested here."
)
SCORES = (
    "Change of the regional mean over the whole run in per cent of the baseline, with the 95 % interval of the mean. "
    "{hollow} Grey band: under 1 %, small however certain; the scale is linear inside it and logarithmic outside. "
    "Outcomes of an area are not added up."
)
MOST_SCORED = 10
"""Scenarios in one scorecard; the table holds all."""
PLANE = (
    "Cloud: mean differences in resampled pairs; dot: the mean of all pairs. "
    "Right of the vertical line harm is averted; left of it there is more harm."
)
MOST_DRAWS = 400


def draw_forest(table: pd.DataFrame, axes: Any, names: Mapping[str, str], better: str = "none") -> Any:
    """Draw one outcome's effects, a row per scenario from the top.

    Parameters
    ----------
    table : DataFrame
        Rows of the effects table for one outcome, scope, window and contrast.
    axes : matplotlib Axes
    names : mapping
        Scenario key to the name of its row, from the top.
    better : str
        "lower", "higher" or "none": a clear effect is blue in the better direction, orange in the other one.

    Returns
    -------
    matplotlib Axes

    Notes
    -----
    The thin bar is ``draws_low`` to ``draws_high`` where parameters were drawn, else ``spread_low`` to ``spread_high``.
    """
    axes.axvline(0, color=GREY, lw=0.8, zorder=1)
    for place, key in enumerate(names):
        for row in table[table["scenario"] == key].head(1).to_dict("records"):
            words = verdict_of(row, better)
            small = words in CLEAR and is_small(float(row["effect"]), float(row.get("baseline_mean", 0.0)))
            thin = [row[f"draws_{end}" if is_drawn(row) else f"spread_{end}"] for end in ("low", "high")]
            axes.plot(thin, [place, place], color=COLOURS.get(words, GREY), lw=1.0, alpha=0.6, zorder=2)
            _draw_effect(axes, place, (row["effect"], row["ci_low"], row["ci_high"]), words, TINY if small else FULL)
    name_rows(axes, names.values())
    axes.margins(x=0.08)
    return axes


def _draw_effect(axes: Any, place: int, numbers: tuple[float, float, float], words: str, size: float = FULL) -> None:
    """Draw an effect and its interval in the colour and shape of the verdict."""
    effect, *interval = numbers
    colour, face = COLOURS.get(words, GREY), COLOURS.get(words, "white")
    axes.plot(interval, [place, place], color=colour, lw=4.0, solid_capstyle="butt", alpha=0.8, zorder=3)
    axes.plot([effect], [place], SHAPES.get(words, "o"), ms=size, mec=colour, mfc=face, mew=1.3, zorder=4)


def forest_legend(drawn: bool = False, thin: bool = True) -> list[Any]:
    """Legend of a figure that draws effects as rows; ``drawn`` parameters, and whether there is a ``thin`` bar."""
    bar: dict[str, Any] = {"marker": "o", "ms": FULL, "lw": 4.0, "mew": 1.3}
    handles = [
        Line2D([], [], color=BLUE, label="better", **bar),
        Line2D([], [], color=ORANGE, label="worse", **bar),
        Line2D([], [], color=INK, label="changed, neither better nor worse", **bar),
        Line2D([], [], color=GREY, mfc="white", label=NOT_ENOUGH, **bar),
    ]
    if drawn:
        handles.append(Line2D([], [], color=GREY, mfc="white", label=OPEN, **bar | {"marker": SHAPES[OPEN]}))
    handles += [
        Line2D([], [], color=GREY, mfc="white", marker=SHAPES[SAME], ms=FULL, ls="", label=SAME),
        Line2D([], [], color=INK, marker="o", ms=TINY, ls="", label="small mark: under 1 % of the baseline"),
    ]
    if thin:
        many = "parameter sets" if drawn else "single pairs"
        handles.append(Line2D([], [], color=GREY, lw=1.0, label=f"5–95 % of {many}"))
    return handles


def forest_band(drawn: bool) -> str:
    """Say what bars and marks mean."""
    if not drawn:
        return f"{THICK}thin bar: 5th to 95th percentile of the pairs. {HOLLOW}"
    return (
        f"{THICK}thin bar: 5th to 95th percentile of the parameter sets, which includes the sampling error of the few "
        f"replications of each. {HOLLOW_DRAWN}"
    )


def _any_drawn(rows: pd.DataFrame) -> bool:
    return any(is_drawn(row) for row in rows.to_dict("records"))


def _effect_panels(
    titles: Sequence[str], names: Iterable[str], heading: str, caption: str, legend: Sequence[Any], left: float = 2.0
) -> tuple[Sheet, list[Any]]:
    """Open a sheet with a panel for each title and room for the named rows in each, ``left`` inches for the names."""
    rows = list(names)
    columns = min(4, len(titles))
    n_rows = -(-len(titles) // columns)
    step = 0.36 if any("\n" in name for name in rows) else 0.26
    size = (left + 2.05 * columns, 0.5 + n_rows * (1.0 + step * len(rows)))
    sheet = new_sheet(*size, heading, caption, legend)
    panels = panel_grid(sheet, len(titles), (n_rows, columns), sharey=True)
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(fold(title, 24))
        tidy_values(axes.xaxis, 2)
    return sheet, panels


def _unit(item: Outcome) -> str:
    """Unit of an outcome and its better direction, for an axis."""
    return "; ".join(filter(None, (item.unit, BETTER.get(item.better))))


@styled()
def forest_figure(table: pd.DataFrame, outcomes: Sequence[Outcome], note: Note, titles: Mapping[str, str]) -> Figure:
    """One panel per outcome, scenarios as rows, for the region over the whole run.

    Parameters
    ----------
    table : DataFrame
        Effects table.
    outcomes : sequence of Outcome
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, from the top.
    """
    rows = table[(table["scope"] == "region") & (table["window"] == "whole run") & (table["contrast"] == "difference")]
    names = {key: shorten(title, LABEL_WIDTH, 2) for key, title in titles.items() if (rows["scenario"] == key).any()}
    drawn = _any_drawn(rows)
    heading, caption = "Effects over the whole run, region", note.text(forest_band(drawn))
    labels = [item.label for item in outcomes]
    sheet, panels = _effect_panels(labels, names.values(), heading, caption, forest_legend(drawn))
    for item, axes in zip(outcomes, panels, strict=True):
        draw_forest(rows[rows["outcome"] == item.name], axes, names, item.better)
        axes.set_xlabel(fold(_unit(item), 30), fontsize=7.5)
    return sheet.figure


@styled()
def states_figure(
    table: pd.DataFrame, outcome: Outcome, note: Note, titles: Mapping[str, str], states: Mapping[str, str]
) -> Figure:
    """One panel per state, scenarios as rows, for one outcome over the whole run.

    Parameters
    ----------
    table : DataFrame
        Effects table.
    outcome : Outcome
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, from the top.
    states : mapping
        State to display name, in the order of the panels.
    """
    chosen = (table["outcome"] == outcome.name) & (table["window"] == "whole run") & (table["contrast"] == "difference")
    rows = table[chosen]
    shown = {state: name for state, name in states.items() if (rows["scope"] == state).any()}
    names = {key: shorten(title, LABEL_WIDTH, 2) for key, title in titles.items() if (rows["scenario"] == key).any()}
    drawn = _any_drawn(rows)
    caption = note.text(f"{forest_band(drawn)} {OWN_SCALE}")
    heads = [shorten(name, 24, 2) for name in shown.values()]
    heading = f"{outcome.label} by state, whole run"
    sheet, panels = _effect_panels(heads, names.values(), heading, caption, forest_legend(drawn))
    for state, axes in zip(shown, panels, strict=True):
        draw_forest(rows[rows["scope"] == state], axes, names, outcome.better)
    sheet.body.supxlabel(shorten(axis_label("Difference", _unit(outcome)), 90, 1), fontsize=8)
    return sheet.figure


@styled()
def theories_figure(table: pd.DataFrame, outcomes: Sequence[Outcome], note: Note, title: str) -> Figure:
    """Whether an effect survives rival theories: a panel per outcome, stances as rows, the model as it is first.

    Parameters
    ----------
    table : DataFrame
        Rows of ``theories.csv`` of one scenario.
    outcomes : sequence of Outcome
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    """
    names = {}
    for row in table.drop_duplicates(["theory", "stance"]).to_dict("records"):
        key = f"{row['theory']}: {row['stance']}"
        name = key if row["in_play"] else f"{key} (unchanged)"
        names[key] = "Model as it is" if row["theory"] == DEFAULT else shorten(name, STANCE_WIDTH, 1)
    rows = table.assign(scenario=table["theory"] + ": " + table["stance"], spread_low=np.nan, spread_high=np.nan)
    heading = f"{title}: effects under rival theories, region, whole run"
    labels, legend = [item.label for item in outcomes], forest_legend(bool(note.drawn), thin=False)
    sheet, panels = _effect_panels(labels, names.values(), heading, note.text(THEORIES), legend, 2.9)
    for item, axes in zip(outcomes, panels, strict=True):
        own = rows[rows["outcome"] == item.name]
        axes.axhspan(-0.5, 0.5, color=PALE, alpha=0.6, lw=0, zorder=0)
        for effect in own.loc[own["theory"] == DEFAULT, "effect"]:
            axes.axvline(effect, color=INK, lw=0.8, ls=(0, (4, 3)), zorder=1)
        draw_forest(own, axes, names, item.better)
        axes.set_xlabel(fold(_unit(item), 30), fontsize=7.5)
    return sheet.figure


@styled()
def scorecard_figure(table: pd.DataFrame, note: Note, titles: Mapping[str, str]) -> Figure:
    """The three focus areas: a row of panels per scenario, a column per area; columns share their scale.

    Parameters
    ----------
    table : DataFrame
        As `sim.analysis.scorecard` returns it.
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, from the top; at most `MOST_SCORED` are drawn.
    """
    keys = [key for key in titles if (table["scenario"] == key).any()][:MOST_SCORED]
    tallest = max(len(area.outcomes) for area in AREAS)
    height = 0.6 + len(keys) * (0.62 + 0.19 * tallest)
    caption = note.text(SCORES.format(hollow=HOLLOW_DRAWN if note.drawn else HOLLOW))
    better, worse, _, *others, _ = forest_legend(bool(note.drawn), thin=False)
    legend = [better, worse, *others, Line2D([], [], ls="", label="arrow: the direction that is better")]
    sheet = new_sheet(10.2, height, "Scorecard of the three focus areas, region", caption, legend)
    grid = sheet.body.subplots(len(keys), len(AREAS), squeeze=False)
    for line, key in zip(grid, keys, strict=True):
        for axes, area in zip(line, AREAS, strict=True):
            rows = table[(table["scenario"] == key) & (table["area"] == area.key)]
            _draw_area(rows, axes)
            axes.set_title(f"{area.title}\n{_count(rows)}", fontsize=8, x=-0.4)
        name = line[0].annotate(
            shorten(titles[key], 90, 1), (0.012, 1), (0, 29), ("subfigure fraction", "axes fraction"), "offset points",
            fontsize=9, fontweight="bold", annotation_clip=False,
        )  # fmt: skip
        name.set_in_layout(False)
        # Empty, as high as the name of the scenario and the title of its first panel: the layout keeps that room free.
        line[0].add_artist(Rectangle((0, 1), 0.01, 0.37, transform=line[0].transAxes, clip_on=False, fill=False, lw=0))
    for axes in grid[-1]:
        axes.set_xlabel("per cent of the baseline")
    for column in grid.T:
        _share_scale(column)
    return sheet.figure


def _draw_area(rows: pd.DataFrame, axes: Any) -> None:
    """Draw the outcomes of one area for one scenario, in per cent of the baseline; nothing where that is zero."""
    axes.axvspan(-100 * SMALL, 100 * SMALL, color=PALE, alpha=0.5, lw=0, zorder=0)
    axes.axvline(0, color=GREY, lw=0.8, zorder=1)
    axes.set_xscale("symlog", linthresh=100 * SMALL, linscale=0.6)
    arrows = {"lower": " \N{DOWNWARDS ARROW}", "higher": " \N{UPWARDS ARROW}"}
    names = []
    for place, row in enumerate(rows.to_dict("records")):
        base = abs(float(row["baseline_mean"]))
        effect, low, high = (
            100.0 * row[key] / base if base else (0.0 if row[key] == 0 else np.nan)
            for key in ("effect", "ci_low", "ci_high")
        )
        _draw_effect(axes, place, (effect, low, high), str(row["in_words"]))
        names.append(str(row["label"]) + arrows.get(str(row["better"]), ""))
    name_rows(axes, names)
    axes.margins(x=0.08)


def _count(rows: pd.DataFrame) -> str:
    """Count the directions within an area, and how many of them are small."""
    said = []
    for word in ("better", "worse"):
        its = rows[rows["in_words"] == word]
        small = int(its["small"].sum())
        said.append(f"{len(its)} {word}" + (f" ({small} small)" if small else ""))
    same = int((rows["in_words"] == SAME).sum())
    said.append(f"{int((~rows['in_words'].isin(['better', 'worse', SAME])).sum())} unclear")
    return ", ".join([*said, f"{same} the same"] if same else said)


def _share_scale(column: Sequence[Any]) -> None:
    """One scale for a column, round numbers on both sides of the band, as far as its data go."""
    low, high = (end(axes.get_xlim()[k] for axes in column) for k, end in enumerate((min, max)))
    sides = [value for value in (1, 10, 100, 1000) if value <= max(abs(low), abs(high), 2.0)]
    low, high = min(low, -1.5), max(high, 1.5)
    shown = [value for value in (*(-side for side in reversed(sides)), 0, *sides) if low <= value <= high]
    for axes in column:
        axes.set_xlim(low, high)
        axes.xaxis.set_major_locator(FixedLocator(shown))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", MINUS)))
        axes.tick_params(labelbottom=axes is column[-1])


@styled()
def plane_figure(table: pd.DataFrame, label: str, unit: str, note: Note, titles: Mapping[str, str]) -> Figure:
    """Cost-effectiveness plane: extra cost against harm averted, one panel per scenario on shared scales.

    Parameters
    ----------
    table : DataFrame
        ``scenario, draw, averted, cost`` from ``cost_plane`` for one outcome and scope; draw 0 is the estimate, and at most
        `MOST_DRAWS` others are drawn.
    label, unit : str
        Name and unit of the harm.
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, in the order of the panels.
    """
    keys = [key for key in titles if (table["scenario"] == key).any()]
    heading = f"{label} averted, and what it costs"
    sheet, panels = small_multiples([titles[key] for key in keys], heading, note.text(PLANE, averaged=True))
    for key, axes in zip(keys, panels, strict=True):
        rows = table[(table["scenario"] == key) & (table["draw"] <= MOST_DRAWS)]
        cloud, dot = rows[rows["draw"] != 0], rows[rows["draw"] == 0]
        axes.axhline(0, color=GREY, lw=0.8, zorder=1)
        axes.axvline(0, color=GREY, lw=0.8, zorder=1)
        axes.plot(cloud["averted"], cloud["cost"], ".", ms=2.2, mec="none", color=BLUE, alpha=0.35, zorder=2)
        axes.plot(dot["averted"], dot["cost"], "o", ms=6, color=INK, zorder=3, path_effects=halo(2.0))
        axes.margins(0.12)
        tidy_values(axes.xaxis, 4)
        tidy_values(axes.yaxis, 5)
    sheet.body.supxlabel(shorten(f"Averted, {unit}", 60, 1), fontsize=8.5)
    sheet.body.supylabel("Extra cost, million euro of 2024", fontsize=8.5)
    return sheet.figure
