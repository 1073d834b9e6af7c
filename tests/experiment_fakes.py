"""A world so plain that the right answer is known; used where the model would only add noise."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from sim.experiment.engine import Layout
from sim.scenario import Scenario
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES, PLACE_OUTCOMES

STATES = ("AAA", "BBB", "CCC")


@dataclass(frozen=True)
class FakeScenario:
    key: str
    title: str = ""
    region: str = "fake"
    start_year: int = 2024
    start_month: int = 1
    months: int = 24
    parameters: dict[str, float] = field(default_factory=dict)

    def content_hash(self) -> str:
        content = {name: value for name, value in asdict(self).items() if name not in ("key", "title")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class FakeSource:
    """A fake scenario that points change; keys are the names of parameters."""

    base: FakeScenario

    def at(self, point: dict[str, float]) -> FakeScenario:
        return replace(self.base, parameters={**self.base.parameters, **point})

    def written(self) -> dict[str, object]:
        return asdict(self.base)


@dataclass(frozen=True)
class FakeResult:
    series: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class FakeEngine:
    """Counts and levels. ``parameters``: ``rate`` of incidents a state-month, ``tension`` shift, ``die``."""

    districts: int = 8
    seconds: float = 0.0
    fuse: Path | None = None

    def layout(self, scenario: FakeScenario) -> Layout:
        cells = [(STATES[d % 3], f"district_{d}", community) for d in range(self.districts) for community in ("x", "y")]
        cells.sort()
        return Layout(STATES, *(tuple(column) for column in zip(*cells, strict=True)))

    def simulate(self, scenario: FakeScenario, seed: int) -> FakeResult:
        settings = scenario.parameters
        if settings.get("fail") is not None and seed % 2 == int(settings["fail"]):
            raise ValueError("the fake broke")
        if settings.get("die") and self.fuse is not None and (settings["die"] > 1 or not self.fuse.exists()):
            self.fuse.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.seconds:
            time.sleep(self.seconds)
        draw = np.random.default_rng(seed)
        shape = (scenario.months, len(STATES))
        series = np.zeros((*shape, len(OUTCOMES)))
        series[..., OUTCOME_INDEX["population"]] = [1000, 2000, 7000]
        uniforms = draw.random((*shape, 20))
        series[..., OUTCOME_INDEX["incidents"]] = (uniforms < settings.get("rate", 4.0) / 20).sum(axis=-1)
        noise = draw.normal(0, 0.02, shape)
        series[..., OUTCOME_INDEX["tension"]] = 0.4 + settings.get("tension", 0.0) + noise
        series[..., OUTCOME_INDEX["displaced"]] = np.arange(scenario.months)[:, None]
        series[..., OUTCOME_INDEX["cost"]] = settings.get("cost", 0.0)
        if settings.get("nan"):
            series[3, 1, OUTCOME_INDEX["tension"]] = np.nan
        places = draw.random((-(-scenario.months // 12), 2 * self.districts, len(PLACE_OUTCOMES)))
        places[..., 0] = 48 * 500
        return FakeResult(series, places)


@dataclass(frozen=True)
class RealNamesEngine(FakeEngine):
    """The plain world for real scenarios: two states, incidents follow ``b_peer`` and police, random draws fixed by the seed."""

    def layout(self, scenario: Scenario) -> Layout:
        cells = [(STATES[d % 2], f"district_{d}", name) for d in range(self.districts) for name in ("x", "y")]
        cells.sort()
        return Layout(STATES[:2], *(tuple(column) for column in zip(*cells, strict=True)))

    def simulate(self, scenario: Scenario, seed: int) -> FakeResult:
        settings = scenario.parameters
        police = sum(item.intensity for item in scenario.interventions)
        rate = settings.get("b_peer", 2.6) - police
        if settings.get("b_kin", 0.0) >= 2.0 and seed % 2:
            raise ValueError("the fake broke")
        draw = np.random.default_rng(seed)
        shape = (scenario.months, 2)
        series = np.zeros((*shape, len(OUTCOMES)))
        series[..., OUTCOME_INDEX["population"]] = 1000
        series[..., OUTCOME_INDEX["incidents"]] = draw.poisson(5.0, shape) + rate
        series[..., OUTCOME_INDEX["displaced"]] = np.arange(scenario.months)[:, None]
        series[..., OUTCOME_INDEX["tension"]] = 0.1 * rate + draw.normal(0, 0.05, shape)
        places = draw.random((-(-scenario.months // 12), 2 * self.districts, len(PLACE_OUTCOMES)))
        return FakeResult(series, places)
