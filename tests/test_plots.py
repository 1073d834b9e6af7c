"""Figures say what they show, fit their paper, repeat to the byte, and treat names as text."""

from __future__ import annotations

import importlib.util
import io
import math
import warnings
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from checks.figures import draw_picture
from checks.records import Chart, ranges
from sim.plots.bars import ranking_figure
from sim.plots.effects import draw_forest, forest_figure
from sim.plots.maps import map_figure, place_labels
from sim.plots.over_time import baseline_figure, chain_figure, timeline_figure
from sim.plots.sets import BY_NAME, HEADLINE, MapData, comparison_set, draw, files, run_set
from sim.plots.style import (
    CHARACTERS_PER_INCH,
    STYLE,
    Note,
    TickText,
    clean,
    colour_limit,
    fair_range,
    month_dates,
    new_sheet,
    number_text,
    png_bytes,
    save_figure,
    shorten,
    small_png,
    styled,
    wrap,
)
from sim.status import status
from sim.world.outcomes import OUTCOMES
from tests import figure_tables

HOSTILE = "<script>alert('x')</script> & $\\frac{1}{0}$ \"Đakovica–Čačak\" \x07 --> ]]>"
LONG = "A very long scenario name that goes on and on about police capacity and everything else " * 3
OUTLINES = {
    "AAA": [[(15.0, 42.0), (17.0, 42.0), (17.0, 45.0), (15.0, 45.0), (15.0, 42.0)]],
    "BBB": [[(17.0, 42.0), (21.0, 42.0), (21.0, 45.0), (17.0, 45.0), (17.0, 42.0)]],
}
NAMES = {"AAA": "Alphaland and Adjacent Isles", "BBB": "Beta"}


def titles(count: int) -> dict[str, str]:
    named = {f"s{index}": f"Scenario number {index} of a family" for index in range(count)}
    return named | {"s0": HOSTILE} | ({"s1": LONG} if count > 1 else {})


def note(count: int) -> Note:
    return Note(", ".join(titles(count).values()), 64, 7, "9.9.9", 20_000, "Baseline 2024")


