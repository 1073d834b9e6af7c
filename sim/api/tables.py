"""The tables of a stored comparison or sweep: the same whether it has just run or lies in a folder.

A comparison's tables come from its monthly and local outcomes, read batch by batch. A sweep's come from its table of runs
alone, a row a run, so that ten thousand runs stay small.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from sim.analysis import (
    REGION,
    WHOLE_RUN,
    acceptability,
    community_effects,
    community_totals,
    cost_effectiveness,
    cost_plane,
    difference_over_time,
    discover,
    district_effects,
    district_totals,
    first_moves,
    holds_count,
    monthly_table,
    morris,
    over_time,
    paired_effects,
    point_means,
    rankings,
    run_differences,
    scorecard,
    sobol,
    theory_effects,
    thresholds,
    tipping,
    variance_split,
    window_table,
)
from sim.analysis.sensitivity import by_factor, factor_ends, grid_cells
from sim.errors import InputError
from sim.experiment import ResultsFolder
from sim.experiment.design import POINTS
from sim.world.outcomes import OUTCOMES

PRICED = "incidents"
"""The outcome of the cost plane and the acceptability curve."""
HISTORY = "history"
"""What the baseline does by itself: drawn, not written as a table."""
KEYS = ["scenario", "point", "replication"]
LEFT_OUT = frozenset({"parameters", "error", "reproduce", "series_sha256", "places_sha256", "stage", "seed"})
INDICES = {"sobol": ("total Sobol index", "total"), "morris": ("mean elementary effect, Morris' mu*", "mu_star")}
BETTER = {item.name: item.better for item in OUTCOMES}


def comparison_tables(folder: ResultsFolder, baseline: str, months: int) -> dict[str, pd.DataFrame]:
    """Compute every table of a comparison from the stored runs.

    Parameters
    ----------
    folder : ResultsFolder
        Runs that are missing or failed are left out. Variants under rival theories are in the tables ``theories`` and
        ``holds`` only.
    baseline : str
        Key of the reference scenario.
    months : int
        Length of a run.

    Returns
    -------
    dict of str to DataFrame
        By the name of the file each is written to, and ``history``.
    """
    derived = {variant.key for variant in folder.variants}

    def parts(table: str) -> Iterator[pd.DataFrame]:
        return (_without(part, derived) for part in folder.frames(table))

    everything = with_draws(folder, window_table(folder.frames("series")))
    windows = _without(everything, derived)
    whole = windows[windows["window"] == WHOLE_RUN]
    effects = paired_effects(windows, baseline)
    tables = {"effects": effects, "cost_effectiveness": cost_effectiveness(whole, baseline)}
    if not effects.empty:
        tables["scorecard"] = scorecard(effects)
        tables["ranking"] = rankings(whole)
        tables["plane"] = cost_plane(whole, baseline, PRICED)
        tables["acceptability"] = acceptability(whole, baseline, PRICED)
    by_district = with_draws(folder, district_totals(parts("places"), months))
    by_community = with_draws(folder, community_totals(parts("places"), months))
    monthly = with_draws(folder, monthly_table(parts("series")))
    difference = difference_over_time(monthly, baseline)
    tables |= {
        "districts": district_effects(by_district, baseline),
        "communities": community_effects(by_community, baseline),
        "over_time": difference,
        "order": first_moves(difference, monthly, baseline),
        "thresholds": thresholds(monthly, baseline),
        HISTORY: over_time(monthly, baseline),
    }
    if folder.variants and not effects.empty:
        tables["theories"] = theory_effects(everything, baseline, folder.variants)
        tables["holds"] = holds_count(tables["theories"])
    return tables


def _without(table: pd.DataFrame, derived: Collection[str]) -> pd.DataFrame:
    """Leave out the runs of some scenarios, and their names among the categories."""
    if not derived:
        return table
    kept = table[~table["scenario"].isin(derived)].reset_index(drop=True)
    is_category = isinstance(kept["scenario"].dtype, pd.CategoricalDtype)
    return kept.assign(scenario=kept["scenario"].cat.remove_unused_categories()) if is_category else kept


def with_draws(folder: ResultsFolder, table: pd.DataFrame) -> pd.DataFrame:
    """Add which parameter set of the ensemble each replication drew, ``draw``; nothing where all had central values."""
    ensemble = folder.ensemble
    if ensemble is None:
        return table
    seed = folder.recorded["base_seed"]
    numbers = {r: ensemble.number(seed, r) for r in table["replication"].unique().tolist()}
    return table.assign(draw=table["replication"].map(numbers))


def finished_runs(folder: ResultsFolder) -> pd.DataFrame:
    """Read finished runs, only the columns that tables and figures need."""
    schema = pq.read_schema(next((folder.path / "runs").glob("*.parquet")))
    columns = [name for name in schema.names if name not in LEFT_OUT]
    runs = pd.concat([table.to_pandas() for table in folder.read("runs", columns)], ignore_index=True)
    done: pd.DataFrame = runs[runs["status"] == "done"]
    return done.sort_values(KEYS, kind="stable", ignore_index=True)


def design_points(folder: ResultsFolder) -> pd.DataFrame:
    """Read the design points: ``point``, then a column a factor; one point without factors where there is no file.

    Months such as ``2025-01`` become years with decimals, so that a start can be an axis.
    """
    path = folder.path / POINTS
    points = pd.read_csv(path) if path.is_file() else pd.DataFrame({"point": [0]})
    for name in points.select_dtypes(exclude="number").columns:
        found = points[name].astype(str).str.extract(r"^(\d{4})-(\d{2})$")
        if found.notna().all(axis=None):
            points[name] = found[0].astype(float) + (found[1].astype(float) - 1) / 12
    return points


def sweep_tables(
    folder: ResultsFolder, baseline: str, design: Mapping[str, Any], outcome: str
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Compute every table a report of a sweep shows.

    Parameters
    ----------
    folder : ResultsFolder
        Runs that are missing or failed are left out.
    baseline : str
        Key of the reference scenario; where it is the only one, outcomes themselves take the place of differences.
    design : mapping
        ``manifest["design"]``.
    outcome : str
        The outcome that is followed over the points.

    Returns
    -------
    dict of str to DataFrame, and remarks on what could not be computed
        ``runs`` (the baseline's), ``effects``, ``values``, ``ends``, ``factors``, ``sensitivity``, ``variance``,
        ``boxes``, ``tipping``, ``cells``, ``points``; what has no answer is absent.
    """
    runs, points = finished_runs(folder), design_points(folder)
    compared = len(set(runs["scenario"])) > 1 and (runs["scenario"] == baseline).any()
    tables = {"runs": runs[runs["scenario"] == baseline], "points": points}
    if compared:
        tables["effects"] = paired_effects(runs.assign(scope=REGION, window=WHOLE_RUN), baseline)
    followed = run_differences(runs, baseline, [outcome]) if compared else runs[[*KEYS, outcome]]
    values = point_means(followed, outcome)
    factors = [str(name) for name in points.columns if name != "point"]
    if not factors or values["point"].nunique() < 2:
        return tables, ()
    tables |= {
        "values": values,
        "ends": factor_ends(values, points, factors),
        "factors": by_factor(values, points, factors),
    }
    if compared:
        tables["cells"] = grid_cells(followed, points, outcome)
    remarks: list[str] = []
    for key, own in values.groupby("scenario", sort=False):
        series = own.set_index("point")["value"]
        for name, table in _deeper(series, points, design, BETTER[outcome] if compared else "none", remarks):
            tables[name] = pd.concat([tables.get(name, pd.DataFrame()), table.assign(scenario=key)], ignore_index=True)
    if len(set(followed["replication"])) > 1:
        tables["variance"] = _tried(lambda: variance_split(followed, [outcome]), remarks)
    return tables, tuple(dict.fromkeys(remarks))


