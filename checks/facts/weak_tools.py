"""SF11: tools that trials found to do little must do little here, whatever runs through the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from checks import intervals
from checks.facts.recurrence import wars
from checks.lab import Lab
from checks.records import OWN, Finding, Picture, Value, Window, judged, measured_only, table, untestable
from checks.worlds import RESTLESS, SEED, Valley, run, valley, valley_model
from sim.experiment import run_seed
from sim.interventions import CatalogueEntry
from sim.model.month import StabilityModel
from sim.world.outcomes import OUTCOME_INDEX

MONTHS = 60


def dialogue_run(file: str, replication: int) -> list[float]:
    """Communal incidents by year in both valleys."""
    model = run(valley_model(Valley(file=file, parameters=RESTLESS, months=MONTHS), replication))
    by_month = model.world.recorder.series[:, :, OUTCOME_INDEX["incidents"]].sum(axis=1)
    return [float(by_month[12 * y : 12 * y + 12].sum()) for y in range(MONTHS // 12)]


def policing_run(end: float, replication: int) -> tuple[float, float]:
    """Change of trust and crime by community policing in the last year, in s.d. between states of the region.

    ``end`` scales both channels: 0 keeps the catalogue (null), 1 puts them at the upper end of their prior.
    """
    spec, setting = valley(Valley(file="valleys_policing", months=MONTHS))
    spec = replace(spec, interventions=tuple(replace(p, entry=_at_upper_end(p.entry, end)) for p in spec.interventions))
    treated = run(StabilityModel(spec, setting, run_seed(SEED, replication)))
    control = run(valley_model(Valley(months=MONTHS), replication))
    out = []
    for name in ("trust", "crime"):
        column = OUTCOME_INDEX[name]
        gap = treated.world.recorder.series[-12:, :, column] - control.world.recorder.series[-12:, :, column]
        out.append(float(gap.mean()))
    return out[0], out[1]


def _at_upper_end(entry: CatalogueEntry, end: float) -> CatalogueEntry:
    channels = tuple(c.model_copy(update={"size": c.high * end if end else c.size}) for c in entry.channels)
    return entry.model_copy(update={"channels": channels})


def spread_of(name: str) -> float:
    """S.d. of a field between cells of the shipped region, weighted by residents: the unit of the effect."""
    from checks.worlds import shipped

    _, setting = shipped("baseline_2024", 20_000)
    g, fields = setting.geography, setting.fields
    values = fields.legitimacy if name == "trust" else fields.crime
    people = g.cell_people if name == "trust" else g.district_people
    mean = float(np.average(values, weights=people))
    return float(np.sqrt(np.average((values - mean) ** 2, weights=people)))


def weak_tools(lab: Lab) -> Finding:
    """Paired worlds with and without each tool, at full dose."""
    pairs = lab.size(60, 8)
    files = ("valleys_dialogue", "valleys")
    made = lab.map(dialogue_run, [(file, r) for file in files for r in range(pairs)])
    treated, control = made[:pairs], made[pairs:]
    years = [intervals.ratio_of_sums([t[y] for t in treated], [c[y] for c in control]) for y in range(MONTHS // 12)]
    few = lab.size(4, 2)
    policing = lab.map(policing_run, [(end, r) for end in (0.0, 1.0) for r in range(few)])
    rows = []
    for k, name in enumerate(("trust", "crime")):
        unit = spread_of(name)
        for end, what in ((0, "as in the catalogue"), (1, "at the upper end of its prior")):
            gaps = [one[k] / unit for one in policing[end * few : (end + 1) * few]]
            rows.append(
                judged(f"Community policing on {name}, {what}", intervals.mean(gaps), Window(-0.05, 0.05, "s.d.", OWN))
            )
    nothing, projects, jobs = (
        [one[0] for one in wars(lab, file, "none")] for file in ("valleys", "valleys_aid", "valleys_jobs")
    )
    aid = intervals.ratio_of_sums(projects, nothing)
    rows += [
        judged("Aid in an insecure district: armed events over none", aid, Window(0.85, 1.4)),
        judged("Aid in an insecure district: upper end of that interval", Value(aid.high, aid.low, aid.high),
               Window(1.0, None, "", OWN), "not reliably pacifying would be an interval that reaches 1; pairs share their luck, so "
               "a small effect is told from none"),
        measured_only("Jobs in an insecure district: armed events over none", intervals.ratio_of_sums(jobs, nothing), "",
                      "P10a, a tool of its own: fewer recruits where it reaches"),
        judged("Dialogue: incidents in the second year over none", years[1], Window(0.55, 0.95)),
        judged("Dialogue: incidents in the fourth year over none", years[3], Window(None, 0.95, "", OWN),
               "three years after the year of dialogue ended; persisting: still 5 % fewer"),
        measured_only("Dialogue: incidents in the third year over none", years[2], ""),
        untestable("Contact: generalisation to strangers at most 30 %", Window(None, 0.3),
                   "no acquaintances in the model: the catalogue multiplies by 0.1 before the effect enters"),
    ]  # fmt: skip
    picture = Picture("year", "incidents over those without dialogue",
                      table({"dialogue in year 1": (range(1, 6), [y.value for y in years]), "equal": ([1, 5], [1, 1])}))  # fmt: skip
    return Finding(
        tuple(rows),
        f"Twin Valleys, {pairs} pairs of {MONTHS} months (dialogue, restless), {few} pairs (policing), "
        f"{len(jobs)} pairs of 36 months of war (aid, jobs)",
        "Paired worlds; ratios of sums with a jackknife. S.d. of trust and crime: between places of the Western Balkans.",
        picture,
        suspected="Effects of these tools are put in as catalogue sizes; the test is that nothing in the model "
        "enlarges them. What a single-issue dialogue does to a whole district is capped by its share of disputes.",
        tried="Community policing at the end of its prior as well as at its null. Aid is infrastructure and development aid, as "
        "in P10d (I24), with its harm as a prize; job creation (I23) stood here before, which rests on P10a.",
    )
