"""Models that checks run, under a condition, and the laboratory that runs many of them on a few processes.

The models are of shipped scenarios, with their rounds logged, and of an invented region (Twin Valleys). A condition is set in
the tables (exclusion, missions), in the parameters, or by hand on what institutions decide (posture, an armed group that
fights or never forms). The rules of the model stay as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from sim.agents.armed_group import ACTIVE, LATENT, ArmedGroup
from sim.agents.base import Action, SetArms, Situation
from sim.experiment import Progress, run_seed
from sim.experiment.pools import start_worker
from sim.model.month import StabilityModel
from sim.model.run import load_people, make_setting

# --- lab
from sim.population import Population, synthesise
from sim.region import Region, find_region, load_region
from sim.region.records import Mission
from sim.scenario import Scenario, load_scenario
from sim.world.world import Setting, prepare

ProgressCallback = Callable[[Progress], None]
FOLDER = Path(__file__).parent / "worlds"
SEED = 1
"""Base seed of every check."""
VALLEY_CITIZENS = 2_000
Parameters = tuple[tuple[str, float], ...]
RESTLESS: Parameters = (("quiet_participation", 0.0003), ("violent_share", 0.1), ("incident_rate", 0.03))
"""Upper ends of the plausible ranges: enough incidents in a small region to measure their timing and their number."""
WARLIKE: Parameters = (("recruitment", 0.001), ("armed_event_rate", 0.002), ("fighter_cap", 0.05))
"""The same for the armed track: with the defaults a minority of 20,000 fights a few events a year."""


@dataclass(kw_only=True, eq=False)
class Lab:
    """Runs a task for many jobs; ``quick`` asks for fewer of them, ``replications`` for just so many; what should outlive
    the process is kept in ``folder``.

    Tasks are functions of a module, jobs tuples of plain arguments, results come in the order of jobs, so nothing
    depends on the number of workers. Worker processes start with the first task and end with the ``with`` block.
    """

    quick: bool = False
    workers: int = 1
    progress: ProgressCallback | None = None
    replications: int | None = None
    folder: Path | None = None
    _pool: Executor | None = field(default=None, init=False)
    _kept: dict[str, Any] = field(default_factory=dict, init=False)

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)
            self._pool = None

    def size(self, full: int, quick: int) -> int:
        """How many replications: ``full``, or ``quick`` when asked to be quick, or what was asked for."""
        return self.replications or (quick if self.quick else full)

    def map(self, task: Callable[..., Any], jobs: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Run a task for every job."""
        work = list(jobs)
        started = time.monotonic()
        if self.workers <= 1:
            results = (task(*job) for job in work)
        else:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(self.workers, get_context("spawn"), start_worker)
            results = self._pool.map(task, *zip(*work, strict=True), chunksize=1)  # type: ignore[assignment]
        made = []
        for result in results:
            made.append(result)
            if self.progress is not None:
                seconds, left = time.monotonic() - started, len(work) - len(made)
                rate = len(made) / seconds if seconds > 0 else 0.0
                self.progress(Progress(len(made), len(work), 0, rate, left / rate if rate else None))
        return made

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Runs that several facts share, made when first asked for."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]


# --- shipped scenarios


def ground(scenario: str, citizens: int) -> tuple[Scenario, Region, Population]:
    """A shipped scenario, its region and people."""
    spec = load_scenario(scenario)
    return spec, *load_people(spec.region, spec.start_year, citizens)


@lru_cache(maxsize=4)
def shipped(name: str, citizens: int, parameters: Parameters = ()) -> tuple[Scenario, Setting]:
    """A shipped scenario and its setting, kept for the process."""
    spec, region, population = ground(name, citizens)
    return spec, make_setting(region, population, {**spec.parameters, **dict(parameters)})


def model_of(
    name: str, citizens: int, replication: int, months: int | None = None, parameters: Parameters = ()
) -> StabilityModel:
    """A model of a shipped scenario, its rounds logged, before its first month."""
    spec, setting = shipped(name, citizens, parameters)
    spec = replace(spec, months=months or spec.months)
    return StabilityModel(spec, setting, run_seed(SEED, replication), log_rounds=True)


