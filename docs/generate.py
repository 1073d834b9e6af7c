"""Write the pages that are made from the code: parameters, interventions, shocks, outcomes.

Run from anywhere: ``python docs/generate.py``. ``tests/test_docs.py`` fails when a page differs from what
this module writes.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from math import exp
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from sim.analysis.places import OUTCOMES_BY_PLACE  # noqa: E402
from sim.api.listing import ADDS  # noqa: E402
from sim.api.listing import PLACES as LEVER_PLACES  # noqa: E402
from sim.interventions import CatalogueEntry, ShockType, catalogue  # noqa: E402
from sim.interventions.words import FAMILIES as PROGRAMME_FAMILIES  # noqa: E402
from sim.interventions.words import facts, meaning, published, role, timing  # noqa: E402
from sim.parameters import CATALOGUE  # noqa: E402
from sim.parameters.catalogue import Parameter  # noqa: E402
from sim.world.levers import LEVER_BY_NAME, LEVERS  # noqa: E402
from sim.world.outcomes import OUTCOMES, PLACE_OUTCOMES  # noqa: E402

MADE = "<!-- Made by docs/generate.py from the code: edit the code, then run it again. -->\n"

FAMILIES = {
    "mobilisation": "Who turns out, and when",
    "conduct": "What a crowd does, and what is done to it",
    "armed": "Armed groups, police and missions",
    "fields": "Slow fields",
    "institutions": "Institutions: delays, sizes and limits",
    "rules": "Institutions: when they act, and how fast",
}
DAMAGE = {
    "cyber": "cyber exposure against that at the start (I18)",
    "energy": "energy dependence against that at the start (I21)",
    "hazard": "what programmes did to the damage of hazards (I10, I20)",
    "accident": "what programmes did to the damage of accidents (I22)",
}
PLACES = {
    "person_rounds": ("person-rounds", "residents times 4 rounds a month: the exposure of the place"),
    "participants": ("person-weeks", "persons turning out, summed over the rounds of the window"),
    "incidents": ("events", "violent incidents whose actors live in the cell"),
    "deaths": ("persons", "communal and armed deaths together"),
    "new_displaced": ("persons", "persons who fled"),
    "new_detained": ("persons", "persons detained"),
    "tension": ("0 to 1", "mean over the months of the window"),
    "legitimacy": ("0 to 1", "mean over the months of the window"),
    "unemployment": ("share of labour force", "mean over the months of the window"),
}

PARAMETERS_INTRO = """\
# Parameters

All {count} parameters of the model. *Range* is the plausible range: a value outside it is allowed, with a
warning. *Accepted* is what the model takes at all. *Source* names rows of the [evidence
table](evidence.md), which also explains its other words (`assumption`, `derived`, `calibrate`, data
sources). How each parameter enters is in [the model](model.md).

Set one in a scenario file:

```yaml
parameters: {{b_tension: 2.5}}
```

or on the command line:

```bash
stabsim run baseline_2024 --set parameters.b_tension=2.5
```

`stabsim catalogue parameters` prints the list, with `--json` everything.
"""

INTERVENTIONS_INTRO = """\
# Interventions

