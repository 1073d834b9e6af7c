"""The fused month: four rounds (quarter months) of everything that people do, in the documented order.

Round: moods and sparks; what citizens see; turning out (with three cascade sub-rounds where a district is
excited); incidents, reprisals and deaths; armed events; release, flight and return; recruitment.
All citizens act at once from last round's state.
"""

import numpy as np

from sim.kernels import draws
from sim.kernels.armed import armed_round
from sim.kernels.compiling import inner_kernel, kernel
from sim.kernels.crowd import (
    collect_active,
    collect_conduct,
    crowd_parameters,
    crowd_pass,
    crowd_pass_threaded,
    start_crowd_month,
    start_crowd_month_threaded,
)
from sim.kernels.elementary import exp, log, logistic, normal_quantile, saturate
from sim.kernels.mobilisation import arrest_probability
from sim.kernels.movement import flight_and_return, release
from sim.kernels.neighbourhood import group_shares, weighted_row
from sim.kernels.violence import communal_round
from sim.types import ACTIVE, VIOLENT

SUB_ROUNDS = 3
ROUNDS = 4


@kernel
def district_scale(people, p):
    """Small districts have louder moods: (noise_residents / residents)^0.25, from 0.5 to 1.5."""
    return min(max(np.sqrt(np.sqrt(p.noise_residents / people)), 0.5), 1.5)


@inner_kernel
def move_moods(mood, spark, uids, people, seed, tick, p, rates):
    """Advance the mood of every district, and let local sparks fade and come."""
    for d in range(mood.size):
        z = normal_quantile(draws.uniform(seed, draws.DISTRICT_NOISE, tick, uids[d], 0))
        mood[d] = rates.mood_keep * mood[d] + rates.mood_step * district_scale(people[d], p) * z
        spark[d] = spark[d] * rates.spark_keep
        u, v = draws.uniform_pair(seed, draws.SPARK, tick, uids[d], 0)
        sparks = draws.poisson(u, p.spark_rate * people[d] / 100000.0)
        if sparks > 0:
            # The largest of the round's sparks decides; its quantile is the sparks-th root of a uniform.
            size = -p.spark_size * log(1.0 - exp(log(v) / sparks))
            reach = min(1.0, p.spark_catchment / people[d])
            spark[d] = max(spark[d], log(1.0 + reach * (exp(min(size, 12.0)) - 1.0)))


@inner_kernel
def move_focal(focal, uids, seed, tick, p, rates):
    """Let state-wide focal events fade and come."""
    for s in range(focal.size):
        focal[s] = focal[s] * rates.focal_keep
        u, v = draws.uniform_pair(seed, draws.FOCAL, tick, uids[s], 0)
        if draws.poisson(u, rates.focal_round) > 0:
            focal[s] = max(focal[s], min(-p.focal_size * log(v), 8.0))


@inner_kernel
def move_climates(climate, uids, seed, tick, rates):
    """Advance the slow climate of every community in a state."""
    for g in range(climate.size):
        z = normal_quantile(draws.uniform(seed, draws.CLIMATE, tick, uids[g], 0))
        climate[g] = rates.climate_keep * climate[g] + rates.climate_step * z


@kernel
def seat_of(geography, g, u):
    """A cell of a group with probability by residents: where its fighters would first gather."""
    target = u * geography.group_people[g]
    below = 0.0
    chosen = -1
    for c in range(geography.cell_group.size):
        if geography.cell_group[c] == g and below <= target:
            chosen = c
            below += geography.cell_people[c]
    return chosen


@kernel
def start_moods(mood, geography, seed, p):
    """Draw the first moods and climates from their stationary spread, so that the first month is like any other.

    Draw also the seats of possible armed groups.
    """
    for d in range(mood.district.size):
        z = normal_quantile(draws.uniform(seed, draws.DISTRICT_NOISE, draws.BEFORE, geography.district_uid[d], 0))
        mood.district[d] = p.district_noise * district_scale(geography.district_people[d], p) * z
    for g in range(mood.climate.size):
        z = normal_quantile(draws.uniform(seed, draws.CLIMATE, draws.BEFORE, geography.group_uid[g], 0))
        mood.climate[g] = p.climate * z
        u = draws.uniform(seed, draws.SEAT, draws.BEFORE, geography.group_uid[g], 0)
        mood.seat[g] = seat_of(geography, g, u)


