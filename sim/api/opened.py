"""Open what an earlier call stored."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from sim.analysis import monthly_table, over_time
from sim.api.results import Comparison, Results, RunResults, SweepResults, parts
from sim.api.stored import StoredExperiment
from sim.experiment import Store, Tally

WORDS = ("in_words", "fails_under", "note")
"""Columns of text that may be empty in every row."""
COMPARED = tuple(item.name for item in fields(Comparison) if item.default_factory is pd.DataFrame)
"""Tables of a comparison, each in a file of its name."""


def read_results(folder: Path | str) -> Results:
    """Open a folder that ``run``, ``compare`` or ``sweep`` wrote, finished or not.

    Returns
    -------
    RunResults, Comparison or SweepResults
        As the call that wrote it returned; ``tally`` counts what is stored now.

    Raises
    ------
    InputError
        If the folder holds no results.
    """
    path = Path(folder)
    stored = StoredExperiment(path)
    manifest = stored.manifest
    derived = {variant.key for variant in stored.variants}
    keys = [entry["key"] for entry in manifest["scenarios"]]
    scenarios = tuple(stored.scenario(key) for key in keys if key not in derived)
    tally = _tally(path, manifest)
    figures = tuple(sorted((path / "figures").glob("*"))) if (path / "figures").is_dir() else ()
    if manifest["kind"] == "sweep":
        return SweepResults(
            path,
            scenarios,
            tally,
            baseline=manifest["baseline"],
            design=manifest["design"],
            replications=manifest["replications"],
            sequential=manifest.get("sequential", {}),
        )
    if manifest["kind"] == "compare":
        tables: dict[str, Any] = {name: _csv(path / f"{name}.csv") for name in COMPARED}
        return Comparison(
            path,
            scenarios,
            tally,
            baseline=manifest["baseline"],
            figures=figures,
            **tables,
        )
    history = over_time(monthly_table(parts(path, "series")), scenarios[0].key)
    return RunResults(path, scenarios, tally, history=history, figures=figures)


def _tally(folder: Path, manifest: dict[str, Any]) -> Tally:
    statuses = list(Store(folder).finished().values())
    failed = statuses.count("failed")
    seconds = manifest.get("seconds", {})
    return Tally(
        total=int(manifest.get("planned", len(statuses))),
        done=len(statuses) - failed,
        failed=failed,
        reused=len(statuses),
        run_seconds=float(seconds.get("running", 0.0)),
        store_seconds=float(seconds.get("storing", 0.0)),
        elapsed=float(seconds.get("elapsed", 0.0)),
        hosts=set(manifest.get("hosts", ())),
    )


def _csv(path: Path) -> pd.DataFrame:
    """Read a table; text that is empty stays text."""
    if not path.is_file():
        return pd.DataFrame()
    table = pd.read_csv(path, dtype=dict.fromkeys(WORDS, str))
    texts = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    for name in texts:
        table[name] = table[name].fillna("")
    return table
