"""Facts about crowds: thresholds and rebellions (U1 to U3), calm and bursts (SF1 to SF3), March 2004 (SF12)."""

from __future__ import annotations

from typing import Any

import numpy as np

from checks import epstein, intervals
from checks.epstein import MODEL_2, RUN_2
from checks.lab import Lab, model_of, run
from checks.records import OWN, Chart, Measurement, TargetRange, Value, judged, measured_only, table
from sim.analysis.statistics import probability_estimate
from sim.kernels.mobilisation import LITERAL
from sim.world.outcomes import OUTCOME_INDEX

# --- U1 to U3: the mobilisation functions on the grids they come from


TICKS = 1_000
LONGEST = 10_000


def crowd(spread: float, citizens: int = 100_000) -> float:
    """Share that joins in the end, thresholds normal around 0.25."""
    thresholds = np.empty(citizens)
    epstein.normal_thresholds(0.25, spread, thresholds)
    return float(epstein.joined(thresholds, epstein.SHARP, 5000))


def granovetter(lab: Lab) -> Measurement:
    """The fixed point of a crowd without gaps, reached from nobody; hard thresholds, no chance."""
    below, above = crowd(0.122), crowd(0.123)
    rows = (
        judged("Share that joins at s.d. 0.122", Value(below), TargetRange(0.050, 0.060)),
        judged("Share that joins at s.d. 0.123", Value(above), TargetRange(0.99, None, strict=True)),
    )
    spreads = [0.100, 0.105, 0.110, 0.115, 0.120, 0.122, 0.123, 0.125, 0.130, 0.140]
    shares = [crowd(s, 20_000) for s in spreads]
    picture = Chart("s.d. of thresholds", "share that joins", table({"crowd": (spreads, shares)}))
    return Measurement(
        rows, "100,000 thresholds, no chance involved", "Rounds of joining until nobody new does.", picture
    )


def rebellion_run(form: int, seed: int) -> list[int]:
    """Actives at the end of each tick of run 2."""
    return [int(n) for n in epstein.rebellion(seed, RUN_2._replace(form=form), TICKS)]


def epstein_run_2(lab: Lab) -> Measurement:
    """Outbursts are maximal runs of ticks with more than 50 active."""
    seeds = lab.size(10, 4)
    made = [
        np.array(one) for one in lab.map(rebellion_run, [(f, s) for f in (RUN_2.form, LITERAL) for s in range(seeds)])
    ]
    floor, literal = made[:seeds], made[seeds:]
    bursts = [epstein.outbursts(active) for active in floor]
    numbers, totals = [first.size for first, _ in bursts], [float(total.mean()) for _, total in bursts]
    calm = [float((active < 10).mean()) for active in floor]
    printed = [epstein.outbursts(active)[0].size for active in literal]
    rows = (
        judged("Outbursts in 1,000 ticks, ratio rounded down", intervals.mean(numbers), TargetRange(25, 45)),
        judged("Mean total activation of an outburst", intervals.mean(totals), TargetRange(550, 1050)),
        judged("Share of ticks with fewer than 10 active", intervals.mean(calm), TargetRange(0.55, 0.75)),
        judged("Outbursts in any run, ratio as printed", Value(float(max(printed))), TargetRange(None, 2)),
    )
    parts = {"ratio rounded down": (range(400), floor[0][:400]), "ratio as printed": (range(400), literal[0][:400])}
    picture = Chart("tick", "active citizens", table(parts))
    return Measurement(rows, f"{seeds} seeds, 1,000 ticks, grid of 40 x 40", "Rules as in Epstein's run 2.", picture)


def elimination_run(density: float, seed: int) -> int:
    """Tick at whose end one group is gone."""
    return epstein.elimination(seed, MODEL_2._replace(police_density=density), LONGEST)


