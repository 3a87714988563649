"""Samples and oracles of every op, by family. `OPS` maps the name of an op to its OpInfo."""

from . import (  # noqa: F401
    aliases,
    binary,
    cells,
    conv,
    create,
    fourier,
    index,
    linear,
    loss,
    norm,
    pointwise,
    random,
    reduce,
    sampling,
    view,
)
from .core import OPS

__all__ = ["OPS"]
