"""Rival theories: every stance is felt where its mechanism is on, and a comparison says under how many it holds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from sim import api
from sim.analysis.theories import DEFAULT, holds_count, theory_effects
from sim.api import reporting
from sim.cli import app
from sim.errors import InputError
from sim.experiment import ResultsFolder
from sim.experiment.plan import Variant, chosen_theories, under_theories
from sim.model.month import StabilityModel
from sim.parameters.theories import THEORIES
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.scenario import Scenario, load_scenario
from sim.world.outcomes import OUTCOME_INDEX, OUTCOME_NAMES
from sim.world.world import Setting, prepare
from tests.experiment_fakes import FakeResult, RealNamesEngine

CITIZENS = 640
RUNS = 4
HEAD = "format: 1\ntitle: {title}\nregion: twin_valleys\nstart: 2024-01\nmonths: {months}\ninstitutions: {mode}\n"

# --- every stance is felt where its mechanism is on -------------------------------------------------


@dataclass(frozen=True)
class World:
    """A small world: mode, months, parameters, text of its scenario; ``solved``: its calm is found with its parameters."""

    mode: str = "scripted"
    months: int = 12
    parameters: tuple[tuple[str, float], ...] = ()
    text: str = ""
    solved: bool = False


CROWDS = World(
    parameters=(("quiet_participation", 3e-4), ("cascade_share", 1e-3), ("focal_rate", 6.0), ("half_peer", 0.005)),
    solved=True,
    text="shocks:\n  campaign: {type: nationalist_campaign, at: 2024-02, magnitude: 2.0}\n",
)
ARMED = World(
    months=24,
    parameters=(("recruitment", 0.003), ("armed_event_rate", 0.004), ("group_hazard", 0.0), ("fighter_cap", 0.05)),
    text="shocks:\n  rising: {type: uprising, targets: {states: [AAA], communities: [teal]}, at: 2024-02, months: 8, "
    "magnitude: 3}\n",
)
MIXED = World(text="shocks:\n  campaign: {type: nationalist_campaign, at: 2024-02, magnitude: 2.0}\n")
EXERCISES = World(
    mode="adaptive",
    text="interventions:\n  exercises: {type: I6, start: 2024-02, intensity: 0.5, approval: none}\n",
)
JOBS = World(text="interventions:\n  jobs: {type: I23, start: 2024-01, intensity: 1.0, approval: none}\n")
QUIET = World()


@cache
def calm(parameters: tuple[tuple[str, float], ...]) -> Setting:
    """The invented region with its own baseline solve."""
    region = load_region(find_region("twin_valleys"), 2024)
    return prepare(region, synthesise(region, CITIZENS), dict(parameters))


def setting(world: World, parameters: dict[str, float]) -> Setting:
    """The world under a stance: the baseline solve is that of the world without it, so that only mechanisms differ."""
    base = calm(world.parameters if world.solved else ())
    return prepare(base.region, base.population, parameters, solve=base.solve)


@cache
def outcomes(world: World, theory: str, stance: str) -> np.ndarray:
    """Outcomes of the region by run, over months and states (n_runs, n_outcomes): means of what was recorded."""
    spec = scenario_of(world, theory, stance)
    made = setting(world, spec.parameters)
    found = []
    for seed in range(RUNS):
        model = StabilityModel(spec, made, seed)
        while model.month < spec.months:
            model.step()
        found.append(model.world.recorder.series.mean(axis=(0, 1)))
    return np.array(found)


def scenario_of(world: World, theory: str, stance: str) -> Scenario:
    text = HEAD.format(title="world", months=world.months, mode=world.mode) + world.text
    values = ", ".join(f"{name}: {value}" for name, value in world.parameters)
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / "world.yaml"
    path.write_text(f"{text}theories: {{{theory}: '{stance}'}}\nparameters: {{{values}}}\n")
    return load_scenario(path)


FOLDER = Path()


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    global FOLDER
    FOLDER = tmp_path_factory.mktemp("theories")


FELT = [
    ("arrest", "floor", CROWDS, "participants", 1),
    ("arrest", "literal", CROWDS, "participants", -1),
    ("motive", "grievance", CROWDS, "participants", 1),
    ("motive", "opportunity", CROWDS, "participants", -1),
    ("motive", "grievance", ARMED, "fighters", 0),
    ("motive", "opportunity", ARMED, "fighters", 0),
    ("contact", "contact", MIXED, "tension", -1),
    ("contact", "threat", MIXED, "tension", 1),
    ("reaction", "off", EXERCISES, "influence", -1),
    ("published_effects", "half", JOBS, "unemployment", 1),
]
"""Theory, stance, a world with its mechanism on, an outcome through which it acts, the sign of its move (0: either)."""


@pytest.mark.parametrize(("theory", "stance", "world", "outcome", "sign"), FELT)
def test_a_stance_is_felt_where_its_mechanism_is_on(
    theory: str, stance: str, world: World, outcome: str, sign: int
) -> None:
    plain, other = (outcomes(world, theory, key) for key in (THEORIES[theory].stances[0].key, stance))
    moved = (other - plain)[:, OUTCOME_INDEX[outcome]]
    assert np.any(moved != 0)
    assert sign == 0 or np.all(np.sign(moved) == sign), moved


def test_every_stance_is_among_those_felt() -> None:
    told = {(theory, stance) for theory, stance, *_ in FELT}
    assert told == {(theory.key, stance.key) for theory in THEORIES.values() for stance in theory.stances[1:]}


@pytest.mark.parametrize(
    ("theory", "stance", "world"), [("reaction", "off", QUIET), ("published_effects", "half", QUIET)]
)
def test_a_stance_changes_nothing_where_its_mechanism_is_off(theory: str, stance: str, world: World) -> None:
    plain, other = (outcomes(world, theory, key) for key in (THEORIES[theory].stances[0].key, stance))
    assert np.array_equal(plain, other)


# --- which stances there are -------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A baseline and a police programme in the invented region."""
    monkeypatch.chdir(tmp_path)
    head = HEAD.format(title="Calm", months=24, mode="scripted")
    (tmp_path / "calm.yaml").write_text(head)
    (tmp_path / "police.yaml").write_text(
        head.replace("Calm", "Police")
        + "interventions:\n  police: {type: I2, start: 2024-02, intensity: 0.5, approval: none}\n"
    )
    return tmp_path


