"""What works with scenario files: layers and ``--set``, explanations, differences, schemas, new studies."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import os
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.api import prepare
from sim.cli import command, output
from sim.errors import InputError
from sim.interventions import catalogue
from sim.parameters import CATALOGUE
from sim.region import find_region
from sim.region.schema import TABLES
from sim.scenario import (
    Scenario,
    copy_examples,
    differences,
    json_schema,
    load_scenario,
    new_study,
    resolved_yaml,
    shipped_scenarios,
    validate_file,
)
from sim.scenario.layers import find_scenario
from sim.scenario.text import parse
from sim.settings import Settings
from tests.test_scenario_files import BAD, GOOD, head, write


@pytest.fixture
def stabsim(monkeypatch, capsys):
    """Call the command in this process; return exit code, standard output and standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["stabsim", *map(str, arguments)])
        monkeypatch.setattr(output.Verbosity, "quiet", False)
        code = command._guarded()
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def said(path: Path, *set_: str) -> list[str]:
    return [str(problem) for problem in validate_file(path, set_)[0]]


# --- layers ---


def test_three_layers_and_set_are_merged_in_the_written_order(tmp_path: Path) -> None:
    body = "interventions:\n  p: {type: I2, months: 6, intensity: 0.1, targets: {states: [XKX, BIH]}}\n"
    write(tmp_path, head("months: 24\nparameters: {b_peer: 3}\n" + body), "grandparent.yaml")
    write(
        tmp_path, "format: 1\nextends: grandparent\nmonths: 36\ninterventions: {p: {intensity: 0.2}}\n", "parent.yaml"
    )
    child = "format: 1\nextends: parent\ninterventions: {p: {intensity: 0.3, targets: {states: [MKD]}}}\n"
    path = write(tmp_path, child, "child.yaml")
    scenario = load_scenario(path, ["interventions.p.intensity=0.4", "parameters.b_peer=null"])
    (item,) = scenario.interventions
    assert (item.intensity, item.months, item.targets.states) == (0.4, 6, ("MKD",))
    assert (scenario.months, scenario.parameters) == (36, {})
    origins = [scenario.origins[key] for key in ("months", "interventions.p.months", "interventions.p.intensity")]
    assert origins == ["parent.yaml:3", "grandparent.yaml:7", "--set"]


@pytest.mark.parametrize(
    "name", ["..", ".", "../case", "/etc/passwd", "sub/case", "~root", "-x", "a b", "case\\nx", ""]
)
def test_extends_never_leaves_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    for folder in (tmp_path, tmp_path / "sub"):
        write(folder, GOOD)
    (line,) = said(write(tmp_path, f'format: 1\nextends: "{name}"\n', "child.yaml"))
    assert "child.yaml:2:10: extends: " in line


@pytest.mark.parametrize("target", ["outside", "inside"])
def test_extends_follows_no_link(tmp_path: Path, target: str) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    real = write(folder if target == "inside" else tmp_path, GOOD, "real.yaml")
    (folder / "parent.yaml").symlink_to(real)
    (line,) = said(write(folder, "format: 1\nextends: parent\n"))
    assert "parent.yaml: is a symbolic link" in line


def test_a_circle_through_a_second_name_of_a_file_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, "format: 1\nextends: twin\n")
    os.link(path, tmp_path / "twin.yaml")
    assert any("extends itself; got case.yaml -> twin.yaml" in line for line in said(path))


def test_a_long_chain_of_parents_is_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "p0.yaml")
    for number in range(1, 12):
        write(tmp_path, f"format: 1\nextends: p{number - 1}\n", f"p{number}.yaml")
    assert said(tmp_path / "p7.yaml") == []
    assert any(
        "too many scenarios extend each other; allowed at most 8" in line for line in said(tmp_path / "p11.yaml")
    )


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("months=12", "months", 12),
        ("months= 0x18 ", "months", 24),
        ("parameters.b_peer=1e0", "parameters", {"b_peer": 1.0}),
        ("title='12'", "title", "12"),
        ("title=no", "title", "no"),
        ("title=Žabljak, part 2", "title", "Žabljak, part 2"),
        ("description=", "description", ""),
        ("institutions=adaptive", "institutions", "adaptive"),
        ("parameters={b_peer: 3, b_kin: .5}", "parameters", {"b_kin": 0.5, "b_peer": 3.0}),
    ],
)
def test_set_reads_values_as_a_file_does(tmp_path: Path, override: str, key: str, value: object) -> None:
    assert getattr(load_scenario(write(tmp_path, GOOD), [override]), key) == value