What a scenario can name as the `type` of an intervention, by row (`I2`) or key (`police_capacity`). Rows I1 to I36 are
those of the source documents. Each acts through *channels*. A channel moves one lever and nothing else, so no
intervention can write an outcome. The levers are listed in [outcomes and levers](outcomes.md#levers), the mechanics in
[the model](model.md#effects-of-interventions-and-shocks), the rows of evidence in the [evidence table](evidence.md).

`stabsim catalogue interventions` prints the overview, `stabsim catalogue interventions I2` one of them.

| word | meaning |
| --- | --- |
| by | effect at full dose, 5-95 % range in brackets: a ratio, odds, or points of 100 where the level is 50 (unemployment: 12) |
| on the lever's scale | the same as the model adds it up: log of a ratio, logit shift, log-odds, share, persons |
| distribution | shape of the range; runs use the central size, or with `effects: drawn` one draw by run, entry and channel |
| half after | months to half of the effect |
| halves every | half-life of the effect after the end |
| **null**, **harm** | no effect found, and kept at zero; a harm that is possible and switched on |
| status | `tuned` on a virtual trial, `transported` (a reported effect), `assumption`; now {statuses} |
| cost | million euro of the price year at full dose, for all of it or per million residents reached |

Published effects that were not measured in experiments are often too large: the parameter `effect_shrink` (1: as
published) multiplies every size but those of nulls and head counts.

"""

SHOCKS_INTRO = """\
# Shocks

What a scenario can name as the `type` of a shock. Sizes are at magnitude 1, on the scale of the lever (see
[interventions](interventions.md)). An `impulse` hits and then halves every half-life. A `rumour` lasts two
rounds, full and then half. A `mission` shock takes a standing mission down in a straight line. A `division`
splits the Allies for some months. An `uprising`, `posture`, `expulsion`, `ceasefire` or `power` shock fixes a part
of a conflict for a community of a state: conditions of a history, which no institution of the model chooses. Their
`magnitude` is the share of full strength; at 0 nothing changes.

A scenario dates a shock with `at`, or draws it with `rate`, such as `rate: catalogue` for the rate given here
([shocks by chance](scenario-files.md#shocks-by-chance)). `stabsim catalogue shocks` prints the list.

"""

OUTCOMES_INTRO = """\
# Outcomes and levers

The codebook. The first table is also written as `codebook.csv` into every folder of results.

## Outcomes by month and state

A *flow* adds up over months. A *stock* is read at the end of a window. A *level* is averaged over it.
States combine into the region by a sum, or by a mean weighted with residents. *Better* is the direction a
decision maker would call better; `none` is context. Headline outcomes are bold.

"""

PLACES_INTRO = """\

## Outcomes by year, district and community

Columns of the `places` table: one row for each cell (a community in a district) and each twelve months of
the run. Flows are sums over the window, levels means over its months.

"""

LEVERS_INTRO = """\

## Levers

The only handles by which interventions, shocks and institutions touch the world. `stabsim catalogue levers` prints the
list with units, bounds and who pulls what, `stabsim catalogue levers tension` one of them, for
[interventions of your own](scenario-files.md#interventions-of-your-own).

"""


def cell(text: object) -> str:
    """Text that cannot break a table."""
    return str(text).replace("|", "\\|").replace("\n", " ").strip()


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Lay out a Markdown table."""
    names = list(header)
    lines = [names, ["---"] * len(names), *rows]
    return "".join("| " + " | ".join(cell(item) for item in line) + " |\n" for line in lines)


def number(value: float) -> str:
    """Write a number as short as it can be read back."""
    return f"{value:g}"


def parameters_page() -> str:
    """Describe every parameter, by family."""
    text = MADE + PARAMETERS_INTRO.format(count=len(CATALOGUE))
    for family, title in FAMILIES.items():
        rows = [item for item in CATALOGUE.values() if item.family == family]
        text += f"\n## {title}\n\n" + table(
            ["name", "default", "unit", "range", "accepted", "source", "what it is"], map(_parameter, rows)
        )
    return text


def _parameter(item: Parameter) -> list[str]:
    return [
        f"`{item.name}`",
        number(item.default),
        item.unit,
        f"{number(item.low)} to {number(item.high)}",
        f"{number(item.hard_low)} to {number(item.hard_high)}",
        item.source,
        item.text,
    ]


def interventions_page() -> str:
    """Describe every intervention of the catalogue and its channels."""
    entries = list(catalogue().interventions.values())
    found = Counter(entry.status for entry in entries)
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(found.items()))
    text = MADE + INTERVENTIONS_INTRO.format(statuses=statuses)
    text += table(
        ["row", "key", "name", "family", "provider", "approval", "status", "evidence"],
        [
            [
                e.row,
                f"[`{e.key}`](#{e.row.lower()}-{e.key})",
                e.name,
                e.family,
                e.provider,
                e.approval,
                e.status,
                e.evidence,
            ]
            for e in entries
        ],
    )
    for family, title in PROGRAMME_FAMILIES.items():
        text += f"\n## {title}\n"
        text += "".join(_intervention(entry) for entry in entries if entry.family == family)
    return text


def _intervention(entry: CatalogueEntry) -> str:
    rows = [
        [
            f"{LEVER_BY_NAME[c.lever].text} (`{c.lever}`)",
            published(c.lever, c.size, c.low, c.high),
            "" if role(c) == "effect" else f"**{role(c)}**",
            timing(c),
            f"{number(c.size)} ({number(c.low)} to {number(c.high)}), {c.distribution}",
            c.evidence,
            meaning(c),
        ]
        for c in entry.channels
    ]
    header = ["moves", "by", "", "when", "on the lever's scale", "evidence", "what the size means"]
    known = facts(entry, lambda key: f"`{key}`")
    return (
        f"\n### {entry.row} {entry.key}\n\n**{entry.name}.** {entry.text.strip()}\n\n"
        + "".join(f"- {word}: {what}\n" for word, what in known)
        + "\n"
        + table(header, rows)
    )


def _size(lever: str, size: float, low: float, high: float) -> str:
    text = f"{number(size)} ({number(low)} to {number(high)})"
    if LEVER_BY_NAME[lever].kind == "rate":
        text += f"; ratio {exp(size):.2f} ({exp(low):.2f} to {exp(high):.2f})"
    return text


def shocks_page() -> str:
    """Describe every shock of the catalogue."""
    shocks = list(catalogue().shocks.values())
    text = MADE + SHOCKS_INTRO
    text += table(
        ["key", "name", "pattern", "rate a year in each state", "basis of the rate", "evidence"],
        [
            [
                f"[`{s.key}`](#{s.key})",
                s.name,
                s.pattern,
                _rate(s),
                s.rate_basis,
                s.evidence,
            ]
            for s in shocks
        ],
    )
    return text + "".join(map(_shock, shocks))


def _rate(shock: ShockType) -> str:
    if shock.rate_per_year is None:
        return "-"
    return number(shock.rate_per_year) + (", once for the region" if shock.rate_scope == "region" else "")


def _shock(shock: ShockType) -> str:
    text = f"\n## {shock.key}\n\n**{shock.name}.** {shock.text.strip()}\n"
    if shock.exposure:
        text += f"\nIts damage in a state scales with: {DAMAGE[shock.exposure]}.\n"
    if not shock.channels:
        return text
    return (
        text
        + "\n"
        + table(
            ["lever", "size", "half-life, months", "evidence", "text"],
            [
                [
                    f"`{c.lever}`",
                    _size(c.lever, c.size, c.low, c.high),
                    number(c.halflife_months),
                    c.evidence,
                    c.text,
                ]
                for c in shock.channels
            ],
        )
    )


def outcomes_page() -> str:
    """Describe what a run records, and the levers: the codebook."""
    assert tuple(PLACES) == PLACE_OUTCOMES, "a place outcome has no description"
    text = MADE + OUTCOMES_INTRO
    text += table(
        ["name", "label", "unit", "kind", "states combine by", "better", "what it is"],
        [
            [
                f"**`{o.name}`**" if o.headline else f"`{o.name}`",
                o.label,
                o.unit,
                o.kind,
                o.pool,
                o.better,
                o.text,
            ]
            for o in OUTCOMES
        ],
    )
    text += PLACES_INTRO
    text += table(["name", "unit", "what it is"], [[f"`{n}`", *PLACES[n]] for n in PLACE_OUTCOMES])
    text += (
        "\n`districts.csv` shows them by district over the whole run, flows as rates:\n\n"
        + table(
            ["outcome", "label", "unit", "better"],
            [[f"`{m.name}`", m.label, m.unit, m.better] for m in OUTCOMES_BY_PLACE],
        )
        + LEVERS_INTRO
    )
    text += table(
        ["lever", "one value per", "kind", "what it moves"],
        [[f"`{lever.name}`", LEVER_PLACES[lever.scope], lever.kind, lever.text] for lever in LEVERS],
    )
    return (
        text + "\nHow effects add, by kind:\n\n" + table(["kind", "effects"], [[f"`{k}`", v] for k, v in ADDS.items()])
    )


COVERAGE_INTRO = """\
# Coverage

What the source documents ask for, row by row: the file that implements it, the test that proves it, the scenario that
shows it. A test fails when a row has none, or when one of them does not exist. The rows are listed in `coverage.csv`.

A row counts only if its scenario, run again on the same draws with the row removed, differs by more than luck.
*Removed* says what was taken out: programmes or shocks by type, agents by kind, a coefficient set to a value that
switches its mechanism off (the baseline is then solved again), approvals that no longer wait. *Differs most* is the
largest difference for its level among the outcomes and fields that moved, with the row less without it: a mean over
the run, its 95 % interval, how many outcomes and fields moved in some state or the region, and the pairs of runs.
What is only spent, sent or armed (`cost`, `troops`, `arming`) does not count. A difference is beyond luck when Student's t allows it
with 5 % shared by all that is looked at, in all places and both looks (8 pairs of runs, then 32 where nothing
moved), and at least a ten-thousandth of its level. Being beyond luck is not being large: read the difference. Measured with 9,000 citizens and at most 48 months
by `python -m tests.long rows`, stored in `coverage_moves.csv`. The first scenario of a row is the one that is run.

"""
SECTIONS = {"A": "Actors", "R": "Risk factors", "I": "Interventions", "W": "Workings", "H": "Histories"}


def coverage_page() -> str:
    """Every row of the requirements, from coverage.csv."""
    with (HERE / "coverage.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (HERE / "coverage_moves.csv").open(encoding="utf-8", newline="") as file:
        moves = {line["row"]: line for line in csv.DictReader(file)}
    text = MADE + COVERAGE_INTRO
    head = ["row", "what", "file", "test", "scenario", "removed", "differs most", "note"]
    for letter, title in SECTIONS.items():
        own = [[row["row"], row["what"], *(_code(row[name]) for name in ("file", "test", "scenario", "drop")),
                _moved(moves[row["row"]], row["still"]), row["note"]]
               for row in rows if row["row"].startswith(letter)]  # fmt: skip
        text += f"## {title}\n\n" + table(head, own) + "\n"
    return text.rstrip() + "\n"


def _moved(line: dict[str, str], still: str) -> str:
    """What differed most, in words."""
    size = f"{float(line['difference']):+.2g} [{float(line['ci_low']):.2g}, {float(line['ci_high']):.2g}]"
    told = f"`{line['outcome']}` ({line['where']}): {size}"
    if line["verdict"] == "moves":
        return f"{told}; {line['moved']} of {line['looked_at']} moved, {line['pairs']} pairs"
    return f"{line['verdict']}{f' ({still})' if still else ''}: at most {told}, {line['pairs']} pairs"


def _code(names: str) -> str:
    return ", ".join(f"`{name.strip()}`" for name in names.split(";"))


PAGES: dict[str, Callable[[], str]] = {
    "parameters.md": parameters_page,
    "interventions.md": interventions_page,
    "shocks.md": shocks_page,
    "outcomes.md": outcomes_page,
    "coverage.md": coverage_page,
}


def main() -> None:
    """Write every page beside this file."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
        print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
