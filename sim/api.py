"""The commands as functions: load a scenario, run it, compare it with others; results as pandas tables."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from sim import __version__
from sim.analysis import (
    REGION,
    WHOLE_RUN,
    cost_effectiveness,
    difference_over_time,
    district_effects,
    district_totals,
    monthly_table,
    over_time,
    paired_effects,
    verdict,
    window_table,
    write_csv,
)
from sim.errors import InputError, Problem, SimError
from sim.experiment import (
    Engine,
    ModelEngine,
    Plan,
    Progress,
    Store,
    StoreError,
    Tally,
    adjusted,
    available_workers,
    build_plan,
    execute,
)
from sim.region import Region, find_region, load_region
from sim.scenario import Scenario, load_scenario, resolved, resolved_yaml
from sim.world.outcomes import OUTCOMES

__all__ = [
    "Comparison",
    "RunResults",
    "RunsFailedError",
    "catalogue",
    "compare",
    "load_scenario",
    "rerun",
    "run",
]

R = TypeVar("R", bound="Results")
ScenarioLike = Scenario | str | Path
ProgressCallback = Callable[[Progress], None]

MAX_REPLICATIONS = 100_000
MAX_WORKERS = 512
MAX_SEED = 2**63 - 1
PROCESS_BYTES = 400_000_000
CITIZEN_BYTES = 50
RUN_BYTES = 250_000
"""Generous estimates, for refusing what cannot fit: a worker, a citizen, a stored run of ten years."""


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
        return _whole(self.folder, "series")

    @cached_property
    def places(self) -> pd.DataFrame:
        """Place outcomes by run, year of the run, district and community."""
        return _whole(self.folder, "places")

    @cached_property
    def windows(self) -> pd.DataFrame:
        """Totals and means by run, scope and window."""
        return window_table(_parts(self.folder, "series"))


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
    """Paired effects against ``baseline``: tables as written to the folder, and the figures' files."""

    baseline: str = ""
    effects: pd.DataFrame = field(default_factory=pd.DataFrame)
    cost_effectiveness: pd.DataFrame = field(default_factory=pd.DataFrame)
    districts: pd.DataFrame = field(default_factory=pd.DataFrame)
    over_time: pd.DataFrame = field(default_factory=pd.DataFrame)
    figures: tuple[Path, ...] = ()

    def headline(self) -> pd.DataFrame:
        """Differences of headline outcomes in the region over the whole run, with the verdict in words."""
        rows = self.effects
        rows = rows[(rows["scope"] == REGION) & (rows["window"] == WHOLE_RUN) & (rows["contrast"] == "difference")]
        better = {item.name: item.better for item in OUTCOMES if item.headline}
        rows = rows[rows["outcome"].isin(list(better))].reset_index(drop=True)
        numbers = zip(rows["effect"], rows["ci_low"], rows["ci_high"], rows["outcome"], strict=True)
        words = [verdict(effect, low, high, better[name]) for effect, low, high, name in numbers]
        return rows.assign(in_words=words)


def run(
    scenario: ScenarioLike,
    *,
    seed: int = 1,
    replications: int = 1,
    citizens: int | str = 20_000,
    months: int | None = None,
    threads: int = 1,
    workers: int | None = None,
    set_: Sequence[str] = (),
    out: Path | str | None = None,
    figures: bool = True,
    progress: ProgressCallback | None = None,
    engine: Engine | None = None,
) -> RunResults:
    """Run one scenario.

    Parameters
    ----------
    scenario : Scenario, path or shipped name
    seed : int
        Seed of the experiment; replication r uses ``run_seed(seed, r)``.
    replications : int
        Independent histories.
    citizens : int or "all"
        Super-individuals, or one per inhabitant.
    months : int, optional
        Shorten or lengthen the scenario.
    threads, workers : int
        Kernel threads of a run; processes side by side (default: as many as there are processors).
    set_ : sequence of str
        Overrides such as ``interventions.police.intensity=0.5``.
    out : path, optional
        Folder of the results; without one they live as long as the returned object.
    figures : bool
        Draw figures into ``out/figures``.
    progress : callable, optional
        Told after every batch.
    engine : Engine, optional
        Something else that runs scenarios; the model by default.

    Returns
    -------
    RunResults
    """
    setup = _prepare([scenario], seed, replications, citizens, months, threads, workers, set_, engine)
    with _Folder(out, setup, "run") as folder:
        tally = folder.execute(progress)
        spec = setup.plan.scenarios[0]
        history = over_time(monthly_table(_parts(folder.path, "series")), spec.key)
        files: list[Path] = []
        if figures:
            from sim.plots import run_figures

            start = (spec.start_year, spec.start_month)
            title = spec.title or spec.key
            files = run_figures(folder.path / "figures", history, setup.note([spec]), title, start)
        folder.finish(tally)
        return folder.handed_over(
            RunResults(folder.path, setup.plan.scenarios, tally, history=history, figures=tuple(files))
        )


