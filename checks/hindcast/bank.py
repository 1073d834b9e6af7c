"""One bank of runs for every division of the window: candidate parameters, with and without the triggers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from checks.hindcast.baselines import CLIMATOLOGY, Known, forecast
from checks.hindcast.settings import Draw, Settings
from checks.lab import Lab
from checks.observed import MONTHLY, Grid, by_unit, month_number, record
from checks.scores import crps
from checks.worlds import SEED
from sim.experiment import run_seed
from sim.model.month import StabilityModel
from sim.parameters import CATALOGUE
from sim.population import Population, synthesise
from sim.region import Region, find_region, load_region
from sim.scenario import Scenario, load_scenario, target_cells
from sim.world.world import prepare

CITIZENS = 20_000
FULL, QUICK = (60, 3), (6, 2)
"""Candidates and replications of each."""
KEPT = 1.0 / 3.0
"""Share of candidates kept by what they say about the months that may be learned from."""
CONDITIONS = ("given the triggers", "without the triggers")
VARIED = ("quiet_participation", "climate", "b_tension", "recruitment", "armed_event_rate", "spark_rate", "focal_rate")
"""Drawn from their plausible ranges; all but the climate and tension on a log scale."""
LINEAR = ("climate", "b_tension")
F8 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bank:
    """Recorded outcomes of all runs.

    ``values[condition][outcome]`` (n_candidates, n_replications, months, n_units) in the units of ``grids``, which hold the
    window only; ``longer`` hold up to two years before it as well, for forecasts from history. ``triggers`` (before + months, n_states).
    """

    settings: Settings
    states: tuple[str, ...]
    draws: tuple[Draw, ...]
    grids: dict[str, Grid]
    longer: dict[str, Grid]
    values: tuple[dict[str, F8], ...]
    triggers: F8
    borders: F8
    conditions: tuple[str, ...]

    @property
    def before(self) -> int:
        """Months of history ahead of the window."""
        return BEFORE


BEFORE = 24


def candidates(settings: Settings, n: int) -> tuple[Draw, ...]:
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


def fill(lab: Lab, settings: Settings) -> Bank:
    """Run every candidate, given the triggers and without them, and read the runs as the sources would have."""
    n, replications = QUICK if lab.quick else FULL
    replications = lab.replications or replications
    draws = candidates(settings, n)
    jobs = [(settings.scenario, settings.last, k, draw, replications) for k, draw in enumerate(draws)]
    runs = np.stack(lab.map(simulate, jobs))
    spec, region, _, _ = _ground(settings.scenario)
    skipped = settings.first - month_number(spec.start_year, spec.start_month)
    grids = {name: settings.observed.grid(name, settings.first, settings.last) for name in MONTHLY}
    grids = {name: grid for name, grid in grids.items() if grid.known.any()}
    longer = {name: _longer(settings, grid) for name, grid in grids.items()}
    values = tuple(
        {
            name: by_unit(runs[:, c, :, list(MONTHLY).index(name), skipped:], region.states, grid.units)
            for name, grid in grids.items()
        }
        for c in range(2)
    )
    return Bank(
        settings, tuple(region.states), draws, grids, longer, values,
        trigger_months(spec, region, settings.first - BEFORE, settings.last), _borders(region),
        tuple(sorted({shock.type for shock in spec.shocks})),
    )  # fmt: skip


def _longer(settings: Settings, grid: Grid) -> Grid:
    """The same units with the months before the window in front, NaN where a unit was not counted then."""
    made = settings.observed.grid(grid.outcome, settings.first - BEFORE, settings.last)
    values = np.full((made.values.shape[0], len(grid.units)), np.nan)
    for k, unit in enumerate(grid.units):
        values[:, k] = made.values[:, made.units.index(unit)]
    return Grid(grid.outcome, grid.units, made.first, values)


@lru_cache(maxsize=1)
def _ground(scenario: str) -> tuple[Scenario, Region, Population, Region | None]:
    """What all candidates share, kept for the process."""
    spec = load_scenario(scenario)
    folder = find_region(spec.region)
    region, home = load_region(folder, spec.start_year), load_region(folder)
    return spec, region, synthesise(region, CITIZENS), None if home.year == region.year else home


def simulate(scenario: str, last: int, number: int, draw: Draw, replications: int) -> NDArray[np.float32]:
    """Run one candidate: (2 conditions, replications, outcomes, months, n_states), in the order of `MONTHLY`.

    The two conditions share seeds.
    """
    spec, region, population, home = _ground(scenario)
    months = last - month_number(spec.start_year, spec.start_month) + 1
    spec = replace(spec, months=months)
    setting = prepare(region, population, {**spec.parameters, **dict(draw)}, home)
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


def _borders(region: Region) -> F8:
    out = np.zeros((region.n_states, region.n_states))
    out[region.border_a, region.border_b] = out[region.border_b, region.border_a] = 1.0
    return out


def known(bank: Bank, outcome: str, held_out: NDArray[np.bool_], triggered: bool) -> Known:
    """What may be used of one outcome when some cells of the window are held out."""
    grid = bank.longer[outcome]
    values = grid.values.copy()
    values[BEFORE:][held_out] = np.nan
    member = np.array([[state in unit.split("+") for state in bank.states] for unit in grid.units], np.float64)
    neighbours = ((member @ bank.borders @ member.T) > 0).astype(np.float64)
    np.fill_diagonal(neighbours, 0.0)
    triggers = np.minimum(bank.triggers @ member.T, 1.0) if triggered else None
    return Known(values, BEFORE, neighbours, triggers)


def kept(bank: Bank, condition: int, held_out: dict[str, NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Numbers of the candidates whose runs fit best what may be learned from.

    The misfit is the fair CRPS of log(1 + value) over what is not held out, relative to climatology, averaged over outcomes.
    """
    total = np.zeros(len(bank.draws))
    for outcome, grid in bank.grids.items():
        happened = np.log1p(np.where(held_out[outcome], np.nan, grid.values))
        if not np.isfinite(happened).any():
            continue
        cells = np.isfinite(happened)
        plain = forecast(CLIMATOLOGY, known(bank, outcome, held_out[outcome], False), cells)
        scale = max(float(crps(np.log1p(plain), happened[cells]).mean()), 1e-9)
        runs = np.log1p(bank.values[condition][outcome][..., cells])
        total += [float(crps(one, happened[cells], fair=runs.shape[1] > 1).mean()) / scale for one in runs]
    keep = max(math.ceil(KEPT * len(bank.draws)), 1)
    return np.sort(np.argsort(total, kind="stable")[:keep])


