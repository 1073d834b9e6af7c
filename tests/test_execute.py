"""Execution, stored folders, what ``status`` and ``verify`` say of them, and runs recreated alone."""

from __future__ import annotations

import builtins
import json
import os
import pickle
import random
import socket
import subprocess
import sys
import time
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path

import pytest

from sim.errors import InputError
from sim.experiment import ResultsFolder, dask_pool, execute
from sim.experiment.execute import _Session
from sim.experiment.files import FolderBusyError, Log, holder
from sim.experiment.plan import key_of
from sim.experiment.pools import LocalPool, PoolError, WorkerDiedError
from sim.experiment.status import status, verify
from sim.experiment.worker import Task, WorkerError, run_task, stored_part
from tests.experiment_fakes import FakeEngine, FakeScenario
from tests.fault_fakes import TroubleEngine, alive, content
from tests.test_cli import QUICK, drawn_study, stabsim, study  # noqa: F401 - fixtures
from tests.test_experiment import plan_of, stored


def task_of(plan, store, runs, engine=None, **changes) -> Task:
    session = _Session(plan, store, engine or FakeEngine(), 1, LocalPool, None, False, None)
    return replace(session._task(runs), **changes)


def events(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


# --- stopping, retrying, what a task carries -----------------------------------------------------------


def test_stop_ends_with_the_first_failed_run_and_keeps_the_rest(tmp_path):
    plan = plan_of(FakeScenario("calm"), FakeScenario("flaky", parameters={"fail": 0}), replications=12)
    store = stored(tmp_path)
    tally = execute(plan, store, FakeEngine(), on_error="stop")
    kept = store.finished()
    assert (tally.stopped, tally.failed) == (True, 1)
    assert list(kept.values()).count("failed") == 1
    assert set(kept) == {run.run for run in plan.runs[: len(kept)]}, "replicate-major, nothing after the failure"
    again = execute(plan, store, FakeEngine(), on_error="stop")
    assert (again.stopped, again.done, again.failed) == (True, tally.done, 1), "a stored failure stops too"
    assert execute(plan, store, FakeEngine(), on_error="stop", retry_failed=True).stopped
    whole = execute(plan, store, FakeEngine())
    assert (whole.stopped, whole.done + whole.failed) == (False, 24)
    assert [entry["event"] for entry in events(tmp_path)][-1] == "finish"


def test_a_task_carries_nothing_of_the_other_runs(tmp_path):
    def size(points: int) -> int:
        scenario = FakeScenario("calm")
        plan = plan_of(
            scenario,
            points=tuple({"rate": float(number)} for number in range(points)),
            replications=1,
        )
        return len(pickle.dumps(task_of(plan, stored(tmp_path), plan.runs[:2])))

    assert size(2000) <= size(20) + 20


def test_what_a_lost_task_stored_counts_and_only_the_rest_runs(tmp_path):
    plan, store = plan_of(replications=4), stored(tmp_path)
    task = task_of(plan, store, plan.runs[:6])
    assert stored_part(task) is None
    run_task(task_of(plan, store, plan.runs[:4]))
    report = run_task(task)
    assert (report.taken, report.done) == (4, 4)
    assert store.names() == [key_of([run.run for run in plan.runs[:4]])], (
        "a second worker does not store the runs again"
    )


def test_a_worker_with_other_sources_is_not_trusted(tmp_path):
    plan, store = plan_of(replications=1), stored(tmp_path)
    with pytest.raises(WorkerError, match="other sources"):
        run_task(task_of(plan, store, plan.runs, model="0" * 64))
    assert store.names() == []


def test_the_log_is_one_object_a_line_even_after_a_half_line(tmp_path):
    plan = plan_of(FakeScenario("calm"), FakeScenario("flaky", parameters={"fail": 0}), replications=4)
    store = stored(tmp_path)
    tally = execute(plan, store, FakeEngine())
    entries = events(tmp_path)
    assert [entries[0]["event"], entries[-1]["event"]] == ["start", "finish"]
    assert sum(entry["done"] + entry["failed"] for entry in entries if entry["event"] == "batch") == 8
    failures = [entry for entry in entries if entry["event"] == "failure"]
    failed = [run for run, status in store.finished().items() if status == "failed"]
    assert sorted(entry["run"] for entry in failures) == sorted(failed)
    assert tally.failed == len(failures)
    with (tmp_path / "log.jsonl").open("a") as handle:
        handle.write('{"time": "20')
    Log(tmp_path).write("start", runs=1)
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert lines[-2] == '{"time": "20'
    assert json.loads(lines[-1])["event"] == "start"


# --- executors -----------------------------------------------------------------------------------------


def refuse(what: object) -> object:
    raise ValueError(what)


def leave(path: str) -> None:
    """Start a child, say which, and end without a word."""
    import os

    child = subprocess.Popen(["sleep", "100"])
    Path(path).write_text(str(child.pid))
    os._exit(7)


def test_the_local_pool_loses_one_task_with_a_worker_and_its_children(tmp_path):
    pool = LocalPool(2)
    try:
        slow = pool.submit(time.sleep, 2.0)
        dead = pool.submit(leave, str(tmp_path / "pid"))
        bad = pool.submit(refuse, "no")
        lost = pool.submit(lambda: None)  # cannot be sent
        with pytest.raises(WorkerDiedError, match="exit code 7"):
            dead.result(30)
        with pytest.raises(ValueError, match="no"):
            bad.result(30)
        with pytest.raises((AttributeError, pickle.PicklingError)):
            lost.result(30)
        assert slow.result(30) is None
        assert pool.submit(abs, -3).result(30) == 3
        child = int((tmp_path / "pid").read_text())
        deadline = time.monotonic() + 5
        while alive(child) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not alive(child)
        running = pool.submit(time.sleep, 60)
        started = time.monotonic()
    finally:
        pool.shutdown(wait=False)
    assert time.monotonic() - started < 5
    assert not wait([running], 5).not_done
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(abs, 1)


def test_workers_that_cannot_start_are_a_message(monkeypatch):
    monkeypatch.setattr("sim.experiment.pools._work", sys.exit)
    pool = LocalPool(1)
    try:
        with pytest.raises(PoolError, match="end as soon as they start"):
            pool.submit(abs, 1).result(60)
    finally:
        pool.shutdown(wait=False)


def test_an_engine_of_the_script_itself_is_refused_by_workers(tmp_path, monkeypatch):
    plan, store = plan_of(FakeScenario("calm"), FakeScenario("other"), replications=2), stored(tmp_path)
    monkeypatch.setattr(FakeEngine, "__module__", "__main__")
    with pytest.raises(PoolError, match="FakeEngine, which the script itself defines"):
        execute(plan, store, FakeEngine(), workers=2)
    assert execute(plan, store, FakeEngine(), workers=1).done == 4


@pytest.mark.extra
def test_a_cluster_that_is_not_there_is_bad_input(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "distributed":
            raise ImportError(name)
        return real(name, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(builtins, "__import__", without)
        with pytest.raises(InputError, match=r"stabsim\[cluster\]"):
            dask_pool("tcp://127.0.0.1:1")
    pytest.importorskip("distributed")
    monkeypatch.setattr("sim.experiment.pools.PATIENCE", "1s")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    for wrong in (address, "nonsense://x"):
        with pytest.raises(InputError, match="no Dask scheduler answers there"):
            dask_pool(wrong)


# --- the folder ----------------------------------------------------------------------------------------


def test_a_run_stored_twice_is_found_and_kept_once(tmp_path):
    plan, store = plan_of(replications=4), stored(tmp_path / "o")
    execute(plan, store, FakeEngine())
    before = content(store.path)
    run_task(task_of(plan, store, plan.runs[1:4]))  # a worker that outlived its sweep
    broken = TroubleEngine(troubles=((plan.runs[7].seed, "exception"),))
    run_task(task_of(plan, store, plan.runs[5:8], broken))
    found = list(verify(store.path).findings)
    assert [item.file for item in found if "too" not in item.what] == ["manifest.json"]
    assert len(found) == 7
    tally = execute(plan, store, FakeEngine())
    assert (tally.done, tally.failed, tally.reused) == (8, 0, 8)
    assert content(store.path) == before
    assert not list(verify(store.path).findings)[1:], "only the manifest, which this test has none of"


def test_a_batch_that_arrives_late_from_an_earlier_session_is_kept_once(tmp_path):
    plan, store = plan_of(replications=4), stored(tmp_path / "o")
    late = task_of(plan, store, plan.runs[3:6])

    def straggler(progress):
        if progress.done == 4:
            run_task(late)

    execute(plan, store, FakeEngine(), progress=straggler)
    whole = stored(tmp_path / "whole")
    execute(plan, whole, FakeEngine())
    assert content(store.path) == content(whole.path)


@pytest.mark.parametrize("table", ["runs", "series", "places"])
def test_any_flipped_byte_is_found_and_run_again(tmp_path, table):
    plan, store = plan_of(FakeScenario("calm"), FakeScenario("other"), replications=2), stored(tmp_path)
    execute(plan, store, FakeEngine())
    before, draw = content(tmp_path), random.Random(7)
    key = store.names()[0]
    path = store.file(table, key)
    whole = path.read_bytes()
    rows = store.rows(key)
    for place in draw.sample(range(len(whole)), 40):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << draw.randrange(8))]) + whole[place + 1 :])
        fault = store.fault(key)
        if not fault:  # a byte of the Parquet format that no reader looks at
            assert table == "runs"
            assert store.rows(key) == rows
    path.write_bytes(whole[: len(whole) // 2] + b"\xff" + whole[len(whole) // 2 + 1 :])
    assert execute(plan, store, FakeEngine()).reused < 4
    assert content(tmp_path) == before


def test_a_folder_without_a_manifest_is_taken_back(tmp_path):
    plan, store = plan_of(replications=2), stored(tmp_path / "o")
    stored(tmp_path / "o")  # killed before anything else was written
    execute(plan, store, FakeEngine())
    (tmp_path / "o/effects.csv").write_text("x")
    stored(tmp_path / "o")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/effects.csv").write_text("x")
    with pytest.raises(InputError, match="holds something else"):
        stored(tmp_path / "other")


def test_the_holder_of_a_folder_is_named_and_not_disturbed(tmp_path):
    store = stored(tmp_path)
    assert holder(tmp_path) == ""
    with store.lock():
        assert holder(tmp_path).startswith("process ")
        with pytest.raises(FolderBusyError), store.lock():
            pass
    assert holder(tmp_path) == ""


def test_status_counts_and_groups(tmp_path):
    troubles = TroubleEngine(troubles=tuple((plan_of(replications=6).runs[2 * r].seed, "exception") for r in (1, 4)))
    plan, store = plan_of(replications=6), stored(tmp_path)
    execute(replace(plan, runs=plan.runs[:10]), store, troubles)
    store.write_manifest({"kind": "sweep", "status": "running", "planned": 12})
    found = status(store.path)
    assert (found.state, found.kind, found.done, found.failed, found.missing) == ("interrupted", "sweep", 8, 2, 2)
    (group,) = found.failures
    assert (group.stage, group.runs) == ("simulate", 2)
    assert group.error.startswith("ValueError: planted")
    assert group.reproduce.endswith(f" --from {tmp_path}")
    with store.lock():
        assert status(store.path).state == "running"
    store.file("series", store.names()[0]).unlink()
    assert status(store.path).incomplete == (store.names()[0],)
    (tmp_path / "manifest.json").unlink()
    assert "missing" in status(store.path).notes[0]


# --- the commands --------------------------------------------------------------------------------------


@pytest.fixture
def compared(stabsim, study):  # noqa: F811
    """A stored comparison."""
    assert stabsim("compare", "calm.yaml", "police.yaml", *QUICK, "--out", "o")[0] == 0
    return study / "o"


def test_verify_names_damaged_foreign_and_missing_files_and_changes_nothing(stabsim, compared):  # noqa: F811
    assert stabsim("verify", "o")[0] == 0
    before = {path: path.read_bytes() for path in sorted(compared.rglob("*")) if path.is_file()}
    runs, other = sorted(ResultsFolder(compared).names())[:2]
    hurt = {
        "damaged": [f"series/{runs}.parquet", "effects.csv", "manifest.json", "scenarios/calm.yaml"],
        "missing": [f"places/{other}.parquet", "codebook.csv"],
        "foreign": ["thesis.txt", "runs/mine.parquet"],
    }
    for name in hurt["damaged"]:
        text = (compared / name).read_bytes()
        (compared / name).write_bytes(text[:-3] + bytes([text[-3] ^ 1]) + text[-2:])
    for name in hurt["missing"]:
        (compared / name).unlink()
    for name in hurt["foreign"]:
        (compared / name).write_text("mine")
    after = {path: path.read_bytes() for path in sorted(compared.rglob("*")) if path.is_file()}
    code, shown, error = stabsim("verify", "o")
    assert code == 1
    for kind, names in hurt.items():
        for name in names:
            assert f"{kind}: o/{name}: " in error, (kind, name, error)
    assert {path: path.read_bytes() for path in sorted(compared.rglob("*")) if path.is_file()} == after
    for name in hurt["foreign"]:
        (compared / name).unlink()
    code, _, error = stabsim("compare", "calm.yaml", "police.yaml", *QUICK, "--out", "o")
    assert code == 0, error
    code, shown, error = stabsim("verify", "o")
    assert (code, "12 runs read back" in shown) == (0, True), error
    for name in ("effects.csv", "codebook.csv", "scenarios/calm.yaml", "over_time.csv"):
        assert (compared / name).read_bytes() == before[compared / name], name


def test_a_batch_of_another_experiment_is_foreign(stabsim, compared):  # noqa: F811
    stabsim("compare", "calm.yaml", "police.yaml", *QUICK, "--seed", 2, "--out", "p")
    strange = ResultsFolder(compared.parent / "p").names()[0]
    for table in ("runs", "series", "places"):
        (compared / table / f"{strange}.parquet").write_bytes(
            (compared.parent / "p" / table / f"{strange}.parquet").read_bytes()
        )
    code, _, error = stabsim("verify", "o")
    assert (code, f"foreign: o/runs/{strange}.parquet: run " in error) == (1, True)
    assert stabsim("compare", "calm.yaml", "police.yaml", *QUICK, "--out", "o")[0] == 2


def test_status_says_what_is_done_and_what_changed(stabsim, compared, monkeypatch):  # noqa: F811
    code, shown, _ = stabsim("status", "o")
    assert code == 0
    assert "compare, complete" in shown
    assert "12 of 12 runs done, 0 failed, 0 missing" in shown
    assert "Changed" not in shown
    found = json.loads(stabsim("status", "o", "--json")[1])
    assert (found["planned"], found["done"], found["missing"], found["state"]) == (12, 12, 0, "complete")
    run = ResultsFolder(compared).runs()["run"][0].as_py()
    (compared / "scenarios/calm.yaml").write_text(
        (compared / "scenarios/calm.yaml").read_text().replace("months: 24", "months: 12")
    )
    monkeypatch.setattr("sim.experiment.folder.model_hash", lambda: "f" * 64)
    shown = stabsim("status", "o")[1]
    assert "the model's sources: hash " in shown
    assert "now ffffffffffff" in shown
    assert "scenario calm: its stored text now means something else" in shown
    code, _, error = stabsim("run", "--id", run, "--from", "o")
    assert (code, "cannot be recreated, this changed since: the model's sources" in error) == (2, True)
    (compared / "manifest.json").unlink()
    code, shown, _ = stabsim("status", "o")
    assert (code, "manifest.json is missing; the same command makes it again" in shown) == (0, True)
    assert stabsim("status", "nowhere")[0] == 2
    assert stabsim("verify", "nowhere")[0] == 2


def test_a_lost_manifest_is_made_again(stabsim, compared):  # noqa: F811
    before = json.loads((compared / "manifest.json").read_text())
    (compared / "manifest.json").unlink()
    (compared / "checksums.sha256").unlink()
    assert stabsim("verify", "o")[0] == 1
    code, shown, error = stabsim("-v", "compare", "calm.yaml", "police.yaml", *QUICK, "--out", "o")
    assert code == 0, error
    assert "(12 were there already)" in shown
    after = json.loads((compared / "manifest.json").read_text())
    assert {**after, "started": 0, "finished": 0, "seconds": 0, "runs": 0, "hosts": 0} == {
        **before,
        "started": 0,
        "finished": 0,
        "seconds": 0,
        "runs": 0,
        "hosts": 0,
    }
    assert stabsim("verify", "o")[0] == 0


def test_a_recreated_run_says_whether_it_is_the_same(stabsim, compared, monkeypatch):  # noqa: F811
    run = ResultsFolder(compared).runs()["run"][5].as_py()
    code, shown, error = stabsim("run", "--id", run, "--from", "o")
    assert (code, "the same as stored, byte for byte" in error) == (0, True)
    model = sys.modules["sim.model.run"]
    real = model.simulate

    def other(*arguments, **options):
        result = real(*arguments, **options)
        result.places[0, 0, 3] += 1.0
        return result

    monkeypatch.setattr(model, "simulate", other)
    code, again, error = stabsim("run", "--id", run, "--from", "o")
    assert (code, "NOT the same as stored" in error) == (1, True)
    assert again == shown

    def fail(*arguments, **options):
        raise ValueError("planted")

    monkeypatch.setattr(model, "simulate", fail)
    code, _, error = stabsim("run", "--id", run, "--from", "o")
    assert (code, "although the stored one did not: simulate: ValueError: planted" in error) == (3, True)


def test_a_script_without_a_guard_does_not_start_itself_in_every_worker(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        "from sim.experiment.pools import LocalPool\n"
        "print('once', flush=True)\n"
        "with LocalPool(2) as pool:\n"
        "    print([pool.submit(max, 1, number).result() for number in (2, 3)])\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "once\n[2, 3]\n", "")
