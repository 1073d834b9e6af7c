"""Find what ships with the package: scenarios, regions and experiments, in a checkout and in a wheel alike."""

from __future__ import annotations

from pathlib import Path


def shipped_root() -> Path:
    """Return the folder that holds the shipped scenarios.

    Returns
    -------
    Path
        ``sim/_scenarios`` of an installed wheel, else ``scenarios`` beside the package of a checkout.
    """
    return _shipped("scenarios")


def shipped_studies() -> Path:
    """Return the folder that holds the shipped experiments, found in the same way.

    Returns
    -------
    Path
        ``sim/_experiments`` of an installed wheel, else ``experiments`` beside the package of a checkout.
    """
    return _shipped("experiments")


def _shipped(name: str) -> Path:
    package = Path(__file__).resolve().parent.parent
    installed = package / f"_{name}"
    return installed if installed.is_dir() else package.parent / name