@inner_kernel
def weather(geography, mood, seed, tick, p, rates):
    """Advance district moods, local sparks, state-wide focal events and climates by one round."""
    move_moods(mood.district, mood.spark, geography.district_uid, geography.district_people, seed, tick, p, rates)
    move_focal(mood.focal, geography.state_uid, seed, tick, p, rates)
    move_climates(mood.climate, geography.group_uid, seed, tick, rates)


@kernel
def contagion(share, half, quiet, slope):
    """Log-odds from the turn-out of others, zero at the quiet level."""
    return slope * (saturate(share, half) - saturate(quiet, half))


@inner_kernel
def see_districts(geography, inputs, mood, tallies, cells, p):
    """Perceived arrest probability and fighters per resident of every district, from last round's crowds."""
    district_cells, people, fighters = geography.district_cells, geography.cell_people, tallies.fighters
    active_share, residents = mood.active_share, geography.district_people
    officers, p_arrest, armed = inputs.officers, cells.p_arrest, cells.armed
    form = int(p.arrest_form)
    for d in range(residents.size):
        crowd = 0.0
        in_arms = 0
        for c in range(district_cells[d], district_cells[d + 1]):
            crowd += active_share[c] * people[c]
            in_arms += fighters[c]
        ratio = officers[d] / (crowd / residents[d] + p.active_floor)
        p_arrest[d] = arrest_probability(ratio, p.arrest_k, p.arrest_ratio, p.arrest_width, form)
        armed[d] = saturate(in_arms / residents[d], 1e-3)


@inner_kernel
def see(geography, fields, inputs, mood, tallies, cells, solve, quarter, p):
    """What the citizens of every cell marked in ``cells.todo`` see and feel this round."""
    see_districts(geography, inputs, mood, tallies, cells, p)
    group_shares(geography, mood.active_share, cells.group_share)
    peer_start, peer_cell, peer_weight = geography.peer_start, geography.peer_cell, geography.peer_weight
    kin_start, kin_group, kin_weight = geography.kin_start, geography.kin_group, geography.kin_weight
    cell_district, cell_group, cell_state = geography.cell_district, geography.cell_group, geography.cell_state
    active_share, group_share, shocks = mood.active_share, cells.group_share, inputs.shock[quarter]
    tension, exclusion = fields.tension, fields.exclusion
    extremism, fatigue = fields.extremism, mood.fatigue
    own_mood, climate, spark, focal = mood.district, mood.climate, mood.spark, mood.focal
    mobilisation, violence, riot, repression = inputs.mobilisation, inputs.violence, inputs.riot, inputs.repression
    p_arrest, armed, todo = cells.p_arrest, cells.armed, cells.todo
    drives, fears, violent, arrest = cells.drive, cells.fear, cells.violent, cells.arrest
    for c in range(drives.size):
        if not todo[c]:
            continue
        d = cell_district[c]
        g = cell_group[c]
        near = weighted_row(peer_start, peer_cell, peer_weight, active_share, c)
        abroad = weighted_row(kin_start, kin_group, kin_weight, group_share, g)
        drive = solve.alpha + p.b_exclusion * exclusion[g]
        drive += p.b_tension * (tension[c] - solve.tension)
        drive += contagion(near, p.half_peer, p.quiet_participation, p.b_peer)
        drive += contagion(abroad, p.half_kin, p.quiet_participation, p.b_kin)
        drive -= contagion(fatigue[d], p.half_peer, p.quiet_participation, p.b_fatigue)
        drive += own_mood[d] + climate[g] + spark[d] + focal[cell_state[c]]
        drives[c] = drive + mobilisation[c] + shocks[c]
        fears[c] = p.b_risk * p_arrest[d]
        rough = solve.nu + p.b_violence_tension * (tension[c] - solve.tension)
        rough += p.b_violence_extremism * (extremism[d] - solve.extremism) + p.b_violence_armed * armed[d]
        rough += p.b_violence_repression * repression[g] - p.b_violence_riot * riot[d]
        violent[c] = logistic(rough + violence[c] + p.b_violence_shock * shocks[c])
        arrest[c] = p_arrest[d]


