"""Layers of a scenario: a file, what it extends, and ``--set``; merged with written precedence.

Furthest parent first, then the file, then ``--set``: the later wins. Mappings merge key by key, lists and values
are replaced, ``null`` clears; titles and descriptions are not inherited.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sim.errors import Problem, nearest
from sim.parameters import CATALOGUE as PARAMETERS
from sim.region.files import is_file, shipped_root
from sim.region.slips import pair_hint
from sim.scenario.migrate import format_problem
from sim.scenario.schema import FORMAT, ScenarioFile, dotted, problem_at, shown
from sim.scenario.shape import check_shape
from sim.scenario.text import Mark, Node, parse, read_source

MAX_PARENTS = 8
SUFFIXES = ("", ".yaml", ".yml")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")
_PATH = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*\Z")
LABELLED = {
    "interventions": "type",
    "shocks": "type",
    "define": "channels",
    "packages": "interventions",
    "budgets": "members",
}
"""Sections of things under labels of one's own, and the key without which there is no new one."""
_REMOVABLE = (*LABELLED, "parameters", "theories")
SET = "--set"


@dataclass(frozen=True)
class Layers:
    """The merged tree (None if nothing was read), what is wrong so far, whether all parents were read.

    ``files`` holds the sha256 of every file as it was read, by its name.
    """

    root: Node | None
    problems: list[Problem]
    complete: bool
    files: dict[str, str]


def shipped_scenarios() -> list[str]:
    """Return the names of the shipped scenarios."""
    return sorted(_shipped())


def _shipped() -> dict[str, Path]:
    """Shipped scenarios by name: those at the root, and one folder down by theme."""
    root = shipped_root()
    return {path.stem: path for pattern in ("*/*.yaml", "*.yaml") for path in root.glob(pattern)}


def find_scenario(name: str | Path) -> Path:
    """Return the file of a path or of a shipped name; a path that does not exist comes back as it is."""
    path = Path(name)
    if not is_file(path) and _NAME.match(str(name)):
        return _shipped().get(str(name), path)
    return path


def read_layers(path: Path, set_: Sequence[str] = ()) -> Layers:
    """Read a file, all it extends and the overrides; merge them."""
    problems: list[Problem] = []
    hashes: dict[str, str] = {}
    roots, complete = _chain(path, hashes, problems)
    overrides = _overrides(set_, problems)
    merged: Node | None = None
    for root in roots:
        merged = _laid_over(merged, root, problems)
    if overrides is not None:
        known = merged or Node({}, Mark(str(path)))
        merged = _laid_over(merged, _without_strangers(overrides, known, path.name, problems), problems)
    return Layers(merged, problems, complete, hashes)


def _laid_over(merged: Node | None, root: Node, problems: list[Problem]) -> Node:
    found, root = _checked(root)
    problems += found
    return root if merged is None else _merge(merged, root, (), problems)


def _chain(path: Path, hashes: dict[str, str], problems: list[Problem]) -> tuple[list[Node], bool]:
    """Read a file and its parents; return their roots, furthest parent first, and whether none is missing.

    Titles and descriptions are not inherited: they belong to the file they stand in.
    """
    roots: list[Node] = []
    files: list[Path] = []
    current: Path | None = path
    while current is not None:
        files.append(current)
        root = _read(current, hashes, problems)
        if root is None:
            break
        if roots:
            for name in ("title", "description"):
                root.value.pop(name, None)
        roots.insert(0, root)
        current = _parent(root, current, files, problems)
    unread = roots[0].value.get("extends") if roots else None
    return roots, bool(roots) and (unread is None or unread.value is None)


def _read(path: Path, hashes: dict[str, str], problems: list[Problem]) -> Node | None:
    source = read_source(path)
    if isinstance(source, Problem):
        if source.what == "does not exist":
            source = replace(source, hint=nearest(path.stem, shipped_scenarios()))
        problems.append(source)
        return None
    hashes[path.name] = source.sha256
    parsed = parse(source.text, str(path))
    problems += parsed.problems
    if parsed.root is None or not isinstance(parsed.root.value, dict):
        if not parsed.problems:
            problems.append(_no_mapping(parsed.root, path))
        return None
    problem = format_problem(parsed.root)
    if problem is not None:
        problems.append(problem)
    return parsed.root if problem is None or "format" not in parsed.root.value else None


