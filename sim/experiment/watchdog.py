"""The time limit of a run: a thread of the worker that ends the process when a run does not end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

EXIT_TIMEOUT = 75


class Watchdog:
    """Watches one run after another.

    ``expired`` is called once, in the watching thread, when a run has taken too long; then the process ends,
    because nothing else stops a loop in compiled code.
    """

    def __init__(self, seconds: float, expired: Callable[[], None]) -> None:
        self._seconds, self._expired = seconds, expired
        self._condition = threading.Condition()
        self._deadline: float | None = None
        self._over = False
        threading.Thread(target=self._watch, daemon=True).start()

    def begin(self) -> None:
        """Start the clock for a run."""
        self._set(time.monotonic() + self._seconds)

    def end(self) -> None:
        """Stop the clock. Does not return when the run is already over time."""
        self._set(None)

    def close(self) -> None:
        """Let the thread go."""
        with self._condition:
            self._over = True
            self._condition.notify()

    def _set(self, deadline: float | None) -> None:
        with self._condition:
            self._deadline = deadline
            self._condition.notify()

    def _watch(self) -> None:
        with self._condition:
            while not self._over:
                left = None if self._deadline is None else self._deadline - time.monotonic()
                if left is not None and left <= 0:
                    try:
                        self._expired()
                    finally:
                        os._exit(EXIT_TIMEOUT)
                self._condition.wait(left)
