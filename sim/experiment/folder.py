"""One folder of results: batches of runs, a manifest, and everything that belongs to them.

::

    DIR/manifest.json    versions, seed, resolved scenarios, hosts, times
    DIR/codebook.csv     name, unit, kind of every column
    DIR/log.jsonl        what happened when, a line an event
    DIR/checksums.sha256 of every file but the tables, once all is done
    DIR/scenarios/*.yaml every scenario as it was resolved
    DIR/runs/*.parquet   one row a run; written last, so a batch with no file here does not count
    DIR/series/*.parquet DIR/places/*.parquet

A file appears under its name only when it is complete and on disk. The ``runs`` file of a batch carries the
checksums of all three, and a batch is named after its runs; so everything that is not there, not whole or not
ours is found from the files alone. Scenarios and manifest hold all that is needed to plan any stored run again.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import hashlib
import io
import json
import os
import platform
import re
import shutil
import tempfile
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim import __version__
from sim.errors import InputError, Problem, SimError
from sim.experiment.design import read_points
from sim.experiment.files import LOCK, LOG, TEMPORARY, StoreError, file_sha256, locked, parquet_bytes, write_bytes
from sim.experiment.plan import ENSEMBLE_FILE as ENSEMBLE
from sim.experiment.plan import TOGETHER, Ensemble, Plan, Variant, build_plan, copies_of, key_of, read_ensemble
from sim.experiment.tables import CODEBOOK, SCHEMAS, TABLES, codebook, combined_digest, content_digest
from sim.model.identity import model_hash
from sim.region import Region, find_region, load_region
from sim.scenario import Scenario, Template, load_scenario, resolved, resolved_yaml, template_of

if TYPE_CHECKING:
    import pandas as pd


R = TypeVar("R")

MANIFEST, CHECKSUMS = "manifest.json", "checksums.sha256"
FORMAT = 1
SMALL_TABLES = 200
"""Small tables joined at a time: each costs far more memory than its rows."""
LIBRARIES = ("numpy", "numba", "mesa", "pandas", "scipy", "pyarrow", "matplotlib")
BATCH_NAME = re.compile(r"[0-9a-f]{16}")
OWN = frozenset({
    *TABLES, LOCK, LOG, MANIFEST, CHECKSUMS, "codebook.csv", "scenarios", "experiment.yaml", "points.csv", ENSEMBLE
})  # fmt: skip
"""What a folder may hold before its manifest is there."""


@dataclass(frozen=True)
class Progress:
    """Where an experiment stands.

    ``rate`` is runs a second in this session, ``eta`` seconds left (None: unknown).
    """

    done: int
    total: int
    failed: int
    rate: float
    eta: float | None


@dataclass
class Tally:
    """What a session did.

    ``reused`` runs were stored before it began; ``done`` and ``failed`` count those too. ``lost`` counts tasks
    whose worker died. ``stopped`` says that a failed run ended it before all was done.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    reused: int = 0
    lost: int = 0
    stopped: bool = False
    run_seconds: float = 0.0
    store_seconds: float = 0.0
    elapsed: float = 0.0
    hosts: set[str] = field(default_factory=set)

    def progress(self) -> Progress:
        """Say where the experiment stands."""
        finished = self.done + self.failed
        rate = (finished - self.reused) / self.elapsed if self.elapsed > 0 else 0.0
        return Progress(finished, self.total, self.failed, rate, (self.total - finished) / rate if rate > 0 else None)


