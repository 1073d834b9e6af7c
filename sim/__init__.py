"""stabsim: simulation of conflict and stability in a region."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

__all__ = ["Settings", "__version__", "catalogue", "compare", "load_scenario", "read_results", "run", "sweep", "why"]


def __getattr__(name: str) -> Any:
    """Import the functions of ``sim.api`` when first asked for, so that ``import sim`` stays light."""
    if name in __all__:
        return getattr(import_module("sim.api"), name)
    raise AttributeError(f"module 'sim' has no attribute {name!r}")
