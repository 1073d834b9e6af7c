"""State of the page as a scenario file, the baseline of the comparison, and the settings of its runs.

Edits change plain content in the shape of a scenario file; `load_pair` checks it with the loader of the command line.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from sim.errors import InputError, Problem, ScenarioError
from sim.interventions import PATTERN_OPTIONS, SCRIPTED, catalogue
from sim.parameters.theories import THEORIES
from sim.region import Region, find_region, load_region
from sim.region.files import shipped_root
from sim.scenario import Scenario, as_yaml, load_scenario, shipped_scenarios
from sim.scenario.layers import find_scenario, read_layers
from sim.scenario.text import MAX_BYTES, parse

FILE, BARE_FILE = "my_scenario.yaml", "my_baseline.yaml"
BARE = "without"
"""Baseline: the scenario itself without its programmes and shocks."""
MAX_CITIZENS, MAX_MONTHS, MAX_REPLICATIONS = 100_000, 240, 256
"""Limits of the page; the command line has none of them."""
SETTINGS = ("baseline", "seed", "citizens", "replications", "shared")
"""Fields of `PageState` beside the scenario."""
_PATH = re.compile(r"[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]{0,63}){0,3}")
_REGIONS: dict[tuple[Path, int], Any] = {}
"""Regions that the scenario loader has read."""
_TOP = ("title", "months", "institutions", "effects", "interventions", "shocks", "parameters", "theories")


@dataclass(frozen=True)
class PageState:
    """Scenario, baseline and settings of the page.

    ``content`` is the scenario in the shape of its file; ``baseline`` a shipped name or `BARE`; ``shared``:
    changed parameters and theories hold in the baseline too.
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
        """The same scenario without programmes and shocks, as a file."""
        rest = {key: value for key, value in self.content.items() if key not in ("interventions", "shocks")}
        return as_yaml({**rest, "title": "Without programmes and shocks"})

    @property
    def region(self) -> Region:
        """The region in the year of the start."""
        return shipped_region(str(self.content["region"]), int(str(self.content["start"])[:4]))

    @property
    def overrides(self) -> list[str]:
        """Values that hold in scenario and baseline, in the form of ``--set``."""
        made = []
        if self.baseline != BARE:
            made = [
                f"{key}={self.content[key]}" for key in ("institutions", "effects", "months") if key in self.content
            ]
        if self.shared:
            made += [f"theories.{key}={value}" for key, value in sorted(self.content.get("theories", {}).items())]
            made += [f"parameters.{key}={value!r}" for key, value in sorted(self.content.get("parameters", {}).items())]
        return made

    @property
    def command(self) -> str:
        """The command line that gives the same numbers; the page samples no parameters."""
        base = BARE_FILE if self.baseline == BARE else self.baseline
        words = ["stabsim", "compare", base, FILE, "--replications", str(self.replications)]
        words += ["--seed", str(self.seed), "--citizens", str(self.citizens), "--parameters", "central"]
        for item in self.overrides:
            words += ["--set", item]
        return shlex.join(words)


@dataclass(frozen=True)
class ScenarioPair:
    """The checked baseline and scenario of a state, with the warnings about either."""

    baseline: Scenario
    scenario: Scenario
    warnings: tuple[str, ...] = ()

    @property
    def roles(self) -> tuple[tuple[str, Scenario], ...]:
        """Both scenarios with their part in the comparison."""
        return ("baseline", self.baseline), ("scenario", self.scenario)


def shipped_state(name: str) -> PageState:
    """Start from a shipped scenario, compared with the shipped scenario at the root of its ``extends``.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name not in shipped_scenarios():
        raise InputError(Problem("no such scenario", got=name[:40], allowed=", ".join(shipped_scenarios())))
    return PageState(_content(find_scenario(name)), _root(name))


def loaded_state(text: str, now: PageState | None = None) -> PageState:
    """Start from the text of a scenario file, checked as the command line does; keep the settings of ``now``.

    Raises
    ------
    InputError
        With every problem of the file.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise InputError(Problem("is too large", file=FILE, got=f"{size:,} bytes", allowed=f"at most {MAX_BYTES:,}"))
    _refuse_other_regions(_named(text, "region"))
    with tempfile.TemporaryDirectory(prefix="stabsim-") as folder:
        path = Path(folder) / FILE
        path.write_text(text, encoding="utf-8", newline="")
        scenario = _load(path, [])
        content = _content(path)
    content.setdefault("start", scenario.date(0))
    named, wanted = baselines(scenario), _named(text, "extends").removesuffix(".yaml")
    state = PageState(content, wanted if wanted in named else named[0])
    return state if now is None else replace(state, seed=now.seed, citizens=now.citizens, replications=now.replications)


