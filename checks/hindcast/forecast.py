"""Forecasts and their scores: what may be learned from and what is held out, forecasts without the model, the candidates that
fit what may be learned from, scores of all, and whole years of organised violence.

Every forecaster learns from the same cells as the model and sees nothing else afterwards: from the end of what it may learn
from it runs on without news, as the model does. Only the regression can use the triggers; it is given them where the model is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from checks.hindcast.bank import BEFORE, CandidateRuns
from checks.observed import UCDP_DEATHS, month_text
from checks.scores import brier, chance, crps, log_score, pit

F8 = NDArray[np.float64]
Mask = NDArray[np.bool_]

# --- what is held out

LATER, STATES, EPISODES = "later", "states", "episodes"


@dataclass(frozen=True)
class Fold:
    """One division of the window: what is held out are ``states`` (all if empty) in months ``start`` to ``end``.

    Months count from the start of the window. What is not held out may be learned from.
    """

    name: str
    start: int
    end: int
    states: tuple[str, ...] = ()

    def held_out(self, months: int, units: Sequence[str]) -> Mask:
        """Cells (months, n_units) that are held out; a unit that holds one of the states counts."""
        when = (np.arange(months) >= self.start) & (np.arange(months) <= self.end)
        who = np.array([not self.states or bool(set(unit.split("+")) & set(self.states)) for unit in units])
        return np.asarray(when[:, None] & who[None, :])


def later_part(split: int, months: int) -> list[Fold]:
    """Learn before month ``split``, score from there on."""
    return [Fold("later part", split, months - 1)]


def one_state_out(states: Sequence[str], months: int) -> list[Fold]:
    """Learn from the other states, score each in the whole window."""
    return [Fold(state, 0, months - 1, (state,)) for state in states]


def one_episode_out(episodes: Any, first: int, months: int) -> list[Fold]:
    """Learn from all but an episode's state and months, score these; ``episodes`` is the table of that name."""
    folds = []
    for states, begin, finish in zip(episodes["state"], episodes["start"], episodes["end"], strict=True):
        start, end = max(int(begin) - first, 0), min(int(finish) - first, months - 1)
        if start <= end:
            name = f"{states} {month_text(first + start)} to {month_text(first + end)}"
            folds.append(Fold(name, start, end, tuple(states.split("+"))))
    return folds


# --- forecasts without the model

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


# --- forecasts of the model

KEPT = 1.0 / 3.0
"""Share of candidates kept, by their fit to the months that may be learned from."""


def known(bank: CandidateRuns, outcome: str, held_out: Mask, triggered: bool) -> Known:
    """What may be used of one outcome when some cells of the window are held out."""
    grid = bank.longer[outcome]
    values = grid.values.copy()
    values[BEFORE:][held_out] = np.nan
    member = np.array([[state in unit.split("+") for state in bank.states] for unit in grid.units], np.float64)
    neighbours = ((member @ bank.borders @ member.T) > 0).astype(np.float64)
    np.fill_diagonal(neighbours, 0.0)
    triggers = np.minimum(bank.triggers @ member.T, 1.0) if triggered else None
    return Known(values, BEFORE, neighbours, triggers)


def kept(bank: CandidateRuns, condition: int, held_out: dict[str, Mask]) -> NDArray[np.int64]:
    """Numbers of the candidates whose runs fit best what may be learned from.

    The misfit is the fair CRPS of log(1 + value) over what is not held out, relative to climatology, averaged over outcomes.
    """
    total = np.zeros(len(bank.draws))
    for outcome, grid in bank.grids.items():
        happened = np.log1p(np.where(held_out[outcome], np.nan, grid.values))
        if not np.isfinite(happened).any():
            continue
        cells = np.isfinite(happened)
        plain = forecast(CLIMATOLOGY, known(bank, outcome, held_out[outcome], False), cells)
        scale = max(float(crps(np.log1p(plain), happened[cells]).mean()), 1e-9)
        runs = np.log1p(bank.values[condition][outcome][..., cells])
        total += [float(crps(one, happened[cells], fair=runs.shape[1] > 1).mean()) / scale for one in runs]
    keep = max(math.ceil(KEPT * len(bank.draws)), 1)
    return np.sort(np.argsort(total, kind="stable")[:keep])


def members(bank: CandidateRuns, condition: int, outcome: str, chosen: Sequence[int] | NDArray[np.int64]) -> F8:
    """The runs of chosen candidates as one equally weighted ensemble, (members, months, n_units)."""
    runs = bank.values[condition][outcome][list(chosen)]
    return np.asarray(runs.reshape(-1, *runs.shape[2:]), np.float64)


