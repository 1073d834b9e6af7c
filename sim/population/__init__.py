"""Citizens: who lives where, in which community, with which traits."""

from sim.population.synthesis import Population, load_population, minimum_citizens, synthesise

__all__ = ["Population", "load_population", "minimum_citizens", "synthesise"]
