"""Load a region by folder or by name."""

from __future__ import annotations

import re
from pathlib import Path

from sim.errors import Problem, RegionError
from sim.region.build import build_region
from sim.region.check import read_and_check
from sim.region.read import Tables, nearest
from sim.region.records import Region
from sim.region.schema import HEADER_FILE
from sim.region.shipped import shipped_root

YEARS_AHEAD = 25


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
    problem = _check_year(tables, year)
    if problem is not None:
        raise RegionError(problem)
    return build_region(tables, year)


def _check_year(tables: Tables, year: int) -> Problem | None:
    """A year is usable from the first year with values to 25 years after the last."""
    known = tables["state_values.csv"].columns["year"]
    first, last = min(known), max(known) + YEARS_AHEAD
    if first <= year <= last:
        return None
    return Problem("the region has no values near this year", tables.folder.name, key="year", got=str(year),
                   allowed=f"{first} to {last}")


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
    if re.fullmatch(r"[A-Za-z0-9_]+", text) and (root / text / HEADER_FILE).is_file():
        return root / text
    path = Path(name)
    if (path / HEADER_FILE).is_file():
        return path
    shipped = sorted(folder.name for folder in root.glob("*") if (folder / HEADER_FILE).is_file())
    raise RegionError(Problem("no such region", key="region", got=repr(text[:200]),
                              allowed=f"{', '.join(shipped)} or a folder with a {HEADER_FILE}",
                              hint=nearest(text, shipped)))
