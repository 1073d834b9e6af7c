"""Which figures a run and a comparison come with, drawn and written in one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sim.analysis import PLACE_MEASURES
from sim.plots.baseline import baseline_figure
from sim.plots.effects import forest_figure
from sim.plots.maps import Outlines, map_figure
from sim.plots.style import Note, save_figure
from sim.plots.timeline import timeline_figure
from sim.world.outcomes import OUTCOMES

OVER_TIME = ("incidents", "communal_deaths", "new_displaced", "tension", "legitimacy", "stability")
ON_MAPS = ("incidents", "new_displaced", "tension", "unemployment")
HEADLINE = tuple((item.name, item.label, item.unit, item.better) for item in OUTCOMES if item.headline)
BETTER = {"lower": "; lower is better", "higher": "; higher is better"}


@dataclass(frozen=True, eq=False)
class Geography:
    """What a map needs to know of a region.

    ``districts`` has ``state, district, lat, lon``; ``names`` the states' display names.
    """

    districts: pd.DataFrame
    outlines: Outlines
    names: Mapping[str, str]


def run_figures(folder: Path, history: pd.DataFrame, note: Note, title: str, start: tuple[int, int]) -> list[Path]:
    """Write what one scenario does: a panel of headline outcomes over time."""
    folder.mkdir(parents=True, exist_ok=True)
    return list(save_figure(baseline_figure(history, HEADLINE, note, title, start), folder / "baseline"))


def comparison_figures(
    folder: Path,
    effects: pd.DataFrame,
    timeline: pd.DataFrame,
    districts: pd.DataFrame,
    note: Note,
    titles: Mapping[str, str],
    start: tuple[int, int],
    geography: Geography,
) -> list[Path]:
    """Write the figures of a comparison: effects, differences over time, maps.

    Parameters
    ----------
    folder : Path
        Where to; made if absent.
    effects, timeline, districts : DataFrame
        From ``paired_effects``, ``difference_over_time`` and ``district_effects``.
    note : Note
        Provenance.
    titles : mapping
        Scenario key to title, without the baseline.
    start : (year, month)
        Calendar month of month 0.
    geography : Geography
        Where districts and borders are.

    Returns
    -------
    list of Path
        The files, PNG before SVG.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = list(save_figure(forest_figure(effects, HEADLINE, note, titles), folder / "effects"))
    labels = {item.name: item.label for item in OUTCOMES}
    for name in OVER_TIME:
        figure = timeline_figure(timeline, name, labels[name], note, titles, start)
        written += save_figure(figure, folder / f"over_time_{name}")
    placed = districts.merge(geography.districts, on=["state", "district"], validate="many_to_one")
    for measure in PLACE_MEASURES:
        if measure.name in ON_MAPS:
            rows = placed[placed["outcome"] == measure.name]
            unit = measure.unit + BETTER.get(measure.better, "")
            figure = map_figure(rows, measure.label, unit, note, titles, geography.outlines, geography.names)
            written += save_figure(figure, folder / f"map_{measure.name}")
    return written
