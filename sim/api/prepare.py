"""Check what a call asks for and plan its runs, once; carry the plan out in a folder of results.

`prepare` and `prepare_sweep` list everything that is wrong at once and create nothing. What they return, a `Setup`, opens
the folder, runs what is missing there and describes it. What cannot fit into memory, on disk or into two days is refused
beforehand, unless forced.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any

from sim.errors import InputError, Problem, SimError
from sim.experiment import (
    Engine,
    Ensemble,
    Experiment,
    Factor,
    ModelEngine,
    Plan,
    ResultsFolder,
    Tally,
    Variant,
    available_workers,
    build_plan,
    choose,
    chosen_theories,
    count,
    execute,
    local_pool,
    sample,
    under_theories,
)
from sim.experiment.design import POINTS, Points
from sim.experiment.folder import now
from sim.population import minimum_citizens
from sim.region import Region, find_region, load_region
from sim.scenario import Scenario, load_scenario
from sim.settings import Settings

ScenarioLike = Scenario | str | Path

MAX_REPLICATIONS = 100_000
MAX_WORKERS = 512
MAX_SEED = 2**63 - 1
MAX_POINTS = 200_000
MAX_RUNS = 2_000_000
"""What a plan may hold; the list of runs stays in memory, about 400 bytes each."""


class RunsFailedError(SimError):
    """So many runs failed that nothing is left to report."""

    exit_code = 3


@dataclass(eq=False)
class Setup:
    """A checked experiment: what is run, and what its folder says of it. Nothing is created before `opened`.

    ``name`` is that of its folder where none is given, ``variants`` says which scenarios are others under a rival theory,
    ``warnings`` what is allowed but worth a second look,
    ``described`` is added to the manifest and ``files`` (name to text) to the folder.
    """

    kind: str
    name: str
    plan: Plan
    region: Region
    settings: Settings
    engine: Engine
    workers: int
    size: Size
    baseline: str = ""
    variants: tuple[Variant, ...] = ()
    warnings: tuple[Problem, ...] = ()
    described: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    started: str = field(default_factory=now)

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Scenarios as they were given, without their variants."""
        derived = {variant.key for variant in self.variants}
        return tuple(scenario for scenario in self.plan.scenarios if scenario.key not in derived)

    def announce(self) -> None:
        """Tell the caller what is about to be run, if it asked for that."""
        if self.settings.announce:
            self.settings.announce(self)

    def __str__(self) -> str:
        given, runs = len(self.scenarios), len(self.plan.runs)
        also = f" and {len(self.variants)} variants under rival theories" if self.variants else ""
        return f"{given} scenarios{also}, {self.plan.replications:,} replications: {runs:,} runs, {self.size}."

    @contextmanager
    def opened(self) -> Iterator[ResultsFolder]:
        """Announce the plan, then create and hold the folder: the one given, one below a folder, or a temporary one."""
        self.announce()
        out, below = self.settings.out, self.settings.below
        named = out is None and below is not None
        folder = ResultsFolder.free(self.name, self.plan, below or "") if named else ResultsFolder.at(out)
        self._check_room(folder.path)
        with folder.opened(self.plan):
            yield folder

    def execute(self, folder: ResultsFolder) -> Tally:
        """Describe the experiment, then run what is missing, and what failed before if so wanted."""
        settings, sweeps = self.settings, self.kind == "sweep"
        folder.unseal()
        self._describe(folder, "running")
        folder.write_inputs(self.plan, self.files, self.described.get("design", {}).get("factors", ()))
        # In a sweep a run may not take the command along: the model runs in other processes only.
        isolated = sweeps and (isinstance(self.engine, ModelEngine) or settings.timeout is not None)
        tally = execute(
            self.plan,
            folder,
            self.engine,
            workers=self.workers,
            pool=settings.pool or local_pool(self.workers, isolated=isolated),
            progress=settings.progress,
            retry_failed=settings.retry_failed or not sweeps,
            on_error=settings.on_error,
            timeout=settings.timeout,
        )
        if not tally.done:
            row = folder.runs().to_pylist()[0]
            self._describe(folder, "failed", tally)
            raise RunsFailedError(f"all {tally.failed} runs failed; the first: {row['stage']}: {row['error']}")
        return tally

    def finish(self, folder: ResultsFolder, tally: Tally) -> None:
        """Describe what was done, and record the checksums of all that was written."""
        self._describe(folder, "failed" if tally.stopped else "complete", tally)
        folder.seal()

    def _describe(self, folder: ResultsFolder, status: str, tally: Tally | None = None) -> None:
        folder.describe(
            self.plan,
            self.region,
            self.kind,
            status,
            started=self.started,
            baseline=self.baseline,
            more=self.described,
            tally=tally,
            workers=self.workers,
        )

    def _check_room(self, path: Path) -> None:
        place = next((folder for folder in (path, *path.parents) if folder.exists()), path)
        try:
            room = shutil.disk_usage(place)
        except OSError:
            return
        if self.size.disk > room.free and room.total and not self.settings.force:
            raise InputError(
                Problem(
                    "not enough room for the results",
                    file=str(path),
                    got=f"about {in_bytes(self.size.disk)} needed",
                    allowed=f"{in_bytes(room.free)} free",
                    hint=FORCE,
                )
            )


