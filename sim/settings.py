"""Settings of a call or a command, besides its scenarios: one record, with the help text and the default of every field.

`sim.run`, `sim.compare`, `sim.why` and `sim.sweep` take this record, or its fields as keywords; the command line builds its
options from it. Nothing heavy is imported here, because the command line needs it for ``--help``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, Problem, nearest

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from sim.experiment import Engine, OnError, Progress

SCENARIOS = ("run", "compare", "why")
"""Commands that run scenarios as they are given; a sweep reads these settings from its experiment file."""
ALL = (*SCENARIOS, "sweep")


@dataclass(frozen=True)
class Field:
    """What is said of one setting: its help text, which commands have it, and how the command line reads it.

    ``kind`` is the type of the option, None for a setting that only Python has; ``defaults`` are those that differ by
    command; ``read`` turns the option's text into the setting's value.
    """

    help: str
    commands: tuple[str, ...]
    kind: type | None = None
    metavar: str | None = None
    flag: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    read: Callable[[str], Any] | None = None


def citizens_number(text: str) -> int | str:
    """Read ``--citizens``: a number, with or without separators, or ``all``."""
    plain = text.replace("_", "").replace(",", "")
    if text == "all":
        return text
    if not (plain.isascii() and plain.lstrip("-").isdigit() and len(plain) <= 12):
        raise InputError(Problem("not a number of citizens", key="citizens", got=text[:40], allowed="a number, or all"))
    return int(plain)


def setting(default: Any, help_: str, commands: tuple[str, ...], kind: type | None = None, **more: Any) -> Any:
    """Declare a field of the record; a mapping as its default holds one for each command."""
    defaults = default if isinstance(default, Mapping) else {}
    said = Field(help_, commands, kind, defaults=defaults, **more)
    return field(default=None if defaults else default, metadata={"said": said})


@dataclass(frozen=True, eq=False, kw_only=True)
class Settings:
    """Settings of a call or a command; see `Settings.of` for how defaults are filled in. Nothing is checked yet."""

    outcome: str = setting(
        "incidents", "The outcome to explain; the tables hold all.", ("why",), str, metavar="OUTCOME"
    )
    scope: str = setting("region", "region, or a state code.", ("why",), str, metavar="PLACE")
    by: str = setting("programme", "What is a part.", ("why",), str, metavar="programme|family|provider|channel")
    method: str = setting(
        "",
        "shapley: exact, at most eight parts, the default where possible; sampled: from random orders; ordered: one order.",
        ("why",),
        str,
        metavar="shapley|sampled|ordered",
    )
    order: str | Sequence[str] = setting(
        "", "Parts in the order they are put in place (ordered).", ("why",), str, metavar="PART,PART"
    )
    permutations: int = setting(
        24, "Number of permutations (sampled): even, half of them the reverse of the others.", ("why",), int
    )
    synergies: bool = setting(False, "Also estimate the joint effect of every pair of parts.", ("why",), bool)
    seed: int = setting(1, "Seed of the experiment; every scenario has the same random draws.", SCENARIOS, int)
    replications: int = setting(
        {"run": 1, "compare": 64, "why": 16}, "Runs of each scenario, each with its own random draws.", SCENARIOS, int
    )
    citizens: int | str = setting(
        20_000,
        "Number of simulated citizens, or all: one for every inhabitant.",
        SCENARIOS,
        str,
        metavar="N|all",
        read=citizens_number,
    )
    months: int | None = setting(None, "Length of a run in months, instead of the scenario's.", SCENARIOS, int)
    threads: int = setting(1, "Threads of each run.", ALL, int)
    workers: int | None = setting(
        None, "Parallel processes; by default one a processor, or as many as fit into memory.", ALL, int
    )
    set_: Sequence[str] = setting(
        (), "Change a value of the scenario; may be repeated.", SCENARIOS, list, metavar="KEY=VALUE", flag="--set"
    )
    out: Path | str | None = setting(
        None, "Folder for the results; one below results/ by default.", ALL, Path, metavar="DIR"
    )
    parameters: str | Path | None = setting(
        None,
        "Where replications take their parameters from: the calibrated ensemble, the central values, or a table of "
        "parameter sets (CSV). By default compare draws from the ensemble, run does not.",
        ("run", "compare"),
        str,
        metavar="ensemble|central|FILE",
    )
    theories: str | Sequence[str] | None = setting(
        None,
        "Repeat the comparison under each stance of these rival theories, and count under how many a conclusion holds. "
        "all: every theory.",
        ("compare",),
        str,
        metavar="all|NAME,NAME",
    )
    on_error: OnError = setting(
        "continue", "Whether the first failed run ends the sweep.", ("sweep",), str, metavar="stop|continue"
    )
    retry_failed: bool = setting(False, "Run again what is stored as failed.", ("sweep",), bool, flag="--retry")
    timeout: float | None = setting(
        None, "The longest a run may take, in seconds.", ("sweep",), float, metavar="SECONDS"
    )
    force: bool = setting(False, "Ignore memory, disk and time estimates.", ALL, bool)

    below: Path | str | None = setting(None, "Instead of out: a folder in there, named after the scenarios.", ALL)
    figures: bool = setting(True, "Draw figures into the folder; compare also writes its report.", SCENARIOS)
    progress: Callable[[Progress], None] | None = setting(None, "Called after every batch of runs.", ALL)
    announce: Callable[[Any], None] | None = setting(
        None, "Called with the checked plan, its size and warnings, before anything is written.", ALL
    )
    engine: Engine | None = setting(None, "What runs a scenario, instead of the model.", ALL)
    pool: Callable[[], Executor] | None = setting(
        None, "Makes an executor that runs batches, instead of processes on this machine.", ("sweep",)
    )

    @classmethod
    def of(cls, command: str, given: Settings | None = None, **keywords: Any) -> Settings:
        """Return a command's settings: the record, then keywords, then the command's own defaults.

        Raises
        ------
        InputError
            For every keyword that is no setting of this command, with the nearest name.
        """
        known = settings_of(command)
        problems = [
            Problem(f"{command} has no such setting", key=name, allowed=", ".join(known), hint=nearest(name, known))
            for name in keywords
            if name not in known
        ]
        problems += [
            Problem(f"is no setting of {command}", key=item.name)
            for item in fields(cls)
            if given is not None and item.name not in known and getattr(given, item.name) != item.default
        ]
        if problems:
            raise InputError(problems)
        made = replace(given or cls(), **keywords)
        return replace(
            made, **{n: f.defaults[command] for n, f in known.items() if f.defaults and getattr(made, n) is None}
        )


def settings_of(command: str) -> dict[str, Field]:
    """Return the settings of a command by name, in the order of ``--help``."""
    said = {item.name: item.metadata["said"] for item in fields(Settings)}
    return {name: entry for name, entry in said.items() if command in entry.commands}


def default_of(command: str, name: str) -> Any:
    """Return what a command takes for a setting that is not given."""
    item = next(item for item in fields(Settings) if item.name == name)
    return item.metadata["said"].defaults.get(command, item.default)
