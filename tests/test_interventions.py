"""Every intervention of the catalogue, on a small busy world: nothing at dose 0, more at more dose, money that adds up.

The world is the invented pair of valleys: a war in the west, a rumour, four disasters, and missions that wait for the
Council and for the Allies, so that every lever has something to act on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from sim.agents.armed_group import ACTIVE, CEASEFIRE, ArmedGroup
from sim.agents.un import UnitedNations
from sim.cli import app
from sim.cli.listing import card
from sim.errors import InputError
from sim.interventions import CatalogueEntry, catalogue
from sim.interventions.words import FAMILIES, published, role
from sim.model.month import RunResult, StabilityModel
from sim.model.programmes import RUNNING, channel_sizes, programme_source, singled_out
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.scenario import Scenario, load_scenario
from sim.world.effects import EXPOSURES, FACTORS, factor_table
from sim.world.levers import LEVER_BY_NAME
from sim.world.outcomes import OUTCOME_INDEX
from sim.world.presence import clear_mandates
from sim.world.world import Setting, World, prepare
from tests.test_catalogue import harm

ENTRIES = catalogue().interventions
ROWS = list(ENTRIES)
NULLS = {"I15"}
"""Rows whose every central size is zero: switched on they move nothing, unless their sizes are drawn."""
CEASEFIRE_ONLY = {"I12"}
"""Rows that have something to do only once the guns are silent."""
OWN_COUNTS = {"troops"}
"""Outcomes that count what a programme sends: no proof that it does anything."""
SEED = 20_260_101
MONTHS = 12
COST = OUTCOME_INDEX["cost"]
BRISK = {
    "approval_delay": 4.0,
    "force_generation": 2.0,
    "council_delay": 4.0,
    "council_veto": 0.0,
    "incident_rate": 0.1,
}
"""Queues that move within a year, and enough incidents for their number to tell."""
BUSY = """
interventions:
  council_force: {type: I11, troops: 300, approval: council, start: 2024-05, targets: {states: [BBB]}}
  allied_force: {type: I11, troops: 300, approval: allies, start: 2024-05, targets: {states: [BBB]}}
  talks: {type: I29, approval: none}
shocks:
  rumour: {type: rumour, at: 2024-08, targets: {communities: [teal]}}
  quake: {type: earthquake, at: 2024-04}
  spill: {type: accident, at: 2024-04}
  attack: {type: cyber_attack, at: 2024-04}
  cutoff: {type: energy_cutoff, at: 2024-04}
"""


@cache
def setting() -> Setting:
    region = load_region(find_region("twin_valleys"), 2024)
    return prepare(region, synthesise(region, 640), BRISK)


HEAD = f"""format: 1
title: busy
region: twin_valleys
start: 2024-01
months: {MONTHS}
parameters: {{{", ".join(f"{name}: {value}" for name, value in BRISK.items())}}}
"""
Load = Callable[..., Scenario]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Make the busy world, with one programme of a row everywhere and at once, if a row is given."""
    path = tmp_path_factory.mktemp("busy") / "busy.yaml"

    def load(row: str = "", intensity: float = 1.0, months: int | None = None) -> Scenario:
        made = ""
        if row:
            dose = ENTRIES[row].dose
            made = f"  tested: {{type: {row}, approval: none, intensity: {intensity}"
            made += f", months: {months}" if months else ""
            made += f", {dose.quantity}: {dose.full:.0f}}}\n" if dose.quantity else "}\n"
        path.write_text(HEAD + BUSY.replace("shocks:", made + "shocks:"), encoding="utf-8")
        return load_scenario(path)

    return load


@dataclass(frozen=True)
class Told:
    """What a run left: its result, its fields at the end, sums of effects by month, and the tested programme."""

    result: RunResult
    fields: dict[str, np.ndarray]
    levers: list[dict[str, np.ndarray]]
    delivery: Any


def west(model: StabilityModel) -> ArmedGroup:
    """The armed group of the large community of the western valley."""
    return next(group for group in model.armed_groups if group.name == "armed group (amber, AAA)")


def at_war(model: StabilityModel) -> None:
    """The large community of the west is in arms, and its state makes war on it."""
    group = west(model)
    group.enter(ACTIVE, 0)
    group.arms = 0.5
    model.world.posture[group.group] = 3


def at_ceasefire(model: StabilityModel) -> None:
    """The same group keeps a ceasefire, and its draw is such that only a hazard as high as today's breaks it."""
    group = west(model)
    group.enter(CEASEFIRE, 0)
    line = 0.9 * setting().parameters.relapse_rate / 12.0
    group.chance = lambda number: line if model.month == 5 else 1.0  # type: ignore[method-assign]


