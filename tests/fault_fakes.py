"""A sweep that can be hurt: the plain world of ``experiment_fakes`` behind the real command, run as a process.

    python -m tests.fault_fakes FOLDER [--replications R] [--workers N] [--seconds S] ...

Signals, messages and exit codes are those of ``stabsim``; only the model is replaced.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.command import app, main
from sim.experiment import Plan, ResultsFolder, build_plan, dask_pool, execute, local_pool, run_seed
from tests.experiment_fakes import FakeEngine, FakeScenario

ROOT = Path(__file__).resolve().parents[1]
MARK = "STABSIM_TEST_MARK"
TROUBLES = ("exception", "nan", "loop", "exit", "segfault")


@dataclass(frozen=True)
class TroubleEngine(FakeEngine):
    """Goes wrong where told: ``troubles`` maps a seed to how. ``child`` starts a process beside each run."""

    troubles: tuple[tuple[int, str], ...] = ()
    child: bool = False

    def simulate(self, scenario, seed):
        if self.child:
            subprocess.Popen(["sleep", "120"])
        trouble = dict(self.troubles).get(seed) if scenario.key == "busy" else None
        if trouble == "exception":
            raise ValueError("planted")
        if trouble == "loop":
            while True:
                pass
        if trouble == "exit":
            os._exit(3)
        if trouble == "segfault":
            ctypes.string_at(0)
        if trouble == "nan":
            scenario = replace(scenario, parameters={**scenario.parameters, "nan": 1.0})
        return super().simulate(scenario, seed)


def fault_plan(replications: int) -> Plan:
    """Two scenarios, ``replications`` times."""
    scenarios = (FakeScenario("calm"), FakeScenario("busy", parameters={"rate": 8.0}))
    return build_plan(
        scenarios, base_seed=1, replications=replications, citizens=1000, region_hash="region", model="model"
    )


def sweep(
    folder: Path,
    replications: int = 8,
    workers: int = 2,
    seconds: float = 0.0,
    cluster: str = "",
    timeout: Annotated[float | None, typer.Option()] = None,
    on_error: str = "continue",
    troubles: Annotated[str, typer.Option(help="Such as 3=exit,5=loop: replication and what happens.")] = "",
    child: bool = False,
) -> int:
    """Carry out the plan in a folder, as ``stabsim sweep`` does."""
    pairs = [item.split("=") for item in troubles.split(",") if item]
    engine = TroubleEngine(
        seconds=seconds, troubles=tuple((run_seed(1, int(number)), what) for number, what in pairs), child=child
    )
    pool = dask_pool(cluster)[0] if cluster else local_pool(workers, isolated=True)
    store = ResultsFolder(folder)
    store.prepare()
    with store.lock():
        tally = execute(
            fault_plan(replications), store, engine, workers=workers, pool=pool, timeout=timeout, on_error=on_error
        )
    print(f"{tally.done} done, {tally.failed} failed, {tally.reused} reused, {tally.lost} lost")
    return 3 if tally.failed else 0


@dataclass
class Sweep:
    """A sweep running as a process of its own, leader of its group; every process it starts carries its mark."""

    process: subprocess.Popen[str]
    mark: str

    @classmethod
    def start(cls, folder: Path, *options: object) -> Sweep:
        mark = uuid.uuid4().hex
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fault_fakes", "sweep", str(folder), *map(str, options)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), MARK: mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return cls(process, mark)

    def others(self) -> list[int]:
        """Processes that the sweep started and that live."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != self.process.pid:
                try:
                    ours = self.mark.encode() in (entry / "environ").read_bytes()
                except OSError:
                    continue
                if ours and alive(int(entry.name)):
                    found.append(int(entry.name))
        return found

    def workers(self) -> list[int]:
        """Those of them that run tasks."""
        return [pid for pid in self.others() if b"spawn_main" in _command(pid)]

    def ended(self, seconds: float = 60.0) -> tuple[int, str, str]:
        """Wait for the end; exit code, output, messages."""
        out, error = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, error

    def orphans(self, seconds: float = 5.0) -> list[int]:
        """Processes that outlive the sweep by some seconds."""
        deadline = time.monotonic() + seconds
        while (left := self.others()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return left

    def kill(self, what: str, draw: int = 0) -> bool:
        """Send SIGKILL to a worker, the parent or the whole group; False when there is no worker."""
        if what == "worker":
            workers = self.workers()
            if not workers or self.process.poll() is not None:
                return False
            pid = workers[draw % len(workers)]
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return False
        elif self.process.poll() is not None:
            return False
        elif what == "parent":
            os.kill(self.process.pid, signal.SIGKILL)
        else:
            os.killpg(self.process.pid, signal.SIGKILL)
        return True


def alive(pid: int) -> bool:
    """Tell whether a process still runs; one that ended and only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_for(folder: Path, batches: int, seconds: float = 60.0) -> None:
    """Wait until a sweep has stored some batches."""
    deadline = time.monotonic() + seconds
    while len(list((folder / "runs").glob("[0-9a-f]*.parquet"))) < batches:
        assert time.monotonic() < deadline, "the sweep does not get on"
        time.sleep(0.02)


def content(folder: Path) -> tuple[str, str, str]:
    """Hash all three tables as they are stored, in no order that a worker could change."""
    store = ResultsFolder(folder)
    runs = store.runs()
    listed = sorted(runs["run"].to_pylist())
    assert len(listed) == len(set(listed)), "a run is stored twice"
    import hashlib
    import json

    rows = json.dumps(sorted(runs.to_pylist(), key=lambda row: str(row["run"])), sort_keys=True)
    return store.content_hash("series"), store.content_hash("places"), hashlib.sha256(rows.encode()).hexdigest()


if __name__ == "__main__":
    from tests import fault_fakes  # workers see what a module defines, not what the script does

    app.command()(fault_fakes.sweep)  # in place of the real one, in this process only
    main()