def timeline(count: int, months: int = 60, size: float = 1.0) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    frames = []
    for key in titles(count):
        path = np.cumsum(draw.normal(0, size, months))
        frames.append(
            pd.DataFrame(
                {
                    "scenario": key,
                    "outcome": "incidents",
                    "unit": "events",
                    "scope": "region",
                    "month": np.arange(months),
                    "cumulative": True,
                    "effect": path,
                    "ci_low": path - size,
                    "ci_high": path + size,
                    "spread_low": path - 3 * size,
                    "spread_high": path + 4 * size,
                    "n": 64,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def effects(count: int, size: float = 1.0) -> pd.DataFrame:
    draw = np.random.default_rng(1)
    rows = []
    for key in titles(count):
        for name, unit in ((item.name, item.unit) for item in HEADLINE):
            middle = draw.normal(0, size)
            rows.append(
                {
                    "scenario": key,
                    "outcome": name,
                    "unit": unit,
                    "scope": "region",
                    "window": "whole run",
                    "contrast": "difference",
                    "effect": middle,
                    "ci_low": middle - size,
                    "ci_high": middle + size,
                    "spread_low": middle - 3 * size,
                    "spread_high": middle + 3 * size,
                }
            )
    return pd.DataFrame(rows)


def districts(count: int) -> pd.DataFrame:
    draw = np.random.default_rng(2)
    place = pd.DataFrame(
        {
            "state": np.repeat(["AAA", "BBB"], 20),
            "district": [f"d{index}" for index in range(40)],
            "lon": draw.uniform(15.2, 20.8, 40),
            "lat": draw.uniform(42.2, 44.8, 40),
            "persons": draw.lognormal(10, 1, 40),
        }
    )
    frames = []
    for key in titles(count):
        value = draw.normal(0, 1, 40)
        frames.append(place.assign(scenario=key, effect=value, ci_low=value - 0.8, ci_high=value + 0.8))
    return pd.concat(frames, ignore_index=True)


def history(months: int = 60) -> pd.DataFrame:
    frames = [
        pd.DataFrame(
            {
                "outcome": item.name,
                "unit": item.unit,
                "scope": "region",
                "month": np.arange(months),
                "mean": np.linspace(1, 2, months),
                "low": np.linspace(0.5, 1, months),
                "high": np.linspace(2, 4, months),
            }
        )
        for item in OUTCOMES
    ]
    return pd.concat(frames, ignore_index=True)


MAKERS = {
    "timeline": lambda n: timeline_figure(timeline(n), BY_NAME["incidents"], note(n), titles(n), (2024, 1)),
    "timeline_big": lambda n: timeline_figure(
        timeline(n, 8, 1e7), BY_NAME["incidents"], note(n), titles(n), (2024, 11)
    ),
    "forest": lambda n: forest_figure(effects(n), HEADLINE, note(n), titles(n)),
    "forest_big": lambda n: forest_figure(effects(n, 1.7e6), HEADLINE, note(n), titles(n)),
    "map": lambda n: map_figure(districts(n), "Incidents", "per 100,000", note(n), titles(n), OUTLINES, NAMES),
    "baseline": lambda n: baseline_figure(history(), HEADLINE, note(n), HOSTILE, (2024, 1)),
}


def texts(figure) -> list:
    """Every visible, non-empty text of a figure."""
    from matplotlib.text import Text

    return [item for item in figure.findobj(Text) if item.get_visible() and item.get_text().strip()]


def drawn_axes(figure) -> list:
    from matplotlib.axes import Axes

    return figure.findobj(Axes)


def tick_boxes(figure):
    """For each axis, the boxes of its tick labels in order, and whether it runs across."""
    renderer = figure.canvas.get_renderer()
    for axes in drawn_axes(figure):
        for axis, across in ((axes.xaxis, True), (axes.yaxis, False)):
            if not (axes.axison and axis.get_visible()):
                continue
            low, high = sorted(axis.get_view_interval())
            labels = [
                tick.label1
                for tick in axis.get_major_ticks()
                if low <= tick.get_loc() <= high and tick.label1.get_visible() and tick.label1.get_text()
            ]
            yield [label.get_window_extent(renderer) for label in labels], across


@pytest.mark.parametrize("count", [1, 3, 12])
@pytest.mark.parametrize("kind", list(MAKERS))
def test_nothing_overlaps_or_leaves_the_paper_and_the_caption_is_there(kind, count):
    with styled():
        figure = MAKERS[kind](count)
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        paper = figure.bbox
        ticks = {
            id(label)
            for axes in drawn_axes(figure)
            for axis in (axes.xaxis, axes.yaxis)
            for tick in axis.get_major_ticks() + axis.get_minor_ticks()
            for label in (tick.label1, tick.label2)
        }
        for boxes, across in tick_boxes(figure):
            assert all(box.x0 > -2 and box.x1 < paper.x1 + 2 for box in boxes)
            ordered = sorted(boxes, key=lambda box: box.x0 if across else box.y0)
            for first, second in pairwise(ordered):
                gap = second.x0 - first.x1 if across else second.y0 - first.y1
                assert gap > 0, (kind, count, across)
        everything = " ".join(item.get_text() for item in texts(figure)).replace("\n", " ")
        for needed in (
            "64 replications",
            "seed 7",
            "stabsim 9.9.9",
            "20,000 citizens",
            f"{status()}.",
        ):
            assert needed in everything
        for item in texts(figure):
            box = item.get_window_extent(renderer)
            if id(item) not in ticks:
                assert box.x0 > -2, item.get_text()
                assert box.x1 < paper.x1 + 2, item.get_text()
                assert box.y0 > -2, item.get_text()
                assert box.y1 < paper.y1 + 2, item.get_text()


@pytest.mark.parametrize("count", [2, 7])
@pytest.mark.parametrize("kind", ["timeline", "forest", "map", "baseline"])
def test_panels_titles_and_captions_keep_clear_of_each_other(kind, count):
    with styled():
        figure = MAKERS[kind](count)
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        panels = [axes for axes in drawn_axes(figure) if axes.get_title(loc="left")]
        heads = [axes._left_title.get_window_extent(renderer) for axes in panels]
        for index, first in enumerate(heads):
            for second in heads[index + 1 :]:
                assert not first.overlaps(second), kind
        body, foot = figure.subfigs
        lowest = min(axes.get_tightbbox(renderer).y0 for axes in body.axes)
        highest = max(item.get_window_extent(renderer).y1 for item in texts(foot))
        assert lowest > highest - 3, kind


@pytest.mark.parametrize("kind", list(MAKERS))
def test_files_repeat_to_the_byte_and_names_stay_text(kind, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = save_figure(MAKERS[kind](2), tmp_path / "one")
        second = save_figure(MAKERS[kind](2), tmp_path / "two")
    assert first[0].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    svg = first[1].read_text(encoding="utf-8")
    assert "<script" not in svg
    root = ElementTree.fromstring(svg)
    words = " ".join(" ".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "<script>alert('x')</script>" in words
    assert "$\\frac{1}{0}$" in words
    assert "Čačak" in words
    assert f"{status()}." in words.replace("  ", " ")


def test_bands_are_named_and_mean_what_they_say():
    with styled():
        figure = MAKERS["timeline"](1)
        labels = {item.get_text() for item in texts(figure)}
        assert {"95 % interval of the mean", "5–95 % of single pairs", "Mean difference"} <= labels
        light, dark = drawn_axes(figure)[0].collections
        assert light.get_alpha() < dark.get_alpha()
        assert np.ptp(light.get_paths()[0].vertices[:, 1]) > np.ptp(dark.get_paths()[0].vertices[:, 1])


def test_forest_colours_follow_the_verdict():
    rows = pd.DataFrame(
        {
            "scenario": ["better", "worse", "unclear", "same"],
            "effect": [-2.0, 2.0, 0.5, 0.0],
            "ci_low": [-3.0, 1.0, -1.0, 0.0],
            "ci_high": [-1.0, 3.0, 2.0, 0.0],
            "spread_low": -4.0,
            "spread_high": 4.0,
        }
    )
    with styled():
        axes = new_sheet(4, 3, "t", "c").body.subplots()
        draw_forest(rows, axes, dict.fromkeys(rows["scenario"], ""), "lower")
    dots = [line for line in axes.lines if line.get_marker() in ("o", "D")]
    assert [dot.get_markeredgecolor() for dot in dots] == ["#0072B2", "#E69F00", "#767676", "#767676"]
    assert [dot.get_markerfacecolor() for dot in dots] == ["#0072B2", "#E69F00", "white", "white"]
    assert [dot.get_marker() for dot in dots] == ["o", "o", "o", "D"]


def test_labels_sit_inside_their_state():
    from matplotlib.path import Path as Outline

    for state, label in place_labels(OUTLINES, NAMES).items():
        assert Outline(OUTLINES[state][0]).contains_point((label.lon, label.lat))
    assert place_labels(OUTLINES, {"CCC": "no outline"}) == {}


def test_colour_scale_ignores_a_single_extreme_district_and_survives_nothing():
    assert colour_limit(pd.Series([0.0, 0.0])) == 1.0
    assert colour_limit(pd.Series([0.0] * 99 + [5.0])) == 5.0
    assert colour_limit(pd.Series([1.0] * 99 + [1000.0])) < 50


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.015, "−0.015"),
        (1234.0, "1234"),
        (-120_000, "−120k"),
        (2_500_000, "2.5M"),
        (0.1 + 0.2, "0.3"),
        (12_500, "12.5k"),
    ],
)
def test_ticks_are_readable(value, text):
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([0.103, 0.10305, 0.1031], ["0.10300", "0.10305", "0.10310"]),
        ([-6e-5, 0, 6e-5, 1.2e-4], ["−0.00006", "0", "0.00006", "0.00012"]),
        ([0, 2500, 5000], ["0", "2,500", "5,000"]),
        ([-200_000, -100_000, 0], ["−200k", "−100k", "0"]),
        ([0, 12_500, 25_000], ["0", "12.5k", "25.0k"]),
        ([0, 0.5, 1], ["0", "0.5", "1.0"]),
        ([0, 1e-7, 2e-7], ["0", "1e−07", "2e−07"]),
    ],
)
def test_ticks_of_an_axis_are_told_apart(places, words):
    assert TickText().format_ticks(places) == words


