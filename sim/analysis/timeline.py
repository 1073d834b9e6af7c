"""How a scenario, and its difference from the baseline, unfolds month by month."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sim.analysis.draws import estimate_of
from sim.analysis.pairs import paired
from sim.analysis.statistics import spread
from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES

FLOWS = np.array([outcome.kind == "flow" for outcome in OUTCOMES])
DIFFERENCE_COLUMNS = [
    "scenario",
    "outcome",
    "unit",
    "scope",
    "month",
    "cumulative",
    "effect",
    "ci_low",
    "ci_high",
    "spread_low",
    "spread_high",
    "n",
]


def difference_over_time(monthly: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Paired difference by month: of the running total for flows, of the month's value for stocks and levels.

    Parameters
    ----------
    monthly : DataFrame
        From ``monthly_table``.
    baseline : str
        Key of the reference scenario.

    Returns
    -------
    DataFrame with ``DIFFERENCE_COLUMNS``; ``ci`` is the 95 % interval of the mean, ``spread`` the 5th and
    95th percentile of the pairs.
    """
    frames = []
    for pairs in paired(monthly, baseline, ["scope", "month"], OUTCOME_NAMES):
        scopes = pairs.rows["scope"].nunique()
        shape = (pairs.n, scopes, -1, len(OUTCOMES))
        differences = (pairs.treated - pairs.reference).reshape(shape)
        running = np.where(FLOWS, np.cumsum(differences, axis=2), differences).reshape(pairs.n, len(pairs.rows), -1)
        estimate, (low, high) = estimate_of(running, pairs), spread(running)
        for index, item in enumerate(OUTCOMES):
            frame = pairs.rows.assign(
                scenario=pairs.scenario,
                outcome=item.name,
                unit=item.unit,
                cumulative=item.kind == "flow",
                effect=estimate.value[:, index],
                ci_low=estimate.low[:, index],
                ci_high=estimate.high[:, index],
                spread_low=low[:, index],
                spread_high=high[:, index],
                n=pairs.n,
            )
            frames.append(frame[DIFFERENCE_COLUMNS])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=DIFFERENCE_COLUMNS)


def over_time(monthly: pd.DataFrame, scenario: str) -> pd.DataFrame:
    """What one scenario does month by month: mean, and 5th and 95th percentile of the runs.

    Returns
    -------
    DataFrame
        ``outcome, unit, scope, month, mean, low, high, n``
    """
    own = monthly[monthly["scenario"] == scenario]
    groups = own.groupby(["scope", "month"], sort=True)[list(OUTCOME_NAMES)]
    mean, low, high, n = groups.mean(), groups.quantile(0.05), groups.quantile(0.95), groups.size()
    frames = [
        pd.DataFrame(
            {
                "outcome": item.name,
                "unit": item.unit,
                "mean": mean[item.name],
                "low": low[item.name],
                "high": high[item.name],
                "n": n,
            }
        ).reset_index()
        for item in OUTCOMES
    ]
    return pd.concat(frames, ignore_index=True)[["outcome", "unit", "scope", "month", "mean", "low", "high", "n"]]
