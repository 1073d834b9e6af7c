"""Differences between states in turning out that no driver explains: drawn once for a parameter point, then fixed."""

from __future__ import annotations

import numpy as np

from sim.kernels import draws
from sim.kernels.elementary import exp, normal_quantile
from sim.types import Array

KEY = np.uint64(0)
"""In place of a run seed: the offsets belong to the parameters, so that every run of a point has the same."""


def state_offsets(uids: Array, spread: float, draw: float) -> Array:
    """Draw each state's offset, not centred: normal with s.d. ``spread``.

    Parameters
    ----------
    uids : (n_s,) uint64
        Identities of states; the same state has the same offset in any region file and any year.
    spread : float
        Log-odds; 0 gives zeros.
    draw : float
        Number of the draw, 0 to 2**24 - 1, whole.

    Returns
    -------
    (n_s,) float64, log-odds
    """
    if spread == 0.0:
        return np.zeros(uids.size)
    drawn = [normal_quantile(draws.uniform(KEY, draws.STATE, np.uint64(draw), uid, 0)) for uid in uids]
    return spread * np.array(drawn)


def odds(offset: Array) -> Array:
    """Factor on turn-out of small crowds, where log-odds and log shares are the same."""
    return np.array([exp(value) for value in offset])
