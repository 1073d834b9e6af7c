"""Many replications in the background: ``sim.api.compare`` in a process of its own, told on as it goes."""

from __future__ import annotations

import json
import math
import multiprocessing
import shutil
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.page.state import FILE, State

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario import Scenario

Listener = Callable[[dict[str, Any]], None]
"""Told ``{"kind": "progress" | "band" | "done" | "failed" | "cancelled", ...}`` in a thread of its own."""


class Replications:
    """One comparison of a window: a process, its folder, and what it says."""

    def __init__(self, state: State, base: Scenario, ours: Scenario, listener: Listener) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="stabsim-"))
        (self.folder / FILE).write_text(state.text, encoding="utf-8")
        self.listener, self.cancelled = listener, False
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe(duplex=False)
        settings = {"seed": state.seed, "citizens": state.citizens, "replications": state.replications}
        self.process = context.Process(
            target=run_comparison, args=(theirs, base, ours, settings, self.folder / "results")
        )
        self.process.start()
        theirs.close()
        threading.Thread(target=self._listen, daemon=True, name="page-replications").start()

    @property
    def results(self) -> Path:
        """Folder of the tables and figures, complete once done."""
        return self.folder / "results"

    def cancel(self) -> None:
        """End it now; its workers end with it."""
        self.cancelled = True
        if self.process.is_alive():
            self.process.terminate()

    def remove(self) -> None:
        """End it, unheard, and delete what it wrote."""
        self.listener = lambda message: None
        self.cancel()
        self.process.join(5)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _listen(self) -> None:
        ended = False
        while True:
            try:
                message = self.pipe.recv()
            except (EOFError, OSError):
                break
            ended = message["kind"] in ("done", "failed")
            if not self.cancelled:
                self.listener(message)
        if self.cancelled:
            self.listener({"kind": "cancelled"})
        elif not ended:
            self.listener({"kind": "failed", "text": "the process that ran the replications died"})


def run_comparison(pipe: Connection, base: Scenario, ours: Scenario, settings: dict[str, Any], out: Path) -> None:
    """Be the process: compare, tell progress and the band so far, leave everything in ``out``."""
    from sim.errors import SimError
    from sim.experiment.pools import start_worker

    start_worker()
    from sim import api
    from sim.analysis import monthly_table
    from sim.experiment import ResultsFolder

    def progress(step: Any) -> None:
        pipe.send({"kind": "progress", "done": step.done, "total": step.total, "eta": step.eta})
        if 2 < step.done < step.total:
            monthly = monthly_table(ResultsFolder(out).frames("series"))
            text = band_json(monthly, base.key, ours.key)
            if text:
                pipe.send({"kind": "band", "text": text})

    try:
        result = api.compare([ours], baseline=base, **settings, out=out, progress=progress)
        text = band_json(monthly_table(ResultsFolder(out).frames("series")), base.key, ours.key)
        pipe.send({"kind": "band", "text": text})
        pipe.send({"kind": "done", "table": _headline(result.headline()), "failed": result.failed})
    except SimError as error:
        pipe.send({"kind": "failed", "text": str(error)})


def band_json(monthly: pd.DataFrame, base: str, ours: str) -> str:
    """Write what the charts need of the pairs so far: by outcome and scope, a list a month.

    ``base`` and ``ours`` hold mean, 5th and 95th percentile of the runs, ``difference`` the mean paired difference
    (of running totals for flows), its 95 % interval, and the 5th and 95th percentile of the pairs.
    """
    from sim.analysis import difference_over_time, over_time

    whole = monthly.groupby("replication")["scenario"].nunique()
    monthly = monthly[monthly["replication"].isin(whole[whole == 2].index)]
    if monthly["replication"].nunique() < 2:
        return ""
    content: dict[str, Any] = {"n": int(monthly["replication"].nunique())}
    for name, key in (("base", base), ("ours", ours)):
        content[name] = _nested(over_time(monthly, key), ["mean", "low", "high"])
    effects = difference_over_time(monthly, base)
    content["difference"] = _nested(effects, ["effect", "ci_low", "ci_high", "spread_low", "spread_high"])
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def _nested(table: pd.DataFrame, columns: list[str]) -> dict[str, dict[str, list[list[float]]]]:
    made: dict[str, dict[str, list[list[float]]]] = {}
    for (outcome, scope), rows in table.sort_values("month").groupby(["outcome", "scope"], sort=False):
        values = [[_short(value) for value in rows[name].tolist()] for name in columns]
        made.setdefault(str(outcome), {})[str(scope)] = values
    return made


def _short(value: float) -> float:
    return float(f"{value:.5g}") if math.isfinite(value) else 0.0


def _headline(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the table under the charts."""
    columns = ["outcome", "unit", "baseline_mean", "effect", "ci_low", "ci_high", "in_words", "n"]
    rows = table[columns].to_dict(orient="records")
    return [{str(key): None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
            for row in rows]  # fmt: skip
