"""Downloads: tables, a figure and an animation of a recorded pair of runs, and the results of replications."""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.page.runs import F8, MAP_OUTCOMES, RunPart
from sim.page.state import PageState, ScenarioPair
from sim.page.view import map_shapes
from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario import Scenario

FRAMES = 40
"""Most frames of an animation."""
SHOWN = ("participants", "incidents", "tension", "legitimacy", "stability", "cost")
File = tuple[str, str, bytes]
"""File name, media type, content."""


@dataclass
class RecordedPair:
    """Baseline and scenario of a state, as recorded so far."""

    state: PageState
    scenarios: ScenarioPair
    parts: dict[str, list[RunPart]] = field(default_factory=lambda: {"baseline": [], "scenario": []})

    @property
    def complete(self) -> bool:
        """Whether both ran to their end."""
        return all(parts and parts[-1].last for parts in self.parts.values())

    def series(self, role: str) -> F8:
        """Outcomes (months, 1 + n_states, n_outcomes), the region first."""
        return np.concatenate([part.series for part in self.parts[role]])

    def districts(self, role: str) -> F8:
        """Outcomes of the map (months, n_map_outcomes, n_districts)."""
        return np.concatenate([part.districts for part in self.parts[role]])


def months_csv(pair: RecordedPair) -> File:
    """Every outcome by scenario, month and state."""
    places = {"state": ["region", *pair.state.region.states]}
    values = {role: pair.series(role) for role in pair.parts}
    return "months.csv", "text/csv", _csv(_by_place(pair, places, values, OUTCOME_NAMES))


def districts_csv(pair: RecordedPair) -> File:
    """The outcomes of the map by scenario, month and district."""
    region = pair.state.region
    places = {"state": [region.states[index] for index in region.district_state], "district": list(region.districts)}
    values = {role: pair.districts(role).swapaxes(1, 2) for role in pair.parts}
    names = tuple(outcome.name for outcome in MAP_OUTCOMES)
    return "districts.csv", "text/csv", _csv(_by_place(pair, places, values, names))


def _by_place(
    pair: RecordedPair, places: dict[str, list[str]], values: dict[str, F8], names: tuple[str, ...]
) -> pd.DataFrame:
    """A row a month and place, from ``values`` (months, n_places, n_names) of both runs."""
    import pandas as pd

    tables = []
    for role, scenario in pair.scenarios.roles:
        months, n_places, _ = values[role].shape
        keys = {
            "scenario": scenario.key,
            "month": np.repeat(np.arange(months), n_places),
            "date": np.repeat([scenario.date(month) for month in range(months)], n_places),
            **{name: np.tile(keys, months) for name, keys in places.items()},
        }
        columns = dict(zip(names, values[role].reshape(-1, len(names)).T, strict=True))
        tables.append(pd.DataFrame({**keys, **columns}))
    return pd.concat(tables)


def decisions_csv(pair: RecordedPair) -> File:
    """Decisions in both runs."""
    import pandas as pd

    rows = [
        (scenario.key, month, scenario.date(month), who, what, why)
        for role, scenario in pair.scenarios.roles
        for part in pair.parts[role]
        for month, who, what, why in part.lines
    ]
    table = pd.DataFrame(rows, columns=["scenario", "month", "date", "who", "what", "why"])
    return "decisions.csv", "text/csv", _csv(table)


def _csv(table: pd.DataFrame) -> bytes:
    from sim.analysis import write_csv

    with tempfile.TemporaryDirectory(prefix="stabsim-") as folder:
        path = Path(folder) / "table.csv"
        write_csv(table, path)
        return path.read_bytes()


def figure_png(pair: RecordedPair) -> File:
    """Six outcomes of the region in both runs."""
    from matplotlib.lines import Line2D

    from sim.plots import style

    scenario = pair.scenarios.scenario
    lines: dict[str, Any] = {
        "baseline": {"color": style.GREY, "ls": "--"},
        "scenario": {"color": style.BLUE, "ls": "-"},
    }
    with style.styled():
        legend = [Line2D([], [], lw=1.4, label=_title(one), **lines[role]) for role, one in pair.scenarios.roles]
        sheet = style.new_sheet(9.0, 4.6, "Baseline and scenario with the same random draws", _note(pair), legend)
        grid = sheet.body.subplots(2, 3, sharex=True)
        for axes, name in zip(grid.flat, SHOWN, strict=True):
            index = OUTCOME_NAMES.index(name)
            for role, look in lines.items():
                values = pair.series(role)[:, 0, index]
                dates = style.month_dates(range(len(values)), scenario.start_year, scenario.start_month)
                axes.plot(dates, values, lw=1.3, **look)
            axes.set_title(f"{OUTCOMES[index].label}, {OUTCOMES[index].unit}")
            style.fair_range(axes)
            style.tidy_dates(axes.xaxis, 6)
            style.tidy_values(axes.yaxis)
        return "baseline_and_scenario.png", "image/png", style.png_bytes(sheet.figure)


