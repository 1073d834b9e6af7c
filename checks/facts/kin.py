"""SF9: a war of kin in the state next door, with and without peacekeepers there."""

from __future__ import annotations

from typing import Any

from checks import intervals
from checks.lab import Lab
from checks.records import Finding, Picture, Window, judged, measured_only
from checks.worlds import WARLIKE, Valley, keep_fighting, keep_out, minority, run, valley_model
from sim.agents.armed_group import LATENT
from sim.model.month import StabilityModel

HAZARD = 0.05
MONTHS = 60
ARMS = ("peace next door", "war next door", "war and peacekeepers next door")


def neighbour_run(arm: int, replication: int) -> list[tuple[int, bool]]:
    """Follow both groups of the western state; in the eastern one a war is fought for five years, or nobody forms."""
    world = Valley(
        mission="robust" if arm == 2 else "none", parameters=(("group_hazard", HAZARD), *WARLIKE), months=MONTHS
    )
    model = valley_model(world, replication)
    fighters = minority(model, "BBB")
    for group in model.armed_groups:
        if group.state == fighters.state:
            keep_out(group)
    if arm > 0:
        keep_fighting(fighters)
    west = [group for group in model.armed_groups if group.state != fighters.state]
    formed: dict[int, int] = {}

    def watch(model: StabilityModel) -> None:
        for group in west:
            if group.status != LATENT:
                formed.setdefault(group.group, model.month)

    run(model, watch)
    return [(formed.get(g.group, MONTHS), g.group in formed) for g in west]


def contagion_and_containment(lab: Lab) -> Finding:
    """Onsets per group-year in the west, by what happens in the east."""
    runs = lab.size(250, 12)
    made = lab.map(neighbour_run, [(arm, r) for arm in range(3) for r in range(runs)])
    events, years = [], []
    for k in range(3):
        spells = [spell for one in made[k * runs : (k + 1) * runs] for spell in one]
        events.append(sum(formed for _, formed in spells))
        years.append(sum(months for months, _ in spells) / 12)
    alone = intervals.hazard_ratio(events[1], years[1], events[0], years[0])
    kept = intervals.hazard_ratio(events[2], years[2], events[0], years[0])
    rows = (
        judged("HR with a war of kin next door", alone, Window(1.2, 2.5)),
        judged("HR with a war of kin next door and robust peacekeepers there", kept, Window(0.9, 1.4)),
        measured_only(
            "HR of peacekeepers, war in both", intervals.hazard_ratio(events[2], years[2], events[1], years[1]), ""
        ),
    )
    columns: dict[str, list[Any]] = {
        "series": list(ARMS),
        "x": [0, 1, 2],
        "y": [round(100 * n / t, 3) for n, t in zip(events, years, strict=True)],
    }
    picture = Picture("eastern state", "onsets per 100 group-years in the west", columns, kind="bars")
    return Finding(
        rows,
        f"Twin Valleys, {runs} replications for each arm, {MONTHS} months, group_hazard = {HAZARD:g}; events {events}",
        "The war in the east is held by hand: its group is armed and fights throughout, with the armed track at the "
        "upper ends of its ranges. Peacekeepers: robust, 8 per "
        "1,000 residents, from the start. Onset: a group forms in the west.",
        picture,
        suspected="Kin at war act on formation at once (b_group_kin) and again through tension (tension_kin), so the two "
        "multiply.",
        tried="Robust troops at full dose; the shield lets through what tension_kin (1 - kin_shield) carries.",
    )