# --- checking and planning ------------------------------------------------------------------------------


def prepare(kind: str, scenarios: Sequence[ScenarioLike], settings: Settings) -> Setup:
    """Load and check everything, list every problem at once, and plan the runs."""
    given, ensemble, theories = checked(kind, scenarios, settings)
    return planned(kind, given, settings, ensemble=ensemble, theories=theories)


def checked(
    kind: str, scenarios: Sequence[ScenarioLike], settings: Settings
) -> tuple[list[Scenario], Ensemble | None, tuple[str, ...]]:
    """Return the scenarios, the ensemble and the theories that settings ask for, or raise every problem at once."""
    months, problems = settings.months, _check_settings(settings)
    if months is not None and any(item.partition("=")[0].strip() == "months" for item in settings.set_):
        problems.append(Problem("is set twice", file="--months", key="months", hint="also by --set"))
        months = None
    if any(problem.key == "months" for problem in problems):
        months = None  # reported already; a scenario must not report it again
    loaded: list[Scenario] = []
    for item in scenarios:
        try:
            loaded.append(_load(item, months, settings.set_))
        except InputError as error:
            problems.extend(problem for problem in error.problems if problem not in problems)
    ensemble: Ensemble | None = None
    theories: tuple[str, ...] = ()
    try:
        ensemble = choose(settings.parameters, drawn=kind == "compare")
    except InputError as error:
        problems.extend(error.problems)
    try:
        theories = chosen_theories(settings.theories)
    except InputError as error:
        problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    return _distinct(loaded), ensemble, theories


def planned(
    kind: str,
    given: Sequence[Scenario],
    settings: Settings,
    *,
    ensemble: Ensemble | None = None,
    theories: Sequence[str] = (),
) -> Setup:
    """Plan the runs of checked scenarios, and of their variants under rival theories."""
    derived = list(under_theories(given, theories))
    scenarios = _distinct([*given, *(scenario for _, scenario in derived)])
    region = _region(scenarios[0], settings.citizens)
    runs = settings.replications * len(scenarios)
    workers, size = fit(region, scenarios[0].months, runs, settings)
    plan = build_plan(
        scenarios,
        base_seed=settings.seed,
        replications=settings.replications,
        citizens=settings.citizens,
        region_hash=region.sha256,
        ensemble=ensemble,
    )
    keys = [item.key for item in given]
    shown = keys if len(keys) <= 3 else [*keys[:2], f"and_{len(keys) - 2}_more"]
    variants = tuple(variant for variant, _ in derived)
    return Setup(
        kind,
        f"{kind}-" + "-".join(key[:40] for key in shown),
        plan,
        region,
        settings,
        settings.engine or ModelEngine(settings.citizens, region.sha256, settings.threads),
        workers,
        size,
        baseline=keys[0],
        variants=variants,
        warnings=tuple(dict.fromkeys(problem for item in given for problem in item.warnings)),
        described={"theories": [asdict(variant) for variant in variants]} if variants else {},
    )


