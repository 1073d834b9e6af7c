"""What an intervention and a shock may be: typed, frozen, and checked when the catalogue is read.

An intervention is a list of channels; a channel moves one lever (`sim.world.levers`) and nothing else, so no
entry can write an outcome. Sizes are on the lever's own scale at full dose: the log of a ratio for ``rate``
levers, a logit shift for ``level`` levers, log-odds, a share, or a head count.
"""

from __future__ import annotations

from math import copysign, exp, log, sqrt
from statistics import NormalDist
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from sim.world.levers import LEVER_BY_NAME

Provider = Literal["nato", "un", "eu", "osce", "regional", "state", "civil_society"]
Approval = Literal["none", "allies", "council", "host", "contributors"]
Quantity = Literal["troops", "police_officers", "monitors"]
Distribution = Literal["fixed", "lognormal", "normal", "uniform", "triangular"]
ChannelWhen = Literal[
    "always",
    "secure",
    "insecure",
    "low_oversight",
    "active_war",
    "post_war",
    "state_war",
    "irregular_war",
    "mined",
    "dialogue",
    "singled_out",
    "scripted",
]
Absorption = Literal["capacity", "integrity", "civic_space", "access", "standards"]
Exposure = Literal["cyber", "energy", "hazard", "accident"]
Family = Literal["security", "resilience", "peace_operations", "economic", "social", "diplomatic"]
Scope = Literal["district", "community", "state", "states", "region"]
Status = Literal["tuned", "transported", "assumption"]
Pattern = Literal["impulse", "rumour", "mission", "division", "uprising", "posture", "expulsion", "ceasefire", "power"]

PROVIDERS: tuple[str, ...] = get_args(Provider)
APPROVALS: tuple[str, ...] = get_args(Approval)
QUANTITIES: tuple[str, ...] = get_args(Quantity)

PATTERN_OPTIONS: dict[str, tuple[str, ...]] = {
    "impulse": (),
    "rumour": (),
    "mission": ("mission", "months", "remaining"),
    "division": ("months",),
    "uprising": ("months",),
    "posture": ("posture", "months"),
    "expulsion": ("months",),
    "ceasefire": (),
    "power": ("level",),
}
"""Options a scenario may give to a shock, by its pattern."""
SCRIPTED: tuple[str, ...] = ("uprising", "posture", "expulsion", "ceasefire", "power")
"""Patterns by which a scenario fixes a part of a conflict; each names communities of states."""
SHARES: tuple[str, ...] = ("posture", "expulsion", "ceasefire", "power")
"""Patterns whose magnitude is a share or a probability, at most 1."""