@inner_kernel
def update_shares(geography, tallies, mood, cells):
    """Turn-out per resident of the cells just counted."""
    todo, active_share, counted, people = cells.todo, mood.active_share, tallies.round_active, geography.cell_people
    for c in range(todo.size):
        if todo[c]:
            active_share[c] = counted[c] / people[c]


@inner_kernel
def mark_excited(geography, mood, inputs, cells, quarter, p):
    """Districts where contagion runs within the round: a rumour arrived, or a crowd is out already."""
    district_cells, people, residents = geography.district_cells, geography.cell_people, geography.district_people
    active_share, shock, excited = mood.active_share, inputs.shock[quarter], cells.excited
    for d in range(excited.size):
        crowd = 0.0
        rumour = False
        for c in range(district_cells[d], district_cells[d + 1]):
            crowd += active_share[c] * people[c]
            rumour = rumour or shock[c] != 0.0
        excited[d] = rumour or crowd > p.cascade_share * residents[d]


@inner_kernel
def mark_all(geography, tallies, cells):
    """Put every cell on the list to be counted; note which have lost nobody. Returns whether any is excited."""
    cell_district, excited, todo, untouched = geography.cell_district, cells.excited, cells.todo, cells.untouched
    detained, displaced, fighters, dead = tallies.detained, tallies.displaced, tallies.fighters, tallies.dead
    any_excited = False
    for c in range(todo.size):
        todo[c] = True
        untouched[c] = detained[c] + displaced[c] + fighters[c] + dead[c] == 0
        any_excited = any_excited or excited[cell_district[c]]
    return any_excited


@inner_kernel
def count_crowd(commit, geography, citizens, tallies, cells, seed, tick, p, scratch, workers):
    """Run the crowd pass on one thread (``workers`` None) or several; same bytes either way.

    The unused branch is pruned when compiled, so that one thread never waits for the threaded form to compile.
    """
    few = crowd_parameters(p)
    if workers is None:
        crowd_pass(commit, geography, citizens, tallies, cells, seed, tick, few, scratch)
    else:
        crowd_pass_threaded(commit, geography, citizens, tallies, cells, seed, tick, few, scratch)
    collect_active(citizens, tallies, cells)


@inner_kernel
def turn_out(
    geography, citizens, fields, inputs, mood, tallies, cells, scratch, workers, solve, seed, tick, quarter, p
):
    """All citizens choose; in excited districts the choice is taken again three times, with the same draws."""
    mark_excited(geography, mood, inputs, cells, quarter, p)
    any_excited = mark_all(geography, tallies, cells)
    see(geography, fields, inputs, mood, tallies, cells, solve, quarter, p)
    if not any_excited:
        count_crowd(True, geography, citizens, tallies, cells, seed, tick, p, scratch, workers)
    else:
        for c in range(cells.todo.size):
            cells.todo[c] = not cells.excited[geography.cell_district[c]]
        count_crowd(True, geography, citizens, tallies, cells, seed, tick, p, scratch, workers)
        for c in range(cells.todo.size):
            cells.todo[c] = not cells.todo[c]
        for _ in range(SUB_ROUNDS):
            count_crowd(False, geography, citizens, tallies, cells, seed, tick, p, scratch, workers)
            update_shares(geography, tallies, mood, cells)
            see(geography, fields, inputs, mood, tallies, cells, solve, quarter, p)
        count_crowd(True, geography, citizens, tallies, cells, seed, tick, p, scratch, workers)
        for c in range(cells.todo.size):
            cells.todo[c] = True
    collect_conduct(citizens, tallies)
    update_shares(geography, tallies, mood, cells)


