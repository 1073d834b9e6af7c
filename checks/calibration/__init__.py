"""Calibration on 1998-2010: seven parameters, eighteen statistics, history matching, an ensemble of points."""
