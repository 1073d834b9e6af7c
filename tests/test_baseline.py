"""Numbers move only on purpose."""

import json

from tests.baseline import FILE, measured


def test_headline_numbers_are_those_of_the_frozen_baseline() -> None:
    frozen = json.loads(FILE.read_text(encoding="utf-8"))
    assert measured() == frozen, "numbers moved: see tests/baseline.py"
