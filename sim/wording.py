"""Text and numbers as people read them, the same in messages, tables, figures and reports."""

from __future__ import annotations

import math


def printable(text: str, instead: str = "\N{REPLACEMENT CHARACTER}") -> str:
    """Return text without control characters, line ends and characters that change the direction of writing."""
    return text if text.isprintable() else "".join(char if char.isprintable() else instead for char in text)


def number(value: float, minus: str = "-") -> str:
    """Write a number in three significant digits, or whole from a thousand on; never in powers of ten.

    What is no number is written as nothing; what is below a millionth, as about zero.
    """
    if value is None or math.isnan(value):
        return ""
    if 0 < abs(value) < 1e-6:
        return "\N{ALMOST EQUAL TO}0"
    return f"{minus}{_size(-value)}" if value < 0 else _size(value)


def _size(value: float) -> str:
    if math.isinf(value):
        return "\N{INFINITY}"
    if value >= 1000 or value == 0:
        return f"{value:,.0f}"
    shown = f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def duration(seconds: float) -> str:
    """Write a length of time in the two largest units that matter."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
