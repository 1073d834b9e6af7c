"""The three result tables as Arrow tables: columns, order, codebook, and the hash of their content.

`pool_region` and `reduce_months` are the two sums that every summary is made of: states into a region, months into a
window. They take plain arrays whose last axis is the list of outcomes, so a worker summarises one run and an analysis a
thousand with the same lines.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.experiment.engine import Layout
from sim.experiment.plan import RunSpec
from sim.parameters import CATALOGUE as PARAMETERS
from sim.world.outcomes import OUTCOME_INDEX, OUTCOME_NAMES, OUTCOMES, PLACE_OUTCOMES

F8 = NDArray[np.float64]

IS_SUM = np.array([outcome.pool == "sum" for outcome in OUTCOMES])
IS_FLOW = np.array([outcome.kind == "flow" for outcome in OUTCOMES])
IS_STOCK = np.array([outcome.kind == "stock" for outcome in OUTCOMES])

TABLES = ("runs", "series", "places")

LABEL = pa.dictionary(pa.int32(), pa.string())
RUN_KEYS = [("run", LABEL), ("scenario", LABEL), ("replication", pa.int32())]

SERIES_SCHEMA = pa.schema(
    [*RUN_KEYS, ("month", pa.int16()), ("date", pa.date32()), ("state", LABEL)]
    + [(name, pa.float32()) for name in OUTCOME_NAMES]
)
PLACES_SCHEMA = pa.schema(
    [*RUN_KEYS, ("window", pa.int16()), ("state", LABEL), ("district", LABEL), ("community", LABEL)]
    + [(name, pa.float32()) for name in PLACE_OUTCOMES]
)
RUNS_SCHEMA = pa.schema(
    [
        ("run", pa.string()),
        ("scenario", pa.string()),
        ("point", pa.int32()),
        ("replication", pa.int32()),
        ("seed", pa.uint64()),
        ("parameters", pa.string()),
        ("status", pa.string()),
        ("stage", pa.string()),
        ("error", pa.string()),
        ("reproduce", pa.string()),
        ("series_sha256", pa.string()),
        ("places_sha256", pa.string()),
    ]
    + [(name, pa.float64()) for name in OUTCOME_NAMES]
)
SCHEMAS = {"runs": RUNS_SCHEMA, "series": SERIES_SCHEMA, "places": PLACES_SCHEMA}


CODEBOOK = ("name", "label", "unit", "kind", "states_combine_by", "better", "text")

KEY_COLUMNS = {
    "run": "Identity of the run: the same text means the same numbers",
    "scenario": "Key of the scenario",
    "point": "Number of the design point; 0 where there is no design",
    "replication": "Number of the replication; the same in all scenarios and design points means the same random draws",
    "seed": "Seed of the run",
    "parameters": "Values that the design point sets, and parameters drawn from an ensemble, as JSON",
    "status": "done or failed",
    "stage": "Where a failed run failed: load, simulate, record or worker",
    "error": "Why it failed",
    "reproduce": "Command that runs it again, alone",
    "series_sha256": "Hash of the run's rows in series",
    "places_sha256": "Hash of the run's rows in places",
    "month": "Months since the start of the run, from 0",
    "date": "First day of the month",
    "state": "Code of the state",
    "window": "Year of the run, from 0",
    "district": "Key of the district",
    "community": "Key of the community",
}


def codebook(factors: Iterable[Mapping[str, object]] = ()) -> Iterator[tuple[object, ...]]:
    """Yield a row for every column that stored tables have, in the order of `CODEBOOK`; factors as in a manifest."""
    for item in OUTCOMES:
        yield item.name, item.label, item.unit, item.kind, item.pool, item.better, item.text
    for name in (name for name in PLACE_OUTCOMES if name not in OUTCOME_NAMES):
        yield name, name, "", "place", "", "", "Place outcome: see the list of outcomes"
    for name, text in KEY_COLUMNS.items():
        yield name, name, "", "key", "", "", text
    for factor in factors:
        key = str(factor["key"])
        known = PARAMETERS.get(key.removeprefix("parameters."))
        label = known.text if known else key
        yield key, label, factor["unit"], factor["role"], "", "", "Factor of the design, in points.csv"


@dataclass(frozen=True)
class Failure:
    """Why a run has no numbers: ``stage`` is load, simulate, record, worker or timeout."""

    stage: str
    error: str


def series_table(
    run: RunSpec, series: NDArray[np.float64], layout: Layout, start_year: int, start_month: int
) -> pa.Table:
    """Lay out one run's monthly outcomes, a row per month and state, in that order.

    Parameters
    ----------
    run : RunSpec
        Which run.
    series : (n_months, n_states, n_outcomes) float64
        In the order of ``OUTCOMES``.
    layout : Layout
        Names of the states.
    start_year, start_month : int
        Calendar month of month 0.

    Returns
    -------
    pyarrow.Table, n_months * n_states rows
    """
    months, n_states, n_outcomes = series.shape
    rows = months * n_states
    first = np.datetime64(f"{start_year:04d}-{start_month:02d}", "M")
    dates = (first + np.arange(months)).astype("datetime64[D]")
    keys = _run_keys(run, rows) + [
        pa.array(np.repeat(np.arange(months, dtype=np.int16), n_states)),
        pa.array(np.repeat(dates, n_states)),
        _label(np.tile(np.arange(n_states, dtype=np.int32), months), layout.states),
    ]
    return pa.Table.from_arrays(keys + _columns(series.reshape(rows, n_outcomes)), schema=SERIES_SCHEMA)


def places_table(run: RunSpec, places: NDArray[np.float64], layout: Layout) -> pa.Table:
    """Lay out one run's place outcomes, a row per year of the run and cell, in that order.

    Parameters
    ----------
    run : RunSpec
        Which run.
    places : (n_windows, n_cells, n_place) float64
        In the order of ``PLACE_OUTCOMES``.
    layout : Layout
        Names of the cells.

    Returns
    -------
    pyarrow.Table, n_windows * n_cells rows
    """
    windows, n_cells, n_place = places.shape
    rows = windows * n_cells
    keys = _run_keys(run, rows) + [pa.array(np.repeat(np.arange(windows, dtype=np.int16), n_cells))]
    for names in (layout.cell_state, layout.cell_district, layout.cell_community):
        values, codes = np.unique(np.array(names, dtype=str), return_inverse=True)
        keys.append(_label(np.tile(codes.astype(np.int32), windows), [str(value) for value in values]))
    return pa.Table.from_arrays(keys + _columns(places.reshape(rows, n_place)), schema=PLACES_SCHEMA)


def run_row(
    run: RunSpec,
    changes: Mapping[str, object],
    outcome: tuple[pa.Table, pa.Table, NDArray[np.float64]] | Failure,
) -> dict[str, object]:
    """Build the row of one run in the ``runs`` table; a failed run has no hashes and no outcomes."""
    row: dict[str, object] = {
        "run": run.run,
        "scenario": run.scenario,
        "point": run.point,
        "replication": run.replication,
        "seed": run.seed,
        "parameters": json.dumps(dict(changes), sort_keys=True),
        "reproduce": f"stabsim run --id {run.run} --from DIR",
    }
    if isinstance(outcome, Failure):
        return row | {"status": "failed", "stage": outcome.stage, "error": outcome.error}
    series, places, values = outcome
    summary = reduce_months(pool_region(values)[:, None, :])[0]
    return (
        row
        | {
            "status": "done",
            "stage": "",
            "error": "",
            "series_sha256": content_digest(series),
            "places_sha256": content_digest(places),
        }
        | {item.name: float(summary[index]) for index, item in enumerate(OUTCOMES)}
    )


def pool_region(values: F8) -> F8:
    """Combine states into the region: sums of counts, population-weighted means of levels.

    Parameters
    ----------
    values : (..., n_states, n_outcomes) float64
        In the order of ``OUTCOMES``; the weights are the population of the same month.

    Returns
    -------
    (..., n_outcomes) float64
    """
    population = values[..., OUTCOME_INDEX["population"]]
    total = population.sum(axis=-1, keepdims=True)
    share = np.divide(population, total, out=np.full_like(population, 1.0 / population.shape[-1]), where=total > 0)
    means = np.einsum("...s,...so->...o", share, values)
    pooled: F8 = np.where(IS_SUM, values.sum(axis=-2), means)
    return pooled


def reduce_months(values: F8) -> F8:
    """Combine the months of a window: totals of flows, means of levels, the last value of stocks.

    Parameters
    ----------
    values : (n_months, ..., n_outcomes) float64

    Returns
    -------
    (..., n_outcomes) float64
    """
    reduced: F8 = np.where(IS_FLOW, values.sum(axis=0), np.where(IS_STOCK, values[-1], values.mean(axis=0)))
    return reduced


def runs_table(rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """Make the ``runs`` table out of rows."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=RUNS_SCHEMA)


