"""Scenario files: read safely, check completely, resolve into plain records."""

from sim.scenario.diff import differences
from sim.scenario.explain import as_yaml, resolved, resolved_yaml
from sim.scenario.json_schema import json_schema
from sim.scenario.layers import shipped_scenarios
from sim.scenario.load import load_scenario, validate_file
from sim.scenario.new import copy_examples, new_study
from sim.scenario.places import target_cells
from sim.scenario.records import Budget, Condition, Programme, Scenario, Shock, Targets, Trigger
from sim.scenario.template import Template, load_template, template_of

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
