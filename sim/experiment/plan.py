"""Which runs an experiment has: seeds, run identities, and the order they are run in."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sim.experiment.ensemble import Ensemble, with_draw
from sim.model.identity import model_hash

if TYPE_CHECKING:
    from sim.scenario import Scenario

S = TypeVar("S")


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


class Source(Protocol):
    """A scenario that design points can change."""

    def at(self, point: Mapping[str, Any]) -> Scenario:
        """Resolve the scenario with a point's values."""

    def written(self) -> dict[str, Any]:
        """Return what the same source is made from again."""


@dataclass(frozen=True)
class Plan:
    """All runs of an experiment, in replicate-major order: any beginning of the list is balanced.

    ``points`` are the design points of a sweep (override key to value), applied to ``sources``, one for each
    scenario; a plain comparison has one empty point and needs no sources. ``contents`` holds, by point and
    scenario, the hash of the scenario that a run resolves to, ``copies`` by point how many before it are equal (a
    design may repeat a point); the scenarios themselves are resolved where
    they run, so that a plan of a hundred thousand runs stays small. With an ``ensemble``, replications also draw
    parameter points, the same in every scenario and design point.
    """

    scenarios: tuple[Scenario, ...]
    base_seed: int
    replications: int
    citizens: int | str
    region_hash: str
    model_hash: str
    points: Sequence[Mapping[str, Any]] = ({},)
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False)
    contents: tuple[tuple[str, ...], ...] = field(default=(), repr=False)
    copies: tuple[int, ...] = field(default=(0,), repr=False)
    ensemble: Ensemble | None = field(default=None, repr=False)
    runs: tuple[RunSpec, ...] = field(default=(), repr=False)

    def scenario(self, key: str) -> Scenario:
        """Return the scenario with this key, as it is before a point changes it."""
        return next(scenario for scenario in self.scenarios if scenario.key == key)

    def changes(self, run: RunSpec) -> Mapping[str, Any]:
        """Return the values that a run sets: those of its design point."""
        return self.points[run.point]

    def draw(self, run: RunSpec) -> Mapping[str, float]:
        """Return the parameters that a run's replication draws, but for those its scenario or point sets itself."""
        return drawn(self, run.scenario, run.point, run.replication)


def drawn(plan: Plan, scenario: str, point: int, replication: int) -> dict[str, float]:
    """Return what a replication draws in one scenario and design point; see `Plan.draw`."""
    if plan.ensemble is None:
        return {}
    own = plan.scenario(scenario).parameters
    values = plan.ensemble.point(plan.ensemble.number(plan.base_seed, replication))
    changed = plan.points[point]
    return {name: v for name, v in values.items() if name not in own and f"parameters.{name}" not in changed}


def resolve_run(
    scenario: Scenario, source: Source | None, changes: Mapping[str, Any], draw: Mapping[str, float] | None = None
) -> Scenario:
    """Return what a run simulates; the same in the parent, in a worker and alone."""
    resolved = source.at(changes) if changes and source is not None else scenario
    return adjusted(resolved, parameters=with_draw(resolved.parameters, draw)) if draw else resolved


def adjusted(scenario: S, **changes: Any) -> S:
    """Copy a scenario with some fields changed."""
    return dataclasses.replace(scenario, **changes)  # type: ignore[type-var]


def run_id(identity: Mapping[str, object]) -> str:
    """Hash what a run's numbers depend on into 20 hexadecimal digits (80 bits)."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def build_plan(
    scenarios: Sequence[Scenario],
    *,
    base_seed: int,
    replications: int,
    citizens: int | str,
    region_hash: str,
    points: Sequence[Mapping[str, Any]] = ({},),
    sources: Mapping[str, Source] | None = None,
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
        From a source, when a point cannot be applied.
    """
    found = dict(sources or {})
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
        sources=found,
        contents=contents,
        copies=tuple(copies_of(points) if copies is None else copies),
        ensemble=ensemble,
    )
    return with_replications(plan, replications)


def with_replications(plan: Plan, replications: int) -> Plan:
    """Return the plan with another number of replications; those both have keep their runs."""
    kept = plan.runs[: replications * len(plan.points) * len(plan.scenarios)]
    added = (run for number in range(plan.replications, replications) for run in _replication(plan, number))
    return dataclasses.replace(plan, replications=replications, runs=(*kept, *added))


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
                identity["draw"] = drawn(plan, scenario.key, number, replication)
            yield RunSpec(run_id(identity), scenario.key, number, replication, seed)


def copies_of(points: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    """Yield for each point how many equal ones came before it."""
    seen: Counter[bytes] = Counter()
    for point in points:
        text = json.dumps(dict(point), sort_keys=True)
        key = hashlib.blake2b(text.encode(), digest_size=16).digest()
        yield seen[key]
        seen[key] += 1


def batch_size(runs: int, workers: int, citizens: int | str) -> int:
    """Choose how many runs one task holds: few enough to see progress, enough to make storing cheap."""
    if citizens == "all" or (isinstance(citizens, int) and citizens > 200_000):
        return 1
    return max(1, min(8, runs // (4 * workers)))


def batches(runs: Sequence[RunSpec], size: int) -> Iterator[tuple[RunSpec, ...]]:
    """Cut a list of runs into tasks of at most ``size`` runs, in order."""
    for start in range(0, len(runs), size):
        yield tuple(runs[start : start + size])


def batch_key(runs: Sequence[RunSpec]) -> str:
    """Name a task after its runs, so that the same task always writes the same file."""
    return key_of([run.run for run in runs])


def key_of(identities: Sequence[str]) -> str:
    """Name a batch after the ids of its runs."""
    return hashlib.blake2b("".join(identities).encode(), digest_size=8).hexdigest()
