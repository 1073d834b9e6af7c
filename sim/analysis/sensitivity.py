"""Which assumptions matter: Sobol indices, Morris screening, a split of the variance, and the outcome along each factor."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sim.analysis.statistics import SEED, mean_estimate, spread
from sim.analysis.tables import finished
from sim.errors import InputError

F8 = NDArray[np.float64]

SOBOL_COLUMNS = ["factor", "first", "first_low", "first_high", "total", "total_low", "total_high", "n"]
PAIR_COLUMNS = ["factor", "other", "second", "second_low", "second_high"]
MORRIS_COLUMNS = ["factor", "mu", "mu_star", "mu_star_low", "mu_star_high", "sigma", "n"]
VARIANCE_COLUMNS = [
    "scenario", "outcome", "source", "variance", "share", "share_low", "share_high", "theories", "points",
    "replications",
]  # fmt: skip
FACTOR_COLUMNS = [
    "scenario", "factor", "dose", "effect", "ci_low", "ci_high", "spread_low", "spread_high", "n",
]  # fmt: skip
END_COLUMNS = ["scenario", "factor", "low", "high", "at_low", "at_high", "effect", "ci_low", "ci_high", "n"]
CELL_COLUMNS = ["scenario", "dose", "timing", "effect", "ci_low", "ci_high", "n"]
FEWEST = 8
"""Complete blocks (Sobol) or trajectories (Morris) below which there is no answer."""
SOURCES = ("seed", "parameters", "theory")
MOST = 0.9
"""Share of the points a replication must have to count."""
FOLDS = 20
"""Groups left out in turn by the jackknife."""
GROUPS = 5


def explore_library(name: str) -> Any:
    """Import a library of the extra ``explore``; say how to get it where it is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings about its own optional dependencies
            return importlib.import_module(name)
    except ImportError:
        package = name.split(".")[0]
        raise InputError(f"{package} is not installed; it comes with: pip install 'stabsim[explore]'") from None


