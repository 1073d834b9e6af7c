"""Runs of a calibration: the seven quantities that are calibrated, and the bank of simulated histories.

Every simulated history is kept as the statistics of its point and never run twice.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from checks.calibration.history import history_of_record, history_of_run, summarise
from checks.lab import Lab, ground, run
from checks.observed import read_observed
from sim.experiment import run_seed
from sim.experiment.files import write_bytes
from sim.model.identity import model_hash
from sim.model.month import StabilityModel
from sim.model.run import make_setting
from sim.parameters import CATALOGUE
from sim.scenario import load_scenario

F8 = NDArray[np.float64]


@dataclass(frozen=True)
class Quantity:
    """One calibrated quantity: a catalogue parameter with its prior, flat between ``low`` and ``high``.

    ``log``: flat in the logarithm. ``moves`` names a second parameter that keeps its ratio to the first.
    """

    name: str
    label: str
    low: float
    high: float
    log: bool = False
    moves: str = ""

    def value(self, share: float) -> float:
        """Place in the prior range, 0 to 1, as a value."""
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return float(self.low + (self.high - self.low) * share)


def _catalogue(name: str, label: str, log: bool = False, moves: str = "") -> Quantity:
    """A quantity whose prior is the plausible range of the parameter."""
    return Quantity(name, label, CATALOGUE[name].low, CATALOGUE[name].high, log, moves)


QUANTITIES = (
    _catalogue("quiet_participation", "quiet turn-out", log=True),
    _catalogue("district_noise", "noise", moves="climate"),
    Quantity("b_tension", "slope on tension", 1.0, 3.0, moves="b_violence_tension"),
    _catalogue("recruitment", "recruitment", log=True),
    _catalogue("armed_event_rate", "armed events", log=True),
    _catalogue("state_spread", "state spread"),
    _catalogue("rumour_size", "rumour size"),
)
COLUMNS = tuple(name for one in QUANTITIES for name in (one.name, one.moves) if name) + ("state_draw",)
"""Parameters that a point sets."""


def point(shares: F8, draw: int) -> dict[str, float]:
    """Parameters of one point, six significant digits.

    Parameters
    ----------
    shares : (7,) float64
        Places in the prior ranges.
    draw : int
        Which draw of the state offsets belongs to the point.
    """
    made: dict[str, float] = {}
    for one, share in zip(QUANTITIES, shares, strict=True):
        value = float(f"{one.value(share):.6g}")
        made[one.name] = value
        if one.moves:
            ratio = CATALOGUE[one.moves].default / CATALOGUE[one.name].default
            made[one.moves] = float(f"{value * ratio:.6g}")
    return {**made, "state_draw": float(draw)}


# --- the bank

SCENARIO = "history_1998_2010"
BANK_SEED = 5
"""Base seed of the bank."""
CHUNK = 20
"""Runs kept together: what is lost when a procedure is interrupted."""


@dataclass(frozen=True, eq=False)
class RunBank:
    """Runs of one model: files ``<key>.json`` in ``folder``, each of some points in a row."""

    folder: Path
    citizens: int

    @property
    def identity(self) -> str:
        """Hash of all that a line depends on beside its point: model, scenario, statistics, number of citizens."""
        own = Path(__file__).parent
        sources = [own / "history.py", own / "runs.py", own.parent / "observed.py"]
        hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sources]
        text = json.dumps([model_hash(), load_scenario(SCENARIO).content_hash(), self.citizens, *hashes])
        return hashlib.sha256(text.encode()).hexdigest()

    def run(self, lab: Lab, shares: F8, first: int) -> F8:
        """Return the statistics (n, n_statistics) of points (n, 7), numbered from ``first``; run those not kept."""
        identity = self.identity
        chunks = [range(start, min(start + CHUNK, len(shares))) for start in range(0, len(shares), CHUNK)]
        self.folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for chunk in chunks:
            text = json.dumps([identity, first + chunk.start, shares[chunk.start : chunk.stop].tolist()])
            paths.append(self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json")
        for chunk, path in zip(chunks, paths, strict=True):
            if not path.is_file():
                jobs = [(tuple(shares[k].tolist()), first + k, self.citizens) for k in chunk]
                write_bytes(path, (json.dumps(lab.map(simulated, jobs)) + "\n").encode())
        return np.concatenate([np.array(json.loads(path.read_text())) for path in paths])


def simulated(shares: tuple[float, ...], number: int, citizens: int) -> list[float]:
    """Statistics of one simulated history at a point; its random draws and its state offsets are those of its number."""
    spec, region, population = ground(SCENARIO, citizens)
    values = {**spec.parameters, **point(np.array(shares), number)}
    setting = make_setting(region, population, values)
    model = StabilityModel(spec, setting, run_seed(BANK_SEED, number), log_rounds=True)
    run(model)
    made = summarise(history_of_run(model, _missing()))
    model.__dict__.clear()
    return [float(value) for value in made]


@lru_cache(maxsize=1)
def _missing() -> NDArray[np.bool_]:
    """Months and states without data on protests."""
    return np.isnan(history_of_record(read_observed()).protests)
