"""The report says what the tables say, with the right hedges, in one file that needs nothing and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError

from sim import api
from sim.analysis.sensitivity import by_factor, factor_ends, grid_cells
from sim.api.prepare import RunsFailedError
from sim.api.tables import design_points
from sim.errors import InputError
from sim.experiment import ResultsFolder
from sim.plots import Picture
from sim.plots.style import described
from sim.report.document import templates
from sim.report.study import Material, Study
from sim.report.words import answer, number, percent, pieces, question, signed, visible
from sim.status import status
from sim.world.outcomes import OUTCOMES
from tests.experiment_fakes import FakeEngine
from tests.report_folders import HOSTILE, comparison, manifest, sweep

TITLES = {"base": "Baseline", "forums": "Dialogue forums", "police": "Police capacity"}
DESIGN = {
    "kind": "lhs",
    "seed": 3,
    "factors": [
        {
            "key": "parameters.b_peer",
            "low": 2,
            "high": 4,
            "distribution": "uniform",
            "role": "uncertainty",
            "unit": "log-odds",
        },
        {"key": "interventions.police.intensity", "low": 0, "high": 1, "distribution": "uniform", "role": "lever"},
    ],
}


class ReportParser(HTMLParser):
    """What a reader of the page meets: tags in order, their attributes, text outside styles."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(content)
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "wbr":
            self.words.append("\0")
        elif tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words).replace(" \0 ", "")).replace("\N{NO-BREAK SPACE}", " ")

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def read(path: Path) -> tuple[str, ReportParser]:
    content = path.read_text(encoding="utf-8")
    return content, ReportParser(content)


DOT = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """Make every figure, but leave out the slow part: turning it into pixels."""

    def draw(figures, folder=None):
        return [Picture(name, *described(figure), DOT) for name, figure in figures]

    monkeypatch.setattr("sim.api.reporting.draw", draw)


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> Path:
    """Hold a comparison with its report beside it."""
    folder = comparison(tmp_path_factory.mktemp("compared"), TITLES)
    assert api.report(folder) == folder / "report.html"
    return folder


@pytest.fixture(scope="module")
def written(compared) -> tuple[str, ReportParser]:
    return read(compared / "report.html")


