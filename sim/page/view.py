"""HTML and data of the page: the document, the controls of programmes and shocks, and facts for drawing.

HTML is made by the templates beside this module, which escape every name and value. The document does not depend on a
scenario and is made once; the controls of programmes and shocks are made again when a scenario gains or loses one.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from sim import __version__
from sim.interventions import APPROVALS, PATTERN_OPTIONS, SCRIPTED, catalogue
from sim.model.shocks import POSTURES
from sim.page.lessons import LESSONS
from sim.page.runs import MAP_OUTCOMES
from sim.page.state import (
    BARE,
    MAX_CITIZENS,
    MAX_MONTHS,
    MAX_REPLICATIONS,
    PageState,
    ScenarioPair,
    shipped_region,
)
from sim.parameters import CATALOGUE, Parameter
from sim.parameters.theories import THEORIES
from sim.scenario import shipped_scenarios
from sim.status import status
from sim.world.outcomes import OUTCOMES

FAMILIES = {
    "mobilisation": "Who turns out",
    "conduct": "Violence and arrest",
    "fields": "Slow fields: tension, trust, work, crime",
    "armed": "Armed groups",
    "institutions": "Institutions",
    "rules": "Decision rules of institutions and armed groups",
    "start": "Levels at the start",
}
"""Families of parameters and their headings, in the order of the page."""
WIDTH = 1000.0
"""Width of the map in its own units."""


def page_html() -> str:
    """Return the whole document."""
    families: dict[str, list[Any]] = {}
    for entry in catalogue().interventions.values():
        families.setdefault(entry.family, []).append(entry)
    return TEMPLATES.get_template("page.html").render(
        version=__version__,
        status=status(),
        lessons=LESSONS,
        scenarios=shipped_scenarios(),
        bare=BARE,
        max_months=MAX_MONTHS,
        max_citizens=MAX_CITIZENS,
        max_replications=MAX_REPLICATIONS,
        interventions=families,
        shocks=catalogue().shocks.values(),
        theories=THEORIES.values(),
        parameters={
            key: [
                (item, *_slider_range(item))
                for item in CATALOGUE.values()
                if item.family == key and (item.low < item.high or item.high > 0)
            ]
            for key in FAMILIES
        },
        families=FAMILIES,
    )


def programmes_html(state: PageState) -> str:
    """Return cards with the controls of every programme and shock of a scenario, in the order of the file."""
    known = catalogue()

    def entries(kind: str, find: Any) -> list[tuple[str, Any, Any]]:
        items = state.content.get(kind, {}).items()
        return [(label, item, entry) for label, item in items if (entry := find(str(item.get("type")))) is not None]

    return TEMPLATES.get_template("programmes.html").render(
        programmes=entries("interventions", known.intervention),
        shocks=entries("shocks", known.shocks.get),
        start=str(state.content["start"]),
        region=state.region,
        approvals=APPROVALS,
        options=PATTERN_OPTIONS,
        postures=POSTURES,
        with_targets=("impulse", "rumour", *SCRIPTED),
    )


def _number(value: Any, digits: int = 6) -> str:
    """A number in few digits; nothing for None."""
    return f"{value:.{digits}g}" if isinstance(value, int | float) else str("" if value is None else value)


TEMPLATES = Environment(
    loader=PackageLoader("sim.page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
TEMPLATES.filters["number"] = _number


def _slider_range(item: Parameter) -> tuple[float, float, float]:
    """Lowest, highest and step of the slider of a parameter: its evidence range and half of it on both sides."""
    room = 0.5 * (item.high - item.low) or item.high  # one without a range: from nothing to twice its value
    span = item.high - item.low + 2 * room
    decimal = 10.0 ** math.floor(math.log10(span / 100))
    fine = span / 100 * (1 + 1e-9)  # the nearest power of ten may be above by rounding
    step = max(number * decimal for number in (1, 2, 5) if number * decimal <= fine)  # 100 to 250 steps
    low = max(math.ceil(item.hard_low / step - 1e-9), math.floor((item.low - room) / step)) * step
    high = min(math.floor(item.hard_high / step + 1e-9), math.ceil((item.high + room) / step)) * step
    return low, high, step


def facts(pair: ScenarioPair, seed: int) -> dict[str, Any]:
    """Return what the browser needs to draw a pair of runs: titles, dates, places, outcomes, outlines."""
    scenario = pair.scenario
    region = shipped_region(scenario.region, scenario.start_year)
    shown = ("name", "label", "unit", "kind", "headline")
    return {
        "titles": [one.title or one.key for _, one in pair.roles],
        "start": [scenario.start_year, scenario.start_month],
        "months": scenario.months,
        "scopes": ["region", *region.states],
        "scope_names": ["Whole region", *region.state_names],
        "outcomes": [{key: getattr(outcome, key) for key in shown} for outcome in OUTCOMES],
        "map_outcomes": [asdict(outcome) for outcome in MAP_OUTCOMES],
        "map": map_shapes(scenario.region, scenario.start_year),
        "seed": seed,
    }


@lru_cache(maxsize=2)
def map_shapes(name: str, year: int) -> dict[str, Any]:
    """Outlines and districts in the units of the map: straight longitudes, latitudes stretched to keep shapes."""
    region = shipped_region(name, year)
    rings = [ring for many in region.outlines().values() for ring in many]
    lons, lats = region.district_lon.tolist(), region.district_lat.tolist()
    points = [*(point for ring in rings for point in ring), *zip(lons, lats, strict=True)]
    west, east = min(p[0] for p in points) - 0.15, max(p[0] for p in points) + 0.15
    south, north = min(p[1] for p in points) - 0.15, max(p[1] for p in points) + 0.15
    stretch = 1.0 / math.cos(math.radians((south + north) / 2))
    scale = WIDTH / (east - west)

    def place(lon: float, lat: float) -> tuple[float, float]:
        return round((lon - west) * scale, 1), round((north - lat) * stretch * scale, 1)

    people = region.district_population
    rows = zip(region.districts, region.district_names, region.district_state.tolist(), lons, lats,
               (6.0 + 26.0 * np.sqrt(people / people.max())).tolist(), strict=True)  # fmt: skip
    return {
        "width": WIDTH,
        "height": round((north - south) * stretch * scale, 1),
        "outlines": [{"points": [place(*point) for point in ring]} for ring in rings],
        "districts": [
            {"key": key, "name": title, "state": region.states[home], "at": place(lon, lat), "radius": round(radius, 1)}
            for key, title, home, lon, lat, radius in rows
        ],
    }
