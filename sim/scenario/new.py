"""Start a study of one's own: a scaffold, or a copy of everything that ships."""

from __future__ import annotations

import shutil
from pathlib import Path

from sim.errors import InputError, Problem
from sim.region.files import shipped_root, shipped_studies

README = """\
# My study

**Question.** What would a police programme in Kosovo change, and does it still help after a contested election?
Put yours here, and what you expect before you look.

## Files

| file | what it is |
| --- | --- |
| `baseline.yaml` | the world without your measures |
| `measure.yaml` | one measure, laid over the baseline |
| `measure_and_shock.yaml` | the same measure in a harder world |

`extends:` lays a file over another one: what it does not say comes from there. Every other line of the files is
explained beside it.

## Commands

Run them in this folder. Check every file, then see one with everything filled in and where it came from:

```bash
stabsim validate .
stabsim validate measure.yaml --explain
```

See what two scenarios really differ in:

```bash
stabsim diff baseline.yaml measure.yaml
```

Look at one history, then compare in paired histories; the first scenario is the baseline:

```bash
stabsim run measure.yaml
stabsim compare baseline.yaml measure.yaml measure_and_shock.yaml --replications 16
```

Tables and figures go below `results/`. Take 64 replications or more before you believe a difference. Try another value
without touching a file:

```bash
stabsim compare baseline.yaml measure.yaml --set parameters.b_tension=2.5 --replications 16
```

## What else there is

```bash
stabsim catalogue interventions
stabsim catalogue shocks
stabsim catalogue parameters
stabsim catalogue scenarios
```

Results are illustrative, not validated: they follow from the assumptions in these files and in the catalogue.
"""

BASELINE = """\
# The world without your measures. What is not written here comes from the shipped scenario it extends.
format: 1
title: Baseline of my study
description: The Western Balkans from 2024 as they are, for five years.
extends: baseline_2024    # a file beside this one, or one of: stabsim catalogue scenarios
months: 60                # how long the simulation runs
# start: 2024-01          # first month
# region: western_balkans # or the name of a folder below regions/ here
# institutions: scripted  # or adaptive: institutions also decide by themselves
# effects: central        # or drawn: sizes of measures differ by replication, within their ranges
"""

MEASURE = """\
# One measure. Compare it with the baseline: stabsim compare baseline.yaml measure.yaml
format: 1
title: Police capacity in Kosovo
description: What a three-year programme for half of the police would change.
extends: baseline
interventions:
  police:                 # any label you like; a second measure gets a label of its own
    type: I2              # a row or key of: stabsim catalogue interventions
    targets:              # leave targets out to act everywhere
      states: [XKX]
      # districts: [XKX-prizren]    # districts of the region, beside the states
      # communities: [serb]         # only within some communities
    start: 2025-01        # month of the request
    months: 36            # leave out to go on until the end
    intensity: 0.5        # share of the full dose of the catalogue
    # meur_per_year: 12   # cost, million euro a year; from the catalogue unless given
    # approval: none      # who must agree: none, allies, council, host or contributors
    # when: {indicator: tension, above: 0.6, for_months: 3, in: XKX}    # start only once this holds
    # stop_when: {indicator: corruption, above: 0.7, in: XKX}           # end for good once this holds
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
    at: 2026-02                 # month it hits
    magnitude: 1                # multiplies the sizes of the catalogue
# theories: {arrest: floor}     # which of rival theories the model follows
# parameters:                   # overrides of: stabsim catalogue parameters
#   b_tension: 2.5
"""

FILES = {"README.md": README, "baseline.yaml": BASELINE, "measure.yaml": MEASURE, "measure_and_shock.yaml": SHOCK}
"""What a new study holds: names and texts, the first to be read first."""


def new_study(folder: str | Path) -> list[Path]:
    """Write a small study into a new or empty folder: a page that says what to run, and commented scenarios.

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
    """Copy the shipped scenarios, regions and experiments into a new or empty folder.

    Returns
    -------
    list of Path
        What stands in the folder afterwards: scenario files and the folders of regions and experiments.

    Raises
    ------
    InputError
        If the folder holds anything already.
    """
    folder = _empty(Path(folder))
    for source, target in ((shipped_root(), folder), (shipped_studies(), folder / "experiments")):
        ignored = shutil.ignore_patterns("__pycache__", ".*", "*.tmp")
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignored)
    return sorted(folder.iterdir())


def _empty(folder: Path) -> Path:
    """Return the folder if nothing would be overwritten in it."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(Problem("is not a folder", file=str(folder)))
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(Problem("is not empty", file=str(folder), allowed="a new or an empty folder"))
    return folder
