"""Sizes of a run: the catalogue's central sizes or sizes drawn from their distributions, then shrunk."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.interventions.schema import CatalogueEntry
from sim.kernels.draws import EFFECT, uniform
from sim.types import stable_uid
from sim.world.levers import LEVER_BY_NAME


def channel_sizes(entry: CatalogueEntry, seed: Any, *, drawn: bool, shrink: float) -> list[float]:
    """Return the size of every channel of an entry in one run.

    Parameters
    ----------
    seed : uint64
        The run's seed. A draw is keyed by seed, entry and channel, and by nothing else: the same replication of
        every scenario meets the same sizes, at every place and dose.
    drawn : bool
        Draw from the distribution of each channel (False: its central size).
    shrink : float
        Multiplies all sizes but those of nulls (they are not exaggerated) and of head counts.

    Notes
    -----
    Draws: stream ``EFFECT``, one per channel, before the run.
    """
    sizes = []
    met: dict[str, int] = {}
    for channel in entry.channels:
        number = met[channel.lever] = met.get(channel.lever, -1) + 1
        size = channel.size
        if drawn:
            uid = np.uint64(stable_uid(f"{entry.key} {channel.lever}"))
            size = channel.quantile(float(uniform(seed, EFFECT, 0, uid, number)))
        kept = channel.size == 0.0 or LEVER_BY_NAME[channel.lever].kind == "persons"
        sizes.append(size if kept else shrink * size)
    return sizes