def edited(state: PageState, path: str, value: Any) -> PageState:
    """Set one value of the scenario, or clear it with None; clearing ``interventions.x`` removes the programme.

    Raises
    ------
    InputError
        If the path is not part of a scenario. `load_pair` checks the value.
    """
    parts = path.split(".")
    if not _PATH.fullmatch(path) or parts[0] not in _TOP:
        raise InputError(Problem("is not part of a scenario", key=path[:80]))
    if len(parts) > 2 and parts[1] not in state.content.get(parts[0], {}):
        raise InputError(Problem("is no longer in the scenario", key=path))
    theory = THEORIES.get(parts[1]) if parts[0] == "theories" and len(parts) > 1 else None
    if theory is not None and value == theory.stances[0].key:
        value = None  # the default stance needs no line
    return replace(state, content=_put(state.content, parts, value))


def configured(state: PageState, name: str, value: Any) -> PageState:
    """Change one of the `SETTINGS`."""
    limits = {"seed": (0, 2**31 - 1), "citizens": (1, MAX_CITIZENS), "replications": (2, MAX_REPLICATIONS)}
    if name in limits:
        low, high = limits[name]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise InputError(Problem("out of range", key=name, got=str(value)[:20], allowed=f"{low} to {high:,}"))
    elif not (
        (name == "shared" and isinstance(value, bool))
        or (name == "baseline" and (value == BARE or value in shipped_scenarios()))
    ):
        raise InputError(Problem("cannot be set", key=name[:40], got=str(value)[:40]))
    changed: dict[str, Any] = {name: value}
    return replace(state, **changed)


