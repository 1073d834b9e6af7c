"""The common look of every figure.

Colours and type; the sheet a figure is drawn on, with its title, legend and caption; text and axes laid out alike; and
files whose bytes repeat.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.dates import MONTHLY, AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import Formatter, MaxNLocator
from numpy.typing import NDArray
from PIL import Image

from sim.status import status

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
INK, SOFT, GREY, PALE = "#222222", "#555555", "#767676", "#D9D9D9"
"""Blue, orange, green and vermilion of Okabe and Ito (2008), distinct for colour-blind readers."""
DIVERGING = "PuOr_r"
"""Colour map of differences, purple below zero and orange above; distinct for colour-blind readers too."""
BETTER = {"lower": "lower is better", "higher": "higher is better"}

FONT = "DejaVu Sans"
BOX = "\N{WHITE SQUARE}"

STYLE: dict[str, Any] = {
    "font.family": [FONT],
    "font.size": 8.5,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "stabsim",
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "path.simplify": True,
}

CAPTION_SIZE = 7.0
CHARACTERS_PER_INCH = 17.0
"""At the caption's size; generous, so that no line runs off the figure."""
MARGIN = 0.12
LINE_HEIGHT = 0.145
LEGEND_HEIGHT = 0.27


@dataclass(frozen=True)
class Note:
    """Where the numbers of a figure come from, printed under it.

    ``model`` is the hash of the model that made the numbers (this version's if empty); the validation status follows from
    it.
    """

    scenarios: str
    replications: int
    seed: int
    version: str
    citizens: int | str = ""
    baseline: str = ""
    model: str = ""
    drawn: int = 0
    """Parameter sets of the ensemble that replications drew from; 0: central values."""

    def text(self, explained: str, averaged: bool = False) -> str:
        """Write the caption: scenarios, replications, seed, version, what the marks mean, and the validation status.

        ``averaged``: the figure shows sampling error only, averaged over the drawn parameters.
        """
        what = f"{self.scenarios}, compared with {self.baseline}" if self.baseline else self.scenarios
        many = "replication" if self.replications == 1 else "replications"
        size = f"{self.citizens:,}" if isinstance(self.citizens, int) else self.citizens
        drawn = ""
        if self.drawn:
            effect = (
                " and averaged over; parameter uncertainty is not shown"
                if averaged
                else ", the same in both runs of a pair"
            )
            drawn = f" Parameters are drawn from the calibrated ensemble ({self.drawn:,} parameter sets){effect}."
        return (
            f"Scenario: {what}. {self.replications} {many}, seed {self.seed}, {f'{size} citizens, ' if size else ''}"
            f"stabsim {self.version}. {explained}{drawn} {status(self.model)}."
        )


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Draw and save in the common look: a context, or a decorator of a function that draws."""
    with matplotlib.rc_context(STYLE):
        yield


@dataclass(frozen=True)
class Sheet:
    """A figure being drawn: ``body`` takes the axes; ``foot`` already holds the legend and the caption."""

    figure: Figure
    body: Any
    foot: Any


def new_sheet(width: float, height: float, title: str, caption: str, legend: Sequence[Any] = ()) -> Sheet:
    """Open a figure: ``width`` by ``height`` inches for the axes, room below for legend and caption."""
    lines = wrap(caption, int((width - 2 * MARGIN) * CHARACTERS_PER_INCH))
    columns = legend_columns([str(handle.get_label()) for handle in legend], width - 2 * MARGIN)
    legend_height = LEGEND_HEIGHT * math.ceil(len(legend) / columns) if legend else 0.0
    foot_height = LINE_HEIGHT * len(lines) + legend_height + 2 * 0.06
    heading = wrap(title, int((width - 2 * MARGIN) * 11.5))
    height += 0.19 * (len(heading) - 1)
    figure = Figure(figsize=(width, height + foot_height), layout="constrained")
    figure.set_label(clean(title))
    FigureCanvasAgg(figure)
    parts: Any = figure.subfigures(2, 1, height_ratios=[height, foot_height])
    body, foot = parts
    body.suptitle("\n".join(heading), x=MARGIN / width, ha="left", fontsize=10.5, fontweight="bold")
    foot.text(
        MARGIN / width,
        0.06 / foot_height,
        "\n".join(lines),
        fontsize=CAPTION_SIZE,
        color=SOFT,
        va="bottom",
        ha="left",
        linespacing=1.3,
    )
    if legend:
        foot.legend(
            handles=list(legend),
            loc="upper left",
            bbox_to_anchor=(MARGIN / width, 1.0),
            ncols=columns,
            borderaxespad=0.0,
            borderpad=0.2,
            handlelength=2.0,
            columnspacing=1.6,
        )
    return Sheet(figure, body, foot)


def legend_columns(labels: Sequence[str], width: float) -> int:
    """Choose how many legend entries fit beside each other in so many inches."""
    widest = max((len(label) for label in labels), default=0) * 0.068 + 0.6
    total = sum(len(label) * 0.068 + 0.6 for label in labels)
    return max(1, len(labels)) if total <= width else max(1, int(width / widest))


WIDTHS = {1: 6.6, 2: 4.0, 3: 3.0}
NARROW = 2.4
"""Inches of a panel by the number beside each other; four or more are narrow, so that a figure fits a report's page."""
LOW, TALL = 2.0, 2.8
LETTERS_PER_INCH = 10.0


