"""Load a region by folder or by name."""

from __future__ import annotations

import re
from pathlib import Path

from sim.errors import Problem, RegionError, nearest, short
from sim.region.build import build_region
from sim.region.check import check_year, read_and_check
from sim.region.files import is_file
from sim.region.records import Region
from sim.region.schema import HEADER_FILE
from sim.region.shipped import shipped_root


def load_region(folder: Path, year: int | None = None) -> Region:
    """Read, check and build a region.

    Parameters
    ----------
    folder : Path
        The folder of tables.
    year : int, optional
        The year whose values are wanted; the region's default year when absent.

    Returns
    -------
    Region
        Read-only arrays in canonical order.

    Raises
    ------
    RegionError
        If anything in the folder is wrong; every problem is listed with file, line and column.
    """
    tables, errors, _ = read_and_check(Path(folder))
    if tables is None or errors or tables.header is None:
        raise RegionError(errors)
    year = tables.header.default_year if year is None else year
    problem = check_year(tables, year)
    if problem is not None:
        raise RegionError(problem)
    return build_region(tables, year)


def find_region(name: str | Path) -> Path:
    """Find a region by the name of a shipped one or by path.

    Parameters
    ----------
    name : str or Path
        Such as ``western_balkans``, or the path of a folder that holds a ``region.toml``.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    RegionError
        If there is none; the message names the nearest shipped region.
    """
    root = shipped_root() / "regions"
    text = str(name)
    candidates = [Path(text)]
    if re.fullmatch(r"[A-Za-z0-9_]{1,80}", text):
        candidates.insert(0, root / text)
    for folder in candidates:
        if is_file(folder / HEADER_FILE):
            return folder
    shipped = sorted(folder.name for folder in root.glob("*") if (folder / HEADER_FILE).is_file())
    allowed = f"{', '.join(shipped)} or a folder with a {HEADER_FILE}"
    raise RegionError(
        Problem("no such region", key="region", got=short(text), allowed=allowed, hint=nearest(text, shipped))
    )
