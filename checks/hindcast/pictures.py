"""Figures of the hindcast as data: bands over time, skill, PIT histogram, reliability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from checks.hindcast.bank import CONDITIONS, Bank, kept, members
from checks.hindcast.designs import Fold
from checks.hindcast.scoring import Scored, held
from checks.records import Picture, Value
from checks.scores import reliability

F8 = NDArray[np.float64]
QUANTILES = {"low90": 0.05, "low50": 0.25, "median": 0.5, "high50": 0.75, "high90": 0.95}
BINS = 10
LABELS = {
    "protests": "recorded protests in a quarter",
    "deaths": "recorded deaths in a quarter",
    "displaced": "displaced at the end of the year",
}
SkillRow = tuple[str, str, str, Value]
"""Panel, label, condition and skill."""


def bands(bank: Bank, outcome: str, fold: Fold) -> Picture:
    """Observed against simulated, given the triggers, by unit: sums of quarters, or Decembers of a stock.

    ``panel`` unit, ``series`` a quantile or "observed" or "split", ``x`` year, ``y`` value or None where missing.
    """
    grid = bank.grids[outcome]
    runs = members(bank, 0, outcome, kept(bank, 0, held(bank, fold)))
    if outcome == "displaced":
        december = np.flatnonzero((grid.first + np.arange(runs.shape[1])) % 12 == 11)
        years, simulated, happened = (grid.first + december + 1) / 12, runs[:, december], grid.values[december]
    else:
        quarters = runs.shape[1] // 3
        years = (grid.first + 3 * np.arange(quarters) + 1.5) / 12
        simulated = runs[:, : 3 * quarters].reshape(runs.shape[0], quarters, 3, -1).sum(axis=2)
        happened = grid.values[: 3 * quarters].reshape(quarters, 3, -1).sum(axis=1)
    columns: dict[str, list[object]] = {"panel": [], "series": [], "x": [], "y": []}
    for u, unit in enumerate(grid.units):
        lines = {name: np.quantile(simulated[:, :, u], q, axis=0) for name, q in QUANTILES.items()}
        lines["observed"] = happened[:, u]
        for name, line in lines.items():
            _add(columns, unit, name, years, line)
    _add(columns, grid.units[0], "split", [(bank.settings.split) / 12], [0.0])
    return Picture("year", LABELS[outcome], columns, "bands")


def _add(
    columns: dict[str, list[object]], panel: str, name: str, x: Sequence[float] | F8, y: Sequence[float] | F8
) -> None:
    columns["panel"] += [panel] * len(x)
    columns["series"] += [name] * len(x)
    columns["x"] += [float(f"{v:.7g}") for v in x]
    columns["y"] += [_short(v) for v in y]


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def skills(rows: Sequence[SkillRow], x_label: str) -> Picture:
    """Skill with intervals: ``panel``, ``label``, ``series`` the condition, ``x`` value, ``low``, ``high``."""
    columns: dict[str, list[object]] = {name: [] for name in ("panel", "label", "series", "x", "low", "high")}
    for panel, label, condition, value in rows:
        cells = (panel, label, condition, _short(value.value), _short(value.low), _short(value.high))
        for name, cell in zip(columns, cells, strict=True):
            columns[name].append(cell)
    return Picture(x_label, "", columns, "skills")


def histogram(made: Sequence[Scored]) -> Picture:
    """PIT histograms of both conditions."""
    columns: dict[str, list[object]] = {"series": [], "x": [], "y": []}
    for condition, scored in zip(CONDITIONS, made, strict=True):
        known = scored.pit[np.isfinite(scored.pit)]
        shares = np.histogram(known, BINS, (0.0, 1.0))[0] / max(known.size, 1)
        columns["series"] += [condition] * BINS
        columns["x"] += [(k + 0.5) / BINS for k in range(BINS)]
        columns["y"] += [_short(share) for share in shares]
    return Picture("place of what happened in the forecast (PIT)", "share of state-months", columns, "pit")


def reliable(made: Sequence[Scored], name: str) -> Picture:
    """Observed share of events against the chance given, of both conditions."""
    columns: dict[str, list[object]] = {"series": [], "x": [], "y": [], "n": []}
    for condition, scored in zip(CONDITIONS, made, strict=True):
        for p, share, n in reliability(scored.chance[name], scored.event):
            for key, value in zip(columns, (condition, _short(p), _short(share), n), strict=True):
                columns[key].append(value)
    return Picture("chance given to a month with an event", "share of months with an event", columns, "reliability")
