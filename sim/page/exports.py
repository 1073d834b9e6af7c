"""What can be downloaded: tables, a figure and an animation of a pair of worlds, made from recorded frames."""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.page.facts import load_home, map_shapes
from sim.page.frames import MEASURES, Part
from sim.page.state import State
from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES

if TYPE_CHECKING:
    import pandas as pd

    from sim.page.replications import Replications
    from sim.scenario import Scenario

FRAMES = 40
"""Most frames of an animation."""
SHOWN = ("participants", "incidents", "tension", "legitimacy", "stability", "cost")
File = tuple[str, str, bytes]


@dataclass
class Pair:
    """Both worlds as recorded so far."""

    state: State
    base: Scenario
    ours: Scenario
    parts: dict[str, list[Part]] = field(default_factory=lambda: {"base": [], "ours": []})

    def take(self, world: str, part: Part) -> None:
        """Keep a part."""
        self.parts[world].append(part)

    @property
    def complete(self) -> bool:
        """Whether both worlds ran to their end."""
        return all(parts and parts[-1].last for parts in self.parts.values())

    def series(self, world: str) -> Any:
        """Outcomes (months, 1 + n_states, n_outcomes), the region first."""
        return np.concatenate([part.series for part in self.parts[world]])

    def districts(self, world: str) -> Any:
        """What the map shows (months, n_measures, n_districts)."""
        return np.concatenate([part.districts for part in self.parts[world]])

    @property
    def worlds(self) -> tuple[tuple[str, Scenario], ...]:
        """Both worlds with their scenarios."""
        return ("base", self.base), ("ours", self.ours)


def months_csv(pair: Pair) -> File:
    """Every outcome by world, month and state."""
    import pandas as pd

    region = load_home(pair.ours.region, pair.ours.start_year)
    scopes = ["region", *region.states]
    frames = []
    for world, scenario in pair.worlds:
        values = pair.series(world)
        months = len(values)
        keys = {
            "scenario": scenario.key,
            "month": np.repeat(np.arange(months), len(scopes)),
            "date": np.repeat([scenario.date(month) for month in range(months)], len(scopes)),
            "state": np.tile(scopes, months),
        }
        frames.append(
            pd.DataFrame({**keys, **dict(zip(OUTCOME_NAMES, values.reshape(-1, len(OUTCOMES)).T, strict=True))})
        )
    return "months.csv", "text/csv", _csv(pd.concat(frames))


def districts_csv(pair: Pair) -> File:
    """What the map shows, by world, month and district."""
    import pandas as pd

    region = load_home(pair.ours.region, pair.ours.start_year)
    states = [region.states[index] for index in region.district_state.tolist()]
    frames = []
    for world, scenario in pair.worlds:
        values = pair.districts(world)
        months, n = len(values), region.n_districts
        keys = {
            "scenario": scenario.key,
            "month": np.repeat(np.arange(months), n),
            "state": np.tile(states, months),
            "district": np.tile(region.districts, months),
        }
        columns = {measure.name: values[:, index].reshape(-1) for index, measure in enumerate(MEASURES)}
        frames.append(pd.DataFrame({**keys, **columns}))
    return "districts.csv", "text/csv", _csv(pd.concat(frames))


def log_csv(pair: Pair) -> File:
    """Decisions of both worlds."""
    import pandas as pd

    rows = [
        {"scenario": scenario.key, "month": month, "date": scenario.date(month), "who": who, "what": what, "why": why}
        for world, scenario in pair.worlds
        for part in pair.parts[world]
        for month, who, what, why in part.lines
    ]
    columns = ["scenario", "month", "date", "who", "what", "why"]
    return "decisions.csv", "text/csv", _csv(pd.DataFrame(rows, columns=columns))


def figure_png(pair: Pair) -> File:
    """Six outcomes of the region in both worlds."""
    from matplotlib.lines import Line2D

    from sim.plots.style import (
        BLUE,
        GREY,
        fair_range,
        month_dates,
        new_sheet,
        save_figure,
        styled,
        tidy_dates,
        tidy_values,
    )

    start = (pair.ours.start_year, pair.ours.start_month)
    with styled():
        legend = [Line2D([], [], color=GREY, lw=1.4, ls="--", label=_title(pair.base)),
                  Line2D([], [], color=BLUE, lw=1.4, label=_title(pair.ours))]  # fmt: skip
        page = new_sheet(9.0, 4.6, "Two worlds on the same luck", _note(pair), legend)
        grid = page.body.subplots(2, 3, sharex=True)
        for axes, name in zip(grid.flat, SHOWN, strict=True):
            index = OUTCOME_NAMES.index(name)
            for world, colour, style in (("base", GREY, "--"), ("ours", BLUE, "-")):
                values = pair.series(world)[:, 0, index]
                axes.plot(month_dates(range(len(values)), *start), values, color=colour, ls=style, lw=1.3)
            axes.set_title(f"{OUTCOMES[index].label}, {OUTCOMES[index].unit}")
            fair_range(axes)
            tidy_dates(axes.xaxis, 6)
            tidy_values(axes.yaxis)
        with tempfile.TemporaryDirectory(prefix="stabsim-") as folder:
            png, _ = save_figure(page.figure, Path(folder) / "figure")
            return "two_worlds.png", "image/png", png.read_bytes()


