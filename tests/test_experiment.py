"""Plans, stores and executors: same numbers however they were made, and nothing finished is ever lost."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.errors import InputError, RunError
from sim.experiment import (
    ResultsFolder,
    StoreError,
    available_workers,
    build_plan,
    execute,
    run_seed,
)
from sim.experiment.execute import batch_size
from sim.experiment.files import FolderBusyError
from sim.experiment.plan import key_of
from sim.experiment.pools import SerialExecutor
from sim.experiment.tables import SCHEMAS, content_digest, pool_region, reduce_months, series_table
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES
from tests.experiment_fakes import STATES, FakeEngine, FakeScenario, FakeSource

TESTS = Path(__file__).parent


def plan_of(*scenarios, replications=4, **changes):
    settings = {"base_seed": 1, "citizens": 1000, "region_hash": "region", "model": "model"} | changes
    scenarios = scenarios or (FakeScenario("calm"), FakeScenario("busy", parameters={"rate": 8.0}))
    return build_plan(
        scenarios,
        replications=replications,
        templates={item.key: FakeSource(item) for item in scenarios},
        **settings,
    )


def stored(folder: Path) -> ResultsFolder:
    store = ResultsFolder(folder)
    store.prepare()
    return store


def hashes(store: ResultsFolder) -> tuple[str, str]:
    return store.content_hash("series"), store.content_hash("places")


def test_run_seeds_are_the_documented_hash():
    expected = hashlib.blake2b(b"stabsim/run/1/0", digest_size=8).digest()
    assert run_seed(1, 0) == int.from_bytes(expected, "little")
    seeds = {run_seed(base, replication) for base in range(50) for replication in range(50)}
    assert len(seeds) == 2500
    assert all(0 <= seed < 2**64 for seed in seeds)
    with pytest.raises(ValueError, match="at least 0"):
        run_seed(-1, 0)


def test_replications_share_seeds_across_scenarios_and_come_first():
    plan = plan_of(replications=3)
    assert [(run.replication, run.scenario) for run in plan.runs] == [
        (0, "calm"),
        (0, "busy"),
        (1, "calm"),
        (1, "busy"),
        (2, "calm"),
        (2, "busy"),
    ]
    assert len({run.seed for run in plan.runs}) == 3
    longer = plan_of(replications=5)
    assert longer.runs[: len(plan.runs)] == plan.runs


@pytest.mark.parametrize(
    "change",
    [
        {"base_seed": 2},
        {"citizens": 2000},
        {"region_hash": "other"},
        {"model": "other"},
        {"points": ({"rate": 1.0},)},
    ],
)
def test_run_ids_change_with_everything_that_changes_numbers(change):
    before = {run.run for run in plan_of().runs}
    assert not before & {run.run for run in plan_of(**change).runs}


def test_run_ids_follow_the_content_of_a_scenario_and_not_its_title():
    same = plan_of(FakeScenario("calm", title="another title"))
    assert same.runs == plan_of(FakeScenario("calm")).runs
    assert same.runs != plan_of(FakeScenario("calm", months=25)).runs


def test_results_do_not_depend_on_workers_batches_or_order(tmp_path):
    plan = plan_of(replications=6)
    one, two = stored(tmp_path / "one"), stored(tmp_path / "two")
    tally = execute(plan, one, FakeEngine())
    assert (tally.done, tally.failed, tally.total) == (12, 0, 12)
    execute(plan, two, FakeEngine(), workers=2)
    assert one.batches() != two.batches()
    assert hashes(one) == hashes(two)
    assert one.runs().equals(two.runs())
    assert one.recorded_hash("series") == one.content_hash("series")
    assert one.recorded_hash("places") == one.content_hash("places")


def test_stored_numbers_are_the_run_s_numbers(tmp_path):
    store, scenario, engine = (
        stored(tmp_path),
        FakeScenario("calm", start_year=2023, start_month=11),
        FakeEngine(),
    )
    execute(plan_of(scenario, replications=1), store, engine)
    (series,) = store.read("series")
    run = plan_of(scenario, replications=1).runs[0]
    expected = engine.simulate(scenario, run.seed)
    frame = series.to_pandas()
    assert list(frame["state"][:3]) == list(STATES)
    assert [str(date) for date in frame["date"][::3][:3]] == ["2023-11-01", "2023-12-01", "2024-01-01"]
    for index, outcome in enumerate(OUTCOMES):
        np.testing.assert_array_equal(
            frame[outcome.name].to_numpy().reshape(24, 3), expected.series[..., index].astype("f4")
        )
    (places,) = store.read("places")
    np.testing.assert_array_equal(
        places["incidents"].to_numpy().reshape(2, 16), expected.places[..., 2].astype(np.float32)
    )
    summary = store.runs().to_pylist()[0]
    assert summary["incidents"] == expected.series[..., OUTCOME_INDEX["incidents"]].sum()
    assert summary["seed"] == run.seed


def test_a_run_that_fails_becomes_a_row_and_costs_nobody_else(tmp_path):
    store = stored(tmp_path)
    bad = [FakeScenario("broken", parameters={"fail": 0}), FakeScenario("hole", parameters={"nan": 1.0})]
    tally = execute(plan_of(FakeScenario("calm"), *bad, replications=8), store, FakeEngine())
    runs = store.runs().to_pandas().set_index("scenario")
    assert tally.failed == (runs["status"] == "failed").sum()
    assert (runs.loc["calm", "status"] == "done").all()
    assert set(runs.loc["hole", "stage"]) == {"record"}
    assert runs.loc["hole", "error"].str.contains("tension is not a number in month 3, BBB").all()
    broken = runs.loc["broken"]
    failed = broken[broken["status"] == "failed"]
    assert (failed["seed"] % 2 == 0).all()
    assert len(failed) == sum(run_seed(1, r) % 2 == 0 for r in range(8))
    assert set(failed["stage"]) == {"simulate"}
    assert failed["error"].str.startswith("ValueError: the fake broke (").all()
    assert failed["reproduce"].str.startswith("stabsim run --id ").all()
    assert "/" not in failed["error"].iloc[0].split("(")[1]


def test_failed_runs_can_be_tried_again(tmp_path):
    store, plan = (
        stored(tmp_path),
        plan_of(FakeScenario("calm"), FakeScenario("mended", parameters={"fail": 0})),
    )

    class Mended(FakeEngine):
        def simulate(self, scenario, seed):
            from dataclasses import replace

            return super().simulate(replace(scenario, parameters={}), seed)

    first = execute(plan, store, FakeEngine())
    assert first.failed > 0
    assert execute(plan, store, Mended()).failed == first.failed
    again = execute(plan, store, Mended(), retry_failed=True)
    assert (again.failed, again.done) == (0, 8)
    assert sorted(store.runs()["run"].to_pylist()) == sorted(run.run for run in plan.runs)


def test_an_interrupted_experiment_continues_to_the_same_content(tmp_path):
    plan = plan_of(replications=8)
    whole, parts = stored(tmp_path / "whole"), stored(tmp_path / "parts")
    execute(plan, whole, FakeEngine())

    class Stop(BaseException):
        pass

    def stop(progress):
        if progress.done >= 4:
            raise Stop

    with pytest.raises(Stop):
        execute(plan, parts, FakeEngine(), progress=stop)
    kept = parts.finished()
    assert 4 <= len(kept) < 16
    assert set(kept) == {run.run for run in plan.runs[: len(kept)]}
    tally = execute(plan, parts, FakeEngine(), workers=2)
    assert tally.reused == len(kept)
    assert hashes(parts) == hashes(whole)
    assert execute(plan, parts, FakeEngine()).reused == 16


def test_a_damaged_or_half_written_batch_is_run_again(tmp_path):
    plan, store = plan_of(replications=8), stored(tmp_path)
    execute(plan, store, FakeEngine())
    before = hashes(store)
    first, second, third, *_ = store.batches()
    series = store.file("series", first)
    series.write_bytes(series.read_bytes()[:-20])
    store.file("runs", second).unlink()
    store.file("places", third).unlink()
    (tmp_path / "series" / ".x.parquet.1.tmp").write_bytes(b"left behind")
    tally = execute(plan, store, FakeEngine())
    assert tally.reused == 16 - 3 * batch_size(16, 1, 1000)
    assert hashes(store) == before
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_flipped_bit_is_noticed(tmp_path):
    store = stored(tmp_path)
    execute(plan_of(replications=1), store, FakeEngine())
    path = store.file("series", store.batches()[0])
    content = path.read_bytes()
    column = pq.ParquetFile(path).metadata.row_group(0).column(SCHEMAS["series"].names.index("tension"))
    place = column.data_page_offset + column.total_compressed_size // 2
    path.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
    with pytest.raises(StoreError, match="damaged"):
        store.content_hash("series")


def test_a_killed_worker_costs_its_task_and_nothing_else(tmp_path):
    plan = plan_of(FakeScenario("calm"), FakeScenario("fatal", parameters={"die": 1.0}), replications=4)
    store = stored(tmp_path / "results")
    tally = execute(plan, store, FakeEngine(fuse=tmp_path / "fuse"), workers=2)
    assert tally.lost >= 1
    assert (tally.done, tally.failed) == (8, 0)
    assert sorted(store.runs()["run"].to_pylist()) == sorted(run.run for run in plan.runs)


def test_a_run_that_always_kills_its_worker_is_named_and_the_rest_is_done(tmp_path):
    fatal = FakeScenario("fatal", parameters={"die": 2.0})
    plan = plan_of(FakeScenario("calm"), fatal, replications=2)
    store = stored(tmp_path / "results")
    tally = execute(plan, store, FakeEngine(fuse=tmp_path / "fuse"), workers=2)
    runs = store.runs().to_pandas().set_index("scenario")
    assert (tally.done, tally.failed) == (2, 2)
    assert set(runs.loc["fatal", "stage"]) == {"worker"}
    assert set(runs.loc["calm", "status"]) == {"done"}


def test_workers_that_never_start_are_reported_at_once(tmp_path):
    def broken() -> SerialExecutor:
        from concurrent.futures import BrokenExecutor

        class Broken(SerialExecutor):
            def submit(self, fn, /, *args, **kwargs):
                raise BrokenExecutor

        return Broken()

    with pytest.raises(RunError, match="die as soon as they start"):
        execute(plan_of(replications=8), stored(tmp_path), FakeEngine(), pool=broken)


def test_progress_counts_and_estimates(tmp_path):
    seen = []
    execute(plan_of(replications=8), stored(tmp_path), FakeEngine(), progress=seen.append)
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert (seen[0].done, seen[0].eta) == (0, None)
    assert (seen[-1].done, seen[-1].total, seen[-1].eta) == (16, 16, 0.0)
    assert seen[-1].rate > 0


def test_a_second_live_owner_is_refused_and_a_dead_one_forgotten(tmp_path):
    store = stored(tmp_path)
    hold = (
        "import sys; from pathlib import Path; from sim.experiment import ResultsFolder\n"
        "with ResultsFolder(Path(sys.argv[1])).lock():\n    print('held', flush=True); sys.stdin.read()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=TESTS.parent,
    )
    assert owner.stdout.readline() == b"held\n"
    with pytest.raises(FolderBusyError, match=f"process {owner.pid}") as caught, store.lock():
        pass
    assert caught.value.exit_code == 4
    owner.kill()
    owner.communicate()
    with store.lock():
        assert str(os.getpid()) in (tmp_path / ".lock").read_text()


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from tests.test_experiment import *\n"
        "if __name__ == '__main__':\n"
        "    execute(plan_of(replications=50), stored(Path(sys.argv[2])), "
        "FakeEngine(seconds=0.5), workers=2)\n"
    )
    (tmp_path / "main.py").write_text(script)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "main.py"), str(TESTS.parent), str(tmp_path / "out")],
        cwd=TESTS.parent,
        env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
    )
    threads = Path(f"/proc/{parent.pid}/task")  # the pool starts its workers from threads of its own
    if not (threads / str(parent.pid) / "children").exists():
        parent.kill()
        pytest.skip("this system does not list children")
    deadline = time.monotonic() + 30
    workers: list[str] = []
    while len(workers) < 3 and time.monotonic() < deadline:  # two workers and the resource tracker
        with contextlib.suppress(OSError):  # a thread that ends takes its file along
            workers = [child for one in threads.glob("*/children") for child in one.read_text().split()]
        time.sleep(0.05)
    assert len(workers) >= 3
    time.sleep(1.0)
    parent.kill()
    parent.wait()
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]


def test_folders_that_cannot_be_used_are_refused_clearly(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        ResultsFolder(tmp_path).prepare()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(InputError, match="cannot write results there"):
        ResultsFolder(tmp_path / "notes.txt" / "below").prepare()


def test_a_full_disk_stops_with_a_message_and_keeps_what_is_finished(tmp_path, monkeypatch):
    plan, store = plan_of(replications=8), stored(tmp_path)
    real, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) > 20:
            raise OSError(28, "No space left on device")
        return real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        execute(plan, store, FakeEngine())
    monkeypatch.undo()
    kept = len(store.finished())
    assert 0 < kept < 16
    assert not list(tmp_path.rglob("*.tmp"))
    assert execute(plan, store, FakeEngine()).reused == kept


def test_manifest_round_trips_and_a_broken_one_is_reported(tmp_path):
    store = stored(tmp_path)
    assert store.manifest() == {}
    store.write_manifest({"title": "Čačak", "seed": 2**63})
    assert store.manifest() == {"format": 1, "title": "Čačak", "seed": 2**63}
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        store.manifest()


def test_content_digest_ignores_encoding_and_sees_values():
    run = plan_of(replications=1).runs[0]
    engine, scenario = FakeEngine(), FakeScenario("calm")
    values = engine.simulate(scenario, 1).series
    table = series_table(run, values, engine.layout(scenario), 2024, 1)
    plain = table.cast(
        pa.schema(
            [(entry.name, pa.string() if pa.types.is_dictionary(entry.type) else entry.type) for entry in table.schema]
        )
    )
    assert content_digest(plain) == content_digest(table)
    values[5, 1, 3] += 1
    assert content_digest(series_table(run, values, engine.layout(scenario), 2024, 1)) != content_digest(table)


def test_files_are_float32_zstd_and_split(tmp_path):
    store = stored(tmp_path)
    execute(plan_of(replications=1), store, FakeEngine())
    store.write_codebook()
    meta = pq.ParquetFile(store.file("series", store.batches()[0])).metadata.row_group(0)
    column = meta.column(SCHEMAS["series"].names.index("tension"))
    assert (column.physical_type, column.compression) == ("FLOAT", "ZSTD")
    assert "BYTE_STREAM_SPLIT" in column.encodings
    rows = (tmp_path / "codebook.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) > len(OUTCOMES) + 1
    assert {row.split(",")[0] for row in rows} >= {
        *SCHEMAS["runs"].names,
        *SCHEMAS["places"].names,
        *SCHEMAS["series"].names,
    }


def test_pooling_and_reducing_by_hand():
    values = np.zeros((2, 2, len(OUTCOMES)))
    values[..., OUTCOME_INDEX["population"]] = [100, 300]
    values[..., OUTCOME_INDEX["tension"]] = [[0.2, 0.6], [0.4, 0.8]]
    values[..., OUTCOME_INDEX["incidents"]] = [[1, 2], [3, 4]]
    values[..., OUTCOME_INDEX["displaced"]] = [[5, 6], [7, 8]]
    region = pool_region(values)
    np.testing.assert_allclose(region[:, OUTCOME_INDEX["tension"]], [0.5, 0.7])
    np.testing.assert_array_equal(region[:, OUTCOME_INDEX["incidents"]], [3, 7])
    total = reduce_months(region)
    assert total[OUTCOME_INDEX["incidents"]] == 10
    assert total[OUTCOME_INDEX["displaced"]] == 15
    assert total[OUTCOME_INDEX["tension"]] == pytest.approx(0.6)


def test_batches_are_small_for_big_worlds_and_named_by_their_runs():
    assert batch_size(256, 2, 20_000) == 8
    assert batch_size(256, 2, "all") == 1
    assert batch_size(3, 2, 20_000) == 1
    runs = plan_of().runs
    ids = [run.run for run in runs]
    assert key_of(ids[:2]) == key_of(ids[:2]) != key_of(ids[1:3])
    assert available_workers() >= 1


def test_runs_table_carries_the_design_point(tmp_path):
    store = stored(tmp_path)
    plan = plan_of(FakeScenario("calm"), points=({"rate": 0.0}, {"rate": 20.0}), replications=2)
    execute(plan, store, FakeEngine())
    runs = store.runs().to_pandas()
    assert [json.loads(text)["rate"] for text in runs["parameters"]] == [0.0, 0.0, 20.0, 20.0]
    assert list(runs["incidents"]) == [0, 0, 24 * 3 * 20, 24 * 3 * 20]
