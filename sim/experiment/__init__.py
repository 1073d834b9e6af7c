"""Experiments: which runs there are, running them in any order on any workers, keeping their tables."""

from sim.experiment.design import Design, count, sample
from sim.experiment.ensemble import Ensemble, choose, read_ensemble
from sim.experiment.execute import OnError, Progress, Tally, execute
from sim.experiment.experiment_file import (
    Experiment,
    find_experiment,
    load_experiment,
    shipped_experiments,
    validate_experiment,
)
from sim.experiment.factors import Factor
from sim.experiment.file_schema import experiment_schema
from sim.experiment.files import FolderBusyError, StoreError, holder
from sim.experiment.folder import ResultsFolder
from sim.experiment.plan import Plan, RunSpec, Source, adjusted, build_plan, run_seed, with_replications
from sim.experiment.points import Points, read_points
from sim.experiment.pools import available_workers, dask_pool, local_pool
from sim.experiment.theories import Variant, chosen_theories, under_theories
from sim.experiment.until import Until
from sim.experiment.world import Engine, Layout, ModelEngine

__all__ = [
    "Design",
    "Engine",
    "Ensemble",
    "Experiment",
    "Factor",
    "FolderBusyError",
    "Layout",
    "ModelEngine",
    "OnError",
    "Plan",
    "Points",
    "Progress",
    "ResultsFolder",
    "RunSpec",
    "Source",
    "StoreError",
    "Tally",
    "Until",
    "Variant",
    "adjusted",
    "available_workers",
    "build_plan",
    "choose",
    "chosen_theories",
    "count",
    "dask_pool",
    "execute",
    "experiment_schema",
    "find_experiment",
    "holder",
    "load_experiment",
    "local_pool",
    "read_ensemble",
    "read_points",
    "run_seed",
    "sample",
    "shipped_experiments",
    "under_theories",
    "validate_experiment",
    "with_replications",
]