def animation_gif(pair: Pair, measure: str = "tension") -> File:
    """Both maps month by month, as a short animation."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from PIL import Image

    from sim.plots.style import GREY, SOFT, number_text, styled, wrap

    index = next(number for number, item in enumerate(MEASURES) if item.name == measure)
    values = {world: pair.districts(world)[:, index] for world in ("base", "ours")}
    months = len(values["base"])
    shown = np.unique(np.linspace(0, months - 1, min(months, FRAMES)).astype(int)).tolist()
    shapes = map_shapes(pair.ours.region, pair.ours.start_year)
    spots = np.array([one["at"] for one in shapes["districts"]])
    sizes = np.array([one["radius"] for one in shapes["districts"]]) ** 2 / 9.0
    limit = max(float(max(v.max() for v in values.values())), 1e-9)
    images = []
    with styled():
        figure = Figure(figsize=(8.0, 4.7), dpi=90)
        canvas = FigureCanvasAgg(figure)
        marks = []
        for number, (world, scenario) in enumerate(pair.worlds):
            axes: Any = figure.add_axes((0.01 + 0.5 * number, 0.17, 0.48, 0.71))
            rings = [np.array(one["points"]) for one in shapes["outlines"]]
            axes.add_collection(PolyCollection(rings, facecolor="#F4F4F4", edgecolor=GREY, linewidth=0.6))
            marks.append((world, axes.scatter(spots[:, 0], spots[:, 1], s=sizes, c=values[world][0], cmap="cividis_r",
                                              norm=Normalize(0, limit), linewidths=0.2, edgecolors=GREY)))  # fmt: skip
            axes.set_xlim(0, shapes["width"])
            axes.set_ylim(shapes["height"], 0)
            axes.set_aspect("equal")
            axes.set_axis_off()
            axes.set_title(_title(scenario)[:60])
        head = figure.text(0.02, 0.94, "", fontsize=11, fontweight="bold")
        bar = figure.colorbar(
            marks[0][1], cax=figure.add_axes((0.3, 0.145, 0.4, 0.018)), orientation="horizontal", format=number_text
        )
        bar.set_label(MEASURES[index].unit, fontsize=7)
        bar.outline.set_visible(False)
        figure.text(0.02, 0.015, "\n".join(wrap(_note(pair), 150)), fontsize=6.5, color=SOFT, va="bottom")
        for month in shown:
            for world, mark in marks:
                mark.set_array(values[world][month])
            head.set_text(f"{MEASURES[index].label}, {pair.ours.date(month)}")
            canvas.draw()
            images.append(
                Image.frombytes("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba())).convert(
                    "P", palette=Image.Palette.ADAPTIVE
                )
            )
    with io.BytesIO() as target:
        images[0].save(target, format="GIF", save_all=True, append_images=images[1:], duration=180, loop=0)
        return "two_worlds.gif", "image/gif", target.getvalue()


def results_zip(replications: Replications | None) -> File:
    """The folder of the replications: tables, figures, scenarios, manifest."""
    if replications is None or not (replications.results / "effects.csv").is_file():
        raise LookupError("run the replications first")
    with io.BytesIO() as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(replications.results.rglob("*")):
                if path.is_file() and not path.name.startswith("."):
                    archive.write(path, path.relative_to(replications.results).as_posix())
        return "replications.zip", "application/zip", target.getvalue()


def _csv(table: pd.DataFrame) -> bytes:
    from sim.analysis import write_csv

    with tempfile.TemporaryDirectory(prefix="stabsim-") as folder:
        path = Path(folder) / "table.csv"
        write_csv(table, path)
        return path.read_bytes()


def _title(scenario: Scenario) -> str:
    return scenario.title or scenario.key


def _note(pair: Pair) -> str:
    from sim import __version__
    from sim.plots import Note

    return Note(_title(pair.ours), 1, pair.state.seed, __version__, pair.state.citizens, _title(pair.base)).text(
        "One history in each world, on the same luck."
    )
