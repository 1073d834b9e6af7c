"""The folder of one call: checked, locked, described."""

from __future__ import annotations

import datetime
import platform
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, TypeVar

from sim import __version__
from sim.api.results import Results, RunsFailedError
from sim.api.setup import ProgressCallback, ScenarioLike, Setup, prepare
from sim.api.sizes import FORCE
from sim.errors import InputError, Problem
from sim.experiment import Plan, Store, StoreError, Tally, execute
from sim.scenario import resolved, resolved_yaml

R = TypeVar("R", bound="Results")


class ExperimentFolder:
    """The folder of one call: checked, locked, described; or a temporary one."""

    def __init__(self, out: Path | str | None, setup: Setup, kind: str, baseline: str = "") -> None:
        self.setup, self.kind, self.baseline = setup, kind, baseline
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

    def execute(self, progress: ProgressCallback | None) -> Tally:
        """Describe the experiment, then run what is missing or failed before."""
        self._describe("running", None)
        self.store.write_codebook()
        texts = self.path / "scenarios"
        texts.mkdir(exist_ok=True)
        for scenario in self.setup.plan.scenarios:
            (texts / f"{scenario.key}.yaml").write_text(resolved_yaml(scenario), encoding="utf-8")
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
        need = self.setup.size.disk
        try:
            free = shutil.disk_usage(parent).free
        except OSError:
            return
        if need > free and not self.setup.force:
            raise InputError(
                Problem(
                    "not enough room for the results",
                    file=str(self.path),
                    got=f"about {need / 1e9:.1f} GB needed",
                    allowed=f"{free / 1e9:.1f} GB free",
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
            "citizens": plan.citizens,
            "baseline": self.baseline or plan.scenarios[0].key,
            "scenarios": [
                {
                    "key": item.key,
                    "title": item.title,
                    "sha256": item.content_hash(),
                    "files": item.files,
                    "resolved": resolved(item),
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
    setup = prepare(scenarios, seed, replications, citizens, months, 1, None, set_, None, force=True)
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
