"""Paired effects: what a scenario changes against the baseline, with its interval and the spread of pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.pairs import Pairs, paired
from sim.analysis.statistics import (
    Estimate,
    mean_estimate,
    probability_estimate,
    ratio_estimate,
    share_better,
    spread,
)
from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES

EFFECT_COLUMNS = [
    "scenario",
    "outcome",
    "unit",
    "scope",
    "window",
    "contrast",
    "baseline_mean",
    "effect",
    "ci_low",
    "ci_high",
    "p_superior",
    "n",
    "mc_error",
    "spread_low",
    "spread_high",
]

BETTER = np.array([outcome.better for outcome in OUTCOMES])
UNITS = np.array([outcome.unit for outcome in OUTCOMES])
COUNTED = np.array([outcome.pool == "sum" for outcome in OUTCOMES])
"""Outcomes that are counts or sums: a ratio of sums means something for these."""
FLOWS = np.array([outcome.kind == "flow" for outcome in OUTCOMES])

RARE = 0.9
"""Share of zeros beyond which the probability of any event is reported as well."""


def paired_effects(windows: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Compare every scenario with the baseline, pair by pair.

    ``difference`` is the mean of scenario minus baseline with Student's t interval. ``ratio`` is the ratio
    of sums over all pairs (never a mean of ratios), for counts, where the baseline is not zero.
    ``probability`` is the difference in the probability of any event, for flows that are zero in over 90 %
    of the runs but not in all. ``p_superior`` is the share of pairs with the better value, ties half.
    ``mc_error`` is the standard error from having finitely many replications. ``spread_low`` and
    ``spread_high`` are the 5th and 95th percentile of the paired differences: the range of single histories,
    which more replications do not narrow.

    Parameters
    ----------
    windows : DataFrame
        From ``window_table``.
    baseline : str
        Key of the reference scenario.

    Returns
    -------
    DataFrame with ``EFFECT_COLUMNS``
    """
    order = {name: index for index, name in enumerate(OUTCOME_NAMES)}
    parts = []
    for pairs in paired(windows, baseline, ["scope", "window"], OUTCOME_NAMES):
        parts.extend([_differences(pairs), _ratios(pairs), _probabilities(pairs)])
    if not parts:
        return pd.DataFrame(columns=EFFECT_COLUMNS)
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    table["rank"] = table["outcome"].map(order)
    ranked = table.sort_values(["scenario", "rank", "scope", "window", "contrast"], kind="stable", ignore_index=True)
    return ranked[EFFECT_COLUMNS]


def _differences(pairs: Pairs) -> pd.DataFrame:
    differences = pairs.treated - pairs.reference
    low, high = spread(differences)
    everything = np.ones(differences.shape[1:], dtype=bool)
    return _table(
        pairs,
        "difference",
        mean_estimate(differences),
        pairs.reference.mean(axis=0),
        UNITS,
        everything,
        (low, high),
    )


def _ratios(pairs: Pairs) -> pd.DataFrame:
    keep = COUNTED[None, :] & (pairs.reference.sum(axis=0) > 0) & (pairs.reference.min(axis=0) >= 0)
    unit = np.full(len(UNITS), "ratio")
    return _table(
        pairs,
        "ratio",
        ratio_estimate(pairs.treated, pairs.reference),
        pairs.reference.mean(axis=0),
        unit,
        keep,
    )


def _probabilities(pairs: Pairs) -> pd.DataFrame:
    both = np.concatenate([pairs.treated, pairs.reference])
    zeros = (both == 0).mean(axis=0)
    keep = FLOWS[None, :] & (zeros > RARE) & (zeros < 1)
    unit = np.full(len(UNITS), "probability")
    chance = (pairs.reference > 0).mean(axis=0)
    return _table(pairs, "probability", probability_estimate(pairs.treated, pairs.reference), chance, unit, keep)


def _table(
    pairs: Pairs,
    contrast: str,
    estimate: Estimate,
    baseline_mean: NDArray[np.float64],
    units: NDArray[np.str_],
    keep: NDArray[np.bool_],
    ranges: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> pd.DataFrame:
    """Flatten arrays of shape (n_rows, n_outcomes) into rows of the effects table."""
    row, column = np.nonzero(keep)
    superior = share_better(pairs.treated - pairs.reference, BETTER)
    nothing = np.full(keep.shape, np.nan)
    low, high = ranges if ranges is not None else (nothing, nothing)
    return pd.DataFrame(
        {
            "scenario": pairs.scenario,
            "outcome": np.array(OUTCOME_NAMES)[column],
            "unit": units[column],
            "scope": pairs.rows["scope"].to_numpy()[row],
            "window": pairs.rows["window"].to_numpy()[row],
            "contrast": contrast,
            "baseline_mean": baseline_mean[row, column],
            "effect": estimate.value[row, column],
            "ci_low": estimate.low[row, column],
            "ci_high": estimate.high[row, column],
            "p_superior": superior[row, column],
            "n": pairs.n,
            "mc_error": estimate.error[row, column],
            "spread_low": low[row, column],
            "spread_high": high[row, column],
        }
    )
