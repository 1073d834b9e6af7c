"""From text to nodes: read YAML 1.2 safely, and keep where every value stands.

A file is read only if it is a regular file of modest size. ruamel.yaml composes its nodes under caps on depth,
values and aliases, so a bomb is refused before it grows; nothing is ever constructed from a tag. Its nodes then become
plain ones, under keys that are names given once. Whatever does not end the reading is collected, not raised. Text that
is not YAML at all gets one message, in plain words, at its first place.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode
from ruamel.yaml.reader import ReaderError

from sim.errors import Problem
from sim.region.files import decode, lines_of, position, read_bytes
from sim.region.slips import pair_hint

DIRECTIVE = "has a YAML directive"
MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_NODES = 20_000
MAX_ALIASES = 64
MAX_KEY = 200

KeyPath = tuple[Any, ...]
"""Keys and places in lists that lead to a value."""


class Mark(NamedTuple):
    """Where something stands: file as shown to the user, line and column from 1 (None off any file)."""

    file: str
    line: int | None = None
    column: int | None = None


class Node:
    """A value with its place. ``value`` is a dict of nodes, a list of nodes, or a plain scalar."""

    __slots__ = ("keys", "mark", "value")

    def __init__(self, value: Any, mark: Mark, keys: dict[str, Mark] | None = None) -> None:
        self.value = value
        self.mark = mark
        self.keys = {} if keys is None else keys

    def plain(self) -> Any:
        """Return the value as plain dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def copy(self) -> Node:
        """Return a mapping that can be changed without changing this one; its values are shared."""
        return Node(dict(self.value), self.mark, dict(self.keys))

    def items(self, key: str) -> dict[str, Node]:
        """Return what stands in the mapping below ``key``; nothing where there is none."""
        node = self.value.get(key)
        return node.value if node is not None and isinstance(node.value, dict) else {}

    def find(self, path: KeyPath) -> tuple[Mark, Mark]:
        """Return the places of the key and of the value at ``path``, or of the deepest part that exists."""
        node, key = self, self.mark
        for part in path:
            if isinstance(node.value, dict) and part in node.value:
                key, node = node.keys[part], node.value[part]
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                key = node.mark
            else:
                break
        return key, node.mark


def node_of(value: Any, mark: Mark) -> Node:
    """Make a tree out of plain values, all of it at one place."""
    if isinstance(value, dict):
        return Node({key: node_of(item, mark) for key, item in value.items()}, mark, dict.fromkeys(value, mark))
    if isinstance(value, list | tuple):
        return Node([node_of(item, mark) for item in value], mark)
    return Node(value + 0.0 if isinstance(value, float) else value, mark)


def dotted(path: KeyPath) -> str:
    """Return a path as text: ``interventions.a.targets.states[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def shown(value: Any) -> str:
    """Return a value as a short one-line text."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def problem_at(root: Node, path: KeyPath, what: str, *, on_key: bool = False, at: str = "", **said: str) -> Problem:
    """Return a problem placed at the value (or key) at ``path``; ``at`` is the key shown, if not the path."""
    key, value = root.find(path)
    mark = key if on_key else value
    return Problem(what, file=mark.file, line=mark.line, column=mark.column, key=at or dotted(path), **said)


# Reading -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SourceText:
    """A file as read: its text and the sha256 of its bytes, in hexadecimal."""

    text: str
    sha256: str


@dataclass(frozen=True)
class Text:
    """What was read: the node tree (None if it could not be built) and everything wrong with it."""

    root: Node | None
    problems: list[Problem]


def read_source(path: Path) -> SourceText | Problem:
    """Read a regular UTF-8 file of at most `MAX_BYTES`; links, devices, pipes and folders are refused."""
    data = read_bytes(path, MAX_BYTES, str(path))
    if isinstance(data, Problem):
        return data
    text = decode(data, str(path))
    return text if isinstance(text, Problem) else SourceText(text, hashlib.sha256(data).hexdigest())


def parse(text: str, file: str, *, placed: bool = True) -> Text:
    """Turn one YAML 1.2 document into nodes; ``placed=False`` leaves out lines (text from a command line)."""
    reader = _Reader(file, placed)
    root = None
    if (line := _directive(text)) is not None:
        allowed, hint = "YAML 1.2 without directives", "take the line out"
        reader.note(DIRECTIVE, (line - 1, 0), allowed=allowed, hint=hint)
        return Text(None, reader.problems)
    try:
        root = reader.document(text)
    except _RefusedError as error:
        reader.note(*error.args, **error.said)
    except MarkedYAMLError as error:
        slip = _explain(error, text)
        what = slip.what if slip.what.startswith("has ") else f"is not valid YAML: {slip.what}"
        reader.note(what, (slip.line, slip.column), hint=slip.hint)
    except ReaderError as error:
        line, column = position(text[: error.position])
        got = f"U+{ord(text[error.position]):04X}" if error.position < len(text) else ""
        reader.note("is not valid YAML: a character that is not allowed", (line - 1, column - 1), got=got)
    except Exception as error:  # the parser is not ours: what it cannot cope with is bad input, not a defect
        said = str(error).splitlines() or [type(error).__name__]
        reader.problems.append(Problem(f"is not valid YAML: {said[0]}", file=file))
    return Text(root, reader.problems)


