"""The ``stabsim`` command. Everything heavy is imported by the command that needs it."""

from sim.cli import check, files, listing, runs  # noqa: F401 - each registers its commands
from sim.cli.command import app, main

__all__ = ["app", "main"]
