"""Which people a target covers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.region import Region
from sim.scenario.records import Targets


def target_cells(region: Region, targets: Targets) -> NDArray[np.bool_]:
    """Return which cells of a region targets cover, as (n_cells,) bool."""
    cells = np.ones(region.n_cells, dtype=np.bool_)
    if targets.states or targets.districts:
        states = np.array([state in targets.states for state in region.states])
        districts = np.array([district in targets.districts for district in region.districts])
        districts |= states[region.district_state]
        cells &= districts[region.cell_district]
    if targets.communities:
        communities = np.array([community in targets.communities for community in region.communities])
        cells &= communities[region.cell_community]
    return cells
