"""JSON Schema of a region: the root describes ``region.toml``, ``$defs`` every table as a list of rows."""

from __future__ import annotations

import re
from math import isinf
from typing import Any

from sim.region.parse import MAX_TEXT, PATTERNS
from sim.region.schema import COLUMN_TEXT, HEADER_KEYS, STATUSES, TABLE_TEXT, TABLES, Column, HeaderKey, Schema
from sim.region.variables import VARIABLES

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def region_schema() -> dict[str, Any]:
    """Return the JSON Schema of a region folder, from the lists that check it."""
    return {
        "$schema": DIALECT,
        "title": "stabsim region",
        "description": "region.toml of a region folder; each table of the folder stands in $defs, as a list of rows",
        "type": "object",
        "properties": {name: _header(name, key) for name, key in HEADER_KEYS.items()},
        "required": list(HEADER_KEYS),
        "additionalProperties": False,
        "$defs": {name: _table(name, table) for name, table in TABLES.items()},
    }


def _header(name: str, key: HeaderKey) -> dict[str, Any]:
    said: dict[str, Any] = {"description": key.text}
    if key.kind in ("integer", "number"):
        return said | {"type": key.kind, "minimum": key.lo, "maximum": key.hi}
    if key.kind == "key":
        return said | _pattern("key")
    if key.kind == "text":
        return said | _text()
    if key.kind == "list":
        return said | {"type": "array", "items": {"type": "string", "pattern": "^[A-Z][A-Z0-9]{2}/[a-z][a-z0-9_]*$"}}
    said["type"] = "object"
    if name != "bounds":
        names = {"propertyNames": _pattern("community")} if name == "communities" else {}
        return said | names | {"minProperties": 1, "additionalProperties": _text()}
    ends = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    return said | {
        "properties": {
            item.name: ends | {"description": item.text, "unit": item.unit, "limits": [item.lo, item.hi]}
            for item in VARIABLES.values()
        },
        "required": list(VARIABLES),
        "additionalProperties": False,
    }


def _table(name: str, table: Schema) -> dict[str, Any]:
    """Return the schema of a table; ``key`` names the columns that identify a row, ``needed`` says whether the file must be there."""
    return {
        "description": TABLE_TEXT[name],
        "type": "array",
        "key": list(table.unique),
        "needed": table.required,
        "items": {
            "type": "object",
            "properties": {column.name: _column(column) for column in table.columns},
            "required": [column.name for column in table.columns],
            "additionalProperties": False,
        },
    }


def _column(column: Column) -> dict[str, Any]:
    said: dict[str, Any] = {"description": COLUMN_TEXT[column.name]}
    kind = column.kind.removeprefix("new_")
    if kind in PATTERNS:
        return said | _pattern(kind)
    if kind in ("integer", "number"):
        ends = {} if isinf(column.lo) else {"minimum": column.lo, "maximum": column.hi}
        return said | {"type": kind} | ends
    if kind == "month":
        month = {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}
        return said | ({"anyOf": [month, {"const": ""}]} if column.empty else month)
    if kind == "choice":
        return said | {"enum": list(column.choices)}
    if kind == "variable":
        named = (
            {"const": item.name, "description": f"{item.text}; {item.lo:g} to {item.hi:g} {item.unit}"}
            for item in VARIABLES.values()
        )
        return said | {"anyOf": list(named)}
    return said | ({"enum": list(STATUSES)} if kind == "status" else _text())


def _pattern(kind: str) -> dict[str, Any]:
    pattern: re.Pattern[str] = PATTERNS[kind][0]
    return {"type": "string", "pattern": f"^{pattern.pattern}$", "maxLength": 80}


def _text() -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
