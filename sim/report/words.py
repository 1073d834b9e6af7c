"""Numbers as the report writes them, the verdict on each difference, and the contents of the answer on top."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sim import wording
from sim.analysis import headline_effects
from sim.analysis.verdict import CLEAR, OPEN, SAME, is_drawn, is_small, per_cent, sets_in_words, verdict_of
from sim.interventions import CatalogueEntry, catalogue
from sim.plots.sets import BY_NAME, HEADLINE, PRIMARY
from sim.report.study import Material, Study
from sim.scenario.records import own_entries

MINUS, NO_BREAK = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"
DIRECTED = tuple(item.name for item in HEADLINE if item.better != "none")
ASSUMPTION = "assumption"


def visible(value: object) -> object:
    """Make control and direction marks of plain text visible; numbers and markup stay as they are."""
    if not isinstance(value, str) or hasattr(value, "__html__") or value.isprintable():
        return value
    return "".join(c if c.isprintable() or c in ("\n", NO_BREAK) else "\N{REPLACEMENT CHARACTER}" for c in value)


def pieces(value: object) -> list[str]:
    """Split text where a line may break: words that no column can hold, every twenty letters."""
    return re.sub(r"([^ ]{20})(?=[^ ])", "\\1\0", str(visible(str(value)))).split("\0")


def number(value: float) -> str:
    """Write a number as everywhere, with a true minus sign."""
    return wording.number(value, MINUS)


def signed(value: float) -> str:
    """Write a difference with its sign."""
    shown = number(value)
    return f"+{shown}" if value > 0 and shown[0].isdigit() else shown


def interval(low: float, high: float) -> str:
    """Write an interval, empty where there is none."""
    return "" if math.isnan(low) or math.isnan(high) else f"{number(low)}{NO_BREAK}to {number(high)}"


def percent(share: float) -> str:
    """Write a share as a percentage with two significant digits."""
    size = abs(share) * 100
    return f"{size:.0f}{NO_BREAK}%" if size >= 10 else f"{size:.2g}{NO_BREAK}%"


def span(months: int) -> str:
    """Write a length of time in years where it is whole years."""
    if months % 12:
        return f"{months} months"
    return "one year" if months == 12 else f"{months // 12} years"


def with_words(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows of effects with the outcome as ``item``, the verdict as ``in_words``, and whether it is ``small``."""
    records: list[dict[str, Any]] = []
    for row in rows.to_dict("records"):
        item = BY_NAME[str(row["outcome"])]
        small = is_small(float(row["effect"]), float(row["baseline_mean"]))
        own = {str(name): value for name, value in row.items()}
        records.append({**own, "item": item, "in_words": verdict_of(row, item.better), "small": small})
    return records


def headline_rows(material: Material) -> list[dict[str, Any]]:
    """Differences of headline outcomes in the region over the whole run, `with_words`."""
    effects = material.table("effects")
    return [] if effects.empty else with_words(headline_effects(effects))


def question(study: Study) -> str:
    """Write the question the experiment asks."""
    titles = list(study.others.values())
    base = study.title(study.baseline)
    shown = titles if len(titles) <= 3 else [*titles[:2], f"{len(titles) - 2} more"]
    if not titles:
        return f"What does the outcome of {base} depend on?" if study.kind == "sweep" else f"What happens under {base}?"
    names = " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
    end = ", and what does that depend on?" if study.kind == "sweep" else "?"
    return f"What would {names} change, compared with {base}{end}"


def allowed(row: Mapping[Any, Any]) -> str:
    """Write the range over parameter sets; for counts also in per cent of the baseline of the same set."""
    said = interval(float(row["draws_low"]), float(row["draws_high"]))
    share = per_cent(row)
    return said if share is None else f"{said} ({interval(*share)}{NO_BREAK}%)"


