"""When a programme is requested and when it ends: its conditions, looked at every month."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from sim.interventions.switch import Switch
from sim.scenario.records import Condition, Programme, Trigger

REQUEST, SWITCH_OFF, STOP = "requests", "switches off", "stops"
Read = Callable[[str, str], float]
"""An indicator in a place (a state code, or ``region``), as it was last month."""


class Watch:
    """The conditions of one programme in one run.

    Before the programme's start month nothing is looked at. Without a condition it is requested in that month.
    """

    def __init__(self, programme: Programme) -> None:
        self.start = programme.start
        self.when = programme.when
        self.stop_when = programme.stop_when
        self.starting = None if programme.when is None else _switch(programme.when)
        self.stopping = None if programme.stop_when is None else _switch(programme.stop_when)
        self.due = programme.start if programme.when is None else None
        self.over = False

    def look(self, month: int, read: Read) -> tuple[str, str] | None:
        """Take in a month; return what is done (`REQUEST`, `SWITCH_OFF` or `STOP`) and why, or None."""
        if month < self.start or self.over:
            return None
        if self.stop_when is not None and self._turned(self.stopping, self.stop_when, month, read):
            self.over = True
            return STOP, self.stop_when.words
        if self.when is not None and self._turned(self.starting, self.when, month, read):
            assert self.starting is not None
            self.due = month + self.when.delay_months if self.starting.active else None
            if not self.starting.active:
                return SWITCH_OFF, f"no longer {self.when.words}"
        if self.due is not None and month >= self.due:
            self.due = None
            return REQUEST, "" if self.when is None else self.when.words
        return None

    @staticmethod
    def _turned(switch: Switch | None, condition: Condition, month: int, read: Read) -> bool:
        sign = 1.0 if condition.above is not None else -1.0
        return switch is not None and switch.see(sign * read(condition.indicator, condition.where), month)


def _switch(condition: Condition) -> Switch:
    """Return the switch of a condition; one below a level works on the negative of its indicator."""
    level = condition.above if condition.above is not None else -float(condition.below or 0.0)
    if isinstance(condition, Trigger) and condition.until is not None:
        until = condition.until if condition.above is not None else -condition.until
        return Switch(level, until, condition.for_months, condition.dwell_months)
    return Switch(level, -inf, condition.for_months, 0.0)
