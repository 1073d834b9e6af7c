"""The worlds between two scenarios: everything they differ by, in groups, put in place one group at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from sim.errors import InputError, Problem, nearest
from sim.scenario.records import Budget, Programme, Scenario, Shock

BY = ("programme", "family", "provider", "channel")


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
        return replace(
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
    return tuple(replace(budget, members=tuple(sorted(members))) for budget, members in kept if members)


SETTINGS = ("institutions", "effects", "budgets")
"""What scenarios may differ in beside programmes, shocks and parameters."""

T = TypeVar("T", Programme, Shock)


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
    return replace(programme, entry=programme.entry.model_copy(update={"channels": channels}))


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
