"""The documentation agrees with the code: made pages, links, commands, names, evidence, how-tos."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

import sim
from sim.cli import app
from sim.interventions import catalogue, read_catalogue
from sim.interventions.catalogue import FOLDER
from sim.parameters import CATALOGUE
from sim.region import VARIABLES
from sim.region.schema import TABLES
from sim.scenario import load_scenario, shipped_scenarios, validate_file
from sim.types import SLOW_FIELDS
from sim.world.levers import LEVER_BY_NAME
from sim.world.outcomes import OUTCOME_NAMES, PLACE_OUTCOMES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *DOCS.glob("*.md"),
        *ROOT.glob("*.md"),
        ROOT / "results" / "README.md",
        ROOT / "experiments" / "README.md",
    ]
)
TAG = re.compile(r"(?<![\w.])(?:SF\d+|P\d+[a-k]?|[SMDFUW]\d+)(?!\w)")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(path), re.S | re.M)


def outside_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


# --- pages made from the code


@cache
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["parameters.md", "interventions.md", "shocks.md", "outcomes.md", "coverage.md"])
def test_made_pages_are_what_the_generator_writes(page: str) -> None:
    assert text_of(DOCS / page) == generator().PAGES[page](), "run: python docs/generate.py"


def test_made_pages_are_complete() -> None:
    assert set(generator().PAGES) == {"parameters.md", "interventions.md", "shocks.md", "outcomes.md", "coverage.md"}
    shown = {name: text_of(DOCS / name) for name in generator().PAGES}
    assert all(f"`{name}`" in shown["parameters.md"] for name in CATALOGUE)
    assert all(f"### {e.row} {e.key}" in shown["interventions.md"] for e in catalogue().interventions.values())
    assert all(f"## {key}\n" in shown["shocks.md"] for key in catalogue().shocks)
    assert all(f"`{name}`" in shown["outcomes.md"] for name in (*OUTCOME_NAMES, *PLACE_OUTCOMES, *LEVER_BY_NAME))


# --- links


def slugs(path: Path) -> set[str]:
    """Anchors of a page, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", outside_blocks(text_of(path)), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", outside_blocks(text_of(page))):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), f"{name_of(page)}: no {target}"
        if anchor:
            assert anchor in slugs(found), f"{name_of(page)}: no {target}"


def test_every_page_is_in_the_index() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)", text_of(DOCS / "index.md")))
    assert linked == {path.name for path in DOCS.glob("*.md")} - {"index.md"}


# --- commands


def commands() -> list[tuple[str, list[str]]]:
    found = []
    for page in PAGES:
        for block in blocks(page, "bash"):
            lines = re.sub(r"<<'END'.*?^END$", "", block, flags=re.S | re.M).replace("\\\n", " ").splitlines()
            for line in lines:
                for part in line.split("&&"):
                    words = shlex.split(part, comments=True)
                    if words and Path(words[0]).name == "stabsim":
                        found.append((f"{name_of(page)}: {part.strip()}", words[1:]))
    return found


COMMANDS = commands()


@pytest.mark.parametrize("arguments", [words for _, words in COMMANDS], ids=[label for label, _ in COMMANDS])
def test_commands_parse_and_name_what_exists(arguments: list[str]) -> None:
    command, *words = arguments
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert command in known, f"no command {command}"
    given = known[command].make_context(command, words).params
    scenarios = given.get("scenarios") or ([given["scenario"]] if given.get("scenario") else [])
    for scenario in scenarios:
        assert scenario.endswith(".yaml") or scenario in shipped_scenarios()
        if scenario in shipped_scenarios():
            load_scenario(scenario, given["set_"] or [])


def test_commands_are_found_and_wrong_ones_refused() -> None:
    assert len(COMMANDS) >= 15
    with pytest.raises(Exception, match="No such option"):
        test_commands_parse_and_name_what_exists(["run", "baseline_2024", "--no-such-option"])
    with pytest.raises(AssertionError, match="no command"):
        test_commands_parse_and_name_what_exists(["no_such_command"])


