"""Forecasts without the model: climatology, last value, historical mean, a regression on conflict history.

Each learns from the same cells as the model and sees nothing else afterwards: from the end of what it may learn from it runs
on without news, as the model does. Only the regression can use the triggers; it is given them where the model is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

F8 = NDArray[np.float64]
Mask = NDArray[np.bool_]
MEMBERS = 400
LEVELS = (np.arange(MEMBERS) + 0.5) / MEMBERS
HALF_LIFE = 6.0
"""Months in which past events lose half their weight in the regression."""
CLIMATOLOGY, LAST, MEAN, REGRESSION = "climatology", "last value", "historical mean", "conflict-history regression"
BASELINES = (CLIMATOLOGY, LAST, MEAN, REGRESSION)


@dataclass(frozen=True, eq=False)
class Known:
    """What a forecaster may use of one outcome.

    ``values`` (before + months, n_units): the ``before`` months ahead of the window are history, known to all as the start
    state is to the model; NaN where missing or held out. ``neighbours`` (n_units, n_units) 0 or 1; ``triggers``
    (before + months, n_units) 1 while a dated trigger runs, or None.
    """

    values: F8
    before: int
    neighbours: F8
    triggers: F8 | None = None

    @property
    def learned(self) -> F8:
        """Values inside the window that may be learned from."""
        return self.values[self.before :]


def forecast(name: str, known: Known, cells: Mask) -> F8:
    """An ensemble (members, n_cells) by one of `BASELINES` for chosen cells (months, n_units) of the window.

    Where a state has no known value of its own, climatology stands in.
    """
    pool = known.learned[~np.isnan(known.learned)]
    plain = np.broadcast_to(np.quantile(pool, LEVELS, method="inverted_cdf")[:, None], (MEMBERS, int(cells.sum())))
    if name == CLIMATOLOGY:
        return plain
    if name in (LAST, MEAN):
        made = last_values(known) if name == LAST else own_means(known)
        return np.where(np.isnan(made[cells]), plain, _poisson(np.nan_to_num(made[cells])))
    mean, spread = regression(known)
    chances = 1.0 / (1.0 + spread * mean[cells])
    return np.asarray(stats.nbinom.ppf(LEVELS[:, None], 1.0 / spread, chances[None, :]), np.float64)


def own_means(known: Known) -> F8:
    """Mean of the known values of each unit, (months, n_units); NaN without any."""
    there = ~np.isnan(known.learned)
    count = there.sum(axis=0)
    means = np.where(there, known.learned, 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.broadcast_to(np.where(count > 0, means, np.nan), known.learned.shape)


def _poisson(mean: F8) -> F8:
    """Poisson around a mean, as in the forecasting contests this follows (evidence F6)."""
    levels, flat = np.unique(mean, return_inverse=True)
    made = np.asarray(stats.poisson.ppf(LEVELS[:, None], np.maximum(levels, 1e-12)[None, :]), np.float64)
    return made[:, flat]


def last_values(known: Known) -> F8:
    """The last known value before each month of the window, (months, n_units); NaN without any."""
    filled = known.values.copy()
    for t in range(1, filled.shape[0]):
        filled[t] = np.where(np.isnan(filled[t]), filled[t - 1], filled[t])
    return np.vstack([np.full((1, filled.shape[1]), np.nan), filled[:-1]])[known.before :]


def history(values: F8, mean: float) -> F8:
    """Weighted mean of known values before each month; weights halve in `HALF_LIFE` months, and ``mean`` weighs one.

    Missing months add nothing, so a state without news returns to the mean.
    """
    keep = 0.5 ** (1.0 / HALF_LIFE)
    total, weight = np.zeros((2, values.shape[1]))
    out = np.empty_like(values)
    for t in range(values.shape[0]):
        out[t] = (total + mean) / (weight + 1.0)
        there = ~np.isnan(values[t])
        total = keep * total + np.where(there, values[t], 0.0)
        weight = keep * weight + there
    return out


def regression(known: Known) -> tuple[F8, float]:
    """Negative-binomial regression on own and neighbours' history (and triggers): mean (months, n_units), dispersion.

    log mean = b0 + b1 log(0.1 + own) + b2 log(0.1 + neighbours) (+ b3 trigger); variance mean + dispersion mean^2; most likely
    values with a weak pull to 0 on b1 ... b3 (s.d. 1), since few months have events.
    """
    mean = float(known.learned[~np.isnan(known.learned)].mean())
    own = history(known.values, mean)
    counts = np.maximum(known.neighbours.sum(axis=1), 1.0)
    parts = [np.ones_like(own), np.log(0.1 + own), np.log(0.1 + own @ known.neighbours.T / counts)]
    if known.triggers is not None:
        parts.append(known.triggers)
    x = np.stack(parts, axis=-1)[known.before :]
    there = ~np.isnan(known.learned)
    x_known, y = x[there], known.learned[there]

    def loss(b: F8) -> float:
        mu = np.exp(np.clip(x_known @ b[:-1], -20.0, 20.0))
        size = np.exp(-b[-1])
        likelihood = special.gammaln(y + size) - special.gammaln(size) - special.gammaln(y + 1.0)
        likelihood += size * np.log(size / (size + mu)) + y * np.log(mu / (size + mu))
        return float(-likelihood.sum() + 0.5 * (b[1:-1] ** 2).sum() + 0.005 * b[-1] ** 2)

    start = np.zeros(x.shape[-1] + 1)
    start[0] = np.log(max(mean, 1e-6))
    bounds = [(-20.0, 20.0)] * x.shape[-1] + [(-5.0, 6.0)]
    fit = optimize.minimize(loss, start, method="L-BFGS-B", bounds=bounds)
    largest = np.log(100.0 * (y.max() + 1.0))
    return np.exp(np.minimum(x @ fit.x[:-1], largest)), float(np.exp(fit.x[-1]))
