"""Many comparisons at once: corrected p-values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

F8 = NDArray[np.float64]


def holm(p: F8) -> F8:
    """Holm's correction: the chance of any false finding stays below the level. NaN entries take no part.

    Parameters
    ----------
    p : (n,) float64

    Returns
    -------
    (n,) float64
    """
    return _corrected(p, lambda ordered: np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1)))


def false_discovery(p: F8) -> F8:
    """Benjamini-Hochberg: the expected share of false findings among those below a level stays below it.

    Parameters
    ----------
    p : (n,) float64
        NaN entries take no part.

    Returns
    -------
    (n,) float64
    """

    def step(ordered: F8) -> F8:
        count = len(ordered)
        scaled = ordered * count / np.arange(1, count + 1)
        return np.minimum.accumulate(scaled[::-1])[::-1]

    return _corrected(p, step)


def with_corrections(table: pd.DataFrame, family: Sequence[str]) -> pd.DataFrame:
    """Add ``p_holm`` and ``q_fdr`` to a table with ``p_value``, corrected among rows that agree in ``family``."""
    groups = table.groupby(list(family), sort=False)["p_value"]
    return table.assign(
        p_holm=groups.transform(lambda p: holm(p.to_numpy(np.float64))),
        q_fdr=groups.transform(lambda p: false_discovery(p.to_numpy(np.float64))),
    )


def _corrected(p: F8, step: Callable[[F8], F8]) -> F8:
    known = np.flatnonzero(~np.isnan(p))
    result = np.full(len(p), np.nan)
    order = known[np.argsort(p[known], kind="stable")]
    result[order] = np.minimum(step(p[order]), 1.0)
    return result
