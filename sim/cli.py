"""The ``stabsim`` command. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim import __version__
from sim.errors import InputError, Problem, SimError

if TYPE_CHECKING:
    from sim.api import Comparison, RunResults

EXIT_FAILED_RUNS = 3
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

app = typer.Typer(
    name="stabsim",
    help="Simulate conflict and stability in a region, and compare what interventions would change.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


class Verbosity:
    """How much the command says; set once by the options before the command."""

    quiet = False
    verbose = False


class Stopped(BaseException):
    """A signal asked to stop; passes every handler of ordinary errors on its way to ``main``."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(exit_code)


def main() -> None:
    """Run the command and turn errors into messages and exit codes."""
    _plain_streams()
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    code = _guarded()
    _flush()
    sys.exit(code)


def _guarded() -> int:
    try:
        result = app(standalone_mode=False)
    except InputError as error:
        for problem in error.problems:
            _complain(str(problem))
        return error.exit_code
    except SimError as error:
        _complain(str(error))
        return error.exit_code
    except Stopped as stopped:
        what = "interrupted" if stopped.exit_code == EXIT_INTERRUPTED else "terminated"
        _complain(f"{what}; finished runs are kept: the same command continues")
        return stopped.exit_code
    except BrokenPipeError:
        return 0
    except Exception as error:  # typer's usage errors, whichever click it carries; anything else is a defect
        if not (hasattr(error, "show") and hasattr(error, "exit_code")):
            raise
        error.show()
        return int(error.exit_code)
    return result if isinstance(result, int) else 0


def _plain_streams() -> None:
    """Never fail because a terminal cannot show a letter."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _flush() -> None:
    """Write out what is buffered; a reader that left early is no error."""
    import os

    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop(number: int, frame: object) -> None:
    """Turn a signal into an exception, and ignore the impatient second one while workers are stopped."""
    signal.signal(number, signal.SIG_IGN)
    raise Stopped(EXIT_INTERRUPTED if number == signal.SIGINT else EXIT_TERMINATED)


def _shown(text: str) -> str:
    """Text from a file, safe for a terminal: no control characters."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _complain(message: str) -> None:
    for line in message.splitlines() or [""]:
        typer.echo(_shown(line), err=True)


def _say(message: str) -> None:
    if not Verbosity.quiet:
        typer.echo(_shown(message))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stabsim {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Also print warnings and timings.")] = False,
) -> None:
    """Simulate conflict and stability in a region, and compare what interventions would change."""
    Verbosity.quiet, Verbosity.verbose = quiet, verbose


Seed = Annotated[int, typer.Option(help="Seed of the experiment.")]
Citizens = Annotated[str, typer.Option(help="Number of simulated citizens, or all: every inhabitant.")]
Months = Annotated[int | None, typer.Option(help="Length of the run, instead of the scenario's.")]
Threads = Annotated[int, typer.Option(help="Kernel threads of each run.")]
Workers = Annotated[int | None, typer.Option(help="Processes side by side; as many as processors by default.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the scenario; may be repeated."),
]
Out = Annotated[Path | None, typer.Option(help="Folder for the results; one below results/ by default.")]


