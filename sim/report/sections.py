"""The contents of each section as plain data for its template: one function per section, None where there is nothing."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sim.analysis import OUTCOMES_BY_PLACE, REGION, WHOLE_RUN
from sim.analysis.verdict import OPEN, SAME, UNTOLD, verdict_of
from sim.parameters import CATALOGUE
from sim.parameters.theories import THEORIES
from sim.plots.sets import BY_NAME, HEADLINE, PRIMARY
from sim.report.study import Material
from sim.report.words import (
    ASSUMPTION,
    headline_rows,
    interval,
    number,
    used_entries,
    with_words,
)

View = dict[str, Any] | None
BY_PLACE = ("incidents", "new_displaced", "tension", "legitimacy")
CLEAR = 0.05
MOST_COMMUNITIES = 20
DESIGNS = {
    "grid": "every combination of the levels",
    "list": "a list of points",
    "lhs": "a Latin hypercube",
    "sobol": "Saltelli's sample for Sobol indices",
    "morris": "Morris trajectories",
    "random": "independent random draws",
    "scenarios": "the scenarios alone",
}


def effects(material: Material) -> View:
    """Headline effects, one table per scenario."""
    study, rows = material.study, headline_rows(material)
    groups = [(title, [row for row in rows if row["scenario"] == key]) for key, title in study.others.items()]
    return {"groups": groups, "base": study.title(study.baseline), "drawn": bool(study.drawn)}


def unclear(material: Material) -> View:
    """Differences not distinguishable from zero, with what the runs exclude and how many would be needed."""
    rows = headline_rows(material)
    same: dict[str, list[str]] = {}
    for row in rows:
        if row["in_words"] == SAME:
            same.setdefault(material.study.title(row["scenario"]), []).append(row["item"].label)
    unknown = [
        {**row, "title": material.study.title(row["scenario"]), "need": float(row.get("n_to_tell", math.nan))}
        for row in rows
        if row["in_words"] in UNTOLD
    ]
    return {"rows": unknown, "same": same}


def places(material: Material) -> View:
    """Who gains and who loses: by state, by district, by community."""
    view = {"states": _states(material), "districts": _districts(material), "communities": _communities(material)}
    return view if any(part is not None for part in view.values()) else None


def _states(material: Material) -> View:
    table = material.table("effects")
    chosen = (table["window"] == WHOLE_RUN) & (table["contrast"] == "difference") & (table["scope"] != REGION)
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    table = table[chosen & table["outcome"].isin(BY_PLACE)]
    for key, title in material.study.others.items():
        for row in with_words(table[table["scenario"] == key]):
            line = lines.setdefault((title, row["scope"]), {})
            line[row["outcome"]] = {**row, "in_words": _short(row["in_words"])}
    return {"items": [BY_NAME[name] for name in BY_PLACE], "lines": lines} if lines else None


def _short(words: str) -> str:
    """Write the verdict of a place in the fewest words."""
    return {OPEN: "depends on the parameters", SAME: "same"}.get(words, "not clear" if words in UNTOLD else words)


def _districts(material: Material) -> View:
    table = material.table("districts")
    if table.empty:
        return None
    measure = next(measure for measure in OUTCOMES_BY_PLACE if measure.name == PRIMARY)
    counts = []
    for key, title in material.study.others.items():
        own = table[(table["scenario"] == key) & (table["outcome"] == PRIMARY)].to_dict("records")
        words = Counter(verdict_of(row, measure.better) for row in own)
        if own:
            chance = 0.025 * (len(own) - words[SAME])
            counts.append((title, len(own), words["better"], words["worse"], chance))
    return {"label": measure.label.lower(), "counts": counts} if counts else None


def _communities(material: Material) -> View:
    rows = material.table("communities")
    if rows.empty:
        return None
    rows = rows[rows["outcome"].isin(BY_PLACE) & rows["in_words"].isin(["better", "worse"])]
    if "q_fdr" in rows:
        rows = rows[rows["q_fdr"] < CLEAR]
    rows = rows.assign(size=rows["effect"].abs() * rows["persons"]).sort_values("size", ascending=False, kind="stable")
    shown = [
        {
            **row,
            "title": material.study.title(row["scenario"]),
            "where": "everywhere" if row["state"] == REGION else row["state"],
        }
        for row in with_words(rows.head(MOST_COMMUNITIES))
    ]
    return {"rows": shown, "more": len(rows) - len(shown)}


def theories(material: Material) -> View:
    """Which conclusions hold under how many stances of rival theories, and what the stances are."""
    holds, table = material.table("holds"), material.table("theories")
    if holds.empty:
        return None
    groups = []
    for key, title in material.study.others.items():
        own = [{**row, "item": BY_NAME[row["outcome"]]} for row in holds[holds["scenario"] == key].to_dict("records")]
        primary = table[(table["scenario"] == key) & (table["outcome"] == PRIMARY)].to_dict("records")
        for row in primary:
            tested = row["in_play"] or row["theory"] not in THEORIES
            row["said"] = ("yes" if row["holds"] else "no") if tested else "unchanged"
        if own:
            groups.append((title, own, primary))
    known = [(THEORIES[name], stance) for name in material.study.theories for stance in THEORIES[name].stances]
    return {"groups": groups, "item": BY_NAME[PRIMARY], "stances": known}


def cost(material: Material) -> View:
    """Cost of averting one unit, or why there is no such number."""
    rows = material.table("cost_effectiveness")
    if rows.empty:
        return None
    shown = rows["outcome"].isin([item.name for item in HEADLINE])
    priced: list[dict[Any, Any]] = []
    reasons: dict[str, list[str]] = {}
    for row in rows[shown & (rows["scope"] == REGION) & (rows["window"] == WHOLE_RUN)].to_dict("records"):
        title, label = material.study.title(row["scenario"]), BY_NAME[row["outcome"]].label
        if math.isnan(row["cost_per_unit"]):
            reasons.setdefault(str(row["note"]), []).append(f"{title}: {label.lower()}")
        else:
            priced.append({**row, "title": title, "label": label})
    return {"priced": priced, "reasons": dict(sorted(reasons.items()))}


def history(material: Material) -> View:
    """Outcomes of one scenario by itself."""
    runs = material.table("runs")
    return {"count": len(runs), "outcomes": [(item, runs[item.name]) for item in HEADLINE] if len(runs) else []}


def design(material: Material) -> View:
    """The factors of a sweep and how they were varied."""
    study, kind = material.study, str(material.study.design.get("kind", "list"))
    return {
        "asked": [(name, study.manifest[name]) for name in ("question", "expected") if study.manifest.get(name)],
        "points": study.points,
        "kind": DESIGNS.get(kind, kind),
        "seed": study.design.get("seed"),
        "factors": [{**factor, "range": _bounds(factor)} for factor in study.design.get("factors", [])],
    }


def _bounds(factor: Mapping[str, Any]) -> str:
    if levels := factor.get("levels"):
        return ", ".join(str(level) for level in levels[:12]) + (" ..." if len(levels) > 12 else "")
    low, high = factor.get("low"), factor.get("high")
    return "" if low is None or high is None else interval(float(low), float(high))


def drivers(material: Material) -> View:
    """How far the outcome of a sweep moves along each factor, and how its variance splits."""
    study, item = material.study, BY_NAME[PRIMARY]
    ends = material.table("ends").to_dict("records")
    for row in ends:
        low, high = float(row["ci_low"]), float(row["ci_high"])
        clear = math.isfinite(low) and not low <= 0 <= high
        row["in_words"] = "depends on it" if clear else "not enough points to tell"
        if low == high == 0:
            row["in_words"] = "the same at both ends"
        row["title"] = study.title(row["scenario"])
    variance = [
        {**row, "title": study.title(row["scenario"])}
        for row in material.table("variance").to_dict("records")
        if not math.isnan(row["share"])
    ]
    return {
        "what": f"{item.label}, {'difference from the baseline, ' if study.others else ''}{item.unit}",
        "label": item.label,
        "ends": ends,
        "indices": material.table("sensitivity").to_dict("records"),
        "variance": variance,
    }


def failure(material: Material) -> View:
    """The box of factors in which a scenario fails."""
    rows = material.table("boxes").to_dict("records")
    if not rows:
        return None
    item = BY_NAME[PRIMARY]
    worse = f"{'more' if item.better == 'lower' else 'fewer'} {item.label.lower()}"
    return {"rows": rows, "title": material.study.title(rows[0]["scenario"]), "worse": worse}


def measures(material: Material) -> View:
    """What each scenario adds to the baseline, and the effect sizes of its interventions."""
    study = material.study
    base = study.resolved.get(study.baseline, {})
    programmes, shocks = [], []
    for key, title in study.titles.items():
        against = base if key != study.baseline else {}
        added = {
            part: {
                name: item
                for name, item in study.resolved[key].get(part, {}).items()
                if against.get(part, {}).get(name) != item
            }
            for part in ("interventions", "shocks")
        }
        programmes += [
            {**item, "scenario": title, "name": name, **_programme(item)}
            for name, item in added["interventions"].items()
        ]
        shocks += [
            {"scenario": title, "name": name, "type": item.get("type"), "where": _where(item), "when": _hits(item)}
            for name, item in added["shocks"].items()
        ]
    entries, used = used_entries(study)
    return {
        "programmes": programmes,
        "shocks": shocks,
        "unknown": [row for row in used if row not in entries],
        "channels": [(entries[row], channel) for row in used if row in entries for channel in entries[row].channels],
    }


def _programme(item: Mapping[str, Any]) -> dict[str, Any]:
    months = f"{item['months']} months" if "months" in item else "to the end"
    heads = [f"{item[q]:,} {q.replace('_', ' ')}" for q in ("troops", "police_officers", "monitors") if q in item]
    return {
        "where": _where(item),
        "when": f"from {item.get('start')}, {months}{', once a trigger is met' if item.get('when') else ''}",
        "dose": ", ".join([f"intensity {number(float(item.get('intensity', 1)))}", *heads]),
        "cost": float(item.get("meur_per_year", 0)),
        "approval": item.get("approval", ""),
    }


def _hits(item: Mapping[str, Any]) -> str:
    return f"drawn, {item['rate']:g} a year" if "rate" in item else str(item.get("at"))


def _where(item: Mapping[str, Any]) -> str:
    targets = item.get("targets") or {}
    named = [str(key) for kind in ("states", "districts", "communities") for key in targets.get(kind, [])]
    return ", ".join(named[:8]) + (f" and {len(named) - 8} more" if len(named) > 8 else "") or "everywhere"


def parameters(material: Material) -> View:
    """Parameters that a scenario changes, and the sources of the others."""
    study = material.study
    changed = [
        (title, name, float(value), CATALOGUE.get(name))
        for key, title in study.titles.items()
        for name, value in study.resolved[key].get("parameters", {}).items()
    ]

    def kind(source: str) -> str:
        if "tuned by hand" in source:
            return "set by hand on facts"
        return {ASSUMPTION: "assumptions", "derived": "from arithmetic on data"}.get(source, "with a row of evidence")

    return {
        "changed": changed,
        "sweep": study.kind == "sweep",
        "total": len(CATALOGUE),
        "kinds": Counter(kind(parameter.source) for parameter in CATALOGUE.values()).most_common(),
        "tuned": [name for name, parameter in CATALOGUE.items() if "tuned by hand" in parameter.source],
    }


def limits(material: Material) -> View:
    """What the result cannot show."""
    return {"failed": material.study.failed, "total": material.study.total}


def made(material: Material) -> View:
    """The command that recreates the results, the manifest in short, and the scenarios."""
    study, manifest = material.study, material.study.manifest
    region = manifest.get("region", {})
    tables = manifest.get("tables", {}).items()
    facts = [
        ("Status", manifest.get("status", "")),
        ("Started, finished", f"{manifest.get('started', '')}, {manifest.get('finished', 'not finished')}"),
        ("Region", f"{region.get('key', '')}, sha256 {region.get('sha256', '')}"),
        ("Model", f"sha256 {manifest.get('model_hash', '')}"),
        *((f"Table {name.removesuffix('_sha256')}", f"sha256 {value}") for name, value in tables),
        ("Versions", ", ".join(f"{name} {version}" for name, version in manifest.get("versions", {}).items())),
        *((f"Scenario {entry['key']}", f"sha256 {entry.get('sha256', '')}") for entry in manifest.get("scenarios", [])),
    ]
    files = [(f"{key}.yaml: {study.title(key)}", content) for key, content in material.texts.items()]
    if study.design:
        files.append(("Design", json.dumps(dict(study.design), indent=1, ensure_ascii=False)))
    folder = "the folder of the results" if material.texts else "the scenarios"
    return {"folder": folder, "command": study.command, "facts": facts, "files": files}
