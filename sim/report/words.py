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
from sim.scenario.own import own_entries

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


<<<<<<< HEAD
def allowed(row: Mapping[Any, Any]) -> str:
    """Write what the parameters allow; for counts also in per cent of the baseline at the same point."""
    said = interval(float(row["draws_low"]), float(row["draws_high"]))
    share = per_cent(row)
    return said if share is None else f"{said} ({interval(*share)}{NO_BREAK}%)"


def _primary_sentence(rows: pd.DataFrame, study: Study) -> Html:
    """Say what happens to the primary outcome; which one that is does not depend on the numbers."""
    item = BY_NAME[PRIMARY]
    groups: dict[str, list[tuple[Html, Html]]] = {"lowers": [], "raises": [], "unclear": [], "open": [], "same": []}
    for key, title in study.others.items():
        for row in rows[(rows["scenario"] == key) & (rows["outcome"] == PRIMARY)].to_dict("records"):
            told = "lowers" if row["effect"] < 0 else "raises"
            kind = told if row["in_words"] in CLEAR else {SAME: "same", OPEN: "open"}.get(row["in_words"], "unclear")
            groups[kind].append((element("b", title), describe(row, item.unit, item.better)))
    what = f"{item.label.lower()} in the region over {span(study.months)}"
    parts: list[Html] = []
    for verb in ("lowers", "raises"):
        named = groups[verb]
        it = "them" if parts else what
        if len(named) == 1:
            parts.append(join([named[0][0], f" {verb} {it} by ", named[0][1]]))
        elif named:
            which = listed([join([name, " by ", size]) for name, size in named])
            parts.append(join([f"{len(named)} scenarios {verb.removesuffix('s')} {it}: ", which]))
    if groups["unclear"]:
        which = listed([name for name, _ in groups["unclear"]])
        end = "they change" if parts else f"{what} change"
        parts.append(join(["for ", which, f" {_pairs(rows)} are not enough to tell whether {end}"]))
    if groups["open"]:
        which = listed([join([name, " (", size, ")"]) for name, size in groups["open"]])
        parts.append(join([f"whether {what} rise or fall depends on the parameters for ", which]))
    if groups["same"]:
        leave = "leaves" if len(groups["same"]) == 1 else "leave"
        which = listed([name for name, _ in groups["same"]])
        parts.append(join([which, f" {leave} {'them' if parts else what} the same in every pair"]))
    told = Html("; ".join(parts))
    return join(["In the model, ", told, "."] if parts else [f"No pair of runs says anything about {what}."])


def _pairs(rows: pd.DataFrame) -> str:
    low, high = int(rows["n"].min()), int(rows["n"].max())
    return f"{low} pairs of runs" if low == high else f"{low} to {high} pairs of runs"


def _overall_sentence(rows: pd.DataFrame, titles: Mapping[str, str]) -> Html:
    """Count what is better, worse and unknown, and how much of it would survive looking at so many."""
    directed = rows[rows["outcome"].isin(DIRECTED)]
    count = Counter(directed["in_words"])
    better, worse = count["better"], count["worse"]
    open_, same = count[OPEN], count[SAME]
    rest = len(directed) - better - worse - open_ - same
    over = (
        f"{len(directed)} headline outcomes"
        if len(titles) == 1
        else f"{len(directed)} pairings of scenario and outcome"
    )
    clear = directed[directed["in_words"].isin(["better", "worse"])]
    sentence = (
        f"Of {over} with a better and a worse direction, {better} are better, {worse} worse, {same} the same in every "
        f"pair, and {rest} cannot be told from no difference for want of replications"
        + (f"; the direction of {open_} depends on the parameters" if open_ else "")
    )
    numbers = zip(clear["effect"], clear["baseline_mean"], strict=True)
    small = sum(is_small(float(effect), float(base)) for effect, base in numbers)
    if small:
        sentence += f"; {small} of the clear ones are under 1{NO_BREAK}% of the baseline"
    if "p_holm" in clear and clear["p_holm"].notna().any():
        kept = int((clear["p_holm"] < 0.05).sum())
        sentence += f"; {kept} of the {len(clear)} clear ones remain after correction for looking at so many"
    elif len(clear):
        sentence += f"; about {0.05 * len(directed):.0f} would look clear by chance alone"
    names = [BY_NAME[name].label.lower() for name in dict.fromkeys(clear[clear["in_words"] == "worse"]["outcome"])]
    where = "" if len(titles) == 1 else " in at least one scenario"
    ending = join([f". What gets worse{where}: ", listed(names)]) if names else Html("")
    return join([sentence, ending, "."])


def _hedge(material: Material) -> Html:
    sizes, assumed = assumed_sizes(material.study)
    effects = (
        f"{assumed} of the {sizes} effect sizes of the measures are assumptions without direct evidence, "
        if sizes
        else ""
    )
    study = material.study
    held = "" if study.kind == "sweep" else "every parameter is held at one value, "
    covered = "luck"
    if study.drawn:
        covered, held = "luck and the parameters that are drawn", "all other parameters are held at one value, "
    return Html(
        f"The ranges cover {covered} and not what else is unknown about the world: {held}{effects}and nothing has been "
        "validated, so read this as what the assumptions imply and not as a forecast."
    )


def assumed_sizes(study: Study) -> tuple[int, int]:
    """Count the effect sizes of the interventions used, and how many of them are assumptions."""
    from sim.interventions import catalogue
    from sim.scenario.records import own_entries

    entries = {**catalogue().interventions, **own_entries(study.resolved.values())}
    used = {item.get("type") for spec in study.resolved.values() for item in spec.get("interventions", {}).values()}
    channels = [channel for entry in entries.values() if entry.row in used for channel in entry.channels]
    return len(channels), sum(channel.evidence == "assumption" for channel in channels)
=======
def percent(share: float) -> str:
    """Write a share as a percentage with two significant digits."""
    size = abs(share) * 100
    return f"{size:.0f}{NO_BREAK}%" if size >= 10 else f"{size:.2g}{NO_BREAK}%"
>>>>>>> rep


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