def compare(
    scenarios: Sequence[ScenarioLike],
    *,
    baseline: ScenarioLike | None = None,
    replications: int = 64,
    seed: int = 1,
    citizens: int | str = 20_000,
    months: int | None = None,
    threads: int = 1,
    workers: int | None = None,
    set_: Sequence[str] = (),
    out: Path | str | None = None,
    figures: bool = True,
    progress: ProgressCallback | None = None,
    engine: Engine | None = None,
) -> Comparison:
    """Compare scenarios with a baseline, replication by replication in the same luck.

    Writes ``effects.csv``, ``cost_effectiveness.csv``, ``districts.csv``, ``over_time.csv``,
    ``codebook.csv`` and figures beside the stored runs. The same call in the same folder runs only what is
    missing.

    Parameters
    ----------
    scenarios : sequence of Scenario, path or shipped name
        At least one besides the baseline.
    baseline : Scenario, path or shipped name, optional
        What the others are compared with; the first scenario by default.
    replications, seed, citizens, months, threads, workers, set_, out, figures, progress, engine
        As in ``run``; ``set_`` applies to every scenario, the baseline included.

    Returns
    -------
    Comparison
    """
    everything = list(scenarios) if baseline is None else [baseline, *scenarios]
    setup = _prepare(everything, seed, replications, citizens, months, threads, workers, set_, engine)
    base, *others = setup.plan.scenarios
    if not others:
        raise InputError("compare: give at least two different scenarios, or a baseline and another one")
    with _Folder(out, setup, "compare", base.key) as folder:
        tally = folder.execute(progress)
        windows = window_table(_parts(folder.path, "series"))
        monthly = monthly_table(_parts(folder.path, "series"))
        whole = windows[windows["window"] == WHOLE_RUN]
        tables = {
            "effects": paired_effects(windows, base.key),
            "cost_effectiveness": cost_effectiveness(whole, base.key),
            "districts": district_effects(district_totals(_parts(folder.path, "places"), base.months), base.key),
            "over_time": difference_over_time(monthly, base.key),
        }
        if tables["effects"].empty:
            raise RunsFailedError("no scenario has a finished run that pairs with one of the baseline")
        for name, table in tables.items():
            write_csv(table, folder.path / f"{name}.csv")
        files: list[Path] = []
        if figures:
            from sim.plots import Geography, comparison_figures, run_figures

            start, titles = (
                (base.start_year, base.start_month),
                {item.key: item.title or item.key for item in others},
            )
            target = folder.path / "figures"
            files = comparison_figures(
                target,
                tables["effects"],
                tables["over_time"],
                tables["districts"],
                setup.note(others, base),
                titles,
                start,
                Geography(*_geography(setup.region)),
            )
            history = over_time(monthly, base.key)
            files += run_figures(target, history, setup.note([base]), base.title or base.key, start)
        folder.finish(tally)
        return folder.handed_over(
            Comparison(
                folder.path,
                setup.plan.scenarios,
                tally,
                baseline=base.key,
                figures=tuple(files),
                **tables,
            )
        )


