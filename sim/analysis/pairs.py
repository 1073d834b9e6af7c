"""Matching each run with the run of the baseline that shares its luck."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.errors import InputError

POINT = 1 << 32
"""Pairs in sweeps agree in point and replication; one number holds both."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """A scenario's runs beside the baseline's, same replication on the same row.

    ``treated`` and ``reference`` (n_pairs, n_rows, n_columns) float64; ``rows`` holds the n_rows keys.
    ``points`` and ``replications`` (n_pairs,) say which design point (None outside sweeps) and replication, ``draws``
    which drawn parameters (None where all had the central ones).
    """

    scenario: str
    rows: pd.DataFrame
    treated: NDArray[np.float64]
    reference: NDArray[np.float64]
    points: NDArray[np.int64] | None
    replications: NDArray[np.int64]
    draws: NDArray[np.int64] | None = None

    @property
    def n(self) -> int:
        """Number of pairs."""
        return int(self.treated.shape[0])


def paired(table: pd.DataFrame, baseline: str, keys: Sequence[str], columns: Sequence[str]) -> Iterator[Pairs]:
    """Pair every scenario with the baseline by replication (and point); what either lacks is left out.

    Parameters
    ----------
    table : DataFrame
        ``scenario``, ``replication``, ``point`` in sweeps, ``draw`` where parameters are drawn, the ``keys`` (the same
        rows in every run) and the ``columns``.
    baseline : str
        Key of the reference scenario.
    keys, columns : sequence of str
        What identifies a row within a run; what is compared.

    Yields
    ------
    Pairs
        One per scenario other than the baseline that has at least one pair, in order of first appearance.
    """
    order = list(dict.fromkeys(table["scenario"]))
    if baseline not in order:
        raise InputError(f"baseline {baseline}: it has no finished run to compare with")
    base, draw = _runs(table, baseline, keys, columns), _draws(table)
    for name in order:
        if name == baseline:
            continue
        own = _runs(table, name, keys, columns)
        if not own.rows.equals(base.rows):
            raise InputError(f"scenario {name}: covers other months, states or districts than the baseline")
        shared, mine, theirs = np.intersect1d(own.identity, base.identity, return_indices=True)
        if len(shared):
            points = shared // POINT if "point" in table.columns else None
            number = shared % POINT
            draws = None if draw is None else np.array([draw[one] for one in number.tolist()], dtype=np.int64)
            yield Pairs(
                str(name), own.rows, _taken(own.values, mine), _taken(base.values, theirs), points, number, draws
            )


def _draws(table: pd.DataFrame) -> dict[int, int] | None:
    """Which parameters each replication drew."""
    if "draw" not in table.columns:
        return None
    known = table.drop_duplicates("replication")
    return dict(zip(known["replication"].tolist(), known["draw"].tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class _Runs:
    """One scenario's runs: ``identity`` (n_runs,) tells replication and point, ``values`` (n_runs, n_rows, n_columns)."""

    rows: pd.DataFrame
    identity: NDArray[np.int64]
    values: NDArray[np.float64]


def _runs(table: pd.DataFrame, scenario: object, keys: Sequence[str], columns: Sequence[str]) -> _Runs:
    heads = table.loc[table["scenario"] == scenario, [c for c in ("point", "replication", *keys) if c in table.columns]]
    texts = [name for name in keys if not pd.api.types.is_numeric_dtype(heads[name])]
    heads = heads.astype(dict.fromkeys(texts, str)).sort_values(list(heads.columns), kind="stable")
    identity = heads["replication"].to_numpy(np.int64)
    if "point" in heads:
        identity = identity + heads["point"].to_numpy(np.int64) * POINT
    distinct = np.unique(identity)
    n_rows = len(heads) // len(distinct)
    if len(heads) != n_rows * len(distinct):
        raise InputError(f"scenario {scenario}: its runs do not cover the same rows")
    where = table.index.get_indexer(heads.index)
    values = np.empty((len(where), len(columns)))
    for number, name in enumerate(columns):
        values[:, number] = table[name].to_numpy()[where]
    rows = heads[list(keys)].iloc[:n_rows].reset_index(drop=True)
    return _Runs(rows, distinct, values.reshape(len(distinct), n_rows, len(columns)))


def _taken(values: NDArray[np.float64], chosen: NDArray[np.intp]) -> NDArray[np.float64]:
    """Pick runs, without a copy where all are picked in order."""
    return values if np.array_equal(chosen, np.arange(len(values))) else values[chosen]
