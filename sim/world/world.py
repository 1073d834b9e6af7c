"""The world of one run: people and places as arrays, and one month's advance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.kernels.crowd import BUFFER
from sim.kernels.fields import fill_targets, summaries, update_fields
from sim.kernels.rounds import advance_rounds, labour, start_moods
from sim.parameters import as_record
from sim.parameters import parameters as make_parameters
from sim.population import Population
from sim.types import (
    OVERSIGHT,
    SLOW_FIELDS,
    Array,
    CellRound,
    Citizens,
    Fields,
    FieldTargets,
    Geography,
    Inputs,
    Mood,
    Rates,
    Scratch,
    Solve,
    Tallies,
)
from sim.world.effects import LeverSums, Pull, displace
from sim.world.geography import build_geography
from sim.world.outcomes import OUTCOME_INDEX
from sim.world.presence import TROOPS, WEAK_TROOPS, officers_per_resident, set_presence, standing_missions
from sim.world.rates import keep, rates
from sim.world.recorder import Recorder, record_month, record_places
from sim.world.start import (
    NODES,
    WEIGHTS,
    build_fields,
    expected_incidents,
    expected_turnout,
    odds,
    solve_baseline,
    state_offsets,
    violent_probability,
)

if TYPE_CHECKING:
    from sim.region import Region

WAR = 3


@dataclass(frozen=True, eq=False)
class Setting:
    """All that runs of one region, population and parameter set share; never changed by a run."""

    region: Region
    population: Population
    parameters: Any
    record: Any
    rates: Rates
    geography: Geography
    fields: Fields
    solve: Solve
    labour_share: Array
    youth_share: Array
    state_offset: Array
    """(n_c,) log-odds of turn-out by which the cell's state differs from what its drivers say."""


def _calm_inputs(geography: Geography) -> Inputs:
    """Inputs of a month in which nothing acts."""
    n_c, n_d = geography.cell_uid.size, geography.district_uid.size
    n_g, n_s = geography.group_uid.size, geography.state_uid.size
    zero_c, zero_d, zero_g, zero_s = (partial(np.zeros, n) for n in (n_c, n_d, n_g, n_s))
    return Inputs(
        officers=zero_d(), riot=zero_d(), combat=np.ones(n_d), communal=np.ones(n_d), shield=zero_s(),
        mobilisation=zero_c(), violence=zero_c(), conversion=np.ones(n_c), lethality=np.ones(n_c),
        recruitment=np.ones(n_c), exits=np.ones(n_c), returning=np.ones(n_c), shock=np.zeros((4, n_c)),
        repression=zero_g(), expulsion=zero_g(), arms=zero_g(), attack=zero_g(), posture=zero_s(),
        shift_tension=zero_c(), shift_legitimacy=zero_c(), shift_unemployment=zero_c(), shift_exclusion=zero_g(),
        shift_extremism=zero_d(), shift_crime=zero_d(), shift_influence=zero_s(), shift_cyber=zero_s(),
        shift_energy=zero_s(), shift_slow=np.zeros((len(SLOW_FIELDS), n_s)), shift_dispute=np.zeros((n_s, n_s)), enforcement=zero_s(),
        outage=zero_s(),
    )  # fmt: skip


def _cell_round(geography: Geography) -> CellRound:
    n_c, n_d, n_g = geography.cell_uid.size, geography.district_uid.size, geography.group_uid.size
    return CellRound(
        drive=np.zeros(n_c), grief=np.zeros(n_c), fear=np.zeros(n_c), violent=np.zeros(n_c), arrest=np.zeros(n_c),
        rate_young=np.zeros(n_c), rate_other=np.zeros(n_c), untouched=np.ones(n_c, np.bool_), todo=np.ones(n_c, np.bool_),
        excited=np.zeros(n_d, np.bool_), group_share=np.zeros(n_g), p_arrest=np.zeros(n_d), armed=np.zeros(n_d),
    )  # fmt: skip


def prepare(region: Region, population: Population, overrides: dict[str, float] | None = None,
            reference: Region | None = None, solve: Solve | None = None) -> Setting:  # fmt: skip
    """Build what runs share: neighbourhoods, anchors, and the baseline solve.

    Parameters
    ----------
    region : Region
        At the start year of the scenario.
    reference : Region, optional
        The same folder at its reference year; the baseline is solved there and kept for other years.
    solve : Solve, optional
        A stored solve to reuse instead (worlds that must be compared cell by cell).
    """
    p = make_parameters(overrides)
    record = as_record(p)
    geography = build_geography(region, p)
    fields = build_fields(region, geography, p)
    labour_share = region.values["labour_force_share"]
    youth_share = region.values["youth_share"]
    if solve is None:
        home = reference or region
        home_geography = geography if home is region else build_geography(home, p)
        home_fields = fields if home is region else build_fields(home, home_geography, p)
        calm = _calm_world(home, home_geography, home_fields, record)
        solve = solve_baseline(home_geography, home_fields, calm[0].officers, calm[0].riot, calm[1], record)
    inputs, unemployed = _calm_world(region, geography, fields, record)
    turnout = expected_turnout(
        solve.alpha, solve.tension, geography, fields, inputs.officers, unemployed, record, NODES, WEIGHTS
    )
    violent = violent_probability(solve.nu, solve.tension, solve.extremism, geography, fields, inputs.riot, record)
    offset = state_offsets(geography.state_uid, p.state_spread, p.state_draw)
    if offset.any():
        turnout = turnout * odds(offset)[geography.cell_state]
    fields.incidents_ref[:] = expected_incidents(
        turnout, violent, geography, fields.tension, record, inputs.communal, p.burst
    )
    return Setting(
        region, population, p, record, rates(p), geography, fields, solve, labour_share, youth_share,
        offset[geography.cell_state],
    )  # fmt: skip