def rerun(identity: str, source: Path | str, *, progress: ProgressCallback | None = None) -> pd.DataFrame:
    """Run one run of a stored experiment again, alone, and return its series.

    Parameters
    ----------
    identity : str
        Run id, from the ``runs`` table.
    source : path
        Folder of the experiment.

    Returns
    -------
    DataFrame
        Outcomes by month and state.
    """
    folder = Path(source)
    manifest = Store(folder).manifest()
    if not manifest:
        raise InputError(Problem("holds no results of this program", file=str(folder)))
    scenarios = [load_scenario(folder / "scenarios" / f"{entry['key']}.yaml") for entry in manifest["scenarios"]]
    setup = _prepare(
        scenarios, manifest["base_seed"], manifest["replications"], manifest["citizens"], None, 1, 1, (), None
    )
    if all(spec.run != identity for spec in setup.plan.runs):
        raise InputError(
            f"run {identity}: not one of this folder's, or the model, a scenario or the region changed since"
        )
    plan = adjusted(setup.plan, runs=tuple(spec for spec in setup.plan.runs if spec.run == identity))
    with tempfile.TemporaryDirectory(prefix="stabsim-") as scratch:
        store = Store(Path(scratch))
        store.prepare()
        execute(plan, store, setup.engine, progress=progress)
        row = store.runs().to_pylist()[0]
        if row["status"] == "failed":
            raise RunsFailedError(f"run {identity} fails again: {row['stage']}: {row['error']}")
        return _whole(Path(scratch), "series")


def catalogue(kind: str = "interventions") -> pd.DataFrame:
    """List what scenarios can use and what runs record.

    Parameters
    ----------
    kind : str
        ``interventions``, ``parameters``, ``outcomes`` or ``shocks``.
    """
    makers: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "interventions": _interventions,
        "parameters": _parameters,
        "outcomes": _outcomes,
        "shocks": _shocks,
    }
    if kind not in makers:
        raise InputError(Problem("no such catalogue", key="catalogue", got=kind, allowed=", ".join(makers)))
    return pd.DataFrame(makers[kind]())


def _interventions() -> list[dict[str, Any]]:
    from sim.interventions import catalogue as read

    return [
        {
            "row": entry.row,
            "key": entry.key,
            "name": entry.name,
            "family": entry.family,
            "provider": entry.provider,
            "approval": entry.approval,
            "full_dose": f"{entry.dose.full:g} {entry.dose.unit}",
            "meur_per_year": entry.cost.meur_per_year,
            "per": entry.cost.per,
            "price_year": entry.cost.price_year,
            "levers": ", ".join(dict.fromkeys(channel.lever for channel in entry.channels)),
            "status": entry.status,
            "evidence": entry.evidence,
            "text": entry.text,
        }
        for entry in read().interventions.values()
    ]


def _shocks() -> list[dict[str, Any]]:
    from sim.interventions import catalogue as read

    return [
        {
            "key": entry.key,
            "name": entry.name,
            "pattern": entry.pattern,
            "rate_per_year": entry.rate_per_year,
            "levers": ", ".join(dict.fromkeys(channel.lever for channel in entry.channels)),
            "evidence": entry.evidence,
            "text": entry.text,
        }
        for entry in read().shocks.values()
    ]


def _parameters() -> list[dict[str, Any]]:
    from sim.parameters import CATALOGUE

    return [
        {
            "name": item.name,
            "default": item.default,
            "unit": item.unit,
            "low": item.low,
            "high": item.high,
            "family": item.family,
            "source": item.source,
            "text": item.text,
        }
        for item in CATALOGUE.values()
    ]


def _outcomes() -> list[dict[str, Any]]:
    return [
        {
            "name": item.name,
            "label": item.label,
            "unit": item.unit,
            "kind": item.kind,
            "pool": item.pool,
            "better": item.better,
            "headline": item.headline,
            "text": item.text,
        }
        for item in OUTCOMES
    ]


# --- setting up


