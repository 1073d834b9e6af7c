"""Figures of many panels: the hindcast (bands over time, skill, PIT, reliability) and the calibration."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from checks.calibration.history import STATISTICS
from checks.calibration.runs import QUANTITIES
from checks.hindcast.bank import CONDITIONS
from checks.intervals import proportion
from checks.records import Chart
from sim.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    SOFT,
    grid_shape,
    new_sheet,
    save_figure,
    styled,
    tidy_values,
    wrap,
)
from sim.status import status

if TYPE_CHECKING:
    from checks.calibration.procedure import Calibration

# --- the hindcast

COLOURS = dict(zip(CONDITIONS, (BLUE, ORANGE), strict=True))
MARKS = dict(zip(CONDITIONS, ("o", "s"), strict=True))
LEAST_SKILL = -1.0
"""Skill below this is drawn at the edge, with an arrow: it has no lower end."""
Rows = list[dict[str, Any]]


def panel_heights(picture: Chart) -> float:
    """Inches that the panels of a picture need."""
    panels = len(_panels(_rows(picture)))
    if picture.kind == "bands":
        return 1.45 * grid_shape(panels, 3)[0]
    if picture.kind == "skills":
        labels = max(len({row["label"] for row in rows}) for rows in _panels(_rows(picture)).values())
        return (0.55 + 0.25 * labels) * grid_shape(panels, 3)[0]
    return 2.6


def legend_of(picture: Chart) -> list[Any]:
    """What the colours and marks of a picture mean."""
    if picture.kind == "bands":
        return [
            Patch(color=BLUE, alpha=0.25, lw=0, label="simulated given the triggers, 90 %"),
            Patch(color=BLUE, alpha=0.5, lw=0, label="the same, 50 %"),
            Line2D([], [], color=INK, marker="o", ms=2.5, lw=0.8, label="observed"),
            Line2D([], [], color=GREY, ls=":", lw=1.0, label="start of the later part"),
        ]
    if picture.kind == "pit":
        return [Patch(color=COLOURS[name], label=name) for name in CONDITIONS]
    marks = [Line2D([], [], color=COLOURS[n], marker=MARKS[n], ms=5, lw=1.2, label=n) for n in CONDITIONS]
    if picture.kind == "reliability":
        marks.append(Line2D([], [], color=INK, lw=0.8, label="upright: 95 % interval, as if months were independent"))
    return marks


def _rows(picture: Chart) -> Rows:
    names = list(picture.columns)
    return [dict(zip(names, cells, strict=True)) for cells in zip(*picture.columns.values(), strict=True)]


def _panels(rows: Rows) -> dict[str, Rows]:
    made: dict[str, Rows] = {}
    for row in rows:
        made.setdefault(row.get("panel", ""), []).append(row)
    return made


def _line(rows: Rows, name: str) -> tuple[np.ndarray, np.ndarray]:
    chosen = [(row["x"], math.nan if row["y"] is None else row["y"]) for row in rows if row["series"] == name]
    return np.array([x for x, _ in chosen], float), np.array([y for _, y in chosen], float)


def _bands(picture: Chart, figure: Any) -> None:
    """Small multiples by unit, each with a scale of its own; a gap in the observed line is missing data."""
    rows = _rows(picture)
    split = next(row["x"] for row in rows if row["series"] == "split")
    panels = _panels([row for row in rows if row["series"] != "split"])
    shape = grid_shape(len(panels), 3)
    axes = figure.subplots(*shape, squeeze=False, sharex=True)
    for place, (ax, (name, here)) in enumerate(zip(axes.flat, panels.items(), strict=False)):
        x, observed = _line(here, "observed")
        for low, high, alpha in (("low90", "high90", 0.25), ("low50", "high50", 0.5)):
            ax.fill_between(x, _line(here, low)[1], _line(here, high)[1], color=BLUE, alpha=alpha, lw=0, step="mid")
        ax.plot(x, _line(here, "median")[1], color=BLUE, lw=0.8, drawstyle="steps-mid")
        ax.plot(x, observed, "-o", color=INK, ms=1.8, lw=0.6)
        ax.axvline(split, color=GREY, ls=":", lw=1.0)
        ax.set_title(name)
        ax.set_ylim(0, max(1.0, 1.05 * ax.dataLim.y1))
        tidy_values(ax.yaxis, 3)
        ax.set_xlim(math.floor(x.min()), math.ceil(x.max()))
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
        ax.tick_params(labelbottom=place + shape[1] >= len(panels))
    _blank(axes, len(panels))
    figure.supylabel("\n".join(wrap(picture.y_label, 44)), fontsize=8.5)


def _skills(picture: Chart, figure: Any) -> None:
    """Dots with intervals, both conditions in each line; one panel a question."""
    panels = _panels(_rows(picture))
    shape = grid_shape(len(panels), 3)
    axes = figure.subplots(*shape, squeeze=False, sharex=True)
    before: list[str] = []
    for k, (ax, (name, here)) in enumerate(zip(axes.flat, panels.items(), strict=False)):
        labels = list(dict.fromkeys(row["label"] for row in here))
        ax.axvline(0.0, color=GREY, lw=0.8)
        for row in here:
            line = len(labels) - 1 - labels.index(row["label"])
            _dot(ax, row, line + (0.16 if row["series"] == CONDITIONS[0] else -0.16))
        ax.set_xlim(LEAST_SKILL - 0.1, 1.1)
        ax.set_ylim(-0.6, len(labels) - 0.4)
        shared = k % shape[1] > 0 and labels == before
        before = labels
        shown = ["" if shared else "\n".join(wrap(label, 24)) for label in labels[::-1]]
        ax.set_yticks(range(len(labels)), shown, fontsize=7)
        ax.set_title("\n".join(wrap(name, 30)), fontsize=8)
    _blank(axes, len(panels))
    figure.supxlabel(picture.x_label, fontsize=8.5)


def _dot(ax: Any, row: dict[str, Any], y: float) -> None:
    colour, mark = COLOURS[row["series"]], MARKS[row["series"]]
    if row["x"] is None:
        ax.text(0.03, y, "no scale", fontsize=6.5, color=SOFT, va="center")
        return
    if row["low"] is not None and row["high"] is not None:
        ends = [max(row["low"], LEAST_SKILL), max(row["high"], LEAST_SKILL)]
        ax.plot(ends, [y, y], color=colour, lw=1.4, solid_capstyle="butt")
    mark = "<" if row["x"] < LEAST_SKILL else mark
    ax.plot([max(row["x"], LEAST_SKILL)], [y], mark, color=colour, ms=4.5, mec=INK, mew=0.3, clip_on=False)


def _pit(picture: Chart, figure: Any) -> None:
    rows = _rows(picture)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, name in zip(axes, CONDITIONS, strict=True):
        x, y = _line(rows, name)
        ax.bar(x, y, width=0.92 / x.size, color=COLOURS[name])
        ax.axhline(1.0 / x.size, color=INK, lw=0.8, ls="--")
        ax.set_title(name)
        ax.set_xlabel("\n".join(wrap(picture.x_label, 34)))
        tidy_values(ax.yaxis, 4)
    axes[0].set_ylabel(f"{picture.y_label}\n(dashed: calibrated)")


def _reliability(picture: Chart, figure: Any) -> None:
    rows = _rows(picture)
    ax = figure.subplots()
    across = min(1.0, 1.15 * max(row["x"] for row in rows))
    edge = min(1.0, 1.15 * max(max(row["x"], row["y"]) for row in rows))
    ax.plot([0, edge], [0, edge], color=GREY, lw=0.8, ls="--")
    for k, name in enumerate(CONDITIONS):
        here = [row for row in rows if row["series"] == name]
        x, y = _line(rows, name)
        ax.plot(x, y, "-", marker=MARKS[name], color=COLOURS[name], ms=4.5, lw=1.0)
        for row in here:
            share = proportion(round(row["y"] * row["n"]), row["n"])
            ax.plot([row["x"]] * 2, [share.low, share.high], color=COLOURS[name], lw=0.8, alpha=0.7)
            ax.annotate(str(row["n"]), (row["x"], row["y"]), (7, 3 if k == 0 else -9), textcoords="offset points",
                        fontsize=6.5, color=INK, ha="center")  # fmt: skip
    ax.set_xlim(-0.03 * across, 1.05 * across)
    ax.set_ylim(-0.09 * edge, 1.1 * edge)
    tidy_values(ax.xaxis)
    tidy_values(ax.yaxis)
    ax.set_xlabel(picture.x_label)
    ax.set_ylabel("\n".join(wrap(f"{picture.y_label} (number of months beside each)", 32)))


def _blank(axes: Any, used: int) -> None:
    for ax in list(axes.flat)[used:]:
        ax.set_axis_off()


PANELS: dict[str, Callable[[Chart, Any], None]] = {
    "bands": _bands,
    "skills": _skills,
    "pit": _pit,
    "reliability": _reliability,
}
"""How each kind of picture of the hindcast is drawn into a figure or subfigure."""


# --- the calibration


def _bins(made: Calibration) -> int:
    """Fewer bars for few points."""
    return 20 if len(made.kept.shares) > 200 else 10


def calibration_figures(made: Calibration, folder: Path) -> list[Path]:
    """Write all figures of a calibration, PNG and SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"marginals": marginals_figure, "pairs": pairs_figure, "fit": fit_figure}
    return [path for name, draw in figures.items() for path in save_figure(draw(made), folder / name)]


