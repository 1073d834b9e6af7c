"""The state of a window: a scenario file, what it is compared with, and how it is run.

Edits change plain content in the shape of a scenario file; the loader that the command line uses decides whether
it can be used. Nothing here knows of a browser.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from sim.errors import InputError, Problem, ScenarioError
from sim.interventions import PATTERN_OPTIONS, SCRIPTED, catalogue
from sim.parameters import CATALOGUE
from sim.parameters.theories import THEORIES
from sim.region import find_region, load_region
from sim.region.files import shipped_root
from sim.scenario import Scenario, as_yaml, load_scenario, shipped_scenarios
from sim.scenario.layers import find_scenario, read_layers
from sim.scenario.text import MAX_BYTES, parse

FILE, BARE_FILE = "my_scenario.yaml", "my_baseline.yaml"
BARE = "without"
"""The choice of a baseline that is the scenario itself without its measures and shocks."""
MAX_CITIZENS, MAX_MONTHS, MAX_REPLICATIONS = 100_000, 240, 256
"""What the page runs; the command line runs more."""
_PATH = re.compile(r"[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]{0,63}){0,3}")
_REGIONS: dict[tuple[Path, int], Any] = {}
"""Shipped regions, read once."""
_TOP = ("title", "months", "institutions", "effects", "interventions", "shocks", "parameters", "theories")


@dataclass(frozen=True)
class State:
    """What a window shows.

    ``content`` is the scenario in the shape of its file; ``baseline`` a shipped name or `BARE`; ``shared``:
    changed parameters and theories hold in both worlds.
    """

    content: Mapping[str, Any]
    baseline: str
    seed: int = 1
    citizens: int = 20_000
    replications: int = 32
    shared: bool = True

    @property
    def text(self) -> str:
        """The scenario file."""
        return as_yaml(dict(self.content))

    @property
    def bare_text(self) -> str:
        """The same scenario without measures and shocks, as a file."""
        rest = {key: value for key, value in self.content.items() if key not in ("interventions", "shocks")}
        return as_yaml({**rest, "title": "Without measures and shocks"})

    @property
    def overrides(self) -> list[str]:
        """What both worlds are given, as for ``--set``."""
        made = []
        if self.baseline != BARE:
            made = [
                f"{key}={self.content[key]}" for key in ("institutions", "effects", "months") if key in self.content
            ]
        if self.shared:
            made += [f"theories.{key}={value}" for key, value in sorted(self.content.get("theories", {}).items())]
            made += [f"parameters.{key}={value!r}" for key, value in sorted(self.content.get("parameters", {}).items())]
        return made

    def command(self, replications: int | None = None) -> str:
        """The command line that reproduces what is shown: the page draws no parameters."""
        base = BARE_FILE if self.baseline == BARE else self.baseline
        words = ["stabsim", "compare", base, FILE, "--replications", str(replications or self.replications)]
        words += ["--seed", str(self.seed), "--citizens", str(self.citizens), "--parameters", "central"]
        for item in self.overrides:
            words += ["--set", item]
        return shlex.join(words)


@dataclass(frozen=True)
class Worlds:
    """Both worlds of a state, checked; ``warnings`` of either, in words."""

    base: Scenario
    ours: Scenario
    warnings: tuple[str, ...] = field(default=())


def shipped_state(name: str) -> State:
    """Start from a shipped scenario, compared with the scenario it extends in the end.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name not in shipped_scenarios():
        raise InputError(Problem("no such scenario", got=name[:40], allowed=", ".join(shipped_scenarios())))
    content = _content(find_scenario(name))
    return State(content, _root(name))


def loaded_state(text: str, now: State | None = None) -> State:
    """Start from the text of a scenario file, checked as the command line does.

    Raises
    ------
    InputError
        With every problem of the file; nothing is changed then.
    """
    check_text(text)
    _only_shipped(_named(text, "region"))
    with tempfile.TemporaryDirectory(prefix="stabsim-") as folder:
        path = Path(folder) / FILE
        path.write_text(text, encoding="utf-8", newline="")
        scenario = _load(path, [])
        content = _content(path)
    named = [name for name in baselines(scenario) if name != BARE]
    wanted = _extended(text)
    content.setdefault("start", scenario.date(0))
    state = State(content, wanted if wanted in named else named[0] if named else BARE)
    return state if now is None else replace(state, seed=now.seed, citizens=now.citizens, replications=now.replications)


def check_text(text: str) -> None:
    """Refuse a file that is too large before anything reads it."""
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise InputError(Problem("is too large", file=FILE, got=f"{size:,} bytes", allowed=f"at most {MAX_BYTES:,}"))


