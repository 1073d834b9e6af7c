"""Parameters of the model: one typed catalogue, and the values of one run."""

from sim.parameters.catalogue import CATALOGUE, Parameter, Parameters, parameters

__all__ = ["CATALOGUE", "Parameter", "Parameters", "parameters"]
