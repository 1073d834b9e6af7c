"""Tests that planted bugs called for: each of these mistakes went unnoticed before."""

from __future__ import annotations

from sim.experiment import build_plan
from sim.scenario import load_scenario
from sim.validation.worlds import FOLDER


def test_replications_share_their_luck_across_scenarios_and_points() -> None:
    """Bug ``own-luck``: seeds that differ by design point would unpair every sweep."""
    scenarios = [load_scenario(FOLDER / f"{name}.yaml") for name in ("valleys", "valleys_jobs")]
    plan = build_plan(
        scenarios,
        base_seed=1,
        replications=3,
        citizens=1000,
        region_hash="r",
        points=({}, {"b_peer": 2.0}, {"b_peer": 3.0}),
        model="m",
    )
    seeds = {(run.replication, run.seed) for run in plan.runs}
    assert len(plan.runs) == 18
    assert len(seeds) == 3
    assert len({seed for _, seed in seeds}) == 3
