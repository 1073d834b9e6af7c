"""Experiments: which runs there are, running them in any order on any workers, keeping their tables."""

from sim.experiment.design import Factor, Points, Until, count, read_points, sample
from sim.experiment.engine import Engine, ModelEngine
from sim.experiment.execute import OnError, execute
from sim.experiment.experiment_file import Experiment, load_experiment, validate_experiment
from sim.experiment.files import StoreError
from sim.experiment.folder import Progress, ResultsFolder, Tally
from sim.experiment.plan import (
    Ensemble,
    Plan,
    RunSpec,
    Variant,
    build_plan,
    choose,
    chosen_theories,
    read_ensemble,
    run_seed,
    under_theories,
    with_replications,
)
from sim.experiment.pools import available_workers, dask_pool, local_pool

__all__ = [
    "Engine",
    "Ensemble",
    "Experiment",
    "Factor",
    "ModelEngine",
    "OnError",
    "Plan",
    "Points",
    "Progress",
    "ResultsFolder",
    "RunSpec",
    "StoreError",
    "Tally",
    "Until",
    "Variant",
    "available_workers",
    "build_plan",
    "choose",
    "chosen_theories",
    "count",
    "dask_pool",
    "execute",
    "load_experiment",
    "local_pool",
    "read_ensemble",
    "read_points",
    "run_seed",
    "sample",
    "under_theories",
    "validate_experiment",
    "with_replications",
]
