"""Sweeps that are hurt in every way, held against one that was left alone: nothing lost, nothing twice, same bytes.

The world is the plain one of ``tests.experiment_fakes`` (all that is tested here is above the model), run through the
real executor, store, lock and signals; ``recreated`` uses the real model in Twin Valleys.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sim.experiment import ResultsFolder, StoreError, execute
from sim.experiment import files as experiment_files
from tests.fault_fakes import ROOT, Sweep, TroubleEngine, content, fault_plan, wait_for
from tests.long.studies import Check

KINDS = ("worker", "parent", "group")


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="stabsim-faults-") as made:
        yield Path(made)


def undisturbed(where: Path, replications: int) -> tuple[str, str, str]:
    """Carry the plan out once in peace, in this process, and hash its tables."""
    store = ResultsFolder(where)
    store.prepare()
    execute(fault_plan(replications), store, TroubleEngine())
    return content(where)


def broken_files(where: Path) -> list[str]:
    """Batches that count although one of their bytes is wrong or missing."""
    store = ResultsFolder(where)
    return [fault for key in store.batches() if (fault := store.fault(key))]


def kills(number: int, replications: int, seconds: float = 0.015, seed: int = 1) -> list[Check]:
    """SIGKILL at random moments to a worker, the parent and the whole group, a third each."""
    draw = random.Random(seed)
    counted: Counter[str] = Counter()
    orphans = rounds = good = damaged = sessions = working = 0
    started = time.monotonic()
    with folder() as base:
        expected = undisturbed(base / "calm", replications)
        while sum(counted.values()) < number:
            where = base / f"round{rounds}"
            rounds += 1
            while True:
                running = Sweep.start(where, "--replications", replications, "--seconds", seconds)
                sessions += 1
                before = sum(counted.values())
                while running.process.poll() is None and sum(counted.values()) < number:
                    a_moment(draw, running, where)
                    kind = KINDS[sum(counted.values()) % 3]
                    if not running.kill(kind, draw.randrange(8)):
                        continue
                    counted[kind] += 1
                    if kind != "worker":
                        break
                code, _, error = running.ended(600)
                if code != 0 and sum(counted.values()) == before:
                    raise RuntimeError(f"a sweep that nobody killed ended with {code}: {error.strip()[-500:]}")
                orphans += len(running.orphans())
                if where.is_dir():
                    damaged += len(broken_files(where))
                if code == 0:
                    break
            good += content(where) == expected
            working += told(where, "lost")
    kinds = ", ".join(f"{counted[kind]} {kind}" for kind in KINDS)
    took = f"{sessions} sessions, {rounds} sweeps of {2 * replications} runs, {time.monotonic() - started:.0f} s"
    return [
        Check(f"{number} kills at random moments: {kinds}", took, "", sum(counted.values()) == number),
        Check("workers that were killed with a task", str(working), "> 0", working > 0 or number < 100),
        Check("killed sweeps end with the tables of an undisturbed one", f"{good} of {rounds}", "all", good == rounds),
        Check("batches that count and are not whole, after a kill", str(damaged), "0", damaged == 0),
        Check("processes left 5 s after their parent", str(orphans), "0", orphans == 0),
    ]


def a_moment(draw: random.Random, running: Sweep, where: Path) -> None:
    """Wait: half of the time a random while, start-up included, else until work is done and a little longer."""
    if draw.random() < 0.5:
        time.sleep(draw.uniform(0.0, 3.0))
        return
    before, deadline = told(where, "batch"), time.monotonic() + 15
    while told(where, "batch") == before and running.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(draw.uniform(0.0, 0.5))


def told(where: Path, event: str) -> int:
    """Count an event in a folder's log."""
    try:
        return (where / "log.jsonl").read_text(encoding="utf-8").count(f'"event": "{event}"')
    except OSError:
        return 0


def one_worker_killed(replications: int, cluster: bool) -> list[Check]:
    """One worker killed under the local pool, and under Dask."""
    checks = []
    with folder() as base:
        expected = undisturbed(base / "calm", replications)
        running = Sweep.start(base / "local", "--replications", replications, "--seconds", 0.05)
        wait_for(base / "local", 2)
        hit = running.kill("worker")
        code, out, error = running.ended(300)
        same = content(base / "local") == expected
        checks.append(
            Check("one worker killed, local pool", out.strip() or error, "same bytes", hit and code == 0 and same)
        )
        if cluster:
            with dask_cluster() as (address, workers):
                running = Sweep.start(
                    base / "dask", "--replications", replications, "--seconds", 0.05, "--cluster", address
                )
                wait_for(base / "dask", 2)
                os.kill(workers()[0], 9)
                code, out, error = running.ended(300)
            same = content(base / "dask") == expected
            checks.append(Check("one worker killed, Dask", out.strip() or error, "same bytes", code == 0 and same))
    return checks


