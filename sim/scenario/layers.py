"""Layers of a scenario: what it extends, the file, and ``--set``, merged into one tree; and its packages taken apart.

Precedence: furthest parent first, then the file, then ``--set``; the later wins. Mappings merge key by key, lists and
values are replaced, ``null`` clears; titles and descriptions are not inherited. In the merged tree, the common keys of
a package are laid under each of its members, so its members are programmes like all others: ``police`` in the package
``jobs`` is the programme ``jobs_police``. Every value keeps its place in the file, for messages and explanations; what
no layer says has its default in `sim.scenario.schema`, or the catalogue's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sim.errors import Problem
from sim.parameters import CATALOGUE as PARAMETERS
from sim.region.files import is_file, shipped_root
from sim.region.slips import pair_hint
from sim.scenario.hints import check_shape, near
from sim.scenario.schema import FORMAT, LABELLED, PackageFile, ScenarioFile
from sim.scenario.text import KeyPath, Mark, Node, dotted, parse, problem_at, read_source, shown

MAX_PARENTS = 8
SET = "--set"
_SUFFIXES = ("", ".yaml", ".yml")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")
_PATH = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*\Z")
_REMOVABLE = (*LABELLED, "parameters", "theories")
_PARENTS = "a file beside this one, or a shipped scenario"


@dataclass(frozen=True)
class Layers:
    """The merged tree (None if nothing was read), what is wrong so far, whether all parents were read.

    ``files`` holds the sha256 of every file as it was read, by its name.
    """

    root: Node | None
    problems: list[Problem]
    complete: bool = True
    files: dict[str, str] = field(default_factory=dict)


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
    files: dict[str, str] = {}
    roots, complete = _chain(path, files, problems)
    overrides = _overrides(set_, problems)
    merged: Node | None = None
    for root in roots:
        merged = _laid_over(merged, root, problems)
    if overrides is not None:
        known = merged or Node({}, Mark(str(path)))
        merged = _laid_over(merged, _without_strangers(overrides, known, path.name, problems), problems)
    return Layers(merged, problems, complete, files)


def laid_over(root: Node, values: Mapping[str, Node], files: Mapping[str, str]) -> Layers:
    """Lay single values over a merged tree, each under its dotted key, as ``--set`` does."""
    over = Node({}, root.mark)
    problems: list[Problem] = []
    for key, node in values.items():
        _put(over, key.split("."), node, node.mark)
    return Layers(_laid_over(root, over, problems), problems, True, dict(files))


# A file and its parents ----------------------------------------------------------------------------------------------


def _chain(path: Path, hashes: dict[str, str], problems: list[Problem]) -> tuple[list[Node], bool]:
    """Read a file and its parents; return their roots, furthest parent first, and whether none is missing."""
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
        hint = near(path.stem, shipped_scenarios()) if source.what == "does not exist" else source.hint
        problems.append(replace(source, hint=hint))
        return None
    hashes[path.name] = source.sha256
    parsed = parse(source.text, str(path))
    problems += parsed.problems
    root = parsed.root
    if root is None or not isinstance(root.value, dict):
        if not parsed.problems:
            problems.append(_no_mapping(root, path))
        return None
    version = root.value.get("format")
    if version is None:
        allowed, hint = f"format: {FORMAT}", "the first line of every scenario file"
        problems.append(problem_at(root, ("format",), "is missing", allowed=allowed, hint=hint))
    elif type(version.value) is int and version.value != FORMAT:
        newer = f"this version of stabsim reads format {FORMAT}; a newer version is needed"
        hint = newer if version.value > FORMAT else f"format {FORMAT} is the first there has been"
        what = "cannot be read by this version"
        problems.append(problem_at(root, ("format",), what, got=shown(version.value), allowed=str(FORMAT), hint=hint))
        return None
    return root


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
    name, parent = node.value, None
    said: dict[str, Any] = {"got": shown(name), "allowed": _PARENTS}
    if _NAME.match(name):
        beside = [path.parent / f"{name}{suffix}" for suffix in _SUFFIXES]
        parent = next(
            (
                file
                for file in [*beside, find_scenario(name.removesuffix(".yaml"))]
                if is_file(file) or (file.suffix and os.path.lexists(file))
            ),
            None,
        )
    if not _NAME.match(name):
        what = "is not the name of a scenario"
        said["hint"] = "the name alone, without folders" if "/" in name or "\\" in name else ""
    elif parent is None:
        what = "there is no such scenario"
        said["hint"] = near(name, [file.stem for file in sorted(path.parent.glob("*.y*ml"))] + shipped_scenarios())
    elif any(_same(parent, file) for file in files):
        what, said = "extends itself", {"got": " -> ".join(file.name for file in [*files, parent])}
    elif len(files) > MAX_PARENTS:
        what, said = "too many scenarios extend each other", {"allowed": f"at most {MAX_PARENTS}"}
    else:
        return parent
    problems.append(problem_at(root, ("extends",), what, **said))
    return None


def _same(a: Path, b: Path) -> bool:
    return a.absolute() == b.absolute() or (a.exists() and b.exists() and a.samefile(b))


# --set ---------------------------------------------------------------------------------------------------------------


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
            what = "is not an override"
            problems.append(Problem(what, file=place, got=shown(item), allowed="key.path=value", hint=hint))
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
        problems += [replace(problem, key=path, got=problem.got or shown(text)) for problem in parsed.problems]
        if not parsed.problems:
            _put(root, parts, parsed.root or Node(None, Mark(place)), Mark(place))
    return root


def _without_strangers(overrides: Node, known: Node, name: str, problems: list[Problem]) -> Node:
    """Return the overrides without those of programmes and shocks that do not exist, after saying so."""
    labels = {
        section: [label for label, item in known.items(section).items() if item.value is not None]
        for section in LABELLED
    }
    for key, node in list(overrides.value.items()):
        homes = [section for section in LABELLED if key in labels[section]] + ["parameters"] * (key in PARAMETERS)
        if key not in ScenarioFile.model_fields and homes:
            path = ".".join([key, *_first_path(node)])
            hint = f"did you mean '{homes[0]}.{path}'?" if len(homes) == 1 else ""
            problems.append(problem_at(overrides, (key,), "unknown key", at=path, hint=hint))
            overrides = _without(overrides, (key,))
        for label, item in list(overrides.items(key).items()) if key in LABELLED else []:
            if label not in labels[key] and isinstance(item.value, dict) and LABELLED[key] not in item.value:
                allowed = ", ".join(labels[key]) or f"a new one, with its {LABELLED[key]}"
                what, hint = f"there is none of this name in {name}", near(label, labels[key])
                problems.append(problem_at(overrides, (key, label), what, allowed=allowed, hint=hint))
                overrides = _without(overrides, (key, label))
    return overrides


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


# Merging -------------------------------------------------------------------------------------------------------------


def _laid_over(merged: Node | None, root: Node, problems: list[Problem]) -> Node:
    """Lay a layer over what is merged so far, without what its shape is wrong in."""
    for _ in range(4):
        found, paths = check_shape(root)
        problems += found
        for path in paths:
            root = _without(root, path)
        if not found:
            break
    return root if merged is None else _merge(merged, root, (), problems)


def _without(root: Node, path: KeyPath) -> Node:
    """Return the tree without what stands at ``path`` (a list with a bad item goes as a whole)."""
    if not path or not isinstance(root.value, dict) or path[0] not in root.value:
        return root
    made = root.copy()
    if len(path) == 1 or isinstance(path[1], int) or not isinstance(root.value[path[0]].value, dict):
        del made.value[path[0]]
    else:
        made.value[path[0]] = _without(root.value[path[0]], path[1:])
    return made


def _merge(parent: Node, child: Node, path: KeyPath, problems: list[Problem]) -> Node:
    """Return the child laid over the parent."""
    if not isinstance(parent.value, dict) or not isinstance(child.value, dict):
        return child
    made = Node(dict(parent.value), child.mark, dict(parent.keys))
    for key, node in child.value.items():
        inner = (*path, key)
        if node.value is None and len(path) == 1 and path[0] in _REMOVABLE and key not in parent.value:
            hint = near(key, parent.value)
            problems.append(problem_at(child, (key,), "clears what is not there", hint=hint, at=dotted(inner)))
        known = made.value.get(key)
        made.value[key] = _merge(known, node, inner, problems) if known is not None else node
        made.keys[key] = child.keys[key]
    return made


# Packages ------------------------------------------------------------------------------------------------------------

_COMMON = tuple(name for name in PackageFile.model_fields if name not in ("intensity", "interventions"))
"""Keys of a package that hold for each member which does not have them itself."""
_SCALED = ("intensity", "meur_per_year")
"""Keys of a member that the package's intensity multiplies, where they are stated."""
_LONGEST, _MOST = 64, 500


