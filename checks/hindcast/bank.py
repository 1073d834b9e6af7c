"""The runs that a hindcast scores: what was asked for, checked first, and candidate parameter sets run with and without the
dates of past events, read as the sources would have recorded them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from checks.lab import SEED, Lab, ground
from checks.observed import MONTHLY, Grid, Observed, by_unit, month_number, month_text, read_observed, record
from sim.errors import InputError, Problem, nearest
from sim.experiment import read_ensemble, run_seed
from sim.model.month import StabilityModel
from sim.model.run import make_setting
from sim.parameters import CATALOGUE
from sim.region import Region, find_region, load_region
from sim.region.slips import date_hint
from sim.scenario import Scenario, load_scenario, target_cells

F8 = NDArray[np.float64]
SCENARIO, FIRST, LAST, SPLIT = "history_1998_2010", "1998-01", "2010-12", "2004-01"
FEWEST_MONTHS = 24
Draw = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class HindcastOptions:
    """The options of the command as given; None stands for the default."""

    first: str | None = None
    last: str | None = None
    split: str | None = None
    observed: str | None = None
    scenario: str | None = None
    parameters: str | None = None


@dataclass(frozen=True, eq=False)
class HindcastSettings:
    """A checked hindcast. Months count from year 0, ``last`` inclusive; ``split`` is the first month of the later part.

    ``draws`` are candidate parameters, or None: drawn from the plausible ranges. ``key`` names all that can change a result.
    """

    scenario: str
    first: int
    last: int
    split: int
    observed: Observed
    draws: tuple[Draw, ...] | None
    key: str

    @property
    def months(self) -> int:
        """Length of the window."""
        return self.last - self.first + 1

    @property
    def window(self) -> str:
        """The window in words."""
        return f"{month_text(self.first)} to {month_text(self.last)}"


def settings_of(asked: HindcastOptions) -> HindcastSettings:
    """Read and check everything that was asked for.

    Raises
    ------
    InputError
        For a window outside the scenario or without observations, unknown states, bad tables or parameters.
    """
    first, last = _month("--from", asked.first or FIRST), _month("--to", asked.last or LAST)
    middle = month_text(first + (last - first + 1) // 2)
    split = _month("--split", asked.split or (SPLIT if asked.first is asked.last is None else middle))
    if last - first + 1 < FEWEST_MONTHS:
        got = f"{month_text(first)} to {month_text(last)}"
        raise InputError(
            Problem("the window is too short", key="--to", got=got, allowed=f"{FEWEST_MONTHS} months or more")
        )
    if not first + FEWEST_MONTHS // 2 <= split <= last - FEWEST_MONTHS // 2 + 1:
        allowed = f"{month_text(first + FEWEST_MONTHS // 2)} to {month_text(last - FEWEST_MONTHS // 2 + 1)}"
        raise InputError(
            Problem("leaves too little on one side", key="--split", got=month_text(split), allowed=allowed)
        )
    name = asked.scenario or SCENARIO
    spec = load_scenario(name)
    start = month_number(spec.start_year, spec.start_month)
    if first < start or last > start + spec.months - 1:
        runs = f"{month_text(start)} to {month_text(start + spec.months - 1)}"
        raise InputError(Problem("the window does not lie within the scenario", key="--from, --to",
                                 got=f"{month_text(first)} to {month_text(last)}", allowed=f"{runs} of {name}",
                                 hint="give a scenario that covers it with --scenario"))  # fmt: skip
    observed = read_observed(Path(asked.observed) if asked.observed is not None else None)
    _check_states(observed, first, last, load_region(find_region(spec.region), spec.start_year).states)
    draws = None
    if asked.parameters is not None:
        table = read_ensemble(Path(asked.parameters))
        draws = tuple(tuple(zip(table.names, row, strict=True)) for row in table.rows)
    digest = hashlib.sha256(repr((spec.content_hash(), first, last, split, draws)).encode())
    for file, frame in observed.tables.items():
        digest.update((file + frame.to_csv(index=False)).encode())
    return HindcastSettings(name, first, last, split, observed, draws, digest.hexdigest())


def _month(option: str, text: str) -> int:
    found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text)
    if found is None:
        raise InputError(Problem("not a month", key=option, got=repr(text), allowed="YYYY-MM such as 1998-01", hint=date_hint(text)))  # fmt: skip
    return month_number(int(found[1]), int(found[2]))


def _check_states(observed: Observed, first: int, last: int, states: tuple[str, ...]) -> None:
    """Every unit is made of the region's states, and something is known in the window."""
    problems, known = [], 0
    for outcome, (file, _) in MONTHLY.items():
        grid = observed.grid(outcome, first, last)
        known += int(grid.known.sum())
        strange = sorted({state for unit in grid.units for state in unit.split("+")} - set(states))
        problems += [
            Problem("not a state of the scenario's region", file, key=state, allowed=", ".join(states), hint=nearest(state, states))
            for state in strange
        ]  # fmt: skip
    if not problems and not known:
        window = f"{month_text(first)} to {month_text(last)}"
        problems.append(Problem("hold no known value in the window", file=str(observed.folder), got=window))
    if problems:
        raise InputError(problems)


