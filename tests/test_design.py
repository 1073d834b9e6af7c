"""Designs, points and sweeps over them: the samples are what they claim, and a sweep is more runs, nothing else."""

from __future__ import annotations

import csv
import json
import pickle
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

import sim
from sim import api, cli
from sim.cli import command
from sim.errors import InputError, ScenarioError
from sim.experiment import ResultsFolder, build_plan, read_points, with_replications
from sim.experiment.design import POINTS, Design, Factor, Points, count, sample
from sim.scenario import load_scenario, load_template, template_of
from tests.experiment_fakes import FakeScenario, FakeSource, RealNamesEngine
from tests.test_experiment_files import GOOD, write

UNIFORM = Factor("parameters.a", "uncertainty", 1.0, 3.0, "uniform")
CUBE = {"num_vars": 3, "names": list("abc"), "bounds": [[0.0, 1.0]] * 3}
WIDE = Factor("parameters.b", "uncertainty", 1e-4, 1.0, "loguniform")
NAMED = Factor("c", "lever", levels=("x", "y", ("AAA", "BBB")))
WHOLE = Factor("d", "lever", 1, 5, "uniform", whole=True)
ALL = [UNIFORM, WIDE, NAMED, WHOLE]


# --- samples


@pytest.mark.extra
@pytest.mark.parametrize(
    "design",
    [
        Design("lhs", 20),
        Design("random", 20),
        Design("sobol", 8),
        Design("sobol", 8, second_order=True),
        Design("morris", 5),
        Design("grid"),
        Design("scenarios"),
    ],
    ids=lambda design: design.kind,
)
def test_a_design_has_the_points_it_counts_and_makes_them_again(design: Design) -> None:
    if design.kind in ("sobol", "morris"):
        pytest.importorskip("SALib")
    made = sample(design, ALL)
    assert len(made) == count(design, ALL)
    assert list(sample(design, ALL)) == list(made)
    if design.kind in ("lhs", "random", "sobol", "morris"):
        assert list(sample(Design(design.kind, design.size, seed=2), ALL)) != list(made)
    for point in made if design.kind != "scenarios" else ():
        assert 1 <= point["parameters.a"] <= 3
        assert 1e-4 <= point["parameters.b"] <= 1
        assert point["c"] in NAMED.levels
        assert isinstance(point["d"], int)
        assert 1 <= point["d"] <= 5


def test_a_latin_hypercube_covers_every_factor_evenly() -> None:
    made = sample(Design("lhs", 40), ALL)
    assert sorted(int((value - 1) / 2 * 40) for value in made.columns["parameters.a"]) == list(range(40))
    logs = np.log(made.columns["parameters.b"]) / np.log(1e-4)
    assert sorted((logs * 40).astype(int)) == list(range(40))
    assert [list(made.columns["d"]).count(value) for value in range(1, 6)] == [8] * 5


def test_a_grid_holds_every_combination_once() -> None:
    factors = [Factor("a", "lever", levels=(1, 2)), Factor("b", "uncertainty", 0.0, 1.0, "uniform", steps=3)]
    rows = [tuple(point.values()) for point in sample(Design("grid"), factors)]
    assert rows == [(a, b) for a in (1, 2) for b in (0.0, 0.5, 1.0)]


@pytest.mark.parametrize(
    ("factor", "known"),
    [
        (Factor("t", "uncertainty", 1.0, 5.0, "triangular", peak=2.0), stats.triang(0.25, 1, 4)),
        (Factor("n", "uncertainty", 0.0, 4.0, "normal", peak=1.0, sd=2.0), stats.truncnorm(-0.5, 1.5, 1, 2)),
        (WIDE, stats.loguniform(1e-4, 1)),
        (UNIFORM, stats.uniform(1, 2)),
    ],
    ids=lambda item: getattr(item, "distribution", ""),
)
def test_samples_follow_their_distribution(factor: Factor, known: object) -> None:
    values = sample(Design("random", 4000), [factor]).columns[factor.key]
    assert stats.kstest(values, known.cdf).pvalue > 0.01  # type: ignore[attr-defined]
    assert factor.ends == pytest.approx((factor.low, factor.high))


