"""Map of the setting: districts, kin ties across borders, international presence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from sim.plots.maps import Label, Outlines, fit_to, place_labels
from sim.plots.style import BLUE, GREY, INK, ORANGE, Note, new_page, shorten, styled
from sim.region import Region

SQUARE = "\N{BLACK SQUARE}"
BAND = (
    "Dots: districts, area by residents. Lines: kin ties between communities of different states, "
    "width by strength, from centre to centre of the two. Numbers in blue: international troops, police and "
    "observers. "
    "Names and outlines imply no position on status."
)


def draw_setting(
    districts: pd.DataFrame,
    ties: pd.DataFrame,
    presence: pd.Series,
    axes: Any,
    outlines: Outlines,
    labels: list[Label],
) -> Any:
    """Draw where people live, who has kin across a border, and who is present.

    Parameters
    ----------
    districts : DataFrame
        ``lat, lon, persons``, a row a district.
    ties : DataFrame
        ``lat_a, lon_a, lat_b, lon_b, strength`` (0 to 1), a row a tie.
    presence : Series
        Persons by state, for states with a mission.
    axes : matplotlib Axes
    outlines : mapping
        State to rings of (longitude, latitude).
    labels : list of Label

    Returns
    -------
    matplotlib Axes
    """
    rings = [np.asarray(ring, dtype=float) for state in sorted(outlines) for ring in outlines[state]]
    axes.add_collection(PolyCollection(rings, facecolor="#F4F4F4", edgecolor=GREY, linewidth=0.7, zorder=1))
    persons = districts["persons"].to_numpy(dtype=float)
    axes.scatter(
        districts["lon"],
        districts["lat"],
        s=2.0 + 60.0 * persons / max(persons.max(), 1.0),
        c="#9A9A9A",
        linewidths=0,
        alpha=0.8,
        zorder=2,
    )
    if len(ties):
        arcs = [_arc(*row) for row in ties[["lon_a", "lat_a", "lon_b", "lat_b"]].to_numpy(dtype=float)]
        widths = 0.4 + 2.4 * ties["strength"].to_numpy(dtype=float)
        axes.add_collection(LineCollection(arcs, colors=ORANGE, linewidths=widths, alpha=0.85, zorder=3))
    ends = ties[["lon_a", "lat_a", "lon_b", "lat_b"]].to_numpy(dtype=float).reshape(-1, 2)
    axes.plot(ends[:, 0], ends[:, 1], ls="", marker="o", ms=3.2, mfc="white", mec=ORANGE, mew=1.0, zorder=3)
    halo = withStroke(linewidth=2.4, foreground="white")
    for label in labels:
        axes.text(
            label.lon,
            label.lat,
            shorten(label.text, 24, 1),
            ha="center",
            va="center",
            fontsize=8,
            color=INK,
            zorder=5,
            path_effects=[halo],
        )
        if label.state in presence.index:
            axes.annotate(
                f"{SQUARE} {float(presence[label.state]):,.0f}",
                (label.lon, label.lat),
                (0, -10),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=7.5,
                color=BLUE,
                zorder=6,
                path_effects=[halo],
            )
    fit_to(axes, np.concatenate([*rings, districts[["lon", "lat"]].to_numpy(dtype=float)]))
    return axes


def setting_figure(
    districts: pd.DataFrame,
    ties: pd.DataFrame,
    presence: pd.Series,
    note: Note,
    outlines: Outlines,
    names: dict[str, str],
) -> Figure:
    """Map of the region at the start of the scenario.

    Parameters
    ----------
    districts, ties, presence
        As for ``draw_setting``.
    note : Note
        Provenance.
    outlines : mapping
        State to rings of (longitude, latitude).
    names : mapping
        State to display name.
    """
    legend = [
        Line2D([], [], ls="", marker="o", ms=5, color="#9A9A9A", label="district"),
        Line2D([], [], color=ORANGE, lw=2, marker="o", ms=4, mfc="white", label="kin tie across a border"),
        Line2D([], [], ls="", marker="s", ms=7, color=BLUE, label="international presence, persons"),
    ]
    with styled():
        page = new_page(7.0, 6.4, "Where people live, who has kin, who is present", note.text(BAND), legend)
        axes = page.body.subplots()
        draw_setting(districts, ties, presence, axes, outlines, list(place_labels(outlines, names).values()))
    return page.figure


def _arc(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> np.ndarray[Any, Any]:
    """Bend a line a little, so that the two ends of a tie can be followed."""
    share = np.linspace(0, 1, 24)[:, None]
    start, end = np.array([lon_a, lat_a]), np.array([lon_b, lat_b])
    normal = np.array([start[1] - end[1], end[0] - start[0]]) * 0.06
    arc: np.ndarray[Any, Any] = start + share * (end - start) + 4 * share * (1 - share) * normal
    return arc


def setting_tables(region: Region, year: int, month: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Return districts, kin ties and presence of a region in one month, as ``draw_setting`` takes them.

    Ties run between the residents' centres of a community in two states; the strongest tie of two states counts.
    """
    people = region.district_population.astype(float)
    districts = pd.DataFrame({"lat": region.district_lat, "lon": region.district_lon, "persons": people})
    cells = pd.DataFrame(
        {
            "group": region.cell_group,
            "lat": region.district_lat[region.cell_district] * region.cell_population,
            "lon": region.district_lon[region.cell_district] * region.cell_population,
            "persons": region.cell_population,
        }
    )
    centre = cells.groupby("group").sum()
    centre = centre[["lat", "lon"]].div(centre["persons"].where(centre["persons"] > 0), axis=0)
    pairs: dict[tuple[int, int], list[float]] = {}
    for a, b, strength in zip(region.kin_group_a, region.kin_group_b, region.kin_strength, strict=True):
        ends = centre.reindex([a, b]).to_numpy(dtype=float)
        if a < b and np.isfinite(ends).all():
            pairs.setdefault((int(a), int(b)), [*ends.ravel(), float(strength)])
    ties = pd.DataFrame(list(pairs.values()), columns=["lat_a", "lon_a", "lat_b", "lon_b", "strength"])
    present = pd.Series(0.0, index=list(region.states))
    for mission in region.missions:
        present.iloc[mission.state] += mission.persons(year, month)
    return districts, ties, present[present > 0]
