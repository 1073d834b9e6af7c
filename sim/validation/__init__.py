"""Why believe the model, and where not: facts, docking, and the status that follows from them. Tables in, tables out."""

from sim.validation.status import results, status, stored

__all__ = ["results", "status", "stored"]
