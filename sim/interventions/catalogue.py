"""Read the catalogue: one data file per family of interventions, one for shocks."""

from __future__ import annotations

import csv
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
TUNED = Path(__file__).parent / "tuned.csv"
TUNED_COLUMNS = ("intervention", "row", "scale", "low", "high", "target", "reached", "replications", "trial")
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


@dataclass(frozen=True)
class TunedScale:
    """What a virtual trial found for one intervention (row of the catalogue), on one row of evidence.

    ``scale`` with its 95 % interval, None where no scale up to 10 reaches the ``target`` ratio; ``reached`` the ratio
    at the scale, or at 10; ``trial`` the hash of the trial's file when it was found.
    """

    intervention: str
    row: str
    scale: float | None
    low: float | None
    high: float | None
    target: float
    reached: float
    replications: int
    trial: str


@cache
def catalogue() -> Catalogue:
    """Return the shipped catalogue with the tuned scales; read once per process."""
    return with_scales(read_catalogue(FOLDER), tuned_scales())


def tuned(entry: CatalogueEntry, scale: float, trial: str) -> CatalogueEntry:
    """Return an entry with the scale found on a trial, which is called by its row of evidence (``P11h``, ``P11h-I3``)."""
    return entry.model_copy(update={"scale": scale, "tuned_on": trial.split("-")[0], "status": "tuned"})


@cache
def tuned_scales() -> dict[str, TunedScale]:
    """Return what the virtual trials found, by intervention; read once per process."""
    return read_tuned(TUNED)


def with_scales(made: Catalogue, scales: dict[str, TunedScale]) -> Catalogue:
    """Return a catalogue in which every intervention with a tuned scale has it, and the status ``tuned``.

    Raises
    ------
    InputError
        If a scale is of an intervention that does not exist, or outside 0 to 10.
    """
    entries = dict(made.interventions)
    problems = []
    for row, found in scales.items():
        if row not in entries:
            problems.append(Problem("there is no such intervention", file=str(TUNED), key=row))
        elif found.scale is not None and not 0 <= found.scale <= 10:
            problems.append(
                Problem("scale out of range", file=str(TUNED), key=row, got=str(found.scale), allowed="0 to 10")
            )
        elif found.scale is not None:
            entries[row] = tuned(entries[row], found.scale, found.row)
    if problems:
        raise InputError(problems)
    return Catalogue(entries, made.shocks)


def read_tuned(path: Path) -> dict[str, TunedScale]:
    """Read the table of tuned scales; none is there before the first tuning.

    Raises
    ------
    InputError
        With every line that cannot be read, and every intervention that stands there twice.
    """
    if not path.is_file():
        return {}
    made: dict[str, TunedScale] = {}
    problems = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, line in enumerate(csv.DictReader(file), start=2):
            try:
                scale, low, high = (float(line[name]) if line[name] else None for name in ("scale", "low", "high"))
                found = TunedScale(
                    line["intervention"], line["row"], scale, low, high,
                    float(line["target"]), float(line["reached"]), int(line["replications"]), line["trial"],
                )  # fmt: skip
            except (KeyError, TypeError, ValueError) as error:
                problems.append(Problem(f"cannot be read: {error}", file=str(path), line=number))
                continue
            if found.intervention in made:
                problems.append(Problem("given twice", file=str(path), line=number, key=found.intervention))
            made[found.intervention] = found
    if problems:
        raise InputError(problems)
    return made


def write_tuned(path: Path, scales: Iterable[TunedScale]) -> None:
    """Write the table of tuned scales, ordered by intervention, at once or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TUNED_COLUMNS)
        for found in sorted(scales, key=lambda one: int(one.intervention[1:])):
            values = (getattr(found, name) for name in TUNED_COLUMNS)
            writer.writerow(["" if value is None else value for value in values])
    part.replace(path)


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
