"""Writing tables that stay data wherever they are opened."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain_text(value: object) -> str:
    """Make text safe as a cell: no control characters, a quote before what a spreadsheet would run."""
    text = "".join(character if character.isprintable() else " " for character in str(value))
    return f"'{text}" if str(value).startswith(FORMULA_START) or text.lstrip().startswith(FORMULA_START) else text


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as UTF-8 CSV in one step; text cells cannot become formulas; numbers keep nine digits."""
    safe = table.copy()
    for name in safe.columns:
        if not (pd.api.types.is_numeric_dtype(safe[name]) or pd.api.types.is_bool_dtype(safe[name])):
            safe[name] = safe[name].map(plain_text)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    safe.to_csv(temporary, index=False, float_format="%.9g", lineterminator="\n", encoding="utf-8")
    temporary.replace(path)
