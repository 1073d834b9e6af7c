"""``python -m tests.long calibrate [--quick] [--out DIR] [--workers N] [--ship]``: the calibration and its ensemble."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from checks.calibration.findings import CALIBRATION, calibrated
from checks.figures import write_figures
from checks.lab import Lab
from checks.panels import calibration_figures
from checks.run import carry_out, frame, write_stored
from checks.stored import FOLDER
from sim.experiment import Progress, available_workers
from sim.experiment.plan import ENSEMBLE_FILE, SHIPPED

WORST = 3
"""Rank of the implausibility up to which an ensemble may ship."""


def calibrate(arguments: Sequence[str]) -> int:
    """Run the waves (the same call continues), write ``ensemble.csv``, ``calibration.json`` and figures.

    ``--ship`` puts ensemble and results into the package. 1 if they may not ship: a quick run, or a bad match.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.long calibrate", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="an eighth of the runs: to see whether it works")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--workers", type=int, default=available_workers())
    parser.add_argument("--ship", action="store_true", help="make it the package's ensemble")
    options = parser.parse_args(arguments)
    folder = options.out or Path("results") / ("calibration_quick" if options.quick else "calibration")
    started = time.monotonic()
    with Lab(quick=options.quick, workers=options.workers, progress=_say, folder=folder / "bank") as lab:
        made = calibrated(lab)
        results = carry_out(CALIBRATION, lab)
    text = made.ensemble.text()
    (folder / ENSEMBLE_FILE).write_text(text, encoding="utf-8")
    write_stored(folder / "calibration.json", "calibration", results, options.quick)
    frame(results).to_csv(folder / "calibration.csv", index=False)
    write_figures("calibration", results, folder / "figures")
    calibration_figures(made, folder / "figures")
    print(f"\n{len(made.ensemble.rows)} points, rank {made.match.order}, {time.monotonic() - started:.0f} s: {folder}")
    if options.ship:
        if options.quick or made.match.order > WORST:
            print(f"not shipped: a quick run, or a match by rank {made.match.order}", file=sys.stderr)
            return 1
        SHIPPED.write_text(text, encoding="utf-8")
        write_stored(FOLDER / "calibration.json", "calibration", results, options.quick)
    return 0


def _say(progress: Progress) -> None:
    print(f"\r{progress.done} of {progress.total} of this chunk", end="", flush=True)