def edited(state: State, path: str, value: Any) -> State:
    """Set, or with None clear, one value of the scenario; a cleared ``interventions.x`` goes as a whole.

    Raises
    ------
    InputError
        If there is no such place; whether the value can be used is the loader's to say.
    """
    parts = path.split(".")
    if not _PATH.fullmatch(path) or parts[0] not in _TOP:
        raise InputError(Problem("is not part of a scenario", key=path[:80]))
    if len(parts) > 2 and parts[1] not in state.content.get(parts[0], {}):
        raise InputError(Problem("is no longer in the scenario", key=path))
    theory = THEORIES.get(parts[1]) if parts[0] == "theories" and len(parts) > 1 else None
    if theory is not None and value == theory.stances[0].key:
        value = None  # the model's own stance needs no line
    return replace(state, content=_put(state.content, parts, value))


def configured(state: State, name: str, value: Any) -> State:
    """Change how the worlds are run: seed, citizens, replications, baseline or shared."""
    limits = {"seed": (0, 2**31 - 1), "citizens": (1, MAX_CITIZENS), "replications": (2, MAX_REPLICATIONS)}
    if name in limits:
        low, high = limits[name]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise InputError(Problem("out of range", key=name, got=str(value)[:20], allowed=f"{low} to {high:,}"))
        changed: dict[str, Any] = {name: value}
        return replace(state, **changed)
    if name == "shared" and isinstance(value, bool):
        return replace(state, shared=value)
    if name == "baseline" and (value == BARE or value in shipped_scenarios()):
        return replace(state, baseline=value)
    raise InputError(Problem("cannot be set", key=name[:40], got=str(value)[:40]))


