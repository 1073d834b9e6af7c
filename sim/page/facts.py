"""What the browser must know to draw a pair of worlds: names, places, outlines, units."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from sim.page.frames import MEASURES
from sim.page.state import State, Worlds
from sim.region import Region, find_region, load_region
from sim.world.outcomes import OUTCOMES

WIDTH = 1000.0
"""Width of the map in its own units."""


def facts(both: Worlds, state: State) -> dict[str, Any]:
    """Return what is fixed for a pair of worlds, as plain data."""
    scenario = both.ours
    region = load_home(scenario.region, scenario.start_year)
    return {
        "titles": [both.base.title or both.base.key, scenario.title or scenario.key],
        "start": [scenario.start_year, scenario.start_month],
        "months": scenario.months,
        "scopes": ["region", *region.states],
        "scope_names": ["Whole region", *region.state_names],
        "outcomes": [
            {
                "name": o.name,
                "label": o.label,
                "unit": o.unit,
                "kind": o.kind,
                "headline": o.headline,
                "better": o.better,
            }
            for o in OUTCOMES
        ],
        "measures": [{"name": m.name, "label": m.label, "unit": m.unit} for m in MEASURES],
        "map": map_shapes(scenario.region, scenario.start_year),
        "seed": state.seed,
        "citizens": state.citizens,
    }


@lru_cache(maxsize=2)
def load_home(name: str, year: int) -> Region:
    """A shipped region, kept."""
    return load_region(find_region(name), year)


@lru_cache(maxsize=2)
def map_shapes(name: str, year: int) -> dict[str, Any]:
    """Outlines and districts in the units of the map: straight longitudes, latitudes stretched to keep shapes."""
    region = load_home(name, year)
    outlines = region.outlines()
    rings = [(state, ring) for state, many in outlines.items() for ring in many]
    points = [point for _, ring in rings for point in ring]
    points += list(zip(region.district_lon.tolist(), region.district_lat.tolist(), strict=True))
    west, east = min(p[0] for p in points) - 0.15, max(p[0] for p in points) + 0.15
    south, north = min(p[1] for p in points) - 0.15, max(p[1] for p in points) + 0.15
    stretch = 1.0 / math.cos(math.radians((south + north) / 2))
    scale = WIDTH / (east - west)

    def place(lon: float, lat: float) -> tuple[float, float]:
        return round((lon - west) * scale, 1), round((north - lat) * stretch * scale, 1)

    most = max(region.district_population.tolist())
    rows = zip(region.districts, region.district_names, region.district_state.tolist(), region.district_lon.tolist(),
               region.district_lat.tolist(), region.district_population.tolist(), strict=True)  # fmt: skip
    return {
        "width": WIDTH,
        "height": round((north - south) * stretch * scale, 1),
        "outlines": [{"state": state, "points": [place(*point) for point in ring]} for state, ring in rings],
        "districts": [
            {
                "key": key,
                "name": title,
                "state": region.states[state],
                "at": place(lon, lat),
                "radius": round(6.0 + 26.0 * math.sqrt(people / most), 1),
            }
            for key, title, state, lon, lat, people in rows
        ],  # fmt: skip
    }