CLUSTER = """
import os, sys, time
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        while True:
            print(cluster.scheduler_address, *[nanny.pid for nanny in cluster.workers.values()], flush=True)
            if not sys.stdin.readline():
                break
"""


@contextlib.contextmanager
def dask_cluster() -> Iterator[tuple[str, Callable[[], list[int]]]]:
    """A cluster of two worker processes on this machine: its address, and a function that lists their ids."""
    with folder() as base:
        script = base / "cluster.py"
        script.write_text(CLUSTER)
        process = subprocess.Popen(
            [sys.executable, str(script)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        pipes = process.stdin, process.stdout
        address = pipes[1].readline().split()[0]

        def workers() -> list[int]:
            pipes[0].write("\n")
            pipes[0].flush()
            return [int(pid) for pid in pipes[1].readline().split()[1:]]

        try:
            yield address, workers
        finally:
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


def bad_runs(replications: int, timeout: float = 3.0) -> list[Check]:
    """Exception, NaN, endless loop, os._exit and segfault of one run each leave every other run good."""
    where = dict(zip(("exception", "nan", "loop", "exit", "segfault"), (1, 2, 3, 5, 6), strict=True))
    told = ",".join(f"{number}={what}" for what, number in where.items())
    stages = {"exception": "simulate", "nan": "record", "loop": "timeout", "exit": "worker", "segfault": "worker"}
    with folder() as base:
        undisturbed(base / "calm", replications)
        good = {row["run"]: row for row in ResultsFolder(base / "calm").runs().to_pylist()}
        running = Sweep.start(base / "hurt", "--replications", replications, "--troubles", told, "--timeout", timeout)
        code, out, error = running.ended(600)
        rows = ResultsFolder(base / "hurt").runs().to_pylist()
    failed = {row["replication"]: row["stage"] for row in rows if row["status"] == "failed"}
    expected = {number: stages[what] for what, number in where.items()}
    same = sum(row == good[row["run"]] for row in rows if row["status"] == "done")
    whole = len(rows) == 2 * replications and same == len(rows) - len(where)
    return [
        Check(
            f"five bad runs of {2 * replications} are rows with their stage", str(len(failed)), "5", failed == expected
        ),
        Check("all others are as in an undisturbed sweep", f"{same}, exit {code}", "exit 3", whole and code == 3),
    ]


def failing_writes(most: int, replications: int) -> list[Check]:
    """The k-th write fails, while the content is written or while the file gets its name; then again in peace."""
    stopped = good = 0
    with folder() as base:
        expected = undisturbed(base / "calm", replications)
        for k in range(1, most + 1):
            store = ResultsFolder(base / f"k{k}")
            store.prepare()
            with failing(k, "fsync" if k % 2 else "replace"):
                try:
                    execute(fault_plan(replications), store, TroubleEngine())
                except StoreError:
                    stopped += 1
            left = list(store.path.rglob("*.tmp"))
            clean = not left and not broken_files(store.path)
            execute(fault_plan(replications), store, TroubleEngine())
            good += clean and content(store.path) == expected
    return [
        Check(f"the k-th write fails, k = 1..{most}: stops with a message", f"{stopped}", f"{most}", stopped == most),
        Check("and resumes to the same bytes", f"{good}", f"{most}", good == most),
    ]


@contextlib.contextmanager
def failing(k: int, what: str) -> Iterator[None]:
    """Make the k-th write of a file fail as on a full disk."""
    calls = [0]
    real_sync, real_replace = os.fsync, Path.replace

    def count() -> None:
        calls[0] += 1
        if calls[0] == k:
            raise OSError(28, "No space left on device")

    def sync(handle: Any) -> None:
        if what == "fsync" and not Path(f"/proc/self/fd/{handle}").is_dir():
            count()
        real_sync(handle)

    def replace(path: Path, target: Any) -> Any:
        if what == "replace":
            count()
        return real_replace(path, target)

    experiment_files.os.fsync, Path.replace = sync, replace  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        experiment_files.os.fsync, Path.replace = real_sync, real_replace  # type: ignore[method-assign]


def small_disk(replications: int, kilobytes: int = 300) -> list[Check]:
    """A small file system fills up; with more room the same command ends as if nothing had been."""
    with folder() as base:
        expected = undisturbed(base / "calm", replications)
        disk = base / "disk"
        disk.mkdir()
        if os.geteuid() or mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)):
            return [Check("a small disk that fills up", "SKIPPED: only root may mount one", "", True)]
        try:
            code, _, error = Sweep.start(disk / "o", "--replications", replications).ended(300)
            kept = len(ResultsFolder(disk / "o").finished())
            whole = not broken_files(disk / "o")
            mount("-o", "remount,size=512m", str(disk))
            again, out, _ = Sweep.start(disk / "o", "--replications", replications).ended(300)
            same = content(disk / "o") == expected
        finally:
            subprocess.run(["umount", str(disk)], check=True)
    said = "No space left on device" in error and "Traceback" not in error
    return [
        Check(
            f"a disk of {kilobytes} KB is full: message, exit 1, whole files kept",
            f"exit {code}, {kept} of {2 * replications} kept",
            "",
            code == 1 and said and whole and 0 < kept < 2 * replications,
        ),
        Check("with more room it resumes to the same bytes", out.strip(), "", again == 0 and same),
    ]


