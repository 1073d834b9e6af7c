"""Who gains and who loses, and where: effects by district and by community, from the ``places`` table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sim.analysis.effects import estimate_of, signs_of, verdicts
from sim.analysis.statistics import paired_p, with_corrections
from sim.analysis.tables import REGION, paired

ROUNDS_PER_MONTH = 4
ROUNDS_PER_YEAR = 12 * ROUNDS_PER_MONTH
"""Person-rounds of one resident in a year: four rounds a month."""


@dataclass(frozen=True)
class PlaceOutcome:
    """A column of ``places`` as a map shows it: flows become rates, levels stay means over residents."""

    name: str
    label: str
    unit: str
    flow: bool
    better: str


OUTCOMES_BY_PLACE: tuple[PlaceOutcome, ...] = (
    PlaceOutcome("participants", "Protest participation", "person-weeks per 1,000 residents a year", True, "none"),
    PlaceOutcome("incidents", "Communal incidents", "per 100,000 residents a year", True, "lower"),
    PlaceOutcome("deaths", "Deaths", "per 100,000 residents a year", True, "lower"),
    PlaceOutcome("new_displaced", "Newly displaced", "per 100,000 residents a year", True, "lower"),
    PlaceOutcome("new_detained", "Newly detained", "per 100,000 residents a year", True, "lower"),
    PlaceOutcome("tension", "Tension", "0 to 1", False, "lower"),
    PlaceOutcome("legitimacy", "Legitimacy", "0 to 1", False, "higher"),
    PlaceOutcome("unemployment", "Unemployment", "share of labour force", False, "lower"),
)
NAMES = tuple(item.name for item in OUTCOMES_BY_PLACE)
BETTER = np.array(["none", *(item.better for item in OUTCOMES_BY_PLACE)])
"""Of the columns that effects are taken of: persons, then the outcomes."""
DISTRICT_COLUMNS = [
    "scenario", "outcome", "unit", "state", "district", "persons", "baseline_mean", "effect", "ci_low", "ci_high", "n",
    "in_words",
]  # fmt: skip
COMMUNITY_COLUMNS = [
    "scenario", "outcome", "unit", "state", "community", "persons", "baseline_mean", "effect", "ci_low", "ci_high",
    "p_value", "p_holm", "q_fdr", "n", "in_words",
]  # fmt: skip


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
        ``scenario, replication, state, district, persons`` and one column an outcome.
    """
    return _joined((part for part in parts if not part.empty), months, "district")


def community_totals(parts: Iterable[pd.DataFrame], months: int) -> pd.DataFrame:
    """Add up districts and years to one row a run, state and community, and one a run and community.

    Parameters
    ----------
    parts : iterable of DataFrame
        The ``places`` table in any number of parts, each holding whole runs.
    months : int
        Length of a run.

    Returns
    -------
    DataFrame
        As ``district_totals``, by ``community``; state ``region`` holds a community everywhere.
    """
    pieces = (piece for part in parts if not part.empty for piece in (part, part.assign(state=REGION)))
    return _joined(pieces, months, "community")


def _joined(parts: Iterable[pd.DataFrame], months: int, place: str) -> pd.DataFrame:
    """Totals of all parts, by scenario and replication: the names of stored parts follow run ids, rows must not."""
    frames = [_totals(part, months, ["state", place]) for part in parts]
    empty = pd.DataFrame(columns=["scenario", "replication", "state", place, "persons", *NAMES])
    if not frames:
        return empty
    return pd.concat(frames).sort_values(["scenario", "replication"], kind="stable", ignore_index=True)


def _totals(part: pd.DataFrame, months: int, place: list[str]) -> pd.DataFrame:
    keys = [name for name in ("scenario", "point", "replication", *place) if name in part.columns]
    numbers = ["person_rounds", *NAMES]
    frame = part[[*keys, *numbers]].astype(dict.fromkeys(numbers, np.float64))
    levels = [item.name for item in OUTCOMES_BY_PLACE if not item.flow]
    weights = frame[["person_rounds"]].to_numpy()
    frame[levels] = np.where(weights > 0, frame[levels].to_numpy() * weights, 0.0)
    total = frame.groupby(keys, observed=True, sort=True).sum().reset_index()
    rounds = total["person_rounds"]
    for item in OUTCOMES_BY_PLACE:
        per = ROUNDS_PER_YEAR * (1_000 if item.name == "participants" else 100_000) if item.flow else 1
        total[item.name] = (total[item.name] * per / rounds).where(rounds > 0, 0.0)
    total.insert(len(keys), "persons", rounds / (ROUNDS_PER_MONTH * months))
    return total.drop(columns="person_rounds").astype(dict.fromkeys(["scenario", *place], str))


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
    return _effects(totals, baseline, "district", DISTRICT_COLUMNS)


def community_effects(totals: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Paired effect by community, in each state and everywhere, over the whole run.

    Parameters
    ----------
    totals : DataFrame
        From ``community_totals``.
    baseline : str
        Key of the reference scenario.

    Returns
    -------
    DataFrame with ``COMMUNITY_COLUMNS``; p-values are corrected among the rows of one outcome
    """
    return _effects(totals, baseline, "community", COMMUNITY_COLUMNS)


def _effects(totals: pd.DataFrame, baseline: str, place: str, columns: list[str]) -> pd.DataFrame:
    frames = []
    for pairs in paired(totals, baseline, ["state", place], ["persons", *NAMES]):
        differences = pairs.treated - pairs.reference
        estimate, found = estimate_of(differences, pairs), signs_of(differences, pairs)
        numbers = {
            "baseline_mean": pairs.reference.mean(axis=0),
            "effect": estimate.value,
            "ci_low": estimate.low,
            "ci_high": estimate.high,
            "p_value": paired_p(differences) if found is None else found.p,
            "in_words": verdicts(estimate, BETTER, found),
        }
        for index, item in enumerate(OUTCOMES_BY_PLACE, start=1):
            own = {name: values[:, index] for name, values in numbers.items()}
            keys: dict[str, Any] = {"scenario": pairs.scenario, "outcome": item.name, "unit": item.unit, "n": pairs.n}
            frames.append(pairs.rows.assign(**keys, persons=numbers["baseline_mean"][:, 0], **own))
    if not frames:
        return pd.DataFrame(columns=columns)
    return with_corrections(pd.concat(frames, ignore_index=True), ["outcome"])[columns]
