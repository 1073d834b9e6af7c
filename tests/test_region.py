"""Regions: what ships is right, order and names do not matter, bad folders are refused at the right place."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sim.errors import Problem, RegionError
from sim.region import VARIABLES, Region, check_region, find_region, load_region, shipped_root
from sim.region.build import MIN_PERSONS, rake
from sim.region.schema import TABLES
from sim.region.slips import date_hint, number_hint

BALKANS = find_region("western_balkans")
TWIN = find_region("twin_valleys")
CENSUS = {
    "ALB": 2402113,
    "BIH": 3531159,
    "HRV": 3871833,
    "MKD": 1836713,
    "MNE": 623633,
    "SRB": 6647003,
    "XKX": 1602515,
}


@pytest.fixture(scope="module")
def balkans() -> Region:
    return load_region(BALKANS)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def same_arrays(one: Region, two: Region) -> bool:
    """Whether two regions agree in every field that is not a name, a folder or a text."""
    ignored = {
        "folder",
        "title",
        "state_names",
        "community_names",
        "district_names",
        "missions",
        "notes",
        "values",
    }
    for field in dataclasses.fields(Region):
        if field.name not in ignored:
            a, b = getattr(one, field.name), getattr(two, field.name)
            equal = np.array_equal(a, b, equal_nan=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a == b
            if not equal:
                return False
    plain = [[dataclasses.replace(m, name="", organisation="") for m in region.missions] for region in (one, two)]
    values = all(np.array_equal(one.values[name], two.values[name]) for name in VARIABLES)
    return values and [vars(m) for m in plain[0]] == [vars(m) for m in plain[1]]


# --- the Western Balkans --------------------------------------------------------------------------


def test_states_and_totals(balkans: Region) -> None:
    assert balkans.states == tuple(sorted(CENSUS))
    totals = np.bincount(balkans.district_state, weights=balkans.district_population, minlength=7).astype(int)
    assert dict(zip(balkans.states, totals.tolist(), strict=True)) == CENSUS
    assert balkans.cell_population.sum() == balkans.group_population.sum() == sum(CENSUS.values())


def test_districts(balkans: Region) -> None:
    counts = dict(zip(balkans.states, np.bincount(balkans.district_state).tolist(), strict=True))
    assert counts == {"ALB": 12, "BIH": 142, "HRV": 21, "MKD": 84, "MNE": 21, "SRB": 38, "XKX": 38}
    assert all(
        key.isascii() and key[:4] == f"{balkans.states[state]}-"
        for key, state in zip(balkans.districts, balkans.district_state, strict=True)
    )
    assert balkans.district_names[balkans.districts.index("BIH-siroki-brijeg")] == "Široki Brijeg"


def test_no_district_is_counted_twice() -> None:
    rows = rows_of(BALKANS / "communities.csv")
    serbia = sum(int(row["persons"]) for row in rows if row["district"].startswith("SRB-"))
    assert abs(serbia - CENSUS["SRB"]) < 100
    pcinja = sum(int(row["persons"]) for row in rows if row["district"] == "SRB-pcinja")
    assert pcinja == 193802 - 33449 - 41068


@pytest.mark.parametrize(
    ("district", "community", "persons"),
    [
        ("BIH-srebrenica", "bosniak", 7248),
        ("MKD-tetovo", "albanian", 60886),
        ("SRB-presevo", "albanian", 31340),
        ("SRB-novi-pazar", "bosniak", 85204),
        ("XKX-north-mitrovica", "serb", 23565),
        ("MNE-ulcinj", "albanian", 14076),
    ],
)
def test_census_counts(district: str, community: str, persons: int) -> None:
    rows = rows_of(BALKANS / "communities.csv")
    found = [int(row["persons"]) for row in rows if (row["district"], row["community"]) == (district, community)]
    assert found == [persons]


def test_few_enough_cells(balkans: Region) -> None:
    assert balkans.n_cells * 8 < 9000
    assert balkans.cell_population.min() >= MIN_PERSONS


def test_cells_are_sorted_and_offsets_fit(balkans: Region) -> None:
    keys = [
        (int(balkans.district_state[d]), balkans.districts[d], balkans.communities[c])
        for d, c in zip(balkans.cell_district, balkans.cell_community, strict=True)
    ]
    assert keys == sorted(keys)
    assert len({*balkans.cell_uid.tolist()}) == balkans.n_cells
    for district in range(balkans.n_districts):
        own = slice(balkans.district_cells[district], balkans.district_cells[district + 1])
        assert set(balkans.cell_district[own].tolist()) == {district}
        assert balkans.cell_population[own].sum() == balkans.district_population[district]
    assert np.array_equal(balkans.group_state[balkans.cell_group], balkans.district_state[balkans.cell_district])
    assert np.array_equal(balkans.group_community[balkans.cell_group], balkans.cell_community)


def test_small_communities_join_other_unless_protected(balkans: Region) -> None:
    cells = {
        (balkans.districts[d], balkans.communities[c])
        for d, c in zip(balkans.cell_district, balkans.cell_community, strict=True)
    }
    assert ("XKX-prishtine-pristina", "serb") in cells  # 430 persons, protected
    assert ("BIH-banja-luka", "croat") in cells  # 5,104 persons
    assert ("BIH-bileca", "croat") not in cells  # 21 persons
    assert ("BIH-istocni-drvar", "serb") in cells  # 78 persons, the largest of its district


def test_arrays_are_read_only(balkans: Region) -> None:
    arrays = [value for value in (*vars(balkans).values(), *balkans.values.values()) if isinstance(value, np.ndarray)]
    assert len(arrays) > 50
    assert not any(array.flags.writeable for array in arrays)


def test_every_variable_in_every_year() -> None:
    for year in (1990, 1998, 2004, 2010, 2024):
        region = load_region(BALKANS, year)
        assert set(region.values) == set(VARIABLES) == set(region.bounds)
        for name, variable in VARIABLES.items():
            assert np.all((region.values[name] >= variable.lo) & (region.values[name] <= variable.hi))


def test_histories(balkans: Region) -> None:
    early, late = load_region(BALKANS, 1998), balkans
    group = {
        (early.states[s], early.communities[c]): index
        for index, (s, c) in enumerate(zip(early.group_state, early.group_community, strict=True))
    }
    assert early.exclusion[group["XKX", "albanian"]] == 1
    assert early.exclusion[group["XKX", "serb"]] == 0
    assert late.exclusion[group["XKX", "albanian"]] == 0
    assert late.exclusion[group["XKX", "serb"]] == 0.35
    assert early.exclusion[group["MKD", "albanian"]] == 0.35
    assert late.exclusion[group["MKD", "albanian"]] == 0.15
    assert np.array_equal(early.cell_uid, late.cell_uid)
    assert early.district_population.sum() != late.district_population.sum()
    assert any("later value used" in note for note in early.notes)
    assert early.displaced[early.states.index("XKX")] < 1000 < late.displaced[late.states.index("XKX")]


def test_war_memory(balkans: Region) -> None:
    by_state = {
        state: balkans.war_deaths_per_1000[balkans.district_state[balkans.cell_district] == index]
        for index, state in enumerate(balkans.states)
    }
    assert by_state["BIH"].max() > 100
    assert 1 < by_state["XKX"].min() < 3
    assert by_state["SRB"].max() == 0
    before, during = load_region(BALKANS, 1992), load_region(BALKANS, 1994)
    bosnia = before.district_state[before.cell_district] == before.states.index("BIH")
    assert before.war_deaths_per_1000[bosnia].max() == 0
    assert np.all(np.isnan(before.memory_years[bosnia]))
    assert np.all(during.memory_years[bosnia] == 0)
    assert np.allclose(during.war_deaths_per_1000[bosnia] * 2, balkans.war_deaths_per_1000[bosnia])
    assert np.all(balkans.memory_years[bosnia] == 2024 - 1996)


def test_missions(balkans: Region) -> None:
    missions = {mission.key: mission for mission in balkans.missions}
    kfor = missions["KFOR"]
    assert (balkans.states[kfor.state], kfor.kind, kfor.mandate, kfor.start, kfor.end) == (
        "XKX",
        "troops",
        "robust",
        (1999, 6),
        None,
    )
    assert [kfor.persons(*when) for when in ((1999, 5), (1999, 6), (2004, 3), (2030, 1))] == [
        0,
        50000,
        17500,
        4600,
    ]
    assert missions["SFOR"].persons(2004, 12) == 8500
    assert missions["SFOR"].persons(2005, 1) == 0


def test_kin_ties_both_ways(balkans: Region) -> None:
    ties = set(
        zip(
            balkans.kin_group_a.tolist(),
            balkans.kin_group_b.tolist(),
            balkans.kin_strength.tolist(),
            strict=True,
        )
    )
    assert len(ties) == len(balkans.kin_strength) > 20
    assert ties == {(b, a, strength) for a, b, strength in ties}
    assert np.array_equal(balkans.group_community[balkans.kin_group_a], balkans.group_community[balkans.kin_group_b])
    assert not np.any(balkans.group_state[balkans.kin_group_a] == balkans.group_state[balkans.kin_group_b])


def test_pairs_are_ordered(balkans: Region) -> None:
    assert len(balkans.border_km) == 13
    assert np.all(balkans.border_a < balkans.border_b)
    assert np.all(balkans.dispute_a < balkans.dispute_b)
    worst = int(np.argmax(balkans.dispute_level))
    assert {balkans.states[balkans.dispute_a[worst]], balkans.states[balkans.dispute_b[worst]]} == {
        "SRB",
        "XKX",
    }


def test_shipped_regions_have_no_errors_and_only_expected_warnings() -> None:
    assert check_region(TWIN) == ([], [])
    errors, warnings = check_region(BALKANS)
    assert errors == []
    assert all(warning.file == str(BALKANS) for warning in warnings)


def test_loading_is_fast() -> None:
    load_region(BALKANS)
    best = min(_seconds(lambda: load_region(BALKANS)) for _ in range(5))
    assert best < 0.4


def _seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


@pytest.mark.parametrize("folder", [BALKANS, TWIN], ids=lambda folder: folder.name)
def test_every_row_has_a_source_and_every_file_a_word(folder: Path) -> None:
    sources = (folder / "SOURCES.md").read_text(encoding="utf-8")
    for path in sorted(folder.glob("*.csv")):
        rows = rows_of(path)
        assert rows
        assert all(row["source"].strip() and row["quality"] for row in rows), path.name
        assert folder == TWIN or path.name in sources


def test_outlines(balkans: Region) -> None:
    outlines = balkans.outlines()
    assert tuple(outlines) == balkans.states
    assert all(13 < lon < 24 and 39 < lat < 47 for rings in outlines.values() for ring in rings for lon, lat in ring)


# --- what must not matter -------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[Path], Path]:
    return lambda folder: Path(shutil.copytree(folder, tmp_path / folder.name))


@pytest.mark.parametrize("source", [BALKANS, TWIN], ids=lambda folder: folder.name)
def test_order_of_rows_and_columns_and_line_ends_do_not_matter(source: Path, copy: Callable[[Path], Path]) -> None:
    folder = copy(source)
    draw = random.Random(1)
    for path in folder.glob("*.csv"):
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
        body = rows[1:]
        draw.shuffle(body)
        order = draw.sample(range(len(rows[0])), len(rows[0]))
        stream = io.StringIO(newline="")
        csv.writer(stream, lineterminator="\r\n").writerows([row[i] for i in order] for row in [rows[0], *body])
        path.write_bytes(b"\xef\xbb\xbf" + stream.getvalue().encode())
    for year in (2001, 2024):
        before, after = load_region(source, year), load_region(folder, year)
        assert same_arrays(before, after)
        assert before.notes == after.notes


@pytest.mark.parametrize("source", [BALKANS, TWIN], ids=lambda folder: folder.name)
def test_display_names_and_sources_do_not_matter(source: Path, copy: Callable[[Path], Path]) -> None:
    folder = copy(source)
    for path in folder.glob("*.csv"):
        rows = rows_of(path)
        for number, row in enumerate(rows):
            row.update(
                {title: f"=Ж {number}" for title in ("name", "source", "organisation", "reason") if title in row}
            )
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    header = folder / "region.toml"
    text = header.read_text(encoding="utf-8")
    for old, new in (("Croats", "A"), ("Serbs", "B"), ("Amber", "C"), ('Western Balkans"', 'W"')):
        text = text.replace(f'"{old}', f'"{new}')
    header.write_text(text, encoding="utf-8")
    renamed = load_region(folder)
    assert renamed.district_names != load_region(source).district_names
    assert renamed.community_names != load_region(source).community_names
    assert same_arrays(load_region(source), renamed)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("communities.csv", "AAA-ash,amber,24000", "AAA-ash,amber,24001"),
        ("states.csv", "-30,-0.5", "-30,-0.6"),
        ("region.toml", "distance_km = 30", "distance_km = 31"),
        ("power_status.csv", "BBB,amber,2000,0.35", "BBB,amber,2000,0.7"),
        ("state_values.csv", "AAA,2000,corruption,0.5", "AAA,2000,corruption,0.51"),
        ("kin_ties.csv", "amber,AAA,BBB,1", "amber,AAA,BBB,0.5"),
    ],
)
def test_content_changes_the_hash(file: str, old: str, new: str, copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    edit(folder, file, old, new)
    assert load_region(folder).sha256 != load_region(TWIN).sha256


def test_number_formats_do_not_change_the_hash(copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    edit(folder, "state_values.csv", "AAA,2000,corruption,0.5,", "AAA,2000,corruption,5.00e-1,")
    assert load_region(folder).sha256 == load_region(TWIN).sha256


# --- the symmetric region -------------------------------------------------------------------------


def test_twin_valleys_is_symmetric() -> None:
    twin = load_region(TWIN)
    assert (twin.n_states, twin.n_districts, twin.n_cells, twin.n_groups) == (2, 8, 16, 4)
    west, east = slice(0, 4), slice(4, 8)
    assert np.array_equal(twin.district_lat[west], twin.district_lat[east])
    assert np.array_equal(twin.district_lon[west], -twin.district_lon[east])
    assert np.array_equal(twin.district_population[west], twin.district_population[east])
    assert np.all((twin.district_population >= 20000) & (twin.district_population <= 60000))
    population = twin.cell_population.reshape(2, 4, 2)
    assert np.array_equal(population[0], population[1][:, ::-1])
    assert np.array_equal(twin.exclusion, twin.exclusion[::-1])
    assert all(values[0] == values[1] for values in twin.values.values())
    mirrored = sorted((3 - a, 3 - b) for a, b in zip(twin.kin_group_a, twin.kin_group_b, strict=True))
    assert mirrored == sorted(zip(twin.kin_group_a.tolist(), twin.kin_group_b.tolist(), strict=True))
    assert (len(twin.dispute_level), twin.missions, twin.notes) == (1, (), ())


# --- raking ---------------------------------------------------------------------------------------


def test_rake_known_answers() -> None:
    assert rake([10, 20, 30], 120) == [20, 40, 60]
    assert rake([1, 1, 1], 100) == [34, 33, 33]
    assert rake([1000, 1], 500) == [492, 8]
    assert rake([1, 1, 1000], 30) == [8, 8, 14]


def test_rake_keeps_the_total() -> None:
    draw = random.Random(2)
    for _ in range(200):
        counts = [draw.randint(1, 10 ** draw.randint(1, 6)) for _ in range(draw.randint(1, 40))]
        total = draw.randint(MIN_PERSONS * len(counts), 10**7)
        scaled = rake(counts, total)
        assert sum(scaled) == total
        assert min(scaled) >= MIN_PERSONS
        exact = [count * total / sum(counts) for count in counts]
        if min(exact) > MIN_PERSONS:
            assert max(abs(a - b) for a, b in zip(scaled, exact, strict=True)) < 1


# --- bad folders ----------------------------------------------------------------------------------


def edit(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (file, old, text.count(old))
    path.write_text(text.replace(old, new), encoding="utf-8")


BAD = [
    ("states.csv", "BBB,East", "bbb,East", "states.csv:3:1: state: is not a key", ""),
    (
        "districts.csv",
        "BBB-ash,BBB",
        "BBB-ash,BBC",
        "districts.csv:6:9: state: unknown state",
        "did you mean 'BBB'?",
    ),
    ("districts.csv", "-29.75,-0.25", "-129.75,-0.25", "districts.csv:2:22: lat: is out of range", "-90 to 90"),
    (
        "districts.csv",
        "AAA-ash,AAA,West Ash",
        "AAA ash,AAA,West Ash",
        "districts.csv:2:1: district: is not a key",
        "",
    ),
    (
        "communities.csv",
        "AAA-ash,amber,24000",
        "AAA-ash,amber,-5",
        "communities.csv:2:15: persons: is out of range",
        "",
    ),
    (
        "communities.csv",
        "AAA-ash,amber,24000",
        "AAA-ash,ambr,24000",
        "communities.csv:2:9: community: unknown community",
        "did you mean 'amber'?",
    ),
    ("communities.csv", "AAA-ash,amber,24000", "AAA-ash,amber,2.5", "persons: must be a whole number", ""),
    (
        "communities.csv",
        "AAA-ash,teal,6000",
        "AAA-ash,teal,60",
        "communities.csv:3:9: community: under 500 persons",
        "",
    ),
    (
        "communities.csv",
        "AAA-ash,teal,6000",
        "AAA-ash,amber,6000",
        "communities.csv:3:1: AAA-ash/amber: row stands twice",
        "line 2",
    ),
    (
        "communities.csv",
        "district,community",
        "district,comunity",
        "communities.csv:1:10: comunity: unknown column",
        "did you mean 'community'?",
    ),
    (
        "state_values.csv",
        "AAA,2000,unemployment,0.15",
        "AAA,2000,unemployment,15",
        "state_values.csv:4:23: value: unemployment out of range",
        "0 to 1",
    ),
    (
        "state_values.csv",
        "AAA,2000,unemployment,0.15",
        "AAA,2000,unemployment,nan",
        "state_values.csv:4:23: value: must be a number",
        "",
    ),
    (
        "state_values.csv",
        "AAA,2000,unemployment,0.15,share",
        "AAA,2000,unemployment,0.15,%",
        "state_values.csv:4:28: unit: wrong unit of unemployment",
        "share",
    ),
    (
        "state_values.csv",
        "AAA,2000,corruption",
        "AAA,2000,coruption",
        "variable: is not one of the allowed values",
        "did you mean 'corruption'?",
    ),
    (
        "state_values.csv",
        "AAA,2000,hazard,0.5,index,Invented for teaching and tests,invented\n",
        "",
        "state_values.csv: AAA: no value of hazard",
        "",
    ),
    (
        "state_values.csv",
        "AAA,2000,population,142000",
        "AAA,2000,population,20",
        "fewer than 8 persons a cell",
        "64",
    ),
    (
        "borders.csv",
        "AAA,BBB",
        "AAA,AAA",
        "borders.csv:2:5: state_b: a state cannot be paired with itself",
        "",
    ),
    (
        "power_status.csv",
        "AAA,amber,2000,0,",
        "AAA,amber,2000,0.2,",
        "power_status.csv:2:16: status: is not one of the allowed values",
        "0.15",
    ),
    (
        "power_status.csv",
        "AAA,teal,2000",
        "AAA,amber,2001",
        "power_status.csv: AAA/teal: no power status",
        "",
    ),
    (
        "disputes.csv",
        "the pass between the valleys,Invented for teaching and tests",
        "the pass,",
        "source: is empty",
        "",
    ),
    (
        "region.toml",
        "small_community = 500",
        "small_comunity = 500",
        "region.toml:8:1: small_comunity: unknown key",
        "did you mean 'small_community'?",
    ),
    ("region.toml", "distance_km = 30", "distance_km = -1", "region.toml:11:1: distance_km: is out of range", ""),
    (
        "region.toml",
        "protected = []",
        'protected = ["AAA/tael"]',
        "region.toml:9:1: protected: unknown group",
        "did you mean 'teal'?",
    ),
    (
        "region.toml",
        "default_year = 2024",
        "default_year = 1950",
        "region.toml:6:1: default_year: the region has no",
        "",
    ),
    ("region.toml", "distance_km = 30", "distance_km = = 30", "region.toml:11:15: is not valid TOML", ""),
    (
        "region.toml",
        "hazard = [0.0, 1.0]",
        "hazard = [1.0, 0.0]",
        "bounds.hazard: is not a pair of bounds",
        "lo below hi",
    ),
    (
        "outlines.geojson",
        '"Polygon","coordinates":[[[0,-29.5],[-1',
        '"Point","coordinates":[[[0,-29.5],[-1',
        "outlines.geojson: not GeoJSON",
        "",
    ),
]


@pytest.mark.parametrize(
    ("file", "old", "new", "place", "more"), BAD, ids=[f"{case[0]}-{case[3][-25:]}" for case in BAD]
)
def test_bad_folder(file: str, old: str, new: str, place: str, more: str, copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    edit(folder, file, old, new)
    with pytest.raises(RegionError) as caught:
        load_region(folder)
    lines = [line for line in str(caught.value).splitlines() if place in line]
    assert lines, str(caught.value)
    assert more in lines[0]
    assert caught.value.exit_code == 2


def test_all_problems_at_once(copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    for file, old, new, _, _ in (BAD[1], BAD[4], BAD[10], BAD[17]):
        edit(folder, file, old, new)
    errors, _ = check_region(folder)
    assert {str(Path(error.file).relative_to(folder)) for error in errors} == {
        "districts.csv",
        "communities.csv",
        "state_values.csv",
        "power_status.csv",
    }


def test_district_without_people(copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    path = folder / "communities.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("BBB-dell")), encoding="utf-8")
    errors, _ = check_region(folder)
    assert [str(error) for error in errors] == [
        f"{folder}/districts.csv:9:1: district: district has no people in communities.csv; got 'BBB-dell'"
    ]


@pytest.mark.parametrize("name", [name for name, schema in TABLES.items() if schema.required] + ["region.toml"])
def test_missing_file(name: str, copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    (folder / name).unlink()
    errors, _ = check_region(folder)
    assert f"{folder / name}: does not exist" in [str(error) for error in errors]


def test_one_wrong_key_is_said_once_a_column(copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    path = folder / "states.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("AAA,", "AAB,", 1), encoding="utf-8")
    errors, _ = check_region(folder)
    said, missing = [str(error) for error in errors if error.file.endswith("state_values.csv")]
    assert "state_values.csv:2:1: state: unknown state, in 30 rows; got 'AAA'" in said
    assert "did you mean 'AAB'?" in said
    assert "AAB: no value of any variable for any year" in missing


def test_a_table_from_a_spreadsheet_is_told_to_use_commas(copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    path = folder / "borders.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",", ";"), encoding="utf-8")
    errors, _ = check_region(folder)
    said = [str(error) for error in errors if error.file == str(path)]
    assert [line.removeprefix(f"{path}:") for line in said] == [
        "1:1: is separated by something else than commas; got semicolons; allowed commas (save the table as CSV with commas)"
    ]


def test_optional_tables_may_be_absent(copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    for name in ("kin_ties.csv", "disputes.csv", "outlines.geojson"):
        (folder / name).unlink()
    region = load_region(folder)
    assert (len(region.kin_strength), len(region.dispute_level), region.outlines()) == (0, 0, {})


def test_warnings(copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    (folder / "borders.csv").write_text("state_a,state_b,border_km,source,quality\n", encoding="utf-8")
    (folder / "mision_strength.csv").write_text("x\n", encoding="utf-8")
    edit(folder, "state_values.csv", "AAA,2000,unemployment,0.15", "AAA,2000,unemployment,0.7")
    edit(folder, "districts.csv", "-29.75,-0.25", "-0.25,-29.75")
    errors, warnings = check_region(folder)
    text = "\n".join(map(str, warnings))
    assert errors == []
    assert text.count("borders no other state") == 2
    assert "did you mean 'mission_strength.csv'?" in text
    assert "state_values.csv:4:23: value: unemployment lies outside its bounds" in text
    assert "districts.csv:2:22: lat: far from the centre of AAA" in text


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "huge", "latin1", "nul"])
def test_unsafe_files_are_refused(kind: str, copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    path = folder / "kin_ties.csv"
    content = path.read_bytes()
    path.unlink()
    if kind == "link":
        path.symlink_to(TWIN / "kin_ties.csv")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "huge":
        with path.open("wb") as stream:
            stream.truncate(21_000_000)
    else:
        path.write_bytes(content.replace(b"Invented", b"Inv\xe9nted" if kind == "latin1" else b"Inv\x00nted"))
    errors, _ = check_region(folder)
    expected = {
        "link": "link",
        "folder": "folder",
        "pipe": "pipe",
        "huge": "too large",
        "latin1": "UTF-8",
        "nul": "",
    }[kind]
    assert any(error.file == str(path) and expected in error.what for error in errors)
    assert all(str(error).isprintable() for error in errors)


def test_many_problems_are_cut_short(copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    rows = "".join(f"AAA-a{number},amber,10,x,bad\n" for number in range(100_000))
    (folder / "communities.csv").write_text("district,community,persons,source,quality\n" + rows, encoding="utf-8")
    errors, _ = check_region(folder)
    assert 200 <= len(errors) <= 202


@pytest.mark.parametrize("year", [1999, 2300])
def test_years_without_values_are_refused(year: int) -> None:
    with pytest.raises(RegionError, match=f"got {year}; allowed 2000 to 2049"):
        load_region(TWIN, year)


HINTS: list[tuple[object, dict[str, bool], str]] = [
    ("0,15", {}, "a decimal point, not a comma: write 0.15"),
    ("-33,12", {}, "a decimal point, not a comma: write -33.12"),
    ("0,125", {}, "a decimal point, not a comma: write 0.125"),
    ("1.234,5", {}, "a decimal point, not a comma: write 1234.5"),
    ("1,234.5", {}, "digits only: write 1234.5"),
    ("1,234,567", {}, "digits only: write 1234567"),
    ("41,685", {}, "a decimal point, and nothing between thousands"),
    ("41 685", {}, "a decimal point, and nothing between thousands"),
    ("41 40", {}, "a decimal point, and nothing between thousands"),
    ("24,000", {"whole": True}, "digits only: write 24000"),
    ("24 000", {"whole": True}, "digits only: write 24000"),
    ("1.234.567", {"whole": True}, "digits only: write 1234567"),
    ("24.000", {"whole": True}, "a whole number without points, and nothing between thousands"),
    ("3_000", {"whole": True}, "digits only: write 3000"),
    ("12", {"whole": True}, "without quotes: write 12"),
    ("24.000", {}, "without quotes: write 24.000"),
    (24.0, {"whole": True}, "a whole number, without a decimal point"),
    ("15%", {"share": True}, "a share, not a percentage: write 0.15"),
    ("15%", {}, "a number without a percent sign"),
    ("1/2", {}, "no fractions: write 0.5"),
    ("1/2", {"whole": True}, "no fractions"),
    ("0.2-0.5", {}, "one number, not a range"),
    ("twelve", {"whole": True}, "in digits: write 12"),
    ("half", {"share": True}, "in digits: write 0.5"),
    ("half", {}, ""),
    ("1O", {"whole": True}, "the letter O stands for the digit 0"),
    (True, {}, "true and false are not numbers"),
    ("yes", {}, "on, off, yes and no are words here, not numbers"),
    ([0.5], {}, "write 0.5 without brackets"),
    ([1, 2], {}, "one number only; what is to vary belongs in an experiment"),
    ("3k", {"whole": True}, "the number alone, without a unit: write 3000"),
    ("500 troops", {"whole": True}, "the number alone, without a unit: write 500"),
    ("2 battalions", {"whole": True}, "the number alone, without a unit"),
    ("5 million", {"whole": True}, "the number alone, without a unit"),
    ("3 years", {"whole": True, "months": True}, "the number alone, without a unit: write 36"),
    ("36 months", {"whole": True, "months": True}, "the number alone, without a unit: write 36"),
    ("6 weeks", {"whole": True, "months": True}, "the number alone, without a unit"),
    ("12 MEUR", {}, "the number alone, without a unit: write 12"),
    ("€12M", {}, "the number alone, without a unit: write 12"),
    ("€500", {}, "the number alone, without a unit"),
    ("nan", {}, ""),
]


@pytest.mark.parametrize(("value", "wanted", "hint"), HINTS, ids=str)
def test_a_hint_about_a_number_is_right_or_tells_no_number(value: object, wanted: dict[str, bool], hint: str) -> None:
    assert number_hint(value, **({"whole": False, "share": False, "months": False} | wanted)) == hint


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("2024", "add the month, as in 2024-01"),
        ("2024-1", "write 2024-01"),
        ("2024/03", "write 2024-03"),
        ("03/2024", "write 2024-03"),
        (202403, "write 2024-03"),
        (2025.03, "write 2025-03"),
        (2025.1, "write the year in four digits, a hyphen, the month in two"),  # from 2025.10
        ("98-05", "write the year in four digits, a hyphen, the month in two"),
        ("2024115", "write the year in four digits, a hyphen, the month in two"),
        ("03/04/2024", "write the year in four digits, a hyphen, the month in two"),
        ("20240115", "without the day: write 2024-01"),
        ("17.03.1999", "without the day: write 1999-03"),
        ("13/02/2024", "without the day: write 2024-02"),
        ("2025-02-30", "that day does not exist, and a month has no day here: write 2025-02"),
        ("2024-13", "there is no month 13"),
        ("March 2024", "write 2024-03"),
        ("2024 Q2", "for the start of that quarter write 2024-04"),
        ("1949-12", ""),
    ],
)
def test_a_hint_about_a_month_is_right_or_tells_no_month(value: object, hint: str) -> None:
    assert date_hint(value) == hint


# --- finding --------------------------------------------------------------------------------------


def test_find_region_by_name_and_path(copy: Callable[[Path], Path]) -> None:
    assert shipped_root() / "regions" / "twin_valleys" == TWIN
    folder = copy(TWIN)
    assert find_region(folder) == find_region(str(folder)) == folder


@pytest.mark.parametrize("name", ["western_balkan", "../twin_valleys", "", "x" * 5000, "a\0b"])
def test_find_region_refuses(name: str) -> None:
    with pytest.raises(RegionError) as caught:
        find_region(name)
    assert "western_balkans" in str(caught.value)
    if name == "western_balkan":
        assert "did you mean 'western_balkans'?" in str(caught.value)


def test_shipped_root_of_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sim" / "_scenarios").mkdir(parents=True)
    monkeypatch.setattr("sim.region.files.__file__", str(tmp_path / "sim" / "region" / "files.py"))
    assert shipped_root() == (tmp_path / "sim" / "_scenarios").resolve()
    (tmp_path / "sim" / "_scenarios").rmdir()
    assert shipped_root() == (tmp_path / "scenarios").resolve()


def test_regions_load_without_heavy_packages() -> None:
    code = "import sys, sim.region as r; r.load_region(r.find_region('twin_valleys')); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=BALKANS.parents[2]
    )
    packages = {name.split(".")[0] for name in done.stdout.split()}
    assert "numpy" in packages
    assert not packages & {"pandas", "mesa", "numba", "matplotlib", "ruamel", "scipy"}


def test_damaged_folders_never_end_in_a_traceback(copy: Callable[[Path], Path]) -> None:
    folder = copy(TWIN)
    draw = random.Random(3)
    files = sorted(path for path in folder.iterdir() if path.suffix != ".md")
    refused: list[list[Problem]] = []
    for _ in range(300):
        path = draw.choice(files)
        content = path.read_bytes()
        damaged = bytearray(content)
        for _ in range(draw.randint(1, 4)):
            start = draw.randrange(len(damaged))
            damaged[start : start + draw.choice([0, 1, 5, 40])] = draw.choice(
                [
                    b"",
                    b"\n",
                    b",",
                    b'"',
                    b"-1",
                    b"\xff",
                    b"nan",
                    b"[",
                    b"9" * 30,
                    b"=",
                    bytes([draw.randrange(256)]),
                ]
            )
        path.write_bytes(bytes(damaged))
        try:
            load_region(folder)
        except RegionError as error:
            refused.append(error.problems)
        path.write_bytes(content)
    assert len(refused) > 200
    assert all(problems and all(str(problem).isprintable() for problem in problems) for problems in refused)
    assert load_region(folder).sha256 == load_region(TWIN).sha256
