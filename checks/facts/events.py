"""Facts about violent events: their sizes, timing, spread and places (SF4 to SF7)."""

from __future__ import annotations

from typing import Any

import numpy as np

from checks import intervals, patterns
from checks.facts.crowds import calm_runs
from checks.lab import RESTLESS, Lab, Valley, keep_fighting, minority, model_of, run, valley_model
from checks.patterns import Spread, neighbours, poisson_fit, spread
from checks.records import (
    OWN,
    Chart,
    Measurement,
    ResultRow,
    TargetRange,
    Value,
    judged,
    measured_only,
    table,
    untestable,
)
from sim.agents.armed_group import ACTIVE
from sim.model.month import StabilityModel
from sim.parameters import CATALOGUE, parameters
from sim.region import Region, find_region, load_region
from sim.types import ARMED_DEATHS, ARMED_EVENTS
from sim.world.geography import build_geography
from sim.world.world import WAR

# --- the shipped region with many armed groups, which SF4, SF6 and SF7 share


HAZARD = 0.04
"""Formation of groups a year, twenty times the default: enough episodes to measure their shape. What happens once a group
exists does not depend on it."""
MONTHS = 120
Episode = dict[str, Any]


def unquiet_run(replication: int) -> dict[str, Any]:
    """Episodes of one ten-year run, and the deaths of armed events.

    ``episodes``: deaths, months, ``where`` rows of (month of the episode, district, events) and the districts
    of the community. ``sizes``: deaths in cell-months with exactly one armed event of one group.
    """
    model = model_of("baseline_2024", 20_000, replication, MONTHS, (("group_hazard", HAZARD),))
    g = model.setting.geography
    open_episodes: dict[int, Episode] = {}
    done: list[Episode] = []
    sizes: list[int] = []

    def watch(model: StabilityModel) -> None:
        month = model.world.tallies.month
        events, deaths = month[ARMED_EVENTS], model.world.tallies.group_deaths
        n_districts = g.district_people.size
        single = np.bincount(g.cell_district, events, n_districts) == 1
        dead = np.bincount(g.cell_district, month[ARMED_DEATHS], n_districts)
        sizes.extend(int(n) for n in dead[single & (dead > 0)])
        for group in model.armed_groups:
            if group.status != ACTIVE:
                if group.group in open_episodes:
                    done.append(open_episodes.pop(group.group))
                continue
            home = g.cell_district[g.cell_group == group.group].tolist()
            new = {"deaths": 0, "months": 0, "where": [], "districts": home, "ended": True}
            known = open_episodes.setdefault(group.group, new)
            known["deaths"] += int(deaths[group.group])
            for cell in np.flatnonzero((g.cell_group == group.group) & (events > 0)).tolist():
                known["where"].append((known["months"], int(g.cell_district[cell]), int(events[cell])))
            known["months"] += 1

    run(model, watch)
    for left in open_episodes.values():
        left["ended"] = False
        done.append(left)
    return {"episodes": done, "sizes": sizes}


def unquiet_runs(lab: Lab) -> list[dict[str, Any]]:
    """The runs that SF4, SF6 and SF7 share."""
    jobs = [(r,) for r in range(lab.size(40, 4))]
    made: list[dict[str, Any]] = lab.once("unquiet", lambda: lab.map(unquiet_run, jobs))
    return made


def unquiet_text(runs: int) -> str:
    """What these runs are, in words."""
    return (
        f"baseline_2024 with group_hazard = {HAZARD:g} (20 times the default), {runs} replications of {MONTHS} months"
    )


# --- SF4: tails of deaths per event and per episode


ENOUGH = 50


def heavy_tails(lab: Lab) -> Measurement:
    """Tails fitted as Clauset, Shalizi and Newman do; the exponential tested against the better of the other two.

    Events: deaths of armed events in district-months with one event, and of communal incidents in district-rounds
    with one incident. Episodes: deaths of an armed group from forming to its end, those that ended.
    """
    unquiet, calm = unquiet_runs(lab), calm_runs(lab)
    armed = np.array([n for run in unquiet for n in run["sizes"]], float)
    communal = np.array([hit[3] for run in calm for hit in run["hits"] if hit[2] == 1 and hit[3] > 0], float)
    totals = [e["deaths"] for run in unquiet for e in run["episodes"] if e["ended"] and e["deaths"] > 0]
    rows: list[ResultRow] = []
    parts = {}
    for name, sizes, target in (
        ("armed event", armed, TargetRange(2.0, 3.2)),
        ("communal incident", communal, TargetRange(2.0, 3.2)),
        ("episode", np.array(totals, float), TargetRange(1.3, 1.9)),
    ):
        rows += _tail_rows(f"Deaths per {name}", sizes, target)
        parts[f"{name}s"] = _thinned(np.sort(sizes), 1 - np.arange(sizes.size) / max(sizes.size, 1))
    picture = Chart("deaths", "share at least as deadly", table(parts), "steps", log_x=True, log_y=True)
    return Measurement(
        tuple(rows),
        f"{unquiet_text(len(unquiet))}; baseline_2024, {len(calm)} replications, for communal incidents",
        "Maximum likelihood on whole numbers, start of the tail by the smallest KS distance, test of Vuong.",
        picture,
        suspected="Event sizes are drawn from a tail (communal_tail, armed_tail), so their exponent is put in, not "
        "found. Episode totals have scales: fighter_cap, the size of communities, the settlement hazard.",
    )


