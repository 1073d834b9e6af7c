"""The page without a browser: state and files, frames, workers, lessons, who may talk to it, what it hands out."""

from __future__ import annotations

import http.client
import io
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.errors import InputError
from sim.experiment import run_seed
from sim.experiment.tables import pool_region
from sim.model.run import simulate
from sim.parameters import CATALOGUE
from sim.parameters.theories import THEORIES
from sim.population import synthesise
from sim.region import find_region, load_region
from sim.scenario import load_scenario, shipped_scenarios
from sim.world.outcomes import OUTCOME_INDEX

pytest.importorskip("shiny", reason="the page needs shiny: pip install 'stabsim[web]'")

from sim.page.app import MAX_MESSAGE, PageServer
from sim.page.exports import (
    RecordedPair,
    animation_gif,
    decisions_csv,
    districts_csv,
    figure_png,
    months_csv,
    results_zip,
)
from sim.page.guard import Guard
from sim.page.lessons import LESSONS
from sim.page.runs import KEPT, MAP_OUTCOMES, FrameRecorder, Job, Pool, RunPart, rounded, run_scenario
from sim.page.session import PageSession, Replications
from sim.page.state import (
    BARE,
    BARE_FILE,
    FILE,
    PageState,
    baselines,
    configured,
    edited,
    load_pair,
    loaded_state,
    shipped_state,
    with_entry,
)
from sim.page.view import page_html, programmes_html

pytestmark = pytest.mark.extra

ROOT = Path(__file__).parents[1]
VALLEYS = """\
format: 1
title: Valleys
region: twin_valleys
start: 2024-01
months: 12
interventions:
  police: {type: I2, start: 2024-03, intensity: 0.5, approval: none}
"""


# --- state and files


@pytest.mark.parametrize("name", shipped_scenarios())
def test_state_of_a_shipped_scenario_is_a_file_that_gives_the_same_scenario(name: str, tmp_path: Path) -> None:
    state = shipped_state(name)
    path = tmp_path / FILE
    path.write_text(state.text, encoding="utf-8")
    assert load_scenario(path).content_hash() == load_scenario(name).content_hash()
    assert "extends" not in state.text
    again = loaded_state(state.text)
    assert again.text == state.text
    assert load_pair(again).scenario.content_hash() == load_scenario(name).content_hash()


def test_baseline_is_where_a_scenario_comes_from() -> None:
    assert shipped_state("way_forward").baseline == "baseline_2024"
    assert shipped_state("rumour_march_2004").baseline == "kosovo_2004"
    assert shipped_state("baseline_2024").baseline == "baseline_2024"
    found = baselines(load_pair(shipped_state("rumour_march_2004")).scenario)
    assert found == ["kosovo_2004", "rumour_march_2004", BARE]


def test_edits_change_the_file_and_nothing_else() -> None:
    state = shipped_state("police_capacity")
    less = edited(state, "interventions.police.intensity", 0.25)
    assert load_pair(less).scenario.interventions[0].intensity == 0.25
    assert load_pair(less).baseline == load_pair(state).baseline
    assert edited(less, "interventions.police.intensity", 0.5) == state
    assert edited(state, "interventions.police", None).content.get("interventions") is None
    moved = edited(state, "interventions.police.targets.states", None)
    assert "targets" not in moved.content["interventions"]["police"]
    assert state.content["interventions"]["police"]["intensity"] == 0.5  # the old state is untouched


def test_cost_follows_the_dose_unless_the_file_says_it() -> None:
    state = shipped_state("police_capacity")
    half, full = (load_pair(edited(state, "interventions.police.intensity", dose)).scenario for dose in (0.5, 1.0))
    assert full.interventions[0].meur_per_year == pytest.approx(2 * half.interventions[0].meur_per_year)


@pytest.mark.parametrize(
    "path",
    ["format", "extends", "region", "interventions.x.y.z.w", "a b", "../x", "interventions.nobody.intensity", ""],
)
def test_edits_of_what_is_no_part_of_a_scenario_are_refused(path: str) -> None:
    with pytest.raises(InputError):
        edited(shipped_state("police_capacity"), path, 1)


def test_every_entry_of_the_catalogue_can_be_added_and_used() -> None:
    from sim.interventions import catalogue

    for kind, names in (("interventions", catalogue().interventions), ("shocks", catalogue().shocks)):
        for name in names:
            state, label = with_entry(shipped_state("baseline_2024"), kind, name)
            both = load_pair(state)
            assert len(both.scenario.interventions) + len(both.scenario.shocks) == 1, name
            assert with_entry(state, kind, name)[1] == f"{label}_2"


