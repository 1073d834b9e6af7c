"""For whom: effects by district, from the ``places`` table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sim.analysis.draws import estimate_of, signs_of, verdicts
from sim.analysis.intervals import paired_p
from sim.analysis.multiplicity import with_corrections
from sim.analysis.pairs import paired
from sim.analysis.windows import REGION

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
BETTER = np.array(["none", *(measure.better for measure in PLACE_MEASURES)])
"""Of the columns that effects are taken of: persons, then the measures."""
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
    "in_words",
]
COMMUNITY_COLUMNS = [
    "scenario",
    "outcome",
    "unit",
    "state",
    "community",
    "persons",
    "baseline_mean",
    "effect",
    "ci_low",
    "ci_high",
    "p_value",
    "p_holm",
    "q_fdr",
    "n",
    "in_words",
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
    return _joined([_totals(part, months, ["state", "district"]) for part in parts if not part.empty], "district")


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
        ``scenario, replication, state, community, persons`` and one column a measure; the community
        everywhere has ``region`` as its state.
    """
    frames = []
    for part in parts:
        if not part.empty:
            frames += [_totals(piece, months, ["state", "community"]) for piece in (part, part.assign(state=REGION))]
    return _joined(frames, "community")


def _joined(frames: list[pd.DataFrame], place: str) -> pd.DataFrame:
    if not frames:
        return pd.DataFrame(columns=["scenario", "replication", "state", place, "persons", *NAMES])
    return pd.concat(frames, ignore_index=True)


def _totals(part: pd.DataFrame, months: int, place: list[str]) -> pd.DataFrame:
    keys = [name for name in ("scenario", "point", "replication", *place) if name in part.columns]
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
    frames = []
    for pairs in paired(totals, baseline, ["state", "district"], ["persons", *NAMES]):
        differences = pairs.treated - pairs.reference
        estimate, reference = estimate_of(differences, pairs), pairs.reference.mean(axis=0)
        words = verdicts(estimate, BETTER, signs_of(differences, pairs))
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
                in_words=words[:, index],
            )
            frames.append(frame[DISTRICT_COLUMNS])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=DISTRICT_COLUMNS)


def community_effects(totals: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Who gains and who loses: paired effect by community, in each state and everywhere, over the whole run.

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
    frames = []
    for pairs in paired(totals, baseline, ["state", "community"], ["persons", *NAMES]):
        differences = pairs.treated - pairs.reference
        estimate, found = estimate_of(differences, pairs), signs_of(differences, pairs)
        p = paired_p(differences) if found is None else found.p
        words = verdicts(estimate, BETTER, found)
        reference = pairs.reference.mean(axis=0)
        for index, measure in enumerate(PLACE_MEASURES, start=1):
            frames.append(
                pairs.rows.assign(
                    scenario=pairs.scenario,
                    outcome=measure.name,
                    unit=measure.unit,
                    persons=reference[:, 0],
                    baseline_mean=reference[:, index],
                    effect=estimate.value[:, index],
                    ci_low=estimate.low[:, index],
                    ci_high=estimate.high[:, index],
                    p_value=p[:, index],
                    n=pairs.n,
                    in_words=words[:, index],
                )
            )
    if not frames:
        return pd.DataFrame(columns=COMMUNITY_COLUMNS)
    return with_corrections(pd.concat(frames, ignore_index=True), ["outcome"])[COMMUNITY_COLUMNS]
