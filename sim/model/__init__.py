"""One run of the model: a month as a list of phases, with the programmes and shocks of a scenario."""