def told(scenario: Scenario, arrange: Any = at_war, seed: int = SEED) -> Told:
    model = StabilityModel(scenario, setting(), seed)
    arrange(model)
    levers: list[dict[str, np.ndarray]] = []
    tested = next((one for one in model.programmes.deliveries if one.key == "tested"), None)
    result = model.run(lambda m: levers.append({k: v.copy() for k, v in m.world.levers.totals.items()}))
    fields = {name: array.copy() for name, array in model.world.fields._asdict().items()}
    return Told(result, fields, levers, tested)


@pytest.fixture(scope="module")
def without(busy: Load) -> Told:
    return told(busy())


def moved(one: Told, other: Told) -> set[str]:
    """Recorded outcomes (cost aside) and fields that differ."""
    here, there = one.result.series, other.result.series
    found = {
        name for name, i in OUTCOME_INDEX.items() if i != COST and np.abs(here[..., i] - there[..., i]).max() > 1e-9
    }
    return found | {name for name in one.fields if np.abs(one.fields[name] - other.fields[name]).max() > 1e-9}


# Every entry ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS)
def test_dose_zero_changes_not_a_byte(busy: Load, without: Told, row: str) -> None:
    none = told(busy(row, 0.0))
    assert none.result.series.tobytes() == without.result.series.tobytes()
    assert none.result.places.tobytes() == without.result.places.tobytes()
    assert none.delivery.history == []
    assert none.delivery.spent == 0.0


@pytest.mark.parametrize("row", ROWS)
def test_full_dose_moves_the_world_beyond_zero(busy: Load, without: Told, row: str) -> None:
    """Beyond what it costs; the null of P9g moves nothing at its central size and something when drawn."""
    scenario = busy(row)
    if row in NULLS:
        assert moved(told(scenario), without) == set()
        assert all(channel.size == 0.0 for channel in ENTRIES[row].channels)
        scenario = replace(scenario, effects="drawn")
    if row in CEASEFIRE_ONLY:
        assert moved(told(scenario, at_ceasefire), told(busy(), at_ceasefire))
    else:
        assert moved(told(scenario), without) - OWN_COUNTS


@pytest.mark.parametrize("row", ROWS)
def test_more_dose_pulls_its_first_lever_further(busy: Load, without: Told, row: str) -> None:
    """After a year, all channels of the entry on that lever together: help and harm may both be on it."""
    first = ENTRIES[row].channels[0]
    pulls = [0.0]
    for dose in (0.25, 0.5, 0.75, 1.0):
        here = told(busy(row, dose)).levers[-1]
        pulls.append(float(np.abs(here[first.lever] - without.levers[-1][first.lever]).max()))
    steps = np.diff(pulls)
    assert (steps >= 0.0).all() if row in NULLS else (steps > 0.0).all()


@pytest.mark.parametrize("row", ROWS)
def test_money_adds_up(busy: Load, row: str) -> None:
    """Spending is the yearly cost for the months it ran and not a cent more; all that is spent is booked."""
    scenario = busy(row, 0.5, months=5)
    run = told(scenario)
    (programme,) = [item for item in scenario.interventions if item.key == "tested"]
    assert programme.meur_per_year > 0.0
    assert run.delivery.history == [(0, "running"), (5, "ended")]
    assert run.delivery.spent == pytest.approx(programme.meur_per_year * 5 / 12, rel=1e-12)
    assert run.result.series[:, :, COST].sum() == pytest.approx(sum(run.result.spent.values()), rel=1e-12)


def test_every_lever_of_the_catalogue_is_reached_by_some_entry_or_shock() -> None:
    """No lever is there for nothing: what no entry moves belongs to shocks or institutions."""
    used = {channel.lever for entry in ENTRIES.values() for channel in entry.channels}
    shocks = {channel.lever for shock in catalogue().shocks.values() for channel in shock.channels}
    assert set(LEVER_BY_NAME) - used - shocks == {"exclusion", "reform_economic", "police"} - used


def test_every_absorption_and_condition_has_a_factor() -> None:
    words = {word for entry in ENTRIES.values() for word in entry.absorption}
    words |= {channel.when for entry in ENTRIES.values() for channel in entry.channels if channel.when}
    assert words - {"singled_out"} <= set(FACTORS)
    assert {shock.exposure for shock in catalogue().shocks.values()} - {None} == set(EXPOSURES)


