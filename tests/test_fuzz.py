"""Whatever a file holds: no traceback, no hang, nothing written, every message in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sim.errors import Problem
from sim.region import slips
from sim.scenario.hints import check_shape
from sim.scenario.text import parse, scalar
from tests.fuzzing import MUTATIONS, Failure, misplaced, mutant, seeds, trial

MUTANTS = 500
QUICK = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
SIGNS = st.text(st.sampled_from("abX12 \n\t:,-[]{}#&*!|>'\"%@`.~=?\\é🕊"), max_size=60)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
KEYS = st.text(max_size=12) | st.sampled_from(
    ("format", "title", "start", "months", "interventions", "targets", "type")
)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


def test_mutated_files_are_answered(tmp_path: Path) -> None:
    regions: dict[Any, Any] = {}
    assert [failure for number in range(MUTANTS) if (failure := trial(number, tmp_path, regions))] == []
    assert list(tmp_path.iterdir()) == []


def test_mutations_repeat_and_differ() -> None:
    assert [mutant(number) for number in range(50)] == [mutant(number) for number in range(50)]
    assert len({mutant(number) for number in range(500)}) > 480
    assert len(MUTATIONS) == 6
    assert len(seeds()) > 300


def test_the_trial_sees_what_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path, regions: object) -> tuple[list[Problem], list[Problem]]:
        raise ZeroDivisionError

    monkeypatch.setattr("tests.fuzzing.validate_file", broken)
    failure = trial(1, tmp_path, {})
    assert isinstance(failure, Failure)
    assert "ZeroDivisionError" in failure.what
    path = tmp_path / "case.yaml"
    for line, column, what in ((3, 1, "line 3 of 2"), (1, 9, "column 9 of 3"), (None, None, "no place")):
        assert what in misplaced(Problem("x", str(path), line, column), path, b"abc\n")
    assert misplaced(Problem("x", str(path), 1, 4), path, b"abc\n") == ""
    assert "not about a file" in misplaced(Problem("x", "elsewhere"), path, b"")


@QUICK
@given(SIGNS)
def test_any_text_is_read_or_refused(text: str) -> None:
    problems, content = parse(text, "case.yaml").problems, text.encode()
    assert [said for item in problems if (said := misplaced(item, Path("case.yaml"), content))] == []


@QUICK
@given(TREES)
def test_json_is_read_as_it_was_written(tree: Any) -> None:
    parsed = parse(json.dumps(tree), "case.yaml")
    if not parsed.problems and parsed.root is not None:
        assert parsed.root.plain() == tree


@QUICK
@given(st.dictionaries(KEYS, TREES, max_size=4))
@example({"[key]": None})  # pydantic's own mark for a bad key
def test_any_tree_has_a_shape_or_problems(tree: dict[str, Any]) -> None:
    parsed = parse(json.dumps(tree), "case.yaml")
    if parsed.root is not None and not parsed.problems:
        problems, paths = check_shape(parsed.root)
        assert len(problems) == len(paths)
        assert all(str(problem).isprintable() for problem in problems)


@QUICK
@given(st.text(max_size=30) | SIGNS | LEAVES)
def test_tips_never_fail_and_are_one_line(value: Any) -> None:
    for whole in (True, False):
        tip = slips.number_hint(value, whole=whole, share=not whole, months=whole) if value is not None else ""
        assert "\n" not in tip
    assert "\n" not in slips.date_hint(value) + slips.text_hint(value)
    if isinstance(value, str):
        assert slips.slug(value) == slips.slug(slips.slug(value))
        assert "\n" not in slips.pair_hint(value)


@QUICK
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**17), 10**17))
def test_numbers_are_read_as_they_are_written(number: float) -> None:
    assert scalar(repr(number)) == number