def small_multiples(
    titles: Sequence[str],
    heading: str,
    caption: str,
    legend: Sequence[Any] = (),
    *,
    share_x: bool = True,
    share_y: bool = True,
    low: float = LOW,
    lines: int = 2,
) -> tuple[Sheet, list[Any]]:
    """Open a sheet with one panel for each title.

    Parameters
    ----------
    titles : sequence of str
        Title of each panel, cut to ``lines`` lines; an empty one leaves its panel without.
    heading, caption : str
        Title of the figure, and the text under it.
    legend : sequence of handles
        What the marks mean; it stands between panels and caption.
    share_x, share_y : bool
        One scale for all panels; a shared axis below is labelled once in each column.
    low : float
        Inches of a row of panels where there are several beside each other.

    Returns
    -------
    sheet : Sheet
    panels : list of matplotlib Axes
        In the order of the titles.
    """
    n_rows, n_columns = grid_shape(len(titles))
    width = WIDTHS.get(n_columns, NARROW)
    size = (0.6 + width * n_columns, 0.9 + (max(TALL, low) if n_columns == 1 else low) * n_rows)
    sheet = new_sheet(*size, heading, caption, legend)
    panels = panel_grid(sheet, len(titles), (n_rows, n_columns), sharex=share_x, sharey=share_y)
    for place, (axes, title) in enumerate(zip(panels, titles, strict=True)):
        if title:
            axes.set_title(shorten(title, int(width * LETTERS_PER_INCH), lines))
        if share_x:
            axes.tick_params(labelbottom=place + n_columns >= len(titles))
    return sheet, panels


def panel_grid(sheet: Sheet, count: int, shape: tuple[int, int], **shared: bool) -> list[Any]:
    """Return so many panels of a grid of (rows, columns); those left over are removed."""
    grid = list(sheet.body.subplots(*shape, squeeze=False, **shared).flat)
    for axes in grid[count:]:
        axes.remove()
    return grid[:count]


def wrap(text: str, width: int) -> list[str]:
    """Break text into lines, cutting words that would not fit; always through ``clean``."""
    return textwrap.wrap(clean(text), max(width, 8), break_long_words=True) or [""]


def fold(text: str, width: int) -> str:
    """Return text broken into as many lines as it needs."""
    return "\n".join(wrap(text, width))


def axis_label(kind: str, unit: str) -> str:
    """Write what an axis shows and in what unit."""
    return f"{kind} (scale {unit})" if unit.startswith("0 to ") else f"{kind}, {unit}"


def shorten(text: str, width: int, lines: int) -> str:
    """Break text into at most so many lines, marking what is left out."""
    broken = wrap(text, width)
    if len(broken) > lines:
        broken = [*broken[: lines - 1], broken[lines - 1][: width - 1].rstrip() + "…"]
    return "\n".join(broken)


