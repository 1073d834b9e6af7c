"""Choosing between packages: which is best and how certain that is, what a wrong choice costs, and the price of an effect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.effects import estimate_of
from sim.analysis.statistics import resample_weights, share_interval
from sim.analysis.tables import REGION, WHOLE_RUN, finished, paired
from sim.errors import InputError, Problem
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

F8 = NDArray[np.float64]

RANKING_COLUMNS = [
    "outcome", "scope", "window", "scenario", "mean", "rank", "p_best", "rank_low", "rank_high", "loss", "n", "in_words",
]  # fmt: skip
COST_COLUMNS = [
    "scenario", "outcome", "unit", "scope", "window", "cost", "averted", "averted_low", "averted_high", "cost_per_unit",
    "ci_low", "ci_high", "n", "note",
]  # fmt: skip
PLANE_COLUMNS = ["scenario", "outcome", "scope", "draw", "averted", "cost"]
ACCEPTABILITY_COLUMNS = ["outcome", "scope", "scenario", "willing", "p_worth", "p_best"]
SURE = 0.95
AVERTABLE = tuple(item for item in OUTCOMES if item.kind == "flow" and item.better == "lower")
UNCLEAR = "not distinguishable from zero"
HARM = "harm increases"
NO_COST = "no difference in cost"


def rankings(windows: pd.DataFrame) -> pd.DataFrame:
    """Rank on every headline outcome that has a better direction, in the region over the whole run."""
    chosen = [item.name for item in OUTCOMES if item.headline and item.better != "none"]
    return pd.concat([ranking(windows, name) for name in chosen], ignore_index=True)


def ranking(windows: pd.DataFrame, outcome: str, scope: str = REGION, window: str = WHOLE_RUN) -> pd.DataFrame:
    """Rank scenarios, the baseline among them, on one outcome.

    ``p_best`` is the share of resamples (of replications that all scenarios share) in which the scenario has
    the best mean, ties shared; ``rank_low`` and ``rank_high`` the 95 % range of its rank; ``loss`` how much
    worse it is than the best of each resample, on average, in the unit of the outcome.

    Parameters
    ----------
    windows : DataFrame
        From ``window_table``.
    outcome, scope, window : str
        One whose ``better`` is lower or higher.

    Returns
    -------
    DataFrame with ``RANKING_COLUMNS``, best first
    """
    better = OUTCOMES[OUTCOME_INDEX[outcome]].better
    if better == "none":
        allowed = "an outcome whose better is lower or higher"
        raise InputError(Problem("has no better direction", key=outcome, allowed=allowed))
    sign = 1.0 if better == "higher" else -1.0
    names, values = shared_runs(windows[(windows["scope"] == scope) & (windows["window"] == window)], outcome)
    means = values.mean(axis=0)
    drawn = sign * (resample_weights(len(values)) @ values)
    ahead = (drawn[:, :, None] > drawn[:, None, :]).sum(axis=1)
    behind = (drawn[:, :, None] < drawn[:, None, :]).sum(axis=1)
    ranks = 1 + (ahead + (len(names) - 1 - behind)) / 2
    share = _share_best(drawn)
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0, method="nearest")
    table = pd.DataFrame(
        {
            "outcome": outcome,
            "scope": scope,
            "window": window,
            "scenario": names,
            "mean": means,
            "rank": pd.Series(-sign * means).rank(method="average").to_numpy(),
            "p_best": share,
            "rank_low": low,
            "rank_high": high,
            "loss": (drawn.max(axis=1, keepdims=True) - drawn).mean(axis=0),
            "n": len(values),
            "in_words": [_place(chance, len(values)) for chance in share],
        }
    )
    return table.sort_values(["rank", "scenario"], kind="stable", ignore_index=True)[RANKING_COLUMNS]


def _share_best(values: F8) -> F8:
    """Share of rows in which each column is the highest, ties shared."""
    best = values == values.max(axis=1, keepdims=True)
    share: F8 = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    return share


def _place(chance: float, n: int) -> str:
    if n < 2:
        return "one replication: no ranking"
    if chance >= SURE:
        return "best"
    return "not best" if chance <= 1 - SURE else "not enough replications to tell"


def shared_runs(table: pd.DataFrame, outcome: str) -> tuple[list[str], F8]:
    """Values of the replications (and points) that every scenario has.

    Returns
    -------
    names, (n_runs, n_scenarios) float64
    """
    keys = [name for name in ("point", "replication") if name in table.columns]
    wide = table.astype({"scenario": str}).pivot_table(index=keys, columns="scenario", values=outcome, sort=True)
    whole = wide.dropna()
    if whole.empty:
        raise InputError("no replication is finished in every scenario; nothing can be ranked")
    names = [str(name) for name in dict.fromkeys(table["scenario"].astype(str))]
    return names, whole[names].to_numpy(np.float64)


def point_means(runs: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Mean over replications by scenario and point: ``scenario, point, value, n``."""
    groups = finished(runs).groupby(["scenario", "point"], sort=True)[outcome]
    return pd.DataFrame({"value": groups.mean(), "n": groups.size()}).reset_index()


