"""Outlines of states for maps; never part of a simulation."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.errors import Problem, RegionError
from sim.region.files import read_text
from sim.region.records import Ring
from sim.region.schema import OUTLINES_FILE


def parse_outlines(text: str, states: Sequence[str]) -> dict[str, list[Ring]] | Problem:
    """Parse GeoJSON features with a property ``state`` and a Polygon or MultiPolygon each."""
    try:
        document = json.loads(text)
        rings: dict[str, list[Ring]] = {}
        for feature in document["features"]:
            rings.setdefault(str(feature["properties"]["state"]), []).extend(_rings(feature["geometry"]))
    except json.JSONDecodeError as error:
        return Problem(error.msg, file=OUTLINES_FILE, line=error.lineno, column=error.colno)
    except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        return Problem(
            f"not GeoJSON as expected: {type(error).__name__} {error}"[:200],
            file=OUTLINES_FILE,
            allowed="features with a property 'state' and a Polygon or MultiPolygon",
        )
    unknown = sorted(set(rings) - set(states))
    if unknown:
        return Problem("unknown state", file=OUTLINES_FILE, got=unknown[0][:40], allowed=", ".join(states))
    return {state: rings[state] for state in states if state in rings}


def _rings(geometry: dict[str, Any]) -> list[Ring]:
    """Outer rings of one geometry."""
    if geometry["type"] not in ("Polygon", "MultiPolygon"):
        raise ValueError(str(geometry["type"])[:40])
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    rings = [[(float(point[0]), float(point[1])) for point in polygon[0]] for polygon in polygons]
    if not all(math.isfinite(value) for ring in rings for point in ring for value in point):
        raise ValueError("coordinates must be finite")
    return rings


def read_outlines(folder: Path, states: Sequence[str]) -> dict[str, list[Ring]]:
    """Read the outlines of a region folder; empty when it has none."""
    if not (folder / OUTLINES_FILE).exists():
        return {}
    text = read_text(folder, OUTLINES_FILE)
    outlines = text if isinstance(text, Problem) else parse_outlines(text, states)
    if isinstance(outlines, Problem):
        raise RegionError(outlines)
    return outlines
