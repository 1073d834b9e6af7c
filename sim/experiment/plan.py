"""Which runs an experiment has: every scenario at every design point in every replication.

`build_plan` lists the runs with their seeds and identities. Two things widen a plan: rival theories add variants of
the scenarios (`under_theories`), and an `Ensemble` gives each replication a parameter set of its own.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.errors import InputError, ParameterError, Problem, nearest
from sim.model.identity import model_hash
from sim.parameters import CATALOGUE
from sim.parameters import parameters as check_values
from sim.parameters.theories import THEORIES, stances

if TYPE_CHECKING:
    from sim.scenario import Scenario, Template


def run_seed(base_seed: int, replication: int) -> int:
    """Derive the seed of one replication; every scenario and design point of an experiment shares it.

    The seed is BLAKE2b with an 8-byte digest over the text ``stabsim/run/<base_seed>/<replication>``, read
    little-endian. Replications are therefore unrelated to each other, replication r is the same whether ten
    or a thousand are asked for, and neighbouring base seeds share nothing.

    Parameters
    ----------
    base_seed : int, at least 0
        Seed of the experiment.
    replication : int, at least 0
        Number of the replication.

    Returns
    -------
    int, 0 to 2**64 - 1
    """
    if base_seed < 0 or replication < 0:
        raise ValueError("seed and replication are at least 0")
    text = f"stabsim/run/{base_seed}/{replication}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One run: which scenario, which design point, which replication.

    ``run`` identifies it for ever: the same text means the same numbers.
    """

    run: str
    scenario: str
    point: int
    replication: int
    seed: int


@dataclass(frozen=True)
class Plan:
    """All runs of an experiment, in replicate-major order: any beginning of the list is balanced.

    ``points`` are the design points of a sweep (override key to value), applied to ``templates``, one for each
    scenario; a plain comparison has one empty point and needs no templates. ``contents`` holds, by point and
    scenario, the hash of the scenario that a run resolves to, ``copies`` by point how many before it are equal (a
    design may repeat a point); the scenarios themselves are resolved where
    they run, so that a plan of a hundred thousand runs stays small. With an ``ensemble``, replications also draw
    parameter sets, the same in every scenario and design point.
    """

    scenarios: tuple[Scenario, ...]
    base_seed: int
    replications: int
    citizens: int | str
    region_hash: str
    model_hash: str
    points: Sequence[Mapping[str, Any]] = ({},)
    templates: Mapping[str, Template] = field(default_factory=dict, repr=False)
    contents: tuple[tuple[str, ...], ...] = field(default=(), repr=False)
    copies: tuple[int, ...] = field(default=(0,), repr=False)
    ensemble: Ensemble | None = field(default=None, repr=False)
    runs: tuple[RunSpec, ...] = field(default=(), repr=False)

    def draw(self, scenario: str, point: int, replication: int) -> dict[str, float]:
        """Return the parameters that a replication draws, except those its scenario or design point sets itself."""
        if self.ensemble is None:
            return {}
        own = next(item for item in self.scenarios if item.key == scenario).parameters
        values = self.ensemble.values(self.ensemble.number(self.base_seed, replication))
        changed = self.points[point]
        return {name: v for name, v in values.items() if name not in own and f"parameters.{name}" not in changed}


def resolve_run(
    scenario: Scenario, template: Template | None, point: Mapping[str, Any], draw: Mapping[str, float] | None = None
) -> Scenario:
    """Return what a run simulates; what the scenario or the design point sets is not replaced by a drawn value."""
    resolved = template.at(point) if point and template is not None else scenario
    return replace(resolved, parameters=dict(sorted({**draw, **resolved.parameters}.items()))) if draw else resolved


def build_plan(
    scenarios: Sequence[Scenario],
    *,
    base_seed: int,
    replications: int,
    citizens: int | str,
    region_hash: str,
    points: Sequence[Mapping[str, Any]] = ({},),
    templates: Mapping[str, Template] | None = None,
    copies: Sequence[int] | None = None,
    model: str | None = None,
    ensemble: Ensemble | None = None,
) -> Plan:
    """List every run: replications outermost, then design points, then scenarios.

    A run's id covers the scenario it resolves to and its key (the key keeps two equal scenarios apart in the
    tables), the region's content, the design point as it is written (so do two points that resolve alike), the
    number of citizens, the replication, the seed, the model's sources and, with an ensemble, the ensemble and the
    parameters drawn from it. A point that repeats an earlier one is
    told apart by how many came before it (``copies``, counted in ``points`` unless given).

    Raises
    ------
    InputError
        From a template, when a point cannot be applied.
    """
    found = dict(templates or {})
    contents = tuple(
        tuple(resolve_run(item, found.get(item.key), point).content_hash() for item in scenarios) for point in points
    )
    plan = Plan(
        scenarios=tuple(scenarios),
        base_seed=base_seed,
        replications=0,
        citizens=citizens,
        region_hash=region_hash,
        model_hash=model_hash() if model is None else model,
        points=points,
        templates=found,
        contents=contents,
        copies=tuple(copies_of(points) if copies is None else copies),
        ensemble=ensemble,
    )
    return with_replications(plan, replications)


