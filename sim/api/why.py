"""Why two scenarios differ: run every world in between on the same draws, and share the difference out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.analysis import (
    REGION,
    WHOLE_RUN,
    attribute,
    attribution_table,
    coalitions,
    difference_over_time,
    first_moves,
    method_for,
    monthly_table,
    pair_coalitions,
    synergy,
    window_table,
    write_csv,
)
from sim.analysis.attribution import METHODS, MOST_EXACT, PERMUTATIONS, SHAPLEY, why_paragraph
from sim.api.folder import ExperimentFolder, default_folder
from sim.api.results import Results, RunsFailedError, parts
from sim.api.setup import ProgressCallback, ScenarioLike, Settings, Setup, prepare
from sim.api.worlds import Between, between
from sim.errors import InputError, Problem, nearest
from sim.experiment import Engine
from sim.scenario import Scenario
from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES

F8 = NDArray[np.float64]
MOST_WORLDS = 2000


@dataclass(frozen=True, eq=False)
class Why(Results):
    """Where a difference comes from: tables as written to the folder, and the question they answer."""

    between: Between | None = None
    why: pd.DataFrame = field(default_factory=pd.DataFrame)
    synergy: pd.DataFrame = field(default_factory=pd.DataFrame)
    order: pd.DataFrame = field(default_factory=pd.DataFrame)
    over_time: pd.DataFrame = field(default_factory=pd.DataFrame)
    figures: tuple[Path, ...] = ()

    def paragraph(self, outcome: str, scope: str = REGION) -> str:
        """Tell in words where the difference in one outcome comes from."""
        first, second = self.scenarios[:2]
        titles = (first.title or first.key, second.title or second.key)
        return why_paragraph(self.why, self.order, outcome, scope, titles)


@dataclass(frozen=True, eq=False)
class Question:
    """Which worlds must be run to tell why two scenarios differ."""

    between: Between
    method: str
    permutations: int
    synergy: bool
    worlds: Mapping[frozenset[str], Scenario]


def question(
    first: Scenario,
    second: Scenario,
    *,
    by: str = "programme",
    method: str = "",
    order: Sequence[str] = (),
    permutations: int = PERMUTATIONS,
    synergy: bool = False,
) -> Question:
    """List the worlds between two scenarios; arguments as in ``why``."""
    parts_ = between(first, second, by, order)
    method = method or ("ordered" if order else method_for(parts_.groups))
    problems = _problems(parts_, method, permutations)
    if problems:
        raise InputError(problems)
    wanted = coalitions(parts_.groups, method, permutations)
    if synergy:
        wanted = list(dict.fromkeys([*wanted, *pair_coalitions(parts_.groups)]))
    if len(wanted) > MOST_WORLDS:
        raise InputError(
            Problem(
                "too many worlds to run",
                key="permutations",
                got=f"{len(wanted):,} worlds for {len(parts_.groups)} parts",
                allowed=f"{MOST_WORLDS:,}",
                hint="group the parts with --by family, or draw fewer permutations",
            )
        )
    worlds = {inside: parts_.world(inside) for inside in wanted}
    return Question(parts_, method, permutations, synergy, worlds)


def _problems(parts_: Between, method: str, permutations: int) -> list[Problem]:
    problems = []
    if method not in METHODS:
        problems.append(Problem("no such method", key="method", got=method, allowed=", ".join(METHODS)))
    if method == SHAPLEY and len(parts_.groups) > MOST_EXACT:
        problems.append(
            Problem(
                "too many parts for exact Shapley values",
                key="method",
                got=f"{len(parts_.groups)} parts",
                allowed=f"at most {MOST_EXACT}",
                hint="use sampled, or group with --by family",
            )
        )
    if permutations < 4 or permutations % 2:
        problems.append(
            Problem(
                "must be even, so that each order goes with its reverse",
                key="permutations",
                got=str(permutations),
                allowed="4 or more",
            )  # fmt: skip
        )
    return problems


def why(
    first: ScenarioLike,
    second: ScenarioLike,
    *,
    by: str = "programme",
    method: str = "",
    order: Sequence[str] = (),
    permutations: int = PERMUTATIONS,
    synergies: bool = False,
    replications: int = 16,
    seed: int = 1,
    citizens: int | str = 20_000,
    months: int | None = None,
    threads: int = 1,
    workers: int | None = None,
    set_: Sequence[str] = (),
    out: Path | str | None = None,
    figures: bool = True,
    outcome: str = "incidents",
    scope: str = REGION,
    progress: ProgressCallback | None = None,
    engine: Engine | None = None,
) -> Why:
    """Share the difference between two scenarios out among everything they differ by.

    Every world in between is run on the same draws. Writes ``why.csv``, ``order.csv``, ``over_time.csv``, ``why.json``
    (which world holds which parts) and, if asked, ``synergy.csv`` beside the stored runs. The same call in the same
    folder runs only what is missing.

    Parameters
    ----------
    first, second : Scenario, path or shipped name
        Of the same region, start and length.
    by : str
        What counts as a part: ``programme``, ``family``, ``provider`` (actor) or ``channel`` (lever); shocks,
        changed parameters and rules of institutions are parts of their own.
    method : str
        ``shapley`` (at most eight parts), ``sampled`` or ``ordered``; the first where possible by default.
    order : sequence of str
        Parts in the order they are put in place, for ``ordered``.
    permutations : int
        Orders drawn by ``sampled``, half of them the reverse of the others.
    synergies : bool
        Also run every pair of parts, and tell what they do together.
    replications, seed, citizens, months, threads, workers, set_, out, figures, progress, engine
        As in ``compare``.
    outcome, scope : str
        What the figure shows.

    Returns
    -------
    Why
    """
    settings = Settings(
        seed=seed,
        replications=replications,
        citizens=citizens,
        months=months,
        set_=set_,
        threads=threads,
        workers=workers,
        engine=engine,
    )
    ends = prepare([first, second], settings)
    asked = _asked(ends, by=by, method=method, order=order, permutations=permutations, synergies=synergies)
    _check_shown(outcome, scope, (REGION, *ends.region.states))
    setup = prepare(list(asked.worlds.values()), replace(settings, months=None, set_=()))
    base, whole = asked.between.first, asked.between.second
    with ExperimentFolder(out, setup, "why", base.key) as folder:
        tally = folder.execute(progress)
        tables = _tables(folder.path, asked)
        for name, table in tables.items():
            write_csv(table, folder.path / f"{name}.csv")
        _describe(folder.path, asked)
        files = _figures(folder.path, tables, asked, setup.note([whole], base), outcome, scope) if figures else ()
        folder.finish(tally)
        return folder.handed_over(
            Why(folder.path, (base, whole), tally, between=asked.between, figures=files, **tables)
        )


def why_folder(
    first: ScenarioLike,
    second: ScenarioLike,
    settings: Settings,
    *,
    by: str,
    method: str,
    order: Sequence[str],
    permutations: int,
    synergies: bool,
) -> Path:
    """Name the folder of ``why`` after its scenarios."""
    ends = prepare([first, second], settings)
    asked = _asked(ends, by=by, method=method, order=order, permutations=permutations, synergies=synergies)
    return default_folder("why", list(asked.worlds.values()), replace(settings, months=None, set_=()))


def _asked(ends: Setup, *, synergies: bool, **wanted: Any) -> Question:
    if len(ends.plan.scenarios) < 2:
        raise InputError("why: give two different scenarios")
    return question(*ends.plan.scenarios, synergy=synergies, **wanted)


def _check_shown(outcome: str, scope: str, scopes: Sequence[str]) -> None:
    problems = []
    if outcome not in OUTCOME_NAMES:
        problems.append(
            Problem("no outcome is called so", key="outcome", got=outcome[:60], hint=nearest(outcome, OUTCOME_NAMES))
        )
    if scope not in scopes:
        problems.append(Problem("no such place", key="scope", got=scope[:60], allowed=", ".join(scopes)))
    if problems:
        raise InputError(problems)


def _tables(folder: Path, asked: Question) -> dict[str, pd.DataFrame]:
    windows = window_table(parts(folder, "series"))
    value, columns = _values(windows[windows["window"] == WHOLE_RUN], asked)
    groups = asked.between.groups
    shares = attribute(groups, value, method=asked.method, permutations=asked.permutations)
    over_time, order = _order(folder, asked.between)
    tables = {"why": attribution_table(shares, columns), "order": order, "over_time": over_time}
    if asked.synergy:
        tables["synergy"] = synergy(groups, value, columns)
    return tables


def _values(whole: pd.DataFrame, asked: Question) -> tuple[Any, pd.DataFrame]:
    """Outcomes by world, (n_replications, n_scopes * n_outcomes), over replications finished in every world."""
    keys = {world.key: inside for inside, world in asked.worlds.items()}
    counts = whole.groupby("replication")["scenario"].nunique()
    shared = counts[counts == len(keys)].index
    kept = whole[whole["replication"].isin(shared)].astype({"scenario": str, "scope": str})
    if kept.empty:
        raise RunsFailedError("no replication is finished in every world; the same command tries the failed ones again")
    kept = kept.sort_values(["scenario", "replication", "scope"], kind="stable")
    scopes = sorted(kept["scope"].unique())
    found = {
        keys[str(key)]: part[list(OUTCOME_NAMES)].to_numpy(np.float64).reshape(len(shared), -1)
        for key, part in kept.groupby("scenario")
    }
    columns = pd.DataFrame(
        [
            [asked.between.second.key, item.name, item.unit, scope, WHOLE_RUN, item.better]
            for scope in scopes
            for item in OUTCOMES
        ],
        columns=["scenario", "outcome", "unit", "scope", "window", "better"],
    )
    return found.__getitem__, columns


def _order(folder: Path, ends: Between) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The difference over time, and in which order outcomes moved, from the runs of the two scenarios alone."""

    def of_both() -> Iterator[pd.DataFrame]:
        for part in parts(folder, "series"):
            yield part[part["scenario"].isin([ends.first.key, ends.second.key])]

    monthly = monthly_table(of_both())
    difference = difference_over_time(monthly, ends.first.key)
    return difference, first_moves(difference, monthly, ends.first.key)


