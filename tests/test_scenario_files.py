"""Scenario files: shipped ones load, bad ones are refused with every problem and its place."""

import dataclasses
import hashlib
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sim.errors import InputError, ScenarioError
from sim.interventions import catalogue
from sim.region import find_region, load_region
from sim.scenario import (
    Programme,
    Scenario,
    copy_examples,
    json_schema,
    load_scenario,
    new_study,
    resolved_yaml,
    shipped_scenarios,
    target_cells,
    validate_file,
)
from sim.scenario import text as reading

GOOD = """\
format: 1
title: A case
extends: baseline_2024
interventions:
  police: {type: I2, targets: {states: [XKX]}, start: 2025-01, months: 36, intensity: 0.5}
  forums: {type: dialogue_forums, start: 2024-06, intensity: 1}
shocks:
  rumour: {type: rumour, targets: {states: [XKX], communities: [albanian]}, at: 2026-03, week: 2}
"""


def write(folder: Path, body: str, name: str = "case.yaml") -> Path:
    path = folder / name
    path.write_text(body, encoding="utf-8")
    return path


def head(body: str) -> str:
    """A file whose fourth line is the first of ``body``."""
    return "format: 1\ntitle: A case\nextends: baseline_2024\n" + body


# --- what ships ---


@pytest.mark.parametrize("name", shipped_scenarios())
def test_shipped_scenario_loads_without_warnings(name: str) -> None:
    scenario = load_scenario(name)
    assert isinstance(scenario, Scenario)
    assert scenario.key == name
    assert scenario.warnings == ()
    assert scenario.title != name


def test_the_promised_scenarios_ship() -> None:
    wanted = {
        "baseline_2024",
        "police_capacity",
        "joint_exercises",
        "job_creation",
        "dialogue_forums",
        "kfor_surge",
        "kfor_withdrawal",
        "kosovo_2004",
        "rumour_march_2004",
        "way_forward",
    }
    assert wanted <= set(shipped_scenarios())


def test_shipped_scenarios_say_what_they_should() -> None:
    baseline = load_scenario("baseline_2024")
    assert (baseline.start_year, baseline.start_month, baseline.months) == (2024, 1, 120)
    assert baseline.interventions == ()
    assert baseline.institutions == "scripted"
    (surge,) = load_scenario("kfor_surge").interventions
    assert (surge.type, surge.quantity, surge.targets.states, surge.months) == (
        "I11",
        {"troops": 3000},
        ("XKX",),
        36,
    )
    (withdrawal,) = load_scenario("kfor_withdrawal").shocks
    assert withdrawal.options == {"mission": "KFOR", "months": 12, "remaining": 0.0}
    march = load_scenario("rumour_march_2004")
    (rumour,) = march.shocks
    assert (march.date(rumour.at), rumour.week, rumour.targets.communities) == ("2004-03", 2, ("albanian",))
    types = {programme.type for programme in load_scenario("way_forward").interventions}
    assert types == {"I1", "I2", "I3", "I6", "I8", "I23", "I26", "I27", "I28", "I29", "I31"}


def test_way_forward_costs_agree_with_the_catalogue(tmp_path: Path) -> None:
    text = Path(load_scenario("way_forward").origins["title"].split(":")[0])
    assert text.name == "way_forward.yaml"
    for programme in load_scenario("way_forward").interventions:
        path = f"interventions.{programme.key}.meur_per_year"
        unset = load_scenario("way_forward", [f"{path}="])
        known = next(item for item in unset.interventions if item.key == programme.key)
        assert programme.meur_per_year == pytest.approx(known.meur_per_year, rel=0.1)


# --- bad inputs: (name, text, expected (line, column, pattern) of every problem) ---