@dataclass(frozen=True)
class ResultsFolder:
    """Reads and writes one folder of results. Holds little but the path: cheap to send to a worker."""

    path: Path
    temporary: bool = False

    # --- the folder ---

    @classmethod
    def at(cls, out: Path | str | None) -> ResultsFolder:
        """Return the folder of that name, or a new temporary one; nothing else is created yet."""
        return cls(Path(tempfile.mkdtemp(prefix="stabsim-")), temporary=True) if out is None else cls(Path(out))

    @classmethod
    def free(cls, name: str, plan: Plan, below: Path | str) -> ResultsFolder:
        """Return the folder of that name, or of the name with a number, that is free or holds runs of this plan."""
        for number in range(1, 1000):
            path = Path(below) / (name if number == 1 else f"{name}-{number}")
            if not path.exists() or not any(path.iterdir()):
                return cls(path)
            if (path / MANIFEST).is_file() and cls(path).fits(plan):
                return cls(path)
        raise InputError(Problem("too many experiments of this name", file=str(Path(below) / name), hint="use --out"))

    @classmethod
    def existing(cls, path: Path | str) -> ResultsFolder:
        """Return a folder that holds results; an InputError if it does not."""
        folder = cls(Path(path))
        if not (folder.path / "runs").is_dir():
            raise InputError(folder.no_results())
        return folder

    def no_results(self) -> Problem:
        """Say why the folder cannot be read as results."""
        what = "holds no results of this program" if self.path.exists() else "does not exist"
        return Problem(what, file=str(self.path), allowed="a folder of run, compare or sweep")

    def fits(self, plan: Plan) -> bool:
        """Tell whether the folder is free or holds nothing but runs of this plan."""
        try:
            return set(self.finished()) <= {run.run for run in plan.runs}
        except OSError:
            return False

    @contextlib.contextmanager
    def opened(self, plan: Plan) -> Iterator[ResultsFolder]:
        """Create the folder and hold it; a temporary one is removed when an error ends this.

        Raises
        ------
        InputError
            If it holds results of another plan or something else, or cannot be written.
        FolderBusyError
            If another process holds it.
        """
        if self.path.is_dir() and not self.fits(plan):
            raise InputError(
                Problem(
                    "the folder holds results of other scenarios, settings or sources; nothing was written",
                    file=str(self.path),
                    hint="choose another with --out, or remove it",
                )
            )
        self.prepare()
        try:
            with self.lock():
                yield self
        except BaseException:
            if self.temporary:
                shutil.rmtree(self.path, ignore_errors=True)
            raise

    def handed_over(self, owner: R) -> R:
        """Let a temporary folder live exactly as long as ``owner``, the results that read from it."""
        if self.temporary:
            weakref.finalize(owner, shutil.rmtree, self.path, ignore_errors=True)
        return owner

    def prepare(self) -> None:
        """Create the folder, or accept one that is empty or already holds results of this program.

        Results without a manifest are accepted: everything in it can be made again.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            names = {path.name for path in self.path.iterdir() if not path.match(TEMPORARY)}
            if names - OWN and MANIFEST not in names and not self.batches():
                raise InputError(
                    Problem(
                        "the folder holds something else; nothing was written",
                        file=str(self.path),
                        hint="choose another with --out",
                    )
                )
            for table in TABLES:
                (self.path / table).mkdir(exist_ok=True)
            probe = self.path / f".probe.{os.getpid()}.tmp"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise InputError(
                Problem(
                    f"cannot write results there: {error.strerror or error}",
                    file=str(self.path),
                    hint="choose another folder with --out",
                )
            ) from None

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Hold the folder; a second live owner gets FolderBusyError, a dead one has let go."""
        return locked(self.path)

    # --- batches ---

    def file(self, table: str, key: str) -> Path:
        """Return where a batch keeps one of its tables."""
        return self.path / table / f"{key}.parquet"

    def write_batch(self, tables: Mapping[str, pa.Table]) -> str:
        """Write a batch under the name of its runs: series and places first, ``runs`` last, which makes it count."""
        key = key_of(tables["runs"]["run"].to_pylist())
        sums = {"runs_sha256": _rows_sha256(tables["runs"])}
        for name in ("series", "places"):
            content = parquet_bytes(tables[name])
            sums[f"{name}_bytes"] = str(content.size)
            sums[f"{name}_sha256"] = hashlib.sha256(content).hexdigest()
            write_bytes(self.file(name, key), content)
        write_bytes(self.file("runs", key), parquet_bytes(tables["runs"].replace_schema_metadata(sums)))
        return key

    def good(self, key: str) -> bool:
        """Tell quickly whether a batch is complete: three files, each as long as it was written."""
        try:
            sums = pq.read_schema(self.file("runs", key)).metadata or {}
            return all(
                self.file(name, key).stat().st_size == int(sums[f"{name}_bytes".encode()])
                for name in ("series", "places")
            )
        except (OSError, pa.ArrowException, KeyError):
            return False

    def fault(self, key: str) -> str:
        """Say what is wrong with a batch, every byte read; empty when nothing is."""
        path = self.file("runs", key)
        try:
            runs = _read_whole(path)
            sums = {name.decode(): value.decode() for name, value in (runs.schema.metadata or {}).items()}
            if not runs.schema.equals(SCHEMAS["runs"]) or sums.get("runs_sha256") != _rows_sha256(runs):
                return f"{path}: damaged: its rows are not those that were written"
            if key != key_of(runs["run"].to_pylist()):
                return f"{path}: not this batch: the name does not fit its runs"
            for name in ("series", "places"):
                path = self.file(name, key)
                if file_sha256(path) != sums[f"{name}_sha256"]:
                    return f"{path}: damaged: its checksum is not the one recorded"
        except FileNotFoundError:
            return f"{path}: missing"
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            return f"{path}: damaged: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        return ""

    def names(self) -> list[str]:
        """List the names of all batches that have a ``runs`` file, whole or not."""
        found = (path.stem for path in (self.path / "runs").glob("*.parquet"))
        return sorted(stem for stem in found if BATCH_NAME.fullmatch(stem))

    def batches(self) -> list[str]:
        """List the complete batches."""
        return [key for key in self.names() if self.good(key)]

    def statuses(self, key: str) -> dict[str, str]:
        """Map the runs of one batch to their status, done or failed."""
        table = pq.read_table(self.file("runs", key), columns=["run", "status"])
        return dict(zip(table["run"].to_pylist(), table["status"].to_pylist(), strict=True))

    def rows(self, key: str) -> list[dict[str, Any]]:
        """Return the rows of one batch in ``runs``."""
        found: list[dict[str, Any]] = pq.read_table(self.file("runs", key)).to_pylist()
        return found

    def row(self, run: str) -> dict[str, Any] | None:
        """Return the row of one run in ``runs``; None when it is not stored."""
        for table in self.read("runs"):
            found: list[dict[str, Any]] = table.filter(pc.field("run") == run).to_pylist()
            if found:
                return found[0]
        return None

    def finished(self) -> dict[str, str]:
        """Map the id of every stored run to its status, done or failed."""
        status: dict[str, str] = {}
        for key in self.batches():
            status.update(self.statuses(key))
        return status

    def read(
        self, table: str, columns: Sequence[str] | None = None, keys: Sequence[str] | None = None
    ) -> Iterator[pa.Table]:
        """Yield one table batch by batch, all or those named, so that memory does not grow with the experiment."""
        for key in self.batches() if keys is None else keys:
            try:
                yield _read_whole(self.file(table, key), columns)
            except (OSError, pa.ArrowException) as error:
                raise StoreError(f"{self.file(table, key)}: damaged: {error}") from None

    def frames(self, table: str) -> Iterator[pd.DataFrame]:
        """Yield a table as pandas frames, batch by batch, so that a large one never has to fit into memory."""
        return (part.to_pandas() for part in self.read(table))

    def frame(self, table: str) -> pd.DataFrame:
        """Return ``series`` or ``places`` as one pandas frame, labels as text."""
        import pandas as pd

        read = list(self.frames(table))
        joined = pd.concat(read, ignore_index=True) if read else pd.DataFrame()
        labels = [name for name in joined.columns if isinstance(joined[name].dtype, pd.CategoricalDtype)]
        return joined.astype(dict.fromkeys(labels, str))

    def runs(self) -> pa.Table:
        """Return the whole ``runs`` table in order of scenario, point and replication."""
        tables = [SCHEMAS["runs"].empty_table()]
        for table in self.read("runs"):
            tables.append(table.replace_schema_metadata())
            if len(tables) > SMALL_TABLES:
                tables = [pa.concat_tables(tables).combine_chunks()]
        whole = pa.concat_tables(tables)
        return whole.sort_by([("scenario", "ascending"), ("point", "ascending"), ("replication", "ascending")])

    def recorded_hash(self, table: str) -> str:
        """Return the hash of ``series`` or ``places`` from the digests taken when the runs were stored."""
        column = f"{table}_sha256"
        pairs: list[tuple[str, str]] = []
        for runs in self.read("runs", ["run", "status", column]):
            done = runs.filter(pc.field("status") == "done")
            pairs += zip(done["run"].to_pylist(), done[column].to_pylist(), strict=True)
        return combined_digest(pairs)

    def content_hash(self, table: str) -> str:
        """Return the hash of ``series`` or ``places`` computed again from the stored rows.

        Rows count sorted by run, then month or window, then state or place, columns in schema order; the
        encoding, the batches and the order of the files do not matter.
        """
        return combined_digest(self.digests(table))

    def digests(self, table: str, keys: Sequence[str] | None = None) -> Iterator[tuple[str, str]]:
        """Yield each stored run, of all batches or those named, with the digest of its rows in a table."""
        order = ("month", "state") if table == "series" else ("window", "state", "district", "community")
        for batch in self.read(table, keys=keys):
            for run in batch["run"].unique().to_pylist():
                rows = batch.filter(pc.equal(batch["run"], run))
                plain = pa.table({name: _text(rows[name]) for name in order})
                yield (
                    run,
                    content_digest(rows.take(pc.sort_indices(plain, [(name, "ascending") for name in order]))),
                )

    def repair(self) -> dict[str, str]:
        """Read every byte; leave only whole batches, each run once; return ``finished()``.

        What is damaged or incomplete goes, to be run again.
        """
        self.remove_temporaries()
        whole = [key for key in self.names() if not self.fault(key)]
        kept = set(whole)
        for table in TABLES:
            for path in (self.path / table).glob("*.parquet"):
                if BATCH_NAME.fullmatch(path.stem) and path.stem not in kept:
                    path.unlink(missing_ok=True)
        return self.settle(whole)

    def settle(self, keys: Sequence[str] | None = None) -> dict[str, str]:
        """Leave each run once in all complete batches, or in those named; return ``finished()``.

        A run is stored twice when a worker outlived its sweep: the copy that failed goes, or either.
        """
        whole = {key: self.statuses(key) for key in (self.batches() if keys is None else keys)}
        owner: dict[str, str] = {}
        for key, statuses in whole.items():
            for run, status in statuses.items():
                if run not in owner or (status == "done" and whole[owner[run]][run] == "failed"):
                    owner[run] = key
        kept = {key: {run for run in statuses if owner[run] == key} for key, statuses in whole.items()}
        for key in sorted(kept, key=lambda key: len(kept[key])):  # what goes wholly goes first: its name may be needed
            if len(kept[key]) < len(whole[key]):
                self.rewrite(key, kept[key])
        return {run: whole[key][run] for run, key in owner.items()}

    def rewrite(self, key: str, keep: Collection[str]) -> None:
        """Replace a batch by one with some of its runs."""
        if keep:
            tables = {name: pq.read_table(self.file(name, key)) for name in TABLES}
            wanted = pc.field("run").isin(sorted(keep))
            self.write_batch({name: table.filter(wanted) for name, table in tables.items()})
        for name in TABLES:
            self.file(name, key).unlink()

    def remove_temporaries(self) -> None:
        """Remove what a killed process was writing."""
        for folder in (self.path, *(self.path / table for table in TABLES)):
            for left in folder.glob(TEMPORARY):
                left.unlink(missing_ok=True)

    # --- the manifest, and what follows from it ---

    def manifest(self) -> dict[str, Any]:
        """Read the manifest; an absent one is empty."""
        try:
            with (self.path / MANIFEST).open(encoding="utf-8") as handle:
                content = json.load(handle)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.path / MANIFEST}: cannot be read: {error}") from None
        if not isinstance(content, dict):
            raise StoreError(f"{self.path / MANIFEST}: not a manifest")
        return content

    def write_manifest(self, content: Mapping[str, Any]) -> None:
        """Replace the manifest in one step."""
        text = json.dumps({"format": FORMAT, **content}, indent=1, ensure_ascii=False, sort_keys=False)
        self.__dict__.pop("recorded", None)
        self.write_file(MANIFEST, text + "\n")

    def describe(
        self,
        plan: Plan,
        region: Region,
        kind: str,
        status: str,
        *,
        started: str,
        baseline: str = "",
        more: Mapping[str, Any] | None = None,
        tally: Tally | None = None,
        workers: int = 1,
    ) -> None:
        """Write the manifest: what is run, with what, and, given a ``tally``, what was done. ``more`` is added to it."""
        ensemble = plan.ensemble
        content: dict[str, Any] = {
            "program": "stabsim",
            "version": __version__,
            "kind": kind,
            "status": status,
            "model_hash": plan.model_hash,
            "region": {"key": region.key, "sha256": region.sha256},
            "base_seed": plan.base_seed,
            "replications": plan.replications,
            "planned": len(plan.runs),
            "citizens": plan.citizens,
            "baseline": baseline or plan.scenarios[0].key,
            "scenarios": [_described(item, plan.templates.get(item.key)) for item in plan.scenarios],
        }
        if ensemble is not None:
            content["ensemble"] = {"sha256": ensemble.sha256, "points": len(ensemble.rows), "together": TOGETHER}
        content |= {**(more or {}), "versions": _versions(), "platform": platform.platform(), "started": started}
        if tally is not None:
            content |= {
                "finished": now(),
                "hosts": sorted(tally.hosts),
                "workers": workers,
                "runs": {"total": tally.total, "done": tally.done, "failed": tally.failed, "reused": tally.reused},
                "seconds": {
                    "elapsed": round(tally.elapsed, 3),
                    "running": round(tally.run_seconds, 3),
                    "storing": round(tally.store_seconds, 3),
                },
                "tables": {f"{name}_sha256": self.recorded_hash(name) for name in ("series", "places")},
            }
        self.write_manifest(content)

    @cached_property
    def recorded(self) -> dict[str, Any]:
        """The manifest as it was when first asked for; an InputError where there is none to read."""
        try:
            content = self.manifest()
        except StoreError as error:
            raise InputError(f"{error}; the command that made the folder makes it again") from None
        if not content:
            raise InputError(self.no_results())
        return content

    def write_inputs(self, plan: Plan, files: Mapping[str, str], factors: Sequence[Mapping[str, object]] = ()) -> None:
        """Write what runs are made from: scenarios, ensemble, other ``files`` by name, and the codebook."""
        self.write_codebook(factors)
        ensemble = {ENSEMBLE: plan.ensemble.text()} if plan.ensemble else {}
        scenarios = {f"scenarios/{item.key}.yaml": resolved_yaml(item) for item in plan.scenarios}
        for name, content in {**files, **ensemble, **scenarios}.items():
            self.write_file(name, content)

    def write_codebook(self, factors: Sequence[Mapping[str, object]] = ()) -> None:
        """Write what every column means, the factors of a design included."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([CODEBOOK, *codebook(factors)])
        self.write_file("codebook.csv", text.getvalue())

    def write_file(self, name: str, text: str) -> None:
        """Put a text file into the folder in one step; ``name`` is relative to it."""
        path = self.path / name
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path.parent}: cannot be written: {error.strerror or error}") from None
        write_bytes(path, text.encode())

    # --- stored runs, planned again ---

    def scenario(self, key: str) -> Scenario:
        """Load a scenario as it was resolved for the experiment."""
        return load_scenario(self.path / "scenarios" / f"{key}.yaml")

    def source(self, key: str) -> Template | None:
        """Return the scenario as it was written, for points to change; None outside of sweeps."""
        entry = next(item for item in self.recorded["scenarios"] if item["key"] == key)
        return template_of(key, entry["written"]) if "written" in entry else None

    def region_hash(self, scenario: Scenario) -> str:
        """Return the hash of the region's tables as they are now."""
        return load_region(find_region(scenario.region), scenario.start_year).sha256

    @cached_property
    def copies(self) -> tuple[int, ...]:
        """How many equal points came before each point of a sweep's design."""
        factors = self.recorded.get("design", {}).get("factors")
        return tuple(copies_of(read_points(self.path, factors))) if factors else (0,)

    @cached_property
    def ensemble(self) -> Ensemble | None:
        """The parameter sets that replications drew from, as stored; None when all had the central values."""
        return read_ensemble(self.path / ENSEMBLE) if "ensemble" in self.recorded else None

    @cached_property
    def variants(self) -> tuple[Variant, ...]:
        """Which of the scenarios are others under a stance of a rival theory."""
        return tuple(Variant(**entry) for entry in self.recorded.get("theories", ()))

    def point(self, recorded: str) -> dict[str, Any]:
        """Return what the design point set among the recorded parameters of a run; the others were drawn."""
        values: dict[str, Any] = json.loads(recorded)
        factors = {factor["key"] for factor in self.recorded.get("design", {}).get("factors", ())}
        return {key: value for key, value in values.items() if key in factors}

    def plan(self, key: str, point: Mapping[str, Any], replications: int, number: int = 0) -> Plan:
        """Plan the runs of one scenario and design point, with the model and the region there are now.

        ``number`` is the point's: a design may repeat a point, and the copies' runs have ids of their own.
        """
        scenario, source = self.scenario(key), self.source(key)
        return build_plan(
            [scenario],
            base_seed=self.recorded["base_seed"],
            replications=replications,
            citizens=self.recorded["citizens"],
            region_hash=self.region_hash(scenario),
            points=[point],
            templates={key: source} if source else None,
            copies=[self.copies[number]] if number < len(self.copies) else None,
            ensemble=self.ensemble,
        )

    def changes(self) -> list[str]:
        """List what has changed since the runs were made; with any of it no stored run can be continued."""
        recorded, found = self.recorded, []
        if recorded["model_hash"] != model_hash():
            found.append(f"the model's sources: hash {recorded['model_hash'][:12]}, now {model_hash()[:12]}")
        for entry in recorded["scenarios"]:
            key = entry["key"]
            try:
                scenario = self.scenario(key)
            except SimError as error:
                found.append(f"scenario {key}: its stored text is not valid any more: {str(error).splitlines()[0]}")
                continue
            if scenario.content_hash() != entry["sha256"]:
                found.append(
                    f"scenario {key}: its stored text now means something else: "
                    f"hash {entry['sha256'][:12]}, now {scenario.content_hash()[:12]}"
                )
        found += self._region_changes()
        if "ensemble" in recorded and (self.ensemble is None or self.ensemble.sha256 != recorded["ensemble"]["sha256"]):
            found.append("the stored ensemble of parameters")
        return found

    def _region_changes(self) -> list[str]:
        region = self.recorded["region"]
        try:
            now = self.region_hash(self.scenario(self.recorded["scenarios"][0]["key"]))
        except SimError as error:
            return [f"region {region['key']}: cannot be read: {str(error).splitlines()[0]}"]
        if now == region["sha256"]:
            return []
        return [f"region {region['key']}: its tables: hash {region['sha256'][:12]}, now {now[:12]}"]

    def version_changes(self) -> list[str]:
        """Say which libraries have another version than the one the runs were made with."""
        found = []
        for name, old in self.recorded.get("versions", {}).items():
            try:
                now = version(name)
            except PackageNotFoundError:
                continue
            if now != old:
                found.append(f"{name} {old}, now {now}")
        return found

    # --- checksums ---

    def other_files(self) -> list[str]:
        """List the files of the folder that are neither tables nor lock, log, checksums or temporary."""
        left_out = {LOCK, LOG, CHECKSUMS}
        names = (path.relative_to(self.path) for path in self.path.rglob("*") if path.is_file())
        return sorted(
            name.as_posix()
            for name in names
            if name.parts[0] not in TABLES and str(name) not in left_out and not name.match(TEMPORARY)
        )

    def seal(self) -> None:
        """Record the checksum of every file but the tables, as ``sha256sum`` does; call when all are written."""
        lines = [f"{file_sha256(self.path / name)}  {name}\n" for name in self.other_files()]
        self.write_file(CHECKSUMS, "".join(lines))

    def seal_file(self, path: Path) -> None:
        """Record the checksum of one file that joined a sealed folder; elsewhere, and before the seal, do nothing."""
        recorded = self.seals()
        if recorded is None or not path.resolve().is_relative_to(self.path.resolve()):
            return
        recorded[path.resolve().relative_to(self.path.resolve()).as_posix()] = file_sha256(path)
        self.write_file(CHECKSUMS, "".join(f"{recorded[name]}  {name}\n" for name in sorted(recorded)))

    def seals(self) -> dict[str, str] | None:
        """Return recorded checksums by file name; None when none were recorded. A line that is none is left out."""
        try:
            lines = (self.path / CHECKSUMS).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        return {name: digest for digest, _, name in (line.partition("  ") for line in lines) if name}

    def unseal(self) -> None:
        """Forget the checksums: files are about to change."""
        with contextlib.suppress(OSError):
            (self.path / CHECKSUMS).unlink()


def _read_whole(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read(columns=columns)


def _rows_sha256(runs: pa.Table) -> str:
    """Hash rows of ``runs``; numbers as their shortest text, which is exact."""
    return hashlib.sha256(json.dumps(runs.to_pylist()).encode()).hexdigest()


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _described(scenario: Scenario, source: Any) -> dict[str, Any]:
    """Return a scenario's entry; in a sweep with its source as written, so that any run can be made again from here."""
    entry = {
        "key": scenario.key,
        "title": scenario.title,
        "sha256": scenario.content_hash(),
        "files": scenario.files,
        "resolved": resolved(scenario),
    }
    return entry | ({"written": source.written()} if isinstance(source, Template) else {})


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def now() -> str:
    """The time as a manifest records it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