@pytest.mark.extra
def test_a_sobol_design_gives_the_known_indices_of_ishigami() -> None:
    analyze = pytest.importorskip("SALib.analyze.sobol")
    factors = [Factor(name, "uncertainty", -np.pi, np.pi, "uniform") for name in "abc"]
    made = sample(Design("sobol", 1024), factors)
    a, b, c = (np.array(made.columns[name]) for name in "abc")
    answer = np.sin(a) + 7 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a)
    found = analyze.analyze(CUBE, answer, calc_second_order=False, seed=1)
    assert found["S1"] == pytest.approx([0.3139, 0.4424, 0.0], abs=0.05)
    assert found["ST"] == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.05)


@pytest.mark.extra
def test_a_morris_design_gives_the_known_effects_of_a_line() -> None:
    analyze = pytest.importorskip("SALib.analyze.morris")
    factors = [Factor(name, "uncertainty", 0.0, 1.0, "uniform") for name in "abc"]
    made = sample(Design("morris", 10), factors)
    answer = 5 * np.array(made.columns["a"]) - 2 * np.array(made.columns["b"])
    shares = np.column_stack([made.columns[name] for name in "abc"])
    found = analyze.analyze(CUBE, shares, answer, num_levels=4, seed=1)
    assert list(found["mu_star"]) == pytest.approx([5, 2, 0], abs=1e-6)
    assert list(found["sigma"]) == pytest.approx([0, 0, 0], abs=1e-6)


def test_a_design_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "SALib.sample.morris", None)
    with pytest.raises(InputError, match="needs SALib.*explore"):
        sample(Design("morris", 5), ALL)


def test_points_are_read_back_exactly(tmp_path: Path) -> None:
    made = sample(Design("random", 50), ALL)
    (tmp_path / POINTS).write_text(made.text(), encoding="utf-8")
    back = read_points(tmp_path, json.loads(json.dumps([factor.described() for factor in ALL])))
    assert json.dumps(list(back)) == json.dumps(list(made))
    assert [type(value) for value in back[0].values()] == [float, float, *[type(back[0]["c"])], int]
    (tmp_path / POINTS).write_text(made.text().replace("point,", "number,"), encoding="utf-8")
    with pytest.raises(InputError, match=r"does not hold the factors"):
        read_points(tmp_path, [factor.described() for factor in ALL])


def test_points_of_many_factors_take_the_room_of_their_numbers() -> None:
    made = Points({f"p{number}": np.linspace(0, 1, 2000).tolist() for number in range(100)})
    assert len(pickle.dumps(made)) < 2000 * 100 * 8 * 1.05


# --- scenarios that points change


def test_a_point_means_what_the_same_overrides_mean() -> None:
    point = {"interventions.police.intensity": 0.25, "parameters.b_peer": 3.0, "interventions.police.start": "2026-01"}
    made = load_template("police_capacity").at(point)
    assert made == load_scenario("police_capacity", [f"{key}={value}" for key, value in point.items()])
    assert made.interventions[0].meur_per_year == pytest.approx(
        load_scenario("police_capacity").interventions[0].meur_per_year / 2
    )


def test_the_quick_way_for_parameters_is_the_long_way() -> None:
    template = load_template("way_forward")
    quick = template.at({"parameters.b_kin": 0.25, "parameters.b_peer": 3})
    assert quick == load_scenario("way_forward", ["parameters.b_kin=0.25", "parameters.b_peer=3"])
    with pytest.raises(ScenarioError, match="outside what the model accepts"):
        template.at({"parameters.b_peer": 1000.0})
    with pytest.raises(ScenarioError, match="no parameter is called that"):
        template.at({"parameters.b_peeer": 1.0})


