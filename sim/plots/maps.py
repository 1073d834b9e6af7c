"""Map of a region: outlines of states, districts as markers, coloured by effect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path as MplPath

from sim.analysis.verdict import CLEAR, NOT_ENOUGH, OPEN, verdict_of
from sim.plots.style import (
    DIVERGING,
    GREY,
    INK,
    Note,
    colour_bar,
    colour_limit,
    grid_shape,
    halo,
    new_sheet,
    panel_grid,
    shorten,
    styled,
)

Outlines = Mapping[str, Sequence[Sequence[tuple[float, float]]]]
MARKERS = (
    "Markers: districts, area by residents, colour by the mean paired difference; "
    "a dark rim means that the difference is distinguishable from zero, however small. "
    "Names and outlines imply no position on status."
)


class Label(NamedTuple):
    """Where a state's name goes."""

    text: str
    lat: float
    lon: float


def place_labels(outlines: Outlines, names: Mapping[str, str]) -> dict[str, Label]:
    """Put each state's name where its outline leaves most room, text being wider than high.

    Parameters
    ----------
    outlines : mapping
        State to rings of (longitude, latitude).
    names : mapping
        State to display name; a state without an outline is left out.
    """
    labels = {}
    for state, name in names.items():
        if not outlines.get(state):
            continue
        ring = np.asarray(max(outlines[state], key=len), dtype=float)
        (west, south), (east, north) = ring.min(axis=0), ring.max(axis=0)
        lon, lat = np.meshgrid(np.linspace(west, east, 42)[1:-1], np.linspace(south, north, 42)[1:-1])
        points = np.column_stack([lon.ravel(), lat.ravel()])
        points = points[MplPath(ring).contains_points(points)]
        if not len(points):
            points = ring.mean(axis=0, keepdims=True)
        gaps = (points[:, None, :] - ring[None, :, :]) * [0.45, 1.0]
        best = points[(gaps**2).sum(axis=2).min(axis=1).argmax()]
        labels[state] = Label(name, float(best[1]), float(best[0]))
    return labels


@styled()
def map_figure(
    table: pd.DataFrame,
    label: str,
    unit: str,
    note: Note,
    titles: Mapping[str, str],
    outlines: Outlines,
    names: Mapping[str, str],
) -> Figure:
    """One map per scenario on a shared colour scale, for one outcome.

    Parameters
    ----------
    table : DataFrame
        Rows of ``district_effects`` for one outcome, with ``lat`` and ``lon``.
    label, unit : str
        Name and unit of the outcome.
    note : Note
        Provenance.
    titles : mapping
        Scenario key to display title, in the order of the panels.
    outlines : mapping
        State to rings of (longitude, latitude).
    names : mapping
        State to display name; small maps use the state's code instead.
    """
    keys = [key for key in titles if (table["scenario"] == key).any()]
    shape = grid_shape(len(keys))
    limit = colour_limit(table["effect"])
    side = {1: 6.0, 2: 4.2, 3: 3.2}.get(shape[1], 2.7)
    explained, shown = MARKERS, names
    if shape[1] > 2:
        shown = {state: state for state in names}
        explained += f" States: {', '.join(f'{state} {name}' for state, name in names.items() if name != state)}."
    shared: dict[str, Any] = {"marker": "o", "ls": "", "mfc": "#E8E8E8"}
    unclear = f"{NOT_ENOUGH}, or {OPEN}" if note.drawn else NOT_ENOUGH
    legend = [
        Line2D([], [], ms=7, mec=INK, mew=0.9, label="distinguishable from zero", **shared),
        Line2D([], [], ms=7, mec=GREY, mew=0.3, label=unclear, **shared),
    ]
    size = (side * shape[1] + 1.0, (side * 0.86 + 0.45) * shape[0] + 0.35)
    sheet = new_sheet(*size, f"{label}: difference from the baseline", note.text(explained), legend)
    panels = panel_grid(sheet, len(keys), shape)
    labels = place_labels(outlines, shown).values()
    for key, axes in zip(keys, panels, strict=True):
        _draw_map(table[table["scenario"] == key], axes, outlines, limit, side / 5.0)
        for text, lat, lon in labels:
            place = {"ha": "center", "va": "center", "fontsize": 7.5 * max(side / 5.0, 0.8), "zorder": 4}
            axes.text(lon, lat, shorten(text, 30, 1), path_effects=halo(2.2), **place)
        axes.set_title(shorten(titles[key], int(side * 10.5), 2))
    colour_bar(sheet, panels, limit, table["effect"], unit, shrink=0.7, aspect=28)
    return sheet.figure


def _draw_map(table: pd.DataFrame, axes: Any, outlines: Outlines, limit: float, scale: float) -> None:
    """Draw one scenario's effects by district; ``scale`` is 1 for a map four inches wide."""
    rings = [np.asarray(ring, dtype=float) for state in sorted(outlines) for ring in outlines[state]]
    axes.add_collection(PolyCollection(rings, facecolor="#F4F4F4", edgecolor=GREY, linewidth=0.7, zorder=1))
    rows = table.sort_values(["persons", "district"], ascending=[False, True], kind="stable")
    persons = rows["persons"].to_numpy(dtype=float)
    clear = [verdict_of(row, "none") in CLEAR for row in rows.to_dict("records")]
    axes.scatter(
        rows["lon"],
        rows["lat"],
        s=scale**1.5 * (7.0 + 130.0 * persons / max(persons.max(), 1.0)),
        c=rows["effect"].clip(-limit, limit),
        cmap=DIVERGING,
        norm=Normalize(-limit, limit),
        linewidths=np.where(clear, 0.8, 0.3) * scale,
        edgecolors=[INK if known else GREY for known in clear],
        zorder=3,
    )
    points = np.concatenate([*rings, rows[["lon", "lat"]].to_numpy(dtype=float)])
    (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
    axes.set_xlim(west - 0.15, east + 0.15)
    axes.set_ylim(south - 0.15, north + 0.15)
    axes.set_aspect(1 / math.cos(math.radians((south + north) / 2)))
    axes.set_axis_off()