def _describe(folder: Path, asked: Question) -> None:
    """Write which world holds which parts, so that a stored folder can be read without this program."""
    content = {
        "first": asked.between.first.key,
        "second": asked.between.second.key,
        "method": asked.method,
        "permutations": asked.permutations,
        "groups": list(asked.between.groups),
        "worlds": {
            world.key: [group for group in asked.between.groups if group in inside]
            for inside, world in asked.worlds.items()
        },
    }
    temporary = folder / ".why.json.tmp"
    temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(folder / "why.json")


def _figures(
    folder: Path, tables: Mapping[str, pd.DataFrame], asked: Question, note: Any, outcome: str, scope: str
) -> tuple[Path, ...]:
    from sim.analysis.attribution import METHOD
    from sim.plots import attribution_figure, chain_figure, draw, files

    item = next(item for item in OUTCOMES if item.name == outcome)
    title = asked.between.second.title or asked.between.second.key
    rows = tables["why"]
    rows = rows[(rows["outcome"] == outcome) & (rows["scope"] == scope)]
    order = tables["order"]
    made = [("why", attribution_figure(rows, item.label, item.unit, item.better, METHOD[asked.method], note, title))]
    if len(order) and order["month"].notna().any():
        made.append(("order", chain_figure(order, note, title, tables["over_time"])))
    target = folder / "figures"
    return tuple(files(draw(iter(made), target), target))
