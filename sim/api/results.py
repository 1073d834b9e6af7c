"""What the functions return: small typed results whose tables are pandas frames, read when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.analysis import WHOLE_RUN, headline_effects, window_table
from sim.errors import InputError, Problem, SimError
from sim.experiment import Store, Tally, read_points
from sim.experiment.design import cell
from sim.experiment.tables import SCHEMAS
from sim.scenario import Scenario
from sim.world.outcomes import OUTCOMES


class RunsFailedError(SimError):
    """So many runs failed that nothing is left to report."""

    exit_code = 3


@dataclass(frozen=True, eq=False)
class Results:
    """Tables of an experiment, read from its folder when asked for."""

    folder: Path
    scenarios: tuple[Scenario, ...]
    tally: Tally

    @property
    def failed(self) -> int:
        """Number of runs that failed."""
        return self.tally.failed

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run: seed, status, error, whole-run outcomes of the region."""
        return _frame(Store(self.folder).runs())

    @cached_property
    def series(self) -> pd.DataFrame:
        """Outcomes by run, month and state."""
        return whole_table(self.folder, "series")

    @cached_property
    def places(self) -> pd.DataFrame:
        """Place outcomes by run, year of the run, district and community."""
        return whole_table(self.folder, "places")

    @cached_property
    def windows(self) -> pd.DataFrame:
        """Totals and means by run, scope and window."""
        return window_table(parts(self.folder, "series"))


@dataclass(frozen=True, eq=False)
class RunResults(Results):
    """One scenario's runs. ``history`` is the region month by month; ``figures`` the files written."""

    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    figures: tuple[Path, ...] = ()

    def headline(self) -> pd.DataFrame:
        """Headline outcomes over the whole run: a row an outcome, a column a scope; means over the runs."""
        whole = self.windows[self.windows["window"] == WHOLE_RUN]
        names = [item.name for item in OUTCOMES if item.headline]
        return whole.groupby("scope", sort=False)[names].mean().T.rename_axis("outcome")


