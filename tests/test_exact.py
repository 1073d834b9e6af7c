"""Exact checks: byte or integer equality under shared seeds, on small worlds."""

from __future__ import annotations

import ast
import csv
import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from sim.kernels.compiling import compiled_from
from sim.model.month import RunResult, StabilityModel
from sim.model.run import simulate
from sim.population import Population, synthesise
from sim.region import Region, find_region, load_region
from sim.scenario import Scenario, load_scenario
from sim.types import Solve
from sim.world.outcomes import OUTCOME_INDEX
from sim.world.world import Setting, prepare

MONTHS = 18
SEED = 20_260_101


@lru_cache
def world(region: str = "twin_valleys", citizens: int | str = 640, year: int = 2024) -> tuple[Region, Population]:
    loaded = load_region(find_region(region), year)
    return loaded, synthesise(loaded, citizens)


@lru_cache
def setting(region: str = "twin_valleys", citizens: int | str = 640) -> Setting:
    loaded, people = world(region, citizens)
    return prepare(loaded, people)


def scenario(text: str, folder: Path, region: str = "twin_valleys", months: int = MONTHS) -> Scenario:
    path = folder / "case.yaml"
    path.write_text(f"format: 1\ntitle: case\nregion: {region}\nstart: 2024-01\nmonths: {months}\n{text}")
    return load_scenario(path)


def bytes_of(result: RunResult) -> bytes:
    return result.series.tobytes() + result.places.tobytes()


def run(spec: Scenario, region: str = "twin_valleys", seed: int = SEED, threads: int = 1) -> RunResult:
    loaded, people = world(region)
    return simulate(spec, loaded, people, seed, threads=threads, setting=setting(region))


TURMOIL = """
shocks:
  rumour: {type: rumour, targets: {states: [AAA], communities: [amber]}, at: 2024-03, week: 1, magnitude: 1.4}
  arms: {type: arms_inflow, at: 2024-02}
  status: {type: status_declaration, at: 2024-05}
"""
"""A lively background, so that equality is tested where things happen."""


@pytest.fixture
def turmoil(tmp_path: Path) -> Scenario:
    return scenario(TURMOIL, tmp_path)


def test_same_input_same_bytes(turmoil: Scenario) -> None:
    """Above ten seconds where it is the first to use its kernels and compiles them, else a third of one."""
    assert bytes_of(run(turmoil)) == bytes_of(run(turmoil))
    assert bytes_of(run(turmoil)) != bytes_of(run(turmoil, seed=SEED + 1))


@pytest.mark.parametrize("row", ["I1", "I2", "I3", "I4", "I6", "I8", "I15", "I17", "I23", "I24", "I25", "I26", "I27", "I28",
                                 "I29", "I31"])  # fmt: skip
def test_zero_intensity_is_exactly_nothing(row: str, tmp_path: Path, turmoil: Scenario) -> None:
    idle = f"interventions:\n  idle: {{type: {row}, start: 2024-02, intensity: 0, approval: none}}\n"
    with_idle = run(scenario(TURMOIL + idle, tmp_path))
    assert bytes_of(with_idle) == bytes_of(run(turmoil))


def test_full_intensity_is_something(tmp_path: Path, turmoil: Scenario) -> None:
    busy = "interventions:\n  busy: {type: I2, start: 2024-02, intensity: 1, approval: none}\n"
    assert bytes_of(run(scenario(TURMOIL + busy, tmp_path))) != bytes_of(run(turmoil))


def test_nothing_before_the_start(tmp_path: Path, turmoil: Scenario) -> None:
    later = "interventions:\n  later: {type: I28, start: 2024-10, intensity: 1, approval: none}\n"
    changed, base = run(scenario(TURMOIL + later, tmp_path)), run(turmoil)
    assert changed.series[:9].tobytes() == base.series[:9].tobytes()
    assert changed.series[9:].tobytes() != base.series[9:].tobytes()


def test_longer_horizon_read_early_is_the_short_run(tmp_path: Path) -> None:
    short = run(scenario(TURMOIL, tmp_path, months=12))
    long = run(scenario(TURMOIL, tmp_path, months=24))
    assert long.series[:12].tobytes() == short.series.tobytes()
    assert long.places[:1].tobytes() == short.places.tobytes()


def test_order_and_names_of_yaml_keys_do_not_matter(tmp_path: Path) -> None:
    entries = [
        "{type: I2, start: 2024-02, intensity: 0.5, approval: none}",
        "{type: I28, start: 2024-03, intensity: 0.7, approval: none}",
        "{type: I23, targets: {states: [BBB]}, start: 2024-02, intensity: 1, approval: none}",
    ]
    forth = "interventions:\n" + "".join(f"  p{i}: {e}\n" for i, e in enumerate(entries))
    back = "interventions:\n" + "".join(f"  z{9 - i}: {e}\n" for i, e in reversed(list(enumerate(entries))))
    assert bytes_of(run(scenario(TURMOIL + forth, tmp_path))) == bytes_of(run(scenario(back + TURMOIL, tmp_path)))