@app.command()
def run(
    scenario: Annotated[str | None, typer.Argument(help="A scenario file, or the name of a shipped scenario.")] = None,
    seed: Seed = 1,
    replications: Annotated[int, typer.Option(help="Independent histories.")] = 1,
    citizens: Citizens = "20000",
    months: Months = None,
    threads: Threads = 1,
    workers: Workers = None,
    set_: Overrides = None,
    out: Out = None,
    identity: Annotated[str | None, typer.Option("--id", help="Run one stored run again, alone; needs --from.")] = None,
    source: Annotated[Path | None, typer.Option("--from", help="Folder of the stored experiment.")] = None,
) -> int:
    """Run one scenario: a table of outcomes by state, and figures."""
    if identity is not None or source is not None:
        if identity is None or source is None or scenario is not None:
            raise InputError("run: --id and --from belong together and take no scenario")
        return _rerun(identity, source)
    if scenario is None:
        raise InputError("run: which scenario? Give a file or a name from: stabsim catalogue scenarios")
    from sim import api

    people = _citizens(citizens)
    settings: dict[str, Any] = {
        "seed": seed,
        "replications": replications,
        "citizens": people,
        "months": months,
        "set_": set_ or [],
    }
    folder = out or api.default_folder("run", [scenario], **settings)
    with _progress() as progress:
        results = api.run(scenario, **settings, threads=threads, workers=workers, out=folder, progress=progress)
    _warn(results)
    _print_run(results)
    return _ending(results)


@app.command()
def compare(
    scenarios: Annotated[list[str], typer.Argument(help="Scenario files or names of shipped scenarios.")],
    baseline: Annotated[
        str | None, typer.Option(help="What the others are compared with; the first scenario by default.")
    ] = None,
    replications: Annotated[int, typer.Option(help="Pairs of histories for each scenario.")] = 64,
    seed: Seed = 1,
    citizens: Citizens = "20000",
    months: Months = None,
    threads: Threads = 1,
    workers: Workers = None,
    set_: Overrides = None,
    out: Out = None,
) -> int:
    """Compare scenarios with a baseline: paired effects with intervals, and figures."""
    from sim import api

    people = _citizens(citizens)
    settings: dict[str, Any] = {
        "seed": seed,
        "replications": replications,
        "citizens": people,
        "months": months,
        "set_": set_ or [],
    }
    everything = scenarios if baseline is None else [baseline, *scenarios]
    folder = out or api.default_folder("compare", everything, **settings)
    with _progress() as progress:
        results = api.compare(
            scenarios,
            baseline=baseline,
            **settings,
            threads=threads,
            workers=workers,
            out=folder,
            progress=progress,
        )
    _warn(results)
    _print_comparison(results)
    return _ending(results)


@app.command()
def validate(
    paths: Annotated[list[Path], typer.Argument(help="Scenario files, region folders, or folders of scenarios.")],
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Print each scenario resolved, with where every value came from."),
    ] = False,
) -> int:
    """Check scenario files and regions; list every problem as file:line:column."""
    wrong, files = 0, 0
    regions: dict[Any, Any] = {}
    for path in paths:
        for item in _checkable(path):
            errors, warnings = _check(item, regions)
            for problem in errors:
                _complain(str(problem))
            for problem in warnings:
                _complain(f"warning: {problem}")
            files, wrong = files + 1, wrong + bool(errors)
            if explain and not errors and not item.is_dir():
                from sim.scenario import load_scenario, resolved_yaml

                _print_lines(resolved_yaml(load_scenario(item), explain=True))
    if wrong:
        _complain(f"{wrong} of {files} cannot be used")
        return InputError.exit_code
    _say(f"{files} checked, no problem")
    return 0