def test_set_takes_lists_and_new_programmes(tmp_path: Path) -> None:
    set_ = ["interventions.police.targets.states=[BIH, MKD]", "interventions.more={type: I6, months: 3}"]
    items = {item.key: item for item in load_scenario(write(tmp_path, GOOD), set_).interventions}
    assert items["police"].targets.states == ("BIH", "MKD")
    assert (items["more"].type, items["more"].months) == ("I6", 3)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            ["months=12", "interventions.polic.intensity=1"],
            "--set 2: interventions.polic: there is none of this name in case.yaml; allowed police, forums "
            "(did you mean 'police'?)",
        ),
        (
            ["shocks.flood.magnitude=2"],
            "--set 1: shocks.flood: there is none of this name in case.yaml; allowed rumour",
        ),
        (
            ["police.intensity=1"],
            "--set 1: police.intensity: unknown key (did you mean 'interventions.police.intensity'?)",
        ),
        (["b_peer=3"], "--set 1: b_peer: unknown key (did you mean 'parameters.b_peer'?)"),
        (
            ["interventions.police.targets.states[0]=BIH"],
            "--set 1: is not an override; got 'interventions.police.targets.states[0]=BIH'; allowed key.path=value "
            "(a list is set as a whole, such as a.states=[BIH, XKX])",
        ),
        (["months=24", "months=12"], "--set 2: months: is set twice (also by --set 1: months)"),
        (
            ["interventions.police={type: I6}", "months=12", "interventions.police.months=3"],
            "--set 3: interventions.police.months: is set twice (also by --set 1: interventions.police)",
        ),
    ],
)
def test_overrides_say_where_and_what_is_there(tmp_path: Path, overrides: list[str], expected: str) -> None:
    assert said(write(tmp_path, GOOD), *overrides) == [expected]


def test_set_without_programmes_says_how_to_add_one(tmp_path: Path) -> None:
    (line,) = said(write(tmp_path, head("")), "interventions.police.intensity=1")
    assert line.endswith("there is none of this name in case.yaml; allowed a new one, with its type")


def test_a_problem_is_the_same_in_a_file_and_in_set(tmp_path: Path) -> None:
    for key, value in [
        ("months", "0"),
        ("start", "2024-13"),
        ("institutions", "adaptiv"),
        ("parameters", "{b_peeer: 1}"),
    ]:
        (in_file,) = said(write(tmp_path, head(f"{key}: {value}\n")))
        (in_set,) = said(write(tmp_path, head("")), f"{key}={value}")
        assert in_set.removeprefix("--set 1: ") == in_file.split(": ", 1)[1]


def test_months_are_set_once(stabsim) -> None:
    code, _, error = stabsim("run", "baseline_2024", "--months", "12", "--set", "months=24")
    assert (code, error) == (2, "--months: months: is set twice (also by --set)\n")


def test_set_belongs_to_validate_too(tmp_path: Path, stabsim) -> None:
    path = write(tmp_path, GOOD)
    assert stabsim("validate", path, "--set", "months=36")[0] == 0
    code, shown, error = stabsim("validate", path, "--set", "mnths=36")
    assert (code, shown) == (2, "")
    assert error.startswith("--set 1: mnths: unknown key")


# --- explain ---

SETS = (
    "interventions.police.when={indicator: tension, above: 0.6, in: XKX}",
    "interventions.troops={type: I11, troops: 300, targets: {states: [BIH]}}",
    "parameters.b_peer=3.1",
    "title='1e3'",
)


BASELINE = load_scenario("baseline_2024")


def again(tmp_path: Path, text: str) -> Scenario:
    return load_scenario(write(tmp_path, text, "again.yaml"))


