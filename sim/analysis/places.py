"""For whom: effects by district, from the ``places`` table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sim.analysis.pairs import paired
from sim.analysis.statistics import mean_estimate

ROUNDS_PER_MONTH = 4
ROUNDS_PER_YEAR = 12 * ROUNDS_PER_MONTH
"""Person-rounds of one resident in a year: four rounds a month."""


@dataclass(frozen=True)
class Measure:
    """A column of ``places`` as a map shows it: flows become rates, levels stay means over residents."""

    name: str
    label: str
    unit: str
    flow: bool
    better: str


PLACE_MEASURES: tuple[Measure, ...] = (
    Measure("participants", "Protest participation", "person-weeks per 1,000 residents a year", True, "none"),
    Measure("incidents", "Communal incidents", "per 100,000 residents a year", True, "lower"),
    Measure("deaths", "Deaths", "per 100,000 residents a year", True, "lower"),
    Measure("new_displaced", "Newly displaced", "per 100,000 residents a year", True, "lower"),
    Measure("new_detained", "Newly detained", "per 100,000 residents a year", True, "lower"),
    Measure("tension", "Tension", "0 to 1", False, "lower"),
    Measure("legitimacy", "Legitimacy", "0 to 1", False, "higher"),
    Measure("unemployment", "Unemployment", "share of labour force", False, "lower"),
)
NAMES = tuple(measure.name for measure in PLACE_MEASURES)
DISTRICT_COLUMNS = [
    "scenario",
    "outcome",
    "unit",
    "state",
    "district",
    "persons",
    "baseline_mean",
    "effect",
    "ci_low",
    "ci_high",
    "n",
]


def district_totals(parts: Iterable[pd.DataFrame], months: int) -> pd.DataFrame:
    """Add up communities and years to one row a run and district.

    Flows become rates, levels become means over residents.

    Parameters
    ----------
    parts : iterable of DataFrame
        The ``places`` table in any number of parts, each holding whole runs.
    months : int
        Length of a run.

    Returns
    -------
    DataFrame
        ``scenario, replication, state, district, persons`` and one column a measure.
    """
    frames = [_totals(part, months) for part in parts if not part.empty]
    if not frames:
        return pd.DataFrame(columns=["scenario", "replication", "state", "district", "persons", *NAMES])
    return pd.concat(frames, ignore_index=True)


def _totals(part: pd.DataFrame, months: int) -> pd.DataFrame:
    keys = ["scenario", "replication", "state", "district"]
    numbers = ["person_rounds", *NAMES]
    frame = part[[*keys, *numbers]].astype(dict.fromkeys(numbers, np.float64))
    levels = [measure.name for measure in PLACE_MEASURES if not measure.flow]
    weights = frame[["person_rounds"]].to_numpy()
    frame[levels] = np.where(weights > 0, frame[levels].to_numpy() * weights, 0.0)
    total = frame.groupby(keys, observed=True, sort=True).sum().reset_index()
    rounds = total["person_rounds"]
    for measure in PLACE_MEASURES:
        per = ROUNDS_PER_YEAR * (1_000 if measure.name == "participants" else 100_000) if measure.flow else 1
        total[measure.name] = (total[measure.name] * per / rounds).where(rounds > 0, 0.0)
    total.insert(4, "persons", rounds / (ROUNDS_PER_MONTH * months))
    return total.drop(columns="person_rounds").astype({key: str for key in keys if key != "replication"})


def district_effects(totals: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Paired effect in each district over the whole run: the table a map is drawn from.

    Parameters
    ----------
    totals : DataFrame
        From ``district_totals``.
    baseline : str
        Key of the reference scenario.

    Returns
    -------
    DataFrame with ``DISTRICT_COLUMNS``
    """
    frames = []
    for pairs in paired(totals, baseline, ["state", "district"], ["persons", *NAMES]):
        estimate = mean_estimate(pairs.treated - pairs.reference)
        reference = pairs.reference.mean(axis=0)
        for index, measure in enumerate(PLACE_MEASURES, start=1):
            frame = pairs.rows.assign(
                scenario=pairs.scenario,
                outcome=measure.name,
                unit=measure.unit,
                persons=reference[:, 0],
                baseline_mean=reference[:, index],
                effect=estimate.value[:, index],
                ci_low=estimate.low[:, index],
                ci_high=estimate.high[:, index],
                n=pairs.n,
            )
            frames.append(frame[DISTRICT_COLUMNS])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=DISTRICT_COLUMNS)
