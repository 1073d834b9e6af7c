"""Typed views of one folder of results: what the functions return, `read_results` opens and `compact` exports.

Tables are pandas frames, read from the folder when asked for; `scan` opens one that does not fit into memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim.analysis import WHOLE_RUN, headline_effects, monthly_table, over_time, window_table
from sim.errors import InputError, Problem
from sim.experiment import ResultsFolder, StoreError, Tally, read_points
from sim.experiment.design import cell
from sim.experiment.files import write_bytes
from sim.experiment.tables import SCHEMAS, TABLES
from sim.scenario import Scenario
from sim.world.outcomes import OUTCOMES

ROWS_A_GROUP = 100_000
"""Rows of a row group in a compact file: what a reader holds at once."""
WORDS = ("in_words", "fails_under", "note")
"""Columns of text that may be empty in every row."""


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
        converted: pd.DataFrame = ResultsFolder(self.folder).runs().to_pandas()
        return converted

    @cached_property
    def series(self) -> pd.DataFrame:
        """Outcomes by run, month and state."""
        return ResultsFolder(self.folder).frame("series")

    @cached_property
    def places(self) -> pd.DataFrame:
        """Place outcomes by run, year of the run, district and community."""
        return ResultsFolder(self.folder).frame("places")

    @cached_property
    def windows(self) -> pd.DataFrame:
        """Totals and means by run, scope and window."""
        return window_table(ResultsFolder(self.folder).frames("series"))


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
        columns = dict(read_points(self.folder, self.design["factors"]).columns) if self.factors else {}
        for key, values in columns.items():
            if any(isinstance(value, list | dict) for value in values):  # no table can hold them
                columns[key] = [cell(value) for value in values]
        made = pd.DataFrame(columns) if columns else pd.DataFrame(index=[0])
        made.insert(0, "point", np.arange(len(made), dtype=np.int32))
        return made

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run: its point's factors, seed, status, error, whole-run outcomes of the region."""
        names = [name for name in SCHEMAS["runs"].names if name != "parameters"]
        read = ResultsFolder(self.folder).read("runs", names)
        empty = SCHEMAS["runs"].empty_table().select(names)
        frames: list[pd.DataFrame] = [part.to_pandas() for part in read]
        whole: pd.DataFrame = pd.concat(frames or [empty.to_pandas()], ignore_index=True)
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


def scan(folder: Path | str, table: str) -> Any:
    """Open a stored table as a pyarrow dataset; nothing is read yet.

    Raises
    ------
    InputError
        If there is no such table.
    """
    import pyarrow.dataset as ds

    if table not in SCHEMAS:
        raise InputError(Problem("no table is called that", key="table", got=table, allowed=", ".join(SCHEMAS)))
    results = ResultsFolder(Path(folder))
    files = [str(results.file(table, key)) for key in results.batches()]
    return ds.dataset(files, schema=SCHEMAS[table], format="parquet")


COMPARED = tuple(item.name for item in fields(Comparison) if item.default_factory is pd.DataFrame)
"""Tables of a comparison, each in a file of its name."""


def read_results(folder: Path | str) -> Results:
    """Open a folder that ``run``, ``compare`` or ``sweep`` wrote, finished or not.

    Returns
    -------
    RunResults, Comparison or SweepResults
        As the call that wrote it returned; ``tally`` counts what is stored now.

    Raises
    ------
    InputError
        If the folder holds no results.
    """
    path = Path(folder)
    stored = ResultsFolder(path)
    manifest = stored.recorded
    derived = {variant.key for variant in stored.variants}
    keys = [entry["key"] for entry in manifest["scenarios"]]
    scenarios = tuple(stored.scenario(key) for key in keys if key not in derived)
    tally = _tally(stored)
    figures = tuple(sorted((path / "figures").glob("*"))) if (path / "figures").is_dir() else ()
    if manifest["kind"] == "sweep":
        return SweepResults(
            path,
            scenarios,
            tally,
            baseline=manifest["baseline"],
            design=manifest["design"],
            replications=manifest["replications"],
            sequential=manifest.get("sequential", {}),
        )
    if manifest["kind"] == "compare":
        tables: dict[str, Any] = {name: _csv(path / f"{name}.csv") for name in COMPARED}
        return Comparison(
            path,
            scenarios,
            tally,
            baseline=manifest["baseline"],
            figures=figures,
            **tables,
        )
    history = over_time(monthly_table(stored.frames("series")), scenarios[0].key)
    return RunResults(path, scenarios, tally, history=history, figures=figures)


