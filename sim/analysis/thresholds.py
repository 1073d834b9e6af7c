"""Time until an outcome first reaches a level, with runs that never reach it counted honestly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.draws import estimate_and_luck, signs_of, verdicts
from sim.analysis.pairs import Pairs, paired
from sim.analysis.statistics import share_better
from sim.world.outcomes import OUTCOME_INDEX, OUTCOME_NAMES, OUTCOMES

F8 = NDArray[np.float64]

THRESHOLD_COLUMNS = [
    "scenario",
    "outcome",
    "unit",
    "scope",
    "threshold",
    "direction",
    "horizon",
    "baseline_reached",
    "reached",
    "baseline_median",
    "median",
    "effect",
    "ci_low",
    "ci_high",
    "p_superior",
    "n",
    "mc_error",
    "in_words",
]


@dataclass(frozen=True)
class Threshold:
    """A level of an outcome: of its running total for flows, of the month's value otherwise.

    ``direction``: ``rises`` counts months until it is at or above the level, ``falls`` at or below.
    """

    outcome: str
    level: float
    direction: Literal["rises", "falls"] = "rises"


THRESHOLDS = (
    Threshold("onset", 1),
    Threshold("communal_deaths", 25),
    Threshold("armed_deaths", 25),
    Threshold("new_displaced", 1000),
)
"""What ``compare`` reports."""


def thresholds(monthly: pd.DataFrame, baseline: str, levels: Sequence[Threshold] = THRESHOLDS) -> pd.DataFrame:
    """Compare the months until each level is first reached, pair by pair.

    A run that never reaches the level counts with the whole horizon in either world, so ``effect`` is the
    difference in mean months without reaching it within the horizon (restricted mean), with Student's t
    interval. ``baseline_reached`` and ``reached`` are shares of runs; medians are empty where fewer than half
    of the runs reach the level.

    Parameters
    ----------
    monthly : DataFrame
        From ``monthly_table``.
    baseline : str
        Key of the reference scenario.
    levels : sequence of Threshold

    Returns
    -------
    DataFrame with ``THRESHOLD_COLUMNS``; times in months

    Notes
    -----
    Source: Royston and Parmar 2013, restricted mean survival time.
    """
    rows = []
    for pairs in paired(monthly, baseline, ["scope", "month"], OUTCOME_NAMES):
        scopes = list(dict.fromkeys(pairs.rows["scope"]))
        horizon = len(pairs.rows) // len(scopes)
        for level in levels:
            treated, reference = (
                first_month(values.reshape(pairs.n, len(scopes), horizon, -1), level)
                for values in (pairs.treated, pairs.reference)
            )
            rows.extend(_rows(pairs, scopes, horizon, level, treated, reference))
    return pd.DataFrame(rows, columns=THRESHOLD_COLUMNS)


def first_month(values: F8, level: Threshold) -> F8:
    """First month at the level, counted from 0; infinity where it is never reached.

    Parameters
    ----------
    values : (..., n_months, n_outcomes) float64
    level : Threshold

    Returns
    -------
    (...) float64
    """
    index = OUTCOME_INDEX[level.outcome]
    path = values[..., index]
    if OUTCOMES[index].kind == "flow":
        path = np.cumsum(path, axis=-1)
    there = path >= level.level if level.direction == "rises" else path <= level.level
    return np.where(there.any(axis=-1), there.argmax(axis=-1), np.inf)


def _rows(
    pairs: Pairs, scopes: list[str], horizon: int, level: Threshold, treated: F8, reference: F8
) -> list[dict[str, object]]:
    item = OUTCOMES[OUTCOME_INDEX[level.outcome]]
    later = "none" if item.better == "none" else _later(item.better, level.direction)
    differences = np.minimum(treated, horizon) - np.minimum(reference, horizon)
    estimate, luck = estimate_and_luck(differences, pairs)
    words = verdicts(estimate, np.array(later), signs_of(differences, pairs))
    superior = share_better(differences[..., None], np.array([later]))[:, 0]
    medians = [np.median(times, axis=0) for times in (reference, treated)]
    made = []
    for row, scope in enumerate(scopes):
        effect, low, high = (float(bound[row]) for bound in (estimate.value, estimate.low, estimate.high))
        made.append(
            {
                "scenario": pairs.scenario,
                "outcome": item.name,
                "unit": "months",
                "scope": scope,
                "threshold": level.level,
                "direction": level.direction,
                "horizon": horizon,
                "baseline_reached": float(np.isfinite(reference[:, row]).mean()),
                "reached": float(np.isfinite(treated[:, row]).mean()),
                "baseline_median": _finite(medians[0][row]),
                "median": _finite(medians[1][row]),
                "effect": effect,
                "ci_low": low,
                "ci_high": high,
                "p_superior": float(superior[row]),
                "n": pairs.n,
                "mc_error": float(luck[row]),
                "in_words": words[row],
            }
        )
    return made


def _later(better: str, direction: str) -> str:
    """Later is better where the level is on the bad side: "higher", else "lower"."""
    return "higher" if (better == "lower") == (direction == "rises") else "lower"


def _finite(value: float) -> float:
    return float(value) if np.isfinite(value) else float("nan")
