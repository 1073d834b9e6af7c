"""Speed, measured as ratios in one run against something named: ``python -m tests.benchmarks [--quick]``."""
