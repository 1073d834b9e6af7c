"""Where a difference comes from: shares of groups that add up to it, what pairs do together, and a paragraph about both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.statistics import Estimate, mean_estimate
from sim.analysis.verdict import NOT_ENOUGH, ONE_PAIR, SAME, verdict
from sim.wording import number
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

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
METHOD = {
    SHAPLEY: "Shares are exact Shapley values: each part's mean contribution over all orders of putting them in place.",
    SAMPLED: "Shares are Shapley values from drawn orders of putting the parts in place; the intervals include the error of that.",
    ORDERED: "Shares follow the stated order of putting the parts in place; another order would give other shares.",
}
MOST_NAMED = 3
"""Parts named in a sentence of the paragraph."""
TOGETHER = {"better": "helps", "worse": "hinders", SAME: "adds up"}
"""Words for what two parts do beyond the sum of each."""


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
        steps = np.stack([_steps(groups, value, order) for order in orders(groups, method, permutations, seed)])
        shares = steps.mean(axis=0)
        error = _sampling_error(steps) if method == SAMPLED else error
    return Attribution(tuple(groups), method, shares, whole - none, alone, last, error)


def _exact(groups: Sequence[Group], value: Value) -> F8:
    n = len(groups)
    worlds = {chosen: value(chosen) for size in range(n + 1) for chosen in map(frozenset, combinations(groups, size))}
    shares = []
    for group in groups:
        parts = [
            factorial(len(chosen)) * factorial(n - len(chosen) - 1) * (worlds[chosen | {group}] - worlds[chosen])
            for chosen in worlds
            if group not in chosen
        ]
        shares.append(np.sum(parts, axis=0) / factorial(n))
    return np.stack(shares)


def _steps(groups: Sequence[Group], value: Value, order: tuple[Group, ...]) -> F8:
    """Contribution of each group in one order, (n_groups, n_replications, ...)."""
    path = [value(frozenset(order[:size])) for size in range(len(order) + 1)]
    gained = {group: path[index + 1] - path[index] for index, group in enumerate(order)}
    return np.stack([gained[group] for group in groups])


def _sampling_error(steps: F8) -> F8:
    """Error of the mean over orders; an order and its reverse count as one draw."""
    means = steps.mean(axis=2)
    draws = (means[0::2] + means[1::2]) / 2
    if len(draws) < 2:
        return np.full(draws.shape[1:], np.nan)
    error: F8 = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    return error


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
        The keys, ``method, group, share, ci_low, ci_high, mc_error, sampling_error, alone, last, fraction, n, in_words``;
        one row a column and group, ``(total)`` last. ``fraction`` is the share over the total, empty where the total is
        not distinguishable from zero; the interval includes sampling error and, where permutations were drawn, their
        error.
    """
    total = mean_estimate(attribution.total)
    clear = ~((total.low <= 0) & (total.high >= 0)) & np.isfinite(total.low)
    nothing = np.full_like(total.value, np.nan)
    pieces = zip(
        attribution.shares,
        attribution.sampling_error,
        attribution.alone.mean(axis=1),
        attribution.last.mean(axis=1),
        strict=True,
    )
    parts = [(_widened(mean_estimate(share), error), error, *rest) for share, error, *rest in pieces]
    parts.append((total, np.zeros_like(nothing), nothing, nothing))
    frames = []
    for group, (estimate, error, alone, last) in zip([*attribution.groups, TOTAL], parts, strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            fraction = np.where(clear, estimate.value / total.value + 0.0, np.nan)
        numbers = _numbers("share", estimate) | {"sampling_error": error, "alone": alone, "last": last}
        numbers |= {"fraction": fraction, "n": len(attribution.total), "in_words": _words(estimate, columns)}
        frames.append(columns.drop(columns="better").assign(method=attribution.method, group=group, **numbers))
    return pd.concat(frames).sort_index(kind="stable").reset_index(drop=True)


def _numbers(name: str, estimate: Estimate) -> dict[str, Any]:
    return {name: estimate.value, "ci_low": estimate.low, "ci_high": estimate.high, "mc_error": estimate.error}


def _words(estimate: Estimate, columns: pd.DataFrame) -> list[str]:
    rows = zip(estimate.value, estimate.low, estimate.high, columns["better"], strict=True)
    return [verdict(*row) for row in rows]


def _widened(estimate: Estimate, sampling: F8) -> Estimate:
    """Add the error of drawn permutations to that of finitely many replications."""
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(estimate.error > 0, np.hypot(estimate.error, sampling) / estimate.error, 1.0)
    half = np.where(estimate.error > 0, (estimate.high - estimate.value) * factor, 1.96 * sampling)
    return Estimate(estimate.value, estimate.value - half, estimate.value + half, estimate.error)


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
        frames.append(
            columns.drop(columns="better").assign(
                first=first,
                second=second,
                effect_first=alone[first].mean(axis=0),
                effect_second=alone[second].mean(axis=0),
                together=together.mean(axis=0),
                **_numbers("synergy", estimate),
                n=none.shape[0],
                in_words=[TOGETHER.get(words, words) for words in _words(estimate, columns)],
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def why_paragraph(
    why: pd.DataFrame,
    order: pd.DataFrame,
    outcome: str,
    scope: str,
    titles: tuple[str, str],
    names: Mapping[str, str] | None = None,
) -> str:
    """Write one paragraph about where the difference in one outcome comes from, from the numbers alone.

    Parameters
    ----------
    why : DataFrame
        The attribution table.
    order : DataFrame
        From ``first_moves``, for the second scenario; may be empty.
    outcome, scope : str
        Which rows.
    titles : (str, str)
        Of the first and the second scenario.
    names : mapping, optional
        Group to the words for it.

    Returns
    -------
    str
    """
    rows = why[(why["outcome"] == outcome) & (why["scope"] == scope)]
    total = rows[rows["group"] == TOTAL].iloc[0]
    parts = rows[rows["group"] != TOTAL].assign(group=lambda part: part["group"].map(lambda g: (names or {}).get(g, g)))
    item = OUTCOMES[OUTCOME_INDEX[outcome]]
    sentences = [_total(total, item.label.lower(), item.unit, scope, titles)]
    if total["in_words"] not in (SAME, ONE_PAIR):
        sentences += [*_parts(parts, total), *_overlap(parts, total), METHOD[str(total["method"])]]
    return " ".join([*sentences, *_order(order, scope)])


def _total(total: Any, label: str, unit: str, scope: str, titles: tuple[str, str]) -> str:
    where = "in the region" if scope == "region" else f"in {scope}"
    pairs = f"Over {int(total['n'])} pairs"
    words = total["in_words"]
    if words == SAME:
        return f"{pairs}, {titles[1]} and {titles[0]} give exactly the same {label} {where}."
    if words == ONE_PAIR:
        return (
            f"With one pair nothing can be said about {label} {where}; the shares below are those of one replication."
        )
    interval = f"95 % interval of the difference {number(total['ci_low'])} to {number(total['ci_high'])}"
    if words == NOT_ENOUGH:
        return (
            f"{pairs}, the difference in {label} {where} between {titles[1]} and {titles[0]} is not distinguishable "
            f"from zero ({_sized(total['share'], unit)}, {interval}): read the shares as candidates, not as findings."
        )
    verb = "raises" if total["share"] > 0 else "lowers"
    judged = f", {words}" if words in ("better", "worse") else ""
    size = _sized(abs(total["share"]), unit)
    return f"{pairs}, {titles[1]} {verb} {label} {where} by {size} against {titles[0]} ({interval}){judged}."


def _sized(value: float, unit: str) -> str:
    """Write a number with its unit; a unit that is a scale is named as one."""
    return f"{number(value)} on the scale {unit}" if unit[0].isdigit() else f"{number(value)} {unit}"


def _parts(parts: pd.DataFrame, total: pd.Series[Any]) -> list[str]:
    clear = parts[~parts["in_words"].isin([NOT_ENOUGH, SAME])]
    clear = clear.reindex(clear["share"].abs().sort_values(ascending=False).index)
    along, against = clear[clear["share"] * total["share"] > 0], clear[clear["share"] * total["share"] < 0]
    said = ["No single part's share is distinguishable from zero."]
    if len(along):
        said = [f"It comes from {_largest(along)}."]
    if len(against):
        said.append(f"In the other direction: {_largest(against)}.")
    unclear, nothing = (int((parts["in_words"] == words).sum()) for words in (NOT_ENOUGH, SAME))
    if unclear and len(along):
        said.append(f"For {unclear} of {len(parts)} parts there are not enough replications to tell.")
    if nothing:
        said.append(f"{_count(nothing, 'part')} changed nothing in any pair.")
    return said


def _largest(parts: pd.DataFrame) -> str:
    shown = []
    for _, row in parts.head(MOST_NAMED).iterrows():
        fraction = f", {100 * row['fraction']:.0f} %" if row["fraction"] == row["fraction"] else ""
        shown.append(f"{row['group']} ({number(row['share'])}{fraction})")
    left = len(parts) - len(shown)
    return _list(shown) + (f", and {_count(left, 'smaller part')}" if left else "")


def _overlap(parts: pd.DataFrame, total: pd.Series[Any]) -> list[str]:
    """Compare the sum of what each part does alone with the whole."""
    alone = float(parts["alone"].sum())
    if len(parts) < 2 or total["in_words"] == NOT_ENOUGH or not total["share"]:
        return []
    ratio = alone / float(total["share"])
    if ratio > 1.1:
        return [f"The parts overlap: each alone, they would add up to {number(alone)}."]
    if ratio < 0.9:
        return [f"The parts reinforce each other: each alone, they would add up to only {number(alone)}."]
    return ["The parts nearly add up: they neither overlap nor reinforce each other much."]


def _order(order: pd.DataFrame, scope: str) -> list[str]:
    if order.empty:
        return []
    moved = order[(order["scope"] == scope) & order["month"].notna() & (order["outcome"] != "cost")]
    first = moved.sort_values("month", kind="stable").head(2 * MOST_NAMED)
    steps = [f"{row['label'].lower()} (month {int(row['month']) + 1})" for _, row in first.iterrows()]
    return [f"First to move were {_list(steps)}; temporal order is not causation."] if steps else []


def _list(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _count(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count > 1 else "")
