"""Files that are wrong, suspicious or odd, each with what must be said about it.

Every group is a folder with an ``expected.toml``: the kind of file, the exit code of ``stabsim validate``, and
below ``[says]`` for every case the messages in order, as `told` writes them; ``...`` stands for anything. The input of a case is ``<name>.yaml`` in the folder; else it is built by
`makers.MAKERS` (what cannot be kept in a repository: pipes, links, bytes that are no text); else it is an edit
of a shipped region, below ``[edit]``. Files that start with an underscore are parts of cases, not cases.

`cases` yields them all, for the command, the Python interface and the page alike.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sim.errors import Problem
from sim.region import find_region
from tests.bad_input.makers import MAKERS

HERE = Path(__file__).parent
REGION = "twin_valleys"


@dataclass(frozen=True)
class Case:
    """One input: where it comes from and what must be said about it."""

    group: str
    name: str
    kind: str
    exit_code: int
    says: tuple[str, ...]
    edit: tuple[str, ...] = field(default=(), repr=False)

    @property
    def id(self) -> str:
        """Return the group and the name."""
        return f"{self.group}/{self.name}"

    def put(self, folder: Path) -> Path:
        """Make the input below an empty folder and return its path."""
        if self.edit:
            return _edited_region(folder / REGION, *self.edit)
        source = HERE / self.group / f"{self.name}.yaml"
        if not source.is_file():
            return MAKERS[self.name](folder)
        for path in (source, *sorted(source.parent.glob("_*.yaml"))):
            shutil.copyfile(path, folder / path.name)
        return folder / source.name


def told(problem: Problem, path: Path) -> str:
    """Return what a problem says, as the index writes it: ``line:column: message``.

    A file other than ``path`` comes first; ``-`` stands for no position; the folder of the case is ``FOLDER``.
    """
    place = ":".join(str(part) for part in (problem.line, problem.column) if part is not None) or "-"
    if problem.file != str(path):
        place = f"{problem.file.replace(f'{path.parent}/', '')}:{place}"
    message = str(replace(problem, file="", line=None, column=None))
    return f"{place}: {message}".replace(str(path.parent), "FOLDER")


def agrees(said: list[str], expected: Sequence[str]) -> bool:
    """Say whether messages are the expected ones; ``...`` stands for anything, alone for any number of them."""
    if "..." in expected:
        head, tail = expected[: expected.index("...")], expected[expected.index("...") + 1 :]
        middle = len(said) - len(tail)
        return len(head) <= middle and agrees(said[: len(head)], head) and agrees(said[middle:], tail)
    return len(said) == len(expected) and all(map(_agrees, said, expected))


def _agrees(said: str, expected: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in expected.split("...")), said) is not None


def cases(*groups: str) -> Iterator[Case]:
    """Yield every case of the named groups, or of all."""
    for index in sorted(HERE.glob("*/expected.toml")):
        group = index.parent.name
        if not groups or group in groups:
            content = tomllib.loads(index.read_text(encoding="utf-8"))
            for name, says in content["says"].items():
                edit = tuple(content.get("edit", {}).get(name, ()))
                yield Case(group, name, content["kind"], content["exit"], tuple(says), edit)


def _edited_region(folder: Path, file: str, old: str, new: str) -> Path:
    """Copy the small shipped region and change one text in one of its files."""
    shutil.copytree(find_region(REGION), folder)
    path = folder / file
    text = path.read_text(encoding="utf-8")
    if old not in text:
        raise ValueError(f"{file} does not hold {old!r}")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder
