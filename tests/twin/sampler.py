"""Sampler: uniforms in (0, 1) that depend only on the run's seed, the kind of decision, the round and the actor.

The only part of the compiled core that the twin shares. `Sampler` draws for one citizen at a time; `BulkSampler`
has the same numbers filled in for all citizens at once, when a round first asks for a kind of decision.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from sim.kernels import draws

TURN_OUT, CONDUCT, RELEASE = draws.TURN_OUT, draws.CONDUCT, draws.RELEASE
RECRUIT, EXIT, FLIGHT = draws.RECRUIT, draws.EXIT, draws.FLIGHT


class Sampler:
    """Draws one by one. Methods that take a cell return a list with one entry per citizen of the cell."""

    def __init__(self, seed: int) -> None:
        self.seed = np.uint64(seed)

    def of_place(self, stream: Any, tick: int, uid: Any, block: int = 0) -> float:
        """One uniform of a place."""
        return float(draws.uniform(self.seed, stream, tick, uid, block))

    def two_of_place(self, stream: Any, tick: int, uid: Any) -> tuple[float, float]:
        """Two uniforms of a place."""
        return draws.uniform_pair(self.seed, stream, tick, uid, 0)

    def of_event(self, stream: Any, tick: int, uid: Any, number: int) -> tuple[float, ...]:
        """Four coarser uniforms (32 bits) of an event, or of one citizen of a cell."""
        return tuple((word + 0.5) / 2.0**32 for word in draws.words(self.seed, stream, tick, uid, number))

    def _coarse(self, stream: Any, cell: Any, tick: int) -> list[float]:
        draw, uid = draws.citizen_uniform, cell.uid
        return [float(draw(self.seed, stream, tick, uid, i)) for i in range(len(cell.citizens))]

    def turn_out(self, cell: Any, tick: int) -> list[float]:
        """For the choice to turn out."""
        return self._coarse(TURN_OUT, cell, tick)

    def release(self, cell: Any, tick: int) -> list[float]:
        """For release from detention."""
        return self._coarse(RELEASE, cell, tick)

    def recruit(self, cell: Any, tick: int) -> list[float]:
        """For joining an armed group."""
        return self._coarse(RECRUIT, cell, tick)

    def leave(self, cell: Any, tick: int) -> list[float]:
        """For leaving an armed group."""
        return [self.of_place(EXIT, tick, cell.uid, i) for i in range(len(cell.citizens))]

    def flight(self, cell: Any, tick: int) -> list[tuple[float, float]]:
        """For flight and for return."""
        return [draws.uniform_pair(self.seed, FLIGHT, tick, cell.uid, i) for i in range(len(cell.citizens))]

    def conduct(self, citizen: Any, tick: int) -> tuple[float, ...]:
        """For violence, and for arrest of the peaceful and of the violent."""
        return self.of_event(CONDUCT, tick, citizen.cell.uid, citizen.number)[:3]


@numba.njit
def _fill_coarse(seed, stream, tick, uid, number, out):  # type: ignore[no-untyped-def]
    for i in range(uid.size):
        out[i] = draws.citizen_uniform(seed, stream, tick, uid[i], number[i])


@numba.njit
def _fill_pairs(seed, stream, tick, uid, number, out):  # type: ignore[no-untyped-def]
    for i in range(uid.size):
        out[2 * i], out[2 * i + 1] = draws.uniform_pair(seed, stream, tick, uid[i], number[i])


@numba.njit
def _fill_triples(seed, stream, tick, uid, number, out):  # type: ignore[no-untyped-def]
    for i in range(uid.size):
        w0, w1, w2, _ = draws.words(seed, stream, tick, uid[i], number[i])
        out[3 * i], out[3 * i + 1], out[3 * i + 2] = draws.unit32(w0), draws.unit32(w1), draws.unit32(w2)


class BulkSampler(Sampler):
    """The same sampler, filled in by compiled code for all citizens of the region at once.

    ``uid`` (n_cells,) uint64 and ``start`` (n_cells + 1,) int64 say who the citizens of each cell are.
    Uniforms are handed over as flat lists, several of one citizen side by side.
    """

    def __init__(self, seed: int, uid: Any, start: Any) -> None:
        super().__init__(seed)
        counts = np.diff(start)
        self.start = start.tolist()
        self.uid = np.repeat(uid, counts)
        self.number = np.concatenate([np.arange(count) for count in counts])
        self._filled: dict[int, list[float]] = {}
        self._tick = -1

    def _all(self, stream: Any, tick: int) -> list[float]:
        """Uniforms of all citizens for one kind of decision in this round."""
        if tick != self._tick:
            self._filled.clear()
            self._tick = tick
        key = int(stream)
        if key not in self._filled:
            fill, each = _fill_coarse, 1
            if stream in (EXIT, FLIGHT):
                fill, each = _fill_pairs, 2
            elif stream == CONDUCT:
                fill, each = _fill_triples, 3
            out = np.empty(each * self.uid.size)
            fill(self.seed, stream, tick, self.uid, self.number, out)
            self._filled[key] = out.tolist()
        return self._filled[key]

    def _coarse(self, stream: Any, cell: Any, tick: int) -> list[float]:
        return self._all(stream, tick)[self.start[cell.index] : self.start[cell.index + 1]]

    def leave(self, cell: Any, tick: int) -> list[float]:
        """For leaving an armed group."""
        first, last = self.start[cell.index], self.start[cell.index + 1]
        return self._all(EXIT, tick)[2 * first : 2 * last : 2]

    def flight(self, cell: Any, tick: int) -> list[tuple[float, float]]:
        """For flight and for return."""
        first, last = self.start[cell.index], self.start[cell.index + 1]
        own = self._all(FLIGHT, tick)[2 * first : 2 * last]
        return list(zip(own[0::2], own[1::2], strict=True))

    def conduct(self, citizen: Any, tick: int) -> Any:
        """For violence, and for arrest of the peaceful and of the violent."""
        i = self.start[citizen.cell.index] + citizen.number
        return self._all(CONDUCT, tick)[3 * i : 3 * i + 3]
