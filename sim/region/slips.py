"""One-line tips for the classic slips: from what was written to what was most likely meant."""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

FIRST_YEAR, LAST_YEAR = 1950, 2099
_SWITCH = {"on", "off", "yes", "no", "y", "n", "true", "false"}
_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_SHARES = {"half": "0.5", "full": "1"}
_AMOUNT = re.compile(r"(€?)\s*([-+]?[0-9][0-9.,_' ]*|[-+]?\.[0-9]+)(.*)", re.DOTALL)
_YEARS = {"year", "years", "yr", "yrs", "y"}
_COUNTED = {"troops", "soldiers", "persons", "people", "officers", "monitors", "observers", "month", "months"}
_MILLIONS = {"m", "meur", "m eur", "million", "million euro", "million eur", "mio", "mio euro", "mio eur", "m€"}
_EQUALS = re.compile(r"\s*[A-Za-z_]\w*\s*=\s*\S")
_TIGHT = re.compile(r"\s*[\w-]+:[^\s/:]")
_SIGNS = str.maketrans("\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}\N{NON-BREAKING HYPHEN}\N{NO-BREAK SPACE}", "---- ")
_CURLY = "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"
_MONTHS = {
    name.casefold(): number
    for names in (calendar.month_name, calendar.month_abbr)
    for number, name in enumerate(names)
    if name
} | {"sept": 9}


def plain(text: str) -> str:
    """Return text with ordinary digits, signs and spaces, without blanks around it."""
    return unicodedata.normalize("NFKC", text).translate(_SIGNS).strip()


def fold(text: str) -> str:
    """Return a name without case, accents, spaces and punctuation, to compare spellings."""
    letters = unicodedata.normalize("NFKD", text.casefold()).replace("đ", "d").replace("ı", "i")
    return "".join(char for char in letters if char.isalnum())


