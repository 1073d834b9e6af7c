"""The assumptions a result rests on, with their sources, and the limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sim.interventions import CatalogueEntry, catalogue
from sim.parameters import CATALOGUE
from sim.report.markup import Html, bullets, element, interval, join, listed, number, paragraph, table, text
from sim.report.study import Material, Study
from sim.scenario.records import own_entries

ASSUMPTION = "assumption"
LIMITS = (
    "No forecast: no date, place or probability of a real event.",
    "No single place or person: districts carry approximate data, and citizens are invented.",
    "No blame and no ranking: communities and states differ by numbers in tables of uneven quality.",
    "Intervals cover luck and, where they are drawn, some parameters. What is unknown about the others, data and structure is not in them.",
    "Parameters are set by hand to a calm reference year; most sizes are assumptions; costs are too, unless an entry says otherwise.",
    "Small and certain is not important; rare and heavy-tailed outcomes rest on a handful of runs.",
    "Not for planning harm: incitement, expulsion and repression are in the model to study and prevent.",
)


def measures_section(material: Material) -> Html:
    """List what each scenario adds to the baseline, and the sizes it works through."""
    study = material.study
    base = study.resolved.get(study.baseline, {})
    cells: list[list[object]] = []
    used: dict[str, None] = {}
    for key, title in study.titles.items():
        spec = study.resolved[key]
        added = _added(spec, base, "interventions") if key != study.baseline else spec.get("interventions", {})
        for name, item in added.items():
            used.setdefault(str(item.get("type")))
            cells.append([title, *_programme(name, item)])
        shocks = _added(spec, base, "shocks") if key != study.baseline else spec.get("shocks", {})
        for name, item in shocks.items():
            cells.append([title, name, f"shock {item.get('type')}", _where(item), _hits(item), "", "", ""])
    entries = {**catalogue().interventions, **own_entries(study.resolved.values())}
    known = [entries[row] for row in used if row in entries]
    parts = []
    if cells:
        heads = ["Scenario", "Name", "Type", "Where", "When", "Dose", "Million euro a year", "Approval"]
        parts.append(table("What each scenario does", heads, cells, (6,)))
    else:
        parts.append(paragraph("No scenario holds an intervention or a shock of its own."))
    missing = [row for row in used if row not in entries]
    if missing:
        parts.append(paragraph("Types that this version's catalogue does not know: ", listed(missing, 20), "."))
    if known:
        parts.append(_channels(known))
    return join(parts)


def _added(spec: Mapping[str, Any], base: Mapping[str, Any], part: str) -> dict[str, Any]:
    """Return what a scenario has that the baseline has not."""
    mine, theirs = spec.get(part, {}), base.get(part, {})
    return {name: item for name, item in mine.items() if theirs.get(name) != item}


def _programme(name: str, item: Mapping[str, Any]) -> list[object]:
    months = f"{item['months']} months" if "months" in item else "to the end"
    heads = [f"{item[q]:,} {q.replace('_', ' ')}" for q in ("troops", "police_officers", "monitors") if q in item]
    return [
        name,
        f"{item.get('type')}, by {item.get('provider')}",
        _where(item),
        f"from {item.get('start')}, {months}" + (", once a trigger is met" if item.get("when") else ""),
        ", ".join([f"intensity {number(float(item.get('intensity', 1)))}", *heads]),
        number(float(item.get("meur_per_year", 0))),
        str(item.get("approval")),
    ]


def _hits(item: Mapping[str, Any]) -> str:
    return f"drawn, {item['rate']:g} a year" if "rate" in item else str(item.get("at"))


def _where(item: Mapping[str, Any]) -> str:
    targets = item.get("targets") or {}
    named = [str(key) for kind in ("states", "districts", "communities") for key in targets.get(kind, [])]
    return ", ".join(named[:8]) + (f" and {len(named) - 8} more" if len(named) > 8 else "") or "everywhere"


def _channels(entries: list[CatalogueEntry]) -> Html:
    cells = [
        [
            f"{entry.row} {entry.name}",
            entry.status,
            channel.lever,
            number(channel.size),
            interval(channel.low, channel.high),
            channel.when or "always",
            _source(channel.evidence),
        ]
        for entry in entries
        for channel in entry.channels
    ]
    heads = ["Intervention", "Status", "Lever", "Size at full dose", "5 to 95 %", "When", "Evidence"]
    return table(
        "What its sizes rest on; codes are rows of the evidence table in the documentation", heads, cells, (3, 4)
    )


def _source(source: str) -> Html:
    return element("em", source) if source == ASSUMPTION else text(source)


def parameters_section(material: Material) -> Html:
    """List parameters that a scenario changes, and say what the others rest on."""
    study = material.study
    cells: list[list[object]] = []
    for key, title in study.titles.items():
        for name, value in study.resolved[key].get("parameters", {}).items():
            known = CATALOGUE.get(name)
            default = number(known.default) if known else ""
            range_ = interval(known.low, known.high) if known else ""
            cells.append([title, name, number(float(value)), default, range_, _source(known.source if known else "")])
    parts = []
    if cells:
        heads = ["Scenario", "Parameter", "Value", "Default", "Plausible range", "Source"]
        parts.append(table("Parameters set by a scenario", heads, cells, (2, 3, 4)))
    kinds = Counter(_kind(parameter.source) for parameter in CATALOGUE.values())
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    rest = "All other" if cells else "All"
    held = "parameters that are not varied" if study.kind == "sweep" else "parameters"
    parts.append(
        paragraph(
            f"{rest} {held} are at their defaults. By source, of {len(CATALOGUE)}: {told}. "
            "The catalogue gives unit, range and source of each: stabsim catalogue parameters --json."
        )
    )
    tuned = [name for name, parameter in CATALOGUE.items() if "tuned by hand" in parameter.source]
    if tuned:
        parts.append(
            paragraph("Set by hand until facts held, so that these facts are no test: ", listed(tuned, 12), ".")
        )
    return join(parts)


def _kind(source: str) -> str:
    if source == ASSUMPTION:
        return "assumptions"
    return (
        "set by hand on facts"
        if "tuned by hand" in source
        else "from arithmetic on data"
        if source == "derived"
        else "with a row of evidence"
    )


def limits_section(study: Study) -> Html:
    """Write what the result cannot carry."""
    own = (
        [f"{study.failed} of {study.total} runs failed: if many failed, what is left is not a fair sample."]
        if study.failed
        else []
    )
    return bullets([*own, *LIMITS])
