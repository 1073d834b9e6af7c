"""Paired effects: what a scenario changes against the baseline, with its interval and the spread of pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.draws import (
    allowed,
    by_point,
    drawn,
    estimate_and_luck,
    luck_of_ratio,
    probability_of_draws,
    ratios_of_points,
    signs,
    verdicts,
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
from sim.analysis.windows import REGION, WHOLE_RUN
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
    "draws",
    "draws_low",
    "draws_high",
    "draws_up",
    "draws_down",
    "same_sign",
    "same_low",
    "same_high",
    "median",
    "median_low",
    "median_high",
]

OF_DRAWS = EFFECT_COLUMNS[EFFECT_COLUMNS.index("draws") :]
"""What the parameters allow; empty where all replications have the central ones."""
NUMBERS = [*EFFECT_COLUMNS[EFFECT_COLUMNS.index("spread_low") : EFFECT_COLUMNS.index("p_value") + 1], *OF_DRAWS]

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
    Where replications draw parameters (column ``draw``), points and not pairs are what intervals, p-values and pairs
    needed count, ``mc_error`` is luck alone, ``draws`` to ``median_high`` say what the parameters allow, and ``in_words``
    needs the points to agree on the direction (see `sim.analysis.draws`).

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


def headline_effects(effects: pd.DataFrame) -> pd.DataFrame:
    """Differences of headline outcomes in the region over the whole run.

    Returns
    -------
    DataFrame
        Rows of the table of effects; ``ratio_low`` and ``ratio_high`` beside: for counts, what the parameters allow as a
        ratio to the baseline.
    """
    if effects.empty:
        return effects
    names = [item.name for item in OUTCOMES if item.headline]
    chosen = effects[(effects["scope"] == REGION) & (effects["window"] == WHOLE_RUN) & effects["outcome"].isin(names)]
    rows = chosen[chosen["contrast"] == "difference"]
    if "draws_low" not in rows:
        return rows.assign(ratio_low=np.nan, ratio_high=np.nan)
    keys = ["scenario", "outcome"]
    ratios = chosen[chosen["contrast"] == "ratio"][[*keys, "draws_low", "draws_high"]]
    renamed = ratios.rename(columns={"draws_low": "ratio_low", "draws_high": "ratio_high"})
    return rows.merge(renamed, on=keys, how="left", validate="one_to_one").set_axis(rows.index)


def _differences(pairs: Pairs) -> pd.DataFrame:
    differences = pairs.treated - pairs.reference
    estimate, luck = estimate_and_luck(differences, pairs)
    low, high = spread(differences)
    more = {"mc_error": luck, "spread_low": low, "spread_high": high}
    more["variance_saved"] = variance_saved(pairs.treated, pairs.reference)
    draws = drawn(pairs)
    found = None if draws is None else signs(differences, draws)
    if draws is not None and found is not None:
        _, parts = by_point(differences, draws)
        more |= allowed(differences, draws, found, estimate.value)
        more["no_more_than"] = no_more_than(parts)
        needed = np.ceil(pairs_to_tell(parts) * pairs.n / len(parts))
        more["n_to_tell"] = np.where(found.apart & ~found.told(estimate.value), np.nan, needed)
        more["p_value"] = found.p
    elif pairs.points is None:
        more["boot_low"], more["boot_high"] = bootstrap_mean(differences)
        more["no_more_than"] = no_more_than(differences)
        more["n_to_tell"] = pairs_to_tell(differences)
        more["p_value"] = paired_p(differences)
    everything = np.ones(differences.shape[1:], dtype=bool)
    table = _table(pairs, "difference", estimate, pairs.reference.mean(axis=0), UNITS, everything, more)
    return table.assign(in_words=verdicts(estimate, BETTER, found).ravel())


def _ratios(pairs: Pairs) -> pd.DataFrame:
    keep = COUNTED[None, :] & (pairs.reference.sum(axis=0) > 0) & (pairs.reference.min(axis=0) >= 0)
    treated, reference, draws = pairs.treated, pairs.reference, drawn(pairs)
    more = {}
    if draws is not None:
        plain = ratio_estimate(treated, reference)
        more["mc_error"] = luck_of_ratio(treated, reference, plain, draws)
        more["draws_low"], more["draws_high"] = ratios_of_points(treated, reference, draws)
        if len(np.unique(draws)) > 1:
            treated, reference = (by_point(values, draws)[1] for values in (treated, reference))
    estimate = ratio_estimate(treated, reference)
    more["p_value"] = ratio_p(estimate, len(treated))
    unit = np.full(len(UNITS), "ratio")
    return _table(pairs, "ratio", estimate, pairs.reference.mean(axis=0), unit, keep, more)


def _probabilities(pairs: Pairs) -> pd.DataFrame:
    zeros = ((pairs.treated == 0).mean(axis=0) + (pairs.reference == 0).mean(axis=0)) / 2
    keep = FLOWS[None, :] & (zeros > RARE) & (zeros < 1)
    estimate, draws = probability_estimate(pairs.treated, pairs.reference), drawn(pairs)
    more = {"p_value": changed_p(pairs.treated, pairs.reference)}
    if draws is not None:
        estimate = probability_of_draws(pairs.treated, pairs.reference, estimate, draws)
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
