"""What the command prints: messages, tables, progress. Text from files passes ``shown`` on its way to a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from sim.wording import duration, printable


class Verbosity:
    """How much the command says; set once by the options before the command."""

    quiet = False
    verbose = False


def shown(text: str) -> str:
    """Text from a file, safe for a terminal: no control characters."""
    return printable(text)


def complain(message: str) -> None:
    """Print to standard error, even when quiet."""
    for line in message.splitlines() or [""]:
        typer.echo(shown(line), err=True)


def say(message: str) -> None:
    """Print to standard output, unless quiet."""
    if not Verbosity.quiet:
        typer.echo(shown(message))


def print_lines(text: str) -> None:
    """Print text that was asked for, quiet or not."""
    for line in text.splitlines():
        typer.echo(shown(line))


def print_table(title: str, columns: Sequence[str], rows: list[list[str]], right: Collection[str] = ()) -> None:
    """Print a table; nothing in a cell is read as markup. Columns named in ``right`` are aligned to the right."""
    if Verbosity.quiet:
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    wide = sys.stdout.isatty()
    table = Table(title=Text(shown(title)), box=box.SIMPLE, title_justify="left", pad_edge=False)
    for name in columns:
        table.add_column(Text(name), justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    Console(width=None if wide else 170, highlight=False).print(table)


def cell(value: Any) -> str:
    """Write a value for a table cell."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


@contextmanager
def progress_shown() -> Iterator[Any]:
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
    bar = Bar(*columns, console=Console(stderr=True))
    task = bar.add_task("runs", total=None, note="")

    def update(step: Any) -> None:
        bar.start()  # only now: messages about the input come first
        bar.update(task, total=step.total, completed=step.done, note=_note(step))

    try:
        yield update
    finally:
        bar.stop()


class _Lines:
    """Progress for logs: the first line, the last one, and one every ten seconds."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, step: Any) -> None:
        now = time.monotonic()
        if step.done == step.total or now - self.last >= 10:
            self.last = now
            complain(f"{step.done} of {step.total} runs, {_note(step)}")


def _note(step: Any) -> str:
    parts = [f"{step.rate:.2g} a second" if step.rate else "starting"]
    if step.eta is not None and step.done < step.total:
        parts.append(f"{duration(step.eta)} left")
    if step.failed:
        parts.append(f"{step.failed} failed")
    return ", ".join(parts)