def test_changed_parameters_hold_in_the_baseline_too_or_not() -> None:
    state = edited(shipped_state("police_capacity"), "parameters.b_peer", 3.0)
    assert load_pair(state).baseline.parameters == load_pair(state).scenario.parameters == {"b_peer": 3.0}
    alone = configured(state, "shared", False)
    assert load_pair(alone).baseline.parameters == {}
    assert load_pair(alone).scenario.parameters == {"b_peer": 3.0}


def test_theories_hold_in_the_baseline_too_or_not_and_the_default_needs_no_line() -> None:
    state = edited(shipped_state("police_capacity"), "theories.motive", "grievance")
    sets = THEORIES["motive"].stances[1].parameters
    assert load_pair(state).baseline.parameters == load_pair(state).scenario.parameters == sets
    assert "--set theories.motive=grievance" in state.command
    alone = configured(state, "shared", False)
    assert (load_pair(alone).baseline.parameters, load_pair(alone).scenario.parameters) == ({}, sets)
    own = edited(state, "theories.motive", "both")
    assert own == shipped_state("police_capacity")
    kept = edited(state, "parameters.b_risk", 1.7)
    assert load_pair(kept).scenario.parameters == {**sets, "b_risk": 1.7}
    with pytest.raises(InputError, match="is no stance of the theory"):
        load_pair(edited(state, "theories.motive", "greed"))
    with pytest.raises(InputError, match="no theory is called that"):
        load_pair(edited(state, "theories.motives", "both"))


def test_values_outside_the_evidence_are_marked_and_allowed_until_the_hard_bound() -> None:
    known = CATALOGUE["b_peer"]
    state = edited(shipped_state("baseline_2024"), "parameters.b_peer", known.high + 0.1)
    assert any("b_peer" in text and "outside its evidence range" in text for text in load_pair(state).warnings)
    assert load_pair(edited(state, "parameters.b_peer", known.high)).warnings == ()
    with pytest.raises(InputError, match="b_peer"):
        load_pair(edited(state, "parameters.b_peer", known.hard_high + 1))


def test_messages_are_those_of_the_command_line(tmp_path: Path) -> None:
    text = VALLEYS.replace("intensity: 0.5", "intensty: 0.5").replace("months: 12", "months: 0")
    path = tmp_path / FILE
    path.write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "sim.cli", "validate", FILE], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    with pytest.raises(InputError) as error:
        loaded_state(text)
    assert ran.returncode == 2
    lines = [str(problem) for problem in error.value.problems]
    assert lines == ran.stderr.splitlines()[: len(lines)]
    assert len(lines) == 2
    assert "intensity" in lines[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("format: 1\nregion: /etc\nstart: 2024-01\nmonths: 12\n", "shipped regions only"),
        ("format: 1\nregion: ../regions/twin_valleys\nstart: 2024-01\nmonths: 12\n", "shipped regions only"),
        ("format: 1\nextends: ../../etc/passwd\n", "is not the name of a scenario"),
        ("format: 1\nextends: nobody\n", "no such scenario"),
        ("x" * 300_000, "too large"),
        ("", "is empty"),
        ("a: &a [*a]\n", ""),
        ("{", ""),
        ("\x00", ""),
        ("!!python/object/apply:os.system ['true']", ""),
    ],
)
def test_files_that_cannot_be_used_are_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(InputError) as error:
        loaded_state(text)
    assert words in str(error.value)
    assert "/tmp" not in str(error.value)


def test_a_file_without_a_shipped_baseline_is_compared_with_itself_without_programmes(tmp_path: Path) -> None:
    state = loaded_state(VALLEYS)
    assert state.baseline == BARE
    both = load_pair(state)
    assert both.baseline.interventions == ()
    assert len(both.scenario.interventions) == 1
    (tmp_path / FILE).write_text(state.text, encoding="utf-8")
    (tmp_path / BARE_FILE).write_text(state.bare_text, encoding="utf-8")
    assert load_scenario(tmp_path / BARE_FILE).content_hash() == both.baseline.content_hash()
    assert state.command.split()[:4] == ["stabsim", "compare", BARE_FILE, FILE]


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", -1), ("seed", True), ("citizens", 10**9), ("replications", 1), ("replications", "32"), ("shared", "yes"),
     ("baseline", "/etc/passwd"), ("nothing", 1)],
)  # fmt: skip
def test_settings_out_of_range_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InputError):
        configured(shipped_state("baseline_2024"), name, value)