def test_a_comparison_gives_one_safe_file_with_every_section(written):
    content, page = written
    assert content.startswith('<!doctype html>\n<html lang="en">')
    assert {"script", "iframe", "link", "object", "form", "base"}.isdisjoint(tag for tag, _ in page.tags)
    assert not re.search(r"https?:|//\w", re.sub(r"data:image/png;base64,[\w+/=]+", "", content))
    assert all(not name.startswith("on") and name != "style" for _, attributes in page.tags for name in attributes)
    assert all(str(image["src"]).startswith("data:image/png;base64,") for image in page.named("img"))
    heads = [tag for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert heads[0] == "h1"
    assert heads.count("h1") == 1
    assert set(heads) == {"h1", "h2"}
    anchors = [str(link["href"])[1:] for link in page.named("a")]
    assert anchors == [str(section["id"]) for section in page.named("section")]
    assert [name for name in anchors if name != "ranking"] == [
        "effects",
        "time",
        "places",
        "unclear",
        "cost",
        "measures",
        "parameters",
        "limits",
        "made",
    ]
    for words in (
        "What would Dialogue forums and Police capacity change, compared with Baseline?",
        status("f" * 64),
        "18 of 18",
        "stabsim compare DIR/scenarios/base.yaml DIR/scenarios/forums.yaml DIR/scenarios/police.yaml "
        "--replications 6 --seed 7 --citizens 20000",
        "there are no maps",
        "read this as what the assumptions imply and not as a forecast",
    ):
        assert words in page.text, words
    assert "Unfinished" not in page.text
    assert "a-private-host" not in content
    assert "a private platform" not in content


def test_the_policy_allows_this_style_and_nothing_else(written):
    content, page = written
    policy = next(str(m["content"]) for m in page.named("meta") if m.get("http-equiv") == "Content-Security-Policy")
    style = re.search(r"<style>(.*?)</style>", content, re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_figures_are_numbered_sized_and_described(written):
    _, page = written
    images = page.named("img")
    assert len(images) >= 9
    assert [int(n) for n in re.findall(r"Figure (\d+)\.", page.text)] == list(range(1, len(images) + 1))
    for image in images:
        png = base64.b64decode(str(image["src"]).split(",")[1])
        assert (int(str(image["width"])), int(str(image["height"]))) == struct.unpack(">II", png[16:24])
        assert status("f" * 64) in str(image["alt"])
        assert "6 replications, seed 7" in str(image["alt"])


def test_same_folder_same_bytes_and_nothing_runs(compared, undrawn, monkeypatch, tmp_path):
    monkeypatch.setattr("sim.experiment.execute", None)
    before = {path: path.stat().st_mtime_ns for path in compared.rglob("*.parquet")}
    one = api.report(compared, out=tmp_path / "one.html").read_bytes()
    assert api.report(str(compared), out=str(tmp_path / "two.html")).read_bytes() == one
    assert before == {path: path.stat().st_mtime_ns for path in compared.rglob("*.parquet")}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_numbers_of_the_page_are_those_of_the_tables(compared, written):
    from sim.api.tables import comparison_tables

    _, page = written
    effects = comparison_tables(ResultsFolder(compared), "base", 24)["effects"]
    chosen = (effects["scope"] == "region") & (effects["window"] == "whole run") & (effects["contrast"] == "difference")
    row = effects[chosen & (effects["scenario"] == "police") & (effects["outcome"] == "incidents")].iloc[0]
    assert row["effect"] < 0
    assert row["ci_high"] < 0
    share = percent(float(row["effect"] / row["baseline_mean"])).replace("\N{NO-BREAK SPACE}", " ")
    assert f"by {number(-row['effect'])} events ({share} of the baseline" in page.text
    assert signed(float(row["effect"])) in page.text
    interval = f"{number(float(row['ci_low']))} to {number(float(row['ci_high']))}"
    assert page.text.count(interval) >= 2, "in the answer and in the table"


def test_hostile_names_stay_text(tmp_path, undrawn):
    titles = {
        "base": HOSTILE,
        "other": "x" * 400 + " " + HOSTILE,
        "third": "\u0645\u0631\u062d\u0628\u0627 \U0001f600 漢字",
    }
    content, page = read(api.report(comparison(tmp_path / "hostile", titles, 3)))
    assert "script" not in [tag for tag, _ in page.tags]
    assert "<script" not in content
    assert "\u202e" not in content
    assert "\x07" not in content
    assert "<script>alert('x')</script>" in page.text
    assert all(set(image) == {"src", "alt", "width", "height"} for image in page.named("img"))


def test_a_half_finished_comparison_says_so(tmp_path, undrawn):
    folder = comparison(tmp_path / "half", TITLES, 8, done=3)
    _, page = read(api.report(folder))
    assert "Unfinished: 9 of 24 runs are stored and the experiment is still running, or was stopped." in page.text
    assert "3 pairs" in page.text


def test_a_run_has_no_effects_and_claims_none(tmp_path, undrawn):
    _, page = read(api.report(comparison(tmp_path / "run", {"base": "Baseline"}, 5)))
    assert "What happens under Baseline?" in page.text
    assert "no effect of any measure can be read from these numbers" in page.text
    assert [str(s["id"]) for s in page.named("section")][0] == "history"
    assert "stabsim run DIR/scenarios/base.yaml --replications 5" in page.text


def test_twelve_scenarios_all_have_their_tables(tmp_path, undrawn):
    titles = {f"s{i}": f"Scenario number {i} with quite a long name to fit" for i in range(13)}
    _, page = read(api.report(comparison(tmp_path / "many", titles, 3)))
    assert "Scenario number 1 with quite a long name to fit, Scenario number 2" in page.text
    assert page.text.count(", compared with Scenario number 0 with quite a long name to fit: region, whole run") == 12


# --- sweeps


def lhs(count: int) -> pd.DataFrame:
    draw = np.random.default_rng(1)
    first, second = 2 + 2 * draw.permutation(count) / count, draw.permutation(count) / count
    return pd.DataFrame({"point": range(count), "parameters.b_peer": first, "interventions.police.intensity": second})


def test_a_sweep_says_what_the_difference_depends_on(tmp_path, undrawn):
    folder = sweep(tmp_path / "sweep", {"base": "Baseline", "police": "Police"}, lhs(60), DESIGN)
    _, page = read(api.report(folder))
    assert "What would Police change, compared with Baseline, and what does that depend on?" in page.text
    assert "60 design points: a Latin hypercube, seed 3" in page.text
    assert "Question: Does it <b>pay</b>? Expected: Yes" in page.text
    assert page.text.index("interventions.police.intensity Police") < page.text.index("parameters.b_peer Police")
    assert "depends on it" in page.text
    assert "stabsim sweep DIR" in page.text
    assert "every parameter is held at one value" not in page.text
    assert "Communal incidents along each factor: Police" in page.text
    assert {"design", "drivers", "effects"} <= {str(s["id"]) for s in page.named("section")}


def test_a_half_finished_sweep_says_so(tmp_path, undrawn):
    folder = sweep(tmp_path / "half", {"base": "Baseline", "police": "Police"}, lhs(40), DESIGN, done=0.4)
    _, page = read(api.report(folder))
    assert "Unfinished: 128 of 320 runs are stored" in page.text


def test_a_sweep_of_one_scenario_reports_the_outcome_itself(tmp_path, undrawn):
    _, page = read(api.report(sweep(tmp_path / "one", {"base": "Baseline"}, lhs(30), DESIGN)))
    assert "What does the outcome of Baseline depend on?" in page.text
    assert "effects" not in {str(s["id"]) for s in page.named("section")}


def test_a_grid_of_two_factors_has_its_heat_map(tmp_path, undrawn):
    dose, start = np.meshgrid([0.0, 0.5, 1.0], [1.0, 2.0, 3.0, 4.0], indexing="ij")
    points = pd.DataFrame(
        {"point": range(12), "interventions.police.intensity": dose.ravel(), "parameters.b_peer": start.ravel()}
    )
    keys = ("parameters.b_peer", "interventions.police.intensity")
    folder = sweep(
        tmp_path / "grid", {"base": "Baseline", "police": "Police"}, points, {**DESIGN, "kind": "grid"}, keys=keys
    )
    _, page = read(api.report(folder))
    assert "by dose and start: Police" in page.text


def test_months_of_a_design_become_years(tmp_path):
    (tmp_path / "points.csv").write_text("point,start,place\n0,2025-01,XKX\n1,2026-07,BIH\n")
    points = design_points(ResultsFolder(tmp_path))
    assert points["start"].tolist() == [2025.0, 2026.5]
    assert points["place"].tolist() == ["XKX", "BIH"]


def test_ends_and_curves_find_the_slopes_that_were_put_in():
    points = lhs(200)
    draw = np.random.default_rng(5)
    value = 10 * points["parameters.b_peer"] - 3 * points["interventions.police.intensity"] + draw.normal(0, 0.1, 200)
    values = pd.DataFrame({"scenario": "a", "point": points["point"], "value": value})
    names = ["parameters.b_peer", "interventions.police.intensity"]
    ends = factor_ends(values, points, names).set_index("factor")
    assert list(ends.index) == names
    assert ends.loc[names[0], "effect"] == pytest.approx(16.0, abs=0.8)
    assert ends.loc[names[0], "ci_low"] < 16.0 < ends.loc[names[0], "ci_high"]
    assert ends.loc[names[1], "effect"] == pytest.approx(-2.4, abs=3.5)
    curve = by_factor(values, points, names)
    assert (curve.groupby("factor").size() == 5).all()
    assert curve[curve["factor"] == names[0]]["effect"].is_monotonic_increasing


def test_few_levels_are_kept_apart_and_text_factors_left_out():
    points = pd.DataFrame({"point": range(6), "a": [0, 0, 1, 1, 2, 2], "theory": list("xyxyxy")})
    values = pd.DataFrame({"scenario": "s", "point": range(6), "value": [1.0, 1, 2, 2, 3, 3]})
    curve = by_factor(values, points, ["a", "theory"])
    assert curve["dose"].tolist() == [0, 1, 2]
    assert curve["effect"].tolist() == [1, 2, 3]
    assert factor_ends(values, points, ["a", "theory"])[["factor", "effect"]].to_numpy().tolist() == [["a", 2.0]]


def test_cells_only_for_a_full_grid_of_two():
    points = pd.DataFrame({"point": range(4), "a": [0, 0, 1, 1], "b": [5, 6, 5, 6]})
    runs = pd.DataFrame({"scenario": "s", "point": [0, 1, 2, 3] * 2, "incidents": [1.0, 2, 3, 4, 3, 4, 5, 6]})
    cells = grid_cells(runs, points, "incidents")
    assert cells[["dose", "timing", "effect", "n"]].to_numpy().tolist() == [
        [0, 5, 2, 2],
        [0, 6, 3, 2],
        [1, 5, 4, 2],
        [1, 6, 5, 2],
    ]
    assert grid_cells(runs, points.assign(c=1), "incidents").empty
    assert grid_cells(runs, points.assign(b=[5, 6, 5, 7]), "incidents").empty


# --- words


def effects_of(**rows: tuple[float, float, float, float]) -> pd.DataFrame:
    """Effects of one outcome by scenario: baseline, effect, low, high."""
    return pd.DataFrame(
        [
            {
                "scenario": key, "outcome": "incidents", "scope": "region", "window": "whole run", "contrast": "difference",
                "baseline_mean": base, "effect": effect, "ci_low": low, "ci_high": high, "n": 64, "p_holm": 0.5,
            }
            for key, (base, effect, low, high) in rows.items()
        ]
    )  # fmt: skip


def told(titles: dict[str, str], table_: pd.DataFrame) -> str:
    study = Study(manifest("compare", titles, 64), 64 * len(titles), 0)
    sentences = answer(Material(study, {"effects": table_}))
    return ReportParser(templates().get_template("answer.html").render(study=study, answer=sentences)).text.strip()


def test_the_answer_never_says_more_than_the_interval():
    titles = {"base": "Base", "a": "A", "b": "B", "c": "C", "d": "D"}
    words = told(titles, effects_of(a=(100, -20, -30, -10), b=(100, 5, -4, 14), c=(100, 8, 2, 14), d=(100, 0, 0, 0)))
    assert "A lowers communal incidents in the region over 2 years by 20 events (20 % of the baseline" in words
    assert "C raises them by 8 events" in words
    assert "for B 64 pairs of runs are not enough to tell whether they change" in words
    assert "D leaves them the same in every pair" in words
    assert "1 are better, 1 worse, 1 the same in every pair, and 1 not distinguishable from zero" in words
    assert "0 of the 2 clear ones remain after correction" in words


def test_no_correction_is_claimed_where_none_was_made():
    words = told({"base": "Base", "a": "A"}, effects_of(a=(100, -20, -30, -10)).assign(p_holm=float("nan")))
    assert "remain after correction" not in words
    assert "by chance alone" in words


@pytest.mark.parametrize(
    ("row", "expected", "never"),
    [
        ((100, 5.0, -4, 14), "are not enough to tell", "raises"),
        ((1000, -2.0, -3, -1), "small", "large"),
        ((0, 3.0, 1, 5), "by 3 events (95 % interval 1 to 5)", "of the baseline;"),
        ((100, 5.0, float("nan"), float("nan")), "are not enough to tell", "raises"),
    ],
)
def test_hedges(row, expected, never):
    words = told({"base": "Base", "a": "A"}, effects_of(a=row))
    assert expected in words
    assert never not in words
    assert words.endswith("and not as a forecast.")


def test_assumed_sizes_are_counted_from_the_catalogue():
    from sim.interventions import catalogue

    channels = next(entry for entry in catalogue().interventions.values() if entry.row == "I2").channels
    assumed = sum(channel.evidence == "assumption" for channel in channels)
    words = told({"base": "Base", "a": "A"}, effects_of(a=(100, -20, -30, -10)))
    assert f"{assumed} of the {len(channels)} effect sizes" in words


def test_question_names_what_was_asked():
    many = {"b": "Base"} | {f"s{i}": f"S{i}" for i in range(5)}
    assert (
        question(Study(manifest("compare", many, 1), 1, 0))
        == "What would S0, S1 and 3 more change, compared with Base?"
    )
    command = Study(manifest("run", {"a b": "x"}, 2), 1, 0).command
    assert command.startswith("stabsim run 'DIR/scenarios/a b.yaml' --replications 2")


# --- templates


def rendered(template: str, **values: object) -> str:
    macros = '{% from "macros.html" import table, line, listed, word with context %}'
    return templates().from_string(macros + template).render(**values).strip()


def test_templates_escape_once_and_everywhere():
    assert rendered("{{ a }}", a="<b>&\"'") == "&lt;b&gt;&amp;&#34;&#39;"
    assert rendered("{% set b %}<i>{{ a }}</i>{% endset %}{{ b }}", a="<") == "<i>&lt;</i>"
    assert rendered('<p class="{{ a }}">', a='"><script>') == '<p class="&#34;&gt;&lt;script&gt;">'
    assert rendered("{{ a }}", a="a\u202eb\x00") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
    assert rendered("{{ listed(a, 2) }}", a=["a", "<b>", "c"]) == "a, &lt;b&gt; and 1 more"
    assert rendered("{{ listed(a) }}", a=["a", "b", "c"]) == "a, b and c"
    assert rendered("{% call(x) listed(a) %}<b>{{ x }}</b>{% endcall %}", a=["<"]) == "<b>&lt;</b>"
    assert rendered("{{ row.items }} {{ row.count }}", row={"items": 1, "count": 2}) == "1 2"
    made = rendered('{% call table(c, ["h", "n"], [1]) %}{{ line([a, 1], [1]) }}{% endcall %}', c="<c>", a="<x>\u202e")
    assert '<th scope="row">&lt;x&gt;\N{REPLACEMENT CHARACTER}</th>' in made
    assert '<td class="number">1</td>' in made
    assert "<caption>&lt;c&gt;</caption>" in made
    assert 'tabindex="0"' in made
    long = rendered("{{ line([a]) }}", a="<" * 25)
    assert f"{'&lt;' * 20}<wbr>{'&lt;' * 5}" in long


def test_a_missing_value_is_an_error_and_not_an_empty_place():
    with pytest.raises(UndefinedError):
        rendered("{{ nothing }}")


def test_long_words_break_and_no_mark_is_invisible():
    assert pieces("y" * 45) == ["y" * 20, "y" * 20, "yyyyy"]
    assert pieces("a b " + "y" * 20) == ["a b " + "y" * 20]
    assert pieces("") == [""]
    assert visible("a\x07\n\N{NO-BREAK SPACE}") == "a\N{REPLACEMENT CHARACTER}\n\N{NO-BREAK SPACE}"
    assert visible(3) == 3


@pytest.mark.parametrize("verdict", ["better", "worse", "more", "not enough replications to tell"])
def test_a_verdict_has_a_sign_beside_its_colour_and_says_if_it_is_small(verdict):
    made = rendered("{{ word(a, true) }}", a=verdict)
    assert (f"▲ {verdict}" in made) == (verdict == "better")
    assert (f"▼ {verdict}" in made) == (verdict == "worse")
    assert ("under" in made) == (verdict != "not enough replications to tell")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1234.5, "1,234"),
        (-0.0123456, "−0.0123"),
        (12.345, "12.3"),
        (100.0, "100"),
        (3e-9, "≈0"),
        (-3e-9, "≈0"),
        (999.6, "1000"),
        (float("nan"), ""),
        (float("inf"), "∞"),
    ],
)
def test_numbers_are_plain(value, shown):
    assert number(value) == shown


