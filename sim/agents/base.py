"""What institutions share: a situation, an imperfect picture of it, actions, and a log of decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from math import fsum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol
from weakref import WeakKeyDictionary

import numpy as np
from mesa import Agent

from sim.kernels.draws import INSTITUTION, uniform
from sim.kernels.elementary import exp, normal_quantile
from sim.types import stable_uid

if TYPE_CHECKING:
    from sim.world.world import Setting, World


class GroupOrder(NamedTuple):
    """What a scenario fixes of an armed group in one month: arms at least, a rising, the chance of a ceasefire."""

    arms: float = 0.0
    rises: bool = False
    ceasefire: float = 0.0


FREE = GroupOrder()
"""A group of which the scenario says nothing."""


@dataclass(frozen=True)
class Decision:
    """One line of the log of decisions: who did what, and why, in words."""

    month: int
    agent: str
    what: str
    why: str


@dataclass(frozen=True)
class Activity:
    """A programme as institutions know it: in the queue, on its way, or running.

    ``status`` is ``proposed``, ``deploying`` or ``running``, ``since`` the month it became so; ``left``
    months a running programme still has (None: until the end). ``persons`` is true of deployments of
    people. ``shares`` is the part of it (and of its cost) in each state.
    """

    uid: int
    key: str
    row: str
    status: str
    since: int
    left: int | None
    approval: str
    persons: bool
    meur_per_year: float
    shares: tuple[float, ...]

    def states(self) -> list[int]:
        """Numbers of the states it is for."""
        return [state for state, share in enumerate(self.shares) if share > 0.0]


@dataclass(frozen=True)
class Situation:
    """The region at the start of a month, in plain Python: what is true, not what anybody knows.

    ``outcomes`` maps each recorded outcome of last month, and the levels ``civic_space`` and
    ``credibility``, to one value per state, in the order of ``states``. ``fighters``, ``group_deaths``
    (last month), ``exclusion``, ``arms`` and ``posture`` hold one value per group (a community in a
    state); ``at_war`` and ``after_war`` one truth value per state (an armed episode is active, or under
    ceasefire); ``dispute`` a matrix of states; ``alignment`` of states with the West, 0 to 1;
    ``division`` of the Allies, 0 to 1.

    ``activities`` lists programmes when anybody needs to know them, ``news`` the (kind, state) that
    institutions announced last month. ``district_tension``, ``district_legitimacy`` and
    ``district_youth_unemployment`` hold one value per district, in adaptive runs.
    ``scripted`` tells whether the scenario alone says what happens; ``orders`` what it fixes this month for
    the armed groups it names.
    """

    month: int
    states: tuple[str, ...]
    outcomes: dict[str, list[float]]
    fighters: list[int]
    group_deaths: list[int]
    exclusion: list[float]
    arms: list[float]
    at_war: list[bool]
    dispute: list[list[float]]
    after_war: list[bool]
    posture: list[int]
    alignment: list[float]
    division: float = 0.0
    scripted: bool = False
    activities: tuple[Activity, ...] = ()
    district_tension: Sequence[float] = ()
    district_legitimacy: Sequence[float] = ()
    district_youth_unemployment: Sequence[float] = ()
    news: tuple[tuple[str, int], ...] = ()
    orders: Mapping[int, GroupOrder] = field(default_factory=dict)

    def worst_dispute(self, states: Sequence[int]) -> float:
        """Worst dispute that any of some states has."""
        return max(max(self.dispute[state]) for state in states)

    def foreign_pull(self, states: Sequence[int]) -> float:
        """Strongest pull of the external power on any of some states: (1 - alignment) x influence."""
        return max((1.0 - self.alignment[s]) * self.outcomes["influence"][s] for s in states)

    def proposals(self, approval: str) -> list[Activity]:
        """Programmes that wait for an approval: ``allies``, ``council``, ``host`` or ``contributors``."""
        return [one for one in self.activities if one.status == "proposed" and one.approval == approval]


@dataclass(frozen=True)
class Action:
    """Something an institution wants done; if ``what`` is not empty, it goes to the log with ``why``."""

    what: str = ""
    why: str = ""


@dataclass(frozen=True)
class SetDose(Action):
    """Move one of the agent's own handles on a lever towards a dose (see `Institution.handle`)."""

    handle: int = 0
    dose: float = 0.0


@dataclass(frozen=True)
class Approve(Action):
    """Approve a proposal, to be delivered after ``delay`` months.

    ``host`` is the state that consents where every targeted state must; without it the word of one is enough.
    """

    uid: int = 0
    delay: float = 0.0
    host: int | None = None


@dataclass(frozen=True)
class Refuse(Action):
    """Refuse a proposal."""

    uid: int = 0


@dataclass(frozen=True)
class SetPosture(Action):
    """A state's posture to one of its communities: 0 restrain, 1 police, 2 repress, 3 war."""

    group: int = 0
    level: int = 0


@dataclass(frozen=True)
class SetHotSpots(Action):
    """A state's distribution of police: multiplier of each of its districts, mean 1 over residents."""

    state: int = 0
    multipliers: tuple[float, ...] = ()


@dataclass(frozen=True)
class SetArms(Action):
    """An armed group's arms and whether it attacks, both in [0, 1]."""

    group: int = 0
    arms: float = 0.0
    attack: float = 0.0


@dataclass(frozen=True)
class SetWeight(Action):
    """Redirect a programme: change of its weight from 1, as planned. Changes by several agents add up."""

    uid: int = 0
    change: float = 0.0


@dataclass(frozen=True)
class Announce(Action):
    """Tell everybody, who will know it next month: ``kind`` of news and the state it concerns."""

    kind: str = ""
    state: int = 0