# --- HTML


def test_the_document_has_every_control_and_parameter() -> None:
    html = page_html()
    for name in (*shipped_scenarios(), *(lesson.title for lesson in LESSONS), *THEORIES):
        assert name in html, name
    for name, item in CATALOGUE.items():
        assert (f'data-control="parameters.{name}"' in html) == (item.low < item.high or item.high > 0), name


@pytest.mark.parametrize("name", shipped_scenarios())
def test_every_programme_and_shock_has_a_card(name: str) -> None:
    state = shipped_state(name)
    labels = [*state.content.get("interventions", {}), *state.content.get("shocks", {})]
    html = programmes_html(state)
    assert re.findall(r'data-label="([^"]+)"', html) == labels
    assert ("No programme and no shock" in html) == (not labels)


def test_values_of_a_file_are_escaped() -> None:
    hostile = """'"><script>alert(1)</script>"""
    targets = {"states": [hostile], "communities": [hostile], "districts": [hostile]}
    programme = {"type": "I2", "start": hostile, "months": hostile, "approval": hostile, "targets": targets}
    shock = {"type": "contested_election", "at": hostile, "magnitude": hostile}
    content = {
        **shipped_state("baseline_2024").content,
        "interventions": {hostile: programme},
        "shocks": {hostile: shock},
    }
    html = programmes_html(PageState(content, BARE))
    assert "<script" not in html
    assert '"><script' not in html
    assert "&#39;&#34;&gt;&lt;script&gt;" in html


# --- frames


def small(months: int = 26) -> PageState:
    state = loaded_state(VALLEYS.replace("months: 12", f"months: {months}"))
    return configured(state, "citizens", 2000)


def recorded(state: PageState) -> RecordedPair:
    both = load_pair(state)
    pair = RecordedPair(state, both)
    for role, scenario in pair.scenarios.roles:
        run_scenario(
            scenario,
            state.seed,
            state.citizens,
            FrameRecorder(scenario.months, pair.parts[role].append),
        )
    return pair


@pytest.fixture(scope="module")
def pair() -> RecordedPair:
    return recorded(small())


def test_recording_changes_nothing_and_is_replication_0() -> None:
    state = small()
    scenario = load_pair(state).scenario
    region = load_region(find_region("twin_valleys"), 2024)
    plain = simulate(scenario, region, synthesise(region, 2000), run_seed(1, 0))
    seen: list[RunPart] = []
    watched = run_scenario(scenario, 1, 2000, FrameRecorder(scenario.months, seen.append))
    assert watched.series.tobytes() == plain.series.tobytes()
    assert watched.places.tobytes() == plain.places.tobytes()
    assert watched.decisions == plain.decisions
    series = np.concatenate([part.series for part in seen])
    assert series[:, 1:].tobytes() == plain.series.tobytes()
    assert np.array_equal(series[:, 0], pool_region(plain.series))
    assert [part.first for part in seen] == [0, 24]
    assert [part.last for part in seen] == [False, True]


def test_districts_add_up_to_states(pair: RecordedPair) -> None:
    region = load_region(find_region("twin_valleys"), 2024)
    people = region.district_population
    values, series = pair.districts("scenario"), pair.series("scenario")
    for name in ("incidents", "new_displaced"):
        index = next(i for i, outcome in enumerate(MAP_OUTCOMES) if outcome.name == name)
        assert np.array_equal(values[:, index].sum(axis=1), series[:, 1:, OUTCOME_INDEX[name]].sum(axis=1))
    turnout = (values[:, 1] * people / 1e4).sum(axis=1)
    assert turnout == pytest.approx(series[:, 1:, OUTCOME_INDEX["participants"]].sum(axis=1))
    tension = (values[:, 0] * people).sum(axis=1) / people.sum()
    assert tension == pytest.approx(series[:, 0, OUTCOME_INDEX["tension"]], abs=1e-3)


def test_the_log_follows_a_programme_from_request_to_end(pair: RecordedPair) -> None:
    lines = [
        (month, what) for part in pair.parts["scenario"] for month, who, what, _ in part.lines if who == "programme"
    ]
    assert lines == [(2, "police: starts")]


