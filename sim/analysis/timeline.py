"""Month by month: how a difference unfolds, what moves first, when a level is reached, and how early it was announced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.effects import FLOWS, estimate_and_error, estimate_of, signs_of, verdicts
from sim.analysis.statistics import share_better, share_interval, spread
from sim.analysis.tables import REGION, paired
from sim.errors import InputError, Problem
from sim.world.outcomes import OUTCOME_INDEX, OUTCOME_NAMES, OUTCOMES

F8 = NDArray[np.float64]
Mask = NDArray[np.bool_]

DIFFERENCE_COLUMNS = [
    "scenario", "outcome", "unit", "scope", "month", "cumulative", "effect", "ci_low", "ci_high", "spread_low",
    "spread_high", "n",
]  # fmt: skip
ORDER_COLUMNS = [
    "scenario", "scope", "outcome", "label", "unit", "order", "month", "effect", "month_peak", "effect_peak",
    "share_peak", "effect_end", "standardised_end", "n",
]  # fmt: skip
THRESHOLD_COLUMNS = [
    "scenario", "outcome", "unit", "scope", "threshold", "direction", "horizon", "baseline_reached", "reached",
    "baseline_median", "median", "effect", "ci_low", "ci_high", "p_superior", "n", "mc_error", "in_words",
]  # fmt: skip
LEAD_COLUMNS = [
    "scenario", "indicator", "level", "look_back", "episodes", "hits", "hit_rate", "hit_low", "hit_high", "lead_median",
    "lead_low", "lead_high", "alarms", "false_alarms", "false_share", "alarm_months", "in_words",
]  # fmt: skip
MONTHS = 3
"""Months in a row a difference must be clear of zero to count as a move."""
SMALL = 1e-4
"""Differences smaller than this share of the baseline are no moves, however certain: some outcomes hardly vary at all."""
LOOK_BACK = 12
FEW = 10
"""Episodes below which a hit rate is only indicative."""


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
        shape = (pairs.n, pairs.rows["scope"].nunique(), -1, len(OUTCOMES))
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
    frames = []
    for item in OUTCOMES:
        numbers = {"mean": mean[item.name], "low": low[item.name], "high": high[item.name], "n": n}
        frames.append(pd.DataFrame({"outcome": item.name, "unit": item.unit} | numbers).reset_index())
    return pd.concat(frames, ignore_index=True)[["outcome", "unit", "scope", "month", "mean", "low", "high", "n"]]


def first_moves(over_time: pd.DataFrame, monthly: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Find the first month from which each outcome's paired difference is clear of its Monte Carlo error.

    Clear means: the 95 % interval of the mean difference excludes zero in `MONTHS` months in a row, and the
    difference is more than a ten-thousandth of the baseline. Flows count by their running total. Temporal order is not
    causation.

    Parameters
    ----------
    over_time : DataFrame
        From ``difference_over_time``.
    monthly : DataFrame
        From ``monthly_table``, for the same scopes.
    baseline : str
        Key of the reference scenario.

    Returns
    -------
    DataFrame with ``ORDER_COLUMNS``
        ``month`` from 0, empty where it never moved; ``order`` 1 for what moved first, ties alike; ``effect_peak``
        the largest difference from that month on, in ``month_peak``, and ``share_peak`` the same as a share of the baseline;
        ``standardised_end`` the difference in the last month over the standard deviation of the baseline's runs.
    """
    level, deviation = _baseline(monthly, baseline)
    rows: list[dict[str, object]] = []
    for keys, part in over_time.groupby(["scenario", "scope", "outcome"], sort=False):
        scenario, scope, outcome = (str(key) for key in keys)  # type: ignore[attr-defined]
        path = part.sort_values("month")
        effect, low, high = (path[name].to_numpy() for name in ("effect", "ci_low", "ci_high"))
        base, apart = level[scope, outcome], deviation[scope, outcome]
        clear = ((low > 0) | (high < 0)) & (np.abs(effect) > SMALL * np.abs(base))
        row: dict[str, object] = {
            "scenario": scenario,
            "scope": scope,
            "outcome": outcome,
            "label": OUTCOMES[OUTCOME_INDEX[outcome]].label,
            "unit": path["unit"].iloc[0],
            "effect_end": effect[-1],
            "standardised_end": effect[-1] / apart if apart > 0 else np.nan,
            "n": path["n"].iloc[0],
        }
        in_a_row = np.lib.stride_tricks.sliding_window_view(clear, min(MONTHS, len(clear))).all(axis=1)
        if in_a_row.any():
            month = int(in_a_row.argmax())
            peak = month + int(np.abs(effect[month:]).argmax())
            row |= {
                "month": float(path["month"].iloc[month]),
                "effect": effect[month],
                "month_peak": float(path["month"].iloc[peak]),
                "effect_peak": effect[peak],
                "share_peak": effect[peak] / abs(base[peak]) if base[peak] else np.nan,
            }
        rows.append(row)
    table = pd.DataFrame(rows, columns=ORDER_COLUMNS)
    if rows:
        numbers = ["month", "effect", "month_peak", "effect_peak", "share_peak"]
        table[numbers] = table[numbers].astype(np.float64)
        table["order"] = table.groupby(["scenario", "scope"])["month"].rank(method="dense")
    return table.sort_values(["scenario", "scope", "month"], kind="stable", na_position="last", ignore_index=True)


