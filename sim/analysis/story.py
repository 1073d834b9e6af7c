"""One paragraph about where a difference comes from, made from the numbers and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from sim.analysis.attribution import ORDERED, SAMPLED, SHAPLEY, TOTAL
from sim.analysis.verdict import NOT_ENOUGH, ONE_PAIR, SAME
from sim.wording import number
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

Row = Any
"""A row of a table, as a Series of mixed values."""
MOST = 3
METHOD = {
    SHAPLEY: "Shares are exact Shapley values: each part's mean contribution over all orders of putting them in place.",
    SAMPLED: "Shares are Shapley values from drawn orders of putting the parts in place; their error is in the intervals.",
    ORDERED: "Shares follow the stated order of putting the parts in place; another order would give other shares.",
}


def why_paragraph(
    why: pd.DataFrame,
    order: pd.DataFrame,
    outcome: str,
    scope: str,
    titles: tuple[str, str],
    names: Mapping[str, str] | None = None,
) -> str:
    """Tell where the difference in one outcome comes from.

    Parameters
    ----------
    why : DataFrame
        The attribution table.
    order : DataFrame
        From ``first_moves``, for the second scenario; may be empty.
    outcome, scope : str
        Which rows.
    titles : (str, str)
        Of the first and the second scenario.
    names : mapping, optional
        Group to the words for it.

    Returns
    -------
    str
    """
    rows = why[(why["outcome"] == outcome) & (why["scope"] == scope)]
    total = rows[rows["group"] == TOTAL].iloc[0]
    parts = rows[rows["group"] != TOTAL].assign(group=lambda part: part["group"].map(lambda g: (names or {}).get(g, g)))
    item = OUTCOMES[OUTCOME_INDEX[outcome]]
    sentences = [_total(total, item.label, item.unit, scope, titles)]
    if total["in_words"] not in (SAME, ONE_PAIR):
        sentences += _parts(parts, total)
        sentences += _overlap(parts, total)
        sentences.append(METHOD[str(total["method"])])
    sentences += _order(order, scope)
    return " ".join(sentences)


def _total(total: Row, label: str, unit: str, scope: str, titles: tuple[str, str]) -> str:
    where = "in the region" if scope == "region" else f"in {scope}"
    pairs = f"Over {int(total['n'])} pairs"
    words = total["in_words"]
    if words == SAME:
        return f"{pairs}, {titles[1]} and {titles[0]} give exactly the same {label.lower()} {where}."
    if words == ONE_PAIR:
        return f"With one pair nothing can be said about {label.lower()} {where}; the shares below are one history's."
    size = _sized(abs(total["share"]), unit)
    interval = f"95 % interval of the difference {number(total['ci_low'])} to {number(total['ci_high'])}"
    if words == NOT_ENOUGH:
        return (
            f"{pairs}, the difference in {label.lower()} {where} between {titles[1]} and {titles[0]} cannot be told "
            f"from zero ({_sized(total['share'], unit)}, {interval}): read the shares as candidates, not as findings."
        )
    verb = "raises" if total["share"] > 0 else "lowers"
    judged = f", {words}" if words in ("better", "worse") else ""
    return f"{pairs}, {titles[1]} {verb} {label.lower()} {where} by {size} against {titles[0]} ({interval}){judged}."


def _sized(value: float, unit: str) -> str:
    """Write a number with its unit; a unit that is a scale is named as one."""
    return f"{number(value)} on the scale {unit}" if unit[0].isdigit() else f"{number(value)} {unit}"


def _parts(parts: pd.DataFrame, total: Row) -> list[str]:
    told = parts[~parts["in_words"].isin([NOT_ENOUGH, SAME])]
    along = told[told["share"] * total["share"] > 0]
    against = told[told["share"] * total["share"] < 0]
    along, against = (part.reindex(part["share"].abs().sort_values(ascending=False).index) for part in (along, against))
    said = []
    if len(along):
        shown = [_share(row) for _, row in along.head(MOST).iterrows()]
        said.append(f"It comes from {_list(shown)}{_more(len(along) - len(shown), 'smaller part')}.")
    else:
        said.append("No single part's share can be told from zero.")
    if len(against):
        shown = [_share(row) for _, row in against.head(MOST).iterrows()]
        said.append(f"Against it works {_list(shown)}{_more(len(against) - len(shown), 'smaller part')}.")
    unclear = int((parts["in_words"] == NOT_ENOUGH).sum())
    nothing = int((parts["in_words"] == SAME).sum())
    if unclear and len(along):
        said.append(f"For {unclear} of {len(parts)} parts there are not enough replications to tell.")
    if nothing:
        said.append(f"{_count(nothing, 'part')} changed nothing in any pair.")
    return said


def _overlap(parts: pd.DataFrame, total: Row) -> list[str]:
    """Compare the sum of what each part does alone with the whole."""
    alone = float(parts["alone"].sum())
    if len(parts) < 2 or total["in_words"] == NOT_ENOUGH or not total["share"]:
        return []
    ratio = alone / float(total["share"])
    if ratio > 1.1:
        return [f"The parts overlap: each alone, they would add up to {number(alone)}."]
    if ratio < 0.9:
        return [f"The parts reinforce each other: each alone, they would add up to only {number(alone)}."]
    return ["The parts nearly add up: they neither overlap nor reinforce each other much."]


def _order(order: pd.DataFrame, scope: str) -> list[str]:
    if order.empty:
        return []
    moved = order[(order["scope"] == scope) & order["month"].notna()].sort_values("month", kind="stable")
    moved = moved[moved["outcome"] != "cost"].head(2 * MOST)
    if moved.empty:
        return []
    steps = [f"{row['label'].lower()} (month {int(row['month']) + 1})" for _, row in moved.iterrows()]
    return [f"First to move were {_list(steps)}; what moves first need not be the cause."]


def _share(row: Row) -> str:
    share = f", {100 * row['fraction']:.0f} %" if row["fraction"] == row["fraction"] else ""
    return f"{row['group']} ({number(row['share'])}{share})"


def _list(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _more(count: int, what: str) -> str:
    return f", and {_count(count, what)}" if count > 0 else ""


def _count(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count > 1 else "")
