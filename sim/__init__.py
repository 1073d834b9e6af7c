"""stabsim: simulation of conflict and stability in a region."""

__version__ = "0.1.0"
