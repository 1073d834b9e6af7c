"""The compiled core against the per-agent twin: equal agent by agent, and able to differ."""

from __future__ import annotations

import ast
import dataclasses
import gc
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import types
from sim.kernels import draws, elementary
from sim.population import synthesise
from sim.region import Region, find_region, load_region
from sim.types import Inputs
from sim.world.effects import Reach, factor_table, make_pull
from sim.world.levers import LEVERS
from sim.world.world import Setting, World, prepare
from tests.twin import BulkSampler, Sampler, TwinModel, arithmetic, model
from tests.twin.citizen import Citizen
from tests.twin.compare import differences, of_twin, of_world
from tests.twin.places import FLOWS, District

HERE = Path(__file__).parent
Arrange = Callable[[World, int], None]

LIVELY = {
    "recruitment": 2.5e-3, "armed_event_rate": 1e-2, "armed_cap": 9.0, "exit_halflife": 6.0,
    "fighter_cap": 0.01, "flight_deaths": 0.02, "flight_half": 5.0, "return_halflife": 3.0,
    "incident_rate": 0.3, "lethal_share": 0.3, "communal_cap": 3.0, "communal_tail": 2.0,
    "spark_rate": 0.2, "focal_rate": 12.0, "detain_peaceful": 0.015, "detain_violent": 0.15,
    "kin_shield": 0.6, "violent_share": 0.1, "extremism_halflife": 1.0, "b_recruit_extremism": 3.0,
    "quiet_participation": 3e-4, "cascade_share": 1e-3, "tension_contact": 0.4,
}  # fmt: skip
"""Parameters at which much happens in a short time in a small region; all within the accepted bounds."""


# What happens in the cases. Each changes the world before its inputs of the month are composed, or after.


def calm(world: World, month: int) -> None:
    """Nothing but what is there."""
    world.set_inputs()


def rumour(world: World, month: int) -> None:
    """A rumour reaches one community of one state in the third round of the second month."""
    world.set_inputs()
    if month == 1:
        g = world.setting.geography
        hit = np.flatnonzero(g.cell_group == g.cell_group[1])
        world.inputs.shock[2, hit] = 7.0
        world.inputs.shock[3, hit] = 3.5


def war(world: World, month: int) -> None:
    """An armed group of one community, met by force and expulsion; it stops fighting and disarms later."""
    world.arms[1] = 0.9 if month < 4 else 0.0
    world.attack[1] = 0.8 if month < 5 else 0.0
    world.posture[1] = 3 if month < 5 else 1
    world.posture[2] = 2
    world.expulsion[1] = 0.4 if 1 < month < 4 else 0.0
    world.set_inputs()


def levers(world: World, month: int) -> None:
    """Every lever pulled, with a different strength at different places."""
    g = world.setting.geography
    n_s = g.state_uid.size
    sizes = {"level": 0.4, "rate": 0.35, "log_odds": 0.5, "share": 0.45, "persons": 250.0}
    table = factor_table(world.fields, np.zeros(n_s), np.ones(n_s))
    pulls = []
    for number, lever in enumerate(LEVERS):
        cells = np.arange(number % 3, g.cell_uid.size, 2)
        size = sizes[lever.kind] * (1.0 if (number + month) % 3 else -0.5)
        pull = make_pull(lever.name, size, Reach(cells), g, 0.0, 0.0, ("capacity",))
        pulls.append((pull, 0.3 + 0.1 * month))
    world.levers.rebuild(pulls, table)
    world.hot_spots[:] = 0.8 + 0.4 * (np.arange(world.hot_spots.size) % 2)
    world.standing[:] = 100.0 + 50.0 * np.arange(4)[:, None]
    world.set_inputs()


def everything(world: World, month: int) -> None:
    """A war, a rumour and every lever at once."""
    world.arms[0] = 0.3
    world.attack[0] = 0.2
    war(world, month)
    levers(world, month)
    shock = world.inputs.shock
    if month in (1, 3):
        shock[2, ::2] = 2.0
        shock[3, ::2] = 1.0


def make_setting(region: Region, citizens: int | str, overrides: dict[str, float] | None = None) -> Setting:
    return prepare(region, synthesise(region, citizens), overrides)


def run_both(setting: Setting, months: int, arrange: Arrange, seed: int = 11, sampler: Sampler | None = None) -> Any:
    """Run world and twin side by side, equal at the start and after every month; return both, and flows."""
    world = World(setting, months, seed, log_rounds=True)
    twin = TwinModel(setting, sampler or Sampler(seed))
    assert differences(of_world(world), of_twin(twin)) == []
    flows = 0
    for month in range(months):
        arrange(world, month)
        twin.receive(world.inputs)
        world.advance()
        twin.step()
        assert differences(of_world(world), of_twin(twin)) == [], f"month {month}"
        flows = flows + world.tallies.month.sum(axis=1)
    return world, twin, {name: int(flows[getattr(types, name.upper())]) for name in FLOWS}