# --- scores

MODEL = "model"


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of one outcome under one condition, each (months, n_units), NaN where nothing is held out or known.

    ``crps``, ``brier``, ``log`` and ``chance`` by forecaster (`MODEL` and the baselines); ``event`` 0 or 1: anything
    recorded at all in the month; ``pit`` of the model. ``cells`` are those of each fold.
    """

    folds: tuple[Fold, ...]
    cells: tuple[NDArray[np.bool_], ...]
    event: F8
    pit: F8
    crps: dict[str, F8] = field(default_factory=dict)
    brier: dict[str, F8] = field(default_factory=dict)
    log: dict[str, F8] = field(default_factory=dict)
    chance: dict[str, F8] = field(default_factory=dict)

    @property
    def baselines(self) -> list[str]:
        """The baselines that were scored."""
        return [name for name in self.crps if name != MODEL]


def score(bank: CandidateRuns, outcome: str, condition: int, folds: Sequence[Fold]) -> Scored:
    """Forecast every fold from what it leaves to learn from, and score it on what it holds out."""
    grid = bank.grids[outcome]
    used, masks = [], []
    for fold in folds:
        cells = held(bank, fold)[outcome] & grid.known
        if cells.any() and not cells[grid.known].all():
            used.append(fold)
            masks.append(cells)
    nothing = np.full(grid.values.shape, np.nan)
    made = Scored(tuple(used), tuple(masks), nothing.copy(), nothing.copy())
    rng = np.random.default_rng(1)
    for fold, cells in zip(used, masks, strict=True):
        happened = grid.values[cells]
        event = (happened > 0).astype(np.float64)
        made.event[cells] = event
        for name, ensemble in forecasts(bank, outcome, condition, fold, cells).items():
            p = chance(ensemble)
            made.crps.setdefault(name, nothing.copy())[cells] = crps(ensemble, happened)
            made.brier.setdefault(name, nothing.copy())[cells] = brier(p, event)
            made.log.setdefault(name, nothing.copy())[cells] = log_score(p, event)
            made.chance.setdefault(name, nothing.copy())[cells] = p
            if name == MODEL:
                made.pit[cells] = pit(ensemble, happened, rng)
    return made


def held(bank: CandidateRuns, fold: Fold) -> dict[str, Mask]:
    """What a fold holds out of every outcome."""
    return {name: fold.held_out(grid.values.shape[0], grid.units) for name, grid in bank.grids.items()}


def forecasts(bank: CandidateRuns, outcome: str, condition: int, fold: Fold, cells: Mask) -> dict[str, F8]:
    """Ensembles (members, n_cells) of the model and the baselines for the cells that a fold holds out."""
    out = held(bank, fold)
    chosen = kept(bank, condition, out)
    made = {MODEL: members(bank, condition, outcome, chosen)[:, cells]}
    may_use = known(bank, outcome, out[outcome], triggered=condition == 0)
    # A stock at the end of the year has no history of events to regress on.
    for name in BASELINES[:3] if outcome == "displaced" else BASELINES:
        made[name] = forecast(name, may_use, cells)
    return made


# --- state-years with 25 deaths and more


class StateYear(NamedTuple):
    """The chance given to 25 deaths, whether they were reached, and whether the year before is known to have had fewer."""

    state: str
    year: int
    chance: float
    event: float
    calm: bool


def state_years(bank: CandidateRuns, condition: int, folds: Sequence[Fold]) -> list[StateYear]:
    """Whole calendar years of the states left out."""
    grid, longer = bank.grids["deaths"], bank.longer["deaths"]
    rows = []
    for fold in folds:
        runs = members(bank, condition, "deaths", kept(bank, condition, held(bank, fold)))
        for u in np.flatnonzero(fold.held_out(grid.values.shape[0], grid.units).any(axis=0)):
            for start in range(-grid.first % 12, grid.values.shape[0] - 11, 12):
                total = grid.values[start : start + 12, u].sum()
                before = longer.values[BEFORE + start - 12 : BEFORE + start, u].sum()
                if np.isnan(total):
                    continue
                p = float(chance(runs[:, start : start + 12, u].sum(axis=1), UCDP_DEATHS - 0.5))
                year = (grid.first + start) // 12
                event, calm = float(total >= UCDP_DEATHS), bool(before < UCDP_DEATHS)
                rows.append(StateYear(grid.units[u], year, p, event, calm))
    return rows
