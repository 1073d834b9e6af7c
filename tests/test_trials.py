"""The trial framework finds known answers in made-up data, and refuses bad files."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checks import page, stored
from checks.figures import forest_figure, ratio_rows
from checks.lab import Lab
from checks.records import CheckResult, ResultRow, Value
from checks.trials import TRIALS, carry, schema, testbed, trials
from checks.trials.carry import TrialEstimate, carry_out, row_of
from checks.trials.schema import ROWS, Trial, digest, read_trial
from sim.errors import InputError
from sim.interventions import catalogue, read_catalogue
from sim.interventions.catalogue import FOLDER, TunedScale, read_tuned, tuned, tuned_scales, with_scales, write_tuned

FIRST = ("P1", "P2", "P5", "P7", "P9g", "P10a", "P11h", "P12a")


def content(**changes: Any) -> dict[str, Any]:
    own = {"what": "Incidents", "part": "own", "estimator": "irr", "outcome": "incidents", "arm": "forums",
           "months": [1, 6], "value": 0.75, "window": {"low": 0.5, "high": 0.9, "basis": "E"}}  # fmt: skip
    made: dict[str, Any] = {
        "format": 1,
        "row": "P11h",
        "title": "A small trial",
        "intervention": "I28",
        "study": {"source": "nobody", "unit": "a town", "dose": "full", "horizon": "half a year"},
        "world": {"scope": "calm_local", "months": 6},
        "arms": {"forums": {"text": "forums", "programme": {"type": "I28"}}},
        "measures": [own],
    }
    return {**made, **changes}


def small(**changes: Any) -> Trial:
    return Trial.model_validate(content(**changes))


def written(folder: Path, made: dict[str, Any]) -> Path:
    path = folder / "P11h.yaml"
    path.write_text(json.dumps(made, indent=1), encoding="utf-8")
    return path


# --- files


def test_the_first_eight_rows_are_there_and_every_file_can_be_read() -> None:
    rows = [trial.row for trial in trials()]
    assert set(FIRST) <= set(rows)
    assert [fact.key for fact in TRIALS] == rows
    for trial in trials():
        assert trial.own.part == "own"
        assert trial.own.window is not None
        for arm in trial.arms.values():
            if arm.programme is not None:
                assert len(testbed.resolved(schema.canonical(arm.programme), trial.world.months)) == 1


def test_a_file_that_was_written_is_read_back(tmp_path: Path) -> None:
    assert read_trial(written(tmp_path, content())) == small()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arms": {}}, "arms"),
        ({"world": {"scope": "post_wr", "months": 6}}, r"world\.scope.*post_war"),
        ({"world": {"scope": "post_war", "months": 6, "parameters": {"recruitmnt": 1.0}}}, r"no such parameter.*recruitment"),
        ({"intervention": "I99"}, "no such intervention"),
        ({"row": "P11"}, "not the name of the file.*P11h"),
        ({"surprise": 1}, "surprise.*unknown key"),
        ({"tune": True, "intervention": None}, "tune.*needs an intervention"),
        ({"arms": {"forums": {"text": "nothing"}}}, "needs a programme or a mission"),
        ({"kappa": 1.5}, "kappa"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_trial(written(tmp_path, content(**changes)))
    problem = caught.value.problems[0]
    assert problem.file.endswith("P11h.yaml")
    assert problem.line is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"outcome": "incident"}, "not a recorded outcome.*incidents"),
        ({"arm": "forum"}, "no such arm.*forums"),
        ({"months": [3, 9]}, "within the trial.*1 to 6"),
        ({"estimator": "p_harm"}, "needs an arm with drawn sizes"),
        ({"window": {"low": 2.0, "high": 1.0, "basis": "E"}}, "low < high"),
        ({"window": None}, "needs the published target range"),
    ],
)
def test_a_bad_measure_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    own = {**content()["measures"][0], **change}
    with pytest.raises(InputError, match=said):
        read_trial(written(tmp_path, content(measures=[own])))


def test_all_problems_of_a_file_are_listed_at_once(tmp_path: Path) -> None:
    own = {**content()["measures"][0], "outcome": "nonsense", "arm": "nobody", "months": [0, 99]}
    with pytest.raises(InputError) as caught:
        read_trial(written(tmp_path, content(measures=[own], intervention="I0")))
    assert len(caught.value.problems) == 4


# --- estimators


def runs(treated: Any, over: Any) -> dict[str, Any]:
    """Made-up runs of one outcome: (n, months) in the treated state, nothing next door."""
    made = {}
    for name, values in (("forums", treated), ("control", over)):
        here = np.asarray(values, float)
        made[name] = np.stack([here, np.zeros_like(here)], axis=-1)[:, None]
    return made


def estimated(estimator: str, treated: Any, over: Any, **changes: Any) -> TrialEstimate:
    own = {**content()["measures"][0], "estimator": estimator, **changes}
    trial = small(measures=[own])
    return carry.estimate(trial, trial.own, runs(treated, over))


def test_a_rate_ratio_is_a_ratio_of_sums_not_a_mean_of_ratios() -> None:
    made = estimated("irr", [[1.0] * 6, [30.0] * 6], [[10.0] * 6, [30.0] * 6])
    assert made.value.value == pytest.approx(31 / 40)


def test_only_months_of_the_window_count() -> None:
    treated, over = [[9.0, 1.0, 1.0, 9.0, 9.0, 9.0]] * 3, [[2.0] * 6] * 3
    assert estimated("irr", treated, over, months=[2, 3]).value.value == pytest.approx(0.5)


def test_a_rate_ratio_covers_the_truth() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        made = estimated("irr", rng.poisson(3.0, (60, 6)), rng.poisson(4.0, (60, 6)))
        inside += made.value.low <= 0.75 <= made.value.high
    assert 0.9 * 200 <= inside <= 0.99 * 200


def test_a_hazard_ratio_is_found_in_exponential_times() -> None:
    rng = np.random.default_rng(2)

    def counts(rate: float, n: int = 4000, months: int = 120) -> Any:
        times = np.ceil(rng.exponential(1 / rate, n)).astype(int)
        return (np.arange(1, months + 1)[None] == times[:, None]).astype(float)

    made = carry.hazard_ratio(carry.spells(counts(0.004), 1, 120), carry.spells(counts(0.01), 1, 120))
    assert made.value.value == pytest.approx(0.4, rel=0.1)
    assert made.value.low < 0.4 < made.value.high
    assert made.error == pytest.approx(math.sqrt(1 / (4000 * 0.38) + 1 / (4000 * 0.70)), rel=0.25)


def test_those_with_an_event_before_the_window_are_not_at_risk() -> None:
    made = carry.spells(np.array([[0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 0, 0]], float), 3, 4)
    assert made.tolist() == [[0.0, 0.0], [1.0, 1.0], [0.0, 2.0]]


def test_differences_are_in_points_and_in_standard_deviations() -> None:
    treated, over = [[0.30] * 6, [0.34] * 6], [[0.20] * 6, [0.22] * 6]
    assert estimated("pp", treated, over).value.value == pytest.approx(11.0)
    assert estimated("sd", treated, over).value.value == pytest.approx(0.11 / 0.289)


def test_displacement_is_the_rise_next_door_over_the_fall_here() -> None:
    over = np.array([[10.0, 10.0], [8.0, 8.0]])
    made = carry.displaced(over + [[-4.0, 1.6], [-2.0, 0.8]], over)
    assert made.value.value == pytest.approx(0.4)
    assert math.isnan(carry.displaced(over + 1.0, over).value.value)


def test_the_chance_of_harm_counts_draws_not_replications() -> None:
    over = np.ones((32, 6))
    treated = over + np.repeat([0.5, -0.5, -0.5, 0.5], 8)[:, None]
    arms = {"forums": {"text": "f", "programme": {"type": "I28"}, "sizes": "drawn"}}
    own = {**content()["measures"][0], "estimator": "p_harm"}
    trial = small(measures=[own], arms=arms)
    made = carry.estimate(trial, trial.own, runs(treated, over))
    assert made.value.value == 0.5
    assert carry.by_draw(np.ones((30, 2))).shape == (3, 2)


# --- the power rule


def test_a_ratio_is_precise_below_a_tenth() -> None:
    own = small().own
    assert carry.precise(own, TrialEstimate(Value(0.7, 0.6, 0.8), 0.099))
    assert not carry.precise(own, TrialEstimate(Value(0.7, 0.6, 0.8), 0.101))
    assert not carry.precise(own, TrialEstimate(Value(0.0), math.nan))


def test_too_few_replications_are_said_and_not_judged() -> None:
    trial = small()
    wide = row_of(trial, trial.own, TrialEstimate(Value(0.7, 0.3, 1.6), 0.4))
    assert wide.verdict == "inconclusive"
    assert "more replications needed" in wide.note
    around = row_of(trial, trial.own, TrialEstimate(Value(0.45, 0.2, 1.3), 0.4))
    assert around.verdict == "inconclusive"
    outside = row_of(trial, trial.own, TrialEstimate(Value(2.5, 1.6, 3.9), 0.2))
    assert outside.verdict == "fail"
    inside = row_of(trial, trial.own, TrialEstimate(Value(0.7, 0.55, 0.85), 0.12))
    assert inside.verdict == "pass"


def test_a_tuned_row_says_so_and_when_it_is_out_of_date(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = small()
    near, far = TrialEstimate(Value(0.76, 0.7, 0.82), 0.04), TrialEstimate(Value(0.88, 0.83, 0.93), 0.03)

    def said(scale: float | None, found: TrialEstimate, row: str = "P11h") -> ResultRow:
        made = TunedScale("I28", row, scale, None, None, 0.75, 0.75, 48, "x")
        monkeypatch.setattr(carry, "tuned_scales", lambda: {"I28": made})
        return row_of(trial, trial.own, found)

    assert (said(1.2, near).status, said(1.2, near).note) == ("tuned", "")
    assert "tune again" in said(1.2, far).note
    assert said(None, near).status == "judged"
    assert "no scale up to 10" in said(None, near).note
    assert said(1.2, far, "P9f").status == "judged"
    assert "tune" not in said(1.2, far, "P9f").note


def test_replications_double_until_precise(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = small(replications=400)
    asked: list[int] = []

    def fake(trial: Trial, arm: str, replication: int, scale: float | None) -> Any:
        asked.append(replication)
        rng = np.random.default_rng([replication, arm == "control"])
        return np.stack([rng.poisson(0.35, 6), np.zeros(6)], axis=-1)[None].astype(float)

    monkeypatch.setattr(carry, "arm_run", fake)
    made = carry.replicate(trial, Lab(), (trial.own,))
    n = len(made["control"])
    assert n == 192
    assert sorted(asked) == sorted([*range(n), *range(n)])
    error = carry.estimate(trial, trial.own, made).error
    assert error < 0.10
    half = {arm: one[: n // 2] for arm, one in made.items()}
    assert carry.estimate(trial, trial.own, half).error >= 0.10
    assert len(carry.replicate(trial, Lab(replications=16), (trial.own,))["control"]) == 16


# --- tuning


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_scale_of_a_synthetic_response_is_found(power: float) -> None:
    target = math.log(0.6)
    root = carry.solve(lambda scale: (-0.2 * scale**power, 0.03), target)
    assert root.scale == pytest.approx((-target / 0.2) ** (1 / power), rel=0.05)
    assert root.reached == pytest.approx(target, abs=0.01)
    assert root.low < root.scale < root.high


def test_harms_are_tuned_upwards_too() -> None:
    assert carry.solve(lambda scale: (0.3 * scale, 0.01), math.log(1.2)).scale == pytest.approx(0.608, rel=0.06)


def test_what_no_scale_reaches_is_said() -> None:
    root = carry.solve(lambda scale: (-0.1 * (1 - math.exp(-scale)), 0.01), math.log(0.7))
    assert root.scale is None
    assert root.reached == pytest.approx(-0.1, abs=0.01)
    wrong_way = carry.solve(lambda scale: (0.05 * scale, 0.01), math.log(0.7))
    assert wrong_way.scale is None


def test_too_few_events_stop_the_search() -> None:
    with pytest.raises(ValueError, match="too few events"):
        carry.solve(lambda scale: (math.nan, math.nan), math.log(0.7))


def test_the_target_is_shrunk_on_the_log_scale_and_nothing_else() -> None:
    assert small(kappa=0.5).target == pytest.approx(math.sqrt(0.75))
    assert small().target == 0.75
    assert small(kappa=0.5).own.window == small().own.window


def test_scales_are_written_read_and_used(tmp_path: Path) -> None:
    path = tmp_path / "tuned.csv"
    found = [
        TunedScale("I28", "P11h", 1.25, 1.0, 1.5, 0.75, 0.751, 96, "abc"),
        TunedScale("I3", "P9f", None, None, None, 0.8, 0.93, 48, "def"),
    ]
    write_tuned(path, found)
    read = read_tuned(path)
    assert list(read.values()) == [found[1], found[0]]
    made = with_scales(read_catalogue(FOLDER), read)
    assert (made.interventions["I28"].scale, made.interventions["I28"].status) == (1.25, "tuned")
    assert made.interventions["I3"] == read_catalogue(FOLDER).interventions["I3"]
    with pytest.raises(InputError, match="0 to 10"):
        with_scales(made, {"I28": TunedScale("I28", "P11h", 11.0, None, None, 0.7, 0.7, 1, "")})
    with pytest.raises(InputError, match="no such intervention"):
        with_scales(made, {"I99": TunedScale("I99", "P11h", 1.0, None, None, 0.7, 0.7, 1, "")})
    path.write_text(path.read_text() + "I28,P11h,much,1,1,1,1,1,x\nI3,P9f,1,1,1,1,1,1,x\n")
    with pytest.raises(InputError) as caught:
        read_tuned(path)
    assert [problem.line for problem in caught.value.problems] == [4, 5]


def test_tuned_scales_are_those_of_the_trials_as_they_are() -> None:
    """A trial that changed since its scale was found: run `python -m tests.long tune ROW`."""
    by_row = {trial.row: trial for trial in trials()}
    for found in tuned_scales().values():
        trial = by_row[found.row]
        assert trial.tune
        assert trial.intervention == found.intervention
        assert digest(ROWS / f"{found.row}.yaml") == found.trial, f"{found.row} changed since it was tuned"
        assert found.target == pytest.approx(trial.target, abs=1e-3)
        entry = catalogue().interventions[found.intervention]
        assert (entry.status == "tuned") == (found.scale is not None)
        if found.scale is not None:
            assert entry.scale == found.scale
            assert found.reached == pytest.approx(found.target, rel=0.03)


def test_a_tuning_is_recorded_with_what_it_was_found_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(trial: Trial, arm: str, replication: int, scale: float | None) -> Any:
        mean = 100.0 * (1.0 if arm == "control" else math.exp(-0.1 * (scale or 1.0)))
        here = np.full(6, mean + replication % 7)
        return np.stack([here, here], axis=-1)[None]

    trial = next(trial for trial in trials() if trial.row == "P11h")
    own = trial.own.model_copy(update={"months": (1, 6)})
    trial = trial.model_copy(update={"measures": [own]})
    monkeypatch.setattr(carry, "arm_run", fake)
    path = tmp_path / "tuned.csv"
    write_tuned(path, [TunedScale("I2", "P9f", 2.0, 1.0, 3.0, 0.8, 0.8, 48, "x")])
    carry.tune_all((trial,), Lab(), path)
    with path.open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["intervention"] for line in lines] == ["I2", "I28"]
    assert float(lines[1]["scale"]) == pytest.approx(-math.log(0.75) / 0.1, rel=0.12)
    assert lines[1]["trial"] == digest(ROWS / "P11h.yaml")


# --- the world


def test_a_dose_of_zero_gives_a_ratio_of_exactly_one() -> None:
    for row in ("P11h", "P10a"):
        trial = next(trial for trial in trials() if trial.row == row)
        arm = next(iter(trial.arms.values()))
        nothing = arm.model_copy(update={"programme": {**(arm.programme or {}), "intensity": 0.0}})
        own = trial.own.model_copy(update={"arm": "nothing", "months": (1, 14)})
        tiny = trial.model_copy(
            update={
                "arms": {"nothing": nothing},
                "measures": [own],
                "world": trial.world.model_copy(update={"months": 14}),
            }
        )
        made = {name: np.stack([testbed.arm_run(tiny, name, r) for r in range(3)]) for name in ("nothing", "control")}
        assert made["control"].sum() > 0
        found = carry.estimate(tiny, own, made)
        assert (found.value.value, found.error) == (1.0, 0.0)


def test_scale_zero_is_no_intervention_and_a_larger_scale_does_more() -> None:
    forums = next(trial for trial in trials() if trial.row == "P11h")
    assert (testbed.arm_run(forums, "forums", 0, 0.0) == testbed.arm_run(forums, "control", 0)).all()
    trial = next(trial for trial in trials() if trial.row == "P10a")
    off, on, more = (testbed.arm_run(trial, "jobs", 0, scale) for scale in (0.0, 1.0, 5.0))
    fighters = trial.outcomes.index("fighters")
    totals = [made[fighters, 11:14, 0].sum() for made in (off, on, more)]
    assert totals[0] > totals[1] > totals[2] > 0


def test_a_tuned_scale_is_for_what_rests_on_its_row_and_never_for_heads() -> None:
    jobs, police = (tuned(catalogue().interventions[row], 3.0, "P10a") for row in ("I23", "I37"))
    assert {channel.lever: jobs.factor(channel) for channel in jobs.channels} == {
        "unemployment": 1.0,
        "recruitment": 3.0,
    }
    assert [police.factor(channel) for channel in police.channels] == [1.0]


def test_draws_are_spread_over_the_prior_and_shared_by_eight() -> None:
    entry = catalogue().interventions["I15"]
    sizes = np.array([[c.size for c in testbed.drawn(entry, draw).channels] for draw in range(64)])
    for k, channel in enumerate(entry.channels):
        inside = ((sizes[:, k] >= channel.low) & (sizes[:, k] <= channel.high)).mean()
        assert 0.8 <= inside <= 0.97
        assert abs((sizes[:, k] > channel.size).mean() - 0.5) < 0.06
    assert abs(np.corrcoef(sizes.T)[0, 1]) < 0.25
    arm = next(trial for trial in trials() if trial.row == "P9g")
    first, same, other = (testbed.programmes(arm, arm.arms["policing"], r, None)[0].entry for r in (0, 7, 8))
    assert first == same != other


def test_a_small_trial_is_carried_out_and_drawn() -> None:
    result_rows = carry_out(small(), Lab(replications=4)).rows
    assert result_rows[0].status == ("tuned" if "I28" in tuned_scales() else "judged")
    assert result_rows[0].value is not None
    result = CheckResult("P11h", "A small trial", "nobody", rows=result_rows)
    assert ratio_rows([result]) == [("P11h", result_rows[0])]
    assert forest_figure([result], "illustrative").axes[0].get_xscale() == "log"


def made_up() -> CheckResult:
    trial = small()
    row = row_of(trial, trial.own, TrialEstimate(Value(0.7, 0.6, 0.8), 0.05))
    other = ResultRow("Training alone", "as published", "A", "not testable yet", note="no such entry", status="judged")
    return CheckResult("P11h", trial.title, "nobody", rows=(row, other))


def test_the_page_shows_trials_with_what_was_tuned(monkeypatch: pytest.MonkeyPatch) -> None:
    before = stored.results
    monkeypatch.setattr(page, "results", lambda kind="facts": [made_up()] if kind == "trials" else before(kind))
    scales = {
        "I28": TunedScale("I28", "P11h", 1.25, 1.0, 1.5, 0.75, 0.751, 96, "abc"),
        "I29": TunedScale("I29", "P12a", None, None, None, 0.7, 0.871, 48, "def"),
    }
    monkeypatch.setattr(page, "tuned_scales", lambda: scales)
    text = page.page()
    assert "## Virtual trials" in text
    assert "| measured | value | 95 % interval | target range | basis | verdict | status |" in text
    assert "| I28 | P11h | 0.75 | 1.25 | 1 to 1.5 | 0.751 | 96 |" in text
    assert "**not reachable up to 10**" in text
    assert "no such entry" in text.split("What we therefore do not claim")[1]
    assert "virtual trials, calibration" not in text


def test_stored_trials_are_of_a_full_run_of_every_row() -> None:
    made = stored.results("trials")
    assert [one.key for one in made] in ([], [trial.row for trial in trials()])
    assert not made or not stored.stored("trials")["quick"]
    for one in made:
        assert one.verdict != "fail" or one.suspected
