"""Read the catalogue: one data file per family of interventions, one for shocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sim.errors import InputError, Problem
from sim.interventions.schema import CatalogueEntry, ShockType

FOLDER = Path(__file__).parent / "catalogue"
SHOCKS = "shocks"
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Catalogue:
    """All interventions by row (``I2``) and all shocks by key (``rumour``)."""

    interventions: dict[str, CatalogueEntry]
    shocks: dict[str, ShockType]

    def intervention(self, name: str) -> CatalogueEntry | None:
        """Return the entry of a row (``I2``) or a key (``police_capacity``), or None."""
        if name in self.interventions:
            return self.interventions[name]
        return next((entry for entry in self.interventions.values() if entry.key == name), None)

    def names(self) -> tuple[str, ...]:
        """Return every name an intervention can be called by: rows, then keys."""
        return tuple(self.interventions) + tuple(entry.key for entry in self.interventions.values())


@cache
def catalogue() -> Catalogue:
    """Return the shipped catalogue; read once per process."""
    return read_catalogue(FOLDER)


def read_catalogue(folder: Path) -> Catalogue:
    """Read a catalogue folder.

    Raises
    ------
    InputError
        Listing every problem of every file.
    """
    problems: list[Problem] = []
    entries: list[CatalogueEntry] = []
    shocks: list[ShockType] = []
    for path in sorted(folder.glob("*.yaml")):
        rows = _read(path, problems)
        if path.stem == SHOCKS:
            shocks += _models(ShockType, rows, path, problems)
        else:
            rows = ({"family": path.stem, **row} if isinstance(row, dict) else row for row in rows)
            entries += _models(CatalogueEntry, rows, path, problems)
    entries.sort(key=lambda entry: int(entry.row[1:]))
    shocks.sort(key=lambda shock: shock.key)
    for name in [
        *_twice(e.row for e in entries),
        *_twice(e.key for e in entries),
        *_twice(s.key for s in shocks),
    ]:
        problems.append(Problem("given twice", file=str(folder), key=name))
    if problems:
        raise InputError(problems)
    return Catalogue({entry.row: entry for entry in entries}, {shock.key: shock for shock in shocks})


def _read(path: Path, problems: list[Problem]) -> Iterable[Any]:
    """Return the list of rows a file holds."""
    try:
        rows = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        problems.append(Problem(f"cannot be read: {error}", file=str(path)))
        return []
    if not isinstance(rows, list):
        problems.append(Problem("must be a list", file=str(path)))
        return []
    return rows


def _models(model: type[_Model], rows: Iterable[Any], path: Path, problems: list[Problem]) -> Iterator[_Model]:
    """Yield the valid rows as models; note what is wrong with the others."""
    for index, row in enumerate(rows):
        name = row.get("key", index) if isinstance(row, dict) else index
        try:
            yield model.model_validate(row)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                where = ".".join(str(part) for part in (name, *item["loc"]))
                problems.append(Problem(item["msg"], file=str(path), key=where, got=repr(item["input"])[:80]))


def _twice(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