BAD: list[tuple[str, str, list[tuple[int | None, int | None, str]]]] = [
    ("empty", "", [(1, 1, "is empty")]),
    ("only a comment", "# nothing\n", [(1, 1, "is empty")]),
    ("a list", "- a\n- b\n", [(1, 1, "must be a mapping")]),
    ("a scalar", "hello\n", [(1, 1, "must be a mapping")]),
    (
        "syntax",
        "format: 1\ntitle: [a\nstart: 2024-01\n",
        [(2, 8, r"is not valid YAML: a \[ is opened and never closed")],
    ),
    ("tab", "format: 1\n\ttitle: x\n", [(2, 1, "is not valid YAML")]),
    ("control character", "format: 1\ntitle: a\x07b\n", [(2, 9, r"not allowed; got U\+0007")]),
    ("two documents", "format: 1\n---\nformat: 1\n", [(2, 1, "more than one document")]),
    ("directive", "%YAML 1.1\n---\nformat: 1\n", [(1, 1, "YAML directive")]),
    ("tag", head("months: !!python/object:os.system 12\n"), [(4, 9, "months: has a tag")]),
    (
        "merge key",
        head("interventions:\n  a: &a {type: I2}\n  b:\n    <<: *a\n    type: I2\n"),
        [(7, 5, r"interventions\.b: uses a merge key.*extends")],
    ),
    (
        "duplicate key",
        head("months: 12\nmonths: 24\n"),
        [(5, 1, r"months: is given twice \(first on line 4\)")],
    ),
    (
        "duplicate programme",
        head("interventions:\n  a: {type: I2}\n  a: {type: I6}\n"),
        [(6, 3, r"interventions\.a: is given twice \(first on line 5\)")],
    ),
    (
        "nan",
        head("interventions:\n  a: {type: I2, intensity: .nan}\n"),
        [(5, 28, r"interventions\.a\.intensity: is not a finite number; got \.nan")],
    ),
    (
        "infinity",
        head("parameters: {b_peer: -.inf}\n"),
        [(4, 22, r"parameters\.b_peer: is not a finite number")],
    ),
    ("too large", head("months: 1e999\n"), [(4, 9, "months: is too large a number")]),
    ("too many digits", head(f"months: {'9' * 5000}\n"), [(4, 9, "months: is too large a number")]),
    ("number as key", head("12: x\n"), [(4, 1, "has a key that is not a name; got 12")]),
    ("list as key", head("? [a]\n: 1\n"), [(4, 3, "has a key that is not a name")]),
    ("no format", "title: x\nextends: baseline_2024\n", [(1, 1, r"format: is missing; allowed format: 1")]),
    (
        "newer format",
        "format: 2\ntitle: x\n",
        [(1, 9, r"cannot be read.*got 2; allowed 1 .*reads format 1; a newer version is needed")],
    ),
    ("older format", "format: 0\ntitle: x\n", [(1, 9, r"cannot be read.*got 0; allowed 1 \(format 1 is the first")]),
    (
        "nothing but format",
        "format: 1\n",
        [(1, 1, "start: is missing"), (1, 1, "months: is missing"), (1, 1, "region: is missing")],
    ),
    ("unknown key", head("intervention: {}\n"), [(4, 1, r"intervention: unknown key.*'interventions'")]),
    (
        "unknown key of a programme",
        head("interventions:\n  a: {type: I2, intensty: 0.5}\n"),
        [(5, 17, r"interventions\.a\.intensty: unknown key; allowed type, .*'intensity'")],
    ),
    (
        "bad programme name",
        head("interventions:\n  =cmd: {type: I2}\n"),
        [(5, 3, "is not usable as a name; allowed lower-case.*write cmd")],
    ),
    ("programme not a mapping", head("interventions:\n  a: I2\n"), [(5, 6, r"must be a mapping; got 'I2'")]),
    (
        "interventions a list",
        head("interventions:\n  - I2\n"),
        [(5, 3, r"interventions: must be a mapping; got a list")],
    ),
    (
        "text for a number",
        head("months: twelve\n"),
        [(4, 9, r"months: must be a whole number; got 'twelve'; allowed 1 to 1200")],
    ),
    (
        "underscored number",
        head("interventions:\n  a: {type: I11, troops: 3_000}\n"),
        [(5, 26, r"troops: must be a whole number; got '3_000'.*digits only")],
    ),
    ("quoted number", head('months: "12"\n'), [(4, 9, "months: must be a whole number; got '12'")]),
    ("truth for a number", head("months: true\n"), [(4, 9, "months: must be a whole number; got true")]),
    ("fraction of a month", head("months: 1.5\n"), [(4, 9, "months: must be a whole number; got 1.5")]),
    ("negative months", head("months: -1\n"), [(4, 9, "months: is out of range; got -1; allowed 1 to 1200")]),
    ("endless run", head("months: 100000\n"), [(4, 9, "months: is out of range")]),
    (
        "intensity above one",
        head("interventions:\n  a: {type: I2, intensity: 1.5}\n"),
        [(5, 28, r"intensity: is out of range; got 1\.5; allowed 0\.?0? to 1")],
    ),
    (
        "bad date",
        head("start: 2024-13\n"),
        [(4, 8, "start: is not a month; got '2024-13'; allowed a month.*there is no month 13")],
    ),
    (
        "year as date",
        head("start: 2024\n"),
        [(4, 8, "start: is not a month; got 2024; allowed a month.*as in 2024-01")],
    ),
    (
        "bad institutions",
        head("institutions: adaptiv\n"),
        [(4, 15, r"allowed scripted, adaptive.*'adaptive'")],
    ),
    (
        "bad approval",
        head("interventions:\n  a: {type: I2, approval: ally}\n"),
        [(5, 27, r"allowed none, allies, council, host, contributors$")],
    ),
    (
        "title with markup control",
        'format: 1\ntitle: "a\\u202Eb"\nextends: baseline_2024\n',
        [(2, 8, r"title: has a character that cannot be printed \(U\+202E\)")],
    ),
    (
        "long title",
        f"format: 1\ntitle: {'x' * 500}\nextends: baseline_2024\n",
        [(2, 8, "title: is too long; .*at most 120")],
    ),
    (
        "unknown parent",
        "format: 1\nextends: baseline_2042\n",
        [(2, 10, r"extends: there is no such scenario.*'baseline_2024'")],
    ),
    (
        "parent elsewhere",
        "format: 1\nextends: ../baseline_2024\n",
        [(2, 10, "extends: is not the name of a scenario")],
    ),
    (
        "absolute parent",
        "format: 1\nextends: /etc/passwd\n",
        [(2, 10, "extends: is not the name of a scenario")],
    ),
    ("itself as parent", "format: 1\nextends: case\n", [(2, 10, "extends: extends itself")]),
    (
        "unknown region",
        "format: 1\nregion: western_balkan\nstart: 2024-01\nmonths: 12\n",
        [(2, 9, "region: no such region; got 'western_balkan'.*'western_balkans'")],
    ),
    (
        "year without data",
        head("start: 1951-01\n"),
        [(4, 8, "start: the region has no values near this year; got 1951; allowed 19")],
    ),
    (
        "unknown intervention",
        head("interventions:\n  a: {type: police_capasity}\n"),
        [(5, 13, r"no intervention is called that.*'police_capacity'")],
    ),
    (
        "no type",
        head("interventions:\n  police: {type: I2}\n  polise: {intensity: 0.5}\n"),
        [(6, 11, r"interventions\.polise\.type: is missing.*'police'")],
    ),
    (
        "unknown state",
        head("interventions:\n  a: {type: I2, targets: {states: [BIH, XKK]}}\n"),
        [(5, 41, r"targets\.states\[1\]: the region has no such state; got 'XKK'; allowed ALB, .*, XKX$")],
    ),
    (
        "unknown district",
        head("interventions:\n  a: {type: I2, targets: {districts: [atlantis]}}\n"),
        [(5, 39, r"districts\[0\]: the region has no such district; got 'atlantis'; allowed one of \d+")],
    ),
    (
        "unknown community",
        head("shocks:\n  r: {type: rumour, at: 2025-01, targets: {communities: [albanians]}}\n"),
        [(5, 58, r"communities\[0\]: the region has no such community.*write albanian")],
    ),
    (
        "state twice",
        head("interventions:\n  a: {type: I2, targets: {states: [BIH, BIH]}}\n"),
        [(5, 41, r"states\[1\]: is given twice")],
    ),
    (
        "no state",
        head("interventions:\n  a: {type: I2, targets: {states: []}}\n"),
        [(5, 35, r"states: is empty")],
    ),
    (
        "start before the scenario",
        head("interventions:\n  a: {type: I2, start: 2023-12}\n"),
        [(5, 24, r"lies before the scenario starts; got 2023-12; allowed 2024-01 or later")],
    ),
    (
        "no troops",
        head("interventions:\n  a: {type: I11, targets: {states: [XKX]}}\n"),
        [(5, 6, r"troops: is missing")],
    ),
    (
        "troops where none belong",
        head("interventions:\n  a: {type: I2, troops: 100}\n"),
        [(5, 17, r"troops: I2 \(police_capacity\) has no troops")],
    ),
    (
        "half a trigger",
        head("interventions:\n  a: {type: I2, when: {indicator: tensions, for_months: 3, in: XKY}}\n"),
        [
            (5, 35, r"indicator: no outcome is called that.*'tension'"),
            (5, 23, "needs one of above and below; got neither"),
            (5, 64, r"when\.in: the region has no such state; got 'XKY'.*, XKX$"),
        ],
    ),
    (
        "unknown shock",
        head("shocks:\n  s: {type: earthquak, at: 2025-01}\n"),
        [(5, 13, r"no shock is called that.*'earthquake'")],
    ),
    (
        "shock without date",
        head("shocks:\n  s: {type: earthquake}\n"),
        [(5, 6, r"shocks\.s\.at: is missing")],
    ),
    (
        "fifth week",
        head("shocks:\n  s: {type: rumour, at: 2025-01, week: 4}\n"),
        [(5, 40, "week: is out of range; got 4; allowed 0 to 3")],
    ),
    (
        "unknown mission",
        head("shocks:\n  s: {type: mission_withdrawal, at: 2025-01, mission: KFORR}\n"),
        [(5, 55, r"mission: the region has no such mission.*'KFOR'")],
    ),
    (
        "mission that left",
        head("shocks:\n  s: {type: mission_withdrawal, at: 2025-01, mission: SFOR}\n"),
        [(5, 55, r"mission: the mission does not stand in 2025-01; .*KFOR")],
    ),
    (
        "no mission",
        head("shocks:\n  s: {type: mission_withdrawal, at: 2025-01}\n"),
        [(5, 6, "mission: is missing")],
    ),
    (
        "mission of a rumour",
        head("shocks:\n  s: {type: rumour, at: 2025-01, mission: KFOR}\n"),
        [(5, 34, "a shock of type rumour has no mission")],
    ),
    (
        "targets of a withdrawal",
        head("shocks:\n  s: {type: alliance_division, at: 2025-01, targets: {states: [XKX]}}\n"),
        [(5, 45, "a shock of type alliance_division has no targets")],
    ),
    (
        "unknown parameter",
        head("parameters: {b_peeer: 3}\n"),
        [(4, 14, r"parameters\.b_peeer: no parameter.*'b_peer'")],
    ),
    (
        "impossible parameter",
        head("parameters: {turnout_cap: 7}\n"),
        [(4, 27, "outside what the model accepts; got 7")],
    ),
    (
        "text as parameter",
        head("parameters: {b_peer: high}\n"),
        [(4, 22, r"b_peer: must be a number; got 'high'")],
    ),
]