def test_signs():
    assert [signed(v) for v in (1.0, -1.0, 0.0, 1e-9)] == ["+1", "−1", "0", "≈0"]


# --- refusals


def test_refusals(tmp_path, undrawn):
    with pytest.raises(InputError, match="does not exist"):
        api.report(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no results"):
        api.report(tmp_path / "empty")
    folder = comparison(tmp_path / "none", TITLES, 4, done=0)
    with pytest.raises(RunsFailedError, match="no run is finished yet"):
        api.report(folder)
    good = comparison(tmp_path / "good", TITLES, 2)
    with pytest.raises(InputError, match="cannot write the report"):
        api.report(good, out=tmp_path / "no" / "such" / "folder.html")
    assert not (tmp_path / "no").exists()


def test_only_the_baseline_is_finished(tmp_path):
    folder = comparison(tmp_path / "alone", {"base": "Baseline"}, 2)
    store = ResultsFolder(folder)
    store.write_manifest(store.manifest() | manifest("compare", TITLES, 2))
    with pytest.raises(RunsFailedError, match="pairs with one of the baseline"):
        api.report(folder)


def test_every_headline_outcome_is_in_the_report(written):
    _, page = written
    for item in OUTCOMES:
        if item.headline:
            assert item.label in page.text


def test_compare_ends_by_writing_the_report_that_the_folder_gives_again(tmp_path, undrawn):
    made = api.compare(
        ["baseline_2024", "police_capacity"],
        replications=2,
        months=12,
        workers=1,
        out=tmp_path / "c",
        engine=FakeEngine(),
    )
    assert made.report == tmp_path / "c" / "report.html"
    content, page = read(made.report)
    assert "What would Police capacity change, compared with Baseline 2024?" in page.text
    assert "Unfinished" not in page.text
    assert "Status complete" in page.text
    assert "I2 Capacity building of police" in page.text
    assert api.report(tmp_path / "c", out=tmp_path / "again.html").read_text(encoding="utf-8") == content