@pytest.mark.parametrize("evidence", [False, True])
@pytest.mark.parametrize("name", shipped_scenarios())
def test_an_explained_file_loads_to_the_same_hash(tmp_path: Path, name: str, evidence: bool) -> None:
    scenario = load_scenario(name)
    made = again(tmp_path, resolved_yaml(scenario, explain=True, evidence=evidence))
    assert made.content_hash() == scenario.content_hash()
    assert (made.title, made.description) == (scenario.title, scenario.description)
    assert differences(scenario, made).same


@settings(max_examples=100, deadline=None)
@given(title=st.text(min_size=1, max_size=120), description=st.text(max_size=400))
def test_any_title_and_description_survive(
    tmp_path_factory: pytest.TempPathFactory, title: str, description: str
) -> None:
    scenario = dataclasses.replace(BASELINE, title=title, description=description)
    for explain in (False, True):
        root = parse(resolved_yaml(scenario, explain=explain), "again.yaml").root
        if not all(char.isprintable() or char == "\n" for char in title + description):
            continue  # no file can hold it, so none is resolved to it
        assert root is not None
        assert (root.value["title"].value, root.value["description"].value) == (title, description)


def test_the_command_prints_what_loads(tmp_path: Path, stabsim) -> None:
    path = write(tmp_path, GOOD)
    code, shown, _ = stabsim("validate", path, "--explain", "--evidence", *(x for s in SETS for x in ("--set", s)))
    assert code == 0
    made = again(tmp_path, shown)
    assert made.content_hash() == load_scenario(path, SETS).content_hash()
    assert made.title == "1e3"


def test_every_value_says_where_it_came_from(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path, GOOD), SETS[:3])
    text = resolved_yaml(scenario, explain=True)
    values = [line for line in text.splitlines() if re.match(r" *\w+: [^#\s]", line)]
    comments = [line.split("  # ")[1].split("  ")[0].rstrip() for line in values]
    assert set(comments) == {"--set", "default", "catalogue"} | {
        c for c in comments if re.fullmatch(r"\w+\.yaml:\d+", c)
    }
    columns = {
        line.index("  # ") for line in values if len(line.split("  #")[0]) <= 48 and len(line.split("  #")[0]) > 0
    }
    assert len({column for column in columns if column <= 48}) == 1
    for expected in (
        r"b_peer: 3\.1 +# --set +log-odds; default 2\.6, plausible 2 to 3\.8",
        r"for_months: 1 +# default +months",
        r"troops: 300 +# --set +soldiers",
        r"approval: host +# catalogue",
        r"region: western_balkans +# baseline_2024\.yaml:\d+",
    ):
        assert re.search(expected, text), expected


def test_evidence_is_told_on_request(tmp_path: Path, stabsim) -> None:
    path = write(tmp_path, head("parameters: {b_peer: 3}\ninterventions: {p: {type: I2}}\n"))
    text = resolved_yaml(load_scenario(path), explain=True, evidence=True)
    entry = catalogue().interventions["I2"]
    assert re.search(rf"# p +# {entry.evidence} +{entry.status}; cost: ", text)
    assert re.search(r"# b_peer +# M10", text)
    unset = set(re.findall(r"^# (\w+): ", text, re.M))
    assert unset == set(CATALOGUE) - {"b_peer"}
    assert stabsim("validate", path, "--evidence")[0] == 2


def test_long_lists_are_folded(tmp_path: Path) -> None:
    region = find_region("western_balkans")
    with (region / "districts.csv").open(encoding="utf-8") as stream:
        keys = [row["district"] for row in csv.DictReader(stream) if row["state"] == "SRB"]
    scenario = load_scenario("police_capacity", [f"interventions.police.targets={{districts: [{', '.join(keys)}]}}"])
    text = resolved_yaml(scenario, explain=True)
    assert max(len(line) for line in text.splitlines()) < 140
    assert again(tmp_path, text).interventions[0].targets.districts == tuple(sorted(keys))


# --- diff ---


def keys(a: Scenario, b: Scenario) -> list[str]:
    return [item.key for item in differences(a, b).found]


