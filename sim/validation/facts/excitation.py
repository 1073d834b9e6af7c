"""SF5: how far communal incidents bring about further ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.validation import hawkes, intervals
from sim.validation.facts.calm import calm_runs
from sim.validation.lab import Lab
from sim.validation.records import Finding, Picture, Value, Window, judged, measured_only, table
from sim.validation.worlds import RESTLESS, Valley, keep_fighting, minority, run, valley_model
from sim.world.world import WAR

MONTHS = 60
DAYS = 365.25 / 48
ACTIVE = 20
"""Incidents in five years from which a district counts as active."""


def excited_run(replication: int) -> list[list[int]]:
    """Incidents by district and round in Twin Valleys, a war fought and hard postures in the eastern state."""
    model = valley_model(Valley(parameters=RESTLESS, months=MONTHS), replication)
    group = minority(model, "BBB")
    keep_fighting(group)
    model.world.posture[group.group] = WAR
    run(model)
    log = model.world.tallies.round_log[1]
    return [[int(n) for n in log[:, d]] for d in range(log.shape[1])]


def self_excitation(lab: Lab) -> Finding:
    """Branching ratio and memory of counts by round, fitted jointly to active districts, one background for each."""
    runs = lab.size(24, 4)
    made = lab.map(excited_run, [(r,) for r in range(runs)])
    active = [[np.array(one, float) for one in districts if sum(one) >= ACTIVE] for districts in made]
    found = hawkes.fit_hawkes([one for districts in active for one in districts])
    resampled = intervals.bootstrap(
        lambda units: hawkes.fit_hawkes([one for districts in units for one in districts]).branching,
        [districts for districts in active if districts],
        draws=40,
    )
    calm = hawkes.fit_hawkes(_calm_series(calm_runs(lab)))
    n = sum(len(districts) for districts in active)
    weeks = found.memory * DAYS / 7
    rows = (
        judged("Branching ratio, active districts", resampled, Window(0.3, 0.6), f"{n} district histories"),
        judged("Memory: weeks until 90 % of the offspring", Value(weeks), Window(2.0, 6.0, "weeks")),
        judged("Branching ratio, calm districts", Value(calm.branching), Window(None, 0.3)),
        measured_only("Branching put in (parameter)", Value(0.4), "", "moods that last add to what is fitted"),
    )
    share = [sum(1.0 - 0.5 ** (1.0 / found.half) for _ in ()) + 0.5 ** ((k - 1) / found.half) for k in range(1, 13)]
    kernel = [found.branching * (1 - 0.5 ** (1 / found.half)) * s for s in share]
    picture = Picture(
        "days after an incident",
        "further incidents a round",
        table({"fitted": ([k * DAYS for k in range(1, 13)], kernel)}),
    )
    return Finding(
        rows,
        f"Twin Valleys, restless and at war, {runs} replications of {MONTHS} months; calm: districts of baseline_2024 with 3 incidents "
        "or more in ten years",
        f"Discrete Hawkes process by maximum likelihood; active: {ACTIVE} communal incidents or more in five years.",
        picture,
        suspected="Offspring come by reprisal (branching, reprisal_halflife) and by moods that last for weeks; the fit "
        "cannot tell the two apart. Calm districts have the same branching parameter as active ones, so a ratio near "
        "zero there cannot come out.",
        tried="Own background for each district history; calm districts apart.",
    )


def _calm_series(runs: list[dict[str, Any]]) -> list[Any]:
    """Counts by round of districts with at least three incidents in a calm decade, from the first replications."""
    out = []
    for made in runs[:40]:
        by_district: dict[int, Any] = {}
        for week, district, incidents, _ in made["hits"]:
            by_district.setdefault(district, np.zeros(480))[week] += incidents
        out += [one for one in by_district.values() if one.sum() >= 3]
    return out