@pytest.mark.parametrize(("body", "expected"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_file_is_refused_with_its_place(
    tmp_path: Path, body: str, expected: list[tuple[int | None, int | None, str]]
) -> None:
    path = write(tmp_path, body)
    problems, warnings = validate_file(path)
    assert warnings == []
    said = [str(problem) for problem in problems]
    assert len(problems) == len(expected), said
    for line, column, pattern in expected:
        found = [p for p in problems if re.search(pattern, str(p))]
        assert found, (pattern, said)
        if line is not None:
            assert (found[0].file, found[0].line, found[0].column) == (str(path), line, column), said
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert caught.value.exit_code == 2
    assert [str(problem) for problem in caught.value.problems] == said


def test_there_are_enough_bad_inputs() -> None:
    assert len(BAD) >= 40


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        head(
            "mnths: 12\n"
            "institutions: both\n"
            "interventions:\n"
            "  a: {type: I2, intensity: 2, targets: {states: [XXX]}}\n"
            "  b: {type: I99, start: 2020-01}\n"
            "shocks:\n"
            "  s: {type: rumour, at: 2025-01, week: 9}\n"
            "parameters: {nonsense: 1}\n"
        ),
    )
    problems, _ = validate_file(path)
    assert [(p.line, p.key) for p in problems] == [
        (4, "mnths"),
        (5, "institutions"),
        (7, "interventions.a.intensity"),
        (7, "interventions.a.targets.states[0]"),
        (8, "interventions.b.type"),
        (8, "interventions.b.start"),
        (10, "shocks.s.week"),
        (11, "parameters.nonsense"),
    ]


def test_a_problem_of_a_parent_names_the_parent(tmp_path: Path) -> None:
    write(tmp_path, head("interventions:\n  a: {type: I2, intensity: 3}\n"), "parent.yaml")
    problems, _ = validate_file(write(tmp_path, "format: 1\ntitle: Child\nextends: parent\nmonths: 0\n"))
    assert {(Path(p.file).name, p.line) for p in problems} == {("parent.yaml", 5), ("case.yaml", 4)}


# --- safety ---


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    real = write(tmp_path, GOOD)
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    for path, pattern in [
        (link, "symbolic link"),
        (pipe, "pipe"),
        (Path(os.devnull), "device"),
        (tmp_path, "folder"),
        (tmp_path / "none.yaml", "does not exist"),
    ]:
        (problem,), _ = validate_file(path)
        assert pattern in problem.what


def test_a_parent_behind_a_link_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "parent.yaml").symlink_to(write(tmp_path, GOOD, "outside.yaml"))
    problems, _ = validate_file(write(inside, "format: 1\nextends: parent\n"))
    assert any("symbolic link" in problem.what for problem in problems)


