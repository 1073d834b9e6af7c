"""Whether an effect survives rival theories: every headline outcome, a row for each stance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sim.analysis.theories import DEFAULT
from sim.plots.effects import draw_forest, effect_panels, forest_legend
from sim.plots.style import INK, PALE, Note, one_line, styled

BAND = (
    "Dot and bar: mean paired difference and its 95 % interval over the whole run, baseline and scenario both under the "
    "stance. Hollow: the direction is not told. Shaded row and dashed line: the model as it is. "
    "Unchanged: no number of either world differs from the model as it is, so the stance says nothing here."
)
LABEL_WIDTH = 40


def theories_figure(
    table: pd.DataFrame, outcomes: Sequence[tuple[str, str, str, str]], note: Note, title: str
) -> Figure:
    """One panel per outcome, stances as rows, the model as it is first and marked.

    Parameters
    ----------
    table : DataFrame
        Rows of ``theories.csv`` of one scenario.
    outcomes : sequence of (name, label, unit, better)
    note : Note
        Provenance.
    title : str
        Display title of the scenario.
    """
    stances = table.drop_duplicates(["theory", "stance"]).to_dict("records")
    keys = [f"{row['theory']}: {row['stance']}" for row in stances]
    names = [_name(str(row["theory"]), str(row["stance"]), bool(row["in_play"])) for row in stances]
    rows = table.assign(scenario=table["theory"] + ": " + table["stance"], spread_low=np.nan, spread_high=np.nan)
    with styled():
        heading = f"{title}: effects under rival theories, region, whole run"
        page, panels = effect_panels(
            outcomes, names, heading, note.text(BAND), forest_legend(bool(note.drawn))[:-1], 2.9
        )
        for (name, _, _, better), axes in panels:
            own = rows[rows["outcome"] == name]
            axes.axhspan(-0.5, 0.5, color=PALE, alpha=0.6, lw=0, zorder=0)
            for effect in own.loc[own["theory"] == DEFAULT, "effect"]:
                axes.axvline(effect, color=INK, lw=0.8, ls=(0, (4, 3)), zorder=1)
            draw_forest(own, axes, keys, better)
            axes.set_yticks(range(len(keys)), names)
    return page.figure


def _name(theory: str, stance: str, in_play: bool) -> str:
    if theory == DEFAULT:
        return "Model as it is"
    return one_line(f"{theory}: {stance}" + ("" if in_play else " (unchanged)"), LABEL_WIDTH)
