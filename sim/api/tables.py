"""The tables of a stored comparison: the same whether it has just run or lies in a folder."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
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
    holds_count,
    monthly_table,
    over_time,
    paired_effects,
    rankings,
    scorecard,
    theory_effects,
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
        Folder of the results; runs that are missing or failed are left out. Variants under rival theories are in the
        tables ``theories`` and ``holds`` only.
    baseline : str
        Key of the reference scenario.
    months : int
        Length of a run.

    Returns
    -------
    dict of str to DataFrame
        By the name of the file each is written to, and ``history``.
    """
    variants = StoredExperiment(folder).variants
    derived = {variant.key for variant in variants}
    everything = with_draws(folder, window_table(parts(folder, "series")))
    windows = _without(everything, derived)
    tables = _of_windows(windows, baseline) | _of_places(folder, baseline, months, derived)
    tables |= _of_months(folder, baseline, derived)
    if variants and not tables["effects"].empty:
        tables["theories"] = theory_effects(everything, baseline, variants)
        tables["holds"] = holds_count(tables["theories"])
    return tables


def _without(table: pd.DataFrame, derived: Collection[str]) -> pd.DataFrame:
    """Leave out the runs of some scenarios, and their names among the categories."""
    if not derived:
        return table
    kept = table[~table["scenario"].isin(derived)].reset_index(drop=True)
    is_category = isinstance(kept["scenario"].dtype, pd.CategoricalDtype)
    return kept.assign(scenario=kept["scenario"].cat.remove_unused_categories()) if is_category else kept


def _parts(folder: Path, table: str, derived: Collection[str]) -> Iterator[pd.DataFrame]:
    """Read a stored table batch by batch, without the runs of some scenarios."""
    return (_without(part, derived) for part in parts(folder, table))


def _of_windows(windows: pd.DataFrame, baseline: str) -> dict[str, pd.DataFrame]:
    effects = paired_effects(windows, baseline)
    whole = windows[windows["window"] == WHOLE_RUN]
    tables = {"effects": effects, "cost_effectiveness": cost_effectiveness(whole, baseline)}
    if not effects.empty:
        tables["scorecard"] = scorecard(effects)
        tables["ranking"] = rankings(whole)
        tables["plane"] = cost_plane(whole, baseline, PRICED)
        tables["acceptability"] = acceptability(whole, baseline, PRICED)
    return tables


def _of_places(folder: Path, baseline: str, months: int, derived: Collection[str]) -> dict[str, pd.DataFrame]:
    by_district = with_draws(folder, district_totals(_parts(folder, "places", derived), months))
    by_community = with_draws(folder, community_totals(_parts(folder, "places", derived), months))
    return {
        "districts": district_effects(by_district, baseline),
        "communities": community_effects(by_community, baseline),
    }


def _of_months(folder: Path, baseline: str, derived: Collection[str]) -> dict[str, pd.DataFrame]:
    monthly = with_draws(folder, monthly_table(_parts(folder, "series", derived)))
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
