"""Who is near whom: contact weights from a region's tables.

A resident meets the residents of a district in proportion to their number and to e^(-distance / 30 km), cut off
beyond 75 km; contact across a border counts 0.3 unless between kin. Units differ in size, so weights, not counts
of neighbours, are used. All sums run in canonical order with fixed-order arithmetic.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.kernels.compiling import kernel
from sim.kernels.elementary import exp
from sim.types import Array, Geography

if TYPE_CHECKING:
    from sim.region import Region

CUTOFF_LENGTHS = 2.5
KM_PER_DEGREE = 111.32


@kernel
def _cosine(degrees):  # type: ignore[no-untyped-def]
    """Cosine of an angle below 90 degrees by its series, in a fixed order."""
    x = degrees * 0.017453292519943295
    q = x * x
    total = 1.0
    for k in range(12, 0, -1):
        total = 1.0 - total * q / ((2 * k - 1) * (2 * k))
    return total


@kernel
def _contact(lat, lon, length_km, cutoff):  # type: ignore[no-untyped-def]
    """Contact between districts, (n_d, n_d): e^(-distance / length), 0 beyond ``cutoff`` lengths."""
    n = lat.size
    out = np.zeros((n, n))
    for a in range(n):
        for b in range(a + 1):
            dy = (lat[a] - lat[b]) * KM_PER_DEGREE
            dx = (lon[a] - lon[b]) * KM_PER_DEGREE * _cosine(0.5 * (lat[a] + lat[b]))
            distance = np.sqrt(dx * dx + dy * dy) / length_km
            if distance <= cutoff:
                out[a, b] = exp(-distance)
                out[b, a] = out[a, b]
    return out


@kernel
def _peers(contact, cell_district, cell_community, cell_state, cell_group, people, kin, border, salience):  # type: ignore[no-untyped-def]
    """CSR of cells of the own community near by, weights normalised per receiver; each cell's mix and salience."""
    n = people.size
    start = np.zeros(n + 1, np.int64)
    index = np.empty(n * 64, np.int64)
    weight = np.empty(n * 64)
    mix = np.zeros(n)
    felt = np.zeros(n)
    used = 0
    for c in range(n):
        own = 0.0
        heat = 0.0
        everybody = 0.0
        first = used
        for o in range(n):
            near = contact[cell_district[c], cell_district[o]]
            if near == 0.0:
                continue
            w = people[o] * near
            same = cell_community[c] == cell_community[o]
            if cell_state[c] != cell_state[o] and not (same and kin[cell_group[c], cell_group[o]] > 0.0):
                w = w * border
            everybody += w
            if same:
                if used == index.size:
                    index = np.concatenate((index, np.empty(index.size, np.int64)))
                    weight = np.concatenate((weight, np.empty(weight.size)))
                index[used] = o
                weight[used] = w
                own += w
                used += 1
            else:
                heat += w * max(salience[cell_group[c]], salience[cell_group[o]])
        for k in range(first, used):
            weight[k] = weight[k] / own
        mix[c] = (everybody - own) / everybody
        felt[c] = heat / (everybody - own) if everybody > own else 0.0
        start[c + 1] = used
    return start, index[:used].copy(), weight[:used].copy(), mix, felt


@kernel
def _near(contact, district_state, people, border):  # type: ignore[no-untyped-def]
    """CSR of districts near by, weights normalised per receiver."""
    n = people.size
    start = np.zeros(n + 1, np.int64)
    index = np.empty(n * n, np.int64)
    weight = np.empty(n * n)
    used = 0
    for a in range(n):
        first = used
        total = 0.0
        for b in range(n):
            w = people[b] * contact[a, b]
            if district_state[a] != district_state[b]:
                w = w * border
            if w > 0.0:
                index[used] = b
                weight[used] = w
                total += w
                used += 1
        for k in range(first, used):
            weight[k] = weight[k] / total
        start[a + 1] = used
    return start, index[:used].copy(), weight[:used].copy()


def _csr(rows: list[list[tuple[int, float]]]) -> tuple[Array, Array, Array]:
    """CSR arrays from rows of (index, weight)."""
    start = np.cumsum([0] + [len(row) for row in rows]).astype(np.int64)
    flat = [entry for row in rows for entry in row]
    index = np.array([i for i, _ in flat], np.int64)
    weight = np.array([w for _, w in flat], np.float64)
    return start, index, weight


