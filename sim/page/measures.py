"""The controls of the measures and shocks in a scenario; everything about each of them is in its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from htmltools import Tag, TagList, tags

from sim.interventions import APPROVALS, PATTERN_OPTIONS, SCRIPTED, CatalogueEntry, ShockType, catalogue
from sim.model.shocks import POSTURES
from sim.page.facts import load_home
from sim.page.state import State
from sim.region import Region

APPROVAL_WORDS = {
    "none": "none: starts at once",
    "allies": "NATO's Allies",
    "council": "the UN Security Council",
    "host": "the host governments",
    "contributors": "the contributors",
}


def measures_html(state: State) -> TagList:
    """Cards of all measures and shocks of a scenario, in the order of the file."""
    region = load_home(str(state.content["region"]), int(str(state.content["start"])[:4]))
    cards: list[Tag] = []
    for label, item in state.content.get("interventions", {}).items():
        entry = catalogue().intervention(str(item.get("type")))
        if entry is not None:
            cards.append(_intervention(label, item, entry, state, region))
    for label, item in state.content.get("shocks", {}).items():
        shock = catalogue().shocks.get(str(item.get("type")))
        if shock is not None:
            cards.append(_shock(label, item, shock, state, region))
    if not cards:
        return TagList(
            tags.p("No measure and no shock: both worlds differ only in changed assumptions.", class_="note")
        )
    return TagList(*cards)


def _intervention(label: str, item: Mapping[str, Any], entry: CatalogueEntry, state: State, region: Region) -> Tag:
    path = f"interventions.{label}"
    dose = entry.dose
    controls: list[Any] = [
        slider(f"{path}.intensity", "Dose", float(item.get("intensity", 1.0)), 0.0, 1.0, 0.05, 1.0,
               f"share of the full dose; full dose: {dose.full:g} {dose.unit}"),
    ]  # fmt: skip
    if dose.quantity is not None:
        controls.append(
            _number(f"{path}.{dose.quantity}", dose.quantity.replace("_", " ").capitalize(), item.get(dose.quantity), 0, 500_000,
                    f"persons over all targets; full dose {dose.full:,.0f}")
        )  # fmt: skip
    more: list[Any] = [
        tags.div(
            _month(f"{path}.start", "Request in", item.get("start"), state),
            _number(f"{path}.months", "Length", item.get("months"), 1, 1200, "months; empty: to the end"),
            class_="pair",
        ),
        _states(path, item, region),
        _select(f"{path}.approval", "Needs approval of", [(name, APPROVAL_WORDS.get(name, name)) for name in APPROVALS],
                item.get("approval", entry.approval), f"catalogue: {APPROVAL_WORDS.get(entry.approval, entry.approval)}"),
        _number(f"{path}.meur_per_year", "Cost", item.get("meur_per_year"), 0, 100_000,
                "million euro of 2024 a year; empty: catalogue, "
                f"{entry.cost.meur_per_year:g} at full dose per {entry.cost.per.replace('_', ' ')}"),
        *_places(path, item, region),
    ]  # fmt: skip
    channels = "; ".join(f"{c.lever} {c.size:+g} ({c.low:g} to {c.high:g}; {c.evidence})" for c in entry.channels)
    return _card(
        path, label, entry.name, f"Row {entry.row} · evidence {entry.evidence} · {entry.status}", entry.text,
        f"Channels at full dose, with their 5 to 95 % range: {channels}", controls, more, switch=True,
    )  # fmt: skip


def _shock(label: str, item: Mapping[str, Any], entry: ShockType, state: State, region: Region) -> Tag:
    path = f"shocks.{label}"
    controls: list[Any] = [
        slider(
            f"{path}.magnitude",
            "Size",
            float(item.get("magnitude", 1.0)),
            0.0,
            2.0,
            0.05,
            1.0,
            "multiplies the sizes of the catalogue; the scenario accepts 0 to 5",
        ),
    ]
    more: list[Any] = [
        tags.div(
            _month(f"{path}.at", "Hits in", item.get("at"), state),
            _number(f"{path}.week", "Quarter of the month", item.get("week"), 0, 3, "0 to 3; empty: 0"),
            class_="pair",
        ),
    ]  # fmt: skip
    options = PATTERN_OPTIONS[entry.pattern]
    if "mission" in options:
        missions = list(dict.fromkeys(mission.key for mission in region.missions))
        more.append(_select(f"{path}.mission", "Mission", [(key, key) for key in missions], item.get("mission"), ""))
    if "months" in options:
        more.append(_number(f"{path}.months", "Length", item.get("months"), 1, 600, "months; empty: 12"))
    if "posture" in options:
        more.append(_select(f"{path}.posture", "Posture", [(name, name) for name in POSTURES], item.get("posture"), ""))
    if "level" in options:
        more.append(_number(f"{path}.level", "Exclusion", item.get("level"), 0, 1, "0 in government, 1 shut out"))
    if entry.pattern in ("impulse", "rumour", *SCRIPTED):
        more += [_states(path, item, region), *_places(path, item, region)]
    channels = "; ".join(f"{c.lever} {c.size:+g} ({c.low:g} to {c.high:g})" for c in entry.channels)
    return _card(
        path, label, entry.name, f"Shock · evidence {entry.evidence}", entry.text,
        f"Channels at size 1: {channels}" if channels else "", controls, more, switch=False,
    )  # fmt: skip


def _card(
    path: str, label: str, name: str, source: str, text: str, channels: str, controls: Sequence[Any], more: Sequence[Any],
    *, switch: bool,
) -> Tag:  # fmt: skip
    on = tags.label(
        tags.input(type="checkbox", checked="", data_switch=f"{path}.intensity", role="switch"),
        " in force",
        class_="switch",
    )
    return tags.section(
        tags.div(
            tags.h4(name),
            tags.p(tags.code(label), " · ", source, class_="source"),
            class_="card-head",
        ),
        tags.div(
            on if switch else None,
            tags.button(
                "Remove", type="button", class_="quiet", data_remove=path, aria_label=f"Remove {name} ({label})"
            ),
            class_="card-tools",
        ),
        *controls,
        tags.details(
            tags.summary("When, where, and the evidence"), *more, tags.p(text), tags.p(channels, class_="note")
        ),
        class_="card",
        aria_label=f"{name} ({label})",
        data_label=label,
    )


def slider(
    path: str, name: str, value: float, low: float, high: float, step: float, default: float, unit: str, *,
    evidence: tuple[float, float] | None = None, source: str = "",
) -> Tag:  # fmt: skip
    """A slider with a field for the number: name, unit, range, default, and the evidence range where one is known."""
    inside = evidence or (low, high)
    facts = f"{low:g} to {high:g}, default {default:g}"
    if evidence is not None:
        facts = f"evidence {inside[0]:g} to {inside[1]:g}, default {default:g}"
    shared = {
        "data_path": path,
        "data_default": f"{default:g}",
        "data_low": f"{inside[0]:.9g}",
        "data_high": f"{inside[1]:.9g}",
    }
    return tags.div(
        tags.div(
            tags.span(name, class_="name"),
            tags.input(type="number", value=f"{value:.9g}", step="any", aria_label=f"{name}, {unit}", **shared),
            class_="line",
        ),
        tags.input(type="range", min=f"{low:.9g}", max=f"{high:.9g}", step=f"{step:.9g}", value=f"{value:.9g}",
                   aria_label=f"{name}: {unit}; {facts}", **shared),
        tags.p(f"{unit} · {facts}", tags.span(f" · {source}", class_="source") if source else None,
               tags.strong(" outside the evidence", class_="outside", hidden=""), class_="facts"),
        class_="control",
        data_control=path,
    )  # fmt: skip


def _number(path: str, name: str, value: Any, low: float, high: float, unit: str) -> Tag:
    return tags.label(
        tags.span(name, class_="name"),
        tags.input(type="number", value="" if value is None else f"{value:.9g}", min=f"{low:g}", max=f"{high:g}",
                   step="any" if "meur" in path else "1", data_path=path, data_whole="" if "meur" in path else "1"),
        tags.span(unit, class_="facts"),
        class_="control",
    )  # fmt: skip


def _month(path: str, name: str, value: Any, state: State) -> Tag:
    return tags.label(
        tags.span(name, class_="name"),
        tags.input(type="month", value=str(value or state.content["start"]), data_path=path,
                   placeholder="2025-01", pattern="[0-9]{4}-[0-9]{2}"),
        tags.span(f"from {state.content['start']}", class_="facts"),
        class_="control",
    )  # fmt: skip


def _select(path: str, name: str, options: Sequence[tuple[str, str]], value: Any, unit: str) -> Tag:
    return tags.label(
        tags.span(name, class_="name"),
        tags.select(
            *(tags.option(words, value=key, selected="" if key == value else None) for key, words in options),
            data_path=path,
        ),
        tags.span(unit, class_="facts"),
        class_="control",
    )


def _states(path: str, item: Mapping[str, Any], region: Region) -> Tag:
    chosen = (item.get("targets") or {}).get("states") or []
    boxes = [
        tags.label(
            tags.input(type="checkbox", value=key, checked="" if key in chosen else None, data_list=f"{path}.targets.states"),
            key, title=name, class_="tick",
        )
        for key, name in zip(region.states, region.state_names, strict=True)
    ]  # fmt: skip
    return tags.fieldset(
        tags.legend("Where (none ticked: everywhere)"), tags.div(*boxes, class_="ticks"), class_="control"
    )


def _places(path: str, item: Mapping[str, Any], region: Region) -> list[Tag]:
    targets = item.get("targets") or {}
    chosen = targets.get("communities") or []
    return [
        tags.label(
            tags.span("Communities (none chosen: all)", class_="name"),
            tags.select(
                *(tags.option(words, value=key, selected="" if key in chosen else None)
                  for key, words in zip(region.communities, region.community_names, strict=True)),
                multiple="", size="4", data_many=f"{path}.targets.communities",
            ),
            class_="control",
        ),
        tags.label(
            tags.span("Districts", class_="name"),
            tags.input(type="text", value=", ".join(targets.get("districts") or []), data_words=f"{path}.targets.districts"),
            tags.span("keys, with commas between; empty: all. The map shows the key of a district.", class_="facts"),
            class_="control",
        ),
    ]  # fmt: skip
