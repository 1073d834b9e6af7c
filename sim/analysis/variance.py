"""How much of the spread comes from luck, from parameters, and from rival theories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sim.errors import InputError

F8 = NDArray[np.float64]

VARIANCE_COLUMNS = [
    "scenario",
    "outcome",
    "source",
    "variance",
    "share",
    "share_low",
    "share_high",
    "theories",
    "points",
    "replications",
]
SOURCES = ("seed", "parameters", "theory")
MOST = 0.9
"""Share of the points a replication must have to count."""
FOLDS = 20
"""Groups left out in turn by the jackknife."""


def variance_split(runs: pd.DataFrame, outcomes: Sequence[str], theory: str | None = None) -> pd.DataFrame:
    """Split the variance of outcomes by the law of total variance.

    ``seed`` is the variance between replications of one point, ``parameters`` between points of one theory
    with luck taken out, ``theory`` between the means of theories, which count alike. Points that lack a
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
    done = runs[runs["status"] == "done"] if "status" in runs else runs
    rows = []
    for scenario, part in done.astype({"scenario": str}).groupby("scenario", sort=True):
        nests = _nests(part, outcomes, theory)
        shares, error, components = _jackknifed(nests)
        reach = stats.norm.ppf(0.975)
        for number, outcome in enumerate(outcomes):
            for index, source in enumerate(SOURCES):
                share, spread = float(shares[index, number]), float(error[index, number])
                rows.append(
                    {
                        "scenario": scenario,
                        "outcome": outcome,
                        "source": source,
                        "variance": float(components[index, number]),
                        "share": share,
                        "share_low": max(0.0, share - reach * spread),
                        "share_high": min(1.0, share + reach * spread),
                        "theories": len(nests),
                        "points": sum(len(nest) for nest in nests),
                        "replications": nests[0].shape[1],
                    }
                )
    return pd.DataFrame(rows, columns=VARIANCE_COLUMNS)


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
    own, luck, mean = means.mean(axis=1), means.mean(axis=0), means.mean(axis=(0, 1))
    rest = ((means - own[:, None] - luck + mean) ** 2).sum(axis=(0, 1)) / ((theories - 1) * (replications - 1))
    bias = (1 - 1 / theories) * (points_noise + rest / replications)
    between: F8 = np.maximum(own.var(axis=0) - bias, 0.0)
    return between


def _shares(components: F8) -> F8:
    total = components.sum(axis=0)
    share: F8 = np.divide(components, total, out=np.full_like(components, np.nan), where=total > 0)
    return share


def _jackknifed(nests: list[F8]) -> tuple[F8, F8, F8]:
    """Shares, their standard errors, and the components."""
    components = _components(nests)
    replications = nests[0].shape[1]
    squared = np.zeros_like(components)
    left_out = [[np.delete(nest, gone, axis=1) for nest in nests] for gone in _folds(replications) if replications > 2]
    squared += _spread([_shares(_components(rest)) for rest in left_out])
    for number, nest in enumerate(nests):
        if len(nest) < 3:
            continue
        rests = []
        for gone in _folds(len(nest)):
            rest = list(nests)
            rest[number] = np.delete(nest, gone, axis=0)
            rests.append(_shares(_components(rest)))
        squared += _spread(rests)
    return _shares(components), np.sqrt(squared), components


def _folds(count: int) -> list[NDArray[np.intp]]:
    return [fold for fold in np.array_split(np.arange(count), min(FOLDS, count)) if len(fold)]


def _spread(estimates: list[F8]) -> F8:
    """Jackknife variance of an estimate from the values with one group left out."""
    if not estimates:
        return np.asarray(0.0)
    stacked = np.stack(estimates)
    variance: F8 = (len(stacked) - 1) / len(stacked) * ((stacked - stacked.mean(axis=0)) ** 2).sum(axis=0)
    return variance
