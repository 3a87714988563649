"""Tools around training: data loading, activation checkpointing, file formats."""

import os as _os

from .. import _C
from . import checkpoint, data

__all__ = ["benchmark", "checkpoint", "cmake_prefix_path", "cpp_extension", "data", "dlpack", "safetensors"]

cmake_prefix_path: str = _os.path.dirname(_os.path.abspath(_C.__file__))
"""Where CMake's find_package(plait) looks: -DCMAKE_PREFIX_PATH=<this>."""


def __getattr__(name: str):
    if name == "hooks":  # PyTorch's home of what registering a hook returns
        from .. import _handles

        return _handles
    # Few programs need them, and they are not worth their import time to the others.
    if name in (
        "_contextlib",
        "_python_dispatch",
        "_pytree",
        "benchmark",
        "bottleneck",
        "cpp_extension",
        "dlpack",
        "flop_counter",
        "model_zoo",
        "module_tracker",
        "safetensors",
        "tensorboard",
        "weak",
    ):
        from importlib import import_module

        return import_module("." + name, __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