def _directive(text: str) -> int | None:
    """Return the line of a directive other than ``%YAML 1.2`` before the document, or None."""
    for number, line in enumerate(lines_of(text), start=1):
        if line.startswith("%") and line.split()[:2] != ["%YAML", "1.2"]:
            return number
        if line.strip() and not line.lstrip().startswith("#") and not line.startswith("%"):
            return None
    return None


_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")


def scalar(text: str) -> Any:
    """Resolve a plain scalar by the YAML 1.2 core schema, -0.0 as 0.0; ValueError for what is not a finite number."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _NOT_FINITE.match(text):
        raise ValueError("is not a finite number")
    if _INT.match(text) or _BASED.match(text):
        if len(text) > 18:
            raise ValueError("is too large a number")
        return int(text, 0) if _BASED.match(text) else int(text)
    if _FLOAT.match(text):
        value = float(text) + 0.0
        if value in (float("inf"), float("-inf")):
            raise ValueError("is too large a number")
        return value
    return text


_NAMES_ONLY = "plain names as keys"
_BRACKETS = "if the brackets belong to a text, put quotes around it"


class _RefusedError(Exception):
    """A cap was passed, or the tree cannot be built: what is wrong, and where."""

    def __init__(self, what: str, mark: Any, **said: str) -> None:
        super().__init__(what, mark)
        self.said = said


class _Composer(Composer):
    """ruamel's composer under caps; it remembers the tags that are written in the text, by the node's identity."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader=loader)
        self.warn_double_anchors = False
        self.values = self.aliases = 0
        self.tags: dict[int, str] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.parser.peek_event()
        mark = event.start_mark
        if self.depth >= MAX_DEPTH:
            raise _RefusedError("is nested too deeply", mark, allowed=f"at most {MAX_DEPTH} levels")
        if not isinstance(event, AliasEvent):
            self.values += 1
            _check_count(self.values, mark)
            node = super().compose_node(parent, index)
            if event.tag is not None:
                self.tags[id(node)] = str(event.tag)
            return node
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise _RefusedError("has too many aliases", mark, allowed=f"at most {MAX_ALIASES}")
        if index is None and isinstance(parent, MappingNode):
            raise _RefusedError("has a key that is not a name", mark, allowed=_NAMES_ONLY)
        if event.anchor not in self.anchors:
            hint = "an alias repeats a value marked &; if * belongs to the text, put quotes around it"
            what = "uses an alias that has no anchor"
            raise _RefusedError(what, mark, got=f"*{event.anchor}"[:60], hint=hint)
        if self.anchors[event.anchor].end_mark is None:
            raise _RefusedError("uses an alias inside itself", mark, got=f"*{event.anchor}"[:60])
        return super().compose_node(parent, index)


def _check_count(values: int, mark: Any) -> None:
    if values > MAX_NODES:
        raise _RefusedError("has too many values", mark, allowed=f"at most {MAX_NODES}, aliases counted in full")


