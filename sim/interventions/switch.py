"""A choice that does not flap: what programmes with a condition and institutions switch on and off by."""

from __future__ import annotations


class Switch:
    """On above one level, off below a lower one, and never twice within a dwell.

    It turns on once the value was above ``on`` for ``wait`` months running, off once it was below ``off``
    as long, and stays as it is for at least ``dwell`` months. A constant value switches it at most once.
    """

    def __init__(self, on: float, off: float, wait: int = 1, dwell: float = 12.0) -> None:
        self.on = on
        self.off = min(off, on)
        self.wait = wait
        self.dwell = dwell
        self.active = False
        self.since: int | None = None
        self.held = 0

    def see(self, value: float, month: int) -> bool:
        """Take in this month's value; return whether the switch turned."""
        beyond = value < self.off if self.active else value > self.on
        self.held = self.held + 1 if beyond else 0
        settled = self.since is None or month - self.since >= self.dwell
        if self.held < self.wait or not settled:
            return False
        self.active = not self.active
        self.since = month
        self.held = 0
        return True