def _baseline(monthly: pd.DataFrame, baseline: str) -> tuple[dict[Any, F8], dict[Any, float]]:
    """By scope and outcome: the baseline's mean by month, and the deviation of its runs in the last month."""
    own = monthly[monthly["scenario"] == baseline]
    level, deviation = {}, {}
    for scope, part in own.groupby("scope", sort=False):
        runs = part["replication"].nunique() * (part["point"].nunique() if "point" in part else 1)
        values = part.sort_values([k for k in ("point", "replication", "month") if k in part])[list(OUTCOME_NAMES)]
        cube = values.to_numpy(np.float64).reshape(runs, len(part) // runs, -1)
        for index, name in enumerate(OUTCOME_NAMES):
            path = np.cumsum(cube[..., index], axis=1) if FLOWS[index] else cube[..., index]
            level[str(scope), name] = path.mean(axis=0)
            deviation[str(scope), name] = float(path[:, -1].std(ddof=1)) if runs > 1 else 0.0
    return level, deviation


@dataclass(frozen=True)
class Threshold:
    """A level of an outcome: of its running total for flows, of the month's value otherwise.

    ``direction``: ``rises`` counts months until it is at or above the level, ``falls`` at or below.
    """

    outcome: str
    level: float
    direction: Literal["rises", "falls"] = "rises"


THRESHOLDS = (
    Threshold("onset", 1),
    Threshold("communal_deaths", 25),
    Threshold("armed_deaths", 25),
    Threshold("new_displaced", 1000),
)
"""What ``compare`` reports."""


def thresholds(monthly: pd.DataFrame, baseline: str, levels: Sequence[Threshold] = THRESHOLDS) -> pd.DataFrame:
    """Compare the months until each level is first reached, pair by pair.

    A run that never reaches the level counts with the whole horizon in either scenario, so ``effect`` is the
    difference in mean months without reaching it within the horizon (restricted mean), with Student's t
    interval. ``baseline_reached`` and ``reached`` are shares of runs; medians are empty where fewer than half
    of the runs reach the level.

    Parameters
    ----------
    monthly : DataFrame
        From ``monthly_table``.
    baseline : str
        Key of the reference scenario.
    levels : sequence of Threshold

    Returns
    -------
    DataFrame with ``THRESHOLD_COLUMNS``; times in months

    Notes
    -----
    Source: Royston and Parmar 2013, restricted mean survival time.
    """
    frames = []
    for pairs in paired(monthly, baseline, ["scope", "month"], OUTCOME_NAMES):
        scopes = list(dict.fromkeys(pairs.rows["scope"]))
        horizon = len(pairs.rows) // len(scopes)
        shape = (pairs.n, len(scopes), horizon, -1)
        for level in levels:
            item = OUTCOMES[OUTCOME_INDEX[level.outcome]]
            later = "higher" if (item.better == "lower") == (level.direction == "rises") else "lower"
            better = np.array(["none" if item.better == "none" else later])
            treated, reference = (first_month(v.reshape(shape), level) for v in (pairs.treated, pairs.reference))
            differences = np.minimum(treated, horizon) - np.minimum(reference, horizon)
            estimate, error = estimate_and_error(differences, pairs)
            medians = (np.median(times, axis=0) for times in (reference, treated))
            before, after = (np.where(np.isfinite(times), times, np.nan) for times in medians)
            numbers = {
                "baseline_reached": np.isfinite(reference).mean(axis=0),
                "reached": np.isfinite(treated).mean(axis=0),
                "baseline_median": before,
                "median": after,
                "effect": estimate.value,
                "ci_low": estimate.low,
                "ci_high": estimate.high,
                "p_superior": share_better(differences[..., None], better)[:, 0],
                "n": pairs.n,
                "mc_error": error,
                "in_words": verdicts(estimate, better, signs_of(differences, pairs)),
            }
            asked = {"threshold": level.level, "direction": level.direction, "horizon": horizon}
            head = {"scenario": pairs.scenario, "outcome": item.name, "unit": "months", "scope": scopes}
            frames.append(pd.DataFrame(head | asked | numbers))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=THRESHOLD_COLUMNS)


def first_month(values: F8, level: Threshold) -> F8:
    """First month at the level, counted from 0; infinity where it is never reached.

    Parameters
    ----------
    values : (..., n_months, n_outcomes) float64
    level : Threshold

    Returns
    -------
    (...) float64
    """
    index = OUTCOME_INDEX[level.outcome]
    path = np.cumsum(values[..., index], axis=-1) if FLOWS[index] else values[..., index]
    there = path >= level.level if level.direction == "rises" else path <= level.level
    return np.where(there.any(axis=-1), there.argmax(axis=-1), np.inf)


