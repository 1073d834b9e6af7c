"""Which people a target covers, and which place or group a name was meant for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.errors import nearest
from sim.region import Region
from sim.region.slips import fold
from sim.scenario.records import Shock, Targets


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


def drawn_in(shock: Shock, region: Region) -> dict[str, Targets]:
    """Return the places in which a shock is drawn, with its targets there: each state it is for, or the region."""
    if shock.entry.rate_scope == "region":
        return {"region": shock.targets}
    return {state: part for state in region.states if (part := within(shock.targets, state, region)) is not None}


def within(targets: Targets, state: str, region: Region) -> Targets | None:
    """Return the part of targets that lies in a state; None if they leave it out."""
    everywhere = not targets.states and not targets.districts
    if everywhere or state in targets.states:
        return Targets((state,), (), targets.communities)
    number = region.states.index(state)
    inside = tuple(
        name for name in targets.districts if int(region.district_state[region.districts.index(name)]) == number
    )
    return Targets((), inside, targets.communities) if inside else None


OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "ALB": ("AL", "Shqipëri", "Shqipëria", "Republic of Albania", "Albanie", "Albanien"),
    "BIH": (
        "BA",
        "BiH",
        "Bosnia",
        "Bosnia-Herzegovina",
        "Bosna i Hercegovina",
        "Босна и Херцеговина",
        "Bosnie-Herzégovine",
        "Bosnien und Herzegowina",
    ),
    "HRV": ("HR", "CRO", "Hrvatska", "Republic of Croatia", "Croatie", "Kroatien"),
    "MKD": (
        "MK",
        "NMK",
        "Macedonia",
        "FYROM",
        "FYR Macedonia",
        "Republic of North Macedonia",
        "The former Yugoslav Republic of Macedonia",
        "Severna Makedonija",
        "Северна Македонија",
        "Македонија",
        "Maqedonia e Veriut",
        "Macédoine du Nord",
        "Nordmazedonien",
    ),
    "MNE": ("ME", "MNG", "Crna Gora", "Црна Гора", "Mali i Zi", "Monténégro"),
    "SRB": ("RS", "SER", "Srbija", "Србија", "Republic of Serbia", "Serbie", "Serbien"),
    "XKX": (
        "XK",
        "XKS",
        "XKO",
        "KOS",
        "KS",
        "RKS",
        "KSV",
        "UNK",
        "Kosova",
        "Kosovë",
        "Косово",
        "Kosovo and Metohija",
        "Kosovo i Metohija",
        "Republic of Kosovo",
    ),
}
"""Codes and spellings met in other sources, in no order of merit and with no view on status: a map to codes."""

_KINDS = ("states", "districts", "communities")


def place_hint(name: str, kind: str, region: Region) -> str:
    """Return a tip for a name that is no member of ``kind``: states, districts or communities."""
    word = fold(name)
    if not word:
        return ""
    for other in (kind, *(item for item in _KINDS if item != kind)):
        code = _meant(word, other, region)
        if code and other == kind:
            return f"write {code}"
        if code:
            return f"{code} is one of the {other}: list it under {other}"
    return nearest(name, getattr(region, kind))


def _meant(word: str, kind: str, region: Region) -> str:
    """Return the code of a place or group by a folded code, name or other spelling."""
    codes: tuple[str, ...] = getattr(region, kind)
    names = {"states": region.state_names, "districts": region.district_names, "communities": region.community_names}
    for code, name in zip(codes, names[kind], strict=True):
        if word in (fold(code), fold(name)) or (kind == "districts" and word == fold(code.partition("-")[2])):
            return code
    if kind == "states":
        return next(
            (code for code, others in OTHER_NAMES.items() if code in codes and word in map(fold, others)),
            "",
        )
    return ""
