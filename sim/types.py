"""Plain records of arrays that kernels and the world share. Shapes use n_s states, n_d districts, n_c cells
(a community in a district), n_g groups (a community in a state), n citizens. All floats are float64, all counts
int64, unless said otherwise."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

Array = Any
"""A NumPy array; the docstring of each record gives shape and dtype."""


def stable_uid(name: str) -> int:
    """64-bit identity made of a name, for keyed draws."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


class Geography(NamedTuple):
    """Who is where, and who is near or kin to whom. Static for a run.

    ``cell_*`` (n_c,), ``district_*`` (n_d,), ``group_*`` (n_g,), ``state_*`` (n_s,); ``*_people`` residents at
    the start (float64); ``*_uid`` uint64 stable identity for draws. ``district_cells`` (n_d + 1,) offsets: the
    cells of a district are contiguous. CSR tables: ``peer_*`` cells of the own community near by, weights add up
    to 1; ``near_*`` districts near by, weights add up to 1; ``kin_*`` groups of kin in other states, weights add
    up to at most 1; ``border_*`` contiguous states, weights by length of border add up to 1.
    ``mix`` (n_c,) share of other communities among the residents near by; ``salience`` (n_c,) mean severity of
    the dispute that stands between the cell and them.
    """

    cell_district: Array
    cell_group: Array
    cell_state: Array
    cell_uid: Array
    cell_people: Array
    district_state: Array
    district_cells: Array
    district_uid: Array
    district_people: Array
    group_state: Array
    group_uid: Array
    group_people: Array
    state_uid: Array
    state_people: Array
    peer_start: Array
    peer_cell: Array
    peer_weight: Array
    near_start: Array
    near_district: Array
    near_weight: Array
    kin_start: Array
    kin_group: Array
    kin_weight: Array
    border_start: Array
    border_state: Array
    border_weight: Array
    mix: Array
    salience: Array


class Citizens(NamedTuple):
    """Citizens sorted by cell: static traits (see `sim.population`), this month's stance, and counts of persons.

    ``stance`` (n,) float32 log-odds: what is the citizen's own in the choice to turn out, rebuilt every month.

    ``detained``, ``displaced``, ``in_arms``, ``dead`` (n,) are integer counts of the persons that a citizen
    stands for, in the smallest unsigned type that holds the heaviest citizen.
    """

    cell_start: Array
    cell_weight: Array
    cell_extra: Array
    blocks: Array
    hardship: Array
    risk_aversion: Array
    threshold: Array
    labour_rank: Array
    young: Array
    stance: Array
    detained: Array
    displaced: Array
    in_arms: Array
    dead: Array


class Fields(NamedTuple):
    """Slow fields, all in (0, 1) unless said otherwise, and their own levels (anchors, ``*_0``) and references.

    ``tension``, ``legitimacy``, ``unemployment`` (n_c,) [share of labour force]; ``legitimacy_usual`` (n_c,) the level
    of legitimacy that people are used to; ``memory`` (n_c,) log war deaths
    per 1,000; ``extremism``, ``crime`` (n_d,); ``exclusion`` (n_g,); ``influence`` ... ``credibility`` (n_s,);
    ``dispute`` (n_s, n_s) symmetric. ``slow`` (n_slow, n_s) holds the state institutions in the order of
    `SLOW_FIELDS`, ``slow_0`` their anchors, ``slow_ref`` the anchors at the start. ``incidents_ref`` (n_d,)
    expected incidents per 100,000 a month at baseline, as seen from the district.
    """

    tension: Array
    tension_0: Array
    legitimacy: Array
    legitimacy_0: Array
    legitimacy_usual: Array
    unemployment: Array
    unemployment_0: Array
    memory: Array
    memory_ref: Array
    exclusion: Array
    exclusion_0: Array
    extremism: Array
    extremism_0: Array
    crime: Array
    crime_0: Array
    influence: Array
    influence_0: Array
    slow: Array
    slow_0: Array
    slow_ref: Array
    cyber: Array
    cyber_0: Array
    energy: Array
    energy_0: Array
    dispute: Array
    dispute_0: Array
    incidents_ref: Array
    youth_ratio: Array


