"""Processes are mechanisms: switch one off, and what differs moves along the expected path, in the expected order.

Each case is a pair of worlds on the same draws, one with the process and one without. `first_moves` tells which
recorded fields moved and when: a move is a paired difference clear of its Monte Carlo error for three months running.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.agents.un import UnitedNations
from sim.analysis import REGION, difference_over_time, first_moves, monthly_table
from sim.model.month import StabilityModel
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.scenario import Scenario, load_scenario
from sim.world.outcomes import OUTCOME_NAMES
from sim.world.world import Setting, prepare

CITIZENS = 640
RUNS = 6
Parameters = dict[str, float]


@cache
def setting(parameters: tuple[tuple[str, float], ...]) -> Setting:
    """The invented region; worlds that differ in parameters share the baseline solve of the plain one."""
    region = load_region(find_region("twin_valleys"), 2024)
    people = synthesise(region, CITIZENS)
    return prepare(region, people, dict(parameters), solve=setting(()).solve if parameters else None)


def scenario(folder: Path, text: str, mode: str, months: int) -> Scenario:
    path = folder / "case.yaml"
    head = f"format: 1\ntitle: case\nregion: twin_valleys\nstart: 2024-01\nmonths: {months}\ninstitutions: {mode}\n"
    path.write_text(head + text)
    return load_scenario(path)


def runs(spec: Scenario, parameters: Parameters, count: int = RUNS) -> list[StabilityModel]:
    """Finished models, one a replication."""
    made = setting(tuple(sorted(parameters.items())))
    models = []
    for seed in range(count):
        model = StabilityModel(spec, made, seed)
        while model.month < spec.months:
            model.step()
        models.append(model)
    return models


def series(name: str, models: list[StabilityModel]) -> pd.DataFrame:
    """The ``series`` table of some runs."""
    frames = []
    for replication, model in enumerate(models):
        data = model.world.recorder.series
        months, states = data.shape[:2]
        frame = pd.DataFrame(data.reshape(months * states, -1), columns=list(OUTCOME_NAMES))
        keys = {"scenario": name, "replication": replication}
        frame = frame.assign(**keys, month=np.repeat(np.arange(months), states))
        frames.append(frame.assign(state=np.tile(model.setting.region.states, months)))
    return pd.concat(frames, ignore_index=True)


def moves(off: list[StabilityModel], on: list[StabilityModel], scope: str = REGION) -> pd.DataFrame:
    """When and how far each outcome moved with the process on, by outcome; those that never did are left out."""
    monthly = monthly_table([series("off", off), series("on", on)], scopes=[scope])
    order = first_moves(difference_over_time(monthly, "off"), monthly, "off").set_index("outcome")
    return order[order["month"].notna()]


@dataclass(frozen=True)
class Pair:
    """A process on and off: the scenario of both, what switches it off, and the path by which it acts.

    ``path`` lists outcomes with the sign of their move in the order in which they move, ``still`` outcomes that do
    not move. ``text_off`` replaces the scenario where the switch is not a parameter.
    """

    text: str
    path: tuple[tuple[str, int], ...]
    on: Parameters = field(default_factory=dict)
    off: Parameters = field(default_factory=dict)
    text_off: str | None = None
    mode: str = "adaptive"
    months: int = 24
    still: tuple[str, ...] = ()
    scope: str = REGION
    count: int = RUNS


JOBS = "interventions:\n  jobs: {type: I23, start: 2024-02, intensity: 1.0, meur_per_year: 9, approval: allies}\n"
DIVIDED = "shocks:\n  split: {type: alliance_division, at: 2024-06, months: 6}\n"
FORUM = """
interventions:
  jobs: {type: I23, start: 2024-01, intensity: 0.3, meur_per_year: 9, approval: none}
  exercises: {type: I6, start: 2024-01, intensity: 0.6, meur_per_year: 9, approval: none}
