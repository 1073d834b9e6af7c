"""Where a difference comes from: shares of groups that add up to it, and what pairs do together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.statistics import Estimate, mean_estimate
from sim.analysis.verdict import NOT_ENOUGH, verdict

F8 = NDArray[np.float64]
Group = str
Value = Callable[[frozenset[Group]], F8]
"""Outcomes (n_replications, ...) of the world in which exactly these groups are in place."""

MOST_EXACT = 8
"""Groups up to which Shapley values are exact: at most 256 worlds."""
PERMUTATIONS = 24
SHAPLEY, SAMPLED, ORDERED = "shapley", "sampled", "ordered"
METHODS = (SHAPLEY, SAMPLED, ORDERED)
TOTAL = "(total)"


@dataclass(frozen=True, eq=False)
class Attribution:
    """Shares of a difference, on the same draws.

    ``shares`` (n_groups, n_replications, ...) add up to ``total`` (n_replications, ...) in every replication;
    ``alone`` is each group added to the first world, ``last`` each group added when all others are there;
    ``sampling_error`` (n_groups, ...) is the standard error from drawing permutations, zero if none were drawn.
    """

    groups: tuple[Group, ...]
    method: str
    shares: F8
    total: F8
    alone: F8
    last: F8
    sampling_error: F8


def method_for(groups: Sequence[Group]) -> str:
    """Exact Shapley values up to eight groups, sampled ones above."""
    return SHAPLEY if len(groups) <= MOST_EXACT else SAMPLED


def orders(
    groups: Sequence[Group], method: str, permutations: int = PERMUTATIONS, seed: int = 0
) -> list[tuple[Group, ...]]:
    """Orders in which groups are put in place: the stated one, or drawn ones, each followed by its reverse."""
    if method == ORDERED:
        return [tuple(groups)]
    draw = np.random.default_rng(seed)
    made: list[tuple[Group, ...]] = []
    for _ in range(max(1, permutations // 2)):
        order = tuple(groups[int(index)] for index in draw.permutation(len(groups)))
        made += [order, order[::-1]]
    return made


def coalitions(
    groups: Sequence[Group], method: str, permutations: int = PERMUTATIONS, seed: int = 0
) -> list[frozenset[Group]]:
    """List every world that ``attribute`` will ask for, each once, the empty one first and the full one second."""
    everything = frozenset(groups)
    found = [frozenset[Group](), everything]
    found += [frozenset({group}) for group in groups] + [everything - {group} for group in groups]
    if method == SHAPLEY:
        found += [frozenset(chosen) for size in range(len(groups)) for chosen in combinations(groups, size)]
    else:
        for order in orders(groups, method, permutations, seed):
            found += [frozenset(order[:size]) for size in range(len(order))]
    return list(dict.fromkeys(found))


def attribute(
    groups: Sequence[Group],
    value: Value,
    *,
    method: str = "",
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Attribution:
    """Share a difference out among groups.

    Parameters
    ----------
    groups : sequence of str
        What differs between two worlds; the stated order counts for ``ordered``.
    value : callable
        From the set of groups in place to outcomes (n_replications, ...), on the same draws each time.
    method : str
        ``shapley`` (exact, at most eight groups), ``sampled`` (permutations, any number) or ``ordered`` (one
        after the other as stated); by default the first where possible, else the second.
    permutations, seed : int
        Permutations drawn, in pairs of one and its reverse, and the seed of the draw.

    Returns
    -------
    Attribution

    Notes
    -----
    Source: Shapley 1953; Castro, Gomez and Tejada 2009 for the sampling; Mitchell et al. 2022 for reverses.
    """
    method = method or method_for(groups)
    if method not in METHODS:
        raise ValueError(f"no method is called {method}; allowed {', '.join(METHODS)}")
    if method == SHAPLEY and len(groups) > MOST_EXACT:
        raise ValueError(f"exact Shapley values take at most {MOST_EXACT} groups, not {len(groups)}")
    if not groups:
        raise ValueError("nothing to share a difference among")
    everything = frozenset(groups)
    none, whole = value(frozenset()), value(everything)
    alone = np.stack([value(frozenset({group})) - none for group in groups])
    last = np.stack([whole - value(everything - {group}) for group in groups])
    error = np.zeros((len(groups), *none.shape[1:]))
    if method == SHAPLEY:
        shares = _exact(groups, value)
    else:
        steps = _steps(groups, value, orders(groups, method, permutations, seed))
        shares = steps.mean(axis=0)
        error = _sampling_error(steps) if method == SAMPLED else error
    return Attribution(tuple(groups), method, shares, whole - none, alone, last, error)


def _exact(groups: Sequence[Group], value: Value) -> F8:
    n = len(groups)
    worlds = {chosen: value(chosen) for size in range(n + 1) for chosen in map(frozenset, combinations(groups, size))}
    shares = []
    for group in groups:
        others = [chosen for chosen in worlds if group not in chosen]
        parts = [
            factorial(len(chosen)) * factorial(n - len(chosen) - 1) * (worlds[chosen | {group}] - worlds[chosen])
            for chosen in others
        ]
        shares.append(np.sum(parts, axis=0) / factorial(n))
    return np.stack(shares)


def _steps(groups: Sequence[Group], value: Value, taken: Iterable[tuple[Group, ...]]) -> F8:
    """Contribution of each group in each order, (n_orders, n_groups, n_replications, ...)."""
    made = []
    for order in taken:
        path = [value(frozenset(order[:size])) for size in range(len(order) + 1)]
        gained = {group: path[index + 1] - path[index] for index, group in enumerate(order)}
        made.append(np.stack([gained[group] for group in groups]))
    return np.stack(made)


def _sampling_error(steps: F8) -> F8:
    """Error of the mean over orders; an order and its reverse count as one draw."""
    means = steps.mean(axis=2)
    draws = (means[0::2] + means[1::2]) / 2
    if len(draws) < 2:
        return np.full(draws.shape[1:], np.nan)
    error: F8 = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    return error


WHY_NUMBERS = ["share", "ci_low", "ci_high", "mc_error", "sampling_error", "alone", "last", "fraction"]


def attribution_table(attribution: Attribution, columns: pd.DataFrame) -> pd.DataFrame:
    """Estimate every group's mean share with its interval, and the total.

    Parameters
    ----------
    attribution : Attribution
        With values (n_replications, n_columns).
    columns : DataFrame
        One row a column of the values: any keys, and ``better``.

    Returns
    -------
    DataFrame
        The keys, ``method, group``, ``WHY_NUMBERS``, ``n, in_words``; one row a column and group, ``(total)`` last.
        ``fraction`` is the share over the total, empty where the total cannot be told from zero; the
        interval counts luck and, where permutations were drawn, their error.
    """
    total = mean_estimate(attribution.total)
    told = ~((total.low <= 0) & (total.high >= 0)) & np.isfinite(total.low)
    n = attribution.total.shape[0]
    frames = []
    for index, group in enumerate(attribution.groups):
        sampling = attribution.sampling_error[index]
        estimate = _widened(mean_estimate(attribution.shares[index]), sampling)
        with np.errstate(divide="ignore", invalid="ignore"):
            fraction = np.where(told, estimate.value / total.value + 0.0, np.nan)
        alone, last = (part[index].mean(axis=0) for part in (attribution.alone, attribution.last))
        frames.append(_rows(columns, attribution.method, group, estimate, sampling, alone, last, fraction, n))
    nothing = np.full_like(total.value, np.nan)
    whole = np.where(told, 1.0, np.nan)
    frames.append(_rows(columns, attribution.method, TOTAL, total, np.zeros_like(nothing), nothing, nothing, whole, n))
    joined = pd.concat(frames, keys=range(len(frames)), names=["place", "column"]).reset_index()
    return joined.sort_values(["column", "place"], kind="stable", ignore_index=True).drop(columns=["place", "column"])


def _widened(estimate: Estimate, sampling: F8) -> Estimate:
    """Add the error of drawn permutations to that of finitely many replications."""
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(estimate.error > 0, np.hypot(estimate.error, sampling) / estimate.error, 1.0)
    half = np.where(estimate.error > 0, (estimate.high - estimate.value) * factor, 1.96 * sampling)
    return Estimate(estimate.value, estimate.value - half, estimate.value + half, estimate.error)


def _rows(
    columns: pd.DataFrame,
    method: str,
    group: str,
    estimate: Estimate,
    sampling: F8,
    alone: F8,
    last: F8,
    fraction: F8,
    n: int,
) -> pd.DataFrame:
    numbers = zip(estimate.value, estimate.low, estimate.high, columns["better"], strict=True)
    return columns.drop(columns="better").assign(
        method=method,
        group=group,
        share=estimate.value,
        ci_low=estimate.low,
        ci_high=estimate.high,
        mc_error=estimate.error,
        sampling_error=sampling,
        alone=alone,
        last=last,
        fraction=fraction,
        n=n,
        in_words=[verdict(*row) for row in numbers],
    )


def pair_coalitions(groups: Sequence[Group]) -> list[frozenset[Group]]:
    """List every world that ``synergy`` will ask for: none, each group alone, each pair."""
    return [frozenset(chosen) for size in range(3) for chosen in combinations(groups, size)]


def synergy(groups: Sequence[Group], value: Value, columns: pd.DataFrame) -> pd.DataFrame:
    """What each pair of groups does together beyond the sum of what each does alone.

    Parameters
    ----------
    groups : sequence of str
        Parts of a package.
    value : callable
        As in ``attribute``, with values (n_replications, n_columns).
    columns : DataFrame
        One row a column of the values: any keys, and ``better``.

    Returns
    -------
    DataFrame
        The keys, ``first, second, effect_first, effect_second, together, synergy, ci_low, ci_high, mc_error, n,
        in_words``; words: "helps", "hinders" ("more", "less" where neither is better), "adds up" where
        every pair of worlds agrees, or "not enough replications to tell".
    """
    none = value(frozenset())
    alone = {group: value(frozenset({group})) - none for group in groups}
    frames = []
    for first, second in combinations(groups, 2):
        together = value(frozenset({first, second})) - none
        estimate = mean_estimate(together - alone[first] - alone[second])
        numbers = zip(estimate.value, estimate.low, estimate.high, columns["better"], strict=True)
        frames.append(
            columns.drop(columns="better").assign(
                first=first,
                second=second,
                effect_first=alone[first].mean(axis=0),
                effect_second=alone[second].mean(axis=0),
                together=together.mean(axis=0),
                synergy=estimate.value,
                ci_low=estimate.low,
                ci_high=estimate.high,
                mc_error=estimate.error,
                n=none.shape[0],
                in_words=[_JOINT.get(words, words) for words in (verdict(*row) for row in numbers)],
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


_JOINT = {
    "better": "helps",
    "worse": "hinders",
    "the same in every pair": "adds up",
    NOT_ENOUGH: NOT_ENOUGH,
}