# --- runs of the candidates

CITIZENS = 20_000
FULL, QUICK = (60, 3), (6, 2)
"""Candidates and replications of each."""
BEFORE = 24
"""Months of history ahead of the window."""
CONDITIONS = ("given the triggers", "without the triggers")
VARIED = ("quiet_participation", "climate", "b_tension", "recruitment", "armed_event_rate", "spark_rate", "focal_rate")
"""Drawn from their plausible ranges; all but the climate and tension on a log scale."""
LINEAR = ("climate", "b_tension")


@dataclass(frozen=True, eq=False)
class CandidateRuns:
    """Recorded outcomes of all runs.

    ``values[condition][outcome]`` (n_candidates, n_replications, months, n_units) in the units of ``grids``, which hold the
    window only; ``longer`` hold up to two years before it as well, for forecasts from history. ``triggers`` (before + months, n_states).
    """

    settings: HindcastSettings
    states: tuple[str, ...]
    draws: tuple[Draw, ...]
    grids: dict[str, Grid]
    longer: dict[str, Grid]
    values: tuple[dict[str, F8], ...]
    triggers: F8
    borders: F8
    conditions: tuple[str, ...]


def candidates(settings: HindcastSettings, n: int) -> tuple[Draw, ...]:
    """The parameters as they are, then a Latin hypercube over plausible ranges; or the draws that were given."""
    if settings.draws is not None:
        return settings.draws[:n]
    points = qmc.LatinHypercube(len(VARIED), rng=np.random.default_rng(SEED)).random(n - 1)
    made: list[Draw] = [()]
    for point in points:
        values = []
        for name, u in zip(VARIED, point, strict=True):
            low, high = CATALOGUE[name].low, CATALOGUE[name].high
            value = low + u * (high - low) if name in LINEAR else low * (high / low) ** u
            values.append((name, float(f"{value:.6g}")))
        made.append(tuple(values))
    return tuple(made)


def fill(lab: Lab, settings: HindcastSettings) -> CandidateRuns:
    """Run every candidate, given the triggers and without them, and read the runs as the sources would have."""
    n, replications = QUICK if lab.quick else FULL
    draws = candidates(settings, n)
    jobs = [
        (settings.scenario, settings.last, k, draw, lab.replications or replications) for k, draw in enumerate(draws)
    ]
    runs = np.stack(lab.map(simulate, jobs))
    spec, region, _ = ground(settings.scenario, CITIZENS)
    skipped = settings.first - month_number(spec.start_year, spec.start_month)
    grids = {name: settings.observed.grid(name, settings.first, settings.last) for name in MONTHLY}
    grids = {name: grid for name, grid in grids.items() if grid.known.any()}
    longer = {
        name: settings.observed.grid(name, settings.first - BEFORE, settings.last, grid.units)
        for name, grid in grids.items()
    }
    borders = np.zeros((region.n_states, region.n_states))
    borders[region.border_a, region.border_b] = borders[region.border_b, region.border_a] = 1.0
    values = tuple(
        {
            name: by_unit(runs[:, c, :, list(MONTHLY).index(name), skipped:], region.states, grid.units)
            for name, grid in grids.items()
        }
        for c in range(2)
    )
    return CandidateRuns(
        settings, tuple(region.states), draws, grids, longer, values,
        trigger_months(spec, region, settings.first - BEFORE, settings.last), borders,
        tuple(sorted({shock.type for shock in spec.shocks})),
    )  # fmt: skip


def simulate(scenario: str, last: int, number: int, draw: Draw, replications: int) -> NDArray[np.float32]:
    """Run one candidate: (2 conditions, replications, outcomes, months, n_states), in the order of `MONTHLY`.

    The two conditions share seeds.
    """
    spec, region, population = ground(scenario, CITIZENS)
    months = last - month_number(spec.start_year, spec.start_month) + 1
    spec = replace(spec, months=months)
    setting = make_setting(region, population, {**spec.parameters, **dict(draw)})
    out = np.zeros((2, replications, len(MONTHLY), months, region.n_states), np.float32)
    for c, scripted in enumerate((spec, replace(spec, shocks=()))):
        for r in range(replications):
            model = StabilityModel(scripted, setting, run_seed(SEED, number * replications + r), log_rounds=True)
            model.run()
            made = record(model)
            out[c, r] = [getattr(made, name) for name in MONTHLY]
    return out


def trigger_months(spec: Scenario, region: Region, first: int, last: int) -> F8:
    """Where and when dated triggers run, (months, n_states) 0 or 1."""
    start = month_number(spec.start_year, spec.start_month)
    out = np.zeros((last - first + 1, region.n_states))
    for shock in spec.shocks:
        cells = target_cells(region, shock.targets)
        states = np.unique(region.district_state[region.cell_district[cells]])
        begin = start + shock.at - first
        end = begin + int(shock.options.get("months") or 1)
        out[max(begin, 0) : max(end, 0), states] = 1.0
    return out