def _no_mapping(root: Node | None, path: Path) -> Problem:
    """Say what a file holds that holds no keys and values."""
    allowed = f"lines of key: value, the first one format: {FORMAT}"
    if root is None or root.value is None:
        return Problem("is empty", file=str(path), line=1, column=1, allowed=allowed)
    hint = pair_hint(root.value) if isinstance(root.value, str) else ""
    return problem_at(root, (), "must be a mapping", got=shown(root.value), allowed=allowed, hint=hint)


def _parent(root: Node, path: Path, files: list[Path], problems: list[Problem]) -> Path | None:
    """Return the file that ``extends`` names: beside this one, else shipped; never anywhere else."""
    node = root.value.get("extends")
    if node is None or not isinstance(node.value, str) or not node.value:
        return None
    name = node.value
    if not _NAME.match(name):
        problems.append(
            problem_at(
                root,
                ("extends",),
                "is not the name of a scenario",
                got=shown(name),
                allowed="a file beside this one, or a shipped scenario",
                hint="the name alone, without folders" if "/" in name or "\\" in name else "",
            )
        )
        return None
    beside = [path.parent / f"{name}{suffix}" for suffix in SUFFIXES]
    shipped = find_scenario(name.removesuffix(".yaml"))
    parent = next(
        (file for file in [*beside, shipped] if is_file(file) or (file.suffix and os.path.lexists(file))), None
    )
    if parent is None:
        near = [file.stem for file in sorted(path.parent.glob("*.y*ml"))] + shipped_scenarios()
        problems.append(
            problem_at(
                root,
                ("extends",),
                "there is no such scenario",
                got=shown(name),
                allowed="a file beside this one, or a shipped scenario",
                hint=nearest(name, near),
            )
        )
        return None
    if any(_same(parent, file) for file in files):
        names = " -> ".join(file.name for file in [*files, parent])
        problems.append(problem_at(root, ("extends",), "extends itself", got=names))
        return None
    if len(files) > MAX_PARENTS:
        problems.append(
            problem_at(root, ("extends",), "too many scenarios extend each other", allowed=f"at most {MAX_PARENTS}")
        )
        return None
    return parent


def _same(a: Path, b: Path) -> bool:
    return a.absolute() == b.absolute() or (a.exists() and b.exists() and a.samefile(b))


def _overrides(set_: Sequence[str], problems: list[Problem]) -> Node | None:
    """Turn ``--set a.b.c=value`` into one layer; the same key twice is refused."""
    if not set_:
        return None
    root = Node({}, Mark(SET))
    seen: dict[str, str] = {}
    for number, item in enumerate(set_, start=1):
        place = f"{SET} {number}"
        path, equals, text = item.partition("=")
        path = path.strip()
        if not equals or not _PATH.match(path):
            hint = "a list is set as a whole, such as a.states=[BIH, XKX]" if "[" in path else ""
            problems.append(
                Problem("is not an override", file=place, got=shown(item), allowed="key.path=value", hint=hint)
            )
            continue
        clash = next(
            (other for other in seen if f"{path}.".startswith(f"{other}.") or other.startswith(f"{path}.")), ""
        )
        if clash:
            problems.append(Problem("is set twice", file=place, key=path, hint=f"also by {seen[clash]}: {clash}"))
            continue
        seen[path] = place
        parts = path.split(".")
        if parts[0] in ("extends", "format"):
            problems.append(Problem("cannot be set here", file=place, key=path, hint="write it in the file"))
            continue
        parsed = parse(text, place, placed=False)
        problems += [
            Problem(p.what, file=place, key=path, got=p.got or shown(text), allowed=p.allowed, hint=p.hint)
            for p in parsed.problems
        ]
        if not parsed.problems:
            _put(root, parts, parsed.root or Node(None, Mark(place)), Mark(place))
    return root


