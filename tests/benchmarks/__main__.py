"""Print the speed table: what is measured, against what, the goal and the floor."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.benchmarks import calm, numpy_peer, sweep_speed, twin_speed

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Row:
    """One line of the table; ``met`` is goal, floor or missed, or nothing where neither is set."""

    what: str
    measured: float
    unit: str
    goal: float | None
    floor: float | None
    note: str

    @property
    def met(self) -> str:
        if self.goal is None or self.floor is None:
            return ""
        better = self.measured >= self.goal if self.goal > self.floor else self.measured <= self.goal
        enough = self.measured >= self.floor if self.goal > self.floor else self.measured <= self.floor
        return "goal" if better else "floor" if enough else "MISSED"

    def __str__(self) -> str:
        aims = f"goal {self.goal:g}, floor {self.floor:g}" if self.met else ""
        figures = f"{self.measured:>10.3g} {self.unit:<6} {aims}"
        return f"{self.met:<7} {self.what:<58} {figures:<48} {self.note}"


def twin_rows(quick: bool) -> list[Row]:
    rows = []
    for citizens, months, goal, floor in ((20_000, 4, 150, 70), (100_000, 2, 300, 130))[: 1 if quick else 2]:
        found = twin_speed.measure(citizens, months)
        note = f"{1e3 * float(found['world_seconds_per_month']):.2f} ms a month; equal: {found['equal']}"
        rows.append(
            Row(
                f"world against per-agent Mesa, {citizens:,} citizens",
                float(found["ratio"]),
                "times",
                goal,
                floor,
                note,
            )
        )
    return rows


def numpy_rows(quick: bool) -> list[Row]:
    citizens = 200_000 if quick else 1_000_000
    found = numpy_peer.measure(citizens, 5)
    note = f"{citizens / found['kernel'] / 1e6:.0f} M citizens a second; against numpy's generator {found['generator'] / found['kernel']:.1f}"
    return [
        Row(
            f"citizen update against NumPy, {citizens:,} citizens",
            found["keyed"] / found["kernel"],
            "times",
            15,
            8,
            note,
        )
    ]


FULL = """
import json, resource, sys, time
from sim.model.month import StabilityModel
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.scenario import load_scenario
from sim.world.world import prepare
region = load_region(find_region("western_balkans"), 2024)
setting = prepare(region, synthesise(region, "all"))
spec = load_scenario("baseline_2024")
model = StabilityModel(spec, setting, 1, threads=2)
model.step()
start = time.perf_counter()
while model.month < int(sys.argv[1]):
    model.step()
taken = time.perf_counter() - start
print(json.dumps({"seconds": taken, "months": model.month - 1, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}))
"""


def full_rows(quick: bool) -> list[Row]:
    months = 13 if quick else 120
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(months)], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    found = json.loads(done.stdout)
    seconds = found["seconds"] * 120 / found["months"]
    note = f"{found['months']} months timed, scaled to 120"
    return [
        Row("every inhabitant, ten calm years, two threads", seconds, "s", 30, 90, note),
        Row("the same, peak memory", found["peak"], "GB", 1, 2, ""),
    ]


def python_rows(quick: bool) -> list[Row]:
    """Share of a calm run spent outside the kernels."""
    rows = []
    for citizens, goal, floor in ((20_000, 15, 35), (100_000, 6, 15))[: 1 if quick else 2]:
        total, inside = calm.measure(citizens)
        share = 100.0 * (total - inside) / total
        note = f"{total:.2f} s a run"
        rows.append(Row(f"Python's share of a calm run, {citizens:,} citizens", share, "%", goal, floor, note))
    return rows


COMPARE = ["-m", "sim.cli", "-q", "compare", "baseline_2024", "police_capacity", "--seed", "1"]


def timed_command(*arguments: str) -> float:
    start = perf_counter()
    subprocess.run(
        [sys.executable, *arguments], check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return perf_counter() - start


def worker_rows(quick: bool) -> list[Row]:
    """Two processes against one, start-up and figures taken off by a difference of sizes."""
    few, many = (2, 10) if quick else (4, 36)
    seconds = {}
    for workers in (1, 2):
        for replications in (few, many):
            with TemporaryDirectory() as folder:
                seconds[workers, replications] = timed_command(
                    *COMPARE, "--workers", str(workers), "--replications", str(replications), "--out", f"{folder}/out"
                )
    one = seconds[1, many] - seconds[1, few]
    two = seconds[2, many] - seconds[2, few]
    note = f"{one / (2 * (many - few)):.2f} s a run in one process"
    return [Row("two processes against one", one / two, "times", 1.85, 1.7, note)]


def sweep_rows(quick: bool) -> list[Row]:
    """What a sweep costs beside its runs."""
    rows = []
    for citizens, runs in ((20_000, 40 if quick else 1000), (100_000, 200))[: 1 if quick else 2]:
        ratio, seconds = sweep_speed.against_kernel(citizens, runs)
        note = f"{seconds:.2f} s a run in a process"
        what = f"{runs:,}-run sweep on two processes against kernels / 2, {citizens:,}"
        rows.append(Row(what, ratio, "times", 1.4, 2, note))
        share = sweep_speed.storage_share(citizens, 8 if quick else 40)
        rows.append(Row(f"storing against running, {citizens:,} citizens", share, "%", 5, 10, ""))
    each, rate = sweep_speed.overhead(400 if quick else 4000)
    rows.append(
        Row("executor, beside running and storing, a run", each, "ms", None, None, f"{rate:.0f} plain runs a second")
    )
    grown, words = sweep_speed.growth(sweep_speed.parent_memory(1000 if quick else 10_000))
    rows.append(Row("memory of the parent, growth over the last four fifths", grown, "MB", None, None, words))
    grown, words = sweep_speed.growth(sweep_speed.worker_memory(40 if quick else 500))
    rows.append(Row("memory of a worker, growth over the last four fifths", grown, "MB", None, None, words))
    return rows


def help_rows(quick: bool) -> list[Row]:
    seconds = median(timed_command("-m", "sim.cli", "--help") for _ in range(3 if quick else 9))
    return [Row("stabsim --help", seconds, "s", 0.15, 0.3, "")]


PARTS = (twin_rows, numpy_rows, full_rows, python_rows, worker_rows, sweep_rows, help_rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    parser.add_argument("--json", metavar="FILE", help="also write the rows to a file")
    options = parser.parse_args()
    rows: list[Row] = []
    for part in PARTS:
        for row in part(options.quick):
            print(row, flush=True)
            rows.append(row)
    if options.json:
        Path(options.json).write_text(
            json.dumps([{**asdict(row), "met": row.met} for row in rows], indent=1), encoding="utf-8"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{len(rows)} rows; this process at most {peak:.2f} GB; {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
