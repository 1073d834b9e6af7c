"""The folder of one call: checked, locked, described."""

from __future__ import annotations

import datetime
import platform
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, TypeVar

from sim import __version__
from sim.api.results import Results, RunsFailedError
from sim.api.setup import ProgressCallback, ScenarioLike, Settings, Setup, prepare
from sim.api.sizes import FORCE, in_bytes
from sim.errors import InputError, Problem
from sim.experiment import ModelEngine, OnError, Plan, Store, Tally, execute, local_pool
from sim.experiment.plan import ENSEMBLE_FILE, TOGETHER
from sim.scenario import Template, resolved, resolved_yaml

R = TypeVar("R", bound="Results")


class ExperimentFolder:
    """The folder of one call: checked, locked, described; or a temporary one.

    ``described`` is added to the manifest, ``files`` (name to text) to the folder.
    """

    def __init__(
        self,
        out: Path | str | None,
        setup: Setup,
        kind: str,
        baseline: str = "",
        *,
        described: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.setup, self.kind, self.baseline = setup, kind, baseline
        self.described, self.files = dict(described or {}), dict(files or {})
        self.temporary = out is None
        self.path = Path(tempfile.mkdtemp(prefix="stabsim-") if out is None else str(out))
        self.store = Store(self.path)
        self.started = _now()
        self._lock: Any = None

    def __enter__(self) -> ExperimentFolder:
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

    def execute(
        self,
        progress: ProgressCallback | None,
        *,
        pool: Callable[[], Executor] | None = None,
        retry_failed: bool = True,
        on_error: OnError = "continue",
        timeout: float | None = None,
    ) -> Tally:
        """Describe the experiment, then run what is missing, and what failed before if so wanted."""
        self.store.unseal()
        self._describe("running", None)
        self.store.write_codebook(self.described.get("design", {}).get("factors", ()))
        ensemble = self.setup.plan.ensemble
        for name, text in {**self.files, **({ENSEMBLE_FILE: ensemble.text()} if ensemble else {})}.items():
            self.store.write_file(name, text)
        for scenario in self.setup.plan.scenarios:
            self.store.write_file(f"scenarios/{scenario.key}.yaml", resolved_yaml(scenario))
        tally = execute(
            self.setup.plan,
            self.store,
            self.setup.engine,
            workers=self.setup.workers,
            pool=pool or local_pool(self.setup.workers, isolated=self._must_survive() or timeout is not None),
            progress=progress,
            retry_failed=retry_failed,
            on_error=on_error,
            timeout=timeout,
        )
        if not tally.done:
            row = self.store.runs().to_pylist()[0]
            self._describe("failed", tally)
            raise RunsFailedError(f"all {tally.failed} runs failed; the first: {row['stage']}: {row['error']}")
        return tally

    def _must_survive(self) -> bool:
        """Whether a run may not take the command along: in a sweep, where the model runs in other processes only."""
        return self.kind == "sweep" and isinstance(self.setup.engine, ModelEngine)

    def finish(self, tally: Tally) -> None:
        """Describe what was done, and record the checksums of all that was written."""
        self._describe("failed" if tally.stopped else "complete", tally)
        self.store.seal()

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
        need = self.setup.size.disk
        try:
            room = shutil.disk_usage(parent)
        except OSError:
            return
        if need > room.free and room.total and not self.setup.force:
            raise InputError(
                Problem(
                    "not enough room for the results",
                    file=str(self.path),
                    got=f"about {in_bytes(need)} needed",
                    allowed=f"{in_bytes(room.free)} free",
                    hint=FORCE,
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
            "planned": len(plan.runs),
            "citizens": plan.citizens,
            "baseline": self.baseline or plan.scenarios[0].key,
            "scenarios": [
                {
                    "key": item.key,
                    "title": item.title,
                    "sha256": item.content_hash(),
                    "files": item.files,
                    "resolved": resolved(item),
                    **_written(plan.templates.get(item.key)),
                }
                for item in plan.scenarios
            ],
            **_ensemble(plan),
            **self.described,
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


def _written(template: Template | None) -> dict[str, Any]:
    """Keep what points are applied to, so that any run of a sweep can be made again from the folder alone."""
    return {"written": template.written()} if template else {}


def _ensemble(plan: Plan) -> dict[str, Any]:
    """Say which ensemble replications draw from, and how many in a row share a point."""
    if plan.ensemble is None:
        return {}
    return {"ensemble": {"sha256": plan.ensemble.sha256, "points": len(plan.ensemble.rows), "together": TOGETHER}}


def can_continue(folder: Path, plan: Plan) -> bool:
    """Tell whether a folder is free or holds nothing but runs of this plan."""
    try:
        return set(Store(folder).finished()) <= {spec.run for spec in plan.runs}
    except OSError:
        return False


def default_folder(
    kind: str,
    scenarios: Sequence[ScenarioLike],
    settings: Settings,
    root: Path = Path("results"),
) -> Path:
    """Name the folder of an experiment after its scenarios.

    A folder of the same name that holds another experiment is left alone: the name gets a number.
    """
    setup = prepare(scenarios, replace(settings, drawn=kind == "compare", force=True))
    keys = [item.key for item in setup.scenarios]
    shown = keys if len(keys) <= 3 else [*keys[:2], f"and_{len(keys) - 2}_more"]
    name = f"{kind}-" + "-".join(key[:40] for key in shown)
    return free_folder(name, setup.plan, root)


def free_folder(name: str, plan: Plan, root: Path = Path("results")) -> Path:
    """Return the folder of that name, or of the name with a number, that is free or holds runs of this plan."""
    for number in range(1, 1000):
        folder = root / (name if number == 1 else f"{name}-{number}")
        if not folder.exists() or not any(folder.iterdir()):
            return folder
        if (folder / "manifest.json").is_file() and can_continue(folder, plan):
            return folder
    raise InputError(Problem("too many experiments of this name", file=str(root / name), hint="use --out"))


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
