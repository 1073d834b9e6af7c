"""Institutions: Mesa agents that observe, decide and act once a month.

Each file holds one kind of institution. ``decide`` turns a picture of the region into actions in plain
Python; a student can read any of them in a minute, and a subclass may replace it. Nobody sees another's
choice of this month.
"""
