"""Matching each run with the run of the baseline that shares its luck."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.errors import InputError


@dataclass(frozen=True, eq=False)
class Pairs:
    """A scenario's runs beside the baseline's, same replication on the same row.

    ``treated`` and ``reference`` (n_pairs, n_rows, n_columns) float64; ``rows`` holds the n_rows keys.
    """

    scenario: str
    rows: pd.DataFrame
    treated: NDArray[np.float64]
    reference: NDArray[np.float64]

    @property
    def n(self) -> int:
        """Number of pairs."""
        return int(self.treated.shape[0])


def paired(table: pd.DataFrame, baseline: str, keys: Sequence[str], columns: Sequence[str]) -> Iterator[Pairs]:
    """Pair every scenario with the baseline by replication; replications that either lacks are left out.

    Parameters
    ----------
    table : DataFrame
        ``scenario``, ``replication``, the ``keys`` (the same rows in every run) and the ``columns``.
    baseline : str
        Key of the reference scenario.
    keys, columns : sequence of str
        What identifies a row within a run; what is compared.

    Yields
    ------
    Pairs
        One per scenario other than the baseline that has at least one pair, in order of first appearance.
    """
    arrays = {str(name): _array(part, keys, columns) for name, part in table.groupby("scenario", sort=False)}
    if baseline not in arrays:
        raise InputError(f"baseline {baseline}: it has no finished run to compare with")
    rows, base_replications, base = arrays.pop(baseline)
    for name, (own_rows, replications, values) in arrays.items():
        if not own_rows.equals(rows):
            raise InputError(f"scenario {name}: covers other months, states or districts than the baseline")
        shared, mine, theirs = np.intersect1d(replications, base_replications, return_indices=True)
        if len(shared):
            yield Pairs(name, rows, values[mine], base[theirs])


def _array(
    part: pd.DataFrame, keys: Sequence[str], columns: Sequence[str]
) -> tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.float64]]:
    ordered = part.sort_values(["replication", *keys], kind="stable")
    replications = ordered["replication"].unique().astype(np.int64)
    n_rows = len(ordered) // len(replications)
    if len(ordered) != n_rows * len(replications):
        raise InputError(f"scenario {part['scenario'].iloc[0]}: its runs do not cover the same rows")
    values = ordered[list(columns)].to_numpy(np.float64).reshape(len(replications), n_rows, len(columns))
    return ordered[list(keys)].iloc[:n_rows].reset_index(drop=True), replications, values
