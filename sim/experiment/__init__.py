"""Experiments: which runs there are, running them in any order on any workers, keeping their tables."""

from sim.experiment.execute import Progress, Tally, available_workers, execute, local_pool
from sim.experiment.plan import Plan, RunSpec, Source, adjusted, build_plan, model_hash, run_seed, with_replications
from sim.experiment.store import FolderBusyError, Store, StoreError
from sim.experiment.world import Engine, Layout, ModelEngine

__all__ = [
    "Engine",
    "FolderBusyError",
    "Layout",
    "ModelEngine",
    "Plan",
    "Progress",
    "RunSpec",
    "Source",
    "Store",
    "StoreError",
    "Tally",
    "adjusted",
    "available_workers",
    "build_plan",
    "execute",
    "local_pool",
    "model_hash",
    "run_seed",
    "with_replications",
]
