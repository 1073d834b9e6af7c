"""The bank of runs: every simulated history is kept as the line of its point and its statistics, and never run twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from checks.calibration import statistics
from checks.calibration.quantities import point
from checks.lab import Lab
from checks.observed import read_observed
from sim.experiment import run_seed
from sim.experiment.files import write_bytes
from sim.model.identity import model_hash
from sim.model.month import StabilityModel
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.scenario import load_scenario
from sim.world.world import prepare

F8 = NDArray[np.float64]
SCENARIO = "history_1998_2010"
SEED = 5
"""Base seed of the bank."""
CHUNK = 20
"""Runs kept together: what is lost when a procedure is interrupted."""


@dataclass(frozen=True, eq=False)
class Bank:
    """Runs of one model: files ``<key>.json`` in ``folder``, each of some points in a row."""

    folder: Path
    citizens: int

    @property
    def identity(self) -> str:
        """Hash of all that a line depends on beside its point: model, scenario, statistics, number of citizens."""
        own = Path(__file__).parent
        sources = [(own / name).read_bytes() for name in ("statistics.py", "quantities.py", "bank.py")]
        sources.append((own.parent / "observed.py").read_bytes())
        scenario = load_scenario(SCENARIO).content_hash()
        text = json.dumps(
            [model_hash(), scenario, self.citizens, *(hashlib.sha256(one).hexdigest() for one in sources)]
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def run(self, lab: Lab, shares: F8, first: int) -> F8:
        """Return the statistics (n, n_statistics) of points (n, 7), numbered from ``first``; run those not kept."""
        identity = self.identity
        chunks = [range(start, min(start + CHUNK, len(shares))) for start in range(0, len(shares), CHUNK)]
        keys = [_key(identity, shares[chunk.start : chunk.stop], first + chunk.start) for chunk in chunks]
        for chunk, key in zip(chunks, keys, strict=True):
            if not self._path(key).is_file():
                jobs = [(tuple(shares[k].tolist()), first + k, self.citizens) for k in chunk]
                self._keep(key, lab.map(simulated, jobs))
        return np.concatenate([np.array(json.loads(self._path(key).read_text())) for key in keys])

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _keep(self, key: str, lines: Sequence[Sequence[float]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_bytes(self._path(key), (json.dumps(lines) + "\n").encode())


def _key(identity: str, shares: F8, first: int) -> str:
    text = json.dumps([identity, first, shares.tolist()])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def simulated(shares: tuple[float, ...], number: int, citizens: int) -> list[float]:
    """Statistics of one simulated history at a point; its luck and its state offsets are those of its number."""
    spec, region, population, home, missing = _world(citizens)
    values = {**spec.parameters, **point(np.array(shares), number)}
    setting = prepare(region, population, values, home)
    model = StabilityModel(spec, setting, run_seed(SEED, number), log_rounds=True)
    while model.month < spec.months:
        model.step()
    made = statistics.summarise(statistics.of_run(model, missing))
    model.__dict__.clear()
    return [float(value) for value in made]


@lru_cache(maxsize=1)
def _world(citizens: int):  # type: ignore[no-untyped-def]
    """What all runs share: scenario, region of its start and of the reference year, people, months without data."""
    spec = load_scenario(SCENARIO)
    folder = find_region(spec.region)
    region, home = load_region(folder, spec.start_year), load_region(folder)
    missing = np.isnan(statistics.of_record(read_observed()).protests)
    return spec, region, synthesise(region, citizens), home if home.year != region.year else None, missing
