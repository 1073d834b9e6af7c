"""The experiment that a report is about, read from the manifest of its folder: nothing is loaded or run again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sim.experiment.plan import CENTRAL, ENSEMBLE_FILE, SHIPPED
from sim.plots import Note, Picture
from sim.status import status

EMPTY = pd.DataFrame()


@dataclass(frozen=True, eq=False)
class Study:
    """An experiment as its manifest describes it.

    ``done`` and ``failed`` count the runs that are stored now, ``points`` the design points of a sweep.
    """

    manifest: Mapping[str, Any]
    done: int
    failed: int
    points: int = 1

    @property
    def kind(self) -> str:
        """Return run, compare or sweep."""
        return str(self.manifest.get("kind", "run"))

    @property
    def _given(self) -> list[dict[str, Any]]:
        """Scenarios as they were given, without their variants under rival theories."""
        derived = {entry["key"] for entry in self.manifest.get("theories", ())}
        return [entry for entry in self.manifest.get("scenarios", []) if entry["key"] not in derived]

    @property
    def theories(self) -> tuple[str, ...]:
        """Rival theories under which the comparison ran again."""
        return tuple(dict.fromkeys(str(entry["theory"]) for entry in self.manifest.get("theories", ())))

    @property
    def titles(self) -> dict[str, str]:
        """Map scenario key to display title, the baseline first."""
        ordered = sorted(self._given, key=lambda entry: str(entry["key"]) != self.baseline)
        return {str(entry["key"]): str(entry.get("title") or entry["key"]) for entry in ordered}

    @property
    def others(self) -> dict[str, str]:
        """Scenarios that are compared with the baseline."""
        return {key: title for key, title in self.titles.items() if key != self.baseline}

    def title(self, key: object) -> str:
        """Return the display title of a scenario, its key where it has none."""
        return self.titles.get(str(key), str(key))

    @property
    def baseline(self) -> str:
        """Key of the reference scenario."""
        return str(self.manifest.get("baseline", ""))

    @property
    def resolved(self) -> dict[str, dict[str, Any]]:
        """Map scenario key to the resolved scenario."""
        return {str(entry["key"]): dict(entry.get("resolved", {})) for entry in self._given}

    @property
    def total(self) -> int:
        """Number of runs the experiment has when it is complete."""
        planned = self.manifest.get("planned")
        return int(planned or self.manifest.get("replications", 1) * len(self.titles) * self.points)

    @property
    def unfinished(self) -> bool:
        """Tell whether runs are missing: waiting, running or never started."""
        return self.done + self.failed < self.total

    @property
    def months(self) -> int:
        """Length of a run."""
        return int(self.resolved[self.baseline].get("months", 0))

    @property
    def start(self) -> tuple[int, int]:
        """Year and month of month 0."""
        year, month = str(self.resolved[self.baseline].get("start", "2024-01")).split("-")[:2]
        return int(year), int(month)

    @property
    def design(self) -> Mapping[str, Any]:
        """Design of a sweep; empty for a run and a comparison."""
        return dict(self.manifest.get("design") or {})

    @property
    def drawn(self) -> int:
        """Parameter sets of the ensemble that replications drew from; 0: central values."""
        return int(dict(self.manifest.get("ensemble") or {}).get("points", 0))

    @property
    def command(self) -> str:
        """The command that makes the same results again from the stored files; DIR is their folder."""
        if self.kind == "sweep":
            return "stabsim sweep DIR --out DIR-again"
        files = [f"DIR/scenarios/{key}.yaml" for key in self.titles]
        words = ["stabsim", self.kind, *files, "--replications", self.manifest.get("replications", 1)]
        words += ["--seed", self.manifest.get("base_seed", 0), "--citizens", self.manifest.get("citizens", "")]
        if self.theories:
            words += ["--theories", ",".join(self.theories)]
        if self.drawn:
            words += ["--parameters", f"DIR/{ENSEMBLE_FILE}"]
        elif self.kind == "compare" and SHIPPED.is_file():
            words += ["--parameters", CENTRAL]
        return shlex.join(str(word) for word in words)

    def note(self, keys: list[str], baseline: bool = True) -> Note:
        """Provenance for captions."""
        titles = self.titles
        return Note(
            ", ".join(titles[key] for key in keys),
            int(self.manifest.get("replications", 1)),
            int(self.manifest.get("base_seed", 0)),
            str(self.manifest.get("version", "")),
            self.manifest.get("citizens", ""),
            titles[self.baseline] if baseline else "",
            str(self.manifest.get("model_hash", "")),
            self.drawn,
        )

    @property
    def status(self) -> str:
        """Validation status of the model that made these numbers."""
        return status(str(self.manifest.get("model_hash", "")))


@dataclass(frozen=True, eq=False)
class Material:
    """Everything a report is made from.

    ``tables`` are those of the folder by name (``effects``, ``cost_effectiveness``, ``districts`` ...; what is
    absent is left out of the report), ``texts`` the resolved scenarios as YAML by key, ``remarks`` what could
    not be done and why.
    """

    study: Study
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def table(self, name: str) -> pd.DataFrame:
        """Return a table, empty when there is none."""
        return self.tables.get(name, EMPTY)
