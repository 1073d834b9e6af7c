"""Sections on what changes: effects, what cannot be told, who gains and who loses, cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sim.analysis import OUTCOMES_BY_PLACE, REGION, WHOLE_RUN
from sim.analysis.verdict import OPEN, SAME, UNTOLD, is_drawn, is_small, sets_in_words, verdict_of
from sim.plots.sets import BY_NAME, PRIMARY
from sim.report.markup import (
    EN_DASH,
    NO_BREAK,
    Html,
    bullets,
    element,
    interval,
    join,
    listed,
    number,
    paragraph,
    percent,
    signed,
    table,
    text,
)
from sim.report.study import Material
from sim.report.words import allowed, headline_rows, with_words
from sim.world.outcomes import OUTCOMES

MARKS = {"better": "\N{BLACK UP-POINTING TRIANGLE}", "worse": "\N{BLACK DOWN-POINTING TRIANGLE}"}
HOW = (
    "The interval says how well the mean is known; more runs narrow it. The range of pairs says what one history may "
    "show; more runs do not narrow it. Better in: share of pairs with the better value, ties half. "
)
HOW_DRAWN = (
    "Three things are apart. Luck: the standard error of the difference from having few runs; more runs narrow it. What "
    "the parameters allow: the 5th to 95th percentile of the difference over the parameter points, which are all as "
    "credible as each other, in brackets in per cent of each point's own baseline; more runs do not narrow it (it also "
    "has the luck of each point's few runs). In words: the direction, if enough points agree on it; the column before "
    "says how many go which way. The interval is that of the mean over the points. "
)
SMALL_TEXT = "Under 1 %: clear, but less than a hundredth of the baseline; small and certain is not important."
OF_PAIRS = (f"5{EN_DASH}95 % of pairs", "Better in")
OF_POINTS = ("Luck", "What the parameters allow", "Parameter points")
BY_PLACE = ("incidents", "new_displaced", "tension", "legitimacy")
CLEAR = 0.05
MOST_PLACES = 10


def word(verdict_: str, small: bool = False) -> Html:
    """Write a verdict with a mark, so that colour is never the only sign; a clear but small one says so."""
    kind = verdict_ if verdict_ in MARKS else "changed" if verdict_ in ("more", "less") else "unclear"
    mark = f"{MARKS[verdict_]} " if verdict_ in MARKS else ""
    rest = f", under{NO_BREAK}1{NO_BREAK}%" if small and kind != "unclear" else ""
    return element("span", mark + verdict_ + rest, class_=f"word {kind}{' small' if rest else ''}")


def effects_section(material: Material) -> Html:
    """Write one table of headline effects per scenario."""
    rows = headline_rows(material.table("effects"))
    base = material.study.titles[material.study.baseline]
    drawn = bool(material.study.drawn)
    own_heads = OF_POINTS if drawn else OF_PAIRS
    heads = ["Outcome", "Unit", "Baseline", "Difference", "95 % interval of the mean", *own_heads]
    parts = [paragraph((HOW_DRAWN if drawn else HOW) + SMALL_TEXT)]
    for key, title in material.study.others.items():
        own = rows[rows["scenario"] == key]
        if own.empty:
            parts.append(paragraph(element("b", title), ": no finished run pairs with one of the baseline yet."))
            continue
        cells = [_effect_cells(row, drawn) for row in own.to_dict("records")]
        caption = join(
            [element("b", title), f", compared with {text(base)}: region, whole run, {own['n'].iloc[0]} pairs"]
        )
        parts.append(table(Html(caption), [*heads, "In words"], cells, range(2, 7)))
    return join(parts)


def _effect_cells(row: Mapping[Any, Any], drawn: bool) -> list[object]:
    item = BY_NAME[str(row["outcome"])]
    value = {name: float(row[name]) for name in ("effect", "ci_low", "ci_high")}
    base = float(row["baseline_mean"])
    return [
        item.label,
        item.unit,
        number(base),
        signed(value["effect"]),
        interval(value["ci_low"], value["ci_high"]),
        *(_of_points(row, item.better) if drawn else _of_pairs(row)),
        word(str(row["in_words"]), is_small(value["effect"], base)),
    ]


def _of_pairs(row: Mapping[Any, Any]) -> list[object]:
    superior = float(row["p_superior"])
    shown = interval(float(row["spread_low"]), float(row["spread_high"]))
    return [shown, "" if math.isnan(superior) else percent(superior)]


def _of_points(row: Mapping[Any, Any], better: str) -> list[object]:
    """Write the luck, what the parameters allow, and at how many points it goes which way."""
    luck = number(float(row["mc_error"]))
    return [luck, allowed(row), sets_in_words(row, better)] if is_drawn(row) else [luck, "", ""]


def unclear_section(material: Material) -> Html:
    """List what the runs cannot tell, with what they exclude and how many would tell."""
    rows = headline_rows(material.table("effects"))
    same, rows = rows[rows["in_words"] == SAME], rows[rows["in_words"].isin(UNTOLD)]
    titles = material.study.others
    parts = [
        paragraph(
            "No difference found is not the same as no difference. Not larger than: the runs exclude a larger "
            "difference in either direction at 5 %. Pairs to tell: how many pairs would tell a difference of "
            "the size seen from zero, four times in five; empty where the direction depends on the parameters, which no "
            "number of runs tells."
        )
    ]
    cells = []
    for row in rows.to_dict("records"):
        item = BY_NAME[str(row["outcome"])]
        bound, need = (float(row.get(name, math.nan)) for name in ("no_more_than", "n_to_tell"))
        cells.append(
            [
                titles.get(str(row["scenario"]), str(row["scenario"])),
                f"{item.label} ({item.unit})",
                signed(float(row["effect"])),
                interval(float(row["ci_low"]), float(row["ci_high"])),
                number(bound),
                f"{need:,.0f}" if math.isfinite(need) else "",
                str(row["in_words"]),
            ]
        )
    heads = ["Scenario", "Outcome", "Difference", "95 % interval", "Not larger than", "Pairs to tell", "In words"]
    if cells:
        parts.append(table("Headline outcomes that cannot be told from no difference", heads, cells, range(2, 6)))
    else:
        parts.append(paragraph("Every other headline outcome differs clearly from the baseline."))
    unchanged = [
        join([element("b", titles.get(str(key), str(key))), ": ", listed([BY_NAME[name].label for name in own], 20)])
        for key, own in same.groupby("scenario", sort=False)["outcome"]
    ]
    if unchanged:
        parts += [paragraph("The same in every pair, to the last digit:"), bullets(unchanged)]
    return join(parts)


def places_section(material: Material) -> Html:
    """Say who gains and who loses: by state, by district, by community."""
    parts = [_states(material), _districts(material), _communities(material)]
    return join(part for part in parts if part)


def _states(material: Material) -> Html:
    effects, titles = material.table("effects"), material.study.others
    chosen = (effects["window"] == WHOLE_RUN) & (effects["contrast"] == "difference") & (effects["scope"] != REGION)
    rows = with_words(effects[chosen & effects["outcome"].isin(BY_PLACE)])
    if rows.empty:
        return Html("")
    cells: list[list[object]] = []
    for key, title in titles.items():
        own = rows[rows["scenario"] == key]
        for state in own["scope"].unique():
            here = own[own["scope"] == state].set_index("outcome")
            values = [
                join([signed(float(here.loc[name, "effect"])), " ", _word_here(here.loc[name])]) for name in BY_PLACE
            ]
            cells.append([Html(f"{text(title)}, {text(state)}"), *values])
    heads = ["Scenario and state", *(f"{BY_NAME[name].label} ({BY_NAME[name].unit})" for name in BY_PLACE)]
    return table("Differences by state over the whole run", heads, cells, range(1, 1 + len(BY_PLACE)))


def _word_here(row: Any) -> Html:
    """Write the verdict of a place in the fewest words."""
    words = str(row["in_words"])
    short = {OPEN: "depends on the parameters", SAME: "same"}.get(words, "not clear" if words in UNTOLD else words)
    return word(short, is_small(float(row["effect"]), float(row["baseline_mean"])))


def _districts(material: Material) -> Html:
    rows = material.table("districts")
    measures = {measure.name: measure for measure in OUTCOMES_BY_PLACE}
    if rows.empty:
        return Html("")
    items = []
    for key, title in material.study.others.items():
        own = rows[(rows["scenario"] == key) & (rows["outcome"] == PRIMARY)]
        if own.empty:
            continue
        better = measures[PRIMARY].better
        own = own.assign(word=[verdict_of(row, better) for row in own.to_dict("records")])
        gain, lose = (own[own["word"] == kind] for kind in ("better", "worse"))
        told = own[~own["word"].isin([SAME])]
        items.append(
            join(
                [
                    element("b", title),
                    f": of {len(own)} districts {len(gain)} are clearly better and {len(lose)} clearly worse; "
                    f"by chance alone about {0.025 * len(told):.0f} of each would look so.",
                ]
            )
        )
    label = measures[PRIMARY].label.lower()
    lead = paragraph(f"Districts, {label} per 100,000 residents a year. Single districts carry approximate data.")
    return join([lead, bullets(items)]) if items else Html("")


def _communities(material: Material) -> Html:
    rows = material.table("communities")
    if rows.empty:
        return Html("")
    rows = rows[rows["outcome"].isin(BY_PLACE) & rows["in_words"].isin(["better", "worse"])]
    if "q_fdr" in rows:
        rows = rows[rows["q_fdr"] < CLEAR]
    lead = paragraph(
        "Communities differ in the model by numbers in tables only: size, place, power status, kin, memory of war. "
        "A result about a community is a result about those numbers."
    )
    if rows.empty:
        return join(
            [lead, paragraph("No community is clearly better or worse off, after correction for looking at all.")]
        )
    rows = rows.assign(size=rows["effect"].abs() * rows["persons"]).sort_values("size", ascending=False, kind="stable")
    cells = [
        [
            material.study.others.get(str(row["scenario"]), str(row["scenario"])),
            _community(row),
            number(float(row["persons"])),
            f"{BY_NAME[str(row['outcome'])].label} ({row['unit']})",
            signed(float(row["effect"])),
            interval(float(row["ci_low"]), float(row["ci_high"])),
            _word_here(row),
        ]
        for row in rows.head(2 * MOST_PLACES).to_dict("records")
    ]
    heads = ["Scenario", "Community", "Persons", "Outcome", "Difference", "95 % interval", "In words"]
    rest = f"; {len(rows) - len(cells)} more in communities.csv" if len(rows) > len(cells) else ""
    return join(
        [
            lead,
            table(
                f"Communities clearly better or worse off, most persons times effect first{rest}",
                heads,
                cells,
                (2, 4, 5),
            ),
        ]
    )


def _community(row: Mapping[Any, Any]) -> str:
    return f"{row['community']}, {'everywhere' if row['state'] == REGION else row['state']}"


def cost_section(material: Material) -> Html:
    """Say what averting one unit costs, or why that has no answer."""
    rows = material.table("cost_effectiveness")
    if rows.empty:
        return Html("")
    rows = rows[(rows["scope"] == REGION) & (rows["window"] == WHOLE_RUN)]
    shown = [item.name for item in OUTCOMES if item.headline]
    rows = rows[rows["outcome"].isin(shown)]
    priced = rows[rows["cost_per_unit"].notna()]
    cells = [
        [
            material.study.others.get(str(row["scenario"]), str(row["scenario"])),
            BY_NAME[str(row["outcome"])].label,
            number(float(row["cost"])),
            number(float(row["averted"])),
            number(float(row["cost_per_unit"])),
            interval(float(row["ci_low"]), float(row["ci_high"])),
        ]
        for row in priced.to_dict("records")
    ]
    notes = []
    for reason, group in rows[rows["cost_per_unit"].isna()].groupby("note", sort=True):
        names = [
            f"{material.study.others.get(str(s), str(s))}: {BY_NAME[str(o)].label.lower()}"
            for s, o in zip(group["scenario"], group["outcome"], strict=True)
        ]
        notes.append(join([element("b", str(reason)), ": ", listed(names, 8)]))
    heads = ["Scenario", "Harm averted", "Extra cost", "Averted", "Cost of one", "95 % interval"]
    caption = "Million euro of 2024 for each unit averted, region, whole run"
    parts = [table(caption, heads, cells, range(2, 6))] if cells else []
    if notes:
        parts += [paragraph("No price, because:"), bullets(notes)]
    return join(parts)


def history_section(material: Material) -> Html:
    """Write the outcomes of one scenario by itself."""
    runs = material.table("runs")
    if runs.empty:
        return paragraph("No run is finished.")
    cells = []
    for item in OUTCOMES:
        if item.headline:
            values = runs[item.name]
            low, high = float(values.quantile(0.05)), float(values.quantile(0.95))
            range_ = interval(low, high) if len(values) > 1 else ""
            cells.append([item.label, item.unit, number(float(values.mean())), range_])
    heads = ["Outcome", "Unit", "Mean", f"5{EN_DASH}95 % of runs"]
    many = "one history" if len(runs) == 1 else f"{len(runs)} histories"
    return table(f"Region, whole run, {many}", heads, cells, (2, 3))
