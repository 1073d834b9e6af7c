"""Which version of the model made a number: a hash of everything that can change one, and of nothing else.

A correction of a comment, a docstring, a label, a hint or a help text strands no sweep. What a run reads besides is part of
its identity elsewhere: the scenario as it was resolved, the content of the region's tables, parameters that were drawn.
"""

from __future__ import annotations

import ast
import hashlib
import json
import tokenize
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from sim.interventions import catalogue
from sim.parameters import CATALOGUE
from sim.world.levers import LEVERS
from sim.world.outcomes import OUTCOMES, PLACE_OUTCOMES

PACKAGE = Path(__file__).resolve().parents[1]
SOURCES = (
    "types.py",
    "kernels",
    "population.py",
    "region/build.py",
    "region/records.py",
    "interventions/schema.py",
    "scenario/records.py",
    "world",
    "agents",
    "model",
)
"""Files and folders of the package whose code runs while a region is built or a month is simulated."""
LISTS = ("world/levers.py", "world/outcomes.py", "model/identity.py")
"""Left out of these: lists, of which `content` takes what can change a number, and this file."""


@lru_cache(maxsize=1)
def model_hash() -> str:
    """Return the SHA-256 of the model's code and of the content of its lists, in hexadecimal."""
    return digest(sources(PACKAGE), content())


def sources(package: Path) -> dict[str, str]:
    """Return the code (`code_of`) of every file of `SOURCES`, by its path in the package."""
    files = [
        file
        for name in SOURCES
        for file in ([package / name] if name.endswith(".py") else package.glob(f"{name}/**/*.py"))
    ]
    named = {file.relative_to(package).as_posix(): file for file in files}
    return {name: code_of(named[name].read_text(encoding="utf-8")) for name in sorted(named) if name not in LISTS}


def content() -> dict[str, Any]:
    """Return what can change a number in the lists of parameters, levers, outcomes, interventions and shocks.

    Names, texts and sources are left out. A row of evidence counts only by the scale that it gives to a channel.
    """
    words = {"name", "text", "evidence", "status"}
    known = catalogue()
    return {
        "parameters": {name: one.default for name, one in CATALOGUE.items()},
        "levers": [[one.name, one.scope, one.kind] for one in LEVERS],
        "outcomes": [[one.name, one.kind, one.pool] for one in OUTCOMES] + [list(PLACE_OUTCOMES)],
        "interventions": [
            [
                entry.model_dump(mode="json", exclude={*words, "cost", "channels"}),
                [entry.cost.meur_per_year, entry.cost.per],
                [[one.model_dump(mode="json", exclude=words), entry.factor(one)] for one in entry.channels],
            ]
            for entry in known.interventions.values()
        ],
        "shocks": [
            [
                entry.model_dump(mode="json", exclude={*words, "rate_basis", "channels"}),
                [one.model_dump(mode="json", exclude={*words, "low", "high"}) for one in entry.channels],
            ]
            for entry in known.shocks.values()
        ],
    }


def digest(code: dict[str, str], lists: dict[str, Any]) -> str:
    """Return the hash of some code and lists."""
    text = json.dumps([code, lists], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def code_of(source: str) -> str:
    """Return Python source without comments, docstrings, blank lines and trailing space: what can change a number."""
    lines = source.splitlines()
    inside: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            rows = slice(node.lineno - 1, node.end_lineno)
            lines[rows] = [""] * len(lines[rows])
        elif isinstance(node, (ast.Constant, ast.JoinedStr)):
            inside.update(range(node.lineno - 1, node.end_lineno or 0) if node.end_lineno != node.lineno else ())
    for row, line in enumerate(lines):
        if "#" in line and row not in inside:
            lines[row] = line[: _comment(line)]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _comment(line: str) -> int | None:
    """Column at which the comment of a line starts, None without one."""
    with suppress(tokenize.TokenError):  # a line may open a bracket that others close
        for token in tokenize.generate_tokens(iter([line.lstrip()]).__next__):
            if token.type == tokenize.COMMENT:
                return token.start[1] + len(line) - len(line.lstrip())
    return None
