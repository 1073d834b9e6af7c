"""Which package is best, how sure that is, and what choosing wrongly costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.intervals import RESAMPLES, SEED, resample_weights, share_interval
from sim.analysis.pairs import paired
from sim.analysis.statistics import crossed_estimate
from sim.analysis.verdict import verdict
from sim.analysis.windows import REGION, WHOLE_RUN
from sim.errors import InputError, Problem
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

F8 = NDArray[np.float64]

RANKING_COLUMNS = [
    "outcome",
    "scope",
    "window",
    "scenario",
    "mean",
    "rank",
    "p_best",
    "rank_low",
    "rank_high",
    "loss",
    "n",
    "in_words",
]
HOLDS_COLUMNS = ["scenario", "outcome", "theory", "effect", "ci_low", "ci_high", "n", "in_words"]
SURE = 0.95


def rankings(windows: pd.DataFrame, scope: str = REGION, window: str = WHOLE_RUN) -> pd.DataFrame:
    """Rank on every headline outcome that has a better direction."""
    chosen = [item.name for item in OUTCOMES if item.headline and item.better != "none"]
    return pd.concat([ranking(windows, name, scope, window) for name in chosen], ignore_index=True)


def ranking(
    windows: pd.DataFrame,
    outcome: str,
    scope: str = REGION,
    window: str = WHOLE_RUN,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> pd.DataFrame:
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
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame with ``RANKING_COLUMNS``, best first
    """
    sign = direction(outcome)
    names, values = shared_runs(windows[(windows["scope"] == scope) & (windows["window"] == window)], outcome)
    means = values.mean(axis=0)
    drawn = sign * (resample_weights(len(values), resamples, seed) @ values)
    ahead = (drawn[:, :, None] > drawn[:, None, :]).sum(axis=1)
    behind = (drawn[:, :, None] < drawn[:, None, :]).sum(axis=1)
    ranks = 1 + (ahead + (len(names) - 1 - behind)) / 2
    best = drawn == drawn.max(axis=1, keepdims=True)
    share = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
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


def _place(chance: float, n: int) -> str:
    if n < 2:
        return "one replication: no telling"
    if chance >= SURE:
        return "best"
    return "not best" if chance <= 1 - SURE else "not enough replications to tell"


def direction(outcome: str) -> float:
    """1 where higher is better, -1 where lower is; an error where neither is."""
    item = OUTCOMES[OUTCOME_INDEX[outcome]]
    if item.better == "none":
        raise InputError(
            Problem("has no better direction", key=outcome, allowed="an outcome whose better is lower or higher")
        )
    return 1.0 if item.better == "higher" else -1.0


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
    done = runs[runs["status"] == "done"] if "status" in runs else runs
    groups = done.astype({"scenario": str}).groupby(["scenario", "point"], sort=True)[outcome]
    return pd.DataFrame({"value": groups.mean(), "n": groups.size()}).reset_index()


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
    sign = 1.0 if better == "higher" else -1.0
    lost = (sign * wide).max(axis=1).to_numpy()[:, None] - sign * wide.to_numpy()
    if not len(wide):
        raise InputError("no point is finished in every scenario; there is no regret to compare")
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
    held, points = groups.sum().astype(int), groups.size()
    low, high = share_interval(np.asarray(held, np.float64), np.asarray(points, np.float64))
    return pd.DataFrame(
        {
            "scenario": held.index,
            "level": level,
            "holds_in": held.to_numpy(),
            "points": points.to_numpy(),
            "share": (held / points).to_numpy(),
            "share_low": low,
            "share_high": high,
        }
    )


def holds_under(runs: pd.DataFrame, baseline: str, outcome: str, theory: str = "point") -> pd.DataFrame:
    """Paired effect under each theory: "holds under k of n".

    Parameters
    ----------
    runs : DataFrame
        The ``runs`` table of a sweep: ``scenario, point, replication``, the outcome, and the column ``theory``.
    baseline, outcome : str
        Key of the reference scenario; what is compared.
    theory : str
        Column whose values are rival theories; every design point by default.

    Returns
    -------
    DataFrame with ``HOLDS_COLUMNS``
    """
    better = OUTCOMES[OUTCOME_INDEX[outcome]].better
    rows = []
    for name, part in _done(runs).groupby(theory, sort=True):
        for pairs in paired(part.assign(whole=0), baseline, ["whole"], [outcome]):
            estimate, _ = crossed_estimate(pairs.treated - pairs.reference, pairs.points, pairs.replications)
            effect, low, high = (float(bound.item()) for bound in (estimate.value, estimate.low, estimate.high))
            words = verdict(effect, low, high, better)
            rows.append([pairs.scenario, outcome, name, effect, low, high, pairs.n, words])
    return pd.DataFrame(rows, columns=HOLDS_COLUMNS).sort_values(["scenario", "theory"], ignore_index=True)


def holds_summary(holds: pd.DataFrame) -> pd.DataFrame:
    """Count theories: ``scenario, outcome, better, worse, unclear, theories, in_words``."""
    rows = []
    for (scenario, outcome), part in holds.groupby(["scenario", "outcome"], sort=True):
        better, worse = (int((part["in_words"] == words).sum()) for words in ("better", "worse"))
        words = f"holds under {better} of {len(part)} theories" + (f", reversed under {worse}" if worse else "")
        rows.append([scenario, outcome, better, worse, len(part) - better - worse, len(part), words])
    return pd.DataFrame(rows, columns=["scenario", "outcome", "better", "worse", "unclear", "theories", "in_words"])


def run_differences(runs: pd.DataFrame, baseline: str, outcomes: list[str]) -> pd.DataFrame:
    """Difference of every run from the baseline's run of the same point and replication.

    Returns
    -------
    DataFrame
        ``scenario, point, replication`` and the outcomes, as differences; scenarios other than the baseline.
    """
    keys = ["point", "replication"]
    done = _done(runs)
    base = done[done["scenario"] == baseline].set_index(keys)[outcomes]
    other = done[done["scenario"] != baseline]
    joined = other[["scenario", *keys, *outcomes]].merge(
        base.reset_index(), on=keys, how="inner", suffixes=("", " of baseline")
    )
    for name in outcomes:
        joined[name] = joined[name] - joined.pop(f"{name} of baseline")
    return joined


def _done(runs: pd.DataFrame) -> pd.DataFrame:
    done = runs[runs["status"] == "done"] if "status" in runs else runs
    return done.astype({"scenario": str})