def mount(*arguments: str) -> int:
    """Call mount; its exit code."""
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode


def crowds(sizes: tuple[int, ...], replications: int) -> list[Check]:
    """Several sweeps in one folder at once: one works, the others exit 4 and name it."""
    checks = []
    with folder() as base:
        expected = undisturbed(base / "calm", replications)
        for size in sizes:
            where = base / f"of{size}"
            many = [Sweep.start(where, "--replications", replications, "--seconds", 0.2) for _ in range(size)]
            ends = {sweep.process.pid: sweep.ended(300) for sweep in many}
            winners = [pid for pid, (code, _, _) in ends.items() if code == 0]
            named = sum(code == 4 and f"in use by process {winners[0]} " in error for code, _, error in ends.values())
            holds = len(winners) == 1 and named == size - 1 and content(where) == expected
            checks.append(
                Check(f"{size} sweeps in one folder at once", f"{len(winners)} works, {named} exit 4", "", holds)
            )
    return checks


def orders(workers: tuple[int, ...], replications: int) -> list[Check]:
    """Any number of workers and a shuffled plan: one hash."""
    with folder() as base:
        found = {undisturbed(base / "calm", replications)}
        for number in workers:
            code, _, _ = Sweep.start(base / f"w{number}", "--replications", replications, "--workers", number).ended(
                300
            )
            assert code == 0
            found.add(content(base / f"w{number}"))
        plan = fault_plan(replications)
        runs = list(plan.runs)
        random.Random(5).shuffle(runs)
        store = ResultsFolder(base / "shuffled")
        store.prepare()
        execute(replace(plan, runs=tuple(runs)), store, TroubleEngine())
        found.add(content(base / "shuffled"))
    return [Check(f"{workers} workers, and a shuffled order", f"{len(found)} hash(es)", "1", len(found) == 1)]


def recreated(number: int) -> list[Check]:
    """Runs of a comparison by the real model, each recreated alone."""
    from sim import api

    with folder() as base:
        (base / "calm.yaml").write_text(
            "format: 1\ntitle: Calm\nregion: twin_valleys\nstart: 2024-01\nmonths: 12\ninstitutions: adaptive\n"
        )
        (base / "busy.yaml").write_text("format: 1\ntitle: Busy\nextends: calm\nparameters: {b_peer: 1.5}\n")
        scenarios = [base / "calm.yaml", base / "busy.yaml"]
        results = api.compare(scenarios, replications=number, citizens=500, workers=1, out=base / "o", figures=False)
        ids = random.Random(3).sample(list(results.runs["run"]), number)
        same = sum(bool(api.rerun(run, base / "o").same) for run in ids)
    return [
        Check(
            f"{number} runs recreated alone, the real model in Twin Valleys", f"{same} the same", "all", same == number
        )
    ]


def faults(quick: bool) -> Iterator[Check]:
    """All of it, one check after the other."""
    parts: list[Callable[[], list[Check]]] = [
        lambda: kills(9, 50) if quick else kills(201, 250, seconds=0.05),
        lambda: one_worker_killed(20 if quick else 50, cluster=True),
        lambda: bad_runs(20 if quick else 100),
        lambda: failing_writes(5 if quick else 40, 64),
        lambda: small_disk(100) if quick else small_disk(1000, 3000),
        lambda: crowds((2,) if quick else (2, 4), 10),
        lambda: orders((1, 2) if quick else (1, 2, 4), 20),
        lambda: recreated(5 if quick else 100),
    ]
    for part in parts:
        yield from part()
