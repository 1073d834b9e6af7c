"""A stored experiment read back: its scenarios, the plan of some of its runs, and what changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sim.errors import InputError, Problem, SimError
from sim.experiment import (
    Ensemble,
    Plan,
    Store,
    StoreError,
    Variant,
    build_plan,
    read_ensemble,
    read_points,
)
from sim.experiment.plan import ENSEMBLE_FILE, copies_of
from sim.model.identity import model_hash
from sim.region import find_region, load_region
from sim.scenario import Scenario, Template, load_scenario, template_of


def no_results(folder: Path) -> Problem:
    """Say why a folder cannot be read as results."""
    if not folder.exists():
        return Problem("does not exist", file=str(folder), allowed="a folder of run, compare or sweep")
    return Problem("holds no results of this program", file=str(folder), allowed="a folder of run, compare or sweep")


@dataclass(frozen=True)
class StoredExperiment:
    """A folder of results and what its manifest says."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest; an InputError where there is none to read."""
        try:
            content = Store(self.folder).manifest()
        except StoreError as error:
            raise InputError(f"{error}; the command that made the folder makes it again") from None
        if not content:
            raise InputError(no_results(self.folder))
        return content

    def scenario(self, key: str) -> Scenario:
        """Load a scenario as it was resolved for the experiment."""
        return load_scenario(self.folder / "scenarios" / f"{key}.yaml")

    def source(self, key: str) -> Template | None:
        """Return the scenario as it was written, for points to change; None outside of sweeps."""
        entry = next(item for item in self.manifest["scenarios"] if item["key"] == key)
        return template_of(key, entry["written"]) if "written" in entry else None

    def region_hash(self, scenario: Scenario) -> str:
        """Return the hash of the region's tables as they are now."""
        return load_region(find_region(scenario.region), scenario.start_year).sha256

    @cached_property
    def copies(self) -> tuple[int, ...]:
        """How many equal points came before each point of a sweep's design."""
        factors = self.manifest.get("design", {}).get("factors")
        return tuple(copies_of(read_points(self.folder, factors))) if factors else (0,)

    @cached_property
    def ensemble(self) -> Ensemble | None:
        """The parameter points that replications drew from, as stored; None when all had the central values."""
        return read_ensemble(self.folder / ENSEMBLE_FILE) if "ensemble" in self.manifest else None

    @cached_property
    def variants(self) -> tuple[Variant, ...]:
        """Which of the scenarios are others under a stance of a rival theory."""
        return tuple(Variant(**entry) for entry in self.manifest.get("theories", ()))

    def point(self, recorded: str) -> dict[str, Any]:
        """Return what the design point set among the recorded parameters of a run; the others were drawn."""
        values: dict[str, Any] = json.loads(recorded)
        factors = {factor["key"] for factor in self.manifest.get("design", {}).get("factors", ())}
        return {key: value for key, value in values.items() if key in factors}

    def plan(self, key: str, point: Mapping[str, Any], replications: int, number: int = 0) -> Plan:
        """Plan the runs of one scenario and design point, with the model and the region there are now.

        ``number`` is the point's: a design may repeat a point, and the copies' runs have ids of their own.
        """
        scenario, source = self.scenario(key), self.source(key)
        return build_plan(
            [scenario],
            base_seed=self.manifest["base_seed"],
            replications=replications,
            citizens=self.manifest["citizens"],
            region_hash=self.region_hash(scenario),
            points=[point],
            templates={key: source} if source else None,
            copies=[self.copies[number]] if number < len(self.copies) else None,
            ensemble=self.ensemble,
        )

    def changes(self) -> list[str]:
        """Say what is not as it was when the runs were made; with any of it no stored run fits any more."""
        recorded, found = self.manifest, []
        if recorded["model_hash"] != model_hash():
            found.append(f"the model's sources: hash {recorded['model_hash'][:12]}, now {model_hash()[:12]}")
        for entry in recorded["scenarios"]:
            key = entry["key"]
            try:
                scenario = self.scenario(key)
            except SimError as error:
                found.append(f"scenario {key}: its stored text is not valid any more: {str(error).splitlines()[0]}")
                continue
            if scenario.content_hash() != entry["sha256"]:
                found.append(
                    f"scenario {key}: its stored text now means something else: "
                    f"hash {entry['sha256'][:12]}, now {scenario.content_hash()[:12]}"
                )
        found += self._region_changes()
        if "ensemble" in recorded and (self.ensemble is None or self.ensemble.sha256 != recorded["ensemble"]["sha256"]):
            found.append("the stored ensemble of parameters")
        return found

    def _region_changes(self) -> list[str]:
        region = self.manifest["region"]
        try:
            now = self.region_hash(self.scenario(self.manifest["scenarios"][0]["key"]))
        except SimError as error:
            return [f"region {region['key']}: cannot be read: {str(error).splitlines()[0]}"]
        if now == region["sha256"]:
            return []
        return [f"region {region['key']}: its tables: hash {region['sha256'][:12]}, now {now[:12]}"]

    def version_changes(self) -> list[str]:
        """Say which libraries have another version than the one the runs were made with."""
        found = []
        for name, old in self.manifest.get("versions", {}).items():
            try:
                now = version(name)
            except PackageNotFoundError:
                continue
            if now != old:
                found.append(f"{name} {old}, now {now}")
        return found
