"""The citizen update of the kernels against the same rules written with NumPy, on the same keyed Philox words.

The peer vectorises over all citizens at once. Its uniforms come from the same generator in NumPy integers; a second
time, from ``numpy.random.Generator``, which is what most NumPy models would use.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from sim.kernels.crowd import crowd_parameters, crowd_pass
from sim.kernels.draws import TURN_OUT
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.world.world import World, prepare

MASK = np.uint64(0xFFFFFFFF)
S32 = np.uint64(32)


def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Philox4x32-10 over arrays of uint64."""
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> S32) ^ c1 ^ k0, p1 & MASK, (p0 >> S32) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & MASK, (k1 + np.uint64(0xBB67AE85)) & MASK
    return c0, c1, c2, c3


class NumpyCitizens:
    """All citizens as flat arrays, updated with whole-array operations."""

    def __init__(self, world: World) -> None:
        c = world.citizens
        self.n = np.diff(c.cell_start)
        self.cell = np.repeat(np.arange(self.n.size), self.n)
        self.weight = world.setting.population.weights
        self.blocks = np.concatenate([np.arange((n + 3) // 4) for n in self.n]).astype(np.uint64)
        self.block_uid = np.repeat(world.setting.geography.cell_uid, (self.n + 3) // 4)
        self.lane = np.concatenate([np.arange((n + 3) // 4 * 4) < n for n in self.n])
        self.traits = c.hardship, c.risk_aversion, c.stance

    def keyed(self, seed: int, tick: int) -> Any:
        """The uniforms of the kernel."""
        key = np.uint64(seed)
        where = (TURN_OUT << np.uint64(24)) | np.uint64(tick)
        words = philox(self.blocks, where, self.block_uid & MASK, self.block_uid >> S32, key & MASK, key >> S32)
        return (np.stack(words, axis=1).reshape(-1)[self.lane] + 0.5) * 2.0**-32

    def active(self, u: Any, cells: Any, cap: float) -> Any:
        """Turn-out by cell; those who cannot be zero are drawn by inversion with SciPy."""
        from scipy.stats import binom

        hardship, risk, stance = self.traits
        motive = cells.drive[self.cell] + cells.grief[self.cell] * hardship - cells.fear[self.cell] * risk + stance
        p = cap / (1.0 + np.exp(-motive))
        some = np.flatnonzero(u >= 1.0 - self.weight * p)
        came = binom.ppf(u[some], self.weight[some], p[some])
        return np.bincount(self.cell[some], weights=came, minlength=self.n.size)


def measure(citizens: int, rounds: int) -> dict[str, float]:
    """Seconds a round of the kernel and of the peer, with the keyed generator and with NumPy's own."""
    region = load_region(find_region("western_balkans"))
    setting = prepare(region, synthesise(region, citizens))
    world = World(setting, 2, 7)
    world.set_inputs()
    world.advance()
    world.cells.todo[:] = True
    world.cells.untouched[:] = True
    p = setting.parameters
    few = crowd_parameters(setting.record)
    peer = NumpyCitizens(world)
    generator = np.random.default_rng(1)
    seed = int(world.seed)

    def kernel(tick: int) -> None:
        crowd_pass(
            True, setting.geography, world.citizens, world.tallies, world.cells, world.seed, tick, few, world.scratch
        )

    kernel(99)
    counted = np.zeros(peer.n.size, np.int64)
    np.add.at(counted, world.citizens.blocks[:, 0], world.tallies.block_active)
    assert (peer.active(peer.keyed(seed, 99), world.cells, p.turnout_cap) == counted).all(), "kernel and peer differ"

    def timed(step: Any) -> float:
        start = perf_counter()
        for tick in range(rounds):
            step(tick)
        return (perf_counter() - start) / rounds

    return {
        "kernel": timed(kernel),
        "keyed": timed(lambda tick: peer.active(peer.keyed(seed, tick), world.cells, p.turnout_cap)),
        "generator": timed(lambda tick: peer.active(generator.random(peer.weight.size), world.cells, p.turnout_cap)),
    }
