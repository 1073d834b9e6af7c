"""The command itself: options before the command, signals, errors turned into messages and exit codes."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from sim import __version__
from sim.cli.output import Verbosity, complain
from sim.errors import InputError, SimError

STOPPING = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}

DISK_TROUBLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})

RESUMABLE = frozenset({"run", "compare", "sweep"})

GRACE = 4.5
"""Seconds after which a stopped command ends in any case; its workers end with it."""


app = typer.Typer(
    name="stabsim",
    help="Simulate conflict and stability in a region, and compare what interventions would change.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def examples(*commands: str) -> str:
    """Commands to show at the end of a command's help, as they would be typed."""
    return "\b\nExamples:\n" + "\n".join(f"  stabsim {command}" for command in commands)


class Stopped(BaseException):
    """A signal asked to stop; passes every handler of ordinary errors on its way to ``main``."""

    def __init__(self, number: int) -> None:
        self.what = STOPPING[signal.Signals(number)]
        self.exit_code = 128 + number
        super().__init__(self.what)


def main() -> None:
    """Run the command and turn errors into messages and exit codes."""
    _plain_streams()
    for number in STOPPING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
            signal.signal(number, _stop)
    code = _guarded()
    _flush()
    sys.exit(code)


def _guarded() -> int:
    try:
        result = app(standalone_mode=False)
    except InputError as error:
        for problem in error.problems:
            complain(str(problem))
        return error.exit_code
    except SimError as error:
        complain(str(error))
        return error.exit_code
    except Stopped as stopped:
        with contextlib.suppress(OSError):  # the terminal may be what went away
            complain(f"{stopped.what}{_how_to_continue()}")
        return stopped.exit_code
    except BrokenPipeError:
        return 0
    except OSError as error:
        if error.errno not in DISK_TROUBLE:
            raise
        complain(f"{error.filename or 'results'}: cannot be written: {error.strerror}{_how_to_continue()}")
        return SimError.exit_code
    except Exception as error:  # typer's usage errors, whichever click it carries; anything else is a defect
        if not (hasattr(error, "show") and hasattr(error, "exit_code")):
            raise
        error.show()
        return int(error.exit_code)
    return result if isinstance(result, int) else 0


def _plain_streams() -> None:
    """Never fail because a terminal cannot show a letter; a file or a pipe gets UTF-8 whatever the locale."""
    if sys.stdout is None or sys.stderr is None:  # closed by whoever called
        nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open to the end
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")


def _flush() -> None:
    """Write out what is buffered; a reader that left early is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop(number: int, frame: object) -> None:
    """Turn a signal into an exception, once: the impatient second one must not disturb the clearing up."""
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    last_resort = threading.Timer(GRACE, os._exit, [128 + number])
    last_resort.daemon = True
    last_resort.start()
    raise Stopped(number)


def _how_to_continue() -> str:
    """Say what was typed, for commands that store results as they go."""
    if not RESUMABLE.intersection(sys.argv[1:]):
        return ""
    program = ["stabsim"] if Path(sys.argv[0]).name == "stabsim" else [sys.executable, "-m", "sim.cli"]
    return f"; finished runs are kept: the same command continues\n{shlex.join([*program, *sys.argv[1:]])}"


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