def test_a_long_circle_of_parents_is_found(tmp_path: Path) -> None:
    for name, parent in [("a", "b"), ("b", "c"), ("c", "a")]:
        write(tmp_path, f"format: 1\nextends: {parent}\n", f"{name}.yaml")
    problems, _ = validate_file(tmp_path / "a.yaml")
    assert any(p.what == "extends itself" and p.got == "a.yaml -> b.yaml -> c.yaml -> a.yaml" for p in problems)


def test_a_missing_shipped_scenario_names_the_nearest() -> None:
    (problem,), _ = validate_file("baseline_2042")
    assert "baseline_2024" in problem.hint


@pytest.mark.parametrize(
    ("body", "pattern"),
    [
        ("x" * (reading.MAX_BYTES + 1), "too large"),
        ("a: " + "[" * 5000, "nested too deeply"),
        ("- " * 5000, "nested too deeply"),
        ("[" + "1," * reading.MAX_NODES + "1]", "too many values"),
        ("a: &a [" + "1," * 300 + "1]\nb: [" + "*a," * (reading.MAX_ALIASES + 1) + "*a]", "too many"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)),
            "too many values",
        ),
        ("a: &a [*a]", "alias inside itself"),
        ("a: *b", "alias that has no anchor"),
    ],
)
def test_bombs_are_refused_before_they_grow(tmp_path: Path, body: str, pattern: str) -> None:
    (problem, *_), _ = validate_file(write(tmp_path, body))
    assert pattern in problem.what