def lead_time(
    monthly: pd.DataFrame,
    indicator: str,
    levels: Sequence[float],
    *,
    episode: str = "onset",
    threshold: float = 1.0,
    look_back: int = LOOK_BACK,
) -> pd.DataFrame:
    """Measure how early an indicator crossed a level before an episode began, and how many alarms were false.

    An alarm begins when the indicator crosses the level to its bad side (above where lower is better, below
    where higher is better) and lasts while it stays there; an alarm already on in the first month begins then. An
    episode begins in a month in which ``episode`` reaches ``threshold`` and did not in the ``look_back`` months
    before. It is hit if an alarm was on in some month of the ``look_back`` months before it; the lead is the
    months since the earliest of these. An alarm is false if no episode begins while it is on or within
    ``look_back`` months after it began; alarms that begin too late in the run to tell are left out.

    Parameters
    ----------
    monthly : DataFrame
        From ``monthly_table`` with the states as scopes; the region is left out where there are states.
    indicator, episode : str
        Outcomes.
    levels : sequence of float
        Levels of the indicator to try.
    threshold : float
        In the month, of ``episode``.
    look_back : int
        Months.

    Returns
    -------
    DataFrame with ``LEAD_COLUMNS``; leads in months, their median and quartiles; ``alarm_months`` the share of
        months an alarm is on
    """
    for name in (indicator, episode):
        if name not in OUTCOME_INDEX:
            raise InputError(Problem("no outcome has this name", key=name))
    better = OUTCOMES[OUTCOME_INDEX[indicator]].better
    if better == "none":
        raise InputError(Problem("has no bad side to warn of", key=indicator))
    places = monthly.astype({"scenario": str, "scope": str})
    if (places["scope"] != REGION).any():
        places = places[places["scope"] != REGION]
    rows = []
    keys = [name for name in ("point", "replication", "scope") if name in places.columns]
    for scenario, part in places.groupby("scenario", sort=True):
        months = part["month"].nunique()
        ordered = part.sort_values([*keys, "month"])
        reading = ordered[indicator].to_numpy().reshape(-1, months)
        begun = _begins(ordered[episode].to_numpy().reshape(-1, months) >= threshold, look_back)
        for level in levels:
            on = reading >= level if better == "lower" else reading <= level
            head = {"scenario": scenario, "indicator": indicator, "level": level, "look_back": look_back}
            rows.append(head | _scored(on, begun, look_back))
    return pd.DataFrame(rows, columns=LEAD_COLUMNS)


def _begins(there: Mask, look_back: int) -> Mask:
    """Months in which an episode begins: there now, and in none of the months before."""
    before = np.cumsum(there, axis=1, dtype=np.int64) - there
    earlier = np.zeros_like(before)
    earlier[:, look_back:] = before[:, :-look_back] if look_back < there.shape[1] else 0
    begun: Mask = there & (before - earlier == 0)
    return begun


def _scored(on: Mask, begun: Mask, look_back: int) -> dict[str, object]:
    leads, episodes = [], 0
    for place, month in zip(*np.nonzero(begun), strict=True):
        if month == 0:
            continue  # nothing can come before the first month
        episodes += 1
        start = max(0, int(month) - look_back)
        warned = np.flatnonzero(on[place, start:month])
        if len(warned):
            leads.append(int(month) - start - int(warned[0]))
    alarms = false = 0
    months = on.shape[1]
    starts = on & ~np.pad(on, ((0, 0), (1, 0)))[:, :-1]
    for place, month in zip(*np.nonzero(starts), strict=True):
        off = np.flatnonzero(~on[place, month:])
        end = max(int(month) + (int(off[0]) if len(off) else months), int(month) + look_back + 1)
        right = bool(begun[place, month + 1 : end].any())
        if right or end <= months:
            alarms += 1
            false += not right
    hits = len(leads)
    low, high = share_interval(np.array(hits), np.array(episodes))
    median, first, third = np.quantile(leads, [0.5, 0.25, 0.75]) if leads else np.full(3, np.nan)
    words = "no episode began: nothing to warn of"
    if episodes:
        words = f"{hits} of {episodes} episodes warned of" + (f", {median:.0f} months ahead" if hits else "")
        words += f"; {false} of {alarms} alarms false" if alarms else "; no alarm"
        words += "; too few episodes to rely on" if episodes < FEW else ""
    return {
        "episodes": episodes,
        "hits": hits,
        "hit_rate": hits / episodes if episodes else np.nan,
        "hit_low": float(low),
        "hit_high": float(high),
        "lead_median": median,
        "lead_low": first,
        "lead_high": third,
        "alarms": alarms,
        "false_alarms": false,
        "false_share": false / alarms if alarms else np.nan,
        "alarm_months": float(on.mean()),
        "in_words": words,
    }