def _tail_rows(name: str, sizes: np.ndarray, target: TargetRange) -> list[ResultRow]:
    if sizes.size < ENOUGH:
        return [untestable(f"{name}: exponent", target, f"only {sizes.size} sizes in these runs; a full run has more")]
    tail = patterns.fit_tail(sizes)
    half = 1.96 * tail.error
    note = f"tail from {tail.start}, {tail.n} of {sizes.size} sizes"
    found = Value(tail.exponent, tail.exponent - half, tail.exponent + half)
    power, lognormal = (patterns.compare(sizes, tail, kind, "exponential")[0] for kind in ("power law", "lognormal"))
    better = Value(max(power, lognormal))
    against, p = patterns.compare(sizes, tail, "power law", "lognormal")
    said = f"power law against lognormal: z {against:.1f}, p {p:.2f}"
    return [
        judged(f"{name}: exponent", found, target, note),
        judged(f"{name}: Vuong's z against the exponential", better, TargetRange(1.96, None, strict=True), said),
    ]


def _thinned(x: np.ndarray, y: np.ndarray, most: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Last point of each size, at most so many, evenly by rank on the log scale."""
    if x.size == 0:
        return x, y
    first = np.concatenate(([True], np.diff(x) > 0))
    x, y = x[first], y[first]
    if x.size > most:
        keep = np.unique(np.geomspace(1, x.size, most).astype(int) - 1)
        x, y = x[keep], y[keep]
    return x, y


# --- SF5: how far communal incidents bring about further ones


EXCITED_MONTHS = 60
DAYS = 365.25 / 48
ENOUGH_INCIDENTS = 20
"""Incidents in five years from which a district counts as active."""


def excited_run(replication: int) -> list[list[int]]:
    """Incidents by district and round in Twin Valleys, a war fought and hard postures in the eastern state."""
    model = valley_model(Valley(parameters=RESTLESS, months=EXCITED_MONTHS), replication)
    group = minority(model, "BBB")
    keep_fighting(group)
    model.world.posture[group.group] = WAR
    run(model)
    log = model.world.tallies.round_log[1]
    return [[int(n) for n in log[:, d]] for d in range(log.shape[1])]


def self_excitation(lab: Lab) -> Measurement:
    """Branching ratio and memory of counts by round, fitted jointly to active districts, one background for each."""
    runs = lab.size(24, 4)
    made = lab.map(excited_run, [(r,) for r in range(runs)])
    active = [[np.array(one, float) for one in districts if sum(one) >= ENOUGH_INCIDENTS] for districts in made]

    def fitted(units: list[list[np.ndarray]], steady: bool = False) -> patterns.Hawkes:
        return patterns.fit_hawkes([one for districts in units for one in districts], steady=steady)

    found, steady = fitted(active), fitted(active, steady=True)
    units = [districts for districts in active if districts]
    resampled = intervals.bootstrap(lambda units: fitted(units).branching, units, draws=40)
    calm = calm_districts(calm_runs(lab))
    n = sum(len(districts) for districts in active)
    weeks = found.memory * DAYS / 7
    rows = (
        judged("Branching ratio, active districts", resampled, TargetRange(0.3, 0.6), f"{n} district histories"),
        judged("Memory: weeks until 90 % of the offspring", Value(weeks), TargetRange(2.0, 6.0, "weeks")),
        judged("Branching ratio, calm districts", Value(calm.branching), TargetRange(None, 0.3)),
        measured_only("Branching ratio, active districts, background held constant", Value(steady.branching), "",
                      "for comparison: what varies over months counts as excitation"),
        measured_only("Branching put in at full tension (parameter)", Value(CATALOGUE["branching"].default), "",
                      "crowds that come again add to what is fitted"),
    )  # fmt: skip
    decay = [found.branching * (1 - 0.5 ** (1 / found.half)) * 0.5 ** ((k - 1) / found.half) for k in range(1, 13)]
    parts = {"fitted": ([k * DAYS for k in range(1, 13)], decay)}
    picture = Chart("days after an incident", "further incidents a round", table(parts))
    return Measurement(
        rows,
        f"Twin Valleys, restless and at war, {runs} replications of {EXCITED_MONTHS} months; calm: all districts of baseline_2024 "
        "in ten years, each with its usual rate over all replications",
        f"Discrete Hawkes process by maximum likelihood, with a background that varies over months as in D3; active: {ENOUGH_INCIDENTS} "
        "communal incidents or more in five years.",
        picture,
        suspected="Most offspring are crowds that come again the week after, by contagion and mood. With one exponential "
        "kernel they hide the longer memory of reprisals.",
    )


def calm_districts(runs: list[dict[str, Any]]) -> patterns.Hawkes:
    """Fit to every district of calm decades, the quiet ones too; usual counts of a district from all replications.

    Picking the histories with several incidents would pick those with a cluster.
    """
    region = load_region(find_region("western_balkans"), 2024)
    counts = np.zeros((len(runs), region.n_districts, 480))
    for made, one in zip(runs, counts, strict=True):
        for week, district, incidents, _ in made["hits"]:
            one[district, week] += incidents
    usual = np.tile(counts.mean(axis=(0, 2)), len(runs))
    return patterns.fit_hawkes(counts.reshape(-1, 480), usual)


# --- SF6: whether the violence of an episode expands to neighbours, or moves away


NEAR_KM = 30.0
FEWEST = 8
"""New places next to which there could be a join, from which an episode is tested."""
MOST = 60


def tested(episode: dict[str, Any], near: np.ndarray) -> Spread | None:
    """Join counts of one episode among the districts of the community; None if too little happened."""
    places = sorted(set(episode["districts"]))
    index = {d: k for k, d in enumerate(places)}
    violent = np.zeros((episode["months"], len(places)), bool)
    for month, district, _ in episode["where"]:
        violent[month, index[district]] = True
    new = int((violent[1:] & ~violent[:-1]).sum())
    if new < FEWEST or len(places) < 6:
        return None
    made = spread(violent, near[np.ix_(places, places)], 199)
    return made if made.expected_expansion > 0 and made.expected_relocation > 0 else None


def expansion(lab: Lab) -> Measurement:
    """Share of episodes with significant expansion and relocation; districts within 30 km are neighbours.

    The places drawn in permutations are the districts where the community of the group lives, so that living
    together is not taken for spreading.
    """
    runs = unquiet_runs(lab)
    region = load_region(find_region("western_balkans"), 2024)
    near = neighbours(region.district_lat, region.district_lon, NEAR_KM)
    episodes = [episode for run in runs for episode in run["episodes"]]
    made = [one for episode in episodes if (one := tested(episode, near)) is not None][:MOST]
    n = len(made)
    grew = intervals.proportion(sum(one.p_expansion < 0.05 for one in made), n)
    moved = intervals.proportion(sum(one.p_relocation < 0.05 for one in made), n)
    pooled = sum(one.expansion for one in made) / max(sum(one.expected_expansion for one in made), 1e-9)
    elsewhere = sum(one.relocation for one in made) / max(sum(one.expected_relocation for one in made), 1e-9)
    rows = (
        judged(
            "Episodes with significant expansion (p < 0.05)", grew, TargetRange(0.5, None, "", OWN), f"{n} episodes"
        ),
        judged("Episodes with significant relocation", moved, TargetRange(None, 0.5, "", OWN)),
        measured_only("Expansion joins over expected, all episodes", Value(pooled), ""),
        measured_only("Relocation joins over expected, all episodes", Value(elsewhere), ""),
    )
    order = np.arange(1, n + 1) / max(n, 1)
    parts = {
        "expansion": (np.sort([one.p_expansion for one in made]), order),
        "relocation": (np.sort([one.p_relocation for one in made]), order),
    }
    picture = Chart("p-value of an episode", "share of episodes below", table(parts), kind="steps")
    return Measurement(
        rows,
        unquiet_text(len(runs)),
        "Join counts by month against 199 permutations among the quiet districts of the community.",
        picture,
        suspected="Events are few: of 31 district-months with violence in the median episode 28 are new, so hardly any place "
        "is still violent when its neighbour becomes so, and a test of one episode has little power. Neither fighters nor "
        "attacks move between districts.",
    )


# --- SF7: where violence is worst, by local mixing; polarisation early and late in an episode


LEAST_MONTHS = 6
"""Months and ten events from which an episode has thirds."""


def local_mixing(region: Region) -> np.ndarray:
    """Probability that two residents met near by belong to different communities, mean over a district's residents."""
    g = build_geography(region, parameters())
    people = np.bincount(g.cell_district, g.cell_people)
    out: np.ndarray = np.bincount(g.cell_district, g.cell_people * g.mix) / people
    return out


def polarisation(region: Region) -> np.ndarray:
    """4 x sum of share^2 (1 - share) over a district's communities (Reynal-Querol 2002), 0 to 1."""
    share = region.cell_population / region.district_population[region.cell_district]
    out: np.ndarray = np.bincount(region.cell_district, 4.0 * share**2 * (1.0 - share), region.n_districts)
    return out


def incidents_by_district(runs: list[dict[str, Any]], n: int) -> np.ndarray:
    """Communal incidents of all runs, (n,)."""
    counts = np.zeros(n)
    for made in runs:
        for _, district, incidents, _ in made["hits"]:
            counts[district] += incidents
    return counts


def hump(runs: list[dict[str, Any]], mixing: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Coefficients of incidents per resident on mixing and its square."""
    counts = incidents_by_district(runs, mixing.size)
    return poisson_fit(counts, np.column_stack([mixing, mixing**2]), people * len(runs))


def thirds(episodes: list[dict[str, Any]], polar: np.ndarray, people: np.ndarray) -> tuple[float, float]:
    """Coefficient of polarisation on armed events in the first and the last third of episodes."""
    counts, exposure = np.zeros((2, polar.size)), np.zeros(polar.size)
    for episode in episodes:
        exposure[episode["districts"]] += people[episode["districts"]]
        for month, district, events in episode["where"]:
            if 3 * month < episode["months"]:
                counts[0, district] += events
            elif 3 * month >= 2 * episode["months"]:
                counts[1, district] += events
    used = exposure > 0
    first, last = (poisson_fit(c[used], polar[used, None], exposure[used])[1] for c in counts)
    return float(first), float(last)


def ethnic_geography(lab: Lab) -> Measurement:
    """A Poisson regression on mixing and its square, and the fall of the coefficient of polarisation."""
    region = load_region(find_region("western_balkans"), 2024)
    people = region.district_population.astype(float)
    mixing, polar = local_mixing(region), polarisation(region)
    calm, unquiet = calm_runs(lab), unquiet_runs(lab)
    bend = intervals.bootstrap(lambda units: float(hump(units, mixing, people)[2]), calm, draws=100)
    _, slope, square = hump(calm, mixing, people)
    top = float(-slope / (2 * square)) if square < 0 else float("nan")
    episodes = [e for run in unquiet for e in run["episodes"] if e["months"] >= LEAST_MONTHS and len(e["where"]) >= 10]

    def fall(units: list[dict[str, Any]]) -> float:
        first, last = thirds(units, polar, people)
        return 1.0 - last / first if first > 0 else float("nan")

    early, late = thirds(episodes, polar, people)
    counts = incidents_by_district(calm, mixing.size)
    tenths = np.array_split(np.argsort(mixing), 10)
    rates = [1e5 * counts[g].sum() / (people[g].sum() * 10 * len(calm)) for g in tenths]
    rows = [
        judged("Coefficient of mixing squared", bend, TargetRange(None, 0.0)),
        judged(
            "Mixing at which incidents peak", Value(top), TargetRange(0.0, float(mixing.max()), "", OWN, strict=True),
            f"mixing goes from {mixing.min():.2f} to {mixing.max():.2f}",
        ),
        judged("Fall of the coefficient of polarisation over an episode", intervals.bootstrap(fall, episodes, 100),
               TargetRange(0.3, None), f"{len(episodes)} episodes; coefficients {early:.2f} then {late:.2f}"),
    ]  # fmt: skip
    parts = {"district": ([float(mixing[g].mean()) for g in tenths], rates)}
    picture = Chart("local mixing of the district", "incidents per 100,000 a year", table(parts), kind="points")
    return Measurement(
        tuple(rows),
        f"baseline_2024, {len(calm)} replications (incidents); {unquiet_text(len(unquiet))} (episodes)",
        "Mixing: chance that two residents met within reach are of different communities. Districts in ten equal "
        "groups in the figure.",
        picture,
        suspected="Contact saturates in mixing (mix_half) and tension has a term in mixing: both rise all the way. For "
        "the second part, nothing in the armed track knows a front: events happen where fighters were recruited, which is "
        "where their community lives, not where it is contested, so there is no coefficient above 0 that could fall. "
        "Displacement does not change the composition of districts.",
    )
