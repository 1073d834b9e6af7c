"""Hundreds of runs in one process leave nothing behind."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from dataclasses import replace
from typing import Any

import mesa
import pytest

import sim.model.run
from sim.agents.base import Institution
from sim.model.month import StabilityModel
from sim.model.run import simulate
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.scenario import load_scenario
from sim.world.world import prepare

RUNS = 250
REGION = load_region(find_region("twin_valleys"), 2024)
PEOPLE = synthesise(REGION, 160)
SETTING = prepare(REGION, PEOPLE)
SPEC = replace(load_scenario("baseline_2024"), region="twin_valleys", months=3)


def run(seed: int, institutions: str = "scripted") -> None:
    simulate(replace(SPEC, institutions=institutions), REGION, PEOPLE, seed, setting=SETTING)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[StabilityModel]]:
    """Weak references to every model that a test makes."""
    made: list[weakref.ref[StabilityModel]] = []

    class Watched(StabilityModel):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(weakref.ref(self))

    monkeypatch.setattr(sim.model.run, "StabilityModel", Watched)
    return made


@pytest.mark.parametrize("institutions", ["scripted", "adaptive"])
def test_a_model_goes_at_once(models: list[weakref.ref[StabilityModel]], institutions: str) -> None:
    """No collection is needed, so that the arrays of two runs are never held together."""
    gc.disable()
    try:
        run(1, institutions)
        run(2, institutions)
        assert [model() for model in models] == [None, None]
    finally:
        gc.enable()


def held_after(seeds: range) -> int:
    """Bytes held once these runs, in both modes, are over."""
    for seed in seeds:
        run(seed, "adaptive" if seed % 2 else "scripted")
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_250_runs_stay_flat(models: list[weakref.ref[StabilityModel]]) -> None:
    """One model holds some 200,000 bytes; all that grows here is this test's own list of references."""
    tracemalloc.start()
    try:
        early = held_after(range(RUNS // 5))
        late = held_after(range(RUNS // 5, RUNS))
    finally:
        tracemalloc.stop()
    assert len(models) == RUNS
    assert not any(model() for model in models)
    assert late - early < 500 * RUNS


def test_a_run_that_fails_leaves_nothing_either(
    models: list[weakref.ref[StabilityModel]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(model: StabilityModel) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(StabilityModel, "_deliver", fail)
    with pytest.raises(RuntimeError, match="planted"):
        run(1)
    gc.collect()
    assert models[0]() is None


def test_a_model_stepped_by_hand_can_go_too() -> None:
    """Before version 3.4.2 Mesa's own counter would keep it."""
    model = StabilityModel(SPEC, SETTING, 1)
    model.step()
    numbers = [agent.unique_id for agent in model.institutions]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert len(Institution._ids) == 0
    assert not getattr(mesa.Agent, "_ids", None)
