"""From census counts to cells: join small communities, scale to a total."""

from __future__ import annotations

from collections.abc import Sequence

from sim.region.header import Header
from sim.region.read import Tables
from sim.region.schema import OTHER

MIN_PERSONS = 8
"""A cell holds at least this many persons: with one citizen per person it still has 8 citizens."""


def merge_small(tables: Tables, header: Header) -> dict[str, dict[str, int]]:
    """Join the small communities of each district into its cell ``other``.

    A community is kept when it has ``small_community`` persons or more in the census, is protected, or is
    the largest of its district; fewer than `MIN_PERSONS` are never kept, and a smaller cell ``other`` joins
    the largest community. Census counts decide, so the cells are the same in every year.

    Returns
    -------
    dict of str to dict of str to int
        Persons counted in the census by district and community, keys sorted; no district without people.
    """
    districts, columns = tables["districts.csv"].columns, tables["communities.csv"].columns
    state_of = dict(zip(districts["district"], districts["state"], strict=True))
    counts: dict[str, dict[str, int]] = {}
    rows = zip(columns["district"], columns["community"], columns["persons"], strict=True)
    for district, community, persons in rows:
        if persons:
            counts.setdefault(district, {})[community] = persons
    cells: dict[str, dict[str, int]] = {}
    for district in sorted(counts):
        state = state_of.get(district, "")
        kept = {
            key
            for key, persons in counts[district].items()
            if persons >= (MIN_PERSONS if (state, key) in header.protected else header.small_community)
        }
        cells[district] = _join(counts[district], kept)
    return cells


def _join(counts: dict[str, int], kept: set[str]) -> dict[str, int]:
    """Join what is not kept into ``other``; keys sorted."""
    largest = min(counts, key=lambda community: (-counts[community], community))
    joined: dict[str, int] = {}
    for community, persons in counts.items():
        target = community if community in kept or community == largest else OTHER
        joined[target] = joined.get(target, 0) + persons
    if OTHER in joined and joined[OTHER] < MIN_PERSONS and largest != OTHER:
        joined[largest] += joined.pop(OTHER)
    return dict(sorted(joined.items()))


def rake(counts: Sequence[int], total: int, least: int = MIN_PERSONS) -> list[int]:
    """Scale whole counts to a whole total by largest remainders, with a least count each.

    Parameters
    ----------
    counts : sequence of int, persons
        Positive counts.
    total : int, persons
        The total wanted, at least ``least * len(counts)``.
    least : int, persons
        What each entry gets at least; the largest entry gives.

    Returns
    -------
    list of int, persons
        Counts that sum to ``total``; ties go to the earlier entry. Exact integer arithmetic.
    """
    whole = sum(counts)
    scaled = [count * total // whole for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda index: (-(counts[index] * total % whole), index))
    for index in by_remainder[: total - sum(scaled)]:
        scaled[index] += 1
    for index in range(len(scaled)):
        while scaled[index] < least:
            richest = max(range(len(scaled)), key=lambda other: (scaled[other], -other))
            given = min(least - scaled[index], scaled[richest] - least)
            scaled[index] += given
            scaled[richest] -= given
    return scaled
