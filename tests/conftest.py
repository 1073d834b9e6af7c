"""How the whole suite is run: by one worker a core, four at most, and what compiles first.

One file or one test is run in the process itself, which starts sooner; so is everything with ``-n 0``.
"""

from __future__ import annotations

import os

import pytest

PLAIN = (
    "faults", "report", "plots", "experiment", "bad_input", "scenario_files", "scenario_tools", "scenario_language",
    "analysis", "region", "catalogue", "coverage", "robustness", "design", "parameter_points", "fuzz", "identity",
)  # fmt: skip
"""Files that need no compiled kernel, the longest first."""
FIRST = ("baseline", "exact", "cli", "twin", "unit_truths", "environment")
"""Files with the longest tests of the others."""


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    chosen = getattr(config.option, "numprocesses", 0) is not None or config.option.usepdb or config.option.collectonly
    if whole and not chosen and not hasattr(config, "workerinput"):
        config.option.numprocesses = min(len(os.sched_getaffinity(0)), 4)
        config.option.dist = "worksteal"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the second of two workers, which begins in the middle, do what is plain while the first one compiles.

    So nothing is compiled twice, and no long test is left for the end.
    """
    order = {f"test_{name}": place for place, name in enumerate((*FIRST, "", *PLAIN))}
    items.sort(key=lambda item: order.get(item.path.stem, len(FIRST)))
    start = next((k for k, item in enumerate(items) if order.get(item.path.stem, 0) > len(FIRST)), len(items))
    compiled, plain, half = items[:start], items[start:], len(items) // 2
    items[:] = [*compiled[:half], *plain, *compiled[half:]]
