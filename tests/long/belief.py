"""``python -m tests.long planted [--first] [BUG ...]`` and ``python -m tests.long publish FOLDER``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def planted(names: Sequence[str]) -> int:
    """Plant bugs one at a time and see whether the fast tests notice; 1 if one survives.

    ``--first`` runs the likeliest test file of each bug only.
    """
    from tests.planted.runner import planted

    return planted([name for name in names if name != "--first"], first_only="--first" in names)


def publish(arguments: Sequence[str]) -> int:
    """Make the results of ``stabsim check`` in a folder those of the package and of docs/validation.md.

    Without a folder the page and its pictures are made again from the results that are stored.
    """
    from sim.api.check import publish

    for path in publish(Path(arguments[0]) if arguments else None, ROOT):
        print(path.relative_to(ROOT))
    return 0
