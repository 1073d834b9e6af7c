"""Parameters of the model: one typed catalogue, and the values of one run."""

from sim.parameters.catalogue import CATALOGUE, Parameter, Parameters, as_record, parameters

__all__ = ["CATALOGUE", "Parameter", "Parameters", "as_record", "parameters"]