def with_measure(state: State, kind: str, name: str) -> tuple[State, str]:
    """Add an intervention or a shock from the catalogue, with the least it needs; return its label too."""
    known = catalogue().interventions if kind == "interventions" else catalogue().shocks
    if kind not in ("interventions", "shocks") or name not in known:
        raise InputError(Problem("is not in the catalogue", key=kind[:20], got=name[:40]))
    taken = state.content.get(kind, {})
    stem = known[name].key
    label = next(key for key in (stem, *(f"{stem}_{n}" for n in range(2, 999))) if key not in taken)
    months = int(state.content.get("months", 12))
    begin = min(12, months // 3)
    item: dict[str, Any] = {"type": name}
    if kind == "interventions":
        entry = catalogue().interventions[name]
        item |= {"start": date(state, begin), "months": max(months - begin, 1), "intensity": 1.0}
        if entry.dose.quantity is not None:
            item[entry.dose.quantity] = int(entry.dose.full)
    else:
        item["at"] = date(state, begin)
        item["magnitude"] = 1.0
        if catalogue().shocks[name].pattern == "mission":
            item["mission"] = _mission(state, item["at"])
        if catalogue().shocks[name].pattern in SCRIPTED:
            item |= _scripted(state, catalogue().shocks[name].pattern)
    return edited(state, f"{kind}.{label}", item), label


def date(state: State, month: int) -> str:
    """The calendar month so many months after the start."""
    year, first = (int(part) for part in str(state.content["start"]).split("-"))
    count = year * 12 + first - 1 + month
    return f"{count // 12:04d}-{count % 12 + 1:02d}"


def worlds(state: State) -> Worlds:
    """Check a state and load both worlds, exactly as its command line would.

    Raises
    ------
    InputError
        With every problem, in the words of the command line.
    """
    _only_shipped(str(state.content.get("region", "")))
    with tempfile.TemporaryDirectory(prefix="stabsim-") as folder:
        ours_file, bare_file = Path(folder) / FILE, Path(folder) / BARE_FILE
        ours_file.write_text(state.text, encoding="utf-8")
        bare_file.write_text(state.bare_text, encoding="utf-8")
        ours = _load(ours_file, state.overrides)
        base = _load(bare_file if state.baseline == BARE else Path(state.baseline), state.overrides)
    if ours.months > MAX_MONTHS:
        raise InputError(
            Problem("too long for the page", key="months", got=str(ours.months), allowed=f"1 to {MAX_MONTHS}")
        )
    for name, mine, theirs in (("region", ours.region, base.region), ("start", ours.date(0), base.date(0))):
        if mine != theirs:
            raise InputError(Problem("differs from the baseline's", key=name, got=mine, allowed=theirs))
    warnings = dict.fromkeys(_said(problem) for world in (ours, base) for problem in world.warnings)
    return Worlds(base, ours, tuple(warnings))


def baselines(scenario: Scenario) -> list[str]:
    """Shipped scenarios that begin where this one does, then the scenario without its measures."""
    return [*_alike(scenario.region, scenario.date(0)), BARE]


def out_of_evidence(parameters: Mapping[str, float]) -> list[str]:
    """Names of parameters set outside their evidence range."""
    return [name for name, value in parameters.items()
            if name in CATALOGUE and not CATALOGUE[name].low <= value <= CATALOGUE[name].high]  # fmt: skip


@lru_cache(maxsize=16)
def _alike(region: str, start: str) -> tuple[str, ...]:
    """Shipped scenarios of a region and start, those that build on no other first."""
    found = []
    for name in shipped_scenarios():
        scenario = load_scenario(name, (), _REGIONS)
        if (scenario.region, scenario.date(0)) == (region, start):
            found.append(name)
    return tuple(sorted(found, key=lambda name: (name != _root(name), name)))


def _root(name: str) -> str:
    """The shipped scenario that a shipped scenario goes back to."""
    parent = _extended(find_scenario(name).read_text(encoding="utf-8"))
    return _root(parent) if parent in shipped_scenarios() else name


def _extended(text: str) -> str:
    """The scenario a file extends, or an empty text."""
    return _named(text, "extends").removesuffix(".yaml")


def _named(text: str, key: str) -> str:
    """A text at the top of a file, or an empty text."""
    root = parse(text, FILE).root
    plain = root.plain() if root is not None else {}
    named = plain.get(key) if isinstance(plain, dict) else None
    return named if isinstance(named, str) else ""


def _content(path: Path) -> dict[str, Any]:
    """All layers of a checked file as one: nothing is inherited any more, nothing is filled in."""
    root = read_layers(path).root
    assert root is not None
    content: dict[str, Any] = _without_nothing(root.plain())
    content.pop("extends", None)
    return content


def _without_nothing(value: Any) -> Any:
    """Drop cleared values: nothing is left to clear."""
    if isinstance(value, dict):
        return {key: _without_nothing(item) for key, item in value.items() if item is not None}
    return value


def _put(content: Mapping[str, Any], parts: list[str], value: Any) -> dict[str, Any]:
    made = dict(content)
    if len(parts) > 1:
        made[parts[0]] = _put(made.get(parts[0]) or {}, parts[1:], value)
        if not made[parts[0]]:
            del made[parts[0]]
    elif value is None:
        made.pop(parts[0], None)
    else:
        made[parts[0]] = value
    return made


def _load(path: Path, overrides: list[str]) -> Scenario:
    """Load a scenario; problems name the file as the user knows it."""
    try:
        return load_scenario(path, overrides, _REGIONS)
    except ScenarioError as error:
        raise InputError([_renamed(problem) for problem in error.problems]) from None


def _renamed(problem: Problem) -> Problem:
    return replace(problem, file=Path(problem.file).name)


def _said(problem: Problem) -> str:
    return str(_renamed(problem))


def _only_shipped(region: str) -> None:
    """Refuse regions that are paths: a file from elsewhere must not choose what is read from this machine."""
    shipped = sorted(folder.name for folder in (shipped_root() / "regions").iterdir() if folder.is_dir())
    if region and region not in shipped:
        raise InputError(
            Problem("the page uses shipped regions only", key="region", got=region[:60], allowed=", ".join(shipped))
        )


def _scripted(state: State, pattern: str) -> dict[str, Any]:
    """What a shock that scripts a conflict must say: the largest community outside power, and its pattern's options."""
    region = load_region(find_region(str(state.content["region"])), int(str(state.content["start"])[:4]))
    people = region.group_population * (region.exclusion > 0.0)
    group = int(people.argmax())
    state_key, community = region.states[region.group_state[group]], region.communities[region.group_community[group]]
    first = {"posture": "police", "level": 0.35}
    wanted = {name: value for name, value in first.items() if name in PATTERN_OPTIONS[pattern]}
    return {"targets": {"states": [state_key], "communities": [community]}, **wanted}


def _mission(state: State, when: str) -> str:
    """The key of a mission that stands in a month, troops first; an empty text if there is none."""
    year, month = int(when[:4]), int(when[5:7])
    region = load_region(find_region(str(state.content["region"])), int(str(state.content["start"])[:4]))
    standing = [one for one in region.missions if one.persons(year, month) > 0]
    return next((one.key for one in sorted(standing, key=lambda one: one.kind != "troops")), "")