def test_text_that_is_not_utf8_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("format: 1\ntitle: Mitrovicë\n".encode("latin-1"))
    (problem,), _ = validate_file(path)
    assert (problem.line, problem.column, problem.got) == (2, 16, "byte 0xeb")


def test_every_file_is_hashed_as_read(tmp_path: Path) -> None:
    parent, child = write(tmp_path, GOOD, "parent.yaml"), write(tmp_path, "\ufeffformat: 1\nextends: parent\n")
    files = load_scenario(child, ["months=24"]).files
    assert set(files) == {"case.yaml", "parent.yaml", "baseline_2024.yaml"}
    for path in (parent, child):
        assert files[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_yaml_1_2_reads_words_as_words() -> None:
    assert [reading.scalar(word) for word in ("no", "NO", "yes", "on", "2024-01", "1:30")] == [
        "no",
        "NO",
        "yes",
        "on",
        "2024-01",
        "1:30",
    ]
    assert [reading.scalar(word) for word in ("0o17", "0x1F", "012", "1e3", "+.5", "~", "true")] == [
        15,
        31,
        12,
        1000.0,
        0.5,
        None,
        True,
    ]


def test_loading_scenarios_needs_no_framework() -> None:
    code = (
        "import sys; from sim.scenario import load_scenario; load_scenario('way_forward');"
        "print([m for m in ('mesa', 'numba', 'matplotlib', 'pandas') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


# --- precedence and --set ---


def test_set_wins_over_file_and_file_over_parent(tmp_path: Path) -> None:
    write(
        tmp_path,
        head("months: 24\ninterventions:\n  p: {type: I2, intensity: 0.2, months: 6}\n"),
        "parent.yaml",
    )
    path = write(tmp_path, "format: 1\ntitle: Child\nextends: parent\ninterventions:\n  p: {intensity: 0.4}\n")
    (programme,) = load_scenario(path).interventions
    assert (programme.intensity, programme.months, load_scenario(path).months) == (0.4, 6, 24)
    scenario = load_scenario(path, ["interventions.p.intensity=0.9", "months=36"])
    assert (scenario.interventions[0].intensity, scenario.months) == (0.9, 36)
    assert scenario.origins["months"] == "--set"
    assert scenario.origins["interventions.p.months"] == "parent.yaml:6"


def test_null_clears_what_was_inherited(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "parent.yaml")
    path = write(tmp_path, "format: 1\ntitle: Less\nextends: parent\ninterventions:\n  police: null\nshocks: null\n")
    scenario = load_scenario(path)
    assert [programme.key for programme in scenario.interventions] == ["forums"]
    assert scenario.shocks == ()
    problems, _ = validate_file(write(tmp_path, "format: 1\nextends: parent\ninterventions:\n  polise: null\n"))
    assert [(p.what, p.key) for p in problems] == [("clears what is not there", "interventions.polise")]
    assert "police" in problems[0].hint


def test_titles_are_not_inherited(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path, "format: 1\nextends: way_forward\n", "mine.yaml"))
    assert (scenario.title, scenario.description) == ("mine", "")


@pytest.mark.parametrize(
    ("overrides", "pattern"),
    [
        (["months=12", "months=24"], "months: is set twice"),
        (["interventions.police.intensity=1", "interventions.police={intensity: 1}"], "is set twice"),
        (["months"], "is not an override"),
        (["months =12", "=4"], "is not an override"),
        (["a..b=4"], "is not an override"),
        (["extends=baseline_2024"], "cannot be set here"),
        (["format=1"], "cannot be set here"),
        (["months=!!int 12"], "months: has a tag"),
        (["months=.inf"], "months: is not a finite number"),
        (["months=[1"], "months: is not valid YAML"),
        (["months=soon"], "months: must be a whole number; got 'soon'"),
        (["moths=12"], "moths: unknown key.*months"),
        (
            ["interventions.polic.intensity=1"],
            r"interventions\.polic: there is none of this name in case\.yaml; .*'police'",
        ),
        (["interventions.police.targets.states=[ABC]"], r"states\[0\]: the region has no such state"),
        (["parameters.b_peer=-1"], "outside what the model accepts"),
    ],
)
def test_bad_overrides_are_refused(tmp_path: Path, overrides: list[str], pattern: str) -> None:
    problems, _ = validate_file(write(tmp_path, GOOD), overrides)
    matching = [problem for problem in problems if re.search(pattern, str(problem))]
    assert matching, [str(problem) for problem in problems]
    assert matching[0].file.startswith("--set")
    assert matching[0].line is None


# --- identity ---


def test_content_hash_knows_no_labels_and_no_order(tmp_path: Path) -> None:
    shuffled = """\
shocks:
  zz: {week: 2, at: 2026-03, targets: {communities: [albanian], states: [XKX]}, type: rumour}
interventions:
  aaa: {start: 2024-06, type: I28, intensity: 1.0}
  zzz: {intensity: 0.5, months: 36, start: 2025-01, targets: {states: [XKX]}, type: police_capacity}
title: Another title
description: Another text
extends: baseline_2024
format: 1
"""
    a, b = load_scenario(write(tmp_path, GOOD)), load_scenario(write(tmp_path, shuffled, "other.yaml"))
    assert a.content_hash() == b.content_hash()
    assert [p.type for p in a.interventions] == [p.type for p in b.interventions]
    assert [p.uid for p in a.interventions] == [p.uid for p in b.interventions]
    assert [s.uid for s in a.shocks] == [s.uid for s in b.shocks]
    assert a.key != b.key


@pytest.mark.parametrize(
    "override",
    [
        "months=60",
        "start=2024-02",
        "institutions=adaptive",
        "interventions.police.intensity=0.6",
        "interventions.police.months=35",
        "interventions.police.start=2025-02",
        "interventions.police.targets.states=[BIH]",
        "interventions.police.approval=none",
        "interventions.police.provider=nato",
        "interventions.police.meur_per_year=1",
        "interventions.police.when={indicator: tension, above: 0.5}",
        "interventions.police.type=I15",
        "shocks.rumour.week=1",
        "shocks.rumour.magnitude=0.5",
        "shocks.rumour.at=2026-04",
        "parameters.b_peer=3.1",
        "interventions.police=null",
    ],
)
def test_content_hash_knows_everything_else(tmp_path: Path, override: str) -> None:
    path = write(tmp_path, GOOD)
    assert load_scenario(path, [override]).content_hash() != load_scenario(path).content_hash()


def test_order_survives_replacement(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path, GOOD))
    turned = dataclasses.replace(scenario, interventions=scenario.interventions[::-1])
    assert turned == scenario
    assert turned.content_hash() == scenario.content_hash()


