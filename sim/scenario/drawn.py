"""Drawn shocks: the months and weeks in which a shock with a rate happens, and in which states.

Each draw is a function of the run's seed, the type of shock, the state and the month alone: the same in every
scenario of an experiment, whatever else is in the file, and what happens at a rate also happens at any higher one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from sim.kernels.draws import SHOCK, uniform_pair
from sim.kernels.elementary import exp
from sim.region import Region
from sim.scenario.places import drawn_in
from sim.scenario.records import Shock
from sim.types import Array

WEEKS = 4
REGION_UID = np.uint64(0)
"""Identity of the region in the draws of shocks that hit it as a whole."""


def happening(shocks: Iterable[Shock], region: Region, state_uid: Array, months: int, seed: int) -> Iterator[Shock]:
    """Yield scheduled shocks: those that are scheduled as they are, of the others one for each time it happens.

    Parameters
    ----------
    state_uid : Array
        Identities of the region's states, (n_s,) uint64.
    """
    for shock in shocks:
        if shock.rate is None:
            yield shock
            continue
        uids = dict(zip(region.states, state_uid, strict=True))
        parts = drawn_in(shock, region)
        for month in range(months):
            for place, targets in parts.items():
                week = falls(shock.type, shock.rate, uids.get(place, REGION_UID), month, seed)
                if week is not None:
                    yield replace(shock, targets=targets, at=month, week=week, rate=None)


def falls(kind: str, rate: float, uid: np.uint64, month: int, seed: int) -> int | None:
    """Return the quarter of a month in which a shock of this yearly rate falls, or None."""
    block = int.from_bytes(hashlib.blake2b(kind.encode(), digest_size=4).digest(), "little")
    whether, when = uniform_pair(np.uint64(seed), SHOCK, month, uid, block)
    return int(WEEKS * when) if whether < 1.0 - exp(-rate / 12.0) else None
