"""Checks of the model: facts, docking, trials, hindcast and calibration; results as tables and figures.

A package beside `sim`, which never imports it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["Checked", "check", "publish"]


def __getattr__(name: str) -> Any:
    """Import what carries out checks when first asked for, so that ``stabsim --help`` stays light."""
    if name in __all__:
        return getattr(import_module("checks.run"), name)
    raise AttributeError(f"module 'checks' has no attribute {name!r}")