@app.command()
def catalogue(
    kind: Annotated[
        str, typer.Argument(help="interventions, parameters, outcomes, shocks or scenarios.")
    ] = "interventions",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List what scenarios can use and what runs record."""
    if kind == "scenarios":
        from sim.scenario import shipped_scenarios

        _print_lines(json.dumps(shipped_scenarios(), indent=1) if as_json else "\n".join(shipped_scenarios()))
        return
    from sim import api

    table = api.catalogue(kind)
    if as_json:
        typer.echo(table.to_json(orient="records", indent=1, force_ascii=False))
        return
    hidden = {
        "text",
        "source",
        "evidence",
        "per",
        "price_year",
        "pool",
        "headline",
        "full_dose",
        "levers",
        "approval",
    }
    _table(
        f"{len(table)} {kind} (everything: --json)",
        [(name, "left") for name in table.columns if name not in hidden],
        [[_cell(row[name]) for name in table.columns if name not in hidden] for _, row in table.iterrows()],
    )


@app.command()
def new(folder: Annotated[Path, typer.Argument(help="A new or an empty folder.")]) -> None:
    """Start a study: a folder with commented scenarios to edit."""
    from sim.scenario import new_study

    for path in new_study(folder):
        _say(f"wrote {path}")


@app.command()
def examples(folder: Annotated[Path, typer.Argument(help="A new or an empty folder.")]) -> None:
    """Copy the shipped scenarios and regions into a folder."""
    from sim.scenario import copy_examples

    count = len(copy_examples(folder))
    _say(f"copied {count} scenarios and folders to {folder}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from sim.scenario import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


# --- pieces


def _citizens(text: str) -> int | str:
    plain = text.replace("_", "").replace(",", "")
    if text == "all":
        return text
    if not (plain.isascii() and plain.lstrip("-").isdigit() and len(plain) <= 12):
        raise InputError(Problem("not a number of citizens", key="citizens", got=text[:40], allowed="a number, or all"))
    return int(plain)


def _checkable(path: Path) -> list[Path]:
    """Scenario files and region folders at a path; folders are searched, hidden parts left out."""
    if not path.is_dir():
        return [path]
    if (path / "region.toml").is_file():
        return [path]
    found = [item for item in sorted(path.rglob("*.yaml")) if not _hidden(item.relative_to(path))]
    found += [item.parent for item in sorted(path.rglob("region.toml")) if not _hidden(item.relative_to(path))]
    if not found:
        raise InputError(Problem("no scenario file and no region below this folder", file=str(path)))
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _check(path: Path, regions: dict[Any, Any]) -> tuple[list[Problem], list[Problem]]:
    if path.is_dir():
        from sim.region import check_region

        return check_region(path)
    from sim.scenario import validate_file

    return validate_file(path, regions=regions)


def _rerun(identity: str, source: Path) -> int:
    from sim import api

    table = api.rerun(identity, source)
    typer.echo(table.to_csv(index=False, lineterminator="\n"), nl=False)
    return 0


@contextmanager
def _progress() -> Iterator[Any]:
    """Show runs done, rate and time left on standard error: a bar on a terminal, else a line now and then."""
    if Verbosity.quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar() as update:
            yield update
    else:
        yield _Lines()


@contextmanager
def _bar() -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("runs", total=None, note="")

        def update(step: Any) -> None:
            bar.update(task, total=step.total, completed=step.done, note=_note(step))

        yield update


class _Lines:
    """Progress for logs: the first line, the last one, and one every ten seconds."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, step: Any) -> None:
        now = time.monotonic()
        if step.done == step.total or now - self.last >= 10:
            self.last = now
            _complain(f"{step.done} of {step.total} runs, {_note(step)}")


def _note(step: Any) -> str:
    parts = [f"{step.rate:.2g} a second" if step.rate else "starting"]
    if step.eta is not None and step.done < step.total:
        parts.append(f"{_duration(step.eta)} left")
    if step.failed:
        parts.append(f"{step.failed} failed")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _warn(results: Any) -> None:
    """Print what the scenarios' files hold that is worth a second look."""
    if Verbosity.quiet:
        return
    for scenario in results.scenarios:
        for problem in scenario.warnings:
            _complain(f"warning: {problem}")


def _table(title: str, columns: list[tuple[str, Any]], rows: list[list[str]]) -> None:
    """Print a table; nothing in a cell is read as markup."""
    if Verbosity.quiet:
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    wide = sys.stdout.isatty()
    table = Table(title=Text(_shown(title)), box=box.SIMPLE, title_justify="left", pad_edge=False)
    for name, justify in columns:
        table.add_column(Text(name), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(cell)) for cell in row))
    Console(width=None if wide else 170, highlight=False).print(table)