def with_replications(plan: Plan, replications: int) -> Plan:
    """Return the plan with another number of replications; those both have keep their runs."""
    kept = plan.runs[: replications * len(plan.points) * len(plan.scenarios)]
    added = (run for number in range(plan.replications, replications) for run in _replication(plan, number))
    return replace(plan, replications=replications, runs=(*kept, *added))


def _replication(plan: Plan, replication: int) -> Iterator[RunSpec]:
    """Yield the runs of one replication: design points, then scenarios."""
    seed = run_seed(plan.base_seed, replication)
    for number, point in enumerate(plan.points):
        for scenario, content in zip(plan.scenarios, plan.contents[number], strict=True):
            identity: dict[str, object] = {
                "scenario": scenario.key,
                "content": content,
                "region": plan.region_hash,
                "point": dict(point),
                "citizens": plan.citizens,
                "replication": replication,
                "seed": seed,
                "model": plan.model_hash,
            }
            if plan.copies[number]:
                identity["copy"] = plan.copies[number]
            if plan.ensemble is not None:
                identity["ensemble"] = plan.ensemble.sha256
                identity["draw"] = plan.draw(scenario.key, number, replication)
            text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
            yield RunSpec(_digest(text, 10).hex(), scenario.key, number, replication, seed)


def copies_of(points: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    """Yield for each point how many equal ones came before it."""
    seen: Counter[bytes] = Counter()
    for point in points:
        key = _digest(json.dumps(dict(point), sort_keys=True), 16)
        yield seen[key]
        seen[key] += 1


def key_of(identities: Sequence[str]) -> str:
    """Name a batch after the ids of its runs, so that the same batch always has the same file."""
    return _digest("".join(identities), 8).hex()


def _digest(text: str, size: int) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=size).digest()


# --- variants under rival theories ---------------------------------------------------------------------


@dataclass(frozen=True)
class Variant:
    """The scenario ``scenario`` under one stance of one theory, all else as it is; ``key`` names it in every table."""

    key: str
    scenario: str
    theory: str
    stance: str


