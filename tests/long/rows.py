"""``python -m tests.long rows [--quick] [--only I12,R6]``: does each row of docs/coverage.csv move its scenario?

The scenario of a row is run as it is and with the row removed, on the same draws; what "removed" means stands in the
column ``drop`` (see `removal`). Looked at are all recorded outcomes and fields, in every state and the region, as means
over the run; only what is spent or sent (`MEANS`) is left out. A row moves its scenario when a paired difference is
farther from zero than Student's t allows at 5 %, shared between all that is looked at and both looks (Bonferroni):
8 pairs, and 32 where they are not enough. What agrees in all pairs, or differs by less than `SMALLEST` of its level,
does not move.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from functools import cache, lru_cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
from scipy import stats

import sim.agents
from sim.agents.base import Institution
from sim.agents.roster import institutions
from sim.analysis import REGION
from sim.analysis.statistics import mean_estimate
from sim.experiment import run_seed
from sim.model.identity import model_hash
from sim.model.month import StabilityModel
from sim.model.run import simulate
from sim.population import Population, synthesise
from sim.region import Region, find_region, load_region
from sim.scenario import Scenario, load_scenario
from sim.scenario.records import FIELDS
from sim.types import SLOW_FIELDS, Array
from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES

DOCS = Path(__file__).resolve().parents[2] / "docs"
TABLE = DOCS / "coverage_moves.csv"
KEPT = DOCS.parent / "results" / "rows"
CITIZENS = 9_000
LONGEST = 48
"""Months; longer scenarios are cut."""
LOOKS = (8, 32)
"""Pairs of runs: a row that does not move in the first look gets a second one."""
LEVEL = 0.05
"""Chance of a false finding in a row, shared by looks and by all that is looked at."""
MEANS = ("cost", "troops", "arming")
"""Outcomes that say what was spent, sent or armed: a row that moves nothing else does not count."""
LOOKED_AT = (*(name for name in OUTCOME_NAMES if name not in MEANS), *FIELDS)
SMALLEST = 1e-4
"""Part of the level from which a difference counts: below it nobody could see it, however sure it is."""
MOVES, STILL = "moves", "does not move beyond sampling error"


@dataclass(frozen=True)
class World:
    """A scenario, and the kinds of agent (modules of ``sim.agents``) that are missing from its roster."""

    spec: Scenario
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Move:
    """One line of the stored table: what differed most with a row, against the same runs without it.

    Among what moved it is the largest difference for its level; where nothing did, the one farthest from zero in
    standard errors. ``without`` the level without the row, ``moved`` of ``looked_at`` outcomes and fields moved somewhere.
    """

    row: str
    scenario: str
    removed: str
    outcome: str
    where: str
    without: float
    difference: float
    ci_low: float
    ci_high: float
    moved: int
    looked_at: int
    pairs: int
    months: int
    verdict: str


# What is removed ------------------------------------------------------------------------------------------


def removal(spec: Scenario, drop: str) -> World:
    """Take out of a scenario what ``drop`` names: parts joined by ``;``, choices within a part by ``|``.

    ``interventions=I12|I13`` and ``shocks=rumour`` (types, ``*`` for all), ``parameters.b_kin=0``,
    ``institutions=scripted``, ``approval=none`` (no proposal waits), ``agents=nato|un`` (modules of ``sim.agents``).

    Raises
    ------
    ValueError
        If a part is none of these, or the scenario has nothing of the kind.
    """
    made = World(spec)
    for part in filter(None, (one.strip() for one in drop.split(";"))):
        what, _, value = part.partition("=")
        before, made = made, _without(made, what, value)
        if made == before:
            raise ValueError(f"{spec.key}: {part} removes nothing")
    return made


def _without(made: World, what: str, value: str) -> World:
    spec, names = made.spec, frozenset(value.split("|"))
    if what in ("interventions", "shocks"):
        left = tuple(one for one in getattr(spec, what) if "*" not in names and one.type not in names)
        return replace(made, spec=replace(spec, **{what: left}))  # type: ignore[arg-type]
    if what.startswith("parameters."):
        parameters = {**spec.parameters, what.removeprefix("parameters."): float(value)}
        return replace(made, spec=replace(spec, parameters=parameters))
    if what == "institutions":
        return replace(made, spec=replace(spec, institutions=value))
    if what == "approval":
        granted = tuple(replace(one, approval=value) for one in spec.interventions)
        return replace(made, spec=replace(spec, interventions=granted))
    if what == "agents":
        unknown = names - {path.stem for path in Path(sim.agents.__file__).parent.glob("*.py")}
        if unknown:
            raise ValueError(f"no agent is called {', '.join(sorted(unknown))}")
        return replace(made, missing=names)
    raise ValueError(f"{what}: no way to remove a row")


@contextmanager
def _roster_without(missing: frozenset[str]) -> Iterator[None]:
    """Models made inside lack agents of some modules."""
    with patch(
        "sim.model.month.institutions", lambda model: [one for one in institutions(model) if _kind(one) not in missing]
    ):
        yield


def _kind(agent: Institution) -> str:
    """The module of ``sim.agents`` that an agent comes from."""
    return type(agent).__module__.rpartition(".")[2]


# Runs -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _people(region: str, year: int) -> tuple[Region, Population]:
    made = load_region(find_region(region), year)
    return made, synthesise(made, CITIZENS)


def _fields(model: StabilityModel) -> Array:
    """The `FIELDS` of this month: (n_states, 4)."""
    now = model.world.fields
    return np.array([now.energy if name == "energy" else now.slow[SLOW_FIELDS.index(name)] for name in FIELDS]).T


def recorded(world: World, pairs: int) -> Array:
    """Run a world; return means over the run, (pairs, the region and its states, `LOOKED_AT`)."""
    region, population = _people(world.spec.region, world.spec.start_year)
    columns = [OUTCOME_NAMES.index(name) for name in LOOKED_AT if name in OUTCOME_NAMES]
    pooled_by_sum = [OUTCOMES[column].pool == "sum" for column in columns] + [False] * len(FIELDS)
    made = []
    with _roster_without(world.missing):
        for replication in range(pairs):
            seen: list[Array] = []
            run = simulate(
                world.spec, region, population, run_seed(0, replication),
                observe=lambda model, seen=seen: seen.append(_fields(model)),  # type: ignore[misc]
            )  # fmt: skip
            people = run.series[0, :, OUTCOME_NAMES.index("population")]
            states = np.hstack([run.series[:, :, columns].mean(axis=0), np.mean(seen, axis=0)])
            whole = np.where(pooled_by_sum, states.sum(axis=0), people @ states / people.sum())
            made.append(np.vstack([whole, states]))
    return np.array(made)


@cache
def _reference(name: str, months: int, pairs: int) -> tuple[Scenario, Array]:
    """The scenario as it is, cut to ``months``, and what its runs recorded."""
    spec = load_scenario(name)
    spec = replace(spec, months=min(spec.months, months))
    return spec, recorded(World(spec), pairs)


def measure(row: Mapping[str, str], pairs: int, months: int = LONGEST) -> Move:
    """Run the first scenario of a row as it is and without the row, and compare."""
    name = first_scenario(row)
    spec, with_it = _reference(name, months, pairs)
    without = recorded(removal(spec, row["drop"]), pairs)
    regions = (REGION, *_people(spec.region, spec.start_year)[0].states)
    difference = with_it - without
    scale = np.abs(with_it).mean(axis=0) + np.abs(without).mean(axis=0)
    estimate = mean_estimate(difference)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(estimate.value == 0.0, 0.0, np.abs(estimate.value) / estimate.error)
    size = np.divide(2.0 * np.abs(estimate.value), scale, out=np.zeros_like(scale), where=scale > 0.0)
    t[size < SMALLEST] = 0.0
    beyond = t > stats.t.ppf(1.0 - LEVEL / (2 * len(LOOKS) * t.size), pairs - 1)
    where, outcome = np.unravel_index(np.argmax(np.where(beyond, size, 0.0) if beyond.any() else t), t.shape)
    return Move(
        row=row["row"],
        scenario=name,
        removed=row["drop"],
        outcome=LOOKED_AT[outcome],
        where=regions[where],
        without=_short(without[:, where, outcome].mean()),
        difference=_short(estimate.value[where, outcome]),
        ci_low=_short(estimate.low[where, outcome]),
        ci_high=_short(estimate.high[where, outcome]),
        moved=int(beyond.any(axis=0).sum()),
        looked_at=len(LOOKED_AT),
        pairs=pairs,
        months=spec.months,
        verdict=MOVES if beyond.any() else STILL,
    )


def _short(value: float) -> float:
    return float(f"{value:.4g}")


# The study ------------------------------------------------------------------------------------------------


def coverage_rows() -> list[dict[str, str]]:
    """The rows of docs/coverage.csv."""
    with (DOCS / "coverage.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stored() -> dict[str, Move]:
    """The stored table, by row."""
    if not TABLE.is_file():
        return {}
    types = {"float": float, "int": int, "str": str}
    with TABLE.open(encoding="utf-8", newline="") as file:
        lines = [
            {one.name: types[str(one.type)](line[one.name]) for one in fields(Move)} for line in csv.DictReader(file)
        ]
    return {line["row"]: Move(**line) for line in lines}


def store(moves: Mapping[str, Move]) -> None:
    """Write the table, in the order of docs/coverage.csv."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [one.name for one in fields(Move)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(moves[row["row"]]) for row in coverage_rows() if row["row"] in moves)