def written(value: float) -> str:
    """Return a number as one would write it in a file."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.12g}"


def amount(text: str, *, whole: bool = False) -> float | None:
    """Read a number as people write it, or None where it can be read in two ways: 41,685 may be a decimal."""
    text = re.sub(r"(?<=[0-9])_(?=[0-9])", "", text.strip())
    grouped = re.fullmatch(r"[-+]?[1-9][0-9]{0,2}(?:([,. '])[0-9]{3})(?:\1[0-9]{3})*", text)
    if grouped and (text.count(grouped[1]) > 1 or (whole and grouped[1] != ".")):
        text = text.replace(grouped[1], "")
    elif re.fullmatch(r"[-+]?[1-9][0-9]{0,2}(,[0-9]{3})+\.[0-9]+", text):
        text = text.replace(",", "")
    elif re.fullmatch(r"[-+]?[1-9][0-9]{0,2}(\.[0-9]{3})+,[0-9]+", text):
        text = text.replace(".", "").replace(",", ".")
    elif grouped and (whole or grouped[1] != "."):
        return None
    elif text.count(",") == 1:
        text = text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e15 else None


def number_hint(value: Any, *, whole: bool, share: bool, months: bool) -> str:
    """Return a tip for what stands where a number is wanted (``share``: between 0 and 1).

    The tip names a number only where no other can be meant; an ambiguous value gets the rule alone.
    """
    if isinstance(value, bool):
        return "true and false are not numbers"
    if isinstance(value, float):
        return "a whole number, without a decimal point"
    if isinstance(value, list):
        one = f"write {value[0]} without brackets" if len(value) == 1 and isinstance(value[0], int | float) else ""
        return one or "one number only; what is to vary belongs in an experiment"
    if not isinstance(value, str):
        return "one number only, not a mapping"
    text = plain(value)
    if text.casefold() in _SWITCH:
        return "on, off, yes and no are words here, not numbers"
    if text.casefold() in _WORDS:
        return f"in digits: write {_WORDS.index(text.casefold())}"
    if share and text.casefold() in _SHARES:
        return f"in digits: write {_SHARES[text.casefold()]}"
    return _amount_hint(text.strip(f"\"'{_CURLY}"), value, whole=whole, share=share, months=months)


def _amount_hint(text: str, raw: str, *, whole: bool, share: bool, months: bool) -> str:
    """Return a tip for a text with digits in it."""
    if re.fullmatch(r"[-+0-9.,]*[oO][-+0-9.,oO]*", text) and amount(text.lower().replace("o", "0")) is not None:
        return "the letter O stands for the digit 0"
    if re.fullmatch(r"[0-9.]+\s*(-|\.\.|to)\s*[0-9.]+", text):
        return "one number, not a range"
    fraction = re.fullmatch(r"([0-9]{1,9})\s*/\s*([1-9][0-9]{0,8})", text)
    if fraction:
        return "no fractions" if whole else f"no fractions: write {written(int(fraction[1]) / int(fraction[2]))}"
    found = _AMOUNT.fullmatch(text)
    if found is None or re.search(r"[0-9:;/*+=]", found[3]):
        return ""
    value, unit = amount(found[2], whole=whole), found[3].strip().casefold()
    if unit or found[1]:
        return _unit_hint(value, unit, euro=bool(found[1]), whole=whole, share=share, months=months)
    if value is None:
        point = "a whole number without points" if whole else "a decimal point"
        return f"{point}, and nothing between thousands" if re.fullmatch(r"[-+0-9., ']+", found[2]) else ""
    if whole and value != int(value):
        return "a whole number, without a decimal point"
    if "," in text and "." not in text.partition(",")[2] and value != int(value):
        return f"a decimal point, not a comma: write {written(value)}"
    if re.fullmatch(r"[-+]?[0-9]*\.?[0-9]+", raw):
        return f"without quotes: write {raw}"
    return f"digits only: write {written(value)}"


def _unit_hint(value: float | None, unit: str, *, euro: bool, whole: bool, share: bool, months: bool) -> str:
    """Return a tip for a number with a unit; with its value only where the unit leaves no doubt."""
    if unit in ("%", "percent", "per cent", "pct", "p.c."):
        if not share:
            return "a number without a percent sign"
        return "a share, not a percentage" + (f": write {written(value / 100)}" if value is not None else "")
    times = 0
    if whole and not euro and unit in ("k", "thousand"):
        times = 1000
    elif months and unit in _YEARS:
        times = 12
    elif unit in (_COUNTED if whole else _MILLIONS):
        times = 1
    exact = value is not None and times and (not whole or value * times == int(value * times))
    return "the number alone, without a unit" + (f": write {written((value or 0) * times)}" if exact else "")


def range_hint(value: float, *, share: bool, field: str) -> str:
    """Return a tip for a number that is out of range."""
    if share and 5 <= value <= 100:
        return f"a share, not a percentage: for {written(value)} % write {written(value / 100)}"
    if field in ("months", "for_months") and FIRST_YEAR <= value <= LAST_YEAR:
        return "a number of months, not a year"
    return "the weeks of a month are 0, 1, 2 and 3" if field == "week" and value == 4 else ""


def date_hint(value: Any) -> str:
    """Return a tip for what stands where a month such as 2024-01 is wanted, with the month where it is certain."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = plain(str(value)).strip(_CURLY)
    if len(text) > 40:
        return ""
    if re.fullmatch(r"[0-9]{4}", text):
        return f"add the month, as in {text}-01"
    found = re.fullmatch(r"([0-9]{4})(?:([-/. _mM]{1,2})([0-9]{1,2})|([0-9]{2}))", text)
    if found and not (found[2] == "." and len(found[3]) == 1):
        return _month_hint(int(found[1]), int(found[3] or found[4]))
    found = re.fullmatch(r"([0-9]{1,2})[-/. ]([0-9]{4})", text)
    if found:
        return _month_hint(int(found[2]), int(found[1]))
    found = re.fullmatch(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})([T ].*)?", text)
    if found and (found[2] or len(found[3] + found[4]) == 4):
        return _day_hint(int(found[1]), int(found[3]), int(found[4]))
    found = re.fullmatch(r"([0-9]{1,2})([-/.]) ?([0-9]{1,2})[-/.] ?([0-9]{4})", text)
    if found and (found[2] == "." or int(found[1]) > 12):
        return _day_hint(int(found[4]), int(found[3]), int(found[1]))
    return _named_month(text) or "write the year in four digits, a hyphen, the month in two"


