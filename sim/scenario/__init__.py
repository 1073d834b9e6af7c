"""Scenario files: read safely, checked against a schema, resolved into plain records, and explained.

``text`` turns a file into nodes with places, ``schema`` says what it may hold, ``hints`` says what is wrong with it,
``layers`` merges what it extends, ``resolve`` makes the `Scenario` of ``records``, ``warn`` looks for what is odd, and
``explain`` writes it down again.
"""

from sim.scenario.explain import as_yaml, copy_examples, differences, new_study, resolved, resolved_yaml
from sim.scenario.layers import find_scenario, shipped_scenarios
from sim.scenario.records import Budget, Condition, Programme, Scenario, Shock, Targets, Trigger, target_cells
from sim.scenario.resolve import Template, load_scenario, load_template, template_of, validate_file
from sim.scenario.schema import json_schema

__all__ = [
    "Budget",
    "Condition",
    "Programme",
    "Scenario",
    "Shock",
    "Targets",
    "Template",
    "Trigger",
    "as_yaml",
    "copy_examples",
    "differences",
    "find_scenario",
    "json_schema",
    "load_scenario",
    "load_template",
    "new_study",
    "resolved",
    "resolved_yaml",
    "shipped_scenarios",
    "target_cells",
    "template_of",
    "validate_file",
]
