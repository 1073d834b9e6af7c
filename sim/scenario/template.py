"""A scenario as it is written, that design points change value by value before it is resolved.

A value changes what follows from it: a cost that the file leaves to the catalogue moves with the intensity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sim.errors import ScenarioError
from sim.parameters import CATALOGUE as PARAMETERS
from sim.scenario.layers import LABELLED, Layers, find_scenario, laid_over, read_layers
from sim.scenario.load import resolve_layers, scenario_key
from sim.scenario.records import Scenario
from sim.scenario.resolve import RegionCache
from sim.scenario.text import Mark, Node, node_of

PARAMETER = "parameters."

_REGIONS: RegionCache = {}
"""Regions of templates that came to a worker process, kept for its next tasks."""


@dataclass(frozen=True, eq=False)
class Template:
    """A scenario and the merged tree it was resolved from; small enough to send to a worker.

    ``marks`` says where each key that points set stands in a file, for messages.
    """

    base: Scenario
    root: Node
    marks: Mapping[str, Mark] = field(default_factory=dict, repr=False)
    regions: RegionCache = field(default_factory=dict, repr=False)

    @property
    def key(self) -> str:
        """The scenario's key."""
        return self.base.key

    def has(self, key: str) -> bool:
        """Tell whether a dotted key can act here."""
        return acts_in(self.root, key)

    def with_marks(self, marks: Mapping[str, Mark]) -> Template:
        """Return the template with places for the keys that points set."""
        return replace(self, marks=dict(marks))

    def at(self, point: Mapping[str, Any]) -> Scenario:
        """Resolve the scenario with a point's values; keys that cannot act here are passed over.

        Parameters
        ----------
        point : mapping
            Dotted key, as in ``--set``, to a number, a text or a list of texts.

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError
            With everything wrong with the values.
        """
        parameters = {key[len(PARAMETER) :]: value for key, value in point.items() if _plain_parameter(key, value)}
        others = {
            key: node_of(value, self.marks.get(key, Mark("")))
            for key, value in point.items()
            if not _plain_parameter(key, value) and self.has(key)
        }
        scenario = self.base
        if others:
            made, problems = resolve_layers(self.key, laid_over(self.root, others, self.base.files), self.regions)
            if made is None:
                raise ScenarioError(problems)
            scenario = made
        if parameters:
            merged = {**scenario.parameters, **{name: float(value) + 0.0 for name, value in parameters.items()}}
            scenario = replace(scenario, parameters=dict(sorted(merged.items())))
        return scenario

    def written(self) -> dict[str, Any]:
        """Return the tree as plain values; with the key it makes the same template again."""
        return {**self.root.plain(), "region": self.base.region}

    def __getstate__(self) -> dict[str, Any]:
        return {"base": self.base, "root": self.root, "marks": self.marks}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in {**state, "regions": _REGIONS}.items():
            object.__setattr__(self, name, value)


def load_template(path_or_name: str | Path, constants: Mapping[str, Node] | None = None) -> Template:
    """Load a scenario file or a shipped scenario, to be changed by points.

    Parameters
    ----------
    path_or_name : str or Path
        As in `load_scenario`.
    constants : mapping, optional
        Values that hold in every point, each a node with its place; keys that cannot act here are passed over.

    Raises
    ------
    ScenarioError
        With every problem of every file read.
    """
    path, regions = find_scenario(path_or_name), RegionCache()
    layers = read_layers(path)
    if layers.root is not None and constants:
        root = layers.root
        over = laid_over(root, {key: node for key, node in constants.items() if acts_in(root, key)}, layers.files)
        layers = replace(over, problems=[*layers.problems, *over.problems], complete=layers.complete)
    return _made(scenario_key(path), layers, regions)


def acts_in(root: Node, key: str) -> bool:
    """Tell whether a dotted key can act in a merged tree: one of a programme or shock that is not there cannot."""
    first, *rest = key.split(".")
    if first not in LABELLED or not rest:
        return True
    items = root.value.get(first)
    item = items.value.get(rest[0]) if items is not None and isinstance(items.value, dict) else None
    if item is None or item.value is None:
        return False
    return first != "packages" or rest[1:2] != ["interventions"] or acts_in(item, ".".join(rest[1:]))


def template_of(key: str, written: Mapping[str, Any]) -> Template:
    """Make a template again out of what `Template.written` returned."""
    return _made(key, Layers(node_of(dict(written), Mark(key)), [], True, {}), {})


def _made(key: str, layers: Layers, regions: RegionCache) -> Template:
    scenario, problems = resolve_layers(key, layers, regions)
    if scenario is None or layers.root is None:
        raise ScenarioError(problems)
    return Template(scenario, layers.root, regions=regions)


def _plain_parameter(key: str, value: Any) -> bool:
    """Tell whether a value needs no check beyond its bounds."""
    if not key.startswith(PARAMETER) or isinstance(value, bool) or not isinstance(value, int | float):
        return False
    known = PARAMETERS.get(key[len(PARAMETER) :])
    return known is not None and known.hard_low <= value <= known.hard_high
