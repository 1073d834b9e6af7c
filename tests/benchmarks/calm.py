"""A calm run of the model, split into the time inside the kernels and the whole."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import sim.world.world as world_module
from sim.experiment import run_seed
from sim.model.month import StabilityModel
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.scenario import load_scenario
from sim.world.world import prepare

KERNELS = ("advance_rounds", "update_fields", "set_presence", "record_month", "record_places")


def measure(citizens: int, runs: int = 1) -> tuple[float, float]:
    """Processor seconds of a ten-year baseline: whole, and inside the kernels; means over ``runs``."""
    region = load_region(find_region("western_balkans"), 2024)
    setting = prepare(region, synthesise(region, citizens))
    spec = load_scenario("baseline_2024")
    inside = [0.0]
    kernels: dict[str, Callable[..., object]] = {}

    def timed(kernel: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            start = process_time()
            result = kernel(*arguments)
            inside[0] += process_time() - start
            return result

        return call

    for name in KERNELS:
        kernels[name] = getattr(world_module, name)
        setattr(world_module, name, timed(kernels[name]))
    try:
        start = process_time()
        for replication in range(runs):
            model = StabilityModel(spec, setting, run_seed(1, replication))
            while model.month < spec.months:
                model.step()
        total = process_time() - start
    finally:
        for name in KERNELS:
            setattr(world_module, name, kernels[name])
    return total / runs, inside[0] / runs
