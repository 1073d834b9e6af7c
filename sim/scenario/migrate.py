"""Bring a scenario file of an older format up to date; comments, order and quotes stay.

Format 1 is the first there has been, so `STEPS` is empty. A change of the format that would break files adds one
step: a function that changes the document of version n into one of version n + 1 and says what it did.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sim.errors import Problem, ScenarioError
from sim.scenario.schema import FORMAT, problem_at, shown
from sim.scenario.text import Node, parse, read_source

Step = Callable[[Any], list[str]]
STEPS: dict[int, Step] = {}
"""By version n: changes a round-trip document of version n into one of n + 1; returns what changed, a line each."""


@dataclass(frozen=True)
class Migration:
    """A file brought up to date: version before, new text, and what changed (empty: it was up to date)."""

    file: Path
    before: int
    text: str
    changes: tuple[str, ...]


def format_problem(root: Node) -> Problem | None:
    """Return why the format of a file cannot be read by this version; None if it can, or is no whole number."""
    node = root.value.get("format")
    if node is None:
        hint = "the first line of every scenario file"
        return problem_at(root, ("format",), "is missing", allowed=f"format: {FORMAT}", hint=hint)
    version = node.value
    if not isinstance(version, int) or isinstance(version, bool) or version == FORMAT:
        return None
    what, hint = "is a format that never was", ""
    if version > FORMAT:
        what, hint = "cannot be read by this version", "written for a newer stabsim"
    elif _reaches(version):
        what, hint = "is an older format", "run: stabsim migrate FILE --write"
    return problem_at(root, ("format",), what, got=shown(version), allowed=str(FORMAT), hint=hint)


def migrate_file(path: Path) -> Migration:
    """Return a scenario file in the current format; nothing is written.

    Raises
    ------
    ScenarioError
        If the file cannot be read safely, has no format, or one that no step leads on from.
    """
    source = read_source(path)
    if isinstance(source, Problem):
        raise ScenarioError(source)
    parsed = parse(source.text, str(path))
    if parsed.problems or parsed.root is None or not isinstance(parsed.root.value, dict):
        raise ScenarioError(parsed.problems or Problem("is not a scenario file", file=str(path)))
    problem, version = format_problem(parsed.root), parsed.root.plain().get("format")
    if isinstance(version, int) and not isinstance(version, bool) and _reaches(version):
        return _stepped(path, source.text, version)
    raise ScenarioError(
        problem
        or problem_at(parsed.root, ("format",), "must be a whole number", got=shown(version), allowed=str(FORMAT))
    )


def write_migrated(done: Migration) -> None:
    """Replace the file by its new text, at once and with the same permissions."""
    temporary = done.file.with_name(f".{done.file.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(done.text, encoding="utf-8", newline="")
        temporary.chmod(done.file.stat().st_mode & 0o7777)
        temporary.replace(done.file)
    finally:
        temporary.unlink(missing_ok=True)


def _reaches(version: int) -> bool:
    return -1 < version <= FORMAT and all(number in STEPS for number in range(version, FORMAT))


def _stepped(path: Path, text: str, version: int) -> Migration:
    changes: list[str] = []
    if version == FORMAT:
        return Migration(path, version, text, ())
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 10_000
    document = yaml.load(text)
    for number in range(version, FORMAT):
        changes += STEPS[number](document)
        document["format"] = number + 1
        changes.append(f"format: {number} is now {number + 1}")
    stream = io.StringIO()
    yaml.dump(document, stream)
    return Migration(path, version, stream.getvalue(), tuple(changes))
