"""A sweep by its factors: what the outcome does from one end of each to the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sim.analysis.statistics import mean_estimate, spread

GROUPS = 5
FACTOR_COLUMNS = [
    "scenario",
    "factor",
    "dose",
    "effect",
    "ci_low",
    "ci_high",
    "spread_low",
    "spread_high",
    "n",
]
END_COLUMNS = ["scenario", "factor", "low", "high", "at_low", "at_high", "effect", "ci_low", "ci_high", "n"]


def grid_cells(differences: pd.DataFrame, points: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Mean difference in each cell of a grid of two numeric factors; no rows where the design is no such grid.

    Parameters
    ----------
    differences : DataFrame
        From ``run_differences``.
    points : DataFrame
        ``point`` and a column a factor: the first goes up, the second across.
    outcome : str
        Column of the outcome.

    Returns
    -------
    DataFrame
        ``scenario, dose, timing, effect, ci_low, ci_high, n``; ``ci`` over the replications of the cell.
    """
    names = [str(name) for name in points.columns if name != "point"]
    columns = ["scenario", "dose", "timing", "effect", "ci_low", "ci_high", "n"]
    if len(names) != 2 or not pd.api.types.is_numeric_dtype(points[names[0]]):
        return pd.DataFrame(columns=columns)
    levels = [points[name].nunique() for name in names]
    if min(levels) < 2 or len(points) != levels[0] * levels[1]:
        return pd.DataFrame(columns=columns)
    where = dict(zip(points["point"], points[names].itertuples(index=False, name=None), strict=True))
    rows = []
    for (scenario, point), own in differences.groupby(["scenario", "point"], sort=True):
        estimate = mean_estimate(own[outcome].to_numpy(dtype=float)[:, None])
        bounds = [float(bound[0]) for bound in (estimate.value, estimate.low, estimate.high)]
        rows.append((scenario, *where[point], *bounds, len(own)))
    return pd.DataFrame(rows, columns=columns)


def by_factor(values: pd.DataFrame, points: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """Average the values along each factor: at each level if there are few, else in fifths of the points.

    Parameters
    ----------
    values : DataFrame
        ``scenario, point, value`` from ``point_means``, of outcomes or of ``run_differences``.
    points : DataFrame
        ``point`` and a column a factor.
    factors : sequence of str
        Numeric factors.

    Returns
    -------
    DataFrame with ``FACTOR_COLUMNS``; ``ci`` is the 95 % interval of the mean over points
    """
    joined = values.merge(points, on="point", validate="many_to_one")
    rows = []
    for (scenario, factor), own in _numeric(joined, factors):
        for group in _groups(own[factor]):
            part = own.loc[group]
            inside = part["value"].to_numpy(dtype=float)[:, None]
            estimate, (low, high) = mean_estimate(inside), spread(inside)
            bounds = (estimate.value, estimate.low, estimate.high, low, high)
            numbers = [float(bound[0]) for bound in bounds]
            rows.append((scenario, factor, float(part[factor].mean()), *numbers, len(part)))
    return pd.DataFrame(rows, columns=FACTOR_COLUMNS)


def factor_ends(values: pd.DataFrame, points: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """Compare the highest with the lowest fifth (or level) of each factor, all others varying.

    Parameters
    ----------
    values, points, factors
        As for ``by_factor``.

    Returns
    -------
    DataFrame with ``END_COLUMNS``, widest first: mean value at either end, and the difference with Welch's 95 %
    interval
    """
    joined = values.merge(points, on="point", validate="many_to_one")
    rows = []
    for (scenario, factor), own in _numeric(joined, factors):
        groups = _groups(own[factor])
        if len(groups) < 2:
            continue
        first, last = (own.loc[groups[place], "value"].to_numpy(dtype=float) for place in (0, -1))
        effect, low, high = _welch(last, first)
        rows.append(
            (
                scenario,
                factor,
                float(own[factor].min()),
                float(own[factor].max()),
                float(first.mean()),
                float(last.mean()),
                effect,
                low,
                high,
                len(first) + len(last),
            )
        )
    table = pd.DataFrame(rows, columns=END_COLUMNS)
    order = table["effect"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].sort_values("scenario", kind="stable", ignore_index=True)


def _numeric(joined: pd.DataFrame, factors: Sequence[str]) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """Rows of each scenario and each factor that has numbers."""
    return [
        ((str(scenario), factor), own[own[factor].notna()])
        for scenario, own in joined.groupby("scenario", sort=True)
        for factor in factors
        if pd.api.types.is_numeric_dtype(own[factor]) and own[factor].notna().any()
    ]


def _groups(column: pd.Series) -> list[pd.Index]:
    """Split rows along a factor: by level where there are few levels, else into fifths."""
    if column.nunique() <= 2 * GROUPS:
        return [group.index for _, group in column.groupby(column, sort=True)]
    order = column.sort_values(kind="stable").index
    return [pd.Index(part) for part in np.array_split(order.to_numpy(), GROUPS)]


def _welch(last: np.ndarray, first: np.ndarray) -> tuple[float, float, float]:
    """Difference of two means with Welch's interval; no interval where either has fewer than two values."""
    from scipy import stats

    effect = float(last.mean() - first.mean())
    if min(len(last), len(first)) < 2:
        return effect, float("nan"), float("nan")
    if last.std() == first.std() == 0:
        return effect, effect, effect
    test = stats.ttest_ind(last, first, equal_var=False).confidence_interval(0.95)
    return effect, float(test.low), float(test.high)
