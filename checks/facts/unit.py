"""U1 to U3: the mobilisation functions in the worlds they come from."""

from __future__ import annotations

import numpy as np

from checks import epstein, intervals
from checks.epstein import MODEL_2, RUN_2
from checks.lab import Lab
from checks.records import Finding, Picture, Value, Window, judged, table
from sim.kernels.mobilisation import LITERAL

TICKS = 1_000
LONGEST = 10_000


def crowd(spread: float, citizens: int = 100_000) -> float:
    """Share that joins in the end, thresholds normal around 0.25."""
    thresholds = np.empty(citizens)
    epstein.normal_thresholds(0.25, spread, thresholds)
    return float(epstein.joined(thresholds, epstein.SHARP, 5000))


def granovetter(lab: Lab) -> Finding:
    """The fixed point of a crowd without gaps, reached from nobody; hard thresholds, no chance."""
    below, above = crowd(0.122), crowd(0.123)
    rows = (
        judged("Share that joins at s.d. 0.122", Value(below), Window(0.050, 0.060)),
        judged("Share that joins at s.d. 0.123", Value(above), Window(0.99, None, strict=True)),
    )
    spreads = [0.100, 0.105, 0.110, 0.115, 0.120, 0.122, 0.123, 0.125, 0.130, 0.140]
    shares = [crowd(s, 20_000) for s in spreads]
    picture = Picture("s.d. of thresholds", "share that joins", table({"crowd": (spreads, shares)}))
    return Finding(rows, "100,000 thresholds, no chance involved", "Rounds of joining until nobody new does.", picture)


def rebellion_run(form: int, seed: int) -> list[int]:
    """Actives at the end of each tick of run 2."""
    return [int(n) for n in epstein.rebellion(seed, RUN_2._replace(form=form), TICKS)]


def epstein_run_2(lab: Lab) -> Finding:
    """Outbursts are maximal runs of ticks with more than 50 active."""
    seeds = lab.size(10, 4)
    made = [
        np.array(one) for one in lab.map(rebellion_run, [(f, s) for f in (RUN_2.form, LITERAL) for s in range(seeds)])
    ]
    floor, literal = made[:seeds], made[seeds:]
    bursts = [epstein.outbursts(active) for active in floor]
    printed = [epstein.outbursts(active)[0].size for active in literal]
    rows = (
        judged(
            "Outbursts in 1,000 ticks, ratio rounded down", intervals.mean([f.size for f, _ in bursts]), Window(25, 45)
        ),
        judged(
            "Mean total activation of an outburst",
            intervals.mean([float(total.mean()) for _, total in bursts]),
            Window(550, 1050),
        ),
        judged(
            "Share of ticks with fewer than 10 active",
            intervals.mean([float((active < 10).mean()) for active in floor]),
            Window(0.55, 0.75),
        ),
        judged("Outbursts in any run, ratio as printed", Value(float(max(printed))), Window(None, 2)),
    )
    shown = floor[0][:400]
    picture = Picture(
        "tick",
        "active citizens",
        table({"ratio rounded down": (range(400), shown), "ratio as printed": (range(400), literal[0][:400])}),
    )
    return Finding(rows, f"{seeds} seeds, 1,000 ticks, grid of 40 x 40", "Rules as in Epstein's run 2.", picture)


def elimination_run(density: float, seed: int) -> int:
    """Tick at whose end one group is gone."""
    return epstein.elimination(seed, MODEL_2._replace(police_density=density), LONGEST)


def model_2(lab: Lab) -> Finding:
    """Waiting time until one of two groups is gone, by density of peacekeepers."""
    runs = lab.size(40, 12)
    densities = (0.0, 0.04, 0.1)
    ticks = np.array(lab.map(elimination_run, [(d, s) for d in densities for s in range(runs)])).reshape(3, runs)
    none, some, many = ticks.astype(float)
    within = intervals.proportion(int((none <= 300).sum()), runs)
    grows = float(min(some.std(ddof=1) - none.std(ddof=1), many.std(ddof=1) - some.std(ddof=1)))
    rows = (
        judged("Runs with one group gone by tick 300, nobody between", within, Window(0.95, None)),
        judged(
            "Mean wait at density 0.1 over density 0",
            intervals.bootstrap(lambda u: float(np.mean([b for _, b in u]) / np.mean([a for a, _ in u])),
                                list(zip(none, many, strict=True))),
            Window(1.5, 4.0),
        ),
        judged("Least growth of the s.d. of waits from density to density", Value(grows), Window(0.0, None, "ticks", strict=True)),
    )  # fmt: skip
    parts = {f"density {d:g}": (np.sort(t), 1 - np.arange(runs) / runs) for d, t in zip(densities, ticks, strict=True)}
    picture = Picture("tick", "share of runs with both groups", table(parts), kind="steps", log_x=True)
    return Finding(rows, f"{runs} seeds for each of three densities", "Model II, L = 0.8, vision 1.7.", picture)
