"""SF8: onset by power status, in Twin Valleys."""

from __future__ import annotations

from checks import intervals
from checks.lab import Lab
from checks.records import Finding, Picture, Window, judged, measured_only, table, untestable
from checks.worlds import Valley, minority, run, valley_model
from sim.agents.armed_group import LATENT
from sim.model.month import StabilityModel

INCLUDED, EXCLUDED = 0.15, 0.7
HAZARD = 0.05
"""Formation a year, 25 times the default: ratios do not depend on it as long as onsets stay rare."""
CHANGE, MONTHS = 12, 72
ARMS = ("included", "excluded", "downgraded")


def status_run(arm: str, replication: int) -> list[tuple[int, bool]]:
    """Follow the minority of both states from month 12 until its group forms, at most five years.

    Returns
    -------
    list of (months at risk, formed)
        Groups that form before month 12 are left out.
    """
    status = EXCLUDED if arm == "excluded" else INCLUDED
    model = valley_model(Valley(status=status, parameters=(("group_hazard", HAZARD),), months=MONTHS), replication)
    groups = [minority(model, state) for state in ("AAA", "BBB")]
    formed: dict[int, int] = {}

    def watch(model: StabilityModel) -> None:
        for group in groups:
            if group.status != LATENT:
                formed.setdefault(group.group, model.month)
        if arm == "downgraded" and model.month == CHANGE:
            for group in groups:
                model.world.fields.exclusion[group.group] = EXCLUDED
                model.world.fields.exclusion_0[group.group] = EXCLUDED

    run(model, watch)
    at_risk = [group for group in groups if formed.get(group.group, MONTHS + 1) > CHANGE]
    return [(min(formed.get(g.group, MONTHS), MONTHS) - CHANGE, g.group in formed) for g in at_risk]


def exclusion_and_downgrading(lab: Lab) -> Finding:
    """Onsets per group-year at risk in three worlds that differ in the status of the minorities only."""
    runs = lab.size(250, 12)
    made = lab.map(status_run, [(arm, r) for arm in ARMS for r in range(runs)])
    events, years = [], []
    for k in range(3):
        spells = [spell for one in made[k * runs : (k + 1) * runs] for spell in one]
        events.append(sum(formed for _, formed in spells))
        years.append(sum(months for months, _ in spells) / 12)
    excluded = intervals.hazard_ratio(events[1], years[1], events[0], years[0])
    downgraded = intervals.hazard_ratio(events[2], years[2], events[1], years[1])
    rows = (
        judged("HR excluded over included", excluded, Window(1.5, 5.0)),
        judged("HR downgraded over excluded", downgraded, Window(1.0, None, strict=True)),
        measured_only("HR downgraded over included", intervals.hazard_ratio(events[2], years[2], events[0], years[0]), ""),
        untestable("Richer and poorer groups above the mean", Window(1.0, None, strict=True),
                   "no income by community in the tables, and no term for it"),
    )  # fmt: skip
    rates = [100 * n / t for n, t in zip(events, years, strict=True)]
    picture = Picture("arm", "onsets per 100 group-years", _bars(rates), kind="bars")
    return Finding(
        rows,
        f"Twin Valleys, {runs} replications for each status, {MONTHS} months, group_hazard = {HAZARD:g}; events "
        f"{events[0]}, {events[1]}, {events[2]}",
        "Onset: an armed group forms. Included 0.15, excluded 0.7; downgraded from 0.15 to 0.7 after a year, watched "
        "for five years. Constant hazards, exact interval.",
        picture,
        suspected="Formation looks at the level of exclusion (b_group_exclusion). Its loss enters through tension only "
        "(tension_exclusion), which is small.",
        tried="First five years after the loss, when the effect should be largest.",
    )


def _bars(rates: list[float]) -> dict[str, list[object]]:
    made: dict[str, list[object]] = dict(table({"rate": (range(3), rates)}))
    made["series"] = list(ARMS)
    return made