def test_what_the_browser_gets_is_the_record_in_five_digits(pair: RecordedPair) -> None:
    part = pair.parts["scenario"][0]
    sent = json.loads(part.text)
    tension = np.array(sent["series"]["tension"])
    assert tension == pytest.approx(part.series[:, :, OUTCOME_INDEX["tension"]], rel=1e-4)
    assert set(sent["districts"]) == {outcome.name for outcome in MAP_OUTCOMES}
    assert np.array_equal(rounded(np.array([0.0, 123456.0, -0.00123456]), 3), [0.0, 123000.0, -0.00123])


# --- files handed out


def test_downloads_hold_exactly_what_was_recorded(pair: RecordedPair) -> None:
    months = pd.read_csv(io.BytesIO(months_csv(pair)[2]))
    assert len(months) == 2 * 26 * 3
    ours = months[(months["scenario"] == "my_scenario") & (months["state"] == "region")]
    assert ours["tension"].to_numpy() == pytest.approx(
        pair.series("scenario")[:, 0, OUTCOME_INDEX["tension"]], rel=1e-8
    )
    assert list(ours["date"])[:2] == ["2024-01", "2024-02"]
    districts = pd.read_csv(io.BytesIO(districts_csv(pair)[2]))
    assert len(districts) == 2 * 26 * load_region(find_region("twin_valleys"), 2024).n_districts
    assert "police: starts" in decisions_csv(pair)[2].decode()
    assert figure_png(pair)[2].startswith(b"\x89PNG")
    gif = animation_gif(pair)[2]
    assert gif.startswith(b"GIF89a")
    from PIL import Image

    with Image.open(io.BytesIO(gif)) as image:
        assert image.n_frames == 26
    with pytest.raises(LookupError, match="run the replications first"):
        results_zip(None)


# --- worker processes, sessions, replications


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    started = Pool(1)
    started.start()
    yield started
    started.close()