def test_a_changed_effect_size_changes_the_hash(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path, GOOD))
    first = scenario.interventions[0]
    entry = first.entry.model_copy(update={"scale": 0.5})
    changed = dataclasses.replace(
        scenario, interventions=(dataclasses.replace(first, entry=entry), *scenario.interventions[1:])
    )
    assert changed.content_hash() != scenario.content_hash()
    reworded = dataclasses.replace(first, entry=first.entry.model_copy(update={"text": "other words"}))
    assert reworded.uid == first.uid


@pytest.mark.parametrize("name", shipped_scenarios())
def test_resolved_file_loads_to_the_same_scenario(tmp_path: Path, name: str) -> None:
    scenario = load_scenario(name)
    for explain in (False, True):
        again = load_scenario(write(tmp_path, resolved_yaml(scenario, explain=explain)))
        assert again.content_hash() == scenario.content_hash()
        assert (again.title, again.description) == (scenario.title, scenario.description)


def test_explain_names_where_each_value_came_from(tmp_path: Path) -> None:
    text = resolved_yaml(load_scenario(write(tmp_path, GOOD), ["months=60"]), explain=True)
    origin = {
        line.split(":")[0].strip(): line.rsplit("# ", 1)[1].split("  ")[0] for line in text.splitlines() if "# " in line
    }
    assert origin["months"] in ("--set", "case.yaml:5")
    assert "months: 60" in text
    assert origin["region"].startswith("baseline_2024.yaml:")
    assert origin["meur_per_year"] == "catalogue"
    assert origin["magnitude"] == "default"
    assert origin["communities"] == "case.yaml:8"


