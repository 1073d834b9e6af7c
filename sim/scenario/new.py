"""Start a study of one's own: a scaffold, or a copy of everything that ships."""

from __future__ import annotations

import shutil
from pathlib import Path

from sim.errors import InputError, Problem
from sim.region.shipped import shipped_root

BASELINE = """\
# The world without your measures. Everything not written here comes from the shipped scenario it extends.
# Check this file with: stabsim validate baseline.yaml --explain
format: 1
title: Baseline of my study
extends: baseline_2024
months: 60              # how long the simulation runs
"""

SCENARIO = """\
# One measure. Compare it with the baseline: stabsim compare baseline.yaml measure.yaml
format: 1
title: Police capacity in Kosovo
description: What a three-year programme for half of the police would change.
extends: baseline
interventions:
  police:                       # any label you like
    type: I2                    # a row or key of: stabsim catalogue interventions
    targets:
      states: [XKX]             # leave targets out to act everywhere
      # districts: [...]        # or on districts of the region
      # communities: [...]      # and within some communities only
    start: 2025-01              # month of the request
    months: 36                  # leave out to go on until the end
    intensity: 0.5              # 1 is the full dose of the catalogue
    # meur_per_year: 12         # cost, million euro; from the catalogue unless given
    # approval: none            # none, allies, council, host or contributors
    # when: {indicator: tension, above: 0.6, for_months: 3, in: XKX}    # start only if this holds
"""

SHOCK = """\
# The same measure in a harder world.
format: 1
title: Police capacity in Kosovo, with a contested election
extends: measure
shocks:
  election:
    type: contested_election    # a key of: stabsim catalogue shocks
    targets: {states: [XKX]}
    at: 2026-02
    magnitude: 1                # multiplies the sizes of the catalogue
parameters: {}                  # overrides of: stabsim catalogue parameters
"""

FILES = {"baseline.yaml": BASELINE, "measure.yaml": SCENARIO, "measure_and_shock.yaml": SHOCK}


def new_study(folder: str | Path) -> list[Path]:
    """Write a small study with commented scenarios into a new or empty folder.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        If the folder holds anything already.
    """
    folder = _empty(Path(folder))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in FILES]


def copy_examples(folder: str | Path) -> list[Path]:
    """Copy the shipped scenarios and regions into a new or empty folder.

    Returns
    -------
    list of Path
        What stands in the folder afterwards: scenario files and the folder of regions.

    Raises
    ------
    InputError
        If the folder holds anything already.
    """
    folder = _empty(Path(folder))
    shutil.copytree(
        shipped_root(),
        folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__", ".*", "*.tmp"),
    )
    return sorted(folder.iterdir())


def _empty(folder: Path) -> Path:
    """Return the folder if nothing would be overwritten in it."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(Problem("is not a folder", file=str(folder)))
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(Problem("is not empty", file=str(folder), allowed="a new or an empty folder"))
    return folder