def model_2(lab: Lab) -> Measurement:
    """Waiting time until one of two groups is gone, by density of peacekeepers."""
    runs = lab.size(40, 12)
    densities = (0.0, 0.04, 0.1)
    ticks = np.array(lab.map(elimination_run, [(d, s) for d in densities for s in range(runs)])).reshape(3, runs)
    none, some, many = ticks.astype(float)
    within = intervals.proportion(int((none <= 300).sum()), runs)
    ratio = intervals.bootstrap(
        lambda pairs: float(np.mean([b for _, b in pairs]) / np.mean([a for a, _ in pairs])),
        list(zip(none, many, strict=True)),
    )
    grows = float(min(some.std(ddof=1) - none.std(ddof=1), many.std(ddof=1) - some.std(ddof=1)))
    rows = (
        judged("Runs with one group gone by tick 300, nobody between", within, TargetRange(0.95, None)),
        judged("Mean wait at density 0.1 over density 0", ratio, TargetRange(1.5, 4.0)),
        judged("Least growth of the s.d. of waits from density to density", Value(grows), TargetRange(0.0, None, "ticks", strict=True)),
    )  # fmt: skip
    parts = {f"density {d:g}": (np.sort(t), 1 - np.arange(runs) / runs) for d, t in zip(densities, ticks, strict=True)}
    picture = Chart("tick", "share of runs with both groups", table(parts), kind="steps", log_x=True)
    return Measurement(rows, f"{runs} seeds for each of three densities", "Model II, L = 0.8, vision 1.7.", picture)


# --- SF1 and SF2: ten-year baselines of the shipped region, with their rounds logged


CITIZENS = 20_000
YEARS, STATES = 10, 7
CROWD = 50
DRIFTING = ("tension", "legitimacy", "unemployment", "extremism", "crime", "influence")


def calm_run(replication: int, citizens: int = CITIZENS) -> dict[str, Any]:
    """Statistics of one ten-year baseline.

    ``incidents`` (n, 4) rows of round, district, incidents and deaths, where there was an incident.
    """
    model = run(model_of("baseline_2024", citizens, replication))
    log = model.world.tallies.round_log
    total = log[0].sum(axis=1)
    series = model.world.recorder.series

    def column(name: str) -> Any:
        return series[:, :, OUTCOME_INDEX[name]]

    where = np.argwhere(log[1] > 0)
    hits = np.column_stack([where, log[1][tuple(where.T)], log[2][tuple(where.T)]])
    return {
        "empty": float((log[0] < CROWD).mean()),
        "peak": float(total.max() / np.median(total)),
        "spread": float(total.std() / total.mean()),
        "onsets": float(column("onset").sum()),
        "participants": float(column("participants").sum()),
        "incidents": float(column("incidents").sum()),
        "deaths": float(column("communal_deaths").sum()),
        "weekly": total.tolist() if replication == 0 else [],
        "hits": hits.tolist(),
        **{f"drift {n}": float(column(n)[-1].mean() - column(n)[0].mean()) for n in DRIFTING},
    }


def calm_runs(lab: Lab) -> list[dict[str, Any]]:
    """The baselines that SF1, SF2, SF4, SF5 and SF7 share."""
    made: list[dict[str, Any]] = lab.once("calm", lambda: lab.map(calm_run, [(r,) for r in range(lab.size(60, 8))]))
    return made


def calm_text(runs: int) -> str:
    """What these runs are, in words."""
    return f"baseline_2024, {runs} replications of 120 months, {CITIZENS:,} citizens"


def base_rate(lab: Lab) -> Measurement:
    """Onsets of a 25-death episode per state and year, over all replications, with Garwood's interval."""
    runs = calm_runs(lab)
    rate = intervals.poisson_rate(int(sum(run["onsets"] for run in runs)), len(runs) * YEARS * STATES)
    row = judged(
        "Onsets per 100 state-years", rate.percent(), TargetRange(0.0, 2.15, "per 100 state-years", strict=True)
    )
    counts = np.bincount([int(run["onsets"]) for run in runs])
    parts = {"baseline": (range(counts.size), counts.tolist())}
    picture = Chart("onsets in ten years, all states", "replications", table(parts), kind="bars")
    return Measurement((row,), calm_text(len(runs)), "Exact interval of a Poisson rate over state-years.", picture)