def run_differences(runs: pd.DataFrame, baseline: str, outcomes: list[str]) -> pd.DataFrame:
    """Difference of every run from the baseline's run of the same point and replication.

    Returns
    -------
    DataFrame
        ``scenario, point, replication`` and the outcomes, as differences; scenarios other than the baseline.
    """
    keys, done = ["point", "replication"], finished(runs)
    base = done.loc[done["scenario"] == baseline, [*keys, *outcomes]]
    other = done.loc[done["scenario"] != baseline, ["scenario", *keys, *outcomes]]
    joined = other.merge(base, on=keys, how="inner", suffixes=("", " of baseline"))
    for name in outcomes:
        joined[name] = joined[name] - joined.pop(f"{name} of baseline")
    return joined


def regret(values: pd.DataFrame, better: str) -> pd.DataFrame:
    """How much worse each scenario is than the best one of each point.

    Parameters
    ----------
    values : DataFrame
        ``scenario, point, value``; points that some scenario lacks are left out.
    better : str
        "lower" or "higher".

    Returns
    -------
    DataFrame
        ``scenario, mean_regret, worst_regret, worst_point, p90_regret, best_in, points``, least worst regret
        first; ``best_in`` counts points in which nothing is better.
    """
    wide = values.pivot_table(index="point", columns="scenario", values="value").dropna()
    if wide.empty:
        raise InputError("no point is finished in every scenario; there is no regret to compare")
    signed = wide.to_numpy() * (1.0 if better == "higher" else -1.0)
    lost = signed.max(axis=1, keepdims=True) - signed
    table = pd.DataFrame(
        {
            "scenario": wide.columns.astype(str),
            "mean_regret": lost.mean(axis=0),
            "worst_regret": lost.max(axis=0),
            "worst_point": wide.index.to_numpy()[lost.argmax(axis=0)],
            "p90_regret": np.quantile(lost, 0.9, axis=0),
            "best_in": (lost == 0).sum(axis=0),
            "points": len(wide),
        }
    )
    return table.sort_values(["worst_regret", "mean_regret", "scenario"], kind="stable", ignore_index=True)


def satisficing(values: pd.DataFrame, level: float, better: str) -> pd.DataFrame:
    """Share of points in which a scenario is at least as good as a level, with Wilson's interval.

    Returns
    -------
    DataFrame
        ``scenario, level, holds_in, points, share, share_low, share_high``
    """
    good = values["value"] >= level if better == "higher" else values["value"] <= level
    groups = good.groupby(values["scenario"].astype(str), sort=True)
    table = pd.DataFrame({"level": level, "holds_in": groups.sum().astype(int), "points": groups.size()})
    low, high = share_interval(table["holds_in"].to_numpy(np.float64), table["points"].to_numpy(np.float64))
    return table.assign(share=table["holds_in"] / table["points"], share_low=low, share_high=high).reset_index()