def _calm_world(region: Region, geography: Geography, fields: Fields, p: Any) -> tuple[Inputs, Array]:
    """Inputs of the first month without any programme, and the unemployed share of residents, (n_c,)."""
    inputs = _calm_inputs(geography)
    cells = _cell_round(geography)
    labour(geography, fields, cells, region.values["labour_force_share"], region.values["youth_share"])
    nothing = np.zeros(region.n_states)
    per_district = np.zeros(region.n_districts)
    set_presence(
        inputs, geography, fields.slow, fields.slow_ref, officers_per_resident(region), np.ones(region.n_districts),
        standing_missions(region, region.year, 1, p.mandate_limited), nothing, nothing, per_district, per_district, p,
    )  # fmt: skip
    young = region.values["youth_share"][geography.cell_state]
    return inputs, young * cells.rate_young + (1.0 - young) * cells.rate_other


def _citizens(population: Population) -> Citizens:
    """Fresh counts over the shared static traits."""
    heaviest = population.heaviest
    dtype = np.uint8 if heaviest < 256 else np.uint16 if heaviest < 65536 else np.uint32
    n = population.citizens
    return Citizens(
        population.cell_start, population.cell_weight, population.cell_extra, population.blocks, population.hardship,
        population.risk_aversion, population.threshold, population.labour_rank, population.young,
        np.zeros(n, np.float32),
        np.zeros(n, dtype), np.zeros(n, dtype), np.zeros(n, dtype), np.zeros(n, dtype),
    )  # fmt: skip


def _targets(geography: Geography) -> FieldTargets:
    n_c, n_d = geography.cell_uid.size, geography.district_uid.size
    n_g, n_s = geography.group_uid.size, geography.state_uid.size
    sizes = {
        "incidents": n_d, "raw_incidents": n_d, "deaths": n_d, "fighters": n_d, "district_tension": n_d, "youth": n_d,
        "group_deaths": n_g, "felt_deaths": n_g, "tension": n_s, "crime": n_s, "tension_change": n_c,
        "cell_tension": n_c, "cell_legitimacy": n_c, "cell_unemployment": n_c, "district_extremism": n_d,
        "district_crime": n_d, "state_influence": n_s, "state_cyber": n_s, "state_energy": n_s, "slow": (len(SLOW_FIELDS), n_s),
        "push": len(SLOW_FIELDS), "influence_ref": n_s, "energy_ref": n_s, "media_ref": n_c, "dispute_ref": n_s, "exclusion_ref": n_g,
        "state_tension_ref": n_s, "state_crime_ref": n_s, "crime_ref": n_d, "district_tension_ref": n_d, "youth_ref": n_d,
    }  # fmt: skip
    return FieldTargets(**{name: np.zeros(size) for name, size in sizes.items()})


def _tallies(geography: Geography, blocks: int, rounds: int) -> Tallies:
    n_c, n_d = geography.cell_uid.size, geography.district_uid.size
    zero_c, zero_b = (partial(np.zeros, n, np.int64) for n in (n_c, blocks))
    return Tallies(
        month=np.zeros((13, n_c), np.int64), round_active=zero_c(), round_violent=zero_c(), detained=zero_c(),
        displaced=zero_c(), fighters=zero_c(), dead=zero_c(), district_events=np.zeros(n_d, np.int64),
        state_peak=np.zeros(geography.state_uid.size), group_deaths=np.zeros(geography.group_uid.size, np.int64),
        block_active=zero_b(), block_violent=zero_b(), block_detained=zero_b(), block_top=np.zeros((2, blocks)),
        round_log=np.zeros((3, rounds, n_d), np.int64),
    )  # fmt: skip


