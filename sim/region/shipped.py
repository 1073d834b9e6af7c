"""Find what ships with the package: scenarios and regions, in a checkout and in a wheel alike."""

from __future__ import annotations

from pathlib import Path


def shipped_root() -> Path:
    """Return the folder that holds the shipped scenarios.

    Returns
    -------
    Path
        ``sim/_scenarios`` of an installed wheel, else ``scenarios`` beside the package of a checkout.
    """
    package = Path(__file__).resolve().parent.parent
    installed = package / "_scenarios"
    return installed if installed.is_dir() else package.parent / "scenarios"
