"""Stylised facts and scaling of the shipped region, measured over many replications on two processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from typing import Any

import numpy as np

from sim.experiment import run_seed
from sim.model import StabilityModel
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.scenario import Scenario, load_scenario
from sim.world.outcomes import OUTCOME_INDEX
from sim.world.world import Setting, prepare

SEED = 1
WORKERS = 2
CROWD = 200
"""Persons of a crowd that counts as a riot site."""


@dataclass(frozen=True)
class Check:
    """One line of the table: what was measured, its window, and whether it holds."""

    name: str
    measured: str
    window: str
    holds: bool

    def __str__(self) -> str:
        return f"{'pass' if self.holds else 'FAIL'}  {self.name:<58} {self.measured:>24}   {self.window}"


@lru_cache(maxsize=3)
def setting_of(name: str, citizens: int) -> tuple[Scenario, Setting]:
    spec = load_scenario(name)
    folder = find_region(spec.region)
    region = load_region(folder, spec.start_year)
    home = load_region(folder)
    reference = None if home.year == region.year else home
    return spec, prepare(region, synthesise(region, citizens), dict(spec.parameters), reference)


def finished(name: str, citizens: int, replication: int, months: int | None = None) -> StabilityModel:
    """Run one replication with its rounds logged."""
    spec, setting = setting_of(name, citizens)
    spec = replace(spec, months=months or spec.months)
    model = StabilityModel(spec, setting, run_seed(SEED, replication), log_rounds=True)
    while model.month < spec.months:
        model.step()
    return model


def in_parallel(task: Callable[..., Any], jobs: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """Run a task over jobs on two processes, results in the order of jobs."""
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        yield from pool.map(task, *zip(*jobs, strict=True), chunksize=2)


def calm_run(replication: int, citizens: int = 20_000) -> dict[str, float]:
    """Statistics of one ten-year baseline."""
    model = finished("baseline_2024", citizens, replication)
    weekly = model.world.tallies.round_log[0]
    total = weekly.sum(axis=1)
    series = model.world.recorder.series
    column = lambda name: series[:, :, OUTCOME_INDEX[name]]  # noqa: E731
    drift = {f"drift {n}": float(column(n)[-1].mean() - column(n)[0].mean()) for n in ("tension", "legitimacy", "unemployment",
             "extremism", "crime", "influence")}  # fmt: skip
    return {
        "empty": float((weekly < 50).mean()),
        "peak": float(total.max() / np.median(total)),
        "spread": float(total.std() / total.mean()),
        "onsets": float(column("onset").sum()),
        "participants": float(column("participants").sum()),
        "incidents": float(column("incidents").sum()),
        "deaths": float(column("communal_deaths").sum()),
        **drift,
    }


def facts(replications: int) -> list[Check]:
    """SF1 and SF2 of the evidence table, and the drift of fields."""
    runs = list(in_parallel(calm_run, [(r,) for r in range(replications)]))
    mean = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
    median = {name: float(np.median([run[name] for run in runs])) for name in runs[0]}
    rate = mean["onsets"] / 70.0
    checks = [
        Check(
            "SF1 onset of a 25-death episode, per country-year",
            f"{100 * rate:.2f} %",
            "above 0, at most 2.15 %",
            0.0 < rate <= 0.0215,
        ),
        Check(
            "SF2 district-weeks without a crowd of 50",
            f"{100 * mean['empty']:.1f} %",
            "at least 60 %",
            mean["empty"] >= 0.6,
        ),
        Check(
            "SF2 peak / median weekly participation (median run)",
            f"{median['peak']:.0f}",
            "at least 10",
            median["peak"] >= 10,
        ),
        Check(
            "SF2 s.d. / mean of weekly participation (median run)",
            f"{median['spread']:.2f}",
            "above 1.5",
            median["spread"] > 1.5,
        ),
    ]
    for name in [n for n in mean if n.startswith("drift")]:
        checks.append(
            Check(
                f"{name} over ten years, mean of states", f"{mean[name]:+.4f}", "within 0.01", abs(mean[name]) <= 0.01
            )
        )
    return checks


def rumour_run(name: str, replication: int) -> dict[str, float]:
    """What happened in Kosovo in the week of 17 March 2004, and at most in any other."""
    model = finished(name, 20_000, replication)
    region = model.setting.region
    here = np.flatnonzero(region.district_state == region.states.index("XKX"))
    people = float(region.district_population[here].sum())
    log = model.world.tallies.round_log[:, :, here]
    week = 4 * 8 + 2
    return {
        "share": float(log[0, week].sum() / people),
        "sites": float((log[0, week] >= CROWD).sum()),
        "deaths": float(log[2, week : week + 2].sum()),
        "participants": float(log[0, week].sum()),
        "violent": float(log[1].sum(axis=1).max()),
        "peak": float(log[0].sum(axis=1).max() / people),
    }


def rumour(replications: int) -> list[Check]:
    """SF12: the rumour of March 2004 against the same world without it."""
    names = ("rumour_march_2004", "kosovo_2004")
    jobs = [(name, r) for r in range(replications) for name in names]
    runs = list(in_parallel(rumour_run, jobs))
    told, calm = runs[0::2], runs[1::2]
    hit = [r for r in told if r["sites"] >= 20 and 0.01 <= r["share"] <= 0.05]
    per_participant = sum(r["deaths"] for r in told) / sum(r["participants"] for r in told)
    riots = [r for r in calm if r["violent"] >= 20]
    years = 1.5 * len(calm)
    return [
        Check(
            "SF12 runs with 20 sites and 1-5 % of residents out",
            f"{100 * len(hit) / len(told):.0f} %",
            "at least 5 %",
            len(hit) >= 0.05 * len(told),
        ),
        Check(
            "SF12 deaths per participant, all runs",
            f"{per_participant:.1e}",
            "1e-4 to 1e-3",
            1e-4 <= per_participant <= 1e-3,
        ),
        Check(
            "SF12 such violence without a rumour, per year",
            f"{100 * len(riots) / years:.1f} %",
            "below 1 %",
            len(riots) < 0.01 * years,
        ),
    ]


def scale(sizes: tuple[int, ...], replications: int) -> list[Check]:
    """Regional totals must not depend on how many persons a citizen stands for."""
    totals = {}
    for size in sizes:
        runs = list(in_parallel(calm_run, [(r, size) for r in range(replications)]))
        totals[size] = {
            name: float(np.mean([run[name] for run in runs])) for name in ("participants", "incidents", "deaths")
        }
    base = totals[sizes[-1]]
    checks = []
    for size in sizes[:-1]:
        for name in ("participants",):
            ratio = totals[size][name] / base[name]
            checks.append(
                Check(
                    f"{name}: {size:,} against {sizes[-1]:,} citizens",
                    f"{ratio:.3f}",
                    "0.90 to 1.10",
                    0.9 <= ratio <= 1.1,
                )
            )
    return checks