def bursts(lab: Lab) -> Measurement:
    """Turn-out by district and round (a quarter month): how much is empty, how far the peaks stand out."""
    runs = calm_runs(lab)
    empty = intervals.mean([100 * run["empty"] for run in runs])
    peak, spread = (
        intervals.bootstrap(lambda units: float(np.median(units)), [run[name] for run in runs])
        for name in ("peak", "spread")
    )
    rows = (
        judged("District-weeks without a crowd of 50", empty, TargetRange(60.0, None, "%", OWN)),
        judged("Peak over median weekly turn-out, median run", peak, TargetRange(10.0, None, "", OWN)),
        judged("S.d. over mean of weekly turn-out, median run", spread, TargetRange(1.5, None, "", OWN, strict=True)),
    )
    weekly = runs[0]["weekly"]
    years = [week / 48 for week in range(len(weekly))]
    picture = Chart("year", "persons turning out in a week", table({"replication 0": (years, weekly)}), log_y=True)
    return Measurement(rows, calm_text(len(runs)), "A week is a round of a quarter month.", picture)


# --- SF3: the same loss of legitimacy, at once or in twelve steps


LOSS = 0.2
"""The fall in Epstein's experiment, from 0.9 to 0.7."""
START, RAMP, WATCH = 6, 12, 6
"""Months before the change, of the ramp, and after the full loss."""
SPIKE = 10.0
"""Weekly turn-out over the median of the months before."""


FULL = START + RAMP - 1
"""Month in which the whole loss is reached, in both arms: the six months after it share their random draws."""
LOSSES = ("jump", "ramp", "no loss")


def loss_run(arm: str, replication: int) -> tuple[bool, bool, float]:
    """Lower legitimacy, and its own level, at once in month 17 or by equal steps from month 6 to 17.

    Returns
    -------
    (spike within six months of the full loss, spike at any time from month 6, largest weekly turn-out of those six
    months over the median of the first six)
    """
    model = model_of("baseline_2024", 20_000, replication, FULL + WATCH)
    fields = model.world.fields
    steps = {"jump": range(FULL, FULL + 1), "ramp": range(START, FULL + 1), "no loss": range(0)}[arm]
    while model.month < model.spec.months:
        if model.month in steps:
            for level in (fields.legitimacy, fields.legitimacy_0):
                np.clip(level - LOSS / len(steps), 0.02, 0.98, out=level)
        model.step()
    weekly = model.world.tallies.round_log[0].sum(axis=1)
    usual = float(np.median(weekly[: 4 * START]))
    after, ever = weekly[4 * FULL :] / usual, weekly[4 * START :] / usual
    return bool(after.max() > SPIKE), bool(ever.max() > SPIKE), float(after.max())


