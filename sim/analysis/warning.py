"""How long before an episode an indicator gave warning, and how often it cried wolf."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis.intervals import share_interval
from sim.analysis.windows import REGION
from sim.errors import InputError, Problem
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

Mask = NDArray[np.bool_]

LEAD_COLUMNS = [
    "scenario",
    "indicator",
    "level",
    "look_back",
    "episodes",
    "hits",
    "hit_rate",
    "hit_low",
    "hit_high",
    "lead_median",
    "lead_low",
    "lead_high",
    "alarms",
    "false_alarms",
    "false_share",
    "alarm_months",
    "in_words",
]
LOOK_BACK = 12
FEW = 10
"""Episodes below which a hit rate is no more than a hint."""


def lead_time(
    monthly: pd.DataFrame,
    indicator: str,
    levels: Sequence[float],
    *,
    episode: str = "onset",
    threshold: float = 1.0,
    look_back: int = LOOK_BACK,
) -> pd.DataFrame:
    """Measure how early an indicator crossed a level before an episode began.

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
            raise InputError(Problem("no outcome is called so", key=name))
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
            rows.append({"scenario": scenario, "indicator": indicator, "level": level, "look_back": look_back,
                         **_scored(on, begun, look_back)})  # fmt: skip
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
    low, high = share_interval(np.array(len(leads)), np.array(episodes))
    median = np.quantile(leads, [0.5, 0.25, 0.75]) if leads else np.full(3, np.nan)
    return {
        "episodes": episodes,
        "hits": len(leads),
        "hit_rate": len(leads) / episodes if episodes else np.nan,
        "hit_low": float(low),
        "hit_high": float(high),
        "lead_median": float(median[0]),
        "lead_low": float(median[1]),
        "lead_high": float(median[2]),
        "alarms": alarms,
        "false_alarms": false,
        "false_share": false / alarms if alarms else np.nan,
        "alarm_months": float(on.mean()),
        "in_words": _words(episodes, len(leads), float(median[0]), alarms, false),
    }


def _words(episodes: int, hits: int, lead: float, alarms: int, false: int) -> str:
    if not episodes:
        return "no episode began: nothing to warn of"
    told = f"{hits} of {episodes} episodes warned of" + (f", {lead:.0f} months ahead" if hits else "")
    told += f"; {false} of {alarms} alarms false" if alarms else "; no alarm"
    return told + ("; too few episodes to rely on" if episodes < FEW else "")
