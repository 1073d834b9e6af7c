"""``python -m tests.long planted [--first] [BUG ...]``, ``publish [FOLDER]`` and ``tune [ROW ...]``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def planted(names: Sequence[str]) -> int:
    """Plant bugs one at a time and see whether the fast tests notice; 1 if one survives.

    ``--first`` runs the likeliest tests of each bug only.
    """
    from tests.planted.runner import planted

    return planted([name for name in names if name != "--first"], first_only="--first" in names)


def publish(arguments: Sequence[str]) -> int:
    """Make the results of ``stabsim check`` in a folder those of the package and of docs/validation.md.

    Without a folder the page and its pictures are made again from the results that are stored.
    """
    from checks import publish

    for path in publish(Path(arguments[0]) if arguments else None, ROOT):
        print(path.relative_to(ROOT))
    return 0


def tune(rows: Sequence[str]) -> int:
    """Find the scales of the interventions whose trials ask for it (or of the rows named) and write the table of scales.

    The scales belong to the model: run ``stabsim check`` and ``publish`` again afterwards.
    """
    from checks.lab import Lab
    from checks.run import chosen
    from checks.trials import trials
    from checks.trials.carry import tune_all
    from sim.interventions.catalogue import TUNED

    wanted = {fact.key for fact in chosen("trials", rows)}
    with Lab(workers=2) as lab:
        tune_all(tuple(trial for trial in trials() if trial.row in wanted), lab, said=partial(print, flush=True))
    print(TUNED.relative_to(ROOT))
    return 0