def _deeper(
    values: pd.Series, points: pd.DataFrame, design: Mapping[str, Any], better: str, remarks: list[str]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield what the design allows: indices, boxes of failure, tipping values."""
    kind = str(design.get("kind", ""))
    if kind in INDICES:
        label, column = INDICES[kind]
        made = (
            (lambda: sobol(points, values, design)[0]) if kind == "sobol" else (lambda: morris(points, values, design))
        )
        table = _tried(made, remarks)
        if len(table):
            names = {column: "index", f"{column}_low": "low", f"{column}_high": "high"}
            yield "sensitivity", table.rename(columns=names).assign(kind=label)
    if better == "none":
        return
    numeric = points[["point", *points.drop(columns="point").select_dtypes(np.number).columns]]
    fails = values > 0 if better == "lower" else values < 0
    if 0 < fails.sum() < len(fails) and numeric.shape[1] > 1 and kind not in ("grid", "list", "scenarios"):
        yield "boxes", _tried(lambda: discover(numeric, fails), remarks)
        yield "tipping", _tried(lambda: tipping(numeric, values, better), remarks)


def _tried(make: Any, remarks: list[str]) -> pd.DataFrame:
    """Make a table, or note why it cannot be made: too few points yet, or a library that is not installed."""
    try:
        made: pd.DataFrame = make()
    except InputError as error:
        remarks.append(f"Left out: {error}.")
        return pd.DataFrame()
    return made
