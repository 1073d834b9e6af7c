"""Packages: programmes under one name, whose common keys are laid under each member.

A package is taken apart in the merged tree, before anything is resolved, so its members are programmes like all
others: a member ``police`` of a package ``jobs`` is the programme ``jobs_police``. Every value keeps its place in the
file, for messages and explanations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sim.errors import Problem
from sim.scenario.schema import PackageFile, problem_at, shown
from sim.scenario.text import Node

COMMON = tuple(name for name in PackageFile.model_fields if name not in ("intensity", "interventions"))
"""Keys of a package that hold for each member which does not have them itself."""
SCALED = ("intensity", "meur_per_year")
"""Keys of a member that the package's intensity multiplies, where they are stated."""
LONGEST, MOST = 64, 500

KeyPath = tuple[Any, ...]


@dataclass(frozen=True)
class Expanded:
    """A tree without packages, what is wrong with them, and where each member stands in the file.

    ``members`` lists the labels of the programmes of each package; ``places`` maps such a label to its path.
    """

    root: Node
    problems: list[Problem]
    members: dict[str, list[str]]
    places: dict[str, KeyPath]

    def written(self, path: KeyPath) -> KeyPath:
        """Return the path in the file of what stands at a path of the tree."""
        if len(path) > 1 and path[0] == "interventions" and path[1] in self.places:
            return (*self.places[path[1]], *path[2:])
        return path

    def told(self, problem: Problem) -> Problem:
        """Return a problem under the key of the file, if it is one of a member."""
        first, label, *rest = [*problem.key.split("."), "", ""]
        if first != "interventions" or label not in self.places:
            return problem
        return replace(problem, key=".".join([*self.places[label], *filter(None, rest)]))


def expand(root: Node) -> Expanded:
    """Take the packages of a merged tree apart; a tree without packages comes back as it is."""
    made = Expanded(root, [], {}, {})
    packages = root.value.get("packages")
    if packages is None or not isinstance(packages.value, dict):
        return made
    own = root.value.get("interventions")
    programmes = Node(dict(own.value) if own is not None and own.value is not None else {}, packages.mark)
    programmes.keys = dict(own.keys) if own is not None else {}
    tree = Node({key: node for key, node in root.value.items() if key != "packages"}, root.mark)
    tree.keys = {key: mark for key, mark in root.keys.items() if key != "packages"}
    for name, package in packages.value.items():
        if package.value is not None:
            _open(name, package, programmes, made, root)
    tree.value["interventions"] = programmes
    tree.keys["interventions"] = root.keys.get("interventions", root.keys["packages"])
    return Expanded(tree, made.problems, made.members, made.places)


def _open(name: str, package: Node, programmes: Node, made: Expanded, root: Node) -> None:
    """Add the members of one package to the programmes."""
    path = ("packages", name)
    members = package.value.get("interventions")
    labels = {} if members is None or members.value is None else members.value
    made.members[name] = []
    if not any(member.value is not None for member in labels.values()):
        allowed = "interventions: {a_label: {type: I2}}"
        made.problems.append(problem_at(root, path, "has no members", on_key=True, allowed=allowed))
    for label, member in labels.items():
        if member.value is None:
            continue
        whole, at = f"{name}_{label}", (*path, "interventions", label)
        if whole in programmes.value:
            hint = "another label for one of them"
            what = "makes a label that is taken"
            made.problems.append(problem_at(root, at, what, on_key=True, got=shown(whole), hint=hint))
            continue
        if len(whole) > LONGEST:
            allowed = f"at most {LONGEST} characters with the name of the package"
            what = "is too long a label"
            made.problems.append(problem_at(root, at, what, on_key=True, got=shown(whole), allowed=allowed))
            continue
        if len(programmes.value) >= MOST:
            allowed = f"at most {MOST}, members of packages included"
            made.problems.append(problem_at(root, at, "is one programme too many", on_key=True, allowed=allowed))
            return
        programmes.value[whole] = _member(package, member)
        programmes.keys[whole] = members.keys[label]  # type: ignore[union-attr]
        made.members[name].append(whole)
        made.places[whole] = at


def _member(package: Node, member: Node) -> Node:
    """Return a member with the package's common keys laid under its own."""
    made = Node(dict(member.value), member.mark)
    made.keys = dict(member.keys)
    for key in COMMON:
        given = package.value.get(key)
        if given is not None and given.value is not None and (key not in made.value or made.value[key].value is None):
            made.value[key], made.keys[key] = given, package.keys[key]
    factor = package.value.get("intensity")
    if factor is not None and factor.value is not None:
        for key in SCALED:
            stated = made.value.get(key)
            if stated is not None and stated.value is not None:
                made.value[key] = Node(factor.value * stated.value, stated.mark)
            elif key == "intensity":
                made.value[key], made.keys[key] = factor, package.keys[key]
    return made