def test_scenario_can_be_sent_to_another_process(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path, GOOD))
    assert pickle.loads(pickle.dumps(scenario)).content_hash() == scenario.content_hash()


# --- resolution ---


def programme(scenario: Scenario, key: str) -> Programme:
    return next(item for item in scenario.interventions if item.key == key)


def test_programme_is_resolved_from_the_catalogue(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path, GOOD))
    police = programme(scenario, "police")
    entry = catalogue().interventions["I2"]
    assert (police.type, police.entry, police.provider, police.approval) == (
        "I2",
        entry,
        entry.provider,
        entry.approval,
    )
    assert (police.start, police.months, police.dose) == (12, 36, 0.5)
    region = load_region(find_region("western_balkans"), 2024)
    residents = region.cell_population[target_cells(region, police.targets)].sum()
    state = region.states.index("XKX")
    assert residents == region.district_population[region.district_state == state].sum()
    assert police.meur_per_year == pytest.approx(0.5 * entry.cost.meur_per_year * residents / 1e6, abs=1e-5)
    forums = programme(scenario, "forums")
    assert (forums.type, forums.start, forums.months) == ("I28", 5, None)


def test_quantity_sets_dose_and_cost(tmp_path: Path) -> None:
    scenario = load_scenario("kfor_surge", ["interventions.surge.troops=5000", "interventions.surge.intensity=0.5"])
    (surge,) = scenario.interventions
    assert surge.dose == pytest.approx(0.25)
    assert surge.meur_per_year == pytest.approx(600 * 0.25)