@pytest.fixture(scope="module")
def valleys() -> Region:
    return load_region(find_region("twin_valleys"))


@pytest.fixture(scope="module")
def lively(valleys: Region) -> Setting:
    return make_setting(valleys, 150, LIVELY)


def custom_region(folder: Path, factor: float) -> Region:
    """Twin Valleys with its population scaled, in a folder of its own; no community is merged with others."""
    shutil.copytree(find_region("twin_valleys"), folder)
    settings = folder / "region.toml"
    text = settings.read_text(encoding="utf-8")
    text = text.replace("protected = []", 'protected = ["AAA/amber", "AAA/teal", "BBB/amber", "BBB/teal"]')
    text = text.replace("population = [10000, 1000000]", "population = [100, 100000000]")
    settings.write_text(text, encoding="utf-8")
    for name, column, rows in (("communities.csv", 2, ""), ("state_values.csv", 3, "population")):
        table = [line.split(",") for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        for parts in table[1:]:
            if rows in ("", parts[2]):
                parts[column] = str(int(float(parts[column]) * factor))
        (folder / name).write_text("\n".join(map(",".join, table)) + "\n", encoding="utf-8")
    return load_region(folder)


# Equality.


def test_equal_in_calm(valleys: Region) -> None:
    _, _, flows = run_both(make_setting(valleys, 400), 6, calm)
    assert flows["active"] > 0


def test_equal_through_a_rumour(valleys: Region) -> None:
    world, _, flows = run_both(make_setting(valleys, 250), 4, rumour)
    crowds = world.tallies.round_log[0].sum(axis=1)
    assert crowds[6] > 10 * crowds[:6].max()
    assert flows["violent"] > 100
    assert flows["new_detained"] > 0
    assert flows["released"] > 0
    assert flows["incidents"] > 0


def test_equal_through_a_war(lively: Setting) -> None:
    world, _, flows = run_both(lively, 9, war)
    assert all(count > 0 for count in flows.values()), flows
    assert world.tallies.displaced.sum() > 0
    assert world.tallies.dead.sum() > 0


def test_equal_under_every_lever(lively: Setting) -> None:
    world, _, _ = run_both(lively, 5, levers)
    for lever in LEVERS:
        assert np.any(world.levers.totals[lever.name] != 0.0), lever.name


def test_equal_when_everything_happens(valleys: Region) -> None:
    _, _, flows = run_both(make_setting(valleys, 130, LIVELY), 8, everything, seed=2**63 + 5)
    assert all(count > 0 for count in flows.values()), flows


@pytest.mark.parametrize("form", [1.0, 2.0])
def test_equal_with_rival_theories_of_arrest(valleys: Region, form: float) -> None:
    setting = make_setting(valleys, 130, LIVELY | {"arrest_form": form})
    run_both(setting, 3, rumour)


def test_equal_with_one_citizen_per_inhabitant(tmp_path: Path) -> None:
    setting = make_setting(custom_region(tmp_path / "small", 0.01), "all", LIVELY)
    assert setting.population.heaviest == 1
    world, _, flows = run_both(setting, 4, everything)
    assert world.citizens.dead.dtype == np.uint8
    assert flows["recruits"] > 0
    assert flows["new_displaced"] > 0


def test_equal_with_heavy_citizens(tmp_path: Path) -> None:
    setting = make_setting(custom_region(tmp_path / "large", 100.0), 130, LIVELY | {"armed_cap": 2000.0})
    assert setting.population.heaviest > 2**16
    world, _, flows = run_both(setting, 4, everything)
    assert world.citizens.dead.dtype == np.uint32
    assert all(count > 0 for name, count in flows.items() if name != "exits"), flows


def test_equal_in_the_western_balkans() -> None:
    """Real neighbourhoods: uneven districts, several borders, communities alone in their district."""
    region = load_region(find_region("western_balkans"))
    run_both(make_setting(region, 9_000, LIVELY), 2, everything)


def test_bulk_draws_are_the_same_draws(lively: Setting) -> None:
    q, g = lively.population, lively.geography
    run_both(lively, 5, everything, sampler=BulkSampler(11, g.cell_uid, q.cell_start))


def test_arithmetic_is_equal_to_the_last_bit() -> None:
    rng = np.random.default_rng(1)
    for x in [*rng.uniform(-800.0, 800.0, 2000), *rng.normal(0.0, 1.0, 2000), 0.0, -0.0]:
        assert arithmetic.exp(float(x)) == elementary.exp(float(x))
        assert arithmetic.logistic(float(x)) == elementary.logistic(float(x))
    for x in [*np.exp(rng.uniform(-600.0, 600.0, 2000)), *rng.uniform(0.5, 2.0, 2000), 1.0, 2.0**0.5]:
        assert arithmetic.log(float(x)) == elementary.log(float(x))
    for u in [*rng.uniform(0.0, 1.0, 2000), *np.exp(rng.uniform(-36.0, -1.0, 500)), 0.5]:
        assert arithmetic.normal_quantile(float(u)) == elementary.normal_quantile(float(u))
        p, n = float(rng.uniform()) ** 4, int(10.0 ** rng.uniform(0.0, 5.0))
        assert arithmetic.binomial(float(u), n, p) == draws.binomial(float(u), n, p)
        assert arithmetic.poisson(float(u), n * p) == draws.poisson(float(u), n * p)


# The comparison can fail: planted bugs, and every parameter and every input changed for the twin alone.

MONTHS = 8


@pytest.fixture(scope="module")
def history(lively: Setting) -> list[tuple[Inputs, dict[str, Any]]]:
    """Inputs of each month of the liveliest case, and the world after it."""
    world = World(lively, MONTHS, 11, log_rounds=True)
    out = []
    for month in range(MONTHS):
        everything(world, month)
        inputs = Inputs(*(array.copy() for array in world.inputs))
        world.advance()
        out.append((inputs, of_world(world)))
    return out


def month_of_first_difference(
    setting: Setting,
    history: list[tuple[Inputs, dict[str, Any]]],
    changed: Callable[[Inputs], Inputs] | None = None,
) -> int | None:
    """Run a (changed) twin against what the world did; the first month with any difference, or None."""
    twin = TwinModel(setting, Sampler(11))
    for month, (inputs, world) in enumerate(history):
        twin.receive(changed(inputs) if changed else inputs)
        twin.step()
        if differences(world, of_twin(twin)):
            return month
    return None


def forget_release(self: Citizen, u: float, chance: float) -> None:
    """Planted: the detained stay for ever."""


def weigh_twice(self: Citizen) -> int:
    """Planted: a person counts as often as the citizen has persons."""
    taken = self.detained + self.displaced + self.in_arms + self.dead
    return (self.persons - taken) * self.persons


def blame_neighbour(self: District, incidents: int, answered: float) -> None:
    """Planted: the next district of the state is to answer for what happened here."""
    others = self.state.districts
    other = others[(others.index(self) + 1) % len(others)]
    other.reprisal += incidents
    self.reprisal -= answered


PLANTED = {
    "sign of grievance": (Citizen, "grievance", lambda self: -self.cell.anger * self.hardship),
    "release forgotten": (Citizen, "be_released", forget_release),
    "wrong month": (TwinModel, "tick", property(lambda self: 4 * (self.month + 1) + self.quarter)),
    "weight used twice": (Citizen, "free", property(weigh_twice)),
    "reprisal in the wrong district": (District, "owe_reprisal", blame_neighbour),
    "one sub-round too few": (model, "SUB_ROUNDS", model.SUB_ROUNDS - 1),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_planted_bug_is_seen(bug: str, lively: Setting, history: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert month_of_first_difference(lively, history) is None
    monkeypatch.setattr(*PLANTED[bug])
    assert month_of_first_difference(lively, history) is not None


class Watched:
    """Parameters that note which of them are read."""

    def __init__(self, parameters: Any) -> None:
        self._parameters = parameters
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self._parameters, name)


def test_every_parameter_that_is_read_is_felt(lively: Setting, history: list[Any]) -> None:
    watched = Watched(lively.parameters)
    assert month_of_first_difference(dataclasses.replace(lively, parameters=watched), history) is None
    unfelt = []
    for name in sorted(watched.read):
        value = getattr(lively.parameters, name)
        others = (0.7 * value, 1.2 * value) if value else (1.0,)
        settings = (
            dataclasses.replace(lively, parameters=lively.parameters._replace(**{name: other})) for other in others
        )
        if all(month_of_first_difference(setting, history) is None for setting in settings):
            unfelt.append(name)
    assert unfelt == []
    assert len(watched.read) > 100


@pytest.mark.parametrize("name", Inputs._fields)
def test_every_input_is_felt(name: str, lively: Setting, history: list[Any]) -> None:
    def changed(inputs: Inputs) -> Inputs:
        return inputs._replace(**{name: 0.9 * getattr(inputs, name)})

    assert month_of_first_difference(lively, history, changed) is not None


# The twin itself.


def test_twin_takes_only_draws_from_the_kernels() -> None:
    allowed = {"uniform", "uniform_pair", "citizen_uniform", "words", "unit32"}
    files = sorted((HERE / "twin").glob("*.py"))
    assert files
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sim"):
                assert node.module in {"sim", "sim.types", "sim.kernels"}, f"{path.name}: {node.module}"
                if node.module == "sim.kernels":
                    assert [alias.name for alias in node.names] == ["draws"], path.name
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("sim") for alias in node.names), path.name
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "draws":
                assert node.attr in allowed or node.attr.isupper(), f"{path.name}: draws.{node.attr}"


def test_mesa_does_not_keep_a_twin_alive(lively: Setting) -> None:
    twin = TwinModel(lively, Sampler(1))
    assert len(twin.agents) == lively.population.citizens
    ghost = weakref.ref(twin)
    del twin
    gc.collect()
    assert ghost() is None
