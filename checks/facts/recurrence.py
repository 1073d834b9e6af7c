"""SF10: relapse in the ten years after a war, and what missions change after and during one."""

from __future__ import annotations

from checks import intervals
from checks.lab import Lab
from checks.records import Finding, Picture, Value, Window, judged, measured_only, table
from checks.worlds import WARLIKE, Valley, keep_fighting, keep_out, minority, run, valley_model
from sim.agents.armed_group import ACTIVE, CEASEFIRE
from sim.model.month import StabilityModel
from sim.world.outcomes import OUTCOME_INDEX

POST_WAR, WAR_MONTHS = 120, 36


def after_war_run(mission: str, replication: int) -> tuple[int, bool, bool]:
    """Months until the group of the eastern minority, at a ceasefire from the start, takes up arms again.

    Returns
    -------
    (months at risk, relapsed, relapsed with 25 deaths)
    """
    model = valley_model(Valley(mission=mission, months=POST_WAR), replication)
    fighters = minority(model, "BBB")
    for group in model.armed_groups:
        if group is not fighters:
            keep_out(group)
    fighters.enter(CEASEFIRE, 0)
    again = [POST_WAR, False, False]

    def watch(model: StabilityModel) -> None:
        if fighters.status == ACTIVE and not again[1]:
            again[0], again[1] = model.month, True
        again[2] = again[2] or (again[1] and fighters.onset_counted)

    run(model, watch)
    return int(again[0]), bool(again[1]), bool(again[2])


def war_run(file: str, mission: str, replication: int) -> tuple[float, float, float]:
    """Armed events, deaths in them, and communal incidents in the eastern state in three years of war there."""
    model = valley_model(Valley(file=file, mission=mission, parameters=WARLIKE, months=WAR_MONTHS), replication)
    fighters = minority(model, "BBB")
    for group in model.armed_groups:
        keep_out(group)
    keep_fighting(fighters)
    run(model)
    series = model.world.recorder.series[:, fighters.state]
    events, deaths, incidents = (
        series[:, OUTCOME_INDEX[n]].sum() for n in ("armed_events", "armed_deaths", "incidents")
    )
    return float(events), float(deaths), float(incidents)


def wars(lab: Lab, file: str, mission: str) -> list[tuple[float, float, float]]:
    """Runs of the war in the eastern state, shared between facts."""
    runs = lab.size(60, 8)
    made: list[tuple[float, float, float]] = lab.once(
        f"war {file} {mission}", lambda: lab.map(war_run, [(file, mission, r) for r in range(runs)])
    )
    return made


def recurrence_and_peacekeeping(lab: Lab) -> Finding:
    """Relapse by exposure after a ceasefire; armed deaths in an active war, pair by pair."""
    runs = lab.size(200, 12)
    arms = ("none", "robust")
    made = lab.map(after_war_run, [(mission, r) for mission in arms for r in range(runs)])
    none, robust = made[:runs], made[runs:]
    share = intervals.proportion(sum(one[1] for one in none), runs)
    bloody = intervals.proportion(sum(one[2] for one in none), runs)
    ratio = intervals.hazard_ratio(
        sum(one[1] for one in robust), sum(one[0] for one in robust) / 12,
        sum(one[1] for one in none), sum(one[0] for one in none) / 12,
    )  # fmt: skip
    war = {
        mission: [one[1] for one in wars(lab, "valleys", mission)]
        for mission in ("none", "limited", "observers", "robust")
    }
    rows = (
        judged("Relapse within ten years, no peacekeepers", _percent(share), Window(25.0, 50.0, "%")),
        measured_only("The same, with 25 deaths", _percent(bloody), "%"),
        judged("HR of relapse with robust peacekeepers", ratio, Window(0.15, 0.85)),
        judged("Deaths in an active war, weak mandate over none", intervals.ratio_of_sums(war["limited"], war["none"]), Window(0.8, 1.1)),
        judged("Deaths in an active war, observers over none", intervals.ratio_of_sums(war["observers"], war["none"]), Window(0.85, 1.2)),
        measured_only("Deaths in an active war, robust over none", intervals.ratio_of_sums(war["robust"], war["none"]), ""),
    )  # fmt: skip
    parts = {}
    for name, arm in (("no peacekeepers", none), ("robust", robust)):
        ends = sorted(one[0] / 12 for one in arm if one[1])
        parts[name] = ([0.0, *ends], [k / runs for k in range(len(ends) + 1)])
    picture = Picture("years after the ceasefire", "share that relapsed", table(parts), kind="steps")
    return Finding(
        rows,
        f"Twin Valleys, {runs} replications for each arm of 120 months after a ceasefire; {len(war['none'])} pairs of "
        f"{WAR_MONTHS} months of a war held by hand, with the armed track at the upper ends of its ranges",
        "Relapse: the group takes up arms again. Missions at 8 per 1,000 residents; ratios of sums with a jackknife.",
        picture,
        suspected="Relapse is put in: relapse_rate and its half-life add up to 40 % in ten years. A group that comes back is "
        "mostly too small to kill 25.",
        tried="Relapse with and without a threshold of 25 deaths. relapse_rate 0.05 was the mean of the decade in S13 taken "
        "for its start: 22 % of runs. Corrected by arithmetic on S13, not on this row.",
    )


def _percent(value: Value) -> Value:
    return Value(100 * value.value, 100 * value.low, 100 * value.high)
