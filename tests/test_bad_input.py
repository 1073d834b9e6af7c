"""Every bad, suspicious or odd input gets exactly the messages of the index, through Python and the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sim.errors import InputError, Problem
from sim.region import check_region
from sim.scenario import load_scenario, validate_file
from tests.bad_input import Case, agrees, cases, told

ROOT = Path(__file__).resolve().parents[1]
ALL = list(cases())
REGIONS: dict[Any, Any] = {}
THROUGH_THE_COMMAND = {
    "syntax": ("tab_first_level", "colon_in_title", "merge_conflict"),
    "yaml": ("python_tag", "laughs", "duplicate_programme"),
    "schema": ("everything_at_once", "misspelt_key"),
    "meaning": ("percentage", "decimal_comma", "date_that_does_not_exist"),
    "names": ("old_state", "parent_above", "key_turns_around", "key_with_line_end", "circle_of_parents"),
    "file": ("pipe", "symbolic_link", "sparse", "latin_1", "deep_list", "long_name"),
    "region": ("decimal_comma",),
    "warnings": ("counts_twice",),
    "odd": ("unicode_name",),
}  # fmt: skip
COMMANDED = [case for case in ALL if case.name in THROUGH_THE_COMMAND.get(case.group, ())]


def check(case: Case, path: Path) -> tuple[list[Problem], list[Problem]]:
    """Return errors and warnings of a case, by its kind."""
    return check_region(path) if case.kind == "region" else validate_file(path, regions=REGIONS)


def tree(folder: Path) -> list[tuple[str, int]]:
    """Return every path below a folder with its time of change."""
    return sorted((str(path), path.lstat().st_mtime_ns) for path in folder.rglob("*"))


def stabsim(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sim.cli", *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_there_are_enough_cases_of_every_group() -> None:
    bad = [case for case in ALL if case.exit_code == 2]
    assert len(bad) >= 300
    assert len({case.id for case in ALL}) == len(ALL)
    groups = {case.group for case in bad}
    assert {"file", "syntax", "yaml", "schema", "meaning", "names", "environment", "region"} <= groups
    assert len(COMMANDED) >= 20


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_every_case_gets_its_messages(case: Case, tmp_path: Path) -> None:
    path = case.put(tmp_path)
    before = tree(tmp_path)
    errors, warnings = check(case, path)
    said = [told(problem, path) for problem in (errors or warnings)]
    assert agrees(said, case.says), "\n".join(said)
    assert (2 if errors else 0) == case.exit_code
    assert all(str(problem).isprintable() for problem in errors + warnings)
    assert tree(tmp_path) == before
    if case.kind == "scenario" and errors:
        with pytest.raises(InputError) as caught:
            load_scenario(path)
        assert caught.value.problems == errors
        assert caught.value.exit_code == 2


@pytest.mark.parametrize("case", COMMANDED, ids=lambda case: case.id)
def test_the_command_says_the_same(case: Case, tmp_path: Path) -> None:
    path = case.put(tmp_path)
    before = tree(tmp_path)
    errors, warnings = check(case, path)
    done = stabsim(tmp_path, "validate", str(path))
    lines = done.stderr.splitlines()
    expected = [str(problem) for problem in errors] + [f"warning: {problem}" for problem in warnings]
    assert lines[: len(expected)] == expected
    assert len(lines) <= len(expected) + 1
    assert done.returncode == case.exit_code
    assert "Traceback" not in done.stderr
    assert tree(tmp_path) == before


@pytest.mark.parametrize(("command", "name"), [("run", "percentage"), ("compare", "state_twice")])
def test_nothing_runs_and_nothing_is_written_from_bad_input(command: str, name: str, tmp_path: Path) -> None:
    (case,) = (case for case in cases("meaning") if case.name == name)
    path = case.put(tmp_path)
    before = tree(tmp_path)
    done = stabsim(tmp_path, command, str(path), "--out", "results")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [str(problem) for problem in check(case, path)[0]]
    assert tree(tmp_path) == before
