"""From what the schema refuses to problems with a place, what is allowed, and a hint.

A hint names a value only when nothing else can have been meant: one that may be wrong is worse than none.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError

from sim.errors import Problem
from sim.interventions import catalogue
from sim.parameters import CATALOGUE as PARAMETERS
from sim.parameters.theories import THEORIES
from sim.region import Region, slips
from sim.scenario.schema import DATE_RULE, FORMAT, KEY_RULE, MAX_RATE, ScenarioFile, field_at, names_at, unit_of
from sim.scenario.text import KeyPath, Node, dotted, problem_at, shown
from sim.world.levers import LEVER_BY_NAME

MAX_PROBLEMS = 200
"""Of one file; a file with more is not read on."""
Kind = Literal["intervention", "shock"]
_KINDS = ("states", "districts", "communities")
_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "finite_number": "a finite number",
}
_LIMITS = ("greater_than_equal", "less_than_equal", "greater_than", "less_than")
_FREE_TEXTS = ("title", "description", "name", "text", "unit", "basis")
"""Keys that hold words of the author's own: any value can be meant as a text there."""
_ONE_ONLY = {
    "type": "one type each: write the second one below a name of its own",
    "extends": "one parent only; a parent may itself extend another",
    "region": "one region only; a region may hold many states",
}
_LINES = {
    "interventions": "name: {type: ...}",
    "shocks": "name: {type: ...}",
    "parameters": "b_peer: 2.5",
    "packages": "name: {interventions: {a: {type: ...}}}",
    "budgets": "name: {meur_per_year: 50, members: [a, b]}",
    "define": "a_type: {name: ..., channels: [...]}",
    "theories": "arrest: floor",
}
"""What one line of each section looks like."""


# What the schema refuses ---------------------------------------------------------------------------------------------


def check_shape(root: Node, model: type[BaseModel] = ScenarioFile) -> tuple[list[Problem], list[KeyPath]]:
    """Check a tree against a file schema; return every violation, and the paths of what is bad."""
    try:
        model.model_validate(root.plain())
    except ValidationError as error:
        found = [_Finding(model, item) for item in error.errors(include_url=False)]
        return [one.problem(root) for one in found[:MAX_PROBLEMS]], [one.path for one in found]
    return [], []


def meant(problem: Problem) -> str:
    """Return the dotted key an unknown key most likely stood for, or nothing."""
    guess = re.fullmatch(r"did you mean '([a-z_]+)'\?", problem.hint)
    if problem.what != "unknown key" or guess is None:
        return ""
    parent, dot, _ = problem.key.rpartition(".")
    return f"{parent}{dot}{guess[1]}"


