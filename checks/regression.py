"""Poisson regression by iteratively reweighted least squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]


def poisson_fit(counts: F8, covariates: F8, exposure: F8) -> F8:
    """Coefficients of log E[counts] = log exposure + b0 + covariates b.

    Parameters
    ----------
    counts : (n,)
    covariates : (n, k)
    exposure : (n,), above 0

    Returns
    -------
    (k + 1,) float64, the constant first; NaN if there is no event or it does not converge.
    """
    x = np.column_stack([np.ones(counts.size), covariates])
    if counts.sum() <= 0:
        return np.full(x.shape[1], np.nan)
    b = np.zeros(x.shape[1])
    b[0] = np.log(counts.sum() / exposure.sum())
    for _ in range(100):
        mean = exposure * np.exp(np.clip(x @ b, -50.0, 50.0))
        information = x.T @ (x * mean[:, None])
        try:
            step = np.linalg.solve(information, x.T @ (counts - mean))
        except np.linalg.LinAlgError:
            return np.full(x.shape[1], np.nan)
        b = b + np.clip(step, -3.0, 3.0)
        if np.abs(step).max() < 1e-8:
            out: F8 = b
            return out
    return np.full(x.shape[1], np.nan)