def describe(row: Mapping[Any, Any], unit: str, better: str = "none") -> str:
    """Write one difference: its size, and in brackets its share of the baseline and how certain it is.

    Where parameters were drawn that is their range and the number of parameter sets by direction, else the interval.
    """
    effect, base, low, high = (float(row[name]) for name in ("effect", "baseline_mean", "ci_low", "ci_high"))
    inside = [f"{percent(effect / base)} of the baseline"] if base > 0 and effect else []
    inside += ["small"] if is_small(effect, base) else []
    if is_drawn(row):
        inside += [
            f"5th to 95th percentile over parameter sets {allowed(row)}",
            f"of {int(row['draws'])} parameter sets {sets_in_words(row, better)}",
        ]
    elif not math.isnan(low):
        inside += [f"95{NO_BREAK}% interval {interval(low, high)}"]
    return f"{number(abs(effect))} {unit}" + (f" ({'; '.join(inside)})" if inside else "")


def answer(material: Material) -> dict[str, Any]:
    """Collect the answer: the primary outcome, all outcomes together, and what the numbers rest on."""
    study, rows, runs = material.study, headline_rows(material), material.table("runs")
    entries, used = used_entries(study)
    channels = [channel for row in used if row in entries for channel in entries[row].channels]
    return {
        "base": study.title(study.baseline),
        "item": BY_NAME[PRIMARY],
        "values": runs[PRIMARY] if len(runs) else None,
        "clauses": _clauses(rows, study),
        "pairs": sorted({int(row["n"]) for row in rows}),
        "overall": _overall(rows, len(study.others)) if rows else None,
        "sizes": len(channels),
        "assumed": sum(channel.evidence == ASSUMPTION for channel in channels),
    }


def used_entries(study: Study) -> tuple[dict[str, CatalogueEntry], list[str]]:
    """Return the catalogue with the scenarios' own entries, and the types of intervention that the scenarios use."""
    specs = study.resolved.values()
    types = (str(item.get("type")) for spec in specs for item in spec.get("interventions", {}).values())
    return {**catalogue().interventions, **own_entries(specs)}, list(dict.fromkeys(types))


def _clauses(rows: list[dict[str, Any]], study: Study) -> list[dict[str, Any]]:
    """Group scenarios by what happens to the primary outcome; which one that is does not depend on the numbers."""
    groups: dict[str, list[tuple[str, str]]] = {"lowers": [], "raises": [], "unclear": [], "open": [], "same": []}
    for row in rows:
        if row["outcome"] == PRIMARY and row["scenario"] in study.others:
            kind = {SAME: "same", OPEN: "open"}.get(row["in_words"], "unclear")
            if row["in_words"] in CLEAR:
                kind = "lowers" if row["effect"] < 0 else "raises"
            size = describe(row, row["item"].unit, row["item"].better)
            groups[kind].append((study.title(row["scenario"]), size))
    named = [(kind, group) for kind, group in groups.items() if group]
    what = f"{BY_NAME[PRIMARY].label.lower()} in the region over {span(study.months)}"
    return [
        {"kind": kind, "items": group, "what": "they" if place else what} for place, (kind, group) in enumerate(named)
    ]


def _overall(rows: list[dict[str, Any]], scenarios: int) -> dict[str, Any]:
    """Count what is better, worse and unknown, and how much of it survives correction for multiple comparisons."""
    directed = [row for row in rows if row["outcome"] in DIRECTED]
    count = Counter(row["in_words"] for row in directed)
    clear = [row for row in directed if row["in_words"] in ("better", "worse")]
    corrected = [float(row.get("p_holm", math.nan)) for row in clear]
    worse = [row["item"].label.lower() for row in clear if row["in_words"] == "worse"]
    return {
        "over": f"{len(directed)} {'headline outcomes' if scenarios == 1 else 'pairings of scenario and outcome'}",
        "better": count["better"],
        "worse": count["worse"],
        "same": count[SAME],
        "open": count[OPEN],
        "unclear": len(directed) - len(clear) - count[SAME] - count[OPEN],
        "clear": len(clear),
        "small": sum(row["small"] for row in clear),
        "kept": None if all(map(math.isnan, corrected)) else sum(p < 0.05 for p in corrected),
        "by_chance": 0.05 * len(directed),
        "get_worse": list(dict.fromkeys(worse)),
        "somewhere": scenarios > 1,
    }
