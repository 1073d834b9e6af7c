"""What averting one unit costs, and when that question has no answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.draws import estimate_of
from sim.analysis.intervals import SEED, resample_weights
from sim.analysis.pairs import paired
from sim.analysis.ranking import shared_runs
from sim.analysis.windows import REGION, WHOLE_RUN
from sim.errors import InputError, Problem
from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES

COST_COLUMNS = [
    "scenario",
    "outcome",
    "unit",
    "scope",
    "window",
    "cost",
    "averted",
    "averted_low",
    "averted_high",
    "cost_per_unit",
    "ci_low",
    "ci_high",
    "n",
    "note",
]
PLANE_COLUMNS = ["scenario", "outcome", "scope", "draw", "averted", "cost"]
ACCEPTABILITY_COLUMNS = ["outcome", "scope", "scenario", "willing", "p_worth", "p_best"]
AVERTABLE = tuple(item for item in OUTCOMES if item.kind == "flow" and item.better == "lower")
UNCLEAR = "not distinguishable from zero"
HARM = "harm increases"
NO_COST = "no difference in cost"


def cost_effectiveness(windows: pd.DataFrame, baseline: str, *, resamples: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Divide the extra cost by what was averted, over all pairs, with a bootstrap interval.

    Only harms that add up over time have a price (deaths, displacement, incidents). Where the 95 % interval
    of the averted number includes zero there is no price, and the note says so; the same where harm
    increases.

    Parameters
    ----------
    windows : DataFrame
        From ``window_table``.
    baseline : str
        Key of the reference scenario.
    resamples, seed : int
        Bootstrap resamples of pairs (percentile interval), and the seed of the resampling.

    Returns
    -------
    DataFrame with ``COST_COLUMNS``; costs in million euro of 2024
    """
    rows = []
    columns = ["cost", *(item.name for item in AVERTABLE)]
    for pairs in paired(windows, baseline, ["scope", "window"], OUTCOME_NAMES):
        chosen = [OUTCOME_NAMES.index(name) for name in columns]
        differences = (pairs.treated - pairs.reference)[..., chosen]
        extra, averted = differences[..., :1], -differences[..., 1:]
        estimate = estimate_of(averted, pairs)
        weights = resample_weights(pairs.n, resamples, seed)
        scopes, spans = pairs.rows["scope"].tolist(), pairs.rows["window"].tolist()
        for row in range(len(scopes)):
            costs, cost = weights @ extra[:, row, 0], float(extra[:, row, 0].mean())
            for index, item in enumerate(AVERTABLE):
                mean, low, high = (float(bound[row, index]) for bound in (estimate.value, estimate.low, estimate.high))
                price = _price(cost, mean, low, high, costs, weights @ averted[:, row, index])
                unit = f"million euro of 2024 per {_one(item.unit)}"
                rows.append(
                    {
                        "scenario": pairs.scenario,
                        "outcome": item.name,
                        "unit": unit,
                        "scope": scopes[row],
                        "window": spans[row],
                        "cost": cost,
                        "averted": mean,
                        "averted_low": low,
                        "averted_high": high,
                        "n": pairs.n,
                        **price,
                    }
                )
    return pd.DataFrame(rows, columns=COST_COLUMNS)


