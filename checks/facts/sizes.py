"""SF4: tails of deaths per event and per episode."""

from __future__ import annotations

import numpy as np

from checks import tails
from checks.facts.calm import calm_runs
from checks.facts.unquiet import simulated, unquiet_runs
from checks.lab import Lab
from checks.records import Finding, Picture, Row, Value, Window, judged, table, untestable

ENOUGH = 50


def heavy_tails(lab: Lab) -> Finding:
    """Tails fitted as Clauset, Shalizi and Newman do; the exponential tested against the better of the other two.

    Events: deaths of armed events in district-months with one event, and of communal incidents in district-rounds
    with one incident. Episodes: deaths of an armed group from forming to its end, those that ended.
    """
    unquiet, calm = unquiet_runs(lab), calm_runs(lab)
    armed = np.array([n for run in unquiet for n in run["sizes"]], float)
    communal = np.array([hit[3] for run in calm for hit in run["hits"] if hit[2] == 1 and hit[3] > 0], float)
    totals = [e["deaths"] for run in unquiet for e in run["episodes"] if e["ended"] and e["deaths"] > 0]
    rows: list[Row] = []
    for name, sizes, window in (
        ("Deaths per armed event", armed, Window(2.0, 3.2)),
        ("Deaths per communal incident", communal, Window(2.0, 3.2)),
        ("Deaths per episode", np.array(totals, float), Window(1.3, 1.9)),
    ):
        rows += _rows(name, sizes, window)
    parts = {
        name: (np.sort(sizes), 1 - np.arange(sizes.size) / max(sizes.size, 1))
        for name, sizes in (
            ("armed events", armed),
            ("communal incidents", communal),
            ("episodes", np.array(totals, float)),
        )
    }
    thin = {name: _thinned(x, y) for name, (x, y) in parts.items()}
    picture = Picture("deaths", "share at least as deadly", table(thin), "steps", log_x=True, log_y=True)
    return Finding(
        tuple(rows),
        f"{simulated(len(unquiet))}; baseline_2024, {len(calm)} replications, for communal incidents",
        "Maximum likelihood on whole numbers, start of the tail by the smallest KS distance, test of Vuong.",
        picture,
        suspected="Event sizes are drawn from a tail (communal_tail, armed_tail), so their exponent is put in, not "
        "found. Episode totals have scales: fighter_cap, the size of communities, the settlement hazard.",
        tried="Only episodes that ended; the start of the tail is free. With recruitment everywhere from the first month: "
        "exponent 2.42, tail from 330. From a seat outwards (recruit_half): 1.66 at 0.001, 1.55 at 0.003 (24 runs).",
    )


def _rows(name: str, sizes: np.ndarray, window: Window) -> list[Row]:
    if sizes.size < ENOUGH:
        return [untestable(f"{name}: exponent", window, f"only {sizes.size} sizes in these runs; a full run has more")]
    tail = tails.fit_tail(sizes)
    half = 1.96 * tail.error
    note = f"tail from {tail.start}, {tail.n} of {sizes.size} sizes"
    found = Value(tail.exponent, tail.exponent - half, tail.exponent + half)
    power, _ = tails.compare(sizes, tail, "exponential")
    lognormal, _ = tails.exponential_against_lognormal(sizes, tail.start)
    against, p = tails.compare(sizes, tail, "lognormal")
    said = f"power law against lognormal: z {against:.1f}, p {p:.2f}"
    return [
        judged(f"{name}: exponent", found, window, note),
        judged(
            f"{name}: Vuong's z against the exponential",
            Value(max(power, lognormal)),
            Window(1.96, None, strict=True),
            said,
        ),
    ]


def _thinned(x: np.ndarray, y: np.ndarray, most: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Last point of each size, at most so many, evenly by rank on the log scale."""
    if x.size == 0:
        return x, y
    first = np.concatenate(([True], np.diff(x) > 0))
    x, y = x[first], y[first]
    if x.size > most:
        keep = np.unique(np.geomspace(1, x.size, most).astype(int) - 1)
        x, y = x[keep], y[keep]
    return x, y