class Sent:
    """Messages that a session sent."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.came = threading.Condition()

    def __call__(self, kind: str, content: dict[str, Any]) -> None:
        with self.came:
            self.messages.append((kind, content))
            self.came.notify_all()

    def last(self, kind: str) -> dict[str, Any]:
        return next(content for known, content in reversed(self.messages) if known == kind)

    def wait(self, condition: Any, seconds: float = 90) -> None:
        with self.came:
            assert self.came.wait_for(condition, seconds), [kind for kind, _ in self.messages][-20:]


def complete(session: PageSession) -> bool:
    return session.pair is not None and session.pair.complete


def test_two_sessions_do_not_disturb_each_other(pool: Pool) -> None:
    sent = Sent(), Sent()
    sessions = [PageSession(f"w{n}", pool, one) for n, one in enumerate(sent)]
    try:
        for session in sessions:
            session.handle({"action": "load", "text": VALLEYS})
            session.handle({"action": "set", "name": "citizens", "value": 2000})
        sessions[0].handle({"action": "edit", "path": "interventions.police.intensity", "value": 1.0})
        for one, session in zip(sent, sessions, strict=True):
            one.wait(lambda w=session: complete(w))
        assert "intensity: 1.0" in sessions[0].state.text
        assert "intensity: 0.5" in sessions[1].state.text
        a, b = (session.pair for session in sessions)
        assert a is not None
        assert b is not None
        assert np.array_equal(a.series("baseline"), b.series("baseline"))
        assert not np.array_equal(a.series("scenario"), b.series("scenario"))
    finally:
        for session in sessions:
            session.close()


def test_problems_are_sent_and_the_session_goes_on(pool: Pool) -> None:
    sent = Sent()
    session = PageSession("problems", pool, sent)
    try:
        session.handle({"action": "load", "text": VALLEYS})
        session.handle({"action": "edit", "path": "interventions.police.intensity", "value": 7})
        assert any("out of range" in text for text in sent.last("state")["problems"])
        session.handle({"action": "load", "text": "format: 1\nmonths: -3\n"})
        assert any("my_scenario.yaml" in text for text in sent.last("problems")["list"])
        assert "Valleys" in session.state.text
        for bad in ({}, {"action": "nothing"}, {"action": "edit"}, {"action": "edit", "path": 3}, {"action": "lesson", "key": "x", "step": 0},
                    {"action": "lesson", "key": "cascade", "step": 99}, {"action": "add", "kind": "parameters", "name": "x"},
                    {"action": "set", "name": "seed", "value": None}, {"action": "hello", "kept": {"text": "["}}):  # fmt: skip
            session.handle(bad)
        session.handle({"action": "edit", "path": "interventions.police.intensity", "value": 0.5})
        assert sent.last("state")["problems"] == [] or "police" not in session.state.text
    finally:
        session.close()


def test_what_a_window_showed_comes_back_after_a_restart(pool: Pool) -> None:
    first = Sent()
    session = PageSession("before", pool, first)
    session.handle({"action": "load", "text": VALLEYS})
    session.handle({"action": "set", "name": "seed", "value": 9})
    session.close()
    kept = {"text": first.last("state")["text"], **first.last("state")["settings"]}
    after = PageSession("after", pool, Sent())
    after.handle({"action": "hello", "kept": kept})
    assert after.state == session.state
    after.close()


def test_a_newer_job_replaces_an_older_one_and_results_are_kept(pool: Pool) -> None:
    seen: list[int] = []
    done = threading.Event()
    scenario = load_pair(small(60)).scenario

    def listen(job: Job, part: RunPart | str) -> None:
        seen.append(job.number)
        if job.number == 30 and isinstance(part, RunPart) and part.last:
            done.set()

    for number in range(1, 31):
        pool.submit(Job(number, "hasty", "scenario", scenario, 100 + number, 2000), listen)
    assert done.wait(90)
    assert len(set(seen)) < 15
    seen.clear()
    done.clear()
    pool.submit(Job(30, "hasty", "scenario", scenario, 130, 2000), listen)
    assert done.is_set()  # kept: handed over at once
    assert len(pool.kept) <= KEPT


def test_many_changes_do_not_grow_memory(pool: Pool) -> None:
    scenario = load_pair(small(24)).scenario
    done = threading.Semaphore(0)

    def listen(job: Job, part: RunPart | str) -> None:
        assert isinstance(part, RunPart)
        if part.last:
            done.release()

    def play(first: int, count: int) -> None:
        for number in range(first, first + count):
            pool.submit(Job(number, "steady", "scenario", scenario, number, 2000), listen)
            assert done.acquire(timeout=60)

    def size() -> int:
        processes = [os.getpid(), pool.workers[0].process.pid]
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in processes)

    play(1000, 40)
    before = size()
    play(2000, 120)
    assert size() - before < 20e6


def test_a_dead_worker_is_reported_and_replaced(pool: Pool) -> None:
    scenario = load_pair(small(240)).scenario
    answers: list[RunPart | str] = []
    came = threading.Event()

    def listen(job: Job, part: RunPart | str) -> None:
        answers.append(part)
        if isinstance(part, str) or part.last:
            came.set()

    os.kill(pool.workers[0].process.pid, signal.SIGKILL)
    pool.submit(Job(5000, "killed", "scenario", scenario, 5000, 2000), listen)
    assert came.wait(90)
    if isinstance(answers[-1], str):
        assert "a new one was started" in answers[-1]
        came.clear()
        pool.submit(Job(5001, "killed", "scenario", scenario, 5001, 2000), listen)
        assert came.wait(90)
    assert isinstance(answers[-1], RunPart)


def test_replications_equal_the_command_and_can_be_cancelled(tmp_path: Path) -> None:
    state = configured(small(12), "replications", 4)
    both = load_pair(state)
    messages: list[dict[str, Any]] = []
    ended = threading.Event()

    def listen(message: dict[str, Any]) -> None:
        messages.append(message)
        if message["kind"] in ("done", "failed", "cancelled"):
            ended.set()

    first = Replications(state, both, listen)
    try:
        assert ended.wait(180)
        assert messages[-1]["kind"] == "done", messages[-1]
        kinds = [message["kind"] for message in messages]
        assert kinds.count("progress") >= 2
        band = json.loads(next(message["text"] for message in reversed(messages) if message["kind"] == "band"))
        assert band["n"] == 4
        assert len(band["difference"]["tension"]["region"]) == 5
        effects = pd.read_csv(first.results / "effects.csv")
        names = zipfile.ZipFile(io.BytesIO(results_zip(first.results)[2])).namelist()
        assert {"effects.csv", "scenarios/my_scenario.yaml", "figures"} <= {*names, *(n.split("/")[0] for n in names)}
    finally:
        first.remove()
    assert not first.folder.exists()
    from sim import compare

    (tmp_path / FILE).write_text(state.text, encoding="utf-8")
    (tmp_path / BARE_FILE).write_text(state.bare_text, encoding="utf-8")
    again = compare(
        [tmp_path / BARE_FILE, tmp_path / FILE], replications=4, citizens=2000, set_=state.overrides, workers=1,
        out=tmp_path / "out", figures=False,
    )  # fmt: skip
    assert again.effects["effect"].to_numpy() == pytest.approx(effects["effect"].to_numpy(), rel=1e-8, abs=1e-12)

    ended.clear()
    messages.clear()
    second = Replications(configured(state, "replications", 256), both, listen)
    started = time.monotonic()
    second.cancel()
    assert ended.wait(20)
    assert time.monotonic() - started < 10
    assert messages[-1]["kind"] == "cancelled"
    second.remove()


# --- lessons


def outcome(state: PageState, role: str, name: str, scope: int = 0) -> Any:
    both = load_pair(state)
    scenario = both.baseline if role == "baseline" else both.scenario
    region = load_region(find_region(scenario.region), scenario.start_year)
    result = simulate(scenario, region, _people(scenario.region, scenario.start_year), run_seed(state.seed, 0))
    series = result.series if scope else pool_region(result.series)
    return (series[:, scope - 1] if scope else series)[:, OUTCOME_INDEX[name]] if name else result


_POPULATIONS: dict[tuple[str, int], Any] = {}


def _people(name: str, year: int) -> Any:
    if (name, year) not in _POPULATIONS:
        _POPULATIONS[name, year] = synthesise(load_region(find_region(name), year), 20_000)
    return _POPULATIONS[name, year]


def lesson(key: str) -> Any:
    return next(one for one in LESSONS if one.key == key)


def test_lessons_can_be_opened_and_are_short() -> None:
    assert [one.key for one in LESSONS] == ["cascade", "nothing", "package"]
    for one in LESSONS:
        assert one.minutes == 5
        for number, step in enumerate(one.steps):
            both = load_pair(one.state(number))
            assert both.scenario.key != both.baseline.key
            assert step.outcome in OUTCOME_INDEX
            assert step.month is None or step.month < both.scenario.months
        words = sum(len((step.text + step.look).split()) for step in one.steps)
        assert 120 < words < 400, one.key


def test_lesson_cascade_is_true() -> None:
    base, half, full, weak = (
        outcome(lesson("cascade").state(step), role, "participants") for step, role in ((0, "baseline"), (0, "scenario"), (1, "scenario"), (3, "scenario"))
    )  # fmt: skip
    march = 8
    assert np.array_equal(base[:march], full[:march])
    assert np.array_equal(base[:march], half[:march])
    more_half, more_full = (half - base).sum(), (full - base).sum()
    assert 50 < more_half < 1000
    assert more_full > 10 * more_half
    weak_base = outcome(lesson("cascade").state(3), "baseline", "participants")
    assert 0.6 * more_full < (weak - weak_base).sum() < 0.75 * more_full  # a third fewer
    assert not any("evidence" in text for text in load_pair(lesson("cascade").state(3)).warnings)


def test_lesson_nothing_is_true() -> None:
    one = lesson("nothing")
    refused = [outcome(one.state(0), role, "") for role in ("baseline", "scenario")]
    assert refused[0].series.tobytes() == refused[1].series.tobytes()
    assert any(d.agent == "NATO" and d.what.startswith("refuses") for d in refused[1].decisions)
    assert refused[1].spent == {"surge": 0.0}
    agreed = [outcome(one.state(1), role, "tension", 1 + 6) for role in ("baseline", "scenario")]
    fall = agreed[0] - agreed[1]
    assert fall[30] > 0.001
    assert fall[18] == 0.0
    assert fall[59] > fall[40] > fall[30]
    null = [outcome(one.state(2), role, "") for role in ("baseline", "scenario")]
    differs = [
        name for name, index in OUTCOME_INDEX.items() if not np.array_equal(*(r.series[:, :, index] for r in null))
    ]
    assert differs == ["cost"]
    assert null[1].spent["policing"] > 1
    small_one = [outcome(one.state(3), role, "tension") for role in ("baseline", "scenario")]
    assert 0 < (small_one[0] - small_one[1])[48] < 0.001
    assert np.array_equal(*(outcome(one.state(3), role, "incidents") for role in ("baseline", "scenario")))


def test_lesson_package_is_true() -> None:
    one = lesson("package")
    fled = []
    for step in range(5):
        base, ours = (outcome(one.state(step), role, "new_displaced").sum() for role in ("baseline", "scenario"))
        fled.append(base - ours)
    forums, leaders, both, late_forums, late_both = fled
    assert forums > 20
    assert forums == leaders
    assert both < 1.2 * forums  # both prevent the same flight
    leaders_late = one.state(4)
    leaders_late = edited(leaders_late, "interventions.forums", None)
    late_leaders = (
        outcome(leaders_late, "baseline", "new_displaced").sum()
        - outcome(leaders_late, "scenario", "new_displaced").sum()
    )
    assert late_forums == late_leaders > 100
    assert 1.5 * late_forums < late_both < late_forums + late_leaders


# --- who may talk to the page


async def _inner(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"ALLOWALL")]})
    await send({"type": "http.response.body", "body": b"page"})


def ask(
    guard: Guard, kind: str, method: str, path: str, headers: list[tuple[str, str]], query: str = ""
) -> tuple[int, dict[str, str]]:
    """Status and headers of one request; 101 and 403 for a websocket that is accepted or refused."""
    sent: list[Any] = []
    scope = {"type": kind, "method": method, "path": path, "query_string": query.encode(),
             "headers": [(name.encode(), value.encode()) for name, value in headers]}  # fmt: skip

    async def receive() -> Any:
        return {"type": "websocket.connect" if kind == "websocket" else "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(StopIteration):  # nothing in it waits: no event loop is needed for thousands of requests
        guard(scope, receive, send).send(None)  # type: ignore[attr-defined]
    if kind == "websocket":
        return (101 if sent[0]["type"] == "websocket.accept" else 403), {}
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


HOSTS = ["127.0.0.1:8642", "localhost:8642", "127.0.0.1", "127.0.0.1:80", "evil.example", "evil.example:8642",
         "127.0.0.1:8642.evil.example", "[::1]:8642", "0.0.0.0:8642", "", None]  # fmt: skip
ORIGINS = [
    None,
    "same",
    "http://evil.example",
    "null",
    "https://127.0.0.1:8642",
    "http://127.0.0.1:1",
    "http://127.0.0.1:8642.evil.example",
]
PATHS = [
    "/",
    "/static/page.js",
    "/session/x/download/y",
    "/session/x/upload/y",
    "/websocket/",
    "/nothing",
    "/../etc/passwd",
]
COOKIES = [None, "right", "wrong", "name"]


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_request_matrix(kind: str) -> None:
    guard = Guard(_inner, 8642, "default-src 'none'")
    cookies = {"right": f"stabsim_8642={guard.key}", "wrong": "stabsim_8642=x", "name": f"stabsim={guard.key}"}
    passed = 0
    methods = (
        ["GET"] if kind == "websocket" else ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
    )
    for method, path, host, origin, cookie in itertools.product(methods, PATHS, HOSTS, ORIGINS, COOKIES):
        headers = [("host", host)] if host is not None else []
        if origin is not None:
            headers.append(("origin", f"http://{host}" if origin == "same" else origin))
        if cookie is not None:
            headers.append(("cookie", cookies[cookie]))
        status, answered = ask(guard, kind, method, path, headers)
        own_host = host in ("127.0.0.1:8642", "localhost:8642")
        own_origin = origin == "same" or (origin is None and kind == "http")
        allowed = own_host and own_origin and cookie == "right" and method in ("GET", "HEAD")
        assert (status in (200, 101)) == allowed, (method, path, host, origin, cookie, status)
        if kind == "http":
            assert answered["x-frame-options"] == "DENY"
            assert answered["content-security-policy"] == "default-src 'none'"
            assert answered["cache-control"] == "no-store"
        passed += allowed
    assert passed > 0


def test_the_token_opens_the_page_once_and_becomes_a_cookie() -> None:
    guard = Guard(_inner, 8642, "")
    host = [("host", "127.0.0.1:8642")]
    status, headers = ask(guard, "http", "GET", "/", host, f"token={guard.token}")
    assert (status, headers["location"]) == (303, "/")
    assert headers["set-cookie"] == f"stabsim_8642={guard.key}; HttpOnly; SameSite=Strict; Path=/"
    assert guard.token not in headers["set-cookie"]
    for query in ("", "token=", f"token={guard.token}x", f"token={guard.token}&token={guard.token}", "token=%ff"):
        assert ask(guard, "http", "GET", "/", host, query)[0] == 403
    assert ask(guard, "http", "GET", "/static/page.js", host, f"token={guard.token}")[0] == 403
    assert (
        ask(
            guard,
            "websocket",
            "GET",
            "/websocket/",
            [*host, ("origin", "http://127.0.0.1:8642")],
            f"token={guard.token}",
        )[0]
        == 403
    )
    cookie = ("cookie", f"other=1; stabsim_8642={guard.key}")
    assert ask(guard, "http", "GET", "/", [*host, cookie])[0] == 200
    assert ask(guard, "http", "GET", "/", [*host, cookie, ("sec-fetch-site", "cross-site")])[0] == 403
    assert ask(guard, "http", "GET", "/", [*host, cookie, ("sec-fetch-site", "same-site")])[0] == 403
    assert ask(guard, "http", "GET", "/", [*host, *host, cookie])[0] == 421
    assert ask(guard, "http", "GET", "/" + "a" * 3000, [*host, cookie])[0] == 414
    assert Guard(_inner, 8642, "").token != guard.token


@pytest.fixture(scope="module")
def served() -> Iterator[PageServer]:
    server = PageServer(0)
    server.page.pool.workers.clear()  # nothing is simulated here
    up = threading.Event()
    thread = threading.Thread(target=server.run, args=(up.set,), daemon=True)
    thread.start()
    assert up.wait(30)
    yield server
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


def fetch(server: PageServer, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def test_the_real_server_answers_here_only(served: PageServer) -> None:
    assert served.socket.getsockname()[0] == "127.0.0.1"
    path = served.address.removeprefix(f"http://127.0.0.1:{served.port}")
    status, headers, _ = fetch(served, path)
    assert status == 303
    cookie = headers["set-cookie"].split(";")[0]
    status, headers, body = fetch(served, "/", Cookie=cookie)
    assert status == 200
    assert b"Baseline and scenario use the same random draws" in body
    assert "'unsafe-eval'" not in headers["content-security-policy"]
    assert served.guard.token.encode() not in body
    assert fetch(served, "/")[0] == 403
    assert fetch(served, "/", Cookie=cookie, Host="evil.example")[0] == 421
    assert fetch(served, "/", Cookie=cookie, Origin="http://evil.example")[0] == 403
    assert fetch(served, "/static/../../state.py", Cookie=cookie)[0] == 404
    assert fetch(served, "/static/%2e%2e/state.py", Cookie=cookie)[0] == 404
    assert fetch(served, "/session/nobody/upload/1", Cookie=cookie)[0] in (404, 405)
    raw = socket.create_connection(("127.0.0.1", served.port), timeout=5)
    raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert b"200" not in raw.recv(200).split(b"\r\n")[0]
    raw.close()


def test_websocket_of_the_real_server(served: PageServer) -> None:
    from websockets.exceptions import ConnectionClosed, InvalidStatus
    from websockets.sync.client import connect

    here = f"http://127.0.0.1:{served.port}"
    url = f"ws://127.0.0.1:{served.port}/websocket/"
    cookie = {"Cookie": f"{served.guard.cookie}={served.guard.key}"}
    for origin, headers in (
        ("http://evil.example", cookie),
        (None, cookie),
        (here, {}),
        (here, {"Cookie": "stabsim=x"}),
    ):
        with pytest.raises(InvalidStatus) as error, connect(url, origin=origin, additional_headers=headers):  # type: ignore[arg-type]
            pass
        assert error.value.response.status_code == 403
    with connect(url, origin=here, additional_headers=cookie) as open_one:  # type: ignore[arg-type]
        assert "config" in open_one.recv(timeout=10)
        open_one.send("x" * (MAX_MESSAGE + 1))
        with pytest.raises(ConnectionClosed):
            list(iter(lambda: open_one.recv(timeout=10), None))


# --- the command


def command(*words: str, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sim.cli", "page", "--no-open", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, **more,
    )  # fmt: skip


def test_the_command_prints_its_address_and_ends_at_once() -> None:
    process = command("--port", "0")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("stabsim page: http://127.0.0.1:")
    assert "?token=" in line
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=15)
    assert process.returncode == 130
    assert time.monotonic() - started < 8
    assert errors == "stopped\n"


def test_a_port_in_use_is_reported() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = command("--port", str(port))
        out, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert out == ""
    assert errors == f"port: is in use; got {port} (choose another with --port, or --port 0)\n"
    beyond = command("--port", "99999")
    _, errors = beyond.communicate(timeout=30)
    assert (beyond.returncode, errors) == (2, "port: out of range; got 99999; allowed 0 to 65535; 0 takes a free one\n")


def test_a_missing_extra_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.cli import runs

    monkeypatch.setattr(runs, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'stabsim\[web\]'"):
        runs.page(0, True)
