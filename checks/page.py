"""The page ``docs/validation.md``, made from the stored results: tables, pictures, what failed, what is not claimed."""

from __future__ import annotations

from checks.records import Result, Row
from checks.stored import results, stored, stored_status
from sim.interventions.catalogue import tuned_scales
from sim.status import outcome

HEAD = """# Validation

What makes us believe the model, and where we should not. This page is made from the last full run that is stored
with the package (`checks/results`); nothing on it is typed by hand but the explanations. Run it yourself:

```bash
stabsim check facts
stabsim check docking
stabsim check trials
stabsim check hindcast
stabsim check calibration
```

**Status: {status}.** Model {model}.

Windows come from published evidence (**E**) or are our own choice (**A**), see the [evidence](evidence.md). The estimate
decides; the interval is 95 %. A row without a window is shown for comparison and not judged. Replications are as many as
the interval needs, with seeds fixed in advance.
"""

CALIBRATION = """## Calibration on 1998-2010

Seven parameters, eighteen statistics, history matching in three waves. Dates of wars, postures,
missions, the rumour and declarations are given; what follows from them is simulated. There are three or four episodes, so no
claim of significance is made. The errors of observation and the discrepancy of the model are our own choice. The field loops
do not depend on these parameters, so stability is judged by runs: a world whose streets never empty is ruled out.
"""

LITERATURE = """## Where the literature itself does not replicate

- Epstein (2002), run 2: with the arrest rule as printed there are no outbursts. They appear when the ratio of officers to
  actives is rounded down, and then come more often than published. Others who built the model found the same.
- Epstein (2002), "salami tactics": that a jump in legitimacy explodes and a slow decline does not is a difference in
  probabilities, not a rule.
- Epstein (2002), model II: peacekeepers delay the end of one group; they do not prevent it.
"""

ACCOUNT = """## How this was done (after TRACE, Grimm et al. 2014)

- **Problem.** Comparison of interventions under stated assumptions. Facts are patterns that any such model should show.
- **Model and data.** [The model](model.md), [parameters](parameters.md), [evidence](evidence.md).
- **Implementation.** A plain per-agent reading of the rules gives the same people the same fate (`tests/test_twin.py`).
  Measurement code is tested on made-up data with known answers (`tests/test_validation.py`). Planted mistakes are run by
  `python -m tests.long planted`.
- **What was tuned on what.** Seven parameters and the size of the rumour were set by hand while SF1, SF2 and SF12 were
  looked at ([limits](limits.md#fitted-not-tested)): their passing is a fit, and so is that of SF3. After failures of SF4,
  SF5, SF6 and SF10 mechanisms were changed ([what and why](model.md#what-changed-and-why)), with numbers that come from the
  source or were tried once or twice; windows were never moved. How SF5 and SF11 are measured was corrected too.
- **Conditions set by hand.** Facts about wars, missions and power status are measured in an invented region, with wars
  held by hand and some parameters at the upper ends of their ranges, so that there is something to count. Each row says so.
- **Put in, not found.** Exponents of single events, relapse and the effects of missions and programmes are parameters. A
  pass there says that the code does what the parameters say and that nothing else undoes it.
- **Hindcast.** [How it is scored](hindcast.md). The dates of wars and riots are given where a table says so; the scenario that gives
  them was written by people who know what happened, so only the rows without the triggers can count as forecasts.
"""


HINDCAST = """## Hindcast

[Months and states of 1998-2010](hindcast.md) forecast from the tables of their time and scored against what sources recorded. A
skill below 0 fails: the simple forecast it names was better. Rows "given the triggers" are told the dates of wars and riots and are no forecasts.
"""


TRIALS = """## Virtual trials

Conditions of published studies set in an invented region (Twin Valleys), so that nothing fitted to the Western Balkans
enters; estimates of recorded outcomes in the unit of the study; no adaptive reactions. One scale of one intervention may
be **tuned**, on its own row and the first line of its table; everything else is **judged**. The target's logarithm is
shrunk only where a trial says so. A ratio is replicated until the standard error of its logarithm is below 0.10, or the
line says that more replications are needed. Run them with `stabsim check trials`; scales are found by
`python -m tests.long tune`.
"""