def clean(text: str) -> str:
    """Make any text drawable, the one place where text of a figure is escaped.

    Control and direction marks become spaces, letters the font lacks an empty box. Formulas stay text because
    ``text.parse_math`` is off; SVG is escaped by its writer.
    """
    known = _drawable()
    plain = (character if character.isprintable() else " " for character in str(text))
    return "".join(character if ord(character) in known else BOX for character in plain)


@lru_cache(maxsize=1)
def _drawable() -> frozenset[int]:
    """Code points of the one font in use."""
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont(FONT)).get_charmap())


def grid_shape(panels: int, most: int = 4) -> tuple[int, int]:
    """Rows and columns for so many panels."""
    columns = min(most, panels) if panels <= most else min(most, math.ceil(math.sqrt(panels)))
    return math.ceil(panels / columns), columns


def number_text(value: float, _: object = None) -> str:
    """Write one number: thousands as k, millions as M, no needless digits, a true minus sign."""
    return _written(value, f"{_scaled(value)[0]:.4g}")


class TickText(Formatter):
    """Write the numbers of an axis with just the digits that tell its ticks apart."""

    def __call__(self, value: float, position: int | None = None) -> str:
        """Write one number by itself."""
        return number_text(value)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Write all ticks of an axis alike."""
        largest = max((abs(value) for value in values), default=0.0)
        if largest < 1e-5:
            return [_written(value, f"{value:.2g}") for value in values]
        size = _scaled(largest)[0] / largest
        steps = [(b - a) * size for a, b in pairwise(sorted(values)) if b > a]
        digits = next((count for count in range(9) if all(_fits(step, count) for step in steps)), 9)
        return [_written(value, f"{value * size:,.{digits}f}", largest) for value in values]


MINUS = "\N{MINUS SIGN}"


def _fits(step: float, digits: int) -> bool:
    return abs(round(step, digits) - step) < 1e-3 * step


def _scaled(value: float) -> tuple[float, str]:
    """Return a value in thousands, millions or billions where it is that large, and the suffix."""
    for size, suffix in ((1e9, " bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= (size if suffix != "k" else 1e4):
            return value / size, suffix
    return value, ""


def _written(value: float, text: str, largest: float | None = None) -> str:
    if value == 0:
        return "0"
    return text.replace("-", MINUS) + _scaled(value if largest is None else largest)[1]


def tidy_values(axis: Any, ticks: int = 5) -> None:
    """Give an axis few, readable numbers."""
    axis.set_major_locator(MaxNLocator(ticks, min_n_ticks=min(ticks, 3), steps=[1, 2, 5, 10]))
    axis.set_major_formatter(TickText())


def name_rows(axes: Any, names: Iterable[str], grid: str = "y") -> None:
    """Name the rows of an axis from the top; grid lines along the rows ("y") or across them ("x")."""
    rows = list(names)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis=grid, color=PALE, lw=0.5)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)


def halo(width: float = 2.4) -> list[Any]:
    """White rim that keeps a mark or a word readable on whatever lies below it."""
    return [withStroke(linewidth=width, foreground="white")]


def colour_limit(effects: pd.Series) -> float:
    """End of a colour scale: 98th percentile of sizes, so that one extreme value does not wash out the others."""
    sizes = effects.abs().dropna().to_numpy()
    if not sizes.size or sizes.max() == 0:
        return 1.0
    return float(np.quantile(sizes, 0.98)) or float(sizes.max())


def colour_bar(sheet: Sheet, axes: Any, limit: float, effects: pd.Series, label: str, **size: float) -> None:
    """Add the scale of `DIVERGING` colours from minus ``limit`` to ``limit``, pointed where effects lie beyond."""
    bar = sheet.body.colorbar(
        ScalarMappable(Normalize(-limit, limit), DIVERGING),
        ax=axes,
        format=number_text,
        extend="both" if effects.abs().max() > limit else "neither",
        **size,
    )
    bar.set_label(label, fontsize=8)
    bar.outline.set_visible(False)


LEAST_SPAN = 0.1


def fair_range(axes: Any) -> None:
    """Set the range of upright values so that it neither hides nor enlarges what is drawn.

    From zero unless that would flatten it; else at least a tenth of the level, so that a change in the third digit does not
    fill the axis.
    """
    low, high = axes.dataLim.y0, axes.dataLim.y1
    if low == high == 0:
        axes.set_ylim(0, 1)
    elif 0 <= low < 0.6 * high:
        axes.set_ylim(0, high * 1.05)
    else:
        half = 0.55 * max(high - low, LEAST_SPAN * max(abs(low), abs(high)))
        axes.set_ylim((low + high) / 2 - half, (low + high) / 2 + half)


def tidy_dates(axis: Any, ticks: int = 5) -> None:
    """Give an axis few, readable dates."""
    locator = AutoDateLocator(minticks=3, maxticks=ticks)
    locator.intervald[MONTHLY] = [1, 2, 3, 4, 6, 12]  # two years on a narrow panel
    axis.set_major_locator(locator)
    axis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))


def month_dates(months: Sequence[int], start_year: int, start_month: int) -> list[datetime.date]:
    """Turn months since the start into the first day of the calendar month."""
    counts = [start_year * 12 + start_month - 1 + int(month) for month in months]
    return [datetime.date(count // 12, count % 12 + 1, 1) for count in counts]


def described(figure: Figure) -> tuple[str, str]:
    """Return the title and the caption of a figure made with ``new_sheet``, as plain text."""
    return str(figure.get_label()), figure.subfigs[1].texts[0].get_text().replace("\n", " ")


def settle(figure: Figure) -> None:
    """Lay the figure out once and keep that, rounded: the solver's last digits depend on memory addresses."""
    if not isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        return
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for half in figure.subfigs:
        box: Any = half.bbox_relative
        box.p0, box.p1 = np.round(box.p0, 4), np.round(box.p1, 4)
    for axes in figure.findobj(Axes):
        left, bottom, width, height = (round(float(v), 4) for v in axes.get_position(original=True).bounds)
        axes.set_position((left, bottom, width, height))
    for part in (figure, *figure.subfigs):
        for text in part.findobj(Text):
            if text.axes is None:
                x, y = text.get_position()
                text.set_position((round(x, 4), round(y, 4)))


