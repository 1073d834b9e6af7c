"""The machine-readable log of a folder: one JSON object a line, appended; never part of the results."""

from __future__ import annotations

import contextlib
import datetime
import json
from dataclasses import dataclass
from pathlib import Path

LOG = "log.jsonl"


@dataclass(frozen=True)
class Log:
    """Appends events. A log that cannot be written costs a line, never a run."""

    folder: Path

    def write(self, event: str, **details: object) -> None:
        """Append one event with its time; events are start, batch, failure, lost, stop and finish."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": event, **details}, ensure_ascii=False) + "\n"
        with contextlib.suppress(OSError), (self.folder / LOG).open("ab+") as handle:
            if handle.tell() and not _ends_a_line(handle):
                line = "\n" + line  # the writer before was killed in the middle of one
            handle.write(line.encode())


def _ends_a_line(handle: object) -> bool:
    handle.seek(-1, 2)  # type: ignore[attr-defined]
    return bool(handle.read(1) == b"\n")  # type: ignore[attr-defined]