def prepare_sweep(experiment: Experiment, settings: Settings) -> Setup:
    """Check an experiment, make its design points, resolve each in every scenario, and plan the runs.

    The plan holds as many replications as there may be at most. Workers of a ``pool`` need not fit into the
    memory of this machine; ``force`` passes over sizes, but for what a plan can hold.
    """
    bases = _distinct([template.base for template in experiment.templates])
    settings = replace(
        settings, seed=experiment.seed, replications=experiment.replications, citizens=experiment.citizens
    )
    problems = _check_settings(replace(settings, months=bases[0].months))
    if problems:
        raise InputError(problems)
    first = experiment.until.at_least if experiment.until else experiment.replications
    points = count(experiment.design, experiment.factors)
    check_runs(points, len(bases), first, bases[0].months)
    region = _region(bases[0], settings.citizens)
    elsewhere = settings.pool is not None
    sized = replace(settings, workers=settings.workers or 1, force=True) if elsewhere else settings
    workers, size = fit(region, bases[0].months, points * len(bases) * first, sized)
    plan = build_plan(
        bases,
        base_seed=settings.seed,
        replications=settings.replications,
        citizens=settings.citizens,
        region_hash=region.sha256,
        points=sample(experiment.design, experiment.factors),
        templates={template.key: template for template in experiment.templates},
        ensemble=choose(experiment.parameters, drawn=False),
    )
    return Setup(
        "sweep",
        f"sweep-{experiment.key[:60]}",
        plan,
        region,
        settings,
        settings.engine or ModelEngine(settings.citizens, region.sha256, settings.threads),
        workers,
        size,
        baseline=experiment.baseline,
        warnings=tuple(experiment.warnings),
        described=_described(experiment),
        files={"experiment.yaml": experiment.text}
        | ({POINTS: plan.points.text()} if isinstance(plan.points, Points) else {}),
    )


def _described(experiment: Experiment) -> dict[str, Any]:
    """Return what the manifest says of an experiment."""
    design = experiment.design.described(experiment.factors)
    for entry, factor in zip(design["factors"], experiment.factors, strict=True):
        entry["acts_in"] = acts_in(experiment, factor)
    made: dict[str, Any] = {
        "title": experiment.title,
        "question": experiment.question,
        "expected": experiment.expected,
        "design": design,
        "constants": dict(experiment.constants),
    }
    return made | ({"sequential": experiment.until.described()} if experiment.until else {})


def acts_in(experiment: Experiment, factor: Factor) -> list[str]:
    """Return the keys of the scenarios in which a factor changes something."""
    return [template.key for template in experiment.templates if template.has(factor.key)]


def _region(scenario: Scenario, citizens: int | str) -> Region:
    region = load_region(find_region(scenario.region), scenario.start_year)
    check_citizens(region, citizens)
    return region


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


def _check_settings(settings: Settings) -> list[Problem]:
    checks = [
        ("seed", 0, MAX_SEED),
        ("replications", 1, MAX_REPLICATIONS),
        ("months", 1, 1200),
        ("threads", 1, MAX_WORKERS),
        ("workers", 1, MAX_WORKERS),
    ]
    problems = [
        Problem("out of range", key=name, got=str(value), allowed=f"{low} to {high:,}")
        for name, low, high in checks
        if (value := getattr(settings, name)) is not None and not low <= value <= high
    ]
    if settings.on_error not in ("stop", "continue"):
        problems.append(
            Problem("is not a choice", key="on-error", got=settings.on_error[:40], allowed="stop, continue")
        )
    citizens = settings.citizens
    if citizens != "all" and not (isinstance(citizens, int) and citizens > 0):
        problems.append(
            Problem("not a number of citizens", key="citizens", got=str(citizens), allowed="1 or more, or all")
        )
    return problems


# --- sizes ----------------------------------------------------------------------------------------------

PROCESS_BYTES = 400_000_000
CITIZEN_BYTES = 50
RUN_BYTES = 250_000
"""Generous estimates, for refusing what cannot fit: a worker, a citizen, a stored run of ten years."""

MONTH_SECONDS = 0.003
CITIZEN_MONTH_SECONDS = 3e-8
CITIZEN_SETUP_SECONDS = 1.2e-6
WORKER_SECONDS = 5.0
"""Rough rates in calm months on one core of a small server: a month of the Western Balkans, a citizen in a month,
a citizen made before the first run, a worker started. Unrest costs more; other machines differ by a factor of two
or three either way."""

MAX_SECONDS = 48 * 3600.0
"""A job that would take longer than this is refused unless forced."""

FORCE = "--force ignores this estimate"


