"""What a scenario changes against the baseline: effects of pairs, their intervals, and their direction.

Where replications draw parameter sets of the ensemble, two things make pairs differ. Replications with the same
parameter set differ by random draws alone (sampling error); parameter sets differ by their parameters as well. A
parameter set is then one observation: every interval and test here counts parameter sets, so that neither few of them
nor skewed effects are taken for certainty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sim.analysis.statistics import (
    Estimate,
    bootstrap_mean,
    changed_p,
    crossed_estimate,
    mean_estimate,
    no_more_than,
    paired_p,
    pairs_to_tell,
    probability_estimate,
    ratio_estimate,
    ratio_p,
    share_better,
    share_interval,
    sign_p,
    spread,
    variance_saved,
    with_corrections,
)
from sim.analysis.tables import REGION, WHOLE_RUN, Pairs, paired
from sim.analysis.verdict import verdict
from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

OF_DRAWS = [
    "draws", "draws_low", "draws_high", "draws_up", "draws_down", "same_sign", "same_low", "same_high",
    "median", "median_low", "median_high",
]  # fmt: skip
"""The range over parameter sets; empty where all replications have the central one."""
OF_PAIRS = [
    "spread_low", "spread_high", "boot_low", "boot_high", "no_more_than", "variance_saved", "n_to_tell", "p_value",
]  # fmt: skip
EFFECT_COLUMNS = [
    "scenario", "outcome", "unit", "scope", "window", "contrast", "baseline_mean", "effect", "ci_low", "ci_high",
    "p_superior", "n", "mc_error", *OF_PAIRS, "p_holm", "q_fdr", "in_words", *OF_DRAWS,
]  # fmt: skip

BETTER = np.array([outcome.better for outcome in OUTCOMES])
UNITS = np.array([outcome.unit for outcome in OUTCOMES])
COUNTED = np.array([outcome.pool == "sum" for outcome in OUTCOMES])
"""Outcomes that are counts or sums: a ratio of sums means something for these."""
FLOWS = np.array([outcome.kind == "flow" for outcome in OUTCOMES])

RARE = 0.9
"""Share of zeros beyond which the probability of any event is reported as well."""
LEVEL = 0.05
"""Two-sided level of the test of the direction."""
FEWEST = 6
"""Parameter sets below which no test of signs can reject: two times one half to the power of five is above the level."""
AGREE = 0.9
"""Share of the parameter sets with a change that must go one way where parameters, not sampling error, set them apart."""


def paired_effects(windows: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Compare every scenario with the baseline, pair by pair.

    ``difference`` is the mean of scenario minus baseline with Student's t interval. ``ratio`` is the ratio
    of sums over all pairs (never a mean of ratios), for counts, where the baseline is not zero.
    ``probability`` is the difference in the probability of any event, for flows that are zero in over 90 %
    of the runs but not in all. ``p_superior`` is the share of pairs with the better value, ties half.
    ``mc_error`` is the standard error from having finitely many replications. ``spread_low`` and
    ``spread_high`` are the 5th and 95th percentile of the paired differences: the range of single replications,
    which more replications do not narrow. The other columns are explained in ``docs/analysis.md``; p-values
    are corrected among the rows of one scope, window and contrast. Over the design points of a sweep the
    interval counts points and replications, ``mc_error`` replications alone, and what rests on plain pairs is empty.
    Where replications draw parameters (column ``draw``), parameter sets and not pairs are what intervals, p-values and
    pairs needed count, ``mc_error`` is sampling error alone, ``draws`` to ``median_high`` give the range over parameter
    sets, and ``in_words`` needs the parameter sets to agree on the direction (see `Signs`).

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
    parts = []
    for pairs in paired(windows, baseline, ["scope", "window"], OUTCOME_NAMES):
        parts.extend([_differences(pairs), _ratios(pairs), _probabilities(pairs)])
    if not parts:
        return pd.DataFrame(columns=EFFECT_COLUMNS)
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    table["rank"] = table["outcome"].map({name: index for index, name in enumerate(OUTCOME_NAMES)})
    ranked = table.sort_values(["scenario", "rank", "scope", "window", "contrast"], kind="stable", ignore_index=True)
    return with_corrections(ranked, ["scope", "window", "contrast"])[EFFECT_COLUMNS]


def headline_effects(effects: pd.DataFrame) -> pd.DataFrame:
    """Differences of headline outcomes in the region over the whole run.

    Returns
    -------
    DataFrame
        Rows of the table of effects; ``ratio_low`` and ``ratio_high`` beside: for counts, the range over parameter sets
        as a ratio to the baseline.
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
    estimate, error = estimate_and_error(differences, pairs)
    more = dict(zip(("spread_low", "spread_high"), spread(differences), strict=True))
    more |= {"mc_error": error, "variance_saved": variance_saved(pairs.treated, pairs.reference)}
    draws, found = drawn(pairs), signs_of(differences, pairs)
    if draws is not None and found is not None:
        _, parts = by_set(differences, draws)
        more |= _range_over_sets(differences, draws, found, estimate.value)
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
    treated, reference, draws = pairs.treated, pairs.reference, drawn(pairs)
    keep = COUNTED[None, :] & (reference.sum(axis=0) > 0) & (reference.min(axis=0) >= 0)
    more = {}
    if draws is not None:
        plain = ratio_estimate(treated, reference)
        more["mc_error"] = _error_of_ratio(treated, reference, plain, draws)
        more["draws_low"], more["draws_high"] = _ratios_of_sets(treated, reference, draws)
        if len(np.unique(draws)) > 1:
            treated, reference = (by_set(values, draws)[1] for values in (treated, reference))
    estimate = ratio_estimate(treated, reference)
    more["p_value"] = ratio_p(estimate, len(treated))
    return _table(pairs, "ratio", estimate, pairs.reference.mean(axis=0), np.full(len(UNITS), "ratio"), keep, more)