def page() -> str:
    """Write the page."""
    kinds = ("facts", "docking", "trials", "calibration", "hindcast")
    facts, docking, trials, calibration, hindcast = (results(kind) for kind in kinds)
    model = stored("facts")["model"][:12] or "unknown"
    parts = [HEAD.format(status=outcome(stored_status()), model=f"`{model}`"), _summary(facts), *map(_section, facts)]
    if docking:
        parts += ["## Docking\n\nThe same kernels against what others built or solved.\n", _summary(docking)]
        parts += [_section(one) for one in docking]
    if trials:
        parts += [TRIALS, _scales(), _summary(trials, "trial")]
        parts += ["![Published windows and simulated ratios of all trials](images/validation/trials.png)\n"]
        parts += [_section(one) for one in trials]
    if calibration:
        parts += [CALIBRATION, _summary(calibration), *map(_section, calibration)]
    if hindcast:
        parts += [HINDCAST, _summary(hindcast, "table"), *map(_section, hindcast)]
    parts += [
        LITERATURE,
        _not_claimed([*facts, *docking, *trials, *calibration]),
        _account(trials=trials, calibration=calibration, hindcast=hindcast),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _account(**made: list[Result]) -> str:
    """What was done, and which kinds of check have no stored results yet."""
    missing = ", ".join(name for name, found in made.items() if not found)
    return f"{ACCOUNT}- **Not done yet.** {missing.capitalize()}.\n" if missing else ACCOUNT


def _scales() -> str:
    """The scales that trials found, and those that none up to 10 can give."""
    found = tuned_scales()
    if not found:
        return "No scale has been tuned.\n"
    lines = ["| intervention | on row | target | scale | 95 % interval | reached | replications |"]
    lines += ["| --- | --- | --- | --- | --- | --- | --- |"]
    for one in found.values():
        scale = f"{one.scale:.3g}" if one.scale is not None else "**not reachable up to 10**"
        interval = f"{one.low:.3g} to {one.high:.3g}" if one.low is not None and one.high is not None else ""
        numbers = f"{one.target:.3g} | {scale} | {interval} | {one.reached:.3g} | {one.replications}"
        lines.append(f"| {one.intervention} | {one.row} | {numbers} |")
    return "\n".join(lines) + "\n"


def _summary(made: list[Result], what: str = "fact") -> str:
    lines = [f"| {what} | | verdict |", "| --- | --- | --- |"]
    lines += [f"| {one.key} | {one.title} | {_strong(one.verdict)} |" for one in made]
    return "\n".join(lines) + "\n"


def _strong(verdict: str) -> str:
    return f"**{verdict}**" if verdict == "fail" else verdict


def _section(one: Result) -> str:
    lines = [f"### {one.key} {one.title}", "", f"{one.method} Simulated: {one.simulated}. Source: {one.source}.", ""]
    status = any(row.status for row in one.rows)
    lines += [
        "| measured | value | 95 % interval | window | basis | verdict |" + " status |" * status,
        "| --- | --- | --- | --- | --- | --- |" + " --- |" * status,
    ]
    lines += [_line(row) + f" {row.status} |" * status for row in one.rows]
    notes = [f"- {row.what}: {row.note}." for row in one.rows if row.note]
    if notes:
        lines += ["", *notes]
    if one.verdict == "fail" and one.suspected:
        lines += ["", f"*Suspected:* {one.suspected} *Tried:* {one.tried}"]
    if one.picture is not None:
        lines += ["", f"![{one.title}](images/validation/{one.key}.png)"]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    value = "" if row.value is None else f"{_number(row.value)} {row.unit}".strip()
    interval = "" if row.low is None or row.high is None else f"{_number(row.low)} to {_number(row.high)}"
    judged = "" if row.verdict == "not run" and row.value is not None else _strong(row.verdict)
    window = "" if row.window.startswith("none") else row.window
    basis = row.basis if window else ""
    return f"| {row.what.replace('|', 'given')} | {value} | {interval} | {window} | {basis} | {judged} |"


def _number(value: float) -> str:
    if value in (float("inf"), float("-inf")):
        return "unbounded"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _not_claimed(made: list[Result]) -> str:
    lines = ["## What we therefore do not claim", ""]
    for one in made:
        for row in one.rows:
            if row.verdict == "fail":
                lines.append(
                    f"- {one.key}: {row.what[0].lower()}{row.what[1:].replace('|', 'given')} lies in its window."
                )
            elif row.verdict in ("not testable yet", "inconclusive"):
                lines.append(f'- {one.key}: anything about "{row.what}" ({row.note}).')
    lines.append("- Forecasts: anything better than the simple forecasts that win in the hindcast above.")
    lines.append("- That any number here carries over to a date, a place or a person.")
    return "\n".join(lines) + "\n"
