"""One replication of one arm of a trial, in the invented symmetric region under a scope condition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from checks.lab import (
    FOLDER,
    RESTLESS,
    SEED,
    WARLIKE,
    Parameters,
    Valley,
    keep_fighting,
    keep_out,
    keep_recruiting,
    minority,
    run,
    valley,
)
from checks.trials.schema import CONTROL, Arm, Trial, canonical
from sim.agents.armed_group import CEASEFIRE, ArmedGroup
from sim.experiment import run_seed
from sim.interventions import CatalogueEntry
from sim.interventions.catalogue import tuned
from sim.model.month import StabilityModel
from sim.scenario import Programme, Scenario, load_scenario
from sim.world.outcomes import OUTCOME_INDEX

TREATED, NEIGHBOUR = "BBB", "AAA"
DRAW_PAIRS = 8
"""Replications that share one draw of sizes."""
POSTURES = ("restrain", "police", "repress", "war")
PRIMES = (2, 3, 5, 7, 11, 13)
BRITTLE: Parameters = (("relapse_rate", 0.08), ("relapse_halflife", 6.0))


@dataclass(frozen=True)
class ScopeCondition:
    """A scope condition: in words, in parameters, and what the armed group of the eastern minority does."""

    text: str
    parameters: Parameters
    prepare: Callable[[ArmedGroup], None] | None


SCOPES: dict[str, ScopeCondition] = {
    "post_war": ScopeCondition("a ceasefire since month 0 in the treated state, relapse at the upper end of its range", BRITTLE,
                          lambda group: group.enter(CEASEFIRE, 0)),
    "active_war": ScopeCondition("a war held by hand in the treated state, the armed track at the upper ends of its ranges",
                            WARLIKE, keep_fighting),
    "calm_local": ScopeCondition("no armed group, communal incidents at the upper ends of their ranges", RESTLESS, keep_out),
    "cohort": ScopeCondition("an armed group recruits in the treated state and does not attack", (("fighter_cap", 0.05),),
                        keep_recruiting),
    "region_2024": ScopeCondition("the region as it is, every rule on", (), None),
}  # fmt: skip


def arm_run(trial: Trial, arm: str, replication: int, scale: float | None = None) -> NDArray[np.float64]:
    """Run one replication of one arm.

    Parameters
    ----------
    trial : Trial
    arm : str
        Of the trial, or ``control``.
    replication : int
        The same number has the same random draws in every arm.
    scale : float, optional
        Of the trial's intervention, instead of the catalogue's.

    Returns
    -------
    (n_outcomes, months, 2) float64, in the order of ``trial.outcomes``, treated state first
    """
    world, given = trial.world, trial.arms.get(arm)
    if given is None and arm != CONTROL:
        raise KeyError(arm)
    condition = SCOPES[world.scope]
    setting = valley(
        Valley(
            mission=given.mission if given else "none",
            parameters=tuple(sorted({**dict(condition.parameters), **world.parameters}.items())),
            months=world.months,
            citizens=world.citizens,
        )
    )[1]
    spec = replace(_plain(world.months), interventions=programmes(trial, given, replication, scale))
    model = StabilityModel(spec, setting, run_seed(SEED, replication))
    if condition.prepare is not None:
        fighters = minority(model, TREATED)
        for group in model.armed_groups:
            if group is not fighters:
                keep_out(group)
        condition.prepare(fighters)
        model.world.posture[fighters.group] = POSTURES.index(world.posture)
    run(model)
    region = model.setting.region
    places = [region.states.index(TREATED), region.states.index(NEIGHBOUR)]
    columns = [OUTCOME_INDEX[name] for name in trial.outcomes]
    made: NDArray[np.float64] = model.world.recorder.series[:, places][:, :, columns].transpose(2, 0, 1).copy()
    return made


def programmes(trial: Trial, arm: Arm | None, replication: int, scale: float | None) -> tuple[Programme, ...]:
    """What an arm gets in one replication: its programme with the scale asked for and, if they are drawn, its sizes."""
    if arm is None or arm.programme is None:
        return ()
    made = []
    for programme in resolved(canonical(arm.programme), trial.world.months):
        entry = programme.entry
        if scale is not None and programme.type == trial.intervention:
            entry = tuned(entry, scale, trial.row)
        if arm.sizes == "drawn":
            entry = drawn(entry, replication // DRAW_PAIRS)
        made.append(replace(programme, entry=entry))
    return tuple(made)


@lru_cache(maxsize=8)
def _plain(months: int) -> Scenario:
    return replace(load_scenario(FOLDER / "valleys.yaml"), months=months)


@lru_cache(maxsize=64)
def resolved(programme: str, months: int) -> tuple[Programme, ...]:
    """A programme as the scenario language understands it, in the treated state and without approval unless it says so.

    Raises
    ------
    ScenarioError
        As for a scenario file.
    """
    start = f'{{"approval": "none", "targets": {{"states": ["{TREATED}"]}}, {programme[1:]}'
    if '"targets"' in programme:
        start = f'{{"approval": "none", {programme[1:]}'
    return load_scenario(FOLDER / "valleys.yaml", [f"months={months}", f"interventions.trial={start}"]).interventions


def drawn(entry: CatalogueEntry, draw: int) -> CatalogueEntry:
    """An entry with the sizes of its channels drawn: point ``draw`` of a Halton sequence, a prime for each channel."""
    primes = (PRIMES * len(entry.channels))[: len(entry.channels)]
    channels = tuple(
        channel.model_copy(update={"size": channel.quantile(halton(draw + 1, prime))})
        for channel, prime in zip(entry.channels, primes, strict=True)
    )
    return entry.model_copy(update={"channels": channels})


def halton(index: int, base: int) -> float:
    """The radical inverse of a whole number: evenly spread in (0, 1) for every start of the sequence."""
    value, part = 0.0, 1.0 / base
    while index > 0:
        index, digit = divmod(index, base)
        value += digit * part
        part /= base
    return value
