"""What institutions share: a situation, an imperfect picture of it, actions, and a log of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from mesa import Agent

from sim.kernels.draws import INSTITUTION, uniform
from sim.kernels.elementary import normal_quantile

if TYPE_CHECKING:
    from sim.model import StabilityModel


@dataclass(frozen=True)
class Decision:
    """One line of the log of decisions: who did what, and why, in words."""

    month: int
    agent: str
    what: str
    why: str


@dataclass(frozen=True)
class Situation:
    """The region at the start of a month, in plain Python: what is true, not what anybody knows.

    ``outcomes`` maps each recorded outcome of last month to one value per state, in the order of ``states``.
    ``fighters``, ``group_deaths`` (last month), ``exclusion``, ``arms`` hold one value per group (a community in a
    state); ``at_war`` one truth value per state; ``dispute`` a matrix of states.
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


@dataclass(frozen=True)
class Action:
    """Something an institution wants done. ``what`` and ``why`` go to the log of decisions if ``what`` is not empty."""

    what: str = ""
    why: str = ""


@dataclass(frozen=True)
class SetDose(Action):
    """Move one of the agent's own handles on a lever towards a dose (see `Institution.handle`)."""

    handle: int = 0
    dose: float = 0.0


@dataclass(frozen=True)
class Approve(Action):
    """Approve a proposal, to be delivered after ``delay`` months."""

    uid: int = 0
    delay: float = 0.0


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
    """Redirect programmes: weight of a running programme, 1 as planned."""

    uid: int = 0
    weight: float = 1.0


class Institution(Agent):  # type: ignore[misc]
    """An institution. Subclasses implement `decide`; most need nothing else.

    ``name`` appears in the log. ``uid`` (64 bit) keys the institution's draws; it is made of the name, so that an
    added institution changes nobody else's luck. ``reactive`` institutions decide only in adaptive mode.
    """

    reactive = True

    def __init__(self, model: StabilityModel, name: str, uid: int) -> None:
        super().__init__(model)
        self.name = name
        self.uid = np.uint64(uid)
        self.memory: dict[str, Any] = {}
        self.prepare()

    def prepare(self) -> None:
        """Set up memory and handles once, at the start."""

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
        noisy = dict(situation.outcomes)
        clear = self.model.information
        for number, indicator in enumerate(self.watched()):
            noisy[indicator] = [
                min(max(value + (1.0 - clear[s]) * self.noise(number, s), 0.0), 1.0)
                for s, value in enumerate(situation.outcomes[indicator])
            ]
        return Situation(**{**vars(situation), "outcomes": noisy})

    def watched(self) -> Sequence[str]:
        """Indicators that this institution sees with noise."""
        return ("tension",)

    def noise(self, number: int, state: int) -> float:
        """A normal error of this month's picture."""
        z = normal_quantile(self.luck(100 * number + state))
        return float(self.model.setting.parameters.observation_noise * z)

    def luck(self, number: int) -> float:
        """A keyed uniform in (0, 1) of this institution and month; ``number`` tells its decisions apart."""
        return float(uniform(self.model.world.seed, INSTITUTION, self.model.month, self.uid, number))

    def handle(self, lever: str, size: float, states: Sequence[int], lag: float = 0.0, halflife: float = 0.0,
               communities: Sequence[int] | None = None) -> int:  # fmt: skip
        """Open a standing pull on a lever for some states (and communities); returns its number for `SetDose`."""
        return self.model.open_handle(self, lever, size, states, lag, halflife, communities)