def with_entry(state: PageState, kind: str, name: str) -> tuple[PageState, str]:
    """Add an intervention or a shock of the catalogue with the fields it requires; return its label too."""
    known: Any = {"interventions": catalogue().interventions, "shocks": catalogue().shocks}.get(kind, {})
    if name not in known:
        raise InputError(Problem("is not in the catalogue", key=kind[:20], got=name[:40]))
    entry = known[name]
    taken = state.content.get(kind, {})
    label = next(key for key in (entry.key, *(f"{entry.key}_{n}" for n in range(2, 999))) if key not in taken)
    months = int(state.content.get("months", 12))
    begin = min(12, months // 3)
    year, month = (int(part) for part in str(state.content["start"]).split("-"))
    year, month = year + (month - 1 + begin) // 12, (month - 1 + begin) % 12 + 1
    when = f"{year:04d}-{month:02d}"
    if kind == "interventions":
        item = {"type": name, "start": when, "months": max(months - begin, 1), "intensity": 1.0}
        if entry.dose.quantity is not None:
            item[entry.dose.quantity] = int(entry.dose.full)
    else:
        item = {"type": name, "at": when, "magnitude": 1.0}
        if entry.pattern == "mission":
            standing = [one for one in state.region.missions if one.persons(year, month) > 0]
            item["mission"] = min(standing, key=lambda one: one.kind != "troops").key if standing else ""
        if entry.pattern in SCRIPTED:
            item |= _scripted(state.region, entry.pattern)
    return edited(state, f"{kind}.{label}", item), label


def load_pair(state: PageState) -> ScenarioPair:
    """Check a state and load scenario and baseline, as its command line does.

    Raises
    ------
    InputError
        With every problem, in the words of the command line.
    """
    _refuse_other_regions(str(state.content.get("region", "")))
    with tempfile.TemporaryDirectory(prefix="stabsim-") as folder:
        file, bare_file = Path(folder) / FILE, Path(folder) / BARE_FILE
        file.write_text(state.text, encoding="utf-8")
        bare_file.write_text(state.bare_text, encoding="utf-8")
        scenario = _load(file, state.overrides)
        baseline = _load(bare_file if state.baseline == BARE else Path(state.baseline), state.overrides)
    if scenario.months > MAX_MONTHS:
        raise InputError(
            Problem("too long for the page", key="months", got=str(scenario.months), allowed=f"1 to {MAX_MONTHS}")
        )
    for name, got, allowed in (
        ("region", scenario.region, baseline.region),
        ("start", scenario.date(0), baseline.date(0)),
    ):
        if got != allowed:
            raise InputError(Problem("differs from the baseline's", key=name, got=got, allowed=allowed))
    warnings = dict.fromkeys(str(_short_name(one)) for loaded in (scenario, baseline) for one in loaded.warnings)
    return ScenarioPair(baseline, scenario, tuple(warnings))


def baselines(scenario: Scenario) -> list[str]:
    """Shipped scenarios with this region and start, roots of ``extends`` first; then `BARE`."""
    return [*_alike(scenario.region, scenario.date(0)), BARE]


@lru_cache(maxsize=2)
def shipped_region(name: str, year: int) -> Region:
    """Return a shipped region, cached."""
    return load_region(find_region(name), year)


@lru_cache(maxsize=16)
def _alike(region: str, start: str) -> tuple[str, ...]:
    found = []
    for name in shipped_scenarios():
        scenario = load_scenario(name, (), _REGIONS)
        if (scenario.region, scenario.date(0)) == (region, start):
            found.append(name)
    return tuple(sorted(found, key=lambda name: (name != _root(name), name)))


def _root(name: str) -> str:
    """The shipped scenario at the root of the ``extends`` of a shipped scenario."""
    parent = _named(find_scenario(name).read_text(encoding="utf-8"), "extends").removesuffix(".yaml")
    return _root(parent) if parent in shipped_scenarios() else name


def _named(text: str, key: str) -> str:
    """A text at the top level of a file, or an empty text."""
    root = parse(text, FILE).root
    plain = root.plain() if root is not None else {}
    named = plain.get(key) if isinstance(plain, dict) else None
    return named if isinstance(named, str) else ""


def _content(path: Path) -> dict[str, Any]:
    """All layers of a checked file as one, without defaults and without cleared values."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: cleaned(item) for key, item in value.items() if item is not None}
        return value

    root = read_layers(path).root
    assert root is not None
    content: dict[str, Any] = cleaned(root.plain())
    content.pop("extends", None)
    return content


def _put(content: Mapping[str, Any], parts: list[str], value: Any) -> dict[str, Any]:
    """A copy with one value set, or cleared with None; what becomes empty goes too."""
    name, *rest = parts
    new = _put(content.get(name) or {}, rest, value) or None if rest else value
    if new is None:
        return {key: item for key, item in content.items() if key != name}
    return {**content, name: new}


def _load(path: Path, overrides: list[str]) -> Scenario:
    try:
        return load_scenario(path, overrides, _REGIONS)
    except ScenarioError as error:
        raise InputError([_short_name(problem) for problem in error.problems]) from None


def _short_name(problem: Problem) -> Problem:
    """The problem without the temporary folder of its file."""
    return replace(problem, file=Path(problem.file).name)


def _refuse_other_regions(region: str) -> None:
    """Refuse regions that are paths: a file from elsewhere must not choose what is read from this machine."""
    shipped = sorted(folder.name for folder in (shipped_root() / "regions").iterdir() if folder.is_dir())
    if region and region not in shipped:
        raise InputError(
            Problem("the page uses shipped regions only", key="region", got=region[:60], allowed=", ".join(shipped))
        )


def _scripted(region: Region, pattern: str) -> dict[str, Any]:
    """Required fields of a shock that scripts a conflict: the largest community outside power, and its options."""
    people = region.group_population * (region.exclusion > 0.0)
    group = int(people.argmax())
    state, community = region.states[region.group_state[group]], region.communities[region.group_community[group]]
    options = {"posture": "police", "level": 0.35}
    return {
        "targets": {"states": [state], "communities": [community]},
        **{name: value for name, value in options.items() if name in PATTERN_OPTIONS[pattern]},
    }