@dataclass(frozen=True, eq=False)
class _Setup:
    """A checked experiment, nothing created yet."""

    plan: Plan
    region: Region
    engine: Engine
    workers: int

    def note(self, scenarios: Sequence[Scenario], baseline: Scenario | None = None) -> Any:
        """Provenance for captions."""
        from sim.plots import Note

        return Note(
            ", ".join(item.title or item.key for item in scenarios),
            self.plan.replications,
            self.plan.base_seed,
            __version__,
            self.plan.citizens,
            (baseline.title or baseline.key) if baseline else "",
        )


def _prepare(
    scenarios: Sequence[ScenarioLike],
    seed: int,
    replications: int,
    citizens: int | str,
    months: int | None,
    threads: int,
    workers: int | None,
    set_: Sequence[str],
    engine: Engine | None,
) -> _Setup:
    problems = _check_numbers(seed, replications, citizens, months, threads, workers)
    loaded: list[Scenario] = []
    for item in scenarios:
        try:
            loaded.append(_load(item, months, set_))
        except InputError as error:
            problems.extend(problem for problem in error.problems if problem not in problems)
    if problems:
        raise InputError(problems)
    specs = _distinct(loaded)
    region = load_region(find_region(specs[0].region), specs[0].start_year)
    _check_citizens(region, citizens)
    count = _fit_workers(region, citizens, workers, replications * len(specs))
    plan = build_plan(specs, base_seed=seed, replications=replications, citizens=citizens, region_hash=region.sha256)
    return _Setup(plan, region, engine or ModelEngine(citizens, region.sha256, threads), count)


def _load(item: ScenarioLike, months: int | None, set_: Sequence[str]) -> Scenario:
    if isinstance(item, Scenario):
        return item if months is None else adjusted(item, months=months)
    return load_scenario(item, [*set_, *([f"months={months}"] if months is not None else [])])


