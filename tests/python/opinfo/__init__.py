"""Samples and oracles of every op, by family. `OPS` maps the name of an op to its OpInfo."""

from . import aliases, binary, cells, conv, create, fourier, index, linear, loss, norm, pointwise, random, reduce, view  # noqa: F401
from .core import OPS

__all__ = ["OPS"]
