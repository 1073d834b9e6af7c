"""Experiment files: shipped studies load and run, bad files are refused with every problem and its place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sim import api
from sim.errors import InputError
from sim.experiment import count, load_experiment, sample, validate_experiment
from sim.experiment.experiment_file import (
    USED,
    ExperimentFile,
    experiment_schema,
    find_experiment,
    shipped_experiments,
)
from sim.region.files import shipped_studies
from sim.scenario import validate_file
from tests.experiment_fakes import RealNamesEngine

ROOT = Path(__file__).resolve().parents[1]
STUDIES = ["jobs_dialogue_policing", "kfor_timing_and_dose", "morris_screening", "packages_2024_uncertainty"]


@pytest.fixture(params=STUDIES)
def study(request: pytest.FixtureRequest) -> str:
    """Name each shipped study; the one whose design SALib makes needs it."""
    if request.param == "morris_screening":
        pytest.importorskip("SALib")
    return str(request.param)


QUIET = "format: 1\ntitle: Quiet\nregion: twin_valleys\nstart: 2024-01\nmonths: 24\n"
POLICE = "format: 1\ntitle: Police\nextends: quiet\ninterventions:\n  police: {type: I2, start: 2024-02}\n"
LATER = "format: 1\ntitle: Later\nextends: quiet\nstart: 2024-06\n"

GOOD = """\
format: 1
title: A case
question: Does it read?
expected: It does.
scenarios: [quiet, police]
design: {kind: lhs, points: 4}
uncertainties: {b_peer: {}}
levers: {interventions.police.intensity: {low: 0, high: 1}}
constants: {months: 12}
replications: 2
citizens: 2000
"""


def write(folder: Path, text: str) -> Path:
    for name, body in (("quiet", QUIET), ("police", POLICE), ("later", LATER)):
        (folder / f"{name}.yaml").write_text(body, encoding="utf-8")
    path = folder / "experiment.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def case(design: str, rest: str = "", scenarios: str = "[quiet, police]") -> str:
    """A file whose fourth line is the first of ``rest``."""
    return f"format: 1\nscenarios: {scenarios}\ndesign: {design}\n{rest}"


LHS, GRID, ALONE = "{kind: lhs, points: 4}", "{kind: grid}", "{kind: scenarios}"

BAD: dict[str, tuple[str, list[str]]] = {
    "unknown_key": (case(LHS, "uncertainties: {b_peer: {}}\nreplicates: 3\n"), ["5:1", "replicates", "replications"]),
    "newer_format": ("format: 2\nscenarios: [quiet]\ndesign: {kind: scenarios}\n", ["1:9", "format", "2"]),
    "nothing_in_it": ("title: x\n", ["format: is missing", "scenarios: is missing", "design: is missing"]),
    "no_such_scenario": (case(ALONE, scenarios="[quite]"), ["2:13", "scenarios[0]", "quiet"]),
    "scenario_outside": (case(ALONE, scenarios="[../quiet.yaml]"), ["2:13", "there is no such scenario"]),
    "scenario_twice": (case(ALONE, scenarios="[quiet, quiet]"), ["2:20", "is given twice"]),
    "other_start": (case(ALONE, scenarios="[quiet, later]"), ["2:20", "another start than quiet", "2024-06"]),
    "baseline": (case(ALONE, "baseline: polic\n"), ["4:11", "not one of the scenarios", "police"]),
    "kind": (case("{kind: lhc}", "uncertainties: {b_peer: {}}\n"), ["3:16", "design.kind", "morris"]),
    "no_size": (case("{kind: lhs}", "uncertainties: {b_peer: {}}\n"), ["design.points: is missing"]),
    "foreign_size": (
        case("{kind: lhs, points: 4, trajectories: 4}", "uncertainties: {b_peer: {}}\n"),
        ["3:32", "a lhs design has no trajectories"],
    ),
    "power_of_two": (case("{kind: sobol, points: 60}", "uncertainties: {b_peer: {}}\n"), ["3:31", "power of 2"]),
    "odd_levels": (
        case("{kind: morris, trajectories: 4, levels: 5}", "uncertainties: {b_peer: {}}\n"),
        ["3:49", "must be even"],
    ),
    "no_factor": (case(LHS), ["3:16", "needs uncertainties or levers"]),
    "factor_too_many": (case(ALONE, "uncertainties: {b_peer: {}}\n"), ["4:1", "takes no factors"]),
    "no_such_parameter": (case(LHS, "uncertainties: {b_peeer: {}}\n"), ["4:17", "did you mean 'b_peer'"]),
    "prefixed_parameter": (case(LHS, "uncertainties: {parameters.b_kin: {}}\n"), ["4:17", "write b_kin"]),
    "empty_range": (
        case(LHS, "uncertainties: {b_peer: {low: 3, high: 2}}\n"),
        ["4:25", "its range is empty", "3 to 2"],
    ),
    "beyond_bounds": (case(LHS, "uncertainties: {b_kin: {high: 99}}\n"), ["parameters.b_kin", "got 99", "0 to 10"]),
    "logarithm_of_zero": (
        case(LHS, "uncertainties: {b_kin: {distribution: loguniform}}\n"),
        ["above 0 on a logarithm"],
    ),
    "mode_of_uniform": (
        case(LHS, "uncertainties: {b_risk: {mode: 2}}\n"),
        ["4:26", "a uniform distribution has no mode"],
    ),
    "values_and_range": (
        case(LHS, "uncertainties: {b_peer: {values: [2, 3, 2], low: 2}}\n"),
        ["4:45", "stands beside values", "4:41", "values[2]: is given twice"],
    ),
    "not_a_number": (case(GRID, "uncertainties: {b_peer: {values: [true, x]}}\n"), ["got true", "got 'x'"]),
    "grid_of_a_range": (case(GRID, "uncertainties: {b_peer: {}}\n"), ["4:25", "levels: 5"]),
    "all_with_a_range": (
        case("{kind: morris, trajectories: 2}", "uncertainties: {all: {low: 2}}\n"),
        ["4:22", "takes no range of its own"],
    ),
    "lever_nobody_has": (
        case(GRID, "levers: {interventions.polcie.intensity: {values: [0, 1]}}\n"),
        ["4:10", "no scenario of this experiment has polcie", "did you mean 'police'"],
    ),
    "lever_misspelt": (
        case(GRID, "levers: {interventions.police.intensty: {values: [0, 1]}}\n"),
        ["4:10", "not something that can be set", "did you mean 'intensity'"],
    ),
    "lever_beyond": (
        case(GRID, "levers: {interventions.police.intensity: {values: [0, 1.5]}}\n"),
        ["4:42", "interventions.police.intensity", "got 1.5", "0 to 1"],
    ),
    "lever_before_start": (
        case(GRID, "levers: {interventions.police.start: {values: [2020-01, soon]}}\n"),
        ["lies before the scenario starts", "'soon'"],
    ),
    "lever_nowhere": (
        case(GRID, "levers: {interventions.police.targets.states: {values: [[AAA], [ZZZ]]}}\n"),
        ["no such state", "'ZZZ'", "AAA, BBB"],
    ),
    "lever_is_a_parameter": (
        case(GRID, "levers: {parameters.b_peer: {values: [2, 3]}}\n"),
        ["4:10", "write it under uncertainties"],
    ),
    "lever_breaks_pairing": (
        case(GRID, "levers: {region: {values: [a, b]}}\n"),
        ["4:10", "not something that can be set"],
    ),
    "set_twice": (
        case(LHS, "uncertainties: {b_peer: {}}\nconstants: {parameters.b_peer: 3}\n"),
        ["5:13", "is set twice"],
    ),
    "bad_constant": (case(ALONE, "constants: {parameters.b_peer: 300}\n"), ["4:32", "outside what the model accepts"]),
    "no_points_listed": (case("{kind: list}"), ["a list design needs its points"]),
    "points_beside_lhs": (
        case(LHS, "uncertainties: {b_peer: {}}\npoints: [{months: 3}]\n"),
        ["5:1", "a lhs design has no points"],
    ),
    "uneven_points": (
        case("{kind: list}", "points:\n  - {parameters.b_peer: 2}\n  - {parameters.b_kin: 2}\n"),
        ["points[1].parameters.b_peer: is missing", "points[1].parameters.b_kin: is not in the first point"],
    ),
    "two_rules": (
        case(ALONE, "replications: 3\nuntil: {outcome: tension, width: 1, at_most: 20}\n"),
        ["5:1", "stands beside replications"],
    ),
    "no_such_outcome": (
        case(ALONE, "until: {outcome: tenson, scope: ZZZ, width: 1, at_least: 8, at_most: 4}\n"),
        ["4:18", "'tension'", "no such state", "less than at_least"],
    ),
    "difference_from_nobody": (
        case(ALONE, "until: {outcome: tension, width: 1, at_most: 20}\n", scenarios="[quiet]"),
        ["needs a baseline and another scenario"],
    ),
    "citizens": (case(ALONE, "citizens: many\n"), ["4:11", "not a number of citizens"]),
    "not_a_mapping": ("- 1\n", ["1:1", "is not an experiment"]),
    "tagged": ("format: 1\nscenarios: !!python/name:os.system [quiet]\n", ["2:12", "tag"]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_the_place_and_what_is_allowed(name: str, tmp_path: Path) -> None:
    text, said = BAD[name]
    problems = "\n".join(str(problem) for problem in validate_experiment(write(tmp_path, text))[0])
    assert problems, "nothing was found"
    assert [fragment for fragment in said if fragment not in problems] == [], problems
    assert "experiment.yaml:" in problems
    with pytest.raises(InputError):
        load_experiment(tmp_path)


def test_problems_of_the_file_and_of_its_scenarios_come_together(tmp_path: Path) -> None:
    path = write(tmp_path, case("{kind: sobol, points: 5}", "uncertainties: {b_peeer: {}}\n"))
    (tmp_path / "police.yaml").write_text(POLICE.replace("I2", "I222"), encoding="utf-8")
    said = "\n".join(map(str, validate_experiment(path)[0]))
    assert "b_peeer" in said
    assert "power of 2" in said
    assert "I222" in said


def test_a_good_file_reads_as_written(tmp_path: Path) -> None:
    read = load_experiment(write(tmp_path, GOOD))
    assert (read.title, read.question, read.expected) == ("A case", "Does it read?", "It does.")
    assert [template.key for template in read.templates] == ["quiet", "police"]
    assert [template.base.months for template in read.templates] == [12, 12]
    assert (read.baseline, read.replications, read.citizens, read.seed) == ("quiet", 2, 2000, 1)
    assert [factor.key for factor in read.factors] == ["parameters.b_peer", "interventions.police.intensity"]
    assert (read.factors[0].low, read.factors[0].high) == (2.0, 3.8)
    assert load_experiment(tmp_path).factors == read.factors
    assert read.warnings == []


def test_a_range_beyond_the_evidence_is_allowed_and_warned_about(tmp_path: Path) -> None:
    read = load_experiment(write(tmp_path, GOOD.replace("b_peer: {}", "b_peer: {low: 1, high: 5}")))
    assert ["beyond its evidence range" in str(problem) for problem in read.warnings] == [True]


def test_a_missing_file_names_the_nearest_study() -> None:
    with pytest.raises(InputError, match="does not exist.*morris_screening"):
        load_experiment("moris_screening")


@pytest.mark.parametrize(
    ("design", "factors"),
    [("{kind: random, points: 5000000}", "b_peer: {}"), ("{kind: sobol, points: 8388608}", "all: {}")],
)
def test_a_bomb_is_refused_with_its_size_before_any_point_is_made(
    design: str, factors: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.api.prepare.sample", lambda *_: pytest.fail("points were made"))
    write(tmp_path, case(design, f"uncertainties: {{{factors}}}\n"))
    with pytest.raises(InputError, match=r"too large.* points x 2 scenarios .* GB"):
        api.sweep(tmp_path, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_schema_knows_every_key_and_fits_the_shipped_files() -> None:
    schema = experiment_schema()
    assert set(schema["properties"]) == set(ExperimentFile.model_fields)
    json.dumps(schema)
    for name in shipped_experiments():
        content = YAML(typ="safe", pure=True).load(find_experiment(name).read_text(encoding="utf-8"))
        assert set(content) <= set(schema["properties"])
        assert set(schema["required"]) <= set(content)


def test_the_page_on_sweeps_shows_files_that_read_and_names_every_key(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    whole, until = re.findall(r"^```yaml\n(.*?)^```", page, re.S | re.M)
    (tmp_path / "experiment.yaml").write_text(whole, encoding="utf-8")
    assert len(sample((read := load_experiment(tmp_path)).design, read.factors)) == 64
    (tmp_path / "experiment.yaml").write_text(whole.replace("replications: 8", until), encoding="utf-8")
    rule = load_experiment(tmp_path).until
    assert rule is not None
    assert list(rule.rounds()) == list(range(16, 129, 16))
    assert [name for name in ExperimentFile.model_fields if f"`{name}`" not in page] == []
    assert [name for name in USED if f"| `{name}` |" not in page] == []


# --- the shipped studies


def test_the_promised_studies_ship_each_with_its_story() -> None:
    assert shipped_experiments() == STUDIES
    for name in STUDIES:
        text = (shipped_studies() / name / "README.md").read_text(encoding="utf-8")
        for part in ("## Question", "## Design", "## Expected reading", f"stabsim sweep {name}", "--dry-run"):
            assert part in text, f"{name}: {part}"


def test_a_study_loads_and_previews(study: str) -> None:
    read = load_experiment(study)
    assert read.question
    assert read.expected
    assert read.title != read.key
    for file in (shipped_studies() / study).glob("*.yaml"):
        assert file.name == "experiment.yaml" or validate_file(file) == ([], [])
    made = sample(read.design, read.factors)
    assert len(made) == count(read.design, read.factors)
    for point in (made[0], made[len(made) // 2], made[-1]):
        assert all(template.at(point).months for template in read.templates)


@pytest.mark.extra
def test_a_tiny_version_of_a_study_runs(study: str, tmp_path: Path) -> None:
    """The study with its design cut down, in the model itself."""
    folder = tmp_path / study
    folder.mkdir()
    for file in (shipped_studies() / study).glob("*.yaml"):
        (folder / file.name).write_bytes(file.read_bytes())
    yaml = YAML()
    content = yaml.load((folder / "experiment.yaml").read_text(encoding="utf-8"))
    content.pop("until", None)
    content |= {"replications": 1, "citizens": 9000}
    content["constants"] = {"months": 2}
    if content["design"]["kind"] == "list":
        content["points"] = content["points"][::16]
    elif content["design"]["kind"] == "morris":
        content["uncertainties"] = {"b_peer": {}, "tension_halflife": {}}
        content["design"]["trajectories"] = 2
    else:
        content["design"]["points"] = 2
    with (folder / "experiment.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(content, file)
    results = api.sweep(folder, workers=1)
    assert results.failed == 0
    assert len(results.runs) == len(results.points) * len(content["scenarios"])
    assert set(results.factors) <= set(results.runs.columns)


def test_the_measures_of_the_equal_cost_study_cost_the_same() -> None:
    read = load_experiment("jobs_dialogue_policing")
    for point in sample(read.design, read.factors):
        costs = [template.at(point).interventions[0].meur_per_year for template in read.templates[1:]]
        assert max(costs) == pytest.approx(min(costs), rel=1e-3)


def test_the_screening_varies_every_parameter_that_has_a_range() -> None:
    from sim.parameters import CATALOGUE

    read = load_experiment("morris_screening")
    assert {factor.key for factor in read.factors} == {
        f"parameters.{name}" for name, known in CATALOGUE.items() if known.low < known.high
    }


def test_a_preview_counts_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, GOOD)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    found = api.preview(tmp_path, workers=2, engine=RealNamesEngine())
    assert (found.points, found.runs, found.rounds) == (4, 16, (2,))
    assert [row["acts"] for row in found.factors] == ["everywhere", "in police only"]
    assert found.seconds_a_run > 0
    assert found.seconds == pytest.approx(16 * found.seconds_a_run / 2)
    assert found.disk_bytes > 16 * 1000
    assert sorted(tmp_path.rglob("*")) == before