# What acts through a mechanism of its own --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "shock", "outcome"),
    [
        ("I18", "cyber_attack", "legitimacy"),
        ("I20", "earthquake", "unemployment"),
        ("I21", "energy_cutoff", "unemployment"),
        ("I22", "accident", "unemployment"),
    ],
)
def test_resilience_lowers_the_damage_of_its_shock(tmp_path: Path, row: str, shock: str, outcome: str) -> None:
    """Damage is the difference to the same world without the shock; resilience lowers it and never turns it round."""
    damage = []
    for programme in ("", f"interventions: {{tested: {{type: {row}, approval: none}}}}\n"):
        series = []
        for event in ("", f"shocks: {{event: {{type: {shock}, at: 2027-01}}}}\n"):
            path = tmp_path / "case.yaml"
            head = "format: 1\ntitle: case\nregion: twin_valleys\nstart: 2024-01\nmonths: 42\n"
            path.write_text(head + programme + event, encoding="utf-8")
            model = StabilityModel(load_scenario(path), setting(), SEED)
            series.append(model.run().series[:, :, OUTCOME_INDEX[outcome]])
        damage.append(np.abs(series[1] - series[0]).sum())
    assert 0.0 < damage[1] < 0.99 * damage[0]


@pytest.mark.parametrize(
    ("row", "delivery"), [("I33", "council_force"), ("I36", "allied_force"), ("I10", "allied_force")]
)
def test_missions_arrive_sooner(busy: Load, row: str, delivery: str) -> None:
    assert arrival(busy(row), delivery) < arrival(busy(), delivery)


def arrival(scenario: Scenario, key: str) -> int:
    """Month in which a force arrives."""
    model = StabilityModel(scenario, setting(), SEED)
    (force,) = [one for one in model.programmes.deliveries if one.key == key]
    model.run()
    return next(month for month, status in force.history if status == RUNNING)


def test_monitors_keep_a_ceasefire(busy: Load) -> None:
    """At a draw that breaks it today, the lower hazard holds."""
    broken, kept = (told(scenario, at_ceasefire).result for scenario in (busy(), busy("I12")))
    fighters, relapses = OUTCOME_INDEX["fighters"], OUTCOME_INDEX["relapses"]
    assert broken.series[-1, :, fighters].sum() > 0.0
    assert kept.series[-1, :, fighters].sum() == 0.0
    for run, expected in ((broken, True), (kept, False)):
        told_of = [one for one in run.decisions if one.what == "takes up arms again"]
        assert run.series[:, :, relapses].sum() == len(told_of)
        assert bool(told_of) == expected


def test_fighters_leave_sooner_under_reintegration(busy: Load, without: Told) -> None:
    fighters = OUTCOME_INDEX["fighters"]
    with_it = told(busy("I13"))
    assert with_it.result.series[-1, 0, fighters] < without.result.series[-1, 0, fighters]


def test_air_campaign_acts_by_the_kind_of_war(busy: Load) -> None:
    """Settlement and civilian deaths against a state; grievance and recruits against irregulars (P12d)."""

    def irregular(model: StabilityModel) -> None:
        at_war(model)
        model.world.posture[:] = 2  # repression, short of war

    scenario = busy("I14")

    def pulls(one: Told) -> dict[str, np.ndarray]:
        """Sums of the levers over the months."""
        return {name: np.sum([month[name] for month in one.levers], axis=0) for name in ("settlement", "recruitment")}

    state, rebels = pulls(told(scenario)), pulls(told(scenario, irregular))
    plain, quiet = pulls(told(busy())), pulls(told(busy(), irregular))
    assert state["settlement"][0] > plain["settlement"][0]
    assert state["recruitment"][0] == plain["recruitment"][0]
    assert rebels["settlement"][0] == quiet["settlement"][0]
    assert rebels["recruitment"][0] > quiet["recruitment"][0]
    assert state["settlement"][1] == plain["settlement"][1], "no war in the east, nothing to settle"


def test_prevention_harms_where_it_singles_out_a_group() -> None:
    g = setting().geography
    everybody = np.arange(g.cell_uid.size)
    one_group = np.flatnonzero(g.cell_group == g.cell_group[0])
    assert not singled_out(everybody, g)
    assert singled_out(one_group, g)
    entry = ENTRIES["I16"]
    fair = [pull.lever for pull in programme_source(entry, everybody, 0.0, g).pulls]
    aimed = [pull.lever for pull in programme_source(entry, one_group, 0.0, g).pulls]
    assert fair.count("recruitment") == 1
    assert aimed.count("recruitment") == 2
    size = sum(channel.size for channel in entry.channels if channel.lever == "recruitment")
    assert np.exp(size) == pytest.approx(1.05, abs=0.001), "P9i: 1.05 where a group is singled out"