def test_a_template_survives_being_stored_and_sent() -> None:
    template, point = load_template("kfor_surge"), {"interventions.surge.troops": 500, "parameters.b_peer": 3.5}
    for copy in (
        pickle.loads(pickle.dumps(template)),
        template_of("kfor_surge", json.loads(json.dumps(template.written()))),
    ):
        assert copy.at(point) == template.at(point)
        assert copy.base == template.base
    assert template.at({"interventions.nobody.intensity": 0.5}) == template.base
    assert not template.has("shocks.surge.at")


def test_thousands_of_points_are_resolved_in_seconds() -> None:
    names = ("b_peer", "b_kin", "b_tension", "b_risk", "b_threshold")
    factors = [Factor(f"parameters.{name}", "uncertainty", 1.5, 2.5, "uniform") for name in names]
    template = load_template("police_capacity")
    started = time.process_time()
    plan = build_plan(
        [template.base],
        base_seed=1,
        replications=2,
        citizens=1000,
        region_hash="r",
        points=sample(Design("random", 3000), factors),
        templates={template.key: template},
        model="m",
    )
    assert time.process_time() - started < 10
    assert len({run.run for run in plan.runs}) == 6000


# --- plans


def plan_of(points: list[dict[str, float]], replications: int = 2):  # noqa: ANN201
    scenario = FakeScenario("calm")
    return build_plan(
        [scenario],
        base_seed=3,
        replications=replications,
        citizens=100,
        region_hash="r",
        points=points,
        templates={"calm": FakeSource(scenario)},
        model="m",
    )


def test_ids_of_plain_runs_are_the_ones_they_always_were() -> None:
    scenarios = [FakeScenario("a"), FakeScenario("b", months=3)]
    plan = build_plan(scenarios, base_seed=3, replications=2, citizens=100, region_hash="r", model="m")
    assert [run.run for run in plan.runs] == [
        "b1316f342906452f9907",
        "93133de109e123da06f3",
        "75fe2881413f3b9b8946",
        "558be9155027a10dd0e8",
    ]


def test_repeated_points_are_runs_of_their_own() -> None:
    plan = plan_of([{"rate": 1.0}, {"rate": 2.0}, {"rate": 1.0}])
    assert len({run.run for run in plan.runs}) == 6
    assert plan.runs[:2] == plan_of([{"rate": 1.0}, {"rate": 2.0}]).runs[:2]


def test_replications_are_added_behind_those_there_are() -> None:
    points = [{"rate": 1.0}, {"rate": 2.0}]
    short, long = plan_of(points, 2), plan_of(points, 5)
    assert with_replications(short, 5).runs == long.runs
    assert with_replications(long, 2).runs == short.runs
    assert [run.replication for run in long.runs] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert len({run.seed for run in long.runs}) == 5


# --- sweeps


def sweep(folder: Path, out: Path | None = None, **settings):  # noqa: ANN003, ANN201
    return api.sweep(folder, out=out, engine=RealNamesEngine(), **{"workers": 1} | settings)


def hashes(folder: Path) -> tuple[str, str]:
    return ResultsFolder(folder).content_hash("series"), ResultsFolder(folder).content_hash("places")


def test_a_sweep_runs_every_point_in_every_scenario_with_the_same_random_draws(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    results = sweep(tmp_path, tmp_path / "out")
    runs, points = results.runs, results.points
    assert len(runs) == 2 * 4 * 2
    assert (runs["status"] == "done").all()
    assert runs.groupby("replication")["seed"].nunique().tolist() == [1, 1]
    assert list(points.columns) == ["point", "parameters.b_peer", "interventions.police.intensity"]
    assert points["parameters.b_peer"].between(2, 3.8).all()
    wide = runs.pivot(index=["point", "replication"], columns="scenario", values="incidents")
    intensity = points["interventions.police.intensity"].to_numpy().repeat(2)
    np.testing.assert_allclose(wide["quiet"] - wide["police"], 12 * 2 * intensity, rtol=1e-5)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["kind"], manifest["status"], manifest["design"]["kind"]) == ("sweep", "complete", "lhs")
    assert [factor["role"] for factor in manifest["design"]["factors"]] == ["uncertainty", "lever"]
    assert manifest["design"]["factors"][1]["acts_in"] == ["police"]
    assert (tmp_path / "out" / "experiment.yaml").read_text(encoding="utf-8") == GOOD


