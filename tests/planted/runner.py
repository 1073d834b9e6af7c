"""Apply each mistake in a temporary copy of the tree and see whether the fast tests notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.planted.bugs import (
    ANALYSIS,
    EXPERIMENT,
    INSTITUTIONS,
    SURVIVORS,
    TRUTHS,
    TWIN,
    VALIDATION,
    Bug,
)
from tests.planted.second import (
    ALL,
    CALIBRATION,
    CATALOGUE,
    HINDCAST,
    HISTORIES,
    INTERVENTIONS,
    LANGUAGE,
    POINTS,
    TRIALS,
)

ROOT = Path(__file__).resolve().parents[2]
FAST = (
    SURVIVORS, ANALYSIS, VALIDATION, INSTITUTIONS, EXPERIMENT, TRUTHS, TWIN,
    INTERVENTIONS, CATALOGUE, LANGUAGE, HISTORIES, TRIALS, HINDCAST, CALIBRATION, POINTS,
)  # fmt: skip
"""The fast subset: every bug is given these files, the likeliest one first."""
UNCOMPILED = {
    TRUTHS: "by_hand or hard_threshold",
    TWIN: "in_calm or a_rumour or a_war or every_lever or everything",
}
"""For a bug in compiled code, which is run without compilation: these files, and of them the tests that need no grid
and no large region."""
LIMIT = 900.0
"""Seconds for one bug; more counts as a survivor."""
TREE = (
    "sim",
    "checks",
    "scenarios",
    "tests",
    "docs",
    "experiments",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
)


@dataclass(frozen=True)
class Caught:
    """What came of a bug; ``by`` names the test file that saw it."""

    bug: Bug
    by: str
    seconds: float

    def __str__(self) -> str:
        said = f"caught by {self.by}" if self.by else "SURVIVED"
        return f"{said:<38} {self.seconds:>4.0f} s  {self.bug.name}: {self.bug.what}"


def plant(bug: Bug, root: Path) -> str:
    """Put a mistake into a tree; returns the old content of the file.

    Raises
    ------
    ValueError
        If the text to change does not stand there exactly once.
    """
    path = root / bug.file
    content = path.read_text(encoding="utf-8")
    if content.count(bug.old) != 1:
        raise ValueError(f"{bug.name}: the text to change stands {content.count(bug.old)} times in {bug.file}")
    path.write_text(content.replace(bug.old, bug.new), encoding="utf-8")
    return content


def failing(file: str, root: Path, uncompiled: bool, limit: float, only: str = "") -> bool:
    """Whether a file of tests (``only`` some of them) fails on a tree; running out of time is no failure."""
    environment = {**os.environ, "PYTHONPATH": str(root), "NUMBA_DISABLE_JIT": "1" if uncompiled else "0"}
    chosen = only or (UNCOMPILED[file] if uncompiled else "")
    command = [sys.executable, "-m", "pytest", file, "-x", "-q", *(["-k", chosen] if chosen else [])]
    try:
        done = subprocess.run(command, cwd=root, env=environment, timeout=limit, capture_output=True, check=False)
    except subprocess.TimeoutExpired:
        return False
    if done.returncode not in (0, 1, 2):
        raise RuntimeError(f"{file}: pytest ended with {done.returncode}: {done.stdout.decode()[-500:]}")
    return done.returncode != 0


def noticed(bug: Bug, root: Path, limit: float = LIMIT, first_only: bool = False) -> Caught:
    """Run the fast tests on a tree with the bug in it."""
    started = time.monotonic()
    if bug.only and failing(bug.first, root, bug.compiled, limit, bug.only):
        return Caught(bug, bug.first.removeprefix("tests/"), time.monotonic() - started)
    if bug.only and first_only:
        return Caught(bug, "", time.monotonic() - started)
    files = [bug.first, *(f for f in (UNCOMPILED if bug.compiled else FAST) if f != bug.first)]
    for file in files[:1] if first_only else files:
        left = limit - (time.monotonic() - started)
        if left <= 0:
            break
        if failing(file, root, bug.compiled, left):
            return Caught(bug, file.removeprefix("tests/"), time.monotonic() - started)
    return Caught(bug, "", time.monotonic() - started)


def copy_tree(target: Path) -> None:
    """Copy what the fast tests need."""
    for name in TREE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)


def planted(names: Sequence[str] = (), *, first_only: bool = False, limit: float = LIMIT) -> int:
    """Plant the bugs named (all without names) one at a time and print what came of each; 1 if one survived."""
    chosen = [bug for bug in ALL if not names or bug.name in names]
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        copy_tree(root)
        for file, uncompiled, only in sorted({(b.first, b.compiled, b.only if first_only else "") for b in chosen}):
            if failing(file, root, uncompiled, limit, only):
                print(f"{file} fails without any bug: nothing can be said")
                return 1
        for bug in chosen:
            content = plant(bug, root)
            made = noticed(bug, root, limit, first_only)
            (root / bug.file).write_text(content, encoding="utf-8")
            print(made, flush=True)
            survivors += not made.by
    print(f"{len(chosen) - survivors} of {len(chosen)} caught")
    return 1 if survivors else 0
