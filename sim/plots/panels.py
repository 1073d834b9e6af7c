"""Small multiples: one page with a panel for each scenario, state, factor or outcome, laid out alike everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sim.plots.style import Page, grid_shape, new_page, shorten

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
) -> tuple[Page, Iterator[Any]]:
    """Open a page with one panel for each title.

    Parameters
    ----------
    titles : sequence of str
        Title of each panel, cut to ``lines`` lines; an empty one leaves its panel without.
    heading, caption : str
        Title of the figure, and what stands under it.
    legend : sequence of handles
        What the marks mean; it stands between panels and caption.
    share_x, share_y : bool
        One scale for all panels; a shared axis below is labelled once in each column.
    low : float
        Inches of a row of panels where there are several beside each other.

    Returns
    -------
    page : Page
    panels : iterator of matplotlib Axes
        In the order of the titles.
    """
    n_rows, n_columns = grid_shape(len(titles))
    width = WIDTHS.get(n_columns, NARROW)
    size = (0.6 + width * n_columns, 0.9 + (max(TALL, low) if n_columns == 1 else low) * n_rows)
    page = new_page(*size, heading, caption, legend)
    grid = list(page.body.subplots(n_rows, n_columns, sharex=share_x, sharey=share_y, squeeze=False).flat)
    for axes in grid[len(titles) :]:
        axes.remove()
    for place, (axes, title) in enumerate(zip(grid, titles, strict=False)):
        if title:
            axes.set_title(shorten(title, int(width * LETTERS_PER_INCH), lines))
        if share_x:
            axes.tick_params(labelbottom=place + n_columns >= len(titles))
    return page, iter(grid[: len(titles)])