def copy_region(name: str, folder: Path) -> Path:
    copy = folder / name
    shutil.copytree(find_region(name), copy)
    (copy / "outlines.geojson").unlink()
    return copy


Rows = list[dict[str, str]]


def read_table(path: Path) -> tuple[list[str], Rows]:
    reader = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    return list(reader.fieldnames or []), list(reader)


def write_table(path: Path, header: list[str], rows: Rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, header)
        writer.writeheader()
        writer.writerows(rows)


def test_order_of_rows_and_display_names_do_not_matter(tmp_path: Path, turmoil: Scenario) -> None:
    copy = copy_region("twin_valleys", tmp_path)
    rng = random.Random(4)
    for table in sorted(copy.glob("*.csv")):
        header, rows = read_table(table)
        rng.shuffle(rows)
        if table.name in ("states.csv", "districts.csv"):
            rows = [{**row, "name": row["name"][::-1]} for row in rows]
        write_table(table, header, rows)
    renamed = load_region(copy, 2024)
    people = synthesise(renamed, 640)
    result = simulate(turmoil, renamed, people, SEED, setting=prepare(renamed, people))
    assert bytes_of(result) == bytes_of(run(turmoil))


def cut_region(copy: Path, keep: set[str]) -> Path:
    """Keep only some states of a region folder."""
    for table in sorted(copy.glob("*.csv")):
        header, rows = read_table(table)
        codes = [c for c in header if c in ("state", "state_a", "state_b", "kin_state", "host_state")]
        places = [c for c in header if c in ("district", "place")]
        rows = [r for r in rows if all(r[c] in keep for c in codes)]
        write_table(table, header, [r for r in rows if all(r[c].split("-")[0] in keep for c in places)])
    return copy


def unlink(copy: Path) -> Path:
    """Remove every tie between states, and move them far apart."""
    for table in ("borders.csv", "kin_ties.csv", "disputes.csv"):
        write_table(copy / table, read_table(copy / table)[0], [])
    for table in ("districts.csv", "states.csv"):
        header, rows = read_table(copy / table)
        far = [row for row in rows if row["state"] == "BBB"]
        for row in far:
            row["lat"] = str(float(row["lat"]) + 15.0)
        write_table(copy / table, header, rows)
    return copy


def test_an_isolated_state_changes_nobody_else(tmp_path: Path) -> None:
    """Two unlinked states run together equal two run apart; one citizen per hundred persons in both.

    Above ten seconds where nothing is compiled: light citizens have counts of 8 bits, and so kernels of their own.
    """
    both = unlink(copy_region("twin_valleys", tmp_path / "both"))
    alone = {s: cut_region(unlink(copy_region("twin_valleys", tmp_path / s)), {s}) for s in ("AAA", "BBB")}
    text = "shocks:\n  rumour: {type: rumour, targets: {communities: [amber]}, at: 2024-03, magnitude: 1.5}\n"
    specs = {}
    for name, folder in (("both", both), *alone.items()):
        (tmp_path / f"{name}.yaml").write_text(
            f"format: 1\ntitle: t\nregion: {folder}\nstart: 2024-01\nmonths: 12\n{text}", encoding="utf-8"
        )
        specs[name] = load_scenario(tmp_path / f"{name}.yaml")
    together = load_region(both, 2024)
    half = int(together.district_population.sum()) // 200
    people = synthesise(together, 2 * half)
    shared = prepare(together, people)
    joint = simulate(specs["both"], together, people, SEED, setting=shared)
    for state, folder in alone.items():
        region = load_region(folder, 2024)
        apart = synthesise(region, half)
        own = prepare(region, apart, solve=shared.solve)
        single = simulate(specs[state], region, apart, SEED, setting=own)
        column = together.states.index(state)
        assert single.series[:, 0].tobytes() == np.ascontiguousarray(joint.series[:, column]).tobytes()
        assert single.series[:, 0, OUTCOME_INDEX["participants"]].sum() > 0


