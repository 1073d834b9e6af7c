"""How an effect grows with the dose, and with the time at which a measure starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from sim.plots.maps import COLOURS, colour_limit
from sim.plots.panels import small_multiples
from sim.plots.style import (
    BLUE,
    GREY,
    INK,
    Note,
    new_page,
    number_text,
    shorten,
    styled,
    tidy_values,
    wrap,
)
from sim.plots.timeline import BAND, draw_bands, legend_handles, spread_handle

ALONG = (
    "Dots: mean over the points at a level, or over a fifth of the points, all other factors varying. "
    "Dark band: 95 % interval of that mean; light band with dotted ends: 5th to 95th percentile of the points."
)
CELLS = "Cells: mean paired difference. A cross: the 95 % interval includes zero, so the direction is not told."


def draw_dose(table: pd.DataFrame, axes: Any, colour: str = BLUE) -> Any:
    """Draw one scenario's effect against the dose.

    Parameters
    ----------
    table : DataFrame
        ``dose, effect, ci_low, ci_high, spread_low, spread_high``, a row a dose.
    axes : matplotlib Axes
    colour : str

    Returns
    -------
    matplotlib Axes
    """
    rows = table.sort_values("dose")
    dose = rows["dose"].to_numpy(dtype=float)
    if rows["spread_low"].min() <= 0:
        axes.axhline(0, color=GREY, lw=0.8, zorder=1)
    draw_bands(rows, dose.tolist(), axes, colour)
    axes.plot(dose, rows["effect"], color=colour, lw=1.6, marker="o", ms=3.5)
    axes.margins(x=0.03)
    return axes


def dose_figure(table: pd.DataFrame, label: str, unit: str, dose: str, note: Note, titles: Mapping[str, str]) -> Figure:
    """One panel per scenario on a shared scale.

    Parameters
    ----------
    table : DataFrame
        As for ``draw_dose``, with ``scenario``.
    label, unit : str
        Name and unit of the outcome.
    dose : str
        What is varied, with its unit.
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, in the order of the panels.
    """
    keys = [key for key in titles if (table["scenario"] == key).any()]
    with styled():
        heading = f"{label}: effect by dose"
        page, panels = small_multiples([titles[key] for key in keys], heading, note.text(BAND), legend_handles())
        for key, axes in zip(keys, panels, strict=True):
            draw_dose(table[table["scenario"] == key], axes)
            tidy_values(axes.xaxis, 5)
            tidy_values(axes.yaxis)
        page.body.supxlabel(shorten(dose, 60, 2), fontsize=8.5)
        page.body.supylabel("\n".join(wrap(f"Difference, {unit}", 40)), fontsize=8.5)
    return page.figure


def factors_figure(
    table: pd.DataFrame, factors: Sequence[str], label: str, axis: str, note: Note, title: str
) -> Figure:
    """One panel per factor of a sweep, all on one scale; the factors named first are shown, at most eight.

    Parameters
    ----------
    table : DataFrame
        From ``by_factor`` for one scenario.
    factors : sequence of str
        Factors in the order of the panels.
    label : str
        Name of the outcome.
    axis : str
        What the upright axis shows, with its unit.
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    """
    shown = list(factors)[:8]
    with styled():
        legend = [*legend_handles()[:2], spread_handle("5–95 % of the points")]
        heading = f"{label} along each factor: {shorten(title, 70, 1)}"
        page, panels = small_multiples([""] * len(shown), heading, note.text(ALONG), legend, share_x=False, low=2.1)
        for factor, axes in zip(shown, panels, strict=True):
            draw_dose(table[table["factor"] == factor], axes)
            axes.set_xlabel(shorten(factor, 28, 2), fontsize=7.5)
            tidy_values(axes.xaxis, 4)
            tidy_values(axes.yaxis)
        page.body.supylabel("\n".join(wrap(axis, 40)), fontsize=8.5)
    return page.figure


def draw_heat(table: pd.DataFrame, axes: Any, limit: float) -> Any:
    """Draw effects by dose (up) and start (across) as coloured cells.

    Parameters
    ----------
    table : DataFrame
        ``dose, timing, effect, ci_low, ci_high``, a row a cell; ``timing`` in any sortable form.
    axes : matplotlib Axes
    limit : float
        End of the colour scale, either way.

    Returns
    -------
    matplotlib Axes
    """
    cells = table.pivot_table(index="dose", columns="timing", values="effect", sort=True)
    unclear = table.assign(unclear=~((table["ci_low"] > 0) | (table["ci_high"] < 0)))
    unknown = unclear.pivot_table(index="dose", columns="timing", values="unclear", aggfunc="max", sort=True)
    axes.imshow(
        np.ma.masked_invalid(cells.to_numpy(dtype=float)),
        cmap=COLOURS,
        norm=Normalize(-limit, limit),
        origin="lower",
        aspect="auto",
    )
    rows, columns = np.nonzero(unknown.reindex_like(cells).to_numpy() == 1)
    axes.plot(columns, rows, ls="", marker="x", ms=5, mew=0.9, color=INK)
    axes.set_yticks(range(len(cells.index)), [number_text(float(dose)) for dose in cells.index])
    few = _few(len(cells.columns))
    axes.set_xticks(few, [shorten(str(cells.columns[place]), 9, 1) for place in few])
    axes.set_xticks(np.arange(-0.5, len(cells.columns)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(cells.index)), minor=True)
    axes.grid(which="minor", color="white", lw=1.2)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def heat_figure(table: pd.DataFrame, label: str, unit: str, dose: str, timing: str, note: Note, title: str) -> Figure:
    """Heat map of dose by timing for one scenario and outcome.

    Parameters
    ----------
    table : DataFrame
        As for ``draw_heat``.
    label, unit : str
        Name and unit of the outcome.
    dose, timing : str
        Labels of the two axes, with units.
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    """
    doses, timings = table["dose"].nunique(), table["timing"].nunique()
    width = min(9.5, max(5.6, 2.0 + 0.62 * timings))
    with styled():
        page = new_page(
            width,
            1.5 + 0.32 * max(doses, 4),
            f"{label} by dose and start: {title}",
            note.text(CELLS),
        )
        axes = page.body.subplots()
        limit = colour_limit(table["effect"])
        draw_heat(table, axes, limit)
        axes.set_xlabel(shorten(timing, int(width * 9), 1))
        axes.set_ylabel("\n".join(wrap(shorten(dose, 48, 1), 24)))
        bar = page.body.colorbar(
            ScalarMappable(Normalize(-limit, limit), COLOURS),
            ax=axes,
            aspect=22,
            format=number_text,
            extend="both" if table["effect"].abs().max() > limit else "neither",
        )
        bar.set_label("\n".join(wrap(f"Difference, {unit}", 28)), fontsize=8)
        bar.outline.set_visible(False)
    return page.figure


def _few(count: int, most: int = 8) -> list[int]:
    """Spread at most so many labels over an axis."""
    return list(range(0, count, -(-count // most)))
