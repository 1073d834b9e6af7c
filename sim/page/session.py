"""Requests and replies of one session: a browser window, its state, its runs and its replications.

The browser sends requests such as "edit this value"; `PageSession.handle` checks each one, changes the state and sends
messages back: the state, facts for drawing, frames of runs, problems. Sessions share nothing but the pool of processes.
"""

from __future__ import annotations

import itertools
import json
import math
import multiprocessing
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, SimError
from sim.page import exports
from sim.page.lessons import LESSONS
from sim.page.runs import Job, Pool, RunPart
from sim.page.state import (
    BARE,
    FILE,
    SETTINGS,
    PageState,
    ScenarioPair,
    baselines,
    configured,
    edited,
    load_pair,
    loaded_state,
    shipped_state,
    with_entry,
)
from sim.page.view import facts

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario import Scenario

FIRST = "way_forward"
Request = Mapping[str, Any]
Send = Callable[[str, dict[str, Any]], None]
_numbers = itertools.count(1)


class PageSession:
    """State and runs of one session.

    Parameters
    ----------
    owner : str
        Identity of the session in the pool.
    pool : Pool
        Processes that run scenarios.
    send : callable
        Sends a message, kind and content, to the browser; safe from any thread.
    """

    def __init__(self, owner: str, pool: Pool, send: Send) -> None:
        self.owner, self.pool, self.send = owner, pool, send
        self.state = shipped_state(FIRST)
        self.origin = FIRST
        self.pair: exports.RecordedPair | None = None
        self.addresses: dict[str, str] = {}
        self.replications: Replications | None = None
        self.lock = threading.Lock()
        self.turn = 0
        self.closed = False

    def handle(self, request: Request) -> bool:
        """Act on a request; True if the controls of programmes and shocks must be made again.

        Problems are sent to the browser; the state stays as it was.
        """
        actions: dict[str, Callable[[Request], bool]] = {
            "hello": self._hello,
            "open": lambda r: self._begin(shipped_state(_text(r, "name")), _text(r, "name")),
            "load": lambda r: self._begin(loaded_state(_text(r, "text"), self.state)),
            "lesson": self._lesson,
            "edit": self._edit,
            "set": self._set,
            "add": self._add,
            "replicate": self._replicate,
            "cancel": self._cancel,
        }
        action = str(request.get("action"))
        try:
            return action in actions and actions[action](request)
        except SimError as error:
            self.send("problems", {"list": _lines(error)})
            return False

    def _hello(self, request: Request) -> bool:
        """Begin, with what the window showed before the server was restarted, if anything."""
        self.send("lessons", {"list": [asdict(lesson) for lesson in LESSONS]})
        kept = request.get("kept")
        if isinstance(kept, dict) and isinstance(kept.get("text"), str):
            try:
                state = loaded_state(kept["text"])
                for name in SETTINGS:
                    if name in kept:
                        state = configured(state, name, kept[name])
                return self._begin(state)
            except InputError as error:
                self.send("problems", {"list": _lines(error)})
        return self._begin(self.state, FIRST)

    def _begin(self, state: PageState, origin: str = "") -> bool:
        """Show another scenario, unless it has problems."""
        pair = load_pair(state)
        self._drop_replications()
        self.state, self.origin = state, origin
        self._show(pair)
        return True

    def _lesson(self, request: Request) -> bool:
        lesson = next((one for one in LESSONS if one.key == request.get("key")), None)
        step = request.get("step")
        if lesson is None or not isinstance(step, int) or not 0 <= step < len(lesson.steps):
            raise InputError("there is no such lesson or step")
        return self._begin(lesson.state(step))

    def _edit(self, request: Request) -> bool:
        path, value = _text(request, "path"), request.get("value")
        self.state = edited(self.state, path, value)
        self._drop_replications()
        self._show()
        return value is None and path.count(".") == 1 and not path.startswith(("parameters", "theories"))

    def _set(self, request: Request) -> bool:
        name = _text(request, "name")
        self.state = configured(self.state, name, request.get("value"))
        if name != "replications":
            self._drop_replications()
        self._show()
        return False

    def _add(self, request: Request) -> bool:
        self.state, label = with_entry(self.state, _text(request, "kind"), _text(request, "name"))
        self._drop_replications()
        self._show()
        self.send("added", {"label": label})
        return True

    # Runs --------------------------------------------------------------------------------------------------

    def _show(self, begun: ScenarioPair | None = None) -> None:
        """Send the state; if it has no problems, send the facts and run both scenarios.

        ``begun`` is the pair of a scenario that replaces the one shown.
        """
        state = self.state
        message: dict[str, Any] = {
            "text": state.text,
            "bare": state.bare_text if state.baseline == BARE else "",
            "command": state.command,
            "content": state.content,
            "problems": [],
            "warnings": [],
            "baselines": None,
            "settings": {name: getattr(state, name) for name in SETTINGS},
            "downloads": self.addresses,
            "origin": self.origin,
            "fresh": begun is not None,
        }
        try:
            pair = begun or load_pair(state)
        except InputError as error:
            self.send("state", {**message, "problems": _lines(error)})
            return
        with self.lock:
            self.turn += 1
            turn = self.turn
            self.pair = exports.RecordedPair(state, pair)
        self.send("state", {**message, "warnings": pair.warnings, "baselines": baselines(pair.scenario)})
        self.send("facts", {"turn": turn, **facts(pair, state.seed)})
        for role, scenario in pair.roles:
            job = Job(next(_numbers), self.owner, role, scenario, state.seed, state.citizens)
            self.pool.submit(job, lambda job, part: self._take(turn, job, part))

    def _take(self, turn: int, job: Job, part: RunPart | str) -> None:
        """Keep a part of a run and pass it on, unless a newer run replaces it."""
        with self.lock:
            if turn != self.turn or self.pair is None or self.closed:
                return
            if isinstance(part, RunPart):
                self.pair.parts[job.role].append(part)
        if isinstance(part, str):
            self.send("problems", {"list": [f"{job.scenario.key}: {part}"]})
        else:
            self.send("frames", {"turn": turn, "role": job.role, "text": part.text})

    # Replications ------------------------------------------------------------------------------------------

    def _replicate(self, request: Request) -> bool:
        pair = load_pair(self.state)
        if self.replications is not None:
            self.replications.remove()
        turn = self.turn

        def listen(message: dict[str, Any]) -> None:
            if not self.closed and turn == self.turn:
                self.send("replications", message)

        self.replications = Replications(self.state, pair, listen)
        return False

    def _cancel(self, request: Request) -> bool:
        if self.replications is not None:
            self.replications.cancel()
        return False

    def _drop_replications(self) -> None:
        """Remove replications of another state than the one shown."""
        if self.replications is not None:
            self.replications.remove()
            self.replications = None
            self.send("replications", {"kind": "dropped"})

    # Downloads and the end ---------------------------------------------------------------------------------

    def downloads(self) -> dict[str, Callable[[], exports.File]]:
        """What can be downloaded, by name."""
        makers = {
            "months": exports.months_csv,
            "districts": exports.districts_csv,
            "decisions": exports.decisions_csv,
            "figure": exports.figure_png,
            "animation": exports.animation_gif,
        }
        return {
            **{name: lambda make=make: make(self._complete_pair()) for name, make in makers.items()},  # type: ignore[misc]
            "replications": lambda: exports.results_zip(self.replications.results if self.replications else None),
        }

    def _complete_pair(self) -> exports.RecordedPair:
        with self.lock:
            if self.pair is None or not self.pair.complete:
                raise LookupError("the runs are not complete yet; wait a moment")
            return self.pair

    def close(self) -> None:
        """End what runs for this session and delete what it wrote."""
        self.closed = True
        self.pool.forget(self.owner)
        if self.replications is not None:
            self.replications.remove()
            self.replications = None


