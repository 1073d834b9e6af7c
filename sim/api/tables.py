"""The tables of a stored comparison: the same whether it has just run or lies in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from sim.analysis import (
    WHOLE_RUN,
    acceptability,
    community_effects,
    community_totals,
    cost_effectiveness,
    cost_plane,
    difference_over_time,
    district_effects,
    district_totals,
    first_moves,
    monthly_table,
    over_time,
    paired_effects,
    rankings,
    scorecard,
    thresholds,
    window_table,
)
from sim.api.results import parts
from sim.api.stored import StoredExperiment
from sim.region import Region

PRICED = "incidents"
"""The outcome of the cost plane and the acceptability curve."""
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
    return _of_windows(folder, baseline) | _of_places(folder, baseline, months) | _of_months(folder, baseline)


def _of_windows(folder: Path, baseline: str) -> dict[str, pd.DataFrame]:
    windows = with_draws(folder, window_table(parts(folder, "series")))
    effects = paired_effects(windows, baseline)
    whole = windows[windows["window"] == WHOLE_RUN]
    tables = {"effects": effects, "cost_effectiveness": cost_effectiveness(whole, baseline)}
    if not effects.empty:
        tables["scorecard"] = scorecard(effects)
        tables["ranking"] = rankings(whole)
        tables["plane"] = cost_plane(whole, baseline, PRICED)
        tables["acceptability"] = acceptability(whole, baseline, PRICED)
    return tables


def _of_places(folder: Path, baseline: str, months: int) -> dict[str, pd.DataFrame]:
    return {
        "districts": district_effects(with_draws(folder, district_totals(parts(folder, "places"), months)), baseline),
        "communities": community_effects(
            with_draws(folder, community_totals(parts(folder, "places"), months)), baseline
        ),
    }


def _of_months(folder: Path, baseline: str) -> dict[str, pd.DataFrame]:
    monthly = with_draws(folder, monthly_table(parts(folder, "series")))
    difference = difference_over_time(monthly, baseline)
    return {
        "over_time": difference,
        "order": first_moves(difference, monthly, baseline),
        "thresholds": thresholds(monthly, baseline),
        HISTORY: over_time(monthly, baseline),
    }


def with_draws(folder: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Add which point of the ensemble each replication drew, ``draw``; nothing where all had the central values."""
    stored = StoredExperiment(folder)
    ensemble = stored.ensemble
    if ensemble is None:
        return table
    numbers = {r: ensemble.number(stored.manifest["base_seed"], r) for r in table["replication"].unique().tolist()}
    return table.assign(draw=table["replication"].map(numbers))


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