def test_theories_are_chosen_by_name() -> None:
    assert chosen_theories(None) == chosen_theories([]) == ()
    assert chosen_theories("all") == tuple(THEORIES)
    assert chosen_theories("contact, arrest") == chosen_theories(["arrest", "contact"]) == ("arrest", "contact")
    with pytest.raises(InputError, match=r"got contct; allowed arrest, .*did you mean 'contact'") as caught:
        chosen_theories("contct,all,")
    assert len(caught.value.problems) == 2


def test_variants_are_the_scenario_file_with_the_stance_in_it(study: Path) -> None:
    names = ["calm.yaml", "police.yaml"]
    made = list(under_theories([load_scenario(name) for name in names], list(THEORIES)))
    others = sum(len(theory.stances) - 1 for theory in THEORIES.values())
    assert len(made) == 2 * others
    for variant, scenario in made:
        read = load_scenario(f"{variant.scenario}.yaml", [f"theories.{variant.theory}={variant.stance}"])
        assert (read.content_hash(), read.theories) == (scenario.content_hash(), scenario.theories)
        assert scenario.key == variant.key == f"{variant.scenario}@{variant.theory}={variant.stance}"


def test_a_scenario_that_follows_a_stance_has_the_model_s_own_as_a_variant(study: Path) -> None:
    floor = load_scenario("calm.yaml", ["theories.arrest=floor"])
    made = {variant.stance: scenario for variant, scenario in under_theories([floor], ["arrest"])}
    assert {key: scenario.parameters for key, scenario in made.items()} == {"smooth": {}, "literal": {"arrest_form": 2}}


def test_a_theory_that_a_scenario_s_own_parameter_hides_is_refused(study: Path) -> None:
    own = load_scenario("calm.yaml", ["parameters.b_risk=1"])
    with pytest.raises(InputError, match=r"calm\.parameters\.b_risk: is set by the scenario itself"):
        list(under_theories([own], ["motive"]))
    assert len(list(under_theories([own], ["arrest"]))) == 2


# --- a comparison under rival theories ---------------------------------------------------------------


