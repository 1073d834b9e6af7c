"""Figures of a calibration: what is left of each parameter, pair by pair, and the fit of the statistics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from checks.calibration.quantities import QUANTITIES
from checks.calibration.targets import KINDS
from sim.plots.style import BLUE, GREY, INK, ORANGE, PALE, new_sheet, save_figure, styled, wrap
from sim.status import status

if TYPE_CHECKING:
    from checks.calibration.procedure import Calibration


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
    caption = _caption(
        made, "Flat line: the prior. A histogram as flat as the line says that history knows nothing of it."
    )
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
            axes.set_title(
                f"{one.label} ({one.name})" if len(one.name) < 14 else f"{one.label}\n({one.name})", fontsize=7.5
            )
    return page.figure


def pairs_figure(made: Calibration) -> Figure:
    """Each pair of parameters: least implausibility above the diagonal, points kept below it."""
    n = len(QUANTITIES)
    rng = np.random.default_rng(1)
    shares = rng.random((2**14, n))
    found = made.match.implausibility(shares)
    caption = _caption(
        made, "Above the diagonal: least implausibility found in each square of the prior, white where 3 or less."
    )
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
    middle = np.clip(np.nan_to_num(made.observed, nan=1e9), target.windows[:, 0], target.windows[:, 1])
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
        for k in range(len(KINDS)):
            low, high = ((target.windows[k] - middle[k]) / spread[k]).tolist()
            axes.fill_betweenx([k - 0.4, k + 0.4], max(low - 2, -10), min(high + 2, 10), color=PALE, lw=0)
            for numbers, colour, up in ((made.waves[0].numbers, GREY, 0.18), (made.checked, BLUE, -0.1)):
                a, b, c = np.clip((np.quantile(numbers[:, k], [0.05, 0.5, 0.95]) - middle[k]) / spread[k], -10, 10)
                axes.plot([a, c], [k + up, k + up], color=colour, lw=1.5)
                axes.plot([b], [k + up], "o", ms=4, color=colour if abs(b) < 10 else ORANGE)
        axes.set_yticks(range(len(KINDS)), [kind.label for kind in KINDS.values()], fontsize=7)
        axes.invert_yaxis()
        axes.set_xlim(-10.2, 10.2)
        axes.set_xlabel("s.d. of error and discrepancy from the record (cut at 10)")
    return page.figure
