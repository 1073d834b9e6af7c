"""Compiled kernels: arrays and scalars in, arrays and scalars out; no objects, no input or output.

Kernels trust their caller: shapes, dtypes and bounds are checked once, before. They draw no hidden random
numbers (see `draws`), use no library exp or log (see `elementary`) and no ``fastmath``, so that the same
input gives the same bytes on any processor, for any number of threads, compiled or not.
"""