def _text(request: Request, key: str) -> str:
    value = request.get(key)
    if not isinstance(value, str):
        raise InputError(f"{key}: must be text")
    return value


def _lines(error: SimError) -> list[str]:
    return [str(problem) for problem in error.problems] if isinstance(error, InputError) else [str(error)]


class Replications:
    """Many replications of a pair: ``sim.api.compare`` in a process of its own, with messages as it goes.

    ``listener`` gets ``{"kind": "progress" | "band" | "done" | "failed" | "cancelled", ...}`` in a thread of its own.
    """

    def __init__(self, state: PageState, pair: ScenarioPair, listener: Callable[[dict[str, Any]], None]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="stabsim-"))
        (self.folder / FILE).write_text(state.text, encoding="utf-8")
        self.results = self.folder / "results"
        self.listener, self.cancelled = listener, False
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe(duplex=False)
        settings = {"seed": state.seed, "citizens": state.citizens, "replications": state.replications}
        self.process = context.Process(
            target=run_comparison, args=(theirs, pair.baseline, pair.scenario, settings, self.results)
        )
        self.process.start()
        theirs.close()
        threading.Thread(target=self._listen, daemon=True, name="page-replications").start()

    def cancel(self) -> None:
        """End it now; its workers end with it."""
        self.cancelled = True
        self.process.terminate()

    def remove(self) -> None:
        """End it without a message, and delete what it wrote."""
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