"""
CAMPAIGN = "shocks:\n  campaign: {type: nationalist_campaign, targets: {states: [AAA]}, at: 2024-02, magnitude: 1.5}\n"
UPRISING = """
shocks:
  rising: {type: uprising, targets: {states: [AAA], communities: [teal]}, at: 2024-02, months: 8, magnitude: 3}
"""
ENDED = UPRISING + "  peace: {type: ceasefire, targets: {states: [AAA], communities: [teal]}, at: 2024-10}\n"
TROOPS = "interventions:\n  force: {type: I11, targets: {states: [AAA]}, start: 2024-01, troops: 1200, approval: %s}\n"
EXERCISES = "interventions:\n  exercises: {type: I6, start: 2024-06, intensity: 0.5, approval: none}\n"
WARLIKE = {"recruitment": 0.003, "armed_event_rate": 0.004, "group_hazard": 0.0, "fighter_cap": 0.05}
PEACE = TROOPS % "none"
MANDATE = "interventions:\n  police: {type: I2, start: 2024-02, intensity: 1.0, meur_per_year: 5, approval: council}\n"

MANDATES = "interventions:\n" + "".join(
    f"  police_{month}: {{type: I2, start: 2024-{month}, intensity: 1.0, meur_per_year: 5, approval: council}}\n"
    for month in ("02", "03", "04", "05", "06", "07")
)

PROCESSES = {
    "W2 divided Allies refuse": Pair(
        JOBS + DIVIDED, (("cost", -1), ("unemployment", 1)), text_off=JOBS, mode="scripted", still=("tension",)
    ),
    "W2 proposals wait": Pair(
        JOBS, (("cost", -1), ("unemployment", 1)), text_off=JOBS.replace("allies", "none"), mode="scripted", months=14
    ),
    "W3 forums move money to needs": Pair(FORUM, (("dispute", 1), ("unemployment", -1)), off={"forum_share": 0.0}, still=("cost",)),
    "W5 conditionality pulls reform": Pair(
        "", (("reform_political", 1), ("legitimacy", 1)), on={"reform_incentive": 3.0}, off={"reform_incentive": 1.6},
    ),
    "W5 the promise drives reform": Pair(
        "", (("reform_political", 1), ("corruption", -1)), on={"credibility_loss": 0.0}, off={"credibility_loss": 0.02},
        mode="adaptive", months=36,
    ),
    "W6 tension spills over to kin": Pair(
        CAMPAIGN, (("tension", 1), ("extremism", 1)), on={"tension_spill": 1.0}, off={"tension_spill": 0.0},
        mode="scripted", scope="BBB",
    ),
    "W6 deaths among kin are felt": Pair(
        UPRISING, (("tension", 1), ("extremism", 1)), on=WARLIKE, off={**WARLIKE, "tension_kin": 0.0},
        mode="scripted", scope="BBB",
    ),
    "W7 a ceasefire ends the fighting": Pair(
        ENDED, (("armed_events", -1), ("armed_deaths", -1)), on={**WARLIKE, "settle_rate": 0.0},
        off={**WARLIKE, "settle_rate": 0.0}, text_off=UPRISING, mode="scripted", months=36,
    ),
    "W7 peace does not hold": Pair(
        ENDED, (("relapses", 1), ("fighters", 1), ("armed_deaths", 1), ("displaced", 1)),
        on={**WARLIKE, "relapse_rate": 1.0},
        off={**WARLIKE, "relapse_rate": 0.0}, mode="scripted", months=48,
    ),
    "W7 peacekeepers hold the peace": Pair(
        ENDED + PEACE, (("relapses", -1), ("fighters", -1), ("armed_deaths", -1), ("displaced", -1)),
        on={**WARLIKE, "relapse_rate": 1.0, "relapse_presence": 3.0},
        off={**WARLIKE, "relapse_rate": 1.0, "relapse_presence": 0.0}, mode="scripted", months=48,
    ),
    "W7 fighters go home": Pair(
        ENDED, (("fighters", -1),), on={**WARLIKE, "exit_halflife": 3.0, "relapse_rate": 0.0},
        off={**WARLIKE, "exit_halflife": 60.0, "relapse_rate": 0.0}, mode="scripted", months=36,
    ),
    "W7 the displaced return": Pair(
        ENDED, (("returned", 1), ("displaced", -1)), on={**WARLIKE, "return_halflife": 3.0, "flight_deaths": 0.05},
        off={**WARLIKE, "return_halflife": 1000.0, "flight_deaths": 0.05}, mode="scripted", months=24,
    ),
    "W8 external powers answer enlargement": Pair(
        "", (("reform_security", 1), ("influence", 1)), off={"accession_security": 0.95}, months=30,
    ),
    "W8 external powers answer exercises": Pair(
        EXERCISES, (("cost", 1), ("influence", 1), ("legitimacy", -1)), text_off="", on={"reaction_size": 0.8}, off={"reaction_size": 0.8},
    ),
    "W8 no reaction without means": Pair(
        EXERCISES, (("influence", 1), ("legitimacy", -1)), off={"reaction_size": 0.0},
    ),
    "A3 a mandate can be vetoed": Pair(
        MANDATES + "shocks:\n  rivalry: {type: power_rivalry, at: 2024-01, magnitude: 2.0}\n",
        (("cost", -1), ("legitimacy", -1)), on={"council_veto": 1.0}, off={"council_veto": 0.0}, mode="scripted", count=12,
    ),
    "A3 a deployment takes months": Pair(
        MANDATE, (("cost", -1), ("legitimacy", -1)), on={"council_delay": 12.0, "council_veto": 0.0},
        off={"council_delay": 0.0, "council_veto": 0.0}, mode="scripted", months=14,
    ),
    "A2 forces must be generated": Pair(
        TROOPS % "allies", (("troops", -1),), on={"force_generation": 8.0, "approval_delay": 1.0},
        off={"force_generation": 0.0, "approval_delay": 1.0}, mode="scripted", months=10,
    ),
}  # fmt: skip


def check_path(order: pd.DataFrame, path: tuple[tuple[str, int], ...], still: tuple[str, ...] = ()) -> None:
    """Outcomes of a path moved with their signs, none before the one it follows; the first of all is first."""
    told = order[["month", "effect_peak"]].to_string()
    assert [name for name, _ in path if name not in order.index] == [], told
    assert [int(np.sign(order.loc[name, "effect_peak"])) for name, _ in path] == [sign for _, sign in path], told
    months = [order.loc[name, "month"] for name, _ in path]
    assert months == sorted(months), told
    assert months[0] == order["month"].min(), told
    assert not set(still) & set(order.index), told


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_acts_along_its_path(name: str, tmp_path: Path) -> None:
    pair = PROCESSES[name]
    with_it = scenario(tmp_path, pair.text, pair.mode, pair.months)
    without = with_it if pair.text_off is None else scenario(tmp_path, pair.text_off, pair.mode, pair.months)
    order = moves(runs(without, pair.off, count=pair.count), runs(with_it, pair.on, count=pair.count), pair.scope)
    check_path(order, pair.path, pair.still)


# What a path of outcomes does not show ------------------------------------------------------------------


LOCAL = """
shocks:
  campaign: {type: nationalist_campaign, targets: {districts: [AAA-cedar, BBB-dell]}, at: 2024-10, magnitude: 1.7}