class _Reader:
    """Turns composed nodes into plain ones; what is wrong with them is collected."""

    def __init__(self, file: str, placed: bool) -> None:
        self.file = file
        self.placed = placed
        self.problems: list[Problem] = []
        self.values = 0

    def mark(self, mark: Any) -> Mark:
        """Return the place of a mark of the parser, or of a line and column from 0."""
        if not self.placed:
            return Mark(self.file)
        line, column = mark if isinstance(mark, tuple) else (mark.line, mark.column)
        return Mark(self.file, line + 1, column + 1)

    def note(self, what: str, mark: Any, **said: Any) -> None:
        self.problems.append(Problem(what, *self.mark(mark), **said))

    def document(self, text: str) -> Node | None:
        """Return the tree of the one document of a text; None for an empty one."""
        yaml = YAML(typ="safe", pure=True)
        yaml.Composer = _Composer
        made = yaml.compose(text)
        self.tags = yaml.composer.tags
        return None if made is None else self.node(made, ())

    def node(self, given: Any, path: KeyPath) -> Node:
        """Return the plain node of a composed one, with everything below it."""
        where, key = given.start_mark, dotted(path)
        self.values += 1
        _check_count(self.values, where)
        if len(path) >= MAX_DEPTH:
            raise _RefusedError("is nested too deeply", where, allowed=f"at most {MAX_DEPTH} levels")
        if id(given) in self.tags:
            allowed, hint = "plain values without tags", "if ! belongs to the text, put quotes around it"
            self.note("has a tag", where, key=key, got=self.tags[id(given)][:60], allowed=allowed, hint=hint)
        if isinstance(given, ScalarNode):
            return Node(self.scalar(given, key), self.mark(where))
        if isinstance(given, MappingNode):
            return self.mapping(given, path)
        return Node([self.node(item, (*path, index)) for index, item in enumerate(given.value)], self.mark(where))

    def scalar(self, given: Any, key: str) -> Any:
        if given.style is not None:
            return self.whole(given.value, given.start_mark, key)
        try:
            return scalar(given.value)
        except ValueError as error:
            self.note(str(error), given.start_mark, key=key, got=given.value[:40], allowed="a finite number")
            return None

    def whole(self, text: str, mark: Any, key: str) -> str:
        """Return text in whole characters: two halves written as escapes are joined, a single one is refused."""
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if "\N{REPLACEMENT CHARACTER}" in text:
                hint = "both halves of \\uD83D\\uDD4A make one character"
                self.note("has half a character", mark, key=key, hint=hint)
        return text

    def mapping(self, given: Any, path: KeyPath) -> Node:
        made = Node({}, self.mark(given.start_mark))
        for key_node, value_node in given.value:
            key = self.key(key_node, path, made)
            inner = (*path, "?" if key is None else key)
            if key in made.value:
                first = made.keys[str(key)].line
                hint = f"first on line {first}" if self.placed else ""
                self.note("is given twice", key_node.start_mark, key=dotted(inner), hint=hint)
            value = self.node(value_node, inner)
            if key is not None and key not in made.value:
                made.value[key], made.keys[key] = value, self.mark(key_node.start_mark)
        return made

    def key(self, given: Any, path: KeyPath, made: Node) -> str | None:
        """Return the key a node holds, or None (after noting why) when it cannot be one."""
        mark, at = given.start_mark, dotted(path)
        if not isinstance(given, ScalarNode):
            raise _RefusedError("has a key that is not a name", mark, allowed=_NAMES_ONLY, hint=_BRACKETS)
        self.values += 1
        _check_count(self.values, mark)
        if id(given) in self.tags or given.anchor is not None:
            self.note("has a key with a tag or an anchor", mark, key=at, allowed=_NAMES_ONLY)
        text = self.whole(str(given.value), mark, at)
        if len(text) > MAX_KEY:
            raise _RefusedError("has a key that is too long", mark, allowed=f"at most {MAX_KEY} characters")
        if text == "<<" and given.style is None:
            self.note("uses a merge key", mark, key=at, got="<<", hint="use extends: to build on another file")
            return None
        try:
            name = text if given.style is not None else scalar(text)
        except ValueError:
            name = None
        if isinstance(name, str):
            return text
        said = {"got": text[:40] or "nothing", "allowed": _NAMES_ONLY, "hint": _key_hint(text, made)}
        self.note("has a key that is not a name", mark, key=at, **said)
        return None


def _key_hint(text: str, made: Node) -> str:
    """Return a tip for a key that is a number, a truth value or nothing."""
    before = list(made.value.values())[-1].value if made.value else None
    if text.isdigit() and isinstance(before, int) and not isinstance(before, bool):
        return f"a comma ends a value inside braces; if a decimal was meant, write {before}.{text[:9]}"
    return f'quotes make it a name: "{text[:40]}"' if text else "write key: value"


# Text that is not YAML -----------------------------------------------------------------------------------------------


class _Slip(NamedTuple):
    """What is wrong, the line and column where it starts (from 0), and a tip."""

    what: str
    line: int
    column: int
    hint: str = ""


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


_QUOTE = 'put quotes around the whole text: "..."'
_CONFLICT = re.compile(r"(<{7}|={7}|>{7}|\|{7})(\s|$)")


def _explain(error: MarkedYAMLError, text: str) -> _Slip:
    """Return what a parser's error means for the one who wrote the text."""
    mark = error.problem_mark or error.context_mark
    start = error.context_mark or mark
    said = " ".join(str(part) for part in (error.context, error.problem) if part)
    if mark is None or start is None:
        return _Slip(said, 0, 0)
    page = _Page(lines_of(text), (mark.line, mark.column), (start.line, start.column))
    for number in dict.fromkeys((start.line, mark.line, max(0, mark.line - 1))):
        if _CONFLICT.match(page.at(number)):
            return _Slip("a mark of a merge conflict was left in", number, 0, "keep one version of these lines")
    for pattern, meaning in _MEANINGS:
        if re.search(pattern, said):
            return meaning(page) if callable(meaning) else _Slip(meaning[0], *page.stop, meaning[1])
    return _Slip(said, mark.line, mark.column)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _sign(page: _Page) -> _Slip:
    line, column = page.stop
    return _Slip(f"a text cannot start with {page.at(line)[column : column + 1]}", line, column, _QUOTE)