@dataclass(frozen=True)
class Expanded:
    """A tree without packages, what is wrong with them, and where each member stands in the file.

    ``members`` lists the labels of the programmes of each package; ``places`` maps such a label to its path.
    """

    root: Node
    problems: list[Problem] = field(default_factory=list)
    members: dict[str, list[str]] = field(default_factory=dict)
    places: dict[str, KeyPath] = field(default_factory=dict)

    def written(self, path: KeyPath) -> KeyPath:
        """Return the path in the file of what stands at a path of the tree."""
        if len(path) > 1 and path[0] == "interventions" and path[1] in self.places:
            return (*self.places[path[1]], *path[2:])
        return path


def expand(root: Node) -> Expanded:
    """Take the packages of a merged tree apart; a tree without packages comes back as it is."""
    if not root.items("packages"):
        return Expanded(root)
    tree = root.copy()
    del tree.value["packages"]
    own = root.value.get("interventions")
    made = Expanded(tree)
    programmes = Node({}, root.keys["packages"]) if own is None or own.value is None else own.copy()
    tree.value["interventions"] = programmes
    tree.keys["interventions"] = root.keys.get("interventions", root.keys["packages"])
    for name, package in root.items("packages").items():
        if package.value is not None:
            _open(name, package, programmes, made, root)
    return made