def test_text_helpers():
    assert clean("a\x00b\n") == "a b "
    assert wrap("", 20) == [""]
    assert shorten("one two three four five six", 9, 2).endswith("…")
    assert max(map(len, wrap("x" * 300, 40))) <= 40
    assert [str(day) for day in month_dates([0, 1, 14], 2023, 11)] == [
        "2023-11-01",
        "2023-12-01",
        "2025-01-01",
    ]
    assert CHARACTERS_PER_INCH > 10
    assert STYLE["svg.hashsalt"] == "stabsim"


def test_figure_sets_write_png_and_svg(tmp_path):
    keys = titles(2)
    over = pd.concat(
        [timeline(2).assign(outcome=item.name, unit=item.unit, cumulative=item.kind == "flow") for item in OUTCOMES]
    )
    placed = [districts(2).assign(outcome=name).drop(columns=["lat", "lon"]) for name in ("incidents", "tension")]
    geography = MapData(districts(1)[["state", "district", "lat", "lon"]], OUTLINES, NAMES)
    by_state = [effects(2).assign(scope=state) for state in NAMES]
    tables = {
        "effects": pd.concat([effects(2), *by_state]),
        "over_time": over,
        "districts": pd.concat(placed),
        "ranking": pd.DataFrame({"scenario": list(keys), "p_best": [0.3, 0.7]}).assign(
            outcome="incidents", scope="region", window="whole run"
        ),
    }
    made = draw(comparison_set(tables, note(2), keys, (2024, 1), geography), tmp_path / "f", dpi=40)
    made += draw(run_set(history(), note(2), "Baseline", (2024, 1)), tmp_path / "f", dpi=40)
    names = {picture.name for picture in made}
    assert {"effects", "over_time_incidents", "states_tension", "map_tension", "ranking", "baseline"} <= names
    assert "map_unemployment" not in names, "no row, no map"
    assert sorted(path.name for path in files(made, tmp_path)) == sorted(p.name for p in (tmp_path / "f").iterdir())
    for picture in made:
        assert picture.png == (tmp_path / "f" / f"{picture.name}.png").read_bytes()
        assert f"{status()}." in picture.caption
        assert picture.title


