"""Parameter points that are as credible as each other: read from a table, and dealt to replications."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from sim.errors import InputError, ParameterError, Problem, nearest
from sim.parameters import CATALOGUE
from sim.parameters import parameters as check_values

SHIPPED = Path(__file__).parent / "ensemble.csv"
FILE = "ensemble.csv"
"""Name of the copy that a folder of results keeps."""
TOGETHER = 2
"""Replications that share a point: the least from which luck and parameters can be told apart."""
CENTRAL, ENSEMBLE = "central", "ensemble"
MOST = 100_000


@dataclass(frozen=True)
class Ensemble:
    """Equally weighted points, each with a value for every one of ``names``."""

    names: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]

    @cached_property
    def sha256(self) -> str:
        """Hash of names and values, whatever the file looks like."""
        return hashlib.sha256(json.dumps([self.names, self.rows]).encode()).hexdigest()

    def point(self, number: int) -> dict[str, float]:
        """Parameter name to value."""
        return dict(zip(self.names, self.rows[number], strict=True))

    def number(self, base_seed: int, replication: int) -> int:
        """Which point a replication draws: the same in every scenario, whatever the number of replications.

        Points are dealt in an order that is keyed by the base seed, each to ``TOGETHER`` replications in a row, and
        from the start again when all are used.
        """
        return _order(base_seed, len(self.rows))[replication // TOGETHER % len(self.rows)]

    def text(self) -> str:
        """Write the table, numbers exact."""
        made = io.StringIO()
        writer = csv.writer(made, lineterminator="\n")
        writer.writerow(self.names)
        writer.writerows([repr(value) for value in row] for row in self.rows)
        return made.getvalue()


@lru_cache(maxsize=4)
def _order(base_seed: int, size: int) -> tuple[int, ...]:
    def key(number: int) -> bytes:
        return hashlib.blake2b(f"stabsim/draw/{base_seed}/{number}".encode(), digest_size=8).digest()

    return tuple(sorted(range(size), key=key))


def with_draw(values: Mapping[str, float], draw: Mapping[str, float]) -> dict[str, float]:
    """Lay a scenario's own values over a drawn point: what a scenario or a design sets stays."""
    return dict(sorted({**draw, **values}.items()))


def choose(choice: str | Path | None, *, drawn: bool) -> Ensemble | None:
    """Return the ensemble that runs draw from; None: central values.

    Parameters
    ----------
    choice : "ensemble", "central" or a file
        None leaves the choice to ``drawn``.
    drawn : bool
        Whether to draw, unless told, where there is an ensemble.

    Raises
    ------
    InputError
        If there is none to draw from, or the file is not one.
    """
    if choice is None:
        choice = ENSEMBLE if drawn and SHIPPED.is_file() else CENTRAL
    if choice == CENTRAL:
        return None
    path = SHIPPED if choice == ENSEMBLE else Path(choice)
    if not path.is_file():
        shipped = choice == ENSEMBLE
        raise InputError(
            Problem(
                "no ensemble ships with this version" if shipped else "there is no such ensemble",
                key="parameters",
                got=str(choice),
                allowed=f"{ENSEMBLE}, {CENTRAL}, or a table of points (CSV)",
                hint="" if shipped else nearest(str(choice), [ENSEMBLE, CENTRAL]),
            )
        )
    return read_ensemble(path)


def read_ensemble(path: Path) -> Ensemble:
    """Read a table: a column a parameter, a row a point.

    Raises
    ------
    InputError
        With everything that is wrong with it.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head, *lines = [line for line in csv.reader(file) if line] or [[]]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(Problem(f"cannot be read: {error}", file=str(path))) from None
    problems = _names(path, head)
    if not lines or len(lines) > MOST:
        problems.append(Problem("has the wrong number of points", file=str(path), got=str(len(lines)), allowed=f"1 to {MOST:,}"))  # fmt: skip
    rows: list[tuple[float, ...]] = []
    for number, line in enumerate(lines if not problems else [], start=2):
        try:
            values = tuple(float(text) for text in line)
            check_values(dict(zip(head, values, strict=True)))
            rows.append(values)
        except ParameterError as error:
            problems += [Problem(p.what, file=str(path), line=number, key=p.key, got=p.got, allowed=p.allowed) for p in error.problems]  # fmt: skip
        except ValueError:
            problems.append(Problem("is not a point: one number for every column", file=str(path), line=number))
    if problems:
        raise InputError(problems[:20])
    return Ensemble(tuple(head), tuple(rows))


def _names(path: Path, head: Sequence[str]) -> list[Problem]:
    """Say which columns are no parameters, or stand there twice."""
    found = [
        Problem("unknown parameter", file=str(path), line=1, got=name[:40], hint=nearest(name, list(CATALOGUE)))
        for name in head
        if name not in CATALOGUE
    ]
    if len(set(head)) < len(head) or not head:
        found.append(Problem("columns are parameters, each once", file=str(path), line=1))
    return found