def test_clearance_is_for_good(busy: Load, without: Told) -> None:
    (jobs,) = [channel for channel in ENTRIES["I19"].channels if channel.lever == "unemployment"]
    assert (jobs.when, jobs.halflife_months) == ("mined", 12_000)
    ended = told(busy("I19", 1.0, months=6)).levers
    kept = [a["unemployment"][-1] - b["unemployment"][-1] for a, b in zip(ended, without.levers, strict=True)]
    assert kept[-1] / kept[5] > 0.99


def test_accession_works_as_far_as_standards_are_met(busy: Load) -> None:
    world = World(setting(), 1, SEED)
    n = world.setting.region.n_states
    low, full = (
        factor_table(world.fields, np.zeros(n), np.zeros(n), {"standards": np.full(n, met)})[FACTORS.index("standards")]
        for met in (0.3, 1.0)
    )
    assert low.tolist() == [0.3] * n
    assert full.tolist() == [1.0] * n
    assert ENTRIES["I30"].absorption == ("standards",)
    assert told(busy("I30")).levers[-1]["reform_security"].max() > 0.0


def test_clearer_mandates_move_troops_between_rows() -> None:
    standing = np.array([[100.0], [5.0], [2.0], [40.0]])
    assert clear_mandates(standing, np.zeros(1)) is standing
    cleared = clear_mandates(standing, np.array([0.25]))
    assert cleared[:, 0].tolist() == [110.0, 5.0, 2.0, 30.0]


def test_rumours_bring_out_fewer_where_they_are_answered(busy: Load, without: Told) -> None:
    """The lever acts on the rumour itself."""
    peak = OUTCOME_INDEX["peak_participation"]
    with_it = told(busy("I10"))
    assert with_it.levers[7]["rumours"].max() < 0.0
    assert with_it.result.series[7, 1, peak] < without.result.series[7, 1, peak]


def test_trained_contingents_and_means_reach_missions_elsewhere(busy: Load) -> None:
    """I32 helps the missions of others, not one's own; I33 and I36 give means where they act."""
    model = StabilityModel(busy(), setting(), SEED)
    (council,) = [agent for agent in model.institutions if isinstance(agent, UnitedNations)]
    before = [council.means(0), council.means(1)]
    model.world.levers.totals["contribution"][0] = 1.0
    assert [council.means(0), council.means(1)] == pytest.approx([before[0], before[1] + 0.02])
    model.world.levers.totals["un_means"][1] = 0.2
    assert council.means(1) == pytest.approx(before[1] + 0.22)
    model.world.levers.totals["un_means"][1] = 5.0
    assert council.means(1) == 1.0


# In words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS)
def test_marks_of_harm_agree_with_the_direction_of_the_size(row: str) -> None:
    """Who reads `harm` or `side effect` finds a size that points the wrong way, and the other way round."""
    for channel in ENTRIES[row].channels:
        word = role(channel)
        assert (word == "null") == (channel.size == 0.0)
        if LEVER_BY_NAME[channel.lever].kind != "persons":
            assert (word in ("harm", "side effect")) == (harm(channel) > 0.0)


@pytest.mark.parametrize(
    ("lever", "sizes", "text"),
    [
        ("dispute_conversion", (-0.288, -0.598, -0.051), "x0.75 (0.55 to 0.95)"),
        ("mobilisation", (0.095, 0.0, 0.182), "odds x1.10 (1.00 to 1.20)"),
        ("tension", (0.04, 0.0, 0.12), "+1.0 points (0 to +3.0)"),
        ("unemployment", (-0.095, -0.2, 0.0), "-1.0 points (-2.1 to 0)"),
        ("riot_control", (0.3, 0.1, 0.5), "+30 points (+10 to +50)"),
        ("troops", (1.0, 1.0, 1.0), "one for each person sent"),
    ],
)
def test_sizes_are_told_in_the_unit_of_publications(lever: str, sizes: tuple[float, float, float], text: str) -> None:
    assert published(lever, *sizes) == text


@pytest.mark.parametrize("row", ROWS)
def test_every_entry_has_a_card(row: str) -> None:
    entry = ENTRIES[row]
    text = card(entry)
    for channel in entry.channels:
        assert f"({channel.lever})" in text
    for part in (entry.key, entry.cost.basis.split()[0], "provider", "approval", "cost at full dose", "status"):
        assert part in text
    assert text.count("[NULL]") == sum(channel.size == 0.0 for channel in entry.channels)