# --- every figure, with hostile names in place of good ones

OLD = {"forest", "over_time", "map", "history"}
"""Drawn above with hostile names already."""


def hostile(name: str):
    """The example with every name replaced by one that means harm or runs on."""
    nasty = [HOSTILE, LONG, "_hidden", "x" * 200, "\u202eright to left\u200f", "line\nbreak \U0001f600 漢字", "$x^2$"]
    shown = {key: nasty[place % len(nasty)] for place, key in enumerate(figure_tables.TITLES)}
    states = {key: nasty[place] for place, key in enumerate(figure_tables.state_names())}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure_tables, "TITLES", shown)
        patch.setattr(figure_tables, "state_names", lambda: states)
        patch.setattr(figure_tables, "FACTORS", tuple(nasty))
        patch.setattr(figure_tables, "note", lambda baseline="": Note(LONG, 64, 7, "9.9.9", 20_000, HOSTILE))
        return figure_tables.FIGURES[name]()


def seen(figure) -> list:
    """Texts that are drawn: those of ticks beyond the ends of an axis are not."""
    hidden = set()
    for axes in drawn_axes(figure):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                if not low <= tick.get_loc() <= high or not axes.axison:
                    hidden |= {id(tick.label1), id(tick.label2)}
    return [item for item in texts(figure) if id(item) not in hidden]