def test_the_same_call_runs_nothing_again_and_another_experiment_is_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    first = sweep(tmp_path, tmp_path / "out")
    assert sweep(tmp_path, tmp_path / "out").tally.reused == first.tally.done == 16
    write(tmp_path, GOOD.replace("points: 4", "points: 5"))
    with pytest.raises(InputError, match="other scenarios, settings or sources"):
        sweep(tmp_path, tmp_path / "out")
    named = sweep(tmp_path, below=tmp_path / "results").folder
    assert named.name == f"sweep-{tmp_path.name[:60]}"


def test_failed_runs_are_rows_and_are_tried_again_when_asked(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("constants: {", "constants: {parameters.b_kin: 2.5, "))
    first = sweep(tmp_path, tmp_path / "out")
    odd = (first.runs["seed"] % 2 == 1).sum()
    assert first.failed == odd == (first.runs["status"] == "failed").sum()
    assert sweep(tmp_path, tmp_path / "out").tally.reused == 16
    assert sweep(tmp_path, tmp_path / "out", retry_failed=True).tally.reused == 16 - odd


SEQUENTIAL = GOOD.replace(
    "replications: 2", "until: {outcome: tension, width: WIDTH, at_least: 4, at_most: 12, step: 4}"
)


def test_rounds_end_when_the_widest_interval_is_narrow_enough(tmp_path: Path) -> None:
    write(tmp_path, SEQUENTIAL.replace("WIDTH", "1e-9"))
    paired = sweep(tmp_path)  # pairs with the same random draws differ by the same amount, but for single precision
    write(tmp_path, SEQUENTIAL.replace("WIDTH", "0.0001").replace("until: {", "until: {contrast: mean, "))
    never = sweep(tmp_path)
    assert paired.replications in (4, 12)
    assert (never.replications, never.tally.done) == (12, 2 * 4 * 12)
    assert [entry["replications"] for entry in never.sequential["rounds"]] == [4, 8, 12]
    tension = never.runs.groupby(["scenario", "point"])["tension"]
    half = stats.t.ppf(0.975, 11) * tension.std() / np.sqrt(12)
    assert never.sequential["rounds"][-1]["width"] == pytest.approx(2 * half.max())
    between = np.mean([never.sequential["rounds"][index]["width"] for index in (0, 1)])
    write(tmp_path, SEQUENTIAL.replace("WIDTH", f"{between}").replace("until: {", "until: {contrast: mean, "))
    assert sweep(tmp_path).replications == 8


def test_an_interrupted_sequential_sweep_ends_at_the_same_bytes(tmp_path: Path) -> None:
    text = SEQUENTIAL.replace("WIDTH", "0.0001").replace("until: {", "until: {scope: AAA, contrast: mean, ")
    write(tmp_path, text)
    whole = sweep(tmp_path, tmp_path / "whole")

    class Stop(BaseException):
        pass

    def stop(step) -> None:  # noqa: ANN001
        if step.done >= 50:
            raise Stop

    with pytest.raises(Stop):
        sweep(tmp_path, tmp_path / "parts", progress=stop)
    parts = sweep(tmp_path, tmp_path / "parts")
    assert 0 < parts.tally.reused < 96
    assert hashes(parts.folder) == hashes(whole.folder)
    assert parts.sequential == whole.sequential
    assert json.loads((parts.folder / "manifest.json").read_text(encoding="utf-8"))["replications"] == 12


