"""The hindcast as results: five tables for protests and for deaths, one for the displaced, an overview, and SF13."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from checks.hindcast.bank import CITIZENS, CONDITIONS, CandidateRuns, HindcastSettings, fill
from checks.hindcast.forecast import (
    CLIMATOLOGY,
    EPISODES,
    KEPT,
    LAST,
    LATER,
    MEAN,
    MODEL,
    STATES,
    Fold,
    Scored,
    held,
    kept,
    later_part,
    members,
    one_episode_out,
    one_state_out,
    score,
    state_years,
)
from checks.lab import Lab
from checks.observed import MONTHLY, month_text
from checks.records import EVIDENCE, OWN, Chart, Fact, Measurement, ResultRow, TargetRange, Value, judged, measured_only
from checks.scores import auroc, average_precision, coverage, misplaced, reliability, skill

NAMES = {"protests": "Protests", "deaths": "Deaths in organised violence", "displaced": "Displaced"}
SOURCES = {"protests": "Mass Mobilization", "deaths": "UCDP GED", "displaced": "UNHCR"}
KEYS = {"protests": "HP", "deaths": "HD", "displaced": "HR"}
DESIGNS = {LATER: "the later part", STATES: "one state out", EPISODES: "one episode out"}
SCORES = {"crps": "CRPS", "brier": "Brier", "log": "Log score"}
IN_EVIDENCE = {("crps", LAST), ("crps", MEAN), ("brier", CLIMATOLOGY)}
METHOD = (
    "Every forecaster learns from the same months and states and sees nothing after; missing months are missing. Skill is 1 less the "
    "ratio of mean scores; intervals from blocks of 12 months. Three or four episodes carry these numbers: no claim of significance. "
)
Table = Callable[[Lab, CandidateRuns, str], Measurement]
BETTER = "CRPS skill: above 0 the model wins"


def hindcast_facts(settings: Callable[[], HindcastSettings], key: str = "") -> tuple[Fact, ...]:
    """The results of one hindcast; ``key`` is that of the settings, "" for the defaults, which are read when first needed."""

    def table(number: int, title: str, outcome: str, make: Table) -> Fact:
        def measure(lab: Lab) -> Measurement:
            bank = _bank(lab, settings)
            if outcome in bank.grids:
                return make(lab, bank, outcome)
            row = ResultRow("Scores", "none", OWN, "not run", note=f"{outcome}: nothing observed in the window")
            return Measurement((row,), "nothing scored", METHOD)

        return Fact(f"{KEYS[outcome]}{number}", f"{NAMES[outcome]}: {title}", SOURCES[outcome], measure, key)

    made = [Fact("H0", "Skill in one figure", "all tables", partial(_overview, settings), key)]
    for outcome in MONTHLY:
        made.append(table(1, "how much, in the later part", outcome, _amounts))
        if outcome != "displaced":
            made += [
                table(2, "whether any, in the later part", outcome, _occurrence),
                table(3, "are chances and intervals right", outcome, _calibration),
                table(4, "each state left out", outcome, partial(_left_out, design=STATES)),
                table(5, "each episode left out", outcome, partial(_left_out, design=EPISODES)),
            ]
    return tuple(made)


# --- shared by the tables of one hindcast ---------------------------------------------------------


def _bank(lab: Lab, settings: Callable[[], HindcastSettings]) -> CandidateRuns:
    read: HindcastSettings = lab.once("hindcast settings", settings)
    made: CandidateRuns = lab.once(f"hindcast {read.key}", lambda: fill(lab, read))
    return made


def _folds(bank: CandidateRuns, design: str) -> list[Fold]:
    settings = bank.settings
    if design == LATER:
        return later_part(settings.split - settings.first, settings.months)
    if design == STATES:
        return one_state_out(bank.states, settings.months)
    return one_episode_out(settings.observed.tables["episodes.csv"], settings.first, settings.months)


def _scored(lab: Lab, bank: CandidateRuns, outcome: str, design: str) -> list[Scored]:
    """Both conditions."""
    name = f"hindcast {bank.settings.key} {outcome} {design}"
    made: list[Scored] = lab.once(name, lambda: [score(bank, outcome, c, _folds(bank, design)) for c in range(2)])
    return made


def _finding(bank: CandidateRuns, rows: Sequence[ResultRow], picture: Chart | None, extra: str = "") -> Measurement:
    said = []
    for condition in CONDITIONS:
        lost = [row.what for row in rows if row.verdict == "fail" and "skill" in row.what and condition in row.what]
        short = [what.removesuffix(f", {condition}").replace("skill against ", "") for what in lost]
        said += [f"{condition} by {', '.join(short)}"] if lost else []
    text = f"Baselines win {'; '.join(said)}." if said else ""
    return Measurement(tuple(rows), about(bank), METHOD + extra, picture, text)


# --- the tables -----------------------------------------------------------------------------------


def _skill_rows(made: Sequence[Scored], kind: str) -> list[ResultRow]:
    """Skill of the model by one score against every baseline, under both conditions.

    Where nothing happened, the scores of chances are shown and not judged.
    """
    rows = []
    for condition, scored in zip(CONDITIONS, made, strict=True):
        if kind != "crps" and not np.nansum(scored.event):
            means = {name: float(np.nanmean(table)) for name, table in getattr(scored, kind).items()}
            others = ", ".join(f"{b} {means[b]:.2g}" for b in scored.baselines)
            note = f"{others}; nothing happened in the scored months, so this says only who came nearer to never"
            what = f"{SCORES[kind].removesuffix(' score')} score, {condition}"
            rows.append(measured_only(what, Value(means[MODEL]), "", note))
            continue
        rows += [_skill_row(scored, kind, baseline, condition) for baseline in scored.baselines]
    return rows


def _skill_row(scored: Scored, kind: str, baseline: str, condition: str) -> ResultRow:
    table: dict[str, np.ndarray] = getattr(scored, kind)
    target = TargetRange(0.0, None, "", EVIDENCE if (kind, baseline) in IN_EVIDENCE else OWN, strict=True)
    what = f"{SCORES[kind]} skill against {baseline}, {condition}"
    value = skill(table[MODEL], table[baseline])
    if value.value != value.value:
        return _undefined(what, "the baseline makes no error here, so skill has no scale")
    means = [float(np.nanmean(table[name])) for name in (MODEL, baseline)]
    return judged(what, value, target, f"mean score {means[0]:.3g}, baseline {means[1]:.3g}")


def _undefined(what: str, why: str) -> ResultRow:
    return measured_only(what, Value(math.nan), "", f"undefined: {why}")


def _amounts(lab: Lab, bank: CandidateRuns, outcome: str) -> Measurement:
    made = _scored(lab, bank, outcome, LATER)
    rows = _skill_rows(made, "crps") if made[0].folds else []
    first, split = bank.settings.first, bank.settings.split
    extra = f"Learned from {month_text(first)} to {month_text(split - 1)}, scored from {month_text(split)}."
    return _finding(bank, rows, bands(bank, outcome, _folds(bank, LATER)[0]), extra)


def _occurrence(lab: Lab, bank: CandidateRuns, outcome: str) -> Measurement:
    made = _scored(lab, bank, outcome, LATER)
    rows = [*_skill_rows(made, "brier"), *_skill_rows(made, "log"), *_ranking_rows(made)]
    return _finding(bank, rows, reliable(made, MODEL), "An event is a month in which anything is recorded.")


def _ranking_rows(made: Sequence[Scored]) -> list[ResultRow]:
    """AUROC and AUPR of the model and, for comparison, of the best-placed baseline."""
    events, cases = int(np.nansum(made[0].event)), int(np.isfinite(made[0].event).sum())
    rows = [
        measured_only("Months with an event", Value(events / max(cases, 1)), "", f"{events} of {cases} state-months")
    ]
    for condition, scored in zip(CONDITIONS, made, strict=True):
        for name, measure in (("AUROC", auroc), ("AUPR", average_precision)):
            what = f"{name}, {condition}"
            if events in (0, cases):
                rows.append(_undefined(what, f"{events} events in {cases} state-months"))
                continue
            others = ", ".join(f"{b} {measure(scored.chance[b], scored.event):.2f}" for b in scored.baselines)
            rows.append(measured_only(what, Value(measure(scored.chance[MODEL], scored.event)), "", others))
    return rows


def _calibration(lab: Lab, bank: CandidateRuns, outcome: str) -> Measurement:
    """Judged given the triggers; without them the model cannot be expected to cover what they caused."""
    made = _scored(lab, bank, outcome, LATER)
    rows = []
    for condition, scored in zip(CONDITIONS, made, strict=True):
        for share, low, high in ((0.5, 0.4, 0.6), (0.9, 0.85, 0.95)):
            what = f"Coverage of {share:.0%} intervals, {condition}".replace("%", " %")
            rows.append(judged(what, Value(coverage(scored.pit, share)), TargetRange(low, high, "", OWN)))
        what = f"Share of the PIT histogram out of place, {condition}"
        rows.append(measured_only(what, Value(misplaced(scored.pit))))
    extra = "PIT and coverage are randomised where values tie, so that counts that are mostly zero can be judged; plain intervals would cover more."
    return _finding(bank, rows, histogram(made), extra)


def _left_out(lab: Lab, bank: CandidateRuns, outcome: str, design: str) -> Measurement:
    made = _scored(lab, bank, outcome, design)
    if not made[0].folds:
        note = f"no {design} to leave out with observed {outcome} in the window"
        row = ResultRow("Scores", "none", OWN, "not run", note=note)
        return Measurement((row,), about(bank), METHOD)
    rows = [*_skill_rows(made, "crps"), *_skill_rows(made, "brier"), *_ranking_rows(made)]
    left = ", ".join(fold.name for fold in made[0].folds)
    return _finding(bank, rows, skills(_by_fold(made), BETTER), f"Left out in turn: {left}.")


def _by_fold(made: Sequence[Scored]) -> list[SkillRow]:
    rows: list[SkillRow] = []
    for condition, scored in zip(CONDITIONS, made, strict=True):
        for baseline in scored.baselines:
            for fold, cells in zip(scored.folds, scored.cells, strict=True):
                ours, theirs = (np.where(cells, scored.crps[name], np.nan) for name in (MODEL, baseline))
                rows.append((f"against {baseline}", fold.name, condition, skill(ours, theirs)))
    return rows


def _overview(settings: Callable[[], HindcastSettings], lab: Lab) -> Measurement:
    """Count where the model wins; the figure shows every skill by CRPS."""
    bank = _bank(lab, settings)
    shown: list[SkillRow] = []
    rows: list[ResultRow] = []
    for outcome in bank.grids:
        for design in DESIGNS if outcome != "displaced" else [LATER]:
            made = _scored(lab, bank, outcome, design)
            if not made[0].folds:
                continue
            for condition, scored in zip(CONDITIONS, made, strict=True):
                values = {b: skill(scored.crps[MODEL], scored.crps[b]) for b in scored.baselines}
                panel = f"{NAMES[outcome].split()[0]}: {DESIGNS[design]}"
                shown += [(panel, b, condition, v) for b, v in values.items()]
                won = sum(v.value > 0 for v in values.values())
                lost = [b for b, v in values.items() if not v.value > 0]
                note = f"not better than {', '.join(lost)}" if lost else ""
                what = f"{NAMES[outcome]}, {DESIGNS[design]}: baselines beaten by CRPS, {condition}"
                rows.append(measured_only(what, Value(won), f"of {len(values)}", note))
    picture = skills(shown, BETTER)
    return Measurement(tuple(rows), about(bank), METHOD.rstrip(), picture)


# --- SF13 -----------------------------------------------------------------------------------------


def forecast_skill(settings: Callable[[], HindcastSettings], lab: Lab) -> Measurement:
    """SF13 from the hindcast with each state left out; judged without the triggers, which would be leakage.

    Incidence is 25 deaths in a calendar year, onset the same after a year with fewer.
    """
    bank = _bank(lab, settings)
    made = _scored(lab, bank, "deaths", STATES)
    protests = _scored(lab, bank, "protests", STATES)
    rows = []
    for condition, name in ((1, CONDITIONS[1]), (0, CONDITIONS[0])):
        years = state_years(bank, condition, made[condition].folds)
        for what, cases, target in (
            ("Incidence", years, TargetRange(0.85, 0.97)),
            ("Onset", [year for year in years if year.calm], TargetRange(0.65, 0.85)),
        ):
            events = np.array([case.event for case in cases])
            area = auroc(np.array([case.chance for case in cases]), events)
            note = f"{int(events.sum())} in {len(cases)} state-years"
            title = f"{what} AUROC, {name}"
            if condition == 0:
                rows.append(measured_only(title, Value(area), "", f"{note}; the dates are given, so not skill"))
            else:
                rows.append(judged(title, Value(area), target, note))
    rows.append(_skill_row(made[1], "brier", CLIMATOLOGY, f"deaths, {CONDITIONS[1]}"))
    for outcome, scored in (("deaths", made[1]), ("protests", protests[1])):
        rows += [_skill_row(scored, "crps", b, f"{outcome}, {CONDITIONS[1]}") for b in (LAST, MEAN)]
        what = f"Coverage of 90 % intervals, {outcome}, {CONDITIONS[1]}"
        rows.append(judged(what, Value(coverage(scored.pit, 0.9)), TargetRange(0.85, 0.95, "", OWN)))
    return _finding(bank, rows, histogram(protests), "Each state left out in turn; the picture is of protests.")


# --- words and pictures

QUANTILES = {"low90": 0.05, "low50": 0.25, "median": 0.5, "high50": 0.75, "high90": 0.95}
BINS = 10
LABELS = {
    "protests": "recorded protests in a quarter",
    "deaths": "recorded deaths in a quarter",
    "displaced": "displaced at the end of the year",
}
SkillRow = tuple[str, str, str, Value]
"""Panel, label, condition and skill."""


def bands(bank: CandidateRuns, outcome: str, fold: Fold) -> Chart:
    """Observed against simulated, given the triggers, by unit: sums of quarters, or Decembers of a stock.

    ``panel`` unit, ``series`` a quantile or "observed" or "split", ``x`` year, ``y`` value or None where missing.
    """
    grid = bank.grids[outcome]
    runs = members(bank, 0, outcome, kept(bank, 0, held(bank, fold)))
    if outcome == "displaced":
        december = np.flatnonzero((grid.first + np.arange(runs.shape[1])) % 12 == 11)
        years, simulated, happened = (grid.first + december + 1) / 12, runs[:, december], grid.values[december]
    else:
        quarters = runs.shape[1] // 3
        years = (grid.first + 3 * np.arange(quarters) + 1.5) / 12
        simulated = runs[:, : 3 * quarters].reshape(runs.shape[0], quarters, 3, -1).sum(axis=2)
        happened = grid.values[: 3 * quarters].reshape(quarters, 3, -1).sum(axis=1)
    rows: list[tuple[object, ...]] = []
    for u, unit in enumerate(grid.units):
        lines = {name: np.quantile(simulated[:, :, u], q, axis=0) for name, q in QUANTILES.items()}
        lines["observed"] = happened[:, u]
        rows += [
            (unit, name, float(f"{x:.7g}"), _short(y))
            for name, line in lines.items()
            for x, y in zip(years, line, strict=True)
        ]
    rows.append((grid.units[0], "split", float(f"{bank.settings.split / 12:.7g}"), 0.0))
    return Chart("year", LABELS[outcome], _columns("panel series x y", rows), "bands")


def skills(rows: Sequence[SkillRow], x_label: str) -> Chart:
    """Skill with intervals: ``panel``, ``label``, ``series`` the condition, ``x`` value, ``low``, ``high``."""
    cells = [(*row[:3], *(_short(v) for v in (row[3].value, row[3].low, row[3].high))) for row in rows]
    return Chart(x_label, "", _columns("panel label series x low high", cells), "skills")


def histogram(made: Sequence[Scored]) -> Chart:
    """PIT histograms of both conditions."""
    rows = []
    for condition, scored in zip(CONDITIONS, made, strict=True):
        known = scored.pit[np.isfinite(scored.pit)]
        shares = np.histogram(known, BINS, (0.0, 1.0))[0] / max(known.size, 1)
        rows += [(condition, (k + 0.5) / BINS, _short(share)) for k, share in enumerate(shares)]
    columns = _columns("series x y", rows)
    return Chart("place of what happened in the forecast (PIT)", "share of state-months", columns, "pit")


def reliable(made: Sequence[Scored], name: str) -> Chart:
    """Observed share of events against the chance given, of both conditions."""
    rows = [
        (condition, _short(p), _short(share), n)
        for condition, scored in zip(CONDITIONS, made, strict=True)
        for p, share, n in reliability(scored.chance[name], scored.event)
    ]
    columns = _columns("series x y n", rows)
    return Chart("chance given to a month with an event", "share of months with an event", columns, "reliability")


def _columns(names: str, rows: Sequence[tuple[object, ...]]) -> dict[str, list[object]]:
    return {name: [row[k] for row in rows] for k, name in enumerate(names.split())}


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def about(bank: CandidateRuns) -> str:
    """What was simulated and what is known in advance, in words."""
    n, replications = bank.values[0][next(iter(bank.grids))].shape[:2]
    keep = max(math.ceil(KEPT * n), 1)
    kinds = ", ".join(kind.replace("_", " ") for kind in bank.conditions)
    given = "Given: region tables and missions of the time; the scenario has no dated triggers"
    if kinds:
        given = (
            "Given the triggers: region tables and missions of the time, and the dates of events written into the scenario "
            f"({kinds}); without the triggers these dates are left out"
        )
    return (
        f"{bank.settings.scenario}, {bank.settings.window}, {n} candidate parameter sets with {replications} replications each, "
        f"with and without triggers, {CITIZENS:,} citizens; the {keep} sets that fit best what may be learned from are kept. {given}"
    )
