"""A second list, written after the conflict script, the scenario language, trials, hindcast and calibration came.

It was committed before any of it was tried, so that the share caught at first try means something. ``first`` is the test
file of the part that the mistake is in.
"""

from __future__ import annotations

from tests.planted.bugs import ANALYSIS, BUGS, INSTITUTIONS, SURVIVORS, TWIN, Bug

INTERVENTIONS, CATALOGUE = "tests/test_interventions.py", "tests/test_catalogue.py"
LANGUAGE, HISTORIES = "tests/test_scenario_language.py", "tests/test_histories.py"
TRIALS, HINDCAST, CALIBRATION = "tests/test_trials.py", "tests/test_hindcast.py", "tests/test_calibration.py"
POINTS = "tests/test_parameter_points.py"

SECOND: tuple[Bug, ...] = (
    # Kernels
    Bug("usual-at-once", "What legitimacy people are used to follows as fast as legitimacy itself", "sim/kernels/fields.py",
        "move(fields.legitimacy_usual, fields.legitimacy, rates.usual)",
        "move(fields.legitimacy_usual, fields.legitimacy, rates.legitimacy)", TWIN, "every_lever"),
    Bug("gains-anger", "Legitimacy gained brings people out, not legitimacy lost", "sim/kernels/rounds.py",
        "max(fields.legitimacy_usual[c] - fields.legitimacy[c], 0.0)",
        "max(fields.legitimacy[c] - fields.legitimacy_usual[c], 0.0)", TWIN, "every_lever"),
    Bug("contact-stirs-programmes", "Mixing changes the effect of programmes, not of drivers alone", "sim/kernels/fields.py",
        "saturate(mix[c], p.mix_half) * (push - shift[c])", "saturate(mix[c], p.mix_half) * push", TWIN, "every_lever or everything"),
    Bug("anchor-follows-at-once", "The base of institutions follows the field at the field's own pace", "sim/kernels/fields.py",
        "move(fields.slow_0[f], fields.slow[f], rates.anchor)", "move(fields.slow_0[f], fields.slow[f], rates.institution)",
        TWIN, "every_lever"),
    Bug("recruits-everywhere", "An armed group reaches every cell of its community at once", "sim/kernels/armed.py",
        "return saturate(near, p.recruit_half)", "return 1.0", TWIN, "a_war"),
    Bug("calm-reprisals", "Reprisals do not depend on tension", "sim/kernels/violence.py",
        "p.branching * tension[c] * answered", "p.branching * answered", TWIN, "a_rumour or everything"),
    # World
    Bug("script-only-hardens", "A posture that the scenario fixes cannot be softer than the state's own", "sim/world/world.py",
        "return np.where(self.ordered >= 0, self.ordered, self.posture)", "return np.maximum(self.ordered, self.posture)",
        SURVIVORS, "softer_posture"),
    Bug("a-month-late", "What a scenario scripts happens a month late", "sim/model/shocks.py",
        "range(order.at, min(order.at + order.months, months))",
        "range(order.at + 1, min(order.at + 1 + order.months, months))", HISTORIES, "before_its_month or overlap or change_of_power"),
    Bug("power-in-full", "A change of power is always complete", "sim/model/shocks.py",
        "present + self.weight[month] * (goal - present)", "goal", HISTORIES, "change_of_power or overlap"),
    Bug("troops-counted-twice", "Troops given a robust mandate still count as weak ones", "sim/world/presence.py",
        "    out[WEAK_TROOPS] -= moved\n", "", INTERVENTIONS, "clearer_mandates"),
    Bug("shock-twice", "A shock on a field displaces it and pushes its target as well", "sim/world/effects.py",
        "[0.0 if at_once(pull) else level for pull in self.pulls]", "[level for pull in self.pulls]", SURVIVORS, "displaces_a_field"),
    Bug("fade-with-the-lag", "Effects fade with their lag, not with their half-life", "sim/world/effects.py",
        "keep(self.halflife) if self.halflife > 0.0", "keep(self.lag) if self.lag > 0.0", INTERVENTIONS, "clearance_is"),
    Bug("state-war-irregular", "What works against irregulars works where the state is at war", "sim/world/effects.py",
        '"irregular_war": at_war * (1.0 - state_war)', '"irregular_war": at_war * state_war', INTERVENTIONS, "air_campaign"),
    # Month
    Bug("war-after-the-ceasefire", "The scripted war goes on where a ceasefire holds", "sim/model/month.py",
        "if group.status in AT_PEACE:", "if group.status not in AT_PEACE:", HISTORIES, "ceasefire_ends"),
    Bug("ceiling-for-each", "The ceiling of a shared budget holds for each programme alone",
        "sim/model/programmes.py",
        "                shares[number] = share", "                shares[number] = affordable([self.deliveries[number].full_cost], ceiling)",
        LANGUAGE, "scaled_down"),
    Bug("cost-in-every-state", "The whole cost of a programme is booked in every state",
        "sim/model/programmes.py",
        "delivery.deliver(share) * delivery.states", "delivery.deliver(share)", INTERVENTIONS, "money_adds_up"),
    # Agents
    Bug("settled-at-once", "A ceasefire counts as ten quiet years from its first month", "sim/agents/armed_group.py",
        "months >= p.settled_after", "months >= 0", SURVIVORS, "settled_after"),
    Bug("never-forgives", "The external power's reaction does not fade", "sim/agents/external_power.py",
        "[self.kept * heat for heat in self.reaction]", "[heat for heat in self.reaction]", INSTITUTIONS, "steps_up or constant_picture"),
    Bug("veto-sign", "The Council vetoes where the external power has least to say", "sim/agents/un.py",
        "council_veto * picture.foreign_pull(states)", "council_veto * (1.0 - picture.foreign_pull(states))", INSTITUTIONS, "veto"),
    Bug("pull-of-the-aligned", "The external power pulls those who are aligned with the West", "sim/agents/base.py",
        "(1.0 - self.alignment[s]) * self.outcomes", "self.alignment[s] * self.outcomes", INSTITUTIONS, "veto or declines or two_pictures"),
    Bug("forum-makes-money", "What a forum gives programmes is not what it takes from others", "sim/agents/civil_society.py",
        "{one.uid: moved / there * one.shares[self.state] for one in serving}",
        "{one.uid: moved / here * one.shares[self.state] for one in serving}", INSTITUTIONS, "no_euro"),
    # Interventions
    Bug("saturated-twice", "A dose goes through the dose response twice", "sim/model/programmes.py",
        "dose_response(self.dose * self.weight * share, self.curve)",
        "dose_response(dose_response(self.dose * self.weight * share, self.curve), self.curve)",
        SURVIVORS, "saturates_once"),
    Bug("ceiling-on-money-only", "A ceiling holds back money but not the dose", "sim/model/programmes.py",
        "dose_response(self.dose * self.weight * share, self.curve)", "dose_response(self.dose * self.weight, self.curve)", LANGUAGE, "scaled_down"),
    Bug("ready-a-month-early", "Deployment is counted from the month before the approval", "sim/model/programmes.py",
        "self.ready = month + max(int(delay + 0.5), 0)", "self.ready = month - 1 + max(int(delay + 0.5), 0)", INSTITUTIONS, "approvals_come"),
    Bug("levels-swapped", "A condition switches on at the level of switching off, and off at that of on",
        "sim/agents/base.py",
        "value < self.off if self.active else value > self.on", "value < self.on if self.active else value > self.off",
        INSTITUTIONS, "a_switch or mission_stays or choices_last"),
    Bug("nulls-shrunk", "Null effects are shrunk like published ones", "sim/model/programmes.py",
        'kept = channel.size == 0.0 or LEVER_BY_NAME', "kept = LEVER_BY_NAME", INTERVENTIONS, "shrinking"),
    Bug("no-harm", "Both tails of a size are drawn towards its high end", "sim/interventions/schema.py",
        "end = low if z < 0 else high", "end = high", INTERVENTIONS, "drawn_sizes_follow"),
    Bug("tuned-everywhere", "A scale tuned on one row multiplies all channels", "sim/interventions/schema.py",
        'self.tuned_on is None or self.tuned_on in channel.evidence.split(", ")', "True", TRIALS, "rests_on_its_row"),
    # Scenario language and parameters
    Bug("delay-from-the-start", "The delay of a condition counts from the programme's start month", "sim/model/programmes.py",
        "self.due = month + self.when.delay_months if", "self.due = self.start + self.when.delay_months if", LANGUAGE, "condition_switches or switched_off"),
    Bug("yearly-as-monthly", "The yearly rate of a shock is taken for a monthly one", "sim/model/shocks.py",
        "1.0 - exp(-rate / 12.0)", "1.0 - exp(-rate)", LANGUAGE, "come_at_their_rate"),
    Bug("draws-by-label", "A drawn shock's draws depend on its label, not on its type", "sim/model/shocks.py",
        "falls(shock.type, shock.rate", "falls(shock.key, shock.rate", LANGUAGE, "whatever_else"),
    Bug("everybody-hit", "A shock drawn in one state hits all its targets", "sim/model/shocks.py",
        "yield replace(shock, targets=targets, at=month", "yield replace(shock, at=month", LANGUAGE, "drawn_shocks"),
    Bug("contact-is-threat", "Contact and threat are swapped", "sim/parameters/theories.py",
        '{"tension_contact": -0.5}', '{"tension_contact": 0.5}', SURVIVORS, "contact_calms"),
    # Experiment and analysis
    Bug("draws-win", "Drawn parameters override what a scenario sets", "sim/experiment/plan.py",
        "{**draw, **resolved.parameters}", "{**resolved.parameters, **draw}", SURVIVORS, "lies_over_a_draw"),
    Bug("pairs-for-points", "Pairs that share a parameter set are counted one by one", "sim/analysis/effects.py",
        "    means, _ = by_set(values, draws)\n    up, down", "    means = values\n    up, down", POINTS),
    Bug("error-for-parameters", "The reason is taken from the spread within parameter sets", "sim/analysis/effects.py",
        "~same & (between > max(", "~same & (within > max(", POINTS),
    Bug("averted-is-caused", "What is averted has the wrong sign", "sim/analysis/ranking.py",
        "extra, averted = differences[..., 0], -differences[..., 1:]", "extra, averted = differences[..., 0], differences[..., 1:]", ANALYSIS),
    # Validation
    Bug("small-crowds-seen", "Sources report small crowds rather than large ones", "checks/observed.py",
        "(HALF_SEEN / np.maximum(n, 1.0)) ** 2", "(n / HALF_SEEN) ** 2", HINDCAST, "detection_has"),
    Bug("pit-from-above", "The PIT leaves out the members that equal what happened", "checks/scores.py",
        "below = (ensemble < happened)", "below = (ensemble <= happened)", HINDCAST, "uniform_pit"),
    Bug("fit-on-the-scored", "Candidates are kept by their fit to what is scored too", "checks/hindcast/forecast.py",
        "chosen = kept(bank, condition, out)", "chosen = kept(bank, condition, {name: ~(one | True) for name, one in out.items()})",
        HINDCAST, "no_forecast"),
    Bug("regression-peeks", "The history of a month holds the month itself", "checks/hindcast/forecast.py",
        "        out[t] = (total + mean) / (weight + 1.0)\n        there = ~np.isnan(values[t])\n"
        "        total = keep * total + np.where(there, values[t], 0.0)\n        weight = keep * weight + there\n",
        "        there = ~np.isnan(values[t])\n        total = keep * total + np.where(there, values[t], 0.0)\n"
        "        weight = keep * weight + there\n        out[t] = (total + mean) / (weight + 1.0)\n", HINDCAST, "history_halves or regression_finds"),
    Bug("split-a-month-early", "The last month of the early part is scored", "checks/hindcast/forecast.py",
        'Fold("later part", split, months - 1)', 'Fold("later part", split - 1, months - 1)', HINDCAST, "folds_hold"),
    Bug("no-discrepancy", "Implausibility knows no error of observation and no discrepancy",
        "checks/calibration/procedure.py", "np.sqrt(variance + target.variances)", "np.sqrt(variance)", CALIBRATION,
        "implausibility_counts"),
    Bug("at-risk-a-month-less", "Who has an event in the first month is not at risk", "checks/trials/carry.py",
        "before = found[:, : first - 1]", "before = found[:, :first]", TRIALS, "hazard or not_at_risk"),
    Bug("displaced-upside-down", "Displacement is the fall at home over the rise next door", "checks/trials/carry.py",
        "fall, rise = -gap[:, 0], gap[:, 1]", "rise, fall = -gap[:, 0], gap[:, 1]", TRIALS, "displacement_is"),
)  # fmt: skip

ALL = (*BUGS, *SECOND)
