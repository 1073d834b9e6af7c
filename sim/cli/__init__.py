"""The ``stabsim`` command. Everything heavy is imported by the command that needs it."""

# In the order in which --help lists the commands.
# isort: off
from sim.cli import runs, stored, check, files, listing  # noqa: F401 - each registers

# isort: on
from sim.cli.command import app, main

__all__ = ["app", "main"]
