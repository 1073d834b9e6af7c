"""One browser window: its state, what it wishes, and what it is told. Windows share nothing but the pool."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sim.errors import InputError, SimError
from sim.page import exports
from sim.page.facts import facts
from sim.page.frames import Part
from sim.page.lessons import LESSONS
from sim.page.replications import Replications
from sim.page.state import (
    State,
    baselines,
    configured,
    edited,
    loaded_state,
    out_of_evidence,
    shipped_state,
    with_measure,
    worlds,
)
from sim.page.workers import Job, Pool

FIRST = "way_forward"
Tell = Callable[[str, dict[str, Any]], None]
Download = Callable[[], tuple[str, str, bytes]]
_numbers = itertools.count(1)


class Window:
    """State and runs of one window.

    Parameters
    ----------
    owner : str
        Identity of the window in the pool.
    pool : Pool
        Where worlds are run.
    tell : callable
        Sends a message to the browser; safe from any thread.
    """

    def __init__(self, owner: str, pool: Pool, tell: Tell) -> None:
        self.owner, self.pool, self.tell = owner, pool, tell
        self.state = shipped_state(FIRST)
        self.origin = FIRST
        self.pair: exports.Pair | None = None
        self.addresses: dict[str, str] = {}
        self.replications: Replications | None = None
        self.lock = threading.Lock()
        self.turn = 0
        self.closed = False

    # Wishes ------------------------------------------------------------------------------------------------

    def wish(self, wish: Mapping[str, Any]) -> bool:
        """Do what the browser asks for; True if other controls are needed than before.

        Whatever is wrong with it is told to the user; the state stays as it was.
        """
        wishes: dict[str, Callable[[Mapping[str, Any]], bool]] = {
            "hello": self._hello,
            "open": lambda w: self._begin(shipped_state(_text(w, "name")), _text(w, "name")),
            "load": lambda w: self._begin(loaded_state(_text(w, "text"), self.state)),
            "lesson": self._lesson,
            "edit": self._edit,
            "set": self._set,
            "add": self._add,
            "replicate": self._replicate,
            "cancel": self._cancel,
        }
        act = wishes.get(str(wish.get("do")))
        if act is None:
            return False
        try:
            return act(wish)
        except InputError as error:
            self.tell("problems", {"list": [str(problem) for problem in error.problems], "of": str(wish.get("do"))})
        except SimError as error:
            self.tell("problems", {"list": [str(error)], "of": str(wish.get("do"))})
        return False

    def _hello(self, wish: Mapping[str, Any]) -> bool:
        """Begin, with what the window showed before the server was started again, if anything."""
        self.tell("lessons", {"list": [lesson.plain() for lesson in LESSONS]})
        kept = wish.get("kept")
        state = self.state
        if isinstance(kept, dict) and isinstance(kept.get("text"), str):
            try:
                state = loaded_state(kept["text"])
                for name in ("baseline", "seed", "citizens", "replications", "shared"):
                    if name in kept:
                        state = configured(state, name, kept[name])
            except InputError as error:
                self.tell("problems", {"list": [str(problem) for problem in error.problems], "of": "hello"})
                state = self.state
        return self._begin(state, FIRST if state is self.state else "")

    def _begin(self, state: State, origin: str = "") -> bool:
        """Show another scenario; only one that can be used replaces what is shown."""
        worlds(state)
        self._drop_replications()
        self.state, self.origin = state, origin
        self._show(fresh=True)
        return True

    def _lesson(self, wish: Mapping[str, Any]) -> bool:
        lesson = next((one for one in LESSONS if one.key == wish.get("key")), None)
        step = wish.get("step")
        if lesson is None or not isinstance(step, int) or not 0 <= step < len(lesson.steps):
            raise InputError("there is no such lesson or step")
        return self._begin(lesson.state(step))

    def _edit(self, wish: Mapping[str, Any]) -> bool:
        path, value = _text(wish, "path"), wish.get("value")
        before = self.state
        self.state = edited(before, path, value)
        self._drop_replications()
        self._show()
        return value is None and path.count(".") == 1 and not path.startswith(("parameters", "theories"))

    def _set(self, wish: Mapping[str, Any]) -> bool:
        name = _text(wish, "name")
        self.state = configured(self.state, name, wish.get("value"))
        if name != "replications":
            self._drop_replications()
        self._show()
        return False

    def _add(self, wish: Mapping[str, Any]) -> bool:
        state, label = with_measure(self.state, _text(wish, "kind"), _text(wish, "name"))
        self._drop_replications()
        self.state = state
        self._show()
        self.tell("added", {"label": label})
        return True

    # Worlds ------------------------------------------------------------------------------------------------

    def _show(self, fresh: bool = False) -> None:
        """Tell the state, and run both worlds if they can be run."""
        state = self.state
        try:
            both = worlds(state)
        except InputError as error:
            self._tell_state(state, [str(problem) for problem in error.problems], fresh=fresh)
            return
        with self.lock:
            self.turn += 1
            turn = self.turn
            self.pair = exports.Pair(state, both.base, both.ours)
        self._tell_state(state, [], both.warnings, baselines(both.ours), fresh)
        self.tell("facts", {"turn": turn, **facts(both, state)})
        for world, scenario in (("base", both.base), ("ours", both.ours)):
            job = Job(next(_numbers), self.owner, world, scenario, state.seed, state.citizens)
            self.pool.submit(job, lambda job, part, turn=turn: self._take(turn, job, part))  # type: ignore[misc]

    def _take(self, turn: int, job: Job, part: Part | str) -> None:
        """Keep a part of a world and pass it on, unless something newer is wanted by now."""
        with self.lock:
            if turn != self.turn or self.pair is None or self.closed:
                return
            if isinstance(part, Part):
                self.pair.take(job.world, part)
        if isinstance(part, str):
            self.tell("problems", {"list": [f"{job.scenario.key}: {part}"], "of": "run"})
        else:
            self.tell("frames", {"turn": turn, "world": job.world, "text": part.text})

    def _tell_state(
        self, state: State, problems: list[str], warnings: tuple[str, ...] = (), others: list[str] | None = None,
        fresh: bool = False,
    ) -> None:  # fmt: skip
        content = state.content
        self.tell(
            "state",
            {
                "text": state.text,
                "bare": state.bare_text if state.baseline == "without" else "",
                "command": state.command(),
                "content": content,
                "problems": problems,
                "warnings": list(warnings),
                "outside": out_of_evidence(content.get("parameters", {})),
                "baselines": others,
                "settings": {
                    name: getattr(state, name) for name in ("baseline", "seed", "citizens", "replications", "shared")
                },
                "downloads": self.addresses,
                "origin": self.origin,
                "fresh": fresh,
            },
        )

    # Replications ------------------------------------------------------------------------------------------

    def _replicate(self, wish: Mapping[str, Any]) -> bool:
        both = worlds(self.state)
        if self.replications is not None:  # the window knows: it asked
            self.replications.remove()
        turn = self.turn

        def listen(message: dict[str, Any]) -> None:
            if not self.closed and turn == self.turn:
                self.tell("replications", message)

        self.replications = Replications(self.state, both.base, both.ours, listen)
        return False

    def _cancel(self, wish: Mapping[str, Any]) -> bool:
        if self.replications is not None:
            self.replications.cancel()
        return False

    def _drop_replications(self) -> None:
        """Whatever was replicated no longer fits what is shown."""
        if self.replications is not None:
            self.replications.remove()
            self.replications = None
            self.tell("replications", {"kind": "dropped"})

    # Downloads and the end ---------------------------------------------------------------------------------

    def downloads(self) -> dict[str, Download]:
        """What can be downloaded: name to a function that makes file name, media type and content."""
        return {
            "months": lambda: exports.months_csv(self._complete()),
            "districts": lambda: exports.districts_csv(self._complete()),
            "log": lambda: exports.log_csv(self._complete()),
            "figure": lambda: exports.figure_png(self._complete()),
            "animation": lambda: exports.animation_gif(self._complete()),
            "replications": lambda: exports.results_zip(self.replications),
        }

    def _complete(self) -> exports.Pair:
        with self.lock:
            if self.pair is None or not self.pair.complete:
                raise LookupError("both worlds are not complete yet; wait a moment")
            return self.pair

    def close(self) -> None:
        """End what runs for this window and delete what it wrote."""
        self.closed = True
        self.pool.forget(self.owner)
        if self.replications is not None:
            self.replications.remove()
            self.replications = None


def _text(wish: Mapping[str, Any], key: str) -> str:
    value = wish.get(key)
    if not isinstance(value, str):
        raise InputError(f"{key}: must be text")
    return value
