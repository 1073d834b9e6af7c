"""The commands: what they print, what they write, and the exit code of everything that can go wrong."""

from __future__ import annotations

import csv
import gc
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import types
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import typer

import sim
from sim import __version__, api, cli
from sim.analysis import EFFECT_COLUMNS
from sim.api import prepare
from sim.api.listing import KINDS
from sim.cli import command, output
from sim.errors import InputError
from sim.experiment import ResultsFolder
from sim.interventions import catalogue
from sim.parameters.theories import THEORIES
from sim.scenario import load_scenario, shipped_scenarios
from sim.settings import Settings, default_of, settings_of
from sim.status import status
from sim.world.levers import LEVERS
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES, PLACE_OUTCOMES

ROOT = Path(__file__).resolve().parents[1]
CALM = """\
format: 1
title: {title}
region: {region}
start: 2024-01
months: 24
institutions: scripted
"""
COMMANDS = typer.main.get_command(command.app).commands
POLICE = """\
interventions:
  police: {type: I2, targets: {states: [STATE]}, start: 2024-02, months: 12, intensity: 0.5, approval: none}
"""


@dataclass(frozen=True)
class FakeRun:
    series: np.ndarray
    places: np.ndarray


def fake_simulate(scenario, region, population, seed, *, threads=1):
    """A stand-in for the model: interventions lower incidents and cost money; some titles break it."""
    if "fail" in scenario.title and seed % 2:
        raise ValueError("the stand-in broke")
    if "always" in scenario.title:
        raise ValueError("the stand-in always breaks")
    draw = np.random.default_rng(seed)
    shape = (scenario.months, len(region.states))
    series = np.zeros((*shape, len(OUTCOMES)))
    series[..., OUTCOME_INDEX["population"]] = region.values["population"]
    dose = sum(item.intensity for item in scenario.interventions)
    series[..., OUTCOME_INDEX["incidents"]] = np.floor(draw.random(shape) * 5 * (2 - dose))
    series[..., OUTCOME_INDEX["tension"]] = 0.3 + 0.01 * draw.random(shape)
    series[..., OUTCOME_INDEX["cost"]] = dose
    places = np.zeros((-(-scenario.months // 12), len(region.cell_district), len(PLACE_OUTCOMES)))
    places[..., 0] = 48 * region.cell_population
    places[..., PLACE_OUTCOMES.index("incidents")] = draw.random(places.shape[:2]) * (2 - dose)
    return FakeRun(series, places)


@pytest.fixture
def study(drawn_study, monkeypatch):
    """The same without figures, which take most of the time."""
    monkeypatch.setattr("sim.api.reporting.draw", lambda figures, folder=None: [])
    return drawn_study


@pytest.fixture
def drawn_study(tmp_path, monkeypatch):
    """A folder with two scenarios in the small invented region, and the stand-in for the model."""
    monkeypatch.setattr("sim.model.run.simulate", fake_simulate)
    monkeypatch.chdir(tmp_path)
    from sim.region import find_region, load_region

    region = load_region(find_region("twin_valleys"))
    (tmp_path / "calm.yaml").write_text(CALM.format(title="Calm", region="twin_valleys"))
    police = CALM.format(title="Police", region="twin_valleys") + POLICE.replace("STATE", region.states[0])
    (tmp_path / "police.yaml").write_text(police)
    return tmp_path


@pytest.fixture
def stabsim(monkeypatch, capsys):
    """Call the command in this process; return exit code, standard output and standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["stabsim", *map(str, arguments)])
        output.Verbosity.quiet = output.Verbosity.verbose = False
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with pytest.raises(SystemExit) as stopped:
                cli.main()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        shown = capsys.readouterr()
        return int(stopped.value.code or 0), shown.out, shown.err

    return call


QUICK = ("--replications", 6, "--citizens", 2000, "--workers", 1)


def separate(*arguments: object, **settings) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "sim.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        **settings,
    )


# --- light commands ---------------------------------------------------------------------------------


def test_help_is_fast_and_loads_nothing_heavy():
    best = 10.0
    for _ in range(12):  # other tests run beside this one
        started = time.perf_counter()
        shown = separate("--help")
        best = min(best, time.perf_counter() - started)
        if best < 0.3:
            break
    assert shown.returncode == 0
    for name in ("run", "compare", "validate", "catalogue", "new", "examples", "schema"):
        assert f"  {name} " in shown.stdout
    assert best < 0.3


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["compare", "--help"], ["--version"], ["validate", "scenarios/baseline_2024.yaml"]],
)
def test_light_commands_import_no_heavy_library(arguments):
    script = (
        "import sys; from sim import cli; sys.argv = ['stabsim', *sys.argv[1:]]\n"
        "try: cli.main()\n"
        "except SystemExit as stop: code = stop.code\n"
        "heavy = {'mesa', 'numba', 'matplotlib', 'pandas', 'pyarrow', 'scipy'} & set(sys.modules)\n"
        "print(code, sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stderr.strip().splitlines()[-1] == "0 []"


def test_version(stabsim):
    assert stabsim("--version") == (0, f"stabsim {__version__}\n", "")


def test_no_command_and_wrong_commands_explain_themselves(stabsim):
    assert "Usage" in "".join(stabsim()[1:])
    code, _, error = stabsim("nope")
    assert (code, "No such command" in error) == (2, True)
    code, _, error = stabsim("run", "x", "--replications", "many")
    assert (code, "replications" in error) == (2, True)
    code, _, error = stabsim("check", "fact")
    assert (code, "did you mean 'facts'?" in error) == (2, True)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_examples_that_parse_and_a_short_line_that_is_not_cut(stabsim, name):
    code, shown, _ = stabsim(name, "--help")
    examples = [shlex.split(line) for line in shown.partition("Examples:")[2].splitlines() if line.strip()]
    assert code == 0
    assert examples
    for program, called, *words in examples:
        assert (program, called) == ("stabsim", name)
        given = COMMANDS[name].make_context(name, words).params
        assert given.get("scenario") in (None, *shipped_scenarios())
        assert set(given.get("scenarios") or ()) <= set(shipped_scenarios())
    (line,) = [line for line in stabsim("--help")[1].splitlines() if line.startswith(f"  {name} ")]
    assert line.endswith(".")
    assert "..." not in line


@pytest.mark.parametrize("kind", KINDS)
def test_catalogues_print_and_give_json(stabsim, kind):
    code, shown, _ = stabsim("catalogue", kind)
    assert code == 0
    assert shown.strip()
    code, shown, _ = stabsim("catalogue", kind, "--json")
    assert len(json.loads(shown)) > 3


def test_an_unknown_catalogue_lists_the_known_ones(stabsim):
    code, shown, error = stabsim("catalogue", "wishes")
    assert (code, shown) == (2, "")
    assert "allowed interventions, levers, shocks, parameters, theories, outcomes, scenarios" in error
    code, _, error = stabsim("catalogue", "lever")
    assert (code, "did you mean 'levers'?" in error) == (2, True)


def test_a_lever_in_full_tells_unit_bounds_and_who_pulls_it(stabsim):
    code, shown, _ = stabsim("catalogue", "levers", "recruitment")
    assert code == 0
    assert "one value per: community in a district" in shown
    assert "a ratio r is ln r" in shown
    assert "within -1.386 and 1.386 (the rate x0.25 to x4)" in shown
    entry = catalogue().intervention("job_creation")
    (channel,) = [channel for channel in entry.channels if channel.lever == "recruitment"]
    assert f"  job_creation: size {channel.size:g}: x0.80 (0.65 to 0.95), times {entry.scale:.3g} (tuned)" in shown
    assert "channels: [{lever: recruitment, size: -0.1}]" in shown
    table = api.catalogue("levers").set_index("name")
    assert list(table.index) == [lever.name for lever in LEVERS]
    assert table["interventions"]["police"] == "I2"
    assert "arms_inflow" in table["shocks"]["arms_inflow"].split(", ")
    assert table["low"].isna().to_dict() == {lever.name: lever.kind in ("share", "persons") for lever in LEVERS}
    code, shown, _ = stabsim("catalogue", "levers", "riot_control", "--json")
    assert json.loads(shown)["low"] is None
    code, _, error = stabsim("catalogue", "levers", "tensoin")
    assert (code, "did you mean 'tension'?" in error) == (2, True)


def test_the_example_of_every_lever_is_one_of_a_scenario(stabsim, tmp_path):
    """What the catalogue shows under a lever can be pasted into a definition."""
    define, use = [], []
    for lever in LEVERS:
        shown = stabsim("catalogue", "levers", lever.name)[1].splitlines()[-1]
        persons = lever.kind == "persons"
        dose = "{unit: persons, full: 100, quantity: troops}" if persons else "{unit: share of places}"
        define += [f"  own_{lever.name}:", "    name: Own", "    provider: nato", "    approval: none"]
        define += ["    cost: {meur_per_year: 1}", f"    dose: {dose}", f"  {shown}"]
        use += [f"  {lever.name}: {{type: own_{lever.name}, {'troops: 10' if persons else 'intensity: 0.5'}}}"]
    lines = ["format: 1", "extends: baseline_2024", "define:", *define, "interventions:", *use]
    (tmp_path / "own.yaml").write_text("\n".join(lines), encoding="utf-8")
    code, _, error = stabsim("validate", tmp_path / "own.yaml")
    assert code == 0, error


def test_a_theory_in_full_lists_its_stances_and_a_scenario_its_description(stabsim):
    code, shown, _ = stabsim("catalogue", "theories", "motive")
    assert (code, shown.count("stance:")) == (0, 3)
    assert [row["stance"] for row in json.loads(stabsim("catalogue", "theories", "motive", "--json")[1])] == [
        stance.key for stance in THEORIES["motive"].stances
    ]
    code, shown, _ = stabsim("catalogue", "scenarios", "police_capacity")
    assert code == 0
    assert "extends:     baseline_2024" in shown
    assert list(api.catalogue("scenarios")["name"]) == shipped_scenarios()


def test_folders_that_are_not_there_and_one_mistake_give_one_message(stabsim, study):
    for name in ("status", "verify", "report", "compact"):
        code, shown, error = stabsim(name, "nowhere")
        assert (code, shown, error.strip()) == (
            2, "", "nowhere: does not exist; allowed a folder of run, compare or sweep"
        )  # fmt: skip
    code, _, error = stabsim("run", "calm.yaml", "--months", 0)
    assert (code, error.strip()) == (2, "months: out of range; got 0; allowed 1 to 1,200")
    code, _, error = stabsim("why", "calm.yaml", "police.yaml", "--by", "chanel", *QUICK)
    assert (code, "did you mean 'channel'?" in error) == (2, True)
    code, _, error = stabsim("sweep", "baseline_2024")
    assert (code, "that is a scenario: stabsim run, or compare" in error) == (2, True)
    assert not (study / "results").exists()


def test_schema_is_json(stabsim):
    code, shown, _ = stabsim("schema")
    assert code == 0
    assert json.loads(shown)["type"] == "object"


def test_new_studies_and_examples_validate(stabsim, tmp_path):
    assert stabsim("new", tmp_path / "study")[0] == 0
    assert stabsim("examples", tmp_path / "examples")[0] == 0
    code, shown, _ = stabsim("validate", tmp_path / "study", tmp_path / "examples")
    assert code == 0
    assert "no problem" in shown
    code, _, error = stabsim("new", tmp_path / "study")
    assert (code, "not empty" in error) == (2, True)


def test_validate_lists_every_problem_and_writes_nothing(stabsim, study):
    bad = study / "bad.yaml"
    bad.write_text(CALM.format(title="Bad", region="twin_valleys") + "monhts: 12\ninstitutoins: scripted\n")
    before = sorted(study.rglob("*"))
    code, shown, error = stabsim("validate", study)
    assert (code, shown) == (2, "")
    assert error.count("bad.yaml:") == 2
    assert "Traceback" not in error
    assert "1 of 3 cannot be used" in error
    assert sorted(study.rglob("*")) == before
    code, shown, _ = stabsim("validate", study / "police.yaml", "--explain")
    assert (code, "police" in shown) == (0, True)
    (study / "empty").mkdir()
    assert stabsim("validate", study / "empty")[0] == 2


def test_validate_knows_an_experiment_by_its_keys_whatever_its_name(stabsim, study):
    text = "format: 1\ntitle: Doses\nscenarios: [calm, police]\ndesign: {kind: grid}\nreplications: 2\n"
    dose = "levers: {interventions.police.intensity: {values: [0, 1]}}\n"
    (study / "doses.yaml").write_text(text + dose, encoding="utf-8")
    code, shown, error = stabsim("validate", study / "doses.yaml")
    assert (code, shown.strip(), error) == (0, "1 checked, no problem", "")
    (study / "doses.yaml").write_text(text.replace("design", "dseign") + dose, encoding="utf-8")
    code, _, error = stabsim("validate", study / "doses.yaml")
    assert (code, "did you mean 'design'?" in error, "region" in error) == (2, True, False)


# --- run and compare --------------------------------------------------------------------------------


def test_compare_writes_effects_figures_and_says_where(stabsim, drawn_study):
    code, shown, error = stabsim("compare", "calm.yaml", "police.yaml", *QUICK)
    assert code == 0, error
    folder = drawn_study / "results" / "compare-calm-police"
    where = folder.relative_to(drawn_study)
    assert shown.rstrip().endswith(f"Tables and figures: {where}\nReport: {where}/report.html")
    assert "Communal incidents" in shown
    assert "the same in every pair" in shown
    assert f"{status()}. The numbers follow" in shown
    assert "12 of 12 runs" in error
    with (folder / "effects.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0]) == EFFECT_COLUMNS
    (row,) = [
        row
        for row in rows
        if (row["outcome"], row["scope"], row["window"], row["contrast"])
        == ("incidents", "region", "whole run", "difference")
    ]
    assert float(row["ci_low"]) <= float(row["effect"]) <= float(row["ci_high"]) < 0
    assert (row["scenario"], row["n"], row["p_superior"]) == ("police", "6", "1")
    names = {path.name for path in (folder / "figures").iterdir()}
    assert {
        "effects.png",
        "effects.svg",
        "over_time_incidents.png",
        "map_incidents.svg",
        "baseline.png",
    } <= names
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["status"], manifest["baseline"], manifest["runs"]["done"]) == ("complete", "calm", 12)
    assert manifest["tables"]["series_sha256"] == ResultsFolder(folder).content_hash("series")
    assert (folder / "codebook.csv").is_file()
    assert not list(folder.rglob("*.tmp"))


def test_the_same_command_again_runs_nothing_and_another_one_gets_its_own_folder(stabsim, study):
    stabsim("compare", "calm.yaml", "police.yaml", *QUICK)
    first = (study / "results/compare-calm-police/effects.csv").read_bytes()
    _, shown, _ = stabsim("-v", "compare", "calm.yaml", "police.yaml", *QUICK)
    assert "(12 were there already)" in shown
    assert (study / "results/compare-calm-police/effects.csv").read_bytes() == first
    code, shown, _ = stabsim("compare", "calm.yaml", "police.yaml", "--seed", 2, *QUICK)
    assert code == 0
    assert "compare-calm-police-2" in shown
    more = ("--replications", 8, "--citizens", 2000, "--workers", 1)
    _, shown, _ = stabsim("-v", "compare", "calm.yaml", "police.yaml", *more)
    assert "16 runs" in shown
    assert "(12 were there already)" in shown


def test_the_baseline_can_be_named_and_given_twice(stabsim, study):
    code, shown, _ = stabsim("compare", "police.yaml", "calm.yaml", "--baseline", "calm.yaml", *QUICK, "--out", "o")
    assert code == 0
    assert "Police, compared with Calm" in shown
    assert json.loads((study / "o/manifest.json").read_text())["runs"]["total"] == 12
    code, _, error = stabsim("compare", "calm.yaml", "calm.yaml", *QUICK)
    assert (code, "at least two different scenarios" in error) == (2, True)


def test_zero_intensity_gives_zero_with_an_interval_of_no_width(stabsim, study):
    code, _, error = stabsim("compare", "calm.yaml", "police.yaml", *QUICK, "--out", "zero")
    assert code == 0, error
    text = (study / "police.yaml").read_text().replace("intensity: 0.5", "intensity: 0.0")
    (study / "idle.yaml").write_text(text)
    code, shown, _ = stabsim("compare", "calm.yaml", "idle.yaml", *QUICK, "--out", "idle")
    assert code == 0
    assert "not enough" not in shown
    with (study / "idle/effects.csv").open(encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["contrast"] == "difference"]
    assert {(row["effect"], row["ci_low"], row["ci_high"]) for row in rows} == {("0", "0", "0")}


def test_run_prints_states_and_says_that_one_run_is_one(stabsim, drawn_study):
    code, shown, _ = stabsim("run", "calm.yaml", "--citizens", 2000, "--workers", 1)
    assert code == 0
    assert "one run" in shown
    assert "One run shows what can happen" in shown
    assert (drawn_study / "results/run-calm/figures/baseline.svg").is_file()
    code, shown, _ = stabsim("-q", "run", "calm.yaml", *QUICK, "--out", "quiet")
    assert (code, shown) == (0, "")


def test_set_and_months_change_the_scenario(stabsim, study):
    code, _, error = stabsim("run", "calm.yaml", "--months", 6, "--set", "title=Other", *QUICK, "--out", "o")
    assert code == 0, error
    manifest = json.loads((study / "o/manifest.json").read_text())
    assert (manifest["scenarios"][0]["resolved"]["months"], manifest["scenarios"][0]["title"]) == (6, "Other")
    code, _, error = stabsim("run", "calm.yaml", "--set", "moths=6")
    assert (code, "moths" in error) == (2, True)


def test_a_warning_about_both_worlds_is_said_once(stabsim, study):
    code, _, error = stabsim(
        "compare", "calm.yaml", "police.yaml", "--set", "parameters.b_peer=6", *QUICK, "--out", "o"
    )
    assert code == 0
    assert error.count("b_peer: is outside its evidence range") == 1


def test_any_stored_run_can_be_run_again_alone(stabsim, study):
    stabsim("compare", "calm.yaml", "police.yaml", *QUICK, "--out", "o")
    store = ResultsFolder(study / "o")
    row = store.runs().to_pylist()[7]
    code, shown, error = stabsim("run", "--id", row["run"], "--from", "o")
    assert code == 0, error
    rows = list(csv.DictReader(shown.splitlines()))
    assert len(rows) == 24 * len({entry["state"] for entry in rows})
    assert sum(float(entry["incidents"]) for entry in rows) == row["incidents"]
    assert stabsim("run", "--id", "0" * 20, "--from", "o")[0] == 2
    assert stabsim("run", "--id", row["run"])[0] == 2
    assert stabsim("run", "--id", row["run"], "--from", "nowhere")[0] == 2


def test_failed_runs_are_reported_with_how_to_repeat_them(stabsim, study):
    (study / "flaky.yaml").write_text(CALM.format(title="may fail", region="twin_valleys"))
    code, shown, error = stabsim("compare", "calm.yaml", "flaky.yaml", *QUICK, "--out", "o")
    assert code == 3
    assert "runs failed; the first: simulate: ValueError: the stand-in broke" in error
    assert "--from o" in error
    assert "Tables and figures" in shown
    (study / "flaky.yaml").write_text(CALM.format(title="mended", region="twin_valleys"))
    assert stabsim("compare", "calm.yaml", "flaky.yaml", *QUICK, "--out", "o")[0] == 0
    (study / "broken.yaml").write_text(CALM.format(title="always fails", region="twin_valleys"))
    code, _, error = stabsim("run", "broken.yaml", *QUICK, "--out", "b")
    assert code == 3
    assert "all 6 runs failed" in error
    code, _, error = stabsim("compare", "calm.yaml", "broken.yaml", *QUICK, "--out", "c")
    assert code == 3
    assert "no scenario has a finished run" in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--replications", "0"], "replications"),
        (["--replications", "10000000"], "replications"),
        (["--seed", "-1"], "seed"),
        (["--seed", str(2**70)], "seed"),
        (["--citizens", "3"], "citizens"),
        (["--citizens", "-5"], "citizens"),
        (["--citizens", "999999999999"], "GB a worker"),
        (["--citizens", "lots"], "citizens"),
        (["--months", "0"], "months"),
        (["--workers", "0"], "workers"),
        (["--workers", "99999"], "workers"),
        (["--threads", "0"], "threads"),
    ],
)
def test_bad_numbers_are_refused_before_anything_is_written(stabsim, study, arguments, words):
    before = sorted(study.rglob("*"))
    for start in (["compare", "calm.yaml", "police.yaml"], ["run", "calm.yaml"]):
        code, shown, error = stabsim(*start, *arguments)
        assert (code, shown) == (2, "")
        assert words in error
        assert "Traceback" not in error
    assert sorted(study.rglob("*")) == before


def test_every_bad_scenario_and_number_is_listed_at_once(stabsim, study):
    code, _, error = stabsim("compare", "missing.yaml", "gone.yaml", "--seed", "-1", "--replications", "0")
    assert code == 2
    for words in ("missing.yaml", "gone.yaml", "seed", "replications"):
        assert words in error


def test_memory_that_is_not_there_is_refused_with_an_estimate(stabsim, study, monkeypatch):
    monkeypatch.setattr("sim.api.prepare._free_memory", lambda: 10**8)
    code, _, error = stabsim("run", "calm.yaml", "--citizens", 2000)
    assert code == 2
    assert "1 worker: would not fit into memory; got about 0.4 GB of memory" in error
    assert "--force" in error


def test_disk_that_is_not_there_is_refused_with_an_estimate(stabsim, study, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=1000, total=2000))
    code, _, error = stabsim("run", "calm.yaml", *QUICK, "--out", "o")
    assert (code, "not enough room" in error) == (2, True)
    assert not (study / "o").exists()


def test_worlds_that_cannot_be_paired_are_refused(stabsim, study):
    (study / "later.yaml").write_text((study / "calm.yaml").read_text().replace("2024-01", "2024-03"))
    code, _, error = stabsim("compare", "calm.yaml", "later.yaml", *QUICK)
    assert (code, "later.start" in error) == (2, True)
    (study / "sub").mkdir()
    (study / "sub/calm.yaml").write_text((study / "calm.yaml").read_text().replace("months: 24", "months: 12"))
    code, _, error = stabsim("compare", "calm.yaml", "sub/calm.yaml", *QUICK)
    assert (code, "two different scenarios have this name" in error) == (2, True)


def test_folders_with_other_content_are_left_alone(stabsim, study):
    (study / "mine").mkdir()
    (study / "mine/thesis.txt").write_text("precious")
    code, _, error = stabsim("run", "calm.yaml", *QUICK, "--out", "mine")
    assert (code, "holds something else" in error) == (2, True)
    assert [path.name for path in (study / "mine").iterdir()] == ["thesis.txt"]
    code, _, error = stabsim("run", "calm.yaml", *QUICK, "--out", "mine/thesis.txt")
    assert (code, "cannot write" in error or "holds" in error) == (2, True)
    stabsim("run", "calm.yaml", *QUICK, "--out", "o")
    code, _, error = stabsim("run", "police.yaml", *QUICK, "--out", "o")
    assert (code, "results of other scenarios" in error) == (2, True)


def test_a_folder_in_use_gives_exit_code_four(stabsim, study):
    store = ResultsFolder(study / "o")
    store.prepare()
    hold = (
        "import sys; from pathlib import Path; from sim.experiment import ResultsFolder\n"
        "with ResultsFolder(Path(sys.argv[1])).lock():\n    print('held', flush=True); sys.stdin.read()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", hold, str(study / "o")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        owner.stdout.readline()
        store.write_manifest({})
        code, _, error = stabsim("run", "calm.yaml", *QUICK, "--out", "o")
        assert (code, f"process {owner.pid}" in error) == (4, True)
    finally:
        owner.kill()
        owner.communicate()


def test_names_never_become_markup_paths_or_formulas(stabsim, study):
    text = (study / "police.yaml").read_text().replace("title: Police", "title: '=[red]1+1[/red] <b>x</b>'")
    (study / "=1+1.yaml").write_text(text)
    code, shown, error = stabsim("compare", "calm.yaml", "=1+1.yaml", *QUICK, "--out", "o")
    assert code == 0, error
    assert "[red]1+1[/red] <b>x</b>" in shown
    for path in (study / "o").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as handle:
            cells = {cell for row in csv.reader(handle) for cell in row}
        assert not [cell for cell in cells if cell.startswith(("=", "@"))], path


def test_interrupting_keeps_what_is_finished(stabsim, study, monkeypatch):
    calls = []

    def slow(scenario, region, population, seed, *, threads=1):
        calls.append(seed)
        if len(calls) > 5:
            raise command.Stopped(expected - 128)
        return fake_simulate(scenario, region, population, seed)

    for expected in (130, 143):
        calls.clear()
        monkeypatch.setattr(sys.modules["sim.model.run"], "simulate", slow)
        out = f"o{expected}"
        code, _, error = stabsim("run", "calm.yaml", "--replications", 12, *QUICK[2:], "--out", out)
        assert code == expected
        assert "the same command continues\nstabsim run calm.yaml --replications 12" in error
        assert error.endswith(f" --out {out}\n")
        kept = len(ResultsFolder(study / out).finished())
        assert 0 < kept < 12
        monkeypatch.setattr(sys.modules["sim.model.run"], "simulate", fake_simulate)
        _, shown, _ = stabsim("-v", "run", "calm.yaml", "--replications", 12, *QUICK[2:], "--out", out)
        assert f"({kept} were there already)" in shown


def alive(process: str) -> bool:
    """Tell whether a process still runs; one that ended and only waits to be collected does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_stop_workers_and_exit_with_their_code(tmp_path, number, expected):
    running = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "sim.cli",
            "run",
            "baseline_2024",
            "--months",
            "3",
            "--replications",
            "400",
            "--workers",
            "2",
            "--out",
            str(tmp_path / "o"),
        ],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 400  # the first run may have to compile
    while not list((tmp_path / "o" / "runs").glob("*.parquet")) and time.monotonic() < deadline:
        assert running.poll() is None
        time.sleep(0.1)
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    workers = children.read_text().split() if children.exists() else []
    os.kill(running.pid, number)
    _, error = running.communicate(timeout=60)
    assert running.returncode == expected, error
    assert "the same command continues" in error
    deadline = time.monotonic() + 10
    while any(alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [worker for worker in workers if alive(worker)]
    assert not list((tmp_path / "o").rglob("*.tmp"))


# --- settings ---------------------------------------------------------------------------------------


def test_options_come_from_the_record_with_its_help_and_defaults():
    for name in ("run", "compare", "why", "sweep"):
        options = {option.name: option for option in COMMANDS[name].params}
        for key, said in settings_of(name).items():
            assert (key in options) == (said.kind is not None), (name, key)
            if key in options:
                assert options[key].help == said.help
                default = default_of(name, key)
                assert str(options[key].default) == str(None if default == () else default)


def test_settings_have_the_defaults_of_their_command_and_keywords_win():
    found = {name: Settings.of(name).replications for name in ("run", "compare", "why")}
    assert found == {"run": 1, "compare": 64, "why": 16}
    given = Settings(replications=3, seed=5)
    assert (Settings.of("compare", given).replications, Settings.of("compare", given, seed=7).seed) == (3, 7)


def test_a_setting_that_a_command_does_not_have_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match=r"replicatons: run has no such setting.*did you mean 'replications'\?"):
        Settings.of("run", replicatons=3)
    with pytest.raises(InputError, match="theories: run has no such setting"):
        api.run("baseline_2024", theories="all")
    with pytest.raises(InputError, match="theories: is no setting of run"):
        api.run("baseline_2024", Settings(theories="all"))
    with pytest.raises(InputError, match="seed: sweep has no such setting"):
        api.sweep("jobs_dialogue_policing", seed=3)


@pytest.mark.parametrize("name", ["run", "compare", "why"])
def test_every_command_plans_once(stabsim, study, monkeypatch, name):
    """Naming the folder, the size of the job and the runs themselves use one plan."""
    planned = []
    real = prepare.build_plan
    monkeypatch.setattr(prepare, "build_plan", lambda *a, **k: planned.append(1) or real(*a, **k))
    scenarios = ["calm.yaml", "police.yaml"][: 1 if name == "run" else 2]
    theories = ["--theories", "contact"] if name == "compare" else []
    code, _, error = stabsim(name, *scenarios, *QUICK, *theories)
    assert (code, len(planned)) == (0, 1), error


# --- from Python ------------------------------------------------------------------------------------


def check_tables() -> Path:
    results = api.compare(
        [load_scenario("calm.yaml"), "police.yaml"],
        replications=4,
        citizens=2000,
        workers=1,
        figures=False,
        parameters="central",
    )
    assert list(results.effects.columns) == EFFECT_COLUMNS
    assert set(results.headline()["in_words"]) >= {"better", "the same in every pair"}
    assert len(results.runs) == 8
    assert len(results.series) == 8 * 24 * results.series["state"].nunique()
    assert set(results.places["scenario"]) == {"calm", "police"}
    assert (results.failed, results.baseline, results.figures) == (0, "calm", ())
    assert results.cost_effectiveness.query("outcome == 'incidents' and scope == 'region'")["cost_per_unit"].gt(0).all()
    return results.folder


def test_python_calls_give_tables_and_keep_no_folder(study):
    folder = check_tables()
    gc.collect()
    assert not folder.exists()


def test_the_package_offers_the_same_names_lazily():
    script = (
        "import sim, sys; assert 'pandas' not in sys.modules\nfrom sim import catalogue, compare, load_scenario, run"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        sim.walk  # noqa: B018


def test_python_calls_raise_input_errors(study):
    with pytest.raises(InputError, match="replications"):
        api.run("calm.yaml", replications=0)
    with pytest.raises(InputError, match="no such catalogue"):
        api.catalogue("x")
    assert "row" in api.catalogue()


def test_results_do_not_depend_on_workers_in_the_real_model(tmp_path):
    settings = {"replications": 2, "citizens": 10_000, "months": 2, "figures": False}
    one = api.run("baseline_2024", workers=1, out=tmp_path / "one", **settings)
    two = api.run("baseline_2024", workers=2, out=tmp_path / "two", **settings)
    assert ResultsFolder(one.folder).content_hash("series") == ResultsFolder(two.folder).content_hash("series")
    assert ResultsFolder(one.folder).content_hash("places") == ResultsFolder(two.folder).content_hash("places")