def _month_hint(year: int, month: int) -> str:
    if not 1 <= month <= 12:
        return f"there is no month {month}"
    return f"write {year}-{month:02d}" if FIRST_YEAR <= year <= LAST_YEAR else ""


def _day_hint(year: int, month: int, day: int) -> str:
    tip = _month_hint(year, month)
    if not 1 <= month <= 12 or not tip:
        return tip
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return f"that day does not exist, and a month has no day here: {tip}"
    return f"without the day: {tip}"


def _named_month(text: str) -> str:
    words = re.findall(r"[a-z]+|[0-9]+", text.casefold())
    years = [int(word) for word in words if len(word) == 4 and word.isdigit()]
    names = [_MONTHS[word] for word in words if word in _MONTHS]
    if len(years) == 1 and len(names) == 1:
        return _month_hint(years[0], names[0])
    quarter = re.search(r"q([1-4])", text.casefold())
    if len(years) == 1 and quarter:
        return f"for the start of that quarter write {years[0]}-{3 * int(quarter[1]) - 2:02d}"
    return ""


def text_hint(value: Any) -> str:
    """Return a tip for what stands where a text is wanted."""
    if isinstance(value, bool):
        return f'quotes make it a text: "{str(value).lower()}"'
    if isinstance(value, int | float):
        return f'quotes make it a text: "{value}"'
    if isinstance(value, list):
        return f"one item only: write {value[0]}" if len(value) == 1 and isinstance(value[0], str) else "one item only"
    return "one text; put quotes around it if it holds a colon or braces" if isinstance(value, dict) else ""


def pair_hint(line: str) -> str:
    """Return a tip for a line that should be ``key: value`` and is not."""
    if _EQUALS.match(line):
        return "write key: value, not key = value"
    if _TIGHT.match(line):
        return "put a space after the colon"
    if line.lstrip().startswith("<"):
        return "this looks like a web page, not a scenario"
    return "write key: value"


def slug(text: str) -> str:
    """Return the nearest name allowed as a key, or nothing."""
    plainer = unicodedata.normalize("NFKD", text.replace("đ", "d").replace("Đ", "D")).encode("ascii", "ignore").decode()
    made = re.sub(r"[^a-z0-9]+", "_", plainer.casefold()).lstrip("0123456789_")[:64].rstrip("_")
    return made if re.fullmatch(r"[a-z][a-z0-9_]*", made) else ""


_SYNONYMS: dict[str, tuple[str, ...]] = {
    "approval": ("mandate", "consent"),
    "at": ("date", "when", "month", "time", "start"),
    "communities": ("community", "ethnicity", "ethnic_group"),
    "description": ("text", "comment", "notes", "note", "summary"),
    "districts": ("district", "municipality", "municipalities"),
    "extends": ("base", "parent", "include", "inherits", "import", "imports"),
    "format": ("version", "format_version"),
    "in": ("where", "state", "place"),
    "indicator": ("outcome", "variable"),
    "intensity": ("dose", "strength"),
    "interventions": ("programmes", "programs", "policies", "measures"),
    "magnitude": ("strength", "intensity", "size", "severity"),
    "meur_per_year": ("cost", "budget", "costs", "price", "meur"),
    "months": ("duration", "length", "horizon", "duration_months"),
    "parameters": ("params",),
    "police_officers": ("police", "officers"),
    "provider": ("organisation", "organization"),
    "shocks": ("events", "event", "crises"),
    "start": ("begin", "from", "start_date", "start_month", "start_year", "at", "date"),
    "states": ("state", "country", "countries"),
    "targets": ("target", "where", "place", "places", "area", "areas"),
    "title": ("name", "label", "heading"),
    "troops": ("soldiers",),
    "type": ("kind", "intervention", "shock", "row", "id"),
    "when": ("trigger", "condition", "if"),
}
COMMAND_OPTIONS = ("seed", "replications", "citizens", "workers", "out")


def synonym(name: str, known: Iterable[str]) -> str:
    """Return the key among ``known`` that a word stands for, or nothing."""
    word = slug(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))
    return next((key for key in known if key == word or word in _SYNONYMS.get(key, ())), "")
