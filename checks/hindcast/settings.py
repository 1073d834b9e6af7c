"""What a hindcast is asked to do: window, split, observed tables, scenario, candidate parameters; all checked first."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from checks.observed import MONTHLY, Observed, month_number, month_text, read_observed
from sim.errors import InputError, Problem, nearest
from sim.parameters import CATALOGUE
from sim.parameters import parameters as make_parameters
from sim.region import find_region, load_region
from sim.region.slips import date_hint
from sim.scenario import load_scenario

SCENARIO, FIRST, LAST, SPLIT = "history_1998_2010", "1998-01", "2010-12", "2004-01"
FEWEST_MONTHS = 24
Draw = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Asked:
    """The options of the command as given; None stands for the default."""

    first: str | None = None
    last: str | None = None
    split: str | None = None
    observed: str | None = None
    scenario: str | None = None
    parameters: str | None = None


@dataclass(frozen=True, eq=False)
class Settings:
    """A checked hindcast. Months count from year 0, ``last`` inclusive; ``split`` is the first month of the later part.

    ``draws`` are candidate parameters, or None: drawn from the plausible ranges. ``key`` names all that can change a result.
    """

    scenario: str
    first: int
    last: int
    split: int
    observed: Observed
    draws: tuple[Draw, ...] | None
    key: str

    @property
    def months(self) -> int:
        """Length of the window."""
        return self.last - self.first + 1

    @property
    def window(self) -> str:
        """The window in words."""
        return f"{month_text(self.first)} to {month_text(self.last)}"


def settings_of(asked: Asked) -> Settings:
    """Read and check everything that was asked for.

    Raises
    ------
    InputError
        For a window outside the scenario or without observations, unknown states, bad tables or parameters.
    """
    first, last, split = (
        _month(option, given or default)
        for option, given, default in (
            ("--from", asked.first, FIRST),
            ("--to", asked.last, LAST),
            ("--split", asked.split, SPLIT if asked.first is asked.last is None else ""),
        )
    )
    if last - first + 1 < FEWEST_MONTHS:
        got = f"{month_text(first)} to {month_text(last)}"
        raise InputError(
            Problem("the window is too short", key="--to", got=got, allowed=f"{FEWEST_MONTHS} months or more")
        )
    if split == NO_MONTH:
        split = first + (last - first + 1) // 2
    if not first + FEWEST_MONTHS // 2 <= split <= last - FEWEST_MONTHS // 2 + 1:
        allowed = f"{month_text(first + FEWEST_MONTHS // 2)} to {month_text(last - FEWEST_MONTHS // 2 + 1)}"
        raise InputError(
            Problem("leaves too little on one side", key="--split", got=month_text(split), allowed=allowed)
        )
    name = asked.scenario or SCENARIO
    spec = load_scenario(name)
    start = month_number(spec.start_year, spec.start_month)
    if first < start or last > start + spec.months - 1:
        runs = f"{month_text(start)} to {month_text(start + spec.months - 1)}"
        raise InputError(Problem("the window does not lie within the scenario", key="--from, --to",
                                 got=f"{month_text(first)} to {month_text(last)}", allowed=f"{runs} of {name}",
                                 hint="give a scenario that covers it with --scenario"))  # fmt: skip
    observed = read_observed(Path(asked.observed) if asked.observed is not None else None)
    _check_states(observed, first, last, load_region(find_region(spec.region), spec.start_year).states)
    draws = read_draws(Path(asked.parameters)) if asked.parameters is not None else None
    digest = hashlib.sha256(repr((spec.content_hash(), first, last, split, draws)).encode())
    for file, frame in observed.tables.items():
        digest.update((file + frame.to_csv(index=False)).encode())
    return Settings(name, first, last, split, observed, draws, digest.hexdigest())


NO_MONTH = -1


def _month(option: str, text: str) -> int:
    if not text:
        return NO_MONTH
    found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text)
    if found is None:
        raise InputError(Problem("not a month", key=option, got=repr(text), allowed="YYYY-MM such as 1998-01", hint=date_hint(text)))  # fmt: skip
    return month_number(int(found[1]), int(found[2]))


def _check_states(observed: Observed, first: int, last: int, states: tuple[str, ...]) -> None:
    """Every unit is made of the region's states, and something is known in the window."""
    problems, known = [], 0
    for outcome, (file, _) in MONTHLY.items():
        grid = observed.grid(outcome, first, last)
        known += int(grid.known.sum())
        strange = sorted({state for unit in grid.units for state in unit.split("+")} - set(states))
        problems += [
            Problem("not a state of the scenario's region", file, key=state, allowed=", ".join(states), hint=nearest(state, states))
            for state in strange
        ]  # fmt: skip
    if not problems and not known:
        window = f"{month_text(first)} to {month_text(last)}"
        problems.append(Problem("hold no known value in the window", file=str(observed.folder), got=window))
    if problems:
        raise InputError(problems)


def read_draws(path: Path) -> tuple[Draw, ...]:
    """Candidate parameters from a CSV table: a column a parameter, a row a draw.

    Raises
    ------
    InputError
        For an unknown parameter or a value outside its bounds, with the line.
    """
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(Problem(f"cannot be read as a table: {error}", file=str(path))) from None
    problems = [
        Problem("unknown parameter", str(path), 1, key=str(name), hint=nearest(str(name), CATALOGUE))
        for name in frame.columns
        if name not in CATALOGUE
    ]
    if not len(frame):
        problems.append(Problem("holds no draws", str(path)))
    draws = []
    for line, row in enumerate(frame.to_dict("records") if not problems else [], start=2):
        try:
            draw = tuple((str(name), float(value)) for name, value in row.items())
            make_parameters(dict(draw))
            draws.append(draw)
        except InputError as error:
            problems += [Problem(str(problem), str(path), line) for problem in error.problems]
        except ValueError:
            problems.append(Problem("not a number", str(path), line))
    if problems:
        raise InputError(problems)
    return tuple(draws)
