"""The section on rival theories: which conclusions hold under how many stances, and what the stances are."""

from __future__ import annotations

from sim.parameters.theories import THEORIES
from sim.plots.sets import BY_NAME, PRIMARY
from sim.report.effects import word
from sim.report.markup import Html, element, interval, join, number, paragraph, signed, table, text
from sim.report.study import Material


def theories_section(material: Material) -> Html:
    """Count under how many stances each conclusion holds, and show the primary outcome stance by stance."""
    holds = material.table("holds")
    if holds.empty:
        return Html("")
    parts = [
        paragraph(
            "Where the literature is divided the model takes one side. Here baseline and scenario ran again under the other "
            "sides, one at a time, in the same luck. A conclusion holds under a stance if the effect is clear there too and "
            "has the same direction. The model as it is counts as one. A stance that changes no number in these worlds "
            "agrees without having been tried: such stances are counted, and named as unchanged."
        )
    ]
    for key, title in material.study.others.items():
        own = holds[holds["scenario"] == key]
        if len(own):
            cells = [
                [
                    BY_NAME[str(row["outcome"])].label,
                    word(str(row["conclusion"])),
                    str(row["in_words"]),
                    str(row["fails_under"]),
                ]
                for row in own.to_dict("records")
            ]
            heads = ["Outcome", "As it is", "Under rival theories", "Not under"]
            parts.append(table(Html(join([element("b", title), ": what holds"])), heads, cells))
            parts.append(_primary(material, key, title))
    parts.append(_stances(material))
    return join(parts)


def _primary(material: Material, key: str, title: str) -> Html:
    item, rows = BY_NAME[PRIMARY], material.table("theories")
    cells = [
        [
            f"{row['theory']}: {row['stance']}",
            number(float(row["baseline_mean"])),
            signed(float(row["effect"])),
            interval(float(row["ci_low"]), float(row["ci_high"])),
            word(str(row["in_words"])),
            ("yes" if row["holds"] else "no") if row["in_play"] or row["theory"] not in THEORIES else "unchanged",
        ]
        for row in rows[(rows["scenario"] == key) & (rows["outcome"] == PRIMARY)].to_dict("records")
    ]
    heads = ["Stance", "Baseline", "Difference", "95 % interval", "In words", "Holds"]
    return table(Html(text(f"{title}: {item.label}, {item.unit}")), heads, cells, (1, 2, 3))


def _stances(material: Material) -> Html:
    cells = [
        [THEORIES[name].question, f"{name}: {stance.key}", stance.text, stance.source]
        for name in material.study.theories
        for stance in THEORIES[name].stances
    ]
    return table("The theories", ["Question", "Stance", "What it says", "Source"], cells)