def test_labels_order_and_words_make_no_difference(tmp_path: Path) -> None:
    other = GOOD.replace("police:", "law:").replace("title: A case", "title: Another  # with a comment")
    a, b = load_scenario(write(tmp_path, GOOD)), load_scenario(write(tmp_path, other, "other.yaml"))
    found = differences(a, b)
    assert found.same
    assert found.found == ()
    assert [item.key for item in found.words] == ["title"]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("months=60", ["months"]),
        ("institutions=adaptive", ["institutions"]),
        ("interventions.forums.intensity=0.6", ["interventions.forums.intensity", "interventions.forums.meur_per_year"]),
        ("interventions.police.months=null", ["interventions.police.months"]),
        ("interventions.police.when={indicator: tension, above: 0.5}", [
            "interventions.police.when.indicator", "interventions.police.when.above",
            "interventions.police.when.for_months", "interventions.police.when.in"]),
        ("interventions.police=null", ["interventions.police"]),
        ("interventions.more={type: I6}", ["interventions.more"]),
        ("shocks.rumour.week=1", ["shocks.rumour.week"]),
        ("shocks.rumour=null", ["shocks.rumour"]),
        ("parameters.b_peer=3.1", ["parameters.b_peer"]),
    ],
)  # fmt: skip
def test_what_differs_is_found(tmp_path: Path, override: str, expected: list[str]) -> None:
    path = write(tmp_path, GOOD)
    a, b = load_scenario(path), load_scenario(path, [override])
    assert keys(a, b) == expected
    assert sorted(keys(b, a)) == sorted(expected)
    assert not differences(a, b).same