def _print_lines(text: str) -> None:
    for line in text.splitlines():
        typer.echo(_shown(line))


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    """Write a number in three significant digits or whole thousands; never in powers of ten."""
    if value != value:
        return ""
    if value in (float("inf"), float("-inf")):
        return "\N{INFINITY}" if value > 0 else "-\N{INFINITY}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if value == 0 or abs(value) >= 0.001:
        return f"{value:.3g}"
    return f"{value:.6f}".rstrip("0") if abs(value) >= 1e-6 else "~0"


def _print_run(results: RunResults) -> None:
    from sim.world.outcomes import OUTCOMES

    table, spec = results.headline(), results.scenarios[0]
    labels = {item.name: (item.label, item.unit) for item in OUTCOMES}
    many = results.tally.done
    of = "one history" if many == 1 else f"mean of {many} histories"
    rows = [[*labels[str(name)], *(_number(float(value)) for value in table.loc[name])] for name in table.index]
    _table(
        f"{spec.title or spec.key}: {spec.months} months from {spec.date(0)}, {of}",
        [("outcome", "left"), ("unit", "left"), *((str(scope), "right") for scope in table.columns)],
        rows,
    )
    if many == 1:
        _say("One history shows what can happen, not what is likely: --replications 64 shows the range.")


def _print_comparison(results: Comparison) -> None:
    from sim.world.outcomes import OUTCOMES

    items = {item.name: item for item in OUTCOMES}
    headline = results.headline()
    titles = {scenario.key: scenario.title or scenario.key for scenario in results.scenarios}
    short = headline["scenario"].nunique() > 4
    groups = dict(list(headline.groupby("scenario")))
    for key in (key for key in titles if key in groups):
        rows = groups[key]
        told = rows[~rows["in_words"].isin(_UNTOLD)] if short else rows
        _table(
            f"{titles[key]}, compared with {titles[results.baseline]}: region, whole run, {rows['n'].iloc[0]} pairs",
            [
                ("outcome", "left"),
                ("unit", "left"),
                ("baseline", "right"),
                ("difference", "right"),
                ("95 % interval of the mean", "right"),
                ("5-95 % of pairs", "right"),
                ("in words", "left"),
            ],
            [_effect_row(row, items[str(row["outcome"])]) for _, row in told.iterrows()],
        )
        if len(told) < len(rows):
            _say(f"{len(rows) - len(told)} other outcomes: no difference, or not enough replications to tell.\n")


_UNTOLD = ("not enough replications to tell", "the same in every pair", "one pair: no interval")


def _effect_row(row: Any, item: Any) -> list[str]:
    return [
        item.label,
        item.unit,
        _number(row["baseline_mean"]),
        _number(row["effect"]),
        f"{_number(row['ci_low'])} to {_number(row['ci_high'])}" if row["ci_low"] == row["ci_low"] else "",
        f"{_number(row['spread_low'])} to {_number(row['spread_high'])}",
        str(row["in_words"]),
    ]


def _ending(results: Any) -> int:
    """Say where to look and what failed; return the exit code."""
    tally = results.tally
    if Verbosity.verbose:
        share = tally.store_seconds / max(tally.run_seconds + tally.store_seconds, 1e-9)
        _say(
            f"{tally.done} runs in {_duration(tally.elapsed)} ({tally.reused} were there already), "
            f"storing took {share:.1%} of the work"
        )
    _say("Illustrative, not validated: the numbers follow from the assumptions of scenario and catalogue.")
    _say(f"Tables and figures: {results.folder}")
    if not tally.failed:
        return 0
    first = results.runs[results.runs["status"] == "failed"].iloc[0]
    _complain(f"{tally.failed} of {tally.total} runs failed; the first: {first['stage']}: {first['error']}")
    _complain(f"again, alone: {str(first['reproduce']).replace('DIR', str(results.folder))}")
    return EXIT_FAILED_RUNS


if __name__ == "__main__":
    main()
