"""The ``stabsim`` command. Everything heavy is imported by the command that needs it."""

# In the order in which --help lists the commands.
# isort: off
from sim.cli import runs, stored, files, listing  # noqa: F401 - each registers

# isort: on
from importlib.metadata import entry_points

from sim.cli.command import app, main

for _entry in sorted(entry_points(group="stabsim.commands"), key=lambda entry: entry.name):
    _entry.load()(app)  # commands of other packages, such as `checks`

__all__ = ["app", "main"]
