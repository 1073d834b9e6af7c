"""How the whole suite is run: by one worker a core, four at most, and what compiles first.

One file or one test is run in the process itself, which starts sooner; so is everything with ``-n 0``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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


@pytest.fixture(scope="session", autouse=True)
def shipped_regions_are_loaded_once() -> Iterator[None]:
    """Scenarios share a shipped region, which nothing here changes: loading it is most of what reading a scenario costs."""
    from sim.region import Region, find_region, load_region
    from sim.scenario import resolve

    shipped = find_region("western_balkans").parent
    kept = cache(load_region)

    def load(folder: Path, year: int) -> Region:
        return (kept if folder.parent == shipped else load_region)(folder, year)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolve, "load_region", load)
        yield
