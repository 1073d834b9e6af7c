"""The tables of a stored comparison: the same whether it has just run or lies in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from sim.analysis import (
    WHOLE_RUN,
    cost_effectiveness,
    difference_over_time,
    district_effects,
    district_totals,
    monthly_table,
    over_time,
    paired_effects,
    window_table,
)
from sim.api.results import parts
from sim.region import Region

HISTORY = "history"
"""What the baseline does by itself: drawn, not written as a table."""


def comparison_tables(folder: Path, baseline: str, months: int) -> dict[str, pd.DataFrame]:
    """Compute every table of a comparison from the stored runs.

    Parameters
    ----------
    folder : Path
        Folder of the results; runs that are missing or failed are left out.
    baseline : str
        Key of the reference scenario.
    months : int
        Length of a run.

    Returns
    -------
    dict of str to DataFrame
        By the name of the file each is written to, and ``history``.
    """
    windows = window_table(parts(folder, "series"))
    monthly = monthly_table(parts(folder, "series"))
    whole = windows[windows["window"] == WHOLE_RUN]
    return {
        "effects": paired_effects(windows, baseline),
        "cost_effectiveness": cost_effectiveness(whole, baseline),
        "districts": district_effects(district_totals(parts(folder, "places"), months), baseline),
        "over_time": difference_over_time(monthly, baseline),
        HISTORY: over_time(monthly, baseline),
    }


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