def sobol(
    points: pd.DataFrame, values: pd.Series[float], design: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """First-order, total and (where the design has it) second-order Sobol indices.

    Parameters
    ----------
    points : DataFrame
        ``point``, then one column a factor, in the order they were drawn (``points.csv``).
    values : Series
        One number a point, by its index; points that are missing cost their block of the design.
    design : mapping
        ``manifest["design"]`` of a ``sobol`` sweep.

    Returns
    -------
    DataFrame with ``SOBOL_COLUMNS`` (largest total first), DataFrame with ``PAIR_COLUMNS`` (may be empty)
        ``n`` is the number of complete blocks. Indices are shares of the variance of ``values``; empty where
        they do not vary.

    Notes
    -----
    Source: Saltelli et al. 2010; Herman and Usher 2017 (SALib). Means over few replications carry sampling
    error, which lowers first-order indices and keeps their sum below one.
    """
    analyse = explore_library("SALib.analyze.sobol").analyze
    names = _factors(points)
    second = bool(design.get("second_order", False)) and len(names) > 1
    block = 2 * len(names) + 2 if second else len(names) + 2
    kept, rows = _complete(points, values, block)
    table, pairs = pd.DataFrame({"factor": names, "n": len(rows) // block}), []
    if np.ptp(kept) == 0:
        return table.reindex(columns=SOBOL_COLUMNS), pd.DataFrame(columns=PAIR_COLUMNS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # resamples that do not vary: the interval says so
        problem = {"num_vars": len(names), "names": names}
        found = analyse(problem, kept, calc_second_order=second, num_resamples=200, seed=SEED)
    table = table.assign(
        **_band("first", found["S1"], found["S1_conf"]), **_band("total", found["ST"], found["ST_conf"])
    )
    if second:
        pairs = [
            {"factor": names[i], "other": names[j], **_band("second", found["S2"][i, j], found["S2_conf"][i, j])}
            for i, j in combinations(range(len(names)), 2)
        ]
    ordered = table.sort_values("total", ascending=False, kind="stable", ignore_index=True)
    return ordered[SOBOL_COLUMNS], pd.DataFrame(pairs, columns=PAIR_COLUMNS)


def morris(points: pd.DataFrame, values: pd.Series[float], design: Mapping[str, Any]) -> pd.DataFrame:
    """Elementary effects: how far an outcome moves as one factor crosses its range.

    Parameters
    ----------
    points, values, design
        As in ``sobol``, of a ``morris`` sweep; trajectories with a missing point are left out.

    Returns
    -------
    DataFrame with ``MORRIS_COLUMNS``, largest ``mu_star`` first
        ``mu`` is the mean effect of a factor crossing its range (all of its probability), ``mu_star`` that of its
        size, ``sigma`` its spread (interaction or curvature), all in the unit of ``values``; ``n`` is the number
        of trajectories.

    Notes
    -----
    Source: Morris 1991; Campolongo, Cariboni and Saltelli 2007.
    """
    analyse = explore_library("SALib.analyze.morris").analyze
    names = _factors(points)
    kept, rows = _complete(points, values, len(names) + 1)
    x = np.column_stack([_coded(points[name]) for name in names])
    problem = {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
    levels = int(design.get("num_levels", 4))
    found = analyse(problem, x[rows], kept, num_levels=levels, num_resamples=1000, seed=SEED)
    numbers = {"mu": np.asarray(found["mu"]), "sigma": np.asarray(found["sigma"])}
    numbers |= _band("mu_star", np.asarray(found["mu_star"]), np.asarray(found["mu_star_conf"]))
    table = pd.DataFrame({"factor": names, **numbers, "n": len(rows) // (len(names) + 1)})
    return table.sort_values("mu_star", ascending=False, kind="stable", ignore_index=True)[MORRIS_COLUMNS]


def _factors(points: pd.DataFrame) -> list[str]:
    return [str(name) for name in points.columns if name != "point"]


def _coded(column: pd.Series[Any]) -> F8:
    """Numbers that rise where a factor rises: elementary effects only need to know what changed, and which way."""
    numeric = pd.api.types.is_numeric_dtype(column)
    return np.asarray(column if numeric else pd.factorize(column, sort=True)[0], np.float64)


def _complete(points: pd.DataFrame, values: pd.Series[float], block: int) -> tuple[F8, NDArray[np.intp]]:
    """Values of the complete blocks, and their rows in ``points``."""
    if len(points) % block:
        raise InputError(f"{len(points)} points are no whole number of blocks of {block}: not this kind of design")
    known = np.asarray(values.reindex(points["point"]), np.float64)
    whole = np.asarray(np.isfinite(known).reshape(-1, block).all(axis=1))
    if whole.sum() < FEWEST:
        raise InputError(
            f"only {int(whole.sum())} of {len(whole)} blocks of the design are complete; {FEWEST} are needed"
        )
    rows = np.flatnonzero(np.repeat(whole, block))
    return known[rows], rows


def _band(name: str, value: Any, half: Any) -> dict[str, Any]:
    return {name: value, f"{name}_low": value - half, f"{name}_high": value + half}


def variance_split(runs: pd.DataFrame, outcomes: Sequence[str], theory: str | None = None) -> pd.DataFrame:
    """Split the variance of outcomes by the law of total variance.

    ``seed`` is the variance between replications of one point, ``parameters`` between points of one theory
    without sampling error, ``theory`` between the means of theories, which count alike. Points that lack a
    replication the others have are left out. Hand over paired differences (``run_differences``) to split the variance of
    an effect.

    Parameters
    ----------
    runs : DataFrame
        ``scenario, point, replication``, the outcomes and, where named, the column ``theory``.
    outcomes : sequence of str
    theory : str, optional
        Column whose values are rival theories.

    Returns
    -------
    DataFrame with ``VARIANCE_COLUMNS``; the interval of a share is by jackknife over points and replications

    Notes
    -----
    Components from mean squares of the crossed design (replications share their seed across points), so that
    few replications do not pass as spread of parameters.
    """
    rows = []
    for scenario, part in finished(runs).groupby("scenario", sort=True):
        nests = _nests(part, outcomes, theory)
        components = _components(nests)
        shares, reach = _shares(components), stats.norm.ppf(0.975) * _jackknife_error(nests)
        numbers = {"variance": components, "share": shares}
        numbers |= {"share_low": np.fmax(0.0, shares - reach), "share_high": np.fmin(1.0, shares + reach)}
        counts = {
            "theories": len(nests),
            "points": sum(len(nest) for nest in nests),
            "replications": nests[0].shape[1],
        }
        for number, outcome in enumerate(outcomes):
            frame: dict[str, Any] = {"scenario": scenario, "outcome": outcome, "source": list(SOURCES)}
            frame |= {name: values[:, number] for name, values in numbers.items()}
            rows.append(pd.DataFrame(frame | counts))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=VARIANCE_COLUMNS)


def _nests(part: pd.DataFrame, outcomes: Sequence[str], theory: str | None) -> list[F8]:
    """One array a theory, (n_points, n_replications, n_outcomes); every point has the same replications."""
    count = part.groupby("replication")["point"].nunique()
    shared = count[count >= MOST * count.max()].index
    kept = part[part["replication"].isin(shared)]
    whole = kept.groupby("point")["replication"].transform("nunique") == len(shared)
    kept = kept[whole].sort_values(["point", "replication"])
    if len(shared) < 2 or kept.empty:
        raise InputError("splitting variance needs at least two replications of each point")
    groups = kept.groupby(theory, sort=True) if theory else [("", kept)]
    return [frame[list(outcomes)].to_numpy(np.float64).reshape(-1, len(shared), len(outcomes)) for _, frame in groups]


def _components(nests: Sequence[F8]) -> F8:
    """Variance by source, (3, n_outcomes), not below zero."""
    seed, parameters, points_noise = [], [], []
    for values in nests:
        points, replications = values.shape[:2]
        by_point, by_seed, mean = values.mean(axis=1), values.mean(axis=0), values.mean(axis=(0, 1))
        between_seeds = points * ((by_seed - mean) ** 2).sum(axis=0) / (replications - 1)
        if points == 1:
            seed.append(between_seeds)
            parameters.append(np.zeros_like(mean))
        else:
            rest = ((values - by_point[:, None] - by_seed + mean) ** 2).sum(axis=(0, 1))
            rest = rest / ((points - 1) * (replications - 1))
            between = replications * ((by_point - mean) ** 2).sum(axis=0) / (points - 1)
            seed.append(np.maximum(between_seeds - rest, 0.0) / points + rest)
            parameters.append(np.maximum(between - rest, 0.0) / replications)
        points_noise.append(parameters[-1] / points)
    theory = _between_theories(np.stack([nest.mean(axis=0) for nest in nests]), np.mean(points_noise, axis=0))
    return np.stack([np.mean(seed, axis=0), np.mean(parameters, axis=0), theory])


def _between_theories(means: F8, points_noise: F8) -> F8:
    """Variance between theories, from their means by replication (n_theories, n_replications, n_outcomes)."""
    theories, replications = means.shape[:2]
    if theories == 1:
        return np.zeros(means.shape[2])
    own, by_seed, mean = means.mean(axis=1), means.mean(axis=0), means.mean(axis=(0, 1))
    rest = ((means - own[:, None] - by_seed + mean) ** 2).sum(axis=(0, 1)) / ((theories - 1) * (replications - 1))
    bias = (1 - 1 / theories) * (points_noise + rest / replications)
    between: F8 = np.maximum(own.var(axis=0) - bias, 0.0)
    return between


def _shares(components: F8) -> F8:
    total = components.sum(axis=0)
    share: F8 = np.divide(components, total, out=np.full_like(components, np.nan), where=total > 0)
    return share


def _jackknife_error(nests: list[F8]) -> F8:
    """Standard errors of the shares, by leaving out groups of replications and of points."""
    replications = nests[0].shape[1]
    left_out = [[np.delete(nest, gone, axis=1) for nest in nests] for gone in _folds(replications) if replications > 2]
    squared = _spread(left_out)
    for number, nest in enumerate(nests):
        if len(nest) >= 3:
            kept = (np.delete(nest, gone, axis=0) for gone in _folds(len(nest)))
            squared = squared + _spread([[*nests[:number], rest, *nests[number + 1 :]] for rest in kept])
    return np.sqrt(squared)


def _folds(count: int) -> list[NDArray[np.intp]]:
    return np.array_split(np.arange(count), min(FOLDS, count))


def _spread(left_out: list[list[F8]]) -> F8:
    """Jackknife variance of the shares from the data with one group left out at a time."""
    if not left_out:
        return np.asarray(0.0)
    shares = np.stack([_shares(_components(rest)) for rest in left_out])
    variance: F8 = (len(shares) - 1) / len(shares) * ((shares - shares.mean(axis=0)) ** 2).sum(axis=0)
    return variance


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
    names = _factors(points)
    levels = [points[name].nunique() for name in names]
    is_grid = len(names) == 2 and pd.api.types.is_numeric_dtype(points[names[0]])
    if not is_grid or min(levels) < 2 or len(points) != levels[0] * levels[1]:
        return pd.DataFrame(columns=CELL_COLUMNS)
    where = dict(zip(points["point"], points[names].itertuples(index=False, name=None), strict=True))
    rows = []
    for (scenario, point), own in differences.groupby(["scenario", "point"], sort=True):
        estimate = mean_estimate(own[outcome].to_numpy(dtype=float)[:, None])
        bounds = [float(bound[0]) for bound in (estimate.value, estimate.low, estimate.high)]
        rows.append((scenario, *where[point], *bounds, len(own)))
    return pd.DataFrame(rows, columns=CELL_COLUMNS)


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
            numbers = [float(bound[0]) for bound in (estimate.value, estimate.low, estimate.high, low, high)]
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
        if len(groups) > 1:
            first, last = (own.loc[groups[place], "value"].to_numpy(dtype=float) for place in (0, -1))
            ends = [own[factor].min(), own[factor].max(), first.mean(), last.mean()]
            rows.append((scenario, factor, *map(float, ends), *_welch(last, first), len(first) + len(last)))
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
    effect = float(last.mean() - first.mean())
    if min(len(last), len(first)) < 2:
        return effect, float("nan"), float("nan")
    if last.std() == first.std() == 0:
        return effect, effect, effect
    test = stats.ttest_ind(last, first, equal_var=False).confidence_interval(0.95)
    return effect, float(test.low), float(test.high)