class _Finding:
    """One thing that pydantic refused, in the words of the file."""

    def __init__(self, model: type[BaseModel], item: Any) -> None:
        self.model = model
        self.item = item
        self.kind, self.value = item["type"], item["input"]
        loc = tuple(item["loc"])
        self.bad_key = len(loc) > 1 and loc[-1] == "[key]" and self.kind != "extra_forbidden"
        self.path = loc[:-1] if self.bad_key else loc
        self.last = str(self.path[-1]) if self.path else ""

    def problem(self, root: Node) -> Problem:
        """Return the problem, at its place in the file."""
        if self.kind == "extra_forbidden":
            return problem_at(root, self.path, "unknown key", on_key=True, **self.unknown())
        if self.bad_key and self.kind in ("string_pattern_mismatch", "string_type"):
            slug = slips.slug(self.last)
            hint = f"write {slug}" if slug else ""
            return problem_at(root, self.path, "is not usable as a name", on_key=True, allowed=KEY_RULE, hint=hint)
        what, said = self.bad_value()
        if self.kind != "missing":
            said["got"] = shown(self.value)
        return problem_at(root, self.path, what, on_key=self.bad_key, **said)

    def unknown(self) -> dict[str, str]:
        """Say which keys there are, and the one that was meant or the place where this one belongs."""
        parent, key = self.path[:-1], self.last
        names = names_at(parent, self.model)
        starts = [name for name in names if name.startswith(f"{key}_")]
        if key in slips.COMMAND_OPTIONS and not parent:
            hint = f"not part of a scenario: give --{key} to run or compare"
        elif key.casefold() in ("end", "until", "stop", "years") and "months" in names:
            hint = "write the length instead, in months: months"
        elif known := slips.synonym(key, names):
            hint = f"did you mean {known!r}?"
        else:
            hint = _did_you_mean(starts) or self.elsewhere(parent, key, names) or near(key, names)
        return {"allowed": ", ".join(names), "hint": hint}

    def elsewhere(self, parent: KeyPath, key: str, names: list[str]) -> str:
        """Say where a key belongs that is right elsewhere."""
        if key in PARAMETERS:
            return "it belongs under parameters, on the first level of the file"
        for name in names:
            if key in names_at((*parent, name), self.model):
                return f"it belongs under {name}"
            if not parent and key in names_at((name, "any"), self.model):
                return f"it belongs to one of the {name}, inside its braces or below its name"
        if parent and key in names_at((), self.model):
            return "it belongs on the first level of the file"
        around = parent[:-1]
        homes = [name for name in names_at(around, self.model) if key in names_at((*around, name), self.model)]
        return f"it is a key of {' and '.join(homes)}" if homes and parent else ""

    def bad_value(self) -> tuple[str, dict[str, str]]:
        """Say what is wrong with a value, what is allowed, and how to mend it."""
        kind, value, last = self.kind, self.value, self.last
        if last in ("start", "at") and (kind in _TYPES or kind == "string_pattern_mismatch"):
            return "is not a month", {"allowed": DATE_RULE, "hint": slips.date_hint(value)}
        if kind in _TYPES:
            return f"must be {_TYPES[kind]}", {"allowed": self.allowed(), "hint": self.type_hint()}
        if kind == "literal_error":
            options = [str(option) for option in self.options()]
            hint = near(value, options) if isinstance(value, str) else ""
            return "is not one of the allowed values", {"allowed": ", ".join(options), "hint": hint}
        if kind == "missing":
            return "is missing", {"allowed": self.allowed()}
        if kind == "string_pattern_mismatch" and last == "evidence":
            return "names no rows of the evidence", {"allowed": "assumption, or rows such as P11d, S6"}
        if kind in _LIMITS:
            hint = slips.range_hint(value, share=self.share(), field=last)
            return "is out of range", {"allowed": self.allowed(), "hint": hint}
        if kind in ("too_long", "string_too_long"):
            unit = "characters" if kind.startswith("string") else "items"
            return "is too long", {"allowed": f"at most {self.item['ctx']['max_length']} {unit}"}
        if kind == "string_too_short":
            return "is empty", {"allowed": "a text, or leave the key out"}
        if kind == "value_error" and last == "lever":
            allowed = f"one of {len(LEVER_BY_NAME)}: see docs/interventions.md, or stabsim schema scenario"
            return "no lever is called that", {"allowed": allowed, "hint": near(str(value), LEVER_BY_NAME)}
        if kind != "value_error":
            return self.item["msg"], {}
        said = {"format": {"allowed": str(FORMAT)}}.get(last, {})
        if last == "rate":
            hint = (near(value, ["catalogue"]) or self.number_hint(False)) if isinstance(value, str) else ""
            said = {"allowed": f"0 to {_number(MAX_RATE)} a year, or catalogue", "hint": hint}
        return str(self.item["ctx"]["error"]), said

    def type_hint(self) -> str:
        """Return a tip for a value of the wrong type."""
        if self.kind.startswith(("int", "float")):
            return self.number_hint(self.kind.startswith("int"))
        value, last = self.value, self.last
        if self.kind == "list_type":
            return _list_hint(last, value) if isinstance(value, str) else ""
        if self.kind != "string_type":
            return self.mapping_hint()
        if last == "type" and isinstance(value, int) and self.path[0] == "interventions":
            return type_hint(str(value), "intervention")
        if isinstance(value, list) and len(value) > 1 and last in _ONE_ONLY:
            return _ONE_ONLY[last]
        return slips.text_hint(value) if isinstance(value, list | dict) or last in _FREE_TEXTS else ""

    def number_hint(self, whole: bool) -> str:
        months = unit_of(dotted(self.path)) == "months"
        return slips.number_hint(self.value, whole=whole, share=self.share(), months=months)

    def mapping_hint(self) -> str:
        """Return a tip for a value where keys and values are wanted."""
        last, value = self.last, self.value
        if last in _LINES and len(self.path) == 1:
            return f"below it, one line each without a dash: {_LINES[last]}"
        if last == "targets":
            return "say of what: {states: [...]}, {districts: [...]} or {communities: [...]}"
        if last in ("when", "stop_when"):
            return "such as {indicator: tension, above: 0.5}"
        if len(self.path) != 2:
            return ""
        if self.path[0] not in ("interventions", "shocks"):
            _, _, example = _LINES.get(self.path[0], "").partition(" ")
            return f"such as {example}" if example else ""
        example = "I2" if self.path[0] == "interventions" else "rumour"
        return f"such as {{type: {value if isinstance(value, str) and len(value) <= 60 else example}}}"

    def options(self) -> tuple[Any, ...]:
        kind, _ = field_at(self.path, self.model)
        return get_args(kind) if get_origin(kind) is Literal else ()

    def bounds(self) -> tuple[Any, Any, bool]:
        """Return the least and the largest number allowed (None: no limit), and whether the least is left out."""
        if len(self.path) == 2 and self.path[0] == "parameters" and self.last in PARAMETERS:
            known = PARAMETERS[self.last]
            return known.hard_low, known.hard_high, False
        low = high = None
        above = False
        for limit in field_at(self.path, self.model)[1]:
            above = above or isinstance(limit, Gt)
            low = limit.ge if isinstance(limit, Ge) else limit.gt if isinstance(limit, Gt) else low
            high = limit.le if isinstance(limit, Le) else limit.lt if isinstance(limit, Lt) else high
        return low, high, above

    def share(self) -> bool:
        """Say whether a number is a share or a probability: by its unit, and because it is at most 1."""
        unit = unit_of(dotted(self.path))
        return (unit.startswith("share") or unit == "probability") and self.bounds()[1] == 1

    def allowed(self) -> str:
        """Return what a value may be, as text."""
        if len(self.path) == 2 and self.path[0] == "theories" and self.last in THEORIES:
            return ", ".join(stance.key for stance in THEORIES[self.last].stances)
        low, high, above = self.bounds()
        if low is None and high is None:
            return ""
        least = f"above {_number(low)}" if above else f"{_number(low)} or more"
        span = f"{_number(low)} to {_number(high)}" if high is not None else least
        unit = unit_of(dotted(self.path))
        return f"{span}, {unit}" if " " in unit else f"{span} {unit}".rstrip()


