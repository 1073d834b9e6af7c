"""Small versions of the long proof (``python -m tests.long kill``): sweeps that are hurt lose nothing."""

from __future__ import annotations

import os
import signal
import time

import pytest

from sim.experiment import ResultsFolder
from tests.fault_fakes import Sweep, wait_for
from tests.long import faults


def held(checks) -> None:
    assert not [str(check) for check in checks if not check.holds]


def test_kills_at_random_moments_lose_nothing():
    """One kill of each kind, at a moment up to three seconds after the start; the long version has 201.

    Above ten seconds: each kill starts processes anew, and the table is made three times.
    """
    held(faults.kills(3, 12, seconds=0.05))


def test_one_bad_run_never_costs_another():
    held(faults.bad_runs(10, timeout=2.0))


def test_one_killed_worker_of_the_local_pool():
    held(faults.one_worker_killed(12, cluster=False))


@pytest.mark.extra
def test_one_killed_worker_of_a_dask_cluster():
    pytest.importorskip("distributed")
    held(faults.one_worker_killed(12, cluster=True)[1:])


def test_the_k_th_write_fails():
    held(faults.failing_writes(8, 12))


def test_a_full_disk():
    checks = faults.small_disk(60, 200)
    if "SKIPPED" in str(checks[0]):
        pytest.skip(str(checks[0]))
    held(checks)


def test_two_sweeps_in_one_folder():
    held(faults.crowds((2,), 6))


def test_any_workers_and_any_order_give_one_hash():
    held(faults.orders((2,), 10))


@pytest.mark.parametrize(
    ("numbers", "code", "word"),
    [
        ((signal.SIGINT, signal.SIGINT), 130, "interrupted"),
        ((signal.SIGTERM, signal.SIGINT), 143, "terminated"),
        ((signal.SIGHUP,), 129, "hung up"),
    ],
)
def test_signals_end_everything_in_time_and_say_how_to_go_on(tmp_path, numbers, code, word):
    """The second signal comes while the first is being obeyed; workers have children of their own."""
    options = ("--replications", 40, "--seconds", 0.2, "--child")
    usual = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests started under nohup would pass on that they ignore it
    running = Sweep.start(tmp_path / "o", *options)
    signal.signal(signal.SIGHUP, usual)
    wait_for(tmp_path / "o", 1)
    assert len(running.others()) > 4
    started = time.monotonic()
    for number in numbers:
        os.kill(running.process.pid, number)
        time.sleep(0.01)
    found, _, error = running.ended(20)
    left = running.orphans(max(0.0, started + 5 - time.monotonic()))
    assert (found, left) == (code, [])
    assert error.startswith(f"{word}; finished runs are kept: the same command continues\n")
    assert error.endswith(f" sweep {tmp_path / 'o'} --replications 40 --seconds 0.2 --child\n")
    assert not list((tmp_path / "o").rglob("*.tmp"))
    kept = len(ResultsFolder(tmp_path / "o").finished())
    assert 0 < kept < 80
