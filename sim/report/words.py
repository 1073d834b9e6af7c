"""The answer in three sentences, made from the numbers and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sim.analysis import headline_effects
from sim.analysis.verdict import CLEAR, OPEN, SAME, is_drawn, is_small, per_cent, sets_in_words, verdict_of
from sim.plots.sets import BY_NAME, PRIMARY
from sim.report.markup import NO_BREAK, Html, element, interval, join, listed, number, percent, text
from sim.report.study import Material, Study
from sim.world.outcomes import OUTCOMES

DIRECTED = tuple(item.name for item in OUTCOMES if item.headline and item.better != "none")


def headline_rows(effects: pd.DataFrame) -> pd.DataFrame:
    """Differences of headline outcomes in the region over the whole run, with ``in_words``."""
    return effects if effects.empty else with_words(headline_effects(effects))


def with_words(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the verdict of each row in words, the same words as everywhere."""
    return rows.assign(
        in_words=[verdict_of(row, BY_NAME[str(row["outcome"])].better) for row in rows.to_dict("records")]
    )


def question(study: Study) -> str:
    """Write the question the experiment asks."""
    titles = list(study.others.values())
    base = study.titles.get(study.baseline, study.baseline)
    shown = titles if len(titles) <= 3 else [*titles[:2], f"{len(titles) - 2} more"]
    if study.kind == "sweep" and not titles:
        return f"What does the outcome of {base} depend on?"
    if not titles:
        return f"What happens under {base}?"
    names = shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]
    end = ", and what does that depend on?" if study.kind == "sweep" else "?"
    return f"What would {names} change, compared with {base}{end}"


def answer(material: Material) -> list[Html]:
    """Write the answer: the primary outcome, all outcomes together, and what the numbers rest on."""
    study = material.study
    rows = headline_rows(material.table("effects"))
    if rows.empty:
        return [_history_sentence(material), _spread_sentence(study), _hedge(material)]
    return [_primary_sentence(rows, study), _overall_sentence(rows, study.others), _hedge(material)]


def describe(row: Mapping[Any, Any], unit: str, better: str = "none") -> Html:
    """Write one difference: size, and in brackets its share of the baseline and how sure it is.

    Where parameters were drawn that is what they allow and at how many points it goes which way, else the interval.
    """
    effect, base, low, high = (float(row[name]) for name in ("effect", "baseline_mean", "ci_low", "ci_high"))
    inside = [f"{percent(effect / base)} of the baseline"] if base > 0 and effect else []
    inside += ["small"] if is_small(effect, base) else []
    if is_drawn(row):
        inside += [
            f"the parameters allow {allowed(row)}",
            f"of {int(row['draws'])} parameter points {sets_in_words(row, better)}",
        ]
    elif low == low:
        inside += [f"95{NO_BREAK}% interval {interval(low, high)}"]
    return Html(text(f"{number(abs(effect))} {unit}" + (f" ({'; '.join(inside)})" if inside else "")))


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
    from sim.scenario.own import own_entries

    entries = {**catalogue().interventions, **own_entries(study.resolved.values())}
    used = {item.get("type") for spec in study.resolved.values() for item in spec.get("interventions", {}).values()}
    channels = [channel for entry in entries.values() if entry.row in used for channel in entry.channels]
    return len(channels), sum(channel.evidence == "assumption" for channel in channels)


def span(months: int) -> str:
    """Write a length of time in years where it is whole years."""
    if months % 12:
        return f"{months} months"
    return "one year" if months == 12 else f"{months // 12} years"


def _history_sentence(material: Material) -> Html:
    study = material.study
    runs = material.table("runs")
    item = BY_NAME[PRIMARY]
    base = study.titles.get(study.baseline, study.baseline)
    if runs.empty:
        return join(["No run of ", element("b", base), " is finished."])
    values = runs[PRIMARY]
    return join(
        [
            "In the model, ",
            element("b", base),
            f" has {number(float(values.mean()))} {item.label.lower()} in the region over {span(study.months)}",
            f", between {number(float(values.quantile(0.05)))} and {number(float(values.quantile(0.95)))} in nine "
            "histories of ten."
            if len(values) > 1
            else " in the one history that was run.",
        ]
    )


def _spread_sentence(study: Study) -> Html:
    if study.kind == "sweep":
        return Html("Every point of the design is shown below with what moved the outcome and what did not.")
    if study.done == 1:
        return Html("One history shows what can happen, not what is likely.")
    return Html("With nothing to compare it with, no effect of any measure can be read from these numbers.")
