"""Seeded mutations of good and bad files, and what must hold whatever comes out of them.

A mutation is a number: the same number gives the same file, so a failure is repeated by its number alone.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from sim.errors import Problem
from sim.region import check_region, find_region
from sim.region.files import lines_of
from sim.scenario import load_scenario, resolved_yaml, validate_file
from sim.scenario.text import parse

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 10.0
"""The longest a file may take; an ordinary one takes some hundredths of a second."""
REGION_EVERY = 20
ROUND_TRIP_EVERY = 10

RICH = """\
format: 1
title: "Everything a file may say"
description: >
  Two lines,
  folded.
extends: baseline_2024
start: 2024-03
months: 60
institutions: adaptive
interventions:
  police: {type: I2, targets: &where {states: [XKX, SRB], communities: [serb, albanian]}, start: 2025-01, months: 36}
  surge:
    type: I11
    troops: 3_000   # a slip on purpose
    targets: {districts: [XKX-north-mitrovica]}
    meur_per_year: 120.5
    approval: council
    provider: nato
    when: {indicator: tension, above: 0.6, for_months: 2, in: XKX}
  forums: {type: dialogue_forums, targets: *where, intensity: 0.5}
shocks:
  rumour: {type: rumour, at: 2025-03, week: 2, magnitude: 1.5, targets: {states: [BIH]}}
  leave: {type: mission_withdrawal, mission: KFOR, at: 2026-01, months: 6, remaining: 0.25}
