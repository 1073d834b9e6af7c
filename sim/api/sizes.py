"""What a run needs in memory and on disk, and what the machine has; what cannot fit is refused before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

from sim.errors import InputError, Problem
from sim.experiment import available_workers
from sim.population.synthesis import minimum_citizens
from sim.region import Region

PROCESS_BYTES = 400_000_000

CITIZEN_BYTES = 50

RUN_BYTES = 250_000
"""Generous estimates, for refusing what cannot fit: a worker, a citizen, a stored run of ten years."""


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
                got=f"{citizens:,} ({_memory(citizens)} a worker)",
                allowed=f"{least:,} to {most:,}, or all",
            )
        )


def fit_workers(region: Region, citizens: int | str, workers: int | None, runs: int) -> int:
    """Choose how many workers fit into memory; refuse what cannot."""
    each, free = worker_bytes(region, citizens), _free_memory()
    if workers is None:
        workers = max(1, min(available_workers(), runs, int(free * 0.9 / each) if free else runs))
    if free and each * workers > free * 0.95:
        raise InputError(
            Problem(
                "would not fit into memory",
                key="citizens",
                got=f"about {each * workers / 1e9:.1f} GB for {workers} worker(s)",
                allowed=f"{free / 1e9:.1f} GB free",
                hint="fewer citizens or workers",
            )
        )
    return workers


def check_runs(points: int, scenarios: int, replications: int, months: int) -> None:
    """Refuse a design that could never be carried out, before its points are made."""
    runs = points * scenarios * replications
    if points > MAX_POINTS or runs > MAX_RUNS:
        raise InputError(
            Problem(
                "too large to be carried out",
                key="design",
                got=f"{points:,} points x {scenarios} scenarios x {replications:,} replications = {runs:,} runs, "
                f"about {runs * run_bytes(months) / 1e9:,.0f} GB",
                allowed=f"{MAX_POINTS:,} points and {MAX_RUNS:,} runs",
            )
        )


def run_bytes(months: int) -> float:
    """Estimate what a stored run takes on disk."""
    return RUN_BYTES * max(1.0, months / 120)


def worker_bytes(region: Region, citizens: int | str) -> int:
    """Estimate what a worker takes in memory."""
    people = int(region.cell_population.sum()) if isinstance(citizens, str) else citizens
    return PROCESS_BYTES + CITIZEN_BYTES * people


def _memory(citizens: int) -> str:
    return f"about {(PROCESS_BYTES + CITIZEN_BYTES * citizens) / 1e9:,.1f} GB"


def _free_memory() -> int:
    """Bytes of memory free for use; 0 when the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0