# --- reading results


def test_a_stored_folder_is_opened_as_it_was_returned(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    made = sweep(tmp_path, tmp_path / "out")
    back = sim.read_results(tmp_path / "out")
    assert isinstance(back, api.SweepResults)
    assert back.runs.equals(made.runs)
    assert back.points.equals(made.points)
    assert back.scenarios == made.scenarios
    assert (back.baseline, back.design, back.replications) == (made.baseline, made.design, made.replications)
    table = back.scan("series")
    assert table.count_rows() == 16 * 12 * 2
    assert sum(batch.num_rows for batch in table.to_batches(columns=["tension"])) == 16 * 12 * 2
    with pytest.raises(InputError, match="no table is called that"):
        back.scan("serie")
    with pytest.raises(InputError, match="holds no results"):
        sim.read_results(tmp_path)


def test_runs_and_comparisons_are_opened_too(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    settings = {"engine": RealNamesEngine(), "figures": False, "workers": 1}
    one = api.run(tmp_path / "quiet.yaml", out=tmp_path / "one", **settings)
    two = api.compare(
        [tmp_path / "quiet.yaml", tmp_path / "police.yaml"], replications=3, out=tmp_path / "two", **settings
    )
    assert sim.read_results(tmp_path / "one").history.equals(one.history)
    back = sim.read_results(tmp_path / "two")
    assert isinstance(back, api.Comparison)
    assert len(back.effects) == len(two.effects)
    np.testing.assert_allclose(back.effects["effect"], two.effects["effect"], rtol=1e-5)


def test_compact_files_hold_everything_and_do_not_depend_on_the_batches(tmp_path: Path) -> None:
    write(
        tmp_path,
        GOOD.replace("levers: {", "levers: {interventions.police.targets.states: {values: [[AAA], [AAA, BBB]]}, "),
    )
    made = sweep(tmp_path, tmp_path / "one")

    class Stop(BaseException):
        pass

    def stop(step) -> None:  # noqa: ANN001
        if step.done >= 3:
            raise Stop

    with pytest.raises(Stop):
        sweep(tmp_path, tmp_path / "two", progress=stop)
    sweep(tmp_path, tmp_path / "two", workers=2)
    assert ResultsFolder(tmp_path / "one").batches() != ResultsFolder(tmp_path / "two").batches()
    for name in ("one", "two"):
        api.compact(tmp_path / name, tmp_path / f"{name}-compact")
    for table in ("runs", "series", "places"):
        first, second = (tmp_path / f"{name}-compact" / f"{table}.parquet" for name in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()
        assert pq.read_metadata(first).num_rows == made.scan(table).count_rows()
    runs = pq.read_table(tmp_path / "one-compact" / "runs.parquet").to_pandas()
    key = "interventions.police.targets.states"
    assert set(runs[key]) == {'["AAA"]', '["AAA", "BBB"]'}
    merged = runs.sort_values(["scenario", "point", "replication"], ignore_index=True)
    assert list(merged["parameters.b_peer"]) == list(made.runs["parameters.b_peer"])
    with pytest.raises(InputError, match="holds runs.parquet already"):
        api.compact(tmp_path / "one", tmp_path / "two-compact")


def test_the_codebook_covers_every_column(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    made = sweep(tmp_path, tmp_path / "out")
    with (tmp_path / "out" / "codebook.csv").open(encoding="utf-8", newline="") as file:
        named = {row["name"]: row for row in csv.DictReader(file)}
    for table in ("runs", "series", "places"):
        assert set(made.scan(table).schema.names) <= set(named)
    assert set(made.points.columns) <= set(named)
    assert named["parameters.b_peer"]["kind"] == "uncertainty"
    assert named["parameters.b_peer"]["unit"] == "log-odds"


@pytest.mark.extra
def test_duckdb_reads_the_folder_without_help(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    write(tmp_path, GOOD)
    made = sweep(tmp_path, tmp_path / "out")
    found = duckdb.sql(
        f"""select p."parameters.b_peer" as b_peer, r.scenario, avg(r.incidents) as incidents
        from '{tmp_path}/out/runs/*.parquet' r join '{tmp_path}/out/points.csv' p using (point)
        group by all order by scenario, b_peer"""
    ).fetchall()
    known = made.runs.groupby(["scenario", "parameters.b_peer"])["incidents"].mean()
    assert [row[2] for row in found] == pytest.approx(list(known))


def test_one_run_of_a_sweep_is_recreated_alone_and_the_folder_verifies(tmp_path: Path) -> None:
    text = "format: 1\nscenarios: [police]\ndesign: {kind: list}\nconstants: {months: 12}\ncitizens: 2000\npoints:\n"
    row = "  - {parameters.b_peer: 3.1, interventions.police.intensity: 0.5}\n"
    write(tmp_path, text + 2 * row)
    made = sweep(tmp_path, tmp_path / "out")
    assert api.verify(tmp_path / "out").good
    for run in made.runs["run"]:
        assert api.rerun(run, tmp_path / "out", engine=RealNamesEngine()).same


# --- the command


@pytest.fixture
def stabsim(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):  # noqa: ANN201
    """Run the command in a folder of its own, with a plain world for the model."""
    real = api.sweep, api.preview
    monkeypatch.setattr(api, "sweep", lambda *a, **k: real[0](*a, **k, engine=RealNamesEngine()))
    monkeypatch.setattr(api, "preview", lambda *a, **k: real[1](*a, **k, engine=RealNamesEngine()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["stabsim", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return run


def test_the_command_previews_runs_and_compacts(stabsim, tmp_path: Path) -> None:  # noqa: ANN001
    levels = "levers: {interventions.police.intensity: {values: [0, 0.5, 1]}}"
    write(tmp_path, GOOD.replace("levers: {interventions.police.intensity: {low: 0, high: 1}}", levels))
    code, out, _ = stabsim("sweep", ".", "--dry-run")
    assert code == 0
    assert "4 points x 2 scenarios (quiet, police) x 2 replications = 16 runs" in out
    assert "Nothing was written." in out
    assert not (tmp_path / "results").exists()
    code, out, err = stabsim("sweep", "experiment.yaml", "--workers", 1)
    assert code == 0, err
    assert "Quiet: region, whole run, 8 runs at 4 points, 2 replications each" in out
    assert "Means by interventions.police.intensity" in out
    folder = next((tmp_path / "results").iterdir())
    code, out, _ = stabsim("compact", folder)
    assert code == 0
    assert (folder.parent / f"{folder.name}-compact" / "series.parquet").is_file()


def test_the_command_refuses_what_it_cannot_do(stabsim, tmp_path: Path) -> None:  # noqa: ANN001
    write(tmp_path, GOOD.replace("lhs", "lhc"))
    code, _, err = stabsim("sweep", ".")
    assert code == 2
    assert err.startswith("experiment.yaml:6:16: design.kind")
    write(tmp_path, GOOD)
    assert stabsim("sweep", ".", "--on-error", "later")[0] == 2
    assert stabsim("sweep", ".", "--workers", 2, "--cluster", "tcp://x:1")[0] == 2
    assert stabsim("compact", tmp_path)[0] == 2
    assert not (tmp_path / "results").exists()


def test_failed_runs_end_the_command_with_three(stabsim, tmp_path: Path) -> None:  # noqa: ANN001
    write(
        tmp_path,
        GOOD.replace("constants: {", "constants: {parameters.b_kin: 2.5, "),
    )
    code, _, err = stabsim("sweep", ".", "--workers", 1)
    assert code == 3
    assert "runs failed" in err
    assert "stabsim run --id" in err