ROW = r"(?:P\d{1,2}[a-k]?|[SMDF]\d{1,2})"
Evidence = Annotated[str, StringConstraints(pattern=rf"^(?:assumption|{ROW}(?:, {ROW})*)$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Row = Annotated[str, StringConstraints(pattern=r"^I\d{1,2}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Frozen(BaseModel):
    """Frozen, no unknown keys, no silent conversion, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Sized(Frozen):
    """A size on one lever with its 5-95 % range."""

    lever: str
    size: float
    low: float
    high: float
    evidence: Evidence = "assumption"
    text: str = Field(default="", max_length=1000)

    @field_validator("lever")
    @classmethod
    def _lever_exists(cls, name: str) -> str:
        if name not in LEVER_BY_NAME:
            raise ValueError(f"no lever is called {name}")
        return name

    @model_validator(mode="after")
    def _ordered(self) -> _Sized:
        if not self.low <= self.size <= self.high:
            raise ValueError("must hold: low <= size <= high")
        return self


class Channel(_Sized):
    """One lever moved by an intervention.

    ``size`` is the effect at full dose on the lever's scale, ``low`` and ``high`` its 5-95 % interval.
    ``lag_months`` is the time to half the effect, ``halflife_months`` that of the effect after the end (0: it
    ends with the programme). ``when`` limits the channel to places and times that meet a condition (None:
    always); ``singled_out`` means that the programme is for some communities of a district and not for others,
    ``scripted`` that institutions do not react by themselves.

    ``distribution`` says how sizes are drawn: ``normal`` and ``lognormal`` pass through low, size and high at
    5, 50 and 95 % (each half with its own spread; a lognormal keeps its sign), ``uniform`` and ``triangular``
    have low and high as their bounds.
    """

    distribution: Distribution = "normal"
    lag_months: float = Field(default=0.0, ge=0, le=240)
    halflife_months: float = Field(default=0.0, ge=0, le=12_000)
    when: ChannelWhen | None = None

    @model_validator(mode="after")
    def _distribution_fits(self) -> Channel:
        if (self.distribution == "fixed") != (self.low == self.high):
            raise ValueError("a fixed size has low equal to high, any other distribution has low below high")
        if self.distribution == "lognormal" and self.low * self.high <= 0:
            raise ValueError("a lognormal size has low and high of one sign, neither of them zero")
        return self

    def quantile(self, p: float) -> float:
        """Return the size at probability ``p`` in (0, 1) of its distribution."""
        low, size, high = self.low, self.size, self.high
        if self.distribution == "fixed":
            return size
        if self.distribution == "uniform":
            return low + p * (high - low)
        if self.distribution == "triangular":
            if p * (high - low) < size - low:
                return low + sqrt(p * (high - low) * (size - low))
            return high - sqrt((1.0 - p) * (high - low) * (high - size))
        z = NormalDist().inv_cdf(p) / NormalDist().inv_cdf(0.95)
        end = low if z < 0 else high
        if self.distribution == "lognormal":
            return copysign(exp(log(abs(size)) + abs(z) * (log(abs(end)) - log(abs(size)))), size)
        return size + abs(z) * (end - size)


class Dose(Frozen):
    """What intensity 1 means: ``full`` units; ``quantity`` is the key a scenario must give, if any."""

    unit: Text
    full: float = Field(gt=0)
    quantity: Quantity | None = None


class Cost(Frozen):
    """Million euro a year at full dose, per programme or per million residents of the targets."""

    meur_per_year: float = Field(ge=0)
    per: Literal["programme", "million_residents"] = "million_residents"
    price_year: int = Field(ge=1990, le=2100)
    basis: Text


class CatalogueEntry(Frozen):
    """One intervention of the catalogue.

    ``scale`` multiplies the sizes of its channels; with ``tuned_on``, a row of evidence, only of those that rest on it.
    ``scope`` is what it is usually aimed at: a reader's hint, not a rule. ``dialogue`` marks entries that put the
    sides at one table while they run (a condition of some channels of others).
    """

    row: Row
    key: Slug
    name: Text
    family: Family
    provider: Provider
    approval: Approval
    requesters: tuple[Provider, ...] = Field(min_length=1)
    dose: Dose
    cost: Cost
    scope: Scope = "state"
    dialogue: bool = False
    absorption: tuple[Absorption, ...] = ()
    scale: float = Field(default=1.0, ge=0, le=10)
    tuned_on: Annotated[str, StringConstraints(pattern=rf"^{ROW}$")] | None = None
    status: Status
    channels: tuple[Channel, ...] = Field(min_length=1)
    evidence: Evidence
    text: Text

    def factor(self, channel: Channel) -> float:
        """Factor on the size of one of its channels: ``scale``, on those that rest on the row it was tuned on.

        Head counts are what the scenario gives.
        """
        if LEVER_BY_NAME[channel.lever].kind == "persons":
            return 1.0
        meant = self.tuned_on is None or self.tuned_on in channel.evidence.split(", ")
        return self.scale if meant else 1.0

    @model_validator(mode="after")
    def _persons_need_a_quantity(self) -> CatalogueEntry:
        persons = [c.lever for c in self.channels if LEVER_BY_NAME[c.lever].kind == "persons"]
        if persons and self.dose.quantity is None:
            raise ValueError(f"{persons[0]} counts persons, so the dose needs a quantity")
        if len(set(self.absorption)) < len(self.absorption):
            raise ValueError("the same absorption twice")
        return self


class OwnEntry(CatalogueEntry):
    """An intervention that a scenario defines itself: its row is its key, it belongs to no family."""

    row: Slug
    family: Family = "social"


class ShockChannel(_Sized):
    """One lever hit by a shock of magnitude 1; the effect halves every ``halflife_months``.

    On a lever that moves a field, 0 means that the shock is added to the field once, and relaxes as the field does; a
    half-life means a pressure that lasts, and pushes the field's target meanwhile.
    """

    halflife_months: float = Field(ge=0, le=600)

    @property
    def on_field(self) -> bool:
        """Whether the lever moves a field, which has a half-life of its own."""
        return LEVER_BY_NAME[self.lever].kind == "level"


class ShockType(Frozen):
    """One kind of shock.

    ``pattern``: ``impulse`` hits at once and decays; ``rumour`` lasts two rounds, full then half; ``mission``
    takes a standing mission linearly over some months to a remaining share; ``division`` splits the Allies;
    those in `SCRIPTED` fix what armed groups and states' forces do (`sim.model.shocks`).
    ``rate_per_year`` is a documented or assumed rate per state, or for the region as a whole (``rate_scope``).
    """

    key: Slug
    name: Text
    pattern: Pattern
    exposure: Exposure | None = None
    channels: tuple[ShockChannel, ...] = ()
    rate_per_year: float | None = Field(default=None, ge=0, le=365)
    rate_scope: Literal["state", "region"] = "state"
    rate_basis: Text
    evidence: Evidence
    text: Text

    @model_validator(mode="after")
    def _pattern_fits(self) -> ShockType:
        if self.pattern in ("impulse", "rumour") and not self.channels:
            raise ValueError(f"a shock of pattern {self.pattern} needs a channel")
        if self.pattern in SCRIPTED and self.channels:
            raise ValueError(f"a shock of pattern {self.pattern} has no channel")
        for channel in self.channels:
            if channel.halflife_months > 0 and self.pattern != "impulse":
                raise ValueError(f"channels of a {self.pattern} have a half-life of 0")
            if channel.halflife_months == 0 and self.pattern == "impulse" and not channel.on_field:
                raise ValueError("channels of an impulse have a half-life above 0, unless they move a field")
        return self