def save_figure(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write ``stem.png`` and ``stem.svg``; the same figure gives the same bytes."""
    png, svg = stem.with_name(stem.name + ".png"), stem.with_name(stem.name + ".svg")
    png.write_bytes(png_bytes(figure))
    save_svg(figure, svg)
    return png, svg


def save_svg(figure: Figure, path: Path) -> None:
    """Write the figure as SVG with real text; the same figure gives the same bytes."""
    with styled():
        settle(figure)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def png_bytes(figure: Figure, dpi: int = 150) -> bytes:
    """Return the figure as PNG; the same figure gives the same bytes."""
    with styled(), io.BytesIO() as buffer:
        settle(figure)
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        return buffer.getvalue()


COMMON = 32
"""Colours that `small_png` keeps exactly."""


def small_png(png: bytes) -> bytes:
    """Return a PNG with a palette: a third of the size, no colour off by more than a few steps of 255.

    The commonest colours stay as they are, so that a grey plain does not take the tint of a scale beside it.
    """
    with Image.open(io.BytesIO(png)) as image:
        plain = image.convert("RGB")
        rough = plain.quantize(256 - COMMON, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    codes: NDArray[np.int64] = np.asarray(plain, dtype=np.int64) @ np.array([65536, 256, 1], np.int64)
    known, place, count = np.unique(codes, return_inverse=True, return_counts=True)
    colours = np.stack([known >> 16, known >> 8 & 255, known & 255], axis=1)
    exact = colours[np.argsort(-count, kind="stable")[:COMMON]]
    palette = np.concatenate([exact, np.reshape(rough[: 3 * (256 - COMMON)], (-1, 3))])
    nearest = ((colours[:, None, :] - palette[None, :, :]) ** 2).sum(axis=2).argmin(axis=1).astype(np.uint8)
    flat = Image.fromarray(nearest[place.reshape(codes.shape)], mode="P")
    flat.putpalette(palette.astype(np.uint8).tobytes())
    with io.BytesIO() as buffer:
        flat.save(buffer, format="png", optimize=True)
        return buffer.getvalue()