# --- names in the description of the model


def known_names() -> set[str]:
    keys = {entry.key for entry in catalogue().interventions.values()} | set(catalogue().shocks)
    columns = {column for schema in TABLES.values() for column in schema.columns}
    return {
        *CATALOGUE,
        *LEVER_BY_NAME,
        *OUTCOME_NAMES,
        *PLACE_OUTCOMES,
        *SLOW_FIELDS,
        *VARIABLES,
        *keys,
        *columns,
    }


def symbols() -> set[str]:
    """First column of the table of symbols."""
    table = text_of(DOCS / "model.md").split("## Symbols")[1].split("\n## ")[0]
    return {name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)}


def equations() -> list[str]:
    """Indented blocks."""
    return re.findall(r"(?:^    .*\n)+", text_of(DOCS / "model.md"), re.M)


SCENARIO_KEYS = {"meur_per_year"}


def test_names_in_backticks_exist() -> None:
    named = re.findall(r"`([a-z][a-z0-9_]*)`", text_of(DOCS / "model.md"))
    assert len(named) > 100
    assert set(named) - known_names() - symbols() - SCENARIO_KEYS == set()


def test_names_in_equations_exist() -> None:
    """A parameter, lever, outcome or variable; or a symbol, or what an equation defines, with an index."""
    text = "\n".join(equations())
    defined = set(re.findall(r"^ +([A-Za-z]\w*)(?: of .*?)? +(?:=|~|<-)", text, re.M))
    defined |= {name for line in re.findall(r"^ +([\w, ]+?) +=", text, re.M) for name in line.split(", ")}
    bare = {re.sub(r"(_[cdgsi0])+$", "", name) for name in symbols() | defined}
    unknown = set()
    for name in set(re.findall(r"[A-Za-z]\w*_\w+", text)) - known_names() - defined:
        stem = re.sub(r"(_(?:[cdgsi]|ref|bar))+$", "", name)
        levers = stem.startswith("rate_") and stem.removeprefix("rate_") in LEVER_BY_NAME
        if not (stem in bare | known_names() or levers):
            unknown.add(name)
    assert unknown == set()


def test_every_parameter_is_in_the_description_of_the_model() -> None:
    text = text_of(DOCS / "model.md")
    assert [name for name in CATALOGUE if not re.search(rf"\b{name}\b", text)] == []


def test_bounds_of_the_index_are_those_of_the_code() -> None:
    from sim.world.recorder import COPING_BOUNDS, PRESSURE_BOUNDS, WEAKNESS_BOUNDS

    table = text_of(DOCS / "model.md").split("| group | part | 0 at | 1 at |")[1].split("\n\n")[0]
    rows = re.findall(r"\| ([\d.]+) \| ([\d.]+) \|$", table, re.M)
    bounds = [*PRESSURE_BOUNDS.values(), *WEAKNESS_BOUNDS.values(), *COPING_BOUNDS.values()]
    assert [(float(low), float(high)) for low, high in rows] == bounds


def test_every_field_has_its_anchor_in_the_table() -> None:
    table = text_of(DOCS / "model.md").split("| field | anchor |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| ([\w ]+) \|", table, re.M)
    others = [
        "tension",
        "memory of war",
        "legitimacy",
        "unemployment",
        "exclusion",
        "extremism",
        "crime",
        "influence",
    ]
    assert rows == [*others, "cyber", "energy", "dispute", *SLOW_FIELDS]


