"""What a sweep costs beside its runs: executor, storage, and memory of the parent and the workers.

    python -m tests.benchmarks.sweep_speed [RUNS]

prints the memory curve: parent over a sweep of RUNS (10,000) runs of the plain world, whose runs cost nothing, so that
only what the sweep itself keeps is seen; workers over a sweep of the model.
"""

from __future__ import annotations

import sys
from multiprocessing import active_children
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from sim.experiment import Engine, ModelEngine, Plan, Progress, ResultsFolder, Tally, build_plan, execute
from sim.experiment.pools import LocalPool
from sim.region import find_region, load_region
from sim.scenario import load_scenario
from tests.benchmarks import calm
from tests.experiment_fakes import FakeEngine, FakeScenario


def plain_sweep(runs: int, **options: Any) -> Tally:
    """A sweep of the plain world: runs that cost nothing, with small tables."""
    plan = build_plan(
        [FakeScenario("calm", months=3)],
        base_seed=1,
        replications=runs,
        citizens=1000,
        region_hash="region",
        model="model",
    )
    return swept(plan, FakeEngine(districts=2), **options)


def model_sweep(runs: int, citizens: int, months: int = 120, **options: Any) -> Tally:
    """A sweep of today's baseline."""
    from dataclasses import replace

    region = load_region(find_region("western_balkans"), 2024)
    spec = replace(load_scenario("baseline_2024"), months=months)
    plan = build_plan([spec], base_seed=1, replications=runs, citizens=citizens, region_hash=region.sha256)
    return swept(plan, ModelEngine(citizens, region.sha256), **options)


def swept(plan: Plan, engine: Engine, workers: int = 2, progress: Any = None) -> Tally:
    with TemporaryDirectory(prefix="stabsim-benchmark-") as folder:
        store = ResultsFolder(Path(folder))
        store.prepare()
        tally = execute(plan, store, engine, workers=workers, pool=lambda: LocalPool(workers), progress=progress)
        assert tally.done == len(plan.runs)
        return tally


def overhead(runs: int) -> tuple[float, float]:
    """Milliseconds a run that one process spends on neither running nor storing, start-up taken off; runs a second."""
    few, many = plain_sweep(runs // 4), plain_sweep(runs)
    idle = [2 * tally.elapsed - tally.run_seconds - tally.store_seconds for tally in (few, many)]
    added = runs - runs // 4
    return 1e3 * (idle[1] - idle[0]) / added, added / (many.elapsed - few.elapsed)


def storage_share(citizens: int, runs: int) -> float:
    """Percent of the time of running that storing takes."""
    tally = model_sweep(runs, citizens, workers=1)
    return 100 * tally.store_seconds / tally.run_seconds


def against_kernel(citizens: int, runs: int) -> tuple[float, float]:
    """A sweep on two processes, start-up included, against half the bare kernels' time; seconds a run."""
    _, kernels = calm.measure(citizens, 2)
    tally = model_sweep(runs, citizens)
    return tally.elapsed / (runs * kernels / 2), 2 * tally.elapsed / runs


def resident(process: int | str = "self") -> float:
    """Memory of a process now, in MB."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def parent_memory(runs: int) -> dict[int, float]:
    """MB of this process after so many runs of a sweep of the plain world."""
    found: dict[int, float] = {}
    marks = {0, runs, *(runs * tenth // 10 for tenth in range(1, 10))}

    def watch(step: Progress) -> None:
        while (due := sorted(marks - found.keys())) and step.done >= due[0]:
            found[due[0]] = resident()

    plain_sweep(runs, progress=watch)
    return found


def worker_memory(runs: int, citizens: int = 20_000, months: int = 24) -> dict[int, float]:
    """MB of the largest of two workers after so many runs of the model."""
    found: dict[int, float] = {}

    def watch(step: Progress) -> None:
        due = step.done - step.done % max(1, runs // 10)
        if due and due not in found and (workers := active_children()):
            found[due] = max(resident(worker.pid) for worker in workers if worker.pid)

    model_sweep(runs, citizens, months, progress=watch)
    return found


def growth(curve: dict[int, float]) -> tuple[float, str]:
    """MB between a fifth of the way and the end; the curve in words."""
    points = sorted(curve)
    early = next(point for point in points if point >= points[-1] / 5)
    words = ", ".join(f"{point:,}: {curve[point]:.0f}" for point in points)
    return curve[points[-1]] - curve[early], f"MB after so many runs: {words}"


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for what, measure in (
        ("parent", lambda: parent_memory(runs)),
        ("worker", lambda: worker_memory(max(20, runs // 20))),
    ):
        start = perf_counter()
        grown, words = growth(measure())
        print(f"{what}: {grown:+.1f} MB; {words}; {perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
