"""The grid worlds of Granovetter (1978) and Epstein (2002), around the model's own mobilisation functions.

The grid supplies vision, movement and neighbours, and nothing else: grievance, the perceived
probability of arrest and the choice are those of `sim.kernels.mobilisation`. Chance comes from keyed draws.

Rules (Epstein 2002, PNAS 99 suppl. 3, doi 10.1073/pnas.092080199; evidence section 1.1): 40 x 40 torus, one
agent a site, everybody active once a tick in an order drawn anew each tick. An agent moves to a random free
site in vision (a disc), then a citizen decides and an officer arrests one random active citizen in vision.
Active if hardship (1 - L) - risk aversion x P > T, where P looks at officers C and actives A in vision, the
citizen itself among the A, once. Jail terms are U(0, J); the jailed are off the grid and come back to a
random free site.

Model II: two groups. Active means killing one random citizen of the other group in vision, so whoever is
willing but finds nobody to kill is quiet, is not arrested and emboldens nobody. (The other reading, that the
willing are active, is there as `Rules.willing_is_active`: peacekeepers then delay far less.) Each citizen
clones with probability 0.05 a tick onto a random free neighbouring site (the child inherits group and
hardship, and has a risk aversion of its own), and dies at an age U(0, 200). Everybody starts at age 0.

`Rules.mesa` follows the rules of Mesa's own example instead, where they differ: vision is a diamond, an agent
acts before it moves, the ratio of officers to actives is rounded to the nearest whole number (half to even),
the jailed stay where they are for a whole number of their own turns, and every site is filled independently.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.kernels import draws
from sim.kernels.compiling import kernel
from sim.kernels.elementary import normal_quantile
from sim.kernels.mobilisation import FLOOR, arrest_probability, choice, grievance
from sim.types import Array

SIDE = 40
SITES = SIDE * SIDE
SHARP = 1e9
"""Multiplier that makes `choice` a hard threshold."""

# Streams of these worlds; the model uses none above 33.
PLACE, TRAITS, ORDER, ACT, BREED, FREED = (np.uint64(200 + k) for k in range(6))

EMPTY = -1
FREE, QUIET, ACTIVE, OFFICER, JAILED, DEAD = range(6)
"""What is on a site (`FREE` to `OFFICER`), and the state of a citizen."""
POLICE = -1
"""Group of a police officer; citizens belong to group 0 or 1."""


class Rules(NamedTuple):
    """One run of the paper's table; ``form`` is an arrest form of `sim.kernels.mobilisation`."""

    form: int
    legitimacy: float
    longest_jail: float
    citizen_density: float = 0.7
    police_density: float = 0.04
    groups: int = 1
    threshold: float = 0.1
    k: float = 2.3
    clone: float = 0.05
    oldest: float = 200.0
    willing_is_active: bool = False
    mesa: bool = False


RUN_2 = Rules(form=FLOOR, legitimacy=0.82, longest_jail=30.0)
"""Run 2 of the paper: punctuated equilibrium."""
MODEL_2 = Rules(form=FLOOR, legitimacy=0.8, longest_jail=15.0, groups=2)
"""Model II of the paper: two groups, with or without peacekeepers."""

AGENT = np.dtype(
    [
        ("uid", np.uint64),
        ("group", np.int64),
        ("state", np.int64),
        ("site", np.int64),
        ("hardship", np.float64),
        ("risk", np.float64),
        ("ends", np.float64),
        ("dies", np.float64),
    ]
)
"""``site`` is `EMPTY` for the jailed (not with Mesa's rules) and the dead; ``ends`` is the tick of release (with Mesa's
rules the turns still to sit out), ``dies`` the tick of death."""

SITE = np.dtype([("who", np.int64), ("what", np.int64), ("actives", np.int64), ("officers", np.int64)])
"""The slot of the agent there or `EMPTY`, what it is, and the active citizens and officers in view."""


def disc(vision: float, diamond: bool = False) -> Array:
    """Sites in vision of each site, (1600, n_in_view) int16: a disc (or diamond) on the torus, the own site first."""
    reach = int(vision)
    steps = [
        (dx, dy)
        for dx in range(-reach, reach + 1)
        for dy in range(-reach, reach + 1)
        if (abs(dx) + abs(dy) <= vision if diamond else dx * dx + dy * dy <= vision * vision)
    ]
    steps.sort(key=lambda step: step[0] ** 2 + step[1] ** 2)
    x, y = np.divmod(np.arange(SITES), SIDE)
    return np.stack([(x + dx) % SIDE * SIDE + (y + dy) % SIDE for dx, dy in steps], axis=1).astype(np.int16)