def cost_effectiveness(windows: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Divide the extra cost by what was averted, over all pairs, with a bootstrap interval (percentiles).

    Only harms that add up over time have a price (deaths, displacement, incidents). Where the 95 % interval
    of the averted number includes zero there is no price, and the note says so; the same where harm
    increases.

    Parameters
    ----------
    windows : DataFrame
        From ``window_table``.
    baseline : str
        Key of the reference scenario.

    Returns
    -------
    DataFrame with ``COST_COLUMNS``; costs in million euro of 2024
    """
    rows = []
    for pairs in paired(windows, baseline, ["scope", "window"], ["cost", *(item.name for item in AVERTABLE)]):
        differences = pairs.treated - pairs.reference
        extra, averted = differences[..., 0], -differences[..., 1:]
        estimate = estimate_of(averted, pairs)
        weights = resample_weights(pairs.n, 2000, 0)
        for row, place in enumerate(pairs.rows.to_dict("records")):
            costs, cost = weights @ extra[:, row], float(extra[:, row].mean())
            for index, item in enumerate(AVERTABLE):
                mean, low, high = (float(bound[row, index]) for bound in (estimate.value, estimate.low, estimate.high))
                rows.append(
                    {
                        "scenario": pairs.scenario,
                        "outcome": item.name,
                        "unit": f"million euro of 2024 per {item.unit.removesuffix('s')}",
                        "scope": place["scope"],
                        "window": place["window"],
                        "cost": cost,
                        "averted": mean,
                        "averted_low": low,
                        "averted_high": high,
                        "n": pairs.n,
                        **_price(cost, mean, low, high, costs, weights @ averted[:, row, index]),
                    }
                )
    return pd.DataFrame(rows, columns=COST_COLUMNS)


def _price(cost: float, averted: float, low: float, high: float, costs: F8, averts: F8) -> dict[str, object]:
    """Price of one unit averted, or the reason there is none."""
    note = NO_COST if cost == 0 else HARM if high < 0 else "" if low > 0 else UNCLEAR
    if note:
        return {"note": note}
    with np.errstate(divide="ignore", invalid="ignore"):
        prices = np.where(averts > 0, costs / averts, np.inf)
    cheap, dear = np.quantile(prices, [0.025, 0.975], method="inverted_cdf")
    return {"cost_per_unit": cost / averted, "ci_low": float(cheap), "ci_high": float(dear), "note": ""}


def cost_plane(
    windows: pd.DataFrame, baseline: str, outcome: str, scope: str = REGION, *, draws: int = 400
) -> pd.DataFrame:
    """Resampled means for the cost-effectiveness plane: extra cost against what was averted.

    Parameters
    ----------
    windows : DataFrame
        From ``window_table``.
    baseline, outcome, scope : str
        Key of the reference scenario; an outcome of which less is better; region or a state.
    draws : int
        Resamples of pairs; draw 0 is the estimate itself.

    Returns
    -------
    DataFrame with ``PLANE_COLUMNS``; million euro of 2024
    """
    frames = []
    for pairs in paired(_priced(windows, outcome, scope), baseline, ["scope", "window"], ["cost", outcome]):
        differences = (pairs.treated - pairs.reference)[:, 0]
        means = np.vstack([differences.mean(axis=0), resample_weights(pairs.n, draws) @ differences])
        head = {"scenario": pairs.scenario, "outcome": outcome, "scope": scope, "draw": np.arange(draws + 1)}
        frames.append(pd.DataFrame(head | {"averted": -means[:, 1], "cost": means[:, 0]}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=PLANE_COLUMNS)


def _priced(windows: pd.DataFrame, outcome: str, scope: str) -> pd.DataFrame:
    """Rows of the whole run in one scope; an error where the outcome is no harm that adds up."""
    allowed = [item.name for item in AVERTABLE]
    if outcome not in allowed:
        raise InputError(Problem("has no price", key=outcome, allowed=", ".join(allowed)))
    return windows[(windows["window"] == WHOLE_RUN) & (windows["scope"] == scope)]


def acceptability(
    windows: pd.DataFrame, baseline: str, outcome: str, scope: str = REGION, *, willing: Sequence[float] = ()
) -> pd.DataFrame:
    """Probability that each scenario is worth its cost, by what one unit averted is worth.

    Parameters
    ----------
    windows, baseline, outcome, scope
        As in ``cost_plane``.
    willing : sequence of float
        Million euro of 2024 for one unit; by default 31 values up to four times the highest estimated price.

    Returns
    -------
    DataFrame with ``ACCEPTABILITY_COLUMNS``
        ``p_worth`` against the baseline (0.5 where nothing differs), ``p_best`` among all, the baseline included.

    Notes
    -----
    Source: Fenwick, O'Brien and Briggs 2004, cost-effectiveness acceptability curves.
    """
    whole = _priced(windows, outcome, scope)
    names, harm = shared_runs(whole, outcome)
    if baseline not in names:
        raise InputError(f"baseline {baseline}: it has no finished run to compare with")
    _, cost = shared_runs(whole, "cost")
    base, weights = names.index(baseline), resample_weights(len(harm))
    averted, extra = weights @ (harm[:, [base]] - harm), weights @ (cost - cost[:, [base]])
    rows = []
    for price in willing if len(willing) else _prices(averted.mean(axis=0), extra.mean(axis=0)):
        benefit = price * averted - extra
        worth = (benefit > 0).mean(axis=0) + 0.5 * (benefit == 0).mean(axis=0)
        columns = zip(names, worth, _share_best(benefit), strict=True)
        rows += [[outcome, scope, name, float(price), *pair] for name, *pair in columns]
    return pd.DataFrame(rows, columns=ACCEPTABILITY_COLUMNS)


def _prices(averted: F8, extra: F8) -> F8:
    paid = (averted > 0) & (extra > 0)
    highest = float((extra[paid] / averted[paid]).max()) if paid.any() else 1.0
    return np.linspace(0.0, 4 * highest, 31)
