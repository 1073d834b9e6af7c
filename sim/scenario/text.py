"""Read YAML 1.2 safely, keeping where every value stands.

A file is read only if it is a regular file of modest size. The event stream of ruamel.yaml is then turned
into plain nodes under caps on depth, nodes and aliases, so nothing is ever constructed from a tag, and a bomb
is refused before it grows. Everything wrong that does not end the parse is collected, not raised.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from sim.errors import Problem
from sim.region.files import decode, lines_of, position, read_bytes
from sim.scenario import syntax

DIRECTIVE = "has a YAML directive"
MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_NODES = 20_000
MAX_ALIASES = 64
MAX_KEY = 200

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")


class Mark(NamedTuple):
    """Where something stands: file as shown to the user, line and column from 1 (None off any file)."""

    file: str
    line: int | None = None
    column: int | None = None


class Node:
    """A value with its place. ``value`` is a dict of nodes, a list of nodes, or a plain scalar."""

    __slots__ = ("keys", "mark", "size", "value")

    def __init__(self, value: Any, mark: Mark, size: int = 1) -> None:
        self.value = value
        self.mark = mark
        self.size = size
        self.keys: dict[str, Mark] = {}

    def plain(self) -> Any:
        """Return the value as plain dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def find(self, path: tuple[Any, ...]) -> tuple[Mark, Mark]:
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
        made = Node({key: node_of(item, mark) for key, item in value.items()}, mark)
        made.keys = dict.fromkeys(value, mark)
        return made
    return Node([node_of(item, mark) for item in value] if isinstance(value, list | tuple) else value, mark)


@dataclass(frozen=True)
class Text:
    """What was read: the node tree (None if it could not be built) and everything wrong with it."""

    root: Node | None
    problems: list[Problem]


@dataclass(frozen=True)
class Source:
    """A file as read: its text and the sha256 of its bytes, in hexadecimal."""

    text: str
    sha256: str


def read_source(path: Path) -> Source | Problem:
    """Read a regular UTF-8 file of at most `MAX_BYTES`; links, devices, pipes and folders are refused."""
    data = read_bytes(path, MAX_BYTES, str(path))
    if isinstance(data, Problem):
        return data
    text = decode(data, str(path))
    return text if isinstance(text, Problem) else Source(text, hashlib.sha256(data).hexdigest())


def parse(text: str, file: str, *, placed: bool = True) -> Text:
    """Turn one YAML 1.2 document into nodes; ``placed=False`` leaves out lines (text from a command line)."""
    builder = _Builder(file, placed)
    if (line := _directive(text)) is not None:
        builder.note(DIRECTIVE, Mark(file, line, 1), allowed="YAML 1.2 without directives", hint="take the line out")
        return Text(None, builder.problems)
    try:
        root = builder.document(YAML(typ="safe", pure=True).parse(text))
    except _Stop:
        root = None
    except MarkedYAMLError as error:
        slip = syntax.explain(error, text)
        builder.note(f"is not valid YAML: {slip.what}", Mark(file, slip.line + 1, slip.column + 1), hint=slip.hint)
        root = None
    except ReaderError as error:
        line, column = position(text[: error.position])
        builder.note(
            "is not valid YAML: a character that is not allowed",
            Mark(file, line, column),
            got=f"U+{ord(text[error.position]):04X}" if error.position < len(text) else "",
        )
        root = None
    except Exception as error:  # the parser is not ours: what it cannot cope with is bad input, not a defect
        said = str(error).splitlines() or [type(error).__name__]
        builder.note(f"is not valid YAML: {said[0]}", Mark(file))
        root = None
    return Text(root, builder.problems)


def _directive(text: str) -> int | None:
    """Return the line of a directive other than ``%YAML 1.2`` before the document, or None."""
    for number, line in enumerate(lines_of(text), start=1):
        if line.startswith("%") and line.split()[:2] != ["%YAML", "1.2"]:
            return number
        if line.strip() and not line.lstrip().startswith("#") and not line.startswith("%"):
            return None
    return None


def scalar(text: str) -> Any:
    """Resolve a plain scalar by the YAML 1.2 core schema; ValueError for what is not a finite number."""
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
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise ValueError("is too large a number")
        return value
    return text


def _key_hint(text: str, made: Node) -> str:
    """Return a tip for a key that is a number, a truth value or nothing."""
    before = list(made.value.values())[-1].value if made.value else None
    if text.isdigit() and isinstance(before, int) and not isinstance(before, bool):
        return f"a comma ends a value inside braces; if a decimal was meant, write {before}.{text[:9]}"
    return f'quotes make it a name: "{text[:40]}"' if text else "write key: value"


class _Stop(Exception):
    """A cap was passed; the problem is already noted."""