def cost_plane(
    windows: pd.DataFrame, baseline: str, outcome: str, scope: str = REGION, *, draws: int = 400, seed: int = SEED
) -> pd.DataFrame:
    """Resampled means for the cost-effectiveness plane: extra cost against what was averted.

    Parameters
    ----------
    windows : DataFrame
        From ``window_table``.
    baseline, outcome, scope : str
        Key of the reference scenario; an outcome of which less is better; region or a state.
    draws, seed : int
        Resamples of pairs; draw 0 is the estimate itself.

    Returns
    -------
    DataFrame with ``PLANE_COLUMNS``; million euro of 2024
    """
    _averted(outcome)
    whole = windows[(windows["window"] == WHOLE_RUN) & (windows["scope"] == scope)]
    frames = []
    for pairs in paired(whole, baseline, ["scope", "window"], ["cost", outcome]):
        differences = (pairs.treated - pairs.reference)[:, 0]
        means = np.vstack([differences.mean(axis=0), resample_weights(pairs.n, draws, seed) @ differences])
        frames.append(
            pd.DataFrame(
                {
                    "scenario": pairs.scenario,
                    "outcome": outcome,
                    "scope": scope,
                    "draw": np.arange(draws + 1),
                    "averted": -means[:, 1],
                    "cost": means[:, 0],
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=PLANE_COLUMNS)


def acceptability(
    windows: pd.DataFrame,
    baseline: str,
    outcome: str,
    scope: str = REGION,
    *,
    willing: Sequence[float] = (),
    resamples: int = 999,
    seed: int = SEED,
) -> pd.DataFrame:
    """Probability that each scenario is worth its cost, by what one unit averted is worth.

    Parameters
    ----------
    windows, baseline, outcome, scope
        As in ``cost_plane``.
    willing : sequence of float
        Million euro of 2024 for one unit; by default 31 values up to four times the dearest estimated price.
    resamples, seed : int
        Of replications that all scenarios share.

    Returns
    -------
    DataFrame with ``ACCEPTABILITY_COLUMNS``
        ``p_worth`` against the baseline (0.5 where nothing differs), ``p_best`` among all, the baseline included.

    Notes
    -----
    Source: Fenwick, O'Brien and Briggs 2004, cost-effectiveness acceptability curves.
    """
    _averted(outcome)
    whole = windows[(windows["window"] == WHOLE_RUN) & (windows["scope"] == scope)]
    names, harm = shared_runs(whole, outcome)
    if baseline not in names:
        raise InputError(f"baseline {baseline}: it has no finished run to compare with")
    _, cost = shared_runs(whole, "cost")
    base = names.index(baseline)
    weights = resample_weights(len(harm), resamples, seed)
    averted, extra = weights @ (harm[:, [base]] - harm), weights @ (cost - cost[:, [base]])
    rows = []
    for price in willing if len(willing) else _prices(averted.mean(axis=0), extra.mean(axis=0)):
        benefit = price * averted - extra
        worth = (benefit > 0).mean(axis=0) + 0.5 * (benefit == 0).mean(axis=0)
        best = benefit == benefit.max(axis=1, keepdims=True)
        share = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
        rows += [[outcome, scope, name, float(price), *pair] for name, *pair in zip(names, worth, share, strict=True)]
    return pd.DataFrame(rows, columns=ACCEPTABILITY_COLUMNS)


def _prices(averted: NDArray[np.float64], extra: NDArray[np.float64]) -> NDArray[np.float64]:
    paid = (averted > 0) & (extra > 0)
    dearest = float((extra[paid] / averted[paid]).max()) if paid.any() else 1.0
    return np.linspace(0.0, 4 * dearest, 31)


def _averted(outcome: str) -> None:
    allowed = [item.name for item in AVERTABLE]
    if outcome not in allowed:
        raise InputError(Problem("has no price", key=outcome, allowed=", ".join(allowed)))


def _one(unit: str) -> str:
    """Singular of a unit: persons to person."""
    return unit.removesuffix("s")


def _price(
    cost: float,
    averted: float,
    low: float,
    high: float,
    costs: NDArray[np.float64],
    averts: NDArray[np.float64],
) -> dict[str, object]:
    """Price of one unit averted, or the reason there is none."""
    nothing = {"cost_per_unit": np.nan, "ci_low": np.nan, "ci_high": np.nan}
    if cost == 0:
        return nothing | {"note": NO_COST}
    if high < 0:
        return nothing | {"note": HARM}
    if not low > 0:
        return nothing | {"note": UNCLEAR}
    with np.errstate(divide="ignore", invalid="ignore"):
        prices = np.where(averts > 0, costs / averts, np.inf)
    cheap, dear = np.quantile(prices, [0.025, 0.975], method="inverted_cdf")
    return {"cost_per_unit": cost / averted, "ci_low": float(cheap), "ci_high": float(dear), "note": ""}
