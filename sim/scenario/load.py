"""Load a scenario: read its layers, resolve them, and list everything wrong at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sim.errors import Problem, ScenarioError
from sim.scenario.layers import Layers, find_scenario, read_layers, spec_of
from sim.scenario.packages import expand
from sim.scenario.records import Scenario
from sim.scenario.resolve import RegionCache, Resolver
from sim.scenario.shape import MAX_PROBLEMS, meant


def load_scenario(path_or_name: str | Path, set_: Sequence[str] = (), regions: RegionCache | None = None) -> Scenario:
    """Load a scenario file or a shipped scenario.

    Parameters
    ----------
    path_or_name : str or Path
        A file, or the name of a shipped scenario such as ``baseline_2024``.
    set_ : sequence of str
        Overrides such as ``interventions.police.intensity=0.5``; they win over the file and its parents.
    regions : dict, optional
        Regions already loaded; hand the same one over when loading many scenarios.

    Returns
    -------
    Scenario
        Resolved; its ``warnings`` hold what is allowed but worth a second look.

    Raises
    ------
    ScenarioError
        With every problem of every file read.
    """
    scenario, problems = _load(path_or_name, set_, {} if regions is None else regions)
    if scenario is None:
        raise ScenarioError(problems)
    return scenario


def validate_file(
    path: str | Path, set_: Sequence[str] = (), regions: RegionCache | None = None
) -> tuple[list[Problem], list[Problem]]:
    """Check a scenario file without raising.

    Parameters
    ----------
    path, set_
        As in `load_scenario`.
    regions : dict, optional
        Regions already loaded; hand the same one over when checking many files.

    Returns
    -------
    tuple of two lists of Problem
        What is wrong (empty when the file can be used) and what is worth a second look.
    """
    scenario, problems = _load(path, set_, {} if regions is None else regions)
    return problems, list(scenario.warnings) if scenario else []


def _load(name: str | Path, set_: Sequence[str], regions: RegionCache) -> tuple[Scenario | None, list[Problem]]:
    path = find_scenario(name)
    return resolve_layers(scenario_key(path), read_layers(path, set_), regions)


def resolve_layers(key: str, layers: Layers, regions: RegionCache) -> tuple[Scenario | None, list[Problem]]:
    """Resolve merged layers; no scenario when anything is wrong."""
    problems = list(layers.problems)
    scenario = None
    if layers.root is not None:
        guessed = {key for problem in problems if (key := meant(problem))}
        damaged = frozenset({problem.key for problem in problems if problem.key} | guessed)
        complete = layers.complete and "extends" not in guessed
        packages = expand(layers.root)
        problems += packages.problems
        resolver = Resolver(key, packages.root, spec_of(packages.root), packages, damaged, complete, regions)
        scenario = resolver.resolve(layers.files)
        problems += resolver.problems
    return (None if problems else scenario), _few(_in_order(problems))


def _few(problems: list[Problem]) -> list[Problem]:
    """Cut a very long list short and say so."""
    if len(problems) < MAX_PROBLEMS:
        return problems
    more = Problem("has too many problems to list them all", file=problems[0].file, hint="mend these and check again")
    return [*problems[:MAX_PROBLEMS], more]


def _in_order(problems: list[Problem]) -> list[Problem]:
    """Sort problems by their place, files in the order they first occur."""
    files = list(dict.fromkeys(problem.file for problem in problems))
    return sorted(problems, key=lambda problem: (files.index(problem.file), problem.line or 0, problem.column or 0))


def scenario_key(path: Path) -> str:
    """Return the file's name as a key: letters, digits, dot, dash and underscore."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem).lstrip(".-") or "scenario"
