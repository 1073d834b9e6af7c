"""Which months and states forecasters may learn from, and which they are scored on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from checks.observed import month_text

Mask = NDArray[np.bool_]
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


def one_episode_out(episodes: pd.DataFrame, first: int, months: int) -> list[Fold]:
    """Learn from all but an episode's state and months, score these."""
    folds = []
    for states, begin, finish in zip(episodes["state"], episodes["start"], episodes["end"], strict=True):
        start, end = max(int(begin) - first, 0), min(int(finish) - first, months - 1)
        if start <= end:
            name = f"{states} {month_text(first + start)} to {month_text(first + end)}"
            folds.append(Fold(name, start, end, tuple(states.split("+"))))
    return folds