def _list_hint(key: str, value: str) -> str:
    if value.casefold() in ("all", "any", "*", "everyone", "everywhere"):
        return f"for all, leave {key} out" if key in _KINDS else ""
    items = [item.strip() for item in value.split(",")]
    plain = len(value) <= 60 and all(re.fullmatch(r"[\w-]+", item) for item in items)
    return f"write [{', '.join(items)}]" if plain else "in square brackets, with commas between the items"


def _number(value: float) -> str:
    return slips.written(value) if abs(value) < 1e6 else f"{value:g}"


# Which name was meant ------------------------------------------------------------------------------------------------


def near(name: str, known: Iterable[str]) -> str:
    """Return a tip for a misspelt name; nothing when no known one is close, or for codes of three letters or less."""
    table = {candidate.casefold(): candidate for candidate in sorted(known) if len(candidate) > 3}
    word = name.casefold()
    close = difflib.get_close_matches(word, table, n=3, cutoff=0.75)
    ratios = [difflib.SequenceMatcher(None, one, word).ratio() for one in close]
    return _did_you_mean([table[one] for one, ratio in zip(close, ratios, strict=True) if ratio > ratios[0] - 0.05])


def _did_you_mean(names: list[str]) -> str:
    return f"did you mean {' or '.join(map(repr, names))}?" if 0 < len(names) <= 3 else ""


def _words(text: str) -> set[str]:
    return {slips.fold(word) for word in re.split(r"[\s_,()/-]+", text)}


def entries(kind: Kind) -> dict[str, Any]:
    """Return the catalogue's interventions by row, or its shocks by key."""
    return dict(catalogue().interventions if kind == "intervention" else catalogue().shocks)