def nobody(vision: float, diamond: bool = False) -> tuple[Array, Array, Array]:
    """An empty world: room for agents on the grid and in jail, the sites, and what each site has in view."""
    grid = np.zeros(SITES, SITE)
    grid["who"] = EMPTY
    return np.zeros(4 * SITES, AGENT), grid, disc(vision, diamond)


@kernel
def shuffle(order, seed, stream, tick):
    """Put ``order`` in a random order (Fisher and Yates)."""
    for last in range(order.size - 1, 0, -1):
        other = int(draws.citizen_uniform(seed, stream, tick, np.uint64(0), last) * (last + 1))
        order[last], order[other] = order[other], order[last]


@kernel
def seen_officers(grid, near, site, change):
    """Change the officers that the sites round ``site`` have in view."""
    for k in range(near.shape[1]):
        grid[near[site, k]].officers += change


@kernel
def seen_actives(grid, near, site, change):
    """Change the active citizens that the sites round ``site`` have in view."""
    for k in range(near.shape[1]):
        grid[near[site, k]].actives += change


@kernel
def put(i, site, agents, grid, near):
    """Set an agent on a free site."""
    agents[i].site = site
    grid[site].who = i
    grid[site].what = OFFICER if agents[i].group == POLICE else agents[i].state
    if grid[site].what == OFFICER:
        seen_officers(grid, near, site, 1)
    elif grid[site].what == ACTIVE:
        seen_actives(grid, near, site, 1)


@kernel
def take(i, agents, grid, near, state):
    """Take an agent off the grid, into ``state``."""
    site = agents[i].site
    if grid[site].what == OFFICER:
        seen_officers(grid, near, site, -1)
    elif grid[site].what == ACTIVE:
        seen_actives(grid, near, site, -1)
    grid[site].who = EMPTY
    grid[site].what = FREE
    agents[i].site = EMPTY
    agents[i].state = state


@kernel
def turn(i, agents, grid, near, state):
    """Make a citizen on the grid active, quiet or jailed."""
    if agents[i].state != state:
        site = agents[i].site
        before = agents[i].state
        agents[i].state = state
        grid[site].what = state
        if state == ACTIVE:
            seen_actives(grid, near, site, 1)
        elif before == ACTIVE:
            seen_actives(grid, near, site, -1)


@kernel
def free_near(site, grid, near, seed, stream, tick, uid):
    """A free site in view of ``site``, each as likely as any other; `EMPTY` if there is none.

    In a large view sites are tried at random first, which is quicker; after 60 tries they are counted.
    """
    size = near.shape[1]
    if size > 20:
        for block in range(1, 16):
            for word in draws.words(seed, stream, tick, uid, block):
                target = near[site, int(draws.unit32(word) * size)]
                if grid[target].what == FREE:
                    return int(target)
    count = 0
    for k in range(size):
        count += grid[near[site, k]].what == FREE
    left = int(draws.uniform(seed, stream, tick, uid, 16) * count)
    for k in range(size):
        if grid[near[site, k]].what == FREE:
            if left == 0:
                return int(near[site, k])
            left -= 1
    return EMPTY


@kernel
def populate(seed, rules, agents, grid, near):
    """Place citizens and police on random sites and draw their traits; returns how many there are."""
    places = np.arange(SITES)
    shuffle(places, seed, PLACE, 0)
    citizens = int(np.round(rules.citizen_density * SITES))
    police = int(np.round(rules.police_density * SITES))
    if rules.mesa:
        citizens = 0
        police = 0
        for site in range(SITES):
            u = draws.uniform(seed, PLACE, 1, np.uint64(site), 0)
            citizens += u < rules.citizen_density
            police += rules.citizen_density <= u < rules.citizen_density + rules.police_density
    n = citizens + police
    for i in range(n):
        w0, w1, w2, _ = draws.words(seed, TRAITS, 0, np.uint64(i), 0)
        agents[i].uid = i
        agents[i].group = i % rules.groups if i < citizens else POLICE
        agents[i].state = QUIET
        agents[i].hardship = draws.unit32(w0)
        agents[i].risk = draws.unit32(w1)
        agents[i].dies = draws.unit32(w2) * rules.oldest
        put(i, places[i], agents, grid, near)
    return n