def content_digest(table: pa.Table) -> str:
    """Hash one run's rows, column by column in schema order, whatever the encoding they came in.

    Numbers count as little-endian bytes; text as its sorted distinct values and, per row, which of them it
    is.
    """
    digest = hashlib.sha256()
    for name, column in zip(table.schema.names, table.columns, strict=True):
        digest.update(name.encode() + b"\0")
        for piece in _plain(column):
            digest.update(piece)
    return digest.hexdigest()


def combined_digest(pairs: Iterable[tuple[str, str]]) -> str:
    """Hash the digests of runs in order of run id: the hash of a whole table."""
    digest = hashlib.sha256()
    for run, content in sorted(pairs):
        digest.update(f"{run} {content}\n".encode())
    return digest.hexdigest()


def _plain(column: pa.ChunkedArray) -> list[bytes]:
    """Reduce a column to bytes that do not depend on how it is encoded."""
    kind = column.type
    if pa.types.is_string(kind):
        column = column.dictionary_encode()
    if pa.types.is_dictionary(column.type):
        array = column.combine_chunks()
        array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
        used, codes = np.unique(array.indices.to_numpy(zero_copy_only=False), return_inverse=True)
        names = [array.dictionary[int(code)].as_py() for code in used]
        order = np.argsort(np.array(names, dtype=str), kind="stable")
        rank = np.empty(len(names), dtype="<i4")
        rank[order] = np.arange(len(names), dtype="<i4")
        return ["\0".join(names[index] for index in order).encode() + b"\0", rank[codes].tobytes()]
    values = column.cast(pa.int32()) if pa.types.is_date32(kind) else column
    numbers = np.ascontiguousarray(values.to_numpy())
    return [numbers.astype(numbers.dtype.newbyteorder("<"), copy=False).tobytes()]


def _run_keys(run: RunSpec, rows: int) -> list[pa.Array]:
    zeros = np.zeros(rows, dtype=np.int32)
    return [
        _label(zeros, [run.run]),
        _label(zeros, [run.scenario]),
        pa.array(np.full(rows, run.replication, np.int32)),
    ]


def _label(codes: NDArray[np.int32], names: Iterable[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(names), pa.string()))


def _columns(values: NDArray[np.float64]) -> list[pa.Array]:
    columns = np.ascontiguousarray(values.T, dtype=np.float32)
    return [pa.array(column) for column in columns]
