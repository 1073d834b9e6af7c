"""Which figures a run and a comparison come with, drawn one at a time to keep only one in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from sim.analysis import OUTCOMES_BY_PLACE
from sim.plots.bars import ranking_figure
from sim.plots.effects import forest_figure, plane_figure, scorecard_figure, states_figure, theories_figure
from sim.plots.maps import Outlines, map_figure
from sim.plots.over_time import baseline_figure, chain_figure, timeline_figure
from sim.plots.style import BETTER, Note, described, png_bytes, save_svg
from sim.world.outcomes import OUTCOMES

OVER_TIME = ("incidents", "communal_deaths", "new_displaced", "tension", "legitimacy", "stability")
ON_MAPS = ("incidents", "new_displaced", "tension", "unemployment")
BY_STATE = ("incidents", "tension")
PRIMARY = "incidents"
"""The outcome shown where a figure has room for one: fixed, so that nobody picks it after seeing the numbers."""
MOST_CHAINS = 4
HEADLINE = tuple(item for item in OUTCOMES if item.headline)
BY_NAME = {item.name: item for item in OUTCOMES}

Named = Iterator[tuple[str, Figure]]


@dataclass(frozen=True, eq=False)
class MapData:
    """What a map needs to know of a region.

    ``districts`` has ``state, district, lat, lon``; ``names`` the states' display names.
    """

    districts: pd.DataFrame
    outlines: Outlines
    names: Mapping[str, str]


class Picture(NamedTuple):
    """A drawn figure: its name, the title and caption it carries, and its PNG."""

    name: str
    title: str
    caption: str
    png: bytes


def draw(figures: Iterable[tuple[str, Figure]], folder: Path | None = None, dpi: int = 150) -> list[Picture]:
    """Draw figures one after the other, and write each as PNG and SVG if a folder is given."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for name, figure in figures:
        pictures.append(Picture(name, *described(figure), png_bytes(figure, dpi)))
        if folder is not None:
            (folder / f"{name}.png").write_bytes(pictures[-1].png)
            save_svg(figure, folder / f"{name}.svg")
    return pictures


def files(pictures: Iterable[Picture], folder: Path) -> list[Path]:
    """List what ``draw`` wrote into a folder, PNG before SVG."""
    return [folder / f"{picture.name}{suffix}" for picture in pictures for suffix in (".png", ".svg")]


def run_set(history: pd.DataFrame, note: Note, title: str, start: tuple[int, int]) -> Named:
    """Figures of one scenario: a panel of headline outcomes over time, from ``over_time``."""
    yield "baseline", baseline_figure(history, HEADLINE, note, title, start)


def comparison_set(
    tables: Mapping[str, pd.DataFrame],
    note: Note,
    titles: Mapping[str, str],
    start: tuple[int, int],
    geography: MapData | None,
) -> Named:
    """Figures of a comparison: effects, differences over time, states, maps, and what else there is a table for.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``effects`` and ``over_time``; ``scorecard``, ``districts``, ``ranking``, ``plane``, ``order`` and ``theories`` are
        drawn where present.
    note : Note
        Provenance.
    titles : mapping
        Scenario key to title; the baseline, which has no effects, only shows in the ranking.
    start : (year, month)
        Calendar month of month 0.
    geography : MapData or None
        Where districts and borders are; no maps without it.
    """
    effects = tables["effects"]
    others = {key: title for key, title in titles.items() if (effects["scenario"] == key).any()}
    yield "effects", forest_figure(effects, HEADLINE, note, others)
    if len(tables.get("scorecard", ())):
        yield "scorecard", scorecard_figure(tables["scorecard"], note, others)
    for name in OVER_TIME:
        yield f"over_time_{name}", timeline_figure(tables["over_time"], BY_NAME[name], note, others, start)
    known = dict(geography.names) if geography else {}
    names = {scope: known.get(scope, scope) for scope in effects["scope"].unique() if scope != "region"}
    for name in BY_STATE if len(names) > 1 else ():
        yield f"states_{name}", states_figure(effects, BY_NAME[name], note, others, names)
    yield from _maps(tables.get("districts"), note, others, geography)
    yield from _one_outcome(tables, note, titles, others)
    stances = tables.get("theories", pd.DataFrame())
    for key, title in others.items() if len(stances) and len(others) <= MOST_CHAINS else ():
        yield f"theories_{key}", theories_figure(stances[stances["scenario"] == key], HEADLINE, note, title)


def _maps(table: pd.DataFrame | None, note: Note, titles: Mapping[str, str], geography: MapData | None) -> Named:
    if table is None or geography is None or not geography.outlines:
        return
    placed = table.merge(geography.districts, on=["state", "district"], validate="many_to_one")
    for item in OUTCOMES_BY_PLACE:
        rows = placed[placed["outcome"] == item.name]
        if item.name in ON_MAPS and len(rows):
            unit = "; ".join(filter(None, (item.unit, BETTER.get(item.better))))
            outlines, names = geography.outlines, geography.names
            yield f"map_{item.name}", map_figure(rows, item.label, unit, note, titles, outlines, names)


def _one_outcome(
    tables: Mapping[str, pd.DataFrame], note: Note, titles: Mapping[str, str], others: Mapping[str, str]
) -> Named:
    """Ranking and cost plane of the primary outcome, and the order in which outcomes moved."""
    item = BY_NAME[PRIMARY]
    ranks, plane, order = (tables.get(name, pd.DataFrame()) for name in ("ranking", "plane", "order"))
    if len(ranks):
        chosen = (ranks["outcome"] == PRIMARY) & (ranks["scope"] == "region") & (ranks["window"] == "whole run")
        if chosen.any():
            yield "ranking", ranking_figure(ranks[chosen], item.label, item.better, note, titles)
    if len(plane):
        yield "cost_plane", plane_figure(plane[plane["scope"] == "region"], item.label, item.unit, note, others)
    for key, title in others.items() if len(order) and len(others) <= MOST_CHAINS else ():
        rows = order[(order["scenario"] == key) & (order["scope"] == "region")]
        if rows["month"].notna().any():
            difference = tables["over_time"]
            own = difference[(difference["scenario"] == key) & (difference["scope"] == "region")]
            yield f"order_{key}", chain_figure(rows, note, title, own)