@kernel
def decide(i, rules, agents, grid, near, u):
    """A citizen looks round and becomes active or quiet; it counts itself, once, among the active."""
    site = agents[i].site
    actives = 1 + grid[site].actives - (agents[i].state == ACTIVE)
    ratio = grid[site].officers / actives
    if rules.mesa:
        ratio = np.rint(ratio)
    p_arrest = arrest_probability(ratio, rules.k, 1.0, 0.35, rules.form)
    motive = grievance(agents[i].hardship, rules.legitimacy) - agents[i].risk * p_arrest - rules.threshold
    turn(i, agents, grid, near, ACTIVE if u < choice(SHARP * motive) else QUIET)


@kernel
def an_active(site, grid, near, u):
    """A random active citizen in view of ``site``, or `EMPTY`."""
    left = int(u * grid[site].actives)
    for k in range(near.shape[1]):
        if grid[near[site, k]].what == ACTIVE:
            if left == 0:
                return grid[near[site, k]].who
            left -= 1
    return EMPTY


@kernel
def a_member(site, agents, grid, near, group, u):
    """A random citizen of ``group`` in view of ``site``, or `EMPTY`."""
    count = 0
    for k in range(near.shape[1]):
        j = grid[near[site, k]].who
        count += j != EMPTY and agents[j].group == group
    left = int(u * count)
    for k in range(near.shape[1]):
        j = grid[near[site, k]].who
        if j != EMPTY and agents[j].group == group:
            if left == 0:
                return j
            left -= 1
    return EMPTY


@kernel
def move(i, seed, tick, agents, grid, near):
    """An agent moves to a random free site in view, if there is one."""
    target = free_near(agents[i].site, grid, near, seed, ACT, tick, agents[i].uid)
    if target != EMPTY:
        take(i, agents, grid, near, agents[i].state)
        put(i, target, agents, grid, near)


@kernel
def act(i, seed, tick, rules, agents, grid, near):
    """A citizen decides (and kills); an officer arrests one random active citizen in view."""
    w0, w1, w2, _ = draws.words(seed, ACT, tick, agents[i].uid, 0)
    if agents[i].group == POLICE:
        caught = an_active(agents[i].site, grid, near, draws.unit32(w0))
        if caught != EMPTY and rules.mesa:
            turn(caught, agents, grid, near, JAILED)
            agents[caught].ends = np.floor(draws.unit32(w1) * (rules.longest_jail + 1.0))
        elif caught != EMPTY:
            take(caught, agents, grid, near, JAILED)
            agents[caught].ends = tick + draws.unit32(w1) * rules.longest_jail
        return
    decide(i, rules, agents, grid, near, draws.unit32(w0))
    if rules.groups == 2 and agents[i].state == ACTIVE:
        victim = a_member(agents[i].site, agents, grid, near, 1 - agents[i].group, draws.unit32(w2))
        if victim != EMPTY:
            take(victim, agents, grid, near, DEAD)
        elif not rules.willing_is_active:
            turn(i, agents, grid, near, QUIET)


@kernel
def activate(i, seed, tick, rules, agents, grid, near):
    """One agent moves, then decides (and kills) or arrests; with Mesa's rules it moves last."""
    if rules.mesa:
        if agents[i].ends > 0.0:
            agents[i].ends -= 1.0
            return
        act(i, seed, tick, rules, agents, grid, near)
        move(i, seed, tick, agents, grid, near)
    else:
        move(i, seed, tick, agents, grid, near)
        act(i, seed, tick, rules, agents, grid, near)


@kernel
def breed(i, n, seed, tick, rules, agents, grid, near):
    """A citizen clones onto a free neighbouring site, if any; returns the new number of agents."""
    w0, w1, w2, _ = draws.words(seed, BREED, tick, agents[i].uid, 0)
    if draws.unit32(w0) >= rules.clone:
        return n
    site = free_near(agents[i].site, grid, near, seed, BREED, tick, agents[i].uid)
    if site == EMPTY:
        return n
    agents[n].uid = (np.uint64(tick + 1) << np.uint64(32)) | np.uint64(n)
    agents[n].group = agents[i].group
    agents[n].state = QUIET
    agents[n].hardship = agents[i].hardship
    agents[n].risk = draws.unit32(w1)
    agents[n].dies = tick + draws.unit32(w2) * rules.oldest
    put(n, site, agents, grid, near)
    return n + 1


@kernel
def free_anywhere(grid, seed, tick, uid):
    """A free site of the torus, each as likely as any other; `EMPTY` if there is none."""
    count = 0
    for site in range(SITES):
        count += grid[site].what == FREE
    left = int(draws.uniform(seed, FREED, tick, uid, 0) * count)
    for site in range(SITES):
        if grid[site].what == FREE:
            if left == 0:
                return site
            left -= 1
    return EMPTY