def chosen_theories(choice: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the theories of a choice, in the order of the catalogue.

    Parameters
    ----------
    choice : str or sequence of str, optional
        Names, as a sequence or with commas between; ``all``; None or nothing for none.

    Raises
    ------
    InputError
        With every name that is not a theory.
    """
    names = [name.strip() for name in (choice.split(",") if isinstance(choice, str) else choice or ())]
    allowed = [*THEORIES, "all"]
    what, known = "no theory is called that", ", ".join(allowed)
    problems = [
        Problem(what, key="theories", got=name, allowed=known, hint=nearest(name, allowed))
        for name in names
        if name not in allowed
    ]
    if problems:
        raise InputError(problems)
    return tuple(name for name in THEORIES if name in names or "all" in names)


def under_theories(scenarios: Sequence[Scenario], theories: Sequence[str]) -> Iterator[tuple[Variant, Scenario]]:
    """Yield every scenario under each stance of each theory, one theory at a time.

    A stance that a scenario already follows is left out: it would be the same runs again.

    Raises
    ------
    InputError
        If a scenario sets a parameter that a stance would set: the scenario's own value would win, and the stance
        would change nothing.
    """
    problems = []
    for theory in (THEORIES[name] for name in theories):
        for stance in theory.stances:
            for scenario in scenarios:
                if scenario.theories.get(theory.key, theory.stances[0].key) == stance.key:
                    continue
                by_theory = stances(scenario.theories)
                own = {name: value for name, value in scenario.parameters.items() if by_theory.get(name) != value}
                problems += [
                    Problem(
                        f"is set by the scenario itself, so the theory {theory.key} could not act",
                        key=f"{scenario.key}.parameters.{name}",
                        hint=f"leave it out, or leave {theory.key} out of --theories",
                    )
                    for name in stance.parameters
                    if name in own
                ]
                key = f"{scenario.key}@{theory.key}={stance.key}"
                followed = dict(sorted({**scenario.theories, theory.key: stance.key}.items()))
                yield (
                    Variant(key, scenario.key, theory.key, stance.key),
                    replace(
                        scenario,
                        key=key,
                        title=f"{scenario.title or scenario.key} ({theory.key}: {stance.key})",
                        theories=followed,
                        parameters=dict(sorted({**stances(followed), **own}.items())),
                        warnings=(),
                    ),
                )
    if problems:
        raise InputError(list(dict.fromkeys(problems)))


# --- parameter sets drawn by replications --------------------------------------------------------------

SHIPPED = Path(__file__).parent / "ensemble.csv"
ENSEMBLE_FILE = "ensemble.csv"
"""Name of the copy that a folder of results keeps."""
TOGETHER = 2
"""Replications that share a parameter set: the least from which random draws and parameters can be told apart."""
CENTRAL: Final = "central"
ENSEMBLE = "ensemble"
MAX_SETS = 100_000


@dataclass(frozen=True)
class Ensemble:
    """Equally weighted parameter sets, each with a value for every one of ``names``."""

    names: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]

    @cached_property
    def sha256(self) -> str:
        """Hash of names and values, whatever the file looks like."""
        return hashlib.sha256(json.dumps([self.names, self.rows]).encode()).hexdigest()

    def values(self, number: int) -> dict[str, float]:
        """Return one parameter set: name to value."""
        return dict(zip(self.names, self.rows[number], strict=True))

    def number(self, base_seed: int, replication: int) -> int:
        """Say which parameter set a replication draws, whatever the scenario and the number of replications.

        The base seed decides the order of the sets. Each is used by ``TOGETHER`` replications in a row, and the
        order begins again when all are used.
        """
        return _order(base_seed, len(self.rows))[replication // TOGETHER % len(self.rows)]

    def text(self) -> str:
        """Write the table, numbers exact."""
        made = io.StringIO()
        writer = csv.writer(made, lineterminator="\n")
        writer.writerow(self.names)
        writer.writerows([repr(value) for value in row] for row in self.rows)
        return made.getvalue()


@lru_cache(maxsize=4)
def _order(base_seed: int, size: int) -> tuple[int, ...]:
    return tuple(sorted(range(size), key=lambda number: _digest(f"stabsim/draw/{base_seed}/{number}", 8)))


def choose(choice: str | Path | None, *, drawn: bool) -> Ensemble | None:
    """Return the ensemble that replications draw from; None: central values.

    Parameters
    ----------
    choice : "ensemble", "central" or a file
        None leaves the choice to ``drawn``.
    drawn : bool
        Whether to draw, unless told, where there is an ensemble.

    Raises
    ------
    InputError
        If there is none to draw from, or the file is not one.
    """
    if choice is None:
        choice = ENSEMBLE if drawn and SHIPPED.is_file() else CENTRAL
    if choice == CENTRAL:
        return None
    shipped = choice == ENSEMBLE
    path = SHIPPED if shipped else Path(choice)
    if not path.is_file():
        raise InputError(
            Problem(
                "no ensemble ships with this version" if shipped else "there is no such ensemble",
                key="parameters",
                got=str(choice),
                allowed=f"{ENSEMBLE}, {CENTRAL}, or a table of parameter sets (CSV)",
                hint="" if shipped else nearest(str(choice), [ENSEMBLE, CENTRAL]),
            )
        )
    return read_ensemble(path)


def read_ensemble(path: Path) -> Ensemble:
    """Read a table: a column a parameter, a row a parameter set.

    Raises
    ------
    InputError
        With everything that is wrong with it.
    """
    file = str(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            head, *lines = [line for line in csv.reader(text) if line] or [[]]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(Problem(f"cannot be read: {error}", file=file)) from None
    problems = [
        Problem("unknown parameter", file=file, line=1, got=name[:40], hint=nearest(name, list(CATALOGUE)))
        for name in head
        if name not in CATALOGUE
    ]
    if len(set(head)) < len(head) or not head:
        problems.append(Problem("columns are parameters, each once", file=file, line=1))
    if not 1 <= len(lines) <= MAX_SETS:
        got, allowed = str(len(lines)), f"1 to {MAX_SETS:,}"
        problems.append(Problem("has the wrong number of parameter sets", file=file, got=got, allowed=allowed))
    rows: list[tuple[float, ...]] = []
    for number, line in enumerate(lines if not problems else [], start=2):
        try:
            values = tuple(float(cell) for cell in line)
            check_values(dict(zip(head, values, strict=True)))
            rows.append(values)
        except ParameterError as error:
            problems += [replace(problem, file=file, line=number) for problem in error.problems]
        except ValueError:
            problems.append(Problem("is not a parameter set: one number for every column", file=file, line=number))
    if problems:
        raise InputError(problems[:20])
    return Ensemble(tuple(head), tuple(rows))
