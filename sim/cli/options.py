"""The options of commands, built from `sim.settings`: names, help texts and defaults stand there once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.settings import Settings, default_of, settings_of

StoredFolder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder of run, compare or sweep.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]


def option(name: str, command: str = "run") -> Any:
    """Return one setting as an option, for a command that does not take them all."""
    said = settings_of(command)[name]
    kind: Any = list[str] if said.kind is list else said.kind
    if default_of(command, name) in (None, ()):
        kind = kind | None
    flag = said.flag or f"--{name.replace('_', '-')}"
    return Annotated[kind, typer.Option(flag, metavar=said.metavar, help=said.help)]


Out, Workers, Overrides = option("out"), option("workers"), option("set_")


def takes_settings(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of its settings; they arrive in its argument ``settings``."""
    name = command.__name__
    known = {key: said for key, said in settings_of(name).items() if said.kind is not None}

    @functools.wraps(command)
    def called(**values: Any) -> int:
        chosen = {key: values.pop(key) for key in known}
        read = {key: said.read(chosen[key]) for key, said in known.items() if said.read}
        given = {key: value for key, value in {**chosen, **read}.items() if value is not None}
        return command(**values, settings=Settings.of(name, **given))

    def parameter(key: str) -> inspect.Parameter:
        default = default_of(name, key)
        if default == ():
            default = None
        elif known[key].read:
            default = str(default)
        return inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option(key, name))

    own = [item for item in inspect.signature(command, eval_str=True).parameters.values() if item.name != "settings"]
    first = [item for item in own if item.kind is not inspect.Parameter.KEYWORD_ONLY]
    last = [item for item in own if item.kind is inspect.Parameter.KEYWORD_ONLY]
    parameters = [*first, *map(parameter, known), *last]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {item.name: item.annotation for item in parameters}
    return called
