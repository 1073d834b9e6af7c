"""Every row of the requirements has a file that implements it, a test that proves it and a scenario that shows it.

And its scenario differs without it: what is removed stands in docs/coverage.csv, what differed in
docs/coverage_moves.csv, measured by ``python -m tests.long rows``.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from sim.interventions import catalogue
from sim.scenario import load_scenario, shipped_scenarios
from tests.long.rows import LOOKS, MOVES, STILL, coverage_rows, first_scenario, measure, removal, stored

ROOT = Path(__file__).parent.parent
COUNTS = {"A": 10, "R": 10, "I": 36, "W": 9, "H": 6}
EXPECTED = [f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)]


def several(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = (node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    return frozenset(name for name in found if name.startswith("test_"))


def test_every_row_is_there_once_and_in_order() -> None:
    assert [row["row"] for row in coverage_rows()] == EXPECTED


@pytest.mark.parametrize("row", coverage_rows(), ids=lambda row: row["row"])
def test_a_row_names_files_tests_and_scenarios_that_exist(row: dict[str, str]) -> None:
    files, tests, scenarios = (several(row[column]) for column in ("file", "test", "scenario"))
    assert files, "a file that implements it"
    assert tests, "a test that proves it"
    assert scenarios, "a scenario that shows it"
    assert [file for file in files if not (ROOT / file).is_file()] == []
    for test in tests:
        path, _, name = test.partition("::")
        assert name in names_in(path), f"{path} has no test called {name!r}"
    assert [name for name in scenarios if name not in shipped_scenarios()] == []


@pytest.mark.parametrize("row", [row for row in coverage_rows() if row["row"][0] == "I"], ids=lambda row: row["row"])
def test_an_intervention_is_used_by_its_scenario_and_stands_in_its_file(row: dict[str, str]) -> None:
    entry = catalogue().interventions[row["row"]]
    assert row["what"] == entry.name
    assert several(row["file"]) == [f"sim/interventions/catalogue/{entry.family}.yaml"]
    for name in several(row["scenario"]):
        used = [one for one in load_scenario(name).interventions if one.type == row["row"]]
        assert any(one.dose > 0.0 for one in used), f"{name} does not use {row['row']}"


# With the row and without it ------------------------------------------------------------------------------


@pytest.mark.parametrize("row", coverage_rows(), ids=lambda row: row["row"])
def test_a_row_can_be_removed_from_its_scenario(row: dict[str, str]) -> None:
    spec = load_scenario(first_scenario(row))
    made = removal(spec, row["drop"])
    assert made.missing or made.spec.content() != spec.content()


def test_the_stored_table_is_of_these_rows_and_removals() -> None:
    moves = stored()
    assert list(moves) == EXPECTED
    for row in coverage_rows():
        move = moves[row["row"]]
        assert (move.scenario, move.removed) == (first_scenario(row), row["drop"]), f"{row['row']}: run the study again"
        assert move.pairs in LOOKS


@pytest.mark.parametrize("row", coverage_rows(), ids=lambda row: row["row"])
def test_a_row_moves_its_scenario_or_says_why_not(row: dict[str, str]) -> None:
    move = stored()[row["row"]]
    assert move.verdict == (STILL if row["still"] else MOVES)
    assert (move.moved > 0) == (move.verdict == MOVES)
    assert move.ci_low <= move.difference <= move.ci_high
    if move.verdict == MOVES:
        assert move.ci_low * move.ci_high > 0.0


def test_the_study_sees_an_effect_and_a_null() -> None:
    """A small run of it: jobs lower unemployment at once, community policing is a null and changes nothing at all."""
    known = {row["row"]: row for row in coverage_rows()}
    jobs, policing = (measure(known[row], 4, months=24) for row in ("I23", "I15"))
    assert (jobs.verdict, jobs.months, jobs.pairs) == (MOVES, 24, 4)
    assert jobs.outcome in ("unemployment", "youth_unemployment")
    assert jobs.ci_high < 0.0
    assert (policing.verdict, policing.moved, policing.difference) == (STILL, 0, 0.0)


@pytest.mark.parametrize(
    ("drop", "said"),
    [
        ("interventions=I99", "removes nothing"),
        ("interventions=I2; shocks=rumour", "shocks=rumour removes nothing"),
        ("agents=nobody", "no agent is called nobody"),
        ("weather=rain", "no way to remove a row"),
    ],
)
def test_a_removal_of_nothing_is_refused(drop: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        removal(load_scenario("police_capacity"), drop)
