"""The ``stabsim`` command. Everything heavy is imported by the command that needs it."""

from sim.cli import (  # noqa: F401 - each registers its commands
    check,
    files,
    inspect,
    listing,
    page,
    report,
    runs,
    sweeps,
    why,
)
from sim.cli.command import app, main

__all__ = ["app", "main"]
