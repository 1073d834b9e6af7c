"""The twin: the rules of the model read one citizen at a time, in plain Python, run by Mesa.

The compiled core (`sim.kernels`) is fast and hard to read. This is the same model the other way round: one
Mesa agent per citizen, plain objects for places, no arrays. From the kernels it takes the random draws and
nothing else, so that a rule that is wrong in one of the two shows as a difference (`tests/test_twin.py`).
Read `model.py` first, then `citizen.py`, `places.py` and `fields.py`.
"""

from .model import TwinModel
from .sampler import BulkSampler, Sampler

__all__ = ["BulkSampler", "Sampler", "TwinModel"]
