"""Every row of the requirements has a file that implements it, a test that proves it and a scenario that shows it."""

from __future__ import annotations

import ast
import csv
from functools import cache
from pathlib import Path

import pytest

from sim.interventions import catalogue
from sim.scenario import load_scenario, shipped_scenarios

ROOT = Path(__file__).parent.parent
COUNTS = {"A": 10, "R": 10, "I": 36, "W": 9, "H": 6}
EXPECTED = [f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)]


def rows() -> list[dict[str, str]]:
    with (ROOT / "docs" / "coverage.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def several(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


@cache
def tests_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = (node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    return frozenset(name for name in found if name.startswith("test_"))


def test_every_row_is_there_once_and_in_order() -> None:
    assert [row["row"] for row in rows()] == EXPECTED


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["row"])
def test_a_row_names_files_tests_and_scenarios_that_exist(row: dict[str, str]) -> None:
    files, tests, scenarios = (several(row[column]) for column in ("file", "test", "scenario"))
    assert files, "a file that implements it"
    assert tests, "a test that proves it"
    assert scenarios, "a scenario that shows it"
    assert [file for file in files if not (ROOT / file).is_file()] == []
    for test in tests:
        path, _, name = test.partition("::")
        assert name in tests_of(path), f"{path} has no test called {name!r}"
    assert [name for name in scenarios if name not in shipped_scenarios()] == []


@pytest.mark.parametrize("row", [row for row in rows() if row["row"][0] == "I"], ids=lambda row: row["row"])
def test_an_intervention_is_used_by_its_scenario_and_stands_in_its_file(row: dict[str, str]) -> None:
    entry = catalogue().interventions[row["row"]]
    assert row["what"] == entry.name
    assert several(row["file"]) == [f"sim/interventions/catalogue/{entry.family}.yaml"]
    for name in several(row["scenario"]):
        used = [one for one in load_scenario(name).interventions if one.type == row["row"]]
        assert any(one.dose > 0.0 for one in used), f"{name} does not use {row['row']}"
