"""Experiments: which runs there are, running them in any order on any workers, keeping their tables."""

from sim.experiment.execute import OnError, Progress, Tally, execute
from sim.experiment.files import StoreError
from sim.experiment.lock import FolderBusyError, holder
from sim.experiment.plan import Plan, RunSpec, Source, adjusted, build_plan, model_hash, run_seed, with_replications
from sim.experiment.pools import available_workers, dask_pool, local_pool
from sim.experiment.store import Store
from sim.experiment.world import Engine, Layout, ModelEngine

__all__ = [
    "Engine",
    "FolderBusyError",
    "Layout",
    "ModelEngine",
    "OnError",
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
    "dask_pool",
    "execute",
    "holder",
    "local_pool",
    "model_hash",
    "run_seed",
    "with_replications",
]
