"""Numbers move only on purpose."""

import json

from tests.baseline import FILE, measured


def test_headline_numbers_are_those_of_the_frozen_baseline() -> None:
    """Half a minute: the first test to run compiles the kernels, then simulates five scenarios of the real region."""
    frozen = json.loads(FILE.read_text(encoding="utf-8"))
    assert measured() == frozen, "numbers moved: see tests/baseline.py"
