"""Calibration on 1998-2010: seven parameters, sixteen statistics, history matching, an ensemble of points."""
