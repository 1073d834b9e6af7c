"""Why two scenarios differ: run every world between them on the same random draws, and share the difference out.

`between` lists everything two scenarios differ by, in groups, and makes the scenario in which some of the groups are as in
the second; `question` chooses which of these worlds to run; `why` runs them and attributes the difference to the groups.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

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
from sim.analysis.attribution import METHOD, METHODS, MOST_EXACT, SHAPLEY, why_paragraph
from sim.api.prepare import RunsFailedError, ScenarioLike, checked, planned
from sim.api.results import Results
from sim.errors import InputError, Problem, nearest
from sim.experiment import ResultsFolder
from sim.scenario import Scenario
from sim.scenario.records import Budget, Programme, Shock
from sim.settings import Settings
from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES

F8 = NDArray[np.float64]
T = TypeVar("T", Programme, Shock)
MOST_WORLDS = 2000
BY = ("programme", "family", "provider", "channel")
WHOLE_FIELDS = ("institutions", "effects", "budgets")
"""Fields of a scenario that differ as a whole, beside programmes, shocks and parameters."""


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


def why(first: ScenarioLike, second: ScenarioLike, settings: Settings | None = None, **keywords: Any) -> Why:
    """Share the difference between two scenarios out among everything they differ by.

    Every world in between is run with the same random draws. Writes ``why.csv``, ``order.csv``, ``over_time.csv``,
    ``why.json`` (which world holds which parts) and, if asked, ``synergy.csv`` beside the stored runs. The same call in the
    same folder runs only what is missing.

    Parameters
    ----------
    first, second : Scenario, path or shipped name
        Of the same region, start and length.
    settings, keywords
        `Settings`, or its fields. Shocks, changed parameters and rules of institutions are always parts of their own;
        ``outcome`` and ``scope`` say what the figure shows.
    """
    settings = Settings.of("why", settings, **keywords)
    ends, _, _ = checked("why", [first, second], settings)
    if len(ends) < 2:
        raise InputError("why: give two different scenarios")
    asked = question(ends[0], ends[1], settings)
    setup = planned("why", list(asked.worlds.values()), settings)
    _check_shown(settings.outcome, settings.scope, (REGION, *setup.region.states))
    with setup.opened() as folder:
        tally = setup.execute(folder)
        tables = _tables(folder, asked, settings)
        for name, table in tables.items():
            write_csv(table, folder.path / f"{name}.csv")
        _describe(folder, asked, settings)
        files = _figures(folder, tables, asked, settings) if settings.figures else ()
        setup.finish(folder, tally)
        return folder.handed_over(Why(folder.path, tuple(ends), tally, between=asked.between, figures=files, **tables))


@dataclass(frozen=True, eq=False)
class Question:
    """Which worlds must be run to attribute a difference, and by which method."""

    between: Between
    method: str
    worlds: Mapping[frozenset[str], Scenario]


def question(first: Scenario, second: Scenario, settings: Settings) -> Question:
    """List the worlds between two scenarios; every problem with the settings is raised at once."""
    order = settings.order.split(",") if isinstance(settings.order, str) else settings.order
    order = [name.strip() for name in order if name.strip()]
    ends, permutations = between(first, second, settings.by, order), settings.permutations
    groups = ends.groups
    method = settings.method or ("ordered" if order else method_for(groups))
    problems = []
    if method not in METHODS:
        problems.append(Problem("no such method", key="method", got=method, allowed=", ".join(METHODS)))
    if method == SHAPLEY and len(groups) > MOST_EXACT:
        problems.append(
            Problem(
                "too many parts for exact Shapley values",
                key="method",
                got=f"{len(groups)} parts",
                allowed=f"at most {MOST_EXACT}",
                hint="use sampled, or group with --by family",
            )
        )
    if permutations < 4 or permutations % 2:
        what = "must be even, so that each order goes with its reverse"
        problems.append(Problem(what, key="permutations", got=str(permutations), allowed="4 or more"))
    if problems:
        raise InputError(problems)
    wanted = coalitions(groups, method, permutations)
    if settings.synergies:
        wanted = list(dict.fromkeys([*wanted, *pair_coalitions(groups)]))
    if len(wanted) > MOST_WORLDS:
        raise InputError(
            Problem(
                "too many worlds to run",
                key="permutations",
                got=f"{len(wanted):,} worlds for {len(groups)} parts",
                allowed=f"{MOST_WORLDS:,}",
                hint="group the parts with --by family, or draw fewer permutations",
            )
        )
    return Question(ends, method, {inside: ends.world(inside) for inside in wanted})


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


def _tables(folder: ResultsFolder, asked: Question, settings: Settings) -> dict[str, pd.DataFrame]:
    ends = asked.between
    windows = window_table(folder.frames("series"))
    value, columns = _values(windows[windows["window"] == WHOLE_RUN], asked)
    shares = attribute(ends.groups, value, method=asked.method, permutations=settings.permutations)
    both = [ends.first.key, ends.second.key]
    monthly = monthly_table(part[part["scenario"].isin(both)] for part in folder.frames("series"))
    difference = difference_over_time(monthly, ends.first.key)
    order = first_moves(difference, monthly, ends.first.key)
    tables = {"why": attribution_table(shares, columns), "order": order, "over_time": difference}
    if settings.synergies:
        tables["synergy"] = synergy(ends.groups, value, columns)
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


def _describe(folder: ResultsFolder, asked: Question, settings: Settings) -> None:
    """Write which world holds which parts, so that a stored folder can be read without this program."""
    content = {
        "first": asked.between.first.key,
        "second": asked.between.second.key,
        "method": asked.method,
        "permutations": settings.permutations,
        "groups": list(asked.between.groups),
        "worlds": {
            world.key: [group for group in asked.between.groups if group in inside]
            for inside, world in asked.worlds.items()
        },
    }
    folder.write_file("why.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _figures(
    folder: ResultsFolder, tables: Mapping[str, pd.DataFrame], asked: Question, settings: Settings
) -> tuple[Path, ...]:
    from sim.api.reporting import FIGURES, read_study
    from sim.plots import attribution_figure, chain_figure, draw, files

    item = next(item for item in OUTCOMES if item.name == settings.outcome)
    second = asked.between.second
    note, title = read_study(folder.path).note([second.key]), second.title or second.key
    rows = tables["why"]
    rows = rows[(rows["outcome"] == settings.outcome) & (rows["scope"] == settings.scope)]
    order = tables["order"]
    made = [("why", attribution_figure(rows, item.label, item.unit, item.better, METHOD[asked.method], note, title))]
    if len(order) and order["month"].notna().any():
        made.append(("order", chain_figure(order, note, title, tables["over_time"])))
    target = folder.path / FIGURES
    return tuple(files(draw(iter(made), target), target))


# --- the worlds between two scenarios ---------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One difference between two scenarios: what the first has and the second lacks, and the other way round.

    Either the whole change belongs to ``group``, or each of the ``levers`` of an added programme is a group of its own.
    ``parameter`` and ``field`` name what else may differ.
    """

    group: str
    before: Programme | Shock | None = None
    after: Programme | Shock | None = None
    levers: tuple[str, ...] = ()
    parameter: str = ""
    field: str = ""


