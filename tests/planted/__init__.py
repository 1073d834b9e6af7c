"""Planted bugs: plausible scientific mistakes, one at a time, that the fast tests must catch (``python -m tests.long planted``)."""
