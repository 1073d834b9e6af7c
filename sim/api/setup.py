"""Check what a call asks for, and make its plan; nothing is created here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sim import __version__
from sim.api.sizes import Size, check_citizens, check_runs, fit
from sim.errors import InputError, Problem
from sim.experiment import (
    Engine,
    Experiment,
    ModelEngine,
    Plan,
    Progress,
    Variant,
    build_plan,
    choose,
    chosen_theories,
    count,
    sample,
    under_theories,
)
from sim.region import Region, find_region, load_region
from sim.scenario import Scenario, load_scenario

ScenarioLike = Scenario | str | Path
ProgressCallback = Callable[[Progress], None]

MAX_REPLICATIONS = 100_000

MAX_WORKERS = 512

MAX_SEED = 2**63 - 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Settings:
    """What a call says of its runs besides the scenarios, as in ``run`` and ``compare``; nothing is checked yet.

    ``parameters`` says where replications take theirs from (see `choose`); None leaves it to ``drawn``. ``theories``
    adds every scenario under each stance of those rival theories. ``force`` passes over sizes.
    """

    seed: int
    replications: int
    citizens: int | str
    months: int | None = None
    set_: Sequence[str] = ()
    parameters: str | Path | None = None
    drawn: bool = False
    theories: str | Sequence[str] | None = None
    threads: int = 1
    workers: int | None = None
    engine: Engine | None = None
    force: bool = False


@dataclass(frozen=True, eq=False)
class Setup:
    """A checked experiment, nothing created yet; ``variants`` says which scenarios are others under a rival theory."""

    plan: Plan
    region: Region
    engine: Engine
    workers: int
    size: Size
    force: bool
    variants: tuple[Variant, ...] = ()

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Scenarios as they were given, without their variants."""
        derived = {variant.key for variant in self.variants}
        return tuple(scenario for scenario in self.plan.scenarios if scenario.key not in derived)

    def note(self, scenarios: Sequence[Scenario], baseline: Scenario | None = None) -> Any:
        """Provenance for captions."""
        from sim.plots import Note

        return Note(
            ", ".join(item.title or item.key for item in scenarios),
            self.plan.replications,
            self.plan.base_seed,
            __version__,
            self.plan.citizens,
            (baseline.title or baseline.key) if baseline else "",
            drawn=len(self.plan.ensemble.rows) if self.plan.ensemble else 0,
        )


def prepare(scenarios: Sequence[ScenarioLike], settings: Settings) -> Setup:
    """Load and check everything, list every problem at once, and plan the runs."""
    citizens, months, threads, workers = settings.citizens, settings.months, settings.threads, settings.workers
    problems = _check_numbers(settings.seed, settings.replications, citizens, months, threads, workers)
    if months is not None and any(item.partition("=")[0].strip() == "months" for item in settings.set_):
        problems.append(Problem("is set twice", file="--months", key="months", hint="also by --set"))
        months = None
    if any(problem.key == "months" for problem in problems):
        months = None  # said already; a scenario must not say it again
    loaded: list[Scenario] = []
    for item in scenarios:
        try:
            loaded.append(_load(item, months, settings.set_))
        except InputError as error:
            problems.extend(problem for problem in error.problems if problem not in problems)
    ensemble = None
    names: tuple[str, ...] = ()
    try:
        ensemble = choose(settings.parameters, drawn=settings.drawn)
    except InputError as error:
        problems.extend(error.problems)
    try:
        names = chosen_theories(settings.theories)
    except InputError as error:
        problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    given = _distinct(loaded)
    derived = list(under_theories(given, names))
    specs = _distinct([*given, *(scenario for _, scenario in derived)])
    region = load_region(find_region(specs[0].region), specs[0].start_year)
    check_citizens(region, citizens)
    runs = settings.replications * len(specs)
    count, size = fit(region, citizens, specs[0].months, runs, workers, threads, settings.force)
    plan = build_plan(
        specs,
        base_seed=settings.seed,
        replications=settings.replications,
        citizens=citizens,
        region_hash=region.sha256,
        ensemble=ensemble,
    )
    runner = settings.engine or ModelEngine(citizens, region.sha256, threads)
    return Setup(plan, region, runner, count, size, settings.force, tuple(variant for variant, _ in derived))