def test_the_command_shows_families_cards_and_the_nearest_name() -> None:
    run = CliRunner()
    overview = run.invoke(app, ["catalogue", "interventions"])
    assert overview.exit_code == 0
    assert all(f" {row} " in overview.stdout for row in ROWS)
    assert all(title in overview.stdout for title in FAMILIES.values())
    shown = run.invoke(app, ["catalogue", "interventions", "dialogue_forums"])
    assert shown.stdout == run.invoke(app, ["catalogue", "interventions", "I28"]).stdout
    assert "x0.75 (0.55 to 0.95)" in shown.stdout
    stored = run.invoke(app, ["catalogue", "interventions", "I28", "--json"]).stdout
    assert CatalogueEntry.model_validate_json(stored) == ENTRIES["I28"]
    with pytest.raises(InputError, match="did you mean 'dialogue_forums'"):
        run.invoke(app, ["catalogue", "interventions", "dialogue_forum"], standalone_mode=False, catch_exceptions=False)
    assert "default:" in run.invoke(app, ["catalogue", "parameters", "effect_shrink"]).stdout


# Drawn sizes and shrinking -----------------------------------------------------------------------------------------


def drawn_sizes(entry: CatalogueEntry, seeds: int = 1500) -> np.ndarray:
    return np.array([channel_sizes(entry, np.uint64(seed), drawn=True, shrink=1.0) for seed in range(seeds)])


@pytest.mark.parametrize("row", ["I2", "I5", "I15", "I28"])
def test_drawn_sizes_follow_their_distributions(row: str) -> None:
    """Ranks of the draws in their own distribution are uniform; channels of an entry are independent."""
    entry = ENTRIES[row]
    sizes = drawn_sizes(entry)
    for channel, column in zip(entry.channels, sizes.T, strict=True):
        for p in (0.05, 0.25, 0.5, 0.75, 0.95):
            share = np.mean(column <= channel.quantile(p))
            assert share == pytest.approx(p, abs=4.5 * np.sqrt(p * (1 - p) / len(column)))
    between = np.corrcoef(sizes.T) - np.eye(len(entry.channels))
    assert np.abs(between).max() < 0.12


def test_draws_are_keyed_by_run_entry_and_channel(busy: Load) -> None:
    """The same replication meets the same sizes whatever else a scenario holds; another run meets others."""
    scenario = replace(busy("I2"), effects="drawn")
    alone = replace(scenario, interventions=tuple(p for p in scenario.interventions if p.key == "tested"), shocks=())
    weights = []
    for spec, seed in ((scenario, SEED), (alone, SEED), (scenario, SEED + 1)):
        model = StabilityModel(spec, setting(), seed)
        (tested,) = [one for one in model.programmes.deliveries if one.key == "tested"]
        weights.append([pull.weights.tolist() for pull in tested.source.pulls])
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.parametrize("row", ["I2", "I11", "I28"])
def test_dose_zero_changes_not_a_byte_with_drawn_sizes(busy: Load, row: str) -> None:
    drawn, none = (replace(one, effects="drawn") for one in (busy(), busy(row, 0.0)))
    assert told(drawn).result.series.tobytes() == told(none).result.series.tobytes()


@pytest.mark.parametrize("drawn", [False, True])
def test_shrinking_spares_nulls_and_heads(drawn: bool) -> None:
    for entry in ENTRIES.values():
        full = channel_sizes(entry, np.uint64(3), drawn=drawn, shrink=1.0)
        half = channel_sizes(entry, np.uint64(3), drawn=drawn, shrink=0.5)
        for channel, one, other in zip(entry.channels, full, half, strict=True):
            spared = channel.size == 0.0 or LEVER_BY_NAME[channel.lever].kind == "persons"
            assert other == (one if spared else 0.5 * one)


def test_central_sizes_are_those_of_the_catalogue() -> None:
    for entry in ENTRIES.values():
        sizes = channel_sizes(entry, np.uint64(3), drawn=False, shrink=1.0)
        assert sizes == [channel.size for channel in entry.channels]


def test_a_shrunk_programme_does_less(busy: Load, without: Told) -> None:
    """The parameter reaches the run: half the size, about half the pull."""
    full = told(busy("I4")).levers[-1]["reform_security"]
    p = setting().parameters._replace(effect_shrink=0.5)
    model = StabilityModel(busy("I4"), replace(setting(), parameters=p), SEED)
    at_war(model)
    kept: list[np.ndarray] = []
    model.run(lambda m: kept.append(m.world.levers.totals["reform_security"].copy()))
    assert kept[-1] == pytest.approx(0.5 * full, rel=0.02)
