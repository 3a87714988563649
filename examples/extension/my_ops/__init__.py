"""Ops for plait, written in C++."""

from importlib.util import find_spec

import plait

plait.ops.load_library(find_spec("my_ops._ops").origin)
squareplus = plait.ops.my_ops.squareplus
squareplus_ = plait.ops.my_ops.squareplus_

__all__ = ["squareplus", "squareplus_"]