class World:
    """Mutable arrays of one run.

    ``ordered`` (n_g,) holds postures that the scenario fixes, -1 where it leaves them to the state. ``hot_spots`` (n_d,), ``posture`` (n_g,), ``expulsion``, ``arms`` and ``attack`` (n_g,) belong to institutions:
    they are what states and armed groups decided last. Everything else moves only in `advance`.
    """

    def __init__(self, setting: Setting, months: int, seed: int, *, threads: int = 1, log_rounds: bool = False) -> None:
        self.setting = setting
        self.seed = np.uint64(seed)
        self.month = 0
        g = setting.geography
        n_c, n_d, n_g = g.cell_uid.size, g.district_uid.size, g.group_uid.size
        self.citizens = _citizens(setting.population)
        self.fields = Fields(*(array.copy() for array in setting.fields))
        self.inputs = _calm_inputs(g)
        self.cells = _cell_round(g)
        self.targets = _targets(g)
        quiet = setting.parameters.quiet_participation
        self.mood = Mood(
            district=np.zeros(n_d), spark=np.zeros(n_d), focal=np.zeros(g.state_uid.size), climate=np.zeros(n_g),
            active_share=np.full(n_c, quiet), fatigue=np.full(n_d, quiet), reprisal=np.zeros(n_d), fear=np.zeros(n_c),
            seat=np.zeros(n_g, np.int64),
        )  # fmt: skip
        start_moods(self.mood, g, self.seed, setting.record)
        blocks = self.citizens.blocks.shape[0]
        self.tallies = _tallies(g, blocks, 4 * months if log_rounds else 0)
        size = threads, BUFFER
        self.scratch = Scratch(np.zeros(size, np.uint32), np.zeros(size, np.int32), np.zeros(size))
        self._workers = None if threads == 1 else threads
        self.levers = LeverSums(g, setting.parameters.lever_cap)
        self.blows = LeverSums(g, setting.parameters.lever_cap)
        self.recorder = Recorder(months, g.state_uid.size, n_c)
        self.protracted = setting.region.displaced.astype(np.float64)
        self.hot_spots = np.ones(n_d)
        self.posture = np.zeros(n_g, np.int64)
        self.ordered = np.full(n_g, -1, np.int64)
        self.expulsion = np.zeros(n_g)
        self.arms = np.zeros(n_g)
        self.attack = np.zeros(n_g)
        self.standing = np.zeros((4, g.state_uid.size))
        self._police = officers_per_resident(setting.region)
        summaries(g, self.fields, self.tallies, self.targets)
        fill_targets(self.targets, g, self.fields)

    def strike(self, pulls: list[tuple[Pull, float]], factors: Array) -> None:
        """Add shocks to the logits of the fields, once; as for programmes, their sum on a lever is capped."""
        self.blows.rebuild(pulls, factors)
        displace(self.fields, self.blows.touched())

    def set_inputs(self) -> None:
        """Rebuild the month's effective values from base values, lever sums, presence and postures."""
        g = self.setting.geography
        t = self.levers.totals
        self.levers.compose(self.inputs)
        self.inputs.mobilisation[:] += self.setting.state_offset
        set_presence(
            self.inputs, g, self.fields.slow, self.fields.slow_ref, self._police, self.hot_spots, self.standing,
            t["troops"], t["mission_police"], t["police"], t["riot_control"], self.setting.record,
        )  # fmt: skip
        self._set_postures()
        self.inputs.arms[:] = self.arms
        self.inputs.attack[:] = self.attack
        self.inputs.expulsion[:] = self.expulsion

    def postures(self) -> Array:
        """Posture to every community, (n_g,): as the scenario fixes it, else as the state decided."""
        return np.where(self.ordered >= 0, self.ordered, self.posture)

    def _set_postures(self) -> None:
        """Repression of each community, and the strongest posture of each state."""
        p = self.setting.parameters
        events = (p.posture_restrain, 1.0, p.posture_repress, p.posture_war)
        repression = (0.0, p.repression_police, p.repression_repress, 1.0)
        self.inputs.posture[:] = p.posture_restrain
        self.inputs.repression[:] = 0.0
        levels = self.postures()
        for group in np.flatnonzero(levels).tolist():
            state = int(self.setting.geography.group_state[group])
            level = int(levels[group])
            oversight = float(self.fields.slow[OVERSIGHT, state])
            self.inputs.repression[group] = repression[level] * (1.0 - oversight)
            self.inputs.posture[state] = max(self.inputs.posture[state], events[level])

    def advance(self) -> None:
        """Advance one month: four rounds of people, then the fields; record; forget the month's shocks."""
        s = self.setting
        advance_rounds(
            s.geography, self.citizens, self.fields, self.inputs, self.mood, self.tallies, self.cells, self.scratch,
            self._workers, s.solve, self.seed, self.month, s.labour_share, s.youth_share, s.record, s.rates,
        )  # fmt: skip
        update_fields(s.geography, self.fields, self.inputs, self.tallies, self.targets, s.record, s.rates)
        self.protracted *= keep(12.0 * s.parameters.protracted_halflife)
        row = self.recorder.series[self.month]
        record_month(row, s.geography, self.fields, self.tallies, self.protracted)
        row[:, OUTCOME_INDEX["troops"]] = np.maximum(
            self.standing[TROOPS] + self.standing[WEAK_TROOPS] + self.levers.totals["troops"], 0.0
        )
        row[:, OUTCOME_INDEX["outage"]] = self.inputs.outage
        row[:, OUTCOME_INDEX["arming"]] = np.clip(self.levers.totals["arming"], 0.0, 1.0)
        record_places(
            self.recorder.places[self.month // Recorder.WINDOW], s.geography.cell_people, self.fields, self.tallies
        )
        self.inputs.shock[:] = 0.0
        self.month += 1