def run(model: StabilityModel, each_month: Callable[[StabilityModel], None] | None = None) -> StabilityModel:
    """Run to the horizon, calling ``each_month`` after every month."""
    while model.month < model.spec.months:
        model.step()
        if each_month is not None:
            each_month(model)
    return model


@dataclass(frozen=True)
class Valley:
    """The invented region with a condition.

    ``status`` exclusion of the minority of both states, the majorities being in government; ``mission`` in the eastern state BBB: a mandate, ``police``
    or ``observers``, at the strength of a full dose; ``file`` a world of this package.
    """

    file: str = "valleys"
    status: float = 0.35
    mission: str = "none"
    parameters: Parameters = ()
    months: int = 120
    citizens: int | str = VALLEY_CITIZENS


@lru_cache(maxsize=8)
def valley(world: Valley) -> tuple[Scenario, Setting]:
    """Scenario and setting of a valley, kept for the process; the baseline solve is that of the plain region."""
    spec = replace(load_scenario(FOLDER / f"{world.file}.yaml"), months=world.months)
    plain = load_region(find_region(spec.region), spec.start_year)
    values = {**spec.parameters, **dict(world.parameters)}
    population = synthesise(plain, world.citizens)
    solve = prepare(plain, population, values).solve
    exclusion = np.where(plain.exclusion > 0.0, world.status, 0.0)
    exclusion.setflags(write=False)
    region = replace(plain, exclusion=exclusion, missions=_missions(plain, world.mission))
    return spec, prepare(region, population, values, solve=solve)


def valley_model(world: Valley, replication: int) -> StabilityModel:
    """A model of a valley before its first month."""
    spec, setting = valley(world)
    return StabilityModel(spec, setting, run_seed(SEED, replication), log_rounds=True)


def _missions(region: Region, mission: str) -> tuple[Mission, ...]:
    """One mission in the eastern state at a full dose: 8 per 1,000 residents, police 0.5."""
    if mission == "none":
        return ()
    east = region.states.index("BBB")
    kind, mandate = {"observers": ("observers", "observer"), "police": ("police", "robust")}.get(
        mission, ("troops", mission)
    )
    per_resident = 0.0005 if mission == "police" else 0.008
    strength = round(per_resident * int(region.group_population[region.group_state == east].sum()))
    return (Mission("CHECK", "Check", "none", east, kind, mandate, (2000, 1), None, {2000: strength}),)


def minority(model: StabilityModel, state: str) -> ArmedGroup:
    """The possible armed group of the minority of a valley's state."""
    region = model.setting.region
    index = region.states.index(state)
    here = [group for group in model.armed_groups if group.state == index]
    return min(here, key=lambda group: int(region.group_population[group.group]))


def keep_out(group: ArmedGroup) -> None:
    """An armed group that never forms."""
    group.decide = lambda picture: []  # type: ignore[method-assign]


def keep_fighting(group: ArmedGroup, arms: float = 1.0) -> None:
    """An armed group that fights from the first month to the last, fully armed: a war that no rule ends."""

    def decide(picture: Situation) -> list[Action]:
        group.deaths = [*group.deaths[-11:], picture.group_deaths[group.group]]
        if group.status == LATENT:
            group.enter(ACTIVE, picture.month)
        return [SetArms("", "", group.group, arms, 1.0)]

    group.decide = decide  # type: ignore[method-assign]


def keep_recruiting(group: ArmedGroup) -> None:
    """An armed group that takes whoever comes from the first month to the last, fully armed, and never attacks."""

    def decide(picture: Situation) -> list[Action]:
        if group.status == LATENT:
            group.enter(ACTIVE, picture.month)
        return [SetArms("", "", group.group, 1.0, 0.0)]

    group.decide = decide  # type: ignore[method-assign]