def members(bank: Bank, condition: int, outcome: str, chosen: Sequence[int] | NDArray[np.int64]) -> F8:
    """The runs of chosen candidates as one equally weighted ensemble, (members, months, n_units)."""
    runs = bank.values[condition][outcome][list(chosen)]
    return np.asarray(runs.reshape(-1, *runs.shape[2:]), np.float64)


def conditioned_on(bank: Bank) -> str:
    """Say what is known in advance; printed with every table."""
    if not bank.conditions:
        return "Given: region tables and missions of the time; the scenario has no dated triggers"
    kinds = ", ".join(kind.replace("_", " ") for kind in bank.conditions)
    return (
        "Given the triggers: region tables and missions of the time, and the dates of events written into the scenario "
        f"({kinds}); without the triggers these dates are left out"
    )


def about(bank: Bank) -> str:
    """What was simulated, in words."""
    n, replications = bank.values[0][next(iter(bank.grids))].shape[:2]
    keep = max(math.ceil(KEPT * n), 1)
    return (
        f"{bank.settings.scenario}, {bank.settings.window}, {n} candidate parameter sets with {replications} replications each, "
        f"with and without triggers, {CITIZENS:,} citizens; the {keep} sets that fit best what may be learned from are kept. "
        + conditioned_on(bank)
    )
