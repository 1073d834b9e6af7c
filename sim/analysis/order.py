"""In what order outcomes moved: the skeleton of a causal chain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES

ORDER_COLUMNS = [
    "scenario",
    "scope",
    "outcome",
    "label",
    "unit",
    "order",
    "month",
    "effect",
    "month_peak",
    "effect_peak",
    "share_peak",
    "effect_end",
    "standardised_end",
    "n",
]
MONTHS = 3
"""Months in a row a difference must be clear of zero to count as a move."""
SMALL = 1e-4
"""Differences smaller than this share of the baseline are no moves, however certain: fields carry little noise."""
FLOWS = [item.name for item in OUTCOMES if item.kind == "flow"]


def first_moves(over_time: pd.DataFrame, monthly: pd.DataFrame, baseline: str, months: int = MONTHS) -> pd.DataFrame:
    """Find the first month from which each outcome's paired difference is clear of its Monte Carlo error.

    Clear means: the 95 % interval of the mean difference excludes zero in ``months`` months in a row, and the
    difference is more than a ten-thousandth of the baseline. Flows count by their running total. To come first is not to cause.

    Parameters
    ----------
    over_time : DataFrame
        From ``difference_over_time``.
    monthly : DataFrame
        From ``monthly_table``, for the same scopes.
    baseline : str
        Key of the reference scenario.
    months : int
        Months in a row.

    Returns
    -------
    DataFrame with ``ORDER_COLUMNS``
        ``month`` from 0, empty where it never moved; ``order`` 1 for what moved first, ties alike; ``effect_peak``
        the largest difference from that month on, in ``month_peak``, and ``share_peak`` the same as a share of the baseline;
        ``standardised_end`` the difference in the last month over the standard deviation of the baseline's runs.
    """
    level, deviation = _baseline(monthly, baseline)
    labels = {item.name: item.label for item in OUTCOMES}
    rows = []
    for keys, part in over_time.groupby(["scenario", "scope", "outcome"], sort=False):
        scenario, scope, outcome = (str(key) for key in keys)  # type: ignore[attr-defined]
        path = part.sort_values("month")
        effect, low, high = (path[name].to_numpy() for name in ("effect", "ci_low", "ci_high"))
        small = np.abs(effect) <= SMALL * np.abs(level[scope, outcome])
        clear = ((low > 0) | (high < 0)) & ~small
        month = _first_run(clear, min(months, len(clear)))
        peak = -1 if month is None else month + int(np.abs(effect[month:]).argmax())
        spread = deviation[scope, outcome]
        rows.append(
            {
                "scenario": scenario,
                "scope": scope,
                "outcome": outcome,
                "label": labels[outcome],
                "unit": path["unit"].iloc[0],
                "month": np.nan if month is None else float(path["month"].iloc[month]),
                "effect": np.nan if month is None else effect[month],
                "month_peak": np.nan if month is None else float(path["month"].iloc[peak]),
                "effect_peak": np.nan if month is None else effect[peak],
                "share_peak": np.nan if month is None else _share(effect[peak], level[scope, outcome][peak]),
                "effect_end": effect[-1],
                "standardised_end": effect[-1] / spread if spread > 0 else np.nan,
                "n": path["n"].iloc[0],
            }
        )
    if not rows:
        return pd.DataFrame(columns=ORDER_COLUMNS)
    table = pd.DataFrame(rows)
    table["order"] = table.groupby(["scenario", "scope"])["month"].rank(method="dense")
    ordered = table.sort_values(["scenario", "scope", "month"], kind="stable", na_position="last", ignore_index=True)
    return ordered[ORDER_COLUMNS]


def _share(effect: float, level: float) -> float:
    """A difference as a share of the baseline; empty where the baseline is zero."""
    return float(effect / abs(level)) if level else np.nan


def _first_run(clear: NDArray[np.bool_], length: int) -> int | None:
    """Where the first run of ``length`` true values starts."""
    if not length:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(clear, length).all(axis=1)
    return int(windows.argmax()) if windows.any() else None


def _baseline(monthly: pd.DataFrame, baseline: str) -> tuple[dict[Any, NDArray[np.float64]], dict[Any, float]]:
    """By scope and outcome: the baseline's mean by month, and the deviation of its runs in the last month."""
    own = monthly[monthly["scenario"] == baseline]
    level, deviation = {}, {}
    for scope, part in own.groupby("scope", sort=False):
        runs = part["replication"].nunique() * (part["point"].nunique() if "point" in part else 1)
        months = len(part) // runs
        values = part.sort_values([k for k in ("point", "replication", "month") if k in part])[list(OUTCOME_NAMES)]
        cube = values.to_numpy(np.float64).reshape(runs, months, -1)
        for index, name in enumerate(OUTCOME_NAMES):
            path = np.cumsum(cube[..., index], axis=1) if name in FLOWS else cube[..., index]
            level[str(scope), name] = path.mean(axis=0)
            deviation[str(scope), name] = float(path[:, -1].std(ddof=1)) if runs > 1 else 0.0
    return level, deviation
