"""Commands about scenario files: ``validate``, ``new``, ``examples``, ``schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.cli.command import app
from sim.cli.output import complain, print_lines, say
from sim.errors import InputError, Problem


@app.command()
def validate(
    paths: Annotated[list[Path], typer.Argument(help="Scenario files, region folders, or folders of scenarios.")],
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Print each scenario resolved, with where every value came from."),
    ] = False,
) -> int:
    """Check scenario files and regions; list every problem as file:line:column."""
    wrong, files = 0, 0
    regions: dict[Any, Any] = {}
    for path in paths:
        for item in _checkable(path):
            errors, warnings = _check(item, regions)
            for problem in errors:
                complain(str(problem))
            for problem in warnings:
                complain(f"warning: {problem}")
            files, wrong = files + 1, wrong + bool(errors)
            if explain and not errors and not item.is_dir():
                from sim.scenario import load_scenario, resolved_yaml

                print_lines(resolved_yaml(load_scenario(item), explain=True))
    if wrong:
        complain(f"{wrong} of {files} cannot be used")
        return InputError.exit_code
    say(f"{files} checked, no problem")
    return 0


@app.command()
def new(folder: Annotated[Path, typer.Argument(help="A new or an empty folder.")]) -> None:
    """Start a study: a folder with commented scenarios to edit."""
    from sim.scenario import new_study

    for path in new_study(folder):
        say(f"wrote {path}")


@app.command()
def examples(folder: Annotated[Path, typer.Argument(help="A new or an empty folder.")]) -> None:
    """Copy the shipped scenarios and regions into a folder."""
    from sim.scenario import copy_examples

    count = len(copy_examples(folder))
    say(f"copied {count} scenarios and folders to {folder}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from sim.scenario import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def _checkable(path: Path) -> list[Path]:
    """Scenario files and region folders at a path; folders are searched, hidden parts left out."""
    if not path.is_dir():
        return [path]
    if (path / "region.toml").is_file():
        return [path]
    found = [item for item in sorted(path.rglob("*.yaml")) if not _hidden(item.relative_to(path))]
    found += [item.parent for item in sorted(path.rglob("region.toml")) if not _hidden(item.relative_to(path))]
    if not found:
        raise InputError(Problem("no scenario file and no region below this folder", file=str(path)))
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _check(path: Path, regions: dict[Any, Any]) -> tuple[list[Problem], list[Problem]]:
    if path.is_dir():
        from sim.region import check_region

        return check_region(path)
    from sim.scenario import validate_file

    return validate_file(path, regions=regions)