def test_the_notebook_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell, with a smaller comparison; no cell keeps numbers of some version."""
    from matplotlib import pyplot

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sim.api.reporting.draw", lambda figures, folder=None: [])
    cells = [c for c in json.loads(text_of(DOCS / "reading-results.ipynb"))["cells"] if c["cell_type"] == "code"]
    assert all(cell["outputs"] == [] for cell in cells)
    code = "\n".join("".join(cell["source"]) for cell in cells)
    small = code.replace("replications=8, months=24", "replications=2, months=6, workers=1")
    assert small != code
    names: dict[str, Any] = {}
    exec(compile(small, "notebook", "exec"), names)
    pyplot.close("all")
    assert names["result"].tally.done == 4
    assert len(names["difference"]) == 2


# --- evidence


def sources() -> list[str]:
    found = [parameter.source for parameter in CATALOGUE.values()]
    for entry in (*catalogue().interventions.values(), *catalogue().shocks.values()):
        found += [entry.evidence, *(channel.evidence for channel in entry.channels)]
    return found


def rows_of_evidence() -> set[str]:
    return set(re.findall(r"^\| ([^|]+?) \|", text_of(DOCS / "evidence.md"), re.M))


def test_every_source_of_the_code_has_a_row() -> None:
    words = {word.strip() for source in sources() for word in source.split(",")}
    assert len(words) > 60
    assert words - rows_of_evidence() == set()


def test_every_row_named_in_the_documentation_exists() -> None:
    of_requirements = {DOCS / "coverage.md", DOCS / "processes.md"}
    for page in sorted({*DOCS.glob("*.md")} - of_requirements):
        named = set(TAG.findall(outside_blocks(text_of(page))))
        assert named - rows_of_evidence() == set(), page.name


def test_rows_are_given_once() -> None:
    tags = [row for row in re.findall(r"^\| ([^|]+?) \|", text_of(DOCS / "evidence.md"), re.M) if TAG.fullmatch(row)]
    assert len(tags) == len(set(tags)) > 60


# --- how-tos work when followed


def test_the_new_intervention_of_the_how_to_is_good(tmp_path: Path) -> None:
    entry, scenario = blocks(DOCS / "add-an-intervention.md", "yaml")
    folder = shutil.copytree(FOLDER, tmp_path / "catalogue")
    with (folder / "social.yaml").open("a", encoding="utf-8") as file:
        file.write(f"\n{entry}")
    made = read_catalogue(folder)
    assert set(made.interventions) - set(catalogue().interventions) == {"I38"}
    assert all(channel.text for channel in made.interventions["I38"].channels)
    known = scenario.replace("youth_centres", "dialogue_forums")
    assert known != scenario
    (tmp_path / "centres.yaml").write_text(known, encoding="utf-8")
    assert validate_file(tmp_path / "centres.yaml") == ([], [])


def test_the_new_region_of_the_how_to_is_good(tmp_path: Path) -> None:
    """Every command is given as written, but the comparison at the end."""
    script = "\n".join(blocks(DOCS / "add-a-region.md", "bash"))
    shorter = re.sub(r"^stabsim compare .*$", "", script, flags=re.M)
    assert shorter != script
    start = f'set -e\nexport PYTHONPATH="{ROOT}"\nstabsim() {{ "{sys.executable}" -m sim.cli "$@"; }}\n'
    done = subprocess.run(["bash", "-c", start + shorter], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "3 checked, no problem" in done.stdout
    spec = load_scenario(tmp_path / "lakes" / "forums.yaml")
    assert Path(spec.region).name == "three_lakes"


def test_every_table_of_a_region_is_described() -> None:
    text = text_of(DOCS / "add-a-region.md")
    assert [name for name in TABLES if f"`{name}`" not in text] == []


# --- the rest


def test_citation_and_changelog_know_the_version() -> None:
    citation = YAML(typ="safe", pure=True).load(text_of(ROOT / "CITATION.cff"))
    assert citation["version"] == sim.__version__
    assert citation["authors"] == [{"name": "The stabsim team"}]
    assert sim.__version__ in text_of(ROOT / "CHANGELOG.md")


def test_tables_have_as_many_cells_as_heads() -> None:
    for page in PAGES:
        for table in re.findall(r"(?:^\|.*\n)+", outside_blocks(text_of(page)), re.M):
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(widths) == 1, f"{name_of(page)}: {table[:80]}"