def animation_gif(pair: RecordedPair, name: str = "tension") -> File:
    """Both maps month by month, as a short animation."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from PIL import Image

    from sim.plots import style

    index = next(number for number, item in enumerate(MAP_OUTCOMES) if item.name == name)
    values = {role: pair.districts(role)[:, index] for role in pair.parts}
    months = len(values["baseline"])
    scenario = pair.scenarios.scenario
    shapes = map_shapes(scenario.region, scenario.start_year)
    spots = np.array([one["at"] for one in shapes["districts"]])
    sizes = np.array([one["radius"] for one in shapes["districts"]]) ** 2 / 9.0
    rings = [np.array(one["points"]) for one in shapes["outlines"]]
    scale = Normalize(0, max(float(max(v.max() for v in values.values())), 1e-9))
    images = []
    with style.styled():
        figure = Figure(figsize=(8.0, 4.7), dpi=90)
        canvas = FigureCanvasAgg(figure)
        marks = {}
        for number, (role, one) in enumerate(pair.scenarios.roles):
            axes: Any = figure.add_axes((0.01 + 0.5 * number, 0.17, 0.48, 0.71))
            axes.add_collection(PolyCollection(rings, facecolor="#F4F4F4", edgecolor=style.GREY, linewidth=0.6))
            marks[role] = axes.scatter(
                *spots.T,
                s=sizes,
                c=values[role][0],
                cmap="cividis_r",
                norm=scale,
                linewidths=0.2,
                edgecolors=style.GREY,
            )
            axes.set(xlim=(0, shapes["width"]), ylim=(shapes["height"], 0), aspect="equal", title=_title(one)[:60])
            axes.set_axis_off()
        head = figure.text(0.02, 0.94, "", fontsize=11, fontweight="bold")
        place = figure.add_axes((0.3, 0.145, 0.4, 0.018))
        bar = figure.colorbar(marks["baseline"], cax=place, orientation="horizontal", format=style.number_text)
        bar.set_label(MAP_OUTCOMES[index].unit, fontsize=7)
        bar.outline.set_visible(False)
        caption = "\n".join(style.wrap(_note(pair), 150))
        figure.text(0.02, 0.015, caption, fontsize=6.5, color=style.SOFT, va="bottom")
        for month in np.unique(np.linspace(0, months - 1, min(months, FRAMES)).astype(int)).tolist():
            for role, mark in marks.items():
                mark.set_array(values[role][month])
            head.set_text(f"{MAP_OUTCOMES[index].label}, {scenario.date(month)}")
            canvas.draw()
            image = Image.frombytes("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba()))
            images.append(image.convert("P", palette=Image.Palette.ADAPTIVE))
    with io.BytesIO() as target:
        images[0].save(target, format="GIF", save_all=True, append_images=images[1:], duration=180, loop=0)
        return "baseline_and_scenario.gif", "image/gif", target.getvalue()


def results_zip(results: Path | None) -> File:
    """The folder of the replications: tables, figures, scenarios, manifest."""
    if results is None or not (results / "effects.csv").is_file():
        raise LookupError("run the replications first")
    with io.BytesIO() as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(results.rglob("*")):
                if path.is_file() and not path.name.startswith("."):
                    archive.write(path, path.relative_to(results).as_posix())
        return "replications.zip", "application/zip", target.getvalue()


def _title(scenario: Scenario) -> str:
    return scenario.title or scenario.key


def _note(pair: RecordedPair) -> str:
    from sim import __version__
    from sim.plots import Note

    titles = _title(pair.scenarios.scenario), _title(pair.scenarios.baseline)
    return Note(titles[0], 1, pair.state.seed, __version__, pair.state.citizens, titles[1]).text(
        "One run of each, with the same random draws."
    )
