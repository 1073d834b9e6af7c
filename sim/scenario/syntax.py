"""Say in plain words what is wrong with text that is not YAML, where, and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from ruamel.yaml.error import MarkedYAMLError

from sim.region.files import lines_of
from sim.region.slips import pair_hint


class Slip(NamedTuple):
    """What is wrong, the line and column where it starts (from 0), and a tip."""

    what: str
    line: int
    column: int
    hint: str = ""


QUOTE = 'put quotes around the whole text: "..."'
_CONFLICT = re.compile(r"(<{7}|={7}|>{7}|\|{7})(\s|$)")


def explain(error: MarkedYAMLError, text: str) -> Slip:
    """Return what a parser's error means for the one who wrote the text."""
    mark = error.problem_mark or error.context_mark
    start = error.context_mark or mark
    said = " ".join(str(part) for part in (error.context, error.problem) if part)
    if mark is None or start is None:
        return Slip(said, 0, 0)
    page = _Page(lines_of(text), (mark.line, mark.column), (start.line, start.column))
    for number in dict.fromkeys((start.line, mark.line, max(0, mark.line - 1))):
        if _CONFLICT.match(page.at(number)):
            return Slip("a mark of a merge conflict was left in", number, 0, "keep one version of these lines")
    for pattern, meaning in _MEANINGS:
        if re.search(pattern, said):
            return meaning(page)
    return Slip(said, mark.line, mark.column)


class _Page(NamedTuple):
    """The lines, where the parser stopped, and where what it was reading began (line and column from 0)."""

    lines: list[str]
    stop: tuple[int, int]
    start: tuple[int, int]

    def at(self, number: int) -> str:
        return self.lines[number] if number < len(self.lines) else ""

    def before(self) -> int:
        """Return the last line above the stop that says something."""
        number = self.stop[0] - 1
        while number > 0 and (not self.at(number).strip() or self.at(number).lstrip().startswith("#")):
            number -= 1
        return max(number, 0)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _tab(page: _Page) -> Slip:
    return Slip("a tab stands where only spaces may", *page.stop, "indent with spaces, two for each level")


def _sign(page: _Page) -> Slip:
    line, column = page.stop
    sign = page.at(line)[column : column + 1]
    return Slip(f"a text cannot start with {sign}", line, column, QUOTE)


def _second_colon(page: _Page) -> Slip:
    """A colon where none may be: in a text, after a line that is no pair, or on a line that is indented."""
    line, column = page.stop
    here, above = page.at(line), page.before()
    if re.search(r":\s", here[:column]):
        return Slip("a colon and a space stand inside a text", line, column, QUOTE)
    if above < line and not re.search(r":(\s|$)", page.at(above)) and _indent(page.at(above)) == _indent(here):
        return Slip("a line without key: value", above, _indent(page.at(above)), pair_hint(page.at(above)))
    if above < line and _indent(here) > _indent(page.at(above)):
        hint = "start it below the line above, or leave out the value above to open a level"
        return Slip("a line is indented although the line above has a value", line, _indent(here), hint)
    return Slip("a colon stands where no key can be", line, column, QUOTE)


def _no_colon(page: _Page) -> Slip:
    line, column = page.start
    return Slip("a line without key: value", line, column, pair_hint(page.at(line)))


def _open_quote(page: _Page) -> Slip:
    return Slip("a quote is opened and never closed", *page.start, "close it with the same sign on the same line")


def _open_bracket(page: _Page) -> Slip:
    """A list or mapping in brackets that does not end where it should."""
    line, column = page.start
    stop_line, stop_column = page.stop
    sign = page.at(line)[column : column + 1]
    wanted = {"[": "]", "{": "}"}.get(sign, "]")
    found = page.at(stop_line)[stop_column : stop_column + 1]
    if found in ("]", "}"):
        return Slip(f"a {sign} is closed by a {found}", stop_line, stop_column, f"close it with {wanted}")
    if stop_line == line and found:
        return Slip(
            f"a comma is missing inside {sign} {wanted}", stop_line, stop_column, "put commas between the items"
        )
    rest = f"; line {stop_line + 1} does not go on with it" if page.at(stop_line).strip() else ""
    hint = f"close it with {wanted}, and put commas between the items{rest}"
    return Slip(f"a {sign} is opened and never closed", line, column, hint)


def _lone_bracket(page: _Page) -> Slip:
    line, column = page.stop
    sign = page.at(line)[column : column + 1]
    return Slip(f"a {sign} stands where none was opened", line, column, "take it out, or open it before")


def _after_quote(page: _Page) -> Slip:
    hint = "put quotes of the other kind around the whole text, or double the quote inside"
    return Slip("there is more text after a closing quote", *page.stop, hint)


def _not_level(page: _Page) -> Slip:
    hint = "lines of one level start in the same column"
    return Slip("a line does not start below its neighbours", *page.stop, hint)


def _escape(page: _Page) -> Slip:
    hint = "in double quotes \\ starts an escape; use single quotes"
    return Slip("a backslash is not followed by a known sign", *page.stop, hint)


def _block(page: _Page) -> Slip:
    return Slip("a text starts on the line of | or >", *page.stop, f"start it on the next line, or {QUOTE}")


def _no_name(page: _Page) -> Slip:
    line, column = page.stop
    return Slip("* and & need a name after them", line, max(0, column - 1), QUOTE)


def _extra_comma(page: _Page) -> Slip:
    return Slip("a comma stands where a value should be", *page.stop, "take one comma out")


def _two_roots(page: _Page) -> Slip:
    line = page.at(page.stop[0])
    hint = pair_hint(line) if "=" in line else "start every line of the first level in column 1, as key: value"
    return Slip("the file does not go on as it began", *page.stop, hint)


def _version(page: _Page) -> Slip:
    return Slip("has a YAML directive", *page.stop, "take the line out")


_MEANINGS: tuple[tuple[str, Callable[[_Page], Slip]], ...] = (
    (r"character '\\t'", _tab),
    (r"cannot start any token", _sign),
    (r"mapping values are not allowed", _second_colon),
    (r"could not find expected ':'", _no_colon),
    (r"scanning a quoted scalar", _open_quote),
    (r"escape", _escape),
    (r"scanning a block scalar", _block),
    (r"scanning an (alias|anchor)", _no_name),
    (r"flow (sequence|mapping).*expected ','", _open_bracket),
    (r"expected the node content, but found ','", _extra_comma),
    (r"expected the node content, but found '[\]}]'", _lone_bracket),
    (r"expected <block end>, but found '[\]}]'", _lone_bracket),
    (r"expected <block end>, but found '<scalar>'", _after_quote),
    (r"expected <block end>", _not_level),
    (r"expected '<document start>'", _two_roots),
    (r"YAML document|directive", _version),
)