@dataclass(frozen=True, eq=False)
class Between:
    """Two scenarios and what they differ by; ``groups`` in the order of the second scenario."""

    first: Scenario
    second: Scenario
    changes: tuple[Change, ...]
    groups: tuple[str, ...]

    def world(self, inside: frozenset[str]) -> Scenario:
        """Return the scenario in which exactly these groups are as in the second."""
        if not inside:
            return self.first
        if inside == frozenset(self.groups):
            return self.second
        programmes: list[Any] = list(self.first.interventions)
        shocks: list[Any] = list(self.first.shocks)
        parameters = dict(self.first.parameters)
        whole = {name: getattr(self.first, name) for name in WHOLE_FIELDS}
        for change in self.changes:
            if change.levers and isinstance(change.after, Programme):
                programmes += _narrowed(change.after, inside)
            elif change.group not in inside:
                continue
            elif change.parameter:
                parameters.pop(change.parameter, None)
                if change.parameter in self.second.parameters:
                    parameters[change.parameter] = self.second.parameters[change.parameter]
            elif change.field:
                whole[change.field] = getattr(self.second, change.field)
            else:
                items = programmes if isinstance(change.after or change.before, Programme) else shocks
                if change.before is not None:
                    items.remove(change.before)
                if change.after is not None:
                    items.append(change.after)
        side = self.second if whole["budgets"] == self.second.budgets else self.first
        whole["budgets"] = _shared(side, programmes)
        number = sum(1 << place for place, group in enumerate(self.groups) if group in inside)
        return replace(
            self.second,
            key=f"{self.second.key[:40]}-part-{number:x}",
            title=self._title(inside),
            description="",
            **whole,
            interventions=tuple(programmes),
            shocks=tuple(shocks),
            parameters=parameters,
            theories={},  # what they set is among the parameters
            warnings=(),
            origins={},
        )

    def _title(self, inside: frozenset[str]) -> str:
        out = [group for group in self.groups if group not in inside]
        own = [group for group in self.groups if group in inside]
        text = f"only {', '.join(own)}" if len(own) <= len(out) else f"without {', '.join(out)}"
        return text if len(text) <= 120 else f"{len(own)} of {len(self.groups)} parts"