def type_hint(name: str, kind: Kind) -> str:
    """Return a tip for a type that is in no catalogue under this name."""
    word = slips.fold(name)
    other: Kind = "shock" if kind == "intervention" else "intervention"
    row = re.fullmatch(r"i?0*([0-9]{1,2})", word) if kind == "intervention" else None
    if row:
        return f"write I{row[1]}" if f"I{row[1]}" in entries(kind) else "the catalogue has no such row"
    for key, entry in entries(kind).items():
        if word in (slips.fold(key), slips.fold(entry.key), slips.fold(entry.name)):
            return f"write {entry.key}"
    for key, entry in entries(other).items():
        if word in (slips.fold(key), slips.fold(entry.key), slips.fold(entry.name)):
            return f"that is one of the {other}s: list it under {other}s"
    known = [entry.key for entry in entries(kind).values()]
    return near(name, known) or _did_you_mean([key for key in known if word in _words(key)])


def place_hint(name: str, kind: str, region: Region, only: bool = False) -> str:
    """Return a tip for a name that is no member of ``kind``; ``only``: a place of another kind cannot stand there."""
    word = slips.fold(name)
    if not word:
        return ""
    for other in (kind, *(item for item in _KINDS if item != kind and not only)):
        code = _meant_place(word, other, region)
        if code:
            return f"write {code}" if other == kind else f"{code} is one of the {other}: list it under {other}"
    inside = [code for code in getattr(region, kind) if word in _words(code)] if kind == "districts" else []
    return _did_you_mean(inside) or near(name, getattr(region, kind))


def _meant_place(word: str, kind: str, region: Region) -> str:
    """Return the code of a place or group by a folded code, name or other spelling."""
    codes: tuple[str, ...] = getattr(region, kind)
    names = {"states": region.state_names, "districts": region.district_names, "communities": region.community_names}
    for code, name in zip(codes, names[kind], strict=True):
        if word in (slips.fold(code), slips.fold(name)):
            return code
    ends = [code for code in codes if kind == "districts" and word == slips.fold(code.partition("-")[2])]
    if len(ends) == 1:
        return ends[0]
    code = _other_names().get(word, "") if kind == "states" else ""
    return code if code in codes else ""


def mission_hint(name: str, missions: Iterable[Any]) -> str:
    """Return a tip for the name of a mission that does not exist."""
    word = slips.fold(name)
    keys = [mission.key for mission in missions]
    same = [item.key for item in missions if word in (slips.fold(item.key), slips.fold(item.name))]
    if len(same) == 1:
        return f"write {same[0]}"
    return _did_you_mean([item.key for item in missions if word in _words(f"{item.key} {item.name}")]) or near(
        name, keys
    )


OTHER_NAMES = {
    "ALB": "AL, Shqipëri, Shqipëria, Republic of Albania, Albanie, Albanien",
    "BIH": "BA, BiH, Bosnia, Bosnia-Herzegovina, Bosna i Hercegovina, Босна и Херцеговина, Bosnie-Herzégovine, "
    "Bosnien und Herzegowina",
    "HRV": "HR, CRO, Hrvatska, Republic of Croatia, Croatie, Kroatien",
    "MKD": "MK, NMK, Macedonia, FYROM, FYR Macedonia, Republic of North Macedonia, "
    "The former Yugoslav Republic of Macedonia, Severna Makedonija, Северна Македонија, Македонија, "
    "Maqedonia e Veriut, Macédoine du Nord, Nordmazedonien",
    "MNE": "ME, MNG, Crna Gora, Црна Гора, Mali i Zi, Monténégro",
    "SRB": "SER, Srbija, Србија, Republic of Serbia, Serbie, Serbien",
    "XKX": "XK, XKS, XKO, KOS, KS, RKS, KSV, UNK, Kosova, Kosovë, Косово, Kosovo and Metohija, Kosovo i Metohija, "
    "Republic of Kosovo",
}
"""Codes and spellings met in other sources, in no order of merit and with no view on status.

RS is left out: a code of Serbia, and a short form of Republika Srpska.
"""


@cache
def _other_names() -> dict[str, str]:
    return {slips.fold(name): code for code, names in OTHER_NAMES.items() for name in names.split(", ")}