@inner_kernel
def tally_crowd(geography, mood, tallies, rates, p, log_row):
    """Count crowds, fatigue and peaks after everybody has chosen."""
    district_cells, residents, owner = geography.district_cells, geography.district_people, geography.district_state
    counted, rough, month, events = tallies.round_active, tallies.round_violent, tallies.month, tallies.district_events
    fatigue, round_log, peak = mood.fatigue, tallies.round_log, tallies.state_peak
    shares = np.zeros(peak.size)
    for d in range(fatigue.size):
        crowd = 0
        for c in range(district_cells[d], district_cells[d + 1]):
            crowd += counted[c]
            month[ACTIVE, c] += counted[c]
            month[VIOLENT, c] += rough[c]
        if crowd >= p.crowd:
            events[d] += 1
        fatigue[d] += rates.fatigue * (crowd / residents[d] - fatigue[d])
        shares[owner[d]] += crowd
        if round_log.shape[1] > log_row:
            round_log[0, log_row, d] = crowd
    for s in range(peak.size):
        peak[s] = max(peak[s], shares[s] / geography.state_people[s])


@kernel
def labour(geography, fields, cells, labour_share, youth_share):
    """Unemployed share of residents, young and other, of each cell from its unemployment rate.

    The rate of the young is ``youth_ratio`` times the cell's rate (at most 0.95); the others make up the rest,
    so that the rate of all is met.
    """
    for c in range(cells.rate_young.size):
        s = geography.cell_state[c]
        rate = fields.unemployment[c]
        young = min(fields.youth_ratio[s] * rate, 0.95)
        # The young are less often in the labour force: half the rate of participation of the others.
        part_young = labour_share[s] / (2.0 - youth_share[s])
        part_other = 2.0 * part_young
        cells.rate_young[c] = young * part_young
        unemployed = rate * labour_share[s] - youth_share[s] * cells.rate_young[c]
        cells.rate_other[c] = min(max(unemployed / (1.0 - youth_share[s]), 0.0), part_other)


@inner_kernel
def start_month(tallies):
    """Forget last month's flows."""
    tallies.month[:, :] = 0
    tallies.district_events[:] = 0
    tallies.group_deaths[:] = 0
    tallies.state_peak[:] = 0.0


@kernel
def advance_rounds(
    geography, citizens, fields, inputs, mood, tallies, cells, scratch, workers, solve, seed, month, labour_share,
    youth_share, p, rates,
):  # fmt: skip
    """Advance the world by the four rounds of ``month``; arrays are updated in place."""
    start_month(tallies)
    labour(geography, fields, cells, labour_share, youth_share)
    for c in range(cells.grief.size):
        lost = max(fields.legitimacy_usual[c] - fields.legitimacy[c], 0.0)
        cells.grief[c] = p.b_grievance * (1.0 - fields.legitimacy[c]) + p.b_loss * lost
    if workers is None:
        start_crowd_month(citizens, tallies, cells, crowd_parameters(p), 1)
    else:
        start_crowd_month_threaded(citizens, tallies, cells, crowd_parameters(p), workers)
    for quarter in range(ROUNDS):
        tick = month * ROUNDS + quarter
        weather(geography, mood, seed, tick, p, rates)
        turn_out(
            geography, citizens, fields, inputs, mood, tallies, cells, scratch, workers, solve, seed, tick, quarter, p
        )
        tally_crowd(geography, mood, tallies, rates, p, tick)
        communal_round(geography, citizens, fields, inputs, mood, tallies, seed, tick, p, rates)
        armed_round(geography, citizens, fields, inputs, mood, tallies, cells, seed, tick, p, rates, solve)
        release(geography, citizens, tallies, seed, tick, rates)
        flight_and_return(geography, citizens, inputs, mood, tallies, seed, tick, p, rates)