"""


def targeting(folder: Path, noise: float, information: float, count: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Share of months in which the tensest district of a state has the police reserve, by run, and what was recorded."""
    found: list[list[float]] = []
    spec = scenario(folder, LOCAL, "adaptive", 36)
    made = setting((("observation_noise", noise),))
    models = []
    for seed in range(count):
        model = StabilityModel(spec, made, seed)
        number = model.open_handle("information", 1.0, [0, 1], 0.0, 0.0)
        model.handles.set_dose(number, information)
        g, hits = made.geography, []
        while model.month < spec.months:
            model.step()
            tension = np.array(model.situation.district_tension)
            for s in range(g.state_people.size) if model.month > 18 else ():
                here = np.flatnonzero(g.district_state == s)
                hits.append(float(model.world.hot_spots[here][tension[here].argmax()] > 1.0))
        found.append(hits)
        models.append(model)
    return np.mean(found, axis=1), series("case", models)


def test_early_warning_changes_who_is_targeted(tmp_path: Path) -> None:
    """W4: blind, the police reserve often stands in the wrong place; with information it stands where tension is highest.

    With nothing to see through, information changes nothing.
    """
    blind, without = targeting(tmp_path, 0.3, 0.0, 20)
    told, with_it = targeting(tmp_path, 0.3, 1.0, 20)
    gain = told - blind
    assert gain.mean() > 2.5 * gain.std(ddof=1) / np.sqrt(len(gain))
    assert (without["participants"] != with_it["participants"]).any()
    clear = [targeting(tmp_path, 0.0, information, 1)[1] for information in (0.0, 1.0)]
    assert clear[0].equals(clear[1])


