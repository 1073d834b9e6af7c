"""Which assumptions matter: Sobol indices and Morris screening of a stored design, through SALib."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.errors import InputError

F8 = NDArray[np.float64]

SOBOL_COLUMNS = ["factor", "first", "first_low", "first_high", "total", "total_low", "total_high", "n"]
PAIR_COLUMNS = ["factor", "other", "second", "second_low", "second_high"]
MORRIS_COLUMNS = ["factor", "mu", "mu_star", "mu_star_low", "mu_star_high", "sigma", "n"]
SEED = 20_240_101
FEWEST = 8
"""Complete blocks (Sobol) or trajectories (Morris) below which there is no answer."""


def explore_library(name: str) -> Any:
    """Import a library of the extra ``explore``; say how to get it where it is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it would like to have besides is not our user's concern
            return importlib.import_module(name)
    except ImportError:
        package = name.split(".")[0]
        raise InputError(f"{package} is not installed; it comes with: pip install 'stabsim[explore]'") from None


def sobol(
    points: pd.DataFrame, values: pd.Series[float], design: Mapping[str, Any], *, resamples: int = 200, seed: int = SEED
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
    resamples, seed : int
        Of the bootstrap behind the intervals.

    Returns
    -------
    DataFrame with ``SOBOL_COLUMNS`` (largest total first), DataFrame with ``PAIR_COLUMNS`` (may be empty)
        ``n`` is the number of complete blocks. Indices are shares of the variance of ``values``; empty where
        they do not vary.

    Notes
    -----
    Source: Saltelli et al. 2010; Herman and Usher 2017 (SALib). Means over few replications carry luck, which
    lowers first-order indices and keeps their sum below one.
    """
    analyse = explore_library("SALib.analyze.sobol").analyze
    names = _factors(points)
    second = bool(design.get("second_order", False)) and len(names) > 1
    kept, blocks = _complete(points, values, 2 * len(names) + 2 if second else len(names) + 2)
    if np.ptp(kept) == 0:
        empty = dict.fromkeys(SOBOL_COLUMNS[1:-1], np.nan)
        return pd.DataFrame([{"factor": name, **empty, "n": blocks} for name in names], columns=SOBOL_COLUMNS), (
            pd.DataFrame(columns=PAIR_COLUMNS)
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # resamples that do not vary: the interval says so
        found = analyse({"num_vars": len(names), "names": names}, kept, calc_second_order=second,
                        num_resamples=resamples, seed=seed)  # fmt: skip
    table = pd.DataFrame(
        {
            "factor": names,
            **_band("first", found["S1"], found["S1_conf"]),
            **_band("total", found["ST"], found["ST_conf"]),
            "n": blocks,
        }
    )
    pairs = [
        {"factor": names[i], "other": names[j], **_one_band("second", found["S2"][i, j], found["S2_conf"][i, j])}
        for i in range(len(names) if second else 0)
        for j in range(i + 1, len(names))
    ]
    ordered = table.sort_values("total", ascending=False, kind="stable", ignore_index=True)
    return ordered[SOBOL_COLUMNS], pd.DataFrame(pairs, columns=PAIR_COLUMNS)


def morris(
    points: pd.DataFrame,
    values: pd.Series[float],
    design: Mapping[str, Any],
    *,
    resamples: int = 1000,
    seed: int = SEED,
) -> pd.DataFrame:
    """Elementary effects: how far an outcome moves as one factor crosses its range.

    Parameters
    ----------
    points, values, design, resamples, seed
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
    kept, rows = _rows(points, values, len(names) + 1)
    x = np.column_stack([_coded(points[name]) for name in names])
    problem = {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
    found = analyse(
        problem, x[rows], kept, num_levels=int(design.get("num_levels", 4)), num_resamples=resamples, seed=seed
    )
    star, conf = np.asarray(found["mu_star"]), np.asarray(found["mu_star_conf"])
    table = pd.DataFrame(
        {
            "factor": names,
            "mu": np.asarray(found["mu"]),
            **_band("mu_star", star, conf),
            "sigma": np.asarray(found["sigma"]),
            "n": len(rows) // (len(names) + 1),
        }
    )
    return table.sort_values("mu_star", ascending=False, kind="stable", ignore_index=True)[MORRIS_COLUMNS]


def _factors(points: pd.DataFrame) -> list[str]:
    return [str(name) for name in points.columns if name != "point"]


def _coded(column: pd.Series[Any]) -> F8:
    """Numbers that rise where a factor rises: elementary effects only need to know what changed, and which way."""
    if pd.api.types.is_numeric_dtype(column):
        return np.asarray(column, np.float64)
    return np.asarray(pd.factorize(column, sort=True)[0], np.float64)


def _complete(points: pd.DataFrame, values: pd.Series[float], block: int) -> tuple[F8, int]:
    kept, rows = _rows(points, values, block)
    return kept, len(rows) // block


def _rows(points: pd.DataFrame, values: pd.Series[float], block: int) -> tuple[F8, NDArray[np.intp]]:
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


def _band(name: str, value: Any, half: Any) -> dict[str, F8]:
    centre, width = np.asarray(value, float), np.asarray(half, float)
    return {name: centre, f"{name}_low": centre - width, f"{name}_high": centre + width}


def _one_band(name: str, value: float, half: float) -> dict[str, float]:
    return {name: float(value), f"{name}_low": float(value - half), f"{name}_high": float(value + half)}
