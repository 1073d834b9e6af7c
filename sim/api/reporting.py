"""The report of a folder of results: tables from the stored runs, figures from the tables, one page from both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from sim.analysis import monthly_table, over_time
from sim.api.prepare import RunsFailedError
from sim.api.tables import HISTORY, comparison_tables, finished_runs, sweep_tables
from sim.errors import InputError, SimError
from sim.experiment import ResultsFolder, StoreError
from sim.experiment.design import POINTS
from sim.experiment.files import write_bytes
from sim.plots import (
    MapData,
    Picture,
    box_figure,
    comparison_set,
    draw,
    factors_figure,
    files,
    forest_figure,
    heat_figure,
    run_set,
    sensitivity_figure,
    tornado_figure,
)
from sim.plots.sets import BY_NAME, HEADLINE, PRIMARY, Named
from sim.region import Region, find_region, load_region
from sim.report import Material, Study, report_html

FIGURES, REPORT = "figures", "report.html"
MOST_SWEPT = 4
"""Scenarios of a sweep that get figures of their own; the tables hold all."""


def report(folder: Path | str, *, out: Path | str | None = None) -> Path:
    """Write one self-contained HTML file about a run, a comparison or a sweep, finished or not.

    Parameters
    ----------
    folder : path
        Folder of stored results.
    out : path, optional
        The file; ``report.html`` in the folder by default.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        If the folder holds no results, or the file cannot be written.
    RunsFailedError
        If no finished run is there to report.
    """
    source = ResultsFolder(Path(folder))
    return write_report(source, compose(source, read_study(folder)), out)


def read_study(folder: Path | str) -> Study:
    """Read what an experiment is about, and how much of it is stored.

    Parameters
    ----------
    folder : path
        Folder of stored results.
    """
    source = ResultsFolder(Path(folder))
    if not source.recorded.get("scenarios"):
        raise InputError(source.no_results())
    status = list(source.finished().values())
    points = source.path / POINTS
    count = len(pd.read_csv(points, usecols=["point"])) if points.is_file() else 1
    return Study(source.recorded, status.count("done"), status.count("failed"), count)


def compose(folder: ResultsFolder, study: Study) -> Material:
    """Compute and draw everything about a stored experiment."""
    if not study.done:
        raise RunsFailedError(f"{folder.path}: no run is finished yet; nothing to report")
    if study.kind == "sweep":
        return _sweep(folder, study)
    return _comparison(folder, study) if study.kind == "compare" else _run(folder, study)


def draw_comparison(folder: ResultsFolder, tables: Mapping[str, pd.DataFrame], region: Region) -> list[Picture]:
    """Draw a comparison that has just run into its folder."""
    places = MapData(*geography(region))
    return draw(comparison_figures(read_study(folder.path), tables, places), folder.path / FIGURES)


def publish(
    folder: ResultsFolder, tables: Mapping[str, pd.DataFrame], pictures: list[Picture]
) -> tuple[tuple[Path, ...], Path]:
    """Write the report of a comparison that has just ended; nothing is computed or drawn again.

    Returns
    -------
    tuple of Path, Path
        Files of the figures; the report.
    """
    study = read_study(folder.path)
    material = Material(study, tables, tuple(pictures), scenario_texts(folder, study))
    return tuple(files(pictures, folder.path / FIGURES)), write_report(folder, material)


def draw_run(folder: ResultsFolder, history: pd.DataFrame) -> tuple[Path, ...]:
    """Draw a run that has just finished into its folder."""
    return tuple(
        files(draw(run_figures(read_study(folder.path), history), folder.path / FIGURES), folder.path / FIGURES)
    )


def write_report(folder: ResultsFolder, material: Material, out: Path | str | None = None) -> Path:
    """Write the page in one step; the stored scenarios go with it."""
    target = Path(out) if out is not None else folder.path / REPORT
    content = report_html(material)
    try:
        write_bytes(target, content.encode())
    except StoreError as error:
        raise InputError(f"cannot write the report: {error}") from None
    folder.seal_file(target)
    return target


def scenario_texts(folder: ResultsFolder, study: Study) -> dict[str, str]:
    """Read the stored scenarios, as YAML by key; one that is missing is left out."""
    paths = {key: folder.path / "scenarios" / f"{key}.yaml" for key in study.titles}
    return {key: path.read_text(encoding="utf-8") for key, path in paths.items() if path.is_file()}


def comparison_figures(study: Study, tables: Mapping[str, pd.DataFrame], places: MapData | None) -> Named:
    """Draw what a comparison comes with: its own figures, and the history of the baseline."""
    yield from comparison_set(tables, study.note(list(study.others)), study.titles, study.start, places)
    yield from run_figures(study, tables[HISTORY])


def run_figures(study: Study, history: pd.DataFrame) -> Named:
    """Draw what the baseline, or the only scenario, does by itself."""
    note = study.note([study.baseline], baseline=False)
    return run_set(history, note, study.titles[study.baseline], study.start)


def _comparison(folder: ResultsFolder, study: Study) -> Material:
    stored = set(finished_runs(folder)["scenario"])
    if study.baseline not in stored or len(stored) < 2:
        raise RunsFailedError(f"{folder.path}: no scenario has a finished run that pairs with one of the baseline")
    tables = comparison_tables(folder, study.baseline, study.months)
    if tables["effects"].empty:
        raise RunsFailedError(f"{folder.path}: no scenario has a finished run that pairs with one of the baseline")
    places, remarks = _geography(study)
    pictures = draw(comparison_figures(study, tables, places))
    return Material(study, tables, tuple(pictures), scenario_texts(folder, study), remarks)


def _run(folder: ResultsFolder, study: Study) -> Material:
    history = over_time(monthly_table(folder.frames("series")), study.baseline)
    pictures = draw(run_figures(study, history))
    return Material(study, {"runs": finished_runs(folder)}, tuple(pictures), scenario_texts(folder, study))


def _sweep(folder: ResultsFolder, study: Study) -> Material:
    tables, remarks = sweep_tables(folder, study.baseline, study.design, PRIMARY)
    pictures = draw(sweep_figures(study, tables))
    return Material(study, tables, tuple(pictures), scenario_texts(folder, study), remarks)


def sweep_figures(study: Study, tables: Mapping[str, pd.DataFrame]) -> Named:
    """Draw what a sweep comes with: effects over all points, and the outcome along its factors."""
    titles = study.others or study.titles
    note = study.note(list(titles), baseline=bool(study.others))
    if len(tables.get("effects", ())):
        yield "effects", forest_figure(tables["effects"], HEADLINE, note, titles)
    for key in list(titles)[:MOST_SWEPT]:
        own = {name: table[table["scenario"] == key] for name, table in tables.items() if "scenario" in table}
        yield from _factor_figures(study, key, own, tables["points"])


def _factor_figures(study: Study, key: str, own: Mapping[str, pd.DataFrame], points: pd.DataFrame) -> Named:
    """Draw one scenario along the factors: curves, ends, two factors at once, indices, boxes."""
    if not len(own.get("ends", ())) or (own["ends"][["at_low", "at_high"]] == own["ends"]["at_low"].iloc[0]).all(
        axis=None
    ):
        return
    item, title = BY_NAME[PRIMARY], study.titles[key]
    note = study.note([key], baseline=key != study.baseline)
    kind = "Difference" if study.others else "Mean"
    ends, axis = own["ends"], f"{kind}, {item.unit}"
    yield f"factors_{key}", factors_figure(own["factors"], list(ends["factor"]), item.label, axis, note, title)
    bars = ends.rename(columns={"factor": "label"})
    yield (
        f"drivers_{key}",
        tornado_figure(bars, float(own["values"]["value"].mean()), item.label, axis, note, title),
    )
    if len(own.get("cells", ())):
        up, across = (str(name) for name in points.columns if name != "point")
        yield f"heat_{key}", heat_figure(own["cells"], item.label, item.unit, up, across, note, title)
    if len(own.get("sensitivity", ())):
        yield (
            f"sensitivity_{key}",
            sensitivity_figure(own["sensitivity"], item.label, str(own["sensitivity"]["kind"].iloc[0]), note),
        )
    if len(own.get("boxes", ())):
        fails = own["values"].assign(fails=own["values"]["value"] * (1 if item.better == "lower" else -1) > 0)
        placed = points.merge(fails[["point", "fails"]], on="point")
        first = own["boxes"][own["boxes"]["box"] == own["boxes"]["box"].min()]
        question = f"When does it fail to improve {item.label.lower()}? {title}"
        yield f"box_{key}", box_figure(placed, first, question, note)


def _geography(study: Study) -> tuple[MapData | None, tuple[str, ...]]:
    """Find the region for maps; a report without maps is better than none."""
    name = str(study.resolved[study.baseline].get("region", ""))
    try:
        return MapData(*geography(load_region(find_region(name), study.start[0]))), ()
    except SimError:
        return None, (f"The region {Path(name).name} was not found or has changed, so there are no maps.",)


def geography(region: Region) -> tuple[pd.DataFrame, Any, Mapping[str, str]]:
    """Return what maps need of a region: its districts, outlines, and names of states."""
    districts = pd.DataFrame(
        {
            "state": [region.states[int(index)] for index in region.district_state],
            "district": list(region.districts),
            "lat": region.district_lat,
            "lon": region.district_lon,
        }
    )
    return districts, region.outlines(), dict(zip(region.states, region.state_names, strict=True))