def test_people_are_conserved_every_month_at_every_level(turmoil: Scenario) -> None:
    model = StabilityModel(replace(turmoil, months=24), setting(), SEED)
    model.world.arms[:] = 0.8
    model.world.attack[:] = 1.0
    model.world.posture[:] = 2
    model.world.expulsion[0] = 0.5
    population = setting().population
    weights = population.weights
    assert int(weights.sum()) == population.persons
    lost = displaced = fighters = detained = 0
    while model.month < 24:
        model.armed_groups.clear()
        model.institutions.clear()
        model.step()
        c, t = model.world.citizens, model.world.tallies
        taken = sum(a.astype(np.int64) for a in (c.detained, c.displaced, c.in_arms, c.dead))
        assert (taken <= weights).all()
        for counts, cells in (
            (c.detained, t.detained),
            (c.displaced, t.displaced),
            (c.in_arms, t.fighters),
            (c.dead, t.dead),
        ):
            by_cell = np.add.reduceat(counts.astype(np.int64), population.cell_start[:-1])
            assert (by_cell == cells).all()
        m = t.month.sum(axis=1)
        detained += m[6] - m[7]
        displaced += m[8] - m[9]
        fighters += m[10] - m[11] - m[12]
        lost += m[3] + m[5]
        assert (t.detained.sum(), t.displaced.sum(), t.fighters.sum(), t.dead.sum()) == (
            detained,
            displaced,
            fighters,
            lost,
        )
        row = model.world.recorder.series[model.month - 1]
        assert row[:, OUTCOME_INDEX["population"]].sum() == population.persons - lost
    assert min(lost, displaced, fighters) > 0


def test_an_observer_changes_nothing(turmoil: Scenario) -> None:
    watched = StabilityModel(turmoil, setting(), SEED, log_rounds=True)
    while watched.month < turmoil.months:
        watched.step()
        _ = watched.situation, watched.world.fields.tension.mean(), watched.situation.proposals("allies")
    watched.world.recorder.close()
    assert watched.world.recorder.series.tobytes() == run(turmoil).series.tobytes()


@pytest.mark.parametrize("threads", [2, 8])
def test_threads_do_not_matter(threads: int) -> None:
    """Checked in a process of its own, which may have more threads than cores."""
    code = f"""
import hashlib, numba
from pathlib import Path
import tempfile
from tests.test_exact import TURMOIL, SEED, bytes_of, run, scenario
numba.set_num_threads({threads})
spec = scenario(TURMOIL, Path(tempfile.mkdtemp()), months=8)
print(hashlib.sha256(bytes_of(run(spec, threads={threads}))).hexdigest(), hashlib.sha256(bytes_of(run(spec))).hexdigest())
"""
    environment = {**os.environ, "NUMBA_NUM_THREADS": str(threads)}
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, env=environment, check=True
    )
    threaded, single = done.stdout.split()
    assert threaded == single


def test_without_compilation_the_bytes_are_the_same() -> None:
    code = """
import hashlib, tempfile, warnings
warnings.simplefilter("error")
from pathlib import Path
from tests.test_exact import TURMOIL, SEED, bytes_of, scenario
from sim.model.run import simulate
from sim.population import synthesise
from sim.region import find_region, load_region
region = load_region(find_region("twin_valleys"), 2024)
spec = scenario(TURMOIL, Path(tempfile.mkdtemp()), months=3)
print(hashlib.sha256(bytes_of(simulate(spec, region, synthesise(region, 130), SEED))).hexdigest())
"""
    root = Path(__file__).parents[1]
    prints = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True,
            env={**os.environ, "NUMBA_DISABLE_JIT": flag},
        ).stdout
        for flag in ("0", "1")
    ]  # fmt: skip
    assert prints[0] == prints[1] != ""


def test_a_stored_solve_is_reused() -> None:
    loaded, people = world()
    given = prepare(loaded, people, solve=Solve(-9.0, -4.0, 0.2, 0.1))
    assert given.solve == Solve(-9.0, -4.0, 0.2, 0.1)


def test_the_cache_of_compiled_code_knows_every_file_whose_constants_it_takes_in() -> None:
    """A renumbered outcome must not be recorded by code compiled with the old number."""
    known = {path.resolve() for path in compiled_from()}
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("sim.")]
    own = {value.__module__ for one in modules for value in vars(one).values() if isinstance(value, Dispatcher)}
    holding = [one for one in modules if one.__name__ in own]
    assert len(holding) > 10
    for module in holding:
        for line in ast.parse(Path(str(module.__file__)).read_text()).body:
            if not isinstance(line, ast.ImportFrom) or not (line.module or "").startswith("sim."):
                continue
            source = sys.modules[str(line.module)]
            constants = (int, float, tuple, dict, np.generic, np.ndarray)
            taken = [one.name for one in line.names if isinstance(getattr(source, one.name), constants)]
            assert not taken or Path(str(source.__file__)).resolve() in known, (module.__name__, line.module, taken)
