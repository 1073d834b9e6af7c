"""The same bytes in every environment: locale, time zone, terminal, home folder, hash seed; and no closed stream."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.kernels.compiling import _cache_root
from tests.bad_input import cases

ROOT = Path(__file__).resolve().parents[1]
GOOD = """\
format: 1
title: Kosovë – Косово
region: twin_valleys
start: 2024-01
months: 24
interventions:
  police: {type: I2, targets: {states: [AAA]}, start: 2024-02, months: 12, intensity: 0.5, approval: none}
"""
NOT_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ENVIRONMENTS: dict[str, dict[str, str | None]] = {
    "C": {"LC_ALL": "C"},
    "C without UTF-8": dict(NOT_UTF8),
    "Turkish": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "LANGUAGE": "tr"},
    "German": {"LC_ALL": "de_DE.UTF-8", "LC_NUMERIC": "de_DE.UTF-8"},
    "far time zone": {"TZ": "Pacific/Kiritimati"},
    "narrow terminal": {"COLUMNS": "20", "LINES": "5", "TERM": "dumb"},
    "no home": {"HOME": None, "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None},
    "home that cannot be written": {"HOME": "/proc/nowhere"},
    "no colour": {"NO_COLOR": "1"},
    "colour": {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "TERM": "xterm-256color"},
    "another hash seed": {"PYTHONHASHSEED": "12345"},
}
FAKE = (
    "import sim.model.run; from tests.test_cli import fake_simulate; sim.model.run.simulate = fake_simulate;"
    "from sim.api import reporting; reporting.draw = lambda figures, folder=None: [];"
    "from sim.cli import main; main()"
)


def environment(changes: dict[str, str | None]) -> dict[str, str]:
    """Return a plain environment with some variables set or taken away."""
    plain: dict[str, str | None] = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": os.environ.get("HOME"),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "1",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "100",
    }
    return {name: value for name, value in (plain | changes).items() if value is not None}


def stabsim(folder: Path, *arguments: str, **changes: str | None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "sim.cli", *arguments],
        cwd=folder,
        env=environment(changes),
        capture_output=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a good file, and bad ones with letters of many scripts."""
    made = tmp_path_factory.mktemp("environment")
    (made / "good.yaml").write_text(GOOD, encoding="utf-8")
    for case in cases("names"):
        if case.name in ("local_script_state", "albanian_state", "key_turns_around", "district_by_name"):
            shutil.copyfile(case.put(tmp_path_factory.mktemp("case")), made / f"bad_{case.name}.yaml")
    return made


@pytest.fixture(scope="module")
def usual(folder: Path) -> subprocess.CompletedProcess[bytes]:
    return stabsim(folder, "validate", "--explain", ".")


def test_the_usual_answer_is_worth_comparing(usual: subprocess.CompletedProcess[bytes]) -> None:
    assert usual.returncode == 2
    assert "Србија" in usual.stderr.decode()
    assert "Косово" in usual.stdout.decode()
    assert b"Traceback" not in usual.stderr


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_messages_are_the_same_bytes(name: str, folder: Path, usual: subprocess.CompletedProcess[bytes]) -> None:
    done = stabsim(folder, "validate", "--explain", ".", **ENVIRONMENTS[name])
    assert (done.stdout, done.stderr, done.returncode) == (usual.stdout, usual.stderr, usual.returncode)


def _tables(results: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the tables; figures take too long here, and their bytes are tested with the plots."""
    for path in sorted(results.rglob("*")):
        if path.suffix == ".csv":
            yield str(path.relative_to(results)), path.read_bytes()


def test_results_are_the_same_bytes(tmp_path: Path) -> None:
    written = []
    hostile = {**NOT_UTF8, **{key: value for item in ENVIRONMENTS.values() for key, value in item.items()}}
    for name, changes in {"usual": {}, "hostile": {**hostile, **NOT_UTF8}}.items():
        place = tmp_path / name
        place.mkdir()
        (place / "good.yaml").write_text(GOOD, encoding="utf-8")
        (place / "calm.yaml").write_text(GOOD.partition("interventions")[0], encoding="utf-8")
        options = ["--replications", "3", "--citizens", "2000", "--workers", "1", "--out", "results"]
        done = subprocess.run(
            [sys.executable, "-c", FAKE, "compare", "calm.yaml", "good.yaml", *options],
            cwd=place,
            env=environment(changes)
            | {"NUMBA_CACHE_DIR": str(_cache_root().parent)},  # else compiled again without a home
            capture_output=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr.decode()
        written.append(dict(_tables(place / "results")))
        manifest = json.loads((place / "results" / "manifest.json").read_text(encoding="utf-8"))
        read = {name: digest for item in manifest["scenarios"] for name, digest in item["files"].items()}
        names = ("calm.yaml", "good.yaml")
        assert read == {name: hashlib.sha256((place / name).read_bytes()).hexdigest() for name in names}
    assert written[0].keys() == written[1].keys()
    assert {"effects.csv"} <= written[0].keys()
    assert [name for name in written[0] if written[0][name] != written[1][name]] == []


@pytest.mark.parametrize("home", [None, "/proc/nowhere"])
def test_without_a_home_compiled_code_is_kept_in_the_temporary_folder(
    home: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    if home:
        monkeypatch.setenv("HOME", home)
    assert _cache_root().parent == Path(tempfile.gettempdir())


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_closed_stream_is_no_traceback(stream: str, folder: Path) -> None:
    number = {"stdout": 1, "stderr": 2}[stream]
    command = f'exec "{sys.executable}" -m sim.cli validate good.yaml bad_albanian_state.yaml {number}>&-'
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment({}), capture_output=True, timeout=60)
    assert done.returncode == 2
    assert b"Traceback" not in done.stdout + done.stderr


def test_a_reader_that_leaves_early_is_no_error(folder: Path) -> None:
    command = f'"{sys.executable}" -m sim.cli catalogue parameters --json 2>errors | head -c 10; test ! -s errors'
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment({}), capture_output=True, timeout=60)
    assert (done.returncode, len(done.stdout)) == (0, 10)


def test_a_folder_that_vanished_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    command = f'cd gone && rmdir ../gone && exec "{sys.executable}" -m sim.cli validate none.yaml'
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment({}), capture_output=True, timeout=60)
    assert (done.returncode, b"Traceback" in done.stderr) == (2, False), done.stderr.decode()