@kernel
def release(n, seed, tick, agents, grid, near):
    """Those whose term is over come back to a random free site; with none free they wait."""
    for i in range(n):
        if agents[i].site == EMPTY and agents[i].state == JAILED and agents[i].ends <= tick:
            site = free_anywhere(grid, seed, tick, agents[i].uid)
            if site != EMPTY:
                agents[i].state = QUIET
                put(i, site, agents, grid, near)


@kernel
def age(n, tick, agents, grid, near):
    """Citizens past their age die; the slots of the dead are closed. Returns how many agents are left."""
    kept = 0
    for i in range(n):
        if agents[i].group != POLICE and agents[i].dies <= tick and agents[i].state != DEAD:
            if agents[i].site != EMPTY:
                take(i, agents, grid, near, DEAD)
            agents[i].state = DEAD
        if agents[i].state == DEAD:
            continue
        if kept != i:
            agents[kept] = agents[i]
            if agents[kept].site != EMPTY:
                grid[agents[kept].site].who = kept
        kept += 1
    return kept


@kernel
def advance(n, seed, tick, rules, agents, grid, near):
    """One tick; returns the number of agents."""
    release(n, seed, tick, agents, grid, near)
    order = np.arange(n)
    shuffle(order, seed, ORDER, tick)
    alive = n
    for i in order:
        if agents[i].site == EMPTY:
            continue
        activate(i, seed, tick, rules, agents, grid, near)
        if rules.groups == 2 and agents[i].group != POLICE:
            alive = breed(i, alive, seed, tick, rules, agents, grid, near)
    return age(alive, tick + 1, agents, grid, near) if rules.groups == 2 else alive


@kernel
def _record(seed, rules, agents, grid, near, out):
    """Run, and write members of each group (the jailed included) and actives at the end of each tick."""
    n = populate(seed, rules, agents, grid, near)
    for tick in range(out.shape[0]):
        n = advance(n, seed, tick, rules, agents, grid, near)
        for i in range(n):
            if agents[i].group != POLICE:
                out[tick, agents[i].group] += 1
                out[tick, 2] += agents[i].state == ACTIVE
        if rules.groups == 2 and (out[tick, 0] == 0 or out[tick, 1] == 0):
            return tick + 1
    return out.shape[0]


def record(seed: int, rules: Rules, ticks: int, vision: float) -> Array:
    """Members of group 0, of group 1, and actives at the end of each tick; ends when a group is gone."""
    out = np.zeros((ticks, 3), np.int64)
    last = _record(np.uint64(seed), rules, *nobody(vision, rules.mesa), out)
    return out[:last]


def rebellion(seed: int, rules: Rules, ticks: int, vision: float = 7.0) -> Array:
    """Model I: actives at the end of each tick, (ticks,) int64."""
    return record(seed, rules, ticks, vision)[:, 2]


def elimination(seed: int, rules: Rules, ticks: int, vision: float = 1.7) -> int:
    """Model II: the tick at whose end one group is gone, or -1 if both last for ``ticks``."""
    history = record(seed, rules, ticks, vision)
    return len(history) if (history[-1, :2] == 0).any() else -1


def outbursts(active: Array, above: int = 50) -> tuple[Array, Array]:
    """First ticks and total activations of the maximal runs of ticks with more than ``above`` active."""
    high = np.concatenate(([0], (active > above).astype(np.int64), [0]))
    first = np.flatnonzero(np.diff(high) == 1)
    last = np.flatnonzero(np.diff(high) == -1)
    total = np.concatenate(([0], np.cumsum(active)))
    return first, total[last] - total[first]


@kernel
def normal_thresholds(mean, sd, out):
    """Thresholds of a crowd without gaps: the midpoint quantiles of a normal distribution."""
    for i in range(out.size):
        out[i] = mean + sd * normal_quantile((i + 0.5) / out.size)


@kernel
def joined(thresholds, sharpness, most):
    """Share that has joined when nobody new does: each joins if the share of others reaches its threshold.

    Starts from nobody; ``most`` rounds at most, and -1 if the crowd still grows then.
    """
    share = 0.0
    for _ in range(most):
        count = 0.0
        for i in range(thresholds.size):
            count += choice(sharpness * (share - thresholds[i]))
        before = share
        share = count / thresholds.size
        if abs(share - before) < 1e-12:
            return share
    return -1.0
