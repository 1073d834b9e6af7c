"""The catalogue in words: sizes in the units of publications, actors, timing and conditions."""

from __future__ import annotations

from collections.abc import Callable
from math import exp

from sim.interventions.schema import CatalogueEntry, Channel, ShockChannel
from sim.world.levers import LEVER_BY_NAME

FAMILIES = {
    "security": "Security",
    "resilience": "Resilience",
    "peace_operations": "Peace operations",
    "economic": "Economic",
    "social": "Social",
    "diplomatic": "Diplomatic",
}
WHO = {
    "nato": "NATO",
    "un": "the UN",
    "eu": "the EU",
    "osce": "the OSCE",
    "regional": "a regional body",
    "state": "the state",
    "civil_society": "civil society",
}
APPROVAL = {
    "none": "none; it starts at once",
    "allies": "all Allies; forces must then be generated",
    "council": "the Security Council, with a veto; deployment then takes six months",
    "host": "every target state",
    "contributors": "a majority of the states of the region",
}
SCOPE = {
    "district": "districts or communities",
    "community": "communities",
    "state": "one state",
    "states": "several states together",
    "region": "the whole region",
}
ABSORPTION = {
    "capacity": "state capacity",
    "integrity": "integrity (1 - corruption)",
    "civic_space": "civic space",
    "access": "access (0.2 in war)",
    "standards": "the share of reform standards that is met",
}
WHEN = {
    "secure": "only where there is no war",
    "insecure": "only in war",
    "low_oversight": "in proportion to the lack of oversight",
    "active_war": "only in war",
    "post_war": "only after a war",
    "state_war": "only where a state makes war on a community",
    "irregular_war": "only in a war that is not made by the state",
    "mined": "in proportion to mined land (in full at 2 % of land)",
    "dialogue": "only during a programme of dialogue (I28, I29)",
    "scripted": "only in scripted runs (in adaptive runs an institution decides)",
    "singled_out": "only if the programme is for some communities of a district and not for others",
}
STATUS = {
    "tuned": "tuned on a virtual trial",
    "transported": "published effect, transferred to this region",
    "assumption": "assumption",
}
USUAL = {"unemployment": 0.12}
"""Level at which points are stated, where it is not one half."""


def published(lever: str, size: float, low: float, high: float) -> str:
    """A size with its range in the unit of publications: a ratio, odds, points of a share, or heads."""
    kind = LEVER_BY_NAME[lever].kind
    if kind == "persons":
        return "one for each person sent"
    if kind in ("rate", "log_odds"):
        word = "odds x" if kind == "log_odds" else "x"
        return f"{word}{exp(size):.2f} ({exp(low):.2f} to {exp(high):.2f})"
    usual = USUAL.get(lever, 0.5)
    slope = 100.0 if kind == "share" else 100.0 * usual * (1.0 - usual)
    points = [_number(slope * value) for value in (size, low, high)]
    return f"{points[0]} points ({points[1]} to {points[2]})"


def _number(points: float) -> str:
    """Signed, with one decimal below ten; no minus zero."""
    text = f"{points:+.1f}" if abs(points) < 9.95 else f"{points:+.0f}"
    return "0" if float(text) == 0.0 else text


def role(channel: Channel | ShockChannel) -> str:
    """``null``, ``harm``, ``side effect`` or ``effect``; the catalogue's text marks the middle two."""
    if channel.size == 0.0:
        return "null"
    said = channel.text.partition(":")[0]
    return said if said in ("harm", "side effect") else "effect"


def meaning(channel: Channel | ShockChannel) -> str:
    """What the size means, without the mark of its role."""
    said, _, rest = channel.text.partition(":")
    return rest.strip() if said in ("harm", "side effect", "null") else channel.text


def timing(channel: Channel) -> str:
    """How soon, how long, and on what condition."""
    soon = f"half after {_months(channel.lag_months)}" if channel.lag_months else "at once"
    if channel.halflife_months >= 12_000:
        lasts = "permanent"
    elif channel.halflife_months:
        lasts = f"halves every {_months(channel.halflife_months)} after the end"
    else:
        lasts = "ends with the programme"
    when = f"; {WHEN[channel.when]}" if channel.when in WHEN else ""
    return f"{soon}; {lasts}{when}"


def _months(count: float) -> str:
    return "1 month" if count == 1 else f"{count:g} months"


def cost(entry: CatalogueEntry) -> str:
    """Cost at full dose, with its price year."""
    per = " per million residents reached" if entry.cost.per == "million_residents" else ""
    return f"{entry.cost.meur_per_year:g} million euro of {entry.cost.price_year} a year{per}"


def dose(entry: CatalogueEntry) -> str:
    """Full dose, and how a scenario gives it."""
    given = f"{entry.dose.quantity}, times intensity" if entry.dose.quantity else "intensity, 0 to 1"
    return f"{entry.dose.full:g} ({entry.dose.unit}); a scenario gives {given}"


def scaled(entry: CatalogueEntry) -> str:
    """What a scale does to the sizes of its channels, as the end of a sentence."""
    if entry.scale == 1.0:
        return ""
    return f"; sizes multiplied by {entry.scale:.3g}" + (f" where based on {entry.tuned_on}" if entry.tuned_on else "")


def facts(entry: CatalogueEntry, code: Callable[[str], str] = str) -> list[tuple[str, str]]:
    """Facts of an entry except its channels, as (word, text); ``code`` marks up names of keys."""
    asks = ", ".join(WHO[one] for one in entry.requesters)
    return [
        ("provider", WHO[entry.provider]),
        ("requested by", asks),
        ("approval", APPROVAL[entry.approval]),
        ("targets", SCOPE[entry.scope]),
        ("full dose", dose(entry).replace(str(entry.dose.quantity), code(str(entry.dose.quantity)))),
        ("cost at full dose", f"{cost(entry)} ({entry.cost.basis})"),
        ("less effective with low", ", ".join(ABSORPTION[one] for one in entry.absorption) or "-"),
        ("status", STATUS[entry.status] + scaled(entry)),
        ("evidence", entry.evidence),
    ]
