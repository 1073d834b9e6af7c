"""Put the many small files of a stored folder into one for each table."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim.api.stored import StoredExperiment
from sim.errors import InputError, Problem
from sim.experiment import Points, Store, StoreError, read_points
from sim.experiment.design import cell
from sim.experiment.tables import SCHEMAS, TABLES

ROWS_A_GROUP = 100_000
"""Rows of a row group in a compact file: what a reader holds at once."""


def compact(folder: Path | str, to: Path | str) -> list[Path]:
    """Write ``runs.parquet``, ``series.parquet`` and ``places.parquet`` of a stored folder, one file a table.

    Rows stand in order of replication, point and scenario, so the files do not depend on how the runs were
    spread over workers. ``runs`` gets a column for each factor; ``codebook.csv`` is copied beside. The folder
    itself stays as it is, for it can be verified and continued. Memory does not grow with the sweep.

    Parameters
    ----------
    folder, to : path
        Stored folder; where to write, a new folder or one that holds none of these files.

    Returns
    -------
    list of Path
        The files written.
    """
    source, target = Path(folder), Path(to)
    manifest, store = StoredExperiment(source).manifest, Store(source)
    names = [*(f"{table}.parquet" for table in TABLES), "codebook.csv"]
    there = [name for name in names if (target / name).exists()]
    if there:
        raise InputError(Problem(f"holds {there[0]} already", file=str(target), hint="choose another folder with --to"))
    order = _order(store, [entry["key"] for entry in manifest["scenarios"]])
    factors = manifest.get("design", {}).get("factors", [])
    points = read_points(source, factors) if factors else None
    try:
        target.mkdir(parents=True, exist_ok=True)
        for table in TABLES:
            _write(store, table, order, points, factors, target / f"{table}.parquet")
        _put(target / "codebook.csv", (source / "codebook.csv").read_bytes())
    except OSError as error:
        raise StoreError(f"{target}: cannot be written: {error.strerror or error}") from None
    return [target / name for name in names]


def _order(store: Store, scenarios: list[str]) -> list[tuple[str, str]]:
    """List the runs in the order of the plan, which is nearly that of the batches, each with the batch it is in."""
    place = {key: number for number, key in enumerate(scenarios)}
    rows = []
    for key in store.batches():
        part = pq.read_table(store.path("runs", key), columns=["run", "scenario", "point", "replication"]).to_pylist()
        rows += [(row["replication"], row["point"], place[row["scenario"]], row["run"], key) for row in part]
    return [(run, key) for *_, run, key in sorted(rows)]


def _write(
    store: Store,
    table: str,
    order: list[tuple[str, str]],
    points: Points | None,
    factors: list[dict[str, Any]],
    path: Path,
) -> None:
    """Write one table, a row group at a time."""
    schema = SCHEMAS[table]
    if table == "runs" and points is not None:
        for factor in factors:
            schema = schema.append(pa.field(factor["key"], _type(factor)))
    floats = {entry.name: "BYTE_STREAM_SPLIT" for entry in schema if pa.types.is_floating(entry.type)}
    labels = [entry.name for entry in schema if not pa.types.is_floating(entry.type)]
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with pq.ParquetWriter(
            temporary,
            schema,
            compression="zstd",
            use_dictionary=labels,
            column_encoding=floats,
            write_page_checksum=True,
        ) as writer:
            for group in _groups(store, table, order):
                writer.write_table(_with_factors(group, points, factors, schema) if table == "runs" else group)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _groups(store: Store, table: str, order: list[tuple[str, str]]) -> Iterator[pa.Table]:
    """Yield the rows of all runs in order, some thousands at a time."""
    batches = _Batches(store, table)
    held: list[pa.Table] = []
    for run, key in order:
        held.append(batches.rows(run, key))
        if sum(part.num_rows for part in held) >= ROWS_A_GROUP:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(tables: list[pa.Table]) -> pa.Table:
    """Put tables together; texts are coded in order of appearance, however the batches coded them."""
    whole = pa.concat_tables([table.replace_schema_metadata() for table in tables])
    columns = [
        column.cast(pa.string()).combine_chunks().dictionary_encode() if pa.types.is_dictionary(column.type) else column
        for column in whole.columns
    ]
    return pa.table(columns, schema=whole.schema)


class _Batches:
    """Batches read when they are needed; the latest few are kept."""

    KEPT = 8

    def __init__(self, store: Store, table: str) -> None:
        self.store, self.table = store, table
        self.read: OrderedDict[str, pa.Table] = OrderedDict()

    def rows(self, run: str, key: str) -> pa.Table:
        """Return the rows of one run."""
        if key not in self.read:
            self.read[key] = pq.read_table(self.store.path(self.table, key))
            while len(self.read) > self.KEPT:
                self.read.popitem(last=False)
        self.read.move_to_end(key)
        batch = self.read[key]
        return batch.filter(pc.equal(batch["run"], run))


def _with_factors(table: pa.Table, points: Points | None, factors: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    if points is None:
        return table
    numbers = table["point"].to_numpy()
    for factor in factors:
        values = points.columns[factor["key"]]
        chosen = [values[number] for number in numbers]
        if pa.types.is_string(_type(factor)):
            chosen = [value if isinstance(value, str) else cell(value) for value in chosen]
        table = table.append_column(factor["key"], pa.array(np.array(chosen).tolist(), _type(factor)))
    return table.cast(schema)


def _type(factor: dict[str, Any]) -> pa.DataType:
    """Numbers as numbers, everything else as text."""
    levels = factor["levels"]
    if levels is None or all(isinstance(level, int | float) and not isinstance(level, bool) for level in levels):
        return pa.float64()
    return pa.string()


def _put(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