def kept_or_measured(row: Mapping[str, str], pairs: int) -> Move:
    """The move of a row, from results/rows if it was measured with this model, scenario and removal."""
    basis = [model_hash(), load_scenario(first_scenario(row)).content_hash(), row["drop"], CITIZENS, LONGEST, SMALLEST]
    file = KEPT / f"{row['row']}_{pairs}.json"
    if file.is_file():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["basis"] == basis:
            return Move(**kept["move"])
    move = measure(row, pairs)
    KEPT.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"basis": basis, "move": asdict(move)}, indent=1), encoding="utf-8")
    return move


def rows(arguments: Sequence[str]) -> int:
    """Measure every row (or those named) and store the table; 1 if a row that should move does not.

    ``--quick`` takes the first look only. What is done is kept by row and look, so a study that was stopped goes on.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.long rows", description=rows.__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="rows, such as I12,R6")
    options = parser.parse_args(arguments)
    only = set(filter(None, options.only.split(",")))
    chosen = {row["row"]: row for row in coverage_rows() if row["row"] in only or not only}
    by_world = sorted(chosen.values(), key=lambda row: (first_scenario(row), "parameters" in row["drop"]))
    moves = stored()
    for pairs in LOOKS[:1] if options.quick else LOOKS:
        for row in by_world:
            if pairs == LOOKS[0] or moves[row["row"]].verdict == STILL:
                moves[row["row"]] = kept_or_measured(row, pairs)
                print(line_of(moves[row["row"]]), flush=True)
    store(moves)
    failed = [name for name, row in chosen.items() if (moves[name].verdict == STILL) != bool(row["still"])]
    print(f"{len(chosen) - len(failed)} as expected, {len(failed)} not: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def first_scenario(row: Mapping[str, str]) -> str:
    """The scenario of a row that is run."""
    return row["scenario"].split(";")[0].strip()


def line_of(move: Move) -> str:
    """A move as a line of the printed table."""
    size = f"{move.difference:+.3g} [{move.ci_low:.3g}, {move.ci_high:.3g}]"
    return (
        f"{move.row:<4} {move.verdict:<26} {move.outcome:<20} {move.where:<7} {size:<34} "
        f"{move.moved} of {move.looked_at} moved, {move.pairs} pairs"
    )
