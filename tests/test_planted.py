"""The list of planted bugs fits the code, and the quickest of them are caught."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.planted.bugs import Bug
from tests.planted.runner import FAST, ROOT, copy_tree, noticed, plant
from tests.planted.second import ALL, SECOND


@pytest.mark.parametrize("bug", ALL, ids=lambda bug: bug.name)
def test_every_bug_can_be_planted(bug: Bug) -> None:
    assert (ROOT / bug.file).read_text(encoding="utf-8").count(bug.old) == 1
    assert bug.new != bug.old
    assert bug.first in FAST
    names = " ".join(re.findall(r"^def (test_\w+)", (ROOT / bug.first).read_text(encoding="utf-8"), re.MULTILINE))
    assert all(part in names for part in bug.only.split(" or ")), bug.only


def test_there_are_enough_and_they_are_spread() -> None:
    assert len(SECOND) >= 25
    assert len({bug.name for bug in ALL}) == len(ALL)
    parts = {part for bug in ALL for part in bug.file.split("/")[:2]}
    assert {"kernels", "world", "agents", "model", "interventions", "experiment", "analysis", "checks"} <= parts
    assert sum(bug.ci for bug in ALL) == 5


@pytest.mark.slow
def test_five_are_caught_here(tmp_path: Path) -> None:
    """Ten runs of pytest, which test the tests and not the code. The other bugs need minutes: ``python -m tests.long planted``."""
    copy_tree(tmp_path)
    for bug in ALL:
        if bug.ci:
            content = plant(bug, tmp_path)
            assert noticed(bug, tmp_path, 120, first_only=True).by, bug.name
            (tmp_path / bug.file).write_text(content, encoding="utf-8")