class _Builder:
    """Turns events into nodes; every cap and refusal lives here."""

    def __init__(self, file: str, placed: bool) -> None:
        self.file = file
        self.placed = placed
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node | None] = {}
        self.nodes = 0
        self.aliases = 0
        self.events: Iterator[Event] = iter(())

    def mark(self, event: Any) -> Mark:
        if not self.placed or event is None:
            return Mark(self.file)
        return Mark(self.file, event.line + 1, event.column + 1)

    def note(self, what: str, mark: Mark, *, key: str = "", got: str = "", allowed: str = "", hint: str = "") -> None:
        line, column = (mark.line, mark.column) if self.placed else (None, None)
        self.problems.append(
            Problem(what, file=mark.file, line=line, column=column, key=key, got=got, allowed=allowed, hint=hint)
        )

    def stop(self, what: str, mark: Mark, **said: str) -> None:
        self.note(what, mark, **said)
        raise _Stop

    def document(self, events: Iterator[Event]) -> Node | None:
        """Build the one document of a stream."""
        self.events = events
        root: Node | None = None
        seen = False
        for event in events:
            if isinstance(event, DocumentStartEvent):
                mark = self.mark(event.start_mark)
                if seen:
                    self.stop(
                        "has more than one document", mark, allowed="one document a file", hint="take out the line ---"
                    )
                seen = True
                root = self.node(next(events), 1, ())
        return root

    def node(self, event: Any, depth: int, path: tuple[str, ...]) -> Node:
        """Build the node an event starts."""
        mark = self.mark(event.start_mark)
        if depth > MAX_DEPTH:
            self.stop("is nested too deeply", mark, allowed=f"at most {MAX_DEPTH} levels")
        if isinstance(event, AliasEvent):
            return self.alias(event, mark)
        self.count(1, mark)
        key = ".".join(path)
        if getattr(event, "tag", None) is not None:
            self.note(
                "has a tag",
                mark,
                key=key,
                got=str(event.tag)[:60],
                allowed="plain values without tags",
                hint="if ! belongs to the text, put quotes around it",
            )
        anchor = event.anchor
        if anchor is not None:
            self.anchors[anchor] = None
        if isinstance(event, ScalarEvent):
            made = Node(self.scalar(event, mark, key), mark)
        elif isinstance(event, MappingStartEvent):
            made = self.mapping(mark, depth, path)
        elif isinstance(event, SequenceStartEvent):
            made = self.sequence(mark, depth, path)
        else:
            raise ValueError("unexpected event")
        if anchor is not None:
            self.anchors[anchor] = made
        return made

    def count(self, nodes: int, mark: Mark) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self.stop("has too many values", mark, allowed=f"at most {MAX_NODES}, aliases counted in full")

    def alias(self, event: AliasEvent, mark: Mark) -> Node:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self.stop("has too many aliases", mark, allowed=f"at most {MAX_ALIASES}")
        if event.anchor not in self.anchors:
            hint = "an alias repeats a value marked &; if * belongs to the text, put quotes around it"
            self.stop("uses an alias that has no anchor", mark, got=f"*{event.anchor}"[:60], hint=hint)
        node = self.anchors[event.anchor]
        if node is None:
            self.stop("uses an alias inside itself", mark, got=f"*{event.anchor}")
        assert node is not None
        self.count(node.size, mark)
        return node

    def scalar(self, event: ScalarEvent, mark: Mark, key: str) -> Any:
        if event.style is not None:
            return self.whole(event.value, mark, key)
        try:
            return scalar(event.value)
        except ValueError as error:
            self.note(str(error), mark, key=key, got=event.value[:40], allowed="a finite number")
            return None

    def whole(self, text: str, mark: Mark, key: str) -> str:
        """Return text in whole characters: two halves written as escapes are joined, a single one is refused."""
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if "\N{REPLACEMENT CHARACTER}" in text:
                self.note(
                    "has half a character", mark, key=key, hint="both halves of \\uD83D\\uDD4A make one character"
                )
        return text

    def mapping(self, mark: Mark, depth: int, path: tuple[str, ...]) -> Node:
        made = Node({}, mark)
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                break
            key_mark = self.mark(event.start_mark)
            key = self.key(event, key_mark, path, made)
            inner = (*path, key if key is not None else "?")
            if key in made.value:
                first = made.keys[key].line  # type: ignore[index]
                self.note(
                    "is given twice",
                    key_mark,
                    key=".".join(inner),
                    hint=f"first on line {first}" if self.placed else "",
                )
            value = self.node(next(self.events), depth + 1, inner)
            made.size += value.size + 1
            if key is not None and key not in made.value:
                made.value[key] = value
                made.keys[key] = key_mark
        return made

    def key(self, event: Any, mark: Mark, path: tuple[str, ...], made: Node) -> str | None:
        """Return the key an event holds, or None (after noting why) when it cannot be one."""
        shown = ".".join(path)
        if not isinstance(event, ScalarEvent):
            hint = "if the brackets belong to a text, put quotes around it"
            self.stop("has a key that is not a name", mark, allowed="plain names as keys", hint=hint)
        self.count(1, mark)
        if event.tag is not None or event.anchor is not None:
            self.note("has a key with a tag or an anchor", mark, key=shown, allowed="plain names as keys")
        text = self.whole(str(event.value), mark, shown)
        if len(text) > MAX_KEY:
            self.stop("has a key that is too long", mark, allowed=f"at most {MAX_KEY} characters")
        if text == "<<" and event.style is None:
            self.note("uses a merge key", mark, key=shown, got="<<", hint="use extends: to build on another file")
            return None
        if event.style is None:
            try:
                name = scalar(text)
            except ValueError:
                name = None
            if not isinstance(name, str):
                self.note(
                    "has a key that is not a name",
                    mark,
                    key=shown,
                    got=text[:40] or "nothing",
                    allowed="plain names as keys",
                    hint=_key_hint(text, made),
                )
                return None
        return text

    def sequence(self, mark: Mark, depth: int, path: tuple[str, ...]) -> Node:
        made = Node([], mark)
        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                break
            inner = (*path[:-1], f"{path[-1]}[{len(made.value)}]") if path else (f"[{len(made.value)}]",)
            value = self.node(event, depth + 1, inner)
            made.size += value.size
            made.value.append(value)
        return made
