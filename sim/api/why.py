"""Why two scenarios differ: run every world between them on the same random draws, and share the difference out.

`between` lists everything two scenarios differ by, in groups, and makes the scenario in which some of the groups are as in
the second; `question` chooses which of these worlds to run; `why` runs them and attributes the difference to the groups.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
from sim.analysis.attribution import METHODS, MOST_EXACT, PERMUTATIONS, SHAPLEY
from sim.analysis.story import METHOD, why_paragraph
from sim.api.prepare import RunsFailedError, ScenarioLike, checked, planned
from sim.api.results import Results
from sim.errors import InputError, Problem, nearest
from sim.experiment import ResultsFolder, adjusted
from sim.scenario import Scenario
from sim.scenario.records import Budget, Programme, Shock
from sim.settings import Settings
from sim.world.outcomes import OUTCOME_NAMES, OUTCOMES

F8 = NDArray[np.float64]
T = TypeVar("T", Programme, Shock)
MOST_WORLDS = 2000
BY = ("programme", "family", "provider", "channel")
SETTINGS = ("institutions", "effects", "budgets")
"""What scenarios may differ in beside programmes, shocks and parameters."""


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
    order = settings.order.split(",") if isinstance(settings.order, str) else settings.order
    asked = question(
        ends[0],
        ends[1],
        by=settings.by,
        method=settings.method,
        order=[name.strip() for name in order if name.strip()],
        permutations=settings.permutations,
        synergy=settings.synergies,
    )
    setup = planned("why", list(asked.worlds.values()), settings)
    _check_shown(settings.outcome, settings.scope, (REGION, *setup.region.states))
    with setup.opened() as folder:
        tally = setup.execute(folder)
        tables = _tables(folder, asked)
        for name, table in tables.items():
            write_csv(table, folder.path / f"{name}.csv")
        _describe(folder, asked)
        files = _figures(folder, tables, asked, settings.outcome, settings.scope) if settings.figures else ()
        setup.finish(folder, tally)
        return folder.handed_over(Why(folder.path, tuple(ends), tally, between=asked.between, figures=files, **tables))


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


def _tables(folder: ResultsFolder, asked: Question) -> dict[str, pd.DataFrame]:
    windows = window_table(folder.frames("series"))
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


def _order(folder: ResultsFolder, ends: Between) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The difference over time, and in which order outcomes moved, from the runs of the two scenarios alone."""
    keys = [ends.first.key, ends.second.key]
    monthly = monthly_table(part[part["scenario"].isin(keys)] for part in folder.frames("series"))
    difference = difference_over_time(monthly, ends.first.key)
    return difference, first_moves(difference, monthly, ends.first.key)


