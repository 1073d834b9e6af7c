"""Paired effects: what a scenario changes against the baseline, with its interval and the spread of pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.draws import (
    estimate_and_luck,
    left_open,
    nested,
    nested_bound,
    nested_need,
    nested_p,
    probability_of_draws,
    ratio_of_draws,
    swept,
)
from sim.analysis.intervals import (
    bootstrap_mean,
    changed_p,
    no_more_than,
    paired_p,
    pairs_to_tell,
    variance_saved,
)
from sim.analysis.multiplicity import with_corrections
from sim.analysis.pairs import Pairs, paired
from sim.analysis.statistics import (
    Estimate,
    probability_estimate,
    ratio_estimate,
    ratio_p,
    share_better,
    spread,
)
from sim.analysis.verdict import OPEN, verdict
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
    "boot_low",
    "boot_high",
    "no_more_than",
    "variance_saved",
    "n_to_tell",
    "p_value",
    "p_holm",
    "q_fdr",
    "in_words",
]

NUMBERS = EFFECT_COLUMNS[EFFECT_COLUMNS.index("spread_low") : EFFECT_COLUMNS.index("p_value") + 1]

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
    which more replications do not narrow. The other columns are explained in ``docs/analysis.md``; p-values
    are corrected among the rows of one scope, window and contrast. Over the design points of a sweep the
    interval counts points and replications, ``mc_error`` replications alone, and what rests on plain pairs is empty.
    Where replications draw parameters (column ``draw``), intervals, p-values and pairs needed include the uncertainty of
    the parameters, and ``mc_error`` does not (see `sim.analysis.draws`).

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
    return with_corrections(ranked, ["scope", "window", "contrast"])[EFFECT_COLUMNS]


def _differences(pairs: Pairs) -> pd.DataFrame:
    differences = pairs.treated - pairs.reference
    estimate, luck = estimate_and_luck(differences, pairs)
    low, high = spread(differences)
    more = {"mc_error": luck, "spread_low": low, "spread_high": high}
    more["variance_saved"] = variance_saved(pairs.treated, pairs.reference)
    drawn = nested(differences, pairs.draws) if pairs.draws is not None and not swept(pairs) else None
    if drawn is not None:
        more["no_more_than"] = nested_bound(drawn)
        more["n_to_tell"] = nested_need(drawn, pairs.n)
        more["p_value"] = nested_p(drawn)
    elif pairs.points is None:
        more["boot_low"], more["boot_high"] = bootstrap_mean(differences)
        more["no_more_than"] = no_more_than(differences)
        more["n_to_tell"] = pairs_to_tell(differences)
        more["p_value"] = paired_p(differences)
    everything = np.ones(differences.shape[1:], dtype=bool)
    table = _table(pairs, "difference", estimate, pairs.reference.mean(axis=0), UNITS, everything, more)
    directions = np.broadcast_to(BETTER, estimate.value.shape).ravel()
    numbers = zip(table["effect"], table["ci_low"], table["ci_high"], directions, strict=True)
    words = [verdict(*row) for row in numbers]
    if drawn is not None:
        words = [OPEN if unsure else word for unsure, word in zip(left_open(drawn).ravel(), words, strict=True)]
    return table.assign(in_words=words)


def _ratios(pairs: Pairs) -> pd.DataFrame:
    keep = COUNTED[None, :] & (pairs.reference.sum(axis=0) > 0) & (pairs.reference.min(axis=0) >= 0)
    estimate, n, more = ratio_estimate(pairs.treated, pairs.reference), pairs.n, {}
    if pairs.draws is not None and not swept(pairs):
        estimate, more["mc_error"] = ratio_of_draws(pairs.treated, pairs.reference, estimate, pairs.draws)
        n = len(np.unique(pairs.draws))
    unit = np.full(len(UNITS), "ratio")
    more["p_value"] = ratio_p(estimate, n)
    return _table(pairs, "ratio", estimate, pairs.reference.mean(axis=0), unit, keep, more)


def _probabilities(pairs: Pairs) -> pd.DataFrame:
    zeros = ((pairs.treated == 0).mean(axis=0) + (pairs.reference == 0).mean(axis=0)) / 2
    keep = FLOWS[None, :] & (zeros > RARE) & (zeros < 1)
    estimate = probability_estimate(pairs.treated, pairs.reference)
    more = {"p_value": changed_p(pairs.treated, pairs.reference)}
    if pairs.draws is not None and not swept(pairs):
        estimate, more["mc_error"] = probability_of_draws(pairs.treated, pairs.reference, estimate, pairs.draws)
    unit = np.full(len(UNITS), "probability")
    return _table(pairs, "probability", estimate, (pairs.reference > 0).mean(axis=0), unit, keep, more)


def _table(
    pairs: Pairs,
    contrast: str,
    estimate: Estimate,
    baseline_mean: NDArray[np.float64],
    units: NDArray[np.str_],
    keep: NDArray[np.bool_],
    more: dict[str, NDArray[np.float64]],
) -> pd.DataFrame:
    """Flatten arrays of shape (n_rows, n_outcomes) into rows of the effects table."""
    row, column = np.nonzero(keep)
    superior = share_better(pairs.treated - pairs.reference, BETTER)
    table = pd.DataFrame(
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
            "mc_error": more.get("mc_error", estimate.error)[row, column],
        }
    )
    return table.assign(**{name: more[name][row, column] if name in more else np.nan for name in NUMBERS}, in_words="")
