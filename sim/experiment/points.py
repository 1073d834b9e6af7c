"""The design points of a sweep, column by column, and the file that keeps them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from sim.errors import InputError, Problem

POINTS = "points.csv"


class Points(Sequence[Mapping[str, Any]]):
    """Points as columns: a hundred thousand of them take the room of their numbers.

    Parameters
    ----------
    columns : mapping
        Override key to as many values as there are points.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self.columns = {key: _packed(values) for key, values in columns.items()}
        self.length = len(next(iter(columns.values()))) if columns else 1

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, number: int) -> Mapping[str, Any]: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[Mapping[str, Any]]: ...

    def __getitem__(self, number: int | slice) -> Any:
        """Return one point; a point out of range raises IndexError."""
        if isinstance(number, slice):
            return [self[index] for index in range(*number.indices(self.length))]
        if not -self.length <= number < self.length:
            raise IndexError(number)
        return {key: _plain(values[number]) for key, values in self.columns.items()}

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return (self[number] for number in range(self.length))

    def text(self) -> str:
        """Write ``points.csv``: column ``point``, then one column a factor; a list of texts as JSON."""
        made = io.StringIO()
        writer = csv.writer(made, lineterminator="\n")
        writer.writerow(["point", *self.columns])
        for number, point in enumerate(self):
            writer.writerow([number, *(cell(value) for value in point.values())])
        return made.getvalue()


def cell(value: Any) -> str:
    """Write a value for ``points.csv``."""
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_points(folder: Path, factors: Sequence[Mapping[str, Any]]) -> Points:
    """Read the points of a stored sweep back, exactly.

    Parameters
    ----------
    folder : Path
        Holds ``points.csv``.
    factors : sequence of mapping
        As in the manifest's design: they say what each column holds.

    Raises
    ------
    InputError
        If the file is not there or does not fit the factors.
    """
    path = folder / POINTS
    try:
        with path.open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(Problem(f"cannot be read: {error}", file=str(path))) from None
    if head != ["point", *(str(factor["key"]) for factor in factors)]:
        raise InputError(Problem("does not hold the factors of this sweep", file=str(path), line=1))
    columns = list(zip(*rows, strict=True))[1:] if rows else []
    try:
        return Points({str(f["key"]): _values(f, texts) for f, texts in zip(factors, columns, strict=True)})
    except (KeyError, ValueError) as error:
        raise InputError(Problem(f"does not fit the factors of this sweep: {error}", file=str(path))) from None


def _values(factor: Mapping[str, Any], texts: Sequence[str]) -> list[Any]:
    if factor["levels"] is not None:
        known = {cell(level): level for level in factor["levels"]}
        return [known[text] for text in texts]
    return [int(text) if factor["whole"] else float(text) for text in texts]


def _packed(values: Sequence[Any]) -> Sequence[Any]:
    """Keep numbers that are all of one kind as an array."""
    kinds = {type(value) for value in values}
    if kinds == {float}:
        return np.array(values, dtype=np.float64)  # type: ignore[return-value]
    return list(values)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, np.floating) else value
