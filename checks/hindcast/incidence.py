"""State-years with 25 deaths and more: chances given, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from checks.hindcast.bank import Bank, kept, members
from checks.hindcast.designs import Fold
from checks.hindcast.scoring import held
from checks.observed import UCDP_DEATHS
from checks.scores import chance


class StateYear(NamedTuple):
    """The chance given to 25 deaths, whether they were reached, and whether the year before is known to have had fewer."""

    state: str
    year: int
    chance: float
    event: float
    calm: bool


def state_years(bank: Bank, condition: int, folds: Sequence[Fold]) -> list[StateYear]:
    """Whole calendar years of the states left out."""
    grid, longer = bank.grids["deaths"], bank.longer["deaths"]
    rows = []
    for fold in folds:
        runs = members(bank, condition, "deaths", kept(bank, condition, held(bank, fold)))
        for u in np.flatnonzero(fold.held_out(grid.values.shape[0], grid.units).any(axis=0)):
            for start in range(-grid.first % 12, grid.values.shape[0] - 11, 12):
                total = grid.values[start : start + 12, u].sum()
                before = longer.values[bank.before + start - 12 : bank.before + start, u].sum()
                if np.isnan(total):
                    continue
                p = float(chance(runs[:, start : start + 12, u].sum(axis=1), UCDP_DEATHS - 0.5))
                year = (grid.first + start) // 12
                event, calm = float(total >= UCDP_DEATHS), bool(before < UCDP_DEATHS)
                rows.append(StateYear(grid.units[u], year, p, event, calm))
    return rows
