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
    people = int(region.cell_population.sum()) if isinstance(citizens, str) else citizens
    each, free = PROCESS_BYTES + CITIZEN_BYTES * people, _free_memory()
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