class Host(Protocol):
    """What institutions need of the model that they act in (`sim.model.StabilityModel`).

    ``information`` share of observation noise removed and ``mission_dose`` troops as a share of a full mission, one
    value per state; ``group_tension`` mean tension, ``forces_against`` officers and soldiers, ``kin_states`` and
    ``patrons`` numbers of states, one entry per group.
    """

    month: int
    setting: Setting
    world: World
    situation: Situation
    information: list[float]
    mission_dose: list[float]
    group_tension: list[float]
    forces_against: list[float]
    kin_states: list[tuple[int, ...]]
    patrons: list[list[int]]
    armed_groups: Sequence[Institution]

    def lever(self, name: str, state: int) -> float:
        """Last month's sum of effects on a lever of a state."""

    def open_handle(self, lever: str, size: float, states: Sequence[int], lag: float, halflife: float,
                    communities: Sequence[int] | None = None) -> int:  # fmt: skip
        """Promise a standing pull on a lever for some states (and communities); return its number."""


class Switch:
    """On above one level, off below a lower one, and never twice within a dwell.

    It turns on once the value was above ``on`` for ``wait`` months running, off once it was below ``off``
    as long, and stays as it is for at least ``dwell`` months. A constant value switches it at most once.
    """

    def __init__(self, on: float, off: float, wait: float = 1, dwell: float = 12.0) -> None:
        self.on = on
        self.off = min(off, on)
        self.wait = wait
        self.dwell = dwell
        self.active = False
        self.since: int | None = None
        self.held = 0

    def see(self, value: float, month: int) -> bool:
        """Take in this month's value; return whether the switch turned."""
        beyond = value < self.off if self.active else value > self.on
        self.held = self.held + 1 if beyond else 0
        settled = self.since is None or month - self.since >= self.dwell
        if self.held < self.wait or not settled:
            return False
        self.active = not self.active
        self.since = month
        self.held = 0
        return True


class _Counters(WeakKeyDictionary):  # type: ignore[type-arg]
    """A count of agents for each model that does not keep the model alive."""

    def __getitem__(self, model: Any) -> Any:
        return self.setdefault(model, count(1))


class Institution(Agent):  # type: ignore[misc]
    """An institution. Subclasses implement `decide`; most need nothing else.

    ``name`` appears in the log. ``uid`` (64 bit) keys the institution's draws; it is made of the name, so
    that an added institution changes no draw of another. ``reactive`` institutions decide only in
    adaptive mode; all of them answer proposals in both modes.
    """

    reactive = True
    _ids: ClassVar = _Counters()
    """Mesa before 3.4.2 numbers agents in a class-level dictionary that keeps every model alive; this one
    does not. Later versions number them in the model."""

    def __init__(self, model: Host, name: str, uid: int | None = None) -> None:
        super().__init__(model)
        self.name = name
        self.p = model.setting.parameters
        self.uid = np.uint64(stable_uid(name) if uid is None else uid)
        self.doses: dict[int, float] = {}
        self.prepare()

    def prepare(self) -> None:
        """Set up memory and handles once, at the start."""

    def answer(self, picture: Situation) -> list[Action]:
        """Approve or refuse proposals; called in both modes, in months in which a proposal waits."""
        return []

    def decide(self, picture: Situation) -> list[Action]:
        """Choose from what was observed."""
        raise NotImplementedError(f"{type(self).__name__} has no rule")

    def step(self) -> list[Action]:
        """Observe and decide; the model acts for all institutions together."""
        return self.decide(self.observe(self.model.situation))

    def observe(self, situation: Situation) -> Situation:
        """See the region through an imperfect picture: levels with noise that falls with information.

        The noise of a month is a keyed draw by institution, indicator and state: the same in paired worlds.
        """
        watched = self.watched()
        if not watched:
            return situation
        noisy = dict(situation.outcomes)
        clear = self.model.information
        for number, indicator in enumerate(watched):
            noisy[indicator] = [
                min(max(value + (1.0 - clear[s]) * self.noise(100 * number + s), 0.0), 1.0)
                for s, value in enumerate(situation.outcomes[indicator])
            ]
        return replace(situation, outcomes=noisy)

    def watched(self) -> Sequence[str]:
        """Indicators that this institution sees with noise."""
        return ("tension",)

    def noise(self, number: int) -> float:
        """A normal error of this month's picture."""
        return float(self.p.observation_noise * normal_quantile(self.uniform_draw(number)))

    def uniform_draw(self, number: int) -> float:
        """A keyed uniform in (0, 1) of this institution and month; ``number`` tells its decisions apart."""
        return float(uniform(self.model.world.seed, INSTITUTION, self.model.month, self.uid, number))

    def stretched(self, lever: str, months: float, states: Sequence[int]) -> float:
        """A delay in months, as programmes that act on it (a rate lever) stretch or shorten it, mean over states."""
        return months * float(exp(fsum(self.model.lever(lever, s) for s in states) / len(states)))

    def handle(self, lever: str, size: float, states: Sequence[int], lag: float = 0.0, halflife: float = 0.0,
               communities: Sequence[int] | None = None) -> int:  # fmt: skip
        """Open a standing pull on a lever for some states (and communities); its number is for `SetDose`."""
        return int(self.model.open_handle(lever, size, states, lag, halflife, communities))

    def dose(self, handle: int, dose: float, what: str = "", why: str = "") -> list[Action]:
        """Move a handle, if the change is worth it: dose 0 is always reached, else steps of ``dose_step`` at least."""
        before = self.doses.get(handle, 0.0)
        if dose == before or (abs(dose - before) < self.p.dose_step and dose != 0.0):
            return [Action(what, why)] if what else []
        self.doses[handle] = dose
        return [SetDose(what, why, handle, dose)]