def _caption(made: Calibration, what: str) -> str:
    order = "largest" if made.match.order == 1 else f"rank {made.match.order}"
    runs = sum(len(wave.shares) for wave in made.waves)
    kept = f"{len(made.kept.shares)} points kept after {runs} runs in {len(made.waves)} waves; implausibility: {order}."
    return f"{what} {kept} {status()}."


def marginals_figure(made: Calibration) -> Figure:
    """Each parameter: share of the points kept along its prior range, which is flat."""
    said = "Flat line: the prior. A histogram as flat as the line says that history knows nothing of it."
    caption = _caption(made, said)
    with styled():
        legend = [Patch(color=BLUE, alpha=0.6, label="points kept"), Line2D([], [], color=INK, label="prior")]
        page = new_sheet(8.0, 3.6, "What history says about each parameter", caption, legend)
        grid = page.body.add_gridspec(2, 4)
        for k, one in enumerate(QUANTITIES):
            axes = page.body.add_subplot(grid[k // 4, k % 4])
            density, edges = np.histogram(made.kept.shares[:, k], _bins(made), (0.0, 1.0), density=True)
            axes.stairs(density, edges, fill=True, color=BLUE, alpha=0.6)
            axes.axhline(1.0, color=INK, lw=0.8)
            axes.set_xlim(0.0, 1.0)
            axes.set_xticks([0.0, 0.5, 1.0], [f"{one.value(share):.2g}" for share in (0.0, 0.5, 1.0)])
            axes.set_yticks([])
            axes.set_title(f"{one.label}{' ' if len(one.name) < 14 else chr(10)}({one.name})", fontsize=7.5)
    return page.figure


def pairs_figure(made: Calibration) -> Figure:
    """Each pair of parameters: least implausibility above the diagonal, points kept below it."""
    n = len(QUANTITIES)
    rng = np.random.default_rng(1)
    shares = rng.random((2**14, n))
    found = made.match.implausibility(shares)
    said = "Above the diagonal: least implausibility found in each square of the prior, white where 3 or less."
    caption = _caption(made, said)
    with styled():
        page = new_sheet(8.0, 7.0, "Which combinations are left", caption)
        grid = page.body.add_gridspec(n, n)
        for i in range(n):
            for j in range(n):
                axes = page.body.add_subplot(grid[i, j])
                _pair(axes, made, shares, found, i, j)
                axes.set_xticks([])
                axes.set_yticks([])
                if i == n - 1:
                    axes.set_xlabel("\n".join(wrap(QUANTITIES[j].label, 12)), fontsize=7)
                if j == 0:
                    axes.set_ylabel("\n".join(wrap(QUANTITIES[i].label, 12)), fontsize=7)
    return page.figure


def _pair(axes: Any, made: Calibration, shares: Any, found: Any, i: int, j: int) -> None:
    axes.set_xlim(0, 1)
    if i == j:
        axes.hist(made.kept.shares[:, i], _bins(made), (0.0, 1.0), color=BLUE, alpha=0.6)
        return
    axes.set_ylim(0, 1)
    if i > j:
        axes.plot(made.kept.shares[:, j], made.kept.shares[:, i], ".", ms=1.5, color=BLUE, alpha=0.5)
        return
    least = np.full((10, 10), np.inf)
    place = np.minimum((shares[:, [i, j]] * 10).astype(int), 9)
    np.minimum.at(least, (place[:, 0], place[:, 1]), found)
    axes.imshow(least, origin="lower", extent=(0, 1, 0, 1), aspect="auto", cmap="Greys", vmin=3.0, vmax=8.0)


def fit_figure(made: Calibration) -> Figure:
    """Every statistic: runs of the first wave, and at points kept, as s.d. of error and discrepancy from the record."""
    target = made.match.target
    spread = np.sqrt(target.variances)
    middle = np.clip(np.nan_to_num(made.observed, nan=1e9), target.ranges[:, 0], target.ranges[:, 1])
    caption = _caption(made, "Lines: 5 to 95 % of single runs, dots their median. Shaded: twice the s.d. of error and discrepancy, "
                             "around the record or what is known of it; orange: beyond the edge.")  # fmt: skip
    with styled():
        legend = [
            Line2D([], [], color=GREY, marker="o", ms=3, label="prior"),
            Line2D([], [], color=BLUE, marker="o", ms=4, label="points kept"),
            Patch(color=PALE, label="record with its error"),
        ]
        page = new_sheet(8.0, 4.6, "Fit of the statistics", caption, legend)
        axes = page.body.add_subplot()
        for k in range(len(STATISTICS)):
            low, high = ((target.ranges[k] - middle[k]) / spread[k]).tolist()
            axes.fill_betweenx([k - 0.4, k + 0.4], max(low - 2, -10), min(high + 2, 10), color=PALE, lw=0)
            for numbers, colour, up in ((made.waves[0].numbers, GREY, 0.18), (made.checked, BLUE, -0.1)):
                a, b, c = np.clip((np.quantile(numbers[:, k], [0.05, 0.5, 0.95]) - middle[k]) / spread[k], -10, 10)
                axes.plot([a, c], [k + up, k + up], color=colour, lw=1.5)
                axes.plot([b], [k + up], "o", ms=4, color=colour if abs(b) < 10 else ORANGE)
        axes.set_yticks(range(len(STATISTICS)), [kind.label for kind in STATISTICS.values()], fontsize=7)
        axes.invert_yaxis()
        axes.set_xlim(-10.2, 10.2)
        axes.set_xlabel("s.d. of error and discrepancy from the record (cut at 10)")
    return page.figure
