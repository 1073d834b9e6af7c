"""Forecasts of one outcome over the folds of a design, and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from checks.hindcast.bank import Bank, kept, known, members
from checks.hindcast.baselines import BASELINES, CLIMATOLOGY, LAST, MEAN, forecast
from checks.hindcast.designs import Fold
from checks.scores import brier, chance, crps, log_score, pit

F8 = NDArray[np.float64]
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


def baselines_of(outcome: str) -> tuple[str, ...]:
    """Baselines of an outcome: a stock at the end of the year has no history of events to regress on."""
    return (CLIMATOLOGY, LAST, MEAN) if outcome == "displaced" else BASELINES


def score(bank: Bank, outcome: str, condition: int, folds: Sequence[Fold]) -> Scored:
    """Forecast every fold from what it leaves to learn from, and score it on what it holds out."""
    grid = bank.grids[outcome]
    used, masks = [], []
    for fold in folds:
        cells = fold.held_out(*_shape(bank, outcome)) & grid.known
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
        for name, ensemble in _forecasts(bank, outcome, condition, fold, cells).items():
            p = chance(ensemble)
            made.crps.setdefault(name, nothing.copy())[cells] = crps(ensemble, happened)
            made.brier.setdefault(name, nothing.copy())[cells] = brier(p, event)
            made.log.setdefault(name, nothing.copy())[cells] = log_score(p, event)
            made.chance.setdefault(name, nothing.copy())[cells] = p
            if name == MODEL:
                made.pit[cells] = pit(ensemble, happened, rng)
    return made


def _shape(bank: Bank, outcome: str) -> tuple[int, tuple[str, ...]]:
    grid = bank.grids[outcome]
    return grid.values.shape[0], grid.units


def held(bank: Bank, fold: Fold) -> dict[str, NDArray[np.bool_]]:
    """What a fold holds out of every outcome."""
    return {name: fold.held_out(*_shape(bank, name)) for name in bank.grids}


def _forecasts(bank: Bank, outcome: str, condition: int, fold: Fold, cells: NDArray[np.bool_]) -> dict[str, F8]:
    out = held(bank, fold)
    chosen = kept(bank, condition, out)
    made = {MODEL: members(bank, condition, outcome, chosen)[:, cells]}
    may_use = known(bank, outcome, out[outcome], triggered=condition == 0)
    for name in baselines_of(outcome):
        made[name] = forecast(name, may_use, cells)
    return made