def _second_colon(page: _Page) -> _Slip:
    """A colon where none may be: in a text, after a line that is no pair, or on a line that is indented."""
    line, column = page.stop
    here, above = page.at(line), page.before()
    if re.search(r":\s", here[:column]):
        hint = 'put quotes around a text with a colon: "..."; a key inside another starts on a line of its own'
        return _Slip("a line has a second colon and space", line, column, hint)
    if above < line and not re.search(r":(\s|$)", page.at(above)) and _indent(page.at(above)) == _indent(here):
        return _Slip("a line without key: value", above, _indent(page.at(above)), pair_hint(page.at(above)))
    if above < line and _indent(here) > _indent(page.at(above)):
        hint = "start it below the line above, or leave out the value above to open a level"
        return _Slip("a line is indented although the line above has a value", line, _indent(here), hint)
    return _Slip("a colon stands where no key can be", line, column, _QUOTE)


def _no_colon(page: _Page) -> _Slip:
    line, column = page.start
    return _Slip("a line without key: value", line, column, pair_hint(page.at(line)))


def _open_quote(page: _Page) -> _Slip:
    return _Slip("a quote is opened and never closed", *page.start, "close it with the same sign")


def _open_bracket(page: _Page) -> _Slip:
    """A list or mapping in brackets that does not end where it should."""
    line, column = page.start
    stop_line, stop_column = page.stop
    sign = page.at(line)[column : column + 1]
    wanted = {"[": "]", "{": "}"}.get(sign, "]")
    found = page.at(stop_line)[stop_column : stop_column + 1]
    if found in ("]", "}"):
        return _Slip(f"a {sign} is closed by a {found}", stop_line, stop_column, f"close it with {wanted}")
    if stop_line == line and found:
        hint = "put commas between the items"
        return _Slip(f"a comma is missing inside {sign} {wanted}", stop_line, stop_column, hint)
    rest = f"; line {stop_line + 1} does not go on with it" if page.at(stop_line).strip() else ""
    hint = f"close it with {wanted}, and put commas between the items{rest}"
    return _Slip(f"a {sign} is opened and never closed", line, column, hint)


def _lone_bracket(page: _Page) -> _Slip:
    line, column = page.stop
    sign = page.at(line)[column : column + 1]
    return _Slip(f"a {sign} stands where none was opened", line, column, "take it out, or open it before")


def _no_name(page: _Page) -> _Slip:
    line, column = page.stop
    return _Slip("* and & need a name after them", line, max(0, column - 1), _QUOTE)


def _two_roots(page: _Page) -> _Slip:
    line = page.at(page.stop[0])
    hint = pair_hint(line) if "=" in line else "start every line of the first level in column 1, as key: value"
    return _Slip("the file does not go on as it began", *page.stop, hint)


_MEANINGS: tuple[tuple[str, tuple[str, str] | Callable[[_Page], _Slip]], ...] = (
    (r"character '\\t'", ("a tab stands where only spaces may", "use spaces")),
    (r"cannot start any token", _sign),
    (r"mapping values are not allowed", _second_colon),
    (r"could not find expected ':'", _no_colon),
    (r"scanning a quoted scalar", _open_quote),
    (
        r"escape",
        ("a backslash is not followed by a known sign", "in double quotes \\ starts an escape; use single quotes"),
    ),
    (
        r"scanning a block scalar",
        ("a text starts on the line of | or >", f"start it on the next line, or {_QUOTE}"),
    ),
    (r"scanning an (alias|anchor)", _no_name),
    (r"flow (sequence|mapping).*expected ','", _open_bracket),
    (
        r"expected the node content, but found ','",
        ("a comma stands where a value should be", "take one comma out"),
    ),
    (r"expected the node content, but found '[\]}]'", _lone_bracket),
    (r"expected <block end>, but found '[\]}]'", _lone_bracket),
    (
        r"expected <block end>, but found '<scalar>'",
        (
            "there is more text after a closing quote",
            "put quotes of the other kind around the whole text, or double the quote inside",
        ),
    ),
    (
        r"expected <block end>",
        ("a line does not start below its neighbours", "lines of one level start in the same column"),
    ),
    (r"expected '<document start>'", _two_roots),
    (r"another document", ("has more than one document", "take out the line ---")),
    (r"YAML document|directive", (DIRECTIVE, "take the line out")),
)
