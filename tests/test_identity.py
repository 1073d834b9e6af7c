"""The model's hash covers what can change a number, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sim.interventions import catalogue
from sim.model import identity
from sim.model.identity import PACKAGE, SOURCES, code_of, content, digest, model_hash, sources

READ_BEFORE = {
    "errors": "messages",
    "wording": "messages",
    "parameters": "their defaults are in the list",
    "interventions": "the list holds what the catalogue says; its schema is among the sources",
    "scenario": "a run's identity covers the scenario as it was resolved; its records are among the sources",
    "region": "a run's identity covers the content of the tables; what builds arrays of them is among the sources",
    "world": "its lists of levers and outcomes are in the list, all else is among the sources",
    "model": "this hash itself",
}
"""Modules that a run imports and that are no sources, by their package, with the reason."""


def test_words_do_not_count_and_code_does() -> None:
    plain = "X = 1\n\n\ndef f(x):\n    return x + X\n"
    told = '"""A module."""\n\nX = 1  # a choice\n"""What X is."""\n\n\ndef f(x):\n    """Add."""\n\n    return x + X\n'
    assert code_of(told) == code_of(plain)
    assert code_of(plain.replace("+", "-")) != code_of(plain)
    assert code_of(plain.replace("X = 1", "X = 2")) != code_of(plain)
    assert code_of("x = '# no comment'\n") == "x = '# no comment'"
    assert code_of('x = """\na\n"""\n') != code_of('x = """\nb\n"""\n'), "a text that is a value counts"


def test_every_source_is_there_and_a_new_file_in_a_folder_counts(tmp_path: Path) -> None:
    found = sources(PACKAGE)
    assert all(any(name == one or name.startswith(f"{one}/") for name in found) for one in SOURCES)
    for name in found:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((PACKAGE / name).read_text(encoding="utf-8"), encoding="utf-8")
    assert sources(tmp_path) == found
    (tmp_path / "world" / "new.py").write_text("x = 1\n")
    assert digest(sources(tmp_path), {}) != digest(found, {})


def test_a_run_imports_nothing_that_is_neither_hashed_nor_excused() -> None:
    code = "import sys, sim.model.run; print(*sorted(m for m in sys.modules if m.startswith('sim.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    found = sources(PACKAGE)
    for module in done.stdout.split():
        path = module.replace(".", "/").removeprefix("sim/")
        hashed = f"{path}.py" in found or f"{path}/__init__.py" in found
        assert hashed or path.split("/")[0] in READ_BEFORE, f"{module} may change a number: add it to SOURCES"


def test_numbers_of_the_lists_count_and_words_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    known = catalogue()
    entry, before = known.interventions["I2"], content()

    def with_entry(**change: object) -> dict[str, object]:
        made = entry.model_copy(update=change)
        monkeypatch.setattr(
            identity, "catalogue", lambda: type(known)({**known.interventions, "I2": made}, known.shocks)
        )
        return content()

    assert with_entry(text="another text", name="Another name") == before
    assert with_entry(channels=(entry.channels[0].model_copy(update={"text": "x"}), *entry.channels[1:])) == before
    assert with_entry(scale=entry.scale + 0.5) != before
    assert with_entry(channels=(entry.channels[0].model_copy(update={"size": 0.123}), *entry.channels[1:])) != before
    assert with_entry(approval="council") != before


def test_the_hash_is_one_text_and_stays() -> None:
    assert len(model_hash()) == 64
    assert model_hash() == digest(sources(PACKAGE), content())
