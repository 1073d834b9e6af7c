"""Map of a region: outlines of states, districts as markers, coloured by effect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path as MplPath
from matplotlib.patheffects import withStroke

from sim.analysis.verdict import CLEAR, NOT_ENOUGH, OPEN, verdict_of
from sim.plots.style import GREY, INK, Note, grid_shape, new_page, number_text, shorten, styled

Outlines = Mapping[str, Sequence[Sequence[tuple[float, float]]]]
BAND = (
    "Markers: districts, area by residents, colour by the mean paired difference; "
    "a dark rim means that the direction is told, however small the difference. "
    "Names and outlines imply no position on status."
)
COLOURS = "PuOr_r"
"""Purple to orange: told apart with any kind of colour vision."""


@dataclass(frozen=True)
class Label:
    """Where a state's name goes."""

    state: str
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
    return {state: _roomiest(outlines[state], state, name) for state, name in names.items() if outlines.get(state)}


def _roomiest(rings: Sequence[Sequence[tuple[float, float]]], state: str, name: str) -> Label:
    ring = np.asarray(max(rings, key=len), dtype=float)
    (west, south), (east, north) = ring.min(axis=0), ring.max(axis=0)
    lon, lat = np.meshgrid(np.linspace(west, east, 42)[1:-1], np.linspace(south, north, 42)[1:-1])
    points = np.column_stack([lon.ravel(), lat.ravel()])
    points = points[MplPath(ring).contains_points(points)]
    if not len(points):
        points = ring.mean(axis=0, keepdims=True)
    gaps = (points[:, None, :] - ring[None, :, :]) * [0.45, 1.0]
    best = points[np.argmin(-(gaps**2).sum(axis=2).min(axis=1))]
    return Label(state, name, float(best[1]), float(best[0]))


def draw_map(
    table: pd.DataFrame,
    axes: Any,
    outlines: Outlines,
    labels: Sequence[Label],
    limit: float,
    scale: float = 1.0,
) -> Any:
    """Draw one scenario's effect on one outcome by district.

    Parameters
    ----------
    table : DataFrame
        ``lat, lon, persons, effect, ci_low, ci_high, in_words``, a row a district.
    axes : matplotlib Axes
    outlines : mapping
        State to rings of (longitude, latitude).
    labels : sequence of Label
        State labels.
    limit : float
        Largest effect of the colour scale, either way.
    scale : float
        Size of markers, 1 for a map four inches wide.

    Returns
    -------
    matplotlib Axes
    """
    rings = [np.asarray(ring, dtype=float) for state in sorted(outlines) for ring in outlines[state]]
    axes.add_collection(PolyCollection(rings, facecolor="#F4F4F4", edgecolor=GREY, linewidth=0.7, zorder=1))
    rows = table.sort_values(["persons", "district"], ascending=[False, True], kind="stable")
    persons = rows["persons"].to_numpy(dtype=float)
    size = scale**1.5 * (7.0 + 130.0 * persons / max(persons.max(), 1.0))
    clear = [verdict_of(row, "none") in CLEAR for row in rows.to_dict("records")]
    axes.scatter(
        rows["lon"],
        rows["lat"],
        s=size,
        c=rows["effect"].clip(-limit, limit),
        cmap=COLOURS,
        norm=Normalize(-limit, limit),
        linewidths=np.where(clear, 0.8, 0.3) * scale,
        edgecolors=[INK if known else GREY for known in clear],
        zorder=3,
    )
    points = np.concatenate([*rings, rows[["lon", "lat"]].to_numpy(dtype=float)])
    fit_to(axes, points)
    for label in labels:
        axes.text(
            label.lon,
            label.lat,
            shorten(label.text, 30, 1),
            ha="center",
            va="center",
            fontsize=7.5 * max(scale, 0.8),
            zorder=4,
            path_effects=[withStroke(linewidth=2.2, foreground="white")],
        )
    return axes


def fit_to(axes: Any, points: np.ndarray[Any, Any]) -> None:
    """Set limits and aspect of a map from its points (longitude, latitude), and hide the frame."""
    (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
    axes.set_xlim(west - 0.15, east + 0.15)
    axes.set_ylim(south - 0.15, north + 0.15)
    axes.set_aspect(1 / math.cos(math.radians((south + north) / 2)))
    axes.set_axis_off()


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
    n_rows, n_columns = grid_shape(len(keys))
    limit = colour_limit(table["effect"])
    side = {1: 6.0, 2: 4.2, 3: 3.2}.get(n_columns, 2.7)
    spelled = n_columns <= 2
    labels = list(place_labels(outlines, names if spelled else {state: state for state in names}).values())
    with styled():
        page = new_page(
            side * n_columns + 1.0,
            (side * 0.86 + 0.45) * n_rows + 0.35,
            f"{label}: difference from the baseline",
            note.text(BAND + ("" if spelled else f" States: {_codes(names)}.")),
            _legend(bool(note.drawn)),
        )
        grid = page.body.subplots(n_rows, n_columns, squeeze=False)
        for position, axes in enumerate(grid.flat):
            if position >= len(keys):
                axes.remove()
                continue
            draw_map(table[table["scenario"] == keys[position]], axes, outlines, labels, limit, side / 5.0)
            axes.set_title(shorten(titles[keys[position]], int(side * 10.5), 2))
        bar = page.body.colorbar(
            ScalarMappable(Normalize(-limit, limit), COLOURS),
            ax=grid.ravel().tolist()[: len(keys)],
            shrink=0.7,
            aspect=28,
            format=number_text,
            extend="both" if table["effect"].abs().max() > limit else "neither",
        )
        bar.set_label(unit, fontsize=8)
        bar.outline.set_visible(False)
    return page.figure


def colour_limit(effects: pd.Series) -> float:
    """End of the colour scale: 98th percentile of sizes, so that one district does not wash out all."""
    sizes = effects.abs().dropna().to_numpy()
    if not sizes.size or sizes.max() == 0:
        return 1.0
    return float(np.quantile(sizes, 0.98)) or float(sizes.max())


def _codes(names: Mapping[str, str]) -> str:
    """Spell out the codes that small maps show; a state without another name needs none."""
    return ", ".join(f"{state} {name}" for state, name in names.items() if name != state)


def _legend(drawn: bool) -> list[Any]:
    shared: dict[str, Any] = {"marker": "o", "ls": "", "mfc": "#E8E8E8"}
    unclear = f"{NOT_ENOUGH}, or {OPEN}" if drawn else NOT_ENOUGH
    return [
        Line2D([], [], ms=7, mec=INK, mew=0.9, label="direction told", **shared),
        Line2D([], [], ms=7, mec=GREY, mew=0.3, label=unclear, **shared),
    ]
