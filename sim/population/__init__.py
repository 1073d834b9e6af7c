"""Citizens: who lives where, in which community, with which traits."""

from sim.population.synthesis import Population, minimum_citizens, synthesise

__all__ = ["Population", "minimum_citizens", "synthesise"]
