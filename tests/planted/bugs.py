"""The mistakes: file, old text, new text, what is wrong. The old text stands exactly once in the file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """One mistake; ``first`` is the test file most likely to see it, run before the others.

    ``only`` names the likeliest tests of that file, as ``pytest -k`` wants them; they are run before anything else.
    """

    name: str
    what: str
    file: str
    old: str
    new: str
    first: str
    only: str = ""
    ci: bool = False

    @property
    def compiled(self) -> bool:
        """Whether it is in compiled code, which is then run uncompiled."""
        return self.file.startswith("sim/kernels/")


TWIN, INSTITUTIONS = "tests/test_twin.py", "tests/test_institutions.py"
ANALYSIS, EXPERIMENT, VALIDATION = "tests/test_analysis.py", "tests/test_experiment.py", "tests/test_validation.py"
TRUTHS, SURVIVORS = "tests/test_unit_truths.py", "tests/test_survivors.py"

BUGS: tuple[Bug, ...] = (
    # Kernels
    Bug("fatigue-draws-out", "Fatigue brings people out instead of keeping them home", "sim/kernels/rounds.py",
        "drive -= contagion(fatigue[d]", "drive += contagion(fatigue[d]", TWIN),
    Bug("no-kin-abroad", "Contagion from kin reads the own group's turn-out again", "sim/kernels/rounds.py",
        "abroad = weighted_row(kin_start, kin_group, kin_weight, group_share, g)", "abroad = group_share[g]", TWIN),
    Bug("fatigue-in-persons", "Fatigue takes persons for shares of residents", "sim/kernels/rounds.py",
        "(crowd / residents[d] - fatigue[d])", "(crowd - fatigue[d])", TWIN),
    Bug("one-sub-round-too-few", "Contagion within a round stops one pass early", "sim/kernels/rounds.py",
        "SUB_ROUNDS = 3", "SUB_ROUNDS = 2", TWIN),
    Bug("deterrence-upside-down", "Deterrence collapses where officers outnumber the crowd", "sim/kernels/mobilisation.py",
        "logistic(log(ratio / critical_ratio) / width)", "logistic(-log(ratio / critical_ratio) / width)", TRUTHS),
    Bug("grievance-of-the-content", "Grievance grows with legitimacy", "sim/kernels/mobilisation.py",
        "return hardship * (1.0 - legitimacy)", "return hardship * legitimacy", TRUTHS),
    Bug("victims-at-home", "Incidents between communities hit the own one too", "sim/kernels/violence.py",
        "pick_victim(geography, d, c, draws.unit32(w2))", "pick_victim(geography, d, -1, draws.unit32(w2))", TWIN),
    Bug("revenge-without-end", "Answered incidents stay to be answered", "sim/kernels/violence.py",
        "reprisal[d] += incidents_here - answered", "reprisal[d] += incidents_here", TWIN),
    Bug("contact-twice", "Contact counts twice in the incidents of a crowd", "sim/kernels/violence.py",
        "mean = p.incident_rate * rough[c] * contact\n", "mean = p.incident_rate * rough[c] * contact * contact\n", TWIN),
    Bug("nobody-freed", "Arrest without release: who is freed stays detained", "sim/kernels/movement.py",
        "citizens.detained[i] -= citizens.detained.dtype.type(freed)", "citizens.detained[i] -= citizens.detained.dtype.type(0)",
        TWIN),
    Bug("the-displaced-stay-free", "Who is displaced can still turn out", "sim/kernels/mobilisation.py",
        "taken = np.int64(citizens.detained[i]) + np.int64(citizens.displaced[i])", "taken = np.int64(citizens.detained[i])", TWIN),
    Bug("missions-do-not-calm", "Troops leave armed events as they are", "sim/kernels/armed.py",
        "* posture * inputs.combat[geography.cell_district[c]]", "* posture", TWIN),
    Bug("own-kin-only", "Recruits are kept out by repression", "sim/kernels/armed.py",
        "pull += p.b_recruit_repression", "pull -= p.b_recruit_repression", TWIN),
    Bug("spill-to-self", "Incidents near by are those of the district alone", "sim/kernels/fields.py",
        "geography.near_start, geography.near_district, geography.near_weight, out.raw_incidents, d\n        )",
        "geography.near_start, geography.near_district, geography.near_weight, out.raw_incidents, 0\n        )", TWIN),
    Bug("shield-at-home", "Troops shield the receiving state, not the one where kin die", "sim/kernels/fields.py",
        "(1.0 - p.kin_shield * inputs.shield[geography.group_state[g]])", "(1.0 - p.kin_shield * inputs.shield[0])", TWIN),
    Bug("effect-on-the-base", "A programme moves a field's own level, so its effect stays for good", "sim/kernels/fields.py",
        "    move(fields.tension, out.cell_tension, rates.tension)",
        "    move(fields.tension, out.cell_tension, rates.tension)\n    move(fields.tension_0, out.cell_tension, rates.tension)", TWIN),
    Bug("crime-likes-police", "Enforcement breeds crime", "sim/kernels/fields.py",
        "push -= p.crime_enforcement *", "push += p.crime_enforcement *", TWIN),
    # World
    Bug("monthly-as-weekly", "Detention's half-life in months is taken for rounds", "sim/world/rates.py",
        "release=decay(p.detention_halflife * rounds)", "release=decay(p.detention_halflife)", TWIN),
    Bug("memory-too-short", "War memory's half-life in years is taken for months", "sim/world/rates.py",
        "memory=decay(12.0 * p.memory_halflife)", "memory=decay(p.memory_halflife)", TWIN),
    Bug("oversight-represses", "Oversight strengthens repression", "sim/world/world.py",
        "repression[level] * (1.0 - oversight)", "repression[level] * oversight", SURVIVORS, "oversight_restrains"),
    Bug("weak-force-robust", "A limited mandate acts on combat like a robust one", "sim/world/presence.py",
        '"limited": limited', '"limited": 1.0', VALIDATION),
    Bug("weight-twice", "The share of a place reached by a programme counts twice", "sim/world/effects.py",
        "places.astype(np.int64), size * shares,", "places.astype(np.int64), size * shares * shares,", SURVIVORS, "reach_by_residents_once"),
    Bug("absorbed-by-corruption", "Corruption helps a programme to be absorbed", "sim/world/effects.py",
        '"integrity": 1.0 - slow[CORRUPTION]', '"integrity": slow[CORRUPTION]', SURVIVORS, "absorbed_by_integrity"),
    # Agents
    Bug("capacity-breeds-rebels", "Capable states have more armed groups", "sim/agents/armed_group.py",
        "push -= p.b_group_capacity *", "push += p.b_group_capacity *", SURVIVORS),
    Bug("peace-is-dangerous", "Robust missions raise relapse", "sim/agents/armed_group.py",
        "- p.relapse_presence *", "+ p.relapse_presence *", SURVIVORS),
    Bug("kin-shield-reversed", "Kin at war count only where peacekeepers stand", "sim/agents/armed_group.py",
        "self.model.mission_dose[other] < self.p.kin_mission", "self.model.mission_dose[other] >= self.p.kin_mission", SURVIVORS),
    Bug("allies-too-early", "Allies approve a month early", "sim/agents/nato.py",
        "p.approval_delay, one.states()) + 0.5)", "p.approval_delay, one.states()) - 0.5)", INSTITUTIONS),
    # Interventions
    Bug("a-month-too-long", "A programme runs one month longer than it was given", "sim/model/programmes.py",
        "month >= self.since + self.months:", "month > self.since + self.months:", SURVIVORS, "runs_its_months"),
    Bug("a-year-each-month", "A year's cost is spent every month", "sim/model/programmes.py",
        "self.weight * self.meur_per_year / 12.0 if", "self.weight * self.meur_per_year if", SURVIVORS, "runs_its_months"),
    # Experiment and analysis
    Bug("own-draws", "Design points of an experiment do not share their random draws", "sim/experiment/plan.py",
        "yield RunSpec(_digest(text, 10).hex(), scenario.key, number, replication, seed)",
        "yield RunSpec(_digest(text, 10).hex(), scenario.key, number, replication, seed + number)", SURVIVORS,
        "share_random_draws", ci=True),
    Bug("every-state-alike", "The region is the plain mean of states, not weighted by residents", "sim/experiment/tables.py",
        'means = np.einsum("...s,...so->...o", share, values)', "means = values.mean(axis=-2)", ANALYSIS, ci=True),
    Bug("stocks-added-up", "Stocks are averaged over a window, not read at its end", "sim/experiment/tables.py",
        "np.where(IS_STOCK, values[-1], values.mean(axis=0))", "values.mean(axis=0)", ANALYSIS),
    Bug("effects-reversed", "Effects are baseline minus scenario", "sim/analysis/effects.py",
        "differences = pairs.treated - pairs.reference\n", "differences = pairs.reference - pairs.treated\n", ANALYSIS, ci=True),
    Bug("unpaired", "The spread of pairs is taken for the error of the mean", "sim/analysis/statistics.py",
        "error = differences.std(axis=0, ddof=1) / np.sqrt(n)", "error = differences.std(axis=0, ddof=1)", ANALYSIS, ci=True),
    Bug("worse-is-better", "More deaths count as superior", "sim/analysis/statistics.py",
        'sign = np.where(better == "higher", 1.0, -1.0)', 'sign = np.where(better == "lower", 1.0, -1.0)', ANALYSIS),
    # Validation
    Bug("exposure-swapped", "Hazard ratios divide by the wrong group's time at risk", "checks/intervals.py",
        "scale = time_b / time_a", "scale = time_a / time_b", VALIDATION, ci=True),
    Bug("an-event-excites-itself", "Expected counts look at the present bin", "checks/patterns.py",
        "signal.lfilter([0.0, 1.0 - decay]", "signal.lfilter([1.0 - decay]", VALIDATION),
)  # fmt: skip