def test_zero_intensity_costs_nothing() -> None:
    assert load_scenario("police_capacity", ["interventions.police.intensity=0"]).interventions[0].meur_per_year == 0


def test_trigger_is_resolved(tmp_path: Path) -> None:
    body = head("interventions:\n  a: {type: I2, when: {indicator: tension, above: 0.6, for_months: 3, in: XKX}}\n")
    (item,) = load_scenario(write(tmp_path, body)).interventions
    assert item.when is not None
    assert item.when.content() == {
        "indicator": "tension",
        "above": 0.6,
        "below": None,
        "for_months": 3,
        "where": "XKX",
    }


def test_own_region_beside_the_file_wins(tmp_path: Path) -> None:
    examples = tmp_path / "study"
    copy_examples(examples)
    scenario = load_scenario(examples / "police_capacity.yaml")
    assert Path(scenario.region) == (examples / "regions" / "western_balkans").resolve()
    assert scenario.content_hash() == load_scenario("police_capacity").content_hash()


WARNED = [
    ("ends after the horizon", ["interventions.police.start=2033-01"]),
    ("starts after the end", ["months=6"]),
    ("hits after the end", ["months=24"]),
    ("outside its evidence range", ["parameters.b_peer=5"]),
    ("may count twice", ["interventions.more={type: I2, start: 2026-01}"]),
    ("nobody lives there", ["interventions.police.targets.communities=[hungarian]"]),
    ("the dose saturates", ["interventions.t={type: I11, troops: 20000, targets: {states: [XKX]}}"]),
    ("lie in a state that is listed as a whole", ["interventions.police.targets.districts=[DISTRICT]"]),
    ("it spends nothing", ["interventions.police.intensity=0", "interventions.police.meur_per_year=3"]),
    ("beyond its cap", [f"interventions.x{i}={{type: I28}}" for i in range(5)]),
]


@pytest.mark.parametrize(("pattern", "overrides"), WARNED, ids=[case[0] for case in WARNED])
def test_warnings_are_returned_not_raised(tmp_path: Path, pattern: str, overrides: list[str]) -> None:
    region = load_region(find_region("western_balkans"), 2024)
    district = region.districts[list(region.district_state).index(region.states.index("XKX"))]
    path = write(tmp_path, GOOD)
    assert validate_file(path) == ([], [])
    problems, warnings = validate_file(path, [item.replace("DISTRICT", district) for item in overrides])
    assert problems == []
    assert any(pattern in warning.what for warning in warnings), [str(warning) for warning in warnings]


# --- schema, scaffold ---


def test_json_schema_lists_what_a_file_may_say() -> None:
    schema = json.loads(json.dumps(json_schema("scenario")))
    assert schema["required"] == ["format"]
    assert {"format", "extends", "interventions", "shocks", "parameters"} <= set(schema["properties"])
    parts = schema["$defs"]
    for part, name in (("ProgrammeFile", "I2"), ("ShockFile", "rumour")):
        assert name in [item.get("const") for item in parts[part]["properties"]["type"]["anyOf"]]
    assert "in" in parts["TriggerFile"]["properties"]
    assert all(part["additionalProperties"] is False for part in (schema, *parts.values()))
    assert "channels" in json_schema("intervention")["properties"]
    assert "pattern" in json_schema("shock")["properties"]
    with pytest.raises(ValueError, match="no schema is called"):
        json_schema("county")


def test_new_study_loads_and_never_overwrites(tmp_path: Path) -> None:
    files = new_study(tmp_path / "study")
    scenarios = [path for path in files if path.suffix == ".yaml"]
    for path in scenarios:
        assert validate_file(path) == ([], [])
    assert len({load_scenario(path).content_hash() for path in scenarios}) == len(scenarios) == 3
    with pytest.raises(InputError, match="is not empty"):
        new_study(tmp_path / "study")
    with pytest.raises(InputError, match="is not a folder"):
        copy_examples(files[0])
