"""Errors a user can act on, and the words that their messages share. All else is a defect and keeps its traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from sim.wording import printable


@dataclass(frozen=True)
class Problem:
    """One thing wrong (or suspicious) in one input.

    ``file``, ``line`` and ``column`` are 1-based positions where known; ``key`` is the dotted path;
    ``got`` and ``allowed`` are already short text; ``hint`` is the nearest right name or a one-line tip.
    As text it is one printable line, whatever the input held.
    """

    what: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    key: str = ""
    got: str = ""
    allowed: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part not in ("", None))
        text = f"{self.key}: {self.what}" if self.key else self.what
        if self.got:
            text += f"; got {self.got}"
        if self.allowed:
            text += f"; allowed {self.allowed}"
        if self.hint:
            text += f" ({self.hint})"
        return printable(f"{place}: {text}" if place else text)


class SimError(Exception):
    """Base of every error with a message meant for the user. ``exit_code`` is what the command returns."""

    exit_code = 1


class InputError(SimError):
    """Bad input: one or more problems, all listed at once; the command exits with 2 and writes nothing."""

    exit_code = 2

    def __init__(self, problems: Problem | str | list[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        self.problems: list[Problem] = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ParameterError(InputError):
    """A parameter that does not exist or lies outside its bounds."""


class ScenarioError(InputError):
    """A scenario file that cannot be used."""


class RegionError(InputError):
    """A region folder that cannot be used."""


class RunError(SimError):
    """A run that failed after its input was accepted; ``stage`` says where."""

    def __init__(self, stage: str, message: str) -> None:
        self.stage = stage
        super().__init__(f"{stage}: {message}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint "did you mean ...?" for a name, or nothing when none is close."""
    table = {candidate.casefold(): candidate for candidate in sorted(known)}
    close = difflib.get_close_matches(name.casefold(), list(table), n=1, cutoff=0.6)
    return f"did you mean {table[close[0]]!r}?" if close else ""


def short(value: object) -> str:
    """Return a value as short, printable text for a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def label(name: str) -> str:
    """Return a name from outside as short, printable text."""
    return name[:80] if name[:80].isprintable() else ascii(name[:80])
