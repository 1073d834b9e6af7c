"""States into a region, months into a window: the two sums every table of results is made of.

Plain arrays whose last axis is the list of outcomes, so that a worker can summarise a run and an analysis can
summarise a thousand with the same lines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

F8 = NDArray[np.float64]

IS_SUM = np.array([outcome.pool == "sum" for outcome in OUTCOMES])
IS_FLOW = np.array([outcome.kind == "flow" for outcome in OUTCOMES])
IS_STOCK = np.array([outcome.kind == "stock" for outcome in OUTCOMES])


def pool_region(values: F8) -> F8:
    """Combine states into the region: sums of counts, population-weighted means of levels.

    Parameters
    ----------
    values : (..., n_states, n_outcomes) float64
        In the order of ``OUTCOMES``; the weights are the population of the same month.

    Returns
    -------
    (..., n_outcomes) float64
    """
    population = values[..., OUTCOME_INDEX["population"]]
    total = population.sum(axis=-1, keepdims=True)
    share = np.divide(population, total, out=np.full_like(population, 1.0 / population.shape[-1]), where=total > 0)
    means = np.einsum("...s,...so->...o", share, values)
    pooled: F8 = np.where(IS_SUM, values.sum(axis=-2), means)
    return pooled


def reduce_months(values: F8) -> F8:
    """Combine the months of a window: totals of flows, means of levels, the last value of stocks.

    Parameters
    ----------
    values : (n_months, ..., n_outcomes) float64

    Returns
    -------
    (..., n_outcomes) float64
    """
    reduced: F8 = np.where(IS_FLOW, values.sum(axis=0), np.where(IS_STOCK, values[-1], values.mean(axis=0)))
    return reduced