CAPACITY, CORRUPTION, REFORM_SECURITY, REFORM_POLITICAL, REFORM_ECONOMIC, CIVIC_SPACE, OVERSIGHT, CREDIBILITY = range(8)
SLOW_FIELDS = (
    "capacity",
    "corruption",
    "reform_security",
    "reform_political",
    "reform_economic",
    "civic_space",
    "oversight",
    "credibility",
)


class Mood(NamedTuple):
    """Noise that does not average out over people, and memory of the last rounds.

    ``district`` (n_d,) AR(1) mood; ``spark`` (n_d,) decaying local sparks; ``focal`` (n_s,) decaying state-wide
    focal events; ``climate`` (n_g,) AR(1); all in log-odds. ``active_share`` (n_c,) turn-out of the last round per
    resident; ``fatigue`` (n_d,); ``reprisal`` (n_d,) recent incidents still to be answered; ``fear`` (n_c,)
    recent deaths per 100,000; ``seat`` (n_g,) int64 cell in which an armed group of the group would gather first.
    """

    district: Array
    spark: Array
    focal: Array
    climate: Array
    active_share: Array
    fatigue: Array
    reprisal: Array
    fear: Array
    seat: Array


class Inputs(NamedTuple):
    """Effective values of this month, rebuilt from base values and active effects.

    ``officers`` (n_d,) effective officers per resident; ``riot`` (n_d,) share covered by riot-trained units;
    ``combat``, ``communal`` (n_d,) multipliers of armed and communal violence where missions stand; ``shield`` (n_s,)
    how fully robust troops stand in a state, which stops spill-over from there; ``mobilisation``, ``violence`` (n_c,) log-odds; ``conversion``, ``lethality``,
    ``recruitment``, ``exits``, ``returning`` (n_c,) multipliers; ``shock`` (4, n_c) log-odds by round; ``repression``,
    ``expulsion``, ``arms``, ``attack`` (n_g,) in [0, 1]; ``posture`` (n_s,) multiplier of armed events.
    Logit shifts of field targets: ``shift_tension`` ... (by the scope of the field), ``shift_slow``
    (n_slow, n_s), ``shift_dispute`` (n_s, n_s). ``enforcement`` (n_s,) in [0, 1]; ``outage`` (n_s,) share of
    critical services that are down.
    """

    officers: Array
    riot: Array
    combat: Array
    communal: Array
    shield: Array
    mobilisation: Array
    violence: Array
    conversion: Array
    lethality: Array
    recruitment: Array
    exits: Array
    returning: Array
    shock: Array
    repression: Array
    expulsion: Array
    arms: Array
    attack: Array
    posture: Array
    shift_tension: Array
    shift_legitimacy: Array
    shift_unemployment: Array
    shift_exclusion: Array
    shift_extremism: Array
    shift_crime: Array
    shift_influence: Array
    shift_cyber: Array
    shift_energy: Array
    shift_slow: Array
    shift_dispute: Array
    enforcement: Array
    outage: Array


(
    ACTIVE,
    VIOLENT,
    INCIDENTS,
    COMMUNAL_DEATHS,
    ARMED_EVENTS,
    ARMED_DEATHS,
    NEW_DETAINED,
    RELEASED,
    NEW_DISPLACED,
    RETURNED,
    RECRUITS,
    EXITS,
    FIGHTER_DEATHS,
) = range(13)
"""Rows of `Tallies.month`: what happened in the month, persons or events per cell."""