def between(first: Scenario, second: Scenario, by: str = "programme", order: Iterable[str] = ()) -> Between:
    """List what two scenarios differ by, in groups.

    Parameters
    ----------
    first, second : Scenario
        Of the same region, start and length.
    by : str
        ``programme``: each programme a group; ``family`` or ``provider``: programmes of one family, or run by one
        actor, together; ``channel``: each lever that the added programmes pull. Shocks, changed
        parameters, the rules of institutions, drawn effects and shared budgets are groups of their own.
    order : iterable of str
        Groups in this order; the rest follow as in the second scenario.

    Returns
    -------
    Between
    """
    if by not in BY:
        raise InputError(Problem("no such grouping", key="by", got=by, allowed=", ".join(BY), hint=nearest(by, BY)))
    changes = []
    for old, new in _differing(first.interventions, second.interventions):
        one = new or old
        assert one is not None
        if by == "channel" and old is None and one.entry.channels:
            changes.append(Change("", None, new, levers=tuple(channel.lever for channel in one.entry.channels)))
        else:
            group = {"family": one.entry.family, "provider": one.provider}.get(by, one.key)
            changes.append(Change(group, old, new))
    for before, after in _differing(first.shocks, second.shocks):
        shock = after or before
        assert shock is not None
        changes.append(Change(f"shock {shock.key}", before, after))
    for name in sorted({*first.parameters, *second.parameters}):
        if first.parameters.get(name) != second.parameters.get(name):
            changes.append(Change(f"parameter {name}", parameter=name))
    for name in WHOLE_FIELDS:
        if getattr(first, name) != getattr(second, name):
            group = "shared budgets" if name == "budgets" else f"{getattr(second, name)} {name}"
            changes.append(Change(group, field=name))
    found = [group for change in changes for group in change.levers or (change.group,)]
    groups = list(dict.fromkeys(found))
    if not groups:
        raise InputError(f"{first.key} and {second.key} do not differ in anything that can change a result")
    wanted = list(order)
    for name in wanted:
        if name not in groups:
            raise InputError(Problem("is not one of the parts", key="order", got=name, allowed=", ".join(groups)))
    groups = list(dict.fromkeys([*wanted, *groups]))
    return Between(first, second, tuple(changes), tuple(groups))


def _shared(side: Scenario, programmes: list[Programme]) -> tuple[Budget, ...]:
    """Budgets of one scenario for the programmes that a world has, whatever their labels there."""
    own = {item.key: item for item in side.interventions}
    here = {item.key for item in programmes}

    def label(member: str) -> str | None:
        same = (item.key for item in programmes if item.content() == own[member].content())
        return member if member in here else next(same, None)

    kept = [(budget, [found for member in budget.members if (found := label(member))]) for budget in side.budgets]
    return tuple(replace(budget, members=tuple(sorted(members))) for budget, members in kept if members)


def _differing(first: tuple[T, ...], second: tuple[T, ...]) -> list[tuple[T | None, T | None]]:
    """Pairs of what is there before and after: equal content is no difference, the same key is a change."""
    rest = list(first)
    new: list[T] = []
    for item in second:
        same = next((one for one in rest if one.content() == item.content()), None)
        if same is None:
            new.append(item)
        else:
            rest.remove(same)
    old = {item.key: item for item in rest}
    made: list[tuple[T | None, T | None]] = [(old.pop(item.key, None), item) for item in new]
    return made + [(item, None) for item in old.values()]


def _narrowed(programme: Programme, levers: Collection[str]) -> list[Programme]:
    """Return a programme with its channels on some levers; nothing if there are none."""
    channels = tuple(channel for channel in programme.entry.channels if channel.lever in levers)
    if len(channels) == len(programme.entry.channels):
        return [programme]
    return [replace(programme, entry=programme.entry.model_copy(update={"channels": channels}))] if channels else []