def run_comparison(
    pipe: Connection, baseline: Scenario, scenario: Scenario, settings: dict[str, Any], out: Path
) -> None:
    """Process main: compare, send progress and the bands so far, and leave all results in ``out``."""
    from sim.experiment.pools import start_worker

    start_worker()
    from sim import api
    from sim.analysis import monthly_table
    from sim.experiment import ResultsFolder

    def send_bands() -> None:
        text = bands_json(monthly_table(ResultsFolder(out).frames("series")), baseline.key, scenario.key)
        if text:
            pipe.send({"kind": "band", "text": text})

    def progress(step: Any) -> None:
        pipe.send({"kind": "progress", "done": step.done, "total": step.total, "eta": step.eta})
        if 2 < step.done < step.total:
            send_bands()

    try:
        result = api.compare([scenario], baseline=baseline, **settings, out=out, progress=progress)
        send_bands()
        columns = ["outcome", "unit", "baseline_mean", "effect", "ci_low", "ci_high", "in_words"]
        table = json.loads(
            result.headline()[columns].to_json(orient="records", double_precision=15)
        )  # not finite becomes None
        pipe.send({"kind": "done", "table": table})
    except SimError as error:
        pipe.send({"kind": "failed", "text": str(error)})


def bands_json(monthly: pd.DataFrame, baseline: str, scenario: str) -> str:
    """Write what the charts need of the complete pairs so far: by outcome and scope, a list a month.

    ``baseline`` and ``scenario`` hold mean, 5th and 95th percentile of the runs, ``difference`` the mean paired
    difference (of running totals for flows), its 95 % interval, and the 5th and 95th percentile of the pairs. An empty
    text with fewer than two pairs.
    """
    from sim.analysis import difference_over_time, over_time

    scenarios = monthly.groupby("replication")["scenario"].nunique()
    monthly = monthly[monthly["replication"].isin(scenarios[scenarios == 2].index)]
    pairs = int(monthly["replication"].nunique())
    if pairs < 2:
        return ""

    def nested(table: pd.DataFrame, columns: list[str]) -> dict[str, dict[str, list[list[float]]]]:
        made: dict[str, dict[str, list[list[float]]]] = {}
        for (outcome, scope), rows in table.sort_values("month").groupby(["outcome", "scope"], sort=False):
            made.setdefault(str(outcome), {})[str(scope)] = [
                [float(f"{value:.5g}") if math.isfinite(value) else 0.0 for value in rows[name].tolist()]
                for name in columns
            ]
        return made

    effects = difference_over_time(monthly, baseline)
    content = {
        "n": pairs,
        "baseline": nested(over_time(monthly, baseline), ["mean", "low", "high"]),
        "scenario": nested(over_time(monthly, scenario), ["mean", "low", "high"]),
        "difference": nested(effects, ["effect", "ci_low", "ci_high", "spread_low", "spread_high"]),
    }
    return json.dumps(content, separators=(",", ":"), allow_nan=False)