def test_a_difference_has_values_units_and_origins(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    set_ = ["interventions.police.intensity=0.75", "interventions.police.meur_per_year=3", "parameters.b_peer=3"]
    found = differences(load_scenario(path), load_scenario(path, set_)).found
    rows = [(item.key, item.unit, item.a.value, item.a.origin, item.b.value, item.b.origin) for item in found]
    cost = load_scenario(path).interventions[1].meur_per_year, load_scenario(path).interventions[0].meur_per_year
    assert rows[0] == ("interventions.police.intensity", "share of the full dose", 0.5, "case.yaml:5", 0.75, "--set")
    assert rows[1][:2] == ("interventions.police.meur_per_year", "million euro a year")
    assert rows[1][2] in cost
    assert rows[1][3:] == ("catalogue", 3.0, "--set")
    assert rows[2] == ("parameters.b_peer", "log-odds", CATALOGUE["b_peer"].default, "default", 3.0, "--set")


def test_programmes_are_paired_by_label_then_by_type(tmp_path: Path) -> None:
    a = load_scenario(write(tmp_path, GOOD))
    renamed = GOOD.replace("police:", "law:").replace("0.5}", "0.5, approval: none}")
    assert keys(a, load_scenario(write(tmp_path, renamed, "b.yaml"))) == ["interventions.police/law.approval"]
    swapped = GOOD.replace("type: I2,", "type: I15,")
    assert "interventions.police.type" in keys(a, load_scenario(write(tmp_path, swapped, "c.yaml")))


def test_a_default_written_out_is_no_difference_but_kept_apart(tmp_path: Path, stabsim) -> None:
    a = write(tmp_path, GOOD)
    b = write(tmp_path, GOOD + f"parameters: {{b_peer: {CATALOGUE['b_peer'].default}}}\n", "b.yaml")
    found = differences(load_scenario(a), load_scenario(b))
    assert (found.same, found.found) == (False, ())
    assert "No value differs" in stabsim("diff", a, b)[1]


def test_a_changed_table_of_the_region_is_a_difference(tmp_path: Path) -> None:
    for name in ("one", "two"):
        copy_examples(tmp_path / name)
    a, b = (load_scenario(tmp_path / name / "baseline_2024.yaml") for name in ("one", "two"))
    assert differences(a, b).same
    path = tmp_path / "two" / "regions" / "western_balkans" / "borders.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    assert keys(a, b) == ["region"]
    assert not differences(a, b).same


def test_diff_prints_a_table_or_json_and_always_ends_with_zero(tmp_path: Path, stabsim) -> None:
    a, b = write(tmp_path, GOOD), write(tmp_path, GOOD.replace("intensity: 0.5", "intensity: 1"), "b.yaml")
    code, shown, error = stabsim("diff", a, b)
    assert (code, error) == (0, "")
    assert "2 differences" in shown
    assert re.search(r"interventions\.police\.intensity +0\.5 +1 +share of the full dose +case.yaml:5 +b.yaml:5", shown)
    code, shown, _ = stabsim("diff", a, a)
    assert (code, shown.strip()) == (0, "The same simulation.")
    content = json.loads(stabsim("diff", a, b, "--json")[1])
    assert content["same"] is False
    assert content["differences"][0] == {
        "key": "interventions.police.intensity",
        "unit": "share of the full dose",
        "a": 0.5,
        "b": 1.0,
        "a_from": "case.yaml:5",
        "b_from": "b.yaml:5",
    }
    code, _, error = stabsim("diff", tmp_path / "x.yaml", tmp_path / "y.yaml")
    assert (code, len(error.splitlines())) == (2, 2)


# --- schema: a small reading of JSON Schema, so that the tests need no further package ---

KNOWN = {
    "$schema", "$defs", "$ref", "title", "description", "type", "properties", "required", "additionalProperties",
    "patternProperties", "propertyNames", "items", "anyOf", "allOf", "if", "then", "enum", "const", "pattern",
    "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
    "maxProperties", "default",
}  # fmt: skip
ANNOTATIONS = {"unit", "plausible", "source", "limits", "key", "needed"}
TYPES = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip


def is_type(value: object, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def violations(schema: Any, value: Any, root: Any, at: str = "") -> Iterator[str]:
    """Yield why a value breaks a schema; every keyword the schemas use is read."""
    if "$ref" in schema:
        yield from violations(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root, at)
    types = schema.get("type", list(TYPES))
    if not any(is_type(value, name) for name in ([types] if isinstance(types, str) else types)):
        yield f"{at}: not {types}"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: not listed"
    if "anyOf" in schema and all(any(violations(part, value, root, at)) for part in schema["anyOf"]):
        yield f"{at}: none of anyOf"
    for part in schema.get("allOf", []):
        if not any(violations(part["if"], value, root, at)):
            yield from violations(part["then"], value, root, at)
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{at}: length"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{at}: pattern"
    if is_type(value, "number") and value <= schema.get("exclusiveMinimum", -math.inf):
        yield f"{at}: range"
    if is_type(value, "number") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{at}: range"
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{at}: items"
        for index, item in enumerate(value):
            yield from violations(schema.get("items", {}), item, root, f"{at}[{index}]")
    if isinstance(value, dict):
        yield from _members(schema, value, root, at)


def _members(schema: Any, value: dict[str, Any], root: Any, at: str) -> Iterator[str]:
    yield from (f"{at}: no {name}" for name in schema.get("required", []) if name not in value)
    if len(value) < schema.get("minProperties", 0):
        yield f"{at}: too few"
    for name, item in value.items():
        inner = [schema["properties"][name]] if name in schema.get("properties", {}) else []
        inner += [part for rule, part in schema.get("patternProperties", {}).items() if re.search(rule, name)]
        if not inner and "additionalProperties" in schema:
            if schema["additionalProperties"] is False:
                yield f"{at}.{name}: unknown"
                continue
            inner.append(schema["additionalProperties"])
        if "propertyNames" in schema:
            inner_name = schema["propertyNames"]
            yield from violations(inner_name, name, root, f"{at}.{name}")
        for part in inner:
            yield from violations(part, item, root, f"{at}.{name}")


def parts(schema: Any) -> Iterator[Any]:
    """Yield a schema and every schema inside it."""
    yield schema
    for name in ("items", "if", "then", "propertyNames", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from parts(schema[name])
    for name in ("anyOf", "allOf"):
        for part in schema.get(name, []):
            yield from parts(part)
    for name in ("properties", "patternProperties", "$defs"):
        for part in schema.get(name, {}).values():
            yield from parts(part)


@pytest.mark.parametrize("kind", ["scenario", "region"])
def test_schemas_are_schemas(kind: str) -> None:
    schema = json.loads(json.dumps(json_schema(kind)))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for part in parts(schema):
        assert set(part) <= KNOWN | ANNOTATIONS, set(part) - KNOWN - ANNOTATIONS
        types = part.get("type", [])
        assert set([types] if isinstance(types, str) else types) <= set(TYPES)
        assert part.get("minimum", 0) <= part.get("maximum", float("inf"))
        assert part.get("$ref", "#/$defs/").removeprefix("#/$defs/") in {"", *schema["$defs"]}
        for pattern in [part.get("pattern", ""), *part.get("patternProperties", {})]:
            re.compile(pattern)
        if "default" in part:
            assert list(violations({**part}, part["default"], schema)) == []


@pytest.mark.parametrize("name", shipped_scenarios())
def test_shipped_scenarios_fit_the_schema(name: str) -> None:
    schema = json_schema("scenario")
    scenario = load_scenario(name)
    path = find_scenario(name)
    for text in (path.read_text(encoding="utf-8"), resolved_yaml(scenario)):
        root = parse(text, "x").root
        assert root is not None
        assert list(violations(schema, root.plain(), schema)) == []


SCHEMA_SEES = {
    "no format", "newer format", "older format", "unknown key", "unknown key of a programme", "bad programme name",
    "programme not a mapping", "interventions a list", "text for a number", "underscored number", "quoted number",
    "truth for a number", "fraction of a month", "negative months", "endless run", "intensity above one", "bad date",
    "year as date", "bad institutions", "bad approval", "long title",
    "troops where none belong", "half a trigger", "unknown shock", "fifth week", "mission of a rumour",
    "targets of a withdrawal", "unknown parameter", "impossible parameter", "text as parameter",
}  # fmt: skip


def test_the_schema_refuses_what_it_can_see_and_nothing_good() -> None:
    schema = json_schema("scenario")
    assert {name for name, _, _ in BAD} >= SCHEMA_SEES
    for name, body, _ in BAD:
        root = parse(body, "x")
        if name in SCHEMA_SEES:
            assert root.root is not None
            assert list(violations(schema, root.root.plain(), schema)), name
    for body in (GOOD, head("interventions: {a: null}\nparameters: {b_peer: null}\nshocks: null\n")):
        root = parse(body, "x")
        assert root.root is not None
        assert list(violations(schema, root.root.plain(), schema)) == []


def test_the_schema_of_scenarios_tells_what_the_catalogues_tell() -> None:
    schema = json_schema("scenario")
    told = schema["properties"]["parameters"]["anyOf"][0]["properties"]
    assert set(told) == set(CATALOGUE)
    peer, known = told["b_peer"], CATALOGUE["b_peer"]
    assert (peer["default"], peer["unit"], peer["source"]) == (known.default, known.unit, known.source)
    assert (peer["minimum"], peer["maximum"], peer["plausible"]) == (
        known.hard_low, known.hard_high, [known.low, known.high])  # fmt: skip
    types = {item.get("const"): item.get("description", "") for item in
             schema["$defs"]["ProgrammeFile"]["properties"]["type"]["anyOf"]}  # fmt: skip
    assert set(types) == {*catalogue().names(), None}
    assert "10000 troops" in types["I11"]
    assert all("description" in part for name in ("ProgrammeFile", "ShockFile", "TargetsFile", "TriggerFile")
               for part in schema["$defs"][name]["properties"].values())  # fmt: skip


def test_the_defaults_of_the_schema_are_those_of_the_loader(tmp_path: Path) -> None:
    body = (
        "interventions: {a: {type: radio, stop_when: {indicator: tension, above: 0.5},"
        " when: {indicator: tension, above: 0.5, until_below: 0.4}}}\n"
        "define: {radio: {name: Radio, provider: state, approval: none, dose: {unit: stations},"
        " cost: {meur_per_year: 1}, channels: [{lever: tension, size: -0.1}]}}\n"
        "shocks:\n  m: {type: mission_withdrawal, at: 2025-01, mission: KFOR}\n  r: {type: rumour, at: 2025-01}\n"
    )
    scenario = load_scenario(write(tmp_path, head("institutions: null\n" + body)))
    (item,) = scenario.interventions
    shocks = {shock.type: shock for shock in scenario.shocks}
    assert item.when is not None
    assert item.stop_when is not None
    found = {
        ("ScenarioFile", "institutions"): scenario.institutions,
        ("ScenarioFile", "effects"): scenario.effects,
        ("ProgrammeFile", "intensity"): item.intensity,
        ("TriggerFile", "for_months"): item.when.for_months,
        ("TriggerFile", "in"): item.when.where,
        ("TriggerFile", "delay_months"): item.when.delay_months,
        ("TriggerFile", "dwell_months"): item.when.dwell_months,
        ("ConditionFile", "for_months"): item.stop_when.for_months,
        ("ConditionFile", "in"): item.stop_when.where,
        ("DoseFile", "full"): item.entry.dose.full,
        ("CostFile", "per"): item.entry.cost.per,
        ("CostFile", "price_year"): item.entry.cost.price_year,
        ("CostFile", "basis"): item.entry.cost.basis,
        ("DefinitionFile", "scale"): item.entry.scale,
        ("DefinitionFile", "status"): item.entry.status,
        ("DefinitionFile", "evidence"): item.entry.evidence,
        ("ShockFile", "week"): shocks["rumour"].week,
        ("ShockFile", "magnitude"): shocks["rumour"].magnitude,
        ("ShockFile", "months"): shocks["mission_withdrawal"].options["months"],
        ("ShockFile", "remaining"): shocks["mission_withdrawal"].options["remaining"],
    }
    schema = json_schema("scenario")
    told = {**schema["$defs"], "ScenarioFile": schema}
    assert {(part, key): told[part]["properties"][key]["default"] for part, key in found} == found


def typed(raw: str, column: Any) -> Any:
    if column.get("type") == "integer":
        return int(raw)
    return float(raw) if column.get("type") == "number" or "enum" in column and 1.0 in column["enum"] else raw


@pytest.mark.parametrize("name", ["twin_valleys", "western_balkans"])
def test_shipped_regions_fit_the_schema(name: str) -> None:
    schema, folder = json_schema("region"), find_region(name)
    header = tomllib.loads((folder / "region.toml").read_text(encoding="utf-8"))
    assert list(violations(schema, header, schema)) == []
    for table in TABLES:
        if (folder / table).is_file():
            columns = schema["$defs"][table]["items"]["properties"]
            with (folder / table).open(encoding="utf-8", newline="") as stream:
                rows = [{k: typed(raw, columns[k]) for k, raw in row.items()} for row in csv.DictReader(stream)]
            assert list(violations(schema["$defs"][table], rows[:200], schema)) == []


def test_the_schema_of_regions_refuses_what_is_wrong() -> None:
    schema = json_schema("region")
    header = tomllib.loads((find_region("twin_valleys") / "region.toml").read_text(encoding="utf-8"))
    for key, value in [("border_factor", 3), ("key", "Two"), ("format", 2), ("bounds", {}), ("protected", ["XKX"])]:
        assert list(violations(schema, header | {key: value}, schema)), key
    row = {"state": "AAA", "community": "teal", "year": 2024, "status": 0.2, "reason": "r", "source": "s"}
    problems = list(violations(schema["$defs"]["power_status.csv"], [{**row, "quality": "good"}], schema))
    assert [problem.split(":")[0] for problem in problems] == ["[0].status", "[0].quality"]


def test_every_column_and_key_of_a_region_is_described() -> None:
    schema = json_schema("region")
    assert set(schema["$defs"]) == {"Bounds", *TABLES}
    for name in TABLES:
        row = schema["$defs"][name]["items"]
        assert row["description"]
        assert list(row["properties"]) == row["required"]
        assert all(column["description"] for column in row["properties"].values()), name
    assert all(key["description"] for key in schema["properties"].values())


def test_schemas_are_printed(stabsim) -> None:
    for arguments, title in (
        ((), "stabsim scenario"),
        (("scenario",), "stabsim scenario"),
        (("region",), "stabsim region"),
    ):
        code, shown, _ = stabsim("schema", *arguments)
        assert (code, json.loads(shown)["title"]) == (0, title)
    code, _, error = stabsim("schema", "regoin")
    assert code == 2
    assert "no such schema; got regoin; allowed scenario, region" in error
    assert "did you mean 'region'?" in error


# --- a new study ---


def test_a_new_study_does_what_its_page_says(tmp_path: Path, stabsim, monkeypatch) -> None:
    files = new_study(tmp_path / "study")
    monkeypatch.chdir(tmp_path / "study")
    monkeypatch.setattr("sim.api.reporting.draw", lambda figures, folder=None: [])
    blocks = re.findall(r"^```bash\n(.*?)^```", files[0].read_text(encoding="utf-8"), re.S | re.M)
    commands = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert {words[1] for words in commands} == {"validate", "diff", "run", "compare", "catalogue"}
    for name, *words in commands:
        assert name == "stabsim"
        if words[0] in ("run", "compare"):
            small = ["--citizens", "9000", "--months", "30", "--workers", "1"]
            words = [word if word != "16" else "2" for word in words] + small
        code, _, error = stabsim(*words)
        assert (code, [line for line in error.splitlines() if "warning" not in line and "runs" not in line]) == (0, [])
    assert sorted(path.name for path in (tmp_path / "study" / "results").iterdir())[0].startswith("compare-baseline")


def test_each_commented_line_of_a_new_study_works(tmp_path: Path) -> None:
    """Taking away the comment sign of any example gives a file that loads."""
    for path in new_study(tmp_path)[1:]:
        text = path.read_text(encoding="utf-8")
        assert len({load_scenario(path).content_hash(), load_scenario("baseline_2024").content_hash()}) == 2
        for line in re.findall(r"^ *# +[\w]+: .*$", text, re.M):
            if line.startswith(("# Check", "# One")):
                continue
            shown = text.replace(line, re.sub(r"^( *)# ", r"\1", line))
            shown = shown.replace("# parameters:", "parameters:").replace("#   b_tension", "  b_tension")
            assert said(write(tmp_path, shown, "tried.yaml")) == [], line
            (tmp_path / "tried.yaml").unlink()


def test_a_new_study_is_never_laid_over_another(tmp_path: Path, stabsim) -> None:
    new_study(tmp_path / "study")
    code, _, error = stabsim("new", tmp_path / "study")
    assert (code, "is not empty" in error) == (2, True)
    shutil.rmtree(tmp_path / "study")
    code, shown, _ = stabsim("new", tmp_path / "study")
    assert (code, shown.splitlines()[-1]) == (0, f"Read {tmp_path / 'study' / 'README.md'} first: it says what to run.")


# --- sizes ---


def test_sizes_grow_with_the_job() -> None:
    base = prepare.size_of(20_000, 120, 64, 2)
    for more in ((1_000_000, 120, 64, 2), (20_000, 600, 64, 2), (20_000, 120, 640, 2)):
        other = prepare.size_of(*more)
        assert other.seconds > base.seconds
        assert (other.memory, other.disk) >= (base.memory, base.disk)
    assert prepare.size_of(20_000, 120, 64, 4).memory == 2 * base.memory
    assert (
        str(prepare.Size(1_400_000_000, 25_000_000, 7300.0)) == "about 1.4 GB of memory, 25.0 MB on disk and 2.0 hours"
    )


def test_threads_beyond_the_processors_do_not_help(monkeypatch) -> None:
    monkeypatch.setattr(prepare, "available_workers", lambda: 4)
    alone, two, eight = (prepare.size_of(10_000_000, 120, 8, 2, threads).seconds for threads in (1, 2, 8))
    assert alone > two == eight


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"replications": 50_000, "citizens": "all"}, "would take too long; got about .* days; allowed 2.0 days"),
        ({"citizens": "all", "workers": 500}, "would not fit into memory; got about .* GB .*; allowed .* GB free"),
    ],
)
def test_what_cannot_run_is_refused_with_its_size(settings: dict[str, Any], words: str, monkeypatch) -> None:
    monkeypatch.setattr(prepare, "_free_memory", lambda: 8 * 10**9)
    asked = {"workers": 2} | settings
    monkeypatch.setattr(prepare, "build_plan", lambda specs, **given: given)
    with pytest.raises(InputError, match=f"citizens, {asked['workers']} workers: {words} .*--force ignores this"):
        prepare.prepare("run", ["baseline_2024"], Settings.of("run", **asked))
    assert prepare.prepare("run", ["baseline_2024"], Settings.of("run", **asked, force=True)).size.memory > 10**9