def _distinct(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """Drop a scenario given twice; refuse two that share a key, and worlds that cannot be paired."""
    kept: dict[str, Scenario] = {}
    for item in scenarios:
        other = kept.setdefault(item.key, item)
        if other.content_hash() != item.content_hash():
            raise InputError(f"scenario {item.key}: two different scenarios have this name; rename one file")
    first = next(iter(kept.values()))
    for item in kept.values():
        for name, mine, theirs in (
            ("region", item.region, first.region),
            ("start", item.date(0), first.date(0)),
            ("months", item.months, first.months),
        ):
            if mine != theirs:
                raise InputError(
                    Problem(
                        "a comparison pairs worlds that begin alike and last as long",
                        key=f"{item.key}.{name}",
                        got=str(mine),
                        allowed=f"{theirs}, as in {first.key}",
                    )
                )
    return list(kept.values())


def _check_numbers(
    seed: int, replications: int, citizens: int | str, months: int | None, threads: int, workers: int | None
) -> list[Problem]:
    checks: list[tuple[str, int | None, int, int]] = [
        ("seed", seed, 0, MAX_SEED),
        ("replications", replications, 1, MAX_REPLICATIONS),
        ("months", months, 1, 1200),
        ("threads", threads, 1, MAX_WORKERS),
        ("workers", workers, 1, MAX_WORKERS),
    ]
    problems = [
        Problem("out of range", key=name, got=str(value), allowed=f"{low} to {high:,}")
        for name, value, low, high in checks
        if value is not None and not low <= value <= high
    ]
    if citizens != "all" and not (isinstance(citizens, int) and citizens > 0):
        problems.append(
            Problem("not a number of citizens", key="citizens", got=str(citizens), allowed="1 or more, or all")
        )
    return problems


def _check_citizens(region: Region, citizens: int | str) -> None:
    from sim.population.synthesis import minimum_citizens

    if isinstance(citizens, str):
        return
    least, most = minimum_citizens(region), int(region.cell_population.sum())
    if not least <= citizens <= most:
        raise InputError(
            Problem(
                "out of range for this region",
                key="citizens",
                got=f"{citizens:,} ({_memory(citizens)} a worker)",
                allowed=f"{least:,} to {most:,}, or all",
            )
        )


def _fit_workers(region: Region, citizens: int | str, workers: int | None, runs: int) -> int:
    """Choose how many workers fit into memory; refuse what cannot."""
    people = int(region.cell_population.sum()) if isinstance(citizens, str) else citizens
    each, free = PROCESS_BYTES + CITIZEN_BYTES * people, _free_memory()
    if workers is None:
        workers = max(1, min(available_workers(), runs, int(free * 0.9 / each) if free else runs))
    if free and each * workers > free * 0.95:
        raise InputError(
            Problem(
                "would not fit into memory",
                key="citizens",
                got=f"about {each * workers / 1e9:.1f} GB for {workers} worker(s)",
                allowed=f"{free / 1e9:.1f} GB free",
                hint="fewer citizens or workers",
            )
        )
    return workers


def _memory(citizens: int) -> str:
    return f"about {(PROCESS_BYTES + CITIZEN_BYTES * citizens) / 1e9:,.1f} GB"


def _free_memory() -> int:
    """Bytes of memory free for use; 0 when the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0


# --- the folder


class _Folder:
    """The folder of one call: checked, locked, described; or a temporary one."""

    def __init__(self, out: Path | str | None, setup: _Setup, kind: str, baseline: str = "") -> None:
        self.setup, self.kind, self.baseline = setup, kind, baseline
        self.temporary = out is None
        self.path = Path(tempfile.mkdtemp(prefix="stabsim-") if out is None else str(out))
        self.store = Store(self.path)
        self.started = _now()
        self._lock: Any = None

    def __enter__(self) -> _Folder:
        if self.path.is_dir():
            self._check_content()
        self._check_space()
        self.store.prepare()
        self._lock = self.store.lock()
        self._lock.__enter__()
        return self

    def __exit__(self, kind: Any, *details: Any) -> None:
        self._lock.__exit__(kind, *details)
        if self.temporary and kind is not None:
            shutil.rmtree(self.path, ignore_errors=True)

    def handed_over(self, results: R) -> R:
        """Let a temporary folder live exactly as long as the results that read from it."""
        if self.temporary:
            weakref.finalize(results, shutil.rmtree, self.path, ignore_errors=True)
        return results

    def execute(self, progress: ProgressCallback | None) -> Tally:
        """Describe the experiment, then run what is missing or failed before."""
        self._describe("running", None)
        self.store.write_codebook()
        texts = self.path / "scenarios"
        texts.mkdir(exist_ok=True)
        for scenario in self.setup.plan.scenarios:
            (texts / f"{scenario.key}.yaml").write_text(_scenario_text(scenario), encoding="utf-8")
        tally = execute(
            self.setup.plan,
            self.store,
            self.setup.engine,
            workers=self.setup.workers,
            progress=progress,
            retry_failed=True,
        )
        if not tally.done:
            row = self.store.runs().to_pylist()[0]
            self._describe("failed", tally)
            raise RunsFailedError(f"all {tally.failed} runs failed; the first: {row['stage']}: {row['error']}")
        return tally

    def finish(self, tally: Tally) -> None:
        """Describe what was done."""
        self._describe("complete", tally)

    def _check_content(self) -> None:
        """Refuse a folder that holds another experiment."""
        if not can_continue(self.path, self.setup.plan):
            raise InputError(
                Problem(
                    "the folder holds results of other scenarios, settings or sources; nothing was written",
                    file=str(self.path),
                    hint="choose another with --out, or remove it",
                )
            )

    def _check_space(self) -> None:
        parent = self.path
        while not parent.exists() and parent != parent.parent:
            parent = parent.parent
        need = len(self.setup.plan.runs) * RUN_BYTES * max(1, self.setup.plan.scenarios[0].months // 120)
        try:
            free = shutil.disk_usage(parent).free
        except OSError:
            return
        if need > free:
            raise InputError(
                Problem(
                    "not enough room for the results",
                    file=str(self.path),
                    got=f"about {need / 1e9:.1f} GB needed",
                    allowed=f"{free / 1e9:.1f} GB free",
                )
            )

    def _describe(self, status: str, tally: Tally | None) -> None:
        plan, region = self.setup.plan, self.setup.region
        content: dict[str, Any] = {
            "program": "stabsim",
            "version": __version__,
            "kind": self.kind,
            "status": status,
            "model_hash": plan.model_hash,
            "region": {"key": region.key, "sha256": region.sha256},
            "base_seed": plan.base_seed,
            "replications": plan.replications,
            "citizens": plan.citizens,
            "baseline": self.baseline or plan.scenarios[0].key,
            "scenarios": [
                {
                    "key": item.key,
                    "title": item.title,
                    "sha256": item.content_hash(),
                    "resolved": _resolved(item),
                }
                for item in plan.scenarios
            ],
            "versions": _versions(),
            "platform": platform.platform(),
            "started": self.started,
        }
        if tally is not None:
            content |= {
                "finished": _now(),
                "hosts": sorted(tally.hosts),
                "workers": self.setup.workers,
                "runs": {
                    "total": tally.total,
                    "done": tally.done,
                    "failed": tally.failed,
                    "reused": tally.reused,
                },
                "seconds": {
                    "elapsed": round(tally.elapsed, 3),
                    "running": round(tally.run_seconds, 3),
                    "storing": round(tally.store_seconds, 3),
                },
                "tables": {f"{name}_sha256": self.store.recorded_hash(name) for name in ("series", "places")},
            }
        self.store.write_manifest(content)


def can_continue(folder: Path, plan: Plan) -> bool:
    """Tell whether a folder is free or holds nothing but runs of this plan."""
    store = Store(folder)
    try:
        if not (folder / "manifest.json").is_file():
            return True  # empty, or something else: Store.prepare says which
        store.manifest()
        return set(store.finished()) <= {spec.run for spec in plan.runs}
    except (OSError, StoreError):
        return False


def default_folder(
    kind: str,
    scenarios: Sequence[ScenarioLike],
    *,
    seed: int,
    replications: int,
    citizens: int | str,
    months: int | None,
    set_: Sequence[str],
    root: Path = Path("results"),
) -> Path:
    """Name the folder of an experiment after its scenarios.

    A folder of the same name that holds another experiment is left alone: the name gets a number.
    """
    setup = _prepare(scenarios, seed, replications, citizens, months, 1, None, set_, None)
    keys = [item.key for item in setup.plan.scenarios]
    shown = keys if len(keys) <= 3 else [*keys[:2], f"and_{len(keys) - 2}_more"]
    name = f"{kind}-" + "-".join(key[:40] for key in shown)
    for number in range(1, 1000):
        folder = root / (name if number == 1 else f"{name}-{number}")
        if not folder.exists() or not any(folder.iterdir()):
            return folder
        if (folder / "manifest.json").is_file() and can_continue(folder, setup.plan):
            return folder
    raise InputError(Problem("too many experiments of this name", file=str(root / name), hint="use --out"))


def _parts(folder: Path, table: str) -> Iterator[pd.DataFrame]:
    for part in Store(folder).read(table):
        yield _frame(part)


def _whole(folder: Path, table: str) -> pd.DataFrame:
    parts = list(_parts(folder, table))
    joined = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    texts = [name for name in joined.columns if isinstance(joined[name].dtype, pd.CategoricalDtype)]
    return joined.astype(dict.fromkeys(texts, str))


def _frame(table: Any) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _geography(region: Region) -> tuple[pd.DataFrame, Any, Mapping[str, str]]:
    districts = pd.DataFrame(
        {
            "state": [region.states[int(index)] for index in region.district_state],
            "district": list(region.districts),
            "lat": region.district_lat,
            "lon": region.district_lon,
        }
    )
    return districts, region.outlines(), dict(zip(region.states, region.state_names, strict=True))


def _resolved(scenario: Scenario) -> dict[str, Any]:
    return resolved(scenario)


def _scenario_text(scenario: Scenario) -> str:
    return resolved_yaml(scenario)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("numpy", "numba", "mesa", "pandas", "scipy", "pyarrow", "matplotlib"):
        try:
            found[name] = package_version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
