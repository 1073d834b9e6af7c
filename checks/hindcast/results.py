"""The hindcast as results: five tables for protests and for deaths, one for the displaced, and an overview."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from checks.facts import Fact
from checks.hindcast import pictures
from checks.hindcast.bank import CONDITIONS, Bank, about, fill
from checks.hindcast.baselines import CLIMATOLOGY, LAST, MEAN
from checks.hindcast.designs import EPISODES, LATER, STATES, Fold, later_part, one_episode_out, one_state_out
from checks.hindcast.scoring import MODEL, Scored, score
from checks.hindcast.settings import Settings
from checks.lab import Lab
from checks.observed import MONTHLY, month_text
from checks.records import EVIDENCE, OWN, Finding, Picture, Row, Value, Window, judged, measured_only
from checks.scores import auroc, average_precision, coverage, misplaced, skill

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
BETTER = "CRPS skill: above 0 the model wins"
NOTHING_TRIED = "Nothing was changed after these scores were seen."


def hindcast_facts(settings: Callable[[], Settings], key: str = "") -> tuple[Fact, ...]:
    """The results of one hindcast; ``key`` is that of the settings, "" for the defaults, which are read when first needed."""
    made = [("H0", "Skill in one figure", "", partial(_overview, settings))]
    for outcome in MONTHLY:
        first, name = KEYS[outcome], NAMES[outcome]
        made.append(
            (f"{first}1", f"{name}: how much, in the later part", outcome, partial(_amounts, settings, outcome))
        )
        if outcome == "displaced":
            continue
        made += [
            (f"{first}2", f"{name}: whether any, in the later part", outcome, partial(_occurrence, settings, outcome)),
            (
                f"{first}3",
                f"{name}: are chances and intervals right",
                outcome,
                partial(_calibration, settings, outcome),
            ),
            (f"{first}4", f"{name}: each state left out", outcome, partial(_left_out, settings, outcome, STATES)),
            (f"{first}5", f"{name}: each episode left out", outcome, partial(_left_out, settings, outcome, EPISODES)),
        ]
    return tuple(
        Fact(k, title, SOURCES.get(outcome, "all tables"), measure, key) for k, title, outcome, measure in made
    )


# --- shared by the tables of one hindcast ---------------------------------------------------------


def _bank(lab: Lab, settings: Callable[[], Settings]) -> Bank:
    read: Settings = lab.once("hindcast settings", settings)
    made: Bank = lab.once(f"hindcast {read.key}", lambda: fill(lab, read))
    return made


def _folds(bank: Bank, design: str) -> list[Fold]:
    settings = bank.settings
    if design == LATER:
        return later_part(settings.split - settings.first, settings.months)
    if design == STATES:
        return one_state_out(bank.states, settings.months)
    return one_episode_out(settings.observed.tables["episodes.csv"], settings.first, settings.months)


def _scored(lab: Lab, bank: Bank, outcome: str, design: str) -> list[Scored]:
    """Both conditions."""
    name = f"hindcast {bank.settings.key} {outcome} {design}"
    made: list[Scored] = lab.once(name, lambda: [score(bank, outcome, c, _folds(bank, design)) for c in range(2)])
    return made


def _missing(outcome: str) -> Finding:
    row = Row("Scores", "none", OWN, "not run", note=f"{outcome}: nothing observed in the window")
    return Finding((row,), "nothing scored", METHOD)


def _finding(bank: Bank, rows: Sequence[Row], picture: Picture | None, extra: str = "") -> Finding:
    said = []
    for condition in CONDITIONS:
        lost = [row.what for row in rows if row.verdict == "fail" and "skill" in row.what and condition in row.what]
        short = [what.removesuffix(f", {condition}").replace("skill against ", "") for what in lost]
        said += [f"{condition} by {', '.join(short)}"] if lost else []
    text = f"Baselines win {'; '.join(said)}." if said else ""
    return Finding(tuple(rows), about(bank), METHOD + extra, picture, text, NOTHING_TRIED if text else "")


# --- the tables -----------------------------------------------------------------------------------


def _skill_rows(made: Sequence[Scored], kind: str) -> list[Row]:
    """Skill of the model by one score against every baseline, under both conditions.

    Where nothing happened, the scores of chances are shown and not judged.
    """
    rows = []
    for condition, scored in zip(CONDITIONS, made, strict=True):
        if kind != "crps" and not np.nansum(scored.event):
            means = {name: float(np.nanmean(table)) for name, table in getattr(scored, kind).items()}
            others = ", ".join(f"{b} {means[b]:.2g}" for b in scored.baselines)
            note = f"{others}; nothing happened in the scored months, so this says only who came nearer to never"
            rows.append(
                measured_only(
                    f"{SCORES[kind].removesuffix(' score')} score, {condition}", Value(means[MODEL]), "", note
                )
            )
            continue
        rows += [_skill_row(scored, kind, baseline, condition) for baseline in scored.baselines]
    return rows


def _skill_row(scored: Scored, kind: str, baseline: str, condition: str) -> Row:
    table: dict[str, np.ndarray] = getattr(scored, kind)
    window = Window(0.0, None, "", EVIDENCE if (kind, baseline) in IN_EVIDENCE else OWN, strict=True)
    what = f"{SCORES[kind]} skill against {baseline}, {condition}"
    value = skill(table[MODEL], table[baseline])
    if value.value != value.value:
        return _undefined(what, "the baseline makes no error here, so skill has no scale")
    means = [float(np.nanmean(table[name])) for name in (MODEL, baseline)]
    return judged(what, value, window, f"mean score {means[0]:.3g}, baseline {means[1]:.3g}")


def _undefined(what: str, why: str) -> Row:
    return measured_only(what, Value(float("nan")), "", f"undefined: {why}")


def _amounts(settings: Callable[[], Settings], outcome: str, lab: Lab) -> Finding:
    bank = _bank(lab, settings)
    if outcome not in bank.grids:
        return _missing(outcome)
    made = _scored(lab, bank, outcome, LATER)
    rows = _skill_rows(made, "crps") if made[0].folds else []
    extra = f"Learned from {_span(bank, 0, bank.settings.split - bank.settings.first - 1)}, scored from {month_text(bank.settings.split)}."
    return _finding(bank, rows, pictures.bands(bank, outcome, _folds(bank, LATER)[0]), extra)


def _span(bank: Bank, start: int, end: int) -> str:
    return f"{month_text(bank.settings.first + start)} to {month_text(bank.settings.first + end)}"


def _occurrence(settings: Callable[[], Settings], outcome: str, lab: Lab) -> Finding:
    bank = _bank(lab, settings)
    if outcome not in bank.grids:
        return _missing(outcome)
    made = _scored(lab, bank, outcome, LATER)
    rows = [*_skill_rows(made, "brier"), *_skill_rows(made, "log"), *_ranking_rows(made)]
    return _finding(bank, rows, pictures.reliable(made, MODEL), "An event is a month in which anything is recorded.")


def _ranking_rows(made: Sequence[Scored]) -> list[Row]:
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


def _calibration(settings: Callable[[], Settings], outcome: str, lab: Lab) -> Finding:
    """Judged given the triggers; without them the model cannot be expected to cover what they caused."""
    bank = _bank(lab, settings)
    if outcome not in bank.grids:
        return _missing(outcome)
    made = _scored(lab, bank, outcome, LATER)
    rows = []
    for condition, scored in zip(CONDITIONS, made, strict=True):
        for share, low, high in ((0.5, 0.4, 0.6), (0.9, 0.85, 0.95)):
            what = f"Coverage of {share:.0%} intervals, {condition}".replace("%", " %")
            rows.append(judged(what, Value(coverage(scored.pit, share)), Window(low, high, "", OWN)))
        rows.append(
            measured_only(f"Share of the PIT histogram out of place, {condition}", Value(misplaced(scored.pit)), "")
        )
    extra = "PIT and coverage are randomised where values tie, so that counts that are mostly zero can be judged; plain intervals would cover more."
    return _finding(bank, rows, pictures.histogram(made), extra)


def _left_out(settings: Callable[[], Settings], outcome: str, design: str, lab: Lab) -> Finding:
    bank = _bank(lab, settings)
    if outcome not in bank.grids:
        return _missing(outcome)
    made = _scored(lab, bank, outcome, design)
    if not made[0].folds:
        row = Row(
            "Scores", "none", OWN, "not run", note=f"no {design} to leave out with observed {outcome} in the window"
        )
        return Finding((row,), about(bank), METHOD)
    rows = [*_skill_rows(made, "crps"), *_skill_rows(made, "brier"), *_ranking_rows(made)]
    left = ", ".join(fold.name for fold in made[0].folds)
    return _finding(bank, rows, pictures.skills(_by_fold(made), BETTER), f"Left out in turn: {left}.")


def _by_fold(made: Sequence[Scored]) -> list[pictures.SkillRow]:
    rows: list[pictures.SkillRow] = []
    for condition, scored in zip(CONDITIONS, made, strict=True):
        for baseline in scored.baselines:
            for fold, cells in zip(scored.folds, scored.cells, strict=True):
                ours, theirs = (np.where(cells, scored.crps[name], np.nan) for name in (MODEL, baseline))
                rows.append((f"against {baseline}", fold.name, condition, skill(ours, theirs)))
    return rows


def _overview(settings: Callable[[], Settings], lab: Lab) -> Finding:
    """Count where the model wins; the figure shows every skill by CRPS."""
    bank = _bank(lab, settings)
    shown: list[pictures.SkillRow] = []
    rows: list[Row] = []
    for outcome in bank.grids:
        for design in DESIGNS if outcome != "displaced" else [LATER]:
            made = _scored(lab, bank, outcome, design)
            if not made[0].folds:
                continue
            for condition, scored in zip(CONDITIONS, made, strict=True):
                values = {b: skill(scored.crps[MODEL], scored.crps[b]) for b in scored.baselines}
                shown += [
                    (f"{NAMES[outcome].split()[0]}: {DESIGNS[design]}", b, condition, v) for b, v in values.items()
                ]
                won = sum(v.value > 0 for v in values.values())
                lost = [b for b, v in values.items() if not v.value > 0]
                note = f"not better than {', '.join(lost)}" if lost else ""
                what = f"{NAMES[outcome]}, {DESIGNS[design]}: baselines beaten by CRPS, {condition}"
                rows.append(measured_only(what, Value(won), f"of {len(values)}", note))
    picture = pictures.skills(shown, BETTER)
    return Finding(tuple(rows), about(bank), METHOD.rstrip(), picture)


# --- SF13 -----------------------------------------------------------------------------------------


def forecast_skill(settings: Callable[[], Settings], lab: Lab) -> Finding:
    """SF13 from the hindcast with each state left out; judged without the triggers, which would be leakage.

    Incidence is 25 deaths in a calendar year, onset the same after a year with fewer.
    """
    from checks.hindcast.incidence import state_years

    bank = _bank(lab, settings)
    made = _scored(lab, bank, "deaths", STATES)
    protests = _scored(lab, bank, "protests", STATES)
    rows = []
    for condition, name in ((1, CONDITIONS[1]), (0, CONDITIONS[0])):
        years = state_years(bank, condition, made[condition].folds)
        for what, cases, window in (
            ("Incidence", years, Window(0.85, 0.97)),
            ("Onset", [year for year in years if year.calm], Window(0.65, 0.85)),
        ):
            events = np.array([case.event for case in cases])
            area = auroc(np.array([case.chance for case in cases]), events)
            note = f"{int(events.sum())} in {len(cases)} state-years"
            if condition == 0:
                rows.append(
                    measured_only(
                        f"{what} AUROC, {name}", Value(area), "", f"{note}; the dates are given, so not skill"
                    )
                )
            else:
                rows.append(judged(f"{what} AUROC, {name}", Value(area), window, note))
    rows.append(_skill_row(made[1], "brier", CLIMATOLOGY, f"deaths, {CONDITIONS[1]}"))
    for outcome, scored in (("deaths", made[1]), ("protests", protests[1])):
        rows += [_skill_row(scored, "crps", b, f"{outcome}, {CONDITIONS[1]}") for b in (LAST, MEAN)]
        rows.append(
            judged(
                f"Coverage of 90 % intervals, {outcome}, {CONDITIONS[1]}",
                Value(coverage(scored.pit, 0.9)),
                Window(0.85, 0.95, "", OWN),
            )
        )
    return _finding(
        bank, rows, pictures.histogram(protests), "Each state left out in turn; the picture is of protests."
    )
