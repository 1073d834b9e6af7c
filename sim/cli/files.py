"""Commands about files: ``validate``, ``diff``, ``schema``, ``new``, ``examples``."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.command import app
from sim.cli.command import examples as with_examples
from sim.cli.options import Overrides
from sim.cli.output import cell, complain, print_lines, print_table, say
from sim.errors import InputError, Problem, nearest

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from sim.scenario.explain import Difference, Differences, Side

SCHEMAS = {
    "scenario": "sim.scenario.schema:scenario_schema",
    "region": "sim.region.schema:region_schema",
    "experiment": "sim.experiment.experiment_file:experiment_schema",
}
"""What ``stabsim schema`` can print: the function that makes each."""


@app.command(epilog=with_examples("validate scenarios", "validate my_study/measure.yaml --explain"))
def validate(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Scenario and experiment files, region folders, or folders of them."),
    ],
    set_: Overrides = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Print each scenario resolved, with where every value came from."),
    ] = False,
    evidence: Annotated[
        bool,
        typer.Option("--evidence", help="With --explain: also sources, and the parameters that are not set."),
    ] = False,
) -> int:
    """Check scenario files and regions. Lists every problem as file:line:column."""
    if evidence and not explain:
        raise InputError("validate: --evidence belongs to --explain")
    wrong, files = 0, 0
    regions: dict[Any, Any] = {}
    for path in paths:
        for item in _checkable(path):
            errors, warnings = _check(item, set_ or [], regions)
            for problem in errors:
                complain(str(problem))
            for problem in warnings:
                complain(f"warning: {problem}")
            files, wrong = files + 1, wrong + bool(errors)
            if explain and not errors and not _is_folder(item) and not _is_experiment(item):
                from sim.scenario import load_scenario, resolved_yaml

                print_lines(resolved_yaml(load_scenario(item, set_ or []), explain=True, evidence=evidence))
    if wrong:
        complain(f"{wrong} of {files} cannot be used")
        return InputError.exit_code
    if not explain:
        say(f"{files} checked, no problem")
    return 0


@app.command(
    epilog=with_examples(
        "diff baseline_2024 police_capacity", "diff my_study/baseline.yaml my_study/measure.yaml --json"
    )
)
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A scenario file, or the name of a shipped scenario.")],
    b: Annotated[str, typer.Argument(metavar="B", help="What it is compared with.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
) -> None:
    """Show what two scenarios differ in. Everything inherited is filled in first."""
    from sim.scenario import differences, load_scenario

    problems: list[Problem] = []
    loaded: list[Scenario] = []
    for name in (a, b):
        try:
            loaded.append(load_scenario(name))
        except InputError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise InputError(problems)
    found = differences(*loaded)
    if as_json:
        typer.echo(json.dumps(_as_json(loaded, found), indent=1, ensure_ascii=False))
        return
    names = [item.key for item in loaded] if loaded[0].key != loaded[1].key else [a, b]
    if found.found:
        count = len(found.found)
        _print_differences(f"{count} difference{'s' * (count > 1)}", names, found.found)
    print_lines(_verdict(found))


@app.command(epilog=with_examples("new my_study"))
def new(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or an empty folder.")]) -> None:
    """Start a study: a folder with commented scenarios to edit."""
    from sim.scenario import new_study

    files = new_study(folder)
    for path in files:
        say(f"wrote {path}")
    say(f"Read {files[0]} first: it says what to run.")


@app.command(epilog=with_examples("examples shipped"))
def examples(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or an empty folder.")]) -> None:
    """Copy shipped scenarios, regions and experiments into a folder."""
    from sim.scenario import copy_examples

    count = len(copy_examples(folder))
    say(f"copied {count} scenarios and folders to {folder}")


@app.command(epilog=with_examples("schema scenario", "schema experiment"))
def schema(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"{', '.join(SCHEMAS)}.")] = "scenario",
) -> None:
    """Print the JSON Schema of a kind of file, for editors."""
    if kind not in SCHEMAS:
        hint = nearest(kind, SCHEMAS)
        raise InputError(Problem("no such schema", key="schema", got=kind, allowed=", ".join(SCHEMAS), hint=hint))
    module, _, name = SCHEMAS[kind].partition(":")
    typer.echo(json.dumps(getattr(import_module(module), name)(), indent=2, ensure_ascii=False))


def _checkable(path: Path) -> list[Path]:
    """Scenario files and region folders at a path; folders are searched, hidden parts left out."""
    if not _is_folder(path):
        return [path]
    if (path / "region.toml").is_file():
        return [path]
    found = [item for item in sorted(path.rglob("*.yaml")) if not _hidden(item.relative_to(path))]
    found += [item.parent for item in sorted(path.rglob("region.toml")) if not _hidden(item.relative_to(path))]
    if not found:
        raise InputError(Problem("no scenario file and no region below this folder", file=str(path)))
    return found


def _is_folder(path: Path) -> bool:
    """Say whether a path leads to a folder; False for a path nothing can have."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_experiment(path: Path) -> bool:
    """Say whether a file is meant as an experiment: by its name, or by keys that no scenario has."""
    if path.name == "experiment.yaml":
        return True
    from sim.scenario.text import parse, read_source

    source = read_source(path)
    if isinstance(source, Problem):
        return False
    root = parse(source.text, str(path)).root
    return root is not None and isinstance(root.value, dict) and not {"design", "scenarios"}.isdisjoint(root.value)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _check(path: Path, set_: list[str], regions: dict[Any, Any]) -> tuple[list[Problem], list[Problem]]:
    if _is_folder(path):
        from sim.region import check_region

        return check_region(path)
    if _is_experiment(path):
        from sim.experiment import validate_experiment

        return validate_experiment(path)
    from sim.scenario import validate_file

    return validate_file(path, set_, regions=regions)


def _print_differences(title: str, names: list[str], found: tuple[Difference, ...]) -> None:
    print_table(
        title,
        ["what", *names, "unit", *(f"from, in {name}" for name in names)],
        [[item.key, _told(item.a), _told(item.b), item.unit, item.a.origin, item.b.origin] for item in found],
    )


def _told(side: Side) -> str:
    if side.value is None:
        return "not set" if side.origin else "-"
    return _plain(side.value)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        rest = (f"{name} {_plain(item)}" for name, item in value.items() if name not in ("type", "name"))
        return ", ".join(
            (" ".join(str(value[name]) for name in ("type", "name") if name in value), *rest)
        ).removeprefix(", ")
    return " ".join(map(str, value)) if isinstance(value, list) else cell(value)


def _verdict(found: Differences) -> str:
    words = " and ".join(item.key for item in found.words)
    if found.same:
        return "The same simulation" + (f"; only {words} differ." if words else ".")
    if not found.found:
        return "No value differs, but one writes out what the other leaves at its default: their runs are kept apart."
    return f"Also different, without effect: {words}." if words else "Nothing else differs."


def _as_json(loaded: list[Scenario], found: Differences) -> dict[str, Any]:
    sides = {
        name: {"key": item.key, "title": item.title, "sha256": item.content_hash()}
        for name, item in zip(("a", "b"), loaded, strict=True)
    }
    return {
        **sides,
        "same": found.same,
        "differences": [_row(item) for item in found.found],
        "without_effect": [_row(item) for item in found.words],
    }


def _row(item: Difference) -> dict[str, Any]:
    sides = {"a": item.a.value, "b": item.b.value, "a_from": item.a.origin, "b_from": item.b.origin}
    return {"key": item.key, "unit": item.unit, **sides}