def sudden_against_gradual(lab: Lab) -> Measurement:
    """Probability of a spike in the six months from the full loss, the same months and the same random draws in both arms."""
    runs, few = lab.size(200, 16), lab.size(60, 8)
    made = lab.map(loss_run, [(arm, r) for arm, n in zip(LOSSES, (runs, runs, few), strict=True) for r in range(n)])
    jump, ramp, none = made[:runs], made[runs : 2 * runs], made[2 * runs :]
    a, b = sum(one[0] for one in jump), sum(one[0] for one in ramp)
    spikes = np.array([[float(one[0]) for one in arm] for arm in (jump, ramp)])
    paired = probability_estimate(spikes[0], spikes[1])
    early = intervals.ratio_of_proportions(sum(one[1] for one in jump), sum(one[1] for one in ramp), runs)
    rows = (
        judged(
            "P(spike | jump) - P(spike | ramp), lower end of its interval",
            Value(float(paired.low), float(paired.value), float(paired.high)),
            TargetRange(0.0, None, strict=True),
            f"difference {float(paired.value):+.3f}; {a} and {b} spikes in {runs} pairs",
        ),
        judged(
            "P(spike | jump) / P(spike | ramp)",
            intervals.ratio_of_proportions(a, b, runs),
            TargetRange(1.3, 5.0, "", OWN),
        ),
        measured_only("The same ratio from month 6 on", early, "", "the ramp spends longer at a lowered level"),
        measured_only("P(spike), no loss", intervals.proportion(sum(o[0] for o in none), few)),
    )
    parts = {
        name: (np.sort([one[2] for one in arm]), 1 - np.arange(len(arm)) / len(arm))
        for name, arm in zip(LOSSES, (jump, ramp, none), strict=True)
    }
    picture = Chart("peak over usual weekly turn-out", "share of runs above", table(parts), "steps", log_x=True)
    return Measurement(
        rows,
        f"baseline_2024, {runs} pairs ({few} replications without a loss), {FULL + WATCH} months; legitimacy lowered by "
        f"{LOSS} everywhere",
        f"A spike is a week with more than {SPIKE:g} times the median turn-out of the first six months.",
        picture,
        suspected="The gap to what people are used to closes too fast, or weighs too little (b_loss, loss_halflife).",
    )


# --- SF12: the rumour of March 2004 against the same region without it


RIOT_CROWD = 200
"""Persons of a crowd that counts as a riot site."""
WEEK = 4 * 8 + 2
"""Round of 17 March 2004, counted from July 2003."""
RIOT_YEARS = 1.5


def rumour_run(name: str, replication: int) -> dict[str, float]:
    """What happened in Kosovo in the week of 17 March 2004, and at most in any other."""
    model = run(model_of(name, 20_000, replication))
    region = model.setting.region
    here = np.flatnonzero(region.district_state == region.states.index("XKX"))
    people = float(region.district_population[here].sum())
    log = model.world.tallies.round_log[:, :, here]
    return {
        "share": float(log[0, WEEK].sum() / people),
        "sites": float((log[0, WEEK] >= RIOT_CROWD).sum()),
        "deaths": float(log[2, WEEK : WEEK + 2].sum()),
        "participants": float(log[0, WEEK].sum()),
        "incidents": float(log[1].sum(axis=1).max()),
        "peak": float(log[0].sum(axis=1).max() / people),
    }


def march_2004(lab: Lab) -> Measurement:
    """Share of runs with a riot of that size, deaths per participant, and such violence without the rumour."""
    runs = lab.size(80, 12)
    names = ("rumour_march_2004", "kosovo_2004")
    made = lab.map(rumour_run, [(name, r) for r in range(runs) for name in names])
    told, calm = made[0::2], made[1::2]
    hits = sum(one["sites"] >= 20 and 0.01 <= one["share"] <= 0.05 for one in told)
    share = intervals.proportion(hits, runs)
    deaths = intervals.ratio_of_sums([one["deaths"] for one in told], [one["participants"] for one in told])
    riots = sum(one["incidents"] >= 20 for one in calm)
    rate = intervals.poisson_rate(riots, RIOT_YEARS * runs)
    rows = (
        judged("Runs with 20 sites and 1-5 % of residents out", share.percent(), TargetRange(5.0, None, "%", OWN)),
        judged("Deaths per participant", deaths, TargetRange(1e-4, 1e-3)),
        judged("Years with such violence without a rumour", rate.percent(), TargetRange(None, 1.0, "%", OWN)),
    )
    points = {
        "with the rumour": ([100 * one["share"] for one in told], [one["sites"] for one in told]),
        "without": ([max(100 * one["share"], 1e-4) for one in calm], [one["sites"] for one in calm]),
    }
    picture = Chart(
        "residents out in the week of 17 March 2004, %", "sites (crowds of 200)", table(points), "points", log_x=True
    )
    return Measurement(
        rows,
        f"rumour_march_2004 and kosovo_2004, {runs} replications each of 18 months",
        "Kosovo by district in the week of the rumour; without it, a week with 20 incidents or more counts.",
        picture,
    )
