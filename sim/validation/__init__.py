"""Why believe the model, and where not: facts, docking, and the status that follows from them. Tables in, tables out."""

from sim.validation.standing import results, status, stored

__all__ = ["results", "status", "stored"]
