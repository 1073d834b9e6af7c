"""What a run records, by month and state; the codebook of every result table is made from this list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Outcome:
    """One recorded column.

    ``kind``: ``flow`` adds up over months, ``stock`` and ``level`` are read at the end of a month.
    ``pool``: how states combine into the region, by ``sum`` or by population-weighted ``mean``.
    ``better``: the direction a decision maker would call better, or ``none`` for context columns.
    ``headline``: shown in the default table of effects.
    """

    name: str
    label: str
    unit: str
    kind: Literal["flow", "stock", "level"]
    pool: Literal["sum", "mean"]
    better: Literal["lower", "higher", "none"]
    text: str
    headline: bool = False


OUTCOMES: tuple[Outcome, ...] = (
    Outcome("population", "Population", "persons", "stock", "sum", "none", "Living residents, displaced included"),
    Outcome(
        "participants",
        "Protest participation",
        "person-weeks",
        "flow",
        "sum",
        "none",
        "Persons turning out, summed over the rounds of the month",
        headline=True,
    ),
    Outcome(
        "violent_participants",
        "Violent participation",
        "person-weeks",
        "flow",
        "sum",
        "lower",
        "Persons turning out violently, summed over the rounds of the month",
    ),
    Outcome(
        "protest_events",
        "Protest events",
        "events",
        "flow",
        "sum",
        "none",
        "District-rounds with 50 or more persons turning out",
        headline=True,
    ),
    Outcome(
        "peak_participation",
        "Peak participation",
        "share of residents",
        "level",
        "mean",
        "none",
        "Largest share of residents turning out in one round of the month",
    ),
    Outcome(
        "incidents",
        "Communal incidents",
        "events",
        "flow",
        "sum",
        "lower",
        "Violent incidents between communities",
        headline=True,
    ),
    Outcome(
        "communal_deaths",
        "Communal deaths",
        "persons",
        "flow",
        "sum",
        "lower",
        "Persons killed in communal incidents",
        headline=True,
    ),
    Outcome("armed_events", "Armed events", "events", "flow", "sum", "lower", "Attacks and battles of armed groups"),
    Outcome(
        "armed_deaths",
        "Armed deaths",
        "persons",
        "flow",
        "sum",
        "lower",
        "Persons killed in armed events, fighters included",
        headline=True,
    ),
    Outcome("fighters", "Fighters", "persons", "stock", "sum", "lower", "Persons in arms in non-state groups"),
    Outcome("new_displaced", "Newly displaced", "persons", "flow", "sum", "lower", "Persons who fled", headline=True),
    Outcome("returned", "Returned", "persons", "flow", "sum", "higher", "Displaced persons who returned"),
    Outcome("displaced", "Displaced", "persons", "stock", "sum", "lower", "Persons displaced at the end of the month"),
    Outcome("new_detained", "Newly detained", "persons", "flow", "sum", "lower", "Persons detained", headline=True),
    Outcome("detained", "Detained", "persons", "stock", "sum", "lower", "Persons in detention at the end of the month"),
    Outcome(
        "onset",
        "Onset of a 25-death episode",
        "episodes",
        "flow",
        "sum",
        "lower",
        "Armed episodes that reached 25 deaths within twelve months, counted once",
        headline=True,
    ),
    Outcome(
        "relapses",
        "Ceasefires broken",
        "ceasefires",
        "flow",
        "sum",
        "lower",
        "Armed groups that took up arms again after a ceasefire; uprisings scripted by a scenario do not count",
    ),
    Outcome(
        "unsafe_person_months",
        "Unsafe person-months",
        "person-months",
        "flow",
        "sum",
        "lower",
        "Residents of districts with a death or at least one incident per 10,000 residents in the month",
    ),
    Outcome("tension", "Tension", "0 to 1", "level", "mean", "lower", "Tension between communities", headline=True),
    Outcome(
        "legitimacy",
        "Legitimacy",
        "0 to 1",
        "level",
        "mean",
        "higher",
        "Legitimacy of institutions, mean over residents",
        headline=True,
    ),
    Outcome(
        "trust",
        "Trust",
        "0 to 1",
        "level",
        "mean",
        "higher",
        "Mean legitimacy minus the gap between the most and least trusting community of the state",
    ),
    Outcome(
        "exclusion",
        "Excluded population",
        "share",
        "level",
        "mean",
        "lower",
        "Exclusion from power, mean over residents",
    ),
    Outcome(
        "unemployment",
        "Unemployment",
        "share of labour force",
        "level",
        "mean",
        "lower",
        "Unemployment rate",
        headline=True,
    ),
    Outcome(
        "youth_unemployment",
        "Youth unemployment",
        "share of labour force",
        "level",
        "mean",
        "lower",
        "Unemployment rate of the young",
    ),
    Outcome("extremism", "Extremism", "0 to 1", "level", "mean", "lower", "Violent extremism", headline=True),
    Outcome("crime", "Organised crime", "0 to 1", "level", "mean", "lower", "Organised crime", headline=True),
    Outcome(
        "influence",
        "External influence",
        "0 to 1",
        "level",
        "mean",
        "lower",
        "Reach of external powers that seek to destabilise",
    ),
    Outcome("cyber", "Cyber exposure", "0 to 1", "level", "mean", "lower", "Exposure of critical infrastructure"),
    Outcome(
        "outage",
        "Services down",
        "share",
        "level",
        "mean",
        "lower",
        "Critical services that are down after an attack on infrastructure",
    ),
    Outcome("capacity", "State capacity", "0 to 1", "level", "mean", "higher", "Administrative and policing capacity"),
    Outcome("corruption", "Corruption", "0 to 1", "level", "mean", "lower", "Political corruption"),
    Outcome("reform_security", "Security reform", "0 to 1", "level", "mean", "higher", "Security-sector reform"),
    Outcome("reform_political", "Political reform", "0 to 1", "level", "mean", "higher", "Political reform"),
    Outcome("reform_economic", "Economic reform", "0 to 1", "level", "mean", "higher", "Economic reform"),
    Outcome("dispute", "Worst dispute", "0 to 1", "level", "mean", "lower", "Worst dispute with another state"),
    Outcome(
        "arming",
        "Military posturing",
        "share",
        "level",
        "mean",
        "lower",
        "Forces readied against a rival, as a share of full effort",
    ),
    Outcome("troops", "International troops", "persons", "stock", "sum", "none", "Troops of international missions"),
    Outcome(
        "stability",
        "Stability index",
        "0 to 100",
        "level",
        "mean",
        "higher",
        "For monitoring, not an objective: geometric mean of pressure, weakness and lack of coping",
        headline=True,
    ),
    Outcome("pressure", "Index: pressure", "0 to 1", "level", "mean", "lower", "First group of the stability index"),
    Outcome("weakness", "Index: weakness", "0 to 1", "level", "mean", "lower", "Second group of the stability index"),
    Outcome(
        "coping_gap", "Index: lack of coping", "0 to 1", "level", "mean", "lower", "Third group of the stability index"
    ),
    Outcome("cost", "Cost", "million euro of 2024", "flow", "sum", "none", "Spending on programmes", headline=True),
)

OUTCOME_NAMES: tuple[str, ...] = tuple(outcome.name for outcome in OUTCOMES)
OUTCOME_INDEX: dict[str, int] = {name: index for index, name in enumerate(OUTCOME_NAMES)}

PLACE_OUTCOMES: tuple[str, ...] = (
    "person_rounds",
    "participants",
    "incidents",
    "deaths",
    "new_displaced",
    "new_detained",
    "tension",
    "legitimacy",
    "unemployment",
)
"""Columns recorded per cell and window: flows are summed over the window, levels are means over its months."""