def words(models: list[StabilityModel]) -> list[set[str]]:
    return [{f"{one.agent}: {one.what}" for one in model.decisions} for model in models]


def test_reform_advances_stalls_and_reverses_with_its_conditions(tmp_path: Path) -> None:
    """W5: the same state under a credible promise, a fading one, and corruption that wins."""
    spec = scenario(tmp_path, "", "adaptive", 60)
    advance = words(runs(spec, {"reform_incentive": 2.6, "credibility_loss": 0.0}, count=2))
    fading = words(runs(spec, {"reform_incentive": 2.6, "credibility_loss": 0.02, "accession_security": 0.95}, count=2))
    captured = words(runs(spec, {"reform_incentive": 0.2, "reform_veto": 0.8}, count=2))
    state = "government (AAA): "
    assert all(state + "reforms" in one and state + "stalls reform" not in one for one in advance)
    assert all({state + "reforms", state + "stalls reform"} <= one for one in fading)
    assert all(state + "takes back reform" in one and state + "reforms" not in one for one in captured)


FAST = {"reform_veto": 0.8, "institution_halflife": 6.0}


def test_two_reversals_cost_the_funds(tmp_path: Path) -> None:
    """W5: governments fall twice, reform goes back twice, the Union withdraws, and economic reform falls further."""
    text = """
shocks:
  first: {type: government_collapse, targets: {states: [AAA]}, at: 2024-02, magnitude: 5.0}
  second: {type: government_collapse, targets: {states: [AAA]}, at: 2025-06, magnitude: 5.0}
"""
    spec = scenario(tmp_path, text, "adaptive", 48)
    on, off = runs(spec, FAST), runs(spec, {**FAST, "funds_size": 0.0})
    assert all("European Union: withdraws funds from AAA" in one for one in words(on))
    check_path(moves(off, on, "AAA"), (("reform_economic", -1),))


def test_tension_follows_kin_and_not_the_unlinked(tmp_path: Path) -> None:
    """W6: a campaign among one community moves its kin across the border, and nobody else, to the last bit."""
    text = CAMPAIGN.replace("states: [AAA]", "states: [AAA], communities: [amber]")
    spec = scenario(tmp_path, text, "scripted", 12)
    muted = {"quiet_participation": 1e-7, "spark_rate": 0.0, "focal_rate": 0.0, "influence_tension": 0.0}
    muted |= {"group_hazard": 0.0, "b_tension": 0.0, "incident_rate": 0.0}
    (with_it,), (without,) = (runs(spec, {**muted, "tension_spill": x}, count=1) for x in (1.0, 0.0))
    region, g = with_it.setting.region, with_it.setting.geography
    change = with_it.world.fields.tension - without.world.fields.tension
    amber = np.asarray(region.cell_community) == region.communities.index("amber")
    abroad = g.cell_state == region.states.index("BBB")
    assert (change[amber & abroad] > 1e-5).all()
    assert (change[~amber] == 0.0).all()