@dataclass(frozen=True)
class Size:
    """What a job needs, roughly: ``memory`` of all workers and ``disk`` in bytes, ``seconds`` from start to end."""

    memory: int
    disk: int
    seconds: float

    def __str__(self) -> str:
        return f"about {in_bytes(self.memory)} of memory, {in_bytes(self.disk)} on disk and {_time(self.seconds)}"


def size_of(people: int, months: int, runs: int, workers: int, threads: int = 1) -> Size:
    """Estimate what ``runs`` runs need.

    Parameters
    ----------
    people : int
        Citizens of each run.
    months, runs : int
        Length of a run; number of runs, all scenarios together.
    workers, threads : int
        Processes side by side, and kernel threads of each; more than there are processors do not help.
    """
    side_by_side = min(workers, available_workers(), runs)
    helping = min(threads, max(1, available_workers() // side_by_side))
    each = months * (MONTH_SECONDS + CITIZEN_MONTH_SECONDS * people / helping)
    setup = WORKER_SECONDS + CITIZEN_SETUP_SECONDS * people
    return Size(
        memory=workers * (PROCESS_BYTES + CITIZEN_BYTES * people),
        disk=ceil(runs * RUN_BYTES * max(1.0, months / 120)),
        seconds=setup + each * ceil(runs / side_by_side),
    )


def check_citizens(region: Region, citizens: int | str) -> None:
    """Refuse a number of citizens that leaves a cell empty or exceeds the inhabitants."""
    if isinstance(citizens, str):
        return
    least, most = minimum_citizens(region), int(region.cell_population.sum())
    if not least <= citizens <= most:
        raise InputError(
            Problem(
                "out of range for this region",
                key="citizens",
                got=f"{citizens:,} (about {in_bytes(PROCESS_BYTES + CITIZEN_BYTES * citizens)} a worker)",
                allowed=f"{least:,} to {most:,}, or all",
            )
        )


def fit(region: Region, months: int, runs: int, settings: Settings) -> tuple[int, Size]:
    """Choose how many workers fit into memory, and refuse what would not fit or end; return them and the size."""
    citizens, workers, threads = settings.citizens, settings.workers, settings.threads
    people = int(region.cell_population.sum()) if isinstance(citizens, str) else citizens
    free = _free_memory()
    if workers is None:
        room = int(free * 0.9 / size_of(people, months, runs, 1).memory) if free else runs
        workers = max(1, min(available_workers(), runs, room))
    size = size_of(people, months, runs, workers, threads)
    problems = []
    job = (
        f"{runs:,} run{'s' * (runs > 1)} of {months} months, {people:,} citizens, {workers} worker{'s' * (workers > 1)}"
    )
    if free and size.memory > free * 0.95:
        hint = f"fewer citizens or workers; {FORCE}"
        allowed = f"{in_bytes(free)} free"
        problems.append(Problem("would not fit into memory", key=job, got=str(size), allowed=allowed, hint=hint))
    if size.seconds > MAX_SECONDS:
        hint = f"fewer replications, citizens or months; {FORCE}"
        allowed = _time(MAX_SECONDS)
        problems.append(Problem("would take too long", key=job, got=str(size), allowed=allowed, hint=hint))
    if problems and not settings.force:
        raise InputError(problems)
    return workers, size


def check_runs(points: int, scenarios: int, replications: int, months: int) -> None:
    """Refuse a design that could never be carried out, before its points are made."""
    runs = points * scenarios * replications
    if points > MAX_POINTS or runs > MAX_RUNS:
        raise InputError(
            Problem(
                "too large to be carried out",
                key="design",
                got=f"{points:,} points x {scenarios} scenarios x {replications:,} replications = {runs:,} runs, "
                f"about {runs * RUN_BYTES * max(1.0, months / 120) / 1e9:,.0f} GB",
                allowed=f"{MAX_POINTS:,} points and {MAX_RUNS:,} runs",
            )
        )


def in_bytes(count: float) -> str:
    """Write an amount of memory or disk in the unit that fits."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"


def _time(seconds: float) -> str:
    """Write a rough length of time in the unit that fits."""
    for unit, length in (("years", 365 * 86400), ("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            count = seconds / length
            return f"{count:.1f} {unit}" if count < 10 else f"{count:,.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _free_memory() -> int:
    """Bytes of memory free for use; 0 when the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0