def _without_strangers(overrides: Node, known: Node, name: str, problems: list[Problem]) -> Node:
    """Return the overrides without those of programmes and shocks that do not exist, after saying so."""
    labels = {section: _labels(known, section) for section in LABELLED}
    for key, node in list(overrides.value.items()):
        path = ".".join([key, *_first_path(node)])
        homes = [section for section in LABELLED if key in labels[section]] + ["parameters"] * (key in PARAMETERS)
        if key not in ScenarioFile.model_fields and homes:
            hint = f"did you mean '{homes[0]}.{path}'?"
            problems.append(problem_at(overrides, (key,), "unknown key", at=path, hint=hint))
            overrides = _without(overrides, (key,))
        for label, item in list(node.value.items()) if key in LABELLED and isinstance(node.value, dict) else []:
            if label not in labels[key] and isinstance(item.value, dict) and LABELLED[key] not in item.value:
                problems.append(
                    problem_at(
                        overrides,
                        (key, label),
                        f"there is none of this name in {name}",
                        allowed=", ".join(labels[key]) or f"a new one, with its {LABELLED[key]}",
                        hint=nearest(label, labels[key]),
                    )
                )
                overrides = _without(overrides, (key, label))
    return overrides


def _labels(root: Node, section: str) -> list[str]:
    """Return the labels of the programmes or shocks of a merged tree."""
    node = root.value.get(section)
    if node is None or not isinstance(node.value, dict):
        return []
    return [label for label, item in node.value.items() if item.value is not None]


def _first_path(node: Node) -> list[str]:
    """Return the keys that lead to the first value of a tree."""
    found = []
    while isinstance(node.value, dict) and node.value:
        key, node = next(iter(node.value.items()))
        found.append(key)
    return found


def _put(root: Node, parts: list[str], value: Node, mark: Mark) -> None:
    """Set a value in a tree, making the mappings on the way."""
    for part in parts[:-1]:
        if part not in root.value:
            root.value[part], root.keys[part] = Node({}, mark), mark
        root = root.value[part]
    root.value[parts[-1]], root.keys[parts[-1]] = value, mark


def _checked(root: Node) -> tuple[list[Problem], Node]:
    """Check the shape of a layer; return what is wrong and the layer without it, so checking can go on."""
    problems: list[Problem] = []
    for _ in range(4):
        found, paths = check_shape(root)
        problems += found
        if not found:
            break
        for path in paths:
            root = _without(root, path)
    return problems, root


def _without(root: Node, path: tuple[Any, ...]) -> Node:
    """Return the tree without what stands at ``path`` (a list with a bad item goes as a whole)."""
    if not path or not isinstance(root.value, dict) or path[0] not in root.value:
        return root
    made = Node(dict(root.value), root.mark)
    made.keys = dict(root.keys)
    if len(path) == 1 or isinstance(path[1], int) or not isinstance(root.value[path[0]].value, dict):
        del made.value[path[0]]
    else:
        made.value[path[0]] = _without(root.value[path[0]], path[1:])
    return made


def _merge(parent: Node, child: Node, path: tuple[str, ...], problems: list[Problem]) -> Node:
    """Return the child laid over the parent."""
    if not isinstance(parent.value, dict) or not isinstance(child.value, dict):
        return child
    made = Node(dict(parent.value), child.mark)
    made.keys = dict(parent.keys)
    for key, node in child.value.items():
        inner = (*path, key)
        if node.value is None and path and path[-1] in _REMOVABLE and len(path) == 1 and key not in parent.value:
            hint = nearest(key, parent.value)
            problems.append(problem_at(child, (key,), "clears what is not there", hint=hint, at=dotted(inner)))
        known = made.value.get(key)
        made.value[key] = _merge(known, node, inner, problems) if known is not None else node
        made.keys[key] = child.keys[key]
    return made


def laid_over(root: Node, values: Mapping[str, Node], files: Mapping[str, str]) -> Layers:
    """Lay single values over a merged tree, each under its dotted key, as ``--set`` does."""
    over = Node({}, root.mark)
    problems: list[Problem] = []
    for key, node in values.items():
        _put(over, key.split("."), node, node.mark)
    return Layers(_laid_over(root, over, problems), problems, True, dict(files))


def spec_of(root: Node) -> ScenarioFile:
    """Return a checked tree as the typed file."""
    return ScenarioFile.model_validate(root.plain())
