"""Sections on a sweep: what was varied, what the outcome depends on, when it fails."""

from __future__ import annotations

import math

from sim.plots.sets import BY_NAME, PRIMARY
from sim.report.markup import Html, element, interval, join, number, paragraph, percent, signed, table
from sim.report.study import Material, Study

KINDS = {
    "grid": "every combination of the levels",
    "list": "the points of a list",
    "lhs": "a Latin hypercube",
    "sobol": "Saltelli's sample for Sobol indices",
    "morris": "Morris trajectories",
    "random": "independent random draws",
    "scenarios": "the scenarios alone",
}


def design_section(material: Material) -> Html:
    """List the factors and how they were varied."""
    study = material.study
    design = study.design
    kind = str(design.get("kind", "list"))
    lead = f"{study.points:,} design points: {KINDS.get(kind, kind)}"
    lead += f", seed {design['seed']}" if design.get("seed") is not None else ""
    cells = [
        [
            str(factor.get("key", "")),
            str(factor.get("role", "")),
            _bounds(factor),
            str(factor.get("distribution") or ""),
            str(factor.get("unit") or ""),
        ]
        for factor in design.get("factors", [])
    ]
    asked = [(name, study.manifest.get(name)) for name in ("question", "expected")]
    parts = [paragraph(element("b", f"{name.capitalize()}: "), str(words)) for name, words in asked if words]
    parts.append(paragraph(f"{lead}; every point has the same luck in every scenario."))
    if cells:
        parts.append(table("Factors", ["Factor", "Role", "Range or levels", "Distribution", "Unit"], cells))
    return join(parts)


def _bounds(factor: dict[str, object]) -> str:
    levels = factor.get("levels")
    if isinstance(levels, list) and levels:
        return ", ".join(str(level) for level in levels[:12]) + (" ..." if len(levels) > 12 else "")
    low, high = factor.get("low"), factor.get("high")
    if isinstance(low, int | float) and isinstance(high, int | float):
        return interval(float(low), float(high))
    return ""


def what(study: Study) -> str:
    """Name what is followed over the points: the difference, or the outcome itself."""
    item = BY_NAME[PRIMARY]
    return f"{item.label}, {'difference from the baseline, ' if study.others else ''}{item.unit}"


def drivers_section(material: Material) -> Html:
    """Say how far the outcome moves along each factor, and how the variance splits."""
    study = material.study
    ends = material.table("ends")
    if ends.empty:
        return paragraph("Too few points are finished to tell what the outcome depends on.")
    cells = []
    for row in ends.to_dict("records"):
        low, high = float(row["ci_low"]), float(row["ci_high"])
        told = math.isfinite(low) and not low <= 0 <= high
        cells.append(
            [
                str(row["factor"]),
                study.titles.get(str(row["scenario"]), str(row["scenario"])),
                f"{number(float(row['low']))} to {number(float(row['high']))}",
                number(float(row["at_low"])),
                number(float(row["at_high"])),
                signed(float(row["effect"])),
                interval(low, high),
                element("span", _dependence(told, low == high == 0), class_="word"),
            ]
        )
    heads = ["Factor", "Scenario", "Range", "At the low end", "At the high end", "Change", "95 % interval", "In words"]
    parts = [
        paragraph(
            "Low and high end: the lowest and highest fifth of the points (or level), all other factors varying. "
            "The interval is over points."
        ),
        table(f"{what(study)}: what it depends on", heads, cells, range(2, 7)),
        _indices(material),
        _split(material),
    ]
    return join(parts)


def _dependence(told: bool, same: bool) -> str:
    if same:
        return "the same at both ends"
    return "depends on it" if told else "not enough points to tell"


def _indices(material: Material) -> Html:
    rows = material.table("sensitivity")
    if rows.empty:
        return Html("")
    kind = str(rows["kind"].iloc[0])
    cells = [
        [str(row["factor"]), number(float(row["index"])), interval(float(row["low"]), float(row["high"]))]
        for row in rows.to_dict("records")
    ]
    return table(f"{what(material.study)}: {kind}", ["Factor", "Index", "95 % interval"], cells, (1, 2))


def _split(material: Material) -> Html:
    rows = material.table("variance")
    rows = rows[rows["share"].notna()] if len(rows) else rows
    if rows.empty:
        return Html("")
    cells = [
        [
            material.study.titles.get(str(row["scenario"]), str(row["scenario"])),
            str(row["source"]),
            percent(float(row["share"])),
            interval(100 * float(row["share_low"]), 100 * float(row["share_high"])),
        ]
        for row in rows.to_dict("records")
    ]
    label = BY_NAME[PRIMARY].label
    heads = ["Scenario", "Source", "Share of the variance", "95 % interval, %"]
    return table(f"{label}: where the variance of single runs comes from", heads, cells, (2, 3))


def failure_section(material: Material) -> Html:
    """Describe the box of factors in which the package fails."""
    rows = material.table("boxes")
    if rows.empty:
        return Html("")
    first = rows.iloc[0]
    title = material.study.titles.get(str(first["scenario"]), str(first["scenario"]))
    item = BY_NAME[PRIMARY]
    worse = "more" if item.better == "lower" else "fewer"
    lead = paragraph(
        element("b", title),
        f" fails where it brings {worse} {item.label.lower()} than the baseline: in {percent(float(first['base_rate']))} "
        f"of {int(first['cases']):,} points. The box below holds {percent(float(first['coverage']))} of the failures, and "
        f"{percent(float(first['density']))} of the points in it fail.",
    )
    cells = [
        [
            str(row["factor"]),
            interval(float(row["low"]), float(row["high"])),
            interval(float(row["range_low"]), float(row["range_high"])),
            number(float(row["qp"])),
        ]
        for row in rows.to_dict("records")
    ]
    heads = ["Factor", "Fails within", "Tried", "Quasi p-value"]
    return join(
        [lead, table("PRIM box: a factor with a large p-value may be there by chance", heads, cells, (1, 2, 3))]
    )
