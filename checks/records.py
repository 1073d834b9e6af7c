"""What a check is and what it finds: facts, target ranges, rows of a table, pictures; findings are stored as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from checks.lab import Lab

Verdict = Literal["pass", "fail", "inconclusive", "not testable yet", "not run"]
EVIDENCE, OWN = "E", "A"
"""Basis of a target range: published evidence, or our own choice."""


@dataclass(frozen=True)
class TargetRange:
    """Closed interval in which a measured value must lie; None is open. ``strict`` excludes the lower end."""

    low: float | None
    high: float | None
    unit: str = ""
    basis: str = EVIDENCE
    strict: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value lies in the range; NaN does not."""
        if value != value:
            return False
        above = self.low is None or value > self.low or (value == self.low and not self.strict)
        return above and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.low is None and self.high is None:
            return "none"
        if self.low is None:
            return f"at most {self.high:g}{unit}"
        lower = "above" if self.strict else "at least"
        if self.high is None:
            return f"{lower} {self.low:g}{unit}"
        if self.strict:
            return f"above {self.low:g}, at most {self.high:g}{unit}"
        return f"{self.low:g} to {self.high:g}{unit}"


@dataclass(frozen=True)
class Value:
    """A measured number with its 95 % interval (NaN bounds: none can be given)."""

    value: float
    low: float = math.nan
    high: float = math.nan

    def percent(self) -> Value:
        """The same in per cent."""
        return Value(100 * self.value, 100 * self.low, 100 * self.high)


@dataclass(frozen=True)
class ResultRow:
    """One line of the table: what was measured, its target range in words (``window``), and whether it is met.

    ``bounds`` are the ends of the target range. ``status`` of a row of a trial: ``tuned`` (fitted to this range) or ``judged``.
    """

    what: str
    window: str
    basis: str
    verdict: Verdict
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    bounds: tuple[float | None, float | None] = (None, None)
    note: str = ""
    status: str = ""


def judged(what: str, measured: Value, target: TargetRange, note: str = "") -> ResultRow:
    """Judge a value by its target range: the estimate decides; a note says when the interval reaches beyond it."""
    holds, low, high = (target.holds(v) for v in (measured.value, measured.low, measured.high))
    if not (math.isnan(measured.low) or math.isnan(measured.high)):
        if holds and not (low and high):
            note = f"{note}; the interval reaches beyond the target range".lstrip("; ")
        if not holds and (low or high):
            note = f"{note}; the interval reaches into the target range".lstrip("; ")
    return ResultRow(
        what,
        str(target),
        target.basis,
        "pass" if holds else "fail",
        *_numbers(measured),
        unit=target.unit,
        bounds=(target.low, target.high),
        note=note,
    )


def measured_only(what: str, measured: Value, unit: str = "", note: str = "") -> ResultRow:
    """A row that is shown and not judged."""
    return ResultRow(what, "none: shown for comparison", OWN, "not run", *_numbers(measured), unit=unit, note=note)


def untestable(what: str, target: TargetRange, missing: str) -> ResultRow:
    """A part of a fact that this version cannot express; ``missing`` says what it would take."""
    bounds = (target.low, target.high)
    return ResultRow(what, str(target), target.basis, "not testable yet", unit=target.unit, bounds=bounds, note=missing)


def _numbers(measured: Value) -> tuple[float | None, float | None, float | None]:
    return _number(measured.value), _number(measured.low), _number(measured.high)


def _number(value: float) -> float | None:
    """Six significant digits, so that stored results are short; None for what is not finite, which JSON lacks."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


@dataclass(frozen=True)
class Chart:
    """A figure as data: one table of columns ``series``, ``x``, ``y`` and how to draw it.

    ``ranges`` has a row for each ``series``: ``x`` with ``low`` and ``high``, ``recorded``, and the target range ``least`` to
    ``most``, each None where there is none. The kinds from ``bands`` on are those of the hindcast, with columns of their own
    (`checks.hindcast.results`).
    """

    x_label: str
    y_label: str
    columns: Mapping[str, Sequence[Any]]
    kind: Literal["line", "points", "steps", "bars", "ranges", "bands", "skills", "pit", "reliability"] = "line"
    log_x: bool = False
    log_y: bool = False


def table(parts: Mapping[str, tuple[Any, Any]]) -> dict[str, list[Any]]:
    """Columns of a picture from x and y by series, rounded to five digits."""
    out: dict[str, list[Any]] = {"series": [], "x": [], "y": []}
    for name, (x, y) in parts.items():
        out["series"] += [name] * len(x)
        out["x"] += [float(f"{v:.5g}") for v in x]
        out["y"] += [float(f"{v:.5g}") for v in y]
    return out


def ranges(rows: Mapping[str, Sequence[float]]) -> dict[str, list[Any]]:
    """Columns of a picture of ranges: by series x, low, high, recorded, least, most; not finite: none."""
    names = ("x", "low", "high", "recorded", "least", "most")
    out: dict[str, list[Any]] = {"series": list(rows)}
    return out | {name: [_number(float(values[k])) for values in rows.values()] for k, name in enumerate(names)}


@dataclass(frozen=True)
class Measurement:
    """The result of one fact: its rows, what was simulated, the picture, and what is suspected where it fails."""

    rows: tuple[ResultRow, ...]
    simulated: str
    method: str
    picture: Chart | None = None
    suspected: str = ""


@dataclass(frozen=True)
class Fact:
    """A pattern that a valid model shows, and how it is measured; ``settings`` names what else its numbers depend on."""

    key: str
    title: str
    source: str
    measure: Callable[[Lab], Measurement]
    settings: str = ""


@dataclass(frozen=True)
class CheckResult:
    """A fact with its finding; what is stored."""

    key: str
    title: str
    source: str
    rows: tuple[ResultRow, ...] = ()
    simulated: str = ""
    method: str = ""
    picture: Chart | None = None
    suspected: str = ""
    seconds: float = field(default=0.0, compare=False)

    @property
    def verdict(self) -> Verdict:
        """Fail if a row fails; pass if none does and one passes; else inconclusive, not testable yet, or not run."""
        verdicts = [row.verdict for row in self.rows]
        if "fail" in verdicts:
            return "fail"
        if "pass" in verdicts:
            return "pass"
        return next((v for v in ("inconclusive", "not testable yet") if v in verdicts), "not run")

    def content(self) -> dict[str, Any]:
        """As plain JSON, without what differs from machine to machine."""
        made = asdict(self)
        del made["seconds"]
        return made


def read_result(content: Mapping[str, Any]) -> CheckResult:
    """Read back what `CheckResult.content` wrote."""
    made = dict(content)
    made["rows"] = tuple(ResultRow(**{**row, "bounds": tuple(row["bounds"])}) for row in made["rows"])
    made["picture"] = Chart(**made["picture"]) if made["picture"] else None
    return CheckResult(**made)