parameters: {b_peer: 2.9, lever_cap: 1.2}
"""

NASTY = (
    *("", "~", "null", "true", "no", "on", "0", "-0", "1", "-1", "0.5", "1e3", "1e400", ".inf", "-.inf", ".nan", "0x1F"),
    *("0o17", "012", "1_000", "3,5", "50%", "12 MEUR", "9" * 30, "9" * 400, "2024", "2024-01", "2024-13", "2024-02-30"),
    *("XKX", "Kosovo", "I2", "I99", "region", "b_peer", "baseline_2024", "../x", "/etc/passwd", "C:\\x", "a" * 300),
    *("'", '"', "''", "[", "]", "{", "}", "[]", "{}", "[[[[", "{a: 1}", "- ", "-", ": ", ":", "? ", ", ", "#", "# x"),
    *("&a", "*a", "&a 1", "<<: *a", "!!python/name:os.system", "!x", "|", ">", "|2\n", "---", "...", "%YAML 1.1", "@", "`"),
    *("\t", "\n", "\r", "\r\n", "\x00", "\x07", "\x1b[2J", "\x85", "\xa0", "\u2028", "\u202e", "\ufeff", "\ud7ff", "\U0001f54a"),
    *("=cmd|x", "<script>", "$HOME", "${x}", "{{ x }}", "%s", "`id`", "; rm", "\\", '"\\ud800"', '"\\x"', '"\\u0000"'),
)  # fmt: skip

Mutation = Callable[[random.Random, str], str]


@dataclass(frozen=True)
class Failure:
    """A mutation that broke a promise: its number, what broke, and the input."""

    number: int
    what: str
    content: bytes

    def __str__(self) -> str:
        return f"mutation {self.number}: {self.what}\n{self.content[:400]!r}"


@cache
def seeds() -> tuple[str, ...]:
    """Return the texts mutations start from: shipped scenarios, the rich one, and the small files of the corpus."""
    shipped = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "scenarios").glob("*.yaml"))]
    corpus = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests" / "bad_input").rglob("*.yaml"))]
    return (*shipped, *[RICH, RICH.replace("3_000", "3000")] * 10, *corpus)


def _bytes(rng: random.Random, text: str) -> str:
    """Change single characters."""
    made = list(text)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        where = rng.randrange(len(made) + 1)
        action = rng.randrange(4)
        if action == 0:
            made.insert(where, chr(rng.choice((rng.randrange(128), rng.randrange(0x300), rng.randrange(0x3000)))))
        elif action == 1 and made:
            del made[min(where, len(made) - 1)]
        elif action == 2 and made:
            made[min(where, len(made) - 1)] = rng.choice(" \t\n:,-[]{}#&*!|>'\"%@`0a")
        else:
            made[where:where] = made[where : where + rng.randrange(20)]
    return "".join(made)


def _lines(rng: random.Random, text: str) -> str:
    """Delete, repeat, swap, indent and cut lines."""
    lines = text.split("\n")
    for _ in range(rng.choice((1, 1, 2, 5))):
        where, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        action = rng.randrange(7)
        if action == 0 and len(lines) > 1:
            del lines[where]
        elif action == 1:
            lines.insert(other, lines[where])
        elif action == 2:
            lines[where], lines[other] = lines[other], lines[where]
        elif action == 3:
            lines[where] = rng.choice((" ", "  ", "\t", "    ")) + lines[where]
        elif action == 4:
            lines[where] = lines[where].lstrip()
        elif action == 5:
            lines = lines[: where + 1]
        else:
            lines[where] = lines[where][: rng.randrange(len(lines[where]) + 1)]
        lines = lines or [""]
    return "\n".join(lines)


def _tokens(rng: random.Random, text: str) -> str:
    """Put nasty pieces at the borders of words, or in their place."""
    borders = [0, *(i for i in range(1, len(text)) if text[i - 1].isalnum() != text[i].isalnum()), len(text)]
    for _ in range(rng.choice((1, 1, 2, 3))):
        start = rng.randrange(len(borders))
        end = min(start + rng.choice((0, 1, 1, 2)), len(borders) - 1)
        a, b = min(borders[start], len(text)), min(borders[end], len(text))
        text = text[:a] + rng.choice(NASTY) + text[b:]
    return text


def _values(rng: random.Random, text: str) -> str:
    """Replace whole values after a colon."""
    places = [i for i in range(len(text) - 1) if text[i] == ":" and text[i + 1] in " \n"]
    for _ in range(rng.choice((1, 1, 2))):
        if places:
            start = rng.choice(places) + 1
            end = next((i for i in range(start, len(text)) if text[i] in ",}\n"), len(text))
            text = f"{text[:start]} {rng.choice(NASTY)}{text[end:]}" if start <= len(text) else text
    return text


def _structure(rng: random.Random, text: str) -> str:
    """Change the tree and write it as JSON, which is YAML."""
    parsed = parse(text, "seed")
    tree = parsed.root.plain() if parsed.root is not None else {}
    for _ in range(rng.choice((1, 2, 4))):
        tree = _regrown(rng, tree, rng.randrange(4))
    return json.dumps(tree, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 2)))


def _regrown(rng: random.Random, tree: Any, depth: int) -> Any:
    """Return a tree with one of its parts changed."""
    if depth and isinstance(tree, dict) and tree:
        key = rng.choice(list(tree))
        return {**tree, key: _regrown(rng, tree[key], depth - 1)}
    if depth and isinstance(tree, list) and tree:
        where = rng.randrange(len(tree))
        return [*tree[:where], _regrown(rng, tree[where], depth - 1), *tree[where + 1 :]]
    leaf = rng.choice((None, True, 0, -1, 0.5, 50, 1e300, 10**17, 2024, *NASTY))
    action = rng.randrange(6)
    if action == 0 and isinstance(tree, dict) and tree:
        return {key: value for key, value in tree.items() if key != rng.choice(list(tree))}
    if action == 1 and isinstance(tree, dict):
        return {**tree, str(rng.choice(("targets", "when", "states", "type", "at", *NASTY))): leaf}
    if action == 2:
        return [tree, leaf]
    if action == 3:
        return {str(leaf)[:50]: tree}
    if action == 4 and isinstance(tree, str):
        return tree + rng.choice(NASTY)
    return leaf


def _splice(rng: random.Random, text: str) -> str:
    """Join the head of one file to the tail of another."""
    other = rng.choice(seeds())
    return text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other) + 1) :]


MUTATIONS: tuple[Mutation, ...] = (_bytes, _lines, _tokens, _values, _structure, _splice)


def mutant(number: int) -> bytes:
    """Return the content of a mutation."""
    rng = random.Random(f"stabsim/fuzz/{number}")
    text = rng.choice(seeds())
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        text = rng.choice(MUTATIONS)(rng, text)
    data = text[:300_000].encode("utf-8", "surrogatepass")
    if rng.random() < 0.05:
        where = rng.randrange(len(data) + 1)
        data = data[:where] + rng.randbytes(rng.choice((1, 2, 8))) + data[where:]
    return data


class _TooLongError(Exception):
    """The clock ran out."""


def _ring(_signal: int, _frame: object) -> None:
    raise _TooLongError


def trial(number: int, folder: Path, regions: dict[Any, Any]) -> Failure | None:
    """Check one mutation in an empty folder; return what it broke, or None."""
    content = mutant(number)
    before = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, 6 * SECONDS)
    started = time.process_time()
    try:
        what = _region_trial(number, folder) if number % REGION_EVERY == 0 else _trial(number, content, folder, regions)
    except _TooLongError:
        what = f"takes more than {6 * SECONDS:g} seconds"
    except Exception:
        what = traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if not what and time.process_time() - started > SECONDS:
        what = f"takes {time.process_time() - started:.1f} seconds"
    return Failure(number, what, content) if what else None


def _trial(number: int, content: bytes, folder: Path, regions: dict[Any, Any]) -> str:
    path = folder / "case.yaml"
    path.write_bytes(content)
    errors, warnings = validate_file(path, regions=regions)
    what = next((said for problem in errors + warnings if (said := misplaced(problem, path, content))), "")
    if sorted(item.name for item in folder.iterdir()) != ["case.yaml"]:
        what = what or "something was written"
    if not errors and not what and number % ROUND_TRIP_EVERY == 1:
        scenario = load_scenario(path)
        path.write_text(resolved_yaml(scenario), encoding="utf-8")
        again = load_scenario(path)
        same = (scenario.content_hash(), scenario.title, scenario.description)
        if same != (again.content_hash(), again.title, again.description):
            what = "the resolved file says something else"
    path.unlink()
    return what


def _region_trial(number: int, folder: Path) -> str:
    """Change one file of the small shipped region."""
    rng = random.Random(f"stabsim/fuzz/region/{number}")
    source, copy = find_region("twin_valleys"), folder / "twin_valleys"
    shutil.copytree(source, copy)
    path = copy / rng.choice(sorted(item.name for item in source.iterdir() if item.suffix in (".csv", ".toml")))
    text = path.read_text(encoding="utf-8")
    content = rng.choice((_bytes, _lines, _tokens))(rng, text).encode("utf-8", "surrogatepass")
    path.write_bytes(content)
    errors, warnings = check_region(copy)
    shutil.rmtree(copy)
    return next((f"not one printable line: {item!r}" for item in errors + warnings if not str(item).isprintable()), "")


NO_PLACE = ("is too large", "cannot be read", "has too many problems", "is not valid YAML")


def misplaced(problem: Problem, path: Path, content: bytes) -> str:
    """Say what is wrong with a message: more than one line, or a place outside the file."""
    if not str(problem).isprintable():
        return f"not one printable line: {problem!r}"
    if problem.file != str(path):
        return "" if Path(problem.file).suffix == ".yaml" else f"not about a file that was read: {problem}"
    if problem.line is None:
        return "" if problem.what.startswith(NO_PLACE) else f"no place: {problem}"
    lines = lines_of(content.decode("utf-8", "replace").removeprefix("\ufeff"))
    if not 1 <= problem.line <= len(lines):
        return f"line {problem.line} of {len(lines)}: {replace(problem, file='')}"
    length = len(lines[problem.line - 1])
    if problem.column is None or not 1 <= problem.column <= length + 1:
        return f"column {problem.column} of {length}: {replace(problem, file='')}"
    return ""
