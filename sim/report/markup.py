"""HTML made by functions; every text from outside passes one escaping place, ``text``."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any

from sim import wording

MINUS, EN_DASH, NO_BREAK = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{NO-BREAK SPACE}"
LONG = 20
KEPT = frozenset({"\n", NO_BREAK})
EMPTY = frozenset({"img", "meta"})


class Html(str):
    """Text that is markup already; plain ``str`` is not, and gets escaped."""

    __slots__ = ()


def text(value: object) -> Html:
    """Escape anything that is not markup yet; control and direction marks become a visible box."""
    if isinstance(value, Html):
        return value
    plain = "".join(c if c.isprintable() or c in KEPT else "\N{REPLACEMENT CHARACTER}" for c in str(value))
    return Html(html.escape(plain, quote=True))


def breakable(value: object) -> Html:
    """Escape text and let words that no column can hold break every twenty letters."""
    if isinstance(value, Html):
        return value
    words = str(value).split(" ")
    return Html(
        " ".join("<wbr>".join(text(word[at : at + LONG]) for at in range(0, len(word), LONG) or [0]) for word in words)
    )


def element(name: str, /, *children: object, **attributes: object) -> Html:
    """Write an element; children and attribute values are escaped unless they are ``Html``.

    ``class_`` is written ``class``; an attribute that is None is left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in EMPTY:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[object]) -> Html:
    """Put pieces one after the other, each escaped unless it is ``Html``."""
    return Html("".join(text(part) for part in parts))


def paragraph(*children: object, class_: str | None = None) -> Html:
    """Write a paragraph."""
    return element("p", *children, class_=class_)


def bullets(items: Iterable[object]) -> Html:
    """Write a list."""
    return element("ul", *(element("li", item) for item in items))


def table(caption: object, heads: Sequence[str], rows: Iterable[Sequence[Any]], numeric: Iterable[int] = ()) -> Html:
    """Write a table that scrolls sideways where it does not fit.

    Parameters
    ----------
    caption : text or Html
    heads : sequence of str
    rows : iterable of sequences
        Cells; the first of each row is its heading.
    numeric : iterable of int
        Columns set flush right.
    """
    right = set(numeric)

    def cell(place: int, content: object) -> Html:
        value = breakable(content)
        kind = "number" if place in right else None
        return element("th", value, scope="row") if place == 0 else element("td", value, class_=kind)

    head = element(
        "tr", *(element("th", h, scope="col", class_="number" if i in right else None) for i, h in enumerate(heads))
    )
    body = [element("tr", *(cell(place, value) for place, value in enumerate(row))) for row in rows]
    inside = element("table", element("caption", caption), element("thead", head), element("tbody", *body))
    return element("div", inside, class_="scroll", tabindex="0", role="region", aria_label="Table")


def facts(pairs: Iterable[tuple[object, object]]) -> Html:
    """Write names with their values."""
    return element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in pairs))


def number(value: float) -> str:
    """Write a number as everywhere, with a true minus sign."""
    return wording.number(value, MINUS)


def signed(value: float) -> str:
    """Write a difference with its sign."""
    shown = number(value)
    return f"+{shown}" if value > 0 and shown[0].isdigit() else shown


def interval(low: float, high: float) -> str:
    """Write an interval, empty where there is none."""
    return "" if math.isnan(low) or math.isnan(high) else f"{number(low)}{NO_BREAK}to {number(high)}"


def percent(share: float) -> str:
    """Write a share as a percentage with two significant digits."""
    size = abs(share) * 100
    return f"{size:.0f}{NO_BREAK}%" if size >= 10 else f"{size:.2g}{NO_BREAK}%"


def listed(items: Sequence[object], most: int = 5) -> Html:
    """Join a few things with commas and "and"; what is too many is counted."""
    shown = [text(item) for item in items[:most]]
    if len(items) > most:
        shown.append(Html(f"{len(items) - most} more"))
    if len(shown) < 2:
        return Html("".join(shown))
    return Html(", ".join(shown[:-1]) + " and " + shown[-1])