@dataclass(frozen=True, eq=False)
class Comparison(Results):
    """Paired effects against ``baseline``: tables as written to the folder, files of the figures, and the report."""

    baseline: str = ""
    effects: pd.DataFrame = field(default_factory=pd.DataFrame)
    cost_effectiveness: pd.DataFrame = field(default_factory=pd.DataFrame)
    districts: pd.DataFrame = field(default_factory=pd.DataFrame)
    over_time: pd.DataFrame = field(default_factory=pd.DataFrame)
    ranking: pd.DataFrame = field(default_factory=pd.DataFrame)
    plane: pd.DataFrame = field(default_factory=pd.DataFrame)
    acceptability: pd.DataFrame = field(default_factory=pd.DataFrame)
    communities: pd.DataFrame = field(default_factory=pd.DataFrame)
    order: pd.DataFrame = field(default_factory=pd.DataFrame)
    thresholds: pd.DataFrame = field(default_factory=pd.DataFrame)
    scorecard: pd.DataFrame = field(default_factory=pd.DataFrame)
    theories: pd.DataFrame = field(default_factory=pd.DataFrame)
    holds: pd.DataFrame = field(default_factory=pd.DataFrame)
    figures: tuple[Path, ...] = ()
    report: Path | None = None

    def headline(self) -> pd.DataFrame:
        """Differences of headline outcomes in the region over the whole run, with the verdict in words."""
        return headline_effects(self.effects).reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class SweepResults(Results):
    """A sweep: runs by scenario, design point and replication.

    ``baseline`` is the key of the scenario others are compared with, ``design`` what the manifest says of the
    design and its factors, ``replications`` how many there are of each point, ``sequential`` how that number was
    found, if it was not fixed. Tables are read from the folder
    when asked for; `scan` reads those that would not fit into memory.
    """

    baseline: str = ""
    design: Mapping[str, Any] = field(default_factory=dict)
    replications: int = 0
    sequential: Mapping[str, Any] = field(default_factory=dict)

    @property
    def factors(self) -> list[str]:
        """Override keys of what the design varies."""
        return [str(factor["key"]) for factor in self.design.get("factors", ())]

    @cached_property
    def points(self) -> pd.DataFrame:
        """One row a design point: its number, then a column a factor; a list of keys stands as text."""
        columns = read_points(self.folder, self.design["factors"]).columns if self.factors else {}
        plain = {
            key: [v if isinstance(v, str) else cell(v) for v in vs] if _odd(vs) else vs for key, vs in columns.items()
        }
        made = pd.DataFrame(plain) if plain else pd.DataFrame(index=[0])
        made.insert(0, "point", np.arange(len(made), dtype=np.int32))
        return made

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run: its point's factors, seed, status, error, whole-run outcomes of the region."""
        names = [name for name in SCHEMAS["runs"].names if name != "parameters"]
        read = [_frame(part) for part in Store(self.folder).read("runs", names)]
        whole = pd.concat(read, ignore_index=True) if read else SCHEMAS["runs"].empty_table().select(names).to_pandas()
        whole = whole.sort_values(["scenario", "point", "replication"], ignore_index=True)
        return whole.merge(self.points, on="point", how="left", validate="many_to_one") if self.factors else whole

    def headline(self) -> pd.DataFrame:
        """Headline outcomes of the region over the whole run, over all points and replications.

        Returns
        -------
        DataFrame
            ``scenario``, ``outcome``, ``mean``, ``low`` and ``high`` (5th and 95th percentile of runs), ``runs``.
        """
        names = [item.name for item in OUTCOMES if item.headline]
        done = self.runs[self.runs["status"] == "done"]
        rows = []
        for scenario in (item.key for item in self.scenarios):
            part = done[done["scenario"] == scenario]
            for name in names if len(part) else []:
                low, high = np.quantile(part[name], [0.05, 0.95])
                rows.append((scenario, name, part[name].mean(), low, high, len(part)))
        return pd.DataFrame(rows, columns=["scenario", "outcome", "mean", "low", "high", "runs"])

    def by_level(self, factor: str) -> pd.DataFrame:
        """Means of headline outcomes by scenario and level of one factor, over all other factors.

        Returns
        -------
        DataFrame
            ``scenario``, the factor, ``runs`` and a column an outcome.
        """
        names = [item.name for item in OUTCOMES if item.headline]
        done = self.runs[self.runs["status"] == "done"]
        grouped = done.groupby(["scenario", factor], sort=True)
        table = grouped[names].mean().assign(runs=grouped.size()).reset_index()[["scenario", factor, "runs", *names]]
        order = {item.key: number for number, item in enumerate(self.scenarios)}
        return table.sort_values("scenario", key=lambda keys: keys.map(order), kind="stable", ignore_index=True)

    def scan(self, table: str) -> Any:
        """Open ``runs``, ``series`` or ``places`` without reading it: a pyarrow dataset over the finished batches.

        ``scan("series").to_batches(columns=...)`` yields pieces; pyarrow filters, pandas and DuckDB read it too.
        """
        return scan(self.folder, table)


def scan(folder: Path, table: str) -> Any:
    """Open a stored table as a pyarrow dataset; nothing is read yet.

    Raises
    ------
    InputError
        If there is no such table.
    """
    import pyarrow.dataset as ds

    if table not in SCHEMAS:
        raise InputError(Problem("no table is called that", key="table", got=table, allowed=", ".join(SCHEMAS)))
    store = Store(folder)
    files = [str(store.path(table, key)) for key in store.batches()]
    return ds.dataset(files, schema=SCHEMAS[table], format="parquet")


def _odd(values: Any) -> bool:
    """Tell whether a factor's values are lists, which no table can hold."""
    return any(isinstance(value, list | dict) for value in values)


def parts(folder: Path, table: str) -> Iterator[pd.DataFrame]:
    """Read a stored table batch by batch, so that a large one never has to fit into memory."""
    for part in Store(folder).read(table):
        yield _frame(part)


def whole_table(folder: Path, table: str) -> pd.DataFrame:
    """Read a stored table at once."""
    read = list(parts(folder, table))
    joined = pd.concat(read, ignore_index=True) if read else pd.DataFrame()
    texts = [name for name in joined.columns if isinstance(joined[name].dtype, pd.CategoricalDtype)]
    return joined.astype(dict.fromkeys(texts, str))


def _frame(table: Any) -> pd.DataFrame:
    converted: pd.DataFrame = table.to_pandas()
    return converted