def _error_of_ratio(treated: F8, reference: F8, plain: Estimate, draws: I8) -> F8:
    """Standard error of a ratio of sums from finitely many replications alone (delta method on the log scale)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        pulls = treated / treated.mean(axis=0) - reference / reference.mean(axis=0)
    made = nested(np.nan_to_num(pulls), draws)
    return plain.error if made is None else np.where(np.isfinite(plain.error), plain.value * made.error, plain.error)


def _ratios_of_sets(treated: F8, reference: F8, draws: I8) -> tuple[F8, F8]:
    """5th and 95th percentile over parameter sets of the ratio; sets with a baseline of zero take no part."""
    top, bottom = by_set(treated, draws)[0], by_set(reference, draws)[0]
    ratio = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=ratio, where=bottom > 0)
    known = np.isfinite(ratio).any(axis=0)
    ratio[:, ~known] = 0.0
    low, high = np.nanquantile(ratio, [0.05, 0.95], axis=0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _probabilities(pairs: Pairs) -> pd.DataFrame:
    treated, reference, draws = pairs.treated, pairs.reference, drawn(pairs)
    zeros = ((treated == 0).mean(axis=0) + (reference == 0).mean(axis=0)) / 2
    keep = FLOWS[None, :] & (zeros > RARE) & (zeros < 1)
    estimate = probability_estimate(treated, reference)
    if draws is not None:  # wider where parameter sets make it wider than sampling error alone does
        wide = mean_estimate(by_set((treated > 0).astype(float) - (reference > 0), draws)[1])
        low = np.maximum(np.fmin(estimate.low, wide.low), -1.0)
        high = np.minimum(np.fmax(estimate.high, wide.high), 1.0)
        estimate = Estimate(estimate.value, low, high, estimate.error)
    more, unit = {"p_value": changed_p(treated, reference)}, np.full(len(UNITS), "probability")
    return _table(pairs, "probability", estimate, (reference > 0).mean(axis=0), unit, keep, more)


def _table(
    pairs: Pairs,
    contrast: str,
    estimate: Estimate,
    baseline_mean: F8,
    units: NDArray[np.str_],
    keep: NDArray[np.bool_],
    more: dict[str, F8],
) -> pd.DataFrame:
    """Flatten arrays of shape (n_rows, n_outcomes) into rows of the effects table."""
    row, column = np.nonzero(keep)
    numbers = {
        "baseline_mean": baseline_mean,
        "effect": estimate.value,
        "ci_low": estimate.low,
        "ci_high": estimate.high,
        "p_superior": share_better(pairs.treated - pairs.reference, BETTER),
        "mc_error": estimate.error,
    } | more
    empty = dict.fromkeys([name for name in [*OF_PAIRS, *OF_DRAWS] if name not in numbers], np.nan)
    table = pairs.rows[["scope", "window"]].iloc[row].reset_index(drop=True)
    return table.assign(
        scenario=pairs.scenario,
        outcome=np.array(OUTCOME_NAMES)[column],
        unit=units[column],
        contrast=contrast,
        n=pairs.n,
        in_words="",
        **{name: values[row, column] for name, values in numbers.items()},
        **empty,
    )


def drawn(pairs: Pairs) -> I8 | None:
    """Which parameter set each pair drew; None where all had the central one, and over the points of a sweep."""
    return None if pairs.points is not None and len(np.unique(pairs.points)) > 1 else pairs.draws


def estimate_of(values: F8, pairs: Pairs) -> Estimate:
    """Estimate the mean over the pairs; parameter sets are the observations where they were drawn."""
    draws = drawn(pairs)
    return mean_estimate(values) if draws is None else over_sets(values, draws)


def estimate_and_error(differences: F8, pairs: Pairs) -> tuple[Estimate, F8]:
    """Estimate a mean effect; also the standard error from finitely many replications alone."""
    draws = drawn(pairs)
    if draws is None:
        return crossed_estimate(differences, pairs.points, pairs.replications)
    estimate, made = over_sets(differences, draws), nested(differences, draws)
    return estimate, estimate.error if made is None else made.error


def over_sets(values: F8, draws: I8) -> Estimate:
    """Estimate a mean with parameter sets as observations.

    From `FEWEST` sets on by an expanded bootstrap, whose ends follow the skewness and stay on the side of zero where
    every set is; below that by Student's t. One set has sampling error only.
    """
    _, parts = by_set(values, draws)
    if len(parts) < 2:
        return mean_estimate(values)
    plain = mean_estimate(parts)
    if len(parts) >= FEWEST:
        plain = Estimate(plain.value, *bootstrap_mean(parts, expanded=True), plain.error)
    even = (parts == parts[0]).all(axis=0) & ~(values == values[0]).all(axis=0)
    if not even.any():
        return plain
    own = mean_estimate(values)
    ends = [(own.low, plain.low), (own.high, plain.high), (own.error, plain.error)]
    return Estimate(plain.value, *(np.where(even, *pair) for pair in ends))


def by_set(values: F8, draws: I8) -> tuple[F8, F8]:
    """Reduce pairs to parameter sets: the mean of each, and what each adds to the mean of all pairs.

    Returns
    -------
    means, parts : (n_sets, ...) float64
        ``parts`` average to the mean of the pairs also where sets have unequal numbers of them; else they are equal.
    """
    sums, counts, _ = _sums(values, draws)
    return sums / counts, sums * (len(sums) / len(draws))


def _sums(values: F8, draws: I8) -> tuple[F8, NDArray[np.intp], NDArray[np.intp]]:
    """Sum of each parameter set and the number of its pairs, ready to broadcast; and the set of each pair."""
    labels, codes, counts = np.unique(draws, return_inverse=True, return_counts=True)
    sums = np.zeros((len(labels), *values.shape[1:]))
    np.add.at(sums, codes, values)
    return sums, counts.reshape(len(labels), *([1] * (values.ndim - 1))), codes


@dataclass(frozen=True, eq=False)
class Nested:
    """What sampling error does to a mean over parameter sets; arrays of shape (...).

    ``error`` is the standard error from finitely many replications alone, ``apart`` whether the means of parameter sets
    vary more by parameters than by sampling error.
    """

    error: F8
    apart: NDArray[np.bool_]


def nested(values: F8, draws: I8) -> Nested | None:
    """Separate sampling error from parameter uncertainty (one-way analysis of variance).

    Parameters
    ----------
    values : (n_pairs, ...) float64
    draws : (n_pairs,) int64
        Which parameter set each pair drew.

    Returns
    -------
    Nested, or None if no two pairs have the same parameter set, or all have the same

    Notes
    -----
    Source: Searle, Casella and McCulloch 1992, Variance Components, section 3.6 (unbalanced). ``apart`` is a mean square
    between sets above twice that within, so that parameters make more than half of what the means of sets differ by, and
    above what sampling error alone reaches in one case of twenty.
    """
    sums, counts, codes = _sums(values, draws)
    n, k, means = len(draws), len(sums), sums / counts
    if k < 2 or n == k:
        return None
    within = ((values - means[codes]) ** 2).sum(axis=0) / (n - k)
    between = (counts * (means - values.mean(axis=0)) ** 2).sum(axis=0) / (k - 1)
    same = (values == values[0]).all(axis=0)
    return Nested(
        np.where(same, 0.0, np.sqrt(within / n)),
        ~same & (between > max(2.0, float(stats.f.ppf(1 - LEVEL, k - 1, n - k))) * within),
    )


@dataclass(frozen=True, eq=False)
class Signs:
    """In which direction parameter sets go; arrays of shape (...).

    ``up`` and ``down`` count the parameter sets whose mean effect is above and below zero, the others do not change.
    ``p`` is that of the exact test of signs, ``apart`` whether parameters rather than sampling error set the directions
    apart, ``even`` where all pairs are exactly equal and there is nothing to test.
    """

    up: F8
    down: F8
    p: F8
    apart: NDArray[np.bool_]
    even: NDArray[np.bool_]

    def told(self, effect: F8) -> NDArray[np.bool_]:
        """Whether the direction of ``effect`` can be told from the parameter sets.

        The test of signs rejects at `LEVEL`, most sets go the way of the mean, and where parameters set them apart
        at least `AGREE` of those with a change go that way.
        """
        along, against = np.where(effect > 0, self.up, self.down), np.where(effect > 0, self.down, self.up)
        firm = ~self.apart | (along >= AGREE * (along + against))
        return self.even | ((self.p < LEVEL) & (along > against) & firm)


def signs(values: F8, draws: I8) -> Signs:
    """Count the directions of parameter sets, and test whether they could be those of a fair coin.

    The test is about the typical set. It needs no assumption about the shape of effects: there is no such test for a
    mean (Bahadur and Savage 1956), and effects on counts are skewed over sets because the level of the count is.
    Sets without a change do not take part.
    """
    means, _ = by_set(values, draws)
    up, down = (means > 0).sum(axis=0).astype(float), (means < 0).sum(axis=0).astype(float)
    made = nested(np.sign(values), draws)
    apart = np.zeros(values.shape[1:], dtype=bool) if made is None else made.apart
    return Signs(up, down, sign_p(up, down), apart, (values == values[0]).all(axis=0))


def signs_of(values: F8, pairs: Pairs) -> Signs | None:
    """Count the directions of parameter sets; None where none were drawn."""
    draws = drawn(pairs)
    return None if draws is None else signs(values, draws)


def verdicts(estimate: Estimate, better: NDArray[np.str_], found: Signs | None) -> NDArray[np.object_]:
    """Say of each effect what it shows; ``better`` (n_outcomes,) broadcasts along the last axis.

    Returns
    -------
    (...) text, of the shape of the estimate
    """
    shape = estimate.value.shape
    told = np.ones(shape, dtype=bool) if found is None else found.told(estimate.value)
    apart = np.zeros(shape, dtype=bool) if found is None else found.apart
    parts = (estimate.value, estimate.low, estimate.high, np.broadcast_to(better, shape), told, apart)
    rows = zip(*(part.ravel().tolist() for part in parts), strict=True)
    return np.array([verdict(*row) for row in rows], dtype=object).reshape(shape)


def _range_over_sets(values: F8, draws: I8, found: Signs, effect: F8) -> dict[str, F8]:
    """Range of the effect over parameter sets: the columns `OF_DRAWS`."""
    means, _ = by_set(values, draws)
    low, high = spread(means)
    along, changed = np.where(effect > 0, found.up, found.down), found.up + found.down
    same_low, same_high = share_interval(along, changed)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = along / changed
    columns = (
        np.full(effect.shape, float(len(means))), low, high, found.up, found.down, share, same_low, same_high,
        np.median(means, axis=0), *median_interval(means),
    )  # fmt: skip
    return dict(zip(OF_DRAWS, columns, strict=True))


def median_interval(values: F8) -> tuple[F8, F8]:
    """Interval of a median from order statistics: at least 95 %, whatever the shape; NaN below `FEWEST` values.

    Notes
    -----
    Source: Conover 1999, Practical Nonparametric Statistics, section 3.2.
    """
    n = len(values)
    if n < FEWEST:
        nothing = np.full(values.shape[1:], np.nan)
        return nothing, nothing
    rank = int(stats.binom.ppf(LEVEL / 2, n, 0.5))
    rank -= stats.binom.cdf(rank, n, 0.5) > LEVEL / 2
    ordered = np.sort(values, axis=0)
    return ordered[rank], ordered[n - 1 - rank]
