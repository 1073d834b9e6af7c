"""What a job needs in memory, on disk and in time, and what the machine has; what cannot fit is refused at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from sim.errors import InputError, Problem
from sim.experiment import available_workers
from sim.population import minimum_citizens
from sim.region import Region

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

FORCE = "--force starts it all the same"


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


MAX_POINTS = 200_000

MAX_RUNS = 2_000_000
"""What a plan may hold; the list of runs stays in memory, about 400 bytes each."""


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


def fit(
    region: Region, citizens: int | str, months: int, runs: int, workers: int | None, threads: int, force: bool
) -> tuple[int, Size]:
    """Choose how many workers fit into memory, and refuse what would not fit or end; return them and the size."""
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
    if problems and not force:
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