def _kin_rows(region: Region) -> list[list[tuple[int, float]]]:
    """Kin groups of every group: strength x share of all kin abroad, by residents."""
    rows: list[list[tuple[int, float]]] = [[] for _ in range(region.n_groups)]
    ties = sorted(
        zip(region.kin_group_a.tolist(), region.kin_group_b.tolist(), region.kin_strength.tolist(), strict=True)
    )
    for group in range(region.n_groups):
        linked = [(other, strength) for a, other, strength in ties if a == group]
        total = float(sum(int(region.group_population[other]) for other, _ in linked))
        rows[group] = [(other, strength * float(region.group_population[other]) / total) for other, strength in linked]
    return rows


def _border_rows(region: Region) -> list[list[tuple[int, float]]]:
    """Contiguous states of every state, by length of border."""
    rows: list[list[tuple[int, float]]] = [[] for _ in range(region.n_states)]
    for a, b, km in zip(region.border_a.tolist(), region.border_b.tolist(), region.border_km.tolist(), strict=True):
        rows[a].append((b, km))
        rows[b].append((a, km))
    return [[(b, km / fsum(k for _, k in row)) for b, km in sorted(row)] for row in rows]


def patron_states(region: Region) -> list[tuple[int, ...]]:
    """States whose own majority are kin of a minority, per group: kin are a larger share of residents there."""
    state_people = [int(region.group_population[region.group_state == s].sum()) for s in range(region.n_states)]
    share = [int(n) / state_people[s] for n, s in zip(region.group_population, region.group_state, strict=True)]
    out: list[set[int]] = [set() for _ in range(region.n_groups)]
    for a, b in zip(region.kin_group_a.tolist(), region.kin_group_b.tolist(), strict=True):
        if share[a] < min(share[b], 0.5):
            out[a].add(int(region.group_state[b]))
    return [tuple(sorted(states)) for states in out]


def group_salience(region: Region, quiet: float) -> Array:
    """How political a community is in its state, (n_groups,): the dispute with the states of its kin, or ``quiet``."""
    out = np.full(region.n_groups, quiet)
    level = np.zeros((region.n_states, region.n_states))
    level[region.dispute_a, region.dispute_b] = region.dispute_level
    level[region.dispute_b, region.dispute_a] = region.dispute_level
    for group, patrons in enumerate(patron_states(region)):
        for patron in patrons:
            out[group] = max(out[group], level[region.group_state[group], patron])
    return out


def build_geography(region: Region, p: Any) -> Geography:
    """Build the static neighbourhoods of a region; ``p`` are the parameters."""
    cell_state = region.district_state[region.cell_district]
    people = region.cell_population.astype(np.float64)
    kin = np.zeros((region.n_groups, region.n_groups))
    kin[region.kin_group_a, region.kin_group_b] = region.kin_strength
    contact = _contact(region.district_lat, region.district_lon, region.distance_km, p.contact_cutoff)
    peers = _peers(
        contact, region.cell_district, region.cell_community, cell_state, region.cell_group, people, kin, region.border_factor,
        group_salience(region, p.quiet_dispute),
    )  # fmt: skip
    district_people = region.district_population.astype(np.float64)
    near = _near(contact, region.district_state, district_people, region.border_factor)
    state_people = np.zeros(region.n_states)
    for d in range(region.n_districts):
        state_people[region.district_state[d]] += district_people[d]
    kin_csr = _csr(_kin_rows(region))
    border_csr = _csr(_border_rows(region))
    return Geography(
        cell_district=region.cell_district.astype(np.int64),
        cell_group=region.cell_group.astype(np.int64),
        cell_state=cell_state.astype(np.int64),
        cell_uid=region.cell_uid,
        cell_people=people,
        district_state=region.district_state.astype(np.int64),
        district_cells=region.district_cells.astype(np.int64),
        district_uid=region.district_uid,
        district_people=district_people,
        group_state=region.group_state.astype(np.int64),
        group_uid=region.group_uid,
        group_people=region.group_population.astype(np.float64),
        state_uid=region.state_uid,
        state_people=state_people,
        peer_start=peers[0],
        peer_cell=peers[1],
        peer_weight=peers[2],
        near_start=near[0],
        near_district=near[1],
        near_weight=near[2],
        kin_start=kin_csr[0],
        kin_group=kin_csr[1],
        kin_weight=kin_csr[2],
        border_start=border_csr[0],
        border_state=border_csr[1],
        border_weight=border_csr[2],
        mix=peers[3],
        salience=peers[4],
    )
