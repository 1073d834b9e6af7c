"""Speed of the compiled world against the same rules as one Mesa agent per citizen, on the same months.

The twin gets its uniforms in bulk, so that what is compared is the model and not the generator. Both run the
same setting from the same seed, and must end equal.

    python -m tests.benchmarks.twin_speed
"""

from __future__ import annotations

from statistics import median
from time import process_time

from sim.population import minimum_citizens, synthesise
from sim.region import find_region, load_region
from sim.types import Inputs
from sim.world.presence import standing_missions
from sim.world.world import World, prepare
from tests.twin import BulkSampler, TwinModel
from tests.twin.compare import differences, of_twin, of_world

SEED = 20240101


def measure(citizens: int, months: int) -> dict[str, float | int | str | bool]:
    """Time twin and world on the Western Balkans, or on Twin Valleys if there are too few citizens for it.

    Parameters
    ----------
    citizens : int
        Number of citizens.
    months : int
        Months to time, after one month that is not timed.

    Returns
    -------
    dict
        ``twin_seconds_per_month`` and ``world_seconds_per_month``: medians over months of processor time,
        which other work on the machine does not lengthen; the world's with the rebuilding of its inputs.
        ``ratio`` of the two, ``equal`` whether both ended the same, and what was run.
    """
    region = load_region(find_region("western_balkans"))
    if citizens < minimum_citizens(region):
        region = load_region(find_region("twin_valleys"))
    population = synthesise(region, citizens)
    setting = prepare(region, population)
    world = World(setting, months + 1, SEED, log_rounds=True)
    world.standing[:] = standing_missions(region, region.year, 1, 0.1)
    inputs, world_times, twin_times = [], [], []
    for _ in range(months + 1):
        start = process_time()
        world.set_inputs()
        middle = process_time()
        inputs.append(Inputs(*(array.copy() for array in world.inputs)))
        resumed = process_time()
        world.advance()
        world_times.append(middle - start + process_time() - resumed)
    # One after the other: a month of the twin would leave nothing of the world in the processor's cache.
    twin = TwinModel(setting, BulkSampler(SEED, setting.geography.cell_uid, population.cell_start))
    for of_the_month in inputs:
        start = process_time()
        twin.receive(of_the_month)
        twin.step()
        twin_times.append(process_time() - start)
    twin_month, world_month = median(twin_times[1:]), median(world_times[1:])
    return {
        "region": region.key,
        "citizens": population.citizens,
        "months": months,
        "twin_seconds_per_month": twin_month,
        "world_seconds_per_month": world_month,
        "ratio": twin_month / world_month,
        "equal": differences(of_world(world), of_twin(twin)) == [],
    }


if __name__ == "__main__":
    for number, length in ((2_000, 24), (20_000, 6), (100_000, 2)):
        print(measure(number, length))
