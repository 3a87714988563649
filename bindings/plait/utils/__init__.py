"""Tools around training: data loading, activation checkpointing, file formats."""

import os as _os

from .. import _C
from . import checkpoint, data

__all__ = [
    "benchmark",
    "checkpoint",
    "cmake_prefix_path",
    "cpp_extension",
    "data",
    "dlpack",
    "safetensors",
    "set_module",
    "swap_tensors",
]

cmake_prefix_path: str = _os.path.dirname(_os.path.abspath(_C.__file__))
"""Where CMake's find_package(plait) looks: -DCMAKE_PREFIX_PATH=<this>."""


def set_module(obj: object, mod: str) -> None:
    """Says that a class or function belongs to the module of that name, for its repr.

    >>> def f(): ...
    >>> plait.utils.set_module(f, "elsewhere")
    >>> f.__module__
    'elsewhere'
    """
    if not isinstance(mod, str):
        raise TypeError(f"set_module: expected the name of a module, got {type(mod).__name__}")
    obj.__module__ = mod


def swap_tensors(t1: _C.Tensor, t2: _C.Tensor) -> None:
    """Swaps the contents of two leaves: values, gradients, classes and attributes. Each object stays itself.

    Raises RuntimeError for tensors that were computed from others.

    >>> a, b = plait.zeros(2), plait.ones(3)
    >>> plait.utils.swap_tensors(a, b)
    >>> a
    tensor([1., 1., 1.])
    """
    for name, t in (("t1", t1), ("t2", t2)):
        if not isinstance(t, _C.Tensor):
            raise TypeError(f"swap_tensors: expected {name} to be a Tensor, got {type(t).__name__}")
        if t.grad_fn is not None or t._base is not None:
            raise RuntimeError(f"swap_tensors: expected leaves, but {name} was computed from others")
    contents = [(t.data, t.grad, t.requires_grad, type(t), dict(vars(t))) for t in (t2, t1)]
    for t in (t1, t2):
        t.grad = None
        t.requires_grad_(False)
    for t, (values, grad, requires_grad, kind, attributes) in zip((t1, t2), contents):
        t.data = values
        t.__class__ = kind
        vars(t).clear()
        vars(t).update(attributes)
        t.requires_grad_(requires_grad)
        t.grad = grad


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