def _open(name: str, package: Node, programmes: Node, made: Expanded, root: Node) -> None:
    """Add the members of one package to the programmes."""
    path = ("packages", name)
    members = {label: node for label, node in package.items("interventions").items() if node.value is not None}
    made.members[name] = []

    def complain(at: KeyPath, what: str, **said: str) -> None:
        made.problems.append(problem_at(root, at, what, on_key=True, **said))

    if not members:
        complain(path, "has no members", allowed="interventions: {a_label: {type: I2}}")
    for label, member in members.items():
        whole, at = f"{name}_{label}", (*path, "interventions", label)
        if whole in programmes.value:
            complain(at, "makes a label that is taken", got=shown(whole), hint="another label for one of them")
        elif len(whole) > _LONGEST:
            allowed = f"at most {_LONGEST} characters with the name of the package"
            complain(at, "is too long a label", got=shown(whole), allowed=allowed)
        elif len(programmes.value) >= _MOST:
            complain(at, "is one programme too many", allowed=f"at most {_MOST}, members of packages included")
            return
        else:
            programmes.value[whole] = _member(package, member)
            programmes.keys[whole] = root.find(at)[0]
            made.members[name].append(whole)
            made.places[whole] = at


def _member(package: Node, member: Node) -> Node:
    """Return a member with the package's common keys laid under its own."""
    made = member.copy()

    def said(node: Node, key: str) -> Node | None:
        found = node.value.get(key)
        return None if found is None or found.value is None else found

    for key in _COMMON:
        given = said(package, key)
        if given is not None and said(made, key) is None:
            made.value[key], made.keys[key] = given, package.keys[key]
    factor = said(package, "intensity")
    for key in _SCALED if factor is not None else ():
        stated = said(made, key)
        if factor is not None and stated is not None:
            made.value[key] = Node(factor.value * stated.value, stated.mark)
        elif factor is not None and key == "intensity":
            made.value[key], made.keys[key] = factor, package.keys[key]
    return made