def crossing(figure) -> list[tuple[str, str]]:
    """Pairs of texts of a figure that lie on each other, tick labels and all."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    boxes = [(item.get_text(), item.get_window_extent(renderer)) for item in seen(figure)]
    boxes = [(text, box.padded(-1.0)) for text, box in boxes if box.width > 2 and box.height > 2]
    return [
        (one, other)
        for place, (one, first) in enumerate(boxes)
        for other, second in boxes[place + 1 :]
        if first.x0 < second.x1 and second.x0 < first.x1 and first.y0 < second.y1 and second.y0 < first.y1
    ]


@pytest.mark.parametrize("name", sorted(set(figure_tables.FIGURES) - OLD))
def test_other_figures_survive_hostile_names_and_nothing_lies_on_anything(name):
    with warnings.catch_warnings(), styled():
        warnings.simplefilter("error")
        figure = hostile(name)
        assert crossing(figure) == []
        paper, renderer = figure.bbox, figure.canvas.get_renderer()
        for item in seen(figure):
            box = item.get_window_extent(renderer)
            assert box.x0 > -2, item.get_text()
            assert box.x1 < paper.x1 + 2, item.get_text()
        everything = " ".join(item.get_text() for item in texts(figure)).replace("\n", " ")
        for needed in ("64 replications", "seed 7", "stabsim 9.9.9", "20,000 citizens", f"{status()}."):
            assert needed in everything


def test_what_the_bars_say_is_what_the_table_says():
    with styled():
        figure = figure_tables.FIGURES["attribution"]()
        widths = sorted(bar.get_width() for axes in drawn_axes(figure) for bar in axes.patches)
        assert widths == sorted(figure_tables.shares().query("group != '(total)'")["share"])
        assert f"Total: {number_text(-64.0)} events" in figure.subfigs[1].texts[0].get_text().replace("\n", " ")
        ranks = figure_tables.FIGURES["ranking"]()
        assert [bar.get_width() for axes in drawn_axes(ranks) for bar in axes.patches] == [0.71, 0.24, 0.03, 0.02, 0.0]
        tornado = drawn_axes(figure_tables.FIGURES["tornado"]())[0]
        assert "b_peer" in tornado.get_yticklabels()[0].get_text(), "widest on top"
        heat = drawn_axes(figure_tables.FIGURES["heat"]())[0]
        unclear = figure_tables.cells().query("ci_low <= 0 <= ci_high")
        assert len(heat.lines[0].get_xdata()) == len(unclear) > 0


def test_text_of_a_figure_is_made_drawable_in_one_place():
    assert clean("a\u202eb\u200f") == "a b "
    assert clean("漢é\u0416\U0001f9ff") == "□éЖ□"
    assert shorten("_name", 20, 1) == "_name"


# --- the gallery


def test_the_gallery_page_is_what_its_script_writes_and_its_pictures_are_small():
    folder = Path(__file__).parents[1] / "docs"
    spec = importlib.util.spec_from_file_location("docs_gallery", folder / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    assert (folder / "gallery.md").read_text(encoding="utf-8") == gallery.page(), "run: python docs/gallery.py"
    pictures = sorted((folder / "images" / "gallery").iterdir())
    assert [path.stem for path in pictures] == sorted(name for name, *_ in gallery.FIGURES)
    sizes = [path.stat().st_size for path in pictures]
    assert max(sizes) < 120_000
    assert sum(sizes) < 1_000_000


def test_a_small_picture_keeps_its_colours_and_says_the_same():
    png = png_bytes(figure_tables.FIGURES["heat"](), 60)
    small = small_png(png)
    assert len(small) < 0.6 * len(png)
    with Image.open(io.BytesIO(png)) as one, Image.open(io.BytesIO(small)) as other:
        off = np.abs(np.asarray(one.convert("RGB")).astype(int) - np.asarray(other.convert("RGB")).astype(int))
    assert off.max() <= 16
    assert small_png(png) == small


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [([0, 0], 0, 1), ([20, 100], 0, 105), ([0.5224, 0.5228], 0.49, 0.56), ([-1.0, 1.0], -1.1, 1.1)],
)
def test_a_range_neither_hides_nor_enlarges(values, low, high):
    figure = Figure()
    axes = figure.subplots()
    axes.plot(values)
    fair_range(axes)
    bottom, top = axes.get_ylim()
    assert bottom == pytest.approx(low, rel=0.02)
    assert top == pytest.approx(high, rel=0.02)
    assert bottom <= min(values)
    assert max(values) <= top


def test_a_ranking_is_never_certain_and_says_that_parameters_are_not_in_it():
    table = pd.DataFrame({"scenario": ["police", "baseline"], "p_best": [1.0, 0.0]})
    note = Note("x", 16, 1, "0.1.0", drawn=500)
    with styled():
        figure = ranking_figure(table, "Incidents", "lower", note, {"police": "Police", "baseline": "Baseline"})
        said = " ".join(item.get_text() for item in texts(figure)).replace("\n", " ")
    assert "over 99 %" in said
    assert "under 1 %" in said
    assert "100%" not in said
    assert "parameter uncertainty is not shown" in said


def test_a_small_png_keeps_the_commonest_colours():
    with styled():
        png = png_bytes(figure_tables.FIGURES["map"](), 60)
    with Image.open(io.BytesIO(png)) as image, Image.open(io.BytesIO(small_png(png))) as small:
        before, after = np.asarray(image.convert("RGB")), np.asarray(small.convert("RGB"))
    for grey in (0xFF, 0xF4):
        assert (after[(before == grey).all(axis=2)] == grey).all()


def test_ranges_show_the_record_and_what_is_not_recorded_is_left_out():
    columns = ranges({"deaths": [3, 1, 9, 4, 2, 6], "spread": [1, 0.5, 2, math.nan, math.nan, math.nan]})
    picture = Chart("s.d.", "", columns, "ranges")
    with styled():
        axes = draw_picture(picture, Figure().subplots())
    diamonds = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "D"]
    assert diamonds == [4]
    assert [bar.get_x() for bar in axes.patches] == [2], "one window"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["deaths", "spread"]


def test_the_index_stands_below_the_chain_and_is_no_link_of_it() -> None:
    """A composite moves in the month in which its first part moves; drawn among them it would read as a cause."""
    moved = [("stability", 2.0, -1.0), ("legitimacy", 3.0, -0.1), ("unemployment", 2.0, 0.1), ("pressure", 2.0, 0.2)]
    table = pd.DataFrame(
        [{"outcome": n, "label": n, "month": m, "effect_peak": e, "share_peak": np.nan} for n, m, e in moved]
    )
    axes = drawn_axes(chain_figure(table, note(1), "A scenario"))[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "unemployment",
        "legitimacy",
        "pressure",
        "stability",
    ]
    assert axes.lines[0].get_ydata().tolist() == [0, 1]
