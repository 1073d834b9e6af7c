"""From census counts to cells: join small communities, scale to a total."""

from __future__ import annotations

from collections.abc import Sequence

from sim.region.read import Header, Tables
from sim.region.schema import OTHER


def merge_small(tables: Tables, header: Header) -> dict[str, dict[str, int]]:
    """Join the small communities of each district into its cell ``other``.

    A community is kept when it has ``small_community`` persons or more in the census, is protected, or is the
    largest of its district. Census counts decide, so the cells are the same in every year.

    Returns
    -------
    dict of str to dict of str to int
        Persons counted in the census by district and community, keys sorted; districts without people are absent.
    """
    state_of = dict(zip(tables["districts.csv"].columns["district"], tables["districts.csv"].columns["state"], strict=True))
    columns = tables["communities.csv"].columns
    counts: dict[str, dict[str, int]] = {}
    for district, community, persons in zip(columns["district"], columns["community"], columns["persons"], strict=True):
        if persons:
            counts.setdefault(district, {})[community] = persons
    cells: dict[str, dict[str, int]] = {}
    for district in sorted(counts):
        own = counts[district]
        largest = min(own, key=lambda community: (-own[community], community))
        kept: dict[str, int] = {}
        for community, persons in own.items():
            keep = (persons >= header.small_community or community == largest
                    or (state_of.get(district, ""), community) in header.protected)
            target = community if keep else OTHER
            kept[target] = kept.get(target, 0) + persons
        cells[district] = dict(sorted(kept.items()))
    return cells


def rake(counts: Sequence[int], total: int) -> list[int]:
    """Scale whole counts to a whole total by largest remainders, at least 1 each.

    Parameters
    ----------
    counts : sequence of int, persons
        Positive counts.
    total : int, persons
        The total wanted, at least ``len(counts)``.

    Returns
    -------
    list of int, persons
        Positive counts that sum to ``total``; ties go to the earlier entry. Exact integer arithmetic.
    """
    whole = sum(counts)
    scaled = [count * total // whole for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda index: (-(counts[index] * total % whole), index))
    for index in by_remainder[: total - sum(scaled)]:
        scaled[index] += 1
    for index, persons in enumerate(scaled):
        if persons == 0:
            scaled[index] = 1
            scaled[max(range(len(scaled)), key=lambda other: (scaled[other], -other))] -= 1
    return scaled