def _describe(folder: ResultsFolder, asked: Question) -> None:
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
    folder.write_file("why.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _figures(
    folder: ResultsFolder, tables: Mapping[str, pd.DataFrame], asked: Question, outcome: str, scope: str
) -> tuple[Path, ...]:
    from sim.api.reporting import FIGURES, read_study
    from sim.plots import attribution_figure, chain_figure, draw, files

    item = next(item for item in OUTCOMES if item.name == outcome)
    second = asked.between.second
    note, title = read_study(folder.path).note([second.key]), second.title or second.key
    rows = tables["why"]
    rows = rows[(rows["outcome"] == outcome) & (rows["scope"] == scope)]
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

    ``levers`` maps the group of each channel of a programme to the levers it holds (channels in groups of
    their own); without it the whole change belongs to ``group``. ``setting`` is a field of the scenario that is
    taken as a whole.
    """

    group: str
    before: Programme | Shock | None = None
    after: Programme | Shock | None = None
    levers: Mapping[str, str] | None = None
    parameter: str = ""
    setting: str = ""


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
        programmes, shocks = list(self.first.interventions), list(self.first.shocks)
        parameters = dict(self.first.parameters)
        settings = {name: getattr(self.first, name) for name in SETTINGS}
        for change in self.changes:
            if change.levers is not None and isinstance(change.after, Programme):
                kept = _narrowed(change.after, {lever for lever, group in change.levers.items() if group in inside})
                programmes += [kept] if kept else []
            elif change.group not in inside:
                continue
            elif change.parameter:
                _copy(change.parameter, self.second.parameters, parameters)
            elif change.setting:
                settings[change.setting] = getattr(self.second, change.setting)
            else:
                _swap(programmes if isinstance(change.after or change.before, Programme) else shocks, change)
        side = self.second if settings["budgets"] == self.second.budgets else self.first
        settings["budgets"] = _shared(side, programmes)
        number = sum(1 << place for place, group in enumerate(self.groups) if group in inside)
        return adjusted(
            self.second,
            key=f"{self.second.key[:40]}-part-{number:x}",
            title=self._title(inside),
            description="",
            **settings,
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
    changes = [*_programmes(first, second, by), *_shocks(first, second), *_settings(first, second)]
    found: list[str] = []
    for change in changes:
        found += change.levers.values() if change.levers is not None else [change.group]
    groups = list(dict.fromkeys(found))
    if not groups:
        raise InputError(f"{first.key} and {second.key} do not differ in anything that can change a result")
    wanted = list(order)
    for name in wanted:
        if name not in groups:
            raise InputError(Problem("is not one of the parts", key="order", got=name, allowed=", ".join(groups)))
    groups = list(dict.fromkeys([*wanted, *groups]))
    return Between(first, second, tuple(changes), tuple(groups))


def _programmes(first: Scenario, second: Scenario, by: str) -> list[Change]:
    made = []
    for before, after in _differing(first.interventions, second.interventions):
        one = after or before
        assert one is not None
        if by == "channel" and before is None:
            made.append(Change("", None, after, {c.lever: c.lever for c in one.entry.channels}))
        else:
            group = {"family": one.entry.family, "provider": one.provider}.get(by, one.key)
            made.append(Change(group, before, after))
    return made


def _shocks(first: Scenario, second: Scenario) -> list[Change]:
    made = []
    for before, after in _differing(first.shocks, second.shocks):
        one = after or before
        assert one is not None
        made.append(Change(f"shock {one.key}", before, after))
    return made


def _settings(first: Scenario, second: Scenario) -> list[Change]:
    names = sorted({*first.parameters, *second.parameters})
    made = [
        Change(f"parameter {name}", parameter=name)
        for name in names
        if first.parameters.get(name) != second.parameters.get(name)
    ]
    for name in SETTINGS:
        if getattr(first, name) != getattr(second, name):
            group = "shared budgets" if name == "budgets" else f"{getattr(second, name)} {name}"
            made.append(Change(group, setting=name))
    return made


def _shared(side: Scenario, programmes: list[Programme]) -> tuple[Budget, ...]:
    """Budgets of one scenario for the programmes that a world has, whatever their labels there."""
    own = {item.key: item for item in side.interventions}
    here = {item.key for item in programmes}

    def label(member: str) -> str | None:
        same = (item.key for item in programmes if item.content() == own[member].content())
        return member if member in here else next(same, None)

    kept = [(budget, [found for member in budget.members if (found := label(member))]) for budget in side.budgets]
    return tuple(adjusted(budget, members=tuple(sorted(members))) for budget, members in kept if members)


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


def _narrowed(programme: Programme, levers: set[str]) -> Programme | None:
    """Leave a programme with its channels on some levers; None if there are none."""
    channels = tuple(channel for channel in programme.entry.channels if channel.lever in levers)
    if not channels:
        return None
    if len(channels) == len(programme.entry.channels):
        return programme
    return adjusted(programme, entry=programme.entry.model_copy(update={"channels": channels}))


def _swap(items: list[Programme] | list[Shock], change: Change) -> None:
    if change.before is not None:
        items.remove(change.before)  # type: ignore[arg-type]
    if change.after is not None:
        items.append(change.after)  # type: ignore[arg-type]


def _copy(name: str, source: Mapping[str, float], target: dict[str, float]) -> None:
    if name in source:
        target[name] = source[name]
    else:
        target.pop(name, None)
