"""SF7: where violence is worst, by local mixing; and polarisation early and late in an episode."""

from __future__ import annotations

from typing import Any

import numpy as np

from checks import intervals
from checks.facts.calm import calm_runs
from checks.facts.unquiet import simulated, unquiet_runs
from checks.lab import Lab
from checks.records import OWN, Finding, Picture, Value, Window, judged, table
from checks.regression import poisson_fit
from sim.parameters import parameters
from sim.region import Region, find_region, load_region
from sim.world.geography import build_geography

LONGEST_QUIET = 6
"""Months and ten events from which an episode has thirds."""


def local_mixing(region: Region) -> np.ndarray:
    """Probability that two residents met near by belong to different communities, mean over a district's residents."""
    g = build_geography(region, parameters())
    people = np.bincount(g.cell_district, g.cell_people)
    out: np.ndarray = np.bincount(g.cell_district, g.cell_people * g.mix) / people
    return out


def polarisation(region: Region) -> np.ndarray:
    """4 x sum of share^2 (1 - share) over a district's communities (Reynal-Querol 2002), 0 to 1."""
    share = region.cell_population / region.district_population[region.cell_district]
    out: np.ndarray = np.bincount(region.cell_district, 4.0 * share**2 * (1.0 - share), region.n_districts)
    return out


def hump(runs: list[dict[str, Any]], mixing: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Coefficients of incidents per resident on mixing and its square."""
    counts = np.zeros(mixing.size)
    for run in runs:
        for _, district, incidents, _ in run["hits"]:
            counts[district] += incidents
    return poisson_fit(counts, np.column_stack([mixing, mixing**2]), people * len(runs))


def thirds(episodes: list[dict[str, Any]], polar: np.ndarray, people: np.ndarray) -> tuple[float, float]:
    """Coefficient of polarisation on armed events in the first and the last third of episodes."""
    counts, exposure = np.zeros((2, polar.size)), np.zeros(polar.size)
    for episode in episodes:
        exposure[episode["districts"]] += people[episode["districts"]]
        for month, district, events in episode["where"]:
            if 3 * month < episode["months"]:
                counts[0, district] += events
            elif 3 * month >= 2 * episode["months"]:
                counts[1, district] += events
    used = exposure > 0
    first, last = (poisson_fit(c[used], polar[used, None], exposure[used])[1] for c in counts)
    return float(first), float(last)


def ethnic_geography(lab: Lab) -> Finding:
    """A Poisson regression on mixing and its square, and the fall of the coefficient of polarisation."""
    region = load_region(find_region("western_balkans"), 2024)
    people = region.district_population.astype(float)
    mixing, polar = local_mixing(region), polarisation(region)
    calm, unquiet = calm_runs(lab), unquiet_runs(lab)
    bend = intervals.bootstrap(lambda units: float(hump(units, mixing, people)[2]), calm, draws=100)
    _, slope, square = hump(calm, mixing, people)
    top = float(-slope / (2 * square)) if square < 0 else float("nan")
    episodes = [e for run in unquiet for e in run["episodes"] if e["months"] >= LONGEST_QUIET and len(e["where"]) >= 10]

    def fall(units: list[dict[str, Any]]) -> float:
        first, last = thirds(units, polar, people)
        return 1.0 - last / first if first > 0 else float("nan")

    rows = [
        judged("Coefficient of mixing squared", bend, Window(None, 0.0)),
        judged(
            "Mixing at which incidents peak", Value(top), Window(0.0, float(mixing.max()), "", OWN, strict=True),
            f"mixing goes from {mixing.min():.2f} to {mixing.max():.2f}",
        ),
        judged("Fall of the coefficient of polarisation over an episode", intervals.bootstrap(fall, episodes, 100),
               Window(0.3, None), f"{len(episodes)} episodes; coefficients {_said(thirds(episodes, polar, people))}"),
    ]  # fmt: skip
    parts = {"district": _binned(calm, mixing, people)}
    picture = Picture("local mixing of the district", "incidents per 100,000 a year", table(parts), kind="points")
    return Finding(
        tuple(rows),
        f"baseline_2024, {len(calm)} replications (incidents); {simulated(len(unquiet))} (episodes)",
        "Mixing: chance that two residents met within reach are of different communities. Districts in ten equal "
        "groups in the figure.",
        picture,
        suspected="Contact saturates in mixing (mix_half) and tension has a term in mixing: both rise all the way. For "
        "the second part, nothing in the armed track knows a front: events happen where fighters were recruited, which is "
        "where their community lives, not where it is contested, so there is no coefficient above 0 that could fall. "
        "Displacement does not change the composition of districts.",
        tried="District means of mixing with the model's own reach of 30 km. Recruitment from a seat outwards: "
        "coefficients -0.44 then -0.40, as before.",
    )


def _said(pair: tuple[float, float]) -> str:
    return f"{pair[0]:.2f} then {pair[1]:.2f}"


def _binned(runs: list[dict[str, Any]], mixing: np.ndarray, people: np.ndarray) -> tuple[list[float], list[float]]:
    counts = np.zeros(mixing.size)
    for run in runs:
        for _, district, incidents, _ in run["hits"]:
            counts[district] += incidents
    groups = np.array_split(np.argsort(mixing), 10)
    rates = [1e5 * counts[g].sum() / (people[g].sum() * 10 * len(runs)) for g in groups]
    return [float(mixing[g].mean()) for g in groups], rates