WAR_OF_A_STATE = """
interventions:
  campaign: {type: I14, targets: {states: [AAA]}, start: 2024-02, approval: allies}
shocks:
  rising: {type: uprising, targets: {states: [AAA], communities: [teal]}, at: 2024-01, months: 18, magnitude: 5}
  war: {type: posture, targets: {states: [AAA], communities: [teal]}, at: 2024-01, months: 18, posture: war}
"""


@pytest.mark.parametrize("refused", [False, True])
def test_an_air_campaign_waits_for_a_refused_mandate(
    refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A2: the same war with and without a veto in the Council; only then do the Allies approve, after the killing."""
    monkeypatch.setattr(UnitedNations, "vetoed", lambda self, picture, states: refused)
    deadly = {**WARLIKE, "armed_event_rate": 0.02, "recruitment": 0.02, "settle_rate": 0.0}
    (model,) = runs(scenario(tmp_path, WAR_OF_A_STATE, "adaptive", 14), deadly, count=1)
    said = {one.what: one.month for one in reversed(model.decisions)}
    assert ("gets no mandate for AAA" in said) == refused
    assert ("approves campaign" in said) == refused
    brought = model.world.levers.totals["lethality"][model.setting.geography.cell_state == 0].max()
    assert (brought > 0.0) == refused
    if refused:
        deaths = series("on", [model]).query("state == 'AAA'")["armed_deaths"].to_numpy()
        assert said["approves campaign"] > said["gets no mandate for AAA"]
        assert deaths[: said["approves campaign"]].sum() >= 500


@pytest.mark.parametrize("row", ["I6", "I14", "I30"])
def test_the_reaction_of_external_powers_has_one_home(row: str, tmp_path: Path) -> None:
    """Scripted: the channel of the programme. Adaptive: the external power, so without its means there is none."""
    text = f"interventions:\n  one: {{type: {row}, start: 2024-01, intensity: 1.0, approval: none}}\n"
    pushed = {}
    for mode in ("scripted", "adaptive"):
        (model,) = runs(scenario(tmp_path, text, mode, 6), {"reaction_size": 0.0}, count=1)
        pushed[mode] = np.abs(model.world.levers.totals["influence"]).max()
    assert pushed["scripted"] > 0.0
    assert pushed["adaptive"] == 0.0


# From challenge to impact (W1) ----------------------------------------------------------------------------

PATHWAYS = {
    "nationalism": (
        CAMPAIGN.replace("1.5", "2.0"), "",
        (("tension", 1), ("participants", 1), ("violent_participants", 1), ("incidents", 1)),
        ("participants", "violent_participants", "incidents"), {"b_tension": 0.0, "b_violence_tension": 0.0},
    ),
    "economy": (
        "shocks:\n  closures: {type: mass_layoffs, at: 2024-02, magnitude: 1.4}\n", "",
        (("unemployment", 1), ("participants", 1), ("violent_participants", 1)),
        ("participants", "violent_participants"),
        {"b_unemployment": 0.0, "extremism_youth": 0.0, "legitimacy_unemployment": 0.0},
    ),
    "lost trust": (
        "shocks:\n  closures: {type: mass_layoffs, at: 2024-02, magnitude: 1.4}\n", "",
        (("unemployment", 1), ("legitimacy", -1), ("participants", 1)),
        ("legitimacy", "participants"), {"legitimacy_unemployment": 0.0},
    ),
    "contraband": (
        "shocks:\n  depots: {type: arms_inflow, at: 2024-02, magnitude: 4.0}\n", "",
        (("crime", 1), ("extremism", 1)),
        ("extremism",), {"extremism_crime": 0.0, "unemployment_crime": 0.0, "corruption_crime": 0.0},
    ),
    "aggrieved youth": (
        "shocks:\n  closures: {type: mass_layoffs, at: 2024-02, magnitude: 1.4}\n", "",
        (("youth_unemployment", 1), ("extremism", 1)),
        ("extremism",), {"b_unemployment": 0.0, "extremism_youth": 0.0, "legitimacy_unemployment": 0.0},
    ),
    "rivalry": (
        "shocks:\n  rivalry: {type: power_rivalry, at: 2024-02, magnitude: 1.4}\n", "",
        (("influence", 1), ("legitimacy", -1), ("tension", 1)),
        ("legitimacy", "tension"), {"legitimacy_influence": 0.0, "tension_media": 0.0, "reform_influence": 0.0,
                                    "extremism_influence": 0.0, "distrust_influence": 0.0},
    ),
    "arms": (
        "shocks:\n  rivalry: {type: power_rivalry, at: 2024-02, magnitude: 1.4}\n", "",
        (("influence", 1), ("arming", 1), ("dispute", 1)),
        ("arming", "dispute"), {"distrust_influence": 0.0},
    ),
    "cyber": (
        "shocks:\n  neglect: {type: cyber_neglect, at: 2024-01}\n  attack: {type: cyber_attack, at: 2024-09, magnitude: 2.0}\n",
        "shocks:\n  attack: {type: cyber_attack, at: 2024-09, magnitude: 2.0}\n",
        (("cyber", 1), ("outage", 1), ("legitimacy", -1)),
        ("legitimacy",), {"legitimacy_outage": 0.0},
    ),
}  # fmt: skip
CROWDED = {"quiet_participation": 1e-3, "violent_share": 0.1, "incident_rate": 0.1}
CONDITIONS = {
    "arms": {"distrust_influence": 2.0},
    "lost trust": {"b_unemployment": 0.0, "extremism_youth": 0.0},
    "contraband": {"group_hazard": 0.0},
}
"""What a pathway needs besides: other paths from the same challenge are off where one of them is shown alone."""


@pytest.mark.parametrize("name", PATHWAYS)
def test_a_pathway_is_a_chain_and_its_coefficient_kills_it(name: str, tmp_path: Path) -> None:
    """W1: the challenge moves first, what follows moves in order; without the named coefficient it never moves."""
    text, counterfactual, path, killed, coefficient = PATHWAYS[name]
    mode = "adaptive" if name in ("rivalry", "arms") else "scripted"
    hot = {**CROWDED, **CONDITIONS.get(name, {})}
    first, second = (scenario(tmp_path, one, mode, 30) for one in (counterfactual, text))
    count = 4 * RUNS if name in ("nationalism", "economy") else RUNS
    check_path(moves(runs(first, hot, count), runs(second, hot, count)), path)
    dead = {**hot, **coefficient}
    left = moves(runs(first, dead), runs(second, dead))
    assert path[0][0] in left.index
    assert not set(killed) & set(left.index), left[["month", "effect_peak"]].to_string()


@pytest.mark.parametrize(
    ("name", "baseline"),
    [
        ("pathway_nationalism", "baseline_2024"),
        ("pathway_economy", "baseline_2024"),
        ("pathway_rivalry", "pathway_rivalry_calm"),
        ("pathway_cyber", "pathway_cyber_sound"),
    ],
)
def test_shipped_pathways_differ_from_their_counterfactual_by_the_challenge_alone(name: str, baseline: str) -> None:
    ours, theirs = load_scenario(name), load_scenario(baseline)
    extra = [one for one in ours.shocks if one.content() not in [other.content() for other in theirs.shocks]]
    assert len(extra) == 1
    assert ours.interventions == theirs.interventions
    assert (ours.institutions, ours.region) == (theirs.institutions, theirs.region)
    assert len(extra[0].entry.channels) == 1
