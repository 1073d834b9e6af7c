"""The frozen baseline: headline outcomes of a small run, which may change only on purpose.

When `tests/test_baseline.py` is red and the change of numbers is wanted, run ``python -m tests.baseline`` and add a line
"Numbers moved, because ..." to CHANGELOG.md.
"""

from __future__ import annotations

import json
from math import fsum
from pathlib import Path

from sim.experiment import run_seed
from sim.model.run import simulate
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.scenario import load_scenario
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

FILE = Path(__file__).parent / "baseline.json"
MONTHS = {
    "baseline_2024": 12,
    "way_forward": 24,
    "way_forward_adaptive": 24,
    "rumour_march_2004": 12,
    "kosovo_1998_2001": 18,
}
"""Long enough that programmes run, institutions choose and the war of 1998-99 is in it."""


def measured() -> dict[str, dict[str, float]]:
    """Region totals (flows) or sums over states and months (levels) with 9,000 citizens, exactly."""
    found = {}
    for name, months in MONTHS.items():
        spec = load_scenario(name, [f"months={months}"])
        region = load_region(find_region(spec.region), spec.start_year)
        series = simulate(spec, region, synthesise(region, 9_000), run_seed(1, 0)).series
        found[name] = {
            outcome.name: fsum(series[:, :, OUTCOME_INDEX[outcome.name]].ravel().tolist())
            for outcome in OUTCOMES
            if outcome.headline
        }
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(measured(), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {FILE.name}; now say in CHANGELOG.md why the numbers moved")