def _tally(folder: ResultsFolder) -> Tally:
    statuses, manifest = list(folder.finished().values()), folder.recorded
    failed = statuses.count("failed")
    seconds = manifest.get("seconds", {})
    return Tally(
        total=int(manifest.get("planned", len(statuses))),
        done=len(statuses) - failed,
        failed=failed,
        reused=len(statuses),
        run_seconds=float(seconds.get("running", 0.0)),
        store_seconds=float(seconds.get("storing", 0.0)),
        elapsed=float(seconds.get("elapsed", 0.0)),
        hosts=set(manifest.get("hosts", ())),
    )


def _csv(path: Path) -> pd.DataFrame:
    """Read a table; text that is empty stays text."""
    if not path.is_file():
        return pd.DataFrame()
    table = pd.read_csv(path, dtype=dict.fromkeys(WORDS, str))
    texts = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    for name in texts:
        table[name] = table[name].fillna("")
    return table


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
    source, target = ResultsFolder(Path(folder)), Path(to)
    manifest = source.recorded
    written = [target / name for name in (*(f"{table}.parquet" for table in TABLES), "codebook.csv")]
    if there := [path.name for path in written if path.exists()]:
        raise InputError(Problem(f"holds {there[0]} already", file=str(target), hint="choose another folder with --to"))
    order = _order(source, [entry["key"] for entry in manifest["scenarios"]])
    factors = manifest.get("design", {}).get("factors", [])
    points = read_points(source.path, factors).columns if factors else {}
    try:
        target.mkdir(parents=True, exist_ok=True)
        for table in TABLES:
            _write_compact(
                source, table, order, points if table == "runs" else {}, factors, target / f"{table}.parquet"
            )
        write_bytes(target / "codebook.csv", (source.path / "codebook.csv").read_bytes())
    except OSError as error:
        raise StoreError(f"{target}: cannot be written: {error.strerror or error}") from None
    return written


def _order(source: ResultsFolder, scenarios: list[str]) -> list[tuple[str, str]]:
    """List the runs in the order of the plan, which is nearly that of the batches, each with the batch it is in."""
    place = {key: number for number, key in enumerate(scenarios)}
    keys = source.batches()
    read = zip(keys, source.read("runs", ["run", "scenario", "point", "replication"], keys), strict=True)
    rows = [
        (row["replication"], row["point"], place[row["scenario"]], row["run"], key)
        for key, part in read
        for row in part.to_pylist()
    ]
    return [(run, key) for *_, run, key in sorted(rows)]


def _write_compact(
    source: ResultsFolder,
    table: str,
    order: list[tuple[str, str]],
    points: Mapping[str, Sequence[Any]],
    factors: list[dict[str, Any]],
    path: Path,
) -> None:
    """Write one table, a row group at a time; the few batches read last are kept in memory."""

    @lru_cache(maxsize=8)
    def batch(key: str) -> pa.Table:
        return pq.read_table(source.file(table, key))

    def groups() -> Iterator[list[pa.Table]]:
        held: list[pa.Table] = []
        for run, key in order:
            held.append(batch(key).filter(pc.equal(batch(key)["run"], run)))
            if sum(part.num_rows for part in held) >= ROWS_A_GROUP:
                yield held
                held = []
        if held:
            yield held

    kinds = {factor["key"]: _kind(factor) for factor in factors if factor["key"] in points}
    schema = SCHEMAS[table]
    for key, kind in kinds.items():
        schema = schema.append(pa.field(key, kind))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with pq.ParquetWriter(
            temporary,
            schema,
            compression="zstd",
            use_dictionary=[entry.name for entry in schema if not pa.types.is_floating(entry.type)],
            column_encoding={entry.name: "BYTE_STREAM_SPLIT" for entry in schema if pa.types.is_floating(entry.type)},
            write_page_checksum=True,
        ) as writer:
            for held in groups():
                group = _joined(held)
                numbers = group["point"].to_numpy() if kinds else ()
                for key, kind in kinds.items():
                    chosen = [points[key][number] for number in numbers]
                    if pa.types.is_string(kind):
                        chosen = [cell(value) for value in chosen]
                    group = group.append_column(key, pa.array(np.array(chosen).tolist(), kind))
                writer.write_table(group.cast(schema) if kinds else group)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _joined(tables: list[pa.Table]) -> pa.Table:
    """Put tables together; texts are coded in order of appearance, however the batches coded them."""
    whole = pa.concat_tables([table.replace_schema_metadata() for table in tables])
    columns = [
        column.cast(pa.string()).combine_chunks().dictionary_encode() if pa.types.is_dictionary(column.type) else column
        for column in whole.columns
    ]
    return pa.table(columns, schema=whole.schema)


def _kind(factor: dict[str, Any]) -> pa.DataType:
    """Numbers as numbers, everything else as text."""
    levels = factor["levels"]
    if levels is None or all(isinstance(level, int | float) and not isinstance(level, bool) for level in levels):
        return pa.float64()
    return pa.string()
