"""What averting one unit costs, and when that question has no answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.pairs import paired
from sim.analysis.statistics import mean_estimate
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
        estimate = mean_estimate(averted)
        draw = np.random.default_rng(seed)
        drawn = draw.multinomial(pairs.n, np.full(pairs.n, 1 / pairs.n), size=resamples)
        weights = drawn.astype(np.float64) / pairs.n
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
