"""Check the model against facts and against other people's models; results as a table, figures and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sim.analysis import write_csv
from sim.api.setup import ProgressCallback
from sim.errors import InputError, Problem, nearest

if TYPE_CHECKING:
    from sim.validation.hindcast import Asked
    from sim.validation.records import Result


@dataclass(frozen=True, eq=False)
class Checked:
    """What a check found: the folder, the results, and one line for each measured row."""

    path: Path
    kind: str
    results: tuple[Result, ...]
    table: pd.DataFrame


def check(
    kind: str = "facts",
    *,
    quick: bool = False,
    only: Sequence[str] = (),
    workers: int | None = None,
    out: Path | str | None = None,
    figures: bool = True,
    asked: Asked | None = None,
    progress: ProgressCallback | None = None,
    said: Callable[[Result], None] | None = None,
) -> Checked:
    """Measure facts and judge each by its window; failures are results, not errors.

    Writes ``<kind>.json``, ``<kind>.csv`` and one figure a fact. The same call in the same folder measures only what
    is missing, while neither the model nor the checks have changed.

    Parameters
    ----------
    kind : "facts", "docking", "trials", "calibration" or "hindcast"
    quick : bool
        A tenth of the replications: to see whether something broke, not to judge.
    only : sequence of str
        Keys of single facts, such as ``SF4``.
    workers : int, optional
        Processes; as many as processors by default.
    asked : Asked, optional
        Window, split, observed tables, scenario and parameters of a hindcast (`sim.validation.hindcast`).
    said : callable, optional
        Called with every result as it comes.

    Raises
    ------
    InputError
        For an unknown kind or key, and for what a hindcast cannot use.
    """
    from sim.experiment import available_workers
    from sim.validation.check import KINDS, chosen, frame, write_stored
    from sim.validation.check import check as carry_out
    from sim.validation.hindcast import Asked, settings_of
    from sim.validation.lab import Lab

    if kind not in KINDS:
        hint = nearest(kind, KINDS)
        raise InputError(Problem("no such check", key="check", got=kind, allowed=", ".join(KINDS), hint=hint))
    if asked not in (None, Asked()) and kind != "hindcast":
        raise InputError(
            "check: --from, --to, --split, --observed, --scenario and --parameters are options of hindcast"
        )
    facts = chosen(kind, only, settings_of(asked or Asked()) if kind == "hindcast" else None)
    folder = Path(out) if out is not None else Path("results") / f"check_{kind}{'_quick' if quick else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    with Lab(quick=quick, workers=workers or available_workers(), progress=progress, folder=folder / "bank") as lab:
        results = carry_out(facts, lab, folder / "parts", said)
    table = frame(results)
    write_stored(folder / f"{kind}.json", kind, results, quick)
    write_csv(table, folder / f"{kind}.csv")
    if figures:
        figures_of(kind, results, folder)
    return Checked(folder, kind, tuple(results), table)


def figures_of(kind: str, results: Sequence[Result], folder: Path) -> None:
    """Draw every result into ``folder/figures``."""
    from sim.plots.facts import fact_figures
    from sim.plots.trials import trial_figures

    fact_figures(results, folder / "figures")
    if kind == "trials":
        trial_figures(results, folder / "figures")


def publish(folder: Path | None, root: Path) -> list[Path]:
    """Make the last full run the one that the package and its page speak of.

    Copies the JSON of every kind that ``folder`` holds (None: keeps what is stored), redraws the small figures of the page and
    writes ``docs/validation.md`` under ``root``, the repository.
    """
    from sim.plots.facts import page_figure
    from sim.plots.trials import forest_page
    from sim.validation.check import KINDS, named, write_stored
    from sim.validation.page import page
    from sim.validation.standing import FOLDER, results, stored

    written = []
    for kind in KINDS:
        source = folder / f"{kind}.json" if folder is not None else None
        if source is not None and source.is_file():
            write_stored(FOLDER / f"{kind}.json", **named(kind, json.loads(source.read_text(encoding="utf-8"))))
            written.append(FOLDER / f"{kind}.json")
    stored.cache_clear()
    images = root / "docs" / "images" / "validation"
    for kind in KINDS:
        written += [page_figure(result, images) for result in results(kind) if result.picture is not None]
    if results("trials"):
        written.append(forest_page(results("trials"), images))
    target = root / "docs" / "validation.md"
    target.write_text(page(), encoding="utf-8")
    return [*written, target]