def prepare_sweep(
    experiment: Experiment,
    threads: int,
    workers: int | None,
    engine: Engine | None,
    *,
    elsewhere: bool = False,
    force: bool = False,
) -> Setup:
    """Check an experiment, make its points, resolve each in every scenario, and plan the runs.

    The plan holds as many replications as there may be at most. Workers ``elsewhere`` need not fit into the
    memory of this machine; ``force`` passes over sizes, but for what a plan can hold.
    """
    bases = _distinct([template.base for template in experiment.templates])
    base = bases[0]
    problems = _check_numbers(
        experiment.seed, experiment.replications, experiment.citizens, base.months, threads, workers
    )
    if problems:
        raise InputError(problems)
    first = experiment.until.at_least if experiment.until else experiment.replications
    points = count(experiment.design, experiment.factors)
    check_runs(points, len(bases), first, base.months)
    region = load_region(find_region(base.region), base.start_year)
    check_citizens(region, experiment.citizens)
    runs = points * len(bases) * first
    wanted = workers or 1 if elsewhere else workers
    number, size = fit(region, experiment.citizens, base.months, runs, wanted, threads, force or elsewhere)
    plan = build_plan(
        bases,
        base_seed=experiment.seed,
        replications=experiment.replications,
        citizens=experiment.citizens,
        region_hash=region.sha256,
        points=sample(experiment.design, experiment.factors),
        templates={template.key: template for template in experiment.templates},
        ensemble=choose(experiment.parameters, drawn=False),
    )
    return Setup(plan, region, engine or ModelEngine(experiment.citizens, region.sha256, threads), number, size, force)


def _load(item: ScenarioLike, months: int | None, set_: Sequence[str]) -> Scenario:
    if isinstance(item, Scenario):
        return item if months is None else replace(item, months=months)
    return load_scenario(item, [*set_, *([f"months={months}"] if months is not None else [])])


def _distinct(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """Drop a scenario given twice; refuse two that share a key, and worlds that cannot be paired."""
    kept: dict[str, Scenario] = {}
    for item in scenarios:
        other = kept.setdefault(item.key, item)
        if other.content_hash() != item.content_hash():
            raise InputError(f"scenario {item.key}: two different scenarios have this name; rename one file")
    first = next(iter(kept.values()))
    for item in kept.values():
        for name, mine, theirs in (
            ("region", item.region, first.region),
            ("start", item.date(0), first.date(0)),
            ("months", item.months, first.months),
        ):
            if mine != theirs:
                raise InputError(
                    Problem(
                        "a comparison pairs worlds that begin alike and last as long",
                        key=f"{item.key}.{name}",
                        got=str(mine),
                        allowed=f"{theirs}, as in {first.key}",
                    )
                )
    return list(kept.values())


def _check_numbers(
    seed: int, replications: int, citizens: int | str, months: int | None, threads: int, workers: int | None
) -> list[Problem]:
    checks: list[tuple[str, int | None, int, int]] = [
        ("seed", seed, 0, MAX_SEED),
        ("replications", replications, 1, MAX_REPLICATIONS),
        ("months", months, 1, 1200),
        ("threads", threads, 1, MAX_WORKERS),
        ("workers", workers, 1, MAX_WORKERS),
    ]
    problems = [
        Problem("out of range", key=name, got=str(value), allowed=f"{low} to {high:,}")
        for name, value, low, high in checks
        if value is not None and not low <= value <= high
    ]
    if citizens != "all" and not (isinstance(citizens, int) and citizens > 0):
        problems.append(
            Problem("not a number of citizens", key="citizens", got=str(citizens), allowed="1 or more, or all")
        )
    return problems