class Tallies(NamedTuple):
    """Integer counts by place. ``month`` (13, n_c) flows of the month; ``round_active`` (n_c,) turn-out of the
    round; stocks ``detained``, ``displaced``, ``fighters``, ``dead`` (n_c,); ``district_events`` (n_d,) rounds of
    the month with a crowd; ``state_peak`` (n_s,) float64 largest share of residents active in one round;
    ``group_deaths`` (n_g,) deaths in armed events of the group this month. ``block_*`` (n_blocks,) scratch,
    ``block_top`` (2, n_blocks) float64 highest motive of the month's citizens;
    ``round_log`` (3, n_rounds, n_d) turn-out, incidents and deaths by round if recorded, else empty."""

    month: Array
    round_active: Array
    round_violent: Array
    detained: Array
    displaced: Array
    fighters: Array
    dead: Array
    district_events: Array
    state_peak: Array
    group_deaths: Array
    block_active: Array
    block_violent: Array
    block_detained: Array
    block_top: Array
    round_log: Array


class CellRound(NamedTuple):
    """What the citizens of a cell share in one round, (n_c,) each; rebuilt every round.

    ``drive`` (log-odds), ``grief`` per unit of hardship, ``fear`` per unit of risk aversion, ``violent``
    probability that an active person is violent, ``arrest`` effective probability factor of arrest,
    ``rate_young`` and ``rate_other`` unemployed share of residents, ``untouched`` bool nobody taken out of the
    cell, ``todo`` bool to be counted in this pass, ``excited`` (n_d,) bool contagion within the round,
    ``group_share`` (n_g,) turn-out of groups, ``p_arrest`` (n_d,) perceived arrest
    probability, ``armed`` (n_d,) saturated presence of fighters.
    """

    drive: Array
    grief: Array
    fear: Array
    violent: Array
    arrest: Array
    rate_young: Array
    rate_other: Array
    untouched: Array
    todo: Array
    excited: Array
    group_share: Array
    p_arrest: Array
    armed: Array


class CrowdParameters(NamedTuple):
    """The few parameters that the passes over citizens need (a threaded kernel takes no long tuple)."""

    turnout_cap: float
    detain_peaceful: float
    detain_violent: float
    b_risk: float
    b_unemployment: float
    b_threshold: float


class Scratch(NamedTuple):
    """Buffers of one block of citizens, a row for each kernel thread: (threads, `sim.kernels.crowd.BUFFER`) each.

    ``words`` uint32 draws; ``chosen`` int32 numbers in the block of those who may come; ``probability`` float64, theirs.
    """

    words: Array
    chosen: Array
    probability: Array


class FieldTargets(NamedTuple):
    """Scratch of the monthly fields: summaries of people and places, targets, and references at the start.

    Names ending in ``_ref`` are set once, at the start; everything else is rewritten every month.
    """

    incidents: Array
    raw_incidents: Array
    deaths: Array
    fighters: Array
    district_tension: Array
    youth: Array
    group_deaths: Array
    felt_deaths: Array
    tension: Array
    crime: Array
    tension_change: Array
    cell_tension: Array
    cell_legitimacy: Array
    cell_unemployment: Array
    district_extremism: Array
    district_crime: Array
    state_influence: Array
    state_cyber: Array
    state_energy: Array
    slow: Array
    push: Array
    influence_ref: Array
    energy_ref: Array
    media_ref: Array
    dispute_ref: Array
    exclusion_ref: Array
    state_tension_ref: Array
    state_crime_ref: Array
    crime_ref: Array
    district_tension_ref: Array
    youth_ref: Array


class Rates(NamedTuple):
    """Per-round and per-month probabilities and decay factors, converted in one place (`sim.world.rates`)."""

    fatigue: float
    mood_keep: float
    mood_step: float
    climate_keep: float
    climate_step: float
    spark_keep: float
    focal_keep: float
    focal_round: float
    reprisal: float
    fear: float
    release: float
    returning: float
    exits: float
    tension: float
    legitimacy: float
    usual: float
    exclusion: float
    unemployment: float
    influence: float
    extremism: float
    crime: float
    exposure: float
    institution: float
    anchor: float
    dispute: float
    memory: float


class Solve(NamedTuple):
    """The stored baseline solve: what makes the reference year a stationary state.

    ``alpha`` intercept of turning out, ``nu`` intercept of violent conduct (log-odds); ``tension``, ``extremism``
    reference levels that their slopes are measured from.
    """

    alpha: float
    nu: float
    tension: float
    extremism: float
