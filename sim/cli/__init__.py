"""The ``stabsim`` command. Everything heavy is imported by the command that needs it."""

from sim.cli import files, listing, report, runs, why  # noqa: F401 - each registers its commands
from sim.cli.command import app, main

__all__ = ["app", "main"]