class DividedEngine(RealNamesEngine):
    """Police lowers incidents as it is, as much under contact, half under half; it raises them under opportunity."""

    def simulate(self, scenario: Scenario, seed: int) -> FakeResult:
        result = super().simulate(scenario, seed)
        settings = scenario.parameters
        factor = settings.get("effect_shrink", 1.0) * (-1.0 if settings.get("b_grievance") == 0.0 else 1.0)
        police = sum(item.intensity for item in scenario.interventions)
        incidents = result.series[..., OUTCOME_INDEX["incidents"]]
        incidents += police * (1.0 - factor) + settings.get("tension_contact", 0.0)
        return result


SETTINGS = {"replications": 6, "citizens": 1000, "workers": 1, "parameters": "central", "engine": DividedEngine()}


def test_a_comparison_says_under_how_many_stances_each_conclusion_holds(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = reporting.comparison_figures
    only = lambda *given: (named for named in drawn(*given) if named[0].startswith("theories"))  # noqa: E731
    monkeypatch.setattr(reporting, "comparison_figures", only)
    made = api.compare(["calm.yaml", "police.yaml"], theories="all", out=study / "o", **SETTINGS)
    assert made.tally.done == 2 * 9 * 6
    assert [item.key for item in made.scenarios] == ["calm", "police"]
    assert set(made.effects["scenario"]) == set(made.districts["scenario"]) == {"police"}
    rows = made.theories[made.theories["outcome"] == "incidents"].set_index(["theory", "stance"])
    assert rows["effect"].to_dict() == pytest.approx(
        {
            (DEFAULT, "as it is"): -24.0,
            ("arrest", "floor"): -24.0,
            ("arrest", "literal"): -24.0,
            ("motive", "grievance"): -24.0,
            ("motive", "opportunity"): 24.0,
            ("contact", "contact"): -24.0,
            ("contact", "threat"): -24.0,
            ("reaction", "off"): -24.0,
            ("published_effects", "half"): -12.0,
        }
    )
    assert rows.index[0] == (DEFAULT, "as it is")
    assert sorted(rows.index[rows["in_play"]]) == [
        ("contact", "contact"), ("contact", "threat"), ("motive", "opportunity"), ("published_effects", "half"),
    ]  # fmt: skip
    assert list(rows.index[~rows["holds"]]) == [("motive", "opportunity")]
    counted = made.holds.set_index("outcome").loc["incidents"]
    assert counted.to_dict() == {
        "scenario": "police",
        "conclusion": "better",
        "holds": 8,
        "stances": 9,
        "reversed": 1,
        "not_in_play": 4,
        "fails_under": "motive: opportunity",
        "in_words": "holds under 8 of 9, reversed under 1; 4 changed nothing here",
    }
    pd.testing.assert_frame_equal(pd.read_csv(study / "o" / "holds.csv").fillna(""), made.holds)
    assert (study / "o" / "figures" / "theories_police.png").is_file()
    page = (study / "o" / "report.html").read_text()
    assert "Under rival theories" in page
    assert "holds under 8 of 9, reversed under 1" in page
    assert "--theories arrest,motive,contact,reaction,published_effects" in page
    again = api.read_results(study / "o")
    assert [item.key for item in again.scenarios] == ["calm", "police"]
    assert len(again.holds) == len(made.holds)  # type: ignore[attr-defined]
    stored = (study / "o" / "report.html").read_bytes()
    assert api.report(study / "o", out=study / "again.html").read_bytes() == stored


def test_theories_join_a_comparison_in_its_folder_and_share_its_draws(study: Path) -> None:
    settings = {**SETTINGS, "figures": False, "out": study / "o"}
    plain = api.compare(["calm.yaml", "police.yaml"], **settings)
    assert plain.theories.empty
    assert plain.holds.empty
    joined = api.compare(["calm.yaml", "police.yaml"], theories=["contact"], **settings)
    assert (joined.tally.reused, joined.tally.total) == (12, 36)
    pd.testing.assert_frame_equal(joined.effects, plain.effects)
    pd.testing.assert_frame_equal(joined.districts, plain.districts)
    seeds = joined.runs.groupby("replication")["seed"].nunique()
    assert list(seeds) == [1] * 6
    identity = joined.runs.query("scenario == 'police@contact=threat'")["run"].iloc[0]
    same = api.compare(["calm.yaml", "police.yaml"], theories="contact", **settings)
    assert (same.tally.reused, same.tally.total) == (36, 36)
    assert ResultsFolder(study / "o").row(identity) is not None


def test_worlds_of_which_one_follows_a_stance_are_compared_under_the_same_one(study: Path) -> None:
    floor = study / "police.yaml"
    floor.write_text(floor.read_text() + "theories: {arrest: floor}\n")
    made = api.compare(["calm.yaml", floor], theories="arrest", figures=False, **SETTINGS)
    assert set(made.runs["scenario"]) == {
        "calm", "police", "calm@arrest=floor", "calm@arrest=literal", "police@arrest=smooth", "police@arrest=literal",
    }  # fmt: skip
    assert set(made.theories["stance"]) == {"as it is", "smooth", "floor", "literal"}
    assert set(made.theories["n"]) == {6}


def test_the_command_shows_the_cost_first_and_what_holds_last(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.api.prepare.ModelEngine", lambda *_: DividedEngine())
    monkeypatch.setattr("sim.api.reporting.draw", lambda figures, folder=None: [])
    call = ["compare", "calm.yaml", "police.yaml", "--citizens", "1000", "--replications", "4", "--workers", "1"]
    call += ["--parameters", "central"]
    done = CliRunner().invoke(app, [*call, "--theories", "motive,published_effects"])
    assert done.exit_code == 0, done.output
    assert "2 scenarios and 6 variants under rival theories, 4 replications: 32 runs, about" in done.output
    assert "holds under 3 of 4, reversed under 1" in done.output
    assert "motive: opportunity" in done.output
    assert done.output.index("32 runs") < done.output.index("Police, compared with Calm")
    wrong = CliRunner().invoke(app, [*call, "--theories", "motives"])
    assert wrong.exit_code != 0
    assert "did you mean" in str(wrong.exception)


# --- by hand ----------------------------------------------------------------------------------------


def windows(values: dict[str, list[float]]) -> pd.DataFrame:
    """Whole-run incidents of the region by scenario and replication; every other outcome 0."""
    rows = [
        {**dict.fromkeys(OUTCOME_NAMES, 0.0), "scenario": key, "replication": number, "incidents": value}
        for key, numbers in values.items()
        for number, value in enumerate(numbers)
    ]
    return pd.DataFrame(rows).assign(scope="region", window="whole run")


def holds(**stances: tuple[list[float], list[float]]) -> pd.Series:
    """Count incidents, from (baseline, scenario) as it is and under stances."""
    values = {"a": stances["plain"][0], "b": stances["plain"][1]}
    variants = []
    for name, (base, other) in stances.items():
        if name != "plain":
            values |= {f"a@x={name}": base, f"b@x={name}": other}
            variants += [Variant(f"{key}@x={name}", key, "x", name) for key in "ab"]
    return holds_count(theory_effects(windows(values), "a", variants)).set_index("outcome").loc["incidents"]


FEWER, MORE, MIXED_UP = [4.0, 5.0, 6.5, 7.0], [14.0, 15.0, 16.5, 17.0], [14.0, 5.0, 16.0, 7.0]
BASE = [10.0, 11.0, 12.0, 13.0]


def test_holds_needs_the_same_direction_and_a_clear_effect() -> None:
    counted = holds(plain=(BASE, FEWER), same=(BASE, FEWER), up=(BASE, MORE), noise=(BASE, MIXED_UP))
    assert (counted["conclusion"], counted["holds"], counted["stances"], counted["reversed"]) == ("better", 2, 4, 1)
    assert counted["fails_under"] == "x: up; x: noise"
    assert counted["in_words"] == "holds under 2 of 4, reversed under 1; 1 changed nothing here"


def test_nothing_holds_where_nothing_is_clear_as_it_is() -> None:
    counted = holds(plain=(BASE, MIXED_UP), down=(BASE, FEWER))
    assert (counted["holds"], counted["reversed"], counted["fails_under"]) == (0, 0, "")
    assert counted["in_words"] == "nothing clear as it is; clear under 1 of 2"


def test_a_stance_without_finished_runs_is_left_out() -> None:
    values = {"a": BASE, "b": FEWER, "b@x=y": FEWER}
    variants = [Variant(f"{key}@x=y", key, "x", "y") for key in "ab"]
    table = theory_effects(windows(values), "a", variants)
    assert set(table["theory"]) == {DEFAULT}
