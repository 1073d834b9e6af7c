"""Write the report of a stored folder, without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sim.api.stored import no_results
from sim.errors import InputError
from sim.experiment import Store

if TYPE_CHECKING:
    from sim.report import Study


def report(folder: Path | str, *, out: Path | str | None = None) -> Path:
    """Write one self-contained HTML file about a run, a comparison or a sweep, finished or not.

    Parameters
    ----------
    folder : path
        Folder of stored results.
    out : path, optional
        The file; ``report.html`` in the folder by default.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        If the folder holds no results, or the file cannot be written.
    RunsFailedError
        If no finished run is there to report.
    """
    from sim.api.reporting import compose, write_report

    source = Path(folder)
    study = read_study(source)
    return write_report(source, compose(source, study), out)


def read_study(folder: Path | str) -> Study:
    """Read what an experiment is about, and how much of it is stored.

    Parameters
    ----------
    folder : path
        Folder of stored results.
    """
    from sim.report import Study

    source = Path(folder)
    store = Store(source)
    manifest = store.manifest() if source.is_dir() else {}
    if not manifest.get("scenarios"):
        raise InputError(no_results(source))
    status = list(store.finished().values())
    points = source / "points.csv"
    count = len(pd.read_csv(points, usecols=["point"])) if points.is_file() else 1
    return Study(manifest, status.count("done"), status.count("failed"), count)
